"""Members of the zip; memory for a piece of one is bounded before it is allocated.

Arrays are stored as they are, so that all of them together cannot be longer than the file; only the
JSON is deflated, and only so much of it is inflated. A member's digest is that of its bytes:
`sha256sum` of the extracted file gives the same.
"""

import hashlib
import json
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain, islice
from typing import IO, Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

import numpy as np

from ..errors import ArchiveError
from .op_names import DTYPES, NAMED_TYPES
from .validation import Sheet, one_of, raise_damaged

SESSION = "session.json"

LONGEST_JSON = 2**26
"""Maximal size in bytes, enough for more than a million nodes.

The parsed JSON takes up to twenty times as much memory.
"""

MOST_LISTS = 2**22
"""Maximal number of lists and objects in the JSON."""

MOST_MEMBERS = 2**16

LONGEST_READ = 2**23
"""Maximal number of bytes, such as the zip's directory, that are read at once."""

WHEN = (1980, 1, 1, 0, 0, 0)
"""Date of every member, so that the same session gives the same bytes."""


def array_name(k: int) -> str:
    """Return the name of the member that holds array k."""
    return f"arrays/{k}.npy"


def header(dtype: np.dtype[Any], length: int) -> bytes:
    """Return the `.npy` header of an array with one axis.

    Format 1.0; the data begin at a multiple of 64 bytes.
    """
    text = f"{{'descr': '{dtype.str}', 'fortran_order': False, 'shape': ({length},), }}"
    text += " " * (-(len(text) + 11) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode("ascii")


# to write


def write(file: IO[bytes], content: dict[str, Any], members: list[list[np.ndarray]]) -> None:
    """Write the arrays, then the JSON: `content` with a description of the members."""
    with ZipFile(file, "w") as archive:
        descriptions = [
            _write_array(archive, array_name(k), arrays) for k, arrays in enumerate(members)
        ]
        text = json.dumps(
            content | {"members": descriptions}, separators=(",", ":"), allow_nan=False
        ).encode("ascii")
        if len(members) > MOST_MEMBERS or not _is_moderate(text):
            raise ArchiveError(
                f"The session is too large for an archive: {len(text)} bytes of JSON and "
                f"{len(members)} arrays, where at most "
                f"{LONGEST_JSON} and {MOST_MEMBERS} can be read. Save the parts of it on tapes "
                f"of their own."
            )
        archive.writestr(ZipInfo(SESSION, WHEN), text, ZIP_DEFLATED)


def _write_array(archive: ZipFile, name: str, parts: list[np.ndarray]) -> dict[str, Any]:
    """Write arrays of one dtype consecutively as one member, and return its description."""
    dtype, length = parts[0].dtype, sum(part.size for part in parts)
    data = _bytes(parts[0]) if len(parts) == 1 else np.concatenate([*map(_bytes, parts)])
    head, digest = memoryview(header(dtype, length)), hashlib.sha256()
    with archive.open(ZipInfo(name, WHEN), "w", force_zip64=True) as member:
        for piece in chain([head], _pieces(data)):
            digest.update(piece)
            member.write(piece)
    return {"dtype": NAMED_TYPES[dtype], "length": length, "sha256": digest.hexdigest()}


def _bytes(array: np.ndarray) -> np.ndarray:
    return array.view(np.uint8)


def _pieces(data: np.ndarray) -> Iterator[memoryview]:
    """Yield the bytes in pieces."""
    return (data.data[start : start + LONGEST_READ] for start in range(0, data.size, LONGEST_READ))


def _is_moderate(text: bytes) -> bool:
    return len(text) <= LONGEST_JSON and text.count(b"[") + text.count(b"{") <= MOST_LISTS


# to read


class Bounded:
    """File that returns at most one piece at once, whatever its content claims."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int = -1) -> bytes:
        """Read some bytes; all that there are, if they are not more than a piece."""
        data = self.file.read(min(size, LONGEST_READ + 1) if size >= 0 else LONGEST_READ + 1)
        if len(data) > LONGEST_READ:
            raise_damaged("its directory is too long")
        return data


class Members:
    """Members of an archive by their names, none of them twice."""

    def __init__(self, archive: ZipFile, size: int) -> None:
        self.archive, self.size = archive, size
        self.infos = {info.filename: info for info in archive.infolist()}
        if len(self.infos) < len(archive.infolist()):
            raise_damaged("a member is there twice")
        if len(self.infos) > MOST_MEMBERS + 1:
            raise_damaged(f"it has {len(self.infos)} members")

    def content(self) -> Any:
        """Return the parsed JSON."""
        info = self._info(SESSION)
        if info.compress_type not in (
            ZIP_STORED,
            ZIP_DEFLATED,
        ):  # others are inflated without a bound
            raise_damaged("its JSON is not deflated")
        with self.archive.open(info) as member:
            text = b"".join(
                islice(
                    iter(lambda: member.read(LONGEST_READ), b""), LONGEST_JSON // LONGEST_READ + 1
                )
            )
        if not _is_moderate(text):
            raise_damaged("its JSON is too long")
        return json.loads(text, parse_constant=lambda name: raise_damaged(f"its JSON holds {name}"))

    def arrays(self, sheets: list[Sheet]) -> list[np.ndarray]:
        """Return the arrays that the JSON describes; raise if there is anything else."""
        names = [array_name(k) for k in range(len(sheets))]
        if self.infos.keys() != {SESSION, *names}:
            raise_damaged("its members are not those that its JSON tells of")
        heads = [
            header(one_of(DTYPES, sheet.content["dtype"], "dtype"), sheet.number("length"))
            for sheet in sheets
        ]
        for name, sheet, head in zip(names, sheets, heads, strict=True):
            self._check_size(
                name, len(head) + sheet.number("length") * DTYPES[sheet.content["dtype"]].itemsize
            )
        if sum(info.file_size for name, info in self.infos.items() if name != SESSION) > self.size:
            raise_damaged("its arrays are longer than the file")
        return [
            self._array(name, sheet, head)
            for name, sheet, head in zip(names, sheets, heads, strict=True)
        ]

    def _check_size(self, name: str, size: int) -> None:
        info = self._info(name)
        if not info.compress_type == ZIP_STORED or not info.compress_size == info.file_size == size:
            raise_damaged(f"{name} is not stored as it is, or not as long as its array")

    def _array(self, name: str, sheet: Sheet, head: bytes) -> np.ndarray:
        array = np.empty(sheet.number("length"), DTYPES[sheet.content["dtype"]])
        with self.archive.open(self._info(name)) as member:
            if (found := member.read(len(head))) != head:
                raise_damaged(f"{name} does not begin as the .npy file of its array does")
            digest = hashlib.sha256(found)
            for piece in _pieces(_bytes(array)):
                _fill(piece, member)
                digest.update(piece)
            if member.read(1) or digest.hexdigest() != sheet.content["sha256"]:
                raise_damaged(f"{name} has another digest than when it was saved")
        return array

    def _info(self, name: str) -> ZipInfo:
        if name not in self.infos:
            raise_damaged(f"it has no {name}")
        return self.infos[name]


def _fill(piece: memoryview, member: IO[bytes]) -> None:
    """Read exactly as many bytes as the piece has."""
    at = 0
    while at < len(piece):
        read = member.read(min(len(piece) - at, LONGEST_READ))
        if not read:
            raise_damaged("an array ends too early")
        piece[at : at + len(read)] = read
        at += len(read)


@contextmanager
def open_members(file: IO[bytes]) -> Iterator[Members]:
    """Open a file as the members of an archive."""
    size = file.seek(0, 2)
    with ZipFile(Bounded(file)) as archive:
        yield Members(archive, size)
