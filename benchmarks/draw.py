"""Random people for measuring speed: poses from the shipped prior, detections with noise. Needs only shipped data."""

from __future__ import annotations

import numpy as np

from smplify_jax import get_layout, load_body, load_prior
from smplify_jax.learn.people import Detector, detect

IMAGE_SIZE = (1280, 960)


def draw_keypoints(layout: str, num_people: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw keypoints (N, K, 3) with noise of 2 % of the height, in pictures of `IMAGE_SIZE`, and the focal lengths (N,) [px]."""
    generator = np.random.default_rng(0)
    prior, body = load_prior(), load_body()
    shares = np.asarray(prior.weights, float)
    component = generator.choice(len(shares), num_people, p=shares / shares.sum())
    factor, normal = np.linalg.cholesky(np.asarray(prior.covars, float)), generator.normal(size=(num_people, 69))
    pose = np.asarray(prior.means, float)[component]
    for k in range(len(shares)):  # one matrix per person would be 600 MB for 16,384 people
        pose[component == k] += normal[component == k] @ factor[k].T
    focal_length = generator.uniform(1100, 3200, num_people)
    height_px = generator.uniform(200, 800, num_people)
    half_yaw = generator.uniform(0, np.pi, num_people)
    # exp((pi, 0, 0)) followed by a yaw is a half turn about an axis in the x-z plane.
    orient = np.pi * np.column_stack([np.cos(half_yaw), 0 * half_yaw, np.sin(half_yaw)])
    points = np.asarray(
        body.keypoints(
            betas=generator.normal(size=(num_people, 10)),
            global_orient=orient,
            body_pose=pose,
            transl=np.column_stack([np.zeros((num_people, 2)), 1.7 * focal_length / height_px]),
            layout=layout,
        )
    )
    center = np.array(IMAGE_SIZE) / 2
    pixels = focal_length[:, None, None] * points[..., :2] / points[..., 2:] + center
    return detect(pixels, height_px, get_layout(layout), Detector(), generator), focal_length
