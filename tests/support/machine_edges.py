"""Edge values of the machine's formulas, and how far its functions are from NumPy's."""

import numpy as np

from memograd.rules.elementwise import sech_squared, unit

EDGES = (
    0.0, -0.0, 0.25, -0.75, 0.5, -0.5, 1.0, -1.0, 2.0, -2.0, 3.0, 3.5, 710.0, -745.0, 1e-8, 1e16, -1e16, 1e-300, 1e308, -1e308,
    1.7976931348623157e308, -1.7976931348623157e308, 2.2250738585072014e-308, 5e-324, -5e-324, np.inf, -np.inf, np.nan,
)  # fmt: skip
"""NumPy decides what a formula gives for each pair of these. Which zero `maximum` gives, and what sqrt has to do with powers, is a
matter of its version and of the processor: the expected values are NumPy's own, on the machine at hand."""
ULPS = 16
"""Difference from NumPy of functions: either is off by at most 4 from the exact value, `power` by more."""
ROUNDED = {
    np.power, np.float_power, np.arctan2, np.hypot, np.exp, np.expm1, np.log, np.log1p, np.log2, np.log10, np.sin, np.cos, np.tan,
    np.arcsin, np.arccos, np.arctan, np.sinh, np.cosh, np.tanh, np.arcsinh, np.arccosh, np.arctanh, sech_squared, unit,
}  # fmt: skip
"""Functions that the machine takes from another library than NumPy; all others agree to the bit."""


def same(ours, theirs, ulps=0):
    """Equal but for so many units in the last place; a NaN where there is one, zeros of one sign."""
    np.testing.assert_allclose(
        ours, theirs, rtol=ulps * np.finfo(float).eps, atol=ulps * 5e-324, equal_nan=True
    )
    zeros = np.asarray(theirs) == 0
    np.testing.assert_array_equal(np.signbit(ours)[zeros], np.signbit(theirs)[zeros])
