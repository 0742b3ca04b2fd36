"""The worked derivation: its equations are the run's, its numbers the table's, and nothing of it stays."""

import math
import re

import numpy as np
import pytest
from sampling import WITH_LINES, inexact_parts, recorded, samples
from tutorial import section8, section13

import memograd as mg
from memograd.diagnostics.derivation_latex import latex_formula, latex_symbol, latex_text
from memograd.errors import NotScalarError, OtherTapeError

SECTION_13 = """\
∂L/∂g = b (direct)
      = 2.392
∂L/∂W1 = ∂L/∂g · ∂g/∂W1
       = 2.392 · 0.6967
       = 1.667
         ∂g/∂W1 = np.cos(W1) = 0.6967
∂L/∂b = g (direct)
      = 0.7174
∂L/∂c = ∂L/∂b · ∂b/∂c
      = ∂L/∂b[..., None] * f
      = [0.6907, 0.5328, 0.7099]
∂L/∂W2 = ∂L/∂c · ∂c/∂W2
       = ∂L/∂c[..., None] * e
       = [[-0.6747, -0.5789, -0.1427],
          [-0.5205, -0.4465, -0.1101],
          [-0.6934, -0.5949, -0.1467]]
∂L/∂e = ∂L/∂c · ∂c/∂e    (∂L/∂c already known)
      = np.squeeze(W2.T @ ∂L/∂c[..., None], axis=-1)
      = [-1.739, 0.06954, -0.3677]
∂L/∂W3 = ∂L/∂e · ∂e/∂W3
       = ∂L/∂e * sech_squared(W3)
       = [-0.07958, 0.0207, -0.352]"""


@pytest.fixture
def tape():
    return mg.Tape()


def backward(derivation):
    """The second part of the text, without its indent."""
    return str(derivation).split("Backward:\n")[1].replace("\n    ", "\n").strip()


class TestText:
    def test_section_13(self, tape):
        L, targets = section13(tape)
        assert backward(mg.derive(L, targets)) == SECTION_13

    def test_section_8_sums_two_paths_twice(self, tape):
        L, (target,) = section8(tape)
        found = mg.derive(L, target)
        assert [len(e.consumers) for e in found.equations] == [1, 1, 2, 1, 1, 2]
        assert float(found.equations[-1].value) == pytest.approx(float(mg.grad(L, target)))

    def test_the_forward_phase_has_the_operands_too(self, tape):
        x, w = tape.leaf(2.0, name="x"), tape.leaf(3.0, name="w")
        found = mg.derive((np.sin(x).named("s") * w).named("L"), x)
        assert [(v.name, v.formula) for v in found.values] == [
            ("x", ""),
            ("w", ""),
            ("s", "np.sin(x)"),
            ("L", "s * w"),
        ]

    def test_a_use_by_the_output_itself_is_direct(self, tape):
        x = tape.leaf(3.0, name="x")
        found = mg.derive((np.square(x).named("s") * x).named("L"), x)
        assert backward(found) == (
            "∂L/∂s = x (direct)\n      = 3\n"
            "∂L/∂x = ∂L/∂s · ∂s/∂x + ∂L/∂x (direct)\n      = 3 · 6 + 1 · 9\n      = 27\n"
            "        ∂s/∂x = 2 * x = 6\n        ∂L/∂x (direct) = s = 9"
        )

    def test_a_number_beside_an_array_and_a_keyword(self, tape):
        x = tape.leaf([[1.0, 2.0]], name="x")
        found = mg.derive(np.sum(np.sum(x * 2.0, axis=0).named("s")).named("L"), x)
        assert (
            found.values[1].formula == "x * 2.0" and found.values[2].formula == "np.sum(v1, axis=0)"
        )

    def test_an_unconnected_target_has_no_equation(self, tape):
        x, w = tape.leaf(1.0, name="x"), tape.leaf(1.0, name="w")
        assert mg.derive(np.sin(x), w).equations == []


class TestLog:
    def test_what_the_run_read_is_already_known(self, tape):
        L, (_, W2, W3) = section13(tape)
        log = mg.Log()
        mg.grad(L, W2)
        mg.grad(L, [W3, W2], log=log)
        assert (
            backward(mg.derive(L, W3, log=log)).splitlines()[0]
            == "∂L/∂e = ∂L/∂c · ∂c/∂e    (∂L/∂c already known)"
        )
        assert (
            backward(mg.derive(L, W3, log=log)).splitlines()[-1]
            == "          [-0.6934, -0.5949, -0.1467]], already known"
        )

    def test_without_a_log_it_begins_at_the_beginning_and_touches_no_table(self, tape):
        L, targets = section13(tape)
        mg.grad(L, targets)
        log, nodes = mg.Log(), len(tape)
        assert backward(mg.derive(L, targets)) == SECTION_13
        mg.grad(L, targets, log=log)
        assert len(tape) == nodes and log.stored == []

    def test_a_number_that_was_replaced_since_is_not_shown(self, tape):
        x = tape.leaf(2.0, name="x")
        L, log = np.sin(np.square(x).named("s")).named("L"), mg.Log()
        mg.grad(L, x, log=log)
        x.value = 3.0
        mg.grad(L, x, log=log)
        values = [e.value for e in mg.derive(L, x, log=log).equations]
        assert values[:2] == 2 * ["a number that was replaced since"] and float(
            values[3]
        ) == pytest.approx(6.0 * np.cos(9.0), rel=1e-3)

    def test_a_log_of_another_tape_is_refused(self, tape):
        log, other = mg.Log(), mg.Tape().leaf(1.0)
        mg.grad(np.sin(other), other, log=log)
        x = tape.leaf(1.0)
        with pytest.raises(OtherTapeError):
            mg.derive(np.sin(x), x, log=log)


class TestFolding:
    def test_unnamed_scalars_are_written_as_what_they_were_made_of(self, tape):
        z = tape.leaf(0.0, name="z")
        a = (1 / (1 + np.exp(-z))).named("a")
        found = mg.derive(np.sin(a).named("L"), z, fold=True)
        assert [(v.name, v.formula) for v in found.values] == [
            ("z", ""),
            ("a", "1 / (1 + np.exp(-z))"),
            ("L", "np.sin(a)"),
        ]
        assert [(e.name, e.consumers) for e in found.equations] == [("a", ("L",)), ("z", ("a",))]
        (local,) = found.equations[-1].locals
        assert (local.formula, local.value) == ("1 / (1 + np.exp(-z)) * a * np.exp(-z)", "0.25")
        assert found.equations[-1].numbers == "0.8776 · 0.25"

    def test_a_folded_node_on_two_paths_counts_on_both(self, tape):
        x = tape.leaf(3.0, name="x")
        v = x * x
        L = (np.square(v).named("s") * v).named("L")
        (s, at_x) = mg.derive(L, x, fold=True).equations
        assert (s.value, at_x.consumers, at_x.value) == ("9", ("s", "L"), format(6 * 3.0**5, ".4g"))
        assert [(d.formula, d.value) for d in at_x.locals] == [
            ("2 * (2 * (x * x) * x)", "108"),
            ("2 * (s * x)", "486"),
        ]

    def test_the_target_the_output_named_nodes_arrays_and_long_formulas_are_not_folded(self, tape):
        x, w = tape.leaf(0.5, name="x"), tape.leaf([1.0, 2.0], name="w")
        y = x
        for _ in range(12):
            y = np.sin(y) * x
        target = y + 1.0
        L = np.sum(w * target) * target
        folded = mg.derive(L, target, fold=True)
        assert [e.name for e in folded.equations][-1] == target.name and L.name == folded.output
        assert {"w", target.name} <= {v.name for v in folded.values}
        assert max(len(v.formula) for v in mg.derive(L, x, fold=True).values) < 200

    def test_without_fold_nothing_is_folded(self, tape):
        x = tape.leaf(0.5, name="x")
        assert "v1" in str(mg.derive(np.sin(np.cos(x)), x))


class TestFormulas:
    def test_a_rule_of_the_users_has_its_own_formula(self, tape):
        L, (a,) = section8(tape)
        formulas = [e.formula for e in mg.derive(L, a).equations]
        assert formulas[:2] == ["2 * d1 * d2 * d2 * d2", "3 * d1 * d1 * d2 * d2"]

    def test_a_rule_that_does_not_run_on_nodes_has_a_number_alone(self, tape):
        @mg.op
        def sine(a):
            return np.sin(a)

        mg.rule(sine, a=lambda g, a: g * np.float64(math.cos(a)))
        x = tape.leaf(0.0, name="x")
        found = mg.derive(np.exp(sine(x).named("s")).named("L"), x)
        assert backward(found).endswith(
            "∂L/∂x = ∂L/∂s · ∂s/∂x\n      = 1 · 1\n      = 1\n        ∂s/∂x = 1"
        )

    @pytest.mark.parametrize("seed", range(40))
    def test_formulas_are_python_and_give_the_numbers(self, tape, seed):
        rng = np.random.default_rng(seed)
        nodes = [tape.leaf(float(v), name=f"x{k}") for k, v in enumerate(rng.uniform(0.5, 2, 3))]
        leaves = list(nodes)
        for _ in range(6):
            a, b = (nodes[k] for k in rng.integers(0, len(nodes), 2))
            operation = rng.integers(0, len(OPERATIONS))
            nodes.append(OPERATIONS[operation](a, b))
        y = nodes[-1].named("y")
        L = (y * y).named("L")
        found = mg.derive(L, leaves, fold=True)
        names = {node.name: node.value for node in tape}
        assert any(e.locals for e in found.equations) or all(
            not e.consumers for e in found.equations
        )
        for v in found.values:
            if v.formula:
                assert eval(v.formula, {"np": np}, names) == pytest.approx(names[v.name])
        for e in found.equations:
            for d in e.locals:
                if d.formula:
                    value = eval(d.formula, {"np": np}, names)
                    assert value == pytest.approx(float(d.value), rel=1e-3, abs=1e-9)

    def test_nothing_is_recorded_on_the_tape_and_nothing_warns(self, tape):
        x = tape.leaf(0.0, name="x")
        L = np.sqrt(x * x + 1.0).named("L")
        count = len(tape)
        str(mg.derive(L, x))
        assert len(tape) == count and not tape.state.tables

    @pytest.mark.parametrize("op", WITH_LINES, ids=lambda op: op.__name__)
    def test_every_op_has_a_derivation_in_every_form(self, op):
        node, leaves = recorded(op, *samples(op)[0])
        L = sum(np.sum(np.real(part)) for part in inexact_parts(node))
        found = mg.derive(L * 1.0, leaves)
        assert all(form() for form in (found.__str__, found.markdown, found.html))
        assert {e.name for e in found.equations} >= {leaf.name for leaf in leaves}


OPERATIONS = [
    lambda a, b: a * b,
    lambda a, b: a - b,
    lambda a, b: -(a / (1.0 + b * b)),
    lambda a, b: a - (b - 2.0),
    lambda a, b: np.exp(-a) * -1.5,
    lambda a, b: np.negative(-a) - (-b),
    lambda a, b: np.sin(a) / (np.cos(b) + 3.0),
    lambda a, b: np.square(a + b),
]


class TestFormats:
    def test_markdown_has_the_fractions(self, tape):
        L, targets = section13(tape)
        shown = mg.derive(L, targets).markdown()
        assert (
            r"\frac{\partial L}{\partial W_{3}} &= \frac{\partial L}{\partial e} \frac{\partial e}{\partial W_{3}} \\"
            in shown
        )
        assert (
            r"\frac{\partial L}{\partial c} \text{ already known}" in shown
            and r"2.392 \cdot 0.6967" in shown
        )

    @pytest.mark.parametrize(
        ("name", "shown"),
        [
            ("x", "x"),
            ("W1", "W_{1}"),
            ("loss", r"\mathrm{loss}"),
            ("v_12", "v_{12}"),
            ("∂L/∂x", r"\text{∂L/∂x}"),
        ],
    )
    def test_names_as_symbols(self, name, shown):
        assert latex_symbol(name) == shown

    def test_what_latex_would_take_as_its_own_is_escaped(self):
        assert latex_text(r"a_b{$}\~") == r"\text{a\_b\{\$\}\textbackslash{}\textasciitilde{}}"

    @pytest.mark.parametrize(
        ("formula", "latex"),
        [
            ("-1 / v9 * a", r"-1 / v_{9} \cdot a"),
            ("np.exp(x ** 2)", r"\exp(x^{2})"),
            ("W1.T @ ∂L/∂y", r"W_{1}^{\top} \, \frac{\partial L}{\partial y}"),
            ("np.sum(x, axis=0)", r"\operatorname{\text{np.sum}}(x, \mathrm{axis}=0)"),
            ("a$", r"a\text{\$}"),
        ],
    )
    def test_formulas_in_latex(self, formula, latex):
        assert latex_formula(formula) == latex

    def test_small_matrices_are_matrices(self, tape):
        W = tape.leaf([[1.0, -2.0], [0.5, 4.0]], name="W")
        x = tape.leaf(np.ones((9, 9)), name="x")
        found = mg.derive((np.sum(W * W) + np.sum(x)).named("L"), [W, x])
        assert r"W &= \begin{bmatrix} 1 & -2 \\ 0.5 & 4 \end{bmatrix}" in found.markdown()
        assert "W = [[  1,  -2],\n         [0.5,   4]]" in str(found)
        assert "<td>0.5</td><td>4</td>" in found.html()
        assert "x = (9, 9), |max| 1" in str(found)

    def test_html_has_its_own_style_light_and_dark_and_no_reference(self, tape):
        L, targets = section13(tape)
        shown = mg.derive(L, targets).html()
        assert "<style>" in shown and "prefers-color-scheme: dark" in shown
        assert not re.search(r"https?:|url\(|@import|<link|<script|src=", shown)
        assert "np.cos(W1)" in shown and "already known" in shown

    def test_names_in_html_are_escaped(self, tape):
        x = tape.leaf(1.0, name="<script>alert(1)</script>")
        shown = mg.derive(np.sin(np.cos(x)), x).html()
        assert "<script>" not in shown and "&lt;script&gt;" in shown


def test_bad_requests_are_grads(tape):
    x = tape.leaf([1.0, 2.0])
    with pytest.raises(NotScalarError):
        mg.derive(x * x, x)
    with pytest.raises(OtherTapeError):
        mg.derive(np.sum(x), mg.Tape().leaf(1.0))
