"""What all people of a fit share, built once: cutting the body to the keypoints takes longer than a fit, and `fit` is called in loops."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import jax
import numpy as np

from smplify_jax.body.keypoint_body import keypoint_body
from smplify_jax.body.model import BodyModel
from smplify_jax.body.spheres import BodySpheres, body_spheres
from smplify_jax.execution.devices import Device, replicated
from smplify_jax.fitting.person import Setup
from smplify_jax.fitting.profiles import PROFILES
from smplify_jax.fitting.stages import Profile
from smplify_jax.fitting.starts import trunk_weights
from smplify_jax.geometry.skeleton import NUM_SHARED_JOINTS, SMPL_JOINT_NAMES
from smplify_jax.keypoints.layouts import Layout
from smplify_jax.keypoints.subsets import torso_rows
from smplify_jax.measurements.shape_measures import shape_measures
from smplify_jax.prior.load import load_prior
from smplify_jax.prior.mixture import PosePrior
from smplify_jax.proposal.load import load_proposal_network
from smplify_jax.proposal.network import ProposalNetwork
from smplify_jax.proposal.propose import Proposer
from smplify_jax.quality.score import FitKind, load_quality_model
from smplify_jax.terms.objective import Scene


def num_fitted_joints(body: BodyModel) -> int:
    """How many joints the fit moves: those that SMPL, SMPL-H and SMPL-X share, and for SMPL itself the two hands as well."""
    return len(SMPL_JOINT_NAMES) if body.num_joints == len(SMPL_JOINT_NAMES) else NUM_SHARED_JOINTS


@dataclass(frozen=True)
class FitChoices:
    """The arguments of `fit` that apply to all people.

    Attributes:
        layout: of the keypoints.
        profile: the recipe.
        body: to fit.
        prior: None for the shipped one.
        num_betas: how many shape coefficients to fit.
        num_starts: yaw angles to search from; None for the profile's own start.
        is_start_given: whether the caller gives bodies to start from.
        is_anchored: whether the fit may have an anchor.
        devices: to shard people over; none for JAX's default device.
        measured: names of the measurements that are known of people.
    """

    layout: Layout
    profile: Profile
    body: BodyModel
    prior: PosePrior | None
    num_betas: int
    num_starts: int | None
    is_start_given: bool
    is_anchored: bool
    devices: tuple[Device, ...]
    measured: tuple[str, ...] = ()


def setup_fit(choices: FitChoices) -> Setup:
    """Combine body, prior, network and profile. The latest setups are cached."""
    return _kept_setup(choices) if _is_hashable(choices.profile) else _setup(choices)


def _is_hashable(profile: Profile) -> bool:
    """False if a round weights keypoints by an array."""
    try:
        hash(profile)
    except TypeError:
        return False
    return True


def _setup(choices: FitChoices) -> Setup:
    layout, profile, body, num_betas = choices.layout, choices.profile, choices.body, choices.num_betas
    num_joints = num_fitted_joints(body)
    prior = _prior_over(_shipped_prior() if choices.prior is None else choices.prior, 3 * (num_joints - 1))
    takes_proposed_start = profile.uses_proposal and not choices.is_start_given and choices.num_starts is None
    is_default = _is_hashable(profile) and profile == PROFILES["default"]
    proposer = _shipped_proposer(layout, body.name, num_joints) if profile.uses_proposal else None
    inverse_correlation = np.eye(prior.num_pose, dtype=np.float32)
    # The caller's body is fused with the network's, see `init_fusion`.
    takes_proposal = takes_proposed_start or (choices.is_start_given and profile.uses_proposal)
    if proposer is not None and takes_proposal:
        inverse_correlation = proposer.inverse_correlation
    scene = Scene(
        body=keypoint_body(body, layout, num_betas=num_betas, num_joints=num_joints),
        prior=prior,
        inverse_correlation=inverse_correlation,
        spheres=_spheres_for(body, profile, num_betas),
        measures=shape_measures(body, num_betas).only(choices.measured) if choices.measured else None,
    )
    of: FitKind = "starts" if choices.is_start_given else "pictures" if takes_proposal else "searches"
    quality = load_quality_model(of=of) if is_default and (choices.is_anchored or not takes_proposal) else None
    setup = Setup(
        scene=scene,
        trunk=trunk_weights(layout.keypoint_names),
        torso=torso_rows(layout),
        phases=profile.phases(layout, is_start_given=choices.is_start_given or takes_proposed_start),
        joints_body=keypoint_body(body, "smpl24", num_betas=num_betas, num_joints=num_joints),
        proposer=proposer,
        quality=quality,
        plan=profile.plan(profile.num_starts if choices.num_starts is None else choices.num_starts),
        takes_proposed_start=takes_proposed_start,
        is_anchored=choices.is_anchored,
    )
    # Put on the devices here, so that no call has to transfer it.
    return jax.device_put(setup, replicated(choices.devices) if choices.devices else None)


_kept_setup = lru_cache(maxsize=16)(_setup)


def _spheres_for(body: BodyModel, profile: Profile, num_betas: int) -> BodySpheres | None:
    """The spheres of the interpenetration term; None if the profile has no such term, or the body no capsules."""
    if not profile.keeps_parts_apart or body.capsules is None:
        return None
    return body_spheres(body, num_betas=num_betas, pairs=profile.apart_pairs)


@lru_cache(maxsize=1)
def _shipped_prior() -> PosePrior:
    return load_prior()


@lru_cache(maxsize=4)
def _prior_over(prior: PosePrior, num_pose: int) -> PosePrior:
    return prior.marginal(num_pose)


@lru_cache(maxsize=1)
def _shipped_network() -> ProposalNetwork:
    return jax.device_put(load_proposal_network())


@lru_cache(maxsize=16)
def _shipped_proposer(layout: Layout, body_name: str, num_joints: int) -> Proposer:
    return Proposer.of(_shipped_network(), layout, body_name, num_joints)
