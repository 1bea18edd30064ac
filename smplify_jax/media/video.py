"""`fit_video`: a video in, the moving bodies of the people in it out."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from numpy.typing import ArrayLike
from tqdm import tqdm

from smplify_jax.body.model import BodyModel
from smplify_jax.camera.pinhole import Camera
from smplify_jax.detectors.detector import Detector
from smplify_jax.detectors.registry import get_detector
from smplify_jax.errors import InputError
from smplify_jax.files.video import open_video
from smplify_jax.fitting.arguments import resolve_body
from smplify_jax.keypoints.tracks import find_tracks
from smplify_jax.media.ready_fits import fits_made_ready
from smplify_jax.media.tracks import FittedTrack, fit_keypoint_track
from smplify_jax.media.video_detection import VideoDetections, detect_in_video
from smplify_jax.media.video_overlay import write_video_overlay
from smplify_jax.predictions.load import bodies_of_track, load_init, without_foreign_betas
from smplify_jax.prior.mixture import PosePrior

_Item = TypeVar("_Item")

OVERLAY = "overlay.mp4"


@dataclass(frozen=True, eq=False)
class VideoFit:
    """The people of a video.

    Attributes:
        detections: who was found in each frame, and the frames' times.
        people: each with their bodies, in the order in which they appear.
        files: that were written.
    """

    detections: VideoDetections
    people: tuple[FittedTrack, ...]
    files: tuple[Path, ...] = ()


def fit_video(
    path: str | os.PathLike[str],
    *,
    detector: str | Detector | None = None,
    out: str | os.PathLike[str] | None = None,
    camera: Camera | ArrayLike | None = None,
    body: BodyModel | str | os.PathLike[str] | None = None,
    prior: PosePrior | str | os.PathLike[str] | None = None,
    init: str | os.PathLike[str] | None = None,
    init_error: str | float | None = None,
    num_betas: int = 10,
    max_gap: float = 1.0,
    min_frames: int = 5,
    overlay: bool = True,
    progress: bool = False,
) -> VideoFit:
    """Find the people in a video, follow them, and fit a moving body to each.

    Frames are read one at a time, so that memory does not depend on the video's length but for the keypoints and bodies themselves, some
    kilobytes a frame and person.

    Args:
        path: an MP4, MOV, MKV, WebM or AVI file; needs the extra `video`.
        detector: as for `detect`.
        out: folder for NAME.npz, NAME_amass.npz and NAME.glb of each person, and overlay.mp4; created if necessary. None writes nothing.
        camera: as for `fit_sequence`, of all people; by default the focal length that `fit_sequence` assumes.
        body: as for `fit_sequence`.
        prior: as for `fit_sequence`.
        init: what a network predicted for the same video, such as the .pkl of VIBE, WHAM or 4D-Humans, see `load_init`. Predictions are
            matched to people frame by frame, by their place.
        init_error: as for `fit_sequence`.
        num_betas: as for `fit_sequence`.
        max_gap: as for `find_tracks`.
        min_frames: as for `find_tracks`: who is seen in fewer frames is more often a mistaken detection than a person.
        overlay: write overlay.mp4.
        progress: show bars on stderr.

    Raises:
        InputError: the video cannot be read, the detector is not installed or finds nobody, or an argument cannot be used.
    """
    video = open_video(path)
    shown = _bar if progress else None
    chosen = detector if detector is not None and not isinstance(detector, str) else get_detector(detector)
    body = resolve_body(body, num_betas)
    fitting: dict[str, Any] = {"body": body, "prior": prior, "num_betas": num_betas}
    with fits_made_ready(chosen.layout, video.num_frames, **fitting):
        found = detect_in_video(video, chosen, shown)
    tracks = find_tracks(found.people, fps=found.frame_rate, max_gap=max_gap, min_frames=min_frames)
    if not tracks:
        raise InputError(f"{path}: {chosen.name} finds nobody in {min_frames} frames of this video")
    starts = None
    if init is not None:
        starts = without_foreign_betas(load_init(init, found.people, first_frame=0), body)
    people = tuple(
        fit_keypoint_track(
            track,
            times=found.times[track.frames],
            camera=camera,
            init=None if starts is None else bodies_of_track(starts, track),
            init_error=init_error,
            max_gap=max_gap,
            **fitting,
        )
        for track in tracks
    )
    fitted = VideoFit(found, people)
    return fitted if out is None else _written(fitted, Path(out), overlay, progress)


def _written(fitted: VideoFit, out: Path, overlay: bool, progress: bool) -> VideoFit:
    out.mkdir(parents=True, exist_ok=True)
    bodies = [one for one in fitted.people if one.has_body]
    names = [name for one in bodies for name in one.write(out)]
    if overlay:
        write_video_overlay(out / OVERLAY, fitted.detections.video, bodies, _bar if progress else None)
        names.append(OVERLAY)
    return VideoFit(fitted.detections, fitted.people, tuple(out / name for name in names))


def _bar(items: Iterable[_Item], total: int | None, unit: str) -> Iterator[_Item]:
    return iter(tqdm(items, total=total, unit=unit, file=sys.stderr, leave=False))
