"""Patterns of products, spelled as an einsum, from shared letters and from zeros of constants."""

from collections.abc import Callable
from math import prod
from string import ascii_lowercase, ascii_uppercase
from typing import Any

import numpy as np

from ...rules.linalg import contraction_axes, spell_einsum
from ...rules.registration import RULES
from ..sparsity_pattern import grouping_pattern, pattern_of, selection_pattern
from .uses import OperandUse, PatternFactors, element_numbers

Spelling = tuple[list[str], str]
"""Letters of each operand, and of the result, as in an einsum."""


def contraction_pattern(
    terms: Callable[[OperandUse], Spelling],
) -> Callable[[OperandUse], PatternFactors]:
    """Return the rule of a product that `terms` spells as an einsum.

    A result depends on the elements whose letters it shares, unless a constant factor is zero.
    """

    def link(use: OperandUse) -> PatternFactors:
        """Return the pattern of a product."""
        (inputs, out), other = terms(use), 1 - use.k
        term = inputs[use.k], use.shape
        if len(inputs) == 2 and use.constant(other):
            return _constant_factor_pattern(
                term, (inputs[other], use.args[other]), (out, use.y_shape)
            )
        return _index_pattern(term, (out, use.y_shape))

    return link


Term = tuple[str, Any]
"""Letters of an operand's axes, and its shape."""


def _index_pattern(term: Term, out: Term) -> PatternFactors:
    """Return the pattern by the letters that both have, with the same length."""
    lengths = dict(zip(*out, strict=True))
    letters = {x: n for x, n in zip(*term, strict=True) if lengths.get(x) == n}
    groups = prod(letters.values())
    of_result = selection_pattern(_group_labels(out, letters), groups)
    return of_result, grouping_pattern(_group_labels(term, letters), groups)


def _group_labels(term: Term, letters: dict[str, int]) -> Any:
    """Return a number for each element, by its indices along some letters.

    It is -1 off the diagonal of a letter that occurs twice.
    """
    place: dict[str, Any] = {}
    same: Any = True
    grid: Any = np.indices(term[1], sparse=True)
    for x, i in zip(term[0], grid, strict=True):
        same = same & (place.setdefault(x, i) == i)
    labels = np.where(same, _group_number({x: place[x] for x in letters}, letters), -1)
    return np.broadcast_to(labels, term[1])


def _group_number(place: dict[str, Any], letters: dict[str, int]) -> Any:
    """Return the number of the elements with these indices; `letters` gives the lengths."""
    total: Any = 0
    for x, n in letters.items():
        total = total * n + place[x]
    return total


def _constant_factor_pattern(term: Term, factor: tuple[str, Any], out: Term) -> PatternFactors:
    """Return the pattern by the nonzero elements of a constant factor.

    Parameters
    ----------
    term : (str, shape)
        The operand.
    factor : (str, array)
        The constant factor.
    out : (str, shape)
        The result.

    Returns
    -------
    tuple of Pattern
        An entry for each nonzero element, at all indices along the other letters.
    """
    letters, values = factor
    if len({*letters}) < len(letters) or len({*term[0]}) < len(term[0]):
        return _index_pattern(term, out)
    spots = dict(zip(letters, np.argwhere(values).T, strict=True))
    lengths: dict[str, int] = {}
    for x, n in [*zip(*term, strict=True), *zip(*out, strict=True)]:
        lengths[x] = max(n, lengths.get(x, 1))
    known = {
        x: i
        for x, i in spots.items()
        if x in lengths and np.shape(values)[letters.index(x)] == lengths[x]
    }
    free = [x for x in lengths if x not in known]
    grid = np.indices([lengths[x] for x in free], sparse=True)
    place = {x: np.reshape(i, (-1, *(1,) * len(free))) for x, i in known.items()}
    place |= {x: i[None] for x, i in zip(free, grid, strict=True)}
    shape = prod(out[1]), prod(term[1])
    return (pattern_of(shape, _flat_position(place, out), _flat_position(place, term)),)


def _flat_position(place: dict[str, Any], term: Term) -> Any:
    """Return the flat positions in an operand of these indices; a broadcast axis has index 0."""
    total: Any = np.zeros((1,) * max(map(np.ndim, place.values()), default=0), int)
    for x, n in zip(*term, strict=True):
        total = total * n + np.minimum(place[x], n - 1)
    return total


def pair_pattern(use: OperandUse) -> PatternFactors:
    """Return the pattern of an op whose results are products of one element of each operand.

    The op itself shows which elements, applied to their numbers, counted from 1, and to ones in
    the place of the other operand, or zeros where that is a constant that is zero.
    """
    other = 1 - use.k
    is_nonzero = np.not_equal(use.args[other], 0).astype(int) if use.constant(other) else None
    there = np.ones(use.shapes[other], int) if is_nonzero is None else is_nonzero
    run = [1 + element_numbers(use.shape) if j == use.k else there for j in range(2)]
    return (selection_pattern(RULES[use.op].run(run, use.kwargs) - 1, use.size),)


def einsum_spelling(use: OperandUse) -> Spelling:
    """Spell `einsum` as it was called."""
    return spell_einsum(use.keyword("subscripts"), [len(shape) for shape in use.shapes])


def batch_spelling(left: str, right: str, out: str) -> Callable[[OperandUse], Spelling]:
    """Return the spelling of products along the last axes; the axes before them broadcast."""

    def terms(use: OperandUse) -> Spelling:
        """Spell the product with a letter for each batch axis."""
        before, behind = len(use.shapes[0]) - len(left), len(use.shapes[1]) - len(right)
        batch = ascii_uppercase[: max(before, behind)]
        return [
            batch[len(batch) - before :] + left,
            batch[len(batch) - behind :] + right,
        ], batch + out

    return terms


def vector_spelling(axes: tuple[int, int, int], letters: str, use: OperandUse) -> Spelling:
    """Spell a product of vectors along an axis of each operand; the other axes broadcast.

    The result has vectors, too, if it has one axis more than the broadcast ones.
    """
    m, n = (len(shape) - 1 for shape in use.shapes[:2])
    batch = ascii_uppercase[: max(m, n)]
    result = letters[2:] if len(use.y_shape) > len(batch) else ""
    terms = [batch[len(batch) - m :], batch[len(batch) - n :], batch]
    a, b, out = (
        _insert_letter(term, x, k)
        for term, x, k in zip(terms, (letters[0], letters[1], result), axes, strict=True)
    )
    return [a, b], out


def _insert_letter(term: str, letter: str, axis: int) -> str:
    """Return the letters of an operand, with that of its vectors at their axis."""
    k = axis % (len(term) + 1)
    return term[:k] + letter + term[k:]


def cross_spelling(use: OperandUse) -> Spelling:
    """Spell `cross`: a component depends on all components of the two vectors."""
    axis = use.keyword("axis", -1 if use.op is np.linalg.cross else None)
    axes = [use.keyword(name, -1) if axis is None else axis for name in ("axisa", "axisb", "axisc")]
    return vector_spelling((axes[0], axes[1], axes[2]), "ikj", use)


def vecdot_spelling(use: OperandUse) -> Spelling:
    """Spell `vecdot`: vectors along one axis of both."""
    axis = use.keyword("axis", -1)
    return vector_spelling((axis, axis, axis), "kk", use)


def solve_spelling(use: OperandUse) -> Spelling:
    """Spell `solve`: a column depends on that of the right-hand side, and on the whole matrix."""
    if len(use.shapes[1]) == 1:
        return batch_spelling("ij", "m", "n")(use)
    return batch_spelling("ij", "mk", "nk")(use)


def matmul_spelling(use: OperandUse) -> Spelling:
    """Spell `matmul`: a vector is a row on the left and a column on the right."""
    m, n = map(len, use.shapes)
    return batch_spelling("ik"[m == 1 :], "kj"[: min(n, 2)], "i" * (m > 1) + "j" * (n > 1))(use)


def dot_spelling(use: OperandUse) -> Spelling:
    """Spell `dot`: the last axis of a with the last but one of b."""
    m, n = map(len, use.shapes)
    if not m or not n:
        return _separate_spelling(m, n)
    return tensordot_spelling(use, ([m - 1], [max(n - 2, 0)]))


def inner_spelling(use: OperandUse) -> Spelling:
    """Spell `inner`: the last axes of both."""
    m, n = map(len, use.shapes)
    return tensordot_spelling(use, ([m - 1], [n - 1])) if m and n else _separate_spelling(m, n)


def tensordot_spelling(use: OperandUse, axes: Any = None) -> Spelling:
    """Spell `tensordot`: some axes of a with some of b."""
    m, n = map(len, use.shapes)
    of_a, of_b = contraction_axes(use.keyword("axes", 2) if axes is None else axes, m, n)
    (a, b), _ = _separate_spelling(m, n)
    b = "".join(a[of_a[of_b.index(j)]] if j in of_b else x for j, x in enumerate(b))
    return [a, b], "".join(x for x in a + b if (x in a) != (x in b))


def _separate_spelling(m: int, n: int) -> Spelling:
    """Spell the product of all pairs of elements of operands with m and n axes."""
    letters = ascii_uppercase + ascii_lowercase
    return [letters[:m], letters[m : m + n]], letters[: m + n]
