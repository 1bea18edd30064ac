"""SMPL's forward pass in torch, reduced to what SPIN's recipe needs, so that another library's overhead does not slow the torch baseline.

The whole mesh is skinned, as in SPIN's own code at every step. Compared with smplx's `SMPL.forward`, it leaves out or precomputes joints
selected from vertices, homogeneous coordinates, rest joints from the mesh (they are linear in the betas), and products of one 4x4 matrix
per vertex. Shape and pose blend shapes are one matrix product, and arrays are laid out so that the processor's vector units are used.
Outputs equal those of smplx to float32 precision.
Source: Loper et al., SMPL, SIGGRAPH Asia 2015, equations 2-10.
"""

from __future__ import annotations

import numpy as np
import torch

from smplify_jax import BodyModel

_SMALLEST_SQUARE = 1e-16  # added to a rotation vector's squared norm [rad²]: values and derivatives stay finite at zero

# (3, 9): a vector times this is the matrix of its cross product.
_CROSS = torch.tensor([[0, 0, 0, 0, 0, -1, 0, 1, 0], [0, 0, 1, 0, 0, 0, -1, 0, 0], [0, -1, 0, 1, 0, 0, 0, 0, 0.0]])


class LeanSmpl:
    """A body of V vertices, J joints and B betas."""

    def __init__(self, body: BodyModel) -> None:
        template, shapedirs = np.asarray(body.v_template), np.asarray(body.shapedirs)
        regressor, posedirs = np.asarray(body.J_regressor), np.asarray(body.posedirs)
        self._num_vertices, self._num_joints = len(template), len(regressor)
        # Rows: betas, then the entries of (R - I); columns: the x of all vertices, then y, then z.
        rows = np.concatenate([shapedirs, posedirs], axis=2).transpose(2, 1, 0)
        self._template = _tensor(template.T.reshape(1, -1))
        self._directions = _tensor(rows.reshape(len(rows), -1))
        self._weights = _tensor(np.asarray(body.lbs_weights).T)
        self._rest_joints = _tensor(regressor @ template)
        self._joint_directions = _tensor(np.einsum("jv,vcb->bjc", regressor, shapedirs).reshape(shapedirs.shape[2], -1))
        self._identity = torch.eye(3)

        parents = list(body.parents)
        self._parents = torch.tensor([max(parent, 0) for parent in parents])
        self._is_bone = torch.tensor([[0.0 if parent < 0 else 1.0] for parent in parents])
        self._ancestors_or_self = _tensor(_ancestors_or_self(parents))
        self._jumps = _jumps(parents)

    def __call__(
        self, betas: torch.Tensor, global_orient: torch.Tensor, body_pose: torch.Tensor, transl: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Vertices (N, V, 3) and joints (N, J, 3) [m] of N bodies; arguments as in smplx."""
        num_people = len(betas)
        # Separately, so that steps of the orientation alone do not differentiate the pose blend shapes.
        root, others = (_rotation_matrices(vectors.view(num_people, -1, 3)) for vectors in (global_orient, body_pose))
        rotations = torch.cat([root, others], 1)
        features = (others - self._identity).view(num_people, -1)
        posed = torch.addmm(self._template, torch.cat([betas, features], 1), self._directions)
        posed = posed.view(num_people, 3, self._num_vertices)
        rest = self._rest_joints + (betas @ self._joint_directions).view(num_people, -1, 3)

        turns = self._world_rotations(rotations)
        # A joint's position is the sum of all bones on its path from the root, each rotated by its parent joint.
        bones = (rest - rest[:, self._parents]) * self._is_bone
        turned = _times(turns[:, self._parents], bones)
        joints = self._ancestors_or_self @ turned + (rest[:, :1] + transl[:, None])
        offsets = joints - _times(turns, rest)
        transforms = torch.cat([turns, offsets[..., None]], -1).permute(0, 2, 3, 1).reshape(-1, self._num_joints)
        blended = (transforms @ self._weights).view(num_people, 3, 4, self._num_vertices)
        *columns, vertices = blended.unbind(2)  # the derivatives of single slices would be padded with zeros
        for column, coordinate in zip(columns, posed.unbind(1), strict=True):
            vertices = torch.addcmul(vertices, column, coordinate[:, None])
        return vertices.transpose(1, 2), joints

    def _world_rotations(self, rotations: torch.Tensor) -> torch.Tensor:
        """Global rotations (N, J, 3, 3); each product doubles the number of ancestors included in a joint's rotation."""
        num_people = len(rotations)
        beyond_root = self._identity.expand(num_people, 1, 3, 3)
        world = torch.cat([rotations, beyond_root], 1)
        for ancestors in self._jumps:
            above = world.index_select(1, ancestors)
            world = torch.bmm(above.view(-1, 3, 3), world.view(-1, 3, 3)).view(num_people, -1, 3, 3)
        return world[:, :-1]


def _rotation_matrices(vectors: torch.Tensor) -> torch.Tensor:
    """Rotation matrices (N, J, 3, 3) of rotation vectors (N, J, 3), by Rodrigues' formula."""
    square = (vectors * vectors).sum(-1)[..., None, None] + _SMALLEST_SQUARE
    angle = square.sqrt()
    cross = (vectors @ _CROSS).view(-1, 3, 3)
    twice = torch.bmm(cross, cross)
    shape = (*vectors.shape, 3)
    turn = torch.addcmul(torch.eye(3), cross.view(shape), angle.sin() / angle)
    return torch.addcmul(turn, twice.view(shape), (1 - angle.cos()) / square)


def _times(matrices: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
    """Product of matrices (..., 3, 3) and vectors (..., 3)."""
    return (matrices * vectors[..., None, :]).sum(-1)


def _jumps(parents: list[int]) -> list[torch.Tensor]:
    """The ancestors (J + 1,) 1, 2, 4, ... steps above each joint, while any joint has one; index J stands for beyond the root."""
    beyond = len(parents)
    above = np.array([beyond if parent < 0 else parent for parent in parents] + [beyond])
    jumps = []
    while (above < beyond).any():
        jumps.append(torch.tensor(above))
        above = above[above]
    return jumps


def _ancestors_or_self(parents: list[int]) -> np.ndarray:
    matrix = np.eye(len(parents))
    for joint, parent in enumerate(parents):
        if parent >= 0:
            matrix[joint] += matrix[parent]
    return matrix


def _tensor(array: np.ndarray) -> torch.Tensor:
    return torch.tensor(np.ascontiguousarray(array, np.float32))
