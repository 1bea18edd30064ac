"""The objective of a track: that of every frame, with one shape for all of them, and the motion between them."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from smplify_jax.body.parameters import BodyParameters, ParameterColumns
from smplify_jax.solver.banded import BandedSystem, covariances, solve
from smplify_jax.solver.levenberg_marquardt import damping_of_diagonal
from smplify_jax.terms.motion import MotionTerm
from smplify_jax.terms.objective import RoundInputs, Scene, TermWeights, linearize

_RELATIVE_PIVOT_FLOOR = 1e-6
"""Fraction of the largest diagonal entry that is added to all: an unobserved unknown then has a large variance, not an infinite one."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class TrackInputs:
    """The inputs of the objective for one track of T frames.

    Attributes:
        frames: leading axis T.
        is_frame: (T,) False for frames that do not count, such as padding at the end.
        is_free: (T,) False for frames that count, but whose bodies are held fixed, and for those that do not count.
        motion: how frames are linked.
    """

    frames: RoundInputs
    is_frame: Array
    is_free: Array
    motion: MotionTerm


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class TrackModel:
    """The quadratic model of a track's objective around one track of bodies.

    The step of a frame has P numbers, as in `ParameterColumns`; all frames take the same step of the betas.

    Attributes:
        energies: (T, terms) of the frames, in the order of TERM_NAMES.
        motion_energies: (T,) of the motion term.
        gradient: (T, P) J^T r.
        hessian: (T, P, P) J^T J of each frame with itself.
        first: (T, J + 1, 3, 3) J^T J of joints and translation with themselves in the frame before, see `MotionLinearization`.
        second: (T, J + 1, 3, 3) in the frame before that.
        keypoints: (T, K, 3) [m].
    """

    energies: Array
    motion_energies: Array
    gradient: Array
    hessian: Array
    first: Array
    second: Array
    keypoints: Array

    @property
    def energy(self) -> Array:
        """() of the whole track."""
        return jnp.sum(self.energies) + jnp.sum(self.motion_energies)


def linearize_track(scene: Scene, weights: TermWeights, inputs: TrackInputs, track: BodyParameters) -> TrackModel:
    """The quadratic model around a track of bodies, whose parameters have a leading axis T and the same betas in every frame."""
    shared = (scene, weights)
    frames = jax.vmap(lambda one, parameters: linearize(shared, (one, parameters)))(inputs.frames, track)
    with jax.named_scope("MotionTerm"):
        motion = inputs.motion.linearize(track)
    is_frame = inputs.is_frame.astype(frames.gradient.dtype)
    moving = _moving_columns(ParameterColumns(track.body_pose.shape[-1], track.betas.shape[-1]))
    gradient, hessian = is_frame[:, None] * frames.gradient, is_frame[:, None, None] * frames.hessian
    return TrackModel(
        energies=is_frame[:, None] * frames.energies,
        motion_energies=motion.energies,
        gradient=gradient.at[:, moving].add(motion.gradient.reshape(len(gradient), -1)),
        hessian=hessian.at[:, moving[:, None], moving].add(_block_diagonal(motion.diagonal)),
        first=motion.first,
        second=motion.second,
        keypoints=frames.keypoints_cam,
    )


def damped_system(
    model: TrackModel, columns: ParameterColumns, added: Array, free: Array, is_free: Array
) -> BandedSystem:
    """The normal equations (H + diag(added)) step = -g of a track.

    Args:
        model: of the track.
        columns: of a frame's step.
        added: (T, P) to the diagonal; for the betas, what is added is shared out over the frames.
        free: (P,) 1.0 for unknowns that may change, 0.0 for those held fixed.
        is_free: (T,) 1.0, or 0.0 for frames whose step is held at zero.
    """
    moving, betas = _moving_columns(columns), columns.betas
    own_free, free_betas = (free * is_free[:, None])[:, moving], free[betas]
    own = model.hessian[:, moving[:, None], moving] * (own_free[:, :, None] * own_free[:, None, :])
    return BandedSystem(
        diagonal=own + _diagonal(jnp.where(own_free > 0, added[:, moving], 1.0)),
        first=_coupling(model.first, own_free, 1),
        second=_coupling(model.second, own_free, 2),
        border=model.hessian[:, moving, betas] * (own_free[:, :, None] * free_betas),
        corner=jnp.sum(model.hessian[:, betas, betas], axis=0) * (free_betas[:, None] * free_betas)
        + jnp.diag(jnp.where(free_betas > 0, jnp.sum(added[:, betas], axis=0), 1.0)),
        right=-model.gradient[:, moving] * own_free,
        shared_right=-jnp.sum(model.gradient[:, betas], axis=0) * free_betas,
    )


def damped_step(
    columns: ParameterColumns, is_free: Array, model: TrackModel, damping: Array, free: Array, is_needed: Array
) -> tuple[Array, Array]:
    """The step (T, P) of Levenberg-Marquardt, with the same betas in every frame, and the gain that the model predicts."""

    def step_and_gain() -> tuple[Array, Array]:
        added = damping_of_diagonal(jnp.diagonal(model.hessian, axis1=-2, axis2=-1), damping)
        own, betas = solve(damped_system(model, columns, added, free, is_free.astype(free.dtype)))
        step = jnp.zeros_like(model.gradient).at[:, _moving_columns(columns)].set(own)
        step = step.at[:, columns.betas].set(betas)
        # As for one body: E(0) - E(step) = -2 g.step - step.H step, with H step = -g - added * step.
        return step, jnp.sum(step * (added * step - model.gradient))

    def nothing() -> tuple[Array, Array]:
        return jnp.zeros_like(model.gradient), jnp.zeros_like(model.energy)

    return jax.lax.cond(is_needed, step_and_gain, nothing)


def frame_covariances(model: TrackModel, columns: ParameterColumns, is_free: Array) -> Array:
    """(T, P, P) inverse of H for the unknowns of each frame, given all other frames."""
    largest = jnp.max(jnp.diagonal(model.hessian, axis1=-2, axis2=-1))
    added = jnp.full_like(model.gradient, _RELATIVE_PIVOT_FLOOR * largest)
    system = damped_system(model, columns, added, jnp.ones(columns.size), is_free.astype(added.dtype))
    own, with_betas, betas = covariances(system)
    moving = _moving_columns(columns)
    places = jnp.arange(columns.betas.start, columns.betas.stop)
    full = jnp.zeros_like(model.hessian).at[:, moving[:, None], moving].set(own)
    full = full.at[:, moving[:, None], places].set(with_betas)
    full = full.at[:, places[:, None], moving].set(jnp.swapaxes(with_betas, -1, -2))
    return full.at[:, places[:, None], places].set(betas)


def _moving_columns(columns: ParameterColumns) -> np.ndarray:
    """(3 (J + 1),) places in a frame's step of what changes from frame to frame: joints, then translation."""
    every = np.arange(columns.size)
    return np.concatenate([every[columns.global_orient], every[columns.body_pose], every[columns.transl]])


def _block_diagonal(blocks: Array) -> Array:
    """(T, J, 3, 3) -> (T, 3 J, 3 J)."""
    num_frames, num_blocks = blocks.shape[:2]
    identity = jnp.eye(num_blocks, dtype=blocks.dtype)
    return jnp.einsum("tjab,jk->tjakb", blocks, identity).reshape(num_frames, 3 * num_blocks, 3 * num_blocks)


def _diagonal(values: Array) -> Array:
    """(T, n) -> (T, n, n)."""
    return values[..., None] * jnp.eye(values.shape[-1], dtype=values.dtype)


def _coupling(blocks: Array, free: Array, lag: int) -> Array:
    """(T, n, n) coupling of each frame with the one `lag` frames before, only between free unknowns."""
    before = jnp.pad(free, [(lag, 0), (0, 0)])[: len(free)]
    return _block_diagonal(blocks) * (free[:, :, None] * before[:, None, :])
