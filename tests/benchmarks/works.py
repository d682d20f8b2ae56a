"""The work that is timed, each in one source text for every engine.

A work takes an Engine and a size, prepares the data once, and returns the forward pass: a function that
builds the graph and returns its root and the leaves whose gradients are wanted.
"""

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from titanic.passengers import Passengers, Scaling, embedded, load

Run = Callable[[], list[float]]
Forward = Callable[[], tuple["Scalar", Sequence["Scalar"]]]
Matrix = Sequence[Sequence["Scalar"]]


class Scalar(Protocol):
    """What the work needs of an engine's scalars."""

    data: float
    grad: float

    def __add__(self, other: "Scalar | float", /) -> "Scalar": ...
    def __radd__(self, other: float, /) -> "Scalar": ...
    def __sub__(self, other: "Scalar", /) -> "Scalar": ...
    def __neg__(self) -> "Scalar": ...
    def __mul__(self, other: "Scalar | float", /) -> "Scalar": ...
    def __rmul__(self, other: float, /) -> "Scalar": ...
    def __truediv__(self, other: "Scalar | float", /) -> "Scalar": ...
    def __rtruediv__(self, other: float, /) -> "Scalar": ...
    def __pow__(self, other: int, /) -> "Scalar": ...
    def relu(self) -> "Scalar": ...
    def exp(self) -> "Scalar": ...
    def log(self) -> "Scalar": ...
    def backward(self) -> None: ...


@dataclass(frozen=True)
class Engine:
    """How an engine makes a leaf with a gradient, a leaf of data, and the sum of many scalars."""

    leaf: Callable[[float], Scalar]
    constant: Callable[[float], Scalar]
    add: Callable[[list[Scalar]], Scalar]


def forward_and_backward(forward: Forward) -> Run:
    """Return the function to time: it builds the graph, goes back through it and drops it."""

    def run() -> list[float]:
        root, leaves = forward()
        root.backward()
        return [float(root.data), *[float(leaf.grad) for leaf in leaves]]

    return run


def readme(engine: Engine) -> Forward:
    """The small graph in micrograd's README."""
    Value = engine.leaf

    def forward() -> tuple[Scalar, Sequence[Scalar]]:
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
        return g, (a, b)

    return forward


def network(engine: Engine, n: int, hidden: int) -> Forward:
    """The sheet's network on n passengers; the leaves of data are made once, the weights in each run."""
    X, y = table(n)
    rows = [[engine.constant(number) for number in [*row, 1.0]] for row in X]
    prices = [engine.constant(price) for price in y]
    ones = [engine.constant(1.0) for _ in y]
    start = weights(hidden)

    def forward() -> tuple[Scalar, Sequence[Scalar]]:
        leaves = [engine.leaf(weight) for weight in start]
        return network_loss(engine, rows, prices, ones, leaves, float(n)), leaves

    return forward


def network_loss(
    engine: Engine, A: Matrix, y: Sequence[Scalar], ones: Sequence[Scalar], leaves: Sequence[Scalar], n: float
) -> Scalar:
    """Return L of the sheet's section 6.3; leaves are W1 row by row, then W2; ones are D's last column."""
    hidden = len(leaves) // 5
    W1, W2 = [leaves[j : 4 * hidden : hidden] for j in range(hidden)], leaves[4 * hidden :]

    def product(row: Sequence[Scalar], column: Sequence[Scalar]) -> Scalar:
        return engine.add([a * w for a, w in zip(row, column)])

    squares = []
    for a, price, one in zip(A, y, ones):
        c = [product(a, column).relu() for column in W1]
        squares.append((product([*c, one], W2) - price) ** 2)
    return engine.add(squares) / n


def moons(engine: Engine, n: int) -> Forward:
    """The demo of micrograd: an MLP of 2-16-16-1 on n points of two moons, hinge loss, regularized."""
    angles = [math.pi * (i // 2) / max(1, (n - 1) // 2) for i in range(n)]
    points = [
        (math.cos(a), math.sin(a)) if i % 2 else (1.0 - math.cos(a), 0.5 - math.sin(a))
        for i, a in enumerate(angles)
    ]
    signs = [1 if i % 2 else -1 for i in range(n)]
    inputs = [[engine.constant(number) for number in point] for point in points]
    leaves = [engine.leaf(weight) for weight in spread_out(16 * 3 + 16 * 17 + 17)]
    layers = matrix(leaves[:48], 3), matrix(leaves[48:320], 17), matrix(leaves[320:], 17)

    def forward() -> tuple[Scalar, Sequence[Scalar]]:
        zero(leaves)
        losses = []
        for x, sign in zip(inputs, signs):
            for W in layers[:-1]:
                x = [z.relu() for z in affine(engine, W, x)]
            [score] = affine(engine, layers[-1], x)
            losses.append((1 + -sign * score).relu())
        regularization = engine.add([w * w for w in leaves])
        return engine.add(losses) * (1.0 / n) + 1e-4 * regularization, leaves

    return forward


def language_model(engine: Engine, repetitions: int) -> Forward:
    """A small language model with 711 weights, which predicts the next letter of "emma" from two."""
    text = [ord(letter) - ord("`") for letter in "``" + "emma`" * repetitions]
    leaves = [engine.leaf(weight) for weight in spread_out(27 * 4 + 16 * 9 + 27 * 17)]
    embedding, W1, W2 = matrix(leaves[:108], 4), matrix(leaves[108:252], 9), matrix(leaves[252:], 17)

    def forward() -> tuple[Scalar, Sequence[Scalar]]:
        zero(leaves)
        losses = []
        for first, second, following in zip(text, text[1:], text[2:]):
            hidden = [z.relu() for z in affine(engine, W1, [*embedding[first], *embedding[second]])]
            odds = [z.exp() for z in affine(engine, W2, hidden)]
            losses.append(-(odds[following] / engine.add(odds)).log())
        return engine.add(losses) * (1.0 / len(losses)), leaves

    return forward


def affine(engine: Engine, W: Matrix, x: Sequence[Scalar]) -> list[Scalar]:
    """Return each row of W times x, with the row's last weight as bias."""
    return [engine.add([*[w * a for w, a in zip(row, x)], row[-1]]) for row in W]


def chain(engine: Engine, n: int) -> Forward:
    """A chain of n operations."""

    def forward() -> tuple[Scalar, Sequence[Scalar]]:
        w = engine.leaf(0.5)
        x = engine.leaf(1.0)
        y = x
        for _ in range(n):
            y = y + w
        return y, (x, w)

    return forward


def fan_in(engine: Engine, n: int) -> Forward:
    """A sum of n leaves."""

    def forward() -> tuple[Scalar, Sequence[Scalar]]:
        leaves = [engine.leaf(0.5) for _ in range(n)]
        return engine.add(leaves), (leaves[0], leaves[-1])

    return forward


WORKS: dict[str, Callable[..., Forward]] = {
    work.__name__: work for work in (readme, network, moons, language_model, chain, fan_in)
}


# The weights


def weights(hidden: int) -> list[float]:
    """Return initial weights for the sheet's network, in (0, 1): W1 row by row, then W2."""
    return [((7 * i) % 22 + 1) / 23 for i in range(5 * hidden + 1)]


def spread_out(count: int) -> list[float]:
    """Return initial weights in (-1, 1)."""
    return [((37 * i) % 101 - 50) / 51 for i in range(count)]


def matrix(leaves: Sequence[Scalar], columns: int) -> Matrix:
    """Return the leaves in rows."""
    return [leaves[i : i + columns] for i in range(0, len(leaves), columns)]


def zero(leaves: Sequence[Scalar]) -> None:
    """Reset the gradients of weights that are used again."""
    for leaf in leaves:
        leaf.grad = 0.0


# The data


def table(n: int) -> tuple[list[list[float]], list[float]]:
    """Return the standardised features and the prices of n passengers; a shorter table is repeated."""
    passengers = source()
    X = Scaling.of(passengers.X).apply(passengers.X)
    times = -(-n // len(passengers))
    return (X * times)[:n], (passengers.y * times)[:n]


def source() -> Passengers:
    """Return the passengers of the table that TITANIC_CSV names, else those that come with the package."""
    path = os.environ.get("TITANIC_CSV")
    return load(path) if path else embedded()
