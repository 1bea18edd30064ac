"""`detect`: the keypoints of people in a picture."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

import numpy as np

from smplify_jax.camera.conversions import focal_length_from_exif
from smplify_jax.detectors.detector import Detector
from smplify_jax.detectors.registry import get_detector
from smplify_jax.files.images import Photo, load_photo
from smplify_jax.keypoints.keypoint_set import KeypointSet
from smplify_jax.keypoints.names import unique_names

_FROM_IMAGE_NAMES: Any = None


def detect(image: np.ndarray | str | os.PathLike[str], *, detector: str | Detector | None = None) -> KeypointSet:
    """Find the people in a picture and their keypoints, ready for `fit`.

    Args:
        image: (H, W, 3) uint8 RGB, upright; or the path of a picture, which is turned upright as its EXIF orientation says.
        detector: a name, such as "mediapipe", or a detector made before; by default the first that is installed.
    Returns:
        The people that the detector finds, maybe none: keypoints [px], boxes, the picture's size, and for paths the focal length where
        EXIF states it.

    Raises:
        InputError: the picture cannot be read, or no such detector is installed.
    """
    chosen = detector if detector is not None and not isinstance(detector, str) else get_detector(detector)
    if isinstance(image, str | os.PathLike):
        return detect_in_photo(load_photo(image), Path(image).name, chosen)
    return chosen.detect(image)


def detect_in_photo(photo: Photo, name: str, detector: Detector) -> KeypointSet:
    """The people in a picture that was read from a file, named after it.

    Args:
        photo: the picture.
        name: of its file.
        detector: ready to use.
    """
    found = detector.detect(photo.image)
    count = len(found)
    focal_length = focal_length_from_exif(photo.exif, (photo.image.shape[1], photo.image.shape[0]))
    return dataclasses.replace(
        found,
        names=unique_names(f"{Path(name).stem}_{number}" for number in range(count)),
        image_names=(name,) * count,
        focal_length=np.full(count, np.nan if focal_length is None else focal_length, np.float32),
        videos=_FROM_IMAGE_NAMES,
        frames=_FROM_IMAGE_NAMES,
    )
