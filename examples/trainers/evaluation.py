"""What a network is worth: errors on people with known bodies, and in photographs."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from examples.trainers.bodies import Estimate, Points, TrainedBody
from examples.trainers.dataset import Pictures, RealCrops
from examples.trainers.networks import last_round
from examples.trainers.training import compiled, in_parts
from smplify_jax import load_prior
from smplify_jax.geometry.metrics import mpjpe, pa_mpjpe
from smplify_jax.rotations import axis_angle_to_matrix, matrix_to_axis_angle

Network = Callable[[jax.Array], Estimate]


def true_estimate(pictures: Pictures) -> Estimate:
    """The true bodies, in the form that networks predict."""
    rotations = np.asarray(axis_angle_to_matrix(pictures.pose.reshape(-1, 24, 3)))
    return Estimate(rotations, pictures.betas, pictures.transl)


def points_of(body: TrainedBody, estimate: Estimate) -> Points:
    """Points of many bodies, as NumPy arrays."""
    rows = np.arange(len(estimate.betas))
    return in_parts(lambda part: _place(body, Estimate(*(jnp.asarray(array)[part] for array in estimate))), rows)


def predict(network: Network, images: np.ndarray) -> Estimate:
    """The last round's estimates of all pictures, as NumPy arrays."""
    return in_parts(lambda part: _see(network, part), images)


def errors_3d(points: Points, truth: Points) -> dict[str, float]:
    """Mean errors over people of joints relative to the pelvis [mm]."""
    pairs = list(zip(points.joints, truth.joints, strict=True))
    return {
        "PA-MPJPE [mm]": 1e3 * float(np.mean([pa_mpjpe(*pair) for pair in pairs])),
        "MPJPE [mm]": 1e3 * float(np.mean([mpjpe(*pair) for pair in pairs])),
    }


def acceleration_error(points: Points, truth: Points, num_frames: int, fps: float) -> float:
    """Mean length of the error of the joints' accelerations relative to the pelvis, by second differences [m/s^2]."""
    error = (np.asarray(points.joints) - truth.joints).reshape(-1, num_frames, 24, 3)
    return float(fps**2 * np.linalg.norm(np.diff(error, n=2, axis=1), axis=-1).mean())


def error_2d(points: Points, keypoints: np.ndarray) -> float:
    """Mean distance of visible keypoints [% of the crop's side]."""
    distance = np.linalg.norm(points.projected - keypoints[..., :2], axis=-1)
    return 50 * float(distance[keypoints[..., 2] > 0].mean())


def distance_from_prior(estimate: Estimate) -> float:
    """Root mean square of how many standard deviations poses are from the nearest component of the shipped prior; of people the median.

    It tells bodies that nobody can bend into, which may have every keypoint where it should be.
    """
    prior = load_prior()
    pose = np.asarray(matrix_to_axis_angle(np.asarray(estimate.rotations)[:, 1:])).reshape(len(estimate.betas), -1)
    off = pose[:, None] - np.asarray(prior.means)
    squared = np.einsum("bki,kij,bkj->bk", off, np.asarray(prior.precisions, np.float64), off)
    return float(np.median(np.sqrt(squared.min(axis=1) / pose.shape[1])))


def evaluate(network: Network, body: TrainedBody, test: Pictures, real: RealCrops | None) -> dict[str, float]:
    """Errors on other actors, and the 2D error in photographs."""
    predicted = predict(network, test.images)
    points = points_of(body, predicted)
    found = errors_3d(points, points_of(body, true_estimate(test)))
    found["pose [s.d.]"] = distance_from_prior(predicted)
    found["2D [%]"] = error_2d(points, test.keypoints)
    if real is not None:
        found["2D real [%]"] = error_2d(points_of(body, predict(network, real.images)), real.keypoints)
    return found


@compiled
def _place(body: TrainedBody, estimate: Estimate) -> Points:
    return body(estimate)


@compiled
def _see(network: Network, images: jax.Array) -> Estimate:
    return last_round(network(images))
