"""The pictures and web pages of the docs: `python -m tests.pictures` writes them and the screenshot.

An image on a page shows the `picture` that the code above it makes: a drawing, or the path of an animation.
Without one, the image is made elsewhere. A web page shows the program of the same name in docs/debugging.md.
"""

import doctest
import os
import re
import subprocess
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
WEB_PAGES = ROOT / "docs" / "pages"


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


def web_pages() -> Iterator[tuple[str, str]]:
    """Yield the name of each web page that docs/debugging.md links to, and what its program makes now."""
    text = (ROOT / "docs" / "debugging.md").read_text(encoding="utf-8")
    programs = {name: code for code, name in re.findall(r"^```py\n(# (\w+)\.py\n.*?)^```", text, re.M | re.S)}
    for name in sorted({*re.findall(r"\]\(pages/(\w+)\.html\)", text)}):
        with TemporaryDirectory() as folder:
            Path(folder, f"{name}.py").write_text(programs[name], encoding="utf-8")
            subprocess.run(
                [sys.executable, "-m", "microgrid", "--page", "page.html", f"{name}.py"],
                cwd=folder,
                env=os.environ | {"PYTHONPATH": str(ROOT)},
                stdout=subprocess.DEVNULL,
                check=True,
            )
            yield name, Path(folder, "page.html").read_text(encoding="utf-8")


def screenshot(page: Path, address: str, script: str) -> Image.Image:
    """Return what a browser shows of a page at an address, after a script has run."""
    sys.path.insert(0, str(ROOT / "tests"))
    from browser import chromium

    with TemporaryDirectory() as name, chromium(Path(name) / "profile", 1280, 800) as browser:
        browser.get(f"{page.as_uri()}{address}")
        browser.execute_script(script)
        return Image.open(BytesIO(browser.get_screenshot_as_png()))


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    drawings, animations = pictures()
    for name, picture in drawings.items():
        (FOLDER / f"{name}.dot").write_text(picture.source, encoding="utf-8")
        (FOLDER / f"{name}.svg").write_bytes(picture.pipe(format="svg"))
    for name, animation in animations.items():
        (FOLDER / f"{name}.svg").write_bytes(animation)
    WEB_PAGES.mkdir(exist_ok=True)
    for name, web_page in web_pages():
        (WEB_PAGES / f"{name}.html").write_text(web_page, encoding="utf-8")
    shown = screenshot(WEB_PAGES / "line.html", "#step=18", 'microgrid.set("w", 1.5)')
    shown.convert("RGB").quantize(64, Image.Quantize.FASTOCTREE).save(FOLDER / "page.png", optimize=True)
