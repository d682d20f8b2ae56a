"""Recorded nodes know their expression in the program and the variable that holds them."""

import gc
import sys
import threading
import tracemalloc
import weakref
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from microgrid import Value, draw, topological_order, unroll, value
from microgrid.names import node_names
from microgrid.nn import MLP
from microgrid.recorder import assigned_name, place_of, recording, variables

COLUMNS = sys.version_info >= (3, 11)
THIS_FILE = Path(__file__).name


def expression(node: Value) -> str:
    """The expression that made a node."""
    place = place_of(node)
    assert place and place.file == __file__
    return place.text if COLUMNS else place.source.strip()


def shows(node: Value, text: str) -> bool:
    """Whether the node's expression is that text; on Python 3.10 whether its line has it."""
    return expression(node) == text if COLUMNS else text in expression(node)


# Which expression


def neuron(x: Value, w: Value, b: Value) -> Value:
    z = x * w + b
    return z.tanh()


def test_each_node_knows_the_expression_that_made_it() -> None:
    with recording():
        x, w = Value(3.0), Value(-2.0)
        y = neuron(x, w, Value(0.5))
    z = y.operands[0]
    assert shows(x, "Value(3.0)") and shows(w, "Value(-2.0)")
    assert shows(z.operands[0], "x * w") and shows(z, "x * w + b") and shows(y, "z.tanh()")
    place = place_of(z)
    assert place and place.source == "    z = x * w + b"


def test_the_expression_is_the_programs_and_not_a_line_inside_microgrid() -> None:
    x = Value(3.0)
    with recording():
        total = Value.sum([x, 2])
        reflected = 2 - x
        added = sum([x, x], Value(0.0))
        model = MLP(2, [1])
        output = model([x, 1.0])
    assert shows(total, "Value.sum([x, 2])") and shows(total.operands[1], "Value.sum([x, 2])")
    assert shows(reflected, "2 - x") and shows(reflected.operands[0], "2 - x")
    assert shows(added, "sum([x, x], Value(0.0))")
    assert shows(model.parameters()[0], "MLP(2, [1])")
    assert isinstance(output, Value) and shows(output, "model([x, 1.0])")


def test_an_expression_may_have_several_lines_and_letters_of_any_width() -> None:
    with recording():
        größe = Value(3.0)
        船 = größe * Value(2.0)
        long = (
            größe
            + 船
        )  # fmt: skip
    assert shows(船, "größe * Value(2.0)")
    if COLUMNS:
        place = place_of(long)
        assert place and place.text.split() == ["größe", "+", "船"] and place.end_line == place.line + 1


def test_what_was_made_before_or_after_is_not_recorded_and_a_nested_recording_ends_with_the_outer() -> None:
    before = Value(1.0)
    with recording():
        with recording():
            pass
        inside = Value(1.0) + before
    after = inside * 2
    assert place_of(before) is None and place_of(after) is None and place_of(inside)
    assert value.new is object.__new__


def test_an_error_ends_the_recording() -> None:
    with pytest.raises(ValueError, match="log"), recording():
        Value(0.0).log()
    assert value.new is object.__new__ and place_of(Value(1.0)) is None


def test_threads_and_generators_are_recorded() -> None:
    made: list[Value] = []

    def terms() -> Iterator[Value]:
        yield Value(2.0)
        yield made[0] * 2

    with recording():
        thread = threading.Thread(target=lambda: made.append(Value(1.0)))
        thread.start()
        thread.join()
        made.extend(terms())
    assert shows(made[0], "Value(1.0)") and shows(made[2], "made[0] * 2")


def test_code_without_a_file_has_a_line_and_no_text(tmp_path: Path) -> None:
    namespace: dict[str, Any] = {"Value": Value}
    with recording():
        exec("x = Value(3.0)\ny = x * x", namespace)
    place = place_of(namespace["y"])
    assert place and (place.file, place.line, place.text, place.source) == ("<string>", 2, "", "")
    names = [*node_names(namespace["y"]).values()]
    assert names == ['namespace["x"]', 'namespace["y"]']


def test_a_notebooks_cell_is_found_in_linecache() -> None:
    from IPython.core import interactiveshell

    shell: Any = interactiveshell.InteractiveShell
    shell = shell()
    shell.run_cell(
        "from microgrid import Value; from microgrid.recorder import *; from microgrid.names import *"
    )
    shell.run_cell("def f(x):\n    z = x * x\n    return z + 1")
    shell.run_cell("with recording():\n    x = Value(3.0)\n    y = f(x)")
    shell.run_cell("told = list(node_names(y).values()), place_of(y).source")
    z = "z" if COLUMNS else "v1"
    assert shell.user_ns["told"] == (["x", z, "1", "y"], "    return z + 1")


# Which variable


def test_a_variable_names_what_it_holds_the_shortest_way_first() -> None:
    Pair = namedtuple("Pair", "left right")
    with recording():
        w = [Value(1.0), Value(2.0)]
        hidden = [[w[0] * 3]]
        params = {"b": Value(4.0), 7: Value(5.0)}
        pair = Pair(Value(6.0), w[0])
        array = np.array([[w[1] + 1]])
        model = MLP(1, [1])
    held = variables(
        [*w, hidden[0][0], *params.values(), pair.left, array[0, 0], model.layers[0].neurons[0].b]
    )
    assert list(held.values()) == [
        *("w[0]", "w[1]", 'params["b"]', "params[7]", "pair.left", "array[0,0]", "hidden[0][0]"),
        "model.layers[0].neurons[0].b",
    ]


def test_what_returned_is_named_by_what_its_expression_was_assigned_to() -> None:
    def inner(x: Value) -> Value:
        first: Value = x + 1
        a, [b, c] = first * 2, [first * 3, first * 4]
        if (walrus := a + b).data:
            walrus += c
        return walrus.exp()

    with recording():
        x = Value(0.1)
        y = inner(x)
    names = [name for node, name in node_names(y).items() if node.op != "constant"]
    if COLUMNS:
        assert names == ["x", "first", "a", "b", "walrus (1)", "c", "walrus (2)", "y"]
    place = place_of(y.operands[0])
    assert place and (assigned_name(place) == "walrus" or not COLUMNS)


def test_nodes_of_one_name_are_numbered_in_the_order_in_which_they_were_made() -> None:
    def step(x: Value) -> Value:
        h = x * 0.5
        return h + 1.0

    with recording():
        x = Value(2.0)
        late, early = step(step(x)), x
        y = late - early
    names = [name for name in node_names(y).values() if name.startswith("h")]
    assert names == (["h (1)", "h (2)"] if COLUMNS else [])
    with recording():
        first, second = step(x), step(x)
        y = second - first  # whose forward pass is told the second first
    called = node_names(y)
    assert [called[root.operands[0]] for root in (first, second)] == (
        ["h (1)", "h (2)"] if COLUMNS else ["v2", "v1"]
    )


def test_a_label_is_stronger_than_a_variable_and_an_unrecorded_graph_asks_for_none() -> None:
    with recording():
        x = Value(3.0, label="input")
        y = x * x
    assert list(node_names(y).values()) == ["input", "y"]
    z = Value(3.0) * Value(2.0)
    assert list(node_names(z).values()) == ["v1", "v2", "v3"]


class Nosy:
    """What counts how often its code is run."""

    ran = 0
    __slots__ = ("__dict__", "slot")

    def __getattr__(self, name: str) -> object:
        type(self).ran += 1
        raise AttributeError(name)

    def __iter__(self) -> Iterator[object]:
        type(self).ran += 1
        return iter(())

    @property
    def loud(self) -> object:
        type(self).ran += 1
        return None


class NosyList(list[Any]):
    def __iter__(self) -> Iterator[Any]:
        Nosy.ran += 1
        return super().__iter__()


def test_the_search_runs_no_code_of_the_program_and_ends() -> None:
    with recording():
        kept: Any = Nosy()
        kept.slot = Value(1.0)
        kept.there = NosyList([Value(2.0)])
        circle: list[Any] = []
        circle.append(circle)
        huge = [[0] * 1000 for _ in range(1000)]
        y = kept.slot * kept.there[0]
    Nosy.ran = 0
    assert [*node_names(y).values()] == ["kept.slot", "kept.there[0]", "y"]
    assert Nosy.ran == 0 and huge


# What recording costs and keeps


def test_recording_changes_no_number_and_keeps_nothing_alive() -> None:
    def compute() -> list[float]:
        x = Value(0.3)
        y = (x * x + x.exp()).tanh() / 3
        y.backward()
        return [node.data for node in topological_order(y)] + [x.grad]

    plain = compute()
    with recording():
        assert compute() == plain
        node = weakref.ref(Value(1.0))
    gc.collect()
    assert node() is None


def test_a_dropped_recorded_graph_is_freed() -> None:
    with recording():
        tracemalloc.start()
        try:
            for _ in range(3):
                y = Value(1.0)
                for _ in range(5_000):
                    y = y * 1.0001
                del y
            used, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert used < peak / 5


# What shows it


def test_the_unrolled_program_says_where_its_lines_come_from() -> None:
    with recording():
        x = Value(0.5)
        y = neuron(x, Value(2.0), Value(1.0))
    program = unroll(y, [x])
    place = place_of(y.operands[0])
    assert place
    first, second, third = program.source.split("# Forward pass")[1].splitlines()[1:4]
    assert first.endswith(f"  # {THIS_FILE}:{place.line}") and "#" not in second
    assert third.endswith(f"  # {THIS_FILE}:{place.line + 1}")
    assert program(0.5)[0] == y.data
    assert draw(y).source
