"""Bring each sampled body from MakeHuman's A-pose to SMPL's T-pose.

The limbs are rotated about the rig's joints to the directions of SMPL's limbs; the skin follows by dual-quaternion
skinning with the rig's own weights (Kavan et al., Skinning with dual quaternions, I3D 2007).
"""

from __future__ import annotations

import numpy as np

from smplify_jax.learn.open_body.source import MIRROR, Rig

TURNING = (
    "clavicle",
    "shoulder01",
    "upperarm01",
    "upperarm02",
    "lowerarm01",
    "lowerarm02",
    "wrist",
    "upperleg01",
    "lowerleg01",
    "foot",
)
"""Bones of a side that rotate; every other bone moves with its nearest ancestor among them, or stays with the trunk."""
CLAVICLE_RAISE, SHOULDER_RAISE = np.deg2rad(3.0), np.deg2rad(8.0)
"""Chosen so that the shoulders are at SMPL's height; with more, a body with lowered arms would shrug."""
THIGH_DIRECTION = np.array([np.tan(np.deg2rad(3.0)), -1.0, np.tan(np.deg2rad(2.5))])
SHANK_DIRECTION = np.array([np.tan(np.deg2rad(1.5)), -1.0, -np.tan(np.deg2rad(2.5))])
ARM_DIRECTION = np.array([1.0, 0.0, 0.0])
BATCH = 50


def turning_bone(rig: Rig, bone: str) -> str:
    """The bone of `TURNING`, with its side, that `bone` moves with; "" for the trunk."""
    while bone and bone.split(".")[0] not in TURNING:
        bone = rig.parents[bone]
    return bone


def turning_weights(rig: Rig, base_index: np.ndarray, num_base: int) -> np.ndarray:
    """(N, 21) weights of the trunk, the left and the right turning bones at the given base vertices."""
    weights = np.zeros((num_base, 1 + 2 * len(TURNING)))
    columns = {"": 0}
    columns |= {f"{bone}.L": 1 + k for k, bone in enumerate(TURNING)}
    columns |= {f"{bone}.R": 1 + len(TURNING) + k for k, bone in enumerate(TURNING)}
    for bone, (indices, values) in rig.weights.items():
        weights[indices, columns[turning_bone(rig, bone)]] += values
    weights = weights[base_index]
    return weights / weights.sum(axis=1, keepdims=True)


def to_t_pose(
    vertices: np.ndarray, heads: dict[str, np.ndarray], weights: np.ndarray, rig: Rig
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Rotate the limbs.

    Args:
        vertices: (S, N, 3) left halves [m].
        heads: (S, 3) position of each left and midline bone's head [m].
        weights: (N, 21) from `turning_weights`.
        rig: the skeleton.
    Returns:
        The vertices and the heads in the T-pose.
    """
    rotations, shifts = _bone_transforms(heads)
    names = [f"{bone}.L" for bone in TURNING]
    turned_heads = {}
    for bone, place in heads.items():
        mover = turning_bone(rig, bone)
        if mover:
            k = names.index(mover)
            place = np.einsum("sij,sj->si", rotations[:, k], place) + shifts[:, k]
        turned_heads[bone] = place
    num_samples = len(vertices)
    still = np.zeros((num_samples, 1, 3, 3)) + np.eye(3)
    whole_rotations = np.concatenate([still, rotations, rotations * np.outer(MIRROR, MIRROR)], axis=1)
    whole_shifts = np.concatenate([np.zeros((num_samples, 1, 3)), shifts, shifts * MIRROR], axis=1)
    turned = np.concatenate(
        [
            blend_dual_quaternions(
                whole_rotations[k : k + BATCH], whole_shifts[k : k + BATCH], weights, vertices[k : k + BATCH]
            )
            for k in range(0, num_samples, BATCH)
        ]
    )
    return turned, turned_heads


def _bone_transforms(heads: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """(S, 10, 3, 3) rotations and (S, 10, 3) shifts of the left turning bones: x becomes R x + t."""
    shoulder, elbow, wrist = heads["upperarm01.L"], heads["lowerarm01.L"], heads["wrist.L"]
    knuckles = np.mean([heads[f"finger{k}-1.L"] for k in (2, 3, 4, 5)], axis=0)
    upper, fore, hand = _unit(elbow - shoulder), _unit(wrist - elbow), _unit(knuckles - wrist)
    hinge = np.cross(upper, fore)
    across = heads["finger2-1.L"] - heads["finger5-1.L"]
    num_samples = len(shoulder)
    # The elbow of the A-pose is bent in its own plane; SMPL's bends about the vertical, to the front.
    upper_turn = _frame_turn(upper, hinge, ARM_DIRECTION, [0.0, -1.0, 0.0])
    fore_turn = _frame_turn(fore, hinge, ARM_DIRECTION, [0.0, -1.0, 0.0])
    hand_turn = _frame_turn(hand, across, ARM_DIRECTION, [0.0, 0.0, 1.0])
    twist = _twist_about_x(hand_turn @ np.swapaxes(fore_turn, 1, 2))
    clavicle_turn = np.tile(_about_z(CLAVICLE_RAISE), (num_samples, 1, 1))
    shoulder_turn = np.tile(_about_z(CLAVICLE_RAISE + SHOULDER_RAISE), (num_samples, 1, 1))
    swing = _least_turn(np.einsum("sij,sj->si", shoulder_turn, upper), ARM_DIRECTION) @ shoulder_turn
    upper_twist = _twist_about_x(upper_turn @ np.swapaxes(swing, 1, 2))
    thigh = _least_turn(_unit(heads["lowerleg01.L"] - heads["upperleg01.L"]), THIGH_DIRECTION)
    shank = _least_turn(_unit(heads["foot.L"] - heads["lowerleg01.L"]), SHANK_DIRECTION)
    rotations = [
        clavicle_turn,
        shoulder_turn,
        _about_x(0.5 * upper_twist) @ swing,
        upper_turn,
        _about_x(0.25 * twist) @ fore_turn,
        _about_x(0.75 * twist) @ fore_turn,
        hand_turn,
        thigh,
        shank,
        np.tile(np.eye(3), (num_samples, 1, 1)),
    ]
    parents = (-1, 0, 1, 2, 3, 4, 5, -1, 7, 8)
    shifts: list[np.ndarray] = []
    for k, parent in enumerate(parents):
        pivot = heads[f"{TURNING[k]}.L"]
        moved = pivot if parent < 0 else np.einsum("sij,sj->si", rotations[parent], pivot) + shifts[parent]
        shifts.append(moved - np.einsum("sij,sj->si", rotations[k], pivot))
    return np.stack(rotations, axis=1), np.stack(shifts, axis=1)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def _frame(along: np.ndarray, beside: np.ndarray) -> np.ndarray:
    """(..., 3, 3) orthonormal columns: `along`, the part of `beside` across it, and their cross product."""
    first = _unit(along)
    second = _unit(beside - np.sum(beside * first, axis=-1, keepdims=True) * first)
    return np.stack([first, second, np.cross(first, second)], axis=-1)


def _frame_turn(along: np.ndarray, beside: np.ndarray, new_along, new_beside) -> np.ndarray:
    target = _frame(np.asarray(new_along, dtype=float), np.asarray(new_beside, dtype=float))
    return target @ np.swapaxes(_frame(along, beside), -1, -2)


def _least_turn(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """(S, 3, 3) smallest rotation that takes each unit vector `start` to the direction `end`."""
    goal = np.broadcast_to(_unit(end), start.shape)
    axis = np.cross(start, goal)
    return _frame(goal, axis) @ np.swapaxes(_frame(start, axis), -1, -2)


def _about_x(angle: np.ndarray) -> np.ndarray:
    cos, sin, zero, one = np.cos(angle), np.sin(angle), np.zeros_like(angle), np.ones_like(angle)
    return np.stack([one, zero, zero, zero, cos, -sin, zero, sin, cos], axis=-1).reshape(*angle.shape, 3, 3)


def _about_z(angle: float) -> np.ndarray:
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])


def _twist_about_x(rotation: np.ndarray) -> np.ndarray:
    """(S,) angle of rotations that keep x nearly fixed."""
    return np.arctan2(rotation[:, 2, 1] - rotation[:, 1, 2], rotation[:, 1, 1] + rotation[:, 2, 2])


def quaternions(rotations: np.ndarray) -> np.ndarray:
    """(..., 4) unit quaternions (w, x, y, z), w >= 0."""
    diagonal = np.diagonal(rotations, axis1=-2, axis2=-1)
    x, y, z = diagonal[..., 0], diagonal[..., 1], diagonal[..., 2]
    magnitude = 0.5 * np.sqrt(
        np.maximum(np.stack([1 + x + y + z, 1 + x - y - z, 1 - x + y - z, 1 - x - y + z], axis=-1), 0.0)
    )
    sign = np.stack([rotations[..., 2, 1] - rotations[..., 1, 2], rotations[..., 0, 2] - rotations[..., 2, 0],
                     rotations[..., 1, 0] - rotations[..., 0, 1]], axis=-1)  # fmt: skip
    return np.concatenate([magnitude[..., :1], np.copysign(magnitude[..., 1:], sign)], axis=-1)


def _multiply(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Hamilton product."""
    scalar = a[..., :1] * b[..., :1] - np.sum(a[..., 1:] * b[..., 1:], axis=-1, keepdims=True)
    vector = a[..., :1] * b[..., 1:] + b[..., :1] * a[..., 1:] + np.cross(a[..., 1:], b[..., 1:])
    return np.concatenate([scalar, vector], axis=-1)


def blend_dual_quaternions(
    rotations: np.ndarray, shifts: np.ndarray, weights: np.ndarray, vertices: np.ndarray
) -> np.ndarray:
    """Dual-quaternion skinning.

    Args:
        rotations: (S, B, 3, 3).
        shifts: (S, B, 3) [m].
        weights: (N, B), rows sum to one.
        vertices: (S, N, 3) or (N, 3) [m].
    Returns:
        (S, N, 3).
    """
    real = quaternions(rotations)
    shift = np.concatenate([np.zeros_like(shifts[..., :1]), shifts], axis=-1)
    dual = 0.5 * _multiply(shift, real)
    # q and -q are the same rotation; all get the sign that matches the bone that dominates the vertex.
    towards = np.sign(np.einsum("sbi,sci->sbc", real, real))
    nearest = np.argmax(weights, axis=1)
    signed = weights[None] * np.swapaxes(towards, 1, 2)[:, nearest]
    blended_real, blended_dual = signed @ real, signed @ dual
    length = np.linalg.norm(blended_real, axis=-1, keepdims=True)
    blended_real, blended_dual = blended_real / length, blended_dual / length
    w, v = blended_real[..., :1], blended_real[..., 1:]
    turned = vertices + 2.0 * np.cross(v, np.cross(v, vertices) + w * vertices)
    conjugate = blended_real * np.array([1.0, -1.0, -1.0, -1.0])
    return turned + 2.0 * _multiply(blended_dual, conjugate)[..., 1:]
