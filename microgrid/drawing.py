"""The computation graph as a picture, laid out by Graphviz.

    picture = draw(loss, parameters=weights, legend=True)
    picture                                             # in a notebook: the picture itself
    picture.render(outfile="loss.svg", cleanup=True)    # or png, pdf, …: every format that Graphviz has
    picture.source                                      # the DOT

A box is a Value: its name and how it was made, its data and its grad. An arrow is one use of an operand and
points from the operand to the result, the way of the forward pass.

A page may address the parts of the SVG. The box that is number k, from 1, in topological order is the group
`node-k`; the numbers of its data and grad are the last `<text>` in the groups `a_data-k` and `a_grad-k`,
left-aligned with room for every number that `short` writes, the full one in the `xlink:title` around it. The
arrow from its operand at position p, from 0, is the group `edge-k-p`. The class of a box is `node` and its
role (input, parameter, constant, intermediate or root), that of an arrow is `edge`; what is highlighted has
the class `highlight` too.
"""

import html
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from microgrid.arguments import described, listed, one_line
from microgrid.folding import Arrow, Box, Use, folded, unfolded
from microgrid.names import node_names, short, subscript, text
from microgrid.recorder import place_of
from microgrid.value import Value

if TYPE_CHECKING:
    import graphviz


class TooLarge(ValueError):
    """Raised for a graph that is too large to be drawn: the reason, and the advice what to do."""

    def __init__(self, reason: str, advice: str) -> None:
        super().__init__(reason, advice)
        self.reason = reason
        self.advice = advice

    def __str__(self) -> str:
        return f"{self.reason}: {self.advice}"


def draw(
    root: Value,
    *,
    parameters: Iterable[Value] = (),
    local_grads: bool = False,
    flow: bool = False,
    highlight: Value | Use | None = None,
    fold: bool = False,
    constants: bool = False,
    legend: bool = False,
    rankdir: str = "LR",
    max_nodes: int = 1000,
    grads: Mapping[Value, float] | None = None,
    names: Mapping[Value, str] | None = None,
) -> "graphviz.Digraph":
    """Return the graph under root as a picture: a box for each node, an arrow for each use of an operand.

    parameters are the leaves drawn as parameters. local_grads writes on each arrow the local gradient,
    ∂result/∂operand. flow makes an arrow wider with the gradient that it carried in the last backward pass,
    and dashed if that was none. highlight marks a node, or with a pair (node, position) the arrow from that
    operand of the node. fold draws the Values labelled B[1,1], B[1,2], … as one box B, and an unlabelled one
    as part of the only box that uses it. constants gives plain numbers, such as the 3 of 3 * x, boxes of
    their own. legend explains boxes and arrows. rankdir is the direction of the forward pass: LR, TB, RL or
    BT. grads are shown instead of the nodes' own, 0 for a node that it lacks. names are the names of all
    nodes in topological order; the default is those of every view.

    Raises TooLarge if the drawing would have more than max_nodes boxes, or arrows so many and so long that
    its layout would take minutes (as from one weight to each of hundreds of steps); TypeError or ValueError
    for an argument that it cannot use.

    >>> x = Value(2.0, label="x")
    >>> draw(x * x + 1).source.count("->")
    3
    """
    leaves = _checked(parameters, rankdir)
    names = node_names(root) if names is None else names
    if fold:
        way, boxes = "label more of its nodes, so that they fold together", folded(names, constants)
        _check_count(len(boxes), max_nodes, way)
    else:
        way = "fold it (fold=True)"
        _check_count(sum(constants or node.op != "constant" for node in names), max_nodes, way)
        boxes = unfolded(names, constants)
    patience = _patience(boxes, max_nodes, way, local_grads)
    marked = _marked(highlight, boxes)
    if grads is None:
        grads = {node: node.grad for box in boxes for node in box.nodes + box.absorbed}
    carried = {arrow: _size(arrow.contributions(grads)) for box in boxes for arrow in box.arrows}
    largest = max(filter(math.isfinite, carried.values()), default=0.0)

    picture = digraph(rankdir=rankdir, nodesep="0.2", ranksep="0.5", **patience)
    if flow:
        # The heads of wide arrows reach into the boxes.
        picture.attr("node", margin="0.15,0.06" if rankdir in ("LR", "RL") else "0.1,0.12")
    if legend:
        _add_legend(picture, constants, local_grads, flow, rankdir)
    numbers = {box: str(number) for number, box in enumerate(boxes, start=1)}
    for box, k in numbers.items():
        role = _role(box, root, leaves)
        picture.node(
            k,
            _box_label(box, k, grads),
            id=f"node-{k}",
            tooltip=_tooltip(_box_lines(box, role, grads)),
            **_with_class(f"{role} highlight" if marked is box else role, ROLES[role], marked is box),
        )
    for box, k in numbers.items():
        for arrow in box.arrows:
            style = _flow_style(carried[arrow], largest) if flow else {}
            if local_grads:
                # Room around the number keeps it off a wide arrow.
                cell = f"<TD>{sized(_range(arrow.local_grads()), 12)}</TD>"
                style["label"] = f'<<TABLE BORDER="0" CELLPADDING="3"><TR>{cell}</TR></TABLE>>'
            picture.edge(
                numbers[arrow.operand],
                k,
                id=f"edge-{k}-{arrow.number}",
                **dict.fromkeys(("tooltip", "labeltooltip"), _tooltip(_arrow_lines(box, arrow, grads))),
                **_with_class("highlight" if marked is arrow else "", style, marked is arrow),
            )
    return picture


# Arguments


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


# What a layout costs grows with the length of the arrows, in ranks, threefold where they bear numbers, and
# with how many they are. At these limits dot takes about ten seconds, and half a minute for the worst graphs
# that were found: thousands of arrows, without any order, at a few nodes.
_ARROWS_FOR_A_NODE = 3
_RANKS_FOR_A_NODE = 25


def _check_count(count: int, max_nodes: int, way: str) -> None:
    """Raise TooLarge if there are too many boxes to read; way is what to do about it."""
    if count > max_nodes:
        ways = f"{way}, draw a smaller graph, or raise max_nodes"
        raise TooLarge(f"the graph has {count} boxes to draw, more than {max_nodes}", ways)


def _patience(boxes: list[Box], max_nodes: int, way: str, local_grads: bool) -> dict[str, str]:
    """Return limits to dot's search for a layout; raises TooLarge if it would take very long."""
    lengths = _lengths(boxes)
    ranks = sum(lengths) * (3 if local_grads else 1)
    enough = max(-(-len(lengths) // _ARROWS_FOR_A_NODE), -(-ranks // _RANKS_FOR_A_NODE))
    if enough > max_nodes:
        raise TooLarge(
            "the arrows of the graph are so many and so long that its layout would take very long",
            f"{way}, draw a smaller graph, or raise max_nodes to {enough} and wait",
        )
    # Without an end to its search, a chain of a hundred products with one w takes ten seconds, not one.
    return {"nslimit": "2", "nslimit1": "2", "mclimit": f"{min(1.0, 5000 / max(1, ranks)):.2f}"}


def _lengths(boxes: list[Box]) -> list[int]:
    """Return how many ranks each arrow spans: dot places it on each of them."""
    rank: dict[Box, int] = {}
    for box in boxes:
        # Operands come first, but for the circles that folding can make.
        rank[box] = 1 + max([rank.get(arrow.operand, -1) for arrow in box.arrows], default=-1)
    for box in sorted(boxes, key=rank.__getitem__, reverse=True):
        # A leaf stands before the first box that it leads to.
        rank.update({arrow.operand: rank[box] - 1 for arrow in box.arrows if not arrow.operand.arrows})
    return [max(1, rank[box] - rank[arrow.operand]) for box in boxes for arrow in box.arrows]


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
    "input": "a leaf",
    "parameter": "a leaf to be trained",
    "constant": "a plain number",
    "intermediate": "computed",
    "root": "what is differentiated",
}
_HIGHLIGHT = "#d55e00"
# Graphviz knows its widths even where no font is installed, and Helvetica and Liberation Sans have the same:
# what was measured on one machine fits on another.
_FONT = "Arial"


def digraph(**attributes: str) -> "graphviz.Digraph":
    """Return an empty picture in our font."""
    from microgrid.picture import Picture

    font = {"fontname": _FONT}
    return Picture(
        format="svg",  # graphviz's own choice is pdf, which not every layout has
        graph_attr={**font, **attributes},
        node_attr={**font, "shape": "box", "margin": "0.1,0.06"},
        edge_attr={**font, "fontsize": "12"},
    )


def _role(box: Box, root: Value, parameters: set[Value]) -> str:
    """Return what a box is in the graph: root, intermediate, parameter, constant or input."""
    if root in box.nodes:
        return "root"
    if any(node.op not in ("", "constant") for node in box.nodes):
        return "intermediate"
    if any(node in parameters for node in box.nodes):
        return "parameter"
    return "constant" if box.nodes[0].op else "input"


def _with_class(classes: str, style: dict[str, str], marked: bool) -> dict[str, str]:
    """Return the attributes of a box or an arrow, set off where it is marked."""
    attributes = {**style, "class": classes} if classes else style
    if not marked:
        return attributes
    return {**attributes, "color": _HIGHLIGHT, "penwidth": f"{max(4.5, float(style.get('penwidth', '0')))}"}


def _size(contributions: list[float]) -> float:
    """Return the size of the largest gradient that an arrow carried; inf where one was inf or nan."""
    return max(abs(number) if math.isfinite(number) else math.inf for number in contributions)


def _flow_style(size: float, largest: float) -> dict[str, str]:
    """Return the style of an arrow that carried a gradient of that size, where the largest was that."""
    if not math.isfinite(size):
        return {"penwidth": "6.5", "color": _HIGHLIGHT, "arrowsize": "0.6"}
    if size == 0.0:
        return {"style": "dashed", "color": "#808080"}
    width = max(1.0, 6.5 + 1.5 * math.log10(size / largest))
    return {"penwidth": f"{width:.1f}", "color": "#0072b2", "arrowsize": f"{1.0 - 0.08 * (width - 1.0):.2f}"}


def _box_label(box: Box, k: str, grads: Mapping[Value, float]) -> str:
    """Return a box's label in Graphviz's HTML: name and how it was made, data, grad."""
    name, made = ended(box.name), ended(one_line(text(box.made)))
    heading = sized(f"{name} " if made else name, 15, bold=True)
    if made:
        # Each word where dot measured it: in a browser the letters of a long text may be wider.
        heading += "".join(sized(f"{word} ", 13) for word in made.split(" "))
    rows = [f'<TR><TD ALIGN="LEFT" BALIGN="LEFT">{heading}</TD></TR>']
    for what, numbers in _numbers(box, grads).items():
        # TARGET makes Graphviz give the cell a group of its own even without a link.
        rows.append(
            f'<TR><TD ALIGN="LEFT" WIDTH="114" ID="{what}-{k}" TARGET="_self"'
            f' TOOLTIP="{what} {_range(numbers, repr)}">'
            f"{sized(f'{what} ', 12)}{sized(_range(numbers), 14)}</TD></TR>"
        )
    return f'<<TABLE BORDER="0" CELLSPACING="0" CELLPADDING="1">{"".join(rows)}</TABLE>>'


def _numbers(box: Box, grads: Mapping[Value, float]) -> dict[str, list[float]]:
    """Return what the nodes of a box have of data and grad."""
    return {
        "data": [node.data for node in box.nodes],
        "grad": [grads.get(node, 0.0) for node in box.nodes],
    }


def _range(numbers: Sequence[float], written: Callable[[float], str] = short) -> str:
    """Return a number, or the least and the greatest of several, and whether there is a nan among them."""
    known = [number for number in numbers if not math.isnan(number)]
    ends = sorted({min(known), max(known)}) if known else []
    with_nan = ["nan"] if len(known) < len(numbers) else []
    return ", ".join([" … ".join(map(written, ends)), *with_nan] if ends else with_nan)


def _box_lines(box: Box, role: str, grads: Mapping[Value, float]) -> list[str]:
    """Return a box's tooltip: name and how it was made, its role, the numbers in full."""
    made = "".join(ended(one_line(part.text)) for part in box.made)
    numbers = [f"{what} {_range(numbers, repr)}" for what, numbers in _numbers(box, grads).items()]
    places = {place_of(node) for node in box.nodes} if len(box.nodes) == 1 else set()
    where = [
        ended(one_line(f"{Path(place.file).name}:{place.line}  {place.text}")) for place in places if place
    ]
    return [f"{box.name} {made}" if made else box.name, role, *numbers, *where]


def _arrow_lines(box: Box, arrow: Arrow, grads: Mapping[Value, float]) -> list[str]:
    """Return an arrow's tooltip: the local gradient and the gradient that it carried, in full."""
    name, operand = (ended(one_line(end.name)) for end in (box, arrow.operand))
    uses = f"{len(arrow.uses)} uses of {operand}: " if len(arrow.uses) > 1 else ""
    nth = "" if uses else subscript(*arrow.uses[0])
    return [
        f"{uses}∂{name}/∂{operand}{nth} = {_range(arrow.local_grads(), repr)}",
        f"gradient carried: {_range(arrow.contributions(grads), repr)}",
    ]


def _add_legend(
    picture: "graphviz.Digraph", constants: bool, local_grads: bool, flow: bool, rankdir: str
) -> None:
    """Add a frame with a box for each role, and with arrows where they carry a meaning."""
    frame = {"label": "", "style": "rounded", "color": "#808080", "margin": "6"}
    lying = rankdir in ("LR", "RL")
    roles = [role for role in _MEANINGS if constants or role != "constant"]
    with picture.subgraph(name="cluster_legend", graph_attr=frame) as legend:
        for role in roles:
            rows = f"{sized(role, 13, bold=True)}</TD></TR><TR><TD>{sized(_MEANINGS[role], 12)}"
            label = f'<<TABLE BORDER="0" CELLSPACING="0" CELLPADDING="1"><TR><TD>{rows}</TD></TR></TABLE>>'
            legend.node(f"legend-{role}", label, id=f"legend-{role}", **ROLES[role], **{"class": role})
        # Invisible arrows put the roles into a row; where a rank is a row they are in one without.
        for one, next_one in pairwise(roles if rankdir == "LR" else roles[::-1]) if lying else ():
            legend.edge(f"legend-{one}", f"legend-{next_one}", style="invis")
        samples: dict[str, dict[str, str]] = {}
        if local_grads:
            samples["∂result/∂operand"] = {"label": f"<{sized('0.5', 12)}>"}
        if flow:
            samples["the largest gradient"] = _flow_style(1.0, 1.0)
            samples["a hundredth of it"] = _flow_style(0.01, 1.0)
            samples["none"] = _flow_style(0.0, 1.0)
            samples["inf or nan"] = _flow_style(math.inf, 1.0)
        for i, (meaning, style) in enumerate(samples.items()):
            tail, head = f"legend-tail-{i}", f"legend-head-{i}"
            text = {"shape": "plaintext", "height": "0.3", "margin": "0.05,0"}
            legend.node(tail, f"<{sized(meaning, 12)}>", id=tail, **text)
            legend.node(head, "", id=head, shape="point", style="invis")
            legend.edge(tail, head, id=f"legend-arrow-{i}", **style)
            if lying and i % 2:  # two to a row
                legend.edge(f"legend-head-{i - 1}", tail, style="invis")


# Text in Graphviz


def sized(text: str, size: int, bold: bool = False) -> str:
    """Return a text in a size in points."""
    escaped = _escaped(text).replace("\n", "<BR/>")
    return f'<FONT POINT-SIZE="{size}">{f"<B>{escaped}</B>" if bold else escaped}</FONT>'


def ended(text: str, length: int = 100) -> str:
    """Return a text, or its beginning and an ellipsis if it is longer than that."""
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _tooltip(lines: Iterable[str]) -> str:
    """Return the lines as a tooltip of a box or an arrow."""
    whole = "\n".join(re.sub("\r\n?", "\n", line) for line in lines)
    # Graphviz undoes backslashes twice here. Its reader takes 16,384 bytes without a break, and drops these.
    spans = (_escaped(whole[i : i + 1000]) for i in range(0, len(whole), 1000))
    return "\\\n".join(span.replace("\\", "\\\\").replace("\n", "&#10;") for span in spans)


def _escaped(text: str) -> str:
    """Return a text that Graphviz shows as it is, but for control characters other than line ends."""
    lines = "\n".join(map(one_line, re.split("\r\n?|\n", text)))
    # A "]" at the end of a text, where "]]>" might follow, is lost on Graphviz's reader.
    return html.escape(lines.replace("\\", "\\\\")).replace("]", "&#93;")
