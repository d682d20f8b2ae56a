"""The gradients of section 6.3 in closed form: matrices of plain floats, no graph and no engine.

    derivation = derive(X, y, W1, W2)
    derivation.gradient("W2")               # ∂L/∂W2, 5 × 1
    derivation.value("B")                   # B itself, n × 4
    print(derivation)                       # every line: formula, shape, the first passenger's numbers

It shares nothing with the engine, so the two can be compared.
"""

from collections.abc import Sequence
from dataclasses import dataclass

Matrix = list[list[float]]
Rows = Sequence[Sequence[float]]


@dataclass(frozen=True)
class Line:
    """One line of the derivation, such as F = E − y or ∂L/∂F = (2/n) F: name, formula and numbers."""

    name: str
    formula: str
    matrix: Matrix


@dataclass(frozen=True)
class Derivation:
    """The lines of section 6.3: the forward pass, A to L, then backpropagation, ∂L/∂L to ∂L/∂b1."""

    lines: tuple[Line, ...]

    def value(self, letter: str) -> Matrix:
        """Return the matrix of a letter from A to L; KeyError for any other letter."""
        return self._matrices()[letter]

    def gradient(self, letter: str) -> Matrix:
        """Return ∂L/∂letter, of the letter's shape; KeyError for a letter that the sheet does not use."""
        return self._matrices()[f"∂L/∂{letter}"]

    def __str__(self) -> str:
        return self.shown()

    def shown(self, passenger: int = 1) -> str:
        """Return every line with formula, shape and numbers; of n rows, only the passenger's.

        Passengers are counted from 1. Raises IndexError if there is no such passenger.
        """
        n = len(self.value("F"))
        if not 1 <= passenger <= n:
            raise IndexError(f"there is no passenger {passenger}; give one from 1 to {n}")
        return "\n".join(text for line in self.lines for text in _line_shown(line, n, passenger))

    def _matrices(self) -> dict[str, Matrix]:
        return {line.name: line.matrix for line in self.lines}


def derive(X: Rows, y: Sequence[float], W1: Rows, W2: Rows) -> Derivation:
    """Return the sheet's numbers and the gradient of the loss by each of them, from the formulas of 6.3.

    X is n × 3, the features after scaling; y holds the n prices; W1 is 4 × 4 and W2 5 × 1. Each gradient has
    its letter's shape: A, B and C are n × 4, D is n × 5, E, F, G, y and the columns of ones b1 and b2 are
    n × 1, and H, n and L are 1 × 1.

    >>> X, y = [[1.0, 2.0, 0.0]], [5.0]
    >>> W1, W2 = [[1.0, 0.0, -1.0, 0.0]] * 4, [[1.0], [2.0], [3.0], [4.0], [0.0]]
    >>> derivation = derive(X, y, W1, W2)   # B is 4, 0, -4, 0; so E is 4 and F is -1
    >>> derivation.gradient("W2")
    [[-8.0], [0.0], [0.0], [0.0], [-2.0]]
    """
    n = len(y)
    b = [[1.0] for _ in y]
    return Derivation(
        (
            Line("A", "concat(X, b1)", A := concat(X, b)),
            Line("B", "A W1", B := matmul(A, W1)),
            Line("C", "ReLU(B)", C := [[max(0.0, entry) for entry in row] for row in B]),
            Line("D", "concat(C, b2)", D := concat(C, b)),
            Line("E", "D W2", E := matmul(D, W2)),
            Line("F", "E − y", F := [[e - price] for [e], price in zip(E, y, strict=True)]),
            Line("G", "F² in every entry", G := [[f * f] for [f] in F]),
            Line("H", "Σ G", H := [[sum(g for [g] in G)]]),
            Line("L", "H/n", [[H[0][0] / n]]),
            Line("∂L/∂L", "1", [[1.0]]),
            Line("∂L/∂H", "1/n", [[1 / n]]),
            Line("∂L/∂n", "−H/n²", [[-H[0][0] / n**2]]),
            Line("∂L/∂G", "1/n in every entry", [[1 / n] for _ in y]),
            Line("∂L/∂F", "(2/n) F", scale(2 / n, F)),
            Line("∂L/∂E", "(2/n) F", scale(2 / n, F)),
            Line("∂L/∂y", "−(2/n) F", scale(-2 / n, F)),
            Line("∂L/∂W2", "(2/n) Dᵀ F", scale(2 / n, matmul(transpose(D), F))),
            Line("∂L/∂D", "(2/n) F W2ᵀ", dD := scale(2 / n, matmul(F, transpose(W2)))),
            Line("∂L/∂b2", "the fifth column of ∂L/∂D", [row[4:] for row in dD]),
            Line("∂L/∂C", "(2/n) F W2ᵀ P, with P = [I₄; 0]", dC := matmul(dD, P)),
            Line("∂L/∂B", "∂L/∂C ⊙ R′(B), R′ = 1 where B > 0, else 0", dB := hadamard(dC, slope(B))),
            Line("∂L/∂W1", "Aᵀ (∂L/∂B)", matmul(transpose(A), dB)),
            Line("∂L/∂A", "(∂L/∂B) W1ᵀ", dA := matmul(dB, transpose(W1))),
            Line("∂L/∂X", "the first three columns of ∂L/∂A", [row[:3] for row in dA]),
            Line("∂L/∂b1", "the fourth column of ∂L/∂A", [row[3:] for row in dA]),
        )
    )


# P drops the bias column: D's first four columns are C, its fifth is constant.
P: Matrix = [[float(i == j) for j in range(4)] for i in range(5)]


def concat(rows: Rows, column: Rows) -> Matrix:
    """Return the rows (n × m), each with its entry of the column (n × 1) at the end: n × (m + 1)."""
    return [[*row, *entry] for row, entry in zip(rows, column, strict=True)]


def matmul(left: Rows, right: Rows) -> Matrix:
    """Return the matrix product of left (n × m) and right (m × p): n × p; ValueError if they do not fit.

    >>> matmul([[1.0, 2.0]], [[3.0], [4.0]])
    [[11.0]]
    """
    if len(left[0]) != len(right):
        raise ValueError(f"{len(left)} × {len(left[0])} times {len(right)} × {len(right[0])} does not fit")
    return [[sum(a * b for a, b in zip(row, column)) for column in zip(*right)] for row in left]


def transpose(matrix: Rows) -> Matrix:
    """Return the transpose of a matrix (n × m): m × n."""
    return [list(column) for column in zip(*matrix)]


def scale(factor: float, matrix: Rows) -> Matrix:
    """Return the matrix with every entry times the factor."""
    return [[factor * entry for entry in row] for row in matrix]


def hadamard(left: Rows, right: Rows) -> Matrix:
    """Return the entrywise product, ⊙, of two matrices of the same shape."""
    return [[a * b for a, b in zip(*rows, strict=True)] for rows in zip(left, right, strict=True)]


def slope(matrix: Rows) -> Matrix:
    """Return R′, the derivative of the ReLU: 1 for every entry above 0, else 0."""
    return [[float(entry > 0) for entry in row] for row in matrix]


# The letters without a row for each passenger
_OF_ALL_PASSENGERS = {"W1", "W2", "H", "n", "L"}


def _line_shown(line: Line, n: int, passenger: int) -> list[str]:
    """Return a line as text: name, formula and shape, then its rows."""
    shape = f"{len(line.matrix)} × {len(line.matrix[0])}"
    rows = line.matrix
    if n > 1 and line.name.removeprefix("∂L/∂") not in _OF_ALL_PASSENGERS:
        shape += f", row {passenger}"
        rows = [line.matrix[passenger - 1]]
    # Adding 0.0 turns -0.0 into 0.0.
    numbers = ["    " + " ".join(f"{number + 0.0:>12.6g}" for number in row) for row in rows]
    return [f"{line.name} = {line.formula}   ({shape})", *numbers]
