"""Human3.6M as VideoPose3D's files have it (see videopose.py), with the cameras of the data set (see cameras.py).

The test subjects S9 and S11, and every 64th frame, as Sun et al. (Compositional human pose regression, ICCV 2017) have it; evaluations
after HMR take every fifth. Which cameras: SMPLify (ECCV 2016) and "protocol 2" of HMR (CVPR 2018) and SPIN (ICCV 2019) look through the
frontal camera alone, 60457274 (github.com/akanazawa/hmr, issue 44); "protocol 1" of the latter two through all four. The frontal one is the
default here. SMPLify uses the first of two trials of each action; here both are used.

The 2D points of these files carry the lens distortion, which is taken out. Of the 32 joints, 17 are distinct; they are in the order of the
layout h36m17. Neck and top of the head of the fourteen are the joints that Human3.6M has at the base of the neck ("thorax") and on top of
the head, as evaluations on 14 joints have it (github.com/nkolot/SPIN, issue 138).

Source: Ionescu et al., PAMI 2014; VideoPose3D, common/h36m_dataset.py, for the 17 of 32 joints.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.datasets.cameras import H36M_CAMERAS, StudioCameras
from benchmarks.datasets.recording import COMPARED_NAMES, Recording, compared_layout
from benchmarks.datasets.studio import Choice, studio_recordings
from benchmarks.datasets.videopose import read_sequences
from smplify_jax.keypoints.layouts import Layout, get_layout

SUBJECTS = ("S9", "S11")
FRONTAL_CAMERA = "60457274"

NUM_JOINTS = 32
DISTINCT_JOINTS = (0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27)
"""Rows of the 32 that are the 17 joints of the layout h36m17; the others repeat them, or are of hands and feet."""

_LAYOUT = get_layout("h36m17")
_LAYOUTS_2D = (_LAYOUT, get_layout("coco17"), get_layout("mpii16"))
_SOURCES = {"neck": "thorax", "head_top": "head"}

COMPARED = compared_layout(
    "14 of Human3.6M",
    {joint: _LAYOUT.points[_LAYOUT.index(_SOURCES.get(joint, joint))] for joint in COMPARED_NAMES},
)


def read_human36m(
    folder: Path,
    cameras: StudioCameras,
    detections: str = "gt",
    every: int = 64,
    camera_names: Sequence[str] = (FRONTAL_CAMERA,),
    compared: Layout = COMPARED,
) -> list[Recording]:
    """Recordings of S9 and S11, one for each action, trial and camera; their group is the action.

    Args:
        folder: with data_3d_h36m.npz and data_2d_h36m_DETECTIONS.npz.
        cameras: the calibration.
        detections: which 2D file.
        every: take every N-th frame, from the first on.
        camera_names: out of H36M_CAMERAS.
        compared: points of the fitted body.
    Raises:
        InputError: a file is missing or not as described, or the calibration lacks a camera.
    """
    layout, sequences = read_sequences(folder, "h36m", detections, SUBJECTS, NUM_JOINTS, _LAYOUTS_2D)
    distinct = [replace(one, positions=one.positions[:, DISTINCT_JOINTS]) for one in sequences]
    choice = Choice(every, camera_names, compared)
    return list(studio_recordings(distinct, layout, cameras, H36M_CAMERAS, choice, _LAYOUT.keypoint_names, _SOURCES))
