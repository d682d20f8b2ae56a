"""A number moves along its arrow to where the texts show it: against the arrow in the backward pass."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import console, resize
from graphs import diamond
from pages import begins, click, loss_of_one_passenger, open_page, press
from selenium.webdriver import Chrome, Keys

from microgrid import Value, backward_steps
from microgrid.names import short

MOVEMENTS = "document.getAnimations().filter((one) => one.effect.target.closest('.graph'))"
NEXT_FRAME = "requestAnimationFrame(() => requestAnimationFrame(arguments[0]))"
JOINS_X = 7  # of the diamond, y = x · w + x: the step in which x receives its second contribution, -2


@pytest.fixture
def page(browser: Chrome, tmp_path: Path) -> Iterator[Chrome]:
    """The browser on the page of the diamond; it must have had nothing to complain about at the end."""
    resize(browser, 1280, 800)
    open_page(browser, diamond()[2], tmp_path)
    browser.execute_async_script(NEXT_FRAME)  # by then the graph has its place
    yield browser
    assert console(browser) == []


def go(page: Chrome, number: int) -> None:
    page.execute_script("microgrid.go(arguments[0])", number)


def arrive(page: Chrome, number: int) -> None:
    """Come to a step by one step forward, and stop the clock of what moves in the graph."""
    go(page, number - 1)
    page.execute_script(
        f"""
        document.getElementById("next").click();
        for (const one of {MOVEMENTS}) one.pause();
        for (const one of document.getAnimations()) if (one.playState === "running") one.finish();
        """
    )


def moving(page: Chrome) -> int:
    return int(page.execute_script(f"return {MOVEMENTS}.length"))


def frames(page: Chrome) -> list[dict[str, Any]]:
    """What is seen of the pills, from beginning to end: text, its height, and the middle, in pixels."""
    found = page.execute_script(
        f"const all = {MOVEMENTS};"
        """
        const end = Math.max(...all.map((one) => one.effect.getComputedTiming().endTime));
        const frames = [];
        for (let i = 0; i < 60; i++) {
          for (const one of all) one.currentTime = end * i / 60;
          for (const pill of document.querySelectorAll(".pill")) {
            if (getComputedStyle(pill).opacity !== "1") continue;
            const { left, right, top, bottom } = pill.getBoundingClientRect();
            const font = pill.querySelector("text").getBoundingClientRect().height;
            frames.push({ text: pill.textContent, x: (left + right) / 2, y: (top + bottom) / 2, font });
          }
        }
        return frames;
        """
    )
    assert isinstance(found, list)
    return found


def place(page: Chrome, selector: str) -> dict[str, float]:
    found = page.execute_script(
        "return document.querySelector(arguments[0]).getBoundingClientRect().toJSON()", selector
    )
    assert isinstance(found, dict)
    return found


def is_within(point: dict[str, Any], rect: dict[str, float], margin: float = 4) -> bool:
    return bool(
        rect["left"] - margin <= point["x"] <= rect["right"] + margin
        and rect["top"] - margin <= point["y"] <= rect["bottom"] + margin
    )


def contributions(page: Chrome) -> str:
    """The contributions at the box of the operand."""
    return str(page.execute_script("return document.querySelector('.graph > .contributions').textContent"))


def seen(page: Chrome, selector: str) -> list[str]:
    """The texts of the elements that are not transparent."""
    found = page.execute_script(
        """
        return [...document.querySelectorAll(arguments[0])].filter((one) => {
          const { opacity, fillOpacity } = getComputedStyle(one);
          return opacity === "1" && fillOpacity === "1";
        }).map((one) => one.textContent);
        """,
        selector,
    )
    assert isinstance(found, list)
    return found


# The way


def test_the_gradient_goes_against_the_arrow_from_the_node_to_the_operand(page: Chrome) -> None:
    arrive(page, JOINS_X)
    path = frames(page)
    assert is_within(path[0], place(page, "#node-3")), "begins in v1, which gives"
    assert is_within(path[0], place(page, "#a_grad-3 text:last-child"), 12), "begins at its gradient"
    slot = place(page, ".graph > .contributions")
    assert is_within(path[-1], slot, 12), "ends in the pile of x"
    xs = [point["x"] for point in path[: len(path) * 8 // 10]]
    assert xs[0] > xs[len(xs) // 2] > xs[-1]
    arrow = place(page, "#edge-3-0 path")
    on_it = [point for point in path if is_within(point, arrow)]
    assert len(on_it) > 20
    assert on_it[0]["x"] - on_it[-1]["x"] > 0.8 * arrow["width"]


def test_the_pill_follows_the_curve_of_its_arrow(browser: Chrome, tmp_path: Path) -> None:
    root = loss_of_one_passenger()
    resize(browser, 1280, 800)
    open_page(browser, root, tmp_path)
    browser.execute_async_script(NEXT_FRAME)
    for number in (begins(root) + 18, begins(root) + 62):
        arrive(browser, number)
        away = browser.execute_script(
            """
            const path = document.querySelector(".is-local_grad path");
            const { a, b, c, d, e, f } = path.getScreenCTM();
            return Array.from({ length: 200 }, (_, i) => {
              const { x, y } = path.getPointAtLength(path.getTotalLength() * i / 199);
              return [a * x + c * y + e, b * x + d * y + f];
            });
            """
        )
        path = frames(browser)
        for text in {point["text"] for point in path}:
            nearest = min(
                math.dist((x, y), (one["x"], one["y"]))
                for one in path
                for x, y in away
                if one["text"] == text
            )
            assert nearest < 3
        # It leaves the curve only within the boxes at its ends.
        ends = [place(browser, ".node.is-node"), place(browser, ".node.is-operand")]
        for one in path:
            on_curve = min(math.dist((x, y), (one["x"], one["y"])) for x, y in away) < 6
            assert on_curve or any(is_within(one, end, 20) for end in ends), one
    assert console(browser) == []


def test_the_gradient_is_multiplied_by_the_local_gradient_as_it_passes_it(page: Chrome) -> None:
    arrive(page, JOINS_X)
    path = frames(page)
    assert list(dict.fromkeys(point["text"] for point in path)) == ["1", "1 · (-2)", "-2"]
    passing = [point for point in path if point["text"] == "1 · (-2)"]
    assert is_within(passing[0], place(page, "#a_edge-3-0-label text"), 30)
    arrive(page, JOINS_X + 1)
    colours = page.execute_script(
        """
        return [...document.querySelectorAll(".pill")].map((pill) => [pill, ...pill.querySelectorAll("tspan")]
          .map((part) => getComputedStyle(part === pill ? pill.querySelector("rect") : part).fill));
        """
    )
    node, operand, local_grad = "rgb(11, 92, 173)", "rgb(176, 74, 0)", "rgb(122, 53, 150)"
    assert [colour[0] for colour in colours] == [node, "rgb(255, 255, 255)", operand]
    assert colours[1][1::2] == [node, local_grad]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_marked_arrow_has_its_head_at_the_operand_in_the_backward_pass_alone(
    page: Chrome, scheme: str
) -> None:
    resize(page, 1280, 800, dark=scheme == "dark")
    heads = []
    for number in (3, JOINS_X):
        go(page, number)
        heads.append(
            page.execute_script(
                """
                const arrow = document.querySelector(".edge.is-local_grad");
                const head = getComputedStyle(arrow.querySelector("polygon"));
                const line = getComputedStyle(arrow.querySelector("path"));
                return [line.markerStart, head.fill === line.stroke];
                """
            )
        )
    assert heads == [["none", True], ['url("#to-operand")', False]]
    resize(page, 1280, 800)


def test_in_the_forward_pass_the_operands_numbers_go_along_the_arrows_into_the_result(page: Chrome) -> None:
    arrive(page, 3)
    assert seen(page, "#a_data-4 text:last-of-type") == []
    path = frames(page)
    starts = {text: next(point for point in path if point["text"] == text) for text in ("-6", "3")}
    ends = {text: [point for point in path if point["text"] == text][-1] for text in ("-6", "3")}
    assert is_within(starts["-6"], place(page, "#a_data-3 text:last-child"), 12)
    assert is_within(starts["3"], place(page, "#a_data-1 text:last-child"), 12)
    assert all(is_within(end, place(page, "#a_data-4 text:last-child"), 12) for end in ends.values())
    assert {point["text"] for point in path} == {"-6", "3"}


def test_a_node_as_a_step_lets_all_its_contributions_come_together(page: Chrome) -> None:
    page.execute_script("stepBy('node'); microgrid.go(6)")
    arrive(page, JOINS_X)
    path = frames(page)
    assert {point["text"] for point in path} == {"1", "1 · 1", "1 · (-2)", "-2"}
    assert contributions(page) == "1 + (-2) = -1"


def test_two_equal_contributions_that_come_together_have_a_place_each(
    browser: Chrome, tmp_path: Path
) -> None:
    x = Value(3.0, label="x")
    open_page(browser, x + x, tmp_path)
    browser.execute_async_script(NEXT_FRAME)
    browser.execute_script("stepBy('node')")
    arrive(browser, 5)
    assert contributions(browser) == "1 + 1 = 2"
    ends = {round(point["x"]) for point in frames(browser)[-2:]}
    assert len(ends) == 2
    assert console(browser) == []


@pytest.mark.parametrize("scale", [0.2, 0.5, 1, 3])
def test_a_pill_can_be_read_at_every_zoom(page: Chrome, scale: float) -> None:
    page.execute_script("zoom(arguments[0] / view.scale)", scale)
    arrive(page, JOINS_X)
    assert min(point["font"] for point in frames(page)) >= 13


# The pile


def test_contributions_stay_visible_one_by_one_and_those_to_come_are_empty_slots(page: Chrome) -> None:
    shown = []
    for number in range(9):
        go(page, number)
        shown.append(contributions(page))
    assert shown[4:] == ["", "", "1 + ▢", "1 + (-2) = -1", ""]
    assert shown[:4] == [""] * 4


def test_contributions_are_those_of_backward_steps(browser: Chrome, tmp_path: Path) -> None:
    root = loss_of_one_passenger()
    open_page(browser, root, tmp_path)
    received: dict[Value, list[str]] = {}
    for number, step in enumerate(backward_steps(root), begins(root) + 1):
        written = short(step.contribution)
        so_far = received.setdefault(step.operand, [])
        so_far.append(f"({written})" if so_far and written.startswith("-") else written)
        go(browser, number)
        shown, _, end = contributions(browser).partition(" = ")
        if step.uses == 1:
            assert shown == ""
        else:
            assert shown.split(" + ") == so_far + ["▢"] * (step.uses - step.nth)
            assert end == (short(step.after) if step.nth == step.uses else "")
    assert console(browser) == []


def test_of_many_contributions_those_about_the_latest_are_shown(browser: Chrome, tmp_path: Path) -> None:
    x = Value(2.0, label="x")
    root = Value.sum([x * k for k in (1.5, -2, 3, 4, 5, 6, 7)])
    open_page(browser, root, tmp_path)
    last = begins(root) + 14
    shown = []
    for number in range(last - 6, last + 1):
        go(browser, number)
        shown.append(contributions(browser))
    assert shown[0] == "7 + ▢ + ▢ + …"
    assert shown[3] == "… + 5 + 4 + ▢ + …"
    assert shown[6] == "… + 3 + (-2) + 1.5 = 24.5"


def test_contributions_follow_a_changed_number(page: Chrome) -> None:
    go(page, JOINS_X)
    page.execute_script("microgrid.set('w', 5)")
    assert contributions(page) == "1 + 5 = 6"


def test_contributions_hide_no_box_and_no_number_of_an_arrow_where_there_is_room(page: Chrome) -> None:
    for width, height in ((1280, 800), (1280, 620), (700, 900)):
        resize(page, width, height)
        page.execute_async_script(NEXT_FRAME)
        for number in (6, JOINS_X):
            go(page, number)
            pile = place(page, ".graph > .contributions")
            frame = place(page, "#graph")
            assert frame["left"] <= pile["left"] and pile["right"] <= frame["right"]
            assert frame["top"] <= pile["top"] and pile["bottom"] <= frame["bottom"]
            others = page.execute_script(
                "return [...document.querySelectorAll('.node text, .edge text, .tag:not(.is-idle)')]"
                ".map((one) => one.getBoundingClientRect().toJSON())"
            )
            for other in others:
                assert (
                    other["right"] <= pile["left"]
                    or pile["right"] <= other["left"]
                    or other["bottom"] <= pile["top"] + 2
                    or pile["bottom"] <= other["top"] + 2
                )


def test_the_quiz_hides_the_contribution_until_it_is_answered_and_then_lets_it_come(page: Chrome) -> None:
    click(page, "ask")
    arrive(page, JOINS_X)
    assert moving(page) == 0
    assert contributions(page) == "1 + ▢"
    assert "-2" not in "".join(seen(page, "#pills *"))
    page.execute_script("document.getElementById('answer').focus()")
    press(page, "-2", Keys.ENTER)
    assert moving(page) > 0
    assert contributions(page) == "1 + (-2) = -1"


# When


def test_texts_say_the_end_at_once_and_are_seen_when_the_number_has_arrived(page: Chrome) -> None:
    arrive(page, JOINS_X)
    grad = "#a_grad-1 text:last-of-type"
    said = page.execute_script(f"return document.querySelector('{grad}').textContent")
    assert (said, contributions(page)) == ("-1", "1 + (-2) = -1")
    assert page.execute_script("return boxes[0].gradCell.textContent") == "-1"
    assert seen(page, ".is-held") == ["1", "1 + ▢"]
    assert seen(page, f"{grad}, .graph > .contributions") == []
    page.execute_script(f"for (const one of {MOVEMENTS}) one.finish()")
    page.execute_async_script(NEXT_FRAME)
    assert seen(page, f"{grad}, .graph > .contributions") == ["-1", "1 + (-2) = -1"]
    assert page.execute_script("return document.getElementById('pills').childElementCount") == 0


@pytest.mark.parametrize("speed", ["", "0.5", "1", "2", "5", "20"])
def test_a_movement_takes_less_than_a_second_and_less_than_its_step(page: Chrome, speed: str) -> None:
    go(page, JOINS_X - 1)
    if speed:
        page.execute_script("document.getElementById('speed').value = arguments[0]", speed)
        click(page, "play")
    else:
        click(page, "next")
    end = page.execute_async_script(
        f"const movements = () => {MOVEMENTS};"
        """
        const [tell] = arguments;
        const look = () => {
          const ends = movements().map((one) => one.effect.getComputedTiming().endTime);
          if (ends.length) tell(Math.max(...ends));
          else requestAnimationFrame(look);
        };
        look();
        """
    )
    assert 0 < end < 1000
    if speed:
        assert end < 1000 / float(speed)
    page.execute_script("pause()")


@pytest.mark.parametrize("key", [Keys.ARROW_LEFT, Keys.HOME, "0", Keys.SHIFT])
def test_the_next_key_ends_a_movement(page: Chrome, key: str) -> None:
    arrive(page, JOINS_X)
    assert moving(page) > 0
    press(page, key)
    assert moving(page) == 0
    assert page.execute_script("return document.getElementById('pills').childElementCount") == 0


def test_the_next_step_ends_a_movement_and_begins_its_own(page: Chrome) -> None:
    arrive(page, JOINS_X)
    count = moving(page)
    press(page, Keys.ARROW_RIGHT)
    assert 0 < moving(page) < count
    assert {point["text"] for point in frames(page)} == {"1", "1 · 3", "3"}


def test_reduced_motion_has_no_movement(page: Chrome) -> None:
    resize(page, 1280, 800, still=True)
    for number in range(1, 9):
        arrive(page, number)
        assert moving(page) == 0
    assert page.execute_script("return document.querySelectorAll('#pills > *').length") == 0
    resize(page, 1280, 800)


def test_a_jump_has_no_movement(page: Chrome) -> None:
    arrive(page, 8)
    for script in (
        "document.getElementById('back').click()",
        "microgrid.go(8)",
        "document.getElementById('first').click()",
        "slider.value = 7; slider.dispatchEvent(new Event('input'))",
        "document.querySelector('#rows tbody tr').click()",
        "document.getElementById('backward').click()",
        "document.getElementById('last').click()",
        "document.getElementById('next').click()",  # at the last step
        "stepBy('node')",
    ):
        page.execute_script(script)
        assert moving(page) == 0, script
    page.get(page.current_url.split("#")[0] + "#step=7")
    assert moving(page) == 0


def test_a_box_as_a_step_has_no_movement_of_its_many_numbers(browser: Chrome, tmp_path: Path) -> None:
    open_page(browser, loss_of_one_passenger(), tmp_path)
    browser.execute_script("stepBy('box')")
    counts = []
    while not browser.execute_script("return current === last"):
        browser.execute_script("document.getElementById('next').click()")
        counts.append(browser.execute_script("return document.querySelectorAll('.pill').length"))
        if browser.execute_script("return scene().kind === 'box'"):
            assert counts[-1] == 0
    assert max(counts) <= 60
    assert console(browser) == []


def test_a_dragged_number_starts_no_movement_and_ends_one(page: Chrome) -> None:
    arrive(page, JOINS_X)
    page.execute_script("change(boxes[0], 4)")
    assert moving(page) == 0
