"""What was observed of one person: keypoints in a picture, the detector's confidence in each, and the camera."""

from __future__ import annotations

from dataclasses import dataclass

import jax
from jax import Array

from smplify_jax.camera.pinhole import Camera


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Observation:
    """The keypoints of one person (or of many, with leading batch axes).

    Attributes:
        keypoints_px: (..., K, 2) [px], finite everywhere.
        confidence: (..., K), zero for keypoints that were not observed.
        camera: of that person's picture.
        pixel_scale: (...,) reference pixels per pixel. Every constant of the objective refers to a person who appears 300 px tall;
            multiplying pixel differences by this makes the fit independent of the picture's resolution.
    """

    keypoints_px: Array
    confidence: Array
    camera: Camera
    pixel_scale: Array
