"""The handle behaves like the array that it stands for, and records what is done to it."""

import copy
import operator
import pickle
import threading

import numpy as np
import pytest

import memograd as mg
from memograd.errors import RefusedAttributeError, RefusedError
from memograd.tape.node import Node

A = np.array([[1.5, -2.0, 0.5], [3.0, 0.25, -1.0]])
B = np.array([2.0, -1.0, 4.0])
I = np.array([[6, 3, 5], [1, 0, 7]])  # noqa: E741
S = np.arange(9.0).reshape(3, 3) - 3.5


@pytest.fixture
def tape():
    return mg.Tape()


def recorded(f, *arrays):
    """f of leaves, after a look at whether it is one node more, or more."""
    tape = mg.Tape()
    node = f(*(tape.leaf(a) for a in arrays))
    assert type(node) is Node and node.tape is tape
    return node


BINARY = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "truediv": operator.truediv,
    "floordiv": operator.floordiv,
    "mod": operator.mod,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
    "eq": operator.eq,
    "ne": operator.ne,
}


class TestOperators:
    @pytest.mark.parametrize("name", BINARY)
    def test_node_and_node(self, name):
        f = BINARY[name]
        np.testing.assert_array_equal(recorded(f, A, B).value, f(A, B))

    @pytest.mark.parametrize("name", BINARY)
    def test_node_and_array(self, name):
        f = BINARY[name]
        np.testing.assert_array_equal(recorded(lambda a: f(a, B), A).value, f(A, B))

    @pytest.mark.parametrize("name", BINARY)
    def test_array_and_node(self, name):
        f = BINARY[name]
        np.testing.assert_array_equal(recorded(lambda b: f(A, b), B).value, f(A, B))

    @pytest.mark.parametrize("name", BINARY)
    def test_number_and_node(self, name):
        f = BINARY[name]
        np.testing.assert_array_equal(recorded(lambda b: f(2.0, b), B).value, f(2.0, B))

    @pytest.mark.parametrize("f", [operator.and_, operator.or_, operator.xor])
    def test_bits(self, f):
        np.testing.assert_array_equal(recorded(f, I, I + 1).value, f(I, I + 1))
        np.testing.assert_array_equal(recorded(lambda i: f(3, i), I).value, f(3, I))

    @pytest.mark.parametrize("f", [operator.neg, operator.pos, operator.abs])
    def test_signs(self, f):
        np.testing.assert_array_equal(recorded(f, A).value, f(A))

    def test_inversion_of_a_mask(self):
        np.testing.assert_array_equal(recorded(lambda a: ~(a > 0), A).value, ~(A > 0))

    def test_matrix_products(self):
        np.testing.assert_array_equal(recorded(operator.matmul, A, B).value, A @ B)
        np.testing.assert_array_equal(recorded(lambda b: A @ b, B).value, A @ B)

    def test_powers(self):
        np.testing.assert_array_equal(recorded(lambda b: b**3, B).value, B**3)
        np.testing.assert_array_equal(recorded(lambda b: 2.0**b, B).value, 2.0**B)

    def test_a_square_is_no_power(self):
        assert recorded(lambda b: b**2, B).op is np.square
        assert recorded(lambda b: b**2.0, B).op is np.square
        assert recorded(lambda b: b ** np.float64(2.0), B).op is np.power

    def test_augmented_assignment_rebinds(self, tape):
        x = tape.leaf(1.0)
        y = x
        y += 1.0
        assert y is not x and (x.value, y.value) == (1.0, 2.0)

    def test_comparisons_are_recorded_without_a_derivative(self, tape):
        x = tape.leaf(B)
        mask = x > 0
        assert mask.op is np.greater and mask.dtype == bool
        assert mg.grad(np.sum(mask * x), x).tolist() == [1.0, 0.0, 1.0]

    def test_equality_is_elementwise_and_the_hash_is_that_of_the_node(self, tape):
        x = tape.leaf(B)
        assert (x == B).value.tolist() == [True, True, True]
        assert hash(tape[x.id]) == hash(x) and len({x, tape[x.id]}) == 1

    def test_an_operation_that_has_no_op_is_pythons_own_error(self, tape):
        with pytest.raises(TypeError, match="unsupported operand"):
            tape.leaf(1) << 1


METHODS = {
    "sum": lambda a: a.sum(),
    "sum axis": lambda a: a.sum(0),
    "mean": lambda a: a.mean(axis=1, keepdims=True),
    "prod": lambda a: a.prod(),
    "var": lambda a: a.var(axis=0, ddof=1),
    "std": lambda a: a.std(),
    "max": lambda a: a.max(axis=1),
    "min": lambda a: a.min(),
    "clip": lambda a: a.clip(-1.0, 1.0),
    "round": lambda a: a.round(),
    "argmax": lambda a: a.argmax(axis=1),
    "argmin": lambda a: a.argmin(),
    "any": lambda a: (a > 2).any(axis=0),
    "all": lambda a: (a > 2).all(),
    "ravel": lambda a: a.ravel(),
    "flatten": lambda a: a.flatten(),
    "squeeze": lambda a: a[None].squeeze(axis=0),
    "repeat": lambda a: a.repeat(2, axis=1),
    "swapaxes": lambda a: a.swapaxes(0, 1),
    "dot": lambda a: a.dot(B),
    "trace": lambda a: a.trace(),
    "conj": lambda a: a.conj(),
    "conjugate": lambda a: a.conjugate(),
    "astype": lambda a: a.astype(np.float32),
    "reshape ints": lambda a: a.reshape(3, -1),
    "reshape tuple": lambda a: a.reshape((3, 2)),
    "reshape one": lambda a: a.reshape(-1),
    "reshape order": lambda a: a.reshape(3, 2, order="F"),
    "transpose": lambda a: a.transpose(),
    "transpose ints": lambda a: a.transpose(1, 0),
    "transpose tuple": lambda a: a.transpose((1, 0)),
    "T": lambda a: a.T,
    "mT": lambda a: a.mT,
    "real": lambda a: a.real,
    "imag": lambda a: (a * 1j).imag,
}


@pytest.mark.parametrize("name", METHODS)
def test_array_methods_are_those_of_the_array(name):
    wanted, node = METHODS[name](A), recorded(METHODS[name], A)
    np.testing.assert_array_equal(node.value, wanted)
    assert (node.shape, node.dtype) == (wanted.shape, wanted.dtype)


INDICES = {
    "int": 1,
    "negative": -1,
    "tuple": (1, 2),
    "slice": slice(None, None, -1),
    "column": (slice(None), 1),
    "ellipsis": (Ellipsis, 0),
    "new axis": (None, slice(None)),
    "array": np.array([1, 1, 0]),
    "list": [1, 1, 0],
    "arrays": (np.array([0, 1]), np.array([2, 0])),
    "mask": A > 0,
    "empty": (),
    "NumPy int": np.int64(1),
}


@pytest.mark.parametrize("name", INDICES)
def test_indexing_is_that_of_the_array(name):
    key = INDICES[name]
    np.testing.assert_array_equal(recorded(lambda a: a[key], A).value, A[key])


def test_an_index_out_of_bounds_is_numpys_own_error(tape):
    with pytest.raises(IndexError, match="index 5 is out of bounds for axis 0 with size 3"):
        tape.leaf(B)[5]


class TestAlongAxis0:
    def test_length(self, tape):
        assert len(tape.leaf(A)) == 2

    def test_iteration(self, tape):
        assert [row.value.tolist() for row in tape.leaf(A)] == A.tolist()

    def test_unpacking(self, tape):
        x = tape.leaf(B)
        a, b, c = x
        assert mg.grad(a * b * c, x).tolist() == [-4.0, 8.0, -2.0]

    def test_a_0d_node_has_no_length(self, tape):
        with pytest.raises(TypeError, match=r"len\(\) of a 0-d node: x \(leaf"):
            len(tape.leaf(1.0, name="x"))

    def test_a_0d_node_cannot_be_iterated_over(self, tape):
        with pytest.raises(TypeError, match="0-d"):
            list(tape.leaf(1.0))


class TestFacts:
    @pytest.fixture
    def x(self, tape):
        return tape.leaf(A, name="x")

    def test_those_of_the_array(self, x):
        assert (x.shape, x.dtype, x.ndim, x.size) == ((2, 3), np.float64, 2, 6)

    def test_size_of_a_scalar_and_of_nothing(self, tape):
        assert tape.leaf(1.0).size == 1 and tape.leaf(np.zeros((0, 3))).size == 0

    @pytest.mark.parametrize(
        "ask",
        [
            np.shape,
            np.ndim,
            np.size,
            lambda x: np.size(x, 1),
            lambda x: np.size(a=x, axis=0),
            np.iscomplexobj,
            np.isrealobj,
            np.isscalar,
            np.iterable,
            np.result_type,
            lambda x: np.result_type(x, np.float32, 1j),
            lambda x: np.can_cast(x, np.float32, casting="same_kind"),
            lambda x: np.common_type(x, A.astype(np.float32)),
            lambda x: np.einsum_path("ij,kj", x, x),
        ],
    )
    @pytest.mark.parametrize("array", [A, A.astype(np.complex64), I])
    def test_what_numpy_asks_about_is_answered_and_not_recorded(self, tape, ask, array):
        assert ask(tape.leaf(array)) == ask(array) and len(tape) == 1

    def test_arrays_made_of_numbers_alone_are_recorded_where_numpy_is_told_so(self, x):
        assert [f(2, like=x).value.tolist() for f in (np.arange, np.zeros, np.eye)] == [
            [0, 1],
            [0.0, 0.0],
            [[1.0, 0.0], [0.0, 1.0]],
        ]

    def test_those_of_the_graph(self, x, tape):
        y = x * x
        z = np.sin(x) + y
        assert (x.id, x.op, x.name, y.op, y.name) == (0, None, "x", np.multiply, "v1")
        assert [o.id for o in z.operands] == [2, 1] and [o.id for o in y.operands] == [0]
        assert [c.id for c in x.consumers] == [1, 2] and z.consumers == []

    def test_facts_of_a_value_that_is_stale_run_nothing(self, tape):
        ran = []
        op = mg.op(lambda x: ran.append(1) or x * 1.0)
        mg.linear(op, x=lambda g: g)
        x = tape.leaf(1.0)
        y = op(x)
        x.value = 2.0
        assert (y.shape, y.dtype, len(ran)) == ((), np.float64, 1)

    def test_it_holds_its_tape_and_its_id_and_nothing_else(self, x):
        assert set(Node.__slots__) == {"tape", "id", "__weakref__"} and not hasattr(x, "__dict__")


class TestRepr:
    """The value is shown where it is known; nothing is computed, verified or waited for."""

    @pytest.mark.pinned
    def test_it_is_one_line_with_the_value(self, tape):
        x = tape.leaf(A, name="x")
        assert repr(x) == "<memograd.Node x: leaf, float64 (2, 3), |max| 3>"
        assert repr(x[0]) == "<memograd.Node v1: getitem, float64 (3,) = [1.5, -2, 0.5]>"
        assert repr(np.sin(x[0, 0])) == "<memograd.Node v3: np.sin, float64 () = 0.9975>"
        assert repr(x > 0) == "<memograd.Node v4: np.greater, bool (2, 3), 4 true>"
        name = "two\nlines"
        assert repr(tape.leaf(1, name=name)) == r"<memograd.Node two\nlines: leaf, int64 () = 1>"
        assert len(repr(tape.leaf(1, name="y" * 10_000))) < 120

    def test_an_assigned_value_is_shown_and_what_depends_on_it_is_not(self, tape):
        ran = []
        op = mg.op(lambda x: ran.append(1) or x * 1.0)
        mg.linear(op, x=lambda g: g)
        x = tape.leaf(1.0, name="x")
        y = op(x)
        x.value = 2.0
        assert "() = 2>" in repr(x) and "() = …>" in repr(y) and len(ran) == 1
        assert y.value == 2.0 and "() = 2>" in repr(y)

    def test_an_evicted_value_is_not_computed(self, tape):
        y = np.sin(tape.leaf(np.ones(2)))
        tape.forget()
        assert "(2,) = …>" in repr(y) and y.id not in tape.state.values

    def test_another_thread_that_holds_the_tape_is_not_waited_for(self, tape):
        x, shown = tape.leaf(1.0), []
        with tape.scratch():
            thread = threading.Thread(target=lambda: shown.append(repr(x)), daemon=True)
            thread.start()
            thread.join(timeout=60)
        assert shown and "() = 1>" in shown[0]

    def test_several_outputs(self, tape):
        (split,) = np.split(tape.leaf([1.0, 2.0]), 2)[0].operands
        assert repr(split).endswith(" = [1]; [2]>")
        (split,) = np.split(tape.leaf(np.arange(1000.0)), 1000)[0].operands
        assert "…" in repr(split)

    def test_no_value_is_shown_where_none_may_be_read(self):
        shown = []
        mg.functional.compiled(lambda x: shown.append(repr(x)) or x * x)(2.0)
        mg.functional.value_and_grad(lambda x: shown.append(repr(x)) or x * x)(2.0)
        assert [text.split("() = ")[1] for text in shown] == ["…>", "2>"]

    def test_numbers_too_large_for_a_magnitude_raise_no_warning(self, tape):
        assert "|max| inf" in repr(tape.leaf(np.full(5, 1e308 + 1e308j) * 1.7))

    def test_a_comparison_with_itself_is_not_recorded(self, tape):
        y = tape.leaf(1.0) * 1.0
        same = y == Node(tape, y.id)
        assert repr(same) == "<memograd.Node v1 == v1, not yet recorded>" and len(tape) == 2
        assert same.value and repr(same) == "<memograd.Node v2: np.equal, bool () = True>"

    def test_a_dask_array_is_not_computed(self, tape):
        da = pytest.importorskip("dask.array", reason="Dask arrays are described without numbers")

        def refuse(block):
            raise AssertionError("computed")

        x = tape.leaf(da.ones(4, chunks=2).map_blocks(refuse, dtype=float))
        assert repr(x) == "<memograd.Node v0: leaf, float64 (4,), 2 chunks>"


class TestSeveralOutputs:
    def test_the_caller_gets_numpys_list_of_handles(self, tape):
        parts = np.split(tape.leaf(B), 3)
        assert type(parts) is list and [part.value.tolist() for part in parts] == [
            [2.0],
            [-1.0],
            [4.0],
        ]

    def test_the_op_is_one_node_whose_value_is_a_tuple(self, tape):
        part = np.split(tape.leaf(B), 3)[1]
        (split,) = part.operands
        assert split.op is np.split
        assert (split.shape, split.dtype) == (((1,),) * 3, (np.dtype(float),) * 3)
        assert [item.tolist() for item in split.value] == [[2.0], [-1.0], [4.0]]

    def test_an_output_that_is_not_used_counts_as_zeros(self, tape):
        x = tape.leaf(B)
        first, *_ = np.split(x, 3)
        assert mg.grad(np.sum(first * first), x).tolist() == [4.0, 0.0, 0.0]

    def test_outputs_may_be_used_together(self, tape):
        x = tape.leaf(B)
        a, b, c = np.split(x, 3)
        assert mg.grad(np.sum(a * b) + np.sum(c * c), x).tolist() == [-1.0, 2.0, 8.0]

    def test_the_derivative_by_the_tuple_is_a_tuple(self, tape):
        a, b = np.split(tape.leaf([2.0, 3.0]), 2)
        (split,) = a.operands
        da, db = mg.grad(np.sum(a * b), split)
        assert (da.tolist(), db.tolist()) == ([3.0], [2.0])

    def test_values_come_back_after_an_assignment(self, tape):
        x = tape.leaf(B)
        a, *_ = np.split(x, 3)
        x.value = B + 1.0
        assert a.value.tolist() == [3.0]


REFUSED = {
    "if": lambda x: 1 if x else 2,
    "and": lambda x: x and True,
    "not": lambda x: not x,
    "in": lambda x: 2.0 in x[None],
    "the builtin max": lambda x: max(x, 3.0),
    "float": lambda x: float(x),
    "int": lambda x: int(x),
    "complex": lambda x: complex(x),
    "index": lambda x: [1, 2, 3][x],
    "range": lambda x: range(x),
    "item": lambda x: x.item(),
    "tolist": lambda x: x.tolist(),
    "asarray": lambda x: np.asarray(x),
    "array": lambda x: np.array([x, x]),
    "float64": lambda x: np.float64(x),
    "out=": lambda x: np.sin(x, out=np.zeros(())),
    "out= of a function": lambda x: np.sum(x, out=np.zeros(())),
    "out= that is a node": lambda x: np.add(1.0, 2.0, out=x),
    "an array += a node": lambda x: operator.iadd(np.zeros(2), x),
    "item assignment": lambda x: operator.setitem(x, 0, 1.0),
    "at": lambda x: np.add.at(x, 0, 1.0),
}


def test_reduce_of_a_number_is_the_number(tape):
    assert np.subtract.reduce(tape.leaf(2.0)).value == np.subtract.reduce(np.ones(())) + 1.0


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_freeze_or_change_a_value_is_refused(tape, name):
    with pytest.raises(RefusedError):
        REFUSED[name](tape.leaf(1.0))


def test_out_none_is_no_out(tape):
    assert np.sum(tape.leaf(B), out=None).value == 5.0


def test_a_second_handle_is_the_same_node(tape):
    x = tape.leaf(1.0)
    y = x * 2.0
    again = Node(tape, y.id)
    assert hash(again) == hash(y) and mg.grad(y, x) == mg.grad(again, x) == 2.0


class TestWhatAnArrayHasAndANodeHasNot:
    @pytest.fixture
    def x(self, tape):
        return tape.leaf(B, name="x")

    @pytest.mark.parametrize(
        "name",
        [
            name
            for name in dir(np.ndarray)
            if name[0] != "_" and name not in dir(Node) and hasattr(B, name)
        ],
    )
    def test_each_is_refused_with_the_reason(self, x, name):
        with pytest.raises(
            RefusedAttributeError, match=rf"x \(leaf, .*\) has no \.{name}: it .*\. Use .*"
        ):
            getattr(x, name)

    def test_the_reason_says_what_to_use(self, x):
        with pytest.raises(
            AttributeError,
            match=r"has no \.sort: it sorts an array in place, .*\. Use np\.sort\(x\)\.$",
        ):
            x.sort()

    @pytest.mark.parametrize(
        ("name", "advice"),
        [
            ("backward", r"mg\.grad\(L, x\)"),
            ("grad", r"mg\.grad\(L, x\)"),
            ("detach", r"mg\.stop_gradient\(x\)"),
            ("numpy", r"x\.value"),
            ("requires_grad", r"mg\.grad\(L, x\)"),
            ("zero_grad", r"Leave it out"),
        ],
    )
    def test_what_other_libraries_have_is_refused_with_the_idiom(self, x, name, advice):
        with pytest.raises(
            AttributeError, match=rf"x \(leaf, .*\) has no \.{name}: .*{advice}.*\.$"
        ):
            getattr(x, name)

    def test_it_can_be_asked_for(self, x):
        assert not hasattr(x, "sort") and getattr(x, "flags", None) is None

    @pytest.mark.parametrize(
        "name", ["srot", "__array_interface__", "__array_struct__", "_private"]
    )
    def test_what_arrays_have_not_either_is_pythons_own_error(self, x, name):
        with pytest.raises(
            AttributeError, match=rf"^'Node' object has no attribute '{name}'$"
        ) as caught:
            getattr(x, name)
        assert type(caught.value) is AttributeError

    def test_an_attribute_error_inside_an_op_is_not_taken_for_an_attribute_of_the_node(self):
        op = mg.op(lambda x: x.no_such_thing if x > 1 else x * 2)
        mg.rule(op, x=lambda g: g * 2)
        x = mg.Tape().leaf(1.0)
        y = op(x)
        x.value = 2.0
        with pytest.raises(AttributeError, match="no attribute 'no_such_thing'"):
            y.value  # noqa: B018

    def test_the_protocols_of_copying_are_not_disturbed(self, x):
        assert copy.copy(x) is x
        assert hash(copy.deepcopy(x)) != hash(x)
        assert pickle.loads(pickle.dumps(x)).name == x.name


class TestKeys:
    """Handles of one node are one key, and looking one up records nothing."""

    def test_of_an_unnamed_node(self):
        tape = mg.Tape()
        y = np.sin(tape.leaf(1.0))
        z, count = y + 1.0, len(tape)
        (again,) = z.operands
        assert again is not y and hash(again) == hash(y)
        assert {y: "y"}[again] == {again: "y"}[y] == "y" and {y, again, tape[y.id]} in (
            {y},
            {again},
        )
        assert again in {y} and z not in {y} and len(tape) == count

    def test_two_handles_of_one_node_are_compared_elementwise_where_that_is_used(self):
        tape = mg.Tape()
        y = tape.leaf([1.0, np.nan]) * 1.0
        same = y == tape[y.id]
        count = len(tape)
        assert same.value.tolist() == [True, False] and same.shape == (2,) and same.op is np.equal
        assert np.where(y == tape[y.id], y, 0.0).value.tolist() == [1.0, 0.0]
        assert (
            np.sum(same).value == 1
            and [n.op for n in tape].count(np.equal) == 2
            and len(tape) == count + 4
        )

    def test_a_handle_beside_itself_is_compared_elementwise(self):
        x = mg.Tape().leaf([1.0, np.nan])
        assert type(x == x) is mg.Node and (x == x).value.tolist() == [True, False]
        with pytest.raises(mg.MemogradError, match="truth value"):
            bool(x == x)


class TestAHandleOfSeveralOutputs:
    @pytest.fixture
    def svd(self):
        x = mg.Tape().leaf([[2.0, 1.0, 0.0], [0.0, 1.0, 3.0]], name="x")
        return np.linalg.svd(x, full_matrices=False)[0].operands[0]

    def test_its_facts_are_those_of_its_outputs(self, svd):
        assert (
            svd.shape == ((2, 2), (2,), (2, 3))
            and svd.ndim == (2, 1, 2)
            and svd.size == (4, 2, 6)
            and len(svd) == 3
        )

    def test_it_is_a_sequence_of_them(self, svd):
        assert [y.value.tolist() for y in svd] == [a.tolist() for a in svd.value]
        assert svd[-1].shape == (2, 3)
        x = svd.tape["x"]
        assert np.allclose(mg.grad(np.sum(svd[1] ** 2), x), 2 * x.value)
        with pytest.raises(IndexError):
            svd[3]

    @pytest.mark.parametrize(
        "f",
        [
            np.sin,
            np.sum,
            np.ndim,
            np.shape,
            lambda y: y + 1.0,
            lambda y: np.stack([y, y]),
            lambda y: y.T,
            lambda y: y.at[0],
        ],
    )
    def test_it_is_no_operand(self, svd, f):
        count = len(svd.tape)
        with pytest.raises(mg.MemogradError, match="which has 3 outputs. Take one of them"):
            f(svd)
        assert len(svd.tape) == count

    def test_outputs_of_one_shape_are_not_taken_for_an_array(self):
        both = np.divmod(mg.Tape().leaf([5.0, 7.0]), 3.0)[0].operands[0]
        with pytest.raises(mg.MemogradError, match="which has 2 outputs"):
            np.sum(both)
