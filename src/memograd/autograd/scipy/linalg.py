"""`scipy.linalg` for nodes, as :mod:`memograd.scipy` has it."""

from ...scipy import linalg as _own
from ..mirrors import mirror

__getattr__, __dir__ = mirror(__name__, _own)
