"""Sample calls for the ops of numpy.linalg and numpy.fft, and the forms in which test_linalg.py and test_fft.py try them."""

from typing import Any

import numpy as np

from memograd.rules.decompositions import singular_pull, values_pull

SEED = 20160321


def call(*args: Any, **kwargs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """A sample call, as it is written."""
    return args, kwargs


def array(*shape: int, seed: int = 0) -> Any:
    """Normal numbers, the same at each call for one shape and seed."""
    return np.random.default_rng([SEED, seed, *shape]).normal(size=shape)


def complex_array(*shape: int, seed: int = 0) -> Any:
    """Complex ones."""
    return array(*shape, seed=seed) + 1j * array(*shape, seed=seed + 100)


def positive(*shape: int) -> Any:
    """Symmetric matrices with all eigenvalues far above 0 and apart."""
    return (
        array(*shape) * 0.2
        + np.swapaxes(array(*shape) * 0.2, -1, -2)
        + np.diag(np.arange(4.0, 4 + 2 * shape[-1], 2))
    )


def regular(*shape: int) -> Any:
    """Matrices far from singular ones."""
    return array(*shape) * 0.4 + np.diag(np.arange(2.0, 2 + shape[-1]))


A, B, WIDE, TALL, STACK = regular(3, 3), array(3, 2), array(2, 4), array(4, 3), regular(2, 3, 3)
V, W = array(3), array(3, seed=1)
FFT = [call(array(5)), call(array(2, 6), 4), call(array(2, 5), n=8), call(array(4, 3), None, 0, "ortho"),
       call(array(2, 4, 3), 5, axis=1, norm="forward"), call(array(3), 1)]  # fmt: skip
HALF = [call(complex_array(4)), call(complex_array(2, 4), 7), call(complex_array(2, 4), n=5), call(complex_array(4, 3), 8, 0, "ortho"),
        call(complex_array(2, 4, 3), 11, axis=1, norm="forward"), call(complex_array(3), 1), call(array(4))]  # fmt: skip
FFT2 = [call(array(4, 3)), call(array(2, 4, 3), (3, 5), (0, 2)), call(array(4, 5), (6, 3), (-1, 0), "ortho"),
        call(array(2, 4, 3), axes=(1, 2), norm="forward"), call(array(2, 3, 4), s=(2, -1), axes=(0, 1))]  # fmt: skip
HALF2 = [call(complex_array(4, 3)), call(complex_array(2, 4, 3), (3, 5), (0, 2)), call(complex_array(4, 5), (6, 3), (-1, 0), "ortho"),
         call(complex_array(2, 4, 3), axes=(1, 2), norm="forward")]  # fmt: skip
FFTN = [
    *FFT2,
    call(array(2, 3, 4)),
    call(array(3, 4), axes=(1,)),
    call(array(5), s=(7,), axes=(0,)),
]
HALFN = [
    *HALF2,
    call(complex_array(2, 3, 4)),
    call(complex_array(3, 4), axes=(1,)),
    call(complex_array(5), s=(7,), axes=(0,)),
]

LINALG: dict[Any, list[Any]] = {
    np.linalg.inv: [call(A), call(STACK), call(regular(2, 1, 2, 2))],
    np.linalg.pinv: [call(A), call(WIDE), call(TALL), call(array(2, 4, 3)), call(TALL, 1e-10), call(WIDE, rtol=1e-10),
                     call(positive(3, 3), hermitian=True)],
    np.linalg.solve: [call(A, V), call(A, B), call(STACK, V), call(STACK, B), call(A, array(2, 3, 2)), call(STACK, array(2, 3, 2)),
                      call(regular(4, 1, 2, 2), array(3, 2, 5))],
    np.linalg.tensorinv: [call(array(4, 6, 8, 3)), call(array(6, 2, 3), ind=1)],
    np.linalg.tensorsolve: [call(array(6, 2, 3), array(6)), call(array(2, 3, 6), array(2, 3)), call(array(2, 4, 6, 3), array(4, 3), (0, 2)),
                            call(array(3, 2, 6), array(6), axes=(1, 0))],
    np.linalg.lstsq: [call(TALL, array(4)), call(TALL, array(4, 2)), call(A, V), call(WIDE, array(2)), call(WIDE, array(2, 3), 1e-9)],
    np.linalg.matrix_power: [call(A, n) for n in (0, 1, 2, 3, 6, 7, -1, -3)] + [call(STACK, 3), call(STACK, n=-2)],
    np.linalg.det: [call(A), call(STACK), call(regular(2, 2)), call(array(1, 1)), call(np.ones((3, 3))), call(np.zeros((2, 2))),
                    call(np.diag([1.0, 2.0, 0.0])), call(np.eye(3))],
    np.linalg.slogdet: [call(A), call(STACK), call(-A)],
    np.linalg.cholesky: [call(positive(3, 3)), call(positive(2, 3, 3)), call(positive(3, 3), upper=True), call(positive(1, 1))],
    np.linalg.eigh: [call(np.array([[2.0]])), call(array(2, 1, 1), "U")],
    np.linalg.eigvalsh: [call(positive(3, 3)), call(positive(2, 3, 3), "U"), call(positive(3, 3), UPLO="l")],
    np.linalg.eig: [call(np.array([[2.0]])), call(array(2, 1, 1))],
    np.linalg.eigvals: [call(A), call(STACK), call(array(3, 3)), call(np.array([[0.0, 1.0], [-1.0, 0.5]]))],
    np.linalg.svd: [call(A, compute_uv=False), call(TALL, False, False), call(positive(3, 3), compute_uv=False, hermitian=True)],
    np.linalg.svdvals: [call(A), call(WIDE), call(TALL), call(array(2, 4, 3))],
    values_pull: [call(array(3), positive(3, 3)), call(array(2, 3), positive(2, 3, 3), "U")],
    singular_pull: [call(array(min(A.shape)), A), call(array(min(WIDE.shape)), WIDE), call(array(min(TALL.shape)), TALL)],
    np.linalg.qr: [call(A), call(WIDE), call(TALL), call(array(2, 4, 3)), call(array(2, 2, 5)), call(A, mode="complete"),
                   call(TALL, mode="r"), call(WIDE, "r")],
    np.linalg.norm: [call(V), call(TALL), call(array(2, 3, 2)), call(TALL, keepdims=True), call(TALL, axis=0), call(TALL, axis=(0, 1)),
                     *(call(V, p) for p in (0, 1, 2, 3, 1.5, -1, 0.5, np.inf, -np.inf)),
                     *(call(array(2, 4, 3), p, 1, True) for p in (1, 2, -2, np.inf)),
                     *(call(TALL, p) for p in (1, -1, 2, -2, np.inf, -np.inf, "fro", "nuc")),
                     *(call(array(2, 4, 3), p, axis=(2, 0), keepdims=True) for p in (1, 2, -np.inf, "fro", "nuc"))],
    np.linalg.vector_norm: [call(V), call(TALL), call(TALL, axis=0, keepdims=True), call(array(2, 4, 3), axis=(0, -1), ord=3),
                            call(TALL, ord=np.inf), call(TALL, ord=1), call(TALL, axis=1, ord=-np.inf), call(TALL, ord=0)],
    np.linalg.matrix_norm: [call(TALL), call(array(2, 4, 3), keepdims=True),
                            *(call(array(2, 4, 3), ord=p) for p in (1, -1, 2, -2, np.inf, "nuc"))],
    np.linalg.cond: [call(A), call(STACK), *(call(A, p) for p in (2, -2, 1, -1, np.inf, -np.inf, "fro", "nuc")), call(STACK, p=1)],
    np.linalg.matmul: [call(A, B), call(STACK, B), call(V, W), call(A, V)],
    np.linalg.tensordot: [call(A, B, axes=1), call(A, A + 1)],
    np.linalg.vecdot: [call(V, W), call(A, V), call(A, A + 1, axis=0), call(array(3, 2), V, axis=0), call(V, array(3, 2), axis=0),
                       call(array(4, 3, 1), array(3, 2), axis=-2)],
    np.linalg.outer: [call(V, array(2))],
    np.linalg.cross: [call(V, W), call(A, V), call(A, A.T, axis=0), call(array(3, 2), V, axis=0), call(V, array(3, 2), axis=0),
                      call(array(4, 3, 1), array(3, 2), axis=-2)],
    np.cross: [call(V, W), call(A, V), call(array(3, 2), array(2, 3), axisa=0), call(array(4, 3, 2), array(3, 2), 1, 0, 0),
               call(V, array(3, 2), axisb=0), call(A, A.T, axis=0)],
    np.linalg.multi_dot: [call([A, B]), call([V, A, B]), call([A, B, array(2)]), call([V, A, W]), call([V, W]),
                          call((B.T, A, B, WIDE, TALL))],
    np.linalg.trace: [call(A), call(STACK), call(array(2, 3, 4), offset=1)],
    np.linalg.diagonal: [call(A), call(STACK), call(array(2, 3, 4), offset=-1)],
    np.linalg.matrix_transpose: [call(A), call(STACK)],
    np.kron: [call(A, B), call(V, A), call(A, V), call(V, W), call(array(2, 1, 3), B), call(0.3, A), call(V, 0.3)],
    np.matvec: [call(array(4, 2, 3), V, axes=[(0, 2), 0, -1]),
                call(A, V), call(STACK, V), call(A, array(4, 3)), call(array(2, 4, 3), array(5, 2, 3))],
    np.vecmat: [call(array(4, 3), array(2, 4, 3), axes=[0, (1, 0), -1]),
                call(V, A), call(V, STACK), call(array(4, 3), A), call(array(5, 2, 4), array(2, 4, 3))],
    np.fft.fft: FFT,
    np.fft.ifft: FFT,
    np.fft.rfft: FFT,
    np.fft.ihfft: FFT,
    np.fft.irfft: HALF,
    np.fft.hfft: HALF,
    np.fft.fft2: FFT2,
    np.fft.ifft2: FFT2,
    np.fft.rfft2: FFT2,
    np.fft.irfft2: HALF2,
    np.fft.fftn: FFTN,
    np.fft.ifftn: FFTN,
    np.fft.rfftn: FFTN,
    np.fft.irfftn: HALFN,
    np.fft.fftshift: [call(array(5)), call(array(2, 4, 3)), call(array(4, 3), 1), call(array(2, 4, 3), axes=(0, -1))],
    np.fft.ifftshift: [call(array(5)), call(array(2, 4, 3)), call(array(4, 3), 1), call(array(2, 4, 3), axes=(0, -1))],
}  # fmt: skip
"""The vectors of `eigh`, `eig` and `svd` are tried in test_linalg.py: complex ones have a factor to choose, which LAPACK does otherwise."""
