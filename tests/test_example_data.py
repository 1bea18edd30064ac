"""The packaged picture, its detections and its truth belong together, and to the open body as it is now."""

from __future__ import annotations

import numpy as np
import pytest

from smplify_jax.body.load import load_body
from smplify_jax.cli.example import EXAMPLE_KEYPOINTS, EXAMPLE_PICTURE, ExampleTruth, load_example_truth
from smplify_jax.files.images import load_image
from smplify_jax.keypoints.layouts import get_layout
from smplify_jax.keypoints.load import load_keypoints
from smplify_jax.learn.example import FOCAL_LENGTH, IMAGE_SIZE, NOISE_PX, make_detections, make_truth

REBUILD = "rebuild the example: python -m smplify_jax.learn.example"


@pytest.fixture(scope="module")
def truth() -> ExampleTruth:
    return load_example_truth()


def test_detections_are_the_truth_with_mild_noise(truth: ExampleTruth):
    people = load_keypoints(EXAMPLE_KEYPOINTS)
    assert people.layout == "openpose25"
    assert people.keypoints.shape == (1, 25, 3)
    seen = people.keypoints[0, :, 2] > 0
    assert [
        name for name, is_seen in zip(get_layout("openpose25").keypoint_names, seen, strict=True) if not is_seen
    ] == ["right_ear"]
    noise = people.keypoints[0, seen, :2] - truth.keypoints_px[seen]
    # 48 numbers: the standard deviation is known to about 10 %, and none should be beyond four of them.
    assert noise.std() == pytest.approx(NOISE_PX, rel=0.35), REBUILD
    assert np.abs(noise).max() < 4 * NOISE_PX, REBUILD


def test_detections_are_what_the_tool_makes_today():
    made = make_detections(load_body(), make_truth())
    stored = load_keypoints(EXAMPLE_KEYPOINTS).keypoints[0]
    # Stored with three decimals, and another machine's float32 may round differently.
    np.testing.assert_allclose(stored, made, atol=2e-3, err_msg=REBUILD)


def test_the_picture_shows_the_person_where_the_truth_is(truth: ExampleTruth):
    picture = load_image(EXAMPLE_PICTURE).astype(int)
    assert picture.shape == (IMAGE_SIZE[1], IMAGE_SIZE[0], 3)
    # Nobody stands at the left border: what differs from it in the same row is the person, or their soft shadow.
    difference = np.abs(picture - picture[:, :1]).max(axis=2)
    columns, rows = np.floor(truth.keypoints_px).astype(int).T
    inside = [
        get_layout("openpose25").index(f"{side}_{part}")
        for side in ("left", "right")
        for part in ("knee", "elbow", "hip")
    ]
    assert (difference[rows[inside], columns[inside]] > 30).all(), REBUILD
    assert (difference[:40] < 10).all()


def test_the_example_does_not_have_the_focal_length_that_a_fit_assumes():
    assert abs(np.hypot(*IMAGE_SIZE) / FOCAL_LENGTH - 1) > 0.05
