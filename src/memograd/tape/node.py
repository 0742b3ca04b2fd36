"""Handle of a node: behaves like the array that it stands for, and records what is done to it."""

import math
import operator
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from sys import _getframe
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from ..arrays import pytrees
from ..arrays.formatting import format_array
from ..arrays.values import export, is_inexact
from ..errors import EndedError, RefusedAttributeError, RefusedError, SparseError
from ..program.steps import Step
from ..rules.control import stop_gradient
from ..rules.indexing import getitem, masked, output, replace, scatter
from ..rules.node_lists import is_list_of_nodes, stack_lists, stack_nodes
from ..rules.registration import UNSUPPORTED
from ..rules.static_queries import STATIC_QUERIES
from ..rules.ufunc_methods import UFUNC_METHODS
from ..text import describe, op_name, printable, text_as_html
from .conversion_advice import OTHER_LIBRARIES
from .conversions import (
    ARRAY,
    CEIL,
    COMPLEX,
    FLOAT,
    FLOOR,
    FORMAT,
    INDEX,
    INT,
    ITEM,
    MEMORY,
    ROUND,
    TOLIST,
    TRUNC,
    TRUTH,
    Conversion,
    check_value_readable,
    convert,
    memory_of,
)
from .recorder import Recorder

if TYPE_CHECKING:
    from numpy.typing import NDArray


def _array_method(op: Callable[..., Any]) -> Callable[..., "Node"]:
    """Return an array method that records `op`, the NumPy function of the same name."""

    def method(self: "Node", *args: Any, **kwargs: Any) -> "Node":
        return self.tape.call(op, (self, *args), kwargs)  # type: ignore[no-any-return]

    method.__doc__ = f"Record ``{op_name(op)}`` of this node."
    return method


def _compress_method(self: "Node", condition: Any, axis: Any = None) -> "Node":
    """Record ``np.compress`` of this node, whose condition comes first."""
    args = condition, self
    return self.tape.call(np.compress, args, {"axis": axis})  # type: ignore[no-any-return]


def _nonzero_method(self: "Node") -> tuple["Node", ...]:
    """Record ``np.nonzero`` of this node."""
    return self.tape.call(np.nonzero, (self,), {})  # type: ignore[no-any-return]


def _unary_operator(op: Any) -> Callable[["Node"], "Node"]:
    return lambda self: self.tape.record(op, (self,))


def _binary_operator(op: Any) -> Callable[["Node", Any], "Node"]:
    return lambda self, other: self.tape.record(op, (self, other))


def _right_operator(op: Any) -> Callable[["Node", Any], "Node"]:
    return lambda self, other: self.tape.record(op, (other, self))


def _conversion(conversion: Conversion) -> Callable[..., Any]:
    """Return a method that converts a node, or refuses; see :mod:`memograd.tape.conversions`."""

    def method(self: "Node", *args: Any, **kwargs: Any) -> Any:
        return convert(self, conversion, *args, **kwargs)

    return method


def is_boolean_index(part: Any) -> bool:
    """Return whether a part of an index is boolean: its values then decide the result's shape."""
    if type(part) in (int, slice, type(None), type(Ellipsis)):
        return False
    if isinstance(part, list | tuple):
        return bool(part) and all(map(is_boolean_index, part))
    return np.dtype(bool) == getattr(part, "dtype", type(part))


def as_object(a: Any) -> Any:
    """Return a 0-d object array that holds `a` itself."""
    held = np.empty((), object)
    held[()] = a
    return held


ZERO_BYTES = bytes(np.dtype(np.clongdouble).itemsize)


def shape_dummy(a: Any) -> Any:
    """Return an array without memory in place of a node, also in a list; others as they are."""
    if is_list_of_nodes(a):
        return list(map(shape_dummy, a))
    return (
        np.ndarray(a.shape, a.dtype, ZERO_BYTES, strides=(0,) * a.ndim)
        if hasattr(type(a), "__memograd_record__")
        else a
    )


class Node:
    """Handle of a node, `(tape, id)`; behaves like the array that it stands for.

    Leaves are made by :meth:`Tape.leaf`.
    Any registered NumPy function, operator or array method applied to a node is recorded on its
    tape. ``==`` and the other comparisons are elementwise and recorded; the hash is that of (tape,
    id), so that handles of one node are one key of a dict.

    Attributes
    ----------
    tape : Tape
        Whose node it is.
    id : int
        Its key in ``tape.graph``.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> x = mg.Tape().leaf([1.0, 2.0], name="x")
    >>> y = np.square(x).named("y")
    >>> y.value, y.shape, y.op, y.operands[0].name
    (array([1., 4.]), (2,), <ufunc 'square'>, 'x')
    """

    __slots__ = ("__weakref__", "id", "tape")

    def __init__(self, tape: Recorder, id: int) -> None:  # noqa: A002  (public attribute)
        self.tape = tape
        self.id = id

    def __hash__(self) -> int:
        return hash((id(self.tape), self.id))

    def __deepcopy__(self, memo: dict[int, Any]) -> "Node":
        handle: Node = deepcopy(self.tape, memo).handle(self.id)
        return handle

    def __reduce__(self) -> tuple[Any, ...]:
        return handle_of, (self.tape, self.id)

    def __repr__(self) -> str:
        node = self.attributes
        return (
            f"<memograd.Node {printable(node['name'])}: {op_name(node['op'])}, "
            f"{node['dtype']} {self._format_value()}>"
        )

    def _format_value(self) -> str:
        """Return shape and value; ``…`` if the value is stale, evicted, or must not be read.

        Nothing is computed, and no other thread is waited for.
        """
        shape, value = str(self.step.shape), None
        if self.tape.mode.value_readable:
            value = self.tape.state.known_value(self.id)
        if value is None:
            return f"{shape} = …"
        with np.errstate(all="ignore"):
            text = format_array(value)
        return text if text.startswith(shape) else f"{shape} = {printable(text)}"

    _repr_html_ = text_as_html

    # the facts

    @property
    def attributes(self) -> dict[str, Any]:
        """Attributes of the node, as the DiGraph shows them."""
        self.step  # noqa: B018  (raises, if the node has ended)
        node: dict[str, Any] = self.tape.state.nodes[self.id]
        return node

    @property
    def step(self) -> Step:
        """Record of the node in the program."""
        try:
            return self.tape.state.steps[self.id]
        except KeyError:
            raise EndedError(
                f"Node {self.id} was recorded in a scratch block that has ended. Record it "
                f"again, outside."
            ) from None

    @property
    def value(self) -> "NDArray[Any]":
        """Value: a read-only array, a NumPy scalar if it is 0-d, or a Dask array.

        The value of a leaf can be assigned.

        What is computed from it has no derivative by the node. While a function is recorded for
        reuse, by :func:`memograd.functional.compiled` or :mod:`memograd.optimize`, reading it is
        refused.
        """
        if not self.tape.mode.value_readable:
            check_value_readable(self)
        with self.tape.lock:
            return export(self.tape.read_value(self.id))  # type: ignore[no-any-return]

    @value.setter
    def value(self, new: Any) -> None:
        self.tape.assign({self: new})

    @property
    def op(self) -> Any:
        """Function that was applied, or None for a leaf."""
        return self.step.op

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the value."""
        return self.step.shape  # type: ignore[no-any-return]

    @property
    def dtype(self) -> np.dtype[Any]:
        """Dtype of the value."""
        return self.step.dtype  # type: ignore[no-any-return]

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.step.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.step.shape)

    @property
    def name(self) -> str:
        """Name; ``v7`` for node 7 if it was not named."""
        self.step  # noqa: B018  (raises, if the node has ended)
        return self.tape.state.nodes.name(self.id)

    @property
    def operands(self) -> list["Node"]:
        """Nodes that it uses, each once."""
        tape = self.tape
        with tape.lock:
            self.step  # noqa: B018
            return [tape.handle(n) for n in tape.state.pred[self.id]]

    @property
    def consumers(self) -> list["Node"]:
        """Nodes that use it, except those that the recursion recorded."""
        tape = self.tape
        with tape.lock:  # another thread may be recording
            self.step  # noqa: B018
            of = tape.state.nodes.of
            return [tape.handle(n) for n in tape.state.succ[self.id] if n not in of]

    def named(self, name: str) -> "Node":
        """Name this node, and return it.

        Raises
        ------
        NamingError
            The name is taken, reserved, or no string.
        """
        with self.tape.lock:
            if name != self.name:
                self.tape.check_name(name)
                self.tape.set_name(self, name)
        return self

    # NumPy's protocols, and ours

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method != "__call__":
            meant = UFUNC_METHODS[method](ufunc) if method in UFUNC_METHODS else None
            if meant is None:
                raise RefusedError(
                    f"np.{ufunc.__name__}.{method} of a node is not recorded. Use a function "
                    f"that does the same: np.sum, np.prod, np.max, "
                    f"np.cumsum, a loop over its slices, or x.at[i].add(v) for what is done in "
                    f"place."
                )
            return meant(*stack_lists(inputs), **kwargs)
        return self.tape.call(ufunc, inputs, kwargs) if kwargs else self.tape.record(ufunc, inputs)

    def __array_function__(
        self, func: Any, types: Iterable[type], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        if func in STATIC_QUERIES:
            return func(
                *map(shape_dummy, args), **{name: shape_dummy(a) for name, a in kwargs.items()}
            )
        return self.tape.call(func, args, kwargs)

    def __memograd_record__(self, op: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return self.tape.call(op, args, kwargs)

    # operators

    __add__, __radd__ = _binary_operator(np.add), _right_operator(np.add)
    __sub__, __rsub__ = _binary_operator(np.subtract), _right_operator(np.subtract)
    __mul__, __rmul__ = _binary_operator(np.multiply), _right_operator(np.multiply)
    __truediv__, __rtruediv__ = _binary_operator(np.divide), _right_operator(np.divide)
    __floordiv__, __rfloordiv__ = (
        _binary_operator(np.floor_divide),
        _right_operator(np.floor_divide),
    )
    __mod__, __rmod__ = _binary_operator(np.remainder), _right_operator(np.remainder)
    __matmul__, __rmatmul__ = _binary_operator(np.matmul), _right_operator(np.matmul)
    __and__, __rand__ = _binary_operator(np.bitwise_and), _right_operator(np.bitwise_and)
    __or__, __ror__ = _binary_operator(np.bitwise_or), _right_operator(np.bitwise_or)
    __xor__, __rxor__ = _binary_operator(np.bitwise_xor), _right_operator(np.bitwise_xor)
    __neg__, __pos__, __abs__, __invert__ = (
        _unary_operator(np.negative),
        _unary_operator(np.positive),
        _unary_operator(np.absolute),
        _unary_operator(np.invert),
    )
    __lt__, __le__, __gt__, __ge__ = (
        _binary_operator(np.less),
        _binary_operator(np.less_equal),
        _binary_operator(np.greater),
        _binary_operator(np.greater_equal),
    )
    __ne__ = _binary_operator(np.not_equal)  # type: ignore[assignment]
    __divmod__, __rdivmod__ = _binary_operator(np.divmod), _right_operator(np.divmod)
    __rpow__ = _right_operator(np.power)

    def __eq__(self, other: Any) -> "Node":  # type: ignore[override]
        if (
            other is not self
            and isinstance(other, Node)
            and other.id == self.id
            and other.tape is self.tape
        ):
            return SameNode(self)
        return self.tape.record(np.equal, (self, other))  # type: ignore[no-any-return]

    def __pow__(self, other: Any) -> "Node":
        # As NumPy's arrays do: a square is no power, neither in time nor in its last bit.
        square = type(other) in (int, float) and other == 2
        return (  # type: ignore[no-any-return]
            self.tape.record(np.square, (self,))
            if square
            else self.tape.record(np.power, (self, other))
        )

    def __getitem__(self, key: Any) -> "Node":
        parts = key if type(key) is tuple else (key,)
        op = masked if any(map(is_boolean_index, parts)) else getitem
        return self.tape.record(op, (self, *parts))  # type: ignore[no-any-return]

    @property
    def at(self) -> "IndexUpdater":
        """Index for changed items: ``x.at[i].set(v)``, ``.add(v)`` and ``.multiply(v)``.

        Each gives a new node.

        Examples
        --------
        >>> import numpy as np, memograd as mg
        >>> x = mg.Tape().leaf([1.0, 2.0, 3.0])
        >>> y = x.at[0].set(10.0).at[[1, 1]].add(x[2])
        >>> y.value
        array([10.,  8.,  3.])
        >>> mg.grad(np.sum(y), x)
        array([0., 1., 3.])
        """
        return IndexUpdater(self)

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError(f"len() of a 0-d node: {describe(self.attributes)}.")
        return self.shape[0]

    def __iter__(self) -> Iterator["Node"]:
        return (self[i] for i in range(len(self)))

    def __setitem__(self, key: Any, value: Any) -> NoReturn:
        raise RefusedError(
            f"Items of {describe(self.attributes)} cannot be set: a node's value never changes "
            f"in place. "
            f"Record the changed array: y = x.at[i].set(v)."
        )

    __bool__, __index__, __int__ = _conversion(TRUTH), _conversion(INDEX), _conversion(INT)
    __float__, __complex__ = _conversion(FLOAT), _conversion(COMPLEX)
    __floor__, __ceil__, __trunc__ = _conversion(FLOOR), _conversion(CEIL), _conversion(TRUNC)

    def __round__(self, ndigits: int | None = None) -> Any:
        # As of NumPy's numbers: an int without digits, a number of the same kind with them.
        return convert(self, ROUND) if ndigits is None else self.round(ndigits)

    def __format__(self, spec: str) -> str:
        return convert(self, FORMAT, spec) if spec else str(self)

    if not TYPE_CHECKING:  # NumPy's stubs take for an array what has this, and say so of results

        def __array__(self, *args: Any, **kwargs: Any) -> Any:
            # A sparse array of SciPy's, left of an operator, leaves the operation to an operand
            # that becomes an object array.
            if _getframe(1).f_globals.get("__name__", "").startswith("scipy.sparse."):
                return as_object(self)
            return convert(self, ARRAY, *args, **kwargs)

    @property
    def fill_value(self) -> NoReturn:
        """Refused, so that arrays of the library `sparse` leave ``X @ node`` to the node."""
        raise SparseError(
            f"A sparse array met {describe(self.attributes)} in a function of its library's. "
            f"Write it with @, or make the sparse array a "
            f"leaf first: tape.leaf(X)."
        )

    __pandas_priority__ = 5000
    """Priority over the tables of pandas, which leave an operator on their right to the node."""

    item, tolist = _conversion(ITEM), _conversion(TOLIST)

    if not TYPE_CHECKING:  # to a checker, every name would be one of the node's

        def __getattr__(self, name: str) -> Any:
            """Refuse an array's attribute that a node lacks, with the reason."""
            if name in MEMORY:
                return memory_of(self, name)
            reason = None
            if not name.startswith("_"):
                reason = OTHER_LIBRARIES.get(name) or UNSUPPORTED.get(
                    getattr(np.ndarray, name, None)
                )
            if reason is None:
                # This raises again: Python's own error, or the error of a property.
                return object.__getattribute__(self, name)
            raise RefusedAttributeError(f"{describe(self.attributes)} has no .{name}: {reason}")

    # array methods

    sum, mean, prod, var, std = (
        _array_method(np.sum),
        _array_method(np.mean),
        _array_method(np.prod),
        _array_method(np.var),
        _array_method(np.std),
    )
    max, min, clip, round = (
        _array_method(np.max),
        _array_method(np.min),
        _array_method(np.clip),
        _array_method(np.round),
    )
    argmax, argmin, any, all = (
        _array_method(np.argmax),
        _array_method(np.argmin),
        _array_method(np.any),
        _array_method(np.all),
    )
    ravel, squeeze, repeat, swapaxes = (
        _array_method(np.ravel),
        _array_method(np.squeeze),
        _array_method(np.repeat),
        _array_method(np.swapaxes),
    )
    dot, trace, conj, astype = (
        _array_method(np.dot),
        _array_method(np.trace),
        _array_method(np.conj),
        _array_method(np.astype),
    )
    cumsum, cumprod, take, compress, choose = (
        _array_method(np.cumsum),
        _array_method(np.cumprod),
        _array_method(np.take),
        _compress_method,
        _array_method(np.choose),
    )
    diagonal, copy, searchsorted = (
        _array_method(np.diagonal),
        _array_method(np.copy),
        _array_method(np.searchsorted),
    )
    argsort, argpartition, nonzero = (
        _array_method(np.argsort),
        _array_method(np.argpartition),
        _nonzero_method,
    )
    flatten, conjugate = ravel, conj

    def reshape(self, *shape: Any, order: str = "C") -> "Node":
        """Record ``np.reshape_rows`` of this node; the shape as one tuple or as several ints."""
        return self.tape.call(  # type: ignore[no-any-return]
            np.reshape, (self, shape[0] if len(shape) == 1 else shape), {"order": order}
        )

    def transpose(self, *axes: Any) -> "Node":
        """Record ``np.transpose`` of this node; axes are a tuple, or ints, or none to reverse."""
        order = (axes,) if len(axes) > 1 else axes
        return self.tape.call(np.transpose, (self, *order), {})  # type: ignore[no-any-return]

    @property
    def T(self) -> "Node":
        """Node with its axes reversed."""
        return self.transpose()

    @property
    def mT(self) -> "Node":
        """Node with its last two axes swapped."""
        return self.swapaxes(-1, -2)

    @property
    def real(self) -> "Node":
        """Real part."""
        return self.tape.call(np.real, (self,), {})  # type: ignore[no-any-return]

    @property
    def imag(self) -> "Node":
        """Imaginary part."""
        return self.tape.call(np.imag, (self,), {})  # type: ignore[no-any-return]


class SameNode(Node):
    """Result of ``==`` of two handles of one node: true, and recorded only when it is used.

    A dict compares its keys by ``==``: recording at once would leave a node behind at each look-up,
    and the truth value of a recorded node is refused. Where it is not refused, a number that is NaN
    does not equal itself.
    """

    __slots__ = ("_compared", "_recorded")

    def __init__(self, compared: Node) -> None:
        self.tape, self._compared = compared.tape, compared
        self._recorded: Node | None = None

    @property
    def id(self) -> int:  # type: ignore[override]
        """Key in ``tape.graph``."""
        if self._recorded is None:
            self._recorded = self.tape.record(np.equal, (self._compared, self._compared))
        return self._recorded.id

    def __bool__(self) -> bool:
        mode, step = self.tape.mode, self._compared.step
        may_be_nan = step.shape == () and is_inexact(step.dtype)
        if may_be_nan and (mode.converts or mode.guards):
            return bool(convert(self, TRUTH))
        return True

    def __repr__(self) -> str:
        if self._recorded is not None:
            return super().__repr__()
        name = printable(self._compared.name)
        return f"<memograd.Node {name} == {name}, not yet recorded>"

    def __memograd_apply__(self, op: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return self.tape.record(op, plain_handles(args, SameNode), kwargs)


class Outputs(Node):
    """Handle of a node with several outputs: a sequence of them, with tuples for its shapes."""

    __slots__ = ()

    @property
    def ndim(self) -> Any:
        """Number of axes of each output."""
        return tuple(map(len, self.step.shape))

    @property
    def size(self) -> Any:
        """Number of elements of each output."""
        return tuple(map(math.prod, self.step.shape))

    def __len__(self) -> int:
        return len(self.shape)

    def __getitem__(self, key: Any) -> Node:
        k = range(len(self))[operator.index(key)]
        return self.tape.record(output, (self, k))  # type: ignore[no-any-return]

    @property
    def at(self) -> NoReturn:
        """Refused: each output has its own."""
        raise self._refusal("x.at[…]")

    def __array_function__(
        self, func: Any, types: Iterable[type], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> NoReturn:
        raise self._refusal(op_name(func))

    def __memograd_apply__(self, op: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if op not in (output, stop_gradient):
            raise self._refusal(op_name(op))
        return self.tape.record(op, plain_handles(args, Outputs), kwargs)

    def _refusal(self, what: str) -> RefusedError:
        return RefusedError(
            f"{what} met {describe(self.attributes)}, which has {len(self)} outputs. Take one "
            f"of them: node[0], say."
        )


def plain_handles(args: tuple[Any, ...], kind: type[Node]) -> tuple[Any, ...]:
    """Return the arguments of an op with plain handles in place of those of a kind."""
    return tuple(Node(a.tape, a.id) if type(a) is kind else a for a in args)


def handle_of(tape: Recorder, n: int) -> Node:
    """Return the handle of node n; pickles refer to it."""
    handle: Node = tape.handle(n)
    return handle


class IndexUpdater:
    """``x.at``, which takes an index."""

    __slots__ = ("node",)

    def __init__(self, node: Node) -> None:
        self.node = node

    def __getitem__(self, key: Any) -> "IndexedUpdate":
        return IndexedUpdate(self.node, stack_lists(key if type(key) is tuple else (key,)))


class IndexedUpdate:
    """``x.at[i]``: items of a node that are to be changed in a new one."""

    __slots__ = ("key", "node")

    def __init__(self, node: Node, key: tuple[Any, ...]) -> None:
        self.node, self.key = node, key

    def set(self, v: Any) -> Node:
        """Return `x` with `v` there.

        An index that takes an element twice is refused when it is recorded; if an index node does
        so later, the last write counts.
        """
        taken = np.zeros(self.node.shape, int)
        np.add.at(taken, tuple(k.value if isinstance(k, Node) else k for k in self.key), 1)
        if (taken > 1).any():
            raise RefusedError(
                f"x.at[i].set(v) on {describe(self.node.attributes)} takes an element twice. "
                f"Take it once, or use .add(v)."
            )
        args = self.node, v, *self.key
        return self.node.tape.record(replace, args)  # type: ignore[no-any-return]

    def add(self, v: Any) -> Node:
        """Return `x` with `v` added there, twice for an element that is taken twice."""
        there, v = self.node[self.key], stack_nodes(v)
        return self.node + self.node.tape.record(  # type: ignore[no-any-return]
            scatter, (np.broadcast_to(v, there.shape), self.node.shape, *self.key)
        )

    def multiply(self, v: Any) -> Node:
        """Return `x` with its items there multiplied by `v`."""
        return self.set(self.node[self.key] * v)


pytrees.LEAVES.add(Node)
