"""A real cluster: worker processes with a limit on their memory, data several times that, one of them killed on the way."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import memograd as mg

da = pytest.importorskip("dask.array", reason="a cluster needs Dask")
distributed = pytest.importorskip(
    "distributed", reason="a cluster needs Dask's scheduler for several processes"
)

cloudpickle = pytest.importorskip("cloudpickle", reason="Dask's scheduler comes with it")
cloudpickle.register_pickle_by_value(sys.modules[__name__])  # the workers do not find this module

LIMIT = 400_000_000
ROWS, COLUMNS, CHUNK = 1_600_000, 100, 20_000
"""1.28 GB, in chunks of 16 MB."""


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Two worker processes."""
    place: Path = tmp_path_factory.mktemp("workers")
    options = {
        "n_workers": 2,
        "threads_per_worker": 1,
        "memory_limit": LIMIT,
        "dashboard_address": ":0",
        "local_directory": str(place),
    }
    with (
        distributed.LocalCluster(processes=True, **options) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def data() -> Any:
    """Rows of numbers, the same at each call, which workers make chunk by chunk."""
    return da.random.default_rng(20260).random((ROWS, COLUMNS), chunks=(CHUNK, COLUMNS))


def loss(tape: mg.Tape, x: Any) -> mg.Node:
    w, v = (
        tape.leaf(np.linspace(-1, 1, 2 * COLUMNS).reshape(COLUMNS, 2), "W"),
        tape.leaf(np.array([0.5, -0.3]), "v"),
    )
    return np.mean(np.square(np.tanh(x @ w) @ v)).named("L")


def by_hand() -> list[Any]:
    """The gradients, summed over chunks of NumPy's, each with a tape of its own."""
    x, sums = data(), [0.0, 0.0]
    for k in range(x.numblocks[0]):
        tape = mg.Tape()
        L = loss(tape, x.blocks[k].compute(scheduler="sync"))
        sums = [
            a + g / x.numblocks[0]
            for a, g in zip(sums, mg.grad(L, [tape["W"], tape["v"]]), strict=True)
        ]
    return sums


@pytest.fixture(scope="module")
def expected() -> list[Any]:
    return by_hand()


def gradients() -> list[Any]:
    tape = mg.Tape()
    L = loss(tape, tape.leaf(data(), "X"))
    return mg.grad(L, [tape["W"], tape["v"]])  # type: ignore[no-any-return]


def peak(dask_worker: Any) -> int:
    """The most memory that a worker's own monitor saw, which looks twice a second; the system's count has the parent's in it."""
    return max(dask_worker.monitor.quantities["memory"])  # type: ignore[no-any-return]


def test_data_larger_than_the_workers_memory(client: Any, expected: list[Any]) -> None:
    assert ROWS * COLUMNS * 8 > 3 * LIMIT
    for got, want in zip(client.gather(client.compute(gradients())), expected, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-10)
    peaks = client.run(peak)
    assert (
        len(peaks) == 2 and max(peaks.values()) < ROWS * COLUMNS * 8 / 2
    )  # how near the limit is the allocator's affair


def test_a_worker_killed_in_the_middle(client: Any, expected: list[Any]) -> None:
    victim = next(iter(client.run(os.getpid).values()))
    futures = client.compute(gradients())
    while client.run_on_scheduler(finished) < 5:
        time.sleep(0.01)
    os.kill(victim, signal.SIGKILL)
    for got, want in zip(client.gather(futures), expected, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-10)
    client.wait_for_workers(2)
    assert victim not in client.run(os.getpid).values()


def finished(dask_scheduler: Any) -> int:
    """How many results the scheduler knows of."""
    return sum(task.state == "memory" for task in dask_scheduler.tasks.values())


def test_a_scheduler_that_is_gone_takes_nothing_with_it() -> None:
    tape = mg.Tape()
    L = np.sum(np.square(tape.leaf(da.ones(100, chunks=10), "x")))
    with (
        distributed.LocalCluster(n_workers=1, processes=False, dashboard_address=":0") as cluster,
        distributed.Client(cluster),
    ):
        kept = mg.persist(L, tape["x"])
        distributed.wait(kept)
    with pytest.raises(Exception, match=r"(?i)missing|cancelled|lost"):
        kept.compute()
    tape.forget(L)
    np.testing.assert_array_equal(mg.grad(L, tape["x"]).compute(), np.full(100, 2.0))
