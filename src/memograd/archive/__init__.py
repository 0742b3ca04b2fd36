"""Save and load a session: a program with all that is known of it, as data only.

An archive is a zip, **version 1**::

    arrays/0.npy     arrays of one axis, in NumPy's format 1.0, stored as they are
    arrays/1.npy     …
    session.json     what they are, and all else; deflated

``session.json`` is an object. A *column* is a list of numbers, one for each of something; of
*differences* each is less the one before.

format, version, generator, byteorder
    ``"memograd session"``, 1, who wrote it, and the arrays' ``"little"`` or ``"big"``.
members
    Of each array file its ``dtype``, ``length`` and ``sha256``: that of the file.
packs
    *Buffers*, and the *items* on them. ``members`` and ``sizes``, columns: of each buffer the file
    that holds it, after those before, and its length. ``layouts``: ``{"scalar": dtype}``, the next
    number of the buffer that ``scalars`` tells for the dtype; ``{"array": [dtype, shape, strides or
    null]}``, on the next of ``buffers``, from the next of ``offsets`` on, in bytes (differences);
    ``{"tuple": [kind, item, ...]}``, of items before. ``items``, a column: of each its layout.
    Items have numbers from 1.
program
    Of each node, as columns: its id, ``ids`` (differences); ``op``, 0 for a leaf, 1 for the first
    of ``ops``; ``call``, in ``calls``: ``[arguments, keywords]`` with ``{"operand": null}`` where
    an operand stands; ``fact``, in ``facts``: ``{"array": [dtype, shape]}`` or ``{"tuple": [fact,
    ...]}``; ``line``, in ``lines``: null or ``[file, line]``, in ``files``. ``operands``: for each
    operand in turn, how far its id is before its node's. ``names`` of ``nodes``. ``of``: ``nodes``
    that the recursion recorded, with their ``outputs`` L, and ``by`` which node. ``next``: the id
    of the next node.
session
    ``values`` and ``pending``: ``nodes`` and ``items`` (differences). ``marks`` (1 maybe, 2 dirty),
    ``invalidated_by``, ``assigned``: ``nodes`` (differences) and ``numbers``. ``tables``, each of
    an ``output``: ``nodes`` (differences) whose cotangents are known, for each one of
    ``provenance`` and an item (differences), 0 where it was evicted; ``marks``, ``program`` and
    ``invalidated_by``, where ~n is the cotangent of n. ``provenance``: ``[request, target,
    assignments]``. ``counts``: requests, assignments, whether every value was kept. ``budget``.
log
    null, or columns: of each event its number among ``visit local read store drop`` in ``kinds``,
    ``outputs``, ``nodes`` (differences), ``consumers`` and ``argnums`` (-1: none), ``depths``
    (differences); ``begun``: the numbers of the events with which requests began; ``names`` of the
    nodes ``named``; names ``assigned``.

A constant is JSON where JSON has it; else it has a tag: ``array`` (an item), ``format_number``
(Python's number of an item's value), ``tuple list slice range``, ``dtype``, ``type``, ``op``,
``ellipsis``, ``default`` (NumPy's own mark of an argument that was not given). An op is called by
its module, without private parts and, of memograd's own, without the sheet, and its name.

Nothing in a file is run, imported, or trusted with an amount of memory: ops are names, looked up
among the registered ones; sizes are checked against the file's own before memory is taken; whatever
is wrong is an :class:`~memograd.errors.ArchiveError`. A digest finds damage, not intent: who can
write the file can write other numbers, as who can write a program can.
"""

import os
import sys
from importlib import import_module
from typing import Any

from ..errors import ArchiveError, MemogradError
from ..solver.log import Log
from ..tape.tape import Tape, restore_tape
from ..text import printable
from . import array_unpacking, log_codec, program_codec, state_codec
from .array_packing import Packer
from .array_unpacking import Unpacker
from .atomic_write import replacing
from .gc_pause import pause_gc
from .validation import Sheet, raise_damaged
from .zip_members import Members, open_members, write

FORMAT, VERSION = "memograd session", 1

SESSION_KEYS = "format version generator byteorder members packs program session log"
OF_MEMBER = "dtype length sha256"


def save(path: str | os.PathLike[str], tape: Tape, log: Log | None = None) -> None:
    """Save a tape with its nodes, names, source lines, values, derivatives, causes and budget.

    The file takes the place of one at `path` when all of it is on the disk, with its owner and mode
    as far as that is allowed; if that fails, the old one stays as it is. A link keeps leading to
    the file; a pipe is written into. Of a leaf that came as a table with labels the numbers are
    saved, and not the labels.

    Parameters
    ----------
    path : path-like
        By custom ``*.memograd``.
    tape : Tape
        Not in the middle of a request.
    log : Log, optional
        Saved with it: a log of requests on this tape.

    Raises
    ------
    ArchiveError
        A constant of the program that is no data, two ops of one name, or too much for an archive;
        or a disk at `path`.
    BusyError
        In the middle of a request.
    OtherTapeError
        The log is of another tape.
    OSError
        The disk is full, or the file cannot be written there.

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
    with replacing(path) as file:
        write(file, content | {"packs": index}, members)


def _content(tape: Tape, log: Log | None) -> tuple[dict[str, Any], Packer]:
    """Return the session's content, read under the tape's lock, and the packer of its arrays."""
    packer = Packer()
    with tape.lock:
        tape.check_idle("saving")
        memory = tape.state
        if log is not None:
            log.check(tape.graph)
        return {
            "format": FORMAT,
            "version": VERSION,
            "generator": f"memograd {import_module('memograd').__version__}",
            "byteorder": sys.byteorder,
            "program": {**program_codec.program_of(memory, packer), "next": tape.next_id},
            "session": state_codec.session_of(memory, packer),
            "log": None if log is None else log_codec.log_of(log),
        }, packer


def load(path: str | os.PathLike[str], log: Log | None = None) -> Tape:
    """Return the tape that was saved, with its values, derivatives and invalidation state.

    Parameters
    ----------
    path : path-like
        What :func:`save` wrote. It is data: nothing in it is run or imported, and ops that are not
        memograd's own have to be registered before.
    log : Log, optional
        A new one, which is filled with the saved one's events, if one was saved.

    Returns
    -------
    Tape
        With the same ids, names, values, derivatives, marks and budget; :func:`memograd.why`
        answers as before.

    Raises
    ------
    ArchiveError
        Whatever is wrong with the file: cut off, changed, of another version, or with an op that is
        not registered.
    NoRuleError
        An op is called with a keyword that the rule that is registered here does not name.
    OSError
        The file is not there, or cannot be opened.

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
        raise ArchiveError("This log holds events already. Hand in a new memograd.Log().")
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
    arrays = members.arrays(told := sheet.sheets("members", OF_MEMBER))
    items = Unpacker(
        sheet.sheet("packs", array_unpacking.PACK_KEYS), [one.number("length") for one in told]
    ).items(arrays)
    written = sheet.sheet("program", program_codec.PROGRAM_KEYS)
    steps = program_codec.decode_steps(written, items)
    state = state_codec.decode_snapshot(
        sheet.sheet("session", state_codec.STATE_KEYS), steps, items
    )
    state["program"] = (
        steps,
        program_codec.names_of(written, steps),
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
        log_codec.restore_log(
            Log() if log is None else log, sheet.sheet("log", log_codec.LOG_KEYS), tape.state
        )
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
