"""The docs cannot lie: their code is run, what it prints is compared, and their links lead somewhere.

docs/examples.py says how the `python` blocks are run. In a `console` block each line after `$ ` is run by a
shell and the lines below it are what it must print.
"""

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from examples import OPTIONS, blocks, run

ROOT = Path(__file__).parent.parent
PAGES = [page for folder in (".", "docs", "docs/reference") for page in sorted((ROOT / folder).glob("*.md"))]


def run_console(text: str, page: Path, line: int) -> None:
    """Run each command of a block and compare what it prints."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "100"}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    for command, expected in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", text, re.MULTILINE):
        command = re.sub(r"(^|(?<=\| ))titanic\b", f'"{sys.executable}" -m titanic', command)
        done = subprocess.run(
            command, shell=True, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
        checker = doctest.OutputChecker()
        assert checker.check_output(expected, done.stdout, OPTIONS), (
            f"{page.name}:{line}: $ {command}\n{done.stdout}{done.stderr}"
        )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_code_of_a_page_prints_what_the_page_says(
    page: Path, leave_out_torch: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(ROOT))
    namespace: dict[str, object] = {"__name__": "__main__"}
    for block in blocks(page.read_text(encoding="utf-8")):
        if leave_out_torch and "torch" in block.text.lower():
            continue
        if block.language == "python":
            run(block, namespace, page.name)
        elif block.language == "console":
            run_console(block.text, page, block.line)


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, made as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    text = re.sub(r"^ *```.*?^ *```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    check_links(text, page)


def check_links(text: str, page: Path) -> None:
    """Fail for a link in the page's text that leads nowhere, or out of the project."""
    targets = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'(?:src|href)="([^"]+)"', text)
    for target in targets:
        if target.startswith("https://"):
            continue
        file, _, anchor = target.partition("#")
        linked = (page.parent / file).resolve() if file else page
        assert linked.exists(), f"{page.name} links to {target}, which is not there"
        assert linked.is_relative_to(ROOT), f"{page.name} links out of the project: {target}"
        if anchor and linked.suffix == ".md":
            assert anchor in anchors(linked), f"{page.name} links to {target}; {file} has no such heading"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_tests_that_a_page_names_are_where_it_links(page: Path) -> None:
    for name, file in re.findall(r"\[`(test_\w+)`\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
        assert f"\ndef {name}(" in (page.parent / file).read_text(encoding="utf-8"), name
