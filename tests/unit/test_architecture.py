"""The architecture: which folder may import which, no circles, and how long a function may be. Reads the source only."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import networkx as nx
import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "memograd"

ORDER = [
    "errors", "text", "arrays", "program", "rules", "memory", "tape", "solver", "transforms", "plans", "jacobians",
    "functional", "optimize", "baselines", "check", "numpy", "scipy", "autograd", "drawing", "diagnostics", "archive", "cli",
    "__init__", "__main__",
]  # fmt: skip
"""A folder, or a module beside the folders, imports only from those before it."""

OUTSIDE = {"numpy", "networkx"}
OPTIONAL = {
    "rules.bessel_orders": {"scipy"},
    "rules.incomplete_beta": {"scipy"},
    "rules.incomplete_gamma": {"scipy"},
    "rules.zeta_exponent": {"scipy"},
    "rules.special": {"scipy"},
    "rules.special_stable": {"scipy"},
    "cli.commands": {"shtab"},
}
"""Modules that are imported only where something of that library's is met."""

LONGEST = 40


class Import(NamedTuple):
    """An import of one module by another; `internal` says whether it is one of memograd's."""

    importer: str
    imported: str
    internal: bool


def module_name(path: Path) -> str:
    """Return `rules.shaping` for src/memograd/rules/shaping.py, and `rules.__init__` for the folder's own file."""
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts)


SOURCES = {
    module_name(path): path.read_text(encoding="utf-8") for path in sorted(PACKAGE.rglob("*.py"))
}


def imports_of(name: str, source: str, known: set[str]) -> Iterator[Import]:
    """Yield every import in a module, those inside functions and for type checkers too."""
    folder = name.split(".")[:-1]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                library, _, module = alias.name.partition(".")
                inside = next((c for c in (module, f"{module}.__init__") if c in known), "__init__")
                own = library == "memograd"
                yield Import(name, inside if own else library, own)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            assert node.module is not None
            yield Import(name, node.module.partition(".")[0], False)
        elif isinstance(node, ast.ImportFrom):
            base = folder[: len(folder) - node.level + 1] + (
                node.module.split(".") if node.module else []
            )
            for alias in node.names:
                candidates = (
                    ".".join([*base, alias.name]),
                    ".".join([*base, alias.name, "__init__"]),
                    ".".join(base),
                    ".".join([*base, "__init__"]),
                )
                yield Import(name, next(c for c in candidates if c in known), True)


ALL = [
    found for name, source in SOURCES.items() for found in imports_of(name, source, set(SOURCES))
]


def place(module: str) -> int:
    """Return the place of a module's folder in the order."""
    return ORDER.index(module.partition(".")[0])


def is_upward(found: Import) -> bool:
    """Return whether an import goes against the order."""
    return found.internal and place(found.imported) > place(found.importer)


def function_lengths(path: Path) -> Iterator[tuple[str, int]]:
    """Yield each function of a file with the number of lines of its body, the docstring not counted."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            assert node.end_lineno is not None
            yield node.name, node.end_lineno - body[0].lineno + 1 if body else 0


def test_every_import_follows_the_order() -> None:
    assert len(ALL) > 500, "the imports were not found"
    assert [(i.importer, i.imported) for i in ALL if is_upward(i)] == []


def test_no_folder_is_without_a_place() -> None:
    assert {name.partition(".")[0] for name in SOURCES} <= set(ORDER)


def test_there_are_no_circles() -> None:
    """Imports inside functions and for type checkers count."""
    graph = nx.DiGraph((i.importer, i.imported) for i in ALL if i.internal)
    graph.remove_nodes_from(["__init__", "__main__"])
    assert [c for c in nx.strongly_connected_components(graph) if len(c) > 1] == []


GROUNDS = {
    "arrays.kinds",
    "arrays.pytrees",
    "arrays.values",
    "program.steps",
    "program.trace_state",
    "errors",
    "text",
}
"""What a module of rules may import beside others of its folder: no kind of array by its name."""


def kinds_by_name(found: Import) -> bool:
    """Return whether a module asks one kind of arrays in the place of the registry."""
    kinds = {
        "arrays.dask_arrays",
        "arrays.dask_chunks",
        "arrays.scipy_sparse",
        "arrays.sparse_arrays",
    }
    return found.imported in kinds and not found.importer.startswith("arrays.")


def test_rule_modules_import_rules_and_the_grounds() -> None:
    outside = {
        (i.importer, i.imported)
        for i in ALL
        if i.internal and i.importer.startswith("rules.") and not i.imported.startswith("rules.")
    }
    assert {imported for _, imported in outside} >= {"arrays.kinds", "errors"}
    assert [pair for pair in sorted(outside) if pair[1] not in GROUNDS] == []


def test_nobody_but_the_registry_knows_a_kind_of_arrays() -> None:
    assert [i for i in ALL if i.internal and kinds_by_name(i)] == []
    assert kinds_by_name(Import("tape.tape", "arrays.dask_arrays", True))


def test_other_libraries_are_numpy_networkx_and_the_standard_library() -> None:
    for found in ALL:
        if not found.internal:
            assert found.imported in OUTSIDE | sys.stdlib_module_names | OPTIONAL.get(
                found.importer, set()
            ), found


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        ("memory.memory", "tape.tape"),
        ("rules.fft", "memory.memory"),
        ("tape.node", "solver.recursion"),
        ("errors", "text"),
    ],
)
def test_an_import_against_the_order_is_seen(importer: str, imported: str) -> None:
    assert is_upward(Import(importer, imported, True))


def test_all_forms_of_import_are_read() -> None:
    known = {
        "rules.registration", "rules.indexing", "memory.memory", "rules.shaping", "tape.tape",
        "tape.node",
    }  # fmt: skip
    source = (
        "import numpy.linalg as la\nfrom .registration import rule\nfrom . import indexing\n"
        "import memograd.tape.node\n"
        "def f():\n    from ..memory.memory import Memory\nif TYPE_CHECKING:\n    from ..tape.tape import Tape\n"
    )
    assert {(i.imported, i.internal) for i in imports_of("rules.shaping", source, known)} == {
        ("numpy", False),
        ("rules.registration", True),
        ("rules.indexing", True),
        ("memory.memory", True),
        ("tape.tape", True),
        ("tape.node", True),
    }


TESTS = {
    path: ast.parse(path.read_text(encoding="utf-8"))
    for path in sorted((ROOT / "tests").rglob("*.py"))
}


def private_names(tree: ast.AST) -> Iterator[str]:
    """Yield the private names of memograd's modules that a test imports or reads."""
    modules = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("memograd"):
            names = (alias.asname or alias.name for alias in node.names)
            modules.update(name for name in names if name.islower())
            yield from (alias.name for alias in node.names if alias.name.startswith("_"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            private = node.attr.startswith("_") and not node.attr.startswith("__")
            if private and node.value.id in modules:
                yield f"{node.value.id}.{node.attr}"


def imported_modules(tree: ast.AST) -> Iterator[str]:
    """Yield the last parts of the names of the modules that a test imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.rpartition(".")[2] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").rpartition(".")[2]
            yield from (alias.name for alias in node.names)


def test_tests_use_no_private_name_of_a_module() -> None:
    assert {
        (path.name, name) for path, tree in TESTS.items() for name in private_names(tree)
    } == set()
    seen = "from memograd.rules import registration as r, _hidden\nr._cache.clear()"
    assert list(private_names(ast.parse(seen))) == ["_hidden", "r._cache"]


def test_no_test_module_imports_another() -> None:
    modules = {path.stem for path in TESTS if path.stem.startswith("test_")}
    assert len(modules) > 70
    found = {(path.name, name) for path, tree in TESTS.items() for name in imported_modules(tree)}
    assert {(importer, name) for importer, name in found if name in modules} == set()


@pytest.mark.parametrize("folder", ["src", "tests", "examples"])
def test_no_function_is_long(folder: str) -> None:
    lengths = [
        (path.name, name, lines)
        for path in sorted((ROOT / folder).rglob("*.py"))
        for name, lines in function_lengths(path)
    ]
    assert len(lengths) > 5, "the functions were not found"
    assert [found for found in lengths if found[2] > LONGEST] == []


def test_the_recursion_is_on_one_screen() -> None:
    lines = dict(function_lengths(PACKAGE / "solver" / "recursion.py"))["pull_back"]
    assert 5 < lines <= 25


def test_the_length_of_a_function_is_that_of_its_body(tmp_path: Path) -> None:
    path = tmp_path / "long.py"
    path.write_text('def f():\n    """One.\n\n    Two.\n    """\n' + 41 * "    pass\n")
    assert list(function_lengths(path)) == [("f", 41)]
