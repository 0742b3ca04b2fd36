"""Advice for refused conversions: who asked for the value, and which function to call instead.

It is looked for only when an error is raised.
"""

import ast
import builtins
import dis
import inspect
import linecache
import os
import sysconfig
from collections.abc import Hashable, Iterator
from functools import cache
from importlib import import_module
from itertools import islice, takewhile
from types import FrameType, ModuleType
from typing import Any, NamedTuple

import numpy as np

from ..program.source_location import Location
from ..rules.registration import UNSUPPORTED
from ..text import printable

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
CORE = (HERE, os.path.dirname(os.path.abspath(np.__file__)) + os.sep)

OTHER_NAMES = {
    "acos": "np.arccos",
    "acosh": "np.arccosh",
    "asin": "np.arcsin",
    "asinh": "np.arcsinh",
    "atan": "np.arctan",
    "atan2": "np.arctan2",
    "atanh": "np.arctanh",
    "pow": "np.power",
    "fsum": "np.sum",
    "sumprod": "np.dot",
    "dist": "np.linalg.norm",
    "remainder": "np.remainder",
    "ldexp": "x * 2.0**n",
    "phase": "np.angle",
    "fma": "x * y + z",
    "comb": "memograd.scipy.special.comb",
    "erf": "memograd.scipy.special.erf",
    "erfc": "memograd.scipy.special.erfc",
    "gamma": "memograd.scipy.special.gamma",
    "lgamma": "memograd.scipy.special.gammaln",
    "factorial": "memograd.scipy.special.factorial",
}
"""Functions of `math` and `cmath` that have another name in NumPy, or none there."""

ELSEWHERE = {
    "integrate.trapezoid": "np.trapezoid",
    "integrate.cumulative_trapezoid": "np.cumsum over np.diff",
    "linalg.norm": "np.linalg.norm",
}
"""Functions of SciPy whose namesake is NumPy's."""

OTHER_LIBRARIES = {
    "backward": "derivatives are asked for. Use mg.grad(L, x), for any nodes x.",
    "detach": "Use mg.stop_gradient(x), or x.value for the number itself.",
    "grad": "derivatives are kept in the table of each output. Use mg.grad(L, x).",
    "numpy": "Use x.value.",
    "requires_grad": "each leaf of floats has derivatives. Use mg.grad(L, x) for those you need.",
    "zero_grad": "no derivative is added to an earlier one. Leave it out.",
}
"""Attributes of other libraries' arrays, with what memograd has in their place."""

KNOWN = frozenset({"math", "cmath", "numpy", "scipy", "builtins"})
"""Packages for whose functions there is advice."""

CONVERTERS = frozenset(
    {
        "array",
        "asarray",
        "asanyarray",
        "ascontiguousarray",
        "asfortranarray",
        "asarray_chkfinite",
        "from_dlpack",
        "fromiter",
    }
)
"""Functions of NumPy that make an array of what they are given, and nothing else."""


SWALLOWERS = frozenset(
    {inspect.unwrap(np.array_equal).__code__, inspect.unwrap(np.array_equiv).__code__}
)
"""Code of NumPy's functions that answer False where the conversion of an operand raises an error.
"""

UFUNCS_OF_OPERATORS: dict[type[ast.AST], str] = {
    ast.Add: "add",
    ast.Sub: "subtract",
    ast.Mult: "multiply",
    ast.Div: "divide",
    ast.FloorDiv: "floor_divide",
    ast.Mod: "remainder",
    ast.Pow: "power",
    ast.MatMult: "matmul",
    ast.BitAnd: "bitwise_and",
    ast.BitOr: "bitwise_or",
    ast.BitXor: "bitwise_xor",
    ast.Eq: "equal",
    ast.NotEq: "not_equal",
    ast.Lt: "less",
    ast.LtE: "less_equal",
    ast.Gt: "greater",
    ast.GtE: "greater_equal",
}
"""Ufuncs of NumPy by the operators of Python's that call them."""


class Caller(NamedTuple):
    """Caller of a conversion: the user's line, and the function that it calls.

    Attributes
    ----------
    line : (str, int) or None
        File and number.
    text : str
        The line itself; empty where there is no source.
    name : str
        The function that was called there, as it is written; empty where the line does not show it.
    module, path : str
        What that is: ``"scipy.stats"`` and ``"norm.logpdf"``, or ``"operator"`` and ``"add"`` for
        ``+``; empty where it is of no library that is known here.
    stores : bool
        Whether items of an array were set there.
    """

    line: Location | None = None
    text: str = ""
    name: str = ""
    module: str = ""
    path: str = ""
    stores: bool = False

    def __str__(self) -> str:
        by = f" by {printable(self.name)}" if self.name else ""
        at = f" at {self.line[0]}:{self.line[1]}" if self.line else ""
        return f"{by}{at}{f', `{printable(self.text, 100)}`' if self.text else ''}"


# who asked


def caller_of(frame: FrameType | None) -> Caller:
    """Return the line of the user's from which `frame` was reached, and what it called."""
    frame = _user_frame(frame)
    if frame is None:
        return Caller()
    code = frame.f_code
    first, last, start, end = next(
        islice(code.co_positions(), frame.f_lasti // 2, None), (None,) * 4
    )
    number = first if first is not None else frame.f_lineno
    lines = linecache.getlines(code.co_filename, frame.f_globals)
    text = lines[number - 1].strip() if 0 < number <= len(lines) else ""
    stores = dis.opname[code.co_code[frame.f_lasti]] in ("STORE_SUBSCR", "STORE_SLICE")
    known = Caller((code.co_filename, number), text, stores=stores)
    if text and last is not None and start is not None and end is not None:
        return _parse_caller(known, _segment(lines[number - 1 : last], start, end), frame)
    return known


def _user_frame(frame: FrameType | None) -> FrameType | None:
    """Return the nearest frame outside all installed libraries, else outside memograd and NumPy."""
    outside = [f for f in _frames_outwards(frame) if not f.f_code.co_filename.startswith(CORE)]
    return next(
        (f for f in outside if not f.f_code.co_filename.startswith(_libraries())),
        outside[0] if outside else None,
    )


def swallows_errors(frame: FrameType | None) -> bool:
    """Return whether a conversion in `frame` was asked by a function that hides its error."""
    return frame is not None and frame.f_code in SWALLOWERS


def _frames_outwards(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


@cache
def _libraries() -> tuple[str, ...]:
    """Return the folders of libraries: the standard one, installed packages, frozen modules."""
    paths = sysconfig.get_paths()
    return (
        *(paths[key] + os.sep for key in ("stdlib", "platstdlib", "purelib", "platlib")),
        "<frozen ",
    )


def _segment(lines: list[str], start: int, end: int) -> str:
    """Return the text between two columns, which Python counts in UTF-8."""
    encoded = [line.encode() for line in lines]
    encoded[-1] = encoded[-1][:end]
    encoded[0] = encoded[0][start:]
    return b"".join(encoded).decode(errors="replace")


def _parse_caller(known: Caller, segment: str, frame: FrameType) -> Caller:
    """Return the caller with what the running expression says."""
    try:
        expression = ast.parse(f"({segment}\n)", mode="eval").body
    except SyntaxError:
        return known
    if len(known.text) > 100:
        known = known._replace(text=" ".join(segment.split()))
    if isinstance(expression, ast.BinOp | ast.Compare):
        operator = expression.op if isinstance(expression, ast.BinOp) else expression.ops[0]
        ufunc = UFUNCS_OF_OPERATORS.get(type(operator), "")
        return known._replace(module="operator", path=ufunc) if ufunc else known
    if not isinstance(expression, ast.Call):
        return known
    module, path = _function(expression.func, frame)
    return known._replace(name=ast.unparse(expression.func), module=module, path=path)


def _function(called: ast.expr, frame: FrameType) -> tuple[str, str]:
    """Return the public module and name of a function written as ``a.b.c``; neither otherwise."""
    if isinstance(called, ast.Call):  # np.vectorize(f)(x)
        return _function(called.func, frame)
    names: list[str] = []
    while isinstance(called, ast.Attribute):
        names.insert(0, called.attr)
        called = called.value
    if not isinstance(called, ast.Name):
        return "", ""
    found, module, own = _variable(called.id, frame), "", called.id
    while isinstance(found, ModuleType) and names:
        module, own = found.__name__, names.pop(0)
        found = getattr(found, own, None)
    if not module:
        module, own = _defining_module(found, own)
    return _public_name(module), ".".join([own, *names])


def _defining_module(found: Any, name: str) -> tuple[str, str]:
    """Return the module and the name of a function, a class, or the class of an object."""
    if isinstance(found, np.vectorize | np.ndarray):
        return "numpy", type(found).__name__
    module = getattr(found, "__module__", None) or type(found).__module__
    return str(module), str(
        getattr(found, "__name__", None) or getattr(found, "name", None) or name
    )


def _public_name(module: str) -> str:
    """Return the public module of a private one; nothing for modules without advice."""
    parts = list(takewhile(lambda part: not part.startswith("_"), module.split(".")))
    return ".".join(parts) if parts and parts[0] in KNOWN else ""


def _variable(name: str, frame: FrameType) -> Any:
    for scope in (frame.f_locals, frame.f_globals, vars(builtins)):
        if name in scope:
            return scope[name]
    return None


# what to do instead


def alternative(caller: Caller) -> str:
    """Return a sentence with a function that keeps the derivative; empty if none is known."""
    if caller.stores:
        return (
            "Items of an array a cannot be set to nodes, or at nodes: write "
            "a = np.zeros_like(v, shape=a.shape), then a.at[i].set(v), which returns the changed "
            "array; or np.stack of the items."
        )
    top, _, module = caller.module.partition(".")
    if top in ("math", "cmath"):
        name = caller.path
        instead = OTHER_NAMES.get(name) or (f"np.{name}" if hasattr(np, name) else "")
        return f"Use {instead}." if instead else "Write it with NumPy's functions."
    if top == "numpy":
        return _of_numpys(module, caller.path)
    if top == "scipy":
        return _of_scipys(f"{module}.{caller.path}" if module else caller.path)
    if top == "operator":
        return (
            f"NumPy's arrays do not look into lists: write memograd.numpy.{caller.path}(a, [...]) "
            f"in place of the operator, or np.stack of the list."
        )
    if top == "builtins" and caller.path in ("float", "complex"):
        return (
            "Leave float() out: a node is a number already."
            if caller.path == "float"
            else "Write x + 0j: a node is a number already."
        )
    return ""


def _of_numpys(module: str, path: str) -> str:
    """Return what to write in place of a NumPy function that does not dispatch on its arguments."""
    if module == "random":
        return (
            "Draw standard numbers, and shift and scale them: loc + scale * "
            "rng.standard_normal(shape)."
        )
    own = import_module(
        "memograd.numpy"
    ).OWN  # a module above this one: looked up for the message alone
    name = f"{module}.{path}" if module else path
    if path in CONVERTERS:
        return (
            f"Use np.stack for lists of nodes, or "
            f"memograd.numpy.{path if path in own else 'array'}; a node is an array already."
        )
    if path in own:
        return f"Use memograd.numpy.{path}."
    if path == "vectorize" or path.startswith("vectorize."):
        return "Call the function on the whole array, or write np.stack([f(a) for a in x])."
    if path in ("float64", "float32", "float16", "longdouble", "complex128", "complex64"):
        return f"Use np.astype(x, np.{path}); a node is an array already."
    if path == "arange":  # the length of the result would depend on values
        return "Write start + step * np.arange(n), where n is a number."
    if path.startswith("ndarray."):
        return _of_array_methods(path.removeprefix("ndarray."))
    if _is_served("numpy", name):
        return (
            f"Use memograd.numpy.{name}, which takes lists of nodes; or give np.{name} "
            f"np.stack(list) in place of the list."
        )
    found = _attribute("numpy", name)
    if isinstance(found, Hashable) and found in UNSUPPORTED:
        return f"memograd does not record np.{name}: {UNSUPPORTED[found]}"
    return (
        f"memograd does not record np.{name}: write it with NumPy's functions of arrays, or "
        f"register an op of your own: memograd.op."
    )


def _of_array_methods(name: str) -> str:
    """Return what to write in place of a method of an array that is given a node."""
    function = getattr(np, name, None)
    if function is None or (isinstance(function, Hashable) and function in UNSUPPORTED):
        return "An array holds no nodes: write np.where, np.stack, or x.at[i].set(v)."
    return (
        f"Methods of arrays do not look for nodes: write np.{name}(a, x) in place of a.{name}(x)."
    )


def _attribute(module: str, path: str) -> Any:
    """Return what a module has under a path such as ``linalg.norm``; None if there is nothing."""
    found: Any = import_module(module)
    for name in path.split("."):
        found = getattr(found, name, None)
    return found


def _is_served(module: str, path: str) -> bool:
    """Return whether memograd's module of the same name has a function in place of a library's."""
    found = _attribute(f"memograd.{module}", path)
    return found is not None and found is not _attribute(module, path)


def _of_scipys(path: str) -> str:
    """Return memograd's function of the same name as one of SciPy's, if there is one."""
    if path in ELSEWHERE:
        return f"Use {ELSEWHERE[path]}."
    module, _, names = path.partition(".")
    if module in ("special", "linalg", "stats", "signal", "integrate"):
        ours: Any = import_module(f"memograd.scipy.{module}")
        name, _, method = names.partition(".")
        if name in ours.__all__ and (not method or method in vars(getattr(ours, name))):
            return f"Use memograd.scipy.{path}."
        if module == "special" and _is_served("scipy.special", names):
            return f"Use memograd.scipy.{path}, which takes lists of nodes."
    return (
        f"memograd.scipy has no {path}: write it with NumPy's functions, or register an op of "
        f"your own: memograd.op."
    )
