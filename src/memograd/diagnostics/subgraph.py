"""What lies between x and L, gone through beside the tables: every derivative there, and what each
use gives to it.
"""

import math
from collections.abc import Iterator
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from ..arrays.values import canonicalize, is_inexact
from ..memory.memory import Memory
from ..memory.tables import uses_of
from ..program.steps import Operand, Step, operand_positions
from ..rules.broadcasting import unbroadcast
from ..rules.indexing import getitem, masked
from ..rules.registration import RULES, VJPRule, traits_of
from ..solver.recursion import conform_to_operand, sum_contributions
from ..text import derivative_name, op_name, printable

Mask = Any
"""Which elements of a node are meant: booleans of its shape; True means all, of a node with several
outputs, too.
"""


class UseOfNode(NamedTuple):
    """One place where a node is an operand: of which consumer, at which position, by which line."""

    node: int
    consumer: int
    argnum: int
    line: VJPRule


class Subgraph:
    """Nodes between x and L, by counting uses, and ∂L/∂node for each, in a table that nobody else
    sees.

    Attributes
    ----------
    nodes : list of int
        L first, each before its operands: the order in which a run meets them. Empty where no path
        leads from x to L.
    cotangents : dict
        Node to ∂L/∂node.
    """

    def __init__(self, memory: Memory, output: int, target: int) -> None:
        self.memory, self.steps, self.output, self.target = memory, memory.steps, output, target
        self.table = memory.empty_table(output)
        self.cotangents, self.read = self.table.cotangents, memory.value
        self.nodes = sorted(self._reachable(), reverse=True)
        for n in self.nodes[1:]:
            self.cotangents[n] = sum_contributions(memory, self.table, n, self.read)

    def _reachable(self) -> set[int]:
        found: set[int] = set()
        stack = [self.target] if self.target in self.table.uses else []
        while stack:
            n = stack.pop()
            if n not in found:
                found.add(n)
                stack.extend(c for c, _ in uses_of(self.table, n))
        return found

    # derivatives

    def uses(self, n: int) -> list[UseOfNode]:
        """Return the uses of n that lead to L, the latest first, as a run adds them up."""
        return [
            UseOfNode(n, c, k, line) for c, lines in uses_of(self.table, n) for k, line in lines
        ]

    def pull_use(self, use: UseOfNode, g: Any) -> Any:
        """Return what a use makes of a cotangent g of its consumer, before it is fitted to the
        operand.
        """
        return use.line.pull(g, use.consumer, use.argnum, self.steps, self.read)

    def pull_and_conform(self, use: UseOfNode, d: Any) -> Any:
        """Return the same, as it is added to the operand's cotangent."""
        return (
            d
            if type(d) is tuple
            else conform_to_operand(d, self.memory, use.consumer, use.argnum, use.node)
        )

    def term(self, use: UseOfNode, g: Any = None) -> Any:
        """Return what a use gives to its operand's cotangent; of another cotangent g of the
        consumer, where one is given.
        """
        return self.pull_and_conform(
            use, self.pull_use(use, self.cotangents[use.consumer] if g is None else g)
        )

    def measure_use(self, use: UseOfNode) -> tuple[float, float]:
        """Return the size of the largest element of a use's term; and of what it is added up from,
        which is larger where parts cancel.
        """
        d = self.pull_use(use, self.cotangents[use.consumer])
        size, shape = largest(self.pull_and_conform(use, d)), self.steps[use.node].shape
        if type(d) is tuple or np.shape(d) == shape:
            return size, size
        return size, largest(unbroadcast(np.absolute(d), shape))

    # elements

    def elements_reached(self, use: UseOfNode, mask: Mask) -> Mask:
        """Return the elements of the consumer that depend on these elements of the operand.

        Where it is not plain that they are the same, they are found by running the op once more
        with a NaN there: where the result is NaN, it depends on them. An op that passes over a NaN,
        or refuses it, is taken to depend on all of them everywhere.
        """
        step = self.steps[use.consumer]
        if type(step.dtype) is tuple or mask is True:
            return True
        if not traits_of(step.op).selects and self.is_elementwise_use(use):
            return mask
        if "linalg" in (getattr(step.op, "__module__", None) or ""):
            return np.ones(step.shape, bool)  # LAPACK complains of a NaN on the terminal
        try:
            y = RULES[step.op].run(
                [self._is_poisoned(a, k, use, mask) for k, a in enumerate(step.args)], step.kwargs
            )
        except Exception:  # whatever an op raises that cannot bear a NaN
            return np.ones(step.shape, bool)
        found = np.isnan(y)
        told = np.shape(found) == step.shape and (np.any(found) or traits_of(step.op).selects)
        return found if told else np.ones(step.shape, bool)

    def _is_poisoned(self, a: Any, k: int, use: UseOfNode, mask: Mask) -> Any:
        value = self.argument(a)
        return (
            canonicalize(np.where(mask, np.nan, value).astype(value.dtype))
            if k == use.argnum
            else value
        )

    def argument(self, a: Any) -> Any:
        """Return the value of an argument of an op."""
        return self.read(a) if type(a) is Operand else a

    def arguments(self, n: int) -> tuple[Any, ...]:
        """Return the arguments of the op that made n, as they were recorded."""
        return self.steps[n].args

    def op(self, n: int) -> Any:
        """Return the op that made n."""
        return self.steps[n].op

    def is_elementwise_use(self, use: UseOfNode) -> bool:
        """Return whether an op is elementwise and its operand has the shape of the result: element
        by element the same places.
        """
        step = self.steps[use.consumer]
        return RULES[step.op].kind == "elementwise" and step.shape == self.steps[use.node].shape

    # the whole program

    @cached_property
    def above(self) -> set[int]:
        """Nodes that L is computed from, with L."""
        found, stack = {self.output}, [self.output]
        while stack:
            for o in operand_positions(self.steps[stack.pop()].args):
                if o not in found:
                    found.add(o)
                    stack.append(o)
        return found

    def between(self) -> list[int]:
        """Return the nodes on any way from x to L, differentiable or not, in creation order."""
        above, found = self.above, {self.target}
        for n in sorted(above):
            if n > self.target and not found.isdisjoint(operand_positions(self.steps[n].args)):
                found.add(n)
        return sorted(found & above)

    def inexact(self, n: int) -> bool:
        """Return whether the dtype of n has derivatives."""
        return is_inexact(self.steps[n].dtype)

    # words

    def name(self, n: int) -> str:
        """Return the name of a node, on one line."""
        return printable(self.memory.nodes.name(n), 20)

    def derivative(self, n: int) -> str:
        """∂L/∂n, by their names."""
        return derivative_name(self.name(self.output), self.name(n))

    def argument_name(self, a: Any) -> str:
        """Return an argument as a sentence calls it: a node's name, a number, or the kind of thing
        that it is.
        """
        if type(a) is Operand:
            return self.name(a)
        if isinstance(a, type):
            return a.__name__
        if np.ndim(a) == 0 and not isinstance(a, list | tuple | dict):
            return printable(str(a), 20)
        return f"a constant of shape {np.shape(a)}" if isinstance(a, np.ndarray) else "…"

    def formula(self, n: int) -> str:
        """Return how n was made, of its operands: ``x > 0``, ``np.log(x)``; its name, where it is a
        leaf.
        """
        step: Step = self.steps[n]
        if step.op is None:
            return self.name(n)
        return format_call(step.op, [self.argument_name(a) for a in step.args], step.kwargs)

    def line(self, n: int) -> Any:
        """Return where the user's code made n, or None."""
        return self.steps[n].location


def format_call(op: Any, args: list[str], kwargs: dict[str, Any]) -> str:
    """Return a call as the user may have written it."""
    symbol = traits_of(op).symbol
    if symbol is not None and len(args) == 2:
        return f"{args[0]} {symbol} {args[1]}"
    if op in (getitem, masked):
        return f"{args[0]}[{', '.join(args[1:])}]"
    listed = [f"[{', '.join(args)}]"] if RULES[op].pulls.each is not None else args
    named = (f"{name}={printable(str(a), 20)}" for name, a in kwargs.items())
    return f"{op_name(op)}({', '.join([*listed, *named])})"


def arrays_in(value: Any) -> Iterator[Any]:
    """Yield the arrays in a value: itself, or the items of a tuple."""
    if isinstance(value, tuple):
        for item in value:
            yield from arrays_in(item)
    else:
        yield value


def vanishes(value: Any, mask: Mask = True) -> bool:
    """Return whether a value is zero in all of these elements."""
    if isinstance(value, np.generic) and np.ndim(mask) == 0:
        return not (value and mask)
    return not any(np.any(np.where(mask, part, 0)) for part in arrays_in(value))


def finite(value: Any) -> bool:
    """Return whether every element of a value is a finite number."""
    if type(value) is np.float64:
        return math.isfinite(value)
    return all(bool(np.all(np.isfinite(part))) for part in arrays_in(value))


def largest(value: Any) -> float:
    """Return the largest size of an element; 0 where there is none, NaN where one is."""
    if isinstance(value, np.generic):
        return float(np.absolute(value))
    return max(
        (float(np.max(np.absolute(part), initial=0)) for part in arrays_in(value)), default=0.0
    )


def scaled(g: Any, by: Any) -> Any:
    """Return a cotangent times a factor, in its own dtype."""
    return (
        tuple(scaled(part, by) for part in g)
        if isinstance(g, tuple)
        else canonicalize(np.asarray(g * by).astype(g.dtype))
    )
