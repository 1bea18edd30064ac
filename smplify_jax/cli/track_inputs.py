"""Sort the people of a run into tracks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np

from smplify_jax.cli.inputs import PersonInput
from smplify_jax.cli.options import TrackOptions
from smplify_jax.keypoints.keypoint_set import KeypointSet
from smplify_jax.keypoints.load import places_of
from smplify_jax.keypoints.names import unique_names
from smplify_jax.keypoints.tracks import KeypointTrack, find_tracks
from smplify_jax.keypoints.videos import FramePlace


@dataclass(frozen=True, eq=False)
class TrackInput:
    """A track, and what is known of its person in each frame: None where they were not seen."""

    track: KeypointTrack
    people: tuple[PersonInput | None, ...]


def tracks_of(people: Sequence[PersonInput], options: TrackOptions) -> list[TrackInput]:
    """The tracks of everybody, layout by layout, with names that differ."""
    places = places_of([person.row for person in people], [person.source for person in people])
    of_layout: dict[str, list[int]] = {}
    for number, person in enumerate(people):
        of_layout.setdefault(person.layout, []).append(number)
    found = list(chain(*(_of_layout(people, numbers, places, options) for numbers in of_layout.values())))
    names = unique_names(one.track.name for one in found)
    return [replace(one, track=replace(one.track, name=name)) for one, name in zip(found, names, strict=True)]


def _of_layout(
    people: Sequence[PersonInput], numbers: list[int], places: Sequence[FramePlace], options: TrackOptions
) -> list[TrackInput]:
    """The tracks of these people, who have one layout."""
    some = [people[number] for number in numbers]
    known = KeypointSet(
        keypoints=np.stack([person.keypoints for person in some]),
        layout=some[0].layout,
        names=tuple(person.name for person in some),
        image_size=np.stack([person.image_size for person in some]),
        image_names=tuple(person.image_name for person in some),
        focal_length=np.array([person.row.focal_length or np.nan for person in some], np.float32),
        camera_center=np.array([person.row.camera_center or (np.nan, np.nan) for person in some], np.float32),
        track_ids=tuple(person.row.track_id for person in some),
        videos=tuple(places[number].video for number in numbers),
        frames=np.array([places[number].frame for number in numbers], np.int64),
    )
    tracks = find_tracks(known, fps=options.fps, max_gap=options.max_gap)
    return [TrackInput(track, tuple(some[k] if k >= 0 else None for k in track.people.tolist())) for track in tracks]
