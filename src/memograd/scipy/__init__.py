"""SciPy, with the functions that do not dispatch by themselves: ``from memograd.scipy import special``, and nothing else changes.

SciPy's ufuncs (``special.erf``) hand a call over to the nodes among their arguments; its other functions do not. Of those,
the modules `special`, `linalg`, `stats` and `signal` hold the common ones, under their own names; everything else is
SciPy's own. Without a node they all are.
"""

import importlib
from typing import Any

from ..errors import MissingLibraryError

OWN = ("linalg", "signal", "special", "stats")
"""The modules that hold functions of ours."""


def library(name: str) -> Any:
    """A module of SciPy's; where SciPy is missing, an error that says how to install it."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] != "scipy":
            raise
        raise MissingLibraryError(
            f"memograd.scipy was asked for {name}, but SciPy is not installed. Install it: pip install 'memograd[scipy]'."
        ) from None


def __getattr__(name: str) -> Any:
    if name in OWN:
        return importlib.import_module(f"{__name__}.{name}")
    return getattr(library("scipy"), name)
