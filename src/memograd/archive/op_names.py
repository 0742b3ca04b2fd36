"""Names of ops, dtypes, types and named tuples in an archive.

A name is looked up among the registered objects; nothing is imported for it.
"""

import sys
from typing import Any

import numpy as np

from ..errors import ArchiveError
from ..rules.registration import RULES
from ..text import op_name, printable

AMBIGUOUS = object()
"""Mark of a name that two registered ops have."""

STORED_NUMBERS = "?bhilqBHILQefdgFDG"
"""NumPy's letters for the dtypes that values have."""


def _encode_dtype(dtype: np.dtype[Any]) -> str:
    """Encode a dtype as NumPy writes it, `<f4`; a long double with its precision.

    A long double differs from machine to machine.
    """
    precision = f":{np.finfo(dtype).nmant}" if dtype.char in "gG" else ""
    return dtype.str + precision


_NATIVE = [np.dtype(letter) for letter in STORED_NUMBERS]
NAMED_TYPES = {
    d: _encode_dtype(d)
    for native in _NATIVE
    for d in (np.dtype(native.str), np.dtype(native.newbyteorder("S").str))
}
"""Names of the dtypes of arrays, in this machine's byte order and in the other."""

DTYPES = {name: d for d, name in NAMED_TYPES.items()}

_TYPES: tuple[type, ...] = (bool, int, float, complex, *(native.type for native in _NATIVE))
TYPES = {f"{t.__module__}.{t.__name__}": t for t in _TYPES}
"""Types that stand for dtypes, as in `np.astype(x, float)`."""

_ONE = np.eye(1)
RESULTS = {
    type(y).__name__: type(y)
    for y in (
        np.linalg.eig(_ONE),
        np.linalg.eigh(_ONE),
        np.linalg.qr(_ONE),
        np.linalg.slogdet(_ONE),
        np.linalg.svd(_ONE),
    )
}
"""Named tuples that ops return, by name."""


def ops_by_name() -> dict[str, Any]:
    """Return every registered op by the name under which archives store it."""
    found: dict[str, Any] = {}
    for op in RULES:
        if op is not None:
            name = archive_name(op)
            found[name] = AMBIGUOUS if name in found else op
    return found


def archive_name(op: Any) -> str:
    """Return the public name of an op, such as `numpy.sin` or `memograd.getitem`.

    Others: `numpy.linalg.inv`, `scipy.special.expit`, `module.softplus`.

    Private parts of a module's name are left out, and the modules within memograd: they may move.
    """
    named, name = getattr(op, "__module__", None), getattr(op, "__qualname__", None)
    module: str = named if named else _module_of_ufunc(op)
    called: str = name if name else getattr(op, "__name__", repr(op))
    parts = [part for part in module.split(".") if not part.startswith("_") or part == module]
    return ".".join([*(parts[:1] if parts[0] == "memograd" else parts), called])


def _module_of_ufunc(op: Any) -> str:
    """Return the module of a ufunc, which has no such attribute."""
    homes = (
        home
        for home in ("numpy", "scipy.special")
        if getattr(sys.modules.get(home), getattr(op, "__name__", ""), None) is op
    )
    return next(homes, "ufunc")


def name_to_save(op: Any, by_name: dict[str, Any]) -> str:
    """Return the name under which to save an op; raise if a reader could mistake it."""
    name = archive_name(op)
    if by_name.get(name) is not op:
        raise ArchiveError(
            f"{op_name(op)} cannot be saved: another registered op is called {printable(name)}, "
            f"too. Ops are saved by their names: "
            f"define each at the top of a module, under a name of its own."
        )
    return name


def resolve_ops(names: list[str], by_name: dict[str, Any]) -> list[Any]:
    """Return the ops of these names; the error lists all that are missing."""
    missing = [name for name in names if by_name.get(name, AMBIGUOUS) is AMBIGUOUS]
    if missing:
        raise ArchiveError(
            f"The session applies {printable(', '.join(missing), 300)}, which no op, or more "
            f"than one, is registered as. An archive "
            f"holds names, never code: import the module that registers each (memograd.rule, "
            f"memograd.op), then load again."
        )
    return [by_name[name] for name in names]
