"""The paths behind a gradient: counted without walking them, the largest found, zeros and nans explained."""

import math
from collections.abc import Iterator

import pytest
from graphs import contributions, diamond, random_graphs
from hypothesis import given
from hypothesis import strategies as st

from microgrid import Value, backward_steps, topological_order, why
from microgrid.paths import MANY, count_paths


def paths_to(root: Value, node: Value) -> Iterator[list[tuple[Value, int]]]:
    """Each path from root to node, as the uses along it: a node and the position of the operand."""
    if root is node:
        yield []
    for position, operand in enumerate(root.operands):
        for path in paths_to(operand, node):
            yield [(root, position), *path]


def product(path: list[tuple[Value, int]]) -> float:
    """The product of the local gradients along a path."""
    result = 1.0
    for node, position in path:
        result *= node.local_grads[position]
    return result


def is_blocked(path: list[tuple[Value, int]]) -> bool:
    """Whether a local gradient on the path is 0."""
    return any(node.local_grads[position] == 0.0 for node, position in path)


@given(root=random_graphs(max_nodes=12))
def test_paths_are_counted_as_they_are_walked(root: Value) -> None:
    order = topological_order(root)
    assert count_paths(order) == {node: len(list(paths_to(root, node))) for node in order}


def test_paths_too_many_to_walk_are_counted() -> None:
    y = Value(1.0)
    for _ in range(2000):
        y = y + y
    order = topological_order(y)
    assert count_paths(order)[order[0]] == MANY
    assert count_paths(order)[order[-20]] == 2**19


# Why


@given(root=random_graphs(max_nodes=14), most=st.integers(1, 8))
def test_the_paths_of_why_are_the_largest_of_all_paths(root: Value, most: int) -> None:
    for node in topological_order(root):
        if node.op == "constant":
            continue
        found = why(root, node, most=most)
        everything = list(paths_to(root, node))
        sizes = [abs(product(path)) for path in everything if not is_blocked(path)]
        sizes = sorted([math.inf if math.isnan(size) else size for size in sizes], reverse=True)
        listed = [[(step.node, step.position) for step in path.steps] for path in found.paths]
        assert all(path in everything for path in listed) and len({*map(tuple, listed)}) == len(listed)
        assert [repr(path.product) for path in found.paths] == [repr(product(path)) for path in listed]
        products = [abs(path.product) for path in found.paths]
        assert [math.inf if math.isnan(size) else size for size in products] == sizes[:most]
        assert (found.count, found.others) == (len(everything), max(0, len(sizes) - most))
        for step, ended in found.blocked:
            here = (step.node, step.position)
            through = [path for path in everything if here in path]
            assert step.local_grad == 0.0
            assert ended == sum(not is_blocked(path[: path.index(here)]) for path in through)
        assert sum(block.ended for block in found.blocked) == len(everything) - len(sizes)


@given(root=random_graphs(max_nodes=14))
def test_the_products_of_the_paths_and_the_rest_are_the_gradient(root: Value) -> None:
    sizes = contributions(root)
    root.backward()
    for node in topological_order(root):
        if node.op == "constant" or not math.isfinite(node.grad) or not math.isfinite(sizes[node]):
            continue
        assert why(root, node).gradient == node.grad
        everything = why(root, node, most=10_000)
        assert everything.others == 0 == everything.rest
        tolerance = 1e-12 * sizes[node]
        assert math.fsum(path.product for path in everything.paths) == pytest.approx(node.grad, abs=tolerance)
        some = why(root, node, most=2)
        left_out = [path.product for path in everything.paths[2:]]
        assert some.rest == pytest.approx(math.fsum(left_out), abs=tolerance)


@given(root=random_graphs(), place=st.integers(0, 59))
def test_the_origin_is_the_first_step_on_the_way_that_made_inf_or_nan(root: Value, place: int) -> None:
    steps = list(backward_steps(root))
    nodes = [node for node in topological_order(root) if node.op != "constant"]
    node = nodes[place % len(nodes)]
    found = why(root, node)
    assert bool(found.origin) != math.isfinite(found.gradient)
    assert str(found)
    for number, step in found.origin:
        again = steps[number - 1]
        assert (again.node, again.operand, again.position) == (step.node, step.operand, step.position)
    if found.origin:
        first, last = found.origin[0].step, found.origin[-1].step
        assert not math.isfinite(first.after) and math.isfinite(first.node_grad)
        assert math.isnan(found.gradient) == math.isnan(last.after)


def test_why_lists_the_paths_with_their_products() -> None:
    x, _, y = diamond()
    assert str(why(y, x)) == (
        "x.grad = -1: the sum over 2 paths from y.\n  -2 = ∂y/∂v1 · ∂v1/∂x = 1 · (-2)\n   1 = ∂y/∂x"
    )
    assert str(why(y, x, most=1)).endswith("\n   1 = 1 other path")


def test_a_gradient_of_0_is_blocked_or_cancelled() -> None:
    b = Value(-2.0, label="b")
    c = b.relu()
    c.label = "c"
    loss = c * 3 + c * 2
    loss.label = "L"
    assert str(why(loss, b)) == (
        "b.grad = 0: every path from L is blocked.\n"
        "  0 = 2 paths, blocked in c = relu(b) at b = -2: ∂c/∂b = 0"
    )
    assert str(why(b - b, b)) == (
        "b.grad = 0: the sum over 2 paths from v1, which cancel each other.\n   1 = ∂v1/∂b₁\n  -1 = ∂v1/∂b₂"
    )
    assert str(why(b * 1e-200 * 1e-200, b)).startswith(
        "b.grad = 0: the only path from v2, too small for a float.\n"
    )


def test_a_node_that_the_root_does_not_depend_on_has_no_path() -> None:
    _, _, y = diamond()
    assert str(why(y, Value(1.0, label="q"))) == (
        "y was not computed from q: there is no path, and the gradient is 0."
    )
    assert str(why(y, y)) == "y is the root: its gradient is 1 from the start."


def test_a_nan_is_traced_to_the_inf_and_the_step_that_made_it() -> None:
    a, b = Value(2.0, label="a"), Value(2.0, label="b")
    distance = ((a - b) ** 2).sqrt()
    distance.label = "d"
    assert str(why(distance, a)) == (
        "a.grad = nan. It began in step 1:\n"
        "  step 1: v2.grad += d.grad · ∂d/∂v2 = 1 · inf = inf; v2.grad = inf\n"
        "    d = sqrt(v2) grows infinitely fast as v2 grows, so v2 receives the gradient\n"
        "    of d times inf, 1 · inf = inf: its only contribution.\n"
        "  step 2: v1.grad += v2.grad · ∂v2/∂v1 = inf · 0 = nan; v1.grad = nan\n"
        "    v2 = v1 ** 2 does not change with v1 here, so v1 receives the gradient of v2\n"
        "    times 0, inf · 0 = nan: its only contribution."
    )


def test_why_says_what_was_too_large_or_had_no_sum() -> None:
    x, big = Value(1.0, label="x"), Value(1e200, label="big")
    assert str(why(big * big * x, x)).splitlines()[1] == "  The forward pass made it: v1 = big · big = inf."
    assert "    1e+200 · 1e+200 is too large for a float." in str(why(x * 1e200 * 1e200, x)).splitlines()
    s = Value(0.0, label="s")
    assert str(why(s.sqrt() - (s * 1).sqrt(), s)).endswith("\n    -inf and inf have no sum.")
    y = x
    for _ in range(1100):
        y = y + y
    assert "e+307 is too large for a float." in str(why(y, x))


def test_a_long_path_shows_its_ends_in_80_columns() -> None:
    y = x = Value(0.5, label="model.layers[0].neurons[1].b")
    for _ in range(300):
        y = (y + x).tanh()
    lines = str(why(y, x)).splitlines()
    assert max(map(len, lines)) <= 80 and len(lines) < 15
    assert lines[-1].endswith(f" = {300 + 1 - 5} other paths")


def test_why_is_quick_where_paths_are_too_many_to_list() -> None:
    y = x = Value(1.0, label="x")
    for _ in range(500):
        y = (y + y) * 0.5
    found = why(y, x)
    assert (found.count, found.gradient, len(found.paths)) == (MANY, 1.0, 5)
    assert str(found).endswith(" = 10^18 or more other paths")
