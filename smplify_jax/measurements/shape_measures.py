"""All measurements of a body as functions of its betas: compiled, batched and differentiable."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import ArrayLike
from scipy.spatial import QhullError

from smplify_jax.body.skinned_mesh import SkinnedMesh
from smplify_jax.errors import InputError
from smplify_jax.execution.precision import exact_products
from smplify_jax.measurements.definitions import BODY_DENSITY, NAMES, definitions_of
from smplify_jax.measurements.landmarks import Landmarks, find_landmarks
from smplify_jax.measurements.paths import measured_paths
from smplify_jax.measurements.rest_mesh import UP, RestMesh
from smplify_jax.measurements.tapes import MAX_BETAS_NORM, Plane, Tapes, make_tapes

_HEIGHTS = ("stature", "inside leg height")
_SIZES = ("volume", "mass", "body mass index")
_AT_A_TIME = 8


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class ShapeMeasures:
    """What the measurements of a body depend on.

    Arrays end with B + 1 numbers: of the mean shape, and their change per unit of each beta.

    Attributes:
        tapes: of the girths.
        tops: (H, T, B + 1) heights of the candidates for the upper end of each height [m].
        floor: (F, B + 1) heights of the candidates for the lowest point [m].
        paths: (L, K, 3, B + 1) the points of each length [m]; a path of fewer points repeats its last.
        belly: (B + 1,) how far the belly is before the chest [m].
        volume: (B + 1, B + 1, B + 1) the volume [m3] as a cubic form: exact, because vertices are linear in the betas.
        names: of the measurements.
        girths, lengths: names of the rows of `tapes` and `paths`.
    """

    tapes: Tapes
    tops: Array | np.ndarray
    floor: Array | np.ndarray
    paths: Array | np.ndarray
    belly: Array | np.ndarray
    volume: Array | np.ndarray
    names: tuple[str, ...] = field(metadata={"static": True})
    girths: tuple[str, ...] = field(metadata={"static": True})
    lengths: tuple[str, ...] = field(metadata={"static": True})

    @property
    def num_betas(self) -> int:
        """Number of betas that they depend on."""
        return self.volume.shape[-1] - 1

    def only(self, names: Sequence[str]) -> ShapeMeasures:
        """The measurements with these names, in this order; nothing else is computed.

        Raises:
            InputError: there is no such measurement.
        """
        names = tuple(one.name for one in definitions_of(names))
        girths = tuple(name for name in self.girths if name in names)
        lengths = tuple(name for name in self.lengths if name in names)
        return replace(
            self,
            names=names,
            girths=girths,
            lengths=lengths,
            tapes=self.tapes.only([self.girths.index(name) for name in girths]),
            paths=self.paths[np.array([self.lengths.index(name) for name in lengths], int)],
        )

    def measure(self, betas: Array) -> Array:
        """(M,) the measurements of one shape (B,), in the order of `names`; JAX can batch and differentiate it."""
        shape = jnp.concatenate([jnp.ones_like(betas[:1]), betas])
        values = dict(zip(self.girths, self.tapes.lengths(shape) if self.girths else (), strict=True))
        if self.lengths:
            steps = jnp.diff(jnp.asarray(self.paths) @ shape, axis=1)
            squares = jnp.sum(steps**2, axis=-1)
            # The square root has no derivative at zero, which the repeated last points have as their distance.
            distances = jnp.where(squares == 0, 0.0, jnp.sqrt(jnp.where(squares == 0, 1.0, squares)))
            values |= dict(zip(self.lengths, jnp.sum(distances, axis=1), strict=True))
        heights = jnp.max(jnp.asarray(self.tops) @ shape, axis=1) - jnp.min(jnp.asarray(self.floor) @ shape)
        values |= dict(zip(_HEIGHTS, heights, strict=True))
        volume = shape @ (shape @ (jnp.asarray(self.volume) @ shape))
        mass = BODY_DENSITY * volume
        values |= dict(zip(_SIZES, (volume, mass, mass / values["stature"] ** 2), strict=True))
        values["belly depth"] = jnp.asarray(self.belly) @ shape
        return jnp.stack([values[name] for name in self.names])


def shape_measures(body: SkinnedMesh, num_betas: int | None = None) -> ShapeMeasures:
    """What the measurements of a body depend on. The latest bodies are kept.

    Args:
        body: of the SMPL family, at rest in a T-pose.
        num_betas: of the shapes to measure; all of the body's by default.
    Raises:
        InputError: the mesh is not that of a whole body, or it has fewer betas.
    """
    num_betas = body.num_betas if num_betas is None else num_betas
    if num_betas > body.num_betas:
        raise InputError(
            f"The body {body.name!r} has {body.num_betas} betas and {num_betas} were given: give at most that many."
        )
    return _kept(body, num_betas)


@lru_cache(maxsize=8)
def _kept(body: SkinnedMesh, num_betas: int) -> ShapeMeasures:
    try:
        return _of_mesh(RestMesh.of(body, num_betas))
    except (ValueError, IndexError, QhullError) as error:
        raise InputError(
            f"The mesh of the body {body.name!r} cannot be measured, it is no person in a T-pose: give a body of the SMPL family."
        ) from error


def _of_mesh(mesh: RestMesh) -> ShapeMeasures:
    marks = find_landmarks(mesh)
    planes = planes_of(mesh, marks)
    shapes = np.concatenate([mesh.vertices[..., None], mesh.shapedirs], axis=-1)
    heights = shapes[:, 1]
    tops = [_candidates(heights, 1.0), (marks.crotch @ heights)[None]]
    paths = measured_paths(mesh, marks)
    belly = (marks.belly - marks.under_bust) @ shapes[:, 2]
    return ShapeMeasures(
        make_tapes(mesh, list(planes.values())),
        _padded(tops),
        _candidates(heights, -1.0).astype(np.float32),
        _padded([np.einsum("kv,vcb->kcb", path, shapes) for path in paths.values()]),
        belly.astype(np.float32),
        _volume_form(shapes, mesh.faces).astype(np.float32),
        names=NAMES,
        girths=tuple(planes),
        lengths=tuple(paths),
    )


def planes_of(mesh: RestMesh, marks: Landmarks) -> dict[str, Plane]:
    """Where the tape of each girth lies."""
    trunk, arm = ~mesh.is_arm, mesh.is_arm & (mesh.vertices[:, 0] < 0)
    leg = trunk & (mesh.vertices[:, 0] <= 1e-6)

    def axis(start: str, end: str) -> np.ndarray:
        along = mesh.place(mesh.joint(end) - mesh.joint(start))
        return along / np.linalg.norm(along)

    return {
        "neck girth": Plane(marks.neck_level, axis("neck", "head"), trunk),
        "bust girth": Plane(marks.bust_level, UP, trunk),
        "under bust girth": Plane(marks.under_bust, UP, trunk),
        "waist girth": Plane(marks.waist_level, UP, trunk),
        "abdominal girth": Plane(marks.belly, UP, trunk),
        "top hip girth": Plane(0.5 * (marks.waist_level + marks.hip_level), UP, trunk),
        "hip girth": Plane(marks.hip_level, UP, trunk),
        "upper-arm girth": Plane(marks.upper_arm_level, axis("right_shoulder", "right_elbow"), arm),
        "wrist girth": Plane(mesh.joint("right_wrist"), axis("right_elbow", "right_wrist"), arm),
        "thigh girth": Plane(marks.thigh_level, UP, leg),
        "mid-thigh girth": Plane(marks.mid_thigh_level, UP, leg),
        "knee girth": Plane(marks.knee_level, UP, leg),
        "calf girth": Plane(marks.calf_level, UP, leg),
        "ankle girth": Plane(marks.ankle_level, UP, leg),
    }


def _candidates(heights: np.ndarray, sign: float) -> np.ndarray:
    """(n, B + 1) of the vertices that can be the highest (+1) or lowest (-1) of any shape with |betas| up to `MAX_BETAS_NORM`."""
    best = heights[np.argmax(sign * heights[:, 0])]
    behind = sign * (best - heights)
    return heights[behind[:, 0] <= MAX_BETAS_NORM * np.linalg.norm(behind[:, 1:], axis=-1) + 1e-9]


def _padded(rows: Sequence[np.ndarray]) -> np.ndarray:
    """Arrays (n, ...) stacked; shorter ones repeat their last entry."""
    longest = max(len(row) for row in rows)
    return np.stack([np.concatenate([row, np.repeat(row[-1:], longest - len(row), axis=0)]) for row in rows]).astype(
        np.float32
    )


def _volume_form(shapes: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(B + 1, B + 1, B + 1) the sum over all faces of the tetrahedra that they span with the origin."""
    a, b, c = (shapes[faces[:, corner]] for corner in range(3))
    form = np.zeros((shapes.shape[-1],) * 3)
    for first, second, third in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        products = np.einsum("fj,fk->fjk", b[:, second], c[:, third]) - np.einsum(
            "fj,fk->fjk", b[:, third], c[:, second]
        )
        form += np.tensordot(a[:, first], products, axes=(0, 0))
    return form / 6.0


@jax.jit
@exact_products
def _measure_all(measures: ShapeMeasures, betas: Array) -> Array:
    # A few at a time: what lies between the vertices and the tapes fills a processor's cache.
    return jax.lax.map(measures.measure, betas, batch_size=_AT_A_TIME)


@jax.jit
@exact_products
def _slopes_of_all(measures: ShapeMeasures, betas: Array) -> Array:
    return jax.lax.map(jax.jacfwd(measures.measure), betas, batch_size=_AT_A_TIME)


def measure_shapes(measures: ShapeMeasures, betas: ArrayLike) -> np.ndarray:
    """(..., M) the measurements of shapes (..., B) in the order of `names`; NaN where a beta is."""
    return _in_few_sizes(_measure_all, measures, betas)


def measure_slopes(measures: ShapeMeasures, betas: ArrayLike) -> np.ndarray:
    """(..., M, B) derivatives of `measure_shapes`."""
    return _in_few_sizes(_slopes_of_all, measures, betas)


def _in_few_sizes(
    program: Callable[[ShapeMeasures, Array], Array], measures: ShapeMeasures, betas: ArrayLike
) -> np.ndarray:
    """Run a program for any number of shapes, filled up to a power of two: it is compiled for few numbers only."""
    betas = np.asarray(betas, np.float32)
    flat = betas.reshape(-1, betas.shape[-1])
    size = max(_AT_A_TIME, 1 << (len(flat) - 1).bit_length()) if len(flat) else _AT_A_TIME
    filled = np.concatenate([flat, np.zeros((size - len(flat), flat.shape[1]), np.float32)])
    results = np.asarray(program(measures, jnp.asarray(filled)))[: len(flat)]
    return results.reshape(*betas.shape[:-1], *results.shape[1:])
