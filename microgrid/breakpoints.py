"""Where the debugger stops, and the Python expressions that it understands."""

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
    """A command that cannot be obeyed; its text is one line that says why."""


@dataclass
class Breakpoint:
    """Where to stop: at contributions to the nodes or, if by_line, at steps through them; at nan if none."""

    where: str
    nodes: dict[Value, None]
    condition: str = ""
    by_line: bool = False

    def is_at(self, step: Step) -> bool:
        """Return whether it stops at a step, its condition aside."""
        if not self.nodes:
            return _makes_inf_or_nan(step)
        if self.by_line:  # A leaf never gives, so it stops where the leaf receives.
            return step.node in self.nodes or (step.operand in self.nodes and not step.operand.operands)
        return step.operand in self.nodes


def _makes_inf_or_nan(step: Step) -> bool:
    """Return whether a step makes inf from finite numbers, or nan from numbers that are not nan."""
    if isnan(step.after):
        return not (isnan(step.node_grad) or isnan(step.before))
    return not isfinite(step.after) and isfinite(step.node_grad) and isfinite(step.before)


def parsed(expression: str, nodes: Mapping[str, Value]) -> tuple[CodeType, dict[str, object]]:
    """Return the code of a Python expression in which nodes are used by name, and the values of those names.

    `W1[1,2].grad * 2` uses the node W1[1,2]; where several names fit, the longest counts. Raises SyntaxError
    if it is not an expression.
    """
    names = [name for name in nodes if name in expression and not _is_plain(name)]
    if expression in nodes:
        names = [expression]
    names.sort(key=len, reverse=True)
    stand_ins = {name: f"__node_{number}" for number, name in enumerate(names)}
    # Strings stay as they are.
    pattern = "|".join([r"'[^']*'", r'"[^"]*"', *map(_pattern, names)])
    code = re.sub(pattern, lambda found: stand_ins.get(found[0], found[0]), expression)
    tree = ast.parse(code.strip(), "<prompt>", "eval")
    variables = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    values: dict[str, object] = {name: nodes[name] for name in variables.intersection(nodes)}
    values |= {stand_in: nodes[name] for name, stand_in in stand_ins.items()}
    return compile(tree, "<prompt>", "eval"), values


def _is_plain(name: str) -> bool:
    """Return whether Python reads a name as a single variable or number."""
    return (name.isidentifier() and not keyword.iskeyword(name)) or bool(re.fullmatch(r"[\d.]+", name))


def _pattern(name: str) -> str:
    """Return a pattern for a name that is not part of a longer one."""
    before = r"(?<![\w.])" if re.match(r"\w", name) else ""
    after = r"(?!\w)" if re.search(r"\w$", name) else ""
    return f"{before}{re.escape(name)}{after}"


def raised(error: BaseException) -> str:
    """Return an exception as pdb shows it."""
    reason = error.msg if isinstance(error, SyntaxError) else str(error)
    return f"*** {type(error).__name__}: {reason}" if reason else f"*** {type(error).__name__}"
