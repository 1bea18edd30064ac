"""rtmlib's detector: RTMPose for everybody whom YOLOX finds in a picture, 26 points with feet.

rtmlib downloads its models, about 80 MB, when it is first used. Files of one's own can be given instead. It finds the people of each frame
anew; `find_tracks` follows them.

Source: rtmlib's README and the model names in its `BodyWithFeet`. Apache-2.0.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from smplify_jax.detectors.confidence import RTMPOSE
from smplify_jax.detectors.detector import Frame
from smplify_jax.detectors.people import people_of
from smplify_jax.errors import InputError
from smplify_jax.files.images import check_image
from smplify_jax.keypoints.keypoint_set import KeypointSet


@dataclass(frozen=True)
class RtmModels:
    """ONNX files to use instead of those that rtmlib downloads.

    Attributes:
        people: a YOLOX that finds people.
        pose: an RTMPose for the 26 points of Halpe.
        people_input: height and width of the first's input [px].
        pose_input: width and height of the second's [px].
    """

    people: str | os.PathLike[str]
    pose: str | os.PathLike[str]
    people_input: tuple[int, int] = (640, 640)
    pose_input: tuple[int, int] = (192, 256)


def make(models: RtmModels | None = None) -> RtmLib:
    """The detector, with rtmlib's own models by default.

    Raises:
        InputError: the models cannot be downloaded or read.
    """
    return RtmLib(models)


class RtmLib:
    """Adapter to rtmlib's `BodyWithFeet`."""

    name = "rtmlib"
    layout = "halpe26"

    def __init__(self, models: RtmModels | None = None) -> None:
        """Read the models, which downloads rtmlib's own once.

        Raises:
            InputError: they cannot be downloaded or read.
        """
        from rtmlib import BodyWithFeet  # pyright: ignore[reportMissingImports, reportAttributeAccessIssue]

        given: dict[str, Any] = {}
        if models is not None:
            given = {"det": os.fspath(models.people), "det_input_size": models.people_input}
            given |= {"pose": os.fspath(models.pose), "pose_input_size": models.pose_input}
        try:
            with contextlib.redirect_stdout(sys.stderr):  # where the results of our commands go, it tells what it loads
                self._body = BodyWithFeet(backend="onnxruntime", device="cpu", **given)
        except Exception as error:  # of onnxruntime, of sockets, of whatever else loading goes through
            what = "read" if given else "downloaded"
            reason = (str(error) or type(error).__name__).splitlines()[0]
            raise InputError(f"the models of rtmlib cannot be {what} ({reason}): {_ADVICE[what]}") from error

    def detect(self, image: np.ndarray) -> KeypointSet:
        """As `Detector.detect`."""
        return self._found(image, 0)

    def track(self, frames: Iterable[Frame]) -> Iterator[KeypointSet]:
        """As `Detector.track`."""
        for number, frame in enumerate(frames):
            yield self._found(frame.image, number)

    def _found(self, image: np.ndarray, frame: int) -> KeypointSet:
        check_image(image)
        height, width = image.shape[:2]
        blue_first = np.ascontiguousarray(image[..., ::-1])
        boxes: Any = self._body.det_model(blue_first)
        people = np.empty((0, 0, 3))
        if len(boxes):  # without boxes, RTMPose would take the whole picture for a person
            points, scores = self._body.pose_model(blue_first, bboxes=boxes)
            people = np.concatenate([points, RTMPOSE.confidence(scores)[..., None]], axis=-1)
        return people_of(self.layout, people, (width, height), frame=frame)


_ADVICE = {
    "read": "give ONNX files of YOLOX and of RTMPose with 26 points",
    "downloaded": "check the connection, or use --detector mediapipe, which brings its models with it",
}
