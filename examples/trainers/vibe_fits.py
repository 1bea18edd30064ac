"""The fitter on tracks: from detections, from the keypoints that a network predicts, and from its bodies."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from examples.trainers.bodies import Estimate, TrainedBody, estimate_of
from examples.trainers.dataset import LAYOUT
from examples.trainers.evaluation import points_of
from examples.trainers.people import FPS, NUM_FRAMES
from examples.trainers.rendering import FOCAL_SIDES
from examples.trainers.spin import SIDE, in_pixels
from smplify_jax import PredictedBodies, fit, fit_sequence

_GIVEN: dict[str, Any] = {"layout": LAYOUT, "image_size": (SIDE, SIDE), "camera": FOCAL_SIDES * SIDE}


def predicted_keypoints(body: TrainedBody, predicted: Estimate) -> np.ndarray:
    """(M, 17, 3) where a network sees the keypoints, each of them for certain."""
    projected = points_of(body, predicted).projected
    return np.concatenate([projected, np.ones((*projected.shape[:2], 1))], axis=-1)


def fit_frames(keypoints: np.ndarray, predicted: Estimate, error_mm: float) -> Estimate:
    """Each frame (M, ...) by itself, from what a network predicts with that error."""
    return estimate_of(fit(in_pixels(keypoints), init=_init(predicted), init_error=error_mm, **_GIVEN))


def fit_tracks(keypoints: np.ndarray, predicted: Estimate | None = None, error_mm: float | None = None) -> Estimate:
    """The frames (M, ...) of tracks together, from what a network predicts, or without it."""
    tracks = in_pixels(keypoints).reshape(-1, NUM_FRAMES, 17, 3)
    init = None
    if predicted is not None:
        init = jax.tree.map(
            lambda block: np.reshape(block, (*tracks.shape[:2], *np.shape(block)[1:])), _init(predicted)
        )
    return estimate_of(fit_sequence(tracks, fps=FPS, init=init, init_error=error_mm, **_GIVEN))


def _init(predicted: Estimate) -> PredictedBodies:
    return PredictedBodies.of(pose=predicted.rotations, betas=predicted.betas).in_pictures(predicted.transl)
