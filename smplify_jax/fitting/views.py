"""Keypoints of one person in the pictures of several cameras to one body: `fit_views`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from smplify_jax.body.model import BodyModel
from smplify_jax.body.parameters import BodyParameters
from smplify_jax.camera.calibrated import CalibratedCamera
from smplify_jax.camera.calibration import load_calibration
from smplify_jax.camera.distortion import undistort
from smplify_jax.camera.extrinsics import Extrinsics
from smplify_jax.camera.pinhole import Camera
from smplify_jax.errors import InputError
from smplify_jax.execution.devices import Device
from smplify_jax.execution.environment import check_process, usual_flags
from smplify_jax.execution.host_arrays import host_array
from smplify_jax.fitting.batches import run_in_batches
from smplify_jax.fitting.frames_of_views import frames_of_views
from smplify_jax.fitting.known import as_term_takes_it, known_measurements
from smplify_jax.fitting.person import Person
from smplify_jax.fitting.plausibility import is_plausible
from smplify_jax.fitting.program import ProposedPeople, propose_frames
from smplify_jax.fitting.relative_placement import place_cameras
from smplify_jax.fitting.synchronization import synchronized
from smplify_jax.fitting.track_arguments import TrackSetup, check_max_gap, frame_times, setup_tracks
from smplify_jax.fitting.tracks import fit_track
from smplify_jax.fitting.views_init import init_of_views, with_init_of_cameras, with_init_of_world
from smplify_jax.keypoints.layouts import Layout, get_layout
from smplify_jax.keypoints.observations import clean_keypoints
from smplify_jax.prior.mixture import PosePrior
from smplify_jax.result import FitResult


def fit_views(
    keypoints: ArrayLike,
    cameras: Sequence[CalibratedCamera] | Sequence[Camera] | str | os.PathLike[str],
    *,
    layout: str | Layout,
    fps: float = 30.0,
    times: ArrayLike | None = None,
    delays: ArrayLike | None = None,
    body: BodyModel | str | os.PathLike[str] | None = None,
    prior: PosePrior | str | os.PathLike[str] | None = None,
    init: BodyParameters | FitResult | None = None,
    init_error: str | ArrayLike | None = None,
    num_betas: int = 10,
    height: float | None = None,
    mass: float | None = None,
    age: float | None = None,
    measurements: Mapping[str, float] | None = None,
    max_gap: float = 1.0,
    devices: Sequence[Device] | None = None,
) -> FitResult:
    """Fit one body to the 2D keypoints of one person in the pictures of several cameras, at one moment or through a video.

    Args:
        keypoints: (V, K, 3) or (T, V, K, 3): x, y [px], confidence (0 = not observed), as the cameras took them: distortion is
            removed here, so that the result's errors are those of pinhole cameras; uncalibrated ones have none. Cameras that do not see
            the person have zeros or NaN. Of several people, give one at a time: see `match_people`.
        cameras: V of them, in the order of the keypoints: what `load_calibration` returns, or the path of such a file. Or V pinholes
            (`Camera`), of which only focal lengths and principal points are known: where they stand is then found from the body itself,
            in the frame of the first.
        layout: which keypoints these are, in order.
        fps: frames per second.
        times: (T,) when the frames were taken [s]; replaces `fps`.
        delays: (V,) how much later than the first camera each takes its frames [s], for cameras that are not synchronous; needs T >= 2.
        body: the open body by default.
        prior: the shipped pose prior by default.
        init: bodies that are known already. Either what a network predicted for each camera's pictures, (V, ...) or (T, V, ...), each in
            its camera's frame as `fit` takes it, NaN in orientation or pose where there is none. Or one body for each moment, (...) or
            (T, ...), in the world frame of the result: its orientation, pose and shape count, and the keypoints tell its place.
        init_error: expected PA-MPJPE of `init` [mm], one number or one for each of its bodies; or whose prediction it is, see `fit`.
        num_betas: how many shape coefficients to fit.
        height: stature [m], if it is known, see `fit`.
        mass: [kg] likewise.
        age: years likewise, with the body of all ages.
        measurements: others that are known, by their names.
        max_gap: frames in which no camera saw the person are filled in, see `fit_sequence` [s].
        devices: of one kind, to run the proposal network on; JAX's default device by default.
    Returns:
        FitResult in the world frame of the cameras, with a leading axis of frames if the keypoints have one; `result.in_view(v)` is the
        body as camera v sees it.

    Raises:
        InputError: an argument cannot be used at all.
    """
    check_process()
    with usual_flags(), np.errstate(all="ignore"):
        layout = get_layout(layout)
        known = _known(cameras)
        frames, is_single = _frames(keypoints, layout, len(known))
        num_frames = len(frames)
        clock = frame_times(fps, times, 1, num_frames)[0]
        check_max_gap(max_gap)
        measured = known_measurements(height, mass, age, measurements, 1)
        setup = setup_tracks(layout, body, prior, num_betas, devices, measured)
        pinhole, extrinsics, sizes = _split(known)
        if extrinsics is not None:
            undistorted = [undistort(frames[:, view], camera) for view, camera in enumerate(known)]
            frames = np.stack(undistorted, axis=1).astype(np.float32)
        frames = synchronized(frames, clock, delays)
        given = init_of_views(init, init_error, () if is_single else (num_frames,), len(known), setup)
        people = _people(frames, pinhole, sizes)
        proposed = _propose(setup, people, len(known))
        proposed = with_init_of_cameras(setup, proposed, given, people)
        if extrinsics is None:
            extrinsics = place_cameras(setup, proposed, clock)
        proposed = with_init_of_world(setup, proposed, given, people, extrinsics)
        prepared = frames_of_views(setup.keypoint_body, proposed, extrinsics, clock, max_gap)
        prepared = prepared.with_known(as_term_takes_it(measured))
        fields = jax.tree.map(jnp.asarray, fit_track(setup, prepared))
        result = FitResult(**fields, body=setup.body, layout=layout.name)
        return result[0] if is_single else result


def _known(cameras: Any) -> tuple:
    """The cameras as a tuple, read from a file if that is what was given."""
    if isinstance(cameras, (str, os.PathLike)):
        return load_calibration(cameras)
    try:
        return tuple(cameras)
    except TypeError:
        raise InputError(
            f"cameras is a {type(cameras).__name__}: give a sequence of cameras, or the path of a calibration."
        ) from None


def _frames(keypoints: ArrayLike, layout: Layout, num_views: int) -> tuple[np.ndarray, bool]:
    """Cleaned keypoints (T, V, K, 3), and whether the input was a single moment."""
    array = host_array(keypoints, "keypoints").astype(np.float32)
    expected = (num_views, layout.num_keypoints, 3)
    if array.ndim not in (3, 4) or array.shape[-3:] != expected or not array.size:
        raise InputError(
            f"keypoints has shape {array.shape}: for {num_views} cameras and layout {layout.name!r} a moment is {expected}, and T of them "
            f"are (T, {', '.join(map(str, expected))})."
        )
    array = array if array.ndim == 4 else array[None]
    cleaned = clean_keypoints(array.reshape(-1, *expected[1:])).reshape(array.shape)
    return cleaned, np.ndim(keypoints) == 3


def _split(cameras: tuple) -> tuple[Camera, Extrinsics | None, np.ndarray]:
    """The pinholes (V, 2), where they stand if that is known, and the pictures' sizes (V, 2)."""
    if len(cameras) < 2 and not (cameras and isinstance(cameras[0], CalibratedCamera)):
        raise InputError("cameras holds fewer than two cameras: for the pictures of one, use fit or fit_sequence.")
    if all(isinstance(camera, CalibratedCamera) for camera in cameras):
        pinholes, sizes = [camera.camera for camera in cameras], np.stack([camera.image_size for camera in cameras])
        rotation = np.stack([np.asarray(camera.rotation, np.float32) for camera in cameras])
        extrinsics = Extrinsics(rotation, np.stack([np.asarray(camera.translation, np.float32) for camera in cameras]))
    elif all(isinstance(camera, Camera) for camera in cameras):
        if any(camera.focal_length is None or camera.camera_center is None for camera in cameras):
            raise InputError("cameras lack a focal length or a camera_center: give both for each camera [px].")
        pinholes, sizes, extrinsics = list(cameras), np.full((len(cameras), 2), np.nan), None
    else:
        raise InputError("cameras must all be CalibratedCameras, or all be Cameras whose places are not known.")
    fields = {
        name: np.stack([np.broadcast_to(np.asarray(getattr(one, name), np.float32), 2) for one in pinholes])
        for name in ("focal_length", "camera_center")
    }
    return Camera(**fields), extrinsics, sizes.astype(np.float32)


def _people(frames: np.ndarray, pinhole: Camera, sizes: np.ndarray) -> Person:
    """The T V people that the cameras see, frame by frame."""
    num_frames, num_views = frames.shape[:2]

    def for_frames(leaf: np.ndarray) -> np.ndarray:
        return np.tile(np.asarray(leaf), (num_frames, *[1] * (np.ndim(leaf) - 1)))

    by_view = frames.swapaxes(0, 1).reshape(num_views, -1, 3)
    return Person(
        keypoints=frames.reshape(-1, *frames.shape[2:]),
        camera=jax.tree.map(for_frames, pinhole),
        image_size=for_frames(sizes),
        is_plausible=for_frames(is_plausible(by_view, pinhole, sizes)),
        is_focal_length_known=np.ones(num_frames * num_views, bool),
        start=None,
        anchor=None,
    )


def _propose(setup: TrackSetup, people: Person, num_views: int) -> ProposedPeople:
    """Proposals with leading axes T, V."""
    proposed = jax.device_get(run_in_batches(propose_frames, setup.network, people, setup.devices))
    return jax.tree.map(lambda leaf: leaf.reshape(-1, num_views, *leaf.shape[1:]), proposed)
