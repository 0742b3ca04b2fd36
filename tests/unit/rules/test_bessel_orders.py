"""Derivatives of Bessel functions by their order, against mpmath's in 40 digits."""

from typing import Any

import numpy as np
import pytest
from scipy import special

import memograd as mg
from memograd.errors import NoRuleError
from memograd.functional import grad

BY_ORDER = {
    special.jv: {
        (0.5, 1.0): (-0.40810378137809801, -0.49653165265400597, 0.792870726253614),
        (2.5, 10.0): (-0.21409175953946324, -0.33012392283153264, 0.26049378050487391),
        (-1.25, 2.0): (-0.35181026288113989, 2.7652336366233419, -1.0073729079335026),
        (40.0, 3.0): (-4.2261875419184168e-41, 1.3891507948219646e-40, -5.5765601375884849e-40),
        (1.0, 1e-8): (-9.7683061298053888e-8, 1.9051714225776296e-6, -9.2683061298053886),
    },
    special.yv: {
        (0.5, 1.0): (-0.84903942009469837, 0.75324333573938992, -0.09061467729358288),
        (2.5, 10.0): (-0.26166374703273165, 0.29829961697985165, -0.19831767297633176),
        (-1.25, 2.0): (1.2575307577168704, 0.27072810483560864, -0.86716664324298279),
        (40.0, 3.0): (-2.0338770514712272e39, -6.6653119794815565e39, 2.7247998114340491e40),
        (1.0, 1e-8): (-1180077387.7179531, -21979356727.581738, 1.2437393649547113e17),
    },
    special.iv: {
        (0.5, 1.0): (-0.78012617816907513, -0.10711827266036957, 0.12645527881732602),
        (2.5, 10.0): (-528.58337721099378, -68.163352593916334, -465.07728141892866),
        (-1.25, 2.0): (1.2492454674318169, 0.59120674878974986, 0.16793014434705495),
        (40.0, 3.0): (-4.720282950335735e-41, 1.5528454912572653e-40, -6.2633645301767382e-40),
        (1.0, 1e-8): (-9.7683061298053891e-8, 1.9051714225776296e-6, -9.2683061298053893),
    },
    special.kv: {
        (0.5, 1.0): (0.16659724500287904, 0.38578382256296472, -0.37776988194645504),
        (2.5, 10.0): (5.6649683664603334e-6, 3.5703127426422812e-6, -6.6353099540783673e-6),
        (-1.25, 2.0): (-0.079001354958551477, 0.09964876490418482, 0.13969493977234623),
        (40.0, 3.0): (2.8492229020749312e39, 9.3455969535970508e39, -3.8388436714961605e40),
        (1.0, 1e-8): (1853661225.9610778, 34525092813.00007, -1.9536612259610777e17),
    },
}  # fmt: skip
"""By order and argument: ∂v, ∂vv, ∂vz."""
POINTS = [(f, point) for f, values in BY_ORDER.items() for point in values]


@pytest.mark.parametrize(("f", "point"), POINTS)
def test_the_derivative_by_the_order(f: Any, point: Any) -> None:
    by_order = grad(f)
    got = [by_order(*point), grad(by_order)(*point), grad(by_order, argnums=1)(*point)]
    np.testing.assert_allclose(got, BY_ORDER[f][point], rtol=2e-13)
    mixed = grad(grad(f, argnums=1))(*point)
    np.testing.assert_allclose(mixed, BY_ORDER[f][point][2], rtol=2e-13)


SCALED = {
    special.ive: (special.iv, lambda z: np.exp(-z)),
    special.kve: (special.kv, np.exp),
    special.jve: (special.jv, np.ones_like),
    special.yve: (special.yv, np.ones_like),
}


@pytest.mark.parametrize("f", SCALED)
def test_scaled_functions(f: Any) -> None:
    of, scale = SCALED[f]
    for z in (0.3, 5.0, 40.0):
        np.testing.assert_allclose(grad(f)(1.5, z), grad(of)(1.5, z) * scale(z), rtol=1e-13)


def test_scaled_functions_where_the_others_leave_the_range() -> None:
    """The leading terms of DLMF 10.40: I and K over their scales depend on v²/2z."""
    v, z = 3.0, 1e8
    np.testing.assert_allclose(grad(special.ive)(v, z), -v / z / np.sqrt(2 * np.pi * z), rtol=1e-7)
    np.testing.assert_allclose(grad(special.kve)(v, z), v / z * np.sqrt(np.pi / 2 / z), rtol=1e-7)


@pytest.mark.parametrize(
    ("f", "sign"), [(special.hankel1, 1j), (special.hankel2, -1j), (special.hankel1e, 1j),
                    (special.hankel2e, -1j)],
)  # fmt: skip
def test_hankel_functions(f: Any, sign: complex) -> None:
    v, z = 1.5, 3.0
    turn = np.exp(-sign * z) if f in (special.hankel1e, special.hankel2e) else 1.0
    want = (grad(special.jv)(v, z) + sign * grad(special.yv)(v, z)) * turn
    got = [grad(lambda v, part=part: part(f(v, z)))(v) for part in (np.real, np.imag)]
    np.testing.assert_allclose(got, [want.real, want.imag], rtol=1e-13)


def test_branches_agree_where_they_meet() -> None:
    """The integrals and the asymptotic series, at z = 30 and at z = v²."""
    for f in (special.jv, special.yv, special.ive, special.kve):
        for v, z in [(2.0, 30.0), (7.0, 49.0)]:
            left, right = grad(f)(v, z * (1 - 1e-14)), grad(f)(v, z * (1 + 1e-14))
            np.testing.assert_allclose(left, right, rtol=1e-10)


def test_ends_of_the_domain() -> None:
    assert grad(special.jv)(1.5, 0.0) == grad(special.iv)(1.5, 0.0) == 0
    for f in (special.jv, special.yv, special.ive, special.kve):
        assert np.isnan(grad(f)(1.5, np.nan))
        assert np.isnan(grad(f)(2.0, -1.0))
    assert np.isnan(grad(special.jv)(3000.0, 3001.0))


def test_complex_arguments_are_refused() -> None:
    v = mg.Tape().leaf(1.5)
    with pytest.raises(NoRuleError, match="at complex arguments has no closed form"):
        mg.grad(np.real(special.jv(v, 1 + 1j)), v)
