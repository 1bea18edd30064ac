"""Fits in full pictures, as networks that work on crops need them: the crop, the body as the crop shows it, and the loss in the crop."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial.transform import Rotation

from smplify_jax.camera.crop_box import SPIN_BOX_FACTOR
from smplify_jax.datasets.parquet import FitBatch
from smplify_jax.datasets.reprojection import reprojection_loss
from smplify_jax.geometry.frames import turned_about_root

CROP_COLUMNS = ("box_center", "box_size", "box_factor", "keypoints")
BODY_COLUMNS = ("status", "betas", "global_orient", "body_pose", "transl", "joints")
CAMERA_COLUMNS = ("focal_length", "camera_center")


@dataclass(frozen=True, eq=False)
class Crops:
    """Crops of N people.

    Attributes:
        center: (N, 2) [px].
        size: (N, 2) width and height [px] of the region that the crop must show.
    """

    center: np.ndarray
    size: np.ndarray

    @property
    def side(self) -> np.ndarray:
        """Side (N,) [px] of the enclosing squares, which SPIN crops to."""
        return self.size.max(axis=1)

    def expanded(self, width: float, height: float) -> Crops:
        """The crops with their width or height enlarged to the ratio width : height."""
        least_width, least_height = self.size[:, 1] * width / height, self.size[:, 0] * height / width
        return replace(self, size=np.maximum(self.size, np.stack([least_width, least_height], axis=1)))


@dataclass(frozen=True, eq=False)
class Bodies:
    """Parameters of N bodies in some frame. Bodies without a usable fit are in the rest pose, upright, facing the camera.

    Attributes:
        pose: (N, 72) global_orient and body_pose [rad]; zero for hands that the body lacks.
        betas: (N, B).
        transl: (N, 3) [m]; NaN without a usable fit.
        pelvis: (N, 3) position of the root joint [m]; NaN without a usable fit.
        is_usable: (N,) whether there is a usable fit.
    """

    pose: np.ndarray
    betas: np.ndarray
    transl: np.ndarray
    pelvis: np.ndarray
    is_usable: np.ndarray


def crops_of(fits: FitBatch, box_factor: float | None = None) -> Crops:
    """Enlarged person boxes: those of the input or, where it has none, those around the observed keypoints (needs CROP_COLUMNS).

    Args:
        fits: N people.
        box_factor: size of a crop over the size of its box; by default the value stored in the row. A crop is at least a pixel wide and
            high.
    """
    center, size = (fits.array(name).astype(np.float64) for name in ("box_center", "box_size"))
    keypoints = fits.points("keypoints", 3).astype(np.float64)
    is_seen = (keypoints[..., 2:] > 0) & np.isfinite(keypoints).all(axis=-1, keepdims=True)
    low = np.where(is_seen, keypoints[..., :2], np.inf).min(axis=1)
    high = np.where(is_seen, keypoints[..., :2], -np.inf).max(axis=1)
    is_empty = ~np.isfinite(low)
    low, high = np.where(is_empty, 0.0, low), np.where(is_empty, 0.0, high)
    is_given = np.asarray(np.isfinite(np.concatenate([center, size], axis=1)).all(axis=1, keepdims=True))
    factor = _box_factor(fits, is_given[:, 0]) if box_factor is None else np.full(len(fits), box_factor)
    size = np.maximum(factor[:, None] * np.where(is_given, size, high - low), 1.0)
    return Crops(np.where(is_given, center, (low + high) / 2), size)


def _box_factor(fits: FitBatch, is_given: np.ndarray) -> np.ndarray:
    """The box factor (N,) stored in the rows. Files of schema version 1 have no such column, and their boxes are already enlarged."""
    if "box_factor" in fits.records.schema.names:
        return fits.array("box_factor").astype(np.float64)
    return np.where(is_given, 1.0, SPIN_BOX_FACTOR)


def bodies_of(fits: FitBatch) -> Bodies:
    """The bodies in the camera frames of their pictures (needs BODY_COLUMNS)."""
    is_usable = fits.is_usable
    pose = np.concatenate([fits.array("global_orient"), fits.array("body_pose")], axis=1).astype(np.float64)
    pose = pad_columns(np.where(is_usable[:, None], pose, 0.0), 72)
    pose[~is_usable, 0] = np.pi
    betas = np.where(is_usable[:, None], fits.array("betas"), 0.0)
    return Bodies(pose, betas, fits.array("transl"), fits.array("joints")[:, :3], is_usable)


def turned(bodies: Bodies, rotation: Rotation) -> Bodies:
    """The bodies in a rotated frame: a point x becomes R x.

    Args:
        bodies: N bodies.
        rotation: R, one for all bodies or one for each.
    """
    pose = bodies.pose.copy()
    pose[:, :3], transl = turned_about_root(pose[:, :3], bodies.transl, bodies.pelvis, rotation)
    return Bodies(pose, bodies.betas, transl, rotation.apply(bodies.pelvis), bodies.is_usable)


def crop_view(fits: FitBatch, crops: Crops) -> Rotation:
    """N rotations from the picture's camera to one that looks straight at the crop's centre (needs CAMERA_COLUMNS).

    A network sees only the crop, so it can only learn the orientation relative to the ray through the crop's centre. At the edge of a
    picture this differs from the orientation relative to the picture's camera by the angle between the two, 20 degrees and more.
    """
    ray = np.ones((len(fits), 3))
    ray[:, :2] = (crops.center - fits.array("camera_center")) / fits.array("focal_length")
    ray /= np.linalg.norm(ray, axis=1, keepdims=True)
    ray = np.where(np.isfinite(ray).all(axis=1, keepdims=True), ray, [0.0, 0.0, 1.0])
    # The smallest rotation that takes the ray to (0, 0, 1): about their common normal, by the angle between them.
    normal = np.stack([ray[:, 1], -ray[:, 0], np.zeros(len(ray))], axis=1)
    sine = np.linalg.norm(normal, axis=1, keepdims=True)
    angle = np.arctan2(sine, ray[:, 2:])
    return Rotation.from_rotvec(np.where(sine > 0, normal / np.where(sine > 0, sine, 1.0), 0.0) * angle)


def bodies_in_crops(fits: FitBatch, crops: Crops) -> Bodies:
    """The bodies in the frames of cameras that look straight at their crops, as networks on crops learn them.

    Needs BODY_COLUMNS and CAMERA_COLUMNS. Bodies without a usable fit stay upright.
    """
    plain = bodies_of(fits)
    bodies = turned(plain, crop_view(fits, crops))
    return replace(bodies, pose=np.where(plain.is_usable[:, None], bodies.pose, plain.pose))


def losses_of(fits: FitBatch, crops: Crops) -> np.ndarray:
    """`reprojection_loss` (N,) of the fits (needs the columns keypoints and keypoints_px)."""
    keypoints = fits.points("keypoints", 3).astype(np.float64)
    return reprojection_loss(keypoints, fits.points("keypoints_px", 2), crops.side)


def pad_columns(array: np.ndarray, num_columns: int) -> np.ndarray:
    """Change (N, M) to (N, num_columns): truncate, or pad with zeros."""
    return np.pad(array[:, :num_columns], ((0, 0), (0, max(0, num_columns - array.shape[1]))))
