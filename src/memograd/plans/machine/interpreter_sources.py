"""Sources of the interpreters, which Numba compiles.

Programs without rows on arrays run on an interpreter of their own. It is up to a fifth faster on
numbers, and is compiled in a seventh of the time. Branches for the formulas come from one text.
"""

import re

import numpy as np

from .array_opcodes import (
    FLAT_CODES,
    FLAT_FORMULAS,
    FLAT_ROW_WORDS,
    LETTERS_READ,
    STRIDED_CODES,
    STRIDED_ROW_WORDS,
)
from .opcodes import FORMULAS, REAL


def scalar_branches(indent: int) -> str:
    """Return the branches that set y to a formula of the numbers a, b and c."""
    space = " " * indent
    return "\n".join(
        f"{space}{'elif' if k else 'if'} k == {k}:\n{space}    y = {text}"
        for k, text in enumerate(FORMULAS)
    )


SCALAR_SOURCE = f"""(code, v, constants, given, registers, wanted):
    first = constants + given.shape[1]
    for row in range(len(given)):
        for j in range(given.shape[1]):
            v[constants + j] = given[row, j]
        for instruction in range(code.size // 4):
            i = 4 * instruction
            k, a, b, c = code[i], v[code[i + 1]], v[code[i + 2]], v[code[i + 3]]
{scalar_branches(12)}
            v[first + instruction] = y
        for j in range(registers.size):
            wanted[row, j] = v[registers[j]]
"""
"""Source of the interpreter of programs on numbers: a loop over instructions.

LLVM compiles the branches to a jump table. Registers are unsigned, so that Numba need not test
whether they are negative.
"""


def flat_branch(formula: str, number: bool, code: int) -> str:
    """Return the branch of a flat row: a loop that LLVM turns into SIMD code."""
    letters = LETTERS_READ[formula]
    space = " " * 16
    addresses = [
        f"{space}p{x} = np.uint64(code[i + U{k}])" for k, x in enumerate("abc", 1) if x in letters
    ]
    reads = {x: f"v[p{x} + j]" for x in letters} | ({"b": "b"} if number else {})
    text = re.sub(r"\b([abc])\b", lambda match: reads[match[0]], FLAT_FORMULAS[formula])
    return "\n".join([
        f"            elif k == {code}:",
        *addresses,
        f"{space}o, n = np.uint64(code[i + U4]), np.uint64(code[i + U5])",
        f"{space}for j in range(n):",
        f"{space}    v[o + j] = {text}",
        f"{space}i += U{FLAT_ROW_WORDS}",
        f"{space}continue",
        "",
    ])  # fmt: skip


FLAT_BRANCHES = "".join(flat_branch(*row, code) for row, code in FLAT_CODES.items())

ARRAY_SOURCE = f"""(code, v, constants, given, registers, wanted):
    first, size = np.uint64(constants + given.shape[1]), np.uint64(code.size)
    for row in range(len(given)):
        for j in range(given.shape[1]):
            v[constants + j] = given[row, j]
        i, out = U0, first
        while i < size:
            k, a, b, c = code[i], v[code[i + U1]], v[code[i + U2]], v[code[i + U3]]
{scalar_branches(12)}
{FLAT_BRANCHES}            else:
                i += run_strided_row(code, i, v)
                continue
            v[out] = y
            out += U1
            i += U4
        for j in range(registers.size):
            wanted[row, j] = v[registers[j]]
"""
"""Source of the interpreter of programs with rows on arrays.

All index arithmetic is on unsigned 64-bit integers, where negative strides wrap around as wanted:
Numba adds no tests, and LLVM can vectorise the loops.
"""

FORMULA_SOURCE = f"""(k, a, b, c):
{scalar_branches(4)}
    else:
        y = a
    return y
"""
"""Source of the function that computes one formula, for rows that repeat it."""

EXTREME_FORMULAS = {
    name: re.sub(r"\b([ab])\b", lambda match: {"a": "y", "b": "x"}[match[0]], REAL[op])
    for name, op in (("maximum", np.maximum), ("minimum", np.minimum))
}
"""Formulas of the greater and of the lesser of y and x."""

EXTREME_BRANCHES = "".join(
    f"""    elif k == {STRIDED_CODES[name]}:
        for r in range(m):
            for j in range(n):
                y, x = v[o + j * so], v[a + j * sa]
                v[o + j * so] = {text}
            a += ta
            o += to
"""
    for name, text in EXTREME_FORMULAS.items()
)

STRIDED_SOURCE = f"""(code, i, v):
    k = code[i]
    a, b = np.uint64(code[i + U1]), np.uint64(code[i + U2])
    o, n, m = np.uint64(code[i + U4]), np.uint64(code[i + U5]), np.uint64(code[i + U6])
    sa, sb, so = signed(code[i + U7]), signed(code[i + U8]), signed(code[i + U9])
    ta, tb, to = signed(code[i + U10]), signed(code[i + U11]), signed(code[i + U12])
    p = np.uint64(code[i + U13])
    if k == {STRIDED_CODES["repeat"]}:
        for j in range(n):
            v[o + j] = formula(p, v[a + j], v[b + j], 0.0)
    elif k == {STRIDED_CODES["copy"]}:
        for r in range(m):
            for j in range(n):
                v[o + j * so] = v[a + j * sa]
            a += ta
            o += to
    elif k == {STRIDED_CODES["sum"]}:
        for r in range(m):
            v[o] = v[b] + pairwise_sum(v, a, sa, n)
            a += ta
            o += to
    elif k == {STRIDED_CODES["accumulate"]}:
        for r in range(m):
            for j in range(n):
                v[o + j] += v[a + j * sa]
            a += ta
{EXTREME_BRANCHES}    elif k == {STRIDED_CODES["matmul"]}:
        for r in range(m):
            multiply_row(v, a, b, o, n, p, sa, sb, tb)
            a += ta
            o += to
    elif k == {STRIDED_CODES["gather"]}:
        for j in range(n):
            v[o + j] = v[a + np.uint64(code[i + U{STRIDED_ROW_WORDS} + j])]
        return U{STRIDED_ROW_WORDS} + n
    elif k == {STRIDED_CODES["scatter"]}:
        for j in range(n):
            v[o + np.uint64(code[i + U{STRIDED_ROW_WORDS} + j])] += v[a + j]
        return U{STRIDED_ROW_WORDS} + n
    return U{STRIDED_ROW_WORDS}
"""
"""Source of the function that runs a strided row, and returns the number of its words."""

ROW_PRODUCT_SOURCE = """(v, a, b, o, n, p, sa, sb, tb):
    for j in range(n):
        v[o + j] = 0.0
    q = U0
    while sb == U1 and q + U4 <= p:
        x0, x1, x2, x3 = v[a], v[a + sa], v[a + U2 * sa], v[a + U3 * sa]
        for j in range(n):
            y = v[o + j] + x0 * v[b + j] + x1 * v[b + tb + j]
            v[o + j] = y + x2 * v[b + U2 * tb + j] + x3 * v[b + U3 * tb + j]
        a += U4 * sa
        b += U4 * tb
        q += U4
    while q < p:
        x = v[a]
        for j in range(n):
            v[o + j] += x * v[b + j * sb]
        a += sa
        b += tb
        q += U1
"""
"""Source of the product of a vector of p numbers and a matrix with n columns.

Terms are added up in order, four in one pass: that takes 0.4 of the time of one in a pass.
"""

PAIRWISE_SOURCE = """(v, a, s, n):
    if n < U8:
        y = start
        for j in range(n):
            y += v[a + j * s]
        return y
    if n <= U128:
        r0, r1, r2, r3 = v[a], v[a + s], v[a + U2 * s], v[a + U3 * s]
        r4, r5, r6, r7 = v[a + U4 * s], v[a + U5 * s], v[a + U6 * s], v[a + U7 * s]
        j = U8
        while j + U8 <= n:
            q = a + j * s
            r0 += v[q]
            r1 += v[q + s]
            r2 += v[q + U2 * s]
            r3 += v[q + U3 * s]
            r4 += v[q + U4 * s]
            r5 += v[q + U5 * s]
            r6 += v[q + U6 * s]
            r7 += v[q + U7 * s]
            j += U8
        y = ((r0 + r1) + (r2 + r3)) + ((r4 + r5) + (r6 + r7))
        while j < n:
            y += v[a + j * s]
            j += U1
        return y
    h = n // U16 * U8
    return pairwise_sum(v, a, s, h) + pairwise_sum(v, a + h * s, s, n - h)
"""
"""Source of a sum in NumPy's order: halves, and eight partial sums in blocks of up to 128.

N. J. Higham: The accuracy of floating point summation. SIAM J. Sci. Comput. 14 (1993), section 3.
"""

ARRAY_SOURCES = {
    "pairwise_sum": PAIRWISE_SOURCE,
    "multiply_row": ROW_PRODUCT_SOURCE,
    "formula": FORMULA_SOURCE,
    "run_strided_row": STRIDED_SOURCE,
    "interpret_arrays": ARRAY_SOURCE,
}
"""Functions of the interpreter of programs with rows on arrays, each after those that it calls."""
