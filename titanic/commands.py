"""The jobs of the command line, each a function that takes the options and returns the exit status.

The status is 0 if the job was done, 1 if it could not be, 130 if Ctrl-C ended it. Errors that a user can fix
are a CommandError, DataError, WeightsError or TrainingError, each with a message of one line.
"""

import argparse
import importlib.metadata
import math
import sys
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

import microgrid
from microgrid import debug, recording, write_animation, write_page
from microgrid.arguments import one_line
from microgrid.files import write_whole
from titanic import crosscheck, figures, training
from titanic.crosscheck import Verdict
from titanic.network import Forward, Network
from titanic.passengers import Passengers, Scaling, embedded, load
from titanic.terminal import loss_curve, message, progress, result, table
from titanic.training import TrainingError

if TYPE_CHECKING:
    import graphviz


class CommandError(Exception):
    """The job could not be done; the message is one line that says what is wrong and what to do."""


def everything(options: argparse.Namespace) -> int:
    """Train the network, then check the gradients of the trained network, and draw it."""
    _require("rich", "matplotlib", "graphviz")
    passengers = _passengers(options)
    network = _network(options, passengers)
    status, forward = _train(options, passengers, network)
    if status == 0:
        verdict = crosscheck.check(forward)
        result(verdict.summary)
        _draw(options, passengers, network, forward)
        status = 0 if verdict.agrees else 1
    return status


# titanic train


def train(options: argparse.Namespace) -> int:
    """Train the network, write weights and losses into the output folder, and say how good it is."""
    _require("rich", "matplotlib")
    passengers = _passengers(options)
    status, _ = _train(options, passengers, _network(options, passengers))
    return status


def _train(options: argparse.Namespace, passengers: Passengers, network: Network) -> tuple[int, Forward]:
    """Train the network, and return the exit status and a forward pass with the final weights."""
    is_raw = network.scaling == Scaling.identity()
    learning_rate = options.lr or (training.RAW_LEARNING_RATE if is_raw else training.LEARNING_RATE)
    files = _output_files(options.out, "weights.json", "loss.csv", "loss.svg")
    message(f"Training for {options.epochs} epochs with learning rate {learning_rate:g}")

    arguments = (network, passengers.X, passengers.y, options.epochs, learning_rate)
    by_graph = (forward.L.data for forward in training.train(*arguments))
    status = 0
    losses: list[float] = []
    try:
        with progress(options.epochs) as show:
            for loss in training.train_unrolled(*arguments) if options.unrolled else by_graph:
                losses.append(loss)
                show(len(losses) - 1, loss)
    except (KeyboardInterrupt, TrainingError) as error:
        if not losses:  # nothing to write: the files of an earlier training stay
            raise
        status = 1 if isinstance(error, TrainingError) else 130
        kept = f"Interrupted; keeping the weights after epoch {len(losses) - 1}"
        message(f"titanic: {error}" if status == 1 else kept)

    forward = network.forward(passengers.X, passengers.y)
    if training.is_dead(forward):
        message(
            "Every hidden unit is dead for every passenger: the predicted price is the same for all. "
            f"Start again with --lr {learning_rate / 10:g} or another --seed"
            + (", or without --raw" if options.raw else "")
        )
    network.save(files["weights.json"])
    rows = [f"{epoch},{loss}\n" for epoch, loss in enumerate(losses)]
    write_whole(files["loss.csv"], "".join(["epoch,loss\n", *rows]))
    write_whole(files["loss.svg"], loss_curve(losses))
    result(_loss_table(losses, passengers.y))
    result(_price_table(passengers.first(10), forward))
    result("\nWritten: " + _listed(files))
    return status, forward


def _loss_table(losses: list[float], y: list[float]) -> str:
    before, after = losses[0], losses[-1]
    rows = [("loss", f"{before:.6g}", f"{after:.6g}")]
    r_before, r_after = (training.r_squared(loss, y) for loss in (before, after))
    if not math.isnan(r_after):
        rows.append(("R²", f"{r_before:.4g}", f"{r_after:.4g}"))
    return table(("", "at the start", f"after epoch {len(losses) - 1}"), rows)


def _price_table(first: Passengers, forward: Forward) -> str:
    rows = [
        (row.name or str(k), *[f"{x:g}" for x in row.features], _price(row.price), _price(e.data))
        for k, (row, e) in enumerate(zip(first.rows, forward.E), start=1)
    ]
    return table(("passenger", "age", "class", "survived", "price", "predicted"), rows)


def _price(price: float) -> str:
    return f"{price:.2f}" if abs(price) < 1e9 else f"{price:.3g}"


# titanic step


def step(options: argparse.Namespace) -> int:
    """Step through the backward pass of the first passengers' loss at a prompt, or write a view of it."""
    every = {"--page": options.page, "--animation": options.animation}
    views = {option: path for option, path in every.items() if path}
    if options.data == "-" and not views:
        raise CommandError("the commands come from standard input; give --data the name of a file")
    passengers = _passengers(options)
    network = _network(options, passengers)
    first = passengers.first(options.passengers or (1 if options.animation else 2))
    if not views:
        debug(network.forward(first.X, first.y).L)
        return 0

    _require("graphviz")
    import graphviz

    with recording():  # so that the page shows network.py beside the graph
        loss = network.forward(first.X, first.y).L
    for option, path in views.items():
        try:
            if option == "--page":
                write_page(loss, path, parameters=network.parameters())
            else:
                write_animation(loss, path)
        except (graphviz.ExecutableNotFound, ValueError) as error:
            raise CommandError(str(error)) from error
        except graphviz.CalledProcessError as error:
            raise CommandError(_reason(error)) from error
        except OSError as error:
            raise CommandError(f"{one_line(path)}: {error.strerror}; give {option} another place") from error
        result(f"Written: {one_line(path)}")
    return 0


# titanic draw

# The names of the figures and of their files
FIGURES = {
    "scheme": "network-scheme",
    "computation": "computation-graph",
    "scalar": "scalar-graph",
    "folded": "folded-graph",
}


def draw(options: argparse.Namespace) -> int:
    """Draw the sheet's figures; return 1 if only their DOT could be written."""
    _require("graphviz")
    passengers = _passengers(options)
    return 0 if _draw(options, passengers, _network(options, passengers)) else 1


def _draw(
    options: argparse.Namespace, passengers: Passengers, network: Network, forward: Forward | None = None
) -> bool:
    """Write the figures, as DOT where nothing is installed that lays them out; whether it was there.

    forward is the forward pass of all passengers, where there was one.
    """
    import graphviz

    names = [options.figure] if options.figure else FIGURES
    pictures = {FIGURES[name]: _figure(name, options, passengers, network, forward) for name in names}
    drawn = True
    try:
        contents: dict[str, str | bytes] = {
            f"{name}.{options.format}": picture.source
            if options.format == "dot"
            else picture.pipe(options.format, quiet=True)
            for name, picture in pictures.items()
        }
    except graphviz.ExecutableNotFound as error:
        drawn = False
        contents = {f"{name}.dot": picture.source for name, picture in pictures.items()}
        message(f"The pictures are written as DOT: {error}")
    except ValueError as error:  # there is no such format where dot is missing
        raise CommandError(str(error)) from error
    except graphviz.CalledProcessError as error:
        raise CommandError(_reason(error)) from error
    files = _output_files(options.out, *contents)
    for name, path in files.items():
        write_whole(path, contents[name])
    result("Drawn: " + _listed(files))
    return drawn


def _figure(
    name: str,
    options: argparse.Namespace,
    passengers: Passengers,
    network: Network,
    forward: Forward | None,
) -> "graphviz.Digraph":
    """Return the figure of that name, of --passengers or else of as many passengers as can be read."""
    if name == "scheme":
        return figures.network_scheme(network, options.values)
    if forward is None or name == "scalar":
        first = passengers.first(options.passengers or (1 if name == "scalar" else len(passengers)))
        forward = network.forward(first.X, first.y)
    if name == "computation":
        return figures.computation_graph(forward)
    forward.backward()
    try:
        return figures.scalar_graph(forward) if name == "scalar" else figures.folded_graph(forward)
    except ValueError as error:
        raise CommandError(str(error)) from error


def _reason(error: "graphviz.CalledProcessError") -> str:
    """Why the layout failed, in one line."""
    return f"the layout failed: {' '.join(error.stderr.decode(errors='replace').split())}"


# titanic unroll


def unroll(options: argparse.Namespace) -> int:
    """Print the loss of n passengers and its gradients by the weights as a straight-line program."""
    n = options.passengers or 2
    # Features, prices and weights are the program's inputs, so their numbers do not matter here.
    network = Network(W1=[[0.0] * 4] * 4, W2=[[0.0]] * 5)
    forward = network.forward(X=[[0.0] * 3] * n, y=[0.0] * n)
    inputs = [*chain.from_iterable(forward.X), *forward.y, *network.parameters()]
    try:
        program = microgrid.unroll(forward.L, inputs, wrt=network.parameters())
    except ValueError as error:
        raise CommandError(f"{str(error).partition(':')[0]}: give fewer passengers") from error
    result(program.source.rstrip())
    return 0


# titanic check


def check(options: argparse.Namespace) -> int:
    """Show the gradients by the engine and by other methods, and say whether they agree."""
    _require("rich")
    passengers = _passengers(options)
    network = _network(options, passengers)
    first = passengers.first(options.passengers or len(passengers))
    verdict = crosscheck.check(network.forward(first.X, first.y))
    if options.derivation:
        result(f"\n{verdict.derivation}")
    result(_gradient_table(verdict))
    result(_difference_table(verdict))
    if verdict.undecided:
        result("\n? too close to a kink of the relu, or too flat, for central differences")
    result(f"\n{verdict.summary}")
    return 0 if verdict.agrees else 1


def _gradient_table(verdict: Verdict) -> str:
    """Return a table with a row for each weight and, for each other letter, the entry that differs most."""
    rows = []
    for name, entries in verdict.entries.items():
        if not name.startswith("∂"):
            continue
        is_weight = name in ("∂L/∂W1", "∂L/∂W2")
        worst = max(entries, key=lambda entry: (entry.severity, abs(entry.engine)))
        for entry in entries if is_weight else [worst]:
            found = {by: "?" if number is None else f"{number:.6g}" for by, number in entry.others.items()}
            cells = [found.get(method, "–") for method in verdict.methods]
            rows.append((entry.name, f"of {len(entries)}", f"{entry.engine:.6g}", *cells))
    headings = ["differences" if method == "central differences" else method for method in verdict.methods]
    return table(("gradient", "", "engine", *headings), rows)


def _difference_table(verdict: Verdict) -> str:
    rows = [
        (method, f"{verdict.largest_difference(method):.2g}", f"{crosscheck.TOLERANCES[method]:g}")
        for method in verdict.methods
    ]
    return table(("method", "largest difference", "tolerance"), rows)


# titanic --version


def version(options: argparse.Namespace) -> int:
    """Say which version is installed."""
    try:
        result(f"titanic {importlib.metadata.version('microgrid-autograd')}")
    except importlib.metadata.PackageNotFoundError:
        result("titanic (not installed)")
    return 0


# What the commands share


def _require(*packages: str) -> None:
    """Raise CommandError if one of the packages is not installed."""
    missing = " ".join(package for package in packages if find_spec(package) is None)
    if missing:
        raise CommandError(f"not everything is installed; run: {sys.executable} -m pip install {missing}")


def _passengers(options: argparse.Namespace) -> Passengers:
    passengers = embedded() if options.data is None else load(options.data)
    result(f"{len(passengers)} passengers: {passengers.source}")
    if passengers.skipped:
        rows = len(passengers) + passengers.skipped
        message(f"{passengers.source}: skipped {passengers.skipped} of {rows} rows: no age or no price")
    return passengers


def _network(options: argparse.Namespace, passengers: Passengers) -> Network:
    if options.weights is None:
        scaling = Scaling.identity() if options.raw else Scaling.of(passengers.X)
        return Network.random(options.seed, scaling)
    network = Network.load(options.weights)
    if options.raw and network.scaling != Scaling.identity():
        message(f"--raw is ignored: the features are scaled as {one_line(options.weights)} says")
    return network


def _output_files(folder: str, *names: str) -> dict[str, Path]:
    """Return the path of each file in the folder, which is created if it is missing.

    Raises CommandError if they cannot be written: better before the training than after it.
    """
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = error.strerror or error
        raise CommandError(f"{one_line(folder)}: {reason}; give --out a folder to write into") from error
    files = {name: Path(folder, name) for name in names}
    for path in files.values():
        if path.is_dir():
            raise CommandError(f"{one_line(str(path))}: is a folder; give --out another place")
    return files


def _listed(files: dict[str, Path]) -> str:
    return ", ".join(one_line(str(path)) for path in files.values())
