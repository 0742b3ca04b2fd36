"""The twelve evals of GradBench, and microgpt: one module each."""
