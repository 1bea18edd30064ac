"""The packaged example: fit a rendered picture with known ground truth, and print the errors of the fit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import jax.numpy as jnp
import numpy as np

from smplify_jax.body.load import load_body
from smplify_jax.camera.pinhole import Camera, project
from smplify_jax.cli.fit_command import fit_command
from smplify_jax.cli.measurement_files import MEASUREMENT_FILES
from smplify_jax.cli.options import EXAMPLE_FOLDER, FitCommand
from smplify_jax.cli.program import FAILED, OK
from smplify_jax.cli.report import PersonReport
from smplify_jax.files.atomic import atomic_write
from smplify_jax.files.npz import load_npz
from smplify_jax.geometry.metrics import mpjpe, pa_mpjpe

_DATA = Path(__file__).parent / "data"
EXAMPLE_PICTURE = _DATA / "example.png"
EXAMPLE_KEYPOINTS = _DATA / "example_keypoints.json"
EXAMPLE_TRUTH = _DATA / "example_truth.npz"
"""Made by `python -m smplify_jax.learn.example`."""


@dataclass(frozen=True)
class ExampleTruth:
    """Ground truth of the person in the packaged picture.

    Attributes:
        joints: (24, 3) camera frame [m].
        keypoints_px: (25, 2) BODY_25 without noise [px].
        focal_length: [px].
    """

    joints: np.ndarray
    keypoints_px: np.ndarray
    focal_length: float


def load_example_truth() -> ExampleTruth:
    """Compute the ground truth of the packaged picture from its parameters and the open body."""
    stored = load_npz(EXAMPLE_TRUTH)
    parameters = {name: jnp.asarray(stored[name]) for name in ("betas", "global_orient", "body_pose", "transl")}
    body = load_body()
    keypoints = body.keypoints(**parameters, layout="openpose25")
    camera = Camera(jnp.asarray(stored["focal_length"]), jnp.asarray(stored["camera_center"]))
    return ExampleTruth(
        joints=np.asarray(body.joints(**parameters)[:24]),
        keypoints_px=np.asarray(project(keypoints, camera)),
        focal_length=float(np.asarray(stored["focal_length"])[0]),
    )


def run_example(command: FitCommand) -> int:
    """Fit the packaged example, write the results and the input files, and print the errors. Returns the exit status."""
    out = command.write.out or EXAMPLE_FOLDER
    command = replace(
        command,
        inputs=(EXAMPLE_KEYPOINTS,),
        read=replace(command.read, image=EXAMPLE_PICTURE),
        write=replace(command.write, out=out),
    )
    reports, _ = fit_command(command)
    for source in (EXAMPLE_KEYPOINTS, EXAMPLE_PICTURE):  # users try the commands and the library on them
        with atomic_write(out / source.name) as file:
            file.write(source.read_bytes())
    if not reports or not reports[0].status.is_usable:
        return FAILED
    print(_comparison(reports[0], load_example_truth()))
    tables = MEASUREMENT_FILES if command.measure.measurements else ()
    written = (*reports[0].files, "summary.json", *tables, EXAMPLE_KEYPOINTS.name, EXAMPLE_PICTURE.name)
    print(f"Written to {out}: {', '.join(written)}")
    return OK


def _comparison(report: PersonReport, truth: ExampleTruth) -> str:
    joints = np.asarray(report.fitted.joints)
    distance_px = np.linalg.norm(np.asarray(report.fitted.keypoints_px) - truth.keypoints_px, axis=-1)
    assumed = float(report.fitted.camera.focal_length[0])
    return "\n".join(
        (
            f"The picture is rendered, so the truth is known (focal length {truth.focal_length:.0f} px; "
            f"the fit took {assumed:.0f} px):",
            f"  PA-MPJPE {1000 * pa_mpjpe(joints, truth.joints):6.1f} mm  joints, after the best similarity transform",
            f"  MPJPE    {1000 * mpjpe(joints, truth.joints):6.1f} mm  joints, pelvis on pelvis",
            f"  2D error {np.nanmean(distance_px):6.1f} px  keypoints of the fit from the true, noise-free ones",
        )
    )
