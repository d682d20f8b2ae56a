"""The sheet's network (6.1), built node by node from Values under the sheet's own letters.

    network = Network.random(seed=0, scaling=Scaling.of(X))
    forward = network.forward(X, y)         # every step of 6.3, A … H and L
    forward.C[0][2]                         # the first passenger's third hidden unit, labelled C[1,3]
    forward.L.backward()
    network.W1[1][2].grad                   # ∂L/∂W1[2,3]
    network.predict(X)                      # the prices, as plain numbers
    network.save("weights.json")            # and Network.load("weights.json")

X is n × 3 (age, class, survived) and y holds the n prices, both in natural units: the network standardises
the features by the scaling that it was trained with.
"""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, product
from numbers import Real
from pathlib import Path
from random import Random
from reprlib import repr as shortened
from typing import TypeVar, cast

from microgrid import Value
from microgrid.arguments import one_line
from microgrid.files import write_whole
from microgrid.nn import Module
from titanic.passengers import Scaling

Column = list[Value]
Rows = list[list[Value]]
Numbers = Sequence[Sequence[float | Value]]


class WeightsError(ValueError):
    """The file does not hold weights of this network; the message is one line that says why."""


@dataclass(frozen=True, eq=False, repr=False)
class Forward:
    """Every node of one forward pass, under the sheet's letters (6.3).

    Labels count from 1 and lists from 0: `B[k,j]` is B[k - 1][j - 1], `E[k]` is E[k - 1], `L` is L.
    A and D make no nodes: their rows are the nodes of X and C, each row with a bias node at its end.
    """

    X: Rows  # n × 3
    b1: Column  # n
    W1: Rows  # 4 × 4
    A: Rows  # n × 4
    B: Rows  # n × 4
    C: Rows  # n × 4
    b2: Column  # n
    D: Rows  # n × 5
    W2: Rows  # 5 × 1
    E: Column  # n
    y: Column  # n
    F: Column  # n
    G: Column  # n
    H: Value
    n: Value
    L: Value

    def __repr__(self) -> str:
        return f"Forward(n={len(self.y)}, L={self.L.data})"

    def rows(self, letter: str) -> Rows:
        """Return a letter's nodes as rows: n × 1 for a column, 1 × 1 for a single node."""
        nodes = getattr(self, letter)
        return _rows([nodes] if isinstance(nodes, Value) else nodes)

    def backward(self) -> None:
        """Set the grad of every node to ∂L/∂node, whatever earlier passes left in the leaves."""
        for leaf in chain(self.b1, self.b2, self.y, [self.n], *self.X, *self.W1, *self.W2):
            leaf.grad = 0.0
        self.L.backward()


class Network(Module):
    """The network's weights, W1 (4 × 4) and W2 (5 × 1), and the scaling of the features that goes with them.

    Raises ValueError if W1 or W2 has another shape or holds anything but finite numbers.
    """

    W1: Rows
    W2: Rows
    scaling: Scaling

    def __init__(
        self,
        W1: Sequence[Sequence[float]],
        W2: Sequence[Sequence[float]],
        scaling: Scaling | None = None,
    ) -> None:
        self.W1 = _labelled("W1", _leaves(_matrix("W1", W1, 4, 4)))
        self.W2 = _labelled("W2", _leaves(_matrix("W2", W2, 5, 1)))
        self.scaling = scaling or Scaling.identity()

    @classmethod
    def random(cls, seed: int, scaling: Scaling | None = None) -> "Network":
        """Return a network whose weights are drawn uniformly from [0, 1], W1 row by row, then W2.

        >>> Network.random(seed=0).W1[0][1]
        Value(data=0.7579544029403025, grad=0.0, label='W1[1,2]')
        """
        draw = Random(seed).random
        return cls(
            W1=[[draw() for _ in range(4)] for _ in range(4)],
            W2=[[draw()] for _ in range(5)],
            scaling=scaling,
        )

    def parameters(self) -> list[Value]:
        """Return the 21 weights: W1 row by row, then W2."""
        return [*chain.from_iterable(self.W1), *chain.from_iterable(self.W2)]

    def inputs(self, X: Numbers, y: Sequence[float | Value]) -> tuple[Rows, Column]:
        """Return the standardised features and the prices as labelled leaves, for several forward passes.

        X is n × 3 and y has n entries, in natural units. Values in X or y stay as they are.
        Raises ValueError if the shapes do not fit, TypeError if X or y is not a list.
        """
        X, y = _listed("X", X), _listed("y", y)
        if len(X) != len(y):
            raise ValueError(f"X has {len(X)} passengers and y has {len(y)} prices; give as many of each")
        prices = [
            price if isinstance(price, Value) else Value(price, f"y[{k}]") for k, price in enumerate(y, 1)
        ]
        return self._features(X), prices

    def forward(self, X: Numbers, y: Sequence[float | Value]) -> Forward:
        """Return the forward pass of 6.3 from X (n × 3) and y (n) to the loss L, node by node.

        X and y are numbers in natural units, or the leaves that `inputs` made of them.
        Raises ValueError if the shapes do not fit, OverflowError if a square is too large for a float.

        >>> network = Network(W1=[[0, 0, 0, 1]] * 4, W2=[[0], [0], [0], [2], [5]])
        >>> forward = network.forward(X=[[22, 3, 0], [38, 1, 1]], y=[7.25, 71.25])
        >>> forward.B[1][3]
        Value(data=41.0, grad=0.0, label='B[2,4]', op='sum': sum(38.0, 1.0, 1.0, 1.0))
        >>> forward.E[1].data, forward.F[1].data
        (87.0, 15.75)
        """
        W1, W2 = self.W1, self.W2
        X, y = self.inputs(X, y)
        b1 = _labelled("b1", [Value(1.0) for _ in X])
        b2 = _labelled("b2", [Value(1.0) for _ in X])
        n = Value(len(X), label="n")

        A = _concat(X, b1)
        B = _labelled("B", _matmul(A, W1))
        C = _labelled("C", _relu(B))
        D = _concat(C, b2)
        E = _labelled("E", [e for [e] in _matmul(D, W2)])
        F = _labelled("F", [e - price for e, price in zip(E, y)])
        G = _labelled("G", [f**2 for f in F])
        H = _labelled("H", Value.sum(G))
        L = _labelled("L", H / n)
        return Forward(X, b1, W1, A, B, C, b2, D, W2, E, y, F, G, H, n, L)

    def predict(self, X: Numbers) -> list[float]:
        """Return the predicted prices for X (n × 3, natural units): E of equation (1).

        Raises ValueError and OverflowError as `forward` does.
        """
        X = _listed("X", X)
        return [e.data for e in self.forward(X, [0.0] * len(X)).E] if X else []

    def _features(self, X: Numbers) -> Rows:
        """Return X as leaves of standardised features, or X itself if it is made of Values."""
        X = _listed("X", X)
        for k, row in enumerate(X, start=1):
            if not hasattr(row, "__len__") or len(row) != 3:
                raise ValueError(f"passenger {k} of X is not three features; give age, class and survived")
        of_values = {isinstance(x, Value) for row in X for x in row}
        if of_values == {True, False}:
            raise ValueError("X is partly Values and partly numbers; make all of it the one or the other")
        if of_values == {True}:
            return cast(Rows, X)
        return _labelled("X", _leaves(self.scaling.apply(cast(Sequence[Sequence[float]], X))))

    def save(self, path: str | Path) -> None:
        """Write weights and scaling as JSON, the whole file or nothing.

        Raises ValueError if a weight is not finite, OSError if the file cannot be written.
        """
        content = {
            "W1": [[weight.data for weight in row] for row in self.W1],
            "W2": [[weight.data for weight in row] for row in self.W2],
            "means": self.scaling.means,
            "deviations": self.scaling.deviations,
        }
        lines = [f'  "{name}": {json.dumps(values, allow_nan=False)}' for name, values in content.items()]
        write_whole(path, "{\n" + ",\n".join(lines) + "\n}\n")

    @classmethod
    def load(cls, path: str | Path) -> "Network":
        """Return the network that `save` wrote, its weights and scaling bit for bit.

        Raises WeightsError if the file cannot be read or holds anything else.
        """
        where = one_line(str(path))
        try:
            with open(path, "rb") as file:
                text = file.read(_LARGEST_FILE + 1)
            if len(text) > _LARGEST_FILE:
                raise ValueError("larger than a megabyte")
            content = json.loads(text, parse_int=float, object_pairs_hook=_without_repetition)
        except OSError as error:
            raise WeightsError(f"{where}: {error.strerror or error}; {_ADVICE}") from error
        except (ValueError, RecursionError) as error:
            reason = "nested too deeply" if isinstance(error, RecursionError) else error
            raise WeightsError(f"{where}: is not usable JSON ({reason}); {_ADVICE}") from error
        names = ("W1", "W2", "means", "deviations")
        if not isinstance(content, dict) or sorted(content) != sorted(names):
            raise WeightsError(f"{where}: does not hold {', '.join(names)} and nothing else; {_ADVICE}")
        try:
            means, deviations = (_row(name, content[name], 3) for name in ("means", "deviations"))
            if min(deviations) <= 0:
                raise ValueError("deviations holds a number that is not above 0")
            return cls(content["W1"], content["W2"], Scaling(tuple(means), tuple(deviations)))
        except ValueError as error:
            raise WeightsError(f"{where}: {error}; {_ADVICE}") from error


_ADVICE = "give a weights.json that titanic wrote"

_LARGEST_FILE = 1_000_000  # bytes; `save` writes a thousand


def _without_repetition(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Return a JSON object as a dictionary; ValueError if a key appears twice."""
    content: dict[str, object] = {}
    for key, value in pairs:
        if key in content:
            raise ValueError(f"{shortened(key)} appears twice")
        content[key] = value
    return content


# The operations of the equations, on rows of Values


def _concat(rows: Rows, column: Column) -> Rows:
    """Return each row with its entry of the column at its end; no new nodes."""
    return [[*row, last] for row, last in zip(rows, column)]


def _matmul(rows: Rows, matrix: Rows) -> Rows:
    """Return the matrix product; each entry is one sum node over products."""
    columns = list(zip(*matrix))
    return [[Value.sum([a * w for a, w in zip(row, column)]) for column in columns] for row in rows]


def _relu(rows: Rows) -> Rows:
    return [[b.relu() for b in row] for row in rows]


# Leaves and labels


def _leaves(matrix: Iterable[Iterable[float]]) -> Rows:
    return [[Value(number) for number in row] for row in matrix]


Nodes = TypeVar("Nodes", Value, Column, Rows)
Entry = TypeVar("Entry")


def _labelled(letter: str, nodes: Nodes) -> Nodes:
    """Return the nodes themselves, each labelled with the letter and its indices from 1, row first."""
    if isinstance(nodes, Value):
        nodes.label = letter
        return nodes
    rows = _rows(nodes)
    columns = [len(row) for row in rows[:1] if isinstance(nodes[0], list)]
    for node, label in zip(chain.from_iterable(rows), _labels(letter, len(rows), *columns)):
        node.label = label
    return nodes


def _rows(nodes: Column | Rows) -> Rows:
    """Return a column or a matrix as rows."""
    return [entry if isinstance(entry, list) else [entry] for entry in nodes]


# Training labels the same shapes again in each epoch.
@lru_cache(maxsize=64)
def _labels(letter: str, *shape: int) -> list[str]:
    """Return the labels of a matrix or column, row by row: `B[1,1]`, `B[1,2]`, … or `E[1]`, `E[2]`, …"""
    indices = product(*[range(1, size + 1) for size in shape])
    return [f"{letter}[{','.join(map(str, index))}]" for index in indices]


# Checking and writing


def _listed(name: str, values: Iterable[Entry]) -> list[Entry]:
    """Return the values as a list; TypeError if they cannot be one."""
    try:
        return list(values)
    except TypeError:
        kind = type(values).__name__
        raise TypeError(f"{name} must be a list with an entry for each passenger, not a {kind}") from None


def _matrix(name: str, values: object, rows: int, columns: int) -> list[list[float]]:
    """Return the values as rows of floats; ValueError unless they are rows × columns finite numbers."""
    if not isinstance(values, Sequence) or len(values) != rows:
        raise ValueError(f"{name} is not a list of {rows} rows")
    return [_row(f"{name}, row {i}", row, columns) for i, row in enumerate(values, start=1)]


def _row(name: str, values: object, size: int) -> list[float]:
    """Return the values as floats; ValueError unless they are that many finite numbers."""
    if not (isinstance(values, Sequence) and len(values) == size and all(map(_is_finite, values))):
        raise ValueError(f"{name} is not a list of {size} finite number{'s' if size > 1 else ''}")
    return [float(value) for value in values]


def _is_finite(value: object) -> bool:
    """Return whether a value is a number that a finite float can hold."""
    try:
        return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:  # an integer too large for a float
        return False
