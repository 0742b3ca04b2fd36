"""Requests for derivatives: what holds while one runs, and how it is answered from a table."""

from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from typing import Any

import numpy as np

from ..arrays.pytrees import tree_map
from ..arrays.values import export, readonly_view, seal_array
from ..errors import DisturbedError
from ..memory.memory import Memory
from ..memory.tables import Table
from ..tape.busy import busy
from ..tape.node import Node
from ..tape.recorder import Answer
from .asked_targets import asking
from .events import Listener
from .log import Log
from .recursion import pull_back, zeros_for
from .targets import no_path_error


class Request:
    """Request for derivatives of one output L, while it runs; see :func:`ask`.

    Attributes
    ----------
    memory : Memory
        The memory of L's tape.
    table : Table
        The table of L.
    listener : Listener or None
        Told what the recursion does.
    """

    __slots__ = ("listener", "memory", "table")

    def __init__(self, memory: Memory, table: Table, listener: Listener | None) -> None:
        self.memory, self.table, self.listener = memory, table, listener

    def gradients(self, target: Any, unconnected: str = "zero") -> Any:
        """Return the derivatives by the nodes of a pytree, in a pytree of the same structure."""
        if type(target) is Node:  # requests in loops have one target, which needs no walk
            return self.gradient(target, unconnected)
        with asking(self.memory.steps, target):
            return tree_map(partial(self.gradient, unconnected=unconnected), target)

    def gradient(self, t: Node, unconnected: str) -> Any:
        """Return the derivative by one node as a read-only array, with the labels of its leaf."""
        memory, table, n = self.memory, self.table, t.id
        if n in table.uses:
            d = self.cotangent(n)
            if type(d) is not np.float64:  # a number cannot be written to
                table.cotangents[n] = d = seal_array(d)  # bit for bit the same
                d = readonly_view(d)
        elif unconnected == "zero":
            d = export(zeros_for(t.shape, t.dtype))
        elif unconnected == "none":
            return None
        else:
            raise no_path_error(memory, table, t)
        labels = memory.nodes.labels.get(n)
        return d if labels is None else labels.on(d)

    def cotangent(self, n: int) -> Any:
        """Return ∂L/∂n from the table, verified, or compute it; note that it is computed for n."""
        memory, table = self.memory, self.table
        known = n in table.cotangents and n not in table.marks
        if known and self.listener is None:
            return table.cotangents[n]
        history, outer = memory.history, memory.history.current
        if not known:
            history.current = history.provenance_for(n)
        # Where all values are there and right, the recursion reads the dict itself: a call less.
        intact = memory.nothing_evicted and not memory.marks
        read = memory.values.__getitem__ if intact else memory.value
        try:
            with memory.budget.request(table, n) if memory.budget is not None else nullcontext():
                return pull_back(memory, table, n, read, memory.store, self.listener)
        finally:
            history.current = outer


@busy("a request", tape="tape")
def ask(L: Node, log: Log | None, answer: Callable[..., Answer], *args: Any) -> Answer:
    """Return ``answer(request, *args)`` for a request for derivatives of L.

    Meanwhile the tape is locked and must not change. The answer is a callback, not the body of a
    ``with`` statement, for two reasons. A signal handler may disturb it; then it is called again,
    unless a log holds its events already. And the frame of this function is on the stack exactly as
    long as the request runs, wherever an interrupt strikes: `busy_frame` finds it there.
    """
    tape = L.tape
    memory = tape.state
    with tape.lock:
        memory.request_count += 1
        request = Request(memory, memory.table(L.id), log)
        memory.history.requests += 1
        while log is None:
            try:
                return answer(request, *args)
            except DisturbedError:
                continue
        outer, observer = log.begin(memory, request.table), memory.observer
        try:
            memory.observer = log
            return answer(request, *args)
        finally:
            memory.observer = observer
            log.end(outer)
