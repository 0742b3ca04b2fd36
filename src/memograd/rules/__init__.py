"""The formula sheets: what the derivative of each op is, one line a derivative."""

import importlib
import sys

from ..registry import SHEETS
from . import elementwise, indexing, linalg, reductions, shaping

__all__ = ["elementwise", "indexing", "linalg", "reductions", "shaping"]


def bring_special() -> bool:
    """Bring in the sheet of scipy.special: only a program that uses it pays for SciPy."""
    if "scipy.special" not in sys.modules or f"{__name__}.special" in sys.modules:
        return False
    importlib.import_module(f"{__name__}.special")
    return True


SHEETS.append(bring_special)
