"""The backward pass as a sequence of Steps, performed one at a time as they are asked for.

    for step in backward_steps(root):
        print(step)             # ∂L/∂B[1,2] += ∂L/∂C[1,2] · ∂C[1,2]/∂B[1,2] = -0.31 · 1 → -0.31

The debugger and the page are made of these Steps, so they tell the same story as `Value.backward`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from microgrid.names import node_names, one_line, short
from microgrid.value import Value


@dataclass(frozen=True, eq=False, repr=False)
class Step:
    """One use of the chain rule: a node hands an operand its share of the gradient."""

    node: Value
    operand: Value
    position: int  # which of the node's operands it is, from 0: x * x hands x two shares
    local_grad: float  # ∂node/∂operand
    contribution: float  # local_grad · node.grad
    before: float  # operand.grad before this step
    after: float  # operand.grad after it
    names: dict[Value, str]  # the names of all nodes under the root, the root's last

    def __str__(self) -> str:
        """Return the step in one line of mathematics, in names and in numbers."""
        return f"{self.in_names()} = {self.in_numbers()}"

    def __repr__(self) -> str:
        return f"<Step {self}>"

    def in_names(self) -> str:
        """Return the step as the chain rule writes it, `∂L/∂x += ∂L/∂y · ∂y/∂x`."""
        root = one_line(next(reversed(self.names.values())))
        node, operand = one_line(self.names[self.node]), one_line(self.names[self.operand])
        return f"∂{root}/∂{operand} += ∂{root}/∂{node} · ∂{node}/∂{operand}"

    def in_numbers(self) -> str:
        """Return the step's numbers, `2 · 3 → 4 + 6 = 10`: the product, and what it makes of operand.grad."""
        product = f"{short(self.node.grad)} · {short(self.local_grad)}"
        earlier = f"{short(self.before)} + {short(self.contribution)} = " if self.before else ""
        return f"{product} → {earlier}{short(self.after)}"


def backward_steps(root: Value) -> Iterator[Step]:
    """Perform the backward pass from root one Step at a time, in the order in which `backward` does it.

    The leaves start at 0.0 with the first step. Consumed to the end it leaves every grad as `backward` does
    from zeroed leaves; closed or dropped before, it puts back every grad that it found.

    >>> x = Value(3.0, label="x")
    >>> y = x * x
    >>> y.label = "y"
    >>> print(*backward_steps(y), sep="\\n")
    ∂y/∂x += ∂y/∂y · ∂y/∂x = 1 · 3 → 3
    ∂y/∂x += ∂y/∂y · ∂y/∂x = 1 · 3 → 3 + 3 = 6
    """
    names = node_names(root)
    found = [node.grad for node in names]
    try:
        for node in names:
            node.grad = 0.0
        root.grad = 1.0
        for node in reversed(names):
            for position, (operand, local_grad) in enumerate(zip(node.operands, node.local_grads)):
                before = operand.grad
                contribution = local_grad * node.grad
                operand.grad += contribution
                yield Step(node, operand, position, local_grad, contribution, before, operand.grad, names)
    except BaseException:
        for node, grad in zip(names, found):
            node.grad = grad
        raise
