"""Explanations: every planted fault is named exactly, programs that are well are left in peace, and asking changes nothing."""

import copy
import os
import re

import numpy as np
import pytest
from faults import FAULTS, HEALTHY
from hypothesis import given
from hypothesis import strategies as st
from programs import programs
from sampling import SAMPLES, WITH_LINES, calls

import memograd as mg
from memograd import errors
from memograd.baselines import path_sum, paths
from memograd.diagnostics.findings import CAUSES
from memograd.rules.registration import RULES
from memograd.rules.traits import KinkConvention, KinkSite
from memograd.text import op_name

quiet = pytest.mark.filterwarnings("ignore::RuntimeWarning")
"""The programs with faults make NumPy warn, when they are recorded."""


def explained(build):
    """A program of the corpus: its L and x, and the explanation."""
    L, x = build(mg.Tape())
    return L, x, mg.explain(L, x)


def causes(explanation):
    return tuple((found.cause, found.node, found.operand) for found in explanation.findings)


class TestCorpus:
    def test_it_is_large(self):
        assert len(FAULTS) >= 40 and len(HEALTHY) >= 20
        assert {cause for fault in FAULTS for cause, _, _ in fault.expected} >= CAUSES.keys() - {
            "condition",
            "no line",
            "undefined slope",
        }

    @quiet
    @pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.thread}-{fault.name}")
    def test_a_fault_is_named_exactly(self, fault):
        *_, explanation = explained(fault.build)
        assert causes(explanation) == fault.expected
        assert not explanation.in_order

    @pytest.mark.parametrize("build", HEALTHY, ids=lambda build: build.__name__)
    def test_a_program_that_is_well_is_left_in_peace(self, build):
        *_, explanation = explained(build)
        assert (explanation.verdict, explanation.findings, explanation.in_order) == (
            "in order",
            (),
            True,
        )

    @quiet
    @pytest.mark.parametrize(
        "build", [*(fault.build for fault in FAULTS), *HEALTHY], ids=lambda build: build.__name__
    )
    def test_it_prints_under_80_columns_and_as_a_table(self, build):
        *_, explanation = explained(build)
        assert max(map(len, str(explanation).splitlines())) < 80
        assert explanation._repr_html_().count("<tr>") == len(
            explanation.findings + explanation.remarks + explanation.kinks
        ) + ("<tr>" in explanation._repr_html_())

    @quiet
    @pytest.mark.parametrize(
        "fault",
        [f for f in FAULTS if f.expected[-1][0] == "masked branch"],
        ids=lambda fault: fault.name,
    )
    def test_the_rewrite_that_is_offered_is_safe(self, fault):
        """The lines are run as they stand, on nodes of these names; what they give is the same, and its derivative finite."""
        L, x, explanation = explained(fault.build)
        space = {"np": np} | {
            node.name: node for node in map(L.tape.__getitem__, range(len(L.tape)))
        }
        for found in explanation.findings:
            if found.cause == "masked branch":
                code = found.text.partition("Safe is\n")[2]
                exec(code, space)
                last = re.findall(r"^(\w+) = ", code, re.MULTILINE)[-1]
                np.testing.assert_array_equal(space[last].value, L.tape[last].value)
                assert np.all(np.isfinite(mg.grad(np.sum(space[last]), x)))


class TestWhatIsSaid:
    def test_elements_and_line(self, tape):
        x = tape.leaf([[1.0, -2.0], [-3.0, 4.0]], name="x")
        with np.errstate(invalid="ignore"):
            L = np.sum(np.log(x).named("log"))
        (found,) = mg.explain(L, x).findings
        assert (found.elements.number, found.elements.size, found.elements.first) == (
            2,
            4,
            ((0, 1), (1, 0)),
        )
        assert found.line is not None and found.line[0] == __file__

    def test_the_first_of_the_values_and_the_first_of_the_derivatives(self, tape):
        x = tape.leaf([-1.0, 2.0], name="x")
        with np.errstate(invalid="ignore"):
            L = np.sum(np.sin(np.sqrt(x).named("root")).named("s") * np.log(x).named("log")).named(
                "L"
            )
        explanation = mg.explain(L, x)
        assert [(found.of, found.node) for found in explanation.findings] == [
            ("value", "root"),
            ("value", "log"),
            ("derivative", "v4"),
            ("derivative", "v4"),
        ]
        assert re.search(
            r"1\. test_explanations\.py:\d+: outside the domain in the value of root, operand\n? +x",
            str(explanation),
        )

    def test_what_is_zero_among_the_elements_is_a_remark(self, tape):
        x = tape.leaf([1.0, -2.0], name="x")
        explanation = mg.explain(np.sum(np.maximum(x, 0.0).named("relu")), x)
        (remark,) = explanation.remarks
        assert explanation.in_order and (remark.cause, remark.node, remark.elements.first) == (
            "saturation",
            "relu",
            ((1,),),
        )

    def test_each_zero_is_followed_to_where_it_begins(self, tape):
        x, w = tape.leaf([5.0, -5.0, 5.0], name="x"), tape.leaf([1.0, 1.0, 0.0], name="w")
        remarks = mg.explain(np.sum((np.maximum(x, 0.0).named("relu") * w).named("m")), x).remarks
        assert [(r.cause, r.node, r.operand, r.elements.first) for r in remarks] == [
            ("zero factor", "m", "w", ((2,),)),
            ("saturation", "relu", "x", ((1,),)),
        ]

    def test_a_zero_that_came_from_further_up(self, tape):
        h, w = tape.leaf([-1.0, -2.0], name="h"), tape.leaf([3.0, 4.0], name="w")
        relu = np.maximum(h, 0.0).named("relu")
        (found,) = mg.explain(np.sum(np.square((relu * w).named("m")).named("sq")), w).findings
        assert (found.cause, found.node) == ("zero slope", "sq")
        assert found.text.endswith("of m, which is 0 from relu = np.maximum(h, 0.0) on.")

    def test_a_condition_and_an_operand_without_a_line(self, tape):
        x = tape.leaf([1.0, 0.0], name="x")
        assert causes(mg.explain(np.sum(np.where(x, 2.0, 3.0).named("w")), x)) == (
            ("condition", "w", "x"),
        )
        half = mg.op(lambda a, b: a * b)
        mg.rule(half, a=lambda g, b: g * b, b=None)
        assert causes(mg.explain(np.sum(half(np.ones(2), x).named("h")), x)) == (
            ("no line", "h", "x"),
        )

    def test_a_slope_that_is_not_defined(self, tape):
        odd = mg.op(lambda a: a * 1.0)
        mg.elementwise(odd, a=lambda g, a: g * np.where(np.equal(a, 0), np.nan, 1.0))
        x = tape.leaf([0.0, 1.0], name="x")
        assert causes(mg.explain(np.sum(odd(x).named("odd")), x)) == (
            ("undefined slope", "odd", "x"),
        )

    def test_the_parts_of_a_sum_overflow_together(self, tape):
        x = tape.leaf(1e-300, name="x")
        L = x * 1.7e308 + x * 1.7e308
        assert causes(mg.explain(L, x)) == (("overflow", "x", None),)

    def test_a_name_full_of_markup_is_escaped(self, tape):
        x = tape.leaf(0.0, name="<script>")
        explanation = mg.explain((np.square(x) + 1.0).named("L"), x)
        assert "<script>" in str(explanation) and "<script>" not in explanation._repr_html_()

    @pytest.mark.parametrize(
        ("value", "headline"),
        [
            ([0.0, 1.0], "∂L/∂x is infinite in 1 of its 2 elements."),
            (0.0, "∂L/∂x is infinite."),
            ([0.0, 0.0], "∂L/∂x is infinite in all of its 2 elements."),
            ([1.0, 2.0], "∂L/∂x is in order."),
        ],
    )
    def test_the_verdict_is_a_sentence(self, tape, value, headline):
        x = tape.leaf(value, name="x")
        assert mg.explain(np.sum(np.sqrt(x)).named("L"), x).headline == headline

    def test_file_and_line_come_first_and_whole(self, tape):
        """However many elements are named, and however long the file's name is."""
        file = "/somewhere/" + "a-very-long-name-" * 8 + ".py"
        space = {"np": np, "x": tape.leaf(np.full((12, 12, 12), -1e-3), name="x" * 30)}
        with np.errstate(invalid="ignore"):
            exec(
                compile(
                    "\nlog = np.log(x)\nL = np.sum(log) + np.sum(np.maximum(x, -1e-3))",
                    file,
                    "exec",
                ),
                space,
            )
        explanation = mg.explain(space["L"], space["x"])
        lines = str(explanation).splitlines()
        assert lines[1] == f"1. {os.path.basename(file)}:2:" and "elements" in "".join(lines[2:4])
        assert f"  {os.path.basename(file)}:3:" in lines

    def test_code_is_not_cut(self, tape):
        x, names = (
            tape.leaf([1.0, 0.0], name="x"),
            ["a_long_name_" + letter * 8 for letter in "abcdef"],
        )
        with np.errstate(divide="ignore"):
            y = np.log(x).named(names[0])
            for name in names[1:]:
                y = (y * 2.0).named(name)
            explanation = mg.explain(np.sum(np.where(x > 0.0, y, 0.0)), x)
        code = [line for found in explanation.findings for line in found.text.splitlines()[1:]]
        assert code and {f"       {line}" for line in code} <= set(str(explanation).splitlines())

    def test_a_nest_of_targets(self, tape):
        x, w = tape.leaf([1.0, 0.0], name="x"), tape.leaf(2.0, name="w")
        with np.errstate(divide="ignore"):
            L = np.sum(np.log(x) * w).named("L")
        found = mg.explain(L, {"x": x, "rest": (w, [None])})
        assert str(found["x"]) == str(mg.explain(L, x)) and str(found["rest"][0]) == str(
            mg.explain(L, w)
        )
        assert found["rest"][1] == [None]
        assert {*found["x"].findings} < {*found.findings} and not found.in_order
        assert "(in ∂L/∂w)" in str(found)
        assert all(e.headline in str(found) for e in found.each)
        assert found._repr_html_().count("<tr>") == 1 + len(found.findings)
        with pytest.raises(errors.NotDifferentiableError):
            mg.explain(L, [x, 3.0])

    def test_one_cause_of_several_derivatives_is_told_once(self, tape):
        a, b, c = (tape.leaf(v, name=n) for n, v in zip("abc", (1.0, -1.0, 2.0), strict=True))
        with np.errstate(invalid="ignore"):
            L = (np.log(a * b) + np.square(c)).named("L")
        text = str(mg.explain(L, [a, b, c]))
        assert text.count("outside the domain") == 1 and "(in " not in text
        assert text.splitlines()[2] == "∂L/∂c is in order, but L itself is not a finite number."

    def test_the_line_of_a_node_without_a_name_is_quoted(self, tape):
        x = tape.leaf([4.0, 0.0], name="x")
        with np.errstate(divide="ignore"):
            y = np.log(x)
        assert "       y = np.log(x)" in str(mg.explain(np.sum(y), x)).splitlines()
        y.named("y")
        assert "       y = np.log(x)" not in str(mg.explain(np.sum(y), x)).splitlines()

    @quiet
    def test_a_function_is_explained_at_its_argument(self):
        def f(p):
            if p["a"] > 0:  # branches are free, as in functional.grad
                return np.sum(np.sqrt(p["b"])) * p["a"]
            raise AssertionError

        found = mg.explain(f, {"a": 2.0, "b": np.array([0.0, 1.0])})
        assert found["a"].in_order and found["b"].verdict == "infinite"
        assert found["b"].findings[0].operand == "x['b']"
        assert mg.explain(np.sin, 0.0).verdict == "in order"
        with pytest.raises(errors.NotScalarError):
            mg.explain(np.sin, np.ones(2))

    def test_errors_are_those_of_grad(self, tape):
        x, n = tape.leaf([1.0, 2.0]), tape.leaf([1, 2])
        for L, target, error in (
            (x, x, errors.NotScalarError),
            (np.sum(x), n, errors.NotDifferentiableError),
            (np.sum(x), 3.0, errors.NotDifferentiableError),
            (np.sum(x), mg.Tape().leaf(1.0), errors.OtherTapeError),
        ):
            with pytest.raises(error):
                mg.explain(L, target)


def first_operand(op):
    """The first operand of an op's first sample call, or of the list that it takes."""
    first = calls(op)[0][0][0]
    return first[0] if isinstance(first, list) else first


OF_FLOATS = [
    op
    for op in WITH_LINES
    if op in SAMPLES and getattr(first_operand(op), "dtype", np.dtype(int)).kind in "fc"
]


class TestEveryOp:
    @quiet
    @pytest.mark.parametrize("op", OF_FLOATS, ids=op_name)
    def test_an_op_at_zero_is_explained(self, tape, op):
        """Whatever its rule gives there: a derivative that is no finite number, or zero all over, has a reason."""
        (first, *more), kwargs = calls(op)[0]
        value = first_operand(op)
        x = tape.leaf(value * (np.arange(value.size).reshape(value.shape) > 0), name="x")
        try:
            y = op([x, *first[1:]] if isinstance(first, list) else x, *more, **kwargs)
        except (ValueError, TypeError) as refused:  # SciPy before 1.16 fails to format its error
            pytest.skip(f"it refuses a zero: {refused}")
        outputs = [
            part
            for part in (y if isinstance(y, tuple | list) else (y,))
            if np.dtype(part.dtype).kind in "fc"
        ]
        L = sum(
            np.sum(np.real(part) * np.arange(1.0, 1 + part.size).reshape(part.shape))
            for part in outputs
        )
        explanation, g = mg.explain(L, x), mg.grad(L, x)
        if not np.all(np.isfinite(g)) or not np.any(g):
            assert explanation.findings
        assert max(map(len, str(explanation).splitlines())) < 80

    @pytest.mark.parametrize("op", [np.sqrt, np.log, np.reciprocal, np.square, np.cos])
    def test_these_need_an_explanation_at_zero(self, tape, op):
        """So that the test above is not about nothing."""
        x = tape.leaf(0.0, name="x")
        with np.errstate(all="ignore"):
            L = op(x)
            g, explanation = mg.grad(L, x), mg.explain(L, x)
        assert (g == 0 or not np.isfinite(g)) and explanation.findings

    def test_zeros_of_an_op_with_several_outputs(self, tape):
        a = tape.leaf(np.diag([2.0, 3.0]), name="A")
        _, s, _ = np.linalg.svd(a)
        assert causes(mg.explain(np.sum(s * 0.0).named("L"), a)) == (("zero factor", "v5", "0.0"),)


class TestKinks:
    @pytest.mark.parametrize(
        ("f", "value", "where", "chosen"),
        [
            (np.abs, [0.0, 1.0], ((0,),), "the slope is 0"),
            (lambda x: np.maximum(x, 1.0), [0.0, 1.0], ((1,),), "each of the two gets one half"),
            (
                lambda x: np.clip(x, 0.0, 1.0),
                [0.0, 1.0, 0.5],
                ((0,), (1,)),
                "the slope is one half",
            ),
            (lambda x: np.clip(x, None, 1.0), [0.0, 1.0, 0.5], ((1,),), "the slope is one half"),
            (np.max, [2.0, 1.0, 2.0], ((0,), (2,)), "each gets an even share"),
            (
                lambda x: np.min(x, axis=0),
                [[2.0, 1.0], [2.0, 0.0]],
                ((0, 0), (1, 0)),
                "each gets an even share",
            ),
            (np.sort, [2.0, 1.0, 2.0], ((1,), (2,)), "equals get an even split"),
            (lambda x: np.hypot(x, 0.0), [0.0, 1.0], ((0,),), "the slope is 0"),
            (lambda x: np.where(x > 1.0, x, 0.0), [0.0, 1.0], ((1,),), "the answer is False"),
            (lambda x: np.where(x >= 1.0, x, 0.0), [0.0, 1.0], ((1,),), "the answer is True"),
            (np.std, [1.0, 1.0], ((),), "the slope is 0"),
        ],
    )
    def test_what_was_chosen(self, tape, f, value, where, chosen):
        x = tape.leaf(value, name="x")
        L = np.sum(f(x)) + np.sum(x)
        (kink,) = mg.explain(L, x).kinks
        assert (kink.elements.first, kink.chosen) == (where, chosen)
        assert kink.chosen in " ".join(str(mg.explain(L, x)).split())

    def test_no_kink_no_word(self, tape):
        x = tape.leaf([0.5, 2.0], name="x")
        assert mg.explain(np.sum(np.sort(np.abs(np.clip(x, 0.0, 1.0)))) + np.max(x), x).kinks == ()

    def test_a_kink_that_x_does_not_reach_is_not_x_s(self, tape):
        x, y = tape.leaf(2.0, name="x"), tape.leaf(0.0, name="y")
        assert mg.explain(x * 3.0 + np.abs(y), x).kinks == ()

    def test_a_slope_is_what_is_said(self, tape):
        """Of the ops of one operand whose kink lies at 0."""
        convention = KinkConvention(KinkSite.ZERO, "the slope is 0")
        ops = [op for op, rule in RULES.items() if rule.traits.kink == convention]
        unary = [op for op in ops if getattr(op, "nin", 1) == 1]
        assert np.abs in unary
        for op in unary:
            x = mg.Tape().leaf(0.0)
            assert mg.grad(op(x) + 1.0, x) == 0.0


class TestShares:
    def test_the_largest_paths_and_the_rest(self, tape):
        """∂L/∂x = 2·3 + 5·7 + 11 + 13."""
        x = tape.leaf(1.0, name="x")
        a, b = np.multiply(x, 2.0).named("a"), np.multiply(x, 5.0).named("b")
        L = (
            a * 3.0 + b * 7.0 + np.multiply(x, 11.0).named("c") + np.multiply(x, 13.0).named("d")
        ).named("L")
        shares = mg.explain(L, x).shares
        assert [share.contribution for share in shares.shares] == [35.0, 13.0, 11.0]
        assert (shares.remainder, shares.others) == (6.0, 1)
        assert shares.shares[0].path[:2] == ("x", "b") and shares.shares[0].path[-1] == "L"

    def test_of_2_to_the_power_of_200_paths(self, tape):
        x = tape.leaf(1.0, name="x")
        L = x
        for _ in range(200):
            L = 0.4 * L + 0.6 * L
        shares = mg.explain(L, x).shares
        assert shares.shares[0].contribution == pytest.approx(0.6**200)
        assert shares.others == 2**200 - 3 and "about 10^60 more" in str(shares)

    @given(programs(), st.integers(0, 3))
    def test_the_parts_add_up(self, program, k):
        leaves, outputs = program.record(mg.Tape())
        for L in outputs:
            x = leaves[k % len(leaves)]
            shares = mg.explain(L, x).shares
            if shares.shares:
                whole = sum(share.contribution for share in shares.shares) + shares.remainder
                np.testing.assert_allclose(whole, mg.grad(L, x), rtol=1e-9, atol=1e-12)
                if not shares.others:
                    np.testing.assert_allclose(shares.remainder, 0.0, atol=1e-9)

    def test_they_are_the_largest_of_all_paths(self, rng):
        several = 0
        for _ in range(20):
            tape = mg.Tape()
            nodes = [tape.leaf(rng.normal(), name="x")]
            for _ in range(8):
                a, b = (nodes[i] for i in rng.integers(0, len(nodes), 2))
                nodes.append(a * b if rng.random() < 0.5 else np.sin(a) + b)
            L, x = nodes[-1] + nodes[-2] * nodes[-3], nodes[0]
            if mg.grad(L, x) == 0:
                continue
            shares, every = (
                mg.explain(L, x).shares,
                sorted((abs(p) for p in products(L, x)), reverse=True),
            )
            if len(every) == 1:
                continue
            several += 1
            assert [abs(share.contribution) for share in shares.shares] == pytest.approx(every[:3])
            assert path_sum(L, x) == pytest.approx(
                sum(s.contribution for s in shares.shares) + shares.remainder
            )
        assert several > 5

    def test_arrays_are_split_at_the_first_fork(self, tape):
        W = tape.leaf(np.array([1.0, 2.0]), name="W")
        h = np.multiply(W, 2.0).named("h")
        L = np.sum(np.multiply(h, 3.0).named("a") + np.multiply(h, 1.0).named("b"))
        shares = mg.explain(L, W).shares
        assert [(share.path, share.share) for share in shares.shares] == [
            (("W", "h", "a", "…"), 0.75),
            (("W", "h", "b", "…"), 0.25),
        ]


def products(L, x):
    """The product of derivatives along every path that does not come to nothing."""
    memory = L.tape.state
    for path in paths(L, x):
        d, n = 1.0, x.id
        for c, k in path:
            ((_, line),) = RULES[memory.steps[c].op].pulls[k,]
            d = d * line.pull(np.float64(1.0), c, k, memory.steps, memory.value)
            n = c
        assert n == L.id
        if d:
            yield d


class TestNothingIsChanged:
    @staticmethod
    def state(tape):
        memory = tape.state
        tables = {
            n: (dict(t.cotangents), dict(t.marks), dict(t.provenance))
            for n, t in memory.tables.items()
        }
        return (
            len(tape),
            list(memory.steps),
            dict(memory.values),
            tables,
            dict(memory.nodes.names),
            memory.history.requests,
        )

    @given(programs(), st.integers(0, 3), st.booleans())
    def test_neither_program_nor_table(self, program, k, asked):
        tape = mg.Tape()
        leaves, outputs = program.record(tape)
        L, x = outputs[0], leaves[k % len(leaves)]
        if asked:
            mg.grad(L, leaves[0])
        before = self.state(tape)
        explanation = mg.explain(L, x)
        assert repr(self.state(tape)) == repr(before)
        if explanation.derivative is not None:
            np.testing.assert_array_equal(explanation.derivative, mg.grad(L, x))
        else:
            assert not np.any(mg.grad(L, x))

    def test_it_tells_of_the_values_that_were_assigned_last(self, tape):
        x = tape.leaf([1.0, 2.0], name="x")
        L = np.sum(np.log(x).named("log")).named("L")
        assert mg.explain(L, x).in_order
        with np.errstate(divide="ignore"):
            x.value = [0.0, 2.0]
            assert causes(mg.explain(L, x)) == (("pole", "log", "x"), ("pole", "log", "x"))

    def test_values_that_were_let_go_are_computed_again(self, tape):
        x = tape.leaf([30.0, 40.0], name="x")
        L = np.sum(np.tanh(x).named("y"))
        tape.forget()
        assert causes(mg.explain(L, x)) == (("saturation", "y", "x"),)

    def test_within_a_budget(self, tape):
        L, x = HEALTHY[2](tape)
        expected = str(mg.explain(L, x))
        tape.budget = 0
        assert str(mg.explain(L, x)) == expected

    def test_a_copy_explains_the_same(self, tape):
        L, x = FAULTS[0].build(tape)
        other = copy.deepcopy(tape)
        assert str(mg.explain(other[L.id], other[x.id])) == str(mg.explain(L, x))

    def test_a_derivative_s_own_program(self, tape):
        x = tape.leaf(0.0, name="x")
        g = mg.grad_node((x * x * x).named("L"), x)
        explanation = mg.explain(g, x)
        assert explanation.headline == "∂(∂L/∂x)/∂x is 0."
        assert {found.cause for found in explanation.findings} == {"zero factor"}


class TestStopGradient:
    def test_a_node_of_the_same_value_without_a_path(self, tape):
        x = tape.leaf([1.0, 2.0], name="x")
        y = mg.stop_gradient(x)
        assert y.id != x.id and np.array_equal(y.value, x.value)
        np.testing.assert_array_equal(mg.grad(np.sum(y * x), x), x.value)
        assert mg.grad(np.sum(y), x, unconnected="none") is None

    def test_it_follows_an_assignment(self, tape):
        x = tape.leaf(2.0, name="x")
        L = mg.stop_gradient(x) * x
        assert mg.grad(L, x) == 2.0
        x.value = 5.0
        assert mg.grad(L, x) == 5.0

    def test_what_is_no_node_comes_back(self):
        assert mg.stop_gradient(3.0) == 3.0

    def test_in_functions_tangents_and_plans(self, tape):
        value, g = mg.functional.value_and_grad(lambda x: mg.stop_gradient(x) * x)(3.0)
        assert (value, g) == (9.0, 3.0)
        x = tape.leaf(3.0, name="x")
        L = mg.stop_gradient(x) * x
        assert mg.jvp(L, x, 1.0) == 3.0
        assert mg.plan([L, mg.grad_node(L, x)], inputs=[x])(4.0) == [16.0, 4.0]
