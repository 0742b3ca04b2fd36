"""One browser for all tests of this folder, and the requests whose pages they open."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import memograd as mg
from memograd.cli.walkthrough import TARGETS, section_13

from .driving import Page, started

Asked = tuple[mg.Node, mg.Log]


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """The browser, with whatever page the last test left in it."""
    driver = started(tmp_path_factory.mktemp("profile"))
    yield Page(driver)
    driver.quit()


@pytest.fixture
def play(browser: Page, tmp_path: Path) -> Iterator[Callable[..., Page]]:
    """Open the page of a request. Whatever a test does with it, the console stays empty and nothing is asked of a network."""
    path = tmp_path / "walk.html"

    def opened(asked: Asked, **look: Any) -> Page:
        L, log = asked
        browser.look(**look)
        browser.open(mg.player(L, log=log, path=path))
        return browser

    yield opened
    if path.exists():
        assert browser.complaints() == []
        assert {url for url in browser.requests() if not url.startswith("data:")} == {path.as_uri()}


@pytest.fixture
def walk() -> Asked:
    """The walkthrough's three requests."""
    tape, log = section_13(), mg.Log()
    for name in TARGETS:
        mg.grad(tape["L"], tape[name], log=log)
    return tape["L"], log


@pytest.fixture
def network(tape: mg.Tape, rng: np.random.Generator) -> Asked:
    """Six layers: a picture that is taller than a window, and lines further in than it is wide."""
    log, weights = mg.Log(), []
    h: Any = tape.leaf(rng.normal(size=(8, 16)), name="x")
    for k in range(6):
        W, b = (
            tape.leaf(rng.normal(size=(16, 16)) / 4, name=f"layer{k}/W"),
            tape.leaf(np.zeros(16), name=f"layer{k}/b"),
        )
        weights += [W, b]
        h = np.tanh((h @ W).named(f"layer{k}/product") + b).named(f"layer{k}/h")
    L = np.mean(np.square(h)).named("loss")
    for weight in weights:
        mg.grad(L, weight, log=log)
    return L, log
