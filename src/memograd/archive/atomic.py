"""A file takes the place of another when all of it is on the disk, or not at all."""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[IO[Any]]:
    """A new file beside the one at `path`, whose place it takes at the end of the block; if that fails, the old one stays.

    >>> import tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "text")
    >>> with replacing(path) as file:
    ...     _ = file.write(b"all of it")
    >>> os.listdir(os.path.dirname(path))
    ['text']
    """
    target = os.path.realpath(path)  # where it is a link, what it leads to is replaced
    temporary = f"{target}.{secrets.token_hex(4)}.tmp"
    try:
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileNotFoundError):
            shutil.copymode(target, temporary)
        os.replace(temporary, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
