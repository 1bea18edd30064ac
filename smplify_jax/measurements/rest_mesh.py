"""The mean body at rest as landmarks are sought on it: cuts by planes, tapes around them, points carried by vertices."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.spatial import ConvexHull

from smplify_jax.body.skinned_mesh import SkinnedMesh

_ARM = ("shoulder", "elbow", "wrist", "hand", "thumb", "index", "middle", "ring", "pinky")
"""Parts of the names of the joints that move an arm; the collar moves the trunk."""

UP = np.array([0.0, 1.0, 0.0])


@dataclass(frozen=True, eq=False)
class RestMesh:
    """The mean body at rest. A point that it carries is given by its weights (V,) over the vertices: it is then known on every shape.

    Attributes:
        vertices: (V, 3) of the mean shape [m]; y up, z to the front, x to the body's left.
        shapedirs: (V, 3, B) [m].
        faces: (F, 3).
        regressor: (J, V).
        joint_names: J of them.
        is_arm: (V,) whether a joint of an arm moves the vertex most.
    """

    vertices: np.ndarray
    shapedirs: np.ndarray
    faces: np.ndarray
    regressor: np.ndarray
    joint_names: tuple[str, ...]
    is_arm: np.ndarray

    @classmethod
    def of(cls, body: SkinnedMesh, num_betas: int) -> RestMesh:
        """The mean body, with the first `num_betas` of its shape directions."""
        owner = np.asarray(body.lbs_weights).argmax(axis=1)
        is_arm = np.array([any(part in name for part in _ARM) for name in body.joint_names])
        return cls(
            np.asarray(body.v_template, np.float64),
            np.asarray(body.shapedirs, np.float64)[..., :num_betas],
            np.asarray(body.faces),
            np.asarray(body.J_regressor, np.float64),
            body.joint_names,
            is_arm[owner],
        )

    @cached_property
    def edges(self) -> np.ndarray:
        """(E, 2) every edge once."""
        pairs = np.concatenate([self.faces[:, [0, 1]], self.faces[:, [1, 2]], self.faces[:, [2, 0]]])
        return np.unique(np.sort(pairs, axis=1), axis=0)

    def joint(self, name: str) -> np.ndarray:
        """Weights (V,) of a joint."""
        return self.regressor[self.joint_names.index(name)]

    def place(self, weights: np.ndarray) -> np.ndarray:
        """(..., 3) where carried points (..., V) are on the mean body [m]."""
        return weights @ self.vertices

    def cut(self, point: np.ndarray, normal: np.ndarray, is_taken: np.ndarray) -> CutEdges:
        """Where a plane cuts the edges among the vertices that are taken (V,)."""
        edges = self.edges[is_taken[self.edges].all(axis=1)]
        height = (self.vertices - point) @ normal
        first, second = edges[(height[edges[:, 0]] < 0) != (height[edges[:, 1]] < 0)].T
        share = height[first] / (height[first] - height[second])
        places = self.vertices[first] + share[:, None] * (self.vertices[second] - self.vertices[first])
        return CutEdges(len(self.vertices), first, second, share, places)

    def girth(self, point: np.ndarray, normal: np.ndarray, is_taken: np.ndarray) -> float:
        """Length [m] of a tape around a cut, the perimeter of its convex hull; NaN if the plane cuts fewer than three edges."""
        places = self.cut(point, normal, is_taken).places
        return ConvexHull(places @ plane_axes(normal).T).area if len(places) > 2 else np.nan


@dataclass(frozen=True, eq=False)
class CutEdges:
    """The n edges that a plane cuts, and where.

    Attributes:
        num_vertices: V of the mesh.
        first, second: (n,) their vertices.
        share: (n,) of the way from the first to the second.
        places: (n, 3) of the cuts [m].
    """

    num_vertices: int
    first: np.ndarray
    second: np.ndarray
    share: np.ndarray
    places: np.ndarray

    def carried(self, index: int) -> np.ndarray:
        """Weights (V,) of one of the points, which then stays at its place along its edge on every shape."""
        weights = np.zeros(self.num_vertices)
        weights[self.first[index]], weights[self.second[index]] = 1.0 - self.share[index], self.share[index]
        return weights


def plane_axes(normal: np.ndarray) -> np.ndarray:
    """(2, 3) orthonormal vectors that span the plane with this unit normal."""
    aside = np.eye(3)[np.argmin(np.abs(normal))]
    first = np.cross(normal, aside)
    first /= np.linalg.norm(first)
    return np.stack([first, np.cross(normal, first)])
