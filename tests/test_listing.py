"""A listing shows the program's lines, and which part of them each node and each step is."""

import ast
import dataclasses
import linecache
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from graphs import random_graphs, recorded
from hypothesis import given

from microgrid import Value, backward_steps, topological_order, unroll
from microgrid import listing as module
from microgrid.listing import Listing, recorded_program, straight_line_program
from microgrid.names import node_names
from microgrid.recorder import Place, place_of, recording

with_columns = pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 records no columns")
Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """What runs a program in a file, recorded, and returns its variables."""

    def run(source: str, name: str = "lesson.py") -> dict[str, Any]:
        return recorded(source, tmp_path / name)

    return run


def only(listings: list[Listing]) -> Listing:
    (listing,) = listings
    return listing


def parts(listing: Listing, node: Value, position: int | None = None) -> list[str]:
    """The marked parts of a node or a step, as `role: text`."""
    return [
        f"{mark.role}: {listing.lines[mark.line].text[mark.start : mark.end]}"
        for mark in listing.marks.get((node, position), ())
    ]


# The recorded program

EXPRESSIONS = {
    "x * w": ["x", "w"],
    "x - w": ["x", "w"],
    "x / w": ["x", "w"],
    "x ** w": ["x", "w"],
    "x ** 2": ["x", "2"],
    "3 * x": ["3", "x"],
    "1 - x": ["1", "x"],
    "-x": ["x"],
    "abs(x)": ["x"],
    "x.relu()": ["x"],
    "Value.tanh(x)": ["x"],
    "(x * w) . sigmoid ( )": ["x * w"],
    "Value.sum([x, w * x, 2])": ["x", "w * x", "2"],
    "Value.sum((x, w))": ["x", "w"],
    "(x + w) * (x - (w))": ["x + w", "x - (w)"],
    "(lambda x: x * w)(x)": None,
    "sum([x, w])": None,
    "Value.sum(values=[x])": None,
    "Value.sum([*[x, w]])": None,
    "MLP(1, [1])([x])": None,
}


@with_columns
@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_a_step_is_marked_as_the_nodes_expression_and_the_operands_inside_it(
    run: Run, expression: str
) -> None:
    y = run(f"x, w = Value(3.0), Value(2.0)\n\ny = {expression}\n")["y"]
    listing = only(recorded_program(node_names(y)))
    made = "x * w" if "lambda" in expression else expression
    assert parts(listing, y) == [f"node: {made}"]
    operands = ["x", "w"] if "lambda" in expression else EXPRESSIONS[expression]
    for position in range(len(y.operands)):
        expected = [f"node: {made}"] + ([f"operand: {operands[position]}"] if operands else [])
        assert parts(listing, y, position) == expected


@with_columns
def test_an_augmented_assignment_is_marked_whole(run: Run) -> None:
    y = run("x = Value(3.0)\ny = x.exp()\ny += 2 * x\n")["y"]
    listing = only(recorded_program(node_names(y)))
    assert parts(listing, y, 0) == ["node: y += 2 * x", "operand: y"]
    assert parts(listing, y, 1) == ["node: y += 2 * x", "operand: 2 * x"]


@with_columns
def test_an_expression_of_several_lines_has_a_mark_on_each(run: Run) -> None:
    source = "x = Value(3.0)\ny = (x\n     .exp()\n     + Value.sum([\n\n\tx,\n     ]))\n"
    y = run(source)["y"]
    listing = only(recorded_program(node_names(y)))
    assert parts(listing, y) == [f"node: {part}" for part in ("x", ".exp()", "+ Value.sum([", "x,", "])")]
    assert parts(listing, y, 0)[5:] == ["operand: x", "operand: .exp()"]
    assert parts(listing, y, 1)[5:] == ["operand: Value.sum([", "operand: x,", "operand: ])"]
    assert parts(listing, y.operands[0]) == ["node: x", "node: .exp()"]
    assert parts(listing, y.operands[0], 0)[2:] == ["operand: x"]
    assert parts(listing, y.operands[1], 0)[3:] == ["operand: x"]


@with_columns
def test_leaves_are_marked_where_they_were_made_and_constants_are_not(run: Run) -> None:
    variables = run("x = Value(3.0, label='x')\ny = x * 2\n")
    x, y = variables["x"], variables["y"]
    listing = only(recorded_program(node_names(y)))
    assert parts(listing, x) == ["node: Value(3.0, label='x')"]
    assert {node for node, _ in listing.marks} == {x, y}


NETWORK = '''
def neuron(w, x, b):
    """A neuron."""
    z = Value.sum([wi * xi for wi, xi in zip(w, x)]) + b
    return z.tanh() if z > 0 else (-z).relu()
größe, 船, 𝔵 = Value(0.5), Value(-2.0), "é" and Value(1.5, label="⚡")
if True:
\ty = größe*船 ; "\t" ; z = y - 𝔵 / größe
hidden = [neuron([größe, 船], [z, y], 𝔵) for _ in range(2)]
loss = (neuron(hidden, [3.0 - z, z**2], y)
        - 1) ** 2
'''


@with_columns
def test_the_marks_are_the_source_segments_of_python(run: Run) -> None:
    loss = run(NETWORK)["loss"]
    listing = only(recorded_program(node_names(loss)))
    assert [line.text for line in listing.lines] == NETWORK[:-1].replace("\t", "    ").split("\n")
    segments = set()
    for expression in ast.walk(ast.parse(NETWORK)):
        if isinstance(expression, ast.expr):
            segment = ast.get_source_segment(NETWORK, expression)
            assert segment
            segments.add("".join(segment.split()))
    for node in node_names(loss):
        if node.op == "constant":
            continue
        place = place_of(node)
        assert place
        made = [part.removeprefix("node: ") for part in parts(listing, node)]
        assert "".join("".join(made).split()) == "".join(place.text.split())
        for position in range(len(node.operands)):
            inside = parts(listing, node, position)[len(made) :]
            text = "".join(part.removeprefix("operand: ") for part in inside)
            assert "".join(text.split()) in segments | {""}


@with_columns
def test_lines_around_the_places_are_listed_and_short_gaps_are_filled(run: Run) -> None:
    def numbers(gap: int) -> list[int]:
        blank = "\n" * gap
        y = run(f"{blank}x = Value(3.0)\n{blank}y = x * x\n{blank}", f"{gap}.py")["y"]
        return [line.number for line in only(recorded_program(node_names(y))).lines]

    assert numbers(11) == [*range(9, 28)]
    assert numbers(12) == [*range(10, 17), *range(23, 30)]


@with_columns
def test_each_file_has_a_listing_of_its_own(run: Run) -> None:
    square = run("def square(x):\n    return x * x\n", "squares.py")["square"]
    variables = run("square = None\ndef cube(x):\n    return square(x) * x\n")
    variables["square"] = square
    with recording():
        y = variables["cube"](Value(3.0))
    here, squares, lesson = recorded_program(node_names(y))
    assert [here.title, squares.title, lesson.title] == [Path(__file__).name, "squares.py", "lesson.py"]
    assert parts(lesson, y, 0) == ["node: square(x) * x", "operand: square(x)"]
    assert parts(squares, y.operands[0], 1) == ["node: x * x", "operand: x"]


@with_columns
def test_control_and_bidi_characters_are_escaped_and_the_marks_move_along(run: Run) -> None:
    y = run("x = Value(3.0)\n'\x1b[31m\u202e</script>'; y = ('\u2066', x)[1] * x  # \u202e\x07\n")["y"]
    listing = only(recorded_program(node_names(y)))
    assert all(line.text.isprintable() for line in listing.lines)
    assert listing.lines[1].text.startswith("'\\x1b[31m\\u202e</script>'; y = ('\\u2066', x)[1] * x")
    assert parts(listing, y, 0) == ["node: ('\\u2066', x)[1] * x", "operand: ('\\u2066', x)[1]"]


def test_without_columns_the_whole_line_is_marked(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def without_columns(node: Value) -> Place | None:
        place = place_of(node)
        return place and dataclasses.replace(place, end_line=place.line, column=-1, end_column=-1)

    monkeypatch.setattr(module, "place_of", without_columns)
    y = run("if True:\n\tx = Value(3.0)\n\ty = x * 2  # twice\n")["y"]
    listing = only(recorded_program(node_names(y)))
    assert parts(listing, y, 0) == parts(listing, y) == ["node: y = x * 2  # twice"]


@with_columns
def test_a_source_that_is_gone_or_has_changed_gives_no_listing(run: Run, tmp_path: Path) -> None:
    y = run("x = Value(3.0)\ny = x * x\n")["y"]
    names = node_names(y)
    assert recorded_program(names)
    for other in ("", "x =", "z = 1\n" * 9, "\0", "x = Value(2)\nyy = x * x\n", None):
        file = tmp_path / "lesson.py"
        file.unlink() if other is None else file.write_text(other)
        linecache.clearcache()
        assert recorded_program(names) == []


def test_what_was_not_recorded_or_has_no_source_gives_no_listing() -> None:
    assert recorded_program([Value(1.0) + 2]) == []
    namespace: dict[str, Any] = {"Value": Value}
    with recording():
        exec("x = Value(3.0)\ny = x * x", namespace)
    assert recorded_program([namespace["y"]]) == []


@with_columns
def test_a_notebooks_cell_is_listed() -> None:
    from IPython.core import interactiveshell

    shell: Any = interactiveshell.InteractiveShell
    shell = shell()
    shell.run_cell("from microgrid import Value, recording")
    shell.run_cell("%cd -q .\nwith recording():\n    x = Value(3.0)\n    y = x * x")
    y = shell.user_ns["y"]
    place = place_of(y)
    assert place
    listing = only(recorded_program([y]))
    assert listing.title == Path(place.file).name
    assert parts(listing, y, 1) == ["node: x * x", "operand: x"]


# The straight-line program


def inputs(root: Value) -> list[Value]:
    return [node for node in topological_order(root) if not node.operands and node.op != "constant"]


def test_the_parts_of_a_step_are_those_of_the_chain_rule() -> None:
    x, w = Value(3.0, "x"), Value(-2.0, "w")
    z = x * w
    z.label = "z"
    y = Value.sum([z.relu(), 1.0 - x**3, abs(w)])
    listing = straight_line_program(node_names(y))
    relu, difference, size = y.operands
    assert parts(listing, x) == ["node: x"] and listing.marks[x, None][0].line == 0
    assert parts(listing, z) == ["node: z", "operand: x", "operand: w"]
    assert parts(listing, z, 0) == ["operand: dv5_dx", "node: dv5_dz", "local_grad: w"]
    assert parts(listing, relu, 0) == ["operand: dv5_dz", "local_grad: 0.0 if z <= 0.0 else", "node: dv5_dv1"]
    assert parts(listing, y) == ["node: v5", "operand: v1", "operand: v3", "operand: v4"]
    assert parts(listing, y, 1) == ["operand: dv5_dv3", "node: dv5_dv5"]
    assert parts(listing, difference, 1) == ["operand: dv5_dv2", "local_grad: -", "node: dv5_dv3"]
    cube = difference.operands[1]
    assert parts(listing, cube, 0) == ["operand: dv5_dx", "node: dv5_dv2", "local_grad: (3.0 * x ** 2)"]
    assert parts(listing, size, 0)[1:3] == ["node: dv5_dv4", "local_grad: if w > 0.0 else -"]


def test_a_sum_and_parameters_of_several_lines_are_marked_on_each() -> None:
    leaves = [Value(1.0, f"x[{i}]") for i in range(40)]
    y = Value.sum([*leaves, -2.5])
    listing = straight_line_program(node_names(y))
    made = [f"operand: x_{i}" for i in range(40)]
    assert parts(listing, y) == ["node: v1", *made, "operand: (-2.5)"]
    assert len({mark.line for mark in listing.marks[y, None]}) > 3
    assert [parts(listing, leaf) for leaf in leaves] == [[f"node: x_{i}"] for i in range(40)]


@given(random_graphs())
def test_it_is_the_source_of_unroll_with_each_needed_step_marked(root: Value) -> None:
    names = node_names(root)
    listing = straight_line_program(names)
    source = unroll(root, inputs(root)).source
    assert "".join(f"{line.text}\n" for line in listing.lines) == source
    assert [line.number for line in listing.lines] == [*range(1, len(listing.lines) + 1)]
    target = {
        node: parts(listing, node)[0].removeprefix("node: ")
        for node in names
        if (node, None) in listing.marks
    }
    assert target.keys() == {node for node in names if node.operands} | {*inputs(root)}
    gradient = {
        node: next((word for word in re.findall(r"\w+", source) if word == f"d{target[root]}_d{name}"), None)
        for node, name in target.items()
    }
    for step in backward_steps(root, names):
        found = parts(listing, step.node, step.position)
        if found:
            assert found[0] == f"operand: {gradient[step.operand]}"
            assert {part for part in found if part.startswith("node")} <= {f"node: {gradient[step.node]}"}
            lines = {mark.line for mark in listing.marks[step.node, step.position]}
            assert len(lines) == 1
        else:
            assert not gradient[step.operand]


@given(random_graphs())
def test_the_marks_of_a_step_cover_its_line_except_for_signs(root: Value) -> None:
    listing = straight_line_program(node_names(root))
    for (_, position), marks in listing.marks.items():
        if position is not None:
            line = rest = listing.lines[marks[0].line].text
            for mark in reversed(marks):
                assert line[mark.start : mark.end] == line[mark.start : mark.end].strip()
                rest = rest[: mark.start] + rest[mark.end :]
            assert re.fullmatch(r" *\+?=[ *]*", rest), line
            tree = ast.parse(line.strip()).body[0]
            assert isinstance(tree, ast.Assign | ast.AugAssign)
