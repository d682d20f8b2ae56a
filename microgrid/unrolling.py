"""The graph as a straight-line Python program: no loops, no engine, a line for each use of the chain rule.

    program = unroll(L, inputs=[x, w])
    print(program.source)                   # both passes, to read or to step through
    program(2.0, -3.0)                      # L and (∂L/∂x, ∂L/∂w) for any numbers, at the speed of floats
    program(Value(2.0), Value(-3.0))        # the same as Values: gradients with graphs of their own

Each line quotes the operation's row in RULES.
"""

import ast
import builtins
import copy
import itertools
import keyword
import os
import re
import string
import textwrap
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any, NamedTuple

from microgrid.arguments import Number, described, listed, one_line
from microgrid.functions import FUNCTIONS, as_value
from microgrid.names import Part, node_names, text
from microgrid.program import CONSTANTS, Unrolled
from microgrid.recorder import place_of
from microgrid.rows import Row, row_of
from microgrid.value import Value, topological_order

# a + b + c takes half the time of total([a, b, c]), but nobody reads a sum of a thousand terms.
LONGEST_SUM = 8


def unroll(
    root: Value, inputs: Iterable[Value], wrt: Iterable[Value] | None = None, *, max_nodes: int = 200_000
) -> Unrolled:
    """Return the program that computes root and its gradients from numbers for the inputs.

    inputs are leaves, in the order in which the program takes their numbers; all other leaves become
    constants. wrt are the nodes whose gradients the program returns, by default the inputs. The program
    gives the same numbers as recording the graph anew and calling backward, bit for bit, as long as Python's
    own branches (an if, a max) would go the same way.
    Raises TypeError if root, inputs or wrt are not Values; ValueError if an input is not a leaf or is given
    twice, if a node of wrt is neither under root nor an input, if there are more than max_nodes nodes or four
    times as many uses of operands, or if the row of an operation in RULES cannot be quoted.

    >>> x = Value(3.0, label="x")
    >>> unroll(x * x + x, inputs=[x])(5.0)
    (30.0, (11.0,))
    """
    order = topological_order(root)
    given = listed("inputs", inputs, Value)
    asked = given if wrt is None else listed("wrt", wrt, Value)
    uses = sum([len(node.operands) for node in order])
    if len(order) > max_nodes or uses > 4 * max_nodes:
        raise ValueError(
            f"the graph has {len(order):,} nodes and {uses:,} uses of operands, more than {max_nodes:,} and "
            f"{4 * max_nodes:,}: unroll a part that repeats, such as the graph of one sample, and call it "
            "for each, or raise max_nodes"
        )
    for node in given:
        if node.operands:
            raise ValueError(f"an input is a leaf, and {described(node)} was computed from others")
    if len(set(given)) < len(given):
        twice = next(node for node in given if given.count(node) > 1)
        raise ValueError(f"{described(twice)} is given twice among the inputs: once is enough")
    for node in set(asked).difference(order, given):
        raise ValueError(f"the root does not depend on {described(node)}, whose gradient wrt asks for")
    program = StraightLineProgram(node_names(root), given, asked)
    source = "".join(f"{text(statement.parts)}\n" for statement in program.statements())
    return Unrolled(source, program.parameters)


def grad(function: Callable[..., Value]) -> Callable[..., Any]:
    """Return a function for the derivatives of a function of Values by its inputs.

    It returns a Value for a single input, a tuple of Values for several. They are nodes of a graph whose
    leaves are the inputs, so they can be drawn, stepped through and differentiated again. function runs anew
    at each point, so its own branches (an if, a max) are right there.

    >>> grad(lambda x: x**3)(2.0).data, grad(grad(lambda x: x**3))(2.0).data
    (12.0, 12.0)
    """

    def derivative(*inputs: Value | Number) -> Value | tuple[Value, ...]:
        given = [as_value(x) for x in inputs]
        leaves = [Value(x.data, x.label) for x in given]
        _, gradients = unroll(as_value(function(*leaves)), leaves)(*given)
        return gradients[0] if len(gradients) == 1 else gradients

    return derivative


def hessian(function: Callable[..., Value]) -> Callable[..., tuple[tuple[Value, ...], ...]]:
    """Return a function for the second derivatives of a function of Values, a row for each input.

    >>> [[second.data for second in row] for row in hessian(lambda x, y: x * x * y)(1.0, 3.0)]
    [[6.0, 2.0], [2.0, 0.0]]
    """

    def derivatives(*inputs: Value | Number) -> tuple[tuple[Value, ...], ...]:
        def by(position: int) -> Callable[..., Value]:
            return lambda *leaves: _several(grad(function)(*leaves))[position]

        return tuple(_several(grad(by(position))(*inputs)) for position in range(len(inputs)))

    return derivatives


def _several(gradients: Value | tuple[Value, ...]) -> tuple[Value, ...]:
    return gradients if isinstance(gradients, tuple) else (gradients,)


# Writing the program


class Statement(NamedTuple):
    """Lines of a program that make a node, or perform the step to its operand at position, or neither."""

    parts: list[Part]
    node: Value | None = None
    position: int | None = None


class StraightLineProgram:
    """The statements of a program, and its names for each node and its gradient."""

    def __init__(self, names: dict[Value, str], inputs: list[Value], wrt: list[Value]) -> None:
        self.order = order = [*names]
        self.root = order[-1]
        self.inputs = inputs
        self.wrt = wrt
        given = set(inputs)
        constants = [node for node in order if not node.operands and node not in given]
        # A leaf without a label is written as its number wherever it is used.
        unnamed = {node: _literal(node.data) for node in constants if not node.label or node.op == "constant"}
        names = {node: node.label or "unused" for node in inputs} | names
        hidden = {node for node in unnamed if node.op == "constant"}.difference(wrt, [self.root])
        self.labels = {node: name for node, name in names.items() if node not in hidden}
        self.names, self.gradients = _identifiers(self.labels, self.root)
        self.names |= unnamed
        self.parameters = tuple(self.names[node] for node in inputs)
        self.constants = [
            f"{self.names[node]} = {float(node.data)!r}" for node in constants if node not in unnamed
        ]
        self.written = {
            node: _written(row_of(node.op), self.exponent(node, given)) for node in order if node.operands
        }

    def exponent(self, node: Value, given: set[Value]) -> float | None:
        """Return the node's exponent if that is a plain number, else None."""
        return node.operands[1].data if node.op == "**n" and node.operands[1] not in given else None

    def statements(self) -> Iterator[Statement]:
        """Yield the statements of the program, with an empty one between sections."""
        passes = [self.forward(), self.backward()]
        written = "\n".join(part.text for line in itertools.chain(*passes) for part in line.parts)
        called = {*re.findall(r"\w+(?=\()", written)}
        plain = [
            [Statement([Part(line)]) for line in lines] for lines in (self.docstring(called), self.constants)
        ]
        margin = Part(INDENT)
        parameters = [Part(self.names[node], "node") for node in self.inputs]
        yield Statement(_in_brackets([Part("def program(")], parameters, "):", ""))
        for number, statements in enumerate(filter(None, [*plain, *passes, [self.result()]])):
            if number:
                yield Statement([])
            for statement in statements:
                if statement.parts[0].text:
                    statement.parts.insert(0, margin)
                yield statement

    def docstring(self, called: set[str]) -> list[str]:
        """Return the lines that say what the program computes, and explain the functions that it calls."""
        root, *wrt = [_escaped(self.labels[node]) for node in [self.root, *self.wrt]]
        if len(wrt) > 6:
            wrt[2:-1] = ["…"]
        summary = f'"""Return {root}' + (f" and its gradients by {', '.join(wrt)}." if wrt else ".")
        notes = [
            f"{name}{bodies.note}" for name, bodies in FUNCTIONS.items() if name in called and bodies.note
        ]
        return [summary, "", *notes, '"""'] if notes else [summary + '"""']

    def forward(self) -> list[Statement]:
        """Return an assignment for each operation."""
        lines = []
        last = None
        for node, written in self.written.items():
            line = self.assignment(Part(self.names[node], "node"), "=", written.result, node)
            place = place_of(node)
            if place and (place.file, place.line) != last:
                last = place.file, place.line
                line.parts.append(Part(f"  # {one_line(os.path.basename(place.file))}:{place.line}"))
            lines.append(line)
        heading = Statement([Part("# Forward pass: a line for each operation.")])
        return [heading, *lines] if lines else []

    def backward(self) -> list[Statement]:
        """Return an assignment for each contribution that is needed, in the order of backward."""
        needed, contributions = self.contributions()
        lines = [Statement([Part(f"{self.gradients[self.root]} = 1.0")])] if self.root in needed else []
        begun = set()
        for node, position, template in contributions:
            operand = node.operands[position]
            target = Part(self.gradients[operand], "operand")
            lines.append(self.assignment(target, "+=" if operand in begun else "=", template, node, position))
            begun.add(operand)
        root = self.names[self.root]
        heading = f"# Backward pass, from {root} down: a line for each use of the chain rule."
        return [Statement([Part(heading)]), *lines] if lines else []

    def contributions(self) -> tuple[set[Value], list[tuple[Value, int, str]]]:
        """Return the nodes whose gradients are needed, and each contribution: node, position, template."""
        needed = set(self.wrt)
        contributions = []
        # Operands come before results, so each node finds out whether its operands are needed.
        for node, written in self.written.items():
            given = [
                (node, position, written.contribution(position))
                for position, operand in enumerate(node.operands)
                if operand in needed
            ]
            if any("{dz}" in template for _, _, template in given):
                needed.add(node)
            contributions.append(given)
        return needed, [contribution for given in reversed(contributions) for contribution in given]

    def result(self) -> Statement:
        """Return the line that returns the root and the gradients."""
        known = set(self.order)
        gradients = [Part(self.gradients[node] if node in known else "0.0") for node in self.wrt]
        after = ",)" if len(gradients) == 1 else ")"
        return Statement(_in_brackets([Part(f"return {self.names[self.root]}, (")], gradients, after))

    def assignment(
        self, target: Part, sign: str, template: str, node: Value, position: int | None = None
    ) -> Statement:
        """Return an assignment to the target, its template filled for a node and its operand at position."""
        row = row_of(node.op)
        operands = [self.names[operand] for operand in node.operands]
        names = {"z": self.names[node], "dz": self.gradients[node], **dict(zip(row.operands, operands))}
        roles, between = dict.fromkeys(row.operands, "operand"), ""
        if position is not None:
            names[row.operand(position)] = operands[position]
            roles, between = {"dz": "node"}, "local_grad"
        elif template == "total({x})":
            terms = [Part(name, "operand") for name in operands]
            if len(terms) > LONGEST_SUM:
                return Statement(_in_brackets([target, Part(" = total([")], terms, "])"), node)
            plus = [part for term in terms for part in (Part(" + "), term)]
            return Statement([target, Part(" = "), *plus[1:]], node)
        parts = [target, Part(f" {sign} ")]
        for literal, field in _fields(template, between):
            parts += literal, Part(names.get(field, ""), roles.get(field, between))
        return Statement(parts, node, position)


@cache
def _fields(template: str, role: str) -> list[tuple[Part, str]]:
    """Return the fields of a format string, each with the text before it, which has that role."""
    fields = string.Formatter().parse(template)
    return [(Part(literal, role), field or "") for literal, field, _, _ in fields]


class _Written(NamedTuple):
    """How an operation is written: its result, and what it gives to each operand, as format strings."""

    result: str
    contributions: tuple[str, ...]

    def contribution(self, position: int) -> str:
        return self.contributions[position % len(self.contributions)]


@cache
def _written(row: Row, exponent: float | None) -> _Written:
    """Return how an operation is written: as in its row, but simpler for a plain exponent."""
    if exponent is not None and exponent >= 0.0 and exponent.is_integer():
        n, less = _exponent(exponent), _exponent(exponent - 1.0)
        slope = {0.0: "0.0", 1.0: "{dz}", 2.0: "{dz} * (2.0 * {x})"}
        return _Written(
            f"{{x}} ** {n}", (slope.get(exponent, f"{{dz}} * ({exponent!r} * {{x}} ** {less})"), "0.0")
        )
    fields = {name: ast.Name(f"{{{name}}}") for name in (*row.operands, "z", "dz")}
    if exponent is not None:
        fields["n"] = ast.Name(repr(exponent))
    return _Written(
        _renamed(row.result, fields), tuple(_renamed(_times_dz(slope), fields) for slope in row.derivatives)
    )


def _times_dz(slope: ast.expr) -> ast.expr:
    """Return the product of the gradient dz and a derivative: dz for 1.0, -dz for -1.0, 0.0 for BLOCKED."""
    dz = ast.Name("dz")
    match slope:
        case ast.Constant(1.0):
            return dz
        case ast.UnaryOp(ast.USub(), ast.Constant(1.0)):
            return ast.UnaryOp(ast.USub(), dz)
        case ast.Name("BLOCKED"):
            return ast.Constant(0.0)
        case ast.IfExp(test, body, orelse):
            return ast.IfExp(test, _times_dz(body), _times_dz(orelse))
    return ast.BinOp(dz, ast.Mult(), slope)


def _renamed(expression: ast.expr, names: dict[str, ast.Name]) -> str:
    """Return an expression as text, with other names."""

    class Renaming(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.Name:
            return names.get(node.id, node)

    return ast.unparse(Renaming().visit(copy.deepcopy(expression)))


def _exponent(n: float) -> str:
    return repr(n).removesuffix(".0")


def _literal(number: float) -> str:
    """Return a number in a form that may be used anywhere in an expression."""
    text = repr(float(number))
    return f"({text})" if text.startswith("-") else text


def _identifiers(labels: dict[Value, str], root: Value) -> tuple[dict[Value, str], dict[Value, str]]:
    """Return unique identifiers for each node and for its gradient: B_1_2, dL_dB_1_2."""
    taken = {*keyword.kwlist, *dir(builtins), *FUNCTIONS, *CONSTANTS, "program", "where", "exact"}
    numbers: defaultdict[str, Iterator[int]] = defaultdict(lambda: itertools.count(2))

    def unique(identifier: str) -> str:
        name = identifier
        while name in taken:
            name = f"{identifier}_{next(numbers[identifier])}"
        taken.add(name)
        return name

    names = {node: unique(_identifier(label)) for node, label in labels.items()}
    return names, {node: unique(f"d{names[root]}_d{name}") for node, name in names.items()}


def _identifier(label: str) -> str:
    """Return an identifier that looks like a label.

    >>> [_identifier(label) for label in ("B[1,2]", "∂L/∂x", "1st", "x²")]
    ['B_1_2', 'L_x', '_1st', 'x2']
    """
    # Python normalizes identifiers, so two that differ here would be the same to it.
    normal = unicodedata.normalize("NFKC", label)
    parts = "".join(c if f"a{c}".isidentifier() else " " for c in normal).split()
    name = "_".join(parts)
    return name if name.isidentifier() else f"_{name}"


def _escaped(label: str) -> str:
    """Return a label in a form that may be used in a docstring."""
    return one_line(label).replace("\\", "\\\\").replace('"', '\\"')


INDENT = "    "
WIDTH = 92


def _in_brackets(before: list[Part], items: list[Part], after: str, margin: str = INDENT) -> list[Part]:
    """Return the items between brackets, on one line or, if they are too many, in a block of lines."""
    inside = ", ".join(item.text for item in items)
    if items and len(text(before)) + len(inside) + len(after) > WIDTH - len(INDENT):
        block = textwrap.fill(
            f"{inside},",
            WIDTH - len(INDENT) + len(margin),
            initial_indent=margin + INDENT,
            subsequent_indent=margin + INDENT,
            break_long_words=False,
            break_on_hyphens=False,
        )
        inside, after = f"\n{block}\n{margin}", after.removeprefix(",")
    start, *gaps = re.split(r"[^\s,]+", inside)
    parts = [part for item, gap in zip(items, gaps) for part in (item, Part(gap))]
    return [*before, Part(start), *parts, Part(after)]
