"""Names are unique and the same for the same graph; numbers are short and never wrong."""

import math
import re
import weakref
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from microgrid import draw
from microgrid.arguments import one_line
from microgrid.folding import folded
from microgrid.names import called, expression, node_names, short, text
from microgrid.nn import MLP, Neuron
from microgrid.value import Value


def test_a_node_is_called_by_its_label_or_else_v1_v2() -> None:
    x = Value(2.0, label="x")
    y = x * 3 + 1
    assert list(node_names(y).values()) == ["x", "3", "v1", "1", "v2"]


def test_nodes_that_share_a_label_are_numbered() -> None:
    total = Value(1.0, label="x") + Value(2.0, label="x")
    assert list(node_names(total).values()) == ["x (1)", "x (2)", "v1"]
    total = Value.sum([Value(1.0, label="x"), Value(2.0, label="x"), Value(3.0, label="x (1)")])
    assert list(node_names(total).values()) == ["x (2)", "x (3)", "x (1)", "v1"]


def test_v1_v2_skip_the_names_that_labels_have() -> None:
    names = list(node_names(Value(1.0, label="v2") + Value(2.0) + Value(3.0)).values())
    assert names == ["v2", "v1", "v3", "v4", "v5"]


@given(st.lists(st.sampled_from(["", "a", "b", "v1", "v2", "v3"]), min_size=1, max_size=12))
def test_no_two_nodes_have_the_same_name(labels: list[str]) -> None:
    leaves = [Value(1.0, label=label) for label in labels]
    names = node_names(Value.sum(leaves))
    assert len(set(names.values())) == len(names) == len(leaves) + 1


def test_an_expression_is_written_in_the_names_of_the_operands() -> None:
    a, b = Value(2.0, label="a"), Value(3.0, label="b")
    written = {
        "a + b": a + b,
        "a - b": a - b,
        "a · b": a * b,
        "a / b": a / b,
        "a ** b": a**b,
        "-a": -a,
        "|a|": abs(a),
        "relu(a)": a.relu(),
        "sigmoid(a)": a.sigmoid(),
        "a + b + a": Value.sum([a, b, a]),
        "a + a + … + b": Value.sum([a] * 9 + [b]),
        "2": a,
        # constants are written as their numbers, with brackets where the sign would follow an operator
        "3 · a": 3 * a,
        "a - 5": a - 5,
        "a + (-5)": a + -5,
        "-5 + a": -5 + a,
        "-5 · a": -5 * a,
        "(-5) ** a": (-5) ** a,
        "a ** 2": a**2,
        "a ** (-0.5)": a**-0.5,
        "a + (-2) + b": Value.sum([a, -2, b]),
        "-(-2)": -(a + -2).operands[1],
        "|-2|": abs((a + -2).operands[1]),
    }
    for expected, node in written.items():
        assert text(expression(node, node_names(node))) == expected


def test_the_operands_are_parts_of_an_expression_whatever_their_names() -> None:
    y = 3 * Value(2.0, label=" · ")
    assert expression(y, node_names(y)) == [("3", ""), (" · ", ""), (" · ", "operand")]


@given(st.floats(allow_nan=False))
def test_a_short_number_is_within_half_of_its_last_digit_and_shows_whether_it_is_exact(number: float) -> None:
    shown = short(number)
    if math.isfinite(number):
        assert abs(Decimal(shown) - Decimal(number)) <= abs(Decimal(number)) * Decimal("5.0001e-4")
    digits = shown.split("e")[0].replace("-", "").replace(".", "").lstrip("0")
    assert float(shown) == number or len(digits) >= 4
    assert len(shown) <= 11
    if number.is_integer() and abs(number) < 1e6:
        assert "." not in shown
    elif 1e-4 <= abs(number) < 999_999.9:
        assert "." in shown and "e" not in shown


def test_numbers_at_the_edges_of_the_plain_notation() -> None:
    numbers = {
        "2340.3": 2340.3,
        "0.3000": 0.1 + 0.2,
        "1.000": 0.99999,
        "0.0001": 0.0001,
        "9.999e-05": 0.00009999,
        "0.0001234": 0.00012345,
        "1000.0": 999.99,
        "1000.1": 1000.1,
        "99.99": 99.99,
        "100.0": 99.999,
        "999999.9": 999_999.9,
        "1.000e+06": 999_999.96,
        "999999": 999_999.0,
        "1e+06": 1e6,
        "1.234e+06": 1_234_000.1,
        "0": -0.0,
        "1.062": 1.0625,
    }
    assert [short(number) for number in numbers.values()] == [*numbers]


def test_nan_is_shown_as_nan() -> None:
    assert short(math.nan) == "nan"


def test_control_characters_are_escaped_and_other_letters_are_not() -> None:
    assert one_line("a\nb\x1b é 船") == "a\\nb\\x1b é 船"


def test_the_joiners_inside_an_emoji_stay_and_what_could_hide_something_is_escaped() -> None:
    for emoji in ("👩\u200d👩\u200d👧", "🏳\ufe0f\u200d🌈", "👩🏽\u200d🚀", "🙂\u200d↔\ufe0f", "🐦\u200d⬛"):
        assert one_line(f"a\n{emoji}") == f"a\\n{emoji}"
    for other in ("x\u200dy", "\u200d", "🚀\u200d", "🚀\u200d\u200d🚀", "🚀\u202e\u200d🚀", "∂\u200d∂"):
        assert one_line(other) == other.replace("\u200d", "\\u200d").replace("\u202e", "\\u202e")


def test_the_values_of_nn_have_names_weaker_than_a_label_and_unique_for_each_model() -> None:
    first, second = MLP(2, [3, 1]), MLP(2, [3, 1])
    first.layers[0].neurons[0].w[1].label = "mine"
    activation = Value.sum([first([0.5, -1.0]), second([0.5, -1.0])])  # type: ignore[list-item]
    names = list(node_names(activation).values())
    model = names[1].partition(".")[0]
    assert {"mine", f"{model}.layer1.w[1,1]", f"{model}.layer2.b[1]", f"{model}.layer1.h[3]"} <= {*names}
    assert len({name.partition(".")[0] for name in names if name.startswith("mlp")}) == 2
    assert {*called(Neuron(2).w).values()} != {*called(Neuron(2).w).values()}


def test_a_ported_mlp_folds_into_a_box_for_each_layers_weights_biases_and_activations() -> None:
    model = MLP(2, [16, 16, 1])
    loss: Value = (model([0.5, -1.0]) - 1) ** 2  # type: ignore[operator, assignment]
    assert len(node_names(loss)) > 1000
    drawn = [(re.sub(r"^mlp\d+", "mlp", box.name), len(box.nodes)) for box in folded(node_names(loss))]
    assert sorted(drawn[:-2]) == [
        *[("mlp.layer1.b", 16), ("mlp.layer1.h", 16), ("mlp.layer1.w", 32)],
        *[("mlp.layer2.b", 16), ("mlp.layer2.h", 16), ("mlp.layer2.w", 256)],
        *[("mlp.layer3.b", 1), ("mlp.layer3.h", 1), ("mlp.layer3.w", 16)],
    ]
    draw(loss, fold=True)


def test_a_suggested_name_keeps_nothing_alive() -> None:
    neuron = Neuron(3)
    weight = weakref.ref(neuron.w[0])
    del neuron
    assert weight() is None
