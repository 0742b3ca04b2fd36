"""Vector spaces of arrays and pytrees."""

from typing import Any

import numpy as np
import pytest

import memograd as mg
from memograd.autograd.core import VSpace, vspace
from memograd.errors import NotDifferentiableError

SAMPLES = {
    "scalar": 1.0,
    "array": np.zeros((3, 2)),
    "complex": np.zeros((2, 1)) * 1j,
    "single": np.zeros(2, np.float32),
    "nest": {"x": [0.0, np.zeros((3, 1))], "y": ({"a": 1j}, [0.0])},
}


@pytest.mark.parametrize("value", SAMPLES.values(), ids=SAMPLES)
def test_the_basis_is_orthonormal_and_adds_up_to_ones(value: Any) -> None:
    space = vspace(value)
    basis = list(space.standard_basis())
    assert len(basis) == space.size and all(vspace(b) == space for b in basis)
    gram = [[float(space.inner_prod(a, b)) for b in basis] for a in basis]
    assert gram == np.eye(len(basis)).tolist()
    total = space.zeros()
    for b in basis:
        total = space.add(total, b)
    difference = space.add(total, space.scalar_mul(space.ones(), -1.0))
    assert space.inner_prod(difference, difference) == 0.0
    assert vspace(space.randn()) == space == vspace(space.zeros())


def test_facts_of_an_array() -> None:
    space = vspace(np.zeros((2, 3), np.complex64))
    assert (space.shape, space.ndim, space.size, space.iscomplex) == ((2, 3), 2, 12, True)
    assert space.dtype == np.complex64 and not vspace(1.0).iscomplex
    assert vspace([1.0, np.ones(2)]).shape == [vspace(1.0), vspace(np.ones(2))]
    assert repr(vspace([1.0])) == "VSpace(['float64 ()'])"


def test_spaces_differ_by_structure_shape_and_dtype() -> None:
    spaces = [vspace(a) for a in (1.0, [1.0], (1.0,), np.ones(1), np.ones(1, np.float32), 1j)]
    assert all((a == b) is (a is b) for a in spaces for b in spaces)
    assert len({*spaces}) == len(spaces) and spaces[0] != 1.0


def test_a_node_is_in_the_space_of_its_value_and_sums_are_recorded() -> None:
    x = mg.Tape().leaf([1.0, 2.0])
    space = vspace(x)
    assert space == vspace(np.ones(2))
    y = space.inner_prod(space.mut_add(None, space.add(x, x)), space.scalar_mul(x, 3.0))
    assert mg.grad(y, x).tolist() == [12.0, 24.0]


@pytest.mark.parametrize("value", [1, "text", [1.0, "text"], None and 0, object()])
def test_what_is_no_number_has_none(value: Any) -> None:
    if value is None:
        assert vspace(value).size == 0
        return
    with pytest.raises(NotDifferentiableError, match="is in no vector space"):
        vspace(value)


def test_a_program_may_register_its_own() -> None:
    class Money:
        pass

    class MoneySpace(VSpace):
        def __init__(self, value: Any) -> None:
            super().__init__(1.0)

    MoneySpace.register(Money)
    assert type(vspace(Money())) is MoneySpace
    VSpace.register(Money, lambda value: vspace(np.ones(3)))
    assert vspace(Money()).size == 3
