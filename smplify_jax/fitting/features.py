"""What a fit says about how good it is: the inputs of its quality score. Traced by JAX, for one body."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax import Array

from smplify_jax.geometry.rotations import exp_so3
from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES
from smplify_jax.proposal.propose import Proposal
from smplify_jax.quality.score import QualityFeatures
from smplify_jax.terms.objective import TermWeights

_HEAD = SMPL_JOINT_NAMES.index("head")
_ANKLES = (SMPL_JOINT_NAMES.index("left_ankle"), SMPL_JOINT_NAMES.index("right_ankle"))
_WRISTS = (SMPL_JOINT_NAMES.index("left_wrist"), SMPL_JOINT_NAMES.index("right_wrist"))


def quality_features(
    is_seen: Array, proposal: Proposal | None, std: Array, joints: Array, fields: dict[str, Any], weights: TermWeights
) -> QualityFeatures:
    """The features of one fitted body; NaN where they need a proposal and there is none.

    Args:
        is_seen: (K,) which keypoints were observed.
        proposal: of the network, for the person or the frame.
        std: (J, 3) posterior standard deviations of the joints [m], before `QualityModel.std_scale` scales them.
        joints: (J, 3) of the fitted body [m], y down.
        fields: of the result.
        weights: of the terms that were minimised last.
    """
    num_seen = jnp.maximum(jnp.sum(is_seen), 1).astype(std.dtype)
    costs = fields["cost_by_term"]
    unknown = jnp.full_like(fields["cost"], jnp.nan)
    names = ("anchor_distance", "proposal_std", "noise", "turn_from_proposal")
    by_proposal = dict.fromkeys(names, unknown)
    orientation = exp_so3(fields["global_orient"])
    if proposal is not None:
        difference = (fields["body_pose"] - proposal.parameters.body_pose) / proposal.std_pose
        by_proposal = {
            "anchor_distance": jnp.sum(difference**2),
            "proposal_std": jnp.mean(proposal.std_pose),
            "noise": jnp.sum(jnp.where(is_seen, proposal.noise, 0.0)) / num_seen,
            "turn_from_proposal": _angle_between(orientation, exp_so3(proposal.parameters.global_orient)),
        }
    height = joints[0, 1] - joints[:, 1]  # y points down
    return QualityFeatures(
        joint_std=jnp.mean(jnp.linalg.norm(std, axis=-1)),
        image_joint_std=jnp.mean(jnp.linalg.norm(std[:, :2], axis=-1)),
        data_energy=costs["data"] / num_seen,
        error_2d=fields["error_2d"],
        pose_surprise=costs["pose_prior"] / jnp.asarray(weights.pose_prior) ** 2,
        num_seen=num_seen,
        max_beta=jnp.max(jnp.abs(fields["betas"])),
        uprightness=-orientation[1, 1],
        head_height=height[_HEAD],
        foot_height=jnp.mean(height[jnp.array(_ANKLES)]),
        hand_height=jnp.mean(height[jnp.array(_WRISTS)]),
        **by_proposal,
    )


def _angle_between(first: Array, second: Array) -> Array:
    """Angle [rad] of the rotation from one (3, 3) rotation to another."""
    return jnp.arccos(jnp.clip(0.5 * (jnp.sum(first * second) - 1.0), -1.0, 1.0))
