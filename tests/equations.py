"""The sheet's equations (6.3) in NumPy as a reference, and nodes as arrays, to compare with it.

letters, gradients = equations(X, y, W1, W2)    # letters["B"], gradients["W1"], …
numbers(forward.B), grads(network.W1)           # the engine's
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from microgrid import Value
from titanic.network import Network
from titanic.passengers import Scaling

Matrix = NDArray[np.float64]


def equations(
    X: ArrayLike, y: ArrayLike, W1: ArrayLike, W2: ArrayLike
) -> tuple[dict[str, Matrix], dict[str, Matrix]]:
    """Return the letters from A to L, and the gradients of L by each of them.

    X is n × 3, standardised if the network standardises; y has n entries.
    """
    X, y, W1, W2 = np.array(X), np.array(y).reshape(-1, 1), np.array(W1), np.array(W2)
    n, ones = len(y), np.ones_like(y)
    # Sums over named indices, k the passenger: no matrix product could be the wrong way round.
    A = np.hstack([X, ones])
    B = np.einsum("ki,ij->kj", A, W1)
    C = np.where(B > 0, B, 0)
    D = np.hstack([C, ones])
    E = np.einsum("kj,jo->ko", D, W2)
    F = E - y
    G = F**2
    H = G.sum().reshape(1, 1)
    dF = 2 / n * F
    dD = np.einsum("ko,jo->kj", dF, W2)
    dB = np.where(B > 0, dD[:, :4], 0)
    dA = np.einsum("kj,ij->ki", dB, W1)
    letters = {"A": A, "B": B, "C": C, "D": D, "E": E, "F": F, "G": G, "H": H, "L": H / n}
    gradients = {
        "L": np.ones((1, 1)),
        "H": np.full((1, 1), 1 / n),
        "n": -H / n**2,
        "G": np.full((n, 1), 1 / n),
        "F": dF,
        "E": dF,
        "y": -dF,
        "W2": np.einsum("kj,ko->jo", D, dF),
        "D": dD,
        "b2": dD[:, 4:],
        "C": dD[:, :4],
        "B": dB,
        "W1": np.einsum("ki,kj->ij", A, dB),
        "A": dA,
        "X": dA[:, :3],
        "b1": dA[:, 3:],
    }
    return letters, gradients


def numbers(rows: Sequence[Sequence[Value]]) -> Matrix:
    """Return the nodes' data."""
    return np.array([[node.data for node in row] for row in rows])


def grads(rows: Sequence[Sequence[Value]]) -> Matrix:
    """Return the nodes' gradients."""
    return np.array([[node.grad for node in row] for row in rows])


def weights_of(network: Network) -> list[float]:
    """Return the 21 weights, W1 row by row, then W2."""
    return [parameter.data for parameter in network.parameters()]


def signed_network(seed: int, scaling: Scaling | None = None) -> Network:
    """Return a network with weights of both signs, so that some hidden units are above 0 and some are not."""
    rng = np.random.default_rng(seed)
    return Network(rng.uniform(-1, 1, (4, 4)).tolist(), rng.uniform(-1, 1, (5, 1)).tolist(), scaling)


def random_passengers(n: int, seed: int) -> tuple[list[list[float]], list[float]]:
    """Return features and prices of n passengers."""
    rng = np.random.default_rng(seed)
    return rng.uniform(-1, 1, (n, 3)).tolist(), rng.uniform(0, 1, n).tolist()
