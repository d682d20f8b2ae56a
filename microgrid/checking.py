"""Check the derivatives that backward() gives against central differences.

gradcheck(lambda x, y: (x * y).tanh(), 0.5, -1.2)       # True, or an AssertionError that says what differs
"""

import math
import sys
from collections.abc import Callable, Sequence

from microgrid.arguments import Number, described
from microgrid.names import one_line
from microgrid.value import Value, topological_order


def gradcheck(
    function: Callable[..., Value], *inputs: Value | Number, step: float = 6e-6, tolerance: float = 1e-6
) -> bool:
    """Return True when backward() and central differences agree on the function's derivative by each input.

    function takes a Value for each input and returns one. inputs are the numbers at which to check it; of a
    Value its data is taken, and its label for the messages. No grad changes, not even of the Values that the
    function uses beside its inputs.

    The central difference is (f(x + h) - f(x - h)) / 2h with h = step · max(1, |x|). Its error is about h²
    from the curve and ε/h from rounding, so the default step is the cube root of the float's ε, where their
    sum is smallest (Press et al., Numerical Recipes, 3rd ed., section 5.7). The two may differ by
    tolerance · max(1, |derivative|), and by what rounding the last bits of f makes of it.

    Raises AssertionError with input, both derivatives and difference where they differ by more, as they do
    where there is no derivative (relu at 0); TypeError where function is none or returns no Value. What
    it raises at x ± h comes through: choose a smaller step beside the edge of log's or sqrt's domain.

    >>> gradcheck(lambda x, y: (x * y).tanh(), 0.5, -1.2)
    True
    """
    if not callable(function):
        raise TypeError(
            f"gradcheck takes a function and the numbers at which to check it, not {described(function)}: "
            "write gradcheck(lambda x: x * x, 3.0)"
        )
    leaves = [Value(x.data, x.label) if isinstance(x, Value) else Value(x) for x in inputs]
    derivatives = _by_backward(function, leaves)
    for i, (leaf, derivative) in enumerate(zip(leaves, derivatives)):
        h = step * max(1.0, abs(leaf.data))
        central, rounding = _by_central_difference(function, leaves, i, h)
        difference = abs(derivative - central)
        allowed = tolerance * max(1.0, abs(derivative), abs(central)) + rounding
        if not (math.isfinite(difference) and difference <= allowed):
            raise AssertionError(
                f"the derivative by {one_line(leaf.label) or f'input {i + 1}'} is {derivative} by backward() "
                f"and {central} by central differences: they differ by {difference:.3g}"
            )
    return True


def _by_backward(function: Callable[..., Value], leaves: Sequence[Value]) -> list[float]:
    """Return the derivative by each leaf, and leave every grad as it was."""
    nodes = topological_order(_result(function, leaves))
    found = [node.grad for node in nodes]
    try:
        nodes[-1].backward()
        return [leaf.grad for leaf in leaves]
    finally:
        for node, grad in zip(nodes, found):
            node.grad = grad


def _by_central_difference(
    function: Callable[..., Value], leaves: Sequence[Value], i: int, h: float
) -> tuple[float, float]:
    """Return the derivative by the leaf at i, and how far rounding may have moved it."""
    below, above = leaves[i].data - h, leaves[i].data + h
    low, high = (
        _result(
            function, [Value(x if j == i else leaf.data, leaf.label) for j, leaf in enumerate(leaves)]
        ).data
        for x in (below, above)
    )
    # The numbers of a function of many operations are right to some units in the last place.
    rounding = 8.0 * sys.float_info.epsilon * max(abs(low), abs(high)) / (above - below)
    return (high - low) / (above - below), rounding


def _result(function: Callable[..., Value], leaves: Sequence[Value]) -> Value:
    result = function(*leaves)
    if not isinstance(result, Value):
        raise TypeError(
            f"gradcheck takes a function that returns a Value, and this one returned {described(result)}"
        )
    return result
