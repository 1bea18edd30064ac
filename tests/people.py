"""Synthetic people for tests: poses drawn from the shipped prior, bodies and cameras at random, keypoints by projection."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from smplify_jax.body.load import load_body
from smplify_jax.prior.load import load_prior

IMAGE_SIZE = (1280, 960)


@dataclass(frozen=True)
class People:
    """What was drawn: keypoints (N, K, 3) [px], true joints (N, 24, 3) [m], parameters, focal lengths (N,) and heights (N,) [px]."""

    keypoints: np.ndarray
    joints: np.ndarray
    parameters: dict
    focal_length: np.ndarray
    height_px: np.ndarray


def draw_people(num_people, layout, seed=0, is_any_way_up=False):
    """Upright people at random yaw, or people turned every way alike, 250-700 px tall, seen by cameras of known focal length."""
    rng = np.random.default_rng(seed)
    prior, body = load_prior(), load_body()
    shares = np.asarray(prior.weights, np.float64)
    component = rng.choice(len(shares), num_people, p=shares / shares.sum())
    # 0.7 standard deviations: the middle of each component, where poses are possible ones.
    pose = np.stack([rng.multivariate_normal(prior.means[k], 0.7**2 * prior.covars[k]) for k in component])
    yaw = Rotation.from_rotvec(rng.uniform(0, 2 * np.pi, num_people)[:, None] * [0, 1, 0])
    lean = Rotation.from_rotvec(rng.normal(0, 0.1, (num_people, 3)))
    facing = Rotation.from_rotvec([np.pi, 0, 0])
    focal_length = rng.uniform(1000, 2500, num_people)
    height_px = rng.uniform(250, 700, num_people)
    depth = 1.7 * focal_length / height_px
    place = rng.uniform(-0.2, 0.2, (num_people, 2)) * IMAGE_SIZE * (depth / focal_length)[:, None]
    parameters = {
        "betas": np.clip(rng.normal(size=(num_people, 10)), -2, 2),
        "global_orient": (Rotation.random(num_people, rng) if is_any_way_up else lean * facing * yaw).as_rotvec(),
        "body_pose": pose,
        "transl": np.column_stack([place, depth]),
    }
    parameters = {name: value.astype(np.float32) for name, value in parameters.items()}
    points = np.asarray(body.keypoints(**parameters, layout=layout))
    pixels = focal_length[:, None, None] * points[..., :2] / points[..., 2:] + np.array(IMAGE_SIZE) / 2
    keypoints = np.concatenate([pixels, np.ones((*pixels.shape[:2], 1))], axis=-1).astype(np.float32)
    joints = np.asarray(body.joints(**parameters))
    return People(keypoints, joints, parameters, focal_length.astype(np.float32), height_px)
