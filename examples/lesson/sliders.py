"""Sections 7, 8 and 13 of the tutorial with sliders on the leaves: ``marimo run sliders.py``."""

import marimo

app = marimo.App(width="medium")


@app.cell
def _():
    import marimo as mo
    import numpy as np

    import memograd as mg
    from memograd.cli.walkthrough import TARGETS, section_13

    return TARGETS, mg, mo, np, section_13


@app.cell
def _(mo):
    mo.md("""
    # Move a leaf

    The double diamond of sections 7 and 8: `a` reaches `e` on four paths. Move `a`, and each number follows.
    """)
    return


@app.cell
def _(mo):
    a_slider = mo.ui.slider(-3.0, 5.0, 0.5, value=3.0, label="a", show_value=True)
    a_slider
    return (a_slider,)


@app.cell
def _(mg):
    diamond = mg.Tape()
    a = diamond.leaf(3.0, name="a")
    b1, b2 = (a + 2).named("b1"), (a + 4).named("b2")
    c = (b1 * b2 - 31).named("c")
    d1, d2 = (3 - c).named("d1"), (c * 0.5).named("d2")
    e = (d1 * d2).named("e")
    return a, e


@app.cell
def _(a, a_slider, e, mg, mo):
    a.value = a_slider.value
    derivation, walk = mg.derive(e, a, fold=True), mg.Log()
    mg.grad(e, a, log=walk)
    mo.hstack([mo.Html(mg.draw(e, log=walk)), mo.Html(derivation.html())], wrap=True)
    return (derivation,)


@app.cell
def _(mo):
    mo.md("""
    # What a change reaches

    The graph of section 13. All three derivatives are known; then the leaves move, and they are asked for again. `✗` is an entry that
    turned out wrong, `→` is computed, `←` is read. A leaf that does not move costs nothing.
    """)
    return


@app.cell
def _(mo):
    moves = mo.ui.dictionary(
        {
            name: mo.ui.slider(-1.0, 1.0, 0.1, value=0.0, label=f"move {name} by", show_value=True)
            for name in ("W1", "W2", "W3", "p")
        }
    )
    moves
    return (moves,)


@app.cell
def _(TARGETS, mg, mo, moves, section_13):
    tape, log = section_13(), mg.Log()
    L, targets = tape["L"], [tape[name] for name in TARGETS]
    mg.grad(L, targets)
    tape.assign({tape[name]: tape[name].value + by for name, by in moves.value.items() if by})
    mg.grad(L, targets, log=log)
    picture = mo.Html(mg.draw(L, targets, log=log))
    mo.hstack([picture, mo.md(f"```\n{log}\n```")], wrap=True)
    return (log,)


if __name__ == "__main__":
    app.run()
