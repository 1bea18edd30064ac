"""Undoing an augmentation restores the original, and bodies are augmented consistently with their pictures."""

from dataclasses import replace

import numpy as np
import pytest
from dataset_fits import draw_fits, load_body
from hypothesis import given
from hypothesis import strategies as st

from smplify_jax.datasets.augmentation import Augmentation, RestPelvis
from smplify_jax.datasets.reprojection import reprojection_loss
from smplify_jax.keypoints.layouts import get_layout


@given(angle=st.floats(-180, 180), is_flipped=st.booleans(), scale=st.floats(0.5, 2.0), seed=st.integers(0, 1000))
def test_every_augmentation_is_undone_to_1e_5(angle, is_flipped, scale, seed):
    rng = np.random.default_rng(seed)
    pose, transl, pelvis = rng.normal(0, 0.3, (4, 72)), rng.normal(0, 2, (4, 3)), rng.normal(0, 0.2, (4, 3))
    augmentation = Augmentation.of([angle] * 4, [is_flipped] * 4, scale)
    for there, back in (
        (augmentation.of_bodies, augmentation.undo_bodies),
        (augmentation.undo_bodies, augmentation.of_bodies),
    ):
        pose_again, transl_again = back(*there(pose, transl, pelvis), pelvis)
        # Rotation vectors of more than half a turn come back as the same rotation's shorter vector; these are shorter.
        np.testing.assert_allclose(pose_again, pose, atol=1e-5)
        np.testing.assert_allclose(transl_again, transl, atol=1e-5)


@pytest.mark.parametrize("is_flipped", [False, True])
def test_an_augmented_body_projects_onto_the_augmented_keypoints(is_flipped):
    _, result = draw_fits(6)
    pose = np.concatenate([result.global_orient, result.body_pose], axis=1)
    body, flip = load_body(), get_layout("smpl24").flip
    pelvis = RestPelvis.of(body, 10).at(result.betas)
    augmentation = Augmentation.of(np.linspace(-60, 60, 6), [is_flipped] * 6)

    def project(pose, transl):
        joints = np.asarray(
            body.joints(betas=result.betas, global_orient=pose[:, :3], body_pose=pose[:, 3:], transl=transl)
        )
        return 800 * joints[..., :2] / joints[..., 2:]

    center = np.zeros((6, 2))
    expected = augmentation.of_points(project(pose, result.transl), center, flip)
    shown = project(*(x.astype(np.float32) for x in augmentation.of_bodies(pose, result.transl, pelvis)))
    # The open body is mirror-symmetric; float32 leaves about 1e-3 px.
    np.testing.assert_allclose(shown, expected, atol=1e-2)
    np.testing.assert_allclose(
        augmentation.undo_points(expected, center, flip), project(pose, result.transl), atol=1e-9
    )


def test_the_loss_is_the_same_for_the_augmented_picture():
    rows, result = draw_fits(6)
    keypoints, flip = np.stack([row.keypoints for row in rows]).astype(np.float64), get_layout("coco17").flip
    augmentation = Augmentation.of(np.linspace(-60, 60, 6), np.arange(6) % 2 == 0)
    center, side = np.full((6, 2), 300.0), np.full(6, 200.0)
    augmented = np.concatenate([augmentation.of_points(keypoints[..., :2], center, flip), keypoints[..., 2:]], axis=-1)
    augmented[::2, :, 2] = keypoints[::2][:, list(flip), 2]
    fitted = augmentation.of_points(result.keypoints_px.astype(np.float64), center, flip)
    np.testing.assert_allclose(
        reprojection_loss(augmented, fitted, side),
        reprojection_loss(keypoints, result.keypoints_px.astype(np.float64), side),
        rtol=1e-9,  # float64
    )


def test_another_picture_size_changes_no_loss():
    rows, result = draw_fits(3)
    keypoints = np.stack([row.keypoints for row in rows]).astype(np.float64)
    zoomed = keypoints * [4.0, 4.0, 1.0]
    one = reprojection_loss(keypoints, result.keypoints_px, np.full(3, 200.0))
    np.testing.assert_allclose(reprojection_loss(zoomed, 4.0 * result.keypoints_px, np.full(3, 800.0)), one, rtol=1e-6)


def test_fewer_betas_than_ten_are_filled_up(tmp_path):
    body = load_body()
    short = replace(body, shapedirs=body.shapedirs[..., :3])
    pelvis = RestPelvis.of(short, 10)
    assert pelvis.directions.shape == (3, 10)
    assert (pelvis.directions[:, 3:] == 0).all()


def test_turning_after_a_flip_is_turning_the_other_way_before_it():
    points, center, flip = (
        np.random.default_rng(0).uniform(0, 100, (2, 17, 2)),
        np.full((2, 2), 50.0),
        get_layout("coco17").flip,
    )
    flipped, turned = Augmentation.of([0, 0], [True, False]), Augmentation.of([30, 30], [False, False])
    expected = turned.of_points(flipped.of_points(points, center, flip), center, flip)
    at_once = Augmentation.flipped_first([30, 30], [True, False]).of_points(points, center, flip)
    np.testing.assert_allclose(at_once, expected, atol=1e-9)


def test_a_larger_crop_shows_the_root_joint_nearer_to_its_middle_and_turns_nobody():
    rng = np.random.default_rng(0)
    pose, pelvis = rng.normal(0, 0.3, (3, 72)), rng.normal(0, 0.2, (3, 3))
    transl, scale = rng.uniform([-1, -1, 4], [1, 1, 6], (3, 3)), np.array([0.8, 1.0, 1.25])
    augmentation = Augmentation.of([0.0] * 3, [False] * 3, scale)
    shown_pose, shown = augmentation.of_bodies(pose, transl, pelvis)
    np.testing.assert_array_equal(shown_pose, pose)
    before, after = transl + pelvis, shown + pelvis
    expected = augmentation.of_points((before[:, :2] / before[:, 2:])[:, None], np.zeros((3, 2)), [0])[:, 0]
    np.testing.assert_allclose(after[:, :2] / after[:, 2:], expected, rtol=1e-9)
