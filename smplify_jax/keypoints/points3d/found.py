"""What a reader finds in a file of points in space, in the file's own order, unit and frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True, eq=False)
class FoundPoints:
    """N points of one person in T frames, or of T people.

    Attributes:
        points: (T, N, 4) x, y, z in the file's unit, confidence; zero confidence or NaN where nothing was observed.
        is_motion: whether the leading axis is time.
        names: N names of the points, as the file spells them; empty where it has none.
        layouts: for files without names: the layout by N, in this format; a layout with fewer than N points takes the first ones.
        person: the file's name of the person; "" where it has none.
        frames: (T,) numbers of the frames.
        times: (T,) [s]; None where only the frame rate is known.
        frame_rate: [1/s]; NaN where the file does not say it.
        unit: key of `METRES`; None where neither file nor format says it.
        up: axis that points up, a key of `Z_UP_FROM`; None where neither file nor format says it.
    """

    points: np.ndarray
    is_motion: bool
    names: tuple[str, ...] = ()
    layouts: Mapping[int, str] = field(default_factory=dict)
    person: str = ""
    frames: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    times: np.ndarray | None = None
    frame_rate: float = np.nan
    unit: str | None = None
    up: str | None = None
