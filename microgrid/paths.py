"""The paths behind a gradient: how many there are.

A gradient is the sum, over all paths from the root to the node, of the products of the local gradients along
them.
"""

from collections.abc import Iterable

from microgrid.value import Value

MANY = 10**18


def count_paths(order: Iterable[Value]) -> dict[Value, int]:
    """Return how many paths lead from the root to each node, MANY where there are as many or more.

    order is the topological order; its last node is the root. An operand that is used twice is reached twice.

    >>> x = Value(3.0, label="x")
    >>> y = x * x
    >>> count_paths([x, y])[x]
    2
    """
    paths = dict.fromkeys(order, 0)
    paths[next(reversed(paths))] = 1
    for node in reversed(paths):
        for operand in node.operands:
            paths[operand] = min(paths[operand] + paths[node], MANY)
    return paths
