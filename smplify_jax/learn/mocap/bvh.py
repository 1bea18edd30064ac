"""Biovision hierarchy files (BVH), plain or gzipped."""

from __future__ import annotations

import gzip
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from smplify_jax.errors import InputError
from smplify_jax.learn.mocap.motion import Motion, compose


@dataclass
class _Joint:
    name: str
    parent: int
    offset: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    channels: list[str] = field(default_factory=list)


def read_text(path: str | Path) -> str:
    """Text of a plain or gzipped file; bytes that are not ASCII are replaced."""
    data = Path(path).read_bytes()
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    return data.decode("ascii", errors="replace")


def read_bvh(path: str | Path) -> Motion:
    """Read a BVH file.

    Every joint's own CHANNELS line gives its rotation order; the first named rotation is the outermost, as the format
    specifies. Positions of the root are added to its OFFSET, as iClone writes them; those of other joints are left out.

    Args:
        path: a .bvh or .bvh.gz file; angles in degrees.
    Returns:
        The motion in the file's own axes and unit.
    Raises:
        InputError: the file has no hierarchy or motion, or its numbers do not fill its frames.
    Source: the format's common description (Meredith & Maddock, 2001).
    """
    header, found, body = read_text(path).partition("MOTION")
    if not found or "ROOT" not in header:
        raise InputError(f"{path} is not a BVH file: a HIERARCHY with a ROOT and a MOTION section were expected.")
    joints = _parse_hierarchy(header)
    values = _parse_frames(path, body, sum(len(joint.channels) for joint in joints))
    local = np.empty((len(values), len(joints), 3, 3))
    column = 0
    for index, joint in enumerate(joints):
        local[:, index] = _local_rotation(joint.channels, values[:, column : column + len(joint.channels)])
        column += len(joint.channels)
    parents = tuple(joint.parent for joint in joints)
    return Motion(
        tuple(joint.name for joint in joints),
        parents,
        np.array([joint.offset for joint in joints]),
        compose(parents, local),
        joints[0].offset + _positions(joints[0].channels, values),
    )


def _parse_hierarchy(header: str) -> list[_Joint]:
    joints: list[_Joint] = []
    stack: list[int] = []  # open braces: a joint's index, or -1 for an end site
    opening = -1
    for line in header.splitlines():
        match line.split():
            case ["ROOT" | "JOINT", *words]:
                joints.append(_Joint(" ".join(words), stack[-1] if stack else -1))
                opening = len(joints) - 1
            case ["End", *_]:
                opening = -1
            case ["{"]:
                stack.append(opening)
            case ["}"]:
                stack.pop()
            case ["OFFSET", *numbers] if stack[-1] >= 0:
                joints[stack[-1]].offset = [float(number) for number in numbers]
            case ["CHANNELS", _, *channels]:
                joints[stack[-1]].channels = channels
    return joints


def _parse_frames(path: str | Path, body: str, num_channels: int) -> np.ndarray:
    words = body.split()
    try:
        num_frames = int(words[words.index("Frames:") + 1])
        first = words.index("Time:") + 2
        values = np.array(words[first:], dtype=float)
        return values.reshape(num_frames, num_channels)
    except ValueError:
        raise InputError(
            f"{path} is a damaged BVH file: its MOTION section does not hold 'Frames:' times {num_channels} numbers; "
            "export it again."
        ) from None


def _positions(channels: list[str], values: np.ndarray) -> np.ndarray:
    """(T, 3) from the columns of one joint; zero along axes without a channel."""
    out = np.zeros((len(values), 3))
    for column, name in enumerate(channels):
        if name.lower().endswith("position"):
            out[:, "xyz".index(name[0].lower())] = values[:, column]
    return out


def _local_rotation(channels: list[str], values: np.ndarray) -> np.ndarray:
    """(T, 3, 3) from the columns of one joint."""
    turns = [(name[0].upper(), column) for column, name in enumerate(channels) if name.lower().endswith("rotation")]
    if not turns:
        return np.broadcast_to(np.eye(3), (len(values), 3, 3))
    order = "".join(axis for axis, _ in turns)
    return Rotation.from_euler(order, values[:, [column for _, column in turns]], degrees=True).as_matrix()
