"""Archives to try `load` with: real sessions, and what a stranger may make of one."""

import hashlib
import io
import json
import zipfile

import numpy as np

import memograd as mg

JSON = "session.json"


def session(tape, log=None):
    """A small session with a bit of everything: names, constants, several outputs, views, marks, a derivative's program."""
    x, w = tape.leaf([0.5, -1.0, 2.0], name="x"), tape.leaf(2.0, name="w")
    upper, lower = np.split(np.sin(x * w).named("s")[:2], 2)
    A = np.outer(x, x + 0.25)
    L = (np.sum(upper * lower * w) + np.sum(A.T @ A) + np.sum(np.where(x > 0, x, -0.0))).named("L")
    M = np.exp(-w).named("M")
    mg.grad_node(M, w)
    mg.grad(L, x, log=log)
    mg.grad(M, w, log=log)
    tape.assign({x: [0.5, -1.0, 3.0]}, log=log)
    mg.grad(L, w, log=log)
    tape.assign({w: 2.5}, log=log)
    return L


def taken_apart(data):
    """The JSON of an archive, and the bytes of its arrays by name."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    return json.loads(members.pop(JSON)), members


def put_together(content, members, compression=zipfile.ZIP_STORED):
    """An archive of these, whatever they are, with the digests that its arrays have."""
    told = content.get("members") if isinstance(content, dict) else None
    for k, one in enumerate(told if isinstance(told, list) else []):
        if isinstance(one, dict) and f"arrays/{k}.npy" in members:
            one["sha256"] = hashlib.sha256(members[f"arrays/{k}.npy"]).hexdigest()
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", compression) as archive:
        for name, member in members.items():
            archive.writestr(name, member)
        archive.writestr(
            JSON, content if isinstance(content, str) else json.dumps(content), zipfile.ZIP_DEFLATED
        )
    return data.getvalue()
