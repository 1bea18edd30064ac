"""Data term: the projected body against the detected keypoints, E_J in Bogo et al. 2016."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import Array

from smplify_jax.body.keypoint_rows import keypoint_rows
from smplify_jax.body.posed_keypoints import KeypointBody, PosedKeypoints
from smplify_jax.camera.observation import Observation
from smplify_jax.camera.pinhole import MIN_DEPTH
from smplify_jax.execution.batch_axis import batch_first
from smplify_jax.terms.term import Linearization


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class DataTerm:
    """E = sum_k (weight_k conf_k)^2 (rho(e_kx) + rho(e_ky)), rho(e) = sigma^2 e^2 / (sigma^2 + e^2) (Geman-McClure).

    Attributes:
        body: the body, cut to the keypoints.
        observation: with fields (K, 2, ...), (K, ...) and so on.
        sigma: the difference at which a keypoint starts to count as an outlier [reference px].
        keypoint_weights: (K, ...) how much this round weights each keypoint; zero leaves it out.
    """

    body: KeypointBody
    observation: Observation
    sigma: Array
    keypoint_weights: Array

    def _in_view(self, posed: PosedKeypoints) -> tuple[Array, Array]:
        """(K, 2, ...) x/z and y/z, and the depth (K, 1, ...) by which they are divided [m]; see `camera.project`."""
        depth = jnp.maximum(posed.keypoints_cam[:, 2:], MIN_DEPTH)
        return posed.keypoints_cam[:, :2] / depth, depth

    def _differences(self, in_view: Array) -> Array:
        """(K, 2, ...) projected minus detected keypoints [reference px]."""
        observation = self.observation
        pixels = observation.camera.focal_length * in_view + observation.camera.camera_center
        return observation.pixel_scale * (pixels - observation.keypoints_px)

    def _factors(self) -> Array:
        return (self.keypoint_weights * self.observation.confidence)[:, None]

    def _residuals(self, e: Array) -> Array:
        return self._factors() * self.sigma * e / jnp.sqrt(self.sigma**2 + e**2)

    def residuals(self, posed: PosedKeypoints) -> Array:
        """(2 K, ...) conf sign(e) sqrt(rho(e)), with sqrt(rho(e)) = sigma |e| / sqrt(sigma^2 + e^2)."""
        residuals = self._residuals(self._differences(self._in_view(posed)[0]))
        return residuals.reshape(-1, *residuals.shape[2:])

    def linearize(self, posed: PosedKeypoints) -> Linearization:
        """By the chain rule: d r / d e = conf (sigma^2 / (sigma^2 + e^2))^(3/2), and e changes along the gradient of the projection."""
        observation = self.observation
        in_view, depth = self._in_view(posed)
        e = self._differences(in_view)
        derivative = self._factors() * (self.sigma**2 / (self.sigma**2 + e**2)) ** 1.5
        per_metre = derivative * observation.pixel_scale * observation.camera.focal_length / depth
        along_z = jnp.where(posed.keypoints_cam[:, 2:] > MIN_DEPTH, -in_view * per_metre, 0.0)
        zero = jnp.zeros_like(along_z[:, 0])
        along_x, along_y = (
            jnp.stack([per_metre[:, 0], zero, along_z[:, 0]], axis=1),
            jnp.stack([zero, per_metre[:, 1], along_z[:, 1]], axis=1),
        )
        rows = keypoint_rows(self.body, posed, jnp.stack([along_x, along_y], axis=1))
        jacobian_t = batch_first(jnp.swapaxes(rows.reshape(-1, *rows.shape[2:]), 0, 1), 2)
        residuals = self._residuals(e)
        residuals = residuals.reshape(-1, *residuals.shape[2:])
        return Linearization(
            energy=jnp.sum(residuals**2, axis=0),
            gradient=jnp.einsum("...pr,...r->...p", jacobian_t, batch_first(residuals, 1)),
            jacobian_t=jacobian_t,
        )
