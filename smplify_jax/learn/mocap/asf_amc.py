"""Acclaim skeleton and motion files (ASF and AMC), plain or gzipped."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from smplify_jax.errors import InputError
from smplify_jax.learn.mocap.bvh import read_text
from smplify_jax.learn.mocap.motion import Motion, compose


@dataclass
class _Bone:
    vector: np.ndarray  # direction · length, in world axes of the zero pose
    axis: np.ndarray  # (3, 3) C: the bone's own axes in the zero pose
    dof: list[str]


def read_amc(path: str | Path, skeleton: str | Path) -> Motion:
    """Read an AMC motion with its ASF skeleton.

    A joint here is the near end of the bone of the same name. Every rotation acts in its bone's own axes C:
    local rotation = C · (Rz · Ry · Rx) · C⁻¹, so that the identity is the skeleton's zero pose.

    Args:
        path: .amc or .amc.gz, degrees.
        skeleton: the .asf file that belongs to it.
    Returns:
        The motion in the skeleton's axes and unit.
    Raises:
        InputError: a file is damaged, or the motion names a bone that the skeleton does not have.
    Source: the Acclaim format as described by M. Schafer, "ASF/AMC" (University of Wisconsin).
    """
    bones, parent_of = _read_asf(skeleton)
    names = tuple(bones)
    parents = tuple(names.index(parent_of[name]) if name in parent_of else -1 for name in names)
    frames = _read_frames(path, {name: len(bone.dof) for name, bone in bones.items()})
    local = np.empty((len(frames[names[0]]), len(names), 3, 3))
    for index, (name, bone) in enumerate(bones.items()):
        local[:, index] = bone.axis @ _turns(bone.dof, frames[name], len(local)) @ bone.axis.T
    offsets = np.array([bones[names[parent]].vector if parent >= 0 else np.zeros(3) for parent in parents])
    places = _along_axes("t", bones["root"].dof, frames["root"], len(local))
    return Motion(names, parents, offsets, compose(parents, local), places)


def _turns(dof: list[str], values: np.ndarray, num_frames: int) -> np.ndarray:
    """(T, 3, 3) Rz · Ry · Rx of the angles that the bone has; the other angles are zero."""
    return Rotation.from_euler("xyz", _along_axes("r", dof, values, num_frames), degrees=True).as_matrix()


def _along_axes(kind: str, dof: list[str], values: np.ndarray, num_frames: int) -> np.ndarray:
    """(T, 3) the values along or about x, y and z of the kind "t" (translations) or "r" (rotations); zero where the bone has none."""
    out = np.zeros((num_frames, 3))
    for column, name in enumerate(dof):
        if name.lower() in (f"{kind}x", f"{kind}y", f"{kind}z"):
            out[:, "xyz".index(name.lower()[1])] = values[:, column]
    return out


def _read_asf(path: str | Path) -> tuple[dict[str, _Bone], dict[str, str]]:
    """Bones by name, parents first, and the parent of each but the root."""
    sections = _sections(read_text(path))
    if not {"root", "bonedata", "hierarchy"} <= sections.keys():
        raise InputError(f"{path} is not an ASF skeleton: sections :root, :bonedata and :hierarchy were expected.")
    unread: dict[str, _Bone] = {}
    for block in "\n".join(sections["bonedata"]).split("begin")[1:]:
        rows = {words[0]: words[1:] for line in block.splitlines() if (words := line.split())}
        vector = np.array(rows["direction"], float) * float(rows["length"][0])
        axis = Rotation.from_euler("xyz", np.array(rows["axis"][:3], float), degrees=True).as_matrix()
        unread[rows["name"][0]] = _Bone(vector, axis, rows.get("dof", []))
    order = next(line.split()[1:] for line in sections["root"] if line.split()[0] == "order")
    bones = {"root": _Bone(np.zeros(3), np.eye(3), order)}
    parent_of: dict[str, str] = {}
    for line in sections["hierarchy"]:
        parent, *children = line.split()
        if parent in ("begin", "end"):
            continue
        for child in children:
            parent_of[child] = parent
            bones[child] = unread[child]
    return bones, parent_of


def _sections(text: str) -> dict[str, list[str]]:
    out: dict[str, list[str]] = {}
    current: list[str] = []
    for raw in text.splitlines():
        line = raw.strip()
        if line.startswith(":"):
            current = out.setdefault(line[1:].split()[0], [])
        elif line and not line.startswith("#"):
            current.append(line)
    return out


def _read_frames(path: str | Path, num_values: dict[str, int]) -> dict[str, np.ndarray]:
    """Per bone (T, number of its degrees of freedom)."""
    rows: dict[str, list[list[float]]] = {name: [] for name in num_values}
    num_frames = 0
    for line in read_text(path).splitlines():
        words = line.split()
        if not words or words[0][0] in "#:":
            continue
        if len(words) == 1 and words[0].isdigit():
            num_frames += 1
        elif words[0] in rows:
            rows[words[0]].append([float(word) for word in words[1:]])
        else:
            raise InputError(
                f"{path} moves a bone '{words[0]}' that its ASF skeleton lacks: give the skeleton it was recorded with."
            )
    out = {}
    for name, count in num_values.items():
        values = rows[name] if count else [[] for _ in range(num_frames)]
        if len(values) != num_frames or any(len(row) != count for row in values):
            raise InputError(
                f"{path} is damaged: bone '{name}' should have {count} numbers in each of {num_frames} frames."
            )
        out[name] = np.array(values, float).reshape(num_frames, count)
    return out
