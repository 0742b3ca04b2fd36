"""Rewriting: the first matching rule replaces an instruction, until none matches.

Rewriting ends, because each rule moves things one way only: signs and reshapes towards the outputs,
broadcasts further than both.

References
----------
A. V. Aho, M. S. Lam, R. Sethi, J. D. Ullman: Compilers (2nd ed.), section 8.7 (peephole
optimization).
"""

from collections.abc import Callable, Mapping
from typing import Any

from ...program.steps import Operand
from ...rules.call_binding import NO_KWARGS
from ..ir import Graph, GraphBuilder, Instruction
from ..op_traits import Layouts

Rewrite = Callable[["Rewriter", Instruction], Instruction | Operand | None]
"""Rule: returns an equivalent instruction, an existing operand, or None."""


class Rewriter(GraphBuilder):
    """Builder that rewrites instructions by rules, those that a rule makes included."""

    def __init__(self, graph: Graph, rules: "Rules") -> None:
        super().__init__(graph)
        self.rules = rules
        self.layouts = Layouts(self.instructions, self.bound)

    def emit(self, n: int, instruction: Instruction) -> None:
        """Define node n by this instruction, and note its layout."""
        super().emit(n, instruction)
        self.layouts.add(n, instruction)

    def add(self, instruction: Instruction) -> Operand:
        """Insert a new instruction before the current one, and note its layout."""
        n = super().add(instruction)
        self.layouts.add(n, instruction)
        return n

    def bind(self, value: Any) -> Operand:
        """Insert a new constant, and note its layout."""
        n = super().bind(value)
        self.layouts.add(n, self.instructions[n])
        return n

    def rewrite(self, instruction: Instruction) -> Instruction | Operand:
        """Apply rules until none matches. Return the replacement of an instruction."""
        while True:
            result = self._first(instruction)
            if result is None:
                return instruction
            if isinstance(result, Operand):
                return result
            instruction = result

    def _first(self, instruction: Instruction) -> Instruction | Operand | None:
        for rule in self.rules.get(instruction.op, ()):
            result = rule(self, instruction)
            if result is not None:
                return result
        return None

    def apply(self, op: Any, *args: Any, like: Instruction, **kwargs: Any) -> Operand:
        """Insert `op(*args)` with shape and dtype of another instruction, simplified."""
        replacement = self.rewrite(
            Instruction(op, args, kwargs or NO_KWARGS, like.shape, like.dtype)
        )
        return replacement if isinstance(replacement, Operand) else self.add(replacement)

    def instruction_of(self, a: Any) -> Instruction | None:
        """Return the instruction of an argument; None for a constant."""
        return self.instructions[a] if type(a) is Operand else None


Rules = Mapping[Any, tuple[Rewrite, ...]]
"""Rules by op, in the order of trial."""


def rewrite_graph(graph: Graph, rules: Rules) -> Graph:
    """Rewrite a graph by these rules."""
    rewriter = Rewriter(graph, rules)
    for n, instruction in rewriter:
        replacement = rewriter.rewrite(instruction) if instruction.op in rules else instruction
        if isinstance(replacement, Operand):
            rewriter.replace(n, replacement)
        else:
            rewriter.emit(n, replacement)
    return rewriter.build()
