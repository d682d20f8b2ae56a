"""The network's loss and gradients without a graph: by its program, by hand, by PyTorch's matrices."""

from collections.abc import Callable
from typing import Any, cast

from microgrid import Unrolled, Value, unroll

from . import engines
from .works import Run, network_loss, table, weights

Program = Callable[..., tuple[float, tuple[float, ...]]]


def program_of_one(hidden: int, n: float) -> Unrolled:
    """Return the program for one passenger's share of the loss and its gradients by the weights."""
    engine = engines.microgrid()
    X, y = [engine.leaf(0.0) for _ in range(3)], [engine.leaf(0.0)]
    b1, b2 = engine.leaf(1.0), engine.leaf(1.0)
    leaves = [engine.leaf(weight) for weight in weights(hidden)]
    loss = network_loss(engine, [[*X, b1]], y, [b2], leaves, n)
    return unroll(cast(Value, loss), cast(list[Value], [*X, *y, *leaves]), cast(list[Value], leaves))


def on_floats(n: int, hidden: int) -> Run:
    """The program on each passenger."""
    return on_each_passenger(program_of_one(hidden, float(n)).function, n, hidden)


def on_arrays(n: int, hidden: int) -> Run:
    """The program on all passengers at once: a NumPy array for each input."""
    import numpy as np

    program = program_of_one(hidden, float(n))
    X, y = table(n)
    columns = [np.array(column) for column in zip(*X)] + [np.array(y)]
    start = weights(hidden)

    def run() -> list[float]:
        loss, gradients = program(*columns, *start)
        return [float(loss.sum()), *[float(gradient.sum()) for gradient in gradients]]

    return run


def compiled(n: int, hidden: int) -> Run:
    """The program compiled by numba, in a compiled loop over the passengers."""
    import numba
    import numpy as np

    program = program_of_one(hidden, float(n)).compiled(numba.njit)
    start = tuple(weights(hidden))
    X, y = table(n)
    passengers = np.array([(*row, price) for row, price in zip(X, y)])

    @numba.njit
    def epoch(passengers: Any, start: Any) -> Any:
        sums = np.zeros(1 + len(start))
        for passenger in passengers:
            share, contributions = program(passenger[0], passenger[1], passenger[2], passenger[3], *start)
            sums[0] += share
            for i in range(len(start)):
                sums[1 + i] += contributions[i]
        return sums

    return lambda: epoch(passengers, start).tolist()


def by_hand(n: int, hidden: int) -> Run:
    """The same program for one passenger and 4 hidden units, written by hand for floats."""
    assert hidden == 4

    def program(
        x1: float, x2: float, x3: float, y: float,
        w11: float, w12: float, w13: float, w14: float,
        w21: float, w22: float, w23: float, w24: float,
        w31: float, w32: float, w33: float, w34: float,
        w41: float, w42: float, w43: float, w44: float,
        v1: float, v2: float, v3: float, v4: float, v5: float,
    ) -> tuple[float, tuple[float, ...]]:  # fmt: skip
        b1 = x1 * w11 + x2 * w21 + x3 * w31 + w41
        b2 = x1 * w12 + x2 * w22 + x3 * w32 + w42
        b3 = x1 * w13 + x2 * w23 + x3 * w33 + w43
        b4 = x1 * w14 + x2 * w24 + x3 * w34 + w44
        c1 = b1 if b1 > 0.0 else 0.0
        c2 = b2 if b2 > 0.0 else 0.0
        c3 = b3 if b3 > 0.0 else 0.0
        c4 = b4 if b4 > 0.0 else 0.0
        f = c1 * v1 + c2 * v2 + c3 * v3 + c4 * v4 + v5 - y
        df = 2.0 * f / n
        d1 = df * v1 if b1 > 0.0 else 0.0
        d2 = df * v2 if b2 > 0.0 else 0.0
        d3 = df * v3 if b3 > 0.0 else 0.0
        d4 = df * v4 if b4 > 0.0 else 0.0
        return f * f / n, (
            d1 * x1, d2 * x1, d3 * x1, d4 * x1,
            d1 * x2, d2 * x2, d3 * x2, d4 * x2,
            d1 * x3, d2 * x3, d3 * x3, d4 * x3,
            d1, d2, d3, d4,
            df * c1, df * c2, df * c3, df * c4, df,
        )  # fmt: skip

    return on_each_passenger(program, n, hidden)


def on_each_passenger(program: Program, n: int, hidden: int) -> Run:
    """Run the program for one passenger on each of n and add up what it returns."""
    X, y = table(n)
    passengers = [(*row, price) for row, price in zip(X, y)]
    start = weights(hidden)

    def run() -> list[float]:
        loss, gradients = 0.0, [0.0] * len(start)
        for passenger in passengers:
            share, contributions = program(*passenger, *start)
            loss += share
            gradients = [gradient + contribution for gradient, contribution in zip(gradients, contributions)]
        return [loss, *gradients]

    return run


def tensors(n: int, hidden: int) -> Run:
    """The network in PyTorch's matrices (float64, one thread)."""
    import torch

    torch.set_num_threads(1)
    X, y = table(n)
    A = torch.tensor([[*row, 1.0] for row in X], dtype=torch.float64)
    price = torch.tensor(y, dtype=torch.float64)
    start = torch.tensor(weights(hidden), dtype=torch.float64)

    def run() -> list[float]:
        W1 = start[: 4 * hidden].reshape(4, hidden).requires_grad_()
        W2 = start[4 * hidden :].clone().requires_grad_()
        C = (A @ W1).relu()
        loss = ((C @ W2[:-1] + W2[-1] - price) ** 2).mean()
        loss.backward()
        assert W1.grad is not None and W2.grad is not None
        return [loss.item(), *W1.grad.flatten().tolist(), *W2.grad.tolist()]

    return run


WITHOUT_GRAPH: dict[str, Callable[[int, int], Run]] = {
    "on_floats": on_floats,
    "on_arrays": on_arrays,
    "compiled": compiled,
    "by_hand": by_hand,
    "tensors": tensors,
}
