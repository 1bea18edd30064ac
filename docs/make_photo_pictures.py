"""Draw "photo in, body out" for docs/photo_and_video.md and the README: `python docs/make_photo_pictures.py`.

The photos are rendered from the open body, so that they are free of licences and of anybody's face; from there on all is as for any photo:
MediaPipe (extra `detect`) finds the keypoints in the PNG file, and `fit_photo` fits the body to them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.spatial.transform import Rotation

from smplify_jax import fit_photo, load_body
from smplify_jax.files.images import save_image
from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES
from smplify_jax.learn.example import Truth, make_picture, make_truth
from smplify_jax.pictures.palette import BODY_COLOR
from smplify_jax.pictures.views import contact_sheet, render_views

PICTURE = Path(__file__).parent / "pictures" / "photo_in_body_out.png"
NUM_COLORS = 256
CELL = (216, 270)  # [px]; the sides of a photo are 4 : 5

LUNGE = {
    "right_hip": (4, 0, -72),
    "right_knee": (0, 0, 78),
    "left_hip": (4, 0, 24),
    "left_knee": (0, 0, 42),
    "left_ankle": (0, 0, 28),
    "spine1": (0, 10, 8),
    "left_shoulder": (14, -52, 0),
    "left_elbow": (0, -24, 0),
    "right_shoulder": (24, -22, 0),
    "right_elbow": (0, 34, 0),
}
REACH = {
    "left_hip": (14, 0, -8),
    "right_hip": (-14, 0, -8),
    "left_knee": (0, 0, 12),
    "right_knee": (0, 0, 12),
    "spine1": (-14, 0, 4),
    "spine2": (-10, 0, 0),
    "left_shoulder": (62, 0, 0),
    "left_elbow": (0, -18, 0),
    "right_shoulder": (48, 20, 0),
    "right_elbow": (0, 84, 0),
}
"""Rotations of joints about z, then y, then x [degrees]; x to the body's left, y up, z to the front."""


def person(
    angles: Mapping[str, tuple[float, float, float]], yaw: float, betas: tuple[float, ...], depth: float
) -> Truth:
    """A person before the camera of the packaged example, turned to their left by `yaw` [degrees]."""
    pose = [Rotation.from_euler("ZYX", angles.get(name, (0, 0, 0)), degrees=True) for name in SMPL_JOINT_NAMES[1:]]
    usual = make_truth()
    turned = Rotation.from_rotvec(usual.global_orient) * Rotation.from_euler("y", yaw, degrees=True)
    return replace(
        usual,
        betas=np.array((*betas, *[0.0] * (10 - len(betas))), np.float32),
        global_orient=turned.as_rotvec().astype(np.float32),
        body_pose=np.concatenate([one.as_rotvec() for one in pose]).astype(np.float32),
        transl=np.array([0.0, 0.02, depth], np.float32),
    )


def row(truth: Truth, folder: Path) -> list[np.ndarray]:
    """The photo, the body over it, and the body from its right side."""
    body = load_body()
    path = folder / "photo.png"
    photo = make_picture(body, truth)
    save_image(path, photo)
    fitted = fit_photo(path)
    vertices = np.asarray(fitted.result[0].vertices("upright"))
    (side,) = render_views(vertices, np.asarray(body.faces), (90.0,), photo.shape[1::-1], height=2.1, color=BODY_COLOR)
    return [_cell(photo), _cell(fitted.overlay()), _cell(side)]


def _cell(image: np.ndarray) -> np.ndarray:
    whole = Image.new("RGBA", (image.shape[1], image.shape[0]), (255, 255, 255, 255))
    whole.alpha_composite(Image.fromarray(image).convert("RGBA"))
    return np.asarray(whole.convert("RGB").resize(CELL, Image.Resampling.LANCZOS))


def main() -> None:
    """Draw and write the picture."""
    people = (
        person(LUNGE, 50.0, (-1.0, 0.5, -0.5, -0.6), 3.5),
        person(REACH, -20.0, (1.2, -0.5, 0.4, 0.8), 3.7),
    )
    with tempfile.TemporaryDirectory() as folder:
        rows = [row(truth, Path(folder)) for truth in people]
    labels = ["photo in", "body out", "from the side"] * len(rows)
    sheet = contact_sheet([cell for cells in rows for cell in cells], 3 * len(rows), labels=labels, gap=2)
    Image.fromarray(sheet).quantize(NUM_COLORS).save(PICTURE, optimize=True)


if __name__ == "__main__":
    main()
