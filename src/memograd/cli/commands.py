"""Commands: a function for each, from the parsed arguments to an exit code.

The exit code is 0 if nothing was found wrong, and 1 if a derivative was found wrong or needs an
explanation. The caller returns 2 if a command could not be executed.
"""

import json
import os
import re
import sys
from argparse import Namespace
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ..archive import load, save
from ..baselines import backprop, finite_difference, path_sum, paths
from ..check import check_grad
from ..diagnostics.explanations import explain
from ..diagnostics.provenance import why
from ..drawing import draw, player
from ..errors import CheckError, RefusedError
from ..solver.gradients import grad
from ..solver.log import Log
from ..tape.node import Node
from ..tape.tape import Tape
from ..text import derivative_name, describe, op_name, printable, table_lines
from .coverage import by_class, coverage_table, missing_traits, survey, trait_table
from .walkthrough import TARGETS, section_13

ANSI_COLOURS = {"→": "\x1b[32m", "←": "\x1b[36m", "✗": "\x1b[31m"}
"""Colours of the events: green for a store, cyan for a read, red for a drop."""

MAX_PATHS = 100_000
"""Maximal number of paths of which the sum is computed, too."""


def walkthrough(args: Namespace) -> int:
    """Log three requests on a graph of thirteen nodes.

    They are those of M. Tomassoli, "Calculus and Backpropagation" (2016), section 13.
    """
    tape, log = section_13(), Log()
    grad(tape["L"], [tape[name] for name in TARGETS], log=log)
    if args.html is not None:
        page = player(tape["L"], log=log, path=args.html, overwrite=True)
        print(f"wrote {page}: open it in a browser")
        return 0
    events = {"visited": log.visited, "read": log.read}
    print_answer(
        args, lambda: {"transcript": str(log).splitlines()} | events, [colour_transcript(str(log))]
    )
    return 0


def coverage(args: Namespace) -> int:
    """Print the classes of NumPy's and SciPy's public functions, or what is not known of ops."""
    if args.traits:
        missing = missing_traits()
        print_answer(args, lambda: missing, [trait_table(missing)])
    else:
        rows = survey()
        print_answer(args, lambda: by_class(rows), [coverage_table(rows)])
    return 0


def show(args: Namespace) -> int:
    """List the nodes of a saved tape; with --draw, print the picture of its program."""
    tape = load(args.file)
    if args.draw is not None:
        L = find_node(tape, args.output or last_scalar(tape))
        print_picture(draw(L, format=args.draw))
        return 0
    rows = ((n.id, printable(n.name, 20), op_name(n.op), f"{n.dtype} {n.shape}") for n in tape)
    tables = [f"{tape[L].name} ({len(t.cotangents)})" for L, t in tape.state.tables.items()]
    foot = f"{len(tape)} nodes; derivatives known of: {', '.join(tables) or 'nothing'}"
    lines = [*table_lines(">6  <20 <20 <", rows), foot]
    print_answer(args, lambda: [node_facts(n) for n in tape], lines)
    return 0


def gradient(args: Namespace) -> int:
    """Print derivatives of an output; with --save, keep them in the file for the next time."""
    tape, log = load(args.file), Log()
    L, targets = parse_request(tape, args)
    found = grad(L, {t.name: t for t in targets}, log=log)
    if args.save:
        save(args.file, tape)
    lines = [
        f"{derivative_label(L, name)} = {np.array2string(np.asarray(g))}"
        for name, g in found.items()
    ]
    transcript = [colour_transcript(f"\n{log}")] if args.log else []
    print_answer(
        args,
        lambda: {
            "derivatives": {name: encode_array(g) for name, g in found.items()},
            "transcript": str(log).splitlines(),
        },
        lines + transcript,
    )
    return 0


def reason(args: Namespace) -> int:
    """Print why the saved derivatives were computed, read, dropped or kept."""
    L, targets = parse_request(load(args.file), args)
    reasons = {t.name: why(L, t) for t in targets}
    print_answer(
        args,
        lambda: {name: {"kind": r.kind, "chain": r.chain} for name, r in reasons.items()},
        reasons.values(),
    )
    return 0


def explanation(args: Namespace) -> int:
    """Explain derivatives that are zero, infinite, NaN or of a surprising size."""
    L, targets = parse_request(load(args.file), args)
    found = explain(L, list(targets))
    print_answer(
        args,
        lambda: {e.target: str(e).splitlines() for e in found.each},
        [str(found)],
    )
    return int(not found.in_order)


def check(args: Namespace) -> int:
    """Compare derivatives with finite differences."""
    L, targets = parse_request(load(args.file), args)
    wrong = {}
    for t in targets:
        try:
            check_grad(L, [t])
        except CheckError as error:
            wrong[t.name] = str(error)
    verdicts = {t.name: wrong.get(t.name, "agrees") for t in targets}
    lines = [
        f"{derivative_label(L, t.name)}: {wrong.get(t.name, 'agrees with finite differences')}"
        for t in targets
    ]
    print_answer(args, lambda: verdicts, lines)
    return int(bool(wrong))


def compare(args: Namespace) -> int:
    """Compare with full backpropagation, sums over paths and finite differences."""
    tape, log = load(args.file), Log()
    L, targets = parse_request(tape, args)
    tape.forget(L)
    found, everything = grad(L, targets, log=log), backprop(L)
    ways: dict[str, list[Any]] = {
        "memograd": found,
        "backprop": [everything[t] if t in everything else 0.0 for t in targets],
        "finite differences": [finite_difference(L, t) for t in targets],
    }
    memory = tape.state.tables[L.id]
    uses = {n: len(memory.use_pairs(n)) for n in memory.uses}
    work = {
        "memograd": sum(uses[tape[name].id] for name in log.stored),
        "backprop": sum(uses.values()),
    }
    if (steps := count_path_derivatives(L, targets)) is not None:
        ways["sums over paths"], work["sums over paths"] = [path_sum(L, t) for t in targets], steps
    worst = {
        way: max(largest_deviation(g, h) for g, h in zip(answers, found, strict=True))
        for way, answers in ways.items()
    }
    rows = [(way, work.get(way, "–"), f"{off:.1e}") for way, off in worst.items()]
    print_answer(
        args,
        lambda: {
            "local derivatives": work,
            "deviation": {way: encode_array(off) for way, off in worst.items()},
        },
        table_lines("<20>18>12", [("", "local derivatives", "deviation"), *rows]),
    )
    return int(max(worst["backprop"], worst.get("sums over paths", 0.0)) > 1e-6)


def completion(args: Namespace) -> int:
    """Print a script for the completion of this command in a shell."""
    try:
        import shtab
    except ModuleNotFoundError:
        print(
            "memograd: completion is written by shtab, which is not installed. Install it: pip "
            "install 'memograd[cli]'.",
            file=sys.stderr,
        )
        return 2
    print(shtab.complete(args.parser(), args.shell))
    return 0


# Arguments


def parse_request(tape: Tape, args: Namespace) -> tuple[Node, list[Node]]:
    """Return the output and the targets that the arguments name."""
    targets = [find_node(tape, name) for name in args.targets]
    for t in targets:
        if isinstance(t.dtype, tuple):
            raise RefusedError(f"{describe(t.attributes)} has several outputs. Take one of them.")
    return find_node(tape, args.output), targets


def derivative_label(L: Node, name: str) -> str:
    """Return the label of a derivative of L in the output of a command."""
    return derivative_name(printable(L.name), printable(name))


def find_node(tape: Tape, name: str) -> Node:
    """Return a node by its name, or by its id."""
    return tape[int(name) if name.isdecimal() else name]


def last_scalar(tape: Tape) -> str:
    """Return the last scalar of a tape, as an id: most often the output."""
    return next((str(n.id) for n in reversed(list(tape)) if n.shape == ()), "0")


def node_facts(n: Node) -> dict[str, Any]:
    """Return the facts of a node that JSON shows."""
    return {
        "id": n.id,
        "name": n.name,
        "op": op_name(n.op),
        "operands": [o.id for o in n.operands],
        "dtype": str(n.dtype),
        "shape": n.shape,
    }


# Output


def print_answer(args: Namespace, answer: Callable[[], Any], lines: Iterable[object]) -> None:
    """Print an answer as JSON if the arguments ask for that, else as lines of text."""
    if args.json:
        print_json(answer())
    else:
        print(*lines, sep="\n")


def print_json(answer: Any) -> None:
    """Print an answer as JSON, in ASCII if the encoding of the output lacks a character."""
    text = json.dumps(answer, indent=2, ensure_ascii=False, allow_nan=False)
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(answer, indent=2, allow_nan=False)
    print(text)


def print_picture(text: str) -> None:
    """Print a picture, in UTF-8 unless the output is a terminal."""
    if hasattr(sys.stdout, "reconfigure") and not sys.stdout.isatty():
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    print(text)


def encode_array(g: Any) -> Any:
    """Return an array as nested lists for JSON.

    A complex array is a pair of its parts. Infinities and NaN are text: JSON has no such numbers.
    """
    if np.iscomplexobj(g):
        return [encode_array(np.real(g)), encode_array(np.imag(g))]
    a = np.asarray(g)
    return np.where(np.isfinite(a), a.astype(object), a.astype(str)).tolist()


def count_path_derivatives(L: Node, targets: list[Node]) -> int | None:
    """Return the number of local derivatives on all paths; None if there are too many paths."""
    steps = 0
    for number, path in enumerate(path for t in targets for path in paths(L, t)):
        if number == MAX_PATHS:
            return None
        steps += len(path)
    return steps


def largest_deviation(g: Any, h: Any) -> float:
    """Return the largest difference, relative to numbers above 1.

    It is infinite where only one of the two is infinite or NaN.
    """
    same = np.equal(g, h) | (np.isnan(g) & np.isnan(h))
    with np.errstate(invalid="ignore"):  # inf - inf is NaN
        off = np.abs(np.subtract(g, h)) / np.maximum(1.0, np.abs(h))
    return float(
        np.max(np.where(same, 0.0, np.nan_to_num(off, nan=np.inf, posinf=np.inf)), initial=0.0)
    )


def colour_transcript(text: str) -> str:
    """Return a transcript, in colour if the output has colours."""
    if not has_colours():
        return text
    return re.sub(r"([→←✗]) table\[.*?\]", lambda m: f"{ANSI_COLOURS[m[1]]}{m[0]}\x1b[0m", text)


def has_colours() -> bool:
    """Return whether the output shows colours.

    A terminal does. The variable NO_COLOR switches them off, and FORCE_COLOR on for any output.
    """
    if os.environ.get("NO_COLOR") or os.environ.get("FORCE_COLOR"):
        return not os.environ.get("NO_COLOR")
    return (
        sys.stdout is not None
        and sys.stdout.isatty()
        and os.name != "nt"
        and os.environ.get("TERM") != "dumb"
    )
