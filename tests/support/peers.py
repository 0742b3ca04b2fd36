"""How many of the same public functions autograd and JAX have: ``python tests/support/peers.py > examples/coverage.md`` writes that page.

A function counts for autograd if one of its VJPs is registered for the primitive of that name, and for JAX if `jax.numpy`,
`jax.numpy.linalg`, `jax.numpy.fft`, `jax.scipy.special` and their kin have a public function of that name, differentiable or
not, constants included; the last column counts only those that are *differentiable* in memograd, as the first does.
"""

import importlib
import importlib.metadata
import warnings
from collections.abc import Callable, Iterator
from datetime import date
from operator import attrgetter
from typing import Any

from memograd.cli.coverage import FunctionRow, coverage_table, survey

AUTOGRAD = {"numpy": "autograd.numpy", "scipy": "autograd.scipy"}
JAX = {"numpy": "jax.numpy", "scipy": "jax.scipy"}


def found(library_of: dict[str, str], row: FunctionRow) -> Any:
    """The function of a row in another library, or None."""
    library, *inner = row.namespace.split(".")
    if row.namespace == "numpy.ndarray":
        return None
    try:
        module = importlib.import_module(".".join([library_of[library], *inner]))
        return attrgetter(row.name)(module)
    except (ModuleNotFoundError, AttributeError):
        return None


def autograd_has(row: FunctionRow) -> bool:
    from autograd.core import primitive_vjps

    f = found(AUTOGRAD, row)
    return any(key is f for key in primitive_vjps)


def jax_has(row: FunctionRow) -> bool:
    return callable(found(JAX, row))


def counted(
    rows: list[FunctionRow], homes: list[str], has: Callable[[FunctionRow], bool]
) -> list[int]:
    """The number of rows that a library has, for each namespace and in all."""
    counts = [sum(map(has, (row for row in rows if row.namespace == home))) for home in homes]
    return [*counts, sum(counts)]


def version(name: str) -> str:
    return f"{name} {importlib.metadata.version(name.lower())}"


def comparison(rows: list[FunctionRow]) -> Iterator[str]:
    """The other libraries' counts, as a table of Markdown."""
    for module in [
        *AUTOGRAD.values(),
        *JAX.values(),
        "autograd.scipy.special",
        "autograd.scipy.stats",
        "jax.scipy.special",
    ]:
        importlib.import_module(module)
    rows = [row for row in rows if row.namespace != "numpy.ndarray"]
    ours, homes = (
        [row for row in rows if row.kind == "differentiable"],
        list(dict.fromkeys(row.namespace for row in rows)),
    )
    columns = [
        counted(ours, homes, bool),
        counted(rows, homes, autograd_has),
        counted(rows, homes, jax_has),
        counted(ours, homes, jax_has),
    ]
    heads = [
        "memograd: differentiable",
        f"{version('autograd')}: has a VJP",
        f"{version('JAX')}: has the name",
        "of the first, JAX has",
    ]
    yield f"| | {' | '.join(heads)} |"
    yield "| --- | ---: | ---: | ---: | ---: |"
    for home, *numbers in zip([*homes, "all"], *columns, strict=True):
        yield f"| {home} | {' | '.join(map(str, numbers))} |"


def refusals(rows: list[FunctionRow]) -> Iterator[str]:
    """The reasons, each with the functions that it stands for."""
    names: dict[str, list[str]] = {}
    for row in rows:
        if row.reason is not None:
            names.setdefault(row.reason, []).append(f"`{row.namespace}.{row.name}`")
    for reason, functions in names.items():
        yield f"- {' '.join(functions)}: {reason}"


def main() -> None:
    """Print the page."""
    warnings.simplefilter("ignore")
    rows = survey()
    print(PAGE.format(
        day=date.today(), versions=" and ".join(map(version, ("NumPy", "SciPy"))), table=coverage_table(rows),
        comparison="\n".join(comparison(rows)), refusals="\n".join(refusals(rows)),
    ))  # fmt: skip


PAGE = """# What is differentiable

Every public function of NumPy and SciPy's special functions, and a few more of SciPy's, is in one class: *differentiable*, *constant* (no
derivative passes through it where that matters), or *refused*, with the reason. Classes, modules and constants are no functions.
`python -m memograd coverage` prints this table, `--json` all names. Here for {versions}, on {day}:

```text
{table}
```

Beside it, how many of the same functions (array methods aside) other libraries have, as `tests/support/peers.py` counts them. autograd's
are those whose VJP is registered. JAX's are those that it has a function of that name for, differentiable or not; the last column
counts among them those that are differentiable here.

{comparison}

## Why functions are refused

A refused function that meets a node raises an error with this sentence.

{refusals}"""


if __name__ == "__main__":
    main()
