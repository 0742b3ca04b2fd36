"""Branches: one of two computations, chosen by a value, as one node."""

from collections.abc import Callable, Sequence
from typing import Any

from ...arrays.pytrees import describe_tree, tree_leaves, tree_map, tree_unflatten
from ...errors import LoopError
from ...program.trace_state import TapeSearch
from ...tape.node import Node
from .bodies import Body, fit, inexact_positions, trace_body
from .ops import Dual, Facts, Loop, run_branch
from .tracing import (
    as_operand,
    as_weak,
    facts_of,
    is_weak,
    leaf_pairs,
    record_loop,
    tape_of_nodes,
)


class Branch(Loop):
    """Choice between two bodies.

    The first operand decides; the others are those of both bodies.

    Attributes
    ----------
    bodies : tuple of Body
        What runs if the first operand is true, and if it is not.
    decision : tuple
        Shape and dtype of the first operand.
    """

    op = staticmethod(run_branch)

    def __init__(self, bodies: tuple[Body, Body], decision: Facts) -> None:
        super().__init__()
        self.bodies, self.decision = bodies, decision

    def __repr__(self) -> str:
        return "<branch>"

    def inputs(self) -> list[Facts]:
        """Return shape and dtype of each operand."""
        return [self.decision, *facts_of(self.bodies[0].inputs)]

    def outputs(self) -> list[Facts]:
        """Return shape and dtype of each output."""
        return facts_of(self.bodies[0].outputs)

    def chosen(self, decision: Any) -> Body:
        """Return the body that runs."""
        return self.bodies[0 if decision else 1]

    def run(self, xs: Sequence[Any]) -> tuple[Any, ...]:
        """Return the outputs of the body that is chosen."""
        return tuple(self.chosen(xs[0]).run([*map(fit, xs[1:])]))

    def pull(
        self, xs: Sequence[Any], g: dict[int, Any], wanted: tuple[int, ...]
    ) -> tuple[Any, ...]:
        """Return the cotangents of the wanted operands."""
        pull = self.chosen(xs[0]).vjp(tuple(g), tuple(k - 1 for k in wanted))
        return tuple(pull.run([*map(fit, xs[1:]), *map(fit, g.values())]))

    def carry_tangents(self, moving: tuple[int, ...]) -> Dual:
        """Return the branch that carries tangents."""
        own = [(False, k) for k in range(len(self.bodies[0].inputs))]
        inputs = [*own, *((True, k - 1) for k in moving)]
        ends = self.bodies[0].outputs
        outputs = [
            *((False, j) for j in range(len(ends))),
            *((True, j) for j in inexact_positions(ends)),
        ]
        a, b = (body.with_tangents(inputs, outputs) for body in self.bodies)
        shifted = [(False, 0), *((tangent, k + 1) for tangent, k in inputs)]
        return Dual(Branch((a, b), self.decision), shifted, outputs)


def cond(
    pred: Any, true_fun: Callable[..., Any], false_fun: Callable[..., Any], *operands: Any
) -> Any:
    """Compute one of two functions, chosen by a value, as one node.

    Parameters
    ----------
    pred : Node or array_like
        A single number or boolean. No derivative passes through it.
    true_fun, false_fun : callable
        Functions of the operands, whose results have the same structure, shapes and dtypes. They
        may close over nodes. Both are run once with nodes, at the present values; after that, only
        the one that is chosen runs.
    *operands : Node, array_like, or pytree of them
        Arguments of the functions.

    Returns
    -------
    Node or array, or pytree of them
        The result of the function that is chosen.

    Raises
    ------
    LoopError
        The results of the functions differ in structure, shape or dtype.
    RefusedError
        A function branches on a value, or reads one.

    See Also
    --------
    numpy.where : The choice for each element; both sides are computed.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> x = mg.Tape().leaf(4.0, name="x")
    >>> y = mg.cond(x > 0, np.sqrt, lambda x: -x, x)
    >>> float(y.value), float(mg.grad(y, x))
    (2.0, 0.25)
    >>> x.value = -1.0
    >>> float(y.value), float(mg.grad(y, x))
    (1.0, -1.0)
    """
    decision = as_operand(pred)
    if tuple(decision.shape) != ():
        raise LoopError(
            f"mg.cond chooses by a single value, but got shape {tuple(decision.shape)}. Take "
            f"np.all or np.any of it, or choose for each element with np.where."
        )
    tape = tape_of_nodes(pred, operands)
    if tape is None:
        chosen = true_fun if decision else false_fun
        y, tape = TapeSearch().run(lambda: tree_map(as_operand, chosen(*operands)))
        if tape is None:
            return y
    body_pair, nodes, structure = trace_branches(true_fun, false_fun, operands, tape)
    loop = Branch(body_pair, ((), decision.dtype))
    given = (decision, *map(as_operand, tree_leaves(operands)), *nodes)
    return tree_unflatten(structure, record_loop(tape, loop, given))


def trace_branches(
    true_fun: Callable[..., Any], false_fun: Callable[..., Any], operands: Any, tape: Any
) -> tuple[tuple[Body, Body], list[Node], Any]:
    """Return both functions as bodies, what they close over, and the structure of results."""
    leaves, seen = tree_leaves(operands), list[Any]()

    def both(*nodes: Any) -> list[Any]:
        """Return the results of both functions."""
        pairs = zip(leaves, nodes, strict=True)
        args = tree_unflatten(operands, [as_weak(a, x) if is_weak(a) else x for a, x in pairs])
        seen[:] = true_fun(*args), false_fun(*args)
        check_same_form(*seen)
        return [*tree_leaves(seen[0]), *tree_leaves(seen[1])]

    body, nodes = trace_body(both, list(map(as_operand, leaves)), tape)
    half = len(body.outputs) // 2
    if not half:
        raise LoopError("The functions of mg.cond give no array. Let them return what they choose.")
    parts = body.outputs[:half], body.outputs[half:]
    first, second = (Body(body.tape, body.inputs, part) for part in parts)
    return (first, second), nodes, seen[0]


def check_same_form(a: Any, b: Any) -> None:
    """Raise unless the results of both functions have one form."""
    pairs = leaf_pairs(a, b, "result")
    if pairs is None:
        raise LoopError(
            f"The functions of mg.cond give {describe_tree(a)} and {describe_tree(b)}. Let both "
            f"give the same nest."
        )
    for where, x, y in pairs:
        x, y = as_operand(x), as_operand(y)
        if (x.shape, x.dtype) != (y.shape, y.dtype):
            raise LoopError(
                f"The functions of mg.cond give {where} as {x.dtype} {x.shape} and as {y.dtype} "
                f"{y.shape}. Let both give one shape and dtype."
            )
