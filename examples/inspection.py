"""What can be seen of a gradient: memograd, and with ``--peers`` the tools of PyTorch, JAX and micrograd, on the same three programs.

    python examples/inspection.py --peers > examples/inspection.md

The peers are torch, torchlens, torchviz (with the program `dot`), jax and micrograd, as far as they are installed. What a tool shows
is counted in what it gives out, by the same functions for all of them.
"""

import importlib.metadata
import importlib.util
import inspect
import io
import os
import re
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import redirect_stdout
from datetime import date
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

import memograd as mg
from memograd.walkthrough import TARGETS, section_13

ROUNDS = 7
Arrays = dict[str, np.ndarray]
Numbers = tuple[list[Any], list[Any]]


# The programs, for NumPy, PyTorch and JAX alike.


def thirteen(xp: Any, W1: Any, W2: Any, W3: Any, p: Any) -> Any:
    """The graph of section 13: thirteen nodes, of which ∂L/∂W1, ∂L/∂W2 and ∂L/∂W3 need seven."""
    g = xp.tanh(W1)
    h = xp.exp(W1)
    j = xp.sum(W2, 1)
    h * j
    e = xp.sin(W3)
    c = xp.matmul(W2, e)
    f = xp.cos(p)
    b = c * f
    return xp.dot(g, b)


def masked(xp: Any, x: Any, y: Any) -> Any:
    """Two square roots at 0, in branches that are not taken: L is in order, ∂L/∂x and ∂L/∂y are NaN."""
    root = xp.sqrt(x)
    wide = xp.sqrt(y)
    return xp.sum(xp.where(x > 0, root, 0.0)) + xp.sum(xp.where(y > 0, wide, 0.0))


def dead(xp: Any, X: Any, W: Any, b: Any, v: Any, relu: Callable[[Any], Any]) -> Any:
    """A layer whose units are all off: ∂L/∂W is 0."""
    a = xp.matmul(X, W) + b
    h = relu(a)
    return xp.sum(xp.matmul(h, v))


def arrays_of(program: Callable[..., Any]) -> Arrays:
    """What the program is run on."""
    rng = np.random.default_rng(0)
    if program is thirteen:
        return {name: section_13()[name].value for name in (*TARGETS, "p")}
    if program is masked:
        return {"x": np.array([4.0, 1.0, 0.0]), "y": np.array([0.0, 9.0])}
    return {"X": rng.normal(size=(8, 3)), "W": rng.normal(size=(3, 4)), "b": np.full(4, -10.0), "v": rng.normal(size=4)}


ASKED = {thirteen: TARGETS, masked: ("x", "y"), dead: ("W",)}
"""By what each program is differentiated."""

FAULTS = {thirteen: "= |return", masked: "sqrt", dead: "relu"}
"""What marks the lines, and the ops, that a tool might name."""


# What an output holds, read off it.


class Shown(NamedTuple):
    """What a tool gives out, and the counts that only its own records tell; None where it has no such thing."""

    text: str
    goes_on: bool = True
    nodes: int | None = None
    backward: int | None = None
    computed: int | None = None
    read: int | None = None
    kept: int | None = None
    steps: int | None = None
    numbers: Numbers | None = None


class View(NamedTuple):
    """One way to look: the tool, what it gives, how to get it from nothing, and the words to look for in it."""

    tool: str
    output: str
    show: Callable[[], Shown]
    bare: Callable[[], Any]
    words: tuple[str, ...] = ()


def visible(text: str) -> str:
    """The text without its markup, in which numbers are places on the paper."""
    return re.sub(r"<style.*?</style>|<[^>]*>", " ", text, flags=re.DOTALL) if text.lstrip().startswith("<") else text


def holding(text: str, numbers: Iterable[Any]) -> int:
    """How many of these arrays are in the text: one counts where its greatest magnitude is there, with two decimals or more."""
    seen = set(re.findall(r"\d+\.\d{2,}", visible(text)))
    places = {len(number.partition(".")[2]) for number in seen}
    return sum(any(f"{np.max(np.abs(number)):.{k}f}" in seen for k in places) for number in numbers)


def lines_named(text: str, program: Callable[..., Any]) -> int:
    """How many of the lines of the program that are marked are named by file and number."""
    source, first = inspect.getsourcelines(program)
    lines = [first + k for k, line in enumerate(source) if re.search(FAULTS[program], line.partition('"""')[0])]
    return sum(bool(re.search(rf'inspection\.py(:|", line ){line}\b', text)) for line in lines)


def op_named(text: str, program: Callable[..., Any]) -> str:
    """The first name in the text that says which op it was."""
    found = re.search(r"[\w.]*(sqrt|relu|maximum)\w*", visible(text), re.IGNORECASE)
    return f"`{found[0]}`" if found else "–"


def said(text: str, words: tuple[str, ...]) -> str:
    """Those of the words looked for that are there, as they stand."""
    quotes = [found[0] for word in words if (found := re.search(word, visible(text)))]
    return "; ".join(f"“{quote}”" for quote in quotes) or "–"


def seconds(run: Callable[[], Any]) -> float:
    """The best of several rounds."""
    best = np.inf
    for _ in range(ROUNDS):
        start = perf_counter()
        run()
        best = min(best, perf_counter() - start)
    return best


# memograd.


def recorded(program: Callable[..., Any]) -> mg.Tape:
    """The program on a tape, its leaves named."""
    if program is thirteen:
        return section_13()
    tape = mg.Tape()
    leaves = {name: tape.leaf(value, name=name) for name, value in arrays_of(program).items()}
    relu = {"relu": partial(np.maximum, 0.0)} if program is dead else {}
    program(np, **leaves, **relu).named("L")
    return tape


def asked(program: Callable[..., Any]) -> tuple[mg.Tape, mg.Log]:
    """The program on a tape, and the log of what was asked for."""
    tape, log = recorded(program), mg.Log()
    with np.errstate(all="ignore"):
        mg.grad(tape["L"], [tape[name] for name in ASKED[program]], log=log)
    return tape, log


def bare(program: Callable[..., Any]) -> Callable[[], Any]:
    """Forward and gradient, and no more."""

    def run() -> list[Any]:
        tape = recorded(program)
        with np.errstate(all="ignore"):
            return mg.grad(tape["L"], [tape[name] for name in ASKED[program]])

    return run


def names_in(text: str, tape: mg.Tape) -> int:
    """How many nodes of the tape the text names."""
    words = set(re.findall(r"\w+", visible(text)))
    return sum(node.name in words for node in tape)


def told(program: Callable[..., Any], tell: Callable[[mg.Tape, mg.Log], str]) -> Callable[[], Shown]:
    """A text of memograd's about the program, and what the log of the request says beside it."""

    def show() -> Shown:
        tape, log = asked(program)
        with np.errstate(all="ignore"):
            text = tell(tape, log)
        return Shown(text, nodes=names_in(text, tape), **counts(text, log))

    return show


def counts(text: str, log: mg.Log) -> dict[str, int | None]:
    """What the text tells apart: computed now, read from the table, kept, and the steps it plays."""
    tells = "→ table" in text or "already known" in text or "never-touched" in text
    back = set(re.findall(r"∂L/∂(\w+)", visible(text))) - {"L"}
    return {
        "backward": text.count('class="back"') or len(back),
        "computed": len(log.visited) if tells else None,
        "read": len(log.read) if tells else None,
        "kept": text.count("\n") - 1 if text.startswith("what ") else None,
        "steps": text.count('"kind":') or None,
    }


def played(tape: mg.Tape, log: mg.Log) -> str:
    """The page of the step player."""
    with tempfile.TemporaryDirectory() as folder:
        return mg.player(tape["L"], log=log, path=Path(folder, "walk.html")).read_text(encoding="utf-8")


def derived(program: Callable[..., Any], tape: mg.Tape, log: mg.Log) -> str:
    return str(mg.derive(tape["L"], [tape[name] for name in ASKED[program]], log=log))


def explained(program: Callable[..., Any], tape: mg.Tape, log: mg.Log) -> str:
    return "\n".join(str(mg.explain(tape["L"], tape[name])) for name in ASKED[program])


def memograd_views(program: Callable[..., Any]) -> Iterator[View]:
    """What memograd has for a walk, or for a fault."""
    words = ("masked branch", r"saturation at \w+", "elements all", r"elements \[\d\]", r"safe = np.where\(x > 0, x, 1.0\)")
    walk = {
        "`print(log)`, text": lambda tape, log: str(log),
        "`mg.draw`, SVG": lambda tape, log: mg.draw(tape["L"], log=log),
        "`mg.player`, HTML": played,
        "`mg.derive`, text": partial(derived, program),
        "`mg.why(L, c)`, text": lambda tape, log: str(mg.why(tape["L"], tape["c"])),
        "`tape.memory`, text": lambda tape, log: str(tape.memory),
    }
    fault = {
        "`mg.explain`, text": partial(explained, program),
        "`mg.derive`, text": partial(derived, program),
    }
    for output, tell in (walk if program is thirteen else fault).items():
        yield View("memograd", output, told(program, tell), bare(program), words)


# The page.

TITLES = {
    thirteen: "Section 13: three derivatives out of a graph of thirteen nodes",
    masked: "A NaN: two masked branches",
    dead: "A zero: a layer whose units are all off",
}


def cell(value: int | None) -> str:
    return str(value) if value else "–"


def walk_row(view: View, shown: Shown) -> list[str]:
    """A row of the first table."""
    values, derivatives = shown.numbers or numbers()
    found = holding(shown.text, values), holding(shown.text, derivatives), lines_named(shown.text, thirteen)
    own = (shown.computed, shown.read, shown.kept, shown.steps)
    return [view.tool, view.output, *map(cell, (shown.nodes, shown.backward, *found, *own))]


def numbers() -> Numbers:
    """The values of section 13 but for g and b, which are each other's derivatives, and the seven derivatives."""
    tape, _ = asked(thirteen)
    values = [node.value for node in tape if node.name not in ("g", "b")]
    return values, [d for name, d in mg.table(tape["L"]).items() if name != "L"]


def fault_row(program: Callable[..., Any], view: View, shown: Shown) -> list[str]:
    """A row of the other tables."""
    places = op_named(shown.text, program), cell(lines_named(shown.text, program))
    return [view.tool, view.output, said(shown.text, view.words), "yes" if shown.goes_on else "no", *places]


def measured(view: View, shown: Shown) -> list[str]:
    """Size and time, the two cells that are not the same everywhere."""
    return [f"{len(shown.text.encode()):,}" if shown.text else "–", f"{seconds(view.show) / seconds(view.bare):.3g}"]


WALK = ["tool", "output", "nodes", "backward", "values", "derivatives", "lines", "computed", "read", "kept", "steps", "bytes", "time"]
FAULT = ["tool", "output", "what it says", "goes on", "op", "lines", "bytes", "time"]


def table(program: Callable[..., Any], views: Iterable[View]) -> Iterator[str]:
    """A table of Markdown, a row for each view."""
    heads = WALK if program is thirteen else FAULT
    yield f"\n## {TITLES[program]}\n"
    yield f"| {' | '.join(heads)} |"
    yield f"|{'|'.join('--:' if head in (*WALK[2:], 'lines') else '---' for head in heads)}|"
    for view in views:
        shown = view.show()
        cells = walk_row(view, shown) if program is thirteen else fault_row(program, view, shown)
        yield f"| {' | '.join([*cells, *measured(view, shown)])} |"


def main() -> None:
    for program in TITLES:
        print(*table(program, memograd_views(program)), sep="\n")


if __name__ == "__main__":
    main()
