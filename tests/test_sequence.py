"""`fit_sequence`: tracks of keypoints to bodies that move."""

from __future__ import annotations

import dataclasses

import jax
import numpy as np
import pytest
from moving_people import Track, draw_track
from numpy.typing import ArrayLike

from smplify_jax import FitResult, FitStatus, InputError, fit, fit_sequence
from smplify_jax.fitting import tracks
from smplify_jax.fitting.track_program import _inputs
from smplify_jax.geometry.metrics import pa_mpjpe
from smplify_jax.quality.score import load_quality_model
from smplify_jax.terms.track import linearize_track

NUM_FRAMES = 40


def error_mm(result: FitResult, track: Track) -> float:
    joints = zip(np.asarray(result.joints, np.float64), track.joints, strict=True)
    return 1000 * float(np.mean([pa_mpjpe(own, true) for own, true in joints]))


def shaking(joints: ArrayLike) -> float:
    """Mean acceleration [m/s^2] at 30 fps."""
    return float(np.linalg.norm(900 * np.diff(np.asarray(joints), n=2, axis=0), axis=-1).mean())


@pytest.fixture(scope="module")
def noisy() -> Track:
    return draw_track(NUM_FRAMES, seed=3, noise=0.02)


@pytest.fixture(scope="module")
def fitted(noisy: Track) -> FitResult:
    return fit_sequence(**noisy.as_seen())


def test_frames_fitted_together_are_nearer_to_the_truth_and_shake_less_than_frames_fitted_alone(noisy, fitted):
    seen = noisy.as_seen()
    del seen["times"]
    alone = fit(**seen)
    assert error_mm(fitted, noisy) < 0.9 * error_mm(alone, noisy)
    assert shaking(fitted.joints) < 0.1 * shaking(alone.joints)


def test_a_track_has_one_shape_and_a_status_and_deviations_for_every_frame(fitted):
    assert np.ptp(np.asarray(fitted.betas), axis=0).max() == 0
    assert set(fitted.statuses()) == {FitStatus.CONVERGED}
    std = np.asarray(fitted.joints_std)
    assert std.shape == (NUM_FRAMES, 24, 3)
    assert ((std > 0.001) & (std < 0.5)).all()


def test_every_frame_has_a_score_which_knows_noise_and_is_the_one_of_tracks(noisy, fitted, exact):
    quality = np.asarray(fitted.quality)
    assert ((quality > 0) & (quality < np.asarray(exact.quality).mean())).all()
    of_tracks, features = load_quality_model(of="tracks"), fitted.quality_features
    np.testing.assert_allclose(quality, of_tracks(features), rtol=1e-5)
    spread = np.linalg.norm(fitted.joints_std, axis=-1).mean(axis=1)
    np.testing.assert_allclose(of_tracks.std_scale * features.joint_std, spread, rtol=1e-4)


@pytest.fixture(scope="module")
def exact() -> FitResult:
    return fit_sequence(**draw_track(NUM_FRAMES, seed=5).as_seen())


def test_exact_keypoints_are_met(exact):
    height = np.asarray(exact.person_height_px)[:, None]
    assert np.nanmedian(exact.reprojection_error_px / height) < 0.01


def test_errors_that_repeat_from_frame_to_frame_do_not_make_an_extreme_shape(noisy):
    track = draw_track(NUM_FRAMES, seed=3)
    seen = track.as_seen()
    height_px = np.ptp(seen["keypoints"][..., 1], axis=1).max()
    biases = np.random.default_rng(2).normal(0.0, 0.02 * height_px, (17, 2))
    seen["keypoints"] = seen["keypoints"] + np.pad(biases, ((0, 0), (0, 1))).astype(np.float32)
    result = fit_sequence(**seen)
    del seen["times"]
    alone = np.median(fit(**seen).betas, axis=0)
    # Measured 1.4; taken for evidence of independent frames, the errors make it 2.2.
    assert np.linalg.norm(result.betas[0]) < 1.7 * np.linalg.norm(alone)


def test_forty_frames_of_one_camera_tell_as_much_of_the_shape_as_a_few_pictures(noisy, fitted):
    seen = noisy.as_seen()
    del seen["times"]

    def evidence(covariances: ArrayLike | None) -> float:
        """Beyond the population's, of the mean beta."""
        assert covariances is not None
        return float(np.mean([np.trace(np.linalg.inv(one)) / 10 - 1 for one in np.asarray(covariances, np.float64)]))

    alone, together = evidence(fit(**seen).betas_covariance), evidence(fitted.betas_covariance[:1])
    # Three times as much: `tracks.ONE_CAMERA`. As independent frames they would tell forty times as much.
    assert alone < together < 6 * alone


def test_velocities_are_those_of_the_joints(fitted, noisy):
    joints, velocities = np.asarray(fitted.joints), np.asarray(fitted.velocities)
    np.testing.assert_allclose(velocities[1:-1], (joints[2:] - joints[:-2]) * 15, atol=1e-3)


def test_a_batch_of_tracks_equals_the_loop_to_the_bit_and_one_does_not_touch_the_other(noisy, fitted):
    broken = np.full_like(noisy.keypoints, np.nan)
    seen = noisy.as_seen() | {"keypoints": np.stack([noisy.keypoints, broken, noisy.keypoints])}
    batch = fit_sequence(**seen)
    assert batch.status.shape == (3, NUM_FRAMES)
    assert batch[0] == fitted
    assert batch[2] == fitted
    assert set(batch[1].statuses()) == {FitStatus.TOO_FEW_KEYPOINTS}
    assert np.isnan(batch[1].joints).all()


def test_gaps_are_filled_and_said_to_be_and_long_ones_are_left_open(noisy, fitted):
    keypoints = noisy.keypoints.copy()
    keypoints[:3] = 0  # nobody yet
    keypoints[10:15] = np.nan
    keypoints[25:35] = 0
    result = fit_sequence(**noisy.as_seen() | {"keypoints": keypoints}, max_gap=0.25)
    status = np.asarray(result.status)
    assert (status[10:15] == FitStatus.FILLED).all()
    assert (status[[*range(3), *range(25, 35)]] == FitStatus.TOO_FEW_KEYPOINTS).all()
    assert np.isfinite(result.joints[10:15]).all()
    assert np.isnan(result.joints[25:35]).all()
    assert np.isnan(np.asarray(result.velocities)[25:35]).all()
    near = np.linalg.norm(np.asarray(result.joints)[10:15] - noisy.joints[10:15], axis=-1).mean()
    assert near < 0.25
    # What is not seen is less certain.
    assert np.mean(result.joints_std[12]) > np.mean(fitted.joints_std[12])
    is_seen = status == FitStatus.CONVERGED
    assert np.isfinite(result.quality[is_seen]).all()
    assert np.isnan(result.quality[~is_seen]).all()
    assert np.isnan(result.quality_features.noise[~is_seen]).all()


def test_frames_that_disagree_with_all_others_are_outvoted(noisy, fitted):
    keypoints = noisy.keypoints.copy()
    flip = np.array([0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15])
    keypoints[18:20] = keypoints[18:20, flip]
    keypoints[30, :, :2] += 300
    result = fit_sequence(**noisy.as_seen() | {"keypoints": keypoints})
    # Relative to the pelvis: how far away a person is, one camera hardly knows, and every change of the input moves it.
    own, undisturbed = (np.asarray(one.joints) - np.asarray(one.joints)[:, :1] for one in (result, fitted))
    apart = np.linalg.norm(own - undisturbed, axis=-1).mean(axis=1)
    assert apart.max() < 0.1


def test_times_replace_the_frame_rate(noisy):
    seen = noisy.as_seen()
    by_rate = fit_sequence(**{name: value for name, value in seen.items() if name != "times"}, fps=30)
    assert np.abs(np.asarray(by_rate.joints) - np.asarray(fit_sequence(**seen).joints)).max() < 1e-3
    every_other = np.r_[0:20, 20:NUM_FRAMES:2]
    thinned = fit_sequence(**seen | {"keypoints": seen["keypoints"][every_other], "times": seen["times"][every_other]})
    assert error_mm(thinned, dataclasses.replace(noisy, joints=noisy.joints[every_other])) < 1.3 * error_mm(
        by_rate, noisy
    )


def test_windows_of_a_long_track_meet_without_a_jump(noisy, fitted, monkeypatch):
    monkeypatch.setattr(tracks, "WINDOW_SIZES", (32,))
    monkeypatch.setattr(tracks, "CONTEXT", 8)
    in_windows = fit_sequence(**noisy.as_seen())
    assert np.ptp(np.asarray(in_windows.betas), axis=0).max() == 0
    acceleration = np.linalg.norm(900 * np.diff(np.asarray(in_windows.joints), n=2, axis=0), axis=-1).mean(axis=1)
    at_seams = acceleration[[14, 15, 30, 31]]
    assert at_seams.max() < 2 * np.median(acceleration) + 1
    assert abs(error_mm(in_windows, noisy) - error_mm(fitted, noisy)) < 3


@pytest.mark.parametrize("num_frames", [1, 2, 3])
def test_tracks_of_a_few_frames_are_fitted(noisy, num_frames):
    seen = noisy.as_seen()
    result = fit_sequence(**seen | {"keypoints": seen["keypoints"][:num_frames], "times": seen["times"][:num_frames]})
    assert len(result) == num_frames
    assert all(status.is_usable for status in result.statuses())


def test_a_result_of_tracks_is_saved_and_read_and_its_tracks_are_its_items(noisy, fitted, tmp_path):
    seen = noisy.as_seen() | {"keypoints": np.stack([noisy.keypoints] * 2)}
    both = fit_sequence(**seen)
    both.save(tmp_path / "both.npz")
    assert FitResult.load(tmp_path / "both.npz") == both
    assert both[1] == fitted
    assert "40 people" in repr(both[1])
    assert "<table>" in both._repr_html_()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"keypoints": np.zeros((4, 3))}, "shape"),
        ({"keypoints": np.zeros((0, 17, 3))}, "no frames"),
        ({"keypoints": "walk.npz"}, "keypoints"),
        ({"layout": "openpose25"}, "openpose25"),
        ({"times": np.zeros(NUM_FRAMES)}, "increasing"),
        ({"times": [0.0, 1.0]}, "times"),
        ({"times": None, "fps": 0}, "fps"),
        ({"times": None, "fps": "30"}, "fps"),
        ({"max_gap": -1.0}, "max_gap"),
        ({"camera": "search"}, "camera"),
        ({"num_betas": 0}, "num_betas"),
    ],
)
def test_what_cannot_be_a_track_is_told(noisy, changed, words):
    with pytest.raises(InputError, match=words):
        fit_sequence(**noisy.as_seen() | changed)


def test_the_gradient_of_a_track_is_that_of_its_energy(noisy, monkeypatch):
    caught = []
    fit_all = tracks._fit_all
    monkeypatch.setattr(
        tracks, "_fit_all", lambda setup, jobs: caught.append((setup.network, *jobs)) or fit_all(setup, jobs)
    )
    fit_sequence(**noisy.as_seen())
    setup, job = caught[0]
    inputs = _inputs(setup, tracks._motion_prior(), job.options, job.frames)
    start, weights = jax.tree.map(np.asarray, job.frames.start), job.options.weights
    model = jax.jit(linearize_track)(setup.scene, weights, inputs, start)
    direction = np.random.default_rng(2).normal(size=model.gradient.shape).astype(np.float32)
    columns = jax.tree.map(lambda leaf: leaf[0], start).columns()
    direction[:, columns.betas] = direction[0, columns.betas]

    @jax.jit
    def energy(step):
        moved = jax.vmap(lambda one, by: one.retract(by))(start, step * direction)
        return linearize_track(setup.scene, weights, inputs, moved).energy

    by_step = [(energy(step) - energy(-step)) / (2 * step) for step in (2e-4, 4e-4)]
    # Central differences of two widths, extrapolated: their error falls from the second to the fourth power of the step.
    extrapolated = float((4 * by_step[0] - by_step[1]) / 3)
    assert extrapolated == pytest.approx(2 * float(np.sum(model.gradient * direction)), rel=0.01)
