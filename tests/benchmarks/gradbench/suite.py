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

EVALS: dict[str, Eval] = {
    module.EVAL.name: module.EVAL
    for module in (
        hello,
        lse,
        llsq,
        kmeans,
        gmm,
        ode,
        ba,
        ht,
        lstm,
        det,
        saddle,
        particle,
        microgpt,
    )
}
