"""How nodes, ops and tables are named and printed in messages, texts and notebooks."""

import importlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from .errors import MissingLibraryError

MAX_HTML_ROWS = 200
"""Rows of a table that are shown; of a longer one, the first and the last."""


def as_text(shown: Any) -> str:
    """Return the text of an object as a piece of HTML: assigned to `_repr_html_` in a class, it is
    that method.

    >>> as_text("a < b")
    '<pre>a &lt; b</pre>'
    """
    return f"<pre>{_escape_html(str(shown))}</pre>"


def as_table(
    caption: str, heads: Sequence[str], keys: Sequence[Any], row: Callable[[Any], Iterable[Any]]
) -> str:
    """Return a piece of HTML with a row for each key; of many, only those that are shown are made.

    >>> as_table("one", ["n"], [1], lambda n: [n])
    '<table><caption>one</caption><thead><tr><th>n</th></tr></thead><tbody><tr><td>1</td></tr></tbody></table>'
    """
    rows = [row(key) for key in keys[: MAX_HTML_ROWS - 1]]
    if len(keys) > MAX_HTML_ROWS:
        rows.append([f"… {len(keys) - MAX_HTML_ROWS:,} more …", *[""] * (len(heads) - 1)])
    rows += [row(key) for key in keys[max(MAX_HTML_ROWS - 1, len(keys) - 1) :]]
    body = "".join(_html_row("td", cells) for cells in rows)
    return f"<table><caption>{_escape_cell(caption)}</caption><thead>{_html_row('th', heads)}</thead><tbody>{body}</tbody></table>"


def _html_row(kind: str, cells: Iterable[Any]) -> str:
    return "<tr>" + "".join(f"<{kind}>{_escape_cell(c)}</{kind}>" for c in cells) + "</tr>"


def _escape_cell(content: Any) -> str:
    return _escape_html(printable(str(content)))


def _escape_html(text: str) -> str:
    from html import escape  # a table of all entities: only a notebook pays for it

    return escape(text)


def printable(name: str, most: int = 60) -> str:
    """`name` on one line and of bounded length, for logs and messages.

    >>> printable("two\\nlines")
    'two\\\\nlines'
    >>> len(printable("x" * 10_000))
    60
    """
    end = most // 3
    shown = name if len(name) <= most else f"{name[: most - end - 1]}…{name[-end:]}"
    return shown if shown.isprintable() else "".join(map(_visible, shown))


def derivative_name(L: str, n: str) -> str:
    """`∂L/∂n`, from the two names; one that is a derivative's itself stands in brackets.

    >>> derivative_name("∂L/∂x", "x")
    '∂(∂L/∂x)/∂x'
    """
    return "/".join(f"∂({name})" if name.startswith("∂") else f"∂{name}" for name in (L, n))


def _visible(character: str) -> str:
    return (
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
    )


def op_name(op: Any) -> str:
    """Return how an op is called in messages: ``np.sin``, ``np.linalg.inv``, ``special.expit``,
    ``f``; that of a leaf, None, ``leaf``.
    """
    if op is None:
        return "leaf"
    name = getattr(op, "__name__", None) or repr(op)
    module = getattr(op, "__module__", None) or ""
    if isinstance(op, np.ufunc):
        return f"np.{name}" if getattr(np, name, None) is op else f"special.{name}"
    return f"{module.replace('numpy', 'np', 1)}.{name}" if module.startswith("numpy") else name


def describe(node: Mapping[str, Any]) -> str:
    """Return a node of the graph in a few words: name, op, shape, dtype, line."""
    what = op_name(node["op"])
    line = f", {node['line'][0]}:{node['line'][1]}" if node["line"] else ""
    return f"{printable(node['name'])} ({what}, {node['dtype']} {node['shape']}{line})"


def library(name: str) -> Any:
    """Return a module of SciPy's; where SciPy is missing, an error that says how to install it."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] != "scipy":
            raise
        raise MissingLibraryError(
            f"This takes {name}, but SciPy is not installed. Install it: pip install "
            f"'memograd[scipy]'."
        ) from None
