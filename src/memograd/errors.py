"""Exceptions that memograd raises.

Each class is a :class:`MemogradError` and also the built-in error that a caller would expect. Each
message says what happened, where (names, shapes, dtypes, the user's line), and what to do next.
"""

from typing import Any


class MemogradError(Exception):
    """Base of every error that memograd raises by itself."""


class NoRuleError(MemogradError, NotImplementedError):
    """Missing rule of an op, or of the way in which it was called."""


class RegistrationError(MemogradError, ValueError):
    """Registration of a rule in an invalid form."""


class RuleShapeError(MemogradError, ValueError):
    """Derivative of another shape than its operand, from a faulty rule."""


class RefusedError(MemogradError, TypeError):
    """Refused use of a node or array.

    It would freeze a value into the program, change one in place, or lose the meaning of an array
    of a subclass of `numpy.ndarray`, such as a masked one.
    """


class RefusedAttributeError(RefusedError, AttributeError):
    """Access to an attribute of arrays that nodes do not have."""


class RaggedListError(MemogradError, ValueError):
    """List of nodes of several shapes, which makes no array."""


class OtherTapeError(MemogradError, ValueError):
    """Use of nodes of two tapes together; `tapes` are the two, if both are known."""

    tapes: tuple[Any, ...] = ()


class EndedError(MemogradError, RuntimeError):
    """Use of a handle after the end of the scratch block in which its node was recorded."""


class BusyError(MemogradError, RuntimeError):
    """Change of a tape during a request on it."""


class DisturbedError(BusyError):
    """Request of a signal handler in the middle of an update.

    The interrupted request is repeated, unless its log or callbacks have already received events.
    """


class NotScalarError(MemogradError, ValueError):
    """Request for the gradient of a node that is not a scalar."""


class NotDifferentiableError(MemogradError, TypeError):
    """Request for a derivative of or by an object that has none.

    It is an integer, say, or an argument that the call does not have.
    """


class IntegrationError(MemogradError, RuntimeError):
    """Differential equation that a solver did not integrate to the last time."""


class NoPathError(MemogradError, ValueError):
    """Missing path of differentiable uses from the target to the output."""


class AssignError(MemogradError, ValueError):
    """Assignment to a node that is not a leaf, or of a value of another shape or kind of dtype."""


class IntegerRangeError(MemogradError, OverflowError):
    """Integer out of the range of the dtype of its array."""


class BudgetError(MemogradError, ValueError):
    """Memory budget that is not a number of bytes."""


class ValueChangedError(MemogradError, ValueError):
    """Shape or dtype of a recomputed value that differs from the recorded one."""


class NamingError(MemogradError, ValueError):
    """Name of a node that is taken, reserved or invalid."""


class UnknownNodeError(MemogradError, KeyError):
    """Look-up of a node that the tape does not have."""

    def __str__(self) -> str:  # KeyError prints the repr of the message
        return Exception.__str__(self)


class ChunksError(MemogradError, NotImplementedError):
    """Use of a Dask array that would compute it, or that needs unknown chunks."""


class SparseError(MemogradError, NotImplementedError):
    """Use of a sparse array that would store its zeros."""


class GraphError(MemogradError, ValueError):
    """Hand-written DiGraph that is not a valid program."""


class PlanError(MemogradError, ValueError):
    """Plan of unsuitable nodes, or call of a plan with unsuitable arrays."""


class CheckError(MemogradError, AssertionError):
    """Difference between a rule or a gradient and its reference."""


class ArchiveError(MemogradError, ValueError):
    """Session that cannot be saved as data, or file that is not an archive."""


class MissingLibraryError(MemogradError, ImportError):
    """Optional library that is not installed."""
