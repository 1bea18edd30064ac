"""`PredictedBodies`: what a network predicts, in the conventions of its own camera, as a start for `fit`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import jax
import numpy as np
from numpy.typing import ArrayLike

from smplify_jax.body.parameters import BodyParameters
from smplify_jax.camera.conversions import transl_from_weak_perspective
from smplify_jax.errors import InputError
from smplify_jax.execution.host_arrays import host_array
from smplify_jax.predictions.poses import RotationOrders, orientation, pose_of_body, whole_pose
from smplify_jax.rotations import QuaternionOrder, Rotation6dOrder

CROP_SIZE, CROP_FOCAL_LENGTH = 224.0, 5000.0
"""[px] Side and focal length of the crops of HMR, SPIN, VIBE and PARE; 4D-Humans' crops have 256."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class PredictedBodies(BodyParameters):
    """Bodies before the camera of the program that predicted them, for `fit(init=...)`, which places them before its own.

    There they have the same place and size in the picture, and are seen from the same side. A body whose orientation or pose has a NaN is
    not known: `fit` starts that person as it would without `init`.

    Attributes:
        global_orient: (..., 3) axis-angle of the root joint, in the frame of this camera [rad].
        body_pose: (..., 69) axis-angle of SMPL's other joints [rad].
        betas: (..., B) shape coefficients; NaN where they are not known.
        transl: (..., 3) translation in the frame of this camera [m]; NaN where it is not known: the keypoints then tell it.
        focal_length: (...) of this camera [px of the full picture]; NaN for that of the fit; infinite for one that looks straight at the
            person, whose orientation is then relative to the line of sight.
        camera_center: (..., 2) principal point of this camera [px of the full picture], NaN for that of the fit.
    """

    focal_length: jax.Array | np.ndarray = field(default_factory=lambda: _unknown())
    camera_center: jax.Array | np.ndarray = field(default_factory=lambda: _unknown())

    def blocks(self) -> dict[str, jax.Array | np.ndarray]:
        """The four arrays of `BodyParameters`."""
        return {name: value for name, value in vars(self).items() if name not in ("focal_length", "camera_center")}

    @property
    def batch(self) -> tuple[int, ...]:
        """The leading axes: () for one person, (B,) for B."""
        return np.shape(self.global_orient)[:-1]

    def __getitem__(self, index: Any) -> PredictedBodies:
        """Some of the people, by any NumPy index of the first axis."""
        return PredictedBodies(**{name: np.asarray(value)[index] for name, value in vars(self).items()})

    @classmethod
    def of(
        cls,
        *,
        pose: ArrayLike | None = None,
        global_orient: ArrayLike | None = None,
        body_pose: ArrayLike | None = None,
        betas: ArrayLike | None = None,
        quaternion_order: QuaternionOrder | None = None,
        rotation_6d_order: Rotation6dOrder | None = None,
    ) -> PredictedBodies:
        """Bodies from the rotations that a network gives, in the frame of the picture's camera and at no known place.

        Say where they are with `in_crops` or `in_pictures`. Joints that SMPL lacks, such as fingers, are left out.

        Args:
            pose: the whole pose, root first: (..., 72) axis-angle [rad], (..., 24, 3, 3) matrices, or quaternions or six numbers for each
                joint; of SMPL's 24 joints, the 22 without hands, or the 52 or 55 of SMPL-H and SMPL-X.
            global_orient: the root's rotation apart, with `body_pose`: (..., 3), (..., 3, 3), (..., 1, 3, 3), ...
            body_pose: the other joints': (..., 69), (..., 63), (..., 23, 3, 3), ...
            betas: (..., B) shape coefficients; not known by default, so that the fit is free to choose them.
            quaternion_order: "wxyz" or "xyzw"; needed for quaternions.
            rotation_6d_order: "interleaved" (SPIN, VIBE), "columns" (4D-Humans) or "rows" (PyTorch3D), see
                `smplify_jax.rotations.rotation_6d_to_matrix`; needed for six numbers.

        Raises:
            InputError: a shape that is none of these, or matrices that are not rotations.
        """
        orders = RotationOrders(quaternion_order, rotation_6d_order)
        if pose is not None and global_orient is None and body_pose is None:
            root, others = whole_pose(pose, orders)
        elif pose is None and global_orient is not None and body_pose is not None:
            others = pose_of_body(body_pose, orders)
            root = orientation(global_orient, others.shape[:-1], orders)
        else:
            raise InputError("Give either pose, or global_orient and body_pose.")
        batch = root.shape[:-1]
        shape = _unknown(*batch, 1) if betas is None else host_array(betas, "betas").astype(np.float32)
        if shape.ndim != len(batch) + 1 or shape.shape[:-1] not in (batch, (1,) * len(batch)) or not shape.shape[-1]:
            raise InputError(f"betas have shape {shape.shape}: expected {(*batch, 'B')}, a row for each body.")
        shape = np.broadcast_to(shape, (*batch, shape.shape[-1]))
        return cls(root, others, shape, _unknown(*batch, 3), _unknown(*batch), _unknown(*batch, 2))

    def in_pictures(
        self, transl: ArrayLike, focal_length: ArrayLike | None = None, camera_center: ArrayLike | None = None
    ) -> PredictedBodies:
        """The bodies at a translation before the camera of the full picture.

        Args:
            transl: (..., 3) in that camera's frame [m], such as `pred_cam_t_full` of 4D-Humans and `global_t` of CLIFF.
            focal_length: the one that it belongs to [px of the full picture], such as `scaled_focal_length`: a number, or (...) one for
                each. By default it is the fit's.
            camera_center: (2,) or (..., 2) principal point [px]: for most networks half the picture's width and height. By default it is
                the fit's.

        Raises:
            InputError: another shape, or focal lengths that are not positive.
        """
        focal = self._rows(focal_length, (), "focal_length")
        _check_positive(focal, "focal_length")
        return replace(
            self,
            transl=self._rows(transl, (3,), "transl"),
            focal_length=focal,
            camera_center=self._rows(camera_center, (2,), "camera_center"),
        )

    def in_crops(
        self,
        weak: ArrayLike,
        box_center: ArrayLike,
        box_side: ArrayLike,
        *,
        crop_size: float = CROP_SIZE,
        focal_length: float = CROP_FOCAL_LENGTH,
    ) -> PredictedBodies:
        """The bodies as seen in the middle of a square crop, by weak perspective: `pred_cam` of HMR, SPIN, VIBE, PARE, PyMAF and 4D-Humans.

        Args:
            weak: (..., 3) s [1/m], tx, ty [m], see `smplify_jax.camera.conversions.transl_from_weak_perspective`.
            box_center: (..., 2) of the crop in the picture [px].
            box_side: (...) of the crop in the picture [px], with its margin; 200 times SPIN's `scale`.
            crop_size: what it is resampled to [px]; 256 for 4D-Humans.
            focal_length: of the network's camera [px of the crop].

        Raises:
            InputError: another shape, or sizes that are not positive.
        """
        side = self._rows(box_side, (), "box_side")
        weak = self._rows(weak, (3,), "weak perspective (s, tx, ty)")
        is_known = np.isfinite(weak).all(-1) & (weak[..., 0] > 0) & np.isfinite(side)
        _check_positive(side, "box_side")
        usable = np.where(is_known[..., None], weak, 1.0)
        transl = transl_from_weak_perspective(usable, focal_length, crop_size)
        return replace(
            self,
            transl=np.where(is_known[..., None], transl, np.nan).astype(np.float32),
            # A pixel of the crop is this many of the picture.
            focal_length=np.where(is_known, focal_length * side / crop_size, np.inf).astype(np.float32),
            camera_center=self._rows(box_center, (2,), "box_center"),
        )

    def seen_straight_ahead(self) -> PredictedBodies:
        """The bodies with orientations relative to the line of sight, as networks on crops see them, at no known place."""
        infinite = np.full(self.batch, np.inf, np.float32)
        return replace(
            self, transl=_unknown(*self.batch, 3), focal_length=infinite, camera_center=_unknown(*self.batch, 2)
        )

    def _rows(self, value: ArrayLike | None, shape: tuple[int, ...], name: str) -> np.ndarray:
        """(..., *shape) float32 for all bodies; NaN for None."""
        array = np.asarray(np.nan) if value is None else host_array(value, name)
        expected = (*self.batch, *shape)
        # A network's camera often comes with axes of length one: a row for each person all the same.
        if array.size == np.prod(expected, dtype=int) and array.ndim and array.shape[0] == (*expected, 0)[0]:
            array = array.reshape(expected)
        try:
            return np.broadcast_to(array, expected).astype(np.float32)
        except ValueError:
            raise InputError(f"{name} has shape {array.shape}: expected {expected}, a row for each body.") from None


def no_bodies(count: int, num_betas: int = 10) -> PredictedBodies:
    """People of whom nothing is known, (B, ...)."""
    orient, pose, betas, transl = (_unknown(count, length) for length in (3, 69, num_betas, 3))
    return PredictedBodies(orient, pose, betas, transl, _unknown(count), _unknown(count, 2))


def _unknown(*shape: int) -> np.ndarray:
    return np.full(shape, np.nan, np.float32)


def _check_positive(value: np.ndarray, name: str) -> None:
    if (value <= 0).any():
        raise InputError(f"{name} holds a number that is not positive: give pixels, or NaN where it is not known.")
