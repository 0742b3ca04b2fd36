"""numpy.linalg, whose functions take lists of nodes, too."""

from typing import Any

from numpy import linalg as _linalg

from ..rules.namespaces import attribute_of


def __getattr__(name: str) -> Any:
    return attribute_of(_linalg, name, globals())


def __dir__() -> list[str]:
    return dir(_linalg)


__all__ = list(_linalg.__all__)
