"""Differentiable uses: through which consumers, and by which rules, a node leads to an output."""

from collections.abc import Sequence
from typing import Any, Protocol

from ..arrays.values import DOUBLE, is_inexact
from ..program.steps import Operand, Steps
from ..rules.absent_outputs import partial
from ..rules.registration import RULES, VJPRule

DifferentiableUse = tuple[int, Sequence[tuple[int, VJPRule]]]
"""A consumer, and the positions at which it uses a node, each with its VJP rule."""

UsesByNode = dict[int, Any]
"""From a node to its use; to a list of uses, the latest first, if there are several.

A list for each node would be a third of the objects that the garbage collector visits.
"""


class HasSteps(Protocol):
    """Object that holds a program."""

    steps: Steps


def uses_towards(memory: HasSteps, *outputs: int, first: int = 0) -> UsesByNode:
    """Return the differentiable uses of each node from `first` on that leads to one of `outputs`.

    A use is differentiable if the op has a VJP rule for it and both ends have an inexact dtype: no
    path runs through a comparison, the condition of `where`, or an index. The latest use is first.
    """
    steps, with_several = memory.steps, []
    uses: UsesByNode = {output: [] for output in outputs}
    stack = list(uses)
    while stack:
        c = stack.pop()
        step = steps[c]
        pulls = RULES[step.op].pulls
        for k, o in enumerate(step.args):
            if type(o) is Operand and (rules := pulls[k,]):
                if o in uses:
                    add_use(uses, o, c, rules)
                elif o >= first and ((dtype := steps[o].dtype) is DOUBLE or is_inexact(dtype)):
                    uses[n := int(o)] = (c, rules)
                    stack.append(n)
                    if type(dtype) is tuple:
                        with_several.append(n)
    for several in uses.values():
        if type(several) is list:
            several.sort(reverse=True)
    for n in with_several:
        skip_unread_outputs(steps, uses, n)
    return uses


def skip_unread_outputs(steps: Steps, uses: UsesByNode, n: int) -> None:
    """Replace the rules of n, an op with several outputs, by those for the used outputs alone."""
    unread = frozenset(range(len(steps[n].dtype))).difference(
        steps[c].args[1] for c, _ in as_list(uses[n])
    )
    for o in {int(a) for a in steps[n].args if type(a) is Operand and a in uses} if unread else ():
        own = [
            (c, tuple((k, partial(rule, unread)) for k, rule in rules) if c == n else rules)
            for c, rules in as_list(uses[o])
        ]
        uses[o] = own if len(own) > 1 else own[0]


def as_list(use: Any) -> list[DifferentiableUse]:
    """Return the uses of a node as a list: the list itself, if there are several."""
    return use if type(use) is list else [use]


def add_use(uses: UsesByNode, o: int, c: int, rules: Sequence[tuple[int, VJPRule]]) -> None:
    """Add a use of o by c; it may be another position of the latest use."""
    several = as_list(uses[o])
    if several and several[-1][0] == c:
        known = several[-1][1]
        if type(known) is list:  # a tuple would be copied for each of many positions
            known.extend(rules)
        else:
            several[-1] = (c, [*known, *rules])
    else:
        several.append((c, rules))
    uses[o] = several if len(several) > 1 else several[0]
