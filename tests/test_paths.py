"""The paths behind a gradient are counted without walking them."""

from collections.abc import Iterator

from graphs import random_graphs
from hypothesis import given

from microgrid import Value, topological_order
from microgrid.paths import MANY, count_paths


def paths_to(root: Value, node: Value) -> Iterator[float]:
    """The product of local gradients along each path from root to node."""
    if root is node:
        yield 1.0
    for operand, local_grad in zip(root.operands, root.local_grads):
        for product in paths_to(operand, node):
            yield local_grad * product


@given(root=random_graphs(max_nodes=12))
def test_paths_are_counted_as_they_are_walked(root: Value) -> None:
    order = topological_order(root)
    assert count_paths(order) == {node: len(list(paths_to(root, node))) for node in order}


def test_more_paths_than_anyone_counts_are_not_walked() -> None:
    y = Value(1.0)
    for _ in range(2000):
        y = y + y
    order = topological_order(y)
    assert count_paths(order)[order[0]] == MANY
    assert count_paths(order)[order[-20]] == 2**19
