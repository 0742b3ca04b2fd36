"""What each conversion of a node does, in every mode: ``python tests/support/conversions.py > examples/conversions.md`` writes that page."""

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import integrate, linalg, special, stats

import memograd as mg
from memograd.errors import RefusedError
from memograd.functional import compiled, grad
from memograd.tape.node import Node

Use = Callable[[Any], Any]

NUMBER = 2.7
"""The value of a node of no axes; that of one with an axis is this and its double."""


def set_items(a: Any, x: Any) -> Any:
    """`a` with its items set to those of x, one by one."""
    for k in range(len(x)):
        a[k] = x[k]
    return a


OF_NUMBERS: dict[str, Use] = {
    "`bool(x)`, `if x:`, `while x > 1:`, `x and y`": bool,
    "`max(x, 1.0)`, `sorted([x, 1.0])`": lambda x: max(x, 1.0) is x,
    "`1.0 in [x]`": lambda x: 1.0 in [x],
    "`int(x)`": int,
    "`operator.index(x)`, `items[x]`, `range(x)`": operator.index,
    "`round(x)`": round,
    "`round(x, 1)`": lambda x: round(x, 1),
    "`math.floor(x)`": math.floor,
    "`math.ceil(x)`": math.ceil,
    "`math.trunc(x)`": math.trunc,
    "`float(x)`": float,
    "`complex(x)`": complex,
    "`math.sin(x)`": math.sin,
    "`x.item()`": lambda x: x.item(),
    '`f"{x:.3f}"`, `format(x, ".3f")`': lambda x: f"{x:.3f}",
    '`f"{x}"`, `str(x)`, `repr(x)`': lambda x: isinstance(f"{x}", str),
    "`np.float64(x)`": np.float64,
    "`divmod(x, 1.0)`": lambda x: divmod(x, 1.0),
    "`pow(x, 2)`, `abs(x)`, `sum([x, x])`": lambda x: pow(abs(x), 2) + sum([x, x]),
}
"""By how they are written: conversions of nodes that hold one number."""

OF_ARRAYS: dict[str, Use] = {
    "`np.asarray(x)`": np.asarray,
    "`np.array([x[0], x[1]])`": lambda x: np.array([x[0], x[1]]),
    "`np.sum([x[0], x[1]])`": lambda x: np.sum([x[0], x[1]]),
    "`np.ones(2) * [x[0], x[1]]`": lambda x: np.ones(2) * [x[0], x[1]],
    "`np.stack([x[0], x[1]])`, `mg.numpy.array([x[0], x[1]])`": lambda x: np.stack([x[0], x[1]]),
    "`mg.numpy.sum([x[0], x[1]])` and its other functions": lambda x: mg.numpy.sum([x[0], x[1]]),
    "`x * [x[0], x[1]]`, `np.dot(x, [x[0], x[1]])`": lambda x: (
        x * [x[0], x[1]] + np.dot(x, [x[0], x[1]])
    ),
    "`np.array_equal([x[0]], [1.0])`, `np.array_equiv`": lambda x: np.array_equal([x[0]], [1.0]),
    "`np.vectorize(f)(x)`": lambda x: np.vectorize(lambda a: a * a)(x),
    "`np.fromiter(x, float)`": lambda x: np.fromiter(x, float),
    "`out[i] = x[i]`": lambda x: set_items(np.zeros(2), x),
    "`out[:] = x`": lambda x: operator.setitem(np.zeros(2), slice(None), x),
    "`y += x`, where y is an array": lambda x: operator.iadd(np.zeros(2), x),
    "`x[i] = v`": lambda x: operator.setitem(x, 0, 1.0),
    "`x.at[i].set(v)`": lambda x: x.at[0].set(1.0),
    "`x.tolist()`": lambda x: x.tolist(),
    "`list(x)`, `for item in x`, `a, b = x`": list,
    "`len(x)`, `x.shape`, `x.dtype`, `np.shape(x)`": lambda x: (len(x), *x.shape, *np.shape(x)),
    "`data[x > 1]`, where data is an array": lambda x: np.arange(2.0)[x > 1],
    "`data[np.argsort(x)]`": lambda x: np.arange(2.0)[np.argsort(x)],
    "`np.sum(x, axis=np.argmin(x))`": lambda x: np.sum(x, axis=np.argmin(x)),
    "`x.__array_interface__`": lambda x: x.__array_interface__,
    "`np.from_dlpack(x)`, `x.__dlpack__()`": lambda x: bool(x.__dlpack__()),
    "`memoryview(x)`": memoryview,
    "`scipy.special.logsumexp(x)`": special.logsumexp,
    "`scipy.special.softmax(x)`": special.softmax,
    "`scipy.linalg.solve(A, x)`": lambda x: linalg.solve(np.eye(2), x),
    "`scipy.linalg.expm(x * A)`": lambda x: linalg.expm(x * np.eye(2)),
    "`scipy.stats.norm.logpdf(x)`": stats.norm.logpdf,
    "`scipy.integrate.trapezoid(x)`": integrate.trapezoid,
    "`scipy.special.expit(x)` and SciPy's other ufuncs": special.expit,
    "`x.value`": lambda x: x.value,
}
"""The same, of nodes that hold two numbers."""


def outcome(use: Use, x: Any) -> str:
    """What comes of a use of a node: a node or nodes, a number, memograd's error, or another's."""
    guards = len(x.tape.guards)
    try:
        y = use(x)
    except RefusedError:
        return "refused"
    except Exception as error:  # NumPy's and Python's own
        return "refused" if isinstance(error.__cause__, RefusedError) else type(error).__name__
    parts = y if isinstance(y, list | tuple) else [y]
    if parts and all(isinstance(part, Node) for part in parts):
        return "node"
    return "guarded" if len(x.tape.guards) > guards else "value"


def on_a_tape(use: Use, value: Any) -> str:
    """On a tape of the user's."""
    return outcome(use, mg.Tape().leaf(value))


def on_a_guarded_tape(use: Use, value: Any) -> str:
    """On a tape of the user's that keeps guards."""
    return outcome(use, mg.Tape(branches="guard").leaf(value))


def inside(form: Callable[[Use], Any], use: Use, x_of: Use) -> str:
    """Inside a function that a form records."""
    seen: list[str] = []

    def f(x: Any) -> Any:
        seen.append(outcome(use, x_of(x)))
        return np.sum(x)

    form(f)
    return seen[0]


def in_grad(use: Use, value: Any) -> str:
    """In an immediate form, of a node that is differentiated."""
    return inside(lambda f: grad(f)(value), use, lambda x: x)


def in_grad_stopped(use: Use, value: Any) -> str:
    """In an immediate form, of a node through which no derivative is computed."""
    return inside(lambda f: grad(f)(value), use, mg.stop_gradient)


def in_grad_whole(use: Use, value: Any) -> str:
    """In an immediate form, of integers."""
    return inside(lambda f: grad(f)(value), use, lambda x: np.astype(x, int))


def in_compiled(use: Use, value: Any) -> str:
    """In a function that becomes a plan."""
    return inside(lambda f: compiled(f)(value), use, lambda x: x)


def in_optimize(use: Use, value: Any) -> str:
    """In a function that is recorded for an optimiser."""
    return inside(lambda f: mg.optimize.Problem(f, value), use, lambda x: x)


MODES = {
    "on a tape": on_a_tape,
    "with guards": on_a_guarded_tape,
    "in `functional`": in_grad,
    "the same, of `mg.stop_gradient(x)`": in_grad_stopped,
    "the same, of integers": in_grad_whole,
    "in `compiled`": in_compiled,
    "in `optimize`": in_optimize,
}


def rows() -> list[tuple[str, ...]]:
    """Each conversion with its outcome in each mode."""
    uses = [(text, use, np.array(NUMBER)) for text, use in OF_NUMBERS.items()]
    uses += [(text, use, np.array([NUMBER, 2 * NUMBER])) for text, use in OF_ARRAYS.items()]
    return [(text, *(mode(use, value) for mode in MODES.values())) for text, use, value in uses]


HEAD = """# Conversions: what gives a node, what gives a value, and what is refused

A *conversion* makes something else of a node: a Python number, a truth value, an array of NumPy's, a text. What is computed from it
afterwards has no derivative by that node. So the gradient would be zero, and nobody would know. What happens depends on where the
node is:

- **On a tape** the program is kept, and asked again after an assignment: a conversion would freeze today's value into it. All are
  refused. `x.value` is the value, and says so.
- **On a tape with guards**, `mg.Tape(branches="guard")`, branches on values and conversions to whole numbers are *guarded*: the tape
  keeps the outcome. After an assignment that changes it, requests for what was recorded afterwards raise `BranchChangedError`, which
  names the line and both outcomes, until the outcome is as before. A guard that is recorded in a scratch block ends with the block.
- **In `memograd.functional`** (`grad`, `value_and_grad`, `vjp`, `jvp`, `hvp`, `jacobian`, `hessian`, given arrays) the function runs once.
  Branches on values, and conversions to whole numbers, are free: they have no derivative to lose. Conversions of integers, of booleans,
  of what no derivative runs through, and of `mg.stop_gradient(x)` are free, too. Others are refused.
- **In `memograd.functional.compiled`** the function is recorded for other values, too. Branches and conversions to whole numbers are
  guarded: where an outcome is new, the function is traced again, and up to 32 ways through it are kept. Whatever else reads a value is
  refused, `x.value` included.
- **In `memograd.optimize`** the function is recorded once, for other values, too. Whatever reads a value is refused.

Inside a function that is being differentiated `mg.grad`, `mg.vjp`, `mg.jvp`, `mg.hvp` and `mg.jacobian`, which give arrays, are refused, as
well: the forms in `memograd.functional` give nodes there.

*node*: the result is a node, and differentiable where NumPy's function is. *value*: what NumPy gives of the value. *guarded*: the value,
and a guard. *refused*: an error that names the line and what to write instead; where an item of an array is set on a tape, NumPy puts a `ValueError` of its own in front
of it. Otherwise the error is Python's or NumPy's own, as for an array of that dtype.
"""


def page() -> str:
    """The page, as it stands under `examples`."""
    head = f"| | {' | '.join(MODES)} |\n|---|{'---|' * len(MODES)}"
    return "\n".join([HEAD, head, *(f"| {' | '.join(row)} |" for row in rows())])


if __name__ == "__main__":
    print(page())
