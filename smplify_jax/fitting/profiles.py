"""The named profiles: ours, and the published recipes with their numbers.

A weight multiplies a residual; the energy contains its square.
Sources: Bogo et al., Keep it SMPL, ECCV 2016, and its published weights (`smplify2016`); Kolotouros et al., Learning to reconstruct 3D
human pose and shape via model-fitting in the loop, ICCV 2019 (`spin`).
"""

from __future__ import annotations

import dataclasses

from smplify_jax.camera.depth import REFERENCE_HEIGHT_PX, depth_of_height
from smplify_jax.errors import InputError
from smplify_jax.fitting.stages import Profile, Round
from smplify_jax.solver.adam import AdamOptions
from smplify_jax.solver.levenberg_marquardt import SolverOptions
from smplify_jax.terms.objective import TermWeights

# These depart from the paper's last round (sigma 100, w_theta 4.78, bend 15.2). At a straight leg its bend term costs as much as a bent
# knee, so it bends every leg; and its sigma lets gross outliers pull. The anchor's weight is a compromise for exact and noisy keypoints.
_REFINE = TermWeights(
    sigma=30.0, pose_prior=6.0, bend=5.0, shape=5.0, interpenetration=2000.0, anchor=14.0, measurements=6.0
)

DEFAULT = Profile(
    name="default",
    # Only for a search: the trunk is aligned first, then the limbs follow; a few steps suffice to rank the starts.
    explore=(
        Round(
            TermWeights(sigma=50.0, pose_prior=404.0, bend=404.0, shape=100.0, depth=300.0),
            SolverOptions(max_steps=3, relative_gain=1e-3),
        ),
        Round(
            TermWeights(sigma=50.0, pose_prior=20.0, bend=20.0, shape=10.0),
            SolverOptions(max_steps=3, relative_gain=1e-3),
        ),
    ),
    # An earlier round without interpenetration gained nothing, not even after a search, and took half of the time.
    # With an anchor a looser tolerance does as well; without one minima are flat, and at 1e-3 a fit would stop up to 5 cm short of them.
    refine=(Round(_REFINE, SolverOptions(max_steps=30, relative_gain=3e-4)),),
    uses_proposal=True,
    weighs_by_noise=True,
)

PLAIN_DIFFERENCE = 1e6
"""A sigma [px] so large that the Geman-McClure function equals the square in float32, while sigma^2 stays far from overflow."""

PUBLISHED_FOCAL_LENGTH_PX = 5000.0

# The published recipes anchor the depth with 100 residual px per metre, for people 300 px tall at a focal length of 5000 px (in SPIN's
# crop of 224 px, the box around the person fills 1 / 1.2 of it). Such people stand 28 m (46 m) away. `_depth_weight` converts this to a
# weight per unit of log depth, which means the same for every camera.
_DEPTH_WEIGHT_PER_M = 100.0
SPIN_HEIGHT_PX = 224.0 / 1.2


def _depth_weight(height_px: float) -> float:
    return _DEPTH_WEIGHT_PER_M * depth_of_height(height_px, PUBLISHED_FOCAL_LENGTH_PX)


def _camera_round(solver: SolverOptions | AdamOptions, depth: float) -> Round:
    """Place the rigid body by plain squared differences of hips and shoulders: stage 1 of both published recipes."""
    weights = TermWeights(sigma=PLAIN_DIFFERENCE, pose_prior=0.0, bend=0.0, shape=0.0, depth=depth)
    return Round(weights, solver, frees_body_pose=0.0, frees_betas=0.0, keypoints="torso", uses_confidence=0.0)


_PAPER_SCHEDULE = ((404.0, 100.0), (404.0, 50.0), (57.4, 10.0), (4.78, 5.0))
"""w_theta and w_beta of the paper's four rounds."""


def _paper_weights(pose_prior: float, shape: float) -> TermWeights:
    """The paper's objective in one round, without interpenetration."""
    return TermWeights(sigma=100.0, pose_prior=pose_prior, bend=3.17 * pose_prior, shape=shape)


_PAPER_SOLVER = SolverOptions(max_steps=100, relative_gain=1e-4)

SMPLIFY2016 = Profile(
    name="smplify2016",
    camera=(_camera_round(_PAPER_SOLVER, _depth_weight(REFERENCE_HEIGHT_PX)),),
    explore=(),
    refine=tuple(
        Round(
            dataclasses.replace(_paper_weights(*weights), interpenetration=1000.0),
            _PAPER_SOLVER,
            frees_transl=0.0,
            keypoints="smpl joints",
        )
        for weights in _PAPER_SCHEDULE
    ),
    num_starts=1,
    focal_length_px=PUBLISHED_FOCAL_LENGTH_PX,
    starts_at_zero_pose=True,
    takes_depth_from_torso=True,
    side_view_px=25.0,
    compared_terms=("data",),
)

_SPIN_SOLVER = AdamOptions(num_steps=100, learning_rate=0.01)

SPIN = Profile(
    name="spin",
    camera=(_camera_round(_SPIN_SOLVER, _depth_weight(SPIN_HEIGHT_PX)),),
    explore=(),
    refine=(
        Round(
            TermWeights(sigma=100.0, pose_prior=4.78, bend=15.2, shape=5.0),
            _SPIN_SOLVER,
            frees_transl=0.0,
            keypoints="no hips, no neck",
        ),
    ),
    num_starts=1,
    focal_length_boxes=PUBLISHED_FOCAL_LENGTH_PX / SPIN_HEIGHT_PX,
    reference_height_px=SPIN_HEIGHT_PX,
)

# The paper's objective with the two changes that it needs and no others: the translation stays free, and four yaw angles are tried.
PLAIN = Profile(
    name="plain",
    explore=(),
    refine=tuple(
        Round(_paper_weights(*weights), SolverOptions(max_steps=num_steps, relative_gain=1e-4))
        for weights, num_steps in zip(_PAPER_SCHEDULE, (4, 3, 6, 10), strict=True)
    ),
    num_starts=4,
)

PROFILES: dict[str, Profile] = {profile.name: profile for profile in (DEFAULT, SMPLIFY2016, SPIN, PLAIN)}
"""Every named profile."""


def get_profile(profile: str | Profile) -> Profile:
    """The profile of that name; a `Profile` is returned as it is.

    Raises:
        InputError: no profile has that name; the message lists the known ones.
    """
    if isinstance(profile, Profile):
        return profile
    if profile not in PROFILES:
        raise InputError(f"there is no profile '{profile}'; use one of {', '.join(PROFILES)}")
    return PROFILES[profile]
