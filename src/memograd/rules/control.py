"""Rule of `stop_gradient`."""

from typing import TypeVar

from .pure_registration import constant
from .registration import op, set_traits
from .traits import Structure

AnyArray = TypeVar("AnyArray")


@op
def stop_gradient(x: AnyArray) -> AnyArray:
    """Return `x` as a constant: no derivative passes through it.

    ``x.value`` is a constant of the program, whereas this follows `x` when a leaf is assigned.

    Parameters
    ----------
    x : Node or array_like
        A node is recorded as a further node; any other value is returned unchanged.

    Returns
    -------
    Node or array_like
        The same value.

    Examples
    --------
    >>> import memograd as mg
    >>> x = mg.Tape().leaf(3.0, name="x")
    >>> L = mg.stop_gradient(x) * x
    >>> float(mg.grad(L, x))
    3.0
    """
    return x


constant(stop_gradient)

set_traits(stop_gradient, structure=Structure.SAME_PLACE)
