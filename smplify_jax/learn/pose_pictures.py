"""Draw the pose prior and the recordings behind it: `python -m smplify_jax.learn.pose_pictures FOLDER --out DIR`.

Numbers do not show a twisted arm: inspect these sheets after every change of a reader, a rig or the recipe.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro
from PIL import Image
from scipy.spatial.transform import Rotation

from smplify_jax.body.load import load_body
from smplify_jax.body.model import BodyModel
from smplify_jax.files.atomic import atomic_write
from smplify_jax.learn.command import run
from smplify_jax.learn.mocap.poses import PoseSet, load_poses
from smplify_jax.learn.pose_prior import TRAINING_SOURCES
from smplify_jax.pictures.views import contact_sheet, render_views
from smplify_jax.prior.load import load_prior
from smplify_jax.prior.mixture import PosePrior

PICTURE_SIZE = (84, 118)  # [px]
YAW = 25.0  # [degrees] a little from the side, so that bent knees and elbows are visible


def draw_samples(body: BodyModel, prior: PosePrior, num_samples: int = 16, seed: int = 0) -> np.ndarray:
    """Draw a sheet with a row per component, in the order of their weights: its mean, then samples.

    Returns:
        (H, W, 3) uint8 picture.
    """
    generator = np.random.default_rng(seed)
    means, covars = np.asarray(prior.means, float), np.asarray(prior.covars, float)
    pictures = []
    for k in np.argsort(-np.asarray(prior.weights), kind="stable"):
        noise = generator.normal(size=(num_samples, prior.num_pose)) @ np.linalg.cholesky(covars[k]).T
        poses = means[k] + np.concatenate([np.zeros((1, prior.num_pose)), noise])
        pictures += _draw_bodies(body, np.concatenate([np.zeros((num_samples + 1, 3)), poses], axis=1))
    return contact_sheet(pictures, columns=num_samples + 1, gap=2)


def draw_recordings(body: BodyModel, poses: PoseSet, num_poses: int = 16, seed: int = 0) -> np.ndarray:
    """Draw a sheet with a row per kind of file: random poses of its recordings, facing the front.

    Returns:
        (H, W, 3) uint8 picture.
    """
    generator = np.random.default_rng(seed)
    kinds = np.array([_kind(clip) for clip in poses.clips])
    pictures = []
    for kind in np.unique(kinds):
        rows = np.flatnonzero(kinds == kind)
        chosen = np.sort(generator.choice(rows, num_poses, replace=len(rows) < num_poses))
        pictures += _draw_bodies(body, _facing_front(poses.poses[chosen]))
        print(kind, file=sys.stderr)
    return contact_sheet(pictures, columns=num_poses, gap=2)


def _kind(clip: str) -> str:
    """Folder and suffix of a clip's file, which determine its conventions."""
    folder, _, name = clip.rpartition("/")
    return folder + "/" + name.partition(".")[2].partition("#")[0]


def _facing_front(poses: np.ndarray) -> np.ndarray:
    """The same poses, rotated about the vertical so that the pelvis faces +z as far as possible."""
    turns = Rotation.from_rotvec(poses[:, :3])
    front = turns.apply([0.0, 0.0, 1.0])
    back = Rotation.from_euler("y", -np.arctan2(front[:, 0], front[:, 2])[:, None])
    return np.concatenate([(back * turns).as_rotvec(), poses[:, 3:]], axis=1)


def _draw_bodies(body: BodyModel, poses: np.ndarray) -> list[np.ndarray]:
    count = len(poses)
    vertices = body.vertices(
        betas=np.zeros((count, 10), np.float32),
        global_orient=poses[:, :3].astype(np.float32),
        body_pose=poses[:, 3:].astype(np.float32),
        transl=np.zeros((count, 3), np.float32),
    )
    faces = np.asarray(body.faces)
    return [render_views(np.asarray(each), faces, (YAW,), PICTURE_SIZE)[0] for each in vertices]


def _save_small(path: Path, image: np.ndarray) -> None:
    """Save with a palette: a sheet has few colours, and the file is a third of the size."""
    with atomic_write(path) as file:
        Image.fromarray(image[..., :3]).quantize(64).save(file, format="PNG", optimize=True)


def main(folder: Annotated[Path, tyro.conf.Positional], out: Path, prior: Path | None = None) -> None:
    """Draw samples of a pose prior and poses of a motion folder.

    Args:
        folder: Clips and their manifest.csv.
        out: Folder for pose_prior_samples.png and pose_prior_recordings.png.
        prior: The prior's file; the one included by default.
    """
    body = load_body()
    _save_small(out / "pose_prior_samples.png", draw_samples(body, load_prior(prior)))
    poses = load_poses(folder, split="train", max_frames_per_clip=4, seed=1, sources=TRAINING_SOURCES)
    _save_small(out / "pose_prior_recordings.png", draw_recordings(body, poses))


if __name__ == "__main__":
    run(main)
