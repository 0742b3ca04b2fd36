"""Targets of the running request, for rules that compute the cotangents of several operands at once.

Such a rule is asked for one operand after the other, but computes what the request needs in one
pull: it learns here which operands lead from a target, and keeps the other results for the rest of
the request.
"""

import threading
from collections.abc import Callable, Iterable
from typing import Any

from ..arrays.values import is_inexact
from ..program.steps import Operand, Steps
from ..tape.node import Node

_thread = threading.local()


class asking:  # noqa: N801  (used as a function)
    """Block of a request for several targets.

    Attributes
    ----------
    targets : frozenset of int
        Ids of the targets.
    """

    __slots__ = ("found", "outer", "reached", "steps", "targets")

    def __init__(self, steps: Steps, targets: Iterable[Node]) -> None:
        self.steps, self.targets = steps, frozenset(t.id for t in targets)
        self.reached: dict[int, bool] = dict.fromkeys(self.targets, True)
        # By consumer: its cotangent, and the cotangents of its operands by position.
        self.found: dict[int, tuple[Any, dict[int, Any]]] = {}

    def __enter__(self) -> None:
        self.outer = getattr(_thread, "request", None)
        _thread.request = self

    def __exit__(self, *raised: object) -> None:
        _thread.request = self.outer

    def leads(self, n: int) -> bool:
        """Return whether a path leads from a target to n."""
        first, reached, stack = min(self.targets, default=0), self.reached, [n]
        while stack:
            m = stack[-1]
            below = [a for a in self.steps[m].operands() if a >= first]
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
            if j == k
            or (type(a) is Operand and is_inexact(steps[a].dtype) and request.leads(a))
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
    return a is b
