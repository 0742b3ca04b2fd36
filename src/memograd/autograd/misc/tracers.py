"""Functions of the remaining arguments, where autograd's `tracers` keeps what is constant."""

from collections.abc import Callable
from functools import partial
from typing import Any

from ...plans.compiled_functions import compiled
from ..conventions import missing

INSTEAD = {
    "FullGraphNode": "Use mg.Tape; tape.graph is the program.",
    "full_graph": "Use mg.Tape; tape.graph is the program.",
    "const_graph_unary": "Use memograd.functional.compiled, which makes a plan of a function.",
}


def __getattr__(name: str) -> Any:
    missing("misc.tracers", name, INSTEAD)


def const_graph(fun: Callable[..., Any], *args: Any, **kwargs: Any) -> Callable[..., Any]:
    """Return `fun` of the arguments that follow `args`, as a plan made at the first call.

    What depends on `args` and `kwargs` alone is computed once. Branches on values, which autograd's
    graph would freeze, are refused; see :func:`memograd.functional.compiled`.

    Examples
    --------
    >>> import numpy as np
    >>> float(const_graph(lambda a, x: np.exp(a) * x, 0.0)(3.0))
    3.0
    """
    return compiled(partial(fun, *args, **kwargs))
