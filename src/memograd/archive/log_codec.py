"""Encoding of a log as columns."""

import weakref
from typing import Any

from ..memory.keeper import VALUE
from ..memory.memory import Memory
from ..solver.events import Event
from ..solver.log import Log
from ..solver.work import Computation
from .validation import Sheet, encode_differences, raise_damaged

KINDS_OF_EVENT = ("visit", "local", "read", "store", "drop")

EVENT_KEYS = "kinds outputs nodes consumers argnums depths begun named names assigned"

LOG_KEYS = EVENT_KEYS + " asked work"

WORK_KEYS = "outputs nodes elements bytes seconds"


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
        "asked": [[output, *targets] for output, targets in log.asked],
        "work": _encode_work(log.computations),
    }


def _encode_work(computations: list[Computation]) -> dict[str, Any]:
    """Encode what was computed as columns; seconds are null where there was no clock."""
    return {
        "outputs": [e.output for e in computations],
        "nodes": encode_differences(e.node for e in computations),
        "elements": [e.elements for e in computations],
        "bytes": [e.bytes for e in computations],
        "seconds": [e.seconds for e in computations],
    }


def open_log(sheet: Sheet) -> Sheet:
    """Return the log of a session; an older file says nothing of what was computed."""
    content = sheet.content["log"]
    older = type(content) is dict and content.keys() == set(EVENT_KEYS.split())
    return sheet.sheet("log", EVENT_KEYS if older else LOG_KEYS)


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
    if "work" in sheet.content:
        _restore_work(log, sheet)
    log.memory_ref = weakref.ref(memory)


def _restore_work(log: Log, sheet: Sheet) -> None:
    """Restore what was asked and what was computed."""
    for request in sheet.items("asked"):
        if type(request) is not list or not request or set(map(type, request)) != {int}:
            raise_damaged("a request of the log is no list of nodes")
        log.asked.append((request[0], request[1:]))
    work = sheet.sheet("work", WORK_KEYS)
    nodes = work.sums("nodes")
    count, seconds = len(nodes), work.items("seconds")
    if len(seconds) != count or not set(map(type, seconds)) <= {float, int, type(None)}:
        raise_damaged("the log has other times than of what was computed")
    outputs = work.numbers("outputs", count, least=VALUE)
    asked = {output for output, _ in log.asked}
    if not log.node_names.keys() >= {*nodes, *outputs, *asked} - {VALUE}:
        raise_damaged("the log computed entries of nodes without a name")
    columns = work.numbers("elements", count), work.numbers("bytes", count)
    log.computations += map(Computation, outputs, nodes, *columns, seconds)
