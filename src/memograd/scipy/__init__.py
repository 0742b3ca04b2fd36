"""SciPy for nodes: ``from memograd.scipy import special``, and nothing else changes.

SciPy's ufuncs, such as ``special.erf``, dispatch on nodes among their arguments; its other
functions do not. The modules `special`, `linalg`, `stats`, `signal` and `integrate` have the common
ones of these under the same names. All other names, and all calls without nodes, are SciPy's own.
"""

import importlib
from typing import Any

from ..text import import_scipy

OWN = ("integrate", "linalg", "signal", "special", "stats")
"""The modules that have functions for nodes."""


def __getattr__(name: str) -> Any:
    if name in OWN:
        return importlib.import_module(f"{__name__}.{name}")
    return getattr(import_scipy("scipy"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *OWN, *dir(import_scipy("scipy"))})
