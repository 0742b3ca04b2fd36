"""Tables of a run, in Markdown and JSON."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from platform import python_version
from typing import Any

from .run import Row

PEERS = ("manual", "jax", "torch", "autograd")
HEAD = (
    "eval, size",
    "plan",
    "first call",
    *(f"{name}" for name in PEERS),
    "JAX's compilation",
    *(f"plan / {name}" for name in PEERS[:3]),
    "first / JAX's",
)
PACKAGES = ("numpy", "numba", "jax", "torch", "autograd")
MARKS = "<!-- made by `make gradbench` -->", "<!-- until here -->"


def seconds(value: float | None) -> str:
    """Return a time with its unit, in three digits."""
    if value is None:
        return "–"
    unit, scale = next(
        (each for each in (("s", 1.0), ("ms", 1e-3)) if value >= each[1]), ("µs", 1e-6)
    )
    return f"{_three_digits(value / scale)} {unit}"


def ratio(value: float | None) -> str:
    """Return a ratio in three digits, two of them behind the point at most."""
    return "–" if value is None else _three_digits(value)


def _three_digits(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}" if value < 10 else f"{value:.1f}"


def label(row: Row) -> str:
    """Return the first cell of a row."""
    name = f"{row.eval}, {row.spelling}" if row.spelling else row.eval
    numbers = row.size if isinstance(row.size, tuple) else (row.size,)
    words = {True: "triangles", False: "vertices"}
    return f"{name}: " + " × ".join(words[n] if isinstance(n, bool) else f"{n:,}" for n in numbers)


def line(cells: Iterable[str]) -> str:
    """Return a line of a table."""
    return f"| {' | '.join(cells)} |"


def first_ratio(row: Row) -> float | None:
    """Return the plan's first call as a multiple of JAX's."""
    return row.first["memograd"] / row.first["jax"] if "jax" in row.first else None


def table(rows: Sequence[Row]) -> str:
    """Return the table of all rows."""
    lines = [line(HEAD), line(["---", *["---:"] * (len(HEAD) - 1)])]
    for row in rows:
        times = [seconds(row.times.get(name)) for name in ("memograd", *PEERS)]
        ratios = [ratio(row.ratio(name)) for name in PEERS[:3]]
        firsts = [seconds(row.first["memograd"]), seconds(row.first.get("jax"))]
        cells = [label(row), times[0], firsts[0], *times[1:], firsts[1], *ratios]
        lines.append(line([*cells, ratio(first_ratio(row))]))
    return "\n".join(lines)


def geometric_mean(values: Sequence[float]) -> float:
    """Return the geometric mean."""
    return math.exp(sum(map(math.log, values)) / len(values))


def summary(rows: Sequence[Row]) -> str:
    """Return the table of geometric means and worst rows, for each group of evals."""
    lines = [line(["group", "against", "rows", "geometric mean", "worst"]), "|---|---|--:|--:|---|"]
    for group in dict.fromkeys(row.group for row in rows):
        members = [row for row in rows if row.group == group]
        for name in PEERS:
            pairs = [(row.ratio(name), label(row)) for row in members]
            lines += _summary_line(group, name, pairs)
        pairs = [(first_ratio(row), label(row)) for row in members]
        lines += _summary_line(group, "JAX's compilation", pairs)
    return "\n".join(lines)


def _summary_line(group: str, against: str, pairs: Sequence[tuple[float | None, str]]) -> list[str]:
    known = [(value, name) for value, name in pairs if value is not None]
    if not known:
        return []
    worst, where = max(known)
    mean = geometric_mean([value for value, _ in known])
    cells = [group, against, str(len(known)), ratio(mean), f"{ratio(worst)} ({where})"]
    return [line(cells)]


def absences(rows: Sequence[Row]) -> str:
    """Return who took no part, and why."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        for name, reason in row.without.items():
            reasons.setdefault((name, reason), []).append(label(row))
    return "\n".join(
        f"- {name}: {reason}."
        if len(where) == len(rows)
        else f"- {name}: {reason} ({'; '.join(where)})."
        for (name, reason), where in reasons.items()
    )


def versions() -> list[str]:
    """Return the versions of Python, memograd and the libraries."""
    import memograd

    found = [f"CPython {python_version()}", f"memograd {memograd.__version__}"]
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return found


def report(rows: Sequence[Row], command: str) -> str:
    """Return the part of the page that a run makes."""
    today = datetime.now(UTC).date().isoformat()
    notes = [
        f"- Command: `{command}`. The least CPU time of many rounds, one thread.",
        f"- Date: {today}. Versions: {', '.join(versions())}.",
        absences(rows),
    ]
    return "\n\n".join([summary(rows), table(rows), "\n".join(filter(None, notes))])


def written(page: str, report: str) -> str:
    """Return a page with a run's part in the place of the last one's."""
    before, _, rest = page.partition(MARKS[0])
    _, end, after = rest.partition(MARKS[1])
    if not end:
        raise ValueError(f"The page has no part between {MARKS[0]} and {MARKS[1]}.")
    return f"{before}{MARKS[0]}\n\n{report}\n\n{end}{after}"


def as_json(rows: Sequence[Row]) -> dict[str, Any]:
    """Return a run as JSON knows it."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "versions": versions(),
        "rows": [asdict(row) for row in rows],
    }
