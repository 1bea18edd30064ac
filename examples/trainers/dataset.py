"""Data sets of rendered people with ground truth, and of crops of real pictures with annotated keypoints."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import jax
import numpy as np
from PIL import Image

from examples.trainers.people import Posed, draw_motions, draw_poses
from examples.trainers.rendering import FOCAL_SIDES, SIZE, draw_look, render_person
from smplify_jax import load_keypoints
from smplify_jax.body.model import BodyModel
from smplify_jax.files.images import load_image
from smplify_jax.keypoints.layouts import get_layout
from smplify_jax.learn.people import STATURE, Detector, detect

LAYOUT = "coco17"
DETECTOR = Detector(noise=0.02, missing=0.05, outliers=0.01, swaps=0.01)
"""Errors of the keypoints that networks learn from, relative to the person's height; of COCO's annotators' size or somewhat larger."""

_PER_BATCH = 64


@dataclass(frozen=True)
class Pictures:
    """M pictures; those of a track follow each other, T at a time.

    Attributes:
        people: (M, SIZE, SIZE, 4) uint8 RGBA, without background.
        backgrounds: (M, SIZE, SIZE, 3) uint8 RGB.
        keypoints: (M, 17, 3) detections: x right and y down from -1 to 1 in the crop, and confidence; 0 where not seen.
        pose: (M, 72) true axis-angle [rad], in the frame of the crop's camera.
        betas: (M, 10) true shapes.
        transl: (M, 3) true places before the crop's camera [m].
        num_frames: T, 1 for single pictures.
        source: where the poses are from.
    """

    people: np.ndarray
    backgrounds: np.ndarray
    keypoints: np.ndarray
    pose: np.ndarray
    betas: np.ndarray
    transl: np.ndarray
    num_frames: int
    source: str

    def __len__(self) -> int:
        return len(self.people)

    @property
    def images(self) -> np.ndarray:
        """(M, SIZE, SIZE, 3) uint8 people before their own backgrounds."""
        alpha = self.people[..., 3:].astype(np.float32) / 255
        return (alpha * self.people[..., :3] + (1 - alpha) * self.backgrounds).astype(np.uint8)

    def __getitem__(self, rows: np.ndarray | slice) -> Pictures:
        """Some of the pictures."""
        names = ("people", "backgrounds", "keypoints", "pose", "betas", "transl")
        return replace(self, **{name: getattr(self, name)[rows] for name in names})


@dataclass(frozen=True)
class RealCrops:
    """Crops of photographs.

    Attributes:
        images: (M, SIZE, SIZE, 3) uint8.
        keypoints: (M, 17, 3) annotated, as in `Pictures`.
    """

    images: np.ndarray
    keypoints: np.ndarray


def make_pictures(
    motion_folder: Path | None, body: BodyModel, split: str, count: int, seed: int, *, tracks: bool = False
) -> Pictures:
    """Render people of a split: `count` pictures, or `count` tracks."""
    draw = draw_motions if tracks else draw_poses
    return render_people(draw(motion_folder, body, split, count, seed), body, seed)


def cached_pictures(folder: Path, name: str, **arguments) -> Pictures:
    """`make_pictures`, read from the folder where they have been rendered before."""
    path = folder / f"{name}.npz"
    if path.is_file():
        with np.load(path) as file:
            arrays = dict(file)
        return Pictures(**arrays | {"num_frames": int(arrays["num_frames"]), "source": str(arrays["source"])})
    pictures = make_pictures(**arguments)
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(path, **vars(pictures))
    return pictures


def render_people(people: Posed, body: BodyModel, seed: int) -> Pictures:
    """Place people in crops, render them, and detect their keypoints."""
    generator = np.random.default_rng([seed, 7])
    num_people, num_frames = people.pose.shape[:2]
    pose, betas = people.pose.reshape(-1, 72), np.repeat(people.betas, num_frames, axis=0)
    transl = np.repeat(_draw_places(people, body, generator), num_frames, axis=0)
    faces, points = np.asarray(body.faces), np.empty((len(pose), 17, 2))
    rendered = np.empty((len(pose), SIZE, SIZE, 4), np.uint8)
    looks = [draw_look(body, generator) for _ in range(num_people)]
    for first in range(0, len(pose), _PER_BATCH):
        # Full batches, the last one filled up: another size would compile another program.
        rows = np.minimum(np.arange(first, first + _PER_BATCH), len(pose) - 1)
        blocks = {
            "global_orient": pose[rows, :3],
            "body_pose": pose[rows, 3:],
            "betas": betas[rows],
            "transl": transl[rows],
        }
        vertices = np.asarray(body.vertices(**blocks), np.float64)
        points[rows] = _in_crop(np.asarray(body.keypoints(**blocks, layout=LAYOUT), np.float64))
        for row, seen in zip(np.unique(rows), vertices, strict=False):
            rendered[row] = render_person(seen, faces, looks[row // num_frames])
    height = 2 * FOCAL_SIDES * STATURE / transl[:, 2]
    keypoints = detect(points, height, get_layout(LAYOUT), DETECTOR, generator)
    keypoints[(np.abs(keypoints[..., :2]) > 1).any(axis=-1)] = 0
    backgrounds = np.repeat([look.background for look in looks], num_frames, axis=0)
    return Pictures(rendered, backgrounds, keypoints, pose, betas, transl, num_frames, people.source)


def _in_crop(points: np.ndarray) -> np.ndarray:
    return 2 * FOCAL_SIDES * points[..., :2] / points[..., 2:]


def _draw_places(people: Posed, body: BodyModel, generator: np.random.Generator) -> np.ndarray:
    """Places (N, 3) where all frames of a person fill most of the crop, and in every tenth crop more than all of it."""
    num_people, num_frames = people.pose.shape[:2]
    pose, betas = people.pose.reshape(-1, 72), np.repeat(people.betas, num_frames, axis=0)
    zeros = np.zeros((len(pose), 3), np.float32)
    joints = body.joints(betas=betas, global_orient=pose[:, :3], body_pose=pose[:, 3:], transl=zeros)
    flat = np.asarray(jax.device_get(joints))[..., :2].reshape(num_people, -1, 2)
    low, high = flat.min(axis=1), flat.max(axis=1)
    fill = np.where(generator.uniform(size=num_people) < 0.1, 2.2, generator.uniform(1.45, 1.85, num_people))
    scale = fill / ((high - low).max(axis=1) + 0.15)  # joints lie within the body
    shift = generator.uniform(-0.12, 0.12, (num_people, 2))
    at = shift / scale[:, None] - (low + high) / 2
    return np.column_stack([at, 2 * FOCAL_SIDES / scale]).astype(np.float32)


def load_real_crops(keypoint_folder: Path) -> RealCrops:
    """Squares around the annotated people of a folder with COCO's annotations (coco/*.json) and pictures (coco/images)."""
    (annotations,) = sorted((keypoint_folder / "coco").glob("person_keypoints*.json"))
    people = load_keypoints(annotations)
    images, keypoints = [], []
    for name, rows in zip(people.image_names, people.keypoints, strict=True):
        path = keypoint_folder / "coco" / "images" / Path(name or "").name
        seen = rows[rows[:, 2] > 0, :2]
        if not (name and path.is_file()) or len(seen) < 10 or np.ptp(seen, axis=0).max() < 60:
            continue
        center, side = (seen.min(axis=0) + seen.max(axis=0)) / 2, 1.3 * np.ptp(seen, axis=0).max()
        (left, top), (right, bottom) = (center - side / 2).round(), (center + side / 2).round()
        crop = Image.fromarray(load_image(path)).crop((left, top, right, bottom))
        images.append(np.asarray(crop.resize((SIZE, SIZE), Image.Resampling.BOX)))
        scaled = np.concatenate([2 * (rows[:, :2] - center) / side, rows[:, 2:]], axis=1)
        keypoints.append(np.where(rows[:, 2:] > 0, scaled, 0))
    return RealCrops(np.array(images), np.array(keypoints, np.float32))
