"""`fit_views(init=...)` and `fit_points(init=...)`: bodies that another network predicted for each camera, or in the world."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from rigs import bodies_inside, ring, seen_by_all
from scipy.spatial.transform import Rotation

from smplify_jax import FitResult, InputError, PredictedBodies, fit_points, fit_views, load_body
from smplify_jax.fitting.init_errors import precision_of_error
from smplify_jax.geometry.metrics import pa_mpjpe

RIG = ring(3)  # as in test_fit_views, so that both use the same compiled programs
NUM_PEOPLE = 4
FEW = [0, 5, 6, 9, 11, 12, 15]
"""Of coco17: nose, shoulders, a wrist, hips, an ankle."""

FEW_JOINTS = [1, 2, 8, 12, 16, 17, 20]
"""Of smpl24: hips, an ankle, the neck, shoulders, a wrist."""
ERROR_MM = 30.0

TRUTH = bodies_inside(NUM_PEOPLE, "coco17")
POINTS = np.asarray(load_body().keypoints(**TRUTH, layout="coco17"))
JOINTS = np.asarray(load_body().joints(**TRUTH))


def error_mm(results: list[FitResult]) -> float:
    """Mean PA-MPJPE of the people."""
    return 1000 * float(
        np.mean([pa_mpjpe(np.asarray(one.joints), true) for one, true in zip(results, JOINTS, strict=True)])
    )


def in_world() -> PredictedBodies:
    """The true orientations, and poses with errors of a network's size."""
    std = 1 / np.sqrt(precision_of_error(np.array([ERROR_MM]), 24, 10).body_pose[0])
    errors = std * np.random.default_rng(0).normal(size=(NUM_PEOPLE, 69))
    return PredictedBodies.of(
        global_orient=TRUTH["global_orient"], body_pose=(TRUTH["body_pose"] + errors).astype(np.float32)
    )


def of_cameras() -> PredictedBodies:
    """The same (N, V, ...) in the frame of each camera."""
    world, turns = in_world(), Rotation.from_matrix([camera.rotation for camera in RIG])
    orient = np.stack([(turns * Rotation.from_rotvec(one)).as_rotvec() for one in world.global_orient])
    pose = np.repeat(np.asarray(world.body_pose)[:, None], len(RIG), axis=1)
    return PredictedBodies.of(global_orient=orient.astype(np.float32), body_pose=pose)


def poorly_seen() -> np.ndarray:
    """(N, V, 17, 3) few keypoints, 30 px off."""
    seen = seen_by_all(RIG, POINTS)
    seen[..., :2] += 30 * np.random.default_rng(1).normal(size=seen[..., :2].shape)
    return np.where(np.isin(np.arange(17), FEW)[:, None], seen, 0.0)


def fitted(keypoints: np.ndarray, init: PredictedBodies | None = None, **choices: Any) -> list[FitResult]:
    """Everybody, one after the other."""
    return [
        fit_views(one, RIG, layout="coco17", init=None if init is None else init[row], **choices)
        for row, one in enumerate(keypoints)
    ]


@pytest.fixture(scope="module")
def poor() -> list[FitResult]:
    return fitted(poorly_seen())


@pytest.mark.parametrize("init", [of_cameras(), in_world()], ids=["of each camera", "in the world"])
def test_predictions_help_views_that_show_little(poor, init):
    helped = error_mm(fitted(poorly_seen(), init, init_error=ERROR_MM))
    assert helped < 0.8 * error_mm(poor)


def test_exact_views_are_not_harmed_by_predictions():
    exact = seen_by_all(RIG, POINTS)
    without, helped = (error_mm(fitted(exact, init)) for init in (None, in_world()))
    assert helped < without + 2


def test_moments_without_a_prediction_are_fitted_as_without_any(poor):
    nobody = dataclasses.replace(in_world(), body_pose=np.full((NUM_PEOPLE, 69), np.nan, np.float32))
    np.testing.assert_array_equal(fitted(poorly_seen()[:1], nobody)[0].body_pose, poor[0].body_pose)


def test_predictions_of_another_number_of_cameras_are_told():
    with pytest.raises(InputError, match="expected \\(3, 3\\)"):
        fit_views(poorly_seen()[0], RIG, layout="coco17", init=of_cameras()[0][:2])
    with pytest.raises(InputError, match="a body for each moment and camera"):
        fit_views(poorly_seen()[:2], RIG, layout="coco17", init=of_cameras()[:1])


def few_points() -> np.ndarray:
    """(N, 24, 4) of few joints, 3 cm off."""
    noisy = JOINTS + 0.03 * np.random.default_rng(2).normal(size=JOINTS.shape)
    rows = np.concatenate([noisy, np.ones((*noisy.shape[:-1], 1))], axis=-1)
    return np.where(np.isin(np.arange(24), FEW_JOINTS)[:, None], rows, 0.0)


@pytest.fixture(scope="module")
def helped_points() -> FitResult:
    return fit_points(few_points(), layout="smpl24", init=in_world(), init_error=ERROR_MM)


def test_predictions_help_points_of_few_joints(helped_points):
    alone = fit_points(few_points(), layout="smpl24")
    assert error_mm(list(helped_points)) < 0.8 * error_mm(list(alone))


def test_company_changes_nothing_for_points_with_predictions(helped_points):
    one = fit_points(few_points()[1], layout="smpl24", init=in_world()[1], init_error=ERROR_MM)
    np.testing.assert_allclose(one.joints, helped_points.joints[1], atol=1e-5)


def test_exact_points_are_not_harmed_by_predictions():
    rows = np.concatenate([JOINTS, np.ones((*JOINTS.shape[:-1], 1))], axis=-1)
    without, helped = (error_mm(list(fit_points(rows, layout="smpl24", init=init))) for init in (None, in_world()))
    assert helped < without + 1
