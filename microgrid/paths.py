"""The paths behind a gradient: how many there are, and which weigh most.

    print(why(root, x))         # the largest paths from root to x, or why the gradient is 0, inf or nan

A gradient is the sum, over all paths from the root to the node, of the products of the local gradients along
them. Paths may be too many to list, so they are counted, and the largest found, node by node.
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
    """Return how many paths lead from the root to each node, MANY for MANY or more.

    order is the topological order, the root last. An operand that is used twice is reached twice.

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
    """Return a number of paths as text."""
    return f"{count:,}" if count < MANY else "10^18 or more"


class Path(NamedTuple):
    """A path from the root: the product of the local gradients along it, and its steps from the root on."""

    product: float
    steps: tuple[Step, ...]


class Blocked(NamedTuple):
    """A step whose local gradient is 0, and how many paths to the node end there."""

    step: Step
    ended: int


class Numbered(NamedTuple):
    """A step and its number in the backward pass, from 1."""

    number: int
    step: Step


@dataclass(frozen=True, eq=False, repr=False)
class Why:
    """What `why` found; print it to read it in lines of at most 80 columns.

    gradient     d root / d node, as `backward` computes it from zeroed gradients
    count        how many paths lead from the root to the node, MANY for MANY or more
    paths        of the paths without a local gradient of 0, those with the largest products, largest first
    others       how many more of these there are
    rest         the sum of the others' products
    blocked      the steps with a local gradient of 0 at which all other paths end, most paths first
    origin       for a gradient of inf or nan: where it began, and where inf became nan
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
        """Return what the gradient is the sum of, as a phrase."""
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
    """Return the paths behind d root / d node: those with the largest products, and what the rest adds up to.

    At most `most` paths are listed. names are the names of the nodes under root, in topological order, by
    default those of `node_names`. No grad changes.
    Raises TypeError if root or node is not a Value, ValueError if node is a constant, such as the 3 in 3 * x.

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
    infinite: dict[Value, Numbered] = {}  # the first step that made the node's gradient infinite
    undefined: dict[Value, Numbered] = {}  # the first step that made it nan
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
        origin=_origin(node, infinite, undefined),
        names=names,
    )


class _Trail(NamedTuple):
    """A path as its last step and the path before it, which several paths may share."""

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
) -> tuple[Numbered, ...]:
    """Return the step in which the node's inf or nan began, and the one in which inf became nan."""
    origin: list[Numbered] = []
    if node in undefined:
        origin = [_first(node, undefined)]
        _, step = origin[0]
        node = step.node if step.node in infinite else step.operand
    if node in infinite:
        origin = [_first(node, infinite), *origin]
    return tuple(origin)


def _first(node: Value, steps: dict[Value, Numbered]) -> Numbered:
    """Return the first of the steps on the way to the node."""
    while steps[node].step.node in steps:
        node = steps[node].step.node
    return steps[node]


def _cause(step: Step) -> str:
    """Return a sentence that says why a step results in inf or nan."""
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
    """Return a path's product in names and in numbers, on one line or, if that is too long, on two."""
    names = [_local(step) for step in steps]
    numbers = [short(steps[0].local_grad), *[bracketed(step.local_grad) for step in steps[1:]]]
    if len(steps) == 1:
        return names
    whole = f"{' · '.join(names)} = {' · '.join(numbers)}"
    return [whole] if len(whole) <= WIDEST_CHAIN else [_ends(names), _ends(numbers)]


def _ends(factors: list[str]) -> str:
    """Return a product in at most WIDEST_CHAIN columns: it counts the factors left out in the middle."""
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
