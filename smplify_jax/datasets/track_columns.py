"""Columns of fits that say which track a row is of, and where in it; null for people who were fitted by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smplify_jax.files.arrow import require_arrow

if TYPE_CHECKING:
    import pyarrow

TRACK_COLUMNS = ("video", "track_id", "frame", "time")
"""Name of the video, id of the track among those of the video, number of the frame, and its time in the video [s]."""


def track_types() -> dict[str, pyarrow.DataType]:
    """Arrow's types of the columns."""
    pa, _ = require_arrow()
    return dict(zip(TRACK_COLUMNS, (pa.string(), pa.string(), pa.int64(), pa.float64()), strict=True))
