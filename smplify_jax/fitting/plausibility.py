"""Detect well-formed input that cannot be, or probably is not, what the caller meant."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

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


class Faults(NamedTuple):
    """Which people cannot be in a picture in pixels, by what is wrong; bool arrays (...,).

    Attributes:
        fractions: keypoints that all lie within two pixels.
        short: a focal length far too short for the picture.
        far: a principal point far outside the picture.
    """

    fractions: Any
    short: Any
    far: Any

    @property
    def is_plausible(self) -> Any:
        """(...,) nothing is wrong; people with whom something is are not fitted."""
        return ~(self.fractions | self.short | self.far)


def find_faults(keypoints: Any, camera: Camera, image_size: Any) -> Faults:
    """What is wrong with keypoints and cameras; arrays of NumPy or of JAX, traced or not.

    Args:
        keypoints: (..., K, 3) cleaned: x, y [px], confidence.
        camera: fields (..., 2).
        image_size: (..., 2) width and height [px], NaN where unknown.
    """
    extent = extent_px(keypoints)
    longer_side = extent.__array_namespace__().fmax(image_size.max(axis=-1), extent)
    return Faults(
        fractions=(extent > 0) & (extent <= MAX_FRACTION),
        short=~is_focal_length_plausible(camera, longer_side),
        far=~is_center_plausible(camera, image_size),
    )


def is_plausible(keypoints: np.ndarray, camera: Camera, image_size: np.ndarray) -> np.ndarray:
    """Whether each person's keypoints and camera are plausible for a picture in pixels; with one warning per kind of problem.

    Args:
        keypoints: (B, K, 3) cleaned: x, y [px], confidence.
        camera: fields (B, 2).
        image_size: (B, 2) width and height [px], NaN where unknown.
    Returns:
        (B,) bool. Implausible people are not fitted.
    """
    faults = find_faults(keypoints, camera, image_size)
    fitted = faults.is_plausible
    _warn(
        faults.fractions,
        "have keypoints that all lie within two pixels: these are fractions; multiply them by the picture's width and height.",
        _NOT_FITTED,
    )
    _warn(
        faults.short,
        f"have a focal length under {MIN_FOCAL_LENGTH} of their picture's longer side: give it in pixels, not in millimetres or pictures.",
        _NOT_FITTED,
    )
    _warn(
        faults.far,
        "have a principal point that lies far outside their picture: give it in pixels of that picture.",
        _NOT_FITTED,
    )
    _warn(
        is_center_beside(camera, image_size) & ~faults.far,
        "have a principal point beside their picture, as in a crop: if the picture is not a crop, K is for another resolution.",
    )
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
