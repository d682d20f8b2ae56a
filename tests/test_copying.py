"""Graphs of any depth are copied and pickled, and what they share stays shared."""

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from graphs import diamond, random_graphs
from hypothesis import given

from microgrid import Value, topological_order
from microgrid.nn import MLP

COPIES: dict[str, Callable[[Any], Any]] = {
    "deepcopy": copy.deepcopy,
    "pickle, protocol 2": lambda thing: pickle.loads(pickle.dumps(thing, 2)),
    "pickle, protocol 5": lambda thing: pickle.loads(pickle.dumps(thing, 5)),
    "pickle in Python": lambda thing: pickle._loads(pickle._dumps(thing)),  # type: ignore[attr-defined]
}


def told(root: Value) -> list[object]:
    """Everything about the nodes under root, operands by their places."""
    order = topological_order(root)
    place = {node: number for number, node in enumerate(order)}
    return [
        (node.data.hex(), node.grad.hex(), node.label, node.op, [place[operand] for operand in node.operands],
         [local_grad.hex() for local_grad in node.local_grads])
        for node in order
    ]  # fmt: skip


@pytest.mark.parametrize("duplicate", COPIES.values(), ids=COPIES)
def test_what_is_copied_together_shares_what_it_shared(duplicate: Callable[[Any], Any]) -> None:
    _, w, y = diamond()
    y.backward()
    loss, same_w, again = duplicate([y, w, y])
    assert loss is again and loss.operands[1] is loss.operands[0].operands[0]
    assert loss.operands[0].operands[1] is same_w and same_w is not w
    assert told(loss) == told(y)
    loss.backward()
    assert (same_w.grad, w.grad) == (6.0, 3.0)


@pytest.mark.parametrize("duplicate", COPIES.values(), ids=COPIES)
def test_a_chain_of_a_hundred_thousand_nodes_is_copied(duplicate: Callable[[Any], Any]) -> None:
    w = y = Value(1.0, label="w")
    for _ in range(100_000 if duplicate is not COPIES["pickle in Python"] else 5_000):
        y = y * w
    copied, copied_w = duplicate((y, w))
    assert told(copied) == told(y)
    assert copied_w in copied.operands


@given(random_graphs())
def test_a_copy_of_any_graph_is_the_same_graph_of_other_nodes(root: Value) -> None:
    for duplicate in (copy.deepcopy, COPIES["pickle, protocol 5"]):
        copied = duplicate(root)
        assert told(copied) == told(root)
        assert not set(topological_order(copied)) & set(topological_order(root))


def test_two_graphs_and_an_error_between_them_do_not_disturb_each_other() -> None:
    x, _, y = diamond()
    with pytest.raises((TypeError, AttributeError, pickle.PicklingError)):
        pickle.dumps([y, lambda: None])
    assert told(pickle.loads(pickle.dumps({"y": y, "x": x}))["y"]) == told(y)


def test_a_model_is_copied_with_its_parameters() -> None:
    model = MLP(2, [3, 1])
    twin = copy.deepcopy(model)
    assert [p.data for p in twin.parameters()] == [p.data for p in model.parameters()]
    twin.parameters()[0].data += 1.0
    assert twin.parameters()[0].data != model.parameters()[0].data
    assert copy.copy(model.parameters()[0]).data == model.parameters()[0].data
