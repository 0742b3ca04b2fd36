"""Pictures of a program and of what a request did on it, and a page that plays the request."""

from .exporters import WRITERS, draw
from .player_page import player

__all__ = ["WRITERS", "draw", "player"]
