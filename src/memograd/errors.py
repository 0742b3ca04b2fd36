"""Exceptions that memograd raises.

Each class is a :class:`MemogradError` and also the built-in error that a caller would expect. Each
message says what happened, where (names, shapes, dtypes, the user's line), and what to do next.
"""

from typing import Any


class MemogradError(Exception):
    """Base of every error that memograd raises by itself.

    What to do: Catch this class to catch them all.

    Examples
    --------
    >>> import memograd as mg
    >>> try:
    ...     mg.Tape()["x"]
    ... except mg.MemogradError as error:
    ...     print(type(error).__name__, isinstance(error, KeyError))
    UnknownNodeError True
    """


class NoRuleError(MemogradError, NotImplementedError):
    """Missing rule of an op, or of the way in which it was called.

    What to do: Write the call with functions that have rules (the message names them where they
    are known), or register a rule with :func:`memograd.elementwise`, :func:`memograd.linear`,
    :func:`memograd.multilinear` or :func:`memograd.rule`.
    """


class RegistrationError(MemogradError, ValueError):
    """Registration of a rule in an invalid form.

    What to do: Name the parameters of the rule as the registration names the operands; register
    an op once.
    """


class RuleShapeError(MemogradError, ValueError):
    """Derivative of another shape than its operand, from a faulty rule.

    What to do: Return the derivative in the shape of the operand. `memograd.check.check_rule`
    finds such faults before they are met.
    """


class RefusedError(MemogradError, TypeError):
    """Refused use of a node or array.

    It would freeze a value into the program, change one in place, or lose the meaning of an array
    of a subclass of `numpy.ndarray`, such as a masked one.

    What to do: Use the function that the message names: mostly ``np.where``, ``np.stack`` or
    ``x.at[i].set(v)``. ``x.value`` is the number, and ``mg.stop_gradient(x)`` says that its
    derivative is not wanted. Of a masked array, give ``a.filled(0.0)`` and the mask.
    """


class RefusedAttributeError(RefusedError, AttributeError):
    """Access to an attribute of arrays that nodes do not have.

    What to do: Call NumPy's function that the message names.
    """


class RaggedListError(MemogradError, ValueError):
    """List of nodes of several shapes, which makes no array.

    What to do: Give items of one shape, or join them along an axis, ``np.concatenate``.
    """


class OtherTapeError(MemogradError, ValueError):
    """Use of nodes of two tapes together; `tapes` are the two, if both are known.

    What to do: Make all leaves on one tape. The value of a node of another tape, ``x.value``,
    is a constant.
    """

    tapes: tuple[Any, ...] = ()


class EndedError(MemogradError, RuntimeError):
    """Use of a handle after the end of the scratch block in which its node was recorded.

    What to do: Ask inside the ``with`` block, or record the node before it.
    """


class BusyError(MemogradError, RuntimeError):
    """Change of a tape during a request on it.

    What to do: Change the tape after the request: not in a progress function, nor in an op that
    is being recorded.
    """


class DisturbedError(BusyError):
    """Request of a signal handler in the middle of an update.

    The interrupted request is repeated, unless its log or callbacks have already received events.

    What to do: Ask again after the handler has returned.
    """


class NotScalarError(MemogradError, ValueError):
    """Request for the gradient of a node that is not a scalar.

    What to do: Sum it, ``mg.grad(np.sum(y), x)``, or ask for a product, ``mg.vjp(y, x, seed)``,
    or for all of ``mg.jacobian(y, x)``.
    """


class NotDifferentiableError(MemogradError, TypeError):
    """Request for a derivative of or by an object that has none.

    It is an integer, say, or an argument that the call does not have.

    What to do: Give leaves floats, ``tape.leaf([1.0, 2.0])``, and ask for derivatives by nodes,
    ``tape['x']``. `argnums` counts the positional arguments of the call from 0, or from −1 at
    the end.
    """


class IntegrationError(MemogradError, RuntimeError):
    """Differential equation that a solver did not integrate to the last time.

    What to do: Allow the solver more steps, larger tolerances or another method, or ask for earlier
    times. Check that the right-hand side is finite there.
    """


class LoopError(MemogradError, ValueError):
    """Loop whose body changes its state's form, whose arrays disagree, or that does not end.

    What to do: Let the body return a state of the structure, shapes and dtypes that it takes, give
    arrays of one length, or allow more steps.
    """


class NoPathError(MemogradError, ValueError):
    """Missing path of differentiable uses from the target to the output.

    What to do: See `mg.explain(L, x)`, or leave out ``unconnected='raise'``, for zeros.
    """


class BranchChangedError(MemogradError, RuntimeError):
    """Request for a node that was recorded after a branch whose outcome has changed since.

    What to do: Assign a value for which the branch has its former outcome, or record the program
    anew.
    """


class AssignError(MemogradError, ValueError):
    """Assignment to a node that is not a leaf, or of a value of another shape or kind of dtype.

    What to do: Assign to leaves, ``[node for node in tape if node.op is None]``, in their shape
    and kind of dtype: ``w.value = a.astype(w.dtype)``. For another shape, record a new tape.
    """


class IntegerRangeError(MemogradError, OverflowError):
    """Integer out of the range of the dtype of its array.

    What to do: Give the leaf a wider dtype, ``tape.leaf(np.int64(1))``.
    """


class BudgetError(MemogradError, ValueError):
    """Memory budget that is not a number of bytes.

    What to do: ``tape.budget = 500_000_000`` is half a gigabyte, and None no limit.
    """


class ValueChangedError(MemogradError, ValueError):
    """Shape or dtype of a recomputed value that differs from the recorded one.

    What to do: Use functions whose results have the same shape for all values: ``np.where(mask,
    a, b)`` for ``a[mask]``.
    """


class NamingError(MemogradError, ValueError):
    """Name of a node that is taken, reserved or invalid.

    What to do: Choose another name. Names like ``v7`` belong to the nodes without one.
    """


class UnknownNodeError(MemogradError, KeyError):
    """Look-up of a node that the tape does not have.

    What to do: The message has the nearest names; ``list(tape)`` has all nodes.
    """

    def __str__(self) -> str:  # KeyError prints the repr of the message
        return Exception.__str__(self)


class ChunksError(MemogradError, NotImplementedError):
    """Use of a Dask array that would compute it, or that needs unknown chunks.

    What to do: Compute it where you want it computed, ``tape.leaf(x.compute())``, or give it
    known chunks, ``x.compute_chunk_sizes()``.
    """


class SparseError(MemogradError, NotImplementedError):
    """Use of a sparse array that would store its zeros.

    What to do: Write it with ops that keep zeros, such as products and sums, or make it dense
    where you want it dense, ``a.todense()``.
    """


class GraphError(MemogradError, ValueError):
    """Hand-written DiGraph that is not a valid program.

    What to do: The message names the node or shows the cycle. Nodes have ``op`` or ``value``,
    arrows have ``argnum``.
    """


class PlanError(MemogradError, ValueError):
    """Plan of unsuitable nodes, or call of a plan with unsuitable arrays.

    What to do: Give as many arrays as `plan.inputs` has, in that order and of their dtypes, and
    choose inputs that the outputs depend on.
    """


class CheckError(MemogradError, AssertionError):
    """Difference between a rule or a gradient and its reference.

    What to do: The message has the place and both numbers. If a rule is at fault, correct it;
    at a kink, check beside it.
    """


class ArchiveError(MemogradError, ValueError):
    """Session that cannot be saved as data, or file that is not an archive.

    What to do: If functions of your own are missing, register them before loading. A damaged
    file cannot be repaired: make it again.
    """


class MissingLibraryError(MemogradError, ImportError):
    """Optional library that is not installed.

    What to do: Install it: the message names the extra.
    """
