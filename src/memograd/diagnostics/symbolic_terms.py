"""Formulas of values and of what a consumer adds to a cotangent, as the VJP rules state them.

A rule runs on handles of nodes of a private tape, which records it; what it recorded is written as
a formula. So the formula is the rule's own, and a rule that a user registers has one, too.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ..arrays.formatting import format_array
from ..memory.memory import Memory
from ..memory.tables import Table
from ..program.steps import Operand, Step
from ..solver.recursion import conform_to_operand
from ..tape.node import Node
from ..tape.tape import Tape, is_reserved
from ..text import printable
from .calls import (
    PRODUCT,
    Formula,
    is_negative,
    negate,
    write_call,
    write_constant,
    write_operator,
    write_step,
)

MAX_FOLDED, MAX_FORMULA = 60, 100
"""Lengths up to which an unnamed scalar is folded, and up to which a derivative is written."""

ONE, MINUS_ONE = Formula("1"), Formula("-1", PRODUCT)


class ValueFormulas:
    """Formulas of the values of a program: names, or for folded nodes what they were made of.

    Attributes
    ----------
    folded : dict
        Folded node to its formula.
    """

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self.folded: dict[int, Formula] = {}

    def fold(self, nodes: Iterable[int], kept: set[int]) -> None:
        """Fold the unnamed scalars among nodes, operands first, unless they are kept or long."""
        for n in sorted(nodes):
            step = self.memory.steps[n]
            unnamed = is_reserved(self.memory.nodes.name(n)) and step.op is not None
            if unnamed and step.shape == () and type(step.dtype) is not tuple and n not in kept:
                formula = self.definition(n)
                if len(formula.text) <= MAX_FOLDED:
                    self.folded[n] = formula

    def definition(self, n: int) -> Formula:
        """Return the call that made a node."""
        return write_step(self.memory.steps[n], self.of)

    def of(self, n: int) -> Formula:
        """Return the formula that stands for a node in other formulas."""
        return self.folded.get(n) or Formula(printable(self.memory.nodes.name(n)))


class Terms:
    """Terms ∂L/∂c · ∂c/∂n of the chain rule; c and n are not folded, what lies between them is.

    Attributes
    ----------
    memory, table
        Those of the request.
    formulas : ValueFormulas
        Formulas of the values.
    """

    def __init__(self, memory: Memory, table: Table, formulas: ValueFormulas) -> None:
        self.memory, self.table, self.formulas = memory, table, formulas

    def consumers(self, n: int) -> list[int]:
        """Return the consumers of n that are not folded, past those that are, in creation order."""
        return sorted(self._reach(n) - self.formulas.folded.keys())

    def _reach(self, n: int) -> set[int]:
        """Return the consumers of n and of the folded nodes that lead to them."""
        found: set[int] = set()
        stack = [n]
        while stack:
            new = set(self.table.consumers(stack.pop())) - found
            found |= new
            stack += new & self.formulas.folded.keys()
        return found

    def pull(self, c: int, n: int, g: Any, read: Callable[[int], Any]) -> Any:
        """Return what consumer c adds to the cotangent of n, given its own, g."""
        memory, cotangents = self.memory, {c: g}
        between = [m for m in self._reach(n) & self.formulas.folded.keys() if m < c]
        for m in [*sorted(between, reverse=True), n]:
            pulled = [
                conform_to_operand(part, memory, d, k, m)
                for d, rules in self.table.uses_of(m)
                if d in cotangents
                for k, rule in rules
                for part in [rule.pull(cotangents[d], d, k, memory.steps, read)]
            ]
            if pulled:
                cotangents[m] = sum(pulled[1:], pulled[0])
        return cotangents[n]

    def value(self, c: int, n: int, g: Any) -> str:
        """Return the value of a term in a few characters."""
        return format_array(self.pull(c, n, g, self.memory.value))

    def formula(self, c: int, n: int, seed: str = "") -> str:
        """Return a term as a formula in which the seed stands for ∂L/∂c, or which takes 1 for it.

        It is empty if it would be long, or if the rule does not run on nodes.
        """
        memory, recorder = self.memory, TermRecorder(self.memory, self.formulas)
        try:
            with np.errstate(all="ignore"):
                g = recorder.leaf(memory.unit_seed(c), Formula(seed) if seed else ONE)
                pulled = self.pull(c, n, g, recorder.read)
                formula = recorder.formula_of(pulled)
        except Exception:  # a user's rule may raise anything when it is handed a node
            return ""
        return formula.text if formula is not None else ""


class TermRecorder:
    """Private tape on which rules record, with the formulas of its nodes."""

    def __init__(self, memory: Memory, formulas: ValueFormulas) -> None:
        self.memory, self.formulas, self.tape = memory, formulas, Tape()
        self._leaves: dict[int, Node] = {}
        self._written: dict[int, Formula | None] = {}

    def leaf(self, value: Any, formula: Formula) -> Node:
        """Return a new leaf that is written as a formula."""
        node = self.tape.leaf(value)
        self._written[node.id] = formula
        return node

    def read(self, n: int) -> Node:
        """Return the leaf that stands for a node of the program."""
        if n not in self._leaves:
            self._leaves[n] = self.leaf(self.memory.value(n), self.formulas.of(n))
        return self._leaves[n]

    def formula_of(self, a: Any) -> Formula | None:
        """Return what was recorded for a result as a formula; None if it is long."""
        if type(a) is not Node:
            return write_constant(a)
        steps = self.tape.state.steps
        for n in range(a.id + 1):
            if n not in self._written:
                self._written[n] = self._write(steps[n])
        return self._written[a.id]

    def _write(self, step: Step) -> Formula | None:
        """Return a step as a formula of what its operands are written as."""
        args = [self._written[a] if type(a) is Operand else write_constant(a) for a in step.args]
        known = [a for a in args if a is not None]
        if len(known) < len(args):
            return None
        formula = write_simplified(step.op, known, step.kwargs)
        return formula if len(formula.text) <= MAX_FORMULA else None


def write_simplified(op: Any, args: list[Formula], kwargs: dict[str, Any]) -> Formula:
    """Return a call as a formula without factors 1 and -1, divisors 1 and double minus signs."""
    if op is np.negative and args[0].rank == PRODUCT and is_negative(args[0]):
        return args[0]._replace(text=args[0].text.removeprefix("-"))
    if op is np.multiply and ONE in args:
        return args[1 - args.index(ONE)]
    if op is np.multiply and MINUS_ONE in args:
        return negate(args[1 - args.index(MINUS_ONE)])
    if op is np.divide and args[1] == ONE:
        return args[0]
    if op is np.add and args[0] == args[1]:
        return write_operator("*", Formula("2"), args[0])
    return write_call(op, args, kwargs)
