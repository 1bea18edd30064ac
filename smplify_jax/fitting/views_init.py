"""The caller's bodies for `fit_views` and `fit_points`: of each camera's pictures, or in the world."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.transform import Rotation

from smplify_jax.body.parameters import BodyParameters
from smplify_jax.camera.extrinsics import Extrinsics
from smplify_jax.fitting.frames import rows_of
from smplify_jax.fitting.person import Person
from smplify_jax.fitting.program import ProposedPeople
from smplify_jax.fitting.track_arguments import TrackSetup
from smplify_jax.fitting.track_init import TrackInit, rows_of_init, with_init
from smplify_jax.fitting.tracks import ShapeEvidence
from smplify_jax.predictions.bodies import PredictedBodies
from smplify_jax.result import FitResult


@dataclass(frozen=True)
class ViewsInit:
    """Bodies for T frames of V cameras.

    Attributes:
        rows: T V of them, each in a camera's frame; or T in the world.
        is_of_cameras: which of both.
    """

    rows: TrackInit
    is_of_cameras: bool


def init_of_views(
    init: BodyParameters | FitResult | None,
    error: str | ArrayLike | None,
    moments: tuple[int, ...],
    num_views: int,
    setup: TrackSetup,
) -> ViewsInit | None:
    """Check the caller's bodies; None without any.

    Args:
        init: with the axes of the moments, and one of cameras behind them if each camera has a body of its own.
        error: see `error_mm`: one number or name, or a number for each body.
        moments: () or (T,).
        num_views: V.
        setup: of the fit.

    Raises:
        InputError: a block does not have a row for each moment and camera, or an error is none.
    """
    axes = np.ndim(getattr(init, "global_orient", np.zeros(1))) - 1
    is_of_cameras = axes > len(moments)
    leading = (*moments, num_views) if is_of_cameras else moments
    rows = rows_of_init(init, error, leading, setup, "a body for each moment and camera")
    return None if rows is None else ViewsInit(rows, is_of_cameras)


def with_init_of_cameras(
    setup: TrackSetup, proposed: ProposedPeople, init: ViewsInit | None, people: Person
) -> ProposedPeople:
    """The proposals (T, V, ...) of each camera, which know what the caller has predicted for its pictures, if anything."""
    if init is None or not init.is_of_cameras:
        return proposed
    num_frames, num_views = np.shape(proposed.checked.is_fittable)
    flat = jax.tree.map(lambda leaf: np.asarray(leaf).reshape(-1, *np.shape(leaf)[2:]), proposed)
    fused = with_init(setup, flat, init.rows, people, evidence=ShapeEvidence(), num_views=num_views)
    return jax.tree.map(lambda leaf: np.asarray(leaf).reshape(num_frames, num_views, *np.shape(leaf)[1:]), fused)


def with_init_of_world(
    setup: TrackSetup, proposed: ProposedPeople, init: ViewsInit | None, people: Person, extrinsics: Extrinsics
) -> ProposedPeople:
    """The proposals (T, V, ...) of each camera, which know the caller's bodies in the world, if there are any."""
    if init is None or init.is_of_cameras:
        return proposed
    seen = ViewsInit(seen_by_cameras(init.rows, extrinsics), is_of_cameras=True)
    return with_init_of_cameras(setup, proposed, seen, people)


def with_init_of_points(
    setup: TrackSetup,
    proposed: ProposedPeople,
    init: TrackInit | None,
    people: Person,
    extrinsics: Extrinsics,
    *,
    is_track: bool,
) -> ProposedPeople:
    """The proposals (B V, ...) of cameras that are imagined around bodies of points, which know the caller's bodies, if there are any.

    Args:
        setup: of the fit.
        proposed: for what the cameras see.
        init: B bodies in the frame of the points.
        people: what the cameras see.
        extrinsics: of the cameras of each body, (B, V, ...).
        is_track: whether the bodies are one person's.
    """
    if init is None:
        return proposed
    num_bodies, num_views = np.shape(extrinsics.translation)[:2]
    num_people, evidence = (1, ShapeEvidence()) if is_track else (num_bodies, ShapeEvidence(proposals=1.0))
    seen = seen_by_cameras(init, extrinsics)
    return with_init(setup, proposed, seen, people, evidence=evidence, num_views=num_views, num_people=num_people)


def seen_by_cameras(bodies: TrackInit, extrinsics: Extrinsics) -> TrackInit:
    """Bodies of the world (T, ...) as each camera sees them, T V rows. Their places are not known: what cameras see tells them better.

    Args:
        bodies: in the world.
        extrinsics: of V cameras, (V, ...), or (T, V, ...) if each body has cameras of its own.
    """
    num_views, num_bodies = np.shape(extrinsics.translation)[-2], len(bodies.starts.transl)
    rows = np.repeat(np.arange(num_bodies), num_views)
    rotation = np.broadcast_to(np.asarray(extrinsics.rotation, np.float64), (num_bodies, num_views, 3, 3))
    orient = np.asarray(bodies.starts.global_orient, np.float64)[rows]
    is_known = np.isfinite(orient).all(axis=1, keepdims=True)
    turned = Rotation.from_matrix(rotation.reshape(-1, 3, 3)) * Rotation.from_rotvec(np.where(is_known, orient, 0.0))
    starts: Any = bodies.starts[rows]
    unknown = {
        name: np.full_like(getattr(starts, name), np.nan) for name in ("transl", "focal_length", "camera_center")
    }
    orient = np.where(is_known, turned.as_rotvec(), np.nan).astype(np.float32)
    return TrackInit(
        starts=PredictedBodies(global_orient=orient, body_pose=starts.body_pose, betas=starts.betas, **unknown),
        anchor=rows_of(bodies.anchor, rows),
    )
