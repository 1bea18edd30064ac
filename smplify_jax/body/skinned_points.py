"""Keypoints posed in NumPy by plain linear blend skinning, for programs that must not load JAX, such as a trainer's data loaders.

Fits use `KeypointBody`: the same sums, rearranged for speed and derivatives.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class SkinnedPoints:
    """K keypoints as weighted sums of J joints and M skinned vertices; shapes are linear in (1, betas).

    Attributes:
        joints: (J, 3, 1 + B) at rest [m].
        vertices: (M, 3, 1 + B) at rest [m].
        posedirs: (M, 3, J - 1, 9) displacement per entry of (R - I) [m].
        lbs_weights: (M, J).
        weights_of_joints: (K, J).
        weights_of_vertices: (K, M).
        is_defined: (K,) False where the body lacks a point.
        parents: (J,) -1 for the root.
    """

    joints: np.ndarray
    vertices: np.ndarray
    posedirs: np.ndarray
    lbs_weights: np.ndarray
    weights_of_joints: np.ndarray
    weights_of_vertices: np.ndarray
    is_defined: np.ndarray
    parents: np.ndarray

    def at(self, pose: np.ndarray, betas: np.ndarray) -> np.ndarray:
        """Keypoints of N bodies, transl zero.

        Args:
            pose: (N, P) axis-angle [rad] of at least J joints in the body's order, global_orient first; further numbers are ignored.
            betas: (N, B'), of which the first B are used.
        Returns:
            (N, K, 3) float64 [m]; NaN where the body lacks a point.
        Source: Loper et al., SMPL, SIGGRAPH Asia 2015, equations 2-10.
        """
        num_joints, num_betas = len(self.joints), self.joints.shape[2] - 1
        num_people = len(pose)
        vectors = np.asarray(pose, np.float64)[:, : 3 * num_joints].reshape(-1, 3)
        from scipy.spatial.transform import Rotation  # a quarter of a second, which `fit` has no use for

        rotations = Rotation.from_rotvec(vectors).as_matrix().reshape(num_people, num_joints, 3, 3)
        shape = np.concatenate([np.ones((num_people, 1)), np.asarray(betas, np.float64)[:, :num_betas]], axis=1)
        joints, vertices = (np.tensordot(shape, rest, (1, 2)) for rest in (self.joints, self.vertices))
        features = (rotations[:, 1:] - np.eye(3)).reshape(num_people, num_joints - 1, 9)
        vertices += np.tensordot(features, self.posedirs, ((1, 2), (2, 3)))

        world_rotations, positions = self._posed_joints(rotations, joints)
        skinned = self.lbs_weights @ (positions - np.einsum("njab,njb->nja", world_rotations, joints))
        blended = (self.lbs_weights @ world_rotations.reshape(num_people, num_joints, 9)).reshape(num_people, -1, 3, 3)
        skinned += np.einsum("nmab,nmb->nma", blended, vertices)
        points = self.weights_of_joints @ positions + self.weights_of_vertices @ skinned
        points[:, ~self.is_defined] = np.nan
        return points

    def _posed_joints(self, rotations: np.ndarray, joints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """World rotations (N, J, 3, 3) and positions (N, J, 3) of the joints."""
        world_rotations, positions = rotations.copy(), joints.copy()
        for joint, parent in enumerate(self.parents):
            if parent >= 0:
                world_rotations[:, joint] = world_rotations[:, parent] @ rotations[:, joint]
                bone = joints[:, joint] - joints[:, parent]
                positions[:, joint] = positions[:, parent] + np.einsum("nab,nb->na", world_rotations[:, parent], bone)
        return world_rotations, positions
