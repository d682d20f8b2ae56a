"""The pictures and web pages of the docs are what the code there makes now; a browser shows them whole."""

import json
import re
import sys
import xml.etree.ElementTree as ElementTree
from itertools import combinations
from pathlib import Path
from tempfile import gettempdir
from typing import TYPE_CHECKING

import pytest
from browser import console
from pictures import FOLDER, ROOT, WEB_PAGES, parts, pictures, web_pages

from microgrid import Value, draw
from microgrid.names import short
from microgrid.picture import laid_out

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

PICTURES, ANIMATIONS = pictures()


@pytest.mark.parametrize("name", PICTURES)
def test_the_committed_dot_is_what_the_page_makes(name: str) -> None:
    assert (FOLDER / f"{name}.dot").read_text(encoding="utf-8") == PICTURES[name].source, (
        "python -m tests.pictures"
    )


@pytest.mark.parametrize("name", PICTURES)
def test_the_committed_svg_has_the_boxes_arrows_and_texts_of_the_dot(name: str, layout_program: str) -> None:
    """Their positions may differ from one Graphviz to the next."""
    made = laid_out(PICTURES[name].source, "svg")
    committed = (FOLDER / f"{name}.svg").read_bytes()
    assert sorted(parts(committed)) == sorted(parts(made)), "python -m tests.pictures"


@pytest.mark.parametrize("name", ANIMATIONS)
def test_the_committed_animation_says_what_the_page_makes(name: str) -> None:
    def said(svg: bytes) -> list[str]:
        kinds = {f"{{http://www.w3.org/2000/svg}}{kind}" for kind in ("text", "tspan", "style")}
        return sorted(e.text or "" for e in ElementTree.fromstring(svg).iter() if e.tag in kinds)

    committed = (FOLDER / f"{name}.svg").read_bytes()
    assert said(committed) == said(ANIMATIONS[name]), "python -m tests.pictures"


def test_no_other_files_lie_among_the_pictures() -> None:
    names = {f"{name}.{suffix}" for name in PICTURES for suffix in ("dot", "svg")} | {"page.png"}
    names |= {f"{name}.svg" for name in ANIMATIONS}
    assert {file.name for file in FOLDER.iterdir()} == names


# The web pages


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    """The web pages as they are made now."""
    return dict(web_pages())


def apart(page: str) -> tuple[str, str, object]:
    """Return a web page without its graph and its content, the graph, and the content with short numbers."""
    (graph,) = re.findall(r"<svg [^>]*viewBox.*?</svg>(?=\s*</div>\s*<div id=\"zoom\">)", page, re.DOTALL)
    (content,) = re.findall(r'<script type="application/json" id="content">(.*?)</script>', page)
    rest = page.replace(graph, "").replace(content, "")
    return rest, graph, json.loads(content, parse_float=lambda number: short(float(number)))


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 records no columns")
def test_the_committed_web_pages_are_what_their_programs_make(made: dict[str, str]) -> None:
    """Positions may differ from one Graphviz to the next, and a last digit between machines."""
    assert made
    assert {file.name for file in WEB_PAGES.iterdir()} == {f"{name}.html" for name in made}
    for name, page in made.items():
        rest, graph, content = apart(page)
        committed_rest, committed_graph, committed_content = apart(
            (WEB_PAGES / f"{name}.html").read_text(encoding="utf-8")
        )
        is_same = committed_rest == rest and committed_content == content
        assert is_same, f"{name}: python -m tests.pictures"
        assert sorted(parts(committed_graph.encode())) == sorted(parts(graph.encode())), name


def test_the_committed_web_pages_are_small_and_name_no_folder() -> None:
    for file in WEB_PAGES.iterdir():
        text = file.read_text(encoding="utf-8")
        assert len(text.encode()) < 200_000
        assert not [folder for folder in (str(ROOT), gettempdir(), str(Path.home())) if folder in text]


def test_the_web_page_does_what_the_docs_say(browser: "Chrome") -> None:
    """As the screenshot shows it, after a change, and asked by the browser's console."""
    docs = (ROOT / "docs" / "debugging.md").read_text(encoding="utf-8")
    console(browser)
    (address,) = re.findall(r"`(line\.html#step=18\S*)`", docs)
    browser.get(f"{WEB_PAGES.as_uri()}/{address}")
    (picture,) = re.findall(r"w\.grad \+= .*?(?=; below the graph)", docs)
    shown = browser.execute_script("return [byId('names').textContent, byId('numbers').textContent]")
    assert " ".join(shown).startswith(f"{picture}; w.grad")
    browser.execute_script("microgrid.reset()")
    (code,) = re.findall(r"^```js\n(.*?)^```", docs, re.DOTALL | re.MULTILINE)
    (foretold,) = re.findall(r"^> (w: .*)$", docs, re.MULTILINE)
    for number, line in enumerate(code.splitlines()):
        expression, _, expected = line.partition("//")
        compared = f"return JSON.stringify({expression}) === JSON.stringify(({expected or 'undefined'}))"
        assert browser.execute_script(compared), line
        if number == 0:
            assert browser.execute_script("return byId('foretold').textContent") == foretold
    assert console(browser) == []


# What Chromium shows

Rectangle = tuple[float, float, float, float]  # left, top, right, bottom

MEASURE = """
const rectangle = e => { const b = e.getBBox(); return [b.x, b.y, b.x + b.width, b.y + b.height]; };
const {x, y, width, height} = document.documentElement.viewBox.baseVal;
const origin = document.querySelector('g.graph').transform.baseVal.consolidate().matrix;
const groups = [...document.querySelectorAll('g.node, g.edge')].map(group => ({
    id: group.id,
    isNode: group.classList.contains('node'),
    texts: [...group.querySelectorAll('text')].filter(t => t.textContent.trim()).map(rectangle),
    round: group.querySelector('ellipse') !== null,
    shapes: [...group.querySelectorAll('path, polygon, ellipse')].map(rectangle),
}));
return [[x - origin.e, y - origin.f, x - origin.e + width, y - origin.f + height], groups];
"""

# Scripts that the machine's fonts may lack, wide and narrow letters, and what a label may contain.
LABELS = [
    *(
        "漢字漢字漢字漢字",
        "🚢🚢🚢🚢",
        "👩\u200d🚀👩\u200d🚀",
        "ЖЖЖЖЖЖЖЖЖЖ",
        "שלום עולם",
        "مرحبا بالعالم",
        "ไทยไทยไทย",
    ),
    *("α[12]", "MMMMMMMMMMMMMM", "iiiiiiiiiiiiiiiiii", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢", "<b>&amp;</b>", "\\N \\\\", "one\ntwo"),
]


def inside(inner: Rectangle, outer: Rectangle) -> bool:
    return outer[0] <= inner[0] and outer[1] <= inner[1] and inner[2] <= outer[2] and inner[3] <= outer[3]


def inside_ellipse(inner: Rectangle, outer: Rectangle) -> bool:
    """Whether the corners of the letters are; the rectangle has a quarter more above and below."""
    left, top, right, bottom = outer
    x, y, width, height = (left + right) / 2, (top + bottom) / 2, (right - left) / 2, (bottom - top) / 2
    quarter = (inner[3] - inner[1]) / 4
    corners = [(i, j) for i in (inner[0], inner[2]) for j in (inner[1] + quarter, inner[3] - quarter)]
    return all(((i - x) / width) ** 2 + ((j - y) / height) ** 2 <= 1 for i, j in corners)


def overlap(one: Rectangle, other: Rectangle) -> bool:
    """Whether letters do: the rectangles of neighbours may touch, and those of indices reach up and down."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    return wide > 1.5 and high > 4.0


def test_in_chromium_nothing_is_cut_off_and_nothing_overlaps(browser: "Chrome") -> None:
    check_in_chromium(browser, [FOLDER / f"{name}.svg" for name in PICTURES])


def test_nothing_is_cut_off_or_overlaps_where_graphviz_pure_lays_out(
    tmp_path: Path, browser: "Chrome", no_dot: None
) -> None:
    files = [tmp_path / f"{name}.svg" for name in PICTURES]
    for file, picture in zip(files, PICTURES.values()):
        file.write_bytes(laid_out(picture.source, "svg"))
    check_in_chromium(browser, files)


def test_nothing_is_cut_off_or_overlaps_with_wide_labels_or_other_fonts(
    tmp_path: Path, browser: "Chrome"
) -> None:
    """By dot, which measures every letter; graphviz-pure knows the widths of ASCII alone."""
    files: list[Path] = []
    values = [Value(-1.234e-100 / (k + 1), label=label) for k, label in enumerate(LABELS)]
    for options in ({}, {"rankdir": "TB", "legend": True, "flow": True}, {"local_grads": True, "flow": True}):
        files.append(tmp_path / f"{len(files)}.svg")
        total = Value.sum(value * value for value in values).tanh()
        total.backward()
        files[-1].write_bytes(draw(total, parameters=values[:4], **options).pipe(format="svg"))
    check_in_chromium(browser, files)


def check_in_chromium(browser: "Chrome", files: list[Path]) -> None:
    """Fail where a text or a shape is cut off, or lies on another."""
    for file in files:
        browser.get(file.as_uri())
        page, groups = browser.execute_script(MEASURE)
        texts = []
        for group in groups:
            where = f"{file.name}: {group['id']}"
            texts += [(group["id"], text) for text in group["texts"]]
            assert all(inside(shown, page) for shown in group["texts"] + group["shapes"]), where
            if group["isNode"] and group["shapes"]:
                innermost = min(group["shapes"], key=lambda shape: shape[2] - shape[0])
                is_inside = inside_ellipse if group["round"] else inside
                assert all(is_inside(text, innermost) for text in group["texts"]), where
        for (one, text), (other, another) in combinations(texts, 2):
            assert not overlap(text, another), f"{file.name}: texts of {one} and {other}"
        for group in groups:
            for shape in group["shapes"] if group["isNode"] else []:
                on_it = [other for other, text in texts if other != group["id"] and overlap(text, shape)]
                assert not on_it, f"{file.name}: texts on {group['id']}"
