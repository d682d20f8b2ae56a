"""Both passes as one web page to step through: a single file that needs no network and no server.

    write_page(loss, "loss.html")   # open it in a browser; loss.html#step=17 opens at that step
    show(loss)                      # the same inline in a notebook

The page tells the forward pass Value by Value and the backward pass Step by Step. Constants stand in the
expressions and nowhere else. All numbers are computed and written here; the script of the page only shows them.
"""

import base64
import hashlib
import html
import json
import os
import re
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path

from microgrid.arguments import one_line
from microgrid.drawing import draw
from microgrid.files import write_whole
from microgrid.names import Part, expression, node_names, number_term, short, text, written
from microgrid.steps import Step, backward_steps
from microgrid.value import Value

MAX_NODES = 1000
OTHERWISE = "take a smaller one, or step through it with debug(root)"

Number = tuple[str, str]  # a number as it is shown, and in full
PageStep = dict[str, object]  # what the page shows at one of its steps, of both passes


def write_page(root: Value, path: str | os.PathLike[str]) -> Path:
    """Write both passes under root as one self-contained web page, and return its path.

    No grad changes. Raises ValueError if the graph has more than 1,000 nodes, constants not counted, or if
    `draw` does not lay it out, OSError if the file cannot be written, and graphviz.ExecutableNotFound if
    Graphviz's dot is not installed; then no file is left behind, and an older one stays as it was.
    """
    write_whole(path, _page(root))
    return Path(path)


class Page:
    """A web page that a notebook shows inline."""

    def __init__(self, text: str, height: int) -> None:
        self.text = text
        self.height = height

    def _repr_html_(self) -> str:
        # The sandbox keeps the page from the notebook it is shown in.
        return (
            f'<iframe srcdoc="{html.escape(self.text)}" sandbox="allow-scripts" title="Both passes" '
            f'style="width: 100%; height: {self.height}px; border: 1px solid #8888"></iframe>'
        )


def show(root: Value, height: int = 680) -> Page:
    """Return both passes under root as a page that a notebook shows inline, height pixels high.

    No grad changes. Raises what `write_page` raises.
    """
    return Page(_page(root), height)


def _page(root: Value) -> str:
    """Return the page's HTML."""
    # Sorted once: the names are the order.
    given = node_names(root)
    names = {node: one_line(name) for node, name in given.items()}
    # Constants stand in the expressions; a graph that is one constant has a box for it.
    numbers = {
        node: number
        for number, node in enumerate(node for node in names if node.op != "constant" or node is root)
    }
    if (count := len(numbers)) > MAX_NODES:
        raise ValueError(
            f"the graph has {count} nodes, more than the {MAX_NODES} that a page can show: {OTHERWISE}"
        )
    steps = list(backward_steps(root, given))
    style, script = _part("page.css"), _part("page.js")
    contents = {
        "POLICY": _policy(style, script),
        "STYLE": style,
        "SCRIPT": script,
        "TITLE": html.escape(f"{names[root]}, step by step"),
        "GRAPH": _graph(root, given, steps),
        "STEPS": _json(
            {
                "nodes": [_described(node, names) for node in numbers],
                "steps": list(_page_steps(root, names, numbers, steps)),
            }
        ),
    }
    # No content can hold such a mark, since every < in it is escaped.
    return re.sub(r"<!--([A-Z]+)-->", lambda mark: contents[mark[1]], _part("page.html"))


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
    return json.dumps(content, separators=(",", ":")).replace("<", "\\u003c")


def _graph(root: Value, names: Mapping[Value, str], steps: list[Step]) -> str:
    """Return the graph as SVG, with the gradients at the end of the steps.

    Raises ValueError where its layout would take very long.
    """
    grads = {root: 1.0} | {step.operand: step.after for step in steps}
    try:
        svg = draw(root, names=names, grads=grads, local_grads=True).pipe(format="svg", encoding="utf-8")
    except ValueError as error:
        raise ValueError(f"{str(error).partition(': ')[0]}: {OTHERWISE}") from None
    return re.sub(r"<!--.*?-->", "", svg[svg.index("<svg") :], flags=re.DOTALL)


def _described(node: Value, names: Mapping[Value, str]) -> dict[str, object]:
    """Return what the page says of a node at every step."""
    made = text(expression(node, names)) if node.operands else ""
    return {"name": names[node], "made": made, "data": _number(node.data)}


def _page_steps(
    root: Value, names: Mapping[Value, str], numbers: Mapping[Value, int], steps: list[Step]
) -> Iterator[PageStep]:
    """Yield what the page shows at each of its steps, from the one at which nothing is computed yet."""
    yield {
        "pass": "start",
        "title": "Before the forward pass",
        "tally": "",
        "names": [Part(f"{names[root]} = {text(expression(root, names))}")],
        "numbers": [],
        "sentence": (
            f"The forward pass gives {_count(len(numbers), 'Value')} a number, operands before results; "
            f"the backward pass then adds {_count(len(steps), 'contribution')} to their gradients."
        ),
    }
    for node, number in numbers.items():
        yield _computed(node, number, names, len(numbers))
    yield {
        "pass": "backward",
        "title": "The backward pass begins",
        "tally": "",
        "node": None,
        "operand": numbers[root],
        "names": [Part(f"{names[root]}.grad", "operand"), Part(" = "), Part("1", "operand")],
        "numbers": [],
        "sentence": (
            f"{names[root]} grows exactly as fast as itself, so its gradient is 1; all others start at 0."
        ),
        "grad": _number(1.0),
    }
    for count, step in enumerate(steps, 1):
        yield {
            "pass": "backward",
            "title": f"Backward pass, step {count} of {len(steps)}",
            "tally": f"{names[step.operand]} receives {step.place()}",
            "node": numbers[step.node],
            "operand": numbers[step.operand],
            "position": step.position,
            "names": step.in_names(),
            "numbers": step.in_numbers(),
            "sentence": step.sentence(),
            "grad": _number(step.after),
        }


def _computed(node: Value, number: int, names: Mapping[Value, str], total: int) -> PageStep:
    """Return the step of the forward pass at which a node gets its number."""
    name, made, data = Part(names[node], "node"), expression(node, names), Part(short(node.data), "node")
    return {
        "pass": "forward",
        "title": f"Forward pass, Value {number + 1} of {total}",
        "tally": "",
        "node": number,
        "operand": None,
        "names": [name, Part(" = "), *(made if node.operands else [data])],
        "numbers": [*_in_numbers(node), Part(" = "), data] if node.operands else [],
        "sentence": (
            f"{name.text} is computed from its operands: {text(made)} is {data.text}."
            if node.operands
            else f"{name.text} is a leaf: its number, {data.text}, is given."
        ),
    }


def _in_numbers(node: Value) -> list[Part]:
    """Return how a node was made, in the numbers of its operands."""
    terms = []
    for operand in node.operands:
        number = short(operand.data)
        role = "" if operand.op == "constant" else "operand"
        terms.append(number_term(number, role))
    return written(node.op, terms).parts


def _number(number: float) -> Number:
    return short(number), repr(number)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
