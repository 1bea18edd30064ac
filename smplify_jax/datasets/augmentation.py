"""What a loader does to its pictures, done to fits and undone: pictures are turned in their plane, then flipped left to right."""

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
    """Where the root joint of a body at rest lies: transl is counted from there.

    Attributes:
        template: (3,) for betas of zero [m].
        directions: (3, B) displacement per unit of each beta [m].
    """

    template: np.ndarray
    directions: np.ndarray

    @classmethod
    def of(cls, body: BodyModel, num_betas: int) -> RestPelvis:
        """A body's, for its first betas; betas that it lacks move nothing."""
        regressor = np.asarray(body.J_regressor[0], np.float64)
        used = np.asarray(body.shapedirs[..., :num_betas], np.float64)
        directions = np.einsum("v,vcb->cb", regressor, used)
        missing = num_betas - directions.shape[1]
        return cls(regressor @ np.asarray(body.v_template, np.float64), np.pad(directions, ((0, 0), (0, missing))))

    def at(self, betas: np.ndarray) -> np.ndarray:
        """(N, 3) [m] for betas (N, B)."""
        return self.template + betas @ self.directions.T


@dataclass(frozen=True, eq=False)
class Augmentation:
    """What was done to N pictures: each turned about its crop's centre, then flipped.

    Attributes:
        rotation_deg: (N,) from the x axis (right) towards the y axis (down): clockwise as seen. SPIN and 4D-Humans count their `rot` the
            other way.
        is_flipped: (N,) whether left and right were exchanged.
    """

    rotation_deg: np.ndarray
    is_flipped: np.ndarray

    @classmethod
    def of(cls, rotation_deg: ArrayLike, is_flipped: ArrayLike) -> Augmentation:
        """From anything that NumPy takes for N numbers and N claims.

        Raises:
            InputError: their shapes differ, or an angle is not finite.
        """
        angle, flipped = np.asarray(rotation_deg, np.float64), np.asarray(is_flipped, bool)
        if angle.ndim != 1 or angle.shape != flipped.shape or not np.isfinite(angle).all():
            raise InputError(
                f"an augmentation has angles of shape {angle.shape} and flips of shape {flipped.shape}: expected (N,) of "
                "both, and finite angles."
            )
        return cls(angle, flipped)

    @classmethod
    def flipped_first(cls, rotation_deg: ArrayLike, is_flipped: ArrayLike) -> Augmentation:
        """For loaders that flip first and turn then, as 4D-Humans does: turning before a flip goes the other way round."""
        plain = cls.of(rotation_deg, is_flipped)
        return cls(np.where(plain.is_flipped, -plain.rotation_deg, plain.rotation_deg), plain.is_flipped)

    def of_bodies(self, pose: np.ndarray, transl: np.ndarray, rest_pelvis: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Bodies as the augmented pictures show them, before a camera whose axis meets the crop's centre.

        Args:
            pose: (N, 72) global_orient and body_pose [rad].
            transl: (N, 3) [m].
            rest_pelvis: (N, 3) the root joint at rest [m].
        Returns:
            pose and transl, float64; those of pictures left as they were are the same to the bit.
        """
        turn = _about_z(self.rotation_deg)
        turned, pelvis = _turned(pose, turn), turn.apply(rest_pelvis + transl)
        flipped = self.is_flipped[:, None]
        new_pose = np.where(flipped, mirrored_poses(turned), turned)
        return self._changed(pose, transl, new_pose, np.where(flipped, pelvis * _FLIP_X, pelvis) - rest_pelvis)

    def undo_bodies(
        self, pose: np.ndarray, transl: np.ndarray, rest_pelvis: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """`of_bodies` undone; arguments and results as there."""
        turn = _about_z(-self.rotation_deg)
        flipped, pelvis = self.is_flipped[:, None], rest_pelvis + transl
        new_pose = _turned(np.where(flipped, mirrored_poses(pose), pose), turn)
        return self._changed(
            pose, transl, new_pose, turn.apply(np.where(flipped, pelvis * _FLIP_X, pelvis)) - rest_pelvis
        )

    def of_points(self, points_px: np.ndarray, crop_center: np.ndarray, flip: Sequence[int]) -> np.ndarray:
        """Keypoints as the augmented pictures show them.

        Args:
            points_px: (N, K, 2).
            crop_center: (N, 2) [px], which stays where it is.
            flip: K, the layout's `Layout.flip`.
        Returns:
            (N, K, 2).
        """
        turned = _turned_in_plane(points_px - crop_center[:, None], self.rotation_deg)
        mirrored = turned[:, list(flip)] * _FLIP_X[:2]
        return np.where(self.is_flipped[:, None, None], mirrored, turned) + crop_center[:, None]

    def undo_points(self, points_px: np.ndarray, crop_center: np.ndarray, flip: Sequence[int]) -> np.ndarray:
        """`of_points` undone; arguments and result as there."""
        centered = points_px - crop_center[:, None]
        mirrored = centered[:, list(flip)] * _FLIP_X[:2]
        plain = np.where(self.is_flipped[:, None, None], mirrored, centered)
        return _turned_in_plane(plain, -self.rotation_deg) + crop_center[:, None]

    def _changed(
        self, pose: np.ndarray, transl: np.ndarray, new_pose: np.ndarray, new_transl: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        is_changed = (self.is_flipped | (self.rotation_deg != 0))[:, None]
        return np.where(is_changed, new_pose, pose), np.where(is_changed, new_transl, transl)


def _about_z(angle_deg: np.ndarray) -> Rotation:
    return Rotation.from_rotvec(np.deg2rad(angle_deg)[:, None] * [0.0, 0.0, 1.0])


def _turned(pose: np.ndarray, turn: Rotation) -> np.ndarray:
    turned = np.array(pose, np.float64)
    turned[:, :3] = (turn * Rotation.from_rotvec(turned[:, :3])).as_rotvec()
    return turned


def _turned_in_plane(points_px: np.ndarray, angle_deg: np.ndarray) -> np.ndarray:
    """(N, K, 2) turned by N angles about the origin."""
    cosine, sine = np.cos(np.deg2rad(angle_deg)), np.sin(np.deg2rad(angle_deg))
    matrix = np.stack([np.stack([cosine, -sine], axis=-1), np.stack([sine, cosine], axis=-1)], axis=-2)
    return np.einsum("nab,nkb->nka", matrix, points_px)
