"""Simplifications"""

from .sharing import shared

PASSES = (shared,)
