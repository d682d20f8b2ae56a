"""The trainings that several tests use, each done once: 300 epochs by the engine.

training(0).losses, training(0).network     # from seed 0, on the embedded passengers
"""

from functools import cache
from pathlib import Path
from typing import NamedTuple

from titanic.network import Network
from titanic.passengers import Passengers, Scaling, embedded, load
from titanic.training import EPOCHS, LEARNING_RATE, train

SEEDS = range(5)


class Training(NamedTuple):
    losses: list[float]
    network: Network


def passengers_of(table: Path | None) -> Passengers:
    return load(table) if table else embedded()


@cache
def training(seed: int, table: Path | None = None) -> Training:
    """Return the training from a seed on a table; None means the embedded passengers."""
    X, y = passengers_of(table).X, passengers_of(table).y
    network = Network.random(seed, Scaling.of(X))
    losses = [forward.L.data for forward in train(network, X, y, EPOCHS, LEARNING_RATE)]
    network.zero_grad()
    return Training(losses, network)
