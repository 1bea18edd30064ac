"""Calibrated cameras of a motion capture studio, read from a file that the user has. No calibration is stored here: it is licensed.

Two kinds of file are read:

- Human3.6M's own `metadata.xml` ("Visualisation and large scale prediction software" of the data set). Its element `w0` holds 300
  numbers: for camera c (0-3) and subject s (1-11) six at 6 (11 c + s - 1), three angles [rad] and the camera's place in the world [mm];
  then for each camera nine at 264 + 9 c: focal lengths and centre along x and y [px], radial coefficients k1, k2, k3, tangential p1, p2.
  The rotation from world to camera is Rx Ry Rz, and x_camera = R (x_world - place).
  Source: how github.com/una-dinosauria/3d-pose-baseline (src/cameras.py) reads it.
- JSON: `{"intrinsics": {CAMERA: {"calibration_matrix": 3x3 [px], "distortion": [k1, k2, p1, p2, k3]}},
  "extrinsics": {SUBJECT: {CAMERA: {"R": 3x3, "t": 3 [mm]}}}}` with x_camera = R x_world + t. `distortion` may be left out, and an entry
  of `extrinsics` may hold a `calibration_matrix` and a `distortion` of its own.
  Source: the format of github.com/karfly/human36m-camera-parameters, which is made of the numbers above.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from smplify_jax.camera.pinhole import Camera
from smplify_jax.errors import InputError

H36M_CAMERAS = ("54138969", "55011271", "58860488", "60457274")
"""In the order of `metadata.xml` and of VideoPose3D's 2D files."""

_NUM_SUBJECTS = 11
_FIRST_INTRINSIC = 264
_NUM_W0 = 300
_NUM_UNDISTORT_STEPS = 20


@dataclass(frozen=True)
class StudioCamera:
    """A camera that stands still.

    Attributes:
        rotation: (3, 3) from world to camera.
        translation: (3,) [m]; x_camera = rotation x_world + translation.
        pinhole: fields (2,) [px].
        distortion: (5,) k1, k2, p1, p2, k3.
    """

    rotation: np.ndarray
    translation: np.ndarray
    pinhole: Camera
    distortion: np.ndarray

    def from_world(self, points: np.ndarray) -> np.ndarray:
        """World points (..., 3) in the camera frame [m]."""
        return points @ self.rotation.T + self.translation

    def undistorted(self, pixels: np.ndarray) -> np.ndarray:
        """Where an ideal pinhole camera would have seen (..., 2) [px].

        The distortion is Brown's, in the order of OpenCV. Human3.6M's own projection counts the mixed tangential terms once instead of
        twice, about a tenth of a pixel. The inverse is a fixed-point iteration, which converges for lenses of studio cameras.
        """
        focal, centre = np.asarray(self.pinhole.focal_length), np.asarray(self.pinhole.camera_center)
        seen = (pixels - centre) / focal
        ideal = seen
        for _ in range(_NUM_UNDISTORT_STEPS):
            ideal = (seen - self._tangential(ideal)) / self._radial(ideal)
        return focal * ideal + centre

    def distorted(self, pixels: np.ndarray) -> np.ndarray:
        """Where this lens puts what an ideal pinhole camera sees at (..., 2) [px]."""
        focal, centre = np.asarray(self.pinhole.focal_length), np.asarray(self.pinhole.camera_center)
        ideal = (pixels - centre) / focal
        return focal * (ideal * self._radial(ideal) + self._tangential(ideal)) + centre

    def _radial(self, points: np.ndarray) -> np.ndarray:
        k1, k2, _, _, k3 = self.distortion
        r2 = (points**2).sum(axis=-1, keepdims=True)
        return 1 + r2 * (k1 + r2 * (k2 + r2 * k3))

    def _tangential(self, points: np.ndarray) -> np.ndarray:
        tangential = self.distortion[[3, 2]]
        r2 = (points**2).sum(axis=-1, keepdims=True)
        along = (points * tangential).sum(axis=-1, keepdims=True)
        return 2 * along * points + tangential * r2


StudioCameras = dict[tuple[str, str], StudioCamera]
"""By subject ("S9") and camera ("60457274", "C1")."""


def load_cameras(path: Path) -> StudioCameras:
    """Read `metadata.xml` or JSON, told apart by content.

    Raises:
        InputError: the file cannot be read, or is neither.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file of cameras; see docs/licensed_datasets.md.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as text ({error}); expected metadata.xml or JSON.") from None
    return _from_json(text, path) if text.lstrip().startswith("{") else _from_metadata(text, path)


def camera_of(cameras: StudioCameras, subject: str, camera: str) -> StudioCamera:
    """One camera; InputError where the file lacks it."""
    if (subject, camera) not in cameras:
        raise InputError(
            f"the file of cameras has none called {camera!r} for subject {subject!r}; it has "
            f"{', '.join(sorted({f'{s}/{c}' for s, c in cameras})) or 'none at all'}: add it."
        )
    return cameras[subject, camera]


def _from_metadata(text: str, path: Path) -> StudioCameras:
    # One element of numbers is all that is wanted, and no XML parser need see the rest of the file.
    found = re.search(r"<w0>\s*\[?([^<\]]*)\]?\s*</w0>", text)
    try:
        w0 = np.array(found[1].replace(",", " ").split(), np.float64) if found else np.empty(0)
    except ValueError:
        w0 = np.empty(0)
    if len(w0) != _NUM_W0 or not np.isfinite(w0).all():
        raise InputError(
            f"{path}: has no element w0 with {_NUM_W0} numbers; expected Human3.6M's metadata.xml or JSON of cameras."
        )
    cameras = {}
    for c, name in enumerate(H36M_CAMERAS):
        fx, fy, cx, cy, k1, k2, k3, p1, p2 = w0[_FIRST_INTRINSIC + 9 * c :][:9]
        for s in range(_NUM_SUBJECTS):
            angles, place = np.split(w0[6 * (_NUM_SUBJECTS * c + s) :][:6], 2)
            rotation = Rotation.from_euler("XYZ", angles).as_matrix()
            cameras[f"S{s + 1}", name] = StudioCamera(
                rotation=rotation,
                translation=-rotation @ place / 1000,
                pinhole=Camera(np.array([fx, fy]), np.array([cx, cy])),
                distortion=np.array([k1, k2, p1, p2, k3]),
            )
    return cameras


def _from_json(text: str, path: Path) -> StudioCameras:
    try:
        tree = json.loads(text)
        intrinsics = tree.get("intrinsics", {})
        return {
            (subject, name): _camera(entry, {**intrinsics.get(name, {}), **entry}, f"{path}: {subject}, {name}")
            for subject, cameras in tree["extrinsics"].items()
            for name, entry in cameras.items()
        }
    except InputError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise InputError(
            f"{path}: is no JSON of cameras; expected intrinsics and extrinsics as docs/licensed_datasets.md has them."
        ) from None


def _camera(extrinsic: dict[str, Any], intrinsic: dict[str, Any], what: str) -> StudioCamera:
    try:
        rotation = np.asarray(extrinsic["R"], np.float64).reshape(3, 3)
        translation = np.asarray(extrinsic["t"], np.float64).reshape(3) / 1000
        matrix = np.asarray(intrinsic["calibration_matrix"], np.float64).reshape(3, 3)
        distortion = np.asarray(intrinsic.get("distortion", np.zeros(5)), np.float64).reshape(5)
    except (ValueError, KeyError, TypeError):
        raise InputError(
            f"{what}: expected R (3x3), t (3) [mm], calibration_matrix (3x3) [px] and, if any, distortion (5)."
        ) from None
    numbers = np.concatenate([rotation.ravel(), translation, matrix.ravel(), distortion])
    # 1e-3: files are rounded to a few digits; a transposed or scaled matrix is far outside.
    is_rotation = np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-3) and np.linalg.det(rotation) > 0
    if not np.isfinite(numbers).all() or not is_rotation or min(matrix[0, 0], matrix[1, 1]) <= 0:
        raise InputError(f"{what}: R must be a rotation, the focal lengths positive and all numbers finite.")
    return StudioCamera(rotation, translation, Camera(np.diag(matrix)[:2], matrix[:2, 2]), distortion)
