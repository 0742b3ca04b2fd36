"""Saving and loading: the whole session comes back; whatever a file holds, it is a session or an ArchiveError."""

import io
import json
import os
import re
import subprocess
import sys
import threading
import tracemalloc
import zipfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from archives import JSON, put_together, session, taken_apart
from hypothesis import given, settings
from hypothesis import strategies as st
from programs import programs
from sampling import SAMPLES, SHEETS

import memograd as mg
from memograd import archive
from memograd.archive import atomic_write, program_codec, validation, zip_members
from memograd.archive import state_codec as memory
from memograd.archive.op_names import archive_name, ops_by_name
from memograd.arrays.values import bitwise_equal
from memograd.errors import ArchiveError, BusyError, OtherTapeError, RefusedError
from memograd.memory.snapshot import snapshot_of
from memograd.program.steps import Step
from memograd.rules.registration import RULES

KEPT = Path(__file__).parents[2] / "support" / "data" / "version1.memograd"
"""What `archives.session` is, saved when version 1 was new. It is never written again."""


def shown(a):
    """Name a case by its value, without the address that a function or an object shows."""
    return re.sub(" at 0x[0-9a-f]+", "", repr(a))[:30]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "session.memograd"


@pytest.fixture
def through(path):
    """A tape as it comes back."""

    def through(tape, **log):
        mg.save(path, tape, **log)
        return mg.load(path, **log)

    return through


def equal(a, b):
    """Whether two states are equal, bit for bit, with the order in which they tell things."""
    if isinstance(a, dict):
        return list(a) == list(b) and all(equal(a[key], b[key]) for key in a)
    if isinstance(a, np.ndarray | np.generic):
        return bitwise_equal(a, b) and strides(a) == strides(b)
    if isinstance(a, tuple | list):
        return type(a) is type(b) and len(a) == len(b) and all(map(equal, a, b))
    if isinstance(a, Step):
        return equal(*([getattr(s, field) for field in Step.__slots__] for s in (a, b)))
    return a is b or (repr(a) == repr(b) if isinstance(a, float | complex) else a == b)


def strides(a):
    """Those that matter."""
    return [
        stride for stride, length in zip(a.strides, a.shape, strict=True) if length > 1 and a.size
    ]


# -------------------------------------------------------------------------------------------------- what comes back


class TestTheWholeSession:
    def test_it_is_as_it_was(self, tape, through):
        session(tape)
        other = through(tape)
        assert equal(snapshot_of(other.state), snapshot_of(tape.state))
        assert list(other.graph.edges(data="argnums")) == list(tape.graph.edges(data="argnums"))
        assert len(other) == len(tape)

    def test_asking_again_reads(self, tape, x, through):
        L = np.sum(np.sin(x) * x).named("L")
        g, log = mg.grad(L, x), mg.Log()
        other = through(tape)
        assert bitwise_equal(mg.grad(other["L"], other["x"], log=log), g)
        assert str(log) == "∂L/∂x ← table[x]"

    @settings(max_examples=60)
    @given(programs(), st.integers(0, 3), st.sampled_from([None, 0, 100, 10_000]))
    def test_it_goes_on_as_it_would_have(self, tmp_path_factory, program_codec, k, budget):
        tape, path = mg.Tape(), tmp_path_factory.getbasetemp() / "walk.memograd"
        leaves, outputs = program_codec.record(tape)
        tape.budget = budget
        mg.grad(outputs[0], leaves[0])
        tape.assign({leaves[k % len(leaves)]: program_codec.values(1)[k % len(leaves)]})
        mg.grad(outputs[-1], leaves[-1])
        tape.assign({leaves[0]: program_codec.values(2)[0]})
        mg.save(path, tape)
        other = mg.load(path)
        for L in outputs:
            assert repr(mg.why(other[L.id], other[leaves[0].id])) == repr(mg.why(L, leaves[0]))
            logs = mg.Log(), mg.Log()
            theirs = mg.grad(other[L.id], [other[x.id] for x in leaves], log=logs[1])
            assert all(map(bitwise_equal, mg.grad(L, leaves, log=logs[0]), theirs))
            assert budget is not None or str(logs[0]) == str(
                logs[1]
            )  # what a budget lets go first, of two alike, is anyone's

    def test_an_assignment_reaches_what_it_would_have_reached(self, tape, through):
        a, x, b = (tape.leaf(v, name=name) for name, v in {"a": 2.0, "x": 3.0, "b": 1.0}.items())
        mg.grad((a * x + b).named("L"), [a, x, b])
        other, log = through(tape), mg.Log()
        other["x"].value = 5.0
        assert mg.grad(other["L"], [other[name] for name in "axb"], log=log) == [5.0, 2.0, 1.0]
        assert log.stored == ["a"]

    def test_a_log_comes_back(self, tape, path):
        L, log, filled = session(tape), mg.Log(), mg.Log()
        mg.grad(L, tape["x"], log=log)
        tape.assign({"w": 7.0}, log=log)
        mg.grad(L, tape["x"], log=log)
        mg.save(path, tape, log=log)
        other = mg.load(path, log=filled)
        assert (str(filled), filled.events, filled.assigned) == (str(log), log.events, log.assigned)
        assert (filled.computed.entries, filled.asked) == (log.computed.entries, log.asked)
        assert filled.saved == log.saved
        mg.grad(other["L"], other["w"], log=filled)
        with pytest.raises(OtherTapeError):
            mg.grad(L, tape["w"], log=filled)
        with pytest.raises(ArchiveError, match="events already"):
            mg.load(path, log=filled)

    def test_names_that_are_used_as_they_were(self, tape, x, through):
        (x + 1.0).named("a name\nof two lines, \ud800 and é")
        assert through(tape)["a name\nof two lines, \ud800 and é"].operands[0].name == "x"

    def test_ids_go_on_after_those_of_a_scratch_block(self, tape, x, through):
        with tape.scratch():
            x + 1.0
        other = through(tape)
        assert (other["x"] + 1.0).id == (x + 1.0).id == 2

    def test_the_same_session_gives_the_same_bytes(self, tape, path):
        session(tape)
        mg.save(path, tape)
        first = path.read_bytes()
        mg.save(path, mg.load(path))
        assert path.read_bytes() == first


@pytest.mark.parametrize("op", SAMPLES, ids=lambda op: op.__name__)
def test_every_op_comes_back_with_its_arguments(op, path):
    for args, kwargs in SAMPLES[op]:
        tape = mg.Tape()
        with np.errstate(all="ignore"), suppress(RefusedError):  # where a node may not stand
            tape.call(op, tuple(as_nodes(tape, a) for a in args), kwargs)
            mg.save(path, tape)
            assert equal(snapshot_of(mg.load(path).state), snapshot_of(tape.state))


def as_nodes(tape, a):
    if isinstance(a, list) and a and isinstance(a[0], np.ndarray):
        return [tape.leaf(item) for item in a]
    return tape.leaf(a) if isinstance(a, np.ndarray | float) else a


CONSTANTS = [1, -(2**63), True, None, "C", 0.1, -0.0, float("nan"), float("inf"), 2j, complex("nan"), (), (1, (2.0, "a")), [1, [2]], ...,
             slice(1, None, -2), slice(np.int64(1), None), range(3, 0, -1), np.float32(0.1), np.int8(3), np.bool_(True), np.longdouble(0.1),
             np.dtype("f4"), np.dtype(">f8"), float, bool, np.float64, np.complex64, np.bool_, np.arange(6).reshape(2, 3).T,
             np.array(["nan", 1.0], float), np.zeros((0, 3)), np.array([1.0], ">f8"), np.sin, np.linalg.inv]  # fmt: skip


@mg.op
def chosen(x, *constants):
    return x


mg.linear(chosen, x=lambda g, *constants: g)


@pytest.mark.parametrize("a", CONSTANTS, ids=shown)
def test_constants_come_back_as_they_are(a, tape, x, through):
    tape.record(chosen, (x, a))
    went, came = (t.state.steps[1].args[1] for t in (tape, through(tape)))
    assert type(came) is type(went) and equal(came, went)


class TestWhatSharesABuffer:
    def test_shares_it_again(self, tape, through):
        A = tape.leaf(np.random.default_rng(0).normal(size=(40, 40)), name="A")
        (A.T @ A).named("P")
        A[::2, 3:].named("view")
        other = through(tape)
        assert np.shares_memory(other["A"].value, other["view"].value)
        assert other["view"].value.strides == tape["view"].value.strides
        other["A"].value = A.value + 1.0
        A.value = A.value + 1.0
        np.testing.assert_allclose(other["P"].value, tape["P"].value, rtol=1e-13)

    def test_is_counted_once(self, tape, through):
        x = tape.leaf(np.arange(100.0), name="x")
        np.sum(np.broadcast_to(np.sin(x), (1000, 100)))
        tape.budget = 10**6
        assert through(tape).state.budget.bytes == tape.state.budget.bytes

    def test_is_no_more_than_what_is_seen_of_it(self, tape, path):
        whole = np.arange(1e6)
        whole.flags.writeable = False
        x = tape.leaf(whole[500:510], name="x")
        mg.save(path, tape)
        assert path.stat().st_size < 4000
        assert bitwise_equal(mg.load(path)["x"].value, x.value)

    def test_is_let_go_without_the_others(self, tape, through):
        for k in range(3):
            tape.leaf(np.full(10, k, float), name=f"x{k}")
        values = [through(tape).state.values[k] for k in range(3)]
        assert not any(np.shares_memory(values[0], other) for other in values[1:])
        assert not any(value.flags.writeable for value in values)

    def test_may_be_somebody_else_s(self, tape, x, through):
        for y in (np.frombuffer(bytes(range(160))), np.zeros(9, [("a", "f4"), ("b", "f8")])["b"]):
            tape.record(chosen, (x,), y=y[::-2])
        other = through(tape)
        assert all(bitwise_equal(other[n].value, tape[n].value) for n in (1, 2))

    def test_may_be_of_the_other_byte_order(self, tape, x, through):
        foreign = [np.arange(3.0).astype(">f8") + k for k in range(3)]
        tape.record(chosen, (x, *(a.astype(">f8") for a in foreign)))
        assert equal(through(tape).state.steps[1].args, tape.state.steps[1].args)


# ------------------------------------------------------------------------------------------------------ ops by name


def test_every_op_has_a_name_of_its_own():
    names = [archive_name(op) for op in SHEETS]
    assert sorted(set(names)) == sorted(names)


def test_names_are_those_of_public_places():
    names = ops_by_name()
    assert names["numpy.sin"] is np.sin and names["numpy.linalg.inv"] is np.linalg.inv
    assert {
        "memograd.getitem",
        "memograd.output",
        "scipy.special.expit",
        f"{chosen.__module__}.chosen",
    } <= names.keys()


def test_an_op_that_is_not_registered_is_named(tape, x, path):
    chosen(x)
    mg.save(path, tape)
    content, arrays = taken_apart(path.read_bytes())
    content["program"]["ops"] = ["os.system", "numpy.sinh2"]
    path.write_bytes(put_together(content, arrays))
    with pytest.raises(
        ArchiveError, match=r"os\.system, numpy\.sinh2.*import the module that registers"
    ):
        mg.load(path)


def test_nothing_is_imported_for_a_name(path):
    content, arrays = taken_apart(KEPT.read_bytes())
    content["program"]["ops"][0] = "antigravity.fly"
    path.write_bytes(put_together(content, arrays))
    with pytest.raises(ArchiveError, match="antigravity"):
        mg.load(path)
    assert "antigravity" not in sys.modules


def test_two_ops_of_one_name_are_refused(tape, x, path):
    twins = [mg.op(lambda x: x + 1.0), mg.op(lambda x: x + 2.0)]
    for twin in twins:
        mg.linear(twin, x=lambda g: g)
    twins[1](x)
    with pytest.raises(ArchiveError, match="another registered op"):
        mg.save(path, tape)
    for twin in twins:
        del RULES[twin]


@pytest.mark.parametrize("a", [object(), {"a": 1}, 2**64, np.array(["a"]), lambda x: x], ids=shown)
def test_a_constant_that_is_no_data_is_refused_with_its_node(a, tape, x, path):
    tape.state.steps[x.id + 1] = replace(tape.record(chosen, (x,)).step, args=(a,))
    with pytest.raises(ArchiveError, match=r"v1 .*cannot be saved"):
        mg.save(path, tape)
    assert not path.exists()


def test_saving_in_the_middle_of_a_request_is_refused(tape, x, path):
    def line(g):
        mg.save(path, tape)

    busy = mg.op(lambda x: x * 1.0)
    mg.linear(busy, x=line)
    with pytest.raises(BusyError, match="saving"):
        mg.grad(np.sum(busy(x)), x)
    del RULES[busy]


# -------------------------------------------------------------------------------------------------- nothing is lost


class Full(io.FileIO):
    """A file on a disk that takes some bytes, and no more."""

    room = 0

    def write(self, data):
        if self.tell() + len(data) > self.room:
            raise OSError(28, "No space left on device")
        return super().write(data)


@pytest.mark.parametrize("room", [0, 1, 100, 1000, 2000])
def test_a_full_disk_loses_nothing_that_was_there(room, tape, path, monkeypatch):
    session(tape)
    mg.save(path, tape)
    before = path.read_bytes()
    monkeypatch.setattr(Full, "room", room)
    monkeypatch.setattr(atomic_write, "open", Full, raising=False)
    assert room < len(before)
    with pytest.raises(OSError, match="No space left"):
        mg.save(path, tape)
    assert os.listdir(path.parent) == [path.name]
    assert path.read_bytes() == before


POSIX = pytest.mark.skipif(os.name != "posix", reason="signals, links and permissions are POSIX's")


@POSIX
def test_a_process_that_is_killed_while_saving_loses_nothing_that_was_there(tape, x, path):
    mg.save(path, tape)
    before = path.read_bytes()
    script = f"""
import os, numpy as np, memograd as mg
from memograd.archive import zip_members
tape = mg.Tape()
x = tape.leaf(np.ones(1000))
zip_members.json.dumps = lambda *args, **kwargs: os.kill(os.getpid(), 9)
mg.save({str(path)!r}, tape)
"""
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -9
    assert path.read_bytes() == before


@POSIX
def test_a_link_stays_a_link_and_permissions_stay(tape, x, path):
    mg.save(path, tape)
    path.chmod(0o600)
    link = path.with_name("link")
    link.symlink_to(path)
    tape.leaf(2.0, name="new")
    mg.save(link, tape)
    assert link.is_symlink() and "new" in mg.load(path)
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
def test_a_pipe_is_written_into(tape, x, path):
    mg.save(path, tape)
    pipe, received = path.with_name("pipe"), []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: received.append(pipe.read_bytes()), daemon=True)
    reader.start()
    mg.save(pipe, tape)
    reader.join(60)
    assert pipe.is_fifo() and received == [path.read_bytes()]
    assert sorted(os.listdir(path.parent)) == ["pipe", path.name]


@pytest.mark.skipif(
    not hasattr(os, "chown"), reason="files of this system have no owner to be kept"
)
@pytest.mark.parametrize("allowed", [True, False])
def test_owner_group_and_mode_are_kept_as_far_as_allowed(tape, x, path, monkeypatch, allowed):
    asked = []

    def chown(name, owner, group):
        asked.append((owner, group))
        if not allowed:
            raise PermissionError(1, "Operation not permitted")

    mg.save(path, tape)
    path.chmod(0o640)
    old = path.stat()
    monkeypatch.setattr(os, "chown", chown)
    tape.leaf(2.0, name="new")
    mg.save(path, tape)
    assert asked == [(old.st_uid, -1), (-1, old.st_gid)]
    assert path.stat().st_mode & 0o777 == 0o640 and "new" in mg.load(path)


def test_nobody_else_reads_a_private_file_while_it_is_written(tape, x, path, monkeypatch):
    mg.save(path, tape)
    path.chmod(0o600)
    modes = []
    monkeypatch.setattr(os, "fsync", lambda number: modes.append(os.fstat(number).st_mode & 0o077))
    mg.save(path, tape)
    assert modes == [0]


def test_a_disk_is_not_overwritten(tape, x, path, monkeypatch):
    path.write_bytes(b"a disk")
    monkeypatch.setattr(atomic_write.stat, "S_ISREG", lambda mode: False)
    monkeypatch.setattr(atomic_write.stat, "S_ISBLK", lambda mode: True)
    with pytest.raises(ArchiveError, match="is a disk, which would be overwritten"):
        mg.save(path, tape)
    assert path.read_bytes() == b"a disk"


def test_a_folder_is_python_s_own_error(tape, x, path):
    with pytest.raises(IsADirectoryError):
        mg.save(path.parent, tape)
    assert os.listdir(path.parent) == []


# ----------------------------------------------------------------------------------------------------- version 1


def test_a_file_of_version_1_is_read_for_good():
    assert KEPT.stat().st_size < 20_000
    log = mg.Log()
    tape = mg.load(KEPT, log=log)
    assert str(log).startswith("∂L/∂x → table[x]")
    log = mg.Log()
    assert mg.why(tape["M"], tape["w"]).kind == "maybe stale"
    g = mg.grad(tape["L"], [tape["x"], tape["w"]], log=log)
    assert [np.round(a, 9).tolist() for a in g] == [[77.008052186, 40.748293943, 131.0], 1.096852]
    assert "x" in log.dropped and "w" in log.dropped


# --------------------------------------------------------------------------------------------------- hostile files


def put(content, place, value):
    """Set what stands at a place, given as `session.counts.0`."""
    *inner, last = place.split(".")
    for key in inner:
        content = content[int(key) if isinstance(content, list) else key]
    content[int(last) if isinstance(content, list) else last] = value


BAD = {
    "version": 2,
    "format": "zip",
    "byteorder": "middle",
    "members": [],
    "members.0.dtype": "|O",
    "members.0.length": 2**50,
    "packs.items.0": 99,
    "packs.sizes.0": 2**40,
    "packs.members.0": 7,
    "packs.buffers.0": 10**4000,
    "packs.offsets.0": -8,
    "packs.scalars.<f8": 0,
    "packs.layouts.0": {"array": ["<f8", [2**40], None]},
    "packs.layouts.1": {"array": ["<f8", [2**60, 2**60], [0, 0]]},
    "packs.layouts.2": {"tuple": ["Popen", 1]},
    "program.ids.1": 0,
    "program.ids.2": 2**53,
    "program.next": 0,
    "program.op.0": 1,
    "program.ops.0": None,
    "program.operands.0": 0,
    "program.operands.1": 10,
    "program.operands.2": -1,
    "program.call.0": -1,
    "program.calls.0": [[{"operand": None}], {}],
    "program.calls.5": [[{"operand": None}, 0], {"x=__import__('os').system('true')": 1}],
    "program.calls.2": [[{"tuple": [[]]}], {}],
    "program.facts.0": {"array": ["|O", [3]]},
    "program.lines.0": ["file", 3],
    "program.names.names.0": "v3",
    "program.names.names.1": "x",
    "program.names.nodes.0": 99,
    "program.of.outputs.0": 99,
    "session.values.nodes.0": 1,
    "session.values.items.0": 0,
    "session.pending.nodes.0": 2,
    "session.marks.numbers.0": 3,
    "session.counts": [1, 2],
    "session.budget": -1,
    "session.tables.0.output": 0,
    "session.tables.0.nodes.0": 2**40,
    "session.tables.0.acts.0": 1000,
    "session.acts.0": [0, 0],
    "log": [],
    "more": 1,
}


@pytest.mark.parametrize("place", BAD)
def test_what_cannot_be_is_refused_by_a_check(place, path):
    content, arrays = taken_apart(KEPT.read_bytes())
    put(content, place, BAD[place])
    path.write_bytes(put_together(content, arrays))
    with pytest.raises(ArchiveError) as caught:
        mg.load(path)
    assert (
        caught.value.__cause__ is None or 10**4000 == BAD[place]
    )  # which Python itself will not read


BAD_WORK = {
    "log.asked.0": [],
    "log.asked.0.0": 99,
    "log.work.nodes.0": 99,
    "log.work.outputs.0": -2,
    "log.work.seconds.0": "soon",
    "log.work.bytes": [],
    "log.work.seconds": [],
}


@pytest.mark.parametrize("place", BAD_WORK)
def test_work_that_cannot_be_is_refused_by_a_check(place, tape, path):
    log = mg.Log()
    session(tape, log)
    mg.save(path, tape, log=log)
    content, arrays = taken_apart(path.read_bytes())
    put(content, place, BAD_WORK[place])
    path.write_bytes(put_together(content, arrays))
    with pytest.raises(ArchiveError) as caught:
        mg.load(path, log=mg.Log())
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("k", [[], [2], [-1], [True], [0, 0]], ids=str)
def test_an_output_without_its_number_is_refused_by_a_check(k, path):
    content, arrays = taken_apart(KEPT.read_bytes())
    program = content["program"]
    program["calls"].append([[{"operand": None}, *k], {}])
    for n, op in enumerate(program["op"]):
        if op and program["ops"][op - 1] == "memograd.output":
            program["call"][n] = len(program["calls"]) - 1
    path.write_bytes(put_together(content, arrays))
    with pytest.raises(ArchiveError, match="several outputs") as caught:
        mg.load(path)
    assert caught.value.__cause__ is None


def test_nodes_that_are_not_in_order_are_refused(path):
    content, arrays = taken_apart(KEPT.read_bytes())
    assert content["program"]["ids"][:3] == [0, 1, 1]
    content["program"]["ids"][:3] = [1, -1, 2]  # the two leaves, the other way round
    path.write_bytes(put_together(content, arrays))
    with pytest.raises(ArchiveError, match="not in order"):
        mg.load(path)


@pytest.mark.parametrize(
    "text",
    ["NaN", "[1, -Infinity]", "[" * 10**5, "{", "", "\x00", "1" * 5000, "[]", '{"format": []}'],
)
def test_json_that_is_none_is_refused(text, path):
    path.write_bytes(put_together(text, {}))
    with pytest.raises(ArchiveError):
        mg.load(path)


@pytest.mark.parametrize(
    "name",
    ["../evil", "/etc/evil", "arrays/99.npy", "session.json/", "C:\\evil", JSON, "arrays/0.npy"],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_members_that_do_not_belong_are_refused(name, path):
    path.write_bytes(KEPT.read_bytes())
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name, b"more")
    with pytest.raises(ArchiveError, match="twice|members are not those"):
        mg.load(path)


def pickled():
    data = io.BytesIO()
    np.save(data, np.array([os.getcwd], object), allow_pickle=True)
    return data.getvalue()


@pytest.mark.parametrize("change", {
    "pickled": lambda member: pickled(),
    "a byte more": lambda member: member + b"\0",
    "cut off": lambda member: member[:-1],
    "another shape": lambda member: member.replace(b"(", b"(9", 1),
    "another dtype": lambda member: member.replace(b"<f8", b"|O8", 1),
    "empty": lambda member: b"",
}.items(), ids=lambda change: change[0])  # fmt: skip
def test_an_array_that_is_not_what_it_says_is_refused(change, path):
    content, arrays = taken_apart(KEPT.read_bytes())
    arrays["arrays/0.npy"] = change[1](arrays["arrays/0.npy"])
    path.write_bytes(put_together(content, arrays))
    with pytest.raises(ArchiveError, match=r"arrays/0\.npy"):
        mg.load(path)


def test_an_array_that_was_changed_has_another_digest(path):
    content, arrays = taken_apart(KEPT.read_bytes())
    digests = [one["sha256"] for one in content["members"]]
    arrays["arrays/0.npy"] = arrays["arrays/0.npy"][:-1] + b"\x01"
    data = put_together(content, arrays)
    for one, digest in zip(content["members"], digests, strict=True):
        one["sha256"] = digest
    text = json.dumps(content).encode()
    with zipfile.ZipFile(path, "w") as archive, zipfile.ZipFile(io.BytesIO(data)) as old:
        for name in arrays:
            archive.writestr(name, old.read(name))
        archive.writestr(JSON, text)
    with pytest.raises(ArchiveError, match="digest"):
        mg.load(path)


def test_a_bomb_takes_no_more_memory_than_json_may(path, monkeypatch):
    monkeypatch.setattr(zip_members, "LONGEST_JSON", 2**20)
    monkeypatch.setattr(zip_members, "LONGEST_READ", 2**16)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(JSON, b" " * 2**26)
        archive.writestr("arrays/0.npy", bytes(2**26))
    tracemalloc.start()
    with pytest.raises(ArchiveError, match="JSON is too long"):
        mg.load(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**23


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_json_of_another_compression_is_refused(method, path):
    content, _ = taken_apart(KEPT.read_bytes())
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr(JSON, json.dumps(content))
    with pytest.raises(ArchiveError, match="not deflated"):
        mg.load(path)


def test_what_is_told_once_and_made_often_is_bounded(tape, path, monkeypatch):
    L = session(tape)
    mg.save(path, tape)
    for limit in (
        sum(len(step.args) for step in tape.state.steps.values()) - 1,
        len(tape.state.tables[L.id].uses) - 1,
    ):
        for room in (program_codec, memory):
            monkeypatch.setattr(room, "MOST_ENTRIES", limit)
        with pytest.raises(ArchiveError, match=f"more than {limit}"):
            mg.load(path)
    monkeypatch.setattr(validation, "MOST_ENTRIES", 1)
    with pytest.raises(ArchiveError, match="Save it as several tapes"):
        mg.save(path, tape)


def test_a_tuple_is_made_once_however_often_it_is_told_of(path):
    content, arrays = taken_apart(KEPT.read_bytes())
    layouts = content["packs"]["layouts"]
    layouts.append({"tuple": ["tuple", *[1] * 1000]})
    content["packs"]["items"] += [len(layouts) - 1] * 10_000
    path.write_bytes(put_together(content, arrays))
    tracemalloc.start()
    mg.load(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**24


def test_deflated_arrays_are_refused_before_memory_is_taken(path):
    content, arrays = taken_apart(KEPT.read_bytes())
    path.write_bytes(put_together(content, arrays, zipfile.ZIP_DEFLATED))
    with pytest.raises(ArchiveError, match="not stored as it is"):
        mg.load(path)


def test_every_cut_and_every_flipped_byte_is_an_error_or_harmless(path):
    data = KEPT.read_bytes()
    whole = snapshot_of(mg.load(KEPT).state)
    for k in range(0, len(data), 7):
        for changed in (data[:k], data[:k] + bytes([data[k] ^ 0x21]) + data[k + 1 :]):
            path.write_bytes(changed)
            try:
                tape = mg.load(path)
            except mg.MemogradError:
                continue
            assert equal(snapshot_of(tape.state), whole)  # a date, a flag that nobody reads


def test_a_file_that_is_not_there_is_python_s_own_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        mg.load(tmp_path / "none")
    with pytest.raises(OSError):  # which one depends on the operating system
        mg.load(tmp_path)


def test_text_in_a_file_is_never_text_of_a_plan(path, tape):
    np.sum(np.swapaxes(tape.leaf(np.ones((2, 3)), name="x"), 0, 1)).named("L")
    mg.save(path, tape)
    content, arrays = taken_apart(path.read_bytes())
    (call,) = [call for call in content["program"]["calls"] if call[1]]
    call[1]["axis1"] = "__import__('os').abort()"
    path.write_bytes(put_together(content, arrays))
    tape = mg.load(path)
    with pytest.raises(TypeError, match="integer"):
        mg.plan(tape["L"], inputs=[tape["x"]])(np.ones((2, 3)))


@pytest.mark.parametrize(
    "keys",
    [
        archive.SESSION_KEYS,
        archive.MEMBER_KEYS,
        archive.array_unpacking.PACK_KEYS,
        archive.program_codec.PROGRAM_KEYS,
        archive.state_codec.STATE_KEYS,
        archive.state_codec.TABLE_KEYS,
        archive.log_codec.LOG_KEYS,
        archive.log_codec.WORK_KEYS,
    ],
)
def test_the_description_of_the_format_names_every_field(keys):
    named = set(re.findall(r"``(\w+)``|^(\w+)$|^([\w, ]+)$", archive.__doc__, re.MULTILINE))
    words = {word for found in named for part in found for word in part.split(", ")}
    assert words >= set(keys.split())
