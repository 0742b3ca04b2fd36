"""lstm: the loss of stacked LSTM cells with diagonal weights, by all weights.

Definition: https://github.com/gradbench/gradbench/tree/main/evals/lstm. A size is the number of
layers and of characters. The characters are random; GradBench takes them from a text, 14 bits each.
"""

from typing import Any

import numpy

from ..problem import Data, Eval, Inputs, generator

BITS = 14


def prepare(size: tuple[int, int]) -> tuple[Inputs, Data]:
    layers, characters = size
    rng = generator()
    sequence = rng.integers(2, size=(characters, BITS)).astype(float)
    state = rng.random((2 * layers, BITS))
    return (rng.random((2 * layers, 4 * BITS)), rng.random((3, BITS))), {
        "state": state,
        "sequence": sequence,
    }


def sigmoid(np: Any, x: Any) -> Any:
    return 1.0 / (1.0 + np.exp(-x))


def cell(np: Any, weight: Any, bias: Any, hidden: Any, memory: Any, x: Any) -> tuple[Any, Any]:
    gates = np.concatenate([x, hidden, x, hidden]) * weight + bias
    n = len(bias) // 4
    forget, keep, out = (sigmoid(np, gates[n * k : n * k + n]) for k in range(3))
    memory = memory * forget + keep * np.tanh(gates[3 * n :])
    return out * np.tanh(memory), memory


def predict(np: Any, main: Any, extra: Any, state: list[Any], x: Any) -> tuple[Any, list[Any]]:
    x, new = x * extra[0], []
    for k in range(0, len(state), 2):
        new += cell(np, main[k], main[k + 1], state[k], state[k + 1], x)
        x = new[k]
    return x * extra[1] + extra[2], new


def objective(np: Any, d: Data, main: Any, extra: Any) -> Any:
    sequence, state = d["sequence"], list(d["state"])
    total = 0.0
    for t in range(len(sequence) - 1):
        y, state = predict(np, main, extra, state, sequence[t])
        total = total + np.sum(sequence[t + 1] * (y - np.log(2.0 + np.sum(np.exp(y)))))
    return -total / ((len(sequence) - 1) * sequence.shape[1])


def scan(np: Any, d: Data, main: Any, extra: Any) -> Any:
    """The loop in JAX's idiom."""
    from jax import lax

    def step(state: list[Any], pair: Any) -> Any:
        x, gold = pair
        y, state = predict(np, main, extra, state, x)
        return state, np.sum(gold * (y - np.log(2.0 + np.sum(np.exp(y)))))

    sequence = d["sequence"]
    _, terms = lax.scan(step, list(d["state"]), (sequence[:-1], sequence[1:]))
    return -np.sum(terms) / ((len(sequence) - 1) * sequence.shape[1])


def manual(d: Data, main: numpy.ndarray, extra: numpy.ndarray) -> tuple[numpy.ndarray, ...]:
    """Run the loop, keep what it read, and run it backwards."""
    np, sequence = numpy, d["sequence"]
    layers, (steps, n) = len(main) // 2, sequence.shape
    state, kept = list(d["state"]), []
    for t in range(steps - 1):
        kept.append(forward(main, extra, state, sequence[t]))
    d_main, d_extra = np.zeros_like(main), np.zeros_like(extra)
    d_state = [np.zeros(n) for _ in range(2 * layers)]
    scale = -1.0 / ((steps - 1) * n)
    for t in range(steps - 2, -1, -1):
        top, cells = kept[t]
        gold = scale * sequence[t + 1]
        p = np.exp(top * extra[1] + extra[2])
        dy = gold - p * (gold.sum() / (2.0 + p.sum()))
        d_extra[1] += dy * top
        d_extra[2] += dy
        g = dy * extra[1]
        for k in range(layers - 1, -1, -1):
            d_state[2 * k] += g
            g = pull_cell(main, d_main, d_state, k, *cells[k])
        d_extra[0] += g * sequence[t]
    return d_main, d_extra


def forward(
    main: numpy.ndarray, extra: numpy.ndarray, state: list[numpy.ndarray], x: numpy.ndarray
) -> tuple[numpy.ndarray, list[tuple[numpy.ndarray, ...]]]:
    """Change the state, and return the last layer's output and what each cell read and computed."""
    np, n, cells = numpy, len(x), []
    x = x * extra[0]
    for k in range(0, len(state), 2):
        hidden, memory = state[k], state[k + 1]
        read = np.concatenate([x, hidden, x, hidden])
        gates = read * main[k] + main[k + 1]
        s = 1.0 / (1.0 + np.exp(-gates[: 3 * n]))
        change = np.tanh(gates[3 * n :])
        new = memory * s[:n] + s[n : 2 * n] * change
        tanh = np.tanh(new)
        cells.append((read, memory, s, change, tanh))
        x = s[2 * n :] * tanh
        state[k], state[k + 1] = x, new
    return x, cells


def pull_cell(
    main: numpy.ndarray,
    d_main: numpy.ndarray,
    d_state: list[numpy.ndarray],
    k: int,
    read: numpy.ndarray,
    memory: numpy.ndarray,
    s: numpy.ndarray,
    change: numpy.ndarray,
    tanh: numpy.ndarray,
) -> numpy.ndarray:
    """Pull a cell's cotangents back to its weights and state, and return that of its input."""
    n = len(memory)
    g_hidden, g_memory = d_state[2 * k], d_state[2 * k + 1]
    forget, keep, out = s[:n], s[n : 2 * n], s[2 * n :]
    g_memory = g_memory + g_hidden * out * (1.0 - tanh * tanh)
    g = numpy.empty(4 * n)
    g[:n] = g_memory * memory
    g[n : 2 * n] = g_memory * change
    g[2 * n : 3 * n] = g_hidden * tanh
    g[: 3 * n] *= s * (1.0 - s)
    g[3 * n :] = g_memory * keep * (1.0 - change * change)
    d_main[2 * k] += g * read
    d_main[2 * k + 1] += g
    back = g * main[2 * k]
    d_state[2 * k] = back[n : 2 * n] + back[3 * n :]
    d_state[2 * k + 1] = g_memory * forget
    return back[:n] + back[2 * n : 3 * n]


EVAL = Eval(
    "lstm",
    ((2, 64), (2, 256), (2, 1024)),
    (2, 5),
    prepare,
    {"": objective},
    manual,
    peers={"jax": scan},
    without={"autograd": (((2, 1024),), "takes more than a minute")},
)
