"""Skinning weights of the 24 joints, from those of MakeHuman's bones."""

from __future__ import annotations

import numpy as np

from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES, mirrored_name
from smplify_jax.learn.open_body.source import Rig

JOINT_OF_BONE = {
    "clavicle": "collar",
    "shoulder01": "collar",
    "upperarm01": "shoulder",
    "lowerarm01": "elbow",
    "wrist": "wrist",
    "finger2-1": "hand",
    "finger3-1": "hand",
    "finger4-1": "hand",
    "finger5-1": "hand",
    "upperleg01": "hip",
    "lowerleg01": "knee",
    "foot": "ankle",
    "toe1-1": "foot",
    "toe2-1": "foot",
    "toe3-1": "foot",
    "toe4-1": "foot",
    "toe5-1": "foot",
    "neck01": "neck",
    "neck03": "head",
}
"""The bones at which a joint's influence begins; it continues down the chain to the next of these. All other bones are trunk."""
SPINE_HALF_WIDTH = {"spine1": 0.10, "spine2": 0.09, "spine3": 0.09}
"""Distance [m] below and above each spine joint over which the trunk's weight passes from the joint below to this joint."""
MAX_JOINTS = 4


def joint_weights(rig: Rig, base_index: np.ndarray, num_base: int, rest: np.ndarray, joints: np.ndarray) -> np.ndarray:
    """(N, 24) weights of the left half, before `keep_strongest`.

    Args:
        rig: MakeHuman's bones and weights.
        base_index: (N,) base vertex of each vertex of the half.
        num_base: number of base vertices.
        rest: (N, 3) the half in the T-pose [m].
        joints: (24, 3) joints of that T-pose [m].
    """
    weights = np.zeros((num_base, len(SMPL_JOINT_NAMES)))
    trunk = np.zeros(num_base)
    for bone, (indices, values) in rig.weights.items():
        name = _joint_of(rig, bone)
        column = trunk if name is None else weights[:, SMPL_JOINT_NAMES.index(name)]
        column[indices] += values
    return weights[base_index] + trunk[base_index, None] * _along_spine(rest, joints)


def _joint_of(rig: Rig, bone: str) -> str | None:
    while bone:
        stem, _, side = bone.partition(".")
        if stem in JOINT_OF_BONE:
            name = JOINT_OF_BONE[stem]
            return {"L": f"left_{name}", "R": f"right_{name}", "": name}[side]
        bone = rig.parents[bone]
    return None


def _along_spine(rest: np.ndarray, joints: np.ndarray) -> np.ndarray:
    """Shares (N, 24) of pelvis, spine1, spine2 and spine3 in the trunk at each vertex's height.

    MakeHuman's five spine bones do not coincide with SMPL's joints, so the trunk's weight is redistributed smoothly.
    """
    shares = np.zeros((len(rest), len(SMPL_JOINT_NAMES)))
    above = np.ones(len(rest))
    below_name = "pelvis"
    for name, half_width in SPINE_HALF_WIDTH.items():
        level = joints[SMPL_JOINT_NAMES.index(name), 1]
        t = np.clip((rest[:, 1] - level) / (2.0 * half_width) + 0.5, 0.0, 1.0)
        passed = above * (t * t * (3.0 - 2.0 * t))
        shares[:, SMPL_JOINT_NAMES.index(below_name)] = above - passed
        above, below_name = passed, name
    shares[:, SMPL_JOINT_NAMES.index(below_name)] = above
    return shares


def mirror_joints() -> np.ndarray:
    """Index (24,) of each joint's mirror image."""
    return np.array([SMPL_JOINT_NAMES.index(mirrored_name(name)) for name in SMPL_JOINT_NAMES])


def keep_strongest(weights: np.ndarray) -> np.ndarray:
    """The `MAX_JOINTS` largest weights of each row, scaled to sum to one."""
    # Strictly above the next largest, so that equal left and right weights on the midline are either both kept or both dropped.
    kept = np.where(weights > np.sort(weights, axis=1)[:, -MAX_JOINTS - 1, None], weights, 0.0)
    return kept / kept.sum(axis=1, keepdims=True)


def symmetric_on_midline(weights: np.ndarray, num_midline: int) -> np.ndarray:
    """Weights whose midline rows are equal for left and right joints."""
    weights = weights.copy()
    middle = weights[:num_midline]
    weights[:num_midline] = 0.5 * (middle + middle[:, mirror_joints()])
    return weights
