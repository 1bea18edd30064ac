"""GLB: the mesh with its skeleton and skin, posed by the rotations of the joints; for motions with keys over time.

glTF's skins are linear blend skinning with four joints a vertex, as SMPL's are, without the displacements that depend on the pose:
`python -m benchmarks.skinned_export` measures what that costs.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from smplify_jax.exports.gltf import Gltf
from smplify_jax.exports.motion import BodyMotion, SkeletonMotion
from smplify_jax.files.atomic import atomic_write
from smplify_jax.geometry.mesh_normals import vertex_normals

if TYPE_CHECKING:
    from smplify_jax.body.model import BodyModel

_JOINTS_PER_VERTEX = 4

_COLOR = (0.73, 0.77, 0.91, 1.0)


def write_glb(path: str | os.PathLike[str], people: Sequence[BodyMotion]) -> None:
    """Write people, for Blender, three.js, Windows' and macOS' viewers.

    The frame is upright: x right, y up, z towards the camera, which is at the origin [m]. Frames without a body have no keys: viewers move
    the body from the frame before to the one after.

    Args:
        path: the file.
        people: of one moment, or their motions; those without a body are left out.
    Raises:
        InputError: the frames of a person have different betas, or the file cannot be written.
    """
    content = glb(people)
    with atomic_write(path) as file:
        file.write(content)


def glb(people: Sequence[BodyMotion]) -> bytes:
    """The file that `write_glb` writes."""
    gltf = Gltf("smplify-jax")
    gltf.content |= {
        "scene": 0,
        "scenes": [{"nodes": []}],
        "nodes": [],
        "materials": [
            {
                "name": "body",
                "pbrMetallicRoughness": {"baseColorFactor": _COLOR, "metallicFactor": 0.0, "roughnessFactor": 0.7},
            }
        ],
        "meshes": [],
        "skins": [],
    }
    for person in people:
        if person.is_usable.any():
            _add_person(gltf, person)
    return gltf.to_bytes()


def _add_person(gltf: Gltf, person: BodyMotion) -> None:
    """Add nodes, mesh, skin and, for a motion, keys.

    The mesh is at the root of the scene: its place follows from the joints alone. The joints of each person are below a node of their own,
    without which Blender makes one armature of everybody's.
    """
    content = gltf.content
    used = np.flatnonzero(person.is_usable)
    skeleton = SkeletonMotion.of(person, used)
    first, num_joints = len(content["nodes"]), person.body.num_joints
    content["nodes"] += _joint_nodes(person.body, skeleton, first)
    content["nodes"] += [
        {"name": f"{person.name}_skeleton", "children": [first]},
        {"name": person.name, "mesh": len(content["meshes"]), "skin": len(content["skins"])},
    ]
    content["scenes"][0]["nodes"] += [first + num_joints, first + num_joints + 1]
    content["meshes"].append({"name": person.name, "primitives": [_primitive(gltf, person.body, skeleton)]})
    content["skins"].append(_skin(gltf, person.name, skeleton, first))
    if person.times is not None:
        content.setdefault("animations", [{"name": "motion", "samplers": [], "channels": []}])
        _add_keys(gltf, content["animations"][0], person.times[used], skeleton, first)


def _joint_nodes(body: BodyModel, skeleton: SkeletonMotion, first: int) -> list[dict]:
    """A node for each joint, numbered from `first`, in the first frame's pose."""
    nodes = []
    for joint, (name, parent) in enumerate(zip(body.joint_names, body.parents, strict=True)):
        children = [first + child for child, its_parent in enumerate(body.parents) if its_parent == joint]
        place = skeleton.root[0] if parent < 0 else skeleton.rest_joints[joint] - skeleton.rest_joints[parent]
        node = {"name": name, "translation": place.tolist(), "rotation": skeleton.rotations[0, joint].tolist()}
        nodes.append(node | ({"children": children} if children else {}))
    return nodes


def _primitive(gltf: Gltf, body: BodyModel, skeleton: SkeletonMotion) -> dict:
    faces = np.asarray(body.faces)
    vertices = skeleton.rest_vertices.astype(np.float32)
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


def _skin(gltf: Gltf, name: str, skeleton: SkeletonMotion, first: int) -> dict:
    num_joints = len(skeleton.rest_joints)
    inverse_binds = np.tile(np.eye(4, dtype=np.float32), (num_joints, 1, 1))
    inverse_binds[:, :3, 3] = -skeleton.rest_joints
    return {
        "name": name,
        "joints": list(range(first, first + num_joints)),
        "skeleton": first,
        "inverseBindMatrices": gltf.add(inverse_binds),
    }


def _add_keys(gltf: Gltf, animation: dict, times: np.ndarray, skeleton: SkeletonMotion, first: int) -> None:
    """Add keys of the root's place and of every joint's rotation."""
    at = gltf.add(times.astype(np.float32), has_bounds=True)
    outputs = [("translation", first, skeleton.root)]
    outputs += [("rotation", first + joint, turns) for joint, turns in enumerate(skeleton.rotations.swapaxes(0, 1))]
    for path, node, values in outputs:
        target = {"node": node, "path": path}
        animation["channels"].append({"sampler": len(animation["samplers"]), "target": target})
        sampler = {"input": at, "output": gltf.add(values.astype(np.float32)), "interpolation": "LINEAR"}
        animation["samplers"].append(sampler)
