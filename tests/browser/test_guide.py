"""The documentation site in a real browser: narrow and wide, light and dark, without a network, and searched from the file system."""

from pathlib import Path

import pytest
from guide_site import LIBRARIES, REASON, build_site

from .driving import Page

PAGES = ["index", "memory", "conversions", "accuracy", "api/derivatives", "errors"]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for library in LIBRARIES:
        pytest.importorskip(library, reason=REASON)
    return build_site(tmp_path_factory.mktemp("site"))


def brightness(browser: Page, css: str, key: str) -> float:
    """The mean of red, green and blue of an element's colour."""
    colour = browser.script(
        "return getComputedStyle(document.querySelector(arguments[0]))[arguments[1]]", css, key
    )
    red, green, blue = (float(part) for part in colour.strip("rgba()").split(",")[:3])
    return (red + green + blue) / 3


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1600])
@pytest.mark.parametrize("name", PAGES)
def test_pages_fit_and_can_be_read(
    browser: Page, site: Path, name: str, width: int, scheme: str
) -> None:
    browser.look(width=width, scheme=scheme)
    browser.open(site / f"{name}.html")
    content = "const content = document.querySelector('.content'); return content."
    assert browser.script(content + "scrollWidth") <= browser.script(content + "clientWidth")
    paper, ink = (
        brightness(browser, "body", "backgroundColor"),
        brightness(browser, "article p", "color"),
    )
    assert paper - ink > 150 if scheme == "light" else ink - paper > 150
    assert browser.complaints() == []
    assert [url for url in browser.requests() if not url.startswith(("file:", "data:"))] == []


def test_the_search_finds_pages_without_a_server(browser: Page, site: Path) -> None:
    browser.look()
    browser.open(site / "search.html")
    browser.driver.get((site / "search.html").as_uri() + "?q=budget")
    browser.wait(lambda page: "matching the search query" in page["#search-results"].text)
    found = browser["#search-results"].text
    assert "Memory and assignment" in found and "BudgetError" in found
