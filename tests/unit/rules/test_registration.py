"""A rule in one line: the signature is the reading list; and functions of the user's own."""

import numpy as np
import pytest

import memograd as mg
from memograd.errors import NoRuleError, RegistrationError
from memograd.program.steps import Operand
from memograd.rules.registration import RULES, rule_of


@pytest.fixture(autouse=True)
def registry():
    """The registry as it was before the test."""
    before = dict(RULES)
    yield
    for op in RULES.keys() - before.keys():
        del RULES[op]
    assert before == RULES


@pytest.fixture
def x():
    return mg.Tape().leaf(2.0, name="x")


def derivative(op, *args, **kwargs):
    """The derivative of the sum of op's result by its first operand, at 2."""
    x = mg.Tape().leaf(2.0)
    return mg.grad(np.sum(op(x, *args, **kwargs)), x)


class TestTheReadingList:
    def test_the_cotangent_alone(self):
        op = mg.op(lambda x: 3.0 * x)
        mg.linear(op, x=lambda g: 3.0 * g)
        assert derivative(op) == 3.0

    def test_the_output(self):
        op = mg.op(np.exp)
        mg.rule(op, x=lambda g, y: g * y)
        assert derivative(op) == pytest.approx(np.exp(2.0), rel=1e-14)

    def test_another_operand(self):
        op = mg.op(lambda a, b: a * b)
        mg.rule(op, a=lambda g, b: g * b, b=lambda g, a: g * a)
        assert derivative(op, 5.0) == 5.0

    def test_operands_in_any_order(self):
        op = mg.op(lambda a, b: a / b)
        mg.rule(op, a=lambda g, b, a: g / b + 0.0 * a, b=lambda g, y, b, a: -g * y / b + 0.0 * a)
        tape = mg.Tape()
        a, b = tape.leaf(6.0), tape.leaf(3.0)
        assert mg.grad(op(a, b), [a, b]) == [1 / 3, -2 / 3]

    def test_static_facts(self):
        op = mg.op(lambda a, n: np.sum(a) * n)
        seen = []

        def line(g, a_shape, a_dtype, n_shape, n_dtype):
            seen.append((a_shape, a_dtype, n_shape, n_dtype))
            return np.full(a_shape, g)

        mg.rule(op, a=line, n=None)
        a = mg.Tape().leaf(np.ones((2, 3), np.float32))
        mg.grad(op(a, 1.0), a)
        assert seen == [((2, 3), np.float32, (), np.float64)]

    def test_of_an_operand_that_a_call_leaves_out_the_ops_default(self):
        op = mg.op(lambda a, b=2.0: a * b)
        seen = []
        mg.rule(
            op, a=lambda g, b, b_shape, b_dtype: seen.append((b, b_shape, b_dtype)) or g * b, b=None
        )
        assert derivative(op) == 2.0 and derivative(op, np.float32(3.0)) == 3.0
        assert seen == [(2.0, (), np.float64), (3.0, (), np.float32)]

    def test_of_an_operand_that_a_call_leaves_out_the_lines_own_default(self):
        op = mg.op(lambda a, *b: a * 2.0)
        seen = []
        mg.rule(
            op,
            a=lambda g, b=7.0, b_shape=(7,), b_dtype=int: (
                seen.append((b, b_shape, b_dtype)) or g * 2.0
            ),
            b=None,
        )
        assert derivative(op) == 2.0
        assert seen == [(7.0, (7,), int)]

    def test_keywords_of_the_op(self):
        op = mg.op(lambda x, power=2, shift=0.0: x**power + shift)
        mg.rule(op, x=lambda g, x, power=2: g * power * x ** (power - 1))
        assert derivative(op) == 4.0
        with pytest.raises(NoRuleError, match="shift="):
            derivative(op, shift=1.0)

    def test_a_keyword_that_a_line_names_is_handed_to_it(self):
        op = mg.op(lambda x, power=2: x**power)
        mg.rule(op, x=lambda g, x, power=2: g * power * x ** (power - 1))
        assert derivative(op, power=3) == derivative(op, 3) == 12.0

    def test_the_operands_from_here_on(self):
        op = mg.op(lambda x, *ws: x * sum(ws))
        mg.rule(op, x=lambda g, *ws: g * sum(ws))
        assert derivative(op, 1.0, 2.0, 4.0) == 7.0

    def test_a_list_of_operands(self):
        op = mg.op(lambda xs: xs[0] * xs[1])
        mg.rule(op, each=lambda g, k, xs: g * xs[1 - k])
        tape = mg.Tape()
        a, b = tape.leaf(3.0), tape.leaf(5.0)
        assert mg.grad(op([a, b]), [a, b]) == [5.0, 3.0]

    def test_shapes_of_a_list_of_operands(self):
        op = mg.op(lambda xs: sum(map(np.sum, xs)))
        mg.linear(op, each=lambda g, k, xs_shape: np.full(xs_shape[k], g))
        tape = mg.Tape()
        a = tape.leaf(np.ones(2))
        assert mg.grad(op([np.ones(3), a]), a).tolist() == [1.0, 1.0]

    def test_signatures_are_read_once_at_registration(self):
        op = mg.op(lambda a, b, c: a * b + c)
        mg.rule(op, a=lambda g, b: g * b, b=lambda g, a: g * a, c=lambda g: g)
        rule = RULES[op]
        reads = [[rule.pulls.of[k].reads(j) for j in range(3)] for k in range(3)]
        assert reads == [[False, True, False], [True, False, False], [False, False, False]]
        assert rule.readers[(0,), 3] == (1,) and rule.readers[(2,), 3] == ()
        assert not any(rule.pulls.of[k].reads_output for k in range(3))


class TestPaths:
    def test_an_operand_named_none_has_no_derivative(self):
        op = mg.op(lambda mask, x: mask * x)
        mg.linear(op, mask=None, x=lambda g, mask: g * mask)
        tape = mg.Tape()
        mask, x = tape.leaf(4.0), tape.leaf(2.0)
        assert mg.grad(op(mask, x), [mask, x]) == [0.0, 4.0]

    def test_no_path_leads_through_a_constant(self):
        op = mg.op(lambda x: 3.0 * x)
        mg.constant(op)
        assert derivative(op) == 0.0

    def test_a_constant_takes_any_keyword(self):
        op = mg.op(lambda x, axis=0: 1.0)
        mg.constant(op)
        assert derivative(op, axis=1) == 0.0


class TestPushes:
    """What a push reads; how it is used is in tests/test_pushing.py."""

    def test_a_push_reads_what_its_parameters_name(self):
        seen = []
        op = mg.op(lambda a, b, power=2: a**power * b)

        def push(t, b, a, a_shape, y, power=2):
            seen.append((b, a, a_shape, y, power))
            return t * power * a ** (power - 1) * b

        mg.rule(
            op,
            a=lambda g, a, b, power=2: g * power * a ** (power - 1) * b,
            b=None,
            push={"a": push},
        )
        x = mg.Tape().leaf(2.0)
        assert mg.jvp(op(x, 5.0, power=3), x, 10.0) == 600.0
        assert seen == [(5.0, 2.0, (), 40.0, 3)]

    def test_without_a_push_the_line_is_transposed(self):
        op = mg.op(lambda a: np.sum(a * a))
        mg.rule(op, a=lambda g, a: 2 * g * a)
        x = mg.Tape().leaf([1.0, 2.0])
        assert mg.jvp(op(x), x, [1.0, 10.0]) == 42.0

    def test_an_elementwise_op_over_a_list(self):
        op = mg.op(lambda xs: xs[0] * xs[1])
        mg.elementwise(op, each=lambda g, k, xs: g * xs[1 - k])
        tape = mg.Tape()
        a, b = tape.leaf(3.0), tape.leaf([5.0, 7.0])
        assert mg.grad(np.sum(op([a, b])), a) == 12.0
        assert mg.jvp(op([a, b]), [a, b], [1.0, [0.0, 1.0]]).tolist() == [5.0, 10.0]


class TestUsersFunctions:
    def test_without_a_node_it_is_the_function_itself(self):
        op = mg.op(lambda x: 3 * x)
        assert op(2) == 6

    def test_it_is_recorded_as_one_op(self, x):
        @mg.op
        def norm(x):
            return np.sqrt(np.sum(x * x))

        mg.rule(norm, x=lambda g, x, y: g * x / y)
        node = norm(x)
        assert node.op is norm and len(x.tape) == 2

    def test_it_keeps_its_name_and_docstring(self):
        @mg.op
        def norm(x):
            """The length of x."""

        assert (norm.__name__, norm.__doc__) == ("norm", "The length of x.")

    def test_a_node_may_stand_at_any_position(self, x):
        op = mg.op(lambda a, b: a - b)
        mg.elementwise(op, a=lambda g: g, b=lambda g: -g)
        assert mg.grad(op(5.0, x), x) == -1.0

    def test_a_node_may_be_a_keyword(self, x):
        op = mg.op(lambda a, b: a - b)
        mg.elementwise(op, a=lambda g: g, b=lambda g: -g)
        assert mg.grad(op(5.0, b=x), x) == -1.0

    def test_an_elementwise_op_is_summed_over_broadcast_axes(self):
        op = mg.op(lambda a, b: a * b)
        mg.elementwise(op, a=lambda g, b: g * b, b=lambda g, a: g * a)
        assert derivative(op, np.array([1.0, 2.0, 3.0])) == 6.0

    def test_a_function_with_several_outputs(self, x):
        op = mg.op(lambda a: (a * a, 3.0 * a))
        mg.rule(op, a=lambda g, a: 2 * g[0] * a + 3.0 * g[1])
        square, triple = op(x)
        assert mg.grad(square * triple, x) == 9.0 * 4.0
        assert mg.grad(triple * 1.0, x) == 3.0

    def test_a_function_may_hand_back_its_argument(self):
        op = mg.op(lambda x: x)
        mg.linear(op, x=lambda g: g)
        x = mg.Tape().leaf([1.0, 2.0])
        y = op(x)
        x.value = [3.0, 4.0]
        assert y.value.tolist() == [3.0, 4.0]

    def test_what_a_function_keeps_cannot_be_changed_through_it(self):
        kept = np.ones(2)
        op = mg.op(lambda x: kept)
        mg.constant(op)
        y = op(mg.Tape().leaf(1.0))
        with pytest.raises(ValueError, match="read-only"):
            kept[0] = 2.0
        assert y.value.tolist() == [1.0, 1.0]


class TestRefusals:
    def refused(self, register, *words):
        op = mg.op(lambda x, y2, axis=0: x)
        with pytest.raises(RegistrationError) as caught:
            register(op)
        for word in words:
            assert word in str(caught.value)
        assert op not in RULES

    def test_a_push_that_is_none(self):
        def register(push):
            return lambda op: mg.rule(op, x=lambda g: g, y2=None, push=push)

        self.refused(
            register({"x": lambda g: g}), "first parameter is t, the tangent", "begins with 'g'"
        )
        self.refused(register({"x": 3.0}), "a push is a function")
        self.refused(register({"y2": lambda t: t}), "for an operand that has a VJP rule: x")
        self.refused(register({"z": lambda t: t}), "'z'", "for an operand that has a VJP rule: x")
        self.refused(register({"x": lambda t, z: t}), "'z'", "nor one of the op's own keywords")

    def test_a_first_parameter_that_is_not_g(self):
        self.refused(
            lambda op: mg.rule(op, x=lambda dy, x: dy),
            "first parameter is g",
            "<lambda>",
            "begins with 'dy'",
        )

    def test_an_unknown_parameter(self):
        self.refused(
            lambda op: mg.rule(op, x=lambda g, z: g),
            "reads 'z'",
            "one of its operands (x)",
            "nor y",
            "keywords",
        )

    def test_an_operand_that_nobody_named(self):
        self.refused(lambda op: mg.rule(op, a=lambda g, b: g), "reads 'b'", "(a)")

    def test_keywords_as_a_whole(self):
        self.refused(lambda op: mg.rule(op, x=lambda g, **others: g), "reads 'others'")

    def test_an_unknown_parameter_for_a_list(self):
        self.refused(lambda op: mg.rule(op, each=lambda g, k, x: g), "reads 'x'", "(xs)")

    def test_a_ufunc_with_another_count_of_operands(self):
        with pytest.raises(RegistrationError, match=r"has 2 operands, but 1 were named: a"):
            mg.elementwise(np.frompyfunc(max, 2, 1), a=lambda g: g)

    def test_a_second_rule(self):
        for word in (mg.rule, mg.elementwise, mg.linear, mg.multilinear):
            with pytest.raises(
                RegistrationError, match=r"np\.sin has a rule already, and an op has one rule"
            ):
                word(np.sin, a=lambda g: g)
        with pytest.raises(RegistrationError, match=r"np\.sin has a rule already"):
            mg.constant(np.sin)


def test_an_op_without_a_rule_is_refused_with_the_line_that_registers_one():
    def strange(x):
        return x

    with pytest.raises(
        NoRuleError, match=r"no rule for strange. Register one: memograd\.rule\(strange, x="
    ):
        rule_of(strange)


def test_an_operand_prints_as_what_it_is():
    assert repr(Operand(3)) == "Operand(3)" and Operand(3) == 3
