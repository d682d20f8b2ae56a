"""The lines of a program, and which parts of them belong to each node and each step.

    listing = straight_line_program(node_names(y))
    listing.lines[4].text       # "    y = x * w"
    listing.marks[y, None]      # how y was made: Mark("node", 4, 4, 5), Mark("operand", 4, 8, 9), …
    listing.marks[y, 0]         # the step from y to its operand at position 0, x

`recorded_program` lists the lines of the user's own program that made the nodes.
"""

import ast
import itertools
import linecache
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from microgrid.arguments import one_line
from microgrid.names import text
from microgrid.recorder import Place, characters, place_of
from microgrid.unrolling import StraightLineProgram
from microgrid.value import Value

AROUND = 3  # lines that are listed above and below each place
LONGEST_GAP = 5  # a gap of up to so many lines is filled


class Mark(NamedTuple):
    """Part of a line, and its role in a step: node, operand or local_grad.

    line            its index in the listing's lines
    start, end      in characters of the line's text
    """

    role: str
    line: int
    start: int
    end: int


class Line(NamedTuple):
    """A line of a program: its number, from 1, and its text, control characters escaped."""

    number: int
    text: str


Marks = dict[tuple[Value, int | None], tuple[Mark, ...]]


@dataclass(frozen=True)
class Listing:
    """Lines of a program.

    marks[node, None] is how the node was made, marks[node, position] the step from the node to its operand at
    that position; both are missing where the lines do not show them.
    """

    title: str
    lines: tuple[Line, ...]
    marks: Marks


def recorded_program(nodes: Iterable[Value]) -> list[Listing]:
    """Return the lines of the program that made the nodes, with a few around them: a listing for each file.

    A step is marked as the node's expression and, inside it, the operand's, unless that cannot be told, as in
    `model(x)`. A file is left out if it cannot be found or has changed.
    """
    places: dict[str, dict[Value, Place]] = {}
    for node in nodes:
        place = place_of(node) if node.op != "constant" else None
        if place:
            places.setdefault(place.file, {})[node] = place
    listings = (_Source(file).listing(there) for file, there in places.items())
    return [listing for listing in listings if listing.marks]


def straight_line_program(names: dict[Value, str]) -> Listing:
    """Return the program that `unroll` writes if all leaves but constants are its inputs.

    names are the names of the nodes under the root, in topological order.
    Raises ValueError if the row of an operation in RULES cannot be quoted.
    """
    inputs = [node for node in names if not node.operands and node.op != "constant"]
    parameters = iter(inputs)
    lines: list[str] = []
    marks: Marks = {}
    for parts, node, position in StraightLineProgram(names, inputs, inputs).statements():
        lines.append("")
        for role, alike in itertools.groupby(parts, lambda part: part.role):
            for count, span in enumerate(text(alike).split("\n")):
                if count:
                    lines.append("")
                marked = span.strip(" *")  # The sign of a product belongs to neither factor.
                if role and marked:
                    start = len(lines[-1]) + span.index(marked)
                    key = (node or next(parameters), position)
                    mark = Mark(role, len(lines) - 1, start, start + len(marked))
                    marks[key] = (*marks.get(key, ()), mark)
                lines[-1] += span
    numbered = tuple(Line(number, line) for number, line in enumerate(lines, 1))
    return Listing("straight-line program", numbered, marks)


# The recorded program

_Extent = tuple[int, int, int, int]  # first and last line, from 1; begin and end there, in characters
_OPERATORS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "**"}


class _Source:
    """A file of the program, and the expressions in it."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.lines = "".join(linecache.getlines(file)).removesuffix("\n").split("\n")
        try:
            tree = ast.parse("\n".join(self.lines))
        except (SyntaxError, ValueError, RecursionError, MemoryError):  # The file has changed.
            tree = ast.Module([], [])
        self.expressions: dict[_Extent, ast.expr | ast.AugAssign] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.expr | ast.AugAssign):
                self.expressions[self.extent(node)] = node
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                # Where a method call spans several lines, Python records that it begins at the method's name.
                _, line, _, end_of_name = self.extent(node.func)
                _, end_line, _, end = self.extent(node)
                start = end_of_name - len(node.func.attr)
                self.expressions.setdefault((line, end_line, start, end), node)

    def extent(self, node: ast.expr | ast.AugAssign) -> _Extent:
        """Return where an expression is."""
        end_line, end = node.end_lineno or 0, node.end_col_offset or 0
        first, last = self.lines[node.lineno - 1], self.lines[end_line - 1]
        return node.lineno, end_line, characters(first, node.col_offset), characters(last, end)

    def listing(self, places: dict[Value, Place]) -> Listing:
        """Return the lines around the places where nodes were made."""
        marks: Marks = {}
        for node, place in places.items():
            marks |= self.marks(node, place)
        listed: list[int] = []
        for line in sorted({mark.line for there in marks.values() for mark in there}):
            first = max(line - AROUND, 0)
            if listed and first <= listed[-1] + 1 + LONGEST_GAP:
                first = listed[-1] + 1
            listed += range(first, min(line + AROUND + 1, len(self.lines)))
        index = {line: position for position, line in enumerate(listed)}
        for key, there in marks.items():
            marks[key] = tuple(Mark(role, index[line], start, end) for role, line, start, end in there)
        lines = tuple(Line(line + 1, _shown(self.lines[line])) for line in listed)
        return Listing(one_line(os.path.basename(self.file)), lines, marks)

    def marks(self, node: Value, place: Place) -> Marks:
        """Return the marks of a node and of its steps; their lines are indices into those of the file."""
        expression = self.expressions.get((place.line, place.end_line, place.column, place.end_column))
        operands: Sequence[ast.expr] = []
        if expression:
            made = [*self.spread("node", self.extent(expression))]
            operands = _operands(expression, node)
        elif place.column < 0 and place.source:
            made = [*self.spread("node", (place.line, place.line, 0, len(place.source)))]
        else:
            return {}
        marks: Marks = {(node, None): tuple(made)}
        for position in range(len(node.operands)):
            inside = self.spread("operand", self.extent(operands[position])) if operands else ()
            marks[node, position] = (*made, *inside)
        return marks

    def spread(self, role: str, extent: _Extent) -> Iterator[Mark]:
        """Yield a mark for each line, without the white space around it."""
        first, last, start, end = extent
        for number in range(first, last + 1):
            line = self.lines[number - 1][: end if number == last else None]
            before = line[: start if number == first else 0]
            inside = line[len(before) :].lstrip()
            if inside:
                before = line[: len(line) - len(inside)]
                yield Mark(role, number - 1, len(_shown(before)), len(_shown(line.rstrip())))


def _operands(expression: ast.expr | ast.AugAssign, node: Value) -> Sequence[ast.expr]:
    """Return the operands in an expression; none if the expression is not the node's operation as written."""
    found: Sequence[ast.expr] = []
    match expression:
        case ast.BinOp(left, operator, right) | ast.AugAssign(left, operator, right):
            if _OPERATORS.get(type(operator)) == node.op.rstrip("n"):
                found = [left, right]
        case ast.UnaryOp(ast.USub(), operand) if node.op == "neg":
            found = [operand]
        case ast.Call(ast.Attribute(operand, function), [], []) if function == node.op:
            found = [operand]
        case ast.Call(ast.Attribute(_, function), [ast.List(terms) | ast.Tuple(terms)]) if (
            function == node.op
        ):
            found = terms
        case ast.Call(ast.Attribute(_, function) | ast.Name(function), terms) if function == node.op:
            found = terms
    is_plain = not any(isinstance(operand, ast.Starred) for operand in found)
    return found if is_plain and len(found) == len(node.operands) else []


def _shown(line: str) -> str:
    """Return a line of a program, or the beginning of one, so that it is safe to show."""
    return one_line(line.replace("\t", "    "))
