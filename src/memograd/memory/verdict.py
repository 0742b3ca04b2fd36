"""Outcome of verifying a cotangent that may be stale."""

from enum import Enum


class Verdict(Enum):
    """Whether the cotangent of a visited node may be used as it stands."""

    VALID = "valid"
    """All that it was computed from has kept its bits: it is read."""

    MISSING = "missing"
    """The table holds none, or it was evicted: it is computed and stored."""

    STALE = "stale"
    """Something that it was computed from took other bits: it is dropped, computed and stored."""
