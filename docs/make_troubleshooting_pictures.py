"""Draw fits that go wrong, for docs/troubleshooting.md: `python docs/make_troubleshooting_pictures.py`.

Each person is the open body in a rendered picture, so the truth is known. The pictures, and the table that is printed, show the fit
as it is first called, and after the remedy. Nothing is chosen by hand but the people.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from scipy.spatial.transform import Rotation

from smplify_jax import BodyModel, BodyParameters, FitResult, fit, get_layout, load_body
from smplify_jax.body.ages import betas_at_age
from smplify_jax.geometry.metrics import mpjpe, pa_mpjpe
from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES
from smplify_jax.pictures.palette import GREEN
from smplify_jax.pictures.raycast import Shape
from smplify_jax.pictures.side_view import SideView
from smplify_jax.pictures.studio import Studio, clothes, render_in_studio
from smplify_jax.pictures.views import contact_sheet

FOLDER = Path(__file__).parent / "pictures"
SIZE, FOCAL = (512, 640), 820.0
"""[px] The focal length is the picture's diagonal, which a fit assumes, so that it is to blame in one case alone."""

NOISE = 0.005
"""Of the detections, in heights of the person, as of a good detector."""

CELL_HEIGHT = 250
JPEG_QUALITY = 80

Angles = Mapping[str, tuple[float, float, float]]
"""Rotations of joints about z, then y, then x [degrees]; x to the body's left, y up, z to the front."""

RELAXED: Angles = {"left_shoulder": (-68, 10, 0), "right_shoulder": (68, -10, 0)}
STRIDE: Angles = {
    "left_shoulder": (-68, -35, 0),
    "right_shoulder": (68, -30, 0),
    "left_hip": (0, 0, -32),
    "right_hip": (0, 0, 22),
    "left_knee": (0, 0, 14),
    "right_knee": (0, 0, 28),
    "left_elbow": (0, -30, 0),
    "right_elbow": (0, 50, 0),
}
SITTING: Angles = {
    **RELAXED,
    "left_hip": (6, 0, -88),
    "right_hip": (-6, 0, -88),
    "left_knee": (0, 0, 86),
    "right_knee": (0, 0, 86),
    "left_elbow": (0, -50, 0),
    "right_elbow": (0, 50, 0),
}
TAILOR: Angles = {
    **RELAXED,
    "left_hip": (20, 55, -72),
    "right_hip": (-20, -55, -72),
    "left_knee": (0, 0, 118),
    "right_knee": (0, 0, 112),
    "left_elbow": (0, -60, 0),
    "right_elbow": (0, 60, 0),
}


@dataclass(frozen=True)
class Attempt:
    """A call of `fit`: keypoints (17, 3), and what else is given."""

    keypoints: np.ndarray
    options: Mapping[str, Any] = field(default_factory=dict)

    def fitted(self) -> FitResult:
        """The fit."""
        return fit(self.keypoints, **{"layout": "coco17", "image_size": SIZE, **self.options})


@dataclass(frozen=True)
class Case:
    """Somebody who is hard to fit.

    Attributes:
        truth: the true body.
        body: whose parameters these are.
        focal_length: of the true camera [px].
        first: as one would call it.
        remedy: as the page says; None where there is none in one picture.
    """

    truth: BodyParameters
    body: BodyModel
    focal_length: float
    first: Attempt
    remedy: Attempt | None


def main() -> None:
    """Fit, draw, and print the table."""
    print(
        "| case | call | status | quality | error 2D, % of height | joints_std, depth [mm] | MPJPE [mm] | PA-MPJPE [mm] | pelvis [m] |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for name, case in cases().items():
        attempts = {"first": case.first} | ({} if case.remedy is None else {"remedy": case.remedy})
        results = {call: attempt.fitted() for call, attempt in attempts.items()}
        for call, result in results.items():
            print(_row(name, call, case, result))
        picture = _picture(case, attempts, results)
        Image.fromarray(picture).save(FOLDER / f"trouble_{name}.jpg", quality=JPEG_QUALITY, optimize=True)


def cases() -> dict[str, Case]:
    """Everybody on the page, in its order."""
    body, children = load_body(), load_body(all_ages=True)
    rng = np.random.default_rng(4)

    def case(
        truth: BodyParameters,
        *,
        hidden: tuple[str, ...] = (),
        focal_length: float = FOCAL,
        of: BodyModel = body,
        **remedy: Any,
    ) -> Case:
        keypoints = detections(of, truth, focal_length, rng, hidden)
        again = None if not remedy else Attempt(keypoints, remedy)
        return Case(truth, of, focal_length, Attempt(keypoints), again)

    far_side = ("left_eye", "left_ear", "left_elbow", "left_wrist", "left_shoulder", "left_hip")
    legs = ("left_knee", "right_knee", "left_ankle", "right_ankle")
    frontal = case(person(RELAXED, yaw=15))
    swapped = frontal.first.keypoints[list(get_layout("coco17").flip)]
    return {
        "side": case(person(STRIDE, yaw=80), hidden=far_side, num_starts=4),
        "sitting": case(person(SITTING, yaw=10, depth=2.8), num_starts=4),
        "crossed": case(person(TAILOR, yaw=5, depth=2.6), num_starts=4),
        "truncated": case(person(STRIDE, yaw=20, depth=1.5, down=0.55), hidden=legs),
        "lying": case(person(RELAXED, yaw=0, lying=True, depth=3.9), num_starts=4),
        "swapped": replace(frontal, first=Attempt(swapped), remedy=frontal.first),
        "layout": replace(frontal, first=Attempt(frontal.first.keypoints, {"layout": "h36m17"}), remedy=frontal.first),
        "focal_length": case(person(STRIDE, yaw=30, depth=1.75), focal_length=480.0, camera=480.0),
        "child": case(
            person(RELAXED, yaw=20, betas=betas_at_age(5), depth=2.4, down=-0.05), of=children, body=children
        ),
    }


def person(
    angles: Angles,
    *,
    yaw: float,
    betas: np.ndarray | None = None,
    depth: float = 3.2,
    down: float = 0.0,
    lying: bool = False,
) -> BodyParameters:
    """A body before a level camera, turned to its left by `yaw` [degrees]; lying, it is on its back with the head to the left."""
    pose = [Rotation.from_euler("ZYX", angles.get(name, (0, 0, 0)), degrees=True) for name in SMPL_JOINT_NAMES[1:]]
    orient = Rotation.from_euler("x", 180, degrees=True) * Rotation.from_euler("y", yaw, degrees=True)
    if lying:
        orient = Rotation.from_euler("z", -90, degrees=True) * Rotation.from_euler("y", -80, degrees=True) * orient
    blocks = (
        orient.as_rotvec(),
        np.concatenate([one.as_rotvec() for one in pose]),
        np.array([0.6, -0.5, 0.4, 0.3, *[0.0] * 6]) if betas is None else betas,
        (0.0, down, depth),
    )
    return BodyParameters(*(np.asarray(block, np.float32) for block in blocks))


def detections(
    body: BodyModel, truth: BodyParameters, focal_length: float, rng: np.random.Generator, hidden: tuple[str, ...]
) -> np.ndarray:
    """(17, 3) COCO keypoints with noise; those that are hidden, or outside the picture, are not observed."""
    points = np.asarray(body.keypoints(**truth.blocks(), layout="coco17"), np.float64)
    pixels = focal_length * points[:, :2] / points[:, 2:] + np.array(SIZE) / 2
    pixels += rng.normal(0, NOISE * 1.7 * focal_length / points[:, 2].mean(), pixels.shape)
    is_seen = np.all((pixels > 0) & (pixels < np.array(SIZE)), axis=1)
    is_seen[[get_layout("coco17").index(name) for name in hidden]] = False
    return (np.column_stack([pixels, np.full(17, 0.9)]) * is_seen[:, None]).astype(np.float32)


def _row(name: str, call: str, case: Case, result: FitResult) -> str:
    joints, truth = np.asarray(result.joints), np.asarray(case.body.joints(**case.truth.blocks()))[:24]
    error = 100 * float(np.nanmedian(result.reprojection_error_px) / result.person_height_px)
    cells = (
        name,
        call,
        result.statuses()[0].name,
        f"{float(result.quality):.2f}",
        f"{error:.1f}",
        f"{1000 * float(np.asarray(result.joints_std)[:, 2].mean()):.0f}",
        f"{1000 * mpjpe(joints, truth):.0f}",
        f"{1000 * pa_mpjpe(joints, truth):.0f}",
        f"{joints[0, 2]:.2f}, truly {truth[0, 2]:.2f}",
    )
    return "| " + " | ".join(cells) + " |"


def _picture(case: Case, attempts: Mapping[str, Attempt], results: Mapping[str, FitResult]) -> np.ndarray:
    """The person, the fit, and the fit after the remedy: each as the picture shows them, and from their right."""
    vertices = np.asarray(case.body.vertices(**case.truth.blocks()), np.float64)
    faces = np.asarray(case.body.faces)
    studio = Studio(SIZE, case.focal_length, np.array([0.0, -1.0, 0.0]), -float(vertices[:, 1].max()), shadow_rays=96)
    photo = render_in_studio(Shape(vertices, faces, clothes(case.body)), studio)
    joints = np.asarray(case.body.joints(**case.truth.blocks()))
    from_side = SideView.of([joints[None]], SIZE[1]).draw([Shape(vertices, faces, GREEN)])
    cells, labels = [np.hstack([photo, from_side])], ["the person"]
    for call, result in results.items():
        cells.append(result.overlay(photo, attempts[call].keypoints, views=["side"]))
        labels.append("the fit" if call == "first" else "after the remedy")
    return contact_sheet([_shrunk(cell) for cell in cells], len(cells), labels=labels, gap=4)


def _shrunk(cell: np.ndarray) -> np.ndarray:
    image = Image.fromarray(cell).convert("RGB")
    width = round(CELL_HEIGHT * image.width / image.height)
    return np.asarray(image.resize((width, CELL_HEIGHT), Image.Resampling.LANCZOS))


if __name__ == "__main__":
    main()
