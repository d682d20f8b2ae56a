"""The notebook runs from the top and shows what is committed: texts exactly, pictures by their parts."""

import json
import os

import nbformat
import pytest
from nbformat import NotebookNode
from notebook import DOCS, NOTEBOOK, executed, tidied
from pictures import parts
from test_docs import check_links

REFRESH = "python -m tests.notebook"

Output = tuple[str, str, str]  # the cell's id, the kind of output, and the text that must be the same


@pytest.fixture(scope="module")
def committed() -> NotebookNode:
    notebook: NotebookNode = nbformat.read(NOTEBOOK, as_version=4)
    return notebook


@pytest.fixture(scope="module")
def files_before() -> dict[str, float]:
    return files()


@pytest.fixture(scope="module")
def now(files_before: dict[str, float]) -> NotebookNode:
    """The notebook after running all its cells."""
    return executed()


def files() -> dict[str, float]:
    """Return every file in the docs' folders, and when it was last changed."""
    return {str(path): path.stat().st_mtime for path in DOCS.rglob("*")}


def outputs(notebook: NotebookNode) -> list[Output]:
    """Return all outputs of a notebook."""
    return [
        (cell.id, kind, comparable(kind, text))
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        for kind, text in output.get("data", {output.get("name"): output.get("text")}).items()
    ]


def comparable(kind: str, text: str) -> str:
    """Return what must be the same: not the positions of a graph's boxes, not the pixels of a curve."""
    if kind == "image/svg+xml":
        return "\n".join(sorted(map(str, parts(text.encode()))))
    return "" if kind == "image/png" else text


def test_every_cell_shows_what_is_committed(committed: NotebookNode, now: NotebookNode) -> None:
    assert outputs(tidied(now)) == outputs(committed), REFRESH


def test_the_committed_file_holds_nothing_that_differs_from_run_to_run(committed: NotebookNode) -> None:
    assert json.loads(nbformat.writes(tidied(committed))) == json.loads(nbformat.writes(committed)), REFRESH
    code = [cell for cell in committed.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1)), REFRESH
    assert " at 0x" not in NOTEBOOK.read_text(encoding="utf-8")


def test_the_web_page_is_shown_and_not_committed(committed: NotebookNode, now: NotebookNode) -> None:
    shown, stored = (
        next(cell.outputs for cell in notebook.cells if cell.id == "page") for notebook in (now, committed)
    )
    assert [output.data["text/html"][:16] for output in shown] == ['<iframe srcdoc="']
    assert stored == []


def test_the_notebook_leaves_no_file_behind(now: NotebookNode, files_before: dict[str, float]) -> None:
    assert files() == files_before


def test_the_notebook_is_small_enough_to_view_in_a_browser() -> None:
    assert os.path.getsize(NOTEBOOK) < 500_000


def test_the_links_of_the_notebook_lead_somewhere(committed: NotebookNode) -> None:
    for cell in committed.cells:
        if cell.cell_type == "markdown":
            check_links(cell.source, NOTEBOOK)
