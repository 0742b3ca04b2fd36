"""Labels at the door: pandas and xarray give numbers to the tape, and get gradients with their own labels."""

import pickle

import numpy as np
import pytest

import memograd as mg
from memograd.arrays.axis_labels import labels_of
from memograd.errors import AssignError, NotDifferentiableError

pd = pytest.importorskip("pandas")
xr = pytest.importorskip("xarray")

NUMBERS = np.array([[1.0, 2.0], [3.0, 4.0]])
TABLES = {
    "DataFrame": lambda a: pd.DataFrame(a, index=["a", "b"], columns=["x", "y"]),
    "Series": lambda a: pd.Series(a[0], index=["a", "b"], name="s"),
    "DataArray": lambda a: xr.DataArray(
        a, dims=("r", "c"), coords={"r": ["a", "b"], "k": 5.0}, name="d"
    ),
}


@pytest.fixture(params=TABLES)
def table(request):
    """A function from numbers to a table of them."""
    return TABLES[request.param]


def test_the_gradient_has_the_labels_of_the_leaf(tape, table):
    x = tape.leaf(table(NUMBERS))
    g = mg.grad(np.sum(x * x), x)
    assert type(g) is type(table(NUMBERS)) and g.equals(table(2 * NUMBERS))
    assert getattr(g, "name", None) == getattr(table(NUMBERS), "name", None)


def test_what_lies_on_the_tape_is_plain(tape, table):
    x = tape.leaf(table(NUMBERS))
    y = np.exp(x)
    L = np.sum(y)
    assert (
        type(x.value) is type(y.value) is type(mg.grad(L, y)) is type(mg.table(L)[y]) is np.ndarray
    )


def test_a_target_that_does_not_lead_to_L_has_its_labels_too(tape, table):
    x, w = tape.leaf(table(NUMBERS)), tape.leaf(1.0)
    assert (
        mg.grad(w * w, x).equals(table(0 * NUMBERS))
        and mg.grad(w * w, x, unconnected="none") is None
    )


def test_later_changes_of_the_table_do_not_matter(tape, table):
    given = table(NUMBERS.copy())
    x = tape.leaf(given)
    given[:] = 7.0
    if hasattr(given, "coords"):
        given.coords["r"] = ["p", "q"]
    else:
        given.index = ["p", "q"]
    assert mg.grad(np.sum(x * x), x).equals(table(2 * NUMBERS))


def test_a_table_with_equal_labels_can_be_assigned_and_so_can_plain_numbers(tape, table):
    x = tape.leaf(table(NUMBERS))
    L = np.sum(x * x)
    x.value = table(2 * NUMBERS)
    assert mg.grad(L, x).equals(table(4 * NUMBERS))
    x.value = np.asarray(table(3 * NUMBERS))
    assert mg.grad(L, x).equals(table(6 * NUMBERS))


def test_a_table_with_other_labels_cannot(tape):
    x = tape.leaf(TABLES["DataFrame"](NUMBERS), name="x")
    turned = TABLES["DataFrame"](NUMBERS)[["y", "x"]]
    with pytest.raises(
        AssignError, match=r"^x \(leaf, .*whose labels are not those that it came with.*reindex"
    ):
        x.value = turned
    with pytest.raises(AssignError, match="labels"):
        x.value = TABLES["DataArray"](NUMBERS)
    assert x.value.tolist() == NUMBERS.tolist()


def test_copies_and_pickles_keep_labels_and_a_scratch_block_takes_them_along(tape, table):
    x = tape.leaf(table(NUMBERS), name="x")
    L = np.sum(x * x).named("L")
    for other in (tape.copy(), pickle.loads(pickle.dumps(tape))):
        assert mg.grad(other["L"], other["x"]).equals(mg.grad(L, x))
    with tape.scratch():
        tape.leaf(table(NUMBERS))
    assert list(tape.state.nodes.labels) == [x.id]


@pytest.mark.parametrize("kind", ["DataFrame", "Series"])
def test_a_pandas_table_beside_a_node_is_a_constant(tape, kind):
    w, table = tape.leaf([1.0, 2.0]), TABLES[kind](NUMBERS)
    for y in (table * w, w * table, np.multiply(table, w)):
        assert isinstance(y, mg.Node) and np.array_equal(y.value, np.asarray(table) * w.value)


@pytest.mark.parametrize(
    "f",
    [
        lambda w, table: w * table,
        lambda w, table: table * w,
        lambda w, table: np.multiply(w, table),
        lambda w, table: np.multiply(table, w),
        lambda w, table: np.exp(np.log(w) + np.log(table)),
        lambda w, table: w[0] * table * (w / w[0]),
    ],
)
def test_a_data_array_beside_a_node_keeps_its_labels_and_holds_the_node(tape, f):
    w, table = tape.leaf([1.0, 2.0]), TABLES["DataArray"](NUMBERS)
    held = f(w, table)
    assert held.dims == ("r", "c") and list(held.coords["r"].to_numpy()) == ["a", "b"]
    assert isinstance(held.data, mg.Node)
    np.testing.assert_allclose(held.data.value, NUMBERS * w.value, rtol=1e-15)
    np.testing.assert_allclose(mg.grad(held.sum("c").sum().data, w), [4.0, 6.0], rtol=1e-15)
    np.testing.assert_allclose(
        mg.functional.grad(lambda w: np.sum(f(w, table)))(np.array([1.0, 2.0])), [4.0, 6.0]
    )


def test_the_gradient_of_a_data_array_is_that_of_the_node_that_it_holds(tape):
    w, table = tape.leaf([1.0, 2.0]), TABLES["DataArray"](NUMBERS)
    L = (w * table).sum()
    with pytest.raises(NotDifferentiableError, match="holds a node. Give L.data"):
        mg.grad(L, w)
    np.testing.assert_allclose(mg.grad(L.data, w), [4.0, 6.0])


def test_a_product_with_a_data_array_is_a_node(tape):
    w, table = tape.leaf([1.0, 2.0]), TABLES["DataArray"](NUMBERS)
    assert isinstance(w @ table, mg.Node) and isinstance(np.dot(w, table), mg.Node)


def test_functions_of_tables_have_gradients_with_labels(table):
    f = mg.functional.value_and_grad(lambda x: np.sum(x * x))
    value, g = f(table(NUMBERS))
    assert g.equals(table(2 * NUMBERS))


def test_an_archive_has_the_numbers_alone(tape, table, tmp_path):
    x = tape.leaf(table(NUMBERS), name="x")
    np.sum(x * x).named("L")
    mg.save(tmp_path / "kept", tape)
    other = mg.load(tmp_path / "kept")
    assert type(mg.grad(other["L"], other["x"])) is np.ndarray


def test_numbers_have_no_labels():
    assert labels_of(NUMBERS) is labels_of(3.0) is labels_of("x") is None
