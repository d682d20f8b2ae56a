"""The engines that are compared, each at its best."""

import math
import sys
import threading
from collections.abc import Callable
from importlib import import_module
from typing import Any, cast

from .works import Engine, Scalar

Make = Callable[[float], Scalar]
Add = Callable[[list[Scalar]], Scalar]


def microgrid() -> Engine:
    """Our engine, sums made by Python's sum."""
    from microgrid import Value

    return Engine(cast(Make, Value), cast(Make, Value), one_after_the_other)


def microgrid_sum() -> Engine:
    """Our engine, each sum one node."""
    from microgrid import Value

    return Engine(cast(Make, Value), cast(Make, Value), cast(Add, Value.sum))


def microgrid_beside_torch() -> Engine:
    """Our engine in a process that has imported PyTorch, whose objects the collector searches too."""
    import_module("torch")
    return microgrid()


def microgpt() -> Engine:
    """The sketch of microgpt's Value, sums made by Python's sum, since it has no sum of its own."""
    from .microgpt import Value

    return Engine(cast(Make, Value), cast(Make, Value), one_after_the_other)


def microgpt_sum() -> Engine:
    """The sketch of microgpt's Value, with a sum of one node added."""
    from .microgpt import Value

    return Engine(cast(Make, Value), cast(Make, Value), cast(Add, Value.sum))


def micrograd() -> Engine:
    """Karpathy's micrograd; it lacks exp and log, so they are added in the style of its operations."""
    from micrograd.engine import Value

    def operation(function: Callable[[float], float], slope: Callable[[float, float], float]) -> Any:
        def method(x: Any) -> Any:
            out = Value(function(x.data), (x,))

            def _backward() -> None:
                x.grad += slope(x.data, out.data) * out.grad

            out._backward = _backward
            return out

        return method

    Value.exp = operation(math.exp, lambda x, z: z)
    Value.log = operation(math.log, lambda x, z: 1.0 / x)
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
    """Return Python's sum, but without the 0 that it usually begins with."""
    return sum(values[1:], values[0])


ENGINES: dict[str, Callable[[], Engine]] = {
    engine.__name__: engine
    for engine in (microgrid, microgrid_sum, microgrid_beside_torch, microgpt, microgpt_sum, micrograd, torch)
}


def on_a_deep_stack(main: Callable[..., None]) -> None:
    """Call main with the command line's arguments; micrograd and microgpt recurse as deep as the graph."""
    sys.setrecursionlimit(10**7)
    threading.stack_size(1023 * 2**20)
    thread = threading.Thread(target=main, args=sys.argv[1:])
    thread.start()
    thread.join()
