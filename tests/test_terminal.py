"""The loss curve of the terminal module, for any losses that a training can have."""

import re
import sys
import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from titanic.terminal import loss_curve

LARGEST = sys.float_info.max
losses = st.floats(0.0, LARGEST)


@settings(max_examples=60)  # each takes a tenth of a second
@given(st.lists(losses, min_size=1, max_size=20) | st.lists(losses, min_size=1, max_size=20).map(sorted))
@example([2340.3, 1e266])
@example([2340.3, 1.7e308])
@example([1e266, 1e269])
@example([LARGEST])
@example([LARGEST, LARGEST])
@example([1e308, LARGEST])
@example([0.0])
@example([0.0, 0.0])
@example([5e-324])
@example([1.0, 0.0])
@example([LARGEST, 0.0])
@pytest.mark.filterwarnings("error")
def test_any_finite_losses_have_a_curve(losses: list[float]) -> None:
    text = loss_curve(losses)
    ElementTree.fromstring(text)
    assert not re.search(r"\b(nan|inf)\b", text)


@pytest.mark.parametrize(
    ("losses", "ticks"),
    [
        ([1.0, 10.0, 1e3], []),
        ([1.0, 1e4], range(0, 5)),
        ([1e300, 1e308], range(300, 309)),
        ([1e270], [270]),
    ],
)
def test_losses_of_all_magnitudes_are_drawn_by_their_exponents(
    losses: list[float], ticks: "range | list[int]"
) -> None:
    # Matplotlib writes each text as a comment above its outlines.
    written = re.findall(r"<!-- \$10\^\{(-?\d+)\}\$ -->", loss_curve(losses))
    shown = {int(exponent) for exponent in written}
    assert len(shown) == len(written)
    assert shown & set(ticks) if ticks else not shown


def test_the_same_losses_give_the_same_bytes() -> None:
    assert loss_curve([3.0, 2.0, 1e9]) == loss_curve([3.0, 2.0, 1e9])
