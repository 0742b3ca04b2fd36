"""What the tools of PyTorch, JAX and micrograd show of the programs, each used as its own documentation does it."""

import importlib.util
import io
import os
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from inspection_programs import NAN, WALK, ZERO, Program, Shown, View, asked, named

Look = Callable[[Program], Shown]


def outcome(run: Callable[[], Any]) -> Shown:
    """What a switch tells that may stop the run: its warnings and its error, or nothing."""
    with warnings.catch_warnings(record=True) as caught, redirect_stdout(io.StringIO()) as printed:
        warnings.simplefilter("always")
        try:
            run()
        except (RuntimeError, ArithmeticError) as error:
            told = [
                printed.getvalue(),
                *(str(warning.message) for warning in caught),
                *traceback.format_exception(error),
            ]
            return Shown("\n".join(told), goes_on=False)
    return Shown(printed.getvalue())


# PyTorch, torchviz, TorchLens.


def tensors(program: Program) -> dict[str, Any]:
    import torch

    return {
        name: torch.tensor(value, requires_grad=name in program.asked)
        for name, value in program.arrays.items()
    }


def torch_gradient(program: Program) -> Any:
    import torch

    inputs = tensors(program)
    return torch.autograd.grad(
        program.run(torch, **inputs), [inputs[name] for name in program.asked]
    )


def anomalies(program: Program) -> Shown:
    """PyTorch's anomaly mode: it tells of a NaN with the lines of the forward call."""
    import torch

    with warnings.catch_warnings(action="ignore"):
        mode = torch.autograd.detect_anomaly()
    with mode:
        return outcome(lambda: torch_gradient(program))


def torchviz_drawing(program: Program) -> Shown:
    """torchviz's drawing, in which only leaves, output and saved tensors have colours of their own."""
    import torch
    from torchviz import make_dot

    inputs = tensors(program)
    loss = program.run(torch, **inputs)
    dot = make_dot(
        loss,
        params={name: inputs[name] for name in program.asked},
        show_attrs=True,
        show_saved=True,
    )
    loss.backward()
    boxes, coloured, saved = (
        dot.source.count(mark) for mark in ("label=", "fillcolor=", "fillcolor=orange")
    )
    return Shown(
        dot.pipe(format="svg", encoding="utf-8"),
        nodes=coloured - saved,
        backward=boxes - coloured,
        kept=saved,
    )


def traced(program: Program) -> Any:
    """TorchLens' trace of both passes."""
    import torch
    import torchlens

    class Module(torch.nn.Module):
        def forward(self, *inputs: Any) -> Any:
            return program.run(torch, *inputs)

    options = torchlens.options.CaptureOptions(save_grads=True)
    trace = torchlens.trace(Module(), list(tensors(program).values()), capture=options)
    return trace.log_backward(trace[trace.output_layers[0]].out)


def lens(tell: Callable[[Any], str], program: Program) -> Shown:
    """A text of TorchLens' about the program, and how many ops and backward functions it names."""
    trace = traced(program)
    text = tell(trace)
    nodes, backward = (
        named((record.label.partition(":")[0] for record in records), text)
        for records in (trace.ops, trace.grad_fns)
    )
    return Shown(
        text,
        nodes=nodes,
        backward=backward,
        computed=text.count(" fired "),
        kept=text.count("\nvalue "),
    )


def lens_drawing(trace: Any) -> str:
    with tempfile.TemporaryDirectory() as folder:
        trace.draw_combined(vis_outpath=f"{folder}/both", vis_fileformat="svg", vis_save_only=True)
        return Path(folder, "both.svg").read_text(encoding="utf-8")


def lens_page(trace: Any) -> str:
    import torchlens

    with tempfile.TemporaryDirectory() as folder:
        html = torchlens.export.html(trace, Path(folder, "trace.html"), graph="flat")
        return str(html.read_text(encoding="utf-8"))


def lens_records(trace: Any) -> str:
    """Every op as it prints, with the lines that made it, its value and its gradient; and what each backward function did."""
    rows = [f"{op}\n{lens_lines(op)}\nvalue {op.out}\ngradient {op.grad}" for op in trace.ops]
    return "\n".join(
        [
            *rows,
            *(
                f"{function.label} fired {len(list(function.calls))} times"
                for function in trace.grad_fns
            ),
        ]
    )


def lens_lines(op: Any) -> str:
    return " ".join(f"{at.file}:{at.line_number}" for at in op.code_context)


def lens_births(trace: Any) -> str:
    """Where NaNs of the backward pass were born, and what each step did with them."""
    import torchlens

    found = torchlens.debug.bisect_nan_backward(trace)
    steps = [step for step in found.transitions if step.op_label]
    return "\n".join(
        [
            found.message,
            *(
                f"{s.op_label} {s.grad_fn_class} {s.verdict} {lens_lines(trace[s.op_label])}"
                for s in steps
            ),
        ]
    )


def lens_flow(trace: Any) -> str:
    """What two reports, of gradients and of units, find dead, each row with the lines of its op."""
    import torchlens

    flow, _ = torchlens.debug.gradient_flow_audit_rows(trace)
    units, _ = torchlens.debug.dead_neurons_rows(trace)
    return "\n".join(
        f"{row} {lens_lines(trace[row['op']])}"
        for row in (*flow, *units)
        if row.get("dead") or row.get("dead_count")
    )


# JAX.


def jax_program(program: Program) -> Callable[..., Any]:
    import jax

    return partial(program.run, SimpleNamespace(**vars(jax.numpy), relu=jax.nn.relu))


def jax_gradient(program: Program) -> Callable[..., Any]:
    import jax

    return jax.grad(
        jax_program(program), [list(program.arrays).index(name) for name in program.asked]
    )


def jax_run(program: Program) -> Any:
    import jax

    return jax.block_until_ready(
        jax_gradient(program)(*map(jax.numpy.asarray, program.arrays.values()))
    )


def jaxpr(function: Callable[[Program], Callable[..., Any]], program: Program) -> Shown:
    """The program that JAX makes, with its lines and what each equation was transformed by; nothing runs."""
    import jax

    made = jax.make_jaxpr(function(program))(*program.arrays.values())
    back = sum("transpose" in str(equation.source_info.name_stack) for equation in made.eqns)
    text = made.pretty_print(source_info=True, name_stack=True)
    return Shown(
        text, nodes=len(made.in_avals) + len(made.eqns) - back, backward=back, computed=back
    )


def residuals(program: Program) -> Shown:
    """What JAX keeps of the forward run."""
    from jax.ad_checkpoint import print_saved_residuals

    with redirect_stdout(io.StringIO()) as printed:
        print_saved_residuals(jax_program(program), *program.arrays.values())
    return Shown(printed.getvalue(), kept=printed.getvalue().count("\n"))


def switched(switch: str, program: Program) -> Shown:
    """A run with one of JAX' debug switches on."""
    import jax

    jax.config.update(switch, True)
    try:
        return outcome(lambda: jax_run(program))
    finally:
        jax.config.update(switch, False)


# micrograd.


def scalars(program: Program) -> Any:
    """The program's graph with the ops that micrograd has, on scalars: + * ** and relu; a mask is a factor."""
    from micrograd.engine import Value

    if program is WALK:
        W1, W2, W3, p = map(Value, (1.234, -0.567, 0.891, 1.357))
        g, h, e, f = W1**2, W1**3, W3**2, p**2
        h * W2.relu()
        return g * (W2 * e * f)
    if program is NAN:
        return Value(0.0) ** 0.5 * 0.0 + Value(0.0) ** 0.5 * 0.0
    W, b, v = map(Value, (0.123, -10.0, 0.456))
    return (W * 2.0 + b).relu() * v


def scalar_gradient(program: Program) -> Any:
    """micrograd's backward pass, which fills in every gradient."""
    loss = scalars(program)
    loss.backward()
    return loss


def values_of(loss: Any) -> list[Any]:
    """Every Value that leads to the loss."""
    found, waiting = [], [loss]
    while waiting:
        value = waiting.pop()
        if value not in found:
            found.append(value)
            waiting.extend(value._prev)
    return found


def notebook_drawing(program: Program) -> Shown:
    """The drawing of micrograd's notebook: a box with value and gradient for each Value, and a node for each op."""
    from graphviz import Digraph

    if program is NAN:
        return outcome(lambda: scalar_gradient(program))
    loss, dot = scalar_gradient(program), Digraph(graph_attr={"rankdir": "LR"})
    values = values_of(loss)
    for value in values:
        dot.node(
            f"{id(value)}", f"{{ data {value.data:.4f} | grad {value.grad:.4f} }}", shape="record"
        )
        if value._op:
            dot.node(f"{id(value)} op", value._op)
            dot.edge(f"{id(value)} op", f"{id(value)}")
            dot.edges((f"{id(operand)}", f"{id(value)} op") for operand in value._prev)
    numbers = (
        [value.data for value in values],
        [value.grad for value in values if value is not loss],
    )
    return Shown(dot.pipe(format="svg", encoding="utf-8"), nodes=len(values), numbers=numbers)


# All of them.

Looks = dict[str, dict[str, Look]]

DRAWINGS: Looks = {
    "torchviz": {"`make_dot`, SVG": torchviz_drawing},
    "micrograd": {"the notebook's drawing, SVG": notebook_drawing},
}

WALKS: Looks = {
    "torchviz": DRAWINGS["torchviz"],
    "torchlens": {
        "`draw_combined`, SVG": partial(lens, lens_drawing),
        "`export.html`, HTML": partial(lens, lens_page),
        "its records, text": partial(lens, lens_records),
        "`summary`, text": partial(lens, lambda trace: str(trace.summary())),
    },
    "jax": {
        "`make_jaxpr` of L, text": partial(jaxpr, jax_program),
        "`make_jaxpr` of the gradient, text": partial(jaxpr, jax_gradient),
        "`print_saved_residuals`, text": residuals,
    },
    "micrograd": DRAWINGS["micrograd"],
}


def faults(output: str, tell: Callable[[Any], str]) -> Looks:
    """What there is for a fault, TorchLens having a report for each kind."""
    return {
        "torch": {"anomaly mode": anomalies},
        "torchviz": DRAWINGS["torchviz"],
        "torchlens": {output: partial(lens, tell)},
        "jax": {
            f"`{switch}`": partial(switched, switch)
            for switch in ("jax_debug_nans", "jax_debug_infs")
        },
        "micrograd": DRAWINGS["micrograd"],
    }


LOOKS = {
    WALK.title: WALKS,
    NAN.title: faults("`bisect_nan_backward`, data", lens_births),
    ZERO.title: faults("`gradient_flow_audit_rows` and `dead_neurons_rows`, data", lens_flow),
}

BARE = dict.fromkeys(("torch", "torchviz", "torchlens"), torch_gradient) | {
    "jax": jax_run,
    "micrograd": scalar_gradient,
}
"""The gradient and no more, for each tool."""


def installed() -> list[str]:
    return [tool for tool in BARE if importlib.util.find_spec(tool)]


def prepare() -> None:
    """One thread and float64 for all of them."""
    warnings.filterwarnings(
        "ignore", r"os\.fork\(\) was called", RuntimeWarning
    )  # `dot` is run beside JAX's threads
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    if "jax" in installed():
        import jax

        jax.config.update("jax_enable_x64", True)
    if "torch" in installed():
        import torch

        torch.set_num_threads(1)


def agree(program: Program) -> None:
    """The peers' programs have memograd's derivatives."""
    _, ours = asked(program)
    for tool in {"torch", "jax"} & set(installed()):
        for mine, theirs in zip(ours, BARE[tool](program), strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-12)


def views(program: Program) -> Iterator[View]:
    """What the peers that are installed have to show."""
    agree(program)
    for tool, looks in LOOKS[program.title].items():
        for output, look in looks.items() if tool in installed() else ():
            yield View(tool, output, partial(look, program), partial(BARE[tool], program))
