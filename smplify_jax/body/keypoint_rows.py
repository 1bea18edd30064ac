"""Derivatives of posed keypoints along given directions, with respect to every parameter, in closed form.

Turning joint i by a small rotation vector a (camera frame) moves what hangs on it by a x l, with l its position relative to the joint.
With the levers of `keypoint_body`, p_k = sum_j R_j c_kj + ..., what hangs on joint i is the part of that sum at or below i:

    l_ki = sum_{j at or below i} R_j c_kj,
    d (n . p_k) / d theta_i = (R_parent(i) J_left(theta_i))^T (l_ki x n)  +  (displacement),
    d (n . p_k) / d beta = sum_j (R_j^T n) . (d c_kj / d beta).

Only derivatives along directions n are needed (the gradients of a keypoint's pixel coordinates), so the three rows of its full Jacobian
are never formed. Unlike differentiating the kinematic chain, this needs no pass per column.

Shapes are written (K, 3, ...): the dots are the batch axis, if there is one (see `execution.batch_axis`).
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import Array

from smplify_jax.body.kinematics import rows, sum_over_axes
from smplify_jax.body.parameters import BodyParameters
from smplify_jax.body.posed_keypoints import KeypointBody, PosedKeypoints, pose_keypoints, with_batch_axis
from smplify_jax.execution.batch_axis import concatenate_blocks


def keypoint_rows(body: KeypointBody, posed: PosedKeypoints, directions: Array) -> Array:
    """Derivative of n . p_k with respect to the step of `BodyParameters.retract`.

    Args:
        body: of the keypoints.
        posed: its keypoints.
        directions: (K, D, 3, ...) D directions n for each keypoint, camera frame.
    Returns:
        (K, D, P, ...), columns as in `ParameterColumns`.
    """
    people = directions.shape[3:]
    levers = jnp.swapaxes(posed.levers, 0, 1)
    moments = _cross(levers[:, None], directions[:, :, None])  # 3 times (K, D, J, ...)
    by_pose = sum_over_axes(lambda b: posed.axes[None, None, :, b] * moments[b][:, :, :, None])
    if body.bulging_joints:
        by_pose = by_pose + _by_bulging(body, posed, directions)
    root_moves = with_batch_axis(body.weights[:, None, None], posed.parameters.betas) * directions
    by_shape = jnp.einsum("kjcb,jac...->kba...", body.lever_shapedirs, posed.rotations)
    by_betas = sum_over_axes(lambda a: directions[:, :, None, a] * by_shape[:, None, :, a])
    by_betas = by_betas + jnp.einsum("kdc...,cb->kdb...", root_moves, body.joint_shapedirs[0])
    by_pose = by_pose.reshape(*directions.shape[:2], 3 * body.num_joints, *people)
    return concatenate_blocks([by_pose, by_betas, root_moves], axis=2)


def keypoints_and_jacobian(body: KeypointBody, parameters: BodyParameters) -> tuple[Array, Array]:
    """Keypoints (K, 3, ...) [m] and their full Jacobian (K, 3, P, ...)."""
    posed = pose_keypoints(body, parameters)
    places = posed.keypoints_cam
    axes = jnp.eye(3, dtype=places.dtype).reshape(1, 3, 3, *[1] * (places.ndim - 2))
    return places, keypoint_rows(body, posed, jnp.broadcast_to(axes, (len(places), 3, *places.shape[1:])))


def _by_bulging(body: KeypointBody, posed: PosedKeypoints, directions: Array) -> Array:
    """(K, D, J, 3, ...) derivative of the pose-dependent displacement along n, computed for the few keypoints that have one."""
    carried = np.ix_(body.bulging_keypoints, body.carrying_joints)
    directions, rotations = rows(directions, body.bulging_keypoints), rows(posed.rotations, body.carrying_joints)
    arms = _arms(rotations, directions)
    pulls = jnp.einsum("kjv,kdjc...->kdvc...", body.bulge_weights[carried], arms)
    # d R / d theta_c = [w_c]x R with w_c column c of the left Jacobian, which are the axes seen from the parent.
    parent_rotations, axes, local = (
        rows(x, body.bulging_joints) for x in (posed.parent_rotations, posed.axes, posed.local)
    )
    by_entry = jnp.einsum("kdvc...,vcjp->kdjp...", pulls, body.bulge_dirs)
    by_entry = by_entry.reshape(*by_entry.shape[:3], 3, 3, *arms.shape[4:])
    # sum_ab G_ab ([w]x R)_ab = w . (the axial vector of R G^T - G R^T), summed over the columns of R.
    x, y, z = (_cross(local[None, None, :, :, b], by_entry[:, :, :, :, b]) for b in range(3))
    torque = [x[i] + y[i] + z[i] for i in range(3)]
    in_camera = sum_over_axes(lambda b: parent_rotations[None, None, :, :, b] * torque[b][:, :, :, None])
    moved = sum_over_axes(lambda b: axes[None, None, :, b] * in_camera[:, :, :, b, None])
    of_joint = np.eye(body.num_joints, dtype=np.float32)[list(body.bulging_joints)]
    of_keypoint = np.eye(len(body.weights), dtype=np.float32)[list(body.bulging_keypoints)]
    return jnp.einsum("ldjc...,lk->kdjc...", jnp.einsum("ldic...,ij->ldjc...", moved, of_joint), of_keypoint)


def _arms(rotations: Array, directions: Array) -> Array:
    """(K, D, J, 3, ...) R_j^T n."""
    return sum_over_axes(lambda b: rotations[None, None, :, b] * directions[:, :, None, b, None])


def _cross(a: Array, b: Array) -> tuple[Array, Array, Array]:
    """Cross product along axis 3, (K, D, J, 3, ...), as its components: stacked, they would become loops with a branch inside."""
    ax, ay, az = (a[:, :, :, i] for i in range(3))
    bx, by, bz = (b[:, :, :, i] for i in range(3))
    return ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
