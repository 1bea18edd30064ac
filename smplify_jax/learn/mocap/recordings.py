"""Recordings with a time base: the poses and the path of every clip whose frame rate is known, at any time between its frames."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from smplify_jax.errors import InputError
from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES
from smplify_jax.learn.mocap.clips import MANIFEST, Clip, find_clips
from smplify_jax.learn.mocap.limits import is_possible, with_calm_wrists

NUM_JOINTS = len(SMPL_JOINT_NAMES)

VIDEO_FOLDER = "video30"
"""Folder of the clips with a time base, within the motion folder."""

METRES_PER_LEG = 0.8
"""About what a leg measures, to judge accelerations along a path in lengths of the leg."""

MAX_ACCELERATION = 60.0
"""[m/s²] of the point between the hips. People reach half of it in jumps; where the capture lost its markers it is up to 200."""

MAX_TURN, MAX_TURN_ACCELERATION = 40.0, 900.0
"""[rad/s] and [rad/s²] of a joint relative to its parent, wrists and feet apart, which capture too often gets wrong. Kicks reach 27
and 800."""

MAX_FIRST_TURN = 20.0
"""[rad/s] A clip whose first frame lies further from the second starts in another pose, as the DAZ conversion's do: it is left out."""

MIN_DURATION = 1.0
"""[s] Shorter pieces between two jumps are left out."""


@dataclass(frozen=True)
class Recording:
    """A clip, or the piece of one between two jumps: F frames at a fixed rate.

    Fields:
        name, subject, action, is_walking: as in `Clip`.
        first_frame: of the piece, within the clip.
        fps: frames per second.
        poses: (F, 72) axis-angle [rad] in a y-up world, of angles above π where they would jump otherwise; wrists are limited, see
            `with_calm_wrists`.
        path: (F, 3) the point between the hips, y up, in lengths of the leg.
        is_possible: (F,) whether the joints keep their ranges, see `is_possible`.
    """

    name: str
    subject: str
    action: str
    is_walking: bool
    first_frame: int
    fps: float
    poses: np.ndarray = field(repr=False)
    path: np.ndarray = field(repr=False)
    is_possible: np.ndarray = field(repr=False)

    @property
    def seed(self) -> tuple[int, ...]:
        """Numbers that no other recording has."""
        return (self.first_frame, *self.name.encode())

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
        step = (first.inv() * last).as_rotvec() * np.repeat(share, NUM_JOINTS)[:, None]
        poses = (first * Rotation.from_rotvec(step)).as_rotvec().reshape(len(frames), -1)
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
    chosen = [clip for clip in find_clips(folder) if clip.split == split and clip.fps is not None]
    found = [recording for clip in chosen for recording in _pieces(clip)]
    if not found:
        raise InputError(
            f"{folder} has no clip of split '{split}' with a frame rate (column fps) and a path; check its {MANIFEST}."
        )
    return tuple(found)


def _pieces(clip: Clip) -> list[Recording]:
    """The recordings between the jumps of a clip."""
    motion, fps = clip.retargeted(), clip.fps
    if motion.path is None or fps is None:
        return []
    poses = with_calm_wrists(without_wraps(motion.poses))
    ends = [0, *(1 + np.flatnonzero(_is_jump(poses, motion.path, fps))), len(poses)]
    possible = is_possible(motion.poses)
    return [
        Recording(
            clip.name,
            clip.subject,
            clip.action,
            clip.is_walking,
            int(start),
            fps,
            *(array[start:end] for array in (poses, motion.path, possible)),
        )
        for start, end in pairwise(ends)
        if end - start > MIN_DURATION * fps
    ]


def without_wraps(poses: np.ndarray) -> np.ndarray:
    """The same rotations as vectors that take no detour: past half a turn, an angle goes on beyond π rather than to its other side.

    Args:
        poses: (T, 72) axis-angle [rad], in the order of time.
    """
    vectors = poses.reshape(len(poses), NUM_JOINTS, 3).copy()
    for previous, vector in pairwise(vectors):
        angle = np.linalg.norm(vector, axis=-1, keepdims=True)
        other = vector * (1.0 - 2.0 * np.pi / np.maximum(angle, 1e-9))
        is_nearer = np.linalg.norm(other - previous, axis=-1) < np.linalg.norm(vector - previous, axis=-1)
        vector[is_nearer] = other[is_nearer]
    return vectors.reshape(poses.shape)


def _is_jump(poses: np.ndarray, path: np.ndarray, fps: float) -> np.ndarray:
    """(T - 1,) whether the recording is broken between a frame and the next."""
    before, after = (Rotation.from_rotvec(rows.reshape(-1, 3)) for rows in (poses[:-1], poses[1:]))
    turns = fps * (before.inv() * after).as_rotvec().reshape(len(poses) - 1, NUM_JOINTS, 3)
    turns = turns[:, [not name.endswith(("wrist", "hand", "foot")) for name in SMPL_JOINT_NAMES]]
    speed = np.linalg.norm(turns, axis=-1).max(axis=1)
    jump = speed > MAX_TURN
    jump[:1] |= speed[:1] > MAX_FIRST_TURN
    # An acceleration belongs to three frames: both steps between them are suspect.
    change = fps * np.linalg.norm(np.diff(turns, axis=0), axis=-1).max(axis=1, initial=0.0) > MAX_TURN_ACCELERATION
    change |= METRES_PER_LEG * fps**2 * np.linalg.norm(np.diff(path, n=2, axis=0), axis=1) > MAX_ACCELERATION
    jump[:-1] |= change
    jump[1:] |= change
    return jump
