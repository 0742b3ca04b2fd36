"""Runs of evals: each size of each spelling beside its contenders."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from .libraries import LIBRARIES, disagreement, prepare
from .problem import Data, Eval, Inputs
from .timing import time_first, time_in_turns

AGREEMENT = 1e-10
"""Difference from the derivative by hand, relative to the largest element, that fails a run."""


@dataclass
class Row:
    """Times of one size of one spelling, in seconds."""

    eval: str
    spelling: str
    size: Any
    group: str
    times: dict[str, float] = field(default_factory=dict)
    first: dict[str, float] = field(default_factory=dict)
    without: dict[str, str] = field(default_factory=dict)
    """From a contender to the reason for which it took no part."""

    def ratio(self, peer: str) -> float | None:
        """Return the plan's time as a multiple of a contender's."""
        return self.times["memograd"] / self.times[peer] if peer in self.times else None


def libraries(without: list[str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the libraries that are installed, and why others are not here."""
    found, missing = {}, {}
    for name, library in LIBRARIES.items():
        if name in without:
            missing[name] = "left out"
            continue
        try:
            found[name] = library()
        except ModuleNotFoundError as error:
            missing[name] = f"not installed: {error.name}"
    return found, missing


def group_of(eval: Eval, spelling: str) -> str:
    """Return the group of a row: that of the eval, or of the other spellings of such evals."""
    first = next(iter(eval.objectives))
    return eval.group if spelling == first else f"{eval.group}, other spellings"


def run_eval(
    eval: Eval, found: dict[str, Any], missing: dict[str, str], rounds: int, seconds: float
) -> Iterator[Row]:
    """Yield the rows of an eval. Peers take part in the first spelling."""
    for size in eval.sizes:
        inputs, d = eval.read_only(size)
        for spelling in eval.objectives:
            row = Row(eval.name, spelling, size, group_of(eval, spelling), without=dict(missing))
            contenders = _contenders(eval, row, found)
            calls = {library.name: _start(library, eval, row, inputs, d) for library in contenders}
            row.times = time_in_turns(calls, rounds, seconds)
            yield row


def _contenders(eval: Eval, row: Row, found: dict[str, Any]) -> list[Any]:
    """Return who takes part; and note why others do not."""
    taking_part = []
    for name, library in found.items():
        sizes, reason = eval.without.get(name, ((), ""))
        if row.size in sizes:
            row.without[name] = reason
        elif row.spelling == next(iter(eval.objectives)) or name in ("memograd", "manual"):
            taking_part.append(library)
    return taking_part


def _start(library: Any, eval: Eval, row: Row, inputs: Inputs, d: Data) -> Any:
    """Return a contender's call, once its result is that of the derivative by hand."""
    build = partial(prepare, library, eval, row.spelling, inputs, d)
    call, result, row.first[library.name] = time_first(build)
    off = disagreement(result, eval.manual(d, *inputs))
    if not off < AGREEMENT:
        raise AssertionError(
            f"{library.name} is off by {off:.1e} at {eval.name} {row.spelling} {row.size}."
        )
    return call
