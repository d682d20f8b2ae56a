"""Gradient descent: move the network's weights against the gradient of the loss over all passengers.

    losses = [forward.L.data for forward in train(network, X, y, epochs=300, learning_rate=0.01)]
    losses[0], losses[-1]               # before the first step, after the last
    losses = list(train_unrolled(network, X, y, epochs=300, learning_rate=0.01))    # faster: no graph
    r_squared(losses[-1], y)            # the share of the prices' variance that the network explains

`train` yields the whole pass of each epoch, so the caller can watch any letter of the sheet, and can stop at
any time: the network then holds the weights of the last pass that was yielded.
"""

import gc
import math
import statistics
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TypeVar

from microgrid import Unrolled, Value, unroll
from titanic.network import Forward, Network, Numbers

EPOCHS = 300
LEARNING_RATE = 0.01  # for standardised features
RAW_LEARNING_RATE = 0.0001  # ages of 30 and 80, unscaled, make the loss so steep that longer steps overshoot

Pass = TypeVar("Pass")


class TrainingError(ArithmeticError):
    """The training cannot go on; the message is one line that says when it stopped and what to try."""


def train(
    network: Network, X: Numbers, y: Sequence[float | Value], epochs: int, learning_rate: float
) -> Iterator[Forward]:
    """Yield the pass before the first step of gradient descent, then the pass after each step.

    X is n × 3 and y has n entries, in natural units; epochs is the number of steps. Each step moves every
    weight by −learning_rate · ∂L/∂weight. Whatever stops the training, Ctrl-C included, the network has the
    weights of the last complete epoch: a step whose loss is not known is undone.
    Raises TrainingError if the loss or a weight is no longer finite.
    """
    X, y = network.inputs(X, y)

    def compute() -> tuple[Forward, float, list[float]]:
        forward = network.forward(X, y)
        forward.backward()
        return forward, forward.L.data, [parameter.grad for parameter in network.parameters()]

    return _descend(network, epochs, learning_rate, compute)


def train_unrolled(
    network: Network, X: Numbers, y: Sequence[float | Value], epochs: int, learning_rate: float
) -> Iterator[float]:
    """Yield the losses of the same training by a straight-line program: no graph, and many times as fast.

    The graph of one passenger is unrolled once. With NumPy and array-api-compat installed, each epoch runs
    this program on arrays, a column for each input, and sums the results: the weights are those of `train` to
    their last digits. Without them it runs passenger by passenger, last to first as `backward` does: the same
    bit for bit. The loss is the sum of all Gₖ / n, not H / n. Raises TrainingError as `train` does.
    """
    X, y = network.inputs(X, y)
    one = Network(W1=[[0.0] * 4] * 4, W2=[[0.0]] * 5)
    graph = one.forward(X=[[0.0] * 3], y=[0.0])
    inputs = [*graph.X[0], *graph.y, graph.n, *one.parameters()]
    program = unroll(graph.L, inputs, wrt=one.parameters())
    passengers = [(*[x.data for x in row], price.data, float(len(y))) for row, price in zip(X, y)][::-1]
    run = _on_arrays(program, passengers) if has_arrays() else _on_floats(program, passengers)

    def compute() -> tuple[float, float, list[float]]:
        loss, gradients = run([parameter.data for parameter in network.parameters()])
        # The graph's loss is H / n, so it is not finite if H, loss * len(y), is not.
        return loss, loss * len(y), gradients

    return _descend(network, epochs, learning_rate, compute)


Run = Callable[[list[float]], tuple[float, list[float]]]  # from the weights to the loss and its gradients


def has_arrays() -> bool:
    """Return whether programs can run on NumPy's arrays here."""
    return bool(find_spec("numpy") and find_spec("array_api_compat"))


def _on_arrays(program: Unrolled, passengers: list[tuple[float, ...]]) -> Run:
    """Return a function that runs the program once, on a column for each input."""
    import numpy

    columns = list(numpy.array(passengers).T)

    def run(weights: list[float]) -> tuple[float, list[float]]:
        losses, gradients = program(*columns, *weights)
        # A sum that is not finite raises TrainingError later; NumPy need not warn of it.
        with numpy.errstate(all="ignore"):
            return float(losses.sum()), [float(gradient.sum()) for gradient in gradients]

    return run


def _on_floats(program: Unrolled, passengers: list[tuple[float, ...]]) -> Run:
    """Return a function that runs the program on one passenger after another."""

    def run(weights: list[float]) -> tuple[float, list[float]]:
        loss, gradients = 0.0, [0.0] * len(weights)
        for passenger in passengers:
            share, contributions = program.function(*passenger, *weights)
            loss += share
            gradients = [gradient + contribution for gradient, contribution in zip(gradients, contributions)]
        return loss, gradients

    return run


def _descend(
    network: Network,
    epochs: int,
    learning_rate: float,
    compute: Callable[[], tuple[Pass, float, list[float]]],
) -> Iterator[Pass]:
    """Yield a pass before the first step and after each; compute returns the pass, its loss and gradients."""
    parameters = network.parameters()
    gradients = [0.0] * len(parameters)
    for epoch in range(epochs + 1):
        before = [parameter.data for parameter in parameters]
        try:
            with _garbage_collector_paused():
                for parameter, gradient in zip(parameters, gradients):
                    parameter.data -= learning_rate * gradient
                current, loss, gradients = compute()
            if not all(map(math.isfinite, [loss, *[parameter.data for parameter in parameters]])):
                raise OverflowError
        except BaseException as error:
            for parameter, weight in zip(parameters, before):
                parameter.data = weight
            if isinstance(error, OverflowError):
                when = f"no longer finite after epoch {epoch} with learning rate {learning_rate:g}"
                advice = f"try a smaller one, such as {learning_rate / 10:g}"
                if epoch == 0:
                    when, advice = "not finite before the first step", "start from smaller weights or prices"
                raise TrainingError(f"the loss is {when}; {advice}") from error
            raise
        yield current


@contextmanager
def _garbage_collector_paused() -> Iterator[None]:
    """Pause the collector: nodes make no cycles, so it would search them again and again and find nothing."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def r_squared(loss: float, y: Sequence[float]) -> float:
    """Return R², the share of the variance of the prices y that a mean squared error of loss explains.

    1 is perfect, 0 is as good as the mean price; nan if all prices are equal.

    >>> r_squared(0.5, [7.0, 9.0])
    0.5
    """
    variance = statistics.pvariance(y)
    return 1 - loss / variance if variance else math.nan


def is_dead(forward: Forward) -> bool:
    """Return whether every hidden unit is 0 for every passenger; then no gradient reaches W1."""
    return not any(c.data for row in forward.C for c in row)
