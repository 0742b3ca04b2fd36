"""What can be seen of a gradient: memograd, and with ``--peers`` the tools of PyTorch, JAX and micrograd, on the same three programs.

    python examples/inspection.py --peers > examples/inspection.md

The peers are torch, torchviz and torchlens (with the program `dot`), jax and micrograd, as far as they are installed. What a tool
shows is counted in what it gives out, by the same functions for all.
"""

import re
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from functools import cache, partial
from importlib.metadata import version
from inspect import getsourcelines
from pathlib import Path
from platform import python_version
from time import perf_counter
from typing import Any

import numpy as np
from inspection_programs import NAN, WALK, ZERO, Program, Shown, View, asked, named, visible

import memograd as mg

ROUNDS = 7

# What memograd shows.

Tell = Callable[[mg.Tape, mg.Log], str]


def told(tell: Tell, program: Program) -> Shown:
    """A text of memograd's about the program, and what the log of the request says of it."""
    log = mg.Log()
    tape, _ = asked(program, log)
    with np.errstate(all="ignore"):
        text = tell(tape, log)
    return Shown(text, nodes=named((node.name for node in tape), text), **told_apart(text, log))


def told_apart(text: str, log: mg.Log) -> dict[str, Any]:
    """What the text tells apart: derivatives, computed now or read from the table; what is kept; and the steps that it plays."""
    apart = any(mark in text for mark in ("→ table", "already known", "never-touched"))
    return {
        "backward": text.count('class="back"')
        or len(set(re.findall(r"∂L/∂(\w+)", visible(text))) & set(log.stored)),
        "computed": len(log.visited) if apart else None,
        "read": len(log.read) if apart else None,
        "kept": text.count("\n") - 1 if text.startswith("what ") else None,
        "steps": text.count('"kind":'),
    }


def player(tape: mg.Tape, log: mg.Log) -> str:
    """The page of the step player."""
    with tempfile.TemporaryDirectory() as folder:
        return mg.player(tape["L"], log=log, path=Path(folder, "walk.html")).read_text(
            encoding="utf-8"
        )


def derivation(program: Program) -> Tell:
    return lambda tape, log: str(
        mg.derive(tape["L"], [tape[name] for name in program.asked], log=log)
    )


def explanations(program: Program) -> Tell:
    return lambda tape, log: "\n".join(
        str(mg.explain(tape["L"], tape[name])) for name in program.asked
    )


def memograd_views(program: Program) -> Iterator[View]:
    """What memograd has to show of a walk, or of a fault."""
    walk: dict[str, Tell] = {
        "`print(log)`, text": lambda tape, log: str(log),
        "`mg.draw`, SVG": lambda tape, log: mg.draw(tape["L"], log=log),
        "`mg.player`, HTML": player,
        "`mg.derive`, text": derivation(program),
        "`mg.why(L, c)`, text": lambda tape, log: str(mg.why(tape["L"], tape["c"])),
        "`tape.memory`, text": lambda tape, log: str(tape.memory),
    }
    fault = {"`mg.explain`, text": explanations(program), "`mg.derive`, text": derivation(program)}
    for output, tell in (walk if program is WALK else fault).items():
        yield View("memograd", output, partial(told, tell, program), partial(asked, program))


# What an output holds, read off it.

WORDS = (
    r"masked branch", r"saturation", r"elements (all|\[\d\])", r"safe = np.where\(x > 0, x, 1.0\)",  # memograd
    r"Function '\w+' returned nan values in its 0th output",  # PyTorch
    r"born in the backward of \w+", r"'verdict': 'dead'", r"'dead_count': 4",  # TorchLens
    r"invalid value \(\w+\) encountered in \w+",  # JAX
    r"ZeroDivisionError: .*",  # micrograd
)  # fmt: skip
"""What the tools say of a fault."""


def holding(text: str, numbers: Iterable[Any]) -> int:
    """How many of these arrays are in the text: one counts where its greatest magnitude is there, with two decimals or more."""
    seen = set(re.findall(r"\d+\.\d{2,}(?:e[+-]\d+)?", visible(text)))
    greatest = [np.max(np.abs(number)) for number in numbers]
    return sum(
        any(f"{number:.{k}{form}}" in seen for k in range(2, 17) for form in "fe")
        for number in greatest
    )


def lines_named(text: str, program: Program) -> int:
    """How many of the marked lines of the program are named by file and number."""
    source, first = getsourcelines(program.run)
    marked = [first + k for k, line in enumerate(source) if re.search(program.marked, line)]
    return sum(
        bool(re.search(rf'inspection_programs\.py(:|", line ){line}\b', text)) for line in marked
    )


def op_named(text: str) -> str:
    """The first word in the text that says which op it was."""
    named = re.finditer(r"[\w.]*(sqrt|relu|maximum)\w*", visible(text), re.IGNORECASE)
    # Where the program's own line is quoted, xp.sqrt, a name that the tool gives comes first.
    found = min(named, key=lambda name: name[0].startswith("xp."), default=None)
    return f"`{found[0]}`" if found else "–"


def said(text: str) -> str:
    """What the text says of the fault, in its own words."""
    quotes = [f"“{found[0]}”" for word in WORDS if (found := re.search(word, visible(text)))]
    return ", ".join(quotes)


@cache
def numbers() -> tuple[list[Any], list[Any]]:
    """The values of section 13 but for g and b, which are each other's derivatives, and the seven derivatives."""
    tape, _ = asked(WALK)
    values = [node.value for node in tape if node.name not in ("g", "b")]
    return values, [derivative for name, derivative in mg.table(tape["L"]).items() if name != "L"]


def milliseconds(run: Callable[[], Any]) -> float:
    """The best of several rounds."""
    best = np.inf
    for _ in range(ROUNDS):
        start = perf_counter()
        run()
        best = min(best, perf_counter() - start)
    return 1e3 * best


# The page.

HEAD = """\
# What can be seen of a gradient

`python examples/inspection.py --peers` prints this page, and without `--peers` memograd's rows alone. Measured on {date} with Python
{python} and {versions}.

The programs are in `examples/inspection_programs.py`, written once: memograd, PyTorch and JAX run the same lines and have the same
derivatives, to twelve digits. micrograd has scalars only, with + * ** and relu, and runs a graph of the same shape made of these. A row
is one output, counted in what it says; a dash means that it has no such thing.

The first program is the graph with which section 13 of M. Tomassoli's tutorial
[Calculus and Backpropagation](https://github.com/mtomassoli/papers/blob/master/backprop.pdf) (2016) explains the method."""

BELOW = {
    WALK.title: """\
*nodes*: of the program, inputs counted; it has thirteen, TorchLens adds one for the output, JAX lists some steps of its own. *backward*:
derivatives, backward functions or equations, told apart from the program. *values*: how many of eleven nodes have their numbers there (g
and b are each other's derivatives and not counted). *derivatives*: how many of the seven have theirs. micrograd's ten Values, and their
gradients, are counted by its own numbers. *lines*: how many of the program's nine lines are named by file and number. *computed*: steps
of the backward pass that are told to run for this request, and *read*: derivatives that were taken from memory instead. *kept*: entries
listed as kept. *steps*: that can be played forward and back.""",
    NAN.title: """\
*what it says*: the words in which the fault is told. *op* and *lines*: how it is named, and how many of the two lines at fault are, by
file and number. *goes on*: whether the gradient is computed to its end; a run that is stopped has no time that could be compared.""",
    ZERO.title: """\
One line is at fault, the one of the ReLU. Anomaly mode and JAX's switches look for NaNs and infinities, and pass a zero in silence.""",
}

FOOT = """
## What the peers show, and memograd does not, or elsewhere

- TorchLens: floating point operations, time, mean and deviation of each op, and modules as a tree; for a NaN, what every backward
  function did with it (*clean*, *birth*, *propagated*); for a zero, how many of its units each op left at zero.
- TorchLens and PyTorch's anomaly mode: the whole call stack of the forward call, where memograd names the user's line.
- JAX: the source line of every equation of both passes, before anything runs. memograd names lines where something is wrong.
- torchviz: which backward function keeps which tensor, in the drawing; memograd lists it (`tape.memory`).
- micrograd: every number of the program and of its gradient, in the drawing. `mg.draw` has numbers for scalars, and shapes for arrays;
  the other numbers are in `mg.derive` and `mg.player`.

## How it was measured

*ms* is the time from nothing to the output: the program, its gradient, and what shows it; *ratio* is that time by the time of the program
and its gradient alone in the same library. Each is the best of 7, on one thread, in float64, on a machine that others used, too; JAX is
not compiled. `make_jaxpr` and `print_saved_residuals` run no gradient. micrograd's programs are scalars and take some ten microseconds.
*bytes* are those of the text in UTF-8. The peers' SVGs are made by the program `dot`, which takes some ten milliseconds to start. TorchLens
is asked to save all gradients, torchviz to show attributes and saved tensors; TorchLens' records are printed
op by op with value, gradient and call stack, as its documentation does for one op. micrograd's package has no drawing: it is that of its
notebook, written anew. What an output shows is read off by the functions in `examples/inspection.py`, the same for all tools; a number
counts as shown if the greatest magnitude of an array is in the text, rounded."""

WALK_HEADS = (
    "tool",
    "output",
    "nodes",
    "backward",
    "values",
    "derivatives",
    "lines",
    "computed",
    "read",
    "kept",
    "steps",
)
FAULT_HEADS = ("tool", "output", "what it says", "op", "lines", "goes on")
MEASURED = ("bytes", "ms", "ratio")
NUMERIC = {*WALK_HEADS[2:], *MEASURED}


def count(value: int | None) -> str:
    return str(value) if value else "–"


def walk_cells(shown: Shown, program: Program) -> list[str]:
    """What there is to see of section 13."""
    values, derivatives = shown.numbers or numbers()
    found = (
        holding(shown.text, values),
        holding(shown.text, derivatives),
        lines_named(shown.text, program),
    )
    return [
        *map(
            count,
            (
                shown.nodes,
                shown.backward,
                *found,
                shown.computed,
                shown.read,
                shown.kept,
                shown.steps,
            ),
        )
    ]


def fault_cells(shown: Shown, program: Program) -> list[str]:
    """What is said of a NaN or a zero."""
    words = said(shown.text)
    place = [op_named(shown.text), count(lines_named(shown.text, program))] if words else ["–", "–"]
    return [words or "–", *place, "yes" if shown.goes_on else "no"]


def measured(view: View, shown: Shown) -> list[str]:
    """Size and times; a run that is stopped has none that could be compared."""
    size = f"{len(shown.text.encode()):,}" if shown.text else "–"
    if not shown.goes_on:
        return [size, "–", "–"]
    taken = milliseconds(view.show)
    return [size, short(taken), short(taken / milliseconds(view.bare))]


def short(number: float) -> str:
    return f"{number:.2g}" if number < 10 else f"{number:,.0f}"


def line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def table(program: Program, views: Iterable[View]) -> Iterator[str]:
    """A table of Markdown, a row for each view."""
    heads, cells = (WALK_HEADS, walk_cells) if program is WALK else (FAULT_HEADS, fault_cells)
    yield f"\n## {program.title}\n"
    yield line((*heads, *MEASURED))
    yield line("--:" if head in NUMERIC else "---" for head in (*heads, *MEASURED))
    for view in views:
        shown = view.show()
        yield line((view.tool, view.output, *cells(shown, program), *measured(view, shown)))


def main() -> None:
    tools, looks = ["numpy"], [memograd_views]
    if "--peers" in sys.argv[1:]:
        import inspection_peers as peers

        peers.prepare()
        tools, looks = [*tools, *peers.installed()], [*looks, peers.views]
    versions = ", ".join(
        [f"memograd {mg.__version__}", *(f"{tool} {version(tool)}" for tool in tools)]
    )
    print(HEAD.format(date=date.today(), versions=versions, python=python_version()))
    for program in (WALK, NAN, ZERO):
        views = (view for look in looks for view in look(program))
        print(*table(program, views), f"\n{BELOW[program.title]}", sep="\n", flush=True)
    print(FOOT)


if __name__ == "__main__":
    main()
