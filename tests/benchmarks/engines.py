"""The engines that are compared, each at its best."""

import sys
import threading
from collections.abc import Callable
from typing import cast

from .works import Engine, Scalar

Make = Callable[[float], Scalar]
Add = Callable[[list[Scalar]], Scalar]


def microgrid() -> Engine:
    """Our engine, each sum one node."""
    from microgrid import Value

    return Engine(cast(Make, Value), cast(Make, Value), cast(Add, Value.sum))


def microgrid_python_sum() -> Engine:
    """Our engine, sums made by Python's sum."""
    from microgrid import Value

    return Engine(cast(Make, Value), cast(Make, Value), one_after_the_other)


def micrograd() -> Engine:
    """Karpathy's micrograd, which has no sum of its own."""
    from micrograd.engine import Value

    return Engine(Value, Value, one_after_the_other)


def torch() -> Engine:
    """PyTorch on scalars: float64, one thread, no gradients for the data, sums of stacked scalars."""
    import torch

    torch.set_num_threads(1)

    def leaf(number: float) -> Scalar:
        return cast(Scalar, torch.tensor(number, dtype=torch.float64, requires_grad=True))

    def constant(number: float) -> Scalar:
        return cast(Scalar, torch.tensor(number, dtype=torch.float64))

    def add(values: list[Scalar]) -> Scalar:
        return cast(Scalar, torch.stack(values).sum())

    return Engine(leaf, constant, add)


def one_after_the_other(values: list[Scalar]) -> Scalar:
    """The sum by Python's sum, without the 0 that it begins with by itself."""
    return sum(values[1:], values[0])


ENGINES: dict[str, Callable[[], Engine]] = {
    "microgrid": microgrid,
    "microgrid_python_sum": microgrid_python_sum,
    "micrograd": micrograd,
    "torch": torch,
}


def on_a_deep_stack(main: Callable[..., None]) -> None:
    """Call main with the command line's words; micrograd recurses once for each node on the way to a leaf."""
    sys.setrecursionlimit(10**7)
    threading.stack_size(1023 * 2**20)
    thread = threading.Thread(target=main, args=sys.argv[1:])
    thread.start()
    thread.join()
