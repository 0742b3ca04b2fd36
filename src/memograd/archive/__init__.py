"""Archives of a session: a program, its values and derivatives, as data only.

An archive is a zip, **version 1**::

    arrays/0.npy     arrays of one axis, in NumPy's format 1.0, stored as they are
    arrays/1.npy     …
    session.json     what they are, and all else; deflated

``session.json`` is an object. A *column* is a list of numbers, one for each item of a sequence; in
a column of *differences* each number is the difference to the one before. A field ``nodes`` is
always a column of differences.

format, version, generator, byteorder
    ``"memograd session"``, 1, the version of memograd that wrote the file, and the byte order of
    the arrays, ``"little"`` or ``"big"``.
members
    For each array file its ``dtype``, its ``length``, and ``sha256``, the digest of the file.
packs
    *Buffers*, and *items* on them, numbered from 1. ``members`` and ``sizes``: columns with the
    file that holds each buffer, after those before it, and the length of the buffer. ``layouts``:
    ``{"scalar": dtype}``, the next number of the buffer that ``scalars`` gives for the dtype;
    ``{"array": [dtype, shape, strides or null]}``, on the next of ``buffers`` at the next of
    ``offsets`` in bytes (both differences); or ``{"tuple": [kind, item, ...]}``, of earlier items.
    ``items``: column with the layout of each item.
program
    Columns over the nodes: ``ids`` (differences); ``op``, 0 for a leaf, 1 for the first of ``ops``;
    ``call``, an index of ``calls``: ``[arguments, keywords]`` with ``{"operand": null}`` for each
    operand; ``fact``, an index of ``facts``: ``{"array": [dtype, shape]}`` or ``{"tuple": [fact,
    ...]}``; ``line``, an index of ``lines``: null or ``[file, line]``, where the file is an index
    of ``files``. ``operands``: for each operand the difference of its id to that of its node.
    ``names``: the names of ``nodes``. ``of``: the ``nodes`` that record derivatives, with
    ``outputs`` L and ``by`` n for ∂L/∂n. ``next``: id of the next node.
session
    ``values`` and ``pending``: ``nodes`` with ``items`` (differences). ``marks`` (1 maybe stale, 2
    stale), ``causes`` (which entry invalidated an entry) and ``assigned`` (number of the last
    assignment): ``nodes`` with ``numbers``. ``tables``: for each ``output`` the ``nodes`` with
    known cotangents, with columns ``acts`` (indices) and ``items`` (differences; 0 if evicted);
    ``marks``; ``program`` (node that records a cotangent); and ``causes``, where ~n stands for the
    cotangent of n. ``acts``: ``[request, target, assignments]``. ``counts``: number of requests
    and of assignments, and whether no value was evicted. ``budget``: in bytes, or null.
log
    null, or columns over the events: ``kinds``, indices of ``visit local read store drop``;
    ``outputs``; ``nodes``; ``consumers`` and ``argnums``, -1 for none; ``depths`` (differences).
    ``begun``: indices of the events with which requests began. ``names``: the names of the nodes
    ``named``. ``assigned``: names of the assigned leaves. ``asked``: for each request its output
    and its targets. ``work``: columns over what was computed, ``outputs`` (-1 for a value),
    ``nodes``, ``elements``, ``bytes`` and ``seconds`` (null where there was no clock). Older files
    have neither.

A constant that JSON does not have is an object with one tag: ``array`` (an item), ``number`` (the
value of an item as a Python number), ``tuple``, ``list``, ``slice``, ``range``, ``dtype``,
``type``, ``op``, ``ellipsis``, or ``default`` (NumPy's mark of an argument that was not given). The
name of an op is that of its module, without private parts, and its own; for memograd's own ops the
module is ``memograd``.

Nothing in a file is run, imported, or trusted with an amount of memory. Ops are names that are
looked up among the registered ones. Sizes are checked against the file's own before memory is
allocated. Every fault of a file is an :class:`~memograd.errors.ArchiveError`. A digest finds
damage, not intent: whoever can write the file can write other numbers.
"""

import os
import sys
from importlib import import_module
from typing import Any

from ..errors import ArchiveError, MemogradError
from ..program.gc_pause import pause_gc
from ..solver.log import Log
from ..tape.tape import Tape, restore_tape
from ..text import printable
from . import array_unpacking, log_codec, program_codec, state_codec
from .array_packing import Packer
from .array_unpacking import Unpacker
from .atomic_write import replace_file
from .validation import Sheet, raise_damaged
from .zip_members import Members, open_members, write

FORMAT, VERSION = "memograd session", 1

SESSION_KEYS = "format version generator byteorder members packs program session log"
MEMBER_KEYS = "dtype length sha256"


def save(path: str | os.PathLike[str], tape: Tape, log: Log | None = None) -> None:
    """Save a tape with its nodes, names, source lines, values, derivatives, causes and budget.

    A file at `path` is replaced once all of the new one is on the disk, with the same owner and
    mode as far as that is allowed; if saving fails, the old file is unchanged. A link still leads
    to the file. The axis labels of a leaf that was given as a labelled array are not saved.

    Parameters
    ----------
    path : path-like
        File to write, by custom ``*.memograd``.
    tape : Tape
        Tape to save.
    log : Log, optional
        Log of requests on this tape, to be saved with it.

    Raises
    ------
    ArchiveError
        If a constant of the program is no data, the tape keeps guards, two ops have the same name,
        or the session is too large; or if `path` is a disk.
    BusyError
        If the tape is in the middle of a request.
    OtherTapeError
        If the log is of another tape.
    OSError
        If the file cannot be written, or the disk is full.

    Examples
    --------
    >>> import os, tempfile, numpy as np, memograd as mg
    >>> tape = mg.Tape()
    >>> x = tape.leaf([0.5, 2.0], name="x")
    >>> L = np.sum(np.sin(x) * x).named("L")
    >>> g = mg.grad(L, x)
    >>> path = os.path.join(tempfile.mkdtemp(), "session.memograd")
    >>> mg.save(path, tape)
    >>> other, log = mg.load(path), mg.Log()
    >>> bool(np.all(mg.grad(other["L"], other["x"], log=log) == g)), str(log)
    (True, '∂L/∂x ← table[x]')
    """
    with pause_gc():
        content, packer = _content(tape, log)
        index, members = packer.index()
    with replace_file(path) as file:
        write(file, content | {"packs": index}, members)


def _content(tape: Tape, log: Log | None) -> tuple[dict[str, Any], Packer]:
    """Return the session's content, read under the tape's lock, and the packer of its arrays."""
    packer = Packer()
    with tape.lock:
        tape.check_idle("saving")
        memory = tape.state
        if tape.guards.taken:
            raise ArchiveError(
                f"This tape keeps {len(tape.guards)} guards of branches, which an archive does not "
                f"hold. Save a program without branches on values: choose with np.where or "
                f"memograd.cond."
            )
        if log is not None:
            log.check(tape.state)
        return {
            "format": FORMAT,
            "version": VERSION,
            "generator": f"memograd {import_module('memograd').__version__}",
            "byteorder": sys.byteorder,
            "program": {**program_codec.encode_program(memory, packer), "next": tape.next_id},
            "session": state_codec.encode_session(memory, packer),
            "log": None if log is None else log_codec.encode_log(log),
        }, packer


def load(path: str | os.PathLike[str], log: Log | None = None) -> Tape:
    """Return the tape that was saved, with its values, derivatives and invalidation state.

    Parameters
    ----------
    path : path-like
        File that :func:`save` wrote. Nothing in it is run or imported; ops that are not memograd's
        own have to be registered before.
    log : Log, optional
        New log, to which the events of a saved log are added.

    Returns
    -------
    Tape
        Tape with the same ids, names, values, derivatives, marks and budget; :func:`memograd.why`
        answers as before.

    Raises
    ------
    ArchiveError
        If the file is damaged, of another version, or applies an op that is not registered.
    NoRuleError
        If an op is called with a keyword that its registered rule does not have.
    OSError
        If the file does not exist or cannot be opened.

    Examples
    --------
    >>> import os, tempfile, memograd as mg
    >>> tape, log = mg.Tape(), mg.Log()
    >>> x, w = tape.leaf(3.0, name="x"), tape.leaf(2.0, name="w")
    >>> L = (x * w).named("L")
    >>> _ = mg.grad(L, [x, w], log=log)
    >>> path = os.path.join(tempfile.mkdtemp(), "session.memograd")
    >>> mg.save(path, tape, log=log)
    >>> log = mg.Log()
    >>> tape = mg.load(path, log=log)
    >>> tape["w"].value = 5.0
    >>> float(mg.grad(tape["L"], tape["x"], log=log)), log.stored, log.dropped
    (5.0, ['x', 'w', 'x'], ['x'])
    """
    if log is not None and (log.events or log.assigned):
        raise ArchiveError("This log holds events already. Give a new memograd.Log().")
    with open(path, "rb") as file:
        try:
            with open_members(file) as members, pause_gc():
                return _tape(members, log)
        except MemogradError:
            raise
        except Exception as error:  # what zipfile, json and NumPy say of such bytes
            raise ArchiveError(
                f"{printable(os.fspath(path))} is no archive of memograd's, or a damaged one: "
                f"{error!r}"
            ) from error


def _tape(members: Members, log: Log | None) -> Tape:
    """Rebuild the tape of an archive: first its arrays, then the items and the program on them."""
    sheet = _read_json(members.content())
    arrays = members.arrays(described := sheet.sheets("members", MEMBER_KEYS))
    items = Unpacker(
        sheet.sheet("packs", array_unpacking.PACK_KEYS),
        [each.number("length") for each in described],
    ).items(arrays)
    written = sheet.sheet("program", program_codec.PROGRAM_KEYS)
    steps = program_codec.decode_steps(written, items)
    state = state_codec.decode_snapshot(
        sheet.sheet("session", state_codec.STATE_KEYS), steps, items
    )
    state["program"] = (
        steps,
        program_codec.decode_names(written, steps),
        program_codec.decode_derivatives(written, steps),
        {},
    )
    tables, budget = state["tables"], state["budget"]
    tape = restore_tape(
        state | {"tables": {}, "budget": None},
        written.number("next", least=next(reversed(steps), -1) + 1),
        Tape,
    )
    state_codec.restore_tables(tape.state, tables)
    tape.budget = budget
    if sheet.content["log"] is not None:
        log_codec.restore_log(Log() if log is None else log, log_codec.open_log(sheet), tape.state)
    return tape


def _read_json(content: Any) -> Sheet:
    """Return the session's JSON; raise unless its format, version and byte order are supported."""
    if type(content) is not dict or content.get("format") != FORMAT:
        raise_damaged(f"its JSON does not begin with the format {FORMAT!r}")
    if content.get("version") != VERSION:
        raise ArchiveError(
            f"The session is of version {printable(repr(content.get('version')))}, saved by "
            f"{printable(repr(content.get('generator')))}. "
            f"This memograd reads version {VERSION}: take one that is as new, or save it anew "
            f"there."
        )
    if content.get("byteorder") != sys.byteorder:
        raise ArchiveError(
            f"The session was saved on a machine of another byte order than this one, which is "
            f"{sys.byteorder}."
        )
    return Sheet(content, "the session", SESSION_KEYS)
