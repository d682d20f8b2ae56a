"""The prompt goes forward and back over the same numbers as `backward`, and says one clear line otherwise."""

import io
import math
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pexpect
import pytest
from graphs import diamond, random_graphs
from hypothesis import given
from hypothesis import strategies as st
from jupyter_client.manager import start_new_kernel

from microgrid import Value, backward_steps, debug, topological_order, why
from microgrid.debugger import Debugger
from titanic.network import Network
from titanic.passengers import Scaling, embedded

ROOT = Path(__file__).parent.parent
ENVIRONMENT = os.environ | {
    "PYTHONPATH": str(ROOT),
    "PYTHONIOENCODING": "utf-8",
    "TERM": "xterm",
    "COLUMNS": "80",
}


@pytest.fixture(autouse=True)
def _eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def obey(root: Value, *commands: str) -> str:
    """Return what a session prints after its first two lines and before its last."""
    output = io.StringIO()
    debugger = Debugger(root, io.StringIO("".join(command + "\n" for command in commands)), output)
    debugger.interact()
    lines = output.getvalue().splitlines(keepends=True)
    return "".join(lines[2:-1])


def started(root: Value) -> str:
    """Return what a session prints before its first command."""
    debugger = Debugger(root, io.StringIO("q\n"), output := io.StringIO())
    debugger.interact()
    return output.getvalue().partition("(debug)")[0]


def answer(root: Value, *commands: str) -> str:
    """Return what a session prints after its last command."""
    *_, last = obey(root, *commands, "q").removesuffix("(debug) q\n").split("(debug) ")
    return last.partition("\n")[2]


def bits(root: Value) -> list[str]:
    """Every grad under root, exactly; nan equals nan."""
    return [node.grad.hex() for node in topological_order(root)]


def bits_after(root: Value, steps: int) -> list[str]:
    """Every grad after so many steps of the chain rule from zeroed grads, the way `backward` takes them."""
    order = topological_order(root)
    grads = dict.fromkeys(order, 0.0)
    grads[root] = 1.0
    for node in reversed(order):
        for operand, local_grad in zip(node.operands, node.local_grads):
            if steps and operand.op != "constant":
                grads[operand] += grads[node] * local_grad
                steps -= 1
    return [grad.hex() for grad in grads.values()]


# Going forward and back


def test_a_session_reads_like_one_at_a_terminal() -> None:
    _, _, y = diamond()
    output = io.StringIO()
    debugger = Debugger(y, io.StringIO("n\ns 2\n\nback\nq\n"), output)
    debugger.interact()
    assert output.getvalue() == (
        "y = -3: 4 nodes, 4 steps. h lists the commands.\n"
        "> before the first step: y.grad is 1, all others are 0\n"
        "(debug) n\n"
        "> step 1 of 4: y = v1 + x\n"
        "-> v1.grad += y.grad · ∂y/∂v1 = 1 · 1 = 1; v1.grad = 1\n"
        "   v1 receives its only contribution.\n"
        "(debug) s 2\n"
        "> step 3 of 4: v1 = x · w\n"
        "-> x.grad += v1.grad · ∂v1/∂x = 1 · (-2) = -2; x.grad = 1 + (-2) = -1\n"
        "   x receives the 2nd of its 2 contributions.\n"
        "(debug) \n"
        "> step 4 of 4: v1 = x · w\n"
        "-> w.grad += v1.grad · ∂v1/∂w = 1 · 3 = 3; w.grad = 3\n"
        "   w receives its only contribution.\n"
        "The pass is complete.\n"
        "(debug) back\n"
        "> step 3 of 4: v1 = x · w\n"
        "-> x.grad += v1.grad · ∂v1/∂x = 1 · (-2) = -2; x.grad = 1 + (-2) = -1\n"
        "   x receives the 2nd of its 2 contributions.\n"
        "(debug) q\n"
        "All grads are restored.\n"
    )


moves = st.lists(st.integers(-30, 30), max_size=20)


@given(root=random_graphs(), moves=moves)
def test_after_any_moves_the_grads_are_those_after_that_many_steps_bit_for_bit(
    root: Value, moves: list[int]
) -> None:
    debugger = Debugger(root, io.StringIO(), io.StringIO())
    here = 0
    assert bits(root) == bits_after(root, 0)
    for move in moves:
        debugger.onecmd("n" if move == 0 else f"s {move}" if move > 0 else f"back {-move}")
        here = max(0, min(here + (move or 1), debugger.total))
        assert debugger.done == here
        assert bits(root) == bits_after(root, here)


@given(root=random_graphs(), moves=moves)
def test_a_pass_that_ends_complete_leaves_what_backward_leaves(root: Value, moves: list[int]) -> None:
    for node in topological_order(root):
        node.grad = 0.5
    obey(root, *(f"s {move}" if move > 0 else f"back {-move}" for move in moves if move), "c", "q")
    stepped = bits(root)
    for node in topological_order(root):
        node.grad = 0.0
    root.backward()
    assert bits(root) == stepped


@given(root=random_graphs(), moves=moves)
def test_a_pass_that_ends_incomplete_leaves_what_was_there(root: Value, moves: list[int]) -> None:
    for number, node in enumerate(topological_order(root)):
        node.grad = number / 7
    found = bits(root)
    obey(root, "c", *(f"s {move}" if move > 0 else f"back {-move}" for move in moves if move), "back", "q")
    assert bits(root) == found


def test_quitting_before_the_first_step_leaves_what_was_there() -> None:
    x, w, y = diamond()
    x.grad, w.grad, y.grad = 7.0, 8.0, math.nan
    obey(y, "p x", "q")
    assert (x.grad, w.grad) == (7.0, 8.0) and math.isnan(y.grad)


def test_an_error_in_the_session_restores_what_was_there(monkeypatch: pytest.MonkeyPatch) -> None:
    x, _, y = diamond()
    x.grad = 7.0
    monkeypatch.setattr("sys.stdin", io.StringIO("n\nn\n"))
    monkeypatch.setattr(Debugger, "do_n", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        debug(y)
    assert x.grad == 7.0


def test_constants_have_no_steps_no_breakpoints_and_no_rows() -> None:
    x = Value(2.0, label="x")
    y = 3 * x + 1
    assert "3 nodes, 2 steps" in started(y)
    assert "step 2 of 2" in answer(y, "c")
    assert answer(y, "b 3.0") == "There is no node '3.0'; ll lists them.\n"
    assert answer(y, "ll").splitlines()[1:] == [
        "1     x = 2           2     0    0 of 1",
        "2     v1 = 3 · x      6     0    0 of 1",
        "3  -> v2 = v1 + 1     7     1",
    ]
    assert answer(y, "p v1").splitlines()[4:] == ["x         2.0             3.0"]
    assert answer(y, "p v1.operands[0]") == "Value(data=3.0, grad=0.0, op='constant')\n"
    assert answer(y, "why v1.operands[0]") == "v1.operands[0] is not a node; ll lists them.\n"


def test_a_leaf_may_be_named_like_a_constant() -> None:
    y = 3 * Value(2.0, label="3")
    assert answer(y, "p 3").startswith("3 = 2\n")


def test_opening_a_session_computes_only_the_first_step() -> None:
    debugger = Debugger(Value.sum([Value(1.0)] * 10_000), io.StringIO(), io.StringIO())
    assert len(debugger.steps) == 1
    assert bits(debugger.root) == bits_after(debugger.root, 0)


def test_at_either_end_of_the_pass_the_prompt_says_so() -> None:
    _, _, y = diamond()
    assert answer(y, "back") == "No step has been performed: there is nothing to undo.\n"
    assert answer(y, "n", "back 5") == ("> before the first step: y.grad is 1, all others are 0\n")
    assert answer(y, "c").endswith("The pass is complete.\n")
    for command in ("n", "s 3", "c"):
        assert answer(y, "c", command) == "The pass is complete: back undoes a step, q quits.\n"


def test_a_leaf_has_a_session_without_steps() -> None:
    x = Value(3.0, label="x")
    assert "nothing to undo" in answer(x, "back")
    assert answer(x, "n") == "The pass is complete: back undoes a step, q quits.\n"
    for command in ("w", "l", "ll", "p", "p x", "e", "why", "b x", "b", "until x", "j 0", "rc", "c"):
        obey(x, command)
    assert x.grad == 1.0


@pytest.mark.parametrize("number", ["0", "-1", "1.5", "x", "1 2", "²", "9" * 5000])
def test_what_is_not_a_number_of_steps_is_refused_in_one_line(number: str) -> None:
    _, _, y = diamond()
    for command in ("n", "s", "back"):
        text = answer(y, "n", f"{command} {number}")
        assert text == f"{number!r} is not a number of steps; write 1, 2, 3, …\n"


def test_a_number_of_steps_may_be_larger_than_there_are() -> None:
    _, _, y = diamond()
    assert "step 4 of 4" in answer(y, f"s {'9' * 18}")


@given(root=random_graphs(), moves=moves, names=st.sets(st.integers(0, 59), max_size=3))
def test_whatever_command_moves_the_grads_are_those_after_that_many_steps(
    root: Value, moves: list[int], names: set[int]
) -> None:
    debugger = Debugger(root, io.StringIO(), io.StringIO())
    nodes = [name for number, name in enumerate(debugger.nodes) if number in names]
    for name in nodes:
        debugger.onecmd(f"b {name}")
    for move in moves:
        commands = [*(f"until {name}" for name in nodes), "rc", "restart", "c", f"j {abs(move)}", "n"]
        debugger.onecmd(commands[move % len(commands)])
        assert bits(root) == bits_after(root, debugger.done)


def test_jump_goes_to_a_step_and_restart_before_the_first() -> None:
    _, _, y = diamond()
    for commands in (["j 3"], ["c", "j 3"], ["b x", "j 3"], ["j 4", "back"]):
        assert answer(y, *commands).startswith("> step 3 of 4")
    for commands in (["c", "restart"], ["restart"], ["n", "j 0"]):
        assert answer(y, *commands).startswith("> before the first step")
    for wrong in ("5", "-1", "x", "", "9" * 5000):
        assert answer(y, f"j {wrong}") == f"{wrong!r} is not a step; write 0 to 4.\n"


def test_until_goes_on_until_the_gradient_is_complete() -> None:
    _, _, y = diamond()
    text = answer(y, "until x")
    assert text.startswith("> step 3 of 4") and "the 2nd of its 2 contributions" in text
    assert answer(y, "b w", "j 3", "back", "b v1", "until w").startswith("> step 4 of 4")
    assert answer(y, "b v1", "until x").startswith("> step 1 of 4")
    for complete in (["until x", "until x"], ["until y"]):
        name = complete[-1].split()[1]
        assert answer(y, *complete) == f"The gradient of {name} is complete.\n"


@given(root=random_graphs(), place=st.integers(0, 59))
def test_until_stops_at_the_step_after_which_the_gradient_changes_no_more(root: Value, place: int) -> None:
    debugger = Debugger(root, io.StringIO(), io.StringIO())
    name, node = [*debugger.nodes.items()][place % len(debugger.nodes)]
    debugger.onecmd(f"until {name}")
    received = [number for number, step in enumerate(debugger.steps, 1) if step.operand is node]
    assert debugger.done == (received[-1] if node is not root else 0)
    grad = node.grad.hex()
    debugger.onecmd("c")
    assert node.grad.hex() == grad


def test_rc_goes_back_to_the_previous_breakpoint() -> None:
    _, _, y = diamond()
    assert answer(y, "b x", "c", "c", "c", "rc").startswith("> step 3 of 4")
    assert answer(y, "b x", "j 4", "rc", "rc").startswith("> step 2 of 4")
    assert answer(y, "b x", "j 4", "rc", "rc", "rc").startswith("> before the first step")
    assert answer(y, "rc") == "No step has been performed: there is nothing to undo.\n"


# Inside a program whose own backward comes afterwards


@given(root=random_graphs(), moves=moves, ends=st.sampled_from(["q", "c", None]))
def test_inside_a_program_every_grad_is_left_as_it_was_found(
    root: Value, moves: list[int], ends: str | None
) -> None:
    for number, node in enumerate(topological_order(root)):
        node.grad = number / 7
    found = bits(root)
    commands = [f"s {move}" if move > 0 else f"back {-move}" for move in moves if move]
    commands += ["c", "c"] if ends == "c" else ["q"] if ends else []
    text = io.StringIO("".join(f"{command}\n" for command in commands))
    outcome = Debugger(root, text, io.StringIO(), inside_program=True).interact()
    assert outcome == ("continue" if ends == "c" else "quit")
    assert bits(root) == found


# Breakpoints


@given(root=random_graphs(), chosen=st.sets(st.integers(0, 59), max_size=4))
def test_continue_stops_at_each_contribution_that_a_breakpoint_receives(
    root: Value, chosen: set[int]
) -> None:
    debugger = Debugger(root, io.StringIO(), io.StringIO())
    nodes = [node for number, node in enumerate(debugger.uses) if number in chosen]
    for node in nodes:
        debugger.onecmd(f"b {debugger.name(node)}")
    order = topological_order(root)
    uses = [operand for node in reversed(order) for operand in node.operands if operand.op != "constant"]
    expected = [number for number, operand in enumerate(uses, 1) if operand in nodes]
    if not expected or expected[-1] < len(uses):
        expected.append(len(uses))
    stops = []
    while debugger.done < debugger.total:
        debugger.onecmd("c")
        stops.append(debugger.done)
    assert stops == expected


def test_a_breakpoint_stops_a_number_of_steps_too() -> None:
    _, _, y = diamond()
    assert "> step 2 of 4" in answer(y, "b x", "s 4")


def test_breakpoints_are_listed_and_removed() -> None:
    _, _, y = diamond()
    assert answer(y, "b") == "No breakpoints; b NAME sets one.\n"
    assert answer(y, "s 2", "b x") == "Breakpoint 1 at x, 1 of 2 contributions received.\n"
    assert answer(y, "b x", "b w if x.grad > 1", "b x", "b") == (
        "Breakpoint 1 at x, 0 of 2 contributions received.\n"
        "Breakpoint 2 at w if x.grad > 1, 0 of 1 contributions received.\n"
    )
    assert answer(y, "b x", "cl x") == answer(y, "b x", "cl 1") == "Breakpoint 1 at x removed.\n"
    assert answer(y, "b x", "cl x", "b") == "No breakpoints; b NAME sets one.\n"
    assert answer(y, "b x", "cl x", "b w").startswith("Breakpoint 2 at w")
    assert answer(y, "b x", "cl w") == "There is no breakpoint at w; b lists them.\n"
    assert answer(y, "b x", "b w", "cl") == "2 breakpoints removed.\n"
    assert answer(y, "b y") == "y is the root: its grad is 1 from the start, and no step adds to it.\n"


def test_a_condition_decides_whether_a_breakpoint_stops() -> None:
    _, _, y = diamond()
    assert answer(y, "b x if x.grad < 0", "c").startswith("> step 3 of 4")
    assert answer(y, "b x if x.grad > 99", "c").startswith("> step 4 of 4")
    assert answer(y, "b x if operand.grad == 1 and local_grad == 1 and node.op == '+'", "c").startswith(
        "> step 2"
    )
    assert answer(y, "b x if x.grad < 0", "j 4", "rc").startswith("> step 3 of 4")
    assert answer(y, "b x if (", "b") == "No breakpoints; b NAME sets one.\n"
    assert answer(y, "b x if (") == "*** SyntaxError: '(' was never closed\n"


def test_a_condition_that_fails_stops_and_says_so() -> None:
    _, _, y = diamond()
    text = answer(y, "b x if zork", "c")
    assert text.startswith("zork: *** NameError: name 'zork' is not defined\n> step 2 of 4")


def meeting() -> tuple[Value, Value]:
    """Return a and the distance of a from where it is, whose gradient is inf · 0."""
    a = Value(2.0, label="a")
    y = ((a - Value(2.0, label="b")) ** 2).sqrt()
    y.label = "y"
    return a, y


def test_a_breakpoint_at_nan_stops_where_inf_and_nan_appear() -> None:
    _, y = meeting()
    _, _, x = diamond()
    y = x + y
    assert answer(y, "b nan") == "Breakpoint 1 where inf or nan appears.\n"
    assert "= 1 · inf = inf;" in answer(y, "b nan", "c")
    assert "= inf · 0 = nan;" in answer(y, "b nan", "c", "c")
    assert "The pass is complete." in answer(y, "b nan", "c", "c", "c")
    assert answer(y, "b nan", "cl nan") == "Breakpoint 1 at nan removed.\n"
    big = Value(1e200, label="big")
    assert answer(big * big, "b nan").startswith("The forward pass made one: v1 = big · big = inf.\n")


@given(root=random_graphs())
def test_a_breakpoint_at_nan_stops_first_at_the_first_grad_that_is_not_finite(root: Value) -> None:
    debugger = Debugger(root, io.StringIO(), io.StringIO())
    debugger.onecmd("b nan")
    debugger.onecmd("c")
    wild = [number for number, step in enumerate(backward_steps(root), 1) if not math.isfinite(step.after)]
    assert debugger.done == (wild[0] if wild else debugger.total)


def test_a_breakpoint_at_a_line_of_the_listing_stops_where_that_node_gives_or_that_leaf_receives() -> None:
    _, _, y = diamond()
    assert answer(y, "b 3") == "Breakpoint 1 at line 3.\n"
    stops = [answer(y, "b 3", "b 1", *["c"] * count).partition(":")[0] for count in (1, 2, 3)]
    assert stops == ["> step 2 of 4", "> step 3 of 4", "> step 4 of 4"]
    assert answer(y, "b 7") == "No node was made on line 7; ll lists the nodes and their lines.\n"


# Looking


def test_print_shows_a_node_in_full() -> None:
    x, _, _ = diamond()
    y = x * 0.1 + x
    assert answer(y, "s 2", "p x") == "x = 3\ndata 3.0\ngrad 1.0, 1 of 2 contributions received\n"
    assert answer(y, "p v1") == (
        "v1 = x · 0.1\n"
        "data 0.30000000000000004\n"
        "grad 0.0, 0 of 1 contributions received\n"
        "operand  data  local gradient\n"
        "x         3.0             0.1\n"
    )
    assert answer(y, "p v2").splitlines()[2] == "grad 1.0, the root's own"


def test_print_alone_shows_the_operand_of_the_step_and_a_name_alone_is_printed() -> None:
    _, _, y = diamond()
    assert answer(y, "s 2", "p") == answer(y, "s 2", "p x") == answer(y, "s 2", "x")
    assert answer(y, "p") == answer(y, "p y")


def test_an_expression_is_python_that_uses_nodes_by_name() -> None:
    w, w1 = Value(2.0, label="W1[1,2]"), Value(3.0, label="W1")
    y = w * w1 + Value(1.0, label="my x")
    assert answer(y, "c", "p W1[1,2].grad * 2") == "6.0\n"
    assert answer(y, "c", "p [v.grad for v in (W1[1,2], W1, my x)]") == "[3.0, 2.0, 1.0]\n"
    assert answer(y, "p 'W1[1,2]' + \"my x\"") == "'W1[1,2]my x'\n"
    assert answer(y, "p my x.data + W1[1,2].data") == "3.0\n"
    assert answer(y, "c", "W1.grad") == "2.0\n"
    assert answer(y, "c", "p operand, node.op, local_grad") == answer(y, "c", "p (W1, '*', 2.0)")
    assert answer(y, "p 1/0") == "*** ZeroDivisionError: division by zero\n"
    assert answer(y, "p W1[1,3]") == (
        "*** TypeError: 'Value' object is not subscriptable; did you mean W1[1,2]?\n"
    )


def test_expressions_may_use_the_variables_of_the_function_that_opened_the_prompt() -> None:
    x, _, y = diamond()
    rate = 0.5
    unused = Value(1.0, label="unused")
    debugger = Debugger(y, io.StringIO(), output := io.StringIO())
    for command in ("p x.data - rate * 2", "p [rate for _ in range(2)]", "p ROOT == ROOT", "why unused"):
        debugger.onecmd(command)
    assert output.getvalue() == (
        "2.0\n[0.5, 0.5]\nTrue\ny was not computed from unused: there is no path, and the gradient is 0.\n"
    )
    debugger.onecmd("b x if rate < 1")
    debugger.onecmd("c")
    assert (debugger.done, rate, x.data, unused.grad) == (2, 0.5, 3.0, 0.0)


def test_display_prints_an_expression_where_it_has_changed() -> None:
    _, _, y = diamond()
    assert answer(y, "display x.grad") == "display x.grad: 0.0\n"
    assert "display" not in answer(y, "display x.grad", "n")
    assert answer(y, "display x.grad", "n", "n").endswith("\ndisplay x.grad: 1.0  [old: 0.0]\n")
    assert answer(y, "display x.grad", "s 2", "back").endswith("\ndisplay x.grad: 0.0  [old: 1.0]\n")
    assert answer(y, "display x.grad", "display w", "display") == (
        "display x.grad: 0.0\ndisplay w: Value(data=-2.0, grad=0.0, label='w')\n"
    )
    assert answer(y, "display zork") == "display zork: *** NameError: name 'zork' is not defined\n"
    for remove in ("undisplay x.grad", "undisplay"):
        assert answer(y, "display x.grad", remove, "display") == (
            "Nothing is displayed; display EXPRESSION adds it.\n"
        )
    assert answer(y, "undisplay q") == "q is not displayed; display lists what is.\n"


def test_why_shows_the_paths_and_how_far_the_pass_is() -> None:
    x, w, y = diamond()
    assert answer(y, "c", "why x") == f"{why(y, x)}\n"
    assert answer(y, "s 2", "why x") == (f"{why(y, x)}\nSo far x.grad = 1, 1 of 2 contributions received.\n")
    assert answer(y, "c", "why") == answer(y, "c", "why w") == f"{why(y, w)}\n"
    assert answer(y, "why 3") == "3 is not a node; ll lists them.\n"


def test_a_line_that_begins_like_a_command_may_be_an_expression() -> None:
    w, first = Value(2.0, label="w"), Value(3.0, label="n[0]")
    y = w * first
    assert answer(y, "c", "w.grad") == "3.0\n"
    assert answer(y, "n[0].data") == "3.0\n"
    assert answer(y, "c", "w").startswith("path")


def test_where_shows_a_path_and_how_many_there_are() -> None:
    _, _, y = diamond()
    assert answer(y, "s 3", "w") == (
        "path  local gradient  product\n"
        "y                           1\n"
        "v1                 1        1\n"
        "x                 -2       -2\n"
        "This is one of 2 paths from y to x; 1 of them ends with this step.\n"
    )
    assert answer(y, "n", "w").endswith("This is the only path from y to v1.\n")
    assert "before the first step" in answer(y, "w")


@given(root=random_graphs(max_nodes=12), count=st.integers(1, 30))
def test_the_path_that_where_shows_is_a_path_of_the_graph(root: Value, count: int) -> None:
    debugger = Debugger(root, io.StringIO(), output := io.StringIO())
    debugger.onecmd(f"s {count}")
    assert debugger.step is not None
    output.truncate(output.seek(0))
    debugger.onecmd("w")
    _, *rows, _ = [line.rsplit(maxsplit=2) for line in output.getvalue().splitlines()]
    here = root
    for name, local_grad, _ in rows[1:]:
        operand = debugger.nodes[name]
        assert operand in here.operands
        slopes = [slope for other, slope in zip(here.operands, here.local_grads) if other is operand]
        assert float(local_grad) in [pytest.approx(slope, rel=1e-3, nan_ok=True) for slope in slopes]
        here = operand
    assert here is debugger.step.operand


def test_where_shows_the_two_ends_of_a_long_path() -> None:
    y = Value(1.0, label="x")
    for _ in range(2000):
        y = y + y
    text = answer(y, "c", "w")
    assert "This is one of 10^18 or more paths from v2000 to x; 10^18 or more of them end" in text
    assert "… 1986 more …" in text
    assert len(text.splitlines()) < 24


def test_list_shows_a_graph_without_a_program_as_lines_with_their_gradients_so_far() -> None:
    _, _, y = diamond()
    listing = (
        "      node        data  grad  received\n"
        "1 B   x = 3          3     1    1 of 2\n"
        "2     w = -2        -2     0    0 of 1\n"
        "3     v1 = x · w    -6     1    1 of 1\n"
        "4  -> y = v1 + x    -3     1\n"
    )
    assert answer(y, "b x", "s 2", "ll") == listing
    assert answer(y, "b x", "s 2", "l") == f"{listing}[EOF]\n"
    assert answer(y, "ll v").splitlines()[1:] == ["3     v1 = x · w    -6     0    0 of 1"]
    assert answer(y, "ll V") == "No node has a name that begins with 'V'.\n"


@given(
    root=random_graphs(),
    count=st.integers(1, 200),
    command=st.sampled_from(["l", "ll", "w", "p", "e", "why", "b", "display operand", "h"]),
)
def test_looking_changes_nothing(root: Value, count: int, command: str) -> None:
    debugger = Debugger(root, io.StringIO(), io.StringIO())
    debugger.onecmd(f"s {count}")
    done = debugger.done
    debugger.onecmd(command)
    assert debugger.done == done
    assert bits(root) == bits_after(root, done)


def test_list_shows_eleven_lines_and_then_the_next_ones() -> None:
    y = Value(1.0, label="x0")
    for number in range(1, 101):
        y = y * 2
        y.label = f"x{number}"

    def numbers(*commands: str) -> list[int]:
        return [
            int(line.split()[0]) for line in answer(y, *commands).splitlines() if line[:3].strip().isdigit()
        ]

    assert numbers("s 50", "l") == [*range(47, 58)]
    assert answer(y, "s 50", "l").splitlines()[6].startswith("52  -> x51 = x50 · 2")
    assert numbers("s 50", "l", "l") == [*range(58, 69)]
    assert numbers("s 50", "l", "l", "l .") == numbers("s 50", "l", "n", "back", "l") == [*range(47, 58)]
    assert numbers("l 3") == [*range(1, 12)]
    assert answer(y, "l", "l").splitlines()[-1] == "[EOF]"
    assert answer(y, "l up") == "'up' is not a line; write its number, or . for here.\n"


def test_explain_gives_the_step_in_english(monkeypatch: pytest.MonkeyPatch) -> None:
    _, _, y = diamond()
    monkeypatch.setenv("COLUMNS", "60")
    assert answer(y, "n", "e") == (
        "y = v1 + x grows as fast as v1, so v1 receives the gradient\nof y, 1: its only contribution.\n"
    )


def test_a_step_too_long_for_the_terminal_is_broken_before_its_numbers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, _, y = diamond()
    for columns, shown in (
        (53, "-> v1.grad += y.grad · ∂y/∂v1\n   = 1 · 1 = 1; v1.grad = 1\n"),
        (54, "-> v1.grad += y.grad · ∂y/∂v1 = 1 · 1 = 1; v1.grad = 1\n"),
    ):
        monkeypatch.setenv("COLUMNS", str(columns))
        assert f"\n{shown}" in answer(y, "n")


# A recorded program


LESSON = """\
from microgrid import Value
from microgrid.recorder import recording
from microgrid.debugger import Debugger


def neuron(x, w, b):
    z = x * w + b
    return z.tanh()


def main():
    größe = Value(3.0)
    船 = Value(-2.0)
    h = größe
    for _ in range(2):
        h = neuron(h, 船, 0.5)
    y = 船 * h + (
        größe
        * größe
    )
    print("outcome", Debugger(y, inside_program=True).interact(), größe.grad)


with recording():
    main()
"""
COLUMNS = sys.version_info >= (3, 11)


@pytest.fixture
def lesson(tmp_path: Path) -> Path:
    """A program without labels that opens the prompt."""
    path = tmp_path / "lesson.py"
    path.write_text(LESSON, encoding="utf-8")
    return path


def session(program: Path, *commands: str, columns: int = 80) -> list[str]:
    """What a program that opens the prompt prints, cut at the prompts; the commands are not repeated."""
    done = subprocess.run(
        [sys.executable, program],
        input="".join(f"{command}\n" for command in commands),
        env=ENVIRONMENT | {"COLUMNS": str(columns)},
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert done.stderr == ""
    first, *answers = done.stdout.split("(debug) ")
    return [first, *[text.partition("\n")[2] for text in answers]]


@pytest.mark.skipif(not COLUMNS, reason="Python 3.10 does not know the columns of an expression")
def test_a_stop_shows_the_line_of_the_program_with_the_expression_marked(lesson: Path) -> None:
    first, one, two, three, _ = session(lesson, "n", "s 2", "s 4", "q")
    assert first == (
        "y = 7.027: 11 nodes, 14 steps. h lists the commands.\n"
        "> lesson.py(17) before the first step: y.grad is 1, all others are 0\n"
        "-> y = 船 * h + (\n"
        "       ^^^^^^^^^^\n"
        "       größe\n"
        "       ^^^^^\n"
        "       * größe\n"
        "       ^^^^^^^\n"
        "   )\n"
        "   ^\n"
    )
    assert one.startswith("> lesson.py(17) step 1 of 14: y = v4 + v5\n-> y = ")
    assert one.endswith(
        "\n   v4.grad += y.grad · ∂y/∂v4 = 1 · 1 = 1; v4.grad = 1\n   v4 receives its only contribution.\n"
    )
    assert two.startswith(
        "> lesson.py(18) step 3 of 14: v5 = größe · größe\n"
        "-> größe\n   ^^^^^\n   * größe\n   ^^^^^^^\n   größe.grad +="
    )
    assert three.startswith(
        "> lesson.py(8) step 7 of 14: h = tanh(z (2))\n"
        "-> return z.tanh()\n          ^^^^^^^^\n   z (2).grad +="
    )


@pytest.mark.skipif(not COLUMNS, reason="Python 3.10 does not know the columns of an expression")
def test_the_marks_are_under_the_expression_after_wide_letters_tabs_and_in_long_lines(
    tmp_path: Path,
) -> None:
    program = tmp_path / "odd.py"
    for line, shown, marks in (
        ("船, y = 1, x * 2", "-> 船, y = 1, x * 2", "              ^^^^^"),
        ("e\u0301 = 1; y = x * 2", "-> e\u0301 = 1; y = x * 2", "              ^^^^^"),
        ("\ty = x * 2", "-> y = x * 2", "       ^^^^^"),
        ("s = '\t'; y = x * 2", "-> s = ' '; y = x * 2", "                ^^^^^"),
        (
            "s = '\x1b[2J'; y = x * 2",
            "-> s = '\N{REPLACEMENT CHARACTER}[2J'; y = x * 2",
            "                   ^^^^^",
        ),
        (f"s = {'1' * 90}; y = x * 2  # {'.' * 90}", f"-> …x * 2  # {'.' * 66}…", "    ^^^^^"),
        (f"y = x * {'2' * 90}", f"-> …x * {'2' * 71}…", f"    {'^' * 76}"),
    ):
        program.write_text(
            "from microgrid import Value, debug\nfrom microgrid.recorder import recording\n"
            f"with recording():\n  x = Value(1.0)\n  if True:\n    {line}\n  debug(y)\n",
            encoding="utf-8",
        )
        first, _ = session(program, "q")
        assert first.splitlines()[2:] == [shown, marks]


def test_list_shows_the_program_around_the_current_line(lesson: Path) -> None:
    _, _, around, after, _, _, again, _ = session(lesson, "j 7", "l", "l", "b 7", "b größe", "l .", "q")
    lines = [f"{number:>4}     {line}".rstrip() for number, line in enumerate(LESSON.splitlines(), 1)]
    lines[7] = lines[7].replace("8    ", "8  ->")
    assert [line.rstrip() for line in around.splitlines()] == lines[2:13]
    assert [line.rstrip() for line in after.splitlines()][:7] == lines[13:20]
    assert after.splitlines()[7].endswith(".interact(), größ…") and len(after.splitlines()[7]) == 80
    marked = [line for line in again.splitlines() if "B" in line[:8] or "->" in line]
    assert marked == [
        "   7 B       z = x * w + b",
        "   8  ->     return z.tanh()",
        "  12 B       größe = Value(3.0)",
    ]


def test_the_listing_shows_the_whole_graph_by_the_lines_of_the_program(lesson: Path) -> None:
    _, _, listing, outcome = session(lesson, "j 7", "ll", "q")
    head, *lines = [" ".join(line.split()) for line in listing.splitlines()]
    assert head == "node data grad received"
    assert lines[:3] == [
        "13 船 = -2 -2 0.9866 1 of 3",
        "12 größe = 3 3 6 2 of 3",
        "7 v1 = größe · 船 -6 0 0 of 1",
    ]
    assert " 8  -> h = tanh(z (2)) " in listing
    assert lines[-1].startswith("17 y = v4 + v5 ")
    assert outcome == "outcome quit 0.0\n"


def test_a_breakpoint_at_a_line_of_the_program_stops_at_each_step_through_it(lesson: Path) -> None:
    _, said, *stops = session(lesson, "b 8", *["c"] * 4)
    assert said == "Breakpoint 1 at line 8.\n"
    assert [stop.partition(":")[0] for stop in stops[:2]] == [
        "> lesson.py(8) step 7 of 14",
        "> lesson.py(8) step 11 of 14",
    ]
    assert "The pass is complete; c goes on with the program.\n" in stops[2]
    assert stops[3] == "outcome continue 0.0\n"
    assert session(lesson, "b other.py:8", "b lesson.py:8", "b 9")[1:-1] == [
        "No node was made on line other.py:8; ll lists the nodes and their lines.\n",
        "Breakpoint 1 at line lesson.py:8.\n",
        "No node was made on line 9; ll lists the nodes and their lines.\n",
    ]


def test_a_breakpoint_at_the_line_of_a_leaf_stops_where_it_receives(lesson: Path) -> None:
    _, _, *stops, _ = session(lesson, "b 13", "c", "c", "c", "q")
    assert all("   船.grad += " in stop for stop in stops)


def test_a_breakpoint_at_a_name_from_a_loop_stops_at_each_node_of_that_name(lesson: Path) -> None:
    _, said, one, two, printed, _ = session(lesson, "b z", "c", "c", "p z (1).data + z (2).data", "q")
    assert said == "Breakpoint 1 at z (1) and z (2), 0 of 2 contributions received.\n"
    assert "z (2).grad += h.grad" in one and "z (1).grad += v2.grad" in two
    assert float(printed) == pytest.approx(-5.5 + 2.5, abs=1e-4)


def test_the_program_variables_are_those_of_the_frame_that_opened_the_prompt(lesson: Path) -> None:
    _, own, other, _ = session(lesson, "p 船.data * 2, LESSON", "p neuron.__name__, h is y", "q")
    assert own == "*** NameError: name 'LESSON' is not defined\n"
    assert other == "('neuron', False)\n"


def test_eighty_columns_suffice_for_long_names(tmp_path: Path) -> None:
    program = tmp_path / "mlp.py"
    program.write_text(
        "from microgrid import Value, debug\nfrom microgrid.nn import MLP\n"
        "from microgrid.recorder import recording\n"
        "with recording():\n  model = MLP(3, [4, 1])\n"
        "  loss = (model([1.0, 2.0, 3.0]) - 1.0) ** 2\n  debug(loss)\n",
        encoding="utf-8",
    )
    name = "model.layers[0].neurons[1].w[2]"
    answers = session(program, "ll", "ll model", "l", "j 30", "w", f"why {name}", f"b {name}", "b", "h", "q")
    for text in answers:
        for line in text.splitlines():
            assert len(line) <= 80 or " += " in line or " receives " in line
    assert f"{name} = " in answers[2] and f"{name}.grad = " in answers[6]


def test_colours_are_those_of_the_page_and_only_at_a_terminal_that_wants_them(lesson: Path) -> None:
    for change, coloured in (
        ({}, True),
        ({"NO_COLOR": "1"}, False),
        ({"TERM": "dumb"}, False),
    ):
        environment = {name: value for name, value in ENVIRONMENT.items() if name != "NO_COLOR"} | change
        with pexpect.spawn(
            sys.executable, [str(lesson)], env=environment, encoding="utf-8", dimensions=(40, 80), timeout=20
        ) as child:
            child.expect_exact("(debug) ")
            child.send("n\r")
            child.expect_exact("(debug) ")
            text = child.before
        assert ("\x1b[38;5;166mv4.grad\x1b[0m += \x1b[38;5;32my.grad\x1b[0m" in text) == coloured
        assert ("\x1b[38;5;134m∂y/∂v4\x1b[0m" in text) == coloured
        assert coloured or "\x1b[38" not in text
    assert "\x1b" not in "".join(session(lesson, "n", "ll", "q"))


# Names


def test_a_wrong_name_gets_one_line_with_similar_ones() -> None:
    y = Value(1.0, label="C[1,2]") * Value(2.0, label="C[1,3]")
    for command in ("b", "until"):
        text = answer(y, f"{command} C[1,4]")
        assert text == "There is no node 'C[1,4]'; did you mean C[1,3] or C[1,2]?\n"
        assert answer(y, f"{command} zork") == "There is no node 'zork'; ll lists them.\n"
    for command in ("p", "why"):
        text = answer(y, f"{command} C[1,4]")
        assert text == "*** NameError: name 'C' is not defined; did you mean C[1,3] or C[1,2]?\n"
        assert answer(y, f"{command} zork") == "*** NameError: name 'zork' is not defined\n"


def test_a_label_that_several_nodes_share_stands_for_all_of_them() -> None:
    first = Value(1.0, label="x")
    y = first * Value(2.0, label="x") + first
    assert answer(y, "b x") == "Breakpoint 1 at x (1) and x (2), 0 of 3 contributions received.\n"
    assert [answer(y, "b x", *["c"] * count).split(":")[0] for count in (1, 2, 3)] == [
        "> step 2 of 4",
        "> step 3 of 4",
        "> step 4 of 4",
    ]
    assert answer(y, "c", "p x (1).grad * 2 + x (2).grad") == "7.0\n"
    assert answer(y, "p x") == "*** NameError: name 'x' is not defined; did you mean x (1) or x (2)?\n"


def test_a_name_may_hold_spaces_and_control_characters() -> None:
    odd = Value(1.0, label="my x\x1b[2J\n")
    y = odd * 2
    assert answer(y, "p my x\\x1b[2J\\n").startswith("my x\\x1b[2J\\n = 1\n")
    assert "\x1b" not in obey(y, "c", "w", "l", "ll", "why", "p", "e", "b my x\\x1b[2J\\n", "b")


def test_an_unknown_command_gets_one_line_with_a_similar_one() -> None:
    _, _, y = diamond()
    assert answer(y, "frobnicate it") == "There is no command 'frobnicate'; h lists them.\n"
    assert answer(y, "!ls") == "There is no command '!ls'; h lists them.\n"
    assert answer(y, "h frobnicate") == "There is no command 'frobnicate'; h lists them.\n"
    for wrong, near in (("nxt", "next"), ("rsetart", "restart"), ("dispaly x", "display"), ("bak", "back")):
        word = wrong.split()[0]
        assert answer(y, wrong) == f"There is no command {word!r}; did you mean {near}?\n"


def test_help_shows_an_example_of_each_command_in_at_most_80_columns() -> None:
    _, _, y = diamond()
    lines = answer(y, "h").splitlines()
    assert max(map(len, lines)) <= 80
    commands = {name.removeprefix("do_") for name in vars(Debugger) if name.startswith("do_")} - {"EOF"}
    for command in commands:
        *shown, last = answer(y, f"h {command}").splitlines()
        if not last.endswith(" are the same."):
            shown, last = [*shown, last], command
        assert shown and set(shown) <= {*lines}
        assert command in last.replace(",", "").split()
    assert {line.split()[0] for line in lines} <= commands


def test_each_example_of_the_help_is_a_command_that_can_be_obeyed(tmp_path: Path) -> None:
    h = Value(1.0, label="h")
    weight, x = Value(2.0, label="W1[1,2]"), Value(3.0, label="x")
    y = (h * x + weight).relu() * Value(4.0, label="h") + x
    for line in answer(y, "h").splitlines():
        example = line[:20].strip()
        text = answer(
            y, "s 2", "display x.grad", "b x", example.replace("step.svg", str(tmp_path / "step.svg"))
        )
        for complaint in ("***", "There is no", "is not", "No node"):
            assert complaint not in text or example in ("j 17", "b 12")


# Pictures


def test_draw_marks_the_step(tmp_path: Path) -> None:
    _, _, y = diamond()
    path = tmp_path / "step.svg"
    assert answer(y, "s 3", f"draw {path}") == f"Drawn: {path}\n"
    marked = [
        group.get("id")
        for group in ElementTree.parse(path).iter("{http://www.w3.org/2000/svg}g")
        if "highlight" in (group.get("class") or "").split()
    ]
    assert marked == ["edge-3-0"]  # x is the first operand of v1, the third node


def test_draw_alone_takes_the_number_of_the_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    _, _, y = diamond()
    assert answer(y, "draw") == "Drawn: step-0.svg\n"
    assert answer(y, "s 3", "draw") == "Drawn: step-3.svg\n"
    assert answer(y, "s 3", "draw here.PNG") == "Drawn: here.PNG\n"
    assert (tmp_path / "here.PNG").read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["here.PNG", "step-0.svg", "step-3.svg"]


def test_what_cannot_be_drawn_is_refused_in_one_line_and_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, _, y = diamond()
    monkeypatch.chdir(tmp_path)
    many = Value(1.0)
    for _ in range(1100):
        many = many + 1
    (tmp_path / "folder.svg").mkdir()
    for root, file, reason in (
        (y, "step.docx", "step.docx: end the name in its format, .svg, .png, .pdf, …"),
        (y, "missing/step.svg", "missing/step.svg: No such file or directory; give another FILE."),
        (y, "folder.svg", "folder.svg: Is a directory; give another FILE."),
        (y, f"{'x' * 300}.svg", "File name too long; give another FILE."),
        (y, "..", "..: end the name in its format, .svg, .png, .pdf, …"),
        (y, "~nobody-of-that-name/step.svg", "home directory"),
        (y, "a\0b.svg", "null byte"),
        (many, "step.svg", "more than 1000"),
    ):
        text = answer(root, f"draw {file}")
        assert text.startswith("Not drawn: ") and reason in text and text.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["folder.svg"]


def test_where_nothing_lays_out_draw_is_one_line_and_leaves_an_older_picture(
    tmp_path: Path, no_layout: None
) -> None:
    old = tmp_path / "old.svg"
    old.write_text("old")
    text = answer(Value(2.0, label="x").tanh(), f"draw {old}")
    assert re.fullmatch(r"Not drawn: .* pip install graphviz-pure, or install Graphviz: .*\n", text)
    assert old.read_text() == "old"


def test_draw_without_the_graphviz_package_gets_one_line_and_the_session_goes_on() -> None:
    text = run(PROGRAM, b"draw\nn\n", "-S")  # without any installed package
    _, drawn, step, _ = text.split("(debug) ")
    assert drawn == "draw\nNot drawn: No module named 'graphviz'; install it: pip install graphviz\n"
    assert step.startswith("n\n> step 1 of 4")


# Ctrl-C


def interrupted(step: object) -> bool:
    """Press Ctrl-C while it is checked whether a step stops."""
    signal.raise_signal(signal.SIGINT)
    return False


def test_an_interrupt_ends_the_move_after_a_whole_step_and_the_pass_goes_on() -> None:
    _, _, y = diamond()
    debugger = Debugger(y, io.StringIO(), output := io.StringIO())
    before = signal.getsignal(signal.SIGINT)
    for step in (1, 2, 3):
        debugger.go(4, interrupted)
        assert output.getvalue().count("Interrupted.\n> step") == step
        assert (debugger.done, bits(y)) == (step, bits_after(y, step))
    assert signal.getsignal(signal.SIGINT) is before
    debugger.onecmd("c")
    assert bits(y) == bits_after(y, 4)


def test_an_interrupt_at_the_end_loses_no_grad(monkeypatch: pytest.MonkeyPatch) -> None:
    x, w, y = diamond()
    backward = Value.backward

    def interrupted(root: Value) -> None:
        signal.raise_signal(signal.SIGINT)
        backward(root)

    monkeypatch.setattr(Value, "backward", interrupted)
    obey(y, "c", "q")
    assert (x.grad, w.grad, y.grad) == (-1.0, 3.0, 1.0)


def test_a_session_in_another_thread_works() -> None:
    _, _, y = diamond()
    thread = threading.Thread(target=obey, args=(y, "n", "c", "q"))
    thread.start()
    thread.join()
    assert bits(y) == bits_after(y, 4)


# A pipe and a terminal


PROGRAM = """
from microgrid import Value, debug
x = Value(3.0, label="x")
w = Value(-2.0, label="W[1,2]")
y = x * w + x
y.label = "y"
debug(y)
print("after:", x.grad, w.grad, y.grad)
"""


def run(program: str, commands: bytes | None, *options: str, encoding: str = "utf-8") -> str:
    """Return what a program prints whose commands come through a pipe, or from /dev/null."""
    with subprocess.Popen(
        [sys.executable, *options, "-c", program],
        stdin=subprocess.DEVNULL if commands is None else subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=ENVIRONMENT | {"PYTHONIOENCODING": encoding},
    ) as process:
        output, errors = process.communicate(commands)
    assert (process.returncode, errors) == (0, b"")
    return output.decode(encoding)


def test_commands_come_through_a_pipe_and_the_output_is_a_transcript() -> None:
    text = run(PROGRAM, b"n\nc\nq\n")
    assert text.splitlines()[2:] == [
        "(debug) n",
        "> step 1 of 4: y = v1 + x",
        "-> v1.grad += y.grad · ∂y/∂v1 = 1 · 1 = 1; v1.grad = 1",
        "   v1 receives its only contribution.",
        "(debug) c",
        "> step 4 of 4: v1 = x · W[1,2]",
        "-> W[1,2].grad += v1.grad · ∂v1/∂W[1,2] = 1 · 3 = 3; W[1,2].grad = 3",
        "   W[1,2] receives its only contribution.",
        "The pass is complete.",
        "(debug) q",
        "The grads of the complete pass are kept.",
        "after: -1.0 3.0 1.0",
    ]


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1"])
def test_what_the_output_cannot_encode_is_escaped(encoding: str) -> None:
    text = run(PROGRAM, b"n\nb \xe9\nl\np\nw\nh\nc\n", encoding=encoding)
    assert "\n-> v1.grad += y.grad · \\u2202y/\\u2202v1 = 1 · 1 = 1; v1.grad = 1\n" in text
    assert text.endswith("The grads of the complete pass are kept.\nafter: -1.0 3.0 1.0\n")


def test_the_prompt_is_the_same_under_python_OO() -> None:
    assert run(PROGRAM, b"n\nc\nh\nh n\nq\n", "-OO") == run(PROGRAM, b"n\nc\nh\nh n\nq\n")


@pytest.mark.parametrize("commands", [b"", b"n", b"n\n", None])
def test_the_end_of_the_input_quits(commands: bytes | None) -> None:
    assert run(PROGRAM, commands).endswith("\nAll grads are restored.\nafter: 0.0 0.0 0.0\n")


@pytest.mark.parametrize(
    ("options", "passengers", "seed"), [([], 2, 0), (["--passengers", "3"], 3, 0), (["--seed", "7"], 2, 7)]
)
def test_the_command_line_opens_it_on_the_loss_of_the_first_passengers(
    options: list[str], passengers: int, seed: int
) -> None:
    table = embedded()
    first = table.first(passengers)
    loss = Network.random(seed, Scaling.of(table.X)).forward(first.X, first.y).L
    command = [sys.executable, "-m", "titanic", "step", *options]
    text = "c\nw\nll\nq\n"
    done = subprocess.run(command, input=text, capture_output=True, text=True, env=ENVIRONMENT, check=True)
    assert (done.stdout.splitlines()[3:-1], done.stderr) == (obey(loss, *text.split()).splitlines(), "")


@pytest.mark.parametrize(
    ("options", "status", "message"),
    [
        (
            ["--data", "-"],
            1,
            "titanic: the commands come from standard input; give --data the name of a file",
        ),
        (["--passengers", "0"], 2, "titanic: argument --passengers: '0' is not a number of passengers"),
        (["--weights", "none.json"], 1, "titanic: none.json: No such file"),
    ],
)
def test_what_the_command_line_cannot_open_is_refused_in_one_line(
    options: list[str], status: int, message: str
) -> None:
    command = [sys.executable, "-m", "titanic", "step", *options]
    done = subprocess.run(command, input="q\n", capture_output=True, text=True, env=ENVIRONMENT, check=False)
    assert done.returncode == status
    assert done.stderr.startswith(message) and done.stderr.count("\n") == 1


def test_bytes_that_are_not_text_get_one_line_and_a_closed_input_is_not_an_error() -> None:
    shown = run(PROGRAM, b"n\n\xff\n")
    assert "\nThis is not text in utf-8; h lists the commands.\n(debug) \nAll grads are" in shown
    command = f"{sys.executable} -m titanic step <&-"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, env=ENVIRONMENT, check=True)
    assert (done.stdout.splitlines()[-1], done.stderr) == ("All grads are restored.", "")


def test_a_notebook_answers_the_prompt() -> None:
    manager, client = start_new_kernel(kernel_name="python3", env=ENVIRONMENT)
    answers = iter(["n", "c", "q"])
    shown: list[str] = []
    try:
        client.execute_interactive(
            PROGRAM,
            allow_stdin=True,
            stdin_hook=lambda message: client.input(next(answers)),
            output_hook=lambda message: shown.append(message["content"].get("text", "")),
            timeout=60,
        )
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    text = "".join(shown)
    assert "> step 1 of 4" in text and "> step 4 of 4" in text
    assert text.endswith("The grads of the complete pass are kept.\nafter: -1.0 3.0 1.0\n")


def test_a_reader_that_leaves_early_is_not_an_error() -> None:
    command = f"yes n | {sys.executable} -m titanic step | head -n 3; echo ${{PIPESTATUS[@]}}"
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, env=ENVIRONMENT, check=True
    )
    assert (done.stdout.splitlines()[-1].split()[1], done.stderr) == ("0", "")


@pytest.fixture
def terminal() -> Iterator[pexpect.spawn]:
    """A session of PROGRAM at the first prompt of an 80 x 24 terminal."""
    with pexpect.spawn(
        sys.executable, ["-c", PROGRAM], env=ENVIRONMENT, encoding="utf-8", dimensions=(24, 80), timeout=20
    ) as child:
        child.expect_exact("(debug) ")
        yield child


def test_at_a_terminal_names_are_completed_as_a_whole(terminal: pexpect.spawn) -> None:
    terminal.send("p W[\t\r")
    terminal.expect_exact("p W[1,2]")
    terminal.expect_exact("W[1,2] = -2\r\n")


def test_at_a_terminal_there_is_a_history_and_an_empty_line_repeats(terminal: pexpect.spawn) -> None:
    terminal.send("n\r")
    terminal.expect_exact("step 1 of 4")
    terminal.expect_exact("(debug) ")
    terminal.send("\r")
    terminal.expect_exact("step 2 of 4")
    terminal.expect_exact("(debug) ")
    terminal.send("back\r")
    terminal.expect_exact("step 1 of 4")
    terminal.expect_exact("(debug) ")
    terminal.send("\x1b[A\x1b[A\r")
    terminal.expect_exact("step 2 of 4")


def test_at_a_terminal_ctrl_c_returns_to_the_prompt_and_ctrl_d_quits(terminal: pexpect.spawn) -> None:
    terminal.send("p W[1")
    terminal.expect_exact("p W[1")
    terminal.sendintr()
    terminal.expect_exact("--KeyboardInterrupt--")
    terminal.expect_exact("(debug) ")
    terminal.send("c\r")
    terminal.expect_exact("step 4 of 4")
    terminal.expect_exact("(debug) ")
    terminal.sendeof()
    terminal.expect_exact("The grads of the complete pass are kept.")
    terminal.expect_exact("after: -1.0 3.0 1.0")
    terminal.expect(pexpect.EOF)


def test_at_a_terminal_commands_are_not_written_twice(terminal: pexpect.spawn) -> None:
    terminal.send("h q\r")
    terminal.expect_exact("(debug) ")
    assert terminal.before.count("h q") == 1


LONG = """
from microgrid import Value, debug
y = Value(1.0, label="x")
for _ in range(300_000):
    y = y + 1
debug(y)
"""


def test_at_a_terminal_ctrl_c_stops_a_long_continue_between_two_steps() -> None:
    with pexpect.spawn(sys.executable, ["-c", LONG], env=ENVIRONMENT, encoding="utf-8", timeout=60) as child:
        child.expect_exact("(debug) ")
        child.send("n\r")
        child.expect_exact("(debug) ")
        child.send("c\r")
        child.expect_exact("c\r\n")
        child.sendintr()
        child.expect_exact("Interrupted.")
        child.expect(r"> step (\d+) of 300000")
        assert 0 < int(child.match[1]) < 300_000
        child.expect_exact("(debug) ")
        child.send("c\r")
        child.expect_exact("> step 300000 of 300000")


def test_the_programs_own_completion_is_restored_afterwards() -> None:
    program = (
        "import readline\n"
        "readline.set_completer_delims('xyz')\n"
        + PROGRAM
        + "print('delimiters', readline.get_completer_delims(), 'completer', readline.get_completer())\n"
    )
    with pexpect.spawn(
        sys.executable, ["-c", program], env=ENVIRONMENT, encoding="utf-8", timeout=20
    ) as child:
        child.expect_exact("(debug) ")
        child.send("q\r")
        child.expect_exact("delimiters xyz completer None")


HUNT = """\
from microgrid import Value, debug
from microgrid.recorder import recording

with recording():
    a, b = Value(2.0), Value(2.0)
    distance = ((a - b) ** 2).sqrt()
    w = Value(-3.0)
    hidden = (a * w).relu()
    loss = distance + hidden
debug(loss)
print("after:", loss.grad)
"""


@pytest.fixture
def hunt(tmp_path: Path) -> Iterator[pexpect.spawn]:
    """A program without labels at the first prompt of an 80 x 24 terminal, in which no colours are wanted."""
    (tmp_path / "hunt.py").write_text(HUNT, encoding="utf-8")
    with pexpect.spawn(
        sys.executable,
        [str(tmp_path / "hunt.py")],
        env=ENVIRONMENT | {"NO_COLOR": "1"},
        encoding="utf-8",
        dimensions=(24, 80),
        timeout=20,
    ) as child:
        child.expect_exact("(debug) ")
        yield child


def said(child: pexpect.spawn, command: str) -> list[str]:
    """The lines that a terminal shows after a command, before the next prompt."""
    child.send(f"{command}\r")
    child.expect_exact(f"{command}\r\n")
    child.expect_exact("(debug) ")
    return [line.rstrip() for line in child.before.splitlines()]


@pytest.mark.skipif(not COLUMNS, reason="Python 3.10 does not know the columns of an expression")
def test_at_a_terminal_a_nan_is_hunted_down(hunt: pexpect.spawn) -> None:
    assert said(hunt, "b nan") == ["Breakpoint 1 where inf or nan appears."]
    assert said(hunt, "c")[:4] == [
        "> hunt.py(6) step 6 of 9: distance = sqrt(v2)",
        "-> distance = ((a - b) ** 2).sqrt()",
        "              ^^^^^^^^^^^^^^^^^^^^^",
        "   v2.grad += distance.grad · ∂distance/∂v2 = 1 · inf = inf; v2.grad = inf",
    ]
    assert said(hunt, "c")[1:4] == [
        "-> distance = ((a - b) ** 2).sqrt()",
        "               ^^^^^^^^^^^^",
        "   v1.grad += v2.grad · ∂v2/∂v1 = inf · 0 = nan; v1.grad = nan",
    ]
    lines = said(hunt, "why b")
    assert lines[0] == "b.grad = nan. It began in step 6:"
    assert "  step 7: v1.grad += v2.grad · ∂v2/∂v1 = inf · 0 = nan; v1.grad = nan" in lines
    assert max(map(len, lines)) <= 80
    assert said(hunt, "rc")[0].startswith("> hunt.py(6) step 6 of 9")


def test_at_a_terminal_a_dead_relu_is_found(hunt: pexpect.spawn) -> None:
    assert said(hunt, "why w") == [
        "w.grad = 0: the only path from loss is blocked.",
        "  0 = 1 path, blocked in hidden = relu(v3) at v3 = -6: ∂hidden/∂v3 = 0",
        "So far w.grad = 0, 0 of 1 contributions received.",
    ]
    assert said(hunt, "b w")[0].startswith("Breakpoint 1 at w,")
    assert said(hunt, "c")[0].startswith("> hunt.py(8) step 5 of 9: v3 = a · w")
    assert said(hunt, "p hidden.data, v3.data, w.grad") == ["(0.0, -6.0, 0.0)"]


def test_at_a_terminal_names_in_an_expression_are_completed(hunt: pexpect.spawn) -> None:
    hunt.send("p w.data * hid\t\r")
    hunt.expect_exact("p w.data * hidden")
    hunt.expect_exact("Value(data=-0.0, grad=0.0, op='*': -3.0 * 0.0)\r\n")
