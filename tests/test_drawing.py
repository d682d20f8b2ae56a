"""A picture has a box for each node and an arrow for each use; Graphviz's own parser reads it so."""

import xml.etree.ElementTree as ElementTree

import pytest

from microgrid import Value, draw

SVG = "{http://www.w3.org/2000/svg}"


def parts(root: Value, **options: object) -> dict[str, ElementTree.Element]:
    """The groups of the SVG that have the ids that a page addresses."""
    svg = ElementTree.fromstring(draw(root, **options).pipe(format="svg"))  # type: ignore[arg-type]
    return {group.attrib["id"]: group for group in svg.iter(f"{SVG}g")}


def texts(group: ElementTree.Element) -> list[str]:
    return [text.text or "" for text in group.iter(f"{SVG}text")]


def test_a_node_is_a_box_and_each_use_of_an_operand_an_arrow() -> None:
    x = Value(3.0, label="x")
    groups = parts(x * x + 1)
    assert {key for key in groups if key.startswith("node-")} == {"node-1", "node-2", "node-3", "node-4"}
    assert {key for key in groups if key.startswith("edge-")} == {
        "edge-2-0",
        "edge-2-1",
        "edge-4-0",
        "edge-4-1",
    }


def test_a_page_finds_the_numbers_of_a_node() -> None:
    x = Value(3.0, label="x")
    y = x * x
    y.backward()
    groups = parts(y)
    assert texts(groups["a_data-2"])[-1] == "9"
    assert texts(groups["a_grad-1"])[-1] == "6"


def test_a_graph_too_large_to_read_is_refused() -> None:
    with pytest.raises(ValueError, match="1001 boxes to draw, more than 1000: fold it"):
        draw(Value.sum([Value(1.0) for _ in range(1000)]))
