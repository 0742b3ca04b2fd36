"""What a value is: NumPy, Dask, sparse, duck-typed and labelled arrays; pytrees of them."""
