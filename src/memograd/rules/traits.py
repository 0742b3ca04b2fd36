"""Traits of an op: its properties other than derivatives.

They are stated once, beside the rule that registers the op. Plans read where a result lies in
memory and how it is printed. Batches and sparsity patterns choose their rules by structure.
Diagnostics read domains, kinks and flat parts. A trait that is not stated has the safe value: the
structure is unknown, the result may be a view of any operand, and a batch runs row by row.

See Also
--------
memograd.rules.registration.set_traits : Statement of traits.
memograd.cli.coverage.missing_traits : The missing traits of each op.
"""

import math
from collections.abc import Callable
from enum import Enum
from typing import Any, NamedTuple

import numpy as np


class Structure(Enum):
    """Which elements of the operands an element of the result may depend on."""

    ELEMENTWISE = "elementwise"
    """The elements at its index, after broadcasting."""
    SAME_PLACE = "same place"
    """The elements at its index; operands do not broadcast."""
    MOVEMENT = "movement"
    """At most one element of one operand."""
    REDUCTION = "reduction"
    """The elements with its indices along all axes except `axis`."""
    SCAN = "scan"
    """The elements along `axis` up to its index."""
    ALONG_AXIS = "along an axis"
    """All elements along `axis`, whose length may change."""
    STENCIL = "stencil"
    """The neighbouring elements along an axis."""
    MATRIXWISE = "matrixwise"
    """All elements of one matrix of a stack."""
    CONTRACTION = "contraction"
    """The rows and columns of products, which are summed over some axes."""
    CREATION = "creation"
    """No elements: the op reads Python numbers, shapes and dtypes."""
    DENSE = "dense"
    """All elements."""


class Storage(Enum):
    """Whose memory a result lies in."""

    NEW = "new"
    """New memory, in C order if the operands are."""
    VIEW = "view"
    """Memory of an operand."""
    EITHER = "either"
    """New memory or that of an operand, depending on its layout or on the arguments."""


class Batching(Enum):
    """How an op runs on a batch, whose rows lie along an additional first axis."""

    AXES = "axes"
    """The axes in its keywords are counted from the end."""
    AXIS_OR_FLAT = "axis or flat"
    """So is `axis`; without it, rows are flattened."""
    TRANSFORM_AXES = "transform axes"
    """So are `axes`; by default there are as many as there are lengths in `s`."""
    UNCHANGED = "unchanged"
    """It runs unchanged, because it works on the last axes or element by element."""
    VECTORS = "vectors"
    """It multiplies vectors along the last axes, unless axes are given."""


class KinkSite(Enum):
    """Where an op has a kink."""

    ZERO = "zero"
    """Where the first operand is 0."""
    ORIGIN = "origin"
    """Where both operands are 0."""
    TIE = "tie"
    """Where two operands are equal."""
    BOUND = "bound"
    """Where the first operand equals a bound."""
    ZERO_RESULT = "zero result"
    """Where the result is 0."""
    SHARED_EXTREME = "shared extreme"
    """At equal extremes along an axis."""
    REPEAT = "repeat"
    """At equal neighbours in the result."""


class KinkConvention(NamedTuple):
    """Where an op has a kink, and which derivative its rule gives there."""

    site: KinkSite
    choice: str


class Domain(NamedTuple):
    """Domain of an op: deciding operand, its bad values, the condition as code, a safe value."""

    operand: int
    bad: Callable[[Any], Any]
    good: str
    safe: float = 1.0


def above_bound(bound: float, operand: int = 0, safe: float = 1.0) -> Domain:
    """Return the domain of the numbers greater than a bound."""
    return Domain(operand, lambda a: np.less_equal(np.real(a), bound), f"{{}} > {bound}", safe)


def nonzero_operand(operand: int = 0) -> Domain:
    """Return the domain of the numbers other than 0."""
    return Domain(operand, lambda a: np.equal(a, 0), "{} != 0")


def within_one() -> Domain:
    """Return the domain of the numbers between -1 and 1."""
    return Domain(0, lambda a: np.greater_equal(np.absolute(a), 1), "np.abs({}) < 1", 0.0)


def within_unit_interval() -> Domain:
    """Return the domain of the numbers between 0 and 1."""
    return Domain(
        0,
        lambda a: np.logical_or(np.less_equal(np.real(a), 0), np.greater_equal(np.absolute(a), 1)),
        "(0 < {0}) & ({0} < 1)",
        0.5,
    )


def below_overflow() -> Domain:
    """Return the domain of exponentials that stay in the range of floats; zero is safe."""
    return Domain(0, lambda a: np.greater_equal(np.absolute(a), math.inf), "{} < 700", 0.0)


class Traits(NamedTuple):
    """Properties of one op.

    Attributes
    ----------
    structure : Structure or None
        Which elements an element of the result may depend on; None if unknown.
    storage : Storage or None
        Whose memory the result lies in; None is treated as ``EITHER``.
    numpy_scalar : bool
        Whether a 0-d result is a NumPy scalar, not an array.
    value_dependent : bool
        Whether the shape or dtype of the result depends on values, not only on shapes and dtypes.
    keeps_density : bool
        Whether the result is contiguous in memory if the operand is, as a view or as a copy.
    copies_numbers : bool
        Whether the result consists of unchanged elements of the operands: nothing is computed.
    never_negative_zero : bool
        Whether results of real operands are never −0.0.
    is_product : bool
        Whether the result is a product of numbers: 0 where a factor is, or by underflow.
    commutes : bool
        Whether the order of the operands does not matter.
    uses_blas : bool
        Whether BLAS computes it, with other rounding if both operands lie in one buffer.
    symbol : str or None
        Infix operator in formulas.
    operator : str or None
        Infix operator that gives the same bits as the op, so that plans may print it.
    is_method : bool
        Whether arrays have it as a method of the same name and arguments.
    axes : tuple of str
        Keywords that hold axis numbers.
    batching : Batching or None
        How it runs on a batch; None is row by row, unless it is elementwise or has its own rule.
    dask_computes : bool
        Whether its Dask form computes at once or differs from NumPy's, or its derivative computes.
    dask_computes_others : bool
        Whether Dask computes the operands after the first.
    kink : KinkConvention or None
        Where the op has a kink.
    domain : Domain or None
        Where the op is finite, with a finite slope.
    overflows : bool
        Whether it leaves the range of floats for operands of moderate size.
    saturates : bool
        Whether it is flat, or nearly so, on a part of its domain.
    exact_on_parts : bool
        Whether a part of the result has the bits of the op on that part of the operands. This holds
        for ufuncs, and for compositions of ufuncs that act on each element alone.
    selects : bool
        Whether it selects some elements; the others have no derivative.
    compares : bool
        Whether its result is a truth value.
    reads_shape_only : bool
        Whether it reads only the shape and dtype of its operand.
    """

    structure: Structure | None = None
    storage: Storage | None = None
    numpy_scalar: bool = False
    value_dependent: bool = False
    keeps_density: bool = False
    copies_numbers: bool = False
    never_negative_zero: bool = False
    is_product: bool = False
    commutes: bool = False
    uses_blas: bool = False
    symbol: str | None = None
    operator: str | None = None
    is_method: bool = False
    axes: tuple[str, ...] = ()
    batching: Batching | None = None
    dask_computes: bool = False
    dask_computes_others: bool = False
    kink: KinkConvention | None = None
    domain: Domain | None = None
    overflows: bool = False
    saturates: bool = False
    exact_on_parts: bool = False
    selects: bool = False
    compares: bool = False
    reads_shape_only: bool = False


NO_TRAITS = Traits()

ELEMENTWISE_TRAITS = Traits(Structure.ELEMENTWISE)

UFUNC_TRAITS = Traits(Structure.ELEMENTWISE, Storage.NEW, numpy_scalar=True, exact_on_parts=True)

GENERALIZED_UFUNC_TRAITS = Traits(storage=Storage.NEW, numpy_scalar=True)


def default_traits(op: Any, kind: str) -> Traits:
    """Return the traits that follow from the type of an op and the kind of its registration."""
    if isinstance(op, np.ufunc):
        return UFUNC_TRAITS if op.signature is None else GENERALIZED_UFUNC_TRAITS
    return ELEMENTWISE_TRAITS if kind == "elementwise" else NO_TRAITS
