"""What a notebook shows: texts as they stand, and rows as a table."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from .errors import printable

FEW = 200
"""Rows of a table that are shown; of a longer one, the first and the last."""


def as_text(shown: Any) -> str:
    """The text of an object as a piece of HTML: assigned to `_repr_html_` in a class, it is that method.

    >>> as_text("a < b")
    '<pre>a &lt; b</pre>'
    """
    return f"<pre>{_escaped(str(shown))}</pre>"


def as_table(caption: str, heads: Sequence[str], keys: Sequence[Any], row: Callable[[Any], Iterable[Any]]) -> str:
    """A piece of HTML with a row for each key; of many, only those that are shown are made.

    >>> as_table("one", ["n"], [1], lambda n: [n])
    '<table><caption>one</caption><thead><tr><th>n</th></tr></thead><tbody><tr><td>1</td></tr></tbody></table>'
    """
    rows = [row(key) for key in keys[: FEW - 1]]
    if len(keys) > FEW:
        rows.append([f"… {len(keys) - FEW:,} more …", *[""] * (len(heads) - 1)])
    rows += [row(key) for key in keys[max(FEW - 1, len(keys) - 1) :]]
    body = "".join(_row("td", cells) for cells in rows)
    return f"<table><caption>{_cell(caption)}</caption><thead>{_row('th', heads)}</thead><tbody>{body}</tbody></table>"


def _row(kind: str, cells: Iterable[Any]) -> str:
    return "<tr>" + "".join(f"<{kind}>{_cell(c)}</{kind}>" for c in cells) + "</tr>"


def _cell(content: Any) -> str:
    return _escaped(printable(str(content)))


def _escaped(text: str) -> str:
    from html import escape  # a table of all entities: only a notebook pays for it

    return escape(text)
