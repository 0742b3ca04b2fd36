"""Why is a derivative what it is in its table: computed, read, dropped, kept? A sentence that ends
at an act of the user's.

The memory remembers with each cotangent the request that computed it, and with each entry that was
found wrong what it had read that took other bits. From these the chain of causes is followed; where
nothing went wrong, the chain is sought from what was assigned since. An entry is written n if it is
a value, and ~n if it is the cotangent of n.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain, pairwise
from textwrap import fill
from typing import NamedTuple

from ..memory.memory import Memory
from ..memory.tables import MAYBE_STALE, Table, consumers
from ..program.steps import Operand, operand_positions
from ..solver.recursion import check_target, require_scalar
from ..tape.node import Node
from ..text import derivative_name, printable, text_as_html

MAX_CAUSES = 4
"""How many causes are printed; of a longer chain, the first ones and the last."""


class Reason(NamedTuple):
    """Why an entry of a table is what it is; prints as a sentence, which its `repr` breaks into
    lines under 80 columns.

    Attributes
    ----------
    kind : str
        ``computed``, ``dropped``, ``read``: by the last request, or by one before.
        ``kept``, ``cut off``: although something was assigned. ``maybe stale``, ``stale``:
        to be verified, or dropped, by the next request. ``let go``, ``unasked``, ``no path``,
        ``seed``: not in the table, or always there.
    chain : tuple of str
        What is the case; because of what; because of what; and so on.
    """

    kind: str
    chain: tuple[str, ...]

    def __repr__(self) -> str:
        return fill(
            str(self), 79, subsequent_indent=4 * " ", break_long_words=False, break_on_hyphens=False
        )

    def __str__(self) -> str:
        shown = self.chain
        if len(shown) > MAX_CAUSES + 1:
            shown = (*shown[:MAX_CAUSES], f"… ({len(shown) - MAX_CAUSES - 1} more) …", shown[-1])
        return " because ".join(shown) + "."

    def _repr_html_(self) -> str:
        return text_as_html(repr(self))


def why(L: Node, node: Node) -> Reason:
    """Why ∂L/∂node is what it is in L's table: a sentence that ends at what the user did.

    Requests and assignments are numbered as they were made on the tape; reading ``mg.table(L)`` is
    a request, too.

    Parameters
    ----------
    L : Node
        A scalar of an inexact dtype.
    node : Node
        Of an inexact dtype.

    Returns
    -------
    Reason
        Prints as one sentence; `kind` says which case it is, `chain` has its parts.

    Raises
    ------
    NotScalarError, NotDifferentiableError, OtherTapeError
        As for :func:`memograd.grad`.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> tape = mg.Tape()
    >>> x, w = tape.leaf(2.0, name="x"), tape.leaf(3.0, name="w")
    >>> L = (np.multiply(np.sin(x).named("s"), w).named("m") + x).named("L")
    >>> mg.why(L, w)
    ∂L/∂w was never computed because no finished request asked for it, or for what
        needs it.
    >>> _ = mg.grad(L, x)
    >>> mg.why(L, tape["s"])
    ∂L/∂s was computed because request 1 asked for ∂L/∂x, which needs it.
    >>> w.value = 4.0
    >>> mg.why(L, tape["s"])
    ∂L/∂s may be stale, until a request verifies it, because w was assigned
        (assignment 1) and the rule of m for s reads it.
    >>> _ = mg.grad(L, x)
    >>> mg.why(L, tape["s"])
    ∂L/∂s was dropped, and computed anew by request 2, because w was assigned
        (assignment 1) and the rule of m for s reads it.
    >>> mg.why(L, tape["m"])
    ∂L/∂m is kept because no rule between L and m reads what changed: w was
        assigned (assignment 1).
    """
    memory = require_scalar(L).tape.state
    check_target(L, node)
    with L.tape.lock:
        return ProvenanceQuery(memory, memory.tables.get(L.id) or memory.empty_table(L.id)).reason(
            node.id
        )


class ProvenanceQuery:
    """Into one table, by those who may read the memory's notes."""

    def __init__(self, memory: Memory, table: Table) -> None:
        self.memory, self.table = memory, table

    def reason(self, n: int) -> Reason:
        """Why ∂L/∂n is what it is."""
        table, this = self.table, self._label(~n)
        if n == table.output:
            return Reason("seed", (f"{this} is never computed", "it is 1"))
        if n not in table.uses:
            path = (
                f"no path of differentiable uses leads from {self._label(n)} to "
                f"{self._label(table.output)}"
            )
            return Reason("no path", (f"{this} is never visited", path))
        if n not in table.provenance:
            return Reason(
                "unasked",
                (
                    f"{this} was never computed",
                    "no finished request asked for it, or for what needs it",
                ),
            )
        if n not in table.cotangents:
            return Reason(
                "let go", (f"{this} is not in the table now", "it was let go to keep the budget")
            )
        if n in table.marks:
            return self._say_marked(n)
        since = self._assignments_since(n)
        return self._say_kept(n, since) if since else self._say_stored(n)

    def _say_stored(self, n: int) -> Reason:
        """Nothing was assigned since it was computed."""
        this, act = self._label(~n), self.table.provenance[n]
        asked = (
            "asked for it"
            if act.target == n
            else f"asked for {self._label(~act.target)}, which needs it"
        )
        if act.request < self.memory.requests:
            return Reason(
                "read", (f"{this} is read", f"request {act.request} stored it: that {asked}")
            )
        if n not in self.table.invalidated_by:
            return Reason("computed", (f"{this} was computed", f"request {act.request} {asked}"))
        return Reason(
            "dropped",
            (f"{this} was dropped, and computed anew by request {act.request},", *self._causes(n)),
        )

    def _say_marked(self, n: int) -> Reason:
        """Return the next request that needs it visits it."""
        this = self._label(~n)
        if self.table.marks[n] != MAYBE_STALE:
            return Reason(
                "stale", (f"{this} is stale, until a request drops it,", *self._causes(n))
            )
        way = self._path_to_assignment(n, self._assignments_since(n))
        clauses = list(self._clauses(way, "may have other bits")) or [
            "an assignment was interrupted"
        ]
        return Reason(
            "maybe stale", (f"{this} may be stale, until a request verifies it,", *clauses)
        )

    def _say_kept(self, n: int, since: dict[int, int]) -> Reason:
        """It is right, although something was assigned since it was computed."""
        this, way = self._label(~n), self._path_to_assignment(n, since)
        if not way:
            some, more = (
                ", ".join(map(self._say_assignment, list(since)[:2])),
                f" and {len(since) - 2} more" if len(since) > 2 else "",
            )
            between = f"no rule between {self._label(self.table.output)} and {self._label(n)}"
            return Reason(
                "kept", (f"{this} is kept", f"{between} reads what changed: {some}{more}")
            )
        equal = (
            "it, or all that it reads," if n in self.table.invalidated_by else self._label(way[1])
        )
        return Reason(
            "cut off",
            (
                f"{this} is kept, although {self._say_assignment(way[-1])},",
                f"{equal} came out equal, bit for bit",
            ),
        )

    # chains of causes

    def _assignments_since(self, n: int) -> dict[int, int]:
        """Return the leaves that were assigned after ∂L/∂n was computed, with the numbers of the
        assignments.
        """
        return {
            p: number
            for p, number in self.memory.assigned.items()
            if number > self.table.provenance[n].assignments
        }

    def _causes(self, n: int) -> Iterator[str]:
        """Why ∂L/∂n was found wrong."""
        path, of_values, of_cotangents = [~n], self.memory.invalidated_by, self.table.invalidated_by
        while (
            cause := of_values.get(path[-1]) if path[-1] >= 0 else of_cotangents.get(~path[-1])
        ) is not None:
            path.append(cause)
        return self._clauses(path, "took other bits")

    def _path_to_assignment(self, n: int, leaves: dict[int, int]) -> list[int]:
        """Return the entries from ∂L/∂n to that one of the leaves, if it comes from any, which was
        assigned last.
        """
        asker, queue = {~n: ~n}, deque([~n])
        while queue:
            entry = queue.popleft()
            for read in self._read_by(entry):
                if read not in asker:
                    asker[read] = entry
                    queue.append(read)
        found = [p for p in asker if p in leaves]
        way = [max(found, key=leaves.__getitem__)] if found else []
        while way and way[-1] != ~n:
            way.append(asker[way[-1]])
        return way[::-1]

    def _read_by(self, entry: int) -> Iterable[int]:
        if entry >= 0:
            return operand_positions(self.memory.steps[entry].args)
        return chain(
            self.memory.values_read_by(self.table, ~entry),
            (~c for c in consumers(self.table, ~entry)),
        )

    # words

    def _clauses(self, path: list[int], changed: str) -> Iterator[str]:
        """Yield one for each step from an entry to one that it read."""
        for entry, read in pairwise(path):
            leaf = read >= 0 and self.memory.steps[read].op is None
            what = self._say_assignment(read) if leaf else f"{self._label(read)} {changed}"
            yield what + (
                f" and the rule of {self._rule_label(~entry, read)} reads it"
                if entry < 0 <= read
                else ""
            )

    def _rule_label(self, n: int, p: int) -> str:
        """Return which one reads the value of p for the cotangent of n."""
        above = consumers(self.table, n)
        c = next(
            c
            for o, c in self.memory.rules_reading(p)
            if type(o) is Operand and o == n and c in above
        )
        return f"{self._label(c)} for {self._label(n)}"

    def _say_assignment(self, leaf: int) -> str:
        number = self.memory.assigned.get(leaf)
        return f"{self._label(leaf)} was assigned" + (f" (assignment {number})" if number else "")

    def _label(self, entry: int) -> str:
        if entry < 0:
            return derivative_name(self._label(self.table.output), self._label(~entry))
        return printable(self.memory.nodes.name(entry), 20)
