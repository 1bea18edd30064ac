"""Measures of the finished body: its mass, the range of its betas, the bending of its joints."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES
from smplify_jax.learn.open_body.population import DENSITY
from smplify_jax.learn.open_body.pose_correctives import pose_transforms

NUM_BETAS = 10
"""Number of betas for measures of shape: those used by default."""


def volume(vertices: np.ndarray, faces: np.ndarray) -> float:
    """Volume [m^3] of a closed mesh."""
    a, b, c = (vertices[faces[:, k]].astype(np.float64) for k in range(3))
    return float(np.einsum("fi,fi->", a, np.cross(b, c)) / 6.0)


def body_mass_index(vertices: np.ndarray, faces: np.ndarray) -> float:
    """BMI [kg/m^2] of a standing body, at `DENSITY`."""
    return DENSITY * volume(vertices, faces) / float(np.ptp(vertices[:, 1])) ** 2


def shaped(body: dict[str, Any], betas: np.ndarray) -> np.ndarray:
    """(V, 3) rest vertices [m] of a body as `read_open_body` gives it."""
    return body["v_template"] + body["shapedirs"][..., : len(betas)] @ betas


def posed(body: dict[str, Any], angles: dict[str, list[float]]) -> tuple[np.ndarray, np.ndarray]:
    """Vertices (V, 3) and joints (24, 3) [m] of the mean shape in a pose: axis-angle [degrees] by joint name."""
    rotations = np.tile(np.eye(3), (1, len(SMPL_JOINT_NAMES), 1, 1))
    for name, axis_angle in angles.items():
        rotations[0, SMPL_JOINT_NAMES.index(name)] = Rotation.from_rotvec(axis_angle, degrees=True).as_matrix()
    rest = body["v_template"] + body["posedirs"] @ (rotations[0, 1:] - np.eye(3)).ravel()
    joints = body["J_regressor"] @ body["v_template"]
    turns, shifts = pose_transforms(rotations, joints)
    weights = body["lbs_weights"]
    vertices = np.einsum("vj,jab,vb->va", weights, turns[0], rest) + weights @ shifts[0]
    return vertices, np.einsum("jab,jb->ja", turns[0], joints) + shifts[0]


def extreme_betas(body: dict[str, Any], norm: float, sign: int) -> np.ndarray:
    """(10,) betas of the given norm with the largest (sign +1) or smallest (-1) body-mass index."""
    betas = np.zeros(NUM_BETAS)
    step = 1e-2

    def index(at: np.ndarray) -> float:
        return body_mass_index(shaped(body, at), body["faces"])

    for _ in range(6):
        slope = np.array([index(betas + step * axis) - index(betas - step * axis) for axis in np.eye(NUM_BETAS)])
        betas = sign * norm * slope / np.linalg.norm(slope)
    return betas


def limb_angle(joints: np.ndarray, start: str, end: str, direction: np.ndarray) -> float:
    """Angle [degrees] between a limb, from joint `start` to joint `end`, and a direction."""
    limb = joints[SMPL_JOINT_NAMES.index(end)] - joints[SMPL_JOINT_NAMES.index(start)]
    cosine = limb @ direction / np.linalg.norm(limb) / np.linalg.norm(direction)
    return float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))


def outer_thickness(body: dict[str, Any], chain: tuple[str, str, str], axis: list[float], angle: float) -> float:
    """Extent [m] of the limb outwards from a bent hinge, away from the bend, on the bisecting plane.

    Args:
        body: as `read_open_body` gives it.
        chain: the joints at the upper limb's start, the hinge and the lower limb's end.
        axis: of the hinge; a positive angle about it bends the limb.
        angle: [degrees].
    """
    start, hinge, end = (SMPL_JOINT_NAMES.index(name) for name in chain)
    vertices, joints = posed(body, {chain[1]: list(angle * np.asarray(axis))})
    upper, lower = _unit(joints[hinge] - joints[start]), _unit(joints[end] - joints[hinge])
    normal = _unit(upper + lower)
    outward = _unit(np.cross(normal, axis))
    limb = body["lbs_weights"][:, [start, hinge]].sum(axis=1) > 0.5
    faces = body["faces"][limb[body["faces"]].all(axis=1)]
    points = _cut_points(vertices, faces, joints[hinge], normal) - joints[hinge]
    return float((points @ outward).max())


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


def _cut_points(vertices: np.ndarray, faces: np.ndarray, point: np.ndarray, normal: np.ndarray) -> np.ndarray:
    """(n, 3) where a plane cuts the mesh's edges."""
    height = (vertices - point) @ normal
    cuts = []
    for first, second in ((0, 1), (1, 2), (2, 0)):
        a, b = faces[:, first], faces[:, second]
        crosses = (height[a] < 0) != (height[b] < 0)
        a, b = a[crosses], b[crosses]
        share = height[a] / (height[a] - height[b])
        cuts.append(vertices[a] + share[:, None] * (vertices[b] - vertices[a]))
    return np.concatenate(cuts)
