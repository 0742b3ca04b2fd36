"""Interface of a tape to its nodes and to the modules that compute on it.

A node is a pair of a tape and an id. It needs little of the tape: to record, to look up, to read a
value. The protocol says what, so that the module of nodes does not import that of tapes.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from ..memory.memory import Memory
from .mode import Mode

if TYPE_CHECKING:
    import networkx as nx

Answer = TypeVar("Answer")


class RequestLog(Protocol):
    """Log of requests, as a tape writes to it."""

    assigned: list[str]


class Handle(Protocol):
    """Handle of a node, as conversions see it."""

    @property
    def tape(self) -> "Recorder":
        """Tape on which the node lies."""

    @property
    def id(self) -> int:
        """Key of the node in the program."""

    @property
    def shape(self) -> Any:
        """Shape of its value."""

    @property
    def dtype(self) -> Any:
        """Dtype of its value."""

    @property
    def value(self) -> Any:
        """Its value."""

    @property
    def attributes(self) -> dict[str, Any]:
        """Attributes of the node, as the DiGraph shows them."""


class Recorder(Protocol):
    """Tape, as nodes and the modules above see it.

    Attributes
    ----------
    graph : networkx.DiGraph
        The program.
    """

    state: Memory
    lock: Any
    location: Any
    next_id: int
    mode: Mode
    guards: Any
    differentiated: set[int]

    @property
    def graph(self) -> "nx.DiGraph":
        """The program."""

    def record(
        self, op: Any, args: tuple[Any, ...], kwargs: dict[str, Any] = ..., y: Any = ...
    ) -> Any:
        """Record one application of an op in canonical form; return its handle or handles."""

    def __getitem__(self, key: Any) -> Any:
        """Return the handle of a node given by handle, id or name."""

    def leaf(self, value: Any, name: str | None = ...) -> Any:
        """Record a value that the user gives."""

    def assign(self, new: Mapping[Any, Any], log: Any = ...) -> None:
        """Give leaves new values."""

    def scratch(self) -> AbstractContextManager[None]:
        """Cut off, at the end of the block, every node recorded inside it."""

    def call(self, op: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Record a call as the user wrote it."""

    def bind_keywords(self, op: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
        """Return the keywords of a call as they are kept."""

    def read_value(self, n: int) -> Any:
        """Return the value of a node, verified."""

    def guard(self, n: int, conversion: Any) -> Any:
        """Return what a conversion makes of a node's value, and keep it as a guard."""

    def check_guards(self, n: int) -> None:
        """Raise if a branch before node n has another outcome than when it was recorded."""

    def handle(self, n: int) -> Any:
        """Return the handle of a node."""

    def find_id(self, key: object) -> int | None:
        """Return the id of a node given by handle, id or name; None if there is none."""

    def check_name(self, name: Any) -> None:
        """Raise unless a name can be given to a node."""

    def set_name(self, node: Any, name: str) -> None:
        """Name a node."""

    def name_derivative(self, node: Any, output: int, t: Any) -> Any:
        """Name a derivative that was requested, unless it has a name."""

    def other_tape_error(self, what: str, a: Any) -> Exception:
        """Return the error for a node of another tape."""

    def ask_exclusively(self, answer: Callable[[], Answer]) -> Answer:
        """Answer a request other than for derivatives while the lock is held."""

    def truncate(self, start: int) -> None:
        """Cut off the nodes from `start` on."""
