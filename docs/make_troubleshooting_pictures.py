"""Draw fits that go wrong, for docs/troubleshooting.md: `python docs/make_troubleshooting_pictures.py`.

Each person is the open body in a rendered picture, so the truth is known. The pictures, and the table that is printed, show the fit
as it is first called, and after the remedy. Nothing is chosen by hand but the people.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import jax
import numpy as np
from PIL import Image
from scipy.spatial.transform import Rotation

from smplify_jax import BodyModel, BodyParameters, FitResult, fit, get_layout, load_body
from smplify_jax.body.ages import betas_at_age
from smplify_jax.geometry.metrics import mpjpe, pa_mpjpe
from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES
from smplify_jax.learn.starts import StartErrors, make_starts
from smplify_jax.pictures.palette import GREEN
from smplify_jax.pictures.raycast import Shape
from smplify_jax.pictures.side_view import SideView
from smplify_jax.pictures.studio import Studio, clothes, render_in_studio
from smplify_jax.pictures.views import contact_sheet
from smplify_jax.result.warning_sentences import warnings_of

FOLDER = Path(__file__).parent / "pictures"
SIZE, FOCAL = (512, 640), 820.0
"""[px] The focal length is the picture's diagonal, which a fit assumes, so that it is to blame in one case alone."""

NOISE = 0.005
"""Of the detections, in heights of the person, as of a good detector."""

NETWORK = StartErrors(pa_mpjpe_mm=54.0, spread=0.0)
"""The errors of a stand-in for a network that saw the picture: as large as HMR2's are on 3DPW."""

FIRST = "the fit"
FAR_SIDE = ("left_eye", "left_ear", "left_elbow", "left_wrist", "left_shoulder", "left_hip")
LEGS = ("left_knee", "right_knee", "left_ankle", "right_ankle")
WIDE_FOCAL = 480.0
"""[px] Of a phone's wide camera, 26 mm in 35 mm terms."""

CELL_HEIGHT = 250
JPEG_QUALITY = 80

Angles = Mapping[str, tuple[float, ...]]
"""Rotations of joints about z, then y, then x, and first about y, a thigh's own axis [degrees]; x to the body's left, y up, z front."""

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
CROSSED: Angles = {
    **RELAXED,
    "left_hip": (0, 52, -78, 62),
    "right_hip": (0, -52, -78, -62),
    "left_knee": (0, 0, 118),
    "right_knee": (0, 0, 112),
    "spine1": (0, 0, 12),
    "left_elbow": (0, -60, 0),
    "right_elbow": (0, 60, 0),
}
UPRIGHT = np.diag([1.0, -1.0, -1.0])
ON_THE_BACK = np.array([[1.0, 0, 0], [0, 0, -1.0], [0, 1.0, 0]])
ACROSS = np.array([[0, -1.0, 0], [0, 0, -1.0], [1.0, 0, 0]])
"""Orientations in the camera frame: facing the camera; on the back with the feet towards it; on the back with the head to the left."""


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
        attempts: calls of `fit`, in words; the first as one would call it.
        drawn: which of them the picture shows; none if nothing went wrong.
    """

    truth: BodyParameters
    body: BodyModel
    focal_length: float
    attempts: Mapping[str, Attempt]
    drawn: Sequence[str]


def main() -> None:
    """Fit, draw, and print the table."""
    columns = (
        "person",
        "call",
        "status",
        "quality",
        "error, % of height",
        "mean joints_std in depth",
        "least certain joint",
    )
    columns += ("MPJPE", "PA-MPJPE", "distance [m], true")
    print("| " + " | ".join(columns) + " |", "|" + "---|" * len(columns), sep="\n")
    for name, case in cases().items():
        results = {call: attempt.fitted() for call, attempt in case.attempts.items()}
        for call, result in results.items():
            print(_row(name, call, case, result))
            for sentence in warnings_of(jax.tree.map(lambda leaf: np.asarray(leaf)[None], result), _names(result)):
                print(f"    {sentence}")
        if case.drawn:
            picture = _picture(case, results)
            Image.fromarray(picture).save(FOLDER / f"trouble_{name}.jpg", quality=JPEG_QUALITY, optimize=True)


def cases() -> dict[str, Case]:
    """Everybody on the page, in its order."""
    body, children = load_body(), load_body(all_ages=True)
    rng = np.random.default_rng(4)

    def case(truth: BodyParameters, *, hidden: Sequence[str] = (), focal_length: float = FOCAL) -> Case:
        """With what a network saw in the picture, and with a search, which the page mentions."""
        keypoints = detections(body, truth, focal_length, rng, hidden)
        rows = BodyParameters(**{name: block[None] for name, block in truth.blocks().items()})
        start = make_starts(rows, body, NETWORK)
        init = BodyParameters(**{name: np.asarray(block)[0] for name, block in start.blocks().items()})
        attempts = {
            FIRST: Attempt(keypoints),
            "init=": Attempt(keypoints, {"init": init, "init_error": "hmr2"}),
            "num_starts=4": Attempt(keypoints, {"num_starts": 4}),
        }
        return Case(truth, body, focal_length, attempts, (FIRST, "init="))

    def told(truth: BodyParameters, of: BodyModel, focal_length: float, first: Attempt, **remedy: Any) -> Case:
        again = Attempt(remedy.pop("keypoints", first.keypoints), remedy)
        label = ", ".join(f"{name}={_shown(value)}" for name, value in remedy.items()) or "the right keypoints"
        return Case(truth, of, focal_length, {FIRST: first, label: again}, (FIRST, label))

    sitting = person(SITTING, yaw=10, depth=2.6, down=-0.1)
    frontal, close = person(RELAXED, yaw=15), person(STRIDE, yaw=30, depth=1.75)
    child = person(RELAXED, yaw=20, betas=betas_at_age(5), depth=2.4, down=-0.05)
    seen, seen_close = detections(body, frontal, FOCAL, rng), detections(body, close, WIDE_FOCAL, rng)
    seen_child = Attempt(detections(children, child, FOCAL, rng))
    swapped = Attempt(seen[list(get_layout("coco17").flip)])
    known = {"body": children, "height": round(_stature(children, child), 2)}
    return {
        "side": case(person(STRIDE, yaw=80), hidden=FAR_SIDE),
        "desk": case(sitting, hidden=LEGS),
        "sitting": replace(case(sitting), drawn=()),
        "crossed": case(person(CROSSED, yaw=20, depth=2.6)),
        "truncated": case(person(STRIDE, yaw=20, depth=1.5, down=0.55)),
        "lying": case(person(RELAXED, yaw=12, depth=2.9, down=0.75, orient=ON_THE_BACK)),
        "lying across": replace(case(person(RELAXED, yaw=0, depth=3.9, orient=ACROSS)), drawn=()),
        "swapped": told(frontal, body, FOCAL, swapped, keypoints=seen),
        "layout": told(frontal, body, FOCAL, Attempt(seen, {"layout": "h36m17"}), layout="coco17"),
        "focal_length": told(close, body, WIDE_FOCAL, Attempt(seen_close), camera=WIDE_FOCAL),
        "child": told(child, children, FOCAL, seen_child, **known),
    }


def person(
    angles: Angles,
    *,
    yaw: float,
    betas: np.ndarray | None = None,
    depth: float = 3.2,
    down: float = 0.0,
    orient: np.ndarray = UPRIGHT,
) -> BodyParameters:
    """A body before a level camera, turned to its left by `yaw` [degrees]."""
    pose = [_turn(*angles.get(name, (0, 0, 0))) for name in SMPL_JOINT_NAMES[1:]]
    turned = Rotation.from_matrix(orient) * Rotation.from_euler("y", yaw, degrees=True)
    blocks = (
        turned.as_rotvec(),
        np.concatenate([one.as_rotvec() for one in pose]),
        np.array([0.6, -0.5, 0.4, 0.3, *[0.0] * 6]) if betas is None else betas,
        (0.0, down, depth),
    )
    return BodyParameters(*(np.asarray(block, np.float32) for block in blocks))


def _turn(z: float, y: float, x: float, twist: float = 0.0) -> Rotation:
    return _zyx(z, y, x) * _zyx(0, twist, 0)


def _zyx(*angles: float) -> Rotation:
    return Rotation.from_euler("ZYX", angles, degrees=True)


def _stature(body: BodyModel, truth: BodyParameters) -> float:
    at_rest = np.asarray(body.v_template) + np.asarray(body.shapedirs) @ truth.betas
    return float(np.ptp(at_rest[:, 1]))


def _shown(value: Any) -> str:
    return "all ages" if isinstance(value, BodyModel) else repr(value)


def detections(
    body: BodyModel, truth: BodyParameters, focal_length: float, rng: np.random.Generator, hidden: Sequence[str] = ()
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
    std = np.asarray(result.joints_std)
    worst = int(np.linalg.norm(std, axis=1).argmax())
    error = 100 * float(np.nanmedian(result.reprojection_error_px) / result.person_height_px)
    cells = (
        name,
        call,
        result.statuses()[0].name,
        f"{float(result.quality):.2f}",
        f"{error:.1f}",
        f"{1000 * float(std[:, 2].mean()):.0f} mm",
        f"{SMPL_JOINT_NAMES[worst]} {100 * float(np.linalg.norm(std[worst])):.0f} cm",
        f"{1000 * mpjpe(joints, truth):.0f}",
        f"{1000 * pa_mpjpe(joints, truth):.0f}",
        f"{joints[0, 2]:.2f}, truly {truth[0, 2]:.2f}",
    )
    return "| " + " | ".join(cells) + " |"


def _picture(case: Case, results: Mapping[str, FitResult]) -> np.ndarray:
    """The person and the fits: each as the picture shows them, and from the camera's right."""
    vertices = np.asarray(case.body.vertices(**case.truth.blocks()), np.float64)
    faces = np.asarray(case.body.faces)
    studio = Studio(SIZE, case.focal_length, np.array([0.0, -1.0, 0.0]), -float(vertices[:, 1].max()), shadow_rays=96)
    photo = render_in_studio(Shape(vertices, faces, clothes(case.body)), studio)
    joints = np.asarray(case.body.joints(**case.truth.blocks()))
    from_side = SideView.of([joints[None]], SIZE[1]).draw([Shape(vertices, faces, GREEN)])
    cells, labels = [np.hstack([photo, from_side])], ["the person"]
    for call in case.drawn:
        cells.append(results[call].overlay(photo, case.attempts[call].keypoints, views=["side"]))
        labels.append(call)
    return contact_sheet([_shrunk(cell) for cell in cells], len(cells), labels=labels, gap=4)


def _names(result: FitResult) -> tuple[str, ...]:
    return get_layout(result.layout).keypoint_names


def _shrunk(cell: np.ndarray) -> np.ndarray:
    image = Image.fromarray(cell).convert("RGB")
    width = round(CELL_HEIGHT * image.width / image.height)
    return np.asarray(image.resize((width, CELL_HEIGHT), Image.Resampling.LANCZOS))


if __name__ == "__main__":
    main()
