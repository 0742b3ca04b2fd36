"""Interpreters of programs, compiled by Numba once and kept on disk."""

import math
from functools import cache
from importlib import import_module
from typing import Any
from zlib import crc32

import numpy as np

from .interpreter_sources import ARRAY_SOURCES, SCALAR_SOURCE
from .opcodes import ON_FLOATS
from .simd_functions import SIMD_CONSTANTS, SIMD_SOURCES, bit_casts

NUMBA_OPTIONS = {"nogil": True, "error_model": "numpy"}

UNSIGNED = {f"U{k}": np.uint64(k) for k in (*range(17), 52, 128)}
"""Unsigned integers, by the names that stand for them in sources.

Numba takes the sum of an unsigned and a signed integer for a double.
"""


@cache
def scalar_interpreter() -> Any:
    """Return the interpreter of programs on numbers; None without Numba."""
    return None if find_njit() is None else compile_sources({"interpret": SCALAR_SOURCE}, {})


@cache
def array_interpreter() -> Any:
    """Return the interpreter of programs with rows on arrays; None without Numba."""
    njit = find_njit()
    if njit is None:
        return None
    names = {
        **UNSIGNED,
        **SIMD_CONSTANTS,
        **bit_casts(),
        "np": np,
        "copysign": math.copysign,
        "start": float(np.sum(np.full(2, -0.0))),
        "signed": njit(**NUMBA_OPTIONS)(signed),
    }
    return compile_sources({**SIMD_SOURCES, **ARRAY_SOURCES}, names)


def signed(word: Any) -> Any:
    """Return a word as a stride modulo 2**64."""
    return np.uint64(np.int64(np.int32(word)))


def find_njit() -> Any:
    """Return Numba's compiler; None without Numba."""
    try:
        return import_module("numba").njit
    except ImportError:
        return None


def compile_sources(sources: dict[str, str], names: dict[str, Any]) -> Any:
    """Return the last of these functions, to be compiled or loaded when it is first called."""
    njit = find_njit()
    # Numba's cache beside this file finds functions by name: another source needs another name
    version = f"{crc32(repr(sources).encode()):08x}"
    namespace = {**ON_FLOATS, **names, "__name__": __name__}
    *inner, last = sources
    for name in inner:
        namespace[name] = njit(**NUMBA_OPTIONS)(define(name, sources[name], namespace))
    function = define(f"{last}_{version}", sources[last], namespace)
    try:
        return njit(cache=True, **NUMBA_OPTIONS)(function)
    except RuntimeError:  # no writable cache directory
        return njit(**NUMBA_OPTIONS)(function)


def define(name: str, source: str, namespace: dict[str, Any]) -> Any:
    """Return the function of a source, which finds its names in a namespace."""
    exec(compile(f"def {name}{source}", __file__, "exec"), namespace)
    return namespace[name]
