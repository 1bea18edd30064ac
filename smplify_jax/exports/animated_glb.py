"""A motion as a GLB file: the body's mesh with its skin, and the rotations of its joints over time.

glTF's skins are linear blend skinning with four joints a vertex, as SMPL's are, without the displacements that depend on the pose: elbows
and shoulders are off by up to a centimetre or two from `FitResult.vertices`.
"""

from __future__ import annotations

import os

import numpy as np
from jax.typing import ArrayLike
from scipy.spatial.transform import Rotation

from smplify_jax.body.model import BodyModel
from smplify_jax.errors import InputError
from smplify_jax.exports.gltf import Gltf
from smplify_jax.files.atomic import atomic_write
from smplify_jax.geometry.frames import UPRIGHT_FROM_CAMERA
from smplify_jax.pictures.raycast import vertex_normals
from smplify_jax.result import FitResult

_UPRIGHT_FROM_Z_UP = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])

_JOINTS_PER_VERTEX = 4

_COLOR = (0.73, 0.77, 0.91, 1.0)


def write_animated_glb(path: str | os.PathLike[str], result: FitResult, times: ArrayLike) -> None:
    """Write one person's motion, for Blender, three.js, Windows' and macOS' viewers.

    Frames without a body have no keys: viewers move the body from the frame before to the one after.

    Args:
        path: the file.
        result: one person in T frames, in the upright frame (x right, y up, z towards the camera, which is at the origin) [m]; a result
            in a world with z up has y up in the file.
        times: (T,) of the frames [s], increasing.
    Raises:
        InputError: no frame has a body, there are several people, the frames have different betas, or the file cannot be written.
    """
    content = animated_glb(result, times)
    with atomic_write(path) as file:
        file.write(content)


def animated_glb(result: FitResult, times: ArrayLike) -> bytes:
    """The file that `write_animated_glb` writes."""
    clock = np.asarray(times, np.float32).reshape(-1)
    if result.status.ndim != 1 or clock.shape != result.status.shape:
        raise InputError(
            f"The result has statuses of shape {result.status.shape} and there are {len(clock)} times: give one person's frames, "
            "and a time for each."
        )
    used = np.array([status.is_usable for status in result.statuses()])
    if not used.any():
        raise InputError("No frame of this result has a body, so there is no motion to write: see its statuses.")
    betas = np.asarray(result.betas)[used]
    if (betas != betas[0]).any():
        raise InputError(
            "The frames have different betas, and a mesh has one shape: fit them together with fit_sequence."
        )
    shaped = result.body.with_shape(betas[0])
    rest_joints = np.asarray(shaped.rest_joints, np.float64)
    turns, pelvis = _motion(result, used, rest_joints)
    gltf = Gltf("smplify-jax")
    num_joints = len(rest_joints)
    gltf.content |= {
        "scene": 0,
        "scenes": [{"nodes": [0, num_joints]}],
        "nodes": [*_joint_nodes(result.body, rest_joints, turns[0], pelvis[0]), {"name": "body", "mesh": 0, "skin": 0}],
        "materials": [
            {
                "name": "body",
                "pbrMetallicRoughness": {"baseColorFactor": _COLOR, "metallicFactor": 0.0, "roughnessFactor": 0.7},
            }
        ],
        "meshes": [
            {"name": "body", "primitives": [_primitive(gltf, result.body, np.asarray(shaped.v_shaped, np.float32))]}
        ],
        "skins": [_skin(gltf, rest_joints)],
        "animations": [_animation(gltf, clock[used], turns, pelvis)],
    }
    return gltf.to_bytes()


def _motion(result: FitResult, used: np.ndarray, rest_joints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Quaternions (T, J, 4) x, y, z, w of the joints relative to their parents, and the root joint's places (T, 3)."""
    pose = np.concatenate([result.global_orient, result.body_pose], axis=-1)[used].astype(np.float64)
    turns = np.zeros((len(pose), len(rest_joints), 4))
    turns[..., 3] = 1
    turns[:, : pose.shape[1] // 3] = Rotation.from_rotvec(pose.reshape(-1, 3)).as_quat().reshape(len(pose), -1, 4)
    world = Rotation.from_matrix(UPRIGHT_FROM_CAMERA if result.extrinsics is None else _UPRIGHT_FROM_Z_UP)
    turns[:, 0] = (world * Rotation.from_quat(turns[:, 0])).as_quat()
    # q and -q are the same rotation; viewers turn the short way between keys that are alike.
    flips = np.cumprod(np.where(np.einsum("tjc,tjc->tj", turns[1:], turns[:-1]) < 0, -1.0, 1.0), axis=0)
    turns[1:] *= flips[..., None]
    pelvis = world.apply(np.asarray(result.transl, np.float64)[used] + rest_joints[0])
    return turns.astype(np.float32), pelvis.astype(np.float32)


def _joint_nodes(body: BodyModel, rest_joints: np.ndarray, turns: np.ndarray, pelvis: np.ndarray) -> list[dict]:
    """A node for each joint, in the first frame's pose."""
    nodes = []
    for joint, (name, parent) in enumerate(zip(body.joint_names, body.parents, strict=True)):
        children = [child for child, its_parent in enumerate(body.parents) if its_parent == joint]
        place = pelvis if parent < 0 else rest_joints[joint] - rest_joints[parent]
        node = {"name": name, "translation": list(map(float, place)), "rotation": turns[joint].tolist()}
        nodes.append(node | ({"children": children} if children else {}))
    return nodes


def _primitive(gltf: Gltf, body: BodyModel, vertices: np.ndarray) -> dict:
    faces = np.asarray(body.faces)
    joints, weights = skin_weights(np.asarray(body.lbs_weights))
    index_type = np.uint16 if len(vertices) < 2**16 - 1 else np.uint32
    return {
        "attributes": {
            "POSITION": gltf.add(vertices, of_vertices=True, has_bounds=True),
            "NORMAL": gltf.add(_normals(vertices, faces), of_vertices=True),
            "JOINTS_0": gltf.add(joints, of_vertices=True),
            "WEIGHTS_0": gltf.add(weights, of_vertices=True),
        },
        "indices": gltf.add(faces.reshape(-1).astype(index_type), of_indices=True),
        "material": 0,
    }


def skin_weights(lbs_weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The four joints (V, 4) uint8 that move each vertex most, and their weights (V, 4) float32, which sum to one."""
    joints = np.argsort(-lbs_weights, axis=1, kind="stable")[:, :_JOINTS_PER_VERTEX]
    weights = np.maximum(np.take_along_axis(lbs_weights, joints, axis=1), 0).astype(np.float64)
    weights = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    return np.where(weights > 0, joints, 0).astype(np.uint8), weights


def _normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Unit normals (V, 3) float32; those of vertices without a face, which glTF wants to be unit vectors as well, point up."""
    normals = vertex_normals(vertices.astype(np.float64), faces)
    return np.where(normals.any(axis=1, keepdims=True), normals, (0.0, 1.0, 0.0)).astype(np.float32)


def _skin(gltf: Gltf, rest_joints: np.ndarray) -> dict:
    inverse_binds = np.tile(np.eye(4, dtype=np.float32), (len(rest_joints), 1, 1))
    inverse_binds[:, :3, 3] = -rest_joints
    return {
        "name": "skeleton",
        "joints": list(range(len(rest_joints))),
        "skeleton": 0,
        "inverseBindMatrices": gltf.add(inverse_binds),
    }


def _animation(gltf: Gltf, times: np.ndarray, turns: np.ndarray, pelvis: np.ndarray) -> dict:
    """Keys of every joint that moves."""
    at = gltf.add(times, has_bounds=True)
    outputs = [("translation", 0, pelvis), *(("rotation", joint, turns[:, joint]) for joint in range(turns.shape[1]))]
    samplers = [{"input": at, "output": gltf.add(values), "interpolation": "LINEAR"} for _, _, values in outputs]
    channels = [
        {"sampler": number, "target": {"node": node, "path": path}} for number, (path, node, _) in enumerate(outputs)
    ]
    return {"name": "motion", "samplers": samplers, "channels": channels}
