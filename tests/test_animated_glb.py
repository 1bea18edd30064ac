"""The animated GLB: what a viewer that follows glTF's specification shows is the body of the result."""

from __future__ import annotations

import io
import json
import struct
from dataclasses import replace

import jax
import numpy as np
import pytest
import trimesh
from dataset_fits import draw_fits
from scipy.spatial.transform import Rotation

from smplify_jax.errors import InputError
from smplify_jax.exports.animated_glb import animated_glb, skin_weights, write_animated_glb
from smplify_jax.result import FitResult, FitStatus

NUM_FRAMES = 4
TIMES = np.array([0.0, 0.04, 0.12, 0.2])


@pytest.fixture(scope="module")
def result() -> FitResult:
    """One shape in four poses."""
    drawn = draw_fits(NUM_FRAMES)[1]
    return replace(drawn, betas=np.broadcast_to(np.asarray(drawn.betas)[:1], drawn.betas.shape))


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

    def shown(self, frame: int) -> np.ndarray:
        """The vertices (V, 3) at a key of the animation."""
        local = {}
        for number, node in enumerate(self.content["nodes"]):
            local[number] = {
                "translation": node.get("translation", (0, 0, 0)),
                "rotation": node.get("rotation", (0, 0, 0, 1)),
            }
        animation = self.content["animations"][0]
        for channel in animation["channels"]:
            values = self.array(animation["samplers"][channel["sampler"]]["output"])
            local[channel["target"]["node"]][channel["target"]["path"]] = values[frame]
        skin, primitive = self.content["skins"][0], self.content["meshes"][0]["primitives"][0]
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


def test_a_viewer_shows_the_body_without_its_pose_dependent_displacements(result: FitResult):
    gltf = Gltf(animated_glb(result, TIMES))
    plain = replace(result.body, posedirs=np.zeros_like(result.body.posedirs))
    expected = np.asarray(replace(result, body=plain).vertices("upright"))
    for frame in range(NUM_FRAMES):
        np.testing.assert_allclose(gltf.shown(frame), expected[frame], atol=2e-5)  # float32 at 5 m from the camera


def test_these_displacements_are_small(result: FitResult):
    gltf = Gltf(animated_glb(result, TIMES))
    for frame, expected in enumerate(np.asarray(result.vertices("upright"))):
        distance = np.linalg.norm(gltf.shown(frame) - expected, axis=1)
        assert np.median(distance) < 0.005
        assert distance.max() < 0.06


def test_keys_are_at_the_times_of_the_frames(result: FitResult):
    gltf = Gltf(animated_glb(result, TIMES))
    for sampler in gltf.content["animations"][0]["samplers"]:
        np.testing.assert_allclose(gltf.array(sampler["input"])[:, 0], TIMES, rtol=1e-6)
        assert gltf.content["accessors"][sampler["input"]]["max"] == [pytest.approx(TIMES[-1])]


def test_frames_without_a_body_have_no_keys(result: FitResult):
    status = np.asarray(result.status).copy()
    status[1] = FitStatus.TOO_FEW_KEYPOINTS
    gltf = Gltf(animated_glb(replace(result, status=status), TIMES))
    times = gltf.array(gltf.content["animations"][0]["samplers"][0]["input"])[:, 0]
    np.testing.assert_allclose(times, TIMES[[0, 2, 3]], rtol=1e-6)


def test_neighbouring_keys_turn_the_short_way(result: FitResult):
    turned = np.asarray(result.global_orient) * 0 + np.linspace(3.0, 3.4, NUM_FRAMES)[:, None] * np.array(
        [0.0, 1.0, 0.0]
    )
    gltf = Gltf(animated_glb(replace(result, global_orient=turned.astype(np.float32)), TIMES))
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


def test_other_programs_read_the_mesh_in_its_rest_pose(result: FitResult):
    scene = trimesh.load(io.BytesIO(animated_glb(result, TIMES)), file_type="glb")
    (mesh,) = scene.geometry.values()  # pyright: ignore[reportAttributeAccessIssue]
    assert mesh.faces.shape == result.body.faces.shape
    assert mesh.volume > 0.03  # m³, and seen from outside


def test_what_cannot_be_a_motion_is_refused(result: FitResult, tmp_path):
    path = tmp_path / "a.glb"
    with pytest.raises(InputError, match="a time for each"):
        write_animated_glb(path, result, TIMES[:2])
    with pytest.raises(InputError, match="one shape"):
        write_animated_glb(path, replace(result, betas=np.asarray(result.betas) + np.arange(4.0)[:, None]), TIMES)
    failed = np.full(NUM_FRAMES, FitStatus.TOO_FEW_KEYPOINTS)
    with pytest.raises(InputError, match="No frame"):
        write_animated_glb(path, replace(result, status=failed), TIMES)
    several = jax.tree.map(lambda leaf: np.asarray(leaf)[None], result)
    with pytest.raises(InputError, match="one person"):
        write_animated_glb(path, several, TIMES)
    assert not list(tmp_path.iterdir())
