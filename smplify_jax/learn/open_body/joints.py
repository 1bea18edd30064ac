"""Where SMPL's 24 joints lie among the heads of MakeHuman's bones."""

from __future__ import annotations

import numpy as np

from smplify_jax.body.skeleton import SMPL_JOINT_NAMES, mirrored_name

JOINT_RECIPES: dict[str, dict[str, float]] = {
    "pelvis": {"spine05": 0.5, "spine04": 0.5},
    "left_hip": {"upperleg01.L": 0.79, "spine05": 0.16, "lowerleg01.L": 0.05},
    "spine1": {"spine03": 1.0},
    "left_knee": {"lowerleg01.L": 1.0},
    "spine2": {"spine02": 0.66, "spine01": 0.34},
    "left_ankle": {"foot.L": 1.0},
    "spine3": {"spine02": 0.30, "spine01": 0.70},
    "left_foot": {f"toe{k}-1.L": 0.2 for k in (1, 2, 3, 4, 5)},
    "neck": {"neck01": 1.0},
    "left_collar": {"clavicle.L": 0.4, "shoulder01.L": 0.6},
    "head": {"neck01": 0.48, "head": 0.52},
    "left_shoulder": {"upperarm01.L": 1.0},
    "left_elbow": {"lowerarm01.L": 1.0},
    "left_wrist": {"wrist.L": 1.0},
    "left_hand": {f"finger{k}-1.L": 0.25 for k in (2, 3, 4, 5)},
}
"""Each joint as a weighted mean of bone heads, chosen so that the joints lie at SMPL's heights relative to stature.

MakeHuman's hip joint is where anatomy has it; SMPL's lies nearer to the midline and lower. Ours is in between.
"""

LEFT_AND_MIDDLE = tuple(name for name in SMPL_JOINT_NAMES if not name.startswith("right_"))


def place_joints(heads: dict[str, np.ndarray]) -> np.ndarray:
    """(S, 15, 3) the joints `LEFT_AND_MIDDLE` [m] from the bones' heads, each (S, 3)."""
    return np.stack(
        [sum(weight * heads[bone] for bone, weight in JOINT_RECIPES[name].items()) for name in LEFT_AND_MIDDLE], axis=1
    )


def whole_skeleton(joints: np.ndarray) -> np.ndarray:
    """(..., 24, 3) all joints from (..., 15, 3) left and middle ones, which are put on the midline."""
    places = []
    for name in SMPL_JOINT_NAMES:
        is_right = name.startswith("right_")
        place = joints[..., LEFT_AND_MIDDLE.index(mirrored_name(name) if is_right else name), :].copy()
        place[..., 0] *= -1.0 if is_right else float(name.startswith("left_"))
        places.append(place)
    return np.stack(places, axis=-2)
