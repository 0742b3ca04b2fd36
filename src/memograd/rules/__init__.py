"""The formula sheets: what the derivative of each op is, one line a derivative."""

from . import elementwise, factorizations, fft, indexing, linalg, reductions, refusals, shaping

__all__ = ["elementwise", "factorizations", "fft", "indexing", "linalg", "reductions", "refusals", "shaping"]
