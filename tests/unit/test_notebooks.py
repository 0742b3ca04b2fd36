"""What a notebook shows of each object: a piece of HTML in which no name can mean anything; and short plain texts."""

import numpy as np
import pytest

import memograd as mg
from memograd.text import table_as_html

NAME = "<img src=x onerror=alert(1)>"


def shown():
    """One of each object that has a picture of its own, on a tape whose names are markup."""
    tape, log = mg.Tape(), mg.Log()
    x, w = tape.leaf([1.0, 2.0], name=NAME), tape.leaf(3.0, name="w")
    L = np.sum(np.sin(x).named("<b>") * w).named("<i>L")
    preview = mg.preview(L, x)
    mg.grad(L, [x, w], log=log)
    reports = {
        "preview": preview,
        "why": mg.why(L, x),
        "comparison": log.compare(mg.Log()),
        "computed": log.computed,
        "outcome": preview.compare(log),
        "ledger": tape.memory,
    }
    return {
        "tape": tape,
        "node": x,
        "log": log,
        "table": mg.table(L),
        "plan": mg.plan([L], [x]),
    } | reports


SHOWN = shown()


@pytest.mark.parametrize("what", SHOWN)
def test_it_is_html_without_a_foreign_element(what):
    html = SHOWN[what]._repr_html_()
    assert (
        html.startswith(("<pre style=", "<table>"))
        and "<img" not in html
        and "<b>" not in html
        and "<i>" not in html
    )
    assert "&lt;" in html


@pytest.mark.parametrize(
    "what", sorted(set(SHOWN) - {"comparison"})
)  # sentences are as long as they are
def test_the_plain_text_is_narrow(what):
    assert max(map(len, repr(SHOWN[what]).splitlines())) < 80


def test_a_long_table_is_cut_and_makes_no_more_rows_than_it_shows():
    made = []
    html = table_as_html(
        "many", ["n", "twice"], range(1000), lambda n: made.append(n) or (n, 2 * n)
    )
    assert made == [*range(199), 999] and html.count("<tr>") == 202 and "… 800 more …" in html


def test_a_table_that_fits_is_whole():
    html = table_as_html("all", ["n"], range(200), lambda n: (n,))
    assert html.count("<td>") == 200 and "more" not in html
