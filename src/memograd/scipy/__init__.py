"""SciPy, with the functions that do not dispatch by themselves: ``from memograd.scipy import
special``, and nothing else changes.

SciPy's ufuncs (``special.erf``) hand a call over to the nodes among their arguments; its other
functions do not. Of those, the modules `special`, `linalg`, `stats`, `signal` and `integrate` hold
the common ones, under their own names; everything else is SciPy's own. Without a node they all are.
"""

import importlib
from typing import Any

from ..text import import_scipy

OWN = ("integrate", "linalg", "signal", "special", "stats")
"""The modules that hold functions of ours."""


def __getattr__(name: str) -> Any:
    if name in OWN:
        return importlib.import_module(f"{__name__}.{name}")
    return getattr(import_scipy("scipy"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *OWN, *dir(import_scipy("scipy"))})
