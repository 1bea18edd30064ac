"""What trainers' .npz share beside their keypoints: box, gender, camera and picture of each person; and layouts told by a count."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from smplify_jax.camera.crop_box import CropBox
from smplify_jax.errors import InputError
from smplify_jax.keypoints.formats.npz_columns import text_of
from smplify_jax.keypoints.formats.person_arrays import Person
from smplify_jax.keypoints.formats.reading import known_gender, known_size
from smplify_jax.keypoints.layouts import get_layout, pictured_layouts

ABOUT_SHAPES: dict[str, tuple[int, ...] | None] = {
    "imgname": (),
    "center": (2,),
    "scale": None,  # (N,) or (N, 1)
    "gender": (),
    "cam_int": (3, 3),
    "focal_l": None,  # (N,) or (N, 1)
    "img_w": None,
    "img_h": None,
}
"""Shapes of the arrays that `about` reads, of one person's part."""


def about(person: Person) -> dict[str, Any]:
    """Keyword arguments of `found_person`: picture, box, gender and camera, as far as the file has them.

    `cam_int` is K in pixels of the full picture; where it is all zeros, the camera is unknown. `focal_l` is the focal length [px] alone.

    Raises:
        InputError: one of them is malformed.
    """
    found: dict[str, Any] = {"image": text_of(person["imgname"])}
    if "center" in person and "scale" in person:
        found["box"] = CropBox.from_spin(_numbers(person, "center"), _numbers(person, "scale").squeeze())
    if "gender" in person:
        found["gender"] = known_gender(text_of(person["gender"]))
    if "img_w" in person and "img_h" in person:
        found["image_size"] = known_size(_number(person, "img_w"), _number(person, "img_h"))
    if "cam_int" in person and np.any(person["cam_int"]):
        found["focal_length"], found["camera_center"] = _camera(person["cam_int"])
    elif "focal_l" in person and (focal := _number(person, "focal_l")):
        found["focal_length"] = _focal_length(focal)
    return found


def _camera(matrix: np.ndarray) -> tuple[float, tuple[float, float]]:
    """Focal length and principal point [px] of K; the mean where fx and fy differ, as a row has one focal length.

    In the files that have `cam_int` they are equal: rendered (BEDLAM), or guessed from the field of view (CameraHMR).
    """
    is_number = matrix.dtype.kind in "iuf" and bool(np.isfinite(matrix).all())
    if not is_number or not np.allclose(matrix[2], (0, 0, 1)):
        raise InputError(
            f"cam_int is {np.array(matrix).tolist()}; expected the camera matrix [[fx, 0, cx], [0, fy, cy], [0, 0, 1]]"
        )
    fx, fy = _focal_length(float(matrix[0, 0])), _focal_length(float(matrix[1, 1]))
    return (fx + fy) / 2, (float(matrix[0, 2]), float(matrix[1, 2]))


def _focal_length(focal: float) -> float:
    if not 0 < focal < np.inf:
        raise InputError(f"the focal length is {focal}; expected a positive number of pixels")
    return focal


def _numbers(person: Person, name: str) -> np.ndarray:
    value = person[name]
    # One part of an array of objects is whatever the object is.
    if not isinstance(value, (np.ndarray, np.generic)) or value.dtype.kind not in "iuf":
        raise InputError(f"{name} is a {type(value).__name__} and no array of numbers; write it again as one")
    return np.asarray(value)


def _number(person: Person, name: str) -> float:
    value = _numbers(person, name)
    if value.size != 1:
        raise InputError(f"{name} has shape {value.shape}; expected one number for each person")
    return float(value.reshape(()))


def layout_of_array(path: Path, name: str, count: int, layout: str | None, *, is_order_known: bool) -> str:
    """The layout of an array of keypoints.

    Args:
        path: the file, for messages.
        name: of the array.
        count: its number of keypoints.
        layout: the layout the caller asked for.
        is_order_known: whether the only layout with the count is the array's.

    Raises:
        InputError: the count is not that of the layout asked for; or none was asked for, and the count does not tell.
    """
    if layout is not None:
        if get_layout(layout).num_keypoints != count:
            raise InputError(
                f"'{path}': the array {name!r} has {count} keypoints, and layout {layout} has "
                f"{get_layout(layout).num_keypoints}; name another layout"
            )
        return layout
    fitting = [known.name for known in pictured_layouts() if known.num_keypoints == count]
    if len(fitting) == 1 and is_order_known:
        return fitting[0]
    hint = f"name the layout when reading, such as {' or '.join(fitting)}" if fitting else "no layout has so many"
    raise InputError(f"'{path}': the array {name!r} has {count} keypoints, and nothing tells which they are; {hint}")
