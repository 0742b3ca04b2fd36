"""Progress of a request, reported to a bar or to a callable of the user's."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from ..errors import MissingLibraryError
from ..memory.memory import Memory
from ..memory.tables import Table
from ..memory.verdict import Verdict
from ..text import printable
from .events import Listener

Report = Callable[[int, Any], object]
"""`report(done, total)`: of `total` visits that the request has to make, `done` have ended."""


class Progress:
    """Listener that counts and reports the visits that end, and passes events on to another one."""

    def __init__(self, report: Report, total: int, listener: Listener | None) -> None:
        self.report, self.total, self.listener = report, total, listener
        self.done = 0

    def on_visit(self, memory: Memory, n: int, known: bool) -> None:
        """Pass the event on."""
        if self.listener is not None:
            self.listener.on_visit(memory, n, known)

    def close(self, verdict: Verdict) -> None:
        """Pass the event on, and report; the entry is in the table by now."""
        if self.listener is not None:
            self.listener.close(verdict)
        self.done += 1
        self.report(self.done, self.total)


@contextmanager
def watch_request(
    progress: bool | Report, table: Table, targets: Iterable[int], listener: Listener | None
) -> Iterator[Progress]:
    """Yield the listener of a request for these targets; with True, show a bar meanwhile."""
    total = len(table.nodes_to_visit(targets))
    with open_report(progress, total, "derivatives") as report:
        yield Progress(report, total, listener)


@contextmanager
def open_report(progress: bool | Report, total: int | None, what: str) -> Iterator[Report]:
    """Yield a ``report(done, total)`` callback: of a bar if `progress` is True, or `progress`."""
    if progress is True:
        with _bar()(total=total, desc=what) as bar:
            yield lambda done, total: bar.update()
    elif callable(progress):
        yield progress
    elif progress is False:
        yield lambda done, total: None
    else:
        raise TypeError(
            f"progress is True, False, or a callable that takes (done, total), not "
            f"{printable(repr(progress))}."
        )


def _bar() -> Any:
    try:
        return import_module("tqdm.auto").tqdm
    except ModuleNotFoundError:
        raise MissingLibraryError(
            "progress=True shows a bar of tqdm's, which is not installed. Install it: pip "
            "install 'memograd[progress]'; "
            "or give a callable: progress=lambda done, total: ..."
        ) from None
