"""SciPy, if it is installed."""

import importlib
from typing import Any

from ..errors import MissingLibraryError


def library(name: str) -> Any:
    """A module of SciPy's; where SciPy is missing, an error that says how to install it."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] != "scipy":
            raise
        raise MissingLibraryError(f"This takes {name}, but SciPy is not installed. Install it: pip install 'memograd[scipy]'.") from None
