"""Atomic writing: a file replaces another once all of it is on the disk."""

import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from tempfile import TemporaryFile
from typing import IO, Any

from ..errors import ArchiveError
from ..text import printable


@contextmanager
def replace_file(path: str | os.PathLike[str]) -> Iterator[IO[Any]]:
    """Replace the file at `path` at the end of the block; keep the old one if the block fails.

    A regular file is replaced by one of the same owner and mode, as far as that is allowed; a link
    still leads to it. Data for a pipe or a terminal are written at the end.

    >>> import tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "text")
    >>> with replace_file(path) as file:
    ...     _ = file.write(b"all of it")
    >>> os.listdir(os.path.dirname(path))
    ['text']
    """
    try:
        old = os.stat(path)
    except FileNotFoundError:
        old = None
    if old is None or stat.S_ISREG(old.st_mode):
        with _temporary_path(os.path.realpath(path), old) as file:
            yield file
    elif stat.S_ISBLK(old.st_mode):
        raise ArchiveError(
            f"{printable(os.fspath(path))} is a disk, which would be overwritten. Give the name "
            f"of a file."
        )
    else:
        with TemporaryFile() as file:
            yield file
            file.seek(0)
            with open(path, "wb", buffering=0) as stream:  # of a folder, this is Python's own error
                shutil.copyfileobj(file, stream)


@contextmanager
def _temporary_path(target: str, old: os.stat_result | None) -> Iterator[IO[Any]]:
    """Open a new file beside `target`, which it replaces at the end of the block."""
    temporary = f"{target}.{secrets.token_hex(4)}.tmp"
    try:
        with open(temporary, "xb", opener=None if old is None else _open_private) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if old is not None:
            _keep_owner(temporary, old)
        os.replace(temporary, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def _open_private(path: str, flags: int) -> int:
    """Open a file that only its owner can read, until it gets the mode of the old one."""
    return os.open(path, flags, 0o600)


def _keep_owner(path: str, old: os.stat_result) -> None:
    """Give a file the owner, the group and the mode of another, as far as that is allowed."""
    if hasattr(os, "chown"):
        for owner, group in ((old.st_uid, -1), (-1, old.st_gid)):
            with suppress(PermissionError):
                os.chown(path, owner, group)
    os.chmod(path, stat.S_IMODE(old.st_mode))
