"""Small random bodies in the format of SMPL's files: a rough person, so that lengths and sides are plausible."""

from __future__ import annotations

import dataclasses

import numpy as np

from smplify_jax.body.capsules import PARTS, Capsules
from smplify_jax.body.formats import body_from_arrays
from smplify_jax.body.model import BodyModel
from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES, SMPL_PARENTS, joint_names_for_count

_JOINT_POSITIONS = {
    "pelvis": (0.0, 0.0, 0.0),
    "left_hip": (0.07, -0.08, 0.0),
    "spine1": (0.0, 0.1, -0.02),
    "left_knee": (0.1, -0.46, 0.0),
    "spine2": (0.0, 0.24, 0.0),
    "left_ankle": (0.09, -0.86, -0.04),
    "spine3": (0.0, 0.3, 0.02),
    "left_foot": (0.12, -0.92, 0.08),
    "neck": (0.0, 0.5, -0.02),
    "left_collar": (0.08, 0.41, -0.01),
    "head": (0.0, 0.58, 0.03),
    "left_shoulder": (0.19, 0.43, -0.02),
    "left_elbow": (0.44, 0.42, -0.04),
    "left_wrist": (0.69, 0.43, -0.04),
    "left_hand": (0.78, 0.42, -0.05),
    "jaw": (0.0, 0.6, 0.07),
    "left_eye_smplhf": (0.03, 0.65, 0.1),
}
"""Rest positions [m]; the right side is the mirror image, finger joints lie beyond the wrist."""


def _joint_position(name: str) -> np.ndarray:
    mirror = np.array([-1.0, 1.0, 1.0]) if name.startswith("right_") else np.ones(3)
    left = name.replace("right_", "left_")
    if left in _JOINT_POSITIONS:
        return mirror * _JOINT_POSITIONS[left]
    finger = ("index", "middle", "pinky", "ring", "thumb").index(left.removeprefix("left_")[:-1])
    return mirror * (0.78 + 0.03 * int(left[-1]), 0.42, -0.05 - 0.02 * finger)


def parents_for(num_joints: int) -> tuple[int, ...]:
    """Parents of a body with 24, 52 or 55 joints; finger chains hang on the wrists, the face on the head."""
    names = joint_names_for_count(num_joints)
    assert names is not None
    parents = list(SMPL_PARENTS[:22])
    for name in names[22:]:
        side, _, rest = name.partition("_")
        if name in SMPL_JOINT_NAMES:
            parents.append(names.index(f"{side}_wrist"))
        elif rest[-1:].isdigit():
            is_first = rest.endswith("1")
            parents.append(names.index(f"{side}_wrist" if is_first else f"{side}_{rest[:-1]}{int(rest[-1]) - 1}"))
        else:
            parents.append(names.index("head"))
    return tuple(parents)


def random_body_arrays(
    num_joints: int = 24, num_vertices: int = 300, num_directions: int = 10, seed: int = 0
) -> dict[str, np.ndarray]:
    """The arrays of a body file in float64, under SMPL's keys.

    Args:
        num_joints: 24, 52 or 55.
        num_vertices: At least a few per joint.
        num_directions: Shape directions, for 55 joints with the expression directions at the end.
        seed: The same seed gives the same body.
    """
    rng = np.random.default_rng(seed)
    names = joint_names_for_count(num_joints)
    assert names is not None
    parents = parents_for(num_joints)
    joints = np.stack([_joint_position(name) for name in names])
    joint_of_vertex = np.arange(num_vertices) % num_joints
    v_template = joints[joint_of_vertex] + rng.normal(0, 0.03, (num_vertices, 3))
    weights = np.zeros((num_vertices, num_joints))
    share = rng.uniform(0.5, 1, num_vertices)
    rows = np.arange(num_vertices)
    weights[rows, joint_of_vertex] += share
    weights[rows, np.maximum(np.array(parents)[joint_of_vertex], 0)] += 1 - share
    regressor = np.where(joint_of_vertex == np.arange(num_joints)[:, None], rng.uniform(0.5, 1, num_vertices), 0.0)
    return {
        "v_template": v_template,
        "shapedirs": rng.normal(0, 0.01, (num_vertices, 3, num_directions)),
        "posedirs": rng.normal(0, 0.001, (num_vertices, 3, 9 * (num_joints - 1))),
        "J_regressor": regressor / regressor.sum(axis=1, keepdims=True),
        "weights": weights,
        "f": np.stack([(rows + k) % num_vertices for k in range(3)], axis=1).astype(np.uint32),
        "kintree_table": np.array([[2**32 - 1, *parents[1:]], range(num_joints)], np.int64),
    }


def random_body(
    num_joints: int = 24, num_vertices: int = 300, num_directions: int = 10, num_betas: int = 10, seed: int = 0
) -> BodyModel:
    """A body made of `random_body_arrays`."""
    arrays = random_body_arrays(num_joints, num_vertices, num_directions, seed)
    return body_from_arrays(arrays, name="random", source="random arrays", num_betas=num_betas)


def random_body_with_points(num_joints: int = 24, seed: int = 0) -> BodyModel:
    """A random body that defines the face and feet of the layouts, each as a sum of three vertices near its joint."""
    body = random_body(num_joints, seed=seed)
    rng = np.random.default_rng(seed)
    nearest = {"nose": "head", "eye": "head", "ear": "head", "head_top": "head", "toe": "foot", "heel": "ankle"}
    names = ["nose", "head_top"]
    names += [f"{side}_{part}" for side in ("left", "right") for part in ("eye", "ear", "big_toe", "small_toe", "heel")]
    rows = []
    for name in names:
        joint = next(joint for part, joint in nearest.items() if part in name)
        side = name.split("_")[0] + "_" if name.startswith(("left_", "right_")) and joint != "head" else ""
        vertices = np.flatnonzero(np.argmax(body.lbs_weights, axis=1) == body.joint_names.index(side + joint))
        rows.append(rng.choice(vertices, 3, replace=False))
    return dataclasses.replace(
        body,
        point_names=tuple(names),
        point_vertices=np.array(rows, np.int32),
        point_weights=rng.dirichlet(np.ones(3), len(rows)).astype(np.float32),
    )


def with_random_capsules(body: BodyModel, seed: int = 0) -> BodyModel:
    """The body with capsules so thick that far parts meet, and gradients are nowhere too small to be compared."""
    rng = np.random.default_rng(seed)
    num_rows, num_parts = body.num_betas + 1, len(PARTS)
    lengths, radii = rng.normal(0, 0.01, (num_rows, num_parts)), rng.normal(0, 0.01, (num_rows, num_parts))
    lengths[-1], radii[-1] = rng.uniform(0.2, 0.4, num_parts), rng.uniform(0.3, 0.5, num_parts)
    axes = rng.normal(size=(num_parts, 3))
    axes /= np.linalg.norm(axes, axis=1, keepdims=True)
    rows = (axes, rng.normal(0, 0.02, (num_rows, num_parts, 3)), lengths, radii)
    return dataclasses.replace(body, capsules=Capsules(*(array.astype(np.float32) for array in rows)))
