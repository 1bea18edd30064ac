"""Detect well-formed input that cannot be, or probably is not, what the caller meant."""

from __future__ import annotations

import warnings

import numpy as np

from smplify_jax.camera.pinhole import Camera
from smplify_jax.camera.plausibility import (
    MIN_FOCAL_LENGTH,
    is_center_beside,
    is_center_plausible,
    is_focal_length_plausible,
)
from smplify_jax.errors import InputWarning
from smplify_jax.keypoints.observations import MAX_FRACTION, are_mostly_outside, extent_px

_NOT_FITTED = "They are not fitted."


def is_plausible(keypoints: np.ndarray, camera: Camera, image_size: np.ndarray) -> np.ndarray:
    """Whether each person's keypoints and camera are plausible for a picture in pixels; with one warning per kind of problem.

    Args:
        keypoints: (B, K, 3) cleaned: x, y [px], confidence.
        camera: fields (B, 2).
        image_size: (B, 2) width and height [px], NaN where unknown.
    Returns:
        (B,) bool. Implausible people are not fitted.
    """
    extent = extent_px(keypoints)
    fractions = (extent > 0) & (extent <= MAX_FRACTION)
    short = ~is_focal_length_plausible(camera, np.fmax(image_size.max(axis=1), extent))
    far = ~is_center_plausible(camera, image_size)
    _warn(
        fractions,
        "have keypoints that all lie within two pixels: these are fractions; multiply them by the picture's width and height.",
        _NOT_FITTED,
    )
    _warn(
        short,
        f"have a focal length under {MIN_FOCAL_LENGTH} of their picture's longer side: give it in pixels, not in millimetres or pictures.",
        _NOT_FITTED,
    )
    _warn(
        far,
        "have a principal point that lies far outside their picture: give it in pixels of that picture.",
        _NOT_FITTED,
    )
    _warn(
        is_center_beside(camera, image_size) & ~far,
        "have a principal point beside their picture, as in a crop: if the picture is not a crop, K is for another resolution.",
    )
    fitted = ~(fractions | short | far)
    # Truncated people have some keypoints outside, not most.
    _warn(
        are_mostly_outside(keypoints, image_size) & fitted,
        "have most keypoints outside their picture: its size is probably that of another picture or another resolution.",
    )
    return fitted


def _warn(is_affected: np.ndarray, fault: str, consequence: str = "") -> None:
    if is_affected.any():
        first = (
            f"{int(is_affected.sum())} of {len(is_affected)} people (the first is person {int(is_affected.argmax())})"
        )
        warnings.warn(f"{first} {fault} {consequence}".strip(), InputWarning, stacklevel=4)  # the line that calls fit
