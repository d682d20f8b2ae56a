"""What the page's script needs from Python: the rows of RULES in JavaScript, a graph and its Steps as data.

    rules_source(["+", "tanh"])                 # const RULES = {…}, which passes.js evaluates
    passes_data(names, backward_steps(root))    # {"nodes": […], "steps": […]}, which passes.js reads

No derivative is written for the page: its rules are translated from the syntax trees of the rows.
"""

import ast
import json
import math
import re
from collections.abc import Iterable, Mapping

from microgrid.arguments import one_line
from microgrid.functions import JAVASCRIPT
from microgrid.names import number_term, written
from microgrid.rows import row_of
from microgrid.steps import Step
from microgrid.value import BLOCKED, Value

_PRELUDE = """\
"use strict";

const BLOCKED = null;

/** What Python raises where an operation has no result. */
class Raised {
  /** @param {string} kind */
  constructor(kind) {
    this.kind = kind;
  }
}
"""


def rules_source(ops: Iterable[str]) -> str:
    """Return JavaScript that defines RULES, a function for each operation that returns [z, local gradients].

    Where Python would raise, it throws Raised. A local gradient may be BLOCKED, which is null.
    Raises ValueError if the row of an operation cannot be quoted.

    >>> print(rules_source(["/"]).splitlines()[-5])
        const z = quotient(x0, x1);
    """
    rules = "".join(_rule(op) for op in sorted({*ops}))
    bodies = "".join(
        f"  /** @type {{(...x: number[]) => any}} */\n  const {name} = {JAVASCRIPT[name]};\n"
        for name in _called(rules)
    )
    return (
        f"{_PRELUDE}\n"
        "/** @type {Record<string, (...x: number[]) => [number, (number | null)[]]>} */\n"
        "const RULES = (() => {\n"
        "  /** @param {string} kind @returns {never} */\n"
        "  function raise(kind) {\n    throw new Raised(kind);\n  }\n"
        f"{bodies}"
        f"  return {{\n{rules}  }};\n"
        "})();\n"
    )


def _rule(op: str) -> str:
    """Return the row of an operation as an entry of RULES."""
    row = row_of(op)
    # A Python identifier may be a reserved word in JavaScript.
    operands = [f"x{position}" for position in range(len(row.operands))]
    if row.takes_any:
        operands = ["...x0"]
    names = {"inf": "Infinity", **dict(zip(row.operands, operands))}
    slopes = ", ".join(_script(slope, names) for slope in row.derivatives)
    slopes = f"x0.map(() => {slopes})" if row.takes_any else f"[{slopes}]"
    key = json.dumps(op).replace("<", "\\u003c")
    return (
        f"    {key}: ({', '.join(operands)}) => {{\n"
        f"      const z = {_script(row.result, names)};\n"
        f"      return [z, {slopes}];\n"
        "    },\n"
    )


_OPERATORS: dict[type[ast.AST], str] = {
    **{ast.Add: "+", ast.Sub: "-", ast.Mult: "*"},
    **{ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="},
}
_FUNCTIONS: dict[type[ast.AST], str] = {ast.Div: "quotient", ast.Pow: "power"}


def _script(expression: ast.expr, names: Mapping[str, str]) -> str:
    """Return an expression of a row in JavaScript, with these names for its own."""

    def script(node: ast.expr) -> str:
        match node:
            case ast.Constant(number):
                return json.dumps(number)
            case ast.Name(name):
                return names.get(name, name)
            case ast.UnaryOp(_, operand):
                return f"-{term(operand)}"
            case ast.BinOp(left, operator, right) if function := _FUNCTIONS.get(type(operator)):
                return f"{function}({script(left)}, {script(right)})"
            case ast.BinOp(left, operator, right):
                return f"{term(left)} {_OPERATORS[type(operator)]} {term(right)}"
            case ast.Compare(left, operators, rights):
                # x < y < z is two comparisons.
                pairs = zip([left, *rights], operators, rights)
                return " && ".join(f"{term(x)} {_OPERATORS[type(by)]} {term(y)}" for x, by, y in pairs)
            case ast.IfExp(test, body, orelse):
                return f"{term(test)} ? {term(body)} : {term(orelse)}"
            case ast.Call(ast.Name(function), arguments):
                return f"{function}({', '.join(map(script, arguments))})"
        raise AssertionError(f"a row may not say {ast.unparse(node)}")

    def term(node: ast.expr) -> str:
        stands_alone = isinstance(node, ast.Constant | ast.Name | ast.Call)
        return script(node) if stands_alone else f"({script(node)})"

    return script(expression)


def _called(source: str) -> list[str]:
    """Return which functions of JAVASCRIPT a text calls, directly or through others."""
    called: set[str] = set()
    texts = [source]
    while texts:
        names = {*re.findall(r"\b(\w+)\(", texts.pop())} & JAVASCRIPT.keys() - called
        called |= names
        texts.extend(JAVASCRIPT[name] for name in names)
    return [name for name in JAVASCRIPT if name in called]


def passes_data(names: Mapping[Value, str], steps: Iterable[Step]) -> dict[str, list[dict[str, object]]]:
    """Return a graph and its Steps in the form that passes.js reads, to be written as JSON.

    names are the names of the nodes under the root, in topological order, steps those of `backward_steps`.
    """
    index = {node: number for number, node in enumerate(names)}
    return {
        "nodes": [
            {
                "name": one_line(name),
                "op": node.op,
                "operands": [index[operand] for operand in node.operands],
                "data": _number(node.data),
                "local_grads": [_number(local_grad) for local_grad in node.local_grads],
                "made": _template(node),
                "constant": node.op == "constant",
            }
            for node, name in names.items()
        ],
        "steps": [
            {
                "node": index[step.node],
                "operand": index[step.operand],
                "position": step.position,
                "subscript": step.subscript(),
                "held": step.held(),
            }
            for step in steps
        ],
    }


def _number(number: float) -> float | str | None:
    """Return a number for JSON: nan and inf as texts that JavaScript reads as numbers."""
    if isinstance(number, type(BLOCKED)):  # BLOCKED itself or a copy
        return None
    if math.isfinite(number):
        return number
    return "NaN" if math.isnan(number) else "Infinity" if number > 0.0 else "-Infinity"


def _template(node: Value) -> list[str | tuple[int, bool]]:
    """Return how a node is written: texts, and operands as (position, whether a minus needs brackets)."""
    if not node.operands:
        return []
    markers = [number_term(f"-{position}", "operand") for position in range(len(node.operands))]
    parts = iter(written(node.op, markers).parts)
    template: list[str | tuple[int, bool]] = []
    for text, role in parts:
        if role:
            template.append((int(text[1:]), False))
        elif text == "(":
            template.append((int(next(parts).text[1:]), True))
            next(parts)
        else:
            template.append(one_line(text))
    return template
