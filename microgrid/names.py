"""How every window writes a graph: one name for each node, what made it, and its numbers.

Pictures, steps, debugger, page and unrolled program all ask here, so that they tell the same story.
"""

import math
from collections import Counter

from microgrid.value import Value, _no_label, topological_order


def node_names(root: Value) -> dict[Value, str]:
    """Return a name for each node under root, no two alike, in topological order.

    A node's name is its label; one that has no label, or shares it, is called v1, v2, … in that order.
    Raises TypeError where root is no Value, or a label no string.

    >>> x = Value(2.0, label="x")
    >>> list(node_names(x * x + 1).values())
    ['x', 'v1', 'v2', 'v3']
    """
    order = topological_order(root)
    for node in order:
        if not isinstance(node.label, str):
            raise _no_label(node.label)
    bearers = Counter(node.label for node in order)
    names = {}
    number = 0
    for node in order:
        name = node.label
        if not name or bearers[name] > 1:
            number += 1
            while f"v{number}" in bearers:
                number += 1
            name = f"v{number}"
        names[node] = name
    return names


def expression(node: Value, names: dict[Value, str]) -> str:
    """Return how a node was made, in the names of its operands; its number for a leaf.

    >>> x = Value(2.0, label="x")
    >>> y = x * x
    >>> expression(y, node_names(y))
    'x · x'
    """
    if not node.operands:
        return short(node.data)
    operands = [names[operand] for operand in node.operands]
    if node.op == "sum":
        shown = operands if len(operands) <= 5 else [*operands[:2], "…", operands[-1]]
        return " + ".join(shown)
    if node.op == "neg":
        return f"-{operands[0]}"
    if node.op == "abs":
        return f"|{operands[0]}|"
    if node.op.isidentifier():
        return f"{node.op}({', '.join(operands)})"
    if node.op.startswith("**") and len(operands) == 1:
        return f"{operands[0]} ** {node.op[2:]}"
    return f" {'·' if node.op == '*' else node.op} ".join(operands)


def short(number: float) -> str:
    """Return a number in four significant digits; a rounded one shows all four: 1 is exact, 1.000 is not.

    Whole numbers of up to six digits are shown in full.

    >>> [short(number) for number in (1.0, 0.99999, 714.0, 0.1 + 0.2, 1234.5, -2e-9, math.inf)]
    ['1', '1.000', '714', '0.3000', '1.234e+03', '-2e-09', 'inf']
    """
    if number == 0.0:
        return "0"
    text = f"{number:.6g}" if number.is_integer() else f"{number:.4g}"
    if float(text) == number or not math.isfinite(number):
        return text
    text = f"{number:#.4g}"
    return f"{number:.3e}" if text.endswith(".") else text


def one_line(text: str) -> str:
    """Return a text as the terminal may show it: line ends and other control characters escaped."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
