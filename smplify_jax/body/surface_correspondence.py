"""Points anywhere on a body's surface, and which points of something else they correspond to: vertices of another mesh, or markers.

As keypoints are: each is a weighted sum of vertices, so that a fit can compare it with a point in space.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import ArrayLike

from smplify_jax.body.model import BodyModel
from smplify_jax.body.regressors import with_points
from smplify_jax.errors import InputError
from smplify_jax.execution.host_arrays import host_array
from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES
from smplify_jax.keypoints.layouts import Layout

MAX_POINTS = 512
"""For one fit. Its time and memory grow with the square: a point's pose-dependent displacement is that of its own vertices."""

_MAX_SUM_ERROR = 0.02
_PREFIX = "surface_"


@dataclass(frozen=True, eq=False)  # compared by identity, so that what is made of it can be cached
class SurfacePoints:
    """K points on the mesh of a body, in the place of a layout: `fit_points(vertices, layout=surface_points)`.

    Attributes:
        vertices: (K, N) vertices of the body's mesh.
        weights: (K, N) of each; a row sums to one.
        source: (K,) which of the points that are given to a fit each is, such as the number of a vertex of another mesh.
        std: (K,) how far the given point may be from the body's, however exactly it was measured [m], such as 0.03 on fingers that may be
            bent: the body's are stretched.
        name: for messages and results.
    """

    vertices: np.ndarray
    weights: np.ndarray
    source: np.ndarray
    std: np.ndarray
    name: str = "surface points"

    def __len__(self) -> int:
        """Number of points, K."""
        return len(self.vertices)

    @classmethod
    def of(
        cls,
        vertices: ArrayLike,
        weights: ArrayLike | None = None,
        *,
        source: ArrayLike | None = None,
        std: ArrayLike | None = None,
        name: str = "surface points",
    ) -> SurfacePoints:
        """Check what is given.

        Args:
            vertices: (K,) a vertex for each point, or (K, N).
            weights: (K, N), such as barycentric coordinates; needed if there are several vertices.
            source: by default 0, 1, ..., K - 1.
            std: by default 0; one number for all, or (K,) [m].
            name: for messages and results.
        Raises:
            InputError: the shapes do not fit each other, or the numbers are no vertices, weights or deviations.
        """
        places = _whole(vertices, f"{name}: the vertices")
        places = places[:, None] if places.ndim == 1 else places
        if places.ndim != 2 or not places.size or places.min() < 0:
            raise InputError(
                f"{name}: the vertices have shape {places.shape}; expected (K,) or (K, N) of numbers from 0 on"
            )
        shares = np.ones(places.shape) if weights is None else host_array(weights, f"{name}: the weights")
        if shares.shape != places.shape or (weights is None and places.shape[1] > 1):
            raise InputError(
                f"{name}: the weights have shape {shares.shape}, and the vertices {places.shape}; expected a weight for each"
            )
        shares = shares.astype(np.float64)
        if not np.isfinite(shares).all() or not (np.abs(shares.sum(axis=1) - 1) <= _MAX_SUM_ERROR).all():
            raise InputError(f"{name}: the weights of each point must sum to one; these are other numbers")
        origin = np.arange(len(places)) if source is None else _whole(source, f"{name}: the source")
        if origin.shape != (len(places),) or origin.min() < 0:
            raise InputError(
                f"{name}: the source has shape {origin.shape}; expected ({len(places)},) numbers from 0 on"
            )
        deviation = host_array(0.0 if std is None else std, f"{name}: std").astype(np.float64)
        if deviation.shape not in ((), (len(places),)) or not (np.isfinite(deviation) & (deviation >= 0)).all():
            raise InputError(
                f"{name}: std must be metres, at least 0: one number, or one for each of {len(places)} points"
            )
        return cls(places, shares, origin, np.broadcast_to(deviation, len(places)).copy(), name)

    @cached_property
    def layout(self) -> Layout:
        """The points as a layout of a body that has them."""
        return _layout(self.name, len(self), ())

    @cached_property
    def layout_with_joints(self) -> Layout:
        """The points, followed by SMPL's joints, of which the proposal network knows something."""
        return _layout(self.name, len(self), SMPL_JOINT_NAMES)

    def on(self, body: BodyModel) -> BodyModel:
        """The body with these points.

        Raises:
            InputError: its mesh has fewer vertices.
        """
        return _with_surface_points(body, self)

    def taken_from(self, points: np.ndarray) -> np.ndarray:
        """(..., K, D) of the given points (..., M, D).

        Raises:
            InputError: there are fewer than the correspondence names.
        """
        if points.shape[-2] <= self.source.max():
            raise InputError(
                f"{self.name}: the correspondence names point {self.source.max()}, and {points.shape[-2]} points are given: give all "
                "points of the mesh that it was made for, in its order"
            )
        return points[..., self.source, :]

    def spread(self, count: int, body: BodyModel) -> SurfacePoints:
        """`count` of the points, spread evenly over a body, or all of them if there are no more.

        Args:
            count: how many to keep.
            body: whose rest pose says how far points are from each other.
        Raises:
            InputError: `count` is less than 1, or the body's mesh has fewer vertices.
        """
        if count < 1:
            raise InputError(f"count is {count}: keep at least one point")
        self.check(body)
        places = np.einsum("kn,knc->kc", self.weights, np.asarray(body.v_template, np.float64)[self.vertices])
        kept = _farthest(places, min(count, len(self)))
        fields = {name: getattr(self, name)[kept] for name in ("vertices", "weights", "source", "std")}
        return replace(self, **fields)

    def check(self, body: BodyModel) -> None:
        """Raise InputError if the mesh of a body has fewer vertices than are named."""
        num_vertices = len(body.v_template)
        if self.vertices.max() >= num_vertices:
            raise InputError(
                f"{self.name}: the correspondence names vertex {self.vertices.max()}, and the mesh of {body.name!r} has {num_vertices}: "
                "use the body that it was made for"
            )


@lru_cache(maxsize=8)  # so that a body with the points is cut only once
def _with_surface_points(body: BodyModel, points: SurfacePoints) -> BodyModel:
    points.check(body)
    pairs = zip(points.vertices, points.weights.astype(np.float32), strict=True)
    return with_points(body, {f"{_PREFIX}{k}": pair for k, pair in enumerate(pairs)})


def _layout(name: str, count: int, joints: tuple[str, ...]) -> Layout:
    names = (*(f"{_PREFIX}{k}" for k in range(count)), *joints)
    return Layout(name, names, tuple((one,) for one in names))


def _whole(values: ArrayLike, what: str) -> np.ndarray:
    """The values as int64.

    Raises:
        InputError: they are no whole numbers.
    """
    array = host_array(values, what)
    whole = array.astype(np.int64) if array.dtype.kind in "iuf" and np.isfinite(array).all() else None
    if whole is None or (whole != array).any():
        raise InputError(f"{what} are no whole numbers")
    return whole


def _farthest(places: np.ndarray, count: int) -> np.ndarray:
    """(count,) sorted rows of places (K, 3): each is the farthest from those before it, the first the farthest from the middle."""
    chosen = [int(np.argmax(np.linalg.norm(places - places.mean(axis=0), axis=1)))]
    nearest = np.full(len(places), np.inf)
    while len(chosen) < count:
        nearest = np.minimum(nearest, np.linalg.norm(places - places[chosen[-1]], axis=1))
        nearest[chosen[-1]] = -1.0
        chosen.append(int(np.argmax(nearest)))
    return np.sort(np.array(chosen))
