"""The libraries that take part: one interface over the derivatives of each."""

import os
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

import memograd as mg

from .problem import Data, Eval, Inputs

Call = Callable[[], Any]


def arrays_of(result: Any) -> list[np.ndarray]:
    """Return the arrays of any library's result, flat."""
    if isinstance(result, tuple | list):
        return [array for part in result for array in arrays_of(part)]
    return [np.asarray(result.detach() if hasattr(result, "detach") else result)]


def disagreement(result: Any, truth: Any) -> float:
    """Return the largest difference, relative to the largest element of each array.

    Infinity stands for another number of arrays, or other shapes.
    """
    got, wanted = arrays_of(result), arrays_of(truth)
    if [g.shape for g in got] != [w.shape for w in wanted]:
        return np.inf
    return max(float(np.max(np.abs(g - w)) / _largest(w)) for g, w in zip(got, wanted, strict=True))


def _largest(array: np.ndarray) -> Any:
    return np.max(np.abs(array)) or 1.0


class Memograd:
    """Plans, as `functional.compiled` makes them of a function's derivative."""

    name = "memograd"
    sum = staticmethod(np.sum)

    def grad(self, f: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *xs: mg.functional.grad(f, tuple(range(len(xs))))(*xs)

    def grad_and_hvp(self, f: Callable[..., Any], xs: Any, vs: Any) -> Any:
        return mg.functional.jvp(self.grad(f), xs, vs)

    def jacobian(self, f: Callable[..., Any]) -> Callable[..., Any]:
        return mg.functional.jacobian(f)

    def jvp(self, f: Callable[..., Any], x: Any, v: Any) -> Any:
        return mg.functional.jvp(f, (x,), (v,))[1]

    def eager(self, eval: Eval, objective: Callable[..., Any], inputs: Inputs, d: Data) -> Call:
        """Return the call without a plan."""
        return partial(eval.derivative(self, partial(objective, np, d), d), *inputs)

    def prepare(self, eval: Eval, objective: Callable[..., Any], inputs: Inputs, d: Data) -> Call:
        f = mg.functional.compiled(eval.derivative(self, partial(objective, np, d), d))
        return partial(f, *inputs)


class Manual:
    """The derivative by hand."""

    name = "manual"

    def prepare(self, eval: Eval, objective: Callable[..., Any], inputs: Inputs, d: Data) -> Call:
        return partial(eval.manual, d, *inputs)


class Autograd:
    """HIPS autograd, from which come no compiled functions."""

    name = "autograd"

    def __init__(self) -> None:
        import autograd
        import autograd.numpy

        self.library, self.np = autograd, autograd.numpy
        self.sum = self.np.sum

    def grad(self, f: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *xs: self.library.grad(f, tuple(range(len(xs))))(*xs)

    def grad_and_hvp(self, f: Callable[..., Any], xs: Any, vs: Any) -> Any:
        def along(*xs: Any) -> Any:
            return sum(self.sum(g * v) for g, v in zip(self.grad(f)(*xs), vs, strict=True))

        return self.grad(f)(*xs), self.grad(along)(*xs)

    def prepare(self, eval: Eval, objective: Callable[..., Any], inputs: Inputs, d: Data) -> Call:
        f = eval.derivative(self, partial(objective, self.np, d), d)
        return partial(f, *inputs)


class Jax:
    """JAX on one thread, in double precision, compiled."""

    name = "jax"

    def __init__(self) -> None:
        os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
        import jax
        import jax.numpy

        jax.config.update("jax_enable_x64", True)
        jax.config.update("jax_platforms", "cpu")
        # The call itself computes, so that its thread's time is the whole time.
        jax.config.update("jax_cpu_enable_async_dispatch", False)
        self.library, self.np = jax, jax.numpy
        self.sum = self.np.sum

    def grad(self, f: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *xs: self.library.grad(f, tuple(range(len(xs))))(*xs)

    def grad_and_hvp(self, f: Callable[..., Any], xs: Any, vs: Any) -> Any:
        return self.library.jvp(self.grad(f), xs, vs)

    def jacobian(self, f: Callable[..., Any]) -> Callable[..., Any]:
        return self.library.jacfwd(f)

    def jvp(self, f: Callable[..., Any], x: Any, v: Any) -> Any:
        return self.library.jvp(f, (x,), (v,))[1]

    def prepare(self, eval: Eval, objective: Callable[..., Any], inputs: Inputs, d: Data) -> Call:
        arrays = {k: self.np.asarray(v) for k, v in d.items() if isinstance(v, np.ndarray)}
        numbers = {k: v for k, v in d.items() if k not in arrays}

        # Arrays are arguments: XLA would fold closed-over ones at great length.
        def derivative(arrays: Data, *inputs: Any) -> Any:
            d = numbers | arrays
            return eval.derivative(self, partial(objective, self.np, d), d)(*inputs)

        f = self.library.jit(derivative)
        placed = [self.np.asarray(x) for x in inputs]
        return lambda: self.library.block_until_ready(f(arrays, *placed))


class Torch:
    """PyTorch on one thread, eager."""

    name = "torch"

    def __init__(self) -> None:
        import torch

        torch.set_num_threads(1)
        self.library, self.np, self.sum = torch, TorchNumpy(torch), torch.sum

    def grad(self, f: Callable[..., Any]) -> Callable[..., Any]:
        def gradient(*xs: Any) -> Any:
            nested = any(x.requires_grad for x in xs)
            leaves = xs if nested else [x.detach().requires_grad_() for x in xs]
            return self.library.autograd.grad(f(*leaves), leaves, create_graph=nested)

        return gradient

    def grad_and_hvp(self, f: Callable[..., Any], xs: Any, vs: Any) -> Any:
        leaves = [x.detach().requires_grad_() for x in xs]
        gradient = self.library.autograd.grad(f(*leaves), leaves, create_graph=True)
        return gradient, self.library.autograd.grad(gradient, leaves, vs)

    def jacobian(self, f: Callable[..., Any]) -> Callable[..., Any]:
        return self.library.func.jacfwd(f)

    def jvp(self, f: Callable[..., Any], x: Any, v: Any) -> Any:
        return self.library.func.jvp(f, (x,), (v,))[1]

    def prepare(self, eval: Eval, objective: Callable[..., Any], inputs: Inputs, d: Data) -> Call:
        d = {k: self._place(v) if isinstance(v, np.ndarray) else v for k, v in d.items()}
        f = eval.derivative(self, partial(objective, self.np, d), d)
        placed = [self._place(np.asarray(x)) for x in inputs]
        return partial(f, *placed)

    def _place(self, array: np.ndarray) -> Any:
        return self.library.tensor(array)


class TorchNumpy:
    """PyTorch's functions under NumPy's names, where they differ."""

    def __init__(self, torch: Any) -> None:
        self.torch = torch

    def __getattr__(self, name: str) -> Any:
        return getattr(self.torch, name)

    def max(self, x: Any, axis: Any = (), keepdims: bool = False) -> Any:
        return self.torch.amax(x, dim=axis, keepdim=keepdims)

    def min(self, x: Any, axis: Any = (), keepdims: bool = False) -> Any:
        return self.torch.amin(x, dim=axis, keepdim=keepdims)

    def eye(self, n: int) -> Any:
        return self.torch.eye(n, dtype=self.torch.float64)

    def cross(self, a: Any, b: Any) -> Any:
        return self.torch.linalg.cross(a, b)


def prepare(library: Any, eval: Eval, spelling: str, inputs: Inputs, d: Data) -> Call:
    """Return the call of an eval that is timed."""
    if library.name in eval.programs:
        return partial(eval.programs[library.name](d), *inputs)
    objective = eval.peers.get(library.name, eval.objectives[spelling])
    return library.prepare(eval, objective, inputs, d)


LIBRARIES: dict[str, Callable[[], Any]] = {
    library.name: library for library in (Memograd, Manual, Jax, Torch, Autograd)
}
