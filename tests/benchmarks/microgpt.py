"""A Value as microgpt writes it, at its best: slots, local gradients as data, one loop over the order.

A sketch of that design for comparison, not its code. A node has only what the backward pass needs: no name
of its operation, no label.
"""

from collections.abc import Iterable
from math import exp, log


class Value:
    """A number, its gradient, the nodes that it was made from, and the derivatives by them."""

    __slots__ = ("data", "grad", "operands", "local_grads")

    def __init__(
        self, data: float, operands: "tuple[Value, ...]" = (), local_grads: tuple[float, ...] = ()
    ) -> None:
        self.data = data
        self.grad = 0.0
        self.operands = operands
        self.local_grads = local_grads

    def __add__(self, other: "Value | float") -> "Value":
        other = other if isinstance(other, Value) else Value(other)
        return Value(self.data + other.data, (self, other), (1.0, 1.0))

    def __sub__(self, other: "Value | float") -> "Value":
        other = other if isinstance(other, Value) else Value(other)
        return Value(self.data - other.data, (self, other), (1.0, -1.0))

    def __mul__(self, other: "Value | float") -> "Value":
        other = other if isinstance(other, Value) else Value(other)
        return Value(self.data * other.data, (self, other), (other.data, self.data))

    def __truediv__(self, other: "Value | float") -> "Value":
        other = other if isinstance(other, Value) else Value(other)
        data = self.data / other.data
        return Value(data, (self, other), (1.0 / other.data, -data / other.data))

    def __pow__(self, n: float) -> "Value":
        return Value(self.data**n, (self,), (n * self.data ** (n - 1),))

    def __radd__(self, other: float) -> "Value":
        return Value(other) + self

    def __rmul__(self, other: float) -> "Value":
        return Value(other) * self

    def __rtruediv__(self, other: float) -> "Value":
        return Value(other) / self

    def __neg__(self) -> "Value":
        return Value(-self.data, (self,), (-1.0,))

    def relu(self) -> "Value":
        """Return max(0, self)."""
        return Value(max(0.0, self.data), (self,), (float(self.data > 0.0),))

    def exp(self) -> "Value":
        """Return e to the power of self."""
        data = exp(self.data)
        return Value(data, (self,), (data,))

    def log(self) -> "Value":
        """Return the natural logarithm of self."""
        return Value(log(self.data), (self,), (1.0 / self.data,))

    @staticmethod
    def sum(values: "Iterable[Value]") -> "Value":
        """Return the sum as one node; microgpt has none, so the sheet's network is timed with and without."""
        operands = tuple(values)
        return Value(sum([x.data for x in operands]), operands, (1.0,) * len(operands))

    def backward(self) -> None:
        """Add d self / d node to the grad of each node."""
        self.grad = 1.0
        for node in reversed(topological_order(self)):
            for operand, local_grad in zip(node.operands, node.local_grads):
                operand.grad += local_grad * node.grad


def topological_order(root: Value) -> list[Value]:
    """Return the nodes under root, operands before results."""
    order: list[Value] = []
    visit(root, order, set())
    return order


def visit(node: Value, order: list[Value], seen: set[Value]) -> None:
    """Recurse; microgpt's inner function is a cycle that keeps each graph alive until the collector comes."""
    if node not in seen:
        seen.add(node)
        for operand in node.operands:
            visit(operand, order, seen)
        order.append(node)
