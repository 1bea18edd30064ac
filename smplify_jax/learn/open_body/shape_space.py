"""Principal components of the population's shapes in the T-pose.

Betas are in standard deviations: over the population, each has approximately the distribution N(0, 1).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class ShapeSpace:
    """A linear shape space of the left half.

    Attributes:
        mean: (N, 3) [m].
        directions: (N, 3, B) displacement of one standard deviation [m].
        vertex_weights: (N,) share of each vertex in the area of both sides; sums to one.
        explained: (B,) share of the population's variance that each direction explains.
    """

    mean: np.ndarray
    directions: np.ndarray
    vertex_weights: np.ndarray
    explained: np.ndarray

    def project(self, shapes: np.ndarray, num_betas: int) -> np.ndarray:
        """Coefficients (S, num_betas) nearest to the shapes (S, N, 3), by area-weighted least squares."""
        scaled = self.directions[..., :num_betas] * self.vertex_weights[:, None, None]
        gram = np.einsum("ncb,ncd->bd", scaled, self.directions[..., :num_betas])
        return np.linalg.solve(gram, np.einsum("ncb,snc->bs", scaled, shapes - self.mean)).T

    def shapes(self, betas: np.ndarray) -> np.ndarray:
        """Shapes (S, N, 3) of coefficients (S, b)."""
        return self.mean + np.einsum("sb,ncb->snc", betas, self.directions[..., : betas.shape[1]])


def vertex_areas(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Share (N,) of each vertex of the half, including its mirror image, in the body's area."""
    corners = vertices[triangles]
    area = 0.5 * np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=-1)
    weights = np.zeros(len(vertices))
    np.add.at(weights, triangles, area[:, None] / 3.0)
    return weights / weights.sum()


def learn_shape_space(shapes: np.ndarray, triangles: np.ndarray, num_betas: int) -> ShapeSpace:
    """Principal components of (S, N, 3) shapes, each vertex weighted by its area."""
    mean = shapes.mean(axis=0)
    weights = vertex_areas(mean, triangles)
    scaled = ((shapes - mean) * np.sqrt(weights)[:, None]).reshape(len(shapes), -1)
    # The Gram matrix of the samples is smaller than the covariance of the vertices.
    values, vectors = np.linalg.eigh(scaled @ scaled.T)
    order = np.argsort(-values)[:num_betas]
    directions = (vectors[:, order].T @ (shapes - mean).reshape(len(shapes), -1)) / np.sqrt(len(shapes))
    directions = directions.reshape(num_betas, -1, 3)
    # A component's sign is arbitrary; choose the one that makes the body larger.
    growth = np.einsum("bnc,nc,n->b", directions, _normals(mean, triangles), weights)
    directions *= np.where(growth < 0, -1.0, 1.0)[:, None, None]
    return ShapeSpace(mean, np.moveaxis(directions, 0, -1), weights, values[order] / values.clip(0).sum())


def _normals(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    corners = vertices[triangles]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    total = np.zeros_like(vertices)
    np.add.at(total, triangles, normal[:, None])
    return total / np.linalg.norm(total, axis=1, keepdims=True)
