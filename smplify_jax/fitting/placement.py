"""Place the bodies that a fit starts from before its cameras: those of another camera, and those whose place only the keypoints tell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from smplify_jax.body.parameters import BodyParameters
from smplify_jax.body.posed_keypoints import KeypointBody
from smplify_jax.camera.change import line_of_sight, pixel_of, point_in_other_camera, turn_between
from smplify_jax.camera.depth import MAX_START_DEPTH, MIN_START_DEPTH, start_depth
from smplify_jax.camera.pinhole import Camera
from smplify_jax.execution.batching import min_people_of_one_program
from smplify_jax.fitting.person import Person, Setup
from smplify_jax.geometry.rotations import compose_axis_angle
from smplify_jax.predictions.bodies import PredictedBodies

_NUM_TURNS = 2
"""How often a body at an unknown place is turned with its line of sight and placed again: the place hardly depends on the turn."""

_DEPTH_SHARE = 1e-3
"""Weight of the depth that limb lengths tell, beside 1 for a keypoint on the trunk: it decides only where the body's own size does not."""

_ROWS_AT_A_TIME = 64
"""Bodies that are posed at once, so that this is compiled only once."""


def run_with_starts(
    run: Callable[[Person, bool], dict], setup: Setup, people: Person, starts: PredictedBodies, num_devices: int
) -> dict:
    """Run a fit from bodies that are placed before its cameras; people whose body is not known are fitted as if none had been given.

    Args:
        run: of people, and whether they have a start: the fields of the result.
        setup: of people who have one.
        people: (B, ...) without starts.
        starts: (B, ...) their bodies.
        num_devices: that people are sharded over.
    """
    is_known = np.asarray(~np.isnan(np.concatenate([starts.global_orient, starts.body_pose], axis=1)).any(axis=1))

    def run_known(people: Person, starts: PredictedBodies) -> dict:
        start = placed_before(people.camera, starts, setup, np.asarray(people.keypoints))
        return run(replace(people, start=start), True)

    if is_known.all():
        return run_known(people, starts)
    unanchored = replace(people, anchor=None)
    if not is_known.any():
        return run(unanchored, False)
    # As many rows as the program of the whole batch takes, because others round differently.
    least = min(len(is_known), min_people_of_one_program(num_devices))
    first, others = (_RowsOfBatch(np.flatnonzero(rows), least) for rows in (is_known, ~is_known))
    parts = first.only(run_known(first.of(people), starts[first.rows])), others.only(run(others.of(unanchored), False))
    order = np.argsort(np.concatenate([first.chosen, others.chosen]))
    return jax.tree.map(lambda *leaves: jnp.asarray(np.concatenate(leaves)[order]), *_of_as_many_rounds(parts))


def _of_as_many_rounds(parts: Sequence[dict]) -> list[dict]:
    """Fields of results, with NaN for the rounds that a start made needless."""
    most = max(one["round_costs"].shape[1] for one in parts)

    def filled(costs: Any) -> np.ndarray:
        missing = ((0, 0), (most - costs.shape[1], 0), (0, 0))
        return np.pad(np.asarray(costs), missing, constant_values=np.nan)

    return [one | {"round_costs": filled(one["round_costs"])} for one in parts]


class _RowsOfBatch:
    """Some people of a batch, filled up with people of whom nothing was seen.

    Attributes:
        chosen: (n,) the people's rows.
        rows: at least as many, the first one's again for who fills up.
    """

    def __init__(self, chosen: np.ndarray, least: int) -> None:
        """Take the people's rows, and how many there must be at least."""
        self.chosen = chosen
        self.rows = np.concatenate([chosen, np.repeat(chosen[:1], max(0, least - len(chosen)))])

    def of(self, people: Person) -> Person:
        """The people."""
        some = jax.tree.map(lambda leaf: np.asarray(leaf)[self.rows], people)
        is_person = np.arange(len(self.rows)) < len(self.chosen)
        return replace(some, keypoints=np.where(is_person[:, None, None], some.keypoints, np.float32(0)))

    def only(self, fields: dict) -> dict:
        """Their part of what was made of them, without that of who filled up."""
        return jax.tree.map(lambda leaf: np.asarray(leaf)[: len(self.chosen)], fields)


def placed_before(camera: Camera, starts: PredictedBodies, setup: Setup, keypoints: np.ndarray) -> BodyParameters:
    """The bodies as they stand before the cameras of the fit; those that stand there already are not changed by a bit.

    Args:
        camera: of the fit, fields (B, 2).
        starts: (B, ...), all of them known.
        setup: of the fit.
        keypoints: (B, K, 3) cleaned: x, y [px], confidence.
    """
    # A camera that is not finite is reported by the person's status.
    with np.errstate(all="ignore"):
        return _placed(_Placement(camera, starts, setup, keypoints), starts)


def _placed(placement: _Placement, starts: PredictedBodies) -> BodyParameters:
    blocks = {name: np.asarray(value) for name, value in starts.blocks().items()}
    focal = np.asarray(starts.focal_length)
    is_of_fit = np.isnan(focal)
    is_placed = ~np.isnan(blocks["transl"]).any(-1) & ~np.isinf(focal)
    is_placed &= is_of_fit | ((blocks["transl"] + placement.pelvis)[:, 2] > 0)  # behind its camera a body is nowhere
    if not is_of_fit.all():
        blocks = placement.change_camera(blocks, is_placed & ~is_of_fit)
    if not is_placed.all():
        blocks = placement.place_by_keypoints(blocks, ~is_placed)
    return BodyParameters(**{name: jnp.asarray(value, jnp.float32) for name, value in blocks.items()})


class _Placement:
    """The cameras of bodies and of their fit, as arrays of float64."""

    def __init__(self, camera: Camera, starts: PredictedBodies, setup: Setup, keypoints: np.ndarray) -> None:
        """Fill in the fit's camera where the bodies' is not known."""
        self.focal = np.asarray(camera.focal_length, np.float64)
        self.center = np.asarray(camera.camera_center, np.float64)
        focal = np.asarray(starts.focal_length, np.float64)[:, None]
        self.own_focal = np.where(np.isnan(focal), self.focal, focal)
        center = np.asarray(starts.camera_center, np.float64)
        self.own_center = np.where(np.isnan(center) | np.isnan(focal), self.center, center)
        self.body = setup.scene.body
        template, dirs = np.asarray(self.body.joint_template)[0], np.asarray(self.body.joint_shapedirs)[0]
        self.pelvis = template + np.asarray(starts.betas) @ dirs.T
        self.keypoints = np.asarray(keypoints)
        self.weights = self.keypoints[..., 2] * np.asarray(self.body.is_defined) * np.asarray(setup.trunk)

    def change_camera(self, blocks: dict[str, np.ndarray], rows: np.ndarray) -> dict[str, np.ndarray]:
        """The bodies with these rows brought before the cameras of the fit."""
        at = np.where(rows[:, None], blocks["transl"] + self.pelvis, 1.0)
        focal = np.where(rows[:, None], self.own_focal, 1.0)
        pixel = pixel_of(at, focal, self.own_center)
        moved = point_in_other_camera(at, focal, self.own_center, self.focal, self.center) - self.pelvis
        return self._replaced(blocks, rows, self._turned(blocks["global_orient"], pixel), moved)

    def place_by_keypoints(self, blocks: dict[str, np.ndarray], rows: np.ndarray) -> dict[str, np.ndarray]:
        """The bodies with these rows put where their keypoints fall on the observed ones."""
        total = np.maximum(self.weights.sum(axis=1, keepdims=True), 1e-6)
        pixel = (self.weights[..., None] * self.keypoints[..., :2]).sum(axis=1) / total
        orient, transl = blocks["global_orient"], np.zeros_like(self.pelvis)
        for _ in range(_NUM_TURNS):
            orient = self._turned(blocks["global_orient"], pixel)
            transl = self._where_keypoints_fall({**blocks, "global_orient": orient, "transl": np.zeros_like(transl)})
            pixel = pixel_of(transl + self.pelvis, self.focal, self.center)
        return self._replaced(blocks, rows, orient, transl)

    def _turned(self, orient: np.ndarray, pixel: np.ndarray) -> np.ndarray:
        """Orientations with the same view of the body along the line of sight, which is another one before the fit's camera."""
        before = line_of_sight(pixel, self.own_focal, self.own_center)
        turn = turn_between(before, line_of_sight(pixel, self.focal, self.center))
        return np.asarray(compose_axis_angle(jnp.asarray(turn, jnp.float32), jnp.asarray(orient)))

    def _where_keypoints_fall(self, blocks: dict[str, np.ndarray]) -> np.ndarray:
        """(B, 3) translations by weighted least squares: x_k + t_x = r_k (z_k + t_z) is linear in t along each ray r_k."""
        points = _posed(self.body, blocks)
        rays = (self.keypoints[..., :2] - self.center[:, None]) / self.focal[:, None]
        weights = np.where(np.isfinite(rays).all(-1), self.weights, 0.0)
        rays = np.where(np.isfinite(rays), rays, 0.0)
        rows = np.zeros((*rays.shape, 3))
        rows[..., 0, 0] = rows[..., 1, 1] = 1.0
        rows[..., 2] = -rays
        offsets = rays * points[..., 2:] - points[..., :2]
        normal = np.einsum("bk,bkia,bkic->bac", weights, rows, rows) + 1e-9 * np.eye(3)
        right = np.einsum("bk,bkia,bki->ba", weights, rows, offsets)
        share = _DEPTH_SHARE * np.einsum("bk,bki->b", weights, rays**2) + 1e-9
        normal[:, 2, 2] += share
        right[:, 2] += share * (self._limb_depths() - points[..., 2].mean(axis=1))
        found = np.linalg.solve(normal, right[..., None])[..., 0]
        depth = np.clip(found[:, 2], MIN_START_DEPTH, MAX_START_DEPTH)
        # The mean of what the keypoints tell about x and y, at that depth.
        across = (weights[..., None] * (offsets + rays * depth[:, None, None])).sum(1)
        across = across / np.maximum(weights.sum(1), 1e-6)[:, None]
        return np.concatenate([across, depth[:, None]], axis=1)

    def _limb_depths(self) -> np.ndarray:
        observed = self.keypoints[..., 2] * np.asarray(self.body.is_defined)
        find = jax.jit(jax.vmap(start_depth, in_axes=(0, 0, 0, None)))
        return np.asarray(find(self.keypoints[..., :2], observed, self.focal.astype(np.float32), self.body.reach))

    def _replaced(
        self, blocks: dict[str, np.ndarray], rows: np.ndarray, orient: np.ndarray, transl: np.ndarray
    ) -> dict[str, np.ndarray]:
        # The NaN of a camera that is not finite must not come into the batch.
        usable = rows & np.isfinite(orient).all(-1) & np.isfinite(transl).all(-1)
        ahead = np.where(rows[:, None], np.array([0.0, 0.0, 1.0], np.float32), blocks["transl"])
        return {
            **blocks,
            "global_orient": np.where(usable[:, None], orient, blocks["global_orient"]),
            "transl": np.where(usable[:, None], transl.astype(np.float32), ahead),
        }


def _posed(body: KeypointBody, blocks: dict[str, np.ndarray]) -> np.ndarray:
    """(B, K, 3) keypoints; zeros where the body has none."""
    count = len(blocks["transl"])
    padded = {
        name: np.pad(np.asarray(value, np.float32), ((0, -count % _ROWS_AT_A_TIME), (0, 0)))
        for name, value in blocks.items()
    }
    parts = [
        np.asarray(_pose_some(body, {name: value[first : first + _ROWS_AT_A_TIME] for name, value in padded.items()}))
        for first in range(0, count, _ROWS_AT_A_TIME)
    ]
    return np.where(np.asarray(body.is_defined)[:, None], np.concatenate(parts)[:count], 0.0).astype(np.float64)


@jax.jit
def _pose_some(body: KeypointBody, blocks: dict[str, jax.Array]) -> jax.Array:
    return jax.vmap(lambda one: body.keypoints(**one))(blocks)
