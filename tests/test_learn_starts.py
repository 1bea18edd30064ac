"""Starts like networks': their size, and where their errors lie."""

import jax
import numpy as np
import pytest
from people import draw_people

from smplify_jax import load_body
from smplify_jax.body.parameters import BodyParameters
from smplify_jax.geometry.metrics import pa_mpjpe
from smplify_jax.learn import starts
from smplify_jax.learn.starts import StartErrors, make_starts

BODY = load_body(num_betas=10)


def drawn(num_people=32):
    people = draw_people(num_people, "coco17", seed=6)
    return people, BodyParameters(**people.parameters)


def joints(bodies):
    return np.asarray(BODY.joints(**bodies.blocks()), np.float64)


@pytest.mark.parametrize("error", [30.0, 90.0])
def test_starts_are_as_wrong_as_asked(error):
    people, truth = drawn()
    start = make_starts(truth, BODY, StartErrors(pa_mpjpe_mm=error, spread=0.0))
    found = [1000 * pa_mpjpe(*pair) for pair in zip(joints(start), people.joints, strict=True)]
    np.testing.assert_allclose(found, error, rtol=0.02)


def test_errors_lie_mostly_along_the_view():
    _, truth = drawn()
    start = make_starts(truth, BODY, StartErrors())
    apart = np.abs(joints(start) - joints(truth))
    assert apart[..., 2].mean() > 1.5 * apart[..., :2].mean()


def test_the_same_seed_gives_the_same_starts():
    _, truth = drawn(4)
    first, again, other = (make_starts(truth, BODY, StartErrors(seed=seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.body_pose, again.body_pose)
    assert np.abs(first.body_pose - other.body_pose).max() > 0.01


def test_the_asked_share_of_the_errors_is_alike_in_all_frames_of_a_track(monkeypatch):
    monkeypatch.setattr(starts, "_NUM_BISECTIONS", 1)  # their size does not matter here
    _, truth = drawn()
    tracks = jax.tree.map(lambda block: np.asarray(block).reshape(16, 2, -1), truth)
    start = starts.make_track_starts(tracks, BODY, StartErrors(repeated=0.9, spread=0.0))
    errors = start.betas - tracks.betas
    assert np.corrcoef(errors[:, 0].ravel(), errors[:, 1].ravel())[0, 1] == pytest.approx(0.9, abs=0.06)
