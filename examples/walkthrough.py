"""A walk through a graph of thirteen nodes: three requests, seven of the nodes visited.

The graph is that of section 13 of M. Tomassoli, "Calculus and Backpropagation" (2016),
https://github.com/mtomassoli/papers/blob/master/backprop.pdf

Shows, on the graph with real arrays and functions that `memograd.cli.walkthrough` builds, the transcript of what ∂L/∂W1, ∂L/∂W2
and ∂L/∂W3 needed, the table that is left, and the nodes that no request touched, with the reason.
"""

import networkx as nx

import memograd as mg
from memograd.cli.walkthrough import TARGETS, section_13

TRANSCRIPT = """\
∂L/∂W1 → table[W1]
    ∂g/∂W1
    ∂L/∂g → table[g]
∂L/∂W2 → table[W2]
    ∂c/∂W2
    ∂L/∂c → table[c]
        ∂b/∂c
        ∂L/∂b → table[b]
∂L/∂W3 → table[W3]
    ∂e/∂W3
    ∂L/∂e → table[e]
        ∂c/∂e
        ∂L/∂c ← table[c]"""


def untouched(tape: mg.Tape, log: mg.Log) -> tuple[list[str], list[str]]:
    """The nodes that no request visited: those that do not lead to L, and those that do."""
    ancestors = nx.ancestors(tape.graph, tape["L"].id)
    rest = [node for node in tape if node.name not in {*log.visited, "L"}]
    leading = [node.name for node in rest if node.id in ancestors]
    return [node.name for node in rest if node.name not in leading], sorted(leading)


def main() -> None:
    tape = section_13()
    L, log = tape["L"], mg.Log()
    for name in TARGETS:
        mg.grad(L, tape[name], log=log)
    astray, unasked = untouched(tape, log)

    print(f"{len(tape)} nodes, {tape.graph.number_of_edges()} arrows; asked for: W1, W2, W3\n")
    print(log)
    print("\nvisited:      ", *log.visited)
    print("never touched:", *astray, " (no way to L)")
    print("              ", *unasked, "   (a way to L, but not from W1, W2 or W3)")
    print(f"\nthe table of L:\n{mg.table(L)}")

    assert (len(tape), tape.graph.number_of_edges()) == (13, 13)
    assert str(log) == TRANSCRIPT
    assert log.visited == ["W1", "g", "W2", "c", "b", "W3", "e"]
    assert log.stored == ["g", "W1", "b", "c", "W2", "e", "W3"]
    assert (astray, unasked) == (["h", "j", "k"], ["f", "p"])


if __name__ == "__main__":
    main()
