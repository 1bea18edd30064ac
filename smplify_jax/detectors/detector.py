"""What a detector is: a picture in, keypoints out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol

import numpy as np

from smplify_jax.keypoints.keypoint_set import KeypointSet


class Frame(NamedTuple):
    """A frame of a video.

    Attributes:
        image: (H, W, 3) uint8 RGB, upright.
        time_s: time since the beginning of the video [s].
    """

    image: np.ndarray
    time_s: float


class Detector(Protocol):
    """A program that finds people's keypoints in pictures.

    Its confidences are calibrated: they tell the errors of keypoints as `smplify_jax.detectors.confidence` says.
    """

    @property
    def name(self) -> str:
        """Name of the program, a key of `DETECTORS`."""
        ...

    @property
    def layout(self) -> str:
        """Name of the layout of its keypoints."""
        ...

    def detect(self, image: np.ndarray) -> KeypointSet:
        """The people in a picture alone, an empty set if it finds nobody.

        Args:
            image: (H, W, 3) uint8 RGB.
        Returns:
            Keypoints with boxes and the picture's size.
        Raises:
            InputError: the array is no such picture.
        """
        ...

    def track(self, frames: Iterable[Frame]) -> Iterator[KeypointSet]:
        """The people in each frame of one video, in the order of the frames; one frame is taken for each set that is asked for.

        Args:
            frames: in the order of their times.
        Returns:
            A set for each frame, an empty one where nobody is found. `frames` counts from 0; `track_ids` tell people apart where the
            detector follows them, and are "" where it does not.
        Raises:
            InputError: a frame is no such picture.
        """
        ...
