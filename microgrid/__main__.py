"""The command line: python -m microgrid lesson.py runs a program and looks inside its backward passes."""

import argparse
import os
import select
import subprocess
import sys
import tempfile
import webbrowser
from collections.abc import Iterator, Sequence
from importlib.abc import InspectLoader
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn, TextIO

from microgrid.animation import write_animation
from microgrid.arguments import one_line
from microgrid.debugger import Debugger
from microgrid.drawing import draw
from microgrid.files import write_whole
from microgrid.names import equation, expression, node_names, short, text
from microgrid.page import write_page
from microgrid.recorder import place_of, recording
from microgrid.running import Program, run
from microgrid.steps import backward_steps, grads_after
from microgrid.terminal import encodable
from microgrid.unrolling import unroll
from microgrid.value import REASONS, Value, topological_order

DESCRIPTION = """\
Run a program as Python does and look inside: a prompt opens at its first
backward(), with the program's own lines and names. h lists the commands, c at
the end of a pass goes on to the next backward(), q lets the program run. The
program's grads are the same as without the prompt. If it never calls
backward(), the prompt is on the Value that its last statement made or named."""

EPILOG = """\
The exit status is the program's own, 1 if there is nothing to show or showing
it fails, or 2 for a wrong command line."""

VIEWS = ("page", "open", "animation", "draw", "steps", "unroll")  # any of them in place of the prompt


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the program that the command line names; ends in SystemExit unless the status is 0."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if not options.program:
        parser.error("give a program, such as lesson.py")
    view = _View(options)
    with recording():
        known = Value
        if options.micrograd:
            from microgrid.compatibility import serve

            known = serve()
        try:
            program = _program(options.how, known, *options.program)
        except (OSError, ImportError, ValueError) as error:
            parser.error(_problem(error))
        try:
            run(program, view, options.nth)
        except BrokenPipeError:
            # Once the view was shown, a reader that leaves, such as head, is not an error of the program's.
            if not (view.was_shown and _reader_has_left()):
                raise
        finally:
            _flush_output()
    if view.problems:
        sys.exit(1)


def _program(how: str, known: type[Value], name: str, *arguments: str) -> Program:
    """Return the program of that name: a file, the module for -m, the code itself, which knows Value, for -c.

    Raises OSError, ImportError or ValueError if there is none.
    """
    if how == "-c":
        return Program(name, "<string>", ["-c", *arguments], variables={"Value": known})
    if how == "-m":
        spec = find_spec(name)
        if spec and spec.submodule_search_locations is not None:
            spec = find_spec(f"{name}.__main__")
        if not spec or not spec.origin or not isinstance(spec.loader, InspectLoader):
            raise ImportError(f"there is no module {name} to be run")
        return Program(spec.loader.get_source(spec.name) or "", spec.origin, [spec.origin, *arguments], spec)
    source = Path(name).read_bytes()
    if not getattr(sys.flags, "safe_path", False):  # from Python 3.11
        sys.path[0] = os.path.dirname(os.path.realpath(name))
    return Program(source, os.path.abspath(name), [name, *arguments])


class _View:
    """What the options ask to be shown of a graph; the prompt if they do not say."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.problems: list[str] = []
        self.was_shown = False

    def __call__(self, root: Value, error: Exception | None) -> bool:
        """Show the graph under root, and return whether to look at the next backward() too."""
        self.was_shown = True
        options = self.options
        if error:
            _say(_failure(root, error), sys.stderr)
        try:
            if not any(getattr(options, view) for view in VIEWS):
                return Debugger(root, inside_program=True).interact() == "continue"
            self.write(root, error is not None)
        except BrokenPipeError:  # Nobody reads any more; the program runs on.
            _discard_output()
        except (OSError, ImportError, ValueError, RuntimeError, subprocess.SubprocessError) as problem:
            self.problems.append(_problem(problem))
            _say(f"microgrid: {self.problems[-1]}", sys.stderr)
        return False

    def write(self, root: Value, failed: bool) -> None:
        """Write the views that the options ask for."""
        options = self.options
        if options.steps:
            for line in _computed(root) if failed else map(str, backward_steps(root)):
                _say(line, sys.stdout)
        if options.unroll:
            nodes = topological_order(root)
            inputs = [node for node in nodes if not node.operands and node.op != "constant"]
            _say(unroll(root, inputs).source, sys.stdout)
        if options.draw:
            # The program's backward comes afterwards; there is none where the forward pass failed.
            grads = {} if failed else grads_after(root, backward_steps(root))
            from microgrid.picture import format_of

            picture = draw(root, grads=grads, local_grads=True, highlight=root if failed else None)
            write_whole(options.draw, picture.pipe(format=format_of(options.draw)))
        if options.animation:
            write_animation(root, options.animation)
        if options.page or options.open:
            page = options.page or Path(tempfile.mkdtemp(prefix="microgrid-"), "page.html")
            write_page(root, page)
            if options.open and not webbrowser.open(page.resolve().as_uri()):
                raise RuntimeError(f"there is no browser to open {page} in")


def _failure(root: Value, error: Exception) -> str:
    """Return which operation of the forward pass failed, where in the program, and at which numbers."""
    names = node_names(root)
    place = place_of(root)
    where = f"{Path(place.file).name}:{place.line}: {one_line(place.text)}" if place else ""
    operands = [node for node in dict.fromkeys(root.operands) if node.op != "constant"]
    at = ", ".join(f"{names[node]} = {short(node.data)}" for node in operands[:5])
    reason = REASONS.get(type(error), error)
    return f"The forward pass fails at {where}\n{one_line(text(expression(root, names)))} at {at}: {reason}"


def _computed(root: Value) -> Iterator[str]:
    """Yield how each node under root was computed, but root, which could not be."""
    names = node_names(root)
    for node in names:
        if node.operands:
            number = f" = {short(node.data)}" if node is not root else ""
            yield f"{equation(node, names)}{number}"


def _problem(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    return one_line(str(error))


def _say(line: str, stream: TextIO) -> None:
    print(encodable(line, stream), file=stream, flush=True)


def _reader_has_left() -> bool:
    """Return whether standard output is a pipe that nobody reads any more."""
    poll = select.poll()
    poll.register(1, 0)
    return any(event & select.POLLERR for _, event in poll.poll(0))


def _flush_output() -> None:
    """Write what is left of the output: where nobody reads it, Python's own last flush ends in status 120."""
    if sys.__stdout__ and not sys.__stdout__.closed:
        try:
            sys.__stdout__.flush()
        except BrokenPipeError:
            _discard_output()
        except OSError:  # Such as a full device, which Python reports.
            pass


def _discard_output() -> None:
    """Send what is still to come on standard output nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


# The command line


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"microgrid: {message}; see python -m microgrid --help\n")


def _parser() -> _Parser:
    parser = _Parser(
        prog="python -m microgrid",
        usage="python -m microgrid [OPTIONS] {lesson.py | -m MODULE | -c CODE} [ARGS]",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    for how, meaning in (
        ("-m", "run a module, as python -m does"),
        ("-c", "run this code, which knows Value"),
    ):
        parser.add_argument(how, dest="how", action="store_const", const=how, default="", help=meaning)
    parser.add_argument("--page", metavar="FILE", type=Path, help="write a web page instead of the prompt")
    parser.add_argument("--open", action="store_true", help="open the web page in the browser")
    parser.add_argument("--animation", metavar="FILE", type=Path, help="write both passes as an animated SVG")
    parser.add_argument("--draw", metavar="FILE", type=_picture, help="draw the graph: svg, png, pdf, …")
    parser.add_argument("--steps", action="store_true", help="print the steps of the backward pass")
    parser.add_argument("--unroll", action="store_true", help="print the graph as a program")
    parser.add_argument("--nth", metavar="N", type=_positive, default=1, help="show the Nth backward()")
    parser.add_argument("--micrograd", action="store_true", help="run a program that imports micrograd")
    parser.add_argument("program", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return parser


def _picture(name: str) -> Path:
    from microgrid.picture import format_of

    try:
        format_of(Path(name))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return Path(name)


def _positive(number: str) -> int:
    if not number.isdecimal() or int(number) < 1:
        raise argparse.ArgumentTypeError(f"{number!r} is not a number of a backward(); give 1, 2, 3, …")
    return int(number)


if __name__ == "__main__":
    main()
