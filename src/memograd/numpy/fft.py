"""numpy.fft, whose functions take lists of nodes, too."""

from typing import Any

from numpy import fft as _fft

from ..rules.namespaces import attribute_of


def __getattr__(name: str) -> Any:
    return attribute_of(_fft, name, globals())


def __dir__() -> list[str]:
    return dir(_fft)


__all__ = list(_fft.__all__)
