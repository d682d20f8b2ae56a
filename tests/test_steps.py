"""The steps perform the same backward pass as `backward`, and undo it when they are not wanted to the end."""

import math
from collections import Counter
from itertools import islice

import pytest
from graphs import diamond, random_graphs
from hypothesis import given
from hypothesis import strategies as st

from microgrid import Value, backward_steps, topological_order


def test_consumed_to_the_end_the_steps_leave_what_backward_leaves() -> None:
    x, w, y = diamond()
    steps = list(backward_steps(y))
    assert (x.grad, w.grad, y.grad) == (-1.0, 3.0, 1.0)
    assert [(step.before, step.contribution, step.after) for step in steps if step.operand is x] == [
        (0.0, 1.0, 1.0),
        (1.0, -2.0, -1.0),
    ]


def test_nothing_happens_before_the_first_step_and_each_step_is_done_when_it_is_handed_over() -> None:
    x, w, y = diamond()
    x.grad = 7.0
    steps = backward_steps(y)
    assert x.grad == 7.0
    step = next(steps)
    assert (x.grad, w.grad, y.grad) == (0.0, 0.0, 1.0)
    assert step.operand.grad == step.after == 1.0


def test_closed_before_the_end_the_steps_put_back_every_grad() -> None:
    x, w, y = diamond()
    x.grad, w.grad, y.grad = 7.0, 8.0, 9.0
    steps = backward_steps(y)
    next(steps)
    del steps
    assert (x.grad, w.grad, y.grad) == (7.0, 8.0, 9.0)


def test_a_step_says_itself_in_names_and_in_numbers() -> None:
    _, _, y = diamond()
    assert [str(step) for step in backward_steps(y)] == [
        "∂y/∂v1 += ∂y/∂y · ∂y/∂v1 = 1 · 1 → 1",
        "∂y/∂x += ∂y/∂y · ∂y/∂x = 1 · 1 → 1",
        "∂y/∂x += ∂y/∂v1 · ∂v1/∂x = 1 · -2 → 1 + -2 = -1",
        "∂y/∂w += ∂y/∂v1 · ∂v1/∂w = 1 · 3 → 3",
    ]


def test_a_leaf_alone_has_no_steps() -> None:
    x = Value(1.0)
    assert list(backward_steps(x)) == []
    assert x.grad == 1.0


def test_an_operand_used_twice_by_a_node_gets_a_step_for_each_use() -> None:
    x = Value(3.0, label="x")
    assert [step.position for step in backward_steps(x * x)] == [0, 1]
    assert x.grad == pytest.approx(6.0)


def test_a_step_says_itself_in_an_english_sentence() -> None:
    _, _, y = diamond()
    assert [step.sentence() for step in backward_steps(y)] == [
        "y = v1 + x grows as fast as v1, so v1 collects the gradient of y: 1, its only contribution.",
        "y = v1 + x grows as fast as x, so x collects the gradient of y: 1, the 1st of 2 contributions.",
        "v1 = x · w falls 2 times as fast as x grows, so x collects -2 times the gradient of v1: -2 · 1 = -2"
        ", the 2nd of 2 contributions: 1 + -2 = -1.",
        "v1 = x · w grows 3 times as fast as w, so w collects 3 times the gradient of v1: 3 · 1 = 3, "
        "its only contribution.",
    ]


def test_the_sentence_of_a_repeated_operand_says_which_of_its_uses_is_meant() -> None:
    x = Value(3.0, label="x")
    assert [step.sentence() for step in backward_steps(x * x)] == [
        "v1 = x · x grows 3 times as fast as its 1st x alone, so x collects 3 times the gradient of v1: "
        "3 · 1 = 3, the 1st of 2 contributions.",
        "v1 = x · x grows 3 times as fast as its 2nd x alone, so x collects 3 times the gradient of v1: "
        "3 · 1 = 3, the 2nd of 2 contributions: 3 + 3 = 6.",
    ]


@pytest.mark.parametrize(
    ("root", "rate", "share"),
    [
        (Value(-3.0, "x").relu(), "does not change with x here", "nothing: 0 · 1 = 0"),
        (Value(0.0, "x").relu(), "has a corner at 0, where its derivative by x is taken to be 0", "nothing"),
        (abs(Value(0.0, "x")), "has a corner at 0, where its derivative by x is taken to be 0", "nothing"),
        (-Value(0.0, "x"), "falls as fast as x grows", "-1 times the gradient of v1: -1 · 1 = -1"),
        (Value(4.0, "x").sqrt(), "grows 0.25 times as fast as x", "0.25 times the gradient of v1"),
        (Value(0.0, "x").sqrt(), "grows infinitely fast as x grows", "inf times the gradient of v1"),
        (Value(-2.0) ** Value(2.0, "x"), "has no derivative by x here", "nan times the gradient of v2"),
    ],
)
def test_the_sentence_tells_how_the_node_changes_with_the_operand(root: Value, rate: str, share: str) -> None:
    *_, step = backward_steps(root)
    assert f" {rate}, so x collects {share}" in step.sentence()


def test_what_a_relu_holds_back_is_nothing_and_what_a_product_with_0_holds_back_may_be_nan() -> None:
    x, infinite = Value(-3.0, label="x"), Value(math.inf)
    *_, step = backward_steps(x.relu() * infinite)
    assert "does not change with x here, so x collects nothing: 0 · inf = 0," in step.sentence()
    *_, step, _ = backward_steps((x * 0.0) * infinite)
    assert "does not change with x here, so x collects 0 times the gradient of v2: 0 · inf = nan," in (
        step.sentence()
    )


def test_a_step_keeps_its_words_and_numbers_when_the_grads_change_later() -> None:
    _, _, y = diamond()
    steps = list(backward_steps(y))
    said = [(str(step), step.sentence()) for step in steps]
    y.backward()
    assert [(str(step), step.sentence()) for step in steps] == said


# For all graphs


def bits(root: Value) -> list[str]:
    """Every grad under root, exactly; nan equals nan."""
    return [node.grad.hex() for node in topological_order(root)]


@given(random_graphs())
def test_consumed_to_the_end_the_steps_leave_what_backward_leaves_bit_for_bit(root: Value) -> None:
    for node in topological_order(root):
        node.grad = 0.5
    list(backward_steps(root))
    stepped = bits(root)
    for node in topological_order(root):
        node.grad = 0.0
    root.backward()
    assert bits(root) == stepped


@given(root=random_graphs(), count=st.integers(0, 200))
def test_closed_anywhere_before_the_end_the_steps_put_back_what_was_there(root: Value, count: int) -> None:
    order = topological_order(root)
    for number, node in enumerate(order):
        node.grad = number / 7
    found = bits(root)
    steps = backward_steps(root)
    list(islice(steps, min(count, sum(len(node.operands) for node in order))))
    steps.close()
    assert bits(root) == found


@given(random_graphs())
def test_the_contributions_of_an_operand_are_counted_and_follow_one_another(root: Value) -> None:
    steps = list(backward_steps(root))
    uses = Counter(operand for node in topological_order(root) for operand in node.operands)
    collected: dict[Value, float] = dict.fromkeys(uses, 0.0)
    counted: Counter[Value] = Counter()
    for step in steps:
        counted[step.operand] += 1
        assert (step.nth, step.uses) == (counted[step.operand], uses[step.operand])
        assert step.before.hex() == collected[step.operand].hex()
        assert step.contribution.hex() == (step.local_grad * step.node_grad).hex()
        assert step.after.hex() == (step.before + step.contribution).hex()
        assert step.node.operands[step.position] is step.operand
        collected[step.operand] = step.after
    assert counted == uses


@given(random_graphs())
def test_a_node_hands_on_its_gradient_only_once_it_is_complete(root: Value) -> None:
    for step in list(backward_steps(root)):
        assert step.node_grad.hex() == step.node.grad.hex()


@given(random_graphs())
def test_every_step_says_itself_on_one_line(root: Value) -> None:
    for step in backward_steps(root):
        operand, node = step.names[step.operand], step.names[step.node]
        for text in (str(step), step.sentence(), step.place()):
            assert text.isprintable()
        assert step.sentence().startswith(f"{node} = ")
        assert f"so {operand} collects " in step.sentence()
        assert step.place() in step.sentence()
        assert step.sentence().endswith(".")


@pytest.mark.parametrize(
    ("nth", "ordinal"), [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (12, "12th"),
                         (13, "13th"), (21, "21st"), (102, "102nd"), (111, "111th"), (113, "113th")]
)  # fmt: skip
def test_places_are_counted_in_english(nth: int, ordinal: str) -> None:
    steps = list(backward_steps(Value.sum([Value(2.0, label="w")] * 120)))
    assert steps[nth - 1].place() == f"the {ordinal} of 120 contributions"
