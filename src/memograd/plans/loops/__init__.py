"""Loops and branches as single nodes: scan, while loops, conditions, fixed points."""
