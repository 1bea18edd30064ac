"""`fit_sequence` in the form that a job asks for: tracks through videos are its units."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import groupby
from typing import Any

import jax
import numpy as np

from smplify_jax.datasets.job.fitter import FitterChoices, sizes_of, without_warnings_of_batches
from smplify_jax.datasets.job.plan import Unit
from smplify_jax.datasets.job.tracks import TrackChoices, track_units
from smplify_jax.fitting.sequence import fit_sequences
from smplify_jax.fitting.track_arguments import side_by_side
from smplify_jax.keypoints.rows import DatasetRow
from smplify_jax.result import FitResult

_ROWS_PER_DEVICE = 512
"""Four windows and more, which follow each other without a gap; a kill loses no more than that."""


@dataclass(frozen=True, eq=False)
class TrackFitter(FitterChoices):
    """`smplify_jax.fit_sequence` with the same choices for everybody.

    Attributes:
        tracks: what makes a track.
    """

    tracks: TrackChoices = field(default_factory=TrackChoices)

    @property
    def people_at_once(self) -> int:
        """Rows of enough windows for all devices."""
        return _ROWS_PER_DEVICE * len(self.devices)

    def settings(self) -> dict[str, Any]:
        """The options that change fits, and the hashes of body and prior."""
        return {**super().settings(), "tracks": asdict(self.tracks)}

    def units(self, rows: Iterable[DatasetRow], pass_over: Callable[[str], None]) -> Iterator[Unit]:
        """The tracks of each video."""
        return track_units(rows, self.tracks, pass_over)

    def fit(self, people: Sequence[DatasetRow]) -> FitResult:
        """Fit whole tracks of one layout, all or none of which have a camera, each by itself."""
        tracks = [list(rows) for _, rows in groupby(people, key=lambda row: (row.video, row.track_id))]
        keypoints = [np.stack([row.keypoints for row in rows]) for rows in tracks]
        firsts = [rows[0] for rows in tracks]
        sizes, whole = sizes_of(firsts), side_by_side(keypoints)
        with without_warnings_of_batches():
            results = fit_sequences(
                keypoints,
                layout=people[0].layout,
                fps=[self.tracks.fps / _stride(rows) for rows in tracks],
                image_size=sizes,
                camera=self.camera_of(firsts, whole, sizes, None),
                body=self.body,
                prior=self.prior,
                num_betas=self.num_betas,
                measurements=self.known,
                max_gap=self.tracks.max_gap,
                devices=self.devices_if_several,
            )
        self.warn_of_outside(firsts, whole, sizes)
        return jax.tree.map(lambda *leaves: np.concatenate(leaves), *results)


def _stride(rows: Sequence[DatasetRow]) -> int:
    """By how much the numbers of a track's frames rise."""
    numbers = [row.frame or 0 for row in rows[:2]]
    return numbers[-1] - numbers[0] or 1
