"""Validation of untrusted JSON: type, length and range of every field."""

from collections.abc import Iterable, Mapping
from itertools import accumulate
from typing import Any, NoReturn

from ..errors import ArchiveError
from ..text import printable

LARGEST_INTEGER = 2**53
"""Bound of all integers: any reader of JSON can hold them."""

MOST_ENTRIES = 2**25
"""Maximal number of arguments of all nodes, and of cotangents in all tables."""


def raise_damaged(what: str) -> NoReturn:
    """Raise because `save` cannot have written this file."""
    raise ArchiveError(
        f"This is no whole session of memograd: {what}. Take the file from where it was saved, "
        f"or save it anew."
    )


def check_moderate(count: int, what: str) -> None:
    """Raise if a session is too large to be loaded again."""
    if count > MOST_ENTRIES:
        raise ArchiveError(
            f"The session has {count} {what}; an archive holds at most {MOST_ENTRIES}. Save it "
            f"as several tapes."
        )


def encode_differences(numbers: Iterable[int]) -> list[int]:
    """Encode a column as differences of neighbours.

    A column that grows evenly becomes constant, and deflates to almost nothing.

    >>> encode_differences([3, 4, 5, 6])
    [3, 1, 1, 1]
    """
    last, kept = 0, []
    for number in numbers:
        kept.append(number - last)
        last = number
    return kept


class Sheet:
    """JSON object whose fields are checked as they are read; `where` names it in errors."""

    __slots__ = ("content", "where")

    def __init__(self, content: Any, where: str, keys: str) -> None:
        """Check that the object has exactly the fields `keys`."""
        if type(content) is not dict or content.keys() != set(keys.split()):
            raise_damaged(f"{where} should have {keys.replace(' ', ', ')}")
        self.content: dict[str, Any] = content
        self.where = where

    def sheet(self, key: str, keys: str) -> "Sheet":
        """Return the object in a field."""
        return Sheet(self.content[key], self._at(key), keys)

    def sheets(self, key: str, keys: str) -> list["Sheet"]:
        """Return the list of objects in a field."""
        return [Sheet(item, self._at(key), keys) for item in self.items(key)]

    def items(self, key: str) -> list[Any]:
        """Return the list in a field."""
        found = self.content[key]
        if type(found) is not list:
            raise_damaged(f"{self._at(key)} is no list")
        return found

    def texts(self, key: str) -> list[str]:
        """Return the list of strings in a field."""
        found = self.items(key)
        if not set(map(type, found)) <= {str}:
            raise_damaged(f"{self._at(key)} holds other things than strings")
        return found

    def numbers(
        self, key: str, count: int | None = None, below: int = LARGEST_INTEGER, least: int = 0
    ) -> list[int]:
        """Return a column of `count` integers, from `least` to less than `below`."""
        found = self.items(key)
        if count is not None and len(found) != count:
            raise_damaged(
                f"{self._at(key)} holds {len(found)} numbers, but there are {count} of them "
                f"elsewhere"
            )
        if not set(map(type, found)) <= {int} or (
            found and not least <= min(found) <= max(found) < below
        ):
            raise_damaged(
                f"{self._at(key)} holds other things than whole numbers from {least} to less "
                f"than {below}"
            )
        return found

    def sums(self, key: str, count: int | None = None, below: int = LARGEST_INTEGER) -> list[int]:
        """Return a column that was encoded by :func:`encode_differences`."""
        sums = list(accumulate(self.numbers(key, count, below, -below)))
        if sums and not 0 <= min(sums) <= max(sums) < below:
            raise_damaged(f"{self._at(key)} leads below 0, or to {below} and more")
        return sums

    def number(self, key: str, below: int = LARGEST_INTEGER, least: int = 0) -> int:
        """Return the integer in a field."""
        return check_integer(self.content[key], self._at(key), below, least)

    def _at(self, key: str) -> str:
        return f"{key} of {self.where}"


def check_integer(found: Any, what: str, below: int = LARGEST_INTEGER, least: int = 0) -> int:
    """Return an integer, checked to be from `least` to less than `below`."""
    if type(found) is not int or not least <= found < below:
        raise_damaged(f"{what} is no whole number from {least} to less than {below}")
    return found


def one_of(known: Mapping[str, Any], name: Any, what: str) -> Any:
    """Return the object that a name stands for in a mapping; raise if it is not there."""
    if type(name) is not str or name not in known:
        raise_damaged(f"it names {printable(repr(name))}, which is no {what}")
    return known[name]


def one(content: Any, tags: Iterable[str]) -> tuple[str, Any]:
    """Return the tag and the content of a tagged constant, `{"slice": [0, 3, null]}`."""
    if type(content) is not dict or len(content) != 1 or (tag := next(iter(content))) not in tags:
        raise_damaged(f"{printable(repr(content))} is no constant")
    return tag, content[tag]
