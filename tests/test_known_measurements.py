"""Intervals of measurements, and fits that know some: synthetic people of known shape."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from people import IMAGE_SIZE, draw_people

from smplify_jax import FitResult, InputError, fit, load_body, measure_body
from smplify_jax.measurements.intervals import measured_with_intervals

NAMES = ("stature", "mass", "outer arm length")  # no girth: quick to compile


@pytest.fixture(scope="module")
def people():
    return draw_people(8, "coco17", seed=3)  # as tests/test_quality.py fits: one compiled program


@pytest.fixture(scope="module")
def truth(people):
    return measure_body(load_body(num_betas=10), people.parameters["betas"], names=NAMES)


def width(one):
    return np.asarray(one.high) - np.asarray(one.low)


def fitted(people, **known):
    return fit(people.keypoints, layout="coco17", image_size=IMAGE_SIZE, camera=people.focal_length, **known)


@pytest.fixture(scope="module")
def plain(people):
    return fitted(people)


@pytest.fixture(scope="module")
def informed(people, truth):
    """Nobody knows the last person's stature."""
    return fitted(people, height=np.append(truth["stature"].value[:-1], np.nan))


def test_a_known_stature_is_kept_and_brings_the_person_to_its_distance(people, truth, plain, informed):
    errors, distances = [], []
    for result in (plain, informed):
        errors.append(np.abs(result.measurements(NAMES)["stature"].value - truth["stature"].value)[:-1])
        true = np.linalg.norm(people.joints[:, 0], axis=1)
        distances.append(np.abs(np.linalg.norm(result.joints[:, 0], axis=1) / true - 1)[:-1])
    assert errors[1].max() < 0.02 < errors[0].max()  # two of its standard deviations of 1 cm
    assert distances[1].mean() < 0.7 * distances[0].mean()


def test_who_has_no_known_stature_is_fitted_as_without_one(plain, informed):
    np.testing.assert_allclose(informed.betas[-1], plain.betas[-1], atol=1e-3)
    np.testing.assert_allclose(informed.transl[-1], plain.transl[-1], atol=2e-3)


def test_what_is_known_makes_its_interval_narrow(plain, informed):
    widths = [width(result.measurements(NAMES)["stature"]) for result in (plain, informed)]
    # A standard deviation of 1 cm, of which 1.645 on either side hold 90 %; the population adds a little knowledge.
    assert np.all((widths[1][:-1] > 0.025) & (widths[1][:-1] < 2 * 0.01645))
    np.testing.assert_allclose(widths[1][-1], widths[0][-1], rtol=0.02)


def test_intervals_are_narrower_than_among_all_adults(plain):
    body, betas = load_body(num_betas=10), np.asarray(plain.betas)
    ours = measured_with_intervals(body, betas, plain.betas_covariance, NAMES)
    of_all = measured_with_intervals(body, betas, None, NAMES)
    assert np.all(width(ours) < width(of_all))
    np.testing.assert_allclose(ours.numbers - np.asarray(ours.low), 0.5 * width(ours), rtol=1e-3)


def test_an_interval_of_the_population_is_that_of_random_shapes():
    body = load_body(num_betas=10)
    shapes = np.random.default_rng(0).normal(size=(4000, 10))
    low, high = np.percentile(measure_body(body, shapes, names=NAMES).numbers, [5, 95], axis=0)
    of_all = measured_with_intervals(body, np.zeros(10), None, NAMES)
    # Mass is skewed, by which its interval is off by a tenth; percentiles of 4,000 draws by a twentieth.
    np.testing.assert_allclose(width(of_all), high - low, rtol=0.1)


def test_a_saved_result_keeps_its_intervals_and_an_older_file_has_the_populations(plain, tmp_path):
    plain.save(tmp_path / "new.npz")
    loaded = FitResult.load(tmp_path / "new.npz")
    assert loaded == plain
    replace(plain, betas_covariance=None).save(tmp_path / "old.npz")
    old = FitResult.load(tmp_path / "old.npz")
    assert old.betas_covariance is None
    assert np.all(width(old.measurements(NAMES)["mass"]) > width(loaded.measurements(NAMES)["mass"]))


def test_wrong_measurements_are_explained(people):
    wrong = {
        r"The measurement 'stature' is 175: give it in m, between 0\.3\d+ and 8\.4": {"height": 175},
        "give one number for everybody, or 8": {"height": [1.7, 1.8]},
        "There is no measurement 'waist'": {"measurements": {"waist": 0.8}},
        "both given": {"mass": 70, "measurements": {"mass": 71}},
        "give a number": {"mass": "heavy"},
        "give a dictionary": {"measurements": ["mass"]},
        "does not use known measurements": {"height": 1.7, "profile": "spin"},
    }
    for message, known in wrong.items():
        with pytest.raises(InputError, match=message):
            fitted(people, **known)
    with pytest.raises(InputError, match="coverage is 90"):
        measured_with_intervals(load_body(num_betas=10), np.zeros(10), None, NAMES, coverage=90)
