"""The page shows backward's numbers at every step, obeys every control and key, and runs no label as code."""

import math
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from browser import console, requests, resize
from graphs import diamond, random_graphs
from hypothesis import HealthCheck, given, settings
from pages import (
    ATTACKS,
    assert_numbers,
    begins,
    box,
    chain_of_a_thousand,
    click,
    drawn,
    go,
    loss_of_one_passenger,
    neuron,
    numbers_in_table,
    open_page,
    parts,
    press,
    shared,
    step_shown,
    text,
    wait_for_address,
)
from selenium.webdriver import ActionChains, Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

import microgrid
from microgrid import Value, backward_steps, show, topological_order, write_page
from microgrid.names import short
from microgrid.page import SCRIPTS
from titanic.__main__ import main
from titanic.network import Network


def test_the_scripts_of_a_page_declare_no_name_twice() -> None:
    # They are one script in the page, where the later of two functions would take the place of the other.
    scripts = [(Path(microgrid.__file__).parent / name).read_text(encoding="utf-8") for name in SCRIPTS]
    names = re.findall(r"^(?:async )?(?:function|const|let|class) (\w+)", "\n".join(scripts), re.MULTILINE)
    assert len(names) > 100
    assert [name for name in names if names.count(name) > 1] == []


# The numbers


@pytest.mark.parametrize("graph", [neuron, shared, loss_of_one_passenger])
def test_the_last_step_shows_the_numbers_of_backward(
    graph: Callable[[], Value], browser: Chrome, tmp_path: Path
) -> None:
    root = graph()
    open_page(browser, root, tmp_path, "#step=99999")
    root.backward()
    assert_numbers(browser, root)
    assert console(browser) == []


def test_any_step_shows_the_numbers_of_backward_steps(browser: Chrome, tmp_path: Path) -> None:
    root = loss_of_one_passenger()
    open_page(browser, root, tmp_path)
    steps = list(backward_steps(root))
    for done in Random(0).sample(range(1, len(steps) + 1), 8):
        step = steps[done - 1]
        go(browser, begins(root) + done)
        assert text(browser, "pass") == f"Backward pass, step {done} of {len(steps)}"
        assert f"{text(browser, 'names')} {text(browser, 'numbers')}" == str(step)
        assert text(browser, "sentence") == step.sentence()
        assert step.place() in text(browser, "tally")
        assert_numbers(browser, root, {root: 1.0} | {step.operand: step.after for step in steps[:done]})


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(random_graphs(max_nodes=15))
def test_random_graphs_show_the_numbers_of_backward(browser: Chrome, tmp_path: Path, root: Value) -> None:
    open_page(browser, root, tmp_path, "#step=99999")
    root.backward()
    assert_numbers(browser, root)
    assert console(browser) == []


def test_inf_and_nan_are_told_like_any_other_number(browser: Chrome, tmp_path: Path) -> None:
    x = Value(0.0, label="x")
    root = Value.sum([x.sqrt(), Value(math.inf) * x, Value(-math.inf)])
    open_page(browser, root, tmp_path, "#step=99999")
    root.backward()
    assert_numbers(browser, root)
    assert {"inf", "-inf", "nan"} <= {number for row in numbers_in_table(browser) for number in row}
    assert console(browser) == []


def test_the_forward_pass_gives_the_leaves_and_then_each_result_its_number(page: Chrome) -> None:
    data = [short(node.data) for node in drawn(neuron())]
    for number, known in enumerate([0, 2, 3, 4, 5]):
        go(page, number)
        assert [row[1] for row in numbers_in_table(page)] == data[:known] + [""] * (5 - known)
        assert [row[2] for row in numbers_in_table(page)] == [""] * 5
    assert text(page, "pass") == "Forward pass, result 3 of 3"
    assert text(page, "names") == "y = relu(v2)"
    assert text(page, "numbers") == "= relu(1) = 1"
    go(page, 2)
    assert text(page, "names") + text(page, "numbers") == "v1 = x · w= 2 · (-3) = -6"
    go(page, 1)
    assert (text(page, "names"), text(page, "sentence")) == (
        "x = 2, w = -3",
        "2 leaves: their numbers are given.",
    )


def test_writing_a_page_leaves_the_grads_as_they_are(tmp_path: Path) -> None:
    root = neuron()
    root.backward()
    root.grad = 5.0
    before = [node.grad for node in topological_order(root)]
    write_page(root, tmp_path / "page.html")
    show(root)
    assert [node.grad for node in topological_order(root)] == before


def test_a_leaf_alone_has_a_page(browser: Chrome, tmp_path: Path) -> None:
    open_page(browser, Value(2.0), tmp_path, "#step=99999")
    assert numbers_in_table(browser) == [["v1", "2", "1", "2", "1"]]
    assert step_shown(browser) == 2
    assert console(browser) == []


def test_a_constant_alone_has_a_page(browser: Chrome, tmp_path: Path) -> None:
    (constant,) = Value.sum([2.0]).operands
    open_page(browser, constant, tmp_path, "#step=99999")
    assert numbers_in_table(browser) == [["2", "2", "1", "2", "1"]]
    assert console(browser) == []


# What is said


def said(browser: Chrome, root: Value, folder: Path) -> list[tuple[str, str, str]]:
    """The names, the numbers and the sentence of each step of the page."""
    open_page(browser, root, folder)
    steps = browser.execute_script(
        """
        return positions.map((_, number) => {
          current = number;
          const { names, numbers, sentence } = saidOf();
          return [textOf(names), textOf(numbers), sentence];
        });
        """
    )
    return [tuple(step) for step in steps]


def test_both_passes_are_said_in_names_in_numbers_and_in_english(browser: Chrome, tmp_path: Path) -> None:
    *_, y = diamond()
    assert said(browser, y, tmp_path) == [
        (
            "y = v1 + x",
            "",
            "The forward pass gives 4 Values a number, operands before results; "
            "the backward pass then adds 4 contributions to their gradients.",
        ),
        ("x = 3, w = -2", "", "2 leaves: their numbers are given."),
        ("v1 = x · w", "3 · (-2) = -6", "v1 is computed from its operands: x · w is -6."),
        ("y = v1 + x", "-6 + 3 = -3", "y is computed from its operands: v1 + x is -3."),
        ("y.grad = 1", "", "y grows exactly as fast as itself, so its gradient is 1; all others start at 0."),
        *(
            (names, numbers, step.sentence())
            for step, (names, numbers) in zip(
                backward_steps(y),
                [
                    ("v1.grad += y.grad · ∂y/∂v1", "1 · 1 = 1; v1.grad = 1"),
                    ("x.grad += y.grad · ∂y/∂x", "1 · 1 = 1; x.grad = 1"),
                    ("x.grad += v1.grad · ∂v1/∂x", "1 · (-2) = -2; x.grad = 1 + (-2) = -1"),
                    ("w.grad += v1.grad · ∂v1/∂w", "1 · 3 = 3; w.grad = 3"),
                ],
                strict=True,
            )
        ),
    ]


def test_a_constant_is_written_as_its_number_and_has_no_box_row_or_step(
    browser: Chrome, tmp_path: Path
) -> None:
    x = Value(2.0, label="x")
    y = 3 * x + 1
    y.label = "y"
    assert [(names, numbers) for names, numbers, _ in said(browser, y, tmp_path)] == [
        ("y = v1 + 1", ""),
        ("x = 2", ""),
        ("v1 = 3 · x", "3 · 2 = 6"),
        ("y = v1 + 1", "6 + 1 = 7"),
        ("y.grad = 1", ""),
        ("v1.grad += y.grad · ∂y/∂v1", "1 · 1 = 1; v1.grad = 1"),
        ("x.grad += v1.grad · ∂v1/∂x", "1 · 3 = 3; x.grad = 3"),
    ]
    open_page(browser, y, tmp_path, "#step=3")
    assert text(browser, "pass") == "Forward pass, result 2 of 2"
    assert [row[0] for row in numbers_in_table(browser)] == ["x", "v1", "y"]
    assert len(browser.find_elements(By.CSS_SELECTOR, "g.node")) == 3


@pytest.mark.parametrize(
    ("operation", "names", "numbers"),
    [
        (lambda x, y: x + y, "x + y", "-3 + (-2) = -5"),
        (lambda x, y: x * -0.5, "x · (-0.5)", "-3 · (-0.5) = 1.5"),
        (lambda x, y: x**2, "x ** 2", "(-3) ** 2 = 9"),
        (lambda x, y: x**y, "x ** y", "(-3) ** (-2) = 0.1111"),
        (lambda x, y: -x, "-x", "-(-3) = 3"),
        (lambda x, y: abs(x), "|x|", "|-3| = 3"),
        (lambda x, y: x.relu(), "relu(x)", "relu(-3) = 0"),
        (lambda x, y: Value.sum([x] * 9 + [y]), "x + x + … + y", "-3 + (-3) + … + (-2) = -29"),
    ],
)
def test_negative_numbers_have_brackets_after_an_operator(
    operation: Callable[[Value, Value], Value], names: str, numbers: str, browser: Chrome, tmp_path: Path
) -> None:
    z = operation(Value(-3.0, label="x"), Value(-2.0, label="y"))
    z.label = "z"
    forward = {line[0]: line[1] for line in said(browser, z, tmp_path)[1:]}
    assert forward[f"z = {names}"] == numbers


# The marks


def test_the_parts_keep_their_colours_whatever_the_labels_say(browser: Chrome, tmp_path: Path) -> None:
    x = Value(2.0, label="a · b += c = d₁; e")
    y = x * x
    y.label = "∂z/∂x₂ · 3 = 4"
    open_page(browser, y, tmp_path)
    go(browser, 2)
    assert parts(browser, "names") == [
        ("∂z/∂x₂ · 3 = 4", "node-role"),
        (" = ", ""),
        ("a · b += c = d₁; e", "operand-role"),
        (" · ", ""),
        ("a · b += c = d₁; e", "operand-role"),
    ]
    assert parts(browser, "numbers") == [
        ("= ", ""),
        ("2", "operand-role"),
        (" · ", ""),
        ("2", "operand-role"),
        (" = ", ""),
        ("4", "node-role"),
    ]
    go(browser, 5)
    assert parts(browser, "names") == [
        ("a · b += c = d₁; e.grad", "operand-role"),
        (" += ", ""),
        ("∂z/∂x₂ · 3 = 4.grad", "node-role"),
        (" · ", ""),
        ("∂∂z/∂x₂ · 3 = 4/∂a · b += c = d₁; e₂", "local_grad-role"),
    ]
    assert parts(browser, "numbers") == [
        ("= ", ""),
        ("1", "node-role"),
        (" · ", ""),
        ("2", "local_grad-role"),
        (" = 2; ", ""),
        ("a · b += c = d₁; e.grad", "operand-role"),
        (" = ", ""),
        ("2 + 2 = 4", "operand-role"),
    ]
    colour = "return getComputedStyle(document.querySelector(arguments[0]))[arguments[1]]"
    roles = [
        browser.execute_script(colour, f".{role}-role", "color") for role in ("node", "operand", "local_grad")
    ]
    assert len(set(roles)) == 3
    assert browser.execute_script(colour, ".is-local_grad path", "stroke") == roles[2]
    assert console(browser) == []


def test_a_step_marks_its_node_its_operand_and_the_edge_between(page: Chrome) -> None:
    go(page, 7)  # v1.grad += v2.grad · ∂v2/∂v1
    marked = {
        role: {element.get_attribute("id") for element in page.find_elements(By.CSS_SELECTOR, f"g.is-{role}")}
        for role in ("node", "operand", "local_grad")
    }
    assert marked == {"node": {"node-4"}, "operand": {"node-3"}, "local_grad": {"edge-4-0"}}
    row = page.find_element(By.CSS_SELECTOR, "tr[aria-current]")
    assert row.text.startswith("v1")


def test_visited_nodes_are_told_from_waiting_ones_by_their_outline_too(page: Chrome) -> None:
    def dashes(number: int) -> str:
        shape = box(page, number).find_element(By.CSS_SELECTOR, "polygon, path")
        return shape.value_of_css_property("stroke-dasharray")

    go(page, 1)
    assert (dashes(1), dashes(2)) == ("none", "none")
    assert "none" not in (dashes(3), dashes(5))
    go(page, 7)  # y, v2 and v1 have their gradient
    assert (dashes(5), dashes(4), dashes(3)) == ("none", "none", "none")
    assert "none" not in (dashes(1), dashes(2))


def test_an_operand_counts_its_contributions(browser: Chrome, tmp_path: Path) -> None:
    open_page(browser, shared(), tmp_path)
    received = []
    for number in (4, 5, 6, 7, 8):
        go(browser, number)
        received.append(browser.find_element(By.CSS_SELECTOR, "tbody tr td:last-child").text)
    assert received == ["0 of 3", "0 of 3", "1 of 3", "2 of 3", "3 of 3"]
    assert text(browser, "tally") == "x receives the 3rd of its 3 contributions"


# The controls


def test_the_buttons_step_to_and_fro(page: Chrome) -> None:
    for name, number in [("next", 1), ("next", 2), ("back", 1), ("last", 9), ("next", 9), ("back", 8)]:
        click(page, name)
        assert step_shown(page) == number, name
    click(page, "first")
    assert step_shown(page) == 0
    click(page, "back")
    assert step_shown(page) == 0


def test_the_keys_step_to_and_fro(page: Chrome) -> None:
    for key, number in [
        (Keys.ARROW_RIGHT, 1),
        (Keys.ARROW_RIGHT, 2),
        (Keys.ARROW_LEFT, 1),
        (Keys.END, 9),
        (Keys.ARROW_LEFT, 8),
        (Keys.HOME, 0),
    ]:
        press(page, key)
        assert step_shown(page) == number, key


def test_the_slider_goes_to_any_step_by_mouse_and_by_key(page: Chrome) -> None:
    slider = page.find_element(By.ID, "slider")
    ActionChains(page).move_to_element(slider).click().perform()
    middle = step_shown(page)
    assert middle in (4, 5)
    slider.send_keys(Keys.ARROW_RIGHT)
    assert step_shown(page) == middle + 1
    slider.send_keys(Keys.END)
    assert step_shown(page) == 9


@pytest.mark.parametrize("by_key", [False, True])
def test_play_goes_to_the_end_and_pause_stops(browser: Chrome, tmp_path: Path, by_key: bool) -> None:
    def toggle() -> None:
        if by_key:
            press(browser, Keys.SPACE)
        else:
            click(browser, "play")

    def wait_until(condition: str) -> None:
        browser.execute_async_script(
            f"const done = arguments[0]; setInterval(() => {condition} && done(), 5)"
        )

    open_page(browser, loss_of_one_passenger(), tmp_path)
    end = browser.execute_script("return last")
    browser.find_element(By.CSS_SELECTOR, "#speed option[value='20']").click()
    browser.execute_script("document.activeElement.blur()")
    button = browser.find_element(By.ID, "play")
    toggle()
    assert button.get_attribute("aria-label") == "Pause"
    wait_until("current > 2")
    toggle()
    assert button.get_attribute("aria-label") == "Play"
    stopped = step_shown(browser)
    assert 2 < stopped < end
    browser.execute_async_script("setTimeout(arguments[0], 200)")
    assert step_shown(browser) == stopped
    go(browser, end - 3)
    toggle()
    wait_until("current === last")
    assert button.get_attribute("aria-label") == "Play"
    toggle()  # at the end: from the start again
    assert step_shown(browser) < end
    click(browser, "first")
    assert button.get_attribute("aria-label") == "Play"


def test_a_click_on_a_box_goes_to_the_step_that_completes_its_gradient(
    browser: Chrome, tmp_path: Path
) -> None:
    open_page(browser, shared(), tmp_path)
    box(browser, 1).click()  # x
    assert step_shown(browser) == 8
    box(browser, 3).click()  # y, the root
    assert step_shown(browser) == 4
    box(browser, 2).click()
    assert step_shown(browser) == 5
    browser.find_element(By.CSS_SELECTOR, "tbody th").click()
    assert step_shown(browser) == 8


def test_the_boxes_are_reached_by_keyboard(page: Chrome) -> None:
    page.find_element(By.CSS_SELECTOR, ".skip").send_keys(Keys.TAB)
    focused = page.switch_to.active_element
    assert focused.get_attribute("id") == "node-1"
    press(page, Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ARROW_UP)
    focused = page.switch_to.active_element
    assert focused.get_attribute("id") == "node-3"
    press(page, Keys.ENTER)
    assert step_shown(page) == 7
    assert focused.get_attribute("aria-label") == "v1, data -6, grad 1, 1 of 1 contributions"
    press(page, Keys.ARROW_RIGHT)
    assert step_shown(page) == 8


def test_space_and_enter_on_a_button_are_the_buttons(page: Chrome) -> None:
    button = page.find_element(By.ID, "next")
    button.send_keys(Keys.SPACE)
    button.send_keys(Keys.ENTER)
    assert step_shown(page) == 2
    assert page.find_element(By.ID, "play").get_attribute("aria-label") == "Play"


def test_the_first_tab_stop_leads_past_the_graph(page: Chrome) -> None:
    press(page, Keys.TAB)
    assert page.switch_to.active_element.text == "Skip to the controls"
    press(page, Keys.ENTER, Keys.TAB)
    assert page.switch_to.active_element.get_attribute("id") == "first"


def test_the_help_lists_the_keys(page: Chrome) -> None:
    keys = page.find_element(By.CSS_SELECTOR, "#help dl")
    assert not keys.is_displayed()
    page.find_element(By.CSS_SELECTOR, "#help summary").click()
    assert keys.is_displayed()
    inside = page.execute_script(
        "const { left, top } = arguments[0].getBoundingClientRect(); return left > 0 && top > 0",
        keys,
    )
    assert inside
    press(page, Keys.ESCAPE)
    assert not keys.is_displayed()


# The address


@pytest.mark.parametrize(
    ("address", "number"),
    [
        ("#step=9", 9),
        ("#step=0", 0),
        ("#step=-3", 0),
        ("#step=1e9", 9),
        ("#step=x", 0),
        ("#step=", 0),
        ("#y", 0),
    ],
)
def test_the_address_says_at_which_step_the_page_opens(
    browser: Chrome, tmp_path: Path, address: str, number: int
) -> None:
    open_page(browser, neuron(), tmp_path, address)
    assert step_shown(browser) == number
    wait_for_address(browser, number)
    assert console(browser) == []


def test_the_address_follows_the_step_and_leaves_no_trail(page: Chrome) -> None:
    length = page.execute_script("return history.length")
    press(page, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    wait_for_address(page, 2)
    press(page, Keys.END)
    wait_for_address(page, 9)
    assert page.execute_script("return history.length") == length


def test_the_browsers_back_and_forward_show_the_step_of_their_address(page: Chrome) -> None:
    wait_for_address(page, 0)
    go(page, 5)
    go(page, 7)
    page.back()
    wait_for_address(page, 5)
    assert step_shown(page) == 5
    page.forward()
    wait_for_address(page, 7)
    assert step_shown(page) == 7


# What fits


def test_the_current_row_stays_in_view_of_the_table(browser: Chrome, tmp_path: Path) -> None:
    open_page(browser, loss_of_one_passenger(), tmp_path)
    for number in (1, 30, 42, 60, 109, 90, 3):
        go(browser, number)
        inside = browser.execute_script(
            """
            const table = document.querySelector("#values").getBoundingClientRect();
            const head = document.querySelector("thead").getBoundingClientRect();
            const row = document.querySelector("[aria-current]").getBoundingClientRect();
            return row.top >= head.bottom - 1 && row.bottom <= table.bottom + 1;
            """
        )
        assert inside, number
        assert browser.execute_script("return scrollY") == 0


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (1920, 1080), (390, 844)])
@pytest.mark.parametrize("dark", [False, True])
def test_everything_fits_the_screen(
    browser: Chrome, tmp_path: Path, width: int, height: int, dark: bool
) -> None:
    resize(browser, width, height, dark=dark, still=True)
    open_page(browser, loss_of_one_passenger(), tmp_path, "#step=100")
    sizes = browser.execute_script(
        """
        const { scrollWidth, scrollHeight } = document.documentElement;
        const places = ["step", "graph", "values", "controls", "play", "slider", "speed"].map((id) =>
          document.getElementById(id).getBoundingClientRect());
        return [scrollWidth, scrollHeight, ...places.map(({ right, bottom }) => [right, bottom])];
        """
    )
    assert sizes[:2] == [width, height]
    assert all(right <= width and bottom <= height for right, bottom in sizes[2:])
    assert console(browser) == []
    resize(browser, 1280, 800)


@pytest.mark.parametrize("dark", [False, True])
def test_texts_stand_out_from_what_is_behind_them(browser: Chrome, tmp_path: Path, dark: bool) -> None:
    resize(browser, 1280, 800, dark=dark)
    open_page(browser, neuron(), tmp_path, "#step=7")

    def luminance(element: WebElement, name: str) -> float:
        colour = element.value_of_css_property(name)
        channels = [int(part) / 255 for part in colour[colour.index("(") + 1 : -1].split(",")[:3]]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    def contrast(text: WebElement, behind: WebElement, names: tuple[str, str]) -> float:
        dark, light = sorted([luminance(text, names[0]), luminance(behind, names[1])])
        return (light + 0.05) / (dark + 0.05)

    paper = browser.find_element(By.TAG_NAME, "html")
    desk = browser.find_element(By.ID, "graph")
    for part in browser.find_elements(
        By.CSS_SELECTOR, ".mathematics span, #sentence, #tally, tr.is-waiting th"
    ):
        assert contrast(part, paper, ("color", "background-color")) >= 4.5, part.text
    for number in (5, 4, 3):  # done, node, operand
        shape = box(browser, number).find_element(By.CSS_SELECTOR, "polygon, path")
        for part in box(browser, number).find_elements(By.TAG_NAME, "text"):
            assert contrast(part, shape, ("fill", "fill")) >= 4.5
    for part in box(browser, 1).find_elements(By.TAG_NAME, "text"):  # waiting, on the desk
        assert contrast(part, desk, ("fill", "background-color")) >= 4.5
    resize(browser, 1280, 800)


# What a screen reader is told


def test_controls_have_names_and_the_sentence_is_announced(page: Chrome) -> None:
    go(page, 1)
    click(page, "ask")
    page.execute_script("change(boxes[0], 2.5); ask(boxes[0])")
    controls = page.find_elements(By.CSS_SELECTOR, "button, input, select")
    names = [control.accessible_name for control in controls if control.is_displayed()]
    assert sorted(names) == sorted(
        [
            *("Zoom in", "Zoom out", "Fit", "Close", "data of x", "data of w", "Put all back"),
            *("First step", "Back one step", "Play", "Next step", "Last step", "Step"),
            *("What a step is", "Speed, steps per second", "Quiz", "Present"),
            "The graph alone, without program and table",
        ]
    )
    click(page, "next")
    answer = page.find_element(By.ID, "answer")
    assert answer.accessible_name == "v1 ="
    click(page, "ask")
    sentence = page.find_element(By.ID, "sentence")
    assert sentence.get_attribute("aria-live") == "polite"
    click(page, "play")
    assert sentence.get_attribute("aria-live") == "off"  # else it would never stop talking
    click(page, "play")
    assert sentence.get_attribute("aria-live") == "polite"
    assert [cell.aria_role for cell in page.find_elements(By.CSS_SELECTOR, "tbody tr:first-child > *")] == [
        "rowheader",
        "cell",
        "cell",
        "cell",
    ]
    assert box(page, 3).aria_role == "link"


# Labels are data


def test_labels_are_shown_and_not_run(browser: Chrome, tmp_path: Path) -> None:
    root = Value.sum([Value(float(i), label=label) for i, label in enumerate(ATTACKS)])
    root.label = ATTACKS[0]
    open_page(browser, root, tmp_path, "#step=99999")
    shown = [row[0] for row in numbers_in_table(browser)]
    assert shown[:4] == [f"{ATTACKS[0]} (1)", *ATTACKS[1:4]]  # the first label is the root's too
    assert shown[4:9] == ["]]>", "&lt;b&gt;", "\\u2028\\u2029", ATTACKS[7], "a\\nb\\tc"]
    assert ATTACKS[1] in text(browser, "picture")
    assert browser.execute_script("return document.scripts.length") == 2
    assert browser.find_elements(By.TAG_NAME, "img") == []
    assert console(browser) == []  # an alert would have failed the commands above


def test_the_policy_forbids_what_the_page_does_not_need(page: Chrome) -> None:
    page.execute_script(
        """
        const contents = { script: "window.ran = true", style: "body { display: none }" };
        for (const [kind, textContent] of Object.entries(contents)) {
          document.body.append(Object.assign(document.createElement(kind), { textContent }));
        }
        document.body.append(Object.assign(new Image(), { src: "data:image/png;base64,AAAA" }));
        """
    )
    refused = page.execute_async_script(
        "fetch('data:,x').then(() => arguments[0](false), () => arguments[0](true))"
    )
    assert refused
    assert page.execute_script("return window.ran") is None
    assert page.find_element(By.TAG_NAME, "body").is_displayed()
    complaints = " ".join(console(page))
    assert all(name in complaints for name in ("script-src", "style-src", "img-src", "connect-src"))


def test_the_page_makes_no_request(browser: Chrome, tmp_path: Path) -> None:
    open_page(browser, neuron(), tmp_path)
    for name in ("next", "last", "back", "first", "zoom-in", "fit", "play"):
        click(browser, name)
    assert requests(browser) == [(tmp_path / "page.html").as_uri()]


# The file


def test_a_page_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    write_page(neuron(), path)
    before = path.read_text()
    too_large = Value.sum([Value(1.0) for _ in range(1000)])
    with pytest.raises(
        ValueError, match=r"^the graph has 1001 nodes, more than the 1000 that a page can show: "
    ):
        write_page(too_large, path)
    long_arrows = w = Value(1.0)
    for _ in range(200):
        long_arrows = long_arrows * w
    with pytest.raises(
        ValueError, match=r"^the arrows of the graph are .* very long: take a smaller one, or"
    ):
        write_page(long_arrows, path)
    with pytest.raises(OSError) as caught:
        write_page(neuron(), tmp_path / "nowhere" / "page.html")
    assert caught.value.filename == str(tmp_path / "nowhere" / "page.html")
    assert path.read_text() == before
    assert [file.name for file in tmp_path.iterdir()] == ["page.html"]


def test_a_thousand_nodes_go_to_any_step(browser: Chrome, tmp_path: Path) -> None:
    random = Random(0)
    root = chain_of_a_thousand()
    assert len(drawn(root)) == 1000
    open_page(browser, root, tmp_path)
    steps = list(backward_steps(root))
    for done in random.sample(range(1, len(steps)), 3):
        go(browser, begins(root) + done)
        assert_numbers(browser, root, {root: 1.0} | {step.operand: step.after for step in steps[:done]})
    assert console(browser) == []


# In a notebook


def test_show_is_the_page_in_a_frame_of_its_own(browser: Chrome, tmp_path: Path) -> None:
    notebook = tmp_path / "notebook.html"
    notebook.write_text(
        f"<!doctype html><meta charset=utf-8>{show(neuron())._repr_html_()}", encoding="utf-8"
    )
    browser.get("about:blank")
    console(browser), requests(browser)
    browser.get(notebook.as_uri())
    browser.switch_to.frame(0)
    click(browser, "last")
    assert step_shown(browser) == 9
    assert [row[1:3] for row in numbers_in_table(browser)][:2] == [["2", "-3"], ["-3", "2"]]
    browser.switch_to.default_content()
    assert browser.execute_script("return document.querySelector('iframe').contentDocument === null")
    assert console(browser) == []
    assert requests(browser)[0] == notebook.as_uri()


def test_a_page_is_written_from_a_zip_too(tmp_path: Path) -> None:
    archive = tmp_path / "microgrid.zip"
    package = Path(microgrid.__file__).parent
    with zipfile.ZipFile(archive, "w") as packed:
        for file in {*package.glob("*.py"), *package.glob("page.*"), *package.glob("*.js")}:
            packed.write(file, f"microgrid/{file.name}")
    program = """
import microgrid

print(microgrid.__file__)
x = microgrid.Value(2.0, label="x")
microgrid.write_page((x * x + 1).relu(), "page.html")
"""
    ran = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(archive)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stderr == ""
    assert ran.stdout.startswith(str(archive))
    assert '"name":"v1"' in (tmp_path / "page.html").read_text(encoding="utf-8")


# titanic step --page


def test_titanic_step_writes_the_page_of_the_loss(
    browser: Chrome, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "loss.html"
    assert main(["step", "--passengers", "1", "--page", str(path)]) == 0
    assert capsys.readouterr().out.endswith(f"Written: {path}\n")
    browser.get(path.as_uri() + "#step=99999")
    root = loss_of_one_passenger()
    root.backward()
    assert_numbers(browser, root)


def test_titanic_steps_page_shows_the_sheets_program_and_tells_its_weights_from_other_leaves(
    browser: Chrome, tmp_path: Path
) -> None:
    path = tmp_path / "loss.html"
    assert main(["step", "--passengers", "1", "--page", str(path)]) == 0
    browser.get(path.as_uri())
    programs = browser.find_elements(By.CSS_SELECTOR, "#programs option")
    assert [program.text for program in programs] == ["network.py", "straight-line program"]
    go(browser, begins(loss_of_one_passenger()))  # L = H / n
    (mark,) = browser.find_elements(By.CSS_SELECTOR, "#lines mark")
    assert "H / n" in mark.text
    weights = browser.execute_script(
        "return boxes.filter(({ shape }) => shape.matches('.parameter')).map(({ node }) => node.name).sort()"
    )
    assert weights == sorted(weight.label for weight in Network.random(seed=0).parameters())
    assert browser.find_element(By.ID, "filter").is_displayed()


def test_titanic_step_says_why_there_is_no_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["step", "--passengers", "58", "--page", str(tmp_path / "loss.html")]) == 1
    assert "titanic: the graph has 2228 nodes, more than the 1000" in capsys.readouterr().err
    assert main(["step", "--page", str(tmp_path / "nowhere" / "loss.html")]) == 1
    assert capsys.readouterr().err.endswith("No such file or directory; give --page another place\n")
    assert list(tmp_path.iterdir()) == []


def test_a_page_sorts_its_graph_once(monkeypatch: pytest.MonkeyPatch) -> None:
    _, _, y = diamond()
    sorts = []

    def counting(root: Value) -> list[Value]:
        sorts.append(root)
        return topological_order(root)

    for module in ("names", "steps", "folding", "drawing", "page"):
        monkeypatch.setattr(f"microgrid.{module}.topological_order", counting, raising=False)
    show(y)
    assert sorts == [y]
