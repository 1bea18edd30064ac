"""Ultralytics' YOLO-pose: everybody in a picture, COCO's 17 points; in videos its own tracker tells people apart.

Ultralytics is under the AGPL-3.0, so that nothing here depends on it or installs it: whoever has it can use it. It downloads its model, a
few megabytes, when it is first used.

Source: Ultralytics' documentation, "Pose estimation", "Working with results" and "Multi-object tracking".
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable, Iterator
from importlib import import_module
from typing import Any

import numpy as np

from smplify_jax.detectors.confidence import YOLO
from smplify_jax.detectors.detector import Frame
from smplify_jax.detectors.people import people_of
from smplify_jax.errors import InputError
from smplify_jax.files.images import check_image
from smplify_jax.keypoints.keypoint_set import KeypointSet

MODEL = "yolo11n-pose.pt"

_TRACKER = "botsort.yaml"
"""Ultralytics' default changes from version to version. This one has long been there, takes camera motion into account, and begins a track
where `detect` finds a person."""

_MIN_SCORE = 0.25
"""Of a person's box: Ultralytics' own, for pictures."""


def make(model: str | os.PathLike[str] = MODEL) -> Ultralytics:
    """The detector, with this model.

    Raises:
        InputError: the model cannot be downloaded or read.
    """
    return Ultralytics(model)


class Ultralytics:
    """Adapter to Ultralytics' `YOLO` with a model for poses."""

    name = "ultralytics"
    layout = "coco17"

    def __init__(self, model: str | os.PathLike[str] = MODEL, is_calibrated: bool = True) -> None:
        """Read the model, which downloads Ultralytics' own once.

        Args:
            model: its file, or the name of one of Ultralytics' own.
            is_calibrated: False gives the model's scores in place of confidences, for measurements.
        Raises:
            InputError: it cannot be downloaded or read.
        """
        self._model, self._is_calibrated = os.fspath(model), is_calibrated
        self._for_pictures = self._started()
        try:  # some are read no sooner than when they are used
            self._for_pictures.predict(np.zeros((32, 32, 3), np.uint8), verbose=False)
        except Exception as error:
            raise self._unusable(error) from error

    def detect(self, image: np.ndarray) -> KeypointSet:
        """As `Detector.detect`."""
        check_image(image)
        return self._found(self._for_pictures.predict(_blue_first(image), verbose=False), image, 0)

    def track(self, frames: Iterable[Frame]) -> Iterator[KeypointSet]:
        """As `Detector.track`."""
        model = self._started()  # its tracker knows no other video
        for number, frame in enumerate(frames):
            check_image(frame.image)
            found = model.track(_blue_first(frame.image), tracker=_TRACKER, persist=True, verbose=False)
            yield self._found(found, frame.image, number)

    def _started(self) -> Any:
        # It keeps writing to where stdout is when it is imported, and there go the results of our commands.
        with contextlib.redirect_stdout(sys.stderr):
            yolo: Any = import_module("ultralytics").YOLO
            try:
                model = yolo(self._model, task="pose")
            except Exception as error:  # of PyTorch, of sockets, of whatever else loading goes through
                raise self._unusable(error) from error
        if model.task != "pose":
            raise InputError(f"the model {self._model} of ultralytics is for the task {model.task}: give one for poses")
        return model

    def _unusable(self, error: Exception) -> InputError:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        return InputError(
            f"the model {self._model} of ultralytics cannot be read or downloaded ({reason}): give a YOLO model for poses"
        )

    def _found(self, results: Any, image: np.ndarray, frame: int) -> KeypointSet:
        (result,) = results
        size = image.shape[1], image.shape[0]
        rows = np.zeros((0, 17, 3)) if result.keypoints is None else _numbers(result.keypoints.data)
        if not rows.size:  # also of nobody, whatever the number of points
            return people_of(self.layout, np.zeros((0, 17, 3)), size, frame=frame)
        if rows.shape[1:] != (17, 3):
            raise InputError(
                f"the model {self._model} gives points of shape {rows.shape[1:]}: use one for people, with 17 points and scores"
            )
        is_found = (rows[..., :2] != 0).any(axis=-1)
        if self._is_calibrated:
            rows = YOLO.with_confidences(rows, size)
        rows[..., 2] *= is_found
        if result.boxes.id is None:
            # In videos, these are boxes of any score that its tracker has made no tracks of.
            return people_of(self.layout, rows[_numbers(result.boxes.conf) >= _MIN_SCORE], size, frame=frame)
        ids = [str(int(one)) for one in _numbers(result.boxes.id)]
        return people_of(self.layout, rows, size, track_ids=ids, frame=frame)


def _blue_first(image: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(image[..., ::-1])


def _numbers(tensor: Any) -> np.ndarray:
    return np.array(tensor.cpu().numpy(), np.float32)
