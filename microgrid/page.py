"""Both passes as one web page to step through: a single file that needs no network and no server.

    write_page(loss, "loss.html")   # open it in a browser; loss.html#step=17 opens at that step
    show(loss)                      # the same inline in a notebook

The page tells the forward pass node by node and the backward pass Step by Step. All numbers are computed and
written here; page.html only shows them.
"""

import base64
import hashlib
import html
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from microgrid.drawing import draw
from microgrid.files import write_whole
from microgrid.names import expression, node_names, one_line, short
from microgrid.steps import Step, backward_steps
from microgrid.value import Value, topological_order

if TYPE_CHECKING:
    import graphviz

MAX_NODES = 1000
OTHERWISE = "take a smaller one, or step through it with debug(root)"

Number = tuple[str, str]  # a number as it is shown, and in full
Moment = dict[str, object]  # what the page shows at one of its steps


def write_page(root: Value, path: str | os.PathLike[str]) -> Path:
    """Write both passes under root as one self-contained web page, and return its path.

    The grads stay as they are. Raises ValueError for a graph of more than 1,000 nodes and for one that `draw`
    does not lay out, OSError where the file cannot be written, and graphviz.ExecutableNotFound where
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

    The grads stay as they are. Raises what `write_page` raises.
    """
    return Page(_page(root), height)


def _page(root: Value) -> str:
    """Return the page's HTML."""
    if (count := len(topological_order(root))) > MAX_NODES:
        raise ValueError(
            f"the graph has {count} nodes, more than the {MAX_NODES} that a page can show: {OTHERWISE}"
        )
    template = Path(__file__).with_name("page.html").read_text(encoding="utf-8")
    graph, story = _graph_and_story(root)
    contents = {
        "POLICY": _policy(template),
        "TITLE": html.escape(f"{one_line(node_names(root)[root])}, step by step"),
        "GRAPH": graph,
        "STORY": _json(story),
    }
    # No content can hold such a mark, since every < in it is escaped.
    return re.sub(r"<!--([A-Z]+)-->", lambda mark: contents[mark[1]], template)


def _policy(template: str) -> str:
    """Return the content security policy that allows the template's own script and style alone."""

    def own(element: str) -> str:
        text = re.search(f"<{element}>(.*?)</{element}>", template, re.DOTALL)
        assert text
        digest = hashlib.sha256(text[1].encode()).digest()
        return f"'sha256-{base64.b64encode(digest).decode()}'"

    return (
        f"default-src 'none'; script-src {own('script')}; style-src {own('style')}; "
        "base-uri 'none'; form-action 'none'"
    )


def _json(content: object) -> str:
    """Return content as JSON that may stand in a script element: ASCII, with no < that could end it."""
    return json.dumps(content, separators=(",", ":")).replace("<", "\\u003c")


def _graph_and_story(root: Value) -> tuple[str, dict[str, object]]:
    """Return the graph as SVG and both passes over it, leaving the grads as they are."""
    names = node_names(root)
    found = [node.grad for node in names]
    try:
        steps = list(backward_steps(root))
        root.grad = 1.0
        svg = _picture(root).pipe(format="svg", encoding="utf-8")
    finally:
        for node, grad in zip(names, found):
            node.grad = grad
    svg = re.sub(r"<!--.*?-->", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    numbers = {node: number for number, node in enumerate(names)}
    nodes = [
        {
            "name": one_line(name),
            "made": one_line(expression(node, names)) if node.operands else "",
            "data": _number(node.data),
        }
        for node, name in names.items()
    ]
    return svg, {"nodes": nodes, "moments": list(_moments(root, names, numbers, steps))}


def _picture(root: Value) -> "graphviz.Digraph":
    """Return the graph as the page shows it; ValueError where its layout would take very long."""
    try:
        return draw(root, local_grads=True)
    except ValueError as error:
        raise ValueError(f"{str(error).partition(': ')[0]}: {OTHERWISE}") from None


def _moments(
    root: Value, names: dict[Value, str], numbers: dict[Value, int], steps: list[Step]
) -> Iterator[Moment]:
    """Yield what the page shows at each of its steps, from the one at which nothing is computed yet."""
    name = one_line(names[root])
    yield {
        "pass": "start",
        "title": "Before the forward pass",
        "tally": "",
        "names": [("", f"{name} = {one_line(expression(root, names))}")],
        "numbers": [],
        "sentence": (
            f"The forward pass gives {_count(len(names), 'Value')} a number, operands before results; "
            f"the backward pass then sums {_count(len(steps), 'contribution')} to their gradients."
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
        "names": [("operand", f"∂{name}/∂{name}")],
        "numbers": [("operand", "1")],
        "sentence": f"{name} grows exactly as fast as itself, so its gradient is 1; all others start at 0.",
        "grad": _number(1.0),
    }
    for count, step in enumerate(steps, 1):
        yield _contributed(step, count, numbers, len(steps))


def _computed(node: Value, number: int, names: dict[Value, str], total: int) -> Moment:
    """Return the step of the forward pass at which a node gets its number."""
    name, made, data = one_line(names[node]), one_line(expression(node, names)), short(node.data)
    in_numbers = expression(node, {operand: _bracketed(node, operand) for operand in node.operands})
    return {
        "pass": "forward",
        "title": f"Forward pass, Value {number + 1} of {total}",
        "tally": "",
        "node": number,
        "operand": None,
        "names": [("node", name), ("", f" = {made}")] if node.operands else [("node", name)],
        "numbers": [("", f"{in_numbers} = "), ("node", data)] if node.operands else [("node", data)],
        "sentence": (
            f"{name} is computed from its operands: {made} is {data}."
            if node.operands
            else f"{name} is a leaf: its number, {data}, is given."
        ),
    }


def _bracketed(node: Value, operand: Value) -> str:
    """Return an operand's number, in brackets where its sign would be read as part of the operation."""
    number = short(operand.data)
    is_call = node.op.isidentifier() and node.op != "neg"
    return number if is_call or not number.startswith("-") else f"({number})"


def _contributed(step: Step, count: int, numbers: dict[Value, int], total: int) -> Moment:
    """Return the step of the backward pass at which a node hands an operand its share."""
    target, product = step.in_names().split(" += ", 1)
    given, local_grad = product.split(" · ", 1)
    given_number, rest = step.in_numbers().split(" · ", 1)
    local_number, sum_ = rest.split(" → ", 1)
    return {
        "pass": "backward",
        "title": f"Backward pass, step {count} of {total}",
        "tally": f"{one_line(step.names[step.operand])} collects {step.place()}",
        "node": numbers[step.node],
        "operand": numbers[step.operand],
        "position": step.position,
        "names": [("operand", target), ("", " += "), ("node", given), ("", " · "), ("edge", local_grad)],
        "numbers": [
            ("node", given_number),
            ("", " · "),
            ("edge", local_number),
            ("", " → "),
            ("operand", sum_),
        ],
        "sentence": step.sentence(),
        "grad": _number(step.after),
    }


def _number(number: float) -> Number:
    return short(number), repr(number)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
