"""Penetration depth: the distance of segments, and of capsules in bodies."""

import jax
import numpy as np
import pytest
from bodies import random_body
from scipy.optimize import minimize
from test_interpenetration import hand_in_the_belly

from smplify_jax import InputError, load_body, penetration_depth
from smplify_jax.body.part_pairs import NON_ADJACENT_PAIRS, PAPER_PAIRS
from smplify_jax.body.penetration import segment_distance


@pytest.fixture(scope="module")
def body():
    return load_body()


@pytest.mark.parametrize("seed", range(12))
def test_segment_distance_is_the_least_over_both_segments(seed):
    rng = np.random.default_rng(seed)
    a, b, c, d = rng.normal(0, (1.0, 1.0, 0.3), (4, 3)).astype(np.float32)

    def between(share):
        return np.linalg.norm(a + share[0] * (b - a) - c - share[1] * (d - c))

    starts = [(s, t) for s in (0.0, 0.5, 1.0) for t in (0.0, 0.5, 1.0)]
    expected = min(float(minimize(between, start, bounds=[(0, 1), (0, 1)]).fun) for start in starts)
    # The search of the reference stops at 1e-5.
    np.testing.assert_allclose(jax.jit(segment_distance)(a, b, c, d), expected, atol=1e-4)


def test_segment_distance_of_parallel_and_pointlike_segments():
    x, y = np.eye(3, dtype=np.float32)[:2]
    np.testing.assert_allclose(segment_distance(0 * x, x, y, x + y), 1.0)
    np.testing.assert_allclose(segment_distance(0 * x, x, 3 * x, 4 * x), 2.0)
    np.testing.assert_allclose(segment_distance(0.5 * x, 0.5 * x, y - x, y + x), 1.0)


def test_a_t_pose_does_not_reach_into_itself(body):
    betas = np.random.default_rng(0).normal(size=(20, 10)).clip(-2, 2).astype(np.float32)
    depth = penetration_depth(body, betas=betas, body_pose=np.zeros((20, 69), np.float32))
    assert depth.shape == (20,)
    assert np.median(depth) < 0.01  # inner thighs of heavy bodies touch


def test_depth_tells_a_hand_in_the_belly_from_one_before_it(body):
    poses = np.stack([hand_in_the_belly(angle) for angle in (80.0, 0.0)])
    inside, outside = penetration_depth(body, betas=np.zeros(10, np.float32), body_pose=poses, pairs=PAPER_PAIRS)
    assert inside > 0.1
    assert outside == 0


def test_depth_of_a_batch_is_that_of_each(body):
    poses = np.random.default_rng(1).normal(0, 0.4, (2, 3, 69)).astype(np.float32)
    betas = np.random.default_rng(2).normal(size=(3, 10)).astype(np.float32)
    together = penetration_depth(body, betas=betas, body_pose=poses, pairs=NON_ADJACENT_PAIRS)
    assert together.shape == (2, 3)
    alone = penetration_depth(body, betas=betas[1], body_pose=poses[1, 1])
    np.testing.assert_allclose(together[1, 1], alone, atol=1e-6)


def test_a_body_without_capsules_says_what_to_do():
    with pytest.raises(InputError, match="with_capsules"):
        penetration_depth(random_body(), betas=np.zeros(10), body_pose=np.zeros(69))
