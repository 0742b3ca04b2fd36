"""A request: the forms of its targets, and what is unconnected."""

from collections import namedtuple

import numpy as np
import pytest

import memograd as mg
from memograd.arrays.values import bitwise_equal
from memograd.errors import NotDifferentiableError

Pair = namedtuple("Pair", "left right")


@pytest.fixture
def y(tape):
    return tape.leaf(3.0, name="y")


@pytest.fixture
def L(x, y):
    return np.sum(x * x * y).named("L")


class TestForms:
    def test_a_node_gives_an_array(self, L, x):
        assert mg.grad(L, x).tolist() == [6.0, 12.0]

    def test_a_list_gives_a_list(self, L, x, y):
        dx, dy = got = mg.grad(L, [x, y])
        assert type(got) is list and dx.tolist() == [6.0, 12.0] and dy == 5.0

    def test_a_tuple_gives_a_tuple(self, L, x, y):
        got = mg.grad(L, (y, x))
        assert type(got) is tuple and got[0] == 5.0

    def test_a_named_tuple_gives_one(self, L, y):
        assert mg.grad(L, Pair(y, y)) == Pair(5.0, 5.0) and type(mg.grad(L, Pair(y, y))) is Pair

    def test_a_dict_gives_a_dict(self, L, y):
        assert mg.grad(L, {"y": y, 7: y}) == {"y": 5.0, 7: 5.0}

    def test_a_nest_gives_the_same_nest(self, L, y):
        assert mg.grad(L, {"layers": [(y, y), {"b": y}]}) == {"layers": [(5.0, 5.0), {"b": 5.0}]}

    def test_nothing_gives_nothing(self, L):
        assert mg.grad(L, []) == [] and mg.grad(L, {}) == {} and mg.grad(L, ()) == ()

    def test_a_target_may_stand_twice(self, L, y):
        assert mg.grad(L, [y, y]) == [5.0, 5.0]

    def test_the_output_by_itself_is_one(self, L):
        assert mg.grad(L, L) == 1.0 and type(mg.grad(L, L)) is np.float64

    def test_a_leaf_may_be_the_output(self, y, x):
        assert mg.grad(y, y) == 1.0 and mg.grad(y, x).tolist() == [0.0, 0.0]

    def test_targets_may_be_computed_nodes(self, tape, x):
        s = np.sin(x)
        assert mg.grad(np.sum(s * s), s).tolist() == (2 * s.value).tolist()

    def test_the_result_has_the_targets_shape_and_is_read_only(self, L, x, y):
        dx, dy = mg.grad(L, [x, y])
        assert (dx.shape, dx.dtype, type(dy)) == ((2,), np.float64, np.float64)
        with pytest.raises(ValueError, match="read-only"):
            dx[0] = 1.0

    def test_a_repeated_request_hands_out_the_same_numbers(self, L, x):
        first = mg.grad(L, x)
        assert bitwise_equal(first, mg.grad(L, x)) and np.shares_memory(first, mg.grad(L, x))


class TestUnconnected:
    @pytest.fixture
    def z(self, tape):
        return tape.leaf(np.ones((2, 1), np.float32), name="z")

    def test_zeros_of_its_shape_and_dtype(self, L, z):
        assert bitwise_equal(mg.grad(L, z), np.zeros((2, 1), np.float32))

    def test_none(self, L, x, z):
        dx, dz = mg.grad(L, [x, z], unconnected="none")
        assert dx.tolist() == [6.0, 12.0] and dz is None

    def test_a_0d_target_gives_a_scalar(self, tape, L):
        assert type(mg.grad(L, tape.leaf(1.0))) is np.float64

    def test_an_error(self, L, x, z):
        assert mg.grad(L, x, unconnected="raise").tolist() == [6.0, 12.0]
        with pytest.raises(ValueError, match="No path of differentiable uses leads from z"):
            mg.grad(L, z, unconnected="raise")

    def test_what_was_recorded_later_leads_nowhere_back(self, L, x):
        later = np.sum(L * x)
        assert mg.grad(L, later, unconnected="none") is None

    @pytest.mark.parametrize(
        "blind",
        [
            lambda x: np.sum(np.floor(x)),
            lambda x: np.sum(np.where(x > 1.5, 1.0, 2.0)),
            lambda x: np.sum((x > 1.5) * np.ones(2)),
            lambda x: (
                np.arange(3.0)[np.argmax(x)]
                if isinstance(x, np.ndarray)
                else x.tape.leaf(np.arange(3.0))[np.argmax(x)]
            ),
            lambda x: np.sum(x.astype(int)) * 1.0,
            lambda x: np.sum(np.sign(x)) + np.sum(np.ones_like(x)),
        ],
    )
    def test_no_path_runs_through_a_use_without_a_derivative(self, x, blind):
        L = blind(x)
        assert mg.grad(L, x, unconnected="none") is None
        assert mg.grad(L, x).tolist() == [0.0, 0.0]

    def test_an_unknown_way_is_refused(self, L, x):
        with pytest.raises(
            ValueError, match="unconnected is 'zero', 'none' or 'raise', not 'nought'"
        ):
            mg.grad(L, x, unconnected="nought")

    def test_it_visits_nothing(self, L, z):
        log = mg.Log()
        mg.grad(L, z, log=log)
        assert log.events == []


class TestAllLeaves:
    def test_without_a_target_all_leaves_that_lead_to_it_are_meant(self, tape, L, x, y):
        tape.leaf(1.0, name="elsewhere")
        got = mg.grad(L)
        assert list(got) == ["x", "y"] and got["x"].tolist() == [6.0, 12.0] and got["y"] == 5.0

    def test_unnamed_and_whole_numbered_leaves(self, tape, y):
        k = tape.leaf(2)
        z = tape.leaf(2.0)
        assert mg.grad(y * k * z) == {"y": 4.0, z.name: 6.0}

    def test_a_leaf_behind_a_stop_is_none_of_them(self, tape, x, y):
        assert list(mg.grad(np.sum(mg.stop_gradient(x) * y))) == ["y"]

    def test_none_is_still_no_target(self, L):
        with pytest.raises(NotDifferentiableError, match="got None"):
            mg.grad(L, None)

    def test_they_are_logged_and_stored_as_others(self, L, x, y):
        log = mg.Log()
        mg.grad(L, log=log)
        assert {"x", "y"} <= set(log.stored) and "x" in mg.table(L)
