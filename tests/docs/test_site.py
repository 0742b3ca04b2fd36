"""The documentation site: it builds without a warning, no link in it is broken, and it loads nothing from elsewhere."""

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest
from guide_site import LIBRARIES, REASON, build_site

import memograd as mg

for library in LIBRARIES:
    pytest.importorskip(library, reason=REASON)


class Page(HTMLParser):
    """The ids, the links and the loaded resources of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {key: value or "" for key, value in attrs}
        self.ids |= {values["id"]} if "id" in values else set()
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        elif tag in ("link", "script", "img", "iframe", "source", "object"):
            self.loaded += [values[key] for key in ("href", "src", "data") if key in values]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_site(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    return {path: Page(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}


def test_no_link_is_broken(site: Path, pages: dict[Path, Page]) -> None:
    broken = []
    for path, page in pages.items():
        for link in [*page.links, *page.loaded]:
            address, anchor = urldefrag(unquote(link))
            if re.match(r"\w+:", address):
                continue
            target = (path.parent / re.sub(r"\?.*", "", address)).resolve() if address else path
            found = target.exists() and (
                not anchor or target.suffix != ".html" or anchor in pages[target].ids
            )
            broken += [] if found else [(path.relative_to(site).as_posix(), link)]
    assert broken == []


def test_nothing_is_loaded_from_elsewhere(site: Path, pages: dict[Path, Page]) -> None:
    assert [link for page in pages.values() for link in page.loaded if "//" in link] == []
    styles = [path.read_text(encoding="utf-8") for path in site.rglob("*.css")]
    assert [
        found for text in styles for found in re.findall(r"url\([\"']?(?:https?:)?//", text)
    ] == []


def test_every_public_name_appears(pages: dict[Path, Page]) -> None:
    ids = set().union(*(page.ids for page in pages.values()))
    names = [f"memograd.{name}" for name in mg.__all__ if not name.startswith("_")]
    names += [f"memograd.functional.{name}" for name in mg.functional.__all__]
    aliases = {"memograd.MemogradError": "memograd.errors.MemogradError"}
    missing = [name for name in names if aliases.get(name, name) not in ids]
    modules = {"memograd.baselines", "memograd.check", "memograd.functional", "memograd.optimize"}
    assert [name for name in missing if f"module-{name}" not in ids or name not in modules] == []


def test_pages_can_be_searched_offline(site: Path) -> None:
    index = (site / "searchindex.js").read_text(encoding="utf-8")
    assert index.startswith("Search.setIndex(") and '"assign' in index.lower()
    assert (site / "search.html").exists()
