"""The functions that a row of RULES may call, with a body for each kind of number.

FUNCTIONS["power"]          # for floats and for Values, with a note for a program's docstring
of_arrays(namespace, ...)   # for arrays, with where(condition, a, b) for conditionals
of_symbols()                # for SymPy's symbols
of_fractions()              # for fractions, which most functions refuse
MACHINE                     # for a compiler: floats again, but nan and inf where Python would raise
JAVASCRIPT                  # for a browser: source text, which throws what Python would raise
"""

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import reduce
from operator import add
from typing import Any, NamedTuple

from microgrid import value
from microgrid.arguments import Number
from microgrid.value import BLOCKED, Value, power, slope_by_base, slope_by_exponent, total

Body = Callable[..., Any]
ELEMENTARY = ("exp", "log", "sqrt", "sin", "cos", "tanh")  # every library has them under these names


class Bodies(NamedTuple):
    """A function for floats and for Values; note explains it in the docstring of a program that calls it."""

    of_floats: Callable[..., float]
    of_values: Callable[..., Value]
    note: str = ""


def as_value(number: Value | Number) -> Value:
    """Return a number as a leaf, a Value as it is."""
    return number if isinstance(number, Value) else Value(number)


def _slope_by_base(x: Value | float, n: Value | float) -> Value:
    x, n = as_value(x), as_value(n)
    if n.data == 0.0:
        try:
            slope = n * x ** (n - 1.0)
        except (ZeroDivisionError, OverflowError):
            # 1.0 stands in for a power that does not exist; only the derivative by n matters.
            slope = n * 1.0
        slope.data = BLOCKED
        return slope
    try:
        return n * x ** (n - 1.0)
    except (ZeroDivisionError, OverflowError):
        return n * (x**n / x) if x.data else math.inf - x**n


def _slope_by_exponent(x: Value | float, n: Value | float) -> Value:
    x, n = as_value(x), as_value(n)
    if x.data > 0.0:
        return x**n * x.log()
    return Value(slope_by_exponent(x.data, n.data))


FUNCTIONS = {
    "abs": Bodies(abs, abs),
    "exp": Bodies(math.exp, lambda x: as_value(x).exp()),
    "log": Bodies(math.log, lambda x: as_value(x).log()),
    "sqrt": Bodies(math.sqrt, lambda x: as_value(x).sqrt()),
    "sin": Bodies(value.sin, lambda x: as_value(x).sin()),
    "cos": Bodies(value.cos, lambda x: as_value(x).cos()),
    "tanh": Bodies(math.tanh, lambda x: as_value(x).tanh()),
    "sigmoid": Bodies(value.sigmoid, lambda x: as_value(x).sigmoid(), "(x) is 1 / (1 + exp(-x))."),
    "total": Bodies(total, Value.sum, "([x, ...]) is the sum from left to right."),
    "power": Bodies(power, lambda x, n: as_value(x) ** n, "(x, n) is x ** n."),
    "slope_by_base": Bodies(
        slope_by_base, _slope_by_base, "(x, n) is the derivative of x ** n by x, n * x ** (n - 1)."
    ),
    "slope_by_exponent": Bodies(
        slope_by_exponent,
        _slope_by_exponent,
        "(x, n) is the derivative of x ** n by n, x ** n * log(x).",
    ),
}


def of_arrays(xp: Any, asarray: Callable[[Any], Any]) -> dict[str, Body]:
    """Return the bodies for arrays: xp is their array API namespace, asarray converts a number to one."""

    def where(condition: Any, a: Any, b: Any) -> Any:
        truths = xp.asarray(condition) if isinstance(condition, bool) else condition
        return xp.where(truths, asarray(a), asarray(b))

    def sigmoid(x: Any) -> Any:
        return 1.0 / (1.0 + xp.exp(-asarray(x)))

    def power(x: Any, n: Any) -> Any:
        return asarray(x) ** asarray(n)

    def slope_by_base(x: Any, n: Any) -> Any:
        n = asarray(n)
        return where(n == 0.0, 0.0, n * power(x, n - 1.0))

    def slope_by_exponent(x: Any, n: Any) -> Any:
        x, n = asarray(x), asarray(n)
        at_0 = where(n >= 0.0, 0.0, power(x, n) * -math.inf)
        return where(x > 0.0, power(x, n) * xp.log(x), where(x == 0.0, at_0, math.nan))

    def lifted(function: Body) -> Body:
        return lambda x: function(asarray(x))

    return {
        **{name: lifted(getattr(xp, name)) for name in ("abs", *ELEMENTARY)},
        "where": where,
        "sigmoid": sigmoid,
        "total": _added,
        "power": power,
        "slope_by_base": slope_by_base,
        "slope_by_exponent": slope_by_exponent,
    }


def of_symbols() -> dict[str, Body]:
    """Return the bodies for SymPy's symbols; raises ImportError without SymPy."""
    import sympy

    def where(condition: Any, a: Any, b: Any) -> Any:
        rest = b.args if isinstance(b, sympy.Piecewise) else [(b, True)]
        return sympy.Piecewise((a, condition), *rest)

    return {
        **{name: getattr(sympy, name) for name in ELEMENTARY},
        "abs": lambda x: where(x > 0, x, where(x < 0, -x, sympy.Integer(0))),
        "where": where,
        "sigmoid": lambda x: 1 / (1 + sympy.exp(-x)),
        "total": _added,
        "power": lambda x, n: x**n,
        "slope_by_base": lambda x, n: n * x ** (n - 1),
        "slope_by_exponent": lambda x, n: x**n * sympy.log(x),
    }


def of_fractions() -> dict[str, Body]:
    """Return the bodies for fractions; those whose result is not a fraction raise TypeError."""

    def refused(name: str) -> Body:
        def refuse(*operands: object) -> Fraction:
            raise TypeError(f"{name} of a fraction is not a fraction: call the program with floats")

        return refuse

    return {name: refused(name) for name in FUNCTIONS} | {
        "abs": abs,
        "total": _added,
        "where": lambda condition, a, b: a if condition else b,
    }


def _added(terms: Sequence[Any]) -> Any:
    return reduce(add, terms)


def _sigmoid(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x))


def _power(x: float, n: float) -> float:
    return x**n  # type: ignore[no-any-return]


def _slope(x: float, n: float) -> float:
    return 0.0 if n == 0.0 else n * x ** (n - 1.0)


# Compiled code cannot catch Python's exceptions; a compiler's own functions give nan and inf instead.
MACHINE: dict[str, Body] = {
    **{name: getattr(math, name) for name in ELEMENTARY},
    "abs": abs,
    "sigmoid": _sigmoid,
    "total": total,
    "power": _power,
    "slope_by_base": _slope,
}


# A browser's functions give nan and inf too, so each text tests what Python's functions test.
# quotient is `/` and power is `**`; inRange is what exp and power share.
JAVASCRIPT = {
    "inRange": """(z, x, n = 0) =>
    Math.abs(z) === Infinity && Number.isFinite(x) && Number.isFinite(n) ? raise("OverflowError") : z""",
    "quotient": """(x, y) => (y === 0 ? raise("ZeroDivisionError") : x / y)""",
    "abs": "Math.abs",
    "exp": "(x) => inRange(Math.exp(x), x)",
    "log": """(x) => (x <= 0 ? raise("ValueError") : Math.log(x))""",
    "sqrt": """(x) => (x < 0 ? raise("ValueError") : Math.sqrt(x))""",
    "sin": "Math.sin",
    "cos": "Math.cos",
    "tanh": "Math.tanh",
    "sigmoid": "(x) => 1 / (1 + Math.exp(-x))",
    "total": "(...numbers) => numbers.reduce((sum, number) => sum + number, 0)",
    # In Python 1 ** nan and (-1) ** inf are 1, and a negative number to a fractional power is complex or too
    # large.
    "power": """(x, n) => {
    if (x === 1 || (x === -1 && Math.abs(n) === Infinity)) return 1;
    if (x === 0 && n < 0 && n > -Infinity) raise("ZeroDivisionError");
    const z = inRange(Math.pow(x, n), x, n);
    if (!Number.isNaN(z) || Number.isNaN(n) || !(x < 0)) return z;
    inRange(Math.pow(-x, n), x, n);
    raise("ValueError");
  }""",
    "slope_by_base": """(x, n) => {
    if (n === 0) return BLOCKED;
    try {
      return n * power(x, n - 1);
    } catch {
      return x === 0 ? Infinity : n * (power(x, n) / x);
    }
  }""",
    "slope_by_exponent": """(x, n) => {
    if (!(x >= 0)) return NaN;
    return x > 0 ? power(x, n) * Math.log(x) : n >= 0 ? 0 : power(x, n) * -Infinity;
  }""",
}
