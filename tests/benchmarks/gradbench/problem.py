"""What an eval is: data, an objective in plain NumPy, and its derivative by hand."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

SEED = 31337
"""Seed of all data; GradBench's own number."""

Inputs = tuple[Any, ...]
"""Arrays or floats to differentiate by."""

Data = dict[str, Any]
"""Arrays, and numbers that are not differentiated."""


def gradient(library: Any, f: Callable[..., Any], d: Data) -> Callable[..., Any]:
    """Return the function of the gradient by all inputs, as a tuple."""
    return library.grad(f)


@dataclass(frozen=True)
class Eval:
    """One eval.

    An objective is called as ``objective(np, data, *inputs)``. It is NumPy code; `np` is NumPy, or
    the namespace of a peer that has NumPy's names.
    """

    name: str
    sizes: tuple[Any, ...]
    small: Any
    """A size for tests."""
    prepare: Callable[[Any], tuple[Inputs, Data]]
    """From a size to the inputs and the data."""
    objectives: Mapping[str, Callable[..., Any]]
    """From the name of a spelling to the objective; peers run the first one."""
    manual: Callable[..., Any]
    """The derivative by hand, of data and inputs."""
    derivative: Callable[[Any, Callable[..., Any], Data], Callable[..., Any]] = gradient
    """From a library, a function of the inputs, and data to what is timed."""
    peers: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    """Objectives in the idiom of a peer, where it differs."""
    programs: Mapping[str, Callable[[Data], Callable[..., Any]]] = field(default_factory=dict)
    """From a contender to how it is timed, where loops that depend on values need another way."""
    without: Mapping[str, tuple[tuple[Any, ...], str]] = field(default_factory=dict)
    """Sizes at which a peer takes no part, and why."""
    group: str = "arrays"
    """Whose geometric mean it enters: arrays, loops, scalars or programs."""

    def read_only(self, size: Any) -> tuple[Inputs, Data]:
        """Return inputs and data as arrays that cannot be written to, which libraries may share."""
        inputs, data = self.prepare(size)
        for array in (*inputs, *data.values()):
            if isinstance(array, np.ndarray):
                array.flags.writeable = False
        return inputs, data


def generator() -> np.random.Generator:
    """Return the generator of an eval's data."""
    return np.random.default_rng(SEED)
