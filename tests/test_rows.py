"""The table of derivatives: each row keeps to the grammar, and what is written out or quoted agrees."""

import ast
import itertools
import math
import operator
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from graphs import ADDED, OPERATIONS

from microgrid import Value, backward_steps, debug, draw, gradcheck, show, unroll
from microgrid.functions import FUNCTIONS
from microgrid.names import expression, node_names, text
from microgrid.rows import row_of
from microgrid.value import BLOCKED, RULES, apply

POINTS = [0.0, -0.0, 1.0, -1.0, 0.5, 3.0, -7.25, 1e-300, 1e200, 5e-324, math.inf, -math.inf, math.nan]


def test_each_row_keeps_to_the_grammar() -> None:
    for op in RULES:
        row = row_of(op)
        assert len(row.derivatives) == len(row.operands)
        known = {*row.operands, "z", "inf", "BLOCKED", *FUNCTIONS}
        for part in (row.result, *row.derivatives):
            names = {node.id for node in ast.walk(part) if isinstance(node, ast.Name)}
            assert names <= known, op
            assert not any(isinstance(node, ast.Eq | ast.BoolOp | ast.Attribute) for node in ast.walk(part))


def test_every_operation_has_a_row_and_every_row_an_operation() -> None:
    assert OPERATIONS.keys() == RULES.keys()
    assert all(OPERATIONS[op](*[Value(0.5)] * len(row_of(op).operands)).op == op for op in RULES)


def hexadecimal(numbers: Any) -> list[str]:
    """Every bit of the numbers, and whether one of them is BLOCKED."""
    return [number.hex() + " blocked" * (number is BLOCKED) for number in numbers]


@pytest.mark.parametrize("op", ["+", "-", "*", "neg", "relu", "sum"])
def test_what_is_written_out_in_a_method_agrees_with_its_row_bit_for_bit(op: str) -> None:
    count = 3 if op == "sum" else len(row_of(op).operands)
    for numbers in itertools.product(POINTS, repeat=count):
        node = OPERATIONS[op](*map(Value, numbers))
        data, local_grads = RULES[op](*numbers)
        assert hexadecimal([node.data, *node.local_grads]) == hexadecimal([data, *local_grads]), numbers


@pytest.mark.parametrize("op", RULES)
def test_an_operation_that_has_a_result_has_its_rows_derivatives(op: str) -> None:
    row = row_of(op)
    for numbers in itertools.product(POINTS, repeat=2 if row.takes_any else len(row.operands)):
        try:
            data, local_grads = RULES[op](*numbers)
        except (ValueError, ArithmeticError):
            continue
        node = OPERATIONS[op](*map(Value, numbers))
        assert hexadecimal([node.data, *node.local_grads]) == hexadecimal([data, *local_grads]), numbers


# Rows that cannot be quoted


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        (lambda x: (math.exp(x), (x,)), "a row may not say math.exp(x)"),
        (lambda x: (x == 0.0, (x,)), "a row may not say x == 0.0"),
        (lambda x: (x or 1.0, (x,)), "a row may not say x or 1.0"),
        (lambda x: (2 * x, (2.0,)), "a row may not say 2"),
        (lambda x: (x, (x, x)), "it needs a derivative for each operand"),
        (lambda x: x, "a row is a pair, (result, (derivatives,))"),
        (eval("lambda x: (x, (1.0,))"), "its source cannot be found: write the row in a file"),
    ],
)
def test_a_row_that_cannot_be_quoted_is_refused_in_one_line(
    rule: Callable[..., Any], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(RULES, "strange", rule)
    with pytest.raises(ValueError, match=r"^the row of 'strange' in RULES cannot be quoted: ") as caught:
        row_of("strange")
    assert str(caught.value).endswith(reason)


def test_an_operation_without_a_row_is_refused_in_one_line() -> None:
    with pytest.raises(ValueError, match=r"^microgrid.value.RULES has no row for the operation 'cube'$"):
        row_of("cube")


def test_of_several_rows_on_one_line_each_finds_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    rules = [lambda x: (x + 1.0, (1.0,)), lambda x: (x * 2.0, (2.0,)), lambda x: (x * 3.0, (3.0,))]
    for rule, expected in zip(rules, ["x + 1.0", "x * 2.0", "x * 3.0"]):
        monkeypatch.setitem(RULES, "one", rule)
        assert ast.unparse(row_of("one").result) == expected


# A new operation is one row and one method


@pytest.fixture
def added(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Three more operations, as functions of Values."""
    for op, rule in ADDED.items():
        monkeypatch.setitem(RULES, op, rule)
    monkeypatch.setattr(Value, "softplus", lambda x: apply("softplus", (x,), x.data), raising=False)
    monkeypatch.setattr(Value, "leaky", lambda x: apply("leaky", (x,), x.data), raising=False)
    monkeypatch.setattr(
        Value, "maximum", lambda x, y: apply("maximum", (x, y), x.data, y.data), raising=False
    )
    return SimpleNamespace(
        **{op: operator.methodcaller(op) for op in ("softplus", "leaky")},
        maximum=lambda x, y: x.maximum(y),
    )


EDGES = [0.0, -0.0, 1.0, -2.5, 30.0, 709.0, 1000.0, -1000.0, 1.7e308, math.inf, -math.inf, math.nan]


@pytest.mark.torch
def test_added_operations_have_pytorchs_numbers_and_gradients_at_the_edges(added: SimpleNamespace) -> None:
    import torch

    in_torch = {
        "softplus": lambda x: torch.logaddexp(x, torch.zeros_like(x)),
        "leaky": lambda x: torch.nn.functional.leaky_relu(x, 0.01),
        "maximum": torch.maximum,
    }
    for op, theirs in in_torch.items():
        for numbers in itertools.product(EDGES, repeat=len(row_of(op).operands)):
            if op == "maximum" and numbers[0] == numbers[1]:
                continue  # PyTorch gives half to each; this row gives all to the first
            values = [Value(number) for number in numbers]
            tensors = [torch.tensor(number, dtype=torch.float64, requires_grad=True) for number in numbers]
            ours, result = getattr(added, op)(*values), theirs(*tensors)
            ours.backward()
            result.backward()
            assert ours.data == pytest.approx(result.item(), rel=1e-12, nan_ok=True), (op, numbers)
            for value, tensor in zip(values, tensors):
                if math.isfinite(tensor.grad.item()) and not math.isnan(ours.data):
                    assert value.grad == pytest.approx(tensor.grad.item(), rel=1e-12), (op, numbers)


def test_added_operations_work_in_every_view(
    added: SimpleNamespace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    x, w = Value(0.75, label="x"), Value(-2.0, label="w")

    def function(x: Value, w: Value) -> Value:
        y: Value = added.maximum(added.softplus(x * w), added.leaky(w)) * 3
        return y

    y = function(x, w)
    y.label = "y"
    assert gradcheck(function, 0.75, -2.0)
    y.backward()

    written = [text(expression(node, node_names(y))) for node in node_names(y) if node.operands]
    assert written == ["x · w", "softplus(v1)", "leaky(w)", "maximum(v2, v3)", "v4 · 3"]
    sentences = [step.sentence() for step in backward_steps(y)]
    assert (
        "v3 = leaky(w) grows 0.01 times as fast as w, so w receives the gradient of v3 times 0.01, 0 · 0.01"
        in sentences[3]
    )
    for word in ("softplus", "leaky", "maximum"):
        assert f"{word}(" in draw(y).source
        assert f"{word}(" in show(y).text

    monkeypatch.setattr("sys.stdin", iter_of_lines("s 4", "q"))
    debug(y)
    assert "leaky(w)" in capsys.readouterr().out

    program = unroll(y, [x, w])
    assert program(0.75, -2.0) == (y.data, (x.grad, w.grad))
    assert program(x, w)[0].data == y.data
    for numbers in itertools.product([0.0, -1.0, 2.0, 800.0], repeat=2):
        leaves = [Value(number) for number in numbers]
        root = function(*leaves)
        root.backward()
        assert program(*numbers) == (root.data, tuple(leaf.grad for leaf in leaves))


def iter_of_lines(*lines: str) -> Any:
    """Return what can stand for a standard input that has these lines."""
    import io

    return io.StringIO("\n".join(lines) + "\n")
