"""Axis labels of pandas and xarray objects.

The tape computes on the plain arrays. It keeps the labels of a leaf and returns the leaf's
derivatives with the same labels. A DataArray that meets a node, on either side of an operator or in
a ufunc, becomes a DataArray that holds the node of the result: `.data` is that node. Neither
library is imported here: a caller that passes one of their objects has imported it.
"""

from functools import cache
from typing import Any, NamedTuple

import numpy as np

CONSTRUCTOR_ARGUMENTS = {
    ("pandas", "DataFrame"): ("index", "columns"),
    ("pandas", "Series"): ("index", "name"),
    ("xarray", "DataArray"): ("dims", "coords", "name"),
}
"""Constructor arguments beside the array, by library and name of the class."""


HOLDING = {("xarray", "DataArray"), ("xarray", "Variable")}
"""Classes whose objects may hold a node in place of an array; a DataArray computes by Variables."""


class Labels(NamedTuple):
    """Class of a labelled table, and its constructor's arguments beside the array."""

    kind: Any
    parts: dict[str, Any]

    def __str__(self) -> str:
        return ", ".join(
            f"{name} {list(part)}" for name, part in self.parts.items() if name != "name"
        )

    def on(self, a: Any) -> Any:
        """Return an array with these labels."""
        return self.kind(a, **self.parts)

    def match(self, other: "Labels") -> bool:
        """Return whether both have the same axis labels.

        Names are not compared, because arithmetic of the libraries drops them.
        """
        mine, others = (
            {name: part for name, part in labels.parts.items() if name != "name"}
            for labels in (self, other)
        )
        return mine.keys() == others.keys() and all(
            _labels_equal(part, others[name]) for name, part in mine.items()
        )


def labels_of(value: Any) -> Labels | None:
    """Return the labels of a pandas or xarray object; None for anything else.

    >>> labels_of([1.0, 2.0])
    """
    known = _find_labelled_base(type(value).__mro__)
    if known is None:
        return None
    kind, names = known
    return Labels(kind, {name: _freeze(name, getattr(value, name)) for name in names})


def holds_nodes(value: Any) -> bool:
    """Return whether a labelled object applies ufuncs to nodes by itself, and keeps its labels.

    >>> holds_nodes([1.0, 2.0])
    False
    """
    return _is_holding_class(type(value).__mro__)


@cache
def _is_holding_class(bases: tuple[type, ...]) -> bool:
    """Return whether one of the bases of a class is known to hold nodes; cached for speed."""
    names = ((base.__module__.partition(".")[0], base.__name__) for base in bases)
    return not HOLDING.isdisjoint(names)


def held_node(value: Any) -> Any:
    """Return the node that a labelled object holds in place of an array; anything else as it is.

    >>> held_node([1.0, 2.0])
    [1.0, 2.0]
    """
    if holds_nodes(value) and hasattr(type(value.data), "__memograd_record__"):
        return value.data
    return value


@cache
def _find_labelled_base(bases: tuple[type, ...]) -> tuple[type, tuple[str, ...]] | None:
    """Return the first base that is a known labelled class, and the names of its arguments.

    Cached, because it is called for every value that is recorded.
    """
    named = (
        (base, CONSTRUCTOR_ARGUMENTS.get((base.__module__.partition(".")[0], base.__name__)))
        for base in bases
    )
    return next(((base, parts) for base, parts in named if parts is not None), None)


def _freeze(name: str, part: Any) -> Any:
    """Return labels that do not change with the table: coordinates are mutable, an index is not."""
    return part.copy() if name == "coords" else part


def _labels_equal(a: Any, b: Any) -> bool:
    return bool(a.equals(b)) if hasattr(a, "equals") else bool(np.all(a == b))
