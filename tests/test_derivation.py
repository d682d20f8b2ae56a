"""The closed form is the sheet's, knows nothing of the engine, agrees with it, and can be read."""

import ast
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from microgrid import Value
from titanic import derivation as module
from titanic.derivation import Derivation, derive, matmul
from titanic.network import Network

ROOT = Path(__file__).parent.parent
FORWARD = ["A", "B", "C", "D", "E", "F", "G", "H", "L"]
BACKWARD = ["L", "H", "n", "G", "F", "E", "y", "W2", "D", "b2", "C", "B", "W1", "A", "X", "b1"]


def test_the_derivation_imports_nothing_of_microgrid() -> None:
    imported: set[str] = set()
    for node in ast.walk(ast.parse(Path(module.__file__).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            imported.add(str(node.module))
    assert imported == {"collections.abc", "dataclasses"}
    program = "import sys, titanic.derivation; print([m for m in sys.modules if m.startswith('microgrid')])"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def random_derivation(n: int, seed: int) -> tuple[Derivation, list[NDArray[np.float64]]]:
    rng = np.random.default_rng(seed)
    X, y, W1, W2 = (rng.uniform(-1, 1, shape) for shape in ((n, 3), n, (4, 4), (5, 1)))
    return derive(X.tolist(), y.tolist(), W1.tolist(), W2.tolist()), [X, y, W1, W2]


@pytest.mark.parametrize("n", [1, 2, 7, 20])
@pytest.mark.parametrize("seed", range(3))
def test_every_row_of_the_sheets_table_has_its_shape_and_its_value(n: int, seed: int) -> None:
    # In sums over indices, k the passenger: no matrix product that could be the wrong way round.
    derivation, (X, y, W1, W2) = random_derivation(n, seed)
    A = np.column_stack([X, np.ones(n)])
    B = np.einsum("ki,ij->kj", A, W1)
    C = np.where(B > 0, B, 0)
    D = np.column_stack([C, np.ones(n)])
    F = np.einsum("kj,jo->ko", D, W2) - y[:, np.newaxis]
    dF = 2 / n * F
    dD = np.einsum("ko,jo->kj", dF, W2)
    dB = np.where(B > 0, dD[:, :4], 0)
    dA = np.einsum("kj,ij->ki", dB, W1)
    expected = {
        "L": [[1]],
        "H": [[1 / n]],
        "n": [[-(F**2).sum() / n**2]],
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
    assert list(expected) == BACKWARD
    for letter, gradient in expected.items():
        found = np.array(derivation.gradient(letter))
        assert found.shape == np.shape(gradient)
        np.testing.assert_allclose(found, gradient, rtol=1e-12, atol=1e-13, err_msg=letter)
    for letter, number in {"A": A, "B": B, "C": C, "D": D, "F": F, "L": [[(F**2).mean()]]}.items():
        np.testing.assert_allclose(derivation.value(letter), number, rtol=1e-12, atol=1e-13, err_msg=letter)


WHOLE = st.integers(-4, 4).map(float)


@given(
    st.integers(0, 4).flatmap(lambda k: st.lists(st.tuples(*[WHOLE] * 4), min_size=2**k, max_size=2**k)),
    st.lists(WHOLE, min_size=21, max_size=21),
)
def test_where_floats_are_exact_the_engine_and_the_closed_form_are_equal(
    passengers: list[tuple[float, float, float, float]], weights: list[float]
) -> None:
    # Whole numbers and 1, 2, 4, 8 or 16 passengers: nothing is rounded, and B is often exactly 0.
    X, y = [list(row[:3]) for row in passengers], [row[3] for row in passengers]
    W1, W2 = [weights[4 * i : 4 * i + 4] for i in range(4)], [[weight] for weight in weights[16:]]
    forward = Network(W1, W2).forward(X, y)
    forward.L.backward()
    derivation = derive(X, y, W1, W2)
    for letter in BACKWARD:
        nodes = getattr(forward, letter)
        rows = (
            [[nodes]]
            if isinstance(nodes, Value)
            else [row if isinstance(row, list) else [row] for row in nodes]
        )
        assert derivation.gradient(letter) == [[node.grad for node in row] for row in rows], letter
        if letter in FORWARD:
            assert derivation.value(letter) == [[node.data for node in row] for row in rows], letter


def test_a_derivation_prints_every_line_with_formula_shape_and_the_first_passengers_numbers() -> None:
    derivation, _ = random_derivation(n=3, seed=0)
    text = str(derivation)
    names = [line.partition(" = ")[0] for line in text.splitlines() if not line.startswith(" ")]
    assert names == FORWARD + [f"∂L/∂{letter}" for letter in BACKWARD]
    numbers = [" ".join(f"{number:>12.6g}" for number in row) for row in derivation.gradient("W1")]
    assert "∂L/∂W1 = Aᵀ (∂L/∂B)   (4 × 4)\n    " + "\n    ".join(numbers) in text
    (price,) = derivation.gradient("y")[0]
    assert f"∂L/∂y = −(2/n) F   (3 × 1, row 1)\n    {price:>12.6g}\n" in text
    assert f"{derivation.gradient('y')[1][0]:>12.6g}" not in text


def test_another_passengers_numbers_can_be_asked_for() -> None:
    derivation, _ = random_derivation(n=3, seed=0)
    (price,) = derivation.gradient("y")[2]
    assert f"∂L/∂y = −(2/n) F   (3 × 1, row 3)\n    {price:>12.6g}\n" in derivation.shown(passenger=3)
    for passenger in (0, 4):
        with pytest.raises(IndexError, match=f"^there is no passenger {passenger}; give one from 1 to 3$"):
            derivation.shown(passenger)


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^2 × 3 times 2 × 3 does not fit$"):
        matmul([[1.0, 2.0, 3.0]] * 2, [[1.0, 2.0, 3.0]] * 2)
    with pytest.raises(ValueError):
        derive([[1.0, 2.0, 3.0]], [1.0, 2.0], [[1.0] * 4] * 4, [[1.0]] * 5)
