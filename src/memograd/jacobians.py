"""Jacobians, as nodes of the same tape."""

from typing import Any

import numpy as np

from .node import Node
from .solver import grad_node


def as_nodes(y: Node, xs: list[Node]) -> list[Any]:
    """∂y/∂x for each x, of shape ``(*y.shape, *x.shape)``, row by row."""
    rows = [grad_node(row, xs) for row in y.reshape(-1)]
    return [np.reshape(np.stack(column), y.shape + x.shape) for column, x in zip(zip(*rows, strict=True), xs, strict=True)]
