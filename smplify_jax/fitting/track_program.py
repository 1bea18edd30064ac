"""Fit a window of a track. Everything here is traced by JAX."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
from jax import Array

from smplify_jax.body.parameters import BodyParameters
from smplify_jax.execution.traces import kept_in_traces
from smplify_jax.fitting.described import describe
from smplify_jax.fitting.frames import Frames
from smplify_jax.fitting.person import Setup
from smplify_jax.prior.motion import MotionPrior
from smplify_jax.quality.posterior import joints_and_jacobian, shape_covariance
from smplify_jax.solver.levenberg_marquardt import LEVENBERG_MARQUARDT, SolverOptions
from smplify_jax.solver.loop import Objective
from smplify_jax.solver.solution import Solution
from smplify_jax.terms.measured import known_precision
from smplify_jax.terms.motion import MotionTerm
from smplify_jax.terms.objective import TERM_NAMES, RoundInputs, TermWeights
from smplify_jax.terms.track import TrackInputs, damped_step, frame_covariances, linearize_track

_MIN_STD = 5.0
"""[rad/s^2] Recorded hands do not move at all, for want of markers; ours may."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class TrackOptions:
    """How a track is fitted.

    Attributes:
        weights: of the frames' terms.
        motion_weight: of the motion term, on the scale of the pose prior's.
        motion_cutoff: standard deviations at which an acceleration starts to count as exceptional.
        solver: when to stop.
        frees_betas: 1.0 if the shape may change, 0.0 if it is held fixed.
    """

    weights: TermWeights
    motion_weight: float | Array
    motion_cutoff: float | Array
    solver: SolverOptions
    frees_betas: float | Array = 1.0


@kept_in_traces
@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class FittedFrames:
    """The frames of a window after the fit; every array but the last three has a leading axis T.

    Attributes:
        described: fields of a result by name.
        betas_covariance: (B, B) of the shape, given all frames of the window.
        num_steps, is_converged, is_finite: of the window's search.
    """

    described: dict[str, Array]
    betas_covariance: Array
    num_steps: Array
    is_converged: Array
    is_finite: Array


def fit_window(setup: Setup, prior: MotionPrior, options: TrackOptions, frames: Frames) -> FittedFrames:
    """Fit the frames of a window together: one shape, and motion between them."""
    inputs = _inputs(setup, prior, options, frames)
    columns = jax.tree.map(lambda leaf: leaf[0], frames.start).columns()
    objective = Objective(
        lambda track: linearize_track(setup.scene, options.weights, inputs, track),
        lambda track, step: jax.vmap(BodyParameters.retract)(track, step),
        partial(damped_step, columns, inputs.is_free),
    )
    free = jnp.ones(columns.size).at[columns.betas].set(options.frees_betas)
    solution = _minimize(objective, frames.start, free, options.solver)
    joints, jacobian = jax.vmap(partial(joints_and_jacobian, setup.joints_body))(solution.parameters)
    with jax.named_scope("posterior"):
        # The energy is weight^2 times a negative log likelihood, as in `quality.posterior`.
        covariances = 0.5 * jnp.asarray(options.weights.pose_prior) ** 2
        covariances = covariances * frame_covariances(solution.model, columns, inputs.is_free)
        of_betas = covariances[0][columns.betas, columns.betas]
        variances = jnp.einsum("tjp,tpq,tjq->tj", jacobian, covariances, jacobian)
        # Where frames err alike, the prior has more than its share in each of them, and all of them tell that much less of the shape.
        single = jax.tree.map(lambda leaf: leaf[-1], setup.phases.refine.weights)
        of_one = jnp.asarray(single.shape)
        repeats = jnp.sum(frames.is_seen) * (jnp.asarray(options.weights.shape) / of_one) ** 2
        shape_prior = 2.0 * (of_one / options.weights.pose_prior) ** 2
        first, betas = jax.tree.map(lambda leaf: leaf[0], (frames.known, solution.parameters.betas))
        known = known_precision(setup.scene.measures, first, betas)
        assert options.weights.measurements is not None
        counts = (of_one / options.weights.shape * options.weights.measurements / single.measurements) ** 2
        calibrated = shape_covariance(repeats * of_betas, shape_prior, known, solution.is_finite, counts)
    described = jax.vmap(partial(describe, setup.scene.body))(
        frames.as_given, solution.model.keypoints, solution.parameters
    )
    energies = {name: solution.model.energies[:, index] for index, name in enumerate(TERM_NAMES)}
    described |= {
        **solution.parameters.blocks(),
        "joints": joints,
        "joints_std": jnp.sqrt(jnp.maximum(variances, 0.0)).reshape(joints.shape),
        "betas_covariance": jnp.broadcast_to(calibrated, (len(joints), *of_betas.shape)),
        "cost_by_term": energies | {"motion": solution.model.motion_energies},
    }
    return FittedFrames(
        described=described,
        betas_covariance=of_betas,
        num_steps=solution.num_steps,
        is_converged=solution.is_converged,
        is_finite=solution.is_finite,
    )


def _inputs(setup: Setup, prior: MotionPrior, options: TrackOptions, frames: Frames) -> TrackInputs:
    num_frames = len(frames.times)
    is_defined = setup.scene.body.is_defined.astype(jnp.float32)
    return TrackInputs(
        frames=RoundInputs(
            observation=frames.observed,
            keypoint_weights=jnp.broadcast_to(is_defined, (num_frames, len(is_defined))),
            start_depth=jnp.ones(num_frames),  # the depth anchor has no weight in a track
            anchor=frames.anchor,
            known=frames.known,
        ),
        is_frame=jnp.asarray(frames.is_frame),
        is_free=jnp.asarray(frames.is_frame) & ~jnp.asarray(frames.is_fixed),
        motion=MotionTerm(
            times=jnp.asarray(frames.times),
            is_linked=jnp.asarray(frames.is_linked),
            std=_stds(prior, setup.scene.body.num_joints),
            cutoff=options.motion_cutoff,
            weight=options.motion_weight,
        ),
    )


def _stds(prior: MotionPrior, num_joints: int) -> Array:
    """(J + 1,) of the joints' rotations [rad/s^2] and of the translation [m/s^2], whose axes are not known to be vertical or horizontal."""
    joints = jnp.maximum(jnp.asarray(prior.joint_acceleration_std)[:num_joints], _MIN_STD)
    root = jnp.sqrt(jnp.mean(jnp.asarray(prior.root_acceleration_std) ** 2))
    return jnp.append(joints, root)


def _minimize(objective: Objective, start: BodyParameters, free: Array, options: SolverOptions) -> Solution:
    solver = LEVENBERG_MARQUARDT
    state = jax.lax.while_loop(
        lambda state: solver.is_running(state, options),
        lambda state: solver.advance(objective, free, options, state),
        solver.begin(objective, start, jnp.asarray(True)),
    )
    return solver.finish(state)
