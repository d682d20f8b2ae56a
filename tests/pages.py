"""Pages in a browser, for the tests: graphs to write them of, and what a page shows and does."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from random import Random

from browser import console, requests
from selenium.webdriver import ActionChains, Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from microgrid import Value, topological_order, write_page
from microgrid.names import short
from titanic.network import Network
from titanic.passengers import Scaling, embedded

ATTACKS = [
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<!--STEPS-->",
    "<!--",
    "]]>",
    "&lt;b&gt;",
    "\u2028\u2029",
    "'\"`${alert(1)}\\",
    "a\nb\tc",
    "\ud800",
    "z.grad += 1 · 2 = 3",
]


def neuron(x_data: float = 2.0, w_data: float = -3.0) -> Value:
    """The graph of relu(x * w + 7): 5 Values and 4 Steps, so the page has 9 steps after the first."""
    x = Value(x_data, label="x")
    w = Value(w_data, label="w")
    y = (x * w + 7).relu()
    y.label = "y"
    return y


def shared() -> Value:
    """A graph whose x receives three contributions."""
    x = Value(3.0, label="x")
    y = x * x + x
    y.label = "y"
    return y


def loss_of_one_passenger() -> Value:
    return loss_of_passengers(1)


def loss_of_passengers(count: int) -> Value:
    passengers = embedded().first(count)
    network = Network.random(seed=0, scaling=Scaling.of(embedded().X))
    return network.forward(passengers.X, passengers.y).L


def chain_of_a_thousand() -> Value:
    """A graph of 1,000 Values with 1,001 Steps, about a hundred times as long as it is high."""
    random = Random(0)
    root = Value(0.5, label="x")
    for i in range(249):
        root = (root * Value(random.uniform(-1.0, 1.0), label=f"w[{i}]") + 0.1).tanh()
    return (root * root + root).relu()


def open_page(
    browser: Chrome, root: Value, folder: Path, address: str = "", parameters: Iterable[Value] = ()
) -> None:
    """Write the page of a graph and open it from disk."""
    browser.get("about:blank")
    console(browser), requests(browser)
    browser.get(write_page(root, folder / "page.html", parameters=parameters).as_uri() + address)


def step_shown(browser: Chrome) -> int:
    """The step that the page says it shows; slider and count agree on it."""
    value, last, count = browser.execute_script(
        "const { value, max } = slider; return [value, max, document.getElementById('count').value]"
    )
    assert count == f"{value} of {last}"
    return int(value)


def text(browser: Chrome, name: str) -> str:
    return str(browser.find_element(By.ID, name).get_property("textContent"))


def go(browser: Chrome, number: int) -> None:
    browser.execute_script("location.hash = arguments[0]", f"step={number}")
    browser.execute_async_script("setTimeout(arguments[0], 0)")
    assert step_shown(browser) == number


def press(browser: Chrome, *keys: str) -> None:
    ActionChains(browser).send_keys(*keys).perform()


def click(browser: Chrome, name: str) -> None:
    browser.find_element(By.ID, name).click()


def box(browser: Chrome, number: int) -> WebElement:
    return browser.find_element(By.ID, f"node-{number}")


def numbers_in_table(browser: Chrome) -> list[list[str]]:
    """Name, data and grad of each row, as they are and as their tooltips give them in full."""
    rows = browser.execute_script(
        """
        const shown = [];
        for (const row of document.querySelectorAll("tbody tr")) {
          row.dispatchEvent(new PointerEvent("pointerover"));
          const [name, data, grad] = row.cells;
          const input = data.querySelector("input:enabled");
          const number = input ? input.value : data.textContent;
          shown.push([name.textContent, number, grad.textContent, data.title, grad.title]);
        }
        return shown;
        """
    )
    assert isinstance(rows, list)
    return rows


def numbers_in_boxes(browser: Chrome, count: int) -> list[list[str]]:
    """Data and grad in the box of each node."""
    boxes = browser.execute_script(
        """
        fit();
        return Array.from({ length: arguments[0] }, (_, index) => ["data", "grad"].map((which) => {
          const texts = document.querySelectorAll(`#a_${which}-${index + 1} text`);
          return texts[texts.length - 1].textContent;
        }));
        """,
        count,
    )
    assert isinstance(boxes, list)
    return boxes


def assert_numbers(browser: Chrome, root: Value, grads: Mapping[Value, float] | None = None) -> None:
    """Assert that table and boxes show each node's data and its gradient, by default the grad that it has."""
    nodes = drawn(root)
    numbers = [(node.data, node.grad if grads is None else grads.get(node, 0.0)) for node in nodes]
    short_numbers = [[short(data), short(grad)] for data, grad in numbers]
    in_full = [[repr(float(number)) for number in pair] for pair in numbers]
    assert [row[1:3] for row in numbers_in_table(browser)] == short_numbers
    assert [[repr(float(text)) for text in row[3:]] for row in numbers_in_table(browser)] == in_full
    assert numbers_in_boxes(browser, len(nodes)) == short_numbers
    assert len(browser.find_elements(By.CSS_SELECTOR, "g.node")) == len(nodes)


def parts(browser: Chrome, name: str) -> list[tuple[str, str]]:
    """The parts of a line of mathematics, and the class that gives each its colour."""
    spans = browser.find_elements(By.CSS_SELECTOR, f"#{name} span")
    return [(str(span.get_property("textContent")), str(span.get_property("className"))) for span in spans]


def wait_for_address(browser: Chrome, number: int, rest: str = "") -> None:
    """Wait until the address tells the step, and after it the rest."""
    browser.execute_async_script(
        "const done = arguments[1]; setInterval(() => location.hash === arguments[0] && done(), 5)",
        f"#step={number}{rest}",
    )


def begins(root: Value) -> int:
    """The step at which the backward pass begins: after the start, the leaves, and each result."""
    return 2 + sum(1 for node in topological_order(root) if node.operands)


def drawn(root: Value) -> list[Value]:
    """The nodes that have a box and a row: all but the constants."""
    return [node for node in topological_order(root) if node.op != "constant"]
