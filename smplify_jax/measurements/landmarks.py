"""Landmarks, found once on the mean body of a mesh from its joints and its outline, and then the same points of every shape.

They are found by shape and not by vertex numbers, so that they exist on any body of the SMPL family. The rest pose is the T-pose: y up,
z to the front, x to the body's left. ISO 8559-1 measures the right side.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smplify_jax.measurements.rest_mesh import UP, RestMesh

_NUM_LEVELS = 60
"""Heights that a search compares: about 5 mm apart on a trunk."""
_NUM_NEAR = 6
"""Vertices whose mean is a landmark on the skin: one alone would make it depend on how the mesh is cut into triangles."""


@dataclass(frozen=True)
class Landmarks:
    """Points carried by the mesh, as weights (V,) over its vertices; those called levels count by their height alone.

    Attributes:
        crotch: the lowest point of the trunk between the legs.
        back_neck: on the back, at the height of the neck joint; about the seventh cervical vertebra.
        side_neck: where the neck meets the right shoulder.
        shoulder, elbow, wrist: of the right arm, on the skin: above the shoulder joint, behind the elbow, behind the wrist.
        left_shoulder: the mirror image of `shoulder`.
        neck_level: where the neck is narrowest.
        bust_level, under_bust, waist_level, belly, hip_level: of the trunk.
        upper_arm_level: on the axis of the right arm.
        thigh_level, mid_thigh_level, knee_level, calf_level, ankle_level: of the right leg.
    """

    crotch: np.ndarray
    back_neck: np.ndarray
    side_neck: np.ndarray
    shoulder: np.ndarray
    left_shoulder: np.ndarray
    elbow: np.ndarray
    wrist: np.ndarray
    neck_level: np.ndarray
    bust_level: np.ndarray
    under_bust: np.ndarray
    waist_level: np.ndarray
    belly: np.ndarray
    hip_level: np.ndarray
    upper_arm_level: np.ndarray
    thigh_level: np.ndarray
    mid_thigh_level: np.ndarray
    knee_level: np.ndarray
    calf_level: np.ndarray
    ankle_level: np.ndarray


def find_landmarks(mesh: RestMesh) -> Landmarks:
    """Find the landmarks on the mean body.

    Raises:
        ValueError, IndexError, scipy.spatial.QhullError: the mesh is not that of a whole body in a T-pose.
    """
    joint, place = mesh.joint, mesh.place
    is_trunk = ~mesh.is_arm
    stature = np.ptp(mesh.vertices[:, 1])
    hips = 0.5 * (joint("left_hip") + joint("right_hip"))
    crotch = _crotch(mesh, hips)
    trunk = _Outline(mesh, is_trunk)

    neck = _blend(
        joint("neck"),
        joint("head"),
        trunk.narrowest(joint("neck"), joint("head"), _unit(place(joint("head") - joint("neck")))),
    )
    bust = trunk.most(UP[[2, 0, 1]], 0.5 * (joint("spine2") + joint("spine3")), joint("neck"), side=(0.04, 0.13))
    waist_low = 0.5 * (joint("pelvis") + joint("spine1"))
    waist = _blend(waist_low, bust, trunk.narrowest(waist_low, bust, UP))
    belly = trunk.most(UP[[2, 0, 1]], hips, waist, side=(0.0, 0.03))
    buttocks = trunk.most(-UP[[2, 0, 1]], crotch, waist, side=(0.0, 0.1))
    right_leg = _Outline(mesh, is_trunk & (mesh.vertices[:, 0] <= 1e-6))
    knee, ankle = joint("right_knee"), joint("right_ankle")
    calf = _blend(knee, ankle, right_leg.thickest(knee, _blend(knee, ankle, 0.6)) * 0.6)
    shoulder = _above(mesh, joint("right_shoulder"))
    elbow, wrist = (_behind(mesh, joint(f"right_{name}")) for name in ("elbow", "wrist"))
    return Landmarks(
        crotch=crotch,
        back_neck=trunk.skin_at(joint("neck"), aside=0.0, ahead=-1.0),
        side_neck=_side_neck(mesh, neck),
        shoulder=shoulder,
        left_shoulder=_above(mesh, joint("left_shoulder")),
        elbow=elbow,
        wrist=wrist,
        neck_level=neck,
        bust_level=bust,
        under_bust=_under_bust(mesh, trunk, bust, waist),
        waist_level=waist,
        belly=belly,
        hip_level=buttocks,
        upper_arm_level=0.5 * (joint("right_shoulder") + joint("right_elbow")),
        thigh_level=_blend(crotch, knee, 0.01 * stature / (place(crotch) - place(knee))[1]),
        mid_thigh_level=0.5 * (crotch + knee),
        knee_level=knee,
        calf_level=calf,
        ankle_level=_blend(calf, ankle, right_leg.narrowest(calf, ankle, UP)),
    )


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


def _blend(first: np.ndarray, second: np.ndarray, share: float) -> np.ndarray:
    return (1.0 - share) * first + share * second


@dataclass(frozen=True)
class _Outline:
    """Part of the mean body, cut by planes."""

    mesh: RestMesh
    is_taken: np.ndarray

    def _girths(self, low: np.ndarray, high: np.ndarray, normal: np.ndarray) -> np.ndarray:
        shares = np.linspace(0.0, 1.0, _NUM_LEVELS)
        places = [self.mesh.place(_blend(low, high, share)) for share in shares]
        girths = np.array([self.mesh.girth(place, normal, self.is_taken) for place in places])
        if np.isnan(girths).any():
            raise ValueError("a plane between two landmarks does not cut the body")
        return girths

    def narrowest(self, low: np.ndarray, high: np.ndarray, normal: np.ndarray) -> float:
        """Share of the way from one point to another at which a tape is shortest."""
        return float(np.argmin(self._girths(low, high, normal)) / (_NUM_LEVELS - 1))

    def thickest(self, low: np.ndarray, high: np.ndarray) -> float:
        """Share of the way at which a horizontal tape is longest."""
        return float(np.argmax(self._girths(low, high, UP)) / (_NUM_LEVELS - 1))

    def most(self, direction: np.ndarray, low: np.ndarray, high: np.ndarray, side: tuple[float, float]) -> np.ndarray:
        """The most prominent points of both sides between two heights, `side` [m] from the middle: their mean."""
        vertices, heights = self.mesh.vertices, (self.mesh.place(low)[1], self.mesh.place(high)[1])
        aside = np.abs(vertices[:, 0])
        is_there = self.is_taken & (vertices[:, 1] > heights[0]) & (vertices[:, 1] < heights[1])
        is_there &= (aside >= side[0]) & (aside <= side[1])
        score = np.where(is_there, vertices @ direction, -np.inf)
        return _mean_of(self.mesh, np.argsort(-score, kind="stable")[:_NUM_NEAR])

    def skin_at(self, level: np.ndarray, aside: float, ahead: float) -> np.ndarray:
        """The point of the front (ahead +1) or of the back (-1) at a height that is nearest to a place beside the middle [m]."""
        cut = self.mesh.cut(self.mesh.place(level), UP, self.is_taken)
        depth = ahead * (cut.places[:, 2] - cut.places[:, 2].mean())
        return cut.carried(int(np.argmin(np.where(depth > 0, np.abs(cut.places[:, 0] - aside), np.inf))))


def _mean_of(mesh: RestMesh, indices: np.ndarray) -> np.ndarray:
    weights = np.zeros(len(mesh.vertices))
    weights[indices] = 1.0 / len(indices)
    return weights


def _crotch(mesh: RestMesh, hips: np.ndarray) -> np.ndarray:
    """The lowest point of the middle plane's cut, which passes between the legs."""
    cut = mesh.cut(np.zeros(3), UP[[1, 0, 2]], ~mesh.is_arm)
    heights = cut.places[:, 1]
    return cut.carried(int(np.argmin(np.where(heights < mesh.place(hips)[1], heights, np.inf))))


def _above(mesh: RestMesh, joint: np.ndarray) -> np.ndarray:
    """The skin straight above a joint: the highest vertices around the vertical through it."""
    centre = mesh.place(joint)
    offset = mesh.vertices - centre
    near = np.argsort(np.where(offset[:, 1] > 0, np.hypot(offset[:, 0], offset[:, 2]), np.inf), kind="stable")[
        :_NUM_NEAR
    ]
    return _mean_of(mesh, near)


def _behind(mesh: RestMesh, joint: np.ndarray) -> np.ndarray:
    """The skin straight behind a joint of an arm."""
    offset = mesh.vertices - mesh.place(joint)
    is_there = mesh.is_arm & (offset[:, 2] < 0)
    near = np.argsort(np.where(is_there, np.hypot(offset[:, 0], offset[:, 1]), np.inf), kind="stable")[:_NUM_NEAR]
    return _mean_of(mesh, near)


def _side_neck(mesh: RestMesh, neck: np.ndarray) -> np.ndarray:
    """The highest skin beside the neck, a quarter further out than the neck is wide where it is narrowest."""
    around = mesh.cut(mesh.place(neck), UP, ~mesh.is_arm).places
    beside = -0.5 * np.ptp(around[:, 0]) * 1.25
    cut = mesh.cut(np.array([beside, 0.0, 0.0]), UP[[1, 0, 2]], ~mesh.is_arm)
    heights = cut.places[:, 1]
    return cut.carried(int(np.argmax(np.where(heights < mesh.place(neck)[1], heights, -np.inf))))


def _under_bust(mesh: RestMesh, trunk: _Outline, bust: np.ndarray, waist: np.ndarray) -> np.ndarray:
    """The crease below the breasts: where the front is furthest behind the straight line from the bust to the waist."""
    aside = float(np.abs(mesh.vertices[bust > 0, 0]).mean())
    shares = np.linspace(0.1, 0.9, _NUM_LEVELS // 2)
    fronts = np.array(
        [mesh.place(trunk.skin_at(_blend(bust, waist, share), -aside, 1.0))[2] for share in (0.0, *shares, 1.0)]
    )
    behind = np.interp(shares, (0.0, 1.0), fronts[[0, -1]]) - fronts[1:-1]
    return trunk.skin_at(_blend(bust, waist, float(shares[np.argmax(behind)])), 0.0, 1.0)
