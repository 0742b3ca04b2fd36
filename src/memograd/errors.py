"""What can go wrong, one class a kind.

Each class is a :class:`MemogradError` and also the built-in error that a caller would expect. Each
message says what happened, where (names, shapes, dtypes, the user's line), and what to do next.
"""

from typing import Any


class MemogradError(Exception):
    """Base of every error that memograd raises by itself."""


class NoRuleError(MemogradError, NotImplementedError):
    """No rule is registered for an op, or for the way it was called."""


class RegistrationError(MemogradError, ValueError):
    """Rule was registered in a form that cannot be right."""


class RuleShapeError(MemogradError, ValueError):
    """Rule gave a derivative whose shape is not its operand's."""


class RefusedError(MemogradError, TypeError):
    """Something was asked of a node that would freeze a value into the program, or change one in
    place.
    """


class RefusedAttributeError(RefusedError, AttributeError):
    """Something of an array was asked of a node that a node cannot have."""


class ArrayKindError(MemogradError, TypeError):
    """Array of a subclass of NumPy's, such as a masked one, would have been taken for a plain one."""


class OtherTapeError(MemogradError, ValueError):
    """Nodes of two tapes met; `tapes` are the two, where both are known."""

    tapes: tuple[Any, ...] = ()


class EndedError(MemogradError, RuntimeError):
    """Handle outlived the scratch block in which its node was recorded."""


class BusyError(MemogradError, RuntimeError):
    """Tape was to be changed in the middle of a request on it."""


class DisturbedError(BusyError):
    """Signal handler asked in the middle of an update; the request is made again where nobody has
    been told of it.
    """


class NotScalarError(MemogradError, ValueError):
    """Gradient of a node that is not a scalar was asked for."""


class NotDifferentiableError(MemogradError, TypeError):
    """Derivative by, or of, something that has none: integers, booleans, no node at all."""


class ArgnumsError(MemogradError, ValueError):
    """Function is to be differentiated by an argument that the call does not have."""


class NoPathError(MemogradError, ValueError):
    """No path of differentiable uses leads from the target to the output."""


class AssignError(MemogradError, ValueError):
    """Value cannot be assigned: not to a leaf, or not of its shape."""


class AssignTypeError(AssignError, TypeError):
    """Value cannot be assigned: its kind of dtype is not the leaf's."""


class IntegerRangeError(MemogradError, OverflowError):
    """Integer does not fit into the dtype of the array that it is put into."""


class BudgetError(MemogradError, ValueError):
    """Budget that is no number of bytes."""


class ValueChangedError(MemogradError, ValueError):
    """After an assignment a value came back with another shape or dtype than was recorded."""


class NamingError(MemogradError, ValueError):
    """Name is taken, reserved, or no name."""


class UnknownNodeError(MemogradError, KeyError):
    """Tape has no such node."""

    def __str__(self) -> str:  # KeyError would print the message's repr
        return Exception.__str__(self)


class ChunksError(MemogradError, NotImplementedError):
    """Something of a Dask array cannot be had without computing it, or without knowing its chunks."""


class SparseError(MemogradError, NotImplementedError):
    """Something of a sparse array cannot be had without storing its zeros."""


class GraphError(MemogradError, ValueError):
    """DiGraph that somebody wrote by hand is no program."""


class PlanError(MemogradError, ValueError):
    """Plan cannot be made of these nodes, or was called with other arrays than it is for."""


class PlanTypeError(PlanError, TypeError):
    """Plan was called with another number of arrays, or another kind of dtype."""


class CheckError(MemogradError, AssertionError):
    """Rule or a gradient differs from what it was checked against."""


class ArchiveError(MemogradError, ValueError):
    """Session cannot be saved as data, or a file is no session that was."""


class MissingLibraryError(MemogradError, ImportError):
    """Optional library is not installed."""
