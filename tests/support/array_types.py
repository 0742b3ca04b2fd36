"""Which call works on which array type: the table of `examples/array_types.md`, which `python tests/support/array_types.py` prints.

Each call is run with `a` and `b` as leaves of one type, and differentiated; values and gradients are compared with NumPy's.
"""

import importlib
import warnings
from collections import Counter
from importlib.metadata import version

import numpy as np
from conversions_recorder import dense_cotangents, recorded_conversions
from device import Device

import memograd as mg

A = np.array([[2.0, 0.0, 0.5], [0.3, 1.5, 0.0], [0.0, 0.7, 1.0]])
B = np.array([[1.2, 0.4, 0.9], [0.8, 2.1, 0.6], [0.2, 1.1, 1.7]])

CALLS = """
a + b; a - b; a * b; a / b; a @ b; -a; a ** 2; 2 * a; a + 1; a > b
np.exp(a); np.log(1 + a); np.sqrt(b); np.sin(a); np.cos(a); np.tanh(a); np.abs(a); np.square(a); np.maximum(a, b); np.power(b, a)
np.where(a > b, a, b); np.clip(a, 0.1, 1.2); np.logaddexp(a, b); np.hypot(a, b); np.arctan2(a, b); np.sign(a)
np.sum(a); np.sum(a, axis=0); np.mean(a, axis=1); np.prod(b, axis=0); np.max(a, axis=0); np.min(b); np.var(a, axis=0); np.std(a)
np.median(b, axis=0); np.quantile(b, 0.3); np.argmax(a, axis=0); np.cumsum(a, axis=0); np.cumprod(b, axis=0); np.diff(a, axis=0)
np.sort(b, axis=0); np.argsort(b, axis=0); np.average(a, axis=0); np.nansum(a); np.ptp(b, axis=0); np.trapezoid(a, axis=0)
np.dot(a, b); np.inner(a, b); np.outer(a, b); np.tensordot(a, b, 1); np.einsum("ij,jk->ik", a, b); np.kron(a, b); np.vecdot(a, b)
np.linalg.inv(a); np.linalg.solve(a, b); np.linalg.det(a); np.linalg.norm(a); np.linalg.cholesky(a @ a.T + b.T @ b); np.linalg.svd(a)
np.linalg.qr(a); np.linalg.eigh(a + a.T); np.trace(a); np.diagonal(a); np.diag(a); np.tril(a); np.triu(a)
a.T; np.reshape(a, (9,)); np.ravel(a); np.transpose(a); np.swapaxes(a, 0, 1); np.expand_dims(a, 0); np.squeeze(a[:1]); np.flip(a, 0)
np.broadcast_to(a, (2, 3, 3)); np.concatenate([a, b]); np.stack([a, b]); np.split(a, 3); np.tile(a, (2, 1)); np.repeat(a, 2, axis=0)
np.roll(a, 1, axis=0); np.pad(a, 1); np.take(a, [0, 2, 0], axis=0); np.take_along_axis(a, np.array([[1], [0], [2]]), axis=1)
a[0]; a[1:, ::2]; a[[0, 2, 0]]; a[:, [1]]; a[a > 0.4]; a.at[0].set(b[1]); a.at[[0, 0]].add(b[:2]); np.fft.fft(a); np.astype(a, np.float32)
"""
"""Written as they are run; `a` and `b` are square, and `a` has zeros."""


def _dask(a):
    return importlib.import_module("dask.array").from_array(a, chunks=2)


TYPES = {
    "NumPy": ("numpy", np.asarray),
    "Dask": ("dask", _dask),
    "sparse": ("sparse", lambda a: importlib.import_module("sparse").COO.from_numpy(a)),
    "SciPy sparse": ("scipy", lambda a: importlib.import_module("scipy.sparse").csr_array(a)),
    "CuPy's stand-in": ("numpy", Device),
    "pandas": (
        "pandas",
        lambda a: importlib.import_module("pandas").DataFrame(a, columns=list("xyz")),
    ),
    "xarray": (
        "xarray",
        lambda a: importlib.import_module("xarray").DataArray(a, dims=("row", "column")),
    ),
}
"""For each array type: its library, and a function that makes one."""


def calls():
    """Every call, as text."""
    return [call for line in CALLS.strip().splitlines() for call in line.split("; ")]


def numbers(x):
    """The numbers of an array of any type."""
    for name in ("compute", "todense", "toarray"):
        if hasattr(x, name):
            return np.asarray(getattr(x, name)())
    return x.get() if isinstance(x, Device) else np.asarray(x)


def values_of(y):
    """What a call gave, as a list of nodes."""
    return list(y) if isinstance(y, tuple | list) else [y]


def outcome(call, make, expected=None):
    """What a call gives on arrays of a type, as text; and its numbers."""
    tape = mg.Tape()
    a, b = tape.leaf(make(A)), tape.leaf(make(B))
    found = []
    with recorded_conversions(*kinds_beside_numpy(a.value)) as conversions:
        for part in (lambda: values(call, a, b), lambda: gradients(call, a, b)):
            try:
                found.append(part())
            except Exception as error:
                return ("value, then " if found else "") + type(error).__name__, found
    found = [numbers(x) for part in found for x in part]
    if expected is not None and not all(
        np.allclose(x, e, rtol=1e-8, atol=1e-12) for x, e in zip(found, expected, strict=True)
    ):
        return "WRONG", found
    unasked = {*conversions, *["filled"] * bool(dense_cotangents(tape))}
    return " ".join(["✓", *sorted(unasked)]), found


def kinds_beside_numpy(a):
    """The classes whose conversions are recorded: that of an array which is not NumPy's."""
    return [] if isinstance(a, np.ndarray) else [type(a)]


def values(call, a, b):
    """The values of a call."""
    return [y.value for y in values_of(eval(call, {"np": np, "a": a, "b": b}))]


def gradients(call, a, b):
    """Of the sum of squares of all that a call gives; nothing where it is constant."""
    ys = [y for y in values_of(eval(call, {"np": np, "a": a, "b": b})) if y.dtype.kind in "fc"]
    return mg.grad(sum(np.sum(np.square(np.abs(y))) for y in ys), [a, b]) if ys else []


def column(name):
    """One type's outcomes, call by call."""
    make = TYPES[name][1]
    with warnings.catch_warnings(action="ignore"):
        return [outcome(call, make, outcome(call, np.asarray)[1])[0] for call in calls()]


def rows(columns):
    """The table in Markdown, and under it the calls that each type has."""
    yield "| call | " + " | ".join(columns) + " |"
    yield "| --- |" + " --- |" * len(columns)
    for call, *cells in zip(calls(), *columns.values(), strict=True):
        yield f"| `{call}` | " + " | ".join(cells) + " |"
    counts = [
        Counter(cell.partition(" ")[0] == "✓" for cell in cells)[True] for cells in columns.values()
    ]
    yield f"| **of {len(calls())}** | " + " | ".join(map(str, counts)) + " |"


def versions():
    """The versions that the table is of."""
    libraries = dict.fromkeys(library for library, _ in TYPES.values())
    return ", ".join(f"{library} {version(library)}" for library in libraries)


PAGE = """# Which call works on which array type

Each call with `a` and `b` as leaves of one type, then the gradient of the sum of squares of what it gave; both compared with NumPy's. A
check mark: value and gradient are right, and were made without a conversion, a computation or a densification that nobody asked for.
Beside it, what else happened: *filled*, the gradient by a sparse array is dense; *computed*, a Dask array was; *fetched*, a number
left the device. Where there is no check mark, the class of the error: `ChunksError` and `SparseError` are memograd's own and say what to
write instead, others come from the library. *value, then …*: the gradient alone is refused.

CuPy's stand-in is the class of `tests/support/device.py`: no GPU is at hand, so it dispatches as CuPy's arrays do, and refuses NumPy's arrays
beside its own and every silent conversion. Leaves of pandas and xarray are NumPy's arrays on the tape, and their gradients have their
labels. `array-api-strict` has none of NumPy's protocols: its arrays come in as NumPy's, by a copy, and what comes out is NumPy's.

Regenerated by `python tests/support/array_types.py`, here with {versions}.

{table}
"""


def page():
    """The page, from a new run of everything."""
    return PAGE.format(
        versions=versions(), table="\n".join(rows({name: column(name) for name in TYPES}))
    )


if __name__ == "__main__":
    print(page(), end="")
