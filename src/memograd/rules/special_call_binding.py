"""Call binding of functions with a special calling convention.

See Also
--------
memograd.rules.call_binding : The binding of all other ops.
"""

import inspect
import operator
import string
from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import NoRuleError, RefusedError
from ..text import op_name
from .call_binding import (
    NO_KWARGS,
    Arguments,
    Call,
    bind_by_name,
    call_of_function,
    call_of_list,
    call_of_ufunc,
    parameters_of,
)
from .node_lists import stack_lists


def call_of(op: Any, operands: tuple[str, ...], over_a_list: bool) -> Call:
    """Return the call binding of `op`, whose rule gives its operands these names."""
    if op in SPECIAL:
        return SPECIAL[op](op)
    if isinstance(op, np.ufunc):
        return call_of_ufunc(op)
    return call_of_list(op) if over_a_list else call_of_function(op, operands)


def call_of_einsum(op: Callable[..., Any]) -> Call:
    """Return the binding of `einsum`; its subscripts are a keyword of the canonical form."""

    def bind(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
        """Return the arguments and keywords of a call in canonical form."""
        subscripts, *xs = args if isinstance(args[0], str) else _spell_interleaved(args)
        return tuple(xs), {"subscripts": subscripts, **kwargs}

    def compute(*xs: Any, subscripts: str, **kwargs: Any) -> Any:
        """Run `einsum` with the subscripts first."""
        return op(subscripts, *xs, **kwargs)

    # optimize= changes the order of the sum alone
    return Call(bind, compute, frozenset({"subscripts"}))


def _spell_interleaved(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the arguments of the interleaved form with the subscripts as a string first.

    That form is `einsum(a, [0, 1], b, [1, 2], [0, 2])`.
    """
    pairs = len(args) // 2
    lists = (*args[1 : 2 * pairs : 2], *args[2 * pairs :])
    terms = [
        "".join(
            "..."
            if k is Ellipsis
            else (string.ascii_uppercase + string.ascii_lowercase)[operator.index(k)]
            for k in term
        )
        for term in lists
    ]
    return ",".join(terms[:pairs]) + ("->" + terms[pairs] if len(args) % 2 else ""), *args[
        : 2 * pairs : 2
    ]


def call_of_clip(op: Callable[..., Any]) -> Call:
    """Return the binding of `clip`, which has two names for each bound."""

    def bind(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
        """Return the arguments and keywords of a call in canonical form."""
        own = {"min": "a_min", "max": "a_max"}
        given = {own.get(name, name): value for name, value in kwargs.items()}
        given = {"a_min": None, "a_max": None, **given} if len(args) == 1 else given
        return bind_by_name(op, ("a", "a_min", "a_max"), args, given)

    return Call(bind, op)


def call_of_ordered(op: Callable[..., Any]) -> Call:
    """Return the binding of `reshape` and `ravel`, which read elements in an order.

    Orders that depend on the memory layout are refused.
    """

    def bind(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
        """Return the arguments and keywords of a call in canonical form."""
        operands, keywords = bind_by_name(op, ("a",), args, kwargs)
        if keywords.get("order", "C") not in ("C", "F"):
            raise RefusedError(
                f"{op_name(op)} was called with order={keywords['order']!r}, which takes "
                f"elements as they lie in memory; that is no part "
                f"of a program. Write order='C' or 'F'."
            )
        return operands, keywords

    return Call(bind, op, frozenset(parameters_of(op)).difference({"a"}))


def call_of_sign(op: Callable[..., Any]) -> Call:
    """Return the binding of `sign`, which refuses complex numbers.

    The sign of complex numbers is not constant, but the registration is for all dtypes.
    """

    def compute(x: Any, **kwargs: Any) -> Any:
        """Run `sign`; refuse complex numbers."""
        if np.iscomplexobj(x):
            raise RefusedError("np.sign of complex numbers is not constant. Write z / np.abs(z).")
        return op(x, **kwargs)

    return Call(lambda args, kwargs: (args, kwargs), compute)


def call_of_choose(op: Callable[..., Any]) -> Call:
    """Return the binding of `choose`: index and choices are one list of operands."""

    def bind(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
        """Return the arguments and keywords of a call in canonical form."""
        (a, choices), keywords = bind_by_name(op, ("a", "choices"), args, kwargs)
        return (a, *choices), keywords

    def compute(a: Any, *choices: Any, **kwargs: Any) -> Any:
        """Run `choose` on the list of choices."""
        return op(a, choices, **kwargs)

    return Call(bind, compute, frozenset({"mode"}))


def call_of_select(op: Callable[..., Any]) -> Call:
    """Return the binding of `select`: conditions, choices and default are one list of operands."""

    def bind(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
        """Return the arguments and keywords of a call in canonical form."""
        given, _ = bind_by_name(op, ("condlist", "choicelist", "default"), args, kwargs)
        conditions, choices, default = (*given, 0)[:3]
        if len(conditions) != len(choices):
            raise ValueError(
                f"np.select takes a choice for each condition, but got "
                f"{len(conditions)} conditions, {len(choices)} choices."
            )
        return (*conditions, *choices, default), NO_KWARGS

    return Call(bind, select_of_list)


def select_of_list(*xs: Any) -> Any:
    """Return `np.select` of one list of operands: conditions, choices, default."""
    n = len(xs) // 2
    return np.select(list(xs[:n]), list(xs[n:-1]), xs[-1])


def call_of_piecewise(op: Callable[..., Any]) -> Call:
    """Return the binding of `piecewise`: a choice for each function, the last one first.

    Functions are applied to all of x.
    """

    def bind(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
        """Return the arguments and keywords of a call in canonical form."""
        given = inspect.signature(op).bind(*args, **kwargs).arguments
        (x,) = stack_lists((given["x"],))
        fs, conditions = given["funclist"], conditions_of(x, given["condlist"])
        if len(fs) - len(conditions) not in (0, 1):
            raise ValueError(
                f"np.piecewise takes a function for each of the {len(conditions)} "
                f"conditions, or one more, but got {len(fs)}."
            )
        more, named = given.get("args", ()), given.get("kw", {})
        ys = [f(x, *more, **named) if callable(f) else f for f in (*fs, 0)[: len(conditions) + 1]]
        default = np.broadcast_to(ys[-1], np.shape(x))
        return (*conditions[::-1], *ys[-2::-1], default), {
            "dtype": x.dtype if hasattr(x, "dtype") else np.asarray(x).dtype
        }

    def compute(*xs: Any, dtype: Any) -> Any:
        """Select among the choices, in the dtype of x."""
        return select_of_list(*xs).astype(dtype)

    return Call(bind, compute)


def conditions_of(x: Any, conditions: Any) -> list[Any]:
    """Return the conditions of `piecewise` as a list.

    A single condition may stand for a list of one, and may itself be a list of booleans.
    """
    several = isinstance(conditions, list | tuple) and not (
        np.ndim(x) and all(isinstance(c, bool | np.bool_) for c in conditions)
    )
    return list(conditions) if several or np.ndim(conditions) > np.ndim(x) else [conditions]


def call_of_block(op: Callable[..., Any]) -> Call:
    """Return the binding of `block`: nested lists become one flat list of operands.

    The keyword `nest` holds the same nested lists with the numbers of the operands.
    """

    def bind(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
        """Return the arguments and keywords of a call in canonical form."""
        (arrays,), _ = bind_by_name(op, ("arrays",), args, kwargs)
        xs: list[Any] = []

        def number_operands(part: Any) -> Any:
            """Return a nested list with numbers in place of operands."""
            if isinstance(part, list):
                return tuple(map(number_operands, part))
            xs.append(part)
            return len(xs) - 1

        nest = number_operands(arrays)
        return tuple(xs), {"nest": nest}

    def compute(*xs: Any, nest: Any) -> Any:
        """Run `block` on the nested lists of operands."""
        return op(fill_tree(nest, xs))

    return Call(bind, compute, frozenset({"nest"}))


def fill_tree(nest: Any, xs: Any) -> Any:
    """Return nested lists with the items of `xs` in place of their numbers."""
    return [fill_tree(part, xs) for part in nest] if isinstance(nest, tuple) else xs[nest]


PADS = ("constant", "edge", "reflect", "symmetric", "wrap")
"""Modes of `np.pad` that copy elements, or add none."""


def call_of_pad(op: Callable[..., Any]) -> Call:
    """Return the binding of `pad`: one pair of widths for each axis, and modes that copy."""

    def bind(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
        """Return the arguments and keywords of a call in canonical form."""
        own = {
            name: value for name, value in kwargs.items() if name in ("array", "pad_width", "mode")
        }
        operands, keywords = bind_by_name(op, ("array",), args, own)
        (array,) = stack_lists(operands)
        others = {name: value for name, value in kwargs.items() if name not in own}
        mode = keywords.get("mode", "constant")
        if mode not in PADS or others.get("reflect_type", "even") != "even":
            raise RefusedError(
                f"np.pad was called with "
                f"mode={mode!r}{''.join(f', {k}={v!r}' for k, v in others.items())}, which "
                f"computes new elements. "
                f"Use one of {', '.join(PADS)}, with reflect_type='even', or np.concatenate "
                f"with the elements you mean."
            )
        values = (others.pop("constant_values"),) if "constant_values" in others else ()
        return (array, *values), {
            **keywords,
            **others,
            "pad_width": pairs_of(keywords["pad_width"], np.ndim(array)) or 0,
        }

    def compute(array: Any, *values: Any, **keywords: Any) -> Any:
        """Run `pad`, with `constant_values` if there are values."""
        return op(array, **keywords, **({"constant_values": values[0]} if values else {}))

    return Call(bind, compute, frozenset({"pad_width", "mode", "reflect_type"}))


def pairs_of(width: Any, ndim: int) -> Any:
    """Return a `pad_width`, in any form that NumPy takes, as one pair for each axis."""
    if isinstance(width, dict):
        by_axis = {axis % ndim: pair for axis, pair in width.items()}
        width = [np.broadcast_to(by_axis.get(k, 0), 2) for k in range(ndim)]
    return tuple((int(before), int(after)) for before, after in np.broadcast_to(width, (ndim, 2)))


def call_of_gradient(op: Callable[..., Any]) -> Call:
    """Return the binding of `gradient`, whose spacing is constant."""

    def bind(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
        """Return the arguments and keywords of a call in canonical form."""
        f, *spacing = args
        if any(hasattr(type(h), "__memograd_record__") for h in spacing):
            raise RefusedError(
                "np.gradient takes its spacing as constants. Give node.value, or divide "
                "differences: np.diff(y) / np.diff(x)."
            )
        return (f,), {"spacing": tuple(spacing), **kwargs}

    def compute(f: Any, spacing: Any, **kwargs: Any) -> Any:
        """Run `gradient` with the spacing as positional arguments."""
        return op(f, *spacing, **kwargs)

    return Call(bind, compute, frozenset({"spacing", "axis", "edge_order"}))


def call_of_interp(op: Callable[..., Any]) -> Call:
    """Return the binding of `interp`.

    With a period, the knots are sorted and the outermost ones repeated beyond the ends.
    """
    plain = call_of_function(op, ("x", "xp", "fp", "left", "right"))

    def bind(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
        """Return the arguments and keywords of a call in canonical form."""
        operands, keywords = plain.bind(args, kwargs)
        if "period" not in keywords:
            return operands, keywords
        period, (x, xp, fp) = np.abs(keywords["period"]), stack_lists(operands[:3])
        xp, fp = np.remainder(xp, period), fp if hasattr(fp, "dtype") else np.asarray(fp)
        order = np.argsort(xp)
        xp, fp = (np.take_along_axis(knots, order, 0) for knots in (xp, fp))
        xp = np.concatenate([xp[-1:] - period, xp, xp[:1] + period])
        return (np.remainder(x, period), xp, np.concatenate([fp[-1:], fp, fp[:1]])), NO_KWARGS

    return plain._replace(bind=bind)


def call_of_eigenvalues(op: Callable[..., Any]) -> Call:
    """Return the binding of `eig` and `eigvals` with complex results.

    Whether all eigenvalues of a real matrix are real depends on values, but a dtype is part of the
    program.
    """

    def compute(a: Any) -> Any:
        """Run the op, and convert its results to complex numbers."""
        y = op(a)
        return type(y)(*map(as_complex, y)) if isinstance(y, tuple) else as_complex(y)

    return Call(call_of_function(op, ("a",)).bind, compute)


def as_complex(y: Any) -> Any:
    """Return numbers in the complex dtype of their precision."""
    return y.astype(np.result_type(y, np.complex64))


def call_of_qr(op: Callable[..., Any]) -> Call:
    """Return the binding of `qr`, which refuses the raw form of LAPACK."""
    plain = call_of_function(op, ("a",))

    def bind(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
        """Return the arguments and keywords of a call in canonical form."""
        operands, keywords = plain.bind(args, kwargs)
        if keywords.get("mode") == "raw":
            raise NoRuleError(
                "np.linalg.qr was called with mode='raw', which gives LAPACK's "
                "reflectors. Write mode='reduced'."
            )
        return operands, keywords

    return plain._replace(bind=bind)


def call_of_product(op: np.ufunc) -> Call:
    """Return the binding of `matmul`, `vecdot` and the like without the keywords `axes` and `axis`.

    Operands with vectors or matrices along other axes are transposed when they are recorded.
    """
    plain, result = (
        call_of_ufunc(op),
        tuple(range(-1 - str(op.signature).split("->")[1].count(","), 0)),
    )

    def bind(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
        """Return the arguments and keywords of a call in canonical form."""
        given = dict(kwargs)
        axes = (
            [given.pop("axis")] * 2
            if "axis" in given and op is np.vecdot
            else given.get("axes", ())
        )
        if len(axes) == 2 or tuple(np.atleast_1d(axes[2:]).ravel()) == result:
            given.pop("axes", None)
            args = tuple(
                np.moveaxis(x, k, range(-np.size(k), 0))
                for x, k in zip(stack_lists(args), axes, strict=False)
            )
        return args, given or NO_KWARGS

    return plain._replace(bind=bind)


SPECIAL: dict[Any, Callable[[Any], Call]] = {
    np.einsum: call_of_einsum,
    np.clip: call_of_clip,
    np.reshape: call_of_ordered,
    np.ravel: call_of_ordered,
    np.sign: call_of_sign,
    np.choose: call_of_choose,
    np.select: call_of_select,
    np.piecewise: call_of_piecewise,
    np.block: call_of_block,
    np.pad: call_of_pad,
    np.gradient: call_of_gradient,
    np.interp: call_of_interp,
    np.linalg.eig: call_of_eigenvalues,
    np.linalg.eigvals: call_of_eigenvalues,
    np.linalg.qr: call_of_qr,
    **dict.fromkeys((np.matmul, np.vecdot, np.matvec, np.vecmat), call_of_product),
}
