"""Modules that hold, under autograd's names, what a module of memograd's holds."""

import sys
from collections.abc import Callable
from typing import Any


def mirror(module: str, own: Any) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return ``__getattr__`` and ``__dir__`` of a module that hands on the names of another.

    A name is looked up there once: afterwards the module has it, and a call costs no more. So a
    mirror holds no functions of its own, which would meet NumPy's `any` in place of Python's.

    >>> get, _ = mirror(__name__, sys)
    >>> get("maxsize") == sys.maxsize
    True
    """

    def get(name: str) -> Any:
        """Return an attribute of the other module, and keep it."""
        if name == "__path__":  # a module that has one is a package
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        found = getattr(own, name)
        setattr(sys.modules[module], name, found)
        return found

    def names() -> list[str]:
        return sorted({*vars(sys.modules[module]), *dir(own)})

    return get, names
