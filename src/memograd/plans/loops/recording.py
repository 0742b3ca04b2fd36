"""Recording: in a plan, the run of a scan keeps what its pull reads of each step.

A plan that holds a scan and its derivative would run the steps twice. With this rewrite the run
stacks the values that the pull of a step reads, as further results, and the pull starts from them:
an LSTM of 64 steps takes 0.7 of the time. A scan with slots keeps states, and runs steps again.
"""

from typing import Any

from ...program.steps import Operand
from ...rules.call_binding import NO_KWARGS
from ...rules.indexing import output
from ...rules.traits import NO_TRAITS
from ..ir import Graph, GraphBuilder, Instruction
from ..op_traits import KERNELS
from ..passes.common_subexpressions import atom
from .ops import Loop, pull_loop, run_scan


def pull_recorded(*xs: Any, loop: Any, outputs: Any, wanted: Any, recorded: Any) -> Any:
    """Return the cotangents of a scan's wanted operands, a tuple.

    The operands are those of the scan, the cotangents of these outputs, and the stacks of these
    nodes of the body.
    """
    count, end = len(loop.inputs()), len(loop.inputs()) + len(outputs)
    g = dict(zip(outputs, xs[count:end], strict=True))
    return loop.pull_recorded(xs[:count], g, wanted, recorded, xs[end:])


def share_steps(graph: Graph) -> Graph:
    """Let each scan record what the pulls with the same operands read."""
    pairs = find_pairs(graph)
    builder, stacks = GraphBuilder(graph), dict[int, dict[int, Operand]]()
    run_of = {pull: run for run, pulls in pairs.items() for pull in pulls}
    for n, instruction in builder:
        if n in pairs:
            pulls = [graph.instructions[pull] for pull in pairs[n]]
            stacks[n] = emit_recording(builder, n, instruction, pulls)
        elif n in run_of:
            builder.emit(n, read_recording(instruction, stacks[run_of[n]]))
        else:
            builder.emit(n, instruction)
    return builder.build()


def find_pairs(graph: Graph) -> dict[int, list[int]]:
    """Return for each run of a scan the pulls of the same scan with the same operands."""
    runs: dict[Any, int] = {}
    pairs: dict[int, list[int]] = {}
    for n, instruction in graph.instructions.items():
        if instruction.op is run_scan:
            runs.setdefault(key_of_run(instruction.kwargs["loop"], instruction.args), n)
        elif instruction.op is pull_loop:
            loop = instruction.kwargs["loop"]
            run = runs.get(key_of_run(loop, instruction.args[: len(loop.inputs())]))
            if run is not None and loop.slots is None:
                pairs.setdefault(run, []).append(n)
    return pairs


def key_of_run(loop: Loop, args: tuple[Any, ...]) -> Any:
    """Return a key that runs of one loop with the same operands share."""
    return atom(loop), tuple(a if type(a) is Operand else atom(a) for a in args)


def emit_recording(
    builder: GraphBuilder, n: int, instruction: Instruction, pulls: list[Instruction]
) -> dict[int, Operand]:
    """Emit the run of a scan that records, and return the stacks by node of the body."""
    scan = instruction.kwargs["loop"]
    read = [scan.nodes_to_record(pull.kwargs["outputs"], pull.kwargs["wanted"]) for pull in pulls]
    nodes = tuple(dict.fromkeys(node for each in read for node in each))
    recording = scan.recording(nodes)
    shapes, dtypes = zip(*recording.outputs(), strict=True)
    builder.emit(n, Instruction(run_scan, instruction.args, {"loop": recording}, shapes, dtypes))
    first = len(shapes) - len(nodes)
    return {
        node: builder.add(Instruction(output, (Operand(n), k), NO_KWARGS, shapes[k], dtypes[k]))
        for k, node in enumerate(nodes, first)
    }


def read_recording(instruction: Instruction, stacks: dict[int, Operand]) -> Instruction:
    """Return the pull that starts from the stacks."""
    kwargs = instruction.kwargs
    recorded = tuple(kwargs["loop"].nodes_to_record(kwargs["outputs"], kwargs["wanted"]))
    args = *instruction.args, *(stacks[node] for node in recorded)
    named = {**kwargs, "recorded": recorded}
    return Instruction(pull_recorded, args, named, instruction.shape, instruction.dtype)


KERNELS[pull_recorded] = NO_TRAITS
