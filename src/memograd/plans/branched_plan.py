"""Plans of functions that branch on values: a tree of plans, one for each stretch between guards.

A trace takes one way through a function, and notes each branch as a guard. The part up to a guard
is a plan of its own, so that nothing that was recorded after the guard runs before it was checked.
A stage computes what its guard needs, and hands on the values that later stages read. Where an
outcome is new, the function is traced again, and the new way shares the stages up to there.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from ..tape.guards import Guard
from .executable import Plan
from .ir import Graph, as_plan_input, eliminate_dead_code, operands
from .passes import PASSES

MAX_TRACES = 32
"""Number of ways through a function that are kept; the least recently used one goes."""


class NewBranchError(Exception):
    """Outcome of a guard that no trace has met."""


class Trace(NamedTuple):
    """Trace of a function that has branched.

    Attributes
    ----------
    graph : Graph
        Everything that the guards and the results need.
    guards : sequence of Guard
        The branches, in order.
    outputs : tuple of int
        The results.
    nest : pytree of int
        Their structure.
    """

    graph: Graph
    guards: Sequence[Guard]
    outputs: tuple[int, ...]
    nest: Any


class Stage:
    """Part of a trace up to a guard, or to the results.

    Attributes
    ----------
    guard : Guard or None
        Where it ends; None for the results.
    reads : tuple of int
        Inputs and values of earlier stages.
    computes : set of int
        The nodes that it computes.
    compiled : tuple of (Plan, tuple of int)
        Its plan, and the values that it hands on. Both are replaced at once.
    following : dict
        From an outcome to the next stage.
    """

    def __init__(
        self,
        graph: Graph,
        guard: Guard | None,
        targets: tuple[int, ...],
        known: set[int],
        nest: Any,
    ) -> None:
        self.guard, self._graph, self._targets, self._nest = guard, graph, targets, nest
        reads, self.computes = needs(graph, targets, known)
        self.reads = tuple(sorted(reads))
        self.following: dict[Any, Stage] = {}
        self.used = 0
        self.compiled = self._compile(())

    def hand_on(self, values: Iterable[int]) -> None:
        """Compile the plan such that it gives these values, too."""
        self.compiled = self._compile(tuple(sorted({*values, *self.compiled[1]})))

    def _compile(self, handed: tuple[int, ...]) -> tuple[Plan, tuple[int, ...]]:
        """Return a plan that gives these values, too."""
        graph = cut(self._graph, (*self._targets, *handed), self.reads)
        nest = [self._nest, *range(len(self._targets), len(graph.outputs))]
        names = tuple(f"v{n}" for n in self.reads)
        # What decides a branch has NumPy's bits: another rounding could take the other branch.
        exact = None if self.guard is None else tuple(p for p in PASSES if p.exact)
        return Plan(graph, nest, names, exact), handed


class BranchedPlan:
    """Plan of a function that branches on values.

    Attributes
    ----------
    inputs : tuple of int
        The inputs of the traces.

    Examples
    --------
    >>> import memograd as mg
    >>> f = mg.functional.compiled(lambda x: x * x if x > 0 else -x)
    >>> float(f(3.0)), float(f(-2.0)), float(f(4.0))
    (9.0, 2.0, 16.0)
    >>> list(f.plans.values())
    [<memograd.BranchedPlan: 2 of at most 32 ways, 1 guard>]
    """

    def __init__(self, inputs: tuple[int, ...]) -> None:
        self.inputs = inputs
        self._start: dict[Any, Stage] = {}
        self._calls = 0

    def __repr__(self) -> str:
        stages = list(self._stages())
        ways = sum(stage.guard is None for stage in stages)
        guards = len(stages) - ways
        return (
            f"<memograd.BranchedPlan: {ways} of at most {MAX_TRACES} ways, {guards} "
            f"guard{'s' * (guards != 1)}>"
        )

    @property
    def source(self) -> str:
        """Python code of all stages."""
        return "\n".join(stage.compiled[0].source for stage in self._stages())

    def __call__(self, *arrays: Any) -> Any:
        """Return the outputs for these inputs.

        Raises
        ------
        NewBranchError
            A guard has an outcome that no trace has met.
        """
        values, following, outcome = dict(zip(self.inputs, arrays, strict=True)), self._start, None
        while True:
            stage = following.get(outcome)
            if stage is None:
                raise NewBranchError
            plan, handed = stage.compiled
            try:
                given = [values[n] for n in stage.reads]
            except KeyError:  # another thread has just added this stage
                raise NewBranchError from None
            result, *others = plan(*given)
            if stage.guard is None:
                self._calls += 1
                stage.used = self._calls
                return result
            values.update(zip(handed, others, strict=True))
            following, outcome = stage.following, key_of(stage.guard.conversion.convert(result))

    def add(self, trace: Trace) -> None:
        """Add the way of a trace; stages that another way has already are shared."""
        following, outcome, known = self._start, None, set[int]()
        path: list[Stage] = []
        for guard in (*trace.guards, None):
            stage = following.get(outcome)
            if stage is None or stage.guard is None or guard is None or not is_same(stage, guard):
                targets = trace.outputs if guard is None else (guard.node,)
                nest = trace.nest if guard is None else 0
                stage = Stage(trace.graph, guard, targets, known, nest)
                hand_on_along(path, stage.reads)
                following[outcome] = stage
            path.append(stage)
            known |= stage.computes
            if guard is not None:
                following, outcome = stage.following, key_of(guard.outcome)
        self._calls += 1
        path[-1].used = self._calls
        self._drop_least_used()

    def _stages(self) -> Iterator[Stage]:
        """Yield all stages, each after the one before it."""
        waiting = list(self._start.values())
        while waiting:
            stage = waiting.pop()
            yield stage
            waiting.extend(stage.following.values())

    def _drop_least_used(self) -> None:
        """Drop the way that was not used for the longest time, if there are too many."""
        stages = list(self._stages())
        ends = [stage for stage in stages if stage.guard is None]
        if len(ends) <= MAX_TRACES:
            return
        before = {id(after): stage for stage in stages for after in stage.following.values()}
        stage: Stage | None = min(ends, key=lambda stage: stage.used)
        while stage is not None and not stage.following:
            parent = before.get(id(stage))
            following = self._start if parent is None else parent.following
            del following[next(key for key, after in following.items() if after is stage)]
            stage = parent


def key_of(outcome: Any) -> tuple[type, Any]:
    """Return the key of an outcome: True is not 1."""
    return type(outcome), outcome


def is_same(stage: Stage, guard: Guard) -> bool:
    """Return whether a stage ends at this guard."""
    known = stage.guard
    return known is not None and (known[:2], known.first) == (guard[:2], guard.first)


def hand_on_along(path: list[Stage], reads: Iterable[int]) -> None:
    """Let the stages of a path hand on what a later stage reads."""
    wanted = set(reads)
    for stage in path:
        missing = (wanted & stage.computes) - set(stage.compiled[1])
        if missing:
            stage.hand_on(missing)


# parts of graphs


def needs(graph: Graph, targets: tuple[int, ...], known: set[int]) -> tuple[set[int], set[int]]:
    """Return what a stage reads, of inputs and known values, and what it computes."""
    given, reads, computes = set(graph.inputs) | known, set[int](), set[int]()
    stack = list(targets)
    while stack:
        n = int(stack.pop())
        if n in given:
            reads.add(n)
        elif n not in computes:
            if graph.instructions[n].op is not None:
                computes.add(n)
            stack.extend(operands(graph.instructions[n]))
    return reads, computes


def cut(graph: Graph, outputs: tuple[int, ...], inputs: tuple[int, ...]) -> Graph:
    """Return the part of a graph that the outputs need, cut off at the inputs."""
    given = set(inputs)
    instructions = graph.instructions | {n: as_plan_input(graph.instructions[n]) for n in inputs}
    bound = {n: value for n, value in graph.bound.items() if n not in given}
    return eliminate_dead_code(
        replace(graph, inputs=inputs, outputs=outputs, instructions=instructions, bound=bound)
    )
