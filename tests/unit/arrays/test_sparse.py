"""Sparse arrays, of the library `sparse` and of SciPy: as constants, as leaves, and where they are refused."""

import pickle
import tracemalloc

import numpy as np
import pytest
import scipy.sparse as sp

import memograd as mg
from memograd.errors import AssignError, SparseError

A = np.array([[0.0, 1.5, 0.0], [3.0, 0.0, 1.0], [0.0, 0.0, 0.5], [2.0, 0.0, 0.0]])
W = np.array([1.0, -2.0, 0.5])
KINDS = {
    "COO": lambda a: pytest.importorskip("sparse").COO.from_numpy(a),
    "csr_array": sp.csr_array,
    "coo_array": sp.coo_array,
    "csr_matrix": sp.csr_matrix,
}

PROGRAMS = {
    "X @ w": lambda X, w: np.sum(np.square(X @ w)),
    "w @ X.T": lambda X, w: np.sum(np.square(w @ X.T)),
    "X * w": lambda X, w: np.sum(np.square(X * w)),
    "X * X": lambda X, w: np.sum(X * X) + w[0],
    "X**2": lambda X, w: np.mean(X**2) + w[0],
    "rows": lambda X, w: np.sum(X[[0, 2, 0]] @ w),
    "slice": lambda X, w: np.sum(X[1:, ::2] * w[:2]),
    "row": lambda X, w: np.sum(X[-1] * w),
    "sums": lambda X, w: np.sum(np.sum(X, axis=0) * w),
}


def dense(a):
    """The numbers of an array, stored or not."""
    return a.toarray() if sp.issparse(a) else a.todense() if hasattr(a, "todense") else a


@pytest.fixture(params=KINDS)
def kind(request):
    """A function from an array to a sparse one."""
    return KINDS[request.param]


@pytest.fixture(params=PROGRAMS)
def program(request):
    """A scalar function of a matrix and a vector."""
    return PROGRAMS[request.param]


def gradients(program, X):
    """Both derivatives, where both are leaves."""
    tape = mg.Tape()
    X, w = tape.leaf(X), tape.leaf(W)
    return mg.grad(program(X, w), [X, w])


def test_a_leaf_has_the_derivative_of_its_dense_form(program, kind):
    for d, expected in zip(gradients(program, kind(A)), gradients(program, A), strict=True):
        assert np.allclose(dense(d), expected, rtol=1e-14, atol=0)


def test_a_compressed_one_is_a_leaf_too():
    sparse = pytest.importorskip("sparse")
    d, _ = gradients(PROGRAMS["slice"], sparse.GCXS.from_numpy(A))
    assert np.array_equal(dense(d), gradients(PROGRAMS["slice"], A)[0])


@pytest.mark.parametrize("name", ["X * X", "X**2", "rows", "slice", "row"])
def test_what_is_zero_elsewhere_is_not_stored(name, kind):
    (d, _), (expected, _) = gradients(PROGRAMS[name], kind(A)), gradients(PROGRAMS[name], A)
    assert d.nnz == np.count_nonzero(expected)


OPERATORS = {
    "X @ w": lambda X, w: X @ w,
    "w @ X.T": lambda X, w: w @ X.T,
    "X.T @ v": lambda X, w: X.T @ np.concatenate([w, w[:1]]),
    "X * w": lambda X, w: np.multiply(X, w),
    "w * X": lambda X, w: np.multiply(w, X),
}


@pytest.mark.parametrize("name", OPERATORS)
def test_a_constant_on_either_side_of_an_operator(tape, name, kind):
    f, w = OPERATORS[name], tape.leaf(W)
    y, expected = f(kind(A), w), f(A, w)
    assert isinstance(y, mg.Node) and np.array_equal(dense(y.value), expected.value)
    assert np.allclose(
        dense(mg.grad(np.sum(y * y), w)), mg.grad(np.sum(expected * expected), w), rtol=1e-14
    )


@pytest.mark.parametrize(
    "f",
    [
        lambda X, w: X + w,
        lambda X, w: w - X,
        lambda X, w: X * w,
        lambda X, w: w * X,
        lambda X, w: X / w,
    ],
)
def test_operators_of_scipys_arrays_are_left_to_the_node(tape, f):
    w = tape.leaf(W)
    y = f(sp.csr_array(A), w)
    assert isinstance(y, mg.Node) and np.array_equal(dense(y.value), dense(f(A, W)))


def test_what_goes_out_is_scipys_and_what_comes_in_is_copied(tape):
    given = sp.csr_array(A)
    X = tape.leaf(given)
    given.data[:] = 9.0
    X.value.data[:] = 8.0
    assert (
        sp.issparse(X.value) and sp.issparse((X * X).value) and np.array_equal(X.value.toarray(), A)
    )


def test_another_one_is_assigned_and_a_dense_one_is_not(tape, kind):
    X = tape.leaf(kind(A))
    L = np.sum(X * X)
    X.value = kind(2 * A)
    assert np.array_equal(dense(mg.grad(L, X)), 4 * A)
    with pytest.raises(
        AssignError,
        match=r"was assigned a numpy.ndarray, but holds a \w+\.\w+. Convert it first",
    ):
        X.value = A


def test_copies_pickles_and_the_ledger(tape, kind):
    X = tape.leaf(kind(A), name="X")
    np.sum(X * X).named("L")
    for other in (tape.copy(), pickle.loads(pickle.dumps(tape))):
        assert np.array_equal(dense(mg.grad(other["L"], other["X"])), 2 * A)
    assert 0 < tape.memory.bytes < 2000


def test_what_scipy_has_not_says_so(tape):
    X = tape.leaf(sp.csr_array(A))
    with pytest.raises(
        SparseError, match=r"^SciPy has no np\.exp of sparse arrays.*X\.toarray\(\)"
    ):
        np.exp(X)


def test_a_function_of_the_library_sparse_itself_says_what_to_do(tape):
    sparse = pytest.importorskip("sparse")
    with pytest.raises(
        SparseError, match=r"Write it with @, or make the sparse array a leaf first"
    ):
        np.matmul(sparse.COO.from_numpy(A), tape.leaf(W))


def test_an_index_that_cannot_be_put_back_says_so(tape):
    X = tape.leaf(sp.csr_array(A))
    with pytest.raises(
        SparseError, match=r"index \(0, \(1, 2\)\) cannot be put back sparsely. Take slices"
    ):
        mg.grad(np.sum(X[0, [1, 2]]), X)


def test_rows_that_were_looked_up_have_a_gradient_of_their_own_size(tape):
    E = tape.leaf(np.zeros((200_000, 5)))  # 8 MB
    rows = E[[3, 70_000, 3]]
    L = np.sum(np.square(rows - 1.0))
    tracemalloc.start()
    g = mg.grad(L, rows)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (
        g.shape == (3, 5) and peak < E.value.nbytes / 40
    )  # the table's gradient would be as large as the table


def test_plans_take_and_give_sparse_arrays(tape, kind):
    X, w = tape.leaf(kind(A), name="X"), tape.leaf(W, name="w")
    L = np.sum(np.square(X * w))
    plan = mg.plan(mg.grad_node(L, [X, w]), inputs=[X, w])
    dX, dw = plan(kind(2 * A), W)
    assert (
        type(dX) is type(X.value)
        and np.allclose(dense(dX), 4 * A * W**2)
        and np.allclose(dense(dw), 8 * W * np.sum(A**2, axis=0))
    )
