"""Modes in which a tape records: what may be read of its nodes meanwhile."""

from typing import NamedTuple


class Mode(NamedTuple):
    """Mode in which a tape records: what may be read of its nodes, and what a refusal says.

    Attributes
    ----------
    converts : bool
        Whether a conversion gives a value where no derivative is lost.
    value_readable : bool
        Whether ``node.value`` may be read.
    loss : str
        What a conversion would do.
    hint : str
        What to write if the number itself is meant.
    guards : bool
        Whether a conversion to a truth value or a whole number is recorded as a guard.
    """

    converts: bool
    value_readable: bool
    loss: str
    hint: str
    guards: bool = False


KEPT = Mode(
    converts=False,
    value_readable=True,
    loss="that would freeze today's value into a program that outlives it",
    hint="Use node.value for the number itself, or np.where to choose between values.",
)
"""Mode of a tape of the user's: its program is kept, and requested again after assignments."""

GUARDED = KEPT._replace(guards=True)
"""Mode of a tape of the user's that keeps a guard for each branch."""

IMMEDIATE = Mode(
    converts=True,
    value_readable=True,
    loss="what is computed from the number would lose its derivative",
    hint="Convert mg.stop_gradient(x) in place of x if the number is meant without its derivative.",
)
"""Mode of an immediate form, such as :func:`memograd.functional.grad`: the trace is used once."""

COMPILED = Mode(
    converts=False,
    value_readable=False,
    loss="the plan that memograd.functional.compiled makes would be right for this value alone",
    hint="Choose between values with np.where, or call the function without "
    "memograd.functional.compiled.",
    guards=True,
)
"""Mode of the trace of a function that becomes a plan."""

OPTIMIZED = Mode(
    converts=False,
    value_readable=False,
    loss="the program that memograd.optimize asks at other points would be right for this point "
    "alone",
    hint="Choose between values with np.where; or record anew at each point: give "
    "memograd.functional.value_and_grad(f) to "
    "scipy.optimize.minimize, with jac=True.",
)
"""Mode of the trace of a function for an optimiser."""
