"""scipy.special: functions that are not ufuncs, for nodes; everything else is SciPy's own.

Examples
--------
>>> import memograd as mg
>>> from memograd.scipy import special
>>> x = mg.Tape().leaf([1e4, 1e4 - 1.0])
>>> mg.grad(special.logsumexp(x), x).round(4)
array([0.7311, 0.2689])
"""

from typing import Any

from ..rules.namespaces import attribute_of
from ..text import import_scipy

_special = import_scipy("scipy.special")

from ..rules.incomplete_beta import betaincln  # noqa: E402
from ..rules.incomplete_gamma import gammainccln, gammaincln  # noqa: E402  (SciPy is there)
from ..rules.special import (  # noqa: E402  (SciPy is there)
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

__all__ = [
    "betaincln",
    "factorial",
    "gammainccln",
    "gammaincln",
    "log_softmax",
    "logsumexp",
    "multigammaln",
    "polygamma",
    "softmax",
    "spherical_in",
    "spherical_jn",
    "spherical_kn",
    "spherical_yn",
]

THROUGH = [
    *("assoc_laguerre", "h1vp", "h2vp", "ivp", "jvp", "kvp", "lambertw", "softplus", "yvp", "zeta"),
    *(
        "chebyc",
        "chebys",
        "chebyt",
        "chebyu",
        "gegenbauer",
        "genlaguerre",
        "hermite",
        "hermitenorm",
        "jacobi",
        "laguerre",
        "legendre",
    ),
    *("sh_chebyt", "sh_chebyu", "sh_jacobi", "sh_legendre"),
]
"""SciPy's functions that need no wrapper: compositions of ufuncs, and makers of polynomials.

The polynomials take nodes.
"""


def __getattr__(name: str) -> Any:
    return attribute_of(_special, name, globals())


def __dir__() -> list[str]:
    return sorted({*dir(_special), *__all__})
