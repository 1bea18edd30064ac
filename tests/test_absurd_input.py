"""Absurd input is reported instead of fitted, absurd fits are not called converged, and every usable fit is finite."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from people import IMAGE_SIZE, draw_people

from smplify_jax import BodyParameters, Camera, FitStatus, fit, get_layout
from smplify_jax.errors import InputWarning
from smplify_jax.learn.people import Detector, detect

NUM_PEOPLE = 16
PEOPLE = draw_people(NUM_PEOPLE, "coco17")
OTHERS = np.arange(1, NUM_PEOPLE)
CENTER = np.array(IMAGE_SIZE) / 2


def fit_people(keypoints=PEOPLE.keypoints, **options):
    return fit(keypoints, **{"layout": "coco17", "image_size": IMAGE_SIZE, "camera": PEOPLE.focal_length, **options})


def camera(focal_length=None, center=None):
    """The true cameras, but for person 0."""
    focal = np.repeat(PEOPLE.focal_length[:, None], 2, axis=1)
    centers = np.tile(CENTER, (NUM_PEOPLE, 1))
    focal[0] = focal[0] if focal_length is None else focal_length
    centers[0] = centers[0] if center is None else center
    return Camera(focal, centers)


def fractions(low=0.0, high=1.0):
    keypoints = PEOPLE.keypoints.copy()
    keypoints[0, :, :2] = low + (high - low) * keypoints[0, :, :2] / IMAGE_SIZE
    return keypoints


@pytest.fixture(scope="module")
def expected():
    return fit_people()


@pytest.mark.parametrize(
    ("keypoints", "options", "message"),
    [
        (fractions(), {}, "within two pixels"),
        (fractions(-1, 1), {}, "within two pixels"),
        (PEOPLE.keypoints, {"camera": camera(35)}, "millimetres"),
        (PEOPLE.keypoints, {"camera": camera(1.2)}, "millimetres"),
        (PEOPLE.keypoints, {"camera": camera(50), "image_size": None}, "millimetres"),
        (PEOPLE.keypoints, {"camera": camera(center=(1e5, 300))}, "far outside their picture"),
    ],
)
def test_an_implausible_person_is_not_fitted_and_changes_no_bit_of_the_others(expected, keypoints, options, message):
    with pytest.warns(InputWarning, match=message) as said:
        fitted = fit_people(keypoints, **options)
    assert len(said) == 1
    assert "1 of 16 people (the first is person 0)" in str(said[0].message)
    assert fitted.statuses()[0] is FitStatus.IMPLAUSIBLE
    assert np.isnan(fitted.joints[0]).all()
    np.testing.assert_array_equal(fitted.joints[OTHERS], expected.joints[OTHERS])
    np.testing.assert_array_equal(fitted.status[OTHERS], expected.status[OTHERS])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"image_size": (320, 240), "camera": Camera(PEOPLE.focal_length[:, None], np.array([160.0, 120.0]))}, "outside their picture"),
        ({"image_size": (640, 480), "camera": Camera(PEOPLE.focal_length[:, None], CENTER + 500)}, "beside their picture"),
    ],
)  # fmt: skip
def test_what_may_be_meant_is_fitted_with_a_warning(options, message):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fitted = fit_people(**options)
    assert sum(message in str(warning.message) for warning in caught) == 1
    assert all(status.is_usable for status in fitted.statuses())


def test_a_truncated_person_and_a_cut_out_are_said_nothing_of():
    keypoints = PEOPLE.keypoints - np.array([0, IMAGE_SIZE[1] / 2, 0], np.float32)
    size = (IMAGE_SIZE[0], IMAGE_SIZE[1] // 2)
    most = ((keypoints[..., 1] < 0) & (keypoints[..., 2] > 0)).mean(axis=1) <= 0.5
    center = CENTER - [0, IMAGE_SIZE[1] / 2]
    chosen = PEOPLE.focal_length[most][:, None]
    fitted = fit(
        keypoints[most], layout="coco17", image_size=size, camera=Camera(chosen, center)
    )  # warnings are errors here
    assert all(status.is_usable for status in fitted.statuses())


def test_keypoints_of_nobody_are_a_poor_fit():
    rng = np.random.default_rng(1)
    keypoints = PEOPLE.keypoints.copy()
    keypoints[..., :2] = rng.uniform(0, IMAGE_SIZE[1], keypoints[..., :2].shape)
    fitted = fit_people(keypoints)
    is_poor = np.array([status is FitStatus.POOR_FIT for status in fitted.statuses()])
    assert is_poor.mean() > 0.9  # 247 of 256 people drawn so
    np.testing.assert_array_equal(is_poor, np.asarray(fitted.quality_features.error_2d) > 0.1)
    assert FitStatus.POOR_FIT.is_usable
    assert np.isfinite(fitted.joints).all()


@pytest.mark.filterwarnings("ignore::smplify_jax.errors.InputWarning")
def test_a_body_outside_the_picture_is_a_poor_fit():
    keypoints = PEOPLE.keypoints + np.array([0, 3 * IMAGE_SIZE[1], 0], np.float32)
    fitted = fit_people(keypoints, camera=Camera(PEOPLE.focal_length[:, None], CENTER * [1, 7]))
    assert np.all(np.asarray(fitted.quality_features.error_2d) < 0.1)
    assert set(fitted.statuses()) == {FitStatus.POOR_FIT}


def test_ordinary_noise_and_outliers_make_no_fit_poor():
    people = draw_people(256, "coco17", seed=3)
    detector = Detector(noise=0.04, outliers=0.03)
    points = people.keypoints[..., :2].astype(float)
    keypoints = detect(points, people.height_px, get_layout("coco17"), detector, np.random.default_rng(0))
    fitted = fit(keypoints, layout="coco17", image_size=IMAGE_SIZE, camera=people.focal_length)
    is_poor = [status is FitStatus.POOR_FIT for status in fitted.statuses()]
    assert (
        np.mean(is_poor) < 0.01
    )  # one of 2,000 people drawn so in three layouts; by the mean error it would be one in eleven


def absurd(name):
    """Arguments of people, each with one number of a magnitude from 1e-38 to 1e38."""
    rng = np.random.default_rng(7)
    factor = 10.0 ** rng.uniform(-38, 38, (NUM_PEOPLE, 1))
    keypoints, cameras = PEOPLE.keypoints.astype(float), camera()
    focal, center = np.asarray(cameras.focal_length, float), np.asarray(cameras.camera_center)
    size = np.tile(np.array(IMAGE_SIZE, float), (NUM_PEOPLE, 1))
    unknown = np.full_like(size, np.nan)
    xy = np.array([1, 1, 0])
    return {
        "points": {"keypoints": keypoints * np.where(xy, factor[:, None], 1)},
        "place": {"keypoints": keypoints + xy * factor[:, None]},
        "confidence": {"keypoints": keypoints * np.where(xy, 1, factor[:, None])},
        "focal": {"camera": Camera(focal * factor, center)},
        "focal_unsized": {"camera": Camera(focal * factor, center), "image_size": unknown},
        "focal_x": {"camera": Camera(focal * np.c_[factor, np.ones_like(factor)], center), "image_size": unknown},
        "center": {"camera": Camera(focal, center * factor)},
        "center_unsized": {"camera": Camera(focal, center * factor), "image_size": unknown},
        "size": {"image_size": size * factor},
        "start": {
            "init": BodyParameters(**{k: np.asarray(v, float) * factor for k, v in PEOPLE.parameters.items()}),
        },
    }[name]


@pytest.mark.filterwarnings("ignore::smplify_jax.errors.InputWarning")
@pytest.mark.parametrize(
    "name",
    ["points", "place", "confidence", "focal", "focal_unsized", "focal_x", "center", "center_unsized", "size", "start"],
)
def test_whoever_is_usable_is_finite_whatever_the_magnitudes(name):
    fitted = fit_people(**absurd(name))  # a RuntimeWarning is an error here
    is_usable = np.array([status.is_usable for status in fitted.statuses()])
    unknown = {"start_margin"} | ({"quality"} if name == "start" else set())
    for field, value in fitted.arrays().items():
        if value.dtype.kind == "f":
            rows = value.reshape(NUM_PEOPLE, -1)
            assert not np.isinf(rows).any()
            assert np.isnan(rows[~is_usable]).all()
            assert field in unknown or field.startswith("quality_features") or np.isfinite(rows[is_usable]).all()


def test_integer_codes_in_files_stay_what_they_were():
    names = ("CONVERGED", "STEP_LIMIT", "TOO_FEW_KEYPOINTS", "NON_FINITE", "IMPLAUSIBLE", "POOR_FIT", "FILLED")
    assert [FitStatus[name] for name in names] == list(range(7))
    assert len(FitStatus) == len(names)
