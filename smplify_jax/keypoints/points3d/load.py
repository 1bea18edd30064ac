"""`load_points`: points in space of any format, as tracks in metres in a world with z up."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from smplify_jax.camera.calibration import METRES
from smplify_jax.errors import InputError
from smplify_jax.files.budget import ReadingTime
from smplify_jax.files.damage import explained_damage
from smplify_jax.files.plain import open_plain
from smplify_jax.keypoints.layouts import get_layout
from smplify_jax.keypoints.names import unique_names
from smplify_jax.keypoints.point_names import are_names, place_by_name
from smplify_jax.keypoints.points3d import arrays, scenes, trc
from smplify_jax.keypoints.points3d.found import FoundPoints
from smplify_jax.keypoints.points3d.world import Z_UP_FROM, in_world, unit_of, up_of

_ADVICE = (
    "expected points in space: an .npz or .npy, a .trc, EasyMocap's or CMU Panoptic's JSON, or a folder of such JSON"
)
_C3D_MARK = 0x50
_USUAL_UP = "z"
_FARTHEST = 1e9
"""In any unit: a point beyond it was not observed."""


@dataclass(frozen=True, eq=False)
class PointTrack:
    """Points of one person through time, or of people who have nothing to do with each other.

    Attributes:
        name: unique among the tracks of a file, and safe as a file name.
        points: (T, K, 4) x, y, z [m], confidence, with z up; zeros where nothing was observed.
        layout: name of the layout; "" for points that were not to be placed in one.
        is_motion: whether the leading axis is time.
        frames: (T,) numbers of the frames.
        times: (T,) [s]; None where only the frame rate is known.
        frame_rate: [1/s]; NaN where the file does not say it.
        unit: of the file, a key of `METRES`; "" where it is unknown and the points are in it.
        up: axis that points up in the file, such as "y" or "-y".
        is_up_known: whether file, format or caller say it; otherwise it follows from where heads and feet are, or is z.
    """

    name: str
    points: np.ndarray
    layout: str
    is_motion: bool
    frames: np.ndarray
    times: np.ndarray | None
    frame_rate: float
    unit: str
    up: str
    is_up_known: bool

    def __len__(self) -> int:
        """Number of frames or people, T."""
        return len(self.points)


def load_points(
    path: str | os.PathLike[str],
    *,
    layout: str | None = None,
    unit: str | None = None,
    up: str | None = None,
    is_scale_free: bool = False,
    is_placed: bool = True,
) -> tuple[PointTrack, ...]:
    """Read points in space: `.trc`, `.npz`, `.npy`, EasyMocap's `keypoints3d`, CMU Panoptic's `body3DScene`, or a folder of such JSON.

    Args:
        path: the file or folder; what is in it decides about its format, not its name.
        layout: order of the points, where the file neither names them nor has a count that only one layout has.
        unit: of the file, a key of `METRES`: by default what file or format say, else what makes people as large as people are.
        up: the axis that points up in the file: "x", "y", "z", "-x", "-y" or "-z". By default what file or format say, else the axis along
            which heads are above feet, else z.
        is_scale_free: leave points whose unit is not known in their own unit.
        is_placed: place the points in a layout; False for vertices of a mesh.
    Raises:
        InputError: the file is missing, damaged or of another kind, or layout or unit are needed.
    """
    if layout is not None:
        get_layout(layout)
    if unit is not None and unit not in METRES:
        raise InputError(f"unit is {unit!r}; expected one of {', '.join(METRES)}")
    if up is not None and up not in Z_UP_FROM:
        raise InputError(f"up is {up!r}; expected one of {', '.join(Z_UP_FROM)}")
    path = Path(path)
    with explained_damage(path, _ADVICE):
        try:
            found = _read(path)
            placed = [_placed(one, layout) if is_placed else (one.points, "") for one in found]
        except InputError as error:
            raise error if str(path) in str(error) else InputError(f"{path}: {error}") from None
        names = unique_names(f"{path.stem}_{one.person}" if one.person else path.stem for one in found)
        return tuple(
            _in_world(one, name, *points_and_layout, unit, up, is_scale_free, str(path))
            for one, name, points_and_layout in zip(found, names, placed, strict=True)
        )


def _read(path: Path) -> list[FoundPoints]:
    if path.is_dir():
        files = sorted(one for one in path.iterdir() if one.suffix.lower() == ".json" and not one.name.startswith("."))
        if not files:
            raise InputError(f"the folder has no .json file; {_ADVICE}")
        found = scenes.read_scenes(files)
    else:
        found = _read_file(path)
    if not found:
        raise InputError("there is nobody in it")
    return found


def _read_file(path: Path) -> list[FoundPoints]:
    with open_plain(path, "a file of points in space") as file:
        start = file.read(64)
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    with ReadingTime(path).running():
        if start.startswith(b"PK\x03\x04"):
            return arrays.read_npz(path)
        if start.startswith(b"\x93NUMPY"):
            return arrays.read_npy(path)
        if text.startswith(trc.START.encode()):
            return trc.read_trc(path)
        if text.startswith((b"{", b"[")):
            return scenes.read_scene(path)
    if len(start) > 1 and start[1] == _C3D_MARK and path.suffix.lower() == ".c3d":
        raise InputError("it is a C3D file, which is not read: save it as .trc, as Mokka, OpenSim and Pose2Sim do")
    raise InputError(f"it begins like none of the known formats; {_ADVICE}")


def _placed(found: FoundPoints, layout: str | None) -> tuple[np.ndarray, str]:
    """(T, K, 4) points in the order of a layout, and its name."""
    count = found.points.shape[1]
    if are_names(found.names):
        try:
            placement = place_by_name(found.names, layout)
            return placement.place(found.points), placement.layout
        except InputError:
            if layout is None or get_layout(layout).num_keypoints != count:
                raise
    if layout is not None and found.layouts.get(count) != layout:
        if get_layout(layout).num_keypoints != count:
            raise InputError(
                f"it has {count} points, and layout {layout} has {get_layout(layout).num_keypoints}: give another"
            )
        return found.points, layout
    if count not in found.layouts:
        raise InputError(f"it has {count} points without names, which several layouts have, or none: give the layout")
    name = found.layouts[count]
    return found.points[:, : get_layout(name).num_keypoints], name


def _in_world(
    found: FoundPoints,
    name: str,
    points: np.ndarray,
    layout: str,
    unit: str | None,
    up: str | None,
    is_scale_free: bool,
    source: str,
) -> PointTrack:
    is_known = (np.abs(points) < _FARTHEST).all(axis=-1, keepdims=True) & (points[..., 3:] > 0)
    points = np.where(is_known, points, 0.0)
    known_unit = unit or (None if is_scale_free else unit_of(points, found.unit, source))
    known_up = up or found.up
    guess = up_of(points, get_layout(layout)) if known_up is None and layout else None
    direction = known_up or guess or _USUAL_UP
    return PointTrack(
        name=name,
        points=in_world(points, known_unit, direction),
        layout=layout,
        is_motion=found.is_motion,
        frames=found.frames if len(found.frames) == len(points) else np.arange(len(points)),
        times=found.times,
        frame_rate=found.frame_rate,
        unit=known_unit or "",
        up=direction,
        is_up_known=known_up is not None,
    )
