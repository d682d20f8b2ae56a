"""The closed form is the sheet's, knows nothing of the engine, agrees with it, and can be read."""

import ast
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from equations import equations, grads, numbers, random_passengers, signed_network
from hypothesis import given
from hypothesis import strategies as st

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


@pytest.mark.parametrize("n", [1, 2, 7, 20])
@pytest.mark.parametrize("seed", range(3))
def test_every_row_of_the_sheets_table_has_its_shape_and_value(n: int, seed: int) -> None:
    X, y = random_passengers(n, seed)
    network = signed_network(seed)
    derivation = derive(X, y, numbers(network.W1).tolist(), numbers(network.W2).tolist())
    letters, gradients = equations(X, y, numbers(network.W1), numbers(network.W2))
    assert list(letters) == FORWARD and list(gradients) == BACKWARD
    for found_of, expected_of in ((derivation.value, letters), (derivation.gradient, gradients)):
        for letter, expected in expected_of.items():
            found = np.array(found_of(letter))
            assert found.shape == expected.shape
            np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-13, err_msg=letter)


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
        assert derivation.gradient(letter) == grads(forward.rows(letter)).tolist(), letter
        if letter in FORWARD:
            assert derivation.value(letter) == numbers(forward.rows(letter)).tolist(), letter


def a_derivation() -> Derivation:
    network = signed_network(0)
    return derive(*random_passengers(3, 0), numbers(network.W1).tolist(), numbers(network.W2).tolist())


def test_a_derivation_prints_every_line_with_formula_shape_and_the_first_passengers_numbers() -> None:
    derivation = a_derivation()
    text = str(derivation)
    names = [line.partition(" = ")[0] for line in text.splitlines() if not line.startswith(" ")]
    assert names == FORWARD + [f"∂L/∂{letter}" for letter in BACKWARD]
    numbers = [" ".join(f"{number:>12.6g}" for number in row) for row in derivation.gradient("W1")]
    assert "∂L/∂W1 = Aᵀ (∂L/∂B)   (4 × 4)\n    " + "\n    ".join(numbers) in text
    (price,) = derivation.gradient("y")[0]
    assert f"∂L/∂y = −(2/n) F   (3 × 1, row 1)\n    {price:>12.6g}\n" in text
    assert f"{derivation.gradient('y')[1][0]:>12.6g}" not in text


def test_another_passengers_numbers_can_be_asked_for() -> None:
    derivation = a_derivation()
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
