"""Both passes as one animated SVG without a script, which plays wherever an image is shown.

    write_animation(loss, "loss.svg")   # ![Both passes](loss.svg) in a README

On the picture of `draw` the results get their numbers along the arrows, then the gradients go back against
them, with the step written below. The first frame is the picture with all numbers: viewers without animation
show it, and viewers whose user prefers reduced motion.
"""

import os
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Iterator
from itertools import accumulate, pairwise
from math import dist
from pathlib import Path
from unicodedata import east_asian_width
from xml.etree.ElementTree import Element, SubElement

from microgrid.arguments import one_line
from microgrid.drawing import TooLarge, draw, ended
from microgrid.files import write_whole
from microgrid.names import Part, expression, in_numbers, node_names, short, text
from microgrid.steps import Step, backward_steps, bracketed, grads_after
from microgrid.value import Value

MAX_STEPS = 120  # results and uses of the chain rule: about five minutes
ADVICE = "take a smaller one, or write its page"

# Seconds that the picture stands still, and that a step of each pass takes; the parts of a step after which
# the moving number reaches the local gradient, leaves it as a product, and arrives.
STILL, FORWARD, BACKWARD = 3.0, 1.6, 2.8
REACHED, MULTIPLIED, ARRIVED = 0.25, 0.5, 0.75

LINE, NUMBER = 16, 14  # sizes of letters, in points
LONGEST_LINE = 800.0
LONGEST_SUM = 14  # letters, for which a box has room

Point = tuple[float, float]
SVG = "http://www.w3.org/2000/svg"
ElementTree.register_namespace("", SVG)
ElementTree.register_namespace("xlink", "http://www.w3.org/1999/xlink")

# What is animated has the name of its animation; only where motion is welcome does it take time.
STYLE = """
svg { --paper: #fff; --ink: #000; --node: #0b5cad; --operand: #b04a00; --local-grad: #7a3596 }
.paper { fill: var(--paper) }
.line, .pill { font-family: Arial, Helvetica, sans-serif; text-anchor: middle }
.line { font-size: 16px; fill: var(--ink) }
.pill { font-size: 14px; font-weight: bold }
.pill text { fill: var(--paper) }
.mark { fill: none; stroke-width: 3.5 }
.mark.node-role { stroke: var(--node) }
.mark.operand-role { stroke: var(--operand) }
.mark.local_grad-role { stroke: var(--local-grad) }
tspan.node-role, rect.node-role { fill: var(--node) }
tspan.operand-role, rect.operand-role { fill: var(--operand) }
:is(tspan, rect, text, polygon).local_grad-role { fill: var(--local-grad) }
.moving { offset-rotate: 0deg }
.forward { animation-name: forward }
.forward .moving { animation-name: along }
.forward .pill { animation-name: arriving }
.backward { animation-name: backward }
.backward .moving { animation-name: against }
.backward .pill:nth-child(1) { animation-name: leaving }
.backward .pill:nth-child(2) { animation-name: multiplied }
.backward .pill:nth-child(3) { animation-name: arriving-product }
@media (prefers-reduced-motion: no-preference) {
  * { animation: SECONDSs step-end infinite; animation-delay: var(--delay, 0s) }
  .moving { animation-timing-function: ease-in-out }
}
@media (prefers-color-scheme: dark) {
  svg { --paper: #16181b; --ink: #e8e8e4; --node: #79b8ff; --operand: #ffab70; --local-grad: #d7a6f0 }
  .node text, .edge text { fill: var(--ink) }
  .node :is(path, polygon), .edge :is(path, polygon) { stroke: var(--ink) }
  .edge polygon { fill: var(--ink) }
  .input :is(path, polygon) { fill: #17324f }
  .intermediate :is(path, polygon) { fill: #272c32 }
  .root :is(path, polygon) { fill: #123f2a }
}
"""


def write_animation(root: Value, path: str | os.PathLike[str]) -> Path:
    """Write both passes under root as one animated SVG, and return its path.

    No grad changes. Raises ValueError if the passes have more than 120 steps (results and uses of the chain
    rule) or the graph is too large for `draw`, OSError if the file cannot be written, and
    graphviz.ExecutableNotFound if nothing is installed that lays it out; then an older file stays as it was.
    """
    write_whole(path, _Animation(root).svg())
    return Path(path)


class _Animation:
    """The picture of a graph, and on it one step after the other."""

    def __init__(self, root: Value) -> None:
        given = node_names(root)
        self.names = {node: ended(one_line(name), 40) for node, name in given.items()}
        nodes = [node for node in given if node.op != "constant" or node is root]
        results = [node for node in nodes if node.operands]
        steps = list(backward_steps(root, self.names))
        if (count := len(results) + len(steps)) > MAX_STEPS:
            raise ValueError(
                f"the passes have {count} steps, more than the {MAX_STEPS} of an animation: {ADVICE}"
            )
        grads = grads_after(root, steps)
        try:
            svg = draw(root, names=given, grads=grads, local_grads=True).pipe(format="svg", encoding="utf-8")
        except TooLarge as error:
            raise ValueError(f"{error.reason}: {ADVICE}") from None
        self.document = ElementTree.fromstring(svg)
        self.width, self.height = map(float, self.document.attrib["viewBox"].split()[2:])
        self.line_width = 0.0
        (self.graph,) = self.document.findall(f"{{{SVG}}}g")
        (background,) = self.graph.findall(f"{{{SVG}}}polygon")
        self.graph.remove(background)
        groups = {group.get("id"): group for group in self.graph.iter(f"{{{SVG}}}g")}
        self.box = {node: groups[f"node-{k}"] for k, node in enumerate(nodes, start=1)}
        self.data = {node: groups[f"a_data-{k}"] for k, node in enumerate(nodes, start=1)}
        self.grad = {node: groups[f"a_grad-{k}"] for k, node in enumerate(nodes, start=1)}
        self.arrow = {
            (node, position): groups[f"edge-{k}-{position}"]
            for k, node in enumerate(nodes, start=1)
            for position, operand in enumerate(node.operands)
            if operand in self.box
        }
        self.keyframes: dict[str, str] = {}  # what they do, and their name
        self.end = STILL + FORWARD * (1 + len(results)) + BACKWARD * (1 + len(steps))
        self.now = STILL
        self.add_forward(results)
        self.add_backward(root, steps)
        still = SubElement(self.graph, "g")
        self.hide(still, STILL, self.end)
        self.write(still, 1, [Part("Forward, along the arrows: each result gets its data.")])
        self.write(still, 2, [Part("Backward, against them: each grad times the arrow's number.")])

    def add_forward(self, results: list[Value]) -> None:
        """Add the forward pass: the numbers of the operands go to the result."""
        frame = self.frame("forward", FORWARD)
        self.write(frame, 1, [Part("The forward pass begins:")])
        self.write(frame, 2, [Part("the numbers of the leaves are given.")])
        for node in results:
            arrives = self.now + ARRIVED * FORWARD
            frame = self.frame("forward", FORWARD)
            self.mark(frame, self.box[node], "node")
            self.hide(_last_text(self.data[node]), STILL, arrives)
            for position, operand in enumerate(node.operands):
                if operand in self.box:
                    self.hide(_last_text(self.arrow[node, position]), STILL, arrives)
                    self.move(frame, self.data, node, position, [Part(short(operand.data), "operand")])
            name = Part(self.names[node], "node")
            self.write(frame, 1, [name, Part(" = "), *expression(node, self.names)])
            self.write(frame, 2, [Part("= "), *in_numbers(node), Part(" = "), Part(short(node.data), "node")])

    def add_backward(self, root: Value, steps: list[Step]) -> None:
        """Add the backward pass: a grad is multiplied on its way to the grad that it joins."""
        shown = {node: [(self.now, "1" if node is root else "0")] for node in self.box}
        frame = self.frame("backward", BACKWARD)
        self.mark(frame, self.box[root], "operand")
        self.write(frame, 1, [Part("The backward pass begins:")])
        self.write(frame, 2, [Part(f"{self.names[root]}.grad", "operand"), Part(" is 1, the others are 0.")])
        for step in steps:
            arrives = self.now + ARRIVED * BACKWARD
            frame = self.frame("backward", BACKWARD)
            self.mark(frame, self.box[step.node], "node")
            self.mark(frame, self.box[step.operand], "operand")
            self.mark(frame, self.arrow[step.node, step.position], "local_grad")
            node_grad = short(step.node_grad)
            stages = [
                Part(node_grad, "node"),
                Part(f"{node_grad} · {bracketed(step.local_grad)}", "local_grad"),
                Part(short(step.contribution), "operand"),
            ]
            self.move(frame, self.grad, step.node, step.position, stages)
            after = short(step.after)
            joined = step.sum() if len(step.sum()) <= LONGEST_SUM else after
            shown[step.operand] += [(arrives, joined), (self.now, after)]
            self.write(frame, 1, step.in_names())
            self.write(frame, 2, [Part("= "), *step.in_numbers()])
        for node, times in shown.items():
            number = _last_text(self.grad[node])
            for (start, content), (stop, _) in pairwise(times):
                partial = SubElement(self.grad[node], "text", {**number.attrib, "opacity": "0"})
                partial.text = content
                self.animate(partial, f"{self.at(start)} {{ opacity: 1 }} {self.at(stop)} {{ opacity: 0 }}")
            self.hide(number, STILL, times[-1][0])

    def frame(self, name: str, seconds: float) -> Element:
        """Return a group that is seen from now on for so long, and go on to what comes after it."""
        style = f"--delay:{self.now - self.end:.1f}s"  # as if it had begun before the picture was opened
        self.now += seconds
        return SubElement(self.graph, "g", {"class": name, "opacity": "0", "style": style})

    def hide(self, element: Element, start: float, stop: float) -> None:
        """Let an element be away from one time to another."""
        self.animate(element, f"{self.at(start)} {{ opacity: 0 }} {self.at(stop)} {{ opacity: 1 }}")

    def animate(self, element: Element, keyframes: str) -> None:
        """Give an element an animation, which it shares with all that do the same."""
        name = self.keyframes.setdefault(keyframes, f"k{len(self.keyframes)}")
        element.set("style", f"animation-name:{name}")

    def at(self, seconds: float) -> str:
        """Return a time as keyframes give it."""
        return f"{100 * seconds / self.end:.3f}%"

    def mark(self, frame: Element, group: Element, role: str) -> None:
        """Set off a box's outline, or an arrow and its number, in the colour of a role."""
        for part in group.iter():
            if part.tag in (f"{{{SVG}}}path", f"{{{SVG}}}polygon"):
                name = "d" if "d" in part.attrib else "points"
                SubElement(frame, part.tag, {name: part.attrib[name], "class": f"mark {role}-role"})
        if role == "local_grad":
            number = _last_text(group)
            SubElement(frame, "text", {**number.attrib, "class": f"{role}-role"}).text = number.text

    def move(
        self, frame: Element, numbers: dict[Value, Element], node: Value, position: int, stages: list[Part]
    ) -> None:
        """Let numbers, one after the other, go from the operand to the node, or back where they are grads."""
        arrow = self.arrow[node, position]
        (line,) = arrow.iter(f"{{{SVG}}}path")
        curve = line.attrib["d"]
        start, stop = _middle(numbers[node.operands[position]]), _middle(numbers[node])
        # offset-path leads from number to number, by way of the arrow.
        path = f"M{start[0]:.1f},{start[1]:.1f}L{curve[1:]}L{stop[0]:.1f},{stop[1]:.1f}"
        points = [start, *_sampled(curve), stop]
        lengths = [0.0, *accumulate(dist(one, other) for one, other in pairwise(points))]
        label = _middle(arrow)
        nearest = min(range(len(points)), key=lambda i: dist(points[i], label))
        style = f"offset-path:path('{path}');--number:{100 * lengths[nearest] / lengths[-1]:.1f}%"
        moving = SubElement(frame, "g", {"class": "moving", "style": style})
        for stage in stages:
            pill, width = SubElement(moving, "g", {"class": "pill"}), _width(stage.text, NUMBER) + 14
            size = {"x": f"{-width / 2:.1f}", "y": "-11", "width": f"{width:.1f}", "height": "22", "rx": "11"}
            SubElement(pill, "rect", {**size, "class": f"{stage.role}-role"})
            SubElement(pill, "text", {"y": "5"}).text = stage.text

    def write(self, frame: Element, row: int, parts: Iterable[Part]) -> None:
        """Write parts of a step below the picture, in the colours of their roles."""
        parts = list(parts)
        x, y = f"{self.width / 2 - 4:.1f}", f"{row * 24 + 4}"
        line = SubElement(frame, "text", {"class": "line", "x": x, "y": y})
        for part in parts:
            SubElement(line, "tspan", {"class": f"{part.role}-role"} if part.role else {}).text = part.text
        width = _width(text(parts), LINE)
        if width > LONGEST_LINE:
            line.attrib |= {"textLength": f"{LONGEST_LINE:.0f}", "lengthAdjust": "spacingAndGlyphs"}
        self.line_width = max(self.line_width, min(width, LONGEST_LINE))

    def svg(self) -> str:
        """Return it all as the text of a file."""
        width, height = max(self.width, self.line_width + 24), self.height + 60
        self.document.attrib |= {
            "width": f"{width:.0f}pt",
            "height": f"{height:.0f}pt",
            "viewBox": f"0 0 {width:.0f} {height:.0f}",
        }
        self.graph.set("transform", f"translate({(width - self.width) / 2 + 4:.2f} {self.height - 4:.2f})")
        keyframes = {name: keyframes for keyframes, name in self.keyframes.items()} | self.of_passes()
        style = Element("style")
        style.text = STYLE.replace("SECONDS", f"{self.end:.1f}") + "\n".join(
            f"@keyframes {name} {{ {frames} }}" for name, frames in keyframes.items()
        )
        paper = Element("rect", {"class": "paper", "width": "100%", "height": "100%", "fill": "#fff"})
        self.document[:0] = [style, paper]
        return ElementTree.tostring(self.document, encoding="unicode") + "\n"

    def of_passes(self) -> dict[str, str]:
        """Return the keyframes that the steps of a pass share, by name."""
        arrived = self.at(ARRIVED * FORWARD)
        end, reached, multiplied, received = (
            self.at(p * BACKWARD) for p in (1, REACHED, MULTIPLIED, ARRIVED)
        )
        seen, unseen, number = "{ opacity: 1 }", "{ opacity: 0 }", "{ offset-distance: var(--number) }"
        return {
            "forward": f"0% {seen} {self.at(FORWARD)} {unseen}",
            "along": f"0% {{ offset-distance: 0% }} {arrived}, 100% {{ offset-distance: 100% }}",
            "arriving": f"0% {seen} {arrived} {unseen}",
            "backward": f"0% {seen} {end} {unseen}",
            "against": f"0% {{ offset-distance: 100% }} {reached} {number} {multiplied} {number}"
            f" {received}, 100% {{ offset-distance: 0% }}",
            "leaving": f"0% {seen} {reached} {unseen}",
            "multiplied": f"0% {unseen} {reached} {seen} {multiplied} {unseen}",
            "arriving-product": f"0% {unseen} {multiplied} {seen} {received} {unseen}",
        }


def _last_text(group: Element) -> Element:
    """Return the last text in a group: its number."""
    *_, number = group.iter(f"{{{SVG}}}text")
    return number


def _middle(group: Element) -> Point:
    """Return where the middle of a group's number is."""
    number = _last_text(group)
    x, y = float(number.attrib["x"]), float(number.attrib["y"])
    return x + _width(number.text or "", NUMBER) / 2, y - NUMBER / 3


def _sampled(curve: str) -> Iterator[Point]:
    """Yield points of an arrow's line, which consists of Bézier curves."""
    coordinates = [float(number) for number in re.findall(r"-?[\d.]+", curve)]
    points = list(zip(coordinates[::2], coordinates[1::2]))
    for i in range(0, len(points) - 3, 3):
        for t in (k / 10 for k in range(10)):
            weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
            x, y = (sum(w * p for w, p in zip(weights, axis)) for axis in zip(*points[i : i + 4]))
            yield x, y


def _width(line: str, size: int) -> float:
    """Return about how wide a line is in letters of that size."""
    return size * sum(
        1.0 if east_asian_width(letter) in "WF" or letter in "MWmw@" else 0.55 for letter in line
    )
