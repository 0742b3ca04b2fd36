"""Protocol of what is told which values a memory computes."""

from typing import Protocol


class Observer(Protocol):
    """Observer of a memory during a request, such as a log."""

    def on_value(self, n: int) -> None:
        """Note that the value of n was computed."""
