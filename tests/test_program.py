"""One program for floats, arrays, symbols, fractions and a compiler: all agree with the scalar program."""

import itertools
import math
import subprocess
import sys
import warnings
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import dask.array
import numba
import numpy as np
import pytest
import sympy
from graphs import AWKWARD, OPERATIONS, UNARY, leaves, random_graphs
from hypothesis import given, settings
from hypothesis import strategies as st

from microgrid import Unrolled, Value, grad, hessian, topological_order, unroll
from microgrid.rows import row_of
from microgrid.value import RULES

POINTS = [*AWKWARD, 0.3, 2.5, -0.7, 1e-300, 1e200, -1e200, 710.0, -710.0, math.inf, -math.inf, math.nan]


def program_of(op: str) -> Unrolled:
    """The program of one operation on x and y, times y, so that its gradient is not 1."""
    x, y = inputs = Value(1.0, "x"), Value(1.0, "y")
    result = x**3 if op == "**n" else OPERATIONS[op](*inputs[: 1 if op in UNARY else 2])
    return unroll(result * y, inputs)


def by_floats(program: Unrolled, numbers: Sequence[float]) -> list[float]:
    """The scalar program's root and gradients; nothing where it raises."""
    try:
        root, gradients = program(*numbers)
    except (ValueError, ArithmeticError):
        return []
    return [root, *gradients]


TO_ARRAY: dict[str, Callable[[list[float]], Any]] = {
    "numpy": np.array,
    "dask": lambda numbers: dask.array.from_array(np.array(numbers), chunks=7),
    "torch": lambda numbers: __import__("torch").tensor(numbers, dtype=__import__("torch").float64),
}


# Arrays


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore::RuntimeWarning:dask")
@pytest.mark.parametrize("library", TO_ARRAY)
@pytest.mark.parametrize("op", RULES)
def test_a_batch_has_the_scalar_programs_numbers_for_each_sample(op: str, library: str) -> None:
    program = program_of(op)
    samples = list(itertools.product(POINTS, POINTS))
    columns = [TO_ARRAY[library](list(column)) for column in zip(*samples)]
    root, gradients = program(*columns)
    results = np.stack([np.asarray(result) for result in (root, *gradients)], axis=1)
    compared = 0
    for sample, result in zip(samples, results):
        expected = by_floats(program, sample)
        for ours, theirs in zip(result, expected):
            if math.isfinite(theirs):
                assert math.isclose(ours, theirs, rel_tol=1e-12, abs_tol=1e-300), (sample, result, expected)
                compared += 1
            else:
                assert not math.isfinite(ours), (sample, result, expected)
    assert compared > 100


def test_gradients_have_an_entry_for_each_sample_in_the_common_shape() -> None:
    x, w = Value(2.0, "x"), Value(-3.0, "w")
    program = unroll(x * w + 1, [x, w])
    root, (by_x, by_w) = program(np.array([1.0, 2.0, 3.0]), 5)
    assert (root.tolist(), by_x.tolist(), by_w.tolist()) == ([6.0, 11.0, 16.0], [5.0] * 3, [1.0, 2.0, 3.0])
    root, (by_x, by_w) = program(np.ones((2, 1)), np.ones(3))
    assert root.shape == by_x.shape == by_w.shape == (2, 3)
    constant = unroll(Value(4.0), [x], [x])
    root, (by_x,) = constant(np.ones(2))
    assert (root.tolist(), by_x.tolist()) == ([4.0, 4.0], [0.0, 0.0])


@pytest.mark.torch
def test_single_precision_stays_single_and_integers_become_floats() -> None:
    import torch

    x = Value(2.0, "x")
    program = unroll((x * 0.1 - 3).relu() + abs(x) ** 2 + x.sigmoid(), [x])
    for array in (np.ones(2, dtype=np.float32), torch.ones(2)):
        root, (gradient,) = program(array)
        assert root.dtype == gradient.dtype == array.dtype
    assert program(np.array([1, 2]))[0].dtype == np.float64


def test_nothing_is_changed_in_place() -> None:
    a, b = Value(2.0, "a"), Value(5.0, "b")
    c = a * b
    d = c + a
    d.label = "d"
    program = unroll(d, [a, b], wrt=[d, c, a, b])
    numbers = np.array([2.0, 3.0]), np.array([5.0, 7.0])
    _, (by_d, by_c, by_a, by_b) = program(*numbers)
    # The gradients of d, c and a begin as one array: added in place, dd_da += … would change all three.
    assert (by_d.tolist(), by_c.tolist()) == ([1.0, 1.0], [1.0, 1.0])
    assert (by_a.tolist(), by_b.tolist()) == ([6.0, 8.0], [2.0, 3.0])
    assert "+=" in program.source and "+=" not in program.array_source
    assert [column.tolist() for column in numbers] == [[2.0, 3.0], [5.0, 7.0]]


def test_the_array_form_has_where_for_conditionals_and_is_otherwise_the_text() -> None:
    x = Value(2.0, "x")
    program = unroll((x.relu() * x).tanh(), [x])
    assert "    v1 = where(x <= 0.0, 0.0, x)\n" in program.array_source
    different = [
        (a, b) for a, b in zip(program.source.splitlines(), program.array_source.splitlines()) if a != b
    ]
    assert all(" if " in a or "+=" in a for a, _ in different) and different


@given(random_graphs(), st.data())
@settings(max_examples=50)
def test_a_batch_of_any_graph_has_the_scalar_programs_numbers(root: Value, data: st.DataObject) -> None:
    inputs = leaves(root)
    program = unroll(root, inputs)
    samples = [
        [leaf.data for leaf in inputs],
        [data.draw(st.sampled_from([leaf.data, 0.5, -1.0])) for leaf in inputs],
    ]
    result, gradients = program(*[np.array(column) for column in zip(*samples)])
    for number, sample in enumerate(samples):
        expected = by_floats(program, sample)
        if expected and all(map(math.isfinite, expected)) and max(map(abs, expected)) < 1e6:
            ours = [result[number], *[gradient[number] for gradient in gradients]]
            assert ours == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_numpy_does_not_warn_of_the_branch_that_is_not_taken() -> None:
    x = Value(2.0, "x")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _, (gradient,) = unroll(x.sqrt() + (-x).sigmoid(), [x])(np.array([0.0, 1e5]))
    assert gradient[0] == math.inf


def test_arrays_of_two_libraries_are_refused_in_one_line() -> None:
    x, y = Value(1.0), Value(2.0)
    with pytest.raises(TypeError, match=r"^the program takes arrays of one library, not of dask and numpy$"):
        unroll(x * y, [x, y])(np.ones(2), TO_ARRAY["dask"]([1.0, 2.0]))


def test_without_array_api_compat_there_is_one_line_of_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "array_api_compat", None)
    x = Value(1.0)
    with pytest.raises(ImportError, match=r"^a program needs array-api-compat for arrays: "):
        unroll(x * x, [x])(np.ones(2))
    with pytest.raises(TypeError, match=r"not the str 'a'$"):
        unroll(x * x, [x])("a")


# Symbols


SYMBOLS = sympy.symbols("x y", positive=True)


@pytest.mark.parametrize("op", RULES)
def test_symbols_give_the_formulas_of_sympys_diff(op: str) -> None:
    root, gradients = program_of(op)(*SYMBOLS)
    for symbol, gradient in zip(SYMBOLS, gradients):
        assert sympy.simplify(gradient - sympy.diff(root, symbol)) == 0


@pytest.mark.parametrize("op", ["relu", "abs"])
def test_relu_and_abs_are_piecewise(op: str) -> None:
    x, y = sympy.symbols("x y", real=True)
    root, (by_x, _) = program_of(op)(x, y)
    assert root.has(sympy.Piecewise) and by_x.has(sympy.Piecewise)
    for number in (-2, 3):
        assert by_x.subs(x, number) == sympy.diff(root, x).subs(x, number)


def test_formulas_are_exact_and_may_mix_numbers_and_symbols() -> None:
    x, w = Value(2.0, "x"), Value(-3.0, "w")
    a, _ = SYMBOLS
    root, (by_x, by_w) = unroll(x * w / 3 + x**2 * 0.5, [x, w])(a, 2)
    assert str(root) == "x**2/2 + 2*x/3" and str(by_x) == "x + 2/3" and str(by_w) == "x/3"


# Fractions


def test_fractions_of_plain_arithmetic_stay_fractions() -> None:
    x, w = Value(2.0, "x"), Value(-3.0, "w")
    program: Any = unroll((x * w - 1).relu() / 3 + abs(x) ** 2, [x, w])
    root, gradients = program(Fraction(1, 3), 6)
    assert (root, gradients) == (Fraction(4, 9), (Fraction(8, 3), Fraction(1, 9)))
    assert all(type(number) is Fraction for number in (root, *gradients))
    with pytest.raises(TypeError, match=r"^exp of a fraction is not a fraction: call "):
        unroll(x.exp(), [x])(Fraction(1, 3))


# Floats where there is no result

TOO_LARGE = "the result is too large for a float"


@pytest.mark.parametrize(
    ("function", "numbers", "message"),
    [
        (lambda x, y: x.log() * y, (0.0, 1.0), "log(x) at x = 0.0: the result is not a real number"),
        (lambda x, y: x / y, (1.0, 0.0), "x / y at x = 1.0, y = 0.0: division by zero"),
        (lambda x, y: (x * y).exp(), (100.0, 10.0), f"exp(v1) at v1 = 1000.0: {TOO_LARGE}"),
        (lambda x, y: x**y, (-8.0, 0.5), "power(x, y) at x = -8.0, y = 0.5: the result is not a real number"),
        (lambda x, y: x**2 + y, (1e200, 0.0), f"x ** 2 at x = 1e+200: {TOO_LARGE}"),
    ],
)
def test_a_program_of_floats_names_operation_and_numbers_where_there_is_no_result(
    function: Callable[..., Value], numbers: tuple[float, float], message: str
) -> None:
    x, y = Value(0.5, "x"), Value(2.0, "y")
    program = unroll(function(x, y), [x, y])
    with pytest.raises((ValueError, ArithmeticError)) as caught:
        program(*numbers)
    assert str(caught.value) == message


# Compiled


COMPILED = [op for op in RULES if op != "**"]


@pytest.mark.filterwarnings("ignore::numba.NumbaWarning")
def test_a_compiled_program_has_the_scalar_programs_numbers() -> None:
    x, y = inputs = Value(0.4, "x"), Value(1.7, "y")
    terms = [OPERATIONS[op](*inputs[: len(row_of(op).operands)]) for op in COMPILED if op != "**n"]
    root = Value.sum([term * y for term in terms]) + x**3 + x**-0.5 + x**2.5 + Value.sum([x] * 9)
    program = unroll(root, inputs)
    compiled = program.compiled(numba.njit)
    for numbers in [(0.4, 1.7), (3.0, -0.25), (0.01, 40.0)]:
        expected = by_floats(program, numbers)
        value, gradients = compiled(*numbers)
        assert [value, *gradients] == pytest.approx(expected, rel=1e-12)


def test_a_power_of_two_values_cannot_be_compiled() -> None:
    x, y = Value(0.4), Value(1.7)
    with pytest.raises(ValueError, match=r"^a compiler has no slope_by_exponent, which x \*\* y needs"):
        unroll(x**y, [x, y]).compiled(numba.njit)


# Derivatives of functions


def rosenbrock(x: Any, y: Any) -> Any:
    return (1.0 - x) ** 2 + 100.0 * (y - x**2) ** 2


@pytest.mark.torch
@pytest.mark.parametrize("point", [(1.0, 2.0), (-1.2, 1.0), (0.3, 0.7)])
def test_the_hessian_of_rosenbrocks_function_is_pytorchs_bit_for_bit(point: tuple[float, float]) -> None:
    import torch

    tensors = tuple(torch.tensor(number, dtype=torch.float64) for number in point)
    theirs = torch.autograd.functional.hessian(rosenbrock, tensors)
    ours = hessian(rosenbrock)(*point)
    assert [[second.data for second in row] for row in ours] == [
        [second.item() for second in row] for row in theirs
    ]


@pytest.mark.torch
def test_the_hessian_of_a_net_of_13_weights_is_pytorchs() -> None:
    import torch

    weights = [0.1 * (7 * i % 13 - 6) for i in range(13)]

    def net(*w: Any) -> Any:
        hidden = [(0.3 * w[3 * i] - 0.8 * w[3 * i + 1] + w[3 * i + 2]).tanh() for i in range(3)]
        return (sum(h * v for h, v in zip(hidden, w[9:12])) + w[12] - 0.5) ** 2

    tensors = tuple(torch.tensor(number, dtype=torch.float64) for number in weights)
    theirs = torch.autograd.functional.hessian(net, tensors)
    ours = hessian(net)(*weights)
    for our_row, their_row in zip(ours, theirs):
        assert [second.data for second in our_row] == pytest.approx(
            [second.item() for second in their_row], rel=1e-12, abs=1e-14
        )


def test_grad_gives_values_and_runs_the_function_anew_at_each_point() -> None:
    def smaller(x: Value, y: Value) -> Value:
        return x * x if x < y else y

    by_x, by_y = grad(smaller)(Value(1.0, "x"), 2.0)
    assert (by_x.data, by_y.data) == (2.0, 0.0) and isinstance(by_x, Value)
    assert [derivative.data for derivative in grad(smaller)(3.0, 2.0)] == [0.0, 1.0]
    assert grad(grad(grad(lambda x: x.sin())))(0.5).data == pytest.approx(-math.cos(0.5), rel=1e-15)
    x = Value(2.0, "x")
    assert x in topological_order(grad(lambda x: x**3)(x))
    nothing: Any = lambda x: 3.0  # noqa: E731
    assert grad(nothing)(x).data == 0.0


def test_a_program_of_floats_imports_no_library_for_arrays_or_symbols() -> None:
    code = "import sys; from microgrid import unroll, Value; x = Value(1.0); unroll(x * x, [x])(2.0); "
    check = "print({'numpy', 'sympy', 'array_api_compat', 'numba'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code + check], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
