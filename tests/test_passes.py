"""The passes that the page computes, in a real Chromium, against the engine's: to the bit, to the letter.

A node is compared with what Python makes of the numbers that its operands have in the browser, so that a last
bit that differs in one node is not held against those above it. Then these numbers are put into Python's
graph, and steps, texts and paths have to be the same.
"""

import ast
import itertools
import json
import math
import struct
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from types import CodeType
from typing import TYPE_CHECKING, Any

import pytest
from graphs import ADDED, NUMBERS, random_graphs
from hypothesis import given
from hypothesis import strategies as st

from microgrid import Value, backward_steps, why
from microgrid.functions import FUNCTIONS
from microgrid.javascript import passes_data, rules_source
from microgrid.names import expression, node_names, number_term, short, written
from microgrid.paths import MANY
from microgrid.rows import row_of
from microgrid.steps import Step
from microgrid.value import BLOCKED, RULES

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

PASSES = Path(__file__).parent.parent / "microgrid" / "passes.js"

# fmt: off
MORE = ADDED | {
    "cube":     lambda x: (x ** 3.0, (3.0 * x ** 2.0,)),
    "reserved": lambda var, new: (-(-new - var) - (new - var), (2.0, 0.0)),
    "hat":      lambda x: (x + 1.0 if -1.0 < x <= 0.0 else 1.0 - x if 0.0 < x < 1.0 else 0.0,
                           (1.0 if -1.0 < x <= 0.0 else -1.0 if 0.0 < x < 1.0 else BLOCKED,)),
    "inverse":  lambda x: (z := 1.0 / (x - 2.0), (-z / (x - 2.0),)),
}
# fmt: on

# A number is written {"#": "-0.0"}, since JSON has neither nan nor infinities.
DRIVER = """
const asJson = (content) => JSON.stringify(content, (_, part) =>
  typeof part === "number" ? {"#": Object.is(part, -0) ? "-0.0" : String(part)} : part);
const text = (parts) => parts.map(([text]) => text).join("");
const state = (passes, watched, most) => ({
  nodes: passes.nodes.map((node) => ({
    ...node,
    inNames: passes.expression(node, false),
    inNumbers: passes.expression(node, true),
  })),
  steps: passes.steps.map((step) => ({
    ...step,
    line: text([...passes.inNames(step), [" = ", ""], ...passes.inNumbers(step)]),
    inNames: passes.inNames(step),
    inNumbers: passes.inNumbers(step),
    sum: passes.sum(step),
    place: passes.place(step),
    sentence: passes.sentence(step),
  })),
  why: passes.why(passes.nodes[watched], most),
});
function afterEach(content, changes, watched, most) {
  const passes = new Passes(JSON.parse(content));
  const states = [state(passes, watched, most)];
  for (const [index, number] of changes) {
    passes.set(index, Number(number));
    states.push(state(passes, watched, most));
  }
  passes.reset();
  return asJson([...states, state(passes, watched, most)]);
}
"""


@pytest.fixture(scope="module")
def scripts(browser: "Chrome", tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Chrome]":
    """The browser with the scripts, and with the rows of MORE among their rules."""
    with pytest.MonkeyPatch.context() as patch:
        for op, rule in MORE.items():
            patch.setitem(RULES, op, rule)
        source = "".join([rules_source(RULES), PASSES.read_text("utf-8"), DRIVER])
        page = tmp_path_factory.mktemp("passes") / "passes.html"
        page.write_text(f'<!doctype html><meta charset="utf-8"><script>{source}</script>', encoding="utf-8")
        browser.get(page.as_uri())
        yield browser


_calls = itertools.count(1)


def asked(scripts: "Chrome", code: str, *arguments: object) -> Any:
    """Return what JavaScript's code returns for the arguments."""
    if next(_calls) % 300 == 0:  # a tab keeps what it was sent: thousands of graphs make it crash
        page, tab = scripts.current_url, scripts.current_window_handle
        scripts.switch_to.new_window("tab")
        fresh = scripts.current_window_handle
        scripts.switch_to.window(tab)
        scripts.close()
        scripts.switch_to.window(fresh)
        scripts.get(page)
    answer = scripts.execute_script(f"return {code}", *arguments)
    return json.loads(answer, object_hook=lambda part: float(part["#"]) if "#" in part else part)


def in_javascript(number: float) -> str:
    """Return a number as a text that JavaScript's Number reads."""
    return repr(number).replace("inf", "Infinity")


# What is the same number

EXACT = {"+", "-", "*", "/", "neg", "abs", "relu", "sqrt", "sum"}
KNOWN = {name: body.of_floats for name, body in FUNCTIONS.items()} | {"BLOCKED": BLOCKED, "inf": math.inf}


def distance(a: float, b: float) -> float:
    """Return how many floats lie from a to b; infinitely many if signs differ or one is nan."""
    if math.isnan(a) or math.isnan(b) or math.copysign(1.0, a) != math.copysign(1.0, b):
        return 0.0 if math.isnan(a) and math.isnan(b) else math.inf
    bits_of_a, bits_of_b = struct.unpack("<qq", struct.pack("<dd", a, b))
    return float(abs(bits_of_a - bits_of_b))


@cache
def compiled(op: str) -> list[CodeType]:
    """Return the derivatives of a row as code."""
    return [compile(ast.Expression(slope), "row", "eval") for slope in row_of(op).derivatives]


def slopes_of(op: str, numbers: Sequence[float], z: float) -> list[float]:
    """Return the derivatives that a row has where its result is z."""
    row = row_of(op)
    known = KNOWN | dict(zip(row.operands, numbers)) | {"z": z}
    slopes = [eval(code, known) for code in compiled(op)]
    return slopes * len(numbers) if row.takes_any else slopes


def assert_computed(op: str, numbers: Sequence[float], result: dict[str, Any]) -> None:
    """Hold what JavaScript computed against the row, the slopes where the result is JavaScript's."""
    where = (op, numbers, result)
    data, slopes = result["data"], [BLOCKED if slope is None else slope for slope in result["localGrads"]]
    try:
        expected, _ = RULES[op](*numbers)
    except (ValueError, ArithmeticError) as error:
        assert result["failure"] == type(error).__name__, where
        assert all(math.isnan(number) for number in [data, *slopes]) and len(slopes) == len(numbers), where
        return
    assert result["failure"] == "", where
    most = 0 if op in EXACT else 4
    assert distance(data, expected) <= most, where
    for slope, of_row in zip(slopes, slopes_of(op, numbers, data), strict=True):
        assert (slope is BLOCKED) == (of_row is BLOCKED), where
        assert distance(slope, of_row) <= most, where


# Numbers

AWKWARD = [
    *(
        0.0,
        5e-324,
        1e-300,
        1e-9,
        0.1,
        0.5,
        1.0 - 2**-53,
        1.0,
        1.0 + 2**-52,
        1.5,
        2.0,
        3.0,
        math.pi,
        7.25,
        30.0,
    ),
    *(
        308.25,
        709.78,
        710.0,
        745.5,
        1000.0,
        1e15 + 0.5,
        2.0**53 - 1.0,
        1e22,
        1e155,
        1e200,
        1.7976931348623157e308,
    ),
    math.inf,
]
POINTS = [*AWKWARD, *(-number for number in AWKWARD), math.nan]


def operands_of(op: str, numbers: Sequence[float]) -> Sequence[float]:
    """Return as many of the numbers as the operation has operands."""
    row = row_of(op)
    return numbers if row.takes_any else numbers[: len(row.operands)]


def assert_all_computed(scripts: "Chrome", places: Sequence[tuple[str, Sequence[float]]]) -> None:
    """Hold what JavaScript computes at many places, operations and their operands, against the rows."""
    code = "asJson(arguments[0].map(([op, numbers]) => resultOf(op, numbers.map(Number))))"
    results = asked(scripts, code, [(op, [*map(in_javascript, numbers)]) for op, numbers in places])
    for (op, numbers), result in zip(places, results, strict=True):
        assert_computed(op, numbers, result)


@pytest.mark.parametrize("op", [*RULES, *MORE])
def test_an_operation_has_pythons_numbers_and_failures_at_awkward_points(scripts: "Chrome", op: str) -> None:
    row = row_of(op)
    places = itertools.product(POINTS, repeat=2 if row.takes_any else len(row.operands))
    assert_all_computed(scripts, [(op, numbers) for numbers in places])


@given(places=st.lists(st.tuples(*[st.floats() | st.floats(-30.0, 30.0)] * 3), min_size=1))
def test_each_operation_has_pythons_numbers_and_failures_at_random_points(
    scripts: "Chrome", places: list[tuple[float, ...]]
) -> None:
    assert_all_computed(scripts, [(op, operands_of(op, numbers)) for op in RULES for numbers in places])


WILD = st.sampled_from([math.nan, math.inf, -math.inf, 5e-324, -1e200, 1e200, 800.0]) | st.floats()


@given(
    root=random_graphs(),
    changes=st.lists(st.tuples(st.integers(0, 59), NUMBERS | WILD), max_size=4),
    place=st.integers(0, 59),
    most=st.integers(1, 6),
)
def test_after_changes_both_passes_steps_texts_and_paths_are_pythons(
    scripts: "Chrome", root: Value, changes: list[tuple[int, float]], place: int, most: int
) -> None:
    names = node_names(root)
    nodes = list(names)
    leaves = [index for index, node in enumerate(nodes) if node.op == ""]
    watched = [index for index, node in enumerate(nodes) if node.op != "constant"]
    node = watched[place % len(watched)]
    given = [(leaves[index % len(leaves)], number) for index, number in changes]
    content = json.dumps(passes_data(names, backward_steps(root, names)))
    settings = [(index, in_javascript(number)) for index, number in given]
    states = asked(scripts, "afterEach(...arguments)", content, settings, node, most)

    recorded = {node: (node.data, node.local_grads) for node in nodes}
    now = dict(recorded)
    assert_state(recorded, now, states[0], names)
    for (index, number), state in zip(given, states[1:], strict=False):
        now[nodes[index]] = (number, ())
        assert_state(recorded, now, state, names)
        assert_same_paths(state["why"], root, nodes[node], most, names)
    assert_state(recorded, recorded, states[-1], names)
    assert_same_paths(states[-1]["why"], root, nodes[node], most, names)


Numbers = dict[Value, tuple[float, tuple[float, ...]]]


def assert_state(recorded: Numbers, given: Numbers, state: dict[str, Any], names: dict[Value, str]) -> None:
    """Hold a state of the passes against Python's, and give Python's nodes its numbers."""
    nodes = list(names)
    changed = {
        node for node in nodes if repr(given[node][0]) != repr(recorded[node][0]) and not node.operands
    }
    for node, result in zip(nodes, state["nodes"], strict=True):
        if node.operands and not changed.isdisjoint(node.operands):
            changed.add(node)
            assert_computed(node.op, [operand.data for operand in node.operands], result)
        else:
            data, local_grads = (recorded if node.operands else given)[node]
            slopes = [slope for slope in local_grads if slope is not BLOCKED]
            assert [repr(slope) for slope in result["localGrads"] if slope is not None] == [
                *map(repr, slopes)
            ]
            assert repr(result["data"]) == repr(data) and result["failure"] == ""
        assert result["changed"] == (node in changed)
        node.data = result["data"]
        node.local_grads = tuple(BLOCKED if slope is None else slope for slope in result["localGrads"])
    assert_same_expressions(nodes, state, names)
    assert_same_steps(list(backward_steps(nodes[-1], names)), state)


def assert_same_expressions(nodes: list[Value], state: dict[str, Any], names: dict[Value, str]) -> None:
    for node, result in zip(nodes, state["nodes"], strict=True):
        assert result["inNames"] == [list(part) for part in expression(node, names)]
        if node.operands:
            roles = ["" if operand.op == "constant" else "operand" for operand in node.operands]
            terms = [number_term(short(operand.data), role) for operand, role in zip(node.operands, roles)]
            assert result["inNumbers"] == [list(part) for part in written(node.op, terms).parts]


def assert_same_steps(steps: list[Step], state: dict[str, Any]) -> None:
    grads = {step.operand: step.after for step in steps}
    for step, result in zip(steps, state["steps"], strict=True):
        numbers = [step.node_grad, step.local_grad, step.contribution, step.before, step.after]
        theirs = [result[name] for name in ("nodeGrad", "localGrad", "contribution", "before", "after")]
        assert [repr(float(number)) for number in numbers] == [*map(repr, theirs)]
        assert (step.nth, step.uses) == (result["nth"], result["uses"])
        assert str(step) == result["line"]
        assert [list(part) for part in step.in_names()] == result["inNames"]
        assert [list(part) for part in step.in_numbers()] == result["inNumbers"]
        assert (step.sum(), step.place()) == (result["sum"], result["place"])
        assert step.sentence() == result["sentence"]
        assert repr(grads[step.operand]) == repr(state["nodes"][int(result["operand"])]["grad"])


def assert_same_paths(
    found: dict[str, Any], root: Value, node: Value, most: int, names: dict[Value, str]
) -> None:
    theirs = why(root, node, most=most, names=names)
    steps = enumerate(backward_steps(root, names))
    number = {(step.node, step.position): index for index, step in steps}
    assert repr(found["gradient"]) == repr(theirs.gradient)
    assert found["count"] == (theirs.count if theirs.count < MANY else math.inf)
    assert [(repr(path["product"]), path["steps"]) for path in found["paths"]] == [
        (repr(path.product), [number[step.node, step.position] for step in path.steps])
        for path in theirs.paths
    ]
    assert found["others"] == (theirs.others if theirs.others < MANY else math.inf)
    assert repr(found["rest"]) == repr(theirs.rest)
    assert [(block["step"], block["ended"]) for block in found["blocked"]] == [
        (number[block.step.node, block.step.position], block.ended) for block in theirs.blocked
    ]


def test_what_is_blocked_lets_nothing_through(scripts: "Chrome") -> None:
    x = Value(1.0, label="x")
    root = (x.relu()).sqrt()
    names = node_names(root)
    content = json.dumps(passes_data(names, backward_steps(root, names)))
    at_minus_1 = asked(scripts, "afterEach(...arguments)", content, [[0, "-1"]], 0, 5)[1]
    assert [node["grad"] for node in at_minus_1["nodes"]] == [0.0, math.inf, 1.0]
    assert at_minus_1["nodes"][1]["localGrads"] == [None]
    assert at_minus_1["steps"][1]["line"] == "x.grad += v1.grad · ∂v1/∂x = inf · 0 = 0; x.grad = 0"


def test_after_a_failure_the_rest_goes_on(scripts: "Chrome") -> None:
    x, w = Value(1.0, label="x"), Value(2.0, label="w")
    root = x.log() + w * 3
    names = node_names(root)
    content = json.dumps(passes_data(names, backward_steps(root, names)))
    nodes = asked(scripts, "afterEach(...arguments)", content, [[0, "0"]], 0, 5)[1]["nodes"]
    known = {node["name"]: node for node in nodes}
    assert [node["failure"] for node in nodes] == ["", "ValueError", "", "", "", ""]
    assert (known["w"]["grad"], known["v2"]["data"]) == (3.0, 6.0)
    assert math.isnan(known["x"]["grad"]) and math.isnan(known["v3"]["data"])


def test_a_leaf_that_is_put_back_is_unchanged_and_so_is_all_that_depends_on_it(scripts: "Chrome") -> None:
    x, w = Value(math.nan, label="x"), Value(0.0, label="w")
    root = x * w
    names = node_names(root)
    content = json.dumps(passes_data(names, backward_steps(root, names)))
    changes = [[0, "2"], [0, "NaN"], [1, "-0"], [1, "0"]]
    states = asked(scripts, "afterEach(...arguments)", content, changes, 0, 5)
    assert [[node["changed"] for node in state["nodes"]] for state in states] == [
        [False, False, False],
        [True, False, True],
        [False, False, False],
        [False, True, True],
        [False, False, False],
        [False, False, False],
    ]


def test_more_paths_than_a_float_counts_are_infinitely_many(scripts: "Chrome") -> None:
    y = x = Value(1.0, label="x")
    for _ in range(200):
        y = (y + y) * 0.5
    names = node_names(y)
    content = json.dumps(passes_data(names, backward_steps(y, names)))
    (found, _) = asked(scripts, "afterEach(...arguments)", content, [], 0, 5)
    assert_same_paths(found["why"], y, x, 5, names)
    assert found["why"]["count"] == math.inf == found["why"]["others"]


# Numbers as they are shown


def shown(scripts: "Chrome", numbers: list[float]) -> Any:
    return asked(scripts, "asJson(arguments[0].map(Number).map(short))", [*map(in_javascript, numbers)])


def test_short_numbers_are_pythons_at_ties_and_powers(scripts: "Chrome") -> None:
    # A tie has five digits, the last a 5, so it is a whole number of 2 ** -7 or larger.
    ties = [digits / 2.0**power for digits in range(5, 100_000, 10) for power in (0, 1, 2, 3, 4)]
    ties += [digits * 5.0 / 10.0**power for digits in range(1, 20_000, 3) for power in range(-10, 9)]
    ties += [odd / 2.0**power for odd in range(1, 2000, 2) for power in range(5, 11)]
    ties += [whole + quarter for whole in range(990, 3000) for quarter in (0.25, 0.75, 0.05, 0.15)]
    powers = [2.0**power for power in range(-1074, 1024)] + [
        float(f"1e{power}") for power in range(-323, 309)
    ]
    edges = [999.95, 999_999.95, 1e6, 1e-4, 1000.0, 0.99999, 9.9995, 99995.0, 1.0625, 1234500.0]
    near = [math.nextafter(edge, towards) for edge in edges for towards in (0.0, math.inf)]
    numbers = [*ties, *powers, *edges, *near, 0.0, math.inf, math.nan]
    numbers += [-number for number in numbers]
    assert shown(scripts, numbers) == [*map(short, numbers)]


@given(numbers=st.lists(st.floats() | st.floats(-1e7, 1e7) | st.floats(-10.0, 10.0), min_size=50))
def test_short_numbers_are_pythons_at_random(scripts: "Chrome", numbers: list[float]) -> None:
    assert shown(scripts, numbers) == [*map(short, numbers)]


# The source


def test_rules_have_only_the_functions_that_their_rows_call() -> None:
    assert "Math" not in rules_source(["+", "*", "relu"])
    source = rules_source(["tanh", "**n", "tanh"])
    assert all(f"const {name} = " in source for name in ("tanh", "power", "slope_by_base", "inRange"))
    assert not any(f"const {name} = " in source for name in ("exp", "sin", "slope_by_exponent", "quotient"))
    assert source.count('"tanh": ') == 1


def test_rules_and_passes_can_stand_in_a_script_element(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RULES, "</script><!--", ADDED["leaky"])
    for source in (rules_source(RULES), PASSES.read_text("utf-8")):
        assert "</" not in source and "<!--" not in source


def test_a_row_that_cannot_be_quoted_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RULES, "strange", lambda x: (math.exp(x), (x,)))
    with pytest.raises(
        ValueError, match=r"^the row of 'strange' in RULES cannot be quoted: a row may not say"
    ):
        rules_source(["+", "strange"])
