"""The Steps are those of `backward`, say themselves in one notation, and change nothing."""

import math
from collections import Counter

import pytest
from graphs import diamond, random_graphs
from hypothesis import given

from microgrid import Value, backward_steps, topological_order
from microgrid.names import text
from microgrid.steps import grads_after


def test_the_steps_sum_what_backward_sums_and_change_no_grad() -> None:
    x, w, y = diamond()
    x.grad, w.grad, y.grad = 7.0, 8.0, 9.0
    steps = list(backward_steps(y))
    assert (x.grad, w.grad, y.grad) == (7.0, 8.0, 9.0)
    assert [(step.before, step.contribution, step.after) for step in steps if step.operand is x] == [
        (0.0, 1.0, 1.0),
        (1.0, -2.0, -1.0),
    ]


def test_a_step_reads_in_names_and_in_numbers() -> None:
    _, _, y = diamond()
    assert [str(step) for step in backward_steps(y)] == [
        "v1.grad += y.grad · ∂y/∂v1 = 1 · 1 = 1; v1.grad = 1",
        "x.grad += y.grad · ∂y/∂x = 1 · 1 = 1; x.grad = 1",
        "x.grad += v1.grad · ∂v1/∂x = 1 · (-2) = -2; x.grad = 1 + (-2) = -1",
        "w.grad += v1.grad · ∂v1/∂w = 1 · 3 = 3; w.grad = 3",
    ]


def test_the_parts_of_a_step_keep_their_roles_whatever_the_names() -> None:
    x, y = Value(-2.0, label=" += "), Value(0.0)
    y = x * x.sin()
    y.label = " · "
    step = next(backward_steps(y))
    assert [part for part in step.in_names() if part.role] == [
        (" += .grad", "operand"),
        (" · .grad", "node"),
        ("∂ · /∂ += ", "local_grad"),
    ]
    assert [part.role for part in step.in_numbers() if part.role] == [
        "node",
        "local_grad",
        "operand",
        "operand",
    ]
    assert str(step) == f"{text(step.in_names())} = {text(step.in_numbers())}"


def test_steps_that_read_alike_are_not_equal() -> None:
    _, _, y = diamond()
    assert len({*backward_steps(y), *backward_steps(y)}) == 8


def test_a_leaf_alone_has_no_steps() -> None:
    assert list(backward_steps(Value(1.0))) == []


def test_an_operand_used_twice_by_a_node_gets_a_step_for_each_use_and_they_are_numbered() -> None:
    x = Value(3.0, label="x")
    y = x * x
    y.label = "y"
    assert [(step.position, str(step)) for step in backward_steps(y)] == [
        (0, "x.grad += y.grad · ∂y/∂x₁ = 1 · 3 = 3; x.grad = 3"),
        (1, "x.grad += y.grad · ∂y/∂x₂ = 1 · 3 = 3; x.grad = 3 + 3 = 6"),
    ]
    w = Value(1.0, label="w")
    *_, last = backward_steps(Value.sum([x, w] * 11))
    assert (last.operand, last.subscript()) == (w, "₁₁")


def test_steps_to_constants_are_left_out_and_constants_are_part_of_the_expression() -> None:
    x = Value(3.0, label="x")
    y = 3 * x + 1
    y.label = "y"
    assert [str(step) for step in backward_steps(y)] == [
        "v1.grad += y.grad · ∂y/∂v1 = 1 · 1 = 1; v1.grad = 1",
        "x.grad += v1.grad · ∂v1/∂x = 1 · 3 = 3; x.grad = 3",
    ]
    assert [step.sentence().split(" grows")[0] for step in backward_steps(y)] == ["y = v1 + 1", "v1 = 3 · x"]


def test_a_step_reads_as_an_english_sentence() -> None:
    _, _, y = diamond()
    assert [step.sentence() for step in backward_steps(y)] == [
        "y = v1 + x grows as fast as v1, so v1 receives the gradient of y, 1: its only contribution.",
        "y = v1 + x grows as fast as x with v1 held still, so x receives the gradient of y, 1: "
        "the 1st of its 2 contributions.",
        "v1 = x · w falls 2 times as fast as x grows, so x receives the gradient of v1 times -2, "
        "1 · (-2) = -2: the 2nd of its 2 contributions, which brings x.grad to 1 + (-2) = -1.",
        "v1 = x · w grows 3 times as fast as w, so w receives the gradient of v1 times 3, 1 · 3 = 3: "
        "its only contribution.",
    ]


def test_a_sentence_says_what_is_held_still_where_the_node_depends_on_the_operand_in_another_way() -> None:
    x, w = Value(3.0, label="x"), Value(-2.0, label="w")
    said = {
        "v1 = x · x grows 3 times as fast as x₁ with x₂ held still,": x * x,
        "v2 = x - v1 grows as fast as x with v1 held still,": x - x.exp(),
        "v2 = x + w + v1 grows as fast as x with its other operands held still,": Value.sum([x, w, x * w]),
        "v1 = x · w falls 2 times as fast as x grows, so": x * w,
    }
    for beginning, root in said.items():
        assert any(step.sentence().startswith(beginning) for step in backward_steps(root)), beginning


@pytest.mark.parametrize(
    ("root", "rate", "share"),
    [
        (Value(-3.0, "x").relu(), "does not change with x here", "nothing, 1 · 0 = 0"),
        (Value(0.0, "x").relu(), "has a corner at 0, where its derivative by x is taken to be 0", "nothing"),
        (abs(Value(0.0, "x")), "has a corner at 0, where its derivative by x is taken to be 0", "nothing"),
        (-Value(0.0, "x"), "falls as fast as x grows", "the gradient of v1 times -1, 1 · (-1) = -1"),
        (Value(4.0, "x").sqrt(), "grows 0.25 times as fast as x", "the gradient of v1 times 0.25"),
        (Value(0.0, "x").sqrt(), "grows infinitely fast as x grows", "the gradient of v1 times inf"),
        (Value(-2.0) ** Value(2.0, "x"), "has no derivative by x here", "the gradient of v2 times nan"),
    ],
)
def test_the_sentence_says_how_the_node_changes_with_the_operand(root: Value, rate: str, share: str) -> None:
    *_, step = backward_steps(root)
    assert f" {rate}, so x receives {share}" in step.sentence()


def test_a_relu_blocks_even_inf_but_a_product_with_0_may_give_nan() -> None:
    x, infinite = Value(-3.0, label="x"), Value(math.inf)
    *_, step = backward_steps(x.relu() * infinite)
    assert "does not change with x here, so x receives nothing, inf · 0 = 0:" in step.sentence()
    *_, step = backward_steps((x * 0.0) * infinite)
    assert "does not change with x here, so x receives the gradient of v1 times 0, inf · 0 = nan:" in (
        step.sentence()
    )


# For all graphs


@given(random_graphs())
def test_the_sums_of_the_steps_are_the_grads_of_backward_bit_for_bit(root: Value) -> None:
    after = grads_after(root, backward_steps(root))
    assert all(node.grad == 0.0 for node in topological_order(root))
    root.backward()
    grads = {node: node.grad for node in topological_order(root) if node.op != "constant" or node is root}
    assert {node: grad.hex() for node, grad in after.items()} == {
        node: grad.hex() for node, grad in grads.items()
    }


@given(random_graphs())
def test_the_contributions_of_an_operand_are_counted_and_follow_one_another(root: Value) -> None:
    steps = list(backward_steps(root))
    uses = Counter(
        operand for node in topological_order(root) for operand in node.operands if operand.op != "constant"
    )
    received: dict[Value, float] = dict.fromkeys(uses, 0.0)
    counted: Counter[Value] = Counter()
    for step in steps:
        counted[step.operand] += 1
        assert (step.nth, step.uses) == (counted[step.operand], uses[step.operand])
        assert step.before.hex() == received[step.operand].hex()
        assert step.contribution.hex() == (step.node_grad * step.local_grad).hex()
        assert step.after.hex() == (step.before + step.contribution).hex()
        assert step.node.operands[step.position] is step.operand
        received[step.operand] = step.after
    assert counted == uses


@given(random_graphs())
def test_a_node_gives_only_once_its_gradient_is_complete(root: Value) -> None:
    steps = list(backward_steps(root))
    root.backward()
    for step in steps:
        assert step.node_grad.hex() == step.node.grad.hex()


@given(random_graphs())
def test_every_step_reads_on_one_line(root: Value) -> None:
    for step in backward_steps(root):
        operand, node = step.names[step.operand], step.names[step.node]
        for said in (str(step), step.sentence(), step.place()):
            assert said.isprintable()
        assert step.sentence().startswith(f"{node} = ")
        assert f"so {operand} receives " in step.sentence()
        assert step.place() in step.sentence()
        assert step.sentence().endswith(".")


@pytest.mark.parametrize(
    ("nth", "ordinal"), [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (12, "12th"),
                         (13, "13th"), (21, "21st"), (102, "102nd"), (111, "111th"), (113, "113th")]
)  # fmt: skip
def test_contributions_are_counted_with_english_ordinals(nth: int, ordinal: str) -> None:
    steps = list(backward_steps(Value.sum([Value(2.0, label="w")] * 120)))
    assert steps[nth - 1].place() == f"the {ordinal} of its 120 contributions"
