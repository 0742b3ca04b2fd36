"""The checker itself is tried with wrong rules, one kind of mistake at a time."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import memograd as mg
from memograd.check import check_grad, check_rule
from memograd.errors import (
    CheckError,
    NoRuleError,
    NotDifferentiableError,
    NotScalarError,
    OtherTapeError,
    RefusedError,
    RuleShapeError,
)
from memograd.rules.registration import RULES


@pytest.fixture
def registered() -> Iterator[Callable[..., Any]]:
    """Registers a rule for a function as an op of its own, and forgets it after the test."""
    before = set(RULES)

    def register(word: Callable[..., None], f: Callable[..., Any], **lines: Any) -> Any:
        op = mg.op(f)
        word(op, **lines)
        return op

    yield register
    for op in set(RULES) - before:
        del RULES[op]


def product(a, b):
    return a * b


def matrix_product(a, b):
    return a @ b


def conjugated(a, b):
    return np.sum(np.conj(a) * b)


WRONG = {
    "flipped sign": (mg.elementwise, np.tanh, {"x": lambda g, y: -g * (1 - y * y)}, "operand x"),
    "dropped factor": (mg.elementwise, np.square, {"x": lambda g, x: g * x}, "operand x"),
    "swapped operands": (
        mg.elementwise,
        product,
        {"a": lambda g, a: g * a, "b": lambda g, b: g * b},
        "operand a",
    ),
    "one line of two": (
        mg.elementwise,
        product,
        {"a": lambda g, b: g * b, "b": lambda g, a: g},
        "operand b",
    ),
    "g left out": (mg.elementwise, np.sin, {"x": lambda g, x: np.cos(x)}, "operand x"),
    "missing transpose": (
        mg.multilinear,
        matrix_product,
        {"a": lambda g, b: g @ b, "b": lambda g, a: a.T @ g},
        "operand a",
    ),
    "missing conjugate": (
        mg.multilinear,
        conjugated,
        {"a": lambda g, b: g * b, "b": lambda g, a: g * np.conj(a)},
        "operand a (complex128",
    ),
    "the mean taken for the sum": (
        mg.linear,
        np.mean,
        {"x": lambda g, x_shape: np.broadcast_to(g, x_shape)},
        "operand x",
    ),
    "a small error": (mg.elementwise, np.exp, {"x": lambda g, y: g * y * 1.00001}, "operand x"),
    "not a number": (mg.elementwise, np.exp, {"x": lambda g, y: g * y * np.nan}, "operand x"),
    "right in one element only": (mg.linear, np.cumsum, {"x": lambda g: g}, "operand x"),
}


@pytest.mark.parametrize("mistake", WRONG)
def test_a_wrong_rule_is_found(mistake: str, registered: Callable[..., Any]) -> None:
    word, f, lines, where = WRONG[mistake]
    args = [np.array([0.3, 0.4, 0.6])] if f is np.cumsum else []
    op = registered(word, lambda *xs: f(*xs), **lines)
    with pytest.raises(CheckError) as caught:
        check_rule(op, *args)
    assert where in str(caught.value)
    assert "the rule gives" in str(caught.value) and "central differences give" in str(caught.value)


RIGHT = [
    (mg.elementwise, np.tanh, {"x": lambda g, y: g * (1 - y * y)}),
    (mg.elementwise, product, {"a": lambda g, b: g * b, "b": lambda g, a: g * a}),
    (mg.multilinear, matrix_product, {"a": lambda g, b: g @ b.T, "b": lambda g, a: a.T @ g}),
    (
        mg.multilinear,
        conjugated,
        {"a": lambda g, b: np.conj(g * b), "b": lambda g, a: g * np.conj(a)},
    ),
    (mg.linear, np.mean, {"x": lambda g, x_shape: np.broadcast_to(g / 9, x_shape)}),
]


@pytest.mark.parametrize(
    ("word", "f", "lines"), RIGHT, ids=lambda part: getattr(part, "__name__", "")
)
def test_a_right_rule_passes(
    word: Any, f: Any, lines: dict[str, Any], registered: Callable[..., Any]
) -> None:
    check_rule(registered(word, lambda *xs: f(*xs), **lines))


def test_the_message_names_op_operand_element_and_both_numbers(
    registered: Callable[..., Any],
) -> None:
    def tripled(x):
        return 3 * x

    op = registered(mg.linear, tripled, x=lambda g: np.where(np.arange(2) == 1, 2.0, 3.0) * g)
    with pytest.raises(
        CheckError,
        match=r"tripled, operand x \(float64 \(2,\)\): the rule gives .* at element \[1\], .*\(1 of 2 elements",
    ):
        check_rule(op, [1.0, 2.0])


def test_a_line_of_the_wrong_shape_is_found(registered: Callable[..., Any]) -> None:
    op = registered(mg.rule, lambda x: np.sum(x), x=lambda g: g)
    with pytest.raises(RuleShapeError, match=r"operand 0 gave a derivative of shape \(\)"):
        check_rule(op)


def test_a_mistake_in_single_precision_alone_is_found(registered: Callable[..., Any]) -> None:
    op = registered(
        mg.elementwise,
        lambda x: np.exp(x),
        x=lambda g, y: g * y * (2 if y.dtype == np.float32 else 1),
    )
    with pytest.raises(CheckError, match="float32"):
        check_rule(op)


def test_a_mistake_at_0d_alone_is_found(registered: Callable[..., Any]) -> None:
    op = registered(
        mg.elementwise, lambda x: np.exp(x), x=lambda g, y: g * y * (1 if y.shape else 2)
    )
    with pytest.raises(CheckError, match=r"float64 \(\)"):
        check_rule(op)


def test_the_line_of_an_op_with_several_outputs_is_checked(registered: Callable[..., Any]) -> None:
    def halves(x):
        return np.split(x, 2)

    check_rule(registered(mg.linear, halves, x=lambda g: np.concatenate(g)), np.arange(4.0))
    with pytest.raises(CheckError, match="operand x"):
        check_rule(
            registered(
                mg.linear, lambda x: np.split(x, 2), x=lambda g: np.concatenate([g[1], g[0]])
            ),
            np.arange(4.0),
        )


def test_the_line_of_an_op_over_a_list_is_checked(registered: Callable[..., Any]) -> None:
    def joined(xs):
        return np.stack(xs)

    check_rule(registered(mg.linear, joined, each=lambda g, k: g[k]))
    with pytest.raises(CheckError, match="operand 0"):
        check_rule(registered(mg.linear, lambda xs: np.stack(xs), each=lambda g, k: g[1 - k]))


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_an_op_with_a_vjp_of_all_arguments_is_checked(sign: float) -> None:
    @mg.op(vjp=lambda g, y, xs, k: ([g[0] * np.cos(xs[0]), sign * k * g[1]["b"]], None))
    def pair(xs: Any, k: Any) -> Any:
        return np.sin(xs[0]), {"b": k * xs[1]}

    call = [np.array([0.3, 0.4]), np.array([1.0, 2.0])], 2
    if sign > 0:
        check_rule(pair, *call)
    else:
        with pytest.raises(CheckError, match="central differences give"):
            check_rule(pair, *call)
    with pytest.raises(CheckError, match="Nothing of pair was checked"):
        check_rule(pair, [1, 2], 3)


@pytest.mark.parametrize(
    ("op", "args"),
    [(np.floor, ()), (np.sin, (1,)), (np.clip, (3, None, 5))],
    ids=["constant", "integer", "integers"],
)
def test_nothing_to_check_is_no_success(op: Any, args: tuple[Any, ...]) -> None:
    with pytest.raises(CheckError, match="Nothing of .* was checked"):
        check_rule(op, *args)


def test_what_the_rule_does_not_name_is_refused() -> None:
    with pytest.raises(NoRuleError, match="where="):
        check_rule(np.add, np.ones(3), np.ones(3), where=np.array([True, False, True]))
    with pytest.raises(NoRuleError, match="no rule"):
        check_rule(len)


# ----------------------------------------------------------------------------------------------------- second order


def cubed(x):
    return x**3


def test_a_line_that_forgets_what_it_depends_on_is_found(registered: Callable[..., Any]) -> None:
    frozen = registered(lambda op: mg.constant(op), lambda x: +x)
    op = registered(mg.elementwise, lambda x: cubed(x), x=lambda g, x: 3 * g * frozen(x) ** 2)
    with pytest.raises(CheckError, match=r"operand x \(float64 \(2, 3\)\): the second order gives"):
        check_rule(op)


def test_a_line_that_is_not_linear_in_g_is_found_by_its_derivative(
    registered: Callable[..., Any],
) -> None:
    frozen = registered(lambda op: mg.constant(op), lambda x: +x)
    op = registered(mg.rule, lambda x: 3 * x, x=lambda g: 3 * frozen(g))
    with pytest.raises(CheckError, match=r"<lambda>, g: the second order gives"):
        check_rule(op)


WRONG_PUSHES = {
    "called linear, but a part is affine": (mg.linear, lambda x: x + 1.0, {"x": lambda g: g}),
    "called linear, but it passes over values": (
        mg.linear,
        lambda x: np.maximum(x, 0.5),
        {"x": lambda g, x: np.where(x > 0.5, g, 0.0)},
    ),
    "a factor too many": (
        mg.rule,
        lambda x: x**3,
        {"x": lambda g, x: 3 * g * x**2, "push": {"x": lambda t, x: 6 * t * x**2}},
    ),
    "a conjugate too few": (
        mg.rule,
        lambda x: np.conj(x),
        {"x": lambda g: np.conj(g), "push": {"x": lambda t: t}},
    ),
}


@pytest.mark.parametrize("mistake", WRONG_PUSHES)
def test_a_wrong_push_is_found(mistake: str, registered: Callable[..., Any]) -> None:
    word, f, lines = WRONG_PUSHES[mistake]
    with pytest.raises(
        CheckError,
        match=r"operand x .*: the push gives .*, the transposed line gives .* at element",
    ):
        check_rule(registered(word, f, **lines))


def test_a_push_of_the_wrong_shape_is_found(registered: Callable[..., Any]) -> None:
    op = registered(
        mg.elementwise, lambda x: np.sum(x), x=lambda g, x_shape: np.broadcast_to(g, x_shape)
    )
    with pytest.raises(
        RuleShapeError,
        match=r"A tangent of shape \(2, 3\) was made for .*, which has shape \(\)\. Fix the push of",
    ):
        check_rule(op)


def test_a_push_that_forgets_what_it_depends_on_is_found(registered: Callable[..., Any]) -> None:
    frozen = registered(lambda op: mg.constant(op), lambda x: +x)
    op = registered(
        mg.rule,
        lambda x: cubed(x),
        x=lambda g, x: 3 * g * x**2,
        push={"x": lambda t, x: 3 * t * frozen(x) ** 2},
    )
    with pytest.raises(CheckError, match="operand x .*: the second order of the push gives"):
        check_rule(op)


def test_an_operand_that_a_linear_op_is_affine_in_has_a_push(
    registered: Callable[..., Any],
) -> None:
    lines = {"x": lambda g: g, "b": lambda g, b_shape: np.sum(g)}
    check_rule(registered(mg.linear, lambda x, b: x + b, **lines), 2.0, 1.0)
    check_rule(
        registered(mg.linear, lambda x, b: x + b, **lines, push={"b": lambda t: t}),
        np.array([1.0, 2.0]),
        1.0,
    )


def test_a_line_that_does_other_things_on_handles_is_found(registered: Callable[..., Any]) -> None:
    op = registered(
        mg.elementwise, lambda x: 3 * x, x=lambda g: 3 * g + (0.25 if isinstance(g, mg.Node) else 0)
    )
    with pytest.raises(
        CheckError, match=r"operand x .*: the rule on handles gives .*, on arrays it gives"
    ):
        check_rule(op)


def test_a_line_that_takes_arrays_alone_is_found(registered: Callable[..., Any]) -> None:
    op = registered(mg.elementwise, lambda x: 3 * x, x=lambda g: 3 * np.asarray(g))
    with pytest.raises(RefusedError, match="np.asarray"):
        check_rule(op)


def test_a_right_rule_of_several_operands_passes_at_second_order(
    registered: Callable[..., Any],
) -> None:
    check_rule(
        registered(
            mg.elementwise,
            lambda a, b: a**2 * b**3,
            a=lambda g, a, b: 2 * g * a * b**3,
            b=lambda g, a, b: 3 * g * a**2 * b**2,
        )
    )


def seen_by(registered: Callable[..., Any]) -> list[Any]:
    """The arrays that a line is given in `check_rule`."""
    seen: list[Any] = []

    def line(g, x):
        seen.append(x)
        return 3 * g * x**2

    check_rule(
        registered(mg.elementwise, lambda x: cubed(x), x=line), np.array([[0.3, 0.6], [0.4, 0.7]])
    )
    return [x for x in seen if isinstance(x, np.ndarray)]


def test_awkward_arrays_are_among_the_samples(registered: Callable[..., Any]) -> None:
    seen = seen_by(registered)
    assert any(not x.flags.c_contiguous and x.ndim == 2 for x in seen), (
        "no array that is not contiguous"
    )
    assert any(x.size == 0 for x in seen), "no array of size zero"
    assert not any(x.flags.writeable for x in seen)


# ------------------------------------------------------------------------------------------------------- check_grad


def model() -> Any:
    tape = mg.Tape()
    x = tape.leaf([[0.1, -0.2], [0.3, 0.4], [0.7, 0.2]], name="x")
    W, b = tape.leaf([[0.5, 0.1], [-0.3, 0.8]], name="W"), tape.leaf([0.2, -0.1], name="b")
    return x, W, b, np.mean(np.tanh(x @ W + b) ** 2).named("L")


def test_a_right_gradient_passes_and_leaves_nothing_behind() -> None:
    x, W, b, L = model()
    tape = L.tape
    before = len(tape), list(tape.state.tables), list(tape.state.index.of)
    assert check_grad(L, {"x": x, "more": [W, (b, L)]}) is None
    assert (len(tape), list(tape.state.tables), list(tape.state.index.of)) == before
    assert [n for n in tape.graph if tape.graph.out_degree(n) == 0] == [L.id]


def test_a_right_gradient_passes_after_an_assignment() -> None:
    x, W, b, L = model()
    mg.grad(L, [x, W, b])
    W.value = 2 * W.value
    check_grad(L, [x, W, b])


def test_a_wrong_gradient_says_target_element_and_both_numbers(
    registered: Callable[..., Any],
) -> None:
    op = registered(
        mg.elementwise, lambda x: x * x, x=lambda g, x: np.where(np.arange(3) < 2, 2, 1) * g * x
    )
    x = mg.Tape().leaf([1.0, 2.0, 3.0], name="x")
    L = np.sum(op(x)).named("L")
    with pytest.raises(
        CheckError,
        match=r"∂L/∂x \(leaf, float64 \(3,\).*grad gives 3.0, central .* give (6.0|5.99).* at element \[2\]",
    ):
        check_grad(L, x)
    check_grad(L, x, rtol=0.6)
    assert len(x.tape) == 3


def test_single_precision_needs_looser_tolerances() -> None:
    x = mg.Tape().leaf(np.array([0.3, 0.5], np.float32))
    check_grad(np.sum(np.sin(x) * x), x, rtol=1e-3, atol=1e-5)


def test_complex_gradients_are_checked() -> None:
    z = mg.Tape().leaf([0.3 + 0.4j, -0.2 + 0.5j])
    check_grad(np.sum(np.abs(np.exp(z) * z) ** 2), z)


def test_bad_requests_are_refused_as_by_grad() -> None:
    x, W, _, L = model()
    with pytest.raises(NotScalarError):
        check_grad(x @ W, x)
    with pytest.raises(OtherTapeError):
        check_grad(L, mg.Tape().leaf(1.0))
    with pytest.raises(NotDifferentiableError):
        check_grad(L, [x, 3.0])
