"""Entries that are Dask arrays, computed once and kept in chunks by Dask's scheduler."""

from typing import Any

from ..arrays.kinds import lazy_kind
from ..memory.memory import Memory
from ..tape.node import Node
from ..text import describe
from .requests import Request, ask
from .targets import check_targets, require_scalar

Entries = list[tuple[dict[int, Any], int]]
"""Entries, each as the dict that holds it and its node."""


def persist(L: Node, target: Any) -> Any:
    """Compute ∂L/∂target with Dask's scheduler and keep its chunks there for later requests.

    For Dask arrays the memory holds graphs, not numbers: two gradients that are computed one after
    the other compute the chunks that they share twice. One `dask.compute` of both computes them
    once; so do two calls, if the nodes that both depend on were persisted before. Persisted are a
    target's derivative and, unless it is a leaf, its value. A cluster computes them while the
    caller goes on, as after `dask.persist`.

    Parameters
    ----------
    L : Node
        A scalar.
    target : Node, or list, tuple or dict of them
        Nodes through which derivatives pass, such as activations: small, and costly to compute.

    Returns
    -------
    array, or list, tuple or dict of them
        The derivatives, as :func:`grad` gives them; the Dask arrays among them hold chunks in the
        place of the graph that computes them. They keep their names, so that nothing is
        invalidated.

    Raises
    ------
    NotScalarError, NotDifferentiableError, OtherTapeError
        As for :func:`grad`.

    Notes
    -----
    An error of Dask's is raised as it is, and all entries are as they were. If a cluster that kept
    chunks has ended, :meth:`Tape.forget` drops them, and they are computed from the leaves again.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> x = mg.Tape().leaf([1.0, 2.0], name="x")
    >>> mg.persist(np.sum(x * x), x)  # an array of NumPy's is there already
    array([2., 4.])
    """
    require_scalar(L)
    nodes = check_targets(L, target)

    def keep(request: Request) -> Any:
        """Return the derivatives; persist first the entries that are graphs."""
        memory, table = request.memory, request.table
        wanted = [n for n in dict.fromkeys(t.id for t in nodes) if n in table.uses]
        for n in wanted:
            memory.value(n)
            request.cotangent(n)
        computed = [n for n in wanted if memory.steps[n].op is not None]
        kept = [*((memory.values, n) for n in computed), *((table.cotangents, n) for n in wanted)]
        if _persist_entries(L, [(entries, n) for entries, n in kept if lazy_kind(entries[n])]):
            _drop_graphs(memory)
        return request.gradients(target)

    return ask(L, None, keep)


def _persist_entries(L: Node, kept: Entries) -> bool:
    """Replace graphs by chunks, in all entries or in none; return whether there were any."""
    if not kept:
        return False
    try:
        arrays = _persist_together([entries[n] for entries, n in kept])
    except Exception as error:
        error.add_note(
            f"While derivatives of {describe(L.attributes)} were persisted. All entries are as "
            f"they were."
        )
        raise
    for (entries, n), array in zip(kept, arrays, strict=True):
        entries[n] = array
    return True


def _persist_together(arrays: list[Any]) -> list[Any]:
    """Return arrays whose numbers their scheduler keeps; what they share is computed once."""
    kind = lazy_kind(*arrays)
    return arrays if kind is None else kind.persist(arrays)


def _drop_graphs(memory: Memory) -> None:
    """Drop every graph that can be computed again, so that later graphs start at the chunks."""
    memory.nothing_evicted = False
    graphs = [
        n
        for n, value in memory.values.items()
        if memory.steps[n].op is not None and _is_graph(value)
    ]
    for n in graphs:
        del memory.values[n]
    for table in memory.tables.values():
        for n in [n for n, g in table.cotangents.items() if n != table.output and _is_graph(g)]:
            del table.cotangents[n]


def _is_graph(array: Any) -> bool:
    """Return whether a Dask array is computed from others."""
    kind = lazy_kind(array)
    return kind is not None and kind.is_computed_later(array)
