"""Both passes as one animated SVG, in a real Chromium: opened itself, at given times, and as an image."""

import io
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from browser import chromium, console, resize
from graphs import diamond
from pages import ATTACKS
from PIL import Image, ImageChops

from microgrid import Value, backward_steps, write_animation
from microgrid.animation import ARRIVED, BACKWARD, FORWARD, STILL
from microgrid.names import node_names, short
from titanic.__main__ import main

if TYPE_CHECKING:
    from selenium.webdriver import Chrome


def square() -> Value:
    x = Value(3.0, label="x")
    y = x * x
    y.label = "y"
    return y


def awkward() -> Value:
    """A graph with a constant, a local gradient of nan, and numbers for whose sum a box has no room."""
    x = Value(-1.2345678, label="x")
    n = Value(3.0, label="n")
    return Value.sum([x**n, x * 1e100, (x + 2).tanh() * 1e-9])


def opened(browser: "Chrome", root: Value, folder: Path) -> Path:
    """Write the animation of a graph and open it in the browser, at its beginning."""
    path = write_animation(root, folder / "animation.svg")
    browser.get("about:blank")
    console(browser)
    browser.get(path.as_uri())
    return path


SHOWN = """
for (const animation of document.getAnimations()) {
    animation.pause();
    animation.currentTime = 1000 * arguments[0];
}
const seen = element => !element || getComputedStyle(element).opacity !== "0" && seen(element.parentElement);
const texts = selector => [...document.querySelectorAll(selector)].filter(seen).map(text => text.textContent);
const numbers = document.querySelectorAll(".node").length;
const boxes = what => Array.from({ length: numbers }, (_, i) => texts(`#a_${what}-${i + 1} text`).join(""));
return [
    texts(".line").join(" "),
    boxes("data"),
    boxes("grad"),
    texts(".edge text").sort(),
    texts(".pill"),
];
"""

Shown = tuple[
    str, list[str], list[str], list[str], list[str]
]  # line, data, grads, local gradients, what moves


def shown(browser: "Chrome", seconds: float) -> Shown:
    """What is seen at a time of the animation."""
    line, *numbers = browser.execute_script(SHOWN, seconds)
    return (line, *numbers)


def boxes(root: Value) -> list[Value]:
    return [node for node in node_names(root) if node.op != "constant"]


def whole(root: Value) -> tuple[list[str], list[str], list[str]]:
    """Data, grads and local gradients as they are after backward."""
    nodes = boxes(root)
    root.backward()
    return (
        [f"data {short(node.data)}" for node in nodes],
        [f"grad {short(node.grad)}" for node in nodes],
        sorted(short(step.local_grad) for step in backward_steps(root)),
    )


# The numbers


@pytest.mark.parametrize("graph", [lambda: diamond()[-1], square, awkward])
def test_every_step_says_its_line_and_shows_the_numbers_so_far(
    browser: "Chrome", tmp_path: Path, layout_program: str, graph: Callable[[], Value]
) -> None:
    root = graph()
    opened(browser, root, tmp_path)
    names = node_names(root)
    results = [node for node in names if node.operands]
    data, grads, local_grads = whole(root)
    _, *numbers, moving = shown(browser, 0)
    assert (numbers, moving) == ([data, grads, local_grads], [])

    now = STILL + FORWARD
    line, *numbers, moving = shown(browser, now - 0.01)
    given = [number if not node.operands else "data " for node, number in zip(boxes(root), data)]
    assert (numbers, moving) == ([given, ["grad "] * len(grads), []], [])
    for node in results:
        line, *_, moving = shown(browser, now + ARRIVED * FORWARD - 0.01)
        assert line.startswith(f"{names[node]} = ") and line.endswith(f" = {short(node.data)}")
        assert moving == [short(operand.data) for operand in node.operands if operand.op != "constant"]
        now += FORWARD
    _, *numbers, _ = shown(browser, now - 0.01)
    assert numbers == [data, ["grad "] * len(grads), local_grads]

    received = {node: "1" if node is root else "0" for node in boxes(root)}
    now += BACKWARD
    for step in backward_steps(root):
        _, _, before, _, moving = shown(browser, now + 0.01)
        assert before == [f"grad {grad}" for grad in received.values()]
        assert moving == [short(step.node_grad)]
        line, *_, moving = shown(browser, now + ARRIVED * BACKWARD - 0.01)
        assert (line, moving) == (str(step), [short(step.contribution)])
        received[step.operand] = short(step.after)
        joined = shown(browser, now + BACKWARD - 0.01)[2]
        assert joined[[*received].index(step.operand)] in (f"grad {step.sum()}", f"grad {short(step.after)}")
        now += BACKWARD
    assert [f"grad {grad}" for grad in received.values()] == grads
    assert console(browser) == []


def test_the_sum_is_shown_as_it_joins(browser: "Chrome", tmp_path: Path) -> None:
    opened(browser, diamond()[-1], tmp_path)
    end_of_third = STILL + 3 * FORWARD + 4 * BACKWARD
    assert shown(browser, end_of_third - 0.01)[2][0] == "grad 1 + (-2) = -1"
    assert shown(browser, end_of_third + 0.01)[2][0] == "grad -1"


def test_what_moves_follows_the_arrow_forward_and_goes_against_it_backward(
    browser: "Chrome", tmp_path: Path
) -> None:
    opened(browser, diamond()[-1], tmp_path)

    def places(begin: float, seconds: float) -> list[float]:
        """How far to the right the first number is that moves, at three times of a step."""
        found = []
        for part in (0.01, ARRIVED / 2, ARRIVED - 0.01):
            shown(browser, begin + part * seconds)
            found.append(
                browser.execute_script(
                    """
                    const group = [...document.querySelectorAll(".forward, .backward")]
                        .find(group => getComputedStyle(group).opacity === "1");
                    return group.querySelector(".moving").getBoundingClientRect().left;
                    """
                )
            )
        return found

    forward = places(STILL + FORWARD, FORWARD)
    assert forward == sorted(forward) and forward[-1] - forward[0] > 100
    backward = places(STILL + 3 * FORWARD + BACKWARD, BACKWARD)
    assert backward == sorted(backward, reverse=True) and backward[0] - backward[-1] > 100


# As an image


def photographed(browser: "Chrome") -> Image.Image:
    return Image.open(io.BytesIO(browser.get_screenshot_as_png())).convert("RGB")


def as_image(browser: "Chrome", path: Path) -> None:
    """Open a page that shows the animation as an image."""
    page = path.with_suffix(".html")
    page.write_text(
        f'<meta name="color-scheme" content="light dark"><img src="{path.name}">', encoding="utf-8"
    )
    browser.get(page.as_uri())


def alike(one: Image.Image, other: Image.Image) -> bool:
    return ImageChops.difference(one, other).getbbox() is None


def test_as_an_image_it_moves_and_begins_with_all_numbers(browser: "Chrome", tmp_path: Path) -> None:
    path = write_animation(diamond()[-1], tmp_path / "a.svg")
    resize(browser, 800, 320)
    as_image(browser, path)
    still = photographed(browser)
    time.sleep(STILL + FORWARD)
    frames = [photographed(browser)]
    for _ in range(2):
        time.sleep(0.4)
        frames.append(photographed(browser))
    resize(browser, 1280, 800)
    assert not any(alike(one, other) for one, other in pairwise([still, *frames]))

    # The preference that devtools feign does not reach an image.
    with chromium(tmp_path / "profile", 800, 320, "--force-prefers-reduced-motion") as quiet:
        as_image(quiet, path)
        assert alike(photographed(quiet), still)
        time.sleep(STILL + 0.5)
        assert alike(photographed(quiet), still)


def test_it_is_dark_where_the_page_is(browser: "Chrome", tmp_path: Path) -> None:
    path = write_animation(diamond()[-1], tmp_path / "a.svg")
    corners = []
    for dark in (False, True):
        resize(browser, 800, 320, dark=dark)
        as_image(browser, path)
        corners.append(photographed(browser).getpixel((12, 12)))
    resize(browser, 1280, 800)
    assert corners == [(255, 255, 255), (22, 24, 27)]


# What a file holds


def test_the_animation_for_a_readme_is_small_and_has_no_script(tmp_path: Path) -> None:
    path = write_animation(diamond()[-1], tmp_path / "a.svg")
    assert path.stat().st_size < 40_000
    tags = {element.tag.partition("}")[2] for element in ElementTree.parse(path).iter()}
    assert tags <= {"svg", "style", "rect", "g", "a", "title", "path", "polygon", "text", "tspan"}
    text = path.read_text(encoding="utf-8")
    assert "url(" not in text and " href" not in text and "@import" not in text


def test_the_same_graph_gives_the_same_file_and_keeps_its_grads(tmp_path: Path) -> None:
    x, w, y = diamond()
    x.grad = 5.0
    one = write_animation(y, tmp_path / "one.svg").read_bytes()
    assert one == write_animation(y, tmp_path / "other.svg").read_bytes()
    assert (x.grad, w.grad, y.grad) == (5.0, 0.0, 0.0)


def test_labels_are_text_and_no_markup(browser: "Chrome", tmp_path: Path) -> None:
    attacks = [*ATTACKS, "</style><script>alert(1)</script>", "x') } * { display: none }", "漢字🚢" * 9]
    root = Value.sum([Value(float(i), label=label) for i, label in enumerate(attacks)])
    root.label = attacks[0]
    path = opened(browser, root, tmp_path)
    assert browser.execute_script("return document.getElementsByTagName('*').length") > 100
    assert browser.execute_script("return document.querySelectorAll('script, img').length") == 0
    names = browser.execute_script(
        "return [...document.querySelectorAll('.node text')].map(text => text.textContent.trim())"
    )
    assert {*attacks[1:6], *attacks[-3:-1]} <= {*names}
    assert "script" not in {element.tag.partition("}")[2] for element in ElementTree.parse(path).iter()}
    assert console(browser) == []


def test_nothing_is_cut_off_at_any_step(browser: "Chrome", tmp_path: Path, layout_program: str) -> None:
    x = Value(0.123456, label="a long name of a leaf, longer than forty letters")
    root = (x * x).tanh()
    root.label = "W" * 39
    opened(browser, root, tmp_path)
    outside = browser.execute_script(
        """
        const page = document.documentElement.getBoundingClientRect();
        return [...document.querySelectorAll(".line, .node, .edge")].filter(element => {
            const { left, top, right, bottom } = element.getBoundingClientRect();
            return left < page.left || top < page.top || right > page.right || bottom > page.bottom;
        }).map(element => element.textContent);
        """
    )
    assert outside == []


# What it refuses


def test_more_steps_than_anybody_would_watch_are_refused_in_one_line(tmp_path: Path) -> None:
    chain = Value(0.5)
    for _ in range(61):
        chain = chain.tanh()
    with pytest.raises(ValueError, match=r"^the passes have 122 steps, more than the 120 of an animation: "):
        write_animation(chain, tmp_path / "a.svg")
    assert list(tmp_path.iterdir()) == []


def test_a_single_leaf_has_an_animation_too(browser: "Chrome", tmp_path: Path) -> None:
    opened(browser, Value(2.0, label="x"), tmp_path)
    assert shown(browser, 0)[1:3] == (["data 2"], ["grad 1"])


# The command lines


def test_titanic_step_writes_the_animation_of_the_first_passenger(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "loss.svg"
    assert main(["step", "--animation", str(path)]) == 0
    assert capsys.readouterr().out.endswith(f"Written: {path}\n")
    assert path.stat().st_size < 500_000
    assert main(["step", "--animation", str(tmp_path / "no" / "loss.svg")]) == 1
    assert capsys.readouterr().err.endswith("No such file or directory; give --animation another place\n")
    assert main(["step", "--passengers", "2", "--animation", str(path)]) == 1
    assert "the passes have 210 steps" in capsys.readouterr().err
