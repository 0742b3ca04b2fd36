"""`scipy.stats.chi2` for nodes, as :mod:`memograd.scipy` has it."""

from ....scipy import stats as _own
from ...mirrors import mirror

__getattr__, __dir__ = mirror(__name__, _own.chi2)
