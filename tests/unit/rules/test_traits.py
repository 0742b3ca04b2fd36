"""What is known of an op beside its derivatives stands once, beside its rule."""

import ast
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import memograd as mg
from memograd.archive.op_names import ops_by_name
from memograd.cli.coverage import missing_traits, trait_table
from memograd.rules.registration import RULES, ops_with, set_traits, traits_of
from memograd.rules.traits import NO_TRAITS, Storage, Structure, Traits
from memograd.text import op_name
from memograd.transforms.batching_rules import has_batching_rule

SOURCE = Path(mg.__file__).parent

OP_NAMES = """
    alignment cofactors getitem last_writes latest log_sum log_sum2 logistic masked output parallel
    places rank repeated replace running_maximum running_minimum scatter sech_squared singular_pull
    stop_gradient sum_of_slices unit untrimmed values_pull
""".split()
"""Names of memograd's own ops in archives of version 0.1.0."""

OP_NAMES_WITH_SCIPY = """
    beta_density beta_prime_density convolve dawsn_derivative erfcx_derivative expm gamma_density
    ive_derivative kve_derivative log_softmax logarithm logsumexp multigammaln polygamma
    polygamma_difference scale_of softmax spherical_in spherical_jn spherical_kn spherical_yn
    square_root t_density triangular
""".split()


@pytest.fixture
def thrice() -> Any:
    """An op of the user's, whose rule goes with the test."""
    op = mg.op(lambda x: 3 * x)
    mg.linear(op, x=lambda g: 3 * g)
    yield op
    del RULES[op]


def test_every_op_of_numpy_states_its_structure() -> None:
    assert [
        op_name(op)
        for op, rule in RULES.items()
        if rule.pure and op is not None and rule.traits.structure is None
    ] == []


ROW_BY_ROW = [
    np.linalg.norm, np.linalg.vector_norm, np.argmax, np.argmin, np.nanargmax, np.nanargmin,
    np.trapezoid, np.median, np.nanmedian, np.average,
]  # fmt: skip
"""Reductions whose result has another shape or meaning with one axis more."""


def test_other_reductions_and_scans_run_on_all_rows_of_a_batch_at_once() -> None:
    along = (Structure.REDUCTION, Structure.SCAN)
    ops = [op for op, rule in RULES.items() if rule.traits.structure in along]
    assert len(ops) > 30
    assert {op for op in ops if not has_batching_rule(op)} == set(ROW_BY_ROW)


def test_every_product_by_blas_says_so() -> None:
    """Others multiply by a ufunc, take a diagonal, or solve by LAPACK in memory of their own."""
    ops = {op for op, rule in RULES.items() if rule.traits.structure is Structure.CONTRACTION}
    assert {op_name(op) for op in ops - set(ops_with("uses_blas"))} == {
        "np.outer", "np.linalg.outer", "np.kron", "np.cross", "np.linalg.cross", "np.trace",
        "np.linalg.trace", "np.linalg.solve",
    }  # fmt: skip


def test_an_op_that_states_nothing_is_listed(thrice: Any) -> None:
    missing = missing_traits()[op_name(thrice)]
    assert missing == ["structure", "storage", "batching rule", "sparsity rule"]


def test_what_is_stated_is_not_listed(thrice: Any) -> None:
    set_traits(thrice, structure=Structure.ELEMENTWISE, storage=Storage.NEW)
    assert op_name(thrice) not in missing_traits()
    assert traits_of(thrice).structure is Structure.ELEMENTWISE


def test_statements_add_up() -> None:
    traits = traits_of(np.multiply)
    assert traits.structure is Structure.ELEMENTWISE and traits.storage is Storage.NEW
    assert (traits.symbol, traits.is_product, traits.overflows) == ("*", True, False)


def test_nothing_is_known_of_an_op_without_a_rule() -> None:
    assert traits_of(np.unique) is NO_TRAITS == Traits()


def test_elementwise_registration_states_the_structure() -> None:
    op = mg.op(lambda x: 3 * x)
    mg.elementwise(op, x=lambda g: 3 * g)
    assert traits_of(op) == Traits(Structure.ELEMENTWISE)
    del RULES[op]


def test_ops_with_a_trait() -> None:
    assert set(ops_with("keeps_density")) == {
        np.reshape,
        np.ravel,
        np.squeeze,
        np.expand_dims,
        np.transpose,
    }


def test_new_memory_is_not_the_operands() -> None:
    """A plan overwrites it."""
    x = np.linspace(0.1, 0.9, 6).reshape(2, 3)
    for op in ops_with("storage"):
        if traits_of(op).storage is Storage.NEW and getattr(op, "nin", 1) == 1:
            with np.errstate(all="ignore"):
                try:
                    y = op(x)
                except TypeError:  # it takes other arguments
                    continue
            for part in y if isinstance(y, tuple | list) else (y,):
                assert not np.shares_memory(part, x), op


def test_views_are_views() -> None:
    x = np.arange(1.0, 7.0).reshape(2, 3)
    calls: dict[Any, tuple[Any, ...]] = {
        np.swapaxes: (0, 1),
        np.moveaxis: (0, 1),
        np.expand_dims: (0,),
        np.broadcast_to: ((4, 2, 3),),
    }
    for op in ops_with("storage"):
        if traits_of(op).storage is Storage.VIEW:
            assert np.shares_memory(op(x, *calls.get(op, ())), x), op


def test_operators_give_the_same_bits() -> None:
    a, b = np.array([0.3, 0.1]), np.array([0.7, 0.1])
    for op in ops_with("operator"):
        x, y = (a, b) if op_name(op).find("bitwise") < 0 else (a > b, a < b)
        written = eval(f"x {traits_of(op).operator} y", {"x": x, "y": y})
        np.testing.assert_array_equal(op(x, y), written, strict=True)


def test_methods_are_methods() -> None:
    for op in ops_with("is_method"):
        assert hasattr(np.ndarray, op.__name__)


def test_comparisons_answer_yes_or_no() -> None:
    x = np.array([1.0, 2.0])
    for op in ops_with("compares"):
        y = op(x, x) if getattr(op, "nin", 2) == 2 and op not in UNARY else op(x)
        assert np.result_type(y).kind == "b", op


UNARY = (np.any, np.all, np.isreal, np.iscomplex, np.isposinf, np.isneginf)


def test_the_table_counts_what_is_missing() -> None:
    lines = trait_table({"np.f": ["storage"], "np.g": ["structure", "storage"]}).splitlines()
    assert lines[0].split() == ["np.f", "storage"]
    assert lines[-1].endswith("2 without storage, 1 without structure")


def test_archives_find_every_op_of_version_0_1_0() -> None:
    names = set(ops_by_name())
    assert [name for name in OP_NAMES if f"memograd.{name}" not in names] == []


def test_archives_find_every_op_beside_scipy() -> None:
    pytest.importorskip("scipy", reason="SciPy comes with the extra `scipy`")
    for module in ("special", "linalg", "stats", "signal"):
        pytest.importorskip(f"memograd.scipy.{module}")
    names = set(ops_by_name())
    assert [name for name in OP_NAMES_WITH_SCIPY if f"memograd.{name}" not in names] == []


def tables_of_ops(path: Path) -> int:
    """Number of collections at the top of a module that name five functions of NumPy or more."""
    count = 0
    for statement in ast.parse(path.read_text(encoding="utf-8")).body:
        value = getattr(statement, "value", None)
        if isinstance(statement, ast.Assign | ast.AnnAssign) and value is not None:
            keys = [
                key
                for part in ast.walk(value)
                for key in (
                    part.keys
                    if isinstance(part, ast.Dict)
                    else part.elts
                    if isinstance(part, ast.Set | ast.Tuple | ast.List)
                    else ()
                )
            ]
            functions = [key for key in keys if key is not None and is_numpy_function(key)]
            count += len(functions) >= 5
    return count


def is_numpy_function(key: ast.expr) -> bool:
    name = ast.unparse(key)
    f = getattr(np, name.removeprefix("np."), None) if name.startswith("np.") else None
    return callable(f) and not isinstance(f, type)


def test_few_tables_of_ops_stand_outside_the_rules() -> None:
    """Those that do hold a function or a formula for each op; no facts.

    Four are those of the machine on arrays: how it lowers an op, of which arguments, by which
    formula, and the measured times by which it decides.
    """
    tables = {
        str(path.relative_to(SOURCE)): n
        for path in SOURCE.rglob("*.py")
        if "rules" not in path.parts and (n := tables_of_ops(path))
    }
    assert sum(tables.values()) <= 11, tables
