"""Keypoints: their layouts, the files they come in, and which of them count as observations."""

from smplify_jax.keypoints.layouts import LAYOUTS, Layout, get_layout

__all__ = ["LAYOUTS", "Layout", "get_layout"]
