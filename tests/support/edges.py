"""Random programs over edge values: whether a plan gives the bits that the tape gives, for every
value of every dtype.

`python tests/support/edges.py --count 10000` tries more of them than the tests do, and prints what differs.
"""

import argparse
from dataclasses import dataclass
from unittest import mock

import numpy as np

import memograd as mg
from memograd.plans import arena, liveness, passes
from memograd.plans.machine import array_regions, scalar_regions
from memograd.plans.passes import sums

FLOATS = (np.float16, np.float32, np.float64)
COMPLEX = (np.complex64, np.complex128)
INTEGERS = (np.int8, np.uint8, np.int32, np.int64)
DTYPES = (*FLOATS, *COMPLEX, *INTEGERS)
SHAPES = ((), (3,), (1, 3), (2, 1), (2, 3), (4, 3))
WHOLE = (0.0, -0.0, 1.0, -1.0, 2.0, -2.0, 3.0, np.inf, -np.inf, np.nan)
"""Numbers of whose sums and products none is rounded, as long as they are few: then a sum has
the same bits in each order.
"""


def edge_values(dtype):
    """Zeros of both signs, infinities, NaN, the smallest and the largest numbers of a dtype, and
    ordinary ones.
    """
    if np.dtype(dtype).kind in "iu":
        info = np.iinfo(dtype)
        return np.array([0, 1, 2, 3, info.max, info.min, info.max - 1, info.min + 1], dtype)
    info = np.finfo(dtype)
    sizes = [
        1.0,
        0.1,
        3.0,
        info.max,
        info.max / 2,
        info.tiny,
        info.smallest_subnormal,
        7 * info.smallest_subnormal,
        info.eps,
        np.inf,
        0.0,
    ]
    return np.array([*sizes, *(-x for x in sizes), np.nan], info.dtype)


def draw(rng, dtype, shape, whole=False):
    """An array of edge values; half of the time of few kinds, so that equal ones and zeros meet."""
    pool = np.array(WHOLE, np.finfo(dtype).dtype) if whole else edge_values(dtype)
    if whole and np.dtype(dtype).kind == "c":
        pool = pool[
            ~np.isinf(pool)
        ]  # what a complex product with infinity is, BLAS decides by the memory layout
    if rng.random() < 0.5:
        pool = rng.choice(pool, 3)
    if np.dtype(dtype).kind == "c":
        parts = rng.choice(pool, (2, *shape))
        y = np.empty(shape, dtype)
        y.real, y.imag = parts
        return y[()]
    return rng.choice(pool, shape).astype(dtype)[()]


@dataclass(frozen=True)
class Program:
    """A dtype, the shapes of the leaves, and steps: a name and three numbers that choose
    operands and the like.
    """

    dtype: type
    shapes: tuple
    steps: tuple

    def record(self, values):
        """The leaves, and the outputs: the last values, and the derivatives of a number made of
        them.
        """
        tape = mg.Tape()
        leaves = [tape.leaf(v, name=f"x{k}") for k, v in enumerate(values)]
        made = list(leaves)
        for name, i, j, k in self.steps:
            y = STEPS[name](made[i % len(made)], made[j % len(made)], k)
            made.append(y)
        outputs = [y for y in made[-4:] if y.op is not None]
        return leaves, outputs, self._target(outputs)

    def _target(self, outputs):
        """A real number that depends on all outputs; None for integers, which have no
        derivatives.
        """
        if np.dtype(self.dtype).kind not in "fc":
            return None
        parts = [
            np.sum(np.real(y) if y.dtype.kind == "c" else y)
            for y in outputs
            if y.dtype.kind in "fc"
        ]
        return sum(parts[1:], parts[0]) if parts else None


CONSTANTS = (0.0, -0.0, 1.0, -1.0, 2.0, 0.5, 3.0, 0.25, 1024.0)


def with_constant(op, swapped=False):
    """A step that combines its first operand with a constant: a number, or an array of one."""

    def step(a, b, k):
        c = CONSTANTS[k % len(CONSTANTS)]
        if a.dtype.kind in "iu":
            c = int(abs(c)) % 100
        elif a.dtype.kind == "c" and k % 4 == 1:
            c = complex(c, -0.0)
        if k % 3 == 0:
            c = np.full(a.shape[-1:], c, a.dtype)
        return op(c, a) if swapped else op(a, c)

    return step


def same_shape(op):
    """A step on two operands that broadcast; on one and itself, where they do not."""

    def step(a, b, k):
        try:
            np.broadcast_shapes(a.shape, b.shape)
        except ValueError:
            b = a
        return op(a, b)

    return step


def product(a, b, k):
    """A product of matrices; zeros that BLAS computes lose their sign, which is BLAS's."""
    if a.ndim == 2 and b.ndim == 2:
        y = (
            a @ b.T
            if a.shape[1] == b.shape[1]
            else a @ np.full((a.shape[1], 1 + k % 2), 2).astype(a.dtype)
        )
    else:
        y = a[..., None] * b.ravel()[:1] if a.ndim else a
    return y + 0 if y.dtype.kind in "iu" else y + 0.0


SPELLINGS = ("ij,kj->ik", "ij,kj->ki", "zij,kj->zki", "zij,zkj->jz", "ij,kj->", "zij,zkj->zi")


def contracted(a, b, k):
    """An einsum of two operands, of which some are stacked; or the sum of a product of matrices."""
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1]:
        return a
    if k % 2:
        terms = a @ b.T - np.sum(a, axis=1, keepdims=True) * b[:, 0]
        return np.sum(terms, axis=k % 3 - 2)
    spelling = SPELLINGS[k // 2 % len(SPELLINGS)]
    terms = spelling.split("->")[0].split(",")
    return np.einsum(
        spelling, *(x[None] if "z" in term else x for term, x in zip(terms, (a, b), strict=True))
    )


def real_only(op):
    """A step for real numbers; of complex ones, it takes the real part."""
    return lambda a, b, k: op(np.real(a) if a.dtype.kind == "c" else a)


def pieces(a, b, k):
    """Slices that lie side by side, put together again."""
    if not a.ndim or a.shape[-1] < 2:
        return a * a
    cut = 1 + k % (a.shape[-1] - 1)
    left, right = a[..., :cut], a[..., cut:]
    return np.concatenate(
        [left * 1.0, right * 1.0] if a.dtype.kind in "fc" else [left, right], axis=-1
    )


def extreme(op):
    """`maximum` and the like, of real parts."""
    return lambda a, b, k: same_shape(op)(
        *(np.real(x) if x.dtype.kind == "c" else x for x in (a, b)), k
    )


EXACT_STEPS = {
    "add": same_shape(np.add),
    "subtract": same_shape(np.subtract),
    "multiply": same_shape(np.multiply),
    "negative": lambda a, b, k: -a,
    "plus": with_constant(np.add),
    "plus_left": with_constant(np.add, swapped=True),
    "minus": with_constant(np.subtract),
    "minus_left": with_constant(np.subtract, swapped=True),
    "times": with_constant(np.multiply),
    "times_left": with_constant(np.multiply, swapped=True),
    "doubled": lambda a, b, k: (
        a * CONSTANTS[k % 9] + a * CONSTANTS[k % 9] if a.dtype.kind in "fc" else a + a
    ),
    "again": lambda a, b, k: (-a) * (-a) + a * a,
    "sum": lambda a, b, k: np.sum(a, axis=(None, 0, -1)[k % 3] if a.ndim else None),
    "sum_kept": lambda a, b, k: np.sum(-a, axis=-1 if a.ndim else None, keepdims=True),
    "spread": lambda a, b, k: np.sum(np.broadcast_to(a, (2, *a.shape)), axis=0),
    "stretch": lambda a, b, k: (
        np.broadcast_to(a, (2, 3)) * b
        if a.shape in ((), (3,)) and b.shape in ((), (2, 3), (3,))
        else a
    ),
    "reshape": lambda a, b, k: np.reshape(np.ravel(a), a.shape[::-1]),
    "transpose": lambda a, b, k: np.transpose(a),
    "axis": lambda a, b, k: a[None] if a.ndim < 2 else np.reshape(a, (1, *a.shape))[0],
    "part": lambda a, b, k: a[..., : 1 + k % a.shape[-1]] if a.ndim else a,
    "element": lambda a, b, k: a[(k % 2 - 1,) * a.ndim] if a.ndim else -a,
    "pieces": pieces,
    "stack": lambda a, b, k: np.stack([a, a])[k % 2] + a,
    "square": lambda a, b, k: np.square(a),
    "maximum": extreme(np.maximum),
    "minimum": extreme(np.minimum),
    "where": lambda a, b, k: np.where(np.real(a) > 0, a, -a) if a.dtype.kind != "u" else a,
    "max": real_only(np.max),
    "dot": lambda a, b, k: np.sum(a * a) if k % 2 else np.sum(a * np.transpose(np.transpose(a))),
    "product": product,
    "sum_of_product": lambda a, b, k: (
        np.sum(same_shape(np.multiply)(a, b, k), axis=-1 - k % 2) if a.ndim > 1 else a
    ),
    "contracted": contracted,
}
"""Steps that round no sum or product of whole numbers."""

ROUNDED_STEPS = {
    **EXACT_STEPS,
    "divide": same_shape(np.divide),
    "over": with_constant(np.divide),
    "under": with_constant(np.divide, swapped=True),
    "exp": lambda a, b, k: np.exp(a),
    "tanh": lambda a, b, k: np.tanh(a),
    "sqrt": lambda a, b, k: np.sqrt(a),
    "power": lambda a, b, k: np.power(a, (2, 3, 0.5, 1.0)[k % 4]) if a.dtype.kind in "fc" else a,
    "angle": extreme(np.arctan2),
    "mean": lambda a, b, k: np.mean(a, axis=-1 if a.ndim else None),
}
STEPS = ROUNDED_STEPS


def random_program(rng, dtype, steps, most=12):
    """A program of this dtype."""
    names = sorted(steps)
    shapes = tuple(SHAPES[k] for k in rng.integers(0, len(SHAPES), rng.integers(1, 4)))
    count = int(rng.integers(2, most))
    return Program(
        dtype,
        shapes,
        tuple(
            (str(rng.choice(names)), *(int(k) for k in rng.integers(0, 40, 3)))
            for _ in range(count)
        ),
    )


def same_bits(a, b, signs=True):
    """Whether two arrays have the same bits, all NaNs counted as one."""
    a, b = np.asarray(a), np.asarray(b)
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    if a.dtype.kind == "c":
        return same_bits(a.real, b.real, signs) and same_bits(a.imag, b.imag, signs)
    if a.dtype.kind != "f":
        return bool(np.array_equal(a, b))
    equal = (a == b) & ((np.signbit(a) == np.signbit(b)) | (not signs))
    return bool(np.all(equal | ((a != a) & (b != b))))


def tried(program, only, benign, values):
    """The results of a plan that was made of these passes alone at other values, and of a fresh
    tape.
    """
    with (
        mock.patch.object(liveness, "SMALL_ARRAY_BYTES", 0),
        mock.patch.object(scalar_regions, "MIN_REGION_SIZE", 1),
        mock.patch.object(array_regions.ArrayLayers, "_gain", lambda self, part: 1e9),
        mock.patch.object(sums, "MIN_CARRIED_SIZE", 1),
        mock.patch.object(sums, "MIN_ORDERED_BYTES", 1),
        mock.patch.object(arena, "MIN_SLOT_BYTES", 1),
        np.errstate(all="ignore"),
    ):
        leaves, outputs, target = program.record(benign)
        derivatives = mg.grad_node(target, leaves) if target is not None else []
        plan = mg.plan([*outputs, *derivatives], leaves, passes=only)
        plan(*benign)  # leaves other numbers in the plan's memory
        got = plan(*values)
        leaves, outputs, target = program.record(values)
        expected = [y.value for y in outputs] + (
            mg.grad(target, leaves) if target is not None else []
        )
    return plan, got, expected


def differing(program, only, rng, whole=False):
    """The first result of a plan that has other bits than the tape's: (plan, its place, both
    values); None where none has.
    """
    benign = [np.ones(shape, program.dtype)[()] for shape in program.shapes]
    values = [draw(rng, program.dtype, shape, whole) for shape in program.shapes]
    plan, got, expected = tried(program, only, benign, values)
    for k, (a, b) in enumerate(zip(got, expected, strict=True)):
        if not same_bits(a, b):
            return plan, k, values, a, b
    return None


EXACT = tuple(dict.fromkeys(p for p in passes.PASSES if p.exact))
REORDERING = tuple(dict.fromkeys(p for p in passes.PASSES if not p.exact))
EXACT_TIDIED = passes.Pass("exactly tidied", passes.simplify_graph_exactly)
GROUPS = {
    **{p.name: (passes.LIFT_CONSTANTS, p) for p in (*EXACT, EXACT_TIDIED)},
    "all exact": (
        passes.LIFT_CONSTANTS,
        passes.ELIMINATE_COMMON_SUBEXPRESSIONS,
        EXACT_TIDIED,
        passes.FOLD_CONSTANTS,
        EXACT_TIDIED,
        passes.ELIMINATE_COMMON_SUBEXPRESSIONS,
    ),
}
"""Passes that must change no bit, alone and together."""

REORDERED_GROUPS = {
    **{p.name: (passes.LIFT_CONSTANTS, p) for p in REORDERING},
    "all": passes.PASSES,
}
"""Passes that may take sums in another order: with numbers that are whole, they must change no
bit either.
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--count", type=int, default=1000, help="programs for each dtype and group of passes"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--group", default="")
    parser.add_argument("--dtype", default="")
    parser.add_argument("--show", type=int, default=1)
    options = parser.parse_args()
    for whole, groups, dtypes in (
        (False, GROUPS, DTYPES),
        (True, REORDERED_GROUPS, (*FLOATS[1:], *COMPLEX)),
    ):
        for name, only in groups.items():
            if options.group not in ("", name):
                continue
            for dtype in dtypes:
                if options.dtype not in ("", dtype.__name__):
                    continue
                found = shown = 0
                for seed in range(options.seed, options.seed + options.count):
                    rng = np.random.default_rng([seed, whole])
                    program = random_program(rng, dtype, EXACT_STEPS if whole else ROUNDED_STEPS)
                    try:
                        wrong = differing(program, only, rng, whole)
                    except Exception as error:
                        wrong = None, -1, (), repr(error)[:300], None
                    if wrong is not None:
                        found += 1
                        if shown < options.show:
                            shown += 1
                            print(seed, program)
                            print(
                                wrong[0].source if wrong[0] is not None else "",
                                *wrong[1:],
                                sep="\n",
                            )
                print(
                    f"{name:20} {dtype.__name__:12} {found} of {options.count} differ", flush=True
                )


if __name__ == "__main__":
    main()
