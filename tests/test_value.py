"""The engine: its numbers and gradients against PyTorch's, its errors, and the backward pass."""

import gc
import itertools
import math
import operator
import re
import sys
import weakref
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from graphs import BINARY, OPERATIONS, UNARY, contributions, random_graphs, replay
from hypothesis import given, settings
from hypothesis import strategies as st

from microgrid import Value, topological_order
from microgrid.value import RULES

# Numbers and gradients against PyTorch's. The operations work on Values and on tensors alike.

Operation = Callable[..., Value]

ONE_OPERAND: dict[str, Operation] = {
    **{op: OPERATIONS[op] for op in UNARY},
    "+x": operator.pos,
    **{f"x ** {n}": lambda x, n=n: x**n for n in (0, 1, 2, 3, -1, -2, 0.5, -0.5, 1.5, 1 / 3, 10, 1e16)},
    **{f"{n} ** x": lambda x, n=n: n**x for n in (0.0, 0.5, 1.0, 2.0, -2.0, 10.0)},
    **{f"x / {n}": lambda x, n=n: x / n for n in (1.0, -3.0, 1e-300)},
    **{f"{n} / x": lambda x, n=n: n / x for n in (0.0, 1.0, -3.0)},
    **{f"x - {n}": lambda x, n=n: x - n for n in (0.0, 1e300)},
    **{f"{n} - x": lambda x, n=n: n - x for n in (0.0, 1e300)},
    **{f"{n} + x": lambda x, n=n: n + x for n in (0.0, 1e300)},
    **{f"{n} * x": lambda x, n=n: n * x for n in (0.0, -3.0, 1e300)},
}
TWO_OPERANDS: dict[str, Operation] = {
    **{f"x {op} y": OPERATIONS[op] for op in BINARY},
    "sum([x, y, x])": lambda x, y: OPERATIONS["sum"](x, y, x),
}
COMPOSED: dict[str, Operation] = {
    "x.relu().sqrt()": lambda x: x.relu().sqrt(),
    "(x ** 0 - 1).sqrt()": lambda x: (x**0 - 1).sqrt(),
    "(x ** (x - x) - 1).sqrt()": lambda x: (x ** (x - x) - 1).sqrt(),
    "x.relu() * inf": lambda x: x.relu() * math.inf,
    "x.relu() ** 0.5": lambda x: x.relu() ** 0.5,
    "abs(x).sqrt()": lambda x: abs(x).sqrt(),
    "(x * x).sqrt()": lambda x: (x * x).sqrt(),
    "(x ** 2) ** 0.5": lambda x: (x**2) ** 0.5,
    "x ** x": lambda x: x**x,
    "x / x": lambda x: x / x,
    "x - x": lambda x: x - x,
    "x.relu() + (-x).relu()": lambda x: x.relu() + (-x).relu(),
    "(1 + x.exp()).log()": lambda x: (1 + x.exp()).log(),
    "x.sigmoid().log()": lambda x: x.sigmoid().log(),
    "x.tanh() / x": lambda x: x.tanh() / x,
    "x.sin() ** 2 + x.cos() ** 2": lambda x: x.sin() ** 2 + x.cos() ** 2,
}
ORDINARY = [-7.5, -3.0, -2.0, -1.0, -0.3, 0.3, 0.5, 1.0, 2.0, 3.0, 7.5, 20.0]
AWKWARD = [
    *(0.0, -0.0, math.nan, math.inf, -math.inf, 5e-324, -5e-324, 1e-310, 1e-300, 1e-8, -1e-8, 1e8, -1e8),
    *(36.0, -36.0, 40.0, -40.0, 709.0, -709.5, 1000.0, -1000.0, 1e154, 1e200, -1e200, 1.7e308, -1.7e308),
]
POINTS = ORDINARY + AWKWARD


def ours(operation: Operation, *numbers: float) -> list[float]:
    """Return the operation's number and its derivative by each operand."""
    operands = [Value(number) for number in numbers]
    result = operation(*operands)
    result.backward()
    return [result.data, *[operand.grad for operand in operands]]


def theirs(operation: Operation, *numbers: float) -> list[float]:
    """Return PyTorch's number, and its derivative by each operand."""
    import torch

    operands = [torch.tensor(number, dtype=torch.float64, requires_grad=True) for number in numbers]
    result = operation(*operands)
    result.backward()
    return [tensor.item() for tensor in (result, *[operand.grad for operand in operands])]


def disagreement(name: str, operation: Operation, *numbers: float) -> str:
    """Return how ours differs from PyTorch's where that is finite, "" if it does not."""
    expected = theirs(operation, *numbers)
    try:
        got = ours(operation, *numbers)
    except (ValueError, ArithmeticError) as error:
        return f"{name} at {numbers}: {error!r}, not {expected}" if math.isfinite(expected[0]) else ""
    # The smallest floats have too few digits for 1e-12, and PyTorch's x ** -2 is 1 / (x * x), which is 0
    # there. PyTorch's tanh and Python's sometimes differ by the last bit, 1.1e-16; in 1 - tanh² that becomes
    # 2.2e-16, which can be more than 1e-12 of the derivative where that is small, for |x| > 5.
    slack = 2.3e-16 if "tanh" in name else 1e-300
    for g, e in zip(got, expected):
        if math.isfinite(e) and not math.isclose(g, e, rel_tol=1e-12, abs_tol=slack):
            return f"{name} at {numbers}: {got}, not {expected}"
    return ""


@pytest.mark.torch
@pytest.mark.parametrize("name", ONE_OPERAND)
def test_number_and_gradient_are_those_of_pytorch_at_every_point(name: str) -> None:
    assert not [text for x in POINTS if (text := disagreement(name, ONE_OPERAND[name], x))]


@pytest.mark.torch
@pytest.mark.parametrize("name", TWO_OPERANDS)
def test_number_and_both_gradients_are_those_of_pytorch_at_every_pair_of_points(name: str) -> None:
    operation = TWO_OPERANDS[name]
    assert not [text for x in POINTS for y in POINTS if (text := disagreement(name, operation, x, y))]


@pytest.mark.torch
@pytest.mark.parametrize("name", COMPOSED)
def test_compositions_have_pytorchs_gradient_where_infinite_and_zero_meet(name: str) -> None:
    assert not [text for x in POINTS if (text := disagreement(name, COMPOSED[name], x))]


def side(number: float) -> str:
    """Return "0.0", "-0.0", "inf" or "-inf"; "" for any other number."""
    return str(number) if number == 0.0 or math.isinf(number) else ""


@pytest.mark.torch
def test_zeros_and_infinities_differ_in_sign_from_pytorchs_only_where_design_md_says_so() -> None:
    differ = set()
    for name, operation in {**ONE_OPERAND, **COMPOSED, **TWO_OPERANDS}.items():
        for numbers in itertools.product(POINTS, repeat=2 if name in TWO_OPERANDS else 1):
            try:
                got = ours(operation, *numbers)
            except (ValueError, ArithmeticError):
                continue
            assert "-0.0" not in map(str, got[1:])
            for i, (g, e) in enumerate(zip(got, theirs(operation, *numbers))):
                gradient_of_zero = i > 0 and g == e == 0.0
                if side(g) and side(e) and side(g) != side(e) and not gradient_of_zero:
                    differ.add((name, *numbers, ("number", "gradient")[i > 0], side(g)))
    assert differ == {
        ("relu", -0.0, "number", "0.0"),
        ("x.relu().sqrt()", -0.0, "number", "0.0"),
        ("x.relu() ** 0.5", -0.0, "number", "0.0"),
        ("sqrt", -0.0, "gradient", "inf"),
        ("x ** 0.5", -0.0, "number", "0.0"),
        ("x ** 0.5", -0.0, "gradient", "inf"),
        *(("x ** y", -0.0, tiny, "gradient", "inf") for tiny in (5e-324, 1e-310, 1e-300)),
    }


@pytest.mark.torch
@given(st.sampled_from(sorted({**ONE_OPERAND, **TWO_OPERANDS})), st.floats(), st.floats())
def test_number_and_gradient_are_those_of_pytorch_at_any_floats(name: str, x: float, y: float) -> None:
    if name in ONE_OPERAND:
        assert not disagreement(name, ONE_OPERAND[name], x)
    else:
        assert not disagreement(name, TWO_OPERANDS[name], x, y)


@pytest.mark.torch
@given(random_graphs(max_nodes=200))
def test_every_node_of_a_random_graph_has_pytorchs_number_and_gradient(root: Value) -> None:
    tensors = replay(root)  # compares the numbers
    tensors[root].backward()
    root.backward()
    for node, scale in contributions(root).items():
        if tensors[node].grad is None:
            assert node.op == "constant"  # a plain exponent
            continue
        expected = tensors[node].grad.item()
        if math.isfinite(expected):
            assert abs(node.grad - expected) <= 1e-12 * scale, (node, expected)


def test_the_random_graphs_use_every_operation_and_share_operands() -> None:
    used: Counter[str] = Counter()
    sizes = []

    @settings(max_examples=50)
    @given(random_graphs(max_nodes=200))
    def count(root: Value) -> None:
        order = topological_order(root)
        sizes.append(len(order))
        used.update(node.op for node in order)
        used["shared"] += sum(len(node.operands) for node in order) > len(order) - 1

    count()
    assert min(sizes) < 10 and 190 < max(sizes) <= 200
    assert used.keys() == {*RULES, "", "constant", "shared"}


@pytest.mark.parametrize(
    ("operation", "x", "number", "derivative"),
    [
        (Value.relu, 0.0, 0.0, 0.0),
        (Value.relu, -0.0, 0.0, 0.0),
        (Value.relu, math.nan, math.nan, 1.0),
        (Value.relu, math.inf, math.inf, 1.0),
        (abs, 0.0, 0.0, 0.0),
        (abs, -0.0, 0.0, 0.0),
        (abs, math.nan, math.nan, 0.0),
        (Value.sqrt, 0.0, 0.0, math.inf),
        (Value.sin, math.inf, math.nan, math.nan),
        (Value.cos, -math.inf, math.nan, math.nan),
        (Value.exp, -math.inf, 0.0, 0.0),
        (Value.log, math.inf, math.inf, 0.0),
        (Value.tanh, math.inf, 1.0, 0.0),
        (Value.sigmoid, -1000.0, 0.0, 0.0),
        (Value.sigmoid, 1000.0, 1.0, 0.0),
        (Value.sigmoid, -math.inf, 0.0, 0.0),
        (lambda x: x**0, 0.0, 1.0, 0.0),
        (lambda x: x**0, math.nan, 1.0, 0.0),
        (lambda x: x**1, 0.0, 0.0, 1.0),
        (lambda x: x**2, 0.0, 0.0, 0.0),
        (lambda x: x**0.5, 0.0, 0.0, math.inf),
        (lambda x: x**3, -2.0, -8.0, 12.0),
        (lambda x: x**-1, -2.0, -0.5, -0.25),
        (lambda x: x**-1, 1e-200, 1e200, -math.inf),
        (lambda x: 1e300 * x, 1e300, math.inf, 1e300),
        (lambda x: x + 1.7e308, 1.7e308, math.inf, 1.0),
        (lambda x: x / 1e-10, 1e308, math.inf, 1e10),
        (lambda x: x.relu().sqrt(), -1.0, 0.0, 0.0),
        (lambda x: (x**0 - 1).sqrt(), 5.0, 0.0, 0.0),
        (lambda x: x.relu().sqrt(), 0.0, 0.0, 0.0),
        (lambda x: (x * 0).sqrt(), 5.0, 0.0, math.nan),
    ],
)
def test_awkward_points_have_these_numbers_and_derivatives(
    operation: Operation, x: float, number: float, derivative: float
) -> None:
    assert ours(operation, x) == pytest.approx([number, derivative], rel=1e-12, abs=0.0, nan_ok=True)


def test_the_derivative_by_an_exponent_is_0_for_base_0_and_nan_for_a_negative_base() -> None:
    cases = {
        (2.0, 3.0): 8.0 * math.log(2.0),
        (0.0, 0.0): 0.0,
        (0.0, 2.0): 0.0,
        (1.0, 5.0): 0.0,
        (-2.0, 2.0): math.nan,
        (-2.0, 0.0): math.nan,
    }
    for (base, exponent), expected in cases.items():
        assert ours(operator.pow, base, exponent)[2] == pytest.approx(expected, nan_ok=True)


@given(st.floats(-18.0, 18.0))
def test_the_derivative_of_tanh_keeps_its_digits_where_tanh_is_nearly_1(x: float) -> None:
    # tanh itself is rounded to a float by up to 1.1e-16, which cannot be undone.
    assert ours(Value.tanh, x)[1] == pytest.approx(1.0 / math.cosh(x) ** 2, rel=1e-14, abs=2.3e-16)


@given(st.lists(st.floats(-1e300, 1e300), max_size=30))
def test_a_sum_adds_in_order_whatever_the_version_of_python(numbers: list[float]) -> None:
    total = 0.0
    for number in numbers:
        total += number
    assert Value.sum(numbers).data == total


# The numbers that are accepted


@pytest.mark.parametrize(
    "number", [3, 3.0, True, np.float64(3.5), np.float32(0.1), np.int64(-4), np.uint8(200), Fraction(1, 3)]
)
def test_any_real_number_makes_a_leaf_and_works_on_either_side_of_an_operator(number: float) -> None:
    x = Value(2.0, label="x")
    as_float = float(number)
    assert type(Value(number).data) is float
    assert Value(number).data == as_float
    for operation in (operator.add, operator.sub, operator.mul, operator.truediv, operator.pow):
        left, right = operation(number, x), operation(x, number)
        assert type(left) is type(right) is Value
        assert (left.data, right.data) == (operation(as_float, 2.0), operation(2.0, as_float))
    for compare in (operator.lt, operator.le, operator.gt, operator.ge):
        assert compare(number, x) == compare(as_float, 2.0)
        assert compare(x, number) == compare(2.0, as_float)
    assert Value.sum([number, x]).data == as_float + 2.0


def test_numpy_arrays_of_values_compute_with_their_elements() -> None:
    x = np.array([Value(1.0), Value(2.0)])
    y = x @ np.array([3.0, 4.0]) + (2 * x).sum()
    y.backward()
    assert y.data == 17.0
    assert [node.grad for node in x] == [5.0, 6.0]


def test_a_value_and_an_array_are_an_array_of_values() -> None:
    numbers, x = np.array([1.0, 2.0]), Value(2.0)
    for operation in (operator.add, operator.sub, operator.mul, operator.truediv, operator.pow):
        for result, expected in (
            (operation(numbers, x), operation(numbers, 2.0)),
            (operation(x, numbers), operation(2.0, numbers)),
        ):
            assert [node.data for node in result] == expected.tolist()
            assert all(type(node) is Value for node in result)
    values = np.array([Value(1.0), Value(3.0)])
    assert [node.data for node in values / values.sum()] == [0.25, 0.75]
    values += Value(1.0)
    assert [node.data for node in values] == [2.0, 4.0]


def test_a_numpy_scalar_and_a_value_are_a_value_and_numpys_functions_are_its_methods() -> None:
    x = Value(2.0)
    single: Any = np.float32(3.0)  # which is a number to some versions' types and not to others'
    assert type(np.array(3.0) * x) is type(np.float64(3.0) * x) is type(x * single) is Value
    for name in ("exp", "log", "sqrt", "sin", "cos", "tanh"):
        assert getattr(np, name)(x).data == getattr(x, name)().data


class Vector:
    """A type that computes with Values on either side of an operator."""

    def __radd__(self, other: object) -> str:
        return f"{type(other).__name__} + Vector"

    __rsub__ = __rmul__ = __rtruediv__ = __rpow__ = __radd__

    def __gt__(self, other: object) -> str:
        return "reflected"

    __lt__ = __ge__ = __le__ = __gt__


def test_an_unknown_operand_may_handle_the_operation_itself() -> None:
    x = Value(2.0)
    for operation in (operator.add, operator.sub, operator.mul, operator.truediv, operator.pow):
        assert operation(x, Vector()) == "Value + Vector"
    for compare in (operator.lt, operator.le, operator.gt, operator.ge):
        assert compare(x, Vector()) == "reflected"


NOT_NUMBERS: list[Any] = ["3", None, 1j, [1.0, 2.0], (1.0,), Decimal("1.5"), {}, object]


@pytest.mark.parametrize("thing", NOT_NUMBERS, ids=repr)
def test_an_operand_that_nobody_handles_is_pythons_own_type_error(thing: Any) -> None:
    x = Value(2.0)
    refused: list[Callable[[], object]] = [
        lambda: x + thing,
        lambda: x**thing,
        lambda: x < thing,
        lambda: thing / x,
        lambda: thing - x,
        lambda: thing**x,
    ]
    for attempt in refused:
        with pytest.raises(TypeError, match=r"(not supported|unsupported operand)"):
            attempt()


@pytest.mark.parametrize(
    ("thing", "described"),
    [
        ("a" * 10_000, f"the str '{'a' * 56}..."),
        (None, "None"),
        ([1.0, 2.0], "the list [1.0, 2.0]"),
        (np.array([1.0, 2.0]), "the ndarray array([1., 2.])"),
        (np.array([[1], [2]]), "the ndarray array([[1], [2]])"),
        (Decimal("1.5"), "the Decimal('1.5')"),
        (object, "the type <class 'object'>"),
        (Value(2.0), "the Value(data=2.0, grad=0.0)"),
    ],
)
def test_a_leaf_and_a_sum_describe_what_is_not_a_number(thing: Any, described: str) -> None:
    with pytest.raises(TypeError) as caught:
        Value(thing)
    assert str(caught.value) == f"a Value takes a real number, such as 2.0, not {described}"
    if not isinstance(thing, Value):
        with pytest.raises(TypeError) as caught:
            Value.sum([Value(1.0), thing])
        assert str(caught.value) == f"a Value takes a real number, such as 2.0, not {described}"


def test_backward_refuses_a_leaf_whose_data_is_not_a_number() -> None:
    w = Value(2.0, label="w")
    w.data = 3  # an int is as good as a float
    (w * w).backward()
    assert w.grad == 6.0
    advice = "assign a float, as in w.data = w.data - 0.1 * w.grad"
    w.data = w - 0.1 * w.grad  # type: ignore[assignment]
    with pytest.raises(TypeError, match=r"^the data of w is the Value\(data=2.4, .*\): " + re.escape(advice)):
        Value.sum([w]).backward()
    single: Any = np.float32(0.1)
    w.data = single
    with pytest.raises(TypeError, match=r"^the data of w is the float32 .*: " + re.escape(advice)):
        (w * w).backward()


@pytest.mark.parametrize("function", [math.exp, float, int, complex, round, math.isnan])
def test_a_value_is_never_silently_converted_to_a_number(
    function: Callable[[object], object],
) -> None:
    with pytest.raises(TypeError):
        function(Value(1.0))


# Operations without a result

NO_REAL = "the result is not a real number"
BY_ZERO = "division by zero"
TOO_LARGE = "the result is too large for a float"
LONG = "a" * 57 + "..."


def x_at(number: float) -> Value:
    return Value(number, label="x")


@pytest.mark.parametrize(
    ("attempt", "in_python", "message"),
    [
        (lambda: x_at(0.0).log(), lambda: math.log(0.0), f"log(x) at x = 0.0: {NO_REAL}"),
        (lambda: x_at(-0.0).log(), lambda: math.log(-0.0), f"log(x) at x = -0.0: {NO_REAL}"),
        (lambda: x_at(-1.0).log(), lambda: math.log(-1.0), f"log(x) at x = -1.0: {NO_REAL}"),
        (lambda: x_at(-math.inf).log(), lambda: math.log(-math.inf), f"log(x) at x = -inf: {NO_REAL}"),
        (lambda: Value(-1.0).sqrt(), lambda: math.sqrt(-1.0), f"sqrt(-1.0): {NO_REAL}"),
        (lambda: x_at(1000.0).exp(), lambda: math.exp(1000.0), f"exp(x) at x = 1000.0: {TOO_LARGE}"),
        (lambda: 1 / x_at(0.0), lambda: 1 / 0.0, f"1.0 / x at x = 0.0: {BY_ZERO}"),
        (lambda: x_at(0.0) / 0, lambda: 0.0 / 0, f"x / 0.0 at x = 0.0: {BY_ZERO}"),
        (lambda: x_at(1.0) / Value(-0.0, "y"), lambda: 1.0 / -0.0, f"x / y at x = 1.0, y = -0.0: {BY_ZERO}"),
        (lambda: x_at(0.0) ** -1, lambda: 0.0**-1, f"x ** -1.0 at x = 0.0: {BY_ZERO}"),
        (lambda: x_at(0.0) ** -0.5, lambda: 0.0**-0.5, f"x ** -0.5 at x = 0.0: {BY_ZERO}"),
        (lambda: x_at(0.0) ** Value(-1.0, "n"), lambda: 0.0**-1.0, f"x ** n at x = 0.0, n = -1.0: {BY_ZERO}"),
        (lambda: 0 ** x_at(-1.0), lambda: 0**-1.0, f"0.0 ** x at x = -1.0: {BY_ZERO}"),
        (lambda: x_at(1e200) ** 2, lambda: 1e200**2, f"x ** 2.0 at x = 1e+200: {TOO_LARGE}"),
        (lambda: x_at(1e-200) ** -2, lambda: 1e-200**-2, f"x ** -2.0 at x = 1e-200: {TOO_LARGE}"),
        (lambda: 10 ** x_at(400.0), lambda: 10.0**400.0, f"10.0 ** x at x = 400.0: {TOO_LARGE}"),
        (
            lambda: x_at(-8.0) ** (1 / 3),
            lambda: math.pow(-8.0, 1 / 3),
            f"x ** {1 / 3} at x = -8.0: {NO_REAL}",
        ),
        (lambda: x_at(-8.0) ** Value(0.5), lambda: math.pow(-8.0, 0.5), f"x ** 0.5 at x = -8.0: {NO_REAL}"),
        (lambda: Value(0.0, "a\nb").log(), lambda: math.log(0.0), f"log(a b) at a b = 0.0: {NO_REAL}"),
        (
            lambda: Value(0.0, "a" * 999).log(),
            lambda: math.log(0.0),
            f"log({LONG}) at {LONG} = 0.0: {NO_REAL}",
        ),
    ],
)
def test_an_error_is_pythons_own_and_names_operation_numbers_and_labels(
    attempt: Callable[[], Value], in_python: Callable[[], float], message: str
) -> None:
    with pytest.raises((ValueError, ArithmeticError)) as python:
        in_python()
    with pytest.raises((ValueError, ArithmeticError)) as caught:
        attempt()
    assert caught.type is python.type
    assert str(caught.value) == message


# What a node shows and how it compares


def test_a_leaf_and_a_result_have_the_attributes_of_a_node() -> None:
    x, w = Value(2, label="x"), Value(-3.0)
    y = x * w
    assert (x.data, x.grad, x.label, x.op, x.operands, x.local_grads) == (2.0, 0.0, "x", "", (), ())
    assert (y.data, y.grad, y.label, y.op, y.operands, y.local_grads) == (
        *(-6.0, 0.0, "", "*"),
        *((x, w), (-3.0, 2.0)),
    )
    assert not hasattr(y, "__dict__")
    assert weakref.ref(y)() is y


def test_each_operation_has_its_name_and_its_operands_in_order_and_with_repetition() -> None:
    a, b = Value(0.5, label="a"), Value(2.0, label="b")
    for op, operation in OPERATIONS.items():
        operands = (a,) if op in UNARY else (a, b)
        node = operation(*operands)
        assert node.op == op
        assert node.operands == operands or op == "**n"
    assert (a * a).operands == (a, a)
    assert Value.sum([a, b, a]).operands == (a, b, a)
    assert (+a) is a


def test_a_plain_number_becomes_a_constant_wherever_it_stands() -> None:
    x = Value(0.5, label="x")
    for node, position in [(x + 3, 1), (3 - x, 0), (x * 3.0, 1), (3 / x, 0), (x**3, 1), (3**x, 0)]:
        constant = node.operands[position]
        assert node.operands[1 - position] is x
        assert (constant.op, constant.data, constant.operands) == ("constant", 3.0, ())
    assert Value.sum([x, 3]).operands[1].op == "constant"
    assert Value(3.0).op == "" and (x**3).op == "**n" and (x ** Value(3.0)).op == "**"


def test_repr_is_one_short_line_that_says_how_a_node_was_made() -> None:
    x = Value(2.0, label="x")
    y = (x * x + 1).relu()
    y.label = "y"
    y.backward()
    assert repr(x) == "Value(data=2.0, grad=4.0, label='x')"
    assert repr(y) == "Value(data=5.0, grad=1.0, label='y', op='relu': relu(5.0))"
    assert repr(x * Value(-3.0)) == "Value(data=-6.0, grad=0.0, op='*': x * -3.0)"
    assert repr(x**2) == "Value(data=4.0, grad=0.0, op='**n': x ** 2.0)"
    assert repr((x**2).operands[1]) == "Value(data=2.0, grad=0.0, op='constant')"
    assert repr(Value(1 / 3)) == "Value(data=0.3333333333333333, grad=0.0)"
    sum_of_many = "sum(x, x, x, x, x, …)"
    assert repr(Value.sum([x] * 10_000)) == f"Value(data=20000.0, grad=0.0, op='sum': {sum_of_many})"
    assert repr(Value(1.0, label="a\nb")) == "Value(data=1.0, grad=0.0, label='a b')"
    assert repr(Value(1.0, label="W" * 60)) == f"Value(data=1.0, grad=0.0, label='{'W' * 60}')"
    assert repr(Value(1.0, label="W" * 10_000)) == f"Value(data=1.0, grad=0.0, label='{'W' * 57}...')"


@given(st.text(), st.floats())
def test_repr_is_one_printable_line_whatever_the_label(label: str, number: float) -> None:
    leaf = Value(number, label)
    for shown in (repr(leaf), repr(leaf + leaf)):
        assert len(shown.splitlines()) == 1
        assert shown.isprintable()


def test_equality_and_hash_are_those_of_the_object() -> None:
    x, same_number = Value(1.0), Value(1.0)
    assert x == x
    assert x != same_number
    number: object = 1.0
    assert x != number
    assert len({x, same_number, x}) == 2


def test_comparisons_are_those_of_the_numbers() -> None:
    a, b, c = Value(1.0), Value(2.0), Value(2.0)
    assert a < b <= c
    assert c >= b > a
    assert not b < c
    assert not b > c
    undefined = Value(math.nan)
    assert not (a < undefined or a > undefined or a <= undefined or a >= undefined)


def test_pythons_sum_max_min_and_sorted_work() -> None:
    a, b, c = Value(3.0), Value(-1.0), Value(2.0)
    total = sum([a, b, c])
    assert isinstance(total, Value)
    assert total.data == 4.0
    total.backward()
    assert (a.grad, b.grad, c.grad) == (1.0, 1.0, 1.0)
    assert max([a, b, c]) is a
    assert min(a, b, c) is b
    assert max(b, 0) == 0
    assert sorted([a, b, c]) == [b, c, a]


def test_an_empty_sum_is_0() -> None:
    nothing = Value.sum([])
    assert (nothing.data, nothing.op, nothing.operands) == (0.0, "sum", ())
    (nothing + 1).backward()
    assert nothing.grad == 1.0


def test_a_sum_takes_any_iterable_and_is_one_node() -> None:
    x = Value(2.0)
    total = Value.sum(x * i for i in range(4))
    assert total.data == 12.0
    assert len(total.operands) == 4


# The backward pass


def test_a_shared_operand_collects_both_contributions() -> None:
    x = Value(3.0)
    (x * x).backward()
    assert x.grad == 6.0
    y = Value(3.0)
    Value.sum([y, y, y]).backward()
    assert y.grad == 3.0
    z = Value(3.0)
    (z**z).backward()
    assert z.grad == pytest.approx(27.0 * (1.0 + math.log(3.0)), rel=1e-15)


def test_a_diamond_passes_its_gradient_on_once_it_is_complete() -> None:
    x = Value(2.0)
    middle = x * x
    left, right = middle * 3, middle.exp()
    (left * right + middle).backward()
    expected = 3 * math.exp(4) + 3 * 4 * math.exp(4) + 1
    assert middle.grad == pytest.approx(expected, rel=1e-15)
    assert x.grad == pytest.approx(4 * expected, rel=1e-15)


def test_a_ladder_of_diamonds_is_walked_once_not_once_for_each_path() -> None:
    x = Value(1.0)
    y = x
    for _ in range(200):
        y = y + y
    y.backward()
    assert x.grad == 2.0**200
    assert len(topological_order(y)) == 201


def test_calling_backward_again_doubles_the_leaves_and_nothing_else() -> None:
    x = Value(3.0)
    middle = x * x
    y = middle * x
    for times in (1, 2, 3):
        y.backward()
        assert (x.grad, middle.grad, y.grad) == (27.0 * times, 3.0, 1.0)


def test_leaves_accumulate_over_different_roots() -> None:
    x = Value(3.0)
    middle = x * x
    (middle + 1).backward()
    (middle * 10).backward()
    assert (x.grad, middle.grad) == (66.0, 10.0)


def test_a_leaf_is_its_own_derivative_and_accumulates_it() -> None:
    x = Value(5.0)
    x.backward()
    x.backward()
    assert x.grad == 2.0


def test_assigning_data_changes_nothing_that_is_recorded() -> None:
    x = Value(3.0)
    y = x * x
    x.data = 100.0
    y.backward()
    assert (y.data, x.grad) == (9.0, 6.0)


def test_a_graph_still_works_after_an_operation_on_it_has_failed() -> None:
    x = Value(2.0)
    y = x * x
    with pytest.raises(ValueError, match="log"):
        (y - 4).log()
    y.backward()
    assert x.grad == 4.0


@given(random_graphs())
def test_a_second_backward_doubles_the_leaves_of_any_graph_and_nothing_else(root: Value) -> None:
    root.backward()
    once = {node: node.grad for node in topological_order(root)}
    root.backward()
    for node, scale in contributions(root).items():
        if node.operands:
            assert repr(node.grad) == repr(once[node])
        elif math.isfinite(once[node]):
            assert abs(node.grad - 2.0 * once[node]) <= 1e-12 * scale


@given(random_graphs())
def test_topological_order_has_each_node_once_operands_first_and_touches_no_grad(root: Value) -> None:
    root.backward()
    order = topological_order(root)
    before = repr([node.grad for node in order])
    place = {node: i for i, node in enumerate(order)}
    assert len(place) == len(order)
    assert order[-1] is root
    used = {operand for node in order for operand in node.operands}
    assert used | {root} == set(order)
    assert all(place[operand] < place[node] for node in order for operand in node.operands)
    assert topological_order(root) == order
    assert repr([node.grad for node in order]) == before


def test_topological_order_reads_like_the_forward_pass() -> None:
    x, w, b = Value(2.0, "x"), Value(-3.0, "w"), Value(7.0, "b")
    product = w * x
    total = product + b
    y = (total * total).relu()
    assert topological_order(y) == [w, x, product, b, total, y.operands[0], y]


LARGE = 1_000_000


def test_a_chain_of_a_million_nodes_is_walked_and_dropped() -> None:
    x = Value(0.0)
    references = sys.getrefcount(x)
    y = x
    for _ in range(LARGE):
        y = y + 1.0
    y.backward()
    assert (y.data, x.grad) == (LARGE, 1.0)
    del y
    assert sys.getrefcount(x) == references


def test_a_fan_in_and_a_fan_out_of_a_million_are_walked_and_dropped() -> None:
    x = Value(1.0)
    references = sys.getrefcount(x)
    terms = [Value(1.0) for _ in range(LARGE)]
    y = Value.sum(terms) + Value.sum([x] * LARGE)
    y.backward()
    assert (y.data, x.grad, terms[0].grad, terms[-1].grad) == (2 * LARGE, LARGE, 1.0, 1.0)
    del y, terms
    assert sys.getrefcount(x) == references


def test_a_dropped_graph_leaves_nothing_for_the_garbage_collector() -> None:
    x = Value(0.3)
    references = sys.getrefcount(x)
    gc.collect()
    gc.disable()
    try:
        y = Value.sum([x * x, x**x, 2**x, (x / 3).tanh().sigmoid(), abs(-x).sqrt().log().exp().relu()])
        y = y.sin() - y.cos()
        y.backward()
        topological_order(y)
        del y
        assert sys.getrefcount(x) == references
        assert gc.collect() == 0
    finally:
        gc.enable()
