"""Compile the programs of a fit while a detector runs."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np

from smplify_jax.body.load import load_body
from smplify_jax.body.model import BodyModel
from smplify_jax.fitting.sequence import fit_sequence
from smplify_jax.fitting.tracks import WINDOW_SIZES
from smplify_jax.prior.mixture import PosePrior

_DEPTH, _FOCAL_LENGTH, _SIZE = 4.0, 1200.0, (1200.0, 900.0)


@contextmanager
def fits_made_ready(
    layout: str,
    num_frames: int | None,
    *,
    body: BodyModel | str | os.PathLike[str] | None = None,
    prior: PosePrior | str | os.PathLike[str] | None = None,
    num_betas: int = 10,
    measurements: Mapping[str, float] | None = None,
) -> Iterator[None]:
    """Fit a body that stands still, in another thread; at the end of the `with` block that is done.

    Fits of the same number of frames, or of long videos, then start without compiling, which takes some seconds.

    Args:
        layout: name of the keypoints' layout.
        num_frames: of the video; None if that is not known.
        body: as for `fit_sequence`.
        prior: as for `fit_sequence`.
        num_betas: as for `fit_sequence`.
        measurements: as for `fit_sequence`.
    """

    def work() -> None:
        # What cannot be fitted is said when it is fitted in earnest.
        with suppress(Exception):
            track = _still(layout, min(num_frames or WINDOW_SIZES[-1], WINDOW_SIZES[-1]))
            how: dict[str, Any] = {"body": body, "prior": prior, "num_betas": num_betas, "measurements": measurements}
            fit_sequence(track, layout=layout, image_size=_SIZE, **how)

    thread = threading.Thread(target=work, name="compile fits", daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def _still(layout: str, num_frames: int) -> np.ndarray:
    """(T, K, 3) keypoints of the open body at rest."""
    body = load_body()
    zeros = np.zeros(3, np.float32)
    points = np.asarray(
        body.keypoints(
            betas=np.zeros(1, np.float32),
            global_orient=np.array([np.pi, 0, 0], np.float32),
            body_pose=zeros,
            transl=zeros + np.array([0, 0, _DEPTH], np.float32),
            layout=layout,
        )
    )
    pixels = _FOCAL_LENGTH * points[:, :2] / points[:, 2:] + np.array(_SIZE) / 2
    confidence = np.isfinite(pixels).all(axis=1, keepdims=True).astype(np.float64)
    return np.tile(np.nan_to_num(np.concatenate([pixels, confidence], axis=1)), (num_frames, 1, 1))
