"""From people's observations to proposals in the camera frame."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from smplify_jax.body.keypoint_body import KeypointBody
from smplify_jax.body.parameters import BodyParameters
from smplify_jax.body.posed_keypoints import place_keypoints
from smplify_jax.camera.depth import PERSON_HEIGHT, REFERENCE_HEIGHT_PX, pixel_scale, start_depth
from smplify_jax.camera.observation import Observation
from smplify_jax.camera.pinhole import project
from smplify_jax.execution.compaction import compacted_while_loop
from smplify_jax.geometry.rotations import matrix_to_axis_angle
from smplify_jax.keypoints.layouts import Layout
from smplify_jax.proposal.correction import corrected_symmetrically
from smplify_jax.proposal.mirror import propose_symmetrically
from smplify_jax.proposal.network import ProposalNetwork, RawProposal, SeenPerson, resized_betas
from smplify_jax.proposal.refinement import with_sides_corrected, without_outliers
from smplify_jax.proposal.slots import slot_matrix
from smplify_jax.proposal.view import View, person_view
from smplify_jax.terms.anchor import Anchor

_STRAGGLER_FRACTION = 0.75
"""If more than this fraction of a chunk needs another pass, the whole chunk gets it at once."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Proposal:
    """A proposed body and its uncertainty.

    Attributes:
        parameters: in the camera frame.
        std_pose: (3 (J - 1),) standard deviation of the numbers of body_pose [rad].
        std_betas: (B,); infinite for betas that the network does not know.
        noise: (K,) standard deviation of each keypoint's detection, in units of the person's height.
    """

    parameters: BodyParameters
    std_pose: Array
    std_betas: Array
    noise: Array

    def anchor(self) -> Anchor:
        """The Gaussian around the proposed pose and shape."""
        return Anchor(self.parameters.body_pose, self.parameters.betas, 1.0 / self.std_pose, 1.0 / self.std_betas)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Proposer:
    """A network prepared for a layout.

    Attributes:
        network: trained.
        slots: (S, K) which keypoint is in which slot, see `slot_matrix`.
        flip: (K,) index of the same keypoint on the other side.
        inverse_correlation: (3 (J - 1), 3 (J - 1)) of the network's errors, see `AnchorTerm`.
        knows_betas: 1.0 if the body is the one whose betas the network has learned, 0.0 if its betas mean something else.
    """

    network: ProposalNetwork
    slots: Array | np.ndarray
    flip: Array | np.ndarray
    inverse_correlation: Array | np.ndarray
    knows_betas: float | Array

    @classmethod
    def of(cls, network: ProposalNetwork, layout: Layout, body_name: str, num_joints: int) -> Proposer:
        """Prepare a network for a layout and a body."""
        num_pose = 3 * (num_joints - 1)
        # For fewer joints take the marginal: cut the correlation first, then invert it.
        correlation = np.asarray(network.pose_correlation, np.float64)[:num_pose, :num_pose]
        return cls(
            network=network,
            slots=slot_matrix(layout, network.slots),
            flip=np.array(layout.flip, np.int32),
            inverse_correlation=np.linalg.inv(correlation).astype(np.float32),
            knows_betas=float(network.body_name == body_name),
        )


def propose(
    proposer: Proposer,
    body: KeypointBody,
    observations: Observation,
    is_focal_length_known: Array,
    is_active: Array,
    *,
    num_passes: int,
    chunk_size: int,
) -> tuple[Proposal, Observation]:
    """Propose a body for each of N people.

    Args:
        proposer: for the keypoints' layout.
        body: J joints and B betas.
        observations: leading axis N.
        is_focal_length_known: (N,) whether the camera was given rather than guessed.
        is_active: (N,) whether to run the network at all; the proposal of an inactive person is meaningless.
        num_passes: at most. Refinement passes, from the second on, run on keypoints without the mistakes that the previous pass revealed;
            without mistakes there is no refinement pass, because it would repeat the proposal.
        chunk_size: how many people to run the network on at once.
    Returns:
        Leading axis N: the proposals, and the observations with exchanged sides corrected. Outliers are only hidden from the network: the
        robust data term of the fit handles them itself.
    """

    def advance(inputs: tuple[Observation, Array], states: _PassState) -> _PassState:
        return jax.vmap(partial(_next_pass, proposer, body, num_passes))(*inputs, states)

    inputs = (observations, is_focal_length_known)
    states = jax.vmap(partial(_initial_state, body))(observations, is_active)
    # A loop, so that a pass is compiled once; every chunk makes its first pass before the people who need another are compacted.
    states = compacted_while_loop(
        advance,
        lambda states: states.is_running,
        inputs,
        states,
        chunk_size=chunk_size,
        straggler_fraction=_STRAGGLER_FRACTION,
    )
    with_corrections = jax.vmap(lambda one, keypoints: _with_keypoints(one, keypoints, keypoints[:, 2]))
    return states.proposal, with_corrections(observations, states.corrected)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class _PassState:
    """One person's state between two passes of the network.

    Attributes:
        proposal: of the last pass.
        corrected: (K, 3) keypoints and confidence, with those sides corrected that were found exchanged before the last pass.
        next_corrected: (K, 3) the same, with the corrections that the last pass revealed.
        next_confidence: (K,) the confidence of `next_corrected`, zero for outliers: input of the next pass.
        num_passes: made so far.
        is_running: whether another pass follows; only if its input differs from that of the last one.
    """

    proposal: Proposal
    corrected: Array
    next_corrected: Array
    next_confidence: Array
    num_passes: Array
    is_running: Array


def _initial_state(body: KeypointBody, observation: Observation, is_active: Array) -> _PassState:
    num_pose, num_betas = 3 * (body.num_joints - 1), body.num_betas
    empty_proposal = Proposal(
        parameters=BodyParameters(jnp.zeros(3), jnp.zeros(num_pose), jnp.zeros(num_betas), jnp.zeros(3)),
        std_pose=jnp.ones(num_pose),
        std_betas=jnp.ones(num_betas),
        noise=jnp.ones_like(observation.confidence),
    )
    keypoints = _keypoints_of(observation)
    return _PassState(empty_proposal, keypoints, keypoints, observation.confidence, jnp.asarray(0), is_active)


def _next_pass(
    proposer: Proposer,
    body: KeypointBody,
    num_passes: int,
    observation: Observation,
    is_focal_length_known: Array,
    before: _PassState,
) -> _PassState:
    """The state after one more pass; the same state where no pass is left."""
    network_input = _with_keypoints(observation, before.next_corrected, before.next_confidence)
    proposal = _network_pass(proposer, body, network_input, is_focal_length_known)
    # A pass estimates no noise for keypoints that are hidden from it.
    noise = jnp.where(network_input.confidence > 0, proposal.noise, before.proposal.noise)
    parameters = proposal.parameters
    expected = project(place_keypoints(body, parameters), observation.camera)
    height = REFERENCE_HEIGHT_PX / pixel_scale(parameters.transl[2], observation.camera.focal_length)
    corrected = with_sides_corrected(observation, expected, height, jnp.asarray(proposer.flip))
    cleaned = without_outliers(corrected, expected, height)
    after = _PassState(
        proposal=dataclasses.replace(proposal, noise=noise),
        corrected=before.next_corrected,
        next_corrected=_keypoints_of(corrected),
        next_confidence=cleaned.confidence,
        num_passes=before.num_passes + 1,
        is_running=_is_different(network_input, cleaned) & (before.num_passes + 1 < num_passes),
    )
    return jax.tree.map(lambda new, old: jnp.where(before.is_running, new, old), after, before)


def _keypoints_of(observation: Observation) -> Array:
    """(K, 3) keypoints and confidence: the part of an observation that corrections change."""
    return jnp.concatenate([observation.keypoints_px, observation.confidence[:, None]], axis=1)


def _with_keypoints(observation: Observation, keypoints: Array, confidence: Array) -> Observation:
    return dataclasses.replace(observation, keypoints_px=keypoints[:, :2], confidence=confidence)


def _is_different(one: Observation, other: Observation) -> Array:
    is_moved = jnp.any(one.keypoints_px != other.keypoints_px)
    return is_moved | jnp.any(one.confidence != other.confidence)


def _network_pass(
    proposer: Proposer, body: KeypointBody, observation: Observation, is_focal_length_known: Array
) -> Proposal:
    """The network's proposal for one observation."""
    slots, focal_length = jnp.asarray(proposer.slots), observation.camera.focal_length
    limb_depth = start_depth(observation.keypoints_px, observation.confidence, focal_length, body.reach)
    view = person_view(observation)
    points = view.points(observation)
    seen = SeenPerson(points, observation.confidence, view.depth, limb_depth, is_focal_length_known)
    is_its_body = jnp.asarray(proposer.knows_betas) > 0

    def with_known_betas(raw: RawProposal) -> RawProposal:
        return dataclasses.replace(raw, betas=jnp.where(is_its_body, raw.betas, 0.0))

    first = with_known_betas(propose_symmetrically(proposer.network, slots, seen))
    raw = with_known_betas(corrected_symmetrically(proposer.network, body, slots, seen, first))
    raw = dataclasses.replace(raw, betas=resized_betas(raw.betas, body.num_betas, 0.0))
    num_pose = 3 * (body.num_joints - 1)
    noise = jnp.sum(slots * jnp.exp(raw.log_noise)[:, None], axis=0)
    return Proposal(
        parameters=in_camera_frame(raw, view, body),
        std_pose=jnp.exp(raw.log_std_pose[:num_pose]),
        std_betas=resized_betas(jnp.where(is_its_body, jnp.exp(raw.log_std_betas), jnp.inf), body.num_betas, jnp.inf),
        # A keypoint without a slot gets the geometric mean of this person's noise.
        noise=jnp.where(jnp.any(slots > 0, axis=0), noise, jnp.exp(jnp.mean(raw.log_noise))),
    )


def in_camera_frame(raw: RawProposal, view: View, body: KeypointBody) -> BodyParameters:
    """Transform the proposed body from the view's frame and units to the camera frame."""
    betas = raw.betas
    depth = view.depth * jnp.exp(raw.log_depth)
    pelvis = view.rotation.T @ (jnp.append(raw.pelvis * PERSON_HEIGHT / view.depth, 1.0) * depth)
    rest_pelvis = body.joint_template[0] + body.joint_shapedirs[0] @ betas
    rotations = raw.rotations[: body.num_joints].at[0].set(view.rotation.T @ raw.rotations[0])
    pose = matrix_to_axis_angle(rotations)
    return BodyParameters(
        global_orient=pose[0],
        body_pose=pose[1:].ravel(),
        betas=betas,
        transl=pelvis - rest_pelvis,
    )
