"""Nodes under the name of autograd's boxes."""

from typing import Any

from ...errors import RefusedError
from ...program.steps import Operand
from ...tape.conversions import depends
from ...tape.node import Node
from ...text import describe

ArrayBox = Node


def inner_value(node: Node) -> Any:
    """Return the value of a node for the innermost of the derivatives that are being computed.

    That is what autograd's ``box._value`` is. While one derivative is computed it is the value.
    Inside another one, the value for the inner one is a node of the outer one: it is known for the
    argument of the inner function alone, and refused for what is computed from that.

    Raises
    ------
    RefusedError
        Derivatives are nested, and the value would lose the outer one.
    """
    steps, inputs = node.tape.state.steps, frozenset(node.tape.differentiated)
    inner = {i: o for i in inputs for o in steps[i].args if type(o) is Operand}
    nested = {i: o for i, o in inner.items() if depends(steps, o, inputs - {i})}
    if node.id in nested:
        return node.tape.handle(nested[node.id])
    if any(depends(steps, node.id, frozenset({i})) for i in nested):
        raise RefusedError(
            f"The _value of {describe(node.attributes)} was read while derivatives are nested; the "
            f"outer derivative would be lost. Use getval(x), if it is meant without any derivative."
        )
    return node.value


# Programs written for autograd read it; nothing in memograd does.
setattr(Node, "_value", property(inner_value))  # noqa: B010
