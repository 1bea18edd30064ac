"""Points in space to a body: `fit_points`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from smplify_jax.body.model import BodyModel
from smplify_jax.body.parameters import BodyParameters
from smplify_jax.body.surface_correspondence import SurfacePoints
from smplify_jax.errors import InputError
from smplify_jax.execution.devices import Device
from smplify_jax.execution.environment import check_process, usual_flags
from smplify_jax.fitting.arguments import resolve_body
from smplify_jax.fitting.batches import run_in_batches
from smplify_jax.fitting.bodies import fit_bodies
from smplify_jax.fitting.frames_of_points import frames_of_points, seen_from_around
from smplify_jax.fitting.known import as_term_takes_it, known_measurements, population_covariance
from smplify_jax.fitting.points_arguments import WantedPoints, moved, origins
from smplify_jax.fitting.points_turns import Fit, fit_in_turns, scaled
from smplify_jax.fitting.program import propose_frames
from smplify_jax.fitting.track_arguments import check_max_gap, frame_times, is_number, setup_tracks
from smplify_jax.fitting.track_init import rows_of_init
from smplify_jax.fitting.tracks import fit_track
from smplify_jax.fitting.views_init import with_init_of_points
from smplify_jax.keypoints.layouts import Layout
from smplify_jax.prior.mixture import PosePrior
from smplify_jax.result import FitResult


def fit_points(
    points: ArrayLike,
    *,
    layout: str | Layout | SurfacePoints,
    noise: float | None = None,
    scale: Literal["fixed", "free"] = "fixed",
    fps: float | None = None,
    times: ArrayLike | None = None,
    body: BodyModel | str | os.PathLike[str] | None = None,
    prior: PosePrior | str | os.PathLike[str] | None = None,
    init: BodyParameters | FitResult | None = None,
    init_error: str | ArrayLike | None = None,
    num_betas: int = 10,
    height: ArrayLike | None = None,
    mass: ArrayLike | None = None,
    age: ArrayLike | None = None,
    measurements: Mapping[str, ArrayLike] | None = None,
    max_gap: float = 1.0,
    devices: Sequence[Device] | None = None,
) -> FitResult:
    """Fit the body to points in space: triangulated keypoints, joints of a depth camera, or another program's body.

    The points may be in any frame; which way is up need not be known.

    Args:
        points: (K, 4), or (B, K, 4) for several people or frames: x, y, z [m], confidence (0 = not observed; rows of NaN are not observed
            either). A body's fingers are stretched: points on fingers hardly count.
        layout: which points these are, in order, such as "smpl24", "h36m17", "kinect32", "panoptic19", "mhr70" or "coco17"; or points on
            the surface of the body, see `load_surface_points`: then `points` are (M, 4) or (B, M, 4), all vertices of the mesh that they
            are taken from.
        noise: standard deviation of the points along each axis [m]; None estimates it from how well a body fits them.
        scale: "fixed" if the points are in metres; "free" if their scale is unknown (root-relative or normalised points): it is found
            together with the body, whose size then follows from the shape prior.
        fps: frames per second, if the leading axis is time; the frames then share a shape and move smoothly. None if the bodies of the
            leading axis are independent.
        times: (B,) when the frames were taken [s]; replaces `fps`.
        body: the open body by default.
        prior: the shipped pose prior by default.
        init: bodies that are known already, such as a network's predictions, in the frame of the points: (...) or (B, ...), NaN in
            orientation or pose where there is none. Their orientation, pose and shape count, and the points tell their place.
        init_error: expected PA-MPJPE of `init` [mm], one number or one for each body; or whose prediction it is, see `fit`.
        num_betas: how many shape coefficients to fit.
        height: stature [m], if it is known: one number, or (B,) of independent bodies with NaN for those of whom it is not, see `fit`.
            Points of unknown scale get theirs from it.
        mass: [kg] likewise.
        age: years likewise, with the body of all ages.
        measurements: others that are known, by their names.
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
        wanted = WantedPoints.of(layout)
        rows, is_single = wanted.rows(points)
        check_max_gap(max_gap)
        if noise is not None and (not is_number(noise) or not 0 <= noise < np.inf):
            raise InputError(f"noise is {noise!r}: give a standard deviation in metres, or None to estimate it.")
        if scale not in ("fixed", "free"):
            raise InputError(f'scale is {scale!r}: give "fixed" for points in metres, or "free".')
        is_track = fps is not None or times is not None
        clock = frame_times(1.0 if fps is None else fps, times, 1, len(rows))[0]
        known = known_measurements(height, mass, age, measurements, 1 if is_track else len(rows))
        body = resolve_body(body, num_betas)
        setup = wanted.adapted(setup_tracks(wanted.layout, wanted.on(body), prior, num_betas, devices, known))
        given = rows_of_init(init, init_error, () if is_single else (len(rows),), setup)
        rest = wanted.rest(setup)
        origin = origins(rows, is_track)
        rows = moved(rows, -origin)
        factor = rest.first_scale(rows) if scale == "free" else np.ones(len(rows))
        if is_track:
            factor = np.full_like(factor, np.median(factor))
        in_metres = scaled(rows, factor)
        for_network, pose = wanted.for_network(setup, in_metres)
        seen = seen_from_around(rest, for_network)
        proposed = jax.device_get(run_in_batches(propose_frames, setup.network, seen.people, setup.devices))
        proposed = with_init_of_points(setup, proposed, given, seen.people, seen.extrinsics, is_track=is_track)
        frames = frames_of_points(rest, in_metres, seen, proposed, pose, clock if is_track else None, max_gap)
        frames = frames.with_known(as_term_takes_it(known))
        fit: Fit = partial(fit_track, setup) if is_track else partial(fit_bodies, setup, wanted.layout)
        fields = fit_in_turns(fit, rest, frames, rows, factor, noise, is_track=is_track, is_scale_free=scale == "free")
        if scale == "free":
            # The fit takes the scale for known in each turn, and with it the shape: what it tells of proportions is left out.
            measures = setup.network.scene.measures
            fields["betas_covariance"] = population_covariance(measures, frames, np.asarray(fields["betas"]))
        for name in ("point_errors", "keypoints_px", "reprojection_error_px"):
            axis = 2 if name == "keypoints_px" else -1
            fields[name] = np.take(fields[name], np.arange(wanted.num_points), axis=axis)
        fields = jax.tree.map(jnp.asarray, _moved_back(fields, origin))
        result = FitResult(**fields, body=body, layout=wanted.name)
        return result[0] if is_single else result


def _moved_back(fields: dict[str, Any], origin: np.ndarray) -> dict[str, Any]:
    """The fields of bodies that were fitted to points about their middles, in the frame of the points, as they are scaled."""
    shift = fields["point_scale"][:, None].astype(float) * origin
    return fields | {
        "transl": (fields["transl"] + shift).astype(np.float32),
        "joints": (fields["joints"] + shift[:, None]).astype(np.float32),
    }
