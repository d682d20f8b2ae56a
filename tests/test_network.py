"""The network is the sheet's: NumPy's numbers, the sheet's letters on the nodes, files exact to the bit."""

import dataclasses
import json
import math
import os
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from damage import damaged
from equations import equations, grads, numbers, signed_network, weights_of
from hypothesis import example, given
from hypothesis import strategies as st

from microgrid import Value, topological_order
from titanic.network import Forward, Network, WeightsError
from titanic.passengers import Scaling, embedded

X = [[22.0, 3.0, 0.0], [38.0, 1.0, 1.0], [26.0, 3.0, 1.0]]
Y = [7.25, 71.25, 8.0]


# The forward pass


@pytest.mark.parametrize("seed", range(5))
def test_forward_and_backward_give_the_numbers_of_the_equations(seed: int) -> None:
    network = signed_network(seed, Scaling.of(X))
    forward = network.forward(X, Y)
    forward.backward()
    standardised = (np.array(X) - np.mean(X, axis=0)) / np.std(X, axis=0)
    letters, gradients = equations(standardised, Y, numbers(network.W1), numbers(network.W2))
    assert (letters["B"] > 0).any() and (letters["B"] < 0).any()
    for letter, expected in letters.items():
        np.testing.assert_allclose(numbers(forward.rows(letter)), expected, rtol=1e-12, err_msg=letter)
    for letter, expected in gradients.items():
        found = grads(forward.rows(letter))
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12, err_msg=letter)
    assert forward.n.data == 3
    network.zero_grad()
    assert [weight.grad for weight in network.parameters()] == [0.0] * 21


def test_a_second_backward_starts_from_zero() -> None:
    network = signed_network(0, Scaling.of(X))
    leaves, prices = network.inputs(X, Y)
    for _ in range(2):
        forward = network.forward(leaves, prices)
        for _ in range(2):
            forward.backward()
            _, gradients = equations(numbers(leaves), Y, numbers(network.W1), numbers(network.W2))
            for letter in ("W1", "W2", "X", "y", "b1", "b2", "n"):
                np.testing.assert_allclose(
                    grads(forward.rows(letter)), gradients[letter], rtol=1e-12, atol=1e-12
                )


def label_of(letter: str, *indices: int) -> str:
    return f"{letter}[{','.join(str(index + 1) for index in indices)}]" if indices else letter


def test_labels_count_from_1_and_lists_from_0() -> None:
    forward = Network.random(0).forward(X, Y)
    for letter in ("X", "W1", "B", "C", "W2"):
        for i, row in enumerate(getattr(forward, letter)):
            assert [node.label for node in row] == [label_of(letter, i, j) for j in range(len(row))]
    for letter in ("b1", "b2", "E", "y", "F", "G"):
        column = getattr(forward, letter)
        assert [node.label for node in column] == [label_of(letter, k) for k in range(3)]
    assert [getattr(forward, letter).label for letter in "HnL"] == ["H", "n", "L"]


def test_concat_makes_no_node_so_the_rows_of_a_and_d_are_nodes_of_the_steps_before() -> None:
    forward = Network.random(0).forward(X, Y)
    assert [[*row, b] for row, b in zip(forward.X, forward.b1)] == forward.A
    assert [[*row, b] for row, b in zip(forward.C, forward.b2)] == forward.D
    assert not set(forward.b1) & set(forward.b2)


def test_the_graph_has_the_nodes_of_the_equations_and_only_the_products_have_no_label() -> None:
    forward = Network.random(0).forward(X, Y)
    nodes = topological_order(forward.L)
    unlabelled = [node for node in nodes if not node.label and node.op != "constant"]
    assert {node.op for node in unlabelled} == {"*"}
    assert len(unlabelled) == 3 * (4 * 4 + 5)
    labels = [node.label for node in nodes if node.label]
    assert len(labels) == len(set(labels)) == 21 + 3 * (3 + 1 + 4 + 4 + 1 + 1 + 1 + 1 + 1) + 3
    operations = [
        forward.B[0][0],
        forward.C[0][0],
        forward.E[0],
        forward.F[0],
        forward.G[0],
        forward.H,
        forward.L,
    ]
    assert [node.op for node in operations] == ["sum", "relu", "sum", "-", "**n", "sum", "/"]


def test_the_fields_of_forward_are_the_letters_of_the_sheet() -> None:
    letters = "X b1 W1 A B C b2 D W2 E y F G H n L"
    assert [field.name for field in dataclasses.fields(Forward)] == letters.split()
    assert repr(Network.random(0).forward(X, Y)).startswith("Forward(n=3, L=")


def test_inputs_made_once_serve_several_forward_passes() -> None:
    network = Network.random(3, Scaling.of(X))
    leaves, prices = network.inputs(X, Y)
    first, second = network.forward(leaves, prices), network.forward(leaves, prices)
    assert first.X[2][1] is second.X[2][1] is leaves[2][1]
    assert first.y[2] is second.y[2] is prices[2]
    assert first.L.data == second.L.data == network.forward(X, Y).L.data


@pytest.mark.parametrize(
    ("features", "prices", "message"),
    [
        (X, Y[:2], "X has 3 passengers and y has 2 prices; give as many of each"),
        ([[22.0, 3.0]], [7.25], "passenger 1 of X is not three features; give age, class and survived"),
        ([[Value(1.0)] * 4], [7.25], "passenger 1 of X is not three features; give age, class and survived"),
    ],
)
def test_shapes_that_do_not_fit_are_one_clear_line(
    features: list[list[float]], prices: list[float], message: str
) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Network.random(0).forward(features, prices)


def test_the_loss_of_no_passengers_does_not_exist() -> None:
    with pytest.raises(ZeroDivisionError, match=re.escape("H / n at H = 0.0, n = 0.0: division by zero")):
        Network.random(0).forward([], [])


def test_an_error_in_the_forward_pass_names_the_node() -> None:
    with pytest.raises(OverflowError, match=re.escape("F[2] =")):
        Network.random(0).forward(X, [7.25, 1e200, 8.0])


# The weights


def test_random_weights_come_from_the_seed_and_lie_from_0_to_1() -> None:
    weights = [weights_of(Network.random(seed)) for seed in (0, 0, 1)]
    assert weights[0] == weights[1] != weights[2]
    assert all(0 <= weight <= 1 for weight in weights[0])
    many = [weight.data for seed in range(200) for weight in Network.random(seed).parameters()]
    tenths = Counter(int(10 * weight) for weight in many)
    assert all(tenths[i] > 350 for i in range(10))  # 420 expected in each


def test_predict_gives_the_prices_of_forward_from_features_in_natural_units() -> None:
    passengers = embedded()
    network = Network.random(1, Scaling.of(passengers.X))
    forward = network.forward(passengers.X, passengers.y)
    assert network.predict(passengers.X) == [e.data for e in forward.E]
    assert network.predict([]) == []


finite = st.floats(allow_nan=False, allow_infinity=False)


@given(
    st.lists(st.lists(finite, min_size=4, max_size=4), min_size=4, max_size=4),
    st.lists(st.lists(finite, min_size=1, max_size=1), min_size=5, max_size=5),
    st.tuples(finite, finite, finite),
    st.tuples(*[finite.map(abs).filter(bool)] * 3),
)
def test_weights_and_scaling_come_back_from_the_file_bit_for_bit(
    tmp_path_factory: pytest.TempPathFactory,
    W1: list[list[float]],
    W2: list[list[float]],
    means: tuple[float, float, float],
    deviations: tuple[float, float, float],
) -> None:
    path = tmp_path_factory.getbasetemp() / "weights.json"
    saved = Network(W1, W2, Scaling(means, deviations))
    saved.save(path)
    loaded = Network.load(path)
    assert [w.data.hex() for w in loaded.parameters()] == [w.data.hex() for w in saved.parameters()]
    assert [w.label for w in loaded.parameters()] == [w.label for w in saved.parameters()]
    assert str(loaded.scaling) == str(saved.scaling)


def test_a_loaded_network_predicts_from_natural_units_without_being_told_the_scaling(tmp_path: Path) -> None:
    network = Network.random(4, Scaling.of(X))
    network.save(tmp_path / "weights.json")
    assert Network.load(tmp_path / "weights.json").predict(X) == network.predict(X)


def test_weights_that_are_not_finite_are_not_saved_and_what_was_there_stays(tmp_path: Path) -> None:
    network = Network.random(0)
    network.save(tmp_path / "weights.json")
    before = (tmp_path / "weights.json").read_bytes()
    network.W1[2][3].data = float("inf")
    with pytest.raises(ValueError):
        network.save(tmp_path / "weights.json")
    assert [path.name for path in tmp_path.iterdir()] == ["weights.json"]
    assert (tmp_path / "weights.json").read_bytes() == before


def written(**changes: object) -> str:
    """Return what `save` writes, with some entries replaced."""
    content = {
        "W1": [[0.5] * 4] * 4,
        "W2": [[0.5]] * 5,
        "means": [30.0, 2.3, 0.4],
        "deviations": [14.5, 0.8, 0.5],
    }
    return json.dumps({**content, **changes})


def test_the_file_that_these_tests_damage_is_valid(tmp_path: Path) -> None:
    (tmp_path / "weights.json").write_text(written())
    assert Network.load(tmp_path / "weights.json").scaling == Scaling((30.0, 2.3, 0.4), (14.5, 0.8, 0.5))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "is not usable JSON"),
        ("W1 = 3", "is not usable JSON"),
        (b"\xff\xfe\x00\x9f", "is not usable JSON"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "is not usable JSON"),
        ("[" * 100_000, "is not usable JSON (nested too deeply)"),
        ("1" * 10_000, "does not hold W1, W2, means, deviations and nothing else"),
        ('{"W1": 1, "W1": 2}', "is not usable JSON ('W1' appears twice)"),
        (written()[:-1] + ', "W2": [[0.5]]}', "is not usable JSON ('W2' appears twice)"),
        (written() + " " * 1_000_000, "is not usable JSON (larger than a megabyte)"),
        ("3", "does not hold W1, W2, means, deviations and nothing else"),
        ("[]", "does not hold W1, W2, means, deviations and nothing else"),
        ("{}", "does not hold W1, W2, means, deviations and nothing else"),
        (written(b1=[1]), "does not hold W1, W2, means, deviations and nothing else"),
        (written(W1=None), "W1 is not a list of 4 rows"),
        (written(W1=[[0.5] * 4] * 3), "W1 is not a list of 4 rows"),
        (written(W1={"1": 0, "2": 0, "3": 0, "4": 0}), "W1 is not a list of 4 rows"),
        (written(W1="abcd"), "W1, row 1 is not a list of 4 finite numbers"),
        (written(W1=["abcd"] * 4), "W1, row 1 is not a list of 4 finite numbers"),
        (written(W1=[[0.5] * 4] * 3 + [[0.5] * 5]), "W1, row 4 is not a list of 4 finite numbers"),
        (written(W2=[0.5] * 5), "W2, row 1 is not a list of 1 finite number"),
        (written(W2=[[0.5], ["0.5"], [0.5], [0.5], [0.5]]), "W2, row 2 is not a list of 1 finite number"),
        (written(W2=[[True]] * 5), "W2, row 1 is not a list of 1 finite number"),
        (written(W2=[[None]] * 5), "W2, row 1 is not a list of 1 finite number"),
        (written(W2=[[[0.5]]] * 5), "W2, row 1 is not a list of 1 finite number"),
        (written(W2=[[float("nan")]] * 5), "W2, row 1 is not a list of 1 finite number"),
        (written(W2=[[float("inf")]] * 5), "W2, row 1 is not a list of 1 finite number"),
        (written(W2=[[10**400]] * 5), "W2, row 1 is not a list of 1 finite number"),
        (written().replace("30.0", "1e999"), "means is not a list of 3 finite numbers"),
        (written(means=[30.0, 2.3]), "means is not a list of 3 finite numbers"),
        (written(deviations=[14.5, 0.0, 0.5]), "deviations holds a number that is not above 0"),
        (written(deviations=[14.5, 0.8, -0.5]), "deviations holds a number that is not above 0"),
    ],
)
def test_a_file_that_holds_anything_else_is_refused_in_one_line(
    tmp_path: Path, content: str | bytes, reason: str
) -> None:
    path = tmp_path / "weights.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(WeightsError) as caught:
        Network.load(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: {reason}")
    assert message.endswith("; give a weights.json that titanic wrote")
    assert message.isprintable()


others = st.none() | st.booleans() | st.text(max_size=5) | st.floats() | st.integers() | st.just(10**400)
rows = st.lists(finite | st.integers(), min_size=3, max_size=5) | st.lists(finite, min_size=1, max_size=1)
any_json = st.recursive(
    others,
    lambda json: st.lists(json, max_size=5) | st.dictionaries(st.text(), json),
    max_leaves=20,
)


@st.composite
def damaged_weights(draw: st.DrawFn) -> bytes:
    """Draw a valid file with some entries and some runs of bytes replaced."""
    names = st.sampled_from(["W1", "W2", "means", "deviations", "b1"])
    entries = rows | st.lists(rows | others, min_size=4, max_size=5) | any_json
    content = written(**draw(st.dictionaries(names, entries, max_size=2))).encode()
    return draw(damaged(content, [b"NaN", b"1e999", b"-Infinity"], b'[]{},:"-.e09\\'))


@given(st.binary(max_size=300) | any_json.map(json.dumps).map(str.encode) | damaged_weights())
@example(written().encode("utf-16"))
def test_any_bytes_give_a_network_or_one_line(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzzed.json"
    path.write_bytes(content)
    try:
        network = Network.load(path)
    except WeightsError as error:
        assert re.fullmatch(rf"{path}: .{{1,150}}; give a weights.json that titanic wrote", str(error))
        assert str(error).isprintable()
        return
    assert len(network.parameters()) == 21
    assert all(math.isfinite(weight.data) for weight in network.parameters())
    assert all(math.isfinite(mean) for mean in network.scaling.means)
    assert all(0 < deviation < math.inf for deviation in network.scaling.deviations)


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="Windows has no such device")
def test_an_endless_file_is_refused_in_one_line() -> None:
    with pytest.raises(WeightsError, match=r"^/dev/zero: is not usable JSON \(larger than a megabyte\)"):
        Network.load("/dev/zero")


def test_a_file_that_cannot_be_read_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="nothing: No such file or directory; give"):
        Network.load(tmp_path / "nothing")
    with pytest.raises(WeightsError, match="Is a directory; give"):
        Network.load(tmp_path)
    with pytest.raises(WeightsError, match=r"new\\nline.*No such file"):
        Network.load(tmp_path / "new\nline")
