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
from typing import TYPE_CHECKING

from microgrid.names import expression, node_names, one_line, short
from microgrid.value import Value

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

    Raises ValueError where the drawing would have more than max_nodes boxes.

    >>> x = Value(2.0, label="x")
    >>> draw(x * x + 1).source.count("->")
    4
    """
    leaves = _checked(root, parameters, rankdir)
    boxes = folded(root) if fold else unfolded(root)
    if len(boxes) > max_nodes:
        ways = "draw fewer of its nodes" if fold else "fold it (fold=True), draw a smaller one"
        raise ValueError(
            f"the graph has {len(boxes)} boxes to draw, more than {max_nodes}: {ways}, or raise max_nodes"
        )
    box_of = {node: box for box in boxes for node in (*box.nodes, *box.absorbed)}
    marked = _marked(highlight, box_of)
    names = {node: box.name for node, box in box_of.items()}
    numbers = {box: number for number, box in enumerate(boxes, start=1)}
    most = max(
        (a for box in boxes for arrow in box.arrows if math.isfinite(a := arrow.carried())), default=0.0
    )

    picture = digraph(rankdir=rankdir, nodesep="0.2", ranksep="0.6")
    if legend:
        _add_legend(picture, local_grads, flow)
    for box, k in numbers.items():
        role = _role(box, root, leaves)
        picture.node(
            str(k),
            _box_label(box, k, names),
            id=f"node-{k}",
            tooltip=_tooltip(_box_lines(box, role, names)),
            **_with_class(f"{role} highlight" if marked is box else role, ROLES[role], marked is box),
        )
    for box, k in numbers.items():
        for p, arrow in enumerate(box.arrows):
            style = _flow_style(arrow.carried(), most) if flow else {}
            if local_grads:
                style["label"] = f"<{sized(_range(arrow.local_grads()), 12)}>"
            picture.edge(
                str(numbers[arrow.operand]),
                str(k),
                id=f"edge-{k}-{p}",
                **dict.fromkeys(("tooltip", "labeltooltip"), _tooltip(_arrow_lines(arrow, names))),
                **_with_class("highlight" if marked is arrow else "", style, marked is arrow),
            )
    return picture


# What is to be drawn


@dataclass(eq=False)
class Box:
    """One box of a drawing: a single node, or all that share a stem; and the arrows that come in."""

    name: str
    nodes: list[Value] = field(default_factory=list)
    absorbed: list[Value] = field(default_factory=list)  # unlabelled nodes that only this box uses
    arrows: list["Arrow"] = field(default_factory=list)


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


def unfolded(root: Value) -> list[Box]:
    """Return a box for each node under root, in topological order, an arrow for each use of an operand."""
    names = node_names(root)
    boxes = {node: Box(name, [node]) for node, name in names.items()}
    for node, box in boxes.items():
        box.arrows = [Arrow(boxes[operand], [(node, p)]) for p, operand in enumerate(node.operands)]
    return list(boxes.values())


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
            box = next(iter(users[node])) if len(users[node]) == 1 else Box("")
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
    return list(dict.fromkeys(box_of[node] for node in names if node not in absorbed))


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


def _checked(root: Value, parameters: Iterable[Value], rankdir: str) -> set[Value]:
    """Return the parameters as a set; an error in one line for an argument that cannot be used."""
    if not isinstance(root, Value):
        raise TypeError(f"draw takes the Value at the root of the graph, not {_kind(root)}")
    if isinstance(parameters, Value) or not isinstance(parameters, Iterable):
        raise TypeError(f"parameters are several Values, a list of them, not {_kind(parameters)}")
    leaves = list(parameters)
    for leaf in leaves:
        if not isinstance(leaf, Value):
            raise TypeError(f"parameters are Values, not {_kind(leaf)}")
        if leaf.operands:
            raise ValueError(f"parameters are leaves, and {_kind(leaf)} was computed")
    if rankdir not in ("LR", "TB", "RL", "BT"):
        raise ValueError(f"rankdir is LR, TB, RL or BT, not {one_line(repr(rankdir))}")
    return set(leaves)


def _marked(highlight: Value | Use | None, box_of: dict[Value, Box]) -> Box | Arrow | None:
    """Return the box or the arrow that highlight means."""
    if highlight is None:
        return None
    node, position = highlight if isinstance(highlight, tuple) and len(highlight) == 2 else (highlight, None)
    if not isinstance(node, Value) or not (position is None or type(position) is int):
        raise TypeError(f"highlight is a Value or a pair (Value, position), not {_kind(highlight)}")
    if node not in box_of:
        raise ValueError(f"highlight: {_kind(node)} is not in this graph")
    if position is None:
        return box_of[node]
    if not 0 <= position < len(node.operands):
        raise ValueError(f"highlight: {_kind(node)} has no operand at position {position}")
    # A use inside a box has no arrow of its own: the box stands for it.
    arrows = (arrow for arrow in box_of[node].arrows if (node, position) in arrow.uses)
    return next(arrows, box_of[node])


def _kind(thing: object) -> str:
    """Return what a thing is, in one line for an error."""
    if isinstance(thing, Value):
        return f"the Value {one_line(thing.label)}" if thing.label else f"the Value {short(thing.data)}"
    text = one_line(repr(thing))
    return f"the {type(thing).__name__} {text if len(text) <= 60 else text[:57] + '...'}"


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
# The letters of these have the same widths: what Graphviz measured in one fits in another.
_FONT = "Helvetica,Arial,sans-serif"


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
    width = max(5.0, float(style.get("penwidth", "0")))
    return {**attributes, "color": _HIGHLIGHT, "fontcolor": _HIGHLIGHT, "penwidth": f"{width}"}


def _flow_style(size: float, most: float) -> dict[str, str]:
    """Return the style of an arrow that carried a gradient of that size, where the largest was most."""
    if not math.isfinite(size):
        return {"penwidth": "9", "color": _HIGHLIGHT, "arrowsize": "0.5"}
    if size == 0.0:
        return {"style": "dashed", "color": "#808080"}
    width = max(1.0, 8.0 + 2.0 * math.log10(size / most))
    return {"penwidth": f"{width:.1f}", "color": "#0072b2", "arrowsize": f"{1.0 - 0.06 * (width - 1.0):.2f}"}


def _box_label(box: Box, k: int, names: dict[Value, str]) -> str:
    """Return a box's label in Graphviz's HTML: name and how it was made, data, grad."""
    heading = _name_cells(box.name, 15, bold=True)
    for text, is_name in _how_made(box, names):
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


def _how_made(box: Box, names: dict[Value, str]) -> Iterator[tuple[str, bool]]:
    """Yield the pieces of the text that says how a box was made, and for each whether it is a name."""
    node = box.nodes[0]
    if len(box.nodes) > 1:
        yield f" {_shape(box)}", False
    if not node.operands:
        return
    yield " = ", False
    if box.absorbed or len({_made_from(node, names) for node in box.nodes}) > 1:
        ops = dict.fromkeys(node.op for node in (*box.absorbed, *box.nodes) if node.op)
        yield " then ".join("·" if op == "*" else op for op in ops), False
        return
    op, operands = _made_from(node, names)
    if op == "sum" and len(operands) > 1 and len(set(operands)) == 1:
        yield "sum(", False
        yield operands[0], True
        yield ")", False
        return
    # The names go in by number: a name may contain anything, an operator too.
    numbered = {operand: f"\0{position}\0" for position, operand in enumerate(node.operands)}
    for i, piece in enumerate(expression(node, numbered).split("\0")):
        if piece:
            yield (names[node.operands[int(piece)]], True) if i % 2 else (piece, False)


def _made_from(node: Value, names: dict[Value, str]) -> tuple[str, tuple[str, ...]]:
    return node.op, tuple(names[operand] for operand in node.operands)


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


def _box_lines(box: Box, role: str, names: dict[Value, str]) -> list[str]:
    """Return a box's tooltip: name and role, how it was made, the numbers in full."""
    node = box.nodes[0]
    lines = [box.name + "".join(text for text, _ in _how_made(box, names)), role]
    if len(box.nodes) == 1 and node.label and node.label != box.name:
        lines[0] += f" (label {node.label})"
    return [
        *lines,
        f"data {_range([node.data for node in box.nodes], repr)}",
        f"grad {_range([node.grad for node in box.nodes], repr)}",
    ]


def _arrow_lines(arrow: Arrow, names: dict[Value, str]) -> list[str]:
    """Return an arrow's tooltip: the local gradient and the gradient that it carried, in full."""
    node, position = arrow.uses[0]
    operand = names[node.operands[position]]
    carried = [node.local_grads[position] * node.grad for node, position in arrow.uses]
    return [
        f"∂{names[node]}/∂{operand} = {_range(arrow.local_grads(), repr)}",
        f"carried back {_range(carried, repr)}",
    ]


def _add_legend(picture: "graphviz.Digraph", local_grads: bool, flow: bool) -> None:
    """Add a frame with a box for each role, and with arrows where they carry a meaning."""
    frame = {"label": "", "style": "rounded", "color": "#808080", "margin": "12"}
    with picture.subgraph(name="cluster_legend", graph_attr=frame) as legend:
        for role, meaning in _MEANINGS.items():
            cells = f"<TR><TD>{sized(role, 13, bold=True)}</TD></TR><TR><TD>{sized(meaning, 12)}</TD></TR>"
            label = f'<<TABLE BORDER="0" CELLSPACING="0" CELLPADDING="1">{cells}</TABLE>>'
            legend.node(f"legend-{role}", label, id=f"legend-{role}", **ROLES[role], **{"class": role})
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
    cells = f'<TD ALIGN="RIGHT" VALIGN="TOP">{sized(stem, size, bold)}</TD>'
    if indices:
        index = sized(",".join(indices), size - 4, bold)
        cells += f'<TD ALIGN="LEFT" VALIGN="BOTTOM" HEIGHT="{round(size * 1.2) + 4}">{index}</TD>'
    return cells


def _operator_cell(text: str) -> str:
    # Not every program shows a space at the end of a text.
    before, after = ('<TD WIDTH="4"></TD>' if space else "" for space in (text[0] == " ", text[-1] == " "))
    return f'{before}<TD VALIGN="TOP">{sized(text.strip(), 13)}</TD>{after}'


def sized(text: str, size: int, bold: bool = False) -> str:
    """Return a text in a size in points."""
    escaped = _escaped(text).replace("\n", '<BR ALIGN="LEFT"/>')
    return f'<FONT POINT-SIZE="{size}">{f"<B>{escaped}</B>" if bold else escaped}</FONT>'


def _tooltip(lines: Iterable[str]) -> str:
    """Return the lines as a tooltip of a node or an edge, where Graphviz undoes backslashes twice."""
    return _escaped("\n".join(lines)).replace("\\", "\\\\").replace("\n", "&#10;")


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
    "Graphviz's dot is not installed, and it makes the pictures: apt install graphviz (Debian), "
    "brew install graphviz (macOS), winget install graphviz (Windows); .source has the picture as DOT"
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
            return bundle

    return Picture
