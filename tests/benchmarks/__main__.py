"""Time the engine beside others on the same work and print a table.

Each side runs in a process of its own; the two sides take turns, with Python's garbage collector as it is by
default; a ratio is that of two neighbouring turns, and the table shows the median of the ratios.
"""

import argparse
import ast
import math
import subprocess
import sys
from importlib.util import find_spec
from statistics import median
from typing import NamedTuple

from .works import PASSENGERS, source


class Comparison(NamedTuple):
    """A line of the table: a work, our side, the other side, and how many times as fast we mean to be."""

    title: str
    work: str
    ours: str
    other: str
    goal: float


COMPARISONS = [
    Comparison("network, Value.sum", "network", "microgrid", "micrograd", 12),
    Comparison("network, Python's sum", "network", "microgrid_python_sum", "micrograd", 9),
    Comparison("README graph", "readme", "microgrid", "micrograd", 4),
    Comparison("network, Value.sum", "network", "microgrid", "torch", 8),
    Comparison("README graph", "readme", "microgrid", "torch", 8),
]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter turns, a first impression")
    quick = parser.parse_args().quick
    print(f"{PASSENGERS} passengers, from {source().source}; Python {sys.version.split()[0]}\n")
    print("| work | microgrid | other | | times as fast (lowest, highest) | to reach |")
    print("| --- | --- | --- | --- | --- | --- |")
    for line in COMPARISONS:
        if find_spec(line.other) is None:
            print(f"{line.other} is not installed: {line.title} is left out", file=sys.stderr)
            continue
        print(row(line, turns=5 if quick else 21, seconds=0.1 if quick else 0.5), flush=True)


def row(line: Comparison, turns: int, seconds: float) -> str:
    """Let the two sides take turns and return a line of the table."""
    with Process(line.ours, line.work, seconds) as ours, Process(line.other, line.work, seconds) as other:
        if not all(math.isclose(a, b, rel_tol=1e-9) for a, b in zip(ours.numbers, other.numbers)):
            raise SystemExit(f"{line.title}: {line.ours} and {line.other} differ in their numbers")
        pairs = [(ours.time(), other.time()) for _ in range(turns)]
    ratios = sorted(theirs / mine for mine, theirs in pairs)
    mine, theirs = (median(times) for times in zip(*pairs))
    return (
        f"| {line.title} | {duration(mine)} | {line.other} {duration(theirs)} | "
        f"**{median(ratios):.1f} ×** ({ratios[0]:.1f}, {ratios[-1]:.1f}) | {line.goal} × |"
    )


def duration(seconds: float) -> str:
    """A duration in the unit that suits it."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-6:.3g} µs"


class Process:
    """A process that times one side on one work whenever it is asked."""

    def __init__(self, side: str, work: str, seconds: float) -> None:
        command = [sys.executable, "-m", "tests.benchmarks.sides", side, work, str(seconds)]
        self.popen = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.numbers: list[float] = ast.literal_eval(self.answer())

    def time(self) -> float:
        """The seconds that one run takes now."""
        assert self.popen.stdin is not None
        print(file=self.popen.stdin, flush=True)
        return float(self.answer())

    def answer(self) -> str:
        """The next line that the process prints."""
        assert self.popen.stdout is not None
        return self.popen.stdout.readline() or sys.exit("a side failed; its message is above")

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, *_: object) -> None:
        self.popen.communicate()


if __name__ == "__main__":
    main()
