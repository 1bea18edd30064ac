"""A detector for tests: it finds those whom it was told of, and remembers the pictures that it was shown."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

import numpy as np
import pytest
from command_line import DETECTIONS

from smplify_jax.detectors.detector import Frame
from smplify_jax.detectors.people import people_of
from smplify_jax.detectors.registry import DETECTORS, DetectorEntry
from smplify_jax.files.images import check_image
from smplify_jax.keypoints.keypoint_set import KeypointSet

EXAMPLE = np.reshape(json.loads(DETECTIONS.read_text())["people"][0]["pose_keypoints_2d"], (25, 3)).astype(np.float32)
"""The keypoints of the person in the packaged picture."""


class StandIn:
    """Finds the same people in every picture."""

    name = "stand-in"
    layout = "openpose25"

    def __init__(self, *people: np.ndarray) -> None:
        self.people = people
        self.shown: list[np.ndarray] = []

    def detect(self, image: np.ndarray) -> KeypointSet:
        check_image(image)
        self.shown.append(image)
        return people_of(self.layout, np.array(self.people), (image.shape[1], image.shape[0]))

    def track(self, frames: Iterable[Frame]) -> Iterator[KeypointSet]:
        return (self.detect(frame.image) for frame in frames)


_installed: list[StandIn] = []


def make() -> StandIn:
    """What the registry calls."""
    return _installed[-1]


def install(monkeypatch: pytest.MonkeyPatch, detector: StandIn | None) -> None:
    """Make this the only detector there is; None for none at all."""
    for name in list(DETECTORS):
        monkeypatch.setitem(DETECTORS, name, DetectorEntry("", ("a_package_that_nobody_has",), f"pip install {name}"))
    if detector is not None:
        monkeypatch.setitem(DETECTORS, detector.name, DetectorEntry(__name__, ("numpy",), ""))
        monkeypatch.setattr(f"{__name__}._installed", [detector])
