"""The paths behind a gradient: how many there are, and which weigh most.

    print(why(root, x))         # the largest paths from root to x, or why the gradient is 0, inf or nan

A gradient is the sum, over all paths from the root to the node, of the products of the local gradients along
them. There are more of them than anyone can list, so they are counted, and the largest found, node by node.
"""

import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import inf, isfinite, isnan
from typing import NamedTuple

from microgrid.arguments import described, one_line
from microgrid.names import called, equation, node_names, short
from microgrid.steps import Step, backward_steps, bracketed
from microgrid.value import Value, total

MANY = 10**18
WIDTH = 80
WIDEST_CHAIN = 64


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


def many(count: int) -> str:
    """Return a number of paths in words."""
    return f"{count:,}" if count < MANY else "10^18 or more"


class Path(NamedTuple):
    """A path from the root: the product of the local gradients along it, and its steps, the root's first."""

    product: float
    steps: tuple[Step, ...]


class Blocked(NamedTuple):
    """A step whose local gradient is 0, and how many of the paths to the node end there."""

    step: Step
    ended: int


class Numbered(NamedTuple):
    """A step and its number in the backward pass, from 1."""

    number: int
    step: Step


@dataclass(frozen=True, eq=False, repr=False)
class Why:
    """What `why` found; printed, it is said in lines of 80 columns.

    gradient     d root / d node, as `backward` computes it from zeroed gradients
    count        how many paths lead from the root to the node, MANY where there are as many or more
    paths        those of the largest products, by size, among the paths without a local gradient of 0
    others       how many more there are of these
    rest         the sum of the others' products
    blocked      the steps with a local gradient of 0 at which the other paths end, by number of paths
    origin       for a gradient of inf or nan: where it began, and, for nan that was inf, where it became nan
    names        the names of all nodes under the root
    """

    root: Value
    node: Value
    gradient: float
    count: int
    paths: tuple[Path, ...]
    others: int
    rest: float
    blocked: tuple[Blocked, ...]
    origin: tuple[Numbered, ...]
    names: dict[Value, str]

    def __repr__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        root, name = (one_line(called([node])[node]) or repr(node) for node in (self.root, self.node))
        if not self.count:
            yield f"{root} was not computed from {name}: there is no path, and the gradient is 0."
            return
        root, name = one_line(self.names[self.root]), one_line(self.names[self.node])
        if self.node is self.root:
            yield f"{name} is the root: its gradient is 1 from the start."
        elif self.origin:
            yield f"{name}.grad = {short(self.gradient)}. It began in step {self.origin[0].number}:"
            yield from self._origin_lines()
        else:
            yield f"{name}.grad = {short(self.gradient)}: {self._summary(root)}."
            yield from self._path_lines()

    def _summary(self, root: str) -> str:
        """Return what the gradient is the sum of, in words."""
        only = self.count == 1
        if not self.paths:
            return f"{'the only' if only else 'every'} path from {root} is blocked"
        over = f"the only path from {root}" if only else f"the sum over {many(self.count)} paths from {root}"
        if self.gradient:
            return over
        cancel = any(path.product for path in self.paths)
        return f"{over}, {'which cancel each other' if cancel else 'too small for a float'}"

    def _path_lines(self) -> Iterator[str]:
        rows = [(short(path.product), _chain(path.steps)) for path in self.paths]
        if self.others:
            rows.append((short(self.rest), [_paths(self.others, "other ")]))
        for step, ended in self.blocked[:5]:
            at = f"{one_line(self.names[step.operand])} = {short(step.operand.data)}"
            where = f"{equation(step.node, self.names)} at {at}"
            rows.append(("0", [f"{_paths(ended)}, blocked in {where}: {_local(step)} = 0"]))
        elsewhere = sum(block.ended for block in self.blocked[5:])
        if elsewhere:
            rows.append(("0", [f"{_paths(elsewhere, 'other ')}, blocked elsewhere"]))
        width = max(len(product) for product, _ in rows) + 2
        for product, (chain, *numbers) in rows:
            yield from _wrapped(f"{product:>{width}} = {chain}", width + 3)
            yield from [f"{'':{width}} = {line}" for line in numbers]

    def _origin_lines(self) -> Iterator[str]:
        first = self.origin[0].step
        culprit = None
        wild = [] if isfinite(first.local_grad) else [*first.node.operands, first.node]
        while wild := [node for node in wild if not isfinite(node.data)]:
            culprit, wild = wild[0], [*wild[0].operands]
        if culprit:
            result = f" = {short(culprit.data)}" if culprit.operands else ""
            yield from _wrapped(f"  The forward pass made it: {equation(culprit, self.names)}{result}.", 2)
        for number, step in self.origin:
            yield from _wrapped(f"  step {number}: {step}", 4)
            yield from _wrapped(f"    {_cause(step)}", 4)


def why(root: Value, node: Value, *, most: int = 5, names: dict[Value, str] | None = None) -> Why:
    """Return the paths behind the gradient of node by root: those of the largest products, and the rest.

    most is how many paths are listed. names are the names of the nodes under root, in topological order;
    those of `node_names` if not given. No grad changes.
    Raises TypeError if root or node is not a Value, ValueError if node is a constant, as the 3 of 3 * x.

    >>> x = Value(3.0, label="x")
    >>> y = x * x + x
    >>> y.label = "y"
    >>> print(why(y, x))
    x.grad = 7: the sum over 3 paths from y.
      3 = ∂y/∂v1 · ∂v1/∂x₁ = 1 · 3
      3 = ∂y/∂v1 · ∂v1/∂x₂ = 1 · 3
      1 = ∂y/∂x
    """
    if not isinstance(node, Value):
        raise TypeError(f"why(root, node) takes a node, a Value, not {described(node)}")
    if node.op == "constant":
        raise ValueError(f"{short(node.data)} is a constant: its gradient is not computed; give a node")
    names = node_names(root) if names is None else names
    # How many paths lead from each node down to this one.
    below = {node: 1}
    for result in names:
        ways = sum([below.get(operand, 0) for operand in result.operands])
        if ways:
            below[result] = min(ways, MANY)

    gradient = 1.0 if node is root else 0.0
    alive = {root: 1}
    best = {root: [_Trail(1.0)]}
    blocked = []
    infinite: dict[Value, Numbered] = {}  # the first step that made a gradient infinite
    undefined: dict[Value, Numbered] = {}  # the first that made it nan
    for number, step in enumerate(backward_steps(root, names), 1):
        if not isfinite(step.after):
            (undefined if isnan(step.after) else infinite).setdefault(step.operand, Numbered(number, step))
        if step.operand is node:
            gradient = step.after
        if step.operand not in below or step.node not in alive:
            continue
        if step.local_grad == 0.0:
            blocked.append(Blocked(step, min(alive[step.node] * below[step.operand], MANY)))
            continue
        alive[step.operand] = min(alive.get(step.operand, 0) + alive[step.node], MANY)
        longer = [_Trail(trail.product * step.local_grad, step, trail) for trail in best[step.node]]
        trails = sorted([*best.get(step.operand, ()), *longer], key=_Trail.size, reverse=True)
        best[step.operand] = trails[:most]

    paths = tuple(Path(trail.product, trail.steps()) for trail in best.get(node, ()))
    others = alive.get(node, 0)
    others = others if others == MANY else others - len(paths)
    return Why(
        root=root,
        node=node,
        gradient=gradient,
        count=below.get(root, 0),
        paths=paths,
        others=others,
        rest=gradient - total(path.product for path in paths) if others else 0.0,
        blocked=tuple(sorted(blocked, key=lambda block: -block.ended)),
        origin=tuple(_origin(node, infinite, undefined)),
        names=names,
    )


class _Trail(NamedTuple):
    """A path as its last step and the path before it, which longer paths share."""

    product: float
    last: Step | None = None
    before: "_Trail | None" = None

    def size(self) -> float:
        return inf if isnan(self.product) else abs(self.product)

    def steps(self) -> tuple[Step, ...]:
        steps = []
        trail: _Trail | None = self
        while trail and trail.last:
            steps.append(trail.last)
            trail = trail.before
        return tuple(reversed(steps))


def _origin(
    node: Value, infinite: dict[Value, Numbered], undefined: dict[Value, Numbered]
) -> Iterator[Numbered]:
    """Yield the step in which the node's inf or nan began, and that in which inf became nan."""
    if node in undefined:
        while undefined[node].step.node in undefined:
            node = undefined[node].step.node
        last = undefined[node]
        node = last.step.node if last.step.node in infinite else node
        yield from _origin_of_inf(node, infinite)
        yield last
    else:
        yield from _origin_of_inf(node, infinite)


def _origin_of_inf(node: Value, infinite: dict[Value, Numbered]) -> Iterator[Numbered]:
    if node in infinite:
        while infinite[node].step.node in infinite:
            node = infinite[node].step.node
        yield infinite[node]


def _cause(step: Step) -> str:
    """Return in a sentence what makes inf or nan of a step."""
    if isfinite(step.contribution):
        return f"{short(step.before)} + {bracketed(step.contribution)} is too large for a float."
    if isnan(step.after) and not isnan(step.contribution):
        return f"{short(step.before)} and {short(step.contribution)} have no sum."
    if isfinite(step.node_grad) and isfinite(step.local_grad):
        return f"{short(step.node_grad)} · {bracketed(step.local_grad)} is too large for a float."
    return step.sentence()


def _paths(count: int, more: str = "") -> str:
    return f"{many(count)} {more}path{'' if count == 1 else 's'}"


def _local(step: Step) -> str:
    return next(part.text for part in step.in_names() if part.role == "local_grad")


def _chain(steps: tuple[Step, ...]) -> list[str]:
    """Return a path's product in names and in numbers, in a line of 60 columns or in two."""
    names = [_local(step) for step in steps]
    numbers = [short(steps[0].local_grad), *[bracketed(step.local_grad) for step in steps[1:]]]
    if len(steps) == 1:
        return names
    whole = f"{' · '.join(names)} = {' · '.join(numbers)}"
    return [whole] if len(whole) <= WIDEST_CHAIN else [_ends(names), _ends(numbers)]


def _ends(factors: list[str]) -> str:
    """Return a product of at most WIDEST_CHAIN columns, and how many factors it leaves out in the middle."""
    left_out = 0
    while True:
        half = (len(factors) - left_out + 1) // 2
        middle = [f"({left_out} more)"] if left_out else []
        shown = " · ".join([*factors[:half], *middle, *factors[half + left_out :]])
        if len(shown) <= WIDEST_CHAIN or half <= 1:
            return shown
        left_out = max(2, left_out + 1)


def _wrapped(line: str, indent: int) -> list[str]:
    hanging = " " * indent
    return textwrap.wrap(
        line, WIDTH, subsequent_indent=hanging, break_long_words=False, break_on_hyphens=False
    )
