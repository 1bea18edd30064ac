"""Apply a data loader's augmentation to fits, and undo it: crops are rotated in the image plane, rescaled, then flipped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.transform import Rotation

from smplify_jax.errors import InputError
from smplify_jax.geometry.mirror import mirrored_poses

if TYPE_CHECKING:
    from smplify_jax.body.model import BodyModel

_FLIP_X = np.array([-1.0, 1.0, 1.0])


@dataclass(frozen=True, eq=False)
class RestPelvis:
    """Position of the root joint of a body at rest; transl is relative to it.

    Attributes:
        template: (3,) for betas of zero [m].
        directions: (3, B) displacement per unit of each beta [m].
    """

    template: np.ndarray
    directions: np.ndarray

    @classmethod
    def of(cls, body: BodyModel, num_betas: int) -> RestPelvis:
        """The rest pelvis of a body for its first `num_betas` betas; betas that the body lacks move nothing."""
        regressor = np.asarray(body.J_regressor[0], np.float64)
        used = np.asarray(body.shapedirs[..., :num_betas], np.float64)
        directions = np.einsum("v,vcb->cb", regressor, used)
        missing = num_betas - directions.shape[1]
        return cls(regressor @ np.asarray(body.v_template, np.float64), np.pad(directions, ((0, 0), (0, missing))))

    def at(self, betas: np.ndarray) -> np.ndarray:
        """Position (N, 3) [m] for betas (N, B)."""
        return self.template + betas @ self.directions.T


@dataclass(frozen=True, eq=False)
class Augmentation:
    """Augmentation of N pictures: each is rotated about its crop's centre, its crop is enlarged by `scale`, then it is flipped.

    Attributes:
        rotation_deg: (N,) from the x axis (right) towards the y axis (down), so clockwise as displayed. `rot` of SPIN and 4D-Humans has
            the opposite sign.
        is_flipped: (N,) whether left and right were exchanged.
        scale: (N,) side of the augmented crop over the side of the row's own crop; above 1, people look smaller. It changes translations
            only: with the same focal length, a person who looks smaller stands farther away.
    """

    rotation_deg: np.ndarray
    is_flipped: np.ndarray
    scale: np.ndarray

    @classmethod
    def of(cls, rotation_deg: ArrayLike, is_flipped: ArrayLike, scale: ArrayLike = 1.0) -> Augmentation:
        """Make an augmentation from anything that NumPy converts to N angles and N booleans; a single scale applies to all.

        Raises:
            InputError: their shapes differ, an angle is not finite, or a scale is not above zero.
        """
        angle, flipped = np.asarray(rotation_deg, np.float64), np.asarray(is_flipped, bool)
        scales = np.asarray(scale, np.float64)
        scales = np.broadcast_to(scales, angle.shape) if scales.ndim == 0 else scales
        if angle.ndim != 1 or not angle.shape == flipped.shape == scales.shape or not np.isfinite(angle).all():
            raise InputError(
                f"an augmentation has angles of shape {angle.shape}, flips of shape {flipped.shape} and scales of shape "
                f"{scales.shape}: expected (N,) of each, and finite angles."
            )
        if not (np.isfinite(scales) & (scales > 0)).all():
            raise InputError("an augmentation has scales that are not finite or not above 0: use 1 for no scaling.")
        return cls(angle, flipped, scales)

    @classmethod
    def flipped_first(cls, rotation_deg: ArrayLike, is_flipped: ArrayLike, scale: ArrayLike = 1.0) -> Augmentation:
        """For loaders that flip before they rotate, as 4D-Humans does: swapping the two reverses the sign of the rotation."""
        plain = cls.of(rotation_deg, is_flipped, scale)
        angle = np.where(plain.is_flipped, -plain.rotation_deg, plain.rotation_deg)
        return cls(angle, plain.is_flipped, plain.scale)

    def __len__(self) -> int:
        """Number of pictures, N."""
        return len(self.rotation_deg)

    def of_rows(self, rows: np.ndarray) -> Augmentation:
        """The augmentation of some of the pictures."""
        return Augmentation(self.rotation_deg[rows], self.is_flipped[rows], self.scale[rows])

    def of_bodies(self, pose: np.ndarray, transl: np.ndarray, rest_pelvis: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Bodies as the augmented pictures show them, in the frame of a camera whose axis passes through the crop's centre.

        Args:
            pose: (N, 72) global_orient and body_pose [rad].
            transl: (N, 3) [m].
            rest_pelvis: (N, 3) the root joint at rest [m].
        Returns:
            pose and transl, float64. Those of pictures that were not augmented are bit-identical.
        """
        turn = _about_z(self.rotation_deg)
        turned, pelvis = _turned(pose, turn), turn.apply(rest_pelvis + transl) * self._depth_factor
        flipped = self.is_flipped[:, None]
        new_pose = np.where(flipped, mirrored_poses(turned), turned)
        return self._changed(pose, transl, new_pose, np.where(flipped, pelvis * _FLIP_X, pelvis) - rest_pelvis)

    def undo_bodies(
        self, pose: np.ndarray, transl: np.ndarray, rest_pelvis: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The inverse of `of_bodies`, with the same arguments and results."""
        turn = _about_z(-self.rotation_deg)
        flipped, pelvis = self.is_flipped[:, None], (rest_pelvis + transl) / self._depth_factor
        new_pose = _turned(np.where(flipped, mirrored_poses(pose), pose), turn)
        return self._changed(
            pose, transl, new_pose, turn.apply(np.where(flipped, pelvis * _FLIP_X, pelvis)) - rest_pelvis
        )

    def of_points(self, points_px: np.ndarray, crop_center: np.ndarray, flip: Sequence[int]) -> np.ndarray:
        """Keypoints as the augmented pictures show them.

        Args:
            points_px: (N, K, 2).
            crop_center: (N, 2) [px], the fixed point of the augmentation.
            flip: K indices, the layout's `Layout.flip`.
        Returns:
            (N, K, 2).
        """
        centered = (points_px - crop_center[:, None]) / self.scale[:, None, None]
        turned = _turned_in_plane(centered, self.rotation_deg)
        mirrored = turned[:, list(flip)] * _FLIP_X[:2]
        return np.where(self.is_flipped[:, None, None], mirrored, turned) + crop_center[:, None]

    def undo_points(self, points_px: np.ndarray, crop_center: np.ndarray, flip: Sequence[int]) -> np.ndarray:
        """The inverse of `of_points`, with the same arguments and result."""
        centered = (points_px - crop_center[:, None]) * self.scale[:, None, None]
        mirrored = centered[:, list(flip)] * _FLIP_X[:2]
        plain = np.where(self.is_flipped[:, None, None], mirrored, centered)
        return _turned_in_plane(plain, -self.rotation_deg) + crop_center[:, None]

    @property
    def _depth_factor(self) -> np.ndarray:
        """Factors (N, 3) of the root joint's position: x and y stay, the depth grows with the crop."""
        return np.stack([np.ones(len(self)), np.ones(len(self)), self.scale], axis=1)

    def _changed(
        self, pose: np.ndarray, transl: np.ndarray, new_pose: np.ndarray, new_transl: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        is_turned = (self.is_flipped | (self.rotation_deg != 0))[:, None]
        is_moved = is_turned | (self.scale != 1)[:, None]
        return np.where(is_turned, new_pose, pose), np.where(is_moved, new_transl, transl)


def _about_z(angle_deg: np.ndarray) -> Rotation:
    return Rotation.from_rotvec(np.deg2rad(angle_deg)[:, None] * [0.0, 0.0, 1.0])


def _turned(pose: np.ndarray, turn: Rotation) -> np.ndarray:
    turned = np.array(pose, np.float64)
    turned[:, :3] = (turn * Rotation.from_rotvec(turned[:, :3])).as_rotvec()
    return turned


def _turned_in_plane(points_px: np.ndarray, angle_deg: np.ndarray) -> np.ndarray:
    """Points (N, K, 2) rotated by N angles about the origin."""
    cosine, sine = np.cos(np.deg2rad(angle_deg)), np.sin(np.deg2rad(angle_deg))
    matrix = np.stack([np.stack([cosine, -sine], axis=-1), np.stack([sine, cosine], axis=-1)], axis=-2)
    return np.einsum("nab,nkb->nka", matrix, points_px)
