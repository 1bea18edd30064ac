"""Skeleton animations of binary glTF files (GLB)."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation, Slerp

from smplify_jax.errors import InputError
from smplify_jax.learn.mocap.motion import Motion, compose

FRAMES_PER_SECOND = 10.0

_COMPONENTS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}
_FLOAT32 = 5126


def read_glb(path: str | Path) -> dict[str, Motion]:
    """Read every animation of a GLB file, sampled 10 times a second.

    Args:
        path: a .glb file with one skeleton; key frames LINEAR (interpolated on the sphere) or STEP.
    Returns:
        Motions by animation name, in glTF's axes (y up, metres). The zero pose is not meaningful here: take a rest
        animation as the reference.
    Raises:
        InputError: not a GLB file, or without animations.
    Source: Khronos glTF 2.0 specification, sections 3.11 (animations) and 4 (GLB).
    """
    data = Path(path).read_bytes()
    if data[:4] != b"glTF":
        raise InputError(f"{path} is not a GLB file (binary glTF); export the animations as .glb.")
    (json_length,) = struct.unpack("<I", data[12:16])
    gltf = json.loads(data[20 : 20 + json_length])
    if not gltf.get("animations"):
        raise InputError(f"{path} holds no animations; export it with its animations included.")
    blob = data[20 + json_length + 8 :]
    order, parents = _topological(gltf["nodes"])
    nodes = [gltf["nodes"][index] for index in order]
    offsets = np.array([node.get("translation", (0.0, 0.0, 0.0)) for node in nodes])
    names = tuple(node["name"] for node in nodes)
    out = {}
    for animation in gltf["animations"]:
        local = _sample(gltf, blob, animation, {node: place for place, node in enumerate(order)}, nodes)
        out[animation["name"]] = Motion(names, parents, offsets, compose(parents, local))
    return out


def _topological(nodes: list[dict]) -> tuple[list[int], tuple[int, ...]]:
    """Node order with parents first, and the position of each node's parent in it."""
    parent_of = {child: index for index, node in enumerate(nodes) for child in node.get("children", [])}
    order = [index for index in range(len(nodes)) if index not in parent_of]
    for index in order:
        order.extend(nodes[index].get("children", []))  # grows during the iteration: breadth-first
    place = {node: position for position, node in enumerate(order)}
    return order, tuple(place[parent_of[index]] if index in parent_of else -1 for index in order)


def _sample(gltf: dict, blob: bytes, animation: dict, place: dict[int, int], nodes: list[dict]) -> np.ndarray:
    """(T, J, 3, 3) local rotations of one animation."""
    samplers = animation["samplers"]
    duration = max(float(_accessor(gltf, blob, sampler["input"])[-1, 0]) for sampler in samplers)
    times = np.arange(0.0, duration + 1e-6, 1.0 / FRAMES_PER_SECOND)
    rest = Rotation.from_quat([node.get("rotation", (0.0, 0.0, 0.0, 1.0)) for node in nodes]).as_matrix()
    local = np.broadcast_to(rest, (len(times), len(nodes), 3, 3)).copy()
    for channel in animation["channels"]:
        if channel["target"]["path"] == "rotation":
            sampler = samplers[channel["sampler"]]
            keys = _accessor(gltf, blob, sampler["input"])[:, 0]
            turns = Rotation.from_quat(_accessor(gltf, blob, sampler["output"]))
            local[:, place[channel["target"]["node"]]] = _interpolate(keys, turns, times, sampler.get("interpolation"))
    return local


def _interpolate(keys: np.ndarray, turns: Rotation, times: np.ndarray, kind: str | None) -> np.ndarray:
    inside = np.clip(times, keys[0], keys[-1])
    if kind == "STEP" or len(keys) == 1:
        return turns.as_matrix()[np.searchsorted(keys, inside + 1e-6, side="right") - 1]
    return Slerp(keys, turns)(inside).as_matrix()


def _accessor(gltf: dict, blob: bytes, index: int) -> np.ndarray:
    """(count, components) float64 of one accessor of tightly packed floats."""
    accessor = gltf["accessors"][index]
    view = gltf["bufferViews"][accessor["bufferView"]]
    if accessor["componentType"] != _FLOAT32 or "byteStride" in view:
        raise InputError(
            "The GLB file packs its animation in an unsupported way: 32-bit floats without stride were expected."
        )
    width = _COMPONENTS[accessor["type"]]
    start = view.get("byteOffset", 0) + accessor.get("byteOffset", 0)
    flat = np.frombuffer(blob, "<f4", count=accessor["count"] * width, offset=start)
    return flat.reshape(-1, width).astype(float)
