"""Random computation graphs, and the same computation in PyTorch.

@given(random_graphs())
def test_...(root: Value) -> None:
    tensors = replay(root)              # a tensor for each node
    tensors[root].backward()            # tensors[node].grad is ∂root/∂node
"""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from microgrid import Value, topological_order
from titanic.reference import apply

if TYPE_CHECKING:
    import torch

# Each takes operands and a plain number, and uses what it needs of them.
OPERATIONS: dict[str, Callable[[Value, Value, Value, float], Value]] = {
    "a + b": lambda a, b, c, number: a + b,
    "a - b": lambda a, b, c, number: a - b,
    "a * b": lambda a, b, c, number: a * b,
    "a / b": lambda a, b, c, number: a / b,
    "a ** b": lambda a, b, c, number: a**b,
    "a * a": lambda a, b, c, number: a * a,
    "a + number": lambda a, b, c, number: a + number,
    "number - a": lambda a, b, c, number: number - a,
    "a * number": lambda a, b, c, number: a * number,
    "number / a": lambda a, b, c, number: number / a,
    "a ** number": lambda a, b, c, number: a**number,
    "a ** 2": lambda a, b, c, number: a**2,
    "a ** -1": lambda a, b, c, number: a**-1,
    "number ** a": lambda a, b, c, number: number**a,
    "sum(a, b, c)": lambda a, b, c, number: Value.sum([a, b, c]),
    "sum(a, a)": lambda a, b, c, number: Value.sum([a, a]),
    "-a": lambda a, b, c, number: -a,
    "abs(a)": lambda a, b, c, number: abs(a),
    "relu(a)": lambda a, b, c, number: a.relu(),
    "exp(a)": lambda a, b, c, number: a.exp(),
    "log(a)": lambda a, b, c, number: a.log(),
    "sqrt(a)": lambda a, b, c, number: a.sqrt(),
    "sin(a)": lambda a, b, c, number: a.sin(),
    "cos(a)": lambda a, b, c, number: a.cos(),
    "tanh(a)": lambda a, b, c, number: a.tanh(),
    "sigmoid(a)": lambda a, b, c, number: a.sigmoid(),
}

AWKWARD = [0.0, -0.0, 1.0, -1.0, 2.0, 0.5, -3.0, 1e-3, 30.0]
NUMBERS = st.sampled_from(AWKWARD) | st.floats(-3.0, 3.0).map(lambda number: round(number, 6))
LARGEST = 1e6


def diamond() -> tuple[Value, Value, Value]:
    """Return x, w and y = x · w + x, in which two paths lead to x."""
    x = Value(3.0, label="x")
    w = Value(-2.0, label="w")
    y = x * w + x
    y.label = "y"
    return x, w, y


@st.composite
def random_graphs(draw: st.DrawFn, max_nodes: int = 60) -> Value:
    """Draw the root of a graph of 2 to max_nodes (at most 200) nodes, over all operations, operands shared.

    Leaves and inner nodes bear a label or none; no two leaves bear the same, inner nodes may. The numbers are
    finite and at most 1e6; derivatives may be infinite or undefined, as that of sqrt at 0 is.
    """
    numbers = draw(st.lists(NUMBERS, min_size=1, max_size=6))
    nodes = [Value(number, f"x{i}" if i % 3 else "") for i, number in enumerate(numbers, 1)]
    known = set(nodes)
    unused = dict.fromkeys(nodes)
    index = st.integers(0, 250)
    label = st.sampled_from(["", "", "", "h", "loss"])
    line = st.tuples(st.sampled_from(sorted(OPERATIONS)), index, index, index, NUMBERS, label)
    count = draw(st.integers(1, max_nodes))
    for name, i, j, k, number, text in draw(st.lists(line, min_size=count, max_size=count)):
        a, b, c = (nodes[-1 - n % len(nodes)] for n in (i, j, k))
        node = _of_ordinary_size(OPERATIONS[name], a, b, c, number)
        if len(known | {node, *node.operands}) >= max_nodes:
            break
        node.label = text
        nodes.append(node)
        known.update((node, *node.operands))
        unused[node] = None
        for operand in node.operands:
            unused.pop(operand, None)
    return Value.sum(unused) if len(unused) > 1 else nodes[-1]


def _of_ordinary_size(
    operation: Callable[[Value, Value, Value, float], Value], a: Value, b: Value, c: Value, number: float
) -> Value:
    """Return the operation's node; where it has no result or a huge one, that of another operation."""
    try:
        node = operation(a, b, c, number)
    except (ValueError, ArithmeticError):
        return a + b if abs(a.data + b.data) <= LARGEST else a.tanh()
    return node if abs(node.data) <= LARGEST else a.tanh()


def replay(root: Value) -> "dict[Value, torch.Tensor]":
    """Return a float64 tensor for each node under root, computed from its operands' tensors by PyTorch.

    Each of PyTorch's operations starts from our numbers for its operands: otherwise a last bit that differs
    in one node could grow to any size in those above it (sin of a large number). Each keeps its gradient.
    """
    import torch

    tensors: dict[Value, torch.Tensor] = {}
    for node in topological_order(root):
        operands = [tensors[operand] for operand in node.operands]
        if not operands:
            tensors[node] = torch.tensor(node.data, dtype=torch.float64, requires_grad=True)
            continue
        tensor = apply(node.op, operands)
        tensor.retain_grad()
        assert math.isclose(tensor.item(), node.data, rel_tol=1e-12, abs_tol=_rounding(node)), (node, tensor)
        tensor.data.fill_(node.data)
        tensors[node] = tensor
    return tensors


def _rounding(node: Value) -> float:
    """Return how far two ways of adding the operands may differ: their last bits, not the result's."""
    return 1e-15 * sum(abs(operand.data) for operand in node.operands) if node.op == "sum" else 0.0


def contributions(root: Value) -> dict[Value, float]:
    """Return for each node the sum, over all paths from the root, of |the product of their local gradients|.

    The gradient is the same sum with signs. Where they cancel, its rounding errors are relative to this sum
    and not to what is left.
    """
    order = topological_order(root)
    totals = dict.fromkeys(order, 0.0)
    totals[root] = 1.0
    for node in reversed(order):
        for operand, local_grad in zip(node.operands, node.local_grads):
            totals[operand] += abs(local_grad * totals[node])
    return totals
