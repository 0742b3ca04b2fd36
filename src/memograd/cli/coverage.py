"""Coverage of NumPy and SciPy: the class of every public function.

*Differentiable*: the function has a VJP rule, or `memograd.numpy` or `memograd.scipy` have a
function of the same name in its place. *Constant*: its derivative is zero wherever it exists.
*Refused*: it is not recorded, for a reason that is given. Classes, modules and constants are left
out.
"""

import importlib
import importlib.util
import types
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np

from ..errors import NoRuleError
from ..jacobians.sparsity_propagation import has_own_pattern
from ..rules.registration import RULES, UNSUPPORTED, Rule, rule_of
from ..rules.static_queries import STATIC_QUERIES
from ..rules.traits import Structure
from ..tape.node import Node
from ..text import op_name, table_lines
from ..transforms.batching_rules import has_batching_rule

CLASSES = ("differentiable", "constant", "refused", "unclassified")

NAMESPACES = ("numpy", "numpy.linalg", "numpy.fft", "scipy.special")
"""Modules of which all public functions are classified."""

CHOSEN = {
    "scipy.linalg": (
        "solve solve_triangular cho_solve solve_banded solveh_banded solve_toeplitz "
        "solve_circulant solve_sylvester solve_continuous_lyapunov solve_discrete_lyapunov "
        "expm sqrtm logm block_diag toeplitz"
    ).split(),
    "scipy.stats": [
        *(
            f"{law}.{f}"
            for law in ("norm", "t", "beta", "gamma", "expon", "chi2")
            for f in ("pdf", "logpdf", "cdf", "logcdf", "sf", "logsf", "ppf")
        ),
        *(f"poisson.{f}" for f in ("pmf", "logpmf", "cdf", "logcdf", "sf", "logsf")),
        *(f"multivariate_normal.{f}" for f in ("pdf", "logpdf", "cdf", "logcdf", "entropy")),
        *(f"dirichlet.{f}" for f in ("pdf", "logpdf")),
    ],
    "scipy.signal": ["convolve"],
    "scipy.integrate": ["odeint", "solve_ivp"],
}

OF_METHOD = {"flatten": np.ravel}
"""Op that a method records if NumPy has no function of the same name."""


class FunctionRow(NamedTuple):
    """Public function: its module, its name, its class, and the reason if it is refused."""

    namespace: str
    name: str
    kind: str
    reason: str | None = None


def survey() -> list[FunctionRow]:
    """Return every public function with its class; those of SciPy only if it is installed.

    Examples
    --------
    >>> from memograd.cli.coverage import survey
    >>> [row.kind for row in survey() if row.name in ("tanh", "floor", "putmask")]
    ['constant', 'refused', 'differentiable']
    """
    found = [
        _function_row(home, name, f)
        for home in NAMESPACES
        if (module := _module(home))
        for name, f in public(module)
    ]
    found += [_method_row(name, f) for name, f in public(np.ndarray)]
    chosen = (
        (home, name, module)
        for home, names in CHOSEN.items()
        if (module := _module(home))
        for name in names
    )
    return found + [
        _function_row(home, name, attrgetter(name)(module)) for home, name, module in chosen
    ]


def public(home: Any) -> Iterator[tuple[str, Any]]:
    """Yield the public functions of a module, or public methods of a class, with their names."""
    with warnings.catch_warnings(action="ignore"):  # some names warn that they will go
        for name in dir(home):
            f = None if name.startswith("_") else getattr(home, name)
            if callable(f) and not isinstance(f, type | types.ModuleType | types.GenericAlias):
                yield name, f


def coverage_table(rows: Iterable[FunctionRow]) -> str:
    """Return the number of names in each namespace and class."""
    counts = Counter((row.namespace, row.kind) for row in rows)
    homes = list(dict.fromkeys(home for home, _ in counts))
    lines = [(home, [counts[home, kind] for kind in CLASSES]) for home in homes]
    lines.append(
        ("all", [sum(column) for column in zip(*(numbers for _, numbers in lines), strict=True)])
    )
    shown = [("", *CLASSES, "names"), *((home, *numbers, sum(numbers)) for home, numbers in lines)]
    return "\n".join(table_lines("<15>16>10>9>14>7", shown))


def by_class(rows: Iterable[FunctionRow]) -> dict[str, dict[str, Any]]:
    """Return the names by namespace and class; refused ones with their reasons."""
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        of_home = found.setdefault(
            row.namespace, {kind: {} if kind == "refused" else [] for kind in CLASSES}
        )
        if row.reason is None:
            of_home[row.kind].append(row.name)
        else:
            of_home[row.kind][row.name] = row.reason
    return found


def missing_traits() -> dict[str, list[str]]:
    """Return the facts, beside derivatives, that are not known of each op.

    See Also
    --------
    memograd.rules.traits : Traits and what they are for.

    Examples
    --------
    >>> from memograd.cli.coverage import missing_traits
    >>> missing_traits()["np.quantile"]
    ['storage', 'batching rule']
    """
    facts = {op_name(op): _missing_facts(op, rule) for op, rule in RULES.items() if op is not None}
    return {name: missing for name, missing in facts.items() if missing}


def trait_table(missing: Mapping[str, list[str]]) -> str:
    """Return a table of ops and the facts that are not known of them, with counts at the end."""
    counts = Counter(fact for facts in missing.values() for fact in facts)
    lines = table_lines("<27 <", [(name, ", ".join(facts)) for name, facts in missing.items()])
    total = ", ".join(f"{n} without {fact}" for fact, n in counts.items())
    return "\n".join([*lines, f"{len(RULES) - 1} ops: {total}"])


def _missing_facts(op: Any, rule: Rule) -> list[str]:
    traits = rule.traits
    is_constant = rule.kind == "constant"
    known = {
        "structure": traits.structure is not None,
        "storage": traits.storage is not None or traits.structure is Structure.CREATION,
        "batching rule": is_constant or has_batching_rule(op),
        "sparsity rule": is_constant or has_own_pattern(op),
    }
    return [fact for fact, holds in known.items() if not holds]


def _module(home: str) -> Any:
    """Return a module by its name; None if its library is not installed."""
    return (
        importlib.import_module(home) if importlib.util.find_spec(home.partition(".")[0]) else None
    )


def _function_row(home: str, name: str, f: Any) -> FunctionRow:
    kind = _class_of(f)
    is_served = kind is None and _is_served(home, name, f)  # imports what registers the reasons
    if kind is None and f in UNSUPPORTED:
        return FunctionRow(home, name, "refused", UNSUPPORTED[f])
    return FunctionRow(home, name, "differentiable" if is_served else kind or "unclassified")


def _class_of(f: Any) -> str | None:
    """Return the class of a function with a rule; None for other functions."""
    if f in STATIC_QUERIES:
        return "constant"
    try:
        return "constant" if rule_of(f).kind == "constant" else "differentiable"
    except NoRuleError:
        return None


def _is_served(home: str, name: str, f: Any) -> bool:
    """Return whether `memograd.numpy` or `memograd.scipy` have a function in the place of `f`.

    Or they list it in `THROUGH`: it calls functions that record nodes.
    """
    library, *inner = home.split(".")
    try:
        module = importlib.import_module(f"memograd.{library}")
        for part in inner:
            module = getattr(module, part)
        return bool(attrgetter(name)(module) != f) or name in getattr(module, "THROUGH", ())
    except AttributeError:
        return False


def _method_row(name: str, method: Any) -> FunctionRow:
    home = "numpy.ndarray"
    if method in UNSUPPORTED:
        return FunctionRow(home, name, "refused", UNSUPPORTED[method])
    f = OF_METHOD.get(name, getattr(np, name, None))
    return FunctionRow(home, name, (hasattr(Node, name) and _class_of(f)) or "unclassified")
