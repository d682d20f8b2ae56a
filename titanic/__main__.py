"""The command line: `titanic`, or `python -m titanic`, trains the sheet's network on passengers.

A subcommand does one part of the job, and its options come after it. The exit status is 0 if the job was
done, 1 if it could not be, 2 for a wrong command line, 130 after Ctrl-C.

A new subcommand is a function in commands.py and a row in SUBCOMMANDS; a new option is a row in OPTIONS.
"""

import sys

try:
    import argparse
    import math
    from collections.abc import Callable, Sequence
    from contextlib import suppress
    from reprlib import repr as shortened
    from typing import TYPE_CHECKING, NamedTuple, NoReturn, TypedDict, TypeVar

    from microgrid.arguments import one_line
    from titanic import commands, terminal, training
    from titanic.network import WeightsError
    from titanic.passengers import DataError
except KeyboardInterrupt:  # the imports take a while
    print("titanic: interrupted", file=sys.stderr)
    sys.exit(130)

if TYPE_CHECKING:
    from _typeshed import SupportsWrite


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line asks for, and return the exit status."""
    terminal.prepare()
    try:
        try:
            options = _parsed(sys.argv[1:] if arguments is None else arguments)
            status: int = options.run(options)
            return status
        finally:
            sys.stdout.flush()
    except (commands.CommandError, DataError, WeightsError, training.TrainingError) as error:
        terminal.message(f"titanic: {error}")
        return 1
    except OverflowError as error:
        terminal.message(f"titanic: {error}; give smaller weights or prices")
        return 1
    except KeyboardInterrupt:
        terminal.message("titanic: interrupted")
        return 130
    except BrokenPipeError:
        terminal.discard(sys.stdout)
        return 0
    except OSError as error:
        terminal.discard(sys.stdout)
        what = one_line(str(error.filename or "standard output"))
        terminal.message(f"titanic: {what}: {error.strerror or error}")
        return 1


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = _Parser("titanic", "titanic [SUBCOMMAND] [OPTIONS]", _DESCRIPTION, _NOTES)
    parser.add_options(_TRAIN_OPTIONS, commands.everything)
    parser.set_defaults(figure=None, passengers=None, values=False, format="svg")  # the main job draws too
    parser.add_argument(
        "--version",
        action="store_const",
        dest="run",
        const=commands.version,
        help="show the version",
    )
    subparsers = parser.add_subparsers(
        title="subcommands", dest="subcommand", metavar="SUBCOMMAND", prog="titanic", parser_class=_Parser
    )
    for name, subcommand in SUBCOMMANDS.items():
        usage = f"titanic {name} {'[FIGURE] ' if name == 'draw' else ''}[OPTIONS]"
        one: _Parser = subparsers.add_parser(
            name, usage=usage, description=subcommand.help, epilog=subcommand.notes, help=subcommand.help
        )
        if name == "draw":
            one.add_argument(
                "figure", metavar="FIGURE", nargs="?", choices=commands.FIGURES, help="see below"
            )
        one.add_options(subcommand.options, subcommand.run)
    options = parser.parse_args(arguments)
    if options.subcommand and options.subcommand != arguments[0]:
        parser.error(f"options come after the subcommand, as in titanic {options.subcommand} --seed 1")
    return options


class _Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line and whose notes keep their line breaks."""

    def __init__(self, prog: str, usage: str, description: str, epilog: str) -> None:
        super().__init__(
            prog,
            usage,
            description,
            epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    def add_options(self, names: Sequence[str], run: Callable[[argparse.Namespace], int]) -> None:
        """Add the OPTIONS of these names, and the function to call with them."""
        for name in names:
            self.add_argument(f"--{name}", **OPTIONS[name])
        self.set_defaults(run=run)

    def print_help(self, file: "SupportsWrite[str] | None" = None) -> None:
        # Argparse's own ignores errors in writing.
        print(self.format_help(), end="", file=file)

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"titanic: {message}; see {self.prog} --help\n")


# The options

Parsed = TypeVar("Parsed", int, float, str)


def _kind(
    convert: Callable[[str], Parsed], allows: Callable[[Parsed], bool], wanted: str
) -> Callable[[str], Parsed]:
    """Return a function that converts an option's text, or says in one line that it is not what is wanted."""

    def read(text: str) -> Parsed:
        with suppress(ValueError):
            if allows(value := convert(text)):
                return value
        raise argparse.ArgumentTypeError(f"{shortened(text)} is not {wanted}")

    return read


_NAME = _kind(str, bool, "the name of a file or folder")
_EPOCHS = _kind(int, lambda n: 0 <= n <= 10**9, "a number of epochs; give 0, 1, 2 or more")
_PASSENGERS = _kind(int, lambda n: n > 0, "a number of passengers; give 1, 2 or more")
_RATE = _kind(float, lambda rate: 0 < rate < math.inf, "a learning rate; give a number above 0, such as 0.01")
_SEED = _kind(int, lambda seed: True, "a seed; give a whole number")


class _Option(TypedDict, total=False):
    """The arguments of argparse's add_argument for an option."""

    help: str
    metavar: str
    type: Callable[[str], object]
    default: object
    action: str
    choices: Sequence[str]


OPTIONS = {
    "data": _Option(
        metavar="FILE",
        type=_NAME,
        help="a CSV file of passengers, or - for standard input, with columns age, class, survived and price "
        "in any order, named as by the course, Kaggle, seaborn or OpenML (default: the 58 passengers that "
        "come with the program)",
    ),
    "raw": _Option(
        action="store_true",
        help="use the features as the sheet does, not standardised; training is slower and ends worse",
    ),
    "passengers": _Option(
        metavar="N",
        type=_PASSENGERS,
        help="how many passengers to use, from the table's first row on (default: 2 for step and unroll, "
        "1 for an animation or the graph of scalars, else all)",
    ),
    "page": _Option(
        metavar="FILE",
        type=_NAME,
        help="instead of a prompt, write both passes to FILE as a web page whose numbers can be changed",
    ),
    "animation": _Option(
        metavar="FILE",
        type=_NAME,
        help="instead of a prompt, write both passes to FILE as an animated SVG",
    ),
    "values": _Option(action="store_true", help="show the weights' numbers in the network's scheme"),
    "format": _Option(
        choices=("svg", "png", "pdf", "dot"),
        default="svg",
        help="the pictures' format (default: %(default)s)",
    ),
    "unrolled": _Option(
        action="store_true",
        help="train by a straight-line program, on arrays if NumPy is installed: the same weights up to "
        "rounding, but faster",
    ),
    "derivation": _Option(
        action="store_true",
        help="show the forward pass and every gradient in closed form, with the first passenger's numbers",
    ),
    "epochs": _Option(
        metavar="N",
        type=_EPOCHS,
        default=training.EPOCHS,
        help="the number of steps of gradient descent (default: %(default)s)",
    ),
    "lr": _Option(
        metavar="RATE",
        type=_RATE,
        help=f"the learning rate (default: {training.LEARNING_RATE}, "
        f"and {training.RAW_LEARNING_RATE} for raw features)",
    ),
    "seed": _Option(
        metavar="N",
        type=_SEED,
        default=0,
        help="the seed of the random initial weights (default: %(default)s)",
    ),
    "weights": _Option(
        metavar="FILE",
        type=_NAME,
        help="use the weights and the scaling in a weights.json instead",
    ),
    "out": _Option(
        metavar="DIR",
        type=_NAME,
        default="titanic-out",
        help="the folder to write into, created if missing (default: %(default)s)",
    ),
}


# The subcommands


class Subcommand(NamedTuple):
    """One part of the job: its function, its options, and what --help says about it."""

    run: Callable[[argparse.Namespace], int]
    options: tuple[str, ...]
    help: str
    notes: str


_DESCRIPTION = """\
Train the network of the exercise sheet on passengers of the Titanic: it predicts the price of a ticket from
age, class and survival. Gradient descent on the mean squared error; every number is a node of a graph."""

_NOTES = """\
files:
  weights.json          the weights, and the scaling of the features that goes with them
  loss.csv, loss.svg    the mean squared error after each epoch, as a table and as a curve
  network-scheme.svg, computation-graph.svg, scalar-graph.svg, folded-graph.svg
                        the trained network (titanic draw --help); not written by titanic train

examples:
  titanic                                         the 58 passengers that come with the program
  titanic train --data train.csv --epochs 1000    a table of your own
  titanic --weights titanic-out/weights.json      continue the last training

Ctrl-C stops the training and keeps the weights of the last complete epoch; a second one exits at once."""

_STEP_NOTES = """\
examples:
  titanic step                                    the prompt; h lists its commands
  titanic step --weights titanic-out/weights.json --passengers 1
  titanic step --page loss.html                   both passes as a web page
  titanic step --animation loss.svg               both passes as an animated picture
  echo c | titanic step                           commands from a pipe: all steps at once"""

_DRAW_NOTES = """\
figures (default: all four):
  scheme                the network's columns and weights: Figure 1 of the sheet
  computation           the graph of its operations by letters: 6.2 of the sheet
  scalar                every number of the first passenger's forward and backward pass
  folded                the same for all passengers, folded into a box for each letter

examples:
  titanic draw                                    the network before training
  titanic draw scheme --values --weights titanic-out/weights.json
  titanic draw scalar --passengers 2 --format pdf"""

_UNROLL_NOTES = """\
examples:
  titanic unroll | less                           two passengers: each weight receives two contributions
  titanic unroll --passengers 1 > program.py      a Python file that needs nothing else"""

_CHECK_NOTES = """\
Each weight has a row. For every other letter, the row shows the entry on which the methods differ most.
The exit status is 1 if a number differs from the engine's by more than its tolerance.

examples:
  titanic check                                   the network before training
  titanic check --weights titanic-out/weights.json --data train.csv
  titanic check --derivation                      show every line of the closed form too"""

_TRAIN_OPTIONS = ("data", "raw", "unrolled", "epochs", "lr", "seed", "weights", "out")

SUBCOMMANDS = {
    "train": Subcommand(
        commands.train, _TRAIN_OPTIONS, "Train the network; write its weights and the losses.", _NOTES
    ),
    "step": Subcommand(
        commands.step,
        ("passengers", "page", "animation", "weights", "data", "raw", "seed"),
        "Step through the backward pass of the loss, in both directions.",
        _STEP_NOTES,
    ),
    "draw": Subcommand(
        commands.draw,
        ("passengers", "values", "format", "weights", "data", "raw", "seed", "out"),
        "Draw the network, its computation graph and every scalar in it.",
        _DRAW_NOTES,
    ),
    "unroll": Subcommand(
        commands.unroll,
        ("passengers",),
        "Print the loss and its gradients as a straight-line Python program.",
        _UNROLL_NOTES,
    ),
    "check": Subcommand(
        commands.check,
        ("derivation", "passengers", "weights", "data", "raw", "seed"),
        "Compare every gradient with a closed form, central differences and PyTorch.",
        _CHECK_NOTES,
    ),
}


if __name__ == "__main__":
    sys.exit(main())
