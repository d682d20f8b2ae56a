"""The engines that are compared. A process times one of them on one work:

    python -m tests.benchmarks.sides SIDE WORK SECONDS

prints the work's numbers, then for each line on standard input the seconds that one run takes: the mean of as
many runs in a row as fill SECONDS.
"""

import sys
import threading
from collections.abc import Callable
from time import perf_counter
from typing import cast

from .works import WORKS, Scalar, Side

Make = Callable[[float], Scalar]


def microgrid() -> Side:
    """Our engine, each sum one node."""
    from microgrid import Value

    return Side(cast(Make, Value), cast(Make, Value), cast(Callable[[list[Scalar]], Scalar], Value.sum))


def microgrid_python_sum() -> Side:
    """Our engine, sums made by Python's sum."""
    from microgrid import Value

    return Side(cast(Make, Value), cast(Make, Value), chain)


def micrograd() -> Side:
    """Karpathy's micrograd, which has no sum of its own."""
    from micrograd.engine import Value

    return Side(Value, Value, chain)


def torch() -> Side:
    """PyTorch on scalars: float64, one thread, no gradients for the data, sums of stacked scalars."""
    import torch

    torch.set_num_threads(1)

    def leaf(number: float) -> Scalar:
        return cast(Scalar, torch.tensor(number, dtype=torch.float64, requires_grad=True))

    def constant(number: float) -> Scalar:
        return cast(Scalar, torch.tensor(number, dtype=torch.float64))

    def add(values: list[Scalar]) -> Scalar:
        return cast(Scalar, torch.stack(values).sum())

    return Side(leaf, constant, add)


def chain(values: list[Scalar]) -> Scalar:
    """The sum as one addition after the other, without the 0 that Python's sum begins with by itself."""
    return sum(values[1:], values[0])


SIDES: dict[str, Callable[[], Side]] = {
    "microgrid": microgrid,
    "microgrid_python_sum": microgrid_python_sum,
    "micrograd": micrograd,
    "torch": torch,
}


def main(side: str, work: str, seconds: str) -> None:
    """Answer each line of standard input with a timing."""
    run = WORKS[work](SIDES[side]())
    print(run(), flush=True)
    started = perf_counter()
    run()
    times = max(1, round(float(seconds) / (perf_counter() - started)))
    for _ in sys.stdin:
        started = perf_counter()
        for _ in range(times):
            run()
        print((perf_counter() - started) / times, flush=True)


if __name__ == "__main__":
    # micrograd recurses once for each node on the way to the leaves.
    sys.setrecursionlimit(10**6)
    threading.stack_size(512 * 2**20)
    thread = threading.Thread(target=main, args=sys.argv[1:])
    thread.start()
    thread.join()
