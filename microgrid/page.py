"""Both passes as one web page to step through: a single file that needs no network and no server.

    write_page(loss, "loss.html")   # open it in a browser; loss.html#step=17 opens at that step
    show(loss)                      # the same inline in a notebook

The page tells the forward pass Value by Value and the backward pass Step by Step. Its leaves can be changed,
and both passes follow. This module writes Python's numbers, the rows of RULES in JavaScript, the picture and
the lines of the program; the scripts beside it compute and show the rest:

    passes.js       both passes anew, and the words for each step; knows nothing of the page
    page.js         boxes, table, and the step at hand
    view.js         which part of the graph is seen
    panels.js       changed numbers, quiz, paths, program
    motion.js       numbers on their way along the arrows
    presenting.js   the step at hand, large
    printing.js     a panel for each step, on paper
    controls.js     address, buttons, keys
"""

import base64
import hashlib
import html
import json
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from microgrid.arguments import listed, one_line
from microgrid.drawing import TooLarge, draw
from microgrid.files import write_whole
from microgrid.folding import folded
from microgrid.javascript import passes_data, rules_source
from microgrid.listing import Listing, recorded_program, straight_line_program
from microgrid.names import node_names
from microgrid.steps import Step, backward_steps, grads_after
from microgrid.value import Value

if TYPE_CHECKING:
    import graphviz

MAX_NODES = 1000
ADVICE = "take a smaller one, or step through it with debug(root)"
SCRIPTS = (
    "passes.js",
    "page.js",
    "view.js",
    "panels.js",
    "motion.js",
    "presenting.js",
    "printing.js",
    "controls.js",
)


def write_page(root: Value, path: str | os.PathLike[str], *, parameters: Iterable[Value] = ()) -> Path:
    """Write both passes under root as one self-contained web page, and return its path.

    parameters are the leaves to be drawn as parameters; what leads to none of them can be hidden. No grad
    changes. Raises TypeError or ValueError for parameters that are not leaves, ValueError if the graph has
    more than 1,000 nodes, constants not counted, or if `draw` does not lay it out, OSError if the file cannot
    be written, and graphviz.ExecutableNotFound if nothing is installed that lays it out; then no file is left
    behind, and an older one stays as it was.
    """
    page, _ = _page(root, parameters)
    write_whole(path, page)
    return Path(path)


class Page:
    """A web page that a notebook shows inline."""

    def __init__(self, text: str, height: int, picture: str) -> None:
        self.text = text
        self.height = height
        self.picture = picture

    def _repr_html_(self) -> str:
        # The sandbox keeps the page from the notebook it is shown in. Where a notebook drops frames, as one
        # that is not trusted does, the image within stays.
        image = base64.b64encode(self.picture.encode()).decode()
        return (
            f'<iframe srcdoc="{html.escape(self.text)}" sandbox="allow-scripts" allowfullscreen '
            f'title="Both passes" style="width: 100%; height: {self.height}px; border: 1px solid #8888; '
            'box-sizing: border-box; display: block">'
            f'<img src="data:image/svg+xml;base64,{image}" alt="The computation graph" '
            'style="max-width: 100%"></iframe>'
        )

    def _repr_mimebundle_(self, *args: object, **options: object) -> dict[str, str]:
        return {"text/html": self._repr_html_(), "image/svg+xml": self.picture, "text/plain": repr(self)}


def show(root: Value, height: int = 680, *, parameters: Iterable[Value] = ()) -> Page:
    """Return both passes under root as a page that a notebook shows inline, height pixels high.

    parameters are those of `write_page`. No grad changes. Raises what `write_page` raises.
    """
    page, picture = _page(root, parameters)
    return Page(page, height, picture)


def _page(root: Value, parameters: Iterable[Value]) -> tuple[str, str]:
    """Return the page's HTML, and the picture in it."""
    trained = listed("parameters", parameters, Value)
    names = node_names(root)  # sorted once: the names are the order
    # Constants stand in the expressions; a graph that is one constant has a box for it.
    boxed = [node for node in names if node.op != "constant" or node is root]
    if len(boxed) > MAX_NODES:
        raise ValueError(
            f"the graph has {len(boxed)} nodes, more than the {MAX_NODES} that a page can show: {ADVICE}"
        )
    steps = list(backward_steps(root, names))
    rules = rules_source({node.op for node in names if node.operands})
    style = _part("page.css")
    script = "\n".join([rules, *map(_part, SCRIPTS)])
    graph = _graph(root, names, steps, trained)
    contents = {
        "POLICY": _policy(style, script),
        "STYLE": style,
        "TITLE": html.escape(f"{one_line(names[root])}, step by step"),
        "GRAPH": graph,
        "CONTENT": _json(_content(names, boxed, steps, trained)),
        "SCRIPT": script,
    }
    # No content can hold such a mark, since every < in it is escaped.
    return re.sub(r"<!--([A-Z]+)-->", lambda mark: contents[mark[1]], _part("page.html")), graph


def _part(name: str) -> str:
    return files("microgrid").joinpath(name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    """Return the content security policy that allows this style and this script alone."""

    def own(content: str) -> str:
        digest = hashlib.sha256(content.encode()).digest()
        return f"'sha256-{base64.b64encode(digest).decode()}'"

    return (
        f"default-src 'none'; script-src {own(script)}; style-src {own(style)}; "
        "base-uri 'none'; form-action 'none'"
    )


def _json(content: object) -> str:
    """Return content as JSON that may stand in a script element: ASCII, with no < that could end it."""
    return json.dumps(content, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def _graph(root: Value, names: Mapping[Value, str], steps: list[Step], parameters: list[Value]) -> str:
    """Return the graph as SVG, with the gradients at the end of the steps.

    Raises ValueError where its layout would take very long.
    """
    grads = grads_after(root, steps)
    try:
        picture = draw(root, names=names, grads=grads, local_grads=True, parameters=parameters)
        # Room for longer numbers on the arrows than they have now, and for a role written above a box.
        picture.attr(ranksep="0.7", nodesep="0.25")
        # The numbers on the arrows would bring the boxes into another order than they have without them.
        for column in _columns(draw(root, names=names, grads=grads, parameters=parameters)):
            with picture.subgraph(graph_attr={"rank": "same"}) as rank:
                for above, below in pairwise(column):
                    rank.edge(above, below, style="invis")
        svg = picture.pipe(format="svg", encoding="utf-8")
    except TooLarge as error:
        raise ValueError(f"{error.reason}: {ADVICE}") from None
    return re.sub(r"<!--.*?-->", "", svg[svg.index("<svg") :], flags=re.DOTALL)


def _columns(picture: "graphviz.Digraph") -> list[list[str]]:
    """Return the boxes of a picture in the columns that Graphviz puts them into, from above."""
    columns: defaultdict[str, list[tuple[float, str]]] = defaultdict(list)
    for line in picture.pipe(format="plain", encoding="utf-8").splitlines():
        kind, *words = line.split(" ", 4)
        if kind == "node":
            name, x, y, _ = words
            columns[x].append((-float(y), name))
    return [[name for _, name in sorted(column)] for column in columns.values()]


def _content(
    names: dict[Value, str], boxed: list[Value], steps: list[Step], parameters: list[Value]
) -> dict[str, object]:
    """Return what the scripts read: nodes and steps, the boxes that they fold to, and the programs' lines."""
    box_numbers = {node: number for number, node in enumerate(boxed, start=1)}
    groups = folded(names)
    group_of = {node: number for number, box in enumerate(groups) for node in box.nodes + box.absorbed}
    absorbed = {node for box in groups for node in box.absorbed}
    leads = dict.fromkeys(parameters, True)
    data = passes_data(names, steps)
    for node, described in zip(names, data["nodes"]):
        leads[node] = not parameters or node in leads or any(leads[operand] for operand in node.operands)
        described |= {
            "box": box_numbers.get(node, 0),
            "group": group_of[node],
            "absorbed": node in absorbed,
            "trained": leads[node],
        }
    order = {node: index for index, node in enumerate(names)}
    programs = [*recorded_program(names), straight_line_program(names)]
    return {
        **data,
        "groups": [one_line(box.name) for box in groups],
        "listings": [_listing(program, order) for program in programs if program.lines],
    }


def _listing(program: Listing, order: Mapping[Value, int]) -> dict[str, object]:
    return {
        "title": program.title,
        "lines": program.lines,
        "marks": [[order[node], position, marks] for (node, position), marks in program.marks.items()],
    }
