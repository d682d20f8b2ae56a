"""The sheet's two figures and the graph of every scalar, drawn from the network itself.

    network_scheme(network)                 # Figure 1: three columns, 21 weights, the formula
    computation_graph(forward)              # 6.2: the graph by letters, with the shapes of this forward pass
    scalar_graph(forward)                   # every node of it, for one or two passengers
    folded_graph(forward)                   # the same nodes by letters, for any number of passengers

Each is a graphviz.Digraph, as `microgrid.draw` gives one.
"""

import math
from typing import TYPE_CHECKING

from microgrid import Value, draw, topological_order
from microgrid.drawing import ROLES, digraph, sized
from microgrid.names import short
from titanic.network import Forward, Network

if TYPE_CHECKING:
    import graphviz


# Figure 1

_COLUMNS = {
    "x": (("x", "1"), ("x", "2"), ("x", "3"), ("1", "")),
    "c": (("c", "1"), ("c", "2"), ("c", "3"), ("c", "4"), ("1", "")),
    "e": (("e", ""),),
}
_COLUMN_ROLES = {"x": "input", "c": "intermediate", "e": "root"}

# The formula in the pieces that stand over columns and arrows: each letter, and its shape.
_FORMULA = (
    (("[ReLU((X", "(n×3)"), (" concat ", ""), ("b", "(n×1)"), (")", "")),
    (("× ", ""), ("W", "(1)(4×4)"), (")", "")),
    (("concat ", ""), ("b", "(n×1)"), ("]", "")),
    (("× ", ""), ("W", "(2)(5×1)")),
    (("= ", ""), ("e", "(n×1)")),
)


def network_scheme(network: Network, values: bool = False) -> "graphviz.Digraph":
    """Return Figure 1: the input, hidden and output columns, an arrow for each weight, the formula above.

    With values, each arrow says its weight's number too.
    """
    radius = 26.0
    width, height = (740.0, 240.0) if values else (540.0, 125.0)
    where = {
        f"{column}{row + 1}": (x * width, ((len(nodes) - 1) / 2 - row) * height)
        for x, (column, nodes) in enumerate(_COLUMNS.items())
        for row in range(len(nodes))
    }
    picture = _pinned(radius)
    for column, nodes in _COLUMNS.items():
        for row, (letter, index) in enumerate(nodes, start=1):
            style = _round("constant" if letter == "1" else _COLUMN_ROLES[column])
            label = _label(_letter(letter, below=index, size=18))
            picture.node(
                f"{column}{row}", label, id=f"{column}{row}", pos=_at(*where[f"{column}{row}"]), **style
            )

    # A fifth of the way along, the sixteen arrows of the first layer are evenly spaced, one above the other.
    for layer, weights, tails, heads, along in (
        (1, network.W1, "x", "c", 0.2),
        (2, network.W2, "c", "e", 0.3),
    ):
        for i, of_tail in enumerate(weights, start=1):
            for j, weight in enumerate(of_tail, start=1):
                tail, head = f"{tails}{i}", f"{heads}{j}"
                lines = [_letter("w", f"({layer})", f"{i},{j}", size=15)]
                if values:
                    lines.append(f"<TD>{sized(short(weight.data), 15)}</TD>")
                picture.edge(
                    tail,
                    head,
                    id=f"w{layer}-{i}-{j}",
                    taillabel=_label(
                        *lines, attributes=f'BGCOLOR="white" COLOR="#a0a0a0" BORDER="{int(values)}"'
                    ),
                    labelangle="0",
                    labeldistance=f"{(along * math.dist(where[tail], where[head]) - radius) / 10:.3f}",
                )

    top = where["c1"][1] + 80.0
    for i, piece in enumerate(_FORMULA):
        label = _label("".join(_letter(letter, above, size=19) for letter, above in piece))
        picture.node(f"formula{i}", label, id=f"formula-{i}", pos=_at(i * width / 2, top), **_PLAIN)
    return picture


# The graph of 6.2

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
_INPUTS = {
    "X": ("x", ""),
    "b1": ("1", ""),
    "W1": ("W", "1"),
    "b2": ("1", ""),
    "W2": ("W", "2"),
    "y": ("y", ""),
    "n": ("n", ""),
}
_INPUT_ROLES = {"b1": "constant", "W1": "parameter", "b2": "constant", "W2": "parameter"}


def computation_graph(forward: Forward) -> "graphviz.Digraph":
    """Return the graph of 6.2: round inputs and operations with their shapes, a square for the loss.

    The shapes are those of this forward pass, whose n is written at its node.
    """
    radius, step = 40.0, 112.0
    picture = _pinned(radius)
    where = {"X": (0.0, 0.0)}
    for i, (name, (operation, operands)) in enumerate(_OPERATIONS.items(), start=1):
        where[name] = (i * step, 0.0)
        where.update({operand: (i * step, -step) for operand in operands if operand not in where})
        lines = _letter(operation, size=16), _letter(_shape(getattr(forward, name)), size=14)
        picture.node(name, _label(*lines), id=name, pos=_at(*where[name]), **_round("intermediate"))
        beside = _at(i * step, radius + 16.0)
        picture.node(
            f"letter {name}", f"<{sized(name, 20, bold=True)}>", id=f"letter-{name}", pos=beside, **_PLAIN
        )
    for name, (letter, above) in _INPUTS.items():
        letter = f"n = {short(forward.n.data)}" if name == "n" else letter
        lines = _letter(letter, above, size=18), _letter(_shape(getattr(forward, name)), size=14)
        style = _round(_INPUT_ROLES.get(name, "input"))
        picture.node(name, _label(*lines), id=name, pos=_at(*where[name]), **style)
    end = _at((len(_OPERATIONS) + 1) * step, 0.0)
    picture.node(
        "loss",
        f"<{sized('loss', 18, bold=True)}>",
        id="loss",
        pos=end,
        **{**_round("root"), "shape": "square"},
    )
    for name, (_, operands) in _OPERATIONS.items():
        for operand in operands:
            picture.edge(operand, name, id=f"{operand}-{name}")
    picture.edge("L", "loss", id="L-loss")
    return picture


def _shape(nodes: Value | list[Value] | list[list[Value]]) -> str:
    """Return the shape of a scalar, a column or a matrix, rows × columns."""
    rows = nodes if isinstance(nodes, list) else [nodes]
    return f"{len(rows)} × {len(rows[0]) if isinstance(rows[0], list) else 1}"


# The graph of the scalars


def scalar_graph(forward: Forward) -> "graphviz.Digraph":
    """Return every node of the forward pass.

    Raises ValueError where these are more than 1,000, which nobody could read.
    """
    try:
        return draw(forward.L, parameters=_weights(forward))
    except ValueError:
        passengers, nodes = len(forward.y), len(topological_order(forward.L))
        ways = "draw fewer passengers, or the folded graph"
        raise ValueError(f"{passengers} passengers make {nodes} boxes, too many to read: {ways}") from None


def folded_graph(forward: Forward) -> "graphviz.Digraph":
    """Return the nodes of the forward pass by letters: one box for all of X, one for all of B, …"""
    return draw(forward.L, parameters=_weights(forward), fold=True)


def _weights(forward: Forward) -> list[Value]:
    return [weight for row in (*forward.W1, *forward.W2) for weight in row]


# How the figures are set

_PLAIN = {"shape": "plaintext", "fixedsize": "false"}


def _pinned(radius: float) -> "graphviz.Digraph":
    """Return an empty picture of round nodes that stand where they are put."""
    picture = digraph(layout="neato", splines="line", outputorder="edgesfirst")
    picture.attr("node", shape="circle", fixedsize="true", width=_inches(2 * radius), margin="0")
    return picture


def _round(role: str) -> dict[str, str]:
    """Return the style of a role for a round node, which has no corners to be rounded."""
    return {**ROLES[role], "style": ROLES[role]["style"].replace(",rounded", "")}


def _at(x: float, y: float) -> str:
    """Return a fixed position, in points, as Graphviz takes it."""
    return f"{_inches(x)},{_inches(y)}!"


def _inches(points: float) -> str:
    return f"{points / 72:.4f}"


_TABLE = 'TABLE CELLBORDER="0" CELLSPACING="0" CELLPADDING="0"'


def _label(*lines: str, attributes: str = 'BORDER="0"') -> str:
    """Return a label of lines of cells, one below the other."""
    return f"<<{_TABLE} {attributes}>{''.join(f'<TR>{line}</TR>' for line in lines)}</TABLE>>"


def _letter(letter: str, above: str = "", below: str = "", *, size: int) -> str:
    """Return a letter, and what stands above and below at its right, as a cell."""
    if letter != letter.strip():
        before, after = letter[0] == " ", letter[-1] == " "
        return (
            '<TD WIDTH="6"></TD>' * before
            + f"<TD>{sized(letter.strip(), size)}</TD>"
            + '<TD WIDTH="6"></TD>' * after
        )
    if not above and not below:
        return f"<TD>{sized(letter, size)}</TD>"
    cells = "".join(
        f'<TR><TD ALIGN="LEFT" HEIGHT="{size - 3}">{sized(text, size - 5) if text else ""}</TD></TR>'
        for text in (above, below)
    )
    return (
        f'<TD><{_TABLE} BORDER="0"><TR><TD ALIGN="RIGHT">{sized(letter, size)}</TD>'
        f'<TD><{_TABLE} BORDER="0">{cells}</TABLE></TD></TR></TABLE></TD>'
    )
