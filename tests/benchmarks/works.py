"""The works that are timed, each in one source text for every engine.

A work takes an Engine and a size, prepares what exists once (the data), and returns the function to be timed,
which builds the graph, goes back through it and drops it, and hands over the result and its gradients.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from titanic.passengers import Passengers, Scaling, embedded, load

Run = Callable[[], list[float]]
Matrix = Sequence[Sequence["Scalar"]]


class Scalar(Protocol):
    """What the works use of an engine's scalars."""

    @property
    def data(self) -> float: ...
    @property
    def grad(self) -> float: ...
    def __add__(self, other: "Scalar | float", /) -> "Scalar": ...
    def __radd__(self, other: float, /) -> "Scalar": ...
    def __sub__(self, other: "Scalar", /) -> "Scalar": ...
    def __neg__(self) -> "Scalar": ...
    def __mul__(self, other: "Scalar | float", /) -> "Scalar": ...
    def __rmul__(self, other: float, /) -> "Scalar": ...
    def __truediv__(self, other: float, /) -> "Scalar": ...
    def __rtruediv__(self, other: float, /) -> "Scalar": ...
    def __pow__(self, other: int, /) -> "Scalar": ...
    def relu(self) -> "Scalar": ...
    def backward(self) -> None: ...


@dataclass(frozen=True)
class Engine:
    """How an engine makes a leaf that wants a gradient, a leaf of data, and the sum of many scalars."""

    leaf: Callable[[float], Scalar]
    constant: Callable[[float], Scalar]
    add: Callable[[list[Scalar]], Scalar]


def readme(engine: Engine) -> Run:
    """The small graph of the README of micrograd."""
    Value = engine.leaf

    def run() -> list[float]:
        a = Value(-4.0)
        b = Value(2.0)
        c = a + b
        d = a * b + b**3
        c += c + 1
        c += 1 + c + (-a)
        d += d * 2 + (b + a).relu()
        d += 3 * d + (b - a).relu()
        e = c - d
        f = e**2
        g = f / 2.0
        g += 10.0 / f
        g.backward()
        return [float(g.data), float(a.grad), float(b.grad)]

    return run


def network(engine: Engine, n: int, hidden: int) -> Run:
    """The sheet's network on n passengers; the data leaves are made once, the weights anew in each run."""
    X, y = table(n)
    rows = [[engine.constant(number) for number in [*row, 1.0]] for row in X]
    prices = [engine.constant(price) for price in y]
    ones = [engine.constant(1.0) for _ in y]
    start = weights(hidden)

    def run() -> list[float]:
        leaves = [engine.leaf(weight) for weight in start]
        loss = network_loss(engine, rows, prices, ones, leaves, float(n))
        loss.backward()
        return [float(loss.data), *[float(leaf.grad) for leaf in leaves]]

    return run


def network_loss(
    engine: Engine, A: Matrix, y: Sequence[Scalar], ones: Sequence[Scalar], leaves: Sequence[Scalar], n: float
) -> Scalar:
    """L of the sheet's section 6.3; the leaves are W1 row by row, then W2, the ones stand at D's end."""
    hidden = len(leaves) // 5
    W1, W2 = [leaves[j : 4 * hidden : hidden] for j in range(hidden)], leaves[4 * hidden :]

    def product(row: Sequence[Scalar], column: Sequence[Scalar]) -> Scalar:
        return engine.add([a * w for a, w in zip(row, column)])

    squares = []
    for a, price, one in zip(A, y, ones):
        c = [product(a, column).relu() for column in W1]
        squares.append((product([*c, one], W2) - price) ** 2)
    return engine.add(squares) / n


def chain(engine: Engine, n: int) -> Run:
    """A chain of n operations."""

    def run() -> list[float]:
        w = engine.leaf(0.5)
        x = engine.leaf(1.0)
        y = x
        for _ in range(n):
            y = y + w
        y.backward()
        return [float(y.data), float(x.grad), float(w.grad)]

    return run


def fan_in(engine: Engine, n: int) -> Run:
    """A sum of n leaves."""

    def run() -> list[float]:
        leaves = [engine.leaf(0.5) for _ in range(n)]
        total = engine.add(leaves)
        total.backward()
        return [float(total.data), float(leaves[0].grad), float(leaves[-1].grad)]

    return run


WORKS: dict[str, Callable[..., Run]] = {
    "readme": readme,
    "network": network,
    "chain": chain,
    "fan_in": fan_in,
}


# The data


def weights(hidden: int) -> list[float]:
    """Weights to start with, in (0, 1): W1 row by row, then W2."""
    return [((7 * i) % 22 + 1) / 23 for i in range(5 * hidden + 1)]


def table(n: int) -> tuple[list[list[float]], list[float]]:
    """The standardised features and the prices of n passengers, the table repeated if it has fewer."""
    passengers = source()
    X = Scaling.of(passengers.X).apply(passengers.X)
    times = -(-n // len(passengers))
    return (X * times)[:n], (passengers.y * times)[:n]


def source() -> Passengers:
    """The passengers of the table that TITANIC_CSV names, else those that come with the package."""
    path = os.environ.get("TITANIC_CSV")
    return load(path) if path else embedded()
