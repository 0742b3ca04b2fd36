"""Loops that carry a state and nothing else."""

from .bodies import Body
from .ops import Facts, Loop
from .tracing import facts_of


class StateLoop(Loop):
    """Loop whose operands and outputs are those of its body.

    Attributes
    ----------
    body : Body
        One step. Its inputs are the state, and what the function closes over; its outputs are the
        next state.
    state : int
        Number of arrays in the state.
    """

    def __init__(self, body: Body, state: int) -> None:
        super().__init__()
        self.body, self.state = body, state

    def inputs(self) -> list[Facts]:
        """Return shape and dtype of each operand."""
        return facts_of(self.body.inputs)

    def outputs(self) -> list[Facts]:
        """Return shape and dtype of each output."""
        return facts_of(self.body.outputs)
