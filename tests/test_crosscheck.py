"""The check raises no false alarm, and finds and names whatever is wrong in the engine."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trainings import SEEDS, passengers_of

from microgrid import Value, topological_order
from titanic.__main__ import main
from titanic.crosscheck import TOLERANCES, Verdict, check
from titanic.network import Network
from titanic.passengers import Passengers, Scaling, embedded
from titanic.training import EPOCHS, LEARNING_RATE, train_unrolled

LETTERS = ["L", "H", "n", "G", "F", "E", "y", "W2", "D", "b2", "C", "B", "W1", "A", "b1"]
ALL = ["closed form", "central differences", "PyTorch"]
pytestmark = pytest.mark.torch


def check_from(seed: int, passengers: Passengers, raw: bool = False) -> Verdict:
    scaling = Scaling.identity() if raw else Scaling.of(passengers.X)
    return check(Network.random(seed, scaling).forward(passengers.X, passengers.y))


def check_trained(seed: int, passengers: Passengers) -> Verdict:
    network = Network.random(seed, Scaling.of(passengers.X))
    # On arrays: the engine's weights to their last digits, and much faster.
    *_, _ = train_unrolled(network, passengers.X, passengers.y, EPOCHS, LEARNING_RATE)
    return check(network.forward(passengers.X, passengers.y))


# No false alarm


@pytest.mark.parametrize("raw", [False, True])
@pytest.mark.parametrize("seed", range(20))
def test_fresh_weights_raise_no_alarm(seed: int, raw: bool) -> None:
    verdict = check_from(seed, embedded(), raw)
    assert verdict.agrees, verdict.summary
    assert verdict.methods == ALL


@pytest.mark.parametrize("seed", SEEDS)
def test_trained_weights_raise_no_alarm(seed: int) -> None:
    verdict = check_trained(seed, embedded())
    assert verdict.agrees, verdict.summary


@pytest.mark.course_table
@pytest.mark.parametrize("raw", [False, True])
def test_fresh_weights_raise_no_alarm_on_the_courses_table(raw: bool, course_table: Path) -> None:
    verdict = check_from(5, passengers_of(course_table), raw)
    assert verdict.agrees, verdict.summary


@pytest.mark.course_table
@pytest.mark.parametrize("seed", SEEDS)
def test_trained_weights_raise_no_alarm_on_the_courses_table(seed: int, course_table: Path) -> None:
    verdict = check_trained(seed, passengers_of(course_table))
    assert verdict.agrees, verdict.summary


@pytest.mark.parametrize("seed", range(5))
def test_a_network_that_fits_its_only_passenger_to_the_last_digit_raises_no_alarm(seed: int) -> None:
    # Then E − y is a rounding error, and so is every gradient.
    passenger = embedded().first(1)
    network = Network.random(seed, Scaling.of(passenger.X))
    rest = network.predict(passenger.X)[0] - passenger.y[0]
    network.W2[4][0].data -= rest
    verdict = check(network.forward(passenger.X, [passenger.y[0] + 1e-14]))
    assert abs(network.predict(passenger.X)[0] - passenger.y[0]) < 1e-13
    assert verdict.agrees, verdict.summary


# Zeros are drawn often, so that relus are dead, alive and exactly at 0.
NUMBERS = st.sampled_from([0.0, 1.0, -1.0]) | st.floats(-3.0, 3.0).map(lambda number: round(number, 6))
PASSENGERS = st.tuples(NUMBERS, NUMBERS, NUMBERS, st.floats(0.0, 500.0).map(lambda price: round(price, 2)))


@st.composite
def networks(draw: st.DrawFn) -> Network:
    weights = draw(st.lists(NUMBERS, min_size=21, max_size=21))
    return Network([weights[4 * i : 4 * i + 4] for i in range(4)], [[weight] for weight in weights[16:]])


@given(networks(), st.lists(PASSENGERS, min_size=1, max_size=20))
def test_the_gradients_of_any_network_and_passengers_raise_no_alarm(
    network: Network, passengers: list[tuple[float, float, float, float]]
) -> None:
    X, y = [list(row[:3]) for row in passengers], [row[3] for row in passengers]
    verdict = check(network.forward(X, y))
    assert verdict.agrees, verdict.summary


# Kinks


def test_only_central_differences_cannot_decide_a_weight_at_a_kink() -> None:
    W1 = [[1.0, 0.0, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0], [-2.0, 0.0, 1.0, 3.0]]
    network = Network(W1, [[1.0], [2.0], [3.0], [4.0], [5.0]])
    # B is 0, 0, 3, 5 and 3, 0, 6, 8.
    verdict = check(network.forward([[2.0, 0.0, 1.0], [5.0, 3.0, 0.0]], [7.0, 8.0]))
    # ∂L/∂W1[2,1] goes through B[1,1], which stays 0 since A[1,2] is 0, and through B[2,1], which is alive.
    silent = ["W1[1,1]", "W1[1,2]", "W1[2,2]", "W1[3,1]", "W1[3,2]", "W1[4,1]", "W1[4,2]"]
    assert verdict.undecided == [f"∂L/∂{weight}" for weight in silent]
    assert verdict.agrees, verdict.summary


@pytest.mark.parametrize("distance", [1e-3, 1e-6, 1e-9])
def test_a_step_stays_on_its_side_of_the_kink_or_is_not_taken(distance: float) -> None:
    # B is `distance` from its kink, where the derivative jumps from 0 to another number.
    for sign in (1, -1):
        network = Network(
            [[0.0] * 4] * 3 + [[sign * distance, 1.0, 1.0, 1.0]], [[1.0], [2.0], [3.0], [4.0], [5.0]]
        )
        verdict = check(network.forward([[2.0, 0.0, 1.0]], [7.0]))
        assert verdict.agrees, verdict.summary
        assert ("∂L/∂W1[4,1]" in verdict.undecided) == (distance < 1e-8)


def test_a_relu_that_is_wrong_at_0_alone_is_found_by_the_other_methods(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    break_rule(monkeypatch, "relu", lambda node: (1.0,) if node.operands[0].data == 0 else node.local_grads)
    verdict = check(Network([[0.0] * 4] * 4, [[1.0]] * 5).forward([[2.0, 0.0, 1.0]], [7.0]))
    assert not verdict.agrees
    assert verdict.largest_difference("central differences") == 0
    assert verdict.largest_difference("PyTorch") == verdict.largest_difference("closed form") == 1
    assert "wrong from ∂L/∂B on" in verdict.summary


# Each method alone


def test_central_differences_are_those_of_the_loss_as_the_engine_computes_it() -> None:
    passengers = embedded().first(3)
    network = Network.random(2, Scaling.of(passengers.X))
    verdict = check(network.forward(passengers.X, passengers.y))
    found = {entry.name: entry.others.get("central differences") for entry in verdict.gradients}
    for weight in network.parameters():
        losses, number = [], weight.data
        for weight.data in (number + 1e-4, number - 1e-4):
            losses.append(network.forward(passengers.X, passengers.y).L.data)
        weight.data = number
        assert found.pop(f"∂L/∂{weight.label}") == pytest.approx((losses[0] - losses[1]) / 2e-4, rel=1e-6)
    assert set(found.values()) == {None}  # the 21 weights and no other letter


def test_a_difference_is_measured_against_the_largest_gradient_of_the_letter() -> None:
    verdict = check_from(0, embedded())
    for name, entries in verdict.entries.items():
        largest = max(abs(entry.others["closed form"] or 0.0) for entry in entries)
        assert {entry.scale for entry in entries} == {largest}, name
        for entry in entries:
            a, b = entry.engine, entry.others["closed form"]
            assert b is not None
            assert entry.difference("closed form") == abs(a - b) / max(abs(a), abs(b), largest)


# Whatever is broken is found.

LocalGrads = tuple[float, ...]


def break_rule(monkeypatch: pytest.MonkeyPatch, op: str, local_grads: Callable[[Value], LocalGrads]) -> None:
    """Replace the local gradients that the engine gives every node of an operation."""
    method = {"*": "__mul__", "-": "__sub__", "/": "__truediv__", "**n": "__pow__"}.get(op, op)
    intact = getattr(Value, method)

    def broken(*arguments: object) -> Value:
        node: Value = intact(*arguments)
        node.local_grads = local_grads(node)
        return node

    monkeypatch.setattr(Value, method, staticmethod(broken) if op == "sum" else broken)


def times(factor: float, operand: int) -> Callable[[Value], LocalGrads]:
    """Return a rule whose derivative by one operand is the right one times a factor."""
    return lambda node: tuple(
        factor * grad if place == operand else grad for place, grad in enumerate(node.local_grads)
    )


# The operation, the operand whose rule is broken, and the letter where the error begins
RULES = [
    ("/", 0, "H"),
    ("/", 1, "n"),
    ("sum", 0, "G"),
    ("**n", 0, "F"),
    ("-", 0, "E"),
    ("-", 1, "y"),
    ("*", 0, "D"),
    ("*", 1, "W2"),
    ("relu", 0, "B"),
]


def test_every_operation_of_the_network_has_its_rules_broken() -> None:
    passengers = embedded().first(1)
    nodes = topological_order(Network.random(0).forward(passengers.X, passengers.y).L)
    used = {
        (node.op, 0 if node.op == "sum" else place)
        for node in nodes
        for place, operand in enumerate(node.operands)
        if operand.op != "constant"
    }
    assert used == {(op, operand) for op, operand, _ in RULES}


@pytest.mark.parametrize(("op", "operand", "letter"), RULES)
@pytest.mark.parametrize("factor", [-1.0, 0.0, 1.001, float("inf"), float("nan")])
def test_a_wrong_local_gradient_is_found_by_every_method_and_the_letter_named(
    op: str, operand: int, letter: str, factor: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_rule(monkeypatch, op, times(factor, operand))
    verdict = check_from(1, embedded().first(9))
    assert not verdict.agrees
    assert f"wrong from ∂L/∂{letter} on: ∂L/∂{letter}" in verdict.summary
    assert "forward" not in verdict.summary
    for method in ALL:
        # No weight's gradient is made of those of n and y.
        if method != "central differences" or letter not in "ny":
            assert verdict.largest_difference(method) > TOLERANCES[method]


@pytest.mark.parametrize(("op", "operand", "letter"), RULES)
def test_an_error_in_the_eighth_digit_is_found_by_the_exact_methods(
    op: str, operand: int, letter: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_rule(monkeypatch, op, times(1 + 1e-8, operand))
    verdict = check_from(1, embedded().first(9))
    assert f"wrong from ∂L/∂{letter} on" in verdict.summary
    assert verdict.largest_difference("central differences") < TOLERANCES["central differences"]


def test_lost_contributions_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def backward(root: Value) -> None:
        root.grad = 1.0
        for node in reversed(topological_order(root)):
            for operand, local_grad in zip(node.operands, node.local_grads):
                operand.grad = local_grad * node.grad  # = instead of +=

    monkeypatch.setattr(Value, "backward", backward)
    assert "wrong from ∂L/∂W2 on" in check_from(0, embedded()).summary


@pytest.mark.parametrize(
    ("op", "letter"), [("*", "B"), ("sum", "B"), ("relu", "C"), ("-", "F"), ("**n", "G"), ("/", "L")]
)
def test_a_wrong_number_in_the_forward_pass_is_found_and_the_letter_named(
    op: str, letter: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(node: Value) -> LocalGrads:
        node.data += 1.0
        return node.local_grads

    break_rule(monkeypatch, op, wrong)
    verdict = check_from(0, embedded())
    assert not verdict.agrees
    assert verdict.summary.startswith(f"The forward pass is wrong from {letter} on: {letter}")


# The command


def gradients_in(text: str) -> dict[str, list[str]]:
    rows = [line.split() for line in text.splitlines() if line.startswith(" ∂L/∂")]
    return {row[0].removeprefix("∂L/∂"): row[3:] for row in rows}


def test_the_table_has_a_row_for_each_weight_and_each_letter(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--seed", "4"]) == 0
    out = capsys.readouterr().out
    rows = gradients_in(out)
    weights = [f"W1[{i},{j}]" for i in range(1, 5) for j in range(1, 5)] + [f"W2[{i},1]" for i in range(1, 6)]
    assert [name for name in rows if name.startswith("W")] == [*weights[16:], *weights[:16]]
    assert list(dict.fromkeys(name.partition("[")[0] for name in rows)) == LETTERS
    verdict = check_from(4, embedded())
    entries = {entry.name: entry for entry in verdict.gradients}
    for name, numbers in rows.items():
        entry = entries[f"∂L/∂{name}"]
        expected = [entry.engine, *[entry.others.get(method) for method in ALL]]
        assert numbers == ["–" if number is None else f"{number:.6g}" for number in expected]
    for method in ALL:
        assert f" {method} " in out and f"{verdict.largest_difference(method):.2g}" in out
    assert out.endswith("All 1358 gradients are right: closed form, central differences and PyTorch agree\n")


def test_the_exit_status_is_1_and_the_letter_named_where_a_method_differs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    break_rule(monkeypatch, "-", times(2.0, 0))
    assert main(["check"]) == 1
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("The gradients are wrong from ∂L/∂E on: ")


def test_the_main_job_ends_with_the_verdict_and_its_exit_status(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--epochs", "2", "--out", str(tmp_path)]
    assert main(arguments) == 0
    assert "All 1358 gradients are right: " in capsys.readouterr().out
    break_rule(monkeypatch, "relu", times(2.0, 0))
    assert main(arguments) == 1
    assert "The gradients are wrong from ∂L/∂B on: " in capsys.readouterr().out


def test_weights_table_and_number_of_passengers_are_the_users(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network = Network.random(9, Scaling.of(embedded().X))
    network.save(tmp_path / "weights.json")
    assert main(["check", "--weights", str(tmp_path / "weights.json"), "--passengers", "3"]) == 0
    first = embedded().first(3)
    verdict = check(network.forward(first.X, first.y))
    out = capsys.readouterr().out
    assert verdict.summary in out
    assert gradients_in(out)["n"][0] == f"{verdict.entries['∂L/∂n'][0].engine:.6g}"


def test_a_weight_at_a_kink_is_marked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Network([[0.0] * 4] * 4, [[1.0]] * 5).save(tmp_path / "weights.json")
    assert main(["check", "--weights", str(tmp_path / "weights.json"), "--passengers", "2"]) == 0
    out = capsys.readouterr().out
    assert gradients_in(out)["W1[1,1]"] == ["0", "0", "?", "0"]
    assert "? too close to a kink of the relu, or too flat, for central differences" in out


def test_derivation_shows_each_line_with_formula_shape_and_a_passengers_numbers(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["check", "--derivation"]) == 0
    out = capsys.readouterr().out
    forward = Network.random(0, Scaling.of(embedded().X)).forward(embedded().X, embedded().y)
    numbers = " ".join(f"{b.data:>12.6g}" for b in forward.B[0])
    assert f"B = A W1   (58 × 4, row 1)\n    {numbers}\n" in out
    for letter in LETTERS:
        assert f"\n∂L/∂{letter} = " in out


def test_without_pytorch_the_others_are_used_and_the_summary_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    assert main(["check"]) == 0
    lines = capsys.readouterr().out.splitlines()
    agree = "closed form and central differences agree; PyTorch is not installed"
    assert lines[-1] == f"All 1358 gradients are right: {agree}"
    assert gradients_in("\n".join(lines))["L"] == ["1", "1", "–"]


def test_a_loss_that_is_not_finite_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for weight in (1e200, 1e308):
        Network([[weight] * 4] * 4, [[weight]] * 5).save(tmp_path / "weights.json")
        assert main(["check", "--weights", str(tmp_path / "weights.json")]) == 1
        assert capsys.readouterr().err.count("\n") == 1
