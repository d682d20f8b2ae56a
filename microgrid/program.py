"""A straight-line program that runs on floats, Values, arrays, symbols and fractions, compiled or not.

`unroll` writes its source; here it is called. The form for arrays and symbols is derived from that source:
where(condition, a, b) replaces conditionals, and nothing is added in place.
"""

import ast
import builtins
import itertools
import linecache
import math
import re
import sys
import weakref
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from fractions import Fraction
from functools import cached_property
from numbers import Real
from types import CodeType, FunctionType, ModuleType
from typing import Any, overload

from microgrid import functions
from microgrid.arguments import Number, real, shortened
from microgrid.functions import FUNCTIONS, MACHINE, Body, as_value
from microgrid.value import REASONS, Value

CONSTANTS = {"inf": math.inf, "nan": math.nan}
_GLOBALS = {"__builtins__": builtins, "__name__": __name__}  # what libraries look for in a function's module
Floats = tuple[float, tuple[float, ...]]

_serial_numbers = itertools.count(1)


class Unrolled:
    """A program that `unroll` made: called with a number for each input, it returns root and gradients.

    It returns what it is called with: floats for real numbers; Values, which can be drawn, stepped through
    and differentiated again, if one of the numbers is a Value; arrays of the common shape, an entry for each
    sample, if one is an array (of NumPy, PyTorch, JAX or Dask); formulas for SymPy's symbols; fractions for
    fractions, if the program is plain arithmetic.

    `source` is the text of the program, `array_source` its form for arrays, `parameters` are its names for
    the inputs, and `function` is the program itself, which takes floats only and checks nothing.
    Raises TypeError unless there are as many arguments as inputs, ImportError for arrays if array-api-compat
    is missing, and for floats and Values what Python raises where an operation has no result (ValueError,
    ZeroDivisionError, OverflowError), naming operation and numbers. Arrays have nan or inf there.
    """

    source: str
    parameters: tuple[str, ...]
    function: Callable[..., Floats]

    def __init__(self, source: str, parameters: tuple[str, ...]) -> None:
        self.source = source
        self.parameters = parameters
        code = _compiled(source)
        self.function = FunctionType(
            code, CONSTANTS | {name: body.of_floats for name, body in FUNCTIONS.items()}
        )
        self._of_values = FunctionType(
            code, CONSTANTS | {name: body.of_values for name, body in FUNCTIONS.items()}
        )

    def __repr__(self) -> str:
        return f"<Unrolled program({', '.join(self.parameters)})>"

    @overload
    def __call__(self, *numbers: Number) -> Floats: ...
    @overload
    def __call__(self, *numbers: Value) -> tuple[Value, tuple[Value, ...]]: ...
    @overload
    def __call__(self, *numbers: Value | Number) -> Floats | tuple[Value, tuple[Value, ...]]: ...
    @overload
    def __call__(self, *numbers: Any) -> tuple[Any, tuple[Any, ...]]: ...
    def __call__(self, *numbers: Any) -> tuple[Any, tuple[Any, ...]]:
        """Run the program on a number for each input."""
        if len(numbers) != len(self.parameters):
            count, names = len(self.parameters), ", ".join(self.parameters)
            raise TypeError(
                f"the program takes {count} number{'' if count == 1 else 's'}, ({shortened(names)}), "
                f"and was given {len(numbers)}"
            )
        kinds = {*map(type, numbers)}
        if kinds <= {float}:
            return self._of_floats(numbers)
        if any(issubclass(kind, Value) for kind in kinds):
            value, gradients = self._of_values(*map(as_value, numbers))
            return as_value(value), tuple(map(as_value, gradients))
        if Fraction in kinds:
            return self._of_fractions(numbers)
        if all(issubclass(kind, Real) for kind in kinds):
            return self._of_floats([real(number) for number in numbers])
        if (sympy := sys.modules.get("sympy")) and any(issubclass(kind, sympy.Basic) for kind in kinds):
            return self._of_symbols(numbers, sympy)
        return self._of_arrays(numbers)

    @cached_property
    def array_source(self) -> str:
        """The source for arrays: where(condition, a, b) for conditionals, nothing added in place."""
        return re.sub(r"^    \w+ (?:\+= |= .* if ).*$", _array_line, self.source, flags=re.MULTILINE)

    def compiled(self, compiler: Callable[[Body], Body]) -> Body:
        """Return the program through a compiler of functions of floats, such as numba.njit.

        The compiler gets each function that the program calls, then the program. The result has nan or inf
        where Python would raise. Raises ValueError if a Value is raised to the power of a Value.
        """
        code = self.function.__code__
        if missing := sorted({*code.co_names} & (FUNCTIONS.keys() - MACHINE.keys())):
            raise ValueError(f"a compiler has no {missing[0]}, which x ** y needs: give a plain exponent")
        called = {
            name: compiler(body) if isinstance(body, FunctionType) else body
            for name, body in MACHINE.items()
            if name in code.co_names
        }
        return compiler(FunctionType(code, _GLOBALS | CONSTANTS | called))

    def _of_floats(self, numbers: Sequence[float]) -> Floats:
        try:
            return self.function(*numbers)
        except (ValueError, ZeroDivisionError, OverflowError) as error:
            raise type(error)(f"{self._place(error)}: {REASONS[type(error)]}") from None

    def _place(self, error: Exception) -> str:
        """Return the operation at which the program failed, and its numbers."""
        traceback = error.__traceback__
        while traceback and traceback.tb_frame.f_code is not self.function.__code__:
            traceback = traceback.tb_next
        assert traceback
        line = self.source.splitlines()[traceback.tb_lineno - 1].partition("= ")[2].partition("  #")[0]
        known = traceback.tb_frame.f_locals
        numbers = {name: known[name] for name in re.findall(r"\w+", line) if name in known}
        at = ", ".join(f"{name} = {number}" for name, number in numbers.items())
        return f"{line} at {at}" if at else line

    def _of_arrays(self, numbers: Sequence[Any]) -> tuple[Any, tuple[Any, ...]]:
        try:
            import array_api_compat as compat
        except ImportError:
            for number in numbers:
                if not hasattr(number, "dtype"):
                    real(number)
            raise ImportError(
                "a program needs array-api-compat for arrays: python -m pip install array-api-compat"
            ) from None
        arrays = [number for number in numbers if compat.is_array_api_obj(number)]
        for number in numbers:
            if type(number) is not float and not compat.is_array_api_obj(number):
                real(number)
        try:
            xp = compat.array_namespace(*arrays)
        except TypeError:
            libraries = sorted({type(array).__module__.partition(".")[0] for array in arrays})
            raise TypeError(
                f"the program takes arrays of one library, not of {' and '.join(libraries)}"
            ) from None
        floating = [array.dtype for array in arrays if xp.isdtype(array.dtype, "real floating")]
        dtype = xp.result_type(*floating) if floating else xp.asarray(1.0).dtype
        place = {"device": arrays[0].device} if compat.is_torch_array(arrays[0]) else {}

        def asarray(number: Any) -> Any:
            if not hasattr(number, "dtype"):
                return xp.asarray(number, dtype=dtype, **place)
            return number if number.dtype == dtype else xp.astype(number, dtype)

        given = [asarray(number) for number in numbers]
        program = FunctionType(self._array_code, _GLOBALS | CONSTANTS | functions.of_arrays(xp, asarray))
        # Both branches of a conditional are computed, so NumPy's warnings mean nothing.
        with xp.errstate(all="ignore") if compat.is_numpy_namespace(xp) else nullcontext():
            root, gradients = program(*given)
        shapes = {array.shape for array in given} - {()}
        shape = shapes.pop() if len(shapes) == 1 else xp.broadcast_arrays(*given)[0].shape

        def of_shape(result: Any) -> Any:
            array = asarray(result)
            return array if array.shape == shape else xp.broadcast_to(array, shape)

        return of_shape(root), tuple(map(of_shape, gradients))

    def _of_symbols(self, numbers: Sequence[Any], sympy: ModuleType) -> tuple[Any, tuple[Any, ...]]:
        def exact(number: float) -> Any:
            fraction = Fraction(number)
            return sympy.Rational(fraction) if fraction.denominator <= 1024 else sympy.Float(number)

        given = [exact(number) if isinstance(number, float) else sympy.sympify(number) for number in numbers]
        infinities = {"inf": sympy.oo, "nan": sympy.nan}
        program = FunctionType(self._exact_code, infinities | functions.of_symbols() | {"exact": exact})
        root, gradients = program(*given)
        return sympy.sympify(root), tuple(map(sympy.sympify, gradients))

    def _of_fractions(self, numbers: Sequence[Any]) -> tuple[Fraction, tuple[Fraction, ...]]:
        program = FunctionType(self._exact_code, functions.of_fractions() | {"exact": Fraction})
        root, gradients = program(*map(Fraction, numbers))
        return root, gradients

    @cached_property
    def _array_code(self) -> CodeType:
        return _compiled(self.array_source)

    @cached_property
    def _exact_code(self) -> CodeType:
        """The code for arrays, with exact(…) around each float."""
        return _compiled(ast.unparse(_Exact().visit(ast.parse(self.array_source))))


def _compiled(source: str) -> CodeType:
    """Return the code of the one function in source."""
    filename = f"<unrolled {next(_serial_numbers)}>"
    program = compile(source, filename, "exec")
    code = next(constant for constant in program.co_consts if isinstance(constant, CodeType))
    # Debuggers and tracebacks ask linecache for the lines, for as long as the program lives.
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    weakref.finalize(code, linecache.cache.pop, filename, None).atexit = False
    return code


def _array_line(line: re.Match[str]) -> str:
    """Return an assignment in its form for arrays."""
    return f"    {ast.unparse(_ForArrays().visit(ast.parse(line[0].strip())))}"


class _ForArrays(ast.NodeTransformer):
    def visit_IfExp(self, node: ast.IfExp) -> ast.Call:
        branches = [self.visit(part) for part in (node.test, node.body, node.orelse)]
        return ast.Call(ast.Name("where"), branches, [])

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.Assign:
        sum_ = ast.BinOp(ast.Name(ast.unparse(node.target)), node.op, self.visit(node.value))
        return ast.Assign([node.target], sum_, lineno=node.lineno)


class _Exact(ast.NodeTransformer):
    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        return ast.Call(ast.Name("exact"), [node], []) if isinstance(node.value, float) else node
