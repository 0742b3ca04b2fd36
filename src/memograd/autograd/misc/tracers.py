"""Functions of the remaining arguments, where autograd's `tracers` keeps what is constant."""

from collections.abc import Callable
from functools import partial
from typing import Any

from ..conventions import missing

INSTEAD = {
    "FullGraphNode": "Use mg.Tape; tape.graph is the program.",
    "full_graph": "Use mg.Tape; tape.graph is the program.",
    "const_graph_unary": "Use memograd.functional.compiled, which makes a plan of a function.",
}


def __getattr__(name: str) -> Any:
    missing("misc.tracers", name, INSTEAD)


def const_graph(fun: Callable[..., Any], *args: Any, **kwargs: Any) -> Callable[..., Any]:
    """Return `fun` of the arguments that follow `args`.

    autograd replays the first call's graph; this calls `fun`, so that it may branch.
    :func:`memograd.functional.compiled` makes a plan of it.
    """
    return partial(fun, *args, **kwargs)
