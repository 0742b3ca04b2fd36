"""Pictures of a program and of what a request did on it: SVG, DOT, Mermaid, and a page that plays the request step by step."""

from .formats import to_dot, to_mermaid
from .page import player
from .svg import draw

__all__ = ["draw", "player", "to_dot", "to_mermaid"]
