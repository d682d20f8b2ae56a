"""Gradient descent: steps against the gradient, consistent weights however it stops, good defaults."""

import gc
import math
import statistics
import sys
from pathlib import Path
from types import FrameType, GeneratorType
from typing import TYPE_CHECKING

import pytest
from equations import Matrix, equations, numbers, weights_of

from titanic import training
from titanic.network import Forward, Network
from titanic.passengers import Passengers, Scaling, embedded, load
from titanic.training import (
    EPOCHS,
    LEARNING_RATE,
    RAW_LEARNING_RATE,
    TrainingError,
    is_dead,
    r_squared,
    train,
    train_unrolled,
)

if TYPE_CHECKING:
    from _typeshed import TraceFunction

X = [[22.0, 3.0, 0.0], [38.0, 1.0, 1.0], [26.0, 3.0, 1.0]]
Y = [7.25, 71.25, 8.0]


def start(passengers: Passengers, seed: int, raw: bool = False) -> Network:
    return Network.random(seed, Scaling.identity() if raw else Scaling.of(passengers.X))


def losses_by_numpy(
    network: Network, passengers: Passengers, epochs: int, learning_rate: float
) -> tuple[list[float], Matrix]:
    """Return the losses of the same training on matrices, and C at the end."""
    X = network.scaling.apply(passengers.X)
    W1, W2 = numbers(network.W1), numbers(network.W2)
    losses = []
    for _ in range(epochs + 1):
        letters, gradients = equations(X, passengers.y, W1, W2)
        losses.append(letters["L"].item())
        W1, W2 = W1 - learning_rate * gradients["W1"], W2 - learning_rate * gradients["W2"]
    return losses, letters["C"]


# The steps


def test_each_epoch_moves_the_weights_against_the_gradient_of_its_loss() -> None:
    network = Network.random(0, Scaling.of(X))
    passes = train(network, X, Y, epochs=3, learning_rate=0.01)
    before = weights_of(network)
    next(passes)
    assert weights_of(network) == before
    for _ in range(3):
        reference = Network.random(0, network.scaling)
        for parameter, weight in zip(reference.parameters(), before):
            parameter.data = weight
        reference.forward(X, Y).L.backward()
        next(passes)
        assert weights_of(network) == [
            weight - 0.01 * parameter.grad for weight, parameter in zip(before, reference.parameters())
        ]
        before = weights_of(network)
    assert next(passes, None) is None


def test_there_is_a_pass_before_the_first_step_and_one_after_each() -> None:
    network = Network.random(0, Scaling.of(X))
    untouched = network.forward(X, Y).L.data
    losses = [forward.L.data for forward in train(network, X, Y, epochs=5, learning_rate=0.01)]
    assert len(losses) == 6
    assert losses[0] == untouched
    assert losses[-1] == network.forward(X, Y).L.data < losses[0]


def test_zero_epochs_yield_only_the_pass_at_the_start() -> None:
    network = Network.random(0, Scaling.of(X))
    before = weights_of(network)
    assert len(list(train(network, X, Y, epochs=0, learning_rate=0.01))) == 1
    assert weights_of(network) == before


def test_each_pass_has_its_own_gradients_and_not_the_sum_of_all() -> None:
    network = Network.random(0, Scaling.of(X))
    for forward in train(network, X, Y, epochs=4, learning_rate=0.01):
        again = Network([[w.data for w in row] for row in network.W1], [[w.data] for [w] in network.W2])
        other = again.forward(network.scaling.apply(X), Y)
        other.L.backward()
        for letter in ("W1", "W2", "X", "b1", "b2", "y", "n", "B", "L"):
            assert [[node.grad for node in row] for row in forward.rows(letter)] == [
                [node.grad for node in row] for row in other.rows(letter)
            ]


def test_stopping_early_leaves_the_weights_of_the_last_pass_that_was_seen() -> None:
    network = Network.random(0, Scaling.of(X))
    passes = train(network, X, Y, epochs=100, learning_rate=0.01)
    for forward in passes:
        if forward.L.data < 1000:
            break
    assert network.forward(X, Y).L.data == forward.L.data
    network.W1[0][0].data = 5.0
    del passes
    assert network.W1[0][0].data == 5.0


def test_the_garbage_collector_is_as_it_was_whenever_a_pass_is_yielded() -> None:
    for enabled in (True, False):
        (gc.enable if enabled else gc.disable)()
        try:
            for _ in train(Network.random(0), X, Y, epochs=1, learning_rate=0.0001):
                assert gc.isenabled() is enabled
        finally:
            gc.enable()


# Without the graph


@pytest.fixture
def without_arrays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let array-api-compat seem missing."""
    monkeypatch.setattr(training, "has_arrays", lambda: False)


@pytest.mark.parametrize("raw", [False, True])
def test_on_arrays_the_training_gives_the_same_weights_to_their_last_digits(raw: bool) -> None:
    passengers = embedded()
    by_graph, by_program = start(passengers, 3, raw), start(passengers, 3, raw)
    rate = RAW_LEARNING_RATE if raw else LEARNING_RATE
    *_, last = train(by_graph, passengers.X, passengers.y, epochs=300, learning_rate=rate)
    *_, loss = train_unrolled(by_program, passengers.X, passengers.y, epochs=300, learning_rate=rate)
    assert weights_of(by_program) == pytest.approx(weights_of(by_graph), rel=1e-12)
    assert loss == pytest.approx(last.L.data, rel=1e-12)


@pytest.mark.usefixtures("without_arrays")
@pytest.mark.parametrize("raw", [False, True])
def test_unrolled_the_training_gives_the_same_weights_bit_for_bit_and_losses_to_the_last_digits(
    raw: bool,
) -> None:
    passengers = embedded()
    by_graph, by_program = start(passengers, 3, raw), start(passengers, 3, raw)
    rate = RAW_LEARNING_RATE if raw else LEARNING_RATE
    passes = train(by_graph, passengers.X, passengers.y, epochs=20, learning_rate=rate)
    losses = train_unrolled(by_program, passengers.X, passengers.y, epochs=20, learning_rate=rate)
    for forward, loss in zip(passes, losses, strict=True):
        assert weights_of(by_program) == weights_of(by_graph)
        assert math.isclose(loss, forward.L.data, rel_tol=1e-14)


@pytest.mark.parametrize("arrays", [False, True])
def test_unrolled_a_loss_that_is_not_finite_ends_the_training_with_the_last_finite_weights(
    arrays: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "has_arrays", lambda: arrays)
    by_graph, by_program = (Network.random(0, Scaling.of(X)) for _ in range(2))
    for network, passes in [
        (by_graph, train(by_graph, X, Y, epochs=50, learning_rate=0.5)),
        (by_program, train_unrolled(by_program, X, Y, epochs=50, learning_rate=0.5)),
    ]:
        with pytest.raises(TrainingError, match="no longer finite after epoch"):
            list(passes)
        assert all(map(math.isfinite, weights_of(network)))
    assert weights_of(by_program) == pytest.approx(weights_of(by_graph), rel=1e-12)


# What stops it early


def test_an_interrupt_at_any_point_leaves_the_weights_of_a_whole_epoch() -> None:
    network = Network.random(0, Scaling.of(X))
    first_weights = weights_of(network)
    passes = train(network, X, Y, epochs=2, learning_rate=0.01)
    whole = [weights_of(network) for _ in passes]
    loop = train(network, X, Y, epochs=2, learning_rate=0.01)
    assert isinstance(loop, GeneratorType)
    code = loop.gi_code
    interrupted_in_epoch = [0, 0, 0, 0]

    def interrupted_after(instructions: int) -> bool:
        """Train anew and raise KeyboardInterrupt before that instruction; whether it got there."""
        left = instructions

        def trace(frame: FrameType, event: str, argument: object) -> "TraceFunction | None":
            nonlocal left
            if frame.f_code is not code:
                return None
            frame.f_trace_opcodes = True
            if event == "opcode":
                left -= 1
                if left == 0:
                    raise KeyboardInterrupt
            return trace

        for parameter, weight in zip(network.parameters(), first_weights):
            parameter.data = weight
        seen: list[Forward] = []
        sys.settrace(trace)
        try:
            for forward in train(network, X, Y, epochs=2, learning_rate=0.01):
                seen.append(forward)
        except KeyboardInterrupt:
            sys.settrace(None)
            # An epoch that has ended but was not yielded yet is complete and not yet seen.
            assert weights_of(network) in whole[max(len(seen) - 1, 0) : len(seen) + 1]
            interrupted_in_epoch[len(seen)] += 1
            return True
        finally:
            sys.settrace(None)
        return False

    instructions = 1
    while interrupted_after(instructions):
        instructions += 1
    assert min(interrupted_in_epoch) > 0
    assert min(interrupted_in_epoch[1:3]) > 200  # each of the 21 assignments of a step takes several


@pytest.mark.parametrize("learning_rate", [0.5, 100.0, 1e200, 1e308])
def test_a_loss_that_is_not_finite_ends_the_training_with_the_last_finite_weights(
    learning_rate: float,
) -> None:
    passengers = embedded()
    network = start(passengers, 0)
    losses = []
    with pytest.raises(TrainingError) as caught:
        for forward in train(network, passengers.X, passengers.y, 300, learning_rate):
            losses.append(forward.L.data)
    assert all(map(math.isfinite, losses))
    assert all(map(math.isfinite, weights_of(network)))
    assert network.forward(passengers.X, passengers.y).L.data == losses[-1]
    assert str(caught.value) == (
        f"the loss is no longer finite after epoch {len(losses)} with learning rate {learning_rate:g}; "
        f"try a smaller one, such as {learning_rate / 10:g}"
    )


def test_weights_that_are_not_finite_end_the_training_even_if_the_loss_is_finite() -> None:
    # A step of this size makes the weights of the first hidden unit −inf, and the unit 0.
    network = Network([[1e-300, 0, 0, 0]] * 4, [[1e308]] + [[0.0]] * 4)
    with pytest.raises(TrainingError, match="after epoch 1 "):
        list(train(network, [[1.0, 1.0, 1.0]], [0.0], 5, 1e10))
    assert weights_of(network)[0] == 1e-300


def test_a_loss_that_is_not_finite_at_the_start_is_reported_as_such() -> None:
    with pytest.raises(TrainingError, match=r"^the loss is not finite before the first step; "):
        list(train(Network([[1e200] * 4] * 4, [[1e200]] * 5), X, Y, 5, 0.01))


# Its results


def test_r_squared_is_1_for_no_error_0_for_the_mean_and_nan_if_all_prices_are_equal() -> None:
    assert r_squared(0.0, Y) == 1.0
    assert r_squared(statistics.pvariance(Y), Y) == 0.0
    assert math.isnan(r_squared(1.0, [0.1, 0.1, 0.1]))


def test_dead_means_every_hidden_unit_is_0_for_every_passenger() -> None:
    below = [[-1.0] * 4] * 4
    assert is_dead(Network(below, [[1.0]] * 5).forward(X, Y))
    # Only the last passenger is old enough for the last hidden unit.
    alive = [[-1.0, -1.0, -1.0, 1.0]] + [[-1.0] * 4] * 2 + [[-1.0, -1.0, -1.0, -20.0]]
    forward = Network(alive, [[1.0]] * 5).forward([[18, 1, 0], [19, 2, 1], [30, 1, 0]], Y)
    assert [any(c.data for c in row) for row in forward.C] == [False, False, True]
    assert not is_dead(forward)


@pytest.mark.parametrize("raw", [False, True])
def test_numpy_trains_as_the_engine_does(raw: bool) -> None:
    passengers = embedded()
    learning_rate = RAW_LEARNING_RATE if raw else LEARNING_RATE
    expected, _ = losses_by_numpy(start(passengers, 1, raw), passengers, EPOCHS, learning_rate)
    passes = train(start(passengers, 1, raw), passengers.X, passengers.y, EPOCHS, learning_rate)
    assert [forward.L.data for forward in passes] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("seed", range(20))
def test_the_defaults_end_below_620_on_the_embedded_passengers(seed: int) -> None:
    passengers = embedded()
    losses, _ = losses_by_numpy(start(passengers, seed), passengers, EPOCHS, LEARNING_RATE)
    assert losses[-1] < 620


@pytest.mark.parametrize("seed", range(20))
def test_raw_features_train_by_default_and_leave_hidden_units_alive(seed: int) -> None:
    passengers = embedded()
    losses, C = losses_by_numpy(start(passengers, seed, raw=True), passengers, EPOCHS, RAW_LEARNING_RATE)
    assert losses[-1] < min(1547, losses[0])
    assert (C > 0).any()


def test_raw_features_with_the_usual_learning_rate_kill_every_hidden_unit() -> None:
    passengers = embedded()
    *_, last = train(start(passengers, 0, raw=True), passengers.X, passengers.y, 30, LEARNING_RATE)
    assert is_dead(last)
    assert len({e.data for e in last.E}) == 1


@pytest.mark.course_table
@pytest.mark.parametrize("seed", range(20))
def test_the_defaults_end_below_226_on_the_courses_table(course_table: Path, seed: int) -> None:
    passengers = load(course_table)
    losses, _ = losses_by_numpy(start(passengers, seed), passengers, EPOCHS, LEARNING_RATE)
    assert losses[-1] < 226


@pytest.mark.course_table
@pytest.mark.parametrize("seed", range(20))
def test_raw_features_train_by_default_on_the_courses_table(course_table: Path, seed: int) -> None:
    passengers = load(course_table)
    losses, C = losses_by_numpy(start(passengers, seed, raw=True), passengers, EPOCHS, RAW_LEARNING_RATE)
    assert losses[-1] < 447 < losses[0]
    assert (C > 0).any()


@pytest.mark.course_table
def test_numpy_trains_as_the_engine_does_on_the_courses_table(course_table: Path) -> None:
    passengers = load(course_table)
    expected, _ = losses_by_numpy(start(passengers, 15), passengers, 60, LEARNING_RATE)
    passes = train(start(passengers, 15), passengers.X, passengers.y, 60, LEARNING_RATE)
    assert [forward.L.data for forward in passes] == pytest.approx(expected, rel=1e-9)
