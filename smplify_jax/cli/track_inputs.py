"""Sort the people of a run into tracks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from smplify_jax.cli.inputs import PersonInput
from smplify_jax.cli.options import TrackOptions
from smplify_jax.keypoints.load import places_of
from smplify_jax.keypoints.rows import DatasetRow
from smplify_jax.keypoints.tracks import KeypointTrack
from smplify_jax.keypoints.tracks_of_rows import tracks_of_rows


@dataclass(frozen=True, eq=False)
class TrackInput:
    """A track, and what is known of its person in each frame: None where they were not seen."""

    track: KeypointTrack
    people: tuple[PersonInput | None, ...]


def tracks_of(people: Sequence[PersonInput], options: TrackOptions) -> list[TrackInput]:
    """The tracks of everybody, layout by layout, with names that differ."""
    places = places_of([person.row for person in people], [person.source for person in people])
    rows = [_row(person) for person in people]
    tracks = tracks_of_rows(rows, places, fps=options.fps, max_gap=options.max_gap)
    return [TrackInput(track, tuple(people[k] if k >= 0 else None for k in track.people.tolist())) for track in tracks]


def _row(person: PersonInput) -> DatasetRow:
    """The person with what other inputs say of them."""
    size = person.image_size
    return replace(
        person.row,
        keypoints=person.keypoints,
        image=person.image_name or "",
        image_size=(float(size[0]), float(size[1])) if np.isfinite(size).all() else None,
    )
