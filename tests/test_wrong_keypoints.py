"""Keypoints that are not those of one person, for the calibration of the score."""

import numpy as np
import pytest
from people import draw_people

from smplify_jax.keypoints.layouts import get_layout
from smplify_jax.learn.known_people import GROUPS
from smplify_jax.learn.people import LOWER_BODY
from smplify_jax.learn.wrong_keypoints import WRONG, changed

NAMES = get_layout("coco17").keypoint_names
IS_LOW = np.array([any(part in name for part in LOWER_BODY) for name in NAMES])


@pytest.fixture(scope="module")
def keypoints():
    return draw_people(12, "coco17", seed=2).keypoints


def test_every_change_is_a_group_of_the_calibration():
    assert WRONG.keys() <= GROUPS.keys()


def test_parts_of_two_people_keep_the_upper_body_and_take_legs_of_the_same_size(keypoints):
    mixed = changed(keypoints, "coco17", "two people", seed=0)
    np.testing.assert_array_equal(mixed[:, ~IS_LOW], keypoints[:, ~IS_LOW])
    moved = np.linalg.norm(mixed[:, IS_LOW, :2] - keypoints[:, IS_LOW, :2], axis=2)
    height = np.ptp(keypoints[..., 1], axis=1)
    assert (moved.max(axis=1) > 0.02 * height).mean() > 0.8
    assert (moved.max(axis=1) < 1.5 * height).all()


def test_a_wrong_order_has_the_same_points(keypoints):
    mixed = changed(keypoints, "coco17", "wrong order", seed=0)
    for one, other in zip(mixed, keypoints, strict=True):
        np.testing.assert_array_equal(np.sort(one, axis=0), np.sort(other, axis=0))
    assert (mixed != keypoints).any(axis=(1, 2)).all()


def test_points_that_were_not_found_move_nothing_to_infinity(keypoints):
    some = keypoints.copy()
    some[:, ::2] = 0
    assert np.isfinite(changed(some, "coco17", "two people", seed=1)).all()


def test_the_same_seed_changes_the_same_way(keypoints):
    for change in WRONG:
        one, other = (changed(keypoints, "coco17", change, seed=3) for _ in range(2))
        np.testing.assert_array_equal(one, other)
