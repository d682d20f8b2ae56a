"""What a node takes of memory, and what it takes to drop it: python -m tests.benchmarks.footprint SIDE N

prints, for each node of the network's graph on N passengers, the bytes by tracemalloc after the backward pass
and the seconds until a dropped graph is freed. The data leaves, which were there before, do not count.
"""

import gc
import tracemalloc
from time import process_time

from .engines import ENGINES, on_a_deep_stack
from .works import Scalar, network_loss, table, weights


def main(side: str, n: str) -> None:
    """Build the graph twice, to weigh it and to drop it."""
    engine = ENGINES[side]()
    X, y = table(int(n))
    A = [[engine.constant(number) for number in [*row, 1.0]] for row in X]
    prices = [engine.constant(price) for price in y]
    ones = [engine.constant(1.0) for _ in y]

    def loss_after_backward() -> Scalar:
        leaves = [engine.leaf(weight) for weight in weights(4)]
        loss = network_loss(engine, A, prices, ones, leaves, float(n))
        loss.backward()
        return loss

    loss = loss_after_backward()
    count = len(nodes(loss).difference(prices, ones, *A))
    gc.collect()
    started = process_time()
    del loss
    if side == "micrograd":  # its nodes make cycles, which are freed when the collector comes by
        gc.collect()
    seconds = process_time() - started

    gc.collect()
    tracemalloc.start()
    loss = loss_after_backward()
    gc.collect()
    taken, _ = tracemalloc.get_traced_memory()
    assert loss.grad == 1.0  # it is still there
    print(taken / count, seconds / count)


def nodes(root: Scalar) -> set[Scalar]:
    """All nodes under root, of microgrid or of micrograd."""
    found, waiting = {root}, [root]
    while waiting:
        node = waiting.pop()
        operands: list[Scalar] = [*getattr(node, "operands", ()), *getattr(node, "_prev", ())]
        waiting += set(operands) - found
        found.update(operands)
    return found


if __name__ == "__main__":
    on_a_deep_stack(main)
