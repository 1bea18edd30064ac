"""Synthetic people with ground truth: recorded poses, random bodies and cameras, and detections with a detector's errors.

This is the protocol "cmu-val": poses of actors outside the training data of every prior, so that anyone with the motion
folder can reproduce the numbers. `make_people` returns everything that a benchmark needs. The same seed gives the same
people for any noise, so that the rows of a table compare the same people.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.spatial.transform import Rotation

from smplify_jax.body.model import BodyModel
from smplify_jax.body.parameters import BodyParameters
from smplify_jax.camera.pinhole import Camera, project
from smplify_jax.keypoints.layouts import Layout, get_layout
from smplify_jax.learn.mocap.poses import PoseSet, load_poses
from smplify_jax.learn.mocap.recombination import recombined
from smplify_jax.learn.rare_poses import rare_poses

LOWER_BODY = ("hip", "knee", "ankle", "toe", "heel")
"""Parts of the names of keypoints that a picture cropped at the waist does not show."""

IMAGE_SIZES = ((1280, 960), (960, 1280), (1920, 1080), (1024, 1024))
STATURE = 1.7  # [m] of the mean body, to turn a height in pixels into a depth


@dataclass(frozen=True)
class Detector:
    """How detections differ from the truth.

    Attributes:
        noise: standard deviation of each coordinate, as a fraction of the person's height in the picture.
        noise_spread: variation of the noise from point to point: standard deviation of its logarithm.
        missing: fraction of keypoints not found (confidence 0).
        outliers: fraction of keypoints placed anywhere around the person.
        swaps: fraction of left/right pairs exchanged.
        unseen: parts of the names of keypoints that are never found, such as LOWER_BODY.
    """

    noise: float = 0.02
    noise_spread: float = 0.4
    missing: float = 0.10
    outliers: float = 0.03
    swaps: float = 0.02
    unseen: tuple[str, ...] = ()


EXACT = Detector(noise=0.0, missing=0.0, outliers=0.0, swaps=0.0)
"""Every keypoint is found, without error."""


@dataclass(frozen=True)
class PeopleOptions:
    """Distribution of people and cameras.

    Attributes:
        split: split of the motion folder.
        max_frames_per_clip: number of poses drawn from one recording, at most.
        max_poses_per_subject: number of poses of one actor, at most.
        is_recombined: whether poses combine parts of several recorded ones, see `recombined`.
        is_any_way_up: whether root orientations are uniform, upside down too, rather than upright as recorded.
        num_rare: if not zero, this many poses of `rare_poses` instead of recorded ones.
        max_beta: shape coefficients are normal, clipped at this many standard deviations.
        pitch, roll: [rad] standard deviations of the camera's tilt; yaw is uniform.
        focal_length: range, as a fraction of the picture's diagonal.
        height_px: range of the height of a standing person [px].
        seed: of all random numbers.
    """

    split: str = "val"
    max_frames_per_clip: int = 8
    max_poses_per_subject: int = 64
    is_recombined: bool = False
    is_any_way_up: bool = False
    num_rare: int = 0
    max_beta: float = 2.0
    pitch: float = np.radians(10.0)
    roll: float = np.radians(5.0)
    focal_length: tuple[float, float] = (0.7, 2.0)
    height_px: tuple[float, float] = (200.0, 800.0)
    seed: int = 0


@dataclass(frozen=True)
class People:
    """N people; every array has a leading axis of N.

    Attributes:
        keypoints: (N, K, 3) detections x, y [px], confidence.
        true_keypoints_px: (N, K, 2).
        truth: the bodies, in the camera frame.
        camera: the true cameras.
        image_size: (N, 2) width, height [px].
        height_px: (N,) height of the person in the picture when standing [px]; noise is a fraction of it.
        poses: sources of the poses: clips, subjects, actions, is_walking.
        layout: of the keypoints.
        detector: how the keypoints differ from the truth.
    """

    keypoints: np.ndarray
    true_keypoints_px: np.ndarray
    truth: BodyParameters
    camera: Camera
    image_size: np.ndarray
    height_px: np.ndarray
    poses: PoseSet = field(repr=False)
    layout: str
    detector: Detector

    def __len__(self) -> int:
        return len(self.keypoints)

    def as_seen(self) -> dict[str, Any]:
        """Arguments for `fit`: the keypoints, and the true cameras."""
        return {
            "keypoints": self.keypoints,
            "layout": self.layout,
            "image_size": self.image_size,
            "camera": self.camera,
        }

    def subsample(self, num_people: int) -> People:
        """At most `num_people` of them, evenly spread over clips and subjects."""
        if num_people >= len(self):
            return self
        rows = np.linspace(0, len(self) - 1, num_people).round().astype(int)
        arrays = ("keypoints", "true_keypoints_px", "truth", "camera", "image_size", "height_px")
        chosen = jax.tree.map(lambda array: array[rows], {name: getattr(self, name) for name in arrays})
        return replace(self, **chosen, poses=self.poses.select(rows))


def make_people(
    folder: str | Path,
    body: BodyModel,
    layout: str | Layout = "coco17",
    detector: Detector = EXACT,
    options: PeopleOptions = PeopleOptions(),
    num_betas: int = 10,
) -> People:
    """Draw the people of the protocol.

    Args:
        folder: the motion folder, see smplify_jax.learn.mocap.clips.find_clips.
        body: the body of all people.
        layout: of the detections; it changes neither poses nor cameras.
        detector: errors of the detections; it changes neither poses nor cameras.
        options: distribution of people and cameras.
        num_betas: number of shape coefficients that vary.
    """
    layout = get_layout(layout)
    poses = _draw_poses(folder, body, options)
    generator = np.random.default_rng([options.seed, 1])
    count = len(poses)
    betas = np.clip(generator.normal(size=(count, num_betas)), -options.max_beta, options.max_beta)
    orient = _draw_orientations(poses.poses[:, :3], options, generator)
    image_size = np.array(IMAGE_SIZES, float)[generator.integers(len(IMAGE_SIZES), size=count)]
    focal_length = generator.uniform(*options.focal_length, size=count) * np.linalg.norm(image_size, axis=1)
    height_px = generator.uniform(*options.height_px, size=count)
    camera = Camera(
        jnp.asarray(np.repeat(focal_length[:, None], 2, axis=1), jnp.float32), jnp.asarray(image_size / 2, jnp.float32)
    )
    truth = BodyParameters(
        global_orient=jnp.asarray(orient, jnp.float32),
        body_pose=jnp.asarray(poses.body_poses, jnp.float32),
        betas=jnp.asarray(betas, jnp.float32),
        transl=jnp.zeros((count, 3), jnp.float32),
    )
    places = generator.uniform(size=(count, 2))
    transl = _place(body, truth, focal_length, image_size, focal_length * STATURE / height_px, places)
    truth = BodyParameters(truth.global_orient, truth.body_pose, truth.betas, jnp.asarray(transl, jnp.float32))
    points = np.asarray(project(body.keypoints(**truth.blocks(), layout=layout), camera), float)
    keypoints = detect(points, height_px, layout, detector, np.random.default_rng([options.seed, 2]))
    return People(keypoints, points, truth, camera, image_size, height_px, poses, layout.name, detector)


def detect(
    points_px: np.ndarray, height_px: np.ndarray, layout: Layout, detector: Detector, generator: np.random.Generator
) -> np.ndarray:
    """Simulate detections of true points: noise that roughly correlates with the confidence, gaps, outliers, exchanged sides.

    Args:
        points_px: (N, K, 2) [px].
        height_px: (N,) [px].
        layout: K keypoints.
        detector: the errors.
        generator: the same numbers are drawn for every detector, so that detections differ only by the detector's settings.
    Returns:
        (N, K, 3) float32 x, y, confidence; (0, 0, 0) where nothing was found.
    """
    shape = points_px.shape[:2]
    log_spread = detector.noise_spread * generator.normal(size=shape)
    sigma = detector.noise * height_px[:, None] * np.exp(log_spread)
    found = points_px + sigma[..., None] * generator.normal(size=points_px.shape)
    confidence = np.clip(0.8 - 0.3 * log_spread + 0.05 * generator.normal(size=shape), 0.2, 1.0)

    centre, reach = points_px.mean(axis=1, keepdims=True), 0.6 * height_px[:, None, None]
    is_outlier = generator.uniform(size=shape) < detector.outliers
    found = np.where(is_outlier[..., None], centre + reach * generator.uniform(-1, 1, size=points_px.shape), found)
    confidence = np.where(is_outlier, generator.uniform(0.2, 0.8, size=shape), confidence)

    flip = np.array(layout.flip)
    first_of_pair = np.minimum(np.arange(len(flip)), flip)
    is_swapped = (generator.uniform(size=shape) < detector.swaps)[:, first_of_pair]
    found = np.where(is_swapped[..., None], found[:, flip], found)

    is_missing = generator.uniform(size=shape) < detector.missing
    is_missing |= np.array([any(part in name for part in detector.unseen) for name in layout.keypoint_names])
    detections = np.concatenate([found, confidence[..., None]], axis=-1)
    return np.where(is_missing[..., None], 0.0, detections).astype(np.float32)


@lru_cache(maxsize=8)
def _recorded_poses(folder: str | Path, split: str, max_frames_per_clip: int, seed: int) -> PoseSet:
    """Kept, 2 MB each: reading takes seconds, and who compares layouts or groups of people draws the same poses many times."""
    return load_poses(folder, split=split, max_frames_per_clip=max_frames_per_clip, seed=seed)


def _draw_poses(folder: str | Path, body: BodyModel, options: PeopleOptions) -> PoseSet:
    if options.num_rare:
        return rare_poses(body, options.split, options.num_rare, options.seed)
    poses = _recorded_poses(folder, options.split, options.max_frames_per_clip, options.seed)
    generator = np.random.default_rng([options.seed, 0])
    kept = []
    for subject in np.unique(poses.subjects):
        rows = np.flatnonzero(poses.subjects == subject)
        kept.append(generator.permutation(rows)[: options.max_poses_per_subject])
    chosen = poses.select(np.sort(np.concatenate(kept)))
    return recombined(chosen, np.random.default_rng([options.seed, 3])) if options.is_recombined else chosen


def _draw_orientations(recorded: np.ndarray, options: PeopleOptions, generator: np.random.Generator) -> np.ndarray:
    """Draw global_orient (N, 3) in the camera frame: a yaw about the vertical, the camera's pitch and roll, then y down."""
    count = len(recorded)
    if options.is_any_way_up:
        return Rotation.from_quat(generator.normal(size=(count, 4))).as_rotvec()
    yaw = _turn("y", generator.uniform(0.0, 2.0 * np.pi, size=count))
    pitch = _turn("x", options.pitch * generator.normal(size=count))
    roll = _turn("z", options.roll * generator.normal(size=count))
    return (_turn("x", np.full(count, np.pi)) * roll * pitch * yaw * Rotation.from_rotvec(recorded)).as_rotvec()


def _turn(axis: str, angles: np.ndarray) -> Rotation:
    """N rotations about one axis."""
    return Rotation.from_euler(axis, angles[:, None])


def _place(
    body: BodyModel,
    truth: BodyParameters,
    focal_length: np.ndarray,
    image_size: np.ndarray,
    depth: np.ndarray,
    places: np.ndarray,
) -> np.ndarray:
    """Translations (N, 3) at the given depth that put the person's box anywhere in the picture, or centre it if it is too large."""
    joints = np.asarray(body.keypoints(**truth.blocks(), layout=get_layout("smpl24")), float)
    scale = (focal_length / depth)[:, None]
    low, high = scale * joints[..., :2].min(axis=1), scale * joints[..., :2].max(axis=1)
    room = image_size - (high - low)
    corner = np.where(room > 0, places * room, 0.5 * room)
    root_px = corner - low - 0.5 * image_size
    return np.concatenate([root_px / scale, depth[:, None]], axis=1)
