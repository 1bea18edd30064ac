"""Readers of motion files."""

import gzip
import json
import struct
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from smplify_jax.errors import InputError
from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES
from smplify_jax.learn.mocap import conventions
from smplify_jax.learn.mocap.asf_amc import read_amc
from smplify_jax.learn.mocap.bvh import read_bvh
from smplify_jax.learn.mocap.deepmimic import read_deepmimic
from smplify_jax.learn.mocap.glb import read_glb
from smplify_jax.learn.mocap.hinges import HINGES
from smplify_jax.learn.mocap.motion import Motion
from smplify_jax.learn.mocap.retarget import retarget, rotvecs, zero_pose

BVH = """HIERARCHY
ROOT Hips
{
  OFFSET 0 1 0
  CHANNELS 6 Xposition Yposition Zposition Zrotation Yrotation Xrotation
  JOINT Arm
  {
    OFFSET 2 0 0
    CHANNELS 3 Zrotation Xrotation Yrotation
    End Site
    {
      OFFSET 1 0 0
    }
  }
}
MOTION
Frames: 2
Frame Time: 0.1
0 0 0 0 0 0 0 0 0
5 6 7 90 0 0 10 20 30
"""

ASF = """:version 1.10
:root
   order TX TY TZ RX RY RZ
   axis XYZ
:bonedata
  begin
     id 1
     name upper
     direction 0 -1 0
     length 2
     axis 0 0 20 XYZ
    dof rx rz
  end
  begin
     id 2
     name lower
     direction 0 -1 0
     length 1
     axis 0 0 0 XYZ
  end
:hierarchy
  begin
    root upper
    upper lower
  end
"""

AMC = ":DEGREES\n1\nroot 0 0 0 0 0 90\nupper 30 40\n"


def _euler(order: str, *degrees: float) -> np.ndarray:
    return Rotation.from_euler(order, degrees, degrees=True).as_matrix()


def test_bvh_rotates_in_the_order_of_its_channels(tmp_path: Path):
    path = tmp_path / "clip.bvh"
    path.write_text(BVH)
    motion = read_bvh(path)
    assert motion.joint_names == ("Hips", "Arm")
    np.testing.assert_allclose(motion.rotations[0], np.broadcast_to(np.eye(3), (2, 3, 3)))
    expected = _euler("Z", 90) @ _euler("Z", 10) @ _euler("X", 20) @ _euler("Y", 30)
    np.testing.assert_allclose(motion.rotations[1, 1], expected, atol=1e-12)
    np.testing.assert_allclose(motion.positions()[1, 1], [0, 2, 0], atol=1e-12)  # Z by 90° turns x to y


def test_gzipped_bvh_reads_the_same(tmp_path: Path):
    path = tmp_path / "clip.bvh.gz"
    path.write_bytes(gzip.compress(BVH.encode()))
    assert read_bvh(path).num_frames == 2


@pytest.mark.parametrize("text", ["", "hello", BVH.replace("Frames: 2", "Frames: 3"), BVH.replace("90", "ninety")])
def test_damaged_bvh_is_told(tmp_path: Path, text: str):
    path = tmp_path / "clip.bvh"
    path.write_text(text)
    with pytest.raises(InputError, match=r"clip\.bvh"):
        read_bvh(path)


def _amc(folder: Path, motion: str = AMC) -> Motion:
    (folder / "a.asf").write_text(ASF)
    (folder / "a.amc").write_text(motion)
    return read_amc(folder / "a.amc", folder / "a.asf")


def test_amc_rotates_in_the_axes_of_the_bone(tmp_path: Path):
    motion = _amc(tmp_path)
    axes = _euler("z", 20)
    upper = _euler("Z", 90) @ axes @ _euler("Z", 40) @ _euler("X", 30) @ axes.T
    np.testing.assert_allclose(motion.rotations[0, motion.joint_names.index("upper")], upper, atol=1e-12)
    np.testing.assert_allclose(motion.rotations[0, motion.joint_names.index("lower")], upper, atol=1e-12)
    np.testing.assert_allclose(motion.positions()[0, -1], upper @ [0, -2, 0], atol=1e-12)


@pytest.mark.parametrize(
    "text", [AMC + "tail 1 2 3\n", AMC.replace("upper 30 40", "upper 30"), "1\nroot 0 0 0 0 0 0\n"]
)
def test_amc_that_does_not_fit_its_skeleton_is_told(tmp_path: Path, text: str):
    with pytest.raises(InputError, match=r"a\.amc"):
        _amc(tmp_path, text)


def test_file_that_is_no_asf_is_told(tmp_path: Path):
    (tmp_path / "a.asf").write_text("hello")
    (tmp_path / "a.amc").write_text(AMC)
    with pytest.raises(InputError, match=r"a\.asf"):
        read_amc(tmp_path / "a.amc", tmp_path / "a.asf")


def _glb(path: Path, interpolation: str) -> Path:
    times = np.array([0.0, 0.2], "<f4")
    turns = np.array([[0, 0, 0, 1], [0, 0, np.sin(np.pi / 4), np.cos(np.pi / 4)]], "<f4")  # 0 and 90° about z
    blob = times.tobytes() + turns.tobytes()
    gltf = {
        "nodes": [{"name": "child", "translation": [0, 1, 0]}, {"name": "root", "children": [0]}],
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "count": 2, "type": "SCALAR"},
            {"bufferView": 1, "componentType": 5126, "count": 2, "type": "VEC4"},
        ],
        "bufferViews": [{"buffer": 0, "byteLength": 8}, {"buffer": 0, "byteOffset": 8, "byteLength": 32}],
        "animations": [
            {
                "name": "Turn",
                "channels": [{"sampler": 0, "target": {"node": 1, "path": "rotation"}}],
                "samplers": [{"input": 0, "output": 1, "interpolation": interpolation}],
            }
        ],
    }
    text = json.dumps(gltf).encode()
    text += b" " * (-len(text) % 4)
    size = 12 + 8 + len(text) + 8 + len(blob)
    head = struct.pack("<4sII", b"glTF", 2, size) + struct.pack("<I4s", len(text), b"JSON")
    path.write_bytes(head + text + struct.pack("<I4s", len(blob), b"BIN\0") + blob)
    return path


@pytest.mark.parametrize(("interpolation", "middle"), [("LINEAR", 45.0), ("STEP", 0.0)])
def test_glb_key_frames_are_interpolated_as_they_say(tmp_path: Path, interpolation: str, middle: float):
    motion = read_glb(_glb(tmp_path / "a.glb", interpolation))["Turn"]
    assert motion.joint_names == ("root", "child")
    for frame, degrees in enumerate((0.0, middle, 90.0)):  # 10 frames a second
        np.testing.assert_allclose(motion.rotations[frame, 1], _euler("Z", degrees), atol=1e-6)  # float32 file


def test_file_that_is_no_glb_is_told(tmp_path: Path):
    (tmp_path / "a.glb").write_bytes(b"hello")
    with pytest.raises(InputError, match=r"a\.glb"):
        read_glb(tmp_path / "a.glb")


def _deepmimic(path: Path, frame: np.ndarray) -> Path:
    path.write_text(json.dumps({"Loop": "none", "Frames": [frame.tolist()]}))
    return path


def _standing_frame() -> np.ndarray:
    frame = np.zeros(44)
    frame[[4, 8, 12, 16, 21, 25, 30, 35, 39]] = 1.0  # w of every quaternion
    return frame


def test_deepmimic_hangs_the_arms_and_bends_the_elbow_forward(tmp_path: Path):
    frame = _standing_frame()
    frame[43] = np.pi / 2  # left elbow
    motion = read_deepmimic(_deepmimic(tmp_path / "a.json", frame))
    poses = rotvecs(retarget(motion, zero_pose(motion), conventions.DEEP_MIMIC)).reshape(24, 3)
    left_shoulder, left_elbow = (poses[SMPL_JOINT_NAMES.index(f"left_{joint}")] for joint in ("shoulder", "elbow"))
    right_elbow = poses[SMPL_JOINT_NAMES.index("right_elbow")]
    np.testing.assert_allclose(np.linalg.norm(left_elbow), np.pi / 2, atol=1e-9)
    np.testing.assert_allclose(left_elbow / np.linalg.norm(left_elbow), HINGES[2][3], atol=1e-9)
    np.testing.assert_allclose(right_elbow, 0.0, atol=1e-9)
    arm = Rotation.from_rotvec(left_shoulder).apply([1.0, 0.0, 0.0])
    np.testing.assert_allclose(arm, [0.0, -1.0, 0.0], atol=1e-9)


def test_file_that_is_no_deepmimic_motion_is_told(tmp_path: Path):
    with pytest.raises(InputError, match="44 numbers"):
        read_deepmimic(_deepmimic(tmp_path / "a.json", np.zeros(43)))
    (tmp_path / "b.json").write_text("hello")
    with pytest.raises(InputError, match=r"b\.json"):
        read_deepmimic(tmp_path / "b.json")
