"""A page's numbers can be changed, asked for, explained, and followed in the program."""

import html
import math
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from urllib.parse import quote

import pytest
from browser import console, requests, resize
from graphs import NUMBERS, OPERATIONS, contributions, random_graphs, recorded
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pages import (
    ATTACKS,
    assert_numbers,
    begins,
    box,
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
from selenium.common.exceptions import JavascriptException
from selenium.webdriver import ActionChains, Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from microgrid import Value, backward_steps, draw, topological_order, why, write_page
from microgrid.drawing import ROLES
from microgrid.folding import folded
from microgrid.listing import Listing, straight_line_program
from microgrid.names import node_names, short
from microgrid.running import Program, run
from microgrid.steps import Step

Numbers = dict[str, tuple[float | None, float | None]]


@pytest.fixture
def clean(browser: Chrome) -> Iterator[Chrome]:
    """The browser; its console must be empty at the end."""
    resize(browser, 1280, 800)
    yield browser
    assert console(browser) == []


def values(browser: Chrome) -> Numbers:
    """What microgrid.values() gives: data and grad of each Value."""
    found = browser.execute_script(
        """
        const written = (number) => number === null ? null : Object.is(number, -0) ? "-0" : String(number);
        return Object.entries(microgrid.values()).map(([name, { data, grad }]) =>
          [name, written(data), written(grad)]);
        """
    )
    return {
        name: (None if data is None else float(data), None if grad is None else float(grad))
        for name, data, grad in found
    }


def in_box(browser: Chrome, number: int) -> WebElement:
    """The data in a box."""
    return browser.find_elements(By.CSS_SELECTOR, f"#a_data-{number} text")[-1]


def in_row(browser: Chrome, name: str) -> WebElement:
    """The data of a leaf in the table."""
    return browser.find_element(By.CSS_SELECTOR, f'input[aria-label="data of {name}"]')


def drag(browser: Chrome, number: WebElement, *pixels: int) -> None:
    """Drag a number to the right, by so many pixels each time."""
    actions = ActionChains(browser, duration=10).click_and_hold(number)
    for x in pixels:
        actions.move_by_offset(x, 0)
    actions.release().perform()


def press_with(browser: Chrome, modifier: str, key: str) -> None:
    ActionChains(browser).key_down(modifier).send_keys(key).key_up(modifier).perform()


def enter(browser: Chrome, name: str, number: str, *keys: str) -> None:
    """Type a number into the table, and keys after it."""
    in_row(browser, name).click()
    press_with(browser, Keys.CONTROL, "a")
    press(browser, number, *keys)


def set_to(browser: Chrome, name: str, number: float) -> None:
    browser.execute_script("microgrid.set(arguments[0], Number(arguments[1]))", name, in_script(number))


def step_to(browser: Chrome, number: int) -> None:
    """Go to a step; the changed numbers stay, as they do not where an address without them is opened."""
    browser.execute_script("microgrid.go(arguments[0])", number)


def step_of_last(root: Value) -> int:
    return begins(root) + sum(1 for _ in backward_steps(root))


def in_script(number: float) -> str:
    """A number as a text that JavaScript's Number reads."""
    return repr(number).replace("inf", "Infinity")


def assert_neuron(browser: Chrome, x: float, w: float) -> None:
    """Assert that the page of the neuron shows, at its last step, Python's numbers for these leaves."""
    root = neuron(x, w)
    root.backward()
    assert_numbers(browser, root)


# Changing a number


def test_a_number_is_dragged_in_its_box_and_in_its_row(page: Chrome) -> None:
    go(page, 9)
    drag(page, in_box(page, 1), 4)
    assert_neuron(page, 2.1, -3.0)
    drag(page, in_box(page, 1), 20, 20, -44)  # there and back and beyond
    assert_neuron(page, 2.0, -3.0)
    drag(page, in_row(page, "w"), 8)
    assert_neuron(page, 2.0, -2.8)
    drag(page, in_row(page, "w"), -28)
    assert_neuron(page, 2.0, -3.5)
    assert step_shown(page) == 9


def test_a_drag_moves_no_graph_and_is_no_click(page: Chrome) -> None:
    go(page, 7)
    before = box(page, 3).rect
    drag(page, in_box(page, 1), 40)
    assert (step_shown(page), box(page, 3).rect) == (7, before)
    in_box(page, 1).click()
    assert step_shown(page) == 8  # a click on the number is one on the box


def test_a_number_that_is_let_go_elsewhere_is_neither_changed_nor_clicked(page: Chrome) -> None:
    go(page, 9)
    number = in_box(page, 1)
    ActionChains(page, duration=10).click_and_hold(number).move_by_offset(1, 60).release().perform()
    ActionChains(page, duration=10).move_to_element(number).move_by_offset(12, 0).perform()
    assert_neuron(page, 2.0, -3.0)


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("3.1", 3.1),
        ("1e-3", 1e-3),
        (" -.5 ", -0.5),
        ("+4.", 4.0),
        ("\u22122", -2.0),
        ("\u22121e\u22122", -0.01),
        ("inf", math.inf),
        ("-Infinity", -math.inf),
        ("nan", math.nan),
        ("-0", -0.0),
        ("1e999", math.inf),
    ],
)
def test_a_number_is_typed_as_python_reads_it(page: Chrome, typed: str, number: float) -> None:
    go(page, 9)
    page.execute_script("arguments[0].focus(); arguments[0].select()", in_row(page, "x"))
    page.execute_cdp_cmd("Input.insertText", {"text": typed})
    press(page, Keys.TAB)
    assert text(page, "notice") == ""
    assert_neuron(page, number, -3.0)


@pytest.mark.parametrize("typed", ["three", "", "1,5", "0x10", "1e", "--1", "2 3"])
def test_what_is_not_a_number_is_refused_in_one_line(page: Chrome, typed: str) -> None:
    go(page, 9)
    page.execute_script("arguments[0].focus(); arguments[0].select()", in_row(page, "x"))
    press(page, Keys.DELETE, typed, Keys.ENTER)
    notice = page.find_element(By.ID, "notice")
    assert notice.is_displayed() and "\n" not in notice.text
    assert notice.text == f'"{typed}" is not a number: write one such as 3.1, 1e-3 or inf'
    page.execute_script("document.activeElement.blur()")
    assert_neuron(page, 2.0, -3.0)


def test_keys_change_a_number_and_put_it_back(page: Chrome) -> None:
    go(page, 9)
    in_row(page, "x").click()
    for modifier, key, number in [
        ("", Keys.ARROW_UP, 2.1),
        ("", Keys.ARROW_UP, 2.2),
        ("", Keys.ARROW_DOWN, 2.1),
        (Keys.SHIFT, Keys.ARROW_UP, 3.1),
        ("", Keys.ESCAPE, 2.0),
        (Keys.SHIFT, Keys.ARROW_DOWN, 1.0),
    ]:
        press_with(page, modifier, key) if modifier else press(page, key)
        assert values(page)["x"][0] == number, key
        assert step_shown(page) == 9
    enter(page, "x", "7", Keys.ESCAPE, Keys.TAB)
    assert_neuron(page, 2.0, -3.0)


def test_keys_in_a_number_are_not_those_of_the_page(page: Chrome) -> None:
    go(page, 4)
    in_row(page, "x").click()
    press(page, Keys.HOME, Keys.ARROW_RIGHT, Keys.ARROW_LEFT, Keys.END, "b", "g", "q", "w", " ", "-")
    assert step_shown(page) == 4
    assert not page.find_element(By.ID, "quiz").is_displayed()
    assert not page.find_element(By.ID, "why").is_displayed()
    press(page, Keys.ESCAPE)


def test_all_numbers_are_put_back_to_pythons(page: Chrome) -> None:
    go(page, 9)
    assert not page.find_element(By.ID, "change").is_displayed()
    for name, number in [("x", 0.1), ("w", 1e300)]:
        set_to(page, name, number)
    assert "branches of your program are not run again" in text(page, "change")
    assert_neuron(page, 0.1, 1e300)
    click(page, "reset")
    assert_neuron(page, 2.0, -3.0)
    assert not page.find_element(By.ID, "change").is_displayed()
    set_to(page, "x", math.nan)
    in_row(page, "x").click()
    press(page, Keys.ESCAPE, Keys.TAB)
    assert_neuron(page, 2.0, -3.0)
    assert not page.find_element(By.ID, "change").is_displayed()


def test_results_and_constants_cannot_be_changed(clean: Chrome, tmp_path: Path) -> None:
    x = Value(2.0, label="x")
    y = 3 * x + Value.sum([])
    y.label = "y"
    open_page(clean, y, tmp_path, "#step=99")
    assert len(clean.find_elements(By.CSS_SELECTOR, "#rows input")) == 1
    before = values(clean)
    for number in range(2, len(drawn(y)) + 1):
        drag(clean, in_box(clean, number), 40)
    assert values(clean) == before
    for name in ("y", "v1", "3"):
        with pytest.raises(JavascriptException, match=f"this graph has no leaf called {name}"):
            set_to(clean, name, 1.0)


def test_a_number_that_is_not_given_yet_cannot_be_changed(page: Chrome) -> None:
    go(page, 0)
    drag(page, in_box(page, 1), 40)
    assert not in_row(page, "x").is_enabled()
    go(page, 9)
    assert_neuron(page, 2.0, -3.0)


def test_any_step_shows_the_changed_graphs_step(page: Chrome) -> None:
    set_to(page, "x", 1.7)
    root = neuron(1.7)
    for done, step in enumerate(backward_steps(root), 1):
        step_to(page, begins(root) + done)
        assert f"{text(page, 'names')} {text(page, 'numbers')}" == str(step)
        assert text(page, "sentence") == step.sentence()


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    root=random_graphs(max_nodes=20),
    changes=st.lists(st.tuples(st.integers(0, 59), NUMBERS), min_size=1, max_size=3),
)
def test_random_changes_show_the_numbers_of_python(
    browser: Chrome, tmp_path: Path, root: Value, changes: list[tuple[int, float]]
) -> None:
    open_page(browser, root, tmp_path, "#step=99999")
    names = node_names(root)
    leaves = [node for node in names if node.op == ""]
    for index, number in changes:
        set_to(browser, names[leaves[index % len(leaves)]], number)
    assert_replayed(browser, root)
    browser.execute_script("microgrid.reset()")
    root.backward()
    assert_numbers(browser, root)
    assert console(browser) == []


def assert_replayed(browser: Chrome, root: Value) -> None:
    """Assert that the page's numbers are what Python makes, node by node, of those of the operands."""
    shown = values(browser)
    failed = {row[0]: row for row in numbers_in_table(browser) if "Python raises" in row[3]}
    now: dict[Value, Value] = {}
    for node, name in node_names(root).items():
        data, _ = shown.get(name, (node.data, None))
        assert data is not None
        if not node.operands:
            now[node] = Value(data, label=name)
            now[node].op = node.op
            continue
        try:
            now[node] = OPERATIONS[node.op](*(now[operand] for operand in node.operands))
            assert name not in failed
            assert math.isclose(now[node].data, data, rel_tol=1e-14) or math.isnan(data + now[node].data)
        except (ValueError, ArithmeticError) as error:
            assert failed[name][3].endswith(f": Python raises {type(error).__name__} here")
            now[node] = Value(math.nan)
            now[node].op, now[node].operands = node.op, tuple(now[operand] for operand in node.operands)
            now[node].local_grads = (math.nan,) * len(node.operands)
        now[node].data = data
    now[root].backward()
    scale = contributions(now[root])
    rows = {row[0]: row for row in numbers_in_table(browser)}
    for node, name in node_names(root).items():
        if node.op == "constant" and node is not root:
            continue
        data, grad = shown[name]
        assert data is not None and grad is not None
        theirs = now[node].grad
        same = math.isclose(grad, theirs, rel_tol=1e-12, abs_tol=1e-12 * scale[now[node]])
        assert same or not math.isfinite(scale[now[node]]), name
        assert rows[name][2] == short(grad)
        assert name in failed or rows[name][1] == short(data)


def test_a_recorded_operation_that_failed_says_why_and_can_be_mended(clean: Chrome, tmp_path: Path) -> None:
    file = tmp_path / "lesson.py"
    source = "x = Value(-1.0)\ny = (x * 2).log() + x\ny.backward()\n"
    pages = []

    def view(root: Value, error: Exception | None) -> bool:
        assert isinstance(error, ValueError)
        pages.append(write_page(root, tmp_path / "page.html"))
        return False

    with pytest.raises(ValueError, match="log"):
        run(Program(source, str(file), [str(file)], variables={"Value": Value}), view)
    clean.get(pages[0].as_uri() + "#step=3")
    assert text(clean, "numbers") == "= log(-2) = no real number"
    assert "Python raises ValueError here" in text(clean, "sentence")
    assert numbers_in_table(clean)[-1][1] == "no real number"
    step_to(clean, 99)
    set_to(clean, "x", 0.5)
    assert numbers_in_table(clean)[-1][1:3] == ["0", "1"]
    click(clean, "reset")
    assert numbers_in_table(clean)[-1][1] == "no real number"


# The address


def test_the_address_holds_the_changed_numbers_and_opens_with_them(page: Chrome) -> None:
    go(page, 9)
    enter(page, "x", "3.1", Keys.ENTER)
    set_to(page, "w", 1e21)
    wait_for_address(page, 9, "&x.data=3.1&w.data=1e%2B21")
    link = page.current_url
    click(page, "reset")
    wait_for_address(page, 9)
    page.get("about:blank")
    page.get(link)
    assert step_shown(page) == 9
    assert_neuron(page, 3.1, 1e21)
    go(page, 9)  # an address without numbers
    assert_neuron(page, 2.0, -3.0)


NAMES = ["W1[2,3]", "a&b=c", "50 %", "#", "x+y", "größe 𝔵 🎈", "a.data", "?/\\'\"<"]


def test_the_address_holds_any_name(clean: Chrome, tmp_path: Path) -> None:
    root = Value.sum([Value(float(i), label=name) for i, name in enumerate(NAMES)])
    open_page(clean, root, tmp_path, "#step=99")
    for i, name in enumerate(NAMES):
        set_to(clean, name, i + 0.5)
    changes = "".join(
        f"&{quote(name, safe=chr(39) + '()*!~')}.data={i + 0.5}" for i, name in enumerate(NAMES)
    )
    wait_for_address(clean, 11, changes)
    link = clean.current_url
    clean.get("about:blank")
    clean.get(link)
    assert [values(clean)[name][0] for name in NAMES] == [i + 0.5 for i in range(len(NAMES))]
    assert text(clean, "notice") == ""


@pytest.mark.parametrize(
    ("address", "notice"),
    [
        ("#step=9&z.data=1", "the address sets z, which is not a leaf of this graph"),
        ("#step=9&y.data=1", "the address sets y, which is not a leaf of this graph"),
        ("#step=9&w.data=one", 'the address sets w to "one", which is not a number'),
        ("#step=9&w.data=", 'the address sets w to "", which is not a number'),
    ],
)
def test_a_wrong_address_is_told_in_one_line(
    clean: Chrome, tmp_path: Path, address: str, notice: str
) -> None:
    open_page(clean, neuron(), tmp_path, f"{address}&x.data=4")
    assert clean.find_element(By.ID, "notice").text == notice
    assert_neuron(clean, 4.0, -3.0)


# An operation that fails


def failing(x: float = 1.0, w: float = 2.0) -> Value:
    x_node, w_node = Value(x, label="x"), Value(w, label="w")
    made = {"log": x_node.log(), "ratio": x_node / w_node, "exp": x_node.exp(), "triple": w_node * 3}
    for label, node in made.items():
        node.label = label
    y = Value.sum([*made.values()])
    y.label = "y"
    return y


@pytest.mark.parametrize(
    ("leaf", "number", "failed", "why", "said"),
    [
        ("x", 0.0, "log", "log(x): Python raises ValueError here", "no real number"),
        ("x", -2.0, "log", "log(x): Python raises ValueError here", "no real number"),
        ("w", 0.0, "ratio", "x / w: Python raises ZeroDivisionError here", "division by zero"),
        ("x", 1000.0, "exp", "exp(x): Python raises OverflowError here", "too large"),
    ],
)
def test_an_operation_that_fails_says_why_and_the_rest_goes_on(
    clean: Chrome, tmp_path: Path, leaf: str, number: float, failed: str, why: str, said: str
) -> None:
    with pytest.raises((ValueError, ArithmeticError)) as caught:
        failing(**{leaf: number})
    assert type(caught.value).__name__ in why
    root = failing()
    open_page(clean, root, tmp_path, "#step=99")
    set_to(clean, leaf, number)
    names = [row[0] for row in numbers_in_table(clean)]
    row = numbers_in_table(clean)[names.index(failed)]
    assert (row[1], row[3]) == (said, why)
    number_in_box = in_box(clean, names.index(failed) + 1)
    assert number_in_box.text == said
    assert why in str(
        box(clean, names.index(failed) + 1).find_element(By.TAG_NAME, "title").get_property("textContent")
    )
    shown = values(clean)
    assert shown["triple"] == ((0.0 if leaf == "w" else 6.0), 1.0)
    assert math.isnan(shown["y"][0] or 0.0)
    results = [node.label for node in topological_order(root) if node.operands]
    step_to(clean, 2 + results.index(failed))
    assert said in text(clean, "numbers")
    assert text(clean, "sentence") == f"{why}, so {failed} has no number."
    step_to(clean, 99)
    click(clean, "reset")
    root.backward()
    assert_numbers(clean, root)


# What a drag costs

WATCH = """
const counted = (owner, name) => {
  const own = Object.getOwnPropertyDescriptor(owner, name);
  const which = own.get ? "get" : "value";
  const asked = own[which];
  Object.defineProperty(owner, name, { ...own, [which](...given) {
    if (dragging) layouts.push(name);
    return asked.apply(this, given);
  } });
};
let dragging = false;
globalThis.layouts = [];
globalThis.touched = new Set();
addEventListener("pointermove", () => (dragging = true), true);
addEventListener("pointermove", () => (dragging = false));
const layout = new RegExp("^(offset|client|scroll)(Left|Top|Width|Height|Parent)$|Rects?$|^scroll|BBox|CTM" +
  "|^get.*(Char|Length|SubString)|^innerText|FromPoint");
for (const owner of [Element, HTMLElement, SVGGraphicsElement, SVGTextContentElement, Range, Document]) {
  for (const name of Object.getOwnPropertyNames(owner.prototype)) {
    if (layout.test(name)) counted(owner.prototype, name);
  }
}
for (const name of ["getComputedStyle", "innerWidth", "innerHeight", "scrollX", "scrollY"]) {
  counted(globalThis, name);
}
new MutationObserver((records) => {
  for (const { target } of records) {
    const element = target instanceof Element ? target : target.parentElement;
    const part = element?.closest("#picture .node, tbody tr");
    if (part) touched.add(part.id || `row of ${part.cells[0].textContent}`);
  }
}).observe(document.querySelector("main"), { subtree: true, childList: true, characterData: true });
"""


@pytest.mark.parametrize("backward", [False, True])
def test_a_drag_touches_what_changed_and_asks_for_no_layout(
    clean: Chrome, tmp_path: Path, backward: bool
) -> None:
    root = loss_of_one_passenger()
    open_page(clean, root, tmp_path, f"#step={step_of_last(root) if backward else begins(root) - 1}")
    clean.execute_async_script("requestAnimationFrame(() => setTimeout(arguments[0]))")  # it is laid out
    click(clean, "fit")
    clean.execute_script(WATCH)
    rows = numbers_in_table(clean)
    name = "W2[1,1]"
    number = in_row(clean, name)
    clean.execute_script("arguments[0].scrollIntoView({ block: 'center' })", number)
    clean.execute_async_script("touched.clear(); setTimeout(arguments[0], 50)")
    drag(clean, number, 40)
    touched, layouts = clean.execute_script("return [[...touched], layouts]")
    changed = [
        k
        for k, (old, new) in enumerate(zip(rows, numbers_in_table(clean), strict=True), 1)
        if old[1:3] != new[1:3]
    ]
    assert len(changed) == len(rows) if backward else 5 < len(changed) < len(rows) / 2
    boxes = {f"node-{k}" for k in changed}
    # The number of the leaf itself is an input's, in which no text changes.
    of_rows = {f"row of {rows[k - 1][0]}" for k in changed} - {f"row of {name}"}
    assert {*touched} - {f"row of {name}"} == boxes | of_rows
    assert layouts == []


# What a gradient foretold


def test_a_change_is_compared_with_what_the_gradient_foretold(page: Chrome) -> None:
    go(page, 9)
    drag(page, in_row(page, "x"), 4)
    assert text(page, "foretold") == (
        "x: 2 → 2.1. Its gradient, -3, foretold -3 · 0.1000 = -0.3000 for y; "
        "it changed by -0.3000, 1 → 0.7000."
    )
    drag(page, in_row(page, "x"), 16)  # since it was first changed
    assert text(page, "foretold") == (
        "x: 2 → 2.5. Its gradient, -3, foretold -3 · 0.5 = -1.5 for y; it changed by -1, 1 → 0."
    )
    set_to(page, "x", 2.1)
    drag(page, in_row(page, "w"), -8)
    assert text(page, "foretold") == (
        "w: -3 → -3.2. Its gradient, 2.1, foretold 2.1 · (-0.2000) = -0.4200 for y; "
        "it changed by -0.4200, 0.7000 → 0.2800."
    )
    set_to(page, "x", 2.0)
    assert text(page, "foretold") == (
        "x: 2.1 → 2. Its gradient, -3.2, foretold -3.2 · (-0.1000) = 0.3200 for y; "
        "it changed by 0.3200, 0.2800 → 0.6000."
    )
    click(page, "reset")
    assert text(page, "foretold") == ""


# For courses and tests


def test_values_are_those_of_the_step_that_is_shown(page: Chrome) -> None:
    script = "microgrid.go(arguments[0]); return [microgrid.step, microgrid.values()]"
    unknown = {"data": None, "grad": None}
    assert page.execute_script(script, 0) == [0, dict.fromkeys(["x", "w", "v1", "v2", "y"], unknown)]
    set_to(page, "x", 0.1)
    step, known = page.execute_script(script, 2)
    assert (step, known["v1"], known["v2"]) == (2, {"data": 0.1 * -3.0, "grad": None}, unknown)
    step, known = page.execute_script(script, 8)
    assert (step, known["x"], known["w"]) == (8, {"data": 0.1, "grad": -3}, {"data": -3, "grad": 0})
    assert known["v2"] == {"data": 0.1 * -3.0 + 7, "grad": 1}
    page.execute_script("microgrid.reset()")
    assert page.execute_script(script, 99) == [
        9,
        {
            "x": {"data": 2, "grad": -3},
            "w": {"data": -3, "grad": 2},
            "v1": {"data": -6, "grad": 1},
            "v2": {"data": 1, "grad": 1},
            "y": {"data": 1, "grad": 1},
        },
    ]


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ("set('z', 1)", "RangeError: this graph has no leaf called z"),
        ("set('y', 1)", "RangeError: this graph has no leaf called y"),
        ("set('x', '3.1')", "TypeError: the data of x is a number, such as 3.1"),
        ("set('x')", "TypeError: the data of x is a number, such as 3.1"),
    ],
)
def test_a_wrong_call_is_an_error_in_one_line(page: Chrome, call: str, error: str) -> None:
    assert (
        page.execute_script(f"try {{ microgrid.{call} }} catch (error) {{ return String(error) }}") == error
    )
    step_to(page, 9)
    assert_neuron(page, 2.0, -3.0)


# What a step is


def layers(w1: float = 0.5) -> Value:
    """A graph of boxes of several Values: x[1], x[2] and w[1], w[2], then h[1], h[2], then y."""
    x = [Value(number, label=f"x[{i}]") for i, number in enumerate([1.0, -2.0], 1)]
    w = [Value(number, label=f"w[{i}]") for i, number in enumerate([w1, 3.0], 1)]
    h = [x[0] * w[0] + x[1], x[1] * w[1] + x[0]]
    for i, node in enumerate(h, 1):
        node.label = f"h[{i}]"
    y = h[0] * h[1]
    y.label = "y"
    return y


def stops(browser: Chrome) -> list[int]:
    """The steps at which the key for the next one stops, from the first on."""
    press(browser, Keys.HOME)
    found = [step_shown(browser)]
    while len(found) < 2 or found[-1] != found[-2]:
        press(browser, Keys.ARROW_RIGHT)
        found.append(step_shown(browser))
    return found[:-1]


def test_larger_steps_stop_where_a_node_and_where_a_box_is_complete(clean: Chrome, tmp_path: Path) -> None:
    root = layers()
    open_page(clean, root, tmp_path)
    steps = [*backward_steps(root)]
    first = begins(root)
    assert stops(clean) == [*range(first + len(steps) + 1)]
    press(clean, "g")
    complete = {step.operand: first + number for number, step in enumerate(steps, 1)}
    assert stops(clean) == [*range(first + 1), *sorted(complete.values())]
    press(clean, "g")
    stem = {node: box.name for box in folded(node_names(root)) for node in box.nodes + box.absorbed}
    results = [node for node in topological_order(root) if node.operands]
    computed = {stem[node]: number for number, node in enumerate(results, 2)}
    boxes = {stem[node]: number for node, number in sorted(complete.items(), key=lambda pair: pair[1])}
    assert stops(clean) == sorted({0, 1, *computed.values(), first, *boxes.values()})
    press(clean, "g")
    assert len(stops(clean)) == first + len(steps) + 1


def test_a_node_is_told_with_all_its_contributions(clean: Chrome, tmp_path: Path) -> None:
    root = layers()
    open_page(clean, root, tmp_path)
    names = node_names(root)
    press(clean, "g")
    steps = [*backward_steps(root)]
    for node in {step.operand: None for step in steps}:
        given = [step for step in steps if step.operand is node]
        step_to(clean, begins(root) + 1 + steps.index(given[-1]))
        terms = [f"{names[step.node]}.grad · ∂{names[step.node]}/∂{names[node]}" for step in given]
        assert text(clean, "names") == f"{names[node]}.grad = {' + '.join(terms)}"
        numbers = text(clean, "numbers").removeprefix("= ")
        left, _, grad = numbers.rpartition(" = ")
        assert grad == short(given[-1].after)
        assert eval(left.replace("·", "*")) == given[-1].after
        assert f"The gradient of {names[node]} is complete, {grad}" in text(clean, "sentence")
        lit = {arrow.get_attribute("id") for arrow in clean.find_elements(By.CSS_SELECTOR, "g.is-local_grad")}
        assert len(lit) == len(given)


def test_a_box_is_told_with_all_its_values(clean: Chrome, tmp_path: Path) -> None:
    open_page(clean, layers(), tmp_path)
    press(clean, "g", "g", Keys.END)
    box_name = text(clean, "pass").removeprefix("Backward pass, the box ")
    assert text(clean, "names").count(f"{box_name}[") == 2
    assert text(clean, "sentence") == f"The gradients of 2 Values of {box_name} are complete."
    press(clean, Keys.HOME, Keys.ARROW_RIGHT)
    while text(clean, "pass") != "Forward pass, the box h":
        press(clean, Keys.ARROW_RIGHT)
        assert step_shown(clean) < begins(layers())
    assert text(clean, "names") == "h[1] = -1.5, h[2] = -5"


def test_the_slider_and_its_marks_follow_the_steps(clean: Chrome, tmp_path: Path) -> None:
    root = layers()
    open_page(clean, root, tmp_path)
    boxes = folded(node_names(root))
    marks = clean.find_element(By.CSS_SELECTOR, "#marks path").get_attribute("d") or ""
    assert marks.count("M") == len(boxes) + 1
    assert marks.startswith(f"M{begins(root)} ")
    press(clean, "b")
    assert step_shown(clean) == begins(root)
    click(clean, "first")
    clean.find_element(By.ID, "backward").click()
    assert step_shown(clean) == begins(root)
    press(clean, "g")
    places = stops(clean)
    for wanted in range(step_of_last(root) + 1):
        clean.execute_script(
            "slider.value = arguments[0]; slider.dispatchEvent(new Event('input', { bubbles: true }))", wanted
        )
        assert step_shown(clean) in places
        assert abs(step_shown(clean) - wanted) == min(abs(place - wanted) for place in places)


# Parameters


def with_parameters() -> tuple[Value, list[Value]]:
    x, w, b, t = (Value(float(i), label=name) for i, name in enumerate("xwbt", 2))
    h = x * w + b
    h.label = "h"
    scaled = t * 2
    scaled.label = "scaled"
    y = h * scaled
    y.label = "y"
    return y, [w, b]


def test_parameters_have_the_roles_and_colours_of_draw(clean: Chrome, tmp_path: Path) -> None:
    root, parameters = with_parameters()
    open_page(clean, root, tmp_path, parameters=parameters)
    svg = html.unescape(draw(root, parameters=parameters).pipe(format="svg", encoding="utf-8"))
    fills = {}
    for number in range(1, len(drawn(root)) + 1):
        (classes,) = re.findall(rf'<g id="node-{number}" class="([\w ]+)">', svg)
        role = classes.split()[1]
        assert role in str(box(clean, number).get_attribute("class")).split()
        shape = box(clean, number).find_element(By.CSS_SELECTOR, "polygon, path")
        step_to(clean, 99)
        colour = shape.value_of_css_property("fill")
        red, green, blue = (int(part) for part in re.findall(r"\d+", colour)[:3])
        assert f"#{red:02x}{green:02x}{blue:02x}" == ROLES[role]["fillcolor"]
        fills[role] = colour
    assert {"input", "parameter", "root", "intermediate"} == fills.keys()
    assert len({*fills.values()}) == 4


def test_what_leads_to_no_parameter_can_be_hidden(clean: Chrome, tmp_path: Path) -> None:
    root, parameters = with_parameters()
    open_page(clean, root, tmp_path, parameters=parameters)
    names = node_names(root)
    numbers = {names[node]: number for number, node in enumerate(drawn(root), 1)}

    def seen() -> tuple[set[str], set[str], int]:
        boxes = {name for name, number in numbers.items() if box(clean, number).is_displayed()}
        rows = {row.text for row in clean.find_elements(By.CSS_SELECTOR, "tbody th") if row.is_displayed()}
        arrows = [arrow for arrow in clean.find_elements(By.CSS_SELECTOR, "g.edge") if arrow.is_displayed()]
        return boxes, {row.split(" ")[0] for row in rows}, len(arrows)

    assert seen() == ({*numbers}, {*numbers}, 7)
    click(clean, "filter")
    kept = {"w", "b", "v1", "h", "y"}
    assert seen() == (kept, kept, 4)
    told = set()
    for number in stops(clean):
        step_to(clean, number)
        told.add(text(clean, "names").split(" ")[0].removesuffix(".grad"))
    assert told.isdisjoint({"x", "t", "scaled"})
    click(clean, "filter")
    assert seen() == ({*numbers}, {*numbers}, 7)
    assert len(stops(clean)) == step_of_last(root) + 1


def test_steps_end_and_keys_move_among_what_is_not_hidden(clean: Chrome, tmp_path: Path) -> None:
    root, _ = with_parameters()
    (t,) = (node for node in topological_order(root) if node.label == "t")
    open_page(clean, root, tmp_path, parameters=[t])
    click(clean, "filter")
    last = stops(clean)[-1]
    assert last < step_of_last(root)
    press(clean, Keys.END)
    assert step_shown(clean) == last
    for name in ("next", "last"):
        assert clean.find_element(By.ID, name).get_attribute("aria-disabled") == "true"
    clean.find_element(By.CSS_SELECTOR, "#speed option[value='20']").click()
    click(clean, "first")
    click(clean, "play")
    clean.execute_async_script("const done = arguments[0]; setInterval(() => playing || done(), 5)")
    assert step_shown(clean) == last
    clean.find_element(By.CSS_SELECTOR, ".skip").send_keys(Keys.TAB)
    focused = []
    for _ in range(4):
        focused.append(str(clean.switch_to.active_element.get_attribute("aria-label")).split(",")[0])
        press(clean, Keys.ARROW_DOWN)
    assert focused == ["t", "scaled", "y", "y"]


def test_the_filter_is_there_where_it_hides_something(page: Chrome) -> None:
    assert not page.find_element(By.ID, "filter").is_displayed()


def test_the_boxes_stand_in_the_order_of_draws_picture(clean: Chrome, tmp_path: Path) -> None:
    root = loss_of_one_passenger()
    parameters = [node for node in topological_order(root) if node.label.startswith(("W", "b"))]
    open_page(clean, root, tmp_path, parameters=parameters)
    root.backward()
    plain = draw(root, parameters=parameters).pipe(format="plain", encoding="utf-8")
    theirs = [
        (float(x), -float(y), f"node-{k}")
        for k, x, y in re.findall(r"^node (\d+) ([\d.]+) ([\d.]+) ", plain, re.MULTILINE)
    ]
    ours = [
        (round(x, 1), y, name)
        for name, x, y in clean.execute_script(
            "return boxes.map(({ shape, place }) => [shape.id, (place.left + place.right) / 2, place.top])"
        )
    ]
    assert columns(ours) == columns(theirs)
    assert len(columns(ours)) > 5


def columns(places: list[tuple[float, float, str]]) -> list[list[str]]:
    """Names column by column, each from above."""
    found: dict[float, list[str]] = {}
    for x, _, name in sorted(places):
        found.setdefault(x, []).append(name)
    return [*found.values()]


# The quiz


def ask(browser: Chrome, number: int) -> None:
    """Begin the quiz, at a step."""
    step_to(browser, number)
    press(browser, "q")


def answer(browser: Chrome, number: str) -> str:
    """Answer with a number, and return what is said of it."""
    browser.find_element(By.ID, "answer").click()
    press_with(browser, Keys.CONTROL, "a")
    press(browser, number, Keys.ENTER)
    return text(browser, "verdict")


def shown_anywhere(browser: Chrome, node: int) -> list[str]:
    """All places that tell a node's numbers and those of the step."""
    row = numbers_in_table(browser)[node - 1]
    shape = box(browser, node)
    tooltip = str(shape.find_element(By.TAG_NAME, "title").get_property("textContent"))
    in_picture = [
        browser.find_elements(By.CSS_SELECTOR, f"#a_{which}-{node} text")[-1].text
        for which in ("data", "grad")
    ]
    label = str(shape.get_attribute("aria-label"))
    return [
        *row[1:],
        *tooltip.split("\n")[1:],
        *in_picture,
        label,
        text(browser, "numbers"),
        text(browser, "sentence"),
    ]


def test_the_quiz_hides_a_result_until_it_is_known(page: Chrome) -> None:
    known = shown_anywhere_at(page, 2)
    assert sum("-6" in place for place in known) == 7
    ask(page, 2)
    hidden = shown_anywhere(page, 3)
    assert not any("-6" in place for place in hidden)
    assert hidden[-3:] == ["v1, not computed yet", "", ""]
    assert answer(page, "-6.05") == "Right."
    assert shown_anywhere(page, 3) == known
    assert text(page, "score") == "1 of 1 right"


def shown_anywhere_at(browser: Chrome, number: int) -> list[str]:
    step_to(browser, number)
    return shown_anywhere(browser, 3)


def test_the_quiz_hides_a_contribution_until_it_is_known(page: Chrome) -> None:
    known = shown_anywhere_at(page, 7)
    assert known[0:2] == ["-6", "1"]
    ask(page, 7)
    hidden = shown_anywhere(page, 3)
    assert hidden[0:4] == ["-6", "0", "-6", "0"]
    assert hidden[-3:] == ["v1, data -6, grad 0, 0 of 1 contributions", "", ""]
    click(page, "reveal")
    assert shown_anywhere(page, 3) == known
    assert text(page, "score") == "0 of 1 right"


def test_nothing_tells_what_the_quiz_hides(clean: Chrome, tmp_path: Path) -> None:
    x = Value(1.25, label="x")
    y = x.exp() * x
    y.label = "y"
    hidden = "3.49"
    assert short(math.exp(1.25)) == "3.490"
    open_page(clean, y, tmp_path, "#step=99")
    numbers_in_table(clean)  # the tooltips are told at the last step
    ask(clean, 2)
    told = "return [...document.querySelectorAll('main > *, .node')].map((part) => part.outerHTML).join('')"
    without_arrows = "for (const arrow of document.querySelectorAll('.edge')) arrow.replaceChildren();"
    pointers = {
        arrow.value_of_css_property("pointer-events")
        for arrow in clean.find_elements(By.CSS_SELECTOR, "g.edge.is-unknown")
    }
    assert pointers == {"none"}  # no tooltip
    assert hidden not in clean.execute_script("return document.body.innerText")
    clean.execute_script("ask(boxes[0])")
    assert not clean.find_element(By.ID, "why").is_displayed()
    assert text(clean, "notice") == "the paths would give the number away: answer first, or reveal it"
    assert answer(clean, "3.49") == "Right."
    assert hidden in clean.execute_script(told)
    press(clean, Keys.ARROW_LEFT, "q", "q", Keys.ARROW_RIGHT)
    assert hidden not in clean.execute_script(without_arrows + told)


def test_a_wrong_answer_gets_the_two_factors_in_their_colours(page: Chrome) -> None:
    ask(page, 8)  # x.grad += v1.grad · ∂v1/∂x = 1 · (-3)
    assert answer(page, "3").startswith("Not 3: work out ")
    assert parts(page, "verdict")[1:] == [("1", "node-role"), (" · ", ""), ("(-3)", "local_grad-role")]
    assert answer(page, "-2.9") == "Not -2.9: work out 1 · (-3)"
    assert "number" in answer(page, "minus three")
    assert answer(page, "-3") == "Right."
    assert text(page, "score") == "0 of 1 right"  # not at the first attempt
    press(page, Keys.ARROW_LEFT, Keys.ARROW_LEFT)
    assert answer(page, "1") == "Right."
    assert text(page, "score") == "1 of 2 right"


def test_a_wrong_answer_for_a_result_gets_its_operands(page: Chrome) -> None:
    ask(page, 2)
    assert answer(page, "5") == "Not 5: work out 2 · (-3)"
    assert {part for part in parts(page, "verdict") if part[1]} == {
        ("2", "operand-role"),
        ("-3", "operand-role"),
    }


def test_nan_and_inf_are_answers_too(clean: Chrome, tmp_path: Path) -> None:
    big, x = Value(1e308, label="big"), Value(0.0, label="x")
    inf = big * 10
    inf.label = "inf"
    root = inf * x
    root.label = "root"
    open_page(clean, root, tmp_path)
    ask(clean, 2)
    for wrong in ("1e300", "-inf", "nan"):
        assert answer(clean, wrong).startswith("Not ")
    assert answer(clean, "inf") == "Right."
    press(clean, Keys.ARROW_RIGHT)
    assert answer(clean, "inf").startswith("Not ")
    assert answer(clean, "nan") == "Right."


def test_keys_in_an_answer_are_not_those_of_the_page(page: Chrome) -> None:
    ask(page, 2)
    page.find_element(By.ID, "answer").click()
    press(page, "b", "g", "w", "q", " ", "0", Keys.ARROW_LEFT, Keys.ARROW_RIGHT, Keys.HOME, Keys.END)
    assert step_shown(page) == 2
    assert page.find_element(By.ID, "answer").get_property("value") == "bgwq 0"
    assert page.find_element(By.ID, "quiz").is_displayed()
    assert not page.find_element(By.ID, "why").is_displayed()


def test_leaving_the_quiz_shows_all_again(page: Chrome) -> None:
    known = shown_anywhere_at(page, 2)
    click(page, "ask")
    wait_for_address(page, 2, "&quiz")
    assert shown_anywhere(page, 3) != known
    click(page, "ask")
    assert shown_anywhere(page, 3) == known
    assert not page.find_element(By.ID, "quiz").is_displayed()
    wait_for_address(page, 2)


def test_the_address_asks(clean: Chrome, tmp_path: Path) -> None:
    open_page(clean, neuron(), tmp_path, "#step=2&quiz")
    assert clean.find_element(By.ID, "answer").is_displayed()
    open_page(clean, neuron(), tmp_path, "#quiz")
    assert not clean.find_element(By.ID, "answer").is_displayed()  # nothing is asked at the start
    press(clean, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    assert answer(clean, "-6") == "Right."
    set_to(clean, "x", 3.0)  # a new number is a new question
    assert answer(clean, "-6") == "Not -6: work out 3 · (-3)"


def test_a_node_with_all_its_contributions_is_asked_for(clean: Chrome, tmp_path: Path) -> None:
    open_page(clean, shared(), tmp_path)
    press(clean, "g")
    ask(clean, 8)
    assert text(clean, "quiz").strip().startswith("Your answer") is False
    assert clean.find_element(By.ID, "answer").accessible_name == "x.grad ="
    assert answer(clean, "6") == "Not 6: work out 1 · 1 + 1 · 3 + 1 · 3"
    assert answer(clean, "7") == "Right."


# Why a gradient is what it is


def paths(browser: Chrome) -> list[str]:
    return [
        str(item.get_property("textContent")) for item in browser.find_elements(By.CSS_SELECTOR, "#paths li")
    ]


def lit(browser: Chrome) -> set[str]:
    return {
        str(arrow.get_attribute("id")) for arrow in browser.find_elements(By.CSS_SELECTOR, "g.edge.is-lit")
    }


def assert_why(browser: Chrome, root: Value, node: Value) -> None:
    """Assert that the page tells the paths of why, the largest first, and lights their arrows."""
    found = why(root, node)
    names = node_names(root)
    numbers = {node: number for number, node in enumerate(drawn(root), 1)}
    over = f"the sum over {found.count} paths" if found.count > 1 else "the only path"
    assert (
        text(browser, "why-title")
        == f"{names[node]}.grad = {short(found.gradient)}: {over} from {names[root]}"
    )
    listed = paths(browser)
    for path, item in zip(found.paths, listed, strict=False):
        product, chain, *_ = item.split(" = ")
        assert product == short(path.product)
        edges = [f"∂{names[step.node]}/∂{names[step.operand]}{step.subscript()}" for step in path.steps]
        assert chain == " · ".join(edges)
    rest = listed[len(found.paths) :]
    if found.others:
        assert rest.pop(0).startswith(f"{short(found.rest)} = {found.others} other path")
    assert len(rest) == min(5, len(found.blocked))
    for item, block in zip(rest, found.blocked, strict=False):
        assert item.startswith(f"0 = {block.ended} path") and "blocked" in item
    assert lit(browser) == {
        f"edge-{numbers[step.node]}-{step.position}" for path in found.paths for step in path.steps
    }


def test_a_click_on_a_gradient_lists_and_lights_its_paths(clean: Chrome, tmp_path: Path) -> None:
    root = layers()
    names = {name: node for node, name in node_names(root).items()}
    numbers = {node: number for number, node in enumerate(drawn(root), 1)}
    open_page(clean, root, tmp_path, f"#step={step_of_last(root)}")
    assert not clean.find_element(By.ID, "why").is_displayed()
    x = names["x[1]"]
    clean.find_elements(By.CSS_SELECTOR, f"#a_grad-{numbers[x]} text")[-1].click()
    assert_why(clean, root, x)
    assert len(paths(clean)) == 2
    w = names["w[2]"]
    clean.find_elements(By.CSS_SELECTOR, "tbody tr")[numbers[w] - 1].find_elements(By.TAG_NAME, "td")[
        1
    ].click()
    assert_why(clean, root, w)
    assert step_shown(clean) == step_of_last(root)
    press(clean, Keys.ESCAPE)
    assert not clean.find_element(By.ID, "why").is_displayed()
    assert lit(clean) == set()
    clean.execute_script("arguments[0].focus()", box(clean, numbers[x]))
    press(clean, "w")
    assert_why(clean, root, x)
    click(clean, "why-close")
    assert lit(clean) == set()


def test_the_paths_follow_a_change(clean: Chrome, tmp_path: Path) -> None:
    root = layers()
    open_page(clean, root, tmp_path, f"#step={step_of_last(root)}")
    clean.execute_script("boxes.find(({ node }) => node.name === 'x[1]').shape.focus()")
    press(clean, "w")
    before = paths(clean)
    set_to(clean, "w[1]", -40.0)
    assert paths(clean)[0] != before[0]
    changed = layers(w1=-40.0)
    names = {name: node for node, name in node_names(changed).items()}
    assert_why(clean, changed, names["x[1]"])


def test_paths_that_are_blocked_or_many_are_counted(clean: Chrome, tmp_path: Path) -> None:
    x = Value(1.0, label="x")
    y = Value.sum([x, (x - 3).relu(), x * x, x.exp(), x.tanh(), x * 0.5])
    y.label = "y"
    open_page(clean, y, tmp_path, f"#step={step_of_last(y)}")
    clean.execute_script("boxes[0].shape.focus()")
    press(clean, "w")
    assert_why(clean, y, x)
    assert len(paths(clean)) == 7


def test_a_path_is_lit_alone_while_it_is_pointed_at(clean: Chrome, tmp_path: Path) -> None:
    root = layers()
    open_page(clean, root, tmp_path, f"#step={step_of_last(root)}")
    clean.execute_script("boxes.find(({ node }) => node.name === 'x[1]').shape.focus()")
    press(clean, "w")
    both = lit(clean)
    first, second = clean.find_elements(By.CSS_SELECTOR, "#paths li")
    ActionChains(clean).move_to_element(first).perform()
    one = lit(clean)
    ActionChains(clean).move_to_element(second).perform()
    assert one < both and lit(clean) < both and one | lit(clean) == both


# The program beside the graph

with_columns = pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 records no columns")


def marks(browser: Chrome) -> list[tuple[str, str]]:
    """What is marked in the program: the text, and in which colours."""
    found = browser.find_elements(By.CSS_SELECTOR, "#lines mark")
    return [(str(mark.get_property("textContent")), str(mark.get_attribute("class"))) for mark in found]


def marks_in(listing: Listing, step: Step) -> list[tuple[str, str]]:
    """What a listing marks of a step."""
    return [
        (listing.lines[mark.line].text[mark.start : mark.end], f"{mark.role}-mark")
        for mark in listing.marks[step.node, step.position]
    ]


def open_recorded(browser: Chrome, source: str, folder: Path, address: str = "") -> Value:
    root: Value = recorded(source, folder / "lesson.py")["y"]
    open_page(browser, root, folder, address)
    return root


SOURCE = """# a lesson
x = Value(2.0)
w = Value(-3.0)
def model(x):
    return (x * w + 7).relu()


y = model(x)
"""


@with_columns
def test_the_recorded_program_marks_each_step_in_two_colours(clean: Chrome, tmp_path: Path) -> None:
    open_recorded(clean, SOURCE, tmp_path)
    lines = [str(li.get_property("textContent")) for li in clean.find_elements(By.CSS_SELECTOR, "#lines li")]
    assert lines == SOURCE.splitlines()
    assert marks(clean) == []
    step_to(clean, 1)
    assert marks(clean) == [("Value(2.0)", "node-mark"), ("Value(-3.0)", "node-mark")]
    step_to(clean, 8)  # x.grad += v1.grad · ∂v1/∂x
    assert marks(clean) == [("x", "node-mark operand-mark"), (" * w", "node-mark")]
    step_to(clean, 7)  # v1.grad += v2.grad · ∂v2/∂v1
    assert marks(clean) == [("x * w", "node-mark operand-mark"), (" + 7", "node-mark")]
    assert [
        str(li.get_property("textContent")) for li in clean.find_elements(By.CSS_SELECTOR, "#lines li")
    ] == lines
    colours = clean.execute_script(
        "return [...document.querySelectorAll('mark')].map((mark) => getComputedStyle(mark).boxShadow)"
    )
    assert len({*colours}) == 2


@with_columns
def test_a_click_on_a_line_goes_to_its_first_step(clean: Chrome, tmp_path: Path) -> None:
    open_recorded(clean, SOURCE, tmp_path, "#step=99")
    lines = clean.find_elements(By.CSS_SELECTOR, "#lines li")
    for line, number in [(4, 2), (2, 1), (0, 1), (6, 1)]:  # comments and blank lines lead nowhere
        lines[line].click()
        assert step_shown(clean) == number


@with_columns
def test_a_switch_leads_from_the_recorded_to_the_straight_line_program(clean: Chrome, tmp_path: Path) -> None:
    root = open_recorded(clean, SOURCE, tmp_path, "#step=8")
    listing = straight_line_program(node_names(root))
    switch = clean.find_element(By.ID, "programs")
    options = switch.find_elements(By.TAG_NAME, "option")
    assert [option.text for option in options] == ["lesson.py", "straight-line program"]
    options[1].click()
    lines = [str(li.get_property("textContent")) for li in clean.find_elements(By.CSS_SELECTOR, "#lines li")]
    assert lines == [line.text for line in listing.lines]
    assert step_shown(clean) == 8
    step = [*backward_steps(root)][2]
    assert marks(clean) == marks_in(listing, step)
    options[0].click()
    assert marks(clean) == [("x", "node-mark operand-mark"), (" * w", "node-mark")]


def test_without_a_recording_the_straight_line_program_is_marked(page: Chrome) -> None:
    assert not page.find_element(By.ID, "programs").is_displayed()
    assert text(page, "program-title") == "straight-line program"
    root = neuron()
    listing = straight_line_program(node_names(root))
    for number, step in enumerate(backward_steps(root), begins(root) + 1):
        step_to(page, number)
        assert marks(page) == marks_in(listing, step)
    colours = {"node-mark", "operand-mark", "local_grad-mark"}
    assert {role for _, role in marks(page)} <= colours


@with_columns
def test_marks_count_characters_as_python_does(clean: Chrome, tmp_path: Path) -> None:
    source = "x, w = Value(2.0), Value(3.0)\n𝔵 = x; s = '🎈👩‍👩‍👧 é'; y = 𝔵 * w\n"
    open_recorded(clean, source, tmp_path)
    step_to(clean, 4)
    assert marks(clean) == [("𝔵", "node-mark operand-mark"), (" * w", "node-mark")]


@with_columns
def test_hostile_programs_are_shown_and_not_run(clean: Chrome, tmp_path: Path) -> None:
    shown = [attack for attack in ATTACKS if attack.isprintable()]
    comments = "\n".join(f"# {attack}" for attack in shown)
    source = f"{comments}\nx = Value(2.0)\ny = x * Value(3.0)  # </script><!--CONTENT-->\n{comments}\n"
    root: Value = recorded(source, tmp_path / "<img src=x onerror=alert(1)>.py")["y"]
    open_page(clean, root, tmp_path, "#step=3")
    lines = [str(li.get_property("textContent")) for li in clean.find_elements(By.CSS_SELECTOR, "#lines li")]
    assert {line.removeprefix("# ") for line in lines} & {*shown}
    assert "y = x * Value(3.0)  # </script><!--CONTENT-->" in lines
    for number in range(step_of_last(root) + 1):
        step_to(clean, number)
    assert clean.execute_script("return document.scripts.length") == 2
    assert clean.find_elements(By.TAG_NAME, "img") == []
    assert requests(clean) == [(tmp_path / "page.html").as_uri()]
    assert "onerror" in clean.find_element(By.ID, "programs").text


def test_hostile_labels_are_harmless_in_every_panel(clean: Chrome, tmp_path: Path) -> None:
    root = Value.sum([Value(float(i + 1), label=label) for i, label in enumerate(ATTACKS)])
    root.label = "root"
    open_page(clean, root, tmp_path, f"#step={step_of_last(root)}")
    clean.execute_script(
        """
        for (const box of boxes) {
          if (box.input) microgrid.set(box.node.name, 2.5);
          ask(box);
          for (const item of document.querySelectorAll("#paths li")) item.focus();
        }
        for (const [number] of positions.entries()) {
          microgrid.go(number);
          quiz(true);
          check(new Event("submit"));
        }
        """
    )
    assert clean.execute_script("return document.scripts.length") == 2
    assert clean.find_elements(By.TAG_NAME, "img") == []


# Dense graphs


def dense(leaves: int, sums: int, size: int) -> Value:
    """A graph of sums of leaves, and the sum of these."""
    random = Random(0)
    x = [Value(random.uniform(-1.0, 1.0), label=f"x[{i}]") for i in range(leaves)]
    h = [Value.sum(random.sample(x, size)) for _ in range(sums)]
    return Value.sum(h)


def test_no_arrow_of_a_dense_graph_is_dashed(clean: Chrome, tmp_path: Path) -> None:
    root = dense(100, 100, 16)
    open_page(clean, root, tmp_path)
    arrows = clean.execute_script("return document.querySelectorAll('.edge').length")
    assert arrows == 1700
    for number in (0, begins(root), begins(root) + 800):
        step_to(clean, number)
        clean.execute_script("fit()")
        dashes = clean.execute_script(
            """
            return [...new Set([...document.querySelectorAll(".edge :is(path, polygon)")]
              .map((line) => getComputedStyle(line).strokeDasharray))];
            """
        )
        assert dashes == ["none"]


def test_more_arrows_than_a_page_can_show_are_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"^the arrows of the graph are .*: take a smaller one, or .*$"
    ) as caught:
        write_page(dense(60, 60, 55), tmp_path / "page.html")
    assert "\n" not in str(caught.value)
    assert [*tmp_path.iterdir()] == []
