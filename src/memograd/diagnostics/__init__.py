"""Explanations of derivatives that are zero, absent, not finite, or of a surprising size."""

from .explanations import explain

__all__ = ["explain"]
