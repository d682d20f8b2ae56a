"""A picture is laid out by the system's dot, by graphviz-pure where there is none, or by the host."""

import json
import os
import re
import select
import signal
import subprocess
import sys
import sysconfig
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import graphviz
import pytest
from browser import console
from graphs import diamond
from pages import go, loss_of_one_passenger, neuron, open_page
from pictures import parts

import microgrid.picture
from microgrid import Value, draw, write_page

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

PDF = (
    r"graphviz-pure has no format pdf: take svg or png, "
    r"or install Graphviz: apt install .*\(Debian\).*brew .*\(macOS\).*winget .*\(Windows\)"
)


# The two programs


@pytest.mark.parametrize("root", [neuron, lambda: diamond()[-1], loss_of_one_passenger])
def test_both_programs_draw_the_same_boxes_arrows_and_texts(
    root: Callable[[], Value], monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = draw(root(), local_grads=True, flow=True, legend=True)
    by_dot = picture.pipe(format="svg")
    monkeypatch.setenv("PATH", "")
    by_pure = picture.pipe(format="svg")
    assert b"(graphviz-pure)" in by_pure and b"(graphviz-pure)" not in by_dot
    assert sorted(parts(by_pure)) == sorted(parts(by_dot))


def test_a_dot_that_is_installed_later_comes_first(no_dot: None) -> None:
    picture = draw(neuron())
    assert b"(graphviz-pure)" in picture.pipe(format="svg")
    dot = Path(os.environ["PATH"], "dot")
    dot.write_text("#!/bin/sh\necho drawn by dot $*\n")
    dot.chmod(0o755)
    assert picture.pipe(format="svg") == b"drawn by dot -Kdot -Tsvg\n"


def test_graphviz_pure_is_found_where_pip_installs_for_one_user(
    no_layout: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "graphviz-pure").symlink_to(Path(sys.executable).with_name("graphviz-pure"))
    folders = {sysconfig.get_preferred_scheme("user"): str(tmp_path)}
    monkeypatch.setattr(sysconfig, "get_path", lambda _, scheme: folders.get(scheme, "/nowhere"))
    assert b"(graphviz-pure)" in draw(neuron()).pipe()


def test_other_users_of_the_graphviz_package_notice_nothing(no_dot: None) -> None:
    draw(neuron()).pipe()
    with pytest.raises(graphviz.ExecutableNotFound, match="PATH"):
        graphviz.Digraph().pipe(format="svg")


def test_every_way_to_a_picture_works_with_both_programs(
    layout_program: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    picture = draw(neuron())
    assert picture.pipe() == picture.pipe(format="svg")
    assert len(json.loads(picture.pipe(format="json"))["objects"]) == 5
    assert str(picture.pipe(format="plain", encoding="utf-8")).startswith("graph 1 ")
    made = Path(picture.render(outfile=tmp_path / "a" / "y.png", cleanup=True))
    assert made.read_bytes() == picture.pipe(format="png")
    assert list((tmp_path / "a").iterdir()) == [made]
    made = Path(picture.render("y", directory=tmp_path))
    assert (made.name, made.read_bytes()) == ("y.svg", picture.pipe())
    assert (tmp_path / "y").read_text(encoding="utf-8") == picture.source
    assert capfd.readouterr() == ("", "")


def test_view_opens_an_svg(layout_program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    for system in ("linux", "darwin"):
        monkeypatch.setattr(f"graphviz.Digraph._view_{system}", lambda _, path, quiet: opened.append(path))
    path = draw(neuron()).view(directory=tmp_path)
    assert opened == [path] and ElementTree.parse(path).getroot().tag.endswith("svg")


def test_render_does_not_write_over_what_graphviz_would_not(tmp_path: Path) -> None:
    picture, path = draw(neuron()), tmp_path / "y.svg"
    picture.render(outfile=path)
    with pytest.raises(graphviz.FileExistsError, match="output file exists"):
        picture.render(outfile=path, raise_if_result_exists=True)
    with pytest.raises(ValueError, match="give the picture another name"):
        picture.render(path, outfile=path)


def test_a_format_that_a_program_does_not_have_is_one_line_and_leaves_an_older_file(
    layout_program: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    picture, format = draw(neuron()), "pdf" if layout_program == "graphviz-pure" else "bmp"
    path = tmp_path / f"y.{format}"
    path.write_text("old")
    message = PDF if format == "pdf" else "dot has no format bmp: take svg or png"
    for method, options in (("pipe", {"format": format}), ("render", {"outfile": path, "cleanup": True})):
        with pytest.raises(ValueError) as raised:
            getattr(picture, method)(**options)
        assert re.fullmatch(message, str(raised.value))
    assert path.read_text() == "old"
    assert capfd.readouterr() == ("", "")


def test_a_page_steps_through_both_passes_on_the_layout_of_either_program(
    browser: "Chrome", tmp_path: Path, layout_program: str
) -> None:
    open_page(browser, loss_of_one_passenger(), tmp_path)
    assert ("(graphviz-pure)" in draw(neuron()).pipe(encoding="utf-8")) == (layout_program == "graphviz-pure")
    last = browser.execute_script("return last")
    for number in (0, 1, last // 2, last):
        go(browser, number)
    assert console(browser) == []


# Without a program


def test_where_nothing_lays_out_rendering_says_in_one_line_what_to_install(
    no_layout: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    picture = draw(neuron())
    assert picture.source.startswith("digraph {")
    for method in ("pipe", "render"):
        with pytest.raises(graphviz.ExecutableNotFound) as raised:
            getattr(picture, method)(format="svg")
        ways = r".*pip install graphviz-pure, .*apt .*\(Debian\).*brew .*\(macOS\).*winget .*\(Windows\)"
        assert re.fullmatch(ways, str(raised.value))


def test_where_nothing_lays_out_a_notebook_shows_that_line_instead_of_the_picture(no_layout: None) -> None:
    ((kind, text),) = draw(neuron())._repr_mimebundle_().items()
    assert kind == "text/plain" and "pip install graphviz-pure" in text and "\n" not in text


def test_a_host_without_programs_lays_out_itself(
    no_layout: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[tuple[str, str]] = []

    def layout(source: str, format: str) -> str:
        asked.append((source, format))
        return "graph 1 1 1\nnode 1 0 0 1 1\nstop\n" if format == "plain" else "<svg>∂</svg>"

    monkeypatch.setattr(microgrid.picture, "layout", layout)
    picture = draw(neuron())
    assert picture.pipe(encoding="utf-8") == "<svg>∂</svg>"
    assert Path(picture.render(outfile=tmp_path / "y.svg")).read_text(encoding="utf-8") == "<svg>∂</svg>"
    assert picture._repr_mimebundle_() == {"image/svg+xml": "<svg>∂</svg>"}
    assert asked == [(picture.source, "svg")] * 3
    page = write_page(neuron(), tmp_path / "page.html")
    assert "<svg>∂</svg>" in page.read_text(encoding="utf-8")
    assert [format for _, format in asked[3:]] == ["plain", "svg"]


# At a prompt and in a notebook


def test_at_a_prompt_a_picture_says_in_one_line_how_to_see_it() -> None:
    shown = repr(draw(neuron()))
    assert ".view()" in shown and ".render(" in shown and "\n" not in shown


def test_a_notebook_shows_a_picture_no_wider_than_its_cell() -> None:
    svg = draw(neuron())._repr_mimebundle_()["image/svg+xml"]
    assert ElementTree.fromstring(svg.encode()).attrib["style"] == "max-width: 100%; height: auto"


def test_a_notebook_that_asks_for_a_png_gets_one() -> None:
    bundle = draw(Value(1.0))._repr_mimebundle_(include=["image/png"])
    assert bundle["image/png"].startswith(b"\x89PNG\r\n")


# The process


@pytest.mark.parametrize("method", ["pipe", "render"])
def test_ctrl_c_ends_a_layout_and_leaves_no_dot_at_work(method: str, tmp_path: Path) -> None:
    dot, alive = tmp_path / "dot", tmp_path / "alive"
    # Python is to be waiting for it, no longer starting it, when the signal comes.
    dot.write_text("#!/bin/sh\nexec 9> alive\nsleep 0.5\necho started >&9\nexec sleep 60\n")
    dot.chmod(0o755)
    os.mkfifo(alive)
    code = (
        "from microgrid import Value, draw\n"
        f"try: draw(Value(1.0)).{method}(format='svg')\n"
        "except KeyboardInterrupt: print('interrupted')"
    )
    with (
        subprocess.Popen(
            [sys.executable, "-c", code],
            env={**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"},
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process,
        alive.open() as pipe,
    ):
        assert pipe.readline() == "started\n"
        process.send_signal(signal.SIGINT)
        assert process.communicate() == (b"interrupted\n", b"")
        # The pipe ends when dot, its last writer, does.
        assert select.select([pipe], [], [], 10)[0] and pipe.read() == ""


def test_graphviz_is_imported_when_something_is_drawn_and_not_before() -> None:
    code = (
        "import sys, microgrid; from microgrid import Value, draw; print('graphviz' in sys.modules);"
        "draw(Value(1.0)); print('graphviz' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
