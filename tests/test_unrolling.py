"""The unrolled program computes the engine's numbers; it can be read, stepped through and differentiated."""

import ast
import gc
import inspect
import itertools
import linecache
import math
import os
import struct
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pexpect
import pytest
from graphs import AWKWARD, BINARY, OPERATIONS, UNARY, leaves, random_graphs
from hypothesis import given
from hypothesis import strategies as st

from microgrid import Value, topological_order, unroll
from microgrid.functions import FUNCTIONS

if TYPE_CHECKING:
    import torch

ANY_NUMBER = (
    st.sampled_from([*AWKWARD, math.inf, -math.inf, math.nan, 1e200, 1e-300, -1e-300, 710.0]) | st.floats()
)


def bits(number: float) -> bytes | str:
    """All bits of a number, except that all nans are alike and so are 0.0 and -0.0."""
    return "nan" if math.isnan(number) else struct.pack("d", number + 0.0)


def all_bits(value: float, gradients: Sequence[float]) -> list[bytes | str]:
    return [bits(value), *map(bits, gradients)]


def record_anew(root: Value, numbers: dict[Value, float]) -> dict[Value, Value]:
    """The same operations recorded on other leaves, which hold the numbers."""
    anew: dict[Value, Value] = {}
    for node in topological_order(root):
        operands = [anew[operand] for operand in node.operands]
        anew[node] = OPERATIONS[node.op](*operands) if operands else Value(numbers[node])
    return anew


# The engine's numbers


@given(random_graphs(), st.data())
def test_for_the_recorded_numbers_the_program_gives_the_engines_value_and_gradients(
    root: Value, data: st.DataObject
) -> None:
    inputs = data.draw(st.lists(st.sampled_from(leaves(root)), unique=True))
    wrt = data.draw(st.lists(st.sampled_from(topological_order(root))))
    root.backward()
    value, gradients = unroll(root, inputs, wrt)(*[leaf.data for leaf in inputs])
    assert all_bits(value, gradients) == all_bits(root.data, [node.grad for node in wrt])


@given(random_graphs(), st.data())
def test_for_other_numbers_the_program_gives_what_recording_anew_gives_or_its_error(
    root: Value, data: st.DataObject
) -> None:
    inputs = leaves(root)
    numbers = data.draw(st.lists(ANY_NUMBER, min_size=len(inputs), max_size=len(inputs)))
    program = unroll(root, inputs)
    try:
        anew = record_anew(root, dict(zip(inputs, numbers)))
    except (ValueError, ArithmeticError) as error:
        with pytest.raises(type(error)) as caught:
            program(*numbers)
        assert caught.type is type(error)
        with pytest.raises(type(error)):
            program(*map(Value, numbers))
        return
    anew[root].backward()
    expected = all_bits(anew[root].data, [anew[leaf].grad for leaf in inputs])
    assert all_bits(*program(*numbers)) == expected
    value, gradients = program(*map(Value, numbers))
    assert all_bits(value.data, [gradient.data for gradient in gradients]) == expected


def test_the_derivative_of_a_zeroth_power_is_0_where_the_next_lower_power_overflows() -> None:
    x, y = Value(2.0), Value(3.0)
    value, gradients = unroll(x**y, [x, y])(Value(2.2250738585e-313), Value(0.0))
    assert (value.data, gradients[0].data) == (1.0, 0.0)


def power(exponent: float) -> Callable[[Value], Value]:
    return lambda x: x**exponent


EXPONENTS = (0, 1, 2, 3, 4, -1, -2, -3, 0.5, 1.5, 2.5, -0.5, 1e-300)
ONE_OPERAND: dict[str, Callable[..., Value]] = {
    **{op: OPERATIONS[op] for op in UNARY},
    **{f"**{exponent}": power(exponent) for exponent in EXPONENTS},
}
TWO_OPERANDS: dict[str, Callable[..., Value]] = {op: OPERATIONS[op] for op in BINARY}
EXTREME: dict[str, Callable[..., Value]] = {
    "sum": lambda x, y: Value.sum([x, y, x]),
    "sum of many": lambda x, y: Value.sum([x, y] * 20),
    **{f"**{exponent}": power(exponent) for exponent in (1e17, math.inf, -math.inf, math.nan)},
}
NUMBERS = [*AWKWARD, 1e-300, -1e-300, 1e200, -1e200, 1e-160, 710.0, -710.0, math.inf, -math.inf, math.nan]


def count(operation: str) -> int:
    return 1 if operation in ONE_OPERAND or (operation.startswith("**") and operation != "**") else 2


@pytest.mark.parametrize("op", ONE_OPERAND | TWO_OPERANDS | EXTREME)
def test_every_operation_agrees_with_the_engine_at_awkward_numbers(op: str) -> None:
    function = (ONE_OPERAND | TWO_OPERANDS | EXTREME)[op]
    # The factor makes the gradient of the operation's result infinite.
    scaled = [Value(1.0) for _ in range(count(op) + 1)]
    program = unroll(function(*scaled[1:]) * scaled[0], scaled)
    for numbers in itertools.product((1.0, math.inf), *[NUMBERS] * count(op)):
        factor, *inputs = anew = [Value(number) for number in numbers]
        try:
            root = function(*inputs) * factor
        except (ValueError, ArithmeticError) as error:
            with pytest.raises(type(error), match=r"."):
                program(*numbers)
            continue
        root.backward()
        expected = all_bits(root.data, [leaf.grad for leaf in anew])
        assert all_bits(*program(*numbers)) == expected, numbers
        value, gradients = program(*map(Value, numbers))
        assert all_bits(value.data, [gradient.data for gradient in gradients]) == expected, numbers


# Derivatives of derivatives


def derivative(function: Callable[..., Value], position: int) -> Callable[..., Value]:
    """The partial derivative of a function of Values, as a function of Values: a graph each time."""

    def derived(*inputs: Value) -> Value:
        recorded = [Value(x.data) for x in inputs]
        _, gradients = unroll(function(*recorded), recorded)(*inputs)
        return gradients[position]

    return derived


def by_unrolling(function: Callable[..., Value], numbers: Sequence[float], path: Sequence[int]) -> float:
    """The derivative by the inputs on the path, one after the other; the last one by backward."""
    for position in path[:-1]:
        function = derivative(function, position)
    inputs = [Value(number) for number in numbers]
    function(*inputs).backward()
    return inputs[path[-1]].grad


def by_torch(function: Callable[..., "torch.Tensor"], numbers: Sequence[float], path: Sequence[int]) -> float:
    import torch

    inputs = [torch.tensor(number, dtype=torch.float64, requires_grad=True) for number in numbers]
    result = function(*inputs)
    for position in path:
        if not result.requires_grad:
            return 0.0
        gradients = torch.autograd.grad(result, inputs, create_graph=True, materialize_grads=True)
        result = gradients[position]
    return float(result.item())


ORDINARY = (0.3, 0.7, 1.6, 2.5, -0.4, -1.7)
BY_VALUE_AND_TENSOR: dict[str, Callable[..., Value]] = {
    **ONE_OPERAND,
    **TWO_OPERANDS,
    "Python's sum": lambda x, y: x * sum([x * y, y * y, x]) ** 2,
    "many": lambda x, y: ((x * y).sin() * y).exp() / (x * x + 1.0) - (y * x).tanh(),
}


@pytest.mark.torch
@pytest.mark.parametrize("op", BY_VALUE_AND_TENSOR)
def test_second_and_third_derivatives_are_pytorchs(op: str) -> None:
    function = BY_VALUE_AND_TENSOR[op]
    checked = 0
    for numbers in itertools.product(ORDINARY, repeat=count(op)):
        try:
            function(*map(Value, numbers))
        except ValueError:
            continue
        for order in (2, 3):
            for path in itertools.product(range(count(op)), repeat=order):
                ours, theirs = by_unrolling(function, numbers, path), by_torch(function, numbers, path)
                both_undefined = math.isnan(ours) and math.isnan(theirs)
                assert both_undefined or math.isclose(ours, theirs, rel_tol=1e-9, abs_tol=1e-9), (
                    numbers,
                    path,
                )
                checked += 1
    assert checked


@pytest.mark.parametrize(
    ("function", "at", "path", "expected"),
    [
        (lambda x: x.exp(), (1.5,), (0, 0, 0), math.exp(1.5)),
        (lambda x: x.sin(), (1.5,), (0, 0, 0), -math.cos(1.5)),
        (lambda x: x**5, (2.0,), (0, 0, 0), 240.0),
        (lambda x: 1 / x, (2.0,), (0, 0, 0), -0.375),
        (lambda x: x.relu() ** 2, (2.0,), (0, 0), 2.0),
        (lambda x: x.sqrt(), (0.0,), (0, 0), -math.inf),
        (lambda x: x**0.5, (0.0,), (0, 0), -math.inf),
        # PyTorch gives 0 here: it cuts off the gradient by the base where the exponent is 0.
        (lambda x, n: x**n, (4.0, 0.0), (0, 1), 0.25),
        (lambda x, n: x**n, (4.0, 0.0), (1, 0), 0.25),
        # ∂²/∂x∂y and ∂²/∂y∂x of a sum node
        (lambda x, y: Value.sum([x * y, x * y, y]), (4.0, 3.0), (0, 1), 2.0),
        (lambda x, y: Value.sum([x * y] * 20), (4.0, 3.0), (1, 0), 20.0),
    ],
)
def test_derivatives_of_derivatives_are_those_of_the_closed_form(
    function: Callable[..., Value], at: tuple[float, ...], path: tuple[int, ...], expected: float
) -> None:
    assert by_unrolling(function, at, path) == pytest.approx(expected, rel=1e-14)


def test_the_gradient_as_a_graph_ends_in_the_values_that_were_given() -> None:
    x, w = Value(3.0, "x"), Value(-2.0, "w")
    given = Value(3.0, "x"), Value(-2.0, "w")
    value, (dx, dw) = unroll((x * w).sigmoid(), [x, w])(*given)
    assert set(given) <= set(topological_order(dx)) and set(given) <= set(topological_order(dw))
    assert isinstance(value, Value) and value.op == "sigmoid"


def test_a_number_among_values_becomes_a_value_too() -> None:
    x, y = Value(3.0), Value(2.0)
    value, gradients = unroll(x + y, [x, y])(Value(1.0), 5)
    assert [(type(each), each.data) for each in (value, *gradients)] == [
        (Value, 6.0),
        (Value, 1.0),
        (Value, 1.0),
    ]


# The branches of a graph


def test_relu_and_abs_are_conditions_in_the_program_and_not_their_recorded_outcomes() -> None:
    x = Value(-3.0, "x")
    program = unroll(x.relu() + abs(x), [x])
    assert program(-3.0) == (3.0, (-1.0,))
    assert program(2.0) == (4.0, (2.0,))


def test_a_branch_that_python_took_is_not_in_the_program() -> None:
    def smaller(a: Value, b: Value) -> Value:
        return a if a < b else b

    x, y = Value(1.0, "x"), Value(2.0, "y")
    assert unroll(smaller(x, y) * 1.0, [x, y])(5.0, 2.0) == (5.0, (1.0, 0.0))


# The source


def test_the_source_reads_like_the_chain_rule() -> None:
    x, w = Value(3.0, "x"), Value(-2.0, "w[1]")
    y = (x * w + 7).relu() * x
    y.label = "y"
    assert (
        unroll(y, [x, w]).source
        == '''\
def program(x, w_1):
    """Return y and its gradients by x, w[1]."""

    # Forward pass: a line for each operation.
    v1 = x * w_1
    v2 = v1 + 7.0
    v3 = 0.0 if v2 <= 0.0 else v2
    y = v3 * x

    # Backward pass, from y down: a line for each use of the chain rule.
    dy_dy = 1.0
    dy_dv3 = dy_dy * x
    dy_dx = dy_dy * v3
    dy_dv2 = 0.0 if v2 <= 0.0 else dy_dv3
    dy_dv1 = dy_dv2
    dy_dx += dy_dv1 * w_1
    dy_dw_1 = dy_dv1 * x

    return y, (dy_dx, dy_dw_1)
'''
    )


@given(random_graphs(), st.data())
def test_there_are_no_dead_lines_no_loops_and_no_calls_but_of_mathematical_functions(
    root: Value, data: st.DataObject
) -> None:
    inputs = data.draw(st.lists(st.sampled_from(leaves(root)), unique=True))
    wrt = data.draw(st.lists(st.sampled_from(topological_order(root))))
    program = ast.parse(unroll(root, inputs, wrt).source).body[0]
    assert isinstance(program, ast.FunctionDef)
    assert not [
        node
        for node in ast.walk(program)
        if isinstance(node, ast.For | ast.While | ast.Import | ast.Attribute)
    ]
    calls = [node.func for node in ast.walk(program) if isinstance(node, ast.Call)]
    assert {function.id for function in calls if isinstance(function, ast.Name)} <= {*FUNCTIONS}
    read: set[str] = set()
    for statement in reversed(program.body):
        if isinstance(statement, ast.Assign | ast.AugAssign):
            target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
            assert isinstance(target, ast.Name) and target.id in read, ast.unparse(statement)
        read |= {
            node.id
            for node in ast.walk(statement)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
        }


ALIKE = ["x", "x[1]", "x(1)", "x 1", "v1", "v2", "ﬁ", "fi", "x²", "x2", "𝔵", "e\u0301", "é"]
TAKEN = ["lambda", "None", "__debug__", "sum", "exp", "nan", "program", "abs", "dx_dx", "dv1_dx"]
ODD = ["", "1", "∂L/∂x", "\\", '"', '"""', "\n", "\0", "\ud800"]
LABELS = st.sampled_from([*ALIKE, *TAKEN, *ODD]) | st.text(max_size=5)


@given(random_graphs(max_nodes=20), st.data())
def test_any_labels_make_a_program_that_computes_the_same(root: Value, data: st.DataObject) -> None:
    for node in topological_order(root):
        node.label = data.draw(LABELS)
    inputs = leaves(root)
    root.backward()
    value, gradients = unroll(root, inputs)(*[leaf.data for leaf in inputs])
    assert all_bits(value, gradients) == all_bits(root.data, [leaf.grad for leaf in inputs])


def test_leaves_that_are_not_inputs_are_constants_by_name_or_by_number() -> None:
    x, n = Value(3.0, "x"), Value(-4.0, "n")
    source = unroll((x + -1.0) * n * math.inf, [x]).source
    assert "n = -4.0\n" in source and "v1 = x + (-1.0)\n" in source and "* inf\n" in source


def test_many_operands_are_wrapped_to_lines_that_fit_the_page() -> None:
    inputs = [Value(1.0, f"x[{i}]") for i in range(100)]
    source = unroll(Value.sum(inputs), inputs).source
    assert max(map(len, source.splitlines())) <= 92 and "total([\n        x_0, x_1," in source


# Debuggers


def test_debuggers_find_the_source_as_long_as_the_program_lives() -> None:
    x = Value(2.0, "x")
    program = unroll(x * x, [x])
    filename = program.function.__code__.co_filename
    assert inspect.getsource(program.function) == program.source
    linecache.checkcache()
    assert "".join(linecache.getlines(filename)) == program.source
    del program
    gc.collect()
    assert filename not in linecache.cache


def test_pdb_steps_through_the_program_line_by_line(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from microgrid import Value, unroll\n"
        "import pdb\n"
        "x = Value(3.0, 'x')\n"
        "program = unroll(x * x, [x])\n"
        "pdb.runcall(program.function, 4.0)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent), "TERM": "dumb"}
    session = pexpect.spawn(sys.executable, [str(script)], env=environment, encoding="utf-8", timeout=20)
    for answer, command in [
        ("-> v1 = x * x", "next"),
        ("-> dv1_dv1 = 1.0", "print(v1)"),
        ("16.0", "next"),
        ("-> dv1_dx = dv1_dv1 * x", "next"),
        ("-> dv1_dx += dv1_dv1 * x", "list 1, 3"),
        ('"""Return v1 and its gradients by x."""', "break 12"),
        ("Breakpoint 1 at <unrolled 1>:12", "continue"),
        ("-> return v1, (dv1_dx,)", "print(dv1_dx)"),
        ("8.0", "continue"),
    ]:
        session.expect_exact(answer)
        session.expect_exact("(Pdb) ")
        session.sendline(command)
    session.expect(pexpect.EOF)
    assert session.wait() == 0


# What can be unrolled


def test_as_many_nodes_as_max_nodes_are_unrolled_and_more_are_refused() -> None:
    x = y = Value(1.0, "x")
    for _ in range(9_999):
        y = -y
    assert unroll(y, [x], max_nodes=10_000)(2.0) == (-2.0, (-1.0,))
    with pytest.raises(
        ValueError,
        match=r"the graph has 10,001 nodes and 10,000 uses of operands, more than 10,000 and 40,000: ",
    ):
        unroll(-y, [x], max_nodes=10_000)
    assert unroll(-y, [x])(2.0) == (2.0, (1.0,))


def test_uses_of_operands_count_too() -> None:
    x = Value(1.0, "x")
    with pytest.raises(
        ValueError, match=r"has 2 nodes and 1,000,000 uses of operands, .* or raise max_nodes$"
    ):
        unroll(Value.sum([x] * 10**6), [x])


def test_a_sum_of_ten_thousand_inputs_is_unrolled() -> None:
    inputs = [Value(1.0) for _ in range(9_999)]
    value, gradients = unroll(Value.sum(inputs), inputs)(*[2.0] * 9_999)
    assert value == 19_998.0 and gradients == (1.0,) * 9_999


def test_an_input_that_the_root_does_not_depend_on_has_the_gradient_0() -> None:
    x, y = Value(3.0, "x"), Value(4.0, "y")
    assert unroll(x * x, [y, x])(5.0, 3.0) == (9.0, (0.0, 6.0))


def test_a_root_that_is_an_input_or_a_constant() -> None:
    x, y = Value(3.0, "x"), Value(4.0)
    assert unroll(x, [x])(5.0) == (5.0, (1.0,))
    assert unroll(y, [x], [x, y])(5.0) == (4.0, (0.0, 1.0))
    assert unroll(y, [])() == (4.0, ())


def test_wrt_may_name_any_node_under_the_root_in_any_order() -> None:
    x = Value(3.0, "x")
    half = x * 0.5
    root = half * half
    assert unroll(root, [x], [half, root, half])(4.0) == (4.0, (4.0, 1.0, 4.0))


def test_numbers_are_taken_as_value_takes_them() -> None:
    x = Value(3.0, "x")
    program = unroll(x**2, [x])
    assert program(10**200 // 10**197) == (1e6, (2000.0,)) and type(program(2)[0]) is float


def test_names_longer_than_a_line_are_not_broken() -> None:
    inputs = [Value(1.0, label=f"{'long' * 40}_{i}") for i in range(12)]
    program = unroll(Value.sum(inputs), inputs)
    assert program(*map(float, range(12))) == (66.0, (1.0,) * 12)
    assert all(parameter in program.source for parameter in program.parameters)


def test_a_single_long_name_is_not_wrapped() -> None:
    y = Value(1.0) + 2.0
    y.label = "y" * 80
    assert unroll(y, [])() == (3.0, ())
