"""Stretches of recorded motion, as long as the videos are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from smplify_jax.learn.mocap.recordings import Recording
from smplify_jax.learn.video.options import TrackOptions


@dataclass(frozen=True)
class Window:
    """Part of a recording.

    Attributes:
        clip: the recording.
        number: of the window among those of its recording.
        poses: (T, 72) axis-angle [rad] in a y-up world.
        path: (T, 3) the point between the hips, y up, in lengths of the leg.
    """

    clip: Recording
    number: int
    poses: np.ndarray
    path: np.ndarray

    def generator(self, seed: int, stream: int) -> np.random.Generator:
        """Random numbers of this window alone, so that a track does not depend on which others are drawn."""
        return np.random.default_rng([seed, stream, self.number, *self.clip.seed])


def draw_windows(clips: Iterable[Recording], options: TrackOptions) -> list[Window]:
    """The windows of all recordings: in turn one of each subject, and of a subject in turn one of each action."""
    by_subject: dict[str, dict[str, list[Window]]] = defaultdict(lambda: defaultdict(list))
    for clip in clips:
        by_subject[clip.subject][clip.action] += _windows(clip, options)
    return _in_turn([_in_turn(list(actions.values())) for actions in by_subject.values()])


def _in_turn(groups: list[list[Window]]) -> list[Window]:
    """The first of each group, then the second of each, and so on."""
    longest = max(map(len, groups), default=0)
    return [group[place] for place in range(longest) for group in groups if place < len(group)]


def _windows(clip: Recording, options: TrackOptions) -> list[Window]:
    """The mostly possible ones of a recording, evenly spread over it."""
    generator = np.random.default_rng([options.seed, 0, *clip.seed])
    speed = float(np.exp(generator.uniform(*np.log(options.speed))))
    times = speed / options.fps * np.arange(options.num_frames)
    room = clip.duration - times[-1] + 1e-6
    if room < 0:
        return []
    count = min(options.max_windows, 1 + int(room / (times[-1] + speed / options.fps)))
    starts = np.linspace(0.0, room, count) if count > 1 else np.array([0.5 * room])
    starts = (
        np.floor(starts * clip.fps) / clip.fps
    )  # on a frame, so that nothing is interpolated at the recording's own rate
    windows = [Window(clip, number, *clip.at(start + times)) for number, start in enumerate(starts)]
    shares = [clip.is_possible_at(start + times).mean() for start in starts]
    return [
        window for window, share in zip(windows, shares, strict=True) if share >= 1.0 - options.max_impossible - 1e-9
    ]
