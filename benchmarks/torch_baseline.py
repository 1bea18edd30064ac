"""Baseline in torch: SPIN's published recipe with the full mesh (`LeanSmpl`). Needs torch.

Adam with learning rate 0.01: 100 steps of orientation and translation on hips and shoulders, then 100 of orientation, pose and shape on
the keypoints, all people of a batch at once; a person fills 1 / 1.2 of a crop of 224 px. The recipe starts from a network's body. Here
it starts from the mean pose, upright and facing the camera, which costs nothing and does not change the time of 200 steps.
Source: Kolotouros et al., Learning to reconstruct 3D human pose and shape via model-fitting in the loop, ICCV 2019, and its published
weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from benchmarks.draw import IMAGE_SIZE
from benchmarks.lean_smpl import LeanSmpl
from smplify_jax import BodyModel, Layout, get_layout, load_body, load_prior
from smplify_jax.body.points import PointTable
from smplify_jax.fitting.profiles import SPIN_HEIGHT_PX
from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES
from smplify_jax.keypoints.subsets import subset_weights

NUM_STEPS, LEARNING_RATE = 100, 0.01
SIGMA, POSE_PRIOR, BEND, SHAPE, DEPTH = 100.0, 4.78, 15.2, 5.0, 100.0
_BENDS = (("left_elbow", 1, 1.0), ("right_elbow", 1, -1.0), ("left_knee", 0, -1.0), ("right_knee", 0, -1.0))
_PERSON_HEIGHT = 1.7  # [m] for the depth at the start

Forward = Callable[..., tuple[torch.Tensor, torch.Tensor]]
"""Function from `betas`, `global_orient`, `body_pose` and `transl` to vertices (N, V, 3) and joints (N, J, 3)."""


class SpinRecipe:
    """The recipe for one layout, on the open body.

    Args:
        layout: of the keypoints.
        forward: of a body of 10 betas; `LeanSmpl` of the open body by default.
    """

    def __init__(self, layout: str, forward: Forward | None = None) -> None:
        body, self._layout = load_body(num_betas=10), get_layout(layout)
        self._forward = LeanSmpl(body) if forward is None else forward
        self._points = _Points(body, self._layout)
        self._prior = _Prior()

    def fit(self, keypoints: np.ndarray, focal_length: np.ndarray, num_steps: int = NUM_STEPS) -> dict[str, Any]:
        """Fit people to keypoints (N, K, 3) seen by cameras of focal length (N,) [px].

        Returns:
            The parameters as tensors, and the keypoints (N, K, 2) [px] as `keypoints_px`.
        """
        observed = _Observations(keypoints, focal_length)
        at = _start(observed, self._prior.mean_pose)
        torso = torch.tensor(subset_weights(self._layout, "torso")) * (observed.confidence > 0)
        start_depth = at["transl"][:, 2].detach().clone()

        def camera_loss() -> torch.Tensor:
            differences = observed.differences(self._project(at, observed))
            by_depth = (DEPTH * (at["transl"][:, 2] - start_depth)) ** 2
            return (torso[..., None] * differences**2).sum() + by_depth.sum()

        trust = torch.tensor(subset_weights(self._layout, "no hips, no neck")) * observed.confidence

        def body_loss() -> torch.Tensor:
            squares = observed.differences(self._project(at, observed)) ** 2
            data = trust[..., None] ** 2 * SIGMA**2 * squares / (SIGMA**2 + squares)
            return data.sum() + (self._prior(at["body_pose"]) + SHAPE**2 * (at["betas"] ** 2).sum(1)).sum()

        _minimize(camera_loss, [at["global_orient"], at["transl"]], num_steps)
        _minimize(body_loss, [at["global_orient"], at["body_pose"], at["betas"]], num_steps)
        with torch.no_grad():
            return {**at, "keypoints_px": self._project(at, observed)}

    def _project(self, at: dict[str, torch.Tensor], observed: _Observations) -> torch.Tensor:
        """Projected keypoints (N, K, 2) [px]."""
        return observed.project(self._points(*self._forward(**at)))


@contextmanager
def with_threads(num_threads: int) -> Iterator[None]:
    """Let torch use this number of threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(num_threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _minimize(loss: Any, free: list[torch.Tensor], num_steps: int) -> None:
    """Adam on the sum of all people's losses: it scales every parameter separately, so people do not affect each other."""
    for tensor in free:
        tensor.requires_grad_(True)
    optimizer = torch.optim.Adam(free, lr=LEARNING_RATE, betas=(0.9, 0.999), fused=True)
    for _ in range(num_steps):
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()
    for tensor in free:
        tensor.requires_grad_(False)


class _Observations:
    """Keypoints and cameras as tensors, and the scale from pixels of the picture to pixels of the crop."""

    def __init__(self, keypoints: np.ndarray, focal_length: np.ndarray) -> None:
        points = torch.tensor(np.asarray(keypoints, np.float32))
        self.points, self.confidence = points[..., :2], points[..., 2]
        is_seen = (self.confidence > 0)[..., None]
        low = torch.where(is_seen, self.points, torch.inf).amin(1)
        high = torch.where(is_seen, self.points, -torch.inf).amax(1)
        self.middle, self.height = (low + high) / 2, (high - low).amax(1)
        self.focal_length = torch.tensor(np.asarray(focal_length, np.float32))
        self.center = torch.tensor(IMAGE_SIZE, dtype=torch.float32) / 2

    def project(self, points_cam: torch.Tensor) -> torch.Tensor:
        return self.focal_length[:, None, None] * points_cam[..., :2] / points_cam[..., 2:] + self.center

    def differences(self, points: torch.Tensor) -> torch.Tensor:
        """Differences (N, K, 2) from the keypoints [px of the crop]."""
        return (SPIN_HEIGHT_PX / self.height)[:, None, None] * (points - self.points)


def _start(observed: _Observations, mean_pose: torch.Tensor) -> dict[str, torch.Tensor]:
    num_people = len(observed.points)
    depth = _PERSON_HEIGHT * observed.focal_length / observed.height
    beside = (observed.middle - observed.center) * (depth / observed.focal_length)[:, None]
    return {
        "betas": torch.zeros(num_people, 10),
        "global_orient": torch.tensor([[torch.pi, 0.0, 0.0]]).repeat(num_people, 1),
        "body_pose": mean_pose.repeat(num_people, 1),
        "transl": torch.cat([beside, depth[:, None]], dim=1),
    }


class _Points:
    """The layout's keypoints (N, K, 3) from vertices and joints."""

    def __init__(self, body: BodyModel, layout: Layout) -> None:
        table = PointTable.of_layout(body, layout)
        self._vertices = torch.tensor(table.vertices)
        self._of_joints = torch.tensor(table.weights_of_joints.astype(np.float32))
        # The open body defines hips as points of its surface, so no keypoint is anchored to a joint.
        self._of_vertices = torch.tensor(table.weights_of_vertices.astype(np.float32))

    def __call__(self, vertices: torch.Tensor, joints: torch.Tensor) -> torch.Tensor:
        return self._of_joints @ joints[:, : len(SMPL_JOINT_NAMES)] + self._of_vertices @ vertices[:, self._vertices]


class _Prior:
    """Energies (N,) of poses: the mixture's nearest component, and bending in the wrong direction."""

    def __init__(self) -> None:
        prior = load_prior()
        self.mean_pose = torch.tensor(np.asarray(prior.mean_pose, np.float32))
        self._means = torch.tensor(np.asarray(prior.means))
        self._cholesky = torch.tensor(np.asarray(prior.precision_cholesky))
        self._neg_log_weights = torch.tensor(np.asarray(prior.neg_log_weights))
        self._columns = [3 * (SMPL_JOINT_NAMES.index(joint) - 1) + axis for joint, axis, _ in _BENDS]
        self._signs = torch.tensor([sign for _, _, sign in _BENDS])

    def __call__(self, body_pose: torch.Tensor) -> torch.Tensor:
        whitened = torch.einsum("nki,kij->nkj", body_pose[:, None] - self._means, self._cholesky)
        energies = 0.5 * (whitened**2).sum(2) + self._neg_log_weights
        bends = torch.exp(self._signs * body_pose[:, self._columns])
        return POSE_PRIOR**2 * energies.amin(1) + BEND**2 * (bends**2).sum(1)
