"""A picture of every frame of a video, with the bodies of everybody who is in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import jax
import numpy as np

from smplify_jax.cli.inputs import PersonInput
from smplify_jax.cli.outputs import make_folder, picture_of
from smplify_jax.cli.track_inputs import TrackInput
from smplify_jax.files.images import save_image
from smplify_jax.keypoints.names import unique_names
from smplify_jax.result import FitResult
from smplify_jax.result.overlay import draw_fit


@dataclass
class _Frame:
    """Who is in a frame: people's fits and keypoints (K, 3), the picture's size, and one person who was seen in it, if any was."""

    size: np.ndarray
    fits: list[FitResult] = field(default_factory=list)
    keypoints: list[np.ndarray] = field(default_factory=list)
    seen: PersonInput | None = None


def write_overlays(folder: Path, tracks: Sequence[TrackInput], results: Sequence[FitResult]) -> Iterator[str]:
    """Write VIDEO_FRAME.png for every frame with a track; yield a sentence for each picture that cannot be shown.

    Args:
        folder: created if necessary.
        tracks: of all videos.
        results: of the tracks, as NumPy arrays.
    Raises:
        InputError: the folder cannot be created, or a picture not be written.
    """
    make_folder(folder)
    # People of several layouts cannot be drawn in one call.
    frames: dict[tuple[str, str, int], _Frame] = {}
    for one, result in zip(tracks, results, strict=True):
        track = one.track
        for k, number in enumerate(track.frames.tolist()):
            frame = frames.setdefault((track.layout, track.video, number), _Frame(track.image_size))
            frame.fits.append(jax.tree.map(lambda leaf, at=k: leaf[at], result))
            frame.keypoints.append(track.keypoints[k])
            frame.seen = frame.seen or one.people[k]
    digits = max((len(str(number)) for _, _, number in frames), default=1)
    names = unique_names(f"{video}_{number:0{max(digits, 6)}d}" for _, video, number in frames)
    for name, frame in zip(names, frames.values(), strict=True):
        image, complaint = (None, None) if frame.seen is None else picture_of(frame.seen)
        if complaint:
            yield complaint
        save_image(folder / f"{name}.png", _drawn(frame, image))


def _drawn(frame: _Frame, image: np.ndarray | None) -> np.ndarray:
    people = jax.tree.map(lambda *leaves: np.stack(leaves), *frame.fits)
    is_sized = np.isfinite(frame.size).all()
    size = (round(float(frame.size[0])), round(float(frame.size[1]))) if is_sized else None
    return draw_fit(people, np.stack(frame.keypoints), image, image_size=size)
