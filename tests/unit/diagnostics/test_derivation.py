"""The worked derivation: its equations are the run's, its numbers the table's, and nothing of it stays."""

import numpy as np
import pytest
from tutorial import section8, section13

import memograd as mg
from memograd.diagnostics.derivation import latex_symbol, latex_text
from memograd.errors import NotScalarError, OtherTapeError

SECTION_13 = """\
∂L/∂g = 2.392 (direct)
∂L/∂W1 = ∂L/∂g · ∂g/∂W1
       = 2.392 · 0.6967
       = 1.667
∂L/∂b = 0.7174 (direct)
∂L/∂c = ∂L/∂b · ∂b/∂c
      = [0.6907, 0.5328, 0.7099]
∂L/∂W2 = ∂L/∂c · ∂c/∂W2
       = (3, 3), |max| 0.693
∂L/∂e = ∂L/∂c · ∂c/∂e    (∂L/∂c already known)
      = [-1.739, 0.06954, -0.3677]
∂L/∂W3 = ∂L/∂e · ∂e/∂W3
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
            "∂L/∂s = 3 (direct)\n∂L/∂x = ∂L/∂s · ∂s/∂x + ∂L/∂x (direct)\n      = 3 · 6 + 1 · 9\n      = 27"
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
            == "∂L/∂W2 = (3, 3), |max| 0.693, already known"
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
