"""Known measurements of people in videos, before several cameras, and of points in space."""

from __future__ import annotations

import numpy as np
import pytest
from people import draw_people
from rigs import people_inside, ring, seen_by_all

from smplify_jax import InputError, fit_points, fit_sequence, fit_views, load_body, measure_body
from smplify_jax.fitting import views
from smplify_jax.fitting.points_turns import _secant_step

BODY = load_body(num_betas=10)


def statures(betas):
    return measure_body(BODY, betas, names=["stature"])["stature"].value


def test_a_track_of_points_of_unknown_scale_has_the_known_stature_and_its_scale():
    """By the program that fits tracks of one camera and of several, too."""
    person = draw_people(1, "smpl24", seed=2, is_any_way_up=True)
    truth = statures(person.parameters["betas"])
    rows = np.insert(np.asarray(person.joints, np.float64) / 3.0, 3, 1.0, axis=-1)
    result = fit_points(rows, layout="smpl24", scale="free", fps=30.0, height=truth)
    stature = result.measurements(["stature"])["stature"]
    # Two of its standard deviations of 1 cm; the shape prior alone errs by 5 cm on average, as proportions tell little of size.
    np.testing.assert_allclose(stature.value, truth, atol=0.02)
    np.testing.assert_allclose(np.asarray(result.point_scale), 3.0, rtol=0.012)
    assert stature.low is not None
    # 1.645 standard deviations on either side hold 90 %; what the points tell and the population add a little.
    assert 0.008 < float(stature.value[0] - stature.low[0]) < 0.01645


def test_the_scale_of_points_is_found_where_bodies_give_in_to_it():
    # Bodies that ask for a tenth, a fifth and all of what is missing, at the distances of -7 %, 4 % and 2 %.
    share, missing = np.array([0.1, 0.2, 1.0]), np.array([-0.07, 0.04, 0.02])
    first = share * missing
    second = share * (missing - first)
    left = missing - first - _secant_step(first, second, first)
    np.testing.assert_allclose(left, 0, atol=1e-9)
    np.testing.assert_allclose(_secant_step(np.zeros(3), second, first), second)  # nothing is known of the slope


def test_several_cameras_fit_what_is_known_in_every_frame(monkeypatch):
    points, _ = people_inside(1, "coco17")
    seen = []

    def caught(setup, frames):
        seen.append((setup, frames))
        raise InterruptedError

    monkeypatch.setattr(views, "fit_track", caught)
    with pytest.raises(InterruptedError):
        fit_views(
            seen_by_all(ring(3), points[0]), ring(3), layout="coco17", height=1.8, measurements={"waist girth": 0.8}
        )
    setup, frames = seen[0]
    assert set(setup.solvers[0].scene.measures.names) == {"stature", "waist girth"}
    np.testing.assert_allclose(np.sort(frames.known.values), [[0.8, 1.8]])


def test_a_person_has_one_stature_in_all_frames():
    seen = np.ones((8, 17, 3))
    with pytest.raises(InputError, match=r"'stature' has shape \(8,\): give one number for everybody, or 1"):
        fit_sequence(seen, layout="coco17", height=np.full(8, 1.8))
    with pytest.raises(InputError, match="'stature' is 180: give it in m"):
        fit_points(np.ones((8, 24, 4)), layout="smpl24", fps=30, height=180)
