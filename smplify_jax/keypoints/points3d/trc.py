"""TRC ("track row column"), the text files of marker data that OpenSim, Pose2Sim and Motion Analysis' programs write.

    PathFileType  4  (X/Y/Z)  walk.trc
    DataRate  CameraRate  NumFrames  NumMarkers  Units  OrigDataRate  OrigDataStartFrame  OrigNumFrames
    60        60          200        26          m      60            1                   200
    Frame#  Time  Hip             RHip  ...
                  X1   Y1   Z1    X2    ...
    1       0.0   0.1  0.9  2.0   ...

Cells are parted by tabs, or by spaces where there is none. A cell that is empty or no number, and three zeros, are a marker that was not
seen. OpenSim has y up, and Motion Analysis' programs z; no file says it.
Sources: OpenSim's documentation, "Marker (.trc) Files"; files of Pose2Sim.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from smplify_jax.camera.calibration import METRES
from smplify_jax.errors import InputError
from smplify_jax.files.budget import Allowance, check_limit, check_time
from smplify_jax.files.plain import opened_text
from smplify_jax.keypoints.points3d.found import FoundPoints

START = "PathFileType"

_UNITS = {
    "m": "m",
    "meter": "m",
    "meters": "m",
    "metre": "m",
    "metres": "m",
    "cm": "cm",
    "mm": "mm",
    "millimeters": "mm",
}
_ADVICE = "export it again"


def read_trc(path: Path) -> list[FoundPoints]:
    """The markers of the one person of a file.

    Raises:
        InputError: the header is damaged, or a line has more cells than there are markers.
    """
    with opened_text(path, newline=None, errors="replace") as file:
        lines, allowance = _cells(file), Allowance(os.fstat(file.fileno()).st_size)
        header = [cells for _, cells in (next(lines, (0, [])) for _ in range(4))]
        values = dict(zip((name.lower() for name in header[1]), header[2], strict=False))
        names = tuple(name.strip() for name in header[3][2:] if name.strip())
        if not names or not header[3][0].strip().lower().startswith("frame"):
            raise InputError(f"its fourth line does not name markers behind Frame# and Time; {_ADVICE}")
        check_limit(len(names), "num_members", "the number of its markers is")
        frames, times, rows = _data(lines, len(names), allowance)
    if not rows:
        raise InputError(f"it has a header and no frame; {_ADVICE}")
    points = np.stack(rows).reshape(len(rows), len(names), 3)
    is_seen = np.isfinite(points).all(axis=-1, keepdims=True) & (points != 0).any(axis=-1, keepdims=True)
    clock = np.array(times)
    rate = _number(values.get("datarate", ""))
    return [
        FoundPoints(
            points=np.concatenate([np.where(is_seen, points, 0.0), is_seen], axis=-1),
            is_motion=True,
            names=names,
            frames=np.array(frames, np.int64),
            times=clock if np.isfinite(clock).all() and (np.diff(clock) > 0).all() else None,
            frame_rate=rate if 0 < rate < np.inf else np.nan,
            unit=_unit(values.get("units", "")),
        )
    ]


def _cells(lines: Iterator[str]) -> Iterator[tuple[int, list[str]]]:
    """Number and cells of each line that is not empty."""
    for number, line in enumerate(lines, 1):
        check_time()
        text = line.rstrip("\r\n")
        if text.strip():
            yield number, text.split("\t") if "\t" in text else text.split()


def _data(
    lines: Iterator[tuple[int, list[str]]], num_markers: int, allowance: Allowance
) -> tuple[list[int], list[float], list[np.ndarray]]:
    """Number, time and (3 N,) coordinates of each frame; a line that ends early has not seen its last markers."""
    frames: list[int] = []
    times: list[float] = []
    rows: list[np.ndarray] = []
    width = 2 + 3 * num_markers
    for number, cells in lines:
        first = _number(cells[0])
        if not rows and not np.isfinite(first):
            continue  # X1, Y1, Z1, ...
        while len(cells) > width and not cells[-1].strip():
            cells.pop()
        if len(cells) > width or len(cells) < 2:
            raise InputError(
                f"line {number} has {len(cells)} cells; expected {width} for {num_markers} markers; {_ADVICE}"
            )
        allowance.charge(24 * num_markers)  # lines may be much shorter than the header says
        row = np.full(3 * num_markers, np.nan)
        row[: len(cells) - 2] = [_number(cell) for cell in cells[2:]]
        frames.append(int(first) if abs(first) < 2**53 else len(frames))
        times.append(_number(cells[1]))
        rows.append(row)
    return frames, times, rows


def _number(text: str) -> float:
    """A cell's number; NaN if it has none."""
    try:
        return float(text)
    except ValueError:
        return np.nan


def _unit(text: str) -> str | None:
    name = text.strip().lower()
    return _UNITS.get(name, name if name in METRES else None)
