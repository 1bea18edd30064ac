"""Keypoints: their layouts, the files they come in, and which of them count as observations."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from smplify_jax.keypoints.keypoint_set import KeypointSet
    from smplify_jax.keypoints.layouts import LAYOUTS, Layout, get_layout
    from smplify_jax.keypoints.load import load_keypoints

# Imported when they are first used: they need NumPy, and the help of the programs lists the formats without it.
_HOMES = {
    "LAYOUTS": "layouts",
    "KeypointSet": "keypoint_set",
    "Layout": "layouts",
    "get_layout": "layouts",
    "load_keypoints": "load",
}

__all__ = ["LAYOUTS", "KeypointSet", "Layout", "get_layout", "load_keypoints"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
