"""Points in space to a body: `fit_points`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from smplify_jax.body.model import BodyModel
from smplify_jax.errors import InputError
from smplify_jax.execution.devices import Device
from smplify_jax.execution.environment import check_process, usual_flags
from smplify_jax.execution.host_arrays import host_array
from smplify_jax.fitting.batches import run_in_batches
from smplify_jax.fitting.bodies import fit_bodies
from smplify_jax.fitting.frames_of_points import RestBody, frames_of_points, seen_from_around
from smplify_jax.fitting.points_turns import Fit, fit_in_turns, scaled
from smplify_jax.fitting.program import propose_frames
from smplify_jax.fitting.track_arguments import check_max_gap, frame_times, is_number, setup_tracks
from smplify_jax.fitting.tracks import fit_track
from smplify_jax.keypoints.layouts import Layout, get_layout
from smplify_jax.prior.mixture import PosePrior
from smplify_jax.result import FitResult


def fit_points(
    points: ArrayLike,
    *,
    layout: str | Layout,
    noise: float | None = None,
    scale: Literal["fixed", "free"] = "fixed",
    fps: float | None = None,
    times: ArrayLike | None = None,
    body: BodyModel | str | os.PathLike[str] | None = None,
    prior: PosePrior | str | os.PathLike[str] | None = None,
    num_betas: int = 10,
    max_gap: float = 1.0,
    devices: Sequence[Device] | None = None,
) -> FitResult:
    """Fit the body to points in space: triangulated keypoints, joints of a depth camera, or another program's body.

    The points may be in any frame; which way is up need not be known.

    Args:
        points: (K, 4), or (B, K, 4) for several people or frames: x, y, z [m], confidence (0 = not observed; rows of NaN are not observed
            either).
            A body's fingers are stretched: points on fingers hardly count.
        layout: which points these are, in order, such as "smpl24", "h36m17", "kinect32", "panoptic19", "mhr70" or "coco17".
        noise: standard deviation of the points along each axis [m]; None estimates it from how well a body fits them.
        scale: "fixed" if the points are in metres; "free" if their scale is unknown (root-relative or normalised points): it is found
            together with the body, whose size then follows from the shape prior.
        fps: frames per second, if the leading axis is time; the frames then share a shape and move smoothly. None if the bodies of the
            leading axis are independent.
        times: (B,) when the frames were taken [s]; replaces `fps`.
        body: the open body by default.
        prior: the shipped pose prior by default.
        num_betas: how many shape coefficients to fit.
        max_gap: of time, frames without points are filled in, see `fit_sequence` [s].
        devices: of one kind, to run the proposal network on; JAX's default device by default.
    Returns:
        FitResult in the frame of the points, with `point_errors`, and `point_scale`, by which the points were multiplied: the body stands
        at the points times this. It has no views.

    Raises:
        InputError: an argument cannot be used at all.
    """
    check_process()
    with usual_flags(), np.errstate(all="ignore"):
        layout = get_layout(layout)
        rows, is_single = _rows(points, layout)
        check_max_gap(max_gap)
        if noise is not None and (not is_number(noise) or not 0 <= noise < np.inf):
            raise InputError(f"noise is {noise!r}: give a standard deviation in metres, or None to estimate it.")
        if scale not in ("fixed", "free"):
            raise InputError(f'scale is {scale!r}: give "fixed" for points in metres, or "free".')
        is_track = fps is not None or times is not None
        origin = _origins(rows, is_track)
        rows = _moved(rows, -origin)
        clock = frame_times(1.0 if fps is None else fps, times, 1, len(rows))[0]
        setup = setup_tracks(layout, body, prior, num_betas, devices)
        rest = RestBody.of(setup.network, layout)
        factor = rest.first_scale(rows) if scale == "free" else np.ones(len(rows))
        if is_track:
            factor = np.full_like(factor, np.median(factor))
        seen = seen_from_around(rest, scaled(rows, factor))
        proposed = jax.device_get(run_in_batches(propose_frames, setup.network, seen.people, setup.devices))

        frames = frames_of_points(rest, scaled(rows, factor), seen, proposed, clock if is_track else None, max_gap)
        fit: Fit = partial(fit_track, setup) if is_track else partial(fit_bodies, setup, layout)
        fields = fit_in_turns(fit, rest, frames, rows, factor, noise, is_track=is_track, is_scale_free=scale == "free")
        fields = jax.tree.map(jnp.asarray, _moved_back(fields, origin))
        result = FitResult(**fields, body=setup.body, layout=layout.name)
        return result[0] if is_single else result


def _rows(points: ArrayLike, layout: Layout) -> tuple[np.ndarray, bool]:
    """Points (B, K, 4), zeros where nothing was observed, and whether the input was one body."""
    array = host_array(points, "points").astype(np.float64)
    expected = (layout.num_keypoints, 4)
    if array.ndim not in (2, 3) or array.shape[-2:] != expected or not array.size:
        raise InputError(
            f"points has shape {array.shape}: with layout {layout.name!r} a body is {expected}: x, y, z [m] and a confidence; B of them "
            f"are (B, {expected[0]}, 4)."
        )
    is_known = (
        np.isfinite(array).all(axis=-1, keepdims=True)
        & (array[..., 3:] > 0)
        & (np.abs(array) < 1e6).all(-1, keepdims=True)
    )
    cleaned = np.where(is_known, array, 0.0)
    cleaned[..., 3] = np.minimum(cleaned[..., 3], 1.0)
    return (cleaned[None], True) if array.ndim == 2 else (cleaned, False)


def _origins(rows: np.ndarray, is_track: bool) -> np.ndarray:
    """(B, 3) the middle of each body's points (B, K, 4), of a track of all: float32 is exact near it, wherever the points' origin is."""
    seen = (rows[..., 3:] > 0).astype(float)
    axes = (0, 1) if is_track else (1,)
    middle = (seen * rows[..., :3]).sum(axes, keepdims=True) / np.maximum(seen.sum(axes, keepdims=True), 1.0)
    return np.broadcast_to(middle[:, 0], (len(rows), 3))


def _moved(rows: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """The points (B, K, 4) that are observed, each body's moved by its row of (B, 3)."""
    moved = np.concatenate([rows[..., :3] + shift[:, None], rows[..., 3:]], axis=-1)
    return np.where(rows[..., 3:] > 0, moved, 0.0)


def _moved_back(fields: dict[str, Any], origin: np.ndarray) -> dict[str, Any]:
    """The fields of bodies that were fitted to points about their middles, in the frame of the points, as they are scaled."""
    shift = fields["point_scale"][:, None].astype(float) * origin
    return fields | {
        "transl": (fields["transl"] + shift).astype(np.float32),
        "joints": (fields["joints"] + shift[:, None]).astype(np.float32),
    }
