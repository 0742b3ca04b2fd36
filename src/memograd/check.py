"""Are the derivatives right? Gradients and rules, compared with central differences, which know no rule."""

from collections.abc import Iterator
from typing import Any
from warnings import catch_warnings, simplefilter

import numpy as np

from .arrays.values import inexact, settle
from .baselines import coarsest, differences, finite_difference, suited, wide
from .errors import CheckError
from .memory.memory import Memory
from .rules.registration import Rule, rule_of
from .solver.recursion import checked_all, fitted, grad, grad_node, scalar
from .tape.node import Node
from .tape.tape import Tape
from .text import describe, op_name, printable
from .transforms.forward_mode import push_all, push_forward, transposed

SEED = 20160321
"""Of the samples and cotangents that `check_rule` draws."""


def check_grad(L: Node, targets: Any, *, rtol: float = 1e-5, atol: float = 1e-7) -> None:
    """Compare :func:`memograd.grad` with central differences.

    Parameters
    ----------
    L : Node
        A scalar of an inexact dtype.
    targets : Node, or nest of them
        By what to differentiate.
    rtol, atol : float
        Allowed is a difference of ``atol + rtol * |central difference|``. A float32 program needs about 1e-3.

    Raises
    ------
    CheckError
        They differ; says at which target and element, and both numbers.
    NotScalarError, NotDifferentiableError, OtherTapeError
        As for :func:`memograd.grad`.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> from memograd.check import check_grad
    >>> x = mg.Tape().leaf([0.5, 1.5])
    >>> check_grad(np.sum(np.sin(x) * x), x)
    """
    nodes = checked_all(scalar(L), targets)
    with L.tape.scratch():
        stand_in = L.tape.record(np.positive, (L,))  # its table ends with the block; one of L's own would stay
        for x in nodes:
            what = f"∂{printable(L.name)}/∂{describe(x._attributes)}: memograd.grad"
            advice = "memograd.check.check_rule tries the rule of one op at a time."
            compare(what, grad(stand_in, x), finite_difference(L, x), rtol, atol, advice)


def check_rule(op: Any, *args: Any, **kwargs: Any) -> None:
    """Try each line of an op's rule at sample inputs, against central differences of the op.

    Tried are double and single precision, complex numbers where the op takes them, read-only arrays that are not
    contiguous, and for an elementwise op 0-d and zero-size inputs and operands that are broadcast. A line's result must have
    its operand's shape, once the edge has done its part. The lines are also run on handles, where they must give the same
    numbers, and what they record is differentiated again, by the operands and by `g`, against central differences. What the
    op's kind or its `push` makes of tangents is compared with the transposed lines, and differentiated again, too.

    Parameters
    ----------
    op : callable
        A registered op.
    *args, **kwargs
        A sample call. Every inexact operand that has a line is differentiated. Without arguments: numbers between 0.2
        and 0.8, the same at each call.

    Raises
    ------
    CheckError
        A line is wrong, or its own derivative is, at which operand and element, with both numbers; or there was nothing to
        check.
    RuleShapeError
        A line gives another shape than its operand's.
    NoRuleError
        The op has no rule, or none for this way of calling it.

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
    rule = rule_of(op)
    operands, keywords = rule.bind(args, kwargs) if args else (_generated(rule), kwargs)
    rule.refuse(keywords)
    samples = tuple(settle(np.asarray(x)) if rule.lines[k,] and not isinstance(x, int | None) else x for k, x in enumerate(operands))
    rng = np.random.default_rng(SEED)
    tried = sum([_check_lines(rule, xs, keywords, rng) for xs in _variants(rule, samples, keywords, rng)])
    if not tried:
        raise CheckError(f"Nothing of {op_name(op)} was checked: no operand of this call is inexact and has a line. Give other arguments.")


def compare(what: str, got: Any, want: Any, rtol: float, atol: float, advice: str, other: str = "central differences give") -> None:
    """Raise at the first element of `got` that is not nearly that of `want`."""
    bad = np.argwhere(~np.isclose(got, want, rtol=rtol, atol=atol))
    if len(bad):
        i = tuple(map(int, bad[0]))
        raise CheckError(
            f"{what} gives {got[i]}, {other} {want[i]}{f' at element {list(i)}' if i else ''}, "
            f"which is off by more than {atol:g} + {rtol:g} of that ({len(bad)} of {np.size(got)} elements are). {advice}"
        )


# ---------------------------------------------------------------------------------------------------- sample inputs


def _generated(rule: Rule) -> tuple[Any, ...]:
    rng = np.random.default_rng(SEED)
    shapes = ((2, 3), (3,), (2, 1)) if rule.kind == "elementwise" else ((3, 3),)
    names = rule.operands if rule.lines.each is None else ("a", "b")
    samples = [rng.uniform(0.2, 0.8, shapes[k % len(shapes)]) for k in range(len(names))]
    return tuple(x if rule.lines[k,] else x > 0.5 for k, x in enumerate(samples))


def _variants(rule: Rule, xs: tuple[Any, ...], keywords: dict[str, Any], rng: "np.random.Generator") -> Iterator[tuple[Any, ...]]:
    """The samples in double and single precision, strided, complex, and, for elementwise ops, in other shapes."""
    ks = [k for k, x in enumerate(xs) if _differentiable(rule, k, x)]
    double = _each(xs, ks, wide)
    yield double
    yield _each(double, ks, _strided)
    yield _each(double, ks, lambda x: x.astype(np.complex64 if x.dtype.kind == "c" else np.float32))
    if rule.kind == "elementwise":
        arrays = [k for k, x in enumerate(xs) if hasattr(x, "dtype")]
        yield _each(double, arrays, lambda x: x.flat[0] if x.ndim else x)
        single = _each(double, arrays, lambda x: np.reshape(x, -1)[:1])
        for k in arrays:
            yield (*single[:k], double[k][None], *single[k + 1 :])
            yield (*single[:k], single[k][:0], *single[k + 1 :])
    for some in dict.fromkeys([tuple(ks), *((k,) for k in ks)]):
        turned = _each(double, some, lambda x: x + 1j * rng.uniform(0.2, 0.8, x.shape))
        if not any(double[k].dtype.kind == "c" for k in ks) and _takes(rule, turned, keywords):
            yield turned


def _each(xs: tuple[Any, ...], ks: Any, f: Any) -> tuple[Any, ...]:
    return tuple(settle(f(x)) if k in ks else x for k, x in enumerate(xs))


def _strided(x: Any) -> Any:
    """`x` as a read-only view of every other number of an array: a leaf takes it as it is."""
    return settle(np.repeat(x[..., None], 2, axis=-1))[..., 0]


def _differentiable(rule: Rule, k: int, x: Any) -> bool:
    return bool(rule.lines[k,]) and hasattr(x, "dtype") and inexact(x.dtype)


def _takes(rule: Rule, xs: tuple[Any, ...], keywords: dict[str, Any]) -> bool:
    """Whether the op takes such operands, without throwing imaginary parts away."""
    with catch_warnings():
        simplefilter("error", np.exceptions.ComplexWarning)
        try:
            rule.run(xs, keywords)
        except (TypeError, np.exceptions.ComplexWarning):
            return False
    return True


# ------------------------------------------------------------------------------------------------------- one sample


def _check_lines(rule: Rule, xs: tuple[Any, ...], keywords: dict[str, Any], rng: "np.random.Generator") -> int:
    """Check each line at one sample; how many there were."""
    tape = Tape()
    leaves = {k: tape.leaf(x) for k, x in enumerate(xs) if _differentiable(rule, k, x)}
    if not leaves:
        return 0
    y = tape.record(rule.op, tuple(leaves.get(k, x) for k, x in enumerate(xs)), keywords)
    c, memory = _id(y), tape._memory
    g, ds = _cotangent(memory.value(c), rng), []
    for k, leaf in leaves.items():
        ((_, line),) = rule.lines[k,]
        ds.append(fitted(line.pull(g, c, k, memory.steps, memory.value), memory, c, k, leaf.id))
        want = _pairing_differences(rule, xs, keywords, g, k)
        precision = coarsest((*_parts(memory.value(c)), xs[k]))
        compare(_called(rule, xs, k, "the rule"), ds[-1], want, *_tolerances(precision), "Mend that line of the rule.")
    _check_pushes(rule, xs, leaves, c, memory)
    if precision < 1e-9:
        _check_recorded(rule, xs, leaves, _parts(y), _parts(g), ds, rng)
    return len(leaves)


def _called(rule: Rule, xs: tuple[Any, ...], k: int, what: str) -> str:
    """What a message says of operand k."""
    name = rule.operands[k] if rule.lines.each is None else k
    return f"{op_name(rule.op)}, operand {name} ({xs[k].dtype} {xs[k].shape}): {what}"


def _tolerances(precision: float) -> tuple[float, float]:
    return (1e-6, 1e-8) if precision < 1e-9 else (1e-3, 1e-5)


def _check_pushes(rule: Rule, xs: tuple[Any, ...], leaves: dict[int, Node], c: int, memory: Memory) -> None:
    """The tangent of each operand gives what its line, transposed, makes of it."""
    rng = np.random.default_rng(SEED)
    for k, leaf in leaves.items():
        t, ((_, line),) = _cotangent(xs[k], rng), rule.lines[k,]
        got = push_forward(memory, {leaf.id: t}, c, memory.value)
        want = transposed(memory, line, c, k, t, memory.value)
        for y, a, b in zip(_parts(memory.value(c)), _parts(got), _parts(want), strict=True):
            if a is not None or b is not None:
                a, b = (np.zeros(y.shape) if part is None else part for part in (a, b))
                compare(_called(rule, xs, k, "the push"), a, b, *_tolerances(coarsest((y, xs[k]))), MEND_PUSH, "the transposed line gives")


def _check_recorded(
    rule: Rule, xs: tuple[Any, ...], leaves: dict[int, Node], ys: Any, gs: Any, ds: list[Any], rng: "np.random.Generator"
) -> None:
    """The lines on handles give what they gave on arrays, `ds`, and the derivatives of what they record are right."""
    tape, keep = ys[0].tape, [j for j, y in enumerate(ys) if inexact(y.dtype)]
    seeds = [tape.leaf(gs[j]) for j in keep]
    L = _pairing([ys[j] for j in keep], seeds)
    recorded = grad_node(L, list(leaves.values()))
    for k, d, node in zip(leaves, ds, recorded, strict=True):
        compare(_called(rule, xs, k, "the rule on handles"), node.value, d, 1e-12, 1e-14, AS_ON_ARRAYS, "on arrays it gives")
    ts = [_cotangent(d, rng) for d in ds]
    S = L + _pairing(recorded, ts)  # L too: the op's outputs are used in both
    given = {x.id: tape.leaf(t) for x, t in zip(leaves.values(), ts, strict=True)}
    tangents = push_all(tape._memory, given, [y.id for y in ys], tape._handle)
    pushed = [j for j in keep if ys[j].id in tangents]
    P = L + _pairing([tangents[ys[j].id] for j in pushed], [seeds[keep.index(j)] for j in pushed])
    named = {_called(rule, xs, k, "the second order"): leaf for k, leaf in leaves.items()}
    for what, leaf in (named | {f"{op_name(rule.op)}, g: the second order": seed for seed in seeds}).items():
        want = finite_difference(S, leaf)
        slack = 1e-8 * max(1.0, float(np.max(np.abs(want), initial=0.0)), float(np.abs(S.value)))
        compare(what, grad(S, leaf), want, 1e-5, slack, "Mend what the lines read: they are differentiated as they are written.")
        compare(f"{what} of the push", grad(P, leaf), want, 1e-5, slack, MEND_PUSH)


def _pairing(nodes: list[Node], others: list[Any]) -> Node:
    """Re Σ g·y, as a node."""
    total: Node = sum(np.sum(np.real(a * b)) for a, b in zip(nodes, others, strict=True))
    return total


MEND_PUSH = (
    "Mend the line, which has to be linear in g, or the push; or register the op by another word, as one that it is: "
    "memograd.rule pushes by transposing the lines."
)

AS_ON_ARRAYS = "A line may use only registered functions, and may not look at what it is given, save at shapes, dtypes and keywords."


def _id(y: Any) -> int:
    """The node of an op, given its handle or, where it has several outputs, theirs."""
    one: Node = y[0].operands[0] if isinstance(y, tuple) else y
    return one.id


def _parts(y: Any) -> tuple[Any, ...]:
    return y if isinstance(y, tuple) else (y,)


def _cotangent(y: Any, rng: "np.random.Generator") -> Any:
    """A random cotangent of a value, or of each of a tuple of values."""
    if isinstance(y, tuple):
        return tuple(_cotangent(part, rng) for part in y)
    g = rng.uniform(0.5, 1.5, y.shape) * rng.choice([-1, 1], y.shape)
    return settle(np.asarray(g + 1j * rng.uniform(0.5, 1.5, y.shape) if y.dtype.kind == "c" else g).astype(y.dtype))


def _pairing_differences(rule: Rule, xs: tuple[Any, ...], keywords: dict[str, Any], g: Any, k: int) -> Any:
    """The derivative of Re Σ g·op(x) by operand k: what the line should give."""
    ks = [j for j, x in enumerate(xs) if _differentiable(rule, j, x)]
    at = _each(xs, ks, wide)

    def pairing(x: Any) -> Any:
        y = settle(rule.run((*at[:k], x, *at[k + 1 :]), keywords))
        return sum(np.sum(np.real(a * b)) for a, b in zip(_parts(g), _parts(y), strict=True))

    return differences(pairing, at[k], suited(at[k], _parts(settle(rule.run(at, keywords)))))
