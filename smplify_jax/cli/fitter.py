"""Make the fitters of people and tracks from a command's options."""

from __future__ import annotations

from smplify_jax.body.capsule_files import with_capsules
from smplify_jax.body.load import load_body
from smplify_jax.body.model import BodyModel
from smplify_jax.cli.program import wrong_usage
from smplify_jax.cli.shared_options import BodyOptions, CameraOptions, KnownOptions, TrackLimits
from smplify_jax.datasets.job.fitter import PeopleFitter
from smplify_jax.datasets.job.track_fitter import TrackFitter
from smplify_jax.datasets.job.tracks import TrackChoices
from smplify_jax.fitting.known import check_known, known_measurements
from smplify_jax.fitting.profiles import DEFAULT, get_profile
from smplify_jax.fitting.stages import Profile
from smplify_jax.prior.load import load_prior


def people_fitter(
    options: BodyOptions, camera: CameraOptions, known: KnownOptions, *, guesses_cameras: bool
) -> PeopleFitter:
    """Read the body and the prior, and make the fitter.

    Args:
        options: what is fitted, and how.
        camera: the camera of pictures for which the input does not give one.
        known: measurements of everybody that are known.
        guesses_cameras: whether to fit people whose picture size is not known.

    Raises:
        UsageError: there is no such profile, or a number cannot be a person's measurement.
        InputError: the body, its capsules or the prior cannot be read.
    """
    body = body_of(options)
    with wrong_usage():
        profile = get_profile(options.profile)
    check_known_options(known, body, profile)
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
        known=known.known,
    )


def track_fitter(
    options: BodyOptions, camera: CameraOptions, limits: TrackLimits, known: KnownOptions, *, guesses_cameras: bool
) -> TrackFitter:
    """Read the body and the prior, and make the fitter of tracks.

    Args:
        options: what is fitted.
        camera: the camera of videos for which the input does not give one.
        limits: what makes a track.
        known: measurements of everybody that are known.
        guesses_cameras: whether to fit people whose picture size is not known.

    Raises:
        UsageError: a number cannot be a person's measurement.
        InputError: the body, its capsules or the prior cannot be read.
    """
    body = body_of(options)
    check_known_options(known, body)
    return TrackFitter(
        body=body,
        prior=load_prior(options.prior),
        num_betas=options.num_betas,
        focal_length=camera.focal_length,
        camera_center=camera.camera_center,
        guesses_cameras=guesses_cameras,
        known=known.known,
        tracks=TrackChoices(limits.fps, limits.max_gap, limits.min_frames),
    )


def check_known_options(options: KnownOptions, body: BodyModel, profile: Profile = DEFAULT) -> None:
    """Raise UsageError if a number cannot be a person's measurement, or the profile does not use what is known."""
    with wrong_usage():
        check_known(known_measurements(None, None, None, options.known, 1), body, profile)


def body_of(options: BodyOptions) -> BodyModel:
    """The body to fit, with its capsules if the options name some.

    Raises:
        InputError: the body or its capsules cannot be read.
    """
    body = load_body(options.body, options.gender, options.num_betas, options.all_ages)
    return body if options.capsules is None else with_capsules(body, options.capsules)
