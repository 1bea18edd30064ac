"""Keypoints followed through a video, to a body that moves: `fit_sequence`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from smplify_jax.body.model import BodyModel
from smplify_jax.body.parameters import BodyParameters
from smplify_jax.camera.pinhole import Camera
from smplify_jax.camera.setup import setup_camera, size_rows
from smplify_jax.errors import InputError
from smplify_jax.execution.devices import Device
from smplify_jax.execution.environment import check_process, usual_flags
from smplify_jax.execution.host_arrays import host_array
from smplify_jax.fitting.batches import run_in_batches
from smplify_jax.fitting.frames import rows_of
from smplify_jax.fitting.frames_of_picture import frames_of_picture
from smplify_jax.fitting.known import as_term_takes_it, known_measurements
from smplify_jax.fitting.person import Person
from smplify_jax.fitting.plausibility import is_plausible
from smplify_jax.fitting.program import propose_frames
from smplify_jax.fitting.track_arguments import TrackSetup, check_max_gap, frame_times, setup_tracks, side_by_side
from smplify_jax.fitting.track_init import TrackInit, init_of_tracks, with_init
from smplify_jax.fitting.track_quality import with_quality
from smplify_jax.fitting.track_refinement import with_refined_proposals
from smplify_jax.fitting.tracks import ONE_CAMERA, fit_tracks
from smplify_jax.keypoints.layouts import Layout, get_layout
from smplify_jax.keypoints.observations import clean_keypoints
from smplify_jax.prior.mixture import PosePrior
from smplify_jax.result import FitResult
from smplify_jax.terms.measured import KnownMeasurements


def fit_sequence(
    keypoints: ArrayLike,
    *,
    layout: str | Layout,
    fps: float = 30.0,
    times: ArrayLike | None = None,
    image_size: ArrayLike | None = None,
    camera: Camera | ArrayLike | Sequence[Camera] | None = None,
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
    """Fit a body to the 2D keypoints of one person through the frames of a video, or of several people, each by themselves.

    All frames of a track are fitted together: they share one shape, and bodies move with bounded acceleration, so that every frame profits
    from those around it. Tracks do not influence each other.

    Args:
        keypoints: (T, K, 3) or, for several tracks, (N, T, K, 3): x, y [px], confidence (0 = not observed). Frames in which a person was
            not found are zeros or NaN.
        layout: which keypoints these are, in order: a name such as "coco17", or a Layout.
        fps: frames per second.
        times: (T,) or (N, T) when the frames were taken [s], for videos of variable frame rate; increasing. Replaces `fps`.
        image_size: (2,) or (N, 2) width and height of the video [px].
        camera: as `fit` takes it, the same in all frames of a track: a focal length [px], (fx, fy), K, or a Camera; or one per track.
        body: the open body by default.
        prior: the shipped pose prior by default.
        init: bodies that are known already, such as VIBE's, WHAM's or HMR2's predictions: (T, ...) or (N, T, ...), as `fit` takes them.
            Frames with a NaN in orientation or pose have none, and keep the proposal of the keypoints alone.
        init_error: expected PA-MPJPE of `init` [mm], one number or one for each frame; or whose prediction it is, see `fit`.
        num_betas: how many shape coefficients to fit.
        height: stature [m], if it is known: one number, or (N,) with NaN for tracks of whom it is not, see `fit`.
        mass: [kg] likewise.
        age: years likewise, with the body of all ages.
        measurements: others that are known, by their names.
        max_gap: frames without a person are filled in if there are observed ones at most this much time apart before and after them [s].
        devices: of one kind, to deal frames and tracks out to; JAX's default device by default.
    Returns:
        FitResult with a leading axis of frames, or of tracks and frames. `betas` are the same in all frames of a track; `velocities` are
        those of the joints; the status of filled frames is FILLED, and frames in longer gaps have NaN and the status that says why.
        `quality` is that of each frame, NaN where the person was not seen, and everywhere with `init`, which it is not calibrated for.

    Raises:
        InputError: an argument cannot be used at all. Problems with one track or one frame are reported by statuses instead.
    """
    check_process()
    with usual_flags(), np.errstate(all="ignore"):
        layout = get_layout(layout)
        tracks, is_single = _tracks(keypoints, layout)
        clock = frame_times(fps, times, *tracks.shape[:2])
        check_max_gap(max_gap)
        known = known_measurements(height, mass, age, measurements, len(tracks))
        setup = setup_tracks(layout, body, prior, num_betas, devices, known)
        pictures = _pictures(camera, side_by_side(tracks), image_size)
        inits = init_of_tracks(init, init_error, [tracks.shape[1]] * len(tracks), setup, is_single)
        fitted = _fit_each(setup, tracks, clock, pictures, max_gap, inits, as_term_takes_it(known))
        # On the host: JAX would compile programs for every new number of frames to stack and index them.
        fields = fitted[0] if is_single else jax.tree.map(lambda *leaves: np.stack(leaves), *fitted)
        return FitResult(**jax.tree.map(jnp.asarray, fields), body=setup.body, layout=layout.name)


def fit_sequences(
    tracks: Sequence[np.ndarray],
    *,
    layout: str | Layout,
    fps: Sequence[float],
    image_size: ArrayLike | None = None,
    camera: Camera | ArrayLike | Sequence[Camera] | None = None,
    body: BodyModel | str | os.PathLike[str] | None = None,
    prior: PosePrior | str | os.PathLike[str] | None = None,
    num_betas: int = 10,
    measurements: Mapping[str, ArrayLike] | None = None,
    max_gap: float = 1.0,
    devices: Sequence[Device] | None = None,
) -> list[FitResult]:
    """`fit_sequence` of tracks of different lengths: what it gives for each of them, dealt out to the devices together.

    Args:
        tracks: N of (T, K, 3) with at least one frame: x, y [px], confidence.
        layout: as for `fit_sequence`.
        fps: N frames per second.
        image_size: (2,) or (N, 2) width and height [px], NaN where unknown.
        camera: as for `fit_sequence`: given for all tracks, or for none.
        body: as for `fit_sequence`.
        prior: as for `fit_sequence`.
        num_betas: as for `fit_sequence`.
        measurements: that are known, by their names: one number for everybody, or N.
        max_gap: as for `fit_sequence`.
        devices: as for `fit_sequence`.
    Returns:
        N results with a leading axis of frames, as NumPy arrays.

    Raises:
        InputError: an argument cannot be used at all.
    """
    check_process()
    with usual_flags(), np.errstate(all="ignore"):
        layout = get_layout(layout)
        cleaned = [_tracks(track, layout)[0][0] for track in tracks]
        clocks = [frame_times(rate, None, 1, len(track))[0] for rate, track in zip(fps, cleaned, strict=True)]
        check_max_gap(max_gap)
        known = known_measurements(None, None, None, measurements, len(cleaned))
        setup = setup_tracks(layout, body, prior, num_betas, devices, known)
        pictures = _pictures(camera, side_by_side(cleaned), image_size)
        inits = [None] * len(cleaned)
        fitted = _fit_each(setup, cleaned, clocks, pictures, max_gap, inits, as_term_takes_it(known))
        return [FitResult(**fields, body=setup.body, layout=layout.name) for fields in fitted]


class _Pictures(NamedTuple):
    """What is known of the pictures of N tracks, a row each; see `Person`."""

    camera: Camera
    image_size: np.ndarray
    is_plausible: np.ndarray
    is_focal_length_known: np.ndarray


def _fit_each(
    setup: TrackSetup,
    tracks: Sequence[np.ndarray] | np.ndarray,
    clocks: Sequence[np.ndarray] | np.ndarray,
    pictures: _Pictures,
    max_gap: float,
    inits: Sequence[TrackInit | None],
    known: KnownMeasurements | None,
) -> list[dict[str, Any]]:
    """The fields of each track's result, for cleaned keypoints (T, K, 3) at times (T,)."""
    prepared, started = [], []
    for number, (track, times, init) in enumerate(zip(tracks, clocks, inits, strict=True)):
        of_frames = rows_of(pictures, np.full(len(track), number))
        people = Person(keypoints=track, start=None, anchor=None, **of_frames._asdict())
        proposed = jax.device_get(run_in_batches(propose_frames, setup.network, people, setup.devices))
        refined = with_refined_proposals(setup, proposed, of_frames.is_focal_length_known, times)
        fused = with_init(setup, refined, init, people)
        of_person = None if known is None else rows_of(known, slice(number, number + 1))
        prepared.append(frames_of_picture(fused, times, max_gap).with_known(of_person))
        started.append(fused)
    fitted = fit_tracks(setup, prepared, ONE_CAMERA)
    return [
        with_quality(fields, proposed, is_calibrated=init is None)
        for fields, proposed, init in zip(fitted, started, inits, strict=True)
    ]


def _tracks(keypoints: ArrayLike, layout: Layout) -> tuple[np.ndarray, bool]:
    """Cleaned keypoints (N, T, K, 3), and whether the input was a single track."""
    array = host_array(keypoints, "keypoints").astype(np.float32)
    expected = (layout.num_keypoints, 3)
    if array.ndim not in (3, 4) or array.shape[-2:] != expected:
        raise InputError(
            f"keypoints has shape {array.shape}: with layout {layout.name!r} a track is (T, {expected[0]}, 3), and N tracks are "
            f"(N, T, {expected[0]}, 3)."
        )
    if not array.size:
        raise InputError("keypoints has no frames: give (T, K, 3) with T at least 1.")
    cleaned = clean_keypoints(array.reshape(-1, *expected)).reshape(array.shape)
    return (cleaned[None], True) if array.ndim == 3 else (cleaned, False)


def _pictures(
    camera: Camera | ArrayLike | Sequence[Camera] | None, whole: np.ndarray, image_size: ArrayLike | None
) -> _Pictures:
    """One camera and one picture size per track, whose keypoints of all frames are (N, L, 3)."""
    if isinstance(camera, str):
        raise InputError(f"camera is {camera!r}: fit_sequence takes a focal length, K or a Camera, or None.")
    cameras, sizes = setup_camera(camera, whole, image_size, None), size_rows(image_size, len(whole))
    is_known = np.full(len(whole), camera is not None)
    return _Pictures(cameras, sizes.astype(np.float32), is_plausible(whole, cameras, sizes), is_known)
