"""What `scipy.misc` held in autograd: `logsumexp`."""

from typing import Any

from ...scipy import special as _own

NAMES = ("logsumexp",)


def __getattr__(name: str) -> Any:
    if name not in NAMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(_own, name)
