"""The poses of a motion folder as one array, with the subject and action of each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from smplify_jax.errors import InputError
from smplify_jax.learn.mocap.clips import Clip, find_clips
from smplify_jax.learn.mocap.limits import is_possible, with_calm_wrists

SOURCES = ("cmu", "cmu_amc", "cmu_daz", "deepmimic", "cc0", "animated_drawings", "hdm05")
"""Collections that a motion folder may hold; hdm05 is for measuring only (its licence is share-alike)."""


@dataclass(frozen=True)
class PoseSet:
    """N poses; every field has N rows.

    Fields:
        poses: (N, 72) axis-angle [rad] in SMPL order: global_orient of a y-up world (+z front of the recording),
            body_pose.
        clips: file (and animation) of the pose.
        sources: the collection, see SOURCES.
        subjects: the actor.
        actions: the action, in the collection's words; "" if it is not stated.
        is_walking: whether the action is walking, jogging or running.
    """

    poses: np.ndarray
    clips: np.ndarray
    sources: np.ndarray
    subjects: np.ndarray
    actions: np.ndarray
    is_walking: np.ndarray

    def __len__(self) -> int:
        return len(self.poses)

    def select(self, index: np.ndarray) -> PoseSet:
        """The rows of an index array or mask."""
        return PoseSet(*(getattr(self, name)[index] for name in self.__dataclass_fields__))

    @property
    def body_poses(self) -> np.ndarray:
        """(N, 69) the poses without global_orient."""
        return self.poses[:, 3:]


def load_poses(
    folder: str | Path,
    *,
    split: str,
    max_frames_per_clip: int,
    seed: int,
    sources: tuple[str, ...] = SOURCES,
) -> PoseSet:
    """Load poses of a split, a limited number from every clip.

    Impossible poses are left out and wrists are limited (see limits). Frames are drawn from each clip without replacement,
    so neighbouring frames are as rare as the clip allows, and stay in the order of time.

    Args:
        folder: the motion folder, see find_clips.
        split: "train", "val" or "hdm05".
        max_frames_per_clip: maximum number of poses from one clip.
        seed: of the drawn frames, which depend only on the seed and the clip's name.
        sources: collections to load from.
    Raises:
        InputError: nothing is left.
    """
    chosen = [clip for clip in find_clips(folder) if clip.split == split and clip.source in sources]
    parts = [part for clip in chosen if len(part := _draw(clip, max_frames_per_clip, seed))]
    if not parts:
        raise InputError(f"{folder} has no usable clip of split '{split}' in {sources}; check its manifest.")
    return PoseSet(*(np.concatenate([getattr(part, name) for part in parts]) for name in PoseSet.__dataclass_fields__))


def _draw(clip: Clip, max_frames: int, seed: int) -> PoseSet:
    poses = clip.read()
    poses = with_calm_wrists(poses[is_possible(poses)])
    if len(poses) > max_frames:
        generator = np.random.default_rng([seed, *clip.name.encode()])
        poses = poses[np.sort(generator.choice(len(poses), max_frames, replace=False))]
    count = len(poses)
    return PoseSet(
        poses,
        clips=np.full(count, clip.name),
        sources=np.full(count, clip.source),
        subjects=np.full(count, clip.subject),
        actions=np.full(count, clip.action),
        is_walking=np.full(count, clip.is_walking),
    )
