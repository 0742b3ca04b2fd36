"""Findings: a cause, the node and the elements it concerns, and a sentence."""

from typing import Any, NamedTuple

import numpy as np

from ..program.source_location import Location
from .subgraph import Mask, Subgraph

CAUSES = {
    "no path": "Compute the one from the other itself, on the same tape.",
    "frozen": "Use the node instead of its .value, which is a number and no part of the program.",
    "stopped": "Leave out stop_gradient, if a derivative is wanted here.",
    "comparison": "A comparison is constant almost everywhere: use a smooth step, such as a "
    "sigmoid, if a slope is wanted.",
    "condition": "A condition only chooses: blend the two branches smoothly, if a slope is wanted.",
    "integers": "Integers have no derivative: stay with floats, or weigh by a softmax instead "
    "of taking an argmax.",
    "steps": "Steps are flat almost everywhere: add x - mg.stop_gradient(x) for a "
    "straight-through slope.",
    "shape": "Only shapes pass here, no numbers.",
    "no line": "Register a VJP rule for this operand, if it has a derivative.",
    "zero factor": "Nothing passes a product with 0: give the other factor another value.",
    "not chosen": "What is not chosen gets no derivative: look at the condition or the index.",
    "saturation": "The op is flat here: bring its operand back into range (scale, shift, "
    "initialise smaller).",
    "kink": "The operand sits on a kink, where the centre of the slopes is taken: move it off, "
    "or smooth the op.",
    "zero slope": "The slope of the op is 0 at this very point: move the operand off it.",
    "cancellation": "What is left is 0, or rounding. At a minimum, or under an invariance, it "
    "is right so.",
    "underflow": "Work with logarithms, scale the numbers, or take a wider dtype.",
    "overflow": "Subtract the maximum before exponentials, work with logarithms, scale, or take "
    "a wider dtype.",
    "pole": "Keep the operand away from this point: add a small number, or replace it first, "
    "np.where(bad, safe, x).",
    "outside the domain": "Keep the operand inside the domain: clip it, or replace it first, "
    "np.where(bad, safe, x).",
    "undefined slope": "The derivative is not defined at this point.",
    "masked branch": "Give the op a safe operand inside, and choose again outside:",
    "zero times infinity": "Use a form of the formula that does not overflow on the way.",
    "infinities": "Two infinities met: fix the place where the first one came from.",
    "propagated": "Fix the place where that value came from.",
    "given": "Look at where these numbers came from.",
    "shrinking": "Factors below 1 multiplied over the way: scale them up, or add a shorter way.",
    "growing": "Factors above 1 multiplied over the way: scale them down, or clip the derivative.",
}
"""Advice on what to do, for each cause."""

MAX_ELEMENTS_NAMED = 4
"""Number of elements that are listed."""


class Elements(NamedTuple):
    """Some elements of an array: their number, the size of the array, and their first indices."""

    number: int
    size: int
    first: tuple[tuple[int, ...], ...]

    def __str__(self) -> str:
        if self.number == self.size:
            return "all" if self.size > 1 else ""
        listed = ", ".join(str(list(index)) for index in self.first)
        if self.number <= len(self.first):
            return listed
        return f"{self.number} of {self.size}: {listed}, …"


def elements_of(mask: Mask, shape: Any) -> Elements:
    """Return the elements of an array of this shape that a mask selects."""
    if mask is True:
        mask = np.ones(shape if all(isinstance(n, int) for n in shape) else (), bool)
    if np.ndim(mask) == 0:
        return Elements(int(mask), 1, ((),) if mask else ())
    places = np.argwhere(mask)[:MAX_ELEMENTS_NAMED]
    return Elements(
        int(np.count_nonzero(mask)),
        int(np.size(mask)),
        tuple(tuple(map(int, place)) for place in places),
    )


class Finding(NamedTuple):
    """One reason for a derivative being what it is.

    Attributes
    ----------
    cause : str
        One of the keys of ``CAUSES``.
    node : str
        Name of the node that is concerned.
    operand : str or None
        Operand whose value or use is at fault: a name, or a constant as it is printed.
    elements : Elements
        Elements that are concerned.
    line : (file, line) or None
        User's line that made the node.
    text : str
        Sentence that explains the finding.
    of : str
        ``derivative``, or ``value`` if a NaN or an infinity arises while L is computed.
    """

    cause: str
    node: str
    operand: str | None
    elements: Elements
    line: Location | None
    text: str
    of: str = "derivative"

    @property
    def advice(self) -> str:
        """Advice on what to do."""
        return CAUSES[self.cause]


def make_finding(
    region: Subgraph,
    cause: str,
    n: int,
    operand: Any,
    mask: Mask,
    shape: Any,
    text: str,
    of: str = "derivative",
) -> Finding:
    """Return a finding at node n.

    Parameters
    ----------
    region : Subgraph
        Nodes between x and L.
    cause : str
        A key of ``CAUSES``.
    n : int
        Node that is concerned.
    operand : Operand, constant or None
        Argument of its op that is at fault.
    mask : Mask
        Elements that are concerned.
    shape : tuple
        Shape of the array whose elements they are.
    text : str
        Sentence that explains the finding.
    of : {"derivative", "value"}
        What the finding is about.

    Returns
    -------
    Finding
        The finding in the user's names.
    """
    named = None if operand is None else region.argument_name(operand)
    return Finding(cause, region.name(n), named, elements_of(mask, shape), region.line(n), text, of)
