"""Settings of exports."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from smplify_jax.errors import InputError


@dataclass(frozen=True)
class ExportOptions:
    """Settings of exports; each export uses those that apply to it.

    Attributes:
        dataset: name of the data set in file names.
        images: folder that the pictures' names are relative to; None if they are paths already.
        frame_rate: [1/s] written where a format needs one; a person in a single picture has none.
        people_per_shard: minimum number of people in a tar file, except the last.
        box_factor: size of a crop over the size of the input's box, or of the box around the observed keypoints if the input has none; by
            default the value stored in the rows.
        min_quality: leave out people whose quality is lower or not known.
        max_error: leave out people whose median keypoint error, in percent of their height, is higher or not known.
        open_body_as_smpl: let loaders use the open body's betas as SMPL's.
    """

    dataset: str = "fits"
    images: Path | None = None
    frame_rate: float = 30.0
    people_per_shard: int = 1000
    box_factor: float | None = None
    min_quality: float | None = None
    max_error: float | None = None
    open_body_as_smpl: bool = False

    def __post_init__(self) -> None:
        if self.box_factor is not None and not 0 < self.box_factor < float("inf"):
            raise InputError(f"box_factor is {self.box_factor}: expected a positive number such as 1.2.")
        if self.min_quality is not None and not 0 <= self.min_quality <= 1:
            raise InputError(f"min_quality is {self.min_quality}: expected a probability from 0 to 1.")
        if self.max_error is not None and not self.max_error > 0:
            raise InputError(f"max_error is {self.max_error}: expected percent of the person's height.")
        if not 0 < self.frame_rate < float("inf"):
            raise InputError(f"frame_rate is {self.frame_rate}: expected a positive number of frames a second.")
