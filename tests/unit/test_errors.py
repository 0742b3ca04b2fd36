"""Every error: its type, what it says, and that the tape, its graph, values and tables are as before."""

from contextlib import contextmanager

import numpy as np
import pytest

import memograd as mg
import memograd.rules.special  # a sheet that comes in later would be seen as a change
from memograd import errors
from memograd.rules.registration import RULES
from memograd.text import describe, op_name, printable

BUILTINS = {
    errors.NoRuleError: NotImplementedError,
    errors.SparseError: NotImplementedError,
    errors.DisturbedError: RuntimeError,
    errors.RegistrationError: ValueError,
    errors.RuleShapeError: ValueError,
    errors.RefusedError: TypeError,
    errors.RefusedAttributeError: AttributeError,
    errors.RaggedListError: ValueError,
    errors.OtherTapeError: ValueError,
    errors.EndedError: RuntimeError,
    errors.BusyError: RuntimeError,
    errors.NotScalarError: ValueError,
    errors.NotDifferentiableError: TypeError,
    errors.NoPathError: ValueError,
    errors.IntegrationError: RuntimeError,
    errors.LoopError: ValueError,
    errors.BranchChangedError: RuntimeError,
    errors.AssignError: ValueError,
    errors.BudgetError: ValueError,
    errors.IntegerRangeError: OverflowError,
    errors.PlanError: ValueError,
    errors.ValueChangedError: ValueError,
    errors.NamingError: ValueError,
    errors.UnknownNodeError: KeyError,
    errors.ChunksError: NotImplementedError,
    errors.GraphError: ValueError,
    errors.CheckError: AssertionError,
    errors.ArchiveError: ValueError,
    errors.MissingLibraryError: ImportError,
}
"""Each kind of error, and the built-in that a caller would expect."""


@pytest.mark.parametrize("kind", BUILTINS, ids=lambda kind: kind.__name__)
def test_each_kind_is_one_of_ours_and_a_built_in(kind):
    assert issubclass(kind, mg.MemogradError) and issubclass(kind, BUILTINS[kind])


def test_no_kind_is_left_out():
    kinds = {
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, mg.MemogradError)
    }
    assert kinds == BUILTINS.keys() | {mg.MemogradError}


# ----------------------------------------------------------------------------------------------- before and afterwards


def state(tape):
    """All that a tape holds, piece by piece, so that two states can be compared by identity."""
    memory = tape.state
    flat = {
        ("node", n, key): value
        for n, node in tape.graph.nodes(data=True)
        for key, value in node.items()
    }
    flat |= {("edge", o, c): argnums for o, c, argnums in tape.graph.edges(data="argnums")}
    for what in ("values", "marks", "pending"):
        flat |= {(what, n): value for n, value in getattr(memory, what).items()}
    for output, table in memory.tables.items():
        flat |= {("cotangent", output, n): g for n, g in table.cotangents.items()}
        flat |= {("mark", output, n): mark for n, mark in table.marks.items()}
    flat |= {
        ("holder", n, id(t)): t
        for n, held in memory.index.of.items()
        for t in (held.values() if isinstance(held, dict) else [held])
    }
    flat |= {("name", name): n for name, n in tape._names.items()}
    return flat | {"next": tape.next_id, "rules": len(RULES)}


@contextmanager
def refused(tape, kind, *words):
    """Inside, an error of this kind is raised, says these words on one line, and leaves the tape as it was."""
    before = state(tape)
    with pytest.raises(kind) as caught:
        yield
    assert type(caught.value) is kind
    message = str(caught.value)
    for word in words:
        assert word in message
    message.encode()
    assert "\n" not in message and len(message) < 1000 and message.endswith((".", ")"))
    after = state(tape)
    assert before.keys() == after.keys()
    assert [
        key
        for key in before
        if before[key] is not after[key]
        and (type(before[key]) is not int or before[key] != after[key])
    ] == []


def at(node):
    """Where a node was made, as messages say it."""
    return "{}:{}".format(*node.tape.graph.nodes[node.id]["line"])


@pytest.fixture
def W(tape):
    return tape.leaf(np.ones((2, 2), np.float32), name="W")


@pytest.fixture
def L(x, W):
    """A loss that was asked for already: its table is full."""
    L = np.sum(np.tanh(W @ x)).named("L")
    mg.grad(L, [x, W])
    return L


def test_the_state_of_a_tape_sees_every_change(tape, x, L):
    """The comparison is able to fail."""
    seen = [state(tape)]
    x.value = [3.0, 4.0]
    seen.append(state(tape))
    mg.grad(L, x)
    seen.append(state(tape))
    np.sin(x).named("s")
    seen.append(state(tape))
    assert all(
        a.keys() != b.keys() or any(a[key] is not b[key] for key in a)
        for a, b in zip(seen, seen[1:], strict=False)
    )


# ------------------------------------------------------------------------------------------------------------- to record


class TestNoRule:
    def test_an_op_that_nobody_registered(self, tape, x, L):
        with refused(
            tape,
            errors.NoRuleError,
            "no rule for strange",
            "memograd.rule(strange, x=",
            "memograd.constant",
        ):
            x.tape.record(strange, (x,))

    def test_a_function_of_the_users_own(self, tape, x, L):
        @mg.op
        def wave(x):
            return np.sin(x)

        with refused(tape, errors.NoRuleError, "no rule for wave", "memograd.rule(wave"):
            wave(x)

    def test_a_keyword_that_no_line_names(self, tape, x, L):
        with refused(
            tape,
            errors.NoRuleError,
            "np.add was called with where=",
            "the rule names no keyword",
            "without it",
        ):
            np.add(x, 1.0, where=[True, False])

    def test_it_lists_the_keywords_that_the_rule_does_name(self, tape, x, L):
        with refused(
            tape, errors.NoRuleError, "scaled was called with twice=", "the rule names power"
        ):
            scaled(x, twice=True)


def strange(x):
    return x


@mg.op
def scaled(x, power=1, twice=False):
    return x**power * (2.0 if twice else 1.0)


mg.rule(scaled, x=lambda g, x, power=1: g * power * x ** (power - 1))


class TestRefused:
    @pytest.mark.parametrize(
        "what, use",
        [
            ("A truth value", bool),
            ("float()", float),
            ("int()", int),
            ("complex()", complex),
            ("An index", lambda s: [1, 2][s]),
            ("np.asarray()", np.asarray),
            (".item()", lambda s: s.item()),
            (".tolist()", lambda s: s.tolist()),
        ],
    )
    def test_what_would_freeze_a_value(self, tape, L, what, use):
        s = tape.leaf(1.0, name="s")
        with refused(
            tape,
            errors.RefusedError,
            f"{what}",
            "was asked of s (leaf, float64 (), ",
            at(s),
            "node.value",
            "np.where",
        ):
            use(s)

    def test_item_assignment(self, tape, x, L):
        with refused(
            tape,
            errors.RefusedError,
            "Items of x (leaf, float64 (2,), ",
            at(x),
            "never changes in place",
            "x.at[i].set(v)",
        ):
            x[0] = 1.0

    def test_out(self, tape, x, L):
        with refused(
            tape,
            errors.RefusedError,
            "np.sin was called with out=",
            "y = np.sin(…)",
            "x.at[i].set(v)",
        ):
            np.sin(x, out=np.zeros(2))

    def test_methods_of_ufuncs(self, tape, x, L):
        with refused(
            tape, errors.RefusedError, "np.add.at of a node is not recorded", "x.at[i].add(v)"
        ):
            np.add.at(x, 0, 1.0)

    def test_a_leaf_of_a_node(self, tape, x, L):
        with refused(
            tape, errors.RefusedError, "A leaf takes a value, but got x (leaf", "Give its .value"
        ):
            tape.leaf(x, name="y")

    @pytest.mark.pinned
    def test_a_node_in_a_keyword(self, tape, x, L):
        i = tape.leaf(0, name="i")
        with refused(
            tape,
            errors.RefusedError,
            "i (leaf, int64 (), ",
            "stands where memograd takes constants only",
            "Give its .value",
        ):
            np.sum(x, axis=(i,))

    def test_a_node_in_a_slice(self, tape, x, L):
        i = tape.leaf(0, name="i")
        with refused(tape, errors.RefusedError, "An index was asked of i"):
            x[i:]

    @pytest.mark.pinned
    def test_a_node_as_a_keyword(self, tape, x, L):
        i = tape.leaf(0, name="i")
        with refused(tape, errors.RefusedError, "i (leaf, int64 (), ", "constants only"):
            np.sum(x, axis=i)


class TestOtherTape:
    @pytest.fixture
    def stranger(self):
        return mg.Tape().leaf([1.0, 2.0], name="stranger")

    def test_recording(self, tape, x, L, stranger):
        with refused(
            tape,
            errors.OtherTapeError,
            "np.add met stranger (leaf, float64 (2,), ",
            at(stranger),
            "on one tape",
            ".value",
        ):
            x + stranger

    def test_asking(self, tape, x, L, stranger):
        with refused(
            tape,
            errors.OtherTapeError,
            "stranger (leaf",
            "is a node of another tape than L (np.sum, float64 (), ",
            at(L),
        ):
            mg.grad(L, [x, stranger])

    def test_assigning(self, tape, x, L, stranger):
        with refused(tape, errors.OtherTapeError, "met stranger (leaf", "a node of another tape"):
            tape.assign({x: [3.0, 4.0], stranger: [3.0, 4.0]})

    def test_a_log(self, tape, x, L, stranger):
        log = mg.Log()
        mg.grad(np.sum(stranger), stranger, log=log)
        with refused(
            tape,
            errors.OtherTapeError,
            "This log holds the events of another tape",
            "Give a new memograd.Log()",
        ):
            mg.grad(L, x, log=log)


class TestNumPysOwn:
    """Shapes that do not fit are NumPy's errors, at the line where they belong."""

    @pytest.mark.parametrize(
        "use, kind",
        [
            (lambda x: x + np.ones(3), ValueError),
            (lambda x: np.ones((3, 3)) @ x, ValueError),
            (lambda x: x.reshape(3), ValueError),
            (lambda x: np.concatenate([x, np.ones((1, 2))]), ValueError),
            (lambda x: x[5], IndexError),
            (lambda x: np.sum(x, axis=3), np.exceptions.AxisError),
            (lambda x: np.split(x, 3), ValueError),
            (lambda x: np.sum(x, sideways=1), TypeError),
        ],
    )
    def test_they_leave_the_tape_as_it_was(self, tape, x, L, use, kind):
        before = state(tape)
        with pytest.raises(kind):
            use(x)
        assert state(tape).keys() == before.keys()

    def test_an_exception_in_the_users_op_too(self, tape, x, L):
        failing = mg.op(lambda x: x / nothing())
        mg.constant(failing)

        def nothing():
            raise ZeroDivisionError

        before = state(tape)
        with pytest.raises(ZeroDivisionError):
            failing(x)
        assert state(tape).keys() == before.keys()


class TestLeaf:
    @pytest.mark.parametrize(
        "value, dtype",
        [("text", "<U4"), ([None, 1], "object"), (np.datetime64("2016-03-21"), "datetime64[D]")],
    )
    def test_what_is_no_number(self, tape, L, value, dtype):
        with refused(
            tape,
            errors.NotDifferentiableError,
            "A leaf holds numbers",
            f"of dtype {dtype}",
            "Give numbers",
        ):
            tape.leaf(value, name="y")

    def test_an_array_of_objects_meets_a_node(self, tape, x, L):
        with refused(
            tape,
            errors.NotDifferentiableError,
            "An array of dtype object met a node",
            "Convert it first",
        ):
            x + np.array([None, None])


class TestNaming:
    def test_a_name_that_is_taken(self, tape, x, L):
        with refused(
            tape,
            errors.NamingError,
            "x (leaf, float64 (2,), ",
            at(x),
            "has that name already",
            "Choose another",
        ):
            tape.leaf(1.0, name="x")

    def test_a_name_that_is_taken_for_a_node(self, tape, x, L):
        with refused(tape, errors.NamingError, "x (leaf", "has that name already"):
            L.named("x")

    def test_a_reserved_name(self, tape, L):
        with refused(
            tape,
            errors.NamingError,
            "Names such as v7 are kept for unnamed nodes",
            "Choose another",
        ):
            tape.leaf(1.0, name="v7")

    def test_no_name(self, tape, L):
        with refused(tape, errors.NamingError, "A name is a string with something in it, not 3"):
            L.named(3)

    def test_a_handle_whose_node_has_ended(self, tape, x, L):
        with tape.scratch():
            y = x * 2.0
        with refused(
            tape,
            errors.EndedError,
            f"Node {y.id} was recorded in a scratch block that has ended",
            "Record it again, outside",
        ):
            y.named("y")


# -------------------------------------------------------------------------------------------------------- to look things up


class TestUnknownNode:
    def test_a_name_with_near_ones(self, tape, x, L):
        tape.leaf(1.0, name="weights")
        with refused(
            tape,
            errors.UnknownNodeError,
            "This tape has no node named wieghts",
            "the nearest names are weights.",
        ):
            tape["wieghts"]

    def test_a_name_unlike_any(self, tape, L):
        with refused(tape, errors.UnknownNodeError, "no node named zzz; it has no similar name"):
            tape["zzz"]

    def test_a_name_in_other_letters_is_near(self, tape):
        tape.leaf(1.0, name="L")
        with refused(tape, errors.UnknownNodeError, "the nearest names are L."):
            tape["l"]

    def test_an_id(self, tape, L):
        with refused(
            tape,
            errors.UnknownNodeError,
            f"This tape has no node 99. It has {len(tape)} nodes, by id, name or handle",
        ):
            tape[99]

    def test_assigning_to_nobody(self, tape, x, L):
        with refused(tape, errors.UnknownNodeError, "no node named xx; the nearest names are x."):
            tape.assign({x: [3.0, 4.0], "xx": 1.0})

    def test_a_node_that_a_table_does_not_hold(self, tape, x, L):
        y = tape.leaf(1.0, name="y")
        with refused(
            tape,
            errors.UnknownNodeError,
            "The table of L holds no cotangent of y (leaf, float64 (), ",
            at(y),
            "memograd.grad",
        ):
            mg.table(L)[y]

    def test_the_message_is_no_repr_as_that_of_a_key_error_is(self):
        assert str(errors.UnknownNodeError("two words")) == "two words"


# ------------------------------------------------------------------------------------------------------------------ to ask


class TestAsking:
    def test_the_gradient_of_an_array(self, tape, x, L):
        y = np.sin(x).named("y")
        words = (
            "The gradient is that of a scalar, but L is y (np.sin, float64 (2,), ",
            at(y),
            "np.sum(L)",
        )
        with refused(tape, errors.NotScalarError, *words):
            mg.grad(y, x)
        with refused(tape, errors.NotScalarError, *words):
            mg.table(y)

    def test_the_gradient_of_a_number(self, tape, x, L):
        with refused(
            tape,
            errors.NotDifferentiableError,
            "L is 3.0, which depends on no leaf",
            "from leaves of a tape",
        ):
            mg.grad(3.0, x)

    @pytest.mark.pinned
    def test_the_gradient_of_an_integer(self, tape, x, L):
        k = np.argmax(x).named("k")
        with refused(
            tape,
            errors.NotDifferentiableError,
            "k (np.argmax, int64 (), ",
            at(k),
            "no derivative",
            "x.astype(float)",
        ):
            mg.grad(k, x)

    @pytest.mark.pinned
    def test_the_gradient_of_a_sum_of_integers_names_their_leaf(self, tape):
        n = tape.leaf([1, 2], name="n")
        total = np.sum(n * n)
        with refused(tape, errors.NotDifferentiableError, "computed from n (leaf, int64", at(n)):
            mg.grad(total, n)

    @pytest.mark.pinned
    def test_an_integer_target(self, tape, L):
        k = tape.leaf([1, 2], name="k")
        with refused(
            tape,
            errors.NotDifferentiableError,
            "k (leaf, int64 (2,), ",
            at(k),
            "no float and no complex",
            "a leaf of floats",
        ):
            mg.grad(L, k)

    def test_a_boolean_target(self, tape, x, L):
        mask = (x > 0).named("mask")
        with refused(
            tape, errors.NotDifferentiableError, "mask (np.greater, bool (2,), ", at(mask)
        ):
            mg.grad(L, [x, mask])

    def test_a_name_in_place_of_the_output(self, tape, x, L):
        with refused(tape, errors.NotDifferentiableError, "L is 'L', which is a name", "tape['L']"):
            mg.grad("L", x)

    @pytest.mark.parametrize("target", [None, "x", 0, np.ones(2), {1, 2}])
    def test_a_target_that_is_no_node(self, tape, L, target):
        with refused(
            tape,
            errors.NotDifferentiableError,
            "A target is a node, or a pytree of nodes, but got",
            "tape['x']" if isinstance(target, str) else "tape[name]",
        ):
            mg.grad(L, target)

    def test_one_wrong_target_among_many(self, tape, x, L):
        M = np.sum(np.sin(x))
        with refused(tape, errors.NotDifferentiableError, "but got 0.0"):
            mg.grad(M, {"x": x, "y": [None, 0.0]})

    def test_no_path(self, tape, x, L):
        y = tape.leaf(1.0, name="y")
        z = np.sin(np.cos(y)).named("z")
        words = (
            "from y (leaf, float64 (), ",
            at(y),
            "to L (np.sum, float64 (), ",
            at(L),
            "end in z.",
            "unconnected='zero' or 'none'",
        )
        with refused(tape, errors.NoPathError, *words):
            mg.grad(L, y, unconnected="raise")
        assert z.consumers == []

    def test_no_path_from_what_nobody_uses(self, tape, L):
        y = tape.leaf(1.0, name="y")
        with refused(tape, errors.NoPathError, "nothing uses it"):
            mg.grad(L, y, unconnected="raise")

    def test_a_rule_that_gives_another_shape(self, tape, x, L):
        wrong = mg.op(lambda x: np.sum(x * x))
        mg.rule(wrong, x=lambda g, x: np.ones(3))
        y = wrong(x).named("y")
        mg.grad(y, y)
        words = (
            "rule of <lambda> for operand 0",
            "of shape (3,)",
            "x (leaf, float64 (2,), ",
            at(x),
            "at y (<lambda>",
            at(y),
        )
        with refused(tape, errors.RuleShapeError, *words):
            mg.grad(y, x)

    def test_a_linear_rule_is_not_summed_over_broadcast_axes(self, tape, x, L):
        wrong = mg.op(lambda x: np.sum(x))
        mg.linear(wrong, x=lambda g: g * np.ones((3, 2)))
        y = wrong(x)
        mg.grad(y, y)
        with refused(tape, errors.RuleShapeError, "of shape (3, 2)", "Fix that VJP rule"):
            mg.grad(y, x)


class TestEnded:
    @pytest.mark.parametrize(
        "use",
        [
            lambda L, y: y.value,
            lambda L, y: y * 2.0,
            lambda L, y: mg.grad(L, y),
            lambda L, y: mg.grad(y, L),
            lambda L, y: L.tape.assign({y: 1.0}),
            lambda L, y: L.tape[y],
        ],
    )
    def test_each_use_of_an_old_handle(self, tape, x, L, use):
        with tape.scratch():
            y = np.sum(x)
        with refused(
            tape,
            errors.EndedError,
            f"Node {y.id} was recorded in a scratch block that has ended",
            "Record it again, outside",
        ):
            use(L, y)


class TestBusy:
    """While a request runs, its thread may ask and record, but not change the tape."""

    @pytest.fixture
    def meddling(self):
        """An op and a list: what stands in it is called from the op, or from the op's rule."""
        in_op, in_rule = [], []
        op = mg.op(lambda x: [act() for act in in_op] and x or x * 1.0)
        mg.linear(op, x=lambda g: [act() for act in in_rule] and g or g)
        return op, in_op, in_rule

    def test_assigning_from_a_rule(self, tape, x, L, meddling):
        op, _, in_rule = meddling
        in_rule.append(lambda: tape.assign({x: [3.0, 4.0]}))
        M = op(L)
        mg.grad(M, M)
        with refused(
            tape,
            errors.BusyError,
            "assign came in the middle of a request on this tape",
            "Do it before or after",
        ):
            mg.grad(M, L)
        assert x.value.tolist() == [1.0, 2.0]

    def test_assigning_from_an_op_that_is_run_again(self, tape, x, L, meddling):
        op, in_op, _ = meddling
        M = np.square(op(np.sum(x))).named("M")
        mg.grad(M, x)
        x.value = [3.0, 4.0]
        in_op.append(lambda: setattr(x, "value", [0.0, 0.0]))
        with pytest.raises(errors.BusyError, match="assign came in the middle of a request"):
            mg.grad(M, x)
        in_op.clear()
        assert mg.grad(M, x).tolist() == [14.0, 14.0]

    def test_recording_and_asking_are_allowed(self, tape, x, L, meddling):
        op, _, in_rule = meddling
        got = []
        M = np.sin(op(np.sum(x)))
        in_rule.append(lambda: got.append(mg.grad(np.sum(x * x), x).tolist()))
        assert mg.grad(M, x).tolist() == pytest.approx([np.cos(3.0)] * 2, rel=1e-14)
        assert got == [[2.0, 4.0]]

    def test_the_tape_is_idle_again_after_a_failed_request(self, tape, x, L, meddling):
        op, _, in_rule = meddling
        M = np.sin(op(np.sum(x)))
        in_rule.append(lambda: tape.assign({x: [3.0, 4.0]}))
        with pytest.raises(errors.BusyError):
            mg.grad(M, x)
        in_rule.clear()
        x.value = [0.0, 0.0]
        assert mg.grad(M, x).tolist() == [1.0, 1.0]

    def test_another_tape_may_be_changed(self, tape, x, L, meddling):
        op, _, in_rule = meddling
        other = mg.Tape().leaf(1.0)
        M = np.sin(op(np.sum(x)))
        in_rule.append(lambda: setattr(other, "value", 2.0))
        mg.grad(M, x)
        assert other.value == 2.0


# --------------------------------------------------------------------------------------------------------------- to assign


class TestAssigning:
    def test_to_what_is_computed(self, tape, x, L):
        with refused(
            tape,
            errors.AssignError,
            "L (np.sum, float64 (), ",
            at(L),
            "is computed; only leaves can be assigned",
        ):
            L.value = 1.0

    def test_another_shape(self, tape, x, L):
        words = (
            "x (leaf, float64 (2,), ",
            at(x),
            "was assigned a value of shape (3,)",
            "of shape (2,), or record anew",
        )
        with refused(tape, errors.AssignError, *words):
            x.value = [1.0, 2.0, 3.0]

    def test_a_shape_that_would_broadcast(self, tape, x, L):
        with refused(tape, errors.AssignError, "of shape ()"):
            x.value = 1.0

    @pytest.mark.parametrize(
        "value, dtype", [([1j, 2j], "complex128"), (["a", "b"], "<U1"), ([None, 1.0], "object")]
    )
    def test_another_kind_of_dtype(self, tape, x, L, value, dtype):
        words = (
            "x (leaf, float64 (2,), ",
            f"was assigned {dtype}, another kind of dtype",
            "np.astype(value, np.float64)",
        )
        with refused(tape, errors.AssignError, *words):
            x.value = value

    @pytest.mark.pinned
    def test_floats_to_an_integer_leaf(self, tape, L):
        k = tape.leaf(1, name="k")
        with refused(tape, errors.AssignError, "k (leaf, int64 (), ", "was assigned float64"):
            k.value = 1.5

    @pytest.mark.parametrize(
        "value, beyond",
        [([1, 300], 300), ([-129, 300], -129), (np.array([1, 2**63], np.uint64), 2**63)],
    )
    def test_integers_that_do_not_fit(self, tape, L, value, beyond):
        k = tape.leaf(np.array([1, 2], np.int8 if beyond < 2**63 else np.int64), name="k")
        with refused(
            tape,
            errors.IntegerRangeError,
            "k (leaf, int",
            f"was assigned {beyond}, which int",
            "does not hold",
        ):
            k.value = value
        assert k.value.tolist() == [1, 2]
        k.value = np.array([127, -128])
        assert k.value.tolist() == [127, -128]

    def test_integers_that_do_not_fit_in_place(self, tape, L):
        k, wide = tape.leaf(np.array([1, 2], np.int8), name="k"), tape.leaf(300, name="wide")
        for v in (300, [300], np.int64(300), wide):
            with refused(
                tape,
                errors.IntegerRangeError,
                "x.at[i].set(v) was given 300, which the int8 of x does not hold",
            ):
                k.at[:1].set(v)
        changed = k.at[0].set(-128).at[1].set(tape.leaf(3))
        assert changed.value.tolist() == [-128, 3] and changed.dtype == np.int8

    def test_integers_that_do_not_fit_into_a_plan(self, tape):
        k = tape.leaf(np.array([1, 2], np.int8), name="k")
        replayed = mg.plan(k * k, [k])
        for call in (lambda: replayed([300, 2]), lambda: replayed.map([[1, 2], [300, 2]])):
            with refused(
                tape,
                errors.IntegerRangeError,
                "Input k of a plan was given 300, which int8 does not hold",
            ):
                call()
        assert replayed([3, 2]).tolist() == [9, 4]

    def test_a_node(self, tape, x, L):
        with refused(
            tape, errors.AssignError, "x (leaf", "was assigned a node. Give its value: x.value"
        ):
            x.value = x

    def test_one_that_is_wrong_spoils_all(self, tape, x, W, L):
        with refused(tape, errors.AssignError, "W (leaf, float32 (2, 2), ", at(W)):
            tape.assign({x: [3.0, 4.0], W: [1.0]})
        assert x.value.tolist() == [1.0, 2.0]

    def test_a_value_that_came_back_with_another_shape(self, tape, x, L):
        positive = x[x > 1.0].named("positive")
        x.value = [2.0, 3.0]
        with pytest.raises(errors.ValueChangedError) as caught:
            positive.value  # noqa: B018
        words = (
            "positive (masked, float64 (1,), ",
            at(positive),
            "came back as float64 (2,)",
            "after an assignment",
            "np.where",
        )
        assert all(word in str(caught.value) for word in words)
        x.value = [0.0, 5.0]
        assert positive.value.tolist() == [5.0]


# ------------------------------------------------------------------------------------------------------------ odd names


ODD = [
    "<script>&'\"",
    "two\nlines\r\n",
    "x" * 10_000,
    "\ud800\udfff",
    "\x00\x1b[31m",
    "\u2028",
    "{0} %s",
]


@pytest.mark.parametrize("name", ODD, ids=map(ascii, range(len(ODD))))
def test_odd_names_do_not_break_the_messages(tape, L, name):
    y = tape.leaf(1.0, name=name)
    z = np.stack([y, y]).named(f"{name}z")
    with refused(tape, errors.RefusedError):
        bool(y)
    with refused(tape, errors.NotScalarError):
        mg.grad(z, y)
    with refused(tape, errors.NoPathError):
        mg.grad(L, y, unconnected="raise")
    with refused(tape, errors.AssignError):
        y.value = [1.0]
    with refused(tape, errors.NamingError):
        z.named(name)
    with refused(tape, errors.UnknownNodeError):
        tape[f"{name}?"]
    for shown in (repr(y), repr(z)):
        assert "\n" not in shown and len(shown.encode()) < 700


class TestPrintable:
    def test_a_plain_name_is_itself(self):
        assert printable("∂L/∂x of <b> é") == "∂L/∂x of <b> é"

    def test_what_does_not_print_is_escaped(self):
        assert printable("a\nb\t\ud800\u2028\x1b") == r"a\nb\t\ud800\u2028\x1b"

    def test_a_long_name_keeps_its_beginning_and_its_end(self):
        shown = printable("a" * 100 + "z" * 100)
        assert len(shown) == 60 and shown == "a" * 39 + "…" + "z" * 20


class TestNamesOfOps:
    @pytest.mark.parametrize(
        "op, name",
        [(np.sin, "np.sin"), (np.sum, "np.sum"), (np.linalg.inv, "np.linalg.inv"), (len, "len")],
    )
    def test_they_are_as_users_write_them(self, op, name):
        assert op_name(op) == name

    def test_an_object_without_a_name_shows_itself(self):
        assert op_name(3) == "3"


def test_a_node_is_described_by_name_op_dtype_shape_and_line(tape, x):
    y = np.sin(x)
    assert describe(tape.graph.nodes[y.id]) == f"v1 (np.sin, float64 (2,), {at(y)})"
