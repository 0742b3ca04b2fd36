"""What a page plays: one step an event, with what it writes into the transcript, the chain rule's
line, and its numbers.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..arrays.dask_arrays import describe_chunks, is_dask_array
from ..memory.memory import Memory
from ..memory.tables import Table, consumers, uses_of
from ..solver.events import Event, write_lines
from ..solver.log import Log
from ..solver.recursion import conform_to_operand
from ..tape.node import Node
from ..text import derivative_name, op_name, printable

MAX_ELEMENTS_SHOWN = 4
"""Elements of an array that are shown each; of a larger one, its shape and its largest element."""

MAX_TERMS_SHOWN = 6
"""Terms of a sum that are shown each; of a longer one, the first."""

PlayerStep = dict[str, Any]


def list_steps(L: Node, log: Log) -> tuple[list[PlayerStep], list[PlayerStep]]:
    """Return the steps of a log, and what the table of L held before the first of them.

    Numbers are those that the table holds now: a step whose number was replaced later in the log
    shows none.
    """
    tape = L.tape
    with tape.lock:
        told = StepDescriber(tape.state, tape.state.table(L.id), log.events)
        lines = write_lines(log.events, log.node_names, log.request_starts)
        played = [
            told.describe_event(when, e, *line)
            for when, (e, line) in enumerate(zip(log.events, lines, strict=True))
        ]
        return played, [told.table_row(n, -1) for n in sorted(nodes_held_before(L.id, log.events))]


def nodes_held_before(output: int, events: list[Event]) -> set[int]:
    """Return the nodes whose cotangents were in the table when the log began: the first that is
    told of them is no store.
    """
    first: dict[int, str] = {}
    for e in events:
        if e.output == output and e.kind not in ("visit", "local"):
            first.setdefault(e.node, e.kind)
    return {n for n, kind in first.items() if kind != "store"}


def format_number(g: Any) -> str:
    """Return a cotangent in a few characters."""
    if isinstance(g, tuple):
        return "; ".join(map(format_number, g))
    if is_dask_array(g):
        return describe_chunks(g)
    if g.size <= MAX_ELEMENTS_SHOWN:
        return np.array2string(
            np.asarray(g), formatter={"all": lambda value: f"{value:.4g}"}, separator=", "
        ).replace("\n", "")
    return f"{g.shape}, |max| {np.max(np.abs(g)):.3g}"


def format_sum(terms: list[str], count: int) -> str:
    """Return the first terms of a sum of so many."""
    more = [f"… ({count - len(terms):,} more)"] if count > len(terms) else []
    return " + ".join(terms + more)


class StepDescriber:
    """Tells the events of one output's table in the words of the chain rule."""

    def __init__(self, memory: Memory, table: Table, events: list[Event]) -> None:
        self.memory, self.table = memory, table
        self.since = {
            e.node: number
            for number, e in enumerate(events)
            if e.output == table.output and e.kind == "drop"
        }

    def describe_event(self, when: int, e: Event, line: int, text: str) -> PlayerStep:
        """Return an event as a step.

        Its line comes without the indent, which in a deep program is longer than all the rest.
        """
        text = text.replace("\n" + 4 * e.depth * " ", "\n").strip()
        step: PlayerStep = {
            "kind": e.kind,
            "node": e.node,
            "depth": e.depth,
            "line": line,
            "text": text,
        }
        if e.consumer is not None:
            step["consumer"] = e.consumer
        if e.output != self.table.output:
            return step | {
                "node": -1,
                "rule": f"a request for derivatives of {self.name(e.output)}",
            }
        return step | {"rule": "".join(self.rule_text(when, e)), "value": self.value(e.node, when)}

    def table_row(self, n: int, when: int) -> PlayerStep:
        """Return a row of the table, as it was at an event."""
        return {"node": n, "value": self.value(n, when)}

    def rule_text(self, when: int, e: Event) -> Iterator[str]:
        """Yield the chain rule's line of an event, piece by piece."""
        n, value = e.node, self.value(e.node, when)
        if e.kind == "local" and e.consumer is not None:
            yield self.derivative_label(e.consumer, n)
            yield self.factor_text(e.consumer, n, when)
            return
        yield self.derivative_label(self.table.output, n)
        if e.kind == "drop":
            yield " was found wrong: something that it read has changed"
        elif e.kind == "read":
            yield f" = {value}, already known" if value else " is already known"
        else:
            above = consumers(self.table, n)[::-1]
            yield " = " + format_sum(
                [
                    f"{self.derivative_label(self.table.output, c)} · {self.derivative_label(c, n)}"
                    for c in above[:MAX_TERMS_SHOWN]
                ],
                len(above),
            )
            if e.kind == "store" and value:
                yield from self.sum_text(above, n)
                yield f" = {value}"

    def factor_text(self, c: int, n: int, when: int) -> str:
        """Return which rule a local derivative comes from, and the number that it is where it is
        one.
        """
        positions = self.memory.pred[c][n]["argnums"]
        text = (
            f", the rule of {op_name(self.memory.steps[c].op)} for operand "
            f"{', '.join(map(str, positions))}"
        )
        known = self.value(n, when) and self.is_real_scalar(c, n)
        return f" = {self.pull_term(c, n, self.memory.unit_seed(c))}{text}" if known else text

    def sum_text(self, above: list[int], n: int) -> Iterator[str]:
        """Yield the terms of a sum in numbers, where they are at hand and say more than the sum."""
        cotangents, first = self.table.cotangents, above[:MAX_TERMS_SHOWN]
        if not all(c in cotangents for c in first):
            return
        if all(self.is_real_scalar(c, n) for c in first):
            products = [
                f"{format_number(cotangents[c])} · {self.pull_term(c, n, self.memory.unit_seed(c))}"
                for c in first
            ]
            yield " = " + format_sum(products, len(above))
        elif len(above) > 1 and not isinstance(self.memory.nodes[n]["dtype"], tuple):
            yield " = " + format_sum(
                [self.pull_term(c, n, cotangents[c]) for c in first], len(above)
            )

    def is_real_scalar(self, c: int, n: int) -> bool:
        """Return whether a local derivative is one real number."""
        nodes = self.memory.nodes
        return all(nodes[m]["shape"] == () and nodes[m]["dtype"].kind == "f" for m in (c, n))

    def pull_term(self, c: int, n: int, g: Any) -> str:
        """Return what consumer c gives to n for the cotangent g, as a number."""
        memory = self.memory
        lines = next(lines for consumer, lines in uses_of(self.table, n) if consumer == c)
        return format_number(
            sum(
                conform_to_operand(line.pull(g, c, k, memory.steps, memory.value), memory, c, k, n)
                for k, line in lines
            )
        )

    def value(self, n: int, when: int) -> str:
        """∂L/∂n as the table holds it, if it does, and held the same at that event."""
        known = (
            n in self.table.cotangents
            and n not in self.table.marks
            and when >= self.since.get(n, -1)
        )
        return format_number(self.table.cotangents[n]) if known else ""

    def derivative_label(self, above: int, below: int) -> str:
        """∂above/∂below."""
        return derivative_name(self.name(above), self.name(below))

    def name(self, n: int) -> str:
        """Return a node's name."""
        return printable(self.memory.nodes.name(n), 24)
