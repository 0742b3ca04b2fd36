"""Comparison of two logs: what the requests of only one of them computed, and why."""

from typing import NamedTuple

from ..text import derivative_name, printable, text_as_html
from .events import EventRecord

Label = tuple[str, str]
"""Names of L and n: ∂L/∂n. Ids mean nothing on another tape."""


class Comparison(NamedTuple):
    """What was computed now and not then, and the reverse; prints as lines.

    Attributes
    ----------
    computed, spared : list of str
        Names of the nodes whose cotangents were computed now and not then; and then and not now.
    reasons : dict
        For each of these cotangents, ``∂L/∂n``: why.
    """

    computed: list[str]
    spared: list[str]
    reasons: dict[str, str]

    def __repr__(self) -> str:
        lines = [f"    {printable(label)}: {reason}" for label, reason in self.reasons.items()]
        if self.spared:
            lines.insert(len(self.computed), "computed then, and not now:")
        if self.computed:
            lines.insert(0, "computed now, and not then:")
        return "\n".join(lines) or "the same was computed"

    def _repr_html_(self) -> str:
        return text_as_html(self)


class EntryHistory(NamedTuple):
    """History of one cotangent in one log: the kinds of its events, and the first to need it."""

    kinds: set[str]
    asker: str | None


class LogSide:
    """One of the two logs, by names; `when` is now or then."""

    def __init__(self, record: EventRecord, when: str) -> None:
        self.when, self.assigned = when, ", ".join(map(printable, dict.fromkeys(record.assigned)))
        self.fates: dict[Label, EntryHistory] = {}
        asker = None
        for e in record.events:
            if e.kind == "local":  # its consumer's own event follows
                asker = record.names[e.node]
            else:
                fate = self.fates.setdefault(
                    (record.names[e.output], record.names[e.node]), EntryHistory(set(), asker)
                )
                fate.kinds.add(e.kind)
                asker = None

    def stores(self, label: Label) -> bool:
        """Return whether a cotangent was computed."""
        return label in self.fates and "store" in self.fates[label].kinds

    def computed_only_here(self, other: "LogSide") -> list[Label]:
        """Return what was computed here and not there, in the order of first need."""
        return [label for label in self.fates if self.stores(label) and not other.stores(label)]

    def reason(self, label: Label, other: "LogSide") -> str:
        """Say why a cotangent was computed here and not there."""
        here, there = self.fates[label], other.fates.get(label)
        dropped = self._say_dropped() if "drop" in here.kinds else ""
        if there is None:
            called = (
                f"needed {self.when} for {_label_text(label[0], here.asker)}"
                if here.asker
                else f"asked for {self.when}"
            )
            return f"{called}, and not {other.when}" + (f"; {dropped}" if dropped else "")
        if "read" in there.kinds:
            return (
                f"read {other.when}, because it was stored; "
                f"{dropped or f'not in the table {self.when}'}"
            )
        return f"begun {other.when}, and not finished"

    def _say_dropped(self) -> str:
        """Say that a cotangent was dropped, and what was assigned."""
        return f"dropped {self.when}, because what it had read changed" + (
            f" (assigned: {self.assigned})" if self.assigned else ""
        )


def compare_records(this: EventRecord, other: EventRecord) -> Comparison:
    """Compare what `this` computed with what `other` computed."""
    now, then = LogSide(this, "now"), LogSide(other, "then")
    computed, spared = now.computed_only_here(then), then.computed_only_here(now)
    reasons = {derivative_name(L, n): now.reason((L, n), then) for L, n in computed}
    reasons |= {derivative_name(L, n): then.reason((L, n), now) for L, n in spared}
    return Comparison([n for _, n in computed], [n for _, n in spared], reasons)


def _label_text(L: str, n: str) -> str:
    return printable(derivative_name(L, n))
