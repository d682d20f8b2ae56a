"""The playground in a browser: a program is typed, stepped through, dragged, ended, shared and embedded."""

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import chromium, console, resize
from examples import playground_address
from selenium.webdriver import ActionChains, Chrome, Keys
from test_site import unpacked

ROOT = Path(__file__).parent.parent
# What the browser itself asks for: the time, updates, its start page.
CHROMIUM_ASKS = (b".google.com", b".googleapis.com", b"start.duckduckgo.com")
TWO_PATHS = """\
from microgrid import Value

x = Value(3.0)
w = Value(-2.0)
y = x * w + x
y.backward()
print("dy/dx =", x.grad)
"""


@pytest.fixture(scope="module")
def asked_elsewhere() -> Iterator[tuple[int, list[bytes]]]:
    """A proxy for whatever is not asked of the site, by the worker too: its port, and what it was asked."""
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def note() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:  # closed
                    return
                with connection:
                    request = connection.recv(1000)
                if not any(host in request for host in CHROMIUM_ASKS):
                    asked.append(request)

        threading.Thread(target=note, daemon=True).start()
        yield server.getsockname()[1], asked


@pytest.fixture(scope="module")
def chrome(
    tmp_path_factory: pytest.TempPathFactory, asked_elsewhere: tuple[int, list[bytes]]
) -> Iterator[Chrome]:
    """A browser that asks the proxy for all but the site."""
    profile = tmp_path_factory.mktemp("profile")
    options = (f"--proxy-server=127.0.0.1:{asked_elsewhere[0]}", "--proxy-bypass-list=127.0.0.1")
    with chromium(profile, 1280, 800, *options) as browser:
        yield browser


class Playground:
    """The playground in a browser."""

    def __init__(self, browser: Chrome, address: str) -> None:
        self.browser = browser
        self.address = address

    def open(self, address: str = "") -> None:
        """Open an address below the site's, and wait until its program has run."""
        self.browser.get("about:blank")
        self.browser.get(self.address + (address or "playground/"))
        self.wait("document.body.dataset.state === 'ready'", 60)

    def js(self, expression: str) -> Any:
        """Return what an expression gives, which may ask `passes`, the page in the frame, and `text(id)`."""
        return self.browser.execute_script(
            "const passes = document.querySelector('#steps iframe')?.contentWindow?.microgrid;"
            "const text = (id) => document.getElementById(id).textContent;"
            f"return {expression}"
        )

    def wait(self, expression: str, seconds: float = 20) -> None:
        """Wait until an expression holds."""
        end = time.monotonic() + seconds
        while not self.js(expression):
            assert time.monotonic() < end, f"never: {expression}; the program: {self.program!r}"
            time.sleep(0.05)

    def type(self, program: str) -> None:
        """Type a program over the one that is there."""
        self.browser.find_element("css selector", ".cm-content").click()
        keys = ActionChains(self.browser).key_down(Keys.CONTROL).send_keys("a").key_up(Keys.CONTROL)
        keys.send_keys(Keys.DELETE).perform()
        for (
            line
        ) in program.splitlines():  # the editor indents by itself, which Home twice and Delete take back
            ActionChains(self.browser).send_keys(line, Keys.ENTER).perform()

    @property
    def program(self) -> str:
        """What the editor shows, a line each."""
        lines: list[str] = self.js(
            "[...document.querySelectorAll('.cm-line')].map((line) => line.textContent)"
        )
        return "\n".join(lines)

    @property
    def link(self) -> str:
        """The link that the share menu gives."""
        self.browser.execute_script(
            "const share = document.getElementById('share'); share.open = false;"
            "document.getElementById('link').value = ''; share.open = true;"
        )
        self.wait("document.getElementById('link').value !== ''")
        link: str = self.js("document.getElementById('link').value")
        self.browser.execute_script("document.getElementById('share').open = false")
        return link


@pytest.fixture
def playground(chrome: Chrome, site_address: str) -> Playground:
    resize(chrome, 1280, 800)
    return Playground(chrome, site_address)


def opened(playground: Playground, program: str, more: str = "", page: str = "playground/") -> None:
    """Open a link to a program."""
    playground.open(playground_address(program).replace("playground/", page) + more)
    playground.wait("passes !== undefined")


def drag(playground: Playground, name: str, pixels: int) -> None:
    """Drag the number of a leaf in the graph to the right."""
    browser = playground.browser
    browser.switch_to.frame(browser.find_element("css selector", "#steps iframe"))
    number = browser.execute_script(
        "return [...document.querySelectorAll('.changeable')].find((number) =>"
        " number.closest('.node').textContent.includes(arguments[0]))",
        name,
    )
    ActionChains(browser).click_and_hold(number).move_by_offset(pixels // 2, 0).move_by_offset(
        pixels - pixels // 2, 0
    ).release().perform()
    browser.switch_to.default_content()


def test_a_typed_program_is_run_and_stepped_through(playground: Playground) -> None:
    playground.open()
    playground.type(
        "from microgrid import Value\na = Value(2.0)\nb = a * a * 5\nb.backward()\nprint(a.grad)\n"
    )
    playground.wait("text('printed') === '20.0\\n'")
    playground.wait("'b' in passes.values()")
    playground.browser.execute_script(
        "document.querySelector('#steps iframe').contentWindow.document.getElementById('last').click()"
    )
    assert playground.js("passes.values().a") == {"data": 2, "grad": 20}
    assert playground.js("[...document.querySelectorAll('.operand-mark')].map((mark) => mark.textContent)")
    assert playground.js("text('error')") == ""


def test_a_drag_edits_the_literal_and_runs_the_program(playground: Playground) -> None:
    branch = TWO_PATHS.replace("y.backward()", "if x > 3.5:\n    y = y * 10\ny.backward()")
    opened(playground, branch, "&step=3")
    drag(playground, "x", 40)
    playground.wait(
        "text('printed') === 'dy/dx = -10.0\\n'"
    )  # the branch that the recorded graph does not have
    number = playground.js("passes.leaves.x")
    assert number > 3.5
    assert f"x = Value({number})" in playground.program or f"x = Value({number}.0)" in playground.program
    assert "x.data" not in playground.link  # since the program says it


def test_a_drag_that_leaves_the_graph_as_it_is_keeps_the_page_and_what_was_foretold(
    playground: Playground,
) -> None:
    opened(playground, TWO_PATHS, "&step=3")
    playground.browser.execute_script("document.querySelector('#steps iframe').dataset.same = 'yes'")
    drag(playground, "x", 40)
    playground.wait("document.querySelector('.cm-content').textContent.includes('Value(4')")
    time.sleep(1.0)  # the run, after which the page would be another
    assert playground.js("document.querySelector('#steps iframe').dataset.same") == "yes"
    assert "foretold" in playground.js(
        "document.querySelector('#steps iframe').contentDocument.getElementById('foretold').textContent"
    )
    playground.browser.execute_script(
        "document.querySelector('#steps iframe').contentDocument.getElementById('reset').click()"
    )
    playground.wait("document.querySelector('.cm-content').textContent.includes('x = Value(3.0)')")


def test_while_a_number_is_held_the_program_waits(playground: Playground) -> None:
    branch = TWO_PATHS.replace("y.backward()", "if x > 3.5:\n    y = y * 10\ny.backward()")
    opened(playground, branch, "&step=3")
    browser = playground.browser
    browser.switch_to.frame(browser.find_element("css selector", "#steps iframe"))
    number = browser.execute_script("return document.querySelector('#node-1 .changeable')")
    ActionChains(browser).click_and_hold(number).move_by_offset(20, 0).move_by_offset(20, 0).perform()
    browser.switch_to.default_content()
    time.sleep(1.0)
    assert playground.js("text('printed')") == "dy/dx = -1.0\n"
    ActionChains(browser).release().perform()
    playground.wait("text('printed') === 'dy/dx = -10.0\\n'")


def test_the_literals_are_those_that_a_leaf_alone_was_made_of(playground: Playground) -> None:
    program = """\
from microgrid import Value
a, b = Value(-2), Value(data=1_000.5)
s = "𝛼𝛽"; c = Value(1e-3, label="𝛼")  # in characters of two units
d = Value(4.0)
d.data = 5.0
e = [Value(6.0) for _ in range(2)]
f = Value(2.0 * 3)
y = a * b * c * d * e[0] * e[1] * f
y.backward()
"""
    opened(playground, program)
    literals = playground.js("[...document.querySelectorAll('.literal')].map((part) => part.textContent)")
    assert "".join(literals) == "-21_000.51e-3"


def test_where_there_is_no_graph_the_other_views_say_so(playground: Playground) -> None:
    playground.open(playground_address("print(1)\n"))
    playground.browser.find_element("id", "picture-tab").click()
    playground.wait("text('picture') === 'There is no graph to show.'")


def test_a_leaf_without_a_literal_of_its_own_is_changed_on_the_page_alone(playground: Playground) -> None:
    program = (
        "from microgrid import Value\nx = [Value(d) for d in (1.0, 2.0)]\ny = x[0] * x[1]\ny.backward()\n"
    )
    opened(playground, program)
    playground.browser.execute_script(
        "document.querySelector('#steps iframe').contentWindow.microgrid.set('x[0]', 5)"
    )
    time.sleep(0.5)
    assert playground.program == program
    link = playground.link
    assert "x%5B0%5D.data=5" in link
    playground.open(link.removeprefix(playground.address))
    playground.wait("passes !== undefined")
    assert playground.js("passes.leaves") == {"x[0]": 5, "x[1]": 2}


def test_a_link_brings_program_step_and_numbers(playground: Playground) -> None:
    opened(playground, TWO_PATHS, "&step=6&x.data=4.5")
    assert playground.program == TWO_PATHS
    assert playground.js("passes.step") == 6
    assert playground.js("passes.leaves") == {"x": 4.5, "w": -2}
    program = playground.link.partition("#program=")[2].partition("&")[0]
    assert unpacked(program) == TWO_PATHS


def test_a_broken_link_says_so_and_shows_an_example(playground: Playground) -> None:
    playground.open("playground/#program=abc")
    playground.wait("text('error').startsWith('The link holds no program that can be read')")
    assert "Value" in playground.program


def test_an_error_is_told_with_its_line_and_the_graph_as_far_as_it_went(playground: Playground) -> None:
    opened(playground, "from microgrid import Value\nx = Value(0.0)\ny = x * 2\nz = y.log()\nz.backward()\n")
    assert playground.js("text('error')") == "Line 4: ValueError: log(0.0): the result is not a real number"
    assert playground.js("Object.keys(passes.values())") == ["x", "y", "z"]
    opened(playground, TWO_PATHS.replace("backward", "backwards"))
    assert playground.js("text('error')").startswith("Line 6: AttributeError: ")
    assert playground.js("Object.keys(passes.values())") == ["x", "w", "v1", "y"]


def test_after_a_syntax_error_the_last_good_graph_stays(playground: Playground) -> None:
    opened(playground, TWO_PATHS)
    playground.type("y = = 3")
    playground.wait("text('error').startsWith('Line 1: SyntaxError')")
    assert playground.js("document.querySelectorAll('.cm-lintRange-error, .cm-lint-marker-error').length")
    assert playground.js("document.getElementById('views').className") == "is-stale"
    assert playground.js("passes.leaves") == {"x": 3, "w": -2}


def test_a_program_without_a_graph_is_told_so_in_one_line(playground: Playground) -> None:
    playground.open(playground_address("print('no graph')\n"))
    playground.wait("text('error') !== ''")
    assert (
        playground.js("text('error')") == "there is no backward() to show, and no Value in the last statement"
    )
    assert playground.js("text('printed')") == "no graph\n"


def test_an_endless_loop_is_ended_and_the_next_program_runs(playground: Playground) -> None:
    opened(playground, TWO_PATHS)
    playground.type("while True: print('again')")
    playground.wait("!document.getElementById('stop').hidden")
    playground.wait("text('error') === 'The program took more than 8 seconds and was stopped.'", 30)
    assert playground.js("passes.leaves") == {"x": 3, "w": -2}
    assert playground.js("text('printed')").startswith("again\nagain\n")
    playground.type("from microgrid import Value\nx = Value(7.0)\ny = x * x\ny.backward()\n")
    playground.wait("passes.leaves.x === 7", 60)
    assert playground.js("text('error')") == ""


def test_the_button_stops_a_program(playground: Playground) -> None:
    opened(playground, TWO_PATHS)
    playground.type("while True: pass")
    playground.wait("!document.getElementById('stop').hidden")
    playground.browser.find_element("id", "stop").click()
    playground.wait("text('error') === 'The program was stopped.'")


def test_picture_unrolled_program_and_formula_are_those_of_the_program(playground: Playground) -> None:
    opened(playground, TWO_PATHS)
    playground.browser.find_element("id", "picture-tab").click()
    playground.wait("document.querySelectorAll('#picture svg .node').length === 4")
    playground.browser.find_element("id", "program-tab").click()
    playground.wait("text('source').includes('v1 = x * w')")
    playground.browser.find_element("id", "formula-tab").click()
    playground.wait("document.querySelectorAll('#formula math').length === 3", 60)
    formulas = playground.js(
        "[...document.querySelectorAll('#formula math')].map((math) => math.textContent)"
    )
    assert formulas[1].endswith("=w+1") and formulas[2].endswith("=x")


def test_the_embedded_playground_has_no_header_and_leads_to_the_whole(playground: Playground) -> None:
    opened(playground, TWO_PATHS, "&step=5", page="playground/?embed")
    assert not playground.browser.find_element("css selector", "header").is_displayed()
    assert playground.js("passes.step") == 5
    link = playground.browser.find_element("id", "open")
    assert link.is_displayed()
    playground.wait("document.getElementById('open').href.includes('step=5')")
    assert "?embed" not in (link.get_attribute("href") or "")


def test_an_example_is_there_before_python_is(playground: Playground) -> None:
    playground.browser.get("about:blank")
    playground.browser.get(f"{playground.address}playground/")
    playground.wait("passes !== undefined")
    assert playground.js("document.body.dataset.state") == "loading"
    playground.browser.execute_script("document.querySelector('#steps iframe').contentWindow.microgrid.go(5)")
    playground.wait("document.body.dataset.state === 'ready'", 60)
    assert playground.js("passes.step") == 5


def test_every_example_runs_as_it_was_prepared(playground: Playground, site: Path) -> None:
    playground.open()
    for example in json.loads((site / "playground" / "examples.json").read_text(encoding="utf-8")):
        prepared = json.loads(
            (site / "playground" / "examples" / f"{example['name']}.json").read_text("utf-8")
        )
        playground.browser.execute_script(
            "const list = document.getElementById('examples');"
            "list.value = arguments[0]; list.dispatchEvent(new Event('change'))",
            example["name"],
        )
        playground.wait(f"text('printed') === {json.dumps(prepared['printed'])}")
        assert playground.js("text('error')") == ""


def test_on_a_phone_the_editor_is_above_the_graph(playground: Playground) -> None:
    resize(playground.browser, 390, 844)
    opened(playground, TWO_PATHS)
    below = "text('printed') && " + " >= ".join(
        f"document.getElementById('{id}').getBoundingClientRect().{side}"
        for id, side in (("views", "top"), ("editor", "bottom"))
    )
    assert playground.js(below)
    assert playground.js("document.documentElement.scrollWidth <= innerWidth")


def test_nothing_is_asked_of_another_origin_and_the_console_is_silent(
    playground: Playground, asked_elsewhere: tuple[int, list[bytes]]
) -> None:
    console(playground.browser)
    opened(playground, TWO_PATHS)
    playground.browser.find_element("id", "formula-tab").click()
    playground.wait("document.querySelectorAll('#formula math').length === 3", 60)
    assert console(playground.browser) == []
    assert asked_elsewhere[1] == []  # by any of these tests
    fetch = "fetch('http://elsewhere.invalid/').catch(() => {})"
    playground.browser.get("about:blank")
    playground.browser.execute_script(fetch)
    for _ in range(100):
        if asked_elsewhere[1]:
            break
        time.sleep(0.05)
    assert b"elsewhere.invalid" in asked_elsewhere[1][0]  # it would have been heard


def test_the_server_of_the_playground_serves_the_site(site: Path) -> None:
    import urllib.request

    command = [sys.executable, "-u", f"{ROOT}/docs/playground/serve.py", f"{site}"]
    environment = {"BROWSER": "true", "PATH": "/usr/bin:/bin"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        try:
            address = server.stdout.readline().split()[4]
            assert (
                b"<title>microgrid playground</title>" in urllib.request.urlopen(address, timeout=10).read()
            )
        finally:
            server.terminate()
