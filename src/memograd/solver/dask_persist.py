"""Entries that are Dask arrays, computed once and kept in chunks by Dask's scheduler."""

from importlib import import_module
from typing import Any

from ..arrays.dask_arrays import is_dask_array
from ..memory.memory import Memory
from ..tape.node import Node
from ..text import describe
from .requests import Request, ask
from .targets import check_targets, require_scalar

Entries = list[tuple[dict[int, Any], int]]
"""Values or cotangents: the dict that an entry is kept in, and whose it is."""


def persist(L: Node, target: Any) -> Any:
    """Compute ∂L/∂target with Dask's scheduler and keep its chunks there for later requests.

    The memory holds graphs, not numbers, where arrays are Dask's: two gradients that are computed
    one after the other run the chunks that they share twice. Computed together, by one
    `dask.compute`, they run them once; and so they do one after the other, where what both come
    from was persisted before. Kept are a target's derivative and, unless it is a leaf, its value. A
    cluster computes them while the caller goes on, as it does after `dask.persist`.

    Parameters
    ----------
    L : Node
        A scalar.
    target : Node, or list, tuple or dict of them
        Nodes that derivatives come through, such as activations: of few bytes, and dear to make
        again.

    Returns
    -------
    array, or list, tuple or dict of them
        The derivatives, as :func:`grad` gives them; the Dask arrays among them hold chunks instead
        of the graph that makes them. Their names are what they were: to the memory, nothing has
        changed.

    Raises
    ------
    NotScalarError, NotDifferentiableError, OtherTapeError
        As for :func:`grad`.

    Notes
    -----
    What Dask raises, passes through, and all entries are as they were. Where a cluster is gone
    that kept chunks, :meth:`Tape.forget`
    lets go of them, and they are made from the leaves again.

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
        if _persist_entries(L, [(entries, n) for entries, n in kept if is_dask_array(entries[n])]):
            _drop_graphs(memory)
        return request.gradients(target)

    return ask(L, None, keep)


def _persist_entries(L: Node, kept: Entries) -> bool:
    """Replace graphs by chunks, in all entries or in none; return whether there were any."""
    if not kept:
        return False
    try:
        arrays = import_module("dask").persist(*[entries[n] for entries, n in kept])
    except Exception as error:
        error.add_note(
            f"While derivatives of {describe(L.attributes)} were persisted. All entries are as "
            f"they were."
        )
        raise
    for (entries, n), array in zip(kept, arrays, strict=True):
        entries[n] = array
    return True


def _drop_graphs(memory: Memory) -> None:
    """Drop every graph that can be made again, so that later graphs start from the chunks."""
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
    return is_dask_array(array) and len(array.dask.layers) > 1
