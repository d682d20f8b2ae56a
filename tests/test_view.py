"""The view of the graph in a page, in a real browser: what is in sight, how it moves, what can be read."""

from collections.abc import Callable
from pathlib import Path

import pytest
from browser import console, resize
from pages import (
    box,
    chain_of_a_thousand,
    click,
    go,
    loss_of_one_passenger,
    loss_of_passengers,
    neuron,
    open_page,
    press,
    step_shown,
)
from selenium.webdriver import ActionChains, Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from microgrid import Value, write_page

# How the picture lies, how far it moves, and whether what plays a role is in the part that no button covers.
LOOK = """
const still = () => new DOMMatrix(document.getElementById("picture").style.transform);
const panel = document.getElementById("graph").getBoundingClientRect();
const right = document.getElementById("zoom").getBoundingClientRect().left;
const size = { width: right - panel.left, height: panel.height };
const corners = [[0, 0], [size.width, 0], [0, size.height], [size.width, size.height]];
const inSight = (element) => {
  const place = element.getBoundingClientRect();
  return place.left >= panel.left && place.right <= right &&
    place.top >= panel.top && place.bottom <= panel.bottom;
};
const playing = () => [...document.querySelectorAll("#picture :is(.is-node, .is-operand, .is-local_grad)")];
// How far the points in sight move from one transform to the next, in parts of the frame.
const moved = (before, after) => {
  const step = after.multiply(before.inverse());
  return Math.max(...corners.map(([x, y]) => {
    const to = step.transformPoint(new DOMPoint(x, y));
    return Math.max(Math.abs(to.x - x) / size.width, Math.abs(to.y - y) / size.height);
  }));
};
const frame = () => new Promise(requestAnimationFrame);
"""


def settled(browser: Chrome, number: int) -> None:
    """Go to a step, and wait until the view has come to rest."""
    go(browser, number)
    browser.execute_async_script(
        """
        const wait = () => (moving ? requestAnimationFrame(wait) : arguments[0]());
        wait();
        """
    )


def labelled() -> Value:
    """A graph of long labels, and of letters that Graphviz and a browser may take from different fonts."""
    labels = [
        "a leaf with a very long label, of many words",
        "重み",
        "θ₁",
        "Größe",
        "𝛼²",
        "🚢 cabin",
        "W" * 12,
        "i" * 17,
    ]
    leaves = [Value(1.5, label=label) for label in labels]
    product = leaves[0]
    for leaf in leaves[1:]:
        product = product * leaf
    return (Value.sum(leaves) / product).log()


def place(browser: Chrome, number: int) -> dict[str, float]:
    rectangle = browser.execute_script(
        "return arguments[0].getBoundingClientRect().toJSON()", box(browser, number)
    )
    assert isinstance(rectangle, dict)
    return rectangle


def test_buttons_and_keys_zoom_and_fit(page: Chrome) -> None:
    fitted = place(page, 3)
    for larger, smaller, fit in [("zoom-in", "zoom-out", "fit"), ("+", "-", "0")]:
        do = click if larger == "zoom-in" else press
        do(page, larger)
        assert place(page, 3)["width"] == pytest.approx(1.25 * fitted["width"])
        do(page, smaller)
        assert place(page, 3) == pytest.approx(fitted)
        do(page, larger)
        press(page, Keys.HOME)
        do(page, fit)
        assert place(page, 3) == pytest.approx(fitted)


def test_the_wheel_zooms_around_the_pointer(page: Chrome) -> None:
    before = place(page, 3)
    ActionChains(page).move_to_element(box(page, 3)).perform()
    page.execute_script(
        """
        const { left, top } = arguments[0].getBoundingClientRect();
        arguments[0].dispatchEvent(new WheelEvent("wheel",
          { deltaY: -300, clientX: left, clientY: top, bubbles: true, cancelable: true }));
        """,
        box(page, 3),
    )
    after = place(page, 3)
    assert after["width"] > 1.3 * before["width"]
    assert (after["left"], after["top"]) == pytest.approx((before["left"], before["top"]), abs=1.0)


def test_dragging_moves_the_graph_and_is_no_click(page: Chrome) -> None:
    before = place(page, 3)
    ActionChains(page).drag_and_drop_by_offset(box(page, 3), 40, -30).perform()
    after = place(page, 3)
    assert (after["left"] - before["left"], after["top"] - before["top"]) == pytest.approx((40, -30), abs=0.1)
    assert step_shown(page) == 0
    ActionChains(page).key_down(Keys.SHIFT).send_keys(Keys.ARROW_LEFT).key_up(Keys.SHIFT).perform()
    assert place(page, 3)["left"] == pytest.approx(after["left"] + 60)


def test_two_fingers_zoom(page: Chrome) -> None:
    before = place(page, 3)
    x, y = before["left"], before["top"]

    def touch(kind: str, *points: tuple[float, float]) -> None:
        fingers = [{"x": px, "y": py, "id": i} for i, (px, py) in enumerate(points)]
        page.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": fingers})

    touch("touchStart", (x - 50, y))
    touch("touchStart", (x - 50, y), (x + 50, y))
    for distance in (60, 70, 80, 90, 100):
        touch("touchMove", (x - distance, y), (x + distance, y))
    touch("touchEnd")
    after = place(page, 3)
    assert after["width"] == pytest.approx(2 * before["width"], rel=0.15)
    assert (after["left"], after["top"]) == pytest.approx((x, y), abs=12)


# What is in sight


@pytest.mark.parametrize("root", [neuron, loss_of_one_passenger, chain_of_a_thousand])
def test_the_first_thing_seen_is_the_whole_graph(
    browser: Chrome, tmp_path: Path, root: Callable[[], Value]
) -> None:
    open_page(browser, root(), tmp_path)
    assert browser.execute_script(LOOK + "return boxes.every(({ shape }) => inSight(shape))")


@pytest.mark.parametrize("passengers", [1, 2])
@pytest.mark.parametrize("rate", [60, 10])
def test_the_view_never_jumps(
    browser: Chrome,
    tmp_path: Path,
    passengers: int,
    rate: int,
    record_property: Callable[[str, object], None],
) -> None:
    """At a clock of our own, so many frames a second: a loaded machine has fewer than a new one."""
    open_page(browser, loss_of_passengers(passengers), tmp_path)
    steps = browser.execute_script(
        LOOK
        + """
        let [clock, due] = [performance.now(), []];
        performance.now = () => clock;
        globalThis.requestAnimationFrame = (callback) => due.push(callback);
        zoom(0.9 / view.scale);
        const steps = [];
        for (let number = 1; number <= last; number++) {
          const before = still();
          let [at, jump, frames] = [before, 0, 0];
          go(number);
          for (; due.length && frames < 1000; frames++) {
            clock += 1000 / arguments[0];
            for (const callback of due.splice(0)) callback(clock);
            jump = Math.max(jump, moved(at, still()));
            at = still();
          }
          steps.push([moved(before, at), jump, frames, playing().filter((part) => !inSight(part)).length]);
        }
        return steps;
        """,
        rate,
    )
    moves = [frames for way, _, frames, _ in steps if way > 1e-6]
    record_property("steps at which the view moves", f"{len(moves)} of {len(steps)}")
    record_property("the largest move from one frame to the next", max(jump for _, jump, *_ in steps))
    assert max(jump for _, jump, *_ in steps) < 0.15
    assert max(moves) <= 60
    assert [unseen for *_, unseen in steps] == [0] * len(steps)


def test_a_step_that_interrupts_a_movement_does_not_jump(browser: Chrome, tmp_path: Path) -> None:
    open_page(browser, loss_of_one_passenger(), tmp_path)
    jumps = browser.execute_async_script(
        LOOK
        + """
        const done = arguments[0];
        (async () => {
          zoom(0.9 / view.scale);
          const jumps = [];
          let at = still();
          for (let count = 0; count < 60; count++) {
            if (count % 3 === 0) go((count * 37) % last);
            await frame();
            jumps.push(moved(at, still()));
            at = still();
          }
          done(jumps);
        })();
        """
    )
    assert 0.01 < max(jumps) < 0.15


def test_the_view_moves_by_the_least_distance_and_only_where_it_must(page: Chrome) -> None:
    page.execute_script("zoom(1.25)")
    settled(page, 8)
    before = place(page, 1)
    settled(page, 9)
    assert place(page, 1) == before  # all of it was in sight
    page.execute_script("move(-400, 0)")
    left = place(page, 1)["left"]
    settled(page, 8)
    assert place(page, 1)["left"] == pytest.approx(24, abs=1)
    assert place(page, 1)["left"] > left


def test_the_view_moves_at_once_where_the_reader_prefers_no_motion(browser: Chrome, tmp_path: Path) -> None:
    resize(browser, 1280, 800, still=True)
    open_page(browser, loss_of_one_passenger(), tmp_path)
    assert browser.execute_script(
        LOOK
        + """
        zoom(0.9 / view.scale);
        const before = still();
        for (const number of [1, last]) {
          go(number);
          if (!playing().every(inSight)) return false;
        }
        return moved(before, still()) > 0.5;
        """
    )
    resize(browser, 1280, 800)


def test_a_reader_who_zoomed_in_keeps_the_zoom_but_where_a_step_needs_more_room(
    browser: Chrome, tmp_path: Path
) -> None:
    resize(browser, 1280, 800, still=True)
    open_page(browser, loss_of_one_passenger(), tmp_path)
    steps = browser.execute_script(
        LOOK
        + """
        zoom(1.5 / view.scale);
        return Array.from({ length: last }, (_, index) => {
          go(index + 1);
          const places = playing().map((part) => part.getBoundingClientRect());
          const extent = (start, end) =>
            Math.max(...places.map((place) => place[end])) - Math.min(...places.map((place) => place[start]));
          return [still().a, extent("left", "right") / size.width, extent("top", "bottom") / size.height];
        });
        """
    )
    kept = [scale for scale, *_ in steps if scale == pytest.approx(1.5)]
    assert len(kept) > 0.8 * len(steps)
    for scale, width, height in steps:
        assert scale == pytest.approx(1.5) or max(width, height) > 0.8
    resize(browser, 1280, 800)


@pytest.mark.parametrize("root", [loss_of_one_passenger, chain_of_a_thousand])
def test_at_every_scale_a_box_keeps_its_name_or_its_colour_and_tells_its_state(
    browser: Chrome, tmp_path: Path, root: Callable[[], Value]
) -> None:
    resize(browser, 1280, 800, still=True)
    open_page(browser, root(), tmp_path)
    begun = browser.execute_script("return begins")
    for scale in (0.02, 0.1, 0.2, 0.3, 0.4, 0.49, 0.51, 1.0, 2.0):
        for step in (0, begun + 5):
            shown = browser.execute_script(
                """
                go(arguments[1]);
                zoom(arguments[0] / view.scale);
                const [first, done] = [boxes[0], boxes[boxes.length - 1]];
                return [first, done].map(({ shape, node, place }) => {
                  keepPlaceInView(place);
                  const outline = getComputedStyle(shape.querySelector("polygon, path"));
                  const name = [...shape.querySelectorAll("text")].find((text) =>
                    text.textContent.trim() === node.name && text.getClientRects().length);
                  return [
                    name ? parseFloat(getComputedStyle(name).fontSize) * view.scale : 0,
                    outline.fill,
                    [outline.stroke, outline.strokeDasharray, outline.fillOpacity].join(),
                  ];
                });
                """,
                scale,
                step,
            )
            for size, fill, _ in shown:
                assert size >= 7.5 or (size == 0 and fill != "none"), (scale, step)
            if step:
                assert shown[0][2] != shown[1][2], scale
    resize(browser, 1280, 800)


@pytest.mark.parametrize("font", ["Arial", "DejaVu Sans"])
@pytest.mark.parametrize("root", [loss_of_one_passenger, labelled])
def test_the_texts_of_a_box_stay_inside(
    browser: Chrome, tmp_path: Path, layout_program: str, root: Callable[[], Value], font: str
) -> None:
    """In the font that Graphviz measured, and where the browser has only a wider one."""
    path = write_page(root(), tmp_path / "page.html")
    path.write_text(path.read_text().replace('font-family="Arial"', f'font-family="{font}"'))
    browser.get(path.as_uri())
    outside = browser.execute_script(
        """
        go(last);
        zoom(1 / view.scale);
        for (const away of document.querySelectorAll(".is-away")) away.classList.remove("is-away");
        const outside = [];
        const look = () => {
          for (const { shape, node } of boxes) {
            const box = shape.querySelector("polygon, path").getBBox();
            let before = null;
            for (const text of shape.querySelectorAll("text:not(.name)")) {
              const place = text.getBBox();
              const beyond = Math.max(box.x - place.x, place.x + place.width - box.x - box.width,
                box.y - place.y, place.y + place.height - box.y - box.height);
              if (place.width && beyond > -1) outside.push([node.name, text.textContent, beyond]);
              const row = text.getAttribute("y");
              if (before?.row === row && before.end > place.x + 0.6) outside.push([node.name, "overlap"]);
              before = { row, end: place.x + text.getSubStringLength(0, text.textContent.trimEnd().length) };
            }
          }
        };
        look();
        const long = "-1.235e+308";
        for (const { dataText, gradText } of boxes) dataText.textContent = gradText.textContent = long;
        look();
        for (const { dataText } of boxes) {
          dataText.classList.add("is-failed");
          dataText.textContent = failures.ZeroDivisionError;
        }
        look();
        return outside;
        """
    )
    assert outside == []
    assert console(browser) == []


@pytest.mark.parametrize("scale", [0.0, 0.4, 1.0])
def test_the_tags_of_the_roles_overlap_no_box_and_no_text(
    browser: Chrome, tmp_path: Path, scale: float
) -> None:
    """At the scale that fits, too."""
    resize(browser, 1280, 800, still=True)
    open_page(browser, loss_of_one_passenger(), tmp_path)
    tags, overlaps = browser.execute_script(
        """
        if (arguments[0]) zoom(arguments[0] / view.scale);
        let tags = 0;
        const overlaps = [];
        for (let number = begins + 1; number <= last; number++) {
          go(number);
          const others = [...picture.querySelectorAll(".node polygon, .node path, text")]
            .filter((part) => part.getClientRects().length && part.textContent !== "%3");
          for (const tag of picture.querySelectorAll(".tag")) {
            const a = tag.getBoundingClientRect();
            if (!a.width) continue;
            tags++;
            for (const other of others) {
              const b = other.getBoundingClientRect();
              const apart = a.left >= b.right || b.left >= a.right || a.top >= b.bottom || b.top >= a.bottom;
              if (other !== tag && !apart) {
                overlaps.push([number, tag.textContent, other.textContent || other.parentNode.textContent]);
              }
            }
          }
        }
        return [tags, overlaps];
        """,
        scale,
    )
    assert overlaps == []
    assert tags > (140 if scale == 1.0 else 0)
    resize(browser, 1280, 800)


def test_data_and_grad_differ_at_a_glance(page: Chrome) -> None:
    settled(page, 7)
    styles = page.execute_script(
        """
        return [boxes[2].dataText, boxes[2].gradText].map((text) => {
          const { fill, fontWeight } = getComputedStyle(text);
          return [fill, fontWeight];
        });
        """
    )
    assert styles[0][0] != styles[1][0]
    assert styles[0][1] != styles[1][1]


def test_the_graph_takes_the_room_of_table_and_program(page: Chrome) -> None:
    toggles: list[Callable[[], None]] = [lambda: click(page, "table"), lambda: press(page, "t")]
    for toggle in toggles:
        before = page.find_element(By.ID, "graph").rect["width"]
        toggle()
        assert page.find_element(By.ID, "graph").rect["width"] == 1280
        assert not page.find_element(By.ID, "values").is_displayed()
        assert page.find_element(By.ID, "table").get_attribute("aria-pressed") == "true"
        press(page, "w")
        assert page.find_element(By.ID, "why").is_displayed()
        press(page, Keys.ESCAPE)
        toggle()
        assert page.find_element(By.ID, "graph").rect["width"] == before
        assert page.find_element(By.ID, "values").is_displayed()
