"""Time the engine and others on the same work, and print the tables of docs/performance.md.

Each side runs in a process of its own, once with Python's garbage collector on and once with it off, and the
sides of a comparison take turns. With the collector off, what a run leaves behind is collected between turns.
Times are processor time, the median over the turns. A ratio compares two times of one turn; the tables show
the median of the ratios, with the lowest and the highest. All sides must compute the same numbers.
"""

import argparse
import ast
import math
import os
import platform
import subprocess
import sys
from collections.abc import Iterable
from contextlib import ExitStack
from functools import cached_property
from importlib.util import find_spec
from resource import RUSAGE_CHILDREN, getrusage
from statistics import median
from tempfile import TemporaryDirectory
from typing import NamedTuple

from .works import source


class Side(NamedTuple):
    """A side of a comparison: an engine or a way without a graph, its work, and the work's size."""

    name: str
    work: str
    size: str = ""
    collector: str = "on"


COLLECTORS = ("on", "off")
Turns = dict[Side, list[list[float]]]  # for each side and turn, the seconds of its parts

SHEET = ("network", "714,4")
DEMO = ("moons", "10")
LANGUAGE_MODEL = ("language_model", "1")
# What engines are compared on: title, work, size, the engines
ENGINES = [
    ("README graph", "readme", "", ["microgrid", "micrograd", "microgpt", "torch"]),
    ("the sheet, `Value.sum`", *SHEET, ["microgrid_sum", "micrograd", "microgpt_sum", "torch"]),
    ("the sheet, Python's `sum`", *SHEET, ["microgrid", "micrograd", "microgpt"]),
    ("micrograd's demo", *DEMO, ["microgrid", "micrograd", "microgpt"]),
    ("language model", *LANGUAGE_MODEL, ["microgrid", "micrograd", "microgpt"]),
    ("chain of 100,000", "chain", "100000", ["microgrid", "micrograd", "microgpt"]),
    ("fan-in of 100,000", "fan_in", "100000", ["microgrid_sum", "micrograd", "microgpt_sum"]),
]
WAYS = {
    "micrograd": "micrograd's graph",
    "microgrid_sum": "graph of Values",
    "on_floats": "program on floats",
    "by_hand": "the same by hand",
    "on_arrays": "program on NumPy arrays",
    "compiled": "program compiled by numba",
}
DERIVATIVES = [
    (f"{of} of {name}", size)
    for of in ("gradient", "Hessian")
    for name, size in (("Rosenbrock's function", "2"), ("a net", "13"))
]
WORKS = [("the sheet", *SHEET), ("micrograd's demo", *DEMO), ("language model", *LANGUAGE_MODEL)]
SIZES = (1_000, 10_000, 100_000, 1_000_000)
# The packages that a side needs
NEEDS = {
    "micrograd": ["micrograd"],
    "torch": ["torch"],
    "tensors": ["torch"],
    "microgrid_beside_torch": ["torch"],
    "on_arrays": ["numpy", "array_api_compat"],
    "compiled": ["numpy", "numba"],
}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="fewer and shorter turns, to see that everything works"
    )
    quick = parser.parse_args().quick
    turns, seconds = (3, 0.1) if quick else (7, 0.25)
    missing = sorted(
        {package for packages in NEEDS.values() for package in packages if not find_spec(package)}
    )
    if missing:
        print(f"Left out, since not installed: {', '.join(missing)}", file=sys.stderr)
    print(f"Python {platform.python_version()}; passengers: {source().source.rsplit('/')[-1]}")
    beside_others(turns, seconds)
    collector(turns, seconds)
    parts(turns, seconds)
    ways(turns, seconds)
    derivatives(turns, seconds)
    beside_tensors(turns, seconds / 4)
    by_size(turns, seconds)
    import_time(turns)


def beside_others(turns: int, seconds: float) -> None:
    """Print how many times as fast as other engines this one is."""
    heading("work", "engine", "collector on", "microgrid's speedup", "collector off", "microgrid's speedup")
    for title, work, size, engines in ENGINES:
        compare(title, work, size, engines, turns, seconds)


def collector(turns: int, seconds: float) -> None:
    """Print what the collector costs, in a bare process and in one that has imported PyTorch."""
    heading("work", "process", "collector on", "collector off", "on / off")
    for title, *work in WORKS:
        sides = [Side("microgrid", *work), Side("microgrid_beside_torch", *work)]
        taken = take_turns(sides, turns, seconds)
        for side in sides:
            if side in taken:
                on, off = (wholes(taken[side._replace(collector=collector)]) for collector in COLLECTORS)
                process = "with PyTorch" if "torch" in side.name else "bare"
                ratio = spread([a / b for a, b in zip(on, off)])
                row(title, process, duration(median(on)), duration(median(off)), ratio)


def derivatives(turns: int, seconds: float) -> None:
    """Print how grad and hessian compare with torch.autograd.functional."""
    heading("work", "by", "collector on", "microgrid's speedup", "collector off", "microgrid's speedup")
    for work, size in DERIVATIVES:
        compare(work, work, size, ["microgrid", "torch"], turns, seconds)


def compare(title: str, work: str, size: str, names: list[str], turns: int, seconds: float) -> None:
    """Print a row for each side: its time, and how many times as fast the first side is."""
    taken = take_turns([Side(name, work, size) for name in names], turns, seconds)
    for side in taken:
        if side.collector == "on":
            cells = []
            for collector in COLLECTORS:
                ours = wholes(taken[Side(names[0], work, size, collector)])
                theirs = wholes(taken[side._replace(collector=collector)])
                ratio = spread([b / a for a, b in zip(ours, theirs)]) if side.name != names[0] else ""
                cells += [duration(median(theirs)), ratio]
            row(title, side.name.removesuffix("_sum"), *cells)


def ways(turns: int, seconds: float) -> None:
    """Print how many times as fast as a graph an epoch of the sheet's network is without one."""
    taken = take_turns([Side(name, *SHEET) for name in WAYS], turns, seconds)
    graphs = [name for name in ("micrograd", "microgrid_sum") if Side(name, *SHEET) in taken]
    heading("way", "collector", "an epoch", *[f"speedup over {WAYS[name]}" for name in graphs])
    for side, turns_of_side in taken.items():
        mine = wholes(turns_of_side)
        ratios = []
        for name in graphs:
            theirs = wholes(taken[Side(name, *SHEET, side.collector)])
            ratios.append("" if name == side.name else spread([b / a for a, b in zip(mine, theirs)]))
        row(WAYS[side.name], side.collector, duration(median(mine)), *ratios)


def parts(turns: int, seconds: float) -> None:
    """Print the parts of the median turn, which add up, and the memory of a node, with the collector off."""
    columns = "forward", "order", "backward", "drop", "whole", "nodes", "bytes a node"
    heading("work", "engine", *columns)
    for title, *work in WORKS:
        sides = [Side(name, *work) for name in ("microgrid", "microgpt", "micrograd")]
        with Processes("parts", sides, seconds, ["off"]) as processes:
            taken = processes.take_turns(turns)
            for side, process in processes.by_side.items():
                middle = sorted(taken[side], key=sum)[turns // 2]
                forward, order, backward, drop = middle
                count, memory = process.first
                row(
                    title,
                    side.name,
                    duration(forward),
                    duration(order) if order else "in backward",
                    duration(backward),
                    duration(drop),
                    f"**{duration(sum(middle))}**",
                    f"{count:,}",
                    f"{memory:.0f}",
                )


def by_size(turns: int, seconds: float) -> None:
    """Print what a node costs in graphs of different sizes: to build, go back through and drop."""
    heading("graph", "collector", *[f"{size:,} nodes" for size in SIZES], "1,000,000 / 10,000")
    for work, title in (("chain", "chain"), ("fan_in", "fan-in")):
        taken = take_turns([Side("microgrid_sum", work, str(size)) for size in SIZES], turns, seconds)
        for collector in COLLECTORS:
            costs = {
                size: [
                    whole / size for whole in wholes(taken[Side("microgrid_sum", work, str(size), collector)])
                ]
                for size in SIZES
            }
            ratios = [large / small for large, small in zip(costs[1_000_000], costs[10_000])]
            row(title, collector, *[duration(median(cost)) for cost in costs.values()], spread(ratios))


def import_time(turns: int) -> None:
    """Print how much longer a Python process takes that imports the engine, or every view too."""
    heading("a process", "bare Python", "with `import microgrid`", "with every view too")
    statements = ["pass", "import microgrid", "from microgrid import *"]
    with TemporaryDirectory() as folder:
        for statement in statements:  # compiles the modules, as a user's first run does
            seconds_of(statement, folder)
        rounds = [[seconds_of(statement, folder) for statement in statements] for _ in range(turns)]
    row("processor time", *[duration(median(column)) for column in zip(*rounds)])
    over = [[each - bare for each in others] for bare, *others in rounds]
    row("over bare Python", "", *[duration(median(column)) for column in zip(*over)])


def seconds_of(statement: str, cache: str) -> float:
    """Return the seconds of processor time that a process takes for a statement."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    started = getrusage(RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-c", statement], env=environment | {"PYTHONPYCACHEPREFIX": cache}, check=True
    )
    ended = getrusage(RUSAGE_CHILDREN)
    return ended.ru_utime + ended.ru_stime - started.ru_utime - started.ru_stime


def beside_tensors(turns: int, seconds: float) -> None:
    """Print how many times as fast as PyTorch's matrices microgrid is, with the collector on / off."""
    passengers = (1, 8, 64, 512)
    heading("hidden units", "way", *[f"{n} passenger{'s' * (n > 1)}" for n in passengers])
    for hidden in (4, 64):
        names = ("microgrid_sum", "on_floats", "on_arrays")
        cells: dict[str, list[str]] = {name: [] for name in names if is_there(name)}
        for n in passengers:
            sides = [Side(name, "network", f"{n},{hidden}") for name in (*cells, "tensors")]
            taken = take_turns(sides, turns, seconds)
            if Side("tensors", "network", f"{n},{hidden}") not in taken:
                return
            for name, line in cells.items():
                pair = []
                for collector in COLLECTORS:
                    ours, theirs = (
                        wholes(taken[Side(each, "network", f"{n},{hidden}", collector)])
                        for each in (name, "tensors")
                    )
                    pair.append(times(median(b / a for a, b in zip(ours, theirs))))
                line.append(" / ".join(pair))
        for name, line in cells.items():
            row(str(hidden), WAYS[name], *line)


# Taking turns


def take_turns(sides: Iterable[Side], turns: int, seconds: float) -> Turns:
    """Return the times of each side in each turn, with the collector on and off."""
    with Processes("side", sides, seconds) as processes:
        (first, expected), *others = [(side, process.first) for side, process in processes.by_side.items()]
        for side, numbers in others:
            if side[1:3] == first[1:3] and not agree(expected, numbers):
                raise SystemExit(f"{first} and {side} differ in their numbers")
        return processes.take_turns(turns)


def agree(ours: Iterable[float], others: Iterable[float]) -> bool:
    """Return whether two sides computed the same numbers, up to rounding."""
    return all(math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9) for a, b in zip(ours, others, strict=True))


class Processes:
    """A process for each side whose packages are installed, with the collector on and off."""

    def __init__(
        self, module: str, sides: Iterable[Side], seconds: float, collectors: Iterable[str] = COLLECTORS
    ) -> None:
        self.stack = ExitStack()
        self.by_side = {
            each: self.stack.enter_context(Process(module, each, seconds))
            for side in sides
            if is_there(side.name)
            for each in (side._replace(collector=collector) for collector in collectors)
        }

    def take_turns(self, turns: int) -> Turns:
        """Return the times of each side in each turn."""
        for process in self.by_side.values():
            assert process.first
        taken = [{side: process.time() for side, process in self.by_side.items()} for _ in range(turns)]
        return {side: [turn[side] for turn in taken] for side in self.by_side}

    def __enter__(self) -> "Processes":
        return self

    def __exit__(self, *_: object) -> None:
        self.stack.close()


class Process:
    """A process that times one side on request."""

    def __init__(self, module: str, side: Side, seconds: float) -> None:
        command = [sys.executable, "-m", f"tests.benchmarks.{module}", *side, str(seconds)]
        self.popen = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    @cached_property
    def first(self) -> list[float]:
        """What the process prints as soon as it is ready."""
        return self.answer()

    def time(self) -> list[float]:
        """Return the seconds of each part of a run, timed now."""
        assert self.popen.stdin is not None
        print(file=self.popen.stdin, flush=True)
        return self.answer()

    def answer(self) -> list[float]:
        """Return the next line that the process prints."""
        assert self.popen.stdout is not None
        line = self.popen.stdout.readline() or sys.exit("a side failed; its message is above")
        numbers: list[float] = ast.literal_eval(line)
        return numbers

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, *_: object) -> None:
        self.popen.communicate()


def is_there(name: str) -> bool:
    """Return whether the packages that a side needs are installed."""
    return all(find_spec(package) for package in NEEDS.get(name, []))


def wholes(turns: list[list[float]]) -> list[float]:
    """Return the seconds of each turn."""
    return [sum(parts) for parts in turns]


# Tables


def heading(*cells: str) -> None:
    """Print the beginning of a table in Markdown."""
    print()
    row(*cells)
    row(*["---"] * len(cells))


def row(*cells: str) -> None:
    """Print a line of a table."""
    print("|", " | ".join(cells), "|", flush=True)


def spread(ratios: list[float]) -> str:
    """Return the median of ratios, with the lowest and the highest."""
    return f"**{times(median(ratios))}** ({times(min(ratios))}, {times(max(ratios))})"


def times(ratio: float) -> str:
    """Return a ratio in two or three digits."""
    return f"{ratio:,.0f} ×" if ratio >= 20 else f"{ratio:.1f} ×" if ratio >= 1 else f"{ratio:.2f} ×"


def duration(seconds: float) -> str:
    """Return a duration in a suitable unit."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


if __name__ == "__main__":
    main()
