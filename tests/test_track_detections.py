"""Detections over time: noise that drifts, and errors that stay for several frames."""

from dataclasses import replace

import numpy as np
import pytest

from smplify_jax.keypoints.layouts import get_layout
from smplify_jax.learn.video.detections import EXACT_TRACK, TrackDetector, detect_track

LAYOUT = get_layout("coco17")
TIMES = np.arange(6000) / 30
HEIGHT = np.full(6000, 400.0)
IMAGE_SIZE = np.array([1000.0, 800.0])
POINTS = np.random.default_rng(0).uniform(200, 600, size=(1, 17, 2)).repeat(6000, axis=0)


def _detect(detector: TrackDetector) -> np.ndarray:
    return detect_track(POINTS, HEIGHT, TIMES, IMAGE_SIZE, LAYOUT, detector, np.random.default_rng(1))


def _lengths(is_on: np.ndarray) -> np.ndarray:
    """Lengths of the runs of true values in the columns (T, M), those at the ends apart."""
    edges = np.diff(is_on.astype(int), axis=0)
    found = []
    for column in edges.T:
        starts, ends = np.flatnonzero(column == 1), np.flatnonzero(column == -1)
        ends = ends[ends > starts[0]] if len(starts) else ends[:0]
        found += [end - start for start, end in zip(starts, ends, strict=False)]
    return np.array(found)


@pytest.mark.parametrize("drift_share", [0.0, 0.5, 1.0])
def test_noise_keeps_its_size_and_only_its_drift_is_remembered(drift_share: float):
    found = _detect(replace(EXACT_TRACK, noise=0.02, noise_spread=0.0, drift_share=drift_share))
    error = (found[..., :2] - POINTS).reshape(6000, -1)
    assert error.std() == pytest.approx(
        8.0, rel=0.05
    )  # 2 % of 400 px; 200 s hold some 200 independent drifts of each of 34
    for lag in (1, 15):
        expected = drift_share * np.exp(-lag / 30 / 0.5)
        assert np.mean(error[lag:] * error[:-lag]) / error.var() == pytest.approx(expected, abs=0.03)


def test_confidence_tells_the_noise():
    found = _detect(replace(EXACT_TRACK, noise=0.02))
    error = np.linalg.norm(found[..., :2] - POINTS, axis=-1)
    sure = found[..., 2] > 0.9
    assert 0.05 < sure.mean() < 0.95
    assert error[sure].mean() < 0.8 * error[~sure].mean()


def test_limbs_are_lost_together_for_their_time():
    is_lost = _detect(replace(EXACT_TRACK, missing_runs=0.1))[..., 2] == 0
    wrist, elbow, nose = (is_lost[:, LAYOUT.index(name)] for name in ("left_wrist", "left_elbow", "nose"))
    np.testing.assert_array_equal(wrist, elbow)
    assert not nose.any()
    limbs = is_lost[:, [LAYOUT.index(f"{side}_{part}") for side in ("left", "right") for part in ("wrist", "ankle")]]
    assert limbs.mean() == pytest.approx(0.1, abs=0.04)  # some 130 runs in all
    lengths = _lengths(limbs)
    assert lengths.min() >= 5  # 0.2 s are six frames, or five where two ends fall between frames
    assert lengths.max() <= 31
    assert lengths.mean() == pytest.approx(18, abs=3)


def test_outliers_in_runs_stay_where_they_are():
    found = _detect(replace(EXACT_TRACK, outlier_runs=0.05))[..., :2]
    is_outlier = np.linalg.norm(found - POINTS, axis=-1) > 1
    assert is_outlier.mean() == pytest.approx(0.05, abs=0.015)
    assert _lengths(is_outlier).mean() == pytest.approx(9, abs=1.5)
    stays = is_outlier[1:] & is_outlier[:-1]
    moved = np.linalg.norm(np.diff(found, axis=0), axis=-1)[stays]
    assert np.mean(moved > 1e-3) < 0.02  # where a run follows directly upon another


def test_sides_are_exchanged_in_runs():
    found = _detect(replace(EXACT_TRACK, swap_runs=0.05))[..., :2]
    flip = list(LAYOUT.flip)
    is_swapped = np.all(np.isclose(found, POINTS[:, flip], rtol=1e-6), axis=-1)
    knees, ankles = (is_swapped[:, LAYOUT.index(f"left_{part}")] for part in ("knee", "ankle"))
    np.testing.assert_array_equal(knees, ankles)
    assert knees.mean() == pytest.approx(0.05, abs=0.03)
    assert not is_swapped[:, LAYOUT.index("left_ear")].any()


def test_points_outside_the_picture_are_not_found():
    found = detect_track(
        POINTS,
        HEIGHT,
        TIMES,
        np.array([400.0, 800.0]),
        LAYOUT,
        replace(EXACT_TRACK, is_cropped=True),
        np.random.default_rng(1),
    )
    np.testing.assert_array_equal(found[..., 2] == 0, POINTS[..., 0] > 400)


def test_settings_of_one_error_leave_the_others_alone():
    usual, louder = (_detect(TrackDetector(noise=noise)) for noise in (0.01, 0.04))
    np.testing.assert_array_equal(usual[..., 2], louder[..., 2])
    exact = _detect(TrackDetector(noise=0.0, outliers=0.0, outlier_runs=0.0))
    np.testing.assert_array_equal(usual[..., 2] == 0, exact[..., 2] == 0)
