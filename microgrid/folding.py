"""What a drawing shows: boxes and arrows, one box for each node or for many.

unfolded(node_names(root))      # a box for each node, an arrow for each use of an operand
folded(node_names(root))        # one box B for all nodes that are called B[1,1], B[1,2], …
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from microgrid.names import ATOM, Part, Term, called, expression, number_term, short, text, written
from microgrid.value import Value

Use = tuple[Value, int]  # a node, and the position of one of its operands


@dataclass(eq=False)
class Box:
    """One box of a drawing.

    name        the name of its node, or what the names of its nodes begin with
    nodes       the nodes it shows
    absorbed    the nodes that only its formula shows
    arrows      the incoming arrows
    made        how its nodes were made, to follow the name
    """

    name: str
    nodes: list[Value] = field(default_factory=list)
    absorbed: list[Value] = field(default_factory=list)
    arrows: list["Arrow"] = field(default_factory=list)
    made: list[Part] = field(default_factory=list)


@dataclass(eq=False)
class Arrow:
    """An arrow from the box of an operand to the box that uses it, once or several times.

    number is the operand's position or, in a folded drawing, a count from 0.
    """

    operand: Box
    number: int
    uses: list[Use]

    def local_grads(self) -> list[float]:
        """Return the local gradient of each use."""
        return [node.local_grads[position] for node, position in self.uses]

    def contributions(self, grads: Mapping[Value, float]) -> list[float]:
        """Return what each use adds to the gradient of its operand."""
        return [grads.get(node, 0.0) * node.local_grads[position] for node, position in self.uses]


def unfolded(names: Mapping[Value, str], constants: bool = False) -> list[Box]:
    """Return a box for each node, in topological order, and an arrow for each use of an operand.

    names are those of `node_names`. Constants have boxes only if constants=True.
    """
    root = next(reversed([*names]))
    boxes: dict[Value, Box] = {}
    for node, name in names.items():
        if node.op == "constant" and not constants and node is not root:
            continue
        made = [Part("= "), *expression(node, names)] if node.operands else []
        boxes[node] = box = Box(name, [node], made=made)
        for position, operand in enumerate(node.operands):
            if operand in boxes:
                box.arrows.append(Arrow(boxes[operand], position, [(node, position)]))
            else:
                box.absorbed.append(operand)
    return list(boxes.values())


def folded(names: Mapping[Value, str], constants: bool = False) -> list[Box]:
    """Return a box for each stem of a name, `B` for B[1,1], B[1,2], …, in topological order.

    names are those of `node_names`. A node that nothing names belongs to the box it feeds, directly or
    through others; one that feeds several boxes, or none, has a box of its own. A constant belongs to all
    boxes it feeds, unless constants=True. All uses that lead from one box to another share an arrow.
    """
    wanted = called([*names], as_suggested=True)  # names with their indices at the end
    stems: dict[str, Box] = {}
    box_of: dict[Value, Box] = {}
    absorbed: set[Value] = set()
    users: dict[Value, dict[Box, None]] = {node: {} for node in names}
    for node in reversed([*names]):
        stem, _ = stem_and_indices(wanted[node])
        fed = next(iter(users[node]), None)
        if fed and node.op == "constant" and not constants:
            absorbed.add(node)
        elif wanted[node] and node.op != "constant":
            fed = stems.setdefault(stem, Box(stem))
        elif fed and len(users[node]) == 1 and stems.get(fed.name) is fed:
            absorbed.add(node)
        else:
            fed = Box(names[node])
        box_of[node] = fed
        for operand in node.operands:
            users[operand][fed] = None

    arrows: dict[tuple[Box, Box], Arrow] = {}
    for node in names:
        box = box_of[node]
        (box.absorbed if node in absorbed else box.nodes).append(node)
        for position, operand in enumerate(node.operands):
            if operand in absorbed:
                continue
            pair = box, box_of[operand]
            if pair not in arrows:
                arrows[pair] = Arrow(box_of[operand], len(box.arrows), [])
                box.arrows.append(arrows[pair])
            arrows[pair].uses.append((node, position))

    boxes = list(dict.fromkeys(box_of[node] for node in names if node not in absorbed))
    formulas = _formulas(box_of, absorbed)
    for box in boxes:
        labels = [wanted[node] for node in box.nodes]
        shape = _shape(labels) if len(labels) > 1 or stem_and_indices(labels[0])[1] else ""
        different = list(dict.fromkeys(formulas[node] for node in box.nodes if node.operands))
        formula = ", ".join([*different[:2], *(["…"] if len(different) > 2 else [])])
        box.made = [Part(" ".join(filter(None, (shape, formula and f"= {formula}"))))]
    return boxes


def _formulas(box_of: dict[Value, Box], absorbed: set[Value]) -> dict[Value, str]:
    """Return how each node was made, in the names of boxes, absorbed nodes written out: `sum(X · W)`."""
    formulas: dict[Value, str] = {}
    terms: dict[Value, Term] = {}  # how the formulas of others write a node
    for node in reversed(box_of):
        different = {text(terms[operand].parts): terms[operand] for operand in node.operands}
        if not node.operands:
            term = number_term(short(node.data))
        elif node.op == "sum" and len(different) < len(node.operands):
            shown = [*list(different)[:3], *(["…"] if len(different) > 3 else [])]
            term = Term([Part(f"sum({', '.join(shown)})")], ATOM)
        else:
            term = written(node.op, [terms[operand] for operand in node.operands])
        formulas[node] = text(term.parts)
        if len(formulas[node]) > 60:
            formulas[node], term = "…", Term([Part("…")], ATOM)
        terms[node] = term if node in absorbed else Term([Part(box_of[node].name)], ATOM)
    return formulas


def _shape(names: list[str]) -> str:
    """Return the shape of the names' indices, `58 × 4`, or `3 values` if they have none."""
    indices = {tuple(stem_and_indices(name)[1]) for name in names}
    sizes = [len(set(column)) for column in zip(*indices)]
    if len({len(index) for index in indices}) == 1 and len(names) == len(indices) == math.prod(sizes):
        return " × ".join(map(str, sizes))
    return f"{len(names)} values"


_INDEXED = re.compile(r"([^\[\]]+)((?:\[[^\[\]]+\])+)")


def stem_and_indices(name: str) -> tuple[str, list[str]]:
    """Return the part of a name before its brackets, and the indices in them.

    >>> stem_and_indices("W1[2,3]"), stem_and_indices("loss")
    (('W1', ['2', '3']), ('loss', []))
    """
    match = _INDEXED.fullmatch(name)
    if not match:
        return name, []
    stem, brackets = match.groups()
    return stem, brackets[1:-1].replace("][", ",").split(",")
