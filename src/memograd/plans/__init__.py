"""Compiled programs: intermediate representation, passes, code generation, execution."""
