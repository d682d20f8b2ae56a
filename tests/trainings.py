"""The trainings that several tests look at, each done once: from seeds 0 to 4, 300 epochs by the engine.

for training in trainings(None):        # on the embedded passengers
    training.losses, training.network
"""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
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
def trainings(table: Path | None) -> list[Training]:
    """Return the training from each seed on a table, None for the embedded passengers."""
    # The course's table takes half a minute on one core, and torch does not bear being forked.
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool:
        return list(pool.map(_training, SEEDS, [table] * len(SEEDS)))


def _training(seed: int, table: Path | None) -> Training:
    X, y = passengers_of(table).X, passengers_of(table).y
    network = Network.random(seed, Scaling.of(X))
    losses = [forward.L.data for forward in train(network, X, y, EPOCHS, LEARNING_RATE)]
    network.zero_grad()
    return Training(losses, network)
