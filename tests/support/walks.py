"""Random walks over one tape: what a user may do, in any order, with what must hold after each step.

Each step compares with a fresh tape of the same program and leaves, bit for bit. What is computed anew is held to a bound
found by brute force: an entry that was kept may be computed again only if one of its direct inputs took other bits, at
some request, since it was last computed or verified.
"""

from contextlib import contextmanager
from functools import lru_cache
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import numpy as np
from interrupts import interrupted_at
from laws import law_accounted_for, law_borne_out, law_foreseen, law_of_marks

import memograd as mg
from memograd.arrays.values import bitwise_equal
from memograd.baselines import backprop
from memograd.memory.keeper import VALUE
from memograd.memory.memory import Memory
from memograd.solver import recursion


class Walk:
    """A tape on its way."""

    def __init__(self, program):
        self.program, self.tape = program, mg.Tape()
        self.values = program.values()
        self.leaves, self.outputs = program.record(self.tape)
        self.more = []  # outputs recorded on the way: (id, recipe)
        self.log = mg.Log()
        self.inputs = {}  # entry -> the bits of its direct inputs when it was last computed or verified
        self.free = set()  # entries whose inputs took other bits since, at some request

    # ------------------------------------------------------------------------------------------------- what a user does

    def ask(self, k, picks):
        L, targets = self.output(k), self.picked(picks)
        truth = self.truth()
        self.note(truth)
        preview, reason, start = mg.preview(L, targets), mg.why(L, targets[0]), len(self.log.events)
        with counted(self.tape) as computed:
            got = mg.grad(L, targets, log=self.log)
        self.check_computed(computed, truth)
        self.check_foretold(preview, reason, targets[0], self.log.events[start:], computed)
        if (
            self.tape.budget is None
        ):  # under one, an entry may be dropped, let go and computed in one request
            law_accounted_for(L, self.log.events[start:])
        for x, g in zip(targets, got, strict=True):
            assert bitwise_equal(
                np.asarray(g),
                np.asarray(truth[L.id, x.id] if (L.id, x.id) in truth else np.zeros(x.shape)[()]),
            )

    def look(self, k):
        L, truth = self.output(k), self.truth()
        self.note(truth)
        with counted(self.tape) as computed:
            assert bitwise_equal(np.asarray(L.value), np.asarray(truth[VALUE, L.id]))
        self.check_computed(computed, truth)

    def assign(self, picks, seed):
        drawn = self.program.values(seed)
        self.put({k: drawn[k] for k in self.indices(picks)})

    def assign_what_is_there(self, picks):
        self.put({k: np.array(self.values[k]) for k in self.indices(picks)})

    def swap(self, i, j):
        i, j = i % len(self.leaves), j % len(self.leaves)
        if np.shape(self.values[i]) == np.shape(self.values[j]):
            self.put({i: self.values[j], j: self.values[i]})

    def assign_and_take_back(self, picks, seed):
        """Before anybody asked: no rule call, whatever is asked for then."""
        before = list(self.values)
        self.assign(picks, seed)
        self.put({k: before[k] for k in self.indices(picks)})

    def record(self, k, i):
        self.note(self.truth())  # recording asks for values
        recipe = (k % len(self.outputs), i % len(self.leaves))
        L = combined(self.outputs, self.leaves, recipe)
        self.more.append((L.id, recipe))

    def name(self, k):
        L = self.output(k)
        L.named(f"output {L.id}, named after {len(self.log.events)} events")

    def forget(self, k):
        self.tape.forget(None if k is None else self.output(k))
        self.inputs.clear()
        self.free.clear()

    def limit(self, budget):
        self.tape.budget = budget
        self.inputs.clear()
        self.free.clear()

    def copy(self):
        self.move(self.tape.copy(), mg.Log())

    def save(self):
        """And load: the log goes along."""
        with TemporaryDirectory() as folder:
            mg.save(path := Path(folder) / "walk.memograd", self.tape, log=self.log)
            self.move(mg.load(path, log=(log := mg.Log())), log)

    def scratch(self, k, picks):
        self.note(self.truth())
        with self.tape.scratch():
            L = np.sin(self.output(k)) * np.sum(self.picked(picks)[0])
            mg.grad(L, self.leaves)
            assert np.isfinite(L.value)

    def fail(self, k, picks, after):
        """An exception in the rule call number `after`."""
        calls, total = count(), recursion.sum_contributions

        def failing(*args):
            if next(calls) == after:
                raise ZeroDivisionError
            return total(*args)

        with patch.object(recursion, "sum_contributions", failing):
            try:
                self.ask(k, picks)
            except ZeroDivisionError:
                self.forgive()

    def interrupt(self, picks, seed, line):
        """Ctrl-C inside an assignment: all of it happened, or nothing."""
        drawn = self.program.values(seed)
        new = {
            k: drawn[k]
            for k in self.indices(picks)
            if not bitwise_equal(np.asarray(drawn[k]), np.asarray(self.values[k]))
        }
        interrupted_at(line, lambda: self.tape.assign({self.leaves[k]: v for k, v in new.items()}))
        happened = {
            k
            for k, v in new.items()
            if bitwise_equal(np.asarray(self.leaves[k].value), np.asarray(v))
        }
        assert happened in (set(), new.keys())
        for k in happened:
            self.values[k] = new[k]
        self.forgive()

    # ----------------------------------------------------------------------------------------------------- what must hold

    def check(self):
        law_of_marks(self.tape)
        memory = self.tape.state
        for table in memory.tables.values():
            assert table.provenance.keys() >= table.cotangents.keys() - {table.output}
        if memory.budget is not None:
            kept = {(VALUE, n) for n in memory.values} | {
                (L, n) for L, table in memory.tables.items() for n in table.cotangents
            }
            seeds = {(L, L) for L in memory.tables}
            assert memory.budget._groups.keys() - seeds == kept - seeds

    def note(self, truth):
        """A request: entries whose direct inputs have other bits now may be computed anew, now and later."""
        self.free |= {
            entry
            for entry, inputs in self.inputs.items()
            if any(not bitwise_equal(truth[i], bits) for i, bits in inputs.items())
        }

    def check_computed(self, computed, truth):
        assert not (computed & self.inputs.keys()) - self.free
        memory = self.tape.state
        if memory.nothing_evicted:
            kept = [
                (VALUE, n)
                for n in memory.values
                if n not in memory.marks and memory.nodes[n]["op"] is not None
            ]
            kept += [
                (L, n)
                for L, table in memory.tables.items()
                for n in table.cotangents
                if n not in table.marks and n != L
            ]
            self.inputs |= {
                entry: {i: truth[i] for i in direct_inputs(memory, entry)} for entry in kept
            }
            self.free -= set(kept)

    def check_foretold(self, preview, reason, first, events, computed):
        """What a budget lets go while the request runs is not foreseen."""
        law_borne_out(reason, first, events)
        if self.tape.budget is None:
            law_foreseen(
                preview, self.tape, events, {self.tape[n].name for L, n in computed if L == VALUE}
            )

    def forgive(self):
        """After a failure it is not known what was finished: the bound begins anew."""
        self.inputs.clear()
        self.free.clear()

    def truth(self):
        """Every value and every cotangent of a fresh tape."""
        return fresh(self.program, tuple(map(Bits, self.values)), tuple(self.more))

    # ------------------------------------------------------------------------------------------------------------ details

    def output(self, k):
        every = [*(L.id for L in self.outputs), *(n for n, _ in self.more)]
        return self.tape[every[k % len(every)]]

    def indices(self, picks):
        return sorted({k % len(self.leaves) for k in picks})

    def picked(self, picks):
        return [self.leaves[k] for k in self.indices(picks)]

    def move(self, tape, log):
        """Go on upon another tape of the same program."""
        self.tape, self.log = tape, log
        self.leaves = [tape[x.id] for x in self.leaves]
        self.outputs = [tape[L.id] for L in self.outputs]

    def put(self, new):
        self.tape.assign({self.leaves[k]: v for k, v in new.items()}, log=self.log)
        for k, v in new.items():
            self.values[k] = v


class Bits:
    """A value that is equal to another where the bits are."""

    def __init__(self, value):
        self.value = np.asarray(value)
        self.bits = self.value.tobytes()

    def __hash__(self):
        return hash(self.bits)

    def __eq__(self, other):
        return self.bits == other.bits


@lru_cache(maxsize=200)
def fresh(program, values, more):
    tape = mg.Tape()
    leaves, outputs = program.record(tape, [v.value[()] for v in values])
    every = [L.id for L in outputs]
    for n, recipe in more:
        tape.next_id = n - 2  # three nodes; scratch blocks may have used up ids before them
        every.append(combined(outputs, leaves, recipe).id)
    truth = {(VALUE, n): value for n, value in tape.state.values.items()}
    for L in every:
        truth |= {(L, n): g for n, g in backprop(tape[L])._held.items()}
    return truth


def combined(outputs, leaves, recipe):
    k, i = recipe
    return np.tanh(outputs[k]) * np.sum(leaves[i])


@contextmanager
def counted(tape):
    """The entries that are computed meanwhile."""
    computed, run, total = set(), Memory.run, recursion.sum_contributions

    def counting_run(memory, n, read=None):
        computed.add((VALUE, n))
        return run(memory, n, read)

    def counting_total(memory, table, n, read):
        computed.add((table.output, n))
        return total(memory, table, n, read)

    with (
        patch.object(Memory, "run", counting_run),
        patch.object(recursion, "sum_contributions", counting_total),
    ):
        yield computed


def direct_inputs(memory, entry):
    """The entries that an entry is computed from."""
    L, n = entry
    if L == VALUE:
        return [(VALUE, o) for o in memory.pred[n]]
    table = memory.tables[L]
    return [
        *((L, c) for c in table.consumers(n)),
        *((VALUE, p) for p in memory.values_read_by(table, n)),
    ]
