"""Names of nodes, ops and derivatives in messages; tables and paragraphs as text and as HTML."""

import importlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import zip_longest
from typing import Any

import numpy as np

from .errors import MissingLibraryError

MAX_HTML_ROWS = 200
"""Maximal number of rows of an HTML table; the middle of a longer one is left out."""

TEXT_WIDTH = 79
"""Width of printed paragraphs."""


def table_lines(columns: str, rows: Iterable[Sequence[Any]]) -> list[str]:
    r"""Return a table as lines of text.

    Parameters
    ----------
    columns : str
        Alignment and least width of each column, with the spaces in front of it. Each column is
        as wide as its longest cell.
    rows : iterable of sequence
        Cells of each row. A row may be shorter than the others.

    Returns
    -------
    list of str
        A line for each row.

    Examples
    --------
    >>> print(*table_lines("<6 >4  <", [("n", "bytes"), ("x", 16, "kept")]), sep="\n")
    n      bytes
    x         16  kept
    """
    table = [[str(cell) for cell in row] for row in rows]
    longest = [max(map(len, column)) for column in zip_longest(*table, fillvalue="")]
    form = [
        f"{gap}{{:{side}{max(int(least or 0), width)}}}"
        for (gap, side, least), width in zip(
            re.findall(r"( *)([<>])(\d*)", columns), longest, strict=False
        )
    ]
    return ["".join(form[: len(row)]).format(*row).rstrip() for row in table]


def wrap_text(text: str, first: str = "", following: str = "") -> list[str]:
    """Return a paragraph as lines.

    Parameters
    ----------
    text : str
        The paragraph. A long word, such as a file's name, is not cut, and no line ends at a
        no-break space, which is printed as a space.
    first, following : str
        Indents of the first line and of the following ones.

    Returns
    -------
    list of str
        Lines of up to `TEXT_WIDTH` characters.
    """
    from textwrap import wrap  # imported late: only reports need it

    lines = wrap(
        text,
        TEXT_WIDTH,
        initial_indent=first,
        subsequent_indent=following,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace("\N{NO-BREAK SPACE}", " ") for line in lines]


def text_as_html(shown: Any) -> str:
    """Return the text of an object as HTML.

    A class can use the function as its method: ``_repr_html_ = text_as_html``.

    >>> text_as_html("a < b")
    '<pre style="overflow-x: auto">a &lt; b</pre>'
    """
    return f'<pre style="overflow-x: auto">{_escape_html(str(shown))}</pre>'


def table_as_html(
    caption: str,
    heads: Sequence[str],
    keys: Sequence[Any],
    row: Callable[[Any], Iterable[Any]],
    paragraphs: bool = False,
) -> str:
    """Return an HTML table with a row for each key.

    Parameters
    ----------
    caption : str
        The caption of the table; empty for none.
    heads : sequence of str
        The heads of the columns.
    keys : sequence
        The keys of the rows. Of a long sequence only the rows that are shown are computed.
    row : callable
        Returns the cells of the row of a key.
    paragraphs : bool
        Whether cells may be long and have several lines.

    Returns
    -------
    str
        The element ``<table>``.

    Examples
    --------
    >>> table_as_html("one", ["n"], [1], lambda n: [n])  # doctest: +ELLIPSIS
    '<table><caption>one</caption><thead><tr><th>n</th></tr></thead><tbody>...</tbody></table>'
    """
    rows = [row(key) for key in keys[: MAX_HTML_ROWS - 1]]
    if len(keys) > MAX_HTML_ROWS:
        rows.append([f"… {len(keys) - MAX_HTML_ROWS:,} more …", *[""] * (len(heads) - 1)])
    rows += [row(key) for key in keys[max(MAX_HTML_ROWS - 1, len(keys) - 1) :]]
    escape = _escape_paragraph if paragraphs else _escape_cell
    body = "".join(_html_row("td", map(escape, cells)) for cells in rows)
    title = caption and f"<caption>{_escape_cell(caption)}</caption>"
    head = _html_row("th", map(_escape_cell, heads))
    return f"<table>{title}<thead>{head}</thead><tbody>{body}</tbody></table>"


def _html_row(kind: str, cells: Iterable[str]) -> str:
    """Return a row of escaped cells with the tag ``th`` or ``td``."""
    return "<tr>" + "".join(f"<{kind}>{cell}</{kind}>" for cell in cells) + "</tr>"


def _escape_cell(content: Any) -> str:
    """Return the content of a cell on one line, escaped and of bounded length."""
    return _escape_html(printable(str(content)))


def _escape_paragraph(content: Any) -> str:
    """Return the content of a cell, escaped, with its line breaks."""
    return _escape_html(str(content)).replace("\n", "<br>")


def _escape_html(text: str) -> str:
    """Return a text with its special characters as HTML entities."""
    from html import escape  # imported late: it loads a table of all entities

    return escape(text)


def printable(name: str, most: int = 60) -> str:
    r"""Return `name` on one line and at most `most` characters long.

    Control characters are escaped, and the middle of a long name is left out.

    >>> printable("two\nlines")
    'two\\nlines'
    >>> len(printable("x" * 10_000))
    60
    """
    end = most // 3
    shown = name if len(name) <= most else f"{name[: most - end - 1]}…{name[-end:]}"
    return shown if shown.isprintable() else "".join(map(_visible, shown))


def derivative_name(L: str, n: str) -> str:
    """Return `∂L/∂n` for two names; the name of a derivative is put in parentheses.

    >>> derivative_name("∂L/∂x", "x")
    '∂(∂L/∂x)/∂x'
    """
    return "/".join(f"∂({name})" if name.startswith("∂") else f"∂{name}" for name in (L, n))


def _visible(character: str) -> str:
    """Return a character, or its escape sequence if it is not printable."""
    if character.isprintable():
        return character
    return character.encode("unicode_escape").decode("ascii")


def op_name(op: Any) -> str:
    """Return the name of an op in messages; ``leaf`` for None, the op of a leaf.

    >>> op_name(np.sin), op_name(np.linalg.inv), op_name(text_as_html), op_name(None)
    ('np.sin', 'np.linalg.inv', 'text_as_html', 'leaf')
    """
    if op is None:
        return "leaf"
    name = getattr(op, "__name__", None) or repr(op)
    module = getattr(op, "__module__", None) or ""
    if isinstance(op, np.ufunc):
        return f"np.{name}" if getattr(np, name, None) is op else f"special.{name}"
    return f"{module.replace('numpy', 'np', 1)}.{name}" if module.startswith("numpy") else name


def describe(node: Mapping[str, Any]) -> str:
    """Return the name, op, dtype, shape and line of a node, given its attributes."""
    op = op_name(node["op"])
    line = f", {node['line'][0]}:{node['line'][1]}" if node["line"] else ""
    return f"{printable(node['name'])} ({op}, {node['dtype']} {node['shape']}{line})"


def import_scipy(name: str) -> Any:
    """Import a module of SciPy.

    Raises
    ------
    MissingLibraryError
        SciPy is not installed.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] != "scipy":
            raise
        raise MissingLibraryError(
            f"This takes {name}, but SciPy is not installed. "
            f"Install it: pip install 'memograd[scipy]'."
        ) from None
