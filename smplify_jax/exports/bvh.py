"""BVH: a skeleton and its motion as text, which animation programs read.

A joint's channels are Zrotation Xrotation Yrotation [degrees]: R = Rz Rx Ry relative to the parent. The root has positions too. Lengths are
in metres, which BVH has no words for. The frame is upright: x right, y up, z towards the camera.

Source: Meredith and Maddock, Motion capture file formats explained, Sheffield 2001, section 3.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np
from scipy.spatial.transform import Rotation

from smplify_jax.exports.motion import BodyMotion, SkeletonMotion, held, rate_of
from smplify_jax.files.atomic import atomic_write

_SHORTEST_BONE = 0.01
"""[m] of a bone at the end of a limb: Blender leaves out bones without a length."""


def write_bvh(path: str | os.PathLike[str], person: BodyMotion, fps: float | None = None) -> None:
    """Write one person's skeleton and motion; a person of one moment is a motion of one frame.

    BVH cannot leave out a frame: frames without a body hold that of the frame before, or the first one.

    Args:
        path: the file.
        person: one moment or a motion.
        fps: frames per second; by default those of the motion's times.
    Raises:
        InputError: no frame has a body, the frames have different betas, `fps` is no positive number, or the file cannot be written.
    """
    rate, frames = rate_of(person, fps), held(person.is_usable)
    skeleton = SkeletonMotion.of(person, frames)
    order = _depth_first(person.body.parents)
    angles = euler_zxy(skeleton.rotations[:, order])
    rows = np.concatenate([skeleton.root, angles.reshape(len(angles), -1)], axis=1)
    with atomic_write(path) as file:
        file.write("\n".join(["HIERARCHY", *_joint(person, skeleton, 0, 0)]).encode())
        file.write(f"\nMOTION\nFrames: {len(rows)}\nFrame Time: {1 / rate:.9f}\n".encode())
        for row in rows:
            file.write((" ".join(f"{value:.6f}" for value in row) + "\n").encode())


def euler_zxy(quaternions: np.ndarray) -> np.ndarray:
    """Angles (T, J, 3) [degrees] about z, x and y, of R = Rz Rx Ry, that jump as little as can be from frame to frame.

    Args:
        quaternions: (T, J, 4) x, y, z, w.
    Returns:
        Of the two triples that give a rotation, the one nearer to the frame before, without jumps by full turns.
    """
    shape = quaternions.shape[:2]
    turn = Rotation.from_quat(quaternions.reshape(-1, 4)).as_matrix().reshape(*shape, 3, 3)
    about_x = np.arctan2(turn[..., 2, 1], np.hypot(turn[..., 0, 1], turn[..., 1, 1]))
    about_z = np.arctan2(-turn[..., 0, 1], turn[..., 1, 1])
    # What is left after z, so that the three are right together even where x is near 90 degrees and z alone has no meaning.
    cosine, sine = np.cos(about_z), np.sin(about_z)
    about_y = np.arctan2(
        cosine * turn[..., 0, 2] + sine * turn[..., 1, 2], cosine * turn[..., 0, 0] + sine * turn[..., 1, 0]
    )
    angles = np.stack([about_z, about_x, about_y], axis=-1)
    other = np.stack([about_z + np.pi, np.pi - about_x, about_y + np.pi], axis=-1)
    for frame in range(1, len(angles)):
        before = angles[frame - 1]
        near, far = (before + _half_turns(one[frame] - before) for one in (angles, other))
        is_far_nearer = np.abs(far - before).sum(axis=-1) < np.abs(near - before).sum(axis=-1)
        angles[frame] = np.where(is_far_nearer[:, None], far, near)
    return np.degrees(angles)


def _half_turns(angles: np.ndarray) -> np.ndarray:
    """The same angles between -pi and pi."""
    return (angles + np.pi) % (2 * np.pi) - np.pi


def _joint(person: BodyMotion, skeleton: SkeletonMotion, joint: int, depth: int) -> Iterator[str]:
    """The lines of a joint and of all that follow it."""
    parents, indent = person.body.parents, "\t" * depth
    offset = np.zeros(3) if joint == 0 else skeleton.rest_joints[joint] - skeleton.rest_joints[parents[joint]]
    places = "6 Xposition Yposition Zposition" if joint == 0 else "3"
    yield f"{indent}{'ROOT' if joint == 0 else 'JOINT'} {person.body.joint_names[joint]}"
    yield f"{indent}{{"
    yield f"{indent}\tOFFSET {_numbers(offset)}"
    yield f"{indent}\tCHANNELS {places} Zrotation Xrotation Yrotation"
    children = _children(parents, joint)
    for child in children:
        yield from _joint(person, skeleton, child, depth + 1)
    if not children:
        yield f"{indent}\tEnd Site"
        yield f"{indent}\t{{"
        yield f"{indent}\t\tOFFSET {_numbers(_end_of_limb(person, skeleton, joint))}"
        yield f"{indent}\t}}"
    yield f"{indent}}}"


def _end_of_limb(person: BodyMotion, skeleton: SkeletonMotion, joint: int) -> np.ndarray:
    """(3,) from a last joint on along its bone, as far as the vertices that it moves most."""
    bone = skeleton.rest_joints[joint] - skeleton.rest_joints[person.body.parents[joint]]
    direction = bone / max(float(np.linalg.norm(bone)), 1e-9)
    own = np.asarray(person.body.lbs_weights).argmax(axis=1) == joint
    reach = (skeleton.rest_vertices[own] - skeleton.rest_joints[joint]) @ direction
    return direction * max(float(reach.max(initial=0.0)), _SHORTEST_BONE)


def _depth_first(parents: tuple[int, ...], joint: int = 0) -> list[int]:
    """The joints in the order in which the file names them."""
    return [joint, *(later for child in _children(parents, joint) for later in _depth_first(parents, child))]


def _children(parents: tuple[int, ...], joint: int) -> list[int]:
    return [child for child, parent in enumerate(parents) if parent == joint]


def _numbers(values: np.ndarray) -> str:
    return " ".join(f"{value:.6f}" for value in values)
