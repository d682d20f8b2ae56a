"""The check means what it says: no false alarm, and whatever is wrong in the engine is found and named."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trainings import SEEDS, passengers_of, trainings

from microgrid import Value, topological_order
from titanic.__main__ import main
from titanic.network import Network
from titanic.passengers import Passengers, Scaling, embedded
from titanic.witnesses import LETTERS, TOLERANCES, Verdict, central_differences, check

ALL = ["closed form", "central differences", "PyTorch"]
pytestmark = pytest.mark.torch


def check_from(seed: int, passengers: Passengers, raw: bool = False) -> Verdict:
    scaling = Scaling.identity() if raw else Scaling.of(passengers.X)
    return check(Network.random(seed, scaling), passengers.X, passengers.y)


# No false alarm


@pytest.mark.parametrize("raw", [False, True])
@pytest.mark.parametrize("seed", range(20))
def test_fresh_weights_raise_no_alarm(seed: int, raw: bool) -> None:
    verdict = check_from(seed, embedded(), raw)
    assert verdict.agrees, verdict.summary
    assert verdict.witnesses == ALL


@pytest.mark.parametrize("seed", SEEDS)
def test_trained_weights_raise_no_alarm(seed: int) -> None:
    verdict = check(trainings(None)[seed].network, embedded().X, embedded().y)
    assert verdict.agrees, verdict.summary


@pytest.mark.course_table
@pytest.mark.parametrize("raw", [False, True])
def test_fresh_weights_raise_no_alarm_on_the_courses_table(raw: bool, course_table: Path) -> None:
    verdict = check_from(5, passengers_of(course_table), raw)
    assert verdict.agrees, verdict.summary


@pytest.mark.course_table
@pytest.mark.parametrize("seed", SEEDS)
def test_trained_weights_raise_no_alarm_on_the_courses_table(seed: int, course_table: Path) -> None:
    passengers = passengers_of(course_table)
    verdict = check(trainings(course_table)[seed].network, passengers.X, passengers.y)
    assert verdict.agrees, verdict.summary


@pytest.mark.parametrize("seed", range(5))
def test_a_network_that_fits_its_only_passenger_to_the_last_digit_raises_no_alarm(seed: int) -> None:
    # Then E − y is a rounding error, and so is every gradient.
    passenger = embedded().first(1)
    network = Network.random(seed, Scaling.of(passenger.X))
    rest = network.predict(passenger.X)[0] - passenger.y[0]
    network.W2[4][0].data -= rest
    verdict = check(network, passenger.X, [passenger.y[0] + 1e-14])
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
def test_no_network_and_no_passengers_raise_an_alarm(
    network: Network, passengers: list[tuple[float, float, float, float]]
) -> None:
    X, y = [list(row[:3]) for row in passengers], [row[3] for row in passengers]
    verdict = check(network, X, y)
    assert verdict.agrees, verdict.summary
    # Central differences are silent only at a kink, or next to it, and only of what leads into the relu.
    near = any(abs(b.data) < 1e-11 for row in network.forward(X, y).B for b in row)
    assert {name.partition("[")[0] for name in verdict.at_a_kink} <= (
        {"A", "b1", "W1", "B"} if near else set()
    )


# Kinks


def test_an_entry_at_a_kink_is_left_to_the_other_witnesses() -> None:
    W1 = [[1.0, 0.0, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0], [-2.0, 0.0, 1.0, 3.0]]
    network = Network(W1, [[1.0], [2.0], [3.0], [4.0], [5.0]])
    verdict = check(network, [[2.0, 0.0, 1.0], [5.0, 3.0, 0.0]], [7.0, 8.0])  # B is 0, 0, 3, 5 and 3, 0, 6, 8
    silent = [name for name in verdict.at_a_kink if name[0] == "B"]
    assert silent == ["B[1,1]", "B[1,2]", "B[2,2]"]
    # ∂L/∂W1[2,1] goes through B[1,1], which stays 0 since A[1,2] is 0, and through B[2,1], which is alive.
    silent = [name for name in verdict.at_a_kink if name.startswith("W1")]
    assert silent == ["W1[1,1]", "W1[1,2]", "W1[2,2]", "W1[3,1]", "W1[3,2]", "W1[4,1]", "W1[4,2]"]
    assert [name for name in verdict.at_a_kink if name[0] in "CDEFGHL"] == []
    assert verdict.agrees, verdict.summary


def test_a_relu_that_is_wrong_at_0_alone_is_found_by_the_other_witnesses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    break_rule(monkeypatch, "relu", lambda node: (1.0,) if node.operands[0].data == 0 else node.local_grads)
    network = Network([[0.0] * 4] * 4, [[1.0]] * 5)
    verdict = check(network, [[2.0, 0.0, 1.0]], [7.0])
    assert not verdict.agrees
    assert verdict.largest_difference("central differences") == 0
    assert verdict.largest_difference("PyTorch") == verdict.largest_difference("closed form") == 1
    assert "first from L at ∂L/∂B" in verdict.summary


# Each witness alone


def test_central_differences_are_those_of_the_loss_as_the_engine_computes_it() -> None:
    passengers = embedded().first(3)
    network = Network.random(2, Scaling.of(passengers.X))
    found = central_differences(network.forward(passengers.X, passengers.y))
    for letter, weights in (("W1", network.W1), ("W2", network.W2)):
        for i, row in enumerate(weights):
            for j, weight in enumerate(row):
                losses, number = [], weight.data
                for weight.data in (number + 1e-4, number - 1e-4):
                    losses.append(network.forward(passengers.X, passengers.y).L.data)
                weight.data = number
                assert found[letter][i][j] == pytest.approx((losses[0] - losses[1]) / 2e-4, rel=1e-6)


def test_a_difference_is_measured_against_the_largest_gradient_of_the_letter() -> None:
    verdict = check_from(0, embedded())
    for entries in verdict.letters.values():
        largest = max(abs(entry.engine) for entry in entries)
        assert {entry.largest for entry in entries} == {largest}
        for entry in entries:
            a, b = entry.engine, entry.witnesses["closed form"]
            assert b is not None
            assert entry.difference("closed form") == abs(a - b) / max(abs(a), abs(b), largest)
    assert TOLERANCES == {"closed form": 1e-9, "central differences": 1e-5, "PyTorch": 1e-9}


# Whatever is broken is found. Each line: the operation, the operand whose rule is broken, the letter.

LocalGrads = tuple[float, ...]


def break_rule(monkeypatch: pytest.MonkeyPatch, op: str, local_grads: Callable[[Value], LocalGrads]) -> None:
    """Have the engine give every node of an operation other local gradients."""
    method = {"*": "__mul__", "-": "__sub__", "/": "__truediv__", "**2": "__pow__"}.get(op, op)
    intact = getattr(Value, method)

    def broken(*arguments: object) -> Value:
        node: Value = intact(*arguments)
        node.local_grads = local_grads(node)
        return node

    monkeypatch.setattr(Value, method, staticmethod(broken) if op == "sum" else broken)


def times(factor: float, operand: int) -> Callable[[Value], LocalGrads]:
    """The rule whose derivative by one operand is that many times the right one."""
    return lambda node: tuple(
        factor * grad if place == operand else grad for place, grad in enumerate(node.local_grads)
    )


RULES = [
    ("/", 0, "H"),
    ("/", 1, "n"),
    ("sum", 0, "G"),
    ("**2", 0, "F"),
    ("-", 0, "E"),
    ("-", 1, "y"),
    ("*", 0, "D"),
    ("*", 1, "W2"),
    ("relu", 0, "B"),
]


def test_every_operation_of_the_network_has_its_rules_broken() -> None:
    passengers = embedded().first(1)
    nodes = topological_order(Network.random(0).forward(passengers.X, passengers.y).L)
    used = {(node.op, place) for node in nodes for place in range(len(node.operands)) if node.op != "sum"}
    assert used | {("sum", 0)} == {(op, operand) for op, operand, _ in RULES}


@pytest.mark.parametrize(("op", "operand", "letter"), RULES)
@pytest.mark.parametrize("factor", [-1.0, 0.0, 1.001, float("inf"), float("nan")])
def test_a_wrong_local_gradient_is_found_by_every_witness_and_the_letter_named(
    op: str, operand: int, letter: str, factor: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_rule(monkeypatch, op, times(factor, operand))
    verdict = check_from(1, embedded().first(9))
    assert not verdict.agrees
    assert f"first from L at ∂L/∂{letter}: ∂L/∂{letter}" in verdict.summary
    assert "forward" not in verdict.summary
    for witness in ALL:
        assert verdict.largest_difference(witness) > TOLERANCES[witness]


@pytest.mark.parametrize(("op", "operand", "letter"), RULES)
def test_an_error_in_the_eighth_digit_is_found_by_the_exact_witnesses(
    op: str, operand: int, letter: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_rule(monkeypatch, op, times(1 + 1e-8, operand))
    verdict = check_from(1, embedded().first(9))
    assert f"first from L at ∂L/∂{letter}" in verdict.summary
    assert verdict.largest_difference("central differences") < TOLERANCES["central differences"]


def test_contributions_that_are_lost_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def backward(root: Value) -> None:
        root.grad = 1.0
        for node in reversed(topological_order(root)):
            for operand, local_grad in zip(node.operands, node.local_grads):
                operand.grad = local_grad * node.grad  # = instead of +=

    monkeypatch.setattr(Value, "backward", backward)
    assert "first from L at ∂L/∂W2" in check_from(0, embedded()).summary


@pytest.mark.parametrize(
    ("op", "letter"), [("*", "B"), ("sum", "B"), ("relu", "C"), ("-", "F"), ("**2", "G"), ("/", "L")]
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
    assert verdict.summary.startswith(f"The forward pass is wrong, first at {letter}: {letter}")


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
    assert list(dict.fromkeys(name.partition("[")[0] for name in rows)) == list(LETTERS)
    verdict = check_from(4, embedded())
    entries = {entry.name: entry for entry in verdict.entries}
    for name, numbers in rows.items():
        entry = entries[name]
        assert numbers == [f"{number:.6g}" for number in (entry.engine, *entry.witnesses.values())]
    for witness in ALL:
        assert f" {witness} " in out and f"{verdict.largest_difference(witness):.2g}" in out
    assert out.endswith("All 1358 gradients are right: closed form, central differences and PyTorch agree\n")


def test_the_exit_status_is_1_and_the_letter_named_where_a_witness_differs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    break_rule(monkeypatch, "-", times(2.0, 0))
    assert main(["check"]) == 1
    assert (
        capsys.readouterr()
        .out.splitlines()[-1]
        .startswith("The gradients are wrong, first from L at ∂L/∂E: ")
    )


def test_the_main_job_ends_with_the_verdict_and_its_exit_status(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--epochs", "2", "--out", str(tmp_path)]
    assert main(arguments) == 0
    assert "All 1358 gradients are right: " in capsys.readouterr().out
    break_rule(monkeypatch, "relu", times(2.0, 0))
    assert main(arguments) == 1
    assert "The gradients are wrong, first from L at ∂L/∂B: " in capsys.readouterr().out


def test_weights_table_and_number_of_passengers_are_the_users(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network = Network.random(9, Scaling.of(embedded().X))
    network.save(tmp_path / "weights.json")
    assert main(["check", "--weights", str(tmp_path / "weights.json"), "--passengers", "3"]) == 0
    first = embedded().first(3)
    verdict = check(network, first.X, first.y)
    out = capsys.readouterr().out
    assert verdict.summary in out
    assert gradients_in(out)["n"][0] == f"{verdict.letters['n'][0].engine:.6g}"


def test_entries_at_a_kink_are_marked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Network([[0.0] * 4] * 4, [[1.0]] * 5).save(tmp_path / "weights.json")
    assert main(["check", "--weights", str(tmp_path / "weights.json"), "--passengers", "2"]) == 0
    out = capsys.readouterr().out
    assert gradients_in(out)["W1[1,1]"] == ["0", "0", "kink", "0"]
    assert "cannot tell: B[1,1], B[1,2], B[1,3], B[1,4], B[2,1] and" in out


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


def test_without_pytorch_the_others_are_heard_and_the_summary_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    assert main(["check"]) == 0
    lines = capsys.readouterr().out.splitlines()
    agree = "closed form and central differences agree; PyTorch is not installed"
    assert lines[-1] == f"All 1358 gradients are right: {agree}"
    assert gradients_in("\n".join(lines))["L"] == ["1", "1", "1"]


def test_a_loss_that_is_not_finite_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for weight in (1e200, 1e308):
        Network([[weight] * 4] * 4, [[weight]] * 5).save(tmp_path / "weights.json")
        assert main(["check", "--weights", str(tmp_path / "weights.json")]) == 1
        assert capsys.readouterr().err.count("\n") == 1
