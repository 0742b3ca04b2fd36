"""The layers: who may import whom, and how long a function may be. Reads the source; imports nothing of it."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import networkx as nx
import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "memograd"

LEVELS = {
    0: {
        "errors",
        "lines",
        "arrays",
        "chunked",
        "lazyforms",
        "foreign",
        "coordinates",
        "places",
        "matrices",
        "labels",
        "signatures",
        "numpysignatures",
        "program",
        "calls",
        "callforms",
        "notebooks",
        "patterns",
        "shapes",
        "tracing",
    },
    1: {
        "advice",
        "formulas",
        "absent",
        "conversions",
        "library",
        "registry",
        "log",
        "rules",
        "digraph",
        "floats",
        "costs",
        "comparison",
        "colouring",
    },
    2: {"memory", "node", "budget", "ledger", "snapshot", "slices", "fused", "machine", "links"},
    3: {"tape", "progress", "facts", "lowering", "batch", "nests", "seeds", "weaknodes"},
    4: {"solver", "pushing", "runs", "passes", "printing", "buffers", "expressions", "batchforms", "ordering", "arguments"},
    5: {
        "tableview",
        "foresight",
        "reasons",
        "baselines",
        "check",
        "accumulation",
        "stretches",
        "coloured",
        "tally",
        "batching",
        "functional",
        "compiling",
        "coverage",
        "numpy",
        "scipy",
        "replay",
        "plantable",
        "derivation",
        "sparsity",
        "drawing",
        "commands",
        "archive",
        "jacobians",
        "walkthrough",
        "elimination",
        "optimize",
        "explaining",
        "persistence",
        "guarding",
    },
    6: {"__init__", "__main__"},
}
ARROWS = {
    ("absent", "registry"),
    ("library", "registry"),
    ("lowering", "facts"),
    ("callforms", "calls"),
    ("callforms", "errors"),
    ("arrays", "chunked"),
    ("arrays", "errors"),
    ("arrays", "foreign"),
    ("arrays", "labels"),
    ("arrays", "matrices"),
    ("coordinates", "errors"),
    ("coordinates", "places"),
    ("chunked", "places"),
    ("foreign", "coordinates"),
    ("matrices", "errors"),
    ("program", "labels"),
    ("rules.factorizations", "absent"),
    ("rules.factorizations", "foreign"),
    ("rules.indexing", "foreign"),
    ("rules.linalg", "foreign"),
    ("rules.reductions", "foreign"),
    ("rules.sequences", "foreign"),
    ("calls", "errors"),
    ("chunked", "errors"),
    ("lazyforms", "chunked"),
    ("lazyforms", "errors"),
    ("notebooks", "errors"),
    ("calls", "signatures"),
    ("signatures", "numpysignatures"),
    ("rules.layouts", "shapes"),
    ("rules.shaping", "errors"),
    ("rules.shaping", "shapes"),
    ("rules.shaping", "rules.indexing"),
    ("rules.shaping", "rules.broadcasting"),
    ("rules.broadcasting", "chunked"),
    ("rules.indexing", "arrays"),
    ("rules.indexing", "chunked"),
    ("rules.indexing", "errors"),
    ("rules.indexing", "lazyforms"),
    ("rules.indexing", "rules.broadcasting"),
    ("rules.methods", "chunked"),
    ("rules.methods", "lazyforms"),
    ("rules.reductions", "rules.broadcasting"),
    ("rules.reductions", "rules.stopping"),
    ("rules.methods", "rules.stopping"),
    ("rules.special", "chunked"),
    ("rules.special", "lazyforms"),
    ("rules.linalg", "rules.broadcasting"),
    ("rules.linalg", "rules.indexing"),
    ("rules.factorizations", "rules.linalg"),
    ("rules.factorizations", "rules.broadcasting"),
    ("rules.factorizations", "rules.indexing"),
    ("rules.layouts", "rules.broadcasting"),
    ("rules.layouts", "rules.indexing"),
    ("rules.layouts", "rules.shaping"),
    ("rules.methods", "rules.indexing"),
    ("rules.methods", "rules.reductions"),
    ("rules.sequences", "rules.broadcasting"),
    ("rules.sequences", "rules.elementwise"),
    ("rules.sequences", "rules.indexing"),
    ("rules.sequences", "rules.reductions"),
    ("rules.sorting", "rules.indexing"),
    ("rules.sorting", "rules.reductions"),
    ("rules.statistics", "rules.indexing"),
    ("rules.statistics", "rules.reductions"),
    ("rules.special", "errors"),
    ("rules.special", "rules.broadcasting"),
    ("rules.special", "rules.elementwise"),
    ("rules.special", "rules.indexing"),
    ("rules.special", "rules.reductions"),
    ("conversions", "advice"),
    ("conversions", "registry"),
    ("rules.special", "rules.stable"),
    ("formulas", "rules.elementwise"),
    ("floats", "formulas"),
    ("rules.stable", "chunked"),
    ("rules.stable", "errors"),
    ("rules.stable", "rules.elementwise"),
    ("costs", "registry"),
    ("budget", "memory"),
    ("log", "comparison"),
    ("ledger", "memory"),
    ("snapshot", "budget"),
    ("snapshot", "memory"),
    ("check", "baselines"),
    ("coloured", "sparsity"),
    ("coloured", "stretches"),
    ("coloured", "tally"),
    ("jacobians", "coloured"),
    ("jacobians", "elimination"),
    ("jacobians", "sparsity"),
    ("jacobians", "stretches"),
    ("jacobians", "tally"),
    ("stretches", "batching"),
    ("stretches", "tally"),
    ("scipy", "scipy.installed"),
    ("scipy.linalg", "scipy.installed"),
    ("scipy.signal", "scipy.installed"),
    ("scipy.special", "scipy.installed"),
    ("scipy.stats", "scipy.installed"),
    ("functional", "accumulation"),
    ("seeds", "nests"),
    ("functional", "compiling"),
    ("functional", "jacobians"),
    ("compiling", "replay"),
    ("optimize", "accumulation"),
    ("optimize", "jacobians"),
    ("baselines", "tableview"),
    ("passes.algebra", "passes.rewriting"),
    ("passes.shapes", "passes.rewriting"),
    ("passes.slicing", "passes.sharing"),
    ("passes.products", "passes.sums"),
    ("passes.sums", "passes.slicing"),
    ("machine", "slices"),
    ("pushing", "solver"),
    ("printing", "buffers"),
    ("printing", "passes.blocking"),
    ("printing", "expressions"),
    ("replay", "plantable"),
    ("commands", "archive"),
    ("commands", "baselines"),
    ("commands", "check"),
    ("commands", "coverage"),
    ("commands", "drawing"),
    ("commands", "explaining"),
    ("commands", "reasons"),
    ("commands", "walkthrough"),
    ("derivation", "drawing.steps"),
    ("drawing.scene", "drawing.folding"),
    ("elimination.counting", "elimination.graph"),
    ("elimination.counting", "elimination.steps"),
    ("elimination.accumulating", "elimination.counting"),
    ("elimination.accumulating", "elimination.graph"),
    ("elimination.accumulating", "elimination.steps"),
    ("elimination.annealing", "elimination.counting"),
    ("elimination.annealing", "elimination.graph"),
    ("elimination.annealing", "elimination.steps"),
    ("elimination.greedy", "elimination.counting"),
    ("elimination.greedy", "elimination.graph"),
    ("elimination.orders", "elimination.annealing"),
    ("elimination.orders", "elimination.counting"),
    ("elimination.orders", "elimination.graph"),
    ("elimination.orders", "elimination.greedy"),
    ("elimination.orders", "elimination.steps"),
    ("elimination.tapes", "elimination.accumulating"),
    ("elimination.tapes", "elimination.graph"),
    ("links.axes", "links.uses"),
    ("links.elements", "links.uses"),
    ("links.products", "links.uses"),
    ("sparsity", "batching"),
    ("sparsity", "scipy.installed"),
    ("drawing.scene", "drawing.states"),
    ("drawing.svg", "drawing.layout"),
    ("drawing.svg", "drawing.scene"),
    ("drawing.svg", "drawing.states"),
    ("drawing.formats", "drawing.scene"),
    ("drawing.formats", "drawing.states"),
    ("drawing.page", "drawing.scene"),
    ("drawing.page", "drawing.states"),
    ("drawing.page", "drawing.svg"),
    ("drawing.page", "drawing.steps"),
    ("explaining.endings", "explaining.findings"),
    ("explaining.endings", "explaining.region"),
    ("explaining.explanations", "explaining.endings"),
    ("explaining.explanations", "explaining.findings"),
    ("explaining.explanations", "explaining.kinks"),
    ("explaining.explanations", "explaining.origins"),
    ("explaining.explanations", "explaining.pathshares"),
    ("explaining.explanations", "explaining.region"),
    ("explaining.explanations", "explaining.report"),
    ("explaining.explanations", "explaining.sizes"),
    ("explaining.explanations", "explaining.zeros"),
    ("explaining.findings", "explaining.region"),
    ("explaining.kinks", "explaining.findings"),
    ("explaining.kinks", "explaining.region"),
    ("explaining.origins", "explaining.domains"),
    ("explaining.origins", "explaining.findings"),
    ("explaining.origins", "explaining.region"),
    ("explaining.origins", "explaining.rewrites"),
    ("explaining.origins", "explaining.zeros"),
    ("explaining.pathshares", "explaining.region"),
    ("explaining.report", "explaining.findings"),
    ("explaining.report", "explaining.kinks"),
    ("explaining.report", "explaining.pathshares"),
    ("explaining.report", "explaining.region"),
    ("explaining.rewrites", "explaining.domains"),
    ("explaining.rewrites", "explaining.region"),
    ("explaining.sizes", "explaining.domains"),
    ("explaining.sizes", "explaining.findings"),
    ("explaining.sizes", "explaining.region"),
    ("explaining.sizes", "explaining.zeros"),
    ("explaining.zeros", "explaining.domains"),
    ("explaining.zeros", "explaining.findings"),
    ("explaining.zeros", "explaining.kinks"),
    ("explaining.zeros", "explaining.region"),
    ("archive.constants", "archive.checks"),
    ("archive.constants", "archive.names"),
    ("archive.packs", "archive.checks"),
    ("archive.packs", "archive.names"),
    ("archive.unpacking", "archive.checks"),
    ("archive.unpacking", "archive.names"),
    ("archive.unpacking", "archive.packs"),
    ("archive.members", "archive.checks"),
    ("archive.members", "archive.names"),
    ("archive.program", "archive.checks"),
    ("archive.program", "archive.constants"),
    ("archive.program", "archive.names"),
    ("archive.program", "archive.packs"),
    ("archive.program", "archive.unpacking"),
    ("archive.session", "archive.checks"),
    ("archive.session", "archive.packs"),
    ("archive.session", "archive.program"),
    ("archive.events", "archive.checks"),
}
"""Imports within one level, each named. Besides, each sheet imports the registry, and a folder collects its files."""

FOLDERS = {"rules", "passes", "drawing", "elimination", "links", "explaining", "archive"}

OUTSIDE = {"numpy", "networkx"}
OPTIONAL = {"rules.special": {"scipy"}, "drawing.layout": {"fast_sugiyama"}, "commands": {"shtab"}}
OPTIONAL = {"rules.special": {"scipy"}, "rules.stable": {"scipy"}, "drawing.layout": {"fast_sugiyama"}, "commands": {"rich", "shtab"}}
"""Rooms that come in only when something of that library's is met."""

LONGEST = 40


def level(room: str) -> int:
    """The level of a room, given as `memory` or `rules.shaping`."""
    found = [n for n, rooms in LEVELS.items() if room.partition(".")[0] in rooms]
    assert found, f"{room} has no level yet: name it in LEVELS"
    return found[0]


def room_of(path: Path) -> str:
    """`rules.shaping` for src/memograd/rules/shaping.py; `rules` for the folder's own file."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def imported(source: str, room: str, package: bool) -> Iterator[tuple[str, bool]]:
    """Each import in `source`: a room of memograd or the name of another library, and whether it is a room."""
    here = [*room.split("."), ""] if package else room.split(".")
    for node in run(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((alias.name.partition(".")[0], False) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            assert node.module is not None
            yield node.module.partition(".")[0], False
        elif isinstance(node, ast.ImportFrom):
            above = here[: len(here) - node.level]
            for name in [node.module] if node.module else [alias.name for alias in node.names]:
                yield ".".join([*above, name]), True


def run(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a syntax tree, without what is under `if TYPE_CHECKING:`, which is there for the type checker alone."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING"):
            yield from run(child)


def objection(room: str, other: str) -> str | None:
    """Why `room` may not import the room `other`, or None."""
    if room.startswith("rules."):
        allowed = other in ("registry", "library") or (room, other) in ARROWS
    else:
        allowed = level(other) < level(room) or (room, other) in ARROWS or (room in FOLDERS and other.startswith(f"{room}."))
    return None if allowed else f"{room} (level {level(room)}) imports {other} (level {level(other)})"


def sources() -> dict[str, tuple[str, bool]]:
    """Every room's source, and whether it is a package."""
    return {
        room_of(path): (path.read_text(encoding="utf-8"), path.stem == "__init__" and path.parent != PACKAGE)
        for path in sorted(PACKAGE.rglob("*.py"))
    }


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Each function of a file, and the number of lines of its body, the docstring not counted."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            assert node.end_lineno is not None
            yield node.name, node.end_lineno - body[0].lineno + 1 if body else 0


def test_every_import_goes_down_or_along_a_named_arrow() -> None:
    found = [
        objection(room, other) for room, (source, package) in sources().items() for other, ours in imported(source, room, package) if ours
    ]
    assert len(found) > 30, "the imports were not found"
    assert [text for text in found if text] == []


def test_there_is_no_circle() -> None:
    graph = nx.DiGraph(
        (room, other) for room, (source, package) in sources().items() for other, ours in imported(source, room, package) if ours
    )
    assert nx.is_directed_acyclic_graph(graph), nx.find_cycle(graph)


def test_other_libraries_are_numpy_networkx_and_the_standard_library() -> None:
    for room, (source, package) in sources().items():
        others = {name for name, ours in imported(source, room, package) if not ours}
        assert others <= OUTSIDE | sys.stdlib_module_names | OPTIONAL.get(room, set()), room


@pytest.mark.parametrize(
    ("room", "other"),
    [
        ("memory", "tape"),
        ("memory", "solver"),
        ("node", "tape"),
        ("tape", "solver"),
        ("log", "registry"),
        ("registry", "log"),
        ("registry", "rules.shaping"),
        ("errors", "lines"),
        ("rules.fft", "errors"),
        ("rules.shaping", "memory"),
        ("rules.indexing", "rules.shaping"),
        ("baselines", "check"),
        ("tableview", "baselines"),
    ],
)
def test_an_import_upwards_is_seen(room: str, other: str) -> None:
    assert objection(room, other)


def test_all_forms_of_import_are_read() -> None:
    source = "import numpy.linalg as la\nfrom ..registry import rule\nfrom . import indexing\ndef f():\n    from ..memory import Memory\n"
    assert list(imported(source, "rules.shaping", package=False)) == [
        ("numpy", False),
        ("registry", True),
        ("rules.indexing", True),
        ("memory", True),
    ]
    assert list(imported("if TYPE_CHECKING:\n    from .tape import Tape\n", "node", package=False)) == []
    assert list(imported("from . import shaping", "rules", package=True)) == [("rules.shaping", True)]
    assert list(imported("from .tape import Tape", "__init__", package=False)) == [("tape", True)]


@pytest.mark.parametrize("folder", ["src", "tests", "examples"])
def test_no_function_is_long(folder: str) -> None:
    lengths = [(path.name, name, lines) for path in sorted((ROOT / folder).rglob("*.py")) for name, lines in functions(path)]
    assert len(lengths) > 5, "the functions were not found"
    assert [found for found in lengths if found[2] > LONGEST] == []


def test_the_recursion_is_on_one_screen() -> None:
    lines = dict(functions(PACKAGE / "solver.py"))["pull_back"]
    assert 5 < lines <= 25


def test_the_length_of_a_function_is_that_of_its_body(tmp_path: Path) -> None:
    path = tmp_path / "long.py"
    path.write_text('def f():\n    """One.\n\n    Two.\n    """\n' + 41 * "    pass\n")
    assert list(functions(path)) == [("f", 41)]
