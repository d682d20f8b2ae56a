"""The examples of the docs: the code blocks of a page, found and run.

A `python` block with prompts is a doctest, one without is run; the blocks of a page share one namespace.
"""

import ast
import base64
import doctest
import multiprocessing
import re
import sys
import textwrap
import zlib
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from typing import NamedTuple
from unittest import mock

from microgrid import Value, running, topological_order
from microgrid.page import MAX_NODES

OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
IN_A_BROWSER = {*sys.stdlib_module_names, "microgrid", "titanic", "graphviz"}


class Block(NamedTuple):
    """A fenced block: its language, the number of its first line, its text, and where it ends in the page."""

    language: str
    line: int
    text: str
    indent: str
    end: int


def blocks(page: str) -> Iterator[Block]:
    """Yield the fenced blocks of a page in Markdown."""
    for match in re.finditer(r"^( *)```(\w*)\n(.*?)^\1```$", page, re.MULTILINE | re.DOTALL):
        line = page.count("\n", 0, match.start()) + 2
        yield Block(match[2], line, textwrap.dedent(match[3]), match[1], match.end())


def run(block: Block, namespace: dict[str, object], page: str) -> None:
    """Run a block in a namespace; errors name the page.

    Raises AssertionError if a doctest fails.
    """
    if ">>>" not in block.text:
        exec(compile("\n" * (block.line - 1) + block.text, page, "exec"), namespace)
        return
    test = doctest.DocTestParser().get_doctest(block.text, namespace, page, page, block.line - 1)
    report: list[str] = []
    runner = doctest.DocTestRunner(optionflags=OPTIONS)
    runner.run(test, out=report.append, clear_globs=False)
    assert runner.failures == 0, "".join(report)
    namespace.update(test.globs)


def program(block: Block) -> str:
    """Return the code of a block as a file would have it, without prompts and output."""
    if ">>>" not in block.text:
        return block.text
    return "".join(example.source for example in doctest.DocTestParser().get_examples(block.text))


# In the playground


def with_imports(text: str, known: dict[str, tuple[str, str]]) -> str:
    """Return a program below the imports that it lacks, from `known`, to which its own are added."""
    try:
        nodes = [*ast.walk(ast.parse(text))]
    except SyntaxError:
        return text
    own = {
        alias.asname or alias.name: (node.module or "", ast.unparse(alias))
        for node in nodes
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    used = {node.id for node in nodes if isinstance(node, ast.Name)}
    lacking: dict[str, list[str]] = {}
    for name in sorted(used & known.keys() - own.keys()):
        module, imported = known[name]
        lacking.setdefault(module, []).append(imported)
    known |= own
    return "".join(f"from {module} import {', '.join(names)}\n" for module, names in lacking.items()) + text


def show_graphs(texts: list[str]) -> list[bool]:
    """Return whether each program has a graph to show in a browser."""
    # Each in a process of its own: an example may change shared state, such as RULES.
    with multiprocessing.get_context("fork").Pool(maxtasksperchild=1) as pool:
        return pool.map(shows_a_graph, texts, chunksize=1)


def shows_a_graph(text: str) -> bool:
    """Return whether a program has a graph to show; do not use the process again."""
    roots: list[Value] = []

    def view(root: Value, error: Exception | None) -> bool:
        roots.append(root)
        return False

    no_program = mock.patch("subprocess.Popen", side_effect=OSError("a browser runs no other programs"))
    try:
        if not modules(text) <= IN_A_BROWSER:
            return False
        with redirect_stdout(StringIO()), no_program:
            running.run(running.Program(text, "example.py", ["example.py"]), view)
    except (Exception, SystemExit):
        return False
    return 1 < len(topological_order(roots[0])) <= MAX_NODES


def modules(text: str) -> set[str]:
    """Return the packages that a program imports."""
    nodes = [*ast.walk(ast.parse(text))]
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    return {name.partition(".")[0] for name in names}


def playground_address(text: str) -> str:
    """Return the address of the playground with a program in it, as seen from the site's first page."""
    deflate = zlib.compressobj(level=9, wbits=-15)
    squeezed = deflate.compress(text.encode()) + deflate.flush()
    return f"playground/#program={base64.urlsafe_b64encode(squeezed).decode().rstrip('=')}"
