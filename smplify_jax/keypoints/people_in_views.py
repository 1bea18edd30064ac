"""The people of several cameras' videos: each person's keypoints in every view, through the frames.

Each view's people are sorted into tracks first (`find_tracks`), frame by frame the detections of all views are matched (`match_people`), and
tracks of different views are one person if they are matched in most of the frames that they share.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from smplify_jax.camera.calibrated import CalibratedCamera
from smplify_jax.camera.distortion import undistort
from smplify_jax.keypoints.matching import match_people
from smplify_jax.keypoints.tracks import KeypointTrack

_Node = tuple[int, int]
"""A view, and a track of it."""


@dataclass(frozen=True, eq=False)
class PersonInViews:
    """One person in T frames of V cameras.

    Attributes:
        tracks: for each view the person's tracks in it, none if it never sees them; several if they left its picture and came back.
        frames: (T,) int64 numbers of the frames, at equal distances.
        keypoints: (T, V, K, 3) as the cameras took them; zeros where a view does not see the person.
    """

    tracks: tuple[tuple[KeypointTrack, ...], ...]
    frames: np.ndarray
    keypoints: np.ndarray

    @property
    def views(self) -> tuple[int, ...]:
        """The views that see the person."""
        return tuple(view for view, some in enumerate(self.tracks) if some)


def people_in_views(
    tracks_by_view: Sequence[Sequence[KeypointTrack]], cameras: Sequence[CalibratedCamera]
) -> list[PersonInViews]:
    """Find who is who in the views.

    Args:
        tracks_by_view: of each of V views its tracks, of one layout; frames of the same number were taken at the same moment.
        cameras: of the V views.
    Returns:
        People, those that most views see first. Every track is one person's; a track that no other view confirms is a person of one view.
    """
    votes, lengths = _votes(tracks_by_view, cameras)
    groups: list[set[_Node]] = [{node} for node in lengths]
    for (first, second), count in sorted(votes.items(), key=lambda item: -item[1]):
        one, other = (next(group for group in groups if node in group) for node in (first, second))
        if one is other or _overlap(one, other, tracks_by_view):
            continue
        # By chance people meet in some frames; whoever is one person is so in most frames that both views share.
        if count > 0.5 * len(lengths[first] & lengths[second]):
            groups.remove(other)
            one |= other
    people = [_person(group, tracks_by_view) for group in groups]
    return sorted(people, key=lambda person: -len(person.views))


def _votes(
    tracks_by_view: Sequence[Sequence[KeypointTrack]], cameras: Sequence[CalibratedCamera]
) -> tuple[Counter[tuple[_Node, _Node]], dict[_Node, set[int]]]:
    """In how many frames two tracks are matched, and the frames in which each is seen."""
    seen: dict[int, list[tuple[_Node, np.ndarray]]] = {}
    lengths: dict[_Node, set[int]] = {}
    for view, (tracks, camera) in enumerate(zip(tracks_by_view, cameras, strict=True)):
        for number, track in enumerate(tracks):
            straight = undistort(track.keypoints, camera)
            frames = track.frames[track.is_seen].tolist()
            lengths[view, number] = set(frames)
            for frame, keypoints in zip(frames, straight[track.is_seen], strict=True):
                seen.setdefault(frame, []).append(((view, number), keypoints))
    votes: Counter[tuple[_Node, _Node]] = Counter()
    for people in seen.values():
        nodes = [[node for node, _ in people if node[0] == view] for view in range(len(cameras))]
        keypoints = [[points for node, points in people if node[0] == view] for view in range(len(cameras))]
        shape = people[0][1].shape
        for row in match_people([np.reshape(some, (-1, *shape)) for some in keypoints], cameras):
            found = [nodes[view][place] for view, place in enumerate(row.tolist()) if place >= 0]
            votes.update((a, b) for k, a in enumerate(found) for b in found[k + 1 :])
    return votes, lengths


def _overlap(one: set[_Node], other: set[_Node], tracks_by_view: Sequence[Sequence[KeypointTrack]]) -> bool:
    """Whether together they would be in two places of a picture."""
    return any(
        a[0] == b[0] and set(_frames(a, tracks_by_view)) & set(_frames(b, tracks_by_view)) for a in one for b in other
    )


def _frames(node: _Node, tracks_by_view: Sequence[Sequence[KeypointTrack]]) -> list[int]:
    return tracks_by_view[node[0]][node[1]].frames.tolist()


def _person(group: set[_Node], tracks_by_view: Sequence[Sequence[KeypointTrack]]) -> PersonInViews:
    members = [tracks_by_view[view][number] for view, number in sorted(group)]
    every = np.unique(np.concatenate([track.frames for track in members]))
    stride = int(np.gcd.reduce(np.diff(every))) or 1
    frames = np.arange(every[0], every[-1] + 1, stride)
    keypoints = np.zeros((len(frames), len(tracks_by_view), *members[0].keypoints.shape[1:]), np.float32)
    for view, number in group:
        track = tracks_by_view[view][number]
        keypoints[(track.frames - frames[0]) // stride, view] = track.keypoints
    by_view = [[tracks_by_view[v][n] for v, n in sorted(group) if v == view] for view in range(len(tracks_by_view))]
    return PersonInViews(tuple(map(tuple, by_view)), frames, keypoints)
