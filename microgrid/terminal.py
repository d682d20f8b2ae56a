"""What a terminal shows: lines of a program with an expression marked, tables, colours; and its Ctrl-C.

for line in marked(place_of(node), 80):
    print(line)             # z = x * w + b
                            #     ^^^^^
"""

import linecache
import os
import signal
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO, TextIO
from unicodedata import category, east_asian_width

from microgrid.names import Part
from microgrid.recorder import Place

MOST_LINES = 4

# The page's colours, in tones that can be read on a light and on a dark terminal.
COLOURS = {"node": "38;5;32", "operand": "38;5;166", "local_grad": "38;5;134"}


def marked(place: Place, columns: int) -> Iterator[str]:
    """Yield the lines of the program at a place, each followed by the marks under the expression.

    Yields nothing if the source cannot be found, and no marks if the columns are not known.
    """
    numbers = range(place.line, place.end_line + 1)
    lines = [printable(linecache.getline(place.file, number).rstrip()) for number in numbers]
    if not lines[0]:
        return
    margin = min(indentation(line) for line in lines if line)
    for number, line in zip(numbers[:MOST_LINES], lines):
        start = place.column if number == place.line else indentation(line)
        end = place.end_column if number == place.end_line else len(line)
        line, start, end = line[margin:], start - margin, end - margin
        if place.column < 0:
            yield cut(line, columns)
        elif line:
            if width(line[:end]) > columns and start > 0:
                line, start, end = f"…{line[start:]}", 1, end - start + 1
            line = cut(line, columns)
            yield line
            yield " " * width(line[:start]) + "^" * width(line[start:end])
    if len(lines) > MOST_LINES:
        yield "…"


def indentation(line: str) -> int:
    """Return the number of white space characters at the beginning of a line."""
    return len(line) - len(line.lstrip())


def printable(line: str) -> str:
    """Return a line of a program that is safe to show in a terminal, with as many characters."""
    return "".join(
        c if c.isprintable() else " " if c.isspace() else "\N{REPLACEMENT CHARACTER}" for c in line
    )


def width(text: str) -> int:
    """Return how many columns a text takes in a terminal.

    >>> [width(text) for text in ("größe", "船", "e\\N{COMBINING ACUTE ACCENT}")]
    [5, 2, 1]
    """
    if text.isascii():
        return len(text)
    return sum(
        0 if category(c) in ("Mn", "Me", "Cf") else 2 if east_asian_width(c) in "WF" else 1 for c in text
    )


def cut(text: str, columns: int) -> str:
    """Return a text cut to at most so many columns.

    >>> cut("x * w + b", 6), cut("x * w", 6)
    ('x * w…', 'x * w')
    """
    if width(text) <= columns:
        return text
    while text and width(text) >= columns:
        text = text[: columns - 1] if len(text) >= columns else text[:-1]
    return f"{text}…"


def table(rows: Sequence[Sequence[str]], columns: int) -> list[str]:
    """Return rows as lines of aligned columns: the first, cut to fit, on the left, numbers on the right.

    >>> table([("node", "data"), ("x", "-2.5")], 80)
    ['node  data', 'x     -2.5']
    """
    firsts, *others = zip(*rows)
    widths = [max(map(width, column)) for column in others]
    room = min(max(map(width, firsts)), max(20, columns - sum(widths) - 2 * len(widths)))
    lines = []
    for first, *cells in rows:
        first = cut(first, room)
        shown = [first + " " * (room - width(first))]
        shown += [" " * (column - width(cell)) + cell for cell, column in zip(cells, widths)]
        lines.append("  ".join(shown).rstrip())
    return lines


def encodable(text: str, stream: IO[str]) -> str:
    """Return a text that a stream can encode, escaping what it cannot: not every encoding has ∂."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def has_colours(stream: IO[str]) -> bool:
    """Return whether a stream is a terminal that shows colours to a user who wants them."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM", "dumb") != "dumb"


def painted(parts: Iterable[Part]) -> str:
    """Return parts as one text, each in the colour of its role."""
    return "".join(
        f"\x1b[{COLOURS[part.role]}m{part.text}\x1b[0m" if part.role else part.text for part in parts
    )


def is_pipe_or_file(stream: TextIO) -> bool:
    """Return whether a stream is neither a terminal nor a stand-in for one."""
    try:
        return not stat.S_ISCHR(os.fstat(stream.fileno()).st_mode)
    except (OSError, ValueError):
        return False


@contextmanager
def noting_interrupts() -> Iterator[list[int]]:
    """Collect Ctrl-C in a list, since a KeyboardInterrupt could leave a grad half updated."""
    interrupts: list[int] = []
    try:
        earlier = signal.signal(signal.SIGINT, lambda number, frame: interrupts.append(number))
    except ValueError:  # Only the main thread gets Ctrl-C and may handle it.
        yield interrupts
        return
    try:
        yield interrupts
    finally:
        signal.signal(signal.SIGINT, earlier)


@contextmanager
def completing_whole_names() -> Iterator[None]:
    """Let readline complete C[1,2] as one word."""
    try:
        import readline
    except ImportError:
        yield
        return
    delimiters = readline.get_completer_delims()
    readline.set_completer_delims(" ")
    try:
        yield
    finally:
        readline.set_completer_delims(delimiters)
