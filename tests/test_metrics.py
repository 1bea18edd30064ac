"""Joint errors: what they ignore and what they do not."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from smplify_jax.geometry.metrics import mpjpe, pa_mpjpe, similarity_aligned


def _joints() -> np.ndarray:
    return np.random.default_rng(3).normal(size=(24, 3))


def test_mpjpe_ignores_where_the_body_is():
    assert mpjpe(_joints() + np.array([1.0, -2.0, 5.0]), _joints()) == pytest.approx(0.0, abs=1e-12)


def test_mpjpe_is_the_mean_distance():
    moved = _joints()
    moved[1:] += (0.03, 0.0, 0.04)
    assert mpjpe(moved, _joints()) == pytest.approx(0.05 * 23 / 24)


def test_pa_mpjpe_ignores_place_direction_and_size():
    turned = 1.7 * _joints() @ Rotation.from_rotvec([0.4, -1.0, 2.0]).as_matrix() + (3.0, 0.0, 1.0)
    assert pa_mpjpe(turned, _joints()) == pytest.approx(0.0, abs=1e-12)
    assert mpjpe(turned, _joints()) > 0.5


def test_pa_mpjpe_does_not_take_a_mirror_image_for_the_body():
    assert pa_mpjpe(_joints() * (-1, 1, 1), _joints()) > 0.1


def test_no_other_similarity_comes_closer():
    rng = np.random.default_rng(5)
    points, target = _joints(), _joints() + rng.normal(scale=0.2, size=(24, 3))
    best = ((similarity_aligned(points, target) - target) ** 2).sum()
    for _ in range(50):
        nudge = Rotation.from_rotvec(rng.normal(scale=0.02, size=3))
        other = nudge.apply(similarity_aligned(points, target)) * rng.normal(1.0, 0.02) + rng.normal(scale=0.02, size=3)
        assert ((other - target) ** 2).sum() > best
