"""The figures are the sheet's: Figure 1 arrow for arrow, the graph of 6.2 row for row."""

import json
import re
import xml.etree.ElementTree as ElementTree

import graphviz
import pytest

from microgrid import topological_order
from microgrid.drawing import folded
from titanic.figures import computation_graph, folded_graph, network_scheme, scalar_graph
from titanic.network import Forward, Network

SVG = "{http://www.w3.org/2000/svg}"

# The table of 6.2: the node, its shape, and what the arrows into it come from.
TABLE = """
A     concat.   n × 4   1 (n × 1), x (n × 3)
B     matmul.   n × 4   A, W1 (4 × 4)
C     ReLU      n × 4   B
D     concat.   n × 5   C, 1 (n × 1)
E     matmul.   n × 1   D, W2 (5 × 1)
F     subtract  n × 1   E, y (n × 1)
G     square    n × 1   F
H     sum       1 × 1   G
L     divide    1 × 1   H, n (1 × 1)
"""


@pytest.fixture
def network() -> Network:
    return Network.random(seed=0)


@pytest.fixture
def forward(network: Network) -> Forward:
    return network.forward(X=[[22, 3, 0], [38, 1, 1], [26, 3, 1]], y=[7.25, 71.28, 7.92])


def parsed(picture: graphviz.Digraph) -> ElementTree.Element:
    svg = picture.pipe(format="svg")
    assert isinstance(svg, bytes)
    return ElementTree.fromstring(svg)


def groups(svg: ElementTree.Element, kind: str) -> dict[str, list[str]]:
    """The texts of each node or edge of the SVG, by its id."""
    return {
        group.attrib["id"]: [text.text or "" for text in group.iter(f"{SVG}text")]
        for group in svg.iter(f"{SVG}g")
        if group.attrib.get("class", "").split(" ")[0] == kind
    }


def test_figure_1_has_three_columns_from_top_to_bottom(network: Network) -> None:
    svg = parsed(network_scheme(network))
    at: dict[float, list[tuple[float, str]]] = {}
    for group in svg.iter(f"{SVG}g"):
        circle = group.find(f"{SVG}ellipse")
        if circle is not None:
            name = "".join(text.text or "" for text in group.iter(f"{SVG}text"))
            at.setdefault(float(circle.attrib["cx"]), []).append((float(circle.attrib["cy"]), name))
    columns = [[name for _, name in sorted(at[x])] for x in sorted(at)]
    assert columns == [["x1", "x2", "x3", "1"], ["c1", "c2", "c3", "c4", "1"], ["e"]]


def test_figure_1_has_an_arrow_for_each_weight_and_no_other(network: Network) -> None:
    arrows = groups(parsed(network_scheme(network)), "edge")
    first = {f"w1-{i}-{j}": ["w", "(1)", f"{i},{j}"] for i in range(1, 5) for j in range(1, 5)}
    second = {f"w2-{i}-1": ["w", "(2)", f"{i},1"] for i in range(1, 6)}
    assert arrows == {**first, **second}


def test_figure_1_says_the_weights_on_request(network: Network) -> None:
    arrows = groups(parsed(network_scheme(network, values=True)), "edge")
    assert arrows["w1-1-2"] == ["w", "(1)", "1,2", "0.7580"]
    assert len(arrows) == 21 and all(len(texts) == 4 for texts in arrows.values())


def test_the_formula_over_figure_1_takes_the_relu_of_the_product(network: Network) -> None:
    nodes = groups(parsed(network_scheme(network)), "node")
    formula = "".join("".join(nodes[f"formula-{i}"]) for i in range(5))
    assert formula == "[ReLU((X(n×3)concatb(n×1))×W(1)(4×4))concatb(n×1)]×W(2)(5×1)=e(n×1)"


def test_the_computation_graph_is_the_table_of_6_2(forward: Forward) -> None:
    picture = computation_graph(forward)
    nodes = groups(parsed(picture), "node")
    arrows: dict[str, list[str]] = {}
    for tail, head in arrows_of(picture):
        arrows.setdefault(head, []).append(tail)
    assert arrows.pop("loss") == ["L"]
    rows = [re.split(r"\s{2,}", line) for line in TABLE.replace("n ×", "3 ×").strip().splitlines()]
    for letter, operation, shape, origins in rows:
        assert nodes[letter] == [operation, shape]
        assert nodes[f"letter-{letter}"] == [letter]
        written = {
            tail if tail in "ABCDEFGH" else f"{''.join(nodes[tail][:-1])} ({nodes[tail][-1]})"
            for tail in arrows.pop(letter)
        }
        assert written == set(origins.replace("n (", "n = 3 (").split(", "))
    assert not arrows


def test_the_computation_graph_has_two_nodes_of_ones_and_a_square_for_the_loss(forward: Forward) -> None:
    svg = parsed(computation_graph(forward))
    nodes = groups(svg, "node")
    assert [texts[0] for texts in nodes.values()].count("1") == 2
    shapes = {g.attrib["id"]: [shape.tag.removeprefix(SVG) for shape in g] for g in svg.iter(f"{SVG}g")}
    round_nodes = {name for name in nodes if "ellipse" in shapes[name]}
    assert round_nodes == {*"ABCDEFGHL", "X", "b1", "W1", "b2", "W2", "y", "n"}
    assert "polygon" in shapes["loss"]


def test_the_scalars_by_letters_have_the_arrows_of_6_2_the_concats_apart(forward: Forward) -> None:
    contracted = {(arrow.operand.name, box.name) for box in folded(forward.L) for arrow in box.arrows}
    into: dict[str, list[str]] = {}
    for tail, head in arrows_of(computation_graph(forward)):
        into.setdefault(head, []).append(tail)
    del into["loss"]
    concats = {letter: into.pop(letter) for letter in "AD"}
    without_concats = {
        (tail, head) for head, tails in into.items() for name in tails for tail in concats.get(name, [name])
    }
    assert contracted == without_concats


def test_the_scalar_graph_has_every_node(network: Network) -> None:
    forward = network.forward(X=[[22, 3, 0]], y=[7.25])
    svg = parsed(scalar_graph(forward))
    assert len(groups(svg, "node")) == len(topological_order(forward.L)) == 62


def test_the_folded_graph_has_a_box_for_each_letter(forward: Forward) -> None:
    nodes = groups(parsed(folded_graph(forward)), "node")
    assert {texts[0] for texts in nodes.values()} == {*"XBCEyFGHnL", "b1", "W1", "b2", "W2"}


def arrows_of(picture: graphviz.Digraph) -> list[tuple[str, str]]:
    """The arrows of the picture, as Graphviz's own parser reads them."""
    graph = json.loads(picture.pipe(format="json0"))
    names = {node["_gvid"]: node["name"] for node in graph["objects"]}
    return [(names[edge["tail"]], names[edge["head"]]) for edge in graph["edges"]]
