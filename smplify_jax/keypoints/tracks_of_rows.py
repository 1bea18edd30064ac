"""People as files give them, sorted into tracks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from smplify_jax.keypoints.keypoint_set import KeypointSet
from smplify_jax.keypoints.names import unique_names
from smplify_jax.keypoints.observations import zero_unobserved
from smplify_jax.keypoints.rows import DatasetRow
from smplify_jax.keypoints.tracks import KeypointTrack, find_tracks
from smplify_jax.keypoints.videos import FramePlace

_UNKNOWN = (math.nan, math.nan)


def tracks_of_rows(
    rows: Sequence[DatasetRow], places: Sequence[FramePlace], *, fps: float, max_gap: float
) -> list[KeypointTrack]:
    """The tracks of everybody, layout by layout.

    Args:
        rows: B people.
        places: B videos and frames that they are in.
        fps: as for `find_tracks`.
        max_gap: as for `find_tracks`.
    Returns:
        Tracks with names that differ. Their `people` are places in `rows`, and their `image_names` are the rows' with folders.

    Raises:
        InputError: fps or max_gap is out of range.
    """
    of_layout: dict[str, list[int]] = {}
    for number, row in enumerate(rows):
        of_layout.setdefault(row.layout, []).append(number)
    found = [
        replace(track, people=np.where(track.is_seen, np.array(numbers)[track.people], track.people))
        for numbers in of_layout.values()
        for track in find_tracks(
            _of_one_layout([rows[k] for k in numbers], [places[k] for k in numbers]), fps=fps, max_gap=max_gap
        )
    ]
    names = unique_names(track.name for track in found)
    return [replace(track, name=name) for track, name in zip(found, names, strict=True)]


def _of_one_layout(rows: Sequence[DatasetRow], places: Sequence[FramePlace]) -> KeypointSet:
    return KeypointSet(
        keypoints=zero_unobserved(np.stack([row.keypoints for row in rows])),
        layout=rows[0].layout,
        names=tuple(map(str, range(len(rows)))),
        image_size=np.array([row.image_size or _UNKNOWN for row in rows], np.float32),
        image_names=tuple(row.image or None for row in rows),
        focal_length=np.array([row.focal_length or math.nan for row in rows], np.float32),
        camera_center=np.array([row.camera_center or _UNKNOWN for row in rows], np.float32),
        track_ids=tuple(row.track_id for row in rows),
        videos=tuple(place.video for place in places),
        frames=np.array([place.frame for place in places], np.int64),
    )
