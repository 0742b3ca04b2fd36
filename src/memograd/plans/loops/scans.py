"""Scan: a loop over the rows of arrays that carries a state, as one node.

The pull runs backwards over the steps. It reads the state before each step, which is computed anew
and kept for all steps, or for as many as there are slots.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from ...arrays.pytrees import describe_tree, tree_leaves, tree_map, tree_unflatten
from ...errors import LoopError
from ...program.trace_state import TapeSearch
from ...tape.node import Node
from ..passes.registered_rewrites import REWRITES
from .bodies import Body, fit, inexact_positions
from .checkpoints import states_backwards
from .ops import Dual, Facts, Loop, pull_loop, run_scan
from .recording import share_steps
from .tracing import (
    all_or_nothing,
    as_begin,
    as_operand,
    check_count,
    check_state,
    common_length,
    facts_of,
    record_loop,
    tape_of_nodes,
    trace_step,
)


class Scan(Loop):
    """Loop over rows.

    Attributes
    ----------
    body : Body
        One step. Its inputs are the state, a row of each array, and what the body closes over.
    state, rows : int
        Numbers of arrays in the state and of arrays that have rows.
    length : int
        Number of steps.
    backwards : bool
        Whether it runs from the last row to the first.
    slots : int or None
        How many states the pull keeps at a time; None for all.
    """

    op = staticmethod(run_scan)

    def __init__(
        self, body: Body, state: int, rows: int, length: int, backwards: bool, slots: int | None
    ) -> None:
        super().__init__()
        self.body, self.state, self.rows = body, state, rows
        self.length, self.backwards, self.slots = length, backwards, slots

    def __repr__(self) -> str:
        return f"<scan of {self.length} steps>"

    def inputs(self) -> list[Facts]:
        """Return shape and dtype of each operand."""
        return self._stack_facts(facts_of(self.body.inputs), self.state + self.rows)

    def outputs(self) -> list[Facts]:
        """Return shape and dtype of each output."""
        return self._stack_facts(facts_of(self.body.outputs), len(self.body.outputs))

    def run(self, xs: Sequence[Any]) -> tuple[Any, ...]:
        """Return the last state, and the stacked results of all steps."""
        state, rows, rest = self._parts(xs)
        stacks = [np.empty(*f) for f in self.outputs()[self.state :]]
        run, width = self.body.run, self.state
        for t in self._order():
            found = run([*state, *[x[t] for x in rows], *rest])
            state = list(map(fit, found[:width]))
            for stack, y in zip(stacks, found[width:], strict=True):
                stack[t] = y
        return *state, *stacks

    def pull(
        self, xs: Sequence[Any], g: dict[int, Any], wanted: tuple[int, ...]
    ) -> tuple[Any, ...]:
        """Return the cotangents of the wanted operands."""
        state, rows, rest = self._parts(xs)
        order, forward, width = self._order(), self.body.run, self.state

        def advance(state: list[Any], k: int) -> list[Any]:
            """Return the state after step k."""
            found = forward([*state, *[x[order[k]] for x in rows], *rest])
            return list(map(fit, found[:width]))

        states = states_backwards(state, advance, self.length, self.slots)
        points = ((order[k], [*state, *[x[order[k]] for x in rows], *rest]) for k, state in states)
        return self._pull_steps(points, self._pull_of_step(tuple(g), wanted).run, g, wanted)

    def nodes_to_record(self, outputs: tuple[int, ...], wanted: tuple[int, ...]) -> tuple[int, ...]:
        """Return the nodes of the body that the pull of a step reads and that vary."""
        pull = self._pull_of_step(outputs, wanted)
        return self.body.nodes_read_by(pull, self.state, self.state + self.rows)

    def recording(self, nodes: tuple[int, ...]) -> "Scan":
        """Return the scan that gives these nodes of the body, too, stacked."""
        tape, outputs = self.body.tape, self.body.outputs
        body = Body(tape, self.body.inputs, outputs + [tape.handle(n) for n in nodes])
        return Scan(body, self.state, self.rows, self.length, self.backwards, self.slots)

    def pull_recorded(
        self,
        xs: Sequence[Any],
        g: dict[int, Any],
        wanted: tuple[int, ...],
        nodes: tuple[int, ...],
        stacks: Sequence[Any],
    ) -> tuple[Any, ...]:
        """Return the cotangents of the wanted operands, given stacks of the recorded nodes."""
        _, rows, rest = self._parts(xs)
        by_row, body = [*map(fit, stacks), *rows], self.body
        pull = self._pull_of_step(tuple(g), wanted)
        pull = body.from_nodes(nodes, pull.inputs[self.state :], pull)
        points = ((t, [*[x[t] for x in by_row], *rest]) for t in reversed(self._order()))
        return self._pull_steps(points, pull.run, g, wanted)

    def _pull_steps(
        self,
        points: Iterable[tuple[int, list[Any]]],
        pull: Callable[[list[Any]], list[Any]],
        g: dict[int, Any],
        wanted: tuple[int, ...],
    ) -> tuple[Any, ...]:
        """Return the cotangents of the wanted operands.

        Parameters
        ----------
        points : iterable of (int, list of array)
            Row and operands of the pull's body, from the last step to the first.
        pull : callable
            The VJP of a step, from all its inputs.
        g : dict of int to array
            Cotangents of outputs.
        wanted : tuple of int
            Positions of operands.
        """
        facts, floats = self.inputs(), self._floats()
        of_state = [fit(g[k]) if k in g else np.zeros(*facts[k])[()] for k in floats]
        of_rows = [fit(g[j]) for j in sorted(g) if j >= self.state]
        others = [k for k in wanted if k >= self.state]
        totals, width = [np.zeros(*facts[k]) for k in others], len(floats)
        last, ends = self.state + self.rows, range(width, width + len(others))
        for t, point in points:
            found = pull([*point, *of_state, *[y[t] for y in of_rows]])
            of_state = list(map(fit, found[:width]))
            for k, total, j in zip(others, totals, ends, strict=True):
                if k < last:
                    total[t] = found[j]
                else:
                    total += found[j]
        of_all = dict(zip((*floats, *others), (*of_state, *totals), strict=True))
        return tuple(of_all[k] for k in wanted)

    def carry_tangents(self, moving: tuple[int, ...]) -> Dual:
        """Return the loop that carries tangents; those of the state are carried in any case."""
        last, count, ends = self.state + self.rows, len(self.body.inputs), len(self.body.outputs)
        state = [k for k in inexact_positions(self.body.inputs) if k < self.state]
        rows = [k for k in moving if self.state <= k < last]
        floats = inexact_positions(self.body.outputs)
        inputs = [
            *with_tangents(range(self.state), state),
            *with_tangents(range(self.state, last), rows),
            *with_tangents(range(last, count), [k for k in moving if k >= last]),
        ]
        outputs = [
            *with_tangents(range(self.state), state),
            *with_tangents(range(self.state, ends), [j for j in floats if j >= self.state]),
        ]
        body = self.body.with_tangents(inputs, outputs)
        widths = self.state + len(state), self.rows + len(rows)
        return Dual(Scan(body, *widths, self.length, self.backwards, self.slots), inputs, outputs)

    def _stack_facts(self, facts: list[Facts], last: int) -> list[Facts]:
        """Return the facts with an axis of steps for those after the state, before `last`."""
        stacked = [((self.length, *shape), dtype) for shape, dtype in facts[self.state : last]]
        return facts[: self.state] + stacked + facts[last:]

    def _parts(self, xs: Sequence[Any]) -> tuple[list[Any], list[Any], list[Any]]:
        """Return the initial state, the arrays with rows, and the other operands."""
        arrays, last = list(map(fit, xs)), self.state + self.rows
        return arrays[: self.state], arrays[self.state : last], arrays[last:]

    def _order(self) -> range:
        """Return the rows in the order of the steps."""
        return range(self.length)[:: -1 if self.backwards else 1]

    def _floats(self) -> tuple[int, ...]:
        """Return the positions of the state that have derivatives."""
        return tuple(k for k in inexact_positions(self.body.inputs) if k < self.state)

    def _pull_of_step(self, outputs: tuple[int, ...], wanted: tuple[int, ...]) -> Body:
        """Return the VJP of a step, for those outputs of the scan that have a cotangent."""
        floats = self._floats()
        stacked = sorted(j for j in outputs if j >= self.state)
        others = (k for k in wanted if k >= self.state)
        return self.body.vjp((*floats, *stacked), (*floats, *others))


REWRITES[pull_loop] = share_steps


def with_tangents(values: Sequence[int], tangents: Sequence[int]) -> list[tuple[bool, int]]:
    """Return the positions of values, and then those of tangents, as :class:`Dual` has them."""
    return [*((False, k) for k in values), *((True, k) for k in tangents)]


def scan(
    body: Callable[[Any, Any], tuple[Any, Any]],
    carry: Any,
    xs: Any = None,
    length: int | None = None,
    *,
    reverse: bool = False,
    slots: int | None = None,
) -> tuple[Any, Any]:
    """Run a loop over the rows of arrays, which carries a state, as one node.

    Parameters
    ----------
    body : callable
        ``body(carry, x)`` gives ``(carry, y)``: the next state, of the same structure, shapes and
        dtypes, and a result of the step. It may close over nodes. It is run once with nodes, and
        may not branch on their values; see :func:`memograd.cond`.
    carry : Node, array_like, or pytree of them
        State before the first step.
    xs : Node, array_like, or pytree of them, optional
        Arrays of shape ``(length, *shape)``; `body` gets one row of each at each step.
    length : int, optional
        Number of steps, where `xs` does not tell.
    reverse : bool
        Whether to run from the last row to the first.
    slots : int, optional
        How many states the derivative keeps at a time; others are computed again, by the schedule
        that needs the fewest steps. All, if not given.

    Returns
    -------
    carry : Node or array, or pytree of them
        State after the last step.
    ys : Node or array, or pytree of them
        Results of all steps, stacked along a first axis, in the order of the rows.

    Raises
    ------
    LoopError
        The body gives a state of another structure, shape or dtype; or the arrays are of different
        lengths.
    RefusedError
        The body branches on a value, or reads one.

    Notes
    -----
    The size of the program does not depend on the number of steps. The derivative by what a request
    asks for is one node, too, and runs backwards over the steps.

    References
    ----------
    A. Griewank, A. Walther: Algorithm 799: Revolve, ACM Trans. Math. Softw. 26 (2000) 19-45.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> w = mg.Tape().leaf(0.5, name="w")
    >>> last, all_states = mg.scan(lambda h, x: (w * h + x, h), 0.0, np.array([1.0, 2.0, 3.0]))
    >>> float(last.value), all_states.value
    (4.25, array([0. , 1. , 2.5]))
    >>> float(mg.grad(last, w))
    3.0
    """
    steps = common_length(xs, length)
    slots = None if slots is None else check_count("slots", slots, 1)
    xs = tree_map(as_operand, xs)
    first = tree_map(lambda x: first_row(x, -1 if reverse else 0), xs)
    tape = tape_of_nodes(carry, xs)
    if tape is None:
        begin = tree_map(as_begin, carry)
        found, tape = TapeSearch().run(lambda: scan_arrays(body, begin, xs, steps, reverse))
        if tape is None:
            return found  # type: ignore[no-any-return]

    def step(state: Any, row: Any) -> tuple[Any, Any]:
        """Return the pair that the body gives."""
        return as_pair(body(state, row))

    with all_or_nothing(tape):
        traced = trace_step(step, carry, first, tape, "mg.scan", hoists=steps > 0)
        rows, width = tree_leaves(xs), len(traced.begin)
        loop = Scan(traced.body, width, len(rows), steps, reverse, slots)
        found = record_loop(tape, loop, (*traced.begin, *rows, *traced.nodes))
    return tree_unflatten(carry, found[:width]), tree_unflatten(traced.results, found[width:])


def as_pair(given: Any) -> tuple[Any, Any]:
    """Return what a body gave, if it is a pair."""
    if isinstance(given, tuple | list) and len(given) == 2:
        return given[0], given[1]
    raise LoopError(
        f"The body of mg.scan gives a pair, the next state and a result of the step, but gave "
        f"{describe_tree(given)}. Return carry, y; y may be None."
    )


def first_row(x: Any, k: int) -> Any:
    """Return row k of an array or of a node's value; zeros if it has no rows."""
    values = x.tape.read_value(x.id) if isinstance(x, Node) else x
    return values[k] if len(values) else np.zeros(values.shape[1:], values.dtype)


def scan_arrays(body: Any, carry: Any, xs: Any, steps: int, reverse: bool) -> tuple[Any, Any]:
    """Run a scan on arrays alone, where nothing is recorded."""
    state, results, structure = carry, [], None
    if not steps:
        structure = as_pair(body(carry, tree_map(lambda x: first_row(x, 0), xs)))[1]
    for t in reversed(range(steps)) if reverse else range(steps):
        following, structure = as_pair(body(state, row_of(xs, t)))
        check_state("mg.scan", state, following)
        state = tree_map(as_operand, following)
        results.append([as_operand(y) for y in tree_leaves(structure)])
    if reverse:
        results.reverse()
    columns = zip(*results, strict=True) if steps else map(no_rows, tree_leaves(structure))
    state = tree_map(as_operand, state)
    return state, tree_unflatten(structure, [np.stack(ys)[:steps] for ys in columns])


def no_rows(y: Any) -> list[Any]:
    """Return a column of one row, of which none is kept."""
    return [as_operand(y)]


def row_of(xs: Any, t: int) -> Any:
    """Return row t of each array of a pytree."""
    return tree_map(lambda x: x[t], xs)
