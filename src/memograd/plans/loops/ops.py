"""Two ops for all loops and branches: the run, and the pull, which is the VJP of the run.

The derivatives of both are the same two ops, of the loop that carries tangents along. For the run
f(p), the JVP is the tangent part of the run of h(p, t) = (f(p), J(p) t), and the VJP is the pull.
The pull P(p, g) = J(p)ᵀ g is linear in g: its VJP by g is the JVP of the run. By p, along μ, it is
the gradient of gᵀ J(p) μ: the pull of h, at the cotangent (0, g). So derivatives of any order need
from a kind of loop no more than to run, to pull, and to carry tangents.

References
----------
A. Griewank, A. Walther: Evaluating Derivatives (2nd ed., 2008), section 5.3 (second-order adjoints
by forward over reverse).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple

from ...arrays.values import is_inexact
from ...program.steps import Operand, Steps
from ...rules.absent_outputs import Absent
from ...rules.registration import JOINT_PUSHES, RULES, Read, VJPRule, op, rule, set_traits
from ...rules.traits import Structure
from ...solver.asked_targets import pull_jointly
from ...solver.recursion import zeros_for
from ...transforms.batched_array import run_op

Facts = tuple[tuple[int, ...], Any]
"""Shape and dtype of an array."""


class Dual(NamedTuple):
    """Loop that carries tangents along with values.

    Attributes
    ----------
    loop : Loop
        The loop.
    inputs : sequence of (bool, int)
        Its operands, in order: whether one is a tangent, and the number of the operand of the
        original loop.
    outputs : sequence of (bool, int)
        Its outputs, in the same way.
    """

    loop: "Loop"
    inputs: Sequence[tuple[bool, int]]
    outputs: Sequence[tuple[bool, int]]


class Loop(ABC):
    """Loop or branch, as its two ops see it.

    Attributes
    ----------
    op : callable
        The op that runs it.
    """

    op: ClassVar[Callable[..., Any]]

    def __init__(self) -> None:
        self._duals: dict[tuple[int, ...], Dual] = {}

    @abstractmethod
    def inputs(self) -> list[Facts]:
        """Return shape and dtype of each operand."""

    @abstractmethod
    def outputs(self) -> list[Facts]:
        """Return shape and dtype of each output."""

    @abstractmethod
    def run(self, xs: Sequence[Any]) -> tuple[Any, ...]:
        """Return the outputs, given the operands."""

    @abstractmethod
    def pull(
        self, xs: Sequence[Any], g: dict[int, Any], wanted: tuple[int, ...]
    ) -> tuple[Any, ...]:
        """Return the cotangents of the wanted operands, given those of outputs by number."""

    @abstractmethod
    def carry_tangents(self, moving: tuple[int, ...]) -> Dual:
        """Return the loop that carries tangents, given the operands that have one."""

    def dual(self, moving: tuple[int, ...]) -> Dual:
        """Return the loop that carries tangents, made at the first call."""
        if moving not in self._duals:
            self._duals[moving] = self.carry_tangents(moving)
        return self._duals[moving]


def make_run_op(name: str) -> Callable[..., Any]:
    """Return the op that runs one kind of loop; pictures and messages show its name."""

    def run(*xs: Any, loop: Any) -> Any:
        return loop.run(xs)

    run.__name__ = run.__qualname__ = name
    run.__doc__ = """Return the outputs of a loop, a tuple, given its operands."""
    return op(run)


run_scan = make_run_op("run_scan")
run_while_loop = make_run_op("run_while_loop")
run_branch = make_run_op("run_branch")
run_fixed_point = make_run_op("run_fixed_point")


@op
def pull_loop(*xs: Any, loop: Any, outputs: Any, wanted: Any) -> Any:
    """Return the cotangents of a loop's wanted operands, a tuple.

    The operands are those of the loop, and then the cotangents of these outputs.
    """
    count = len(loop.inputs())
    return loop.pull(xs[:count], dict(zip(outputs, xs[count:], strict=True)), wanted)


# derivatives of the run


def pull_run(
    loop: Loop, xs: Sequence[Any], g: Sequence[Any], wanted: tuple[int, ...]
) -> tuple[Any, ...]:
    """Return the cotangents of the wanted operands of a run."""
    present = [j for j, d in enumerate(g) if type(d) is not Absent and is_inexact(d.dtype)]
    keywords = {"loop": loop, "outputs": tuple(present), "wanted": wanted}
    pulled: tuple[Any, ...] = run_op(pull_loop, (*xs, *(g[j] for j in present)), keywords)
    return pulled


def push_run(tangents: dict[int, Any], output: Any, *xs: Any, loop: Loop) -> tuple[Any, ...]:
    """Return the tangents of the outputs of a run; None for those without one."""
    moving = tuple(sorted(tangents))
    dual = loop.dual(moving)
    found = run_op(dual.loop.op, arrange(dual, xs, tangents), {"loop": dual.loop})
    of_output = {j: t for (tangent, j), t in zip(dual.outputs, found, strict=True) if tangent}
    return tuple(of_output.get(j) for j in range(len(loop.outputs())))


def arrange(dual: Dual, xs: Sequence[Any], tangents: dict[int, Any]) -> tuple[Any, ...]:
    """Return the operands of a loop with tangents; zeros where one is missing."""
    facts = dual.loop.inputs()
    return tuple(
        xs[i] if not tangent else tangents[i] if i in tangents else zeros_for(*facts[place])
        for place, (tangent, i) in enumerate(dual.inputs)
    )


# derivatives of the pull


def pull_pull(
    g: Sequence[Any],
    xs: Sequence[Any],
    asked: tuple[int, ...],
    loop: Loop,
    outputs: tuple[int, ...],
    wanted: tuple[int, ...],
) -> tuple[Any, ...]:
    """Return the cotangents of the asked operands of a pull, given those of its results.

    Those of the loop's operands come from the pull of the loop with tangents; those of cotangents
    come from its run.
    """
    count = len(loop.inputs())
    points, given = xs[:count], dict(zip(outputs, xs[count:], strict=True))
    tangents = {k: d for k, d in zip(wanted, g, strict=True) if type(d) is not Absent}
    dual = loop.dual(tuple(sorted(tangents)))
    operands = arrange(dual, points, tangents)
    found: dict[int, Any] = {}
    if any(k >= count for k in asked):
        pushed = run_op(dual.loop.op, operands, {"loop": dual.loop})
        of_output = {j: pushed[p] for p, (tangent, j) in enumerate(dual.outputs) if tangent}
        found.update((count + p, of_output[j]) for p, j in enumerate(outputs))
    own = tuple(k for k in asked if k < count)
    if own:
        found.update(zip(own, pull_tangents(dual, operands, given, own), strict=True))
    return tuple(found[k] for k in asked)


def pull_tangents(
    dual: Dual, operands: tuple[Any, ...], g: dict[int, Any], own: tuple[int, ...]
) -> tuple[Any, ...]:
    """Return the cotangents of original operands, for those of the tangents of outputs."""
    of_tangent = [p for p, (tangent, j) in enumerate(dual.outputs) if tangent and j in g]
    places = {i: p for p, (tangent, i) in enumerate(dual.inputs) if not tangent}
    keywords = {
        "loop": dual.loop,
        "outputs": tuple(of_tangent),
        "wanted": tuple(places[k] for k in own),
    }
    given = tuple(g[dual.outputs[p][1]] for p in of_tangent)
    return run_op(pull_loop, (*operands, *given), keywords)  # type: ignore[no-any-return]


def push_pull(
    tangents: dict[int, Any],
    output: Any,
    *xs: Any,
    loop: Loop,
    outputs: tuple[int, ...],
    wanted: tuple[int, ...],
) -> tuple[Any, ...]:
    """Return the tangents of the results of a pull."""
    count = len(loop.inputs())
    points, g = xs[:count], dict(zip(outputs, xs[count:], strict=True))
    terms: list[tuple[Any, ...]] = []
    moved = {outputs[k - count]: t for k, t in tangents.items() if k >= count}
    if moved:
        keywords = {"loop": loop, "outputs": tuple(moved), "wanted": wanted}
        terms.append(run_op(pull_loop, (*points, *moved.values()), keywords))
    own = {k: t for k, t in tangents.items() if k < count}
    if own:
        dual = loop.dual(tuple(sorted(own)))
        terms.append(pull_tangents(dual, arrange(dual, points, own), g, wanted))
    return terms[0] if len(terms) == 1 else tuple(a + b for a, b in zip(*terms, strict=True))


# rules: the cotangents of all operands that a request asks for come from one pull


def pull_operand(g: Any, k: int, xs: Any, loop: Any) -> Any:
    """Return the cotangent of operand k of a run."""
    return pull_run(loop, xs, g, (k,))[0]


def pull_pull_operand(g: Any, k: int, xs: Any, loop: Any, outputs: Any, wanted: Any) -> Any:
    """Return the cotangent of operand k of a pull."""
    return pull_pull(g, xs, (k,), loop, outputs, wanted)[0]


def pull_run_jointly(g: Any, c: int, k: int, steps: Steps, read: Read) -> Any:
    """Return the contribution of a run to the cotangent of operand k."""
    loop, xs = steps[c].kwargs["loop"], operand_values(steps[c].args, read)
    return pull_jointly(steps, c, k, g, lambda asked: pull_run(loop, xs, g, asked))


def pull_pull_jointly(g: Any, c: int, k: int, steps: Steps, read: Read) -> Any:
    """Return the contribution of a pull to the cotangent of operand k."""
    xs, of_call = operand_values(steps[c].args, read), steps[c].kwargs
    return pull_jointly(steps, c, k, g, lambda asked: pull_pull(g=g, xs=xs, asked=asked, **of_call))


def operand_values(args: tuple[Any, ...], read: Read) -> tuple[Any, ...]:
    """Return the operands of a call as arrays, or as handles."""
    return tuple(read(a) if type(a) is Operand else a for a in args)


def register(each_op: Any, of_operand: Any, jointly: Any, push: Any) -> None:
    """Register the derivatives of one of the ops."""
    rule(each_op, each=of_operand)
    RULES[each_op].pulls.each = VJPRule(of_operand, jointly, lambda k: True, False)
    JOINT_PUSHES[each_op] = push
    set_traits(each_op, structure=Structure.DENSE)


for run in (run_scan, run_while_loop, run_branch, run_fixed_point):
    register(run, pull_operand, pull_run_jointly, push_run)
register(pull_loop, pull_pull_operand, pull_pull_jointly, push_pull)
