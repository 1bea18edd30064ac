"""Motion: bodies move with bounded acceleration, so frames that follow each other inform each other.

The acceleration of the root's place and the angular acceleration of every joint, relative to its parent, are white noise with standard
deviations learned from recorded motion, in m/s^2 and rad/s^2. A frame's acceleration follows from it and both its neighbours,

    a_t = (v_t+1 - v_t) / (mean of both times),    v_t = (x_t - x_t-1) / (time from t-1 to t),

and for rotations x_t - x_t-1 is the rotation vector log(R_t R_t-1^T). So times may differ from frame to frame, and frames may be missing.

Here the leading axis is time, T frames, and each of J + 1 blocks of three numbers (the joints, then the translation) is coupled only with
itself in other frames.
"""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from smplify_jax.body.parameters import BodyParameters
from smplify_jax.geometry.rotations import compose_axis_angle, exp_and_left_jacobian, inverse_left_jacobian

REFERENCE_INTERVAL = 1.0 / 30.0
"""[s] Time between frames at which the standard deviations hold; they shrink with the root of it, so that a second of motion costs the same
at any frame rate."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class MotionLinearization:
    """The motion term linearised at a track.

    Attributes:
        energies: (T,) r^T r of each frame's acceleration.
        gradient: (T, J + 1, 3) J^T r.
        diagonal: (T, J + 1, 3, 3) J^T J of each block with itself in the same frame.
        first: (T, J + 1, 3, 3) with itself in the frame before; zero for the first frame.
        second: (T, J + 1, 3, 3) with itself in the frame before that; zero for the first two.
    """

    energies: Array
    gradient: Array
    diagonal: Array
    first: Array
    second: Array


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class MotionTerm:
    """E = weight^2 1/2 sum c^2 log(1 + |a / (c s)|^2) over frames and blocks (Cauchy): rare large accelerations cost little more.

    Attributes:
        times: (T,) of the frames [s], increasing.
        is_linked: (T,) whether the acceleration of a frame counts; never for the first and the last.
        std: (J + 1,) s [rad/s^2] of the joints, the root's orientation first, and [m/s^2] of the translation last.
        cutoff: c, the number of standard deviations at which an acceleration starts to count as exceptional.
        weight: on the scale of the pose prior's w_theta.
    """

    times: Array
    is_linked: Array
    std: Array | np.ndarray
    cutoff: float | Array
    weight: float | Array

    def _scale(self) -> Array:
        """(T - 2, J + 1, 1) weight sqrt(1/2) / s of the frames that have two neighbours."""
        interval = 0.5 * (self.times[2:] - self.times[:-2])
        per_frame = jnp.where(self.is_linked[1:-1], jnp.sqrt(interval / REFERENCE_INTERVAL), 0.0)
        return self.weight * np.sqrt(0.5) * (per_frame[:, None] / jnp.asarray(self.std))[..., None]

    def _intervals(self) -> tuple[Array, Array, Array]:
        """(T - 2, 1, 1) time to the frame before, to the frame after, and the mean of both [s]."""
        step = jnp.diff(self.times)[:, None, None]
        return step[:-1], step[1:], 0.5 * (step[:-1] + step[1:])

    def _whitened(self, changes: Array) -> Array:
        """(T - 2, J + 1, 3) scaled accelerations from the changes (T - 1, J + 1, 3) between frames."""
        before, after, mean = self._intervals()
        return self._scale() * (changes[1:] / after - changes[:-1] / before) / mean

    def _robust_weights(self, whitened: Array) -> Array:
        """(T - 2, J + 1, 1) by how much the robust function flattens each residual."""
        squared = jnp.sum(whitened**2, axis=-1, keepdims=True)
        return 1.0 / (1.0 + squared / self._cutoff_squared())

    def _cutoff_squared(self) -> Array:
        return 0.5 * jnp.asarray(self.weight * self.cutoff) ** 2

    def energies(self, parameters: BodyParameters) -> Array:
        """(T,) by frame, of a track whose parameters have a leading axis of frames."""
        squared = jnp.sum(self._whitened(_changes(parameters)) ** 2, axis=-1)
        by_frame = jnp.sum(self._cutoff_squared() * jnp.log1p(squared / self._cutoff_squared()), axis=-1)
        return _padded(by_frame, 1, 1)[: len(self.times)]

    def linearize(self, parameters: BodyParameters) -> MotionLinearization:
        """Each acceleration depends on three frames; J^T J is that of reweighted least squares."""
        changes = _changes(parameters)
        to_after, to_before = _derivatives(parameters, changes)
        before, after, mean = self._intervals()
        whitened = self._whitened(changes)
        robust = self._robust_weights(whitened)
        factor = (self._scale() * jnp.sqrt(robust) / mean)[..., None]
        of_next = factor * to_after[1:] / after[..., None]
        of_this = factor * (to_before[1:] / after[..., None] - to_after[:-1] / before[..., None])
        of_last = factor * -to_before[:-1] / before[..., None]
        residuals = jnp.sqrt(robust) * whitened

        def product(left: Array, right: Array) -> Array:
            return jnp.einsum("tjri,tjrk->tjik", left, right)

        gradients = [jnp.einsum("tjri,tjr->tji", one, residuals) for one in (of_next, of_this, of_last)]
        squares = [product(one, one) for one in (of_next, of_this, of_last)]
        return MotionLinearization(
            energies=self.energies(parameters),
            gradient=_spread(gradients, len(self.times)),
            diagonal=_spread(squares, len(self.times)),
            first=(_padded(product(of_next, of_this), 2, 0) + _padded(product(of_this, of_last), 1, 1))[
                : len(self.times)
            ],
            second=_padded(product(of_next, of_last), 2, 0)[: len(self.times)],
        )


def _changes(parameters: BodyParameters) -> Array:
    """(T - 1, J + 1, 3) from each frame to the next: rotation vectors in the parent's frame [rad], then the translation [m]."""
    pose = _joint_pose(parameters)
    turns = compose_axis_angle(pose[1:], -pose[:-1])
    return jnp.concatenate([turns, jnp.diff(jnp.asarray(parameters.transl), axis=0)[:, None]], axis=1)


def _derivatives(parameters: BodyParameters, changes: Array) -> tuple[Array, Array]:
    """(T - 1, J + 1, 3, 3) derivatives of the changes by the steps of the later and of the earlier frame."""
    turns = changes[:, :-1]
    # A step turns the root by a rotation vector in the camera frame, and adds to the axis-angle vectors of the other joints.
    jacobian = exp_and_left_jacobian(_joint_pose(parameters))[1].at[:, 0].set(jnp.eye(3))
    to_after = inverse_left_jacobian(turns) @ jacobian[1:]
    to_before = -inverse_left_jacobian(-turns) @ jacobian[:-1]
    identity = jnp.broadcast_to(jnp.eye(3), (len(turns), 1, 3, 3))
    return jnp.concatenate([to_after, identity], axis=1), jnp.concatenate([to_before, -identity], axis=1)


def _joint_pose(parameters: BodyParameters) -> Array:
    """(T, J, 3) axis-angle of all joints."""
    pose = jnp.concatenate([jnp.asarray(parameters.global_orient), jnp.asarray(parameters.body_pose)], axis=-1)
    return pose.reshape(len(pose), -1, 3)


def _padded(values: Array, num_before: int, num_after: int) -> Array:
    return jnp.pad(values, [(num_before, num_after)] + [(0, 0)] * (values.ndim - 1))


def _spread(parts: list[Array], num_frames: int) -> Array:
    """(T, ...) sum of what every frame with two neighbours adds to its next frame, itself and its last frame."""
    of_next, of_this, of_last = parts
    return (_padded(of_next, 2, 0) + _padded(of_this, 1, 1) + _padded(of_last, 0, 2))[:num_frames]
