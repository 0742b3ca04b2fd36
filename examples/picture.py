"""The graph of the walkthrough as a picture: ``python examples/picture.py > examples/section13.svg``.

It is that of section 13 of M. Tomassoli, "Calculus and Backpropagation" (2016).
"""

import sys

import memograd as mg
from memograd.cli.walkthrough import TARGETS, section_13


def main() -> None:
    tape, log = section_13(), mg.Log()
    for name in TARGETS:
        mg.grad(tape["L"], tape[name], log=log)
    sys.stdout.write(mg.draw(tape["L"], log=log) + "\n")


if __name__ == "__main__":
    main()
