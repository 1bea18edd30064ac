"""A short video whose truth is known: the open body walks on the spot and waves, in a plain studio.

The motion is a handful of sines, so that the program carries no recording.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import jax.numpy as jnp
import numpy as np
from jax import Array
from scipy.spatial.transform import Rotation

from smplify_jax.body.model import BodyModel
from smplify_jax.body.parameters import BodyParameters
from smplify_jax.camera.pinhole import Camera, project
from smplify_jax.detectors.detector import Frame
from smplify_jax.detectors.people import people_of
from smplify_jax.files.video import VideoFrame
from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES
from smplify_jax.keypoints.keypoint_set import KeypointSet
from smplify_jax.pictures.raycast import Shape
from smplify_jax.pictures.studio import Studio, clothes, render_in_studio

IMAGE_SIZE = (480, 640)
FOCAL_LENGTH = 900.0
"""[px]. It differs from the diagonal (800), which a fit assumes."""

FRAME_RATE, NUM_FRAMES = 25.0, 60

_CAMERA_HEIGHT, _DEPTH = 1.0, 4.0
"""[m] Of the level camera above the floor, and from it to the pelvis."""

_STEPS_PER_SECOND = 1.6
_WAVES_PER_SECOND = 2.0
_NOISE = 0.005
"""Of the noisy keypoints, in heights of the person: as of a good detector."""

_BETAS = (0.5, -0.6, 0.4, 0.3, -0.3, 0.2, 0.1, -0.2, 0.1, 0.0)


@dataclass(frozen=True, eq=False)
class ExampleMotion:
    """The person in T frames.

    Attributes:
        body: of the person.
        betas: (10,).
        global_orient: (T, 3) axis-angle [rad], camera frame.
        body_pose: (T, 69) axis-angle [rad].
        transl: (T, 3) [m].
    """

    body: BodyModel
    betas: np.ndarray
    global_orient: np.ndarray
    body_pose: np.ndarray
    transl: np.ndarray

    @property
    def times(self) -> np.ndarray:
        """(T,) [s]."""
        return np.arange(len(self.transl)) / FRAME_RATE

    def parameters(self, frames: int | Sequence[int]) -> BodyParameters:
        """The body in one frame, or in several, with a leading axis."""
        shape = np.broadcast_to(self.betas, (len(self.transl), len(self.betas)))
        blocks = (self.global_orient, self.body_pose, shape, self.transl)
        return BodyParameters(*(np.asarray(block[frames], np.float32) for block in blocks))

    @cached_property
    def joints(self) -> np.ndarray:
        """(T, 24, 3) camera frame [m]."""
        return np.asarray(self.body.joints(**self._arguments()))[:, :24]

    def keypoints_px(self, layout: str) -> np.ndarray:
        """(T, K, 2) without noise [px]; NaN for those that the body does not define."""
        camera = Camera(jnp.full(2, FOCAL_LENGTH), jnp.asarray(IMAGE_SIZE, jnp.float32) / 2)
        return np.asarray(project(self.body.keypoints(**self._arguments(), layout=layout), camera))

    def frames(self) -> Iterator[VideoFrame]:
        """The rendered video."""
        vertices, faces = np.asarray(self.body.vertices(**self._arguments()), np.float64), np.asarray(self.body.faces)
        studio = Studio(
            IMAGE_SIZE,
            FOCAL_LENGTH,
            np.array([0.0, -1.0, 0.0]),
            -_CAMERA_HEIGHT,
            shadow_rays=64,
            shadow_step=4,
            supersampling=2,
        )
        colors = clothes(self.body)
        for body, time_s in zip(vertices, self.times, strict=True):
            yield VideoFrame(render_in_studio(Shape(body, faces, colors), studio), float(time_s))

    def _arguments(self) -> dict[str, Array]:
        return {name: jnp.asarray(block) for name, block in self.parameters(range(len(self.transl))).blocks().items()}


def example_motion(body: BodyModel, num_frames: int) -> ExampleMotion:
    """The motion, with the feet on the floor.

    Args:
        body: the open body, or another one of its kind.
        num_frames: T.
    """
    times = np.arange(num_frames) / FRAME_RATE
    angles = _angles(times)
    pose = [
        Rotation.from_euler("ZYX", angles.get(name, np.zeros((num_frames, 3))), degrees=True).as_rotvec()
        for name in SMPL_JOINT_NAMES[1:]
    ]
    yaw = 14 * np.sin(2 * np.pi * 0.35 * times)
    facing_camera = Rotation.from_euler("x", 180, degrees=True)
    motion = ExampleMotion(
        body=body,
        betas=np.array(_BETAS, np.float32),
        global_orient=(facing_camera * Rotation.from_euler("y", yaw[:, None], degrees=True)).as_rotvec(),
        body_pose=np.concatenate(pose, axis=1),
        transl=np.stack([0.15 * np.sin(2 * np.pi * 0.4 * times), 0 * times, _DEPTH - 0.2 * times], axis=1),
    )
    lowest = np.asarray(motion.body.vertices(**motion._arguments()))[..., 1].max(axis=1)
    motion.transl[:, 1] += _CAMERA_HEIGHT - lowest
    return motion


def _angles(times: np.ndarray) -> dict[str, np.ndarray]:
    """(T, 3) rotations of joints about z, then y, then x [degrees]; x to the body's left, y up, z to the front."""
    phase = np.pi * _STEPS_PER_SECOND * times
    wave = np.sin(2 * np.pi * _WAVES_PER_SECOND * times)
    sway = np.sin(phase)
    zero = 0 * times

    def leg(swing: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        lift = np.maximum(swing, 0) ** 2
        return -4 - 32 * lift + 5 * np.minimum(swing, 0), 6 + 48 * lift, -2 - 8 * lift

    angles: dict[str, tuple[np.ndarray, ...]] = {
        "spine1": (2 * sway, zero, 2 + zero),
        "spine3": (zero, 6 * sway, zero),
        "neck": (zero, -4 * sway, 4 + zero),
        "left_shoulder": (-64 + zero, 14 * sway, 20 + zero),
        "left_elbow": (zero, -28 + 10 * sway, zero),
        "right_shoulder": (18 + 4 * wave, -14 + zero, -72 + 10 * wave),
        "right_elbow": (zero, 72 + 24 * wave, zero),
    }
    for side, sign, swing in (("left", 1.0, sway), ("right", -1.0, -sway)):
        hip, knee, ankle = leg(swing)
        angles[f"{side}_hip"] = (sign * 3 + zero, zero, hip)
        angles[f"{side}_knee"] = (zero, zero, knee)
        angles[f"{side}_ankle"] = (zero, zero, ankle)
    return {name: np.stack(values, axis=1) for name, values in angles.items()}


class TrueKeypoints:
    """A detector that knows the truth of the example, and adds noise.

    Attributes:
        name: for messages.
        layout: of the keypoints.
        keypoints: (T, K, 3) of the person.
    """

    def __init__(self, motion: ExampleMotion, layout: str) -> None:
        """Take the motion and the layout of the keypoints."""
        self.name, self.layout = "the true keypoints", layout
        exact = motion.keypoints_px(layout)
        height = np.nanmean(np.nanmax(exact[..., 1], axis=1) - np.nanmin(exact[..., 1], axis=1))
        noise = np.random.default_rng(20160914).normal(0, _NOISE * height, exact.shape)
        is_defined = np.isfinite(exact).all(axis=-1, keepdims=True)
        self.keypoints = np.nan_to_num(np.concatenate([exact + noise, 0.9 * is_defined], axis=-1)).astype(np.float32)

    def detect(self, image: np.ndarray) -> KeypointSet:
        """The person in the first frame."""
        return next(iter(self.track([Frame(image, 0.0)])))

    def track(self, frames: Iterable[Frame]) -> Iterator[KeypointSet]:
        """The person in each frame."""
        for number, _ in enumerate(frames):
            yield people_of(
                self.layout, self.keypoints[number : number + 1], IMAGE_SIZE, track_ids=("0",), frame=number
            )
