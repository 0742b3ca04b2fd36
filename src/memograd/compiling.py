"""Functions that are traced once for each signature of their arguments, and replayed from then on."""

import functools
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from .conversions import COMPILED, unwrapped
from .errors import RefusedError, printable
from .nests import constants, filled, mapped, parts, placed
from .node import Node
from .passes.sharing import atom
from .replay import Plan, plan
from .tape import NUMBERS, Tape
from .tracing import current, tracing

INPUTS: tuple[Any, ...] = (np.ndarray, Node, float, complex, np.inexact)
"""What a plan takes anew at each call."""


def compiled(f: Callable[..., Any]) -> "Compiled":
    """A function that traces f once for each signature, and from then on replays the plan.

    It is asked for by name, and not done behind the back of :func:`grad` and its kin, because a plan keeps what the trace
    saw: data that f closes over, global settings, the date. Whoever writes `compiled` says that f depends on its arguments
    alone.

    Parameters
    ----------
    f : callable
        Of arrays or nests of them, giving the same; one of this module's forms, such as ``value_and_grad(loss)``, or a plain
        function. It must not branch on a value, or read one.

    Returns
    -------
    Compiled
        Called as f is. Arrays and floats are inputs; anything else among the arguments is part of the signature, and has to
        be hashable: the shape of a nest, its keys, integers and strings, static fields of dataclasses. Its attribute
        ``plans`` holds a :class:`memograd.Plan` for each signature.

    Raises
    ------
    RefusedError
        f branches on a value or reads one, so that the plan would be right for this value alone; or an argument is neither
        an array nor hashable; or a result is no array.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> step = mg.functional.compiled(mg.functional.value_and_grad(lambda p, x: np.sum(np.square(p["w"] * x))))
    >>> value, g = step({"w": np.array([1.0, 2.0])}, 3.0)
    >>> float(value), g
    (45.0, {'w': array([18., 36.])})
    >>> step({"w": np.array([0.0, 1.0])}, 3.0)[1], len(step.plans)
    ({'w': array([ 0., 18.])}, 1)
    """
    return Compiled(f)


class Compiled:
    """What :func:`compiled` gives: a function with its plans.

    Attributes
    ----------
    plans : dict
        From signature to plan.
    """

    def __init__(self, f: Callable[..., Any]) -> None:
        functools.update_wrapper(self, f)
        self.f = f
        self.plans: dict[Any, Plan] = {}
        self._lock = threading.Lock()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        inputs: list[Any] = []
        signature = (len(args), *kwargs, *[_signature(a, inputs) for a in (*args, *kwargs.values())])
        if current() is not None or Node in map(type, inputs):
            return self.f(*args, **kwargs)  # a part of a larger trace
        if signature not in self.plans:
            with self._lock:  # one thread traces; the others wait for its plan
                if signature not in self.plans:
                    self.plans[signature] = self._traced(args, kwargs)
        return self.plans[signature](*inputs)

    def _traced(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Plan:
        tape = Unspoken()
        arguments = {f"argument_{key}": a for key, a in [*enumerate(args), *kwargs.items()]}
        entered = [
            tape.leaf(a, name=where) if isinstance(a, INPUTS) else a for key, given in arguments.items() for where, a in placed(given, key)
        ]
        nodes, named = filled((args, kwargs), entered)
        with tracing(tape), unwrapped(tape):
            y = self.f(*nodes, **named)
        return plan(mapped(tape.entered, y), [node for node in entered if isinstance(node, Node)])


class Unspoken(Tape):
    """The tape of a function that will be replayed."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__()
        self._mode = COMPILED

    def entered(self, y: Any) -> Node:
        """A result as a node; one that depends on no argument is a constant of the plan."""
        if isinstance(y, Node):
            return y
        if np.asarray(y).dtype.kind not in NUMBERS:
            raise RefusedError(f"A function that is compiled gives arrays, or nests of them, but one result is {printable(repr(y))}.")
        return self.leaf(y)


def _signature(nest: Any, inputs: list[Any]) -> Any:
    """What a nest of arguments has in common with others that one plan serves; its arrays are put to the inputs."""
    if isinstance(nest, INPUTS):
        inputs.append(nest)
        return (nest.shape, nest.dtype) if hasattr(nest, "dtype") else ((), np.dtype(type(nest)))
    inner = parts(nest)
    if inner is None:
        return _static(nest)
    fixed = tuple([_static(a) for a in constants(nest).values()])
    return type(nest), fixed, tuple([(key, _signature(part, inputs)) for key, part in inner.items()])


def _static(a: Any) -> Any:
    """What stands for a static argument in a signature: 1, 1.0 and True are three, in tuples, too."""
    try:
        hash(a)
    except TypeError:
        raise RefusedError(
            f"An argument of a compiled function is {printable(repr(a))}, neither an array nor hashable. Give what is "
            f"static as integers, strings or other things that can be hashed."
        ) from None
    return atom(a)
