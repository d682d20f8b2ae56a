"""The pictures of the docs: `python -m tests.pictures` writes them anew, the page's screenshot too.

An image on a page shows the `picture` that the code above it makes: a drawing, or the path of an animation.
Where that makes none, the image is made elsewhere.
"""

import doctest
import os
import re
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import graphviz
from PIL import Image

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FOLDER = ROOT / "docs" / "pictures"


def pictures() -> tuple[dict[str, graphviz.Digraph], dict[str, bytes]]:
    """Return the drawings that the pages make now, and the animations, each by the name of its image."""
    drawings: dict[str, graphviz.Digraph] = {}
    animations: dict[str, bytes] = {}
    before = os.getcwd()
    with TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            for name, picture in (image for page in PAGES for image in pictures_of(page)):
                if isinstance(picture, Path):
                    animations[name] = picture.read_bytes()
                else:
                    drawings[name] = picture
        finally:
            os.chdir(before)
    return drawings, animations


def pictures_of(page: Path) -> Iterator[tuple[str, graphviz.Digraph | Path]]:
    """Yield the name of each image that the page makes, and the picture."""
    namespace: dict[str, object] = {}
    before, *parts = re.split(
        r"!\[[^]]*\]\((?:docs/)?pictures/([\w-]+)\.svg\)", page.read_text(encoding="utf-8")
    )
    for name, code in zip(parts[::2], [before, *parts[1::2]]):
        for example in doctest.DocTestParser().get_examples(code):
            if not example.exc_msg and not example.want:  # what is printed is for another test
                exec(compile(example.source, str(page), "exec"), namespace)
        picture = namespace.pop("picture", None)
        if isinstance(picture, (graphviz.Digraph, Path)):
            yield name, picture


def parts(svg: bytes) -> Iterator[tuple[str, str, list[str]]]:
    """Yield id, class and texts of each node and edge."""
    for group in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}g"):
        if group.attrib.get("class", "graph") != "graph":
            texts = [text.text or "" for text in group.iter("{http://www.w3.org/2000/svg}text")]
            yield group.attrib["id"], group.attrib["class"], texts


def page_at_step(number: int) -> Image.Image:
    """Return what a browser shows of the page that docs/debugging.md writes, at one of its steps."""
    sys.path.insert(0, str(ROOT / "tests"))
    from browser import chromium

    text = (ROOT / "docs" / "debugging.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?write_page.*?)```", text, re.DOTALL)
    with TemporaryDirectory() as name, chromium(Path(name) / "profile", 960, 600) as browser:
        exec(code.replace('"y.html"', repr(f"{name}/y.html")), {})
        browser.get(f"{(Path(name) / 'y.html').as_uri()}#step={number}")
        return Image.open(BytesIO(browser.get_screenshot_as_png()))


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    drawings, animations = pictures()
    for name, picture in drawings.items():
        (FOLDER / f"{name}.dot").write_text(picture.source, encoding="utf-8")
        (FOLDER / f"{name}.svg").write_bytes(picture.pipe(format="svg"))
    for name, animation in animations.items():
        (FOLDER / f"{name}.svg").write_bytes(animation)
    page_at_step(8).convert("RGB").quantize(64).save(FOLDER / "page.png", optimize=True)
