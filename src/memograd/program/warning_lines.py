"""Warnings of NumPy that name the line of the user, as they do where arrays are computed.

NumPy warns at the line of Python that called it, which is one of this package's. A guard around
each op, such as `np.errstate`, takes 0.4 times as long as the op itself. So nothing guards it:
a filter is asked when there is a warning, and costs nothing until then. It gives the same warning
at the user's line, which passes through the user's own filters, and has the first one ignored.

A filter that is set after the import, such as ``warnings.simplefilter("always")``, is asked first.
Then the warning is shown with the line of this package.
"""

import re
import warnings
from sys import _getframe
from typing import Any

from .source_location import is_own, user_frame

FLOATING_POINT_ERROR = re.compile(
    "(divide by zero|overflow|underflow|invalid value) encountered in "
)


class UserLineFilter:
    """Pattern of a filter: it matches warnings from within the package, and gives them anew.

    Python calls `match` with the text of a warning while the frame that warned is the innermost.
    """

    def match(self, text: str) -> bool:
        """Return whether the warning was given anew, at the line of the user's running call."""
        if not FLOATING_POINT_ERROR.match(text):
            return False
        warned = _getframe(1)
        if warned.f_code is UserLineFilter.match.__code__ or not is_own(warned):
            return False
        if (frame := user_frame(warned)) is None:
            return False
        space = frame.f_globals
        warnings.warn_explicit(
            text,
            RuntimeWarning,
            frame.f_code.co_filename,
            frame.f_lineno,
            space.get("__name__"),
            space.setdefault("__warningregistry__", {}),
        )
        return True


def name_user_lines() -> None:
    """Have NumPy's warnings of floating-point errors name the user's line from now on."""
    filters: Any = warnings.filters
    filters.insert(0, ("ignore", UserLineFilter(), RuntimeWarning, None, 0))
