"""Arena: memory for the large temporaries of a plan, kept between its calls.

The system maps and clears the pages of each large array anew, which costs more than computing it.
So the large results of ufuncs that a call neither returns nor passes to an op of the user's own are
written into slots of one buffer. A slot serves several results, one after the other.

A call takes an arena out of the plan's pool and puts it back at its end. Calls in other threads,
and calls inside a call, find another arena or make one. A call that raises keeps its own, since the
traceback may show its arrays. Arenas are freed with the plan.

References
----------
Y. Pisarchyk, J. Lee: Efficient memory management for deep neural net inference, 2020 (greedy
assignment of buffers by size).
"""

import math
from typing import Any, NamedTuple

import numpy as np

from ..rules.cost_model import bytes_of
from .ir import Graph, Instruction, has_foreign_arrays, operands
from .liveness import BufferPlan
from .op_traits import is_own

MIN_SLOT_BYTES = 1 << 16
"""Bytes from which an array has a slot: allocators keep the pages of smaller ones themselves."""

ALIGNMENT = 64
"""Bytes to which slots are aligned: a cache line."""

MAX_IDLE_ARENAS = 4
"""Number of arenas that a plan keeps while no call uses them, after calls in many threads."""


class Slot(NamedTuple):
    """Place of the result of an instruction in an arena."""

    number: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]


class ArenaLayout:
    """Slots of a graph's large temporaries.

    Attributes
    ----------
    slots : dict of int to Slot
        For an instruction, where its result is written.
    sizes : list of int
        Bytes of each slot.
    """

    def __init__(self, graph: Graph, buffers: BufferPlan) -> None:
        self.graph, self.buffers = graph, buffers
        self.slots: dict[int, Slot] = {}
        self.sizes: list[int] = []
        ends = {} if has_foreign_arrays(graph) else self._ends()
        self._assign(ends)

    @property
    def bytes(self) -> int:
        """Bytes of one arena."""
        return sum(-(-size // ALIGNMENT) * ALIGNMENT for size in self.sizes)

    def _ends(self) -> dict[int, int]:
        """Return for each large temporary the position of the last instruction that reads it.

        In-place results of other instructions live in its memory, too.
        """
        positions = {n: k for k, n in enumerate(self.graph.instructions)}
        exposed = self._exposed_roots()
        leader: dict[int, int] = {}
        ends: dict[int, int] = {}
        for n, instruction in self.graph.instructions.items():
            first = leader[n] = leader[self.buffers.reuses[n]] if n in self.buffers.reuses else n
            last = self.buffers.last_reads[n]
            if first == n and _writes_into_memory(instruction) and n in self.buffers.c_ordered:
                ends[n] = positions[n]
            if first in ends and (n in exposed or last == math.inf):
                del ends[first]
            elif first in ends and last in positions:
                ends[first] = max(ends[first], positions[int(last)])
        return ends

    def _exposed_roots(self) -> set[int]:
        """Return the arrays that ops of the user's own read: these may keep them."""
        return {
            root
            for instruction in self.graph.instructions.values()
            if instruction.op is not None and is_own(instruction.op)
            for a in operands(instruction)
            for root in self.buffers.roots[a]
        }

    def _assign(self, ends: dict[int, int]) -> None:
        """Assign to each temporary the smallest slot that is free and large enough."""
        busy: list[tuple[int, int]] = []
        free: list[int] = []
        for position, (n, instruction) in enumerate(self.graph.instructions.items()):
            free += [k for end, k in busy if end < position]
            busy = [(end, k) for end, k in busy if end >= position]
            if n not in ends:
                continue
            size = bytes_of(instruction.shape, instruction.dtype)
            number = self._find_slot(free, size)
            busy.append((ends[n], number))
            self.slots[n] = Slot(number, instruction.shape, instruction.dtype)

    def _find_slot(self, free: list[int], size: int) -> int:
        """Take a slot out of the free ones, or append one; let the largest grow if none fits."""
        if not free:
            self.sizes.append(size)
            return len(self.sizes) - 1
        fitting = [k for k in free if self.sizes[k] >= size]
        number = (
            min(fitting, key=self.sizes.__getitem__)
            if fitting
            else max(free, key=self.sizes.__getitem__)
        )
        free.remove(number)
        self.sizes[number] = max(self.sizes[number], size)
        return number


def _writes_into_memory(instruction: Instruction) -> bool:
    """Return whether an instruction can write its result, a large array, into given memory.

    Numbers lie in no memory.
    """
    return (
        instruction.shape != ()
        and isinstance(instruction.op, np.ufunc)
        and instruction.op.nout == 1
        and instruction.kwargs.keys() <= {"order"}
        and bytes_of(instruction.shape, instruction.dtype) >= MIN_SLOT_BYTES
    )


class ArenaPool:
    """Arenas of one layout that no call uses.

    Lists are safe among threads: `append` and `pop` are single operations of the interpreter.
    """

    def __init__(self, layout: ArenaLayout) -> None:
        self.places = list(dict.fromkeys(layout.slots.values()))
        self.sizes, self.bytes = layout.sizes, layout.bytes
        self._idle: list[list[Any]] = []

    def __repr__(self) -> str:
        return f"<arenas of {self.bytes:,} bytes>"

    def take(self) -> list[Any]:
        """Return an array for each place, out of the pool or new."""
        try:
            return self._idle.pop()
        except IndexError:
            return self._make()

    def put_back(self, arena: list[Any]) -> None:
        """Keep an arena for a later call."""
        if len(self._idle) < MAX_IDLE_ARENAS:
            self._idle.append(arena)

    def _make(self) -> list[Any]:
        whole = np.empty(self.bytes + ALIGNMENT, np.uint8)
        at = -whole.ctypes.data % ALIGNMENT
        starts = []
        for size in self.sizes:
            starts.append(at)
            at += -(-size // ALIGNMENT) * ALIGNMENT
        return [
            np.ndarray(place.shape, place.dtype, whole, starts[place.number])
            for place in self.places
        ]
