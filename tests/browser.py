"""A real Chromium without a window, for the tests of what a browser shows.

    with chromium(tmp_path, width=1280, height=800) as browser:
        browser.get(page.as_uri())

It makes no request of its own, and it is never downloaded: the browser and its driver are the system's.
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MACOS_CHROME = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
QUIET = (
    "--headless=new",
    "--no-sandbox",  # which a container's root needs
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def chromium(profile: Path, width: int = 1280, height: int = 800, *options: str) -> Iterator[Chrome]:
    """Run the system's Chromium or Chrome with a viewport of the given size and a fresh profile directory."""
    settings = ChromeOptions()
    settings.binary_location = _found(*BROWSERS, MACOS_CHROME)
    for option in (*QUIET, f"--user-data-dir={profile}", f"--window-size={width},{height}", *options):
        settings.add_argument(option)
    settings.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    browser = Chrome(options=settings, service=Service(executable_path=_found("chromedriver")))
    try:
        resize(browser, width, height)
        yield browser
    finally:
        browser.quit()


def resize(browser: Chrome, width: int, height: int, dark: bool = False, still: bool = False) -> None:
    """Give the browser a viewport of this size, a light or dark scheme, and the wish for reduced motion."""
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    features = [
        {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
        {"name": "prefers-reduced-motion", "value": "reduce" if still else "no-preference"},
    ]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def console(browser: Chrome) -> list[str]:
    """Return what the console says since the last call: errors, warnings and whatever else was logged."""
    return [entry["message"] for entry in browser.get_log("browser")]  # type: ignore[no-untyped-call]


def requests(browser: Chrome) -> list[str]:
    """Return the address of every request since the last call."""
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]  # type: ignore[no-untyped-call]
    return [
        message["params"]["request"]["url"]
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
    ]


def _found(*programs: str) -> str:
    path = next(filter(None, map(shutil.which, programs)), None)
    assert path, f"found none of {', '.join(programs)}: install chromium and chromedriver (make test does)"
    return path
