"""Synthetic videos of people with ground truth: recorded motions before a fixed camera, and a detector's errors over time.

`make_tracks` returns everything that a benchmark or a training needs. The same seed gives the same people, cameras and errors for any
noise, and each window has its own random numbers: a track is the same whichever others are drawn with it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jax
import numpy as np

from smplify_jax.body.model import BodyModel
from smplify_jax.body.parameters import BodyParameters
from smplify_jax.camera.pinhole import Camera, project
from smplify_jax.errors import InputError
from smplify_jax.keypoints.layouts import Layout, get_layout
from smplify_jax.learn.mocap.recordings import load_recordings
from smplify_jax.learn.people import STATURE
from smplify_jax.learn.video.detections import EXACT_TRACK, TrackDetector, detect_track
from smplify_jax.learn.video.options import PROTOCOL, TrackOptions
from smplify_jax.learn.video.scene import before_a_camera, body_in_world
from smplify_jax.learn.video.windows import Window, draw_windows


@dataclass(frozen=True)
class Tracks:
    """N videos of one person each, T frames long.

    Attributes:
        keypoints: (N, T, K, 3) detections x, y [px], confidence.
        true_keypoints_px: (N, T, K, 2).
        truth: the bodies (N, T, ...), in the camera frame; betas are the same in all frames of a track.
        camera: the true cameras, fields (N, 2), each fixed.
        image_size: (N, 2) width, height [px].
        height_px: (N, T) height that the person would have in the picture when standing [px]; noise is a fraction of it.
        times: (T,) of the frames [s].
        fps: frames per second.
        clips, subjects, actions: (N,) sources of the motion.
        is_walking: (N,) whether the action is walking, jogging or running.
        layout: of the keypoints.
        detector: how the keypoints differ from the truth.
    """

    keypoints: np.ndarray
    true_keypoints_px: np.ndarray
    truth: BodyParameters
    camera: Camera
    image_size: np.ndarray
    height_px: np.ndarray
    times: np.ndarray
    fps: float
    clips: np.ndarray = field(repr=False)
    subjects: np.ndarray = field(repr=False)
    actions: np.ndarray = field(repr=False)
    is_walking: np.ndarray = field(repr=False)
    layout: str
    detector: TrackDetector

    def __len__(self) -> int:
        return len(self.keypoints)

    @property
    def num_frames(self) -> int:
        """Number of frames T of every track."""
        return len(self.times)

    def as_seen(self) -> dict[str, Any]:
        """Arguments for `fit_sequence`: the keypoints, their times, and the true cameras."""
        return {
            "keypoints": self.keypoints,
            "layout": self.layout,
            "times": self.times,
            "image_size": self.image_size,
            "camera": self.camera,
        }

    def frames_as_seen(self) -> dict[str, Any]:
        """Arguments for `fit`: N · T frames, each with its camera, track by track."""
        camera, image_size = jax.tree.map(
            lambda array: np.repeat(np.asarray(array), self.num_frames, axis=0), (self.camera, self.image_size)
        )
        keypoints = self.keypoints.reshape(-1, *self.keypoints.shape[2:])
        return {"keypoints": keypoints, "layout": self.layout, "image_size": image_size, "camera": camera}


def make_tracks(
    folder: str | Path,
    body: BodyModel,
    layout: str | Layout = "coco17",
    detector: TrackDetector = EXACT_TRACK,
    options: TrackOptions = PROTOCOL,
    num_betas: int = 10,
) -> Tracks:
    """Draw the videos of the protocol.

    Args:
        folder: the motion folder, see `load_recordings`.
        body: the body of all people.
        layout: of the detections; it changes neither motions nor cameras.
        detector: errors of the detections; it changes neither motions nor cameras.
        options: distribution of tracks and cameras.
        num_betas: number of shape coefficients that vary.
    Raises:
        InputError: no recording is as long as a track.
    """
    layout = get_layout(layout)
    windows = draw_windows(load_recordings(folder, options.split), options)[: options.max_tracks]
    if not windows:
        raise InputError(
            f"{folder} has no recording of split '{options.split}' with {options.num_frames} good frames at "
            f"{options.fps:g} fps; ask for fewer."
        )
    times = np.arange(options.num_frames) / options.fps
    drawn = [_draw_track(window, times, body, layout, detector, options, num_betas) for window in windows]
    keypoints, points, truth, camera, image_size, height_px = jax.tree.map(lambda *arrays: np.stack(arrays), *drawn)
    return Tracks(
        keypoints,
        points,
        truth,
        camera,
        image_size,
        height_px,
        times,
        options.fps,
        clips=np.array([window.clip.name for window in windows]),
        subjects=np.array([window.clip.subject for window in windows]),
        actions=np.array([window.clip.action for window in windows]),
        is_walking=np.array([window.clip.is_walking for window in windows]),
        layout=layout.name,
        detector=detector,
    )


def joints_of_tracks(body: BodyModel, bodies: BodyParameters) -> np.ndarray:
    """The joints (N, T, 24, 3) [m] of bodies (N, T, ...). Track by track, because shaping the mesh of every frame takes memory."""
    tracks = (
        jax.tree.map(lambda block, n=n: np.asarray(block[n], np.float32), bodies) for n in range(len(bodies.transl))
    )
    return np.stack([np.asarray(body.joints(**track.blocks())) for track in tracks])


def _draw_track(
    window: Window,
    times: np.ndarray,
    body: BodyModel,
    layout: Layout,
    detector: TrackDetector,
    options: TrackOptions,
    num_betas: int,
) -> tuple[np.ndarray, np.ndarray, BodyParameters, Camera, np.ndarray, np.ndarray]:
    """The first six fields of `Tracks` of one track."""
    generator = window.generator(options.seed, 1)
    betas = np.clip(generator.normal(size=num_betas), -options.max_beta, options.max_beta)
    truth, camera, image_size = before_a_camera(body, body_in_world(body, window, betas), options, generator)
    points = np.asarray(project(body.keypoints(**truth.blocks(), layout=layout), camera), float)
    pelvis = np.asarray(body.joints(**truth.blocks()), float)[:, 0]
    height_px = float(camera.focal_length[0]) * STATURE / np.maximum(pelvis[:, 2], 0.5 * STATURE)
    keypoints = detect_track(points, height_px, times, image_size, layout, detector, window.generator(options.seed, 2))
    return keypoints, points, truth, camera, image_size, height_px
