"""The pictures of docs/drawing.md: `python -m tests.pictures` writes them anew.

Each image on the page shows the `picture` that the code above it makes.
"""

import doctest
import re
from collections.abc import Iterator
from pathlib import Path

import graphviz

PAGE = Path(__file__).parent.parent / "docs" / "drawing.md"
FOLDER = PAGE.parent / "pictures"


def pictures_of_the_page() -> Iterator[tuple[str, graphviz.Digraph]]:
    """Yield the name of each image on the page, and the picture that the code above it makes."""
    namespace: dict[str, object] = {}
    before, *parts = re.split(r"!\[[^]]*\]\(pictures/([\w-]+)\.svg\)", PAGE.read_text(encoding="utf-8"))
    for name, code in zip(parts[::2], [before, *parts[1::2]]):
        for example in doctest.DocTestParser().get_examples(code):
            if not example.exc_msg and not example.want:  # what is printed is for another test
                exec(compile(example.source, str(PAGE), "exec"), namespace)
        picture = namespace["picture"]
        assert isinstance(picture, graphviz.Digraph)
        yield name, picture


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, picture in pictures_of_the_page():
        (FOLDER / f"{name}.dot").write_text(picture.source, encoding="utf-8")
        (FOLDER / f"{name}.svg").write_bytes(picture.pipe(format="svg"))
