"""A stick figure, and writers of the keypoint formats, for the tests of the readers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from smplify_jax.keypoints.layouts import get_layout

FIGURE: dict[str, tuple[float, float]] = {
    "nose": (320, 100),
    "left_eye": (326, 94),
    "right_eye": (314, 94),
    "left_ear": (334, 98),
    "right_ear": (306, 98),
    "head_top": (320, 70),
    "upper_neck": (320, 122),
    "neck": (320, 140),
    "left_shoulder": (355, 142),
    "right_shoulder": (285, 142),
    "left_elbow": (375, 195),
    "right_elbow": (265, 195),
    "left_wrist": (385, 245),
    "right_wrist": (255, 245),
    "mid_hip": (320, 250),
    "left_hip": (338, 250),
    "right_hip": (302, 250),
    "left_knee": (342, 330),
    "right_knee": (298, 330),
    "left_ankle": (344, 410),
    "right_ankle": (296, 410),
    "left_big_toe": (350, 428),
    "left_small_toe": (358, 425),
    "left_heel": (342, 418),
    "right_big_toe": (290, 428),
    "right_small_toe": (282, 425),
    "right_heel": (298, 418),
    "left_eye_inner": (323, 94),
    "left_eye_outer": (329, 95),
    "right_eye_inner": (317, 94),
    "right_eye_outer": (311, 95),
    "left_mouth": (325, 110),
    "right_mouth": (315, 110),
    "left_pinky": (390, 257),
    "right_pinky": (250, 257),
    "left_index": (386, 260),
    "right_index": (254, 260),
    "left_thumb": (381, 254),
    "right_thumb": (259, 254),
    "left_foot_index": (350, 428),
    "right_foot_index": (290, 428),
}
"""A person of about 360 px, seen from the front: their left is on the picture's right."""


def figure(layout: str, shift: float = 0.0, confidence: float = 0.75) -> np.ndarray:
    """(K, 3) float32 rows of the stick figure in a layout, moved to the right by `shift` pixels."""
    rows = [(*FIGURE[name], confidence) for name in get_layout(layout).keypoint_names]
    return np.array(rows, dtype=np.float32) + np.array([shift, 0, 0], dtype=np.float32)


def flat(rows: np.ndarray) -> list[float]:
    """Rows as JSON formats hold them: x, y, confidence, x, y, confidence, ..."""
    return [float(value) for value in rows.ravel()]


def write_json(path: Path, value: Any) -> Path:
    path.write_text(json.dumps(value))
    return path


def write_npz(path: Path, **arrays: Any) -> Path:
    with path.open("wb") as file:  # a path without the ending would be given one
        np.savez(file, **arrays)
    return path


def write_openpose(path: Path, *people: np.ndarray, key: str = "pose_keypoints_2d") -> Path:
    return write_json(path, {"version": 1.3, "people": [{"person_id": [-1], key: flat(rows)} for rows in people]})


def coco_annotations(*people: np.ndarray, **more: Any) -> dict[str, Any]:
    """An annotation file with one picture; `people` have visibilities in the third column."""
    return {
        "images": [{"id": 7, "file_name": "val/street 7.jpg", "width": 640, "height": 480}],
        "annotations": [
            {"id": 40 + k, "image_id": 7, "category_id": 1, "keypoints": flat(rows), **more}
            for k, rows in enumerate(people)
        ],
        "categories": [{"id": 1, "name": "person", "keypoints": list(get_layout("coco17").keypoint_names)}],
    }


def coco_results(*people: np.ndarray, image_id: int | str = 7) -> list[dict[str, Any]]:
    return [{"image_id": image_id, "category_id": 1, "keypoints": flat(rows), "score": 0.9} for rows in people]
