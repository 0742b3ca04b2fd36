"""Logistic regression on more data than the workers' memory: Dask arrays as leaves, only what is asked for, what is kept kept.

The features come in blocks, each a leaf; workers read them chunk by chunk, and no process ever holds them all. Each step improves
the weights of one block. The products of the others with their weights are persisted, a number a row: they are read again by
nobody, and what a step recomputes is what its block reaches. In the end one block of features is replaced by another.

The features are drawn here, chunk by chunk; files would be read in the same place.

Needs Dask: pip install 'memograd[dask]'. More than memory, as in the README: --gigabytes 10 --memory 1
"""

import argparse
import logging
import tempfile
import time
from collections import Counter
from typing import Any, NamedTuple

import dask
import dask.array as da
import numpy as np
from distributed import Client, LocalCluster, get_worker, wait

import memograd as mg

BLOCKS, FEATURES, ROWS_OF_A_CHUNK, RATE = 4, 50, 25_000, 4.0


def counted(dask_worker: Any) -> Counter[int]:
    """How many chunks a worker has read of each block."""
    reads: Counter[int] = vars(dask_worker).setdefault("reads", Counter())
    return reads


def read(block: int, seed: int, block_info: Any = None) -> np.ndarray:
    """One chunk of a block of features; its worker counts it."""
    counted(get_worker())[block] += 1
    (at, _), shape = block_info[None]["chunk-location"], block_info[None]["chunk-shape"]
    numbers: np.ndarray = np.random.default_rng([seed, block, at]).uniform(-1, 1, shape)
    return numbers


def features(block: int, chunks: int, seed: int = 0) -> Any:
    """A block of features, of which nothing has been read."""
    sizes = ((ROWS_OF_A_CHUNK,) * chunks, (FEATURES,))
    return da.map_blocks(read, block, seed, chunks=sizes, dtype=float, meta=np.empty((0, 0)))


class Model(NamedTuple):
    """A tape with the loss, and the leaves and products of each block."""

    L: mg.Node
    features: list[mg.Node]
    weights: list[mg.Node]
    products: list[mg.Node]


def model(data: list[Any], labels: Any) -> Model:
    """Logistic regression: each block of features with weights of its own."""
    tape = mg.Tape()
    xs = [tape.leaf(x, f"X{k}") for k, x in enumerate(data)]
    ws = [tape.leaf(np.zeros((FEATURES, 1)), f"w{k}") for k in range(BLOCKS)]
    zs = [(x @ w).named(f"z{k}") for k, (x, w) in enumerate(zip(xs, ws, strict=True))]
    z = sum(zs[1:], start=zs[0])
    return Model(np.mean(np.logaddexp(0, z) - labels * z).named("L"), xs, ws, zs)


class Reader:
    """What the workers have read since somebody asked last, and how long it took."""

    def __init__(self, client: Client) -> None:
        self.client, self.since, self.seen = client, time.perf_counter(), Counter[int]()

    def line(self, what: str, loss: float) -> str:
        """A row of the table: chunks read of each block, loss, seconds."""
        counts: Any = self.client.run(counted)
        reads = sum(counts.values(), start=Counter[int]())
        new, self.seen = reads - self.seen, reads
        seconds, self.since = time.perf_counter() - self.since, time.perf_counter()
        return f"{what:<22} {loss:>8.4f}  {'  '.join(f'{new[k]:>4}' for k in range(BLOCKS))}  {seconds:>6.1f} s"


def improve(m: Model, k: int) -> float:
    """A step down by the weights of one block; the loss before it."""
    loss, g = dask.compute(m.L.value, mg.grad(m.L, m.weights[k]))
    m.weights[k].value = m.weights[k].value - RATE * g
    mg.persist(m.L, m.products[k])
    wait(m.products[k].value)
    return float(loss)


def run(client: Client, chunks: int) -> None:
    """Train, block by block, then put other features in the place of one block."""
    data = [features(k, chunks) for k in range(BLOCKS)]
    truth = np.random.default_rng(1).normal(size=(BLOCKS, FEATURES, 1))
    scores: Any = sum(x @ w for x, w in zip(data, truth, strict=True))
    labels = dask.persist((scores > 0).astype(float))[0]
    wait(labels)
    m, reader = model(data, labels), Reader(client)
    print(f"{'step':<22} {'loss':>8}  chunks read of each block")
    mg.persist(m.L, m.products)
    wait([z.value for z in m.products])
    print(reader.line("labels and products", dask.compute(m.L.value)[0]))
    for k in range(BLOCKS):
        loss = improve(m, k)
        print(reader.line(f"weights of block {k}", loss))
    m.features[2].value = features(2, chunks, seed=1)
    loss, _ = dask.compute(m.L.value, mg.grad(m.L, m.weights[2]))
    print(reader.line("block 2 replaced", loss))


def peak(dask_worker: Any) -> float:
    """The most memory that a worker's own monitor saw, which looks twice a second, in GB."""
    return float(max(dask_worker.monitor.quantities["memory"])) / 1e9


def main() -> None:
    """Run on a cluster of this machine's processes."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--gigabytes", type=float, default=0.8, help="of features, in all")
    options.add_argument(
        "--memory", type=float, default=0.35, help="gigabytes that a worker may take"
    )
    options.add_argument("--workers", type=int, default=2)
    given = options.parse_args()
    chunks = max(1, round(given.gigabytes * 1e9 / (BLOCKS * FEATURES * 8 * ROWS_OF_A_CHUNK)))
    workers = {
        "n_workers": given.workers,
        "threads_per_worker": 1,
        "memory_limit": int(given.memory * 1e9),
    }
    quiet = {"dashboard_address": ":0", "silence_logs": logging.ERROR}
    with (
        tempfile.TemporaryDirectory() as place,
        LocalCluster(**workers, **quiet, local_directory=place) as cluster,
        Client(cluster) as client,
    ):
        print(
            f"{given.gigabytes:g} GB in {BLOCKS} blocks of {chunks} chunks, {given.workers} workers of {given.memory:g} GB each"
        )
        run(client, chunks)
        peaks: Any = client.run(peak)
        print(f"peak of each worker: {', '.join(f'{p:.2f} GB' for p in peaks.values())}")


if __name__ == "__main__":
    main()
