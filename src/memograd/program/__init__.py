"""Program: steps, the DiGraph that shows them, and their locations in the user's code."""
