"""Check the derivatives that backward() gives against central differences.

gradcheck(lambda x, y: (x * y).tanh(), 0.5, -1.2)       # True, or an AssertionError that says what differs
"""

import math
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from microgrid.arguments import Number, described, one_line
from microgrid.value import Value, topological_order

EPSILON = sys.float_info.epsilon


class Undecided(AssertionError):
    """Central differences are too noisy at this point to say whether backward() is right."""


def gradcheck(
    function: Callable[..., Value], *inputs: Value | Number, step: float = 1e-3, tolerance: float = 1e-6
) -> bool:
    """Return True if backward() and central differences agree on the function's derivative by each input.

    function takes a Value for each input and returns a Value. inputs are the numbers at which to check; a
    Value stands for its data, and messages show its label. No grad changes, not even that of another Value
    that function uses.

    The largest step is step · max(1, |x|). Smaller ones follow where the differences do not settle, or where
    function raises a ValueError or an ArithmeticError, as log does below 0. The two derivatives agree if they
    differ by no more than tolerance times their size, plus the noise left in the differences. So a derivative
    that is lost in the rounding of function, such as that of tanh at 20, agrees with 0.

    Raises AssertionError with input, both derivatives and difference if they do not agree, which includes
    points without a derivative (relu at 0); Undecided, an AssertionError too, with step and noise if the
    differences do not settle, as for a function that oscillates too fast; TypeError if function is not
    callable or does not return a Value. An error of function at x, or even at the smallest step, propagates.

    >>> gradcheck(lambda x, y: (x * y).tanh(), 0.5, -1.2)
    True
    """
    if not callable(function):
        raise TypeError(
            f"gradcheck takes a function and the numbers at which to check it, not {described(function)}: "
            "write gradcheck(lambda x: x * x, 3.0)"
        )
    leaves = [Value(x.data, x.label) if isinstance(x, Value) else Value(x) for x in inputs]
    for i, derivative in enumerate(_passes(function, leaves).derivatives):
        h = step * max(1.0, abs(leaves[i].data))
        estimates = [_Estimate(math.nan, h, spread=math.inf, rounding=0.0, scale=0.0)]
        for estimate in _central_differences(function, leaves, i, h):
            if abs(derivative - estimate.derivative) + estimate.noise <= tolerance * abs(estimate.derivative):
                break
            estimates.append(estimate)
        else:
            _compare(one_line(leaves[i].label) or f"input {i + 1}", derivative, estimates, tolerance)
    return True


class _Estimate(NamedTuple):
    """A derivative by central differences."""

    derivative: float
    step: float  # the smallest one in it
    spread: float  # how far it may be off because the function is curved
    rounding: float  # how far it may be off because the function is rounded
    scale: float  # the size of f / x

    @property
    def noise(self) -> float:
        return self.spread + self.rounding


def _compare(name: str, derivative: float, estimates: Sequence[_Estimate], tolerance: float) -> None:
    """Raise Undecided if no estimate has settled, AssertionError if the least noisy of those differs."""
    # A derivative that is practically 0, at all or compared with f / x, settles at the level of rounding.
    is_zero = abs(derivative) <= min((e.rounding for e in estimates[1:]), default=0.0)
    settled = [
        e
        for e in estimates
        if e.noise <= tolerance * abs(e.derivative)
        or (e.spread <= e.rounding and (e.rounding <= tolerance * e.scale or is_zero))
    ]
    best = min(settled or estimates, key=lambda e: e.noise)
    both = f"{derivative} by backward() and {best.derivative} by central differences"
    if not settled:
        raise Undecided(
            f"the derivative by {name} is {both}, whose noise of {best.noise:.3g} at the step {best.step:.3g}"
            " is too large to decide: check it at another point or give another step"
        )
    difference = abs(derivative - best.derivative)
    if not difference <= tolerance * abs(best.derivative) + best.noise:
        raise AssertionError(f"the derivative by {name} is {both}: they differ by {difference:.3g}")


def _central_differences(
    function: Callable[..., Value], leaves: Sequence[Value], i: int, h: float
) -> Iterator[_Estimate]:
    """Yield the derivative by the leaf at i from ever smaller steps, h and its quarters.

    The central difference (f(x + h) - f(x - h)) / 2h is off by a series in h², h⁴, … So two of them, for h
    and h/4, make one that is off by h⁴, h⁶, …; two of those make one that is off by h⁶, …; and so on: a
    tableau with a row for each step. The distance of an entry from the two that it was made of bounds its
    error. (Ridders, Advances in Engineering Software 4, 1982; Press et al., Numerical Recipes, 3rd ed.,
    section 5.7.)
    """
    x = leaves[i].data

    def at(number: float) -> _Passes:
        numbers = [number if leaf is leaves[i] else leaf.data for leaf in leaves]
        return _passes(function, [Value(number, leaf.label) for number, leaf in zip(numbers, leaves)])

    row: list[float] = []
    failure: Exception | None = None
    for _ in range(16):
        h = (abs(x) + h) - abs(x)  # a step that x - h and x + h take exactly
        if h == 0.0:
            break
        coarser, row = row, []
        try:
            low, high = at(x - h), at(x + h)
        except (ValueError, ArithmeticError) as error:
            failure = error
        else:
            row.append((high.result - low.result) / (2.0 * h))
            rounding = (low.rounding + high.rounding) / h
            scale = max(abs(low.result), abs(high.result)) / max(1.0, abs(x))
            for order, coarse in enumerate(coarser, start=1):
                fine = row[-1]
                entry = fine + (fine - coarse) / (16.0**order - 1.0)
                row.append(entry)
                spread = max(abs(entry - fine), abs(entry - coarse))
                if math.isfinite(spread):
                    yield _Estimate(entry, h, spread, rounding, scale)
        h /= 4.0
    if failure and not row:
        raise failure


class _Passes(NamedTuple):
    """The results of a forward and a backward pass at one point."""

    result: float
    derivatives: list[float]
    rounding: float  # how far the last bits of all nodes move the result: the sum of |grad · data · ε|


def _passes(function: Callable[..., Value], leaves: Sequence[Value]) -> _Passes:
    """Return the results of both passes; every grad stays what it was."""
    root = function(*leaves)
    if not isinstance(root, Value):
        raise TypeError(
            f"gradcheck takes a function that returns a Value, but this one returned {described(root)}"
        )
    nodes = topological_order(root)
    found = [node.grad for node in nodes]
    try:
        root.backward()
        last_bits = [abs(node.grad * (node.data * EPSILON)) for node in nodes if node.operands]
        rounding = sum(filter(math.isfinite, last_bits), sys.float_info.min * EPSILON)
        return _Passes(root.data, [leaf.grad for leaf in leaves], rounding)
    finally:
        for node, grad in zip(nodes, found):
            node.grad = grad
