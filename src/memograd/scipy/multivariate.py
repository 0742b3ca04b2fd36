"""The multivariate normal and the Dirichlet distribution.

A singular covariance matrix, where SciPy allows one, is that of a normal distribution in a
subspace. Its pseudo-inverse and pseudo-determinant replace inverse and determinant, and the density
is 0 outside the subspace. Derivatives by the matrix are taken at constant rank, because the density
has no bound as the rank changes. Derivatives by the point and the mean are those within the
subspace.

References
----------
C. R. Rao: Linear Statistical Inference and its Applications (2nd ed., 1973), section 8a.4 (singular
normal distributions).
G. H. Golub, V. Pereyra: The differentiation of pseudo-inverses and nonlinear least squares problems
whose variables separate, SIAM J. Numer. Anal. 10 (1973).
"""

from math import log, pi
from typing import Any

import numpy as np

from ..arrays.values import as_input
from ..errors import NoRuleError
from ..rules.linalg import mT
from ..rules.pure_registration import constant, rule
from ..rules.registration import op, refuse_ops, set_traits
from ..rules.traits import Structure
from ..tape.node import Node
from ..text import import_scipy

_special, _stats = import_scipy("scipy.special"), import_scipy("scipy.stats")

LOG_2PI = log(2 * pi)
RANK_TOLERANCE = 1e6 * float(np.finfo(float).eps)
"""Eigenvalues below this fraction of the largest one are 0 for SciPy."""
SUPPORT_TOLERANCE = 1e3 * RANK_TOLERANCE
"""Points up to this distance from the subspace are in it for SciPy, by the largest eigenvalue."""


def as_floats(*args: Any) -> list[Any]:
    """Return nodes and None unchanged, other values as arrays of floats."""
    return [a if isinstance(a, Node) or a is None else np.asarray(as_input(a), float) for a in args]


# covariance matrices


@op
def covariance(a: Any, allow_singular: bool) -> Any:
    """Return a covariance matrix; raise, as SciPy does, if it is not one.

    It must be positive semidefinite, and without `allow_singular` positive definite.
    """
    w = np.linalg.eigvalsh(a)
    size = np.max(np.abs(w))
    if np.min(w) < -RANK_TOLERANCE * size:
        raise ValueError("The input matrix must be symmetric positive semidefinite.")
    if np.min(w) <= RANK_TOLERANCE * size and not allow_singular:
        raise np.linalg.LinAlgError(
            "When `allow_singular is False`, the input matrix must be symmetric positive definite."
        )
    return a


rule(covariance, a=lambda g, allow_singular: g, push={"a": lambda t, allow_singular: t})


@op
def log_pseudo_determinant(a: Any) -> Any:
    """Return the sum of the logarithms of the singular values that are not 0 to rounding."""
    s = np.linalg.svdvals(a)
    return np.sum(np.log(s[s > RANK_TOLERANCE * np.max(s)]))


rule(
    log_pseudo_determinant,
    a=lambda g, a: g * mT(np.linalg.pinv(a, RANK_TOLERANCE)),
    push={"a": lambda t, a: np.sum(t * mT(np.linalg.pinv(a, RANK_TOLERANCE)))},
)


@op
def in_support(z: Any, a: Any) -> Any:
    """Return for each row whether it lies in the image of a positive semidefinite matrix.

    The tolerance is SciPy's.
    """
    w, v = np.linalg.eigh(a)
    size = np.max(np.abs(w))
    residues = z @ v[:, w <= RANK_TOLERANCE * size]
    return np.linalg.norm(residues, axis=-1) < SUPPORT_TOLERANCE * max(size, np.finfo(float).tiny)


constant(in_support)
set_traits(covariance, structure=Structure.SAME_PLACE)
set_traits(log_pseudo_determinant, in_support, structure=Structure.DENSE)


def as_matrix(mean: Any, cov: Any) -> Any:
    """Return the covariance matrix that a number, a diagonal or a matrix defines."""
    n = max(mean.size if mean is not None else 1, cov.shape[-1] if cov.shape else 1)
    return cov * np.eye(n) if len(cov.shape) < 2 else cov


# the multivariate normal distribution


def multivariate_normal_logpdf(
    x: Any, mean: Any = None, cov: Any = 1, allow_singular: bool = False
) -> Any:
    """Return the log density of normal vectors; `cov` is not symmetrised."""
    x, mean, cov = as_floats(x, mean, cov)
    cov = covariance(as_matrix(mean, cov), bool(allow_singular))
    n = cov.shape[-1]
    x = x if mean is None else (x[..., None] if n == 1 and len(x.shape) < 2 else x) - mean
    z = np.reshape(x, (-1, n))
    y = (singular_logpdf if allow_singular else regular_logpdf)(z, cov)
    return np.reshape(y, x.shape if n == 1 and len(x.shape) < 2 else x.shape[:-1])


def regular_logpdf(z: Any, cov: Any) -> Any:
    """Return the log density of centred rows."""
    distance = np.sum(z * np.linalg.solve(cov, z.T).T, axis=-1)
    return -0.5 * (cov.shape[-1] * LOG_2PI + np.linalg.slogdet(cov)[1] + distance)


def singular_logpdf(z: Any, cov: Any) -> Any:
    """Return the log density of centred rows in the image of the covariance matrix."""
    rank = np.linalg.matrix_rank(cov, rtol=RANK_TOLERANCE)
    distance = np.sum(z * (z @ np.linalg.pinv(cov, RANK_TOLERANCE)), axis=-1)
    y = -0.5 * (rank * LOG_2PI + log_pseudo_determinant(cov) + distance)
    return np.where(in_support(z, cov), y, -np.inf)


def multivariate_normal_pdf(*args: Any, **kwargs: Any) -> Any:
    """Return the density of normal vectors."""
    return np.exp(multivariate_normal_logpdf(*args, **kwargs))


def multivariate_normal_entropy(mean: Any = None, cov: Any = 1) -> Any:
    """Return the entropy of a normal vector, in the image of its covariance matrix."""
    mean, cov = as_floats(mean, cov)
    cov = covariance(as_matrix(mean, cov), True)
    rank = np.linalg.matrix_rank(cov, rtol=RANK_TOLERANCE)
    return 0.5 * (rank * (LOG_2PI + 1) + log_pseudo_determinant(cov))


NO_CDF = (
    "it is an integral that SciPy estimates by random points, so that it has no derivative here. "
    "Use logpdf; or norm.logcdf of each component where they are independent."
)


def refuse_multivariate_cdf(*args: Any, **kwargs: Any) -> Any:
    """Raise: the distribution function of vectors has no closed form."""
    raise NoRuleError(f"multivariate_normal.cdf and logcdf are not recorded: {NO_CDF}")


refuse_ops(NO_CDF, _stats.multivariate_normal.cdf, _stats.multivariate_normal.logcdf)


# Dirichlet's distribution


@op
def concentrations(alpha: Any) -> Any:
    """Return the parameters of a Dirichlet distribution; raise, as SciPy does, if not valid."""
    if np.min(alpha) <= 0:
        raise ValueError("All parameters must be greater than 0")
    return alpha


@op
def simplex_point(x: Any) -> Any:
    """Return x, which sums to 1 along the first axis; raise, as SciPy does, if it does not."""
    if np.min(x) < 0 or np.max(x) > 1 or np.any(np.abs(np.sum(x, axis=0) - 1) > 1e-9):
        raise ValueError(
            "The input vector 'x' must lie within the normal simplex: its entries are at least 0, "
            "and their sum is 1."
        )
    return x


rule(concentrations, alpha=lambda g: g, push={"alpha": lambda t: t})
rule(simplex_point, x=lambda g: g, push={"x": lambda t: t})
set_traits(concentrations, simplex_point, structure=Structure.SAME_PLACE)


def dirichlet_logpdf(x: Any, alpha: Any) -> Any:
    """Return the log density of a Dirichlet distribution at x, with or without its last component.

    The derivative by x is that of the formula, with independent components.
    """
    x, alpha = as_floats(x, alpha)
    if x.shape[0] == alpha.shape[0] - 1:
        x = np.concatenate([x, 1 - np.sum(x, axis=0, keepdims=True)], 0)
    x, alpha = simplex_point(x), concentrations(alpha)
    powers = np.sum(_special.xlogy(alpha - 1, x.T), axis=-1)
    return powers + _special.gammaln(np.sum(alpha)) - np.sum(_special.gammaln(alpha))


def dirichlet_pdf(x: Any, alpha: Any) -> Any:
    """Return the density of a Dirichlet distribution."""
    return np.exp(dirichlet_logpdf(x, alpha))
