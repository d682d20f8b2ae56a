"""Networks of neurons under micrograd's names: a program written for its nn changes only its import lines.

    from microgrid import Value
    from microgrid.nn import MLP

    model = MLP(2, [16, 16, 1])         # 2 inputs, two hidden layers of 16 neurons, 1 output
    loss = (model([0.5, -1.0]) - 1) ** 2
    model.zero_grad()
    loss.backward()
    for p in model.parameters():
        p.data -= 0.1 * p.grad

The weights are drawn from Python's `random` in micrograd's order, so the same seed gives the same network.
micrograd's private names (`_prev`, `_op`) are missing. Every view calls weights, biases and activations
mlp1.layer2.w[3,1], mlp1.layer2.b[3] and mlp1.layer2.h[3] unless they have labels, and draw(…, fold=True)
shows one box for each layer's weights, one for its biases and one for its activations.
"""

import itertools
import random
from collections.abc import Iterable

from microgrid.arguments import Number, described
from microgrid.names import suggest
from microgrid.value import Value

_neurons, _layers, _models = itertools.count(1), itertools.count(1), itertools.count(1)


class Module:
    """Anything with parameters."""

    def parameters(self) -> list[Value]:
        """Return the Values to be trained."""
        return []

    def zero_grad(self) -> None:
        """Set the grad of every parameter to 0."""
        for parameter in self.parameters():
            parameter.grad = 0.0


class Neuron(Module):
    """The sum of nin weighted inputs and a bias, passed through relu if nonlin."""

    def __init__(self, nin: int, nonlin: bool = True) -> None:
        self.w = [Value(random.uniform(-1, 1)) for _ in range(nin)]
        self.b = Value(0.0)
        self.nonlin = nonlin
        self.name(f"neuron{next(_neurons)}.", "")

    def name(self, prefix: str, index: str) -> None:
        """Suggest names for weights, bias and all activations from now on: prefix + `w[index,1]`, …"""
        self.activation_name = f"{prefix}h[{index}]" if index else f"{prefix}h"
        suggest(self.b, f"{prefix}b[{index}]" if index else f"{prefix}b")
        for i, weight in enumerate(self.w, start=1):
            suggest(weight, f"{prefix}w[{index},{i}]" if index else f"{prefix}w[{i}]")

    def __call__(self, x: Iterable[Value | Number]) -> Value:
        """Return the neuron's activation.

        Raises ValueError unless there is one input for each weight, TypeError if x is not a list.
        """
        inputs = _listed(x)
        if len(inputs) != len(self.w):
            raise ValueError(
                f"a neuron with {len(self.w)} weights takes {len(self.w)} inputs, not {len(inputs)}"
            )
        activation = sum((wi * xi for wi, xi in zip(self.w, inputs)), self.b)
        activation = activation.relu() if self.nonlin else activation
        suggest(activation, self.activation_name)
        return activation

    def parameters(self) -> list[Value]:
        """Return the weights, then the bias."""
        return [*self.w, self.b]

    def __repr__(self) -> str:
        return f"{'ReLU' if self.nonlin else 'Linear'}Neuron({len(self.w)})"


class Layer(Module):
    """nout neurons that share nin inputs."""

    def __init__(self, nin: int, nout: int, nonlin: bool = True) -> None:
        self.neurons = [Neuron(nin, nonlin=nonlin) for _ in range(nout)]
        self.name(f"layer{next(_layers)}.")

    def name(self, prefix: str) -> None:
        """Suggest names for the Values of the neurons, numbered from 1."""
        for number, neuron in enumerate(self.neurons, start=1):
            neuron.name(prefix, str(number))

    def __call__(self, x: Iterable[Value | Number]) -> Value | list[Value]:
        """Return the list of the neurons' activations; for a single neuron, its activation alone."""
        inputs = _listed(x)
        activations = [neuron(inputs) for neuron in self.neurons]
        return activations[0] if len(activations) == 1 else activations

    def parameters(self) -> list[Value]:
        """Return the parameters of the neurons, one neuron after the other."""
        return [parameter for neuron in self.neurons for parameter in neuron.parameters()]

    def __repr__(self) -> str:
        return f"Layer of [{', '.join(str(neuron) for neuron in self.neurons)}]"


class MLP(Module):
    """Layers of the sizes nouts, one after the other, all but the last through relu.

    Raises TypeError if nouts is a single size, ValueError if it is empty.
    """

    def __init__(self, nin: int, nouts: Iterable[int]) -> None:
        if isinstance(nouts, int):
            raise TypeError(f"an MLP takes a list of the sizes of its layers, such as [{nouts}], not {nouts}")
        sizes = [nin, *nouts]
        if len(sizes) == 1:
            raise ValueError("an MLP has at least one layer: give a list of sizes, such as [16, 1]")
        last = len(sizes) - 2
        self.layers = [Layer(sizes[i], sizes[i + 1], nonlin=i != last) for i in range(last + 1)]
        model = next(_models)
        for number, layer in enumerate(self.layers, start=1):
            layer.name(f"mlp{model}.layer{number}.")

    def __call__(self, x: Iterable[Value | Number]) -> Value | list[Value]:
        """Return the list of the last layer's outputs; a single output alone."""
        *hidden, last = self.layers
        for layer in hidden:
            outputs = layer(x)
            x = [outputs] if isinstance(outputs, Value) else outputs
        return last(x)

    def parameters(self) -> list[Value]:
        """Return the parameters of the layers, first to last."""
        return [parameter for layer in self.layers for parameter in layer.parameters()]

    def __repr__(self) -> str:
        return f"MLP of [{', '.join(str(layer) for layer in self.layers)}]"


def _listed(inputs: Iterable[Value | Number]) -> list[Value | Number]:
    try:
        return list(inputs)
    except TypeError:
        raise TypeError(f"the inputs are a list, such as [x, y], not {described(inputs)}") from None
