"""Worked derivation of a request, as in sections 8 and 13 of the tutorial.

It has a forward phase with the values, then chain-rule steps: an equation for each cotangent that
the recursion stores, with the terms of its consumers, these in numbers, and their sum. Cotangents
that were read from the table are already known.
"""

import re
from collections.abc import Callable, Iterator
from html import escape
from typing import Any, NamedTuple

from ..arrays.formatting import format_array
from ..drawing.player_steps import MAX_TERMS_SHOWN, StepDescriber, format_sum
from ..memory.memory import Memory
from ..memory.tables import Table
from ..program.steps import Operand
from ..solver.log import Log
from ..solver.recursion import pull_back
from ..solver.targets import check_targets, require_scalar
from ..tape.node import Node
from ..text import derivative_name, printable
from ..transforms.forward_mode import store_privately
from .calls import format_step


class Value(NamedTuple):
    """Line of the forward phase: `name = formula = value`; a leaf has no formula."""

    name: str
    formula: str
    value: str


class Equation(NamedTuple):
    """Chain-rule step.

    Attributes
    ----------
    name : str
        Name of n, if the left side is ∂L/∂n.
    consumers : tuple of str
        Name of c for each term ∂L/∂c · ∂c/∂n; it may be L itself. Empty if ∂L/∂n was known.
    numbers : str
        Terms in numbers, unless they say no more than the sum.
    value : str
        Sum of the terms.
    known : tuple of str
        Name of c for each ∂L/∂c that was read from the table.
    """

    name: str
    consumers: tuple[str, ...]
    numbers: str
    value: str
    known: tuple[str, ...]


class Derivation:
    """Worked derivation of a request. It prints as plain text; notebooks show it typeset.

    Attributes
    ----------
    output : str
        Name of L.
    values : list of Value
        Forward phase.
    equations : list of Equation
        Backward phase, in the order in which the derivatives were computed.
    """

    def __init__(self, output: str, values: list[Value], equations: list[Equation]) -> None:
        self.output, self.values, self.equations = output, values, equations

    def __str__(self) -> str:
        forward = [f"    {' = '.join(part for part in line if part)}" for line in self.values]
        backward = [f"    {line}" for equation in self.equations for line in self._lines(equation)]
        return "\n".join(["Forward:", *forward, "", "Backward:", *backward])

    __repr__ = __str__

    def _lines(self, e: Equation) -> Iterator[str]:
        """Yield an equation as lines of plain text with aligned equality signs."""
        left = derivative_name(self.output, e.name)
        if not e.consumers:
            yield f"{left} = {e.value}, already known"
            return
        known = [derivative_name(self.output, c) for c in e.known]
        note = f"    ({', '.join(known)} already known)" if known else ""
        first, *others = self._right_sides(e, derivative_name, " · ", " (direct)")
        yield f"{left} = {first}{note}"
        yield from (f"{'':{len(left)}} = {side}" for side in others)

    def _right_sides(
        self, e: Equation, ratio: Callable[[str, str], str], times: str, direct: str
    ) -> list[str]:
        """Return the right sides of an equation: the terms, the terms in numbers, the sum."""
        if e.consumers == (self.output,):
            return [e.value + direct]
        pairs = [(ratio(self.output, c), ratio(c, e.name)) for c in e.consumers[:MAX_TERMS_SHOWN]]
        terms = [
            local + direct if c == self.output else g + times + local
            for c, (g, local) in zip(e.consumers, pairs, strict=False)
        ]
        return [side for side in (format_sum(terms, len(e.consumers)), e.numbers, e.value) if side]

    def markdown(self) -> str:
        """Return the derivation as Markdown with LaTeX."""
        forward = " \\\\\n".join(map(latex_value, self.values))
        backward = " \\\\[4pt]\n".join(self._latex_equation(e) for e in self.equations)
        parts = ("Forward", forward), ("Backward", backward)
        return "\n".join(f"**{title}**\n\n{align_equations(part)}\n" for title, part in parts)

    def _latex_equation(self, e: Equation) -> str:
        """Return an equation as LaTeX."""
        left = latex_derivative(self.output, e.name)
        if not e.consumers:
            return f"{left} &= {e.value} && \\text{{already known}}"
        known = ", ".join(latex_derivative(self.output, c) for c in e.known)
        note = f" && {known} \\text{{ already known}}" if known else ""
        first, *others = self._right_sides(e, latex_derivative, " ", "\\text{ (direct)}")
        equation = f"{left} &= " + " \\\\\n&= ".join([first + note, *others])
        return equation.replace("·", "\\cdot").replace("…", "\\dots")

    def html(self) -> str:
        """Return the derivation as HTML without references to other files."""
        forward = "".join(
            f"<li>{escape(' = '.join(part for part in line if part))}</li>" for line in self.values
        )
        backward = "".join(
            f"<li><pre>{escape(chr(10).join(self._lines(e)))}</pre></li>" for e in self.equations
        )
        forward, backward = f"<ul>{forward}</ul>", f"<ol>{backward}</ol>"
        parts = f"<h4>Forward</h4>{forward}<h4>Backward</h4>{backward}"
        return f'<section class="memograd">{parts}</section>'

    _repr_markdown_ = markdown


def derive(L: Node, x: Any, *, log: Log | None = None) -> Derivation:
    """Return the derivation of ∂L/∂x as chain-rule steps with numbers, on the user's own graph.

    Parameters
    ----------
    L : Node
        Scalar of an inexact dtype.
    x : Node, or pytree of them
        Targets of the request.
    log : Log, optional
        Log of the requests to derive, with what they read from the table. Without it, the whole
        derivation is computed in a private table.

    Returns
    -------
    Derivation
        Prints as text. Its methods ``markdown()`` and ``html()`` return other forms.

    Raises
    ------
    NotScalarError, NotDifferentiableError, OtherTapeError
        As for :func:`memograd.grad`.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> tape = mg.Tape()
    >>> a = tape.leaf(3.0, name="a")
    >>> b = np.square(a).named("b")
    >>> L = (b * a).named("L")
    >>> mg.derive(L, a)
    Forward:
        a = 3
        b = np.square(a) = 9
        L = b * a = 27
    <BLANKLINE>
    Backward:
        ∂L/∂b = 3 (direct)
        ∂L/∂a = ∂L/∂b · ∂b/∂a + ∂L/∂a (direct)
              = 3 · 6 + 1 · 9
              = 27
    """
    nodes = check_targets(require_scalar(L), x)
    memory = L.tape.state
    with L.tape.lock:
        if log is None:
            table, log = _rehearse(memory, L, [t.id for t in nodes])
        else:
            log.check(memory.graph)
            table = memory.table_or_empty(L.id)
        return _derivation_from_log(memory, table, log)


def _rehearse(memory: Memory, L: Node, targets: list[int]) -> tuple[Table, Log]:
    """Run the request in a private table; return the table and the log."""
    table, log = memory.empty_table(L.id), Log()
    outer = log.begin(memory.graph, L.id)
    for n in targets:
        if n in table.uses:
            pull_back(memory, table, n, memory.value, store_privately, log)
    log.end(outer)
    return table, log


def _derivation_from_log(memory: Memory, table: Table, log: Log) -> Derivation:
    """Return the derivation of the requests of a log."""
    describer, name = StepDescriber(memory, table, log.events), memory.nodes.name
    equations, seen, read = [], {table.output}, []
    for when, e in enumerate(log.events):
        if e.output != table.output or e.kind not in ("read", "store"):
            continue
        if e.kind == "read":
            read.append(e)
            if e.depth:
                continue
        # A stored cotangent used what was read one level deeper since its visit began.
        known = tuple(name(r.node) for r in read if r.depth == e.depth + 1)
        read = [r for r in read if r.depth <= e.depth and r is not e]
        uses = table.consumers(e.node)[::-1] if e.kind == "store" else []
        equations.append(_make_equation(describer, e.node, when, uses, known))
        seen |= {e.node, *uses}
    return Derivation(name(table.output), _forward_values(memory, seen), equations)


def _make_equation(
    describer: StepDescriber, n: int, when: int, uses: list[int], known: tuple[str, ...]
) -> Equation:
    """Return the equation of ∂L/∂n.

    Parameters
    ----------
    describer : StepDescriber
        Gives the numbers.
    n : int
        Node.
    when : int
        Index of the event.
    uses : list of int
        Consumers of n, the first one first; empty if ∂L/∂n was known.
    known : tuple of str
        Names of the consumers whose cotangents were read from the table.
    """
    name = describer.memory.nodes.name
    numbers = "".join(describer.sum_text(uses, n)).removeprefix(" = ") if uses else ""
    value = describer.value(n, when) or "a number that was replaced since"
    return Equation(name(n), tuple(map(name, uses)), numbers, value, known)


def _forward_values(memory: Memory, seen: set[int]) -> list[Value]:
    """Return the forward phase: the values of these nodes and of their operands."""
    steps, name = memory.steps, memory.nodes.name
    operands = {a for n in seen for a in steps[n].args if type(a) is Operand}
    formulas = {n: format_step(steps[n], name) for n in seen | operands if steps[n].op is not None}
    return [
        Value(name(n), formulas.get(n, ""), format_array(memory.value(n)))
        for n in sorted(seen | operands)
    ]


# LaTeX


def align_equations(lines: str) -> str:
    """Return lines of LaTeX as a block of aligned equations."""
    return f"$$\\begin{{aligned}}\n{lines}\n\\end{{aligned}}$$"


def latex_value(v: Value) -> str:
    """Return a line of the forward phase as an aligned equation."""
    formula = f"{latex_text(v.formula)} = " if v.formula else ""
    return f"{latex_symbol(v.name)} &= {formula}{v.value}"


def latex_derivative(y: str, x: str) -> str:
    """Return ∂y/∂x as a fraction in LaTeX."""
    return f"\\frac{{\\partial {latex_symbol(y)}}}{{\\partial {latex_symbol(x)}}}"


def latex_symbol(name: str) -> str:
    """Return a name as a symbol in LaTeX: `W1` is W with index 1; other names are set as text."""
    word = re.fullmatch(r"([A-Za-z]+?)_?(\d*)", name)
    if word is None:
        return latex_text(name)
    letters = word[1] if len(word[1]) == 1 else f"\\mathrm{{{word[1]}}}"
    return f"{letters}_{{{word[2]}}}" if word[2] else letters


def latex_text(text: str) -> str:
    """Return a text inside a formula in LaTeX, with its special characters escaped."""

    def escape_latex(match: re.Match[str]) -> str:
        """Return the escaped form of a special character."""
        return LATEX_ESCAPES.get(match[0], "\\" + match[0])

    return "\\text{" + re.sub(r"[\\{}$&#%_~^]", escape_latex, printable(text)) + "}"


LATEX_ESCAPES = {
    "\\": "\\textbackslash{}",
    "~": "\\textasciitilde{}",
    "^": "\\textasciicircum{}",
}
"""Escaped forms of the characters that a backslash does not escape."""
