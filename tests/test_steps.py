"""The steps perform the same backward pass as `backward`, and undo it when they are not wanted to the end."""

import pytest

from microgrid import Value, backward_steps


def diamond() -> tuple[Value, Value, Value]:
    x = Value(3.0, label="x")
    w = Value(-2.0, label="w")
    y = x * w + x
    y.label = "y"
    return x, w, y


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
