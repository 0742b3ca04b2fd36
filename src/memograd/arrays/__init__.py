"""What a value is: NumPy, Dask, sparse, duck-typed and labelled arrays; pytrees of them."""

from . import dask_arrays, scipy_sparse, sparse_arrays  # noqa: F401  (each registers its kind)
