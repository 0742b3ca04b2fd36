"""Accuracy of every elementwise derivative: first and second order against mpmath in 50 digits.

    python tests/long/accuracy.py              compare; exit 1 if a line misses its bound unlisted
    python tests/long/accuracy.py --write      write examples/accuracy.md and the list of misses
    python tests/long/accuracy.py --update     compute references that are missing
    python tests/long/accuracy.py --only name  only the functions whose names hold this text

The error of a derivative g is measured by |g| + Σ |xᵢ ∂g/∂xᵢ|: near a zero of g, and where the
problem itself is ill-conditioned, no more can be asked.
"""

import argparse
import gzip
import json
import sys
import warnings
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

TESTS = Path(__file__).parents[1]
sys.path.insert(0, str(TESTS / "support"))

from accuracy_numpy import CASES as OF_NUMPY  # noqa: E402
from accuracy_points import Case  # noqa: E402
from accuracy_shapes import CASES as OF_SHAPES  # noqa: E402
from accuracy_special import CASES as OF_SPECIAL  # noqa: E402

import memograd as mg  # noqa: E402
from memograd.errors import NoRuleError  # noqa: E402

CACHE = TESTS / "support" / "data" / "accuracy.json.gz"
KNOWN = TESTS / "support" / "data" / "accuracy_misses.json"
PAGE = TESTS.parent / "examples" / "accuracy.md"
TOLERANCE = {"float64": 1e-12, "float32": 1e-5}
NOISE = 1e-20
"""Size of a reference at 0 below which it is rounding noise of mpmath's differentiation."""
References = dict[str, dict[str, dict[str, list[float]]]]


class Deviation(NamedTuple):
    """Derivative at one point: by which arguments, the point, the result, the reference, the error."""

    by: str
    point: tuple[Any, ...]
    got: float
    want: float
    error: float


class Line(NamedTuple):
    """Line of the table: one function, dtype and order."""

    name: str
    dtype: str
    order: int
    points: int
    missed: int
    worst: float
    example: str

    @property
    def key(self) -> str:
        """Name of the line in the list of misses."""
        return f"{self.name} {self.dtype} order {self.order}"


def load_references() -> References:
    """Return the stored references."""
    references: References = (
        json.loads(gzip.decompress(CACHE.read_bytes())) if CACHE.exists() else {}
    )
    return references


def save_references(references: References) -> None:
    """Store the references, the same bytes for the same numbers."""
    text = json.dumps(references, separators=(",", ":")).encode()
    with CACHE.open("wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
        packed.write(text)


def named_cases() -> Iterator[tuple[str, Case]]:
    """Yield every case with a name of its own."""
    seen: dict[str, int] = {}
    for case in (*OF_NUMPY, *OF_SPECIAL, *OF_SHAPES):
        seen[case.name] = seen.get(case.name, 0) + 1
        yield case.name + (f" #{seen[case.name]}" if seen[case.name] > 1 else ""), case


def key_of(point: Any) -> str:
    """Return a point as text."""
    return " ".join(map(repr, point))


def add_references(case: Case, known: dict[str, Any]) -> None:
    """Compute the references of a case that are missing."""
    import mpmath
    from accuracy_references import DIGITS, NoReferenceError, derivatives
    from mpmath import mp

    failures = (
        NoReferenceError,
        ArithmeticError,
        ValueError,
        NotImplementedError,
        mpmath.libmp.NoConvergence,
    )
    for point in product(*case.columns):
        if key_of(point) not in known:
            with mp.workdps(DIGITS):
                try:
                    exact = derivatives(case, point)
                except failures:
                    exact = {}
            known[key_of(point)] = {
                k: [float(f"{a:.17g}"), float(f"{b:.3g}")] for k, (a, b) in exact.items()
            }


def evaluate(case: Case, dtype: str, points: list[tuple[Any, ...]]) -> dict[str, Any]:
    """Return memograd's derivatives at all points at once, by the arguments, as the references have them."""
    xs = [np.array([point[k] for point in points], dtype) for k in case.varied]
    every = list(range(len(case.varied)))

    def total(*xs: Any) -> Any:
        args = list(points[0])
        for k, x in zip(case.varied, xs, strict=True):
            args[k] = x
        return np.sum(np.real(case.call(*args)))

    got = {}
    with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
        for k, d in zip(case.varied, mg.functional.grad(total, argnums=every)(*xs), strict=True):
            got[str(k)] = d
        for j, k in enumerate(case.varied):
            slope = lambda *xs, j=j: np.sum(mg.functional.grad(total, argnums=j)(*xs))  # noqa: E731
            for other, d in zip(
                case.varied, mg.functional.grad(slope, argnums=every)(*xs), strict=True
            ):
                got[f"{k}{other}"] = d
    return got


def point_groups(case: Case, dtype: str) -> Iterator[list[tuple[Any, ...]]]:
    """Yield the points by the arguments that are not differentiated, without those that the dtype cannot hold."""
    held = [k for k in range(len(case.columns)) if k not in case.varied]
    for fixed in product(*(case.columns[k] for k in held)):
        points = []
        for moving in product(*(case.columns[k] for k in case.varied)):
            if dtype == "float32" and any(
                abs(x) > 3e38 or float(np.float32(x)) != x for x in moving
            ):
                continue
            args = dict(zip(held, fixed, strict=True)) | dict(zip(case.varied, moving, strict=True))
            points.append(tuple(args[k] for k in range(len(case.columns))))
        if points:
            yield points


def relative_error(got: float, want: float, sensitivity: float, dtype: str) -> float:
    """Return the error over |g| + Σ |xᵢ ∂g/∂xᵢ|; 0 if the true number and the answer leave the range of the dtype."""
    info = np.finfo(dtype)
    if not abs(want) < float(info.max) * (1 - 1e-6):
        return 0.0 if not np.isfinite(got) or abs(got) > float(info.max) * 0.99 else float("inf")
    if not np.isfinite(got):
        return float("inf") if sensitivity < float(info.max) else 0.0
    off = abs(float(got) - want)
    if off <= 2 * float(info.tiny):
        return 0.0
    scale = abs(want) + sensitivity
    if not want and off < NOISE:
        return 0.0
    return off / scale if scale else float("inf")


def deviations(case: Case, dtype: str, known: dict[str, Any]) -> Iterator[Deviation]:
    """Yield the error of each derivative at each point that has a reference."""
    for points in point_groups(case, dtype):
        got = evaluate(case, dtype, points)
        for j, point in enumerate(points):
            references = known.get(key_of(point), {})
            for by, d in got.items():
                reference = references.get(by) or references.get(by[::-1])
                if reference:
                    want, sensitivity = reference
                    at_zero = not any(point[k] for k in case.varied)
                    if at_zero and abs(want) < NOISE:  # of the reference, which is zero
                        want = 0.0
                    yield Deviation(
                        by, point, float(d[j]), want, relative_error(d[j], want, sensitivity, dtype)
                    )


def lines_of(name: str, case: Case, known: dict[str, Any]) -> Iterator[Line]:
    """Yield the lines of one case; none where memograd refuses the derivative."""
    for dtype, tolerance in TOLERANCE.items():
        try:
            found = list(deviations(case, dtype, known))
        except NoRuleError:
            continue
        for order in (1, 2):
            of_order = [d for d in found if len(d.by) == order]
            missed = [d for d in of_order if not d.error <= tolerance]
            worst = max(of_order, key=lambda d: d.error, default=None)
            if worst is not None:
                at = ", ".join(f"{x:.6g}" if isinstance(x, float) else str(x) for x in worst.point)
                example = f"by {worst.by} at ({at})" if missed else ""
                yield Line(name, dtype, order, len(of_order), len(missed), worst.error, example)


def page(lines: list[Line]) -> str:
    """Return the text of examples/accuracy.md."""
    rows = [
        f"| {r.name} | {r.dtype} | {r.order} | {r.points} | {r.missed} | {r.worst:.0e} | {r.example} |"
        for r in lines
    ]
    reached = sum(not r.missed for r in lines)
    return "\n".join([
        "# Accuracy of derivatives",
        "",
        "Every elementwise op and special function with a derivative, against mpmath in 50 digits: at 0, ± tiny, ± 1e-8,",
        "ordinary and large numbers, near poles, zeros, saturation and the ends of the domain. The error of a derivative g is",
        "|error| / (|g| + Σ |xᵢ ∂g/∂xᵢ|). The bound is 1e-12 in float64 and 1e-5 in float32, for first and second order.",
        "",
        f"{reached} of {len(lines)} lines hold the bound at every point. The others are listed with the number of points",
        "that miss it and the worst of them: mostly second derivatives near poles and far out, float32 near the ends of its",
        "range, and functions whose values SciPy itself computes with a larger error. `make test-long` fails if a line that",
        "held its bound misses it.",
        "",
        "Regenerated by `python tests/long/accuracy.py --write`.",
        "",
        "| function | dtype | order | points | missed | worst error | where |",
        "|---|---|--:|--:|--:|--:|---|",
        *rows,
        "",
    ])  # fmt: skip


def compare(only: str, update: bool) -> list[Line]:
    """Return the lines of all cases whose names hold the text."""
    references, lines = load_references(), []
    for name, case in named_cases():
        if only in name:
            if update:
                add_references(case, references.setdefault(name, {}))
            lines += lines_of(name, case, references.get(name, {}))
    if update:
        save_references(references)
    return lines


def main() -> int:
    """Compare all, and give the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--update", action="store_true", help="compute references that are missing")
    parser.add_argument(
        "--write", action="store_true", help="write the page and the list of misses"
    )
    parser.add_argument("--only", default="", help="only functions whose names hold this text")
    given = parser.parse_args()
    lines = compare(given.only, given.update)
    misses = {line.key: line.missed for line in lines if line.missed}
    if given.write:
        PAGE.write_text(page(lines), encoding="utf-8")
        KNOWN.write_text(json.dumps(misses, indent=0, sort_keys=True) + "\n", encoding="utf-8")
    known = json.loads(KNOWN.read_text(encoding="utf-8"))
    worse = [line for line in lines if line.missed and line.key not in known]
    for line in worse:
        print(
            f"{line.key}: {line.missed} of {line.points} miss the bound, worst {line.worst:.1e} {line.example}"
        )
    print(f"{len(lines)} lines, {len(misses)} listed or new misses, {len(worse)} new")
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
