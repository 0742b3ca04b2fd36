"""The recursion that computes derivatives, requests, and the log of events."""
