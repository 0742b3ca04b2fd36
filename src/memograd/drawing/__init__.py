from .formats import to_dot, to_mermaid
from .svg import draw

__all__ = ["draw", "to_dot", "to_mermaid"]
