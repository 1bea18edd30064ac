"""fit() end to end: recovery, invariances, and what one person's bad input does to the others (nothing)."""

import dataclasses

import jax
import numpy as np
import pytest
from people import IMAGE_SIZE, draw_people

from smplify_jax import BodyParameters, Camera, FitStatus, InputError, fit, get_layout
from smplify_jax.geometry.metrics import pa_mpjpe
from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES, mirrored_name

NUM_PEOPLE = 8


@pytest.fixture(scope="module")
def people():
    return draw_people(NUM_PEOPLE, "coco17")


def pa_errors(joints, truth):
    """(N,) [mm]."""
    return np.array([1000 * pa_mpjpe(np.asarray(ours), true) for ours, true in zip(joints, truth, strict=True)])


def fit_people(keypoints, people, **options):
    defaults = {"layout": "coco17", "image_size": IMAGE_SIZE, "camera": people.focal_length}
    return fit(keypoints, **{**defaults, **options})


@pytest.fixture(scope="module")
def result(people):
    return fit_people(people.keypoints, people)


def leaves(result):
    return [np.asarray(leaf) for leaf in jax.tree.leaves(result)]


def test_known_people_are_recovered(people, result):
    assert all(status.is_usable for status in result.statuses())
    # One view leaves depth open: on people drawn so, the median is about 25 mm.
    assert np.median(pa_errors(result.joints, people.joints)) < 40
    error = np.asarray(result.reprojection_error_px) / people.height_px[:, None]
    assert np.median(error) < 0.01
    np.testing.assert_allclose(result.person_height_px, people.height_px, rtol=0.15)


def test_everything_is_float32_and_finite(result):
    for leaf in leaves(result):
        assert leaf.dtype in (np.float32, np.int32)
    # One proposal has no second-best start; everything else is a number.
    assert np.isnan(result.start_margin).all()
    for leaf in leaves(dataclasses.replace(result, start_margin=result.cost)):
        assert np.isfinite(leaf).all()


def test_cost_is_the_sum_of_its_terms(result):
    np.testing.assert_allclose(result.cost, sum(result.cost_by_term.values()), rtol=1e-4)


def test_a_person_alone_is_fitted_as_in_a_batch(people, result):
    for index in (0, 5):
        alone = fit_people(people.keypoints[index], people, camera=people.focal_length[index])
        assert not alone.is_batched
        # A batch of another size is another program, whose sums round differently; steps amplify that a little.
        np.testing.assert_allclose(alone.joints, result.joints[index], atol=5e-3)
        np.testing.assert_allclose(alone.cost, result.cost[index], rtol=2e-3)


def test_one_bad_person_changes_no_bit_of_the_others(people, result):
    keypoints = people.keypoints.copy()
    keypoints[3] = np.nan
    focal_length = people.focal_length.copy()
    focal_length[6] = np.nan
    bad = fit_people(keypoints, people, camera=focal_length)
    others = [0, 1, 2, 4, 5, 7]
    for ours, theirs in zip(leaves(result), leaves(bad), strict=True):
        np.testing.assert_array_equal(ours[others], theirs[others])
    assert bad.statuses()[3] is FitStatus.TOO_FEW_KEYPOINTS
    assert bad.statuses()[6] is FitStatus.NON_FINITE
    for index in (3, 6):
        assert np.isnan(bad.joints[index]).all()
        assert np.isnan(bad.cost[index])


def test_order_of_the_people_does_not_matter(people, result):
    order = np.random.default_rng(0).permutation(NUM_PEOPLE)
    shuffled = fit_people(people.keypoints[order], people, camera=people.focal_length[order])
    np.testing.assert_array_equal(shuffled.joints, np.asarray(result.joints)[order])


def test_scaling_picture_keypoints_and_focal_length_changes_nothing(people, result):
    keypoints = people.keypoints * np.array([4, 4, 1], np.float32)
    size = (4 * IMAGE_SIZE[0], 4 * IMAGE_SIZE[1])
    large = fit_people(keypoints, people, image_size=size, camera=4 * people.focal_length)
    # A factor of four is exact in floating point, so even the rounding is the same.
    np.testing.assert_allclose(large.joints, result.joints, atol=1e-4)
    np.testing.assert_allclose(large.keypoints_px, 4 * result.keypoints_px, atol=0.1)
    np.testing.assert_allclose(large.cost, result.cost, rtol=1e-3)


def test_a_mirrored_picture_gives_the_mirrored_body(people, result):
    flip = list(get_layout("coco17").flip)
    keypoints = people.keypoints[:, flip].copy()
    keypoints[..., 0] = IMAGE_SIZE[0] - keypoints[..., 0]
    joint_flip = [SMPL_JOINT_NAMES.index(mirrored_name(name)) for name in SMPL_JOINT_NAMES]
    pose = 0.8 * np.asarray(result.body_pose).reshape(NUM_PEOPLE, 23, 3)
    pose_flip = [j - 1 for j in joint_flip[1:]]
    # Both start from a given pose: the mean pose ties every component of the prior with its mirror image, and the tie is broken one way.
    start = BodyParameters(result.global_orient, pose.reshape(NUM_PEOPLE, 69), result.betas, result.transl)
    turned = np.asarray(result.global_orient) * [1, -1, -1]
    mirrored_pose = (pose[:, pose_flip] * [1, -1, -1]).reshape(NUM_PEOPLE, 69)
    mirrored_start = BodyParameters(turned, mirrored_pose, result.betas, np.asarray(result.transl) * [-1, 1, 1])
    straight = fit_people(people.keypoints, people, init=start)
    mirrored = fit_people(keypoints, people, init=mirrored_start)
    back = np.asarray(mirrored.joints)[:, joint_flip] * [-1, 1, 1]
    # The sums round differently, and a search that stops at a gain of 1e-3 ends within millimetres of the valley's floor.
    np.testing.assert_allclose(back, straight.joints, atol=1e-2)
    np.testing.assert_allclose(mirrored.cost, straight.cost, rtol=1e-2)


def test_the_callers_arrays_are_not_written(people):
    keypoints = people.keypoints.copy()
    keypoints[0, 2, 2] = -1.0
    keypoints[1, 3] = np.nan
    before, size = keypoints.copy(), np.array(IMAGE_SIZE)
    keypoints.setflags(write=False)
    fit_people(keypoints, people, image_size=size)
    np.testing.assert_array_equal(keypoints, before)


@pytest.mark.parametrize("nothing", [(0.0, 0.0, 0.0), (np.nan, np.nan, 0.9), (50.0, 60.0, np.nan), (900.0, 900.0, 0.0)])
def test_a_keypoint_that_was_not_found_does_not_count(people, nothing):
    keypoints, absent = people.keypoints.copy(), people.keypoints.copy()
    keypoints[:, 9] = nothing
    absent[:, 9, 2] = 0.0
    given, expected = fit_people(keypoints, people), fit_people(absent, people)
    np.testing.assert_array_equal(given.joints, expected.joints)
    assert np.isnan(given.reprojection_error_px[:, 9]).all()


def test_upper_bodies_without_hips_are_fitted(people):
    keypoints = people.keypoints.copy()
    keypoints[:, 11:] = 0
    result = fit_people(keypoints, people)
    assert all(status.is_usable for status in result.statuses())
    visible = np.asarray(result.reprojection_error_px)[:, :11] / people.height_px[:, None]
    assert np.median(visible) < 0.01
    # How large a person without legs is in the picture is known only through arms and shoulders.
    np.testing.assert_allclose(np.median(result.person_height_px / people.height_px), 1.0, atol=0.2)


def test_a_few_gross_outliers_are_outvoted(people, result):
    keypoints = people.keypoints.copy()
    keypoints[:, 7, :2] += people.height_px[:, None].astype(np.float32)
    hit = fit_people(keypoints, people)
    errors = pa_errors(hit.joints, people.joints)
    assert np.median(errors) < np.median(pa_errors(result.joints, people.joints)) + 40


def test_too_few_keypoints_are_told_per_person(people):
    keypoints = people.keypoints.copy()
    keypoints[0, 3:] = 0
    keypoints[1, :, :2] = 77.0
    statuses = fit_people(keypoints, people).statuses()
    assert statuses[0] is statuses[1] is FitStatus.TOO_FEW_KEYPOINTS
    assert all(status.is_usable for status in statuses[2:])
    assert "4 keypoints" in FitStatus.TOO_FEW_KEYPOINTS.sentence


def test_a_fit_from_its_own_result_stays_there(people, result):
    free = fit_people(people.keypoints, people, init=result, anchor=None)
    again = fit_people(people.keypoints, people, init=free, anchor=None)
    gain = 1 - np.asarray(again.cost) / np.asarray(free.cost)
    # A search ends when all steps to come are foretold to gain less than 0.0003, which a flat valley can belie.
    assert np.all((gain > -1e-4) & (gain < 0.01))
    moved = 1000 * np.linalg.norm(np.asarray(again.joints) - np.asarray(free.joints), axis=-1)
    assert moved.max() < 15  # [mm], in depth


def test_every_form_of_camera_gives_the_same_fit(people, result):
    centre = np.tile(np.array(IMAGE_SIZE, np.float32) / 2, (NUM_PEOPLE, 1))
    matrix = np.zeros((NUM_PEOPLE, 3, 3), np.float32)
    matrix[:, 0, 0] = matrix[:, 1, 1] = people.focal_length
    matrix[:, :2, 2], matrix[:, 2, 2] = centre, 1
    focal = np.repeat(people.focal_length[:, None], 2, axis=1)
    for camera in (matrix, Camera(focal, centre)):
        np.testing.assert_array_equal(fit_people(people.keypoints, people, camera=camera).joints, result.joints)


@pytest.mark.parametrize(
    ("keypoints", "options", "message"),
    [
        (np.zeros((2, 16, 3)), {}, "16 keypoints"),
        (np.zeros((17, 2)), {}, "shape"),
        (np.zeros((1, 17, 3)), {"layout": "coco18"}, "coco18"),
        (np.zeros((1, 17, 3)), {"profile": "fastest"}, "fastest"),
        (np.zeros((1, 17, 3)), {"num_betas": 99}, "betas"),
        (np.zeros((1, 17, 3)), {"num_starts": 0}, "num_starts"),
        (np.zeros((1, 17, 3)), {"image_size": (1, 2, 3)}, "image_size"),
        (np.zeros((1, 17, 3)), {"camera": np.eye(4)}, "camera"),
    ],
)
def test_unusable_arguments_are_refused_in_one_sentence(keypoints, options, message):
    with pytest.raises(InputError, match=message) as caught:
        fit(keypoints, **{"layout": "coco17", "image_size": (640, 480), **options})
    assert "\n" not in str(caught.value)
