"""Encoding of a program as columns.

Calls, shapes and source lines that many nodes have in common are written once, and referred to by
number.
"""

from collections.abc import Iterator
from keyword import iskeyword
from typing import Any

import numpy as np

from ..errors import ArchiveError
from ..memory.memory import Memory
from ..program.steps import Operand, Step, Steps
from ..rules.call_binding import NO_KWARGS
from ..rules.indexing import output
from ..rules.registration import rule_of
from ..tape.tape import is_reserved
from ..text import describe, op_name, printable
from .array_packing import Packer
from .array_unpacking import read_shape
from .constants import Decoder, encode
from .op_names import DTYPES, NAMED_TYPES, name_to_save, ops_by_name, resolve_ops
from .validation import (
    MOST_ENTRIES,
    Sheet,
    check_integer,
    check_moderate,
    encode_differences,
    one,
    one_of,
    raise_damaged,
)

HOLE = {"operand": None}
"""Placeholder of an operand in a call."""

CallForm = tuple[tuple[Any, ...], dict[str, Any]]
"""Arguments of a call, with holes, and its keywords."""

PROGRAM_KEYS = "ids ops op calls call operands facts fact files lines line names of next"


class Numbered(dict[Any, int]):
    """Distinct objects, numbered in the order of their first occurrence."""

    def __missing__(self, key: Any) -> int:
        self[key] = number = len(self)
        return number


# to write


def encode_program(memory: Memory, packer: Packer) -> dict[str, Any]:
    """Encode the program as JSON."""
    steps, calls, facts, files, lines = (
        memory.steps.values(),
        Calls(packer),
        Numbered(),
        Numbered(),
        Numbered(),
    )
    ops = Numbered({None: 0})
    check_moderate(sum(len(step.args) for step in steps), "arguments")
    names, of = memory.nodes.names, memory.nodes.of
    return {
        "ids": encode_differences(memory.steps),
        "op": [ops[step.op] for step in steps],
        "call": [calls.number(step, memory) for step in steps],
        "operands": [
            int(step.operand) - int(a) for step in steps for a in step.args if type(a) is Operand
        ],
        "fact": [facts[step.shape, step.dtype] for step in steps],
        "line": [lines[step.location] for step in steps],
        "ops": [name_to_save(op, calls.ops) for op in ops if op is not None],
        "calls": calls.written,
        "facts": [_encode_fact(shape, dtype) for shape, dtype in facts],
        "lines": [line and [files[line[0]], line[1]] for line in lines],
        "files": list(files),
        "names": {"nodes": encode_differences(names), "names": list(names.values())},
        "of": {
            "nodes": encode_differences(of),
            "outputs": [L for L, _ in of.values()],
            "by": [n for _, n in of.values()],
        },
    }


def _encode_fact(shape: Any, dtype: Any) -> Any:
    """Encode a shape with its dtype; a list of them if a value is a tuple."""
    if type(dtype) is tuple:
        return {"tuple": [_encode_fact(*each) for each in zip(shape, dtype, strict=True)]}
    return {"array": [NAMED_TYPES[dtype], shape]}


class Calls:
    """Distinct forms of calls as JSON: arguments with holes for operands, and keywords."""

    def __init__(self, packer: Packer) -> None:
        self.packer, self.ops = packer, ops_by_name()
        self.written: list[Any] = []
        self._numbers: dict[Any, int] = {}

    def number(self, step: Step, memory: Memory) -> int:
        """Return the number of a step's form."""
        args, kwargs = step.args, step.kwargs
        plain = not kwargs and all(type(a) is Operand for a in args)
        key = len(args) if plain else repr(call := self._call(step, memory))
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self.written)
            self.written.append([[HOLE] * len(args), {}] if plain else call)
        return number

    def _call(self, step: Step, memory: Memory) -> Any:
        put, ops = self.packer.put, self.ops
        try:
            args = [HOLE if type(a) is Operand else encode(a, put, ops) for a in step.args]
            return [args, {name: encode(a, put, ops) for name, a in step.kwargs.items()}]
        except ArchiveError as error:
            raise saving_error(memory, step.operand, error) from None


def saving_error(memory: Memory, n: int, error: ArchiveError) -> ArchiveError:
    """Return the error with the node to which it applies."""
    return ArchiveError(f"{describe(memory.nodes[n])} cannot be saved. {error}")


# to read


def decode_steps(sheet: Sheet, items: list[Any]) -> Steps:
    """Decode the steps; the operands of each come before it."""
    forms, ids, steps = CallForms(sheet, items), sheet.sums("ids"), Steps()
    facts, lines, back = (
        _decode_facts(sheet),
        _decode_lines(sheet),
        iter(sheet.numbers("operands", least=1)),
    )
    columns = (
        sheet.numbers("op", len(ids), len(forms.ops)),
        sheet.numbers("call", len(ids), len(forms.calls)),
        sheet.numbers("fact", len(ids), len(facts)),
        sheet.numbers("line", len(ids), len(lines)),
    )
    if sum(len(forms.calls[call][0]) for call in columns[1]) > MOST_ENTRIES:
        raise_damaged(f"its nodes have more than {MOST_ENTRIES} arguments")
    for n, op, call, fact, line in zip(ids, *columns, strict=True):
        args, kwargs = forms[op, call]
        steps[n] = Step(
            Operand(n),
            forms.ops[op],
            _fill_arguments(args, n, back, steps),
            kwargs,
            *facts[fact],
            lines[line],
        )
    if len(steps) < len(ids) or sorted(ids) != ids or next(back, None) is not None:
        raise_damaged("the nodes are not in order, or have fewer operands than it says")
    _check_outputs(steps)
    return steps


def _check_outputs(steps: Steps) -> None:
    """Raise if a node with several outputs is read otherwise than by `output` and a number."""
    for step in steps.values():
        for a in step.args:
            if type(a) is Operand and type(dtypes := steps[a].dtype) is tuple:
                number = step.args[1] if step.op is output and len(step.args) == 2 else None
                if type(number) is not int or not 0 <= number < len(dtypes):
                    raise_damaged(f"node {step.operand} reads no one of the several outputs of {a}")


def _fill_arguments(
    args: tuple[Any, ...], n: int, back: Iterator[int], steps: Steps
) -> tuple[Any, ...]:
    """Fill operands into the holes of arguments; `back` yields each one's distance before n."""
    try:
        return tuple([steps[n - next(back)].operand if a is HOLE else a for a in args])
    except (KeyError, StopIteration):
        raise_damaged(f"an operand of node {n} is no node before it")


class CallForms(dict[tuple[int, int], CallForm]):
    """Decoded calls: arguments and keywords by the numbers of an op and a form.

    Each pair is checked once: the op must accept such a call.
    """

    def __init__(self, sheet: Sheet, items: list[Any]) -> None:
        by_name = ops_by_name()
        self.ops = [None, *resolve_ops(sheet.texts("ops"), by_name)]
        decoder = Decoder(items, by_name)
        self.calls = [_decode_form(call, decoder) for call in sheet.items("calls")]

    def __missing__(self, key: tuple[int, int]) -> CallForm:
        op, (args, kwargs) = self.ops[key[0]], self.calls[key[1]]
        count = 0 if op is None else op.nin if isinstance(op, np.ufunc) else len(args)
        if len(args) != count or (op is None and kwargs):
            raise_damaged(f"{op_name(op) if op else 'a leaf'} has {len(args)} arguments")
        rule_of(op).reject_keywords(kwargs)
        self[key] = args, kwargs
        return args, kwargs


def _decode_form(call: Any, decoder: Decoder) -> CallForm:
    """Decode arguments with holes, and keywords.

    Keywords must be identifiers: plans write them into generated code.
    """
    if (
        type(call) is not list
        or len(call) != 2
        or type(call[0]) is not list
        or type(call[1]) is not dict
    ):
        raise_damaged("a call is no list of arguments with keywords")
    args, kwargs = call
    if not all(name.isidentifier() and not iskeyword(name) and name != "out" for name in kwargs):
        raise_damaged(f"a call has the keywords {printable(', '.join(kwargs))}")
    filled = tuple([HOLE if a == HOLE else decoder.decode_constant(a) for a in args])
    return filled, {name: decoder.decode_constant(a) for name, a in kwargs.items()} or NO_KWARGS


def _decode_facts(sheet: Sheet) -> list[tuple[Any, Any]]:
    return [_decode_fact(fact) for fact in sheet.items("facts")]


def _decode_fact(fact: Any) -> tuple[Any, Any]:
    """Decode a shape and a dtype, or a tuple of each."""
    tag, content = one(fact, ("array", "tuple"))
    if type(content) is not list or (tag == "array" and len(content) != 2):
        raise_damaged("a node has no shape and dtype")
    if tag == "array":
        return read_shape(content[1]), one_of(DTYPES, content[0], "dtype")
    each = [_decode_fact(part) for part in content]
    return tuple(shape for shape, _ in each), tuple(dtype for _, dtype in each)


def _decode_lines(sheet: Sheet) -> list[tuple[str, int] | None]:
    """Decode the source lines at which the user's code made nodes."""
    files = sheet.texts("files")
    return [None if line is None else _decode_line(line, files) for line in sheet.items("lines")]


def _decode_line(line: Any, files: list[str]) -> tuple[str, int]:
    if type(line) is not list or len(line) != 2:
        raise_damaged("a line is no file and number")
    return files[check_integer(line[0], "the number of a file", len(files))], check_integer(
        line[1], "the number of a line"
    )


def decode_names(sheet: Sheet, steps: Steps) -> dict[int, str]:
    """Decode the names that were given to nodes."""
    named = sheet.sheet("names", "nodes names")
    nodes, names = decode_nodes(named, steps), named.texts("names")
    if (
        len(names) != len(nodes)
        or len(set(names)) < len(names)
        or not all(names)
        or any(map(is_reserved, names))
    ):
        raise_damaged(
            "two nodes have one name, or one has none, or one that is kept for unnamed nodes"
        )
    return dict(zip(nodes, names, strict=True))


def decode_derivatives(sheet: Sheet, steps: Steps) -> dict[int, tuple[int, int]]:
    """Decode, for each node recorded by the recursion, L and the node n of its ∂L/∂n."""
    of = sheet.sheet("of", "nodes outputs by")
    nodes = decode_nodes(of, steps)
    pairs = list(zip(of.numbers("outputs", len(nodes)), of.numbers("by", len(nodes)), strict=True))
    if not all(L in steps and n in steps for L, n in pairs):
        raise_damaged("a node was recorded for one that is not there")
    return dict(zip(nodes, pairs, strict=True))


def decode_nodes(sheet: Sheet, steps: Steps) -> list[int]:
    """Decode a list of nodes of the program, each of which occurs once."""
    nodes = sheet.sums("nodes")
    if len(set(nodes)) < len(nodes) or not steps.keys() >= set(nodes):
        raise_damaged(f"{sheet.where} tells of a node that is not there, or of one twice")
    return nodes
