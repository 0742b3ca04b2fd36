"""Conversions of nodes: right or refused, in every mode; and what a refusal says."""

import math
import re
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import conversions
import numpy as np
import pytest
import scipy.special as sp
from scipy import linalg, optimize, special, stats
from scipy.special import logsumexp as lse

import memograd as mg
from memograd.errors import OtherTapeError, RefusedError
from memograd.functional import compiled, grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp
from memograd.tape.conversion_advice import caller_of
from memograd.tape.node import Node

PAGE = Path(__file__).parents[3] / "examples" / "conversions.md"
X = np.array([2.7, 5.4])


def test_the_page_says_what_happens() -> None:
    assert PAGE.read_text(encoding="utf-8") == conversions.page() + "\n"


# ------------------------------------------------------------------------------------------- the derivative is right


def total(use: Callable[[Any], Any], x: Any) -> Any:
    """The sum of what a use gives."""
    y = use(x)
    return sum(
        np.sum(part)
        for part in (y if isinstance(y, list | tuple) else [y] if y is not None else [])
    )


NUMERIC = {
    text: (use, value)
    for uses, value in ((conversions.OF_NUMBERS, np.array(2.7)), (conversions.OF_ARRAYS, X))
    for text, use in uses.items()
    if conversions.in_grad(use, value) in ("node", "value") and text not in ("`x.value`",)
}


@pytest.mark.parametrize("text", NUMERIC)
def test_what_is_not_refused_has_the_right_derivative(text: str) -> None:
    use, x = NUMERIC[text]

    def f(x: Any) -> Any:
        return np.sum(np.square(x)) + total(use, x)

    moved = [
        (k, np.where(np.arange(x.size) == k, 1e-6, 0.0).reshape(x.shape)) for k in range(x.size)
    ]
    if text == "`x.at[i].set(v)`":  # arrays have no `at`
        wanted = 2 * x + [0.0, 1.0]
    else:
        wanted = (
            np.reshape(
                [float(total(partial(_plain, use), (x, step))) / 2e-6 for _, step in moved], x.shape
            )
            + 2 * x
        )
    np.testing.assert_allclose(grad(f)(x), wanted, rtol=1e-6)


def _plain(use: Callable[[Any], Any], moved: tuple[Any, Any]) -> float:
    """How much a use of arrays grows."""
    x, step = moved
    return float(total(use, (x + step)[()]) - total(use, (x - step)[()]))


FORMS: dict[str, Callable[[Any], Any]] = {
    "grad": lambda f: grad(f)(X),
    "value_and_grad": lambda f: value_and_grad(f)(X),
    "vjp": lambda f: vjp(f, X),
    "jvp": lambda f: jvp(f, (X,), (X,)),
    "hvp": lambda f: hvp(f, (X,), (X,)),
    "jacobian": lambda f: jacobian(f)(X),
    "hessian": lambda f: hessian(f)(X),
    "compiled": lambda f: compiled(f)(X),
    "compiled grad": lambda f: compiled(grad(f))(X),
    "Problem": lambda f: mg.optimize.Problem(f, X),
    "minimize": lambda f: mg.optimize.minimize(f, X),
    "a node of a tape": lambda f: grad(f)(mg.Tape().leaf(X)),
}
"""Whatever records a function."""

TELLS = {name: name not in ("compiled", "compiled grad", "Problem", "minimize") for name in FORMS}
"""Whether a form lets a node tell its value."""


def into_items(x: Any) -> Any:
    out = np.zeros(2)
    for k in range(2):
        out[k] = x[k] ** 2
    return out.sum()


def slice_of_items(x: Any) -> Any:
    out = np.zeros(3)
    out[:2] = x
    return out.sum()


def added(x: Any) -> Any:
    y = np.zeros(2)
    y += x
    return np.sum(y)


LOST: dict[str, Callable[[Any], Any]] = {
    "np.array": lambda x: np.sum(np.array([x[0] ** 2, 3 * x[1]])),
    "np.sum": lambda x: np.sum([x[0], 3 * x[1]]),
    "an operator": lambda x: np.sum(np.ones(2) * [x[0], 3 * x[1]]),
    "items": into_items,
    "np.asarray": lambda x: np.sum(np.asarray(x) ** 2),
    "float": lambda x: float(x[0]) ** 2,
    "math.sin": lambda x: math.sin(x[0]),
    "item": lambda x: x[0].item() ** 2,
    "tolist": lambda x: sum(x.tolist()),
    "np.vectorize": lambda x: np.sum(np.vectorize(lambda a: a * a)(x)),
    "+=": added,
    "logsumexp": lse,
    "softmax": lambda x: special.softmax(x)[0],
    "solve": lambda x: np.sum(linalg.solve(np.eye(2), x)),
    "norm.logpdf": lambda x: np.sum(stats.norm.logpdf(x)),
    "format": lambda x: float(f"{x[0]:.3f}"),
    "a generator": lambda x: np.random.default_rng(1).normal(x[0]),
}
"""Programs whose gradient would be zero, and right alone."""


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("program", LOST)
def test_every_form_refuses_what_would_lose_a_derivative(form: str, program: str) -> None:
    with pytest.raises(RefusedError) as caught:
        FORMS[form](LOST[program])
    if not TELLS[form]:
        assert not re.search(r"\.value\b", str(caught.value))


def test_a_minimum_is_not_found_at_the_start() -> None:
    data = np.array([1.0, 2.0, 4.0])

    def loss(p: Any) -> Any:
        return -np.sum(special.logsumexp(np.array([stats.norm.logpdf(data, m) for m in p]), axis=0))

    with pytest.raises(RefusedError):
        optimize.minimize(value_and_grad(loss), [0.0, 1.0], jac=True)


@pytest.mark.parametrize("equal", [np.array_equal, np.array_equiv])
def test_numpys_comparisons_of_lists_do_not_hide_a_refusal(equal: Callable[..., bool]) -> None:
    x = mg.Tape().leaf(X)
    for a, b in (([x], [x]), ([x[0]], [2.7]), ([2.7, 5.4], [*x]), ([x], X[None])):
        with pytest.raises(RefusedError, match="memograd.numpy.array_equ"):
            equal(a, b)
    assert not equal([x], np.zeros(7))  # shapes stay

    def f(x: Any) -> Any:
        return x[0] * equal([x], X[None]) * equal([x[0], 5.4], X) * (not equal([x[0]], [1.0]))

    assert grad(f)(X).tolist() == [1.0, 0.0]
    assert grad(lambda z: np.real(z[0]) * equal([z[0]], [1j]))(np.array([1j])) == [1.0]


# -------------------------------------------------------------------------------------------- what is being differentiated


def test_what_no_derivative_runs_through_converts() -> None:
    table = np.array([10.0, 20.0])

    def f(x: Any) -> Any:
        order = np.argsort(x)
        counts = np.zeros(2)
        counts += x > 3.0
        weights = (
            float(np.floor(x[0]))
            + float(mg.stop_gradient(x[0]))
            + np.asarray(mg.stop_gradient(x))[0]
        )
        return (
            np.sum(x * table[order]) * weights
            + np.sum(counts * x)
            + x[[int(order[0]), order[1]]][1]
        )

    np.testing.assert_allclose(grad(f)(X), table * (2 + 2 * 2.7) + [0.0, 2.0], rtol=1e-12)


def test_an_inner_derivative_of_constants_converts() -> None:
    def f(x: Any) -> Any:
        start = 1.5
        for _ in range(3):
            slope = grad(lambda y: y**3)(start)
            assert isinstance(slope, Node)
            start = start - 0.1 * float(slope)
        return x * start

    plain = 1.5
    for _ in range(3):
        plain -= 0.1 * 3 * plain**2
    assert grad(f)(2.0) == pytest.approx(plain, rel=1e-12)


@pytest.mark.parametrize("convert", [float, lambda z: z.item(), math.exp])
def test_an_inner_function_may_convert_neither_its_argument_nor_that_around_it(
    convert: Callable[[Any], Any],
) -> None:
    with pytest.raises(RefusedError):
        grad(lambda x: x * grad(lambda y: y * convert(y))(3.0))(2.0)
    with pytest.raises(RefusedError):
        grad(lambda x: x * grad(lambda y: y * convert(x))(3.0))(2.0)


def test_afterwards_nodes_of_a_trace_convert() -> None:
    kept: list[Any] = []
    grad(lambda x: kept.append(np.sin(x)) or kept[0] * x)(0.5)  # type: ignore[func-returns-value]
    assert float(kept[0]) == np.sin(0.5)


def test_an_error_ends_what_is_being_differentiated() -> None:
    kept: list[Any] = []
    with pytest.raises(ZeroDivisionError):
        grad(lambda x: kept.append(x) or 1 / 0)(0.5)  # type: ignore[func-returns-value]
    assert float(kept[0]) == 0.5


def test_another_thread_refuses_too() -> None:
    said: list[Any] = []

    def f(x: Any) -> Any:
        thread = threading.Thread(target=lambda: said.append(conversions.outcome(float, x)))
        thread.start()
        thread.join()
        return x * x

    grad(f)(2.0)
    assert said == ["refused"]


def test_a_rule_that_converts_is_refused_where_it_is_differentiated() -> None:
    cubed = mg.op(lambda x: x**3)
    mg.elementwise(cubed, x=lambda g, x: g * 3 * np.asarray(x) ** 2)
    assert grad(cubed)(2.0) == 12.0
    for second in (grad(grad(cubed)), lambda x: hvp(cubed, (x,), (1.0,)), hessian(cubed)):
        with pytest.raises(RefusedError):
            second(2.0)


def test_what_says_that_it_gives_a_value_gives_it() -> None:
    assert grad(lambda x: x * x.value)(3.0) == 3.0
    assert grad(lambda x: x * float(x.value))(mg.Tape().leaf(3.0)).value == 3.0


@pytest.mark.parametrize("ask", [mg.grad, lambda y, x: mg.vjp(y, x, 1.0), lambda y, x: mg.jvp(y, x, X), lambda y, x: mg.hvp(y, x, X),
                                 mg.jacobian, mg.hessian])  # fmt: skip
@pytest.mark.parametrize("form", FORMS)
def test_derivatives_as_arrays_are_refused_where_they_would_lose_their_own(
    ask: Callable[..., Any], form: str
) -> None:
    with pytest.raises(RefusedError, match=r"gives arrays.* Use memograd\.functional\."):
        FORMS[form](lambda x: np.sum(x * np.sum(ask(np.sum(x**3), x))))


def test_derivatives_of_another_tape_are_given_inside_a_function() -> None:
    w = mg.Tape().leaf(3.0)
    L = w * w
    assert grad(lambda x: x * mg.grad(L, w))(2.0) == 6.0


# --------------------------------------------------------------------------------------------- what is recorded for reuse


@pytest.mark.parametrize(
    "read", [lambda x: x.value, lambda x: x[0].value, lambda x: np.sum(x).value]
)
def test_a_value_is_not_read_while_a_function_is_recorded(read: Callable[[Any], Any]) -> None:
    step = compiled(lambda x: np.sum(x) * np.sum(read(x)))
    with pytest.raises(RefusedError, match=r"was read at .*the plan .* np\.where"):
        step(X)
    assert step.plans == {}
    with pytest.raises(
        RefusedError, match=r"was read at .*other points .* np\.where.*value_and_grad"
    ):
        mg.optimize.Problem(lambda x: np.sum(x) * np.sum(read(x)), X)


def test_afterwards_the_tape_of_an_optimiser_tells() -> None:
    problem = mg.optimize.Problem(lambda x: np.sum(x * x), X)
    assert problem.y.value == np.sum(X * X) and float(problem.x.value[0]) == 2.7


def test_advice_to_take_the_value_says_that_it_is_refused() -> None:
    for form in (compiled, lambda f: partial(mg.optimize.Problem, f)):
        with pytest.raises(mg.MemogradError, match=r"node\.value.* no value may be read here"):
            form(lambda x: np.sum(np.unique(x)))(X)
        with pytest.raises(OtherTapeError) as caught:
            stranger = mg.optimize.Problem(lambda x: np.sum(x), X).x
            form(lambda x, s=stranger: np.sum(x * s))(X)
        assert "value" in str(caught.value)


# ------------------------------------------------------------------------------------------------------ what it says


def test_items_of_constant_arrays_are_set_as_advised() -> None:
    def filled(v: Any) -> Any:
        a = np.zeros((2, 2))
        a = np.zeros_like(v, shape=a.shape)
        return np.sum(np.square(a.at[[0, 1], [1, 0]].set(v)))

    np.testing.assert_array_equal(grad(filled)(X[:2]), 2.0 * X[:2])


def said(f: Callable[[Any], Any], x: Any = X) -> str:
    with pytest.raises(RefusedError) as caught:
        grad(f)(x)
    return str(caught.value)


CUT = np.vectorize(lambda a: a + 1)
RNG = np.random.default_rng(1)


@pytest.mark.parametrize(
    ("f", "by", "instead"),
    [
        (lambda x: math.sin(x[0]), "by math.sin at", "Use np.sin."),
        (lambda x: math.atan2(x[0], x[1]), "by math.atan2 at", "Use np.arctan2."),
        (lambda x: math.lgamma(x[0]), "by math.lgamma at", "Use memograd.scipy.special.gammaln."),
        (lambda x: np.array([x[0], 2.0]), "np.asarray() was asked", "Use np.stack for lists of nodes, or memograd.numpy.array"),
        (lambda x: np.full(3, x[0]), "by np.full at", "Use memograd.numpy.full."),
        (lambda x: np.sum([x[0], 3 * x[1]]), "by np.sum at", "Use memograd.numpy.sum, which takes lists of nodes"),
        (lambda x: np.linalg.norm([x[0], x[1]]), "by np.linalg.norm at", "Use memograd.numpy.linalg.norm, which"),
        (lambda x: np.add.reduce([x[0], x[1]]), "by np.add.reduce at", "Use memograd.numpy.add.reduce, which"),
        (lambda x: np.shape([x[0], x[1]]), "by np.shape at", "Use memograd.numpy.shape, which"),
        (lambda x: special.erf([x[0], x[1]]), "by special.erf at", "Use memograd.scipy.special.erf, which takes lists"),
        (lambda x: np.polyfit([1.0, 2.0], [x[0], x[1]], 1), "by np.polyfit at", "does not record np.polyfit: it is a least squares"),
        (lambda x: np.ma.sum([x[0], x[1]]), "by np.ma.sum at", "memograd does not record np.ma.sum"),
        (lambda x: np.vectorize(lambda a: a)(x), "by np.vectorize(lambda a: a) at", "np.stack([f(a) for a in x])"),
        (lambda x: CUT(x), "by CUT at", "np.stack([f(a) for a in x])"),
        (lambda x: np.float32(x[0]), "by np.float32 at", "Use np.astype(x, np.float32)"),
        (lambda x: RNG.normal(x[0]), "by RNG.normal at", "loc + scale * rng.standard_normal(shape)"),
        (lambda x: lse(x), "by lse at", "Use memograd.scipy.special.logsumexp."),
        (lambda x: sp.softmax(x), "by sp.softmax at", "Use memograd.scipy.special.softmax."),
        (lambda x: stats.norm.logpdf(x), "by stats.norm.logpdf at", "Use memograd.scipy.stats.norm.logpdf."),
        (lambda x: linalg.solve(np.eye(2), x), "by linalg.solve at", "Use memograd.scipy.linalg.solve."),
        (lambda x: stats.cauchy.logpdf(x, 3.0), "by stats.cauchy.logpdf at", "memograd.scipy has no stats.cauchy.logpdf"),
        (lambda x: linalg.solve_banded((0, 0), np.ones((1, 2)), x), "by linalg.solve_banded at", "Use memograd.scipy.linalg.solve_banded."),
        (lambda x: linalg.pinv(x), "by linalg.pinv at", "memograd.scipy has no linalg.pinv"),
        (lambda x: float(x[0]), "float() was asked", "Leave float() out"),
        (lambda x: complex(x[0]), "complex() was asked", "Write x + 0j"),
        (lambda x: x[0].item(), ".item() was asked", "Leave it out"),
        (lambda x: x.tolist(), ".tolist() was asked", "list(x) gives the items"),
        (lambda x: f"{x[0]:.3f}", "A text with a format", "Format the value: f'{x.value:.3f}'"),
        (slice_of_items, "np.asarray() was asked", "np.zeros_like(v, shape=a.shape), then a.at[i].set(v)"),
        (into_items, "float() was asked", "np.zeros_like(v, shape=a.shape), then a.at[i].set(v)"),
        (lambda x: np.ones(2) * [x[0], 1.0], "np.asarray() was asked", "write memograd.numpy.multiply(a, [...]) in place of the operator"),
        (lambda x: [x[0], 1.0] @ np.eye(2), "np.asarray() was asked", "write memograd.numpy.matmul(a, [...])"),
        (lambda x: np.ones(2) <= (x[0], 1.0), "np.asarray() was asked", "write memograd.numpy.less_equal(a, [...])"),
    ],
)  # fmt: skip
def test_a_refusal_names_who_asked_and_what_works(
    f: Callable[[Any], Any], by: str, instead: str
) -> None:
    text = said(f)
    assert by in text and instead in text
    assert f" at {__file__}:" in text
    assert ("mg.stop_gradient(x)" in text) == ("x.value" not in text)


def test_an_item_that_is_read_by_a_node_is_not_taken_for_one_that_is_set() -> None:
    i = mg.Tape().leaf(1)
    with pytest.raises(
        RefusedError, match=r"^An index was asked of .*x\[i\]; of an array a, .*== i, a, 0"
    ) as caught:
        [1, 2][i]
    assert "cannot be set" not in str(caught.value)
    a = np.array([1.0, 2.0])
    assert np.sum(np.where(np.arange(len(a)) == i, a, 0)).value == i.tape.leaf(a)[i].value == 2.0
    with pytest.raises(RefusedError, match=r"cannot be set to nodes, or at nodes"):
        np.zeros(2)[i] = 1.0


def several(x: Any) -> Any:
    é = [math.exp(a)
         for a in x]  # fmt: skip
    return lse(
        np.stack(é),
    )


def test_the_line_is_that_of_the_users() -> None:
    first = several.__code__.co_firstlineno
    assert f"by math.exp at {__file__}:{first + 1}, `é = [math.exp(a)`" in said(several)

    def nested(x: Any) -> Any:
        return np.sum(
            np.stack([x[0], x[1] * special.logsumexp(
                x,
            )])
        )  # fmt: skip

    assert f"by special.logsumexp at {__file__}:{nested.__code__.co_firstlineno + 2}, " in said(
        nested
    )


def test_without_a_source_the_refusal_still_says_what_to_do() -> None:
    scope: dict[str, Any] = {"math": math}
    exec("def f(x):\n    return math.sin(x)", scope)
    assert "at <string>:2: what is" in said(scope["f"], 1.0)
    assert str(caller_of(None)) == ""


def test_a_refusal_that_numpy_hides_is_raised_as_itself() -> None:
    with pytest.raises(RefusedError) as caught:
        grad(into_items)(X)
    assert "into_items" in [entry.name for entry in caught.traceback]
    with pytest.raises(ValueError, match="of the user's") as other:
        grad(_refuse)(X)
    assert other.value.__cause__ is None


def _refuse(x: Any) -> Any:
    raise ValueError("of the user's")


@pytest.mark.parametrize("form", ["grad", "compiled", "Problem", "a node of a tape"])
def test_hints_are_those_of_the_mode(form: str) -> None:
    with pytest.raises(RefusedError) as caught:
        FORMS[form](lambda x: np.sum(x) * math.exp(x[0]))
    hints = {
        "grad": "Convert mg.stop_gradient(x) in place of x",
        "compiled": "call the function without memograd.functional.compiled",
        "Problem": "give memograd.functional.value_and_grad(f) to scipy.optimize.minimize, with jac=True",
        "a node of a tape": "Use node.value for the number itself",
    }
    assert [name for name, hint in hints.items() if hint in str(caught.value)] == [form]
    assert "Use np.exp." in str(caught.value)
