"""Pictures of a program and of what a request did on it: SVG, DOT, Mermaid, GraphML, JSON, and a
page that plays it.
"""

from .exporters import to_dot, to_graphml, to_mermaid, to_node_link
from .player_page import player
from .svg import draw

__all__ = ["draw", "player", "to_dot", "to_graphml", "to_mermaid", "to_node_link"]
