"""The fit of people, from cleaned keypoints to the fields of a result. All of it is traced."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from smplify_jax.body.parameters import BodyParameters
from smplify_jax.body.posed_keypoints import KeypointBody
from smplify_jax.camera import Camera, project
from smplify_jax.observation import Observation
from smplify_jax.proposal.propose import Proposal, Proposer, propose
from smplify_jax.quality.posterior import joint_std, joints_and_jacobian
from smplify_jax.quality.score import Evidence, QualityModel
from smplify_jax.result import MIN_KEYPOINTS, FitStatus
from smplify_jax.search import Problem, fit_from_starts
from smplify_jax.solver.solution import Solution
from smplify_jax.stages import Phases, Profile
from smplify_jax.start import (
    REFERENCE_HEIGHT_PX,
    is_seen_from_the_side,
    pixel_scale,
    start_depth,
    torso_depth,
    yaw_starts,
)
from smplify_jax.terms.anchor import Anchor
from smplify_jax.terms.objective import Scene, TermWeights

_UNIT_NOISE_PX = 4.24
"""Noise [reference px] of a keypoint that counts as its detector's full confidence would; at w_theta = 6 the data's and the prior's
energies are then both 36 negative log likelihoods (w_theta^2 = 2 sigma^2)."""
_LEAST_NOISE_PX = 0.75  # [reference px] the body itself is no more exact than that


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Setup:
    """What all people of a batch share.

    Attributes:
        scene: what the objective knows of body, prior and network.
        trunk: (K,) from `trunk_weights`.
        torso: (4, K) from `torso_rows`.
        phases: the profile's rounds.
        joints_body: SMPL's 24 joints as keypoints.
        proposer: the network; None where the profile has none.
        quality: None for recipes that it was not calibrated on.
        plan: the profile without its rounds.
        takes_proposed_start: start from the network's body rather than search.
        is_anchored: hold the fit to the network's body, or to the caller's where one comes with its precision.
    """

    scene: Scene
    trunk: Array | np.ndarray
    torso: Array | np.ndarray
    phases: Phases
    joints_body: KeypointBody
    proposer: Proposer | None
    quality: QualityModel | None
    plan: Profile = field(metadata={"static": True})
    takes_proposed_start: bool = field(metadata={"static": True})
    is_anchored: bool = field(metadata={"static": True})


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Person:
    """What is given of one person.

    Attributes:
        keypoints: (K, 3) cleaned: x, y [px], confidence.
        camera: given or assumed.
        is_focal_length_known: whether it was given.
        start: the caller's body to start from, if any.
        anchor: around the caller's body, if they say how sure they are of it.
    """

    keypoints: Array | np.ndarray
    camera: Camera
    is_focal_length_known: Array | np.ndarray
    start: BodyParameters | None
    anchor: Anchor | None


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class _Prepared:
    """One person before the search.

    Attributes:
        problem: what is searched.
        keypoints_px: (K, 2) as given; in `problem` sides may have been put right.
        starts: leading axis S.
        camera: of the person, or a stand-in.
        proposal: the network's, if it was asked.
        is_enough: whether enough keypoints were observed.
        is_camera_good: whether the camera's numbers can be used.
        is_side_view: whether the person is seen from the side; None where that does not matter.
    """

    problem: Problem
    keypoints_px: Array
    starts: BodyParameters
    camera: Camera
    proposal: Proposal | None
    is_enough: Array
    is_camera_good: Array
    is_side_view: Array | None


def fit_people(setup: Setup, people: Person) -> dict:
    """The fields of FitResult that depend on the people; all have a leading axis."""
    prepared = jax.vmap(lambda person: _prepare(setup, person))(people)
    solutions, margins = fit_from_starts(
        setup.scene,
        prepared.problem,
        setup.phases,
        prepared.starts,
        is_side_view=prepared.is_side_view,
        compared_terms=setup.plan.compared_terms,
    )
    return jax.vmap(lambda *of_one: _report(setup, *of_one))(prepared, solutions, margins)


def _prepare(setup: Setup, person: Person) -> _Prepared:
    body, plan, keypoints = setup.scene.body, setup.plan, jnp.asarray(person.keypoints)
    confidence = keypoints[:, 2] * body.is_defined
    is_enough = _has_enough_keypoints(keypoints[:, :2], confidence)
    is_camera_good = jnp.all(jnp.isfinite(person.camera.focal_length) & (person.camera.focal_length > 0)) & jnp.all(
        jnp.isfinite(person.camera.camera_center)
    )
    # People who cannot be fitted run along on a harmless stand-in, so that they cost no extra rounds and raise no NaN.
    camera = jax.tree.map(lambda leaf: jnp.where(is_camera_good, leaf, 1.0), person.camera)
    confidence = jnp.where(is_camera_good & is_enough, confidence, 0.0)
    depth = start_depth(keypoints[:, :2], confidence, camera.focal_length, body.reach)
    scale = pixel_scale(depth, camera.focal_length, plan.reference_height_px)
    observation = Observation(keypoints[:, :2], confidence, camera, scale)
    proposal = None
    if setup.proposer is not None:
        with jax.named_scope("network"):
            is_focal_length_known = jnp.asarray(person.is_focal_length_known)
            proposal, observation = propose(setup.proposer, body, observation, is_focal_length_known, plan.num_looks)
        observation = _sized_by_proposal(observation, proposal, plan.reference_height_px)
        if plan.weighs_by_noise:
            observation = _weighed_by_noise(observation, proposal, plan.reference_height_px)
    problem, starts = _begin(setup, person, observation, depth, proposal)
    is_side_view = None
    if plan.side_view_px is not None:
        is_side_view = is_seen_from_the_side(observation, setup.torso, plan.side_view_px)
    return _Prepared(problem, keypoints[:, :2], starts, camera, proposal, is_enough, is_camera_good, is_side_view)


def _report(setup: Setup, prepared: _Prepared, solution: Solution, margin: Array) -> dict:
    status = _status(prepared.is_enough, prepared.is_camera_good & solution.is_finite, solution.is_converged)
    last_weights = jax.tree.map(lambda leaf: leaf[-1], setup.phases.refine.weights)
    given = dataclasses.replace(prepared.problem.observation, keypoints_px=prepared.keypoints_px)
    fields = _describe(setup, given, solution)
    fields |= {"camera": prepared.camera, "start_margin": margin}
    fields |= _judge(setup, prepared, solution, fields, last_weights)
    is_usable = (status == FitStatus.CONVERGED) | (status == FitStatus.STEP_LIMIT)
    fields = jax.tree.map(lambda leaf: jnp.where(is_usable, leaf, jnp.nan), fields)
    return fields | {"status": status, "num_steps": jnp.where(is_usable, solution.num_steps, 0)}


def _sized_by_proposal(observation: Observation, proposal: Proposal, reference_height_px: float) -> Observation:
    """The observation scaled by the distance that the network proposes, which outliers move less than limbs' lengths."""
    depth = proposal.parameters.transl[2]
    scale = pixel_scale(depth, observation.camera.focal_length, reference_height_px)
    return dataclasses.replace(observation, pixel_scale=scale)


def _weighed_by_noise(observation: Observation, proposal: Proposal, reference_height_px: float) -> Observation:
    """The observation with the network's trust in each keypoint in place of the detector's."""
    trust = _UNIT_NOISE_PX / jnp.sqrt((reference_height_px * proposal.noise) ** 2 + _LEAST_NOISE_PX**2)
    return dataclasses.replace(observation, confidence=jnp.where(observation.confidence > 0, trust, 0.0))


def _begin(
    setup: Setup, person: Person, observation: Observation, depth: Array, proposal: Proposal | None
) -> tuple[Problem, BodyParameters]:
    """The problem and its starts (S, ...): the caller's, the network's, or several yaw angles."""
    body, plan = setup.scene.body, setup.plan
    anchor = person.anchor
    if person.start is not None:
        starts, depth = jax.tree.map(lambda leaf: leaf[None], person.start), jnp.asarray(person.start.transl)[2]
    elif setup.takes_proposed_start and proposal is not None:
        starts, depth = jax.tree.map(lambda leaf: leaf[None], proposal.parameters), proposal.parameters.transl[2]
        anchor = proposal.anchor()
    else:
        if plan.takes_depth_from_torso:
            depth = torso_depth(body, observation, setup.torso, otherwise=depth)
        pose = jnp.zeros(setup.scene.prior.num_pose) if plan.starts_at_zero_pose else setup.scene.prior.mean_pose
        starts = yaw_starts(body, observation, pose, depth, setup.trunk, plan.num_starts)
    anchor = anchor if setup.is_anchored else None
    return Problem(observation, depth, anchor), starts


def _has_enough_keypoints(keypoints_px: Array, confidence: Array) -> Array:
    """Whether MIN_KEYPOINTS are observed and do not all lie in one place."""
    is_seen = confidence > 0
    low = jnp.min(jnp.where(is_seen[:, None], keypoints_px, jnp.inf), axis=0)
    high = jnp.max(jnp.where(is_seen[:, None], keypoints_px, -jnp.inf), axis=0)
    return (jnp.sum(is_seen) >= MIN_KEYPOINTS) & (jnp.max(high - low) > 0)


def _status(is_enough: Array, is_finite: Array, is_converged: Array) -> Array:
    ended = jnp.where(is_converged, FitStatus.CONVERGED, FitStatus.STEP_LIMIT)
    ended = jnp.where(is_enough, ended, FitStatus.TOO_FEW_KEYPOINTS)
    return jnp.where(is_finite, ended, FitStatus.NON_FINITE)


def _describe(setup: Setup, seen: Observation, solution: Solution) -> dict:
    """The fields of FitResult that follow from the solution; its joints with their spread."""
    parameters, model = solution.parameters, solution.model
    keypoints_cam = jnp.where(setup.scene.body.is_defined[:, None], model.keypoints_cam, jnp.nan)
    keypoints_px = project(keypoints_cam, seen.camera)
    distance = jnp.linalg.norm(keypoints_px - seen.keypoints_px, axis=-1)
    scale = pixel_scale(parameters.transl[2], seen.camera.focal_length)
    return parameters.blocks() | {
        "keypoints_px": keypoints_px,
        "reprojection_error_px": jnp.where(seen.confidence > 0, distance, jnp.nan),
        "person_height_px": REFERENCE_HEIGHT_PX / scale,
        "cost": model.energy,
        "cost_by_term": model.energy_by_term,
    }


def _judge(setup: Setup, prepared: _Prepared, solution: Solution, fields: dict, last_weights: TermWeights) -> dict:
    """Joints, their spread, the evidence and the score; NaN where the solver knows no spread or the recipe has no calibration."""
    with jax.named_scope("spread"):
        joints, jacobian = joints_and_jacobian(setup.joints_body, solution.parameters)
        if solution.model.hessian is None:
            std = jnp.full_like(joints, jnp.nan)
        else:
            std = joint_std(solution.model.hessian, jnp.asarray(last_weights.pose_prior), jacobian)
        if setup.quality is not None:
            std = std * setup.quality.std_scale
    evidence = _evidence(prepared.problem, prepared.proposal, std, fields, last_weights)
    quality = jnp.full_like(fields["cost"], jnp.nan) if setup.quality is None else setup.quality(evidence)
    return {"joints": joints, "joints_std": std, "evidence": evidence, "quality": quality}


def _evidence(
    problem: Problem, proposal: Proposal | None, std: Array, fields: dict, last_weights: TermWeights
) -> Evidence:
    is_seen = problem.observation.confidence > 0
    num_seen = jnp.maximum(jnp.sum(is_seen), 1).astype(std.dtype)
    costs = fields["cost_by_term"]
    unknown = jnp.full_like(fields["cost"], jnp.nan)
    by_proposal = {"anchor_distance": unknown, "proposal_std": unknown, "noise": unknown}
    if proposal is not None:
        apart = (fields["body_pose"] - proposal.parameters.body_pose) / proposal.std_pose
        by_proposal = {
            "anchor_distance": jnp.sum(apart**2),
            "proposal_std": jnp.mean(proposal.std_pose),
            "noise": jnp.sum(jnp.where(is_seen, proposal.noise, 0.0)) / num_seen,
        }
    return Evidence(
        joint_std=jnp.mean(jnp.linalg.norm(std, axis=-1)),
        image_joint_std=jnp.mean(jnp.linalg.norm(std[:, :2], axis=-1)),
        data_energy=costs["data"] / num_seen,
        error_2d=jnp.nanmedian(fields["reprojection_error_px"]) / fields["person_height_px"],
        pose_surprise=costs["pose_prior"] / jnp.asarray(last_weights.pose_prior) ** 2,
        num_seen=num_seen,
        max_beta=jnp.max(jnp.abs(fields["betas"])),
        **by_proposal,
    )
