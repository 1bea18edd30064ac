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
from smplify_jax.execution.compaction import run_in_groups
from smplify_jax.geometry.rotations import matrix_to_axis_angle
from smplify_jax.keypoints.layouts import Layout
from smplify_jax.proposal.mirror import propose_symmetrically
from smplify_jax.proposal.network import ProposalNetwork, RawProposal, make_features
from smplify_jax.proposal.second_look import with_sides_put_right, without_outliers
from smplify_jax.proposal.slots import slot_matrix
from smplify_jax.proposal.view import View, look_at_person
from smplify_jax.terms.anchor import Anchor

_SHARE_LOOKING_AGAIN = 0.75
"""Of a group: if more would look again, they do so at once."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Proposal:
    """A body and how sure the network is of it.

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
        at = self.parameters
        return Anchor(at.body_pose, at.betas, 1.0 / self.std_pose, 1.0 / self.std_betas)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Proposer:
    """A network made ready for a layout.

    Attributes:
        network: trained.
        slots: (S, K) which keypoint is in which slot, see `slot_matrix`.
        flip: (K,) the keypoint of the other side.
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
        """For keypoints of a layout and a body."""
        num_pose = 3 * (num_joints - 1)
        # Of fewer joints the marginal: the correlation is cut, then inverted.
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
    is_wanted: Array,
    *,
    num_looks: int,
    group_size: int,
) -> tuple[Proposal, Observation]:
    """Propose a body for each of N people.

    Args:
        proposer: for the keypoints' layout.
        body: J joints and B betas.
        observations: leading axis N.
        is_focal_length_known: (N,) whether the camera was given rather than guessed.
        is_wanted: (N,) whether to look at all; if not, the proposal says nothing.
        num_looks: at most; from the second on, the network looks at keypoints without the mistakes that the look before shows. Where there
            are none it would say the same again, and does not look.
        group_size: how many people to look at side by side.
    Returns:
        Leading axis N: the proposals, and the observations with those sides put right that were found exchanged. Outliers are only hidden
        from the network: a fit has its own way with them.
    """

    def advance(given: tuple[Observation, Array], looks: _Looks) -> _Looks:
        return jax.vmap(partial(_look_again, proposer, body, num_looks))(*given, looks)

    given = (observations, is_focal_length_known)
    looks = jax.vmap(partial(_before_looking, body))(observations, is_wanted)
    # So that a look is compiled once, and each group looks once before those that look again are gathered.
    looks = run_in_groups(
        advance, lambda looks: looks.goes_on, given, looks, group_size=group_size, share_left=_SHARE_LOOKING_AGAIN
    )
    righted = jax.vmap(lambda seen, keypoints: _with_keypoints(seen, keypoints, keypoints[:, 2]))
    return looks.proposal, righted(observations, looks.righted)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class _Looks:
    """Between two looks at a person.

    Attributes:
        proposal: of the last look.
        righted: (K, 3) keypoints and confidence, with those sides put right that were found exchanged before the last look.
        next_righted: (K, 3) the same as far as known after it.
        next_confidence: (K,) of these, zero for outliers: what to look at next.
        num_looks: taken.
        goes_on: whether there is another look, at anything else than the last.
    """

    proposal: Proposal
    righted: Array
    next_righted: Array
    next_confidence: Array
    num_looks: Array
    goes_on: Array


def _before_looking(body: KeypointBody, observation: Observation, is_wanted: Array) -> _Looks:
    num_pose, num_betas = 3 * (body.num_joints - 1), body.num_betas
    nothing = Proposal(
        parameters=BodyParameters(jnp.zeros(3), jnp.zeros(num_pose), jnp.zeros(num_betas), jnp.zeros(3)),
        std_pose=jnp.ones(num_pose),
        std_betas=jnp.ones(num_betas),
        noise=jnp.ones_like(observation.confidence),
    )
    keypoints = _keypoints_of(observation)
    return _Looks(nothing, keypoints, keypoints, observation.confidence, jnp.asarray(0), is_wanted)


def _look_again(
    proposer: Proposer,
    body: KeypointBody,
    num_looks: int,
    observation: Observation,
    is_focal_length_known: Array,
    before: _Looks,
) -> _Looks:
    """The state after one more look; the same state where there is nothing more to look at."""
    seen = _with_keypoints(observation, before.next_righted, before.next_confidence)
    proposal = _look(proposer, body, seen, is_focal_length_known)
    # Of what is hidden from it a look knows no noise.
    noise = jnp.where(seen.confidence > 0, proposal.noise, before.proposal.noise)
    at = proposal.parameters
    expected = project(place_keypoints(body, at), observation.camera)
    height = REFERENCE_HEIGHT_PX / pixel_scale(at.transl[2], observation.camera.focal_length)
    righted = with_sides_put_right(observation, expected, height, jnp.asarray(proposer.flip))
    cleaned = without_outliers(righted, expected, height)
    after = _Looks(
        proposal=dataclasses.replace(proposal, noise=noise),
        righted=before.next_righted,
        next_righted=_keypoints_of(righted),
        next_confidence=cleaned.confidence,
        num_looks=before.num_looks + 1,
        goes_on=_is_any_other(seen, cleaned) & (before.num_looks + 1 < num_looks),
    )
    return jax.tree.map(lambda new, old: jnp.where(before.goes_on, new, old), after, before)


def _keypoints_of(observation: Observation) -> Array:
    """(K, 3): what of an observation may be put right."""
    return jnp.concatenate([observation.keypoints_px, observation.confidence[:, None]], axis=1)


def _with_keypoints(observation: Observation, keypoints: Array, confidence: Array) -> Observation:
    return dataclasses.replace(observation, keypoints_px=keypoints[:, :2], confidence=confidence)


def _is_any_other(one: Observation, other: Observation) -> Array:
    is_moved = jnp.any(one.keypoints_px != other.keypoints_px)
    return is_moved | jnp.any(one.confidence != other.confidence)


def _look(proposer: Proposer, body: KeypointBody, observation: Observation, is_focal_length_known: Array) -> Proposal:
    """What the network says at one look."""
    seen, slots = observation, jnp.asarray(proposer.slots)
    limb_depth = start_depth(seen.keypoints_px, seen.confidence, seen.camera.focal_length, body.reach)
    view = look_at_person(seen)
    points, confidence = _in_slots(view.points(seen), seen.confidence, slots)
    features = make_features(points, confidence, view.depth, limb_depth, is_focal_length_known)
    raw = propose_symmetrically(proposer.network, features)
    is_its_body = jnp.asarray(proposer.knows_betas) > 0
    raw = dataclasses.replace(raw, betas=_fitting_betas(jnp.where(is_its_body, raw.betas, 0.0), body.num_betas, 0.0))
    num_pose = 3 * (body.num_joints - 1)
    noise = jnp.sum(slots * jnp.exp(raw.log_noise)[:, None], axis=0)
    return Proposal(
        parameters=in_camera_frame(raw, view, body),
        std_pose=jnp.exp(raw.log_std_pose[:num_pose]),
        std_betas=_fitting_betas(jnp.where(is_its_body, jnp.exp(raw.log_std_betas), jnp.inf), body.num_betas, jnp.inf),
        # A keypoint with a meaning of its own gets what is usual for this person.
        noise=jnp.where(jnp.any(slots > 0, axis=0), noise, jnp.exp(jnp.mean(raw.log_noise))),
    )


def in_camera_frame(raw: RawProposal, view: View, body: KeypointBody) -> BodyParameters:
    """The proposed body out of the view's frame and units."""
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


def _fitting_betas(values: Array, num_betas: int, filling: float) -> Array:
    """(B,) from (10,): cut, or filled up."""
    return jnp.pad(values[:num_betas], (0, max(0, num_betas - len(values))), constant_values=filling)


def _in_slots(points: Array, confidence: Array, slots: Array) -> tuple[Array, Array]:
    """(S, 2) and (S,): keypoints of one meaning count as their mean by confidence, as sure as the surest."""
    weight = slots * confidence
    total = jnp.sum(weight, axis=1, keepdims=True)
    return weight @ points / jnp.maximum(total, 1e-12), jnp.minimum(jnp.max(weight, axis=1), 1.0)
