"""Sample calls for scipy.special, and the constants at which the parameters without a derivative are held."""

from typing import Any

import numpy as np
from scipy import special

from memograd.rules.bessel_orders import ive_by_order, jv_by_order, kve_by_order, yv_by_order
from memograd.rules.elementwise import logistic, sech_squared, unit
from memograd.rules.incomplete_beta import (
    beta_tail_moment,
    betaincln,
    f_density,
    f_shape_derivative,
    t_shape_derivative,
)
from memograd.rules.incomplete_gamma import gamma_tail_moment, gammainccln, gammaincln
from memograd.rules.registration import RULES, VJPRule
from memograd.rules.special import (
    factorial,
    log_softmax,
    logsumexp,
    multigammaln,
    polygamma,
    softmax,
    spherical_in,
    spherical_jn,
    spherical_kn,
    spherical_yn,
)
from memograd.rules.special_stable import (
    beta_density,
    beta_prime_density,
    dawsn_derivative,
    erfcx_derivative,
    gamma_density,
    ive_derivative,
    kve_derivative,
    log1p_less,
    log_gamma_term,
    log_less_digamma,
    moment,
    polygamma_difference,
    polygamma_remainder,
    remainder_difference,
    sine_integral,
    t_density,
)
from memograd.rules.zeta_exponent import zeta_derivative

A = np.random.default_rng(20160321).uniform(0.2, 0.8, (2, 3))
B = np.random.default_rng(20160322).uniform(0.2, 0.8, 3)
S = A * np.array([[1.0, -1.0, 1.0], [-1.0, 1.0, -1.0]])


def call(*args: Any, **kwargs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """A sample call, as it is written."""
    return args, kwargs


def is_unknown(line: VJPRule) -> bool:
    """Whether a line only says that there is no closed form."""
    return line.fn.__qualname__.startswith("unknown.")


LAMBERTW, ZETA = special._ufuncs._lambertw, special._ufuncs._zeta

SPECIAL_SAMPLES: dict[Any, list[Any]] = {
    polygamma: [call(1, A), call(2, 3 * S), call(np.array([0, 1, 3]), A)],
    polygamma_difference: [call(0, A, B), call(1, 20 * A, B), call(2, A + 1, S)],
    gamma_density: [call(A, B), call(20 + A, 20 + B), call(1, B)],
    log_less_digamma: [call(A, B), call(20 + A, 20 + B)],
    log_gamma_term: [call(A, B), call(20 + A, 20 + B)],
    gamma_tail_moment: [call(0, 0, 1.0, A, B), call(1, 2, 0.0, A, 9 * B), call(1, 0, 0.0, 20 + A, B)],
    special.chdtriv: [call(A, 3 * B)],
    special.gdtrib: [call(A, B, 3 * A)],
    special.btdtria: [call(A, 1 + B, B / 2)],
    special.btdtrib: [call(1 + A, B, A / 2)],
    special.fdtridfd: [call(4.0, 0.4 + A / 20, 1.2)],
    special.stdtridf: [call(0.8 + A / 20, 1.5), call(0.85, 1.5 + A / 20)],
    log1p_less: [call(S), call(3 * A)],
    polygamma_remainder: [call(0, A), call(1, 20 * A)],
    remainder_difference: [call(0, A, B), call(1, 20 + A, B)],
    beta_tail_moment: [call(0, 0, 0, A, B, 3 * A), call(1, 0, 2, 9 + A, B, A), call(0, 1, 1, A, B, 3 * A)],
    betaincln: [call(A, B, A), call(9 + A, B, A)],
    f_density: [call(A, B, 3 * A), call(9 + A, 9 + B, A)],
    f_shape_derivative: [call(1, 0, A, B, 3 * A), call(0, 1, 9 + A, 9 + B, A)],
    t_shape_derivative: [call(1, A, 3 * S), call(1, 20 + A, S)],
    jv_by_order: [call(1, A, B), call(2, 1 + A, 40 * B)],
    yv_by_order: [call(1, A, B), call(2, 1 + A, 40 * B)],
    ive_by_order: [call(1, 0, A, B), call(2, 1, A, 40 + B)],
    kve_by_order: [call(1, 0, A, B), call(2, 1, A, 40 + B)],
    zeta_derivative: [call(1, 1 + A, B), call(2, 3 + A, 1 + A)],
    gammaincln: [call(A, B), call(20 + A, B), call(A, 9 + B)],
    gammainccln: [call(A, B), call(20 + A, B), call(A, 9 + B)],
    special.gammainc: [call(A, B), call(20 + A, 20 + B), call(A, 9 + B)],
    beta_density: [call(A, B, A[:, :1]), call(9 + A, 12 + B, B)],
    beta_prime_density: [call(A, B, 5 * A[:, :1]), call(9 + A, 12 + B, A)],
    t_density: [call(A, S), call(20 + A, 3 * S)],
    ive_derivative: [call(1, B, A), call(1, 1, A), call(2, 2, 60 * A)],
    kve_derivative: [call(1, B, A), call(1, 1, A), call(2, 2, 60 * A)],
    erfcx_derivative: [call(1, 3 * S), call(2, 9 + A)],
    dawsn_derivative: [call(1, 3 * S), call(2, 9 + A)],
    moment: [call(1, 2 * A, B), call(2, 3 * S, 3 * B)],
    sine_integral: [call(1, A / 2, B, -1.5), call(2, S / 3, -B, -0.5)],
    sech_squared: [call(3 * S), call(S + 1j * A)],
    logistic: [call(3 * S)],
    unit: [call(S, A), call(A, S)],
    factorial: [call(3 * A), call(5 * A + 2)],
    multigammaln: [call(2 + A, 3), call(1 + A, 1)],
    spherical_jn: [call(0, A), call(np.array([0, 1, 3]), A)],
    spherical_yn: [call(0, A), call(np.array([0, 1, 3]), A)],
    spherical_in: [call(0, A), call(np.array([0, 1, 3]), A)],
    spherical_kn: [call(0, A), call(np.array([0, 1, 3]), A)],
    logsumexp: [call(A), call(A, 1), call(A, axis=0, keepdims=True), call(A, b=B), call(A, axis=-1, b=S, return_sign=True),
                call(3 * S, (0, 1)), call(A, 1, A + 1, True)],
    softmax: [call(A), call(A, 1), call(3 * S, axis=0), call(S, axis=(0, 1))],
    log_softmax: [call(A), call(A, 1), call(3 * S, axis=0)],
    special.rgamma: [call(A), call(3 * S), call(np.array([0.0, -1.0, -2.0, 3.0]))],
    special.gammaln: [call(A), call(S)],
    special.poch: [call(A, B), call(A, 2 * A), call(np.array([-3.0, -3.0, 0.0]), np.array([2, 5, 0]))],
    special.binom: [call(3 + A, B)],
    ZETA: [call(3, 1 + A), call(1 + A, B)],
    special._ufuncs._riemann_zeta: [call(1 + A), call(-3 * A)],
    special.gdtr: [call(A, 1 + A, B)],
    special.gdtrc: [call(A, 1 + A, B)],
    special.gdtria: [call(A, 1 + A, B)],
    special.gdtrix: [call(A, 1 + A, B)],
    special.pdtr: [call(2, A), call(2.5, A)],
    special.pdtrc: [call(2, A), call(2.5, A)],
    special.pdtri: [call(2, A)],
    special.nbdtr: [call(2, 5, A)],
    special.nbdtrc: [call(2, 5, A)],
    special.nbdtri: [call(2, 5, A)],
    special.log_ndtr: [call(5 * S), call(20 * S)],
    special.ndtri_exp: [call(-A), call(-50 * A)],
    special.nrdtrimn: [call(A, 1 + B, A)],
    special.nrdtrisd: [call(B, A, 3 * A)],
    special.erfcx: [call(3 * S), call(100 + A)],
    special.dawsn: [call(3 * S), call(100 + A)],
    special.wofz: [call(A + 1j * B), call(S - 0.3j * B), call(100j + A + 0j)],
    special.voigt_profile: [call(S, A, B), call(S, 0.003 * B, A)],
    special.berp: [call(S), call(np.array([0.0, 1e-3]))],
    special.beip: [call(S), call(np.array([0.0, 1e-3]))],
    special.entr: [call(A)],
    special.powm1: [call(A, S), call(A, np.array([0, 1, 2]))],
    special.boxcox: [call(A, B), call(A, np.array([0.0, -1.5, 2.0])), call(A + 1, B)],
    special.boxcox1p: [call(A, B), call(S, np.array([0.0, -1.5, 2.0]))],
    special.inv_boxcox: [call(A, B), call(S, np.array([0.0, -0.5, 0.5]))],
    special.inv_boxcox1p: [call(A, B), call(S, np.array([0.0, -0.5, 0.5]))],
    special.exprel: [call(S), call(5 * S), call(np.array([0.0, 1e-3]))],
    LAMBERTW: [call(A + 0j, 0, 1e-14), call(A + 0.5j, -1, 1e-14), call(np.array([0j, 1 + 1j]), 0, 1e-14)],
    special.wrightomega: [call(S), call(S + 1j * B)],
    special.huber: [call(0.5, S), call(B, S)],
    special.pseudo_huber: [call(0.5, S), call(B, 9 * S)],
    special.expn: [call(0, A), call(1, A), call(np.array([1, 2, 3]), A)],
    special.sici: [call(A)],
    special.shichi: [call(A)],
    special.spence: [call(A), call(2 + A), call(np.array([1.0, 1.001]))],
    special.yn: [call(2, A), call(0, A)],
    special.kn: [call(2, A), call(0, A)],
    special.eval_hermite: [call(3, S), call(np.array([0, 1, 2]), S)],
    special.eval_hermitenorm: [call(3, S), call(np.array([0, 1, 2]), S)],
    special.hankel1: [call(B, A), call(1, A + 0.3j)],
    special.hankel2: [call(B, A), call(1, A + 0.3j)],
    special.hankel1e: [call(B, A), call(1, A + 0.3j)],
    special.hankel2e: [call(B, A), call(1, A + 0.3j)],
    special.jve: [call(B, A), call(1, S + 1j * A)],
    special.yve: [call(B, A), call(1, A + 1j * S)],
    special.ive: [call(B, A), call(2, S), call(1, S + 1j * A)],
    special.j1: [call(S)],
    special.i0e: [call(9 * S)],
    special.i1e: [call(9 * S)],
    special.airy: [call(5 * S)],
    special.pbdv: [call(1, S)],
    special.pbwa: [call(1, S)],
    special.hyp1f1: [call(1, 3, 4 * S)],
    special.hyp2f1: [call(1, 2, 3, S)],
    special.hyperu: [call(1, 2, A)],
    special.wright_bessel: [call(1, 2, A)],
    special.log_wright_bessel: [call(1, 2, A)],
    special.ellipkinc: [call(A, B), call(3 * S, np.array([0.0, 0.3, -2.0])), call(S, np.array([1e-4, -1e-5, 1e-3]))],
    special.ellipeinc: [call(A, B), call(3 * S, np.array([0.0, 0.3, -2.0])), call(S, np.array([1e-4, -1e-5, 1e-3]))],
    special.ellipk: [call(A), call(np.array([0.0, -3.0, 0.99]))],
    special.ellipe: [call(A), call(np.array([0.0, -3.0, 0.99]))],
    special.ellipj: [call(S, 0), call(S, 1)],
    special.agm: [call(A, 2 + B)],
    special.eval_genlaguerre: [call(3, 1, S)],
    special.eval_gegenbauer: [call(3, 2, S)],
    special.eval_jacobi: [call(3, 1, 2, S)],
    special.eval_sh_jacobi: [call(3, 4, 2, A)],
}  # fmt: skip
"""For an op that is not here, numbers between 0.2 and 0.8 will do."""

for op, rule in list(RULES.items()):
    if (
        isinstance(op, np.ufunc)
        and op not in SPECIAL_SAMPLES
        and any(map(is_unknown, rule.pulls.of.values()))
    ):
        values, constants = iter((A, B)), iter((2, 3, 5, 7))
        SPECIAL_SAMPLES[op] = [
            call(
                *(
                    next(constants) if is_unknown(rule.pulls.of[k]) else next(values)
                    for k in range(op.nin)
                )
            )
        ]
