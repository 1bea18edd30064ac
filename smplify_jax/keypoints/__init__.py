"""Keypoints: their layouts, the files they come in, and which of them count as observations."""

from smplify_jax.keypoints.keypoint_set import KeypointSet
from smplify_jax.keypoints.layouts import LAYOUTS, Layout, get_layout
from smplify_jax.keypoints.load import load_keypoints

__all__ = ["LAYOUTS", "KeypointSet", "Layout", "get_layout", "load_keypoints"]
