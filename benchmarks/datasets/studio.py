"""Recordings of a motion capture studio: positions and detections brought into the frame and pixels of calibrated pinhole cameras."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np

from benchmarks.datasets.cameras import StudioCameras, camera_of
from benchmarks.datasets.recording import Recording, make_recording, select_joints
from benchmarks.datasets.videopose import StudioSequence
from smplify_jax.keypoints.layouts import Layout


@dataclass(frozen=True)
class Choice:
    """What of a data set is looked at.

    Attributes:
        every: take every N-th frame of a sequence, from the first on.
        camera_names: which cameras.
        compared: points of the fitted body.
    """

    every: int
    camera_names: Sequence[str]
    compared: Layout


def studio_recordings(
    sequences: Sequence[StudioSequence],
    layout: Layout,
    cameras: StudioCameras,
    all_cameras: Sequence[str],
    choice: Choice,
    joint_names: Sequence[str],
    sources: Mapping[str, str],
) -> Iterator[Recording]:
    """One recording for each sequence and chosen camera; the group is the action without the number of its trial.

    Args:
        sequences: with J joints.
        layout: of the detections.
        cameras: the calibration.
        all_cameras: what the sequences' cameras are called, in their order.
        choice: what to look at.
        joint_names: J names.
        sources: see `select_joints`.
    """
    for sequence in sequences:
        world = select_joints(sequence.positions[:: choice.every], joint_names, sources)
        for name, keypoints in zip_longest(all_cameras, sequence.keypoints[: len(all_cameras)]):
            if name not in choice.camera_names:
                continue
            # HumanEva's subjects are in folders: "Validate/S1".
            camera = camera_of(cameras, sequence.subject.rsplit("/", 1)[-1], name)
            seen = _of_length(keypoints, len(sequence.positions), layout)[:: choice.every]
            seen[..., :2] = camera.undistorted(seen[..., :2])
            yield make_recording(
                group=sequence.action.split(" ")[0],
                name=f"{sequence.subject}, {sequence.action}, {name}",
                layout=layout,
                compared=choice.compared,
                keypoints=seen,
                camera=camera.pinhole,
                truth=camera.from_world(world),
                is_valid=np.asarray(np.isfinite(seen).all(axis=(1, 2))),
            )


def _of_length(keypoints: np.ndarray | None, num_frames: int, layout: Layout) -> np.ndarray:
    """(N, K, 3) detections of N frames: NaN where there are none, cut where there are more."""
    found = np.full((num_frames, layout.num_keypoints, 3), np.nan)
    if keypoints is not None:
        found[: len(keypoints)] = keypoints[:num_frames]
    return found
