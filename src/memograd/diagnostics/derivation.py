"""Worked derivation of a request, as in sections 8 and 13 of the tutorial.

It has a forward phase with the values, then chain-rule steps: an equation for each cotangent that
the recursion stores, with the terms of its consumers, what the rules say of them, the terms in
numbers, and their sum. Cotangents that were read from the table are already known.
"""

from collections.abc import Iterator
from typing import Any

from ..arrays.formatting import format_array, matrix_rows
from ..drawing.player_steps import MAX_TERMS_SHOWN, StepDescriber, bracket_negative, format_sum
from ..memory.memory import Memory
from ..memory.tables import Table
from ..program.steps import Operand
from ..solver.log import Log
from ..solver.recursion import pull_back
from ..solver.targets import check_targets, require_scalar
from ..tape.node import Node
from ..text import derivative_name
from ..transforms.forward_mode import store_privately
from .derivation_html import html_page_part
from .derivation_latex import markdown_block
from .derivation_steps import Equation, Local, Value
from .derivation_text import text_lines
from .symbolic_terms import Terms, ValueFormulas


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
        return "\n".join(text_lines(self.output, self.values, self.equations))

    __repr__ = __str__

    def markdown(self) -> str:
        """Return the derivation as Markdown with LaTeX."""
        return markdown_block(self.output, self.values, self.equations)

    def html(self) -> str:
        """Return the derivation as HTML with its own style, without references to other files."""
        return html_page_part(self.output, self.values, self.equations)

    _repr_markdown_ = markdown


def derive(L: Node, x: Any, *, log: Log | None = None, fold: bool = False) -> Derivation:
    r"""Return the derivation of ∂L/∂x as chain-rule steps with numbers, on the user's own graph.

    Parameters
    ----------
    L : Node
        Scalar of an inexact dtype.
    x : Node, or pytree of them
        Targets of the request.
    log : Log, optional
        Log of the requests to derive, with what they read from the table. Without it, the whole
        derivation is computed in a private table.
    fold : bool
        Whether scalars without a name of yours are written as what they were made of, in place of
        a line of their own.

    Returns
    -------
    Derivation
        Prints as text. Its methods ``markdown()`` and ``html()`` return other forms.

    Raises
    ------
    NotScalarError, NotDifferentiableError, OtherTapeError
        As for :func:`memograd.grad`.

    Notes
    -----
    Formulas of local derivatives are what the VJP rules compute, those of your own rules included;
    a formula of more than 100 characters is left out. Of arrays, the whole term is shown.

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
        ∂L/∂b = a (direct)
              = 3
        ∂L/∂a = ∂L/∂b · ∂b/∂a + ∂L/∂a (direct)
              = 3 · 6 + 1 · 9
              = 27
                ∂b/∂a = 2 * a = 6
                ∂L/∂a (direct) = b = 9

    >>> y = (1 / (1 + np.exp(-a))).named("y")
    >>> print(*str(mg.derive(y, a, fold=True)).splitlines()[:3], sep="\n")
    Forward:
        a = 3
        y = 1 / (1 + np.exp(-a)) = 0.9526
    """
    nodes = check_targets(require_scalar(L), x)
    memory = L.tape.state
    with L.tape.lock:
        if log is None:
            table, log = _rehearse(memory, L, [t.id for t in nodes])
        else:
            log.check(memory)
            table = memory.table_or_empty(L.id)
        formulas = ValueFormulas(memory)
        if fold:
            formulas.fold(table.uses, {table.output, *(t.id for t in nodes)})
        return DerivationWriter(memory, table, log, formulas).derivation()


def _rehearse(memory: Memory, L: Node, targets: list[int]) -> tuple[Table, Log]:
    """Run the request in a private table; return the table and the log."""
    table, log = memory.empty_table(L.id), Log()
    outer = log.begin(memory, table)
    for n in targets:
        if n in table.uses:
            pull_back(memory, table, n, memory.value, store_privately, log)
    log.end(outer)
    return table, log


class DerivationWriter:
    """Writer of the derivation of the requests of a log."""

    def __init__(self, memory: Memory, table: Table, log: Log, formulas: ValueFormulas) -> None:
        self.memory, self.table, self.log, self.formulas = memory, table, log, formulas
        self.terms = Terms(memory, table, formulas)
        self.describer = StepDescriber(memory, table, log.events)

    def derivation(self) -> Derivation:
        """Return the derivation."""
        table, name, folded = self.table, self.memory.nodes.name, self.formulas.folded
        equations, seen, read = [], {table.output}, []
        for when, e in enumerate(self.log.events):
            if e.output != table.output or e.kind not in ("read", "store") or e.node in folded:
                continue
            if e.kind == "read":
                read.append(e)
                if e.depth:
                    continue
            # A stored cotangent used what was read deeper in since its visit began.
            known = tuple(name(r.node) for r in read if r.depth > e.depth)
            read = [r for r in read if r.depth <= e.depth and r is not e]
            uses = self.terms.consumers(e.node) if e.kind == "store" else []
            equations.append(self.equation(e.node, when, uses, known))
            seen |= {e.node, *uses}
        return Derivation(name(table.output), list(self.values(seen)), equations)

    def equation(self, n: int, when: int, uses: list[int], known: tuple[str, ...]) -> Equation:
        """Return the equation of ∂L/∂n.

        Parameters
        ----------
        n : int
            Node.
        when : int
            Index of the event.
        uses : list of int
            Consumers of n, the first one first; empty if ∂L/∂n was known.
        known : tuple of str
            Names of the consumers whose cotangents were read from the table.
        """
        name, value = self.memory.nodes.name, self.describer.value(n, when)
        return Equation(
            name(n),
            tuple(map(name, uses)),
            self.sum_of_formulas(n, uses),
            self.sum_of_numbers(n, uses),
            value or "a number that was replaced since",
            matrix_rows(self.table.cotangents[n]) if value else [],
            tuple(self.locals(n, uses)),
            known,
        )

    def sum_of_formulas(self, n: int, uses: list[int]) -> str:
        """Return the terms of ∂L/∂n as the rules state them; nothing if `locals` says it."""
        first, output = uses[:MAX_TERMS_SHOWN], self.table.output
        if uses != [output] and all(self.describer.is_real_scalar(c, n) for c in first):
            return ""
        terms = [self.terms.formula(c, n, self.seed_name(c)) for c in first]
        return format_sum(terms, len(uses)) if all(terms) else ""

    def seed_name(self, c: int) -> str:
        """Return the name of ∂L/∂c in a formula; it is empty for ∂L/∂L, which is 1."""
        name = self.memory.nodes.name
        return "" if c == self.table.output else derivative_name(name(self.table.output), name(c))

    def sum_of_numbers(self, n: int, uses: list[int]) -> str:
        """Return the terms of ∂L/∂n in numbers, if they are known and say more than the sum."""
        cotangents, first = self.table.cotangents, uses[:MAX_TERMS_SHOWN]
        if uses == [self.table.output] or not all(c in cotangents for c in first):
            return ""
        if all(self.describer.is_real_scalar(c, n) for c in first):
            factors = [(format_array(cotangents[c]), self.slope(c, n)) for c in first]
            terms = [" · ".join(map(bracket_negative, pair)) for pair in factors]
        elif len(uses) > 1 and not isinstance(self.memory.nodes[n]["dtype"], tuple):
            terms = [self.terms.value(c, n, cotangents[c]) for c in first]
        else:
            return ""
        return format_sum(terms, len(uses))

    def slope(self, c: int, n: int) -> str:
        """Return ∂c/∂n as a number, for scalars c and n."""
        return self.terms.value(c, n, self.memory.unit_seed(c))

    def locals(self, n: int, uses: list[int]) -> Iterator[Local]:
        """Yield the local derivatives of the terms of ∂L/∂n that are real scalars."""
        if uses == [self.table.output]:
            return
        for c in uses[:MAX_TERMS_SHOWN]:
            if self.describer.is_real_scalar(c, n):
                formula = self.terms.formula(c, n)
                value = self.slope(c, n)
                yield Local(self.memory.nodes.name(c), "" if formula == value else formula, value)

    def values(self, seen: set[int]) -> Iterator[Value]:
        """Yield the forward phase: the values of these nodes and of their operands."""
        memory, folded = self.memory, self.formulas.folded
        shown, waiting = set(seen), [*seen]
        while waiting:
            new = {a for a in memory.steps[waiting.pop()].args if type(a) is Operand} - shown
            shown |= new
            waiting += new & folded.keys()
        for n in sorted(shown - folded.keys()):
            value = memory.value(n)
            leaf = memory.steps[n].op is None
            formula = "" if leaf else self.formulas.definition(n).text
            yield Value(memory.nodes.name(n), formula, format_array(value), matrix_rows(value))
