"""The pictures that are committed beside docs/drawing.md are what the code on that page makes now."""

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator

import pytest
from pictures import FOLDER, pictures

PICTURES = dict(pictures())


@pytest.mark.parametrize("name", PICTURES)
def test_the_committed_dot_is_what_the_page_makes(name: str) -> None:
    assert (FOLDER / f"{name}.dot").read_text(encoding="utf-8") == PICTURES[name].source, (
        "python -m tests.pictures"
    )


@pytest.mark.parametrize("name", PICTURES)
def test_the_committed_svg_has_the_boxes_arrows_and_texts_of_the_dot(name: str) -> None:
    """Where they stand may differ from one Graphviz to the next."""
    made = PICTURES[name].pipe(format="svg")
    assert isinstance(made, bytes)
    committed = (FOLDER / f"{name}.svg").read_bytes()
    assert sorted(parts(committed)) == sorted(parts(made)), "python -m tests.pictures"


def test_no_other_files_lie_among_the_pictures() -> None:
    names = {f"{name}.{suffix}" for name in PICTURES for suffix in ("dot", "svg")}
    assert {file.name for file in FOLDER.iterdir()} == names


def parts(svg: bytes) -> Iterator[tuple[str, str, list[str]]]:
    """Yield id, class and texts of each node and edge."""
    for group in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}g"):
        if group.attrib.get("class", "graph") != "graph":
            texts = [text.text or "" for text in group.iter("{http://www.w3.org/2000/svg}text")]
            yield group.attrib["id"], group.attrib["class"], texts
