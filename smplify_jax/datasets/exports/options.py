"""What a user may say about an export."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ExportOptions:
    """Settings that exports take; each uses those that concern it.

    Attributes:
        dataset: what to call the data set in file names.
        images: folder that the pictures' names are relative to; by default they are paths as they are.
        frame_rate: [1/s] written where a format wants one; a person in a single picture has none.
        people_per_shard: the least number of people in one tar file, but for the last.
    """

    dataset: str = "fits"
    images: Path | None = None
    frame_rate: float = 30.0
    people_per_shard: int = 1000
