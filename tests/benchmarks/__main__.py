"""Time the engine beside others on the same work and print the tables of docs/performance.md.

Each side runs in a process of its own and the two take turns, with Python's garbage collector as it is by
default. Times are processor time. A ratio is that of two neighbouring turns; the tables show the median of
the ratios, with the lowest and the highest. That both sides compute the same numbers is checked.
"""

import argparse
import ast
import math
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterable
from functools import partial
from importlib.util import find_spec
from resource import RUSAGE_CHILDREN, getrusage
from statistics import median
from tempfile import TemporaryDirectory
from time import process_time
from timeit import repeat
from types import FrameType
from typing import TYPE_CHECKING, NamedTuple, cast

from microgrid import Value, topological_order

from .engines import microgrid
from .works import network_loss, source, table, weights

if TYPE_CHECKING:
    from _typeshed import TraceFunction


class Side(NamedTuple):
    """A side of a comparison: an engine or a way without a graph, its work, the work's size."""

    name: str
    work: str
    size: str = ""
    collector: str = "on"


class Comparison(NamedTuple):
    """A line of the first table: our side, the other side, and how many times as fast ours is to be."""

    title: str
    ours: Side
    other: Side
    goal: str = ""


def network(name: str) -> Side:
    """The sheet's network on 714 passengers."""
    return Side(name, "network", "714,4")


COMPARISONS = [
    Comparison("network, `Value.sum`", network("microgrid"), network("micrograd"), "12 ×"),
    Comparison("network, Python's `sum`", network("microgrid_python_sum"), network("micrograd"), "9 ×"),
    Comparison("README graph", Side("microgrid", "readme"), Side("micrograd", "readme"), "4 ×"),
    *[
        Comparison(
            f"{title} of {size:,}", Side("microgrid", work, str(size)), Side("micrograd", work, str(size))
        )
        for work, title in (("chain", "chain"), ("fan_in", "fan-in"))
        for size in (1_000, 100_000)
    ],
    Comparison("network, `Value.sum`", network("microgrid"), network("torch"), "8 ×"),
    Comparison("README graph", Side("microgrid", "readme"), Side("torch", "readme"), "8 ×"),
    Comparison("network, unrolled", network("unrolled"), network("micrograd"), "200 ×"),
    Comparison("network, unrolled", network("unrolled"), network("microgrid")),
    Comparison("network, unrolled", network("unrolled"), network("by_hand"), "0.77 ×"),
]
SIZES = (1_000, 10_000, 100_000, 1_000_000)
NEEDS = {"micrograd": "micrograd", "torch": "torch", "tensors": "torch"}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="the first table alone, in fewer and shorter turns"
    )
    quick = parser.parse_args().quick
    missing = sorted({package for package in NEEDS.values() if find_spec(package) is None})
    if missing:
        print(f"Left out, because not installed: {', '.join(missing)}", file=sys.stderr)
    print(f"Python {platform.python_version()}; passengers: {source().source.rsplit('/')[-1]}")
    beside_others(turns=5 if quick else 15, seconds=0.1 if quick else 0.3)
    if not quick:
        by_size()
        cost_of_a_node()
        footprint()
        import_time()
        beside_tensors()


def beside_others(turns: int, seconds: float) -> None:
    """Print how many times as fast as others the engine is."""
    heading("work", "microgrid", "other", "times as fast (lowest, highest)", "to reach")
    for title, ours, other, goal in COMPARISONS:
        if is_there(other):
            turns_taken = take_turns(ours, other, turns, seconds)
            mine, theirs = (median(times) for times in zip(*turns_taken))
            ratios = [theirs / mine for mine, theirs in turns_taken]
            row(title, duration(mine), f"{other.name} {duration(theirs)}", spread(ratios), goal)


def by_size() -> None:
    """Print what a node costs in graphs of different sizes: to build, to go back through, to drop."""
    heading("graph", "collector", *[f"{size:,} nodes" for size in SIZES], "1,000,000 against 10,000")
    for work in ("chain", "fan_in"):
        for collector in ("off", "on"):
            sides = {size: Side("microgrid", work, str(size), collector) for size in SIZES}
            costs = []
            for size in SIZES:
                turns_taken = take_turns(sides[size], sides[10_000], turns=7, seconds=0.5)
                costs.append(duration(median(mine for mine, _ in turns_taken) / size))
            ratios = [mine / base / 100 for mine, base in turns_taken]
            row(work, collector, *costs, spread(ratios))


def cost_of_a_node() -> None:
    """Print what a node of the network costs, part by part, and what is the least that it could."""
    engine = microgrid()
    X, y = table(714)
    A = [[engine.constant(number) for number in [*row, 1.0]] for row in X]
    prices, ones = [engine.constant(price) for price in y], [engine.constant(1.0) for _ in y]
    leaves = [engine.leaf(weight) for weight in weights(4)]

    def forward() -> Value:
        return cast(Value, network_loss(engine, A, prices, ones, leaves, 714.0))

    loss = forward()
    nodes = len(topological_order(loss))
    names = {"x": 1.5, "y": 2.5, "a": Value(1.5), "b": Value(2.5), "new": object.__new__, "Value": Value}
    heading("what", "time", "bytecodes")
    for what, statement in [
        ("`x * y` of floats", "x * y"),
        ("an empty object of a Value's size", "new(Value)"),
        ("`x * y` of Values", "a * b"),
    ]:
        timings = repeat(statement, globals=names, number=20_000, repeat=50, timer=process_time)
        count = 1 + bytecodes(partial(eval, statement, names)) - bytecodes(partial(eval, "x", names))
        row(what, duration(min(timings) / 20_000), str(count))
    functions: list[tuple[str, Callable[[], object]]] = [
        ("the network's forward pass, a node", forward),
        ("its `topological_order`, a node", partial(topological_order, loss)),
        ("its `backward()`, that order included, a node", loss.backward),
    ]
    for what, function in functions:
        seconds = min(repeat(function, number=1, repeat=25, timer=process_time)) / nodes
        row(what, duration(seconds), f"{bytecodes(function) / nodes:.0f}")


def bytecodes(function: Callable[[], object]) -> int:
    """Return how many bytecodes Python executes for a call."""
    count = 0

    def trace(frame: FrameType, event: str, argument: object) -> "TraceFunction":
        nonlocal count
        frame.f_trace_opcodes = True
        count += event == "opcode"
        return trace

    sys.settrace(trace)
    try:
        function()
    finally:
        sys.settrace(None)
    return count


def footprint() -> None:
    """Print what a node of the network takes of memory, and of time to be dropped."""
    heading("network on 714 passengers", "bytes a node", "time to drop a node")
    for name in ("microgrid", "micrograd"):
        if is_there(network(name)):
            runs = [
                subprocess.run(
                    [sys.executable, "-m", "tests.benchmarks.footprint", name, "714"],
                    capture_output=True,
                    text=True,
                    check=True,
                ).stdout.split()
                for _ in range(5)
            ]
            taken, seconds = (median(map(float, column)) for column in zip(*runs))
            row(name, f"{taken:.0f}", duration(seconds))


def import_time() -> None:
    """Print how much longer than a bare Python one takes that imports the engine, or every window too."""
    statements = ("pass", "import microgrid", "from microgrid import *")
    with TemporaryDirectory() as folder:
        # Compiled modules are there from the second time on, as they are for users.
        for statement in statements:
            seconds_of(statement, folder)
        rounds = [[seconds_of(statement, folder) for statement in statements] for _ in range(21)]
    bare, engine, windows = (median(seconds) for seconds in zip(*rounds))
    heading("a process", "bare Python", "with `import microgrid`", "with every window too", "to reach")
    over = median(engine - bare for bare, engine, _ in rounds)
    row("processor time", duration(bare), duration(engine), duration(windows), "")
    row(
        "over bare Python",
        "",
        duration(over),
        duration(median(each[2] - each[0] for each in rounds)),
        "30 ms",
    )


def seconds_of(statement: str, cache: str) -> float:
    """The seconds of processor time that a process takes for a statement."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    started = getrusage(RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-c", statement], env=environment | {"PYTHONPYCACHEPREFIX": cache}, check=True
    )
    ended = getrusage(RUSAGE_CHILDREN)
    return ended.ru_utime + ended.ru_stime - started.ru_utime - started.ru_stime


def beside_tensors() -> None:
    """Print how many times as fast as PyTorch's matrices the scalars are: slower, below 1."""
    if not is_there(network("tensors")):
        return
    passengers = (1, 4, 16, 64, 256)
    heading("hidden units", "scalars", *[f"{n} passenger{'s' * (n > 1)}" for n in passengers])
    for hidden in (4, 16, 64):
        for name in ("microgrid", "unrolled"):
            cells = []
            for n in passengers:
                size = f"{n},{hidden}"
                sides = Side(name, "network", size), Side("tensors", "network", size)
                cells.append(times(median(b / a for a, b in take_turns(*sides, turns=7, seconds=0.1))))
            row(str(hidden), {"microgrid": "graph"}.get(name, name), *cells)


# Taking turns


def take_turns(ours: Side, other: Side, turns: int, seconds: float) -> list[tuple[float, float]]:
    """Return the seconds of the two sides in each turn."""
    with Process(ours, seconds) as our_process, Process(other, seconds) as other_process:
        same_work = ours[1:3] == other[1:3]
        if same_work and not agree(our_process.numbers, other_process.numbers):
            raise SystemExit(f"{ours} and {other} differ in their numbers")
        return [(our_process.time(), other_process.time()) for _ in range(turns)]


def agree(ours: Iterable[float], others: Iterable[float]) -> bool:
    """Whether two sides computed the same, but for rounding."""
    return all(math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9) for a, b in zip(ours, others, strict=True))


class Process:
    """A process that times one side whenever it is asked."""

    def __init__(self, side: Side, seconds: float) -> None:
        command = [sys.executable, "-m", "tests.benchmarks.side", *side, str(seconds)]
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


def is_there(side: Side) -> bool:
    """Whether the package is installed that a side needs."""
    return side.name not in NEEDS or find_spec(NEEDS[side.name]) is not None


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
    """The median of ratios, the lowest and the highest."""
    return f"**{times(median(ratios))}** ({times(min(ratios))}, {times(max(ratios))})"


def times(ratio: float) -> str:
    """A ratio in two or three digits."""
    return f"{ratio:.0f} ×" if ratio >= 20 else f"{ratio:.1f} ×" if ratio >= 1 else f"{ratio:.2f} ×"


def duration(seconds: float) -> str:
    """A duration in the unit that suits it."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


if __name__ == "__main__":
    main()
