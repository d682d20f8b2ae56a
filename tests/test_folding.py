"""What is drawn: each node and each use of an operand is somewhere, alone or with others of its name."""

from collections import Counter

from graphs import random_graphs
from hypothesis import given, settings

from microgrid import Value, topological_order
from microgrid.folding import Box, folded, unfolded
from microgrid.names import node_names, suggest, text


def shown(boxes: list[Box]) -> list[str]:
    """What each box says of its nodes."""
    return [f"{box.name} {text(box.made)}".strip() for box in boxes]


def test_a_constant_is_its_number_in_the_formula_or_a_box() -> None:
    x = Value(2.0, label="x")
    y = 3 * x - 1
    assert shown(unfolded(node_names(y))) == ["x", "v1 = 3 · x", "v2 = v1 - 1"]
    assert [(arrow.number, arrow.uses) for arrow in unfolded(node_names(y))[1].arrows] == [
        (1, [(y.operands[0], 1)])
    ]
    assert shown(unfolded(node_names(y), constants=True)) == ["3", "x", "v1 = 3 · x", "1", "v2 = v1 - 1"]


def test_a_constant_that_several_boxes_use_is_its_number_in_each() -> None:
    x = Value(2.0, label="x")
    a = 3 * x
    three = a.operands[0]
    b = three - a
    a.label, b.label = "a", "b"
    assert shown(folded(node_names(b))) == ["x", "a = 3 · x", "b = 3 - a"]
    assert shown(folded(node_names(b), constants=True)) == ["3", "x", "a = 3 · x", "b = 3 - a"]


def test_nodes_without_labels_fold_by_their_other_names() -> None:
    w = [Value(1.0), Value(2.0)]
    for i, value in enumerate(w):
        suggest(value, f"w[{i}]")
    assert shown(folded(node_names(Value.sum(w)))) == ["w 2", "v1 = sum(w)"]


def test_indices_with_gaps_give_a_count_of_values_not_a_shape() -> None:
    values = [Value(1.0, label=label) for label in ("x[1,1]", "x[2,2]", "x[1,2]")]
    assert text(folded(node_names(Value.sum(values)))[0].made) == "3 values"


def test_an_unlabelled_node_that_feeds_several_boxes_has_a_box_of_its_own() -> None:
    x = Value(2.0, label="x")
    shared, own = x.tanh(), x * 3
    a, b = shared + own, shared.relu()
    a.label, b.label = "a", "b"
    total = a * b
    total.label = "total"
    boxes = folded(node_names(total))
    assert [box.name for box in boxes] == ["x", "v1", "a", "b", "total"]
    assert boxes[2].absorbed == [own.operands[1], own]  # the constant 3 too


def test_a_graph_without_labels_folds_to_itself() -> None:
    root = (Value(1.0) + Value(2.0)) * Value(3.0)
    assert [box.nodes for box in folded(node_names(root))] == [[node] for node in topological_order(root)]


@given(root=random_graphs())
@settings(max_examples=60)
def test_folding_keeps_every_node_once_and_every_use_between_boxes(root: Value) -> None:
    boxes = folded(node_names(root))
    order = topological_order(root)
    box_of = {node: box for box in boxes for node in (*box.nodes, *box.absorbed)}
    assert len(order) == sum(len(box.nodes) + len(box.absorbed) for box in boxes) == len(box_of)
    uses = [(node, p) for box in boxes for arrow in box.arrows for node, p in arrow.uses]
    absorbed = {node for box in boxes for node in box.absorbed}
    expected = [(node, p) for node in order for p, o in enumerate(node.operands) if o not in absorbed]
    assert Counter(uses) == Counter(expected)
    for box in boxes:
        for arrow in box.arrows:
            assert all(box_of[node] is box for node, _ in arrow.uses)
            assert all(box_of[node.operands[p]] is arrow.operand for node, p in arrow.uses)
    for node in absorbed:
        assert not node.label
        users = [user for user in order if node in user.operands]
        assert all(box_of[user] is box_of[node] for user in users)


def test_the_formula_of_a_folded_box_has_the_brackets_that_it_needs() -> None:
    a, b, c = (Value(2.0, label=label) for label in "abc")
    written = {
        "a · (b + c)": a * (b + c),
        "a · b + c": a * b + c,
        "a - (b - c)": a - (b - c),
        "a - b - c": a - b - c,
        "(a + b) ** 2": (a + b) ** 2,
        "-(a + b)": -(a + b),
        "relu(a + b)": (a + b).relu(),
        "a / (b · c)": a / (b * c),
        "(a ** b) ** c": (a**b) ** c,
        "(a ** 2) ** 3": (a**2) ** 3,
        "(-1) ** 2": Value(-1.0) ** 2,
        "sum(a · b, c)": Value.sum([a * b, a * b, c]),
        "a + b + c": Value.sum([a, b, c]),
        "|a - b|": abs(a - b),
    }
    for formula, node in written.items():
        node.label = "result"
        assert text(folded(node_names(node))[-1].made) == f"= {formula}"


def test_a_box_whose_nodes_were_made_in_different_ways_shows_two_of_them() -> None:
    x = Value(0.5, label="x")
    nodes = [x.relu(), x.tanh(), x.exp()]
    for i, node in enumerate(nodes):
        node.label = f"y[{i}]"
    assert text(folded(node_names(Value.sum(nodes)))[1].made) == "3 = relu(x), tanh(x), …"
