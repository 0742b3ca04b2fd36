"""microgpt: the loss of a small transformer, in scalars.

After Karpathy's microgpt: one layer of width 16, four heads, 27 tokens, squared ReLU, RMSNorm. A
size is the number of positions. By hand here means a scalar class of CPython that records and walks
back.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy

from ..problem import Data, Eval, Inputs, generator

WIDTH, HEADS, TOKENS = 16, 4, 27
HEAD = WIDTH // HEADS
Matrix = list[list[Any]]


def shapes(positions: int) -> dict[str, tuple[int, int]]:
    """Return the shapes of the weights."""
    square = dict.fromkeys(("query", "key", "value", "out"), (WIDTH, WIDTH))
    return {
        "token": (TOKENS, WIDTH),
        "position": (positions, WIDTH),
        **square,
        "up": (4 * WIDTH, WIDTH),
        "down": (WIDTH, 4 * WIDTH),
        "head": (TOKENS, WIDTH),
    }


def prepare(size: int) -> tuple[Inputs, Data]:
    rng = generator()
    count = sum(rows * columns for rows, columns in shapes(size).values())
    document = tuple(rng.integers(TOKENS, size=size + 1).tolist())
    return (0.1 * rng.normal(size=count),), {"document": document}


def matrices(weights: Sequence[Any], positions: int) -> dict[str, Matrix]:
    """Return the weights as lists of rows."""
    entries = (weights[k] for k in range(len(weights)))
    return {
        name: [[next(entries) for _ in range(columns)] for _ in range(rows)]
        for name, (rows, columns) in shapes(positions).items()
    }


def inner(u: Sequence[Any], v: Sequence[Any]) -> Any:
    return sum(a * b for a, b in zip(u, v, strict=True))


def linear(W: Matrix, x: list[Any]) -> list[Any]:
    return [inner(row, x) for row in W]


def rms_norm(x: list[Any]) -> list[Any]:
    scale = (inner(x, x) / len(x) + 1e-5) ** -0.5
    return [a * scale for a in x]


def add(x: list[Any], y: list[Any]) -> list[Any]:
    return [a + b for a, b in zip(x, y, strict=True)]


def softmax(np: Any, x: list[Any]) -> list[Any]:
    exps = [np.exp(a) for a in x]
    total = sum(exps)
    return [e / total for e in exps]


def attend(np: Any, q: list[Any], keys: Matrix, values: Matrix) -> list[Any]:
    """Return the mixtures of the values, head by head."""
    mixed = []
    for start in range(0, WIDTH, HEAD):
        part = slice(start, start + HEAD)
        p = softmax(np, [inner(q[part], k[part]) / HEAD**0.5 for k in keys])
        mixed += [inner(p, column) for column in zip(*(v[part] for v in values), strict=True)]
    return mixed


def logits(
    np: Any, w: dict[str, Matrix], token: int, position: int, keys: Matrix, values: Matrix
) -> list[Any]:
    """Return the logits after a token, and add its key and value."""
    x = rms_norm(add(w["token"][token], w["position"][position]))
    normal = rms_norm(x)
    keys.append(linear(w["key"], normal))
    values.append(linear(w["value"], normal))
    x = add(x, linear(w["out"], attend(np, linear(w["query"], normal), keys, values)))
    hidden = [np.maximum(h, 0.0) ** 2 for h in linear(w["up"], rms_norm(x))]
    return linear(w["head"], add(x, linear(w["down"], hidden)))


def objective(np: Any, d: Data, weights: Any) -> Any:
    document = d["document"]
    positions = len(document) - 1
    w, keys, values, losses = matrices(weights, positions), [], [], []
    for position in range(positions):
        p = softmax(np, logits(np, w, document[position], position, keys, values))
        losses.append(-np.log(p[document[position + 1]]))
    return sum(losses) / positions


class Value:
    """A scalar of CPython that knows its operands and its derivatives by them."""

    __slots__ = ("data", "grad", "operands", "partials")

    def __init__(
        self,
        data: float,
        operands: tuple["Value", ...] = (),
        partials: tuple[float, ...] = (),
    ) -> None:
        self.data, self.grad, self.operands, self.partials = data, 0.0, operands, partials

    def __add__(self, other: Any) -> "Value":
        if isinstance(other, Value):
            return Value(self.data + other.data, (self, other), (1.0, 1.0))
        return Value(self.data + other, (self,), (1.0,))

    def __mul__(self, other: Any) -> "Value":
        if isinstance(other, Value):
            return Value(self.data * other.data, (self, other), (other.data, self.data))
        return Value(self.data * other, (self,), (other,))

    def __pow__(self, power: float) -> "Value":
        return Value(self.data**power, (self,), (power * self.data ** (power - 1),))

    def __truediv__(self, other: Any) -> "Value":
        return self * other**-1

    def __neg__(self) -> "Value":
        return self * -1.0

    __radd__, __rmul__ = __add__, __mul__

    def pull(self) -> None:
        """Set the gradients of all that this depends on."""
        order: list[Value] = []
        seen: set[Value] = set()
        stack = [(self, False)]
        while stack:
            value, done = stack.pop()
            if done:
                order.append(value)
            elif value not in seen:
                seen.add(value)
                stack.append((value, True))
                stack += [(operand, False) for operand in value.operands]
        self.grad = 1.0
        for value in reversed(order):
            for operand, partial in zip(value.operands, value.partials, strict=True):
                operand.grad += partial * value.grad


class ValueFunctions:
    """Functions of values, under NumPy's names."""

    @staticmethod
    def exp(x: Value) -> Value:
        y = math.exp(x.data)
        return Value(y, (x,), (y,))

    @staticmethod
    def log(x: Value) -> Value:
        return Value(math.log(x.data), (x,), (1.0 / x.data,))

    @staticmethod
    def maximum(x: Value, bound: float) -> Value:
        return Value(max(x.data, bound), (x,), (float(x.data > bound),))


def manual(d: Data, weights: numpy.ndarray) -> tuple[numpy.ndarray]:
    values = [Value(w) for w in weights.tolist()]
    objective(ValueFunctions, d, values).pull()
    return (numpy.array([v.grad for v in values]),)


EVAL = Eval(
    "microgpt",
    (4, 8),
    1,
    prepare,
    {"": objective},
    manual,
    without={
        library: ((4, 8), "would record tens of thousands of scalars one by one")
        for library in ("jax", "torch", "autograd")
    },
    group="scalars",
)
