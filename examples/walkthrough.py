"""The walkthrough of section 13: thirteen nodes, three requests, seven of the nodes visited.

Shows the graph with real arrays and functions, the transcript of what ∂L/∂W1, ∂L/∂W2 and ∂L/∂W3 needed, the table that
is left, and the nodes that no request touched, with the reason.
"""

import networkx as nx
import numpy as np

import memograd as mg

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


def build(seed: int = 13) -> mg.Tape:
    """The graph of section 13: each arrow of the tutorial's picture is one edge of the tape."""
    rng = np.random.default_rng(seed)
    tape = mg.Tape()
    W1 = tape.leaf(rng.normal(size=3), name="W1")
    W2 = tape.leaf(rng.normal(size=(3, 4)), name="W2")
    W3 = tape.leaf(rng.normal(size=4), name="W3")
    p = tape.leaf(rng.normal(size=3), name="p")
    g = np.tanh(W1).named("g")
    h = np.exp(W1).named("h")
    j = np.sum(W2, axis=1).named("j")
    np.multiply(h, j).named("k")
    e = np.sin(W3).named("e")
    c = np.matmul(W2, e).named("c")
    f = np.cos(p).named("f")
    b = np.multiply(c, f).named("b")
    np.dot(g, b).named("L")
    return tape


def untouched(tape: mg.Tape, log: mg.Log) -> tuple[list[str], list[str]]:
    """The nodes that no request visited: those that do not lead to L, and those that do."""
    ancestors = nx.ancestors(tape.graph, tape["L"].id)
    rest = [node for node in tape if node.name not in {*log.visited, "L"}]
    leading = [node.name for node in rest if node.id in ancestors]
    return [node.name for node in rest if node.name not in leading], sorted(leading)


def main() -> None:
    tape = build()
    L, log = tape["L"], mg.Log()
    for name in ("W1", "W2", "W3"):
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
