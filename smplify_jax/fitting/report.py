"""Per-person report. Everything here is traced by JAX."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
from jax import Array

from smplify_jax.camera.observation import Observation
from smplify_jax.fitting.described import describe
from smplify_jax.fitting.features import quality_features
from smplify_jax.fitting.person import CheckedPerson, PreparedSearch, Setup
from smplify_jax.quality.posterior import joints_and_jacobian, posterior, shape_covariance
from smplify_jax.result import MAX_ERROR_2D, FitStatus
from smplify_jax.solver.solution import Solution
from smplify_jax.terms.measured import known_precision
from smplify_jax.terms.objective import TermWeights


def report(
    setup: Setup, checked: CheckedPerson, prepared: PreparedSearch, solution: Solution, margin: Array, energies: Array
) -> dict:
    """The fields of FitResult for one person; those of a failed fit are blanked later, see `blanked`."""
    status = _status(checked, solution)
    last_weights = jax.tree.map(lambda leaf: leaf[-1], setup.phases.refine.weights)
    # The network may have exchanged left and right; errors are relative to the keypoints as given.
    assert isinstance(prepared.problem.observation, Observation)
    observation_as_given = dataclasses.replace(
        prepared.problem.observation, keypoints_px=checked.observation.keypoints_px
    )
    model = solution.model
    fields = describe(setup.scene.body, observation_as_given, model.keypoints_cam, solution.parameters)
    fields |= solution.parameters.blocks() | {"cost": model.energy, "cost_by_term": model.energy_by_term}
    fields |= {"camera": checked.observation.camera, "start_margin": margin}
    is_usable = (status == FitStatus.CONVERGED) | (status == FitStatus.STEP_LIMIT)
    fields |= _uncertainty_and_quality(setup, prepared, solution, is_usable, fields, last_weights)
    del fields["error_2d"]  # it is among the quality features now
    is_finite = _is_finite(setup, checked.observation, solution, fields)
    status = jnp.where(is_usable & ~is_finite, FitStatus.NON_FINITE, status)
    is_usable &= is_finite
    fields["round_costs"] = energies  # earlier rounds may overflow where the last does not
    status = jnp.where(is_usable & _is_poor(fields, checked.image_size), FitStatus.POOR_FIT, status)
    return fields | {"status": status, "num_steps": jnp.where(is_usable, solution.num_steps, 0)}


def _status(checked: CheckedPerson, solution: Solution) -> Array:
    status = jnp.where(solution.is_converged, FitStatus.CONVERGED, FitStatus.STEP_LIMIT)
    status = jnp.where(solution.is_finite, status, FitStatus.NON_FINITE)
    # The solution is meaningless for people who were not searched.
    status = jnp.where(checked.is_plausible, status, FitStatus.IMPLAUSIBLE)
    status = jnp.where(checked.has_enough_keypoints, status, FitStatus.TOO_FEW_KEYPOINTS)
    return jnp.where(checked.is_camera_valid, status, FitStatus.NON_FINITE)


def _is_finite(setup: Setup, observation: Observation, solution: Solution, fields: dict) -> Array:
    """Whether every number that must be known is finite: absurd cameras and starts overflow on the way, and then there is no body."""
    is_seen = observation.confidence > 0
    known = fields | {
        "keypoints_px": jnp.where(setup.scene.body.is_defined[:, None], fields["keypoints_px"], 0.0),
        "reprojection_error_px": jnp.where(is_seen, fields["reprojection_error_px"], 0.0),
    }
    # Some profiles and arguments leave these undefined: NaN, but never infinite.
    may_be_unknown = ["start_margin", "quality_features"]
    may_be_unknown += ["joints_std", "betas_covariance"] if solution.model.hessian is None else []
    may_be_unknown += ["quality"] if setup.quality is None else []
    unknown = jax.tree.leaves([known.pop(name) for name in may_be_unknown])
    return jnp.all(
        jnp.stack(
            [jnp.all(jnp.isfinite(leaf)) for leaf in jax.tree.leaves(known)]
            + [~jnp.any(jnp.isinf(leaf)) for leaf in unknown]
        )
    )


def _is_poor(fields: dict, image_size: Array) -> Array:
    """Whether the body misses half of the keypoints by a wide margin, or lies entirely outside the picture.

    The error is a median, because a few gross outliers must not turn a good fit into a poor one: the robust data term ignores them.
    """
    points = fields["keypoints_px"]
    is_outside = jnp.any((points < 0) | (points > image_size) | jnp.isnan(points), axis=-1)
    is_body_outside = jnp.all(is_outside) & jnp.all(jnp.isfinite(image_size))
    return (fields["quality_features"].error_2d > MAX_ERROR_2D) | is_body_outside


def _uncertainty_and_quality(
    setup: Setup,
    prepared: PreparedSearch,
    solution: Solution,
    is_usable: Array,
    fields: dict,
    last_weights: TermWeights,
) -> dict:
    """Joints, the posterior of joints and shape, quality features and score; NaN without a Hessian or a calibration."""
    with jax.named_scope("posterior"):
        joints, jacobian = joints_and_jacobian(setup.joints_body, solution.parameters)
        if solution.model.hessian is None:
            num_betas = len(fields["betas"])
            std, covariance = jnp.full_like(joints, jnp.nan), jnp.full((num_betas, num_betas), jnp.nan)
        else:
            weight, columns = jnp.asarray(last_weights.pose_prior), solution.parameters.columns()
            std, covariance = posterior(solution.model.hessian, weight, jacobian, columns, is_usable)
            prior = 2.0 * (jnp.asarray(last_weights.shape) / weight) ** 2
            known = known_precision(setup.scene.measures, prepared.problem.known, fields["betas"])
            covariance = shape_covariance(covariance, prior, known, is_usable)
    # Before they are scaled: the score is learned from fits that know no scale yet.
    is_seen = jnp.asarray(prepared.problem.observation.confidence) > 0
    features = quality_features(is_seen, prepared.proposal, std, joints, fields, last_weights)
    if setup.quality is not None:
        std = std * setup.quality.std_scale
    quality = jnp.full_like(fields["cost"], jnp.nan) if setup.quality is None else setup.quality(features)
    return {
        "joints": joints,
        "joints_std": std,
        "betas_covariance": covariance,
        "quality_features": features,
        "quality": quality,
    }
