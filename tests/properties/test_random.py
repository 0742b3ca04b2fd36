"""Random DAGs: the laws, and memograd against the naive recursion, backprop, path sums, differences, autograd and JAX."""

import itertools

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from laws import alike, law_fresh, law_minimal, law_once, law_order, law_remembered
from programs import programs
from reference import naive

import memograd as mg
from memograd.arrays.values import bitwise_equal
from memograd.baselines import backprop, finite_difference, path_sum, paths

EQUAL = [pytest.param(False, bitwise_equal, id="bits"), pytest.param(True, alike, id="with BLAS")]
targets_of = st.lists(st.integers(0, 3), min_size=1, max_size=3)


def recorded(program, picks=(0,)):
    leaves, outputs = program.record(mg.Tape())
    return leaves, [leaves[k % len(leaves)] for k in picks], outputs


@given(programs(blas=False), targets_of)
def test_log_and_table_are_those_of_the_naive_recursion(program, picks):
    _, targets, outputs = recorded(program, picks)
    for L in outputs:
        table, lines = naive(L, targets)
        log = mg.Log()
        mg.grad(L, targets, log=log)
        assert str(log).splitlines() == lines
        held = L.tape.state.tables[L.id].cotangents
        assert held.keys() - {L.id} == table.keys()
        assert all(np.array_equal(np.asarray(a), np.asarray(held[n][k] if isinstance(held[n], tuple) else held[n]))
                   for n, g in table.items() for k, a in enumerate(g if isinstance(g, tuple) else (g,)))  # fmt: skip


@pytest.mark.parametrize(("blas", "equal"), EQUAL)
@given(data=st.data(), picks=targets_of)
def test_laws(data, picks, blas, equal):
    program = data.draw(programs(blas=blas))
    for law in (law_minimal, law_once, law_remembered):
        _, targets, outputs = recorded(program, picks)
        law(outputs[-1], targets)
    count = len(program.shapes)
    orders = itertools.islice(itertools.permutations(range(count)), 6)
    law_order(program.record, len(program.outputs) - 1, orders, equal)


@pytest.mark.parametrize(("blas", "equal"), EQUAL)
@given(data=st.data())
def test_every_answer_equals_a_fresh_tapes(data, blas, equal):
    program = data.draw(programs(blas=blas))
    leaves, _, outputs = recorded(program)
    values = program.values()
    for step in range(data.draw(st.integers(1, 5))):
        kind = data.draw(st.sampled_from(["assign", "ask", "scratch", "same"]))
        chosen = data.draw(st.sets(st.integers(0, len(leaves) - 1), min_size=1))
        if kind == "assign":
            drawn = program.values(seed=step + 1)
            values = [drawn[k] if k in chosen else v for k, v in enumerate(values)]
            leaves[0].tape.assign({leaves[k]: values[k] for k in chosen})
        elif kind == "same":
            leaves[0].tape.assign({leaves[k]: values[k] for k in chosen})
        elif kind == "ask":
            mg.grad(outputs[-1], [leaves[k] for k in sorted(chosen)])
        else:
            with leaves[0].tape.scratch():
                mg.grad(np.sum(sum(np.sum(leaves[k]) for k in chosen) * outputs[0]), leaves)
    law_fresh(program.record, values, leaves, outputs, equal)


@given(programs(blas=False))
@settings(max_examples=50)
def test_full_backprop_gives_the_same_bits(program):
    leaves, _, outputs = recorded(program)
    for L in outputs:
        full = backprop(L)
        assert all(bitwise_equal(mg.grad(L, x), full[x]) for x in leaves if x in full)


@given(programs(most=8))
@settings(max_examples=50)
def test_path_sums_agree(program):
    leaves, _, outputs = recorded(program)
    for x in leaves:
        assume(sum(1 for _ in itertools.islice(paths(outputs[0], x), 300)) < 300)
        np.testing.assert_allclose(
            path_sum(outputs[0], x), mg.grad(outputs[0], x), rtol=1e-9, atol=1e-11
        )


@given(programs(most=8))
@settings(max_examples=50)
def test_finite_differences_agree(program):
    leaves, _, outputs = recorded(program)
    for x in leaves:
        np.testing.assert_allclose(
            finite_difference(outputs[0], x), mg.grad(outputs[0], x), rtol=2e-4, atol=2e-5
        )


@given(programs())
@settings(max_examples=100)
def test_autograd_agrees(program):
    autograd = pytest.importorskip("autograd", reason="autograd is in the extra `compare`")
    import autograd.numpy as anp

    assume(
        all(name != "where" for name, _ in program.steps)
    )  # whose broadcast operands autograd does not sum back
    leaves, _, outputs = recorded(program)
    values = [np.asarray(v, dtype=float) for v in program.values()]
    for k, L in enumerate(outputs):
        for i, x in enumerate(leaves):
            theirs = autograd.grad(
                lambda v, i=i, k=k: (
                    program.run(anp, values[:i] + [v] + values[i + 1 :])[1][k] + 0.0 * anp.sum(v)
                )
            )(values[i])
            np.testing.assert_allclose(mg.grad(L, x), theirs, rtol=1e-10, atol=1e-12)


def test_jax_agrees():
    jax = pytest.importorskip("jax", reason="JAX is in the extra `compare`")
    jax.config.update("jax_enable_x64", True)

    @given(programs(most=8))
    @settings(max_examples=25)
    def agree(program):
        leaves, _, outputs = recorded(program)
        values = [jax.numpy.asarray(v) for v in program.values()]
        for k, L in enumerate(outputs):
            theirs = jax.grad(lambda vs, k=k: program.run(jax.numpy, vs)[1][k])(values)
            for x, g in zip(leaves, theirs, strict=True):
                np.testing.assert_allclose(mg.grad(L, x), g, rtol=1e-10, atol=1e-12)

    agree()
