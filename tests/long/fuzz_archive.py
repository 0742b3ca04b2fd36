"""Fuzz `load`: real archives, changed in their structure or in their bits, for as long as is asked.

    python tests/long/fuzz_archive.py --seconds 60

Whatever the bytes, `load` gives a tape or raises a MemogradError, in bounded time and memory. A tape that it gives can be looked at
from all sides, and saved and loaded again. Errors that none of the checks foresaw are findings, too: they would have no useful text.
"""

import argparse
import collections
import copy
import io
import json
import resource
import signal
import sys
import tempfile
import time
import warnings
import zipfile
import zlib
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from archives import put_together, session, taken_apart  # noqa: E402
from hypothesis import HealthCheck, Phase, given, seed, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

import memograd as mg  # noqa: E402
from memograd.archive import load, save  # noqa: E402

FORESEEN = (
    zipfile.BadZipFile,
    zlib.error,
    json.JSONDecodeError,
    UnicodeDecodeError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    OSError,
)
"""What zipfile and json raise by themselves; an error of another cause, such as KeyError, is one that a check should have found."""

PHASES = [Phase.generate, Phase.shrink]

SLOW = 20
"""Seconds in which any input, none larger than some kilobytes, is done."""

MEMORY = 3 * 2**30

NUMBERS = st.sampled_from(
    [0, 1, -1, 2, 3, 7, 64, 255, 2**31, 2**53 - 1, 2**53, 2**63, 2**64, -(2**63), 10**30, 10**4000]
)
SCRAPS = NUMBERS | st.sampled_from(
    [None, True, 0.5, "", "v3", "x", "numpy.sin", "os.system", "<f8", "|O", "../x", "a\nb", "\ud800", [], {}, [[]], [0], [0, 1, None],
     {"operand": None}, {"array": 1}, {"number": 1}, {"tuple": []}, {"slice": [0, None, 1]}, {"range": [0, 2**60, 1]}, {"dtype": "|O"},
     {"op": "numpy.sin"}, {"type": "builtins.float"}, {"ellipsis": None}, {"default": None}, {"scalar": "<f8"},
     {"array": ["<f8", [2**40], None]}, {"array": ["<f8", [3], [0]]}, {"tuple": ["tuple", 1, 1]}]
)  # fmt: skip
PLACES = st.lists(st.integers(0, 10**6), min_size=1, max_size=8)

CHANGES = st.one_of(
    st.tuples(st.just("set"), PLACES, SCRAPS),
    st.tuples(st.just("add"), PLACES, st.integers(-3, 3)),
    st.tuples(st.just("drop"), PLACES),
    st.tuples(st.just("repeat"), PLACES),
    st.tuples(st.just("swap"), PLACES, PLACES),
    st.tuples(st.just("graft"), PLACES, PLACES),
    st.tuples(st.just("wrap"), PLACES, st.integers(1, 3000)),
)
BITS = st.one_of(
    st.tuples(st.just("flip"), st.integers(0, 10**6), st.integers(1, 255)),
    st.tuples(st.just("cut"), st.integers(0, 10**6)),
    st.tuples(st.just("insert"), st.integers(0, 10**6), st.binary(min_size=1, max_size=50)),
    st.tuples(st.just("copy"), st.integers(0, 10**6), st.integers(0, 10**6), st.integers(1, 200)),
)
MEMBERS = st.one_of(
    st.tuples(st.just("byte"), st.integers(0, 50), st.integers(0, 300), st.integers(1, 255)),
    st.tuples(st.just("deflate")),
    st.tuples(
        st.just("another"),
        st.sampled_from(
            ["arrays/0.npy", "arrays/99.npy", "../evil", "/etc/evil", "session.json", "x"]
        ),
    ),
    st.tuples(st.just("lose"), st.integers(0, 50)),
    st.tuples(st.just("pickle"), st.integers(0, 50)),
)
INPUTS = st.tuples(
    st.integers(0, 2),
    st.one_of(
        st.tuples(st.lists(CHANGES, min_size=1, max_size=4), st.just([]), st.just([])),
        st.tuples(st.just([]), st.just([]), st.lists(BITS, min_size=1, max_size=4)),
        st.tuples(
            st.lists(CHANGES, max_size=2),
            st.lists(MEMBERS, min_size=1, max_size=2),
            st.lists(BITS, max_size=1),
        ),
    ),
)


# ----------------------------------------------------------------------------------------------------- to change


def places(content):
    """Every list or object of the JSON with each of its keys."""
    stack, found = [content], []
    while stack:
        inner = stack.pop()
        keys = list(inner) if isinstance(inner, dict) else range(len(inner))
        found += [(inner, key) for key in keys]
        stack += [inner[key] for key in keys if isinstance(inner[key], dict | list)]
    return found


def at(content, place):
    """One of the places: first a list or object of all that there are, each as likely, then a key of it."""
    every = places(content)
    if not every:
        return None
    containers = list({id(inner): inner for inner, _ in every}.values())
    inner = containers[place[0] % len(containers)]
    keys = list(inner) if isinstance(inner, dict) else range(len(inner))
    return inner, keys[place[-1] % len(keys)]


def changed(content, change):
    """Change the JSON in one place."""
    kind, place, *more = change
    found = at(content, place)
    if found is None:
        return
    inner, key = found
    if kind == "set":
        inner[key] = copy.deepcopy(more[0])
    elif kind == "add" and isinstance(inner[key], int | float):
        inner[key] += more[0]
    elif kind == "drop":
        del inner[key]
    elif kind == "repeat" and isinstance(inner, list):
        inner.insert(key, inner[key])
    elif kind in ("swap", "graft") and (other := at(content, more[0])):
        one, another = json.dumps(inner[key]), json.dumps(other[0][other[1]])
        inner[key] = json.loads(another)
        if kind == "swap" and len(one) + len(another) < 10**5:
            other[0][other[1]] = json.loads(one)
    elif kind == "wrap":
        text = "[" * more[0] + "]" * more[0]
        inner[key] = json.loads(text) if more[0] < 500 else {"tuple": [text]}


def rebuilt(content, members, changes):
    """The archive with other members."""
    names, compression, extra = list(members), zipfile.ZIP_STORED, []
    for kind, *more in changes:
        name = names[more[0] % len(names)] if names and kind in ("byte", "lose", "pickle") else None
        if kind == "byte" and name in members:
            data = bytearray(members[name])
            data[more[1] % len(data)] ^= more[2]
            members[name] = bytes(data)
        elif kind == "lose":
            members.pop(name, None)
        elif kind == "pickle" and name in members:
            data = io.BytesIO()
            np.save(data, np.array([print, {}], object), allow_pickle=True)
            members[name] = data.getvalue()
        elif kind == "deflate":
            compression = zipfile.ZIP_DEFLATED
        elif kind == "another":
            extra.append(more[0])
    data = io.BytesIO(put_together(content, members, compression))
    with zipfile.ZipFile(data, "a") as archive:
        for name in extra:
            archive.writestr(name, b"more")
    return data.getvalue()


def mangled(data, bits):
    """Bytes with some of them changed."""
    data = bytearray(data)
    for kind, place, *more in bits:
        place %= len(data) + 1
        if kind == "flip" and place < len(data):
            data[place] ^= more[0]
        elif kind == "cut":
            del data[place:]
        elif kind == "insert":
            data[place:place] = more[0]
        elif kind == "copy":
            data[place : place + more[1]] = data[more[0] % (len(data) + 1) :][: more[1]]
    return bytes(data)


# ------------------------------------------------------------------------------------------------------ to try


def seeds(folder):
    """Some real archives."""
    tape, log = mg.Tape(), mg.Log()
    L = session(tape)
    mg.grad(L, tape["x"], log=log)
    yield tape, log
    tape = mg.Tape()
    x = tape.leaf(2.0, name="x")
    mg.grad((np.sin(x) * x).named("L"), x)
    yield tape, None
    tape = mg.Tape()
    X = tape.leaf(np.arange(12.0).reshape(3, 4), name="X")
    _, logarithm = np.linalg.slogdet(X @ X.T + np.eye(3))
    tape.budget = 200
    mg.grad(logarithm.named("L"), X)
    with tape.scratch():
        X + 1.0
    X[1:, ::-1].named("view")
    yield tape, None


def looked_at(tape, log):
    """All that can be asked of a tape without running its ops."""
    assert str(log) is not None
    repr(tape)
    list(tape.graph.nodes(data=True)), list(tape.graph.edges(data=True))
    for node in tape:
        repr(node), node.operands, node.consumers
    for output in list(tape.state.tables):
        for n in list(tape.state.tables[output].uses)[:50]:
            repr(mg.why(tape[output], tape[n]))


class Trial:
    """Tries one input after the other in a folder, and counts what becomes of them."""

    def __init__(self, folder):
        self.path, self.again = Path(folder) / "tried.memograd", Path(folder) / "again.memograd"
        self.seeds, self.outcomes = [], collections.Counter()
        for tape, log in seeds(folder):
            save(self.path, tape, log=log)
            self.seeds.append(self.path.read_bytes())

    def run(self, number, changes, members, bits):
        data = self.seeds[number]
        if changes or members:
            content, arrays = taken_apart(data)
            for change in changes:
                changed(content, change)
            data = rebuilt(content, arrays, members)
        self.path.write_bytes(mangled(data, bits))
        self.outcomes["inputs"] += 1
        log = mg.Log()
        try:
            tape = load(self.path, log=log)
        except mg.MemogradError as error:
            cause = error.__cause__
            assert cause is None or isinstance(cause, FORESEEN), f"no check foresaw {cause!r}"
            self.outcomes[f"refused: {type(cause).__name__ if cause else 'by a check'}"] += 1
            return
        self.outcomes["loaded"] += 1
        looked_at(tape, log)
        save(self.again, tape, log=log)
        save(self.path, load(self.again))


def late(number, frame):
    raise TimeoutError(f"not done after {SLOW} seconds")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    signal.signal(signal.SIGALRM, late)
    warnings.filterwarnings("ignore", "Duplicate name")
    end = time.monotonic() + options.seconds
    with tempfile.TemporaryDirectory() as folder:
        trial, batch = Trial(folder), options.seed
        while time.monotonic() < end:

            @seed(batch)
            @settings(
                max_examples=1000,
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
                phases=set(Phase) - {Phase.explain},
            )
            @given(INPUTS)
            def one_batch(given):
                number, (changes, members, bits) = given
                if time.monotonic() < end:
                    signal.alarm(SLOW)
                    try:
                        trial.run(number, changes, members, bits)
                    finally:
                        signal.alarm(0)

            one_batch()
            batch += 1
    print(
        f"seeds {options.seed} to {batch - 1}: "
        + ", ".join(f"{count} {what}" for what, count in trial.outcomes.most_common())
    )


if __name__ == "__main__":
    main()
