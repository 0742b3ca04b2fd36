"""Why a derivative is zero, absent, NaN, infinite or of a surprising size: where each of these
begins, by the user's names.
"""

from .explanations import explain

__all__ = ["explain"]
