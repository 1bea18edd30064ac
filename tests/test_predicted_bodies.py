"""`PredictedBodies`: poses in any form, cameras of other programs, and people of whom nothing was predicted."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from people import IMAGE_SIZE, draw_people
from scipy.spatial.transform import Rotation

from smplify_jax import BodyParameters, Camera, InputError, PredictedBodies, fit, load_body, rotations
from smplify_jax.body.keypoint_body import keypoint_body
from smplify_jax.camera.conversions import weak_perspective_in_crop
from smplify_jax.fitting.initialization import start_from_init
from smplify_jax.fitting.placement import placed_before
from smplify_jax.fitting.profiles import get_profile
from smplify_jax.fitting.setup import FitChoices, setup_fit
from smplify_jax.keypoints.layouts import get_layout
from smplify_jax.predictions.bodies import no_bodies

NUM_PEOPLE = 8
CENTER = np.array(IMAGE_SIZE) / 2


@pytest.fixture(scope="module")
def people():
    return draw_people(NUM_PEOPLE, "coco17", seed=8)


@pytest.fixture(scope="module")
def setup():
    layout, profile = get_layout("coco17"), get_profile("default")
    return setup_fit(FitChoices(layout, profile, load_body(), None, 10, None, True, True, ()))


def predicted(people, **choices):
    """The true bodies, as a network gives them."""
    known = {name: people.parameters[name] for name in ("global_orient", "body_pose", "betas")}
    return PredictedBodies.of(**{**known, **choices})


def camera_of(people):
    return Camera(np.repeat(people.focal_length[:, None], 2, axis=1), np.tile(CENTER, (NUM_PEOPLE, 1)))


def placed(bodies, people, setup, keypoints=None):
    """Where a fit would start."""
    start = start_from_init(bodies, NUM_PEOPLE, 24, 10, is_single=False)
    return placed_before(camera_of(people), start, setup, people.keypoints if keypoints is None else keypoints)


def rest_pelvis(people):
    body = keypoint_body(load_body(), "smpl24", num_betas=10)
    return np.asarray(body.joint_template[0]) + people.parameters["betas"] @ np.asarray(body.joint_shapedirs[0]).T


def turn_between(first, second):
    """Angle between orientations [degrees]."""
    first, second = (Rotation.from_rotvec(np.asarray(one)) for one in (first, second))
    return np.degrees((first.inv() * second).magnitude())


def seen_from_crops(people):
    """The true orientations before cameras that look straight at the pelvis, and where it is in the picture."""
    at = people.parameters["transl"] + rest_pelvis(people)
    rays = at / np.linalg.norm(at, axis=1, keepdims=True)
    normal = np.cross(rays, [0.0, 0.0, 1.0])
    angle = np.arccos(rays[:, 2:])
    ahead = Rotation.from_rotvec(normal / np.linalg.norm(normal, axis=1, keepdims=True) * angle)
    orient = (ahead * Rotation.from_rotvec(people.parameters["global_orient"])).as_rotvec().astype(np.float32)
    return orient, people.focal_length[:, None] * at[:, :2] / at[:, 2:] + CENTER


# Poses.


def forms(pose) -> Iterator[tuple[np.ndarray, dict[str, Any]]]:
    """A pose (..., 24, 3) in every form, with the arguments that it needs."""
    flat = pose.shape[:-2]
    matrix = np.asarray(rotations.axis_angle_to_matrix(pose))
    yield pose, {}
    yield pose.reshape(*flat, 72), {}
    yield matrix, {}
    yield matrix.reshape(*flat, 216), {}
    for order in ("wxyz", "xyzw"):
        yield np.asarray(rotations.axis_angle_to_quaternion(pose, order)), {"quaternion_order": order}
    for order in ("columns", "interleaved", "rows"):
        six = np.asarray(rotations.axis_angle_to_rotation_6d(pose, order))
        yield six, {"rotation_6d_order": order}
        yield six.reshape(*flat, 144), {"rotation_6d_order": order}


@pytest.mark.parametrize("batch", [(), (3,), (24,), (2, 3)])
def test_a_pose_is_the_same_in_every_form(batch):
    pose = np.random.default_rng(1).uniform(-1, 1, (*batch, 24, 3)).astype(np.float32)
    for numbers, orders in forms(pose):
        whole = PredictedBodies.of(pose=numbers, **orders)
        assert whole.batch == batch
        np.testing.assert_allclose(whole.global_orient, pose[..., 0, :], atol=6e-6)
        np.testing.assert_allclose(whole.body_pose, pose[..., 1:, :].reshape(*batch, 69), atol=6e-6)
        if numbers.ndim > len(batch) + 1:
            root, others = (numbers[(*[slice(None)] * len(batch), one)] for one in (slice(0, 1), slice(1, None)))
            parts = PredictedBodies.of(global_orient=root, body_pose=others, **orders)
            np.testing.assert_array_equal(parts.body_pose, whole.body_pose)
            np.testing.assert_array_equal(parts.global_orient, whole.global_orient)


@pytest.mark.parametrize("count", [22, 52, 55])
def test_of_a_pose_without_smpls_hands_the_shared_joints_are_kept_and_hands_are_straight(count):
    pose = np.random.default_rng(2).uniform(-1, 1, (4, count, 3))
    bodies = PredictedBodies.of(pose=pose.reshape(4, -1))
    np.testing.assert_allclose(bodies.body_pose[:, :63], pose[:, 1:22].reshape(4, 63), atol=1e-6)
    np.testing.assert_array_equal(bodies.body_pose[:, 63:], np.zeros((4, 6)))
    apart = PredictedBodies.of(global_orient=pose[:, 0], body_pose=pose[:, 1:].reshape(4, -1))
    np.testing.assert_array_equal(apart.body_pose, bodies.body_pose)


def test_three_orientations_of_three_bodies_are_not_a_matrix():
    orient = np.random.default_rng(0).normal(size=(3, 3)).astype(np.float32)
    np.testing.assert_array_equal(
        PredictedBodies.of(global_orient=orient, body_pose=np.zeros((3, 69))).global_orient, orient
    )
    matrix = Rotation.random(rng=np.random.default_rng(0)).as_matrix()
    single = PredictedBodies.of(global_orient=matrix, body_pose=np.zeros(69))
    assert single.global_orient.shape == (3,)


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"pose": np.zeros((2, 71))}, r"pose has shape \(2, 71\): expected"),
        ({"pose": np.zeros(())}, "pose has shape"),
        ({"pose": np.ones((2, 24, 3, 3))}, "not rotations"),
        ({"pose": np.tile(np.diag([1.0, 1, -1]), (24, 1, 1))}, "not mirrored"),
        ({"pose": np.zeros((2, 24, 4))}, "quaternion_order="),
        ({"pose": np.zeros((2, 144))}, "rotation_6d_order="),
        ({"body_pose": np.zeros((2, 69))}, "Give either pose, or global_orient and body_pose"),
        ({"pose": np.zeros(72), "body_pose": np.zeros(69)}, "Give either"),
        ({"global_orient": np.zeros((3, 3)), "body_pose": np.zeros((2, 69))}, "global_orient has shape"),
        ({"pose": np.zeros((2, 72)), "betas": np.zeros((3, 10))}, r"betas have shape \(3, 10\)"),
        ({"pose": "none"}, "pose"),
    ],
)
def test_what_is_no_pose_is_told_in_a_sentence(choices, words):
    with pytest.raises(InputError, match=words):
        PredictedBodies.of(**choices)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda bodies: bodies.in_pictures(np.zeros((3, 3))), r"transl has shape \(3, 3\): expected \(2, 3\)"),
        (lambda bodies: bodies.in_pictures(np.zeros((2, 3)), focal_length=-1), "focal_length holds a number"),
        (lambda bodies: bodies.in_crops(np.ones((2, 3)), np.zeros((2, 2)), 0), "box_side holds a number"),
        (lambda bodies: bodies.in_crops(np.ones((2, 4)), np.zeros((2, 2)), 9), "weak perspective"),
    ],
)
def test_what_is_no_camera_is_told_in_a_sentence(call, words):
    with pytest.raises(InputError, match=words):
        call(PredictedBodies.of(pose=np.zeros((2, 72))))


# Cameras.


def test_bodies_before_the_camera_of_the_fit_are_not_changed_by_a_bit(people, setup):
    plain = BodyParameters(**people.parameters)
    for bodies in (plain, predicted(people).in_pictures(people.parameters["transl"])):
        for name, value in placed(bodies, people, setup).blocks().items():
            np.testing.assert_array_equal(value, people.parameters[name])


@pytest.mark.parametrize("crop_size", [224, 256])
def test_a_crops_weak_perspective_and_orientation_become_those_of_the_picture(people, setup, crop_size):
    orient, pixel = seen_from_crops(people)
    transl = people.parameters["transl"]
    assert turn_between(orient, people.parameters["global_orient"]).max() > 8  # as much as the whole test is about
    side = 1.2 * people.height_px
    weak = weak_perspective_in_crop(transl + rest_pelvis(people), pixel, side, people.focal_length, CENTER)
    weak[:, 1:] -= rest_pelvis(people)[:, :2]  # as a network has it: of the body's origin
    bodies = predicted(people, global_orient=orient).in_crops(weak, pixel, side, crop_size=crop_size)
    start = placed(bodies, people, setup)
    assert turn_between(start.global_orient, people.parameters["global_orient"]).max() < 0.05
    # Weak perspective takes the pelvis to be as far away as the body's origin, which is 3 cm in front of it.
    assert np.abs(start.transl - transl).max() < 0.05


def test_an_orientation_of_a_crop_taken_for_the_pictures_would_be_off(people, setup):
    orient, _ = seen_from_crops(people)
    start = placed(predicted(people, global_orient=orient).in_pictures(people.parameters["transl"]), people, setup)
    assert turn_between(start.global_orient, people.parameters["global_orient"]).max() > 8


def test_a_translation_under_another_focal_length_keeps_its_place_and_size_in_the_picture(people, setup):
    scaled = 5000 / 256 * max(IMAGE_SIZE)
    at = people.parameters["transl"] + rest_pelvis(people)
    orient, pixel = seen_from_crops(people)
    depth = at[:, 2:] * scaled / people.focal_length[:, None]
    far = np.concatenate([(pixel - CENTER) / scaled * depth, depth], axis=1) - rest_pelvis(people)
    start = placed(predicted(people, global_orient=orient).in_pictures(far, scaled, CENTER), people, setup)
    np.testing.assert_allclose(start.transl, people.parameters["transl"], rtol=1e-4, atol=1e-3)
    # Before that camera people are nearly straight ahead, but not quite.
    assert turn_between(start.global_orient, people.parameters["global_orient"]).max() < 1.5


@pytest.mark.parametrize("is_crop", [False, True])
def test_an_unknown_place_is_where_the_keypoints_fall_on_those_observed(people, setup, is_crop):
    orient, _ = seen_from_crops(people)
    bodies = predicted(people, global_orient=orient).seen_straight_ahead() if is_crop else predicted(people)
    start = placed(bodies, people, setup)
    np.testing.assert_allclose(start.transl, people.parameters["transl"], rtol=5e-3, atol=5e-3)
    assert turn_between(start.global_orient, people.parameters["global_orient"]).max() < 0.2


def test_a_body_behind_its_camera_is_placed_by_the_keypoints(people, setup):
    behind = predicted(people).in_pictures(-people.parameters["transl"], people.focal_length, CENTER)
    start = placed(behind, people, setup)
    np.testing.assert_allclose(start.transl, people.parameters["transl"], rtol=5e-3, atol=5e-3)


@pytest.mark.parametrize("seen", [0, 1, 2])
def test_of_too_few_keypoints_the_place_is_finite(people, setup, seen):
    keypoints = people.keypoints.copy()
    keypoints[:, seen:, 2] = 0
    start = placed(predicted(people).seen_straight_ahead(), people, setup, keypoints)
    assert np.isfinite(np.concatenate(list(start.blocks().values()), axis=1)).all()
    assert (np.asarray(start.transl)[:, 2] > 0).all()


def test_a_camera_that_is_no_number_brings_no_nan_into_the_batch(people, setup):
    start = start_from_init(predicted(people).seen_straight_ahead(), NUM_PEOPLE, 24, 10, is_single=False)
    camera = camera_of(people)
    camera.focal_length[0] = np.nan
    found = placed_before(camera, start, setup, people.keypoints)
    assert np.isfinite(np.concatenate(list(found.blocks().values()), axis=1)).all()


# Fits.


def fit_from(people, rows: Any = slice(None), **choices):
    options = {"layout": "coco17", "image_size": IMAGE_SIZE, "camera": people.focal_length[rows, None]}
    return fit(people.keypoints[rows], **{**options, **choices})


def assert_same(result, other):
    for name in ("global_orient", "body_pose", "betas", "transl", "joints", "quality", "status"):
        np.testing.assert_array_equal(getattr(result, name), getattr(other, name), err_msg=name)


def test_who_has_no_prediction_is_fitted_as_without_init_and_the_others_as_alone(people):
    is_known = np.arange(NUM_PEOPLE) % 2 == 0
    bodies = predicted(people).in_pictures(people.parameters["transl"])
    pose = np.where(is_known[:, None], bodies.body_pose, np.nan)
    result = fit_from(people, init=dataclasses.replace(bodies, body_pose=pose))
    assert_same(result[~is_known], fit_from(people)[~is_known])
    assert_same(result[is_known], fit_from(people, init=bodies)[is_known])
    assert np.isfinite(result.quality[~is_known]).all()


def test_a_fit_without_any_prediction_is_the_fit_without_init(people):
    assert_same(fit_from(people, init=no_bodies(NUM_PEOPLE)), fit_from(people))
    single = fit_from(people, 0, init=no_bodies(1)[0], camera=float(people.focal_length[0]))
    assert single.status.shape == ()


def test_a_precision_holds_those_who_are_predicted_only(people):
    is_known = np.arange(NUM_PEOPLE) < 3
    bodies = predicted(people).in_pictures(people.parameters["transl"])
    bodies = dataclasses.replace(bodies, body_pose=np.where(is_known[:, None], bodies.body_pose + 0.1, np.nan))
    result = fit_from(people, init=bodies, init_precision=1e6)
    assert np.abs(result.body_pose - bodies.body_pose)[is_known].max() < 0.01
    assert_same(result[~is_known], fit_from(people)[~is_known])


def test_a_start_of_a_far_camera_ends_where_the_true_start_does_said_or_unsaid(people):
    scaled = 5000 / 256 * max(IMAGE_SIZE)
    far = people.parameters["transl"].copy()
    far[:, 2] *= scaled / people.focal_length
    errors = {}
    for name, bodies in {
        "near": predicted(people).in_pictures(people.parameters["transl"]),
        "said": predicted(people).in_pictures(far, scaled, CENTER),
        "unsaid": predicted(people).in_pictures(far),
    }.items():
        result = fit_from(people, init=bodies)
        errors[name] = np.linalg.norm(result.joints - people.joints, axis=-1).mean()
    assert errors["said"] < 1.5 * errors["near"]
    # Where a place does not agree with the keypoints, the network's is taken, whose depth is its own.
    assert errors["unsaid"] < 2 * errors["near"]


def test_under_a_searched_focal_length_bodies_are_placed_before_every_candidate(people):
    diagonal = float(np.hypot(*IMAGE_SIZE))
    bodies = predicted(people).in_pictures(people.parameters["transl"], people.focal_length, CENTER)
    result = fit_from(people, init=bodies, camera="search")
    assert len(np.unique(np.round(np.asarray(result.camera.focal_length)[:, 0] / diagonal, 3))) > 1
    assert np.median(np.asarray(result.reprojection_error_px).mean(axis=1)) < 3


def test_poses_without_hands_start_bodies_with_hands(people):
    start = BodyParameters(**{**people.parameters, "body_pose": people.parameters["body_pose"][:, :63]})
    checked = start_from_init(start, NUM_PEOPLE, 24, 10, is_single=False)
    np.testing.assert_array_equal(np.asarray(checked.body_pose)[:, 63:], np.zeros((NUM_PEOPLE, 6)))
    assert start_from_init(BodyParameters(**people.parameters), NUM_PEOPLE, 22, 10, False).body_pose.shape[1] == 63


def test_betas_that_are_left_out_are_not_known(people):
    bodies = PredictedBodies.of(pose=np.zeros((NUM_PEOPLE, 72)))
    assert np.isnan(bodies.betas).all()
    free = predicted(people, betas=None).in_pictures(people.parameters["transl"])
    held = predicted(people, betas=np.zeros((NUM_PEOPLE, 10))).in_pictures(people.parameters["transl"])
    sizes = [np.abs(fit_from(people, init=one).betas).mean() for one in (held, free)]
    assert sizes[0] < sizes[1]
