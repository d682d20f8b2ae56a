"""Which numbers and labels are accepted, and how a message shows anything else: always on one line."""

import re
from collections.abc import Iterable
from numbers import Real
from typing import TypeVar

Number = float | Real
Kind = TypeVar("Kind")

# The one unprintable character that stays: the joiner that makes one emoji of two symbols.
_EMOJI = r"[\u2190-\u21ff\u2600-\u2bff\ufe0f\U0001f000-\U0001faff]"
_EMOJI_JOINER = re.compile(f"(?<={_EMOJI})\u200d(?={_EMOJI})")


def real(number: object) -> float:
    """Return a real number (int, float, NumPy scalar, Fraction) as a float.

    Raises TypeError if it is not a real number, OverflowError if it is too large for a float.
    """
    try:
        if isinstance(number, (int, Real)):
            return float(number)
    except OverflowError:
        kind = type(number).__name__
        raise OverflowError(f"this {kind} is too large for a float: keep it below 1.8e308") from None
    raise TypeError(f"a Value takes a real number, such as 2.0, not {described(number)}")


def check_data(data: object, label: object) -> None:
    """Raise TypeError unless the data of a leaf, which anyone may assign, is a float or an int."""
    if not isinstance(data, (int, float)):
        name = shortened(str(label)) or "a leaf"
        advice = "assign a float, as in w.data = w.data - 0.1 * w.grad"
        raise TypeError(f"the data of {name} is {described(data)}: {advice}")


def label_of(label: object) -> str:
    """Return a label; raises TypeError if it is not a string."""
    if not isinstance(label, str):
        raise TypeError(f"a label is a string, such as 'x', not {described(label)}")
    return label


def listed(what: str, things: Iterable[Kind], kind: type[Kind]) -> list[Kind]:
    """Return things as a list; raises TypeError unless they are several things of one kind."""
    if isinstance(things, kind) or not isinstance(things, Iterable):
        raise TypeError(f"{what} takes a list of {kind.__name__}s, not {described(things)}")
    given = list(things)
    for thing in given:
        if not isinstance(thing, kind):
            raise TypeError(f"{what} takes {kind.__name__}s, not {described(thing)}")
    return given


def described(thing: object) -> str:
    """Return how a message names what it was given: `the float 2.0`, `None`."""
    if thing is None:
        return "None"
    kind, shown = type(thing).__name__, shortened(repr(thing))
    return f"the {shown}" if shown.startswith(f"{kind}(") else f"the {kind} {shown}"


def shortened(text: str) -> str:
    """Return a text as one line of at most 60 characters."""
    line = one_line(" ".join(text[:1000].split()))
    return line if len(line) <= 60 else line[:57] + "..."


def one_line(text: str) -> str:
    """Return a text that is safe to show on one line: line ends and other control characters are escaped."""
    if text.isprintable():
        return text
    escaped = (
        "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in part)
        for part in _EMOJI_JOINER.split(text)
    )
    return "\u200d".join(escaped)
