"""Plans of tapes that keep guards: a plan has one way through the branches of its program."""

from collections.abc import Sequence

from ..errors import PlanError
from ..program.walks import ancestors_of
from ..tape.recorder import Recorder
from ..text import describe


def check_guards_of_plan(tape: Recorder, outputs: Sequence[int], inputs: Sequence[int]) -> None:
    """Raise if a plan would depend on a branch whose outcome its inputs decide.

    Raises
    ------
    PlanError
        A branch before an output depends on an input.
    BranchChangedError
        A branch has another outcome than when it was recorded.
    """
    last = max(outputs, default=-1)  # a pytree without leaves needs no branch
    tape.check_guards(last)
    for guard in tape.guards.taken:
        if guard.first > last:
            break
        if not ancestors_of(tape.state.steps, [guard.node]).isdisjoint(inputs):
            raise PlanError(
                f"A plan would take the branch{guard.text()} for any input, but it depends on "
                f"{describe(tape.state.nodes[guard.node])}, which an input decides. Compile the "
                f"function: memograd.functional.compiled(f) has a plan for each way through it."
            )
