"""Targets of the running request, for rules that pull several operands at once.

Such a rule is asked for one operand after the other, but computes what the request needs in one
pull: it learns here which operands lead from a target, and keeps the other results for the rest of
the request.
"""

import threading
from collections.abc import Callable, Iterable
from typing import Any

from ..arrays.pytrees import tree_leaves
from ..arrays.values import is_inexact
from ..program.steps import Operand, Steps
from ..rules.absent_outputs import Absent
from ..tape.node import Node

_thread = threading.local()


class asking:  # noqa: N801  (used as a function)
    """Block of a request for several targets.

    Attributes
    ----------
    steps : Steps
        The program.
    target : Node, or pytree of them
        The targets.
    reached : dict
        For each node that was looked at, whether a path leads to it from a target.
    """

    __slots__ = ("first", "found", "outer", "reached", "steps", "target")

    def __init__(self, steps: Steps, target: Any) -> None:
        self.steps, self.target = steps, target
        self.reached: dict[int, bool] = {}
        # By consumer: its cotangent, and the cotangents of its operands by position.
        self.found: dict[int, tuple[Any, dict[int, Any]]] = {}

    def __enter__(self) -> None:
        self.outer = getattr(_thread, "request", None)
        _thread.request = self

    def __exit__(self, *raised: object) -> None:
        _thread.request = self.outer

    def leads(self, n: int) -> bool:
        """Return whether a path leads from a target to n."""
        reached, stack = self.reached, [n]
        if not reached:
            reached.update((t.id, True) for t in tree_leaves(self.target))
            self.first = min(reached, default=0)
        while stack:
            m = stack[-1]
            below = [a for a in self.steps[m].operands() if a >= self.first]
            missing = [a for a in below if a not in reached]
            if m in reached or not missing:
                reached.setdefault(int(m), any(reached[a] for a in below))
                stack.pop()
            stack += missing if m not in reached else []
        return reached[n]


def pull_jointly(
    steps: Steps, c: int, k: int, g: Any, pull: Callable[[tuple[int, ...]], Iterable[Any]]
) -> Any:
    """Return the cotangent of operand k of consumer c, from one pull for all asked operands.

    Parameters
    ----------
    steps : Steps
        The program.
    c, k : int
        Consumer and position of the operand.
    g : array, Node or tuple of them
        Cotangent of the consumer.
    pull : callable
        From positions to the cotangents of these operands.
    """
    request: asking | None = getattr(_thread, "request", None)
    if request is None or request.steps is not steps:
        return next(iter(pull((k,))))
    known_g, found = request.found.get(c, (None, {}))
    if k not in found or not is_same(known_g, g):
        asked = tuple(
            j
            for j, a in enumerate(steps[c].args)
            if j == k or (type(a) is Operand and is_inexact(steps[a].dtype) and request.leads(a))
        )
        found = dict(zip(asked, pull(asked), strict=True))
        request.found[c] = g, found
    return found[k]


def is_same(a: Any, b: Any) -> bool:
    """Return whether two cotangents are the same arrays or the same nodes."""
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(map(is_same, a, b))
    if type(a) is Node and type(b) is Node:
        return a.tape is b.tape and a.id == b.id
    return a is b or (type(a) is Absent and type(b) is Absent)
