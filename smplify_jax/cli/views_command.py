"""The work of `smplify-fit --cameras`: find who is who in the views, fit each person to all of them, and write the bodies."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import numpy as np
from tqdm import tqdm

from smplify_jax.body.model import BodyModel
from smplify_jax.camera.calibrated import CalibratedCamera
from smplify_jax.camera.calibration import load_calibration
from smplify_jax.camera.distortion import undistort
from smplify_jax.cli.arguments import FIT
from smplify_jax.cli.fit_command import complain_of, prepare, summary_head, summary_of, with_progress
from smplify_jax.cli.fitter import body_of, check_known_options
from smplify_jax.cli.inputs import FoundInputs
from smplify_jax.cli.options import FitCommand
from smplify_jax.cli.outputs import make_folder, picture_of, write_summary
from smplify_jax.cli.report_page import WorldPerson, pictures_of_people, write_world_page
from smplify_jax.cli.track_report import TrackReport, total_line
from smplify_jax.cli.views_inputs import ViewInput, read_views
from smplify_jax.cli.views_starts import bodies_in_views, predicted_in_views
from smplify_jax.cli.world_files import write_world_person
from smplify_jax.errors import InputError
from smplify_jax.files.images import save_image
from smplify_jax.files.printable import MAX_LINE, printable
from smplify_jax.fitting.views import fit_views
from smplify_jax.keypoints.people_in_views import PersonInViews, people_in_views
from smplify_jax.keypoints.tracks import KeypointTrack
from smplify_jax.predictions.bodies import PredictedBodies
from smplify_jax.prior.load import load_prior
from smplify_jax.prior.mixture import PosePrior
from smplify_jax.result import FitResult
from smplify_jax.result.overlay import draw_fit


def views_command(command: FitCommand) -> tuple[list[TrackReport], FoundInputs]:
    """Read, fit and write everybody; complain about what cannot be read, and print a line per person.

    Raises:
        InputError: something that all people need cannot be used: the calibration, the body, the prior, the inputs of the cameras, or the
            folder for results.
    """
    out = command.write.out
    assert out is not None  # the options were checked
    assert command.views.cameras is not None
    cameras = load_calibration(command.views.cameras, unit=command.views.unit)
    body, prior = body_of(command.body), load_prior(command.body.prior)
    check_known_options(command.measure, body)
    views, found = read_views(command, cameras)
    complain_of(found)
    if not found.people:
        return [], found
    prepare(found.people, command, out)
    people = _chosen(people_in_views([[one.track for one in view.tracks] for view in views], cameras), command)
    starts = predicted_in_views(views, command.start, body)
    reports, results = [], []
    for number, person in with_progress(enumerate(people), len(people), "person"):
        init = None if starts is None else bodies_in_views(starts, person)
        report, result = _fitted(person, f"person_{number}", cameras, command, body, prior, init)
        if report.has_body:
            track, clock = report.track, np.arange(len(report.track)) / report.track.frame_rate
            of_input: dict[str, Any] = {"keypoints": track.keypoints, "frames": track.frames}
            unwritten: list[str] = []
            how: dict[str, Any] = {"write": command.write, "complain": unwritten.append}
            files = write_world_person(out, track.name, result, clock, track.frame_rate, **how, **of_input)
            report = replace(report, files=files, unwritten=tuple(unwritten))
            for sentence in unwritten:
                FIT.complain(sentence)
        tqdm.write(printable(report.line(), MAX_LINE), file=sys.stdout)
        reports.append(report)
        results.append(result)
    if len(reports) > 1:
        FIT.tell([total_line(reports)])
    if command.video.overlays:
        for complaint in _write_overlays(out / "overlays", views, people, results, cameras):
            FIT.complain(complaint)
    summary = {
        **summary_head(body.name, None),
        "fps": command.video.fps,
        "cameras": [view.name for view in views],
        "people": [
            report.entry() | {"views": [views[view].name for view in person.views]}
            for report, person in zip(reports, people, strict=True)
        ],
    }
    write_summary(out / "summary.json", summary | summary_of(found))
    if command.write.report:
        _write_page(command, views, people, reports, results, cameras)
    return reports, found


def _chosen(people: list[PersonInViews], command: FitCommand) -> list[PersonInViews]:
    """The people whom two views confirm, and who are seen long enough; says how many are not."""
    chosen = [person for person in people if len(person.views) > 1 or len(person.tracks) == 1]
    if len(chosen) < len(people):
        FIT.complain(
            f"{len(people) - len(chosen)} of {len(people)} people are left out: only one camera sees them, and nothing confirms them."
        )
    long = [person for person in chosen if _num_seen(person) >= command.video.min_frames]
    if len(long) < len(chosen):
        FIT.complain(
            f"{len(chosen) - len(long)} of {len(chosen)} people are left out: they are seen in fewer than "
            f"{command.video.min_frames} frames."
        )
    return long


def _is_seen(person: PersonInViews) -> np.ndarray:
    """(T,) whether any view sees the person."""
    return np.asarray((person.keypoints[..., 2] > 0).any(axis=(1, 2)))


def _num_seen(person: PersonInViews) -> int:
    return int(_is_seen(person).sum())


def _fitted(
    person: PersonInViews,
    name: str,
    cameras: Sequence[CalibratedCamera],
    command: FitCommand,
    body: BodyModel,
    prior: PosePrior,
    init: PredictedBodies | None,
) -> tuple[TrackReport, FitResult]:
    """The fit of a person, as NumPy arrays with a leading axis of frames, and how it went."""
    start = time.perf_counter()
    first = next(one for some in person.tracks for one in some)
    stride = int(np.diff(person.frames)[0]) if len(person.frames) > 1 else 1
    rate = command.video.fps / stride
    result = fit_views(
        person.keypoints,
        cameras,
        layout=first.layout,
        fps=rate,
        body=body,
        prior=prior,
        init=init,
        init_error=None if init is None else command.start.expected_error,
        num_betas=command.body.num_betas,
        measurements=command.measure.known,
        max_gap=command.video.max_gap,
    )
    result = jax.tree.map(np.asarray, result)
    track = KeypointTrack(
        name=name,
        track_id=name.removeprefix("person_"),
        is_id_stated=False,
        video="",
        keypoints=person.keypoints,
        layout=first.layout,
        frames=person.frames,
        frame_rate=rate,
        people=np.where(_is_seen(person), 0, -1),
        image_names=(None,) * len(person.frames),
        image_size=np.full(2, np.nan, np.float32),
        focal_length=np.nan,
        camera_center=np.full(2, np.nan, np.float32),
    )
    return TrackReport.of(track, result, time.perf_counter() - start), result


def _write_overlays(
    folder: Path,
    views: Sequence[ViewInput],
    people: Sequence[PersonInViews],
    results: Sequence[FitResult],
    cameras: Sequence[CalibratedCamera],
) -> Iterator[str]:
    """Write CAMERA/FRAME.png for every view of every frame; yield a sentence for each picture that cannot be shown.

    Bodies and keypoints are drawn where a pinhole camera sees them: the distortion of a picture stays.
    """
    frames = sorted({frame for person in people for frame in person.frames.tolist()})
    for view, (seen, camera) in enumerate(zip(views, cameras, strict=True)):
        make_folder(folder / seen.name)
        in_view = [result.in_view(view) for result in results]
        straight = [undistort(person.keypoints[:, view], camera) for person in people]
        for frame in frames:
            places = [np.flatnonzero(person.frames == frame) for person in people]
            fits = [one[int(place[0])] for one, place in zip(in_view, places, strict=True) if len(place)]
            keypoints = [rows[place[0]] for rows, place in zip(straight, places, strict=True) if len(place)]
            image, complaint = picture_of(seen.pictures[frame]) if frame in seen.pictures else (None, None)
            if complaint:
                yield complaint
            path = folder / seen.name / f"{frame:06d}.png"
            save_image(path, _drawn(fits, keypoints, image, camera))


def _write_page(
    command: FitCommand,
    views: Sequence[ViewInput],
    people: Sequence[PersonInViews],
    reports: Sequence[TrackReport],
    results: Sequence[FitResult],
    cameras: Sequence[CalibratedCamera],
) -> None:
    """Write the page with everybody and all cameras; as on the overlays, the distortion of a picture stays."""
    straight = [
        np.stack([undistort(person.keypoints[:, view], camera) for view, camera in enumerate(cameras)], axis=1)
        for person in people
    ]
    shown = [
        WorldPerson(report.track.name, result, person.frames, person.frames / command.video.fps, keypoints)
        for report, result, keypoints, person in zip(reports, results, straight, people, strict=True)
    ]
    seen = [
        (
            view.name,
            _known_size(camera),
            pictures_of_people(list(view.pictures.values()), np.array(list(view.pictures))),
        )
        for view, camera in zip(views, cameras, strict=True)
    ]
    write_world_page(command, shown, seen)


def _known_size(camera: CalibratedCamera) -> tuple[int, int] | None:
    size = np.asarray(camera.image_size)
    return (round(float(size[0])), round(float(size[1]))) if np.isfinite(size).all() else None


def _drawn(
    fits: list[FitResult], keypoints: list[np.ndarray], image: np.ndarray | None, camera: CalibratedCamera
) -> np.ndarray:
    together = jax.tree.map(lambda *leaves: np.stack([np.asarray(leaf) for leaf in leaves]), *fits)
    known = _known_size(camera)
    if image is not None and known is not None and image.shape[1::-1] != known:
        raise InputError(
            f"A picture of camera {camera.name} is {image.shape[1]} x {image.shape[0]} px, and the calibration says "
            f"{known[0]} x {known[1]}: give the pictures that were calibrated."
        )
    return draw_fit(together, np.stack(keypoints), image, image_size=known)
