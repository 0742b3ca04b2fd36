"""One tape behind SciPy's optimisers: what is shared at one point, what a step reaches, and what is refused."""

import inspect
import sys

import numpy as np
import pytest
import scipy.optimize

import memograd as mg
from memograd.errors import (
    MissingLibraryError,
    NotDifferentiableError,
    NotScalarError,
    RefusedError,
)

START = np.array([0.5, 0.8, 1.3, 1.5])


def rosenbrock(x):
    return np.sum(100.0 * np.square(x[1:] - np.square(x[:-1])) + np.square(1.0 - x[:-1]))


@pytest.fixture
def counted():
    """Rosenbrock's function behind an op that counts how often it is run."""
    runs = []

    @mg.op
    def entered(x):
        runs.append(x)
        return 1.0 * x

    mg.elementwise(entered, x=lambda g: 1.0 * g)
    return lambda x: rosenbrock(entered(x)), runs


class TestProblem:
    def test_value_gradient_hessian_and_product_are_scipys(self):
        problem, x, v = mg.optimize.Problem(rosenbrock, np.zeros(4)), START, np.arange(4.0)
        assert np.isclose(problem.fun(x), scipy.optimize.rosen(x))
        assert np.allclose(problem.jac(x), scipy.optimize.rosen_der(x))
        assert np.allclose(problem.hess(x), scipy.optimize.rosen_hess(x))
        assert np.allclose(problem.hessp(x, v), scipy.optimize.rosen_hess_prod(x, v))

    def test_at_one_point_the_function_runs_once(self, counted):
        f, runs = counted
        problem = mg.optimize.Problem(f, np.zeros(4))
        for x in (START, START.copy(), 2.0 * START):
            problem.fun(x), problem.jac(x), problem.hess(x), problem.hessp(x, x)
        assert len(runs) == problem.points == 3
        assert repr(problem) == (
            "3 points; fun 3, jac 3, hess 3, hessp 3 times asked; on the tape, because entered is "
            "no op of NumPy's"
        )

    def test_a_block_that_did_not_move_is_not_run_again(self):
        runs = []

        @mg.op
        def expensive(x):
            runs.append(x)
            return np.sin(x)

        mg.elementwise(expensive, x=lambda g, x: g * np.cos(x))
        problem = mg.optimize.Problem(
            lambda p: np.sum(expensive(p["a"])) * np.sum(p["b"]), {"a": np.ones(2), "b": np.ones(3)}
        )
        problem.fun([1.0, 1.0, 2.0, 2.0, 2.0])
        assert len(runs) == 1
        problem.x["b"].value = np.zeros(3)
        log = mg.Log()
        mg.grad(problem.y, problem.x["b"], log=log)
        assert len(runs) == 1 and problem.fun(problem.flat) == 0.0

    def test_what_goes_out_can_be_written_to_and_is_nobody_elses(self):
        problem = mg.optimize.Problem(lambda x: np.square(x), [1.0, 2.0])
        for ask in (problem.fun, problem.jac):
            ask([1.0, 2.0])[:] = 0.0
        assert np.array_equal(problem.fun([1.0, 2.0]), [1.0, 4.0])
        assert np.array_equal(problem.jac([1.0, 2.0]), [[2.0, 0.0], [0.0, 4.0]])

    def test_a_list_of_scalars_is_a_vector(self):
        problem = mg.optimize.Problem(lambda x: [x[0] * x[1], np.sin(x[0])], [1.0, 2.0])
        assert np.allclose(problem.jac([1.0, 2.0]), [[2.0, 1.0], [np.cos(1.0), 0.0]])

    def test_a_point_of_no_numbers(self):
        problem = mg.optimize.Problem(lambda x: np.sum(x * x), [])
        assert problem.jac([]).shape == (0,) and problem.hess([]).shape == (0, 0)

    def test_a_vector_at_a_point_of_no_numbers(self):
        problem = mg.optimize.Problem(lambda x: x * x, [])
        assert problem.y.shape == (0,) and problem.jac([]).shape == (0, 0)

    def test_a_vector_of_no_numbers(self):
        assert mg.optimize.Problem(lambda x: x[:0] * x[:0], [1.0, 2.0]).jac([1.0, 2.0]).shape == (
            0,
            2,
        )

    def test_single_precision_and_shapes_are_kept(self):
        problem = mg.optimize.Problem(lambda x: np.sum(x @ x.T), np.ones((2, 3), np.float32))
        assert problem.jac(np.ones(6)).dtype == np.float32 and problem.at(np.arange(6.0)).shape == (
            2,
            3,
        )


class TestReplays:
    """From the third point on, plans answer, and the tape stays at the same point."""

    @pytest.fixture
    def problem(self):
        problem = mg.optimize.Problem(rosenbrock, np.zeros(4))
        for x in (START, 2.0 * START):
            problem.fun(x), problem.jac(x)
        return problem

    def test_they_are_said(self, problem):
        assert repr(problem).endswith("on the tape up to point 2, then by plans")

    def test_answers_are_scipys(self, problem, rng):
        for x, v in rng.normal(size=(5, 2, 4)):
            assert np.isclose(problem.fun(x), scipy.optimize.rosen(x), rtol=1e-12)
            assert np.allclose(problem.jac(x), scipy.optimize.rosen_der(x), rtol=1e-12)
            assert np.allclose(problem.hess(x), scipy.optimize.rosen_hess(x), rtol=1e-12)
            for direction in (v, 2.0 * v):
                expected = scipy.optimize.rosen_hess_prod(x, direction)
                assert np.allclose(problem.hessp(x, direction), expected, rtol=1e-12)

    def test_tape_and_handles_follow(self, problem):
        y, leaf = problem.y, problem.x
        for k in range(3):
            x = START + k
            problem.fun(x), problem.jac(x)
            assert leaf.value.tolist() == x.tolist() == problem.flat.tolist()
            assert np.isclose(y.value, scipy.optimize.rosen(x), rtol=1e-12)
            assert np.allclose(mg.grad(y, leaf), scipy.optimize.rosen_der(x), rtol=1e-12)

    def test_assignment_to_a_leaf_is_seen(self, problem):
        before = problem.fun(START + 1.0)
        problem.x.value = START
        assert np.isclose(problem.fun(START), scipy.optimize.rosen(START), rtol=1e-12)
        assert problem.fun(START + 1.0) == before

    def test_assignment_to_another_leaf_is_seen(self):
        scale = []

        def f(x):
            scale.append(x.tape.leaf(2.0))
            return np.sum(x * x) * scale[0]

        problem = mg.optimize.Problem(f, [1.0, 2.0])
        for k in range(4):
            assert problem.fun([k, 1.0]) == 2.0 * (k * k + 1.0)
        scale[0].value = 10.0
        assert problem.fun([3.0, 1.0]) == 100.0
        assert problem.jac([3.0, 1.0]).tolist() == [60.0, 20.0]
        assert problem.fun([2.0, 1.0]) == 50.0

    def test_what_goes_out_can_be_written_to_and_is_nobody_elses(self, problem):
        for ask in (problem.jac, problem.hess):
            expected = ask(START).copy()
            ask(START)[:] = 0.0
            assert np.array_equal(ask(START), expected)

    def test_vectors(self):
        problem = mg.optimize.Problem(lambda x: np.square(x), [1.0, 2.0])
        for k in range(1, 6):
            x = np.array([k, 1.0])
            assert problem.fun(x).tolist() == [k * k, 1.0]
            assert problem.jac(x).tolist() == [[2.0 * k, 0.0], [0.0, 2.0]]

    def test_blocks_and_single_precision(self):
        start = {"W": np.zeros((2, 2), np.float32), "b": np.float32(0.0)}
        problem = mg.optimize.Problem(lambda p: np.sum(p["W"]) * p["b"], start)
        for k in range(1, 6):
            x = np.arange(5.0) * k
            assert problem.fun(x) == 6.0 * k * 4.0 * k
            assert problem.jac(x).tolist() == [4.0 * k] * 4 + [6.0 * k]
            assert problem.jac(x).dtype == np.float32


class TestMinimize:
    @pytest.mark.parametrize(
        "method",
        [
            None,
            "BFGS",
            "L-BFGS-B",
            "CG",
            "TNC",
            "SLSQP",
            "Newton-CG",
            "trust-ncg",
            "trust-krylov",
            "trust-exact",
            "trust-constr",
        ],
    )
    def test_every_method_finds_it(self, method):
        found = mg.optimize.minimize(rosenbrock, START, method=method)
        assert found.success and np.allclose(found.x, 1.0, atol=1e-3)
        assert found.problem.calls["jac"] > 0

    def test_a_method_of_ones_own_takes_the_gradient(self):
        def steepest(fun, x0, jac, **others):
            return scipy.optimize.OptimizeResult(x=x0 - 0.5 * jac(x0))

        assert np.allclose(
            mg.optimize.minimize(
                lambda x: np.sum(np.square(x - 3.0)), [0.0, 1.0], method=steepest
            ).x,
            3.0,
        )

    def test_a_method_without_derivatives_asks_for_none(self):
        found = mg.optimize.minimize(rosenbrock, START[:2], method="Nelder-Mead")
        assert np.allclose(found.x, 1.0, atol=1e-3) and found.problem.calls == {
            "fun": found.nfev,
            "jac": 0,
            "hess": 0,
            "hessp": 0,
        }

    def test_as_many_runs_as_points(self, counted):
        f, runs = counted
        found = mg.optimize.minimize(f, START, method="BFGS")
        assert found.nfev == found.njev == len(runs) == found.problem.points

    def test_blocks_come_back_as_they_were_given(self):
        found = mg.optimize.minimize(
            lambda p: np.sum(np.square(p["W"] - 2.0)) + np.square(p["b"] + 1.0),
            {"W": np.zeros((2, 2)), "b": 0.0},
        )
        assert np.allclose(found.x["W"], np.full((2, 2), 2.0)) and np.isclose(found.x["b"], -1.0)

    def test_progress_is_told_at_each_new_point(self):
        told = []
        found = mg.optimize.minimize(
            rosenbrock, START, progress=lambda points, value: told.append((points, float(value)))
        )
        assert [points for points, _ in told] == list(range(1, found.nfev + 1)) and min(
            value for _, value in told
        ) == found.fun

    def test_further_arguments_and_scipys_options_go_through(self):
        found = mg.optimize.minimize(
            lambda x, c: np.sum(np.square(x - c)), [0.0], args=(3.0,), bounds=[(None, 2.0)]
        )
        assert np.allclose(found.x, 2.0)


class TestOthers:
    def test_least_squares_takes_the_jacobian(self):
        t = np.linspace(0.0, 1.0, 20)
        measured = 2.0 * np.exp(-1.5 * t)
        found = mg.optimize.least_squares(
            lambda p: p["a"] * np.exp(p["k"] * t) - measured, {"a": 1.0, "k": 0.0}, loss="soft_l1"
        )
        assert np.isclose(found.x["a"], 2.0) and np.isclose(found.x["k"], -1.5)
        assert found.problem.points == found.nfev

    @pytest.mark.parametrize("method", ["hybr", "LM", "krylov"])
    def test_root(self, method):
        found = mg.optimize.root(
            lambda x: [x[0] + x[1] - 3.0, x[0] * x[1] - 2.0], [0.0, 5.0], method=method
        )
        assert np.allclose(found.x, [1.0, 2.0], atol=1e-5)
        assert (found.problem.calls["jac"] > 0) is (method != "krylov")


class TestAsScipyHasIt:
    """Arguments mean here what they mean to SciPy."""

    @pytest.mark.parametrize(
        "args",
        [
            (),
            (2.0,),
            2.0,
            np.array([1.0, 2.0]),
            [1.0, 2.0],
            (np.array([1.0, 2.0]), 3.0),
            "ab",
            None,
        ],
    )
    @pytest.mark.parametrize("how", ["minimize", "root"])
    def test_what_is_no_tuple_is_one_argument(self, how, args):
        def told(x, *args):
            given.append([type(a) for a in args])
            return np.sum(np.square(x)) if how == "minimize" else x * 1.0

        given = []
        getattr(scipy.optimize, how)(told, [1.0], args=args)
        expected, given = given[0], []
        getattr(mg.optimize, how)(told, [1.0], args=args)
        assert given == [expected]

    @pytest.mark.parametrize("args", [(), (2.0,), [1.0, 2.0], np.array([1.0, 2.0])])
    def test_least_squares_takes_them_item_by_item_and_by_name(self, args):
        def told(x, *args, k=0.0):
            given.append((args, k))
            return x - 1.0

        given = []
        scipy.optimize.least_squares(told, [1.0], args=args, kwargs={"k": 5.0})
        expected, given = given[0], []
        found = mg.optimize.least_squares(told, [1.0], args=args, kwargs={"k": 5.0})
        assert given == [expected] and found.x == 1.0

    @pytest.mark.parametrize("how", ["minimize", "least_squares", "root"])
    def test_signatures_are_scipys(self, how):
        ours, theirs = (
            inspect.signature(getattr(module, how)).parameters
            for module in (mg.optimize, scipy.optimize)
        )
        positional = [name for name, p in ours.items() if p.kind is p.POSITIONAL_OR_KEYWORD]
        assert positional == list(theirs)[: len(positional)]
        assert {name for name, p in ours.items() if p.kind is p.KEYWORD_ONLY} <= theirs.keys() | {
            "progress"
        }
        assert all(ours[name].default == theirs[name].default for name in positional)

    def test_options_without_a_value_are_left_out(self):
        assert mg.optimize.minimize(
            rosenbrock, START[:2], jac=None, hess=None, hessp=None, tol=None, callback=None
        ).success


class TestRefused:
    @pytest.mark.parametrize(("how", "option"), [
        ("minimize", {"jac": True}), ("minimize", {"jac": "2-point"}), ("minimize", {"hess": lambda x: x}), ("minimize", {"hessp": len}),
        ("least_squares", {"jac": "2-point"}), ("least_squares", {"diff_step": 1e-3}), ("least_squares", {"jac_sparsity": [[1.0]]}),
        ("root", {"jac": False}),
    ])  # fmt: skip
    def test_derivatives_of_the_user_s_own(self, how, option):
        (name,) = option
        with pytest.raises(
            RefusedError,
            match=f"memograd.optimize.{how} was given {name}=.*call scipy.optimize.{how} itself",
        ):
            getattr(mg.optimize, how)(lambda x: pytest.fail("it was run"), [1.0], **option)

    @pytest.mark.parametrize("how", ["minimize", "least_squares", "root"])
    def test_what_scipy_does_not_know(self, how):
        with pytest.raises(RefusedError, match=f"scipy.optimize.{how} has no argument maxiter"):
            getattr(mg.optimize, how)(lambda x: pytest.fail("it was run"), [1.0], maxiter=3)

    def test_what_is_no_scalar_is_not_minimised(self):
        with pytest.raises(NotScalarError):
            mg.optimize.minimize(lambda x: x * x, [1.0, 2.0])

    @pytest.mark.parametrize("x0", [["a"], np.array([1j])])
    def test_only_real_numbers(self, x0):
        with pytest.raises(NotDifferentiableError, match="real numbers"):
            mg.optimize.Problem(np.sum, x0)

    @pytest.mark.parametrize("x", [START + 1j, ["a", "b", "c", "d"]])
    def test_a_point_of_anything_else_changes_nothing(self, x):
        problem = mg.optimize.Problem(rosenbrock, START)
        with pytest.raises(NotDifferentiableError, match="real numbers, but this one is of"):
            problem.fun(x)
        assert np.array_equal(problem.flat, START)

    @pytest.mark.parametrize("f", [lambda x: 3.0, lambda x: None])
    def test_a_function_that_does_not_depend_on_its_argument(self, f):
        with pytest.raises(NotDifferentiableError, match="depends on no leaf"):
            mg.optimize.Problem(f, [1.0])

    @pytest.mark.parametrize("f", [lambda x: np.sum(x * 1j), lambda x: np.exp(1j * x)])
    def test_a_complex_function(self, f):
        with pytest.raises(NotDifferentiableError, match="gave complex128.*np.real"):
            mg.optimize.Problem(f, [1.0, 2.0])

    def test_a_matrix(self):
        with pytest.raises(RefusedError, match="np.ravel"):
            mg.optimize.Problem(lambda x: np.outer(x, x), [1.0, 2.0])

    def test_a_point_of_another_size_changes_nothing(self):
        problem = mg.optimize.Problem(rosenbrock, START)
        before = problem.fun(START)
        with pytest.raises(RefusedError, match="5 numbers"):
            problem.fun(np.zeros(5))
        assert problem.fun(problem.flat) == before and problem.points == 1

    def test_without_scipy(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "scipy.optimize", None)
        with pytest.raises(MissingLibraryError, match="pip install"):
            mg.optimize.minimize(rosenbrock, START)
