"""Synthetic tracks for tests: two people of `draw_people` and the way from the one's pose to the other's, walked by one body."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from people import IMAGE_SIZE, draw_people
from scipy.spatial.transform import Rotation, Slerp

from smplify_jax.body.load import load_body


@dataclass(frozen=True)
class Track:
    """Keypoints (T, K, 3) [px], joints (T, 24, 3) [m] and parameters of one person, times (T,) [s] and a focal length [px]."""

    keypoints: np.ndarray
    joints: np.ndarray
    parameters: dict
    times: np.ndarray
    focal_length: float

    def as_seen(self) -> dict:
        """Arguments of `fit_sequence`."""
        return {
            "keypoints": self.keypoints,
            "layout": "coco17",
            "times": self.times,
            "camera": self.focal_length,
            "image_size": IMAGE_SIZE,
        }


def draw_track(num_frames: int, seed: int = 0, fps: float = 30.0, noise: float = 0.0) -> Track:
    """A person who changes pose and place smoothly; `noise` is a fraction of their height."""
    people, body = draw_people(2, "coco17", seed=seed), load_body()
    times = np.arange(num_frames) / fps
    share = 0.5 - 0.5 * np.cos(np.pi * np.linspace(0.0, 1.0, num_frames))

    def turned(name: str) -> np.ndarray:
        ends = people.parameters[name].reshape(2, -1, 3)
        joints = [
            Slerp([0, 1], Rotation.from_rotvec(ends[:, joint]))(share).as_rotvec() for joint in range(ends.shape[1])
        ]
        return np.stack(joints, axis=1).reshape(num_frames, -1)

    first = {name: block[:1] for name, block in people.parameters.items()}
    parameters = {
        "betas": np.repeat(first["betas"], num_frames, axis=0),
        "global_orient": turned("global_orient"),
        "body_pose": turned("body_pose"),
        "transl": first["transl"] + share[:, None] * [0.4, 0.0, 0.5],
    }
    parameters = {name: block.astype(np.float32) for name, block in parameters.items()}
    focal_length = float(people.focal_length[0])
    points = np.asarray(body.keypoints(**parameters, layout="coco17"))
    pixels = focal_length * points[..., :2] / points[..., 2:] + np.array(IMAGE_SIZE) / 2
    pixels = pixels + noise * people.height_px[0] * np.random.default_rng(seed).normal(size=pixels.shape)
    keypoints = np.concatenate([pixels, np.ones((*pixels.shape[:2], 1))], axis=-1).astype(np.float32)
    return Track(keypoints, np.asarray(body.joints(**parameters)), parameters, times, focal_length)
