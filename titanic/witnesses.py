"""Are the engine's gradients right? Three independent witnesses: closed form, central differences, PyTorch.

    verdict = check(network, X, y)
    verdict.agrees                          # whether no witness differs from the engine at any entry
    verdict.summary                         # one line; where one differs, it names the first letter from L
    verdict.letters["B"]                    # the entries of ∂L/∂B, and what each witness says of them

Two numbers a and b differ when |a − b| > tolerance · max(|a|, |b|, the largest |gradient| of that letter).
Floats cannot keep to that where the terms of a gradient all but cancel, as in a network that is trained to
the end: there a millionth of what they amount to stands for the largest |gradient|.
"""

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Context, Decimal, localcontext

from microgrid import Value
from titanic.derivation import Derivation, derive
from titanic.network import Forward, Network
from titanic.reference import to_module

TOLERANCES = {"closed form": 1e-9, "central differences": 1e-5, "PyTorch": 1e-9}

# In the order of backpropagation. X is not among them: it is three columns of A.
LETTERS = ("L", "H", "n", "G", "F", "E", "y", "W2", "D", "b2", "C", "B", "W1", "A", "b1")

Numbers = Sequence[Sequence[float]]
# A number for each entry of a letter; None where the witness cannot tell.
Matrix = Sequence[Sequence[float | None]]


@dataclass(frozen=True)
class Entry:
    """One entry of a letter: the engine's number, and each witness's, None where it cannot tell."""

    name: str
    engine: float
    witnesses: Mapping[str, float | None]
    largest: float  # the largest |number| of the letter, see above

    def difference(self, witness: str) -> float:
        """|a − b| / max(|a|, |b|, largest) between engine and witness; 0 where the witness cannot tell."""
        a, b = self.engine, self.witnesses[witness]
        if b is None or a == b:
            return 0.0
        if not math.isfinite(a - b):
            return math.inf
        return abs(a - b) / max(abs(a), abs(b), self.largest)

    @property
    def severity(self) -> float:
        """The largest difference in units of its tolerance: above 1, two numbers differ."""
        return max(self.difference(witness) / TOLERANCES[witness] for witness in self.witnesses)

    def __str__(self) -> str:
        told = {"the engine": self.engine} | {name: b for name, b in self.witnesses.items() if b is not None}
        return f"{self.name} is " + ", ".join(f"{number:.9g} by {name}" for name, number in told.items())


@dataclass(frozen=True)
class Verdict:
    """What the witnesses say of each letter's gradient, and the closed form of the letter itself, too."""

    letters: Mapping[str, Sequence[Entry]]  # ∂L/∂letter, in the order of backpropagation
    forward: Mapping[str, Sequence[Entry]]  # the letter itself, in the order of the forward pass
    derivation: Derivation  # the closed form

    @property
    def witnesses(self) -> list[str]:
        """The witnesses that were heard: PyTorch where it is installed."""
        return list(self.letters["L"][0].witnesses)

    @property
    def entries(self) -> list[Entry]:
        """The entries of all gradients."""
        return [entry for entries in self.letters.values() for entry in entries]

    @property
    def at_a_kink(self) -> list[str]:
        """The entries whose interval crosses a kink of the relu: central differences cannot tell of them."""
        return [entry.name for entry in self.entries if entry.witnesses["central differences"] is None]

    @property
    def agrees(self) -> bool:
        """Whether no witness differs from the engine."""
        return not any(_first_wrong(letters) for letters in (self.forward, self.letters))

    @property
    def summary(self) -> str:
        """The verdict in one line; where a witness differs, with the first letter that it differs at."""
        if self.agrees:
            *others, last = self.witnesses
            absent = "" if "PyTorch" in self.witnesses else "; PyTorch is not installed"
            return (
                f"All {len(self.entries)} gradients are right: {', '.join(others)} and {last} agree{absent}"
            )
        wrong = []
        if entry := _first_wrong(self.forward):
            wrong.append(f"The forward pass is wrong, first at {_letter(entry)}: {entry}")
        if entry := _first_wrong(self.letters):
            wrong.append(f"The gradients are wrong, first from L at ∂L/∂{_letter(entry)}: ∂L/∂{entry}")
        return ". ".join(wrong)

    def largest_difference(self, witness: str) -> float:
        """The witness's largest difference from the engine's gradients, relative as in Entry.difference."""
        return max(entry.difference(witness) for entry in self.entries)


def check(network: Network, X: Sequence[Sequence[float]], y: Sequence[float]) -> Verdict:
    """Ask the witnesses about every letter's gradient, for X (n × 3) and y (n prices) in natural units.

    The grads of the weights are 0 afterwards. Raises OverflowError where the loss is not finite.
    """
    network.zero_grad()
    forward = network.forward(X, y)
    if not math.isfinite(forward.L.data):
        raise OverflowError(
            "the loss is not finite, so there is no gradient to check; give smaller weights or prices"
        )
    forward.L.backward()
    numbers = {
        letter: [[node.data for node in row] for row in _rows(forward, letter)] for letter in ("X", *LETTERS)
    }
    grads = {letter: [[node.grad for node in row] for row in _rows(forward, letter)] for letter in LETTERS}
    network.zero_grad()

    derivation = derive(numbers["X"], [price for [price] in numbers["y"]], numbers["W1"], numbers["W2"])
    # The same formulas where no two terms have opposite signs: what the terms of each gradient amount to.
    terms = derive(
        _absolute(numbers["X"]),
        [-abs(price) for [price] in numbers["y"]],
        _absolute(numbers["W1"]),
        _absolute(numbers["W2"]),
    )
    differences = central_differences(forward)
    witnesses = {"closed form": derivation.gradient, "central differences": differences.__getitem__}
    with suppress(ImportError):
        witnesses["PyTorch"] = _torch_gradients(network, X, y).__getitem__
    return Verdict(
        letters={
            letter: _entries(
                letter,
                grads[letter],
                {name: tell(letter) for name, tell in witnesses.items()},
                least=1e-6 * _largest(terms.gradient(letter)),
            )
            for letter in LETTERS
        },
        forward={
            letter: _entries(letter, numbers[letter], {"closed form": derivation.value(letter)})
            for letter in "ABCDEFGHL"
        },
        derivation=derivation,
    )


def central_differences(forward: Forward) -> dict[str, Matrix]:
    """Return (L(x + h) − L(x − h)) / 2h for each entry x of each letter, None where it crosses a kink.

    L is computed anew from the letter on, by the equations of 6.3, without the passengers whom x does not
    concern: their part of L stays the same. Between two kinks of the relu L is a quadratic function of x,
    whose central difference is its derivative for any h (n's is so but for a share of (h/n)²). And no digit
    is lost as two losses that are almost equal are subtracted: these numbers have up to a thousand.
    """
    with localcontext(Context(prec=1000)):
        numbers = {
            letter: [[Decimal(node.data) for node in row] for row in _rows(forward, letter)]
            for letter in ("X", *LETTERS)
        }
        [[H]], [[n]] = numbers["H"], numbers["n"]

        def square(letter: str, k: int) -> tuple[Decimal, list[int]]:
            """G of one passenger, computed from a letter on, and the signs of B on the way."""
            row = numbers[letter][k]
            signs = []
            if letter in "X":
                row = [*row, *numbers["b1"][k]]  # A
            if letter in "XA":
                row = _times(row, numbers["W1"])  # B
            if letter in "XAB":
                signs = [(b > 0) - (b < 0) for b in row]
                row = [max(b, Decimal(0)) for b in row]  # C
            if letter in "XABC":
                row = [*row, *numbers["b2"][k]]  # D
            if letter in "XABCD":
                row = _times(row, numbers["W2"])  # E
            if letter in "XABCDE":
                row = [row[0] - numbers["y"][k][0]]  # F
            if letter in "XABCDEF":
                row = [row[0] * row[0]]  # G
            return row[0], signs

        def difference(letter: str, i: int, j: int) -> float | None:
            """The central difference of one entry."""
            passengers = range(len(numbers["X"])) if letter in ("W1", "W2") else [i]
            row = numbers[letter][i]
            x = row[j]
            row[j] = x + STEP
            above = [square(_USED_WITH.get(letter, letter), k) for k in passengers]
            row[j] = x - STEP
            below = [square(_USED_WITH.get(letter, letter), k) for k in passengers]
            row[j] = x
            if [signs for _, signs in above] != [signs for _, signs in below]:
                return None
            rise = sum(g for g, _ in above) - sum(g for g, _ in below)
            return float(_SHORT.divide(rise, 2 * STEP * n))

        found: dict[str, Matrix] = {
            letter: [
                [difference(letter, i, j) for j in range(len(row))] for i, row in enumerate(numbers[letter])
            ]
            for letter in LETTERS
            if letter not in "LHn"
        }
        found["H"] = [[float(_SHORT.divide((H + STEP) / n - (H - STEP) / n, 2 * STEP))]]
        found["n"] = [[float(_SHORT.divide(H / (n + STEP) - H / (n - STEP), 2 * STEP))]]
        [[L]] = numbers["L"]
        found["L"] = [[float(_SHORT.divide((L + STEP) - (L - STEP), 2 * STEP))]]
    return found


# h, so small that a kink lies in hardly any interval.
STEP = Decimal("1e-12")

# A quotient of two exact numbers needs no more digits than a float has.
_SHORT = Context(prec=30)

# From which letter on the forward pass uses these.
_USED_WITH = {"b1": "X", "W1": "A", "b2": "C", "W2": "D", "y": "E"}


def _times(row: Sequence[Decimal], matrix: Sequence[Sequence[Decimal]]) -> list[Decimal]:
    """A row of a matrix product."""
    return [sum((a * w for a, w in zip(row, column)), Decimal(0)) for column in zip(*matrix)]


# PyTorch


def _torch_gradients(network: Network, X: Sequence[Sequence[float]], y: Sequence[float]) -> dict[str, Matrix]:
    """The gradients by PyTorch's own forward and backward pass; ImportError where it is not installed."""
    module = to_module(network)
    tensors = module(X, y)
    tensors.L.backward()
    tensors.W1, tensors.W2 = module.W1, module.W2
    return {letter: getattr(tensors, letter).grad.tolist() for letter in LETTERS}


# Letters as matrices


def _rows(forward: Forward, letter: str) -> list[list[Value]]:
    """The nodes of a letter as rows: n × 1 for a column, 1 × 1 for a single node."""
    nodes = getattr(forward, letter)
    if isinstance(nodes, Value):
        return [[nodes]]
    return [node if isinstance(node, list) else [node] for node in nodes]


def _entries(
    letter: str, engine: Numbers, witnesses: Mapping[str, Matrix], least: float = 0.0
) -> list[Entry]:
    """The entries of a letter, row by row."""
    largest = max(_largest(engine), least)
    return [
        Entry(_name(letter, i, j), number, {name: told[i][j] for name, told in witnesses.items()}, largest)
        for i, row in enumerate(engine)
        for j, number in enumerate(row)
    ]


def _largest(matrix: Numbers) -> float:
    return max((abs(number) for row in matrix for number in row if math.isfinite(number)), default=0.0)


def _absolute(matrix: Numbers) -> list[list[float]]:
    return [[abs(number) for number in row] for row in matrix]


def _name(letter: str, i: int, j: int) -> str:
    """The sheet's name of an entry, counted from 0 here and from 1 there: `B[2,1]`, `E[2]`, `L`."""
    if letter in "LHn":
        return letter
    return (
        f"{letter}[{i + 1}]" if letter in ("b1", "b2", "E", "y", "F", "G") else f"{letter}[{i + 1},{j + 1}]"
    )


def _letter(entry: Entry) -> str:
    return entry.name.partition("[")[0]


def _first_wrong(letters: Mapping[str, Sequence[Entry]]) -> Entry | None:
    """The entry that differs most of the first letter that differs."""
    for entries in letters.values():
        worst = max(entries, key=lambda entry: entry.severity)
        if worst.severity > 1:
            return worst
    return None
