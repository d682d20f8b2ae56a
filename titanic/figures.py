"""The sheet's two figures and the graph of every scalar, drawn from the network itself.

    network_scheme(network)                 # Figure 1: three columns, 21 weights, the formula
    computation_graph(forward)              # 6.2: the graph by letters, with the shapes of this forward pass
    scalar_graph(forward)                   # every node, for one or two passengers
    folded_graph(forward)                   # a box for each letter, for any number of passengers

Each returns a graphviz.Digraph, like `microgrid.draw`.
"""

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from microgrid import Value, draw, topological_order
from microgrid.drawing import ROLES, digraph, sized
from microgrid.names import short
from titanic.network import Forward, Network

if TYPE_CHECKING:
    import graphviz

# Figure 1: the nodes of each column from top to bottom, and the formula above them

_COLUMNS = {"x": ("x1", "x2", "x3", "1"), "c": ("c1", "c2", "c3", "c4", "1"), "e": ("e",)}
_COLUMN_ROLES = {"x": "input", "c": "intermediate", "e": "root"}
_FORMULA = "[ReLU((X concat b1) × W1) concat b2] × W2 = E"
_SHAPES = "X: n × 3, b1: n × 1, W1: 4 × 4, b2: n × 1, W2: 5 × 1, E: n × 1"


def network_scheme(network: Network, values: bool = False) -> "graphviz.Digraph":
    """Return Figure 1: the input, hidden and output columns, an arrow for each weight, the formula above.

    With values, each arrow also shows its weight's number.
    """
    radius, width, height = 26.0, 500.0, 200.0 if values else 140.0
    picture = _pinned(radius)
    at = {}
    for i, (column, names) in enumerate(_COLUMNS.items()):
        for j, name in enumerate(names, start=1):
            at[f"{column}{j}"] = (i * width, ((len(names) + 1) / 2 - j) * height)
            role = "constant" if name == "1" else _COLUMN_ROLES[column]
            _add(picture, f"{column}{j}", [(name, 18)], at[f"{column}{j}"], role)

    # A fifth of the way along, the sixteen arrows of the first layer are evenly spaced: room for labels.
    for weights, tails, heads in ((network.W1, "x", "c"), (network.W2, "c", "e")):
        for i, row in enumerate(weights, start=1):
            for j, weight in enumerate(row, start=1):
                tail, head = f"{tails}{i}", f"{heads}{j}"
                text = sized(weight.label, 14)
                if values:
                    text += f"<BR/>{sized(short(weight.data), 14)}"
                picture.edge(
                    tail,
                    head,
                    id=f"{tail}-{head}",
                    taillabel=f'<<TABLE BGCOLOR="white" COLOR="#a0a0a0" BORDER="{int(values)}" CELLBORDER="0"'
                    f' CELLSPACING="0" CELLPADDING="1"><TR><TD>{text}</TD></TR></TABLE>>',
                    labelangle="0",
                    labeldistance=f"{(math.dist(at[tail], at[head]) / 5 - radius) / 10:.3f}",
                )
    _add(picture, "formula", [(_FORMULA, 19), (_SHAPES, 14)], (width, at["c1"][1] + 80.0))
    return picture


# 6.2: the operation and operands of each letter, and the text of each input

_OPERATIONS = {
    "A": ("concat.", ("b1", "X")),
    "B": ("matmul.", ("A", "W1")),
    "C": ("ReLU", ("B",)),
    "D": ("concat.", ("C", "b2")),
    "E": ("matmul.", ("D", "W2")),
    "F": ("subtract", ("E", "y")),
    "G": ("square", ("F",)),
    "H": ("sum", ("G",)),
    "L": ("divide", ("H", "n")),
}
_INPUTS = {"X": "x", "b1": "1", "W1": "W1", "b2": "1", "W2": "W2", "y": "y", "n": "n"}
_INPUT_ROLES = {"b1": "constant", "W1": "parameter", "b2": "constant", "W2": "parameter"}


def computation_graph(forward: Forward) -> "graphviz.Digraph":
    """Return the graph of 6.2: round inputs and operations with their shapes, a square for the loss.

    Shapes and n are those of this forward pass.
    """
    radius, step = 40.0, 112.0
    picture = _pinned(radius)

    def shape(letter: str) -> tuple[str, int]:
        rows = forward.rows(letter)
        return f"{len(rows)} × {len(rows[0])}", 14

    at = {"X": (0.0, 0.0)}
    for i, (name, (operation, operands)) in enumerate(_OPERATIONS.items(), start=1):
        _add(picture, name, [(operation, 16), shape(name)], (i * step, 0.0), "intermediate")
        _add(picture, f"letter-{name}", [(name, 20)], (i * step, radius + 16.0), bold=True)
        for operand in operands:
            picture.edge(operand, name, id=f"{operand}-{name}")
            if operand not in _OPERATIONS:
                at.setdefault(operand, (i * step, -step))
    for name, text in _INPUTS.items():
        text = f"n = {short(forward.n.data)}" if name == "n" else text
        _add(picture, name, [(text, 18), shape(name)], at[name], _INPUT_ROLES.get(name, "input"))
    _add(
        picture,
        "loss",
        [("loss", 18)],
        ((len(_OPERATIONS) + 1) * step, 0.0),
        "root",
        bold=True,
        shape="square",
    )
    picture.edge("L", "loss", id="L-loss")
    return picture


# The graph of the scalars


def scalar_graph(forward: Forward) -> "graphviz.Digraph":
    """Return the graph of every node of the forward pass.

    Raises ValueError if it has more than 1,000 boxes, which nobody could read.
    """
    boxes = [node for node in topological_order(forward.L) if node.op != "constant"]
    try:
        picture = draw(forward.L, parameters=_weights(forward))
    except ValueError:
        passengers = len(forward.y)
        ways = "draw fewer passengers, or the folded graph"
        raise ValueError(
            f"{passengers} passengers make {len(boxes)} boxes, too many to read: {ways}"
        ) from None
    # F begins a second line below B to E: one line would be too wide to read on a page.
    picture.graph_attr["ranksep"] = "0.3"
    for node in forward.F:
        arrow = f'id="edge-{boxes.index(node) + 1}-0"'
        picture.body = [line.replace(arrow, f"constraint=false {arrow}") for line in picture.body]
    return picture


def folded_graph(forward: Forward) -> "graphviz.Digraph":
    """Return the graph of the forward pass by letters: one box for all of X, one for all of B, …"""
    return draw(forward.L, parameters=_weights(forward), fold=True, rankdir="TB")


def _weights(forward: Forward) -> list[Value]:
    return [weight for row in (*forward.W1, *forward.W2) for weight in row]


# Nodes at fixed positions


def _pinned(radius: float) -> "graphviz.Digraph":
    """Return an empty picture whose nodes are round and stay where they are put."""
    picture = digraph(layout="neato", splines="line", outputorder="edgesfirst")
    picture.attr("node", shape="circle", fixedsize="true", width=f"{radius / 36:.4f}", margin="0")
    return picture


def _add(
    picture: "graphviz.Digraph",
    name: str,
    lines: Iterable[tuple[str, int]],
    at: tuple[float, float],
    role: str = "",
    bold: bool = False,
    **attributes: str,
) -> None:
    """Add lines of text, each with its size, at a point: a round node in its role's colours, or only text."""
    style = {"shape": "plaintext", "fixedsize": "false"}
    if role:  # a round node has no corners to round
        style = {**ROLES[role], "style": ROLES[role]["style"].replace(",rounded", "")}
    label = "<BR/>".join(sized(text, size, bold) for text, size in lines)
    pos = ",".join(f"{coordinate / 72:.4f}" for coordinate in at)
    picture.node(name, f"<{label}>", id=name, pos=f"{pos}!", **{**style, **attributes})
