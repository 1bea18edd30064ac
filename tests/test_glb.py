"""GLB: what a viewer that follows glTF's specification shows is the body of the result."""

from __future__ import annotations

import io
import json
import shutil
import struct
import subprocess
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
import pytest
import trimesh
from dataset_fits import draw_fits, draw_motion
from scipy.spatial.transform import Rotation

from smplify_jax.errors import InputError
from smplify_jax.exports.glb import glb, skin_weights
from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES
from smplify_jax.result import FitResult, FitStatus
from smplify_jax.result.exported import people_of
from smplify_jax.result.times import frame_times

NUM_FRAMES = 4
TIMES = np.array([0.0, 0.04, 0.12, 0.2])


@pytest.fixture(scope="module")
def result() -> FitResult:
    """One shape in four poses."""
    return draw_motion(NUM_FRAMES)


def glb_of(result: FitResult, times: np.ndarray | None = TIMES) -> bytes:
    return glb(people_of(result, frame_times(result, None, times)))


class Gltf:
    """A reader that is as plain as the specification."""

    def __init__(self, data: bytes) -> None:
        magic, version, length = struct.unpack("<4sII", data[:12])
        assert (magic, version, length) == (b"glTF", 2, len(data))
        size, kind = struct.unpack("<I4s", data[12:20])
        assert kind == b"JSON"
        self.content = json.loads(data[20 : 20 + size])
        size_of_rest, kind = struct.unpack("<I4s", data[20 + size : 28 + size])
        assert kind == b"BIN\0"
        self.blob = data[28 + size :]
        assert len(self.blob) == size_of_rest == self.content["buffers"][0]["byteLength"]

    def array(self, number: int) -> np.ndarray:
        accessor = self.content["accessors"][number]
        view = self.content["bufferViews"][accessor["bufferView"]]
        dtype = {5121: "<u1", 5123: "<u2", 5125: "<u4", 5126: "<f4"}[accessor["componentType"]]
        width = {"SCALAR": 1, "VEC3": 3, "VEC4": 4, "MAT4": 16}[accessor["type"]]
        flat = np.frombuffer(self.blob, dtype, accessor["count"] * width, view["byteOffset"]).reshape(-1, width)
        return flat.reshape(-1, 4, 4).swapaxes(1, 2) if width == 16 else flat

    def shown(self, frame: int | None, person: int = 0) -> np.ndarray:
        """The vertices (V, 3) at a key of the animation; None for the pose of the nodes."""
        local = {}
        for number, node in enumerate(self.content["nodes"]):
            local[number] = {
                "translation": node.get("translation", (0, 0, 0)),
                "rotation": node.get("rotation", (0, 0, 0, 1)),
            }
        if frame is not None:
            animation = self.content["animations"][0]
            for channel in animation["channels"]:
                values = self.array(animation["samplers"][channel["sampler"]]["output"])
                local[channel["target"]["node"]][channel["target"]["path"]] = values[frame]
        skin, primitive = self.content["skins"][person], self.content["meshes"][person]["primitives"][0]
        world: dict[int, np.ndarray] = {}

        def place(number: int, parent: np.ndarray) -> None:
            matrix = np.eye(4)
            matrix[:3, :3] = Rotation.from_quat(local[number]["rotation"]).as_matrix()
            matrix[:3, 3] = local[number]["translation"]
            world[number] = parent @ matrix
            for child in self.content["nodes"][number].get("children", []):
                place(child, world[number])

        for root in self.content["scenes"][0]["nodes"]:
            place(root, np.eye(4))
        bones = np.stack([world[joint] for joint in skin["joints"]]) @ self.array(skin["inverseBindMatrices"])
        attributes = {name: self.array(number) for name, number in primitive["attributes"].items()}
        blended = np.einsum("vk,vkab->vab", attributes["WEIGHTS_0"], bones[attributes["JOINTS_0"]])
        points = np.concatenate([attributes["POSITION"], np.ones((len(blended), 1))], axis=1)
        return np.einsum("vab,vb->va", blended, points)[:, :3]


def without_displacements(result: FitResult) -> np.ndarray:
    """(..., V, 3) upright vertices of the body without those that depend on the pose."""
    plain = replace(result.body, posedirs=np.zeros_like(result.body.posedirs))
    return np.asarray(replace(result, body=plain).vertices("upright"))


def test_a_viewer_shows_the_body_without_its_pose_dependent_displacements(result: FitResult):
    gltf, expected = Gltf(glb_of(result)), without_displacements(result)
    for frame in range(NUM_FRAMES):
        np.testing.assert_allclose(gltf.shown(frame), expected[frame], atol=2e-5)  # float32 at 5 m from the camera


def test_these_displacements_are_small(result: FitResult):
    """docs/exports.md has the distances over many poses."""
    gltf = Gltf(glb_of(result))
    for frame, expected in enumerate(np.asarray(result.vertices("upright"))):
        distance = np.linalg.norm(gltf.shown(frame) - expected, axis=1)
        assert distance.mean() < 0.003
        assert distance.max() < 0.06


def test_people_of_one_moment_stand_in_the_pose_of_their_nodes(result: FitResult):
    drawn = draw_fits(NUM_FRAMES)[1]
    gltf, expected = Gltf(glb_of(drawn, None)), without_displacements(drawn)
    assert "animations" not in gltf.content
    assert [mesh["name"] for mesh in gltf.content["meshes"]] == [f"person_{k}" for k in range(NUM_FRAMES)]
    for person in range(NUM_FRAMES):
        np.testing.assert_allclose(gltf.shown(None, person), expected[person], atol=2e-5)


def test_who_has_no_body_is_left_out_of_a_moment(result: FitResult):
    status = np.asarray(result.status).copy()
    status[1] = FitStatus.TOO_FEW_KEYPOINTS
    gltf = Gltf(glb_of(replace(result, status=status), None))
    assert [mesh["name"] for mesh in gltf.content["meshes"]] == ["person_0", "person_2", "person_3"]


def test_several_people_move_in_one_animation(result: FitResult):
    two = jax.tree.map(lambda leaf: np.stack([leaf, leaf[::-1]]), jax.tree.map(np.asarray, result))
    gltf, expected = Gltf(glb_of(two)), without_displacements(result)
    assert len(gltf.content["animations"]) == 1
    np.testing.assert_allclose(gltf.shown(1, person=0), expected[1], atol=2e-5)
    np.testing.assert_allclose(gltf.shown(1, person=1), expected[-2], atol=2e-5)


def test_the_mesh_is_at_the_root_and_the_joints_have_smpls_names(result: FitResult):
    content = Gltf(glb_of(result)).content
    assert tuple(content["nodes"][joint]["name"] for joint in content["skins"][0]["joints"]) == SMPL_JOINT_NAMES
    (mesh,) = (number for number, node in enumerate(content["nodes"]) if "mesh" in node)
    assert mesh in content["scenes"][0]["nodes"]


def test_keys_are_at_the_times_of_the_frames(result: FitResult):
    gltf = Gltf(glb_of(result))
    for sampler in gltf.content["animations"][0]["samplers"]:
        np.testing.assert_allclose(gltf.array(sampler["input"])[:, 0], TIMES, rtol=1e-6)
        assert gltf.content["accessors"][sampler["input"]]["max"] == [pytest.approx(TIMES[-1])]


def test_frames_without_a_body_have_no_keys(result: FitResult):
    status = np.asarray(result.status).copy()
    status[1] = FitStatus.TOO_FEW_KEYPOINTS
    gltf = Gltf(glb_of(replace(result, status=status)))
    times = gltf.array(gltf.content["animations"][0]["samplers"][0]["input"])[:, 0]
    np.testing.assert_allclose(times, TIMES[[0, 2, 3]], rtol=1e-6)


def test_neighbouring_keys_turn_the_short_way(result: FitResult):
    turned = np.asarray(result.global_orient) * 0 + np.linspace(3.0, 3.4, NUM_FRAMES)[:, None] * np.array(
        [0.0, 1.0, 0.0]
    )
    gltf = Gltf(glb_of(replace(result, global_orient=turned.astype(np.float32))))
    samplers = gltf.content["animations"][0]["samplers"]
    for sampler in samplers[1:]:
        keys = gltf.array(sampler["output"])
        assert (np.einsum("tc,tc->t", keys[1:], keys[:-1]) >= 0).all()


def test_a_body_with_more_than_four_joints_a_vertex_keeps_the_strongest():
    weights = np.array([[0.4, 0.1, 0.2, 0.0, 0.05, 0.25], [0.0, 0.0, 0.0, 0.0, 0.0, 1.0]])
    joints, four = skin_weights(weights)
    assert joints.tolist() == [[0, 5, 2, 1], [5, 0, 0, 0]]
    np.testing.assert_allclose(four.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(four[0], np.array([0.4, 0.25, 0.2, 0.1]) / 0.95, rtol=1e-6)


def test_trimesh_reads_the_mesh_in_its_rest_pose(result: FitResult):
    scene = trimesh.load(io.BytesIO(glb_of(result)), file_type="glb")
    (mesh,) = scene.geometry.values()  # pyright: ignore[reportAttributeAccessIssue]
    assert mesh.faces.shape == result.body.faces.shape
    assert mesh.volume > 0.03  # m³, and seen from outside


def test_pygltflib_reads_skeleton_and_keys(result: FitResult, tmp_path: Path):
    pygltflib = pytest.importorskip("pygltflib", reason="needs pygltflib")
    result.export(tmp_path / "walk.glb", times=TIMES)
    read = pygltflib.GLTF2().load(str(tmp_path / "walk.glb"))
    assert [read.nodes[joint].name for joint in read.skins[0].joints] == list(SMPL_JOINT_NAMES)
    animation = read.animations[0]
    (root,) = (one for one in animation.channels if one.target.path == "translation")
    accessor = read.accessors[animation.samplers[root.sampler].output]
    view = read.bufferViews[accessor.bufferView]
    keys = np.frombuffer(read.binary_blob(), "<f4", 3 * accessor.count, view.byteOffset).reshape(-1, 3)
    np.testing.assert_allclose(keys, np.asarray(result.joints)[:, 0] * (1, -1, -1), atol=1e-5)


_VALIDATE = """
const validator = require("gltf-validator"), fs = require("fs");
validator.validateBytes(new Uint8Array(fs.readFileSync(process.argv[1])))
  .then(report => console.log(JSON.stringify(report.issues)));
"""


@pytest.mark.parametrize("kind", ["motion", "moment", "several"])
def test_khronos_validator_finds_nothing_wrong(result: FitResult, tmp_path: Path, kind: str):
    node = shutil.which("node")
    if (
        node is None
        or subprocess.run([node, "-e", 'require.resolve("gltf-validator")'], capture_output=True).returncode
    ):
        pytest.skip("needs node and the npm package gltf-validator, found by NODE_PATH")
    path = tmp_path / "body.glb"
    {
        "motion": lambda: result.export(path, times=TIMES),
        "moment": lambda: result[0].export(path),
        "several": lambda: result.export(path),
    }[kind]()
    done = subprocess.run([node, "-e", _VALIDATE, str(path)], capture_output=True, text=True, check=True)
    issues = json.loads(done.stdout)
    assert (issues["numErrors"], issues["numWarnings"], issues["messages"]) == (0, 0, [])


def test_what_cannot_be_a_motion_is_refused(result: FitResult, tmp_path: Path):
    path = tmp_path / "a.glb"
    with pytest.raises(InputError, match="2 times for 4 frames"):
        result.export(path, times=TIMES[:2])
    with pytest.raises(InputError, match="increasing"):
        result.export(path, times=TIMES[::-1])
    with pytest.raises(InputError, match="one shape"):
        replace(result, betas=np.asarray(result.betas) + np.arange(4.0)[:, None]).export(path, times=TIMES)
    failed = np.full(NUM_FRAMES, FitStatus.TOO_FEW_KEYPOINTS)
    with pytest.raises(InputError, match="Nobody"):
        replace(result, status=failed).export(path, times=TIMES)
    with pytest.raises(InputError, match="one moment"):
        result[0].export(path, times=[0.0])
    assert not list(tmp_path.iterdir())
