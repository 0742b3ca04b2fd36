"""``python -m memograd.autograd SCRIPT ...``, or ``-m MODULE ...``: run a program on memograd.

Its ``import autograd`` finds this package.
"""

import runpy
import sys
from pathlib import Path

from .installation import install

USAGE = """usage: python -m memograd.autograd SCRIPT [ARGUMENT ...]
       python -m memograd.autograd -m MODULE [ARGUMENT ...]

Run a program that imports autograd on memograd."""


def main(arguments: list[str]) -> int:
    """Run the program that the arguments name; return the exit code of a call without one."""
    if not arguments or arguments[0] in ("-h", "--help") or arguments == ["-m"]:
        print(USAGE)
        return 0 if arguments and arguments[0] != "-m" else 2
    install()
    if arguments[0] == "-m":
        sys.argv = arguments[1:]
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = arguments
        sys.path[0] = str(Path(arguments[0]).resolve().parent)
        runpy.run_path(arguments[0], run_name="__main__")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
