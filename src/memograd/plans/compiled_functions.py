"""Functions that are traced once for each signature of their arguments, and then replayed."""

import functools
import threading
import weakref
from collections.abc import Callable
from operator import attrgetter
from sys import modules
from types import MethodType
from typing import Any, NamedTuple, TypeVar

import numpy as np

from ..arrays.pytrees import tree_leaves, tree_map, tree_unflatten
from ..errors import RefusedError
from ..program.gc_pause import pause_gc
from ..program.trace_state import current_tape
from ..tape.conversions import run_traced
from ..tape.node import Node
from ..tape.tape import Tape
from ..tape.weak_nodes import WeakNode, strong
from ..text import op_name, printable
from .arguments import INPUT_TYPES, is_dead, leaves_of, replace_leaves, signature_of
from .branched_plan import BranchedPlan, NewBranchError, Trace
from .executable import Plan, plan
from .ir import extract_graph
from .traced_tape import CompiledTape


def compiled(f: Callable[..., Any]) -> "Compiled":
    """Return a function that traces f once for each signature, and then runs the plan.

    Compilation is explicit, because a plan keeps what the trace saw: data that f closes over,
    global settings, the date. Whoever writes `compiled` says that f depends on its arguments alone.

    It decorates methods, too. An instance of a plain class, `self` or any other argument, is a
    pytree of its attributes. Its arrays and floats are inputs; everything else in it is part of the
    signature. So a call sees every attribute as it is then, and no instance is kept alive. Numbers
    and strings in the class itself count as attributes. Other class attributes, and those of a
    class method's class, stay as the trace saw them.

    Parameters
    ----------
    f : callable
        Takes and returns arrays or pytrees of them: one of this module's forms, such as
        ``value_and_grad(loss)``, or a plain function. It may branch on a value, or count by one:
        each way through it is traced when it is first taken, and has plans of its own. It must not
        read a value otherwise.

    Returns
    -------
    Compiled
        Called as f is. Arrays and floats are inputs; Python's floats take the precision of the
        arrays that they meet, as in NumPy. Every other argument is part of the signature, and has
        to be hashable by its value, or a function, a class or a module: the structure of a pytree,
        its keys, integers and strings, static fields of dataclasses. Values that ``==`` does not
        tell apart, such as 1 and True, make two signatures. Its attribute ``plans`` holds a
        :class:`memograd.Plan` for each signature; of a function that branches on values, a
        :class:`memograd.plans.branched_plan.BranchedPlan`.

    Raises
    ------
    RefusedError
        f reads a value, so that the plan would be right for this value alone; or f changes an
        argument or an attribute; or an argument is neither an array nor hashable; or a result is no
        array.

    Notes
    -----
    ``grad``, ``value_and_grad``, ``jacobian`` and ``hessian`` of a compiled function are compiled
    themselves: ``value_and_grad(compiled(f))`` replays one plan, as ``compiled(value_and_grad(f))``
    does. Arguments that no signature can hold, such as a table with labels, make them run f anew.

    See Also
    --------
    memograd.plan

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> loss = lambda p, x: np.sum(np.square(p["w"] * x))
    >>> step = mg.functional.compiled(mg.functional.value_and_grad(loss))
    >>> value, g = step({"w": np.array([1.0, 2.0])}, 3.0)
    >>> float(value), g
    (45.0, {'w': array([18., 36.])})
    >>> step({"w": np.array([0.0, 1.0])}, 3.0)[1], len(step.plans)
    ({'w': array([ 0., 18.])}, 1)
    """
    return Compiled(f)


F = TypeVar("F", bound=Callable[..., Any])

SIGNED_BY_TYPE = frozenset(
    {np.ndarray, float, complex, np.float16, np.float32, np.float64, np.complex64, np.complex128}
)
"""Types of arguments whose part of a signature is known from type, shape and dtype."""

NODE_TYPES = frozenset({Node, WeakNode})

MAX_RETRACES = 8
"""Traces after which a call gives up; one is enough, unless other threads drop the way."""


class Recipe(NamedTuple):
    """Form of a function, such as ``grad(f)``, as data: closures cannot be pickled."""

    form: Callable[..., Any]
    f: Any
    options: tuple[Any, ...]


def made_by(closure: F, form: Callable[..., Any], f: Any, *options: Any) -> F:
    """Return a closure that :class:`Compiled` can pickle, as ``form(f, *options)``."""
    closure.recipe = Recipe(form, f, options)  # type: ignore[attr-defined]
    return closure


def _recipe_of(f: Any) -> Any:
    """Return a function as its recipe, and those from which it is made; others as they are."""
    recipe = getattr(f, "recipe", None)
    return recipe._replace(f=_recipe_of(recipe.f)) if isinstance(recipe, Recipe) else f


def _restore(recipe: Any, strict: bool) -> "Compiled":
    """Return the compiled function of a recipe."""
    return Compiled(_function_of(recipe), strict)


def _function_of(recipe: Any) -> Any:
    """Return the function of a recipe."""
    if not isinstance(recipe, Recipe):
        return recipe
    return recipe.form(_function_of(recipe.f), *recipe.options)


class Compiled:
    """Function with its plans, as :func:`compiled` returns it.

    Copies and unpickled functions trace anew. A function that is compiled where it is defined is
    pickled by its name.

    Attributes
    ----------
    plans : dict
        From signature to plan.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> f = mg.functional.compiled(np.sin)
    >>> float(f(0.0)), f(np.zeros(2)), len(f.plans)
    (0.0, array([0., 0.]), 2)
    """

    def __init__(self, f: Callable[..., Any], strict: bool = True) -> None:
        functools.update_wrapper(self, f)
        self.f, self._strict = f, strict
        self.plans: dict[Any, Plan | BranchedPlan] = {}
        # By the types of arrays and numbers: the plan of the last call with them.
        self._latest: dict[tuple[type, ...], weakref.ref[Plan]] = {}
        self._forms: dict[Any, Compiled] = {}
        self._lock = threading.Lock()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function by the plan for arguments of these shapes, dtypes and constants."""
        if not kwargs and current_tape() is None:
            # The plan compares shapes and dtypes itself: a signature would take 2 µs, this 0.3.
            latest = self._latest.get(tuple(map(type, args)))
            replay = None if latest is None else latest()
            if replay is not None and (ready := replay._ready(args)) is not None:
                return replay.replay(ready)
        return self._call_by_signature(args, kwargs)

    def _call_by_signature(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        inputs: list[Any] = []
        arguments = dict(enumerate(args)) | kwargs
        try:
            signature = len(args), *kwargs, *signature_of(arguments, inputs)
        except RefusedError:
            if self._strict:
                raise
            return self.f(*args, **kwargs)
        if current_tape() is not None or not NODE_TYPES.isdisjoint(map(type, inputs)):
            return self.f(*args, **kwargs)  # a part of a larger trace
        replay: Any = self.plans.get(signature)
        if replay is None:
            with self._lock, pause_gc():  # one thread traces; the others wait for its plan
                replay = self.plans.get(signature)
                if replay is None:
                    replay = self._trace(arguments, len(args))
                    self.plans = {
                        known: p for known, p in self.plans.items() if not is_dead(known)
                    } | {signature: replay}
        if (
            type(replay) is Plan
            and not kwargs
            and SIGNED_BY_TYPE.issuperset(kinds := tuple(map(type, args)))
        ):
            self._latest[kinds] = weakref.ref(replay)
        for _ in range(MAX_RETRACES):
            try:
                return replay(*inputs)
            except NewBranchError:
                with self._lock, pause_gc():
                    replay.add(self._record(arguments, len(args)).as_trace())
        raise RefusedError(
            f"{printable(op_name(self.f))} branches on more than its arguments: run again with the "
            f"same ones, it took another way, as with random numbers. Give what decides as an "
            f"argument, or call the function without memograd.functional.compiled."
        )

    def derive(self, form: Callable[..., Any], *options: Any) -> "Compiled":
        """Return ``compiled(form(f, *options))``, the same one each time: it is traced once.

        So ``value_and_grad(compiled(f))`` replays a plan, as ``compiled(value_and_grad(f))`` does.
        """
        key = form, options
        return self._forms.get(key) or self._forms.setdefault(
            key, Compiled(form(self.f, *options), strict=False)
        )

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """Bind the function to an instance, as Python's functions are bound."""
        return self if instance is None else MethodType(self, instance)

    def __reduce__(self) -> Any:
        name = getattr(self, "__qualname__", "")
        try:
            public = attrgetter(name)(modules[self.__module__])
        except (AttributeError, KeyError, TypeError):
            public = None
        return name if public is self else (_restore, (_recipe_of(self.f), self._strict))

    def _trace(self, arguments: dict[Any, Any], count: int) -> Plan | BranchedPlan:
        """Return the plan of a trace."""
        recorded = self._record(arguments, count)
        if not recorded.tape.guards.taken:
            return plan(recorded.y, recorded.inputs)
        branched = BranchedPlan(tuple(node.id for node in recorded.inputs))
        branched.add(recorded.as_trace())
        return branched

    def _record(self, arguments: dict[Any, Any], count: int) -> "Recorded":
        """Run the function on nodes."""
        tape = CompiledTape()
        entered = [_enter_argument(tape, a, where) for where, a in leaves_of(arguments)]
        given = replace_leaves(arguments, entered)
        named = dict(list(given.items())[count:])
        before = dict(leaves_of(given))
        with run_traced(tape):
            y = self.f(*list(given.values())[:count], **named)
        _check_unchanged(before, dict(leaves_of(given)))
        inputs = [strong(node) for node in entered if isinstance(node, Node)]
        return Recorded(tape, tree_map(tape.as_result, y), inputs)


class Recorded(NamedTuple):
    """Trace of a function on a tape of its own."""

    tape: Tape
    y: Any
    inputs: list[Node]

    def as_trace(self) -> Trace:
        """Return what a plan with branches needs of it."""
        nodes, guards = tree_leaves(self.y), tuple(self.tape.guards.taken)
        outputs = tuple(node.id for node in nodes)
        wanted = (*outputs, *(guard.node for guard in guards))
        graph = extract_graph(self.tape.state, wanted, tuple(node.id for node in self.inputs))
        return Trace(graph, guards, outputs, tree_unflatten(self.y, range(len(nodes))))


def _check_unchanged(before: dict[str, Any], after: dict[str, Any]) -> None:
    """Raise if the function changed one of its arguments."""
    for place in after | before:
        if place not in before or place not in after or before[place] is not after[place]:
            raise RefusedError(
                f"A compiled function changed {printable(place)}, which a plan would not repeat. "
                f"Return what is new, and let the caller put it there."
            )


def _enter_argument(tape: Tape, a: Any, where: str) -> Any:
    """Return a leaf as the trace sees it: a node for an array, a weak one for a Python number."""
    if not isinstance(a, INPUT_TYPES):
        return a
    node = tape.leaf(a, name=where)
    return (
        WeakNode(tape, node.id)
        if isinstance(a, float | complex) and not isinstance(a, np.generic)
        else node
    )
