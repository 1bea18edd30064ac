"""What a file of predictions holds: bodies, and what it says about the pictures and people that they belong to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import jax
import numpy as np

from smplify_jax.predictions.bodies import PredictedBodies


@dataclass(frozen=True, eq=False)
class FoundPredictions:
    """N bodies.

    Attributes:
        bodies: (N, ...).
        images: N names of pictures, "" where the file does not say.
        frames: (N,) numbers of frames in a video, from 0 on; -1 where the file does not say.
        track_ids: N ids of the people through a video, "" where the file does not say.
        boxes: (N, 4) left, top, width, height [px]; NaN where the file does not say.
        assumes_diagonal: whether the bodies' camera has the picture's diagonal as focal length.
    """

    bodies: PredictedBodies
    images: tuple[str, ...]
    frames: np.ndarray
    track_ids: tuple[str, ...]
    boxes: np.ndarray
    assumes_diagonal: bool = False

    def __len__(self) -> int:
        """Number of bodies, N."""
        return len(self.images)


def found(
    bodies: PredictedBodies,
    *,
    images: Sequence[str] | None = None,
    frames: np.ndarray | None = None,
    track_id: str = "",
    boxes: np.ndarray | None = None,
    assumes_diagonal: bool = False,
) -> FoundPredictions:
    """Bodies (N, ...) with what is known about all of them."""
    count = bodies.batch[0]
    return FoundPredictions(
        _plausible(bodies),
        ("",) * count if images is None else tuple(images),
        np.full(count, -1, np.int64) if frames is None else frames.astype(np.int64),
        (track_id,) * count,
        np.full((count, 4), np.nan) if boxes is None else boxes.astype(np.float64),
        assumes_diagonal,
    )


def joined(parts: Sequence[FoundPredictions]) -> FoundPredictions:
    """All bodies of some parts of a file."""
    num_betas = max(part.bodies.betas.shape[1] for part in parts)
    blocks = {}
    for one in fields(PredictedBodies):
        rows = [np.asarray(getattr(part.bodies, one.name)) for part in parts]
        if one.name == "betas":
            rows = [np.pad(row, ((0, 0), (0, num_betas - row.shape[1])), constant_values=np.nan) for row in rows]
        blocks[one.name] = np.concatenate(rows)
    return FoundPredictions(
        PredictedBodies(**blocks),
        tuple(name for part in parts for name in part.images),
        np.concatenate([part.frames for part in parts]),
        tuple(name for part in parts for name in part.track_ids),
        np.concatenate([part.boxes for part in parts]),
        parts[0].assumes_diagonal,
    )


_MAX_ANGLE, _MAX_BETA, _MAX_DISTANCE = 100.0, 100.0, 1e6
"""[rad], in standard deviations, and [m]: larger numbers are damaged ones."""


def _plausible(bodies: PredictedBodies) -> PredictedBodies:
    """The bodies without numbers that none has: unknown poses, places and betas."""

    def within(values: jax.Array | np.ndarray, limit: float) -> np.ndarray:
        is_usable = np.abs(values) < limit  # not for NaN
        return np.where(is_usable.all(axis=-1, keepdims=True), values, np.float32(np.nan))

    is_framed = np.isnan(bodies.focal_length) | (np.asarray(bodies.focal_length) > 0)
    return replace(
        bodies,
        global_orient=within(bodies.global_orient, _MAX_ANGLE),
        body_pose=within(bodies.body_pose, _MAX_ANGLE),
        betas=within(bodies.betas, _MAX_BETA),
        transl=within(bodies.transl, _MAX_DISTANCE),
        focal_length=np.where(is_framed, bodies.focal_length, np.float32(np.nan)),
        camera_center=np.where(np.isfinite(bodies.camera_center), bodies.camera_center, np.float32(np.nan)),
    )
