"""Inputs of a plan: what a call may give, and in which form the code of the plan takes it."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..arrays.kinds import kind_of
from ..arrays.values import as_input, find_out_of_range
from ..errors import IntegerRangeError, PlanError
from ..tape.node import Node
from ..text import printable
from .ir import Graph

EXACT_NUMBERS: dict[type, frozenset[type]] = {
    np.float64: frozenset({float, np.float32, np.float16, np.int64, np.int32}),
    np.complex128: frozenset({complex, float, np.complex64, np.float64, np.float32}),
}
"""Types of numbers that become a NumPy scalar as NumPy converts them, without a check.

They would take 2 to 3 µs by way of an array, and take 0.1 µs so. Python's integers stay away: not
every one of them fits into NumPy's.
"""


class Inputs:
    """Names, shapes and dtypes of the inputs of a plan.

    Attributes
    ----------
    names : tuple of str
    types : list of tuple
        Shape, dtype, and the scalar type of an input that is 0-d, else False.
    """

    def __init__(self, graph: Graph, names: tuple[str, ...]) -> None:
        self.names = names
        instructions = [graph.instructions[n] for n in graph.inputs]
        self.types = [(i.shape, i.dtype, i.shape == () and i.dtype.type) for i in instructions]
        self._kinds = tuple([kind or np.ndarray for _, _, kind in self.types])
        self._arrays = [(k, *fact[:2]) for k, fact in enumerate(self.types) if not fact[2]]
        # By the types of the inputs of a call: which of them become NumPy scalars.
        self._conversions: dict[tuple[type, ...], list[tuple[int, type]]] = {self._kinds: []}

    def ready(self, given: tuple[Any, ...]) -> Sequence[Any] | None:
        """Return the inputs as the code takes them; None if they need a check or a copy.

        It costs 0.4 µs, 0.1 µs for each number that is converted and 0.2 µs for each array.
        """
        kinds = tuple(map(type, given))
        conversions = self._conversions.get(kinds)
        if conversions is None:
            conversions = self._plan_conversions(kinds)
            if conversions is None:
                return None
        ready: Any = given
        if conversions:
            ready = list(given)
            for k, scalar in conversions:
                ready[k] = scalar(given[k])
        for k, shape, dtype in self._arrays:
            a = ready[k]
            if a.dtype is not dtype or a.shape != shape or not a.flags.c_contiguous:
                return None
        return ready  # type: ignore[no-any-return]

    def _plan_conversions(self, kinds: tuple[type, ...]) -> list[tuple[int, type]] | None:
        """Return which inputs of these types become NumPy scalars; None if others differ."""
        if len(kinds) != len(self._kinds):
            return None
        pairs = enumerate(zip(kinds, self._kinds, strict=True))
        differing = [(k, kind, wanted) for k, (kind, wanted) in pairs if kind is not wanted]
        if any(kind not in EXACT_NUMBERS.get(wanted, ()) for _, kind, wanted in differing):
            return None
        conversions = [(k, wanted) for k, _, wanted in differing]
        self._conversions[kinds] = conversions
        return conversions

    def arrange(self, given: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, ...]:
        """Return the inputs in order; raise unless each is given once."""
        if named:
            rest = self.names[len(given) :]
            if set(rest) != set(named):
                raise PlanError(
                    f"A plan of the inputs {', '.join(map(printable, self.names))} was called "
                    f"with {len(given)} arrays and the names "
                    f"{', '.join(map(printable, named))}. Give each input once, by position or "
                    f"by name."
                )
            given = *given, *(named[name] for name in rest)
        self.check_count(given)
        return given

    def check_count(self, given: tuple[Any, ...]) -> None:
        """Raise unless there is an array for each input."""
        if len(given) != len(self.types):
            inputs = ", ".join(
                f"{printable(name)} {shape}"
                for name, (shape, _, _) in zip(self.names, self.types, strict=True)
            )
            raise PlanError(
                f"A plan of {len(self.types)} inputs was called with {len(given)} arrays. Give "
                f"one for each: {inputs}."
            )

    def check_each(self, given: tuple[Any, ...]) -> list[Any]:
        """Return the inputs as the code takes them, each checked by itself."""
        return [self.check(k, a) for k, a in enumerate(given)]

    def check(self, k: int, value: Any) -> Any:
        """Return an input as an array in C order of the recorded dtype, or as a NumPy scalar."""
        shape, dtype, _ = self.types[k]
        name = printable(self.names[k])
        if isinstance(value, Node):
            raise PlanError(
                f"Input {name} of a plan was given a node. Give its value: "
                f"{printable(value.name)}.value."
            )
        y = as_input(value)
        if y.shape != shape:
            raise PlanError(
                f"Input {name} of a plan has shape {y.shape}, but the plan is for {dtype} "
                f"{shape}. Shapes are part of a plan: "
                f"give an array of this shape, or make another plan."
            )
        if not np.can_cast(y.dtype, dtype, "same_kind"):
            raise PlanError(
                f"Input {name} of a plan is of {y.dtype}, another kind than {dtype}. Convert it "
                f"first: a.astype(np.{dtype})."
            )
        if (beyond := find_out_of_range(y, dtype)) is not None:
            raise IntegerRangeError(
                f"Input {name} of a plan was given {beyond}, which {dtype} does not hold. Give "
                "integers "
                f"that fit, or make another plan of a wider dtype."
            )
        if kind_of(y) is not None:
            return y.astype(dtype)
        return np.asarray(y, dtype, order="C")[()]

    def stack(self, k: int, value: Any) -> Any:
        """Return an input with an axis in front, in C order and of the recorded dtype."""
        y = np.asarray(as_input(value))
        if y.ndim == 0 or len(y) == 0:
            raise PlanError(
                f"Input {printable(self.names[k])} of a plan was given nothing to go "
                "along. Give a stack, one array a call."
            )
        return np.ascontiguousarray(
            y if y.dtype == self.types[k][1] else [self.check(k, a) for a in y]
        )
