"""The records of the applied ops, the DiGraph that shows them, and where in the user's code they
were recorded.
"""
