"""Exponential, square root and logarithm of matrices, with derivatives of all orders.

The derivative of the exponential is a block of the exponential of a block matrix. The square root
and the logarithm cannot be differentiated in this way: each eigenvalue of the block matrix is
double, and if it is negative, rounding puts its copies on both sides of the branch cut. Their
derivatives are solutions of the linearized inverse functions instead: of Sylvester's equation with
the square root, and of the exponential's derivative at the logarithm, which has no branch.

`sqrtm` and `logm` of nodes are complex. SciPy's are real or complex depending on values, but a
dtype is part of the program. Neither has a derivative where two eigenvalues meet on the negative
axis. There it raises, or gives numbers of the size of 1/rounding.

References
----------
R. Mathias: A chain rule for matrix functions and applications, SIAM J. Matrix Anal. Appl. 17
(1996), theorem 2.1 (block matrices).
N. J. Higham: Functions of Matrices (2008), sections 6.1 (square root) and 11.8 (logarithm).
A. H. Al-Mohy, N. J. Higham, S. D. Relton: Computing the Fréchet derivative of the matrix logarithm
and estimating the condition number, SIAM J. Sci. Comput. 35 (2013), section 3.
"""

from math import ceil, log2
from typing import Any

import numpy as np

from ..rules.broadcasting import unbroadcast
from ..rules.linalg import mH, mT
from ..rules.node_lists import holds_node
from ..rules.pure_registration import constant, rule
from ..rules.registration import op, set_traits
from ..rules.traits import Structure
from ..text import import_scipy
from .matrix_equations import sylvester
from .stacks import over_stacks

_linalg = import_scipy("scipy.linalg")

# exponential


@op
def expm(A: Any) -> Any:
    """Return the exponential of a matrix as ``scipy.linalg.expm`` does; of a node, record it.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> from memograd.scipy import linalg
    >>> t = mg.Tape().leaf(0.5)
    >>> turned = linalg.expm(t * np.array([[0.0, -1.0], [1.0, 0.0]]))
    >>> float(mg.grad(turned[1, 0], t) - np.cos(0.5)).__abs__() < 1e-12
    True
    """
    return _linalg.expm(A)


@op
def scale_of(g: Any) -> Any:
    """Return a power of two near each matrix' largest element; 1 if that is 0 or not finite."""
    largest = np.max(np.abs(g), axis=(-2, -1), keepdims=True, initial=0)
    ordinary = np.isfinite(largest) & (largest > 0)
    return np.ldexp(np.ones_like(largest), np.frexp(np.where(ordinary, largest, 0.5))[1] - 1)


constant(scale_of)


def frechet(a: Any, g: Any) -> Any:
    """Return the derivative of `expm` at a along g.

    It is the upper right block of the exponential of [[a, g], [0, a]]. It is linear in g, but the
    error of the exponential is relative to the whole block matrix, so g is scaled by a power of
    two.
    """
    n, scale = g.shape[-1], scale_of(g)
    top, bottom = np.concatenate([a, g / scale], -1), np.concatenate([0 * a, a], -1)
    return scale * expm(np.concatenate([top, bottom], -2))[..., :n, n:]


rule(expm, A=lambda g, A: frechet(mT(A), g), push={"A": lambda t, A: frechet(A, t)})


def second_frechet(a: Any, e: Any, f: Any) -> Any:
    """Return the second derivative of `expm` at a along e and f.

    It is the upper right block of the exponential of [[a, e, 0], [0, a, f], [0, 0, a]], plus the
    same with e and f exchanged.
    """
    size = scale_of(e), scale_of(f)
    e, f = e / size[0], f / size[1]
    return size[0] * size[1] * (corner_of_three(a, e, f) + corner_of_three(a, f, e))


def corner_of_three(a: Any, e: Any, f: Any) -> Any:
    """Return the upper right block of the exponential of [[a, e, 0], [0, a, f], [0, 0, a]]."""
    n = a.shape[-1]
    lead = np.broadcast_shapes(a.shape, e.shape, f.shape)
    a, e, f = (np.broadcast_to(x, lead) for x in (a, e, f))
    nil = 0 * a
    rows = ([a, e, nil], [nil, a, f], [nil, nil, a])
    return expm(np.concatenate([np.concatenate(row, -1) for row in rows], -2))[..., :n, 2 * n :]


# inverse of the exponential's derivative

NEAR_IDENTITY = 0.5
"""Norm of the logarithm up to which the quadrature below is exact to rounding.

The integrand is analytic in an ellipse whose half-axes have the sum 8, so that the error of 10
nodes is about 8⁻²⁰.
"""
NODES, WEIGHTS = np.polynomial.legendre.leggauss(10)


def check_branches(eigenvalues: Any, size: float) -> None:
    """Raise if two eigenvalues of a logarithm differ by 2πi, to rounding relative to `size`."""
    apart = np.abs(eigenvalues[:, None] - eigenvalues - 2j * np.pi)
    if np.any(apart <= 100 * np.finfo(float).eps * max(size, 1)):
        raise np.linalg.LinAlgError(
            "The logarithm has no derivative here: two eigenvalues meet on the negative axis, to "
            "rounding."
        )


def unfrechet_of_matrices(a: Any, e: Any) -> Any:
    """Return z such that the derivative of `expm` at a along z is e.

    With x = exp(a / 2ˢ) near the identity, z is 2ˢ ∫ (1 + t(x - 1))⁻¹ e' (1 + t(x - 1))⁻¹ dt from 0
    to 1. e' follows from e by s Sylvester equations with the roots exp(a / 2ᵏ).
    """
    wide = np.result_type(a, e, np.complex128)
    t, u = _linalg.schur(a.astype(wide), output="complex")
    size = float(np.linalg.norm(t, 1))
    check_branches(np.diagonal(t), size)
    e = mH(u) @ e @ u
    s = max(0, ceil(log2(max(size / NEAR_IDENTITY, 1))))
    roots = [_linalg.expm(t / 2.0**s)]
    for _ in range(s - 1):
        roots.append(roots[-1] @ roots[-1])
    (trsyl,) = _linalg.get_lapack_funcs(("trsyl",), (t, e))
    for root in reversed(roots[:s]):
        e, scale, _ = trsyl(root, root, e)
        e = e / scale
    x, eye, z = roots[0], np.eye(len(t)), np.zeros_like(e)
    for node, weight in zip((NODES + 1) / 2, WEIGHTS / 2, strict=True):
        inverse = np.linalg.inv(eye + node * (x - eye))
        z += weight * (inverse @ e @ inverse)
    return 2.0**s * (u @ z @ mH(u))


@op
def unfrechet(a: Any, e: Any) -> Any:
    """Return z such that the derivative of `expm` at a along z is e.

    This is the derivative of the logarithm at exp(a) along e.
    """
    z = over_stacks(unfrechet_of_matrices, (2, 2), a, e)
    dtype = np.result_type(a, e)
    return np.astype(z if dtype.kind == "c" else np.real(z), dtype)


rule(
    unfrechet,
    a=lambda g, a, a_shape, y: unbroadcast(
        -second_frechet(mT(a), unfrechet(mT(a), g), mT(y)), a_shape
    ),
    e=lambda g, a, e_shape: unbroadcast(unfrechet(mT(a), g), e_shape),
    push={
        "a": lambda t, a, y: -unfrechet(a, second_frechet(a, y, t)),
        "e": lambda t, a: unfrechet(a, t),
    },
)

# square root and logarithm


def as_complex(y: Any) -> Any:
    """Return numbers in the complex dtype of their precision."""
    return y.astype(np.result_type(y, np.complex64))


@op
def square_root(A: Any) -> Any:
    """Compute `sqrtm` as the recorded op."""
    return as_complex(over_stacks(_linalg.sqrtm, (2,), A))


@op
def logarithm(A: Any) -> Any:
    """Compute `logm` as the recorded op."""
    # in single precision SciPy warns of its own rounding
    wide = over_stacks(_linalg.logm, (2,), A.astype(np.result_type(A, np.float64)))
    return wide.astype(np.result_type(A, np.complex64))


rule(
    square_root,
    A=lambda g, y: sylvester(mT(y), mT(y), g),
    push={"A": lambda t, y: sylvester(y, y, t)},
)
rule(
    logarithm,
    A=lambda g, y: unfrechet(mT(y), g),
    push={"A": lambda t, y: unfrechet(y, t)},
)


def sqrtm(A: Any) -> Any:
    """Return the square root of a matrix as ``scipy.linalg.sqrtm`` does; of a node, record it.

    For a node it is complex, because whether it is real depends on values.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> from memograd.scipy import linalg
    >>> a = mg.Tape().leaf([[4.0, 0.0], [0.0, 9.0]])
    >>> mg.grad(np.trace(np.real(linalg.sqrtm(a))), a).round(4)
    array([[0.25  , 0.    ],
           [0.    , 0.1667]])
    """
    return square_root(A) if holds_node(A) else _linalg.sqrtm(A)


def logm(A: Any) -> Any:
    """Return the logarithm of a matrix as ``scipy.linalg.logm`` does; of a node, record it.

    For a node it is complex, because whether it is real depends on values.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> from memograd.scipy import linalg
    >>> a = mg.Tape().leaf([[4.0, 0.0], [0.0, -2.0]])
    >>> mg.grad(np.trace(np.real(linalg.logm(a))), a).round(4)
    array([[ 0.25,  0.  ],
           [ 0.  , -0.5 ]])
    """
    return logarithm(A) if holds_node(A) else _linalg.logm(A)


set_traits(scale_of, expm, square_root, logarithm, unfrechet, structure=Structure.DENSE)
