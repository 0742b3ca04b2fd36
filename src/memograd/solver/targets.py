"""Checks of a request: L is a scalar with a gradient, its targets are nodes of the same tape."""

from typing import Any

from ..arrays.axis_labels import held_node
from ..arrays.pytrees import tree_leaves
from ..arrays.values import is_inexact
from ..errors import NoPathError, NotDifferentiableError, NotScalarError, OtherTapeError
from ..memory.memory import Memory
from ..memory.tables import Table
from ..program.walks import ancestors_of
from ..rules.registration import RULES
from ..tape.node import Node
from ..text import describe, printable


def require_scalar(L: Any) -> Node:
    """Return L; raise unless it is a scalar that has a gradient."""
    if type(L) is Node and L.id in L.tape.state.tables:
        L.tape.check_guards(L.id)
        return L  # otherwise checked when its table was begun
    if not isinstance(L, Node):
        reason = "depends on no leaf. Compute L from leaves of a tape"
        if isinstance(L, str):
            reason = f"is a name. Give the node that has it: tape[{printable(repr(L))}]"
        elif held_node(L) is not L:
            reason = "holds a node. Give L.data"
        raise NotDifferentiableError(
            f"The gradient is that of a node, but L is {printable(repr(L))}, which {reason}."
        )
    if L.shape != ():
        raise NotScalarError(
            f"The gradient is that of a scalar, but L is {describe(L.attributes)}. Take "
            f"np.sum(L) if you mean the sum, np.sum(seed * L) "
            f"for the VJP of a seed, L[i] for a row of the Jacobian."
        )
    _require_inexact(L)
    L.tape.check_guards(L.id)
    return L


def check_targets(L: Node, target: Any) -> list[Node]:
    """Return the nodes of a pytree of targets; raise unless each can be a target of L."""
    nodes: list[Any] = [target] if target is None or type(target) is Node else tree_leaves(target)
    table = L.tape.state.tables.get(L.id)
    for t in nodes:
        # What leads to L was checked when its table was begun.
        if table is None or type(t) is not Node or t.tape is not L.tape or t.id not in table.uses:
            check_target(L, t)
    return nodes


def check_target(L: Node, t: Any) -> None:
    """Raise unless t can be a target of L."""
    if not isinstance(t, Node):
        key = printable(repr(t)) if isinstance(t, str) else "name"
        raise NotDifferentiableError(
            f"A target is a node, or a pytree of nodes, but got {printable(repr(t))}. Take "
            f"tape[{key}] or tape[id]."
        )
    if t.tape is not L.tape:
        raise OtherTapeError(
            f"{describe(t.attributes)} is a node of another tape than "
            f"{describe(L.attributes)}. Ask each tape for its own."
        )
    _require_inexact(t)
    t.tape.check_guards(max(L.id, t.id))


def _require_inexact(t: Node) -> None:
    """Raise if the dtype of a node has no derivatives."""
    if not is_inexact(t.dtype):
        raise NotDifferentiableError(
            f"{describe(t.attributes)} has no derivative: its dtype is no float and no complex"
            f"{_format_integer_leaf(t)}. Make it one: a leaf of floats, or x.astype(float)."
        )


def _format_integer_leaf(t: Node) -> str:
    """Return a clause that names the first leaf of integers behind a node; nothing for a leaf."""
    steps = t.tape.state.steps
    for n in sorted(ancestors_of(steps, [t.id]) - {t.id}):
        if steps[n].op is None and not is_inexact(steps[n].dtype):
            return f", and it is computed from {describe(t.tape.handle(n).attributes)}"
    return ""


def no_path_error(memory: Memory, table: Table, t: Node) -> NoPathError:
    """Return the error for a target that does not lead to L."""
    ends = (
        ", ".join(printable(name) for name in _path_ends(memory, t.id))
        or "itself: nothing uses it that has a derivative"
    )
    return NoPathError(
        f"No path of differentiable uses leads from {describe(t.attributes)} to "
        f"{describe(memory.nodes[table.output])}; "
        f"the paths from it end in {ends}. Ask for another target, or take unconnected='zero' "
        f"or 'none'."
    )


def _path_ends(memory: Memory, n: int) -> list[str]:
    """Return the names of the nodes where the differentiable paths from n end."""
    nodes, seen, stack, ends = memory.nodes, {n}, [n], []
    while stack:
        o = stack.pop()
        further = [
            c
            for c, edge in memory.succ[o].items()
            if is_inexact(nodes[c]["dtype"]) and RULES[nodes[c]["op"]].pulls[edge["argnums"]]
        ]
        if not further and o != n:
            ends.append(o)
        stack.extend(c for c in further if c not in seen)
        seen.update(further)
    return [nodes[m]["name"] for m in sorted(ends)]
