"""Programs written for micrograd run after changing their import lines, and give the same numbers."""

import random

import pytest

from microgrid import Value, gradcheck
from microgrid.nn import MLP, Module, Neuron

MICROGRAD = """
from micrograd.engine import Value
from micrograd.nn import Neuron, Layer, MLP
"""
MICROGRID = """
from microgrid import Value
from microgrid.nn import Neuron, Layer, MLP
"""

# Two moons told apart by a maximum-margin loss, in the manner of micrograd's demonstration.
TRAINING = """
import random
import numpy as np

np.random.seed(1337)
random.seed(1337)

angle = np.linspace(0.0, np.pi, 12)
y = np.repeat([-1, 1], 12)
upper, lower = [np.cos(angle), np.sin(angle)], [1.0 - np.cos(angle), 0.5 - np.sin(angle)]
X = np.concatenate([upper, lower], axis=1).T + np.random.normal(0.0, 0.1, (24, 2))

model = MLP(2, [8, 8, 1])
shown = [str(model), len(model.parameters())]
numbers = [p.data for p in model.parameters()]
losses = []

def loss(batch_size=None):
    if batch_size is None:
        Xb, yb = X, y
    else:
        chosen = np.random.permutation(X.shape[0])[:batch_size]
        Xb, yb = X[chosen], y[chosen]
    inputs = [list(map(Value, row)) for row in Xb]
    scores = list(map(model, inputs))
    margins = [(1 + -yi*scorei).relu() for yi, scorei in zip(yb, scores)]
    data_loss = sum(margins) * (1.0 / len(margins))
    alpha = 1e-4
    reg_loss = alpha * sum((p*p for p in model.parameters()))
    accuracy = [(yi > 0) == (scorei.data > 0) for yi, scorei in zip(yb, scores)]
    return data_loss + reg_loss, sum(accuracy) / len(accuracy)

for k in range(20):
    total_loss, accuracy = loss(batch_size=None if k % 2 else 16)
    model.zero_grad()
    total_loss.backward()
    learning_rate = 1.0 - 0.9*k/100
    for p in model.parameters():
        p.data -= learning_rate * p.grad
    losses.append(total_loss.data)
    numbers.append(accuracy)

numbers += losses + [p.data for p in model.parameters()] + [p.grad for p in model.parameters()]

neuron, layer = Neuron(3, nonlin=False), Layer(2, 3, nonlin=False)
shown += [str(neuron), str(layer), neuron.nonlin, len(neuron.w), [n.nonlin for n in layer.neurons]]
shown += [[[n.nonlin for n in l.neurons] for l in model.layers]]
numbers += [w.data for w in neuron.w] + [neuron.b.data, neuron([1.0, -2, Value(0.5)]).data]
numbers += [out.data for out in layer([np.float64(0.3), -1])]
"""

# Every operation that micrograd has, plain numbers on both sides.
OPERATIONS = """
a, b = Value(-4.0), Value(2.0)
c = a + b
d = a * b + b**3
c += c + 1
c += 1 + c + (-a)
d += d * 2 + (b + a).relu()
d += 3 * d + (b - a).relu()
e = c - d
f = e**2
g = f / 2.0
g += 10.0 / f
h = (2 - g) * 0.5 - b**-1.5 + sum([a, b, c])
h.backward()
h.backward()
numbers = [v.data for v in (a, b, c, d, e, f, g, h)]
shown = []
"""


def run(program: str) -> dict[str, list[float]]:
    """Run a program and return its names: it collects what is to be compared as `shown` and `numbers`."""
    names: dict[str, list[float]] = {}
    exec(program, names)
    return names


@pytest.mark.parametrize("program", [TRAINING, OPERATIONS], ids=["training", "operations"])
def test_a_program_gives_the_same_numbers_after_changing_its_import_lines(program: str) -> None:
    ours, theirs = run(MICROGRID + program), run(MICROGRAD + program)
    assert ours["shown"] == theirs["shown"]
    assert ours["numbers"] == pytest.approx(theirs["numbers"], rel=1e-9, abs=1e-12)


def test_the_training_program_learns() -> None:
    # Numbers that never change would agree, too.
    losses = run(MICROGRID + TRAINING)["losses"]
    assert losses[-1] < 0.6 * losses[0]


def test_the_weights_are_drawn_in_order_from_minus_1_to_1_and_the_biases_are_0() -> None:
    random.seed(7)
    expected = [random.uniform(-1, 1) for _ in range(2 * 3 + 3 * 1)]
    random.seed(7)
    model = MLP(2, [3, 1])
    assert [w.data for layer in model.layers for neuron in layer.neurons for w in neuron.w] == expected
    assert [neuron.b.data for layer in model.layers for neuron in layer.neurons] == [0.0] * 4


def test_all_layers_but_the_last_go_through_relu() -> None:
    assert repr(MLP(2, [2, 1])) == (
        "MLP of [Layer of [ReLUNeuron(2), ReLUNeuron(2)], Layer of [LinearNeuron(2)]]"
    )


def test_a_neuron_is_the_sum_of_its_weighted_inputs_and_its_bias() -> None:
    neuron = Neuron(2, nonlin=False)
    for parameter, number in zip(neuron.parameters(), [2.0, -3.0, 0.5]):
        parameter.data = number
    assert neuron([10.0, 1]).data == 17.5
    neuron.nonlin = True
    assert neuron([1.0, 10]).data == 0.0


def test_several_outputs_come_as_a_list_and_a_single_one_alone() -> None:
    several, single = MLP(2, [3, 2])([1.0, 2.0]), MLP(2, [3, 1])([1.0, 2.0])
    assert isinstance(several, list)
    assert [type(output) for output in several] == [Value, Value]
    assert type(single) is Value


def test_a_hidden_layer_of_one_neuron_feeds_the_next_layer() -> None:
    assert type(MLP(2, [1, 1])(iter([1.0, 2.0]))) is Value


def test_zero_grad_sets_the_grad_of_every_parameter_to_0() -> None:
    model = MLP(2, [3, 1])
    for parameter in model.parameters():
        parameter.grad = 5.0
    model.zero_grad()
    assert [parameter.grad for parameter in model.parameters()] == [0.0] * 13
    assert Module().parameters() == []


def test_the_gradients_of_a_network_are_those_of_central_differences() -> None:
    random.seed(0)
    model = MLP(3, [4, 4, 1])

    def output(*inputs: Value) -> Value:
        result = model(inputs)
        assert isinstance(result, Value)
        return result.tanh()

    assert gradcheck(output, 0.3, -0.7, 1.1)
