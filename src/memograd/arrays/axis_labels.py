"""Labels: what pandas and xarray know of the rows and columns of their numbers.

The tape computes on the numbers. The labels are kept beside the leaf that came with them, and go
out again with its derivatives. Neither library is imported here: who hands in a table of theirs has
done so.
"""

from functools import cache
from typing import Any, NamedTuple

import numpy as np

PARTS = {
    ("pandas", "DataFrame"): ("index", "columns"),
    ("pandas", "Series"): ("index", "name"),
    ("xarray", "DataArray"): ("dims", "coords", "name"),
}
"""For each class, by its library and its name: what it is made of beside the numbers."""


class Labels(NamedTuple):
    """What a table is made of beside its numbers: its class, and by their names the other arguments
    of that.
    """

    kind: Any
    parts: dict[str, Any]

    def __str__(self) -> str:
        return ", ".join(
            f"{name} {list(part)}" for name, part in self.parts.items() if name != "name"
        )

    def on(self, a: Any) -> Any:
        """Return the same table with other numbers."""
        return self.kind(a, **self.parts)

    def match(self, other: "Labels") -> bool:
        """Return whether both label the same numbers; a name is none of the labels, because
        arithmetic loses it.
        """
        mine, others = (
            {name: part for name, part in labels.parts.items() if name != "name"}
            for labels in (self, other)
        )
        return mine.keys() == others.keys() and all(
            _labels_equal(part, others[name]) for name, part in mine.items()
        )


def labels_of(value: Any) -> Labels | None:
    """Return the labels of a table; None for anything else.

    >>> labels_of([1.0, 2.0])
    """
    known = _parts_of(type(value).__mro__)
    return (
        None
        if known is None
        else Labels(known[0], {name: _unchanging(name, getattr(value, name)) for name in known[1]})
    )


@cache
def _parts_of(bases: tuple[type, ...]) -> tuple[type, tuple[str, ...]] | None:
    """Return the class of tables that a class is, or comes from, and what that is made of.

    Every value that enters is asked for it.
    """
    named = (
        (base, PARTS.get((base.__module__.partition(".")[0], base.__name__))) for base in bases
    )
    return next(((base, parts) for base, parts in named if parts is not None), None)


def _unchanging(name: str, part: Any) -> Any:
    """Labels that no later change of the table reaches; an index is immutable, coordinates are not."""
    return part.copy() if name == "coords" else part


def _labels_equal(a: Any, b: Any) -> bool:
    return bool(a.equals(b)) if hasattr(a, "equals") else bool(np.all(a == b))
