"""Data term: the projected body against the detected keypoints, E_J in Bogo et al. 2016."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import Array

from smplify_jax.body.kinematics import matmul3
from smplify_jax.camera import project, project_jacobian
from smplify_jax.observation import Observation
from smplify_jax.terms.term import PosedKeypoints


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class DataTerm:
    """E = sum_k (weight_k conf_k)^2 (rho(e_kx) + rho(e_ky)), rho(e) = sigma^2 e^2 / (sigma^2 + e^2) (Geman-McClure).

    Attributes:
        observation: of one person.
        sigma: the difference at which a keypoint starts to count as an outlier [reference px].
        keypoint_weights: (K,) which keypoints this round looks at, and how much.
    """

    observation: Observation
    sigma: Array
    keypoint_weights: Array

    def _differences(self, posed: PosedKeypoints) -> Array:
        """(K, 2) [reference px]."""
        seen = self.observation
        return seen.pixel_scale * (project(posed.keypoints_cam, seen.camera) - seen.keypoints_px)

    def _factors(self) -> Array:
        return (self.keypoint_weights * self.observation.confidence)[:, None]

    def residuals(self, posed: PosedKeypoints) -> Array:
        """(2 K,) conf sign(e) sqrt(rho(e)), with sqrt(rho(e)) = sigma |e| / sqrt(sigma^2 + e^2)."""
        e = self._differences(posed)
        return (self._factors() * self.sigma * e / jnp.sqrt(self.sigma**2 + e**2)).ravel()

    def normal_equations(self, posed: PosedKeypoints) -> tuple[Array, Array]:
        """By the chain rule: d r / d e = conf (sigma^2 / (sigma^2 + e^2))^(3/2)."""
        seen = self.observation
        e = self._differences(posed)
        slope = self._factors() * (self.sigma**2 / (self.sigma**2 + e**2)) ** 1.5
        by_point = (slope * seen.pixel_scale)[:, :, None] * project_jacobian(posed.keypoints_cam, seen.camera)
        jacobian = matmul3(by_point, posed.jacobian).reshape(-1, posed.jacobian.shape[-1])
        return jacobian.T @ self.residuals(posed), jacobian.T @ jacobian
