"""Seeds and tangents: arrays matched to the pytree, shapes and dtypes of their nodes."""

from typing import Any

import numpy as np

from ..arrays.pytrees import zip_with_paths
from ..arrays.values import as_input, is_inexact
from ..errors import RefusedError
from ..tape.node import Node
from ..text import describe, printable


def match_tree(nest: Any, given: Any, what: str) -> list[Any]:
    """Return for each leaf the matching leaf of `or_default`, in its dtype; an array is copied."""
    return [_match_leaf(like, a, where) for where, like, a in zip_with_paths(nest, given, what)]


def _match_leaf(like: Any, a: Any, where: str) -> Any:
    like = like if isinstance(like, Node) else as_input(like)
    try:
        v = a if isinstance(a, Node) else as_input(a)
    except ValueError:
        raise RefusedError(
            f"{where} is {printable(repr(a))}, which is ragged, but stands for "
            f"{_describe_leaf(like)}. Give an array of that shape."
        ) from None
    if not is_inexact(like.dtype) and v.shape == like.shape:
        return v  # it belongs to something that has no derivative
    if v.shape != like.shape or not np.can_cast(v.dtype, like.dtype, "same_kind"):
        raise RefusedError(
            f"{where} is {v.dtype} {v.shape}, but stands for {_describe_leaf(like)}. Give an "
            f"array of that shape and kind."
        )
    return v if isinstance(v, Node) and v.dtype == like.dtype else v.astype(like.dtype)


def _describe_leaf(like: Any) -> str:
    return describe(like.attributes) if isinstance(like, Node) else f"{like.dtype} {like.shape}"
