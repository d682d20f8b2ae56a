"""The parts of one pass, in a process of its own.

    python -m tests.benchmarks.parts SIDE WORK SIZE COLLECTOR SECONDS

SIDE is microgrid, microgpt or micrograd; the rest is as in side.py. It prints the number of nodes and the
bytes of each, by tracemalloc after the backward pass. Then, for each line on standard input, it prints the
seconds of processor time for the forward pass, the order, the rest of the backward pass, and dropping the
graph. Leaves do not count as nodes, since most of them exist before the pass.
"""

import gc
import sys
import tracemalloc
from collections.abc import Callable
from time import process_time
from typing import Any

from .engines import ENGINES, on_a_deep_stack
from .works import WORKS, Scalar


def main(side: str, work: str, size: str, collector: str, seconds: str) -> None:
    """Time the parts for each line of standard input."""
    if collector == "off":
        gc.disable()
    forward = WORKS[work](ENGINES[side](), *[int(number) for number in size.split(",") if number])
    root, _ = forward()
    ordering = timed(sys.modules[type(root).__module__], "topological_order")
    count = len([node for node in nodes(root) if operands(node)])
    del root
    gc.collect()
    tracemalloc.start()
    root, _ = forward()
    root.backward()
    gc.collect()
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    print([count, taken / count], flush=True)
    del root

    def one_pass() -> list[float]:
        ordering.clear()
        started = process_time()
        root, leaves = forward()
        built = process_time()
        root.backward()
        walked = process_time()
        del root, leaves
        dropped = process_time()
        order = sum(ordering)
        return [built - started, order, walked - built - order, dropped - walked]

    repetitions, started = 0, process_time()
    while process_time() - started < float(seconds):
        one_pass()
        repetitions += 1
    for _ in sys.stdin:
        if collector == "off":
            gc.collect()
        passes = [one_pass() for _ in range(repetitions)]
        print([sum(part) / repetitions for part in zip(*passes)], flush=True)


def timed(module: Any, name: str) -> list[float]:
    """Time a module's function from now on, if it exists, and return the list that gets the seconds."""
    seconds: list[float] = []
    function: Callable[[Any], Any] | None = getattr(module, name, None)

    def timing(root: Any) -> Any:
        started = process_time()
        order = function(root)  # type: ignore[misc]
        seconds.append(process_time() - started)
        return order

    if function:
        setattr(module, name, timing)
    return seconds


def nodes(root: Scalar) -> set[Scalar]:
    """Return all nodes under root."""
    found, waiting = {root}, [root]
    while waiting:
        new = set(operands(waiting.pop())) - found
        found |= new
        waiting += new
    return found


def operands(node: Any) -> tuple[Scalar, ...]:
    """Return the operands of a node of any of these engines."""
    return tuple(node._prev if hasattr(node, "_prev") else node.operands)


if __name__ == "__main__":
    on_a_deep_stack(main)
