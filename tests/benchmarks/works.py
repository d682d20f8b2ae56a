"""The works that are timed, each in one source text for every engine.

A work takes a Side and prepares what exists once (the data); it returns the function to be timed, which
builds the graph, goes back through it, drops it, and hands over the loss and the gradients for comparison.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from titanic.passengers import Passengers, Scaling, embedded, load

PASSENGERS = 714


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
class Side:
    """One engine: how it makes a leaf that wants a gradient, a leaf of data, and the sum of many scalars."""

    leaf: Callable[[float], Scalar]
    constant: Callable[[float], Scalar]
    add: Callable[[list[Scalar]], Scalar]


Timed = Callable[[], list[float]]


def readme(side: Side) -> Timed:
    """The small graph of the README of micrograd, built and gone back through."""
    Value = side.leaf

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


def network(side: Side) -> Timed:
    """The sheet's network on 714 passengers; the data leaves are made once, the weights anew in each run."""
    X, y = table()
    rows = [[side.constant(number) for number in [*row, 1.0]] for row in X]
    prices = [side.constant(price) for price in y]
    ones = [side.constant(1.0) for _ in y]

    def product(row: list[Scalar], column: list[Scalar]) -> Scalar:
        return side.add([a * w for a, w in zip(row, column)])

    def run() -> list[float]:
        weights = [side.leaf(weight) for weight in WEIGHTS]
        columns, output = [weights[j:16:4] for j in range(4)], weights[16:]
        squares = []
        for row, one, price in zip(rows, ones, prices):
            hidden = [product(row, column).relu() for column in columns]
            squares.append((product([*hidden, one], output) - price) ** 2)
        loss = side.add(squares) / float(len(squares))
        loss.backward()
        return [float(loss.data), *[float(weight.grad) for weight in weights]]

    return run


# What the weights start with: W1 row by row, then W2.
WEIGHTS = [((7 * i) % 22 + 1) / 23 for i in range(21)]


def table() -> tuple[list[list[float]], list[float]]:
    """The standardised features and the prices of 714 passengers, the embedded ones repeated."""
    passengers = source()
    X = Scaling.of(passengers.X).apply(passengers.X)
    times = -(-PASSENGERS // len(passengers))
    return (X * times)[:PASSENGERS], (passengers.y * times)[:PASSENGERS]


def source() -> Passengers:
    """The passengers of the table that TITANIC_CSV names, else those that come with the package."""
    path = os.environ.get("TITANIC_CSV")
    return load(path) if path else embedded()


WORKS: dict[str, Callable[[Side], Timed]] = {"readme": readme, "network": network}
