"""Calibrations of the licensed data sets, on tiny files in exactly their formats whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from licensed_files import DISTORTION, studio_camera, write_cameras_json, write_metadata_xml

from benchmarks.datasets.cameras import load_cameras
from benchmarks.datasets.human36m import FRONTAL_CAMERA
from smplify_jax import InputError


def check_camera(camera):
    expected, points = studio_camera(), np.random.default_rng(0).normal(size=(5, 3))
    np.testing.assert_allclose(camera.from_world(points), expected.from_world(points), atol=1e-9)
    np.testing.assert_allclose(camera.pinhole.focal_length, expected.pinhole.focal_length)
    np.testing.assert_allclose(camera.pinhole.camera_center, expected.pinhole.camera_center)
    np.testing.assert_allclose(camera.distortion, expected.distortion)


def test_metadata_xml_gives_the_cameras_in_metres(tmp_path):
    write_metadata_xml(tmp_path / "metadata.xml")
    cameras = load_cameras(tmp_path / "metadata.xml")
    assert len(cameras) == 44
    check_camera(cameras["S9", FRONTAL_CAMERA])
    check_camera(cameras["S11", FRONTAL_CAMERA])
    # A camera sees its own place at the origin; 2.0445 m and not millimetres.
    np.testing.assert_allclose(
        cameras["S9", FRONTAL_CAMERA].from_world(np.array([2.0445, -4.9351, 1.4812])), 0, atol=1e-9
    )


def test_json_gives_the_cameras_in_metres(tmp_path):
    write_cameras_json(tmp_path / "c.json", ["S9"], [FRONTAL_CAMERA])
    check_camera(load_cameras(tmp_path / "c.json")["S9", FRONTAL_CAMERA])


def test_the_lens_is_that_of_opencv_and_undone():
    camera, (k1, k2, p1, p2, k3) = studio_camera(), DISTORTION
    x, y = 0.3, -0.2
    r2 = x * x + y * y
    radial = 1 + k1 * r2 + k2 * r2**2 + k3 * r2**3
    bent = [
        x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x),
        y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y,
    ]
    focal, centre = np.asarray(camera.pinhole.focal_length), np.asarray(camera.pinhole.camera_center)
    ideal = focal * np.array([x, y]) + centre
    np.testing.assert_allclose(camera.distorted(ideal), focal * np.array(bent) + centre, atol=1e-9)
    corners = np.array([[0.0, 0.0], [1000.0, 0.0], [1000.0, 1002.0], [500.0, 500.0]])
    np.testing.assert_allclose(camera.distorted(camera.undistorted(corners)), corners, atol=1e-6)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("<metadata></metadata>", "300 numbers"),
        ("<w0>[1 2 3]</w0>", "300 numbers"),
        ("{", "no JSON of cameras"),
        ('{"extrinsics": {"S1": {"C1": {"R": [1], "t": [0, 0, 0]}}}}', "expected R"),
        (
            '{"extrinsics": {"S1": {"C1": {"R": [2,0,0,0,2,0,0,0,2], "t": [0,0,0], "calibration_matrix": [1,0,0,0,1,0,0,0,1]}}}}',
            "must be a rotation",
        ),
    ],
)
def test_files_that_are_no_calibration_are_refused(tmp_path, text, complaint):
    (tmp_path / "cameras").write_text(text)
    with pytest.raises(InputError, match=complaint):
        load_cameras(tmp_path / "cameras")
