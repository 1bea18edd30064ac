"""Positions of SMPL's 24 joints relative to the heads of MakeHuman's bones."""

from __future__ import annotations

import numpy as np

from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES, mirrored_name

JOINT_RECIPES: dict[str, dict[str, float]] = {
    "pelvis": {"spine05": 0.5, "spine04": 0.5},
    "left_hip": {"upperleg01.L": 0.79, "spine05": 0.16, "lowerleg01.L": 0.05},
    "spine1": {"spine03": 1.0},
    "left_knee": {"lowerleg01.L": 1.0},
    "spine2": {"spine03": 0.71, "neck02": 0.29},
    "left_ankle": {"foot.L": 1.0},
    "spine3": {"spine03": 0.59, "neck02": 0.41},
    "left_foot": {f"toe{k}-1.L": 0.2 for k in (1, 2, 3, 4, 5)},
    "neck": {"neck02": 0.9, "spine03": 0.1},
    "left_collar": {"upperarm01.L": 0.45, "neck02": 0.35, "spine03": 0.2},
    "head": {"neck02": 0.71, "head": 0.29},
    "left_shoulder": {"upperarm01.L": 1.0},
    "left_elbow": {"lowerarm01.L": 1.0},
    "left_wrist": {"wrist.L": 1.0},
    "left_hand": {f"finger{k}-1.L": 0.25 for k in (2, 3, 4, 5)},
}
"""Each joint as a weighted mean of bone heads, chosen so that the joints lie at SMPL's heights relative to stature.

The heads of spine01, spine02, neck01 and of the clavicle are left out: relative to the skin around them they move by up
to 40 mm between women and men, which real joints do not. MakeHuman's hip joint is at its anatomical position; SMPL's lies
nearer to the midline and lower. Ours is in between.
"""
LEFT_AND_MIDDLE = tuple(name for name in SMPL_JOINT_NAMES if not name.startswith("right_"))


def place_joints(heads: dict[str, np.ndarray]) -> np.ndarray:
    """(S, 15, 3) the joints `LEFT_AND_MIDDLE` [m] from the bones' heads, each (S, 3)."""
    return np.stack(
        [sum(weight * heads[bone] for bone, weight in JOINT_RECIPES[name].items()) for name in LEFT_AND_MIDDLE], axis=1
    )


def whole_skeleton(joints: np.ndarray) -> np.ndarray:
    """All joints (..., 24, 3) from the left and middle ones (..., 15, 3); middle joints are moved onto the midline."""
    places = []
    for name in SMPL_JOINT_NAMES:
        is_right = name.startswith("right_")
        place = joints[..., LEFT_AND_MIDDLE.index(mirrored_name(name) if is_right else name), :].copy()
        place[..., 0] *= -1.0 if is_right else float(name.startswith("left_"))
        places.append(place)
    return np.stack(places, axis=-2)


def knee_ring(thigh: np.ndarray, shank: np.ndarray) -> np.ndarray:
    """(N,) weights, summing to one, of the skin around the knee: largest where thigh and shank share a vertex equally.

    Args:
        thigh: (N,) weight of the thigh's bones at each vertex of the left half.
        shank: (N,) weight of the shank's bones.
    """
    return thigh * shank / np.sum(thigh * shank)


def anchor_knee(shapes: np.ndarray, joints: np.ndarray, ring: np.ndarray) -> np.ndarray:
    """The joints with the knee tied to its ring of skin, at the rig's mean position relative to it.

    MakeHuman's knee moves up to 20 mm along the leg between short and tall people, while the skin that bends there does
    not; a hinge belongs where its two bones share the skin equally.

    Args:
        shapes: (S, N, 3) T-posed left halves [m].
        joints: (S, 15, 3) joints `LEFT_AND_MIDDLE` from the rig [m].
        ring: (N,) from `knee_ring`.
    """
    knee = LEFT_AND_MIDDLE.index("left_knee")
    centre = np.einsum("n,snc->sc", ring, shapes)
    stature = np.ptp(shapes[..., 1], axis=1)[:, None]
    anchored = joints.copy()
    anchored[:, knee] = centre + (joints[:, knee] - centre).mean(axis=0) * stature / stature.mean()
    return anchored
