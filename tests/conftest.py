"""What every test shares: one seed, printed; hypothesis without a clock; and which memograd is tested, in the header."""

import random

import numpy as np
import pytest
from hypothesis import settings

import memograd

SEED = 20260

# The same examples in each run, and no deadline: a slow machine is no error.
settings.register_profile("memograd", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("memograd")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--shuffle", type=int, metavar="SEED", help="run the tests in the random order of this seed"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Shuffle the tests where this is asked for.

    Addresses in the names of tests are refused: the processes of pytest-xdist must agree on the names.
    """
    addressed = [item.nodeid for item in items if " at 0x" in item.nodeid]
    if addressed:
        raise pytest.UsageError("Give these cases ids without addresses:\n" + "\n".join(addressed))
    seed = config.getoption("shuffle")
    if seed is not None:
        random.Random(seed).shuffle(items)


def pytest_report_header() -> str:
    return f"memograd {memograd.__version__} from {memograd.__path__[0]}, NumPy {np.__version__}, seed {SEED}"


@pytest.fixture
def rng() -> np.random.Generator:
    """A generator that begins at the same number in every test."""
    return np.random.default_rng(SEED)


@pytest.fixture
def tape() -> memograd.Tape:
    """An empty tape; a file whose tests want another has a fixture of its own."""
    return memograd.Tape()


@pytest.fixture
def x(tape: memograd.Tape) -> memograd.Node:
    """A leaf of two numbers on it."""
    return tape.leaf([1.0, 2.0], name="x")


# --------------------------------------------- how much work each way took: a table at the end of the run


@pytest.fixture
def work(request):
    """Report (memograd, full backprop, path sums): how many derivatives each computed."""

    def report(name, memograd, backprop, paths):
        request.node.user_properties.append(("work", (name, memograd, backprop, paths)))

    return report


def pytest_terminal_summary(terminalreporter):
    passed = terminalreporter.getreports("passed")
    rows = sorted(
        value for report in passed for name, value in report.user_properties if name == "work"
    )
    if not rows:
        return
    terminalreporter.section("work: local derivatives applied")
    terminalreporter.write_line(
        f"{'program and request':<44}{'memograd':>10}{'backprop':>10}{'path sums':>22}"
    )
    for name, *counts in rows:
        terminalreporter.write_line(
            f"{name:<44}" + f"{counts[0]:>10}{counts[1]:>10}{counts[2]:>22}"
        )
