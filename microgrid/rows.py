"""The rows of RULES as expressions, for formulas, programs and scripts to quote.

    row = row_of("/")
    row.operands            # ("x", "y")
    row.result              # x / y, as a syntax tree of Python's ast
    row.derivatives[1]      # -z / y, where z is the result

`row_of` refuses a row that uses anything but what value.py lists above RULES.
"""

import ast
import linecache
from collections.abc import Callable
from functools import cache
from types import CodeType
from typing import NamedTuple

from microgrid.functions import FUNCTIONS
from microgrid.value import RULES


class Row(NamedTuple):
    """A row of RULES, taken apart.

    operands        their names in the row; a single name where takes_any
    takes_any       whether the operation takes any number of operands
    result          the result in terms of the operands
    derivatives     ∂result/∂operand for each name, in terms of the operands and of the result z
    """

    operands: tuple[str, ...]
    takes_any: bool
    result: ast.expr
    derivatives: tuple[ast.expr, ...]

    def derivative(self, position: int) -> ast.expr:
        """Return the derivative by the operand at that position, from 0."""
        return self.derivatives[0 if self.takes_any else position]

    def operand(self, position: int) -> str:
        """Return the name of the operand at that position, from 0."""
        return self.operands[0 if self.takes_any else position]


def row_of(op: str) -> Row:
    """Return the row of an operation.

    Raises ValueError if RULES has none, if its source cannot be found (a prompt keeps none), or if it says
    something that a row may not say.

    >>> row = row_of("relu")
    >>> ast.unparse(row.result), ast.unparse(row.derivatives[0])
    ('0.0 if x <= 0.0 else x', 'BLOCKED if x <= 0.0 else 1.0')
    """
    if op not in RULES:
        raise ValueError(f"microgrid.value.RULES has no row for the operation {op!r}")
    try:
        return _row(RULES[op])
    except ValueError as error:
        raise ValueError(f"the row of {op!r} in RULES cannot be quoted: {error}") from None


@cache
def _row(rule: Callable[..., object]) -> Row:
    function = _source(rule.__code__, rule.__globals__)
    pair = function.body
    if not (isinstance(pair, ast.Tuple) and len(pair.elts) == 2):
        raise ValueError("a row is a pair, (result, (derivatives,))")
    result, slopes = pair.elts
    if isinstance(result, ast.NamedExpr) and result.target.id == "z":
        result = result.value
    variable = function.args.vararg
    operands = (variable.arg,) if variable else tuple(argument.arg for argument in function.args.args)
    if variable and isinstance(slopes, ast.BinOp) and ast.unparse(slopes.right) == f"len({variable.arg})":
        slopes = slopes.left  # (slope,) * len(x)
    if not isinstance(slopes, ast.Tuple) or len(slopes.elts) != len(operands):
        raise ValueError("it needs a derivative for each operand")
    for expression in (result, *slopes.elts):
        _check(expression, {*operands, "z"} if expression is not result else {*operands})
    return Row(operands, variable is not None, result, tuple(slopes.elts))


def _source(code: CodeType, module: dict[str, object]) -> ast.Lambda:
    """Return the lambda that was compiled to code; of several on a line, the one that compiles alike."""
    lines = linecache.getlines(code.co_filename, module)
    if not lines:
        raise ValueError("its source cannot be found: write the row in a file")
    lambdas = [
        node
        for node in ast.walk(ast.parse("".join(lines)))
        if isinstance(node, ast.Lambda) and node.lineno == code.co_firstlineno
    ]
    for function in lambdas:
        compiled = compile(ast.Expression(function), code.co_filename, "eval").co_consts[0]
        if len(lambdas) == 1 or all(
            getattr(compiled, part) == getattr(code, part)
            for part in ("co_code", "co_consts", "co_names", "co_varnames")
        ):
            return function
    raise ValueError("a row is a lambda, and its file has none there, or has changed")


_ALLOWED = (
    *(ast.BinOp, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow, ast.UnaryOp, ast.USub),
    *(ast.Compare, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.IfExp, ast.Load),
)


def _check(expression: ast.expr, known: set[str]) -> None:
    """Raise ValueError if an expression says something that a row may not say."""
    for node in ast.walk(expression):
        if not (
            isinstance(node, _ALLOWED)
            or (isinstance(node, ast.Constant) and type(node.value) is float)
            or (isinstance(node, ast.Name) and node.id in known | {"BLOCKED", "inf"} | FUNCTIONS.keys())
            or (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in FUNCTIONS)
        ):
            raise ValueError(f"a row may not say {ast.unparse(node) or ast.unparse(expression)}")
