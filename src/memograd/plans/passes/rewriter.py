"""One sweep over a slice: each step is rewritten by the first rule of its op that has something to
say, until none has.

That ends, because what a rule moves, it moves one way: signs and reshapes towards the outputs,
broadcasts further than both.
"""

from collections.abc import Callable, Mapping
from typing import Any

from ...program.steps import Operand
from ...rules.call_binding import NOTHING
from ..ir import Graph, GraphBuilder, Instruction
from ..op_traits import Layouts

Rewrite = Callable[["Rewriter", Instruction], Instruction | Operand | None]
"""A rule: another step that gives the same, a step that is there already, or None."""


class Rewriter(GraphBuilder):
    """Draft with rules; steps that a rule makes are rewritten, too."""

    def __init__(self, graph: Graph, rules: "Rules") -> None:
        super().__init__(graph)
        self.rules = rules
        self.layouts = Layouts(self.steps, self.bound)

    def keep(self, n: int, step: Instruction) -> None:
        """Node n is this step."""
        super().keep(n, step)
        self.layouts.add(n, step)

    def make(self, step: Instruction) -> Operand:
        """Return a new step, before the one that is looked at."""
        n = super().make(step)
        self.layouts.add(n, step)
        return n

    def bind(self, value: Any) -> Operand:
        """Return a new constant."""
        n = super().bind(value)
        self.layouts.add(n, self.steps[n])
        return n

    def rewritten(self, step: Instruction) -> Instruction | Operand:
        """Return what stands in the place of a step."""
        while True:
            found = self._first(step)
            if found is None:
                return step
            if isinstance(found, Operand):
                return found
            step = found

    def _first(self, step: Instruction) -> Instruction | Operand | None:
        for rule in self.rules.get(step.op, ()):
            found = rule(self, step)
            if found is not None:
                return found
        return None

    def of(self, op: Any, *args: Any, like: Instruction, **kwargs: Any) -> Operand:
        """Return a new step of this op, with shape and dtype of another."""
        made = self.rewritten(Instruction(op, args, kwargs or NOTHING, like.shape, like.dtype))
        return made if isinstance(made, Operand) else self.make(made)

    def step(self, a: Any) -> Instruction | None:
        """Return the step of an argument; None where it is a constant."""
        return self.steps[a] if type(a) is Operand else None


Rules = Mapping[Any, tuple[Rewrite, ...]]
"""For each op its rules, in the order in which they are tried."""


def rewrite_graph(graph: Graph, rules: Rules) -> Graph:
    """Return the slice, rewritten by these rules."""
    sweep = Rewriter(graph, rules)
    for n, step in sweep:
        made = sweep.rewritten(step) if step.op in rules else step
        if isinstance(made, Operand):
            sweep.replace(n, made)
        else:
            sweep.keep(n, made)
    return sweep.build()
