"""The documentation's pages as text: README, the guide and what it includes."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "examples" / "guide"


def blocks(text: str) -> list[tuple[str, str]]:
    """The fenced blocks of a Markdown text, as (language, body)."""
    return re.findall(r"^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def section(text: str, start: str) -> str:
    """The code block of `text` that begins with `start`."""
    return next(body for _, body in blocks(text) if body.startswith(start))
