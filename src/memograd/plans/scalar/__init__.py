"""A virtual machine for programs of scalars: opcodes, lowering, interpreters."""
