"""The command line: what it writes and prints, what it refuses, in a pipe and in a terminal."""

import csv
import importlib.metadata
import math
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

import pexpect
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from titanic.__main__ import SUBCOMMANDS, main
from titanic.network import Network
from titanic.passengers import Scaling, embedded
from titanic.terminal import loss_curve
from titanic.training import LEARNING_RATE, RAW_LEARNING_RATE, r_squared, train

ROOT = Path(__file__).parent.parent
FILES = ["loss.csv", "loss.svg", "weights.json"]
PICTURES = ["network-scheme.svg", "computation-graph.svg", "scalar-graph.svg", "folded-graph.svg"]
CONTROL_CHARACTER = re.compile(r"[^\n -~\u00a0-\U0010ffff]")


def environment(**changes: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", **changes}


def run(
    *arguments: str, folder: Path, text: str | None = None, **changes: str
) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "titanic", *arguments]
    return subprocess.run(
        command,
        cwd=folder,
        env=environment(**changes),
        input=text,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


def losses_in(folder: Path) -> list[float]:
    with (folder / "loss.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == [str(epoch) for epoch in range(len(rows))]
    return [float(row["loss"]) for row in rows]


def files_in(folder: Path) -> dict[str, bytes]:
    """Return the content of each file in the folder except the drafts, which are hidden."""
    paths = folder.iterdir() if folder.exists() else []
    return {path.name: path.read_bytes() for path in paths if not path.name.startswith(".")}


def loss_of_the_weights_in(folder: Path) -> float:
    return Network.load(folder / "weights.json").forward(embedded().X, embedded().y).L.data


def losses_by_the_library(epochs: int, learning_rate: float, network: Network) -> list[float]:
    passes = train(network, embedded().X, embedded().y, epochs, learning_rate)
    return [forward.L.data for forward in passes]


def standardised(seed: int) -> Network:
    return Network.random(seed, Scaling.of(embedded().X))


# The main job


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("run")


@pytest.fixture(scope="module")
def finished(folder: Path) -> "subprocess.CompletedProcess[str]":
    """The plain command, run once in an empty folder, without a terminal but asked for colours."""
    return run("--epochs", "40", "--seed", "3", folder=folder, FORCE_COLOR="1")


def test_it_writes_weights_losses_and_pictures_and_nothing_else(
    finished: "subprocess.CompletedProcess[str]", folder: Path
) -> None:
    assert finished.returncode == 0, finished.stderr
    assert [path.name for path in folder.iterdir()] == ["titanic-out"]
    assert sorted(path.name for path in (folder / "titanic-out").iterdir()) == sorted(FILES + PICTURES)


def test_the_files_hold_the_training_that_the_library_does(
    finished: "subprocess.CompletedProcess[str]", folder: Path
) -> None:
    network = standardised(seed=3)
    assert losses_in(folder / "titanic-out") == losses_by_the_library(40, LEARNING_RATE, network)
    loaded = Network.load(folder / "titanic-out" / "weights.json")
    assert [weight.data for weight in loaded.parameters()] == [weight.data for weight in network.parameters()]
    assert loaded.scaling == network.scaling


def curve_in(svg: Path) -> str:
    """Return the path of the loss curve, the longest in the picture."""
    root = xml.etree.ElementTree.parse(svg).getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    (axes,) = [group for group in root.iter("{http://www.w3.org/2000/svg}g") if group.get("id") == "axes_1"]
    curves = [path.get("d", "") for path in axes.iterfind("*/{http://www.w3.org/2000/svg}path")]
    return max(curves, key=len)


def test_the_curve_is_an_svg_with_a_point_for_each_loss(
    finished: "subprocess.CompletedProcess[str]", folder: Path
) -> None:
    curve = curve_in(folder / "titanic-out" / "loss.svg")
    assert len(re.findall(r"[ML] ", curve)) == 41


def test_it_prints_what_was_loaded_the_errors_the_first_ten_and_where_the_files_are(
    finished: "subprocess.CompletedProcess[str]", folder: Path
) -> None:
    out = folder / "titanic-out"
    losses, passengers = losses_in(out), embedded()
    lines = finished.stdout.splitlines()
    assert lines[0] == "58 passengers: the embedded passengers"
    cells = [line.split() for line in lines]
    assert ["loss", f"{losses[0]:.6g}", f"{losses[-1]:.6g}"] in cells
    r2 = [f"{r_squared(loss, passengers.y):.4g}" for loss in (losses[0], losses[-1])]
    assert ["R²", *r2] in cells
    first = passengers.first(10)
    for row, prediction in zip(first.rows, Network.load(out / "weights.json").predict(first.X)):
        (line,) = [line for line in lines if row.name in line]
        ends = [f"{row.age:g}", str(row.pclass), str(row.survived), f"{row.price:.2f}", f"{prediction:.2f}"]
        assert line.split()[-5:] == ends
    assert lines[-3] == "Written: titanic-out/weights.json, titanic-out/loss.csv, titanic-out/loss.svg"
    assert lines[-2].startswith("All 1358 gradients are right: ")
    assert lines[-1] == "Drawn: " + ", ".join(f"titanic-out/{name}" for name in PICTURES)


def test_without_a_terminal_progress_is_lines_without_control_characters(
    finished: "subprocess.CompletedProcess[str]", folder: Path
) -> None:
    losses = losses_in(folder / "titanic-out")
    lines = finished.stderr.splitlines()
    assert lines[0] == "Training for 40 epochs with learning rate 0.01"
    assert lines[1:] == [f"epoch {k} of 40: loss {losses[k]:.6g}" for k in range(0, 41, 4)]
    assert not CONTROL_CHARACTER.search(finished.stdout + finished.stderr)


@pytest.mark.parametrize("subcommand", [[], ["train"]])
def test_options_come_after_the_subcommand_or_without_one(tmp_path: Path, subcommand: list[str]) -> None:
    assert main([*subcommand, "--epochs", "2", "--seed=7", "--out", str(tmp_path / "train")]) == 0
    assert losses_in(tmp_path / "train") == losses_by_the_library(2, LEARNING_RATE, standardised(7))


def test_the_same_training_writes_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        assert main(["--epochs", "3", "--out", str(tmp_path / name)]) == 0
    for file in FILES + PICTURES:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_zero_epochs_write_the_initial_weights(tmp_path: Path) -> None:
    assert main(["--epochs", "0", "--out", str(tmp_path)]) == 0
    assert losses_in(tmp_path) == [loss_of_the_weights_in(tmp_path)]


# The options


def test_the_table_comes_from_a_file_or_from_standard_input(tmp_path: Path) -> None:
    table = "Name,Age,Pclass,Survived,Fare\n[red]A[/red] :smile:,22,3,0,7.25\nB,,1,1,71\nC,26,2,1,20\n"
    (tmp_path / "table.csv").write_text(table)
    from_file = run("--data", "table.csv", "--epochs", "2", folder=tmp_path)
    written = {file: (tmp_path / "titanic-out" / file).read_bytes() for file in FILES}
    from_input = run("--data", "-", "--epochs", "2", folder=tmp_path, text=table)
    assert from_file.returncode == from_input.returncode == 0, from_file.stderr + from_input.stderr
    assert from_file.stdout.startswith("2 passengers: table.csv\n")
    assert from_input.stdout.startswith("2 passengers: standard input\n")
    assert from_file.stderr.startswith("table.csv: skipped 1 of 3 rows: no age or no price\n")
    assert "[red]A[/red] :smile:" in from_file.stdout
    assert written == {file: (tmp_path / "titanic-out" / file).read_bytes() for file in FILES}


def test_raw_features_have_a_learning_rate_of_their_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--raw", "--epochs", "5", "--out", str(tmp_path)]) == 0
    assert losses_in(tmp_path) == losses_by_the_library(5, RAW_LEARNING_RATE, Network.random(0))
    assert Network.load(tmp_path / "weights.json").scaling == Scaling.identity()
    assert "with learning rate 0.0001\n" in capsys.readouterr().err


def test_training_continues_from_its_weights_as_if_it_had_never_stopped(tmp_path: Path) -> None:
    weights = str(tmp_path / "weights.json")
    assert main(["--epochs", "3", "--out", str(tmp_path)]) == 0
    assert main(["--epochs", "2", "--weights", weights, "--out", str(tmp_path)]) == 0
    assert losses_in(tmp_path) == losses_by_the_library(5, LEARNING_RATE, standardised(0))[3:]


def test_unrolled_training_gives_the_same_weights_and_losses_up_to_rounding(tmp_path: Path) -> None:
    by_graph, by_program = tmp_path / "graph", tmp_path / "program"
    assert main(["--epochs", "5", "--out", str(by_graph)]) == 0
    assert main(["--epochs", "5", "--unrolled", "--out", str(by_program)]) == 0
    weights = [Network.load(folder / "weights.json").parameters() for folder in (by_program, by_graph)]
    ours, theirs = ([weight.data for weight in each] for each in weights)
    assert ours == pytest.approx(theirs, rel=1e-12)
    assert losses_in(by_program) == pytest.approx(losses_in(by_graph), rel=1e-14)


def test_unroll_prints_a_program_that_computes_the_loss_and_its_gradients(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["unroll", "--passengers", "3"]) == 0
    namespace: dict[str, Callable[..., tuple[float, tuple[float, ...]]]] = {}
    exec(capsys.readouterr().out, namespace)
    network, X, y = Network.random(1), embedded().X[:3], embedded().y[:3]
    weights = [parameter.data for parameter in network.parameters()]
    loss, gradients = namespace["program"](*[x for row in X for x in row], *y, *weights)
    forward = network.forward(X, y)
    forward.L.backward()
    assert loss == forward.L.data
    assert gradients == tuple(parameter.grad for parameter in network.parameters())


def test_unroll_of_too_many_passengers_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["unroll", "--passengers", "300"]) == 0
    assert len(capsys.readouterr().out.splitlines()) > 10_000
    assert main(["unroll", "--passengers", "9999"]) == 1
    out, err = capsys.readouterr()
    assert out == "" and re.fullmatch(
        r"titanic: the graph has [\d,]+ nodes and .*: give fewer passengers\n", err
    )


def test_the_scaling_of_the_weights_overrides_raw_and_the_command_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = str(tmp_path / "weights.json")
    assert main(["--epochs", "3", "--out", str(tmp_path)]) == 0
    assert "--raw" not in capsys.readouterr().err
    assert main(["--raw", "--epochs", "2", "--weights", weights, "--out", str(tmp_path)]) == 0
    assert losses_in(tmp_path) == losses_by_the_library(5, LEARNING_RATE, standardised(0))[3:]
    message = f"--raw is ignored: the features are scaled as {weights} says\n"
    assert message in capsys.readouterr().err


def test_weights_for_raw_features_continue_with_the_learning_rate_for_raw_features(tmp_path: Path) -> None:
    weights = str(tmp_path / "weights.json")
    assert main(["--raw", "--epochs", "3", "--out", str(tmp_path)]) == 0
    assert main(["--epochs", "2", "--weights", weights, "--out", str(tmp_path)]) == 0
    assert losses_in(tmp_path) == losses_by_the_library(5, RAW_LEARNING_RATE, Network.random(0))[3:]


def test_a_dead_network_is_reported_with_what_to_try(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--raw", "--lr", "0.01", "--epochs", "30", "--out", str(tmp_path)]) == 0
    message = "Every hidden unit is dead for every passenger: the predicted price is the same for all. "
    advice = "Start again with --lr 0.001 or another --seed, or without --raw\n"
    assert capsys.readouterr().err.endswith(message + advice)
    assert main(["--raw", "--epochs", "30", "--out", str(tmp_path)]) == 0
    assert "dead" not in capsys.readouterr().err


def test_r_squared_is_left_out_if_all_prices_are_equal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "table.csv").write_text("age,class,survived,price\n20,1,0,8\n30,2,1,8\n")
    assert main(["--data", str(tmp_path / "table.csv"), "--epochs", "2", "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "loss" in printed
    assert "R²" not in printed


# Help


@pytest.mark.parametrize("name", SUBCOMMANDS)
def test_help_names_every_option_of_the_subcommand(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in ([name, "--help"], [name, "-h"]):
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert ended.value.code == 0
        text = capsys.readouterr().out
        assert SUBCOMMANDS[name].help in text and SUBCOMMANDS[name].notes in text
        for option in SUBCOMMANDS[name].options:
            assert f" --{option}" in text


def test_help_lists_the_options_of_the_main_job_and_the_subcommands(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    for option in SUBCOMMANDS["train"].options:
        assert f" --{option}" in text
    for name, subcommand in SUBCOMMANDS.items():
        assert re.search(rf"^    {name} +{subcommand.help[:40]}", text, re.MULTILINE)


def test_version_is_the_installed_one_or_says_that_there_is_none(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def not_found(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    for version, expected in (
        (lambda name: f"1.2 of {name}", "1.2 of microgrid-autograd"),
        (not_found, "(not installed)"),
    ):
        monkeypatch.setattr(importlib.metadata, "version", version)
        assert main(["--version"]) == 0
        assert capsys.readouterr().out == f"titanic {expected}\n"


# What it refuses


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--epochs", "-1"], "argument --epochs: '-1' is not a number of epochs; give 0, 1, 2 or more"),
        (["--epochs", "1.5"], "argument --epochs: '1.5' is not a number of epochs; give 0, 1, 2 or more"),
        (["--epochs", "1" + "0" * 400], "is not a number of epochs; give 0, 1, 2 or more"),
        (["--lr", "nan"], "argument --lr: 'nan' is not a learning rate; give a number above 0, such as 0.01"),
        (["--lr", "0"], "argument --lr: '0' is not a learning rate"),
        (["--lr", "-1"], "argument --lr: '-1' is not a learning rate"),
        (["--lr", "inf"], "argument --lr: 'inf' is not a learning rate"),
        (["--lr", "fast"], "argument --lr: 'fast' is not a learning rate"),
        (["--seed", "x"], "argument --seed: 'x' is not a seed; give a whole number"),
        (["--out"], "argument --out: expected one argument"),
        (["--epoch=3"], "unrecognized arguments: --epoch=3"),
        (["train", "--epoch", "3"], "unrecognized arguments: --epoch 3"),
        (["--raw=yes"], "--raw"),
        (["sail"], "invalid choice: 'sail' (choose from "),
        (["sail", "--help"], "invalid choice: 'sail' (choose from "),
        (["--out", "train", "sail"], "invalid choice: 'sail' (choose from "),
        (["draw", "graph.xyz"], "invalid choice: 'graph.xyz' (choose from "),
        (["train", "train"], "unrecognized arguments: train"),
        (["train", "--passengers", "3"], "unrecognized arguments: --passengers 3"),
        (["--epochs", "3", "train"], "options come after the subcommand, as in titanic train --seed 1"),
        (["--out", ""], "argument --out: '' is not the name of a file or folder"),
        (["--data", ""], "argument --data: '' is not the name of a file or folder"),
        (["--weights="], "argument --weights: '' is not the name of a file or folder"),
        (["step", "--page", ""], "argument --page: '' is not the name of a file or folder"),
    ],
)
def test_a_wrong_command_line_is_one_line_and_exit_status_2(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert complaint in printed.err
    assert re.fullmatch(r"titanic: .{1,150}; see titanic( train| step| draw)? --help\n", printed.err)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--data", "nothing.csv"], "nothing.csv: No such file or directory; give the path of a CSV file, "),
        (["--data", "bad.csv"], "bad.csv, line 2, column age: "),
        (["--weights", "nothing.json"], "nothing.json: No such file or directory; give a weights.json"),
        (["--weights", "bad.csv"], "bad.csv: is not usable JSON "),
        (["--out", "bad.csv"], "bad.csv: File exists; give --out a folder to write into\n"),
        (["--out", "bad.csv/deep"], "bad.csv/deep: Not a directory; give --out a folder to write into\n"),
        (["--out", "taken"], f"{Path('taken/loss.svg')}: is a folder; give --out another place\n"),
    ],
)
def test_unusable_input_is_one_line_and_exit_status_1_before_training(
    arguments: list[str],
    complaint: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bad.csv").write_text("age,class,survived,price\nold,1,0,8\n")
    Path("taken/loss.svg").mkdir(parents=True)
    before = sorted(tmp_path.rglob("*"))
    assert main(arguments) == 1
    printed = capsys.readouterr()
    assert printed.err.startswith(f"titanic: {complaint}")
    assert printed.err.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("subcommand", ["", "train", "draw"])
@pytest.mark.parametrize("out", ["read-only", "read-only/new", "/dev/null/new", "/proc/new"])
def test_a_folder_that_cannot_be_written_is_one_line_before_training(
    subcommand: str,
    out: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    ordinary_user: Callable[[], AbstractContextManager[None]],
) -> None:
    monkeypatch.chdir(tmp_path)
    tmp_path.chmod(0o755)
    Path("read-only").mkdir(mode=0o555)
    Path("passengers.csv").write_text("age,class,survived,price\n22,3,0,7.25\n38,1,1,71.28\n")
    arguments = [*subcommand.split(), "--data", "passengers.csv"]
    # An ordinary user may not read root's Python or a checkout in root's folder. So this first run imports
    # what the command imports late, and the passengers are in a file here.
    assert main([*arguments, "--out", "writable", *(["--epochs", "0"] if subcommand != "draw" else [])]) == 0
    capsys.readouterr()
    with ordinary_user():
        assert main([*arguments, "--out", out]) == 1
    assert re.fullmatch(f"titanic: {out}: .+; give --out a folder to write into\n", capsys.readouterr().err)
    assert list(Path("read-only").iterdir()) == []


@pytest.mark.parametrize(
    ("missing", "named"),
    [(["rich"], "rich"), (["matplotlib"], "matplotlib"), (["matplotlib", "rich"], "rich matplotlib")],
)
def test_missing_packages_are_named_with_the_command_that_installs_them(
    missing: list[str], named: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for package in missing:
        monkeypatch.setitem(sys.modules, package, None)
    assert main([]) == 1
    expected = f"titanic: not everything is installed; run: {sys.executable} -m pip install {named}\n"
    assert capsys.readouterr() == ("", expected)


def test_a_loss_that_is_not_finite_is_one_line_and_the_last_finite_weights_are_saved(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--lr", "0.5", "--out", str(tmp_path)]) == 1
    losses = losses_in(tmp_path)
    assert loss_of_the_weights_in(tmp_path) == losses[-1]
    complaint = f"the loss is no longer finite after epoch {len(losses)} with learning rate 0.5"
    assert capsys.readouterr().err.endswith(f"\ntitanic: {complaint}; try a smaller one, such as 0.05\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == FILES


@pytest.mark.parametrize("unrolled", [[], ["--unrolled"]])
def test_a_training_without_a_first_loss_is_one_line_and_writes_nothing(
    unrolled: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["train", "--epochs", "1", "--out", str(out)]) == 0
    before = files_in(out)
    for weight in (1e155, 1e200):  # the loss is inf, or raises
        Network([[weight] * 4] * 4, [[1.0]] * 5).save(tmp_path / "start.json")
        capsys.readouterr()
        assert main(["--weights", str(tmp_path / "start.json"), "--out", str(out), *unrolled]) == 1
        complaint = "the loss is not finite before the first step; start from smaller weights or prices"
        assert capsys.readouterr().err.endswith(f"\ntitanic: {complaint}\n")
        assert files_in(out) == before


@pytest.mark.filterwarnings("error")
@given(st.floats(-6.0, 6.0), st.integers(0, 1000), st.integers(1, 100))
@example(0.0, 0, 300)
@example(math.log10(0.4), 3, 300)
@example(4.828125, 167, 3)
def test_any_learning_rate_gives_at_most_one_message_and_three_consistent_files(
    magnitude: float, seed: int, epochs: int
) -> None:
    with TemporaryDirectory() as name, redirect_stdout(StringIO()), redirect_stderr(StringIO()) as complaints:
        out = Path(name, "out")
        options = ["--lr", repr(10.0**magnitude), "--seed", str(seed), "--epochs", str(epochs)]
        status = main(["train", *options, "--out", str(out), "--unrolled"])
        messages = [line for line in complaints.getvalue().splitlines() if line.startswith("titanic: ")]
        assert len(messages) == status in (0, 1)
        assert all("the loss is no longer finite after epoch" in line for line in messages)
        assert sorted(path.name for path in out.iterdir()) == FILES
        losses = losses_in(out)
        assert all(map(math.isfinite, losses))
        assert loss_of_the_weights_in(out) == pytest.approx(losses[-1], rel=1e-13)
        assert (out / "loss.svg").read_text() == loss_curve(losses)


@pytest.mark.parametrize("job", [["step"], ["draw", "scalar"], ["draw", "folded"], ["check"], ["train"], []])
def test_weights_too_large_for_a_loss_are_one_line(
    job: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Network([[1e200] * 4] * 4, [[1.0]] * 5).save(tmp_path / "weights.json")
    out = [] if job[:1] in (["step"], ["check"]) else ["--out", str(tmp_path)]
    assert main([*job, "--weights", str(tmp_path / "weights.json"), *out]) == 1
    *before, last = capsys.readouterr().err.splitlines()
    assert last.startswith("titanic: ") and ("smaller weights" in last)
    assert all(line.startswith("Training for ") for line in before)


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="Windows has no such device")
@pytest.mark.parametrize("arguments", ["--data /dev/zero", "--data - </dev/zero", "--weights /dev/zero"])
def test_an_endless_file_is_one_line(arguments: str, tmp_path: Path) -> None:
    # In 800 megabytes; Python and its imports take most of them.
    command = f"ulimit -v 800000; OPENBLAS_NUM_THREADS=1 {sys.executable} -m titanic train {arguments}"
    ended = subprocess.run(
        command, shell=True, cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert re.fullmatch(r"titanic: .*/dev/zero: .*\n|titanic: standard input: .*\n", ended.stderr)


# Streams


def run_with_a_closed_pipe(arguments: Sequence[str], folder: Path, closed: str) -> "tuple[int, str]":
    """Return the exit status and remaining output of a command after one of its streams lost its reader."""
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "titanic", *arguments]
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment(),
        stdout=writer if closed == "stdout" else subprocess.PIPE,
        stderr=writer if closed == "stderr" else subprocess.PIPE,
        text=True,
    ) as process:
        os.close(writer)
        out, err = process.communicate()
    return process.returncode, (out or "") + (err or "")


@pytest.mark.parametrize("closed", ["stdout", "stderr"])
def test_a_closed_pipe_is_not_an_error_and_the_job_is_done(tmp_path: Path, closed: str) -> None:
    status, rest = run_with_a_closed_pipe(["--epochs", "2"], tmp_path, closed)
    assert status == 0, rest
    assert sorted(path.name for path in (tmp_path / "titanic-out").iterdir()) == sorted(FILES + PICTURES)
    assert "Broken" not in rest
    assert "Traceback" not in rest


def test_help_into_a_closed_pipe_is_not_an_error(tmp_path: Path) -> None:
    assert run_with_a_closed_pipe(["--help"], tmp_path, "stdout") == (0, "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="macOS has no device that is always full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("arguments", ["", "--help", "train --help", "--version", "unroll"])
def test_a_full_device_is_one_line(arguments: str, unbuffered: str, tmp_path: Path) -> None:
    command = f"{sys.executable} -m titanic {arguments} >/dev/full"
    ended = subprocess.run(
        command,
        shell=True,
        cwd=tmp_path,
        env=environment(PYTHONUNBUFFERED=unbuffered),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stderr == "titanic: standard output: No space left on device\n"


@pytest.mark.parametrize("closed", [">&-", "2>&-"])
def test_streams_that_are_closed_from_the_start_are_not_an_error(tmp_path: Path, closed: str) -> None:
    command = f"{sys.executable} -m titanic --epochs 1 {closed}"
    ended = subprocess.run(
        command, shell=True, cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert ("Written" in ended.stdout) == (closed == "2>&-")
    assert ("Training" in ended.stdout + ended.stderr) == (closed == ">&-")
    assert sorted(path.name for path in (tmp_path / "titanic-out").iterdir()) == sorted(FILES + PICTURES)


def test_an_encoding_that_lacks_the_characters_is_not_an_error(tmp_path: Path) -> None:
    ended = run("--epochs", "1", folder=tmp_path, PYTHONIOENCODING="ascii")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.isascii()
    assert "Written" in ended.stdout


# A terminal, and Ctrl-C


def terminal(*arguments: str, folder: Path, **changes: str) -> "pexpect.spawn[str]":
    return pexpect.spawn(
        sys.executable,
        ["-m", "titanic", *arguments],
        cwd=str(folder),
        env=environment(**changes),
        dimensions=(30, 100),
        encoding="utf-8",
        timeout=60,
    )


def exit_status(process: "pexpect.spawn[str]") -> int | None:
    process.expect(pexpect.EOF)
    process.close()
    status: int | None = process.exitstatus
    return status


def test_a_terminal_gets_a_live_bar_with_epoch_loss_and_time_left(tmp_path: Path) -> None:
    process = terminal("--epochs", "100", folder=tmp_path)
    process.expect(r"epoch (\d+)/100 .*loss ([\d.]+).* time left.*\d:\d\d:\d\d")
    process.expect("epoch 100/100")
    process.expect("Written: ")
    assert exit_status(process) == 0


def test_a_dumb_terminal_gets_lines(tmp_path: Path) -> None:
    process = terminal("--epochs", "10", folder=tmp_path, TERM="dumb")
    process.expect("Written: ")
    assert process.before is not None
    assert "\repoch 10 of 10: loss" in process.before.replace("\n", "")
    assert "\x1b" not in process.before
    assert exit_status(process) == 0


def test_ctrl_c_keeps_the_weights_of_the_last_whole_epoch(tmp_path: Path) -> None:
    process = terminal("--epochs", "1000000", folder=tmp_path)
    process.expect(r"epoch \d\d+/1000000")
    process.sendintr()
    process.expect(r"Interrupted; keeping the weights after epoch (\d+)")
    assert process.match
    epoch = int(process.match.group(1))
    process.expect("Written: ")
    assert exit_status(process) == 130
    losses = losses_in(tmp_path / "titanic-out")
    assert len(losses) == epoch + 1 > 10
    # An epoch may be complete before it is shown.
    expected = losses_by_the_library(epoch + 1, LEARNING_RATE, standardised(0))
    assert losses == expected[:-1]
    assert loss_of_the_weights_in(tmp_path / "titanic-out") in expected[-2:]


def test_a_second_ctrl_c_ends_at_once(tmp_path: Path) -> None:
    # A matplotlib that takes a minute to import keeps the command writing after the first Ctrl-C.
    slow = tmp_path / "slow" / "matplotlib"
    slow.mkdir(parents=True)
    (slow / "__init__.py").write_text("import time\nprint('importing')\ntime.sleep(60)\n")
    path = os.pathsep.join([str(slow.parent), str(ROOT)])
    process = terminal("--epochs", "1000000", folder=tmp_path, PYTHONPATH=path)
    process.expect(r"epoch \d\d+/1000000")
    process.sendintr()
    process.expect("importing")
    process.sendintr()
    process.timeout = 30
    assert exit_status(process) == 130
    assert "Traceback" not in (process.before or "")
    assert sorted(path.name for path in (tmp_path / "titanic-out").iterdir()) == ["loss.csv", "weights.json"]


def test_ctrl_c_during_the_imports_is_one_line(tmp_path: Path) -> None:
    # One module of the standard library that takes a minute to import instead of many that take milliseconds.
    (tmp_path / "statistics.py").write_text("import time\nprint('importing', flush=True)\ntime.sleep(60)\n")
    process = terminal(folder=tmp_path, PYTHONPATH=os.pathsep.join([str(tmp_path), str(ROOT)]))
    process.expect("importing")
    process.sendintr()
    process.timeout = 30
    assert exit_status(process) == 130
    assert (process.before or "").replace("^C", "").strip() == "titanic: interrupted"


def test_an_interrupt_without_a_terminal_is_the_same(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "titanic", "--epochs", "1000000"]
    process = subprocess.Popen(
        command, cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with process:
        assert process.stderr is not None
        while not process.stderr.readline().startswith("epoch 0 "):
            pass
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
    assert process.returncode == 130
    assert re.fullmatch(r"Interrupted; keeping the weights after epoch \d+\n", err)
    assert out.endswith("Written: titanic-out/weights.json, titanic-out/loss.csv, titanic-out/loss.svg\n")
    assert sorted(path.name for path in (tmp_path / "titanic-out").iterdir()) == FILES


# Killed. A file is whole if it has the bytes of an undisturbed run.


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Return for each of two seeds a folder with the files of a training and its pictures."""
    folder = tmp_path_factory.mktemp("whole")
    for seed in (1, 2):
        for job in (["train", "--epochs", "2"], ["draw"]):
            assert main([*job, "--seed", str(seed), "--out", str(folder / str(seed))]) == 0
    return {seed: folder / str(seed) for seed in (1, 2)}


@pytest.mark.parametrize("job", [["train", "--epochs", "2"], ["draw"]], ids=["train", "draw"])
def test_killed_at_any_time_each_file_is_whole_or_absent(
    job: list[str], whole: dict[int, Path], tmp_path: Path
) -> None:
    old, new = files_in(whole[1]), files_in(whole[2])
    delays = random.Random(0)
    for k in range(6):
        out = tmp_path / str(k)
        if k % 2:
            shutil.copytree(whole[1], out)
        command = [sys.executable, "-m", "titanic", *job, "--seed", "2", "--out", str(out)]
        with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()  # the passengers are loaded
            time.sleep(delays.uniform(0.0, 1.0))
            process.kill()
        left = files_in(out)
        assert all(content in (old[name], new[name]) for name, content in left.items())
        assert not k % 2 or left.keys() == old.keys()


# Kills itself just before it opens or renames a draft in the folder for the nth time.
KILLED_AT = """
import os, signal, sys
folder, n = os.path.abspath(sys.argv[1]), int(sys.argv[2])
from titanic.__main__ import main
events = []
def kill(event, arguments):
    if event in ("open", "os.rename") and str(arguments[0]).startswith(folder + "/."):
        events.append(event)
        if len(events) == n:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(kill)
main(["train", "--epochs", "2", "--seed", "2", "--out", folder])
"""


def test_killed_between_any_two_files_they_are_whole_and_the_next_run_works(
    whole: dict[int, Path], tmp_path: Path
) -> None:
    old, new = files_in(whole[1]), files_in(whole[2])
    out = tmp_path / "out"
    shutil.copytree(whole[1], out)
    written = ["weights.json", "loss.csv", "loss.svg"]  # in this order
    for n in range(1, 7):
        killed = subprocess.run(
            [sys.executable, "-c", KILLED_AT, str(out), str(n)], env=environment(), check=False
        )
        assert killed.returncode == -signal.SIGKILL
        assert files_in(out) == {**old, **{name: new[name] for name in written[: (n - 1) // 2]}}
    drafts = [path.name for path in out.iterdir() if path.name.startswith(".")]
    assert len(drafts) == len(written)
    assert main(["train", "--epochs", "2", "--seed", "2", "--out", str(out)]) == 0
    assert files_in(out) == {**old, **{name: new[name] for name in written}}
