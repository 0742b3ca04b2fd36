"""Helpers that autograd ships beside its core."""

from .flatten import flatten

__all__ = ["flatten"]
