"""A backward pass that goes forward and back, and keeps every grad as it is after that many steps."""

from collections import Counter
from collections.abc import Callable
from functools import cached_property
from itertools import islice

from microgrid.arguments import one_line
from microgrid.names import equation, node_names
from microgrid.recorder import place_of
from microgrid.steps import Step, backward_steps
from microgrid.terminal import noting_interrupts
from microgrid.value import Value


class RewindablePass:
    """The backward pass from root: `move` performs and undoes steps, `close` ends it.

    done      how many steps have been performed and not undone, of `total`
    uses      how many contributions each node receives in all; `received` counts those so far
    found     the grads before the pass
    """

    def __init__(self, root: Value, *, inside_program: bool = False) -> None:
        self.inside_program = inside_program
        self.source = backward_steps(root)
        # The steps performed so far: to make all of them at once takes long for a huge graph.
        self.steps = list(islice(self.source, 1))
        self.done = 0
        self.root = root
        self.names = self.steps[0].names if self.steps else node_names(root)
        self.uses = Counter(
            operand for node in self.names for operand in node.operands if operand.op != "constant"
        )
        self.total = self.uses.total()
        self.found = {node: node.grad for node in self.names}
        with noting_interrupts():
            for node in self.names:
                node.grad = 0.0
            root.grad = 1.0

    def close(self) -> None:
        """Keep the grads of a complete pass; otherwise, and inside a program, restore those before."""
        kept = self.is_complete and not self.inside_program
        with noting_interrupts():
            for node, grad in self.found.items():
                node.grad = 0.0 if kept else grad
            if kept:
                self.root.backward()  # which reaches constants too; no step does

    def move(self, count: int, stops: Callable[[Step], bool] | None = None) -> bool:
        """Perform count steps, or undo -count; return whether Ctrl-C interrupted this.

        It ends earlier at either end of the pass, and where stops is true of the current step.
        """
        goal = max(0, min(self.done + count, self.total))
        with noting_interrupts() as interrupts:
            while self.done != goal and not interrupts:
                if self.done < goal:
                    if self.done == len(self.steps):
                        self.steps.append(next(self.source))
                    step = self.steps[self.done]
                    step.operand.grad = step.after
                    self.done += 1
                else:
                    self.done -= 1
                    step = self.steps[self.done]
                    step.operand.grad = step.before
                if stops and self.step and stops(self.step):
                    break
        return bool(interrupts)

    @property
    def is_complete(self) -> bool:
        """Whether all steps have been performed."""
        return self.done == self.total

    @property
    def step(self) -> Step | None:
        """The current step: the last one performed."""
        return self.steps[self.done - 1] if self.done else None

    @property
    def node(self) -> Value:
        """The current node: the one that gives in the current step; the root before the first."""
        return self.step.node if self.step else self.root

    @cached_property
    def nodes(self) -> dict[str, Value]:
        """The node for each name, as the user types it."""
        return {self.name(node).strip(): node for node in self.names if node.op != "constant"}

    @cached_property
    def lines(self) -> dict[Value, tuple[str, int]]:
        """File and line where each node was made; no file and a number if that was not recorded."""
        lines = {}
        for number, node in enumerate(self.nodes.values(), 1):
            place = place_of(node)
            lines[node] = (place.file, place.line) if place and place.source else ("", number)
        return lines

    @property
    def here(self) -> tuple[str, int]:
        """File and line of the current node."""
        return self.lines[self.node]

    @property
    def received(self) -> Counter[Value]:
        """How many contributions each node has received."""
        return Counter(step.operand for step in self.steps[: self.done])

    def name(self, node: Value) -> str:
        """Return the name of a node, on one line."""
        return one_line(self.names[node])

    def made(self, node: Value) -> str:
        """Return a node's name and how it was made, `C[1,2] = relu(B[1,2])`."""
        return equation(node, self.names)
