"""The command line: ``memograd``, or ``python -m memograd``."""

import argparse
import codecs
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import import_module

from .cli import commands
from .drawing import WRITERS
from .errors import MemogradError

EXAMPLES = """\
examples:
  memograd walkthrough                    three requests on a graph of thirteen nodes
  memograd walkthrough --html walk.html   the same as a page that plays it
  memograd coverage                       what is differentiable
  memograd show run.memograd              the nodes of a tape saved by memograd.save
  memograd show run.memograd --draw svg > run.svg
  memograd grad run.memograd L W1 W2 --log --save
  memograd why run.memograd L W1          why the table holds what it holds
  memograd explain run.memograd L W1      why it is zero, infinite or NaN
  memograd check run.memograd L W1        against finite differences
  memograd compare run.memograd L W1      against backprop and sums over paths
  memograd completion bash > ~/.local/share/bash-completion/completions/memograd

exit codes:
  0 done; 1 something was found wrong; 2 it could not be carried out; 141 the output was closed
"""

CLOSED = 141
"""Exit code of a program whose output was closed: 128 and the number of the signal SIGPIPE."""

PLAIN = {
    "∂": "d",
    "→": "->",
    "←": "<-",
    "✗": "x",
    "·": "*",
    "…": "...",
    "–": "-",
    "−": "-",
    "∞": "inf",
    "Σ": "sum ",
}
"""Signs in ASCII, for outputs whose encoding does not have them."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code; `argv` are its words, by default sys.argv[1:]."""
    codecs.register_error("memograd", replace_by_ascii)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="memograd")
    try:
        try:
            args = parser().parse_args(argv)
            code: int = args.run(args)
        finally:
            print(end="", flush=True)  # while an error can still be reported
    except BrokenPipeError:
        discard_output()
        return CLOSED
    except (MemogradError, OSError) as error:
        discard_output()
        print(
            f"memograd: {error.args[0] if isinstance(error, KeyError) else error}", file=sys.stderr
        )
        return 2
    return code


def replace_by_ascii(error: UnicodeError) -> tuple[str, int]:
    """Return ASCII text in the place of characters that an encoding does not have."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    missing = error.object[error.start : error.end]
    return "".join(
        PLAIN.get(c) or c.encode("ascii", "backslashreplace").decode("ascii") for c in missing
    ), error.end


def discard_output() -> None:
    """Discard the rest of the output if it cannot be written.

    Otherwise Python would try again at its end, and print an error.
    """
    try:
        print(end="", flush=True)
    except OSError:
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line, with a subcommand for each command.

    Each subcommand has a function `run` that takes the parsed arguments.
    """
    plain = argparse.RawDescriptionHelpFormatter
    whole = argparse.ArgumentParser(
        "memograd", description="Gradients that remember.", epilog=EXAMPLES, formatter_class=plain
    )
    whole.add_argument(
        "--version", action="version", version=f"memograd {import_module('memograd').__version__}"
    )
    add = whole.add_subparsers(required=True, metavar="command").add_parser

    page = command(add, "walkthrough", commands.walkthrough)
    page.add_argument("--html", metavar="FILE", help="write a page that plays it")
    surveyed = command(add, "coverage", commands.coverage)
    surveyed.add_argument("--traits", action="store_true", help="print what is not known of ops")
    shown = add_file_argument(command(add, "show", commands.show))
    shown.add_argument(
        "output", nargs="?", help="the node to draw around; by default the last scalar"
    )
    shown.add_argument("--draw", choices=WRITERS, help="print a picture in this format")
    found = add_target_arguments(command(add, "grad", commands.gradient))
    found.add_argument("--log", action="store_true", help="print the transcript, too")
    found.add_argument("--save", action="store_true", help="keep what was found in the file")
    for name, run in (
        ("why", commands.reason),
        ("explain", commands.explanation),
        ("check", commands.check),
        ("compare", commands.compare),
    ):
        add_target_arguments(command(add, name, run))
    shells = add(
        "completion", help=commands.completion.__doc__, description=commands.completion.__doc__
    )
    shells.add_argument("shell", choices=("bash", "zsh", "tcsh"))
    shells.set_defaults(run=commands.completion, parser=parser)
    return whole


Add = Callable[..., argparse.ArgumentParser]


def command(
    add: Add, name: str, run: Callable[[argparse.Namespace], int]
) -> argparse.ArgumentParser:
    """Add a subcommand, described by the docstring of `run`, which can answer in JSON."""
    made = add(name, help=run.__doc__, description=run.__doc__)
    made.add_argument("--json", action="store_true", help="answer in JSON")
    made.set_defaults(run=run)
    return made


def add_file_argument(made: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Let a subcommand take a saved tape."""
    made.add_argument("file", help="a tape saved by memograd.save")
    return made


def add_target_arguments(made: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Let a subcommand take derivatives on a saved tape."""
    add_file_argument(made).add_argument("output", help="L, by name or id")
    made.add_argument(
        "targets", nargs="+", metavar="target", help="by what to differentiate, by name or id"
    )
    return made


if __name__ == "__main__":
    sys.exit(main())
