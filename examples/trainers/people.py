"""Poses and motions of people to render: recorded ones, or draws from the shipped prior where no recordings are at hand."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from smplify_jax import load_prior
from smplify_jax.body.model import BodyModel
from smplify_jax.learn.people import EXACT, PeopleOptions, make_people
from smplify_jax.learn.tracks import make_tracks
from smplify_jax.learn.video.options import TrackOptions

NUM_FRAMES, FPS = 16, 30.0

MAX_YAW = np.radians(60)
"""How far people turn away from the camera."""


@dataclass(frozen=True)
class Posed:
    """N people in T frames, T = 1 for single pictures; no place yet.

    Attributes:
        pose: (N, T, 72) axis-angle [rad]; global_orient first, in the frame of a camera that looks straight at the person.
        betas: (N, 10).
        source: where the poses are from, for tables.
    """

    pose: np.ndarray
    betas: np.ndarray
    source: str


def draw_poses(motion_folder: Path | None, body: BodyModel, split: str, count: int, seed: int) -> Posed:
    """Single poses, evenly over the actors of a split of the motion folder ("train" or "val": other actors)."""
    if motion_folder is None:
        generator = np.random.default_rng([seed, split == "val"])
        pose = _prior_poses(generator, count)
        return Posed(_turned_to_camera(pose[:, None], generator), _draw_betas(generator, count), "the shipped prior")
    options = PeopleOptions(split=split, max_frames_per_clip=40, max_poses_per_subject=800, seed=seed)
    people = make_people(motion_folder, body, "coco17", EXACT, options).subsample(count)
    truth = people.truth
    pose = np.concatenate([truth.global_orient, truth.body_pose], axis=1)[:, None]
    pose = _turned_to_camera(pose, np.random.default_rng([seed, 2]))
    return Posed(pose, np.asarray(truth.betas), f"{len(set(people.poses.subjects))} actors")


def draw_motions(motion_folder: Path | None, body: BodyModel, split: str, count: int, seed: int) -> Posed:
    """Motions of NUM_FRAMES frames at FPS, in turn from every actor of a split; people stay before the camera, as on a treadmill."""
    if motion_folder is None:
        generator = np.random.default_rng([seed, split == "val", 1])
        start, end = _prior_poses(generator, count), _prior_poses(generator, count)
        share = np.linspace(0, np.pi, NUM_FRAMES)[None, :, None]
        between = start[:, None] + 0.25 * (1 - np.cos(share)) * (end - start)[:, None]
        between[..., :3] = start[:, None, :3]
        return Posed(
            _turned_to_camera(between, generator), _draw_betas(generator, count), "blends of poses of the shipped prior"
        )
    options = TrackOptions(split=split, num_frames=NUM_FRAMES, fps=FPS, max_windows=12, max_tracks=count, seed=seed)
    tracks = make_tracks(motion_folder, body, options=options)
    pose = np.concatenate([tracks.truth.global_orient, tracks.truth.body_pose], axis=-1)
    pose = _turned_to_camera(pose, np.random.default_rng([seed, 3]))
    return Posed(pose, np.asarray(tracks.truth.betas)[:, 0], f"{len(set(tracks.subjects))} actors")


def _turned_to_camera(pose: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """The people turned about the camera's vertical so that they face it up to MAX_YAW, in the middle of their motion.

    From all sides, front and back would have to be told apart in 64 px, which takes far more pictures and steps.
    """
    num_people, num_frames = pose.shape[:2]
    orient = Rotation.from_rotvec(pose[..., :3].reshape(-1, 3))
    front = orient.as_matrix().reshape(num_people, num_frames, 3, 3)[:, num_frames // 2, :, 2]
    yaw = np.arctan2(front[:, 0], -front[:, 2])  # zero for people who face the camera; front turns from -z to x
    turn = yaw - generator.uniform(-MAX_YAW, MAX_YAW, num_people)
    turned = Rotation.from_euler("y", np.repeat(turn, num_frames)[:, None]) * orient
    vectors = turned.as_rotvec().reshape(num_people, num_frames, 3)
    return np.concatenate([vectors, pose[..., 3:]], axis=-1).astype(np.float32)


def _draw_betas(generator: np.random.Generator, count: int) -> np.ndarray:
    return np.clip(generator.normal(size=(count, 10)), -2, 2).astype(np.float32)


def _prior_poses(generator: np.random.Generator, count: int) -> np.ndarray:
    """(N, 72) upright people."""
    prior = load_prior()
    weights, means, covars = (np.asarray(array, np.float64) for array in (prior.weights, prior.means, prior.covars))
    components = generator.choice(len(weights), size=count, p=weights / weights.sum())
    factors = np.linalg.cholesky(covars + 1e-9 * np.eye(means.shape[1]))
    body_pose = means[components] + np.einsum("nij,nj->ni", factors[components], generator.normal(size=(count, 69)))
    yaw = Rotation.from_euler("y", generator.uniform(0, 2 * np.pi, (count, 1)))
    tilt = Rotation.from_euler("xz", np.array([np.pi, 0]) + np.radians([10, 5]) * generator.normal(size=(count, 2)))
    return np.concatenate([(tilt * yaw).as_rotvec(), body_pose], axis=1).astype(np.float32)
