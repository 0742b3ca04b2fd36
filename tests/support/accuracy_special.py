"""SciPy's special functions in the sweep of accuracy."""

from collections.abc import Callable
from typing import Any

import mpmath as m
import numpy as np
from accuracy_points import (
    FAR,
    FEW,
    FEWS,
    FULL,
    INNER,
    MID,
    NEAR,
    P0,
    UNIT,
    UNIT01,
    UP,
    Case,
    P,
    R,
    rounded,
)
from scipy import special
from scipy.special import _ufuncs

from memograd.rules.special import (
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

CASES: list[Case] = []


def case(op: Any, columns: Any, value: Any = None, name: str = "", **others: Any) -> None:
    """Add a case of one of SciPy's functions."""
    CASES.append(Case(name or f"special.{op.__name__.lstrip('_')}", op, columns, value, **others))


def output(op: Any, k: int, part: Any = None) -> Callable[..., Any]:
    """Return the function that gives one output of `op`, or one part of it."""

    def call(*args: Any) -> Any:
        y = op(*args)[k]
        return y if part is None else part(y)

    return call


def outputs(
    op: Any,
    columns: Any,
    *slopes: Any,
    names: str = "",
    values: Any = None,
    part: Any = None,
    k: int = 0,
) -> None:
    """Add a case for each output of an op, by its argument k."""
    for j, f in enumerate(slopes if values is None else values):
        name = f"special.{op.__name__}, output {j}"
        if values is None:
            CASES.append(Case(name, output(op, j, part), columns, slopes={k: f}))
        else:
            CASES.append(Case(name, output(op, j, part), columns, f, by=(k,)))


def inverse(f: Any, density: Any, start: Any) -> Callable[..., Any]:
    """Return the inverse of f by its last argument, by Newton's method from a value of SciPy's."""

    def solve(*args: Any) -> Any:
        *shapes, p = args
        y = m.mpf(float(start(*map(float, shapes), float(p))))
        for _ in range(8):
            change = (f(*shapes, y) - p) / density(*shapes, y)
            y -= change
            if abs(change) <= abs(y) * m.mpf(10) ** (-m.mp.dps + 25):
                return y
        raise ArithmeticError

    return solve


# ------------------------------------------------------------------------------------------------- gamma, beta
POLES = rounded(-0.5, -1.5, -2.3, -7.6, -20.3, -170.3, -2.000001)
case(special.gamma, [P + POLES], m.gamma)
case(special.gammaln, [P + POLES], lambda x: m.re(m.loggamma(x)))
case(special.loggamma, [P], m.loggamma)
case(special.rgamma, [[0.0, -1.0, -2.0, -5.0, -20.0, *P, *POLES]], m.rgamma)
case(special.psi, [P + POLES], lambda x: m.psi(0, x))
case(polygamma, [[1, 2, 4], P], lambda n, x: m.psi(n, x), name="special.polygamma", by=(1,))
BETA = rounded(1e-30, 1e-8, 0.3, 1.0, 3.0, 40.25, 1e4, 1e8, 1e12)
SHAPES = rounded(0.3, 1.0, 3.0, 40.25)


def beta(a: Any, b: Any) -> Any:
    return m.exp(m.loggamma(a) + m.loggamma(b) - m.loggamma(a + b))


case(special.beta, [[*BETA, 1e20], SHAPES], beta)
case(
    special.betaln,
    [[*BETA, 1e20], SHAPES],
    lambda a, b: m.loggamma(a) + m.loggamma(b) - m.loggamma(a + b),
)
case(
    special.betaln,
    [SHAPES, [*BETA, 1e20]],
    lambda a, b: m.loggamma(a) + m.loggamma(b) - m.loggamma(a + b),
    name="special.betaln, b far out",
)
case(
    special.poch,
    [[*BETA, -0.5, -2.25], rounded(-0.5, 0.0, 0.3, 1.0, 2.0, 7.5)],
    lambda z, n: m.gammaprod([z + n], [z]),
)
case(
    special.binom,
    [[*BETA, 7.0, 7.5, -0.5, -2.25], rounded(0.0, 0.3, 1.0, 3.0, 7.5)],
    lambda n, k: m.gamma(n + 1) * m.rgamma(k + 1) * m.rgamma(n - k + 1),
)
case(
    multigammaln,
    [rounded(1.0001, 1.5, 2.7, 9.0, 50.0, 1e4, 1e8, 1e15), [1, 2, 3]],
    name="special.multigammaln",
    value=lambda a, d: sum(m.loggamma(a - m.mpf(j) / 2) for j in range(d)),
    by=(0,),
)
case(special.zeta, [[2, 3.0, 1.5], UP + [1e4]], m.zeta, by=(1,))


# ----------------------------------------------------------------------------------- distribution functions
def gamma_density(a: Any, x: Any) -> Any:
    return (
        m.exp((a - 1) * m.log(x) - x - m.loggamma(a)) if x else m.mpf(a == 1) / (1 if a >= 1 else 0)
    )


def beta_density(a: Any, b: Any, x: Any) -> Any:
    return x ** (a - 1) * (1 - x) ** (b - 1) / beta(a, b)


def f_density(p: Any, n: Any, x: Any) -> Any:
    return p / n * beta_density(p / 2, n / 2, r := p * x / (n + p * x)) * (1 - r) ** 2


def t_density(n: Any, t: Any) -> Any:
    return m.exp(-(n + 1) / 2 * m.log1p(t * t / n)) / beta(m.mpf(1) / 2, n / 2) / m.sqrt(n)


def normal(x: Any) -> Any:
    return m.exp(-x * x / 2) / m.sqrt(2 * m.pi)


A = [0.5, 1.0, 2.5, 20.0, 1e4, 1e6]
GX = [0.0, *UP, 1e4, 10030.5, 1e6, 1000700.0, 1e8]
case(special.gammainc, [A, GX], slopes={1: gamma_density})
case(special.gammaincc, [A, GX], slopes={1: lambda a, x: -gamma_density(a, x)})
case(
    special.gammaincinv,
    [[0.5, 1.0, 2.5, 20.0], UNIT],
    inverse(lambda a, x: m.gammainc(a, 0, x, regularized=True), gamma_density, special.gammaincinv),
    by=(1,),
)
case(
    special.gammainccinv,
    [[0.5, 1.0, 2.5, 20.0], UNIT],
    inverse(
        lambda a, x: m.gammainc(a, x, m.inf, regularized=True),
        lambda a, x: -gamma_density(a, x),
        special.gammainccinv,
    ),
    by=(1,),
)
AB = [0.5, 1.0, 2.0, 3.5, 300.0, 1e5]
case(special.betainc, [AB, AB, UNIT01], slopes={2: beta_density})
case(special.betaincc, [AB[:4], AB[:4], UNIT01], slopes={2: lambda a, b, x: -beta_density(a, b, x)})
FEWER = rounded(1e-8, 0.1, 0.5, 0.99)
case(
    special.betaincinv,
    [AB[:4], AB[:4], FEWER],
    inverse(
        lambda a, b, x: m.betainc(a, b, 0, x, regularized=True), beta_density, special.betaincinv
    ),
    by=(2,),
)
case(
    special.betainccinv,
    [AB[:4], AB[:4], FEWER],
    inverse(
        lambda a, b, x: m.betainc(a, b, x, 1, regularized=True),
        lambda a, b, x: -beta_density(a, b, x),
        special.betainccinv,
    ),
    by=(2,),
)
case(
    special.chdtr,
    [[1.0, 2.0, 5.0, 40.0, 20000.0], GX],
    slopes={1: lambda v, x: gamma_density(v / 2, x / 2) / 2},
)
case(
    special.chdtrc,
    [[1.0, 2.0, 5.0, 40.0, 20000.0], GX],
    slopes={1: lambda v, x: -gamma_density(v / 2, x / 2) / 2},
)
case(
    special.chdtri,
    [[1.0, 2.0, 5.0, 40.0], FEWER],
    inverse(
        lambda v, x: m.gammainc(v / 2, x / 2, m.inf, regularized=True),
        lambda v, x: -gamma_density(v / 2, x / 2) / 2,
        special.chdtri,
    ),
    by=(1,),
)
GD = [FEW, [0.5, 1.0, 2.5, 1e4], [*FEW, 1e8, 1e30]]
case(
    special.gdtr,
    GD,
    slopes={
        0: lambda a, b, x: x * gamma_density(b, a * x),
        2: lambda a, b, x: a * gamma_density(b, a * x),
    },
)
case(
    special.gdtrc,
    GD,
    slopes={
        0: lambda a, b, x: -x * gamma_density(b, a * x),
        2: lambda a, b, x: -a * gamma_density(b, a * x),
    },
)
gammaincinv = inverse(
    lambda a, x: m.gammainc(a, 0, x, regularized=True), gamma_density, special.gammaincinv
)
case(special.gdtria, [FEWER, [0.5, 2.5], FEW], lambda p, b, x: gammaincinv(b, p) / x, by=(0, 2))
case(special.gdtrix, [FEW, [0.5, 2.5], FEWER], lambda a, b, p: gammaincinv(b, p) / a, by=(0, 2))
case(special.pdtr, [[0, 2, 30, 5000], GX], slopes={1: lambda k, x: -gamma_density(m.mpf(k) + 1, x)})
case(special.pdtrc, [[0, 2, 30, 5000], GX], slopes={1: lambda k, x: gamma_density(m.mpf(k) + 1, x)})
case(
    special.pdtri,
    [[0, 2, 30], FEWER],
    inverse(
        lambda k, x: m.gammainc(k + 1, x, m.inf, regularized=True),
        lambda k, x: -gamma_density(m.mpf(k) + 1, x),
        special.pdtri,
    ),
    by=(1,),
)
case(
    special.nbdtr,
    [[0, 2, 30], [1, 5, 300], UNIT01],
    slopes={2: lambda k, n, p: beta_density(m.mpf(n), m.mpf(k + 1), p)},
)
case(
    special.nbdtrc,
    [[0, 2, 30], [1, 5, 300], UNIT01],
    slopes={2: lambda k, n, p: -beta_density(m.mpf(n), m.mpf(k + 1), p)},
)
case(
    special.nbdtri,
    [[0, 2, 30], [1, 5], FEWER],
    inverse(
        lambda k, n, x: m.betainc(n, k + 1, 0, x, regularized=True),
        lambda k, n, p: beta_density(m.mpf(n), m.mpf(k + 1), p),
        special.nbdtri,
    ),
    by=(2,),
)
FX = [*P, *rounded(1e16, 1e18, 1e25), 1e100]
DF = [1.0, 3.0, 5.0, 2e4]
case(special.fdtr, [DF, DF, FX], slopes={2: f_density})
case(special.fdtrc, [DF, DF, FX], slopes={2: lambda p, n, x: -f_density(p, n, x)})
case(
    special.fdtri,
    [DF[:3], DF[:3], FEWER],
    inverse(
        lambda p, n, x: m.betainc(p / 2, n / 2, 0, p * x / (n + p * x), regularized=True),
        f_density,
        special.fdtri,
    ),
    by=(2,),
)
case(special.stdtr, [[1.0, 2.5, 40.0, 1e6, 1e12], [*R, 1e100, -1e200]], slopes={1: t_density})


def student(n: Any, t: Any) -> Any:
    half = m.betainc(n / 2, m.mpf(1) / 2, 0, n / (n + t * t), regularized=True) / 2
    return half if t < 0 else 1 - half


case(
    special.stdtrit,
    [[1.0, 2.5, 40.0], rounded(1e-8, 0.1, 0.3, 0.5625, 0.99)],
    inverse(student, t_density, special.stdtrit),
    by=(1,),
)
case(special.ndtr, [R], slopes={0: normal})
case(
    special.log_ndtr,
    [[x for x in R if abs(x) < 1e16]],
    slopes={0: lambda x: normal(x) / (m.erfc(-x / m.sqrt(2)) / 2)},
)
ndtri = inverse(m.ncdf, normal, special.ndtri)
case(special.ndtri, [UNIT], ndtri)
case(
    special.ndtri_exp,
    [rounded(-1e-8, -1e-3, -0.1, -0.7, -1.5, -9.0, -50.0, -1e4, -1e8)],
    lambda x: inverse(
        lambda y: m.log(m.erfc(-y / m.sqrt(2)) / 2),
        lambda y: normal(y) / (m.erfc(-y / m.sqrt(2)) / 2),
        special.ndtri_exp,
    )(x),
)
case(
    special.nrdtrimn,
    [FEWER[:2] + [0.7, 0.99], FEW[2:5], FEWS[:8]],
    lambda p, s, x: x - s * ndtri(p),
)
case(
    special.nrdtrisd,
    [FEWS[:6], [1e-3, 0.25, 0.7, 0.99], FEW[2:5]],
    lambda mean, p, x: (x - mean) / ndtri(p),
)
case(
    special.owens_t,
    [MID[::2], FEWS],
    slopes={
        0: lambda h, a: -normal(h) / 2 * m.erf(a * h / m.sqrt(2)),
        1: lambda h, a: m.exp(-h * h * (1 + a * a) / 2) / (2 * m.pi * (1 + a * a)),
    },
)
case(special.expit, [R], slopes={0: lambda x: m.exp(-abs(x)) / (1 + m.exp(-abs(x))) ** 2})
case(special.logit, [UNIT], lambda x: m.log(x) - m.log1p(-x))
case(
    special.log_expit,
    [R],
    slopes={0: lambda x: m.exp(-x) / (1 + m.exp(-x)) if x > 0 else 1 / (1 + m.exp(x))},
)

# ------------------------------------------------------------------------------------------------ error functions
SQUARE = [x for x in R if abs(x) < 1e6]
case(special.erf, [R], slopes={0: lambda x: 2 * m.exp(-x * x) / m.sqrt(m.pi)})
case(special.erfc, [R], slopes={0: lambda x: -2 * m.exp(-x * x) / m.sqrt(m.pi)})


def erfcx(x: Any) -> Any:
    return m.exp(x * x) * m.erfc(x)


case(special.erfcx, [[x for x in R if x > -30]], erfcx)
case(special.erfi, [SQUARE], slopes={0: lambda x: 2 * m.exp(x * x) / m.sqrt(m.pi)})
case(
    special.erfinv,
    [INNER],
    inverse(m.erf, lambda x: 2 * m.exp(-x * x) / m.sqrt(m.pi), special.erfinv),
)
case(
    special.erfcinv,
    [[*UNIT, 1.0, 1.25, 1.75, 2 - 2.0**-20]],
    inverse(m.erfc, lambda x: -2 * m.exp(-x * x) / m.sqrt(m.pi), special.erfcinv),
)


def wofz(z: Any) -> Any:
    return m.exp(-z * z) * m.erfc(-1j * z)


case(special.dawsn, [SQUARE], lambda x: m.sqrt(m.pi) / 2 * m.im(wofz(m.mpc(x))))
case(
    lambda x: np.imag(special.wofz(x)),
    [SQUARE],
    lambda x: m.im(wofz(m.mpc(x))),
    name="special.wofz, imaginary part",
)
case(
    lambda y: np.real(special.wofz(1j * y)),
    [[x for x in SQUARE if x > -30]],
    erfcx,
    name="special.wofz, imaginary axis",
)
case(
    special.voigt_profile,
    [
        [0.0, -0.5, *rounded(0.1, 3.0, 40.0, 1e4)],
        rounded(1e-8, 0.1, 1.5, 40.0),
        rounded(0.0, 1e-8, 0.3, 4.0, 1e4),
    ],
    lambda x, s, g: m.re(wofz((x + 1j * g) / (s * m.sqrt(2)))) / (s * m.sqrt(2 * m.pi)),
)
outputs(
    special.fresnel, [NEAR], lambda x: m.sin(m.pi / 2 * x * x), lambda x: m.cos(m.pi / 2 * x * x)
)
for op, sign in ((special.modfresnelp, 1), (special.modfresnelm, -1)):

    def first(x: Any, sign: int = sign) -> Any:
        turn = m.exp(sign * 1j * m.pi / 4)
        return m.sqrt(m.pi) / 2 * turn * m.erfc(m.conj(turn) * x)

    def second(x: Any, sign: int = sign, first: Any = first) -> Any:
        return m.exp(-sign * 1j * (x * x + m.pi / 4)) / m.sqrt(m.pi) * first(x)

    for k, f in enumerate((first, second)):
        for part, of in ((np.real, m.re), (np.imag, m.im)):
            case(
                output(op, k, part),
                [MID],
                lambda x, f=f, of=of: of(f(x)),
                name=f"special.{op.__name__}, output {k}, {part.__name__}",
            )

# ----------------------------------------------------------------------------------- logarithms and exponentials
case(special.entr, [P], lambda x: -x * m.log(x))
PAIRS = [[*FEW, 1e10], [*FEW, 1e10]]
case(special.rel_entr, PAIRS, lambda a, b: a * m.log(a / b))
case(special.kl_div, PAIRS, lambda a, b: a * m.log(a / b) - a + b)
case(special.xlogy, [FEWS, FEW], lambda a, b: a * m.log(b))
case(special.xlog1py, [FEWS, [*FEW, 0.0, -1e-8, -0.5, -0.999]], lambda a, b: a * m.log1p(b))
case(special.expm1, [R], m.exp)
case(special.log1p, [[*P0, -1e-8, -0.5, -0.999]], m.log1p)
case(special.cosm1, [R], m.cos)
case(special.cbrt, [P], m.cbrt)
case(special.exp2, [R], lambda x: m.mpf(2) ** x)
case(special.exp10, [R], lambda x: m.mpf(10) ** x)
case(special.exprel, [NEAR], lambda x: (m.exp(x) - 1) / x if x else m.mpf(1))
case(special.powm1, [FEW, [0.0, 0.5, -2.5, 3.0, 1e-8]], lambda x, p: x**p - 1)
LAMBDA = [0.0, 0.5, -2.5, 3.0, 1e-8, -1e-30]
case(
    special.boxcox, [[*FEW, 1.0], LAMBDA], lambda x, p: m.expm1(p * m.log(x)) / p if p else m.log(x)
)
case(
    special.boxcox1p,
    [[*FEW, 0.0, -0.5], LAMBDA],
    lambda x, p: m.expm1(p * m.log1p(x)) / p if p else m.log1p(x),
)


def inv_boxcox(x: Any, p: Any) -> Any:
    return m.exp(m.log1p(p * x) / p if p else x)


BACK = [[0.0, 1e-8, 0.1, 0.3, -0.2, -1e-30], LAMBDA]
case(special.inv_boxcox, BACK, inv_boxcox)
case(special.inv_boxcox1p, BACK, lambda x, p: inv_boxcox(x, p) - 1)
case(
    lambda z: np.real(special.lambertw(z)),
    [[*P0, -0.1, -0.3, -0.367]],
    m.lambertw,
    name="special.lambertw",
)
case(
    special.wrightomega,
    [R],
    inverse(lambda y: y + m.log(y), lambda y: 1 + 1 / y, special.wrightomega),
)
case(
    special.huber,
    [[1.5, 40.0], [x for x in FEWS if abs(x) not in (1.5, 40.0)]],
    lambda d, r: r * r / 2 if abs(r) < d else d * (abs(r) - d / 2),
)
HUBER = [*FEW, *rounded(1e10, 1e-10), 1e-160]


def pseudo_huber_by_delta(d: Any, r: Any) -> Any:
    u = r / d
    s = m.sqrt(1 + u * u)
    return d * (2 * (s - 1) - u * u / s)


case(
    special.pseudo_huber,
    [HUBER, [*HUBER, *(-x for x in HUBER[:5])]],
    slopes={0: pseudo_huber_by_delta, 1: lambda d, r: r / m.sqrt(1 + (r / d) ** 2)},
)
ANGLES = [*NEAR, 30.0, 45.0, 60.0, 179.0]
case(special.sindg, [ANGLES], lambda x: m.sin(x * m.pi / 180))
case(special.cosdg, [ANGLES], lambda x: m.cos(x * m.pi / 180))
case(special.tandg, [ANGLES], lambda x: m.tan(x * m.pi / 180))
case(special.cotdg, [ANGLES], lambda x: m.cot(x * m.pi / 180))
case(special.radian, [FEWS[:3]] * 3, lambda d, mi, s: (d + mi / 60 + s / 3600) * m.pi / 180)

# ------------------------------------------------------------------------------------------- exponential integrals
NONZERO = [x for x in R if x]
case(special.expi, [NONZERO], slopes={0: lambda x: m.exp(x) / x})
case(special.exp1, [P], slopes={0: lambda x: -m.exp(-x) / x})
case(special.expn, [[0, 1, 2, 5, 40], UP], lambda n, x: m.expint(n, x), by=(1,))
outputs(special.sici, [P0], m.sinc, lambda x: m.cos(x) / x)
outputs(special.shichi, [P0], lambda x: m.sinh(x) / x if x else m.mpf(1), lambda x: m.cosh(x) / x)
case(
    special.spence,
    [[*P, 1 + 2.0**-20, 1 - 2.0**-20]],
    slopes={0: lambda z: m.log(z) / (1 - z) if z != 1 else m.mpf(-1)},
)

# --------------------------------------------------------------------------------------------------------- Bessel
ORDERS = [0, 1, 2, 0.5, 0.75, 7.25]
BX = UP + [1e4]
for op, f in (
    (special.jv, m.besselj),
    (special.yv, m.bessely),
    (special.iv, m.besseli),
    (special.kv, m.besselk),
):
    case(op, [ORDERS, BX], f, by=(1,))
LARGE = [*BX, *rounded(1e6, 1e9, 1e10, 1e13)]
case(special.jve, [ORDERS, BX], m.besselj, by=(1,))
case(special.yve, [ORDERS, BX], m.bessely, by=(1,))
case(special.ive, [ORDERS, LARGE], lambda v, x: m.besseli(v, x) * m.exp(-x), by=(1,))
case(special.kve, [ORDERS, LARGE], lambda v, x: m.besselk(v, x) * m.exp(x), by=(1,))
case(special.yn, [[0, 1, 3], BX], m.bessely, by=(1,))
case(special.kn, [[0, 1, 3], BX], m.besselk, by=(1,))
for name, sign in (("hankel1", 1), ("hankel2", -1)):
    for scaled in ("", "e"):
        op = getattr(special, name + scaled)
        for part, of in ((np.real, m.re), (np.imag, m.im)):

            def hankel(v: Any, x: Any, sign: int = sign, of: Any = of, scaled: str = scaled) -> Any:
                return of(
                    (m.besselj(v, x) + sign * 1j * m.bessely(v, x))
                    * (m.exp(-sign * 1j * x) if scaled else 1)
                )

            case(
                lambda v, x, op=op, part=part: part(op(v, x)),
                [[0, 2, 0.75], BX],
                hankel,
                name=f"special.{name}{scaled}, {part.__name__}",
                by=(1,),
            )
BOTH = [*BX, 0.0, *(-x for x in BX)]
case(special.j0, [BOTH], lambda x: m.besselj(0, x))
case(special.j1, [BOTH], lambda x: m.besselj(1, x))
case(special.y0, [BX], lambda x: m.bessely(0, x))
case(special.y1, [BX], lambda x: m.bessely(1, x))
case(special.i0, [BOTH], lambda x: m.besseli(0, x))
case(special.i1, [BOTH], lambda x: m.besseli(1, x))
case(special.k0, [BX], lambda x: m.besselk(0, x))
case(special.k1, [BX], lambda x: m.besselk(1, x))
ENDS = [x for x in LARGE] + [-x for x in LARGE]
case(special.i0e, [ENDS], lambda x: m.besseli(0, x) * m.exp(-abs(x)))
case(special.i1e, [ENDS], lambda x: m.besseli(1, x) * m.exp(-abs(x)))
case(special.k0e, [LARGE], lambda x: m.besselk(0, x) * m.exp(x))
case(special.k1e, [LARGE], lambda x: m.besselk(1, x) * m.exp(x))
AIRY = [*MID, 50.0, -50.0, 110.0, -300.0]
outputs(
    special.airy,
    [AIRY],
    values=[
        m.airyai,
        lambda z: m.airyai(z, derivative=1),
        m.airybi,
        lambda z: m.airybi(z, derivative=1),
    ],
)
KX = [*UP[:-5], *FULL]
for part, of in ((np.real, (m.ber, m.ker)), (np.imag, (m.bei, m.kei))):
    for k, f in enumerate(of):
        case(
            output(special.kelvin, k, part),
            [KX],
            lambda x, f=f: f(0, x),
            name=f"special.kelvin, output {k}, {part.__name__}",
        )
for name in ("ber", "bei", "ker", "kei"):
    both = name.startswith("b")
    case(
        getattr(special, name),
        [[*KX, *(-x for x in KX), 0.0] if both else KX],
        lambda x, f=getattr(m, name): f(0, x),
    )


def of_kelvin(name: str) -> Callable[..., Any]:
    """Return the derivative of a Kelvin function, by those of order 1."""
    kind, part = name[:2], name[2]
    first = (
        getattr(m, {"be": "ber", "ke": "ker"}[kind]),
        getattr(m, {"be": "bei", "ke": "kei"}[kind]),
    )
    sign = 1 if part == "r" else -1
    a, b = (first[0], first[1]) if part == "r" else (first[1], first[0])
    return lambda x: (a(1, x) + sign * b(1, x)) / m.sqrt(2)


for name in ("berp", "beip", "kerp", "keip"):
    f = of_kelvin({"berp": "ber", "beip": "bei", "kerp": "ker", "keip": "kei"}[name])
    both = name.startswith("b")
    case(getattr(special, name), [[*KX, *(-x for x in KX), 0.0] if both else KX], f)
case(special.struve, [[0, 1, 0.5, 2.25, -0.25], UP + [1e4]], m.struveh, by=(1,))
case(special.modstruve, [[0, 1, 0.5, 2.25, -0.25], [*UP, 700.0]], m.struvel, by=(1,))
case(
    lambda x: special.struve(0, x),
    [[0.0, *(-x for x in UP)]],
    lambda x: m.struveh(0, x),
    name="special.struve, order 0, left",
)
INTEGRAL = [0.0, *UP]
outputs(special.itj0y0, [INTEGRAL], lambda x: m.besselj(0, x), lambda x: m.bessely(0, x))
outputs(special.iti0k0, [INTEGRAL], lambda x: m.besseli(0, x), lambda x: m.besselk(0, x))
outputs(
    special.it2j0y0,
    [INTEGRAL],
    lambda x: (1 - m.besselj(0, x)) / x if x else m.mpf(0),
    lambda x: -m.bessely(0, x) / x,
)
outputs(
    special.it2i0k0,
    [INTEGRAL],
    lambda x: (m.besseli(0, x) - 1) / x if x else m.mpf(0),
    lambda x: -m.besselk(0, x) / x,
)
case(special.itstruve0, [INTEGRAL], slopes={0: lambda x: m.struveh(0, x)})
case(special.it2struve0, [INTEGRAL], slopes={0: lambda x: -m.struveh(0, x) / x if x else -2 / m.pi})
case(special.itmodstruve0, [INTEGRAL], slopes={0: lambda x: m.struvel(0, x)})
outputs(special.itairy, [MID], m.airyai, m.airybi, lambda x: m.airyai(-x), lambda x: m.airybi(-x))
PX = [x for x in MID if abs(x) < 10]
case(output(special.pbdv, 0), [[0, 1, 2.5], PX], m.pcfd, name="special.pbdv", by=(1,))
SX = [*UP, 1e4]
for op, f, sign in ((spherical_jn, m.besselj, 1), (spherical_yn, m.bessely, 1)):
    case(
        op,
        [[0, 1, 3], SX],
        lambda n, x, f=f: m.sqrt(m.pi / 2 / x) * f(n + m.mpf(1) / 2, x),
        name=f"special.{op.__name__}",
        by=(1,),
    )
case(
    spherical_in,
    [[0, 1, 3], SX],
    lambda n, x: m.sqrt(m.pi / 2 / x) * m.besseli(n + m.mpf(1) / 2, x),
    name="special.spherical_in",
    by=(1,),
)
case(
    spherical_kn,
    [[0, 1, 3], SX],
    lambda n, x: m.sqrt(m.pi / 2 / x) * m.besselk(n + m.mpf(1) / 2, x),
    name="special.spherical_kn",
    by=(1,),
)

# ---------------------------------------------------------------------------------------- hypergeometric, elliptic
case(special.hyp0f1, [[0.5, 1.5, 3], MID], m.hyp0f1, by=(1,))
case(special.hyp1f1, [[0.5, 1, -2, 3.5], [1.5, 3], MID], m.hyp1f1, by=(2,))
case(
    special.hyp2f1,
    [
        [0.5, 1],
        [0.5, 2],
        [1.5, 3],
        [0.0, *rounded(1e-8, 0.1, 0.5, 0.9, 0.999, -1e-8, -0.5, -3.0, -50.0)],
    ],
    m.hyp2f1,
    by=(3,),
)
case(special.hyperu, [[0.5, 1, 3], [1.5, 3], UP[1:]], m.hyperu, by=(2,))


def wright(a: Any, b: Any, x: Any) -> Any:
    total, k, power = m.mpf(0), 0, m.mpf(1)
    while True:
        term = power * m.rgamma(a * k + b)
        total += term
        if k > 10 and abs(term) <= abs(total) * m.mpf(10) ** -m.mp.dps:
            return total
        k += 1
        power *= x / k


WX = [0.0, *UP[1:13], 50.0]
case(special.wright_bessel, [[0.5, 1, 2], [0.5, 1, 3], WX], wright, by=(2,))
case(
    special.log_wright_bessel,
    [[0.5, 1, 2], [0.5, 1, 3], WX],
    lambda a, b, x: m.log(wright(a, b, x)),
    by=(2,),
)
MODULUS = [*INNER, *rounded(-3.0, -50.0, -1e8)]
case(special.ellipk, [MODULUS], m.ellipk)
case(special.ellipkm1, [[*UNIT, 1.0, 1.5, 20.0]], lambda p: m.ellipk(1 - p))
case(special.ellipe, [MODULUS], m.ellipe)
PHI = rounded(-0.3, 0.0, 1e-8, 0.3, 1.0, 1.5, 3.0, 20.0)
MM = [*rounded(0.0, 1e-30, 1e-8, 1e-3, 0.1, 0.5, 0.9, 0.999, -1e-4, -0.5, -3.0, -50.0)]
case(special.ellipkinc, [PHI, MM], m.ellipf)
case(special.ellipeinc, [PHI, MM], lambda phi, k: m.ellipe(phi, k))
U = rounded(-1.5, 0.0, 1e-8, 0.3, 1.5, 4.0, 20.0)
JM = rounded(0.0, 1e-8, 0.25, 0.9, 0.9999) + [1.0]
for k, kind in enumerate(("sn", "cn", "dn")):
    case(
        output(special.ellipj, k),
        [U, JM],
        lambda u, mm, kind=kind: m.ellipfun(kind, u, m=mm),
        name=f"special.ellipj, {kind}",
        by=(0,),
    )
case(special.agm, [[*FEW, 1.0], [*FEW, 1.0]], m.agm)

# -------------------------------------------------------------------------------------------- orthogonal polynomials
X = [*INNER, 1.0, -1.0, *rounded(1.5, -1.5, 20.0, 1e4)]
N = [-3, -2, -1, 0, 1, 2, 3, 10]
WHOLE = [0, 1, 2, 3, 10]


def chebyu(n: Any, x: Any) -> Any:
    sign, k = (1, int(n)) if n >= 0 else (-1, -int(n) - 2)
    return sign * m.mpf(0) if k < 0 else sign * m.chebyu(k, x)


def chebyt(n: Any, x: Any) -> Any:
    return m.chebyt(abs(int(n)), x)


def polynomial(op: Any, columns: Any, value: Any) -> None:
    case(op, columns, value, by=(len(columns) - 1,))


polynomial(special.eval_legendre, [N, X], lambda n, x: m.legendre(n if n >= 0 else -n - 1, x))
polynomial(
    special.eval_sh_legendre, [N, X], lambda n, x: m.legendre(n if n >= 0 else -n - 1, 2 * x - 1)
)
polynomial(special.eval_chebyt, [N, X], chebyt)
polynomial(special.eval_chebyc, [N, X], lambda n, x: 2 * chebyt(n, x / 2))
polynomial(special.eval_sh_chebyt, [N, X], lambda n, x: chebyt(n, 2 * x - 1))
polynomial(special.eval_chebyu, [N, X], chebyu)
polynomial(special.eval_chebys, [N, X], lambda n, x: chebyu(n, x / 2))
polynomial(special.eval_sh_chebyu, [N, X], lambda n, x: chebyu(n, 2 * x - 1))
polynomial(special.eval_hermite, [WHOLE, X], m.hermite)
polynomial(
    special.eval_hermitenorm,
    [WHOLE, X],
    lambda n, x: m.hermite(n, x / m.sqrt(2)) * m.mpf(2) ** (-m.mpf(n) / 2),
)
polynomial(special.eval_laguerre, [WHOLE, X], lambda n, x: m.laguerre(n, 0, x))
polynomial(special.eval_genlaguerre, [WHOLE, [0.5, 2], X], m.laguerre)
polynomial(special.eval_gegenbauer, [WHOLE, [0.5, 2], X], m.gegenbauer)
polynomial(special.eval_jacobi, [WHOLE, [0.5, 2], [0.25, 1], X], m.jacobi)
polynomial(
    special.eval_sh_jacobi,
    [WHOLE, [3, 2.5], [0.5, 1], X],
    lambda n, p, q, x: m.jacobi(n, p - q, q - 1, 2 * x - 1) / m.binomial(2 * n + p - 1, n),
)
XN = [x for x in INNER]
polynomial(
    special.eval_legendre, [[0.5, -0.5, 2.25], XN], lambda n, x: m.hyp2f1(-n, n + 1, 1, (1 - x) / 2)
)
polynomial(special.eval_chebyt, [[0.5, 2.25, -0.5], XN], lambda n, x: m.cos(n * m.acos(x)))
polynomial(
    special.eval_chebyu,
    [[0.5, 2.25, -0.5], XN],
    lambda n, x: m.sin((n + 1) * m.acos(x)) / m.sqrt(1 - x * x),
)

# --------------------------------------------------------------------------------------------------- sums of exponentials
PAIR = [[*FEWS, *rounded(1e10, 1e15, 40.25, -1e15), 1e15 + 2]] * 2


def stacked(f: Any) -> Callable[..., Any]:
    """Return f of two numbers side by side."""
    return lambda a, b: f(np.stack([a, b], axis=-1), axis=-1)


def upper(a: Any, b: Any) -> Any:
    return max(a, b) + m.log1p(m.exp(-abs(a - b)))


def share(a: Any, b: Any) -> Any:
    return 1 / (1 + m.exp(b - a)) if a > b else m.exp(a - b) / (1 + m.exp(a - b))


CASES += [
    Case("special.logsumexp", stacked(logsumexp), PAIR, slopes={0: share, 1: lambda a, b: share(b, a)}),
    Case("special.softmax", lambda a, b: stacked(softmax)(a, b)[..., 0], PAIR,
         slopes={0: lambda a, b: share(a, b) * share(b, a), 1: lambda a, b: -share(a, b) * share(b, a)}),
    Case("special.log_softmax", lambda a, b: stacked(log_softmax)(a, b)[..., 0], PAIR,
         slopes={0: lambda a, b: share(b, a), 1: lambda a, b: -share(b, a)}),
]  # fmt: skip
assert FAR and P0 and _ufuncs
