"""Machine that runs regions of a plan: opcodes, lowering, interpreters."""
