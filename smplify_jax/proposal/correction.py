"""The second network: it sees a proposed body beside the keypoints and corrects it.

The first network must find the body and how it projects at once. This one is told how far the proposed body's keypoints are from the
detected ones, how exact each of those is, and which way the distances would turn each joint; so it has only to learn what to make of that.
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

from smplify_jax.body.keypoint_body import KeypointBody
from smplify_jax.execution.batch_axis import batch_first, batch_last
from smplify_jax.keypoints.confidence import CONFIDENCE_SLOPE, MIDDLE_CONFIDENCE
from smplify_jax.proposal.misfit import body_misfit
from smplify_jax.proposal.network import (
    LOG_NOISE,
    LOG_STD_BETAS,
    LOG_STD_POSE,
    NUM_BETAS,
    NUM_BODY_POSE,
    NUM_SMPL_JOINTS,
    ProposalNetwork,
    RawProposal,
    SeenPerson,
    distances,
    in_slots,
    rotations_of_sixes,
    separated,
)
from smplify_jax.proposal.partners import JOINT_PARTNER, MATRIX_SIGNS, POSE_PARTNER, slot_partner

_NOISE_SHARE, _CONFIDENCE_SHARE = 0.5, 0.7
"""Of the first network's noise and of the confidences in a keypoint's noise beside the person's others: the best in a regression of the
true one, at 1 to 4 %. The network corrects it for detectors whose confidence tells nothing."""
_MAX_WHITE_RESIDUAL = 3.0


class _Block(NamedTuple):
    """Features that swap places in the mirror image: (n, c), the partner of each row, and the sign of each column."""

    values: Array
    partner: np.ndarray
    signs: tuple[float, ...]


def feature_size(num_slots: int) -> int:
    """Length of the features."""
    return (
        7 * num_slots + 4 + 2 + NUM_BETAS + 6 * NUM_SMPL_JOINTS + NUM_BODY_POSE + (3 + 1 + 2 + 3 + 3) * NUM_SMPL_JOINTS
    )


def corrected(
    network: ProposalNetwork, body: KeypointBody, slots: Array, seen: SeenPerson, raw: RawProposal
) -> RawProposal:
    """A person's proposal corrected, without averaging over the mirror image: what training needs."""
    raw = with_told_noise(raw, seen, slots)
    features = jnp.concatenate([block.values.ravel() for block in _blocks(body, slots, seen, raw, network.slots)])
    return _applied(raw, network.correcting.outputs(features))


def corrected_symmetrically(
    network: ProposalNetwork, body: KeypointBody, slots: Array, seen: SeenPerson, raw: RawProposal
) -> RawProposal:
    """A person's proposal corrected by the mean of the corrections of the person and of their mirror image.

    Args:
        network: its second part is used.
        body: K keypoints.
        slots: (S, K) which keypoint is in which slot.
        seen: the K keypoints.
        raw: the first network's proposal; its betas are those of the body, or zero.
    """
    raw = with_told_noise(raw, seen, slots)
    blocks = _blocks(body, slots, seen, raw, network.slots)
    plain = jnp.concatenate([block.values.ravel() for block in blocks])
    mirrored = jnp.concatenate([(block.values[block.partner] * jnp.array(block.signs)).ravel() for block in blocks])
    one, other = jnp.moveaxis(_outputs(network, jnp.stack([plain, mirrored], axis=1)), -1, 0)
    return _applied(raw, 0.5 * (one + _mirrored_outputs(other, network.slots)))


@batch_last
def _outputs(network: ProposalNetwork, features: Array) -> Array:
    """(O, 2) from features (F, 2, ...): both images of all people are the columns of one product."""
    outputs = network.correcting.outputs(features.reshape(len(features), -1))
    return batch_first(outputs.reshape(-1, *features.shape[1:]), 2)


def with_told_noise(raw: RawProposal, seen: SeenPerson, slots: Array) -> RawProposal:
    """The proposal with the noise of keypoints beside each other as the detector's confidence tells it, for the larger part."""
    confidence = in_slots(seen.points, seen.confidence, slots)[1]
    is_seen = (confidence > 0).astype(confidence.dtype)
    count = jnp.maximum(jnp.sum(is_seen), 1.0)
    told = is_seen * (MIDDLE_CONFIDENCE - jnp.clip(confidence, 0.2, 1.0)) / CONFIDENCE_SLOPE
    level, usual = jnp.sum(is_seen * raw.log_noise) / count, jnp.sum(told) / count
    log_noise = level + _NOISE_SHARE * (raw.log_noise - level) + _CONFIDENCE_SHARE * is_seen * (told - usual)
    return dataclasses.replace(raw, log_noise=log_noise)


def _blocks(
    body: KeypointBody, slots: Array, seen: SeenPerson, raw: RawProposal, slot_names: tuple[str, ...]
) -> list[_Block]:
    misfit = body_misfit(body, slots, seen, raw)
    white = misfit.white_residuals
    length = jnp.sqrt(jnp.sum(white**2, axis=-1, keepdims=True) + 1e-12)
    white = white * jnp.minimum(1.0, _MAX_WHITE_RESIDUAL / length)
    is_seen = (seen.confidence > 0).astype(white.dtype)
    confidence = jnp.minimum(seen.confidence, 1.0)
    sixes = raw.rotations[..., :2] - jnp.eye(3)[:, :2]
    flip, alone = slot_partner(slot_names), np.zeros(1, np.int32)
    across, turn = (-1.0, 1.0), (1.0, -1.0, -1.0)
    return [
        _Block(slots @ (10.0 * misfit.residuals * misfit.weight[:, None]), flip, across),
        _Block(slots @ white, flip, across),
        _Block(slots @ jnp.stack([is_seen, confidence], axis=1), flip, (1.0, 1.0)),
        _Block(raw.log_noise[:, None] + 4.0, flip, (1.0,)),
        _Block(jnp.append(distances(seen), 3.0 * raw.log_depth)[None], alone, (1.0,) * 4),
        _Block(3.0 * raw.pelvis[None], alone, across),
        _Block(raw.betas[None], alone, (1.0,) * NUM_BETAS),
        _Block(sixes.reshape(NUM_SMPL_JOINTS, 6), JOINT_PARTNER, tuple(MATRIX_SIGNS[:, :2].ravel().tolist())),
        _Block(raw.log_std_pose[:, None] + 1.5, POSE_PARTNER, (1.0,)),
        _Block(5.0 * misfit.turns, JOINT_PARTNER, turn),
        _Block(misfit.log_inertia[:, None], JOINT_PARTNER, (1.0,)),
        _Block(20.0 * misfit.shifts, JOINT_PARTNER, across),
        _Block(misfit.view_axes, JOINT_PARTNER, (-1.0, 1.0, 1.0)),
        _Block(2.0 * misfit.joints, JOINT_PARTNER, (-1.0, 1.0, 1.0)),
    ]


def _mirrored_outputs(outputs: Array, slot_names: tuple[str, ...]) -> Array:
    sixes, betas, pelvis, log_depth, log_std_pose, log_std_betas, log_noise = separated(outputs)
    signs = jnp.asarray(MATRIX_SIGNS[:, :2].T.ravel())
    sixes = sixes.reshape(NUM_SMPL_JOINTS, 6)[JOINT_PARTNER] * signs
    pelvis = pelvis * jnp.array([-1.0, 1.0])
    parts = sixes.ravel(), betas, pelvis, log_depth, log_std_pose[POSE_PARTNER], log_std_betas
    return jnp.concatenate([*parts, log_noise[slot_partner(slot_names)]])


def _applied(raw: RawProposal, outputs: Array) -> RawProposal:
    """The proposal changed by the outputs (O,); zeros change nothing."""
    sixes, betas, pelvis, log_depth, log_std_pose, log_std_betas, log_noise = separated(outputs)
    return RawProposal(
        rotations=rotations_of_sixes(sixes.reshape(NUM_SMPL_JOINTS, 6)) @ raw.rotations,
        betas=raw.betas + betas,
        pelvis=raw.pelvis + pelvis,
        log_depth=raw.log_depth + log_depth[0],
        log_std_pose=jnp.clip(raw.log_std_pose + log_std_pose, *LOG_STD_POSE),
        log_std_betas=jnp.clip(raw.log_std_betas + log_std_betas, *LOG_STD_BETAS),
        log_noise=jnp.clip(raw.log_noise + log_noise, *LOG_NOISE),
    )
