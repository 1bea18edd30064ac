"""Files of points in space, as programs write them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from smplify_jax.keypoints.layouts import get_layout

MARKERS = {
    **{f"{side[0].upper()}{part}": f"{side}_{name}" for side in ("left", "right") for part, name in (
        ("Hip", "hip"), ("Knee", "knee"), ("Ankle", "ankle"), ("BigToe", "big_toe"), ("SmallToe", "small_toe"), ("Heel", "heel"),
        ("Shoulder", "shoulder"), ("Elbow", "elbow"), ("Wrist", "wrist"), ("Eye", "eye"), ("Ear", "ear"),
    )},
    "Hip": "mid_hip", "Neck": "neck", "Head": "head_top", "Nose": "nose",
}  # fmt: skip
"""Pose2Sim's names of HALPE_26's points, and ours."""


def trc(points: np.ndarray, names: list[str], *, unit: str = "m", rate: float = 50.0) -> str:
    """A `.trc` of points (T, N, 3), NaN where a marker was not seen."""
    lines = [
        "PathFileType\t4\t(X/Y/Z)\twalk.trc",
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames",
        f"{rate:g}\t{rate:g}\t{len(points)}\t{len(names)}\t{unit}\t{rate:g}\t1\t{len(points)}",
        "Frame#\tTime\t" + "\t\t\t".join(names) + "\t\t",
        "\t\t" + "\t".join(f"{axis}{k + 1}" for k in range(len(names)) for axis in "XYZ"),
    ]
    for frame, row in enumerate(points):
        cells = ["" if np.isnan(number) else f"{number:.7g}" for number in row.ravel()]
        lines.append("\t".join([str(frame + 1), f"{frame / rate:.6f}", *cells]))
    return "\n".join(lines) + "\n"


def markers(rows: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """(T, 26, 3) and names, in Pose2Sim's words, of points (T, 26, 4) of the layout halpe26; NaN for those not seen."""
    layout = get_layout("halpe26")
    picked = rows[:, [layout.index(name) for name in MARKERS.values()]]
    return np.where(picked[..., 3:] > 0, picked[..., :3], np.nan), list(MARKERS)


def easymocap(people: dict[int, np.ndarray]) -> str:
    """A file of `keypoints3d` of people (N, 4)."""
    return json.dumps([{"id": name, "keypoints3d": rows.tolist()} for name, rows in people.items()])


def panoptic(people: dict[int, np.ndarray]) -> str:
    """A file `body3DScene` of people (19, 4) in centimetres with y down."""
    bodies = []
    for name, rows in people.items():
        confidence = np.where(rows[:, 3:] > 0, rows[:, 3:], -1.0)
        bodies.append({"id": name, "joints19": np.concatenate([rows[:, :3], confidence], axis=1).ravel().tolist()})
    return json.dumps({"version": 0.7, "univTime": 53541.5, "fpsType": "hd_29_97", "bodies": bodies})


def write_folder(folder: Path, files: list[str], name: str = "{:06d}.json") -> Path:
    """A folder of files by their numbers."""
    folder.mkdir()
    for number, text in enumerate(files):
        (folder / name.format(number)).write_text(text)
    return folder
