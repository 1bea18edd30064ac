"""Cameras in a ring around a place, for tests of several views."""

from __future__ import annotations

import numpy as np
from people import draw_people
from scipy.spatial.transform import Rotation

from smplify_jax.body.load import load_body
from smplify_jax.camera.calibrated import CalibratedCamera, calibrated_camera
from smplify_jax.geometry.frames import Z_UP_FROM_CAMERA

SIZE = (1280.0, 720.0)


def ring(num_views: int, *, radius: float = 4.0, height: float = 1.5, distortion=(), spread: float = 2 * np.pi):
    """Cameras on an arc, 1 m above the ground's middle as their aim; z is up."""
    angles = np.arange(num_views) * spread / num_views + 0.3
    places = np.stack([radius * np.cos(angles), radius * np.sin(angles), np.full(num_views, height)], axis=-1)
    return tuple(looking_at(place, (0.0, 0.0, 1.0), f"cam{k}", distortion) for k, place in enumerate(places))


def looking_at(position, target, name: str = "", distortion=(), focal_length: float = 1000.0) -> CalibratedCamera:
    """A level camera at a place that looks at another."""
    forward = np.subtract(target, position) / np.linalg.norm(np.subtract(target, position))
    right = np.cross(forward, (0.0, 0.0, 1.0))
    right /= np.linalg.norm(right)
    rotation = np.stack([right, np.cross(forward, right), forward])
    return calibrated_camera(
        matrix=(focal_length, focal_length + 3, SIZE[0] / 2 + 5, SIZE[1] / 2 - 7),
        rotation=rotation,
        translation=-rotation @ np.asarray(position, float),
        distortion=distortion,
        image_size=SIZE,
        name=name,
    )


def seen_by(camera: CalibratedCamera, points: np.ndarray) -> np.ndarray:
    """(..., K, 3) pinhole pixels of points (..., K, 3) [m], with confidence one: a twin of what is tested, written out."""
    points_cam = points @ np.asarray(camera.rotation).T + np.asarray(camera.translation)
    rows = points_cam @ camera.matrix.T
    return np.concatenate([rows[..., :2] / rows[..., 2:], np.ones((*points.shape[:-1], 1))], axis=-1)


def people_inside(num_people: int, layout: str, seed: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Upright people near the middle of a ring of cameras: keypoints (N, K, 3) and SMPL's joints (N, 24, 3) in the world [m]."""
    parameters, body = bodies_inside(num_people, layout, seed), load_body()
    return np.asarray(body.keypoints(**parameters, layout=layout)), np.asarray(body.joints(**parameters))


def bodies_inside(num_people: int, layout: str, seed: int = 2) -> dict[str, np.ndarray]:
    """The parameters of these people in the world."""
    parameters = dict(draw_people(num_people, layout, seed).parameters)
    turned = Rotation.from_matrix(Z_UP_FROM_CAMERA) * Rotation.from_rotvec(parameters["global_orient"])
    parameters["global_orient"] = turned.as_rotvec().astype(np.float32)
    place = np.random.default_rng(seed).normal((0, 0, 1), (0.3, 0.3, 0.05), (num_people, 3))
    return parameters | {"transl": place.astype(np.float32)}


def seen_by_all(cameras, points: np.ndarray) -> np.ndarray:
    """(..., V, K, 3) pinhole pixels of points (..., K, 3) [m] in every camera."""
    return np.stack([seen_by(camera, points) for camera in cameras], axis=-3)
