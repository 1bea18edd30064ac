"""Prepare one person for the search. Everything here is traced by JAX."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from smplify_jax.body.parameters import BodyParameters
from smplify_jax.body.posed_keypoints import KeypointBody
from smplify_jax.camera.depth import pixel_scale, start_depth
from smplify_jax.camera.observation import Observation
from smplify_jax.camera.pinhole import Camera
from smplify_jax.fitting.init_fusion import fuse_init
from smplify_jax.fitting.search import Problem
from smplify_jax.fitting.stages import Phases, Profile
from smplify_jax.fitting.starts import is_seen_from_the_side, torso_depth, yaw_starts
from smplify_jax.proposal.propose import Proposal, Proposer
from smplify_jax.quality.score import QualityModel
from smplify_jax.result import MIN_KEYPOINTS
from smplify_jax.terms.anchor import Anchor
from smplify_jax.terms.measured import KnownMeasurements
from smplify_jax.terms.objective import Scene

UNIT_NOISE_PX = 4.24
"""Noise [reference px] at which a keypoint counts as much as one with the detector's full confidence. At w_theta = 6 the energies of the
data and of the prior are then both 36 times a negative log likelihood (w_theta^2 = 2 sigma^2)."""
_MIN_NOISE_PX = 0.75  # [reference px] the body model itself is no more accurate than this


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Setup:
    """What all people of a batch share: models, profile and constants.

    Attributes:
        scene: the inputs of the objective that all people share.
        trunk: (K,) from `trunk_weights`.
        torso: (4, K) from `torso_rows`.
        phases: the profile's rounds.
        joints_body: SMPL's 24 joints as keypoints.
        proposer: the network; None if the profile does not use it.
        quality: the quality model; None for recipes that it is not calibrated for.
        plan: the profile without its rounds.
        takes_proposed_start: start from the network's body rather than search.
        is_anchored: anchor the fit to the network's body, fused with the caller's if there is one.
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
    """The input of one person.

    Attributes:
        keypoints: (K, 3) cleaned: x, y [px], confidence.
        camera: given or assumed.
        image_size: (2,) width and height [px], NaN where unknown.
        is_plausible: whether keypoints and camera are plausible for a picture in pixels.
        is_focal_length_known: whether the caller gave it.
        start: the caller's body to start from, if any.
        anchor: around the caller's body, if any.
        keypoint_weights: (K,) factors of the weights that the profile gives the keypoints; None for ones.
        known: measurements of the person; None if none are known of anybody.
    """

    keypoints: Array | np.ndarray
    camera: Camera
    image_size: Array | np.ndarray
    is_plausible: Array | np.ndarray
    is_focal_length_known: Array | np.ndarray
    start: BodyParameters | None
    anchor: Anchor | None
    keypoint_weights: Array | None = None
    known: KnownMeasurements | None = None

    def __len__(self) -> int:
        """Number of people, if there is a leading axis of them."""
        return len(self.keypoints)

    def only(self, is_person: np.ndarray) -> Person:
        """The same people with zero confidence in the other rows: without observed keypoints there is no search."""
        return dataclasses.replace(self, keypoints=np.where(is_person[:, None, None], self.keypoints, np.float32(0)))


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class CheckedPerson:
    """The input of one person, checked and safe to compute with.

    Attributes:
        observation: the keypoints; all of them unobserved if the person cannot be fitted.
        depth: estimated from limb lengths [m].
        has_enough_keypoints: whether enough keypoints were observed.
        is_camera_valid: whether the camera is finite and its focal lengths are positive.
        is_plausible: whether keypoints and camera are plausible for a picture in pixels.
        image_size: (2,) width and height [px], NaN where unknown.
    """

    observation: Observation
    depth: Array
    has_enough_keypoints: Array
    is_camera_valid: Array
    is_plausible: Array
    image_size: Array

    @property
    def is_fittable(self) -> Array:
        """Whether to search at all."""
        return self.has_enough_keypoints & self.is_camera_valid & self.is_plausible


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class PreparedSearch:
    """The search for one person, ready to run.

    Attributes:
        problem: what stays constant during the search.
        starts: leading axis S.
        proposal: the network's proposal; None if the profile does not use the network.
        is_side_view: whether the person is seen from the side; None if the profile does not use it.
    """

    problem: Problem
    starts: BodyParameters
    proposal: Proposal | None
    is_side_view: Array | None


def check_person(setup: Setup, person: Person) -> CheckedPerson:
    """Check one person's input and replace unusable numbers by harmless ones."""
    body, keypoints = setup.scene.body, jnp.asarray(person.keypoints)
    confidence = keypoints[:, 2] * body.is_defined
    has_enough_keypoints = _has_enough_keypoints(keypoints[:, :2], confidence)
    is_camera_valid = jnp.all(jnp.isfinite(person.camera.focal_length) & (person.camera.focal_length > 0)) & jnp.all(
        jnp.isfinite(person.camera.camera_center)
    )
    # People who cannot be fitted are not searched, but they pass through the same batch: harmless numbers keep NaN out of it.
    is_plausible, image_size = jnp.asarray(person.is_plausible), jnp.asarray(person.image_size)
    camera = jax.tree.map(lambda leaf: jnp.where(is_camera_valid, leaf, 1.0), person.camera)
    confidence = jnp.where(is_camera_valid & has_enough_keypoints & is_plausible, confidence, 0.0)
    depth = start_depth(keypoints[:, :2], confidence, camera.focal_length, body.reach)
    scale = pixel_scale(depth, camera.focal_length, setup.plan.reference_height_px)
    observation = Observation(keypoints[:, :2], confidence, camera, scale)
    return CheckedPerson(observation, depth, has_enough_keypoints, is_camera_valid, is_plausible, image_size)


def prepare_search(
    setup: Setup, person: Person, checked: CheckedPerson, observation: Observation, proposal: Proposal | None
) -> PreparedSearch:
    """Set up one person's search; the network may have corrected the observation."""
    plan = setup.plan
    if proposal is not None:
        observation = weigh_observation(plan, observation, proposal)
    if person.keypoint_weights is not None:
        observation = dataclasses.replace(observation, confidence=observation.confidence * person.keypoint_weights)
    problem, starts = _problem_and_starts(setup, person, checked, observation, proposal)
    is_side_view = None
    if plan.side_view_px is not None:
        is_side_view = is_seen_from_the_side(observation, setup.torso, plan.side_view_px)
    return PreparedSearch(problem, starts, proposal, is_side_view)


def weigh_observation(plan: Profile, observation: Observation, proposal: Proposal) -> Observation:
    """The observation with the scale and the confidence that follow from what the network proposes."""
    observation = _with_proposed_scale(observation, proposal, plan.reference_height_px)
    if plan.weighs_by_noise:
        observation = _with_noise_weights(observation, proposal, plan.reference_height_px)
    return observation


def _with_proposed_scale(observation: Observation, proposal: Proposal, reference_height_px: float) -> Observation:
    """The observation with the pixel scale of the proposed depth, which outliers disturb less than a depth from limb lengths."""
    depth = proposal.parameters.transl[2]
    scale = pixel_scale(depth, observation.camera.focal_length, reference_height_px)
    return dataclasses.replace(observation, pixel_scale=scale)


def _with_noise_weights(observation: Observation, proposal: Proposal, reference_height_px: float) -> Observation:
    """The observation with confidence from the network's noise estimates in place of the detector's."""
    confidence = UNIT_NOISE_PX / jnp.sqrt((reference_height_px * proposal.noise) ** 2 + _MIN_NOISE_PX**2)
    return dataclasses.replace(observation, confidence=jnp.where(observation.confidence > 0, confidence, 0.0))


def _problem_and_starts(
    setup: Setup, person: Person, checked: CheckedPerson, observation: Observation, proposal: Proposal | None
) -> tuple[Problem, BodyParameters]:
    """The problem and its starts (S, ...): the caller's, the network's, or several yaw angles."""
    body, plan, depth = setup.scene.body, setup.plan, checked.depth
    anchor = person.anchor
    if person.start is not None and proposal is not None:
        caller = anchor if setup.is_anchored else None
        sigma = jnp.asarray(setup.phases.refine.weights.sigma)[-1]
        start, anchor = fuse_init(body, observation, sigma, person.start, caller, proposal)
        starts, depth = jax.tree.map(lambda leaf: leaf[None], start), start.transl[2]
    elif person.start is not None:
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
    return Problem(checked.is_fittable, observation, depth, anchor, person.known), starts


def _has_enough_keypoints(keypoints_px: Array, confidence: Array) -> Array:
    """Whether at least MIN_KEYPOINTS are observed and they do not all coincide."""
    is_seen = confidence > 0
    low = jnp.min(jnp.where(is_seen[:, None], keypoints_px, jnp.inf), axis=0)
    high = jnp.max(jnp.where(is_seen[:, None], keypoints_px, -jnp.inf), axis=0)
    return (jnp.sum(is_seen) >= MIN_KEYPOINTS) & (jnp.max(high - low) > 0)
