"""Calls of any signature, recorded as one op over a flat list of operands.

Arguments may be arrays, lists, dicts, None, functions and keywords. The result is an array or a
pytree of arrays. A :class:`StructuredCall` holds the arguments with a numbered slot in place of
each node and each array. So an op needs no names of operands, and its VJP is a function of the call
in its original form.
"""

from collections.abc import Callable, Sequence
from dataclasses import is_dataclass
from functools import wraps
from inspect import Signature
from typing import Any

import numpy as np

from ..arrays.pytrees import children, describe_tree, tree_leaves, tree_map
from ..errors import NotDifferentiableError, RefusedError, RuleShapeError
from ..program.trace_state import current_tape, trace_on
from ..text import op_name
from .parameters import signature

ArgumentPull = Callable[[int | None, Any, Any, tuple[Any, ...], dict[str, Any]], Any]
"""``pull(k, g, y, args, kwargs)``: the cotangent of argument k; for None, a tuple of all."""

ArgumentPush = Callable[[dict[int, Any], Any, tuple[Any, ...], dict[str, Any]], Any]
"""``push(tangents, y, args, kwargs)``: the tangent of y, given those of arguments by position."""


class Slot:
    """Place of an array in a pytree, by its number."""

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        self.number = number

    def __eq__(self, other: object) -> bool:
        return type(other) is Slot and other.number == self.number

    def __hash__(self) -> int:
        return hash(self.number)

    def __repr__(self) -> str:
        return f"·{self.number}"


def with_slots(nest: Any, taken: list[Any], is_taken: Callable[[Any], bool]) -> Any:
    """Return a pytree with slots in place of some leaves, which are appended to `taken`."""

    def slot_or_leaf(a: Any) -> Any:
        """Return a slot in place of a leaf that is taken, other leaves unchanged."""
        if not is_taken(a):
            return a
        taken.append(a)
        return Slot(len(taken) - 1)

    return tree_map(slot_or_leaf, nest)


def fill(nest: Any, items: Sequence[Any]) -> Any:
    """Return a pytree with items in place of its slots; the pytree itself, if it has none."""
    if not any(type(a) is Slot for a in tree_leaves(nest)):
        return nest
    return tree_map(lambda a: items[a.number] if type(a) is Slot else a, nest)


def is_node(a: Any) -> bool:
    """Return whether a leaf is a node, or a batch of them."""
    return hasattr(type(a), "__memograd_record__")


def is_operand(a: Any) -> bool:
    """Return whether a leaf becomes an operand: a node, or an array, which the tape copies."""
    return is_node(a) or (type(a) is np.ndarray and a.dtype.kind in "biufc")


def is_opaque(a: Any) -> bool:
    """Return whether an argument is kept unchanged, such as a dataclass of constants."""
    return is_dataclass(a) and not any(map(is_node, tree_leaves(a)))


class StructuredCall:
    """Arguments of a call and the structure of its result, with slots in place of arrays.

    Attributes
    ----------
    args, kwargs
        The arguments; slots are numbered through both.
    places : list of (int, int)
        For each operand among the positional arguments, the number of the argument, and that of
        the leaf in it.
    structure
        Structure of the result; None until the op has run.
    """

    __slots__ = ("_pulled", "_sharing", "args", "kwargs", "places", "structure")

    def __init__(self, args: tuple[Any, ...], kwargs: dict[str, Any], operands: list[Any]) -> None:
        self.args = tuple(a if is_opaque(a) else with_slots(a, operands, is_operand) for a in args)
        self.places = [
            (k, leaf)
            for k, a in enumerate(self.args)
            for leaf, slot in enumerate(tree_leaves(a))
            if type(slot) is Slot
        ]
        differentiable = [k for (k, _), a in zip(self.places, operands, strict=True) if is_node(a)]
        self._sharing: dict[int | None, int] = {k: differentiable.count(k) for k in differentiable}
        self._sharing[None] = len(differentiable)
        self.kwargs = {
            name: a if is_opaque(a) else with_slots(a, operands, is_operand)
            for name, a in kwargs.items()
        }
        self.structure: Any = None
        self._pulled: dict[int | None, tuple[tuple[Any, ...], Any, int]] = {}

    def __repr__(self) -> str:
        named = [f"{name}={a!r}" for name, a in self.kwargs.items()]
        return f"({', '.join([*map(repr, self.args), *named])})"

    def arguments(self, operands: Sequence[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return the arguments and keywords, given the operands."""
        args = tuple(fill(a, operands) for a in self.args)
        return args, {name: fill(a, operands) for name, a in self.kwargs.items()}

    def take_result(self, f: Callable[..., Any], y: Any) -> Any:
        """Return the result of f as an array or a tuple of arrays; store its structure."""
        arrays: list[Any] = []
        structure = with_slots(y, arrays, lambda a: True)
        if not arrays or any(map(is_node, arrays)):
            raise NotDifferentiableError(
                f"{op_name(f)} was called with a node, and gave {y!r}. An op gives an array or a "
                f"pytree of arrays, computed from its arguments alone: give it every node that it "
                f"uses as an argument."
            )
        if self.structure is not None and structure != self.structure:
            raise RefusedError(
                f"{op_name(f)} gave {structure!r}, but {self.structure!r} when it was recorded. "
                f"The structure of a result may not depend on values."
            )
        self.structure = structure
        return arrays[0] if type(structure) is Slot else tuple(arrays)

    def result(self, y: Any) -> Any:
        """Return an array, or the outputs of a node, in the structure of the result."""
        return y if type(self.structure) is Slot else fill(self.structure, y)

    def pull_once(self, k: int | None, read: tuple[Any, ...], pull: Callable[[], Any]) -> Any:
        """Return the result of `pull`, kept until each operand that shares it has asked for it.

        A list of n nodes is one argument, so that its VJP runs once, not n times.
        """
        if self._sharing[k] == 1 or any(map(is_node, tree_leaves(read))):
            return pull()  # handles are not kept: they would hold the tape
        known, d, left = self._pulled.pop(k, ((), None, 0))
        if len(known) != len(read) or any(a is not b for a, b in zip(known, read, strict=True)):
            d, left = pull(), self._sharing[k]
        if left > 1:
            self._pulled[k] = read, d, left - 1
        return d


# the parts of an op


def op_on_operands(f: Callable[..., Any]) -> Callable[..., Any]:
    """Return the op that is recorded for f: a function of operands and of their call."""

    def run_call(*xs: Any, call: StructuredCall) -> Any:
        """Run f on the arguments of the call, filled with operands."""
        args, kwargs = call.arguments(xs)
        with trace_on(None):
            return call.take_result(f, f(*args, **kwargs))

    run_call.__name__ = run_call.__qualname__ = op_name(f)
    run_call.__module__ = getattr(f, "__module__", "")
    return run_call


def rule_for_each(pull: ArgumentPull, joint: bool) -> Callable[..., Any]:
    """Return the rule over the list of operands for a VJP by arguments.

    Parameters
    ----------
    pull : callable
        See :data:`ArgumentPull`.
    joint : bool
        Whether it gives the cotangents of all arguments at once.
    """

    def each(g: Any, k: int, xs: Any, y: Any, call: StructuredCall) -> Any:
        """Return the cotangent of operand k."""
        argument, leaf = call.places[k]
        asked = None if joint else argument
        args, kwargs = call.arguments(xs)
        read = (*(g if isinstance(g, tuple) else (g,)), *xs)
        d = call.pull_once(
            asked, read, lambda: pull(asked, call.result(g), call.result(y), args, kwargs)
        )
        found = cotangent_leaves(args[argument], d[argument] if joint else d)[leaf]
        return np.zeros(np.shape(xs[k]), xs[k].dtype) if found is None else found

    return each


def cotangent_leaves(nest: Any, d: Any) -> list[Any]:
    """Return the part of a cotangent for each leaf of an argument; None for zeros.

    >>> cotangent_leaves([1.0, (2.0, 3.0)], [10.0, None])
    [10.0, None, None]
    """
    if d is None:
        return [None] * len(tree_leaves(nest))
    inner, parts = children(nest), children(d)
    if inner is None:
        return [d]
    if parts is None or parts.keys() != inner.keys():
        raise RefusedError(
            f"A VJP rule gave {describe_tree(d)} as the cotangent of {describe_tree(nest)}. Give "
            f"the same nest; None in the place of what has no derivative."
        )
    return [leaf for key, part in inner.items() for leaf in cotangent_leaves(part, parts[key])]


def joint_pull(f: Callable[..., Any], vjp: Callable[..., Any]) -> ArgumentPull:
    """Return the VJP of all arguments at once, given as ``vjp(g, y, *args, **kwargs)``."""

    def pull(k: int | None, g: Any, y: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Return the cotangents of all arguments; raise if their number is wrong."""
        d = vjp(g, y, *args, **kwargs)
        if not isinstance(d, tuple | list) or len(d) != len(args):
            raise RuleShapeError(
                f"The vjp of {op_name(f)} gave {describe_tree(d)}, but {op_name(f)} takes "
                f"{len(args)} arguments by position. Give a tuple of one cotangent for each, None "
                f"for what has no derivative."
            )
        return d

    return pull


def push_for_operands(push: ArgumentPush) -> Callable[..., Any]:
    """Return the joint push over the list of operands for a push by arguments."""

    def push_operands(
        tangents: dict[int, Any], output: Callable[[], Any], *xs: Any, call: StructuredCall
    ) -> Any:
        """Return the tangent of the result, given those of operands by position."""
        args, kwargs = call.arguments(xs)
        moving = {call.places[k][0] for k in tangents}
        directions = [
            tangents[k] if k in tangents else np.zeros(np.shape(x), x.dtype)
            for k, x in enumerate(xs)
        ]
        by_argument = {k: fill(call.args[k], directions) for k in sorted(moving)}
        t = push(by_argument, call.result(output()), args, kwargs)
        return t if type(call.structure) is Slot else tuple(cotangent_leaves(call.structure, t))

    return push_operands


def recorder(f: Callable[..., Any], applied: Callable[..., Any], joint: bool) -> Callable[..., Any]:
    """Return the function that users call: it records `applied` if a node is in an argument.

    With `joint` all parameters that can be positional are, default values included, so that a VJP
    by all arguments sees one form of call.
    """
    form = signature_of(f)

    @wraps(f)
    def record_or_run(*args: Any, **kwargs: Any) -> Any:
        """Record the op if a node is among the arguments, else run it."""
        if not any(map(is_node, tree_leaves((args, kwargs)))):
            if current_tape() is None:
                return f(*args, **kwargs)
            with trace_on(None):  # tapes inside of f compute on arrays, too
                return f(*args, **kwargs)
        if form is not None and (joint or any(map(is_node, tree_leaves(kwargs)))):
            args, kwargs = by_position(form, args, kwargs, joint)
        operands: list[Any] = []
        call = StructuredCall(args, kwargs, operands)
        check_keywords(f, call.kwargs, operands)
        node = next(a for a in operands if is_node(a))
        y = node.__memograd_record__(applied, tuple(operands), {"call": call})
        return call.result(y)

    record_or_run.applied = applied  # type: ignore[attr-defined]
    return record_or_run


def signature_of(f: Callable[..., Any]) -> Signature | None:
    """Return the signature of a function; None for a C function without one."""
    try:
        return signature(f)
    except ValueError:
        return None


def by_position(
    form: Signature, args: tuple[Any, ...], kwargs: dict[str, Any], with_defaults: bool
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return a call with as many arguments by position as possible.

    >>> by_position(signature(lambda a, b=2, *, c: 0), (), {"c": 3, "a": 1}, True)
    ((1, 2), {'c': 3})
    """
    bound = form.bind(*args, **kwargs)
    if with_defaults:
        bound.apply_defaults()
    return bound.args, bound.kwargs


def check_keywords(f: Callable[..., Any], kwargs: dict[str, Any], operands: list[Any]) -> None:
    """Raise if a node is among the keyword arguments, by which there is no derivative."""
    for name, nest in kwargs.items():
        slots = [a for a in tree_leaves(nest) if type(a) is Slot]
        if any(is_node(operands[slot.number]) for slot in slots):
            raise RefusedError(
                f"{op_name(f)} was called with a node in {name}=, which it takes by keyword alone. "
                f"Derivatives are those of arguments by position: let it take {name} so."
            )
