"""What all tests share: which of them need PyTorch, the course's table or the site, and hypothesis's effort.

A test that needs PyTorch carries the mark `torch` and imports torch inside; a test file that imports torch at
its top needs it as a whole; an example in a docstring or a page needs it when it mentions torch. Without
PyTorch these are left out and the summary says so. A test on the course's table carries the mark
`course_table` and takes the table's path from the fixture of that name; without a path it is left out too.

A test of the documentation's site asks for the fixture `site` or `site_address`; where it is not built, it is
skipped.

Under CI=true nothing is left out, so a missing PyTorch fails, and a skipped test fails the run.
"""

import os
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

UNDER_CI = os.environ.get("CI") == "true"
LEAVE_OUT_TORCH = find_spec("torch") is None and not UNDER_CI
COURSE_TABLE = os.environ.get("TITANIC_CSV")

# The suite runs the same examples every time; HYPOTHESIS_PROFILE=fuzz looks for new ones. A test that sets
# max_examples itself is deaf to this.
settings.register_profile(
    "default", max_examples=200, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("fuzz", settings.get_profile("default"), max_examples=10_000, derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

# A shell lets what it runs in the background ignore Ctrl-C, and so would all that the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)

# For PyTorch, which here meets small matrices only: a second thread makes them many times slower.
os.environ.setdefault("OMP_NUM_THREADS", "1")

files_left_out: set[str] = set()
tests_left_out: set[str] = set()


@pytest.fixture
def course_table() -> Path:
    """The path of the course's table; a test that asks for it carries the mark course_table."""
    assert COURSE_TABLE, "mark the test with pytest.mark.course_table"
    return Path(COURSE_TABLE)


@pytest.fixture
def no_dot(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No program on the PATH: what lays pictures out is graphviz-pure, beside the running Python."""
    monkeypatch.setenv("PATH", str(tmp_path_factory.mktemp("path")))


@pytest.fixture
def no_layout(no_dot: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither dot nor graphviz-pure."""
    monkeypatch.setattr("sysconfig.get_path", lambda *_: os.environ["PATH"])


@pytest.fixture(params=["dot", "graphviz-pure"])
def layout_program(request: pytest.FixtureRequest) -> str:
    """Each of the two programs that lay pictures out, in turn the one that is found."""
    if request.param == "graphviz-pure":
        request.getfixturevalue("no_dot")
    return str(request.param)


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Chrome]":
    """A real Chromium without a window, started for the first test that asks for one."""
    from browser import chromium

    with chromium(tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


@pytest.fixture
def page(browser: "Chrome", tmp_path: Path) -> "Iterator[Chrome]":
    """The browser on the page of the neuron; it must have had nothing to complain about at the end."""
    from browser import console, resize
    from pages import neuron, open_page

    resize(browser, 1280, 800)
    open_page(browser, neuron(), tmp_path)
    yield browser
    assert console(browser) == []


@pytest.fixture(scope="session")
def site() -> Path:
    """The folder of the built site."""
    build = Path(__file__).parent.parent / "build"
    if not (build / "site-made").exists():
        pytest.skip("the site is not built: make site")
    return build / "site"


@pytest.fixture(scope="session")
def site_address(site: Path) -> Iterator[str]:
    """The address of the site on a server that runs as long as the tests do."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(site))
    with (
        mock.patch.object(SimpleHTTPRequestHandler, "log_message"),
        ThreadingHTTPServer(("127.0.0.1", 0), handler) as server,
    ):
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@contextmanager
def _ordinary_user() -> Iterator[None]:
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)


@pytest.fixture
def ordinary_user() -> Callable[[], AbstractContextManager[None]]:
    """Gives a context with the permissions of an ordinary user: root may read and write everything."""
    return _ordinary_user


@pytest.fixture
def leave_out_torch() -> bool:
    """Whether what needs PyTorch is to be left out."""
    return LEAVE_OUT_TORCH


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave out a file that imports torch at its top where there is none."""
    if not LEAVE_OUT_TORCH or collection_path.suffix != ".py":
        return None
    if not re.search(r"^(import|from) torch\b", collection_path.read_text(encoding="utf-8"), re.MULTILINE):
        return None
    files_left_out.add(collection_path.name)
    return True


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests whose needs are not met."""
    without_torch = [item for item in items if LEAVE_OUT_TORCH and needs_torch(item)]
    without_table = [item for item in items if not COURSE_TABLE and item.get_closest_marker("course_table")]
    tests_left_out.update(item.nodeid for item in without_torch)
    left_out = {*without_torch, *without_table}
    config.hook.pytest_deselected(items=list(left_out))
    items[:] = [item for item in items if item not in left_out]


def needs_torch(item: pytest.Item) -> bool:
    """Whether a test is marked so, or is an example that mentions torch."""
    if isinstance(item, pytest.DoctestItem):
        return any("torch" in example.source for example in item.dtest.examples)
    return item.get_closest_marker("torch") is not None


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Learn from one of several processes (pytest -n) what it has left out."""
    files, tests = node.workeroutput.get("left_out", ([], []))
    files_left_out.update(files)
    tests_left_out.update(tests)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run under CI=true with a skipped test; one of several processes tells what it has left out."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left_out"] = [*files_left_out], [*tests_left_out]
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if UNDER_CI and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was left out without PyTorch, and that a skipped test is a failure under CI=true."""
    if files_left_out or tests_left_out:
        what = ", ".join([*sorted(files_left_out), f"{len(tests_left_out)} single tests"])
        terminalreporter.write_line(
            f"Left out without PyTorch (.venv/bin/python -m pip install torch): {what}"
        )
    if UNDER_CI and terminalreporter.stats.get("skipped"):
        terminalreporter.write_line("Tests were skipped: under CI=true that is a failure.", red=True)
