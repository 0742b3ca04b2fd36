"""Scalar machine: opcodes, lowering, interpreters."""
