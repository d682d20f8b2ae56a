"""The gradients of section 6.3 in closed form: matrices of plain floats, no graph and no engine.

    derivation = derive(X, y, W1, W2)
    derivation.gradient("W2")               # ∂L/∂W2, 5 × 1
    print(derivation)                       # every line with its formula, shape and numbers

It knows nothing of Values, so that the two can bear witness for each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass

Matrix = list[list[float]]


@dataclass(frozen=True)
class Line:
    """One line of the derivation: ∂L/∂letter, the formula for it, and its numbers."""

    letter: str
    formula: str
    gradient: Matrix

    def __str__(self) -> str:
        shape = f"{len(self.gradient)} × {len(self.gradient[0])}"
        rows = ["    " + " ".join(f"{number:>11.4g}" for number in row) for row in self.gradient]
        return "\n".join([f"∂L/∂{self.letter} = {self.formula}   ({shape})", *rows])


@dataclass(frozen=True)
class Derivation:
    """The lines of the derivation in the order of backpropagation, from ∂L/∂L to ∂L/∂A."""

    lines: tuple[Line, ...]

    def gradient(self, letter: str) -> Matrix:
        """Return ∂L/∂letter, of the letter's shape; KeyError for a letter that the sheet does not use."""
        return {line.letter: line.gradient for line in self.lines}[letter]

    def __str__(self) -> str:
        return "\n".join(map(str, self.lines))


def derive(
    X: Sequence[Sequence[float]],
    y: Sequence[float],
    W1: Sequence[Sequence[float]],
    W2: Sequence[Sequence[float]],
) -> Derivation:
    """Return the gradient of the loss by every letter of the sheet, from the formulas of section 6.3.

    X is n × 3, the features as the network sees them (standardised, where it standardises); y holds the n
    prices; W1 is 4 × 4 and W2 5 × 1. Each gradient has the shape of its letter.

    >>> X, y = [[1.0, 2.0, 0.0]], [5.0]
    >>> W1, W2 = [[1.0, 0.0, -1.0, 0.0]] * 4, [[1.0], [2.0], [3.0], [4.0], [0.0]]
    >>> derivation = derive(X, y, W1, W2)   # B is 4, 0, -4, 0; so E is 4 and F is -1
    >>> derivation.gradient("W2")
    [[-8.0], [0.0], [0.0], [0.0], [-2.0]]
    """
    n = len(X)
    b = [[1.0] for _ in range(n)]

    A = concat(X, b)
    B = matmul(A, W1)
    C = relu(B)
    D = concat(C, b)
    E = matmul(D, W2)
    F = [[e - price] for [e], price in zip(E, y)]

    dL = [[1.0]]
    dH = scale(1 / n, dL)
    dG = [[1 / n] for _ in range(n)]
    dF = scale(2 / n, F)
    dE = dF
    dy = scale(-2 / n, F)
    dW2 = scale(2 / n, matmul(transpose(D), F))
    dD = scale(2 / n, matmul(F, transpose(W2)))
    dC = matmul(dD, P)
    dB = hadamard(dC, relu_slope(B))
    dW1 = matmul(transpose(A), dB)
    dA = matmul(dB, transpose(W1))

    return Derivation(
        (
            Line("L", "1", dL),
            Line("H", "1/n", dH),
            Line("G", "1/n in every entry", dG),
            Line("F", "(2/n) F", dF),
            Line("E", "(2/n) F", dE),
            Line("y", "−(2/n) F", dy),
            Line("W2", "(2/n) Dᵀ F", dW2),
            Line("D", "(2/n) F W2ᵀ", dD),
            Line("b2", "the fifth column of ∂L/∂D", columns(dD, 4, 5)),
            Line("C", "(2/n) F W2ᵀ P, with P = [I₄; 0]", dC),
            Line("B", "∂L/∂C ⊙ R′(B), R′ = 1 where B > 0, else 0", dB),
            Line("W1", "Aᵀ (∂L/∂B)", dW1),
            Line("A", "(∂L/∂B) W1ᵀ", dA),
            Line("X", "the first three columns of ∂L/∂A", columns(dA, 0, 3)),
            Line("b1", "the fourth column of ∂L/∂A", columns(dA, 3, 4)),
        )
    )


# P drops the bias column: D's first four columns are C, its fifth is constant.
P: Matrix = [[float(i == j) for j in range(4)] for i in range(5)]


def concat(rows: Sequence[Sequence[float]], column: Matrix) -> Matrix:
    """Return the rows (n × m), each with its entry of the column (n × 1) at the end: n × (m + 1)."""
    return [[*row, *entry] for row, entry in zip(rows, column)]


def matmul(left: Sequence[Sequence[float]], right: Sequence[Sequence[float]]) -> Matrix:
    """Return the matrix product of left (n × m) and right (m × p): n × p; ValueError where they do not fit.

    >>> matmul([[1.0, 2.0]], [[3.0], [4.0]])
    [[11.0]]
    """
    if len(left[0]) != len(right):
        raise ValueError(f"{len(left)} × {len(left[0])} times {len(right)} × {len(right[0])} does not fit")
    return [[sum(a * b for a, b in zip(row, column)) for column in zip(*right)] for row in left]


def transpose(matrix: Sequence[Sequence[float]]) -> Matrix:
    """Return the transpose of a matrix (n × m): m × n."""
    return [list(column) for column in zip(*matrix)]


def scale(factor: float, matrix: Matrix) -> Matrix:
    """Return the matrix with every entry times the factor."""
    return [[factor * entry for entry in row] for row in matrix]


def hadamard(left: Matrix, right: Matrix) -> Matrix:
    """Return the product entry by entry, ⊙, of two matrices of the same shape."""
    return [[a * b for a, b in zip(*rows)] for rows in zip(left, right)]


def relu(matrix: Matrix) -> Matrix:
    """Return the matrix with 0 for every entry that is not above 0."""
    return [[max(0.0, entry) for entry in row] for row in matrix]


def relu_slope(matrix: Matrix) -> Matrix:
    """Return R′: 1 for every entry above 0, else 0."""
    return [[float(entry > 0) for entry in row] for row in matrix]


def columns(matrix: Matrix, first: int, after: int) -> Matrix:
    """Return the columns of a matrix from first up to, but without, after, counted from 0."""
    return [row[first:after] for row in matrix]
