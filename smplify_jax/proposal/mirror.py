"""Mirror a person before the network and the output after it: averaging with the unmirrored output makes proposals exactly symmetric."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from smplify_jax.execution.batch_axis import batch_first, batch_last
from smplify_jax.proposal.network import (
    NUM_SMPL_JOINTS,
    SLOT_SIGNS,
    ProposalNetwork,
    RawProposal,
    SeenPerson,
    make_features,
    orthonormal,
    split_outputs,
)
from smplify_jax.proposal.partners import JOINT_PARTNER, MATRIX_SIGNS, POSE_PARTNER, slot_partner


def propose_symmetrically(network: ProposalNetwork, slots: Array, seen: SeenPerson) -> RawProposal:
    """Average the first network's output for a person with its output, mirrored back, for their mirror image.

    Args:
        network: its first part is used.
        slots: (S, K) which keypoint is in which slot.
        seen: the K keypoints.
    """
    features, flip = make_features(seen, slots), slot_partner(network.slots)
    # Side by side, so that every matrix is read once.
    both = jax.vmap(split_outputs, in_axes=1)(
        _outputs(network, jnp.stack([features, _mirrored_features(features, flip)], axis=1))
    )
    one, other = (jax.tree.map(lambda leaf, side=side: leaf[side], both) for side in range(2))
    other = _mirrored(other, flip)
    return RawProposal(
        rotations=orthonormal(*jnp.moveaxis((one.rotations + other.rotations)[..., :2], -1, 0)),
        betas=0.5 * (one.betas + other.betas),
        pelvis=0.5 * (one.pelvis + other.pelvis),
        log_depth=0.5 * (one.log_depth + other.log_depth),
        log_std_pose=0.5 * (one.log_std_pose + other.log_std_pose),
        log_std_betas=0.5 * (one.log_std_betas + other.log_std_betas),
        log_noise=0.5 * (one.log_noise + other.log_noise),
    )


@batch_last
def _outputs(network: ProposalNetwork, features: Array) -> Array:
    """(O, 2) from features (F, 2, ...): both images of all people are the columns of one product."""
    outputs = network.proposing.outputs(features.reshape(len(features), -1))
    return batch_first(outputs.reshape(-1, *features.shape[1:]), 2)


def _mirrored_features(features: Array, flip: np.ndarray) -> Array:
    size = len(SLOT_SIGNS) * len(flip)
    mirrored = features[:size].reshape(-1, len(flip))[:, flip] * jnp.array(SLOT_SIGNS)[:, None]
    return jnp.concatenate([mirrored.ravel(), features[size:]])


def _mirrored(raw: RawProposal, flip: np.ndarray) -> RawProposal:
    return RawProposal(
        rotations=raw.rotations.reshape(NUM_SMPL_JOINTS, 3, 3)[JOINT_PARTNER] * MATRIX_SIGNS,
        betas=raw.betas,
        pelvis=raw.pelvis * jnp.array([-1.0, 1.0]),
        log_depth=raw.log_depth,
        log_std_pose=raw.log_std_pose[POSE_PARTNER],
        log_std_betas=raw.log_std_betas,
        log_noise=raw.log_noise[flip],
    )
