"""One side of a comparison, in a process of its own that times its work on request.

    python -m tests.benchmarks.side SIDE WORK SIZE COLLECTOR SECONDS

SIDE is an engine or a way without a graph, SIZE the numbers that the work takes ("714,4"), COLLECTOR on or
off. It prints the work's results. Then, for each line on standard input, it prints the seconds of processor
time for one run: the mean of as many runs in a row as fill SECONDS. With the collector off, garbage is
collected before each turn.
"""

import gc
import sys
from time import process_time

from .derivatives import DERIVATIVES
from .engines import ENGINES, on_a_deep_stack
from .without_graph import WITHOUT_GRAPH
from .works import WORKS, Run, forward_and_backward


def prepare(side: str, work: str, size: str) -> Run:
    """Return this side's run of this work."""
    numbers = [int(number) for number in size.split(",") if number]
    if work in DERIVATIVES:
        return DERIVATIVES[work](side, *numbers)
    if side in WITHOUT_GRAPH:
        return WITHOUT_GRAPH[side](*numbers)
    return forward_and_backward(WORKS[work](ENGINES[side](), *numbers))


def main(side: str, work: str, size: str, collector: str, seconds: str) -> None:
    """Time the work for each line of standard input."""
    if collector == "off":
        gc.disable()
    run = prepare(side, work, size)
    print(run(), flush=True)
    repetitions, started = 0, process_time()
    while process_time() - started < float(seconds):
        run()
        repetitions += 1
    for _ in sys.stdin:
        if collector == "off":
            gc.collect()
        started = process_time()
        for _ in range(repetitions):
            run()
        print([(process_time() - started) / repetitions], flush=True)


if __name__ == "__main__":
    on_a_deep_stack(main)
