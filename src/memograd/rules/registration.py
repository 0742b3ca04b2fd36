"""Registration of ops: five functions register one, with one VJP rule for each operand.

A VJP rule is a function of plain NumPy, and **its signature declares what it reads**. The cotangent
`g` comes first. Then come operands under the names that the registration gives them, `y` for the
output, `<operand>_shape` and `<operand>_dtype` for static facts, and keywords of the op. Signatures
are read once, at registration, and turned into tuples of positions. A push maps a tangent `t`, and
is written in the same way; only few ops need one, because the kind of registration implies it.

See Also
--------
memograd.rules.traits : What is known of an op beside its derivatives.

References
----------
A. Griewank, A. Walther: Evaluating Derivatives (2nd ed., 2008), chapter 3 (forward and reverse
mode).
"""

import importlib
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import Any, NamedTuple, TypeVar, overload

import numpy as np

from ..arrays.kinds import with_forms
from ..errors import NoRuleError, RegistrationError
from ..program.steps import Operand, Steps
from ..program.trace_state import current_tape, trace_on
from ..text import op_name
from .call_binding import IGNORED_KEYWORDS, NO_KWARGS, Call
from .node_lists import LISTS, find_node
from .operand_shapes import Shapes
from .parameters import BY_NAME, NO_DEFAULT, REST, Parameter, parameters
from .special_call_binding import call_of
from .structured_calls import (
    ArgumentPull,
    ArgumentPush,
    joint_pull,
    op_on_operands,
    push_for_operands,
    recorder,
    rule_for_each,
)
from .traits import NO_TRAITS, Traits, default_traits

Read = Callable[[int], Any]
Pull = Callable[[Any, int, int, Steps, Read], Any]
"""`pull(g, c, k, steps, read)`: VJP of node c for operand k, applied to the cotangent g of c."""


class VJPRule:
    """VJP rule of an op for one operand, or a push in the same form.

    Attributes
    ----------
    fn : callable
        The function of the rule module.
    pull : callable
        Application of `fn` to a node of a program.
    reads : callable
        From a position to whether `fn` reads the operand there.
    reads_output : bool
        Whether `fn` reads the output.
    """

    __slots__ = ("fn", "pull", "reads", "reads_output")

    def __init__(
        self, fn: Callable[..., Any], pull: Pull, reads: Callable[[int], bool], reads_output: bool
    ) -> None:
        self.fn, self.pull, self.reads, self.reads_output = fn, pull, reads, reads_output

    def reads_any_of(self, argnums: tuple[int, ...] | None) -> bool:
        """Return whether it reads an operand at one of these positions; for None, the output."""
        return self.reads_output if argnums is None else any(map(self.reads, argnums))


class RuleTable(dict[tuple[int, ...], tuple[tuple[int, VJPRule], ...]]):
    """Rules by the positions of one operand, such as `(0, 1)` in x*x, filled on demand.

    An entry holds the positions that have a rule, each with its rule.

    Attributes
    ----------
    of : dict of int to VJPRule
        Rules by position.
    each : VJPRule or None
        Rule for all positions, of an op over a list of operands.
    """

    def __init__(self, of: dict[int, VJPRule], each: VJPRule | None) -> None:
        self.of, self.each = of, each

    def __missing__(self, argnums: tuple[int, ...]) -> tuple[tuple[int, VJPRule], ...]:
        if self.each is not None:
            # not stored, because a list may have any number of positions
            return tuple((k, self.each) for k in argnums)
        self[argnums] = rules = tuple((k, self.of[k]) for k in argnums if k in self.of)
        return rules


class ReadIndex(dict[tuple[tuple[int, ...] | None, int], tuple[int, ...]]):
    """Positions whose rules read an operand, by (argnums of that operand, number of operands).

    The key (None, number of operands) stands for the output. Entries are filled on demand.
    """

    def __init__(self, rules: RuleTable) -> None:
        self.rules = rules

    def __missing__(self, key: tuple[tuple[int, ...] | None, int]) -> tuple[int, ...]:
        argnums, count = key
        if self.rules.each is not None:
            return tuple(range(count)) if self.rules.each.reads_any_of(argnums) else ()
        self[key] = positions = tuple(
            j for j, rule in self.rules.of.items() if j < count and rule.reads_any_of(argnums)
        )
        return positions


class Rule:
    """Op with its call binding, its derivatives and its traits.

    Attributes
    ----------
    op : callable
        The recorded function.
    kind : str
        Name of the function that registered it: ``elementwise``, ``linear``, ``multilinear``,
        ``rule`` or ``constant``.
    operands : tuple of str
        Names of the operands, in the order of their positions.
    pulls : RuleTable
        VJP rules.
    pushes : RuleTable
        Rules for tangents: those given as `push`, else the VJP rules of an elementwise op.
    readers : ReadIndex
        Positions whose VJP rules read an operand or the output.
    pure : bool
        Whether equal operands give equal bits and nothing else happens; only
        :mod:`.pure_registration` states it.
    traits : Traits
        What is known of the op beside its derivatives.
    """

    __slots__ = (
        "bind", "broadcasts", "compute", "compute_with", "keywords", "kind", "op",
        "operands", "pulls", "pure", "pushes", "readers", "traits",
    )  # fmt: skip

    def __init__(
        self,
        op: Any,
        kind: str,
        operands: tuple[str, ...],
        pulls: RuleTable,
        pushes: RuleTable,
        call: Call,
        keywords: frozenset[str],
    ) -> None:
        self.op, self.kind, self.operands, self.keywords = op, kind, operands, keywords
        self.pulls = pulls
        self.pushes = pulls if kind == "elementwise" and not pushes.of else pushes
        self.bind, self.compute = call.bind, with_forms(op, call.compute)
        self.compute_with = with_forms(op, call.compute_with) if call.compute_with else self.compute
        self.broadcasts = kind in ("elementwise", "multilinear")
        self.pure = False
        self.traits = default_traits(op, kind)
        self.readers = ReadIndex(pulls)

    def run(self, args: Iterable[Any], kwargs: dict[str, Any]) -> Any:
        """Return the op applied to a call in canonical form."""
        return self.compute_with(*args, **kwargs) if kwargs else self.compute(*args)

    def reads_shape(self, k: int) -> bool:
        """Return whether a VJP rule reads the shape of operand k."""
        shape = f"{self.operands[min(k, len(self.operands) - 1)]}_shape" if self.operands else ""
        rules = [self.pulls.each] if self.pulls.each is not None else self.pulls.of.values()
        return any(p.name == shape for rule in rules for p in parameters(rule.fn))

    def reject_keywords(self, kwargs: Iterable[str]) -> None:
        """Raise if a call uses a keyword that changes the derivative and that no rule reads."""
        unknown = [k for k in kwargs if k not in self.keywords and k not in IGNORED_KEYWORDS]
        if unknown and self.kind != "constant":
            raise NoRuleError(
                f"{op_name(self.op)} was called with {', '.join(f'{k}=' for k in unknown)}, "
                f"which its rule does not name; "
                f"the rule names {', '.join(sorted(self.keywords)) or 'no keyword'}. "
                f"Write the call without it, or register an op of your own: memograd.op, "
                f"memograd.rule."
            )


NO_RULES = RuleTable({}, None)

RULES: dict[Any, Rule] = {
    None: Rule(
        None,
        "leaf",
        (),
        NO_RULES,
        NO_RULES,
        Call(lambda args, kwargs: (args, kwargs), lambda: None),
        frozenset(),
    )
}
"""Rules of all registered ops, and of None, the op of leaves."""


JOINT_PUSHES: dict[Any, Callable[..., Any]] = {}
"""Pushes of the few ops whose tangent is not a sum of one term for each operand.

They are called as ``push(tangents, output, *operands, **keywords)``, with the tangents by position,
and a function that reads the output.
"""


UNSUPPORTED: dict[Any, str] = {}
"""Functions that are not recorded, each with the reason and a replacement."""

LAZY_RULE_MODULES = {"scipy.special": f"{__package__}.special"}
"""Rule modules that are imported when one of their ops first meets a node, by library.

Importing SciPy takes longer than importing memograd.
"""


def rule_of(op: Any) -> Rule:
    """Return the rule of an op.

    Raises
    ------
    NoRuleError
        The op has none. The message gives the reason, or the call that would register it.
    """
    rule = RULES.get(op)
    if rule is not None:
        return rule
    name = op_name(op)
    if op in UNSUPPORTED:
        raise NoRuleError(f"{name} is not recorded: {UNSUPPORTED[op]}")
    for library, module in LAZY_RULE_MODULES.items():
        if library in sys.modules and module not in sys.modules:
            importlib.import_module(module)
            return rule_of(op)
    raise NoRuleError(
        f"memograd has no rule for {name}. Register one: memograd.rule({name}, x=lambda g, x, "
        f"y: ...), where g is the cotangent of the result y. If it takes lists or gives several "
        f"results, make it with memograd.op(vjp=...). If no derivative passes through it: "
        f"memograd.constant({name})."
    )


# registration functions

OptionalDerivative = Callable[..., Any] | None
Pushes = Mapping[str, Callable[..., Any]]


def elementwise(
    op: Any, each: OptionalDerivative = None, push: Pushes = NO_KWARGS, **pulls: OptionalDerivative
) -> None:
    """Register an op that acts element by element, with broadcasting.

    Its JVP applies the same rules, with tangents for `g`.

    Parameters
    ----------
    op : callable
        A ufunc, or a function that dispatches on its arguments.
    each : callable, optional
        For an op over a list of operands: ``each(g, k, ...)`` gives the derivative for position
        `k`.
    push : mapping from str to callable, optional
        For operands, by name, the map from their tangent `t` to its term in the tangent of the
        result: ``{"x": lambda t, x, y: ...}``. Its signature declares what it reads, as that of a
        VJP rule does. It is needed only if it does not follow from the kind of the op, as for an
        elementwise op of complex numbers that is not holomorphic.
    **pulls : callable or None
        For each operand, in the order of positions, its VJP rule; None if it has no derivative.

    Raises
    ------
    RegistrationError
        A parameter name is unknown, the number of operands is wrong, a push has no VJP rule beside
        it, or the op has a rule already.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> tripled = mg.op(lambda x: 3 * x)
    >>> mg.elementwise(tripled, x=lambda g: 3 * g)
    >>> x = mg.Tape().leaf(2.0)
    >>> float(mg.grad(tripled(x), x))
    3.0
    """
    _register(op, "elementwise", pulls, each, push)


def linear(
    op: Any, each: OptionalDerivative = None, push: Pushes = NO_KWARGS, **pulls: OptionalDerivative
) -> None:
    """Register an op that is jointly linear in the operands that it names.

    Its JVP is the op itself, with tangents for operands.

    Parameters
    ----------
    op : callable
        A function that dispatches on its arguments.
    each, push, **pulls
        As for :func:`elementwise`. An operand that has a push is not put into the op.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> flipped = mg.op(lambda x: x[::-1])
    >>> mg.linear(flipped, x=lambda g: g[::-1])
    >>> x = mg.Tape().leaf([1.0, 2.0])
    >>> mg.grad(flipped(x)[0], x)
    array([0., 1.])
    """
    _register(op, "linear", pulls, each, push)


def multilinear(op: Any, each: OptionalDerivative = None, **pulls: OptionalDerivative) -> None:
    """Register an op that is linear in each operand separately, such as a matrix product.

    Its JVP is a sum of such ops.

    Parameters and errors are those of :func:`linear`; it takes no `push`.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> scaled = mg.op(lambda a, b: a * b)
    >>> mg.multilinear(scaled, a=lambda g, b: g * b, b=lambda g, a: np.sum(g * a))
    >>> a = mg.Tape().leaf([1.0, 2.0])
    >>> mg.grad(np.sum(scaled(a, 3.0)), a)
    array([3., 3.])
    """
    _register(op, "multilinear", pulls, each)


def rule(
    op: Any, each: OptionalDerivative = None, push: Pushes = NO_KWARGS, **pulls: OptionalDerivative
) -> None:
    """Register the derivatives of any other op.

    Its JVP is its `push`, or the transpose of its VJP.

    Parameters and errors are those of :func:`elementwise`.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> norm = mg.op(lambda x: np.sqrt(np.sum(x * x)))
    >>> mg.rule(norm, x=lambda g, x, y: g * x / y, push={"x": lambda t, x, y: np.sum(x * t) / y})
    >>> x = mg.Tape().leaf([3.0, 4.0])
    >>> mg.grad(norm(x), x)
    array([0.6, 0.8])
    >>> float(mg.jvp(norm(x), x, [1.0, 0.0]))
    0.6
    """
    _register(op, "rule", pulls, each, push)


def constant(*ops: Any) -> None:
    """Register ops through which no derivative passes.

    They have no derivative, or are flat wherever they have one.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> count = mg.op(lambda x: np.sum(x > 0))
    >>> mg.constant(count)
    >>> x = mg.Tape().leaf([3.0, -4.0])
    >>> mg.grad(count(x) * x[0], x)
    array([1., 0.])
    """
    for op in ops:
        _register(op, "constant", {})


def refuse_ops(reason: str, *ops: Any) -> None:
    """Register functions that are not recorded, with the reason and a replacement."""
    for op in ops:
        UNSUPPORTED[op] = reason


def set_traits(*ops: Any, **traits: Any) -> None:
    """State traits of registered ops, in addition to those that they have.

    See Also
    --------
    memograd.rules.traits.Traits : The traits and their meaning.
    """
    # Most ops of a call have the same traits before: 600 replacements at import become 150.
    replaced: dict[int, Traits] = {}
    for op in ops:
        known = RULES[op].traits
        if id(known) not in replaced:
            replaced[id(known)] = known._replace(**traits)
        RULES[op].traits = replaced[id(known)]


def traits_of(op: Any) -> Traits:
    """Return what is known of an op; nothing of one without a rule."""
    rule = RULES.get(op)
    return NO_TRAITS if rule is None else rule.traits


def ops_of_module(name: str) -> tuple[Any, ...]:
    """Return the registered ops that a module itself defines."""
    return tuple(op for op in RULES if getattr(op, "__module__", None) == name)


def ops_with(trait: str) -> tuple[Any, ...]:
    """Return the registered ops for which a trait holds, in the order of registration."""
    return tuple(op for op, rule in RULES.items() if getattr(rule.traits, trait))


F = TypeVar("F", bound=Callable[..., Any])


@overload
def op(f: F) -> F: ...


@overload
def op(*, vjp: Callable[..., Any]) -> Callable[[F], F]: ...


def op(f: Any = None, *, vjp: Any = None) -> Any:
    """Return a function that is recorded as one op if an argument is a node.

    Register its derivatives afterwards, with :func:`rule`, :func:`elementwise`, :func:`linear`,
    :func:`multilinear` or :func:`constant`. Or register them at once, with `vjp`: then the
    arguments may include lists or dicts of nodes, None, functions and keywords, and the result may
    be an array or a pytree of arrays.

    Parameters
    ----------
    f : callable
        A plain NumPy function. It must not use the tape on which it is recorded.
    vjp : callable, optional
        ``vjp(g, y, *args, **kwargs)`` gives a tuple with the cotangent of each argument, as a
        pytree of the argument's structure; None for an argument, or a part of one, without
        derivative. It is called with all positional arguments of `f`, default values included. The
        cotangent `g` and the result `y` have the structure of the result of `f`.

    Raises
    ------
    RegistrationError
        `vjp` is not callable.

    Examples
    --------
    >>> import numpy as np, memograd as mg
    >>> @mg.op
    ... def softplus(x):
    ...     return np.logaddexp(0.0, x)
    >>> mg.elementwise(softplus, x=lambda g, x: g / (1 + np.exp(-x)))
    >>> x = mg.Tape().leaf(0.0)
    >>> float(mg.grad(softplus(x), x))
    0.5

    >>> @mg.op(vjp=lambda g, y, xs, power=1: ([g * power * x ** (power - 1) for x in xs], None))
    ... def sum_of_powers(xs, power=1):
    ...     return sum(x**power for x in xs)
    >>> a, b = (mg.Tape().leaf([3.0, 4.0]))
    >>> [float(d) for d in mg.grad(sum_of_powers([a, b], 2), [a, b])]
    [6.0, 8.0]
    """
    if f is None:
        if not callable(vjp):
            raise RegistrationError(f"The vjp of an op is a function, not {vjp!r}.")
        return lambda f: general_op(f, joint_pull(f, vjp), joint=True)

    @wraps(f)
    def record_or_run(*args: Any, **kwargs: Any) -> Any:
        """Record the op if a node is among the arguments, else run it."""
        for a in (*args, *kwargs.values()):
            if type(a) is np.ndarray:
                continue
            if hasattr(type(a), "__memograd_record__"):
                return a.__memograd_record__(record_or_run, args, kwargs)
            if isinstance(a, LISTS) and (node := find_node(a)) is not None:
                return node.__memograd_record__(record_or_run, args, kwargs)
        if current_tape() is None:
            return f(*args, **kwargs)
        with trace_on(None):  # tapes inside of f compute on arrays, too
            return f(*args, **kwargs)

    record_or_run.unrecorded = f  # type: ignore[attr-defined]  # plans call it, with arrays
    return record_or_run


def general_op(f: Callable[..., Any], pull: ArgumentPull, joint: bool = False) -> Any:
    """Return a function of any signature that is recorded as one op, and register its VJP.

    Parameters
    ----------
    f : callable
        A plain NumPy function.
    pull : callable
        Its VJP, by argument; see :data:`memograd.rules.structured_calls.ArgumentPull`.
    joint : bool
        Whether `pull` gives the cotangents of all arguments at once.
    """
    applied = op_on_operands(f)
    _register(applied, "rule", {}, rule_for_each(pull, joint))
    return recorder(f, applied, joint)


def define_push(recorded: Any, push: ArgumentPush) -> None:
    """Register the JVP of what :func:`general_op` returned, in place of the transposed VJP."""
    JOINT_PUSHES[recorded.applied] = push_for_operands(push)


# registration


MIN_CACHED_OPERANDS, MAX_CACHED_LISTS = 16, 16
"""Least number of operands whose shapes are cached, and number of cached lists of operands."""

LIST_OPERANDS = ("xs",)
"""Names of the operands of an op over a list."""


def _register(
    op: Any,
    kind: str,
    pulls: dict[str, OptionalDerivative],
    each: OptionalDerivative = None,
    push: Pushes = NO_KWARGS,
) -> None:
    _check_registration(op, kind, pulls, each, push)
    operands = tuple(pulls) if each is None else LIST_OPERANDS
    call = call_of(op, operands, each is not None)
    functions = [fn for fn in (each, *pulls.values()) if fn is not None]
    sources = {fn: parameter_sources(op, operands, fn, call) for fn in functions}
    rules = {
        k: _make_rule(fn, sources[fn]) for k, fn in enumerate(pulls.values()) if fn is not None
    }
    pushes = {
        operands.index(name): _make_rule(fn, parameter_sources(op, operands, fn, call, "t"))
        for name, fn in push.items()
    }
    keywords = frozenset(s.where for own in sources.values() for s in own if s.what == "keyword")
    of_each = _make_rule(each, sources[each]) if each is not None else None
    RULES[op] = Rule(
        op,
        kind,
        operands,
        RuleTable(rules, of_each),
        RuleTable(pushes, None) if pushes else NO_RULES,
        call,
        keywords,
    )


def _check_registration(
    op: Any, kind: str, pulls: dict[str, OptionalDerivative], each: OptionalDerivative, push: Pushes
) -> None:
    """Raise if an op cannot have these rules, whatever they read."""
    name = op_name(op)
    if not callable(op):
        raise RegistrationError(f"A rule is that of a function, but got {name}.")
    if op in RULES:
        raise RegistrationError(f"{name} has a rule already, and an op has one rule.")
    if isinstance(op, np.ufunc) and pulls and len(pulls) != op.nin:
        raise RegistrationError(
            f"{name} has {op.nin} operands, but {len(pulls)} were named: {', '.join(pulls)}."
        )
    if not pulls and each is None and kind != "constant":
        raise RegistrationError(
            f"{name} was registered without a VJP rule. If no derivative passes "
            f"through it: memograd.constant({name})."
        )
    for operand, fn in {"each": each, **pulls}.items():
        if operand in ("g", "y"):
            raise RegistrationError(
                f"An operand of {name} was named {operand}, which is the "
                f"cotangent or the output. Name it otherwise."
            )
        if fn is not None and not callable(fn):
            raise RegistrationError(
                f"The VJP rule of {name} for {operand} is {fn!r}, but a VJP rule is a function "
                f"or None."
            )
    for operand, fn in push.items():
        if pulls.get(operand) is None or not callable(fn):
            raise RegistrationError(
                f"{name} was given push={{{operand!r}: {fn!r}}}, but a push is a function, for "
                f"an operand that has a VJP rule: "
                f"{', '.join(k for k, pull in pulls.items() if pull is not None)}."
            )


class ParameterSource(NamedTuple):
    """Source of a parameter of a rule: what it is, where it is, and its value if it is absent."""

    what: str
    where: Any
    default: Any = NO_DEFAULT
    by_name: str = ""
    """Name of the parameter, if it is keyword-only."""


def parameter_sources(
    op: Any, operands: tuple[str, ...], fn: Callable[..., Any], call: Call, first: str = "g"
) -> list[ParameterSource]:
    """Return the sources of a rule's parameters after the first; raise if a name is unknown."""
    own = parameters(fn)
    if not own or own[0].name != first:
        begins = f"begins with {own[0].name!r}" if own else "has none"
        what = (
            "VJP rule's first parameter is g, the cotangent"
            if first == "g"
            else "push's first parameter is t, the tangent"
        )
        raise RegistrationError(f"A {what}; one of {op_name(op)}'s {begins}.")
    sources = [_parameter_source(operands, p, call.defaults) for p in own[1:]]
    unknown = [s.where for s in sources if s.what == "keyword" and s.where not in call.keywords]
    if unknown:
        raise RegistrationError(
            f"A rule of {op_name(op)} reads {', '.join(map(repr, unknown))}, which is neither "
            f"one of its operands "
            f"({', '.join(operands)}), nor y, nor <operand>_shape or <operand>_dtype, nor one "
            f"of the op's own keywords."
        )
    return sources


def identity(a: Any) -> Any:
    """Return the value itself."""
    return a


READABLE_FACTS = (
    ("value", "", identity),
    ("shape", "_shape", np.shape),
    ("dtype", "_dtype", np.result_type),
)
"""Facts of operands that rules may read: fact, suffix of the parameter, function of constants."""


def _parameter_source(
    operands: tuple[str, ...], p: Parameter, defaults: Mapping[str, Any]
) -> ParameterSource:
    by_name = p.name if p.kind is BY_NAME else ""
    if p.kind is REST:
        return ParameterSource("rest", len(operands))
    if p.name == "y":
        return ParameterSource("output", None, by_name=by_name)
    if operands == LIST_OPERANDS and p.name in ("k", "xs", "xs_shape"):
        return ParameterSource({"k": "position", "xs": "values", "xs_shape": "shapes"}[p.name], 0)
    for k, name in enumerate(operands):
        for what, suffix, of in READABLE_FACTS:
            if p.name == name + suffix:
                return ParameterSource(
                    what, k, _default(p, defaults.get(name, NO_DEFAULT), of), by_name
                )
    return ParameterSource(
        "keyword", p.name, _default(p, defaults.get(p.name, NO_DEFAULT), identity), by_name
    )


def _default(p: Parameter, own: Any, of: Callable[[Any], Any]) -> Any:
    """Return the default of a parameter of a rule, for a call without that argument.

    It is that of the rule, else `own`, that of the op.
    """
    return p.default if own is NO_DEFAULT or p.default is not NO_DEFAULT else of(own)


def _make_rule(fn: Callable[..., Any], sources: list[ParameterSource]) -> VJPRule:
    positions = {s.where for s in sources if s.what == "value"}
    start = min((s.where for s in sources if s.what in ("rest", "values")), default=None)

    def reads(k: int) -> bool:
        return k in positions or (start is not None and k >= start)

    return VJPRule(fn, make_pull(fn, sources), reads, any(s.what == "output" for s in sources))


# application of a rule: special cases for the three signatures that most rules have


def make_pull(fn: Callable[..., Any], sources: list[ParameterSource]) -> Pull:
    """Return the application of a rule whose parameters read these sources."""
    match [s.what if not s.by_name else "" for s in sources]:
        case []:
            return lambda g, c, k, steps, read: fn(g)
        case ["output"]:
            return lambda g, c, k, steps, read: fn(g, read(c))
        case ["value"] if sources[0].default is NO_DEFAULT:
            return _pull_one(fn, sources[0].where)
        case ["value", "value" | "output"] if all(s.default is NO_DEFAULT for s in sources):
            return _pull_two(fn, sources[0].where, sources[1].where)
        case _:
            return _pull_any(fn, sources)


def _pull_one(fn: Callable[..., Any], position: int) -> Pull:
    def pull(g: Any, c: int, k: int, steps: Steps, read: Read) -> Any:
        """Return the contribution of a consumer to the cotangent of an operand."""
        a = steps[c].args[position]
        return fn(g, read(a) if type(a) is Operand else a)

    return pull


def _pull_two(fn: Callable[..., Any], first: int, second: int | None) -> Pull:
    def pull(g: Any, c: int, k: int, steps: Steps, read: Read) -> Any:
        """Return the contribution of a consumer to the cotangent of an operand."""
        args = steps[c].args
        a, b = args[first], Operand(c) if second is None else args[second]
        return fn(g, read(a) if type(a) is Operand else a, read(b) if type(b) is Operand else b)

    return pull


def _pull_any(fn: Callable[..., Any], sources: list[ParameterSource]) -> Pull:
    fetches = [
        (PARAMETER_READERS[s.what], s) for s in sources if s.what != "rest" and not s.by_name
    ]
    named = [(PARAMETER_READERS[s.what], s) for s in sources if s.by_name]
    rest = next((s for s in sources if s.what == "rest"), None)

    def pull(g: Any, c: int, k: int, steps: Steps, read: Read) -> Any:
        """Return the contribution of a consumer to the cotangent of an operand."""
        got = [fetch(s, c, k, steps, read) for fetch, s in fetches]
        if rest is not None:
            got.extend(_read_values(rest, c, k, steps, read))
        if not named:
            return fn(g, *got)
        return fn(g, *got, **{s.by_name: fetch(s, c, k, steps, read) for fetch, s in named})

    return pull


def _value(s: ParameterSource, c: int, k: int, steps: Steps, read: Read) -> Any:
    args = steps[c].args
    a = args[s.where] if s.where < len(args) else s.default
    return read(a) if type(a) is Operand else a


def _read_values(s: ParameterSource, c: int, k: int, steps: Steps, read: Read) -> list[Any]:
    return [read(a) if type(a) is Operand else a for a in steps[c].args[s.where :]]


def _shape(s: ParameterSource, c: int, k: int, steps: Steps, read: Read) -> Any:
    args = steps[c].args
    return _operand_shape(args[s.where], steps) if s.where < len(args) else s.default


_SHAPES: dict[int, tuple[Any, Shapes]] = {}
"""Cached shapes of lists of operands, by the id of the step's operand, which is stored, too."""


def _shapes(s: ParameterSource, c: int, k: int, steps: Steps, read: Read) -> Shapes:
    step = steps[c]
    if len(step.args) < MIN_CACHED_OPERANDS:
        return Shapes(_operand_shape(a, steps) for a in step.args)
    known = _SHAPES.get(id(step.operand))
    if known is not None and known[0] is step.operand:
        return known[1]
    shapes = Shapes(_operand_shape(a, steps) for a in step.args)
    if len(_SHAPES) >= MAX_CACHED_LISTS:
        _SHAPES.clear()
    _SHAPES[id(step.operand)] = step.operand, shapes
    return shapes


def _operand_shape(a: Any, steps: Steps) -> Any:
    return steps[a].shape if type(a) is Operand else np.shape(a)


def _dtype(s: ParameterSource, c: int, k: int, steps: Steps, read: Read) -> Any:
    args = steps[c].args
    if s.where >= len(args):
        return s.default
    a = args[s.where]
    return steps[a].dtype if type(a) is Operand else np.result_type(a)


PARAMETER_READERS: dict[str, Callable[[ParameterSource, int, int, Steps, Read], Any]] = {
    "value": _value,
    "values": _read_values,
    "shape": _shape,
    "shapes": _shapes,
    "dtype": _dtype,
    "keyword": lambda s, c, k, steps, read: steps[c].kwargs.get(s.where, s.default),
    "output": lambda s, c, k, steps, read: read(c),
    "position": lambda s, c, k, steps, read: k,
}
