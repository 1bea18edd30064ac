"""Initial bodies from callers, and their precisions."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest
from people import IMAGE_SIZE, draw_people

from smplify_jax import fit
from smplify_jax.body.parameters import BodyParameters
from smplify_jax.errors import InputError
from smplify_jax.fitting.initialization import anchor_from_init


@pytest.fixture(scope="module")
def people():
    return draw_people(4, "coco17", seed=8)


def start_near(people, off=0.2):
    blocks = {name: jnp.asarray(value) for name, value in people.parameters.items()}
    blocks["body_pose"] = blocks["body_pose"] + off
    return BodyParameters(**blocks)


def fit_from(people, **choices):
    return fit(people.keypoints, layout="coco17", image_size=IMAGE_SIZE, camera=people.focal_length, **choices)


def apart(result, start):
    return float(np.abs(np.asarray(result.body_pose) - np.asarray(start.body_pose)).mean())


def test_the_surer_the_caller_the_closer_the_fit_stays(people):
    start = start_near(people)
    free, held, fixed = (apart(fit_from(people, init=start, init_precision=p), start) for p in (0.0, 100.0, 1e6))
    assert fixed < held < free
    assert fixed < 0.01


def test_no_anchor_is_as_no_precision(people):
    start = start_near(people)
    without = fit_from(people, init=start, init_precision=100.0, anchor=None)
    np.testing.assert_allclose(without.body_pose, fit_from(people, init=start).body_pose, atol=1e-5)


def test_precisions_can_differ_by_number(people):
    start = start_near(people)
    body_pose = np.zeros((4, 69), np.float32)
    body_pose[:, :9] = 1e6
    precision = dataclasses.replace(start, body_pose=body_pose, betas=np.zeros(10))
    moved = np.abs(np.asarray(fit_from(people, init=start, init_precision=precision).body_pose - start.body_pose))
    assert moved[:, :9].max() < 0.01 < moved[:, 9:].mean()


@pytest.mark.parametrize(
    ("precision", "words"),
    [
        (-1.0, "negative"),
        (np.nan, "not finite"),
        (np.ones(69), "one number"),
        (BodyParameters(*(np.ones(7),) * 4), "expected"),
    ],
)
def test_a_wrong_precision_is_told_in_a_sentence(people, precision, words):
    with pytest.raises(InputError, match=words):
        anchor_from_init(start_near(people), precision)


def test_a_precision_needs_a_start():
    with pytest.raises(InputError, match="without init"):
        anchor_from_init(None, 1.0)
