"""Functions that are traced once for each signature: `memograd.functional.compiled`."""

import copy
import gc
import pickle
import threading
import weakref
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from fractions import Fraction

import numpy as np
import pytest

import memograd as mg
from memograd.errors import RefusedError
from memograd.functional import compiled, grad, hessian, hvp, value_and_grad


@pytest.fixture
def runs():
    return []


@pytest.fixture
def loss(runs):
    def loss(w, x):
        runs.append(1)
        return np.sum(np.square(np.tanh(x @ w)))

    return loss


def test_traced_once_for_each_signature(loss, runs, rng):
    step = compiled(value_and_grad(loss))
    for _ in range(3):
        w, x = rng.normal(size=3), rng.normal(size=(4, 3))
        value, g = step(w, x)
        expected, h = value_and_grad(loss)(w, x)
        np.testing.assert_allclose(value, expected, rtol=1e-13)
        np.testing.assert_allclose(g, h, rtol=1e-13)
    assert len(step.plans) == 1 and len(runs) == 1 + 3
    step(rng.normal(size=3), rng.normal(size=(5, 3)))
    step(rng.normal(size=3).astype(np.float32), rng.normal(size=(5, 3)))
    assert len(step.plans) == 3 and step.__name__ == "value_and_gradient"


def test_threads_that_meet_at_a_signature_trace_it_once(runs):
    found = []

    @compiled
    def double(x):
        runs.append(1)
        if len(runs) == 1:
            other.start()
            other.join(0.1)  # it waits for the plan that is being made here
        return 2 * x

    other = threading.Thread(target=lambda: found.append(double(3.0)))
    found.append(double(2.0))
    other.join()
    assert sorted(found) == [4.0, 6.0] and len(runs) == 1


def test_what_is_no_array_is_part_of_the_signature(runs):
    @compiled
    def power(x, n, *, double=False):
        runs.append(n)
        y = x
        for _ in range(n - 1):
            y = y * x
        return [y, 2 * y] if double else y

    assert power(2.0, 3) == 8.0 and power(3.0, 3) == 27.0 and power(2.0, 2) == 4.0
    assert power(2.0, 3, double=True) == [8.0, 16.0]
    assert power(x=2.0, n=3) == 8.0
    assert runs == [3, 2, 3, 3]


def test_arguments_by_name_are_told_apart():
    f = compiled(lambda a=2.0, b=3.0: a - 2.0 * b)
    assert (f(a=5.0), f(b=5.0), f(5.0), f(5.0, 1.0), f(5.0, b=1.0), f(b=1.0, a=5.0)) == (
        -1.0,
        -8.0,
        -1.0,
        3.0,
        3.0,
        3.0,
    )


def test_static_arguments_differ_by_type(x):
    pick = compiled(lambda x, k: x * (2.0 if k[0] is True else 3.0))
    assert [pick(1.0, (k,)) for k in (True, 1, 1.0, True)] == [2.0, 3.0, 3.0, 2.0]


@dataclass
class Model:
    w: object
    names: object = field(default=(), metadata={"static": True})


def test_nests_of_arguments_and_of_results(runs):
    @compiled
    def f(p, n=1):
        runs.append(1)
        return {"y": Model(p["w"] * p["rest"][0] * n, p.get("names")), "nothing": None}

    for rest in ([2.0, None], [3.0, None]):
        y = f({"w": np.ones(2), "rest": rest}, n=2)["y"]
        assert type(y) is Model and y.w.tolist() == [2 * rest[0]] * 2
    assert f({"w": np.ones(2), "rest": (2.0, None)})["nothing"] is None
    assert len(runs) == 2 and [i.name for i in next(iter(f.plans.values())).inputs] == [
        "argument_0['w']",
        "argument_0['rest'][0]",
    ]


def test_a_gradient_by_nests(rng):
    def loss(models, x):
        for m in models:
            x = np.tanh(x @ m.w)
        return np.sum(x * x), x

    step = compiled(value_and_grad(loss, has_aux=True))
    for _ in range(2):
        models, x = (
            [Model(rng.normal(size=(3, 3)), "ab") for _ in range(2)],
            rng.normal(size=(2, 3)),
        )
        (value, aux), g = step(models, x)
        (expected, beside), h = value_and_grad(loss, has_aux=True)(models, x)
        np.testing.assert_allclose([value, *aux.flat], [expected, *beside.flat], rtol=1e-13)
        np.testing.assert_allclose([m.w for m in g], [m.w for m in h], rtol=1e-13)
        assert g[0].names == "ab"
    step([Model(rng.normal(size=(3, 3)), "other") for _ in range(2)], x)
    assert len(step.plans) == 2


def test_arguments_of_any_name():
    assert compiled(lambda x, v1, np: x * v1 - np)(2.0, v1=3.0, np=1.0) == 5.0


def test_other_forms(rng):
    x, v = rng.normal(size=3), rng.normal(size=3)
    f = lambda x: np.sum(x**3)  # noqa: E731
    np.testing.assert_allclose(compiled(grad(f))(x), 3 * x**2, rtol=1e-13)
    np.testing.assert_allclose(
        compiled(lambda x, v: hvp(f, (x,), (v,)))(x, v), (6 * x * v,), rtol=1e-13
    )


def test_hessians_are_replayed(rng):
    x = rng.normal(size=3)
    np.testing.assert_allclose(
        compiled(hessian(lambda x: np.prod(x)))(x), hessian(lambda x: np.prod(x))(x), rtol=1e-13
    )


def test_it_nests(x):
    double = compiled(lambda x: 2 * x)
    assert float(grad(lambda t: double(t) * t)(3.0)) == 12.0
    assert isinstance(double(x), mg.Node) and double.plans == {}


def test_a_result_that_depends_on_nothing():
    assert compiled(lambda x: (1.0, x))(5.0) == (1.0, 5.0)
    assert compiled(grad(lambda x: 7.0))(np.ones(2)).tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x * float(x),
        lambda x: x * x.value,
    ],
)
def test_reading_a_value_is_refused(f):
    step = compiled(f)
    with pytest.raises(RefusedError, match="np.where"):
        step(2.0)
    assert step.plans == {}


def test_arguments_and_results_that_are_no_arrays():
    with pytest.raises(RefusedError, match="An argument .* neither an array nor hashable"):
        compiled(lambda x, names: x)(1.0, {"a"})
    with pytest.raises(RefusedError, match="gives arrays"):
        compiled(lambda x: (x, "text"))(1.0)


PROMOTING = {
    "x + s": lambda x, s: x + s,
    "s - x": lambda x, s: s - x,
    "python": lambda x, s: x * abs(-((2 * s + 1) ** 2) / 3),
    "divmod": lambda x, s: divmod(s, 0.7)[1] * x,
    "complex": lambda x, s: x * (s * 1j).imag,
    "strong": lambda x, s: x * np.multiply(s, 2.0),
    "maximum": lambda x, s: np.maximum(x, s),
    "greater": lambda x, s: x > s,
    "where": lambda x, s: np.where(x > 0, x, s),
    "clip": lambda x, s: np.clip(x, s, 2 * s),
    "full_like": lambda x, s: np.full_like(x, s),
    "dot": lambda x, s: np.dot(x, s),
    "outer": lambda x, s: np.multiply.outer(x, s),
    "stack": lambda x, s: np.stack([x[0], s]),
    "interp": lambda x, s: np.interp(s, np.array([0.0, 1.0], np.float32), x[:2]),
    "isclose": lambda x, s: np.isclose(x, s, rtol=0, atol=0),
    "result_type": lambda x, s: x.astype(np.result_type(x, s)),
}


class TestPythonNumbers:
    """A Python float takes the precision of the array that it meets, in a plan as in NumPy."""

    @pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.complex64, np.int32])
    @pytest.mark.parametrize("name", PROMOTING)
    def test_they_promote_as_numpy_has_it(self, name, dtype):
        f, x = PROMOTING[name], np.array([0.1, 3.25, -2.0]).astype(dtype)
        if np.iscomplexobj(x) and name in ("clip", "divmod", "greater"):
            x = x.real
        step = compiled(f)
        for s in (0.25, 0.1, 1e-3):
            y, expected = step(x, s), f(x, s)
            assert y.dtype == expected.dtype and np.array_equal(y, expected), s
        assert len(step.plans) == 1

    def test_a_float64_of_numpy_s_is_another_signature(self):
        step, x = compiled(lambda x, s: x * s), np.ones(2, np.float32)
        assert [
            step(x, s).dtype.itemsize for s in (1.0, np.float64(1.0), 1j, np.complex128(1))
        ] == [4, 8, 8, 16]
        assert len(step.plans) == 4

    def test_gradients_are_those_without_a_plan(self, rng):
        f = value_and_grad(lambda x, s: np.sum(np.square(x * s + 0.1)), argnums=(0, 1))
        x = rng.normal(size=3).astype(np.float32)
        (value, g), (expected, h) = compiled(f)(x, 0.3), f(x, 0.3)
        assert value.dtype == expected.dtype and [a.dtype for a in g] == [a.dtype for a in h]
        np.testing.assert_allclose(
            np.concatenate([g[0], [g[1]]]), np.concatenate([h[0], [h[1]]]), rtol=1e-5
        )

    def test_an_op_that_knows_python_s_numbers_alone_is_refused(self):
        @mg.op
        def odd(x, s):
            return x * 1.0 if type(s) is float else np.asarray(x, np.longdouble) * s

        mg.elementwise(odd, x=lambda g: g, s=None)
        with pytest.raises(
            RefusedError, match="odd gives float32 of a Python number .* Give np.float64"
        ):
            compiled(odd)(np.ones(2, np.float32), 2.0)


class Colour(Enum):
    RED = 1


class TestStatics:
    @pytest.mark.parametrize(("a", "b"), [
        (frozenset({1}), frozenset({True})),
        (frozenset({frozenset({1})}), frozenset({frozenset({1.0})})),
        (frozenset({0.0}), frozenset({-0.0})),
        (frozenset({(1, 2)}), frozenset({(1, 2.0)})),
        ({1: "a"}, {True: "a"}),
        ({(0.0,): 1}, {(-0.0,): 1}),
        (Decimal("1"), Decimal("1.0")),
        (Decimal("0"), Decimal("-0")),
        (datetime(2026, 1, 1, 12, tzinfo=UTC), datetime(2026, 1, 1, 13, tzinfo=timezone(timedelta(hours=1)))),
        (slice(1), slice(True)),
        (range(0), range(1, 1)),
        (np.int64(1), np.bool(True)),
        (np.datetime64(1, "D"), np.datetime64(1, "s")),
        (Model(1.0, (1,)), Model(1.0, (True,))),
        (Model(1.0, frozenset({0j})), Model(1.0, frozenset({-0j}))),
    ])  # fmt: skip
    def test_equal_ones_that_are_not_the_same_share_no_plan(self, runs, a, b):
        @compiled
        def f(x, k):
            runs.append(k)
            return x * len(repr(getattr(k, "names", k)))

        for k in (a, b, a, b):
            assert f(1.0, k) == len(repr(getattr(k, "names", k)))
        assert len(f.plans) == len(runs) == 2

    @pytest.mark.parametrize(
        "k",
        [
            Decimal("nan"),
            Decimal("1.0"),
            frozenset({1, "a"}),
            Colour.RED,
            np.sin,
            Model,
            Fraction(1, 3),
            slice(1, 2),
        ],
    )
    def test_the_same_ones_share_one(self, runs, k):
        f = compiled(lambda x, k: runs.append(k) or x)
        f(1.0, k), f(2.0, copy.deepcopy(k))
        assert len(runs) == len(f.plans) == 1

    def test_functions_are_not_kept_alive(self):
        f = compiled(lambda x, g: g(x))
        for k in range(3):
            assert f(1.0, lambda x, k=k: x * k) == k
            gc.collect()
        assert len(f.plans) == 1

    @pytest.mark.parametrize(
        "k",
        [
            np.random.default_rng(0),
            iter([1]),
            {1},
            object.__new__(type("Slots", (), {"__slots__": ("a",)})),
        ],
    )
    def test_what_may_change_unseen_is_refused(self, k):
        with pytest.raises(RefusedError, match=r"argument_k\['inner'\]"):
            compiled(lambda x, k: x)(1.0, k={"inner": k})


class Network:
    scale = 3.0

    def __init__(self, w):
        self.w, self.power, self.inner = w, 1, None

    @compiled
    def f(self, x=1.0):
        return self.scale * self.w**self.power * x if self.inner is None else self.inner.f(x)

    @compiled
    def count(self, x):
        self.times = 1
        return x

    @compiled
    def add(self, items, x):
        items.append(x)
        return x


class TestMethods:
    def test_a_call_sees_the_attributes_as_they_are(self, monkeypatch):
        model = Network(2.0)
        assert model.f(2.0) == 12.0 and model.f() == 6.0 and Network.f(model, 1.0) == 6.0
        for change, expected in (
            ({"w": 3.0}, 9.0),
            ({"scale": 5.0}, 15.0),
            ({"power": 2}, 45.0),
            ({"inner": Network(1.0)}, 3.0),
        ):
            vars(model).update(change)
            assert model.f() == expected
        model.inner.w = 2.0
        assert model.f() == 6.0
        monkeypatch.setattr(Network, "scale", 1.0)
        assert model.f() == 2.0

    def test_instances_share_plans_and_are_not_kept_alive(self):
        f = compiled(lambda model, x: model.w * x)
        model = Network(np.ones(2))
        known = weakref.ref(model)
        f(model, 1.0), f(Network(np.zeros(2)), 1.0)
        del model
        gc.collect()
        assert len(f.plans) == 1 and known() is None

    def test_gradients_go_through_a_method(self):
        model = Network(np.array([1.0, 2.0]))
        assert compiled(grad(lambda x: np.sum(model.f(x))))(2.0) == 9.0

    def test_a_method_that_changes_what_it_was_given_is_refused(self):
        model = Network(2.0)
        with pytest.raises(
            RefusedError, match="changed argument_0.times, which a plan would not repeat"
        ):
            model.count(1.0)
        with pytest.raises(RefusedError, match=r"changed argument_1\[0\]"):
            model.add([], 1.0)
        assert not hasattr(model, "times")

    def test_a_class_attribute_does_not_hide_a_method_below_it(self):
        class Below(Network):
            def scale(self):
                return 7.0

        assert compiled(lambda model, x: model.scale() * x)(Below(1.0), 1.0) == 7.0

    def test_an_object_inside_itself_is_refused(self):
        model = Network(2.0)
        model.inner = model
        with pytest.raises(RefusedError, match="inside itself"):
            model.f()


@compiled
def tripled(x):
    return 3.0 * x


class TestCopies:
    @pytest.mark.parametrize(
        "way", [copy.copy, copy.deepcopy, lambda f: pickle.loads(pickle.dumps(f))]
    )
    def test_they_compute_the_same(self, way):
        f = compiled(np.sin)
        f(1.0)
        other = way(f)
        assert other(0.5) == np.sin(0.5) and other is not f and other.plans is not f.plans

    @pytest.mark.parametrize("form", [grad, value_and_grad, hessian, lambda f: grad(grad(f))])
    def test_forms_of_a_function_are_pickled(self, form):
        for f in (compiled(form(np.sin)), form(compiled(np.sin))):
            assert pickle.loads(pickle.dumps(f))(0.5) == f(0.5)

    def test_one_that_is_compiled_where_it_is_defined_is_pickled_by_name(self):
        tripled(1.0)
        assert pickle.loads(pickle.dumps(tripled)) is tripled
        assert pickle.loads(pickle.dumps(Network.f)) is Network.f


class TestRepeatedCalls:
    """Calls with arguments of known types find their plan without a signature."""

    def test_shapes_and_dtypes_decide_between_plans_of_the_same_types(self, rng):
        f = compiled(lambda x, y: np.sum(x) * y)
        for shape, dtype in ((3, float), (4, float), (3, np.float32), (3, float), (3, complex)):
            x = np.arange(1.0, 1 + shape).astype(dtype)
            for _ in range(2):
                result = f(x, 2.0)
                assert result == np.sum(x) * 2.0
                assert result.dtype == x.dtype
        assert len(f.plans) == 4

    def test_pythons_number_is_told_from_numpys(self):
        f = compiled(lambda x, s: x * s)
        x = np.ones(2, np.float32)
        for _ in range(2):
            assert f(x, 2.0).dtype == np.float32
            assert f(x, np.float64(2.0)).dtype == np.float64

    def test_cleared_plans_are_made_anew(self, runs, loss):
        f = compiled(loss)
        for _ in range(2):
            f(np.ones(3), np.ones((4, 3)))
        f.plans.clear()
        f(np.ones(3), np.ones((4, 3)))
        assert len(runs) == 2

    def test_call_inside_a_trace_is_recorded(self):
        f = compiled(lambda x: x * x)
        for _ in range(2):
            assert f(3.0) == 9.0
        assert grad(lambda x: f(x) * f(2.0))(3.0) == 24.0

    def test_integers_and_strings_stay_static(self):
        f = compiled(lambda x, k: x * k)
        assert [float(f(2.0, k)) for k in (1, 2, 1, True, 2)] == [2, 4, 2, 2, 4]


class TestFormsOfCompiledFunctions:
    """`value_and_grad(compiled(f))` replays one plan."""

    @pytest.mark.parametrize(
        "form", [grad, value_and_grad, mg.functional.jacobian, hessian], ids=lambda f: f.__name__
    )
    def test_form_is_traced_once(self, runs, loss, form, rng):
        f = compiled(loss)
        for _ in range(3):
            w, x = rng.normal(size=3), rng.normal(size=(4, 3))
            result = form(f)(w, x)
        assert len(runs) == 1
        expected = form(loss)(w, x)
        for a, b in zip(result, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)

    def test_options_make_forms_of_their_own(self):
        f = compiled(lambda x, y: x * x * y)
        for _ in range(2):
            assert grad(f)(3.0, 5.0) == 30.0
            assert grad(f, 1)(3.0, 5.0) == 9.0
            assert grad(f, [0, 1])(3.0, 5.0) == (30.0, 9.0)

    def test_value_beside_the_result(self):
        f = compiled(lambda x: (np.sum(x * x), {"mean": np.mean(x)}))
        (value, aux), g = value_and_grad(f, has_aux=True)(np.array([1.0, 3.0]))
        assert (value, aux["mean"], g.tolist()) == (10.0, 2.0, [2.0, 6.0])

    def test_function_that_branches(self):
        f = compiled(lambda x: x * x if x > 0 else -x)
        assert [float(grad(f)(x)) for x in (3.0, -2.0, 4.0)] == [6.0, -1.0, 8.0]

    def test_argument_that_no_signature_holds_runs_the_function(self):
        class Factor:
            """An object that compares by value and has no hash."""

            def __init__(self, k):
                self.k = k

            def __eq__(self, other):
                return self.k == other.k

        f = compiled(lambda x, factor: x * x * factor.k)
        factor = Factor(2.0)
        assert grad(f)(3.0, factor) == 12.0
        factor.k = 5.0
        assert grad(f)(3.0, factor) == 30.0

    def test_form_of_nodes_is_a_part_of_their_program(self):
        f = compiled(lambda x: x * x * x)
        assert grad(grad(f))(2.0) == 12.0
        assert grad(lambda x: grad(f)(x) * x)(2.0) == 36.0


def test_a_branch_is_decided_by_numpys_bits(rng):
    """A plan may sum in another order, but not what decides."""
    f = compiled(lambda x, y, c: x[0] * 2 if np.sum(x * y) >= c else x[1] * 3)
    for _ in range(20):
        x, y = rng.normal(size=(2, 1001))
        c = np.sum(x * y)
        assert f(x, y, c) == x[0] * 2
        assert f(x, y, np.nextafter(c, np.inf)) == x[1] * 3


def test_a_branch_on_more_than_the_arguments_is_refused():
    calls = iter(range(100))

    def f(x):
        return x if x > -10 * next(calls) else -x

    step = compiled(f)
    assert step(50.0) == 50.0
    with pytest.raises(RefusedError, match="branches on more than its arguments"):
        step(-1.0)
