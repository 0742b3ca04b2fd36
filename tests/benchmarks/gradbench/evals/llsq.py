"""llsq: the objective of a polynomial's least-squares fit to a sign function, 128 coefficients.

Definition: https://github.com/gradbench/gradbench/tree/main/evals/llsq. The powers of the abscissae
are data here, for each contender.
"""

from typing import Any

import numpy

from ..problem import Data, Eval, Inputs, generator

COEFFICIENTS = 128


def prepare(size: int) -> tuple[Inputs, Data]:
    return (generator().random(COEFFICIENTS),), data_of(size, COEFFICIENTS)


def data_of(n: int, m: int) -> Data:
    """Return the powers of n abscissae for m coefficients, and the abscissae's signs."""
    t = numpy.linspace(-1.0, 1.0, n)
    return {"powers": numpy.vander(t, m, increasing=True), "s": numpy.sign(t)}


def objective(np: Any, d: Data, x: Any) -> Any:
    return 0.5 * np.sum(np.square(d["s"] - d["powers"] @ x))


def dot(np: Any, d: Data, x: Any) -> Any:
    residuals = d["powers"] @ x - d["s"]
    return residuals @ residuals / 2.0


def manual(d: Data, x: numpy.ndarray) -> tuple[numpy.ndarray]:
    return ((d["powers"] @ x - d["s"]) @ d["powers"],)


EVAL = Eval("llsq", (64, 1024, 16_392), 20, prepare, {"sum": objective, "dot": dot}, manual)
