"""Records which arrays of other libraries are computed, densified or fetched inside a block.

The methods by which a class converts its arrays are replaced while the block is open.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import Any
from unittest.mock import patch

import numpy as np

METHODS = {
    "computed": ("compute", "compute_chunk_sizes"),
    "filled": ("todense", "toarray", "__array__"),
    "fetched": (
        "__array__", "get", "item", "tolist", "__float__", "__int__", "__bool__", "__complex__",
        "__index__",
    ),
}  # fmt: skip
"""Methods that convert an array: of Dask, of sparse arrays, of arrays on a device."""


def conversion_of(kind: type) -> str:
    """Return what it means if an array of a class is converted: a key of `METHODS`."""
    if hasattr(kind, "compute"):
        return "computed"
    return "filled" if hasattr(kind, "nnz") else "fetched"


@contextmanager
def recorded_conversions(*kinds: type) -> Iterator[list[str]]:
    """Record the conversions of arrays of these classes, except sparse ones of one number."""
    conversions: list[str] = []
    with ExitStack() as stack:
        for kind in kinds:
            what = conversion_of(kind)
            for name in METHODS[what]:
                if hasattr(kind, name):
                    method = recording(what, getattr(kind, name), conversions)
                    stack.enter_context(patch.object(kind, name, method))
        yield conversions


def recording(what: str, method: Any, conversions: list[str]) -> Any:
    """Return the method as one that records its calls."""

    @wraps(method)
    def convert(self: Any, *args: Any, **kwargs: Any) -> Any:
        if what != "filled" or self.shape != ():
            conversions.append(what)
        return method(self, *args, **kwargs)

    return convert


def dense_cotangents(tape: Any) -> list[int]:
    """Return the sparse nodes of a tape with a dense cotangent; a broadcast number takes no memory."""
    return [
        n
        for table in tape.state.tables.values()
        for n, g in table.cotangents.items()
        if hasattr(tape.state.values.get(n), "nnz") and isinstance(g, np.ndarray) and any(g.strides)
    ]
