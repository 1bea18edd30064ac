"""Pose-dependent displacements that let linear blend skinning keep the volume of bent joints.

They are fitted by least squares to dual-quaternion skinning, over random anatomical poses. A joint's corrective acts only
where its subtree shares the weight with the rest of the body, which keeps the shipped file small.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES, SMPL_PARENTS, mirrored_name
from smplify_jax.learn.open_body.t_pose import blend_dual_quaternions

NUM_POSES = 600
CHUNK = 100
MIN_SHARE = 0.01
RIDGE = 5e-5
"""Keeps entries that the poses do not determine near zero; in units of a feature's mean square."""

_LIMITS = {
    "hip": ([-130, 30], [-40, 40], [-20, 50]),
    "knee": ([0, 140], [-10, 10], [-5, 5]),
    "ankle": ([-25, 45], [-15, 15], [-15, 15]),
    "foot": ([-30, 30], [-3, 3], [-3, 3]),
    "spine1": ([-15, 40], [-20, 20], [-20, 20]),
    "spine2": ([-10, 25], [-20, 20], [-15, 15]),
    "spine3": ([-10, 20], [-20, 20], [-15, 15]),
    "neck": ([-35, 35], [-40, 40], [-25, 25]),
    "head": ([-25, 30], [-40, 40], [-20, 20]),
    "collar": ([-10, 10], [-25, 15], [-15, 35]),
    "shoulder": ([-60, 60], [-120, 30], [-95, 80]),
    "elbow": ([-80, 80], [-145, 5], [-10, 10]),
    "wrist": ([-10, 10], [-25, 25], [-75, 75]),
    "hand": ([-10, 10], [-15, 15], [-80, 30]),
}
"""Range of the left joints' rotations [degrees] about x, then y, then z of the T-pose's axes (extrinsic)."""


def feature_signs() -> np.ndarray:
    """(3, 9) sign of each corrective entry under the mirror: coordinate c, entry (a, b) of R - I."""
    sign = np.array([-1.0, 1.0, 1.0])
    return sign[:, None] * np.outer(sign, sign).reshape(1, 9)


def random_poses(rng: np.random.Generator, num_poses: int) -> np.ndarray:
    """(S, 24, 3, 3) local rotations within the joint limits, the root at rest; one joint in three is at rest too."""
    poses = np.zeros((num_poses, len(SMPL_JOINT_NAMES), 3, 3)) + np.eye(3)
    for j, name in enumerate(SMPL_JOINT_NAMES[1:], start=1):
        side, _, joint = name.partition("_") if name.startswith(("left_", "right_")) else ("", "", name)
        low, high = np.array(_LIMITS[joint], dtype=float).T
        angles = rng.uniform(low, high, size=(num_poses, 3)) * (rng.random((num_poses, 1)) < 0.67)
        if side == "right":
            angles *= [1.0, -1.0, -1.0]
        poses[:, j] = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    return poses


def pose_transforms(poses: np.ndarray, joints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Global (S, 24, 3, 3) rotations and (S, 24, 3) shifts, x becomes R x + t, of (S, 24, 3, 3) local rotations."""
    rotations = [poses[:, 0]]
    places = [np.broadcast_to(joints[0], (len(poses), 3))]
    for j, parent in enumerate(SMPL_PARENTS[1:], start=1):
        rotations.append(rotations[parent] @ poses[:, j])
        places.append(places[parent] + rotations[parent] @ (joints[j] - joints[parent]))
    rotation, place = np.stack(rotations, axis=1), np.stack(places, axis=1)
    return rotation, place - np.einsum("sjab,jb->sja", rotation, joints)


def acting(weights: np.ndarray) -> np.ndarray:
    """Whether a joint's corrective acts, (24, N): its subtree has part of a vertex's weight, but not all of it."""
    subtree = np.eye(len(SMPL_PARENTS))
    for j in range(len(SMPL_PARENTS) - 1, 0, -1):
        subtree[SMPL_PARENTS[j]] += subtree[j]
    share = (weights @ subtree.T).T
    acts = (share > MIN_SHARE) & (share < 1.0 - MIN_SHARE)
    acts[0] = False
    return acts


def learn_correctives(
    rng: np.random.Generator, rest: np.ndarray, joints: np.ndarray, weights: np.ndarray, num_midline: int
) -> np.ndarray:
    """(N, 3, 207) correctives of the left half [m per unit of R - I].

    Args:
        rng: the source of the random poses.
        rest: (N, 3) the left half in the T-pose [m].
        joints: (24, 3) [m].
        weights: (N, 24).
        num_midline: vertices on the midline, made symmetric.
    """
    poses = random_poses(rng, NUM_POSES)
    rotations, shifts = pose_transforms(poses, joints)
    features = (poses - np.eye(3)).reshape(NUM_POSES, 24, 9)
    acts = acting(weights)
    movers = np.flatnonzero(acts.any(axis=0))
    correctives = np.zeros((len(rest), 3, 24, 9))
    for k in range(0, len(movers), CHUNK):
        chunk = movers[k : k + CHUNK]
        linear = np.einsum("nj,sjab->nsab", weights[chunk], rotations)
        skinned = np.einsum("nsab,nb->nsa", linear, rest[chunk]) + np.einsum("nj,sja->nsa", weights[chunk], shifts)
        wanted = np.swapaxes(blend_dual_quaternions(rotations, shifts, weights[chunk], rest[chunk]), 0, 1)
        for i, vertex in enumerate(chunk):
            mine = features[:, acts[:, vertex]].reshape(NUM_POSES, -1)
            correctives[vertex][:, acts[:, vertex]] = _solve(linear[i], mine, wanted[i] - skinned[i])
    return _symmetric_on_midline(correctives, num_midline)[:, :, 1:].reshape(len(rest), 3, 207)


def _solve(linear: np.ndarray, features: np.ndarray, gap: np.ndarray) -> np.ndarray:
    """(3, j, 9) correctives P of one vertex that minimise the sum over poses of |linear P features - gap|^2.

    Args:
        linear: (S, 3, 3) blended rotation that carries rest displacements into each pose.
        features: (S, 9 j) entries of R - I of the joints that act.
        gap: (S, 3) target displacement in each pose [m].
    """
    design = np.einsum("sac,sf->sacf", linear, features).reshape(3 * len(features), -1)
    normal = design.T @ design
    normal[np.diag_indices_from(normal)] += RIDGE * len(features)
    return np.linalg.solve(normal, design.T @ gap.reshape(-1)).reshape(3, -1, 9)


def _symmetric_on_midline(correctives: np.ndarray, num_midline: int) -> np.ndarray:
    """(N, 3, 24, 9) with midline rows equal to their mirror images."""
    mirror = [SMPL_JOINT_NAMES.index(mirrored_name(name)) for name in SMPL_JOINT_NAMES]
    middle = correctives[:num_midline]
    correctives[:num_midline] = 0.5 * (middle + middle[:, :, mirror] * feature_signs()[None, :, None])
    return correctives
