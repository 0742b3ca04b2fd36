"""The accuracy of every elementwise derivative: first and second order, float64 and float32, against mpmath in 50 digits.

``python tests/accuracy/sweep.py`` compares, with references from tests/support/data/accuracy.json, prints what misses its bound, and writes
the table examples/accuracy.md with --write. With --update it computes references that are missing, --renew "name" those of a case.
"""

import argparse
import json
import sys
import warnings
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from numpy_cases import CASES as OF_NUMPY  # noqa: E402
from points import Case  # noqa: E402
from special_cases import CASES as OF_SPECIAL  # noqa: E402

import memograd as mg  # noqa: E402
from memograd.errors import NoRuleError  # noqa: E402

CACHE = HERE.parent / "support" / "data" / "accuracy.json"
CASES = [*OF_NUMPY, *OF_SPECIAL]
DTYPES = (np.float64, np.float32)
TOLERANCE = {np.float64: 1e-12, np.float32: 1e-5}
References = dict[str, dict[str, dict[str, list[float]]]]


def key_of(args: Any) -> str:
    """Return the arguments as text."""
    return " ".join(map(repr, args))


def compute(case: Case, known: dict[str, Any]) -> None:
    """Add the references that are missing."""
    import mpmath
    from high_precision import DIGITS, NoReferenceError, derivatives
    from mpmath import mp

    for args in product(*case.columns):
        if key_of(args) in known:
            continue
        with mp.workdps(DIGITS):
            try:
                known[key_of(args)] = {k: [float(f"{a:.17g}"), float(f"{b:.3g}")] for k, (a, b) in derivatives(case, args).items()}
            except (NoReferenceError, ArithmeticError, ValueError, NotImplementedError, mpmath.libmp.NoConvergence):
                known[key_of(args)] = {}


def evaluated(case: Case, dtype: Any, points: list[tuple[Any, ...]]) -> dict[str, Any]:
    """Return memograd's derivatives at all points at once, by the names that the references have."""
    columns = [np.array(c, dtype) for c in zip(*points, strict=True)]
    held = points[0]
    xs = [columns[k] for k in case.varied]
    whole = list(range(len(case.varied)))

    def total(*xs: Any) -> Any:
        args = list(held)
        for k, x in zip(case.varied, xs, strict=True):
            args[k] = x
        return np.sum(np.real(case.call(*args)))

    got = {}
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for k, d in zip(case.varied, mg.functional.grad(total, argnums=whole)(*xs), strict=True):
            got[str(k)] = d
        for j, k in enumerate(case.varied):
            second = mg.functional.grad(lambda *xs, j=j: np.sum(mg.functional.grad(total, argnums=j)(*xs)), argnums=whole)(*xs)
            for l, d in zip(case.varied, second, strict=True):  # noqa: E741
                got[f"{k}{l}"] = d
    return got


def groups(case: Case, dtype: Any) -> Iterator[list[tuple[Any, ...]]]:
    """The points, by the arguments that are held, without those that the dtype cannot hold."""
    held = [k for k in range(len(case.columns)) if k not in case.varied]
    for fixed in product(*(case.columns[k] for k in held)):
        points = []
        for moving in product(*(case.columns[k] for k in case.varied)):
            if dtype is np.float32 and any(abs(x) > 3e38 or float(np.float32(x)) != x for x in moving):
                continue
            args = dict(zip(held, fixed, strict=True)) | dict(zip(case.varied, moving, strict=True))
            points.append(tuple(args[k] for k in range(len(case.columns))))
        if points:
            yield points


def error(got: float, want: float, sensitivity: float, dtype: Any) -> float:
    """Return the error over |g| + Σ |xᵢ ∂g/∂xᵢ|; 0 where the true number leaves the range of the dtype and the answer does, too."""
    info = np.finfo(dtype)
    if not abs(want) < float(info.max) * (1 - 1e-6):
        return 0.0 if not np.isfinite(got) or abs(got) > float(info.max) * 0.99 else float("inf")
    if not np.isfinite(got):
        return float("inf") if sensitivity < float(info.max) else 0.0
    off = abs(float(got) - want)
    if off <= 2 * float(info.tiny):
        return 0.0
    scale = abs(want) + sensitivity
    return off / scale if scale else float("inf")


def deviations(case: Case, dtype: Any, known: dict[str, Any]) -> Iterator[tuple[str, tuple[Any, ...], float, float, float]]:
    """For each derivative at each point: its name, the point, what came out, the reference and the error."""
    for points in groups(case, dtype):
        got = evaluated(case, dtype, points)
        for j, args in enumerate(points):
            for k, d in got.items():
                for want, sensitivity in [known.get(key_of(args), {}).get(k) or known.get(key_of(args), {}).get(k[::-1]) or ()][
                    : 1 if known.get(key_of(args)) else 0
                ]:
                    yield k, args, float(d[j]), want, error(d[j], want, sensitivity, dtype)


def main(argv: Any = None) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--update", action="store_true")
    parser.add_argument("--renew", action="append", default=[])
    parser.add_argument("--only", default="")
    parser.add_argument("--top", type=int, default=2)
    options = parser.parse_args(argv)
    references: References = json.loads(CACHE.read_text()) if CACHE.exists() else {}
    import time

    seen = {}
    for case in CASES:
        seen[case.name] = seen.get(case.name, 0) + 1
        name = case.name + ("" if seen[case.name] == 1 else f" #{seen[case.name]}")
        if options.only and not any(part in name for part in options.only.split(",")):
            continue
        if name in options.renew:
            references.pop(name, None)
        t = time.time()
        print("...", name, flush=True)
        if options.update:
            compute(case, references.setdefault(name, {}))
            if time.time() - t > 0.05:
                CACHE.write_text(json.dumps(references))
            if time.time() - t > 3:
                print(
                    f"    {name}: {time.time() - t:.1f} s for references, {sum(not v for v in references[name].values())} without of {len(references[name])}",
                    flush=True,
                )
        for dtype in DTYPES:
            try:
                found = list(deviations(case, dtype, references.get(name, {})))
            except NoRuleError as e:
                print(f"{name} {dtype.__name__}: refused: {str(e)[:100]}")
                continue
            except Exception as e:
                print(f"{name} {dtype.__name__}: {type(e).__name__}: {str(e)[:200]}")
                continue
            if not found:
                print(f"{name} {dtype.__name__}: no references")
            for order in (1, 2):
                bad = sorted([f for f in found if len(f[0]) == order and not f[4] <= TOLERANCE[dtype]], key=lambda f: -f[4])
                if bad:
                    print(
                        f"{name} {dtype.__name__} order {order}: {len(bad)} of {sum(len(f[0]) == order for f in found)}",
                        *(f"   by {k} at {args}: {got:.10g}, not {want:.10g} ({e:.1e})" for k, args, got, want, e in bad[: options.top]),
                        sep="\n",
                        flush=True,
                    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
