"""Tapes around cuts of a shaped body: the planes and the edges that they may cut are fixed, and the tape is a function of the betas.

With fixed normals everything is linear in the betas but the cut itself, so a tape needs only the vertices near its plane. Its length is the
perimeter of the cut's convex hull. By Cauchy's formula this is the integral, over all directions in the plane, of how far the cut reaches
in a direction: a maximum over points, which needs no hull and no order of the points, and which JAX can differentiate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from smplify_jax.measurements.rest_mesh import RestMesh, plane_axes

MAX_BETAS_NORM = 8.0
"""Bodies with |betas| up to this are measured; of ten standard normal numbers, one draw in ten billion is beyond it."""

_NUM_DIRECTIONS = 36
"""Directions of Cauchy's formula in half a turn; the others are their opposites. The perimeter errs by 0.03 % at most."""
_ANGLES = np.pi * np.arange(_NUM_DIRECTIONS) / _NUM_DIRECTIONS
_COSINES, _SINES = np.cos(_ANGLES).astype(np.float32), np.sin(_ANGLES).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Plane:
    """Where a tape lies.

    Attributes:
        point: weights (V,) of a point in the plane.
        normal: (3,) unit vector, the same for all shapes.
        is_taken: (V,) the vertices that the tape goes around.
    """

    point: np.ndarray
    normal: np.ndarray
    is_taken: np.ndarray


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Tapes:
    """G tapes, one after the other: N vertices near their planes in all, and E edges between them.

    Attributes:
        places: (N, 3, B + 1) of each vertex its height over its plane and its two coordinates in it [m]: for the mean shape, and their
            change per unit of each beta.
        first, second: (E,) the vertices of each edge.
        starts: of the tapes' edges, G + 1 numbers.
    """

    places: Array | np.ndarray
    first: Array | np.ndarray
    second: Array | np.ndarray
    starts: tuple[int, ...] = field(metadata={"static": True})

    def only(self, rows: Sequence[int]) -> Tapes:
        """Some of the tapes."""
        ends = [np.stack([self.first, self.second])[:, self.starts[row] : self.starts[row + 1]] for row in rows]
        near, edges = np.unique(np.concatenate([np.zeros((2, 0), int), *ends], axis=1), return_inverse=True)
        return _joined([np.asarray(self.places)[near]], [edges.reshape(2, -1)], [end.shape[1] for end in ends])

    def lengths(self, unit_and_betas: Array) -> Array:
        """(G,) [m] for one shape, given as (B + 1,): a one and the betas."""
        # Which edge reaches furthest does not change with a small step: only the chosen cuts need a derivative.
        furthest, is_cut = self._furthest(jax.lax.stop_gradient(unit_and_betas))
        places = jnp.asarray(self.places)
        ends = [places[jnp.asarray(one)[furthest]] @ unit_and_betas for one in (self.first, self.second)]
        right, up = _cuts(*(jnp.moveaxis(end, -1, 0) for end in ends))
        cosines, sines = (np.concatenate([one, -one]) for one in (_COSINES, _SINES))
        reach = right * cosines + up * sines
        return jnp.where(is_cut, 2.0 * np.pi * jnp.mean(reach, axis=-1), jnp.nan)

    def _furthest(self, unit_and_betas: Array) -> tuple[Array, Array]:
        """The edge whose cut is the furthest in each direction (G, directions), and whether the plane cuts the body at all (G,)."""
        places = jnp.moveaxis(jnp.asarray(self.places) @ unit_and_betas, -1, 0)
        low, high = places[:, self.first], places[:, self.second]
        is_cut = (low[0] < 0) != (high[0] < 0)
        right, up = _cuts(low, high)
        # Written out: as a product with a matrix of two rows it would be a call of a library per body.
        along = right[:, None] * _COSINES + up[:, None] * _SINES
        edges, any_cut = [], []
        for start, end in pairwise(self.starts):
            part, is_part = along[start:end], is_cut[start:end]
            any_cut.append(jnp.any(is_part))
            for sign in (1.0, -1.0):
                reach = jnp.where(is_part[:, None], sign * part, -jnp.inf)
                # Two plain reductions: XLA's CPU backend does not vectorise `argmax`, which takes ten times as long.
                is_furthest = reach == jnp.max(reach, axis=0)
                number = np.arange(start, end, dtype=np.int32)[:, None]
                edges.append(jnp.min(jnp.where(is_furthest, number, end - 1), axis=0))
        return jnp.stack(edges).reshape(len(any_cut), -1), jnp.stack(any_cut)


def _cuts(low: Array, high: Array) -> Array:
    """(2, ...) coordinates in the plane of the points where it cuts edges, whose ends are (3, ...): height and coordinates."""
    fall = low[0] - high[0]
    share = low[0] / jnp.where(fall == 0, 1.0, fall)
    return low[1:] + share * (high[1:] - low[1:])


def make_tapes(mesh: RestMesh, planes: Sequence[Plane]) -> Tapes:
    """Tapes around a body, valid for all shapes with |betas| up to `MAX_BETAS_NORM`.

    Raises:
        ValueError: a plane does not cut the mean body.
    """
    places, edges = zip(*(_near(mesh, plane) for plane in planes), strict=True)
    firsts = np.cumsum([0, *(len(near) for near in places)])
    ends = [ends.T + first for ends, first in zip(edges, firsts[:-1], strict=True)]
    return _joined(places, ends, [end.shape[1] for end in ends])


def _joined(places: Sequence[np.ndarray], ends: Sequence[np.ndarray], num_edges: Sequence[int]) -> Tapes:
    first, second = np.concatenate(ends, axis=1).astype(np.int32)
    return Tapes(np.concatenate(places).astype(np.float32), first, second, tuple(np.cumsum([0, *num_edges]).tolist()))


def _near(mesh: RestMesh, plane: Plane) -> tuple[np.ndarray, np.ndarray]:
    """Places (n, 3, B + 1) of the vertices near a plane, and the edges (e, 2) between them that it may cut."""
    if not np.isfinite(mesh.girth(mesh.place(plane.point), plane.normal, plane.is_taken)):
        raise ValueError("a plane does not cut the mean body")
    frame = np.concatenate([plane.normal[None], plane_axes(plane.normal)])
    shapes = np.concatenate([mesh.vertices[..., None], mesh.shapedirs], axis=-1)
    places = np.einsum("ac,vcb->vab", frame, shapes - np.einsum("v,vcb->cb", plane.point, shapes))
    height, reach = places[:, 0, 0], MAX_BETAS_NORM * np.linalg.norm(places[:, 0, 1:], axis=-1)
    edges = mesh.edges[plane.is_taken[mesh.edges].all(axis=1)]
    low = (height - reach)[edges].min(axis=1)
    high = (height + reach)[edges].max(axis=1)
    edges = edges[(low < 0) & (high >= 0)]
    near, ends = np.unique(edges, return_inverse=True)
    return places[near], ends.reshape(-1, 2)
