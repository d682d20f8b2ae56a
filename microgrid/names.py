"""How every view writes a graph: one name for each node, what made it, and its numbers.

Pictures, steps, debugger, page and unrolled program all ask here, so they agree. An expression is a list of
Parts, which a view joins or colours as it likes.
"""

import ast
import itertools
import math
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple
from weakref import WeakKeyDictionary

from microgrid.arguments import label_of, one_line
from microgrid.recorder import assigned_name, is_recorded, made_at, place_of, variables
from microgrid.rows import row_of
from microgrid.value import Value, topological_order


class Part(NamedTuple):
    """A text and its role in a step: node, operand, local_grad, or none."""

    text: str
    role: str = ""


def text(parts: Iterable[Part]) -> str:
    """Return parts as one text."""
    return "".join(part.text for part in parts)


_suggested: WeakKeyDictionary[Value, str] = WeakKeyDictionary()


def suggest(node: Value, name: str) -> None:
    """Give a node a name for the views to use where it has no label."""
    _suggested[node] = name


def called(nodes: Collection[Value], as_suggested: bool = False) -> dict[Value, str]:
    """Return each node's own name, which others may share; "" where nothing names it.

    It is the label; else, for what `recording` recorded, the variable that holds the node, or the one that
    its expression was assigned to; else the suggested name, which comes second if as_suggested. The name of a
    constant is its number.
    Raises TypeError if a label is not a string.
    """
    held = variables(nodes) if is_recorded(nodes) else {}
    names = {}
    for node in nodes:
        suggested = _suggested.get(node, "")
        name = label_of(node.label) or (as_suggested and suggested) or held.get(node, "")
        if node.op == "constant":
            name = short(node.data)
        elif not name:
            place = place_of(node) if held or is_recorded([node]) else None
            name = (assigned_name(place) if place else "") or suggested
        names[node] = name
    return names


def node_names(root: Value) -> dict[Value, str]:
    """Return a name for each node under root, in topological order.

    It is what the node is `called`. Several that are called h become h (1), h (2), … in the order in which
    they were made; nodes that nothing names become v1, v2, …. Only constants may share a name.
    Raises TypeError if root is not a Value, or if a label is not a string.

    >>> x = Value(2.0, label="x")
    >>> list(node_names(x * x + 1).values())
    ['x', 'v1', '1', 'v2']
    """
    order = topological_order(root)
    names = called(order)
    alike: dict[str, list[Value]] = {}
    for node, name in names.items():
        if node.op != "constant":
            alike.setdefault(name, []).append(node)
    taken = {*alike}
    for name, nodes in alike.items():
        if name and len(nodes) == 1:
            continue
        numbers = itertools.count(1)
        for node in sorted(nodes, key=made_at) if name else nodes:
            numbered = (f"{name} ({number})" if name else f"v{number}" for number in numbers)
            names[node] = next(candidate for candidate in numbered if candidate not in taken)
    return names


def short(number: float) -> str:
    """Return a number in four significant digits, with at least one decimal unless it is whole.

    A rounded number shows all four: 1 is exact, 1.000 is not. The notation is plain from 0.0001 to 999999.9.

    >>> [short(number) for number in (1.0, 0.99999, 714.0, 0.1 + 0.2, 2340.3, -2e-9, 1234567.8, math.inf)]
    ['1', '1.000', '714', '0.3000', '2340.3', '-2e-09', '1.235e+06', 'inf']
    """
    size = abs(number)
    if size < 1e6 and number.is_integer():
        return f"{number:.0f}" if number else "0"
    exact = f"{number:.4g}"
    if 999.95 <= size < 999_999.95:
        return f"{number:.1f}"
    if float(exact) == number or not math.isfinite(number):
        return exact
    return f"{number:#.4g}" if 1e-4 <= size < 1e3 else f"{number:.3e}"


# Expressions

_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


class Term(NamedTuple):
    """Part of an expression and its precedence: ATOM for a name, lower for a sum."""

    parts: list[Part]
    precedence: int


SUM, PRODUCT, POWER, ATOM = 1, 2, 3, 4


def expression(node: Value, names: Mapping[Value, str]) -> list[Part]:
    """Return how a node was made, in the names of its operands; for a leaf, its number.

    >>> x = Value(2.0, label="x")
    >>> y = 3 * x
    >>> text(expression(y, node_names(y)))
    '3 · x'
    """
    if not node.operands:
        return [Part(short(node.data))]
    return written(node.op, [named(operand, names[operand]) for operand in node.operands]).parts


def in_numbers(node: Value) -> list[Part]:
    """Return how a node was made, in the numbers of its operands.

    >>> x = Value(2.0, label="x")
    >>> text(in_numbers(3 * x))
    '3 · 2'
    """
    numbers = [
        number_term(short(operand.data), "" if operand.op == "constant" else "operand")
        for operand in node.operands
    ]
    return written(node.op, numbers).parts


def equation(node: Value, names: Mapping[Value, str]) -> str:
    """Return a node's name and how it was made on one line, `C[1,2] = relu(B[1,2])`."""
    return f"{one_line(names[node])} = {one_line(text(expression(node, names)))}"


def subscript(node: Value, position: int) -> str:
    """Return which of a node's uses of an operand this is, ₁, ₂, …; "" if there is only one.

    >>> x = Value(2.0)
    >>> subscript(x * x, 1), subscript(x * 3, 0)
    ('₂', '')
    """
    alike = [p for p, operand in enumerate(node.operands) if operand is node.operands[position]]
    return str(alike.index(position) + 1).translate(_SUBSCRIPTS) if len(alike) > 1 else ""


def named(node: Value, name: str) -> Term:
    """Return a node's name as a term of an expression."""
    return number_term(name) if node.op == "constant" else Term([Part(name, "operand")], ATOM)


def number_term(number: str, role: str = "") -> Term:
    """Return a number that `short` wrote as a term: a minus binds like a product."""
    return Term([Part(number, role)], PRODUCT if number.startswith("-") else ATOM)


def written(op: str, terms: Sequence[Term]) -> Term:
    """Return an operation on terms, with the brackets it needs; a long sum shows only its ends.

    >>> x, minus_one = Term([Part("x")], ATOM), Term([Part("-1")], PRODUCT)
    >>> [text(written(op, [x, minus_one]).parts) for op in ("+", "**")], text(written("tanh", [x]).parts)
    (['x + (-1)', 'x ** (-1)'], 'tanh(x)')
    """
    before, between, after, precedence, strict_from = _notation(op)
    if len(terms) > 5:
        terms = [*terms[:2], Term([Part("…")], ATOM), terms[-1]]
    parts = [Part(before)]
    for position, term in enumerate(terms):
        # a - b - c is (a - b) - c; a + b + c may be read either way.
        needed = precedence if position < strict_from else precedence + 1
        is_negative = term.parts[0].text.startswith("-") and term.precedence < ATOM
        if precedence < ATOM and (term.precedence < needed or (is_negative and (position or before))):
            term = Term([Part("("), *term.parts, Part(")")], ATOM)
        parts += [*([Part(between)] if position else []), *term.parts]
    return Term([part for part in [*parts, Part(after)] if part.text], precedence)


class _Notation(NamedTuple):
    before: str
    between: str
    after: str
    precedence: int
    strict_from: int = sys.maxsize  # from this operand on, terms of the same precedence need brackets


_INFIX = {
    ast.Add: _Notation("", " + ", "", SUM),
    ast.Sub: _Notation("", " - ", "", SUM, 1),
    ast.Mult: _Notation("", " · ", "", PRODUCT),
    ast.Div: _Notation("", " / ", "", PRODUCT, 1),
    ast.Pow: _Notation("", " ** ", "", POWER, 0),
    ast.USub: _Notation("-", "", "", PRODUCT),
}
_CALLS = {"power": _INFIX[ast.Pow], "total": _INFIX[ast.Add], "abs": _Notation("|", ", ", "|", ATOM)}


def _notation(op: str) -> _Notation:
    """Return how people write an operation: with an operator if its row's result is just that."""
    result = row_of(op).result
    match result:
        case ast.BinOp(ast.Name(), operator, ast.Name()) | ast.UnaryOp(operator, ast.Name()):
            return _INFIX[type(operator)]
        case ast.Call(ast.Name(function)) if function in _CALLS:
            return _CALLS[function]
    return _Notation(f"{op}(", ", ", ")", ATOM)
