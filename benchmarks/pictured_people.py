"""Pictures of people whose keypoints are known: rendered ones, and crops of COCO's annotated pictures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import jax
import numpy as np

from smplify_jax import fit, load_body, load_keypoints
from smplify_jax.body.model import BodyModel
from smplify_jax.body.parameters import BodyParameters
from smplify_jax.files.images import load_image
from smplify_jax.keypoints.layouts import get_layout
from smplify_jax.learn.people import EXACT, PeopleOptions, make_people
from smplify_jax.pictures.raycast import Shape
from smplify_jax.pictures.studio import Studio, clothes, render_in_studio

LAYOUT = "mediapipe33"
"""Of all keypoints here."""

_MARGINS = (0.15, 0.3, 0.5, 0.8)
"""Around an annotated person, in lengths of the longer side of the box of their keypoints."""

_MIN_LABELLED, _MIN_SIDE = 10, 80
"""COCO's people with fewer keypoints, or smaller ones [px], are left out: there is little to compare with."""

_BESIDE = 60
"""[px] That are left on both sides of rendered people who are cut at the thighs."""

_MIN_HEIGHT = 250.0
"""[px] of rendered people. People further away test the detector's resolution more than its points."""


@dataclass(frozen=True)
class Pictured:
    """A person in a picture.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        keypoints: (33, 2) true ones [px], NaN where not known.
        height_px: of the person, standing.
        source: the person; several pictures may be of the same.
        truth: the body, in the camera frame; None if it is not known.
    """

    image: np.ndarray
    keypoints: np.ndarray
    height_px: float
    source: str
    truth: BodyParameters | None = None


def rendered_people(motion_folder: Path, body: BodyModel, num_people: int) -> Iterator[Pictured]:
    """People of `make_people` in the studio."""
    everybody = make_people(motion_folder, body, LAYOUT, EXACT, PeopleOptions(height_px=(_MIN_HEIGHT, 800.0)))
    people = everybody.subsample(num_people)
    colors, faces = clothes(body), np.asarray(body.faces)
    for k in range(len(people)):
        truth = jax.tree.map(lambda leaf, k=k: np.asarray(leaf)[k], people.truth)
        width, height = map(int, people.image_size[k])
        vertices = np.asarray(body.vertices(**vars(truth)), np.float64)
        studio = Studio(
            (width, height),
            float(np.asarray(people.camera.focal_length)[k].flat[0]),
            np.array([0.0, -1.0, 0.0]),
            -float(vertices[:, 1].max()),
            shadow_rays=8,
            shadow_step=16,
            supersampling=1,
        )
        image = render_in_studio(Shape(vertices, faces, colors), studio)
        yield Pictured(image, people.true_keypoints_px[k], float(people.height_px[k]), f"rendered {k}", truth)


def cut_at_the_thighs(people: Iterable[Pictured]) -> Iterator[Pictured]:
    """The same pictures without what is below the upper third of the thighs, and around the person; only of people whose head is above."""
    layout = get_layout(LAYOUT)
    for one in people:
        hip, knee = (
            np.mean([one.keypoints[layout.index(f"{side}_{part}"), 1] for side in ("left", "right")])
            for part in ("hip", "knee")
        )
        bottom = int(hip + 0.3 * (knee - hip))
        across = one.keypoints[:, 0]
        left, right = int(max(0, np.nanmin(across) - _BESIDE)), int(np.nanmax(across) + _BESIDE)
        if bottom >= _MIN_SIDE and one.keypoints[layout.index("nose"), 1] < hip:
            image = np.ascontiguousarray(one.image[:bottom, left:right])
            yield replace(one, image=image, keypoints=one.keypoints - [left, 0])


def annotated_crops(folder: Path) -> Iterator[Pictured]:
    """Crops of four margins around COCO's people, each also mirrored.

    Args:
        folder: with COCO's annotations and some of their pictures, and a picture of MMPose's tests.
    """
    coco17, layout = get_layout("coco17"), get_layout(LAYOUT)
    places = [layout.index(name) for name in coco17.keypoint_names]
    for file, images in (
        ("coco/person_keypoints_train2017_mini.json", "coco/images"),
        ("mmpose/test_coco.json", "mmpose"),
    ):
        people = load_keypoints(folder / file)
        heights = np.asarray(fit(people).person_height_px)
        for k, name in enumerate(people.image_names):
            path = folder / images / Path(name or "").name
            rows = people.keypoints[k]
            seen = rows[rows[:, 2] > 0][:, :2]
            if not (name and path.is_file()) or len(seen) < _MIN_LABELLED or np.ptp(seen, axis=0).max() < _MIN_SIDE:
                continue
            known = np.full((layout.num_keypoints, 2), np.nan)
            known[places] = np.where(rows[:, 2:] > 0, rows[:, :2], np.nan)
            for margin in _MARGINS:
                crop = _cropped(load_image(path), known, margin)
                one = Pictured(*crop, float(heights[k]), people.names[k])
                yield one
                mirrored = mirrored_keypoints(one.keypoints, one.image.shape[1])
                yield replace(one, image=np.ascontiguousarray(one.image[:, ::-1]), keypoints=mirrored)


def _cropped(image: np.ndarray, keypoints: np.ndarray, margin: float) -> tuple[np.ndarray, np.ndarray]:
    low, high = np.nanmin(keypoints, axis=0), np.nanmax(keypoints, axis=0)
    around = margin * (high - low).max()
    size = np.array(image.shape[1::-1])
    left, top = np.maximum(low - around, 0).astype(int)
    right, bottom = np.minimum(high + around, size).astype(int)
    return np.ascontiguousarray(image[top:bottom, left:right]), keypoints - [left, top]


def mirrored_keypoints(keypoints: np.ndarray, width: int) -> np.ndarray:
    """Keypoints (33, 2) of the mirrored picture."""
    mirrored = keypoints[list(get_layout(LAYOUT).flip)]
    return np.stack([width - 1 - mirrored[:, 0], mirrored[:, 1]], axis=1)


def default_body() -> BodyModel:
    """The body of rendered people and of all fits."""
    return load_body(num_betas=10)
