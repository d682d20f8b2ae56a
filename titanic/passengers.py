"""The passengers: read from a table, checked, and scaled for the network.

    passengers = embedded()                     # the 58 that come with the package
    passengers = load("train.csv")              # or a table of your own; "-" is standard input
    X = Scaling.of(passengers.X).apply(passengers.X)
    y = passengers.y

Anything wrong with a table is a DataError: one line that says where, what, and what to do.
"""

import csv
import io
import math
import re
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from reprlib import repr as shortened
from typing import NamedTuple

from microgrid.arguments import one_line


class DataError(ValueError):
    """The table cannot be used; the message is one line that says where, what, and what to do."""


@dataclass(frozen=True)
class Passenger:
    """One passenger: the sheet's three features, the price to predict, and a name for display."""

    age: float
    pclass: int
    survived: int
    price: float
    name: str = ""

    @property
    def features(self) -> tuple[float, float, float]:
        """The passenger's row of X: age, class, survived."""
        return (self.age, float(self.pclass), float(self.survived))


@dataclass(frozen=True)
class Passengers:
    """The passengers of one table, its source, and how many rows were skipped for a missing age or price."""

    rows: tuple[Passenger, ...]
    source: str
    skipped: int

    @property
    def X(self) -> list[list[float]]:
        """The features, n × 3: age, class, survived."""
        return [list(passenger.features) for passenger in self.rows]

    @property
    def y(self) -> list[float]:
        """The n prices."""
        return [passenger.price for passenger in self.rows]

    def __len__(self) -> int:
        return len(self.rows)

    def first(self, n: int) -> "Passengers":
        """Return the first n passengers, or all if there are fewer.

        Raises ValueError if n is less than 1.
        """
        if n < 1:
            raise ValueError(f"cannot take the first {n} passengers; ask for 1 or more")
        return replace(self, rows=self.rows[:n])


@dataclass(frozen=True)
class Scaling:
    """How the three features are standardised: each becomes (x − mean) / deviation."""

    means: tuple[float, ...]
    deviations: tuple[float, ...]

    @classmethod
    def of(cls, X: Sequence[Sequence[float]]) -> "Scaling":
        """Return the scaling that gives each column of X (n × 3, n > 0) mean 0 and population deviation 1.

        A column of equal numbers gets the deviation 1, so it becomes all 0.

        >>> Scaling.of([[10.0, 3.0, 0.0], [30.0, 3.0, 1.0]])
        Scaling(means=(20.0, 3.0, 0.5), deviations=(10.0, 1.0, 0.5))
        """
        columns = list(zip(*X, strict=True))
        # These functions round once, at the end: the deviation of [0.1] * 3 is exactly 0.
        return cls(
            means=tuple(statistics.mean(column) for column in columns),
            deviations=tuple(statistics.pstdev(column) or 1.0 for column in columns),
        )

    @classmethod
    def identity(cls) -> "Scaling":
        """Return the scaling that leaves the features as they are."""
        return cls(means=(0.0, 0.0, 0.0), deviations=(1.0, 1.0, 1.0))

    def apply(self, X: Sequence[Sequence[float]]) -> list[list[float]]:
        """Return X (n × 3), scaled."""
        return [
            [
                (x - mean) / deviation
                for x, mean, deviation in zip(row, self.means, self.deviations, strict=True)
            ]
            for row in X
        ]


def embedded() -> Passengers:
    """Return the passengers that come with the package; their price is the whole fare of the ticket.

    >>> len(embedded())
    58
    """
    return _read((resources.files("titanic") / "passengers.csv").read_bytes(), "the embedded passengers")


def load(path: str | Path) -> Passengers:
    """Return the passengers of a CSV file, or of standard input if path is "-".

    The header names the columns, in any order: age; pclass, else class; survived; price, else ticket price,
    else fare; and name, which is optional. Its case and white space do not matter; other columns are ignored.
    A row without an age or a price is skipped and counted.

    Raises DataError, with file, line and column, if anything else is wrong.
    """
    source = "standard input" if str(path) == "-" else one_line(str(Path(path)))
    try:
        if str(path) != "-":
            with open(path, "rb") as file:
                data = file.read(_LARGEST_FILE + 1)
        else:
            # sys.stdin is None if the caller closed it.
            data = sys.stdin.buffer.read(_LARGEST_FILE + 1) if sys.stdin else b""
    except OSError as error:
        advice = "give the path of a CSV file, or - for standard input"
        raise DataError(f"{source}: {error.strerror}; {advice}") from error
    if len(data) > _LARGEST_FILE:
        raise DataError(f"{source}: is larger than 50 megabytes; give a table of fewer passengers")
    return _read(data, source)


_LARGEST_FILE = 50_000_000  # bytes


class _Column(NamedTuple):
    """A column that the network needs: its possible names, the preferred one first, and what may be in it."""

    quantity: str
    names: tuple[str, ...]
    words: dict[str, float]
    allows: Callable[[float], bool]
    wanted: str


def _is_amount(number: float) -> bool:
    return 0 <= number <= 1e100  # the squares of such numbers, and sums of squares, are finite floats


_AMOUNT = "a number from 0 to 1e100, or nothing if it is unknown"
_CLASS = "1, 2 or 3, or First, Second or Third"
_CLASSES = {"first": 1.0, "second": 2.0, "third": 3.0}
_MISSING = dict.fromkeys(("", "?", "na", "nan"), math.nan)

_COLUMNS = (
    _Column("age", ("age",), _MISSING, _is_amount, _AMOUNT),
    _Column("class", ("pclass", "class"), _CLASSES, (1, 2, 3).__contains__, _CLASS),
    _Column("survival", ("survived",), {}, (0, 1).__contains__, "0 or 1"),
    _Column("price", ("price", "ticket price", "fare"), _MISSING, _is_amount, _AMOUNT),
)


def _read(data: bytes, source: str) -> Passengers:
    """Return the passengers in the bytes of a table, which messages call source."""
    text = _text(data, source)
    # Only the header tells a delimiter from a decimal comma; csv.Sniffer fails on a single column.
    first_line = next(filter(str.strip, io.StringIO(text, newline="")), "")
    delimiter = max(",;\t", key=first_line.count)
    decimal_point = "," if delimiter == ";" else "."

    rows = _rows(text, delimiter, source)
    where, header = next(rows, (source, []))
    if not header:
        raise DataError(f"{source}: is empty; give a CSV file with a header and a row for each passenger")
    headings = ["".join(heading.split()).casefold() for heading in header]
    shown = dict(zip(headings, map(_on_one_line, header)))
    columns = [(_heading(column, headings, where), column) for column in _COLUMNS]
    for heading in [*[heading for heading, _ in columns], "name"]:
        if (times := headings.count(heading)) > 1:
            raise DataError(f"{where}, column {shown[heading]}: appears {times} times; rename all but one")

    passengers = []
    skipped = 0
    for where, cells in rows:
        if len(cells) != len(header):
            raise DataError(
                f"{where}: {len(cells)} cells, but the header has {len(header)}; "
                "write as many, and put quotation marks around a cell that contains the delimiter"
            )
        row = dict(zip(headings, cells))
        age, pclass, survived, price = (
            _number(row[heading], column, decimal_point, f"{where}, column {shown[heading]}")
            for heading, column in columns
        )
        if math.isnan(age) or math.isnan(price):
            skipped += 1
        else:
            name = _on_one_line(row.get("name", ""))
            passengers.append(Passenger(age, int(pclass), int(survived), price, name))
    if not passengers:
        reason = "every row lacks an age or a price" if skipped else "there is no row below the header"
        raise DataError(f"{source}: no passengers: {reason}; give each one a row with age and price")
    return Passengers(tuple(passengers), source, skipped)


def _text(data: bytes, source: str) -> str:
    """Return the text in data: UTF-8 with or without a byte-order mark, else Windows-1252."""
    invalid = data.find(b"\0")
    if invalid < 0:
        with suppress(UnicodeDecodeError):
            return data.decode("utf-8-sig")
        try:
            return data.decode("cp1252")
        except UnicodeDecodeError as error:
            invalid = error.start
    line = len(data[: invalid + 1].splitlines())
    raise DataError(
        f"{source}, line {line}: is not text in UTF-8 or Windows-1252 (a spreadsheet, or UTF-16?); "
        "save the table as CSV in UTF-8"
    )


def _rows(text: str, delimiter: str, source: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each row that is not blank, after its place: the source and the line that the row ends on."""
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True
    )
    begin = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield f"{source}, line {reader.line_num}", cells
            begin = reader.line_num + 1
    except csv.Error as error:
        reason = str(error).replace("\t", "tab")
        raise DataError(
            f"{source}, line {begin}: the row that begins here is not CSV ({reason}); "
            "look for a missing or extra quotation mark"
        ) from error


def _heading(column: _Column, headings: list[str], where: str) -> str:
    """Return the first of the column's names that is among the headings."""
    for name in column.names:
        if (heading := name.replace(" ", "")) in headings:
            return heading
    raise DataError(f"{where}: no column for the {column.quantity}; call it {' or '.join(column.names)}")


def _number(cell: str, column: _Column, decimal_point: str, where: str) -> float:
    """Return the number in a cell of the column; nan if it is missing and the column allows that."""
    text = cell.strip().casefold().replace(decimal_point, ".")
    if text in column.words:
        return column.words[text]
    # float() alone would take inf, 1_000 and the digits of every script.
    if re.fullmatch(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)(e[+-]?[0-9]+)?", text) and column.allows(float(text)):
        return float(text)
    raise DataError(f"{where}: {shortened(cell)} cannot be the {column.quantity}; write {column.wanted}")


def _on_one_line(text: str) -> str:
    """Return the text with each run of white space and control characters as one space."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
