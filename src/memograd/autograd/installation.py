"""Import of this package under the name autograd, by a program that is not changed."""

import importlib
import importlib.util
import pkgutil
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from ..errors import RefusedError

OWN = __name__.rpartition(".")[0]
"""Name of this package."""


class Alias(Loader):
    """Loader that gives a module of this package under autograd's name."""

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return the module of the same place in this package."""
        module = importlib.import_module(own_name(spec.name))
        spec.loader_state = module.__spec__, module.__loader__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Give the module back its own spec, which the import has replaced."""
        spec: Any = module.__spec__
        module.__spec__, module.__loader__ = spec.loader_state
        if module.__name__ == OWN:
            add_aliases(module)


class Finder(MetaPathFinder):
    """Finder of autograd and its modules, all of them in this package."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Return the spec of a module of autograd's; raise if it has no counterpart here."""
        if name.partition(".")[0] != "autograd":
            return None
        if importlib.util.find_spec(own_name(name)) is None:
            raise ModuleNotFoundError(
                f"memograd.autograd stands in for autograd, and has no counterpart of {name}.",
                name=name,
            )
        return ModuleSpec(name, Alias(), is_package=True)


def own_name(name: str) -> str:
    """Return the name in this package of a module of autograd's.

    >>> own_name("autograd.numpy")
    'memograd.autograd.numpy'
    """
    return OWN + name.removeprefix("autograd")


def add_aliases(package: ModuleType) -> None:
    """Enter the modules of this package under autograd's names, those that import SciPy excepted.

    A finder before ours, such as pytest's, would find their files, and load them once more.
    """
    for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        if found.name not in (f"{OWN}.scipy", f"{OWN}.__main__"):
            module = importlib.import_module(found.name)
            sys.modules["autograd" + found.name.removeprefix(OWN)] = module
            if found.ispkg:
                add_aliases(module)


def install() -> None:
    """Let ``import autograd`` find this package, from now on and in this process.

    Raises
    ------
    RefusedError
        autograd itself has been imported: modules that hold its functions would go on with them.

    Examples
    --------
    >>> import memograd.autograd
    >>> memograd.autograd.install()  # doctest: +SKIP
    >>> import autograd.numpy as np  # doctest: +SKIP
    """
    if any(isinstance(finder, Finder) for finder in sys.meta_path):
        return
    if "autograd" in sys.modules:
        raise RefusedError(
            "memograd.autograd.install() came after autograd itself was imported, whose functions "
            "other modules may hold already. Call it first, or run the program with python -m "
            "memograd.autograd."
        )
    sys.meta_path.insert(0, Finder())
