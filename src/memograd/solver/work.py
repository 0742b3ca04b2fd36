"""Work of requests: the values and derivatives that they computed, and what remembering saved.

The measures are those of :mod:`memograd.rules.cost_model`, the same on every machine. Seconds are
added where a log has a clock.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from ..memory.keeper import VALUE, EntryKey
from ..memory.memory import Memory
from ..memory.tables import Table
from ..program.walks import ancestors_of, walk_graph
from ..rules.cost_model import bytes_of, cost_of, cost_of_cotangent
from ..text import derivative_name, printable, table_lines, text_as_html

MAX_ROWS = 40
"""How many rows are printed."""

Clock = Callable[[], float]
"""Function that gives seconds, such as `time.perf_counter`."""


class Computation(NamedTuple):
    """One value or derivative that was computed.

    Attributes
    ----------
    output : int
        L of ∂L/∂n; −1 for the value of n.
    node : int
        n.
    elements : int
        Estimated number of elements that were read, written and multiplied for it.
    bytes : int
        Its size.
    seconds : float or None
        Time that it took, where the log has a clock.
    """

    output: int
    node: int
    elements: int
    bytes: int
    seconds: float | None = None

    @property
    def key(self) -> EntryKey:
        """The entry that was computed."""
        return self.output, self.node


def measure_value(memory: Memory, n: int) -> Computation:
    """Return what it takes to compute the value of n from its operands."""
    steps = memory.steps
    return Computation(VALUE, n, round(cost_of(steps, n)), bytes_of(steps[n].shape, steps[n].dtype))


def measure_cotangent(memory: Memory, table: Table, n: int) -> Computation:
    """Return what it takes to compute ∂L/∂n from what its consumers have."""
    steps, elements = memory.steps, 0
    # A node with several outputs collects their cotangents without applying a rule.
    if type(steps[n].dtype) is not tuple:
        elements = round(cost_of_cotangent(steps, table.consumers(n)))
    return Computation(table.output, n, elements, bytes_of(steps[n].shape, steps[n].dtype))


def estimate_seconds(
    entries: Iterable[Computation], measured: Iterable[Computation]
) -> float | None:
    """Return the seconds that entries would take by what was measured; None if nothing was.

    An entry that was measured takes its last time. For another one, time grows with its elements.
    """
    timed = {e.key: e for e in measured if e.seconds is not None}
    if not timed:
        return None
    elements = sum(e.elements for e in timed.values())
    rate = sum(e.seconds or 0.0 for e in timed.values()) / max(elements, 1)
    seconds = (timed[e.key].seconds if e.key in timed else rate * e.elements for e in entries)
    return sum(s or 0.0 for s in seconds)


class Totals(NamedTuple):
    """Sums over values and derivatives.

    Attributes
    ----------
    values, derivatives : int
        How many there are of each.
    elements : int
        Estimated number of elements read, written and multiplied.
    bytes : int
        Size of all.
    seconds : float or None
        Time of all, where a log has a clock.
    """

    values: int
    derivatives: int
    elements: int
    bytes: int
    seconds: float | None


def totals_of(entries: Iterable[Computation], seconds: float | None) -> Totals:
    """Return the sums over entries; their time is given."""
    kept = list(entries)
    values = sum(e.output == VALUE for e in kept)
    return Totals(
        values,
        len(kept) - values,
        sum(e.elements for e in kept),
        sum(e.bytes for e in kept),
        seconds,
    )


class Work:
    """Values and derivatives that requests computed, in order; prints as a table.

    Attributes
    ----------
    entries : tuple of Computation
        One for each computation. What was computed twice is here twice.
    """

    def __init__(self, entries: Iterable[Computation], names: Mapping[int, str]) -> None:
        self.entries, self._names = tuple(entries), names

    @property
    def values(self) -> list[str]:
        """Names of the nodes whose values were computed again."""
        return [self._names[e.node] for e in self.entries if e.output == VALUE]

    @property
    def derivatives(self) -> list[str]:
        """Names of the nodes whose derivatives were computed."""
        return [self._names[e.node] for e in self.entries if e.output != VALUE]

    @property
    def totals(self) -> Totals:
        """Sums over all of it."""
        times = [e.seconds for e in self.entries if e.seconds is not None]
        return totals_of(self.entries, sum(times) if times else None)

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[Computation]:
        return iter(self.entries)

    def __repr__(self) -> str:
        """Return a row for each entry, and the sums."""
        timed = any(e.seconds is not None for e in self.entries)
        title = "what", "elements", "bytes", "seconds" if timed else ""
        rows = [title, *map(self._cells, self.entries[:MAX_ROWS])]
        if rest := self.entries[MAX_ROWS:]:
            rows.append((f"… and {len(rest)} more", "", "", ""))
        sums = self.totals
        cells = f"{sums.elements:,}", f"{sums.bytes:,}", format_seconds(sums.seconds)
        rows.append((f"sum of {len(self)}", *cells))
        return "\n".join(table_lines("<28 >11 >11 >10", rows))

    _repr_html_ = text_as_html

    def _cells(self, e: Computation) -> tuple[str, str, str, str]:
        """Return the cells of an entry."""
        name = self._names[e.node]
        label = name if e.output == VALUE else derivative_name(self._names[e.output], name)
        return (
            printable(label, 28),
            f"{e.elements:,}",
            f"{e.bytes:,}",
            format_seconds(e.seconds),
        )


def format_seconds(seconds: float | None) -> str:
    """Return seconds with three digits; nothing if they were not measured."""
    return "" if seconds is None else f"{seconds:.3g}"


class Savings(NamedTuple):
    """What requests computed beside what they would have computed without a memory.

    Prints as a table.

    Attributes
    ----------
    computed : Totals
        What they did compute.
    anew : Totals
        What the same requests compute if each runs the program forwards and goes back to its
        targets. Its seconds are an estimate from those that were measured.
    """

    computed: Totals
    anew: Totals

    @property
    def share(self) -> float:
        """Part of the elements that was saved: 1 if nothing was computed."""
        return 1 - self.computed.elements / max(self.anew.elements, 1)

    def __repr__(self) -> str:
        rows = [("", "computed", "anew", "saved")]
        for what, done, anew in zip(Totals._fields, self.computed, self.anew, strict=True):
            if anew is not None:
                cells = _format_total(done or 0), _format_total(anew), _percent(done, anew)
                rows.append((what, *cells))
        return "\n".join(table_lines("<12 >12 >12 >7", rows))

    def _repr_html_(self) -> str:
        return text_as_html(self)


def _format_total(number: float) -> str:
    return f"{number:,}" if isinstance(number, int) else format_seconds(number)


def _percent(done: float | None, anew: float) -> str:
    """Return which part was saved; nothing if there was nothing to compute."""
    return f"{1 - (done or 0) / anew:.0%}" if anew else ""


def work_anew(memory: Memory, output: int, targets: Iterable[int]) -> list[Computation]:
    """Return what a request computes that remembers nothing: forwards, then back to the targets."""
    steps, table = memory.steps, memory.table_or_empty(output)
    values = [n for n in ancestors_of(steps, [output]) if steps[n].op is not None]
    derivatives = walk_graph([n for n in targets if n in table.uses], table.consumers)
    return [
        *(measure_value(memory, n) for n in sorted(values)),
        *(measure_cotangent(memory, table, n) for n in sorted(derivatives) if n != output),
    ]
