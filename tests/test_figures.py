"""The figures are the sheet's: Figure 1 arrow for arrow, the graph of 6.2 row for row."""

import json
import re
import xml.etree.ElementTree as ElementTree
from collections import Counter
from pathlib import Path

import graphviz
import pytest

from microgrid import topological_order
from microgrid.folding import folded
from microgrid.names import node_names
from titanic.__main__ import main
from titanic.commands import FIGURES
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
    """Return the texts of each node or edge of the SVG, by its id."""
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
    picture = network_scheme(network)
    first = {(f"x{i}", f"c{j}"): [f"W1[{i},{j}]"] for i in range(1, 5) for j in range(1, 5)}
    second = {(f"c{i}", "e1"): [f"W2[{i},1]"] for i in range(1, 6)}
    labels = groups(parsed(picture), "edge")
    assert {arrow: labels["-".join(arrow)] for arrow in arrows_of(picture)} == {**first, **second}
    assert len(labels) == 21


@pytest.mark.parametrize("values", [False, True])
def test_the_labels_of_figure_1_do_not_overlap(network: Network, values: bool) -> None:
    height = 36 if values else 18
    at = []
    for group in parsed(network_scheme(network, values)).iter(f"{SVG}g"):
        if group.attrib.get("class") == "edge":
            text = group.find(f".//{SVG}text")
            assert text is not None
            at.append((float(text.attrib["x"]), float(text.attrib["y"])))
    assert len(at) == 21
    for k, (x, y) in enumerate(at):
        assert all(abs(x - other) > 60 or abs(y - another) > height for other, another in at[:k])


def test_figure_1_shows_the_numbers_of_the_weights_on_request(network: Network) -> None:
    arrows = groups(parsed(network_scheme(network, values=True)), "edge")
    assert arrows["x1-c2"] == ["W1[1,2]", "0.7580"]
    assert len(arrows) == 21 and all(len(texts) == 2 for texts in arrows.values())


def test_the_formula_over_figure_1_takes_the_relu_of_the_product(network: Network) -> None:
    nodes = groups(parsed(network_scheme(network)), "node")
    formula, shapes = nodes["formula"]
    assert formula == "[ReLU((X concat b1) × W1) concat b2] × W2 = E"
    assert shapes == "X: n × 3, b1: n × 1, W1: 4 × 4, b2: n × 1, W2: 5 × 1, E: n × 1"


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


def test_the_scalars_folded_by_letter_have_the_arrows_of_6_2_without_concat(forward: Forward) -> None:
    contracted = {
        (arrow.operand.name, box.name) for box in folded(node_names(forward.L)) for arrow in box.arrows
    }
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
    constant = [node for node in topological_order(forward.L) if node.op == "constant"]
    assert len(constant) == 1  # the 2 of F ** 2, which is written inside G
    assert len(groups(svg, "node")) == len(topological_order(forward.L)) - 1 == 62


def test_the_folded_graph_has_a_box_for_each_letter(forward: Forward) -> None:
    nodes = groups(parsed(folded_graph(forward)), "node")
    assert {texts[0].strip() for texts in nodes.values()} == {*"XBCEyFGHnL", "b1", "W1", "b2", "W2"}


def test_the_pictures_of_the_sheet_are_readable_at_the_width_of_a_page(network: Network) -> None:
    """Letters of 12 points are 9 pixels high where 1,200 points stand on 900 pixels."""
    forward = network.forward(X=[[22, 3, 0]], y=[7.25])
    pictures = [network_scheme(network), network_scheme(network, values=True), scalar_graph(forward)]
    for picture in (*pictures, folded_graph(forward)):
        assert float(parsed(picture).attrib["width"].removesuffix("pt")) <= 1200
    # The second line of the scalars begins at the left again.
    svg = parsed(scalar_graph(network.forward(X=[[22, 3, 0], [38, 1, 1]], y=[7.25, 71.28])))
    assert float(svg.attrib["width"].removesuffix("pt")) <= 1500
    assert len(groups(svg, "node")) == 100


def arrows_of(picture: graphviz.Digraph) -> list[tuple[str, str]]:
    """Return the arrows of the picture, as Graphviz's own parser reads them."""
    graph = json.loads(picture.pipe(format="json0"))
    names = {node["_gvid"]: node["name"] for node in graph["objects"]}
    return [(names[edge["tail"]], names[edge["head"]]) for edge in graph["edges"]]


# The command


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_the_command_draws_all_four_and_says_where(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["draw", "--out", str(tmp_path)]) == 0
    assert names_in(tmp_path) == {f"{name}.svg" for name in FIGURES.values()}
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("Drawn: ")]
    assert line == "Drawn: " + ", ".join(f"{tmp_path}/{name}.svg" for name in FIGURES.values())


@pytest.mark.parametrize(
    "format, begin", [("svg", b"<?xml"), ("png", b"\x89PNG"), ("pdf", b"%PDF"), ("dot", b"digraph {")]
)
def test_the_command_writes_the_format_that_is_asked_for(tmp_path: Path, format: str, begin: bytes) -> None:
    assert main(["draw", "computation", "--format", format, "--out", str(tmp_path)]) == 0
    (file,) = tmp_path.iterdir()
    assert file.name == f"computation-graph.{format}"
    assert file.read_bytes().startswith(begin)


def test_the_command_draws_the_weights_of_a_file(tmp_path: Path) -> None:
    Network([[0.5] * 4] * 4, [[0.125]] * 5).save(tmp_path / "weights.json")
    options = ["--weights", str(tmp_path / "weights.json"), "--out", str(tmp_path)]
    assert main(["draw", "scheme", "--values", *options]) == 0
    arrows = groups(ElementTree.parse(tmp_path / "network-scheme.svg").getroot(), "edge")
    assert Counter(texts[-1] for texts in arrows.values()) == {"0.5": 16, "0.125": 5}


def test_the_command_draws_as_many_passengers_as_are_asked_for(tmp_path: Path) -> None:
    assert main(["draw", "scalar", "--out", str(tmp_path)]) == 0
    file = tmp_path / "scalar-graph.svg"
    assert len(groups(ElementTree.parse(file).getroot(), "node")) == 62
    assert main(["draw", "scalar", "--passengers", "2", "--out", str(tmp_path)]) == 0
    assert len(groups(ElementTree.parse(file).getroot(), "node")) == 62 + 38
    assert main(["draw", "folded", "--passengers", "7", "--out", str(tmp_path)]) == 0
    nodes = groups(ElementTree.parse(tmp_path / "folded-graph.svg").getroot(), "node")
    assert "".join(nodes["node-1"]).startswith("X 7 × 3")


def test_scalars_of_too_many_passengers_are_one_line_and_write_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["draw", "scalar", "--passengers", "30", "--out", str(tmp_path / "out")]) == 1
    message = "30 passengers make 1164 boxes, too many to read: draw fewer passengers, or the folded graph"
    assert capsys.readouterr().err == f"titanic: {message}\n"
    assert not (tmp_path / "out").exists()


def test_an_unknown_figure_is_a_wrong_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit:
        main(["draw", "graph"])
    assert exit.value.code == 2
    assert re.fullmatch(
        r"titanic: .*'graph'.*scheme.*computation.*scalar.*folded.*\n", capsys.readouterr().err
    )


def test_where_nothing_lays_out_the_command_writes_dot_files_and_says_so_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], no_layout: None
) -> None:
    assert main(["draw", "--format", "png", "--out", str(tmp_path)]) == 1
    assert names_in(tmp_path) == {f"{name}.dot" for name in FIGURES.values()}
    message = capsys.readouterr().err
    assert message.startswith("The pictures are written as DOT: ") and message.count("\n") == 1


def test_where_nothing_lays_out_the_main_job_is_done_as_before(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], no_layout: None
) -> None:
    assert main(["--epochs", "2", "--out", str(tmp_path)]) == 0
    dots = {f"{name}.dot" for name in FIGURES.values()}
    assert names_in(tmp_path) == {"weights.json", "loss.csv", "loss.svg"} | dots
    assert capsys.readouterr().err.count("written as DOT") == 1


def test_without_dot_the_command_draws_the_same_figures(tmp_path: Path, no_dot: None) -> None:
    assert main(["draw", "--out", str(tmp_path)]) == 0
    for name in FIGURES.values():
        committed = (Path(__file__).parent.parent / "docs" / "pictures" / f"{name}.svg").read_bytes()
        made = ElementTree.parse(tmp_path / f"{name}.svg").getroot()
        assert groups(made, "edge").keys() == groups(ElementTree.fromstring(committed), "edge").keys()


def test_a_format_that_there_is_not_without_dot_is_one_line_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], no_dot: None
) -> None:
    assert main(["draw", "--format", "pdf", "--out", str(tmp_path / "out")]) == 1
    line = r"titanic: graphviz-pure has no format pdf: take svg or png, or install Graphviz: .*\n"
    assert re.fullmatch(line, capsys.readouterr().err)
    assert not (tmp_path / "out").exists()


@pytest.mark.course_table
def test_the_714_passengers_of_the_course_fold_to_the_letters(tmp_path: Path, course_table: Path) -> None:
    assert main(["draw", "folded", "--data", str(course_table), "--out", str(tmp_path)]) == 0
    nodes = groups(ElementTree.parse(tmp_path / "folded-graph.svg").getroot(), "node")
    assert len(nodes) == 14
    assert "".join(nodes["node-1"]).startswith("X 714 × 3")
