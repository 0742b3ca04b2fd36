"""Location of the running call in the user's code.

It is looked up for every recorded node. The attribute `f_lineno` of a frame decodes the line table
from its start, which takes tens of microseconds at the end of a long function. Here each code
object is decoded once, into a dict from instruction to `(file, line)`.
"""

import os
import weakref
from types import CodeType, FrameType

import numpy

Location = tuple[str, int]

_PACKAGES = (
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
    os.path.dirname(os.path.abspath(numpy.__file__)),
)
_OWN_FOLDERS = tuple(package + os.sep for package in _PACKAGES)
_OWN_FOLDER = _OWN_FOLDERS[0]

OWN_FILES: set[str] = set()
"""Files of memograd's and NumPy's code that were met on the stack."""

TABLES: dict[int, dict[int, Location]] = {}
"""Location by instruction, by id of the code object, for code of the user's."""

CODES: dict[int, weakref.ref[CodeType]] = {}
"""Weak references to the decoded code objects: a dead one's id may be used again."""


def location_of(frame: FrameType | None) -> Location | None:
    """Return the location in the innermost frame of the user's code, from `frame` outwards."""
    while frame is not None:
        code = frame.f_code
        # A dozen frames of ours may stand below the user's: their file names, whose hashes Python
        # keeps, are looked up in half the time of ids.
        if code.co_filename not in OWN_FILES:
            table = TABLES.get(id(code))
            if table is None:
                table = _decode(code)
            if table:
                return table.get(frame.f_lasti)
        frame = frame.f_back
    return None


def is_own(frame: FrameType) -> bool:
    """Return whether a frame runs code of this package."""
    return frame.f_code.co_filename.startswith(_OWN_FOLDER)


def user_frame(frame: FrameType | None) -> FrameType | None:
    """Return the innermost frame of the user's code, from `frame` outwards."""
    while frame is not None and frame.f_code.co_filename.startswith(_OWN_FOLDERS):
        frame = frame.f_back
    return frame


def _decode(code: CodeType) -> dict[int, Location]:
    """Return the table of a code object and keep it while the code object lives.

    It is empty for code of ours, whose file is noted instead.
    """
    table: dict[int, Location] = {}
    if code.co_filename.startswith(_OWN_FOLDERS):
        OWN_FILES.add(code.co_filename)
        return table
    for start, stop, number in code.co_lines():
        if number is not None:
            table.update(dict.fromkeys(range(start, stop, 2), (code.co_filename, number)))
    key = id(code)
    CODES[key] = weakref.ref(code, lambda _: (TABLES.pop(key, None), CODES.pop(key, None)))
    TABLES[key] = table
    return table
