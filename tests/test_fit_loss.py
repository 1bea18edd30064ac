"""The store's loss: the NumPy body equals the library's, and the translation of least loss is found."""

import numpy as np
import pytest
from dataset_fits import load_body
from measured_people import draw_bodies, draw_crops, fit_loss, in_pictures

from smplify_jax.body.keypoint_body import skinned_points
from smplify_jax.datasets.fit_loss import CropKeypoints
from smplify_jax.datasets.reprojection import LOSS_CROP_PX
from smplify_jax.datasets.store_sources import SPIN_FOCAL_SIDES
from smplify_jax.keypoints.layouts import get_layout

NUM_PEOPLE = 8


def seen(bodies, focal_sides=SPIN_FOCAL_SIDES, change=None):
    crops = draw_crops(len(bodies["pose"]))
    keypoints = in_pictures(bodies, crops, focal_sides)
    keypoints = keypoints if change is None else change(keypoints)
    focal_length = focal_sides * crops["crop_side"]
    return CropKeypoints.of_pictures(keypoints, crops["crop_center"], crops["crop_side"], focal_length)


@pytest.mark.parametrize("layout", ["spin49", "coco17", "openpose25"])
def test_points_skinned_in_numpy_are_the_bodys(layout):
    bodies, body = draw_bodies(NUM_PEOPLE), load_body()
    points = skinned_points(body, get_layout(layout), 10, 24).at(bodies["pose"], bodies["betas"])
    pose = bodies["pose"]
    expected = body.keypoints(
        betas=bodies["betas"],
        global_orient=pose[:, :3],
        body_pose=pose[:, 3:],
        transl=np.zeros((NUM_PEOPLE, 3), np.float32),
        layout=layout,
    )
    np.testing.assert_allclose(points, expected, atol=2e-6)  # float32 of metres


def test_the_loss_of_a_body_on_its_own_keypoints_is_nothing():
    bodies = draw_bodies(NUM_PEOPLE)
    loss, transl = fit_loss().measure(seen(bodies), **bodies)
    assert (loss < 1e-4).all()  # float32 of exact keypoints, in squared pixels
    np.testing.assert_array_equal(transl, bodies["transl"])


def test_every_keypoint_a_pixel_away_costs_a_pixel_each():
    bodies = draw_bodies(NUM_PEOPLE)
    crops = draw_crops(NUM_PEOPLE)

    def moved(keypoints):
        keypoints[..., 0] += crops["crop_side"][:, None] / LOSS_CROP_PX
        return keypoints

    loss, _ = fit_loss().measure(seen(bodies, change=moved), **bodies)
    # 49 keypoints without four annotated hips and OpenPose's neck, each 1 px away: 1 / (1 + 1e-4).
    np.testing.assert_allclose(loss, 44 / 1.0001, rtol=1e-3)


@pytest.mark.parametrize("focal_sides", [SPIN_FOCAL_SIDES, 1.5])
def test_a_body_is_put_where_it_was_seen_though_keypoints_are_on_somebody_else(focal_sides):
    bodies = draw_bodies(NUM_PEOPLE)
    bodies["transl"][:, 2] *= focal_sides / SPIN_FOCAL_SIDES

    def wrong(keypoints):
        keypoints[:, 31:33, :2] += 300.0  # the right wrist and elbow
        return keypoints

    pose, betas = bodies["pose"], bodies["betas"]
    _, exact = fit_loss().measure(seen(bodies, focal_sides), pose=pose, betas=betas)
    _, robust = fit_loss().measure(seen(bodies, focal_sides, wrong), pose=pose, betas=betas)
    np.testing.assert_allclose(exact, bodies["transl"], atol=1e-3)
    # Two of 44 pull, with a share of their distance that falls with its square.
    pixels = np.abs(robust - bodies["transl"])[:, :2] / bodies["transl"][:, 2:] * focal_sides * LOSS_CROP_PX
    assert pixels.max() < 4.0


def test_nobody_elses_keypoints_change_a_loss():
    bodies = draw_bodies(NUM_PEOPLE)
    people = seen(bodies)
    pose, betas = bodies["pose"] + np.float32(0.05), bodies["betas"]
    loss, transl = fit_loss().measure(people, pose=pose, betas=betas)
    for one in range(NUM_PEOPLE):
        row = slice(one, one + 1)
        alone = fit_loss().measure(people.of_rows(row), pose=pose[row], betas=betas[row])
        np.testing.assert_allclose(alone[0], loss[row], rtol=1e-5)
        np.testing.assert_allclose(alone[1], transl[row], rtol=1e-5, atol=1e-6)


def test_who_has_no_keypoint_or_no_finite_fit_has_no_loss():
    bodies = draw_bodies(3)

    def unseen(keypoints):
        keypoints[0, :, 2] = 0.0
        keypoints[2] = np.nan
        return keypoints

    pose = bodies["pose"].copy()
    pose[1, 7] = np.inf
    loss, transl = fit_loss().measure(seen(bodies, change=unseen), pose=pose, betas=bodies["betas"])
    assert np.isnan(loss).all()
    assert np.isnan(transl[[0, 2]]).all()


def test_one_keypoint_alone_gives_a_finite_loss():
    bodies = draw_bodies(2)

    def alone(keypoints):
        keypoints[:, 1:, 2] = 0.0
        return keypoints

    loss, transl = fit_loss().measure(seen(bodies, change=alone), pose=bodies["pose"], betas=bodies["betas"])
    assert (loss < 1e-3).all()
    assert np.isfinite(transl).all()


def test_numbers_beyond_any_persons_have_no_loss_or_are_no_keypoints_and_warn_nobody():
    bodies = draw_bodies(NUM_PEOPLE)
    huge = {"pose": bodies["pose"], "betas": np.full_like(bodies["betas"], -1e38)}
    loss, transl = fit_loss().measure(seen(bodies), **huge)
    assert not np.isinf(transl).any()
    assert np.isnan(loss[np.isnan(transl).any(axis=1)]).all()

    def far_away(keypoints):
        return np.concatenate([keypoints[:, :1] * [1e300, 1, 1], keypoints[:, 1:]], axis=1)

    observed = seen(bodies, change=far_away)
    assert np.isfinite(observed.keypoints).all()
    assert (observed.keypoints[:, 0, 2] == 0).all()
