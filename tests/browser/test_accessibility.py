"""What axe-core finds wrong with a page for those who read it by ear, by keyboard, or with weak eyes."""

import shutil
import subprocess
import tarfile

import numpy as np
import pytest

import memograd as mg

from .driving import missing

RIGHT, END = "\ue014", "\ue010"


@pytest.fixture(scope="session")
def axe(tmp_path_factory):
    """axe-core's script, from the npm registry."""
    npm, folder = shutil.which("npm"), tmp_path_factory.mktemp("axe")
    if npm is None:
        missing("no npm: apt-get install npm")
    ran = subprocess.run(
        [npm, "pack", "--silent", "axe-core@4.10.3"],
        cwd=folder,
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    if ran.returncode:
        missing(f"axe-core is not to be had: {ran.stderr.strip()[-300:]}")
    with tarfile.open(folder / ran.stdout.split()[-1]) as package:
        return package.extractfile("package/axe.min.js").read().decode()


def found(page, axe):
    """Each fault, as (how grave, which rule, where)."""
    page.script(axe)
    faults = page.driver.execute_async_script(
        "axe.run().then((results) => arguments[0](results.violations), arguments[0])"
    )
    return [
        (fault["impact"], fault["id"], node["html"][:200])
        for fault in faults
        for node in fault["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1280])
@pytest.mark.parametrize("asked", ["walk", "network"])
def test_the_player_has_no_fault(play, axe, request, asked, width, scheme):
    page = play(request.getfixturevalue(asked), width=width, scheme=scheme)
    assert found(page, axe) == []
    page.script("arguments[0].click()", page["#teach"])
    page.press(*[RIGHT] * 5)
    assert found(page, axe) == []
    page.press(END)
    assert found(page, axe) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_picture_in_a_page_has_no_fault(browser, axe, tmp_path, walk, scheme):
    L, log = walk
    page = "<!doctype html><html lang=en><meta charset=utf-8><title>Two pictures</title><main><h1>Two pictures</h1>{}</main></html>"
    path = tmp_path / "pictures.html"
    path.write_text(
        page.format(mg.draw(L, log=log) + mg.draw(np.square(L).named("M"))), encoding="utf-8"
    )
    browser.look(scheme=scheme)
    browser.open(path)
    assert found(browser, axe) == []


def test_a_fault_is_found(browser, axe, tmp_path):
    path = tmp_path / "bad.html"
    path.write_text(
        "<!doctype html><title>Bad</title><main><img src='data:,'><p style='color: #ccc'>pale</p></main>",
        encoding="utf-8",
    )
    browser.open(path)
    assert {"html-has-lang", "image-alt", "color-contrast"} <= {
        rule for _, rule, _ in found(browser, axe)
    }
