"""Command line: `python -m gradbench`, run from tests/benchmarks; `make gradbench` does so."""

import argparse
import json
import os
import sys
from pathlib import Path

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
FORCED = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


def environment() -> dict[str, str]:
    """Return the environment of a run: one thread, and BLAS's own choice of kernels."""
    kept = {name: value for name, value in os.environ.items() if name not in FORCED}
    return kept | dict.fromkeys(THREADS, "1")


def arguments() -> argparse.Namespace:
    """Return the arguments of the command line."""
    parser = argparse.ArgumentParser(prog="gradbench", description=__doc__)
    parser.add_argument("--only", action="append", metavar="EVAL", help="again for more")
    parser.add_argument("--without", action="append", default=[], metavar="PEER")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the times, too")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put the tables into this page")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=10.0, help="for each row, at most")
    return parser.parse_args()


def main() -> None:
    """Time the evals, print the tables, and write them."""
    # NumPy reads these variables when it is imported, so that it is not imported above.
    from .libraries import LIBRARIES
    from .run import libraries, run_eval
    from .suite import EVALS
    from .table import PEERS, as_json, label, ratio, report, written

    given = arguments()
    unknown = set(given.only or ()) - set(EVALS) | set(given.without) - set(LIBRARIES)
    if unknown or "memograd" in given.without or "manual" in given.without:
        sys.exit(f"Evals are {', '.join(EVALS)}; peers are {', '.join(PEERS[1:])}.")
    found, missing = libraries(given.without)
    rows = []
    for name in given.only or EVALS:
        for row in run_eval(EVALS[name], found, missing, given.rounds, given.seconds):
            rows.append(row)
            print(f"{label(row)}: {ratio(row.ratio('manual'))}", file=sys.stderr, flush=True)
    command = "make gradbench" if given.write else " ".join(["python -m gradbench", *sys.argv[1:]])
    text = report(rows, command)
    print(text)
    if given.write:
        given.write.write_text(written(given.write.read_text("utf-8"), text), "utf-8")
    if given.json:
        given.json.write_text(json.dumps(as_json(rows), indent=1), "utf-8")


if __name__ == "__main__":
    if os.environ != environment():
        command = [sys.executable, "-m", "gradbench", *sys.argv[1:]]
        os.execve(sys.executable, command, environment())
    main()
