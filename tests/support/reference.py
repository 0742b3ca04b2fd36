"""The naive recursion: the specification that the solver is held to, line by line of the log and bit by bit of the table."""

import inspect

import numpy as np

from memograd.program.steps import Operand
from memograd.rules.registration import RULES


def naive(L, targets):
    """The table and the log's lines of requests for `targets`, one after the other, on a tape where nothing was asked yet."""
    tape, lines, table = L.tape, [], {}
    nodes, succ = tape.graph.nodes, tape.graph.succ
    leads = leading(L)

    def derivative(n, depth):
        label = f"{4 * depth * ' '}∂{name(L.id)}/∂{name(n)}"
        if n == L.id:
            return L.dtype.type(1)
        if n in table:
            lines.append(f"{label} ← table[{name(n)}]")
            return table[n]
        lines.append(f"{label} → table[{name(n)}]")
        uses = []
        for c in sorted(c for c in succ[n] if c in leads and counts(n, c)):
            if c != L.id:
                lines.append(f"{4 * (depth + 1) * ' '}∂{name(c)}/∂{name(n)}")
            g = derivative(c, depth + 1)
            counting = [k for k in succ[n][c]["argnums"] if line_of(nodes[c]["op"], k)]
            uses.insert(0, [pulled(tape, c, k, g, n) for k in counting])
        terms = [term for use in uses for term in use]
        if isinstance(nodes[n]["dtype"], tuple):
            table[n] = tuple(
                sum_of([term[j] for term in terms]) for j in range(len(nodes[n]["dtype"]))
            )
        else:
            table[n] = sum_of(terms)
        return table[n]

    def name(n):
        return nodes[n]["name"]

    def counts(n, c):
        return inexact(nodes[n]["dtype"]) and any(
            line_of(nodes[c]["op"], k) for k in succ[n][c]["argnums"]
        )

    for t in targets:
        if t.id in leads and t.id != L.id:
            derivative(t.id, 0)
    return table, lines


def leading(L):
    """The nodes from which counting uses lead to L, with L: walked from above, by brute force."""
    nodes, pred = L.tape.graph.nodes, L.tape.graph.pred
    leads = {L.id}
    for n in sorted(nodes, reverse=True):
        if n in leads:
            for o in pred[n]:
                if inexact(nodes[o]["dtype"]) and any(
                    line_of(nodes[n]["op"], k) for k in pred[n][o]["argnums"]
                ):
                    leads.add(o)
    return leads


def inexact(dtype):
    return (
        any(map(inexact, dtype)) if isinstance(dtype, tuple) else np.issubdtype(dtype, np.inexact)
    )


def line_of(op, k):
    rule = RULES[op]
    return rule.pulls.each or rule.pulls.of.get(k)


def pulled(tape, c, k, g, n):
    """One use's part of ∂L/∂n, the line called by its parameters' names."""
    node, rule = tape.graph.nodes[c], RULES[tape.graph.nodes[c]["op"]]
    args = [tape[int(a)].value if isinstance(a, Operand) else a for a in node["args"]]
    if rule.pulls.each:
        known = {"k": k, "xs": args, "xs_shape": [np.shape(a) for a in args]}
    else:
        known = dict(zip(rule.operands, args, strict=False))
        known |= {f"{name}_shape": tape.graph.nodes[a]["shape"] if isinstance(a, Operand) else np.shape(a)
                  for name, a in zip(rule.operands, node["args"], strict=False)}  # fmt: skip
        known |= {f"{name}_dtype": tape.graph.nodes[a]["dtype"] for name, a in zip(rule.operands, node["args"], strict=False)
                  if isinstance(a, Operand)}  # fmt: skip
    known |= {"y": tape[c].value, **node["kwargs"]}
    fn = line_of(node["op"], k).fn
    positional, rest = [], ()
    for p in list(inspect.signature(fn).parameters.values())[1:]:
        if p.kind is p.VAR_POSITIONAL:
            rest = args[len(rule.operands) :]
        else:
            positional.append(known.get(p.name, p.default))
    return fitted(fn(g, *positional, *rest), tape.graph.nodes[n])


def fitted(d, node):
    if isinstance(d, tuple):
        return d
    lead = np.ndim(d) - len(node["shape"])
    axes = [
        axis
        for axis in range(np.ndim(d))
        if axis < lead or (node["shape"][axis - lead] == 1 != np.shape(d)[axis])
    ]
    if axes:
        d = np.sum(d, axis=tuple(axes)).reshape(node["shape"])
    d = np.real(d) if not np.issubdtype(node["dtype"], np.complexfloating) else d
    return np.asarray(d, dtype=node["dtype"])[()]


def sum_of(terms):
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total
