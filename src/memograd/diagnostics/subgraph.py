"""Nodes between x and L with their derivatives, computed without touching the tables."""

import math
from collections.abc import Iterator
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from ..arrays.values import canonicalize, is_inexact
from ..memory.memory import Memory
from ..program.steps import Operand, operand_positions
from ..program.walks import ancestors_of, nodes_on_paths, walk_graph
from ..rules.broadcasting import unbroadcast
from ..rules.registration import RULES, VJPRule, traits_of
from ..solver.recursion import conform_to_operand, sum_contributions
from ..text import derivative_name, printable
from .calls import format_argument, format_step

Mask = Any
"""Elements of a node: an array of booleans of its shape, or True for all.

For a node with several outputs it is always True.
"""


class UseOfNode(NamedTuple):
    """Use of a node as an operand: its consumer, its position there, and the VJP rule."""

    node: int
    consumer: int
    argnum: int
    rule: VJPRule


class Subgraph:
    """Nodes on the differentiable paths from x to L, and their cotangents in a private table.

    Attributes
    ----------
    nodes : list of int
        Nodes in the order of the backward pass, L first. Empty if no path leads from x to L.
    cotangents : dict
        Node to ∂L/∂node.
    """

    def __init__(self, memory: Memory, output: int, target: int) -> None:
        self.memory, self.steps, self.output, self.target = memory, memory.steps, output, target
        self.table = memory.empty_table(output)
        self.cotangents, self.read = self.table.cotangents, memory.value
        starts = [target] if target in self.table.uses else []
        reachable = walk_graph(starts, self.table.consumers)
        self.nodes = sorted(reachable, reverse=True)
        for n in self.nodes[1:]:
            self.cotangents[n] = sum_contributions(memory, self.table, n, self.read)

    # Derivatives

    def uses(self, n: int) -> list[UseOfNode]:
        """Return the uses of n that lead to L, the latest first, in the order of the sum."""
        uses = self.table.uses_of(n)
        return [UseOfNode(n, c, k, rule) for c, rules in uses for k, rule in rules]

    def pull_use(self, use: UseOfNode, g: Any) -> Any:
        """Return the VJP of a use for the cotangent g of its consumer, before it is conformed."""
        return use.rule.pull(g, use.consumer, use.argnum, self.steps, self.read)

    def conform_to_use(self, use: UseOfNode, d: Any) -> Any:
        """Return the VJP of a use with the shape and dtype of the operand."""
        if type(d) is tuple:
            return d
        return conform_to_operand(d, self.memory, use.consumer, use.argnum, use.node)

    def term(self, use: UseOfNode, g: Any = None) -> Any:
        """Return what a use adds to its operand's cotangent, given that of its consumer.

        By default g is ∂L/∂consumer.
        """
        g = self.cotangents[use.consumer] if g is None else g
        return self.conform_to_use(use, self.pull_use(use, g))

    def measure_use(self, use: UseOfNode) -> tuple[float, float]:
        """Return the size of a use's term, and the size of the sum of its absolute parts.

        The second is larger if broadcasting sums up parts that cancel. The size of an array is
        that of its largest element.
        """
        d = self.pull_use(use, self.cotangents[use.consumer])
        size, shape = largest_size(self.conform_to_use(use, d)), self.steps[use.node].shape
        if type(d) is tuple or np.shape(d) == shape:
            return size, size
        return size, largest_size(unbroadcast(np.absolute(d), shape))

    # Elements

    def dependent_elements(self, use: UseOfNode, mask: Mask) -> Mask:
        """Return the elements of the consumer that depend on these elements of the operand.

        Unless the op is elementwise, it is run once more with NaN in these elements: where the
        result is NaN, it depends on them. If the op ignores or refuses NaN, all elements of the
        consumer count as dependent.
        """
        step = self.steps[use.consumer]
        if type(step.dtype) is tuple or mask is True:
            return True
        if not traits_of(step.op).selects and self.is_elementwise_use(use):
            return mask
        if "linalg" in (getattr(step.op, "__module__", None) or ""):
            return np.ones(step.shape, bool)  # LAPACK prints a warning for NaN
        try:
            args = [self._poison_argument(a, k, use, mask) for k, a in enumerate(step.args)]
            dependent = np.isnan(RULES[step.op].run(args, step.kwargs))
        except Exception:  # An op that refuses NaN may raise any error.
            return np.ones(step.shape, bool)
        selects = traits_of(step.op).selects
        is_valid = np.shape(dependent) == step.shape and (np.any(dependent) or selects)
        return dependent if is_valid else np.ones(step.shape, bool)

    def _poison_argument(self, a: Any, k: int, use: UseOfNode, mask: Mask) -> Any:
        """Return the value of the k-th argument, with NaN in these elements if it is the use."""
        value = self.argument(a)
        if k != use.argnum:
            return value
        return canonicalize(np.where(mask, np.nan, value).astype(value.dtype))

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
        """Return whether an op maps each element of the operand to the same place of the result."""
        step = self.steps[use.consumer]
        return RULES[step.op].kind == "elementwise" and step.shape == self.steps[use.node].shape

    # Whole program

    @cached_property
    def ancestors(self) -> set[int]:
        """Nodes that L is computed from, with L."""
        return ancestors_of(self.steps, [self.output])

    def nodes_on_paths(self, source: int, sink: int) -> list[int]:
        """Return the nodes on all paths between two nodes, differentiable or not."""
        return nodes_on_paths(lambda n: operand_positions(self.steps[n].args), [source], [sink])

    def has_derivative(self, n: int) -> bool:
        """Return whether the dtype of n has derivatives."""
        return is_inexact(self.steps[n].dtype)

    # Words

    def name(self, n: int) -> str:
        """Return the name of a node, on one line."""
        return printable(self.memory.nodes.name(n), 20)

    def derivative(self, n: int) -> str:
        """Return the label of ∂L/∂n."""
        return derivative_name(self.name(self.output), self.name(n))

    def argument_name(self, a: Any) -> str:
        """Return an argument in a few characters."""
        return format_argument(a, self.name)

    def formula(self, n: int) -> str:
        """Return the call that made n, such as ``x > 0`` or ``np.log(x)``; a leaf's name."""
        step = self.steps[n]
        return self.name(n) if step.op is None else format_step(step, self.name)

    def line(self, n: int) -> Any:
        """Return the user's line that made n, or None."""
        return self.steps[n].location


def arrays_in(value: Any) -> Iterator[Any]:
    """Yield the arrays of a value, which may be a tuple of arrays."""
    if isinstance(value, tuple):
        for item in value:
            yield from arrays_in(item)
    else:
        yield value


def vanishes(value: Any, mask: Mask = True) -> bool:
    """Return whether a value is zero in all elements of the mask."""
    if isinstance(value, np.generic) and np.ndim(mask) == 0:
        return not (value and mask)
    return not any(np.any(np.where(mask, part, 0)) for part in arrays_in(value))


def is_finite(value: Any) -> bool:
    """Return whether every element of a value is a finite number."""
    if type(value) is np.float64:
        return math.isfinite(value)
    return all(bool(np.all(np.isfinite(part))) for part in arrays_in(value))


def largest_size(value: Any) -> float:
    """Return the largest absolute value of an element; 0 if there is none, NaN if one is NaN."""
    if isinstance(value, np.generic):
        return float(np.absolute(value))
    return max(
        (float(np.max(np.absolute(part), initial=0)) for part in arrays_in(value)), default=0.0
    )


def scale_cotangent(g: Any, by: Any) -> Any:
    """Return a cotangent times a factor, with the dtype of the cotangent."""
    if isinstance(g, tuple):
        return tuple(scale_cotangent(part, by) for part in g)
    return canonicalize(np.asarray(g * by).astype(g.dtype))
