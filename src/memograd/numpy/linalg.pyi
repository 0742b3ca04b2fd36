"""Types of :mod:`memograd.numpy.linalg`; see those of :mod:`memograd.numpy`."""

from collections.abc import Callable
from typing import Any

from numpy.linalg import LinAlgError as LinAlgError

from . import _NodeFunction

cholesky: _NodeFunction
cond: _NodeFunction
cross: _NodeFunction
det: _NodeFunction
diagonal: _NodeFunction
eig: Callable[..., Any]
eigh: Callable[..., Any]
eigvals: _NodeFunction
eigvalsh: _NodeFunction
inv: _NodeFunction
lstsq: Callable[..., Any]
matmul: _NodeFunction
matrix_norm: _NodeFunction
matrix_power: _NodeFunction
matrix_rank: _NodeFunction
matrix_transpose: _NodeFunction
multi_dot: _NodeFunction
norm: _NodeFunction
outer: _NodeFunction
pinv: _NodeFunction
qr: Callable[..., Any]
slogdet: Callable[..., Any]
solve: _NodeFunction
svd: Callable[..., Any]
svdvals: _NodeFunction
tensordot: _NodeFunction
tensorinv: _NodeFunction
tensorsolve: _NodeFunction
trace: _NodeFunction
vecdot: _NodeFunction
vector_norm: _NodeFunction
