"""Mirror a person before the network and the output after it: averaging with the unmirrored output makes proposals exactly symmetric."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from smplify_jax.execution.batch_axis import batch_first, batch_last
from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES, mirrored_name
from smplify_jax.proposal.network import NUM_SMPL_JOINTS, ProposalNetwork, RawProposal, orthonormal, split_outputs
from smplify_jax.proposal.slots import slot_layout

# 32 bits: indices of 64 are of one kind or the other by the flags in force, which may change between traces.
_PARTNER = np.array([SMPL_JOINT_NAMES.index(mirrored_name(name)) for name in SMPL_JOINT_NAMES], np.int32)
_POSE_PARTNER = (3 * (_PARTNER[1:, None] - 1) + np.arange(3, dtype=np.int32)).ravel()
_SIGNS = np.outer([-1.0, 1.0, 1.0], [-1.0, 1.0, 1.0]).astype(np.float32)  # of a rotation matrix, mirrored across x = 0


def propose_symmetrically(network: ProposalNetwork, features: Array) -> RawProposal:
    """Average the network's output for a person with its output, mirrored back, for their mirror image."""
    flip = np.array(slot_layout(network.slots).flip)
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
    outputs = network.outputs(features.reshape(len(features), -1))
    return batch_first(outputs.reshape(-1, *features.shape[1:]), 2)


def _mirrored_features(features: Array, flip: np.ndarray) -> Array:
    num_slots = len(flip)
    slots = features[: 4 * num_slots].reshape(4, num_slots)[:, flip] * jnp.array([[-1.0], [1.0], [1.0], [1.0]])
    return jnp.concatenate([slots.ravel(), features[4 * num_slots :]])


def _mirrored(raw: RawProposal, flip: np.ndarray) -> RawProposal:
    return RawProposal(
        rotations=raw.rotations.reshape(NUM_SMPL_JOINTS, 3, 3)[_PARTNER] * _SIGNS,
        betas=raw.betas,
        pelvis=raw.pelvis * jnp.array([-1.0, 1.0]),
        log_depth=raw.log_depth,
        log_std_pose=raw.log_std_pose[_POSE_PARTNER],
        log_std_betas=raw.log_std_betas,
        log_noise=raw.log_noise[flip],
    )
