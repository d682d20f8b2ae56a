"""What the commands show: results and messages, progress, tables, the loss curve.

Results go to standard output, progress and messages to standard error.
"""

import io
import math
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO


def prepare() -> None:
    """Make both streams accept any text, even if they are closed or cannot encode it."""
    # A stream that is closed from the start is None, and print to None writes to standard output.
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def result(text: str) -> None:
    """Print to standard output; go on if nobody reads it any more."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        discard(sys.stdout)


def message(text: str) -> None:
    """Print to standard error; go on if that fails."""
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:
        discard(sys.stderr)


def discard(stream: TextIO) -> None:
    """Send all further output on the stream, Python's last flush included, to nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


@contextmanager
def progress(epochs: int) -> Iterator[Callable[[int, float], None]]:
    """Yield a function that shows an epoch and its loss: a bar on a terminal, elsewhere about ten lines."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        interval = max(epochs // 10, 1)

        def show_line(epoch: int, loss: float) -> None:
            if epoch % interval == 0 or epoch == epochs:
                message(f"epoch {epoch} of {epochs}: loss {loss:.6g}")

        yield show_line
        return

    from rich.console import Console
    from rich.progress import BarColumn, Progress, TimeRemainingColumn

    columns = ("epoch {task.completed}/{task.total}", BarColumn(), "loss {task.fields[loss]}", "time left")
    with Progress(*columns, TimeRemainingColumn(), console=Console(file=sys.stderr)) as progress:
        bar = progress.add_task("", total=epochs, loss="")
        yield lambda epoch, loss: progress.update(bar, completed=epoch, loss=f"{loss:.6g}")


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return rows under headings, the first column aligned to the left and the others to the right."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for k, heading in enumerate(headings):
        table.add_column(heading, justify="right" if k else "left", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    console = Console(file=sys.stdout, force_terminal=sys.stdout.isatty(), markup=False, emoji=False)
    console.width = max(console.width, 72)  # a narrow terminal may wrap lines; rich would cut off numbers
    with console.capture() as capture:
        console.print(table)
    return "\n".join(line.rstrip() for line in capture.get().rstrip().splitlines())


def loss_curve(losses: Sequence[float]) -> str:
    """Return the curve of the losses as SVG text; the same losses give the same text."""
    import matplotlib
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    # A training that overshoots has losses of all magnitudes. Matplotlib's logarithmic axis fails from 1e266
    # on, its linear one near the largest float: so the curve shows the exponents.
    by_exponents = max(losses) > 1000 * min(losses) or max(losses) > 1e100
    with matplotlib.rc_context({"svg.hashsalt": "loss"}):
        figure = Figure(figsize=(7, 4), layout="constrained")
        axes = figure.add_subplot(xlabel="epoch", ylabel="loss (mean squared error)")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if by_exponents:
            losses = [math.log10(loss) if loss else math.nan for loss in losses]
            axes.yaxis.set_major_locator(MaxNLocator(integer=True))
            axes.yaxis.set_major_formatter("$10^{{{x:.0f}}}$")
        axes.plot(losses, marker="" if len(losses) > 1 else "o")
        axes.grid(alpha=0.3)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()
