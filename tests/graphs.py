"""Random computation graphs, and the same computation in PyTorch.

@given(random_graphs())
def test_...(root: Value) -> None:
    tensors = replay(root)              # a tensor for each node
    tensors[root].backward()            # tensors[node].grad is ∂root/∂node
"""

import math
import operator
from collections.abc import Callable, Sequence
from math import exp, log
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from microgrid import Value, topological_order
from microgrid.nn import MLP
from microgrid.recorder import recording
from microgrid.rows import row_of
from microgrid.value import BLOCKED, RULES, sigmoid

if TYPE_CHECKING:
    import torch

METHODS = [op for op in RULES if hasattr(Value, op) and op != "sum"]


def sum_of(*terms: Any) -> Any:
    """Return Value.sum of Values, PyTorch's sum of tensors."""
    if all(isinstance(term, Value) for term in terms):
        return Value.sum(terms)
    import torch

    return torch.stack(terms).sum()


# Every operation of RULES as a function of Values, or of tensors.
OPERATIONS: dict[str, Callable[..., Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "**": operator.pow,
    "**n": lambda x, n: x ** float(n if isinstance(n, float) else n.data),
    "neg": operator.neg,
    "abs": abs,
    "sum": sum_of,
    **{op: operator.methodcaller(op) for op in METHODS},
}
UNARY = [op for op in RULES if row_of(op).operands == ("x",) and not row_of(op).takes_any]
BINARY = [op for op in RULES if row_of(op).operands == ("x", "y")]

# Rows that a user may add.
# fmt: off
ADDED: dict[str, Callable[..., Any]] = {
    "softplus": lambda x: (x + log(1.0 + exp(-x)) if x > 0.0 else log(1.0 + exp(x)), (sigmoid(x),)),
    "leaky": lambda x: (x if x > 0.0 else 0.01 * x, (1.0 if x > 0.0 else 0.01,)),
    "maximum": lambda x, y: (x if x >= y else y if y > x else x + y,
                             (1.0 if x >= y else BLOCKED, BLOCKED if x >= y else 1.0)),
}
# fmt: on

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


def leaves(root: Value) -> list[Value]:
    """Return the leaves under root, constants included."""
    return [node for node in topological_order(root) if not node.operands]


def recorded(source: str, file: Path) -> dict[str, Any]:
    """Run a program from a file while its nodes are recorded, and return its variables."""
    file.write_text(source, encoding="utf-8")
    variables: dict[str, Any] = {"Value": Value, "MLP": MLP}
    with recording():
        exec(compile(source, str(file), "exec"), variables)
    return variables


@st.composite
def random_graphs(draw: st.DrawFn, max_nodes: int = 60) -> Value:
    """Draw the root of a graph of 2 to max_nodes (at most 200) nodes, over all operations, operands shared.

    Nodes may have labels; inner nodes may share them, leaves do not. The numbers are finite and at most 1e6;
    derivatives may be infinite or undefined, such as that of sqrt at 0.
    """
    numbers = draw(st.lists(NUMBERS, min_size=1, max_size=6))
    nodes = [Value(number, f"x{i}" if i % 3 else "") for i, number in enumerate(numbers, 1)]
    known = set(nodes)
    unused = dict.fromkeys(nodes)
    index = st.integers(0, 250)
    label = st.sampled_from(["", "", "", "h", "loss"])
    # Some operands are plain numbers instead of nodes: the first, the second, or none.
    plain = st.sampled_from([None, None, 0, 1])
    line = st.tuples(
        st.sampled_from(sorted(OPERATIONS)), st.tuples(index, index, index), plain, NUMBERS, label
    )
    count = draw(st.integers(1, max_nodes))
    for op, places, position, number, text in draw(st.lists(line, min_size=count, max_size=count)):
        operands = [nodes[-1 - place % len(nodes)] for place in places]
        node = _of_ordinary_size(op, operands, position, number)
        if len(known | {node, *node.operands}) >= max_nodes:
            break
        node.label = text
        nodes.append(node)
        known.update((node, *node.operands))
        unused[node] = None
        for operand in node.operands:
            unused.pop(operand, None)
    return Value.sum(unused) if len(unused) > 1 else nodes[-1]


def _of_ordinary_size(op: str, operands: Sequence[Value], position: int | None, number: float) -> Value:
    """Return the operation's node, or another operation's if it has no result or a huge one."""
    a, b, _ = operands
    row = row_of(op)
    given: list[Value | float] = list(operands if row.takes_any else operands[: len(row.operands)])
    if op == "**n":
        given[1] = number
    elif position is not None and len(given) == 2:
        given[position] = number
    try:
        node: Value = OPERATIONS[op](*given)
    except (ValueError, ArithmeticError):
        return a + b if abs(a.data + b.data) <= LARGEST else a.tanh()
    return node if abs(node.data) <= LARGEST else a.tanh()


def replay(root: Value) -> "dict[Value, torch.Tensor]":
    """Return a float64 tensor for each node under root, computed from its operands' tensors by PyTorch.

    Each of PyTorch's operations starts from our numbers for its operands. Otherwise a different last bit in
    one node could grow to any size in those above it (sin of a large number). Each tensor keeps its gradient.
    """
    import torch

    tensors: dict[Value, torch.Tensor] = {}
    for node in topological_order(root):
        operands = [tensors[operand] for operand in node.operands]
        if not operands:
            tensors[node] = torch.tensor(node.data, dtype=torch.float64, requires_grad=True)
            continue
        tensor = OPERATIONS[node.op](*operands)
        tensor.retain_grad()
        assert math.isclose(tensor.item(), node.data, rel_tol=1e-12, abs_tol=_rounding(node)), (node, tensor)
        tensor.data.fill_(node.data)
        tensors[node] = tensor
    return tensors


def _rounding(node: Value) -> float:
    """Return how much two ways of adding the operands may differ: by their last bits, not the result's."""
    return 1e-15 * sum(abs(operand.data) for operand in node.operands) if node.op == "sum" else 0.0


def contributions(root: Value) -> dict[Value, float]:
    """Return for each node the sum, over all paths from the root, of |the product of their local gradients|.

    The gradient is the same sum with signs. Where these cancel, its rounding errors are relative to this sum
    rather than to the gradient.
    """
    order = topological_order(root)
    totals = dict.fromkeys(order, 0.0)
    totals[root] = 1.0
    for node in reversed(order):
        for operand, local_grad in zip(node.operands, node.local_grads):
            totals[operand] += abs(local_grad * totals[node])
    return totals
