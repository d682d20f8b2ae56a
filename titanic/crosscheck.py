"""The engine's numbers compared with a closed form, central differences and PyTorch.

    verdict = check(network.forward(X, y))
    verdict.agrees                          # whether every method gives what the engine gives
    verdict.summary                         # one line; if they differ, it says where the error begins
    verdict.entries["∂L/∂B"]                # the gradient of B, entry by entry, by every method

Closed form and PyTorch give all gradients, central differences those of the 21 weights. Two numbers a and b
differ if |a − b| > tolerance · max(|a|, |b|, scale). The scale is the largest |number| of the letter; or, if
that is larger, a millionth of the sum of the |terms| behind it. Rounding reaches that size when the terms
almost cancel, as in a network that is trained to the end.
"""

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from titanic.derivation import Derivation, Matrix, Rows, derive
from titanic.network import Forward, Network
from titanic.reference import to_module

TOLERANCES = {"closed form": 1e-9, "central differences": 1e-5, "PyTorch": 1e-9}

# What a method finds for each entry of a letter; None if it cannot tell.
Found = Sequence[Sequence[float | None]]


@dataclass(frozen=True)
class Entry:
    """One number by the engine and by the other methods; None if a method cannot tell."""

    name: str
    engine: float
    others: Mapping[str, float | None]
    scale: float  # see above

    def difference(self, method: str) -> float:
        """Return |a − b| / max(|a|, |b|, scale) of engine and method; 0 if the method cannot tell."""
        a, b = self.engine, self.others.get(method)
        if b is None or a == b:
            return 0.0
        if not math.isfinite(a - b):
            return math.inf
        return abs(a - b) / max(abs(a), abs(b), self.scale)

    @property
    def severity(self) -> float:
        """The largest difference in units of its tolerance; above 1, a method differs from the engine."""
        return max(self.difference(method) / TOLERANCES[method] for method in self.others)

    def __str__(self) -> str:
        numbers = {"the engine": self.engine, **self.others}
        return f"{self.name} is " + ", ".join(
            f"{number:.9g} by {method}" for method, number in numbers.items() if number is not None
        )


@dataclass(frozen=True)
class Verdict:
    """Every letter from A to L and every gradient from ∂L/∂L back to ∂L/∂b1, by every method."""

    entries: Mapping[str, Sequence[Entry]]
    derivation: Derivation  # the closed form

    @property
    def gradients(self) -> list[Entry]:
        """The entries of all gradients."""
        return [entry for name, entries in self.entries.items() if name.startswith("∂") for entry in entries]

    @property
    def methods(self) -> list[str]:
        """The methods that were used; PyTorch only if it is installed."""
        return list(self.entries["∂L/∂W1"][0].others)

    @property
    def undecided(self) -> list[str]:
        """The names of the gradients that central differences cannot tell."""
        return [entry.name for entry in self.gradients if None in entry.others.values()]

    @property
    def agrees(self) -> bool:
        """Whether no method differs from the engine."""
        return max(entry.severity for entries in self.entries.values() for entry in entries) <= 1

    @property
    def summary(self) -> str:
        """The verdict in one line; if a method differs, it says at which letter the error begins."""
        if self.agrees:
            *others, last = self.methods
            agree = f"{', '.join(others)} and {last} agree"
            absent = "" if "PyTorch" in self.methods else "; PyTorch is not installed"
            return f"All {len(self.gradients)} gradients are right: {agree}{absent}"
        worst = {name: max(entries, key=lambda e: e.severity) for name, entries in self.entries.items()}
        wrong = {name: entry for name, entry in worst.items() if entry.severity > 1}
        forward = [f"The forward pass is wrong from {x} on: {wrong[x]}" for x in wrong if x[0] != "∂"]
        backward = [f"The gradients are wrong from {x} on: {wrong[x]}" for x in wrong if x[0] == "∂"]
        return ". ".join([*forward[:1], *backward[:1]])

    def largest_difference(self, method: str) -> float:
        """Return the method's largest difference from the engine's gradients, as in Entry.difference."""
        return max(entry.difference(method) for entry in self.gradients)


def check(forward: Forward) -> Verdict:
    """Run the backward pass, and compare its gradients and the forward pass's numbers with other methods.

    Raises OverflowError if the loss is not finite.
    """
    if not math.isfinite(forward.L.data):
        raise OverflowError("the loss is not finite, so there is no gradient to check")
    forward.backward()
    X, W1, W2 = (
        [[node.data for node in row] for row in rows] for rows in (forward.X, forward.W1, forward.W2)
    )
    y = [price.data for price in forward.y]
    closed = derive(X, y, W1, W2)
    # With these signs no terms cancel: the same formulas give the sums of the |terms|.
    terms = derive(_absolute(X), [-abs(price) for price in y], _absolute(W1), _absolute(W2))
    scales = {
        line.name: max(_largest(line.matrix), 1e-6 * _largest(of_terms.matrix))
        for line, of_terms in zip(closed.lines, terms.lines)
    }
    methods: dict[str, Mapping[str, Found]] = {
        "closed form": {line.name: line.matrix for line in closed.lines},
        "central differences": _central_differences(X, y, W1, W2, scales, 1e-14 * terms.value("L")[0][0]),
        "PyTorch": _by_torch(X, y, W1, W2),
    }
    entries = {}
    for name, scale in scales.items():
        letter = name.removeprefix("∂L/∂")
        if letter == "X":  # three columns of A
            continue
        found = {method: matrices[name] for method, matrices in methods.items() if name in matrices}
        entries[name] = [
            Entry(
                name + _index(letter, i, j),
                node.data if letter == name else node.grad,
                {method: matrix[i][j] for method, matrix in found.items()},
                scale,
            )
            for i, row in enumerate(forward.rows(letter))
            for j, node in enumerate(row)
        ]
    return Verdict(entries, closed)


def _central_differences(
    X: Rows, y: Sequence[float], W1: Matrix, W2: Matrix, scales: Mapping[str, float], rounding: float
) -> dict[str, Found]:
    """Return (L(w + h) − L(w − h)) / 2h for each weight w; None if the rounding of L could decide it.

    L is computed in closed form. Between two kinks of the relu L is quadratic in w, so the quotient is the
    derivative for any h. So h is large: half the way to the nearest kink, but at most |w| or 1.
    """
    derivation = derive(X, y, W1, W2)
    A, B = derivation.value("A"), derivation.value("B")

    def difference(name: str, matrix: Matrix, i: int, j: int) -> float | None:
        w, h = matrix[i][j], max(1.0, abs(matrix[i][j]))
        if matrix is W1:
            h = min([h, *[abs(b[j] / a[i]) / 2 for a, b in zip(A, B) if a[i]]])
        matrix[i][j] = w + h
        above = derive(X, y, W1, W2).value("L")[0][0]
        matrix[i][j] = w - h
        below = derive(X, y, W1, W2).value("L")[0][0]
        matrix[i][j] = w
        interval = (w + h) - (w - h)
        is_clear = rounding <= TOLERANCES["central differences"] * scales[name] * interval
        return (above - below) / interval if interval and is_clear else None

    return {
        name: [[difference(name, matrix, i, j) for j in range(len(row))] for i, row in enumerate(matrix)]
        for name, matrix in (("∂L/∂W1", W1), ("∂L/∂W2", W2))
    }


def _by_torch(X: Rows, y: Sequence[float], W1: Rows, W2: Rows) -> dict[str, Found]:
    """Return the gradients by PyTorch's own forward and backward pass; none if it is not installed."""
    with suppress(ImportError):
        module = to_module(Network(W1, W2))
        letters = module(X, y)
        letters.L.backward()
        tensors = {**vars(letters), "W1": module.W1, "W2": module.W2}
        return {f"∂L/∂{letter}": tensor.grad.tolist() for letter, tensor in tensors.items()}
    return {}


def _index(letter: str, i: int, j: int) -> str:
    """Return the sheet's index, from 1, of the entry at i and j, from 0: `[2,1]` of B, `[2]` of E."""
    if letter in ("L", "H", "n"):
        return ""
    return f"[{i + 1},{j + 1}]" if letter in ("A", "B", "C", "D", "W1", "W2") else f"[{i + 1}]"


def _largest(matrix: Rows) -> float:
    return max((abs(number) for row in matrix for number in row if math.isfinite(number)), default=0.0)


def _absolute(matrix: Rows) -> Matrix:
    return [[abs(number) for number in row] for row in matrix]
