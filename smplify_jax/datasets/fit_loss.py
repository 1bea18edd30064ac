"""`FitLoss`: the same loss for every fit of a row, measured on the row's own keypoints before any augmentation.

It needs only NumPy and SciPy, so that a trainer's processes need not load JAX.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from smplify_jax.body.skinned_points import SkinnedPoints
from smplify_jax.datasets.reprojection import LOSS_CROP_PX, LOSS_SIGMA_PX, reprojection_loss
from smplify_jax.keypoints.layouts import get_layout
from smplify_jax.keypoints.subsets import subset_weights

if TYPE_CHECKING:
    from smplify_jax.body.model import BodyModel

MEASURED_LAYOUT = "spin49"
MEASURED_SUBSET = "no hips, no neck"
"""SPIN's 49 keypoints without those that SPIN's fits leave out, too."""

_NUM_BETAS = 10
_NUM_PLACEMENT_STEPS = 10  # Gauss-Newton on three unknowns converges in four or five
_MIN_DEPTH = 0.1  # [m]


@dataclass(frozen=True, eq=False)
class CropKeypoints:
    """Keypoints of N people in crops of `LOSS_CROP_PX`, and the cameras that look straight at the crops' centres.

    Attributes:
        keypoints: (N, 49, 3) float32 of `spin49`: x, y relative to the crop's centre [px of the crop]; confidence, 0 for keypoints that
            the loss leaves out.
        focal_length: (N,) float32 [px of the crop].
        side: (N,) float32 side of the crop in the picture [px].
    """

    keypoints: np.ndarray
    focal_length: np.ndarray
    side: np.ndarray

    @classmethod
    def of_pictures(
        cls, keypoints: ArrayLike, center: ArrayLike, side: ArrayLike, focal_length: ArrayLike
    ) -> CropKeypoints:
        """Convert from pixels of the pictures to pixels of the crops.

        Args:
            keypoints: (N, 49, 3) of `spin49`: x, y [px], confidence.
            center: (N, 2) centres of the crops [px].
            side: (N,) sides of the crops [px].
            focal_length: (N,), or one for all [px].
        """
        points, sides = np.asarray(keypoints, np.float64), np.asarray(side, np.float64)
        zoom = LOSS_CROP_PX / sides
        confidence = np.clip(points[..., 2], 0.0, 1.0) * subset_weights(get_layout(MEASURED_LAYOUT), MEASURED_SUBSET)
        with np.errstate(over="ignore"):  # what single precision cannot hold is no keypoint
            moved = ((points[..., :2] - np.asarray(center, np.float64)[:, None]) * zoom[:, None, None]).astype(
                np.float32
            )
        is_seen = np.isfinite(points).all(axis=-1) & np.isfinite(moved).all(axis=-1) & (points[..., 2] > 0)
        cleaned = np.where(is_seen[..., None], np.concatenate([moved, confidence[..., None]], axis=-1), 0.0)
        return cls(
            cleaned.astype(np.float32),
            (np.asarray(focal_length, np.float64) * zoom).astype(np.float32),
            sides.astype(np.float32),
        )

    def __len__(self) -> int:
        """Number of people, N."""
        return len(self.keypoints)

    def of_rows(self, rows: np.ndarray | slice) -> CropKeypoints:
        """The keypoints of some of the people."""
        return CropKeypoints(*(np.array(getattr(self, one.name)[rows]) for one in fields(self)))


@dataclass(frozen=True, eq=False)
class FitLoss:
    """Loss of fits of one body: `reprojection_loss` in the crop. It does not depend on who made the fit or how a picture was augmented.

    Attributes:
        points: the body's keypoints in the layout `spin49`.
    """

    points: SkinnedPoints

    @classmethod
    def of(cls, body: BodyModel) -> FitLoss:
        """The loss for a body of the SMPL family and poses of 72 numbers; in bodies with fingers only the joints of SMPL move."""
        from smplify_jax.body.keypoint_body import skinned_points  # it loads JAX
        from smplify_jax.fitting.setup import num_fitted_joints

        num_betas = min(_NUM_BETAS, body.num_betas)
        return cls(skinned_points(body, get_layout(MEASURED_LAYOUT), num_betas, num_fitted_joints(body)))

    def measure(
        self, observed: CropKeypoints, *, pose: ArrayLike, betas: ArrayLike, transl: ArrayLike | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Measure N fits, one for each of N people.

        Args:
            observed: the people's keypoints and cameras.
            pose: (N, 72) in the frames of the crops' cameras [rad].
            betas: (N, 10).
            transl: (N, 3) [m]. Where it is None or NaN, the transl of least loss is found.
        Returns:
            Loss (N,) float32, NaN for people without a keypoint and for fits with numbers that are not finite, or too large to be
            placed; and transl (N, 3) float32 [m], NaN for the latter.
        """
        with np.errstate(all="ignore"):  # of fits with numbers beyond any body's
            return self._measured(observed, np.asarray(pose, np.float64), np.asarray(betas, np.float64), transl)

    def _measured(
        self, observed: CropKeypoints, pose: np.ndarray, betas: np.ndarray, transl: ArrayLike | None
    ) -> tuple[np.ndarray, np.ndarray]:
        is_finite = np.asarray(np.isfinite(np.concatenate([pose, betas], axis=1)).all(axis=1))
        points = self.points.at(*(np.where(is_finite[:, None], x, 0.0) for x in (pose, betas)))
        placed = np.full((len(pose), 3), np.nan) if transl is None else np.array(transl, np.float64)
        has_transl = np.asarray(np.isfinite(placed).all(axis=1))
        if not has_transl.all():
            placed[~has_transl] = _place(points[~has_transl], observed.of_rows(~has_transl))
        loss = np.where(is_finite, _loss(points + placed[:, None], observed), np.nan).astype(np.float32)
        placed = placed.astype(np.float32)
        is_placed = np.asarray(np.isfinite(placed).all(axis=1))
        return np.where(is_placed, loss, np.float32(np.nan)), np.where(is_placed[:, None], placed, np.float32(np.nan))


def _loss(points_cam: np.ndarray, observed: CropKeypoints) -> np.ndarray:
    return reprojection_loss(observed.keypoints, _project(points_cam, observed), np.full(len(observed), LOSS_CROP_PX))


def _project(points_cam: np.ndarray, observed: CropKeypoints) -> np.ndarray:
    """Projections (N, K, 2) relative to the crop's centre [px of the crop]."""
    return observed.focal_length[:, None, None] * points_cam[..., :2] / np.maximum(points_cam[..., 2:], _MIN_DEPTH)


def _place(points: np.ndarray, observed: CropKeypoints) -> np.ndarray:
    """Find transl (N, 3) of least loss [m] by Gauss-Newton on the robust loss; NaN for people without a keypoint.

    A plain weighted sum of squares, which SPIN uses, would let a single keypoint on another person move the whole body.
    """
    is_used = (observed.keypoints[..., 2] > 0) & np.isfinite(points).all(axis=-1)
    points = np.where(is_used[..., None], points, 0.0)
    trust = np.where(is_used, observed.keypoints[..., 2].astype(np.float64) ** 2, 0.0)
    transl = _first_placement(points, trust, observed)
    best, least = transl, _loss(points + transl[:, None], observed)
    for _ in range(_NUM_PLACEMENT_STEPS):
        transl = transl - _newton_step(points + transl[:, None], trust, observed)
        loss = _loss(points + transl[:, None], observed)
        is_better = loss < least
        best, least = np.where(is_better[:, None], transl, best), np.where(is_better, loss, least)
    return np.where(is_used.any(axis=1, keepdims=True), best, np.nan)


def _first_placement(points: np.ndarray, trust: np.ndarray, observed: CropKeypoints) -> np.ndarray:
    """Initial transl from the centres and sizes of both sets of points, as if all points had the same depth."""
    total = np.maximum(trust.sum(axis=1), np.finfo(float).tiny)

    def center_and_size(of: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        center = (trust[..., None] * of).sum(axis=1) / total[:, None]
        squares = trust * ((of - center[:, None])[..., :2] ** 2).sum(axis=-1)
        return center, np.sqrt(squares.sum(axis=1) / total)

    (body, body_size), (observed_center, observed_size) = (
        center_and_size(points),
        center_and_size(observed.keypoints[..., :2]),
    )
    depth = np.maximum(observed.focal_length * body_size / np.maximum(observed_size, 1.0), 1.0)
    beside = observed_center * (depth / observed.focal_length)[:, None]
    return np.concatenate([beside, depth[:, None]], axis=1) - body


def _newton_step(points_cam: np.ndarray, trust: np.ndarray, observed: CropKeypoints) -> np.ndarray:
    """Gauss-Newton step (N, 3) of transl on the robust loss, each point weighted by the derivative of its robust loss."""
    focal_length, depth = observed.focal_length[:, None], np.maximum(points_cam[..., 2], _MIN_DEPTH)
    difference = _project(points_cam, observed) - observed.keypoints[..., :2]
    squares = (difference**2).sum(axis=-1)
    weight = trust * (LOSS_SIGMA_PX**2 / (LOSS_SIGMA_PX**2 + squares)) ** 2
    jacobian = np.zeros((*difference.shape, 3))
    jacobian[..., 0, 0] = jacobian[..., 1, 1] = focal_length / depth
    jacobian[..., 2] = -focal_length[..., None] * points_cam[..., :2] / depth[..., None] ** 2
    system = np.einsum("nkia,nk,nkib->nab", jacobian, weight, jacobian)
    slope = np.einsum("nkia,nk,nki->na", jacobian, weight, difference)
    # A single keypoint does not determine the depth: a little damping keeps the normal equations regular.
    system += (1e-9 * np.trace(system, axis1=1, axis2=2) + np.finfo(float).tiny)[:, None, None] * np.eye(3)
    return np.linalg.solve(system, slope[..., None])[..., 0]
