"""A table is a mapping from node, id or name to cotangent, and prints as a table."""

import numpy as np
import pytest

import memograd as mg
from memograd.errors import UnknownNodeError


@pytest.fixture
def tape():
    return mg.Tape()


@pytest.fixture
def x(tape):
    return tape.leaf([1.0, -2.0], name="x")


@pytest.fixture
def L(x):
    return np.sum(np.square(x).named("s")).named("L")


def test_before_any_request_it_holds_the_seed_alone_and_then_fills(L, x):
    table = mg.table(L)
    assert list(table) == ["L"]
    mg.grad(L, x)
    assert list(table) == ["x", "s", "L"]


def test_it_lists_what_was_stored_and_the_seed(L, x):
    mg.grad(L, x)
    assert list(mg.table(L)) == ["x", "s", "L"]
    assert mg.table(L)["L"] == 1.0


def test_it_is_read_by_handle_id_and_name(L, x):
    mg.grad(L, x)
    table = mg.table(L)
    assert table[x].tolist() == table[0].tolist() == table["x"].tolist() == [2.0, -4.0]


def test_membership_is_by_handle_id_and_name(L, x, tape):
    mg.grad(L, x)
    table = mg.table(L)
    other = tape.leaf(1.0, name="other")
    assert x in table and 0 in table and "x" in table
    assert (
        other not in table
        and 99 not in table
        and "nobody" not in table
        and mg.Tape().leaf(1.0) not in table
    )


def test_it_is_a_mapping(L, x):
    mg.grad(L, x)
    assert {name: g.shape for name, g in mg.table(L).items()} == {"x": (2,), "s": (2,), "L": ()}
    assert mg.table(L).get("nobody") is None


def test_it_grows_with_later_requests(L, x):
    mg.grad(L, L)
    table = mg.table(L)
    assert list(table) == ["L"]
    mg.grad(L, x)
    assert list(table) == ["x", "s", "L"]


def test_what_it_hands_out_cannot_be_changed(L, x):
    mg.grad(L, x)
    with pytest.raises(ValueError, match="read-only"):
        mg.table(L)["x"][0] = 1.0


def test_after_an_assignment_it_gives_the_new_derivative(L, x):
    mg.grad(L, x)
    table = mg.table(L)
    x.value = [3.0, 4.0]
    assert table["x"].tolist() == [6.0, 8.0]


def test_each_output_has_its_own(L, x):
    M = np.sum(3.0 * x).named("M")
    mg.grad(L, x)
    mg.grad(M, x)
    assert mg.table(L)["x"].tolist() == [2.0, -4.0]
    assert mg.table(M)["x"].tolist() == [3.0, 3.0]


def test_what_nobody_asked_for_is_an_error_that_says_so(L, x, tape):
    mg.grad(L, tape["s"])
    with pytest.raises(
        UnknownNodeError, match=r"table of L holds no cotangent of x \(leaf.*Use memograd\.grad"
    ):
        mg.table(L)[x]


def test_an_unknown_name_is_an_error_with_the_nearest_ones(L, x):
    mg.grad(L, x)
    with pytest.raises(UnknownNodeError, match="no node named xs; the nearest names are"):
        mg.table(L)["xs"]


class TestPrinting:
    def test_one_row_a_cotangent(self, L, x):
        mg.grad(L, x)
        assert repr(mg.table(L)) == (
            "∂L/∂x  float64    (2,)  |max| 4\n"
            "∂L/∂s  float64    (2,)  |max| 1\n"
            "∂L/∂L  float64    1"
        )  # fmt: skip

    def test_before_any_request_it_prints_the_seed(self, L):
        assert repr(mg.table(L)) == "∂L/∂L  float64    1"

    def test_an_array_without_elements_prints(self, tape):
        x = tape.leaf(np.zeros(0), name="x")
        L = np.sum(x).named("L")
        mg.grad(L, x)
        assert "(0,)  |max| 0" in repr(mg.table(L))

    def test_complex_cotangents_print(self, tape):
        z = tape.leaf(1.0 + 2.0j, name="z")
        L = np.real(z * z).named("L")
        mg.grad(L, z)
        assert "∂L/∂z   complex128 2+4j" in repr(mg.table(L))

    @pytest.mark.parametrize("name", ["two\nlines", "<b>&amp;", "\ud800", "\x1b[31m"])
    def test_odd_names_keep_one_row_each(self, tape, name):
        x = tape.leaf(1.0, name=name)
        L = np.sin(x).named(f"{name}!")
        mg.grad(L, x)
        rows = repr(mg.table(L)).splitlines()
        assert len(rows) == 2 and max(map(len, rows)) < 100
        "".join(rows).encode()
