"""The backward pass as a sequence of Steps, performed one at a time as they are asked for.

    for step in backward_steps(root):
        print(step)             # ∂L/∂B[1,2] += ∂L/∂C[1,2] · ∂C[1,2]/∂B[1,2] = -0.31 · 1 → -0.31
        print(step.sentence())  # the same in English

The debugger and the page are made of these Steps, so they tell the same story as `Value.backward`.
"""

import math
from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass

from microgrid.names import expression, node_names, one_line, short
from microgrid.value import Value


@dataclass(frozen=True, eq=False, repr=False, slots=True)
class Step:
    """One use of the chain rule: a node hands an operand its share of the gradient.

    node            the Value that was made of the operand
    operand         the Value that collects
    position        which of the node's operands it is, from 0: x * x hands x two shares
    node_grad       ∂root/∂node, complete by now
    local_grad      ∂node/∂operand
    contribution    local_grad · node_grad
    before, after   operand.grad before this step and after it
    nth, uses       which of its contributions the operand collects, from 1, and of how many: one for each use
    names           the names of all nodes under the root, the root's last
    """

    node: Value
    operand: Value
    position: int
    node_grad: float
    local_grad: float
    contribution: float
    before: float
    after: float
    nth: int
    uses: int
    names: dict[Value, str]

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
        product = f"{short(self.node_grad)} · {short(self.local_grad)}"
        earlier = f"{short(self.before)} + {short(self.contribution)} = " if self.nth > 1 else ""
        return f"{product} → {earlier}{short(self.after)}"

    def sentence(self) -> str:
        """Return the step in one English sentence.

        >>> x = Value(3.0, label="x")
        >>> print(next(backward_steps(x.relu())).sentence())
        v1 = relu(x) grows as fast as x, so x collects the gradient of v1: 1, its only contribution.
        """
        node, operand = one_line(self.names[self.node]), one_line(self.names[self.operand])
        made = one_line(expression(self.node, self.names))
        local_grad, contribution = short(self.local_grad), short(self.contribution)
        product = f"{local_grad} · {short(self.node_grad)} = {contribution}"
        collected = f"{local_grad} times the gradient of {node}: {product}"
        if self.local_grad == 1.0:
            collected = f"the gradient of {node}: {contribution}"
        elif self.local_grad == 0.0 == self.contribution:
            collected = f"nothing: {product}"
        place = self.place()
        if self.nth > 1:
            place = f"{place}: {short(self.before)} + {contribution} = {short(self.after)}"
        return f"{node} = {made} {self._rate()}, so {operand} collects {collected}, {place}."

    def place(self) -> str:
        """Return which of the operand's contributions this is, `the 2nd of 3 contributions`."""
        if self.uses == 1:
            return "its only contribution"
        return f"the {_ordinal(self.nth)} of {self.uses} contributions"

    def _rate(self) -> str:
        """Return how the node changes with the operand, as the verb of a sentence."""
        slope = self.local_grad
        operand = one_line(self.names[self.operand])
        alike = [position for position, other in enumerate(self.node.operands) if other is self.operand]
        if len(alike) > 1:
            operand = f"its {_ordinal(alike.index(self.position) + 1)} {operand} alone"
        if math.isnan(slope):
            return f"has no derivative by {operand} here"
        if slope == 0.0:
            if self.operand.data == 0.0 and self.node.op in ("relu", "abs"):
                return f"has a corner at 0, where its derivative by {operand} is taken to be 0"
            return f"does not change with {operand} here"
        verb, tail = ("grows", "") if slope > 0.0 else ("falls", " grows")
        if math.isinf(slope):
            return f"{verb} infinitely fast as {operand} grows"
        factor = "" if abs(slope) == 1.0 else f"{short(abs(slope))} times "
        return f"{verb} {factor}as fast as {operand}{tail}"


def backward_steps(root: Value) -> Generator[Step, None, None]:
    """Perform the backward pass from root one Step at a time, in the order in which `backward` does it.

    The leaves start at 0.0 with the first step. Consumed to the end it leaves every grad as `backward` does
    from zeroed leaves; closed or dropped before, it puts back every grad that it found.
    Raises TypeError, with the first step, where root is no Value.

    >>> x = Value(3.0, label="x")
    >>> y = x * x
    >>> y.label = "y"
    >>> print(*backward_steps(y), sep="\\n")
    ∂y/∂x += ∂y/∂y · ∂y/∂x = 1 · 3 → 3
    ∂y/∂x += ∂y/∂y · ∂y/∂x = 1 · 3 → 3 + 3 = 6
    """
    names = node_names(root)
    uses = Counter(operand for node in names for operand in node.operands)
    contributions = dict.fromkeys(uses, 0)
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
                contributions[operand] += 1
                yield Step(
                    node=node,
                    operand=operand,
                    position=position,
                    node_grad=node.grad,
                    local_grad=local_grad,
                    contribution=contribution,
                    before=before,
                    after=operand.grad,
                    nth=contributions[operand],
                    uses=uses[operand],
                    names=names,
                )
    except BaseException:
        for node, grad in zip(names, found):
            node.grad = grad
        raise


def _ordinal(number: int) -> str:
    """Return a number as a place in a row: 1st, 2nd, 3rd, 4th, …, 11th, …, 21st."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
