"""A program run as Python runs it, with a look inside its backward passes.

    run(Program(source, "lesson.py", ["lesson.py"]), view)

The view is called inside backward(), before a gradient changes, while the program's variables are in sight.
The program does not notice: the grads that the view leaves are taken back, and then its own backward runs.
"""

import ast
import builtins
import functools
import linecache
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from importlib.machinery import ModuleSpec
from math import nan
from types import ModuleType, TracebackType
from typing import Any, NamedTuple

from microgrid import value
from microgrid.recorder import OURS, record
from microgrid.value import Value, apply, topological_order

# Shows the graph under a root, and returns whether to look at the next backward() too. Where the forward pass
# failed, the root is the operation that did, with nan as its number, and the error is given.
View = Callable[[Value, Exception | None], bool]
Variables = dict[str, object]


class Program(NamedTuple):
    """A program: its text, the file of it, its sys.argv, and the variables that it begins with."""

    source: str | bytes
    file: str
    argv: list[str]
    spec: ModuleSpec | None = None
    variables: Mapping[str, object] = {}


def run(program: Program, view: View, nth: int = 1) -> None:
    """Run a program as __main__, and call the view inside its nth backward(), and later ones if it says so.

    Of a program that calls none, the Value is viewed that its last statement made or named; of one whose
    forward pass fails before, the operation that did.
    Raises what the program raises, and lets Python show the traceback without our frames; SystemExit, with
    one line that says why, if there is nothing to view.
    """
    variables = _main_module(program)
    looks = _Looks(view, nth)
    last: list[ast.stmt] = []
    made: list[Value] = []
    try:
        # As ast.parse does, which would stand in the traceback of a SyntaxError.
        tree: Any = compile(program.source, program.file, "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
        futures = [s for s in tree.body if isinstance(s, ast.ImportFrom) and s.module == "__future__"]
        with looks.inside_backward():
            _execute(tree.body[:-1], program.file, variables)
            last = tree.body[-1:]
            with noting_results(made):
                _execute([*futures, *last], program.file, variables)
    except SystemExit as error:
        if error.code not in (None, 0):
            raise
    except BaseException as error:
        if isinstance(error, Exception) and looks.go_on:
            looks.at_failure(error)
        _hide_our_frames(error)
        raise
    if looks.calls >= nth:
        return
    if looks.calls or nth > 1:
        times = "once" if looks.calls == 1 else f"{looks.calls} times" if looks.calls else "never"
        raise SystemExit(f"microgrid: the program calls backward() {times}, and --nth asks for call {nth}")
    root = _result(last, variables, made)
    if root is None:
        raise SystemExit("microgrid: there is no backward() to show, and no Value in the last statement")
    _within([(variables, {})], lambda: looks.look(root))


class _Looks:
    """Which calls of backward() are looked into, and how."""

    def __init__(self, view: View, nth: int) -> None:
        self.view = view
        self.nth = nth
        self.calls = 0
        self.go_on = True

    @contextmanager
    def inside_backward(self) -> Iterator[None]:
        """Let the program's calls of backward be counted, and viewed."""
        backward = Value.backward

        @functools.wraps(backward)
        def viewed(root: Value) -> None:
            # gradcheck and other functions of ours have passes of their own.
            if not sys._getframe(1).f_code.co_filename.startswith(OURS):
                self.calls += 1
                if self.go_on and self.calls >= self.nth:
                    self.look(root)
            backward(root)

        Value.backward = viewed  # type: ignore[method-assign, assignment]
        try:
            yield
        finally:
            Value.backward = backward  # type: ignore[method-assign]

    def at_failure(self, error: Exception) -> None:
        """Look at the operation of the forward pass that raised an error, where one did."""
        entries = _program_entries(error)
        failed = _failed_operation(error, entries)
        if failed:
            frames = [entry.tb_frame for entry in entries]
            _within([(f.f_globals, f.f_locals) for f in frames], lambda: self.look(failed, error))

    def look(self, root: Value, error: Exception | None = None) -> None:
        """Call the view, and take back what it does to grads; the program's redirected output is its own."""
        found = [(node, node.grad) for node in topological_order(root)]
        self.go_on = False
        try:
            with redirect_stdout(sys.__stdout__):
                self.go_on = self.view(root, error)
        finally:
            for node, grad in found:
                node.grad = grad


# Running


def _main_module(program: Program) -> Variables:
    """Make the module __main__ of a program, and return its variables."""
    main = sys.modules["__main__"] = ModuleType("__main__")
    variables = main.__dict__
    variables |= {"__builtins__": builtins, "__file__": program.file, **program.variables}
    if program.spec:
        variables |= {"__spec__": program.spec, "__package__": program.spec.parent}
    sys.argv = program.argv
    if isinstance(program.source, str) and not program.spec:  # it is in no file
        lines = program.source.splitlines(keepends=True)
        linecache.cache[program.file] = len(program.source), None, lines, program.file
    return variables


def _execute(statements: list[ast.stmt], file: str, variables: Variables) -> None:
    exec(compile(ast.Module(statements, []), file, "exec"), variables)


@contextmanager
def noting_results(made: list[Value]) -> Iterator[None]:
    """Keep the result that was made last in a list."""
    new = value.new

    def noted(kind: type[Value]) -> Value:
        made[:] = [new(kind)]
        return made[0]

    value.new = noted
    try:
        yield
    finally:
        value.new = new


def _result(statements: list[ast.stmt], variables: Variables, made: list[Value]) -> Value | None:
    """Return the Value that the last statement assigns, else that it made last, else that it names last."""
    names = [node for statement in statements for node in ast.walk(statement) if isinstance(node, ast.Name)]
    names.sort(key=lambda name: (name.lineno, name.col_offset))
    assigned = [variables.get(name.id) for name in names if isinstance(name.ctx, ast.Store)]
    named = [variables.get(name.id) for name in names]
    values = [thing for thing in (*named, *made, *assigned) if isinstance(thing, Value)]
    return values[-1] if values else None


def _within(namespaces: Iterable[tuple[Variables, Mapping[str, object]]], look: Callable[[], None]) -> None:
    """Call look as from inside functions with these globals and locals, the innermost last."""
    call = compile("_look()", "<program>", "eval")
    for variables, local in reversed([*namespaces]):
        look = functools.partial(eval, call, variables, {**local, "_look": look})
    look()


# Failing


def _entries(error: BaseException) -> Iterator[TracebackType]:
    entry = error.__traceback__
    while entry:
        yield entry
        entry = entry.tb_next


def _program_entries(error: BaseException) -> list[TracebackType]:
    """Return the entries of an error's traceback that are the program's."""
    entries = [*_entries(error)]
    codes = [entry.tb_frame.f_code for entry in entries]
    begin = codes.index(_execute.__code__) if _execute.__code__ in codes else 0
    return [entry for entry in entries[begin:] if not entry.tb_frame.f_code.co_filename.startswith(OURS)]


def _failed_operation(error: Exception, entries: list[TracebackType]) -> Value | None:
    """Return the operation that raised an error, as a node with nan as its number; None where none did."""
    frames = [entry.tb_frame for entry in _entries(error) if entry.tb_frame.f_code is apply.__code__]
    if not frames:
        return None
    node = Value(nan)
    node.op, node.operands = frames[-1].f_locals["op"], frames[-1].f_locals["operands"]
    node.local_grads = (nan,) * len(node.operands)
    record(node, entries[-1].tb_frame.f_code, entries[-1].tb_lasti)
    return node


def _hide_our_frames(error: BaseException) -> None:
    """Let Python show the tracebacks of an error, and of those that led to it, with the program's frames."""
    chain: dict[int, BaseException] = {}
    link: BaseException | None = error
    while link and id(link) not in chain:
        chain[id(link)] = link
        link.__traceback__ = _joined(_program_entries(link))
        link = link.__cause__ or link.__context__
    hook, traceback = sys.excepthook, error.__traceback__
    sys.excepthook = lambda kind, error, _: hook(kind, error.with_traceback(traceback), traceback)


def _joined(entries: list[TracebackType]) -> TracebackType | None:
    joined = None
    for entry in reversed(entries):
        joined = TracebackType(joined, entry.tb_frame, entry.tb_lasti, entry.tb_lineno)
    return joined
