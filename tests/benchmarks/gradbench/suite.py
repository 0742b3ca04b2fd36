"""Which evals there are."""

from .evals import (
    ba,
    det,
    gmm,
    hello,
    ht,
    kmeans,
    llsq,
    lse,
    lstm,
    microgpt,
    ode,
    particle,
    saddle,
)
from .problem import Eval
from .programs import (
    convolution,
    kernel,
    logistic,
    markov,
    normalisation,
    pairwise,
    recursive_filter,
    stencil,
)

GRADBENCH = (hello, lse, llsq, kmeans, gmm, ode, ba, ht, lstm, det, saddle, particle, microgpt)
OTHERS = (
    pairwise,
    stencil,
    markov,
    kernel,
    recursive_filter,
    normalisation,
    convolution,
    logistic,
)
EVALS: dict[str, Eval] = {module.EVAL.name: module.EVAL for module in (*GRADBENCH, *OTHERS)}
