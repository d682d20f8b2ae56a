"""Gradients and Hessians of functions, by microgrid and by torch.autograd.functional."""

from collections.abc import Callable
from functools import partial
from typing import Any

from .works import Run, spread_out


def rosenbrock(x: Any, y: Any) -> Any:
    """Return Rosenbrock's function, a usual test for optimizers."""
    return (1.0 - x) ** 2 + 100.0 * (y - x**2) ** 2


def net(*w: Any) -> Any:
    """Return the squared error of a net of 13 weights on one sample."""
    hidden = [(0.3 * w[3 * i] - 0.8 * w[3 * i + 1] + w[3 * i + 2]).tanh() for i in range(3)]
    return (hidden[0] * w[9] + hidden[1] * w[10] + hidden[2] * w[11] + w[12] - 0.5) ** 2


def derivative(of: str, function: Callable[..., Any], side: str, size: int) -> Run:
    """Return a run that computes the gradient or Hessian of a function of size numbers."""
    point = spread_out(size)
    if side == "microgrid":
        from microgrid import grad, hessian

        if of == "gradient":
            return lambda: [value.data for value in grad(function)(*point)]
        return lambda: [value.data for row in hessian(function)(*point) for value in row]
    import torch

    torch.set_num_threads(1)
    functional = torch.autograd.functional

    def run() -> list[float]:
        tensors = tuple(torch.tensor(number, dtype=torch.float64) for number in point)
        if of == "gradient":
            return [tensor.item() for tensor in functional.jacobian(function, tensors)]
        return [tensor.item() for row in functional.hessian(function, tensors) for tensor in row]

    return run


DERIVATIVES: dict[str, Callable[..., Run]] = {
    f"{of} of {name}": partial(derivative, of, function)
    for of in ("gradient", "Hessian")
    for name, function in (("Rosenbrock's function", rosenbrock), ("a net", net))
}
