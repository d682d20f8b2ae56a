"""The documentation as a site: its links, its requests, and what fails its build."""

import base64
import os
import re
import subprocess
import sys
import zlib
from html.parser import HTMLParser
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from browser import console, requests, resize
from examples import blocks, playground_address, program, show_graphs

import microgrid

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

ROOT = Path(__file__).parent.parent


class Addresses(HTMLParser):
    """The anchors of a page, and the tag and address of whatever it refers to."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.found: list[tuple[str, str]] = []
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the addresses and the anchors of a tag."""
        attributes = {name: value or "" for name, value in attrs}
        self.anchors |= {attributes[name] for name in ("id", "name") if name in attributes}
        self.found += [(tag, attributes[name]) for name in ("href", "src") if name in attributes]


def programs(page: Path) -> list[str]:
    """Return the programs that a page of the site opens in the playground."""
    packed = [address.partition("playground/#program=")[2] for _, address in Addresses(page).found]
    return [unpacked(program) for program in packed if program]


def unpacked(program: str) -> str:
    """Return the program in an address of the playground."""
    return zlib.decompress(base64.urlsafe_b64decode(program + "=" * (-len(program) % 4)), wbits=-15).decode()


def test_every_address_on_the_site_leads_to_a_file_and_an_anchor_that_are_there(site: Path) -> None:
    pages = {path: Addresses(path) for path in site.rglob("*.html")}
    lost = []
    for path, page in pages.items():
        for _, address in page.found:
            scheme, host, file, _, anchor = urlsplit(address)
            if scheme or host:
                continue
            # Only 404.html, which is shown at any address, counts from the site's root.
            there = (
                path
                if not file
                else (site / file[1:] if file[0] == "/" else path.parent / unquote(file)).resolve()
            )
            there = there / "index.html" if there.is_dir() else there
            states = there.parent.name in ("playground", "pages")  # there, an anchor is a step or a program
            if not there.is_file() or not (states or not anchor or unquote(anchor) in pages[there].anchors):
                lost.append((path.relative_to(site).as_posix(), address))
    assert not lost


def test_the_site_refers_to_other_origins_in_links_to_click_on_only(site: Path) -> None:
    for path in site.rglob("*.html"):
        for tag, address in Addresses(path).found:
            assert tag == "a" or urlsplit(address).scheme in ("", "data"), f"{path.name}: {address}"
    for path in site.rglob("*.css"):
        for address in re.findall(r"url\(['\"]?([^)'\"]+)", path.read_text(encoding="utf-8")):
            assert urlsplit(address).scheme in ("", "data"), f"{path.name}: {address}"


def test_a_reader_searches_reads_and_tries_without_a_request_to_another_origin(
    browser: "Chrome", site_address: str
) -> None:
    from selenium.webdriver.support.ui import WebDriverWait

    wait = WebDriverWait(browser, 20)
    resize(browser, 1280, 900)
    console(browser), requests(browser)
    for page in "index", "sheet", "titanic", "reference/microgrid", "source/microgrid/value.py":
        browser.get(f"{site_address}{page}.html")

    browser.find_element("css selector", "[data-md-component=search-query]").send_keys("relu")
    wait.until(
        lambda _: "relu" in browser.find_element("css selector", ".md-search-result__item").text.lower()
    )

    browser.get(f"{site_address}tutorial.html")
    frame = browser.find_element("css selector", "iframe.try")
    browser.execute_script("arguments[0].scrollIntoView()", frame)
    browser.switch_to.frame(frame)
    wait.until(lambda _: browser.execute_script("return window.microgrid !== undefined"))
    browser.execute_script("microgrid.go(1000); microgrid.set('x', 3.0)")
    assert browser.execute_script("return microgrid.values().x.grad") == 2 * (3 * 3.0) * 3
    browser.switch_to.default_content()

    assert console(browser) == []
    foreign = [address for address in requests(browser) if not address.startswith((site_address, "data:"))]
    assert foreign == []


def test_an_example_that_runs_alone_opens_in_the_playground_with_the_imports_of_its_page(
    site: Path,
) -> None:
    block = next(
        block
        for block in blocks((ROOT / "docs" / "tutorial.md").read_text("utf-8"))
        if "x * w + x" in block.text
    )
    assert f"from microgrid import Value, backward_steps\n{program(block)}" in programs(
        site / "tutorial.html"
    )
    for page in "tutorial", "debugging", "drawing":
        texts = [program(block) for block in blocks((ROOT / "docs" / f"{page}.md").read_text("utf-8"))]
        found = programs(site / f"{page}.html")
        assert found
        for opened in found:
            assert any(opened.endswith(text) for text in texts if text)
        assert all(show_graphs(found))


def test_the_address_of_the_playground_holds_the_program() -> None:
    text = "y = Value(3.0) * 2  # ∂y/∂x\n" * 50
    page, packed = playground_address(text).split("#program=")
    assert page == "playground/"
    assert re.fullmatch(r"[\w-]+", packed, re.ASCII) and len(packed) < len(text) / 5
    assert unpacked(packed) == text


def test_an_example_is_opened_in_the_playground_where_it_shows_a_graph_there() -> None:
    head = "from microgrid import Value, draw\n"
    shows = [
        f"{head}x = Value(3.0)\ny = x * x\ny.backward()\nprint(x.grad)",
        f"{head}draw(Value(3.0) * 2)",
    ]
    shows_none = [
        f"{head}x = Value(3.0)",  # a leaf alone
        f"{head}print(1)",
        "y = Value(3.0) * 2",  # a NameError
        f"{head}import numpy\ny = Value(3.0) * 2",
        f"{head}draw(Value(3.0) * 2).pipe(format='svg')",  # another program, dot
        f"{head}y = sum(Value(1.0) for _ in range(3000))",  # too large for a page
    ]
    assert show_graphs([*shows, *shows_none]) == [True] * len(shows) + [False] * len(shows_none)


def test_the_reference_has_every_public_name() -> None:
    text = (ROOT / "docs" / "reference" / "microgrid.md").read_text(encoding="utf-8")
    assert {f"microgrid.{name}" for name in microgrid.__all__} <= {*re.findall(r"^::: ([\w.]+)$", text, re.M)}


def test_a_broken_link_an_anchor_and_a_picture_that_are_missing_and_an_unknown_name_fail_the_build(
    site: Path, tmp_path: Path
) -> None:
    # The hooks take their pages from this checkout; what fails a build is in the rest of the settings.
    settings = f"""
        INHERIT: {ROOT}/mkdocs.yml
        nav: [index.md, other.md]
        hooks: []
        extra_css: []
        plugins: {{mkdocstrings: {{handlers: {{python: {{options: {{extensions: []}}}}}}}}}}
        """
    (tmp_path / "docs").mkdir()
    (tmp_path / "mkdocs.yml").write_text(dedent(settings), encoding="utf-8")
    (tmp_path / "docs" / "other.md").write_text("# Other\n", encoding="utf-8")

    def built(text: str) -> tuple[int, str]:
        (tmp_path / "docs" / "index.md").write_text(dedent(text), encoding="utf-8")
        command = [sys.executable, "-m", "mkdocs", "build", "--strict"]
        environment = os.environ | {"NO_MKDOCS_2_WARNING": "true"}
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stderr

    status, said = built("# Page\n\n[other](other.md#other)\n")
    assert (status, "WARNING" in said) == (0, False)
    status, said = built(
        """
        # Page

        [lost](lost.md), [no such heading](other.md#lost), [nor here](#lost), ![lost](pictures/lost.svg)
        """
    )
    assert status == 1
    for target in "lost.md", "other.md#lost", "'#lost'", "pictures/lost.svg":
        assert target in said
    status, said = built("# Page\n\n::: microgrid.lost\n")
    assert status == 1
    assert "microgrid.lost" in said
