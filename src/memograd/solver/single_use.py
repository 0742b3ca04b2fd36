"""Gradient on a tape that is thrown away: cotangents are kept for one request, in no table.

A table notes provenance and is listed in the memory's index, so that assignments find what they
spoil. Nothing is assigned to a tape that ends with the request: without the notes, the gradient of
a function of three ops takes half the time.
"""

from typing import Any

from ..arrays.pytrees import tree_map
from ..arrays.values import export
from ..memory.tables import Table
from ..tape.busy import busy
from ..tape.node import Node
from .gradients import compute_grad
from .recursion import pull_back, zeros_for
from .targets import require_scalar


@busy("a request", tape="tape")
def compute_grad_once(L: Node, inputs: Any) -> Any:
    """Return ∂L/∂inputs, as arrays.

    Parameters
    ----------
    L : Node
        A scalar of an inexact dtype, on a tape that nobody asks again.
    inputs : Node, or pytree of them
        Inputs of the traced function, on the same tape.
    """
    tape = require_scalar(L).tape
    memory = tape.state
    if memory.marks or memory.budget is not None or not memory.nothing_evicted:
        return compute_grad(L, inputs)  # the function has assigned, or set a budget
    table = memory.empty_table(L.id)
    read, labels = memory.values.__getitem__, memory.nodes.labels

    def gradient(t: Node) -> Any:
        """Return the derivative by one input, with the labels of its leaf."""
        if t.id not in table.uses:
            d = export(zeros_for(t.shape, t.dtype))
        else:
            d = export(pull_back(memory, table, t.id, read, keep_cotangent))
        return labels[t.id].on(d) if t.id in labels else d

    with tape.lock:
        return tree_map(gradient, inputs)


def keep_cotangent(table: Table, n: int, d: Any) -> None:
    """Keep a cotangent until the request ends."""
    table.cotangents[n] = d
