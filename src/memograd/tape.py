"""The tape: which NumPy function was applied to what, as a networkx DiGraph that grows at its end, and its handles.

Inside are ints, outside are handles. A `Node` is `(tape, id)` and nothing else; nothing in the graph points back at a
handle or at the tape, so dropping the tape frees its arrays at once.
"""

import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from sys import _getframe
from typing import Any, NoReturn

import networkx as nx
import numpy as np

from . import rules  # noqa: F401  (the sheets fill the registry)
from .arrays import copied, dtype_of, handed_out, same, settle, shape_of
from .calls import NOTHING
from .errors import (
    AssignError,
    AssignTypeError,
    BusyError,
    EndedError,
    NamingError,
    NotDifferentiableError,
    OtherTapeError,
    RefusedError,
    UnknownNodeError,
    describe,
    op_name,
    printable,
)
from .lines import line_of
from .log import Log
from .memory import Memory, Table
from .registry import RULES, Operand, rule_of
from .rules.indexing import getitem, output

ATOMS = frozenset({float, int, bool, complex, str, type(None), slice, type(Ellipsis), np.float64, np.float32, np.int64})
"""Types of constants that nobody can change."""

_EDGES: dict[tuple[int, ...], dict[str, tuple[int, ...]]] = {}  # argnums -> the attributes of every edge that has them


def edge_of(argnums: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    """The attributes of an edge. Edges share them: a dict each would be a third of the graph's memory."""
    return _EDGES.setdefault(argnums, {"argnums": argnums})


def joined(edge: dict[str, tuple[int, ...]] | None, k: int) -> dict[str, tuple[int, ...]]:
    """The attributes of an edge that carries position k too."""
    return edge_of((*edge["argnums"], k) if edge is not None else (k,))


FLOAT = np.float64
SINGLE = [edge_of((k,)) for k in range(16)]


class Tape:
    """A program that grows at its end, with the memory of its values and derivatives.

    Attributes
    ----------
    graph : networkx.DiGraph
        Public to read. Nodes are ints in creation order, with attributes ``op args kwargs shape dtype name line of``;
        edges lead from operand to consumer and carry ``argnums``.

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
    """

    __slots__ = ("__weakref__", "_asking", "_constants", "_handles", "_lock", "_memory", "_names", "_next", "graph")

    def __init__(self) -> None:
        self.graph = nx.DiGraph()
        self.graph.__networkx_cache__ = None  # backends must not cache a graph whose inner dicts we write
        self._memory = Memory(self.graph)
        self._lock = threading.RLock()
        self._next = 0
        self._asking = 0
        self._names: dict[str, int] = {}
        self._handles: weakref.WeakValueDictionary[int, Node] = weakref.WeakValueDictionary()
        self._constants: dict[int, tuple[weakref.ref[Any], weakref.ref[Any]]] = {}

    # ------------------------------------------------------------------------------------------------ to record

    def leaf(self, value: Any, name: str | None = None) -> "Node":
        """A node whose value the user gives.

        Parameters
        ----------
        value : array_like
            Copied, and read-only from then on. Integers and booleans are not differentiable.
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
        <memograd.Node x: leaf, float64 ()>
        """
        if isinstance(value, Node):
            raise RefusedError(f"A leaf takes a value, but got {describe(value._attributes)}; give its .value, or use the node itself.")
        y = copied(value)
        if y.dtype == object:
            raise NotDifferentiableError(f"A leaf holds numbers, but {printable(repr(value))} makes an array of objects. Give numbers of one shape.")
        with self._lock:
            if name is not None:
                self._check_name(name)
            node: Node = self.record(None, (), NOTHING, y)
            if name is not None:
                self._name(node, name)
            self._handles[node.id] = node
            return node

    def record(self, op: Any, args: tuple[Any, ...], kwargs: dict[str, Any] = NOTHING, y: Any = None) -> Any:
        """Record one application of an op, given in its canonical form, and run it; the one place that writes a node.

        Parameters
        ----------
        op : callable
            A registered op.
        args, kwargs
            Its operands and other arguments, as the op's rule wants them; see :mod:`memograd.calls`.
        y : array, optional
            The result, where it is known already.

        Returns
        -------
        Node, or tuple of Node
            The result's handle, or NumPy's own tuple of them where the op has several outputs.
        """
        rule = RULES[op] if op in RULES else rule_of(op)
        memory = self._memory
        kept, run, operands = [], [], {}
        self._lock.acquire()  # `with` would cost twice as much, at each op
        try:
            values = memory.values
            settled = not memory.marks
            for k, a in enumerate(args):
                if type(a) is Node:
                    if a.tape is not self:
                        raise self._foreign(op, a)
                    o = a.id
                    kept.append(Operand(o))
                    run.append(values[o] if settled else memory.value(o))
                    operands[o] = SINGLE[k] if k < 16 and o not in operands else joined(operands.get(o), k)
                else:
                    if type(a) not in ATOMS:
                        a = self._constant(a)
                    kept.append(a)
                    run.append(a)
            if y is None:
                y = rule.compute(*run, **kwargs) if kwargs else rule.compute(*run)
            if type(y) is not FLOAT:
                y = settle(y)
            n, several = self._next, type(y) is tuple
            shape, dtype = (shape_of(y), dtype_of(y)) if several else (y.shape, y.dtype)
            line = line_of(_getframe(2))
            try:  # all of it, or nothing: the counter moves last
                values[n] = y
                memory.pred[n] = operands
                memory.succ[n] = {}
                for o, edge in operands.items():
                    memory.succ[o][n] = edge
                memory.nodes[n] = {"op": op, "args": tuple(kept), "kwargs": kwargs, "shape": shape, "dtype": dtype,
                                   "name": f"v{n}", "line": line, "of": None}  # fmt: skip
                self._next = n + 1
            except BaseException:
                memory.cut(n, n + 1)
                raise
            return self._outputs(Node(self, n), y) if several else Node(self, n)
        finally:
            self._lock.release()

    def _outputs(self, node: "Node", y: tuple[Any, ...]) -> Any:
        handles = [self.record(output, (node, k), NOTHING, item) for k, item in enumerate(y)]
        return type(y)(*handles) if hasattr(y, "_fields") else tuple(handles)

    def _call(self, op: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Record a call as the user wrote it."""
        if kwargs.get("out") is not None:
            raise RefusedError(f"{op_name(op)} was called with out=, but a node's value never changes in place; use the result: y = {op_name(op)}(x).")
        rule = rule_of(op)
        args, kwargs = rule.bind(args, kwargs)
        if kwargs:
            rule.refuse(kwargs)
            kwargs = {name: self._constant(value) for name, value in kwargs.items()}
        return self.record(op, args, kwargs)

    def _constant(self, a: Any) -> Any:
        """A constant as it is kept: nobody else's to change. One used again with unchanged bytes shares its copy."""
        if type(a) in ATOMS or isinstance(a, np.generic):
            return a
        if isinstance(a, list | tuple):
            return tuple(map(self._constant, a))
        if isinstance(a, Node):
            raise RefusedError(
                f"{describe(a._attributes)} stands where memograd takes constants only (inside a list, a slice or a keyword). "
                f"Give its .value, if it may be frozen into the program; or use np.stack or np.concatenate for lists of nodes."
            )
        return self._shared_copy(a) if isinstance(a, np.ndarray) else a

    def _shared_copy(self, a: Any) -> Any:
        if a.dtype == object:
            raise NotDifferentiableError("An array of objects met a node; memograd computes on numbers. Give an array of one numeric dtype.")
        known = self._constants.get(id(a))
        if known is not None and known[0]() is a and (copy := known[1]()) is not None and same(copy, a):
            return copy
        copy = copied(a)
        if copy is not a and isinstance(copy, np.ndarray):
            key, constants = id(a), self._constants
            constants[key] = (weakref.ref(a, lambda _: constants.pop(key, None)), weakref.ref(copy))
        return copy

    def _foreign(self, op: Any, a: "Node") -> OtherTapeError:
        return OtherTapeError(
            f"{op_name(op)} met {describe(a._attributes)}, a node of another tape. Record both on one tape, or give its .value."
        )

    # ------------------------------------------------------------------------------------------------- to look up

    def __len__(self) -> int:
        return len(self.graph)

    def __repr__(self) -> str:
        leaves = sum(1 for node in self._memory.nodes.values() if node["op"] is None)
        return f"<memograd.Tape: {len(self)} nodes, {leaves} of them leaves>"

    def __contains__(self, key: object) -> bool:
        return self._find(key) is not None

    def __iter__(self) -> Iterator["Node"]:
        return map(self._handle, list(self._memory.nodes))

    def __getitem__(self, key: int | str) -> "Node":
        n = self._find(key)
        if n is None:
            raise self._unknown(key)
        return self._handle(n)

    def _find(self, key: object) -> int | None:
        """The id of a node, given by handle, id or name; None where the tape has none."""
        nodes = self._memory.nodes
        if isinstance(key, Node):
            return key.id if key.tape is self and key.id in nodes else None
        if isinstance(key, str):
            n = self._names.get(key)
            unnamed = int(key[1:]) if n is None and _reserved(key) else None
            return unnamed if n is None and unnamed in nodes and nodes[unnamed]["name"] == key else n
        if isinstance(key, int | np.integer):
            return int(key) if int(key) in nodes else None
        return None

    def _unknown(self, key: Any) -> UnknownNodeError:
        if not isinstance(key, str):
            return UnknownNodeError(f"This tape has no node {printable(repr(key))}; it has {len(self)} nodes, by id, name or handle.")
        near = get_close_matches(key, self._names, n=3, cutoff=0.3)
        hint = f"the nearest names are {', '.join(map(printable, near))}" if near else "it has no similar name"
        return UnknownNodeError(f"This tape has no node named {printable(key)}; {hint}.")

    def _handle(self, n: int) -> "Node":
        handle = self._handles.get(n)
        return Node(self, n) if handle is None else handle

    # ----------------------------------------------------------------------------------------------------- names

    def _check_name(self, name: Any) -> None:
        if not isinstance(name, str) or not name:
            raise NamingError(f"A name is a string with something in it, not {name!r}.")
        if _reserved(name):
            raise NamingError(f"Names such as {name} are kept for unnamed nodes. Choose another.")
        if name in self._names:
            raise NamingError(f"{printable(name)} is the name of {describe(self._memory.nodes[self._names[name]])} already. Choose another.")

    def _name(self, node: "Node", name: str) -> None:
        attributes = node._attributes
        self._names.pop(attributes["name"], None)
        self._names[name] = node.id
        self._handles[node.id] = node
        attributes["name"] = name

    # ------------------------------------------------------------------------------------------------- to change

    def assign(self, new: Mapping[Any, Any], log: Log | None = None) -> None:
        """Give leaves new values, all of them or, where one is wrong, none. Nothing is computed until somebody asks.

        Parameters
        ----------
        new : mapping
            Leaf (handle, id or name) to array_like of its shape, cast to its dtype within one kind.
        log : Log, optional
            Told which leaves were assigned.

        Raises
        ------
        AssignError
            Not a leaf, or another shape.
        AssignTypeError
            Another kind of dtype.
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
        with self._lock:
            self._check_idle("assign")
            checked = {}
            for key, value in new.items():
                n = self._find(key)
                if n is None:
                    raise self._foreign("assign", key) if isinstance(key, Node) and key.tape is not self else self._unknown(key)
                checked[n] = self._fitting(self._memory.nodes[n], value)
            self._memory.assign(checked)
            if log is not None:
                log.assigned.extend(self._memory.nodes[n]["name"] for n in checked)

    def _fitting(self, node: dict[str, Any], value: Any) -> Any:
        """A value as the leaf keeps it; raises where it is not of its shape and kind."""
        if node["op"] is not None:
            raise AssignError(f"{describe(node)} is computed; only leaves can be assigned. Assign to the leaves it comes from.")
        if isinstance(value, Node):
            raise AssignTypeError(f"{describe(node)} was assigned a node. Give its value: {printable(value.name)}.value.")
        y, dtype = np.asarray(value), node["dtype"]
        if y.shape != node["shape"]:
            raise AssignError(f"{describe(node)} was assigned a value of shape {y.shape}. The shape is part of the program: give {node['shape']}, or record anew.")
        if not np.can_cast(y.dtype, dtype, "same_kind"):
            raise AssignTypeError(f"{describe(node)} was assigned {y.dtype}, another kind of dtype. Convert it first: value.astype(np.{dtype}).")
        return copied(y if y.dtype == dtype else y.astype(dtype))

    def _check_idle(self, what: str) -> None:
        if self._asking:
            raise BusyError(f"{what} was called in the middle of a request on this tape, by a rule, an op or a callback. Call it after the request.")

    @contextmanager
    def _asked(self, output: int, log: Log | None) -> Iterator[Table]:
        """A request for derivatives of `output` runs: the lock is held, and nobody may change the tape."""
        with self._lock:
            table = self._memory.table(output)
            if log is not None:
                log.begin(self.graph, output)
            self._asking += 1
            try:
                yield table
            finally:
                self._asking -= 1

    @contextmanager
    def scratch(self) -> Iterator[None]:
        """Cut off, at the end of the block, every node recorded inside it, with values and tables.

        A loop that records a new loss at each step stays as fast and as small as its first step. The block holds the
        tape's lock; a handle that outlives it raises :class:`EndedError` and says so.

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
        (2.125, 1)
        """
        with self._lock:
            start = self._next
            try:
                yield
            finally:
                self._check_idle("the end of a scratch block")
                nodes = self._memory.nodes
                for n in range(start, self._next):
                    self._names.pop(nodes[n]["name"], None)
                self._memory.cut(start, self._next)


def _reserved(name: str) -> bool:
    return name[:1] == "v" and name[1:].isdecimal()


# ------------------------------------------------------------------------------------------------------- the handle


def _method(op: Callable[..., Any]) -> Callable[..., Any]:
    """An array method that records `op`, the NumPy function of the same name."""

    def method(self: "Node", *args: Any, **kwargs: Any) -> Any:
        return self.tape._call(op, (self, *args), kwargs)

    method.__doc__ = f"Record ``{op_name(op)}`` of this node."
    return method


def _unary(op: Any) -> Callable[["Node"], "Node"]:
    return lambda self: self.tape.record(op, (self,))


def _binary(op: Any) -> Callable[["Node", Any], "Node"]:
    return lambda self, other: self.tape.record(op, (self, other))


def _reflected(op: Any) -> Callable[["Node", Any], "Node"]:
    return lambda self, other: self.tape.record(op, (other, self))


def _refusing(what: str) -> Callable[..., NoReturn]:
    """A conversion that would freeze a value into the program."""

    def refuse(self: "Node", *args: Any, **kwargs: Any) -> NoReturn:
        raise RefusedError(
            f"{what} was asked of {describe(self._attributes)}: that would freeze today's value into a program that outlives "
            f"it. Use node.value for the number itself, or np.where to choose between values."
        )

    return refuse


class Node:
    """A handle of one node: `(tape, id)`. Behaves like the array that it stands for; see :meth:`Tape.leaf`.

    Any registered NumPy function, operator or array method applied to a node is recorded on its tape. ``==`` and the
    other comparisons are elementwise and recorded; the hash is that of (tape, id).

    Attributes
    ----------
    tape : Tape
        Whose node it is.
    id : int
        Its key in ``tape.graph``.
    """

    __slots__ = ("__weakref__", "id", "tape")

    def __init__(self, tape: Tape, id: int) -> None:
        self.tape = tape
        self.id = id

    def __hash__(self) -> int:
        return hash((id(self.tape), self.id))

    def __repr__(self) -> str:
        node = self._attributes
        what = "leaf" if node["op"] is None else op_name(node["op"])
        return f"<memograd.Node {printable(node['name'])}: {what}, {node['dtype']} {node['shape']}>"

    # ------------------------------------------------------------------------------------------------- the facts

    @property
    def _attributes(self) -> dict[str, Any]:
        try:
            return self.tape._memory.nodes[self.id]
        except KeyError:
            raise EndedError(f"Node {self.id} was recorded in a scratch block that has ended; record it again, outside.") from None

    @property
    def value(self) -> Any:
        """Its value: a read-only array, or a NumPy scalar where it is 0-d. Leaves can be assigned."""
        with self.tape._lock:
            return handed_out(self.tape._memory.value(self.id))

    @value.setter
    def value(self, new: Any) -> None:
        self.tape.assign({self: new})

    @property
    def op(self) -> Any:
        """The function that was applied, or None for a leaf."""
        return self._attributes["op"]

    @property
    def shape(self) -> Any:
        """The shape of its value."""
        return self._attributes["shape"]

    @property
    def dtype(self) -> Any:
        """The dtype of its value."""
        return self._attributes["dtype"]

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self._attributes["shape"])

    @property
    def size(self) -> int:
        """The number of elements."""
        return int(np.prod(self._attributes["shape"], dtype=int))

    @property
    def name(self) -> str:
        """Its name; ``v7`` where nobody named node 7."""
        name: str = self._attributes["name"]
        return name

    @property
    def operands(self) -> list["Node"]:
        """The nodes that it uses, each once."""
        return [self.tape._handle(n) for n in self.tape.graph.pred[self.id]]

    @property
    def consumers(self) -> list["Node"]:
        """The nodes that use it."""
        return [self.tape._handle(n) for n in self.tape.graph.succ[self.id]]

    def named(self, name: str) -> "Node":
        """Name this node, and return it.

        Raises
        ------
        NamingError
            The name is taken, reserved, or no string.
        """
        with self.tape._lock:
            if name != self.name:
                self.tape._check_name(name)
                self.tape._name(self, name)
        return self

    # --------------------------------------------------------------------------------- NumPy's protocols, and ours

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method != "__call__":
            raise RefusedError(f"np.{ufunc.__name__}.{method} of a node is not recorded. Use the function of its name: np.sum, np.prod, np.max, np.cumsum, np.outer.")
        return self.tape._call(ufunc, inputs, kwargs) if kwargs else self.tape.record(ufunc, inputs)

    def __array_function__(self, func: Any, types: Iterable[type], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return self.tape._call(func, args, kwargs)

    def __memograd_record__(self, op: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return self.tape._call(op, args, kwargs)

    # ------------------------------------------------------------------------------------------------- operators

    __add__, __radd__ = _binary(np.add), _reflected(np.add)
    __sub__, __rsub__ = _binary(np.subtract), _reflected(np.subtract)
    __mul__, __rmul__ = _binary(np.multiply), _reflected(np.multiply)
    __truediv__, __rtruediv__ = _binary(np.divide), _reflected(np.divide)
    __floordiv__, __rfloordiv__ = _binary(np.floor_divide), _reflected(np.floor_divide)
    __mod__, __rmod__ = _binary(np.remainder), _reflected(np.remainder)
    __matmul__, __rmatmul__ = _binary(np.matmul), _reflected(np.matmul)
    __and__, __rand__ = _binary(np.bitwise_and), _reflected(np.bitwise_and)
    __or__, __ror__ = _binary(np.bitwise_or), _reflected(np.bitwise_or)
    __xor__, __rxor__ = _binary(np.bitwise_xor), _reflected(np.bitwise_xor)
    __neg__, __pos__, __abs__, __invert__ = _unary(np.negative), _unary(np.positive), _unary(np.absolute), _unary(np.invert)
    __lt__, __le__, __gt__, __ge__ = _binary(np.less), _binary(np.less_equal), _binary(np.greater), _binary(np.greater_equal)
    __eq__, __ne__ = _binary(np.equal), _binary(np.not_equal)  # type: ignore[assignment]
    __rpow__ = _reflected(np.power)

    def __pow__(self, other: Any) -> "Node":
        # As NumPy's arrays do: a square is no power, neither in time nor in its last bit.
        square = type(other) in (int, float) and other == 2
        return self.tape.record(np.square, (self,)) if square else self.tape.record(np.power, (self, other))  # type: ignore[no-any-return]

    def __getitem__(self, key: Any) -> "Node":
        return self.tape.record(getitem, (self, *key) if type(key) is tuple else (self, key))  # type: ignore[no-any-return]

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError(f"len() of a 0-d node: {describe(self._attributes)}.")
        return self.shape[0]  # type: ignore[no-any-return]

    def __iter__(self) -> Iterator["Node"]:
        return (self[i] for i in range(len(self)))

    def __setitem__(self, key: Any, value: Any) -> NoReturn:
        raise RefusedError(
            f"Items of {describe(self._attributes)} cannot be set: a node's value never changes in place. "
            f"Record the changed array: y = x.at[i].set(v)."
        )

    __bool__ = _refusing("A truth value, as in `if`, `and`, `in` or `max(a, b)`,")
    __float__, __int__, __complex__ = _refusing("float()"), _refusing("int()"), _refusing("complex()")
    __index__, __array__, item, tolist = _refusing("An index"), _refusing("np.asarray()"), _refusing(".item()"), _refusing(".tolist()")

    # ----------------------------------------------------------------------------------------------- array methods

    sum, mean, prod, var, std = _method(np.sum), _method(np.mean), _method(np.prod), _method(np.var), _method(np.std)
    max, min, clip, round = _method(np.max), _method(np.min), _method(np.clip), _method(np.round)
    argmax, argmin, any, all = _method(np.argmax), _method(np.argmin), _method(np.any), _method(np.all)
    ravel, squeeze, repeat, swapaxes = _method(np.ravel), _method(np.squeeze), _method(np.repeat), _method(np.swapaxes)
    dot, trace, conj, astype = _method(np.dot), _method(np.trace), _method(np.conj), _method(np.astype)
    flatten, conjugate = ravel, conj

    def reshape(self, *shape: Any, order: str = "C") -> "Node":
        """Record ``np.reshape`` of this node; the shape as one tuple or as several ints."""
        return self.tape._call(np.reshape, (self, shape[0] if len(shape) == 1 else shape), {"order": order})  # type: ignore[no-any-return]

    def transpose(self, *axes: Any) -> "Node":
        """Record ``np.transpose`` of this node; the axes as one tuple, as several ints, or none to reverse them."""
        return self.tape._call(np.transpose, (self, *((axes,) if len(axes) > 1 else axes)), {})  # type: ignore[no-any-return]

    @property
    def T(self) -> "Node":
        """The node with its axes reversed."""
        return self.transpose()

    @property
    def mT(self) -> "Node":
        """The node with its last two axes swapped."""
        return self.swapaxes(-1, -2)  # type: ignore[no-any-return]

    @property
    def real(self) -> "Node":
        """The real part."""
        return self.tape._call(np.real, (self,), {})  # type: ignore[no-any-return]

    @property
    def imag(self) -> "Node":
        """The imaginary part."""
        return self.tape._call(np.imag, (self,), {})  # type: ignore[no-any-return]
