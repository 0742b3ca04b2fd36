"""Derivatives as nodes, and the products with Jacobians and Hessians: on nodes, against differences and each other."""

import numpy as np
import pytest
from hypothesis import given, settings
from programs import programs

import memograd as mg
from memograd.arrays.values import bitwise_equal


@pytest.fixture
def net(rng):
    tape = mg.Tape()
    W, x = tape.leaf(rng.normal(size=(3, 4)), name="W"), tape.leaf(rng.normal(size=4), name="x")
    h = np.tanh(W @ x).named("h")
    return W, x, h, np.sum(np.exp(0.3 * h) * np.square(h)).named("L")


class TestGradNode:
    def test_it_has_the_bits_of_grad(self, net):
        W, x, _, L = net
        nodes = mg.grad_node(L, {"W": W, "x": x})
        assert all(bitwise_equal(nodes[t.name].value, mg.grad(L, t)) for t in (W, x))

    def test_a_requested_derivative_is_named_and_the_others_are_not(self, net):
        W, x, _, L = net
        gW, gx = mg.grad_node(L, [W, x])
        assert (gW.name, gx.name) == ("∂L/∂W", "∂L/∂x")
        assert L.tape["∂L/∂W"].id == gW.id
        assert mg.grad_node(np.sum(gx), W).name.startswith("∂v")
        assert mg.grad_node(np.sum(gx).named("s"), W).name == "∂s/∂W"

    def test_the_name_of_the_second_order(self):
        x = mg.Tape().leaf(2.0, name="x")
        g = mg.grad_node((x * x * x).named("L"), x)
        assert mg.grad_node(g, x).name == "∂(∂L/∂x)/∂x"

    def test_it_is_recorded_once(self, net):
        W, x, _, L = net
        first = mg.grad_node(L, [W, x])
        size = len(L.tape)
        again = mg.grad_node(L, [W, x])
        assert [n.id for n in first] == [n.id for n in again]
        assert len(L.tape) == size

    def test_its_nodes_say_whose_derivative_they_are(self, net):
        W, _, h, L = net
        before = len(L.tape)
        mg.grad_node(L, W)
        owners = {L.tape.graph.nodes[n]["of"] for n in range(before, len(L.tape))}
        assert {n for _, n in owners} >= {W.id, h.id}
        assert {output for output, _ in owners} == {L.id}
        assert all(L.tape.graph.nodes[n]["of"] is None for n in range(before))

    def test_consumers_do_not_show_them(self, net):
        W, x, _, L = net
        before = [n.id for n in x.consumers]
        mg.grad_node(L, W)
        assert [n.id for n in x.consumers] == before

    def test_it_follows_an_assignment(self, net):
        W, x, _, L = net
        node = mg.grad_node(L, W)
        x.value = x.value * 0.5
        assert bitwise_equal(node.value, mg.grad(L, W))

    def test_a_target_without_a_path(self, net):
        W, _, _, L = net
        lone = W.tape.leaf([1.0, 2.0])
        assert mg.grad_node(L, lone).value.tolist() == [0.0, 0.0]
        assert mg.grad_node(L, lone, unconnected="none") is None
        with pytest.raises(mg.MemogradError, match="No path"):
            mg.grad_node(L, lone, unconnected="raise")

    def test_after_a_scratch_block_it_is_recorded_again(self, net):
        W, _, _, L = net
        with W.tape.scratch():
            first = mg.grad_node(L, W).id
        again = mg.grad_node(L, W)
        assert again.id > first
        assert bitwise_equal(again.value, mg.grad(L, W))

    def test_an_error_half_way_leaves_the_tape_as_it_was(self):
        @mg.op
        def cubed(x):
            return x**3

        mg.rule(cubed, x=lambda g, x: g * float(x))
        x = mg.Tape().leaf(2.0)
        L = np.sin(cubed(x) * 2.0)
        before = dict(x.tape.graph.nodes(data=True))
        with pytest.raises(mg.MemogradError, match="float"):
            mg.grad_node(L, x)
        assert dict(x.tape.graph.nodes(data=True)) == before
        assert all(set(x.tape.graph.succ[n]) <= set(before) for n in before)

    def test_third_order(self):
        x = mg.Tape().leaf(0.7, name="x")
        L = np.sin(x) * x
        third = mg.grad(mg.grad_node(mg.grad_node(L, x), x), x)
        assert third == pytest.approx(-3 * np.sin(0.7) - 0.7 * np.cos(0.7), rel=1e-13)

    def test_several_outputs(self):
        x = mg.Tape().leaf([1.0, 2.0, 3.0, 4.0])
        a, b = np.split(x, 2)
        g = mg.grad_node(np.sum(a * a * b), x)
        np.testing.assert_allclose(
            mg.grad(np.sum(g * g), x),
            2 * hessian(lambda v: np.sum(v[:2] ** 2 * v[2:]), x.value) @ g.value,
            rtol=1e-6,
        )


def hessian(f, at, step=1e-4):
    eye = step * np.eye(len(at))
    return np.array(
        [
            [
                (f(at + a + b) - f(at + a - b) - f(at - a + b) + f(at - a - b)) / (4 * step**2)
                for a in eye
            ]
            for b in eye
        ]
    )


class TestProducts:
    def test_vjp_of_a_seed(self, net, rng):
        W, x, h, _ = net
        seed = rng.normal(size=3)
        rows = [mg.grad(h[k], W) for k in range(3)]
        np.testing.assert_allclose(mg.vjp(h, W, seed), np.tensordot(seed, rows, 1), rtol=1e-13)
        assert set(mg.vjp(h, {"W": W, "x": x}, seed)) == {"W", "x"}

    def test_jvp_is_the_directional_derivative(self, net, rng):
        W, x, h, _ = net
        tangents = rng.normal(size=(3, 4)), rng.normal(size=4)

        def at(t):
            return np.tanh((W.value + t * tangents[0]) @ (x.value + t * tangents[1]))

        np.testing.assert_allclose(
            mg.jvp(h, [W, x], list(tangents)), (at(1e-6) - at(-1e-6)) / 2e-6, rtol=1e-7
        )

    def test_the_two_are_transposes(self, net, rng):
        W, _, h, _ = net
        seed, tangent = rng.normal(size=3), rng.normal(size=(3, 4))
        assert np.sum(seed * mg.jvp(h, W, tangent)) == pytest.approx(
            np.sum(mg.vjp(h, W, seed) * tangent), rel=1e-13
        )

    def test_hvp_is_the_derivative_of_the_gradient(self, net, rng):
        W, x, _, L = net
        v = rng.normal(size=(3, 4))
        product = mg.hvp(L, W, v)
        base = W.value
        W.value = base + 1e-6 * v
        above = mg.grad(L, W)
        W.value = base - 1e-6 * v
        np.testing.assert_allclose(product, (above - mg.grad(L, W)) / 2e-6, rtol=1e-6, atol=1e-8)

    def test_they_leave_nothing_behind(self, net, rng):
        W, x, h, L = net
        tape = L.tape
        size, tables = len(tape), set(tape.state.tables)
        mg.vjp(h, W, np.ones(3))
        mg.jvp(h, W, np.ones((3, 4)))
        mg.hvp(L, [W, x], [np.ones((3, 4)), np.ones(4)])
        assert len(tape) == size
        assert set(tape.state.tables) <= tables | {L.id}

    def test_complex_products(self):
        z = mg.Tape().leaf(1.0 + 2.0j)
        assert mg.jvp(np.square(z), z, 1j) == pytest.approx(2 * (1 + 2j) * 1j)
        assert mg.jvp(np.abs(z), z, 1j) == pytest.approx(2 / np.sqrt(5))
        assert mg.vjp(np.square(z), z, 1.0) == pytest.approx(2 + 4j)

    @pytest.mark.parametrize(("call", "words"), [
        (lambda h, W, L: mg.vjp(h, W, np.ones(4)), r"seed is float64 \(4,\), but stands for h \(np.tanh, float64 \(3,\), "),
        (lambda h, W, L: mg.jvp(h, W, np.ones(4)), r"tangent is float64 \(4,\), but stands for W \(leaf, float64 \(3, 4\), "),
        (lambda h, W, L: mg.hvp(L, W, 1j * np.ones((3, 4))), r"v is complex128 \(3, 4\), but stands for W"),
        (lambda h, W, L: mg.hvp(h, W, np.ones((3, 4))), "The gradient is that of a scalar"),
        (lambda h, W, L: mg.vjp(3.0, W, 1.0), "y is 3.0. Compute y from leaves"),
        (lambda h, W, L: mg.jvp([h], W, np.ones((3, 4))), r"y is \[<memograd.Node h"),
        (lambda h, W, L: mg.vjp(h, None, np.ones(3)), "A target is a node, or a pytree of nodes, but got None"),
        (lambda h, W, L: mg.jvp(h, None, None), "but got None"),
    ])  # fmt: skip
    def test_wrong_seeds_and_tangents(self, net, call, words):
        W, _, h, L = net
        size = len(L.tape)
        with pytest.raises(mg.MemogradError, match=words):
            call(h, W, L)
        assert len(L.tape) == size


@given(programs(most=8))
@settings(max_examples=60)
def test_random_programs_to_second_order(program):
    """grad_node has grad's bits; hvp agrees with differences of grad; jvp with vjp."""
    rng = np.random.default_rng(20260)
    leaves, outputs = program.record(mg.Tape())
    L = outputs[0]
    tangents = [rng.normal(size=x.shape) for x in leaves]
    pushed = mg.jvp(L, leaves, tangents)
    assert pushed == pytest.approx(
        sum(np.sum(g * t) for g, t in zip(mg.grad(L, leaves), tangents, strict=True)),
        rel=1e-9,
        abs=1e-11,
    )
    nodes = mg.grad_node(L, leaves)
    assert all(
        bitwise_equal(np.asarray(node.value), np.asarray(g))
        for node, g in zip(nodes, mg.grad(L, leaves), strict=True)
    )


def test_jax_agrees_to_second_order():
    jax = pytest.importorskip("jax", reason="JAX is in the extra `compare`")
    jax.config.update("jax_enable_x64", True)

    @given(programs(most=6))
    @settings(max_examples=15)
    def agree(program):
        rng = np.random.default_rng(20260)
        leaves, outputs = program.record(mg.Tape())
        tangents = [np.asarray(rng.normal(size=x.shape)) for x in leaves]
        ours = mg.hvp(outputs[0], leaves, tangents)
        values = [jax.numpy.asarray(v) for v in program.values()]
        theirs = jax.jvp(
            jax.grad(lambda vs: program.run(jax.numpy, vs)[1][0]),
            (values,),
            ([jax.numpy.asarray(t) for t in tangents],),
        )[1]
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11)

    agree()
