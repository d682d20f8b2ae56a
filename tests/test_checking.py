"""gradcheck accepts right derivatives, refuses wrong ones in one clear line, and leaves every grad alone."""

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microgrid import Value, gradcheck


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


def test_the_error_is_one_line_with_input_both_derivatives_and_difference() -> None:
    x = Value(0.0, label="x\nwith a second line")
    with pytest.raises(AssertionError) as caught:
        gradcheck(lambda w, x: w + wrong_sine(x), 3, x)
    message = str(caught.value)
    assert message.startswith(
        "the derivative by x\\nwith a second line is 1.001 by backward() and 0.99999999"
    )
    assert message.endswith(" by central differences: they differ by 0.001")
    assert len(message.splitlines()) == 1


def test_an_input_without_a_label_is_called_by_its_place() -> None:
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


def test_a_function_that_overflows_is_refused() -> None:
    with pytest.raises(AssertionError):
        gradcheck(lambda x: x * 1.79769e308, 1.0)


def test_at_a_kink_the_two_derivatives_differ() -> None:
    with pytest.raises(AssertionError, match=r"is 0\.0 by backward\(\) and 0\.5 by central differences"):
        gradcheck(Value.relu, 0.0)


def test_an_error_of_the_function_comes_through() -> None:
    with pytest.raises(ValueError, match="log"):
        gradcheck(Value.log, 1e-9)
    assert gradcheck(Value.log, 1e-9, step=1e-15)


def test_the_tolerance_is_relative_to_large_derivatives_and_absolute_for_small_ones() -> None:
    assert gradcheck(wrong_sine, 0.0, tolerance=0.0011)
    assert gradcheck(lambda x: wrong_sine(x) / 1e6, 0.0)
    with pytest.raises(AssertionError):
        gradcheck(lambda x: wrong_sine(x) * 1e6, 0.0, tolerance=0.0009)


@pytest.mark.parametrize(("result", "kind"), [(3.0, "the float 3.0"), (None, "None"), ([], "the list")])
def test_a_function_that_returns_no_value_is_refused(result: object, kind: str) -> None:
    message = f"^gradcheck takes a function that returns a Value, and this one returned {kind}"
    with pytest.raises(TypeError, match=message):
        gradcheck(lambda x: result, 1.0)  # type: ignore[arg-type, return-value]


def test_what_is_no_number_is_refused() -> None:
    with pytest.raises(TypeError, match="a Value takes a real number, not the str 'a'"):
        gradcheck(abs, "a")  # type: ignore[arg-type]


def test_the_inputs_are_left_alone_and_their_graphs_are_no_part_of_the_check() -> None:
    x = Value(3.0, label="x")
    inner = x * x
    inner.backward()
    assert gradcheck(lambda a, b: a * b, inner, x)
    assert (x.data, x.grad, inner.data, inner.grad) == (3.0, 6.0, 9.0, 1.0)


@pytest.mark.parametrize("outcome", ["accepted", "refused"])
def test_the_grads_of_values_that_the_function_uses_beside_its_inputs_are_left_alone(outcome: str) -> None:
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


def test_the_grads_are_put_back_when_backward_is_interrupted() -> None:
    w = Value(2.0)
    w.grad = 7.0

    def function(x: Value) -> Value:
        product = w * x
        product.local_grads = (1.0, "no number")  # type: ignore[assignment]
        return product

    with pytest.raises(TypeError):
        gradcheck(function, 3.0)
    assert w.grad == 7.0
