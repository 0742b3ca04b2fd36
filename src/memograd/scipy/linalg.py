"""scipy.linalg: functions that do not dispatch on nodes; everything else is SciPy's own.

`sqrtm` and `logm` of nodes are complex, also where SciPy's are real (see
:mod:`memograd.scipy.matrix_functions`). Arguments such as `assume_a="pos"` and `lower=` determine
which part of a matrix is read; the rest has no derivative.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..arrays.values import as_input
from ..errors import NoRuleError
from ..rules.node_lists import stack_lists
from ..rules.pure_registration import rule
from ..rules.registration import op, set_traits
from ..rules.traits import Structure
from ..tape.node import Node
from ..text import import_scipy

_linalg = import_scipy("scipy.linalg")

from .matrix_equations import (  # noqa: E402  (SciPy is there)
    solve_banded,
    solve_circulant,
    solve_continuous_lyapunov,
    solve_discrete_lyapunov,
    solve_sylvester,
    solve_toeplitz,
    solveh_banded,
)
from .matrix_functions import expm, logm, sqrtm  # noqa: E402

__all__ = [
    "block_diag",
    "cho_solve",
    "expm",
    "logm",
    "solve",
    "solve_banded",
    "solve_circulant",
    "solve_continuous_lyapunov",
    "solve_discrete_lyapunov",
    "solve_sylvester",
    "solve_toeplitz",
    "solve_triangular",
    "solveh_banded",
    "sqrtm",
    "toeplitz",
]


def __getattr__(name: str) -> Any:
    return getattr(_linalg, name)


def __dir__() -> list[str]:
    return sorted({*dir(_linalg), *__all__})


def mT(x: Any) -> Any:
    """Transpose matrices."""
    return np.swapaxes(x, -1, -2)


# systems of equations


@op
def triangular(a: Any, b: Any, transposed: bool, lower: bool, unit_diagonal: bool) -> Any:
    """Compute ``solve_triangular`` as the recorded op."""
    return _linalg.solve_triangular(
        a, b, trans=int(transposed), lower=lower, unit_diagonal=unit_diagonal
    )


def triangular_a(g: Any, a: Any, y: Any, transposed: Any, lower: Any, unit_diagonal: Any) -> Any:
    """Return the cotangent of the triangle that is read."""
    h = triangular(a, g, not transposed, lower, unit_diagonal)
    h, x = (h[..., None], y[..., None]) if len(g.shape) == 1 else (h, y)
    d = -x @ mT(h) if transposed else -h @ mT(x)
    return np.tril(d, -int(unit_diagonal)) if lower else np.triu(d, int(unit_diagonal))


rule(triangular, a=triangular_a,
     b=lambda g, a, transposed, lower, unit_diagonal: triangular(
         a, g, not transposed, lower, unit_diagonal))  # fmt: skip
set_traits(triangular, structure=Structure.DENSE)


def solve_triangular(
    a: Any,
    b: Any,
    trans: Any = 0,
    lower: bool = False,
    unit_diagonal: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = True,
) -> Any:
    """Solve a triangular system as ``scipy.linalg.solve_triangular`` does.

    The call is recorded if a node is among the arguments. Parameters are SciPy's.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> from memograd.scipy import linalg
    >>> b = mg.Tape().leaf([2.0, 5.0])
    >>> mg.grad(np.sum(linalg.solve_triangular([[1.0, 0.0], [2.0, 4.0]], b, lower=True)), b)
    array([0.5 , 0.25])
    """
    a, b = stack_lists((a, b))
    if not (isinstance(a, Node) or isinstance(b, Node)):
        return _linalg.solve_triangular(
            a, b, trans, lower, unit_diagonal, overwrite_b, check_finite
        )
    turned = {"N": 0, "T": 1, "C": 2}.get(trans, trans)
    a, b = (x if isinstance(x, Node) else as_input(x) for x in (a, b))
    if turned == 2:
        return np.conj(triangular(a, np.conj(b), True, lower, unit_diagonal))
    return triangular(a, b, bool(turned), lower, unit_diagonal)


def cho_solve(
    c_and_lower: Any, b: Any, overwrite_b: bool = False, check_finite: bool = True
) -> Any:
    """Solve a system by its Cholesky factor as ``scipy.linalg.cho_solve`` does.

    The call is recorded if a node is among the arguments. Parameters are SciPy's.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> from memograd.scipy import linalg
    >>> b = mg.Tape().leaf([8.0, 18.0])
    >>> x = linalg.cho_solve((np.diag([2.0, 3.0]), True), b)
    >>> x.value, mg.grad(np.sum(x), b).round(4)
    (array([2., 2.]), array([0.25  , 0.1111]))
    """
    c, lower = c_and_lower
    c, b = stack_lists((c, b))
    if not (isinstance(c, Node) or isinstance(b, Node)):
        return _linalg.cho_solve(c_and_lower, b, overwrite_b, check_finite)
    first, second = ("N", "C") if lower else ("C", "N")
    return solve_triangular(c, solve_triangular(c, b, first, lower), second, lower)


READ: dict[str | None, Callable[[Any, Any], Any]] = {
    "gen": lambda a, lower: a,
    "upper triangular": lambda a, lower: np.triu(a),
    "lower triangular": lambda a, lower: np.tril(a),
    "sym": lambda a, lower: (
        np.tril(a) + mT(np.tril(a, -1)) if lower else np.triu(a) + mT(np.triu(a, 1))
    ),
    "her": lambda a, lower: (
        np.tril(a) + np.conj(mT(np.tril(a, -1)))
        if lower
        else np.triu(a) + np.conj(mT(np.triu(a, 1)))
    ),
}
"""For each structure that `assume_a` names, the matrix that is solved with."""
READ |= {
    None: READ["gen"],
    "general": READ["gen"],
    "symmetric": READ["sym"],
    "hermitian": READ["her"],
    "pos": READ["her"],
}
READ |= {"positive definite": READ["her"]}


def solve(
    a: Any, b: Any, lower: bool = False, overwrite_a: bool = False, overwrite_b: bool = False,
    check_finite: bool = True, assume_a: str | None = None, transposed: bool = False,
) -> Any:  # fmt: skip
    """Solve a system of linear equations as ``scipy.linalg.solve`` does.

    The call is recorded if a node is among the arguments. Parameters are SciPy's. Values of
    `assume_a` for banded matrices are refused for nodes.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> from memograd.scipy import linalg
    >>> b = mg.Tape().leaf([2.0, 5.0])
    >>> mg.grad(np.sum(linalg.solve(np.array([[1.0, 0.0], [0.0, 4.0]]), b)), b)
    array([1.  , 0.25])
    """
    a, b = stack_lists((a, b))
    if not (isinstance(a, Node) or isinstance(b, Node)):
        return _linalg.solve(
            a, b, lower, overwrite_a, overwrite_b, check_finite, assume_a, transposed
        )
    if assume_a not in READ:
        raise NoRuleError(
            f"solve was called with assume_a={assume_a!r}, which memograd does not record. "
            f"Leave it out."
        )
    m = READ[assume_a](a, lower)
    return np.linalg.solve(mT(m) if transposed else m, b)


# special matrices


def block_diag(*arrs: Any) -> Any:
    """Return a block diagonal matrix as ``scipy.linalg.block_diag`` does.

    The call is recorded if a node is among the matrices.

    Examples
    --------
    >>> import memograd as mg
    >>> from memograd.scipy import linalg
    >>> a = mg.Tape().leaf(2.0)
    >>> linalg.block_diag(a, [[1.0, a.value]]).value
    array([[2., 0., 0.],
           [0., 1., 2.]])
    """
    arrs = stack_lists(arrs)
    if not any(isinstance(a, Node) for a in arrs):
        return _linalg.block_diag(*arrs)
    blocks: list[Any] = [a if isinstance(a, Node) else as_input(a) for a in arrs]
    blocks = [np.reshape(a, (1, 1, *a.shape)[-2:]) if len(a.shape) < 2 else a for a in blocks]
    widths = [a.shape[-1] for a in blocks]
    rows = []
    for k, a in enumerate(blocks):
        left, right = (np.zeros((a.shape[-2], sum(some))) for some in (widths[:k], widths[k + 1 :]))
        rows.append(np.concatenate([left, a, right], 1))
    return np.concatenate(rows, 0)


def toeplitz(c: Any, r: Any = None) -> Any:
    """Return the Toeplitz matrix of a column and a row as ``scipy.linalg.toeplitz`` does.

    The call is recorded if a node is among the arguments.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> from memograd.scipy import linalg
    >>> c = mg.Tape().leaf([1.0, 2.0, 3.0])
    >>> mg.grad(np.sum(linalg.toeplitz(c)), c)
    array([3., 4., 2.])
    """
    c, r = stack_lists((c, r))
    if not (isinstance(c, Node) or isinstance(r, Node)):
        return _linalg.toeplitz(c, r)
    c = np.ravel(c)
    r = np.conj(c) if r is None else np.ravel(r)
    i, j = np.ogrid[: c.shape[0], : r.shape[0]]
    return np.concatenate([np.flip(c), r[1:]])[c.shape[0] - 1 - i + j]
