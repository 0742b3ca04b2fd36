"""Seeds and tangents: in the nest, the shape and the dtype of what they belong to."""

import numpy as np
import pytest

from memograd.errors import RefusedError
from memograd.transforms.seeds import match_tree


def test_they_come_in_the_dtype_of_what_they_belong_to(x):
    like = {"f": np.ones(2, np.float32), "x": x, "z": 1j, "n": 3}
    found = match_tree(like, {"f": [1, 2], "x": x.astype(np.float32), "z": 2.0, "n": 0.5}, "t")
    assert [a.dtype for a in found] == [np.float32, np.float64, np.complex128, np.float64]


def test_an_array_is_copied():
    given = np.ones(2)
    assert not np.shares_memory(match_tree([np.zeros(2)], [given], "t")[0], given)


@pytest.mark.parametrize(
    "given", [np.ones(3), 1.0, 1j * np.ones(2), "ab", None, [[1.0], [1.0, 2.0]], {"x": np.ones(2)}]
)
def test_what_does_not_fit_is_refused(x, given):
    with pytest.raises(
        RefusedError, match=r"t\['n'\] is .* but stands for x \(leaf, float64 \(2,\)"
    ):
        match_tree({"n": x}, {"n": given}, "t")
    with pytest.raises(RefusedError, match=r"t\[0\] is .* but stands for float64 \(2,\)"):
        match_tree([np.zeros(2)], [given], "t")
