"""A picture shows each node, each use of an operand and each label as it is: Graphviz reads it back."""

import json
import math
import os
import pickle
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter
from itertools import pairwise

import graphviz
import pytest
from graphs import random_graphs
from hypothesis import given, settings
from hypothesis import strategies as st

from microgrid import Value, backward_steps, draw, topological_order
from microgrid.arguments import one_line
from microgrid.drawing import TooLarge
from microgrid.folding import folded
from microgrid.names import node_names, short

SVG = "{http://www.w3.org/2000/svg}"
TITLE = "{http://www.w3.org/1999/xlink}title"


def neuron() -> dict[str, Value]:
    x, w, b = Value(2.0, label="x"), Value(-3.0, label="w[1,2]"), Value(7.5, label="b")
    product = w * x
    total = product + b
    y = total.relu() * 10
    y.label = "y"
    y.backward()
    return {"x": x, "w": w, "b": b, "product": product, "total": total, "y": y}


class Parts:
    """The nodes and edges of a picture's SVG, by their ids."""

    def __init__(self, picture: graphviz.Digraph) -> None:
        self.svg = ElementTree.fromstring(picture.pipe(format="svg", quiet=True))
        self.by_id = {group.attrib["id"]: group for group in self.svg.iter(f"{SVG}g")}

    def ids(self, kind: str) -> set[str]:
        return {key for key in self.by_id if key.startswith(f"{kind}-")}

    def texts(self, key: str) -> list[str]:
        """The texts of a group, with plain spaces: Graphviz writes every second one as a hard one."""
        return [(text.text or "").replace("\xa0", " ") for text in self.by_id[key].iter(f"{SVG}text")]

    def heading(self, key: str) -> str:
        """Return the texts above data and grad: the name, and how the node was made."""
        return "".join(self.texts(key)[:-4]).rstrip(" ")

    def classes(self, key: str) -> list[str]:
        return self.by_id[key].attrib["class"].split()

    def tooltip(self, key: str) -> str:
        link = self.by_id[key] if key.startswith("a_") else self.by_id[f"a_{key}"]
        anchor = link.find(f"{SVG}a")
        assert anchor is not None
        return anchor.attrib[TITLE].replace("\xa0", " ")


def edges_of(picture: graphviz.Digraph) -> Counter[tuple[int, int]]:
    """The pairs (operand, result) of numbers in topological order, as Graphviz's own parser reads them."""
    graph = json.loads(picture.pipe(format="json0"))
    names = {node["_gvid"]: node["name"] for node in graph.get("objects", [])}
    pairs = [(names[edge["tail"]], names[edge["head"]]) for edge in graph.get("edges", [])]
    return Counter((int(tail), int(head)) for tail, head in pairs if tail.isdigit())


# Boxes and arrows


def test_a_node_is_a_box_and_each_use_of_an_operand_an_arrow() -> None:
    x, b = Value(3.0, label="x"), Value(1.0, label="b")
    parts = Parts(draw(x * x + b))
    assert parts.ids("node") == {"node-1", "node-2", "node-3", "node-4"}
    assert parts.ids("edge") == {"edge-2-0", "edge-2-1", "edge-4-0", "edge-4-1"}


def test_a_constant_is_its_number_in_the_formula_and_a_box_on_request() -> None:
    x = Value(3.0, label="x")
    y = 2 - x
    y.backward()
    parts = Parts(draw(y))
    assert [parts.heading(key) for key in ("node-1", "node-2")] == ["x", "v1 = 2 - x"]
    assert parts.ids("node") == {"node-1", "node-2"}
    assert parts.ids("edge") == {"edge-2-1"}  # the operand's number
    parts = Parts(draw(y, constants=True))
    assert [parts.heading(f"node-{k}") for k in (1, 2, 3)] == ["2", "x", "v1 = 2 - x"]
    assert parts.classes("node-1") == ["node", "constant"]
    assert parts.ids("edge") == {"edge-3-0", "edge-3-1"}


def test_a_leaf_without_a_label_is_an_input_and_a_root_has_a_box_even_as_a_constant() -> None:
    leaf = Value(3.0)
    product = 2 * leaf
    parts = Parts(draw(product))
    assert (parts.classes("node-1"), parts.heading("node-1")) == (["node", "input"], "v1")
    assert Parts(draw(product.operands[0])).heading("node-1") == "2"


@given(root=random_graphs())
@settings(max_examples=15)
def test_any_graph_has_its_boxes_arrows_names_and_numbers(root: Value) -> None:
    root.backward()
    picture = draw(root, local_grads=True, constants=True)
    order = topological_order(root)
    number = {node: k for k, node in enumerate(order, start=1)}
    assert edges_of(picture) == Counter((number[o], number[node]) for node in order for o in node.operands)
    parts = Parts(picture)
    for node, name in node_names(root).items():
        k = number[node]
        assert parts.heading(f"node-{k}").startswith(name)
        assert parts.texts(f"a_data-{k}")[-1] == short(node.data)
        assert parts.texts(f"a_grad-{k}")[-1] == short(node.grad)
        assert f"data {node.data!r}\ngrad {node.grad!r}" in parts.tooltip(f"node-{k}")
        for p, local_grad in enumerate(node.local_grads):
            assert parts.texts(f"edge-{k}-{p}") == [short(local_grad)]
    assert parts.ids("node") == {f"node-{k}" for k in number.values()}


def test_a_box_says_how_its_node_was_made() -> None:
    parts = Parts(draw(neuron()["y"]))
    assert parts.heading("node-3") == "v1 = w[1,2] · x"
    assert parts.tooltip("node-3") == "v1 = w[1,2] · x\nintermediate\ndata -6.0\ngrad 10.0"
    assert parts.tooltip("edge-3-0") == "∂v1/∂w[1,2] = 2.0\ngradient carried: 20.0"


def test_the_arrows_of_an_operand_that_is_used_twice_are_told_apart_as_the_steps_do() -> None:
    x = Value(3.0, label="x")
    y = x * x
    y.label = "y"
    y.backward()
    parts = Parts(draw(y))
    told = [parts.tooltip(f"edge-2-{position}").partition(" = ")[0] for position in (0, 1)]
    assert told == ["∂y/∂x₁", "∂y/∂x₂"] == [step.in_names()[-1].text for step in backward_steps(y)]
    assert "2 uses of x: ∂y/∂x = 3.0" in Parts(draw(y, fold=True)).tooltip("edge-2-0")


def test_a_label_of_several_nodes_is_numbered() -> None:
    parts = Parts(draw(Value(1.0, label="h") + Value(2.0, label="h")))
    assert [parts.heading(f"node-{k}") for k in (1, 2)] == ["h (1)", "h (2)"]


def test_drawing_changes_nothing_and_gives_the_same_text_each_time() -> None:
    y = neuron()["y"]
    before = [(node.data, node.grad, node.label) for node in topological_order(y)]
    sources = {draw(y, flow=True, legend=True, local_grads=True, highlight=(y, 0)).source for _ in range(3)}
    assert len(sources) == 1
    assert [(node.data, node.grad, node.label) for node in topological_order(y)] == before


def test_gradients_can_be_given_instead_of_the_nodes_own() -> None:
    x = Value(3.0, label="x")
    y = x * x
    y.backward()
    parts = Parts(draw(y, grads={y: 2.0}, flow=True))
    assert [parts.texts(f"a_grad-{k}")[-1] for k in (1, 2)] == ["0", "2"]
    assert "gradient carried: 6.0" in parts.tooltip("edge-2-0")


def test_the_same_graph_gives_the_same_text_in_another_process() -> None:
    code = (
        "from microgrid import Value, draw\n"
        "xs = [Value(i, label=f'x[{i}]') for i in range(9)]\n"
        "print(draw(Value.sum(x * y for x in xs for y in xs).tanh(), parameters=xs[:4], fold=%s).source)"
    )
    for fold in (True, False):
        texts = {
            subprocess.run(
                [sys.executable, "-c", code % fold],
                env={**os.environ, "PYTHONHASHSEED": seed},
                capture_output=True,
                check=True,
                text=True,
            ).stdout
            for seed in "123"
        }
        assert len(texts) == 1


def chain(length: int) -> Value:
    """A chain of products with one w: its arrows lead on length · (length + 3) / 2 ranks in all."""
    w, node = Value(0.5, label="w"), Value(1.0, label="x")
    for _ in range(length):
        node = node * w
    return node


def test_a_chain_longer_than_the_recursion_limit_is_drawn_and_folded() -> None:
    node = Value(1.0, label="x")
    for _ in range(1500):
        node = node + 0.0
    assert draw(node, max_nodes=5000).source.count(" -> ") == 1500
    node.label = "end"
    assert [box.name for box in folded(node_names(node))] == ["x", "end"]


# Roles


def test_each_role_has_its_class_and_its_own_outline() -> None:
    nodes = neuron()
    parts = Parts(draw(nodes["y"], parameters=[nodes["w"], nodes["b"]], constants=True))
    roles = {parts.heading(f"node-{k}").split()[0]: parts.classes(f"node-{k}") for k in range(1, 9)}
    assert roles["x"] == ["node", "input"]
    assert roles["w[1,2]"] == roles["b"] == ["node", "parameter"]
    assert roles["v1"] == ["node", "intermediate"]
    assert roles["10"] == ["node", "constant"]
    assert roles["y"] == ["node", "root"]
    outlines = {
        role[1]: tuple(
            (shape.tag, len(shape.attrib.get("d", shape.attrib.get("points", "")).split()), width, dashes)
            for shape in parts.by_id[key].iter()
            if shape.tag in (f"{SVG}path", f"{SVG}polygon")
            for width, dashes in [(shape.attrib.get("stroke-width"), shape.attrib.get("stroke-dasharray"))]
        )
        for key in parts.ids("node")
        for role in [parts.classes(key)]
    }
    assert len(set(outlines.values())) == len(outlines) == 5


def test_a_root_looks_like_one_even_if_it_is_a_leaf_or_a_parameter() -> None:
    x = Value(1.0, label="x")
    assert Parts(draw(x, parameters=[x])).classes("node-1") == ["node", "root"]


def test_a_legend_shows_each_role_once_and_leaves_the_graph_as_it_is() -> None:
    y = neuron()["y"]
    parts = Parts(draw(y, legend=True, flow=True, local_grads=True, constants=True))
    legend = {key.removeprefix("legend-") for key in parts.ids("legend") if len(parts.classes(key)) == 2}
    assert legend == {"input", "parameter", "constant", "intermediate", "root"}
    assert {parts.texts(f"legend-tail-{i}")[0] for i in range(5)} == {
        "∂result/∂operand",
        "the largest gradient",
        "a hundredth of it",
        "none",
        "inf or nan",
    }
    assert len(parts.ids("node")) == 8 and len(parts.ids("edge")) == 7
    assert "legend-constant" not in Parts(draw(y, legend=True)).ids("legend")


@pytest.mark.parametrize("rankdir", ["LR", "RL", "TB", "BT"])
@pytest.mark.parametrize("flow", [False, True])
def test_a_legend_is_no_taller_than_its_graph(rankdir: str, flow: bool) -> None:
    x = Value(3.0, label="x")
    total = Value.sum([(x - 5).relu(), (x / 20).tanh(), (x * 3).exp()])
    total.backward()
    picture = json.loads(draw(total, rankdir=rankdir, flow=flow, legend=True).pipe(format="json"))
    (frame,) = [thing for thing in picture["objects"] if thing["name"] == "cluster_legend"]
    _, bottom, _, top = map(float, frame["bb"].split(","))
    graph = json.loads(draw(total, rankdir=rankdir, flow=flow).pipe(format="json"))
    assert top - bottom <= float(graph["bb"].split(",")[3])


# Flow


def width(parts: Parts, key: str) -> float:
    path = parts.by_id[key].find(f".//{SVG}path")
    assert path is not None
    return float(path.attrib.get("stroke-width", "1"))


def is_dashed(parts: Parts, key: str) -> bool:
    path = parts.by_id[key].find(f".//{SVG}path")
    return path is not None and "stroke-dasharray" in path.attrib


def test_an_arrow_widens_with_the_gradient_that_it_carries() -> None:
    factors = [1000.0, 100.0, 10.0, 1.0, 0.0]
    total = Value.sum([Value(1.0, label=f"x{i}") * factor for i, factor in enumerate(factors)])
    total.backward()
    parts = Parts(draw(total, flow=True))
    widths = [width(parts, f"edge-{2 * i}-0") for i in range(1, 6)]
    assert widths[:4] == sorted(set(widths[:4]), reverse=True)
    steps = [wider - narrower for wider, narrower in pairwise(widths[:4])]
    assert steps == pytest.approx([steps[0]] * 3)  # the same for each factor of ten
    assert [is_dashed(parts, f"edge-{2 * i}-0") for i in range(1, 6)] == [False] * 4 + [True]


def test_a_dead_relu_and_an_exploding_branch_are_seen() -> None:
    x = Value(0.0, label="x")
    total = (x - 1).relu() + x.sqrt()
    total.backward()
    assert math.isinf(x.grad)
    parts = Parts(draw(total, flow=True))
    names = {parts.heading(f"node-{k}").split()[0]: k for k in range(1, 6)}
    relu, sqrt = names["v2"], names["v3"]
    assert is_dashed(parts, f"edge-{relu}-0")
    assert width(parts, f"edge-{sqrt}-0") > 6
    assert "carried: inf" in parts.tooltip(f"edge-{sqrt}-0")


def test_before_the_backward_pass_no_arrow_has_carried_anything() -> None:
    x = Value(3.0, label="x")
    parts = Parts(draw(x * x, flow=True))
    assert is_dashed(parts, "edge-2-0") and is_dashed(parts, "edge-2-1")


# Highlight


def marked(parts: Parts) -> set[str]:
    return {key for key in parts.ids("node") | parts.ids("edge") if "highlight" in parts.classes(key)}


def test_a_node_is_highlighted_and_nothing_else() -> None:
    nodes = neuron()
    parts = Parts(draw(nodes["y"], highlight=nodes["total"]))
    assert {parts.heading(key) for key in marked(parts)} == {"v2 = v1 + b"}


def test_a_use_without_an_arrow_is_highlighted_in_its_box() -> None:
    x = Value(3.0, label="x")
    y = 2 * x
    for highlight in ((y, 0), y.operands[0]):
        assert marked(Parts(draw(y, highlight=highlight))) == {"node-2"}


def test_one_of_two_uses_is_highlighted_and_nothing_else() -> None:
    x = Value(3.0, label="x")
    y = x * x
    parts = Parts(draw(y, highlight=(y, 1)))
    assert marked(parts) == {"edge-2-1"}
    assert width(parts, "edge-2-1") > width(parts, "edge-2-0")


def test_in_a_folded_drawing_the_box_or_arrow_of_a_node_is_highlighted() -> None:
    root = layer()
    product = root.operands[0].operands[0].operands[0]
    for highlight, ids in ((product, {"node-3"}), ((product, 0), {"edge-3-0"}), ((root, 1), {"edge-4-0"})):
        parts = Parts(draw(root, fold=True, highlight=highlight))
        assert marked(parts) == ids


# Folding


def layer(samples: int = 3) -> Value:
    w = [Value(0.5 * j, label=f"w[{j}]") for j in (1, 2)]
    hidden = []
    for k in range(1, samples + 1):
        x = [Value(k / j, label=f"x[{k},{j}]") for j in (1, 2)]
        hidden.append(Value.sum(a * b for a, b in zip(x, w)).relu())
        hidden[-1].label = f"h[{k}]"
    root = Value.sum(hidden)
    root.label = "total"
    return root


def test_values_with_one_stem_are_one_box_with_their_shape() -> None:
    root = layer()
    root.backward()
    parts = Parts(draw(root, fold=True))
    assert parts.tooltip("node-1") == "x 3 × 2\ninput\ndata 0.5 … 3.0\ngrad 0.5 … 1.0"
    assert parts.tooltip("node-2") == "w 2\ninput\ndata 0.5 … 1.0\ngrad 3.0 … 6.0"
    assert parts.tooltip("node-3").splitlines()[0] == "h 3 = relu(sum(x · w))"
    assert parts.tooltip("node-4").splitlines()[0] == "total = sum(h)"
    assert parts.ids("node") == {"node-1", "node-2", "node-3", "node-4"}
    assert parts.ids("edge") == {"edge-3-0", "edge-3-1", "edge-4-0"}


def test_labels_that_feed_their_own_stem_make_an_arrow_from_the_box_to_itself() -> None:
    state = Value(1.0, label="h[0]")
    for t in range(1, 4):
        state = (state * 0.5).tanh()
        state.label = f"h[{t}]"
    (box,) = folded(node_names(state))
    assert [(arrow.operand, len(arrow.uses)) for arrow in box.arrows] == [(box, 3)]
    assert Parts(draw(state, fold=True)).ids("edge") == {"edge-1-0"}


def test_a_range_does_not_hide_a_nan() -> None:
    nodes = [Value(number, label=f"x[{i}]") for i, number in enumerate((1.0, math.nan, 3.0))]
    parts = Parts(draw(Value.sum(nodes), fold=True))
    assert parts.texts("a_data-1")[-1] == "1 … 3, nan"


# Labels are data

AWKWARD = [
    *('"', "'", "\\", "\\N", "\\\\G", "\\L\\E\\T\\H", "a\\", "\\n", "<", ">", "<b>x</b>", "<!-- -->", "-->"),
    *("&", "&amp;", "&#38;", "&lt;b&gt;", "{a|b}", "%", "node", "a:b", " ", "  a  b ", "\xa0"),
    *("]", "]]>", "[", "[1]", "x[]", "x[1]", "x[1][2]", "x[a]]", "]x[", "x[\\N]", "x[<&>]"),
    *("a\nb", "a\r\nb\rc", "a\r", "\r", "\n"),
    *("\t", "\x00", "\x1b[31m", "\x7f", "\x85", "\ud800", "\ufffe", "\u2028", "\u202e"),
    *("é", "e\u0301", "漢字", "🚢", "👩\u200d🚀"),
]
LABELS = st.lists(
    st.sampled_from(AWKWARD) | st.text(min_size=1, max_size=8) | st.text("\\NGLETH&;#<>\"'[]\n", min_size=1),
    min_size=30,
    max_size=30,
)


def as_shown(label: str) -> str:
    """The label with \\n for all line ends, and control characters escaped as they are in every view."""
    return "\n".join(map(one_line, re.split("\r\n?|\n", label)))


@given(labels=st.just(AWKWARD) | LABELS)
@settings(max_examples=12)
def test_every_label_comes_out_as_itself_in_boxes_and_in_tooltips(labels: list[str]) -> None:
    root = Value.sum([Value(float(k), label=label) for k, label in enumerate(labels)])
    root.label = "root"
    parts = Parts(draw(root))
    for k, (node, name) in enumerate(node_names(root).items(), start=1):
        if node is root:
            break
        label = as_shown(name)
        assert "".join(parts.texts(f"node-{k}")[:-4]) == label.replace("\n", "")
        assert parts.tooltip(f"node-{k}") == f"{label}\ninput\ndata {node.data}\ngrad 0.0"


def test_a_label_with_a_line_end_is_written_on_two_lines() -> None:
    parts = Parts(draw(Value(1.0, label="one\ntwo")))
    first, second = list(parts.by_id["node-1"].iter(f"{SVG}text"))[:2]
    assert (first.text, second.text) == ("one", "two")
    assert float(second.attrib["y"]) > float(first.attrib["y"])
    assert first.attrib["x"] == second.attrib["x"]


@pytest.mark.parametrize("character", ["&", "\\", "a", "\n", "\x00", "\U000e0001", "]", "漢"])
def test_a_long_label_ends_in_an_ellipsis_and_is_whole_in_the_tooltip(character: str) -> None:
    label = f"{character * 20_000}end"
    x = Value(2.0, label=label)
    parts = Parts(draw(x * x, local_grads=True))
    assert "".join(parts.texts("node-1")[:-4]) == as_shown(character * 99).replace("\n", "") + "…"
    assert parts.tooltip("node-1") == f"{as_shown(label)}\ninput\ndata 2.0\ngrad 0.0"
    assert all(len(parts.tooltip(key)) < 5000 for key in ("node-2", "edge-2-0"))


@given(label=st.text(max_size=3000))
@settings(max_examples=10)
def test_any_label_is_whole_in_the_tooltip(label: str) -> None:
    parts = Parts(draw(Value(1.0, label=label)))
    assert parts.tooltip("node-1").startswith(f"{as_shown(label) or 'v1'}\nroot\n")


def test_characters_that_change_the_writing_direction_are_escaped() -> None:
    for character in "\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c":
        svg = draw(Value(1.0, label=f"a{character}b").tanh()).pipe(format="svg", encoding="utf-8")
        assert isinstance(svg, str)
        assert character not in svg and svg.count(f"a\\u{ord(character):04x}b") == 5


def test_graphviz_warns_of_nothing() -> None:
    nodes = neuron()
    source = draw(nodes["y"], legend=True, flow=True, local_grads=True).source
    done = subprocess.run(["dot", "-Tsvg"], input=source, capture_output=True, text=True, check=True)
    assert done.stderr == ""


# What cannot be drawn


def test_a_graph_too_large_to_read_is_refused_before_any_layout() -> None:
    root = Value.sum([Value(1.0) for _ in range(1000)])
    with pytest.raises(ValueError) as raised:
        draw(root)
    assert str(raised.value) == (
        "the graph has 1001 boxes to draw, more than 1000: "
        "fold it (fold=True), draw a smaller graph, or raise max_nodes"
    )
    with pytest.raises(ValueError, match="1001 boxes to draw, more than 1000: label more of"):
        draw(root, fold=True)
    assert draw(root, max_nodes=1001).source.count(" -> ") == 1000


def test_a_graph_that_graphviz_would_not_finish_is_refused_before_any_layout() -> None:
    assert draw(chain(222)).source.count(" -> ") == 444  # 24,975 ranks
    with pytest.raises(ValueError) as raised:
        draw(chain(223))  # 25,199
    assert str(raised.value) == (
        "the arrows of the graph are so many and so long that its layout would take very long: "
        "fold it (fold=True), draw a smaller graph, or raise max_nodes to 1008 and wait"
    )
    assert draw(chain(223), max_nodes=1008).source.count(" -> ") == 446
    with pytest.raises(ValueError, match="raise max_nodes to 3024 "):
        draw(chain(223), local_grads=True)


def test_a_refusal_gives_its_reason_apart_from_its_advice() -> None:
    for root, end in ((Value.sum([Value(1.0) for _ in range(1000)]), "1000"), (chain(223), "very long")):
        with pytest.raises(TooLarge) as raised:
            draw(root)
        refusal = pickle.loads(pickle.dumps(raised.value))
        assert str(refusal) == str(raised.value) == f"{refusal.reason}: {refusal.advice}"
        assert refusal.reason.endswith(end) and refusal.advice.startswith("fold it")


def test_a_graph_of_too_many_arrows_is_refused_however_short_they_are() -> None:
    leaves = [Value(1.0, label=f"x[{i}]") for i in range(490)]
    sums = [Value.sum(leaves[(i + j) % 490] for j in range(50)) for i in range(490)]
    with pytest.raises(ValueError, match=r"^the arrows .* raise max_nodes to 8330 and wait$"):
        draw(Value.sum(sums))  # 24,990 arrows; dot took two minutes
    assert draw(Value.sum(sums[:58])).source.count(" -> ") == 2958
    assert draw(leaves[0] + Value.sum(leaves[:1] * 2998)).source.count(" -> ") == 3000
    with pytest.raises(ValueError, match=r"^the arrows .* raise max_nodes to 1001 and wait$"):
        draw(leaves[0] + Value.sum(leaves[:1] * 2999))


def test_a_graph_of_long_arrows_is_laid_out() -> None:
    svg = draw(chain(120)).pipe(format="svg")
    assert isinstance(svg, bytes)
    kinds = Counter(
        group.get("class", "").partition(" ")[0] for group in ElementTree.fromstring(svg).iter(f"{SVG}g")
    )
    assert (kinds["node"], kinds["edge"]) == (122, 240)


def test_folding_may_make_circles_of_boxes() -> None:
    h = Value(1.0, label="h[0]")
    for i in range(300):
        a = h * 2.0
        a.label = f"a[{i}]"
        h = a + 1.0
        h.label = f"h[{i + 1}]"
    edges = re.findall(r"\t(\d+) -> (\d+)", draw(h, fold=True).source)
    assert ("1", "2") in edges and ("2", "1") in edges


def test_wrong_arguments_are_errors_of_one_line() -> None:
    x, other = Value(1.0, label="x"), Value(2.0, label="o\nther")
    y = x * x
    wrong: list[tuple[object, dict[str, object], type[Exception], str]] = [
        (3, {}, TypeError, "the root of a graph is a Value, not the int 3"),
        (y, {"rankdir": "left"}, ValueError, "rankdir is LR, TB, RL or BT, not the str 'left'"),
        (y, {"highlight": other}, ValueError, "label='o ther') is not in this graph"),
        (y, {"highlight": (x, 0)}, ValueError, "label='x') has no operand at position 0"),
        (y, {"highlight": (y, 2)}, ValueError, "x * x) has no operand at position 2"),
        (y, {"highlight": (y, -1)}, ValueError, "x * x) has no operand at position -1"),
        (y, {"highlight": "x"}, TypeError, "highlight is a Value or a pair (Value, position), not the str"),
        (y, {"parameters": x}, TypeError, "parameters takes a list of Values, not the Value("),
        (y, {"parameters": ["x"]}, TypeError, "parameters takes Values, not the str 'x'"),
        (y, {"parameters": [y]}, ValueError, "parameters are leaves, and the Value("),
    ]
    for root, options, kind, message in wrong:
        with pytest.raises(kind) as raised:
            draw(root, **options)  # type: ignore[arg-type]
        assert message in str(raised.value)
        assert "\n" not in str(raised.value)
