"""Derivatives of the zeta functions by their exponent, against mpmath's in 40 digits."""

from typing import Any

import numpy as np
import pytest
from scipy import special

import memograd as mg
from memograd.errors import NoRuleError
from memograd.functional import grad

HURWITZ = {
    (1.5, 1.0): (-3.9322397374311015, 15.989556371225687, -0.76047433176160222),
    (3.0, 0.25): (88.438899460914566, 123.24601257172753, -1320.7062531141956),
    (20.0, 5.0): (-1.7392644803136765e-14, 2.8090910635913963e-14, 6.7068268568935307e-14),
}
"""By exponent and start: ∂s, ∂ss, ∂sq."""


@pytest.mark.parametrize("point", HURWITZ)
def test_hurwitz(point: Any) -> None:
    by_s = grad(special.zeta)
    got = [by_s(*point), grad(by_s)(*point), grad(by_s, argnums=1)(*point)]
    np.testing.assert_allclose(got, HURWITZ[point], rtol=1e-13)
    mixed = grad(grad(special.zeta, argnums=1))(*point)
    np.testing.assert_allclose(mixed, HURWITZ[point][2], rtol=1e-13)


@pytest.mark.parametrize("f", [special.zeta, special.zetac])
def test_riemann(f: Any) -> None:
    """ζ'(0) = -log(2π)/2; ζ'(-2) = -ζ(3)/4π²; ζ'(2) = -0.93754825431584375370."""
    np.testing.assert_allclose(grad(f)(0.0), -np.log(2 * np.pi) / 2, rtol=1e-13)
    np.testing.assert_allclose(grad(f)(-2.0), -special.zeta(3.0) / (4 * np.pi**2), rtol=1e-13)
    np.testing.assert_allclose(grad(f)(2.0), -0.93754825431584375, rtol=1e-14)


def test_starts_that_are_not_positive() -> None:
    assert np.isnan(grad(special.zeta)(3.0, 0.0))


def test_complex_exponents_are_refused() -> None:
    s = mg.Tape().leaf(2 + 1j)
    with pytest.raises(NoRuleError, match="of complex numbers has no closed form"):
        mg.grad(np.real(special.zeta(s)), s)
