"""gradcheck accepts right derivatives, refuses wrong ones in one clear line, and leaves every grad alone."""

import math
import re
import sys
from collections.abc import Callable
from functools import partial
from operator import mul
from typing import NamedTuple

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from microgrid import Value, gradcheck
from microgrid.checking import Undecided
from microgrid.value import RULES, apply


def wrong_sine(x: Value) -> Value:
    """Return the sine of x with a local gradient that is 0.001 too large."""
    y = x.sin()
    y.local_grads = (y.local_grads[0] + 0.001,)
    return y


@pytest.mark.parametrize(
    ("function", "inputs"),
    [
        (lambda a, b: a + b, (2.0, -3.0)),
        (lambda a, b: a - b, (2.0, -3.0)),
        (lambda a, b: a * b, (2.0, -3.0)),
        (lambda a, b: a / b, (2.0, -3.0)),
        (lambda a, b: a**b, (2.0, -3.0)),
        (lambda a: a**3 + 2**a, (-1.5,)),
        (lambda a: -abs(a), (-1.5,)),
        (lambda a: a.relu() + (-a).relu() * 3, (0.7,)),
        (lambda a: a.exp().log().sqrt(), (0.7,)),
        (lambda a: a.sin() * a.cos(), (0.7,)),
        (lambda a: a.tanh() + a.sigmoid(), (0.7,)),
        (lambda a, b: Value.sum([a, b, a, 3]), (0.7, 2)),
        (lambda a: a, (5,)),
        (lambda a: Value(3.0), (5,)),
        (lambda a: a * a, (0.0,)),
        (lambda a: a * a, (1e8,)),
        (lambda a: (a - 1e8) ** 2, (1e8 + 3,)),
        (lambda a, b: a + b * 1e6, (1e-3, 1e6)),
        # where the function is curved on the scale of a usual step
        (lambda a: 1 / a, (0.001,)),
        (lambda a: 1 / (a + 3.5), (-3.515625,)),
        (Value.log, (0.001,)),
        (Value.sqrt, (0.001,)),
        (Value.sin, (500,)),
        (Value.exp, (500,)),
        (Value.sin, (1e10,)),
        # beside the end of the domain, a kink, and the largest float
        (Value.log, (1e-9,)),
        (Value.sqrt, (1e-9,)),
        (Value.relu, (1e-9,)),
        (Value.exp, (709.78,)),
        # where the derivative is 0, or as good as that
        (Value.sin, (math.pi / 2,)),
        (Value.tanh, (20,)),
        (lambda a: (a - 0.3) ** 2, (0.3,)),
        (lambda a: a * 0.1 + a * 0.2 - a * 0.3, (0.0,)),
        (lambda a: a * 3 - a * 2 - a, (1.0,)),
    ],
)
def test_right_derivatives_are_accepted(function: Callable[..., Value], inputs: tuple[float, ...]) -> None:
    assert gradcheck(function, *inputs) is True


@given(st.floats(-3.0, 3.0), st.floats(0.1, 3.0), st.floats(-3.0, 3.0))
def test_right_derivatives_are_accepted_anywhere(x: float, y: float, z: float) -> None:
    assert gradcheck(lambda x, y, z: ((x * y + z).tanh() * (y**x).sigmoid() + x.sin() / y).exp(), x, y, z)


@given(st.floats(-100.0, 100.0))
def test_a_wrong_derivative_is_refused_anywhere(x: float) -> None:
    with pytest.raises(AssertionError):
        gradcheck(wrong_sine, x)


def test_a_wrong_derivative_is_refused_beside_large_numbers() -> None:
    with pytest.raises(AssertionError):
        gradcheck(lambda x: wrong_sine(x) + 1e4, 1.0)


class Case(NamedTuple):
    """An operation, and the numbers at which its derivatives are to be checked."""

    op: str
    numbers: tuple[float, ...]

    def function(self, *operands: Value, position: int = 0, factor: float = 1.0) -> Value:
        """Return the operation's node, its local gradient at the position multiplied by the factor."""
        if self.op == "**n":
            operands = (*operands, Value(self.numbers[1]))
        node = apply(self.op, operands, *(operand.data for operand in operands))
        factors = [factor if i == position else 1.0 for i in range(len(operands))]
        node.local_grads = tuple(map(mul, node.local_grads, factors))
        return node

    @property
    def inputs(self) -> tuple[float, ...]:
        return self.numbers[:1] if self.op == "**n" else self.numbers


# From 10⁻⁴ to 1000, both signs: a kink or a pole at 0 lies ten steps of 10⁻⁵ away, or more.
NUMBERS = st.tuples(st.integers(-4000, 3000), st.sampled_from([1.0, -1.0])).map(
    lambda drawn: drawn[1] * 10 ** (drawn[0] / 1000)
)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw an operation and numbers at which it has a result and derivatives, all finite."""
    op = draw(st.sampled_from(sorted(RULES)))
    count = RULES[op].__code__.co_argcount or 3  # sum takes any number
    numbers = draw(st.lists(NUMBERS, min_size=count, max_size=count))
    if op == "**":
        numbers[0] = abs(numbers[0])
    if op == "**n":
        numbers[1] = draw(st.sampled_from([-2.0, -1.0, 0.0, 0.5, 1.0, 2.0, 3.0]) | NUMBERS)
    try:
        node = apply(op, tuple(map(Value, numbers)), *numbers)
    except (ValueError, ArithmeticError):
        assume(False)
    assume(all(map(math.isfinite, [node.data, *node.local_grads])))
    return Case(op, tuple(numbers))


@pytest.mark.hypothesis
def test_no_right_derivative_of_any_operation_is_called_wrong_and_hardly_any_is_undecided() -> None:
    outcomes = {"agrees": 0, "undecided": 0}

    @given(cases())
    def check(case: Case) -> None:
        try:
            assert gradcheck(case.function, *case.inputs) is True
            outcomes["agrees"] += 1
        except Undecided:
            outcomes["undecided"] += 1

    check()
    assert outcomes["undecided"] <= 0.01 * outcomes["agrees"], outcomes


@given(cases(), st.integers(0, 2), st.sampled_from([1.001, 0.999]))
def test_a_local_gradient_of_any_operation_that_is_wrong_by_a_thousandth_is_never_called_right(
    case: Case, position: int, factor: float
) -> None:
    position %= len(case.inputs)
    right = case.function(*map(Value, case.inputs))
    effect = right.local_grads[position] * max(1.0, abs(case.numbers[position]))
    # Elsewhere, as in tanh at 20, the rounding of the result is larger than a thousandth of the derivative.
    assume(abs(effect) > 1e-8 * max(abs(right.data), 1e-290))
    with pytest.raises(AssertionError, match=f"^the derivative by input {position + 1} is "):
        gradcheck(partial(case.function, position=position, factor=factor), *case.inputs)


def test_where_the_differences_do_not_settle_it_is_undecided_and_the_error_names_step_and_noise() -> None:
    with pytest.raises(Undecided) as caught:
        gradcheck(lambda x: (x**-2).sin(), 1e-4)
    assert re.fullmatch(
        r"the derivative by input 1 is 7\S+ by backward\(\) and \S+ by central differences, "
        r"whose noise of \S+ at the step \S+ is too large to decide: "
        r"check it at another point or give another step",
        str(caught.value),
    )


def test_a_derivative_is_never_called_wrong_where_a_step_of_the_last_bit_changes_everything() -> None:
    with pytest.raises(Undecided):
        gradcheck(lambda x: x.exp().sin(), 200.0)


def test_where_rounding_hides_the_derivative_a_larger_step_helps() -> None:
    for function, too_small in ((lambda x: (x + 1e8) - 1e8, 1e-3), (lambda x: x * x, 1e-14)):
        with pytest.raises(Undecided):
            gradcheck(function, 1.1, step=too_small)
        assert gradcheck(function, 1.1, step=100.0)


def test_the_error_is_one_line_with_input_both_derivatives_and_difference() -> None:
    x = Value(0.0, label="x\nwith a second line")
    with pytest.raises(AssertionError) as caught:
        gradcheck(lambda w, x: w + wrong_sine(x), 3, x)
    message = re.fullmatch(
        r"the derivative by x\\nwith a second line is 1\.001 by backward\(\) and (\S+) by central "
        r"differences: they differ by 0\.001",
        str(caught.value),
    )
    assert message
    assert math.isclose(float(message[1]), 1.0, rel_tol=1e-9)


def test_an_input_without_a_label_is_named_by_its_position() -> None:
    with pytest.raises(AssertionError, match=r"^the derivative by input 2 is 1\.001 by backward\(\)"):
        gradcheck(lambda w, x: w + wrong_sine(x), 3, 0)


def test_an_undefined_derivative_is_refused() -> None:
    with pytest.raises(AssertionError, match=r"input 2 is nan by backward\(\) and .* by central differences"):
        gradcheck(lambda x, n: x ** (n * 0 + 2) + n, -2.0, 3.0)


@pytest.mark.parametrize("local_grad", [math.inf, -math.inf, math.nan])
def test_an_infinite_derivative_is_refused(local_grad: float) -> None:
    def function(x: Value) -> Value:
        y = x * 2
        y.local_grads = (local_grad, 0.0)
        return y

    with pytest.raises(AssertionError):
        gradcheck(function, 1.0)


def test_a_function_that_overflows_at_every_step_is_refused() -> None:
    assert gradcheck(lambda x: x * 1.79769e308, 1.0)
    with pytest.raises(Undecided):
        gradcheck(lambda x: x * sys.float_info.max, 1.0)


def test_at_a_kink_the_two_derivatives_differ() -> None:
    with pytest.raises(AssertionError, match=r"is 0\.0 by backward\(\) and 0\.5 by central differences"):
        gradcheck(Value.relu, 0.0)


def test_an_error_of_the_function_at_every_step_propagates() -> None:
    with pytest.raises(ValueError, match="log"):
        gradcheck(Value.log, 1e-100)
    assert gradcheck(Value.log, 1e-100, step=1e-101)


def test_an_error_of_another_kind_propagates_at_once() -> None:
    def function(x: Value) -> Value:
        return x if x.data == 1.0 else [][0]

    with pytest.raises(IndexError):
        gradcheck(function, 1.0)


def test_the_tolerance_is_relative_to_the_derivative_however_large_or_small_it_is() -> None:
    for size in (1e-6, 1.0, 1e6):
        assert gradcheck(lambda x, size=size: wrong_sine(x) * size, 0.0, tolerance=0.0011)
        with pytest.raises(AssertionError):
            gradcheck(lambda x, size=size: wrong_sine(x) * size, 0.0, tolerance=0.0009)


def test_the_inputs_are_left_alone_and_their_graphs_are_not_part_of_the_check() -> None:
    x = Value(3.0, label="x")
    inner = x * x
    inner.backward()
    assert gradcheck(lambda a, b: a * b, inner, x)
    assert (x.data, x.grad, inner.data, inner.grad) == (3.0, 6.0, 9.0, 1.0)


@pytest.mark.parametrize("outcome", ["accepted", "refused"])
def test_the_grads_of_other_values_that_the_function_uses_are_left_alone(outcome: str) -> None:
    w = Value(2.0, label="w")
    doubled = w * 2
    before = doubled + 1
    w.grad, doubled.grad, before.grad = 7.0, 8.0, math.nan

    def function(x: Value) -> Value:
        y = x * before + doubled * w
        return y if outcome == "accepted" else wrong_sine(y)

    if outcome == "accepted":
        assert gradcheck(function, 3.0)
    else:
        with pytest.raises(AssertionError):
            gradcheck(function, 3.0)
    assert (w.grad, doubled.grad) == (7.0, 8.0)
    assert math.isnan(before.grad)


def test_the_grads_are_restored_when_backward_fails() -> None:
    w = Value(2.0)
    w.grad = 7.0

    def function(x: Value) -> Value:
        product = w * x
        product.local_grads = (1.0, "no number")  # type: ignore[assignment]
        return product

    with pytest.raises(TypeError):
        gradcheck(function, 3.0)
    assert w.grad == 7.0
