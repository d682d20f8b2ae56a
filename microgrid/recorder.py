"""Which expression of the program made each node, and which variable holds it.

    with recording():
        y = lesson(x)               # each node made in here knows its expression in the program
    place_of(y).text                # "x * w + b"
    variables([y, ...])             # the variable that holds each, `y` or `model.layers[0].b`

Nothing is searched until a view asks, and recording keeps no node alive.
"""

import ast
import itertools
import linecache
import os
import sys
import sysconfig
import types
from collections import deque
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from json import dumps
from pathlib import Path
from types import CodeType, FrameType
from typing import Any
from weakref import WeakKeyDictionary

from microgrid import value
from microgrid.arguments import Number
from microgrid.value import Value


@dataclass(frozen=True)
class Place:
    """Where in a program a node was made: an expression, or from Python 3.10 the line alone.

    line, end_line      from 1
    column, end_column  from 0, in characters; -1 where they are not known
    """

    file: str
    line: int
    end_line: int
    column: int
    end_column: int

    @property
    def source(self) -> str:
        """The line, or the first of several; "" if the source cannot be found."""
        return linecache.getline(self.file, self.line).rstrip("\n")

    @property
    def text(self) -> str:
        """The expression, or the line if its columns are not known."""
        if self.column < 0:
            return self.source.strip()
        lines = [linecache.getline(self.file, line) for line in range(self.line, self.end_line + 1)]
        if not lines[0]:
            return ""
        lines[-1] = lines[-1][: self.end_column]
        return "".join([lines[0][self.column :], *lines[1:]])


# Recording

_made: WeakKeyDictionary[Value, tuple[CodeType, int, int]] = WeakKeyDictionary()
_serial_numbers = itertools.count(1)
_active = 0  # how many recordings are on, in all threads

# The files whose code is not the program's begin like this.
OURS = (f"{Path(__file__).parent}{os.sep}", "<unrolled ")
_plain_init = Value.__init__


@contextmanager
def recording() -> Iterator[None]:
    """Let each node that is made inside, in any thread, know the expression of the program that made it.

    The expression is the program's own, not a line inside microgrid. Recordings may be nested.
    """
    global _active
    _active += 1
    value.new = _recorded
    Value.__init__ = _recording_init  # type: ignore[method-assign]
    try:
        yield
    finally:
        _active -= 1
        if not _active:
            value.new = object.__new__
            Value.__init__ = _plain_init  # type: ignore[method-assign]


def _recorded(kind: type[Value]) -> Value:
    node = object.__new__(kind)
    _record(node)
    return node


def _recording_init(self: Value, data: Number, label: str = "") -> None:
    _plain_init(self, data, label)
    _record(self)


def _record(node: Value) -> None:
    frame: FrameType | None = sys._getframe(2)
    while frame and frame.f_code.co_filename.startswith(OURS):
        frame = frame.f_back
    if frame:
        record(node, frame.f_code, frame.f_lasti)


def record(node: Value, code: CodeType, instruction: int) -> None:
    """Note which instruction of the program made a node, or would have made it."""
    _made[node] = code, instruction, next(_serial_numbers)


def place_of(node: Value) -> Place | None:
    """Return where the program made a node; None for a node that was not recorded."""
    if node not in _made:
        return None
    code, instruction, _ = _made[node]
    line, end_line, start, end = _position(code, instruction)
    first, last = (linecache.getline(code.co_filename, number) for number in (line, end_line))
    return Place(code.co_filename, line, end_line, characters(first, start), characters(last, end))


@lru_cache(maxsize=100)
def _positions(code: CodeType) -> list[Any]:
    return list(code.co_positions()) if hasattr(code, "co_positions") else []


@lru_cache(maxsize=100_000)
def _position(code: CodeType, instruction: int) -> tuple[int, int, int, int]:
    if positions := _positions(code):
        line, end_line, start, end = positions[instruction // 2]
        if None not in (line, end_line, start, end):
            return line, end_line, start, end
    line = next((line for first, last, line in code.co_lines() if first <= instruction < last), None)
    return line or code.co_firstlineno, line or code.co_firstlineno, -1, -1


def characters(line: str, count: int) -> int:
    """Return how many characters a count of UTF-8 bytes is."""
    return len(line.encode()[:count].decode(errors="replace")) if count > 0 else count


# The variable that an expression was assigned to

_POSITION = ("lineno", "end_lineno", "col_offset", "end_col_offset")


def assigned_name(place: Place) -> str:
    """Return what the program assigned the expression at place to, such as `z` or `self.w`; "" if nothing."""
    lines = linecache.getlines(place.file)
    first = lines[place.line - 1] if place.line <= len(lines) else ""
    last = lines[place.end_line - 1] if place.end_line <= len(lines) else ""
    start, end = len(first[: place.column].encode()), len(last[: place.end_column].encode())
    return _targets("".join(lines)).get((place.line, place.end_line, start, end), "")


@lru_cache(maxsize=100)
def _targets(source: str) -> dict[tuple[int, ...], str]:
    """Map the position of each assigned expression in source to its target."""
    try:
        tree = ast.parse(source)
    except SyntaxError:  # as of a cell with a line for IPython alone
        return {}
    targets: dict[tuple[int, ...], str] = {}
    for node in ast.walk(tree):
        pairs: list[tuple[ast.expr, ast.AST]] = []
        if isinstance(node, ast.Assign):
            pairs = [(node.targets[0], node.value)]
        elif isinstance(node, ast.AnnAssign | ast.NamedExpr) and node.value:
            pairs = [(node.target, node.value)]
        elif isinstance(node, ast.AugAssign):
            pairs = [(node.target, node)]
        for target, assigned in pairs:  # which grows where a tuple is assigned
            if isinstance(target, ast.Tuple | ast.List) and isinstance(assigned, ast.Tuple | ast.List):
                pairs.extend(zip(target.elts, assigned.elts))
            elif isinstance(target, ast.Name | ast.Attribute | ast.Subscript):
                position = [getattr(assigned, name) for name in _POSITION]
                targets[tuple(position)] = ast.unparse(target)
    return targets


# The variables that hold a node

# Where the prefix is /, as in a browser, sysconfig writes //lib.
LIBRARIES = tuple(
    {
        path.replace("//", "/")
        for name, path in sysconfig.get_paths().items()
        if name.endswith(("lib", "stdlib"))
    }
)
MOST_OBJECTS = 20_000
DEEPEST = 6
_OPAQUE = (type, types.ModuleType, types.FunctionType, types.CodeType, types.FrameType)


def made_at(node: Value) -> int:
    """Return a number that is higher for nodes made later; 0 for a node that was not recorded."""
    return _made[node][2] if node in _made else 0


def is_recorded(nodes: Collection[Value]) -> bool:
    """Return whether any of the nodes was recorded."""
    return bool(_made) and any(node in _made for node in nodes)


def variables(nodes: Collection[Value]) -> dict[Value, str]:
    """Return the variable that holds each node, where one does: `y`, `w[2]`, `model.layers[0].b`.

    The search goes through the program's variables, from the outermost running function to the one that asks,
    and through the lists, tuples, dicts, object arrays and attributes that they hold: the nearest first, and
    20,000 objects at most. It runs no code of the program: no property, no __getattr__.
    """
    found: dict[Value, str] = {}
    wanted = set(nodes)
    for namespace in _namespaces():
        for node, name in _reached(namespace, wanted.difference(found)):
            found.setdefault(node, name)
    return found


def program_frames() -> list[FrameType]:
    """Return the functions of the program that are running, the outermost first."""
    frames = []
    frame: FrameType | None = sys._getframe(1)
    while frame:
        if not frame.f_code.co_filename.startswith((*OURS, *LIBRARIES, "<frozen ")):
            frames.append(frame)
        frame = frame.f_back
    frames.reverse()
    return frames


def _namespaces() -> list[Mapping[str, object]]:
    """Return the variables of each function of the program that is running, the outermost first."""
    frames = program_frames()
    modules = {id(frame.f_globals): frame.f_globals for frame in frames}
    return [*modules.values(), *[frame.f_locals for frame in frames if frame.f_locals is not frame.f_globals]]


def _reached(namespace: Mapping[str, object], wanted: set[Value]) -> Iterator[tuple[Value, str]]:
    """Yield the wanted nodes that the variables lead to, and the way, the shortest first."""
    waiting = deque(
        (name, thing, 0)
        for name, thing in [*namespace.items()]
        if not name.startswith("_") and name not in ("In", "Out")
    )
    seen: set[int] = set()
    while waiting and len(seen) < MOST_OBJECTS:
        name, thing, depth = waiting.popleft()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, Value):
            if thing in wanted:
                yield thing, name
        elif depth < DEEPEST:
            waiting.extend((name + way, part, depth + 1) for way, part in _parts(thing))


def _parts(thing: Any) -> Iterator[tuple[str, object]]:
    """Yield what a thing holds, and the way there; no code of the program runs."""
    if isinstance(thing, list):
        yield from ((f"[{i}]", part) for i, part in enumerate(list.copy(thing)))
    elif isinstance(thing, tuple):
        fields = type(thing).__dict__.get("_fields", ())
        for i, part in enumerate(tuple.__iter__(thing)):
            yield f".{fields[i]}" if i < len(fields) else f"[{i}]", part
    elif isinstance(thing, dict):
        for key, part in [*dict.items(thing)]:
            if type(key) in (str, int):
                yield f"[{dumps(key, ensure_ascii=False)}]", part
    elif (numpy := sys.modules.get("numpy")) and type(thing) is numpy.ndarray:
        for index, part in numpy.ndenumerate(thing) if thing.dtype == object else []:
            yield f"[{','.join(map(str, index))}]", part
    elif not isinstance(thing, _OPAQUE):
        yield from _attributes(thing)


def _attributes(thing: object) -> Iterator[tuple[str, object]]:
    for kind in type(thing).__mro__:
        own = kind.__dict__.get("__dict__")
        if isinstance(own, types.GetSetDescriptorType):
            for name, part in [*own.__get__(thing).items()]:
                yield f".{name}", part
        for name, slot in [*kind.__dict__.items()]:
            if isinstance(slot, types.MemberDescriptorType):
                try:
                    yield f".{name}", slot.__get__(thing)
                except AttributeError:  # an empty slot
                    continue
