"""The modules of GradBench that the tool knows: how JSON becomes arrays, and arrays JSON.

Definitions: the READMEs of https://github.com/gradbench/gradbench/tree/main/evals.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from memograd.functional import compiled

from .evals import ba, det, gmm, hello, ht, kmeans, llsq, lse, lstm, ode, particle, saddle
from .libraries import Memograd
from .problem import Data, Eval, Inputs

Json = Any
Program = Callable[..., Any]


@dataclass(frozen=True)
class Function:
    """One function of a module."""

    read: Callable[[Json], tuple[Inputs, Data]]
    program: Callable[[Data], Program]
    write: Callable[[Any], Json]


def derivative(eval: Eval) -> Callable[[Data], Program]:
    """Return how the derivative of an eval is compiled for its data."""
    if "memograd" in eval.programs:
        return eval.programs["memograd"]
    objective = next(iter(eval.objectives.values()))
    library = Memograd()
    return lambda d: compiled(eval.derivative(library, partial(objective, np, d), d))


def primal(objective: Callable[..., Any]) -> Callable[[Data], Program]:
    """Return how an objective is compiled for its data."""
    return lambda d: compiled(partial(objective, np, d))


def first_list(result: Any) -> Json:
    """Return the only array of a result as lists."""
    return result[0].tolist()


def pair(
    eval: Eval,
    read: Callable[[Json], tuple[Inputs, Data]],
    names: tuple[str, str],
    write: Callable[[Any], Json] = first_list,
) -> dict[str, Function]:
    """Return the functions of a module of an objective and its derivative."""
    objective = next(iter(eval.objectives.values()))
    return {
        names[0]: Function(read, primal(objective), float),
        names[1]: Function(read, derivative(eval), write),
    }


def array(values: Json) -> np.ndarray:
    return np.asarray(values, dtype=float)


def read_kmeans(message: Json) -> tuple[Inputs, Data]:
    centroids, points = array(message["centroids"]), array(message["points"])
    return (centroids,), {"points": points, "ones": np.ones_like(centroids)}


def read_gmm(message: Json) -> tuple[Inputs, Data]:
    k, d = message["k"], message["d"]
    shapes = {"alpha": (k,), "mu": (k, d), "q": (k, d), "l": (k, d * (d - 1) // 2)}
    inputs = tuple(array(message[name]).reshape(shape) for name, shape in shapes.items())
    return inputs, gmm.data_of(array(message["x"]), k, message["m"], message["gamma"])


def write_gmm(result: Any) -> Json:
    return {name: g.tolist() for name, g in zip(("alpha", "mu", "q", "l"), result, strict=True)}


def read_ba(message: Json) -> tuple[Inputs, Data]:
    n, m, p = message["n"], message["m"], message["p"]
    cameras, points = np.tile(message["cam"], (n, 1)), np.tile(message["x"], (m, 1))
    data = ba.data_of(n, m, np.tile(array(message["feat"]), (p, 1)))
    return (cameras, points, np.full(p, message["w"])), data


def ba_errors(d: Data) -> Program:
    """Return the program of all errors."""
    return compiled(
        lambda cameras, points, weights: ba.objective(
            np, d, cameras[d["camera"]], points[d["point"]], weights
        )
    )


def write_ba_errors(result: Any) -> Json:
    errors, regularisation = result
    return {
        "reproj_error": {"elements": errors[0].tolist(), "repeated": len(errors)},
        "w_err": {"element": float(regularisation[0]), "repeated": len(errors)},
    }


def ba_blocks(d: Data) -> Program:
    """Return the program of the blocks, with the numbers of cameras and points beside them."""
    blocks = derivative(ba.EVAL)(d)
    return lambda cameras, points, weights: (
        len(cameras),
        len(points),
        blocks(cameras, points, weights),
    )


def write_ba_blocks(result: Any) -> Json:
    """Return the first thirty entries and the last one of the rows, columns and values."""
    n, m, (*blocks, last) = result
    p = len(last)
    one, two = (
        [*camera[0], *point[0], weight[0]] for camera, point, weight in (blocks[:3], blocks[3:])
    )
    columns = [*range(11), *range(11 * n, 11 * n + 3), 11 * n + 3 * m]
    rows = [15 * min(k, 2 * p) + max(0, k - 2 * p) for k in range(min(30, 3 * p + 1))]
    return {
        "rows": [*rows, 31 * p],
        "cols": [*columns, *columns, 11 * n + 3 * m + p - 1],
        "vals": [float(value) for value in (*one, *two, last[-1])],
    }


PARENTS = [-1, *(parent for k in range(5) for parent in (0, *range(4 * k + 1, 4 * k + 4))), 0]
"""GradBench's skeleton: the wrist, five fingers of four bones, the forearm."""

BY_LEVEL = [0, *range(1, 21, 4), 21, *(k for j in (2, 3, 4) for k in range(j, 21, 4))]
"""Its bones in the order of the eval `ht`."""


def read_ht(message: Json) -> tuple[Inputs, Data]:
    model = message["data"]["model"]
    if list(model["parents"]) != PARENTS or model["is_mirrored"]:
        raise ValueError("The hand must have GradBench's 22 bones, and be no mirror image.")
    hand = ht.hand_of(
        array(model["base_relatives"])[BY_LEVEL],
        array(model["inverse_base_absolutes"])[BY_LEVEL],
        array(model["base_positions"]),
        array(model["weights"])[:, BY_LEVEL],
    )
    theta, us = array(message["theta"]), array(message["us"]).reshape(-1, 2)
    chosen = np.asarray(message["data"]["correspondences"])
    triangles, points = np.asarray(model["triangles"]), array(message["data"]["points"])
    data = hand | ht.correspondences(points, chosen, triangles, len(us) > 0)
    return ((theta, us) if len(us) else (theta,)), data


def write_ht(result: Any) -> Json:
    J, *tangents = result
    columns = [tangent.reshape(-1, 1) for tangent in tangents]
    return np.concatenate([*columns, J.reshape(-1, 26)], axis=1).tolist()


def read_lstm(message: Json) -> tuple[Inputs, Data]:
    inputs = array(message["main_params"]), array(message["extra_params"])
    return inputs, {"state": array(message["state"]), "sequence": array(message["sequence"])}


def read_det(message: Json) -> tuple[Inputs, Data]:
    return (array(message["A"]).reshape(message["ell"], -1),), {}


def read_x(message: Json) -> tuple[Inputs, Data]:
    return (array(message["x"]),), {}


def read_llsq(message: Json) -> tuple[Inputs, Data]:
    return (array(message["x"]),), llsq.data_of(message["n"], len(message["x"]))


def read_ode(message: Json) -> tuple[Inputs, Data]:
    return (array(message["x"]),), ode.data_of(len(message["x"]), message["s"])


def read_hello(message: Json) -> tuple[Inputs, Data]:
    return (float(message),), {}


def read_start(message: Json) -> tuple[Inputs, Data]:
    return (array(message["start"]),), {}


def read_w(message: Json) -> tuple[Inputs, Data]:
    return (float(message["w"]),), {}


def ravel_all(result: Any) -> Json:
    return np.concatenate([part.ravel() for part in result]).tolist()


MODULES: dict[str, dict[str, Function]] = {
    "hello": pair(hello.EVAL, read_hello, ("square", "double"), lambda result: float(result[0])),
    "lse": pair(lse.EVAL, read_x, ("primal", "gradient")),
    "llsq": pair(llsq.EVAL, read_llsq, ("primal", "gradient")),
    "kmeans": pair(kmeans.EVAL, read_kmeans, ("cost", "dir")),
    "gmm": pair(gmm.EVAL, read_gmm, ("objective", "jacobian"), write_gmm),
    "ode": {
        "primal": Function(read_ode, primal(ode.solution), lambda result: result.tolist()),
        "gradient": Function(read_ode, derivative(ode.EVAL), first_list),
    },
    "ba": {
        "objective": Function(read_ba, ba_errors, write_ba_errors),
        "jacobian": Function(read_ba, ba_blocks, write_ba_blocks),
    },
    "ht": {
        "objective": Function(
            read_ht, primal(ht.EVAL.objectives["sum"]), lambda result: result.ravel().tolist()
        ),
        "jacobian": Function(read_ht, derivative(ht.EVAL), write_ht),
    },
    "lstm": pair(lstm.EVAL, read_lstm, ("objective", "jacobian"), ravel_all),
    "det": pair(
        det.EVAL, read_det, ("primal", "gradient"), lambda result: result[0].ravel().tolist()
    ),
    # Forward mode outside, reverse mode inside. The other variants are not written yet.
    "saddle": {"fr": Function(read_start, derivative(saddle.EVAL), first_list)},
    "particle": {
        "fr": Function(read_w, derivative(particle.EVAL), lambda result: float(result[0]))
    },
}
