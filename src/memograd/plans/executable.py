"""Plans: a part of a tape, compiled once to straight-line NumPy code and replayed."""

import linecache
import weakref
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import replace
from itertools import count
from typing import Any, NamedTuple

import numpy as np

from ..arrays.kinds import lazy_kind, unwrap
from ..arrays.pytrees import tree_leaves, tree_map, tree_unflatten
from ..arrays.values import readonly_view, shape_of
from ..errors import (
    NotDifferentiableError,
    OtherTapeError,
    PlanError,
)
from ..memory.snapshot import unpicklable_ops
from ..program.gc_pause import pause_gc
from ..program.source_location import Location
from ..solver.progress import Report, open_report
from ..tape.node import Node
from ..tape.tape import Tape
from ..text import describe, op_name, printable, text_as_html
from .arena import ArenaLayout
from .codegen import generate_source
from .guard_checks import check_guards_of_plan
from .inputs import Inputs
from .ir import Graph, eliminate_dead_code, extract_graph, has_foreign_arrays
from .liveness import BufferPlan
from .machine.machine import find_single_machine
from .passes import Pass, choose_passes
from .report import format_plan

_file_numbers = count(1)


def plan(outputs: Any, inputs: Any, *, passes: Iterable[Pass] | None = None) -> "Plan":
    """Compile what `outputs` need from `inputs` to straight-line NumPy code.

    A call records nothing and touches no table.

    Parameters
    ----------
    outputs : Node, or pytree of them
        Results of a call, in the same pytree. :func:`memograd.grad_node` makes derivatives.
    inputs : list of Node, or dict of str to Node
        Arguments of a call: leaves or any other nodes, in this order, or by name. Other leaves are
        bound at their value now. Called with Dask arrays, a plan returns Dask arrays that are not
        computed yet.

    passes : iterable of Pass, optional
        Compiler passes in place of the default pipeline :data:`memograd.plans.passes.PASSES`, for
        tests and ablation.

    Returns
    -------
    Plan

    Raises
    ------
    PlanError
        An input is given twice.
    NotDifferentiableError
        An output or an input is no node.
    OtherTapeError
        Nodes of two tapes.

    Notes
    -----
    A plan returns the values that the nodes would have for these inputs: to the bit, if only exact
    passes rewrote it, else within the bounds of the others, which `plan.bounds` lists. Those take
    sums in another order, call functions that are off in the last places, and give 0 for cotangents
    that cancel. They move no factor and change no sign. See :mod:`memograd.plans.passes`.

    A function of the user's own runs as often as it was recorded and read. Its side effects are not
    preserved otherwise.

    See Also
    --------
    memograd.functional.compiled : traces a Python function, and keeps a plan for each signature.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> x = mg.Tape().leaf([1.0, 2.0], name="x")
    >>> L = np.sum(np.sin(x)).named("L")
    >>> plan = mg.plan([L, mg.grad_node(L, x)], inputs=[x])
    >>> plan([0.0, 0.0])
    [np.float64(0.0), array([1., 1.])]
    >>> print(plan.source.splitlines()[0])
    def plan(x):
    """
    nodes = tree_leaves(outputs)
    by_name = dict(inputs) if isinstance(inputs, Mapping) else _names_of_inputs(inputs)
    tape = _tape_of([*nodes, *by_name.values()])
    with tape.lock, pause_gc():
        ids = tuple(n.id for n in by_name.values())
        check_guards_of_plan(tape, [n.id for n in nodes], ids)
        if len(set(ids)) < len(ids):
            raise PlanError(
                f"An input was given twice: {', '.join(map(printable, by_name))}. Give each once."
            )
        graph = extract_graph(tape.state, tuple(n.id for n in nodes), ids)
        nest = tree_unflatten(outputs, range(len(nodes)))
        compiled = Plan(graph, nest, tuple(by_name), passes)
        compiled._tape, compiled._assignments = weakref.ref(tape), tape.state.history.assignments
        return compiled


def _names_of_inputs(inputs: Any) -> dict[str, Node]:
    """Return the inputs by their nodes' names."""
    given = list(inputs)
    names = [n.name if isinstance(n, Node) else repr(n) for n in given]
    if len(set(names)) < len(names):
        raise PlanError(
            f"An input was given twice: {', '.join(map(printable, names))}. Give each once."
        )
    return dict(zip(names, given, strict=True))


def _tape_of(nodes: list[Any]) -> Tape:
    """Return the tape that all nodes belong to."""
    for n in nodes:
        if not isinstance(n, Node):
            raise NotDifferentiableError(
                f"A plan is made of nodes, but got {printable(repr(n))}. Give nodes of a tape, "
                "or a pytree of nodes."
            )
        if n.tape is not nodes[0].tape:
            raise OtherTapeError(
                f"{describe(n.attributes)} is a node of another tape than "
                f"{describe(nodes[0].attributes)}. Plan each tape by itself."
            )
    if not nodes:
        raise PlanError("A plan needs outputs. Give a node, or a pytree of nodes.")
    tape: Tape = nodes[0].tape
    return tape


class Array(NamedTuple):
    """Name, shape and dtype of an input or an output of a plan."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]


class Plan:
    """Straight-line NumPy code for a part of a tape, made by :func:`plan`.

    Its `repr` is a table of its instructions.

    Several threads can call it at once. Large temporaries stay in an arena between calls, whose
    size the `repr` gives; it is freed with the plan. Pickles hold the recorded graph, which is
    compiled anew when it is loaded. Ops are pickled by the name under which they can be imported.

    Attributes
    ----------
    source : str
        Python code that a call runs. Tracebacks and debuggers show its lines.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> x = mg.Tape().leaf([1.0, 2.0], name="x")
    >>> plan = mg.plan(np.sum(x * x), [x])
    >>> float(plan(np.array([3.0, 4.0]))), [node.name for node in plan.inputs]
    (25.0, ['x'])
    """

    def __init__(
        self,
        graph: Graph,
        nest: Any,
        input_names: tuple[str, ...],
        passes: Iterable[Pass] | None = None,
    ) -> None:
        self._recorded_graph = graph  # compiled anew for pickles and Dask arrays
        self._nest = nest
        self._input_names = input_names
        self._passes = None if passes is None else tuple(passes)
        self._tape: Any = None  # none for a loaded plan
        self._assignments = 0
        self._was_stale = False
        with pause_gc():
            graph = eliminate_dead_code(graph)
            self._is_lazy = has_foreign_arrays(graph)
            self.graph = self._rewrite(graph)
            self._compile()

    def _rewrite(self, graph: Graph) -> Graph:
        """Return the graph that the passes make, and note which of them changed something."""
        self._counts = [("recorded", _count_instructions(graph))]
        self._changed: list[Pass] = []
        for each in choose_passes(self._passes, self._is_lazy):
            before, graph = graph, each(graph)
            self._counts.append((each.name, _count_instructions(graph)))
            if graph is not before:
                self._changed.append(each)
        return graph

    def _compile(self) -> None:
        buffers = BufferPlan(self.graph)
        layout = ArenaLayout(self.graph, buffers)
        self.source, namespace, self.instruction_lines = generate_source(
            self.graph, self._nest, buffers, layout
        )
        self._arena_bytes = layout.bytes
        self._file = f"<memograd plan {next(_file_numbers)}>"
        exec(compile(self.source, self._file, "exec"), namespace)
        linecache.cache[self._file] = (
            len(self.source),
            None,
            self.source.splitlines(keepends=True),
            self._file,
        )
        weakref.finalize(self, linecache.cache.pop, self._file, None)
        self._run = namespace.pop("plan")  # else a circle, which keeps constants alive
        self._inputs = Inputs(self.graph, self._input_names)
        # A call that repeats another skips the checks. Results of lazy graphs are unwrapped.
        self._ready = (lambda given: None) if self._is_lazy else self._inputs.ready

    def __call__(self, *arrays: Any, **named: Any) -> Any:
        """Return the outputs for these inputs, given by position and then by name.

        Raises
        ------
        PlanError
            Another number of arrays, an unknown name, or another shape or kind of dtype.
        IntegerRangeError
            An integer that the dtype of an input does not hold.
        """
        ready = None if named else self._ready(arrays)
        return self._call_checked(arrays, named) if ready is None else self.replay(ready)

    def replay(self, ready: Sequence[Any]) -> Any:
        """Return the outputs for inputs in the form in which the code takes them, unchecked.

        Parameters
        ----------
        ready : sequence of array or NumPy scalar
            Of the recorded shapes and dtypes: arrays in C order, and scalars for the shape ``()``.
        """
        try:
            return self._run(*ready)
        except Exception as error:
            self._locate(error)
            raise

    def _call_checked(self, arrays: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """Return the outputs for inputs of any kind, after all checks."""
        arrays = self._inputs.arrange(arrays, named)
        if not self._is_lazy and lazy_kind(*arrays) is not None:
            return self._lazily(arrays)(*arrays)
        y = self.replay(self._inputs.check_each(arrays))
        return tree_map(unwrap, y) if self._is_lazy else y

    def _lazily(self, arrays: tuple[Any, ...]) -> "Plan":
        """Return the same plan for Dask arrays."""
        given = {
            n: shape_of(a)
            for n, a in zip(self._recorded_graph.inputs, arrays, strict=True)
            if lazy_kind(a) is not None
        }
        instructions = {
            n: instruction._replace(shape=given[n])
            if given.get(n) == instruction.shape
            else instruction
            for n, instruction in self._recorded_graph.instructions.items()
        }
        graph = replace(self._recorded_graph, instructions=instructions)
        return Plan(graph, self._nest, self._input_names, self._passes)

    def map(self, *arrays: Any, progress: bool | Report = False) -> Any:
        """Return the stacked outputs for many inputs.

        Each array has one more axis in front, along which the calls are made.

        Parameters
        ----------
        *arrays : array_like
            One for each input, of shape ``(count, *shape)``.
        progress : bool or callable
            Show a bar (needs tqdm), or call ``progress(done, total)`` after each call. A plan of
            scalars alone runs at once, with one call of `progress`.

        Returns
        -------
        array, or pytree of them
            In the structure of the outputs, of shape ``(count, *shape)``.

        Raises
        ------
        PlanError
            As for a call; or arrays of different counts.

        Examples
        --------
        >>> import numpy as np, memograd as mg
        >>> x = mg.Tape().leaf(0.0, name="x")
        >>> L = np.sin(x)
        >>> mg.plan([L, mg.grad_node(L, x)], inputs=[x]).map([0.0, np.pi / 2])[1].round(3)
        array([1., 0.])
        """
        self._inputs.check_count(arrays)
        if not arrays:
            raise PlanError("A plan without inputs gives the same each time: call it.")
        stacks = [self._inputs.stack(k, a) for k, a in enumerate(arrays)]
        if len({len(a) for a in stacks}) > 1:
            raise PlanError(
                f"Inputs were given {', '.join(str(len(a)) for a in stacks)} times. "
                "Give each as often."
            )
        with open_report(progress, len(stacks[0]), "calls") as report:
            return self._map_stacks(stacks, report)

    def _map_stacks(self, stacks: list[Any], report: Report) -> Any:
        count, single = len(stacks[0]), find_single_machine(self.graph)
        fits = all(
            a.shape[1:] == shape
            for a, (shape, _, _) in zip(stacks, self._inputs.types, strict=True)
        )
        if single is not None and fits:
            results = single.machine.many(*[stacks[k] for k in single.reads])
            report(count, count)
            return tree_map(lambda k: results[single.gives[k]].copy(), self._nest)
        rows = []
        for k, given in enumerate(zip(*stacks, strict=True)):
            rows.append(self(*given))
            report(k + 1, count)
        return stack_trees(rows)

    def _locate(self, error: Exception) -> None:
        """Add a note to an error: which instruction raised it, and where that was recorded."""
        at = error.__traceback__
        while at is not None:
            if (
                at.tb_frame.f_code.co_filename == self._file
                and at.tb_lineno in self.instruction_lines
            ):
                n = self.instruction_lines[at.tb_lineno]
                instruction, line = self.graph.instructions[n], self.graph.lines.get(n)
                name = printable(self.graph.names.get(n, f"v{n}"))
                error.add_note(
                    f"In a plan, at {name} ({op_name(instruction.op)}, {instruction.dtype} "
                    f"{instruction.shape}){_format_location(line)}."
                )
            at = at.tb_next

    @property
    def inputs(self) -> tuple[Array, ...]:
        """Inputs of a call, in order."""
        return tuple(
            Array(name, *fact[:2])
            for name, fact in zip(self._input_names, self._inputs.types, strict=True)
        )

    @property
    def outputs(self) -> tuple[Array, ...]:
        """Outputs of a call, in the order of the leaves of the pytree."""
        names, instructions = self._recorded_graph.names, self._recorded_graph.instructions
        return tuple(
            Array(names[n], instructions[n].shape, instructions[n].dtype)
            for n in self._recorded_graph.outputs
        )

    @property
    def bound(self) -> dict[str, Any]:
        """Leaves that are no inputs, by name, with their values when the plan was made."""
        return {
            self._recorded_graph.names[n]: readonly_view(value)
            for n, value in self._recorded_graph.bound.items()
        }

    @property
    def bounds(self) -> dict[str, str]:
        """Error bounds of the inexact passes that changed the plan, by name; empty if it is exact.

        >>> import numpy as np, memograd as mg
        >>> x = mg.Tape().leaf([1.0, 2.0], name="x")
        >>> mg.plan(np.sin(x) * 2, inputs=[x]).bounds
        {}
        >>> list(mg.plan(np.sum(x * x), inputs=[x]).bounds)
        ['inner products']
        """
        return {p.name: p.bound for p in self._changed if not p.exact}

    @property
    def stale(self) -> bool:
        """True if a bound leaf was assigned since, as long as the tape exists.

        A copy of a plan watches the same tape. A loaded plan has no tape; it is stale if the saved
        one was.
        """
        tape = self._tape() if self._tape is not None else None
        if tape is not None:
            assigned = tape.state.history.assigned_since(self._assignments)
            self._was_stale |= any(n in assigned for n in self._recorded_graph.bound)
        return self._was_stale

    def __repr__(self) -> str:
        return format_plan(self.graph, self._input_names, self._counts, self._arena_bytes)

    _repr_html_ = text_as_html

    def __copy__(self) -> "Plan":
        """Return the same plan, which watches the same tape."""
        other = Plan(self._recorded_graph, self._nest, self._input_names, self._passes)
        other._tape, other._assignments, other._was_stale = (
            self._tape,
            self._assignments,
            self._was_stale,
        )
        return other

    def __deepcopy__(self, memo: dict[int, Any]) -> "Plan":
        """Return the same plan. It watches the copy of the tape, if that is copied along."""
        other = copy(self)
        tape = self._tape() if self._tape is not None else None
        if tape is not None and id(tape) in memo:
            other._was_stale = self.stale
            other._tape, other._assignments = (
                weakref.ref(memo[id(tape)]),
                memo[id(tape)].state.history.assignments,
            )
        return other

    def __reduce__(self) -> tuple[Any, ...]:
        for op, error in unpicklable_ops(
            dict.fromkeys(
                instruction.op for instruction in self._recorded_graph.instructions.values()
            )
        ):
            raise PlanError(
                f"A plan is pickled with the names of its ops, but {op_name(op)} cannot be "
                "imported by its name. "
                f"Define it at the top of a module."
            ) from error
        recipe = (self._recorded_graph, self._nest, self._input_names, self._passes)
        return Plan, recipe, {"_was_stale": self.stale}


def stack_trees(rows: list[Any]) -> Any:
    """Stack many pytrees of one structure, leaf by leaf."""
    return tree_unflatten(rows[0], map(np.stack, zip(*map(tree_leaves, rows), strict=True)))


def _count_instructions(graph: Graph) -> int:
    return sum(1 for instruction in graph.instructions.values() if instruction.op is not None)


def _format_location(line: Location | None) -> str:
    return f", recorded at {line[0]}:{line[1]}" if line else ""
