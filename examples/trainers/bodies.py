"""The body that networks predict, differentiable: 6D rotations, betas and weak perspective to joints, keypoints and vertices."""

from __future__ import annotations

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from examples.trainers.dataset import LAYOUT
from examples.trainers.rendering import FOCAL_SIDES
from smplify_jax import load_prior
from smplify_jax.body.keypoint_body import keypoint_body
from smplify_jax.body.kinematics import forward_kinematics
from smplify_jax.body.model import BodyModel
from smplify_jax.body.posed_keypoints import KeypointBody
from smplify_jax.result import FitResult
from smplify_jax.rotations import axis_angle_to_matrix, axis_angle_to_rotation_6d, rotation_6d_to_matrix

NUM_THETA = 24 * 6 + 10 + 3
_EVERY = 16  # of the vertices: some 400 tell a surface, and all 7000 would take longer than the network
_MIN_DEPTH = 0.5


class Estimate(NamedTuple):
    """Bodies (B, ...) that a network predicts: JAX's arrays inside of programs, NumPy's outside.

    Attributes:
        rotations: (B, 24, 3, 3) of the joints relative to their parents, the root's relative to the crop's camera.
        betas: (B, 10).
        transl: (B, 3) [m] before the crop's camera.
    """

    rotations: Array | np.ndarray
    betas: Array | np.ndarray
    transl: Array | np.ndarray


def rows_of(estimate: Estimate, rows: np.ndarray) -> Estimate:
    """Some of the bodies."""
    return Estimate(*(array[rows] for array in estimate))


def estimate_of(fits: FitResult) -> Estimate:
    """Fitted bodies, of pictures one by one or of the frames of tracks in turn."""
    pose = np.concatenate([fits.global_orient, fits.body_pose], axis=-1).reshape(-1, 24, 3)
    betas, transl = (np.asarray(array).reshape(len(pose), -1) for array in (fits.betas, fits.transl))
    return Estimate(np.asarray(axis_angle_to_matrix(pose)), betas, transl)


class Points(NamedTuple):
    """Of a batch of bodies.

    Attributes:
        joints: (B, 24, 3) [m], relative to the pelvis.
        vertices: (B, S, 3) [m], relative to the pelvis: every sixteenth of the mesh.
        projected: (B, 17, 2) keypoints in the crop, from -1 to 1.
    """

    joints: Array
    vertices: Array
    projected: Array


class TrainedBody(eqx.Module):
    """The parts of a body model that losses need. The vertices do not bulge with the pose, by some millimetres; keypoints do."""

    keypoints: KeypointBody
    vertex_template: Array
    vertex_dirs: Array
    skinning: Array

    @classmethod
    def of(cls, body: BodyModel) -> TrainedBody:
        """From the model that was rendered."""
        few = slice(None, None, _EVERY)
        return cls(
            keypoint_body(body, LAYOUT, num_betas=10),
            jnp.asarray(body.v_template)[few],
            jnp.asarray(body.shapedirs)[few, :, :10],
            jnp.asarray(body.lbs_weights)[few],
        )

    def __call__(self, estimate: Estimate) -> Points:
        """Joints, vertices and projected keypoints."""
        betas, transl = estimate.betas, estimate.transl
        parts = self.keypoints
        rest = parts.joint_template + jnp.einsum("jcb,nb->njc", parts.joint_shapedirs, betas)
        turned, joints = forward_kinematics(jnp.asarray(estimate.rotations), rest, parts.parents)
        levers = parts.lever_template + jnp.einsum("kjcb,nb->nkjc", parts.lever_shapedirs, betas)
        bent = (estimate.rotations[:, np.array(parts.bulging_joints)] - jnp.eye(3)).reshape(len(betas), -1, 9)
        bulges = jnp.einsum("vcdp,ndp->nvc", parts.bulge_dirs, bent)
        levers += jnp.einsum("kjv,nvc->nkjc", parts.bulge_weights, bulges)
        keypoints = jnp.einsum("njac,nkjc->nka", turned, levers) + (rest[:, 0] + transl)[:, None]
        shaped = self.vertex_template + jnp.einsum("vcb,nb->nvc", self.vertex_dirs, betas)
        offsets = joints - jnp.einsum("njac,njc->nja", turned, rest)
        vertices = jnp.einsum("vj,nja->nva", self.skinning, offsets)
        vertices += jnp.einsum("nvac,nvc->nva", jnp.einsum("vj,njac->nvac", self.skinning, turned), shaped)
        projected = 2 * FOCAL_SIDES * keypoints[..., :2] / jnp.maximum(keypoints[..., 2:], _MIN_DEPTH)
        return Points(joints - joints[:, :1], vertices - joints[:, :1], projected)


def points_of_both(body: TrainedBody, estimate: Estimate, target: Estimate) -> tuple[Points, Points]:
    """Points of two batches of one size, in one go: half the program to compile."""
    points = body(Estimate(*(jnp.concatenate(pair) for pair in zip(estimate, target, strict=True))))
    count = len(estimate.betas)
    return Points(*(array[:count] for array in points)), Points(*(array[count:] for array in points))


def as_estimate(theta: Array) -> Estimate:
    """Numbers (B, 157) to bodies: 24 rotations by Gram-Schmidt of two columns each, betas, and weak perspective (log s, tx, ty).

    Weak perspective maps a body point to s (x + tx, y + ty) in the crop, which goes from -1 to 1. That is the place (tx, ty, 2 f / s)
    before a camera whose focal length is f sides of the crop. The logarithm keeps s positive.
    """
    rotations = rotation_6d_to_matrix(theta[:, :144].reshape(-1, 24, 6))
    scale = jnp.exp(jnp.clip(theta[:, 154], -4, 4))
    transl = jnp.stack([theta[:, 155], theta[:, 156], 2 * FOCAL_SIDES / scale], axis=-1)
    return Estimate(rotations, theta[:, 144:154], transl)


def mean_theta() -> np.ndarray:
    """(157,) where regression starts: the mean pose of the shipped prior, upright and facing the camera."""
    pose = np.concatenate([[np.pi, 0, 0], np.asarray(load_prior().mean_pose)]).reshape(24, 3)
    six = np.asarray(jax.device_get(axis_angle_to_rotation_6d(pose.astype(np.float32))))
    return np.concatenate([six.ravel(), np.zeros(10), [np.log(0.85), 0.0, 0.2]]).astype(np.float32)
