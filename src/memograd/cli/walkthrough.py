"""Program of the tutorial's section 13: thirteen nodes, of which three requests visit seven."""

from typing import Any

import numpy as np

from ..tape.tape import Tape

TARGETS = ("W1", "W2", "W3")
"""Targets of the tutorial's requests."""


def section_13(seed: int = 13) -> Tape:
    """Return a tape with the graph of section 13, on arrays of random numbers.

    Each arrow of the tutorial's picture is one edge of the tape.

    Examples
    --------
    >>> import memograd as mg
    >>> from memograd.cli.walkthrough import TARGETS, section_13
    >>> tape, log = section_13(), mg.Log()
    >>> _ = mg.grad(tape["L"], [tape[name] for name in TARGETS], log=log)
    >>> log.visited
    ['W1', 'g', 'W2', 'c', 'b', 'W3', 'e']
    """
    rng = np.random.default_rng(seed)
    tape = Tape()

    def leaf(name: str, *shape: int) -> Any:
        return tape.leaf(rng.normal(size=shape), name=name)

    W1, W2, W3, p = leaf("W1", 3), leaf("W2", 3, 4), leaf("W3", 4), leaf("p", 3)
    g = np.tanh(W1).named("g")
    h = np.exp(W1).named("h")
    j = np.sum(W2, axis=1).named("j")
    np.multiply(h, j).named("k")
    e = np.sin(W3).named("e")
    c = np.matmul(W2, e).named("c")
    f = np.cos(p).named("f")
    b = np.multiply(c, f).named("b")
    np.dot(g, b).named("L")
    return tape
