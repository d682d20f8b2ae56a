"""The computation graph as a picture, laid out by Graphviz.

    picture = draw(loss, parameters=weights, legend=True)
    picture                                             # in a notebook: the picture itself
    picture.render(outfile="loss.svg", cleanup=True)    # or png, pdf, …: every format that Graphviz has
    picture.source                                      # the DOT

A box is a Value: its name and how it was made, its data and its grad. An arrow is one use of an operand and
points from the operand to the result, the way of the forward pass.

A page may address the parts of the SVG. The node that is number k in topological order, from 1, is the group
`node-k`; the numbers of its data and grad are the last `<text>` in the groups `a_data-k` and `a_grad-k`,
left-aligned with room for every number that `short` writes, the full one in the `xlink:title` around it. The
arrow from its operand at position p, from 0, is the group `edge-k-p`. The class of a node is `node` and its
role (input, parameter, constant, intermediate or root), that of an arrow is `edge`; what is highlighted has
the class `highlight` too. In a folded drawing the boxes are numbered in the same way, and have the same ids.
"""

import html
import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

from microgrid.arguments import described, listed
from microgrid.names import expression, node_names, one_line, short
from microgrid.value import Value, topological_order

if TYPE_CHECKING:
    import graphviz

Use = tuple[Value, int]  # a node, and the position of one of its operands


def draw(
    root: Value,
    *,
    parameters: Iterable[Value] = (),
    local_grads: bool = False,
    flow: bool = False,
    highlight: Value | Use | None = None,
    fold: bool = False,
    legend: bool = False,
    rankdir: str = "LR",
    max_nodes: int = 1000,
) -> "graphviz.Digraph":
    """Return the graph under root as a picture: a box for each node, an arrow for each use of an operand.

    parameters are the leaves to be drawn as parameters; the other leaves are inputs when they have a label
    and constants when they have none. local_grads writes on each arrow the local gradient, ∂result/∂operand.
    flow draws an arrow the wider the more gradient it carried in the last backward pass, dashed where that
    was none. highlight marks a node, or with a pair (node, position) the arrow from that operand of the node.
    fold draws the Values labelled B[1,1], B[1,2], … as one box B, and an unlabelled one as part of the box
    that alone uses it. legend explains boxes and arrows. rankdir is the way of the forward pass: LR, TB, RL
    or BT.

    Raises ValueError where the drawing would have more than max_nodes boxes, or arrows so many and so long
    that its layout would take very long (as from one weight to each of hundreds of steps), TypeError or
    ValueError for an argument that is none of these.

    >>> x = Value(2.0, label="x")
    >>> draw(x * x + 1).source.count("->")
    4
    """
    leaves = _checked(parameters, rankdir)
    boxes = folded(root) if fold else unfolded(root, max_nodes)
    if len(boxes) > max_nodes:
        raise _too_many(len(boxes), max_nodes, "label more of its nodes, so that they fold together")
    if (length := _length_of_arrows(boxes) * (3 if local_grads else 1)) > _LENGTH_FOR_A_NODE * max_nodes:
        raise _too_long(length, "" if fold else "fold it (fold=True), ")
    marked = _marked(highlight, boxes)
    numbers = {box: number for number, box in enumerate(boxes, start=1)}
    sizes = [arrow.carried() for box in boxes for arrow in box.arrows]
    largest = max(filter(math.isfinite, sizes), default=0.0)

    picture = digraph(rankdir=rankdir, nodesep="0.2", ranksep="0.5", **_PATIENCE)
    if flow:
        # The heads of wide arrows reach into the boxes.
        picture.attr("node", margin="0.15,0.06" if rankdir in ("LR", "RL") else "0.1,0.12")
    if legend:
        _add_legend(picture, local_grads, flow, rankdir)
    for box, k in numbers.items():
        role = _role(box, root, leaves)
        picture.node(
            str(k),
            _box_label(box, k),
            id=f"node-{k}",
            tooltip=_tooltip(_box_lines(box, role)),
            **_with_class(f"{role} highlight" if marked is box else role, ROLES[role], marked is box),
        )
    for box, k in numbers.items():
        for p, arrow in enumerate(box.arrows):
            style = _flow_style(arrow.carried(), largest) if flow else {}
            if local_grads:
                # The padding keeps the number off a wide arrow.
                cell = f"<TD>{sized(_range(arrow.local_grads()), 12)}</TD>"
                style["label"] = (
                    f'<<TABLE BORDER="0" CELLPADDING="{3 if flow else 0}"><TR>{cell}</TR></TABLE>>'
                )
            picture.edge(
                str(numbers[arrow.operand]),
                str(k),
                id=f"edge-{k}-{p}",
                **dict.fromkeys(("tooltip", "labeltooltip"), _tooltip(_arrow_lines(box, arrow))),
                **_with_class("highlight" if marked is arrow else "", style, marked is arrow),
            )
    return picture


# What is to be drawn


@dataclass(eq=False)
class Box:
    """One box of a drawing: a single node, or all whose labels share a stem; and the arrows that come in."""

    name: str
    nodes: list[Value] = field(default_factory=list)
    absorbed: list[Value] = field(default_factory=list)  # unlabelled nodes that only this box uses
    arrows: list["Arrow"] = field(default_factory=list)
    made: list["Piece"] = field(default_factory=list)  # how it was made, as text after its name


Piece = tuple[str, bool]  # a piece of text, and whether it is a name


@dataclass(eq=False)
class Arrow:
    """What one box makes of another: the uses of operands that the arrow stands for."""

    operand: Box
    uses: list[Use]

    def local_grads(self) -> list[float]:
        """Return the local gradient of each use."""
        return [node.local_grads[position] for node, position in self.uses]

    def carried(self) -> float:
        """Return the size of the largest gradient that one use handed back; inf where one was inf or nan."""
        sizes = [abs(node.local_grads[position] * node.grad) for node, position in self.uses]
        return max(sizes) if all(map(math.isfinite, sizes)) else math.inf


def unfolded(root: Value, max_nodes: int) -> list[Box]:
    """Return a box for each node under root, in topological order, an arrow for each use of an operand.

    Raises ValueError where they are more than max_nodes.
    """
    count = len(topological_order(root))
    if count > max_nodes:
        raise _too_many(count, max_nodes, "fold it (fold=True)")
    names = node_names(root)
    boxes = {node: Box(name, [node], made=_made(node, names)) for node, name in names.items()}
    for node, box in boxes.items():
        box.arrows = [Arrow(boxes[operand], [(node, p)]) for p, operand in enumerate(node.operands)]
    return list(boxes.values())


def _too_many(count: int, max_nodes: int, way: str) -> ValueError:
    ways = f"{way}, draw a smaller graph, or raise max_nodes"
    return ValueError(f"the graph has {count} boxes to draw, more than {max_nodes}: {ways}")


def _too_long(length: int, way: str) -> ValueError:
    enough = -(-length // _LENGTH_FOR_A_NODE)
    return ValueError(
        "the arrows of the graph are so many and so long that its layout would take very long: "
        f"{way}draw a smaller graph, or raise max_nodes to {enough} and wait"
    )


def _length_of_arrows(boxes: list[Box]) -> int:
    """Return how many ranks the arrows lead on in all: dot finds each arrow a place on each of them."""
    rank: dict[Box, int] = {}
    users: dict[Box, list[Box]] = {box: [] for box in boxes}
    for box in boxes:
        # Operands come first, but for the circles that folding can make.
        rank[box] = 1 + max([rank.get(arrow.operand, -1) for arrow in box.arrows], default=-1)
        for arrow in box.arrows:
            users[arrow.operand].append(box)
    for box in boxes:
        if not box.arrows and users[box]:
            rank[box] = min(rank[user] for user in users[box]) - 1
    return sum(max(1, rank[box] - rank[arrow.operand]) for box in boxes for arrow in box.arrows)


def _made(node: Value, names: dict[Value, str]) -> list[Piece]:
    """Return what follows a node's name: its label where others bear it too, and how it was made."""
    pieces = [(" (", False), (node.label, True), (")", False)] if node.label not in ("", names[node]) else []
    if node.operands:
        pieces.append((" = ", False))
    # The names go in by number: a name may contain anything, an operator too.
    numbered = {operand: f"\0{position}\0" for position, operand in enumerate(node.operands)}
    for i, piece in enumerate(expression(node, numbered).split("\0") if node.operands else []):
        pieces.append((names[node.operands[int(piece)]], True) if i % 2 else (piece, False))
    return [piece for piece in pieces if piece[0]]


def folded(root: Value) -> list[Box]:
    """Return a box for each stem of a label under root, `B` for B[1,1], B[1,2], …, in topological order.

    An unlabelled node belongs to the box of labelled nodes that it feeds, directly or through others; where
    it feeds several boxes, or none, it is a box of its own. All uses that lead from one box to another are
    one arrow.
    """
    names = node_names(root)
    labelled: dict[str, Box] = {}
    box_of: dict[Value, Box] = {}
    absorbed: set[Value] = set()
    users: dict[Value, set[Box]] = {node: set() for node in names}
    for node in reversed(names):
        if node.label:
            stem, _ = stem_and_indices(node.label)
            box = labelled.setdefault(stem, Box(stem))
        else:
            box = next(iter(users[node])) if len(users[node]) == 1 else Box(names[node])
            if labelled.get(box.name) is box:
                absorbed.add(node)
            else:
                box = Box(names[node])
        box_of[node] = box
        for operand in node.operands:
            users[operand].add(box)

    arrows: dict[tuple[Box, Box], Arrow] = {}
    for node in names:
        box = box_of[node]
        (box.absorbed if node in absorbed else box.nodes).append(node)
        for position, operand in enumerate(node.operands):
            if operand in absorbed:
                continue
            if (box, box_of[operand]) not in arrows:
                arrows[box, box_of[operand]] = Arrow(box_of[operand], [])
                box.arrows.append(arrows[box, box_of[operand]])
            arrows[box, box_of[operand]].uses.append((node, position))

    boxes = list(dict.fromkeys(box_of[node] for node in names if node not in absorbed))
    formulas = _formulas(box_of, absorbed)
    for box in boxes:
        _, indices = stem_and_indices(box.nodes[0].label)
        shape = f" {_shape(box)}" if len(box.nodes) > 1 or indices else ""
        different = list(dict.fromkeys(formulas[node] for node in box.nodes if node.operands))
        formula = ", ".join([*different[:2], *(["…"] if len(different) > 2 else [])])
        box.made = [(text, False) for text in (shape, f" = {formula}" if formula else "") if text]
    return boxes


def _formulas(box_of: dict[Value, Box], absorbed: set[Value]) -> dict[Value, str]:
    """Return how each node was made, in the names of boxes, what is absorbed written out: `sum(X · W)`."""
    formulas: dict[Value, str] = {}
    written: dict[Value, str] = {}  # how a node stands in the formulas of others
    binding: dict[Value, int] = {}  # how tightly that holds together
    for node in reversed(box_of):
        op = "**" if node.op.startswith("**") else node.op
        terms = list(dict.fromkeys(written[operand] for operand in node.operands))
        if op == "sum" and len(terms) < len(node.operands):
            strength = _CALL
            formula = f"sum({', '.join([*terms[:3], *(['…'] if len(terms) > 3 else [])])})"
        else:
            strength = _BINDING.get(op, _CALL)
            # a - b - c is (a - b) - c; a + b + c may be read either way.
            exempt = {"-": 1, "/": 1, "**": 0}.get(op, len(node.operands))
            operands = {operand: written[operand] for operand in node.operands}
            for position, operand in enumerate(node.operands):
                if strength < _CALL and binding[operand] < strength + (position >= exempt):
                    operands[operand] = f"({written[operand]})"
            formula = expression(node, operands)
        formulas[node] = formula if len(formula) <= 60 else "…"
        if node not in absorbed:
            written[node], binding[node] = box_of[node].name, _CALL
        else:
            written[node] = formulas[node]
            binding[node] = (
                strength if node.operands else _BINDING["neg"] if formula.startswith("-") else _CALL
            )
    return formulas


_BINDING = {"+": 1, "-": 1, "sum": 1, "neg": 2, "*": 2, "/": 2, "**": 3}
_CALL = 4


_INDEXED = re.compile(r"([^\[\]]+)((?:\[[^\[\]]+\])+)")


def stem_and_indices(label: str) -> tuple[str, list[str]]:
    """Return what stands before a label's brackets, and the indices in them.

    >>> stem_and_indices("W1[2,3]"), stem_and_indices("loss")
    (('W1', ['2', '3']), ('loss', []))
    """
    match = _INDEXED.fullmatch(label)
    if not match:
        return label, []
    stem, brackets = match.groups()
    return stem, brackets[1:-1].replace("][", ",").split(",")


def _checked(parameters: Iterable[Value], rankdir: str) -> set[Value]:
    """Return the parameters as a set; an error in one line for an argument that cannot be used."""
    leaves = listed("parameters", parameters, Value)
    for leaf in leaves:
        if leaf.operands:
            raise ValueError(f"parameters are leaves, and {described(leaf)} was computed")
    if rankdir not in ("LR", "TB", "RL", "BT"):
        raise ValueError(f"rankdir is LR, TB, RL or BT, not {described(rankdir)}")
    return set(leaves)


def _marked(highlight: Value | Use | None, boxes: list[Box]) -> Box | Arrow | None:
    """Return the box or the arrow that highlight means."""
    if highlight is None:
        return None
    node, position = highlight if isinstance(highlight, tuple) and len(highlight) == 2 else (highlight, None)
    if not isinstance(node, Value) or not (position is None or type(position) is int):
        raise TypeError(f"highlight is a Value or a pair (Value, position), not {described(highlight)}")
    box = next((box for box in boxes if node in box.nodes or node in box.absorbed), None)
    if box is None:
        raise ValueError(f"highlight: {described(node)} is not in this graph")
    if position is None:
        return box
    if not 0 <= position < len(node.operands):
        raise ValueError(f"highlight: {described(node)} has no operand at position {position}")
    # A use inside a box has no arrow of its own: the box stands for it.
    return next((arrow for arrow in box.arrows if (node, position) in arrow.uses), box)


# How it looks. A leaf has corners, what was computed is round; a parameter's border is double, a constant's
# dashed, the root's thick. The fills are pale tints of colours that the colour-blind tell apart.

ROLES = {
    "input": {"style": "filled", "fillcolor": "#d3e9f8"},
    "parameter": {"style": "filled", "fillcolor": "#fde9b8", "peripheries": "2"},
    "constant": {"style": "filled,dashed", "fillcolor": "#eeeeee"},
    "intermediate": {"style": "filled,rounded", "fillcolor": "#ffffff"},
    "root": {"style": "filled,rounded", "fillcolor": "#cdebd8", "penwidth": "3.5"},
}
_MEANINGS = {
    "input": "a leaf with a label",
    "parameter": "a leaf to be trained",
    "constant": "a leaf without a label",
    "intermediate": "computed",
    "root": "what is differentiated",
}
_HIGHLIGHT = "#d55e00"
# Without an end to dot's search for the best places, a chain of a hundred products with one w takes ten
# seconds instead of one. What remains grows with the length of the arrows, in ranks, and threefold where they
# bear numbers; so much for each of a thousand nodes is ten seconds for a chain, and forty at the worst seen.
_PATIENCE = {"nslimit": "2", "nslimit1": "2"}
_LENGTH_FOR_A_NODE = 25
# Graphviz knows its widths even where no font is installed, and Helvetica and Liberation Sans have the same:
# what was measured on one machine fits on another.
_FONT = "Arial"


def _role(box: Box, root: Value, parameters: set[Value]) -> str:
    """Return what a box is in the graph: root, intermediate, parameter, constant or input."""
    if root in box.nodes:
        return "root"
    if any(node.operands for node in box.nodes):
        return "intermediate"
    if any(node in parameters for node in box.nodes):
        return "parameter"
    return "input" if box.nodes[0].label else "constant"


def _with_class(classes: str, style: dict[str, str], marked: bool) -> dict[str, str]:
    """Return the attributes of a box or an arrow, set off where it is marked."""
    attributes = {**style, "class": classes} if classes else style
    if not marked:
        return attributes
    return {**attributes, "color": _HIGHLIGHT, "penwidth": f"{max(4.5, float(style.get('penwidth', '0')))}"}


def _flow_style(size: float, largest: float) -> dict[str, str]:
    """Return the style of an arrow that carried a gradient of that size, where the largest was that."""
    if not math.isfinite(size):
        return {"penwidth": "6.5", "color": _HIGHLIGHT, "arrowsize": "0.6"}
    if size == 0.0:
        return {"style": "dashed", "color": "#808080"}
    width = max(1.0, 6.5 + 1.5 * math.log10(size / largest))
    return {"penwidth": f"{width:.1f}", "color": "#0072b2", "arrowsize": f"{1.0 - 0.08 * (width - 1.0):.2f}"}


def _box_label(box: Box, k: int) -> str:
    """Return a box's label in Graphviz's HTML: name and how it was made, data, grad."""
    heading = _name_cells(box.name, 15, bold=True)
    for text, is_name in box.made:
        heading += _name_cells(text, 13) if is_name else _operator_cell(text)
    rows = [f"<TR><TD>{row(heading)}</TD></TR>"]
    for what, numbers in (
        ("data", [node.data for node in box.nodes]),
        ("grad", [node.grad for node in box.nodes]),
    ):
        # TARGET makes Graphviz give the cell a group of its own even without a link.
        rows.append(
            f'<TR><TD ALIGN="LEFT" WIDTH="114" ID="{what}-{k}" TARGET="_self"'
            f' TOOLTIP="{what} {_range(numbers, repr)}">'
            f"{sized(f'{what} ', 12)}{sized(_range(numbers), 14)}</TD></TR>"
        )
    return f'<<TABLE BORDER="0" CELLSPACING="0" CELLPADDING="1">{"".join(rows)}</TABLE>>'


def _shape(box: Box) -> str:
    """Return the shape of a stem's indices, `58 × 4`; how many there are where the indices make no shape."""
    indices = {tuple(stem_and_indices(node.label)[1]) for node in box.nodes}
    sizes = [len(set(column)) for column in zip(*indices)]
    if len({len(index) for index in indices}) == 1 and len(box.nodes) == len(indices) == math.prod(sizes):
        return " × ".join(map(str, sizes))
    return f"{len(box.nodes)} values"


def _range(numbers: Sequence[float], written: Callable[[float], str] = short) -> str:
    """Return a number, or the least and the greatest of several, and whether there is a nan among them."""
    known = [number for number in numbers if not math.isnan(number)]
    ends = sorted({min(known), max(known)}) if known else []
    with_nan = ["nan"] if len(known) < len(numbers) else []
    return ", ".join([" … ".join(map(written, ends)), *with_nan] if ends else with_nan)


def _box_lines(box: Box, role: str) -> list[str]:
    """Return a box's tooltip: name and how it was made, its role, the numbers in full."""
    return [
        box.name + "".join(text for text, _ in box.made),
        role,
        f"data {_range([node.data for node in box.nodes], repr)}",
        f"grad {_range([node.grad for node in box.nodes], repr)}",
    ]


def _arrow_lines(box: Box, arrow: Arrow) -> list[str]:
    """Return an arrow's tooltip: the local gradient and the gradient that it carried, in full."""
    carried = [node.local_grads[position] * node.grad for node, position in arrow.uses]
    uses = f"{len(arrow.uses)} uses of {arrow.operand.name}: " if len(arrow.uses) > 1 else ""
    return [
        f"{uses}∂{box.name}/∂{arrow.operand.name} = {_range(arrow.local_grads(), repr)}",
        f"gradient carried: {_range(carried, repr)}",
    ]


def _add_legend(picture: "graphviz.Digraph", local_grads: bool, flow: bool, rankdir: str) -> None:
    """Add a frame with a box for each role, and with arrows where they carry a meaning."""
    frame = {"label": "", "style": "rounded", "color": "#808080", "margin": "12"}
    with picture.subgraph(name="cluster_legend", graph_attr=frame) as legend:
        for role, meaning in _MEANINGS.items():
            cells = f"<TR><TD>{sized(role, 13, bold=True)}</TD></TR><TR><TD>{sized(meaning, 12)}</TD></TR>"
            label = f'<<TABLE BORDER="0" CELLSPACING="0" CELLPADDING="1">{cells}</TABLE>>'
            legend.node(f"legend-{role}", label, id=f"legend-{role}", **ROLES[role], **{"class": role})
        if rankdir in ("TB", "BT"):  # one below the other here too
            above = [f"legend-{role}" for role in _MEANINGS][:: 1 if rankdir == "TB" else -1]
            for tail, head in pairwise(above):
                legend.edge(tail, head, style="invis")
        samples: dict[str, dict[str, str]] = {}
        if local_grads:
            samples["∂result/∂operand"] = {"label": f"<{sized('0.5', 12)}>"}
        if flow:
            samples["the largest gradient"] = _flow_style(1.0, 1.0)
            samples["a hundredth of it"] = _flow_style(0.01, 1.0)
            samples["none"] = _flow_style(0.0, 1.0)
            samples["inf or nan"] = _flow_style(math.inf, 1.0)
        for i, (text, style) in enumerate(samples.items()):
            legend.node(f"legend-tail-{i}", f"<{sized(text, 12)}>", id=f"legend-tail-{i}", shape="plaintext")
            legend.node(f"legend-head-{i}", "", id=f"legend-head-{i}", shape="point", style="invis")
            legend.edge(f"legend-tail-{i}", f"legend-head-{i}", id=f"legend-arrow-{i}", **style)


# Graphviz's HTML. An index is a cell of its own that hangs lower, because not every program that shows an SVG
# knows subscripts.


def row(cells: str) -> str:
    """Return cells as a table of one row, to the left of the space that there is."""
    # A table shares out spare width by columns: the twenty of the last cell keep the others on the left.
    return f'<TABLE BORDER="0" CELLSPACING="0" CELLPADDING="0"><TR>{cells}<TD COLSPAN="20"></TD></TR></TABLE>'


def _name_cells(name: str, size: int, bold: bool = False) -> str:
    """Return a name as cells of a row, its indices set as indices."""
    stem, indices = stem_and_indices(name)
    side = "RIGHT" if indices else "LEFT"
    cells = f'<TD ALIGN="{side}" BALIGN="LEFT" VALIGN="TOP">{sized(stem, size, bold)}</TD>'
    if indices:
        index = sized(",".join(indices), size - 3, bold)
        cells += f'<TD ALIGN="LEFT" VALIGN="BOTTOM" HEIGHT="{round(size * 1.2) + 4}">{index}</TD>'
    return cells


def _operator_cell(text: str) -> str:
    # Not every program shows a space at the end of a text.
    before, after = ('<TD WIDTH="4"></TD>' if space else "" for space in (text[0] == " ", text[-1] == " "))
    return f'{before}<TD VALIGN="TOP">{sized(text.strip(), 13)}</TD>{after}'


def sized(text: str, size: int, bold: bool = False) -> str:
    """Return a text in a size in points."""
    escaped = _escaped(text).replace("\n", "<BR/>")
    return f'<FONT POINT-SIZE="{size}">{f"<B>{escaped}</B>" if bold else escaped}</FONT>'


def _tooltip(lines: Iterable[str]) -> str:
    """Return the lines as a tooltip of a node or an edge, where Graphviz undoes backslashes twice."""
    return "\n".join(map(_escaped, lines)).replace("\\", "\\\\").replace("\n", "&#10;")


def _escaped(text: str) -> str:
    """Return a text that Graphviz shows as it is, with \\n for line ends; what XML cannot carry, escaped."""
    lines = re.sub(r"\r\n?", "\n", text)
    carried = re.sub(
        "[^\n\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", lambda c: one_line(c[0]), lines
    )
    # A "]" at the end of a text, where "]]>" might follow, is lost on Graphviz's reader.
    return html.escape(carried.replace("\\", "\\\\")).replace("]", "&#93;")


# Graphviz


def digraph(**attributes: str) -> "graphviz.Digraph":
    """Return an empty picture in our font; rendered without Graphviz it says how to install that."""
    font = {"fontname": _FONT}
    return _picture_class()(
        graph_attr={**font, **attributes},
        node_attr={**font, "shape": "box", "margin": "0.1,0.06"},
        edge_attr={**font, "fontsize": "12"},
    )


_INSTALL = (
    "Graphviz's program dot, which makes the pictures, is not installed: apt install graphviz (Debian), "
    "brew install graphviz (macOS) or winget install graphviz (Windows)"
)


@cache
def _picture_class() -> "type[graphviz.Digraph]":
    """Return the class of our pictures; made when the first is, so that graphviz is imported then."""
    import graphviz

    class DotNotFound(graphviz.ExecutableNotFound):
        _msg = _INSTALL

    @contextmanager
    def explained() -> Iterator[None]:
        try:
            yield
        except graphviz.ExecutableNotFound:
            raise DotNotFound([]) from None

    class Picture(graphviz.Digraph):
        def render(self, *args: object, **options: object) -> str:
            with explained():
                path: str = super().render(*args, **options)
            return path

        def pipe(self, *args: object, **options: object) -> bytes | str:
            with explained():
                rendered: bytes | str = super().pipe(*args, **options)
            return rendered

        def _repr_mimebundle_(self, *args: object, **options: object) -> dict[str, bytes | str]:
            try:
                bundle: dict[str, bytes | str] = super()._repr_mimebundle_(*args, **options)
            except graphviz.ExecutableNotFound as error:
                return {"text/plain": str(error)}
            return {
                kind: _fitted(shown) if isinstance(shown, str) else shown for kind, shown in bundle.items()
            }

    return Picture


_CELL_WIDTH = 700.0  # points: a notebook's cell on a laptop


def _fitted(svg: str) -> str:
    """Return an SVG that is no wider than a notebook's cell, but at least half its size, to be readable."""
    size = re.search(r'<svg width="([\d.]+)pt" height="([\d.]+)pt"', svg)
    if not size:
        return svg
    width, height = map(float, size.groups())
    factor = min(1.0, max(0.5, _CELL_WIDTH / width))
    return svg.replace(size[0], f'<svg width="{factor * width:.0f}pt" height="{factor * height:.0f}pt"', 1)
