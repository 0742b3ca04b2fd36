"""SciPy for nodes under autograd's name: :mod:`memograd.scipy`."""

from importlib import import_module
from typing import Any

OWN = ("integrate", "linalg", "misc", "signal", "special", "stats")


def __getattr__(name: str) -> Any:
    if name not in OWN:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return import_module(f"{__name__}.{name}")


def __dir__() -> list[str]:
    return list(OWN)
