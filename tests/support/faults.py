"""Programs with a planted fault, as people met them, and programs that are well; each builds a tape and gives L and x.

The threads are those in which somebody asked where a NaN, a zero or a None came from. A fault is expected by its causes:
each with the node and the operand that it is at, in the order in which `explain` lists them.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import memograd as mg

Build = Callable[[mg.Tape], tuple[mg.Node, mg.Node]]
Cause = tuple[str, str, str | None]


class Fault(NamedTuple):
    """A program, the thread that it comes from, and all that is to be found in it."""

    name: str
    thread: str
    build: Build
    expected: tuple[Cause, ...]


FAULTS: list[Fault] = []
HEALTHY: list[Build] = []


def fault(thread: str, *expected: Cause) -> Callable[[Build], Build]:
    """The program below has these faults."""

    def plant(build: Build) -> Build:
        FAULTS.append(Fault(build.__name__, thread, build, expected))
        return build

    return plant


def healthy(build: Build) -> Build:
    """The program below has none."""
    HEALTHY.append(build)
    return build


def leaves(tape: mg.Tape, **values: Any) -> list[mg.Node]:
    """Leaves by these names."""
    return [tape.leaf(value, name=name) for name, value in values.items()]


def total(node: mg.Node) -> mg.Node:
    """The sum, as L."""
    return np.sum(node).named("L")


DATA = np.random.default_rng(2).normal(size=(6, 4))


# ------------------------------------------------------------------------------------ NaN behind a mask: 0 · ∞


@fault("jax-ml/jax#475", ("masked branch", "root", "x"))
def root_behind_where(tape):
    (x,) = leaves(tape, x=[4.0, 0.0, 1.0])
    return total(np.where(x > 0, np.sqrt(x).named("root"), 0.0)), x


@fault("jax-ml/jax#475", ("masked branch", "log", "x"))
def log_behind_where(tape):
    (x,) = leaves(tape, x=[0.0, 2.0])
    return total(np.where(x > 0, np.log(x).named("log"), 0.0)), x


@fault("jax-ml/jax#25643", ("masked branch", "ratio", "b"))
def ratio_behind_where(tape):
    a, b = leaves(tape, a=[1.0, 2.0], b=[0.0, 4.0])
    return total(np.where(b != 0, (a / b).named("ratio"), 0.0)), a


@fault("jax-ml/jax#25643", ("overflow", "e", "x"), ("masked branch", "e", "x"))
def exponential_behind_where(tape):
    (x,) = leaves(tape, x=[1.0, 1000.0])
    return total(np.where(x > 100, x, np.exp(x).named("e"))), x


@fault("patrick-kidger/diffrax#742", ("masked branch", "speed", "r2"))
def distance_behind_where(tape):
    p, q = leaves(tape, p=[1.0, 2.0], q=[1.0, 5.0])
    r2 = np.square(p - q).named("r2")
    return total(np.where(r2 > 0, np.sqrt(r2).named("speed"), 0.0)), p


@fault("patrick-kidger/diffrax#742", ("masked branch", "angle", "c"))
def arccosine_behind_where(tape):
    (c,) = leaves(tape, c=[1.0, 0.5])
    return total(np.where(np.abs(c) < 1, np.arccos(c).named("angle"), 0.0)), c


@fault("climate-analytics-lab/jax-gcm#558", ("masked branch", "root", "x"))
def masked_far_above(tape):
    (x,) = leaves(tape, x=[0.0, 9.0])
    y = 3.0 * np.sqrt(x).named("root") + 1.0
    return total(np.where(x > 0, y, 0.0) ** 2), x


@fault(
    "climate-analytics-lab/jax-gcm#558", ("masked branch", "r1", "x"), ("masked branch", "r0", "x")
)
def two_poisons_at_once(tape):
    (x,) = leaves(tape, x=[0.0, 9.0])
    first = np.where(x > 0, np.sqrt(x).named("r0"), 0.0)
    second = np.where(x > 0, np.log(x).named("r1"), 0.0)
    return total(first + second), x


@fault("climate-analytics-lab/jax-gcm#558", ("masked branch", "root", "x"))
def mask_that_multiplies(tape):
    x, mask = leaves(tape, x=[0.0, 9.0], mask=[0.0, 1.0])
    return total(mask * np.sqrt(x).named("root")), x


@fault("patrick-kidger/diffrax#280", ("masked branch", "log", "x"))
def log_under_a_floor(tape):
    (x,) = leaves(tape, x=[0.0, 2.0])
    return total(np.maximum(np.log(x).named("log"), -10.0)), x


@fault("patrick-kidger/diffrax#280", ("pole", "ratio", "x"), ("masked branch", "ratio", "x"))
def pole_under_a_ceiling(tape):
    (x,) = leaves(tape, x=[0.0, 2.0])
    return total(np.clip((1.0 / x).named("ratio"), None, 100.0)), x


@fault("patrick-kidger/diffrax#280", ("masked branch", "root", "x"))
def root_not_selected(tape):
    (x,) = leaves(tape, x=[0.0, 9.0])
    return np.square(np.sqrt(x).named("root")[1]).named("L"), x


# ------------------------------------------------------------------------------------ NaN and infinity, otherwise


@fault("tensorflow/tensorflow#5888", ("overflow", "e", "z"), ("zero times infinity", "e", "z"))
def sigmoid_by_hand(tape):
    (x,) = leaves(tape, x=800.0)
    z = np.multiply(x, 1.0).named("z")
    return np.divide(1.0, 1.0 + np.exp(z).named("e")).named("L"), x


@fault("pytorch/pytorch#160016", ("outside the domain", "log", "x"))
def log_of_a_negative(tape):
    (x,) = leaves(tape, x=[1.0, -2.0])
    return total(np.log(x).named("log")), x


@fault(
    "pytorch/pytorch#160016", ("outside the domain", "root", "x"), ("propagated", "root", "root")
)
def root_of_a_negative(tape):
    (x,) = leaves(tape, x=[1.0, -2.0])
    return total(np.sqrt(x).named("root")), x


@fault("pytorch/pytorch#160016", ("pole", "log", "p"), ("pole", "log", "p"))
def cross_entropy_of_a_sure_miss(tape):
    (p,) = leaves(tape, p=[0.0, 1.0])
    return np.sum(np.array([1.0, 0.0]) * np.log(p).named("log")).named("L"), p


@fault(
    "pytorch/pytorch#143658",
    ("overflow", "e", "x"),
    ("infinities", "p", "e"),
    ("propagated", "p", "s"),
)
def softmax_without_the_maximum(tape):
    (x,) = leaves(tape, x=[1000.0, 0.0])
    e = np.exp(x).named("e")
    return ((e / np.sum(e).named("s")).named("p")[0]).named("L"), x


@fault("pytorch/pytorch#143658", ("given", "data", None), ("propagated", "m", "data"))
def data_with_a_hole(tape):
    x, data = leaves(tape, x=[1.0, 2.0], data=[1.0, np.nan])
    return total(np.multiply(x, data).named("m")), x


@fault("pytorch/pytorch#143658", ("given", "m", "nan"), ("propagated", "m", "nan"))
def constant_that_is_no_number(tape):
    (x,) = leaves(tape, x=[1.0, 2.0])
    return total(np.multiply(x, np.nan).named("m")), x


@fault("pytorch/pytorch#86362", ("pole", "norm", "s"))
def norm_at_the_origin(tape):
    (x,) = leaves(tape, x=[0.0, 0.0])
    return np.sqrt(np.sum(x * x).named("s")).named("norm"), x


@fault("pytorch/pytorch#86362", ("pole", "slope", "d"))
def deviation_of_equal_numbers(tape):
    (x,) = leaves(tape, x=[2.0, 2.0])
    d = np.mean(np.square(x - np.mean(x))).named("d")
    return np.sqrt(d).named("slope"), x


@fault("tensorflow/tensorflow#5888", ("pole", "p", "x"))
def power_below_one_at_zero(tape):
    (x,) = leaves(tape, x=[0.0, 1.0])
    return total(np.power(x, 0.5).named("p")), x


@fault("pytorch/pytorch#43405", ("pole", "v3", "x"))
def second_derivative_alone(tape):
    (x,) = leaves(tape, x=0.0)
    return mg.grad_node(np.power(x, 1.5).named("L"), x), x


@fault(
    "jax-ml/jax#5698",
    ("outside the domain", "log", "x"),
    ("outside the domain", "root", "x"),
    ("propagated", "root", "root"),
)
def two_nans_at_once(tape):
    (x,) = leaves(tape, x=[-1.0, 2.0])
    return total(np.log(x).named("log") + np.sqrt(x).named("root")), x


@fault("jax-ml/jax#5698", ("overflow", "big", "x"), ("propagated", "L", "big"))
def overflow_in_single_precision(tape):
    (x,) = leaves(tape, x=np.float32(1e30))
    return np.square(np.multiply(x, np.float32(1e30)).named("big")).named("L"), x


@fault("jax-ml/jax#475", ("overflow", "m", "x"))
def derivative_overflows_alone(tape):
    x, w = leaves(tape, x=1e-300, w=1e200)
    return (np.multiply(x, w).named("m") * 1e200).named("L"), x


@fault(
    "tensorflow/tensorflow#5888",
    ("outside the domain", "ratio", "n"),
    ("propagated", "ratio", "ratio"),
)
def mean_of_nothing(tape):
    x, keep = leaves(tape, x=[1.0, 2.0], keep=[0.0, 0.0])
    n = np.sum(keep).named("n")
    return np.divide(np.sum(x * keep), n).named("ratio"), n


# ---------------------------------------------------------------------------------------------- None: no path


@fault("tensorflow/tensorflow#42984", ("no path", "x", None))
def another_input(tape):
    x, y = leaves(tape, x=1.0, y=2.0)
    np.sin(x).named("unused")
    return np.square(y).named("L"), x


@fault("pytorch/pytorch#130501", ("no path", "x", None))
def input_that_nothing_uses(tape):
    x, y = leaves(tape, x=1.0, y=2.0)
    return np.square(y).named("L"), x


@fault("tensorflow/tensorflow#116636", ("no path", "x", None))
def only_another_output_uses_it(tape):
    x, y = leaves(tape, x=1.0, y=2.0)
    (np.sin(x) * y).named("other")
    return np.cos(y).named("L"), x


@fault("tensorflow/tensorflow#61199", ("frozen", "m", "x"))
def value_in_place_of_the_node(tape):
    x, w = leaves(tape, x=[1.0, 2.0], w=[3.0, 4.0])
    return total(np.multiply(x.value, w).named("m")), x


@fault("tensorflow/tensorflow#56968", ("frozen", "copy", "x"))
def leaf_made_anew(tape):
    (x,) = leaves(tape, x=[1.0, 2.0])
    return total(np.square(tape.leaf(x.value, name="copy"))), x


@fault("tensorflow/tensorflow#56968", ("frozen", "m", "x"))
def number_in_place_of_the_node(tape):
    x, w = leaves(tape, x=0.5, w=3.0)
    return np.multiply(w, x.value).named("m"), x


@fault("google-deepmind/dm-haiku#442", ("integers", "best", "x"))
def argmax_of_scores(tape):
    x, values = leaves(tape, x=[0.1, 0.7], values=[1.0, 2.0])
    return np.take(values, np.argmax(x).named("best")).named("L"), x


@fault("tensorflow/tensorflow#42984", ("integers", "whole", "x"))
def cast_to_integers(tape):
    x, w = leaves(tape, x=[1.2, 2.7], w=[1.0, 1.0])
    return total(np.astype(x, int).named("whole") * w), x


@fault("pytorch/pytorch#59172", ("steps", "r", "x"))
def rounding(tape):
    (x,) = leaves(tape, x=[1.2, 2.7])
    return total(np.round(x).named("r")), x


@fault("tensorflow/tensorflow#61199", ("comparison", "hit", "x"))
def accuracy_as_a_loss(tape):
    (x,) = leaves(tape, x=[0.2, 0.8])
    return np.mean(np.astype(np.greater(x, 0.5).named("hit"), float)).named("L"), x


@fault("tensorflow/tensorflow#61199", ("comparison", "mask", "x"))
def only_the_condition(tape):
    x, a = leaves(tape, x=[1.0, -1.0], a=[2.0, 3.0])
    return total(np.where(np.greater(x, 0).named("mask"), a, 0.0)), x


@fault("pymc-devs/pytensor#1827", ("shape", "ones", "x"))
def only_the_shape(tape):
    x, w = leaves(tape, x=[1.0, 2.0], w=3.0)
    return total(np.ones_like(x).named("ones") * w), x


@fault("tensorflow/tensorboard#1305", ("stopped", "target", "x"))
def stopped_on_purpose(tape):
    x, w = leaves(tape, x=[1.0, 2.0], w=[3.0, 4.0])
    return total(mg.stop_gradient(x).named("target") * w), x


@fault("tensorflow/tensorboard#1305", ("comparison", "mask", "x"), ("stopped", "target", "y"))
def stopped_far_below(tape):
    x, w = leaves(tape, x=[1.0, 2.0], w=[3.0, 4.0])
    y = np.tanh(x).named("y")
    return total(
        np.where(np.greater(x, 1.5).named("mask"), mg.stop_gradient(y).named("target"), w)
    ), x


# ----------------------------------------------------------------------------------------------------- zeros


@fault("pytorch/pytorch#59172", ("zero factor", "m", "w"))
def weight_that_begins_at_zero(tape):
    x, w = leaves(tape, x=[1.0, 2.0], w=[0.0, 0.0])
    return total(np.multiply(np.sin(x), w).named("m")), x


@fault("pytorch/pytorch#59172", ("zero factor", "h", "W"))
def layer_that_begins_at_zero(tape):
    x, W = leaves(tape, x=[[1.0, 2.0]], W=np.zeros((2, 3)))
    return total(np.tanh(np.matmul(x, W).named("h"))), x


@fault("Lightning-AI/pytorch-lightning#8313", ("saturation", "relu", "h"))
def dead_units(tape):
    x, W = leaves(tape, x=[[1.0, 2.0]], W=-np.ones((2, 3)))
    return total(np.maximum(np.matmul(x, W).named("h"), 0.0).named("relu")), W


@fault("Lightning-AI/pytorch-lightning#8313", ("saturation", "y", "x"))
def saturated_tanh(tape):
    (x,) = leaves(tape, x=[30.0, -40.0])
    return total(np.tanh(x).named("y")), x


@fault("Lightning-AI/pytorch-lightning#8313", ("saturation", "y", "x"))
def nearly_saturated_tanh(tape):
    (x,) = leaves(tape, x=[15.0, -16.0])
    return total(np.tanh(x).named("y")), x


@fault("pytorch/pytorch#59172", ("saturation", "c", "x"))
def clipped(tape):
    (x,) = leaves(tape, x=[3.0, -2.0])
    return total(np.clip(x, 0.0, 1.0).named("c")), x


@fault("jax-ml/jax#37821", ("kink", "a", "x"))
def absolute_value_at_zero(tape):
    (x,) = leaves(tape, x=[0.0, 0.0])
    return total(np.abs(x).named("a")), x


@fault("OpenMDAO/OpenMDAO#1938", ("zero slope", "sq", "x"))
def square_at_zero(tape):
    (x,) = leaves(tape, x=[0.0, 0.0])
    return total(np.square(x).named("sq")), x


@fault("OpenMDAO/OpenMDAO#1938", ("not chosen", "w", "far"))
def never_chosen(tape):
    x, a = leaves(tape, x=[1.0, 2.0], a=[2.0, 3.0])
    return total(np.where(np.greater(a, 10.0).named("far"), np.sin(x), a).named("w")), x


@fault("OpenMDAO/OpenMDAO#1938", ("not chosen", "first", "0"))
def never_taken(tape):
    (x,) = leaves(tape, x=[1.0, 2.0])
    both = np.concatenate([np.ones(1), x]).named("both")
    return both[0].named("first") * 1.0, x


@fault("pytorch/pytorch#59172", ("cancellation", "x", None))
def parts_that_cancel(tape):
    (x,) = leaves(tape, x=1.5)
    return np.subtract(np.sin(x).named("a"), np.sin(x).named("b")).named("L"), x


@fault("pytorch/pytorch#59172", ("cancellation", "e", None))
def probabilities_that_sum_to_one(tape):
    (x,) = leaves(tape, x=[0.1, 0.7, 0.2])
    e = np.exp(x).named("e")
    return total(e / np.sum(e).named("s")), x


@fault("pytorch/pytorch#59172", ("cancellation", "h", None))
def bias_before_a_mean_is_taken_away(tape):
    x, b = leaves(tape, x=[[0.1, 0.7], [0.4, -2.0], [0.3, 0.5]], b=[0.1, 0.2])
    h = np.add(x, b).named("h")
    return total((h - np.mean(h, axis=0)) * np.array([[1.0], [2.0], [3.0]]) ** 0), b


@fault("pytorch/pytorch#59172", ("cancellation", "h", "b"))
def bias_before_a_mean_with_weights(tape):
    x, b = leaves(tape, x=DATA, b=[0.1, 0.2, 0.3, 0.4])
    h = np.add(x, b).named("h")
    return total((h - np.mean(h, axis=0)) * np.sin(DATA)), b


@fault("pytorch/pytorch#59172", ("cancellation", "e", None))
def average_of_equal_numbers(tape):
    (x,) = leaves(tape, x=[0.11, 0.73, 0.29])
    e = np.exp(x).named("e")
    return total(0.7 * e / np.sum(e).named("s")), x


@fault("jax-ml/jax#25643", ("underflow", "e", "z"))
def gaussian_far_out(tape):
    (z,) = leaves(tape, z=[-800.0, -900.0])
    return total(np.exp(z).named("e")), z


@fault("jax-ml/jax#25643", ("underflow", "e", "z"))
def weighed_by_an_underflow(tape):
    x, z = leaves(tape, x=[1.0, 2.0], z=[-800.0, -900.0])
    return total(x * np.exp(z).named("e")), x


@fault("jax-ml/jax#25643", ("underflow", "m", "x"))
def product_that_underflows(tape):
    x, w = leaves(tape, x=1e200, w=1e-200)
    return (np.multiply(x, w).named("m") * 1e-200).named("L"), x


# ------------------------------------------------------------------------------------------- surprising sizes


@fault("Lightning-AI/pytorch-lightning#8313", ("shrinking", "h0", "x"))
def many_small_factors(tape):
    (x,) = leaves(tape, x=0.5)
    h = x
    for k in range(30):
        h = np.sin(np.multiply(h, 0.2 if k else 0.1).named(f"h{k}"))
    return (h + 1.0).named("L"), x


@fault("Lightning-AI/pytorch-lightning#8313", ("growing", "h7", "v14"))
def many_large_factors(tape):
    (x,) = leaves(tape, x=0.3)
    h = x
    for k in range(20):
        h = np.sin(np.multiply(h, 200.0 if k == 7 else 20.0).named(f"h{k}"))
    return (h + 2.0).named("L"), x


# ------------------------------------------------------------------------------------------- all is in order


def layers(tape: mg.Tape, sizes: list[int]) -> list[tuple[mg.Node, mg.Node]]:
    """Weights and biases of a small network."""
    rng = np.random.default_rng(1)
    return [
        (
            tape.leaf(rng.normal(size=(m, n)) / np.sqrt(m), name=f"W{k}"),
            tape.leaf(np.zeros(n), name=f"b{k}"),
        )
        for k, (m, n) in enumerate(zip(sizes[:-1], sizes[1:], strict=True))
    ]


@healthy
def product_of_two(tape):
    x, y = leaves(tape, x=2.0, y=3.0)
    return (x * y).named("L"), x


@healthy
def network_of_relus(tape):
    h, net = DATA, layers(tape, [4, 8, 8, 1])
    for V, b in net:
        h = np.maximum(h @ V + b, 0.0)
    return np.mean(h).named("L"), net[0][0]


@healthy
def network_of_tanhs(tape):
    h, net = DATA, layers(tape, [4, 8, 8, 8, 1])
    for V, b in net:
        h = np.tanh(h @ V + b)
    return np.mean(h**2).named("L"), net[0][0]


@healthy
def double_where(tape):
    (x,) = leaves(tape, x=[4.0, 0.0])
    safe = np.where(x > 0, x, 1.0)
    return total(np.where(x > 0, np.sqrt(safe), 0.0)), x


@healthy
def cross_entropy_with_the_maximum(tape):
    (x,) = leaves(tape, x=[[0.3, 2.0, -1.0], [1000.0, 0.0, 999.0]])
    z = x - np.max(x, axis=1, keepdims=True)
    return np.mean(np.log(np.sum(np.exp(z), axis=1)) - z[[0, 1], [1, 2]]).named("L"), x


@healthy
def attention_with_a_mask_of_infinities(tape):
    q, k = leaves(tape, q=DATA, k=DATA[::-1])
    scores = np.where(np.tri(6, dtype=bool), q @ k.T, -np.inf)
    e = np.exp(scores - np.max(scores, axis=1, keepdims=True))
    return total(e / np.sum(e, axis=1, keepdims=True) @ DATA**2), q


@healthy
def infinity_that_is_masked_and_never_read(tape):
    x, y = leaves(tape, x=[4.0, 0.0], y=[1.0, 2.0])
    return total(np.where(x > 0, y, 1.0 / np.where(x > 0, x, np.inf))), y


@healthy
def some_rows_of_an_embedding(tape):
    (E,) = leaves(tape, E=DATA)
    return total(np.square(E[[0, 2, 2]])), E


@healthy
def largest_of_several(tape):
    (x,) = leaves(tape, x=[1.0, 3.0, 2.0])
    return np.max(x).named("L"), x


@healthy
def tie_of_two(tape):
    (x,) = leaves(tape, x=[3.0, 3.0])
    return np.max(x).named("L"), x


@healthy
def residuals_of_a_good_fit(tape):
    (x,) = leaves(tape, x=3.0 + 1e-9)
    return np.square(x - 3.0).named("L"), x


@healthy
def residuals_of_a_fit_with_noise(tape):
    A = np.random.default_rng(3).normal(size=(30, 4))
    b = A @ np.ones(4) + 0.1 * np.random.default_rng(4).normal(size=30)
    (w,) = leaves(tape, w=np.linalg.lstsq(A, b)[0] + 1e-7)
    return np.mean(np.square(A @ w - b)).named("L"), w


@healthy
def physics_in_si_units(tape):
    T, n = leaves(tape, T=300.0, n=2.0)
    return (1.380649e-23 * T * np.log(n) * 1.5).named("L"), T


@healthy
def light_years_in_metres(tape):
    (d,) = leaves(tape, d=4.2)
    return np.square(9.46e15 * d).named("L"), d


@healthy
def small_part_of_a_large_sum(tape):
    (x,) = leaves(tape, x=2.0)
    return (np.sin(x) + 1e12).named("L"), x


@healthy
def phase_of_a_fast_wave(tape):
    (t,) = leaves(tape, t=1e12)
    return np.square(np.sin(t)).named("L"), t


@healthy
def log_near_its_pole(tape):
    (x,) = leaves(tape, x=1e-10)
    return np.log(x).named("L"), x


@healthy
def straight_through(tape):
    (x,) = leaves(tape, x=[0.2, 1.7])
    return total(x + mg.stop_gradient(np.round(x) - x)), x


@healthy
def target_network(tape):
    w, r = leaves(tape, w=[1.0, 2.0], r=0.5)
    target = mg.stop_gradient(r + 0.9 * np.sum(w * np.array([0.3, 0.1])))
    return np.square(np.sum(w) - target).named("L"), w


@healthy
def normalised_by_batch(tape):
    (W,) = leaves(tape, W=np.random.default_rng(5).normal(size=(4, 3)))
    h = DATA @ W
    return total(
        np.tanh((h - np.mean(h, axis=0)) / np.sqrt(np.var(h, axis=0) + 1e-5)) * DATA[:, :3]
    ), W


@healthy
def long_recurrence(tape):
    W, h = tape.leaf(np.eye(3) * 0.9 + 0.05, name="W"), np.ones(3)
    for _ in range(40):
        h = np.tanh(W @ h)
    return total(h), W


@healthy
def eigenvalues(tape):
    (A,) = leaves(tape, A=DATA.T @ DATA)
    return np.max(np.linalg.eigvalsh(A)).named("L"), A


@healthy
def density_in_logarithms(tape):
    mu, s = leaves(tape, mu=0.5, s=-1.0)
    return np.sum(-0.5 * np.square((DATA - mu) / np.exp(s)) - s).named("L"), s


@healthy
def single_precision(tape):
    (x,) = leaves(tape, x=DATA.astype(np.float32))
    return np.mean(np.exp(-np.square(x))).named("L"), x


@healthy
def waves_of_complex_numbers(tape):
    (z,) = leaves(tape, z=[1.0 + 2.0j, 0.5 - 1.0j])
    return total(np.abs(np.exp(1j * z)) ** 2), z


@healthy
def loss_itself(tape):
    (x,) = leaves(tape, x=2.0)
    L = np.sin(x).named("L")
    return L, L
