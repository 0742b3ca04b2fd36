"""A log as columns, and back."""

import weakref
from typing import Any

from ..memory.memory import Memory
from ..solver.events import Event
from ..solver.log import Log
from .validation import Sheet, damaged, differences

KINDS = ("visit", "local", "read", "store", "drop")

KEYS = "kinds outputs nodes consumers argnums depths begun named names assigned"


def log_of(log: Log) -> dict[str, Any]:
    """A log as JSON; a consumer or position that an event has not is written as -1."""
    events = log.events
    return {
        "kinds": [KINDS.index(e.kind) for e in events],
        "outputs": [e.output for e in events],
        "nodes": differences(e.node for e in events),
        "consumers": [-1 if e.consumer is None else e.consumer for e in events],
        "argnums": [-1 if e.argnum is None else e.argnum for e in events],
        "depths": differences(e.depth for e in events),
        "begun": sorted(log._begun),
        "named": list(log._names),
        "names": list(log._names.values()),
        "assigned": log.assigned,
    }


def restore_log(log: Log, sheet: Sheet, memory: Memory) -> None:
    """Fill a new log with what another one held, now of this tape."""
    kinds = sheet.numbers("kinds", below=len(KINDS))
    count = len(kinds)
    outputs, nodes = sheet.numbers("outputs", count), sheet.sums("nodes", count)
    consumers, argnums = ([None if k < 0 else k for k in sheet.numbers(key, count, least=-1)] for key in ("consumers", "argnums"))
    depths, names = sheet.sums("depths", count), sheet.texts("names")
    named = dict(zip(sheet.numbers("named", len(names)), names, strict=True))
    if not named.keys() >= {*outputs, *nodes, *consumers} - {None}:
        damaged("the log has events of nodes without a name")
    if any(depth > number for number, depth in enumerate(depths)):
        damaged("the log has events that are deeper than there were any before them")
    rows = zip(kinds, outputs, nodes, consumers, argnums, depths, strict=True)
    log.events += [Event(KINDS[kind], *others) for kind, *others in rows]
    log.assigned += sheet.texts("assigned")
    log._names.update(named)
    log._begun.update(sheet.numbers("begun"))
    log._graph = weakref.ref(memory.graph)
