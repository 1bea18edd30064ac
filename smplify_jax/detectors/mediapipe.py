"""MediaPipe's pose detector: one person a picture, 33 points; its models come with its package.

The person is the one that its person detector finds most prominent. In a video it follows them, and looks for a person again when it has
lost them; it does not tell when it changes from one person to another, so `track_ids` stay "". Its own smoothing is off: it delays motion,
and `fit_sequence` smooths.

Source: MediaPipe's documentation, "Pose landmark detection guide". Apache-2.0.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from smplify_jax.detectors.confidence import MEDIAPIPE
from smplify_jax.detectors.detector import Frame
from smplify_jax.detectors.people import people_of
from smplify_jax.files.images import check_image
from smplify_jax.keypoints.keypoint_set import KeypointSet


def make() -> MediaPipe:
    """The detector."""
    return MediaPipe()


class MediaPipe:
    """Adapter to MediaPipe's pose solution."""

    name = "mediapipe"
    layout = "mediapipe33"

    def __init__(self, is_calibrated: bool = True) -> None:
        """Import MediaPipe; its models are read when the first picture comes.

        Args:
            is_calibrated: False gives `visibility` in place of confidences, for measurements.
        """
        with _quiet():
            from mediapipe.python.solutions import pose  # pyright: ignore[reportMissingImports]

        self._is_calibrated = is_calibrated
        self._new_pose = pose.Pose
        self._for_pictures: Any = None

    def detect(self, image: np.ndarray) -> KeypointSet:
        """As `Detector.detect`."""
        check_image(image)
        if self._for_pictures is None:
            self._for_pictures = self._started(image, static_image_mode=True)
        return self._found(self._for_pictures, image, 0)

    def track(self, frames: Iterable[Frame]) -> Iterator[KeypointSet]:
        """As `Detector.track`."""
        pose: Any = None
        try:
            for number, frame in enumerate(frames):
                check_image(frame.image)
                pose = pose or self._started(frame.image, static_image_mode=False, smooth_landmarks=False)
                yield self._found(pose, frame.image, number)
        finally:
            if pose is not None:
                pose.close()

    def _started(self, image: np.ndarray, **options: bool) -> Any:
        """A pose solution that has seen a picture, before which it is not ready."""
        with _quiet():
            pose = self._new_pose(model_complexity=1, **options)
            pose.process(np.zeros_like(image[:64, :64]))
        return pose

    def _found(self, pose: Any, image: np.ndarray, frame: int) -> KeypointSet:
        height, width = image.shape[:2]
        with _without_protobuf_warnings():
            landmarks = pose.process(np.ascontiguousarray(image)).pose_landmarks
        people = []
        if landmarks is not None:
            rows = np.array([(one.x * width, one.y * height, one.visibility) for one in landmarks.landmark], np.float32)
            people.append(MEDIAPIPE.with_confidences(rows, (width, height)) if self._is_calibrated else rows)
        return people_of(self.layout, np.array(people), (width, height), frame=frame)


@contextmanager
def _without_protobuf_warnings() -> Iterator[None]:
    """Without the warning that MediaPipe uses an old function of protobuf."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="SymbolDatabase.GetPrototype")
        yield


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what MediaPipe's parts write to stderr when they start; nothing can turn that off. Errors are exceptions besides."""
    stderr = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        with _without_protobuf_warnings():
            yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(nowhere)
