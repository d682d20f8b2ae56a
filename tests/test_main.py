"""python -m microgrid: a program runs as by Python itself, and its backward passes are shown.

The programs are real processes, and what `python` alone makes of the same program is the oracle for their
output, their gradients, their tracebacks and their status. At the prompt they run in a pseudo-terminal.
"""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pexpect
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).parent.parent
PROGRAMS = ROOT / "tests" / "programs"
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", "TERM": "dumb"}
MICROGRID = ("-m", "microgrid")
COLUMNS = sys.version_info >= (3, 11)  # Before, Python knows the line of an expression alone.


def python(
    *arguments: str | Path, commands: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run Python with these arguments, commands on its standard input."""
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        input=commands,
        capture_output=True,
        text=True,
        timeout=60,
        env=ENVIRONMENT | environment,
    )


def without_prompt(output: str) -> str:
    """Return what the program itself printed, from a session whose commands all begin a line with (debug)."""
    return re.sub(r"^(?!\d+ (-?0x|nan)).*\n", "", output.replace("(debug) \n", ""), flags=re.MULTILINE)


@pytest.fixture
def program(tmp_path: Path) -> Callable[[str], Path]:
    """Return what writes a program into a file."""

    def written(text: str, name: str = "program.py") -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return written


@contextmanager
def terminal(*arguments: str | Path) -> Iterator[pexpect.spawn]:
    """Return python -m microgrid with these arguments in a terminal of 24 lines of 80 characters."""
    with pexpect.spawn(
        sys.executable,
        [*MICROGRID, *map(str, arguments)],
        env=ENVIRONMENT,
        encoding="utf-8",
        dimensions=(24, 80),
        timeout=30,
    ) as child:
        yield child


def answer(child: pexpect.spawn, command: str) -> str:
    """Type a command, and return what is shown up to the next prompt."""
    child.sendline(command)
    child.expect_exact(f"{command}\r\n")
    child.expect_exact("(debug) ")
    return str(child.before).replace("\r\n", "\n")


# The program does not notice


WHO_AM_I = """
import pickle, sys, os, __main__
from microgrid import Value
class Thing: pass
x = Value(2.0)
(x * x).backward()
print(__name__, __file__, __package__, __spec__ and __spec__.name, sys.argv, sys.path)
print(__main__.Thing is Thing is type(pickle.loads(pickle.dumps(Thing()))), x.grad)
print(sorted(name for name in globals() if not name.startswith("__")))
"""


@pytest.mark.parametrize("arguments", [(), ("a", "--steps", "-h")])
def test_a_script_has_its_own_argv_name_and_path(
    program: Callable[[str], Path], arguments: tuple[str, ...]
) -> None:
    path = program(WHO_AM_I)
    plain = python(path, *arguments).stdout
    assert plain.startswith("__main__")
    assert python(*MICROGRID, "--unroll", "--nth", "1", path, *arguments).stdout.endswith(plain)


@pytest.mark.parametrize("name", ["lesson", "course", "course.part"])
def test_a_module_and_a_package_run_as_by_python_itself(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "course").mkdir()
    for file in ("lesson.py", "course/__init__.py", "course/__main__.py", "course/part.py"):
        (tmp_path / file).write_text("" if "init" in file else WHO_AM_I, encoding="utf-8")
    ours, plain = python(*MICROGRID, "--steps", "-m", name, "a", "-m"), python("-m", name, "a", "-m")
    assert plain.stdout.startswith("__main__")
    assert ours.stdout == "x.grad += v1.grad · ∂v1/∂x₁ = 1 · 2 = 2; x.grad = 2\n" + (
        "x.grad += v1.grad · ∂v1/∂x₂ = 1 · 2 = 2; x.grad = 2 + 2 = 4\n" + plain.stdout
    )


def test_code_on_the_command_line_knows_value() -> None:
    done = python(
        *MICROGRID, "--steps", "-c", "import sys; x = Value(3.0); print(sys.argv); y = x + x", "--nth"
    )
    assert done.stdout == "['-c', '--nth']\n" + (
        "x.grad += y.grad · ∂y/∂x₁ = 1 · 1 = 1; x.grad = 1\n"
        "x.grad += y.grad · ∂y/∂x₂ = 1 · 1 = 1; x.grad = 1 + 1 = 2\n"
    )


@given(
    commands=st.lists(st.sampled_from(["n", "s 5", "back 3", "c", "c\nc", "p a", "b b", "h"]), max_size=12),
    end=st.sampled_from(["", "q\n"]),
)
@settings(max_examples=15)
def test_the_grads_after_every_epoch_are_those_without_us(commands: list[str], end: str) -> None:
    plain = python(PROGRAMS / "training.py").stdout
    ours = python(*MICROGRID, PROGRAMS / "training.py", commands="\n".join([*commands, end]))
    assert (ours.returncode, without_prompt(ours.stdout)) == (0, plain)
    assert plain.count("0x") == 20


def test_c_at_the_end_of_each_pass_leads_through_the_training() -> None:
    ours = python(*MICROGRID, PROGRAMS / "training.py", commands="c\nc\n" * 5)
    assert ours.stdout.count("The pass is complete") == 5
    assert without_prompt(ours.stdout) == python(PROGRAMS / "training.py").stdout


def test_q_stops_no_more() -> None:
    ours = python(*MICROGRID, PROGRAMS / "training.py", commands="c\nc\nq\nc\nc\n")
    assert ours.stdout.count("before the first step") == 2
    assert without_prompt(ours.stdout) == python(PROGRAMS / "training.py").stdout


def test_leaves_accumulate_as_without_us(program: Callable[[str], Path]) -> None:
    path = program(
        "from microgrid import Value\nx = Value(0.1)\ny = x * x / 3\n"
        "for n in range(3):\n    y.backward()\n    print(n, x.grad.hex(), y.grad.hex())\n"
    )
    assert without_prompt(python(*MICROGRID, path, commands="c\nc\nn\nc\nc\n").stdout) == python(path).stdout


def test_what_the_program_redirects_is_its_own(program: Callable[[str], Path]) -> None:
    path = program(
        "import contextlib, io\nfrom microgrid import Value\nx = Value(1.0)\nbox = io.StringIO()\n"
        "with contextlib.redirect_stdout(box):\n    print('inside')\n    (x + x).backward()\n"
        "print(repr(box.getvalue()))\n"
    )
    for options, commands in ([], "n\nq\n"), (["--steps"], ""):
        shown = python(*MICROGRID, *options, path, commands=commands).stdout
        assert "x.grad += v1.grad" in shown
        assert shown.endswith("'inside\\n'\n")


def test_passes_of_our_own_functions_do_not_count(program: Callable[[str], Path]) -> None:
    path = program(
        "from microgrid import Value, gradcheck\nassert gradcheck(lambda x: x * x, Value(3.0))\n"
        "u = Value(5.0)\n(u + 1).backward()\n"
    )
    assert (
        python(*MICROGRID, "--steps", path).stdout == "u.grad += v1.grad · ∂v1/∂u = 1 · 1 = 1; u.grad = 1\n"
    )


# Status and traceback


ENDS = {
    "status": "import sys\nsys.exit(3)",
    "message": "import sys\nsys.exit('I give up')",
    "error": "def f(x):\n    return x.nothing\nf(x)",
    "chain": "try:\n    {}['k']\nexcept KeyError as e:\n    raise RuntimeError('no k') from e",
    "wrong call": "from microgrid import draw\ndraw(5)",
    "its own hook": "import sys\nsys.excepthook = lambda kind, e, tb: print(kind, e, tb.tb_lineno)\n1 / 0",
    "at exit": "import atexit\natexit.register(lambda: print('bye', x.grad))\n1 / 0",
    "a pipe of its own": "import os\nr, w = os.pipe()\nos.close(r)\nos.write(w, b'x')",
    "syntax": "x = = 3",
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_a_program_ends_as_it_does_without_us(program: Callable[[str], Path], end: str) -> None:
    path = program(f"from microgrid import Value\nx = Value(2.0)\n(x * x).backward()\n{end}\n")
    ours, plain = python(*MICROGRID, path, commands="q\n"), python(path)
    ours_alone = re.compile(rf'  File "{ROOT / "microgrid"}/.*\n(?:    .*\n)+')
    assert (ours.returncode, ours.stderr) == (plain.returncode, ours_alone.sub("", plain.stderr))
    assert ours.stdout.endswith(plain.stdout)
    assert ours.returncode


def test_ctrl_c_in_the_program_ends_it_as_python_does(program: Callable[[str], Path]) -> None:
    path = program(
        "import os, signal\nfrom microgrid import Value\nValue(1.0).backward()\n"
        "os.kill(os.getpid(), signal.SIGINT)\nwhile True: pass\n"
    )
    ours, plain = python(*MICROGRID, "--steps", path), python(path)
    assert ours.returncode == plain.returncode == -signal.SIGINT
    assert ours.stderr.splitlines()[:2] == plain.stderr.splitlines()[:2]
    assert "microgrid/" not in ours.stderr.replace(str(path), "")


# Views in place of the prompt


def test_each_view_is_written_while_the_program_runs_to_its_end(tmp_path: Path) -> None:
    page, picture = tmp_path / "loss.html", tmp_path / "loss.svg"
    options: list[str | Path] = ["--page", page, "--draw", picture, "--steps", "--unroll", "--nth", "2"]
    ours = python(*MICROGRID, *options, PROGRAMS / "training.py")
    plain = python(PROGRAMS / "training.py").stdout.splitlines()
    lines = ours.stdout.splitlines()
    assert (lines[0], lines[-4:], ours.stderr, ours.returncode) == (plain[0], plain[1:], "", 0)
    assert "def program(" in ours.stdout and "b.grad += " in ours.stdout
    gradient = float.fromhex(plain[1].split()[2])
    assert re.search(rf"a\.grad = .* = {gradient:.4g}\n", ours.stdout)
    assert "<title>loss, step by step</title>" in page.read_text(encoding="utf-8")
    assert f"{abs(gradient):.4g}<" in picture.read_text(encoding="utf-8")


def test_open_shows_the_page_in_the_browser(tmp_path: Path) -> None:
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > {tmp_path}/address\n', encoding="utf-8")
    browser.chmod(0o755)
    environment = {"BROWSER": f"{browser} %s", "TMPDIR": str(tmp_path)}
    code = "x = Value(3.0); y = x * x; y.backward()"
    assert python(*MICROGRID, "--open", "-c", code, **environment).returncode == 0
    address = (tmp_path / "address").read_text(encoding="utf-8")
    assert "<title>y, step" in Path(address.removeprefix("file://")).read_text(encoding="utf-8")
    page = tmp_path / "y.html"
    assert python(*MICROGRID, "--open", "--page", page, "-c", code, **environment).returncode == 0
    assert (tmp_path / "address").read_text(encoding="utf-8") == page.as_uri()


def test_an_nth_that_never_comes_is_one_line_and_status_1() -> None:
    done = python(*MICROGRID, "--steps", "--nth", "6", PROGRAMS / "training.py")
    assert (done.returncode, done.stdout) == (1, python(PROGRAMS / "training.py").stdout)
    assert done.stderr == "microgrid: the program calls backward() 5 times, and --nth asks for call 6\n"


def test_a_view_that_cannot_be_shown_is_one_line_and_the_program_runs_on(tmp_path: Path) -> None:
    done = python(*MICROGRID, "--page", tmp_path / "no" / "a.html", PROGRAMS / "training.py")
    assert (done.returncode, done.stdout) == (1, python(PROGRAMS / "training.py").stdout)
    assert done.stderr == f"microgrid: {tmp_path}/no/a.html: No such file or directory\n"


def status_beside_head(options: str, code: str) -> str:
    """Return the status of python -m microgrid where head reads one line of its output, and its errors."""
    command = (
        f'yes n | {sys.executable} -m microgrid {options} -c "{code}" | head -n 1; echo ${{PIPESTATUS[1]}}'
    )
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, env=ENVIRONMENT, timeout=60
    )
    return done.stdout.splitlines()[1] + done.stderr


@pytest.mark.parametrize("options", ["--steps", ""])
def test_a_reader_that_leaves_early_is_not_an_error(options: str, tmp_path: Path) -> None:
    code = f"x = Value(1.0); y = Value.sum([x] * 9000); y.backward(); open('{tmp_path}/end', 'w')"
    assert status_beside_head(options, code) == "0"
    assert (tmp_path / "end").exists()


@pytest.mark.parametrize("flush", [True, False])
def test_a_reader_that_leaves_before_the_program_prints_is_not_an_error(flush: bool) -> None:
    code = (
        "import select; x = Value(1.0); y = x * x; y.backward(); "
        f"left = select.poll(); left.register(1, 0); left.poll(2000); print('more', flush={flush})"
    )
    assert status_beside_head("--steps", code) == "0"


# Programs without backward()


@pytest.mark.parametrize(
    ("code", "root"),
    [
        ("x = Value(3.0); y = x * x", "y"),
        ("x = Value(3.0); y = x * x; print(y.data)", "y"),
        ("x = Value(3.0); y = x * x; z = y * x; print(y)", "y"),
        ("x = Value(3.0); x * x", "v1"),
        ("x = Value(3.0); y: Value = x * x", "y"),
        ("x = Value(3.0)\ndef f():\n y = x * x\n print(y.data)\nif __name__ == '__main__':\n f()", "y"),
        ("import sys\nx = Value(3.0)\ndef f():\n y = x * x\n return 0\nsys.exit(f())", "y"),
        ("from __future__ import annotations; x = Value(3.0); y: Nobody = x * x", "y"),
        ("x = Value(3.0); y, z = x * x, x + 1; u = y", "y"),
    ],
)
def test_without_backward_the_root_is_what_the_last_statement_made_or_named(code: str, root: str) -> None:
    done = python(*MICROGRID, "--steps", "-c", code)
    root = root if COLUMNS or "def f" not in code else "v1"
    assert f"x.grad += {root}.grad · ∂{root}/∂x₁ = 1 · 3 = 3; x.grad = 3\n" in done.stdout
    assert (done.stderr, done.returncode) == ("", 0)


def test_without_backward_the_variables_still_give_names() -> None:
    done = python(*MICROGRID, "--steps", "-c", "w = [Value(3.0), Value(4.0)]; d = {'y': w[0] * w[1]}")
    assert done.stdout.startswith('w[0].grad += d["y"].grad')


@pytest.mark.parametrize("code", ["", "x = 3", "x = Value(3.0)\nimport sys", "raise SystemExit"])
def test_without_a_value_there_is_one_line_and_status_1(code: str) -> None:
    done = python(*MICROGRID, "-c", code)
    assert (done.stdout, done.returncode) == ("", 1)
    assert re.fullmatch(r"microgrid: .*no backward\(\).*\n", done.stderr)


def test_a_format_that_there_is_not_without_dot_is_one_line_and_the_program_runs_on(
    tmp_path: Path,
) -> None:
    code = "x = Value(3.0); y = x * x; y.backward(); print(x.grad)"
    done = python(*MICROGRID, "--draw", tmp_path / "y.pdf", "-c", code, PATH="")
    assert (done.stdout, done.returncode) == ("6.0\n", 1)
    assert re.fullmatch(r"microgrid: graphviz-pure has no format pdf: .*install Graphviz: .*\n", done.stderr)
    assert list(tmp_path.iterdir()) == []


# A forward pass that fails


def test_a_forward_pass_that_fails_is_shown_as_far_as_it_went(tmp_path: Path) -> None:
    done = python(
        *MICROGRID,
        "--steps",
        "--draw",
        tmp_path / "a.svg",
        "--page",
        tmp_path / "a.html",
        PROGRAMS / "failing.py",
    )
    plain = python(PROGRAMS / "failing.py")
    assert done.stdout == "p = sigmoid(logit) = 1\nv1 = 1 - p = 0\nv2 = log(v1)\n"
    first, second, *traceback = done.stderr.splitlines()
    expression = "(1 - p).log()" if COLUMNS else "return -(1 - p).log()"
    assert first == f"The forward pass fails at failing.py:8: {expression}"
    assert second == "log(v1) at v1 = 0: the result is not a real number"
    assert done.returncode == plain.returncode == 1
    assert [line for line in traceback if line.startswith("  File")] == [
        f'  File "{PROGRAMS}/failing.py", line 12, in <module>',
        f'  File "{PROGRAMS}/failing.py", line 8, in cross_entropy',
    ]
    assert traceback[-1] == plain.stderr.splitlines()[-1]
    assert "log(v1)" in (tmp_path / "a.svg").read_text(encoding="utf-8")
    assert "log(v1)" in (tmp_path / "a.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("x = Value(0.0); y = 1 / x", "1 / x at x = 0: division by zero"),
        ("x = Value(-2.0); y = x ** 0.5", "x ** 0.5 at x = -2: the result is not a real number"),
        ("x = Value(900.0); y = x.exp()", "exp(x) at x = 900: the result is too large for a float"),
    ],
)
def test_what_failed_is_said_in_names_and_numbers(code: str, said: str) -> None:
    done = python(*MICROGRID, "--steps", "-c", code)
    expression = code.partition("y = ")[2] if COLUMNS else code
    assert done.stderr.splitlines()[:2] == [f"The forward pass fails at <string>:1: {expression}", said]


def test_an_error_that_the_program_handles_is_its_own() -> None:
    code = "x = Value(0.0)\ntry:\n    x.log()\nexcept ValueError:\n    print('handled')\n(x + 1).backward()"
    done = python(*MICROGRID, "--steps", "-c", code)
    assert done.stdout == "handled\nx.grad += v1.grad · ∂v1/∂x = 1 · 1 = 1; x.grad = 1\n"
    assert (done.stderr, done.returncode) == ("", 0)


def test_a_failure_after_the_view_is_not_viewed() -> None:
    done = python(*MICROGRID, "--steps", "-c", "x = Value(0.0); (x + 1).backward(); y = x.log()")
    assert done.stdout.count("\n") == 1
    assert done.stderr.startswith("Traceback")


# Programs for micrograd


@pytest.mark.parametrize("name", ["moons.py", "trace.py"])
def test_a_program_for_micrograd_runs_unedited(name: str) -> None:
    ours, real = python(*MICROGRID, "--micrograd", "--nth", "1", PROGRAMS / name), python(PROGRAMS / name)
    printed = real.stdout.splitlines()
    assert [line for line in ours.stdout.splitlines() if line in printed] == printed
    assert (ours.stderr, ours.returncode) == ("", 0)
    assert real.returncode == 0 and real.stdout


def test_a_value_takes_free_attributes_and_shows_its_operands() -> None:
    code = (
        "import micrograd.engine as e; from micrograd import nn; p = nn.Neuron(1).parameters()[0]\n"
        "p.m = 0.5; y = p * 2; y.m = p.m\n"
        "print(type(p) is type(y) is e.Value is Value, p in y._prev, repr(p._op), y._op)"
    )
    done = python(*MICROGRID, "--micrograd", "--steps", "-c", code)
    assert done.stdout.splitlines()[0] == "True True '' *"


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("x._backward = lambda: None", "assigns _backward; add a row to RULES"),
        ("class Mine(Value): pass", "derives from Value; write a function"),
        ("x._backward()", "reads _backward"),
    ],
)
def test_what_changes_the_engine_is_refused_in_one_line(
    program: Callable[[str], Path], code: str, why: str
) -> None:
    path = program(
        f"from micrograd.engine import Value\nx = Value(1.0)\ntry:\n    {code}\nexcept Exception:\n    1"
    )
    done = python(*MICROGRID, "--micrograd", path)
    assert (done.stdout, done.returncode) == ("", 1)
    assert re.fullmatch(rf"microgrid: {path}:4 {why}.*\n", done.stderr)


def test_only_the_switch_loads_the_compatibility() -> None:
    code = "import sys; print('microgrid.compatibility' in sys.modules); (Value(1.0) + 1).backward()"
    assert [
        python(*MICROGRID, *options, "--unroll", "-c", code).stdout.splitlines()[0]
        for options in ([], ["--micrograd"])
    ] == ["False", "True"]


# The command line


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--steps"],
        ["--strange", "lesson.py"],
        ["no such file.py"],
        ["."],
        ["-m", "no_such_module"],
        ["-m", "no.such.module"],
        ["-c"],
        ["--nth", "0", "lesson.py"],
        ["--nth", "x", "lesson.py"],
        ["--draw", "graph", "lesson.py"],
        ["--page"],
        ["--ste", "lesson.py"],
    ],
)
def test_a_wrong_command_line_is_one_line_and_status_2(arguments: list[str]) -> None:
    done = python(*MICROGRID, *arguments)
    assert (done.stdout, done.returncode) == ("", 2)
    assert re.fullmatch(r"microgrid: .*; see python -m microgrid --help\n", done.stderr)


def test_the_help_fits_on_a_screen() -> None:
    lines = python(*MICROGRID, "--help", COLUMNS="80").stdout.splitlines()
    assert len(lines) < 24
    assert max(map(len, lines)) < 80


# In a terminal


def test_in_a_terminal_a_program_without_labels_has_the_names_of_its_variables() -> None:
    with terminal(PROGRAMS / "unlabelled.py") as child:
        child.expect_exact("(debug) ")
        assert "y = tanh(" in answer(child, "n")
        assert 'params["b"].grad += ' in "".join(answer(child, "n") for _ in range(3))
        child.sendeof()
        child.expect_exact(python(PROGRAMS / "unlabelled.py").stdout.strip())
        child.expect(pexpect.EOF)
    assert child.exitstatus == 0


def test_in_a_terminal_a_training_is_followed_epoch_by_epoch() -> None:
    epochs = python(PROGRAMS / "training.py").stdout.splitlines()
    with terminal(PROGRAMS / "training.py") as child:
        child.expect_exact("(debug) ")
        for epoch in epochs[:2]:
            assert "The pass is complete" in answer(child, "c")
            assert epoch in answer(child, "c")
        child.sendline("q")
        for epoch in epochs[2:]:
            child.expect_exact(epoch)
        child.expect(pexpect.EOF)
    assert child.exitstatus == 0


def test_in_a_terminal_ctrl_c_at_the_prompt_does_not_end_the_program() -> None:
    with terminal(PROGRAMS / "training.py") as child:
        child.expect_exact("(debug) ")
        child.sendintr()
        child.expect_exact("(debug) ")
        child.sendline("q")
        child.expect_exact(python(PROGRAMS / "training.py").stdout.splitlines()[-1])
        child.expect(pexpect.EOF)
    assert child.exitstatus == 0


def test_in_a_terminal_a_failing_forward_pass_can_be_looked_at() -> None:
    with terminal(PROGRAMS / "failing.py") as child:
        child.expect_exact("The forward pass fails at failing.py:8: ")
        child.expect_exact("(debug) ")
        assert "log(" in answer(child, "p v2")
        child.sendline("q")
        child.expect_exact("ValueError: log(0.0): the result is not a real number")
        child.expect(pexpect.EOF)
    assert child.exitstatus == 1


def test_in_a_terminal_a_dead_relu_is_found() -> None:
    with terminal(PROGRAMS / "dead_relu.py") as child:
        child.expect_exact("(debug) ")
        assert "h = relu(" in answer(child, "c") + answer(child, "p h")


def test_in_a_terminal_micrograds_demo_opens_the_prompt() -> None:
    with terminal("--micrograd", PROGRAMS / "moons.py") as child:
        child.expect_exact("number of parameters 337")
        child.expect_exact("(debug) ")
        assert "total_loss" in answer(child, "n")
        child.sendline("q")
        child.expect_exact(python(PROGRAMS / "moons.py").stdout.splitlines()[-1])
        child.expect(pexpect.EOF)
    assert child.exitstatus == 0
