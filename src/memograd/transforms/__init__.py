"""Products with Jacobians in both modes, batches of them, and tracing of Python functions."""
