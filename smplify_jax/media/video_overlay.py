"""`overlay.mp4`: the bodies over the frames of their video, and beside them the same bodies from the side."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

import numpy as np

from smplify_jax.execution.read_ahead import read_ahead
from smplify_jax.files.video import Video
from smplify_jax.files.video_writing import video_writer
from smplify_jax.media.tracks import FittedTrack
from smplify_jax.media.video_detection import Progress
from smplify_jax.pictures.palette import body_color
from smplify_jax.pictures.quick_raycast import render_tile
from smplify_jax.pictures.raycast import Shape
from smplify_jax.pictures.side_view import SideView
from smplify_jax.result import FitResult

MAX_SIZE = (1280, 720)
"""[px] Larger frames are scaled down: enough to judge a fit, and quick to draw."""

BODY_OPACITY = 0.82

_FRAMES_AT_ONCE = 16
"""Whose meshes are made in one call."""


def write_video_overlay(
    path: str | os.PathLike[str], video: Video, people: Sequence[FittedTrack], progress: Progress | None = None
) -> None:
    """Write an MP4 file with the times of the video's frames. Reading, drawing and encoding go on at the same time.

    Args:
        path: the file.
        video: that the people are in.
        people: all with a body. Nearer ones cover farther ones, as far as their depths are right.
        progress: shows how far it is.
    Raises:
        InputError: the file cannot be written, or no frame of the video can be read.
    """
    size, scale = _scaled_down(video.size)
    side = SideView.of([np.asarray(one.result.joints) for one in people], size[1])
    drawn = read_ahead(_drawn(video, people, size, scale, side))
    shown = drawn if progress is None else progress(drawn, video.num_frames, "frame")
    with video_writer(path, (size[0] + side.size[0], size[1]), video.frame_rate) as append:
        for image, time_s in shown:
            append(image, time_s)


def _scaled_down(video_size: tuple[int, int]) -> tuple[tuple[int, int], np.ndarray]:
    """Size of the frames, even numbers for the encoder, and their pixels per pixel of the video along x and y."""
    factor = min(1.0, MAX_SIZE[0] / video_size[0], MAX_SIZE[1] / video_size[1])
    width, height = (max(2, round(factor * side / 2) * 2) for side in video_size)
    return (width, height), np.array([width, height]) / np.array(video_size)


def _drawn(
    video: Video, people: Sequence[FittedTrack], size: tuple[int, int], scale: np.ndarray, side: SideView
) -> Iterator[tuple[np.ndarray, float]]:
    """The frames of the overlay, and their times."""
    bodies = [_Bodies(one, body_color(number)) for number, one in enumerate(people)]
    for number, (image, time_s) in enumerate(read_ahead(video.frames(size))):
        shapes = [shape for one in bodies if (shape := one.shape(number)) is not None]
        yield np.hstack([_over(image, shapes, people, scale), side.draw(shapes)]), time_s


def _over(image: np.ndarray, shapes: list[Shape], people: Sequence[FittedTrack], scale: np.ndarray) -> np.ndarray:
    """The shapes over a frame, which is changed."""
    # All people of a video have one camera.
    camera = people[0].result.camera if people else None
    if camera is None or not shapes:
        return image
    focal, center = (
        np.nanmedian(np.asarray(one), axis=0) * scale for one in (camera.focal_length, camera.camera_center)
    )
    tile = render_tile(shapes, focal, center, (image.shape[1], image.shape[0]))
    if tile is not None:
        tile.lay_over(image, BODY_OPACITY)
    return image


class _Bodies:
    """The meshes of one person, made for some frames at a time, in the order in which they are asked for."""

    def __init__(self, person: FittedTrack, color: tuple[int, int, int]) -> None:
        """Take the person and their colour."""
        self._person, self._color = person, color
        self._faces = np.asarray(person.result.body.faces)
        self._place = {int(number): place for place, number in enumerate(person.track.frames)}
        self._first, self._vertices = 0, np.zeros((0, 0, 3))

    def shape(self, frame: int) -> Shape | None:
        """The mesh in a frame of the video; None without a body there."""
        place = self._place.get(frame)
        if place is None:
            return None
        if not self._first <= place < self._first + len(self._vertices):
            self._first, self._vertices = place, self._made(place)
        vertices = self._vertices[place - self._first]
        return Shape(vertices, self._faces, self._color) if np.isfinite(vertices).all() else None

    def _made(self, first: int) -> np.ndarray:
        # Always the same number of frames, for which one program is compiled.
        places = np.minimum(np.arange(first, first + _FRAMES_AT_ONCE), len(self._person.track) - 1)
        some: FitResult = self._person.result[places]
        return np.asarray(some.vertices())
