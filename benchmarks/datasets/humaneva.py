"""HumanEva-I as VideoPose3D's files have it (see videopose.py): 15 joints, the validation sequences of S1, S2 and S3.

The data set's own calibration is one `.cal` file for each camera and subject; write it into the JSON of cameras.py, the cameras being
called C1, C2 and C3, which is their order in the 2D files.

The joints, in order: torso distal end (pelvis), the middle between torso proximal and head proximal end (here called thorax), then
shoulder, elbow and wrist of the left and of the right arm, hip, knee and ankle of the left and of the right leg, head distal end.

Source: Sigal et al., IJCV 2010; VideoPose3D, ConvertHumanEva.m.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.datasets.cameras import StudioCameras
from benchmarks.datasets.recording import COMPARED_NAMES, Recording, compared_layout
from benchmarks.datasets.studio import Choice, studio_recordings
from benchmarks.datasets.videopose import read_sequences
from smplify_jax.keypoints.layouts import Layout, get_layout

SUBJECTS = ("Validate/S1", "Validate/S2", "Validate/S3")
CAMERAS = ("C1", "C2", "C3")

_ARM, _LEG = ("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle")
_LIMBS = tuple(f"{side}_{part}" for limb in (_ARM, _LEG) for side in ("left", "right") for part in limb)
_POINTS = {
    "pelvis": ("pelvis",),
    "thorax": (
        "neck",
        "head",
    ),  # torso and head segment end where SMPL has these joints, at the neck's lower and upper end
    **{name: (name,) for name in _LIMBS},
    "head": ("head_top",),
}

HUMANEVA15 = Layout("humaneva15", tuple(_POINTS), tuple(_POINTS.values()))
"""The 15 joints, and what they are on the body: motion capture, so hips are the hip joints themselves."""

_SOURCES = {"neck": "thorax", "head_top": "head"}
_LAYOUTS_2D = (HUMANEVA15, get_layout("coco17"))

COMPARED = compared_layout("14 of HumanEva", {joint: _POINTS[_SOURCES.get(joint, joint)] for joint in COMPARED_NAMES})


def read_humaneva(
    folder: Path,
    cameras: StudioCameras,
    detections: str = "gt",
    every: int = 1,
    camera_names: Sequence[str] = CAMERAS,
    compared: Layout = COMPARED,
) -> list[Recording]:
    """Recordings of the validation sequences, one for each chunk and camera; their group is the action.

    Args:
        folder: with data_3d_humaneva15.npz and data_2d_humaneva15_DETECTIONS.npz.
        cameras: the calibration.
        detections: which 2D file.
        every: take every N-th frame, from the first of each chunk on.
        camera_names: out of CAMERAS.
        compared: points of the fitted body.
    Raises:
        InputError: a file is missing or not as described, or the calibration lacks a camera.
    """
    num_joints = HUMANEVA15.num_keypoints
    layout, sequences = read_sequences(folder, "humaneva15", detections, SUBJECTS, num_joints, _LAYOUTS_2D)
    choice = Choice(every, camera_names, compared)
    return list(studio_recordings(sequences, layout, cameras, CAMERAS, choice, HUMANEVA15.keypoint_names, _SOURCES))
