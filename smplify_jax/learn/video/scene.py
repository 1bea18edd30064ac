"""A recorded motion of one body before a fixed camera."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.transform import Rotation

from smplify_jax.body.model import BodyModel
from smplify_jax.body.parameters import BodyParameters
from smplify_jax.camera.pinhole import Camera
from smplify_jax.learn.mocap.root_path import leg_length
from smplify_jax.learn.people import IMAGE_SIZES, STATURE
from smplify_jax.learn.video.options import TrackOptions
from smplify_jax.learn.video.windows import Window

_NUM_CAMERAS = 16
"""Cameras that are tried until one sees the whole path; of those that do not, the one that sees most is taken."""

_NEAREST = 0.3
"""[m] A joint in view is at least this far from the camera."""


def body_in_world(body: BodyModel, window: Window, betas: np.ndarray) -> BodyParameters:
    """The body (T, ...) on the window's path, in a y-up world with the middle of the path at the origin."""
    count = len(window.poses)
    rest = np.asarray(body.with_shape(betas).rest_joints, float)
    left, right = (body.joint_names.index(f"{side}_hip") for side in ("left", "right"))
    hips = leg_length(rest, body.joint_names) * (
        window.path - 0.5 * (window.path.min(axis=0) + window.path.max(axis=0))
    )
    pelvis_to_hips = 0.5 * (rest[left] + rest[right]) - rest[0]
    transl = hips - Rotation.from_rotvec(window.poses[:, :3]).apply(pelvis_to_hips) - rest[0]
    return _parameters(window.poses[:, :3], window.poses[:, 3:], np.tile(betas, (count, 1)), transl)


def before_a_camera(
    body: BodyModel, world: BodyParameters, options: TrackOptions, generator: np.random.Generator
) -> tuple[BodyParameters, Camera, np.ndarray]:
    """Place a camera that sees as much of the path as possible.

    Args:
        body: the body.
        world: its motion (T, ...), see `body_in_world`.
        options: distribution of the cameras.
        generator: of the draws.
    Returns:
        The motion in the camera frame, the camera, and the picture's size (2,) [px].
    """
    joints = np.asarray(body.joints(**world.blocks()), float)
    best, best_share = None, -1.0
    for _ in range(_NUM_CAMERAS):
        image_size = np.array(IMAGE_SIZES, float)[generator.integers(len(IMAGE_SIZES))]
        focal_length = generator.uniform(*options.focal_length) * float(np.linalg.norm(image_size))
        depth = focal_length * STATURE / generator.uniform(*options.height_px)
        turn = _camera_from_world(options, generator)
        place = generator.uniform(size=2)
        if best_share == 1.0:
            continue  # the draws go on, so that what follows does not depend on how many cameras were tried
        seen = turn.apply(joints.reshape(-1, 3))
        offset = _centred(seen, depth, focal_length, image_size, place)
        share = float(_is_in_view(seen + offset, focal_length, image_size).mean())
        if share > best_share:
            best, best_share = (turn, offset, focal_length, image_size), share
    assert best is not None
    turn, offset, focal_length, image_size = best
    camera = Camera(np.full(2, focal_length, np.float32), (image_size / 2).astype(np.float32))
    return _turned(body, world, turn, offset), camera, image_size


def _camera_from_world(options: TrackOptions, generator: np.random.Generator) -> Rotation:
    """From y up to the camera frame, y down: a yaw about the vertical, then the camera's pitch and roll."""
    yaw, pitch, roll = (
        generator.uniform(0.0, 2.0 * np.pi),
        options.pitch * generator.normal(),
        options.roll * generator.normal(),
    )
    return Rotation.from_euler("x", np.pi) * Rotation.from_euler("yxz", [yaw, pitch, roll])


def _centred(
    seen: np.ndarray, depth: float, focal_length: float, image_size: np.ndarray, place: np.ndarray
) -> np.ndarray:
    """The translation (3,) to that depth which puts the path's box anywhere in the picture, or centres it if it is too large."""
    offset = np.array([0.0, 0.0, depth])
    for _ in range(4):  # near and far ends of the path move by different pixels
        points = seen + offset
        pixels = focal_length * points[:, :2] / np.maximum(points[:, 2:], _NEAREST) + 0.5 * image_size
        low, high = pixels.min(axis=0), pixels.max(axis=0)
        room = image_size - (high - low)
        offset[:2] += (np.where(room > 0, place * room, 0.5 * room) - low) * depth / focal_length
    return offset


def _is_in_view(points: np.ndarray, focal_length: float, image_size: np.ndarray) -> np.ndarray:
    pixels = focal_length * points[:, :2] / np.maximum(points[:, 2:], _NEAREST) + 0.5 * image_size
    return np.all((pixels >= 0) & (pixels <= image_size), axis=1) & (points[:, 2] > _NEAREST)


def _turned(body: BodyModel, world: BodyParameters, turn: Rotation, offset: np.ndarray) -> BodyParameters:
    """The same motion in the camera frame; a body turns about its pelvis, which rests away from the origin."""
    rest = np.asarray(body.with_shape(np.asarray(world.betas)[0]).rest_joints[0], float)
    transl = turn.apply(np.asarray(world.transl, float) + rest) + offset - rest
    orient = (turn * Rotation.from_rotvec(np.asarray(world.global_orient, float))).as_rotvec()
    return _parameters(orient, world.body_pose, world.betas, transl)


def _parameters(orient: ArrayLike, body_pose: ArrayLike, betas: ArrayLike, transl: ArrayLike) -> BodyParameters:
    return BodyParameters(*(jnp.asarray(array, jnp.float32) for array in (orient, body_pose, betas, transl)))
