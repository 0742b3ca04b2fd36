"""Three programs to look at, written once for NumPy, PyTorch and JAX: `inspection.py` compares what can be seen of them."""

import re
from collections.abc import Callable, Iterable
from functools import partial
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

import memograd as mg
from memograd.cli.walkthrough import TARGETS, section_13

NUMPY = SimpleNamespace(**vars(np), relu=partial(np.maximum, 0.0))


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
    """Two square roots at 0 in branches that are not taken: L is in order, ∂L/∂x and ∂L/∂y are NaN there."""
    root = xp.sqrt(x)
    wide = xp.sqrt(y)
    return xp.sum(xp.where(x > 0, root, 0.0)) + xp.sum(xp.where(y > 0, wide, 0.0))


def dead(xp: Any, X: Any, W: Any, b: Any, v: Any) -> Any:
    """A layer whose units are all off: ∂L/∂W is 0."""
    a = xp.matmul(X, W) + b
    h = xp.relu(a)
    return xp.sum(xp.matmul(h, v))


class Program(NamedTuple):
    """A program, the arrays it is run on, by which of them it is differentiated, and what marks the lines one would name."""

    title: str
    run: Callable[..., Any]
    arrays: dict[str, np.ndarray]
    asked: tuple[str, ...]
    marked: str


def layer() -> dict[str, np.ndarray]:
    """A layer with its input; the bias turns every unit off."""
    rng = np.random.default_rng(0)
    return {
        "X": rng.normal(size=(8, 3)),
        "W": rng.normal(size=(3, 4)),
        "b": np.full(4, -10.0),
        "v": rng.normal(size=4),
    }


LEAVES = {name: section_13()[name].value for name in (*TARGETS, "p")}
ROOTS = {"x": np.array([4.0, 1.0, 0.0]), "y": np.array([0.0, 9.0])}

WALK = Program(
    "Section 13: three derivatives out of a graph of thirteen nodes",
    thirteen,
    LEAVES,
    TARGETS,
    r"xp\.| \* ",
)
NAN = Program("A NaN: two branches that `where` masks", masked, ROOTS, ("x", "y"), "sqrt")
ZERO = Program("A zero: a layer whose units are all off", dead, layer(), ("W",), "relu")


def recorded(program: Program) -> mg.Tape:
    """The program on a tape."""
    if program is WALK:
        return section_13()
    tape = mg.Tape()
    leaves = {name: tape.leaf(value, name=name) for name, value in program.arrays.items()}
    program.run(NUMPY, **leaves).named("L")
    return tape


def asked(program: Program, log: mg.Log | None = None) -> tuple[mg.Tape, list[Any]]:
    """The program on a tape, and the derivatives that it is there for."""
    tape = recorded(program)
    with np.errstate(all="ignore"):
        return tape, mg.grad(tape["L"], [tape[name] for name in program.asked], log=log)


def visible(text: str) -> str:
    """The text without its markup, whose numbers are places on the paper."""
    return (
        re.sub(r"<style.*?</style>|<[^>]*>", " ", text, flags=re.DOTALL)
        if text.lstrip().startswith("<")
        else text
    )


def named(names: Iterable[str], text: str) -> int:
    """How many of the names are words of the text."""
    return len(set(names) & set(re.findall(r"\w+", visible(text))))


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
    numbers: tuple[list[Any], list[Any]] | None = None


class View(NamedTuple):
    """One way to look at a program: the tool, what it gives, how to get it from nothing, and the gradient without it."""

    tool: str
    output: str
    show: Callable[[], Shown]
    bare: Callable[[], Any]
