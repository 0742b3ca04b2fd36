"""Provenance of a derivative: why its entry in the table was computed, read, dropped or kept.

The memory keeps the request that computed each cotangent, and what invalidated each entry. The
chain of causes follows from these. If nothing was invalidated, a chain is searched from the
assignments made since. An entry is written n if it is a value, and ~n if it is the cotangent of n.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain, pairwise
from typing import NamedTuple

from ..memory.memory import Memory
from ..memory.tables import MAYBE_STALE, Table
from ..program.steps import Operand, operand_positions
from ..solver.targets import check_target, require_scalar
from ..tape.node import Node
from ..text import derivative_name, printable, text_as_html, wrap_text

MAX_CAUSES = 4
"""Number of causes that are printed; of a longer chain, the first ones and the last."""


class Reason(NamedTuple):
    """Reason for the state of an entry. Prints as a sentence; `repr` breaks it into short lines.

    Attributes
    ----------
    kind : str
        ``computed``, ``dropped``, ``read``: by the last request, or by one before.
        ``kept``, ``cut off``: although something was assigned. ``maybe stale``, ``stale``:
        to be verified, or dropped, by the next request. ``let go``, ``unasked``, ``no path``,
        ``seed``: not in the table, or always there.
    chain : tuple of str
        State of the entry, then its cause, the cause of that, and so on.
    """

    kind: str
    chain: tuple[str, ...]

    def __repr__(self) -> str:
        return "\n".join(wrap_text(str(self), following=4 * " "))

    def __str__(self) -> str:
        shown = self.chain
        if len(shown) > MAX_CAUSES + 1:
            shown = (*shown[:MAX_CAUSES], f"… ({len(shown) - MAX_CAUSES - 1} more) …", shown[-1])
        return " because ".join(shown) + "."

    def _repr_html_(self) -> str:
        return text_as_html(repr(self))


def why(L: Node, node: Node) -> Reason:
    """Explain the state of ∂L/∂node in L's table by the requests and assignments of the user.

    Requests and assignments are numbered in the order in which they were made on the tape. Reading
    ``mg.table(L)`` is a request, too.

    Parameters
    ----------
    L : Node
        Scalar of an inexact dtype.
    node : Node
        Node of an inexact dtype.

    Returns
    -------
    Reason
        Prints as one sentence. `kind` is the case, `chain` the parts of the sentence.

    Raises
    ------
    NotScalarError, NotDifferentiableError, OtherTapeError
        As for :func:`memograd.grad`.

    See Also
    --------
    explain : Explain a derivative that is zero, absent or not finite.
    preview : Say what a request would do.

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
        table = memory.table_or_empty(L.id)
        return ProvenanceQuery(memory, table).reason(node.id)


class ProvenanceQuery:
    """Query of the reasons for the entries of one table."""

    def __init__(self, memory: Memory, table: Table) -> None:
        self.memory, self.table = memory, table

    def reason(self, n: int) -> Reason:
        """Return the reason for the state of ∂L/∂n."""
        table, this = self.table, self._label(~n)
        if n == table.output:
            return Reason("seed", (f"{this} is never computed", "it is 1"))
        if n not in table.uses:
            ends = f"from {self._label(n)} to {self._label(table.output)}"
            path = f"no path of differentiable uses leads {ends}"
            return Reason("no path", (f"{this} is never visited", path))
        if n not in table.provenance:
            unasked = "no finished request asked for it, or for what needs it"
            return Reason("unasked", (f"{this} was never computed", unasked))
        if n not in table.cotangents:
            evicted = "it was let go to keep the budget"
            return Reason("let go", (f"{this} is not in the table now", evicted))
        if n in table.marks:
            return self._say_marked(n)
        since = self._assignments_since(n)
        return self._say_kept(n, since) if since else self._say_stored(n)

    def _say_stored(self, n: int) -> Reason:
        """Return the reason for ∂L/∂n if nothing was assigned since it was computed."""
        this = self._label(~n)
        request, target, _ = self.table.provenance[n]
        asked = "asked for it"
        if target != n:
            asked = f"asked for {self._label(~target)}, which needs it"
        if request < self.memory.history.requests:
            return Reason("read", (f"{this} is read", f"request {request} stored it: that {asked}"))
        if n not in self.table.invalidated_by:
            return Reason("computed", (f"{this} was computed", f"request {request} {asked}"))
        state = f"{this} was dropped, and computed anew by request {request},"
        return Reason("dropped", (state, *self._causes(n)))

    def _say_marked(self, n: int) -> Reason:
        """Return the reason for ∂L/∂n if it is stale or maybe stale."""
        this = self._label(~n)
        if self.table.marks[n] != MAYBE_STALE:
            state = f"{this} is stale, until a request drops it,"
            return Reason("stale", (state, *self._causes(n)))
        path = self._path_to_assignment(n, self._assignments_since(n))
        clauses = list(self._clauses(path, "may have other bits"))
        state = f"{this} may be stale, until a request verifies it,"
        return Reason("maybe stale", (state, *(clauses or ["an assignment was interrupted"])))

    def _say_kept(self, n: int, since: dict[int, int]) -> Reason:
        """Return the reason for ∂L/∂n if it is right although something was assigned since."""
        this, path = self._label(~n), self._path_to_assignment(n, since)
        if not path:
            changes = ", ".join(map(self._say_assignment, list(since)[:2]))
            if len(since) > 2:
                changes += f" and {len(since) - 2} more"
            between = f"no rule between {self._label(self.table.output)} and {self._label(n)}"
            return Reason("kept", (f"{this} is kept", f"{between} reads what changed: {changes}"))
        equal = self._label(path[1])
        if n in self.table.invalidated_by:
            equal = "it, or all that it reads,"
        state = f"{this} is kept, although {self._say_assignment(path[-1])},"
        return Reason("cut off", (state, f"{equal} came out equal, bit for bit"))

    # Chains of causes

    def _assignments_since(self, n: int) -> dict[int, int]:
        """Return the leaves assigned after ∂L/∂n was computed, and the numbers of assignments."""
        return self.memory.history.assigned_since(self.table.provenance[n].assignments)

    def _causes(self, n: int) -> Iterator[str]:
        """Yield the chain of causes that invalidated ∂L/∂n."""
        path = [~n]
        while (cause := self._invalidation_of(path[-1])) is not None:
            path.append(cause)
        return self._clauses(path, "took other bits")

    def _invalidation_of(self, entry: int) -> int | None:
        """Return the entry that invalidated another one, or None."""
        if entry >= 0:
            return self.memory.invalidated_by.get(entry)
        return self.table.invalidated_by.get(~entry)

    def _path_to_assignment(self, n: int, leaves: dict[int, int]) -> list[int]:
        """Return the shortest path of reads from ∂L/∂n to the leaf that was assigned last.

        The path is empty if ∂L/∂n was computed from none of the leaves.
        """
        reader, queue = {~n: ~n}, deque([~n])
        while queue:
            entry = queue.popleft()
            for read in self._read_by(entry):
                if read not in reader:
                    reader[read] = entry
                    queue.append(read)
        candidates = [p for p in reader if p in leaves]
        path = [max(candidates, key=leaves.__getitem__)] if candidates else []
        while path and path[-1] != ~n:
            path.append(reader[path[-1]])
        return path[::-1]

    def _read_by(self, entry: int) -> Iterable[int]:
        """Return the entries that an entry was computed from."""
        if entry >= 0:
            return operand_positions(self.memory.steps[entry].args)
        cotangents = (~c for c in self.table.consumers(~entry))
        return chain(self.memory.values_read_by(self.table, ~entry), cotangents)

    # Words

    def _clauses(self, path: list[int], changed: str) -> Iterator[str]:
        """Yield a clause for each step from an entry to one that it read."""
        for entry, read in pairwise(path):
            is_leaf = read >= 0 and self.memory.steps[read].op is None
            clause = self._say_assignment(read) if is_leaf else f"{self._label(read)} {changed}"
            if entry < 0 <= read:
                clause += f" and the rule of {self._rule_label(~entry, read)} reads it"
            yield clause

    def _rule_label(self, n: int, p: int) -> str:
        """Return the label of the rule that reads the value of p for the cotangent of n."""
        c = next(
            c
            for o, c in self.memory.rules_reading(p)
            if type(o) is Operand and o == n and c in self.table.consumers(n)
        )
        return f"{self._label(c)} for {self._label(n)}"

    def _say_assignment(self, leaf: int) -> str:
        """Return a clause that says that a leaf was assigned."""
        number = self.memory.history.assigned.get(leaf)
        return f"{self._label(leaf)} was assigned" + (f" (assignment {number})" if number else "")

    def _label(self, entry: int) -> str:
        """Return the label of a value or of a cotangent."""
        if entry < 0:
            return derivative_name(self._label(self.table.output), self._label(~entry))
        return printable(self.memory.nodes.name(entry), 20)
