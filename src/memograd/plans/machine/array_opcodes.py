"""Opcodes of rows on arrays.

A flat row has six words: opcode, addresses of a, b, c and of the result, and the length. It runs a
formula on arrays without gaps, in SIMD code. A strided row has fourteen: after the same four
addresses, the length n of its inner loop and the number m of repetitions, the strides of a, b and
the result in the inner and in the outer loop, and an additional size. The n offsets of a gather or
scatter follow. Addresses, lengths, strides and offsets count numbers.
"""

import re

import numpy as np

from .opcodes import FORMULAS, LOGICAL, OPCODE_NAMES, REAL

FLAT_ROW_WORDS = 6

STRIDED_ROW_WORDS = 14

LETTERS_READ = {
    formula: "".join(x for x in "abc" if re.search(rf"\b{x}\b", formula)) for formula in FORMULAS
}
"""Operands that each formula reads."""

CALLS_FUNCTION = re.compile(rf"\b({'|'.join(OPCODE_NAMES)})\(")

SIMD_FORMULAS = {
    "exp(a)": "simd_exp(a)",
    "tanh(a)": "simd_tanh(a)",
    "sqrt(a)": "sqrt(a)",
    "1.0 / cosh(a) / cosh(a)": "simd_sech_squared(a)",
}
"""Formulas with functions that flat rows take from `simd_functions`."""

RARE = frozenset(
    LOGICAL[op]
    for op in (np.not_equal, np.logical_not, np.logical_and, np.logical_or, np.isnan)
) | {REAL[np.sign]}  # fmt: skip
"""Formulas that are not worth the 0.2 s that Numba takes for a loop."""

FLAT_FORMULAS = {
    formula: SIMD_FORMULAS.get(formula, formula)
    for formula in FORMULAS
    if formula in SIMD_FORMULAS or not (formula in RARE or CALLS_FUNCTION.search(formula))
}
"""Formulas of flat rows, with their texts.

The others run element by element, with a jump for each: a function takes longer than that.
"""

WITH_NUMBER = ("a * b", "a + b", "a * b + c", "a * b - c", "c - a * b")
"""Formulas that have a row for one number b and arrays a and c: it reads a quarter less memory."""

FLAT_ROWS = (*((formula, False) for formula in FLAT_FORMULAS), *((f, True) for f in WITH_NUMBER))
"""Formulas of flat rows, and whether b is one number, in the order of their opcodes."""

FLAT_CODES = {row: len(FORMULAS) + k for k, row in enumerate(FLAT_ROWS)}

STRIDED_ROWS = (
    "repeat", "copy", "sum", "accumulate", "maximum", "minimum", "matmul", "gather", "scatter"
)  # fmt: skip
"""Strided rows, in the order of their opcodes.

``repeat`` runs the formula whose scalar opcode is its additional size.
"""

STRIDED_CODES = {name: len(FORMULAS) + len(FLAT_ROWS) + k for k, name in enumerate(STRIDED_ROWS)}
