"""Points in space as a fit takes them: checked, with zeros for what was not observed, and near the origin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from smplify_jax.body.model import BodyModel
from smplify_jax.body.surface_correspondence import MAX_POINTS, SurfacePoints
from smplify_jax.errors import InputError
from smplify_jax.execution.host_arrays import host_array
from smplify_jax.fitting.frames_of_points import RestBody
from smplify_jax.fitting.pose_of_surface import PoseOfSurface
from smplify_jax.fitting.track_arguments import TrackSetup
from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES
from smplify_jax.keypoints.layouts import Layout, get_layout

_FARTHEST = 1e6


@dataclass(frozen=True)
class WantedPoints:
    """Which points a fit is given: those of a layout, or of a surface.

    Attributes:
        layout: of the fit: of the points, and of a surface SMPL's joints behind them.
        num_points: K of the caller's.
        surface: None for a layout.
    """

    layout: Layout
    num_points: int
    surface: SurfacePoints | None

    @classmethod
    def of(cls, layout: str | Layout | SurfacePoints) -> WantedPoints:
        """Resolve what the caller gives.

        Raises:
            InputError: there is no such layout, or the surface has more points than one fit takes.
        """
        if not isinstance(layout, SurfacePoints):
            layout = get_layout(layout)
            return cls(layout, layout.num_keypoints, None)
        if len(layout) > MAX_POINTS:
            raise InputError(
                f"{layout.name}: {len(layout)} points are more than the {MAX_POINTS} that a fit takes: keep some that are spread over the "
                "body, with layout.spread(300, body)."
            )
        return cls(layout.layout_with_joints, len(layout), layout)

    @property
    def name(self) -> str:
        """Of the layout, for the result."""
        return self.layout.name

    def on(self, body: BodyModel) -> BodyModel:
        """The body with the points."""
        return body if self.surface is None else self.surface.on(body)

    def adapted(self, setup: TrackSetup) -> TrackSetup:
        """The setup for these points."""
        # Points of a surface show themselves whether it goes through itself, as bodies of other programs do a little.
        return setup if self.surface is None else setup.without_interpenetration()

    def rest(self, setup: TrackSetup) -> RestBody:
        """The points of the resting body."""
        if self.surface is None:
            return RestBody.of(setup.network, self.layout)
        std = np.concatenate([self.surface.std, np.zeros(len(SMPL_JOINT_NAMES))])
        return RestBody.of(setup.network, self.layout, std)

    def rows(self, points: ArrayLike) -> tuple[np.ndarray, bool]:
        """Points (B, K', 4) of the layout, zeros where nothing was observed, and whether the input was one body.

        Raises:
            InputError: they are no such points.
        """
        array = host_array(points, "points").astype(np.float64)
        if self.surface is not None and array.ndim in (2, 3) and array.shape[-1] == 4:
            array = self.surface.taken_from(array)
        expected = (self.num_points, 4)
        if array.ndim not in (2, 3) or array.shape[-2:] != expected or not array.size:
            raise InputError(
                f"points has shape {array.shape}: with layout {self.name!r} a body is {expected}: x, y, z [m] and a confidence; B of them "
                f"are (B, {expected[0]}, 4)."
            )
        is_known = (
            np.isfinite(array).all(axis=-1, keepdims=True)
            & (array[..., 3:] > 0)
            & (np.abs(array) < _FARTHEST).all(-1, keepdims=True)
        )
        cleaned = np.where(is_known, array, 0.0)
        cleaned[..., 3] = np.minimum(cleaned[..., 3], 1.0)
        rows = cleaned[None] if array.ndim == 2 else cleaned
        behind = np.zeros((len(rows), self.layout.num_keypoints - self.num_points, 4))
        return np.concatenate([rows, behind], axis=1), array.ndim == 2

    def for_network(self, setup: TrackSetup, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """What the proposal network sees of points (B, K', 4) [m], and the pose that they show by themselves.

        Returns:
            (B, K', 4), of a surface the joints inside it; and (B, 3 (J - 1)) of a surface, NaN where it does not show how a joint is bent.
        """
        if self.surface is None:
            return rows, None
        pose = PoseOfSurface.of(setup.body, self.surface)
        given = rows[:, : self.num_points]
        return np.concatenate([np.zeros_like(given), pose.joints_of(given)], axis=1), pose.body_pose_of(given)


def origins(rows: np.ndarray, is_track: bool) -> np.ndarray:
    """(B, 3) the middle of each body's points (B, K, 4), of a track of all: float32 is exact near it, wherever the points' origin is."""
    seen = (rows[..., 3:] > 0).astype(float)
    axes = (0, 1) if is_track else (1,)
    middle = (seen * rows[..., :3]).sum(axes, keepdims=True) / np.maximum(seen.sum(axes, keepdims=True), 1.0)
    return np.broadcast_to(middle[:, 0], (len(rows), 3))


def moved(rows: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """The points (B, K, 4) that are observed, each body's moved by its row of (B, 3)."""
    places = np.concatenate([rows[..., :3] + shift[:, None], rows[..., 3:]], axis=-1)
    return np.where(rows[..., 3:] > 0, places, 0.0)
