"""A tool of GradBench: `python -m gradbench.tool` answers an eval's messages, a line of JSON each.

Protocol: https://github.com/gradbench/gradbench/blob/main/CONTRIBUTING.md#protocol. Run an eval of
GradBench on it with `gradbench run --eval "gradbench repo eval gmm" --tool "python -m
gradbench.tool"`, in tests/benchmarks.
"""

import json
import sys
import time
import traceback
from collections.abc import Iterable, Iterator
from typing import Any

from .messages import MODULES, Json


def answer(message: Json) -> Json:
    """Return the response to a message."""
    response = {"id": message["id"]}
    if message["kind"] == "start":
        return response | {"tool": "memograd"}
    if message["kind"] == "define":
        return response | define(message["module"])
    if message["kind"] == "evaluate":
        return response | evaluate(message)
    return response


def define(module: str) -> Json:
    """Say whether a module is known."""
    if module in MODULES:
        return {"success": True}
    return {"success": False, "error": f"Modules are {', '.join(MODULES)}."}


def evaluate(message: Json) -> Json:
    """Run a function as often as the message asks for, and time each run."""
    try:
        function = MODULES[message["module"]][message["function"]]
        inputs, data = function.read(message["input"])
        program, timings = function.program(data), []
        for spent in run_again(message["input"]):
            start = time.perf_counter_ns()
            result = program(*inputs)
            spent.append(time.perf_counter_ns() - start)
            timings.append({"name": "evaluate", "nanoseconds": spent[-1]})
        return {"success": True, "output": function.write(result), "timings": timings}
    except Exception as error:
        return {"success": False, "error": "".join(traceback.format_exception(error))}


def run_again(given: Any) -> Iterator[list[int]]:
    """Yield the list of the runs' times, until there are enough runs and enough time is spent."""
    least = given if isinstance(given, dict) else {}
    spent: list[int] = []
    while len(spent) < max(1, least.get("min_runs", 1)) or sum(spent) < 1e9 * least.get(
        "min_seconds", 0.0
    ):
        yield spent


def serve(lines: Iterable[str]) -> Iterator[str]:
    """Yield the response to each line."""
    for line in lines:
        yield json.dumps(answer(json.loads(line)))


if __name__ == "__main__":
    for response in serve(sys.stdin):
        print(response, flush=True)
