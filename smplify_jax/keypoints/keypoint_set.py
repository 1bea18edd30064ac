"""The keypoints of a batch of people, with what their files state about the people and pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from smplify_jax.errors import InputError
from smplify_jax.keypoints.layouts import get_layout
from smplify_jax.keypoints.names import unique_names
from smplify_jax.keypoints.rows import RejectedRow
from smplify_jax.keypoints.videos import places_in_videos

MAX_LENGTH = 1e9
"""[px] A larger width or height is a damaged number."""

_UNKNOWN: Any = None
"""Default of the optional fields; replaced by NaN or "" for each person."""


@dataclass(frozen=True, eq=False)
class KeypointSet:
    """Keypoints of B people in one layout.

    Attributes:
        keypoints: (B, K, 3) float32 rows x, y [px, from the picture's top left corner], confidence in [0, 1]; zeros for a
            keypoint that was not observed.
        layout: name of the layout, a key of `LAYOUTS`.
        names: B unique names that are safe as file names.
        image_size: (B, 2) float32 width and height [px]; NaN, NaN where unknown.
        image_names: for each person the picture's file name, without a suffix if the format leaves it out (OpenPose); None if
            the format does not name pictures.
        focal_length: (B,) float32 [px]; NaN if the file does not state it.
        camera_center: (B, 2) float32 principal points [px]; NaN, NaN if the file does not state them.
        boxes: (B, 4) float32 left, top, width, height [px] of each person's box; NaN if the file does not state it.
        track_ids: B ids of the people through the frames of a video; "" if the file does not state them.
        videos: B names of the videos that the people are in, where a picture alone is a video of one frame; see
            `smplify_jax.keypoints.videos`. By default they follow from `image_names`, and so do `frames`.
        frames: (B,) int64 numbers of the frames in their videos.
        source_ids: B ids of the records in the file, such as the `id` of COCO's annotations; "" if it has none.
        rejected: records of the files that cannot be used, each with its position and the reason.
    """

    keypoints: np.ndarray
    layout: str
    names: tuple[str, ...]
    image_size: np.ndarray
    image_names: tuple[str | None, ...]
    focal_length: np.ndarray = _UNKNOWN
    camera_center: np.ndarray = _UNKNOWN
    boxes: np.ndarray = _UNKNOWN
    track_ids: tuple[str, ...] = _UNKNOWN
    videos: tuple[str, ...] = _UNKNOWN
    frames: np.ndarray = _UNKNOWN
    source_ids: tuple[str, ...] = _UNKNOWN
    rejected: tuple[RejectedRow, ...] = ()

    def __post_init__(self) -> None:
        self._fill_in_unknowns()
        num_people = len(self.names)
        shape = (num_people, get_layout(self.layout).num_keypoints, 3)
        if self.keypoints.shape != shape or self.keypoints.dtype != np.float32:
            raise InputError(
                f"keypoints have shape {self.keypoints.shape} and type {self.keypoints.dtype}; {num_people} people "
                f"with layout {self.layout} need {shape} of float32"
            )
        if self.image_size.shape != (num_people, 2) or self.image_size.dtype != np.float32:
            raise InputError(
                f"image_size has shape {self.image_size.shape} and type {self.image_size.dtype}; "
                f"{num_people} people need {(num_people, 2)} of float32, NaN where unknown"
            )
        if not all(map(is_image_size, self.image_size)):
            raise InputError("image_size must hold a positive width and height, or NaN twice where they are unknown")
        if len(self.image_names) != num_people:
            raise InputError(
                f"there are {len(self.image_names)} image names for {num_people} people; give one for each"
            )
        if unique_names(self.names) != tuple(self.names):
            raise InputError(
                "names must be unique, also when case is ignored, and safe as file names; see unique_names"
            )

        self._check_what_the_file_knows()

    def _fill_in_unknowns(self) -> None:
        num_people = len(self.names)
        for name, shape in _KNOWN_SHAPES.items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, np.full((num_people, *shape), np.nan, np.float32))
        for name in ("track_ids", "source_ids"):
            if getattr(self, name) is None:
                object.__setattr__(self, name, ("",) * num_people)
        if (self.videos is None) != (self.frames is None):
            raise InputError("videos and frames belong together; give both of them, or neither")
        if self.videos is None:
            images = [name or "" for name in self.image_names]
            places = places_in_videos([""] * len(images), images, [None] * len(images))
            object.__setattr__(self, "videos", tuple(place.video for place in places))
            object.__setattr__(self, "frames", np.array([place.frame for place in places], np.int64))

    def _check_what_the_file_knows(self) -> None:
        num_people = len(self.names)
        for name, shape in _KNOWN_SHAPES.items():
            value = getattr(self, name)
            if value.shape != (num_people, *shape) or value.dtype != np.float32:
                raise InputError(
                    f"{name} has shape {value.shape} and type {value.dtype}; {num_people} people need "
                    f"{(num_people, *shape)} of float32, NaN where unknown"
                )
        if not len(self.track_ids) == len(self.source_ids) == num_people:
            raise InputError(
                f"there are {len(self.track_ids)} track ids and {len(self.source_ids)} source ids for {num_people} people; "
                "give one for each"
            )
        if len(self.videos) != num_people or self.frames.shape != (num_people,) or self.frames.dtype != np.int64:
            raise InputError(
                f"there are {len(self.videos)} videos, and frames have shape {self.frames.shape} and type {self.frames.dtype}; "
                f"{num_people} people need a video each, and {(num_people,)} of int64"
            )

    def __len__(self) -> int:
        """Number of people, B."""
        return len(self.names)


_KNOWN_SHAPES: dict[str, tuple[int, ...]] = {"focal_length": (), "camera_center": (2,), "boxes": (4,)}
"""Shape of one person's entry."""


def is_image_size(size: np.ndarray) -> bool:
    """Whether two numbers are a width and a height, or both NaN (unknown)."""
    return bool(np.isnan(size).all()) or all(map(is_length, size.tolist()))


def is_length(pixels: float) -> bool:
    """Whether a number can be a picture's width or height: above 0 and at most `MAX_LENGTH`."""
    return 0 < pixels <= MAX_LENGTH
