"""People for tests of company: rows of a data set some of whom need more passes and steps than others."""

import jax
import numpy as np
from people import IMAGE_SIZE, draw_people

from smplify_jax.keypoints.rows import DatasetRow

NUM_PEOPLE, LAYOUT = 300, "coco17"


def draw_rows():
    """People with detection noise, exchanged sides and outliers, so that some need more passes and steps than others."""
    people, rng = draw_people(NUM_PEOPLE, LAYOUT), np.random.default_rng(0)
    keypoints = people.keypoints.copy()
    keypoints[..., :2] += rng.normal(0, 0.02, keypoints[..., :2].shape) * people.height_px[:, None, None]
    keypoints[::5, 5:17:2], keypoints[::5, 6:17:2] = keypoints[::5, 6:17:2].copy(), keypoints[::5, 5:17:2].copy()
    keypoints[::7, 9, :2] += 200
    keypoints[::11, 11:, 2] = 0
    return [
        DatasetRow(str(k), seen, LAYOUT, "", str(k), image_size=IMAGE_SIZE, focal_length=float(focal_length))
        for k, (seen, focal_length) in enumerate(zip(keypoints, people.focal_length, strict=True))
    ]


def assert_same(result, expected):
    """Equal to the bit, NaN in the same places."""
    (found, tree), (wanted, same_tree) = jax.tree.flatten(result), jax.tree.flatten(expected)
    assert tree == same_tree
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(one, other)
