"""The formula sheets: what the derivative of each op is, one line a derivative."""

from . import elementwise, indexing, linalg, reductions, shaping

__all__ = ["elementwise", "indexing", "linalg", "reductions", "shaping"]
