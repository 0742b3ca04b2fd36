"""Random programs made of the registered ops, against JAX in float64: values, gradients, forward products, Hessian products.

``python tests/long/differential.py --count 2000 --seed 7``. Every program is made from (seed, number), so that one can be run again by
``--only number``. A disagreement is reported with the shortest beginning of the program that shows it, unless the point is
at a kink (a tie, a zero of `abs` or of a norm, a repeated eigenvalue), where the two libraries' conventions may differ.
"""

import argparse
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import scipy.special

import memograd as mg
from memograd.errors import NoRuleError

SEED = 20160321
SHAPES = [(), (2,), (3,), (6,), (1, 3), (2, 1), (2, 3), (3, 2), (3, 3)]
"""What a value of a program may look like: few shapes, so that JAX compiles each of its kernels once."""

LARGEST, NEAR, TOLERANCE = 30.0, 1e-4, 1e-7


@dataclass(frozen=True)
class Op:
    """A step that a program may take: `f(lib, *operands)`, which operands it takes, and how far from a kink they are."""

    f: Callable[..., Any]
    arity: int
    takes: Callable[..., bool] = lambda *shapes: True
    kink: Callable[..., Any] = lambda *xs: np.inf


def gap(a: Any) -> Any:
    """The least distance between two elements of an array."""
    return np.min(np.diff(np.sort(np.ravel(a)))) if np.size(a) > 1 else np.inf


def least(a: Any) -> Any:
    """The least magnitude in an array."""
    return np.min(np.abs(a), initial=np.inf)


def singular_gap(a: Any) -> Any:
    """The least distance between singular values, or of one from zero."""
    return gap(np.append(np.linalg.svd(a, compute_uv=False), 0.0))


def some(*ndims: int) -> Callable[..., bool]:
    return lambda *shapes: all(len(s) in ndims for s in shapes)


def alike(*shapes: tuple[int, ...]) -> bool:
    return shapes[0] == shapes[1]


def broadcast(*shapes: tuple[int, ...]) -> bool:
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        return False
    return True


def square(*shapes: tuple[int, ...]) -> bool:
    return all(s == (3, 3) for s in shapes)


def definite(N: Any, a: Any) -> Any:
    """A symmetric matrix made of `a` whose eigenvalues are well apart from zero."""
    return N.matmul(a, N.transpose(a)) * 0.1 + np.diag([1.0, 2.0, 3.5])


def regular(N: Any, a: Any) -> Any:
    """A matrix made of `a` that has a good inverse."""
    return N.tanh(a) * 0.4 + np.diag([2.0, 1.0, -1.5])


positive: Callable[[Any, Any], Any] = lambda N, a: 1.5 + N.sin(a)  # noqa: E731
ARRAY, MATRIX = some(1, 2), some(2)

SMOOTH = {
    name: Op(f, 1)
    for name, f in {
        "sin": lambda L, a: L.np.sin(a),
        "cos": lambda L, a: L.np.cos(a),
        "tan": lambda L, a: L.np.tan(0.5 * L.np.tanh(a)),
        "arcsin": lambda L, a: L.np.arcsin(0.8 * L.np.sin(a)),
        "arccos": lambda L, a: L.np.arccos(0.8 * L.np.sin(a)),
        "arctan": lambda L, a: L.np.arctan(a),
        "sinh": lambda L, a: L.np.sinh(L.np.tanh(a)),
        "cosh": lambda L, a: L.np.cosh(L.np.tanh(a)),
        "tanh": lambda L, a: L.np.tanh(a),
        "arcsinh": lambda L, a: L.np.arcsinh(a),
        "arccosh": lambda L, a: L.np.arccosh(1.0 + positive(L.np, a)),
        "arctanh": lambda L, a: L.np.arctanh(0.7 * L.np.sin(a)),
        "exp": lambda L, a: L.np.exp(L.np.tanh(a)),
        "exp2": lambda L, a: L.np.exp2(L.np.tanh(a)),
        "expm1": lambda L, a: L.np.expm1(L.np.tanh(a)),
        "log": lambda L, a: L.np.log(positive(L.np, a)),
        "log2": lambda L, a: L.np.log2(positive(L.np, a)),
        "log10": lambda L, a: L.np.log10(positive(L.np, a)),
        "log1p": lambda L, a: L.np.log1p(positive(L.np, a)),
        "sqrt": lambda L, a: L.np.sqrt(positive(L.np, a)),
        "cbrt": lambda L, a: L.np.cbrt(positive(L.np, a)),
        "square": lambda L, a: L.np.square(L.np.tanh(a)),
        "cube": lambda L, a: L.np.tanh(a) ** 3,
        "reciprocal": lambda L, a: L.np.reciprocal(positive(L.np, a)),
        "negative": lambda L, a: -a,
        "deg2rad": lambda L, a: L.np.deg2rad(a * 20.0),
        "rad2deg": lambda L, a: L.np.rad2deg(a * 0.05),
        "scale": lambda L, a: 0.7 * a + 0.2,
        "rsub": lambda L, a: 1.0 - a,
        "sinc": lambda L, a: L.np.sinc(a),
        "i0": lambda L, a: L.np.i0(0.5 + positive(L.np, a)),
        "nan_to_num": lambda L, a: L.np.nan_to_num(a),
        "expit": lambda L, a: L.special.expit(a),
        "erf": lambda L, a: L.special.erf(a),
        "erfc": lambda L, a: L.special.erfc(a),
        "erfinv": lambda L, a: L.special.erfinv(0.8 * L.np.sin(a)),
        "gammaln": lambda L, a: L.special.gammaln(positive(L.np, a)),
        "digamma": lambda L, a: L.special.digamma(positive(L.np, a)),
        "ndtr": lambda L, a: L.special.ndtr(a),
        "log_ndtr": lambda L, a: L.special.log_ndtr(a),
        "logit": lambda L, a: L.special.logit(0.5 + 0.4 * L.np.sin(a)),
        "entr": lambda L, a: L.special.entr(positive(L.np, a)),
        "i1e": lambda L, a: L.special.i1e(positive(L.np, a)),
        "real of fft": lambda L, a: L.np.real(L.np.fft.fft(L.np.ravel(a))),
        "power of fft": lambda L, a: L.np.log1p(L.np.abs(L.np.fft.fft(L.np.ravel(a))) ** 2),
        "rfft there and back": lambda L, a: L.np.fft.irfft(
            L.np.fft.rfft(L.np.ravel(a)) * (1 - 0.5j), n=3
        ),
    }.items()
}
BINARY = {
    name: Op(f, 2, broadcast)
    for name, f in {
        "add": lambda L, a, b: a + b,
        "subtract": lambda L, a, b: a - b,
        "multiply": lambda L, a, b: L.np.tanh(a) * b,
        "divide": lambda L, a, b: a / (2.0 + L.np.cos(b)),
        "power": lambda L, a, b: L.np.power(positive(L.np, a), L.np.tanh(b)),
        "float_power": lambda L, a, b: L.np.float_power(positive(L.np, a), L.np.tanh(b)),
        "arctan2": lambda L, a, b: L.np.arctan2(a, positive(L.np, b)),
        "hypot": lambda L, a, b: L.np.hypot(a, positive(L.np, b)),
        "logaddexp": lambda L, a, b: L.np.logaddexp(a, b),
        "logaddexp2": lambda L, a, b: L.np.logaddexp2(a, b),
        "where": lambda L, a, b: L.np.where(L.np.greater(a, 0.1), a, b),
        "copysign": lambda L, a, b: L.np.copysign(L.np.sin(a), b),
        "xlogy": lambda L, a, b: L.special.xlogy(a, positive(L.np, b)),
        "xlog1py": lambda L, a, b: L.special.xlog1py(a, positive(L.np, b)),
        "betaln": lambda L, a, b: L.special.betaln(positive(L.np, a), positive(L.np, b)),
        "rel_entr": lambda L, a, b: L.special.rel_entr(positive(L.np, a), positive(L.np, b)),
    }.items()
}
BINARY["where"] = Op(BINARY["where"].f, 2, broadcast, lambda a, b: least(a - 0.1))
BINARY["copysign"] = Op(
    BINARY["copysign"].f, 2, broadcast, lambda a, b: min(least(np.sin(a)), least(b))
)

KINKED = {
    "abs": Op(lambda L, a: L.np.abs(a), 1, kink=least),
    "fabs": Op(lambda L, a: L.np.fabs(a), 1, kink=least),
    "relu": Op(lambda L, a: L.np.maximum(a, 0.0), 1, kink=least),
    "clip": Op(lambda L, a: L.np.clip(a, -0.5, 0.7), 1, kink=lambda a: min(least(a + 0.5), least(a - 0.7))),
    "max": Op(lambda L, a: L.np.max(a), 1, kink=gap),
    "max of rows": Op(lambda L, a: L.np.max(a, axis=-1), 1, ARRAY, gap),
    "min of columns": Op(lambda L, a: L.np.min(a, axis=0, keepdims=True), 1, ARRAY, gap),
    "ptp": Op(lambda L, a: L.np.ptp(a), 1, ARRAY, gap),
    "sort": Op(lambda L, a: L.np.sort(a), 1, ARRAY, gap),
    "sort of columns": Op(lambda L, a: L.np.sort(a, axis=0), 1, MATRIX, gap),
    "median": Op(lambda L, a: L.np.median(a), 1, kink=gap),
    "median of rows": Op(lambda L, a: L.np.median(a, axis=-1), 1, ARRAY, gap),
    "quantile": Op(lambda L, a: L.np.quantile(a, 0.3), 1, kink=gap),
    "percentile": Op(lambda L, a: L.np.percentile(a, 60.0, axis=0), 1, ARRAY, gap),
    "maximum": Op(lambda L, a, b: L.np.maximum(a, b), 2, broadcast, lambda a, b: least(a - b)),
    "minimum": Op(lambda L, a, b: L.np.minimum(a, b), 2, broadcast, lambda a, b: least(a - b)),
    "fmax": Op(lambda L, a, b: L.np.fmax(a, b), 2, broadcast, lambda a, b: least(a - b)),
    "remainder": Op(lambda L, a, b: L.np.remainder(a, positive(L.np, b)), 2, broadcast,
                    lambda a, b: least(a / positive(np, b) - np.rint(a / positive(np, b)))),
    "fmod": Op(lambda L, a, b: L.np.fmod(a, positive(L.np, b)), 2, broadcast,
               lambda a, b: least(a / positive(np, b) - np.rint(a / positive(np, b)))),
    "norm": Op(lambda L, a: L.np.linalg.norm(a), 1, ARRAY, lambda a: np.linalg.norm(a)),
    "norm of rows": Op(lambda L, a: L.np.linalg.norm(a, axis=-1), 1, ARRAY, lambda a: least(np.linalg.norm(a, axis=-1))),
    "norm 1": Op(lambda L, a: L.np.linalg.norm(a, 1), 1, some(1), least),
    "norm inf": Op(lambda L, a: L.np.linalg.norm(a, np.inf), 1, some(1), lambda a: gap(np.append(np.abs(a), 0.0))),
    "norm 3": Op(lambda L, a: L.np.linalg.norm(a, 3), 1, some(1), least),
    "nuclear norm": Op(lambda L, a: L.np.linalg.norm(a, "nuc"), 1, square, singular_gap),
    "spectral norm": Op(lambda L, a: L.np.linalg.norm(a, 2), 1, square, singular_gap),
    "std": Op(lambda L, a: L.np.std(a), 1, ARRAY, np.std),
    "std of rows": Op(lambda L, a: L.np.std(a, axis=-1, keepdims=True), 1, some(2), lambda a: least(np.std(a, axis=-1))),
    "interp": Op(lambda L, a: L.np.interp(a, np.array([-1.0, 0.2, 1.5]), np.array([0.3, -0.4, 0.9])), 1,
                 kink=lambda a: min(least(a + 1), least(a - 0.2), least(a - 1.5))),
    "unwrap": Op(lambda L, a: L.np.unwrap(a * 3), 1, some(1), lambda a: least(np.abs(np.diff(a * 3)) % (2 * np.pi) - np.pi)),
}  # fmt: skip
REDUCED = {
    "sum": Op(lambda L, a: L.np.sum(a) * 0.2, 1),
    "sum of rows": Op(lambda L, a: L.np.sum(a, axis=-1), 1, ARRAY),
    "mean": Op(lambda L, a: L.np.mean(a), 1),
    "mean of columns": Op(lambda L, a: L.np.mean(a, axis=0, keepdims=True), 1, ARRAY),
    "prod": Op(lambda L, a: L.np.prod(a), 1),
    "prod of rows": Op(lambda L, a: L.np.prod(a, axis=-1, keepdims=True), 1, ARRAY),
    "var": Op(lambda L, a: L.np.var(a), 1),
    "var of columns": Op(
        lambda L, a: L.np.var(a, axis=0, ddof=1), 1, lambda s: len(s) > 0 and s[0] > 1
    ),
    "cumsum": Op(lambda L, a: L.np.cumsum(a, axis=0), 1, ARRAY),
    "cumprod": Op(lambda L, a: L.np.cumprod(a, axis=-1), 1, ARRAY),
    "diff": Op(lambda L, a: L.np.diff(a), 1, some(1)),
    "ediff1d": Op(lambda L, a: L.np.ediff1d(a), 1, some(1)),
    "gradient": Op(lambda L, a: L.np.gradient(a), 1, lambda s: len(s) == 1 and s[0] > 1),
    "trapezoid": Op(lambda L, a: L.np.trapezoid(a, dx=0.5), 1, ARRAY),
    "average": Op(
        lambda L, a: L.np.average(a, axis=0, weights=np.arange(1.0, 1.0 + a.shape[0])), 1, ARRAY
    ),
    "cov": Op(lambda L, a: L.np.cov(a), 1, some(2)),
    "nansum": Op(lambda L, a: L.np.nansum(a, axis=-1), 1, ARRAY),
    "nanmean": Op(lambda L, a: L.np.nanmean(a), 1),
    "nanvar": Op(lambda L, a: L.np.nanvar(a), 1),
    "nancumsum": Op(lambda L, a: L.np.nancumsum(a, axis=-1), 1, ARRAY),
    "nanprod": Op(lambda L, a: L.np.nanprod(a), 1),
}
SHAPED = {
    "reshape": Op(lambda L, a: L.np.reshape(a, -1), 1),
    "reshape 3 2": Op(lambda L, a: L.np.reshape(a, (3, 2)), 1, lambda s: np.prod(s) == 6),
    "reshape F": Op(lambda L, a: L.np.reshape(a, (2, 3), order="F"), 1, lambda s: np.prod(s) == 6),
    "transpose": Op(lambda L, a: L.np.transpose(a), 1),
    "swapaxes": Op(lambda L, a: L.np.swapaxes(a, 0, -1), 1, ARRAY),
    "moveaxis": Op(lambda L, a: L.np.moveaxis(a, 0, -1), 1, ARRAY),
    "flip": Op(lambda L, a: L.np.flip(a), 1),
    "roll": Op(lambda L, a: L.np.roll(a, 1), 1),
    "rot90": Op(lambda L, a: L.np.rot90(a), 1, MATRIX),
    "tile": Op(lambda L, a: L.np.tile(a, 2), 1, some(0, 1)),
    "repeat": Op(lambda L, a: L.np.repeat(a, 2), 1, some(0, 1)),
    "broadcast": Op(
        lambda L, a: L.np.broadcast_to(a, (2, 3)),
        1,
        lambda s: s in [(), (3,), (1, 3), (2, 1), (2, 3)],
    ),
    "tril": Op(lambda L, a: L.np.tril(a), 1, MATRIX),
    "triu": Op(lambda L, a: L.np.triu(a, 1), 1, MATRIX),
    "diag": Op(lambda L, a: L.np.diag(a), 1, ARRAY),
    "diagonal": Op(lambda L, a: L.np.diagonal(a), 1, MATRIX),
    "trace": Op(lambda L, a: L.np.trace(a), 1, MATRIX),
    "pad": Op(lambda L, a: L.np.pad(a, (0, 1)), 1, some(1)),
    "pad edge": Op(lambda L, a: L.np.pad(a, (1, 0), mode="edge"), 1, some(1)),
    "squeeze": Op(lambda L, a: L.np.squeeze(a), 1),
    "expand": Op(lambda L, a: L.np.expand_dims(a, 0), 1, some(1)),
    "first": Op(lambda L, a: a[0], 1, ARRAY),
    "last column": Op(lambda L, a: a[..., -1], 1, ARRAY),
    "backwards": Op(lambda L, a: a[::-1], 1, ARRAY),
    "new axis": Op(lambda L, a: a[:, None], 1, some(1)),
    "gather": Op(lambda L, a: a[np.array([0, 1, 1])], 1, lambda s: len(s) > 0 and s[0] > 1),
    "take": Op(lambda L, a: L.np.take(a, np.array([0, -1, 0]), axis=0), 1, ARRAY),
    "take along": Op(
        lambda L, a: L.np.take_along_axis(a, np.array([[1], [0]]), axis=1),
        1,
        lambda s: s in [(2, 3)],
    ),
    "insert": Op(lambda L, a: L.np.insert(a, 1, 0.3), 1, some(1)),
    "delete": Op(lambda L, a: L.np.delete(a, 0), 1, lambda s: len(s) == 1 and s[0] > 2),
    "set": Op(lambda L, a: a.at[0].set(0.5), 1, ARRAY),
    "add at": Op(lambda L, a: a.at[np.array([0, 0])].add(0.5), 1, ARRAY),
    "multiply at": Op(lambda L, a: a.at[0].multiply(1.5), 1, ARRAY),
    "split": Op(
        lambda L, a: L.np.sin(L.np.split(a, 2)[0]) * L.np.split(a, 2)[1],
        1,
        lambda s: len(s) > 0 and s[0] % 2 == 0,
    ),
    "vander": Op(lambda L, a: L.np.vander(L.np.tanh(a), 3), 1, some(1)),
    "concatenate": Op(
        lambda L, a, b: L.np.concatenate([a, b]),
        2,
        lambda s, t: len(s) == len(t) > 0 and s[1:] == t[1:],
    ),
    "stack": Op(lambda L, a, b: L.np.stack([a, b]), 2, alike),
    "append": Op(lambda L, a, b: L.np.append(a, b), 2),
    "shared": Op(lambda L, a, b: L.np.sum(L.np.stack([a, b, a]), axis=0), 2, alike),
}
PRODUCTS = {
    "matmul": Op(lambda L, a, b: L.np.matmul(a, b) * 0.3, 2, lambda s, t: s and t and s[-1] == t[-2 if len(t) > 1 else 0]),
    "dot": Op(lambda L, a, b: L.np.dot(a, b) * 0.3, 2, lambda s, t: not s or not t or s[-1] == t[-2 if len(t) > 1 else 0]),
    "inner": Op(lambda L, a, b: L.np.inner(a, b) * 0.3, 2, lambda s, t: not s or not t or s[-1] == t[-1]),
    "outer": Op(lambda L, a, b: L.np.outer(a, b) * 0.3, 2),
    "vdot": Op(lambda L, a, b: L.np.vdot(a, b) * 0.3, 2, lambda s, t: np.prod(s) == np.prod(t)),
    "vecdot": Op(lambda L, a, b: L.np.vecdot(a, b) * 0.3, 2, lambda s, t: s and s == t),
    "tensordot": Op(lambda L, a, b: L.np.tensordot(a, b, axes=1) * 0.3, 2, lambda s, t: s and t and s[-1] == t[0]),
    "einsum": Op(lambda L, a, b: L.np.einsum("ij,kj->ik", a, b) * 0.3, 2, lambda s, t: len(s) == len(t) == 2 and s[1] == t[1]),
    "einsum trace": Op(lambda L, a: L.np.einsum("ii", a), 1, square),
    "kron": Op(lambda L, a, b: L.np.kron(a, b) * 0.3, 2, some(1)),
    "cross": Op(lambda L, a, b: L.np.cross(a, b), 2, lambda s, t: s == t and s and s[-1] == 3),
    "convolve": Op(lambda L, a, b: L.np.convolve(a, b), 2, some(1)),
    "correlate": Op(lambda L, a, b: L.np.correlate(a, b, mode="same"), 2, lambda s, t: len(s) == len(t) == 1 and s[0] >= t[0]),
    "inv": Op(lambda L, a: L.np.linalg.inv(regular(L.np, a)), 1, square),
    "solve": Op(lambda L, a, b: L.np.linalg.solve(regular(L.np, a), b), 2, lambda s, t: s == (3, 3) and t in [(3,), (3, 3), (3, 2)]),
    "det": Op(lambda L, a: L.np.linalg.det(a), 1, square),
    "slogdet": Op(lambda L, a: L.np.linalg.slogdet(regular(L.np, a))[1], 1, square),
    "cholesky": Op(lambda L, a: L.np.linalg.cholesky(definite(L.np, a)), 1, square),
    "eigvalsh": Op(lambda L, a: L.np.linalg.eigvalsh(definite(L.np, a)), 1, square, lambda a: gap(np.linalg.eigvalsh(definite(np, a)))),
    "eigh": Op(lambda L, a: L.np.abs(L.np.linalg.eigh(definite(L.np, a))[1]) ** 2, 1, square,
               lambda a: gap(np.linalg.eigvalsh(definite(np, a)))),
    "svdvals": Op(lambda L, a: L.np.linalg.svd(regular(L.np, a), compute_uv=False), 1, square,
                  lambda a: gap(np.linalg.svd(regular(np, a), compute_uv=False))),
    "qr": Op(lambda L, a: L.np.abs(L.np.linalg.qr(regular(L.np, a))[1]), 1, square,
             lambda a: least(np.linalg.qr(regular(np, a))[1][np.triu_indices(3)])),
    "pinv": Op(lambda L, a: L.np.linalg.pinv(regular(L.np, a)), 1, square),
    "matrix power": Op(lambda L, a: L.np.linalg.matrix_power(regular(L.np, a), 3) * 0.2, 1, square),
    "multi dot": Op(lambda L, a, b: L.np.linalg.multi_dot([a, b, a]) * 0.1, 2, square),
}  # fmt: skip
OPS = SMOOTH | BINARY | KINKED | REDUCED | SHAPED | PRODUCTS
FAMILIES = [SMOOTH, BINARY, BINARY, KINKED, REDUCED, SHAPED, PRODUCTS, PRODUCTS]

NUMPY = SimpleNamespace(np=np, special=scipy.special)


@dataclass(frozen=True)
class Program:
    """Leaves, then steps: an op's name and the positions of its operands; the result is the last values, put together."""

    leaves: tuple[Any, ...]
    steps: tuple[tuple[str, tuple[int, ...]], ...]
    outputs: int

    def run(self, L: Any, leaves: Any) -> Any:
        made = list(leaves)
        for name, operands in self.steps:
            made.append(OPS[name].f(L, *(made[k] for k in operands)))
        return L.np.concatenate([L.np.ravel(y) for y in made[-self.outputs :]])

    def beginnings(self) -> list["Program"]:
        """The first steps alone, one more each time, with the last value for a result."""
        return [Program(self.leaves, self.steps[:n], 1) for n in range(1, len(self.steps) + 1)]

    def kink(self) -> float:
        """How far the program's point is from the nearest kink on the way."""
        made, nearest = list(self.leaves), np.inf
        for name, operands in self.steps:
            xs = [made[k] for k in operands]
            nearest = min(nearest, float(OPS[name].kink(*xs)))
            made.append(computed(name, xs))
        return nearest

    def __str__(self) -> str:
        lines = [f"x{k} = {leaf.tolist()}" for k, leaf in enumerate(self.leaves)]
        steps = [
            f"x{len(self.leaves) + k} = {name}({', '.join(f'x{i}' for i in ks)})"
            for k, (name, ks) in enumerate(self.steps)
        ]
        return "\n".join(lines + steps)


class Indexed:
    """`x.at` of an array of NumPy's, for the plain run of a program."""

    def __init__(self, x: Any, key: Any = None) -> None:
        self.x, self.key = x, key

    def __getitem__(self, key: Any) -> "Indexed":
        return Indexed(self.x, key)

    def set(self, v: Any) -> Any:
        y = np.array(self.x)
        y[self.key] = v
        return y

    def add(self, v: Any) -> Any:
        y = np.array(self.x)
        np.add.at(y, self.key, v)
        return y

    def multiply(self, v: Any) -> Any:
        return self.set(self.x[self.key] * v)


class Plain(np.ndarray):
    """A NumPy array with `at`."""

    @property
    def at(self) -> Indexed:
        return Indexed(np.asarray(self))


def computed(name: str, xs: list[Any]) -> Any:
    """A step on plain arrays."""
    return np.asarray(
        OPS[name].f(
            NUMPY, *(np.asarray(x).view(Plain) if "at" in name or name == "set" else x for x in xs)
        )
    )[()]


def acceptable(y: Any) -> bool:
    return (
        y.dtype == np.float64
        and np.shape(y) in SHAPES
        and bool(np.all(np.isfinite(y)))
        and float(np.max(np.abs(y))) < LARGEST
    )


def made_of(rng: np.random.Generator, families: list[dict[str, Op]]) -> Program:
    """A random program: two to four leaves, three to eight steps."""
    leaves = [
        np.asarray(rng.normal(size=SHAPES[rng.integers(len(SHAPES))]))[()]
        for _ in range(rng.integers(2, 5))
    ]
    made, steps = list(leaves), []
    wanted = rng.integers(3, 9)
    while len(steps) < wanted:
        family = families[rng.integers(len(families))]
        name = list(family)[rng.integers(len(family))]
        operands = tuple(int(k) for k in rng.integers(len(made), size=family[name].arity))
        xs = [made[k] for k in operands]
        if not family[name].takes(*map(np.shape, xs)):
            continue
        y = computed(name, xs)
        if acceptable(y):
            made.append(y)
            steps.append((name, operands))
    return Program(tuple(leaves), tuple(steps), int(rng.integers(1, 4)))


# ------------------------------------------------------------------------------------------------------ two libraries

Answers = dict[str, Any]


def tangents_of(program: Program) -> list[Any]:
    rng = np.random.default_rng(SEED)
    return [rng.normal(size=np.shape(leaf))[()] for leaf in program.leaves]


def weights_of(size: int) -> Any:
    return np.cos(1.0 + np.arange(size))


def by_memograd(program: Program) -> Answers:
    """What memograd says of a program."""
    primals, tangents = list(program.leaves), tangents_of(program)

    def f(*xs: Any) -> Any:
        return program.run(NUMPY, xs)

    def loss(*xs: Any) -> Any:
        y = f(*xs)
        return np.sum(weights_of(y.size) * y)

    every = tuple(range(len(primals)))
    value, gradient = mg.functional.value_and_grad(loss, every)(*primals)
    _, tangent = mg.functional.jvp(f, primals, tangents)
    return {
        "value": [value],
        "gradient": gradient,
        "forward product": [tangent],
        "Hessian product": mg.functional.hvp(loss, primals, tangents),
    }


def jax_library() -> tuple[Any, Any]:
    """JAX on the processor, in double precision, and its counterpart of `NUMPY`.

    Without its compiler for whole functions: that would take ten times longer than running a program once.
    """
    import jax

    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_disable_jit", True)
    return jax, SimpleNamespace(np=jax.numpy, special=jax.scipy.special)


def by_jax(program: Program, jax: Any, library: Any) -> Answers:
    """What JAX says of it, all in one forward pass over one reverse pass."""

    def loss(*xs: Any) -> Any:
        y = program.run(library, xs)
        return library.np.sum(weights_of(y.size) * y), y

    gradient_of = jax.value_and_grad(loss, argnums=tuple(range(len(program.leaves))), has_aux=True)
    primals, tangents = [
        [library.np.asarray(x) for x in xs] for xs in (program.leaves, tangents_of(program))
    ]
    ((value, _), gradient), ((_, tangent), product) = jax.jvp(gradient_of, primals, tangents)
    return {
        "value": [value],
        "gradient": gradient,
        "forward product": [tangent],
        "Hessian product": product,
    }


def differing(ours: Answers, theirs: Answers) -> list[str]:
    """Which of the four disagree, with the first numbers that do."""
    found = []
    for what in ours:
        for k, (a, b) in enumerate(zip(ours[what], theirs[what], strict=True)):
            a, b = np.asarray(a), np.asarray(b)
            close = np.abs(a - b) <= TOLERANCE * max(1.0, float(np.max(np.abs(b), initial=0.0)))
            if a.shape != b.shape or not np.all(close | (np.isnan(a) & np.isnan(b))):
                found.append(f"{what} {k}: memograd {a.tolist()}, JAX {b.tolist()}")
                break
    return found


def verdict(program: Program, jax: Any, library: Any) -> tuple[str, str]:
    """How a program went: `agrees`, `kink`, `JAX refuses` or `DISAGREES`; and what there is to say."""
    try:
        theirs = by_jax(program, jax, library)
    except NotImplementedError as error:
        return "JAX refuses", str(error).splitlines()[0]
    found = differing(by_memograd(program), theirs)
    if not found:
        return "agrees", ""
    return ("kink" if program.kink() < NEAR else "DISAGREES"), "\n".join(found)


def shortest(program: Program, jax: Any, library: Any) -> tuple[Program, str]:
    """The first beginning of a program that disagrees too, or the whole."""
    for part in program.beginnings():
        ending, text = verdict(part, jax, library)
        if ending == "DISAGREES":
            return part, text
    return program, verdict(program, jax, library)[1]


def missing(jax: Any, library: Any) -> dict[str, str]:
    """The steps that memograd or JAX lacks, with the reason."""
    found = {}
    for name, op in OPS.items():
        rng = np.random.default_rng(SEED)
        shapes = next(
            ss
            for ss in ((s, t)[: op.arity] for s in reversed(SHAPES) for t in reversed(SHAPES))
            if op.takes(*ss)
        )
        xs = [np.asarray(rng.normal(size=s))[()] for s in shapes]
        try:
            mg.functional.grad(lambda *ys, op=op: np.sum(op.f(NUMPY, *ys)))(*xs)
            op.f(library, *map(library.np.asarray, xs))
        except (NoRuleError, AttributeError, NotImplementedError, TypeError) as error:
            found[name] = f"{type(error).__name__}: {error}"[:160]
    return found


def main(argv: list[str] | None = None) -> int:
    """Run the programs and print the tally; the exit status says whether any disagreed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=150, help="how many programs")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--only", type=int, help="the number of one program")
    args = parser.parse_args(argv)
    warnings.simplefilter("ignore")
    jax, library = jax_library()
    lacking = missing(jax, library)
    print(f"seed {args.seed}; left out: {', '.join(lacking) or 'nothing'}")
    for name, why in lacking.items():
        print(f"    {name}: {why}")
    families = [
        {name: op for name, op in family.items() if name not in lacking} for family in FAMILIES
    ]
    tally, steps, start = Counter[str](), Counter[str](), time.perf_counter()
    for number in [args.only] if args.only is not None else range(args.count):
        program = made_of(np.random.default_rng([args.seed, number]), families)
        ending, text = verdict(program, jax, library)
        tally[ending] += 1
        steps.update(name for name, _ in program.steps)
        if number % 1000 == 999:
            print(
                f"{number + 1} programs, {time.perf_counter() - start:.0f} s: {dict(tally)}",
                flush=True,
            )
        if ending == "DISAGREES":
            part, text = shortest(program, jax, library)
            print(f"\nprogram {number}, kink at {part.kink():.1e}:\n{part}\n{text}", flush=True)
    print(
        f"\n{dict(tally)} in {time.perf_counter() - start:.0f} s; {len(steps)} ops, each in at least {min(steps.values())} steps"
    )
    return 1 if tally["DISAGREES"] else 0


if __name__ == "__main__":
    sys.exit(main())
