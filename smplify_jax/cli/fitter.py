"""Make the fitters of people and tracks from a command's options."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from smplify_jax.body.capsule_files import with_capsules
from smplify_jax.body.load import load_body
from smplify_jax.body.model import BodyModel
from smplify_jax.cli.program import wrong_usage
from smplify_jax.cli.shared_options import BodyOptions, CameraOptions, TrackLimits
from smplify_jax.datasets.job.fitter import PeopleFitter
from smplify_jax.datasets.job.track_fitter import TrackFitter
from smplify_jax.datasets.job.tracks import TrackChoices
from smplify_jax.fitting.known import check_known
from smplify_jax.fitting.profiles import get_profile
from smplify_jax.prior.load import load_prior


def people_fitter(
    options: BodyOptions, camera: CameraOptions, *, guesses_cameras: bool, known: Mapping[str, float] | None = None
) -> PeopleFitter:
    """Read the body and the prior, and make the fitter.

    Args:
        options: what is fitted, and how.
        camera: the camera of pictures for which the input does not give one.
        guesses_cameras: whether to fit people whose picture size is not known.
        known: measurements of everybody that are known.

    Raises:
        UsageError: there is no such profile.
        InputError: the body, its capsules or the prior cannot be read.
    """
    known, body = known or {}, body_of(options)
    with wrong_usage():
        profile = get_profile(options.profile)
        check_known({name: np.array([value]) for name, value in known.items()}, body, profile)
    return PeopleFitter(
        body=body,
        prior=load_prior(options.prior),
        profile=options.profile,
        num_betas=options.num_betas,
        num_starts=options.num_starts,
        focal_length=camera.focal_length,
        camera_center=camera.camera_center,
        searches_focal_length=camera.search_focal_length,
        guesses_cameras=guesses_cameras,
        known=dict(known),
    )


def track_fitter(
    options: BodyOptions, camera: CameraOptions, limits: TrackLimits, *, guesses_cameras: bool
) -> TrackFitter:
    """Read the body and the prior, and make the fitter of tracks.

    Args:
        options: what is fitted.
        camera: the camera of videos for which the input does not give one.
        limits: what makes a track.
        guesses_cameras: whether to fit people whose picture size is not known.

    Raises:
        InputError: the body, its capsules or the prior cannot be read.
    """
    return TrackFitter(
        body=body_of(options),
        prior=load_prior(options.prior),
        num_betas=options.num_betas,
        focal_length=camera.focal_length,
        camera_center=camera.camera_center,
        guesses_cameras=guesses_cameras,
        tracks=TrackChoices(limits.fps, limits.max_gap, limits.min_frames),
    )


def body_of(options: BodyOptions) -> BodyModel:
    """The body to fit, with its capsules if the options name some.

    Raises:
        InputError: the body or its capsules cannot be read.
    """
    body = load_body(options.body, options.gender, options.num_betas, options.all_ages)
    return body if options.capsules is None else with_capsules(body, options.capsules)
