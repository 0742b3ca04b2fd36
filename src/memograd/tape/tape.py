"""Tape: a program that grows at its end, recorded from NumPy calls and shown as a networkx DiGraph.

Inside are ints, outside are handles. A `Node` is `(tape, id)` and nothing else; nothing in the
graph refers to a handle or to the tape, so that dropping the tape frees its arrays at once.
"""

import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from sys import _getframe
from typing import TYPE_CHECKING, Any, Self, TypeVar

import numpy as np

from ..arrays.axis_labels import holds_nodes, labels_of
from ..arrays.kinds import KINDS_IN_USE, check_op
from ..arrays.pytrees import leaves_with_keys, tree_unflatten
from ..arrays.values import (
    DOUBLE,
    PLAIN_TYPES,
    as_input,
    canonicalize,
    dtype_of,
    export,
    frozen_copy,
    shape_of,
)
from ..errors import (
    BudgetError,
    BusyError,
    DisturbedError,
    GraphError,
    MemogradError,
    NamingError,
    NotDifferentiableError,
    OtherTapeError,
    RefusedError,
    UnknownNodeError,
)
from ..memory.eviction import Budget
from ..memory.keeper import VALUE
from ..memory.memory import Memory
from ..program.source_location import Location, location_of
from ..program.steps import Operand, Step, Steps
from ..program.trace_state import SEARCHES, note_new_tape, note_use
from ..rules.call_binding import NO_KWARGS
from ..rules.indexing import output
from ..rules.node_lists import is_list_of_nodes, stack_lists
from ..rules.registration import RULES, rule_of
from ..text import derivative_name, describe, op_name, printable, table_as_html
from .assignment import value_for_leaf
from .busy import activity, busy, busy_frame
from .constants import IMMUTABLE_TYPES, NUMBER_KINDS, Constants
from .conversions import CONSTANT, Conversion, converts
from .guards import NO_GUARDS, Guard, Guards
from .locks import make_lock
from .mode import GUARDED, KEPT, Mode
from .node import Node, Outputs
from .recorder import Answer, RequestLog

if TYPE_CHECKING:
    import networkx as nx

    from ..memory.report import MemoryReport
    from ..memory.snapshot import Snapshot
    from ..program.from_digraph import GraphStep

AnyTape = TypeVar("AnyTape", bound="Tape")

FLOAT64, OBJECT = np.float64, np.dtype(object)


class Tape:
    """Program that grows at its end, with the memory of its values and derivatives.

    Parameters
    ----------
    branches : {"refuse", "guard"}
        What happens where Python branches on a node's value, or counts by it: ``if x > 0``,
        ``while``, ``int(x)``. "refuse" raises :class:`RefusedError`, because what is recorded later
        may depend on the outcome. "guard" keeps the outcome. After an assignment that changes it,
        requests for what was recorded afterwards raise :class:`BranchChangedError`, until it is as
        before. A guard that is recorded in a scratch block ends with the block.

    Attributes
    ----------
    graph : networkx.DiGraph
        Public to read. Nodes are ints in creation order, with attributes ``op args kwargs shape
        dtype name line of``; edges lead from operand to consumer and carry ``argnums``.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> tape = mg.Tape()
    >>> x = tape.leaf([1.0, 2.0], name="x")
    >>> L = np.sum(x * x).named("L")
    >>> mg.grad(L, x)
    array([2., 4.])
    >>> tape["L"].value, len(tape)
    (np.float64(5.0), 3)

    >>> x = mg.Tape(branches="guard").leaf(3.0, name="x")
    >>> y = np.sqrt(x) if x > 0 else -x
    >>> x.value = -4.0
    >>> y.value
    Traceback (most recent call last):
    memograd.errors.BranchChangedError: v2 (np.sqrt, ...) was recorded after a branch ...
    """

    __slots__ = (
        "__weakref__",
        "_constants",
        "differentiated",
        "guards",
        "_handles",
        "location",
        "lock",
        "state",
        "mode",
        "_names",
        "next_id",
    )

    def __init__(self, branches: str = "refuse") -> None:
        if branches not in ("refuse", "guard"):
            raise ValueError(f"branches is 'refuse' or 'guard', not {branches!r}.")
        steps: Steps = {}
        self.state = Memory(steps)
        self.lock = make_lock()
        self.location: Location | None = None  # of the nodes of a derivative, while it is recorded
        self.next_id = 0
        self.mode = GUARDED if branches == "guard" else KEPT
        self.guards = Guards() if self.mode.guards else NO_GUARDS
        # The inputs of the functions that run on it and are differentiated.
        self.differentiated: set[int] = set()
        self._names: dict[str, int] = {}
        # Of leaves and named nodes, so that tape["x"] is x.
        self._handles: dict[int, weakref.ref[Node]] = {}
        self._constants = Constants()
        if SEARCHES:
            note_new_tape(self)

    @property
    def graph(self) -> "nx.DiGraph":
        """The program as a networkx DiGraph, which grows with the tape."""
        return self.state.graph

    # to record

    def leaf(self, value: Any, name: str | None = None) -> Node:
        """Record a value that the user gives, and return its node.

        Parameters
        ----------
        value : array_like
            Copied, and read-only from then on. Integers and booleans are not differentiable. A Dask
            array stays one: values and derivatives that depend on it are Dask arrays, which are
            not computed until you ask Dask. Sparse arrays and others on which NumPy's functions
            dispatch stay what they are, too. Of a DataFrame, a Series or a DataArray the numbers
            are taken; the gradient has its labels.
        name : str, optional
            Unique on the tape. Names of the form ``v7`` are reserved for unnamed nodes.

        Raises
        ------
        NamingError
            The name is taken or reserved.

        Examples
        --------
        >>> import memograd as mg
        >>> mg.Tape().leaf(0.5, name="x")
        <memograd.Node x: leaf, float64 () = 0.5>
        """
        if isinstance(value, Node):
            advice = (
                "Give its .value, or use the node itself"
                if value.tape.mode.value_readable
                else "Use the node itself"
            )
            raise RefusedError(
                f"A leaf takes a value, but got {describe(value.attributes)}. {advice}."
            )
        y = as_input(value)
        labels = None if type(value) in PLAIN_TYPES else labels_of(value)
        if y.dtype.kind not in NUMBER_KINDS:
            raise NotDifferentiableError(
                f"A leaf holds numbers, but {printable(repr(value))} makes an array of dtype "
                f"{y.dtype}. Give numbers, in one shape."
            )
        y = frozen_copy(y)
        with self.lock:
            if name is not None:
                self.check_name(name)
            node: Node = self.record(None, (), NO_KWARGS, y)
            self._handles[node.id] = weakref.ref(node)
            if labels is not None:
                self.state.nodes.labels[node.id] = labels
            if name is not None:
                self.set_name(node, name)
            return node

    def leaves(self, params: Any, name: str | None = None) -> Any:
        """Record each array of a pytree as a leaf, or none of them; return the pytree of nodes.

        Parameters
        ----------
        params : pytree of array_like
            Nested dicts, lists, tuples, named tuples and dataclasses, as :func:`memograd.grad`
            takes. A None in it stays there. A list of numbers is a pytree of as many leaves: give
            an array for one leaf.
        name : str, optional
            What the names begin with.

        Returns
        -------
        pytree of Node
            Of the structure of `params`. The names are the keys, joined by dots:
            ``layers.0.W``.

        Raises
        ------
        NamingError
            A name is taken or reserved.

        Examples
        --------
        >>> import numpy as np, memograd as mg
        >>> params = {"W": np.ones((2, 2)), "layers": [{"b": np.zeros(2)}]}
        >>> nodes = mg.Tape().leaves(params)
        >>> nodes["layers"][0]["b"].name
        'layers.0.b'
        >>> mg.grad(np.sum(nodes["W"] + nodes["layers"][0]["b"]), nodes["layers"])
        [{'b': array([2., 2.])}]
        """
        first = () if name is None else (name,)
        with self.lock:
            start, made = self.next_id, []
            try:
                for keys, value in leaves_with_keys(params, first):
                    made.append(self.leaf(value, ".".join(map(str, keys)) if keys else None))
            except BaseException:
                if len(made) == self.next_id - start:  # else a signal handler has recorded, too
                    self.truncate(start)
                raise
        return tree_unflatten(params, made)

    @busy("a recording")
    def record(
        self, op: Any, args: tuple[Any, ...], kwargs: dict[str, Any] = NO_KWARGS, y: Any = None
    ) -> Any:
        """Record and run one application of an op; return its handle, or those of its outputs.

        No other method writes a node.

        Parameters
        ----------
        op : callable
            A registered op.
        args, kwargs
            Its operands and other arguments, as the op's rule wants them; see
            :mod:`memograd.rules.call_binding`.
        y : array, optional
            The result, where it is known already.
        """
        rule, memory = RULES.get(op) or rule_of(op), (note_use(self) if SEARCHES else self).state
        values, steps = memory.values, memory.steps
        kept, run = [*args], [*args]
        with self.lock:
            try:
                settled = not memory.marks and not self.guards.taken
                for k, a in enumerate(args):
                    if type(a) is Node:
                        if a.tape is not self:
                            raise self.other_tape_error(op_name(op), a)
                        o = a.id
                        run[k] = values[o] if settled and o in values else self.read_value(o)
                        kept[k] = steps[o].operand
                    elif type(a) not in IMMUTABLE_TYPES:
                        if type(a) is not np.ndarray and (apply := self._apply_of(op, a)):
                            return apply(op, args, kwargs)
                        kept[k] = run[k] = self._constants.freeze(a, k, rule)
                if y is None:
                    if KINDS_IN_USE:
                        check_op(rule, run)
                    y = rule.compute_with(*run, **kwargs) if kwargs else rule.compute(*run)
                if type(y) is FLOAT64:
                    shape, dtype, several = (), DOUBLE, False
                else:
                    given, (y, shape, dtype, several) = y, _describe_result(op, y)
                done, line = False, self.location or location_of(_getframe(2))
                # A signal handler, a finalizer or the collector may record at any call. Check and
                # write stand on one line without a call: nothing comes between them.
                while not done:
                    n = self.next_id
                    step = Step(Operand(n), op, tuple(kept), kwargs, shape, dtype, line)
                    # fmt: off
                    if done := n == self.next_id: values[n], steps[n], self.next_id = y, step, n + 1
                if memory.budget is not None:
                    memory.budget.keep((VALUE, n), y)
                return self._outputs(Node(self, n), y, given) if several else Node(self, n)
            except BaseException:
                memory.truncate(self.next_id, self.next_id + 1)
                raise

    def _apply_of(self, op: Any, a: Any) -> Callable[..., Any] | None:
        """Return the function that records an op of such an operand; None if it is a constant."""
        if is_list_of_nodes(a):
            return self._record_of_lists
        # a labelled object, which applies ufuncs to what it holds, and keeps its labels
        if isinstance(op, np.ufunc) and not op.signature and holds_nodes(a):
            return lambda op, args, kwargs: NotImplemented
        # a batch, beside which a node serves all rows
        return getattr(a, "__memograd_apply__", None)

    def _record_of_lists(self, op: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Record an op after the stacks that stand for its lists of nodes; all, or nothing."""
        start = self.next_id
        try:
            return self.record(op, stack_lists(args, self.call), kwargs)
        except BaseException:
            if all(self.state.steps[n].op is np.stack for n in range(start, self.next_id)):
                self.truncate(start)  # else a signal handler has recorded meanwhile
            raise

    def _outputs(self, node: Node, y: tuple[Any, ...], given: Any) -> Any:
        """Return the outputs as handles: in a list where the op gave one, as `np.split` does."""
        handles = [self.record(output, (node, k), NO_KWARGS, item) for k, item in enumerate(y)]
        if hasattr(y, "_fields"):
            return type(y)(*handles)
        return handles if isinstance(given, list) else tuple(handles)

    def call(self, op: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Record a call as the user wrote it."""
        if kwargs.get("out") is not None:
            return self._call_with_out(op, args, kwargs)
        args, kwargs = rule_of(op).bind(args, kwargs)
        return self.record(op, args, self.bind_keywords(op, kwargs) if kwargs else NO_KWARGS)

    def _call_with_out(
        self, op: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Run a call with ``out=``, as ``y += x`` is; refuse it unless its nodes may convert."""
        out = kwargs["out"]
        nodes = [a for a in (*args, *kwargs.values()) if isinstance(a, Node)]
        if any(isinstance(a, Node) for a in (out if isinstance(out, tuple) else (out,))) or not all(
            converts(a, CONSTANT) for a in nodes
        ):
            raise RefusedError(
                f"{op_name(op)} was called with out=, but a node's value never changes in "
                f"place. Use the result, y = {op_name(op)}(…), or "
                f"x.at[i].set(v); where an array is changed by y += x, write y = y + x."
            )
        return op(
            *map(_value_or_self, args), **{name: _value_or_self(a) for name, a in kwargs.items()}
        )

    def bind_keywords(self, op: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
        """Return the keywords of a call as they are kept; raise if the op's rule names others."""
        rule_of(op).reject_keywords(kwargs)
        return {name: self._constants.freeze(value) for name, value in kwargs.items()} or NO_KWARGS

    def other_tape_error(self, what: str, a: Node) -> OtherTapeError:
        """Return the error for a node of another tape."""
        value = ", or give its .value" if a.tape.mode.value_readable else ""
        error = OtherTapeError(
            f"{what} met {describe(a.attributes)}, a node of another tape. Record both on one "
            f"tape{value}."
        )
        error.tapes = (self, a.tape)
        return error

    @classmethod
    def from_digraph(cls, graph: "nx.DiGraph") -> "Tape":
        """Record the program of a DiGraph that was written by hand.

        Parameters
        ----------
        graph : networkx.DiGraph
            Any hashable node names, which the tape keeps as strings. A leaf has an attribute
            ``value``, any other node ``op``, a registered callable, and, where it takes them,
            ``args``, a dict from position to constant, and ``kwargs``. An edge from operand to
            consumer has ``argnums``, a tuple of positions, or ``argnum``, one of them.

        Returns
        -------
        Tape
            With every node recorded, each after its operands.

        Raises
        ------
        GraphError
            The graph has a cycle, a position that is filled twice or not at all, or a node without
            op and value.

        Examples
        --------
        >>> import networkx as nx, numpy as np, memograd as mg
        >>> G = nx.DiGraph()
        >>> G.add_node("x", value=2.0)
        >>> G.add_node("L", op=np.power, args={1: 3})
        >>> G.add_edge("x", "L", argnum=0)
        >>> tape = mg.Tape.from_digraph(G)
        >>> float(mg.grad(tape["L"], tape["x"]))
        12.0
        """
        # Imported here, as others are below, because `import memograd` must be fast.
        from ..program.from_digraph import StepResult, steps_of_digraph

        tape = cls()
        made: dict[Any, Node] = {}
        for step in steps_of_digraph(graph):
            if step.op is None:
                made[step.key] = tape.leaf(step.value, name=str(step.key))
            else:
                args = tuple(made[a.key] if isinstance(a, StepResult) else a for a in step.args)
                y = tape._record_step(step, args)
                made[step.key] = (y if isinstance(y, Node) else y[0].operands[0]).named(
                    str(step.key)
                )
        return tape

    def _record_step(self, step: "GraphStep", args: tuple[Any, ...]) -> Any:
        """Record a step of a hand-written DiGraph; an error of the op names its node."""
        try:
            return self.record(step.op, args, self.bind_keywords(step.op, step.kwargs))
        except (TypeError, ValueError) as error:
            if isinstance(error, MemogradError):
                raise
            raise GraphError(
                f"{op_name(step.op)} failed at node {printable(str(step.key))}: {error}. Check its "
                f"incoming edges, args and kwargs."
            ) from error

    # to look up

    def __len__(self) -> int:
        return len(self.state.steps)

    def __repr__(self) -> str:
        leaves = sum(1 for step in self.state.steps.values() if step.op is None)
        return f"<memograd.Tape: {len(self)} nodes, {leaves} of them leaves>"

    def _repr_html_(self) -> str:
        def row(n: int) -> tuple[Any, ...]:
            """Return the cells of node n."""
            node = self.state.nodes[n]
            return n, node["name"], op_name(node["op"]), node["dtype"], node["shape"]

        return table_as_html(
            repr(self)[1:-1], ("id", "name", "op", "dtype", "shape"), list(self.state.steps), row
        )

    def __contains__(self, key: object) -> bool:
        return self.find_id(key) is not None

    def __iter__(self) -> Iterator[Node]:
        return map(self.handle, list(self.state.steps))

    def __getitem__(self, key: Node | int | str) -> Node:
        n = self.find_id(key)
        if n is None:
            raise self._unknown_node_error(key)
        return self.handle(n)

    def _require_id(self, key: Any, what: str) -> int:
        """Return the id of a node of this tape; raise if the key is none."""
        n = self.find_id(key)
        if n is None:
            raise (
                self.other_tape_error(what, key)
                if isinstance(key, Node) and key.tape is not self
                else self._unknown_node_error(key)
            )
        return n

    def find_id(self, key: object) -> int | None:
        """Return the id of a node given by handle, id or name; None if there is none."""
        steps = self.state.steps
        if isinstance(key, Node):
            return key.id if key.tape is self and key.id in steps else None
        if isinstance(key, str):
            n = self._names.get(key)
            unnamed = int(key[1:]) if n is None and is_reserved(key) else None
            return (
                unnamed
                if n is None and unnamed in steps and self.state.nodes.name(unnamed) == key
                else n
            )
        if isinstance(key, int | np.integer):
            return int(key) if int(key) in steps else None
        return None

    def _unknown_node_error(self, key: Any) -> UnknownNodeError:
        """Return the error for a key that is no node of this tape."""
        if not isinstance(key, str):
            return UnknownNodeError(
                f"This tape has no node {printable(repr(key))}. It has {len(self)} nodes, by "
                f"id, name or handle."
            )
        from difflib import get_close_matches  # only an error pays for it

        folded = key.casefold()
        same = [name for name in self._names if name.casefold() == folded]
        near = same or get_close_matches(key, self._names, n=3, cutoff=0.3)
        hint = (
            f"the nearest names are {', '.join(map(printable, near))}"
            if near
            else "it has no similar name"
        )
        return UnknownNodeError(f"This tape has no node named {printable(key)}; {hint}.")

    def handle(self, n: int) -> Node:
        """Return the handle of a node: the same one as before, for leaves and named nodes."""
        known = self._handles.get(n)
        handle = known() if known is not None else None
        if handle is None:
            several = type(self.state.steps[n].dtype) is tuple
            handle = (Outputs if several else Node)(self, int(n))  # n may be an Operand
            if self.state.steps[n].op is None or n in self.state.nodes.names:
                self._handles[handle.id] = weakref.ref(handle)
        return handle

    # names

    def check_name(self, name: Any) -> None:
        """Raise unless a name is free and not reserved."""
        if not isinstance(name, str) or not name:
            raise NamingError(
                f"A name is a string with something in it, not {printable(repr(name))}."
            )
        if is_reserved(name):
            raise NamingError(f"Names such as {name} are kept for unnamed nodes. Choose another.")
        if name in self._names:
            raise NamingError(
                f"{describe(self.state.nodes[self._names[name]])} has that name already. "
                f"Choose another."
            )

    def set_name(self, node: Node, name: str) -> None:
        """Name a node."""
        if self._names.setdefault(name, node.id) != node.id:
            self.check_name(name)  # a signal handler has given it to another node meanwhile
        self._names.pop(node.name, None)
        if self.handle(node.id) is not node:
            self._handles[node.id] = weakref.ref(node)
        self.state.nodes.rename(node.id, name)

    # to change

    @busy("an assignment")
    def assign(self, new: Mapping[Any, Any], log: RequestLog | None = None) -> None:
        """Give leaves new values: all of them, or none if one is wrong.

        Nothing is computed until it is needed.

        Parameters
        ----------
        new : mapping
            Leaf (handle, id or name) to array_like of its shape. It is cast to the leaf's dtype
            within one kind, and cut into its chunks where the leaf holds a Dask array. A Dask array
            of another name counts as another value: whether its numbers differ is not computed.
        log : Log, optional
            Told which leaves were assigned.

        Raises
        ------
        AssignError
            Not a leaf, or another shape or kind of dtype.
        IntegerRangeError
            An integer that the leaf's dtype does not hold.
        BusyError
            In the middle of a request.

        Examples
        --------
        >>> import memograd as mg
        >>> tape = mg.Tape()
        >>> a, b = tape.leaf(1.0, name="a"), tape.leaf(2.0, name="b")
        >>> L = a * b
        >>> tape.assign({a: 3.0, "b": 4.0})
        >>> float(L.value)
        12.0
        """
        with self.lock:
            self.check_idle("assign")
            checked = {}
            for key, value in new.items():
                n = self._require_id(key, "assign")
                checked[n] = value_for_leaf(self.state, n, value)
            self.state.assign(checked)
            if log is not None:
                log.assigned.extend(map(self.state.nodes.name, checked))

    # to remember, and to forget

    @property
    def memory(self) -> "MemoryReport":
        """Report of what is kept: bytes, readers, and cost of recomputing each value and cotangent.

        Examples
        --------
        >>> import numpy as np, memograd as mg
        >>> tape = mg.Tape()
        >>> x = tape.leaf(np.ones(100), name="x")
        >>> L = np.sum(np.sin(x).named("s") * x).named("L")
        >>> _ = mg.grad(L, x)
        >>> tape.memory
        what                       bytes      cost  read by
        x                            800     given  s, v2 and 2 more
        s                            800       200  v2, ∂L/∂x
        v2                           800       300  L
        ∂L/∂s                        800       300  ∂L/∂x
        ∂L/∂x                        800       500  nobody
        L                              8       101  nobody
        ∂L/∂L                          8     given  ∂L/∂v2
        ∂L/∂v2                         8       101  ∂L/∂s, ∂L/∂x
        8 entries, 4024 bytes
        """
        from ..memory.report import MemoryReport

        with self.lock:
            return MemoryReport(self.state)

    @property
    def budget(self) -> int | None:
        """Limit in bytes for what can be recomputed, or None for no limit.

        Over it, the arrays that are cheapest to compute per byte are evicted, and computed again,
        bit for bit, when they are read. Leaves, and what the running request has yet to read, do
        not count: a budget below their size is no error.

        Raises
        ------
        BusyError
            Set in the middle of a request.

        Examples
        --------
        >>> import numpy as np, memograd as mg
        >>> tape = mg.Tape()
        >>> tape.budget = 10_000
        >>> y = x = tape.leaf(np.linspace(0, 1, 100), name="x")
        >>> for _ in range(100):
        ...     y = np.tanh(y)
        >>> g = mg.grad(np.sum(y), x)  # 80,000 bytes of values
        >>> tape.memory.bytes <= 10_000 + x.value.nbytes
        True
        """
        budget = self.state.budget
        return None if budget is None else budget.limit

    @budget.setter
    def budget(self, limit: int | None) -> None:
        """Set the limit."""
        if limit is not None and (
            isinstance(limit, bool) or not isinstance(limit, int | np.integer) or limit < 0
        ):
            raise BudgetError(
                f"A budget is a number of bytes, 0 or more, or None for no limit, not "
                f"{printable(repr(limit))}."
            )
        with self.lock:
            self.check_idle("setting the budget")
            self.state.limit(None if limit is None else Budget(self.state, int(limit)))

    @busy("forgetting")
    def forget(self, L: Node | None = None) -> None:
        """Drop L's derivatives; without L, all derivatives and all values that can be computed.

        A later request computes them again.

        Parameters
        ----------
        L : Node, optional
            Whose table is emptied.

        Raises
        ------
        OtherTapeError, UnknownNodeError
            L is no node of this tape.
        BusyError
            In the middle of a request.

        Examples
        --------
        >>> import memograd as mg
        >>> tape = mg.Tape()
        >>> x = tape.leaf(3.0, name="x")
        >>> L = x * x
        >>> _ = mg.grad(L, x)
        >>> tape.forget(L)
        >>> len(mg.table(L)), float(mg.grad(L, x))
        (1, 6.0)
        """
        with self.lock:
            self.check_idle("forget")
            tables = self.state.tables
            if L is None:
                for table in list(tables.values()):
                    self.state.forget(table)
                self.state.forget_values()
            elif (n := self._require_id(L, "forget")) in tables:
                self.state.forget(tables[n])

    def copy(self) -> Self:
        """Return a tape of its own with the same nodes, ids, names, values and derivatives.

        Arrays are shared, because nobody can write to them. ``copy.deepcopy`` of a tape or of a
        node gives the same. The copy of an instance of a subclass is one too, made without calling
        its ``__init__``; the state that the subclass has added is copied deeply.

        Examples
        --------
        >>> import memograd as mg
        >>> tape = mg.Tape()
        >>> x = tape.leaf(3.0, name="x")
        >>> L = (x * x).named("L")
        >>> other = tape.copy()
        >>> other["x"].value = 5.0
        >>> float(L.value), float(other["L"].value)
        (9.0, 25.0)
        """
        return self.__deepcopy__({})

    __copy__ = copy

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        from ..memory.snapshot import snapshot_of

        with self.lock:
            made = memo[id(self)] = restore_tape(
                snapshot_of(self.state), self.next_id, type(self), self.mode, self.guards.taken
            )
            added = self.__getstate__()
        if added is not None:
            set_state(made, deepcopy(added, memo))
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        from ..memory.snapshot import check_picklable, snapshot_of

        with self.lock:
            check_picklable(self.state)
            return (
                restore_tape,
                (snapshot_of(self.state), self.next_id, type(self), self.mode, self.guards.taken),
                self.__getstate__(),
            )

    def __getstate__(self) -> Any:
        """Return the state that a subclass has added, for :mod:`pickle`; None if there is none."""
        state: Any = super().__getstate__()
        added, slots = state if isinstance(state, tuple) else (state, {})
        slots = {name: value for name, value in slots.items() if name not in Tape.__slots__}
        return (added, slots) if slots else added

    def read_value(self, n: int) -> Any:
        """Return the value of n, verified; ops that run for it must not change the tape."""
        memory = self.state
        self.check_guards(n)
        if n not in memory.marks and (known := memory.values.get(n)) is not None:
            return known
        return self.ask_exclusively(lambda: memory.value(n))

    def guard(self, n: int, conversion: Conversion) -> Any:
        """Return what a conversion makes of a node's value, and keep it as a guard."""
        with self.lock:
            outcome = conversion.convert(export(self.read_value(n)))
            location = location_of(_getframe(2))
            self.guards.add(Guard(n, conversion, outcome, self.next_id, location))
            return outcome

    def check_guards(self, n: int) -> None:
        """Raise if a branch before node n has another outcome than when it was recorded."""
        if self.guards.taken:
            self.ask_exclusively(lambda: self.guards.check(self, n))

    @busy("a request")
    def ask_exclusively(self, answer: Callable[[], Answer]) -> Answer:
        """Return ``answer()`` while the tape is locked and must not change.

        So are all requests answered that are not for the derivatives of one output. A signal
        handler may disturb one; then `answer` is called again.
        """
        with self.lock:
            while True:
                self.state.request_count += 1
                try:
                    return answer()
                except DisturbedError:  # every entry is marked by now, and will be verified
                    continue

    def check_idle(self, what: str) -> None:
        """Raise if this thread, which holds the lock, is inside code that relies on the tape."""
        if (frame := busy_frame(self, _getframe(2))) is not None:
            raise BusyError(
                f"{what} came in the middle of {activity(frame)} on this tape: from a rule, an "
                f"op, a callback, a signal handler or a finalizer. Do it before or after."
            )

    def name_derivative(self, node: Node, output: int, t: Node) -> Node:
        """Name a requested derivative, unless it has a name or its name is taken."""
        name = derivative_name(*map(self.state.nodes.name, (output, t.id)))
        if is_reserved(node.name) and name not in self._names:
            self.set_name(node, name)
        return node

    @contextmanager
    def scratch(self) -> Iterator[None]:
        """Cut off, at the end of the block, every node recorded inside it, with values and tables.

        A loop that records a new loss at each step stays as fast and as small as its first step.
        The block holds the tape's lock; a handle that outlives it raises :class:`EndedError` and
        says so.

        Examples
        --------
        >>> import numpy as np, memograd as mg
        >>> tape = mg.Tape()
        >>> w = tape.leaf(1.0, name="w")
        >>> for data in (1.0, 2.0, 3.0):
        ...     with tape.scratch():
        ...         g = mg.grad((w - data) ** 2, w)
        ...     w.value = w.value - 0.25 * g
        >>> float(w.value), len(tape)
        (2.25, 1)
        """
        with self.lock:
            start, outer = self.next_id, busy_frame(self, _getframe())
            guards = len(self.guards)
            in_an_op = outer is not None and outer.f_code is Tape.record.__code__
            if outer is not None and not in_an_op:  # an op may have a block of its own
                self.check_idle("a scratch block")
            try:
                yield
            finally:
                if busy_frame(self, _getframe()) not in (None, outer):
                    raise BusyError(
                        "A scratch block ended in the middle of a recording or a request that "
                        "began inside it, so that its nodes stay "
                        "on the tape. End it before or after."
                    )
                self.truncate(start)
                self.guards.drop(start, guards)

    @busy("the end of a scratch block")
    def truncate(self, start: int) -> None:
        """Cut off the nodes from `start` on, with their names."""
        memory, stop, seen = self.state, -1, (self.state.request_count, self.next_id)
        while stop != self.next_id:  # a signal handler may record on these nodes meanwhile
            stop = self.next_id
            for n in range(start, stop):
                if n in memory.steps:  # an inner block may have cut it off already
                    self._names.pop(memory.nodes.name(n), None)
                    self._handles.pop(n, None)
            memory.truncate(start, stop)
        if seen != (memory.request_count, self.next_id):
            memory.forget_strays()


def _value_or_self(a: Any) -> Any:
    """Return the value of a node; anything else as it is."""
    return a.value if isinstance(a, Node) else a


def _describe_result(op: Any, y: Any) -> tuple[Any, Any, Any, bool]:
    """Return a result as memory keeps it, its shape, its dtype, and whether it is a tuple.

    Raise unless it holds numbers.
    """
    if type(y) is np.ndarray and y.ndim and y.dtype.kind in NUMBER_KINDS:
        y.flags.writeable = False
        return y, y.shape, y.dtype, False
    y = canonicalize(y)
    for item in y if isinstance(y, tuple) else (y,):
        if getattr(item, "dtype", OBJECT).kind not in NUMBER_KINDS:
            raise NotDifferentiableError(
                f"{op_name(op)} gave {printable(repr(item))}, but a node stands for an array of "
                f"numbers. Give it numbers, and "
                f"have it return an array, a number or a tuple of them."
            )
    return y, shape_of(y), dtype_of(y), isinstance(y, tuple)


def restore_tape(
    state: "Snapshot",
    following: int,
    kind: type[AnyTape],
    mode: Mode = KEPT,
    guards: Iterable[Guard] = (),
) -> AnyTape:
    """Return a tape of class `kind`, filled from a snapshot, whose next id is `following`."""
    from ..memory.snapshot import restore_snapshot

    tape = kind.__new__(kind)
    Tape.__init__(tape)
    restore_snapshot(tape.state, state)
    tape._names.update((name, n) for n, name in tape.state.nodes.names.items())
    tape.next_id, tape.mode = following, mode
    if mode.guards:
        tape.guards = Guards(guards)
    return tape


def set_state(tape: Tape, state: Any) -> None:
    """Give a tape the state that its subclass has added, as :mod:`pickle` does."""
    own = getattr(tape, "__setstate__", None)
    if own is not None:
        own(state)
        return
    added, slots = state if isinstance(state, tuple) else (state, {})
    for name, value in {**(added or {}), **slots}.items():
        setattr(tape, name, value)


def is_reserved(name: str) -> bool:
    """Return whether a name is one of those of unnamed nodes."""
    return name[:1] == "v" and name[1:].isdecimal()
