"""Random programs: DAGs of NumPy calls over a few leaves, with shared operands, constants, dead branches, several outputs.

A program is plain data, so that it can be recorded on any tape, run by any NumPy-like namespace, and shrunk by hypothesis.
All its values have one of the shapes (), (3,), (1, 3), (2, 1), (2, 3), which broadcast against each other.
"""

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

SHAPES = [(), (3,), (2, 3)]

UNARY = {
    "sin": lambda np, a: np.sin(a),
    "tanh": lambda np, a: np.tanh(a),
    "exp": lambda np, a: np.exp(np.tanh(a)),
    "neg": lambda np, a: -a,
    "square": lambda np, a: np.tanh(a) ** 2,
    "sqrt": lambda np, a: np.sqrt(1.5 + np.sin(a)),
    "scale": lambda np, a: 0.7 * a,
    "shift": lambda np, a: a + 0.3,
    "sum": lambda np, a: np.sum(a) * 0.2,
    "mean": lambda np, a: np.mean(a),
    "rows": lambda np, a: np.sum(a, axis=-1, keepdims=True) if a.ndim == 2 else a,
    "shared": lambda np, a: a * a * 0.5,
    "stack": lambda np, a: np.sum(np.stack([a, 2.0 * a, a]), axis=0),
    "turn": lambda np, a: np.transpose(np.transpose(a)),
}
BINARY = {
    "add": lambda np, a, b: a + b,
    "subtract": lambda np, a, b: a - b,
    "multiply": lambda np, a, b: np.tanh(a) * b,
    "divide": lambda np, a, b: a / (2.0 + np.cos(b)),
    "maximum": lambda np, a, b: np.maximum(a, b),
    "where": lambda np, a, b: np.where(a > 0.1, a, b),
    "split": lambda np, a, b: halves(np, a) + b if a.shape == (2, 3) else a + b,
    "matmul": lambda np, a, b: (
        np.matmul(a, b) * 0.3 if a.shape == (2, 3) and b.shape == (3,) else a - 0.5 * b
    ),
}


def halves(np, a):
    upper, lower = np.split(a, 2)
    return np.sin(upper) * lower


@dataclass(frozen=True)
class Program:
    """Leaves' shapes, then steps: the name of an op and the indices of its operands among all that came before."""

    shapes: tuple[tuple[int, ...], ...]
    steps: tuple[tuple[str, tuple[int, ...]], ...]
    outputs: tuple[tuple[int, ...], ...]

    def values(self, seed=0):
        rng = np.random.default_rng([20260, seed])
        return [rng.normal(size=shape)[()] for shape in self.shapes]

    def run(self, np, leaves):
        """All values, and the outputs: scalars, each from two or three of the values."""
        made = list(leaves)
        for name, operands in self.steps:
            fn = UNARY.get(name) or BINARY[name]
            result = fn(np, *(made[k % len(made)] for k in operands))
            # (2, 3) @ (3,) gives (2,), the one result that broadcasts with nothing else
            made.append(np.sum(result) if result.shape == (2,) else result)
        return made, [sum(np.sum(made[-1 - k % len(made)]) for k in ks) for ks in self.outputs]

    def record(self, tape, values=None):
        """The program on a tape: its leaves, named x0, x1, …, and its outputs, named L0, L1, …"""
        leaves = [
            tape.leaf(v, name=f"x{k}")
            for k, v in enumerate(self.values() if values is None else values)
        ]
        made, outputs = self.run(np, leaves)
        return leaves, [
            L if L.op is None or not L.name.startswith("v") else L.named(f"L{k}")
            for k, L in enumerate(outputs)
        ]


def programs(least=3, most=12, outputs=2, blas=True):
    """A strategy for programs.

    Without BLAS, a program gives the same bits on every tape: NumPy's own loops do the same
    operations in the same order on all arrays of one shape and one layout. A BLAS kernel may
    choose another order for the same numbers at another address, or with more threads.
    """
    index = st.integers(0, 40)
    unary = st.tuples(st.sampled_from(sorted(UNARY)), st.tuples(index))
    names = sorted(BINARY if blas else BINARY.keys() - {"matmul"})
    binary = st.tuples(st.sampled_from(names), st.tuples(index, index))
    return st.builds(
        Program,
        shapes=st.lists(st.sampled_from(SHAPES), min_size=2, max_size=4).map(tuple),
        steps=st.lists(unary | binary | binary, min_size=least, max_size=most).map(tuple),
        outputs=st.lists(
            st.lists(st.integers(0, 5), min_size=1, max_size=3).map(tuple),
            min_size=1,
            max_size=outputs,
        ).map(tuple),
    )
