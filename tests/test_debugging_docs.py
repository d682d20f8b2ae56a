"""docs/debugging.md says what happens: in pdb at a terminal, in VS Code's debug adapter, at the prompt.

The programs of the page are written to a folder outside the checkout and run by the Python of a virtual
environment into which the package is installed, once as the Makefile does it and once with `pip install .`. A
`pdb` block that begins with `$ ` starts a session, and the next ones continue it. `...` is any text, and LINE
the number of the last line of `backward`.
"""

import doctest
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pexpect
import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "debugging.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
THE_LINE = "operand.grad += node.grad * local_grad"
# Without the path by which the other tests find the checkout: a reader has none.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {
    "PYTHONIOENCODING": "utf-8"
}
Json = dict[str, Any]


@dataclass
class Installation:
    """A virtual environment with the package in it."""

    python: Path
    value_py: Path


def installation(folder: Path, *options: str) -> Installation:
    """Install a copy of the checkout, since building leaves traces; what it needs is among our packages."""
    leftovers = shutil.ignore_patterns(".*", "build", "dist", "*.egg-info", "__pycache__", "titanic-out")
    shutil.copytree(ROOT, folder / "checkout", ignore=leftovers)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    python = folder / "venv" / "bin" / "python"
    (packages,) = folder.glob("venv/lib/*/site-packages")
    (packages / "ours.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    pip = [str(python), "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", *options]
    subprocess.run([*pip, str(folder / "checkout")], env=ENVIRONMENT, check=True)
    sources = packages if (packages / "microgrid").exists() else folder / "checkout"
    return Installation(python, sources / "microgrid" / "value.py")


@pytest.fixture(scope="module")
def installed_by_make(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """What the Makefile makes: the checkout, installed editable."""
    return installation(tmp_path_factory.mktemp("make"), "--editable")


@pytest.fixture(scope="module")
def installed_by_pip(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """What `pip install .` makes: a copy among the installed packages."""
    return installation(tmp_path_factory.mktemp("pip"))


@pytest.fixture(params=["installed_by_make", "installed_by_pip"])
def installed(request: pytest.FixtureRequest) -> Installation:
    """Either of the two."""
    either: Installation = request.getfixturevalue(request.param)
    return either


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The environment of a reader who has written the page's programs down in a folder."""
    for language, text in BLOCKS:
        if language == "py" and (name := re.match(r"# (\w+\.py)\n", text)):
            (tmp_path / name[1]).write_text(text, encoding="utf-8")
    # pdb would obey a .pdbrc in the user's home; a dumb terminal gets no control sequences.
    return ENVIRONMENT | {"HOME": str(tmp_path), "TERM": "dumb", "COLUMNS": "80"}


# pdb, and the prompt of debug()


def exchanges() -> Iterator[list[tuple[str, str]]]:
    """Yield each session of the page: what is typed, the command line first, and what is answered."""
    session: list[tuple[str, str]] = []
    for language, text in BLOCKS:
        if language != "pdb":
            continue
        if text.startswith("$ ") and session:
            yield session
            session = []
        session += re.findall(r"^(?:\$|\(Pdb\)|\(debug\)) (.*)\n((?:(?!\(Pdb\)|\(debug\)).*\n)*)", text, re.M)
    yield session


SESSIONS = list(exchanges())


def the_line() -> int:
    """The number of the line of value.py on which the page sets its breakpoints."""
    lines = (ROOT / "microgrid" / "value.py").read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines].index(THE_LINE) + 1


@pytest.mark.parametrize("session", SESSIONS, ids=[session[0][0] for session in SESSIONS])
def test_a_session_goes_as_the_page_says(
    session: list[tuple[str, str]], installed: Installation, environment: dict[str, str], tmp_path: Path
) -> None:
    (command_line, greeting), *rest = session
    python, *arguments = command_line.split()
    assert python == "python"
    checker = doctest.OutputChecker()
    with pexpect.spawn(
        str(installed.python),
        arguments,
        cwd=tmp_path,
        env=cast("os._Environ[str]", environment),
        encoding="utf-8",
        dimensions=(24, 200),
        timeout=30,
    ) as child:
        for typed, expected in [("", greeting), *rest]:
            typed, expected = with_the_line(typed), with_the_line(expected)
            if typed:
                child.sendline(typed)
                child.expect_exact(f"{typed}\r\n")
            child.expect([r"\((Pdb|debug)\) ", pexpect.EOF])
            shown = child.before.replace("\r\n", "\n").expandtabs()
            assert checker.check_output(expected, shown, doctest.ELLIPSIS), f"{typed}\n{shown}"
        assert child.match is pexpect.EOF or typed != "q"


def with_the_line(text: str) -> str:
    """Return a text of the page with the number of the line for LINE."""
    return re.sub("^LINE", f"{the_line():<4}", text, flags=re.MULTILINE).replace("LINE", str(the_line()))


def test_the_page_quotes_no_line_number_of_the_engine() -> None:
    assert not re.search(r"value\.py\W*\d", PAGE)


def test_pdb_finds_the_engine_by_the_name_of_its_file(
    installed: Installation, environment: dict[str, str], tmp_path: Path
) -> None:
    done = subprocess.run(
        [installed.python, "-m", "pdb", "lesson.py"],
        input=f"b microgrid/value.py:{the_line()}\nq\n",
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"Breakpoint 1 at {installed.value_py}:{the_line()}\n" in done.stdout


def test_the_page_shows_sessions_of_every_prompt() -> None:
    assert [session[0][0] for session in SESSIONS] == [
        "python -m microgrid neuron.py",
        "python -m microgrid --steps entropy.py",
        "python -m pdb lesson.py",
        "python -m pdb sheet.py",
        "python -m pdb distance.py",
        "python prompt.py",
        "python hunt.py",
        "python -m microgrid --page line.html line.py",
    ]


# VS Code


class DebugAdapter:
    """What VS Code does: messages of the Debug Adapter Protocol to and from debugpy's adapter.

    https://microsoft.github.io/debug-adapter-protocol/specification
    """

    def __init__(self, python: Path, program: Path, environment: dict[str, str]) -> None:
        self.program = program
        self.process = subprocess.Popen(
            [python, "-m", "debugpy.adapter"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            cwd=program.parent,
        )
        self.watchdog = threading.Timer(60, self.process.kill)
        self.watchdog.start()
        self.sent = 0
        self.outputs: list[str] = []  # what the debug console shows, in the pieces in which it comes
        self.thread = 0  # the one that has stopped

    def launch(self, path: Path, breakpoint: Json, **settings: object) -> None:
        """Start the program by the page's launch.json, but for the settings, with one breakpoint in path."""
        (text,) = [text for language, text in BLOCKS if language == "json"]
        (configuration,) = json.loads(text)["configurations"]
        assert configuration["program"] == "${file}"
        # Only VS Code itself has an integrated terminal to offer.
        own: Json = {"program": str(self.program), "console": "internalConsole"}
        self.send("initialize", {"adapterID": "debugpy", "pathFormat": "path"})
        self.send("launch", configuration | own | settings)
        self.receive("initialized")
        self.send("setBreakpoints", {"source": {"path": str(path)}, "breakpoints": [breakpoint]})
        self.send("configurationDone", {})

    def watch(self, *expressions: str) -> list[str]:
        """Wait for the program to stop on the line, and return what the expressions are there."""
        self.thread = self.receive("stopped")["threadId"]
        self.send("stackTrace", {"threadId": self.thread})
        frame = self.receive("stackTrace")["stackFrames"][0]
        assert (Path(frame["source"]["path"]).name, frame["line"]) == ("value.py", the_line())
        shown = []
        for expression in expressions:
            self.send("evaluate", {"expression": expression, "frameId": frame["id"], "context": "watch"})
            shown.append(self.receive("evaluate")["result"])
        return shown

    def go_on(self) -> None:
        self.send("continue", {"threadId": self.thread})

    def send(self, command: str, arguments: Json) -> None:
        self.sent += 1
        message = {"seq": self.sent, "type": "request", "command": command, "arguments": arguments}
        body = json.dumps(message).encode()
        assert self.process.stdin
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self.process.stdin.flush()

    def receive(self, name: str) -> Json:
        """Return the body of the next event of that name, or of the response to that command."""
        assert self.process.stdout
        while header := self.process.stdout.readline():
            self.process.stdout.readline()
            message = json.loads(self.process.stdout.read(int(header.split(b":")[1])))
            body: Json = message.get("body") or {}
            if message.get("event") == "output" and body.get("category") == "stdout":
                self.outputs.append(body["output"])
            assert message.get("success", True), message
            if name in (message.get("event"), message.get("command")):
                return body
        raise AssertionError(f"the adapter ended before it sent {name}; {self.outputs}")

    def close(self) -> None:
        """End the program and the adapter, if it has not ended by itself."""
        with suppress(BrokenPipeError, AssertionError):
            self.send("disconnect", {"terminateDebuggee": True})
            self.receive("disconnect")
        self.process.communicate()
        self.watchdog.cancel()


@pytest.fixture
def adapter_for(
    installed_by_pip: Installation, environment: dict[str, str], tmp_path: Path
) -> Iterator[Callable[[str], DebugAdapter]]:
    """Starts an adapter for a program of the page."""
    with ExitStack() as adapters:
        yield lambda name: adapters.enter_context(
            closing(DebugAdapter(installed_by_pip.python, tmp_path / name, environment))
        )


def test_vs_code_stops_before_each_use_of_the_chain_rule(
    adapter_for: Callable[[str], DebugAdapter], installed_by_pip: Installation
) -> None:
    adapter = adapter_for("lesson.py")
    adapter.launch(installed_by_pip.value_py, {"line": the_line()})
    seen = []
    for _ in range(4):
        seen.append(adapter.watch("node.label", "operand.label", "operand.grad", "node.grad * local_grad"))
        adapter.go_on()
    adapter.receive("terminated")
    assert seen == [
        ["'y'", "'z'", "0.0", "1.0"],
        ["'y'", "'x'", "0.0", "1.0"],
        ["'z'", "'x'", "1.0", "-2.0"],
        ["'z'", "'w'", "0.0", "3.0"],
    ]
    assert "".join(adapter.outputs) == "-1.0 3.0\n"


@pytest.mark.parametrize(
    ("program", "condition", "watched", "expected"),
    [
        ("sheet.py", 'node.label == "C[1,2]"', "operand.label", "'B[1,2]'"),
        ("distance.py", 'str(operand.grad + node.grad * local_grad) == "nan"', "node.op", "'**n'"),
        ("distance.py", 'str(operand.grad + node.grad * local_grad) == "inf"', "node.op", "'sqrt'"),
    ],
)
def test_vs_code_stops_where_a_condition_of_the_page_holds(
    program: str,
    condition: str,
    watched: str,
    expected: str,
    adapter_for: Callable[[str], DebugAdapter],
    installed_by_pip: Installation,
) -> None:
    assert condition.replace("inf", "nan") in PAGE
    adapter = adapter_for(program)
    adapter.launch(installed_by_pip.value_py, {"line": the_line(), "condition": condition})
    assert adapter.watch(watched) == [expected]


def test_vs_code_writes_the_pass_down_at_a_logpoint(
    adapter_for: Callable[[str], DebugAdapter], installed_by_pip: Installation
) -> None:
    message = "{operand.label}: {operand.grad} + {node.grad} * {local_grad}"
    assert f"`{message}`" in PAGE
    (shown,) = [text for language, text in BLOCKS if language == "text"]
    adapter = adapter_for("lesson.py")
    adapter.launch(installed_by_pip.value_py, {"line": the_line(), "logMessage": message})
    adapter.receive("terminated")
    # What the program prints may come between two lines of the logpoint.
    assert "".join(line for line in adapter.outputs if "+" in line) == shown


def test_vs_code_does_not_stop_in_an_installed_package_unless_it_is_told_to(
    adapter_for: Callable[[str], DebugAdapter], installed_by_pip: Installation
) -> None:
    adapter = adapter_for("lesson.py")
    adapter.launch(installed_by_pip.value_py, {"line": the_line()}, justMyCode=True)
    adapter.receive("terminated")
    assert "".join(adapter.outputs) == "-1.0 3.0\n"
