"""Render the packaged example picture from the open body, with detections and the ground truth.

    python -m smplify_jax.learn.example

The person stands in a plain studio and gestures with both hands. The files are `example.png`, `example_keypoints.json`
(in OpenPose's format: BODY_25 with noise, without the ear that the head hides) and `example_truth.npz` (the body's
parameters and name, and the camera). All random numbers are seeded, so the same body gives the same files.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import tyro
from jax import Array
from scipy.spatial.transform import Rotation

from smplify_jax.body.load import load_body
from smplify_jax.body.model import BodyModel
from smplify_jax.files.atomic import atomic_write
from smplify_jax.files.images import save_image
from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES
from smplify_jax.keypoints.layouts import get_layout
from smplify_jax.pictures.raycast import Shape
from smplify_jax.pictures.studio import Studio, clothes, render_in_studio

DATA_FOLDER = Path(__file__).parent.parent / "cli" / "data"

IMAGE_SIZE = (512, 640)
FOCAL_LENGTH = 900.0
"""[px]. It differs from the diagonal (820), which a fit assumes."""

CAMERA_PITCH = 6.0  # [degrees], downwards
BODY_YAW = 24.0  # [degrees], to the body's left
DEPTH = 3.1  # [m] from the camera to the pelvis
NOISE_PX = 3.0
"""Standard deviation of the detections: half a percent of the person's height, as in good detectors."""

BETAS = (0.7, -0.9, 0.6, 0.4, -0.5, 0.3, 0.2, -0.4, 0.3, 0.1)

_POSE_IN_DEGREES: dict[str, tuple[float, float, float]] = {
    # Rotations about z, then y, then x of the joint's frame: x to the body's left, y up, z to the front. For an arm,
    # x is the rotation about its own axis.
    "spine1": (2.0, 4.0, 4.0),
    "spine2": (2.0, 4.0, 2.0),
    "spine3": (2.0, 3.0, 0.0),
    "neck": (-4.0, -8.0, 4.0),
    "head": (-4.0, -10.0, 4.0),
    "right_collar": (-2.0, 0.0, 0.0),
    "right_shoulder": (58.0, -22.0, -30.0),
    "right_elbow": (0.0, 88.0, -10.0),
    "left_shoulder": (-58.0, 22.0, 30.0),
    "left_elbow": (0.0, -70.0, 10.0),
    "left_hip": (-2.0, 6.0, -2.0),
    "left_knee": (0.0, 0.0, 3.0),
    "right_hip": (-8.0, -16.0, -10.0),
    "right_knee": (0.0, 0.0, 15.0),
    "right_ankle": (7.0, 0.0, -5.0),
}


@dataclass(frozen=True)
class Truth:
    """The person in the picture.

    Attributes:
        betas: (10,).
        global_orient: (3,) axis-angle [rad], camera frame.
        body_pose: (69,) axis-angle [rad].
        transl: (3,) [m].
    """

    betas: np.ndarray
    global_orient: np.ndarray
    body_pose: np.ndarray
    transl: np.ndarray

    def arguments(self) -> dict[str, Array]:
        """Arguments for the body's methods."""
        return {name: jnp.asarray(getattr(self, name)) for name in ("betas", "global_orient", "body_pose", "transl")}


def make_truth() -> Truth:
    """The person in front of the camera."""
    camera_tilt = Rotation.from_euler("x", CAMERA_PITCH, degrees=True)
    facing_camera = Rotation.from_euler("x", 180, degrees=True)
    turned = Rotation.from_euler("y", BODY_YAW, degrees=True)
    pose = [
        Rotation.from_euler("ZYX", _POSE_IN_DEGREES.get(name, (0.0, 0.0, 0.0)), degrees=True).as_rotvec()
        for name in SMPL_JOINT_NAMES[1:]
    ]
    return Truth(
        betas=np.array(BETAS, np.float32),
        global_orient=(camera_tilt * facing_camera * turned).as_rotvec().astype(np.float32),
        body_pose=np.concatenate(pose).astype(np.float32),
        transl=np.array([0.06, -0.06, DEPTH], np.float32),
    )


def project_truth(points_cam: np.ndarray) -> np.ndarray:
    """Project points (N, 3) [m] to pixels (N, 2)."""
    return FOCAL_LENGTH * points_cam[:, :2] / points_cam[:, 2:] + np.array(IMAGE_SIZE) / 2


def make_detections(body: BodyModel, truth: Truth) -> np.ndarray:
    """Detections (25, 3) x, y, confidence: BODY_25 of the truth with noise, without the hidden ear."""
    layout = get_layout("openpose25")
    rng = np.random.default_rng(20160914)
    exact = project_truth(np.asarray(body.keypoints(**truth.arguments(), layout=layout)))
    noisy = exact + rng.normal(0.0, NOISE_PX, exact.shape)
    detections = np.column_stack([noisy, rng.uniform(0.65, 0.95, len(noisy))])
    detections[layout.index("right_ear")] = 0.0
    return np.round(detections, 3)


def make_picture(body: BodyModel, truth: Truth) -> np.ndarray:
    """Render the picture, (H, W, 3) uint8."""
    vertices = np.asarray(body.vertices(**truth.arguments()), np.float64)
    up = Rotation.from_euler("x", CAMERA_PITCH, degrees=True).apply([0.0, -1.0, 0.0])
    studio = Studio(IMAGE_SIZE, FOCAL_LENGTH, up, float((vertices @ up).min()))
    return render_in_studio(Shape(vertices, np.asarray(body.faces), clothes(body)), studio)


def write_example(folder: Path) -> None:
    """Write the three files of the example."""
    body, truth = load_body(), make_truth()
    save_image(folder / "example.png", make_picture(body, truth))
    person = {"person_id": [-1], "pose_keypoints_2d": make_detections(body, truth).ravel().tolist()}
    with atomic_write(folder / "example_keypoints.json") as file:
        file.write(json.dumps({"version": 1.3, "people": [person]}).encode() + b"\n")
    with atomic_write(folder / "example_truth.npz") as file:
        np.savez(
            file,
            **vars(truth),
            focal_length=np.full(2, FOCAL_LENGTH, np.float32),
            camera_center=np.array(IMAGE_SIZE, np.float32) / 2,
            image_size=np.array(IMAGE_SIZE),
            body_name=np.array(body.name),
        )


def main(out: Path = DATA_FOLDER) -> None:
    """Render the example and write it.

    Args:
        out: folder to write to.
    """
    out.mkdir(parents=True, exist_ok=True)
    write_example(out)


if __name__ == "__main__":
    tyro.cli(main)
