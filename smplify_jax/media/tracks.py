"""Fit the people of a video, and write the files of each."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import jax
import numpy as np
from numpy.typing import ArrayLike

from smplify_jax.body.model import BodyModel
from smplify_jax.camera.pinhole import Camera
from smplify_jax.fitting.sequence import fit_sequence
from smplify_jax.keypoints.tracks import KeypointTrack
from smplify_jax.predictions.bodies import PredictedBodies
from smplify_jax.prior.mixture import PosePrior
from smplify_jax.result import FitResult
from smplify_jax.result.person_files import is_exported, write_arrays


@dataclass(frozen=True, eq=False)
class FittedTrack:
    """One person in T frames of a video.

    Attributes:
        track: where they were seen.
        times: (T,) of these frames [s].
        result: their bodies in these frames, as NumPy arrays.
    """

    track: KeypointTrack
    times: np.ndarray
    result: FitResult

    @property
    def has_body(self) -> bool:
        """Whether there is a body in any frame."""
        return any(status.is_usable for status in self.result.statuses())

    def write(
        self, out: Path, also: Sequence[str] = (), complain: Callable[[str], None] | None = None
    ) -> tuple[str, ...]:
        """Write NAME.npz, NAME_amass.npz and NAME.glb to a folder; returns their names.

        Args:
            out: the folder.
            also: endings of further exports, such as ".bvh".
            complain: is called with a sentence for each export that cannot be written, and the others are; None raises the first.
        Raises:
            InputError: NAME.npz cannot be written, or there is no body; without `complain`, an export.
        """
        track, name = self.track, self.track.name
        first, *others = (name + ending for ending in dict.fromkeys((".npz", "_amass.npz", ".glb", *also)))
        write_arrays(
            out / first,
            self.result,
            keypoints=track.keypoints,
            image_size=track.image_size,
            frames=track.frames,
            frame_rate=track.frame_rate,
            times=self.times,
        )
        written = [first]
        for other in others:
            export = partial(self.result.export, out / other, fps=track.frame_rate, times=self.times)
            written += [other] * is_exported(export, complain)
        return tuple(written)


def fit_keypoint_track(
    track: KeypointTrack,
    *,
    times: ArrayLike | None = None,
    camera: Camera | ArrayLike | Sequence[Camera] | None = None,
    body: BodyModel | str | os.PathLike[str] | None = None,
    prior: PosePrior | str | os.PathLike[str] | None = None,
    init: PredictedBodies | None = None,
    init_error: str | float | None = None,
    num_betas: int = 10,
    measurements: Mapping[str, float] | None = None,
    max_gap: float = 1.0,
) -> FittedTrack:
    """`fit_sequence` for a track.

    Args:
        track: of `find_tracks`.
        times: (T,) of its frames [s]; by default they follow each other at its frame rate.
        camera: as for `fit_sequence`.
        body: as for `fit_sequence`.
        prior: as for `fit_sequence`.
        init: as for `fit_sequence`.
        init_error: as for `fit_sequence`.
        num_betas: as for `fit_sequence`.
        measurements: that are known of the person, stature and mass among them, by their names.
        max_gap: as for `fit_sequence`.
    """
    clock = track.frames / track.frame_rate / _stride(track) if times is None else np.asarray(times, np.float64)
    result = fit_sequence(
        track.keypoints,
        layout=track.layout,
        fps=track.frame_rate,
        times=None if times is None else clock,
        image_size=track.image_size if np.isfinite(track.image_size).all() else None,
        camera=camera,
        body=body,
        prior=prior,
        init=init,
        init_error=init_error,
        num_betas=num_betas,
        measurements=measurements,
        max_gap=max_gap,
    )
    return FittedTrack(track, clock, jax.tree.map(np.asarray, result))


def _stride(track: KeypointTrack) -> int:
    """By how much the numbers of its frames rise."""
    return int(track.frames[1] - track.frames[0]) if len(track) > 1 else 1
