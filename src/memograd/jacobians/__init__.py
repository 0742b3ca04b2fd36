"""Jacobians and Hessians: accumulation orders, compression by colouring, sparsity, elimination."""
