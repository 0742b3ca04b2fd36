"""A player's page in a real browser: what its reader sees, and the ways to reach its controls."""

import json
import os
import shutil
from pathlib import Path
from typing import Any, NoReturn

import pytest

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")

FLAGS = (
    "headless=new no-sandbox disable-gpu disable-quic no-first-run "
    "disable-background-networking disable-component-update disable-sync force-color-profile=srgb"
)

STATE = """
const texts = (where) => [...document.querySelectorAll(where)].map((item) => item.textContent);
const ids = (where, key) => [...document.querySelectorAll(where)].map((item) => item.dataset[key]);
return {
  at: Number(document.getElementById("slider").value),
  said: document.getElementById("said").textContent,
  verdict: document.getElementById("verdict").textContent,
  asks: !document.getElementById("quiz").hidden,
  playing: document.getElementById("play").textContent === "Pause",
  lines: texts("#transcript button"),
  current: texts("#transcript [aria-current]"),
  rows: Object.fromEntries([...document.querySelectorAll("#table tr")].map((row) => [...row.cells].map((cell) => cell.textContent))),
  labels: Object.fromEntries([...document.querySelectorAll(".graph [data-node]")].map(
    (g) => [g.querySelector(".name").textContent, g.querySelector(".state").textContent])),
  titles: texts(".graph .node title"),
  went: ids(".graph .went", "edge"),
  litNodes: ids(".graph .node.lit", "node"),
  litEdges: ids(".graph .edge.lit", "edge"),
  litLines: texts("#transcript .lit"),
  focused: document.activeElement.id || document.activeElement.textContent,
};
"""


def missing(reason: str) -> NoReturn:
    """The machine lacks something: where a browser is required that is a failure."""
    if os.environ.get("MEMOGRAD_BROWSER") == "required":
        pytest.fail(reason)
    pytest.skip(reason)


def started(profile: Path) -> Any:
    """A browser without a window that begins with an empty profile and asks the network for nothing of its own accord."""
    try:
        from selenium import webdriver
    except ImportError:
        missing("selenium is not installed: pip install 'memograd[browser]'")
    if CHROMIUM is None or DRIVER is None:
        missing("no browser: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in [*FLAGS.split(), f"user-data-dir={profile}"]:
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))


class Page:
    """What is open in the browser."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def open(self, path: Path) -> None:
        """Open a file, and forget what was logged before."""
        self.driver.get_log("browser"), self.driver.get_log("performance")
        self.driver.get(path.as_uri())

    def look(self, width: int = 1280, height: int = 900, scheme: str = "light") -> None:
        """The size of the window, and whether its reader prefers light or dark."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        preference = {"name": "prefers-color-scheme", "value": scheme}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [preference]})

    def script(self, source: str, *args: Any) -> Any:
        """What a script in the page returns."""
        return self.driver.execute_script(source, *args)

    def __getattr__(self, name: str) -> Any:
        """One thing of what the page shows."""
        return self.script(STATE)[name]

    def __getitem__(self, css: str) -> Any:
        """An element, waiting for nothing."""
        return self.driver.find_element("css selector", css)

    def all(self, css: str) -> list[Any]:
        """All such elements."""
        return self.driver.find_elements("css selector", css)

    def click(self, css: str) -> None:
        self[css].click()

    def press(self, *keys: str) -> None:
        """Keys, to whatever has the focus."""
        from selenium.webdriver import ActionChains

        for key in keys:
            ActionChains(self.driver).send_keys(key).perform()

    def point(self, x: float, y: float) -> None:
        """Move the pointer to a place in the window."""
        from selenium.webdriver.common.actions.action_builder import ActionBuilder

        action = ActionBuilder(self.driver)
        action.pointer_action.move_to_location(round(x), round(y))
        action.perform()

    def point_at(self, element: Any) -> None:
        """Move the pointer to the middle of an element."""
        self.script("arguments[0].scrollIntoView({block: 'center'})", element)
        box = self.script(
            "const {x, y, width, height} = arguments[0].getBoundingClientRect(); return [x + width / 2, y + height / 2]",
            element,
        )
        self.point(*box)

    def line(self, text: str) -> Any:
        """The transcript's line that begins so."""
        return next(
            button for button in self.all("#transcript button") if button.text.startswith(text)
        )

    def wait(self, ready: Any, seconds: float = 30) -> None:
        """Until something holds of the page."""
        from selenium.webdriver.support.ui import WebDriverWait

        WebDriverWait(self.driver, seconds, poll_frequency=0.05).until(lambda _: ready(self))

    def complaints(self) -> list[str]:
        """What the console has shown since the page was opened."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self) -> set[str]:
        """The addresses that were asked for since the page was opened."""
        messages = [
            json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")
        ]
        return {
            m["params"]["request"]["url"]
            for m in messages
            if m["method"] == "Network.requestWillBeSent"
        }
