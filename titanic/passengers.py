"""The passengers: read from a table, checked, and scaled for the network.

    passengers = embedded()                     # the 58 that come with the package
    passengers = load("train.csv")              # or a table of one's own; "-" is standard input
    X = Scaling.of(passengers.X).apply(passengers.X)
    y = passengers.y

Whatever is wrong with a table is a DataError: one line that says where, what, and what to do.
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


class DataError(ValueError):
    """The table cannot be used; the message is one line that says where, what, and what to do."""


@dataclass(frozen=True)
class Passenger:
    """One passenger: the three features of the sheet, the price to be predicted, and a name for people."""

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
    """The passengers of one table, where it came from, and how many rows lacked an age or a price."""

    rows: tuple[Passenger, ...]
    source: str
    skipped: int

    @property
    def X(self) -> list[list[float]]:
        """The features, n × 3: age, class, survived."""
        return [list(passenger.features) for passenger in self.rows]

    @property
    def y(self) -> list[float]:
        """The prices, n of them."""
        return [passenger.price for passenger in self.rows]

    @property
    def skipped_message(self) -> str:
        """How many rows were skipped and why, in one line; empty when there were none."""
        if not self.skipped:
            return ""
        rows = "1 row" if self.skipped == 1 else f"{self.skipped} rows"
        return f"{self.source}: {rows} skipped for want of an age or a price"

    def __len__(self) -> int:
        return len(self.rows)

    def first(self, n: int) -> "Passengers":
        """The first n passengers, or all of them when there are fewer.

        Raises ValueError when n is not at least 1.
        """
        if n < 1:
            raise ValueError(f"the first {n} passengers are none; ask for 1 or more")
        return replace(self, rows=self.rows[:n])


@dataclass(frozen=True)
class Scaling:
    """What is subtracted from each feature and what the rest is divided by: (x − mean) / deviation."""

    means: tuple[float, float, float]
    deviations: tuple[float, float, float]

    @classmethod
    def of(cls, X: Sequence[Sequence[float]]) -> "Scaling":
        """The scaling that gives each column of X (n × 3, n at least 1) mean 0 and population deviation 1.

        A column without spread gets the deviation 1, so that it becomes 0 throughout.

        >>> Scaling.of([[10.0, 3.0, 0.0], [30.0, 3.0, 1.0]])
        Scaling(means=(20.0, 3.0, 0.5), deviations=(10.0, 1.0, 0.5))
        """
        age, pclass, survived = zip(*X, strict=True)
        # These round once, at the end: the deviation of equal numbers is exactly 0, that of [0.1] * 3 too.
        return cls(
            means=(statistics.mean(age), statistics.mean(pclass), statistics.mean(survived)),
            deviations=(
                statistics.pstdev(age) or 1.0,
                statistics.pstdev(pclass) or 1.0,
                statistics.pstdev(survived) or 1.0,
            ),
        )

    @classmethod
    def identity(cls) -> "Scaling":
        """The scaling that leaves the features as they are."""
        return cls(means=(0.0, 0.0, 0.0), deviations=(1.0, 1.0, 1.0))

    def apply(self, X: Sequence[Sequence[float]]) -> list[list[float]]:
        """X (n × 3), scaled."""
        return [
            [
                (x - mean) / deviation
                for x, mean, deviation in zip(row, self.means, self.deviations, strict=True)
            ]
            for row in X
        ]


def embedded() -> Passengers:
    """The passengers that come with the package; their price is the whole fare of the ticket.

    >>> len(embedded())
    58
    """
    return _read((resources.files("titanic") / "passengers.csv").read_bytes(), "the embedded passengers")


def load(path: str | Path) -> Passengers:
    """The passengers of a CSV file, or of standard input when path is "-".

    The header names the columns, in any order: age; pclass, else class; survived; price, else ticket price,
    else fare; name, where there is one. Case and white space do not matter in it, other columns neither.
    Rows without an age or a price are skipped and counted.

    Raises DataError, with file, line and column, for whatever else is wrong.
    """
    source = "standard input" if str(path) == "-" else str(Path(path))
    if not source.isprintable():
        source = ascii(source)
    try:
        if str(path) != "-":
            with open(path, "rb") as file:
                data = file.read(_LARGEST_FILE + 1)
        else:
            # Python has no sys.stdin where the caller closed it.
            data = sys.stdin.buffer.read(_LARGEST_FILE + 1) if sys.stdin else b""
    except OSError as error:
        advice = "give the path of a CSV file, or - for standard input"
        raise DataError(f"{source}: {error.strerror}; {advice}") from error
    if len(data) > _LARGEST_FILE:
        raise DataError(f"{source}: is larger than 50 megabytes; give a table of fewer passengers")
    return _read(data, source)


_LARGEST_FILE = 50_000_000  # bytes


class _Column(NamedTuple):
    """A column that the network needs: its names, the preferred one first, and what may stand in it."""

    quantity: str
    names: tuple[str, ...]
    words: dict[str, float]
    allows: Callable[[float], bool]
    wanted: str


def _is_amount(number: float) -> bool:
    return 0 <= number <= 1e100  # so that the squares of such numbers, and sums of them, are finite floats


_AMOUNT = "a number from 0 to 1e100, or nothing where it is unknown"
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
    """The passengers in the bytes of a table that messages call source."""
    text = _text(data, source)
    # The header alone tells a delimiter from a decimal comma; csv.Sniffer fails where there is one column.
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
            raise DataError(f"{where}, column {shown[heading]}: is there {times} times; rename all but one")

    passengers = []
    skipped = 0
    for where, cells in rows:
        if len(cells) != len(header):
            raise DataError(
                f"{where}: {len(cells)} cells under a header of {len(header)}; "
                "write as many, a cell that contains the delimiter in quotation marks"
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
        reason = "each row lacks an age or a price" if skipped else "there is no row below the header"
        raise DataError(f"{source}: no passengers, {reason}; give a row with both for each passenger")
    return Passengers(tuple(passengers), source, skipped)


def _text(data: bytes, source: str) -> str:
    """The text in data: UTF-8 with or without a byte-order mark, else Windows-1252."""
    first_wrong = data.find(b"\0")
    if first_wrong < 0:
        with suppress(UnicodeDecodeError):
            return data.decode("utf-8-sig")
        try:
            return data.decode("cp1252")
        except UnicodeDecodeError as error:
            first_wrong = error.start
    line = len(data[: first_wrong + 1].splitlines())
    raise DataError(
        f"{source}, line {line}: is not text in UTF-8 or Windows-1252 (a spreadsheet, or UTF-16?); "
        "save the table as CSV in UTF-8"
    )


def _rows(text: str, delimiter: str, source: str) -> Iterator[tuple[str, list[str]]]:
    """Each row that is not blank, with where it stands: its source and the line that it ends on."""
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
            "look for a quotation mark too many or too few"
        ) from error


def _heading(column: _Column, headings: list[str], where: str) -> str:
    """The heading of the column, of its names the first that is there."""
    for name in column.names:
        if (heading := name.replace(" ", "")) in headings:
            return heading
    raise DataError(f"{where}: no column for the {column.quantity}; call it {' or '.join(column.names)}")


def _number(cell: str, column: _Column, decimal_point: str, where: str) -> float:
    """The number in a cell of the column; nan where it is missing and may be."""
    word = cell.strip().casefold().replace(decimal_point, ".")
    if word in column.words:
        return column.words[word]
    # float() alone would take inf, 1_000 and the digits of every script.
    if re.fullmatch(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)(e[+-]?[0-9]+)?", word) and column.allows(float(word)):
        return float(word)
    raise DataError(f"{where}: {shortened(cell)} cannot be the {column.quantity}; write {column.wanted}")


def _on_one_line(text: str) -> str:
    """The text with every run of white space and control characters as one space."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
