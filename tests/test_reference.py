"""PyTorch agrees: the sheet's network as a module, its training, and every node of its graph."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from equations import grads, numbers, weights_of
from graphs import replay
from trainings import SEEDS, passengers_of, training

from microgrid import topological_order
from titanic.network import Network
from titanic.passengers import Scaling, embedded
from titanic.reference import to_module, to_network
from titanic.training import EPOCHS, LEARNING_RATE

LETTERS = ["A", "b1", "B", "C", "D", "b2", "E", "y", "F", "G", "H", "n", "L"]


@pytest.fixture
def network() -> Network:
    return Network.random(7, Scaling.of(embedded().X))


def test_each_letter_of_the_module_has_the_numbers_and_gradients_of_the_networks(network: Network) -> None:
    X, y = embedded().X, embedded().y
    forward = network.forward(X, y)
    forward.L.backward()
    module = to_module(network)
    letters = module(X, y)
    letters.L.backward()
    assert sorted(vars(letters)) == sorted(LETTERS)
    tensors = vars(letters) | {"W1": module.W1, "W2": module.W2}
    for letter, tensor in tensors.items():
        nodes = forward.rows(letter)
        np.testing.assert_allclose(tensor.tolist(), numbers(nodes), rtol=1e-12, err_msg=letter)
        np.testing.assert_allclose(tensor.grad.tolist(), grads(nodes), rtol=1e-12, atol=1e-12, err_msg=letter)


def test_a_round_trip_through_pytorch_keeps_weights_and_scaling_bit_for_bit(network: Network) -> None:
    back = to_network(to_module(network))
    assert weights_of(back) == weights_of(network)
    assert back.scaling == network.scaling


def test_training_the_module_leaves_the_network_as_it_was(network: Network) -> None:
    before = weights_of(network)
    module = to_module(network)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.zero_()
    assert weights_of(network) == before
    assert set(weights_of(to_network(module))) == {0.0}


def test_the_module_works_like_any_other(network: Network) -> None:
    module = to_module(network)
    assert isinstance(module, torch.nn.Module)
    assert {name: (tuple(p.shape), p.dtype) for name, p in module.named_parameters()} == {
        "W1": ((4, 4), torch.float64),
        "W2": ((5, 1), torch.float64),
    }
    other = to_module(Network.random(1))
    other.load_state_dict(module.state_dict())
    X, y = torch.tensor(embedded().X), torch.tensor(embedded().y)
    with torch.no_grad():
        assert torch.equal(other(X, y).E, module(X, y).E)


@pytest.mark.parametrize("seed", SEEDS)
def test_pytorch_trains_as_the_engine_does(seed: int) -> None:
    assert_pytorch_trains_as_the_engine_does(seed, None)


@pytest.mark.course_table
def test_pytorch_trains_as_the_engine_does_on_the_courses_table(course_table: Path) -> None:
    assert_pytorch_trains_as_the_engine_does(0, course_table)


def assert_pytorch_trains_as_the_engine_does(seed: int, table: Path | None) -> None:
    passengers = passengers_of(table)
    X = torch.tensor(passengers.X, dtype=torch.float64)
    y = torch.tensor(passengers.y, dtype=torch.float64)
    module = to_module(Network.random(seed, Scaling.of(passengers.X)))
    optimizer = torch.optim.SGD(module.parameters(), lr=LEARNING_RATE)
    losses = []
    for _ in range(EPOCHS):
        loss = module(X, y).L
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    losses.append(module(X, y).L.item())
    assert losses == pytest.approx(training(seed, table).losses, rel=1e-9, abs=0)
    assert losses[-1] < losses[0] / 2


def test_every_node_of_the_sheets_network_has_its_counterpart(network: Network) -> None:
    passengers = embedded().first(10)
    L = network.forward(passengers.X, passengers.y).L
    L.backward()
    tensors = replay(L)
    tensors[L].backward()
    assert list(tensors) == topological_order(L)
    for node, tensor in tensors.items():
        assert tensor.item() == pytest.approx(node.data, rel=1e-12, abs=1e-12)
        if node.op == "constant":  # the 2 of F ** 2, a plain number in PyTorch
            continue
        assert tensor.grad is not None
        assert tensor.grad.item() == pytest.approx(node.grad, rel=1e-12, abs=1e-12)


def test_without_pytorch_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ImportError, match=r"^PyTorch is not installed; run: python -m pip install torch$"):
        to_module(Network.random(0))
