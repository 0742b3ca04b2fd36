"""The guard: which rule had an array computed, filled with zeros, or fetched from its device,
though nobody asked for that.

While a guard is open, the methods by which arrays of other libraries give up what they are, tell of
it when they are called. Where that was is read from the stack, so that nothing is paid while none
is open: below each call that memograd made of an op or a rule lies the frame of the function that
made it, with the node in its variables.
"""

import threading
from collections import Counter
from collections.abc import Callable
from functools import wraps
from sys import _getframe, modules
from types import CodeType, FrameType
from typing import Any, NamedTuple

from ..arrays.duck_arrays import ARRAY_KINDS, WATCHERS
from ..arrays.scipy_sparse import SCIPY, Matrix, kind_name
from ..memory.memory import Memory
from ..program.source_location import Location, location_of
from ..solver import recursion
from ..tape.tape import Tape
from ..text import op_name, printable, table_as_html
from ..transforms import forward_mode

HEADS = ("what", "array", "where", "node", "line", "times")


class Entry(NamedTuple):
    """One thing that happened: ``computed``, ``filled`` or ``fetched``; to which class of array; in
    which op or rule, of which node, and the user's line.
    """

    what: str
    array: str
    where: str
    node: str
    line: Location | None


class Guard:
    """What happened while it was open; prints as a table.

    Attributes
    ----------
    entries : list of Entry
        In the order in which it happened.
    """

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def __enter__(self) -> "Guard":
        with LOCK:
            if not OPEN:
                _begin()
            OPEN.append(self)
        return self

    def __exit__(self, *_: Any) -> None:
        with LOCK:
            OPEN.remove(self)
            if not OPEN:
                _end()

    def _rows(self) -> list[tuple[Any, ...]]:
        shown = [
            (*entry[:4], ":".join(map(str, entry.line)) if entry.line else "", times)
            for entry, times in Counter(self.entries).items()
        ]
        return [tuple(map(str, row)) for row in shown]

    def __repr__(self) -> str:
        if not self.entries:
            return "nothing was computed, filled or fetched unasked"
        return "\n".join(_row(cells) for cells in (HEADS, *self._rows()))

    def _repr_html_(self) -> str:
        rows = self._rows()
        return table_as_html("unasked", HEADS, range(len(rows)), rows.__getitem__)


def guard() -> Guard:
    """Report, while the block is open, what is computed, filled with zeros or fetched though nobody
    asked for it.

    A program on arrays of other libraries is to stay there: a Dask array is a graph that you
    compute in the end, a sparse array stores no zeros, an array on a device is not copied from it.
    An op of your own, or a rule, may break that without a word. Whatever you call yourself, outside
    memograd, such as ``x.value.compute()``, was asked for, and is not reported.

    Returns
    -------
    Guard
        A context manager, which can be read during the block and afterwards. `entries` says for
        each case what happened: ``computed``, of a Dask array; ``filled``, where a sparse array
        became dense, or the gradient by one is; ``fetched``, where an array was converted to
        NumPy's, or a number of it to Python's; and the class of the array, the op or the rule, the
        node, and your line.

    Notes
    -----
    What other threads do on other tapes meanwhile is reported, too. Guards may be nested; when the
    last is closed, all classes are as they
    were.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> x = mg.Tape().leaf([1.0, 2.0])
    >>> with mg.guard() as report:
    ...     _ = mg.grad(np.sum(x * x), x)
    >>> report
    nothing was computed, filled or fetched unasked
    """
    return Guard()


def _row(cells: tuple[str, ...]) -> str:
    what, array, where, node, line, times = cells
    return (
        f"{what:<9} {printable(array, 16):<16} {printable(where, 24):<24} "
        f"{printable(node, 8):<8} {line} {times}"
    )


# where the program was


Place = tuple[str, str, Location | None]


def _of_node(memory: Memory, n: int, what: str = "") -> Place:
    step = memory.steps[n]
    return what + op_name(step.op), memory.nodes.name(n), step.location


def _of_pull(frame: FrameType) -> Place:
    v = frame.f_locals
    return _of_node(v["memory"], v["c"], "rule of ")


def _of_push(frame: FrameType) -> Place:
    v = frame.f_locals
    return _of_node(v["memory"], v["n"], "push of ")


def _of_run(frame: FrameType) -> Place:
    v = frame.f_locals
    return _of_node(v["self"], v["n"])


def _of_record(frame: FrameType) -> Place:
    v = frame.f_locals
    return op_name(v["op"]), f"v{v['self'].next_id}", location_of(frame)


def _of_plan(frame: FrameType) -> Place | None:
    """Of a plan's own code, which the plan that called it knows line by line."""
    caller: Any = frame.f_back
    plan = caller.f_locals["self"]
    n = plan.instruction_lines.get(frame.f_lineno)
    if n is None:
        return None
    graph = plan.graph
    return op_name(graph.instructions[n].op), graph.names.get(n, f"v{n}"), graph.lines.get(n)


PLACES: dict[CodeType, Callable[[FrameType], Place]] = {
    recursion.sum_contributions.__code__: _of_pull,
    forward_mode.push_node.__code__: _of_push,
    Memory.run.__code__: _of_run,
    Tape.record.__code__: _of_record,
}
"""The functions that call ops and rules; and how what they call, and for which node, is read from
their variables.
"""


def _place(frame: FrameType | None) -> Place | None:
    """Return what memograd is doing, from this frame outwards; None where it is not at work."""
    ours = None
    while frame is not None:
        if frame.f_code in PLACES:
            return PLACES[frame.f_code](frame)
        if (
            frame.f_code.co_filename.startswith("<memograd plan ")
            and (place := _of_plan(frame)) is not None
        ):
            return place
        room = str(frame.f_globals.get("__name__", ""))
        if ours is None and room.startswith("memograd.") and room != __name__:
            ours = (frame.f_code.co_name, "", location_of(frame))
        frame = frame.f_back
    return ours


# who tells of it

LOCK = threading.RLock()
OPEN: list[Guard] = []
"""The guards that are open."""

REPLACED: list[tuple[type, str, Any]] = []
"""The methods that tell of their calls: class, name, and what the class itself had under that name,
or None.
"""

INSIDE = threading.local()
"""Whether this thread is inside one of them: what it calls in turn is the same case."""

TELLING = {
    "computed": ("compute", "compute_chunk_sizes"),
    "filled": ("todense", "toarray", "__array__"),
    "fetched": (
        "__array__",
        "get",
        "item",
        "tolist",
        "__float__",
        "__int__",
        "__bool__",
        "__complex__",
        "__index__",
    ),
}
"""For each thing that may happen: the methods by which it does."""


class _Watcher:
    """Hears of each class of array, and of dense gradients by sparse arrays."""

    def on_new_class(self, kind: type) -> None:
        with LOCK:
            if OPEN:
                _watch(kind)

    def on_dense_cotangent(self, like: Any, d: Any) -> None:
        _tell("filled", type(like))


def _begin() -> None:
    WATCHERS.append(_Watcher())
    for kind, foreign in list(ARRAY_KINDS.items()):
        if foreign:
            _watch(kind)


def _end() -> None:
    WATCHERS.clear()
    while REPLACED:
        kind, name, own = REPLACED.pop()
        if own is None:
            delattr(kind, name)
        else:
            setattr(kind, name, own)


def _watch(kind: type) -> None:
    """Have the methods of a class tell of their calls."""
    kind = modules[SCIPY].csr_array if kind is Matrix else kind
    what = (
        "computed" if hasattr(kind, "compute") else "filled" if hasattr(kind, "nnz") else "fetched"
    )
    for name in TELLING[what]:
        if hasattr(kind, name):
            REPLACED.append((kind, name, vars(kind).get(name)))
            setattr(kind, name, _telling(what, getattr(kind, name)))


def _telling(what: str, method: Any) -> Any:
    @wraps(method)
    def told(*args: Any, **kwargs: Any) -> Any:
        """Report the call and make it."""
        if getattr(INSIDE, "now", False) or (what == "filled" and args[0].shape == ()):
            return method(*args, **kwargs)
        INSIDE.now = True
        try:
            _tell(what, type(args[0]))
            return method(*args, **kwargs)
        finally:
            INSIDE.now = False

    return told


def _tell(what: str, kind: type) -> None:
    place = _place(_getframe(1))
    if place is not None:
        entry = Entry(what, kind_name(kind), *place)
        with LOCK:
            for guard in OPEN:
                guard.entries.append(entry)
