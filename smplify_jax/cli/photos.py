"""Pictures on the command line: find the people in them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from smplify_jax.camera.crop_box import CropBox
from smplify_jax.detectors.detect import detect_in_photo
from smplify_jax.detectors.detector import Detector
from smplify_jax.errors import InputError
from smplify_jax.files.images import IMAGE_SUFFIXES, is_picture, load_photo
from smplify_jax.keypoints.keypoint_set import KeypointSet
from smplify_jax.keypoints.rows import DatasetRow
from smplify_jax.media.photo import nobody_in


def pictures_of(path: Path) -> list[Path]:
    """The picture that a path is, by its content, or the pictures of a folder that holds nothing else, by their names; else none."""
    if not path.is_dir():
        return [path] if is_picture(path) else []
    pictures = []
    for file in path.iterdir():
        if file.name.startswith("."):
            continue
        if file.suffix.lower() not in IMAGE_SUFFIXES or not file.is_file():
            return []
        pictures.append(file)
    return sorted(pictures)


def detected_people(picture: Path, detector: Detector) -> list[DatasetRow]:
    """The people in a picture, as the readers of keypoint files give theirs.

    Raises:
        InputError: the picture cannot be read, or nobody is found.
    """
    found = detect_in_photo(load_photo(picture), picture.name, detector)
    if not len(found):
        raise InputError(nobody_in(picture, detector))
    return [_row(picture.name, found, k) for k in range(len(found))]


def _row(name: str, found: KeypointSet, k: int) -> DatasetRow:
    focal_length, (width, height) = float(found.focal_length[k]), map(float, found.image_size[k])
    return DatasetRow(
        id=f"{name}[{k}]",
        keypoints=found.keypoints[k],
        layout=found.layout,
        file=name,
        position=f"[{k}]",
        image=name,
        image_size=(width, height),
        focal_length=focal_length if np.isfinite(focal_length) else None,
        box=CropBox.from_xywh(*map(float, found.boxes[k])),
    )
