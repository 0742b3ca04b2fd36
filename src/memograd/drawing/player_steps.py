"""Steps of the player page: one for each event, with the chain rule in symbols and numbers."""

from collections.abc import Iterator
from typing import Any

from ..arrays.formatting import format_array, format_elements
from ..memory.memory import Memory
from ..memory.tables import Table
from ..solver.events import Event, write_lines
from ..solver.log import Log
from ..solver.recursion import conform_to_operand
from ..tape.node import Node
from ..text import derivative_name, op_name, printable

MAX_TERMS_SHOWN = 6
"""Number of terms of a sum that are shown."""

PlayerStep = dict[str, Any]
"""Step as JSON."""


def list_steps(L: Node, log: Log) -> tuple[list[PlayerStep], list[PlayerStep]]:
    """Return the steps of a log, and the rows of L's table before the first of them.

    Numbers are those that the table holds now. A step whose number was replaced later in the log
    shows none.
    """
    tape = L.tape
    with tape.lock:
        describer = StepDescriber(tape.state, tape.state.table(L.id), log.events)
        lines = write_lines(log.events, log.node_names, log.request_starts)
        steps = [
            describer.describe_event(when, e, *line)
            for when, (e, line) in enumerate(zip(log.events, lines, strict=True))
        ]
        held = sorted(nodes_held_before(L.id, log.events))
        return steps, [describer.table_row(n, -1) for n in held]


def nodes_held_before(output: int, events: list[Event]) -> set[int]:
    """Return the nodes with a cotangent in the table when the log began.

    The first event of such a node, other than a visit, is not a store.
    """
    first: dict[int, str] = {}
    for e in events:
        if e.output == output and e.kind not in ("visit", "local"):
            first.setdefault(e.node, e.kind)
    return {n for n, kind in first.items() if kind != "store"}


def format_sum(terms: list[str], count: int) -> str:
    """Return the terms of a sum that has `count` terms in all."""
    more = [f"… ({count - len(terms):,} more)"] if count > len(terms) else []
    return " + ".join(terms + more)


def bracket_negative(number: str) -> str:
    """Return a number as a factor: a negative one stands in brackets."""
    return f"({number})" if number.startswith("-") else number


class StepDescriber:
    """Description of the events of one table by the chain rule.

    Attributes
    ----------
    since : dict
        Node to the index of the event that dropped its cotangent last.
    """

    def __init__(self, memory: Memory, table: Table, events: list[Event]) -> None:
        self.memory, self.table = memory, table
        self.since = {
            e.node: number
            for number, e in enumerate(events)
            if e.output == table.output and e.kind == "drop"
        }

    def describe_event(self, when: int, e: Event, line: int, text: str) -> PlayerStep:
        """Return an event as a step.

        The line of the log loses its indent, which in a deep program outweighs the text.
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
        shown = self.table_row(e.node, when) if e.kind == "store" else {}
        value = self.value(e.node, when)
        return step | shown | {"rule": "".join(self.rule_text(when, e)), "value": value}

    def table_row(self, n: int, when: int) -> PlayerStep:
        """Return a row of the table as it was at an event."""
        value = self.value(n, when)
        elements = format_elements(self.table.cotangents[n]) if value else ""
        return {"node": n, "value": value} | ({"elements": elements} if elements else {})

    def rule_text(self, when: int, e: Event) -> Iterator[str]:
        """Yield the chain rule for an event, piece by piece."""
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
            uses = self.table.consumers(n)[::-1]
            yield f" = {self.products_text(uses, n)}"
            if e.kind == "store" and value:
                yield from self.sum_text(uses, n)
                yield f" = {value}"

    def products_text(self, uses: list[int], n: int) -> str:
        """Return the sum of products ∂L/∂c · ∂c/∂n in symbols."""
        products = [
            f"{self.derivative_label(self.table.output, c)} · {self.derivative_label(c, n)}"
            for c in uses[:MAX_TERMS_SHOWN]
        ]
        return format_sum(products, len(uses))

    def factor_text(self, c: int, n: int, when: int) -> str:
        """Return the rule that a local derivative comes from, and its value if it is a number."""
        positions = ", ".join(map(str, self.memory.pred[c][n]["argnums"]))
        op = op_name(self.memory.steps[c].op)
        text = f", the rule of {op} for operand {positions}"
        if self.value(n, when) and self.is_real_scalar(c, n):
            return f" = {self.slope_text(c, n)}{text}"
        return text

    def sum_text(self, uses: list[int], n: int) -> Iterator[str]:
        """Yield the terms of a sum in numbers, if they are known and say more than the sum."""
        cotangents, first = self.table.cotangents, uses[:MAX_TERMS_SHOWN]
        if not all(c in cotangents for c in first):
            return
        if all(self.is_real_scalar(c, n) for c in first):
            numbers = [(format_array(cotangents[c]), self.slope_text(c, n)) for c in first]
            terms = [" · ".join(map(bracket_negative, factors)) for factors in numbers]
            yield " = " + format_sum(terms, len(uses))
        elif len(uses) > 1 and not isinstance(self.memory.nodes[n]["dtype"], tuple):
            terms = [self.pull_term(c, n, cotangents[c]) for c in first]
            yield " = " + format_sum(terms, len(uses))

    def slope_text(self, c: int, n: int) -> str:
        """Return ∂c/∂n as a number, for scalars c and n."""
        return self.pull_term(c, n, self.memory.unit_seed(c))

    def is_real_scalar(self, c: int, n: int) -> bool:
        """Return whether ∂c/∂n is one real number."""
        nodes = self.memory.nodes
        return all(nodes[m]["shape"] == () and nodes[m]["dtype"].kind == "f" for m in (c, n))

    def pull_term(self, c: int, n: int, g: Any) -> str:
        """Return the term that consumer c adds to ∂L/∂n, in a few characters, given ∂L/∂c."""
        memory = self.memory
        rules = next(rules for consumer, rules in self.table.uses_of(n) if consumer == c)
        pulled = ((k, rule.pull(g, c, k, memory.steps, memory.value)) for k, rule in rules)
        return format_array(sum(conform_to_operand(d, memory, c, k, n) for k, d in pulled))

    def value(self, n: int, when: int) -> str:
        """Return ∂L/∂n in a few characters, if the table holds what it held at the event."""
        known = (
            n in self.table.cotangents
            and n not in self.table.marks
            and when >= self.since.get(n, -1)
        )
        return format_array(self.table.cotangents[n]) if known else ""

    def derivative_label(self, y: int, x: int) -> str:
        """Return the label of ∂y/∂x."""
        return derivative_name(self.name(y), self.name(x))

    def name(self, n: int) -> str:
        """Return the name of a node, in a few characters."""
        return printable(self.memory.nodes.name(n), 24)
