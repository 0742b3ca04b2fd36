"""Mapping from node to cotangent, as `mg.table` shows a table."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..arrays.formatting import format_array
from ..arrays.values import export
from ..errors import UnknownNodeError
from ..tape.node import Node
from ..tape.recorder import Recorder
from ..text import derivative_name, describe, printable, table_as_html, table_lines
from .requests import Request, ask
from .targets import require_scalar


class Cotangents(Mapping[str, Any]):
    """∂L/∂node for the nodes that have one, by handle, id or name; iterates over names.

    Attributes
    ----------
    tape : Tape
        Whose nodes they are.
    output : int
        L.
    """

    def __init__(
        self, tape: Recorder, output: int, held: Mapping[int, Any], read: Callable[[int], Any]
    ) -> None:
        self.tape, self.output = tape, output
        self._held, self._read = held, read

    def __reduce__(self) -> tuple[Any, ...]:
        return table, (self.tape[self.output],)

    def __getitem__(self, key: Node | int | str) -> Any:
        n = self.tape[key].id
        if n not in self._held:
            node = self.tape.state.nodes[n]
            raise UnknownNodeError(
                f"The table of {self._name(self.output)} holds no cotangent of "
                f"{describe(node)}: nobody asked for it. Use memograd.grad."
            )
        return export(self._read(n))

    def __contains__(self, key: object) -> bool:
        return self.tape.find_id(key) in self._held

    def __iter__(self) -> Iterator[str]:
        return (self._name(n) for n in sorted(self._held))

    def __len__(self) -> int:
        return len(self._held)

    def __repr__(self) -> str:
        """Return a row for each cotangent: name, dtype, and its number or its shape and size."""
        output = printable(self._name(self.output), 20)
        rows = [
            (derivative_name(output, printable(name, 20)), _format_cotangent(self[name]))
            for name in self
        ]
        return "\n".join(table_lines("<  <", rows))

    def _repr_html_(self) -> str:
        return table_as_html(
            derivative_name(self._name(self.output), "…"),
            ("node", "dtype and value"),
            list(self),
            lambda name: (name, _format_cotangent(self[name])),
        )

    def _name(self, n: int) -> str:
        return Node(self.tape, n).name


def _format_cotangent(g: Any) -> str:
    """Return the dtype of a cotangent, and its number or its shape and largest element."""
    if isinstance(g, tuple):
        return "; ".join(map(_format_cotangent, g))
    return f"{g.dtype!s:<10} {format_array(g, digits=6, max_elements=-1, gap='  ')}"


def table(L: Node) -> Cotangents:
    """Return the cotangents that L's table holds; reading one verifies it first.

    Parameters
    ----------
    L : Node
        A scalar.

    Returns
    -------
    Mapping
        From node (handle, id or name) to ∂L/∂node. ∂L/∂L = 1 is among them.

    Raises
    ------
    NotScalarError, NotDifferentiableError
        As for :func:`memograd.grad`.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> tape = mg.Tape()
    >>> x = tape.leaf(2.0, name="x")
    >>> L = (np.exp(x).named("e") * x).named("L")
    >>> _ = mg.grad(L, x)
    >>> mg.table(L)
    ∂L/∂x  float64    22.1672
    ∂L/∂e  float64    2
    ∂L/∂L  float64    1
    """
    tape = require_scalar(L).tape
    with tape.lock:
        known = tape.state.table(L.id)

    def read(n: int) -> Any:
        """Return the cotangent of n, verified."""
        L.attributes  # noqa: B018  (raises, if L was cut off meanwhile)
        return ask(L, None, Request.cotangent, n)

    return Cotangents(tape, L.id, known.cotangents, read)
