"""The sheet's network in PyTorch (6.4).

module = to_module(network)             # a torch.nn.Module in float64; train it like any other
module(X, y).L.backward()               # the sheet's letters are tensors
module.W1.grad
network = to_network(module)            # and back
"""

from collections.abc import Sequence
from importlib.util import find_spec
from types import SimpleNamespace
from typing import TYPE_CHECKING

from titanic.network import Network
from titanic.passengers import Scaling

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

Rows = Sequence[Sequence[float]]


def to_module(network: Network) -> "Module":
    """Return the network as a torch.nn.Module in float64, with the same weights, inputs and loss.

    Its parameters are W1 (4 × 4) and W2 (5 × 1). Called with X (n × 3) and y (n), in natural units, it
    returns the letters A, b1, B, C, D, b2, E, y, F, G, H, n and L as attributes: tensors of the sheet's
    shapes, which retain their gradients. Raises ImportError if PyTorch is not installed.
    """
    if find_spec("torch") is None:
        raise ImportError("PyTorch is not installed; run: python -m pip install torch")
    import torch

    def tensor(numbers: "Rows | Sequence[float] | Tensor") -> "Tensor":
        return torch.as_tensor(numbers, dtype=torch.float64)

    class SheetModule(torch.nn.Module):  # type: ignore[misc]  # mypy does not see torch's types
        def __init__(self) -> None:
            super().__init__()
            self.W1 = torch.nn.Parameter(tensor([[weight.data for weight in row] for row in network.W1]))
            self.W2 = torch.nn.Parameter(tensor([[weight.data for weight in row] for row in network.W2]))
            self.register_buffer("means", tensor(network.scaling.means))
            self.register_buffer("deviations", tensor(network.scaling.deviations))

        def forward(self, X: "Rows | Tensor", y: "Sequence[float] | Tensor") -> SimpleNamespace:
            X = (tensor(X) - self.means) / self.deviations
            y = tensor(y).detach().reshape(-1, 1)
            b1, b2 = torch.ones_like(y), torch.ones_like(y)
            n = tensor([[len(y)]])
            for leaf in (y, b1, b2, n):
                leaf.requires_grad_()

            A = torch.cat([X, b1], dim=1)
            B = A @ self.W1
            C = torch.relu(B)
            D = torch.cat([C, b2], dim=1)
            E = D @ self.W2
            F = E - y
            G = F**2
            H = G.sum().reshape(1, 1)
            L = H / n
            for result in (A, B, C, D, E, F, G, H, L):
                if result.requires_grad:  # not under torch.no_grad()
                    result.retain_grad()
            return SimpleNamespace(A=A, b1=b1, B=B, C=C, D=D, b2=b2, E=E, y=y, F=F, G=G, H=H, n=n, L=L)

    return SheetModule()


def to_network(module: "Module") -> Network:
    """Return the Network with the weights and the scaling of a module that `to_module` made."""
    means, deviations = (tuple(buffer.tolist()) for buffer in (module.means, module.deviations))
    return Network(module.W1.tolist(), module.W2.tolist(), Scaling(means, deviations))
