"""Which line of the user's code is running? Asked at every recorded node, so it has to be cheap.

A frame's own `f_lineno` decodes the function's line table from its start: tens of microseconds at
the end of a long function. Here each code object is decoded once, into a dict from instruction to
`(file, line)`.
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
_tables: dict[
    int, dict[int, Location]
] = {}  # id(code) -> instruction -> line; empty where the code is not the user's
_codes: dict[int, weakref.ref[CodeType]] = {}  # an id is good for as long as its code lives


def line_of(frame: FrameType | None) -> Location | None:
    """Return the line that the nearest frame of the user's, from `frame` outwards, is at."""
    while frame is not None:
        code = frame.f_code
        table = _tables.get(id(code))
        if table is None:
            table = _decode(code)
        if table:
            return table.get(frame.f_lasti)
        frame = frame.f_back
    return None


def _decode(code: CodeType) -> dict[int, Location]:
    table: dict[int, Location] = {}
    if not code.co_filename.startswith(_OWN_FOLDERS):
        for start, stop, number in code.co_lines():
            if number is not None:
                table.update(dict.fromkeys(range(start, stop, 2), (code.co_filename, number)))
    key = id(code)
    _codes[key] = weakref.ref(code, lambda _: (_tables.pop(key, None), _codes.pop(key, None)))
    _tables[key] = table
    return table
