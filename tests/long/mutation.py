"""Wrong rules on purpose: every line of every sheet is changed in one way at a time, and `check_rule` must notice.

Run by hand or by `make test-long`: ``python tests/long/mutation.py``. It fails unless all are caught: every change of sign and of
factor, and every swap of two operands that a line reads, save those that change nothing, each of which stands here with its reason.
"""

import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from sampling import SAMPLES, call  # noqa: E402
from sampling_special import SPECIAL_SAMPLES, is_unknown  # noqa: E402

from memograd.check import check_rule  # noqa: E402
from memograd.rules.indexing import output  # noqa: E402
from memograd.rules.registration import RULES, Rule, VJPRule, make_pull, parameter_sources  # noqa: E402
from memograd.rules.special_call_binding import call_of  # noqa: E402
from memograd.text import op_name  # noqa: E402

FACTORS = {"sign flipped": -1, "factor halved": 0.5, "factor doubled": 2}

AT_TIES = "`a` and `where` are asked for who else is the extreme: no one, save at ties, which the conventions in test_rules.py hold"
EQUIVALENT: dict[tuple[str, int | str], str] = {
    (
        "np.copysign",
        0,
    ): "sign(a)·sign(b) is symmetric, save at 0, which the conventions in test_rules.py hold",
    ("special.pseudo_huber", 1): "δ·r/√(δ² + r²) is symmetric",
    ("unit", 1): "-a·b/(a² + b²)^(3/2) is symmetric",
    ("special.poch", 1): "the line reads z and m in their sum alone",
    ("special.gdtrib", 1): "the line reads a and x in their product alone",
    **{(f"np.{name}", 2): AT_TIES for name in ("max", "min", "amax", "amin", "nanmax", "nanmin")},
}
"""Lines in which the first two operands may be swapped, and why."""


def mutants(rule: Rule, k: int | str, line: VJPRule) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Names of changes, with the changed line's `pull`."""
    for name, factor in FACTORS.items():
        yield name, lambda *args, factor=factor, pull=line.pull: factor * pull(*args)
    sources = parameter_sources(
        rule.op,
        rule.operands,
        line.fn,
        call_of(rule.op, rule.operands, rule.pulls.each is not None),
    )
    values = [j for j, s in enumerate(sources) if s.what == "value"]
    if len(values) > 1 and (op_name(rule.op), k) not in EQUIVALENT:
        i, j = values[:2]
        sources[i], sources[j] = sources[j], sources[i]
        yield "operands swapped", make_pull(line.fn, sources)


def caught(op: Any) -> bool:
    """Whether `check_rule` objects to at least one of the op's samples."""
    try:
        for args, kwargs in (SAMPLES | SPECIAL_SAMPLES).get(op, [call()]):
            check_rule(op, *args, **kwargs)
    except Exception:  # a wrong shape and an error of NumPy's are objections as well
        return True
    return False


def survey() -> tuple[Counter[str], Counter[str], list[str], list[str]]:
    """How many changes of each kind there were and were caught; those that were not; ops that fail unchanged."""
    tried: Counter[str] = Counter()
    found: Counter[str] = Counter()
    survivors, broken = [], []
    for op, rule in list(RULES.items()):
        if rule.kind in ("leaf", "constant") or op is output:
            continue
        if caught(op):
            broken.append(op_name(op))
            continue
        for k, line in [("each", rule.pulls.each)] if rule.pulls.each else rule.pulls.of.items():
            for name, pull in [] if is_unknown(line) else mutants(rule, k, line):
                tried[name] += 1
                with mock.patch.object(line, "pull", pull):
                    seen = caught(op)
                found[name] += seen
                if not seen:
                    survivors.append(f"{op_name(op)}, operand {k}: {name}")
    return tried, found, survivors, broken


def main() -> int:
    """Print the shares and the survivors; the exit status says whether those that must be caught were."""
    warnings.simplefilter("ignore")
    tried, found, survivors, broken = survey()
    for name in tried:
        print(
            f"{name:18} {found[name]:5} of {tried[name]:5} caught, {found[name] / tried[name]:.1%}"
        )
    print(*(f"survived: {text}" for text in survivors), sep="\n")
    print(*(f"not tried, because it fails unchanged: {name}" for name in broken), sep="\n")
    return 1 if broken or survivors else 0


if __name__ == "__main__":
    sys.exit(main())
