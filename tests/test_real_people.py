"""Fits of real detections, and of recorded poses with known truth. The pictures have to be looked at; numbers do not see a twisted arm."""

import numpy as np
import pytest

from benchmarks.measure import accuracy
from smplify_jax import FitStatus, fit, get_layout, load_body, load_keypoints
from smplify_jax.geometry.metrics import pa_mpjpe
from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES
from smplify_jax.learn.people import make_people
from smplify_jax.terms.bend import UNNATURAL_BENDS

pytestmark = pytest.mark.real_data

CONFIDENT = 0.3


def check_people(keypoints, result):
    """The bar for real detections: bodies follow the confident points, are of human shape, and bend the human way."""
    usable = np.array([status.is_usable for status in result.statuses()])
    enough = (keypoints[..., 2] > 0).sum(axis=1) >= 4
    np.testing.assert_array_equal(usable, enough)
    error = np.asarray(result.reprojection_error_px) / np.asarray(result.person_height_px)[:, None]
    is_confident = (keypoints[..., 2] > CONFIDENT) & usable[:, None]
    assert np.nanmedian(error[is_confident]) <= 0.03
    per_person = np.array([np.median(e[c]) for e, c in zip(error, is_confident, strict=True) if c.sum() >= 6])
    # Every person with six confident points, not just the typical one; small and blurred people are annotated to about 5 %.
    assert np.mean(per_person <= 0.03) >= 0.95
    assert np.nanmax(np.abs(result.betas)) < 3
    pose = np.asarray(result.body_pose)[usable].reshape(-1, 23, 3)
    for joint, axis, sign in UNNATURAL_BENDS:
        hyperextension = sign * pose[:, SMPL_JOINT_NAMES.index(joint) - 1, axis]
        # 20 degrees: a straight limb and what axis-angle numbers add when the limb is also twisted.
        assert np.mean(hyperextension < np.radians(20)) > 0.97, joint


def test_coco_people_are_fitted(shared_data):
    folder = shared_data / "keypoints"
    sets = [
        load_keypoints(folder / "coco/person_keypoints_train2017_mini.json"),
        load_keypoints(folder / "mmpose/test_coco.json"),
    ]
    keypoints = np.concatenate([people.keypoints for people in sets])
    size = np.concatenate([people.image_size for people in sets])
    result = fit(keypoints, layout="coco17", image_size=size)
    check_people(keypoints, result)
    assert np.mean([status is FitStatus.CONVERGED for status in result.statuses()]) > 0.7


def test_the_openpose_person_is_fitted(shared_data):
    people = load_keypoints(shared_data / "keypoints/openpose")
    with pytest.warns(UserWarning, match="size is not known"):
        result = fit(people.keypoints, layout=people.layout)
    check_people(people.keypoints, result)


LIMBS = tuple(
    f"{side}_{joint}" for joint in ("shoulder", "elbow", "wrist", "knee", "ankle") for side in ("left", "right")
)


def test_every_view_of_a_calibrated_person_gives_the_triangulated_limbs(shared_data):
    with np.load(shared_data / "keypoints/pose2sim/pose2sim_S00_P00_T00_StaticTrial.npz") as recorded:
        detections, joints, matrices = (recorded[name] for name in ("keypoints2d", "joints3d", "K"))
    num_frames, num_cameras = detections.shape[:2]
    keypoints = detections.reshape(-1, 25, 3)
    result = fit(keypoints, layout="openpose25b", camera=np.tile(matrices, (num_frames, 1, 1)))
    check_people(keypoints, result)
    layout = get_layout("openpose25b")
    truth = np.repeat(joints[:, [layout.index(name) for name in LIMBS]], num_cameras, axis=0)
    ours = np.asarray(result.joints)[:, [SMPL_JOINT_NAMES.index(name) for name in LIMBS]]
    errors = [1000 * pa_mpjpe(a, b) for a, b in zip(ours, truth, strict=True)]
    # Detected and SMPL joints differ by a few centimetres, and one view leaves depth open.
    assert np.median(errors) < 80


def test_recorded_poses_are_recovered_from_exact_keypoints(shared_data):
    body = load_body()
    people = make_people(shared_data / "mocap", body, "coco17")
    result = fit(**people.as_seen(), body=body)
    errors = accuracy(result, people, body)
    assert np.median(errors["pa_mpjpe_mm"]) <= 40
    assert np.median(errors["error_2d_percent"]) <= 1.0
    assert np.mean(errors["pa_mpjpe_mm"] > 150) <= 0.03
