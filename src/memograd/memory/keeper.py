"""Protocol of what bounds the bytes that a memory keeps."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any, Protocol

from .tables import Table

VALUE = -1
"""Stands in the place of an output in the entry of a value."""

EntryKey = tuple[int, int]
"""The cotangent of n in the table of L is (L, n); the value of n is (VALUE, n)."""


class Keeper(Protocol):
    """Policy of eviction. A memory without one keeps all.

    The memory asks ``if budget is not None`` rather than calling a policy that does nothing: three
    calls for each stored cotangent are a tenth of a small gradient.
    """

    limit: int
    bytes: int

    def keep_all(self) -> None:
        """Count what is kept already."""

    def keep(self, key: EntryKey, array: Any) -> None:
        """Count an entry that has a new array, and evict others for it."""

    def forget(self, key: EntryKey) -> None:
        """Stop counting an entry that was removed."""

    def expect_rematerialised(self, nodes: Iterable[int]) -> None:
        """Note that values are about to be rematerialised."""

    def note_known(self, table: Table, n: int) -> None:
        """Note that ∂L/∂n is known, so that what it read may be evicted."""

    def request(self, table: Table, target: int) -> AbstractContextManager[None]:
        """Protect from eviction what a request has yet to read."""
