"""A known age: what people of that age measure, as the fit is told."""

from __future__ import annotations

import numpy as np
import pytest

from smplify_jax import InputError, fit, fit_points, load_body, measure_body
from smplify_jax.body.ages import betas_at_age, sizes_at_age
from smplify_jax.fitting.known import as_term_takes_it, known_measurements


def test_the_sizes_of_an_age_are_those_of_its_mean_shape():
    years = np.array([2.0, 4.0, 7.0, 12.0, 16.0, 30.0, 80.0])
    sizes = sizes_at_age(years)
    body = load_body(all_ages=True)
    measured = measure_body(body, betas_at_age(years), names=list(sizes))
    for name, (mean, std) in sizes.items():
        # Shapes are linear between a few ages, and the mean of a skewed index is above its median.
        assert np.all(np.abs(measured[name].value - mean) < 0.5 * std), name
    assert np.all((sizes["stature"][1] > 0.03) & (sizes["stature"][1] < 0.11))


def test_what_is_given_for_a_person_counts_and_the_age_for_the_others():
    known = known_measurements([1.3, np.nan, np.nan], [np.nan, 25.0, np.nan], [8, 8, np.nan], None, 3)
    assert set(known) == {"stature", "mass", "body mass index"}
    mean, std = map(float, sizes_at_age(8)["stature"])
    np.testing.assert_allclose(known["stature"].values, [1.3, mean, np.nan])
    np.testing.assert_allclose(known["stature"].std[:2], [0.01, std])
    np.testing.assert_allclose(known["mass"].values, [np.nan, 25.0, np.nan])
    index = known["body mass index"]
    np.testing.assert_allclose(index.values, [15.9, np.nan, np.nan])  # whose mass is known needs no index
    scale = as_term_takes_it(known)
    assert scale is not None
    of_stature = list(known).index("stature")
    np.testing.assert_allclose(np.asarray(scale.scale)[:, of_stature], [100.0, 1 / std, 0.0], rtol=1e-6)


def test_an_age_is_for_the_body_of_all_ages_and_within_its_range():
    keypoints = np.ones((17, 3))
    with pytest.raises(InputError, match=r"has adults only: fit load_body\(all_ages=True\)"):
        fit(keypoints, layout="coco17", age=7)
    with pytest.raises(InputError, match="age is 1: give years, from 2 to 90"):
        fit_points(np.ones((24, 4)), layout="smpl24", body=load_body(all_ages=True), measurements={"age": 1})
    with pytest.raises(InputError, match="both given"):
        fit(keypoints, layout="coco17", age=7, measurements={"age": 8})
