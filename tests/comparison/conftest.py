"""Collects how much work each way took, and prints the table at the end of the run."""

import pytest

ROWS: dict[str, tuple[int, int, int]] = {}


@pytest.fixture
def work():
    """Report (memograd, full backprop, path sums): how many derivatives each computed."""

    def report(name, memograd, backprop, paths):
        ROWS[name] = (memograd, backprop, paths)

    return report


def pytest_terminal_summary(terminalreporter):
    if not ROWS:
        return
    terminalreporter.section("work: local derivatives applied")
    terminalreporter.write_line(f"{'program and request':<44}{'memograd':>10}{'backprop':>10}{'path sums':>22}")
    for name, counts in ROWS.items():
        terminalreporter.write_line(f"{name:<44}" + f"{counts[0]:>10}{counts[1]:>10}{counts[2]:>22}")
