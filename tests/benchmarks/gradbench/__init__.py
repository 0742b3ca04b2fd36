"""GradBench's twelve evals and other programs, in NumPy: memograd's plans beside derivatives by hand and beside other libraries."""
