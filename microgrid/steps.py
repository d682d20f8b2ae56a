"""The backward pass as a sequence of Steps.

    for step in backward_steps(root):
        print(step)             # w.grad += z.grad · ∂z/∂w = 0.5 · (-2) = -1; w.grad = -1
        print(step.sentence())  # the same in English

Debugger, page and pictures are views of these Steps. x.grad is the gradient of x, the total derivative of the
root by x; ∂z/∂x is a local gradient, the partial derivative of one node by one operand.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from microgrid.arguments import one_line
from microgrid.names import Part, expression, node_names, short, subscript, text
from microgrid.value import Value


@dataclass(frozen=True, eq=False, repr=False, slots=True)
class Step:
    """One use of the chain rule, from a node to one of its operands.

    node            the Value that gives; it was made from the operand
    operand         the Value that receives
    position        which of the node's operands it is, from 0: x * x gives to x twice
    node_grad       the gradient of the node, which is complete
    local_grad      ∂node/∂operand
    contribution    node_grad · local_grad
    before, after   the gradient of the operand before this step and after it
    nth, uses       the operand receives its nth contribution, from 1, of as many as it has uses
    names           the names of all nodes under the root, the root last
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
        """Return the step on one line, in names and in numbers."""
        return text([*self.in_names(), Part(" = "), *self.in_numbers()])

    def __repr__(self) -> str:
        return f"<Step {self}>"

    def in_names(self) -> list[Part]:
        """Return the step as the chain rule writes it, `x.grad += z.grad · ∂z/∂x`."""
        node, operand = one_line(self.names[self.node]), one_line(self.names[self.operand])
        return [
            Part(f"{operand}.grad", "operand"),
            Part(" += "),
            Part(f"{node}.grad", "node"),
            Part(" · "),
            Part(f"∂{node}/∂{operand}{self.subscript()}", "local_grad"),
        ]

    def in_numbers(self) -> list[Part]:
        """Return the step's numbers, `2 · (-3) = -6; x.grad = 4 + (-6) = -2`."""
        operand = one_line(self.names[self.operand])
        return [
            Part(short(self.node_grad), "node"),
            Part(" · "),
            Part(bracketed(self.local_grad), "local_grad"),
            Part(f" = {short(self.contribution)}; "),
            Part(f"{operand}.grad", "operand"),
            Part(" = "),
            Part(self.sum(), "operand"),
        ]

    def sum(self) -> str:
        """Return the operand's new gradient as a sum, `4 + (-6) = -2`; for the first contribution, `-2`."""
        earlier = f"{short(self.before)} + {bracketed(self.contribution)} = " if self.nth > 1 else ""
        return f"{earlier}{short(self.after)}"

    def sentence(self) -> str:
        """Return the step in one English sentence.

        >>> x = Value(3.0, label="x")
        >>> print(next(backward_steps(x.relu())).sentence())
        v1 = relu(x) grows as fast as x, so x receives the gradient of v1, 1: its only contribution.
        """
        node, operand = one_line(self.names[self.node]), one_line(self.names[self.operand])
        made = one_line(text(expression(self.node, self.names)))
        product = f"{short(self.node_grad)} · {bracketed(self.local_grad)} = {short(self.contribution)}"
        received = f"the gradient of {node} times {short(self.local_grad)}, {product}"
        if self.local_grad == 1.0:
            received = f"the gradient of {node}, {short(self.contribution)}"
        elif self.local_grad == 0.0 == self.contribution:
            received = f"nothing, {product}"
        place = self.place()
        if self.nth > 1:
            place += f", which brings {operand}.grad to {self.sum()}"
        return f"{node} = {made} {self._rate()}, so {operand} receives {received}: {place}."

    def place(self) -> str:
        """Return which of the operand's contributions this is, `the 2nd of its 3 contributions`."""
        if self.uses == 1:
            return "its only contribution"
        return f"the {_ordinal(self.nth)} of its {self.uses} contributions"

    def subscript(self) -> str:
        """Return which of the node's uses of the operand this is, ₁, ₂, …; "" if there is only one."""
        return subscript(self.node, self.position)

    def _rate(self) -> str:
        """Return how the node changes with the operand, as the predicate of a sentence."""
        slope = self.local_grad
        operand = f"{one_line(self.names[self.operand])}{self.subscript()}"
        if math.isnan(slope):
            return f"has no derivative by {operand} here"
        if slope == 0.0:
            if self.operand.data == 0.0 and self.node.op in ("relu", "abs"):
                return f"has a corner at 0, where its derivative by {operand} is taken to be 0"
            return f"does not change with {operand} here{self.held()}"
        verb, tail = ("grows", "") if slope > 0.0 else ("falls", " grows")
        if math.isinf(slope):
            return f"{verb} infinitely fast as {operand} grows{self.held()}"
        factor = "" if abs(slope) == 1.0 else f"{short(abs(slope))} times "
        return f"{verb} {factor}as fast as {operand}{tail}{self.held()}"

    def held(self) -> str:
        """Return what is held still, "" unless the node depends on the operand in another way too."""
        others = [(p, other) for p, other in enumerate(self.node.operands) if p != self.position]
        if not _depend([other for _, other in others], self.operand):
            return ""
        if len(others) > 1:
            return " with its other operands held still"
        (position, other), *_ = others
        name = one_line(self.names[other])
        return f" with {name}{'₁₂'[position] if other is self.operand else ''} held still"


def backward_steps(root: Value, names: dict[Value, str] | None = None) -> Iterator[Step]:
    """Yield the Steps of a backward pass from zeroed gradients, in the order of `backward`.

    No grad changes. Steps to constants, such as the 3 in 3 * x, are left out: nobody reads their gradients.
    names are the names of the nodes under root, in topological order, by default those of `node_names`.
    Raises TypeError, with the first step, if root is not a Value.

    >>> x = Value(3.0, label="x")
    >>> y = x * x
    >>> y.label = "y"
    >>> print(*backward_steps(y), sep="\\n")
    x.grad += y.grad · ∂y/∂x₁ = 1 · 3 = 3; x.grad = 3
    x.grad += y.grad · ∂y/∂x₂ = 1 · 3 = 3; x.grad = 3 + 3 = 6
    """
    names = node_names(root) if names is None else names
    uses = Counter(operand for node in names for operand in node.operands)
    nth = dict.fromkeys(names, 0)
    grads = dict.fromkeys(names, 0.0)
    grads[root] = 1.0
    for node in reversed(names):
        for position, (operand, local_grad) in enumerate(zip(node.operands, node.local_grads)):
            if operand.op == "constant":
                continue
            before, contribution = grads[operand], grads[node] * local_grad
            grads[operand] += contribution
            nth[operand] += 1
            yield Step(
                node=node,
                operand=operand,
                position=position,
                node_grad=grads[node],
                local_grad=local_grad,
                contribution=contribution,
                before=before,
                after=grads[operand],
                nth=nth[operand],
                uses=uses[operand],
                names=names,
            )


def grads_after(root: Value, steps: Iterable[Step]) -> dict[Value, float]:
    """Return the gradients after these steps of the backward pass from root; a node that it lacks has 0."""
    return {root: 1.0} | {step.operand: step.after for step in steps}


def bracketed(number: float) -> str:
    """Return a number as it is written after an operator: `2`, `(-2)`."""
    shown = short(number)
    return f"({shown})" if shown.startswith("-") else shown


def _depend(nodes: list[Value], operand: Value) -> bool:
    """Return whether any of the nodes is the operand or was computed from it."""
    seen = set(nodes)
    while nodes:
        node = nodes.pop()
        if node is operand:
            return True
        nodes.extend(other for other in node.operands if other not in seen)
        seen.update(node.operands)
    return False


def _ordinal(number: int) -> str:
    """Return an ordinal number: 1st, 2nd, 3rd, 4th, …, 11th, …, 21st."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
