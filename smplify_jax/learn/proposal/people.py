"""Synthetic training examples: a body in front of a camera, its detections, and the network's input and targets."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from smplify_jax.body.keypoint_body import KeypointBody
from smplify_jax.camera.depth import PERSON_HEIGHT, start_depth
from smplify_jax.camera.observation import Observation
from smplify_jax.camera.pinhole import Camera, project
from smplify_jax.geometry.rotations import exp_so3
from smplify_jax.learn.proposal.detections import DetectionTables, detect
from smplify_jax.learn.proposal.pose_bank import PoseBank
from smplify_jax.learn.proposal.unusual_poses import draw_any_poses
from smplify_jax.proposal.network import NUM_BETAS, SeenPerson
from smplify_jax.proposal.view import person_view

_MIN_DEPTH, _MAX_DEPTH = 1.8, 40.0  # [m]
_MAX_OFF_AXIS = 0.55  # tangent of the angle
_MAX_BETA = 2.5
_PITCHES = ((0.85, 10.0), (0.15, 25.0))  # share, standard deviation [degrees]
_ROLLS = ((0.93, 6.0), (0.07, 90.0))
_SHARE_KNOWN_FOCAL_LENGTH, _FOCAL_LENGTH_ERROR = 0.75, 0.3  # the error is that of the logarithm
_MIN_SEEN = 4


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Example:
    """One person as the networks see them, and the truth in the same view.

    Attributes:
        seen: its keypoints are the S slots.
        local_rotations: (24, 3, 3); the root's relative to the view.
        body_pose: (69,) [rad].
        betas: (10,).
        pelvis: (2,) offset from the middle of the view, in heights.
        log_depth: () log of the pelvis's distance over the assumed distance.
        slot_errors: (S, 2) detection minus truth, in heights.
        is_seen: (S,) 1.0 where detected.
        weight: () zero for people with too few detections.
    """

    seen: SeenPerson
    local_rotations: Array
    body_pose: Array
    betas: Array
    pelvis: Array
    log_depth: Array
    slot_errors: Array
    is_seen: Array
    weight: Array


def draw_examples(bank: PoseBank, body: KeypointBody, tables: DetectionTables, key: Array, count: int) -> Example:
    """Draw examples with a batch axis of size `count`.

    Args:
        bank: the poses.
        body: its keypoints are the S slots.
        tables: of the slots.
        key: for all random numbers.
        count: number of people.
    """
    pose_key, place_key, detect_key = jax.random.split(key, 3)
    poses = draw_any_poses(bank, pose_key, count)
    placed = _place(place_key, poses)
    points = body.keypoints(
        betas=placed["betas"], global_orient=jnp.zeros((count, 3)), body_pose=poses[:, 3:], transl=jnp.zeros((count, 3))
    )
    rest_pelvis = (body.joint_template[0] + placed["betas"] @ body.joint_shapedirs[0].T)[:, None]
    turned = jnp.einsum("nab,nkb->nka", placed["orient"], points - rest_pelvis) + placed["pelvis"][:, None]
    camera = Camera(jnp.ones((count, 2)), jnp.zeros((count, 2)))
    rays = project(turned, camera) * placed["focal_ratio"][:, None, None]
    height = PERSON_HEIGHT * placed["focal_ratio"] / placed["pelvis"][:, 2]
    found, confidence = detect(tables, detect_key, rays, height)

    def example_of(found: Array, confidence: Array, rays: Array, person: dict, pose: Array) -> Example:
        return _example(body, found, confidence, rays, person, pose)

    return jax.vmap(example_of)(found, confidence, rays, placed, poses)


def _example(body: KeypointBody, found: Array, confidence: Array, rays: Array, person: dict, pose: Array) -> Example:
    """One person's example, from keypoints given as rays (x/z, y/z) of the assumed camera."""
    camera = Camera(jnp.ones(2), jnp.zeros(2))
    limb_depth = start_depth(found, confidence, camera.focal_length, body.reach)
    observation = Observation(found, confidence, camera, jnp.ones(()))
    view = person_view(observation)
    points = view.points(observation)
    true_points = view.points(Observation(rays, confidence, camera, jnp.ones(())))
    ratio = person["focal_ratio"]
    # In the assumed camera, the person stands where they look the same: too far away if the assumed focal length is too long.
    pelvis = view.rotation @ (person["pelvis"] / jnp.stack([jnp.ones(()), jnp.ones(()), ratio]))
    local = exp_so3(pose.reshape(-1, 3)).at[0].set(view.rotation @ person["orient"])
    is_seen = confidence > 0
    return Example(
        seen=SeenPerson(points, confidence, view.depth, limb_depth, person["is_focal_length_known"]),
        local_rotations=local,
        body_pose=pose[3:],
        betas=person["betas"],
        pelvis=pelvis[:2] / pelvis[2] * view.depth / PERSON_HEIGHT,
        log_depth=jnp.log(pelvis[2] / view.depth),
        slot_errors=jnp.clip(points - true_points, -1.0, 1.0),
        is_seen=is_seen.astype(jnp.float32),
        weight=(jnp.sum(is_seen) >= _MIN_SEEN).astype(jnp.float32),
    )


def _place(key: Array, poses: Array) -> dict[str, Array]:
    """Draw shape, orientation, position and camera of each person."""
    count = len(poses)
    keys = jax.random.split(key, 9)
    yaw = jax.random.uniform(keys[0], (count,), maxval=2 * np.pi)
    pitch, roll = _angle(keys[1], _PITCHES, count), _angle(keys[2], _ROLLS, count)
    upright = exp_so3(jnp.array([np.pi, 0.0, 0.0], jnp.float32))
    orient = upright @ _turn(2, roll) @ _turn(0, pitch) @ _turn(1, yaw) @ exp_so3(poses[:, :3])
    log_depth = jax.random.uniform(keys[3], (count,), minval=np.log(_MIN_DEPTH), maxval=np.log(_MAX_DEPTH))
    depth = jnp.exp(log_depth)
    off_axis = (
        _MAX_OFF_AXIS * jax.random.uniform(keys[4], (count, 1)) * jax.random.uniform(keys[5], (count, 2), minval=-1.0)
    )
    is_known = jax.random.uniform(keys[6], (count,)) < _SHARE_KNOWN_FOCAL_LENGTH
    ratio = jnp.exp(_FOCAL_LENGTH_ERROR * jax.random.normal(keys[7], (count,)))
    return {
        "orient": orient,
        "pelvis": depth[:, None] * jnp.concatenate([off_axis, jnp.ones((count, 1))], axis=1),
        "betas": jnp.clip(jax.random.normal(keys[8], (count, NUM_BETAS)), -_MAX_BETA, _MAX_BETA),
        "is_focal_length_known": is_known,
        "focal_ratio": jnp.where(is_known, 1.0, ratio),
    }


def _angle(key: Array, table: tuple[tuple[float, float], ...], count: int) -> Array:
    """Draw normal angles (count,) [rad], each with one of several standard deviations."""
    which, size = jax.random.split(key)
    shares, degrees = np.array(table).T
    spread = jax.random.choice(which, jnp.asarray(np.radians(degrees), jnp.float32), (count,), p=jnp.asarray(shares))
    return spread * jax.random.normal(size, (count,))


def _turn(axis: int, angle: Array) -> Array:
    """Rotations (N, 3, 3) about one axis."""
    return exp_so3(angle[:, None] * jnp.eye(3)[axis])
