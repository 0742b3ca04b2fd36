"""While loops as one node. The number of steps may depend on values.

Forward mode carries tangents along. The pull runs forward once more, and keeps all states, or only
counts them where there are fewer slots; then it goes back over the steps.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ...arrays.pytrees import tree_leaves, tree_map, tree_unflatten
from ...errors import LoopError
from ...program.trace_state import TapeSearch
from ...text import printable
from .bodies import Body, fit, inexact_positions, inputs_with_tangents
from .checkpoints import states_backwards
from .ops import Dual, run_while_loop
from .state_loops import StateLoop
from .tracing import (
    all_or_nothing,
    as_begin,
    as_operand,
    check_count,
    check_state,
    record_loop,
    tape_of_nodes,
    trace_step,
)


class While(StateLoop):
    """Loop while a condition holds.

    Attributes
    ----------
    condition : Body
        Of the inputs of the body.
    max_steps : int
        Limit for the number of steps.
    slots : int or None
        How many states the pull keeps at a time; None for all.
    """

    op = staticmethod(run_while_loop)

    def __init__(
        self, body: Body, condition: Body, state: int, max_steps: int, slots: int | None
    ) -> None:
        super().__init__(body, state)
        self.condition, self.max_steps, self.slots = condition, max_steps, slots

    def __repr__(self) -> str:
        return "<while loop>"

    def run(self, xs: Sequence[Any]) -> tuple[Any, ...]:
        """Return the last state."""
        for state in self._states(list(map(fit, xs))):
            last = state
        return tuple(last)

    def pull(
        self, xs: Sequence[Any], g: dict[int, Any], wanted: tuple[int, ...]
    ) -> tuple[Any, ...]:
        """Return the cotangents of the wanted operands."""
        floats = [k for k in inexact_positions(self.body.inputs) if k < self.state]
        others = [k for k in wanted if k >= self.state]
        pull, facts = self.body.vjp(tuple(floats), (*floats, *others)).run, self.inputs()
        of_state = [fit(g[k]) if k in g else np.zeros(*facts[k])[()] for k in floats]
        totals, arrays = [np.zeros(*facts[k]) for k in others], list(map(fit, xs))
        rest, width = arrays[self.state :], len(floats)
        for state in self._states_backwards(arrays):
            found = pull([*state, *rest, *of_state])
            of_state = list(map(fit, found[:width]))
            for total, d in zip(totals, found[width:], strict=True):
                total += d
        of_all = dict(zip((*floats, *others), (*of_state, *totals), strict=True))
        return tuple(of_all[k] for k in wanted)

    def carry_tangents(self, moving: tuple[int, ...]) -> Dual:
        """Return the loop that carries tangents; those of the state are carried in any case."""
        inputs, width = inputs_with_tangents(self.body, self.state, moving)
        body = self.body.with_tangents(inputs, inputs[:width])
        condition = self.condition.with_tangents(inputs, [(False, 0)])
        loop = While(body, condition, width, self.max_steps, self.slots)
        return Dual(loop, inputs, inputs[:width])

    def _states(self, arrays: list[Any]) -> Iterator[list[Any]]:
        """Yield all states, from the first to the last; raise at the limit."""
        state, rest, count = arrays[: self.state], arrays[self.state :], 0
        yield state
        while self.condition.run([*state, *rest])[0]:
            check_limit(count, self.max_steps, state)
            state, count = list(map(fit, self.body.run([*state, *rest]))), count + 1
            yield state

    def _states_backwards(self, arrays: list[Any]) -> Iterator[list[Any]]:
        """Yield the states before each step, from the last one to the first."""
        if self.slots is None:
            return iter(list(self._states(arrays))[-2::-1])
        rest, run = arrays[self.state :], self.body.run

        def advance(state: list[Any], _: int) -> list[Any]:
            """Return the next state."""
            return list(map(fit, run([*state, *rest])))

        count = sum(1 for _ in self._states(arrays)) - 1
        states = states_backwards(arrays[: self.state], advance, count, self.slots)
        return (state for _, state in states)


def check_limit(count: int, max_steps: int, state: Any) -> None:
    """Raise if a loop has made as many steps as it may."""
    if count >= max_steps:
        raise LoopError(
            f"A while loop did not end after {count} steps; its state is "
            f"{printable(repr(state))}. Check the condition, or allow more by max_steps=."
        )


def while_loop(
    cond_fun: Callable[[Any], Any],
    body_fun: Callable[[Any], Any],
    init_val: Any,
    *,
    max_steps: int = 1_000_000,
    slots: int | None = None,
) -> Any:
    """Run a loop while a condition on its state holds, as one node.

    Parameters
    ----------
    cond_fun : callable
        ``cond_fun(state)`` gives a single boolean.
    body_fun : callable
        ``body_fun(state)`` gives the next state, of the same structure, shapes and dtypes. Both
        functions may close over nodes. They are run once with nodes, and may not branch on values.
    init_val : Node, array_like, or pytree of them
        State before the first step.
    max_steps : int
        Limit for the number of steps.
    slots : int, optional
        How many states the derivative keeps at a time; others are computed again. All, if not
        given.

    Returns
    -------
    Node or array, or pytree of them
        The first state for which the condition does not hold.

    Raises
    ------
    LoopError
        The loop has not ended after `max_steps` steps, the body gives a state of another form, or
        the condition gives no single value.
    RefusedError
        A function branches on a value, or reads one.

    Notes
    -----
    The derivative is that of the steps that were made. The number of steps is piecewise constant,
    and no derivative passes through the condition. Reverse mode runs the loop once more.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> a = mg.Tape().leaf(2.0, name="a")
    >>> root = mg.while_loop(
    ...     lambda x: np.abs(x * x - a) > 1e-12, lambda x: (x + a / x) / 2, 1.0)
    >>> round(float(root.value), 12), round(float(mg.grad(root, a)), 12)
    (1.414213562373, 0.353553390593)
    """
    max_steps = check_count("max_steps", max_steps, 1)
    slots = None if slots is None else check_count("slots", slots, 1)
    tape = tape_of_nodes(init_val)
    if tape is None:
        begin = tree_map(as_begin, init_val)
        found, tape = TapeSearch().run(lambda: loop_on_arrays(cond_fun, body_fun, begin, max_steps))
        if tape is None:
            return found

    def step(state: Any, _: Any) -> tuple[Any, Any]:
        """Return the next state, and whether to make the step."""
        holds = cond_fun(state)
        return body_fun(state), single_value(holds)

    with all_or_nothing(tape):
        traced = trace_step(step, init_val, None, tape, "mg.while_loop")
        body, width = traced.body, len(traced.begin)
        parts = body.outputs[:width], body.outputs[width:]
        following, condition = (Body(body.tape, body.inputs, part) for part in parts)
        loop = While(following, condition, width, max_steps, slots)
        found = record_loop(tape, loop, (*traced.begin, *traced.nodes))
    return tree_unflatten(init_val, found)


def single_value(holds: Any) -> Any:
    """Return the result of a condition; raise unless it is one value."""
    if len(tree_leaves(holds)) != 1 or np.shape(holds) != ():
        raise LoopError(
            f"The condition of mg.while_loop gave {printable(repr(holds))}. Let it give a single "
            f"boolean: np.all(…) or np.any(…)."
        )
    return as_operand(holds)


def loop_on_arrays(cond_fun: Any, body_fun: Any, state: Any, max_steps: int) -> Any:
    """Run a while loop on arrays alone, where nothing is recorded."""
    count = 0
    while single_value(cond_fun(state)):
        check_limit(count, max_steps, state)
        following, count = body_fun(state), count + 1
        check_state("mg.while_loop", state, following)
        state = tree_map(as_operand, following)
    return tree_map(as_operand, state)
