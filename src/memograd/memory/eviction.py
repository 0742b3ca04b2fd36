"""Eviction within a limit in bytes: drop what is cheapest to recompute per byte.

The cost of an entry includes its evicted neighbours, which would have to be rematerialised with
it. So the kept entries of a long chain end up evenly spread, like checkpoints.

Leaves, and the cotangents that the running request has yet to read, are outside the limit: a
limit below their size is no error.

References
----------
Griewank, A. (1992). Achieving logarithmic growth of temporal and spatial complexity in reverse
automatic differentiation. Optimization Methods and Software 1, 35-54.

Kirisame, M. et al. (2021). Dynamic Tensor Rematerialization. ICLR. The estimate of the cost is
theirs, without a clock.
"""

import weakref
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from heapq import heappop, heappush
from itertools import count
from typing import Any

from ..arrays.values import owners_of
from ..rules.cost_model import cost_of, cost_of_cotangent
from .keeper import VALUE, EntryKey
from .memory import Memory
from .tables import Table


class BufferGroup:
    """Entries that share a buffer: counted once, evicted together.

    Evicted one by one they would come back in buffers of their own, and the bits of a BLAS product
    depend on what shares a buffer (`A.T @ A`).
    """

    __slots__ = ("entries", "fixed", "owners")

    def __init__(self, fixed: bool) -> None:
        self.fixed = fixed
        self.owners: dict[int, int] = {}  # id of a buffer's owner -> bytes
        self.entries: dict[EntryKey, float] = {}  # with the cost of each

    @property
    def bytes(self) -> int:
        """Bytes that count against the limit."""
        return 0 if self.fixed else sum(self.owners.values())


class EvictedComponent:
    """Connected component of evicted entries: recomputing one requires recomputing all."""

    __slots__ = ("cost", "members")

    def __init__(self) -> None:
        self.members: list[EntryKey] = []
        self.cost = 0.0


class Budget:
    """Policy that keeps the arrays of a memory within a limit.

    Attributes
    ----------
    limit, bytes : int
        How many bytes of what can be computed again may be kept, and how many are.
    """

    def __init__(self, memory: Memory, limit: int) -> None:
        # The memory holds its policy: a circle would keep the arrays of a dropped tape.
        self.memory: Memory = weakref.proxy(memory)
        self.limit, self.bytes = limit, 0
        self._groups: dict[EntryKey, BufferGroup] = {}
        self._owners: dict[int, BufferGroup] = {}
        # Evicted entries with their components; None, where the component is not known yet.
        self._evicted: dict[EntryKey, EvictedComponent | None] = {}
        # A heap of groups by their cost per byte at the time when they were pushed.
        self._order: list[tuple[float, int, BufferGroup]] = []
        self._number = count()
        # Of the running request: its table, the nodes whose cotangents are not known yet, the
        # groups that it has read for the last time, and those that it has yet to read.
        self._table: Table | None = None
        self._wanted: set[int] = set()
        self._finished: deque[BufferGroup] = deque()
        self._pinned: list[BufferGroup] = []

    # entries that are kept

    def keep_all(self) -> None:
        """Count what is kept already."""
        for n, value in list(self.memory.values.items()):
            self.keep((VALUE, n), value)
        for table in self.memory.tables.values():
            for n, g in list(table.cotangents.items()):
                self.keep((table.output, n), g)

    def keep(self, key: EntryKey, array: Any) -> None:
        """Count an entry that has a new array, and evict others for it."""
        self._drop(key)
        self._mark_present(key)
        group = self._group(array, self._is_fixed(key))
        if not group.owners:
            return  # a Dask array, whose chunks its scheduler keeps
        group.entries[key] = self._cost(key)
        self._groups[key] = group
        if not group.fixed:
            self._push(group)
            self._evict_to_limit(group)

    def expect_rematerialised(self, nodes: Iterable[int]) -> None:
        """Note that values are about to be rematerialised: they are no part of a cost any more."""
        for n in nodes:
            self._mark_present((VALUE, n))

    def _is_fixed(self, key: EntryKey) -> bool:
        """Return whether an entry cannot be rematerialised: a leaf, or ∂L/∂L."""
        L, n = key
        return n == L or (L == VALUE and self.memory.steps[n].op is None)

    def _group(self, array: Any, fixed: bool) -> BufferGroup:
        """Return the group of an array's buffers, of all arrays if it is a tuple."""
        group = BufferGroup(fixed)
        for owner in owners_of(array):
            known = self._owners.get(id(owner))
            if known is not None and known is not group:
                group = self._merge(group, known)
            if id(owner) not in group.owners:
                group.owners[id(owner)] = owner.nbytes
                self._owners[id(owner)] = group
                self.bytes += 0 if group.fixed else owner.nbytes
        return group

    def _merge(self, one: BufferGroup, other: BufferGroup) -> BufferGroup:
        """Merge two groups that share a buffer."""
        self.bytes -= one.bytes + other.bytes
        other.fixed |= one.fixed
        other.owners |= one.owners
        other.entries |= one.entries
        self._owners.update(dict.fromkeys(one.owners, other))
        self._groups.update(dict.fromkeys(one.entries, other))
        one.entries.clear()
        self.bytes += other.bytes
        return other

    # eviction

    def _evict_to_limit(self, spared: BufferGroup) -> None:
        """Evict until the limit holds."""
        while self.bytes > self.limit and (group := self._cheapest(spared)) is not None:
            for key in list(group.entries):
                self._arrays(key).pop(key[1], None)
                self._drop(key)
                self._mark_evicted(key)

    def _cheapest(self, spared: BufferGroup) -> BufferGroup | None:
        """Return the group to evict: one the request is done with, else the cheapest per byte."""
        while self._finished:
            group = self._finished.popleft()
            if (
                group is not spared
                and not group.fixed
                and group.entries
                and not any(map(self._is_wanted, group.entries))
            ):
                return group
        found, later = None, []
        while found is None and self._order:
            pushed, number, group = heappop(self._order)
            now = self._cost_per_byte(group)
            if group is spared:
                later.append((pushed, number, group))
            elif now > pushed:
                heappush(self._order, (now, number, group))
            elif group.entries and self._is_bound(group):
                self._pinned.append(group)
            elif group.entries:
                found = group
        for item in later:
            heappush(self._order, item)
        return found

    def _drop(self, key: EntryKey) -> None:
        """Stop counting an entry."""
        group = self._groups.pop(key, None)
        if group is not None:
            del group.entries[key]
            if not group.entries:
                self.bytes -= group.bytes
                for owner in group.owners:
                    del self._owners[owner]

    def forget(self, key: EntryKey) -> None:
        """Stop tracking an entry that was deleted."""
        self._drop(key)
        self._mark_present(key)

    def _arrays(self, key: EntryKey) -> dict[int, Any]:
        """Return the dict that holds the array of an entry."""
        return self.memory.values if key[0] == VALUE else self.memory.tables[key[0]].cotangents

    # costs

    def _push(self, group: BufferGroup) -> None:
        """Put a group into the heap."""
        heappush(self._order, (self._cost_per_byte(group), next(self._number), group))

    def _cost_per_byte(self, group: BufferGroup) -> float:
        """Return the cost per byte of rematerialising a group with its evicted neighbours."""
        runs = {
            id(run): run
            for key in list(group.entries)
            for o in self._neighbours(key)
            if (run := self._component(o))
        }
        return (sum(group.entries.values()) + sum(run.cost for run in runs.values())) / max(
            group.bytes, 1
        )

    def _cost(self, key: EntryKey) -> float:
        """Return the cost of computing an entry from what it reads."""
        L, n = key
        steps = self.memory.steps
        return (
            cost_of(steps, n)
            if L == VALUE
            else cost_of_cotangent(steps, self.memory.tables[L].consumers(n))
        )

    def _neighbours(self, key: EntryKey) -> Iterator[EntryKey]:
        """Yield the entries next to one: of its operands and of its consumers."""
        L, n = key
        for near in (self.memory.pred, self.memory.succ):
            for m in list(near[n]):  # a signal handler may record meanwhile
                yield L, m

    def _mark_evicted(self, key: EntryKey) -> None:
        """Note that an entry was evicted; its component is found when it is asked for."""
        for near in (key, *self._neighbours(key)):
            self._dissolve_component(near)
        self._evicted[key] = None

    def _mark_present(self, key: EntryKey) -> None:
        """Note that an entry is present again."""
        self._dissolve_component(key)
        self._evicted.pop(key, None)

    def _dissolve_component(self, key: EntryKey) -> None:
        """Dissolve the component of an evicted entry."""
        run = self._evicted.get(key)
        if run is not None:
            self._evicted.update(dict.fromkeys(run.members))

    def _component(self, key: EntryKey) -> EvictedComponent | None:
        """Return the component of an evicted entry; None if the entry is present."""
        run = self._evicted.get(key)
        if run is None and key in self._evicted:
            run, stack = EvictedComponent(), [key]
            self._evicted[key] = run
            while stack:
                member = stack.pop()
                run.members.append(member)
                run.cost += self._cost(member)
                for near in self._neighbours(member):
                    if self._evicted.get(near, run) is not run:
                        self._evicted[near] = run
                        stack.append(near)
        return run

    # the running request

    @contextmanager
    def request(self, table: Table, target: int) -> Iterator[None]:
        """Protect what ∂L/∂target has yet to read; evict first what it has read the last time."""
        outer = self._table, self._wanted
        self._table, self._wanted = table, table.nodes_to_visit([target])
        try:
            yield
        finally:
            self._table, self._wanted = outer
            for group in self._pinned:
                self._push(group)
            self._pinned.clear()

    def note_known(self, table: Table, n: int) -> None:
        """Note that ∂L/∂n is known, so that what it read may not be needed any more."""
        if table is self._table:
            self._wanted.discard(n)
            read: Iterable[EntryKey] = [(VALUE, p) for p in self.memory.values_read_by(table, n)]
            for key in (*read, *((table.output, c) for c in table.consumers(n))):
                if key in self._groups and not self._is_wanted(key):
                    self._finished.append(self._groups[key])

    def _is_bound(self, group: BufferGroup) -> bool:
        """Return whether a group holds a cotangent that the running request relies on."""
        return group.fixed or any(L != VALUE and self._is_wanted((L, n)) for L, n in group.entries)

    def _is_wanted(self, key: EntryKey) -> bool:
        """Return whether the request has yet to read an entry."""
        L, n = key
        if L == VALUE:
            return any(o in self._wanted for o, _ in self.memory.rules_reading(n))
        if self._table is None or L != self._table.output:
            return False
        return n in self._wanted or not self._wanted.isdisjoint(self.memory.pred[n])
