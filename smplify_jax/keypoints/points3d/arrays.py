"""Points in space in NumPy's files: an `.npy`, or an `.npz` with one of these arrays and, as far as it has them, what else is known.

| array | meaning |
|---|---|
| `points3d`, `keypoints3d`, `joints3d`, `joints` and other names | (K, 3), (T, K, 3) or (N, T, K, 3); a fourth number is the confidence |
| `confidence`, `conf`, `scores` | (..., K), where the points have three numbers |
| `layout` | name of a layout |
| `names`, `keypoint_names`, `joint_names`, `marker_names` | (K,) names of the points |
| `fps`, `frame_rate`, `mocap_framerate`, `mocap_frame_rate` | frames per second |
| `times` | (T,) of the frames [s] |
| `unit`, `up` | such as "mm" and "y" |

An array (T, K, 3) is a motion if there is a frame rate or there are times; otherwise its rows are people.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from smplify_jax.camera.calibration import METRES
from smplify_jax.errors import InputError
from smplify_jax.execution.host_arrays import host_array
from smplify_jax.files.npy import load_npy
from smplify_jax.files.npz import load_npz
from smplify_jax.keypoints.layouts import HAND_LAYOUTS, LAYOUTS
from smplify_jax.keypoints.points3d.found import FoundPoints
from smplify_jax.keypoints.points3d.world import Z_UP_FROM

_POINTS = (
    *("points", "points3d", "points_3d", "keypoints3d", "keypoints_3d", "joints3d", "joints_3d", "pred_keypoints_3d"),
    *("kpts3d", "kps_3d", "j3d", "positions", "joint_positions", "joints", "markers", "vertices", "pred_vertices"),
)
_CONFIDENCES = ("confidence", "confidences", "conf", "scores", "keypoint_scores")
_NAMES = ("names", "keypoint_names", "joint_names", "marker_names")
_RATES = ("fps", "frame_rate", "mocap_framerate", "mocap_frame_rate", "framerate")
_TIMES = ("times", "timestamps")

_BY_COUNT = {
    count: names[0]
    for count in sorted({layout.num_keypoints for layout in LAYOUTS.values()})
    if len(
        names := [one.name for one in LAYOUTS.values() if one.num_keypoints == count and one.name not in HAND_LAYOUTS]
    )
    == 1
}
"""The only layout with a count; 17 and 25 points may be several."""


def read_npy(path: Path) -> list[FoundPoints]:
    """The points of an array.

    Raises:
        InputError: it is no array of points.
    """
    return _found({"points": load_npy(path)}, "points")


def read_npz(path: Path) -> list[FoundPoints]:
    """The points of an archive.

    Raises:
        InputError: it has no such array, or the other arrays do not suit it.
    """
    wanted = (*_POINTS, *_CONFIDENCES, *_NAMES, *_RATES, *_TIMES, "layout", "unit", "units", "up", "frames")
    arrays = load_npz(path, wanted)
    name = next((one for one in _POINTS if one in arrays and _is_points(arrays[one])), None)
    if name is None:
        raise InputError(
            f"it has no array (..., K, 3) or (..., K, 4) with a name such as {', '.join(map(repr, _POINTS[:4]))}"
        )
    return _found(arrays, name)


def _is_points(value: object) -> bool:
    return (
        isinstance(value, np.ndarray)
        and value.ndim in (2, 3, 4)
        and value.shape[-1] in (3, 4)
        and value.dtype.kind in "iuf"
    )


def _found(arrays: Mapping[str, Any], name: str) -> list[FoundPoints]:
    array = host_array(arrays[name], f"'{name}'")
    if not _is_points(array) or not array.size:
        raise InputError(
            f"its array has shape {array.shape}; expected (K, 3), (T, K, 3) or (N, T, K, 3), or 4 with a confidence"
        )
    points = array.astype(np.float64)
    if points.shape[-1] == 3:
        points = np.concatenate([points, _confidence(arrays, points)[..., None]], axis=-1)
    rate, times = _rate(arrays), _first(arrays, _TIMES)
    is_motion = points.ndim == 4 or (points.ndim == 3 and (np.isfinite(rate) or times is not None))
    tracks = points.reshape(-1, *points.shape[-3:]) if points.ndim > 2 else points[None, None]
    clock = None if times is None else _clock(times, tracks.shape[1])
    number = _first(arrays, ("frames",))
    frames = np.arange(tracks.shape[1])
    if number is not None and np.shape(number) == frames.shape and np.asarray(number).dtype.kind in "iu":
        frames = np.asarray(number, np.int64)
    return [
        FoundPoints(
            points=rows,
            is_motion=is_motion,
            names=_names(arrays, points.shape[-2]),
            layouts=_layouts(arrays, points.shape[-2]),
            person=str(person) if len(tracks) > 1 else "",
            frames=frames,
            times=clock,
            frame_rate=rate,
            unit=_word(arrays, ("unit", "units"), METRES),
            up=_word(arrays, ("up",), Z_UP_FROM),
        )
        for person, rows in enumerate(tracks)
    ]


def _first(arrays: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((arrays[name] for name in names if name in arrays), None)


def _confidence(arrays: Mapping[str, Any], points: np.ndarray) -> np.ndarray:
    """(..., K): of its own array, or 1."""
    given = _first(arrays, _CONFIDENCES)
    if not isinstance(given, np.ndarray) or given.dtype.kind not in "biuf" or given.shape != points.shape[:-1]:
        return np.ones(points.shape[:-1])
    return given.astype(np.float64)


def _rate(arrays: Mapping[str, Any]) -> float:
    value = np.ravel(_first(arrays, _RATES))
    if value.dtype.kind not in "iuf" or value.size != 1:
        return np.nan
    rate = float(value[0])
    return rate if 0 < rate < np.inf else np.nan


def _clock(times: Any, num_frames: int) -> np.ndarray:
    clock = host_array(times, "'times'").astype(np.float64)
    if clock.shape != (num_frames,) or not np.isfinite(clock).all() or (np.diff(clock) <= 0).any():
        raise InputError(
            f"its times have shape {clock.shape}; expected ({num_frames},) that increase, one for each frame [s]"
        )
    return clock


def _names(arrays: Mapping[str, Any], count: int) -> tuple[str, ...]:
    value = np.ravel(_first(arrays, _NAMES))
    if value.dtype.kind not in "US" or len(value) != count:
        return ()
    return tuple(one.decode(errors="replace") if isinstance(one, bytes) else str(one) for one in value.tolist())


def _layouts(arrays: Mapping[str, Any], count: int) -> dict[int, str]:
    """The layout that the file states, if it has as many points; our own results state that of their keypoints beside 24 joints."""
    stated = _word(arrays, ("layout",), LAYOUTS)
    if stated is not None and LAYOUTS[stated].num_keypoints == count:
        return {count: stated}
    return _BY_COUNT


def _word(arrays: Mapping[str, Any], names: tuple[str, ...], known: Mapping[str, Any]) -> str | None:
    """A text that is among the known ones."""
    value = np.ravel(_first(arrays, names))
    if value.dtype.kind not in "US" or value.size != 1:
        return None
    word = value.tolist()[0]
    word = word.decode(errors="replace") if isinstance(word, bytes) else word
    return word if word in known else None
