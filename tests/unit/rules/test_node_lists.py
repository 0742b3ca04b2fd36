"""Lists of nodes: where an array is taken, each is one stack of its items, in value and in gradient."""

import pickle
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
import scipy.sparse
from sampling import SAMPLES, calls

import memograd as mg
import memograd.numpy as mnp
from memograd.check import sample_operands
from memograd.errors import (
    NoRuleError,
    NotDifferentiableError,
    OtherTapeError,
    RaggedListError,
    RefusedError,
    SparseError,
)
from memograd.functional import compiled, grad
from memograd.rules.registration import RULES
from memograd.scipy import linalg, signal, special, stats

X = np.array([0.7, 1.9])

# ------------------------------------------------------------------------------------ every function, on its own samples


def served() -> dict[str, tuple[Any, Callable[..., Any]]]:
    """Each op of the registry that a namespace serves, by name: NumPy's or SciPy's, and ours."""
    homes = {"": (np, mnp), "linalg.": (np.linalg, mnp.linalg), "fft.": (np.fft, mnp.fft),
             "special.": (scipy.special, special)}  # fmt: skip
    return {
        f"{home}{name}": (own, getattr(ours, name))
        for home, (library, ours) in homes.items()
        for name in dir(library)
        if not name.startswith("_") and callable(own := getattr(library, name)) and own in RULES
    }


SERVED = served()
SWEPT = [name for name, (own, _) in SERVED.items() if own not in (np.block, np.piecewise)]
"""Lists in lists are the layout of a block matrix, and a list of conditions is not one condition."""


def in_rows(a: Any, taken: Callable[[Any], Any]) -> Any:
    """The arrays of a call, in lists of operands too, each replaced by what is taken of its rows."""
    if isinstance(a, np.ndarray) and a.ndim and len(a):
        return taken(a)
    return [in_rows(item, taken) for item in a] if isinstance(a, list) else a


def outcome(f: Callable[..., Any], args: Any, kwargs: Any, form: Callable[[Any], Any]) -> Any:
    """Values and gradients of a call whose arrays are made of leaves; or the type of its error."""
    tape, leaves = mg.Tape(), []

    def taken(a: Any) -> Any:
        rows = [tape.leaf(row) for row in a]
        leaves.extend(rows if a.dtype.kind in "fc" else ())
        return form(rows)

    args, kwargs = in_rows(list(args), taken), {k: in_rows(a, taken) for k, a in kwargs.items()}
    try:
        y = f(*args, **kwargs)
    except Exception as error:
        return type(error)
    ys = [part for part in (y if isinstance(y, tuple | list) else [y]) if isinstance(part, mg.Node)]
    values = [part.value for part in ys]
    inexact = [part for part in ys if part.dtype.kind in "fc" and part.size]
    if not inexact or not leaves:
        return values, []
    L = sum(np.sum(np.real(part) * np.cos(np.arange(part.size)).reshape(part.shape)) for part in inexact)  # fmt: skip
    return values, mg.grad(L, leaves)


def calls_of(own: Any) -> list[Any]:
    """Sample calls: those of the registry, or arrays for a function that is not differentiated."""
    rule = RULES[own]
    if rule.operands or isinstance(own, np.ufunc) or own in SAMPLES:
        numbers = sample_operands(rule) or [X + k for k in range(getattr(own, "nin", 1))]
        return [(args or numbers, kwargs) for args, kwargs in calls(own)]
    return [(args, {}) for n in (1, 2) if takes(own, args := [np.diag(X + k) for k in range(n)])]


def takes(f: Callable[..., Any], args: Any) -> bool:
    """Whether a function takes these arrays: not one of shapes, or of another number of them."""
    try:
        f(*args)
    except (TypeError, ValueError):
        return False
    return True


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of functions that NumPy gives up
@pytest.mark.parametrize("name", SWEPT)
def test_a_list_of_rows_is_their_stack(name: str) -> None:
    own, ours = SERVED[name]
    for args, kwargs in calls_of(own):
        with np.errstate(all="ignore"):
            want = outcome(ours, args, kwargs, np.stack)
            for form in (list, tuple):
                got = outcome(ours, args, kwargs, form)
                assert isinstance(got, type) == isinstance(want, type), (args, kwargs, got, want)
                if isinstance(want, type):
                    assert got is want
                    continue
                for a, b in zip(got, want, strict=True):
                    assert len(a) == len(b)
                    for x, y in zip(a, b, strict=True):
                        np.testing.assert_array_equal(x, y)


def test_the_layout_of_a_block_matrix_is_a_list() -> None:
    tape = mg.Tape()
    a, b = tape.leaf(2.0), tape.leaf(3.0)
    y = mnp.block([[a, 1.0], [0.0, b]])
    np.testing.assert_array_equal(y.value, [[2.0, 1.0], [0.0, 3.0]])
    assert float(mg.grad(np.linalg.det(y), a)) == pytest.approx(3.0)


def test_a_list_of_conditions_is_not_one_condition() -> None:
    tape = mg.Tape()
    a, b = tape.leaf(0.5), tape.leaf(3.0)
    y = mnp.piecewise([a, b], [np.array([True, False]), [a > 1, b > 1]], [np.sin, lambda x: x * x])
    np.testing.assert_array_equal(y.value, [np.sin(0.5), 9.0])
    assert mg.grad(np.sum(y), [a, b]) == [np.cos(0.5), 6.0]


# ---------------------------------------------------------------------------------------- as autograd, which looks into lists

IDIOMS: dict[str, Callable[[Any, Any], Any]] = {
    "sum": lambda n, a: n.sum([a[0], 3 * a[1]]),
    "mean": lambda n, a: n.mean([a[0], 3 * a[1]]),
    "dot": lambda n, a: n.dot([a[0], a[1]], [a[1], 2.0]),
    "max": lambda n, a: n.max([a[0], 3 * a[1]]),
    "maximum": lambda n, a: n.sum(n.maximum([a[0], a[1]], [1.0, a[0]])),
    "where": lambda n, a: n.sum(n.where([True, False], [a[0], a[1]], [a[1], a[1] * a[0]])),
    "norm": lambda n, a: n.linalg.norm([a[0], a[1]]),
    "array": lambda n, a: n.sum(n.array([a[0], a[1] ** 2])),
    "asarray": lambda n, a: n.sum(n.asarray([a[0], a[1] ** 2])),
    "append": lambda n, a: n.sum(n.append([a[0]], [a[1]]) ** 2),
    "stack of an iterator": lambda n, a: n.sum(n.stack(t**2 for t in a) * [1.0, 3.0]),
    "a list times an array": lambda n, a: n.sum(n.multiply(n.ones(2), [a[0], a[1]])),
    "nested lists": lambda n, a: n.linalg.det(n.array([[a[0], a[1]], [a[1], 4.0]])),
}


@pytest.mark.parametrize("what", IDIOMS)
def test_idioms_of_programs_that_use_autograd(what: str) -> None:
    autograd = pytest.importorskip("autograd", reason="autograd is in the extra `compare`")
    anp = pytest.importorskip("autograd.numpy")
    use = IDIOMS[what]
    want = autograd.grad(lambda a: use(anp, a))(X)
    np.testing.assert_allclose(grad(lambda a: use(mnp, a))(X), want, rtol=1e-14)
    np.testing.assert_allclose(compiled(grad(lambda a: use(mnp, a)))(X), want, rtol=1e-14)
    tape = mg.Tape()
    x = tape.leaf(X)
    np.testing.assert_allclose(mg.grad(use(mnp, x), x), want, rtol=1e-14)


# ----------------------------------------------------------------------------------------------- where no namespace is needed

BESIDE_A_NODE: dict[str, Callable[[Any], Any]] = {
    "*": lambda x: x * [x[1], 2.0],
    "* from the left": lambda x: (x[1], 2.0) * x,
    "@": lambda x: x @ [x[1], 2.0],
    "@ from the left": lambda x: [[x[1], 2.0], [0.0, x[0]]] @ x,
    "a method": lambda x: x.dot([x[1], 2.0]),
    "a function": lambda x: np.dot([[x[1], 2.0], [0.0, x[0]]], x),
    "a keyword": lambda x: np.average(x, weights=[x[1], 2.0]),
    "a list of arrays": lambda x: np.concatenate([x, [x[1], 2.0]]),
    "where": lambda x: np.where(x > 1.0, [x[1], 2.0], 0.0),
    "where, by a list": lambda x: np.where([x[0] > 1.0, x[1] > 1.0], x, 2 * x),
    "einsum": lambda x: np.einsum("i,i", x, [x[1], 2.0]),
    "outer of a ufunc": lambda x: np.multiply.outer(x, [x[1], 2.0]),
    "an index": lambda x: (x * x)[[np.argmax(x), 0]],
    "set": lambda x: (x * x).at[0].set([x[1]][0]),
    "add": lambda x: (x * x).at[[0, 1]].add([x[1], 2.0]),
    "add, at a list of nodes": lambda x: (x * x).at[[np.argmax(x), 0]].add([x[1], 2.0]),
}


@pytest.mark.parametrize("what", BESIDE_A_NODE)
def test_beside_a_node_lists_are_operands_of_numpys_own_functions(what: str) -> None:
    use = BESIDE_A_NODE[what]
    tape = mg.Tape()
    x = tape.leaf(X)
    mg.check.check_grad(np.sum(np.sin(use(x))), x)
    np.testing.assert_allclose(grad(lambda x: np.sum(use(x)))(X), mg.grad(np.sum(use(x)), x))


def test_facts_of_lists_are_those_of_arrays() -> None:
    a = mg.Tape().leaf(2.0)
    rows = [[a, 1.0], (0.0, a), [a, a]]
    assert mnp.shape(rows) == (3, 2) and mnp.ndim(rows) == 2 and mnp.size(rows) == 6
    assert not mnp.iscomplexobj(rows) and len(a.tape) == 1


def test_ufuncs_keep_their_attributes_and_methods() -> None:
    a = mg.Tape().leaf(2.0)
    assert (mnp.add.nin, mnp.add.identity, mnp.matmul.signature) == (2, 0, "(n?,k),(k,m?)->(n?,m?)")
    assert mnp.add.reduce([a, 3.0]).value == 5.0 and mnp.add.reduce([1.0, 3.0]) == 4.0
    np.testing.assert_array_equal(mnp.multiply.accumulate([a, 3.0]).value, [2.0, 6.0])
    np.testing.assert_array_equal(mnp.add.outer([a], [a, 1.0]).value, [[4.0, 3.0]])
    with pytest.raises(RefusedError, match=r"np\.add\.at of a node"):
        mnp.add.at(np.zeros(2), [a], 1.0)


@pytest.mark.parametrize(
    "f", [mnp.sin, mnp.sum, mnp.stack, mnp.linalg.norm, mnp.fft.fft, special.erf]
)
def test_functions_are_pickled_and_described_as_the_librarys(f: Any) -> None:
    assert pickle.loads(pickle.dumps(f)) is f
    assert f.__name__ == f.__wrapped__.__name__ and f.__doc__ == f.__wrapped__.__doc__


# ------------------------------------------------------------------------------------------------------------- SciPy's functions


class Pair(NamedTuple):
    a: Any
    b: Any


ONES = np.eye(2)
OF_SCIPY: dict[str, Callable[[Any], Any]] = {
    "erf": lambda v: special.erf(v),
    "logsumexp": lambda v: special.logsumexp(v),
    "logsumexp, weights": lambda v: special.logsumexp(ONES[0], b=v),
    "softmax": lambda v: special.softmax(v),
    "norm.logpdf": lambda v: stats.norm.logpdf(v),
    "norm.logpdf, loc": lambda v: stats.norm.logpdf(np.ones(2), loc=v),
    "dirichlet": lambda v: stats.dirichlet.logpdf(np.array([0.4, 0.6]), v),
    "multivariate_normal": lambda v: stats.multivariate_normal.logpdf(np.ones(2), v),
    "solve": lambda v: linalg.solve(ONES + 1, v),
    "solve_triangular": lambda v: linalg.solve_triangular(ONES, v),
    "cho_solve": lambda v: linalg.cho_solve((ONES, True), v),
    "toeplitz": lambda v: linalg.toeplitz(v),
    "block_diag": lambda v: linalg.block_diag(v, 3.0),
    "convolve": lambda v: signal.convolve(v, [1.0, 2.0]),
}


@pytest.mark.parametrize("what", OF_SCIPY)
def test_functions_of_scipy_take_lists_of_nodes(what: str) -> None:
    f = OF_SCIPY[what]
    want = grad(lambda x: np.sum(np.sin(f(x))))(X)
    assert want.any()
    for form in (lambda x: [x[0], x[1]], lambda x: Pair(x[0], x[1])):
        got = grad(lambda x, form=form: np.sum(np.sin(f(form(x)))))(X)
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("f", [linalg.expm, linalg.sqrtm, linalg.logm])
def test_functions_of_matrices_take_lists_of_nodes(f: Callable[..., Any]) -> None:
    def total(m: Any) -> Any:
        return np.sum(np.real(f(m)))

    got = grad(lambda x: total([[x[0], 0.1], [0.2, x[1]]]))(X)
    want = grad(lambda x: total(mnp.array([[x[0], 0.1], [0.2, x[1]]])))(X)
    np.testing.assert_array_equal(got, want)


def test_ops_of_the_users_take_lists_of_nodes() -> None:
    cubed = mg.op(lambda x: np.asarray(x) ** 3)
    mg.elementwise(cubed, x=lambda g, x: g * 3 * x**2)
    np.testing.assert_allclose(grad(lambda x: np.sum(cubed([x[0], x[1]])))(X), 3 * X**2)


# --------------------------------------------------------------------------------------------------------------- lists at the edges


def test_items_are_promoted_as_numpy_promotes_them() -> None:
    tape = mg.Tape()
    single, whole = tape.leaf(np.float32(0.1)), tape.leaf(3)
    for items in ([single, single], [single, 1.0], [whole, 2], [whole, single], [whole, True], [whole, 1j]):  # fmt: skip
        plain = np.array([item.value if isinstance(item, mg.Node) else item for item in items])
        got = mnp.ravel(items)
        assert got.dtype == plain.dtype
        np.testing.assert_array_equal(got.value, plain)
    assert mg.grad(mnp.sum([whole * 1.0, single]), single) == 1.0


@pytest.mark.parametrize("items", [[], [[]], (), [[1.0, 2.0], [3.0, 4.0]], [True, 2, 3j], [np.float64(2), [3]][:1]])  # fmt: skip
def test_lists_without_nodes_are_numpys(items: Any) -> None:
    got, want = mnp.sum(items), np.sum(items)
    assert type(got) is type(want) and got == want
    x = mg.Tape().leaf(2.0)
    np.testing.assert_array_equal((x * items).value, 2.0 * np.array(items))


@pytest.mark.parametrize("use", [mnp.sum, lambda v: X[0] * mnp.add(v, 1.0), mnp.array, mnp.add.reduce,
                                 special.logsumexp, lambda v: mg.Node.__mul__(v[0], v)])  # fmt: skip
@pytest.mark.parametrize("ragged", [lambda a, v: [a, v, [a]], lambda a, v: [a, [[a, a], [a]]], lambda a, v: [v, [[v, v], [v, a]]],
                                    lambda a, v: [a, [[a], []]], lambda a, v: [a, ([a], 1.0)]])  # fmt: skip
def test_ragged_lists_are_refused(use: Callable[..., Any], ragged: Callable[..., Any]) -> None:
    tape = mg.Tape()
    with pytest.raises(RaggedListError, match=r"one shape, but here are \(.*\) and \(.*\)\. Give"):
        use(ragged(tape.leaf(2.0), tape.leaf(X)))


def test_a_call_that_fails_leaves_the_tape_as_it_was() -> None:
    tape, other = mg.Tape(), mg.Tape()
    a, b, x = tape.leaf(2.0), other.leaf(3.0), tape.leaf(np.ones(3))
    for fails in (
        lambda: x * [a, 1.0],
        lambda: mnp.dot([[a, a], [a, a]], x),
        lambda: mnp.sum([[a, 1.0], [a]]),
        lambda: mnp.sum([[a, 1.0], [b, 1.0]]),
        lambda: mnp.sum([a, a], axis=3),
        lambda: x * [a, "1"],
    ):
        with pytest.raises((ValueError, TypeError, np.exceptions.AxisError)):
            fails()
        assert (len(tape), len(other)) == (2, 1)
    assert (x * [a, a, 1.0]).tape is tape


def test_nodes_of_two_tapes_are_refused() -> None:
    a, b = mg.Tape().leaf(2.0), mg.Tape().leaf(3.0)
    for use in (lambda: mnp.sum([a, b]), lambda: a * [a, b], lambda: mnp.dot([a], [b])):
        with pytest.raises(OtherTapeError, match="of another tape"):
            use()
        assert len(a.tape) == len(b.tape) == 1


@pytest.mark.parametrize("item", [None, "2", object(), {}])
def test_items_that_are_no_numbers_are_refused(item: Any) -> None:
    a = mg.Tape().leaf(2.0)
    with pytest.raises((NotDifferentiableError, TypeError), match="met a node"):
        mnp.sum([a, item])


def test_a_node_of_several_outputs_in_a_list_is_refused() -> None:
    a = mg.Tape().leaf(np.eye(2))
    several = np.linalg.eigh(a)[0].operands[0]
    with pytest.raises(RefusedError, match="2 outputs"):
        mnp.sum([several])


def test_dask_arrays_in_lists_stay_lazy() -> None:
    da = pytest.importorskip("dask.array", reason="Dask is an extra")
    tape = mg.Tape()
    x = tape.leaf(da.from_array(np.arange(4.0), chunks=2))
    y = mnp.sum([x, x * x])
    assert isinstance(y.value, da.Array) and float(y.value) == 20.0
    np.testing.assert_array_equal(mg.grad(y, x).compute(), 1 + 2 * np.arange(4.0))
    z = mnp.sum([x, da.ones(4, chunks=2)])
    assert isinstance(z.value, da.Array) and float(z.value) == 10.0


def test_sparse_arrays_in_lists_are_refused() -> None:
    a = mg.Tape().leaf(np.eye(2))
    with pytest.raises(SparseError, match="toarray"):
        mnp.sum([a, scipy.sparse.eye_array(2)])


def test_masked_arrays_in_lists_are_refused() -> None:
    a = mg.Tape().leaf(X)
    with pytest.raises(TypeError, match="mask"):
        mnp.sum([a, np.ma.masked_array(X, [True, False])])


def test_functions_that_are_not_recorded_are_named() -> None:
    a = mg.Tape().leaf(2.0)
    with pytest.raises(NoRuleError, match=r"np\.unique is not recorded"):
        np.unique(mnp.array([a, a]))
