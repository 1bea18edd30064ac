"""Recorded motions for training: those with a time base, and slower ones, interpolated from ten frames a second.

Ten frames a second miss the fastest motions, but there are five times as many of them, of more actions.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from scipy.interpolate import CubicSpline

from smplify_jax.geometry.mirror import mirrored_poses
from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES
from smplify_jax.learn.mocap.clips import Clip, find_clips
from smplify_jax.learn.mocap.limits import is_possible, with_calm_wrists
from smplify_jax.learn.mocap.recordings import Recording, load_recordings, without_wraps
from smplify_jax.learn.video.windows import Window

SLOW_SOURCES = ("cmu", "cmu_amc", "cmu_daz")
"""Collections whose clips have a path and ten frames a second."""

_SLOW_FPS, _FPS = 10.0, 30.0
_MAX_TURN = 1.2  # [rad] of a joint, wrists apart, between two frames a tenth of a second apart; splines overshoot beyond
_MAX_STEP = 0.8  # [leg lengths] likewise of the path
_MIN_SLOW_FRAMES = 16

SHARE_SLOW = 0.6
SHARE_OTHER_UPPER_BODY = 0.25
SPEEDS = (0.5, 1.3)
MAX_IMPOSSIBLE = 0.1

_UPPER_BODY = [
    name in ("spine3", "neck", "head") or name.endswith(("collar", "shoulder", "elbow", "wrist", "hand"))
    for name in SMPL_JOINT_NAMES
]
_WALKING_SHARE = 0.4


@dataclass(frozen=True)
class MotionBank:
    """Recordings and how often to draw each.

    Attributes:
        recordings: those with a time base first.
        shares: probability of each.
    """

    recordings: tuple[Recording, ...]
    shares: np.ndarray

    @classmethod
    def load(cls, folder: str | Path) -> MotionBank:
        """The train split of a motion folder."""
        fast, slow = load_recordings(folder, "train"), slow_recordings(folder)
        shares = [(1.0 - SHARE_SLOW) * _balanced(fast), SHARE_SLOW * _balanced(slow)] if slow else [_balanced(fast)]
        return cls((*fast, *slow), np.concatenate(shares) / sum(map(np.sum, shares)))

    def draw(self, number: int, times: np.ndarray, generator: np.random.Generator) -> Window:
        """A window of as many frames as times (T,) [s]: at any speed, mirrored, with the upper body of another one at times."""
        window = self._draw_part(number, times, generator)
        poses = window.poses.copy()
        if generator.uniform() < SHARE_OTHER_UPPER_BODY:
            other = self._draw_part(number, times, generator).poses.reshape(len(times), -1, 3)
            poses.reshape(len(times), -1, 3)[:, _UPPER_BODY] = other[:, _UPPER_BODY]
        path = window.path
        if generator.uniform() < 0.5:
            poses, path = mirrored_poses(poses), path * [-1.0, 1.0, 1.0]
        return Window(window.clip, number, poses, path)

    def _draw_part(self, number: int, times: np.ndarray, generator: np.random.Generator) -> Window:
        while True:
            clip = self.recordings[generator.choice(len(self.recordings), p=self.shares)]
            speed = np.exp(generator.uniform(*np.log(SPEEDS)))
            part = speed * (times - times[0])
            start = generator.uniform(0.0, max(clip.duration - part[-1], 0.0))
            # Recordings that are too short go on backwards: a motion is as possible in reverse.
            inside = clip.duration - np.abs((start + part) % (2.0 * clip.duration) - clip.duration)
            if clip.is_possible_at(inside).mean() >= 1.0 - MAX_IMPOSSIBLE:
                return Window(clip, number, *clip.at(inside))


def slow_recordings(folder: str | Path) -> tuple[Recording, ...]:
    """The clips of ten frames a second, interpolated by splines to thirty, between frames that are impossible or far from each other."""
    chosen = [
        clip
        for clip in find_clips(folder)
        if clip.split == "train" and clip.source in SLOW_SOURCES and clip.fps in (None, _SLOW_FPS)
    ]
    return tuple(recording for clip in chosen for recording in _pieces(clip))


def _pieces(clip: Clip) -> list[Recording]:
    motion = clip.retargeted()
    if motion.path is None or len(motion.poses) < _MIN_SLOW_FRAMES:
        return []
    poses, path = with_calm_wrists(without_wraps(motion.poses)), motion.path
    turns = np.linalg.norm(np.diff(poses.reshape(len(poses), -1, 3), axis=0), axis=-1)
    turns = turns[:, [not name.endswith(("wrist", "hand")) for name in SMPL_JOINT_NAMES]].max(axis=1)
    possible = is_possible(motion.poses)
    is_broken = (turns > _MAX_TURN) | (np.linalg.norm(np.diff(path, axis=0), axis=-1) > _MAX_STEP)
    is_broken |= ~possible[:-1] | ~possible[1:]
    ends = [0, *(1 + np.flatnonzero(is_broken)), len(poses)]
    return [
        _interpolated(clip, start, poses[start:end], path[start:end])
        for start, end in pairwise(ends)
        if end - start >= _MIN_SLOW_FRAMES
    ]


def _interpolated(clip: Clip, start: int, poses: np.ndarray, path: np.ndarray) -> Recording:
    times = np.arange(len(poses)) / _SLOW_FPS
    new_times = np.arange(0.0, times[-1] + 1e-6, 1.0 / _FPS)
    poses, path = CubicSpline(times, poses)(new_times), CubicSpline(times, path)(new_times)
    labels = (clip.name, clip.subject, clip.action, clip.is_walking, int(start))
    return Recording(*labels, _FPS, poses, path, is_possible(poses))


def _balanced(recordings: tuple[Recording, ...]) -> np.ndarray:
    """Probabilities by the square root of an actor's total duration, so that none dominates; walking counts less."""
    durations = np.array([one.duration * (_WALKING_SHARE if one.is_walking else 1.0) for one in recordings])
    subjects = np.array([one.subject for one in recordings])
    totals = {subject: durations[subjects == subject].sum() for subject in set(subjects)}
    shares = durations / np.sqrt([totals[subject] for subject in subjects])
    return shares / shares.sum()
