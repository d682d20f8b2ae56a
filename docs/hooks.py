"""What the site has beyond the texts, made when MkDocs reads them.

The notebook, and the files that the texts link to, become pages. A comment `<!-- try: L -->` becomes the web
page of L, instead of the picture below it. An example that runs alone gets a link that opens it in the
playground. Mathematics in GitHub's notation becomes MathML, which needs no script.
"""

import base64
import json
import os
import re
from collections.abc import Iterator
from itertools import compress
from pathlib import Path
from tempfile import TemporaryDirectory

from examples import blocks, playground_address, program, run, show_graphs, with_imports
from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.nav import Link, Navigation
from mkdocs.structure.pages import Page
from mkdocs.utils import get_relative_url

from microgrid import write_page

DOCS = Path(__file__).parent
ROOT = DOCS.parent
BESIDE_DOCS = ["CHANGELOG.md", "CONTRIBUTING.md"]
LINK = re.compile(r"(?<=\]\()(?!https?:)[^)\s#]+")
MATHS = re.compile(r"^```math\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PICTURE = re.compile(r"!\[.*?\]\((pictures/\S+?)\)")
TRY = re.compile(r"^<!-- try: ((\w+).*) -->$(\n!\[.*\]\(.*\)$)?", re.MULTILINE)


def on_files(files: Files, config: MkDocsConfig) -> None:
    """Add what is not a file of the docs: pages, and the pictures of notebooks."""
    made: dict[str, str | bytes] = {name: (ROOT / name).read_text("utf-8") for name in BESIDE_DOCS}
    for path in DOCS.glob("*.ipynb"):
        made |= notebook(path.stem, path.read_text("utf-8"))
    for path in [*DOCS.glob("*.md"), *DOCS.glob("*.ipynb")]:
        linked = {(DOCS / link).resolve() for link in LINK.findall(path.read_text("utf-8"))}
        sources = [file for file in linked if file.is_file() and uri_of(file).startswith("source/")]
        made |= {uri_of(file): source(file) for file in sources}
    for uri, content in made.items():
        files.append(File.generated(config, uri, content=content))


def on_nav(nav: Navigation, config: MkDocsConfig, files: Files) -> None:
    """Put the playground, which MkDocs does not build, behind the first page."""
    nav.items.insert(1, Link("Playground", "playground/"))


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Return the text of a page for MkDocs, where GitHub's rendering differs."""
    uri = page.file.src_uri
    if uri.startswith("source/"):
        return markdown
    for start, end, text in sorted(examples(markdown, page, config, files), reverse=True):
        markdown = markdown[:start] + text + markdown[end:]
    markdown = MATHS.sub(lambda m: f"<div>{convert(m[1], display='block')}</div>", markdown)
    # In a span, since Markdown takes a line that begins with <math> for a block.
    markdown = re.sub(r"\$`(.+?)`\$", lambda m: f"<span>{convert(m[1])}</span>", markdown)
    markdown = PICTURE.sub(r"[\g<0>](\1)", markdown)  # a large one is read in a tab of its own
    folder = ROOT if uri in BESIDE_DOCS else (DOCS / uri).parent
    return LINK.sub(lambda m: os.path.relpath(uri_of((folder / m[0]).resolve()), Path(uri).parent), markdown)


# Files as pages


def uri_of(path: Path) -> str:
    """Return where the site has a file of the project."""
    if path.is_relative_to(DOCS):
        return re.sub(r"\.ipynb$", ".md", path.relative_to(DOCS).as_posix())
    uri = path.relative_to(ROOT).as_posix()
    return uri if uri in BESIDE_DOCS else f"source/{uri}.md"


def source(path: Path) -> str:
    """Return a file of the project as a page."""
    name = path.relative_to(ROOT).as_posix()
    head = f"---\ntitle: {name}\nsearch:\n  exclude: true\n---\n# `{name}`\n"
    language = "python" if path.suffix == ".py" else "text"
    return f"{head}\n````{language}\n{path.read_text('utf-8')}````\n"


def notebook(name: str, text: str) -> dict[str, str | bytes]:
    """Return a notebook with its outputs as a page, and its pictures."""
    parts = []
    pictures: dict[str, str | bytes] = {}
    for cell in json.loads(text)["cells"]:
        written = "".join(cell["source"])
        parts.append(written if cell["cell_type"] == "markdown" else f"```python\n{written}\n```")
        for output in cell.get("outputs", []):
            shown = output.get("data") or {"text/plain": output["text"]}
            kind = next(kind for kind in ("image/svg+xml", "image/png", "text/plain") if kind in shown)
            content = "".join(shown[kind])
            if kind == "text/plain":
                parts.append(f"```text\n{content}\n```")
                continue
            uri = f"pictures/{name}-{len(pictures) + 1}.{'svg' if kind == 'image/svg+xml' else 'png'}"
            pictures[uri] = content if uri.endswith("svg") else base64.b64decode(content)
            parts.append(f"![What the code above shows]({uri})")
    return {f"{name}.md": "\n\n".join(parts), **pictures}


# Examples


def examples(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> Iterator[tuple[int, int, str]]:
    """Yield start, end and text of each link to the playground and each page to try."""
    before = os.getcwd()
    with TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            yield from playground_links(markdown, page)
            yield from pages_to_try(markdown, page, config, files)
        finally:
            os.chdir(before)


def pages_to_try(
    markdown: str, page: Page, config: MkDocsConfig, files: Files
) -> Iterator[tuple[int, int, str]]:
    """Yield a page to try for each comment that asks for one, after the examples above it have run."""
    namespace: dict[str, object] = {"__name__": "__main__"}
    waiting = [block for block in blocks(markdown) if block.language == "python"]
    for number, match in enumerate(TRY.finditer(markdown), start=1):
        while waiting and waiting[0].end < match.start():
            run(waiting.pop(0), namespace, page.file.src_uri)
        exec(f"write_page({match[1]}, path='page.html')", namespace | {"write_page": write_page})
        uri = f"pages/{page.file.name}-{number}.html"
        files.append(File.generated(config, uri, content=Path("page.html").read_text("utf-8")))
        address = get_relative_url(uri, page.url)
        title = f"Both passes under {match[2]}, to step through and to change"
        yield *match.span(), f'<iframe class="try" src="{address}" title="{title}" loading="lazy"></iframe>'


def playground_links(markdown: str, page: Page) -> Iterator[tuple[int, int, str]]:
    """Yield a link behind each example that shows a graph when it is run alone."""
    imports: dict[str, tuple[str, str]] = {}
    found = [block for block in blocks(markdown) if block.language in ("python", "py")]
    texts = [with_imports(program(block), imports) for block in found]
    for block, text in compress(zip(found, texts), show_graphs(texts)):
        address = get_relative_url(playground_address(text), page.url)
        link = f'<a class="playground" href="{address}">Open in the playground</a>'
        yield block.end, block.end, f"\n\n{block.indent}{link}\n"
