"""The pictures that are committed beside docs/drawing.md are what the code on that page makes now."""

import pytest
from pictures import FOLDER, parts, pictures

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
