"""Where the prompt stops, and the Python that it understands."""

import ast
import keyword
import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite, isnan
from types import CodeType

from microgrid.steps import Step
from microgrid.value import Value


class Mistake(Exception):
    """What was typed cannot be done; the text says why, in a line."""


@dataclass
class Breakpoint:
    """Where to stop: at contributions to nodes, or by line at steps through them; without nodes, at nan."""

    where: str
    nodes: dict[Value, None]
    condition: str = ""
    by_line: bool = False

    def is_at(self, step: Step) -> bool:
        """Return whether it stops at a step, if its condition is true."""
        if not self.nodes:
            return _makes_inf_or_nan(step)
        if self.by_line:  # A leaf gives nothing.
            return step.node in self.nodes or (step.operand in self.nodes and not step.operand.operands)
        return step.operand in self.nodes


def _makes_inf_or_nan(step: Step) -> bool:
    """Return whether a step makes inf of finite numbers, or nan of numbers that are not nan."""
    if isnan(step.after):
        return not (isnan(step.node_grad) or isnan(step.before))
    return not isfinite(step.after) and isfinite(step.node_grad) and isfinite(step.before)


def parsed(expression: str, nodes: Mapping[str, Value]) -> tuple[CodeType, dict[str, object]]:
    """Return the code of a Python expression, and the values of the names that stand for nodes in it.

    In `W1[1,2].grad * 2` the node W1[1,2] stands by name; of several such names the longest counts. Raises
    SyntaxError if it is not an expression.
    """
    names = [name for name in nodes if name in expression and not _is_plain(name)]
    if expression in nodes:
        names = [expression]
    names.sort(key=len, reverse=True)
    stand_ins = {name: f"__node_{number}" for number, name in enumerate(names)}
    # What stands in quotation marks stays.
    pattern = "|".join([r"'[^']*'", r'"[^"]*"', *map(_as_word, names)])
    code = re.sub(pattern, lambda found: stand_ins.get(found[0], found[0]), expression)
    tree = ast.parse(code.strip(), "<prompt>", "eval")
    variables = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    values: dict[str, object] = {name: nodes[name] for name in variables.intersection(nodes)}
    values |= {stand_in: nodes[name] for name, stand_in in stand_ins.items()}
    return compile(tree, "<prompt>", "eval"), values


def _is_plain(name: str) -> bool:
    """Return whether Python reads a name as one, as a variable, or as a number."""
    return (name.isidentifier() and not keyword.iskeyword(name)) or bool(re.fullmatch(r"[\d.]+", name))


def _as_word(name: str) -> str:
    """Return a pattern for a name that is not part of a longer one."""
    before = r"(?<![\w.])" if re.match(r"\w", name) else ""
    after = r"(?!\w)" if re.search(r"\w$", name) else ""
    return f"{before}{re.escape(name)}{after}"


def raised(error: BaseException) -> str:
    """Return an exception as pdb shows it."""
    reason = error.msg if isinstance(error, SyntaxError) else str(error)
    return f"*** {type(error).__name__}: {reason}" if reason else f"*** {type(error).__name__}"
