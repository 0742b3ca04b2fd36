"""Memory of a program: the values of its nodes and the cotangents of its outputs.

An *entry* is the value of a node, or the cotangent of a node in the table of one output. It is
*known* once it was computed, and *kept* while its array is here: it may be evicted and
rematerialised. Absent and stale are two things: an entry is stale only if it is *marked*.

The invariant on which everything rests: **if a known entry is marked, every known entry that read
it is marked.**

An assignment computes nothing. It marks every entry that read what changed, directly or through
others, as perhaps stale (`MAYBE_STALE`), following what the rules say that they read. A request
then verifies: an entry becomes stale for certain (`CERTAINLY_STALE`) only if something that it read
took other bits. An entry that stays perhaps stale until all that it read is verified is right as it
stands, so that invalidation ends there.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..arrays.values import bitwise_equal, canonicalize, dtype_of, full, shape_of
from ..errors import DisturbedError, EndedError, ValueChangedError
from ..program.graph_view import Attributes, Consumers, Operands, graph_of
from ..program.steps import Operand, Steps
from ..rules.registration import RULES, Read
from ..text import describe
from .invalidation import cotangents_to_mark, rules_reading, values_to_mark
from .keeper import VALUE, Keeper
from .observer import Observer
from .provenance import History
from .tables import CERTAINLY_STALE, MAYBE_STALE, Table, TableIndex
from .uses import uses_towards
from .verdict import Verdict

if TYPE_CHECKING:
    import networkx as nx

VALID, MISSING, STALE = Verdict.VALID, Verdict.MISSING, Verdict.STALE


class Memory:
    """Values and cotangent tables of a program.

    Attributes
    ----------
    steps : dict
        The program: a record of each node.
    graph : networkx.DiGraph
        The same, as users see it; `nodes`, `succ` and `pred` are its inner dicts, because
        networkx's views cost more than the arithmetic.
    values, marks, invalidated_by : dict
        Node to its value; to `MAYBE_STALE` or `CERTAINLY_STALE`, if it may be stale; to the
        operand that made it stale the last time.
    pending : dict
        Leaf to a value that was assigned and not yet asked for.
    tables : dict
        Output to its table.
    index : TableIndex
        Which tables know a cotangent of a node.
    history : History
        Requests for derivatives and assignments, and the provenance of what is computed now.
    request_count : int
        Number of all requests, which may clear marks or compute. Where it grew, a signal handler
        has asked meanwhile.
    budget : Keeper or None
        Policy of eviction.
    observer : Observer or None
        Told which values are computed, while a request is logged.
    nothing_evicted : bool
        Whether no value was ever evicted.
    """

    __slots__ = (
        "__weakref__",
        "budget",
        "_graph",
        "history",
        "index",
        "invalidated_by",
        "marks",
        "nodes",
        "nothing_evicted",
        "observer",
        "pending",
        "pred",
        "request_count",
        "steps",
        "succ",
        "tables",
        "values",
    )

    def __init__(self, steps: Steps) -> None:
        self.steps = steps
        self.nodes, self.succ, self.pred = Attributes(steps), Consumers(steps), Operands(steps)
        self._graph: nx.DiGraph | None = None
        self.values: dict[int, Any] = {}
        self.marks: dict[int, int] = {}
        self.invalidated_by: dict[int, int] = {}
        self.pending: dict[int, Any] = {}
        self.tables: dict[int, Table] = {}
        self.index = TableIndex()
        self.history = History()
        self.request_count = 0
        self.budget: Keeper | None = None
        self.observer: Observer | None = None
        self.nothing_evicted = True

    @property
    def graph(self) -> "nx.DiGraph":
        """The program as users see it, made when it is first looked at."""
        if self._graph is None:
            graph = graph_of(self.nodes, self.succ, self.pred)
            if self._graph is None:  # a signal handler may have looked meanwhile
                self._graph = graph
        return self._graph

    # to read

    def known_value(self, n: int) -> Any:
        """Return the value of n if nothing has to be computed or verified for it, else None."""
        if (assigned := self.pending.get(n)) is not None:
            return assigned
        value = self.values.get(n)
        return None if n in self.marks else value

    def value(self, n: int) -> Any:
        """Return the value of n, verified."""
        if n in self.marks:
            self._verify_value(n)
        try:
            return self.values[n]
        except KeyError:
            return self._rematerialise(n)

    def _verify_value(self, n: int) -> None:
        """Verify the value of n, and before it the values that it is computed from."""
        marks, steps = self.marks, self.steps
        # `_replace_value` reads the cache of consumers, which a copied tape may not have filled.
        self.succ.sync()
        seen, stack = {n}, [n]
        while stack:
            for o in steps[stack.pop()].args:
                if type(o) is Operand and o in marks and o not in seen:
                    seen.add(o)
                    stack.append(o)
        for m in sorted(seen):
            # A signal handler may verify the same meanwhile, so that every step can be repeated.
            if (new := self.pending.get(m)) is not None:
                self._replace_value(m, new)
                self.pending.pop(m, None)
            elif marks.get(m) == CERTAINLY_STALE:
                self._replace_value(m, self.run(m))
            marks.pop(m, None)

    def _rematerialise(self, n: int) -> Any:
        """Compute the evicted value of n again, and before it the evicted values that it needs."""
        if n not in self.steps:
            raise EndedError(
                f"Node {n} was recorded in a scratch block that has ended. Record it again, "
                f"outside."
            )
        readers = self._readers_to_rematerialise(n)
        # Values are held here too, because a budget may evict one while the next is computed.
        made: dict[int, Any] = {}
        if self.budget is not None:
            self.budget.expect_rematerialised(readers)
        for m in sorted(readers):
            made[m] = self.run(m, lambda a: made[a] if a in made else self.value(a))
            self.keep(m, made[m])
            for o in self.pred[m]:
                if o in made:
                    readers[o] -= 1
                    if not readers[o]:
                        del made[o]
        return made[n]

    def _readers_to_rematerialise(self, n: int) -> dict[int, int]:
        """Return n and its evicted ancestors, each with the number of those that read it."""
        readers, stack = {n: 1}, [n]
        while stack:
            for o in self.pred[stack.pop()]:
                if o in readers:
                    readers[o] += 1
                elif o not in self.values:
                    readers[o] = 1
                    stack.append(o)
        return readers

    def run(self, n: int, read: Read | None = None) -> Any:
        """Compute the value of n from its operands' values."""
        step, read = self.steps[n], read or self.value
        args = [read(a) if type(a) is Operand else a for a in step.args]
        y = canonicalize(RULES[step.op].run(args, step.kwargs))
        if shape_of(y) != step.shape or dtype_of(y) != step.dtype:
            raise ValueChangedError(
                f"{describe(self.nodes[n])} came back as {dtype_of(y)} {shape_of(y)} after an "
                f"assignment. Shape and dtype are part of "
                f"the program: record it anew with the new values, or write it with np.where."
            )
        if self.observer is not None:
            self.observer.on_value(n)
        return y

    def keep(self, n: int, value: Any) -> None:
        """Store the value of n."""
        self.values[n] = value
        if self.budget is not None:
            self.budget.keep((VALUE, n), value)

    def _replace_value(self, n: int, new: Any) -> None:
        """Replace the value of n, and mark as stale what read the old value.

        No other method replaces a value. Its readers are marked `MAYBE_STALE` already.
        """
        old = self.values.get(n)
        if old is not None and bitwise_equal(old, new):
            return
        seen = self.request_count
        consumers = self.succ.cache[n].copy()  # a signal handler may record meanwhile
        for c in consumers:
            if self.marks.get(c) == MAYBE_STALE:
                self.marks[c], self.invalidated_by[c] = CERTAINLY_STALE, n
        for o, c in rules_reading(n, self.steps, consumers):
            for table in self.index.with_both(o, c):
                if table.marks.get(o) == MAYBE_STALE:
                    table.marks[o], table.invalidated_by[o] = CERTAINLY_STALE, n
        self.keep(n, new)
        self._check_undisturbed(seen)

    def _check_undisturbed(self, seen: int) -> None:
        """Raise if the number of requests is not the one that was seen before an update.

        A signal handler may then have verified an entry before the update marked it as stale.
        """
        if seen != self.request_count:
            self._mark_all()
            raise DisturbedError(
                "A signal handler asked this tape in the middle of an update. Nothing is lost: "
                "ask again."
            )

    def rules_reading(self, n: int) -> list[tuple[int, int]]:
        """Return the uses, as (operand, consumer), whose VJP rules read the value of n."""
        return rules_reading(n, self.steps, self.succ[n].copy())

    # cotangents

    def table(self, output: int) -> Table:
        """Return the table of a scalar L; begin it if there is none.

        What leads to L is found once, because the operands of a node never change.
        """
        table = self.tables.get(output)
        if table is None:
            table = self.empty_table(output)
            self.index.add(table, output)
            self.tables[output] = table
        return table

    def table_or_empty(self, output: int) -> Table:
        """Return the table of a scalar L, or an empty one, which is not kept, if there is none."""
        return self.tables.get(output) or self.empty_table(output)

    def empty_table(self, output: int, first: int = 0) -> Table:
        """Return a table of L with ∂L/∂L = 1 alone, for targets from `first` on.

        The memory does not know it, so that no assignment marks what it will hold.
        """
        return Table(output, uses_towards(self, output, first=first), self.unit_seed(output))

    def unit_seed(self, output: int) -> Any:
        """Return ∂L/∂L = 1 in L's own dtype, or a float32 program would compute in float64."""
        step = self.steps[output]
        return full(step.shape, 1, step.dtype)

    def verify_cotangent(self, table: Table, n: int) -> Verdict:
        """Verify a cotangent that may be stale, after those that it was computed from."""
        marks = table.marks
        if n not in table.cotangents:
            return MISSING
        if marks.get(n) == MAYBE_STALE and self.marks:
            for p in self.values_read_by(table, n):
                self.value(p)  # if p took other bits, this marks n as certainly stale
        if marks.get(n) == CERTAINLY_STALE:
            return STALE
        marks.pop(n, None)  # a signal handler may have asked meanwhile
        if self.budget is not None:
            self.budget.note_known(table, n)
        return VALID

    def store(self, table: Table, n: int, new: Any) -> None:
        """Store the cotangent of n.

        No other method writes cotangents. The index is written first: an assignment must find the
        entry.
        """
        if n in table.marks:
            self._replace_cotangent(table, n, new)
        else:
            self.index.add(table, n)
            table.cotangents[n], table.provenance[n] = new, self.history.current
            if table.invalidated_by:
                table.invalidated_by.pop(n, None)  # the cause belongs to one that was evicted
        if self.budget is not None:
            self.budget.keep((table.output, n), table.cotangents[n])
            self.budget.note_known(table, n)

    def _replace_cotangent(self, table: Table, n: int, new: Any) -> None:
        """Replace a marked cotangent; if it takes the old bits again, what read it stays right."""
        old, marks, seen = table.cotangents.get(n), table.marks, self.request_count
        if old is None or not bitwise_equal(old, new):
            pulls = RULES[self.steps[n].op].pulls
            for k, o in enumerate(self.steps[n].args):
                if type(o) is Operand and marks.get(o) == MAYBE_STALE and pulls[k,]:
                    marks[o], table.invalidated_by[o] = CERTAINLY_STALE, ~n
            table.cotangents[n], table.provenance[n] = new, self.history.current
            if old is None:
                table.invalidated_by.pop(n, None)  # it was evicted, not dropped
        marks.pop(n, None)
        self._check_undisturbed(seen)

    def values_read_by(self, table: Table, n: int) -> Iterator[int]:
        """Yield the nodes whose values ∂L/∂n reads."""
        for c, rules in table.uses_of(n):
            args = self.steps[c].args
            for _, rule in rules:
                yield from (a for j, a in enumerate(args) if type(a) is Operand and rule.reads(j))
                if rule.reads_output:
                    yield c

    # to change

    def assign(self, new: dict[int, Any]) -> None:
        """Give leaves new values: compute nothing, and mark all that was computed from them.

        Cotangents are marked before the values that they read, and values are set last: the
        invariant holds wherever an interrupt strikes. A signal handler may ask and record at any
        line, which clears marks and adds entries: then everything is marked.
        """
        seen = self._events()
        try:
            self._mark(new)
        except RuntimeError:  # a dict grew during an iteration over it
            if seen == self._events():
                raise
        while seen != (seen := self._events()):
            self._mark_all()
            self.pending.update(new)
        self.history.note_assignment(new)

    def _events(self) -> tuple[int, int]:
        """Return the numbers of requests and of nodes, one of which grows with every event."""
        return self.request_count, len(self.steps)

    def _mark_all(self) -> None:
        """Mark every known entry as perhaps stale; to verify one, nothing is computed again."""
        for table in list(self.tables.values()):
            for n in list(table.provenance):
                table.marks.setdefault(n, MAYBE_STALE)
        for n in list(self.steps):
            self.marks.setdefault(n, MAYBE_STALE)

    def _mark(self, new: dict[int, Any]) -> None:
        """Mark what is computed from leaves, and set their new values aside."""
        consumers = self.succ.sync()
        values = values_to_mark(new, self.marks, consumers)
        for table, marks in cotangents_to_mark(values, self.steps, consumers, self.index).items():
            table.marks.update(marks)
        self.marks.update(values)
        self.pending.update(new)

    def truncate(self, start: int, stop: int) -> None:
        """Forget the nodes start, …, stop - 1, the last ones, with their values and tables."""
        state = self._state_of_nodes()
        for n in range(stop - 1, start - 1, -1):
            if self.budget is not None:
                self.budget.forget((VALUE, n))
            if n in self.tables:
                self.forget(self.tables[n])
                del self.tables[n]
            for view in (self.succ, self.pred, self.nodes):
                view.discard(n)
            for of_nodes in state:
                of_nodes.pop(n, None)
            self.steps.pop(n, None)

    def forget_strays(self) -> None:
        """Forget what a signal handler has left of nodes that were cut off meanwhile."""
        steps, views = self.steps, (self.succ, self.pred, self.nodes)
        for of_nodes in (
            *(view.cache for view in views),
            *self._state_of_nodes(),
            *self.succ.cache.values(),
        ):
            for n in [n for n in list(of_nodes) if n not in steps]:
                of_nodes.pop(n, None)

    def _state_of_nodes(self) -> tuple[dict[int, Any], ...]:
        """Return the dicts from nodes to what is known of them beside the program."""
        return (
            self.index.of,
            self.marks,
            self.invalidated_by,
            self.history.assigned,
            self.pending,
            self.values,
        )

    def limit(self, budget: Keeper | None) -> None:
        """Keep arrays within a budget from now on; keep all of them if it is None."""
        self.budget = budget
        if budget is not None:
            self.nothing_evicted = False
            budget.keep_all()

    def forget(self, table: Table) -> None:
        """Empty a table but for ∂L/∂L = 1, as if nothing had been asked.

        The arrays go first and the index last, so that an assignment finds what is still there.
        """
        for n in list(table.cotangents):
            if n != table.output:
                if self.budget is not None:
                    self.budget.forget((table.output, n))
                table.cotangents.pop(n, None)
        for kept in (table.marks, table.provenance, table.invalidated_by):
            kept.clear()
        for n in table.uses:
            if n != table.output:
                self.index.discard(table, n)
        for n in list(table.cotangents):  # a signal handler may have asked for some meanwhile
            self.index.add(table, n)

    def forget_values(self) -> None:
        """Drop every value that can be computed."""
        self.nothing_evicted = False
        for n in list(self.values):
            if self.steps[n].op is not None:
                if self.budget is not None:
                    self.budget.forget((VALUE, n))
                self.values.pop(n, None)
