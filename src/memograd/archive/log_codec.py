"""Encoding of a log as columns."""

import weakref
from typing import Any

from ..memory.memory import Memory
from ..solver.events import Event
from ..solver.log import Log
from .validation import Sheet, encode_differences, raise_damaged

KINDS_OF_EVENT = ("visit", "local", "read", "store", "drop")

LOG_KEYS = "kinds outputs nodes consumers argnums depths begun named names assigned"


def encode_log(log: Log) -> dict[str, Any]:
    """Encode a log as JSON; -1 stands for an event's missing consumer or position."""
    events = log.events
    return {
        "kinds": [KINDS_OF_EVENT.index(e.kind) for e in events],
        "outputs": [e.output for e in events],
        "nodes": encode_differences(e.node for e in events),
        "consumers": [-1 if e.consumer is None else e.consumer for e in events],
        "argnums": [-1 if e.argnum is None else e.argnum for e in events],
        "depths": encode_differences(e.depth for e in events),
        "begun": sorted(log.request_starts),
        "named": list(log.node_names),
        "names": list(log.node_names.values()),
        "assigned": log.assigned,
    }


def restore_log(log: Log, sheet: Sheet, memory: Memory) -> None:
    """Fill a new log with the events of a saved one, now of this tape."""
    kinds = sheet.numbers("kinds", below=len(KINDS_OF_EVENT))
    count = len(kinds)
    outputs, nodes = sheet.numbers("outputs", count), sheet.sums("nodes", count)
    consumers, argnums = (
        [None if k < 0 else k for k in sheet.numbers(key, count, least=-1)]
        for key in ("consumers", "argnums")
    )
    depths, names = sheet.sums("depths", count), sheet.texts("names")
    named = dict(zip(sheet.numbers("named", len(names)), names, strict=True))
    if not named.keys() >= {*outputs, *nodes, *consumers} - {None}:
        raise_damaged("the log has events of nodes without a name")
    if any(depth > number for number, depth in enumerate(depths)):
        raise_damaged("the log has events that are deeper than there were any before them")
    rows = zip(kinds, outputs, nodes, consumers, argnums, depths, strict=True)
    log.events += [Event(KINDS_OF_EVENT[kind], *others) for kind, *others in rows]
    log.assigned += sheet.texts("assigned")
    log.node_names.update(named)
    log.request_starts.update(sheet.numbers("begun"))
    log.memory_ref = weakref.ref(memory)
