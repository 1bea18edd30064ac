"""Where the joints are inside a surface of which some points are known, and how they are bent.

The proposal network sees joints, and no surface; and a surface says more of how a limb is turned about its own axis than joints do. Each
part of the body is taken to be rigid, as large as the mean body's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from smplify_jax.body.keypoint_body import keypoint_body, skinned_points
from smplify_jax.body.model import BodyModel
from smplify_jax.body.surface_correspondence import SurfacePoints
from smplify_jax.fitting.setup import num_fitted_joints
from smplify_jax.geometry.alignment import rigidly_aligned
from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES

_REACH = 0.1
"""[m] How far around a joint the surface moves with it, about."""

_MIN_AROUND_JOINT = 0.3
"""Weight of all points around a joint; with less nothing is known of it."""

_MIN_ON_PART = 4.0
"""Weight of all points of a part; with fewer than four points its turn is hardly known."""

_OUTLIER = 0.1
"""[m] Distance at which a point counts half."""


@dataclass(frozen=True)
class PoseOfSurface:
    """How K points of a surface move with the joints.

    Attributes:
        points: (K, 3) of the mean body in its rest pose [m].
        joints: (J, 3) that the fit moves [m].
        parents: of these joints.
        around: (J, K) weights of the points around each joint.
        part: (J, K) weights of the points that each joint carries.
    """

    points: np.ndarray
    joints: np.ndarray
    parents: tuple[int, ...]
    around: np.ndarray
    part: np.ndarray

    @classmethod
    def of(cls, body: BodyModel, surface: SurfacePoints) -> PoseOfSurface:
        """For points of a body that has them, see `SurfacePoints.on`."""
        num_joints = num_fitted_joints(body)
        parents = body.parents[:num_joints]
        skinned = skinned_points(body, surface.layout, 1, num_joints)
        carried = (skinned.weights_of_vertices @ skinned.lbs_weights).T
        zero = np.zeros(3, np.float32)
        points = keypoint_body(body, surface.layout).keypoints(
            betas=zero[:1], global_orient=zero, body_pose=zero, transl=zero
        )
        points, joints = np.asarray(points, np.float64), skinned.joints[..., 0]
        # A joint is where two parts meet, and stays in place when one turns against the other. The root has no part before it.
        others = [parent if parent >= 0 else parents.index(0) for parent in parents]
        distance = np.linalg.norm(points - joints[:, None], axis=-1)
        around = np.exp(-0.5 * (distance / _REACH) ** 2) * (carried + carried[others])
        return cls(points, joints, parents, around, carried**2)

    def joints_of(self, rows: np.ndarray) -> np.ndarray:
        """(B, 24, 4) SMPL's joints and confidence, of points (B, K, 4) [m]; zeros for joints of which nothing is known."""
        found = np.zeros((len(rows), len(SMPL_JOINT_NAMES), 4))
        for joint, (place, weights) in enumerate(zip(self.joints, self.around, strict=True)):
            turn, shift, total = self._aligned(rows, weights)
            is_known = total >= _MIN_AROUND_JOINT
            found[is_known, joint, :3] = (turn @ place + shift)[is_known]
            found[is_known, joint, 3] = 1.0
        return found

    def body_pose_of(self, rows: np.ndarray) -> np.ndarray:
        """(B, 3 (J - 1)) axis-angle of the joints, of points (B, K, 4) [m]; NaN where too few points tell [rad]."""
        aligned = [self._aligned(rows, weights) for weights in self.part]
        turns = np.stack([turn for turn, _, _ in aligned], axis=1)
        is_known = np.stack([total >= _MIN_ON_PART for _, _, total in aligned], axis=1)
        parents = list(self.parents[1:])
        local = np.swapaxes(turns[:, parents], -1, -2) @ turns[:, 1:]
        pose = Rotation.from_matrix(local.reshape(-1, 3, 3)).as_rotvec().reshape(len(rows), -1, 3)
        return np.where((is_known[:, 1:] & is_known[:, parents])[..., None], pose, np.nan).reshape(len(rows), -1)

    def _aligned(self, rows: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rotation (B, 3, 3) and shift (B, 3) of the points that have weight, and how much they have together (B,)."""
        used = np.flatnonzero(weights > 1e-3)
        own = weights[used] * (rows[:, used, 3] > 0)
        points = np.broadcast_to(self.points[used], (len(rows), len(used), 3))
        turn, shift = rigidly_aligned(points, rows[:, used, :3], own, _OUTLIER)
        return turn, shift, own.sum(axis=1)
