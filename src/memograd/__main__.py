"""The command line: ``python -m memograd coverage``."""

import argparse
import json
import sys
from collections.abc import Sequence

from .coverage import by_class, survey, table


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command, given by its words; those of the command line by default."""
    args = parser().parse_args(argv)
    code: int = args.run(args)
    return code


def parser() -> argparse.ArgumentParser:
    """What the command line takes: one subcommand, each with a function `run` of what was parsed."""
    whole = argparse.ArgumentParser(prog="python -m memograd", description="What memograd knows, on the command line.")
    commands = whole.add_subparsers(required=True, metavar="command")
    coverage = commands.add_parser("coverage", help="the public functions of NumPy and SciPy, by class", description=coverage_of.__doc__)
    coverage.add_argument("--json", action="store_true", help="all names, and the reasons of those that are refused")
    coverage.set_defaults(run=coverage_of)
    return whole


def coverage_of(args: argparse.Namespace) -> int:
    """Which public functions of NumPy and SciPy are differentiable, constant, or refused."""
    rows = survey()
    print(json.dumps(by_class(rows), indent=2) if args.json else table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
