"""Short texts of arrays."""

import numpy as np
import pytest
from device import Device

from memograd.arrays.formatting import format_array


@pytest.mark.parametrize(
    ("a", "text"),
    [
        (np.float64(0.5), "0.5"),
        (np.complex128(2 + 4j), "2+4j"),
        (np.int64(123456), "123456"),
        (np.array([True, False]), "[True, False]"),
        (np.array([[1.0, 2.0], [3.0, 1e9]]), "[[1, 2], [3, 1e+09]]"),
        (np.ones((3, 4)), "(3, 4), |max| 1"),
        (np.eye(3) > 0, "(3, 3), 3 true"),
        (np.ones(0), "[]"),
        ((np.zeros(2), np.ones(0)), "[0, 0]; []"),
    ],
)
def test_numbers_if_there_are_few(a, text):
    assert format_array(a) == text


def test_a_scalar_is_shown_even_where_no_elements_are():
    options = {"digits": 6, "max_elements": -1, "gap": "  "}
    assert format_array(np.float64(1 / 3), **options) == "0.333333"
    assert format_array(np.ones(0), **options) == "(0,)  |max| 0"


def test_of_another_library_s_array_no_number_is_fetched():
    assert format_array(Device(np.array([1.0, -2.0]))) == "(2,), device.Device"
    assert format_array(Device(np.array(0.5)), gap="  ") == "()  device.Device"
