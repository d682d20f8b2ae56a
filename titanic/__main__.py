"""The command line: `titanic`, or `python -m titanic`, trains the sheet's network on passengers.

A word names one part of the job, options stand before or after it. Results go to standard output, progress
and messages to standard error. The exit status is 0 when the job was done, 1 when it could not be, 2 for a
wrong command line, 130 after Ctrl-C.

Another word is a function from its options to an exit status, and an entry in WORDS; another option is an
entry in OPTIONS.
"""

import argparse
import importlib.metadata
import io
import math
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from tempfile import TemporaryFile
from types import FrameType
from typing import TYPE_CHECKING, NamedTuple, NoReturn, TextIO, TypedDict

import microgrid
from microgrid import Value, debug, write_page
from microgrid.files import write_whole
from titanic import figures, training, witnesses
from titanic.network import Network, WeightsError
from titanic.passengers import DataError, Passengers, Scaling, embedded, load
from titanic.training import TrainingError
from titanic.witnesses import Verdict

if TYPE_CHECKING:
    import graphviz


class CommandError(Exception):
    """The job cannot be done; the message is one line that says what is wrong and what to do."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line asks for, and return the exit status."""
    _prepare_streams()
    try:
        try:
            return _run(sys.argv[1:] if arguments is None else arguments)
        finally:
            sys.stdout.flush()
    except (CommandError, DataError, WeightsError) as error:
        _message(f"titanic: {error}")
        return 1
    except KeyboardInterrupt:
        _message("titanic: interrupted")
        return 130
    except BrokenPipeError:
        _discard(sys.stdout)
        return 0
    except OSError as error:
        _discard(sys.stdout)
        _message(f"titanic: {_shown(error.filename or 'standard output')}: {error.strerror or error}")
        return 1


# The words


def everything(options: argparse.Namespace) -> int:
    """Train the network, then check the gradients of the trained one, and draw it."""
    _require("rich", "matplotlib", "graphviz")
    table = _load_passengers(options)
    network = _start_network(options, table)
    status = _train(options, table, network)
    if status == 0:
        verdict = _check(network, table)
        _result(verdict.summary)
        _draw(network, table, options.out, FIGURES)
        status = 0 if verdict.agrees else 1
    return status


def train(options: argparse.Namespace) -> int:
    """Train the network, write what came of it into the output folder, and say how good it is."""
    _require("rich", "matplotlib")
    table = _load_passengers(options)
    return _train(options, table, _start_network(options, table))


def _train(options: argparse.Namespace, table: Passengers, network: Network) -> int:
    is_raw = network.scaling == Scaling.identity()
    learning_rate = options.lr or (training.RAW_LEARNING_RATE if is_raw else training.LEARNING_RATE)
    files = _output_files(options.out, "weights.json", "loss.csv", "loss.svg")
    _message(f"Training for {options.epochs} epochs at the learning rate {learning_rate:g}")

    status = 0
    losses: list[float] = []
    with _second_interrupt_ends_at_once():
        try:
            with _progress(options.epochs) as show:
                arguments = (network, table.X, table.y, options.epochs, learning_rate)
                by_graph = (forward.L.data for forward in training.train(*arguments))
                for loss in training.train_unrolled(*arguments) if options.unrolled else by_graph:
                    losses.append(loss)
                    show(len(losses) - 1, losses[-1])
        except KeyboardInterrupt:
            status = 130
            _message(f"Interrupted; keeping the weights after epoch {max(len(losses) - 1, 0)}")
        except TrainingError as error:
            status = 1
            _message(f"titanic: {error}")
        if losses and training.is_dead(network.forward(table.X, table.y)):
            _message(
                "Every hidden unit is dead for every passenger: the predicted price is the same for all. "
                f"Start anew with --lr {learning_rate / 10:g} or another --seed"
                + (", or without --raw" if options.raw else "")
            )
        network.save(files["weights.json"])
        write_whole(files["loss.csv"], _loss_csv(losses))
        write_whole(files["loss.svg"], _loss_svg(losses))

    if losses:
        _result(_loss_table(losses, table.y))
    _result(_price_table(table.first(10), network))
    _result("\nWritten: " + ", ".join(_shown(path) for path in files.values()))
    return status


def step(options: argparse.Namespace) -> int:
    """Go through the backward pass of the loss of the first passengers, at a prompt or as a web page."""
    if options.data == "-" and not options.page:
        raise CommandError("the commands come from standard input; give --data the name of a file")
    table = _load_passengers(options)
    network = _start_network(options, table)
    first = table.first(options.passengers or 2)
    loss = network.forward(first.X, first.y).L
    if options.page:
        _write_page(loss, options.page)
    else:
        debug(loss)
    return 0


def _write_page(loss: Value, path: str) -> None:
    """Write both passes of the loss as a web page."""
    _require("graphviz")
    import graphviz

    try:
        write_page(loss, path)
    except (graphviz.ExecutableNotFound, ValueError) as error:
        raise CommandError(str(error)) from error
    except graphviz.CalledProcessError as error:
        raise CommandError(_reason(error)) from error
    except OSError as error:
        raise CommandError(f"{_shown(path)}: {error.strerror}; give --page another place") from error
    _result(f"Written: {_shown(path)}")


def draw(options: argparse.Namespace) -> int:
    """Draw the sheet's figures; where only their DOT could be written, that is a failure."""
    _require("graphviz")
    table = _load_passengers(options)
    network = _start_network(options, table)
    names = [options.figure] if options.figure else list(FIGURES)
    drawn = _draw(network, table, options.out, names, options.format, options.passengers, options.values)
    return 0 if drawn else 1


# What is drawn, and the name of its file
FIGURES = {
    "scheme": "network-scheme",
    "computation": "computation-graph",
    "scalar": "scalar-graph",
    "folded": "folded-graph",
}


def _draw(
    network: Network,
    table: Passengers,
    folder: str,
    names: Iterable[str],
    format: str = "svg",
    passengers: int | None = None,
    values: bool = False,
) -> bool:
    """Write the figures into the folder, as DOT where Graphviz's dot is missing; whether it was there."""
    import graphviz

    pictures = {FIGURES[name]: _figure(name, network, table, passengers, values) for name in names}
    contents: dict[str, str | bytes] = {}
    drawn = True
    try:
        for name, picture in pictures.items():
            contents[f"{name}.{format}"] = (
                picture.source if format == "dot" else picture.pipe(format, quiet=True)
            )
    except graphviz.ExecutableNotFound as error:
        drawn = False
        contents = {f"{name}.dot": picture.source for name, picture in pictures.items()}
        _message(f"The pictures are written as DOT: {error}")
    except graphviz.CalledProcessError as error:
        raise CommandError(_reason(error)) from error
    files = _output_files(folder, *contents)
    for name, path in files.items():
        write_whole(path, contents[name])
    _result("Drawn: " + ", ".join(_shown(path) for path in files.values()))
    return drawn


def _reason(error: "graphviz.CalledProcessError") -> str:
    """Why Graphviz's dot failed, in one line."""
    return f"Graphviz's dot failed: {' '.join(error.stderr.decode(errors='replace').split())}"


def _figure(
    name: str, network: Network, table: Passengers, passengers: int | None, values: bool
) -> "graphviz.Digraph":
    """The picture of that name, of the first passengers: as many as are asked for, or as can be read."""
    if name == "scheme":
        return figures.network_scheme(network, values)
    first = table.first(passengers or (1 if name == "scalar" else len(table)))
    network.zero_grad()
    try:
        forward = network.forward(first.X, first.y)
        forward.L.backward()
        if name == "computation":
            return figures.computation_graph(forward)
        return figures.scalar_graph(forward) if name == "scalar" else figures.folded_graph(forward)
    except (OverflowError, ValueError) as error:
        raise CommandError(str(error)) from error


def unroll(options: argparse.Namespace) -> int:
    """Print the loss and its gradients by the weights, as a straight-line program for so many passengers."""
    n = options.passengers or 2
    if n > 250:
        raise CommandError(f"{n:,} passengers have more nodes than can be unrolled; give 250 or fewer")
    # Features, prices and weights are the program's inputs, so any will do here.
    network = Network(W1=[[0.0] * 4] * 4, W2=[[0.0]] * 5)
    forward = network.forward(X=[[0.0] * 3] * n, y=[0.0] * n)
    inputs = [*chain.from_iterable(forward.X), *forward.y, *network.parameters()]
    _result(microgrid.unroll(forward.L, inputs, wrt=network.parameters()).source.rstrip())
    return 0


def check(options: argparse.Namespace) -> int:
    """Show what the witnesses say of the engine's gradients, and whether they agree."""
    _require("rich")
    table = _load_passengers(options)
    network = _start_network(options, table)
    verdict = _check(network, table.first(options.passengers or len(table)))
    if options.derivation:
        _result(f"\n{verdict.derivation}")
    _result(_gradient_table(verdict))
    _result(_witness_table(verdict))
    if kinks := verdict.at_a_kink:
        shown = ", ".join(kinks[:5]) + (f" and {len(kinks) - 5} more" if len(kinks) > 5 else "")
        _result(f"\nAt a kink of the relu, where central differences cannot tell: {shown}")
    _result(f"\n{verdict.summary}")
    return 0 if verdict.agrees else 1


def _check(network: Network, table: Passengers) -> Verdict:
    try:
        return witnesses.check(network, table.X, table.y)
    except OverflowError as error:
        raise CommandError(str(error)) from error


class Word(NamedTuple):
    """One part of the job: the function that does it, the options that it takes, and what --help says."""

    run: Callable[[argparse.Namespace], int]
    options: tuple[str, ...]
    help: str
    notes: str = ""
    figures: tuple[str, ...] = ()


_DESCRIPTION = """\
Train the network of the exercise sheet on passengers of the Titanic: from age, class and survival to the
price of the ticket, by gradient descent on the mean squared error, every number of it a node of a graph."""

_NOTES = """\
files:
  weights.json          the weights, and the scaling of the features that they belong to
  loss.csv, loss.svg    the mean squared error after each epoch, as a table and as a curve
  network-scheme.svg, computation-graph.svg, scalar-graph.svg, folded-graph.svg
                        the trained network, drawn (titanic draw --help); not by titanic train

examples:
  titanic                                         the 58 passengers that come with the program
  titanic train --data train.csv --epochs 1000    a table of your own
  titanic --weights titanic-out/weights.json      go on where the last training ended

Ctrl-C ends the training and keeps the weights of the last whole epoch; a second one ends at once."""

_STEP_NOTES = """\
examples:
  titanic step                                    the prompt; h lists its commands
  titanic step --weights titanic-out/weights.json --passengers 1
  titanic step --page loss.html                   both passes as a web page, to be opened in a browser
  echo c | titanic step                           commands from a pipe: all steps at once"""

_DRAW_NOTES = """\
figures, and all four where none is named:
  scheme                the network's columns and weights: Figure 1 of the sheet
  computation           the graph of its operations, by letters: 6.2
  scalar                every number of the first passenger's forward and backward pass
  folded                the same for all passengers, folded into a box for each letter

examples:
  titanic draw                                    the network at the start
  titanic draw scheme --values --weights titanic-out/weights.json
  titanic draw scalar --passengers 2 --format pdf"""

_UNROLL_NOTES = """\
examples:
  titanic unroll | less                           two passengers: each weight collects two contributions
  titanic unroll --passengers 1 > program.py      a Python file that needs nothing else"""

_CHECK_NOTES = """\
A weight has a row of its own; of a letter that has many entries, the one on which they differ most is shown.
The exit status is 1 when a number differs from the engine's by more than its tolerance.

examples:
  titanic check                                   the network at the start
  titanic check --weights titanic-out/weights.json --data train.csv
  titanic check --derivation                      with every line of the closed form"""

_TRAIN_OPTIONS = ("data", "raw", "unrolled", "epochs", "lr", "seed", "weights", "out")

# The first is what `titanic` alone does.
WORDS = {
    "": Word(everything, _TRAIN_OPTIONS, _DESCRIPTION, _NOTES),
    "train": Word(train, _TRAIN_OPTIONS, "Train the network; write its weights and the losses.", _NOTES),
    "step": Word(
        step,
        ("passengers", "page", "weights", "data", "raw", "seed"),
        "Step through the backward pass of the loss, forward and back.",
        _STEP_NOTES,
    ),
    "draw": Word(
        draw,
        ("passengers", "values", "format", "weights", "data", "raw", "seed", "out"),
        "Draw the network, its computation graph and every scalar of it.",
        _DRAW_NOTES,
        tuple(FIGURES),
    ),
    "unroll": Word(
        unroll,
        ("passengers",),
        "Print the loss and its gradients as a straight-line Python program.",
        _UNROLL_NOTES,
    ),
    "check": Word(
        check,
        ("derivation", "passengers", "weights", "data", "raw", "seed"),
        "Compare every gradient with closed form, central differences and PyTorch.",
        _CHECK_NOTES,
    ),
}


# The options


def _epochs(text: str) -> int:
    with suppress(ValueError):
        if 0 <= (number := int(text)) <= 10**9:
            return number
    raise argparse.ArgumentTypeError(f"{text!r} is no number of epochs; give 0, 1, 2 or more")


def _number_of_passengers(text: str) -> int:
    with suppress(ValueError):
        if (number := int(text)) > 0:
            return number
    raise argparse.ArgumentTypeError(f"{text!r} is no number of passengers; give 1, 2 or more")


def _learning_rate(text: str) -> float:
    with suppress(ValueError):
        if 0 < (number := float(text)) < math.inf:
            return number
    raise argparse.ArgumentTypeError(f"{text!r} is no learning rate; give a number above 0, such as 0.01")


def _seed(text: str) -> int:
    with suppress(ValueError):
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no seed; give a whole number")


class _Option(TypedDict, total=False):
    """What argparse's add_argument is told about an option."""

    help: str
    metavar: str
    type: Callable[[str], object]
    default: object
    action: str
    choices: Sequence[str]


OPTIONS: dict[str, _Option] = {
    "data": {
        "metavar": "FILE",
        "help": "a CSV file of passengers, or - for standard input: age, class, survived and price in any "
        "order, named as in the course's, Kaggle's, seaborn's or OpenML's table (default: the 58 passengers "
        "that come with the program)",
    },
    "raw": {
        "action": "store_true",
        "help": "take the features as the sheet writes them, not standardised; training is slow, and worse",
    },
    "passengers": {
        "metavar": "N",
        "type": _number_of_passengers,
        "help": "how many passengers of the table to take, from its first row on (default: 2 to step "
        "through, 1 in the graph of scalars, else all)",
    },
    "page": {
        "metavar": "FILE",
        "help": "write both passes into FILE as a web page to step through, instead of opening the prompt",
    },
    "values": {
        "action": "store_true",
        "help": "write the weights' numbers into the network's scheme",
    },
    "format": {
        "choices": ("svg", "png", "pdf", "dot"),
        "default": "svg",
        "help": "the pictures' format: svg, png, pdf or dot (default: %(default)s)",
    },
    "unrolled": {
        "action": "store_true",
        "help": "train by a straight-line program for one passenger, not a graph: the same weights, sooner",
    },
    "derivation": {
        "action": "store_true",
        "help": "show the forward pass and every gradient in closed form, in the first passenger's numbers",
    },
    "epochs": {
        "metavar": "N",
        "type": _epochs,
        "default": training.EPOCHS,
        "help": "how many steps of gradient descent (default: %(default)s)",
    },
    "lr": {
        "metavar": "RATE",
        "type": _learning_rate,
        "help": f"the learning rate (default: {training.LEARNING_RATE}, "
        f"and {training.RAW_LEARNING_RATE} for raw features)",
    },
    "seed": {
        "metavar": "N",
        "type": _seed,
        "default": 0,
        "help": "what the random weights at the start are drawn from (default: %(default)s)",
    },
    "weights": {
        "metavar": "FILE",
        "help": "start from the weights in a weights.json instead, and scale the features as it says",
    },
    "out": {
        "metavar": "DIR",
        "default": "titanic-out",
        "help": "the folder to write into, made where it is missing (default: %(default)s)",
    },
}


def _run(arguments: Sequence[str]) -> int:
    word = _find_word(arguments)
    return WORDS[word].run(_parser(word).parse_intermixed_args(arguments))


def _find_word(arguments: Sequence[str]) -> str:
    """The word among the arguments, wherever it stands; "" where there is none."""
    scout = _Parser(add_help=False, allow_abbrev=False)
    scout.add_argument("word", nargs="?", default="")
    scout.add_argument("figure", nargs="?")
    scout.add_argument("-h", "--help", "--version", action="store_true")
    for name, option in OPTIONS.items():
        scout.add_argument(f"--{name}", action=option.get("action", "store"))
    word: str = scout.parse_intermixed_args(arguments).word
    if word not in WORDS:
        scout.error(f"there is no word {word!r}; choose from {', '.join(filter(None, WORDS))}")
    return word


def _parser(word: str) -> "_Parser":
    parser = _Parser(
        prog="titanic",
        usage=f"titanic {word or '[WORD]'} {'[FIGURE] ' if WORDS[word].figures else ''}[OPTIONS]",
        description=WORDS[word].help if word else _with_words(WORDS[word].help),
        epilog=WORDS[word].notes,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("word", nargs="?", help=argparse.SUPPRESS)
    if WORDS[word].figures:
        parser.add_argument("figure", nargs="?", choices=WORDS[word].figures, help=argparse.SUPPRESS)
    for name in WORDS[word].options:
        parser.add_argument(f"--{name}", **OPTIONS[name])
    parser.add_argument("--version", action="version", version=f"titanic {_version()}")
    return parser


def _with_words(description: str) -> str:
    lines = [f"  {word:<22}{entry.help}" for word, entry in WORDS.items() if word]
    return "\n".join([description, "", "words, with the options before or after them:", *lines])


class _Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"titanic: {message}; see titanic --help\n")


def _version() -> str:
    try:
        return importlib.metadata.version("microgrid")
    except importlib.metadata.PackageNotFoundError:
        return "(not installed)"


# What the words are made of


def _require(*packages: str) -> None:
    """CommandError unless the packages are there."""
    missing = " ".join(package for package in packages if find_spec(package) is None)
    if missing:
        raise CommandError(f"not everything is installed; run: {sys.executable} -m pip install {missing}")


def _load_passengers(options: argparse.Namespace) -> Passengers:
    table = embedded() if options.data is None else load(options.data)
    _result(f"{len(table)} passengers: {table.source}")
    if table.skipped:
        _message(table.skipped_message)
    return table


def _start_network(options: argparse.Namespace, table: Passengers) -> Network:
    if options.weights is None:
        return Network.random(options.seed, Scaling.identity() if options.raw else Scaling.of(table.X))
    network = Network.load(options.weights)
    if options.raw and network.scaling != Scaling.identity():
        _message(f"--raw is left out of account: the features are scaled as {_shown(options.weights)} says")
    return network


def _output_files(folder: str, *names: str) -> dict[str, Path]:
    """The paths of the files in the folder, which is made where it is missing.

    Raises CommandError where they cannot be written: better said before the training than after it.
    """
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = error.strerror or error
        raise CommandError(f"{_shown(folder)}: {reason}; give --out a folder to write into") from error
    files = {name: Path(folder, name) for name in names}
    for path in files.values():
        if path.is_dir():
            raise CommandError(f"{_shown(path)}: is a folder; give --out another place")
    return files


@contextmanager
def _progress(epochs: int) -> Iterator[Callable[[int, float], None]]:
    """What shows an epoch and its loss: a live bar on a terminal, else a line for a tenth of the epochs."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        interval = max(epochs // 10, 1)

        def show_line(epoch: int, loss: float) -> None:
            if epoch % interval == 0 or epoch == epochs:
                _message(f"epoch {epoch} of {epochs}: loss {loss:.6g}")

        yield show_line
        return

    from rich.console import Console
    from rich.progress import BarColumn, Progress, TimeRemainingColumn

    columns = ("epoch {task.completed}/{task.total}", BarColumn(), "loss {task.fields[loss]}", "time left")
    with Progress(*columns, TimeRemainingColumn(), console=Console(file=sys.stderr)) as progress:
        bar = progress.add_task("", total=epochs, loss="")
        yield lambda epoch, loss: progress.update(bar, completed=epoch, loss=f"{loss:.6g}")


@contextmanager
def _second_interrupt_ends_at_once() -> Iterator[None]:
    """The first Ctrl-C raises KeyboardInterrupt, as ever; the second SystemExit, which nobody catches."""
    usual = signal.getsignal(signal.SIGINT)
    if usual is not signal.default_int_handler or threading.current_thread() is not threading.main_thread():
        yield  # whoever set another handler, or has Ctrl-C ignored, means it
        return

    def first(number: int, frame: FrameType | None) -> NoReturn:
        signal.signal(signal.SIGINT, second)
        raise KeyboardInterrupt

    def second(number: int, frame: FrameType | None) -> NoReturn:
        raise SystemExit(130)

    signal.signal(signal.SIGINT, first)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)


def _loss_csv(losses: Sequence[float]) -> str:
    return "".join(["epoch,loss\n", *[f"{epoch},{loss}\n" for epoch, loss in enumerate(losses)]])


def _loss_svg(losses: Sequence[float]) -> str:
    """The curve of the losses, as the text of an SVG file that is the same for the same losses."""
    import matplotlib
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    with matplotlib.rc_context({"svg.hashsalt": "loss"}):
        figure = Figure(figsize=(7, 4), layout="constrained")
        axes = figure.add_subplot(xlabel="epoch", ylabel="loss (mean squared error)")
        axes.plot(losses, marker="" if len(losses) > 1 else "o")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        # A training that overshoots has losses of all sizes.
        if losses and 0 < min(losses) < max(losses) / 1000:
            axes.set_yscale("log")
        axes.grid(alpha=0.3)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()


def _loss_table(losses: Sequence[float], y: Sequence[float]) -> str:
    before, after = (losses[0], losses[-1])
    r_before, r_after = (training.r_squared(loss, y) for loss in (before, after))
    rows = [("loss", f"{before:.6g}", f"{after:.6g}")]
    if not math.isnan(r_after):
        rows.append(("R²", f"{r_before:.4g}", f"{r_after:.4g}"))
    return _table(("", "at the start", f"after epoch {len(losses) - 1}"), rows)


def _price_table(first: Passengers, network: Network) -> str:
    predictions = network.predict(first.X)
    rows = [
        (
            row.name or str(k),
            f"{row.age:g}",
            str(row.pclass),
            str(row.survived),
            _price(row.price),
            _price(prediction),
        )
        for k, (row, prediction) in enumerate(zip(first.rows, predictions), start=1)
    ]
    return _table(("passenger", "age", "class", "survived", "price", "predicted"), rows)


def _price(price: float) -> str:
    return f"{price:.2f}" if abs(price) < 1e9 else f"{price:.3g}"


def _gradient_table(verdict: Verdict) -> str:
    rows = []
    for letter, entries in verdict.letters.items():
        shown = entries
        if letter not in ("W1", "W2"):
            shown = [max(entries, key=lambda entry: (entry.severity, abs(entry.engine)))]
        for entry in shown:
            told = [entry.engine, *entry.witnesses.values()]
            numbers = ["kink" if number is None else f"{number:.6g}" for number in told]
            rows.append((f"∂L/∂{entry.name}", f"of {len(entries)}", *numbers))
    headings = ["closed form", "differences", "PyTorch"][: len(verdict.witnesses)]
    return _table(("gradient", "", "engine", *headings), rows)


def _witness_table(verdict: Verdict) -> str:
    rows = [
        (witness, f"{verdict.largest_difference(witness):.2g}", f"{witnesses.TOLERANCES[witness]:g}")
        for witness in verdict.witnesses
    ]
    return _table(("witness", "largest difference", "tolerance"), rows)


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """The rows under their headings, the first column to the left and the others, numbers, to the right."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for k, heading in enumerate(headings):
        table.add_column(heading, justify="right" if k else "left", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    console = Console(file=sys.stdout, force_terminal=sys.stdout.isatty(), markup=False, emoji=False)
    console.width = max(console.width, 72)  # rather wrapped by a narrow terminal than without the numbers
    with console.capture() as capture:
        console.print(table)
    return "\n".join(line.rstrip() for line in capture.get().rstrip().splitlines())


def _shown(path: str | Path) -> str:
    """The path as text on one line."""
    return str(path) if str(path).isprintable() else ascii(str(path))


# The streams


def _prepare_streams() -> None:
    # A stream that is closed from the start is None, and what is printed to None goes to standard output.
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _result(text: str) -> None:
    """Print to standard output; nobody reading any more is no reason to stop working."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        _discard(sys.stdout)


def _message(text: str) -> None:
    """Print to standard error; a message that cannot be told is no reason to stop working."""
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:
        _discard(sys.stderr)


def _discard(stream: TextIO) -> None:
    """Send what is still to come on the stream, and Python's last flush, nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


if __name__ == "__main__":
    sys.exit(main())
