"""memograd: a lazy, memoized, dynamic-programming gradient solver for NumPy code.

A networkx DiGraph holds the ops that NumPy code applied. `grad(L, target)` computes only the
derivatives it needs, keeps each ∂L/∂node in a table, and can log every visit, store, read and drop.

Record and ask::

    Tape             a program that grows as NumPy functions are applied to its leaves
    Node             a leaf, or one application of a function: behaves like its array
    grad             the derivative of a scalar by nodes
    grad_node        the same as a node, which can be differentiated again
    table            the derivatives that are known of one output
    Log, Event       what each request did, step by step
    stop_gradient    a node as a constant

Other derivatives::

    vjp, jvp, hvp    products with Jacobians and Hessians
    jacobian         ∂y/∂x for a y of any shape
    JacobianReport   how a Jacobian was computed, and why
    hessian          second derivatives
    functional       derivatives of plain Python functions, and compiled functions
    scan             a loop over the rows of arrays, as one node
    while_loop       a loop while a condition holds, as one node
    fixed_point      an iteration to its fixed point, as one node
    cond             one of two computations, chosen by a value
    optimize         SciPy's optimisers, with the derivatives
    plan, Plan       straight-line NumPy code for a part of a tape

To understand::

    explain          why a derivative is zero, NaN, infinite or of a surprising size
    preview          what a request would compute
    why              why an entry is kept, stale or recomputed
    derive           a derivation by the chain rule, with numbers
    draw             a picture of the program
    player           a page that plays what a request did
    check            gradients and rules against central differences
    baselines        full backpropagation and sums over paths, to compare with

To keep, and to extend::

    save, load       a tape with its values and derivatives, in a file
    persist          derivatives that Dask's scheduler computes and keeps
    op               a function of your own as one op
    elementwise      the derivatives of an op that acts element by element
    linear           those of a linear op
    multilinear      those of an op that is linear in each operand
    rule             those of any other op
    constant         ops without derivatives
    MemogradError    the base of every error

Modules: `memograd.numpy`, `memograd.scipy`, `memograd.autograd` and `memograd.errors` are imported
by these names; the guide describes them. ``help(mg.grad)`` has the whole text of one name.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .errors import MemogradError
from .program.warning_lines import name_user_lines
from .rules.control import stop_gradient
from .rules.registration import constant, elementwise, linear, multilinear, op, rule
from .solver.events import Event
from .solver.gradients import grad
from .solver.log import Log
from .solver.symbolic import grad_node
from .solver.table_view import table
from .tape.node import Node
from .tape.tape import Tape

if TYPE_CHECKING:
    from . import baselines, check, functional, optimize
    from .archive import load, save
    from .diagnostics.derivation import derive
    from .diagnostics.dry_run import preview
    from .diagnostics.explanations import explain
    from .diagnostics.provenance import why
    from .drawing import draw, player
    from .jacobians.api import hessian, jacobian
    from .jacobians.report import JacobianReport
    from .plans.executable import Plan, plan
    from .plans.loops.branches import cond
    from .plans.loops.fixed_points import fixed_point
    from .plans.loops.scans import scan
    from .plans.loops.while_loops import while_loop
    from .solver.dask_persist import persist
    from .transforms.products import hvp, jvp, vjp

__version__ = "0.1.0"

__all__ = [
    "Event",
    "Log",
    "MemogradError",
    "Node",
    "Plan",
    "JacobianReport",
    "Tape",
    "__version__",
    "baselines",
    "check",
    "cond",
    "constant",
    "derive",
    "draw",
    "elementwise",
    "explain",
    "fixed_point",
    "functional",
    "grad",
    "grad_node",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "linear",
    "load",
    "multilinear",
    "op",
    "optimize",
    "persist",
    "player",
    "preview",
    "plan",
    "rule",
    "stop_gradient",
    "save",
    "scan",
    "table",
    "vjp",
    "while_loop",
    "why",
]

LATER = {
    "baselines": "",
    "check": "",
    "functional": "",
    "optimize": "",
    "derive": "diagnostics.derivation",
    "explain": "diagnostics.explanations",
    "preview": "diagnostics.dry_run",
    "why": "diagnostics.provenance",
    "Plan": "plans.executable",
    "plan": "plans.executable",
    "draw": "drawing",
    "player": "drawing",
    "hessian": "jacobians.api",
    "jacobian": "jacobians.api",
    "JacobianReport": "jacobians.report",
    "save": "archive",
    "load": "archive",
    "vjp": "transforms.products",
    "jvp": "transforms.products",
    "hvp": "transforms.products",
    "persist": "solver.dask_persist",
    "scan": "plans.loops.scans",
    "fixed_point": "plans.loops.fixed_points",
    "while_loop": "plans.loops.while_loops",
    "cond": "plans.loops.branches",
}
"""Public names that are imported when first used, each with its module; empty for a module itself.

So a program does not pay for parts that it does not use.
"""


if not TYPE_CHECKING:  # a checker takes any name for one of the module's if it sees this

    def __getattr__(name: str) -> Any:
        if name not in LATER:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module = import_module(f".{LATER[name] or name}", __name__)
        return getattr(module, name) if LATER[name] else module


def __dir__() -> list[str]:
    return sorted(__all__)


name_user_lines()
