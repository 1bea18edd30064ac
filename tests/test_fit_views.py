"""Several cameras to one body: what exact views tell, what a camera that fails costs, and what moves with the world."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import jax
import numpy as np
import pytest
from rigs import looking_at, people_inside, ring, seen_by_all
from scipy.spatial.transform import Rotation

from smplify_jax.camera.calibration import save_calibration
from smplify_jax.camera.distortion import distort
from smplify_jax.camera.pinhole import Camera, project
from smplify_jax.errors import InputError
from smplify_jax.fitting.views import fit_views
from smplify_jax.geometry.metrics import mpjpe, pa_mpjpe
from smplify_jax.result import FitStatus

NUM_FRAMES, FPS = 8, 25.0
SPEED = np.array([0.8, -0.5, 0.1])
"""[m/s] of the person who walks through the frames."""

RIG = ring(3)
"""All tests but those of the number of views use three cameras, whose program is compiled once."""


def errors_mm(result, joints):
    """Mean distance from the true joints in the world, frame by frame [mm]."""
    return 1000 * np.linalg.norm(np.asarray(result.joints) - joints, axis=-1).mean(axis=-1)


@pytest.fixture(scope="module")
def person():
    """Keypoints (3, 17, 3) in the views of RIG, and true joints (24, 3)."""
    points, joints = people_inside(1, "coco17")
    return seen_by_all(RIG, points[0]), joints[0]


@pytest.fixture(scope="module")
def fitted(person):
    return fit_views(person[0], RIG, layout="coco17")


@pytest.fixture(scope="module")
def walk():
    """A person carried along in eight frames: points (8, 17, 3) and joints (8, 24, 3) at any times."""

    def at(times):
        points, joints = people_inside(1, "coco17", seed=5)
        moved = np.asarray(times)[:, None, None] * SPEED
        return points[0] + moved, joints[0] + moved

    return at


@pytest.fixture(scope="module")
def walked(walk):
    points, _ = walk(np.arange(NUM_FRAMES) / FPS)
    return fit_views(seen_by_all(RIG, points), RIG, layout="coco17", fps=FPS)


# Measured 19-27, 12 and 11 mm: what is left are joints that no keypoint shows (spine, collars, hands, feet).
@pytest.mark.parametrize(("num_views", "limit"), [(2, 35), (3, 20), (4, 20)])
def test_exact_views_give_the_body_where_it_stands(num_views, limit):
    cameras = ring(num_views)
    points, joints = people_inside(3, "coco17")
    results = [fit_views(keypoints, cameras, layout="coco17") for keypoints in seen_by_all(cameras, points)]
    assert all(result.statuses() == [FitStatus.CONVERGED] for result in results)
    assert np.mean([errors_mm(result, truth) for result, truth in zip(results, joints, strict=True)]) < limit


def test_a_single_moment_has_no_axis_of_frames_and_an_axis_of_views(fitted):
    assert not fitted.is_batched
    assert fitted.keypoints_px.shape == (3, 17, 2)
    assert fitted.reprojection_error_px.shape == (3, 17)
    assert fitted.extrinsics.num_views == 3
    assert fitted.camera.focal_length.shape == (3, 2)
    assert float(np.nanmedian(fitted.reprojection_error_px)) < 3


def test_the_order_of_the_cameras_does_not_matter(person, fitted):
    order = [2, 0, 1]
    other = fit_views(person[0][order], [RIG[k] for k in order], layout="coco17")
    # Sums in another order, through a search of a few steps.
    np.testing.assert_allclose(other.joints, fitted.joints, atol=2e-4)
    np.testing.assert_allclose(other.keypoints_px, fitted.keypoints_px[np.array(order)], atol=0.2)


def test_the_body_moves_with_the_world(person, fitted):
    turn, shift = Rotation.from_rotvec([0.5, -1.0, 2.0]).as_matrix(), np.array([3.0, -8.0, 2.0])
    cameras = [
        replace(
            camera,
            rotation=np.asarray(camera.rotation) @ turn.T,
            translation=np.asarray(camera.translation) - np.asarray(camera.rotation) @ turn.T @ shift,
        )
        for camera in RIG
    ]
    other = fit_views(person[0], cameras, layout="coco17")
    np.testing.assert_allclose(other.joints, np.asarray(fitted.joints) @ turn.T + shift, atol=5e-4)  # float32 at 10 m


def test_a_camera_that_sees_nobody_counts_for_nothing(person):
    keypoints, joints = person
    two = fit_views(keypoints[:2], RIG[:2], layout="coco17")
    for nothing in (0.0, np.nan):
        blind = keypoints.copy()
        blind[2] = nothing
        result = fit_views(blind, RIG, layout="coco17")
        np.testing.assert_allclose(result.joints, two.joints, atol=2e-4)  # another program for the same sums
        assert np.isnan(np.asarray(result.reprojection_error_px)[2]).all()
        assert errors_mm(result, joints) < 50


def test_one_calibrated_camera_is_enough(person):
    keypoints, joints = person
    one = fit_views(keypoints[:1], RIG[:1], layout="coco17")
    assert 1000 * pa_mpjpe(np.asarray(one.joints), joints) < 80  # what one exact view tells: 30 mm at the median


def test_nobody_in_any_view_is_a_status(person):
    result = fit_views(np.zeros_like(person[0]), RIG, layout="coco17")
    assert result.statuses() == [FitStatus.TOO_FEW_KEYPOINTS]
    assert np.isnan(np.asarray(result.joints)).all()


def test_a_wrong_camera_is_outvoted(person, fitted):
    keypoints = person[0].copy()
    keypoints[1, :, 0] += 150.0
    result = fit_views(keypoints, [*RIG], layout="coco17")
    # Half of what moving the mean of three rays by 150 px at 4 m would do.
    assert errors_mm(result, person[1]) < 100


def test_distortion_is_removed_and_keypoints_come_back_as_a_pinhole_sees_them(person, fitted):
    cameras = ring(3, distortion=(-0.25, 0.08, 0.001, -0.001))
    seen = np.stack([distort(one, camera) for one, camera in zip(person[0], cameras, strict=True)])
    assert np.abs(seen - person[0])[..., :2].max() > 2  # [px]: the lens does something
    result = fit_views(seen, cameras, layout="coco17")
    np.testing.assert_allclose(result.joints, fitted.joints, atol=2e-4)


def test_a_calibration_file_serves_as_cameras(person, fitted, tmp_path):
    save_calibration(tmp_path / "Calib.toml", RIG)
    result = fit_views(person[0], tmp_path / "Calib.toml", layout="coco17")
    np.testing.assert_allclose(result.joints, fitted.joints, atol=2e-4)  # the file's digits


@pytest.mark.parametrize("view", [0, 1, 2, -1])
def test_a_view_shows_what_the_camera_projects(fitted, view):
    seen = fitted.in_view(view)
    assert seen.extrinsics is None
    camera = RIG[view]
    in_camera = np.asarray(fitted.joints) @ np.asarray(camera.rotation).T + np.asarray(camera.translation)
    np.testing.assert_allclose(seen.joints, in_camera, atol=1e-5)
    np.testing.assert_allclose(seen.body.joints(**seen.parameters.blocks()), in_camera, atol=1e-4)
    vertices = np.asarray(fitted.vertices()) @ np.asarray(camera.rotation).T + np.asarray(camera.translation)
    np.testing.assert_allclose(seen.vertices(), vertices, atol=1e-4)  # float32 rotations, at 4 m
    keypoints = seen.body.keypoints(**seen.parameters.blocks(), layout="coco17")
    np.testing.assert_allclose(project(keypoints, seen.camera), seen.keypoints_px, atol=0.05)
    np.testing.assert_array_equal(seen.keypoints_px, fitted.keypoints_px[view])
    np.testing.assert_allclose(seen.person_height_px, 1.7 * 1000 / float(seen.transl[2]), rtol=0.01)


def test_views_of_frames_are_the_frames_of_views(walked):
    seen = walked.in_view(1)
    assert seen.joints.shape == (NUM_FRAMES, 24, 3)
    one = walked[3].in_view(1)
    np.testing.assert_allclose(seen.joints[3], one.joints, atol=1e-6)
    np.testing.assert_allclose(seen.velocities[3], one.velocities, atol=1e-5)
    rotation = np.asarray(RIG[1].rotation)
    np.testing.assert_allclose(seen.velocities, np.asarray(walked.velocities) @ rotation.T, atol=1e-5)


@pytest.mark.parametrize("view", [3, -4])
def test_there_is_no_view_beyond_the_cameras(fitted, view):
    with pytest.raises(InputError, match=f"no view {view}: this result was fitted to 3 cameras"):
        fitted.in_view(view)
    with pytest.raises(InputError, match="lives in its frame already"):
        fitted.in_view(0).in_view(0)


def test_frames_share_a_shape_and_move_as_fast_as_the_person(walk, walked):
    _, joints = walk(np.arange(NUM_FRAMES) / FPS)
    assert errors_mm(walked, joints).max() < 25
    assert (np.asarray(walked.betas) == np.asarray(walked.betas)[0]).all()
    np.testing.assert_allclose(np.asarray(walked.velocities).mean(axis=(0, 1)), SPEED, atol=0.02)


def test_a_still_person_in_frames_is_the_body_of_a_moment(person, fitted):
    frames = fit_views(np.broadcast_to(person[0], (NUM_FRAMES, *person[0].shape)), RIG, layout="coco17")
    # The shape's prior counts once for all frames, not in each.
    assert np.abs(np.asarray(frames.joints) - np.asarray(fitted.joints)).max() < 0.02
    assert np.abs(np.asarray(frames.velocities)).max() < 1e-2


def test_frames_without_views_are_filled_in(walk, walked):
    points, joints = walk(np.arange(NUM_FRAMES) / FPS)
    keypoints = seen_by_all(RIG, points)
    keypoints[4] = np.nan
    keypoints[2, :2] = 0
    result = fit_views(keypoints, RIG, layout="coco17", fps=FPS)
    assert [status is FitStatus.FILLED for status in result.statuses()] == [k == 4 for k in range(NUM_FRAMES)]
    assert errors_mm(result, joints).max() < 30


def test_cameras_that_are_late_are_brought_to_the_first(walk):
    times, delays = np.arange(NUM_FRAMES) / FPS, np.array([0.0, 0.03, -0.05])
    views = [seen_by_all([camera], walk(times + late)[0])[:, 0] for camera, late in zip(RIG, delays, strict=True)]
    keypoints = np.stack(views, axis=1)
    truth = walk(times)[1]
    known, not_known = (fit_views(keypoints, RIG, layout="coco17", fps=FPS, delays=given) for given in (delays, None))
    with_delays, without = errors_mm(known, truth).mean(), errors_mm(not_known, truth).mean()
    assert with_delays < 25
    assert with_delays < without
    assert np.nanmedian(known.reprojection_error_px) < np.nanmedian(not_known.reprojection_error_px)


def test_cameras_whose_places_are_not_known_are_placed_by_the_body(walk):
    points, joints = walk(np.arange(NUM_FRAMES) / FPS)
    pinholes = [Camera(camera.camera.focal_length, camera.camera.camera_center) for camera in RIG]
    result = fit_views(seen_by_all(RIG, points), pinholes, layout="coco17", fps=FPS)
    assert all(status.is_usable for status in result.statuses())
    assert result.extrinsics is not None
    np.testing.assert_array_equal(result.extrinsics.rotation[:, 0], np.broadcast_to(np.eye(3), (NUM_FRAMES, 3, 3)))
    np.testing.assert_array_equal(result.extrinsics.translation[:, 0], np.zeros((NUM_FRAMES, 3)))
    errors = [pa_mpjpe(ours, truth) for ours, truth in zip(np.asarray(result.joints), joints, strict=True)]
    assert 1000 * np.mean(errors) < 45
    for view in (1, 2):
        relative = np.asarray(RIG[view].rotation) @ np.asarray(RIG[0].rotation).T
        off = Rotation.from_matrix(np.asarray(result.extrinsics.rotation)[0, view] @ relative.T).magnitude()
        assert np.rad2deg(off) < 10
    in_first = joints @ np.asarray(RIG[0].rotation).T + np.asarray(RIG[0].translation)
    assert 1000 * np.mean([mpjpe(a, b) for a, b in zip(np.asarray(result.joints), in_first, strict=True)]) < 90


def test_results_are_finite_and_can_be_mapped(fitted):
    arrays = jax.tree.leaves(replace(fitted, quality=fitted.cost, start_margin=fitted.cost).parameters)
    assert all(np.isfinite(np.asarray(array)).all() for array in arrays)
    assert np.isfinite(np.asarray(fitted.joints_std)).all()


CAMERAS = [camera.camera for camera in RIG]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"cameras": RIG[:2]}, r"shape \(3, 17, 3\): for 2 cameras .* a moment is \(2, 17, 3\)"),
        ({"keypoints": np.zeros((3, 18, 3))}, r"shape \(3, 18, 3\)"),
        ({"keypoints": np.zeros((0, 3, 17, 3))}, r"shape \(0, 3, 17, 3\)"),
        ({"keypoints": [[1, 2], [3]]}, "regular array"),
        ({"cameras": CAMERAS[:1], "keypoints": np.zeros((1, 17, 3))}, "fewer than two cameras"),
        ({"cameras": [*RIG[:2], CAMERAS[2]]}, "must all be CalibratedCameras, or all be Cameras"),
        ({"cameras": [np.eye(3)] * 3}, "must all be CalibratedCameras, or all be Cameras"),
        ({"cameras": CAMERAS[0]}, "cameras is a Camera: give a sequence of cameras"),
        ({"cameras": None}, "cameras is a NoneType: give a sequence of cameras"),
        ({"cameras": "nowhere.toml"}, "nowhere.toml"),
        ({"cameras": [Camera(*[cast(Any, None)] * 2)] * 3}, "focal length"),
        ({"layout": "nothing"}, "no keypoint layout 'nothing'"),
        ({"delays": [0, 0.1, 0]}, "at least two frames"),
        ({"delays": [0, 0.1]}, "delays must be 3 finite numbers"),
        ({"delays": [0, np.nan, 0]}, "delays must be 3 finite numbers"),
        ({"delays": ["late"] * 3}, "delays must be 3 finite numbers"),
        ({"fps": 0}, "fps is 0"),
        ({"times": [1.0, 2.0]}, "times must be 1 numbers"),
        ({"max_gap": -1}, "max_gap is -1"),
        ({"num_betas": 0}, "num_betas"),
    ],
)
def test_arguments_that_cannot_be_used_are_one_sentence(person, changed, words):
    arguments = {"keypoints": person[0], "cameras": RIG, "layout": "coco17"} | changed
    with pytest.raises(InputError, match=words):
        fit_views(**arguments)


def test_a_camera_that_never_shares_a_frame_with_the_first_cannot_be_placed(person):
    keypoints = person[0].copy()
    keypoints[2] = 0
    with pytest.raises(InputError, match="Camera 2 never sees the person together with the first camera"):
        fit_views(keypoints, CAMERAS, layout="coco17")


def test_a_camera_far_away_sees_as_one_nearby(person):
    points, joints = people_inside(1, "coco17")
    cameras = [RIG[0], looking_at((30.0, 5.0, 2.0), (0.0, 0.0, 1.0), focal_length=7000.0), RIG[2]]
    result = fit_views(seen_by_all(cameras, points[0]), cameras, layout="coco17")
    assert errors_mm(result, joints[0]) < 25
