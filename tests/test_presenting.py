"""The page where it is not read at a desk: projected, held in a hand, printed, and shown in a notebook."""

import base64
import io
import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pypdf
import pytest
from browser import console, resize
from pages import click, go, loss_of_one_passenger, neuron, open_page, press, step_shown, text
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from microgrid import Value, draw, show

SCREENS = [(1920, 1080), (1366, 768), (1024, 768)]
PHONES = [(390, 844), (844, 390), (667, 375)]
PAPERS = {"A4": (8.27, 11.69), "Letter": (8.5, 11.0)}


@pytest.fixture(autouse=True)
def desk(browser: Chrome) -> Iterator[None]:
    """Leave the browser as it was."""
    yield
    browser.execute_script("if (document.fullscreenElement) document.exitFullscreen()")
    resize(browser, 1280, 800)


def is_presenting(browser: Chrome) -> bool:
    return browser.execute_script("return document.documentElement.matches('.is-presenting')") is True


# Presenting


def test_the_key_f_fills_the_screen_and_escape_ends_it(page: Chrome) -> None:
    press(page, "f")
    page.execute_async_script("setTimeout(arguments[0], 300)")
    assert is_presenting(page)
    assert page.execute_script("return document.fullscreenElement === document.documentElement")
    for hidden in ("side", "grain", "ask"):
        assert not page.find_element(By.ID, hidden).is_displayed()
    press(page, Keys.ESCAPE)
    page.execute_async_script("setTimeout(arguments[0], 300)")
    assert not is_presenting(page)
    assert page.find_element(By.ID, "side").is_displayed()


def test_a_remote_steps_to_and_fro(page: Chrome) -> None:
    click(page, "present")
    shown = []
    for key in (Keys.PAGE_DOWN, Keys.SPACE, Keys.ARROW_RIGHT, Keys.ARROW_DOWN, Keys.PAGE_UP, Keys.ARROW_LEFT):
        press(page, key)
        shown.append(step_shown(page))
    assert shown == [1, 2, 3, 4, 3, 2]
    click(page, "back")
    press(page, Keys.SPACE)  # the button has the focus
    assert step_shown(page) == 2
    assert page.find_element(By.ID, "play").accessible_name == "Play"


def test_a_remotes_other_keys_blank_the_screen_and_load_nothing_anew(page: Chrome) -> None:
    click(page, "present")
    page.execute_script("globalThis.here = true")
    for key in ("b", "."):
        press(page, key)
        assert not page.find_element(By.ID, "sentence").is_displayed()
        press(page, key)
        assert page.find_element(By.ID, "sentence").is_displayed()
    press(page, Keys.F5)
    assert page.execute_script("return globalThis.here") and is_presenting(page)
    assert step_shown(page) == 0


def test_a_frame_that_may_not_fill_the_screen_has_the_same_layout(browser: Chrome, tmp_path: Path) -> None:
    frame = show(neuron())._repr_html_().replace(" allowfullscreen", "")
    (tmp_path / "notebook.html").write_text(f"<!doctype html><meta charset=utf-8>{frame}", encoding="utf-8")
    browser.get("about:blank")
    console(browser)
    browser.get((tmp_path / "notebook.html").as_uri())
    browser.switch_to.frame(0)
    browser.find_element(By.TAG_NAME, "body").click()
    press(browser, "f")
    assert is_presenting(browser)
    press(browser, Keys.PAGE_DOWN)
    assert step_shown(browser) == 1
    press(browser, Keys.ESCAPE)
    assert not is_presenting(browser)
    browser.switch_to.default_content()
    assert console(browser) == []


@pytest.mark.parametrize(("width", "height"), SCREENS)
@pytest.mark.parametrize("graph", [neuron, loss_of_one_passenger])
def test_what_a_step_concerns_has_three_percent_of_the_height(
    browser: Chrome, tmp_path: Path, graph: Callable[[], Value], width: int, height: int
) -> None:
    resize(browser, width, height, still=True)
    open_page(browser, graph(), tmp_path)
    browser.execute_script("present(true)")
    for number, smallest, inside, boxes in browser.execute_script(
        """
        return stops.map((stop) => {
          show(stop);
          const filled = ({ textContent }) => textContent;
          const written = [...document.querySelectorAll("#step :is(h1, p)")].filter(filled);
          const sizes = written.map((element) => parseFloat(getComputedStyle(element).fontSize));
          const texts = [...document.querySelectorAll("#close-up text:not(.name)")].filter(filled);
          for (const text of texts) {
            sizes.push(parseFloat(getComputedStyle(text).fontSize) * text.getScreenCTM().a);
          }
          const inside = [...written, ...texts].every((element) => {
            const { left, top, right, bottom } = element.getBoundingClientRect();
            return left >= 0 && top >= 0 && right <= innerWidth && bottom <= innerHeight;
          });
          return [stop, Math.min(...sizes), inside, document.querySelectorAll("#close-up .node").length];
        });
        """
    ):
        assert smallest >= 0.03 * height, number
        assert inside, number
        assert boxes >= 1 or number == 0
    assert browser.execute_script("return document.documentElement.scrollWidth") == width


@pytest.mark.parametrize(("width", "height"), SCREENS)
def test_a_result_stands_beside_both_operands(
    browser: Chrome, tmp_path: Path, width: int, height: int
) -> None:
    resize(browser, width, height, still=True)
    open_page(browser, neuron(), tmp_path, "#step=2")
    browser.execute_script("present(true)")
    assert len(browser.find_elements(By.CSS_SELECTOR, "#close-up .node")) == 3
    assert "more" not in text(browser, "close-up")


def test_operands_without_room_are_counted(browser: Chrome, tmp_path: Path) -> None:
    resize(browser, 1920, 1080, still=True)
    root = Value.sum([Value(float(i), label=f"x[{i}]") for i in range(9)])
    open_page(browser, root, tmp_path, "#step=2")
    browser.execute_script("present(true)")
    shown = len(browser.find_elements(By.CSS_SELECTOR, "#close-up .node.is-operand"))
    assert 0 < shown < 9
    assert f"and {9 - shown} more" in text(browser, "close-up")


def test_the_close_up_shows_the_numbers_and_roles_of_the_step(page: Chrome) -> None:
    press(page, "f")
    go(page, 8)
    shown = page.execute_script(
        """
        const boxes = [...document.querySelectorAll("#close-up .node")];
        return boxes.map((box) => [box.classList.contains("is-node"), box.textContent.trim()]);
        """
    )
    assert [(role, re.sub(r"\W+", " ", words)[0]) for role, words in shown] == [(False, "x"), (True, "v")]
    assert "-3" in shown[0][1]
    ids = page.execute_script("return [...document.querySelectorAll('[id]')].map(({ id }) => id)")
    assert len(ids) == len(set(ids))


# In a hand


@pytest.mark.parametrize(("width", "height"), PHONES)
@pytest.mark.parametrize("dark", [False, True])
def test_a_phone_shows_step_graph_and_controls(
    browser: Chrome, tmp_path: Path, width: int, height: int, dark: bool
) -> None:
    resize(browser, width, height, dark=dark, still=True)
    open_page(browser, loss_of_one_passenger(), tmp_path, "#step=100")
    whole, clipped, small = browser.execute_script(
        """
        const { scrollWidth, scrollHeight } = document.documentElement;
        const inside = (element) => {
          const { left, top, right, bottom } = element.getBoundingClientRect();
          return left >= 0 && top >= 0 && right <= innerWidth && bottom <= innerHeight;
        };
        const touched = [...document.querySelectorAll("#controls :is(button, select, input), #zoom button")]
          .filter((element) => element.checkVisibility());
        const parts = [...document.querySelectorAll("#step, #step :is(h1, p), #graph, #side"), ...touched];
        const sized = [...touched, ...document.querySelectorAll("#values td input")];
        const small = sized.filter((element) => Math.min(element.offsetHeight, element.offsetWidth) < 40);
        return [
          [scrollWidth, scrollHeight], parts.filter((part) => !inside(part)).map(({ id }) => id),
          small.map(({ id, textContent }) => id || textContent),
        ];
        """
    )
    assert whole == [width, height]
    assert clipped == []
    assert small == []
    browser.execute_script("document.querySelector('#lines').scrollIntoView()")
    assert browser.find_element(By.CSS_SELECTOR, "#lines li").is_displayed()
    assert browser.execute_script("return scrollY") == 0
    assert console(browser) == []


def test_a_finger_drags_a_number(page: Chrome) -> None:
    resize(page, 390, 844)
    go(page, 9)
    number = page.find_element(By.CSS_SELECTOR, "td input")
    place = number.rect
    x, y = place["x"] + place["width"] / 2, place["y"] + place["height"] / 2
    page.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True})
    try:
        for kind, moved in (("touchStart", 0), ("touchMove", 12), ("touchMove", 40), ("touchEnd", None)):
            points = [] if moved is None else [{"x": x + moved, "y": y}]
            page.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    finally:
        page.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": False})
    assert float(str(number.get_property("value"))) > 2


# On paper


def printed(browser: Chrome, paper: str) -> list[str]:
    """The texts of the pages that the browser prints."""
    width, height = PAPERS[paper]
    options = {"paperWidth": width, "paperHeight": height, "printBackground": True}
    pdf = base64.b64decode(browser.execute_cdp_cmd("Page.printToPDF", options)["data"])
    return [" ".join(page.extract_text().split()) for page in pypdf.PdfReader(io.BytesIO(pdf)).pages]


@pytest.mark.parametrize(("paper", "pages"), [("A4", 3), ("Letter", 4)])
def test_a_panel_for_each_step_is_printed(page: Chrome, paper: str, pages: int) -> None:
    sentences = page.execute_script(
        "return stops.map((stop) => { show(stop); return document.getElementById('sentence').textContent; })"
    )
    page.execute_script("show(3)")
    texts = printed(page, paper)
    assert len(texts) == pages
    assert texts[0].startswith("y, step by step, each use: all 10 steps")
    for sentence in sentences:
        assert sum(" ".join(sentence.split()) in text for text in texts) == 1, sentence
    assert not any(word in "".join(texts) for word in ("Quiz", "Fit", "received", "1 / s"))
    assert step_shown(page) == 3
    assert page.execute_script("return document.getElementById('sheet').childElementCount") == 0


@pytest.mark.parametrize("width", [680, 698])  # A4 and Letter between their margins
def test_nothing_is_clipped_on_paper(browser: Chrome, tmp_path: Path, width: int) -> None:
    resize(browser, width, 900)
    open_page(browser, loss_of_one_passenger(), tmp_path)
    browser.execute_script("stepBy('node'); buildSheet()")
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        panels, ids, wide, high = browser.execute_script(
            """
            const parts = [...document.querySelectorAll("#sheet :is(section, h1, p, svg)")];
            const places = parts.map((part) => part.getBoundingClientRect());
            const ids = [...document.querySelectorAll("[id]")].map(({ id }) => id);
            return [
              document.querySelectorAll("#sheet section").length, ids,
              Math.max(...places.map(({ right }) => right)), Math.max(...places.map(({ height }) => height)),
            ];
            """
        )
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    assert panels == browser.execute_script("return stops.length")
    assert wide <= width
    assert high <= 900
    assert len(ids) == len(set(ids))


def test_a_print_of_hundreds_of_pages_is_bounded_and_says_so(browser: Chrome, tmp_path: Path) -> None:
    y = Value(1.0, label="x")
    for _ in range(250):
        y = y.tanh()
    open_page(browser, y, tmp_path)
    go(browser, 400)
    browser.execute_script("buildSheet()")
    panels, head = browser.execute_script(
        "const [head, ...panels] = byId('sheet').children; return [panels.length, head.textContent]"
    )
    assert 1 < panels <= 200
    assert re.search(rf": {panels} of \d+ steps, from step \d+ on", head)
    assert step_shown(browser) == 400


# In a notebook


@pytest.mark.parametrize("width", [900, 700])
def test_a_notebooks_cell_has_no_scrollbar(browser: Chrome, tmp_path: Path, width: int) -> None:
    root = loss_of_one_passenger()
    picture = draw(root)._repr_mimebundle_()["image/svg+xml"]
    svg = picture[picture.index("<svg") :]
    (tmp_path / "notebook.html").write_text(
        "<!doctype html><meta charset=utf-8>"
        f"<div style='overflow: auto'>{show(root)._repr_html_()}</div>"
        f"<div style='overflow: auto'>{svg}</div>",
        encoding="utf-8",
    )
    resize(browser, width, 1000)
    browser.get((tmp_path / "notebook.html").as_uri())
    bars = """
        return [...document.querySelectorAll("html, body > div")].filter((element) =>
          element.scrollWidth > element.clientWidth ||
          (element.matches("div") && element.scrollHeight > element.clientHeight)).length;
        """
    assert browser.execute_script(bars) == 0
    browser.switch_to.frame(0)
    assert browser.execute_script(bars) == 0
    assert browser.execute_script("return document.documentElement.scrollHeight <= innerHeight")
    browser.switch_to.default_content()


def test_where_frames_are_dropped_the_picture_stands_in_their_place() -> None:
    images: list[str] = []

    class WithoutFrames(HTMLParser):
        def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
            if tag == "img":
                images.append(dict(attributes)["src"] or "")

    shown = show(neuron())
    bundle = shown._repr_mimebundle_()
    parser = WithoutFrames()
    parser.feed(bundle["text/html"])
    (image,) = images
    kind, _, data = image.partition(",")
    assert kind == "data:image/svg+xml;base64"
    assert base64.b64decode(data).decode() == bundle["image/svg+xml"]
    assert ElementTree.fromstring(bundle["image/svg+xml"]).tag.endswith("svg")
