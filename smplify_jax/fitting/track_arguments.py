"""Arguments that all fits over time and from several views share."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeGuard

import numpy as np
from numpy.typing import ArrayLike

from smplify_jax.body.keypoint_body import KeypointBody
from smplify_jax.body.model import BodyModel
from smplify_jax.errors import InputError
from smplify_jax.execution.devices import Device
from smplify_jax.fitting.arguments import check_body, resolve_body, resolve_devices, resolve_prior
from smplify_jax.fitting.known import Known, check_known
from smplify_jax.fitting.person import Setup
from smplify_jax.fitting.profiles import DEFAULT
from smplify_jax.fitting.setup import FitChoices, setup_fit
from smplify_jax.keypoints.layouts import Layout
from smplify_jax.prior.mixture import PosePrior


@dataclass(frozen=True)
class TrackSetup:
    """What all frames of a fit over time, or from several views, share.

    Attributes:
        body: to fit.
        network: for the proposals of single frames, on all devices.
        solvers: for windows of frames, one for each device.
        devices: none for JAX's default device.
    """

    body: BodyModel
    network: Setup
    solvers: tuple[Setup, ...]
    devices: tuple[Device, ...]

    @property
    def keypoint_body(self) -> KeypointBody:
        """The body, cut to the keypoints."""
        return self.network.scene.body

    def without_interpenetration(self) -> TrackSetup:
        """The same setup, with bodies that may penetrate themselves."""

        def without(one: Setup) -> Setup:
            return replace(one, scene=replace(one.scene, spheres=None))

        return replace(self, network=without(self.network), solvers=tuple(map(without, self.solvers)))


def setup_tracks(
    layout: Layout,
    body: BodyModel | str | os.PathLike[str] | None,
    prior: PosePrior | str | os.PathLike[str] | None,
    num_betas: int,
    devices: Sequence[Device] | None,
    known: Mapping[str, Known],
) -> TrackSetup:
    """Resolve what the caller gives; `known` is what `known_measurements` returns.

    Raises:
        InputError: one of the arguments cannot be used.
    """
    body = resolve_body(body, num_betas)
    check_body(body, layout, DEFAULT, num_betas)
    check_known(known, body, DEFAULT)
    devices = resolve_devices(devices)
    choices = FitChoices(
        layout, DEFAULT, body, resolve_prior(prior), num_betas, None, False, True, devices, tuple(known)
    )
    network = setup_fit(choices)
    solvers = tuple(setup_fit(replace(choices, devices=(device,))) for device in devices)
    return TrackSetup(body, network, solvers or (network,), devices)


def frame_times(fps: float, times: ArrayLike | None, num_tracks: int, num_frames: int) -> np.ndarray:
    """(N, T) float64 [s].

    Raises:
        InputError: the frame rate is not positive, or the times are not increasing numbers, one for each frame.
    """
    if times is None:
        if not is_number(fps) or not 0 < fps < np.inf:
            raise InputError(f"fps is {fps!r}: give the frames per second, above 0.")
        return np.broadcast_to(np.arange(num_frames) / fps, (num_tracks, num_frames))
    try:
        clock = np.asarray(times, np.float64)
        clock = np.broadcast_to(clock, (num_tracks, num_frames)) if clock.ndim in (1, 2) else clock[None, None, None]
    except (TypeError, ValueError):
        clock = np.zeros((0, 0, 0))
    if clock.ndim != 2:
        raise InputError(
            f"times must be {num_frames} numbers [s], one for each frame, or a row of them for each track."
        )
    if not np.isfinite(clock).all() or (np.diff(clock, axis=1) <= 0).any():
        raise InputError("times must be finite and increasing from frame to frame [s].")
    return clock


def side_by_side(tracks: Sequence[np.ndarray] | np.ndarray) -> np.ndarray:
    """(N, L, 3) all keypoints of each of N tracks (T, K, 3), behind which shorter tracks have keypoints that were not observed."""
    longest = max(len(track) for track in tracks)
    filled = [np.pad(track, ((0, longest - len(track)), (0, 0), (0, 0))) for track in tracks]
    return np.stack(filled).reshape(len(tracks), -1, 3)


def check_max_gap(max_gap: float) -> None:
    """Raise InputError for anything but seconds, at least 0."""
    if not is_number(max_gap) or not 0 <= max_gap < np.inf:
        raise InputError(f"max_gap is {max_gap!r}: give seconds, at least 0.")


def is_number(value: object) -> TypeGuard[float]:
    """Whether it is one number, and not a truth value."""
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
