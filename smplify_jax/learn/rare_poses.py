"""Possible poses that recordings hardly have: lying, kneeling, upside down, splits, the wheel of yoga, by families of our own.

A family is a pose in round numbers of degrees, about which poses vary. The networks learn from some families; from others, which they have
not seen, the score learns how good fits of such people are; and the rest is held out, to measure with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.spatial.transform import Rotation

from smplify_jax.body.model import BodyModel
from smplify_jax.body.part_pairs import PAPER_PAIRS
from smplify_jax.body.penetration import penetration_depth
from smplify_jax.errors import InputError
from smplify_jax.geometry.mirror import mirror_map
from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES
from smplify_jax.learn.mocap.limits import MAX_SHOULDER_ANGLE, joint_bounds
from smplify_jax.learn.mocap.poses import PoseSet

_Turn = tuple[float, float, float]


@dataclass(frozen=True)
class Family:
    """A pose about which others vary.

    Attributes:
        split: whether networks learn from it, only the score does, or it is measured with.
        root: rotation vector of the body in a y-up world [degrees]; standing upright at zero, it faces +z.
        joints: rotation vectors of joints [degrees], as SMPL has them: x > 0 bends the spine and the knee forward and the hip backward,
            z > 0 raises a left limb outward. "left_" and "right_" left out mean both sides, given as the left one.
    """

    split: Literal["train", "score", "val"]
    root: _Turn
    joints: dict[str, _Turn]


_DOWN: _Turn = (0, 0, -65)
_UP: _Turn = (0, 0, 75)
_FORWARD: _Turn = (0, -80, 0)

FAMILIES = {
    "lying on the back": Family("train", (-90, 0, 0), {"shoulder": (0, 0, -45)}),
    "lying on the belly": Family(
        "val", (90, 0, 0), {"shoulder": (0, 0, 40), "elbow": (0, -50, 0), "ankle": (35, 0, 0)}
    ),
    "lying on the side": Family(
        "train",
        (0, 0, 90),
        {"hip": (-50, 0, 0), "knee": (70, 0, 0), "shoulder": _FORWARD, "elbow": (0, -60, 0), "spine1": (15, 0, 0)},
    ),
    "kneeling": Family("train", (0, 0, 0), {"knee": (95, 0, 0), "ankle": (40, 0, 0), "shoulder": _DOWN}),
    "kneeling on the heels": Family(
        "val",
        (5, 0, 0),
        {"hip": (-75, 0, 8), "knee": (150, 0, 0), "ankle": (40, 0, 0), "shoulder": _DOWN, "elbow": (0, -35, 0)},
    ),
    "one knee down": Family(
        "train",
        (0, 0, 0),
        {
            "left_hip": (-90, 0, 0),
            "left_knee": (90, 0, 0),
            "right_knee": (95, 0, 0),
            "right_ankle": (35, 0, 0),
            "shoulder": _DOWN,
        },
    ),
    "wheel": Family(
        "val",
        (-90, 0, 0),
        {
            "spine1": (-35, 0, 0),
            "spine2": (-25, 0, 0),
            "spine3": (-25, 0, 0),
            "head": (-30, 0, 0),
            "hip": (40, 0, 5),
            "knee": (95, 0, 0),
            "shoulder": (0, 20, 85),
        },
    ),
    "bridge on the shoulders": Family(
        "train",
        (-65, 0, 0),
        {
            "spine1": (-15, 0, 0),
            "spine2": (-10, 0, 0),
            "hip": (20, 0, 5),
            "knee": (100, 0, 0),
            "shoulder": (0, 0, -55),
            "neck": (25, 0, 0),
        },
    ),
    "handstand": Family("val", (180, 0, 0), {"shoulder": _UP, "head": (-25, 0, 0), "ankle": (30, 0, 0)}),
    "shoulder stand": Family(
        "train",
        (165, 0, 0),
        {"neck": (45, 0, 0), "head": (40, 0, 0), "hip": (-15, 0, 0), "shoulder": (0, 0, -60), "elbow": (0, -80, 0)},
    ),
    "front split": Family(
        "train", (0, 0, 0), {"left_hip": (-80, 0, 0), "right_hip": (55, 0, 0), "shoulder": (0, 0, 10)}
    ),
    "side split": Family("val", (10, 0, 0), {"hip": (-10, 0, 80), "shoulder": (0, -30, -20)}),
    "crawling": Family(
        "train",
        (80, 0, 0),
        {"hip": (-80, 0, 0), "knee": (90, 0, 0), "ankle": (40, 0, 0), "shoulder": _FORWARD, "head": (-30, 0, 0)},
    ),
    "plank": Family("val", (75, 0, 0), {"shoulder": _FORWARD, "head": (-20, 0, 0)}),
    "cross-legged": Family(
        "val", (0, 0, 0), {"hip": (-92, 72, -8), "knee": (125, 0, 0), "shoulder": _DOWN, "elbow": (0, -40, 0)}
    ),
    "sitting with straight legs": Family(
        "train", (0, 0, 0), {"hip": (-85, 0, 8), "spine1": (10, 0, 0), "shoulder": _DOWN}
    ),
    "folded forward": Family(
        "train", (20, 0, 0), {"hip": (-110, 0, 0), "spine1": (30, 0, 0), "spine2": (20, 0, 0), "shoulder": (0, -75, 25)}
    ),
    "squatting": Family(
        "train", (10, 0, 0), {"hip": (-115, 0, 15), "knee": (125, 0, 0), "ankle": (-25, 0, 0), "shoulder": _FORWARD}
    ),
    "folded on the knees": Family(
        "val",
        (60, 0, 0),
        {"hip": (-115, 0, 5), "knee": (150, 0, 0), "ankle": (40, 0, 0), "spine1": (25, 0, 0), "shoulder": (0, -20, 75)},
    ),
    "climbing": Family(
        "train",
        (5, 0, 0),
        {
            "left_hip": (-100, 0, 20),
            "left_knee": (100, 0, 0),
            "right_hip": (-10, 0, 8),
            "shoulder": (0, -25, 65),
            "elbow": (0, -30, 0),
        },
    ),
    "leg held behind": Family(
        "val",
        (45, 0, 0),
        {
            "left_hip": (55, 0, 0),
            "left_knee": (80, 0, 0),
            "right_hip": (-45, 0, 0),
            "shoulder": (0, -50, 10),
            "head": (-25, 0, 0),
        },
    ),
    "high kick": Family(
        "train",
        (-15, 0, 0),
        {"left_hip": (-115, 0, 20), "right_hip": (15, 0, 0), "shoulder": (0, -40, -20), "elbow": (0, -60, 0)},
    ),
    "chest raised from the belly": Family(
        "score",
        (70, 0, 0),
        {
            "hip": (20, 0, 0),
            "spine1": (-25, 0, 0),
            "spine2": (-20, 0, 0),
            "shoulder": (0, -40, -35),
            "ankle": (40, 0, 0),
            "head": (-20, 0, 0),
        },
    ),
    "hips raised, hands and feet down": Family("score", (130, 0, 0), {"hip": (-85, 0, 8), "shoulder": (0, -25, 65)}),
    "side plank": Family("score", (0, 0, 65), {"shoulder": (0, 0, 0), "head": (0, 0, -15)}),
    "squatting on one leg": Family(
        "score",
        (15, 0, 0),
        {
            "left_hip": (-100, 0, 0),
            "right_hip": (-115, 0, 10),
            "right_knee": (130, 0, 0),
            "right_ankle": (-25, 0, 0),
            "shoulder": _FORWARD,
        },
    ),
    "sitting with legs apart": Family(
        "score", (0, 0, 0), {"hip": (-75, 0, 55), "spine1": (15, 0, 0), "shoulder": (0, -40, -40)}
    ),
    "sitting on one hip": Family(
        "score",
        (0, 0, -10),
        {
            "left_hip": (-80, 45, 30),
            "left_knee": (110, 0, 0),
            "right_hip": (-60, 40, 10),
            "right_knee": (125, 0, 0),
            "shoulder": _DOWN,
        },
    ),
    "cartwheel": Family("score", (0, 0, 150), {"hip": (0, 0, 45), "shoulder": _UP}),
    "bent to one side": Family(
        "score",
        (0, 0, -25),
        {
            "left_hip": (0, 0, 50),
            "right_hip": (0, 0, 5),
            "spine1": (0, 0, -25),
            "spine2": (0, 0, -20),
            "left_shoulder": (0, 0, 75),
            "right_shoulder": (0, 0, 30),
        },
    ),
    "curled up": Family(
        "score",
        (-60, 0, 0),
        {
            "hip": (-115, 0, 5),
            "knee": (130, 0, 0),
            "spine1": (25, 0, 0),
            "spine2": (20, 0, 0),
            "neck": (25, 0, 0),
            "shoulder": (0, -70, -25),
            "elbow": (0, -70, 0),
        },
    ),
}

_SPREAD, _SPREAD_ELSEWHERE, _SPREAD_ROOT = 14.0, 7.0, 10.0
"""[degrees] Standard deviations: of the joints that a family names, of the others, and of the root."""

_MAX_OVERLAP = 0.04
"""[m] Of capsules, which are thicker than limbs in places."""
_MAX_REDRAWS = 20


def rare_poses(body: BodyModel, split: str, count: int, seed: int = 0) -> PoseSet:
    """Draw poses of the families of a split, as many of each.

    Args:
        body: may not reach into itself, with the mean shape.
        split: "train", "score" or "val".
        count: number of poses.
        seed: of the draws.
    Returns:
        Within the joints' limits, about half of them mirrored. Whether a body could keep its balance is not looked at.

    Raises:
        InputError: there is no such split.
    """
    generator = np.random.default_rng([seed, 7])
    families = [name for name, family in FAMILIES.items() if family.split == split]
    if not families:
        raise InputError(f"the split {split!r} has no rare poses: give 'train', 'score' or 'val'.")
    names = np.resize(families, count)
    poses = _drawn(names, generator)
    for _ in range(_MAX_REDRAWS):
        is_overlapping = _overlap(body, poses) > _MAX_OVERLAP
        if not is_overlapping.any():
            break
        poses[is_overlapping] = _drawn(names[is_overlapping], generator)
    return PoseSet(
        poses=poses.astype(np.float32),
        clips=np.array([f"rare {index}" for index in range(count)]),
        sources=np.full(count, "families"),
        subjects=names,
        actions=names,
        is_walking=np.zeros(count, bool),
    )


def _overlap(body: BodyModel, poses: np.ndarray) -> np.ndarray:
    """(N,) how deep parts reach into each other [m]."""
    betas, body_pose = np.zeros((len(poses), body.num_betas), np.float32), poses[:, 3:].astype(np.float32)
    return np.asarray(penetration_depth(body, betas=betas, body_pose=body_pose, pairs=PAPER_PAIRS))


def _drawn(names: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """(N, 72) a pose of each of these families."""
    poses = np.stack([_varied(FAMILIES[name], generator) for name in names])
    order, signs = mirror_map(72)
    is_mirrored = generator.uniform(size=len(names)) < 0.5
    return np.where(is_mirrored[:, None], poses[:, order] * signs, poses)


def _varied(family: Family, generator: np.random.Generator) -> np.ndarray:
    """(72,) one pose of a family."""
    degrees, spread = np.zeros((24, 3)), np.full(24, _SPREAD_ELSEWHERE)
    for name, turn in family.joints.items():
        for side, sign in (("left_", 1), ("right_", -1)) if f"left_{name}" in SMPL_JOINT_NAMES else (("", 1),):
            joint = SMPL_JOINT_NAMES.index(side + name)
            degrees[joint], spread[joint] = np.array(turn) * (1, sign, sign), _SPREAD
    vectors = np.radians(degrees + spread[:, None] * generator.normal(size=(24, 3)))
    low, high = joint_bounds()
    vectors = np.clip(vectors, low, high)
    for name in ("left_shoulder", "right_shoulder"):
        joint = SMPL_JOINT_NAMES.index(name)
        vectors[joint] *= min(1.0, MAX_SHOULDER_ANGLE / np.linalg.norm(vectors[joint]))
    root = Rotation.from_rotvec(np.radians(_SPREAD_ROOT * generator.normal(size=3))) * Rotation.from_rotvec(
        np.radians(family.root)
    )
    vectors[0] = root.as_rotvec()
    return vectors.ravel()
