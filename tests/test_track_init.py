"""`fit_sequence(init=...)`: bodies that another network predicted for the frames of a track."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from moving_people import Track, draw_track

from smplify_jax import FitResult, InputError, PredictedBodies, fit_sequence, load_prior
from smplify_jax.body.load import load_body
from smplify_jax.body.parameters import BodyParameters
from smplify_jax.fitting.init_errors import precision_of_error
from smplify_jax.geometry.metrics import pa_mpjpe

NUM_FRAMES = 40  # as in test_sequence, so that both use the same compiled programs


def error_mm(joints: np.ndarray, track: Track) -> float:
    """Mean PA-MPJPE of the frames."""
    return 1000 * float(np.mean([pa_mpjpe(own, true) for own, true in zip(joints, track.joints, strict=True)]))


def predicted(track: Track, mm: float) -> PredictedBodies:
    """The true orientation and the pose with errors of a network's size, half of their variance alike in all frames; nothing else known."""
    std = 1 / np.sqrt(precision_of_error(np.array([mm]), 24, 10).body_pose[0])
    generator = np.random.default_rng(0)
    errors = generator.normal(size=(1, 69)) + generator.normal(size=(NUM_FRAMES, 69))
    return PredictedBodies(
        global_orient=track.parameters["global_orient"],
        body_pose=(track.parameters["body_pose"] + std * errors / np.sqrt(2)).astype(np.float32),
        betas=np.full((NUM_FRAMES, 10), np.nan, np.float32),
        transl=np.full((NUM_FRAMES, 3), np.nan, np.float32),
        focal_length=np.full(NUM_FRAMES, np.nan, np.float32),
        camera_center=np.full((NUM_FRAMES, 2), np.nan, np.float32),
    )


@pytest.fixture(scope="module")
def noisy() -> Track:
    return draw_track(NUM_FRAMES, seed=3, noise=0.03)


@pytest.fixture(scope="module")
def alone(noisy: Track) -> FitResult:
    return fit_sequence(**noisy.as_seen())


@pytest.fixture(scope="module")
def started(noisy: Track) -> FitResult:
    return fit_sequence(**noisy.as_seen(), init=predicted(noisy, 40.0))


def test_a_track_with_predictions_is_nearer_to_the_truth_than_either(noisy, alone, started):
    parameters = {**noisy.parameters, "body_pose": predicted(noisy, 40.0).body_pose}
    start = np.asarray(load_body().joints(**parameters))[:, :24]
    # Measured 23 mm, from predictions of 59 mm and keypoints that give 44 mm.
    assert error_mm(np.asarray(started.joints), noisy) < 0.7 * min(
        error_mm(start, noisy), error_mm(np.asarray(alone.joints), noisy)
    )


def test_a_network_that_knows_nothing_but_the_mean_pose_costs_little(noisy, alone):
    mean = np.tile(np.asarray(load_prior().mean_pose, np.float32), (NUM_FRAMES, 1))
    init = dataclasses.replace(predicted(noisy, 40.0), body_pose=mean)
    joints = np.asarray(load_body().joints(**{**noisy.parameters, "body_pose": mean}))[:, :24]
    told = fit_sequence(**noisy.as_seen(), init=init, init_error=error_mm(joints, noisy))
    assert error_mm(np.asarray(told.joints), noisy) < 1.02 * error_mm(np.asarray(alone.joints), noisy)


def test_no_quality_is_claimed_for_tracks_with_predictions(alone, started):
    assert np.isfinite(alone.quality).all()
    assert np.isnan(started.quality).all()
    assert np.isfinite(started.quality_features.noise).all()


def test_the_smaller_the_expected_error_the_closer_the_fit_stays(noisy, started):
    truth = BodyParameters(**noisy.parameters)
    close = fit_sequence(**noisy.as_seen(), init=truth, init_error=np.full(NUM_FRAMES, 5.0))
    assert error_mm(np.asarray(close.joints), noisy) < 0.5 * error_mm(np.asarray(started.joints), noisy)


def test_frames_without_a_prediction_keep_the_proposal_of_their_keypoints(noisy, alone):
    nobody = predicted(noisy, 40.0)
    nobody = dataclasses.replace(nobody, body_pose=np.full_like(nobody.body_pose, np.nan))
    result = fit_sequence(**noisy.as_seen(), init=nobody)
    np.testing.assert_array_equal(result.body_pose, alone.body_pose)


def test_tracks_side_by_side_are_each_fitted_from_their_own_predictions(noisy, alone, started):
    init = predicted(noisy, 40.0)
    pose = np.stack([init.body_pose, np.full_like(init.body_pose, np.nan)])
    both = PredictedBodies(**{name: np.stack([np.asarray(value)] * 2) for name, value in vars(init).items()})
    both = dataclasses.replace(both, body_pose=pose)
    seen = noisy.as_seen()
    seen["keypoints"] = np.stack([seen["keypoints"]] * 2)
    result = fit_sequence(**seen, init=both)
    np.testing.assert_array_equal(result[0].body_pose, started.body_pose)
    np.testing.assert_array_equal(result[1].body_pose, alone.body_pose)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"init": "vibe"}, "give BodyParameters"),
        ({"init_error": 40.0}, "without init"),
        ({"init": "short"}, "a row for each person"),
        ({"init": "of one track", "keypoints": "of two"}, "a row for each frame of each track"),
        ({"init": "whole", "init_error": np.full(3, 40.0)}, "init_error has shape"),
    ],
)
def test_what_cannot_be_predictions_of_a_track_is_told(noisy, changed, words):
    seen, init = noisy.as_seen(), predicted(noisy, 40.0)
    inits = {"short": init[:5], "of one track": init, "whole": init}
    if "keypoints" in changed:
        seen["keypoints"] = np.stack([seen["keypoints"]] * 2)
    given = {name: value for name, value in changed.items() if name != "keypoints"}
    if isinstance(given.get("init"), str):
        given["init"] = inits.get(given["init"], given["init"])
    with pytest.raises(InputError, match=words):
        fit_sequence(**seen, **given)
