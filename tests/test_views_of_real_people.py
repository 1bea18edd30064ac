"""Several views of a real person: the four cameras of Pose2Sim against its triangulated joints."""

import numpy as np
import pytest

from smplify_jax.camera.calibration import load_calibration
from smplify_jax.camera.distortion import undistort
from smplify_jax.camera.pinhole import Camera
from smplify_jax.camera.triangulation import triangulate
from smplify_jax.fitting.points import fit_points
from smplify_jax.fitting.views import fit_views
from smplify_jax.geometry.metrics import pa_mpjpe
from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES
from smplify_jax.keypoints.layouts import get_layout

pytestmark = pytest.mark.real_data

LIMBS = tuple(
    f"{side}_{joint}" for joint in ("shoulder", "elbow", "wrist", "knee", "ankle") for side in ("left", "right")
)
OURS = [SMPL_JOINT_NAMES.index(name) for name in LIMBS]


@pytest.fixture(scope="module")
def recording(shared_data):
    """Keypoints (T, 4, 25, 3), cameras, and triangulated limbs (T, 10, 3) [m]."""
    path = shared_data / "keypoints/pose2sim/pose2sim_S00_P00_T00_StaticTrial.npz"
    layout = get_layout("openpose25b")
    with np.load(path) as file:
        return file["keypoints2d"], load_calibration(path), file["joints3d"][:, [layout.index(name) for name in LIMBS]]


def limb_errors_mm(result, truth):
    """PA over the limbs, frame by frame."""
    ours = np.asarray(result.joints)[:, OURS]
    return np.array([1000 * pa_mpjpe(a, b) for a, b in zip(ours, truth, strict=True)])


def test_four_views_give_the_triangulated_limbs(recording):
    keypoints, cameras, truth = recording
    result = fit_views(keypoints, cameras, layout="openpose25b")
    assert all(status.is_fitted for status in result.statuses())
    assert np.median(limb_errors_mm(result, truth)) <= 20  # measured 10
    # In the world itself: detected shoulders are a few centimetres from SMPL's.
    assert 1000 * np.linalg.norm(np.asarray(result.joints)[:, OURS] - truth, axis=-1).mean() <= 60
    speeds = np.linalg.norm(np.asarray(result.velocities), axis=-1)
    assert np.median(speeds) < 0.3  # [m/s]: the person stands still


def test_two_views_are_nearly_as_good(recording):
    keypoints, cameras, truth = recording
    result = fit_views(keypoints[:, :2], cameras[:2], layout="openpose25b")
    assert np.median(limb_errors_mm(result, truth)) <= 35  # measured 18


def test_cameras_without_places_are_placed_by_the_person(recording):
    keypoints, cameras, truth = recording
    pinholes = [Camera(camera.camera.focal_length, camera.camera.camera_center) for camera in cameras]
    straight = np.stack([undistort(keypoints[:, v], camera) for v, camera in enumerate(cameras)], axis=1)
    result = fit_views(straight, pinholes, layout="openpose25b")
    assert np.median(limb_errors_mm(result, truth)) <= 35  # measured 17


def test_triangulated_points_give_the_same_person(recording):
    keypoints, cameras, truth = recording
    straight = np.stack([undistort(keypoints[:, v], camera) for v, camera in enumerate(cameras)], axis=1)
    points = triangulate(straight, cameras)
    result = fit_points(points, layout="openpose25b", fps=30)
    assert np.median(limb_errors_mm(result, truth)) <= 20  # measured 11
    assert np.nanmedian(np.asarray(result.point_errors)) <= 0.03
