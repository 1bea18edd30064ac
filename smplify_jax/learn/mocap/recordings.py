"""Recordings with a time base: the poses and the path of every clip whose frame rate is known, at any time between its frames."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from smplify_jax.errors import InputError
from smplify_jax.learn.mocap.clips import MANIFEST, find_clips
from smplify_jax.learn.mocap.limits import is_possible, with_calm_wrists

VIDEO_FOLDER = "video30"
"""Folder of the clips with a time base, within the motion folder."""


@dataclass(frozen=True)
class Recording:
    """One clip of F frames at a fixed rate.

    Fields:
        name, subject, action, is_walking: as in `Clip`.
        fps: frames per second.
        poses: (F, 72) axis-angle [rad] in a y-up world; wrists are limited, see `with_calm_wrists`.
        path: (F, 3) the point between the hips, y up, in lengths of the leg.
        is_possible: (F,) whether the joints keep their ranges, see `is_possible`.
    """

    name: str
    subject: str
    action: str
    is_walking: bool
    fps: float
    poses: np.ndarray = field(repr=False)
    path: np.ndarray = field(repr=False)
    is_possible: np.ndarray = field(repr=False)

    @property
    def duration(self) -> float:
        """Time from the first frame to the last [s]."""
        return (len(self.poses) - 1) / self.fps

    def at(self, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Poses (T, 72) and path (T, 3) at times (T,) from the first frame [s]: rotations along the shortest arc, the path linearly.

        Times beyond the ends take the first or last frame.
        """
        frames = self._frames_at(times)
        before = np.minimum(frames.astype(int), max(len(self.poses) - 2, 0))
        after = np.minimum(before + 1, len(self.poses) - 1)
        share = frames - before
        first, last = (Rotation.from_rotvec(self.poses[rows].reshape(-1, 3)) for rows in (before, after))
        step = (first.inv() * last).as_rotvec() * np.repeat(share, 24)[:, None]
        poses = (first * Rotation.from_rotvec(step)).as_rotvec().reshape(len(frames), 72)
        return poses, self.path[before] + share[:, None] * (self.path[after] - self.path[before])

    def is_possible_at(self, times: np.ndarray) -> np.ndarray:
        """(T,) whether the pose of the frame nearest to each time is possible."""
        return self.is_possible[np.round(self._frames_at(times)).astype(int)]

    def _frames_at(self, times: np.ndarray) -> np.ndarray:
        frames = np.clip(np.asarray(times) * self.fps, 0, len(self.poses) - 1)
        # A time that is meant to be a frame's is only near it, and should give exactly that frame.
        return np.where(np.abs(frames - np.round(frames)) < 1e-6, np.round(frames), frames)


@lru_cache(maxsize=4)
def load_recordings(folder: str | Path, split: str) -> tuple[Recording, ...]:
    """All recordings of a split. Kept, some 10 MB: reading takes seconds, and who compares detectors draws the same clips many times.

    Args:
        folder: the motion folder, with its clips at a known frame rate in video30/, or that folder itself.
        split: "train" or "val".
    Raises:
        InputError: no clip of that split states its frame rate and has a path.
    """
    folder = Path(folder)
    if (folder / VIDEO_FOLDER / MANIFEST).is_file():
        folder = folder / VIDEO_FOLDER
    found = []
    for clip in find_clips(folder):
        if clip.split != split or clip.fps is None:
            continue
        motion = clip.retargeted()
        if motion.path is not None:
            poses, possible = with_calm_wrists(motion.poses), is_possible(motion.poses)
            labels = (clip.name, clip.subject, clip.action, clip.is_walking)
            found.append(Recording(*labels, clip.fps, poses, motion.path, possible))
    if not found:
        raise InputError(
            f"{folder} has no clip of split '{split}' with a frame rate (column fps) and a path; check its {MANIFEST}."
        )
    return tuple(found)
