"""Checks of gradients and rules against central differences, which use no rule."""

from collections.abc import Iterator
from typing import Any
from warnings import catch_warnings, simplefilter

import numpy as np

from .arrays.pytrees import tree_leaves, tree_map
from .arrays.values import canonicalize, is_inexact
from .errors import CheckError, NoRuleError
from .memory.memory import Memory
from .rules.registration import Rule, rule_of
from .solver.gradients import grad
from .solver.recursion import conform_to_operand
from .solver.symbolic import grad_node
from .solver.targets import check_targets, require_scalar
from .tape.node import Node
from .tape.tape import Tape
from .text import derivative_name, describe, op_name, printable
from .transforms.finite_differences import (
    central_differences,
    coarsest_precision,
    finite_difference,
    step_sizes,
    widen,
)
from .transforms.forward_mode import push_all, push_forward, transpose_vjp

__all__ = ["check_grad", "check_rule"]

SEED = 20160321
"""Seed of the samples and cotangents that `check_rule` draws."""


def check_grad(L: Node, targets: Any, *, rtol: float = 1e-5, atol: float = 1e-7) -> None:
    """Compare :func:`memograd.grad` with central differences.

    Parameters
    ----------
    L : Node
        A scalar of an inexact dtype.
    targets : Node, or pytree of them
        The nodes by which to differentiate.
    rtol, atol : float
        The allowed difference is ``atol + rtol * |central difference|``. A float32 program needs
        about 1e-3.

    Raises
    ------
    CheckError
        If they differ; the message names the target, the element and both numbers.
    NotScalarError, NotDifferentiableError, OtherTapeError
        As for :func:`memograd.grad`.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> from memograd.check import check_grad
    >>> x = mg.Tape().leaf([0.5, 1.5])
    >>> check_grad(np.sum(np.sin(x) * x), x)
    """
    nodes = check_targets(require_scalar(L), targets)
    with L.tape.scratch():
        # a copy, whose table ends with the scratch block: a table of L itself would stay
        stand_in = L.tape.record(np.positive, (L,))
        for x in nodes:
            label = derivative_name(printable(L.name), describe(x.attributes))
            what = f"{label}: memograd.grad"
            advice = "memograd.check.check_rule tries the rule of one op at a time."
            compare_elements(what, grad(stand_in, x), finite_difference(L, x), rtol, atol, advice)


def check_rule(op: Any, *args: Any, **kwargs: Any) -> None:
    """Compare each VJP rule of an op with central differences of the op, at sample inputs.

    The samples are tried in double and single precision, complex where the op and its rules take
    them, as read-only arrays that are not contiguous, and for an elementwise op with 0-d and zero-
    size inputs and operands that are broadcast. A rule's result must have its operand's shape, once
    the solver has summed over broadcast axes. The rules are also run on node handles, where they
    must give the same numbers, and the program that they record is differentiated again, by the
    operands and by `g`, and compared with central differences. The pushes that the op's kind or its
    `push` define are compared with the transposed rules, and differentiated again, too.

    Parameters
    ----------
    op : callable
        A registered op.
    *args, **kwargs
        A sample call. Every inexact operand that has a rule is differentiated. Without arguments:
        numbers between 0.2 and 0.8, the same at each call. An op that was made with `vjp` needs a
        call; its gradient in double precision is checked.

    Raises
    ------
    CheckError
        If a rule is wrong, or its own derivative is; the message names the operand, the element and
        both numbers. Also if there is nothing to check.
    RuleShapeError
        If a rule gives another shape than its operand's.
    NoRuleError
        If the op has no rule, or none for this way of calling it.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> from memograd.check import check_rule
    >>> check_rule(np.sin)
    >>> check_rule(np.sum, np.arange(6.0).reshape(2, 3), axis=0)
    >>> cubed = mg.op(lambda x: x**3)
    >>> mg.elementwise(cubed, x=lambda g, x: 2 * g * x**2)
    >>> check_rule(cubed, 2.0)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    memograd.errors.CheckError: <lambda>, operand x (float64 ()): the rule gives ...
    """
    if hasattr(op, "applied"):
        return _check_general_op(op, args, kwargs)
    rule = rule_of(op)
    operands, keywords = rule.bind(args, kwargs) if args else (sample_operands(rule), kwargs)
    rule.reject_keywords(keywords)
    samples = tuple(
        canonicalize(np.asarray(x)) if rule.pulls[k,] and not isinstance(x, int | None) else x
        for k, x in enumerate(operands)
    )
    rng = np.random.default_rng(SEED)
    variants = _sample_variants(rule, samples, keywords, rng)
    if not sum([_check_rules_at(rule, xs, keywords, rng) for xs in variants]):
        raise CheckError(
            f"Nothing of {op_name(op)} was checked: no operand of this call is inexact and has a "
            f"line. Give other arguments."
        )


def _check_general_op(op: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Check the gradient of a weighted sum of all results of an op that was made with `vjp`."""
    tape, rng = Tape(), np.random.default_rng(SEED)
    operands = tree_map(lambda a: tape.leaf(a) if is_inexact(np.asarray(a).dtype) else a, args)
    leaves = [node for node in tree_leaves(operands) if isinstance(node, Node)]
    results = tree_leaves(op(*operands, **kwargs))
    parts: list[Any] = [y for y in results if isinstance(y, Node) and is_inexact(y.dtype)]
    if not parts:
        raise CheckError(
            f"Nothing of {op_name(op)} was checked: no argument of this call is inexact. Give "
            f"arrays of floats."
        )
    L: Any = sum(np.sum(np.real(y * rng.normal(size=y.shape))) for y in parts)
    check_grad(L, leaves)


def compare_elements(
    what: str,
    got: Any,
    want: Any,
    rtol: float,
    atol: float,
    advice: str,
    other: str = "central differences give",
) -> None:
    """Raise at the first element of `got` that is not close to that of `want`.

    Parameters
    ----------
    what : str
        What gives `got`.
    got, want : array
        Values to be compared.
    rtol, atol : float
        The allowed difference is ``atol + rtol * |want|``.
    advice : str
        How to fix it.
    other : str
        What gives `want`, with its verb.

    Raises
    ------
    CheckError
        If an element differs by more.
    """
    bad = np.argwhere(~np.isclose(got, want, rtol=rtol, atol=atol))
    if len(bad):
        i = tuple(map(int, bad[0]))
        raise CheckError(
            f"{what} gives {got[i]}, {other} {want[i]}{f' at element {list(i)}' if i else ''}, "
            f"which is off by more than {atol:g} + {rtol:g} of that "
            f"({len(bad)} of {np.size(got)} elements are). {advice}"
        )


def sample_operands(rule: Rule) -> tuple[Any, ...]:
    """Return sample operands of an op: inexact where it has a rule, else of bool."""
    rng = np.random.default_rng(SEED)
    shapes = ((2, 3), (3,), (2, 1)) if rule.kind == "elementwise" else ((3, 3),)
    names = rule.operands if rule.pulls.each is None else ("a", "b")
    samples = [rng.uniform(0.2, 0.8, shapes[k % len(shapes)]) for k in range(len(names))]
    return tuple(x if rule.pulls[k,] else x > 0.5 for k, x in enumerate(samples))


def _sample_variants(
    rule: Rule, xs: tuple[Any, ...], keywords: dict[str, Any], rng: "np.random.Generator"
) -> Iterator[tuple[Any, ...]]:
    """Yield the samples in double and single precision, strided, in other shapes, and complex.

    Other shapes are for elementwise ops: 0-d, of size zero, and broadcast.

    Parameters
    ----------
    rule : Rule
        The op's rules.
    xs : tuple
        Sample operands.
    keywords : dict
        Keyword arguments of the call.
    rng : numpy.random.Generator
        Source of the imaginary parts.

    Yields
    ------
    tuple
        Operands of one call.
    """
    ks = [k for k, x in enumerate(xs) if _is_differentiable_operand(rule, k, x)]
    double = _map_at(xs, ks, widen)
    yield double
    yield _map_at(double, ks, _view_with_strides)
    yield _map_at(
        double, ks, lambda x: x.astype(np.complex64 if x.dtype.kind == "c" else np.float32)
    )
    if rule.kind == "elementwise":
        arrays = [k for k, x in enumerate(xs) if hasattr(x, "dtype")]
        yield _map_at(double, arrays, lambda x: x.flat[0] if x.ndim else x)
        single = _map_at(double, arrays, lambda x: np.reshape(x, -1)[:1])
        for k in arrays:
            yield (*single[:k], double[k][None], *single[k + 1 :])
            yield (*single[:k], single[k][:0], *single[k + 1 :])
    for some in dict.fromkeys([tuple(ks), *((k,) for k in ks)]):
        turned = _map_at(double, some, lambda x: x + 1j * rng.uniform(0.2, 0.8, x.shape))
        if not any(double[k].dtype.kind == "c" for k in ks) and _accepts(rule, turned, keywords):
            yield turned


def _map_at(xs: tuple[Any, ...], ks: Any, f: Any) -> tuple[Any, ...]:
    """Apply f to the operands at positions ks."""
    return tuple(canonicalize(f(x)) if k in ks else x for k, x in enumerate(xs))


def _view_with_strides(x: Any) -> Any:
    """Return x as a read-only strided view of an array, which a leaf keeps as it is."""
    return canonicalize(np.repeat(x[..., None], 2, axis=-1))[..., 0]


def _is_differentiable_operand(rule: Rule, k: int, x: Any) -> bool:
    """Return whether operand k has a rule and the sample x an inexact dtype."""
    return bool(rule.pulls[k,]) and hasattr(x, "dtype") and is_inexact(x.dtype)


def _accepts(rule: Rule, xs: tuple[Any, ...], keywords: dict[str, Any]) -> bool:
    """Return whether the op keeps imaginary parts of these operands, and no rule refuses them."""
    with catch_warnings():
        simplefilter("error", np.exceptions.ComplexWarning)
        try:
            rule.run(xs, keywords)
        except (TypeError, np.exceptions.ComplexWarning):
            return False
    tape = Tape()
    leaves = {k: tape.leaf(x) for k, x in enumerate(xs) if _is_differentiable_operand(rule, k, x)}
    y = tape.record(rule.op, tuple(leaves.get(k, x) for k, x in enumerate(xs)), keywords)
    c, memory = _op_node_id(y), tape.state
    g = _random_cotangent(memory.value(c), np.random.default_rng(SEED))
    try:
        for k in leaves:
            ((_, vjp),) = rule.pulls[k,]
            vjp.pull(g, c, k, memory.steps, memory.value)
    except NoRuleError:
        return False
    return True


def _check_rules_at(
    rule: Rule, xs: tuple[Any, ...], keywords: dict[str, Any], rng: "np.random.Generator"
) -> int:
    """Check the VJP rule of each operand at one sample; return the number of operands checked.

    Parameters
    ----------
    rule : Rule
        The op's rules.
    xs : tuple
        Operands.
    keywords : dict
        Keyword arguments of the call.
    rng : numpy.random.Generator
        Source of the cotangents.

    Returns
    -------
    int
        0 if no operand is inexact and has a rule.
    """
    tape = Tape()
    leaves = {k: tape.leaf(x) for k, x in enumerate(xs) if _is_differentiable_operand(rule, k, x)}
    if not leaves:
        return 0
    y = tape.record(rule.op, tuple(leaves.get(k, x) for k, x in enumerate(xs)), keywords)
    c, memory = _op_node_id(y), tape.state
    g, ds = _random_cotangent(memory.value(c), rng), []
    for k, leaf in leaves.items():
        ((_, vjp),) = rule.pulls[k,]
        ds.append(
            conform_to_operand(vjp.pull(g, c, k, memory.steps, memory.value), memory, c, k, leaf.id)
        )
        want = _pairing_differences(rule, xs, keywords, g, k)
        precision = coarsest_precision((*_output_parts(memory.value(c)), xs[k]))
        compare_elements(
            _operand_label(rule, xs, k, "the rule"),
            ds[-1],
            want,
            *_tolerances(precision),
            "Fix that line of the rule.",
        )
    _check_pushes(rule, xs, leaves, c, memory)
    if precision < 1e-9:
        _check_recorded(rule, xs, leaves, _output_parts(y), _output_parts(g), ds, rng)
    return len(leaves)


def _operand_label(rule: Rule, xs: tuple[Any, ...], k: int, what: str) -> str:
    """Return how a message names operand k."""
    name = rule.operands[k] if rule.pulls.each is None else k
    return f"{op_name(rule.op)}, operand {name} ({xs[k].dtype} {xs[k].shape}): {what}"


def _tolerances(precision: float) -> tuple[float, float]:
    """Return the relative and the absolute tolerance of central differences."""
    return (1e-6, 1e-8) if precision < 1e-9 else (1e-3, 1e-5)


def _check_pushes(
    rule: Rule, xs: tuple[Any, ...], leaves: dict[int, Node], c: int, memory: Memory
) -> None:
    """Check that the push of each operand's tangent equals its VJP rule, transposed.

    Parameters
    ----------
    rule : Rule
        The op's rules.
    xs : tuple
        Operands.
    leaves : dict of int to Node
        The operands to be checked, by position.
    c : int
        The node of the op.
    memory : Memory
        Memory of the tape.
    """
    rng = np.random.default_rng(SEED)
    for k, leaf in leaves.items():
        t, ((_, vjp),) = _random_cotangent(xs[k], rng), rule.pulls[k,]
        got = push_forward(memory, {leaf.id: t}, c, memory.value)
        want = transpose_vjp(memory, vjp, c, k, t, memory.value)
        for y, a, b in zip(
            _output_parts(memory.value(c)), _output_parts(got), _output_parts(want), strict=True
        ):
            if a is not None or b is not None:
                a, b = (np.zeros(y.shape) if part is None else part for part in (a, b))
                compare_elements(
                    _operand_label(rule, xs, k, "the push"),
                    a,
                    b,
                    *_tolerances(coarsest_precision((y, xs[k]))),
                    FIX_PUSH,
                    "the transposed line gives",
                )


def _check_recorded(
    rule: Rule,
    xs: tuple[Any, ...],
    leaves: dict[int, Node],
    ys: Any,
    gs: Any,
    ds: list[Any],
    rng: "np.random.Generator",
) -> None:
    """Check the rules on node handles, and the derivatives of the program that they record.

    Parameters
    ----------
    rule : Rule
        The op's rules.
    xs : tuple
        Operands.
    leaves : dict of int to Node
        The operands to be checked, by position.
    ys, gs : tuple
        Outputs of the op, and their cotangents.
    ds : list
        What the rules gave on arrays, in the order of the leaves.
    rng : numpy.random.Generator
        Source of the cotangents of `ds`.
    """
    tape = ys[0].tape
    keep = [j for j, y in enumerate(ys) if is_inexact(y.dtype)]
    seeds = [tape.leaf(gs[j]) for j in keep]
    L = _pairing_node([ys[j] for j in keep], seeds)
    recorded = grad_node(L, list(leaves.values()))
    for k, d, node in zip(leaves, ds, recorded, strict=True):
        compare_elements(
            _operand_label(rule, xs, k, "the rule on handles"),
            node.value,
            d,
            1e-12,
            1e-14,
            AS_ON_ARRAYS,
            "on arrays it gives",
        )
    ts = [_random_cotangent(d, rng) for d in ds]
    S = L + _pairing_node(recorded, ts)  # L too: the op's outputs are used in both
    given = {x.id: tape.leaf(t) for x, t in zip(leaves.values(), ts, strict=True)}
    tangents = push_all(tape.state, given, [y.id for y in ys], tape.handle)
    pushed = [j for j in keep if ys[j].id in tangents]
    P = L + _pairing_node(
        [tangents[ys[j].id] for j in pushed], [seeds[keep.index(j)] for j in pushed]
    )
    named = {_operand_label(rule, xs, k, "the second order"): leaf for k, leaf in leaves.items()}
    named |= {f"{op_name(rule.op)}, g: the second order": seed for seed in seeds}
    for what, leaf in named.items():
        want = finite_difference(S, leaf)
        slack = 1e-8 * max(1.0, float(np.max(np.abs(want), initial=0.0)), float(np.abs(S.value)))
        compare_elements(
            what,
            grad(S, leaf),
            want,
            1e-5,
            slack,
            "Fix what the rules read: they are differentiated as they are written.",
        )
        compare_elements(f"{what} of the push", grad(P, leaf), want, 1e-5, slack, FIX_PUSH)


def _pairing_node(nodes: list[Node], others: list[Any]) -> Node:
    """Return Re Σ g·y as a node."""
    total: Node = sum(np.sum(np.real(a * b)) for a, b in zip(nodes, others, strict=True))
    return total


FIX_PUSH = (
    "Fix the VJP rule, which has to be linear in g, or the push; or register the op by the "
    "function for its kind: memograd.rule pushes by transposing the VJP rules."
)
"""Advice if a push is wrong."""

AS_ON_ARRAYS = (
    "A VJP rule may use only registered functions, and of its arguments it may look only at "
    "shapes, dtypes and keywords."
)
"""Advice if a rule gives something else on node handles than on arrays."""


def _op_node_id(y: Any) -> int:
    """Return the node of an op, given its handle or, if it has several outputs, theirs."""
    one: Node = y[0].operands[0] if isinstance(y, tuple | list) else y
    return one.id


def _output_parts(y: Any) -> tuple[Any, ...]:
    """Return the outputs of an op as a tuple."""
    return tuple(y) if isinstance(y, tuple | list) else (y,)


def _random_cotangent(y: Any, rng: "np.random.Generator") -> Any:
    """Return a random cotangent of a value, or of each value of a tuple."""
    if isinstance(y, tuple):
        return tuple(_random_cotangent(part, rng) for part in y)
    g = rng.uniform(0.5, 1.5, y.shape) * rng.choice([-1, 1], y.shape)
    if y.dtype.kind == "c":
        g = g + 1j * rng.uniform(0.5, 1.5, y.shape)
    return canonicalize(np.asarray(g).astype(y.dtype))


def _pairing_differences(
    rule: Rule, xs: tuple[Any, ...], keywords: dict[str, Any], g: Any, k: int
) -> Any:
    """Return the derivative of Re Σ g·op(x) by operand k, which its rule should give.

    Parameters
    ----------
    rule : Rule
        The op's rules.
    xs : tuple
        Operands.
    keywords : dict
        Keyword arguments of the call.
    g : array, or tuple of them
        Cotangent of the result.
    k : int
        Position of the operand.

    Returns
    -------
    array
        In the operand's shape.
    """
    ks = [j for j, x in enumerate(xs) if _is_differentiable_operand(rule, j, x)]
    at = _map_at(xs, ks, widen)

    def pairing(x: Any) -> Any:
        """Return Re Σ g·op(x), where x is operand k."""
        y = canonicalize(rule.run((*at[:k], x, *at[k + 1 :]), keywords))
        pairs = zip(_output_parts(g), _output_parts(y), strict=True)
        return sum(np.sum(np.real(a * b)) for a, b in pairs)

    steps = step_sizes(at[k], _output_parts(canonicalize(rule.run(at, keywords))))
    return central_differences(pairing, at[k], steps)
