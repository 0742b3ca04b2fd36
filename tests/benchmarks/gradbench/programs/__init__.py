"""Other programs of numerical work: one module each, with the interface of GradBench's evals."""
