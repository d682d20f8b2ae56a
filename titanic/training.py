"""Gradient descent: the network's weights, moved against the gradient of the loss over all passengers.

    losses = [forward.L.data for forward in train(network, X, y, epochs=300, learning_rate=0.01)]
    losses[0], losses[-1]               # before the first step and after the last
    r_squared(losses[-1], y)            # the share of the prices' variance that the network explains

Each epoch hands over its whole forward pass, so whoever consumes them can watch any letter of the sheet, and
stop when they like: the network then holds the weights of the pass they saw last.
"""

import gc
import math
import statistics
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain

from microgrid import Value
from titanic.network import Forward, Network, Numbers

EPOCHS = 300
LEARNING_RATE = 0.01  # for standardised features
RAW_LEARNING_RATE = 0.0001  # ages of 30 and 80, unscaled, make the loss so steep that longer steps overshoot


class TrainingError(ArithmeticError):
    """The training cannot go on; the message is one line that says when it ended and what to try."""


def train(
    network: Network, X: Numbers, y: Sequence[float | Value], epochs: int, learning_rate: float
) -> Iterator[Forward]:
    """The forward pass before the first step of gradient descent, and after each of the steps.

    X is n × 3 and y has n entries, in natural units; epochs is the number of steps. Each step moves every
    weight by −learning_rate · ∂L/∂weight. Whatever ends the training, an interrupt too, the network has the
    weights of the last whole epoch: a step whose loss is not known is undone.
    Raises TrainingError where the loss or a weight is no longer finite.
    """
    X, y = network.inputs(X, y)
    parameters = network.parameters()
    leaves = [*parameters, *chain.from_iterable(X), *y]
    with _garbage_collector_paused():
        forward = _finite_forward(network, X, y, 0, learning_rate)
    yield forward
    for epoch in range(1, epochs + 1):
        weights = [parameter.data for parameter in parameters]
        try:
            with _garbage_collector_paused():
                for leaf in leaves:
                    leaf.grad = 0.0
                forward.L.backward()
                for parameter in parameters:
                    parameter.data -= learning_rate * parameter.grad
                forward = _finite_forward(network, X, y, epoch, learning_rate)
        except BaseException:
            for parameter, weight in zip(parameters, weights):
                parameter.data = weight
            raise
        yield forward


def r_squared(loss: float, y: Sequence[float]) -> float:
    """R², the share of the variance of the prices y that is explained where the mean squared error is loss.

    1 is perfect, 0 is as good as the mean price; nan where the prices do not vary.

    >>> r_squared(0.5, [7.0, 9.0])
    0.5
    """
    variance = statistics.pvariance(y)
    return 1 - loss / variance if variance else math.nan


def is_dead(forward: Forward) -> bool:
    """Whether every hidden unit is 0 for every passenger: no gradient reaches W1, E is the same for all."""
    return not any(c.data for row in forward.C for c in row)


def _finite_forward(
    network: Network, X: Numbers, y: Sequence[Value], epoch: int, learning_rate: float
) -> Forward:
    """The forward pass of the epoch; TrainingError where the loss or a weight is not finite."""
    try:
        forward = network.forward(X, y)
        if all(math.isfinite(number.data) for number in (forward.L, *network.parameters())):
            return forward
    except OverflowError:
        pass
    if epoch == 0:
        raise TrainingError(
            "the loss is not finite before the first step; start from smaller weights or prices"
        )
    raise TrainingError(
        f"the loss is no longer finite after epoch {epoch} at the learning rate {learning_rate:g}; "
        f"try a smaller one, such as {learning_rate / 10:g}"
    )


@contextmanager
def _garbage_collector_paused() -> Iterator[None]:
    """Nodes make no cycles: the collector would look through all of them again and again and find nothing."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
