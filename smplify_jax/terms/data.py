"""Data term: the body's keypoints against what was observed, E_J in Bogo et al. 2016."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import Array

from smplify_jax.body.keypoint_rows import keypoint_rows
from smplify_jax.body.posed_keypoints import KeypointBody, PosedKeypoints
from smplify_jax.camera.observation import Measurement, Observed
from smplify_jax.execution.batch_axis import batch_first
from smplify_jax.terms.term import Linearization


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class DataTerm:
    """E = sum_kd (weight_k conf_kd)^2 rho(e_kd), rho(e) = sigma^2 e^2 / (sigma^2 + e^2) (Geman-McClure), d over the numbers of a keypoint.

    In one picture a keypoint has two numbers, x and y; in several it has two in each; a point in space has three.

    Attributes:
        body: the body, cut to the keypoints.
        observation: of any kind, with the batch axis last.
        sigma: the difference at which a keypoint starts to count as an outlier [reference px].
        keypoint_weights: (K, ...) how much this round weights each keypoint; zero leaves it out.
    """

    body: KeypointBody
    observation: Observed
    sigma: Array
    keypoint_weights: Array

    def _factors(self, measured: Measurement) -> Array:
        """(K, D, ...), or (K, 1, ...) where all numbers of a keypoint share a confidence."""
        return self.keypoint_weights[:, None] * measured.confidence

    def _residuals(self, measured: Measurement) -> Array:
        """(K D, ...) of what was measured."""
        e = measured.differences
        residuals = self._factors(measured) * self.sigma * e / jnp.sqrt(self.sigma**2 + e**2)
        return residuals.reshape(-1, *residuals.shape[2:])

    def residuals(self, posed: PosedKeypoints) -> Array:
        """(K D, ...) conf sign(e) sqrt(rho(e)), with sqrt(rho(e)) = sigma |e| / sqrt(sigma^2 + e^2)."""
        return self._residuals(self.observation.measure(posed.keypoints_cam))

    def energy_at(self, points: Array) -> Array:
        """The energy (...) as a function of the body's keypoints (K, 3, ...) [m]."""
        return jnp.sum(self._residuals(self.observation.measure(points)) ** 2, axis=0)

    def linearize(self, posed: PosedKeypoints) -> Linearization:
        """By the chain rule: d r / d e = conf (sigma^2 / (sigma^2 + e^2))^(3/2), and e changes along `Measurement.directions`."""
        measured = self.observation.measure(posed.keypoints_cam)
        derivative = self._factors(measured) * (self.sigma**2 / (self.sigma**2 + measured.differences**2)) ** 1.5
        rows = keypoint_rows(self.body, posed, derivative[:, :, None] * measured.directions)
        jacobian_t = batch_first(jnp.swapaxes(rows.reshape(-1, *rows.shape[2:]), 0, 1), 2)
        residuals = self._residuals(measured)
        return Linearization(
            energy=jnp.sum(residuals**2, axis=0),
            gradient=jnp.einsum("...pr,...r->...p", jacobian_t, batch_first(residuals, 1)),
            jacobian_t=jacobian_t,
        )
