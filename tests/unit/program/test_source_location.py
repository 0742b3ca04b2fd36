"""Every node knows the line of the user's code that made it."""

import gc
import sys

import networkx as nx
import numpy as np
import pytest

import memograd as mg
from memograd.program import source_location


def here():
    """The line that calls this function."""
    return sys._getframe(1).f_lineno


def line(node):
    """The number of the line that a node was made on; the file has to be this one."""
    file, number = node.tape.graph.nodes[node.id]["line"]
    assert file == __file__
    return number


@pytest.fixture
def x():
    return mg.Tape().leaf(np.ones((2, 2)))


WAYS = {
    "an operator": lambda x: (x + 1, here()),
    "a reflected operator": lambda x: (1 - x, here()),
    "an array on the left": lambda x: (np.ones(2) * x, here()),
    "a comparison": lambda x: (x < 2, here()),
    "a ufunc": lambda x: (np.sin(x), here()),
    "a function": lambda x: (np.sum(x), here()),
    "a function with keywords": lambda x: (np.sum(x, axis=0), here()),
    "a function of a list": lambda x: (np.concatenate([x, x]), here()),
    "a method": lambda x: (x.mean(axis=0), here()),
    "a method of its own": lambda x: (x.reshape(4), here()),
    "a property": lambda x: (x.T, here()),
    "a property that calls a method": lambda x: (x.mT, here()),
    "an index": lambda x: (x[0], here()),
    "iteration": lambda x: (list(x)[1], here()),
    "an output": lambda x: (np.split(x, 2)[1], here()),
    "a name": lambda x: (np.cos(x).named("y"), here()),
    "a leaf": lambda x: (x.tape.leaf(1.0), here()),
    "the builtin sum": lambda x: (sum([x, x]), here()),
    "map": lambda x: (next(map(np.sin, [x])), here()),
}


@pytest.mark.parametrize("way", WAYS)
def test_the_line_is_the_users(x, way):
    node, number = WAYS[way](x)
    assert line(node) == number


def test_an_op_of_the_users_own_bears_the_line_of_its_call(x):
    tripled = mg.op(lambda x: 3.0 * x)
    mg.elementwise(tripled, x=lambda g: 3.0 * g)
    assert line(tripled(x)) == here()


def test_each_part_of_a_long_expression_bears_its_own_line(x):
    y = np.exp(
        x
        + np.sin(
            x,
        ),
    )
    first = here() - 6
    added = y.operands[0]
    sine = next(node for node in added.operands if node.op is np.sin)
    assert [line(y), line(added), line(sine)] == [first, first + 1, first + 2]


def test_every_round_of_a_loop_bears_the_same_line(x):
    made = []
    for _ in range(3):
        made.append(np.sin(x))
    assert {line(node) for node in made} == {here() - 1}


def test_two_lines_of_one_function_are_told_apart(x):
    y = x * 2
    z = y * 2
    assert line(z) - line(y) == 1


def test_augmented_assignment_bears_its_own_line(x):
    y = x
    y += 1
    assert line(y) == here() - 1


def test_the_line_of_a_hand_written_program_is_that_of_its_reading():
    G = nx.DiGraph()
    G.add_node("x", value=1.0)
    tape = mg.Tape.from_digraph(G)
    assert line(tape["x"]) == here() - 1


def test_code_without_a_file_has_its_own_name(x):
    made = {}
    exec(compile("\n\ny = x * 2", "<typed>", "exec"), {"x": x}, made)
    assert x.tape.graph.nodes[made["y"].id]["line"] == ("<typed>", 3)


def test_code_that_is_gone_leaves_nothing_behind(x):
    gc.collect()
    before = len(source_location.TABLES)
    for _ in range(3):
        exec(compile("y = x * 2", "<typed>", "exec"), {"x": x})
    gc.collect()
    assert len(source_location.TABLES) == len(source_location.CODES) <= before + 1


def test_nobody_at_all_is_no_line():
    assert source_location.location_of(None) is None
