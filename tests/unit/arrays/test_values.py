"""How values come in, stay unchanged, compare, and go out."""

from collections import namedtuple

import numpy as np
import pytest

from memograd.arrays.values import bitwise_equal, canonicalize, export, frozen_copy

Pair = namedtuple("Pair", "left right")

NAN = float("nan")


class TestSettle:
    def test_a_0d_array_becomes_a_scalar(self):
        assert type(canonicalize(np.array(2.0))) is np.float64

    def test_an_array_becomes_read_only(self):
        assert not canonicalize(np.zeros(2)).flags.writeable

    @pytest.mark.pinned
    def test_a_python_number_becomes_a_numpy_scalar(self):
        assert type(canonicalize(2)) is np.int64

    def test_a_list_becomes_a_tuple_of_settled_items(self):
        low, high = canonicalize([np.array(1.0), np.zeros(2)])
        assert type(low) is np.float64 and not high.flags.writeable

    def test_a_named_tuple_stays_one(self):
        assert canonicalize(Pair(np.array(1.0), 2.0)) == Pair(np.float64(1.0), np.float64(2.0))
        assert type(canonicalize(Pair(1.0, 2.0))) is Pair


class TestCopied:
    def test_later_changes_do_not_matter(self):
        a = np.zeros(2)
        kept = frozen_copy(a)
        a[0] = 1.0
        assert kept.tolist() == [0.0, 0.0]

    def test_the_copy_is_in_c_order(self):
        assert frozen_copy(np.asfortranarray(np.ones((2, 3)))).flags.c_contiguous

    def test_a_read_only_array_is_trusted(self):
        a = np.zeros(2)
        a.flags.writeable = False
        assert frozen_copy(a) is a

    def test_a_read_only_view_of_a_writeable_array_is_copied(self):
        a = np.zeros(4)
        view = a[::2]
        view.flags.writeable = False
        kept = frozen_copy(view)
        a[0] = 1.0
        assert kept.tolist() == [0.0, 0.0]

    def test_a_view_into_the_buffer_of_somebody_else_is_copied(self):
        buffer = bytearray(8)
        view = np.frombuffer(memoryview(buffer).toreadonly())
        kept = frozen_copy(view)
        buffer[7] = 64
        assert kept.tolist() == [0.0]

    def test_a_broadcast_view_is_copied(self):
        a = np.zeros(1)
        kept = frozen_copy(np.broadcast_to(a, (3,)))
        a[0] = 1.0
        assert kept.tolist() == [0.0, 0.0, 0.0]


class TestHandedOut:
    def test_what_goes_out_cannot_be_written_to(self):
        with pytest.raises(ValueError, match="read-only"):
            export(canonicalize(np.zeros(2)))[0] = 1.0

    def test_what_goes_out_cannot_be_made_writeable(self):
        with pytest.raises(ValueError, match="WRITEABLE"):
            export(canonicalize(np.zeros(2))).flags.writeable = True

    def test_each_item_of_a_tuple_is_handed_out(self):
        (a,) = export(canonicalize([np.zeros(2)]))
        with pytest.raises(ValueError, match="WRITEABLE"):
            a.flags.writeable = True

    def test_a_scalar_goes_out_as_it_is(self):
        x = np.float64(2.0)
        assert export(x) is x


EQUAL = [
    (1.0, 1.0),
    (NAN, NAN),
    (1j, 1j),
    (complex(NAN, 0.0), complex(NAN, 0.0)),
    (True, True),
    ([], []),
    ([1.0, NAN], [1.0, NAN]),
    ([[1, 2]], [[1, 2]]),
    (np.longdouble(0.1), np.longdouble(0.1)),
    (np.float16([0.1, 0.2]), np.float16([0.1, 0.2])),
]
DIFFERENT = [
    (0.0, -0.0),
    ([0.0], [-0.0]),
    ([1.0, 0.0], [1.0, -0.0]),
    (complex(1.0, 0.0), complex(1.0, -0.0)),
    (1.0, 1),
    (np.float32(1.0), np.float64(1.0)),
    ([1.0], 1.0),
    ([1.0], [[1.0]]),
    ([1.0, 2.0], [1.0, 3.0]),
    ([1.0, 2.0], [9.0, 2.0]),
    (np.longdouble(0.0), np.longdouble(-0.0)),
    (np.longdouble("nan"), -np.longdouble("nan")),
    (np.array([1, "nan"], np.longdouble)[::-1], -np.array([-1, "nan"], np.longdouble)[::-1]),
    (True, False),
    (NAN, 1.0),
]


class TestSame:
    """Equal means dtype, shape and bits."""

    @pytest.mark.parametrize("a, b", EQUAL)
    def test_equal_bits_are_the_same(self, a, b):
        assert bitwise_equal(canonicalize(np.array(a)), canonicalize(np.array(b)))

    @pytest.mark.parametrize("a, b", DIFFERENT)
    def test_other_bits_are_not(self, a, b):
        assert not bitwise_equal(canonicalize(np.array(a)), canonicalize(np.array(b)))

    def test_two_nans_of_other_bits_are_not(self):
        bits = np.array([0x7FF8000000000000, 0x7FF8000000000001], np.uint64).view(float)
        assert not bitwise_equal(bits[0], bits[1])
        assert not bitwise_equal(bits[:1], bits[1:])

    def test_tuples_are_compared_item_by_item(self):
        assert bitwise_equal((np.float64(1.0), np.zeros(2)), (np.float64(1.0), np.zeros(2)))
        assert not bitwise_equal((np.float64(1.0), np.zeros(2)), (np.float64(1.0), np.ones(2)))
        assert not bitwise_equal((np.float64(1.0),), (np.float64(1.0), np.float64(1.0)))

    def test_memory_order_is_no_part_of_it(self, rng):
        a = rng.normal(size=(3, 4))
        assert bitwise_equal(a, np.asfortranarray(a))
        assert not bitwise_equal(a, np.asfortranarray(-a))
