"""Recording of derivatives: all nodes or none, at one location, and no other thread between."""

import threading

import numpy as np
import pytest

import memograd as mg
from memograd.transforms import batched_products, products


@pytest.mark.parametrize(
    "module, helper, form",
    [
        (products, "sum_tangents", lambda x: mg.functional.jvp(lambda u: u * x, (x,), (x,))),
        (
            batched_products,
            "rows_of_batch",
            lambda x: batched_products.pull_rows(np.sin(x) * x, [x], x.tape.leaf(np.eye(2))),
        ),
    ],
    ids=["tangents", "rows"],
)
def test_no_other_thread_records_among_the_nodes_of_a_derivative(module, helper, form, monkeypatch):
    x = mg.Tape().leaf([1.0, 2.0])
    free, own = [], getattr(module, helper)

    def try_to_lock():
        free.append(x.tape.lock.acquire(blocking=False))
        if free[-1]:
            x.tape.lock.release()

    def spied(*args, **kwargs):
        if x.tape.location is not None:  # a block is open
            other = threading.Thread(target=try_to_lock)
            other.start()
            other.join()
        return own(*args, **kwargs)

    monkeypatch.setattr(module, helper, spied)
    form(x)
    assert free and not any(free)
