"""Signatures of NumPy's C functions, which NumPy itself provides from version 2.4 on.

The table was generated with NumPy 2.4.

See Also
--------
memograd.rules.parameters.signature : Looks up a signature, here if NumPy provides none.
"""

from collections.abc import Callable
from inspect import Parameter, Signature
from typing import Any

import numpy as np

SIGNATURES: dict[str, Callable[..., Any]] = {
    "arange": (
        lambda start_or_stop, /, stop=None, step=1, *, dtype=None, device=None, like=None: None
    ),
    "array": (
        lambda object, dtype=None, *, copy=True, order="K", subok=False, ndmin=0, ndmax=0,
        like=None: None
    ),
    "asanyarray": lambda a, dtype=None, order=None, *, device=None, copy=None, like=None: None,
    "asarray": lambda a, dtype=None, order=None, *, device=None, copy=None, like=None: None,
    "ascontiguousarray": lambda a, dtype=None, *, like=None: None,
    "asfortranarray": lambda a, dtype=None, *, like=None: None,
    "bincount": lambda x, /, weights=None, minlength=0: None,
    "busday_count": (
        lambda begindates, enddates, weekmask="1111100", holidays=(), busdaycal=None, out=None: None
    ),
    "busday_offset": (
        lambda dates, offsets, roll="raise", weekmask="1111100", holidays=None, busdaycal=None,
        out=None: None
    ),
    "can_cast": lambda from_, to, casting="safe": None,
    "concatenate": lambda arrays, /, axis=0, out=None, *, dtype=None, casting="same_kind": None,
    "copyto": lambda dst, src, casting="same_kind", where=True: None,
    "datetime_as_string": lambda arr, unit=None, timezone="naive", casting="same_kind": None,
    "datetime_data": lambda dtype, /: None,
    "dot": lambda a, b, out=None: None,
    "empty": lambda shape, dtype=None, order="C", *, device=None, like=None: None,
    "empty_like": (
        lambda prototype, /, dtype=None, order="K", subok=True, shape=None, *, device=None: None
    ),
    "from_dlpack": lambda x, /, *, device=None, copy=None: None,
    "frombuffer": lambda buffer, dtype=None, count=-1, offset=0, *, like=None: None,
    "fromfile": lambda file, dtype=None, count=-1, sep="", offset=0, *, like=None: None,
    "fromiter": lambda iter, dtype, count=-1, *, like=None: None,
    "frompyfunc": lambda func, /, nin, nout, **kwargs: None,
    "inner": lambda a, b, /: None,
    "is_busday": lambda dates, weekmask="1111100", holidays=None, busdaycal=None, out=None: None,
    "lexsort": lambda keys, axis=-1: None,
    "may_share_memory": lambda a, b, /, max_work=0: None,
    "min_scalar_type": lambda a, /: None,
    "nested_iters": (
        lambda op, axes, flags=None, op_flags=None, op_dtypes=None, order="K", casting="safe",
        buffersize=0: None
    ),
    "packbits": lambda a, /, axis=None, bitorder="big": None,
    "promote_types": lambda type1, type2, /: None,
    "putmask": lambda a, /, mask, values: None,
    "ravel_multi_index": lambda multi_index, dims, mode="raise", order="C": None,
    "result_type": lambda *arrays_and_dtypes: None,
    "shares_memory": lambda a, b, /, max_work=-1: None,
    "unpackbits": lambda a, /, axis=None, count=None, bitorder="big": None,
    "unravel_index": lambda indices, shape, order="C": None,
    "vdot": lambda a, b, /: None,
    "where": lambda condition, x=None, y=None, /: None,
    "zeros": lambda shape, dtype=None, order="C", *, device=None, like=None: None,
}
"""Functions with the same parameters, by name in NumPy's main namespace."""

OPTIONS = {"casting": "same_kind", "order": "K", "dtype": None, "subok": True, "signature": None}
GENERALIZED = {"axes": np._NoValue, "axis": np._NoValue, "keepdims": False}
"""Options of every ufunc, and of ufuncs on parts of arrays, with their defaults."""


def of_ufunc(f: np.ufunc) -> Signature:
    """Return the signature that NumPy from 2.4 on gives a ufunc."""
    operands = ["x"] if f.nin == 1 else [f"x{k + 1}" for k in range(f.nin)]
    options = {"where": True} if f.signature is None else GENERALIZED
    out = None if f.nout == 1 else (None,) * f.nout
    return Signature(
        [
            *(Parameter(name, Parameter.POSITIONAL_ONLY) for name in operands),
            Parameter("out", Parameter.POSITIONAL_OR_KEYWORD, default=out),
            *(
                Parameter(name, Parameter.KEYWORD_ONLY, default=default)
                for name, default in (options | OPTIONS).items()
            ),
        ]
    )
