"""Motions in other programs' formats, read back by plain readers, and what no format can hold."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import jax
import numpy as np
import pytest
import trimesh
from bodies import random_body
from dataset_fits import draw_motion, load_body
from scipy.spatial.transform import Rotation

from smplify_jax.errors import InputError
from smplify_jax.exports.bvh import euler_zxy
from smplify_jax.exports.formats import SUFFIXES
from smplify_jax.exports.smpl import avatar_arrays
from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES
from smplify_jax.result import FitResult, FitStatus

NUM_FRAMES = 5
UPRIGHT = np.array([1, -1, -1])


@pytest.fixture(scope="module")
def motion() -> FitResult:
    """One shape in five poses."""
    return draw_motion(NUM_FRAMES)


@dataclass
class Bone:
    """A joint of a BVH file, or the end of a limb."""

    name: str
    parent: Bone | None
    offset: np.ndarray = field(default_factory=lambda: np.zeros(3))
    channels: tuple[str, ...] = ()


class Bvh:
    """A reader that knows no more than the format's description."""

    def __init__(self, path: Path) -> None:
        words = iter(path.read_text().split())
        assert next(words) == "HIERARCHY"
        assert next(words) == "ROOT"
        self.bones: list[Bone] = []
        self._read_bone(words, Bone(next(words), None))
        assert [next(words) for _ in range(2)] == ["MOTION", "Frames:"]
        num_frames = int(next(words))
        assert [next(words) for _ in range(2)] == ["Frame", "Time:"]
        self.frame_time = float(next(words))
        self.rows = np.array(list(words), float).reshape(num_frames, -1)

    def _read_bone(self, words: Iterator[str], bone: Bone) -> None:
        self.bones.append(bone)
        assert next(words) == "{"
        for word in words:
            match word:
                case "OFFSET":
                    bone.offset = np.array([float(next(words)) for _ in range(3)])
                case "CHANNELS":
                    bone.channels = tuple(next(words) for _ in range(int(next(words))))
                case "JOINT":
                    self._read_bone(words, Bone(next(words), bone))
                case "End":
                    assert next(words) == "Site"
                    self._read_bone(words, Bone("End Site", bone))
                case _:
                    assert word == "}"
                    return

    def joints(self, frame: int) -> dict[str, np.ndarray]:
        """Positions (3,) by name."""
        values = iter(self.rows[frame])
        placed: dict[int, np.ndarray] = {}
        for bone in self.bones:
            matrix = np.eye(4)
            matrix[:3, 3] = bone.offset
            for channel in bone.channels:
                step, axis = np.eye(4), "XYZ".index(channel[0])
                if channel.endswith("position"):
                    step[axis, 3] = next(values)
                else:
                    step[:3, :3] = Rotation.from_euler(channel[0], next(values), degrees=True).as_matrix()
                matrix = matrix @ step
            placed[id(bone)] = matrix if bone.parent is None else placed[id(bone.parent)] @ matrix
        assert next(values, None) is None
        return {bone.name: placed[id(bone)][:3, 3] for bone in self.bones}


def test_the_joints_of_a_bvh_are_those_of_the_fit(motion, tmp_path):
    motion.export(tmp_path / "walk.bvh", fps=25)
    bvh = Bvh(tmp_path / "walk.bvh")
    assert bvh.frame_time == pytest.approx(1 / 25)
    assert len(bvh.rows) == NUM_FRAMES
    for frame in range(NUM_FRAMES):
        joints = bvh.joints(frame)
        expected = np.asarray(motion.joints)[frame] * UPRIGHT
        # Millionths of a degree are written; float32 joints are 6 m from the camera.
        np.testing.assert_allclose([joints[name] for name in SMPL_JOINT_NAMES], expected, atol=2e-5)


def test_limbs_of_a_bvh_end_where_the_mesh_ends(motion, tmp_path):
    motion[0].export(tmp_path / "stand.bvh")
    ends = [bone for bone in Bvh(tmp_path / "stand.bvh").bones if bone.name == "End Site"]
    lengths = {bone.parent.name: np.linalg.norm(bone.offset) for bone in ends if bone.parent}
    assert set(lengths) == {"head", "left_foot", "right_foot", "left_hand", "right_hand"}
    assert 0.1 < lengths["head"] < 0.3
    assert all(0.01 <= length < 0.25 for length in lengths.values())


def test_angles_of_a_bvh_do_not_jump_where_the_body_turns_on():
    """A turn about y by 720 degrees, and a hip that bends past 90 degrees, where the order z, x, y is not unique."""
    turned = Rotation.from_rotvec(np.linspace(0, 720, 145)[:, None] * [0, 1, 0], degrees=True).as_quat()
    bent = Rotation.from_euler("ZXY", np.linspace((5, 0, 5), (5, 150, 5), 145), degrees=True).as_quat()
    quaternions = np.stack([turned, bent], axis=1)
    angles = euler_zxy(quaternions)
    assert np.abs(np.diff(angles, axis=0)).max() < 5.1
    back = Rotation.from_euler("ZXY", angles.reshape(-1, 3), degrees=True)
    assert (back * Rotation.from_quat(quaternions.reshape(-1, 4)).inv()).magnitude().max() < 1e-7


def test_a_rotation_at_the_pole_of_the_angles_is_written_right():
    pole = Rotation.from_euler("ZXY", [[20, 90, 30], [20, -90, 30]], degrees=True)
    back = Rotation.from_euler("ZXY", euler_zxy(pole.as_quat()[:, None])[:, 0], degrees=True)
    assert (back * pole.inv()).magnitude().max() < 1e-7


def test_formats_at_equal_distances_hold_the_frame_before_one_without_a_body(motion, tmp_path):
    status = np.array(motion.status)
    status[[0, 3]] = FitStatus.TOO_FEW_KEYPOINTS
    replace(motion, status=status).export(tmp_path / "walk.bvh", fps=25)
    rows = Bvh(tmp_path / "walk.bvh").rows
    np.testing.assert_array_equal(rows[0], rows[1])
    np.testing.assert_array_equal(rows[3], rows[2])
    assert (rows[4] != rows[3]).any()


def test_the_frame_rate_is_that_of_the_times(motion, tmp_path):
    motion.export(tmp_path / "walk.bvh", times=np.arange(NUM_FRAMES) / 50)
    assert Bvh(tmp_path / "walk.bvh").frame_time == pytest.approx(1 / 50)
    motion.export(tmp_path / "walk.npz", times=np.arange(NUM_FRAMES) / 50)
    with np.load(tmp_path / "walk.npz") as amass:
        assert float(amass["mocap_framerate"]) == pytest.approx(50)


def test_an_exported_npz_has_the_arrays_of_to_amass(motion, tmp_path):
    motion.export(tmp_path / "walk_amass.npz", fps=25)
    expected = motion.to_amass(25)
    with np.load(tmp_path / "walk_amass.npz") as amass:
        assert set(amass.files) == set(expected)
        for name, array in expected.items():
            np.testing.assert_array_equal(amass[name], array)


def test_smplcodec_reads_the_avatar_of_a_motion(motion, tmp_path):
    smplcodec = pytest.importorskip("smplcodec", reason="needs the extra test")
    named = replace(motion.body, name="SMPL_FEMALE", gender="female")
    replace(motion, body=named).export(tmp_path / "walk.smpl", fps=25)
    avatar = smplcodec.SMPLCodec.from_file(tmp_path / "walk.smpl")
    assert (avatar.frame_count, float(avatar.frame_rate)) == (NUM_FRAMES, 25.0)
    assert avatar.gender == smplcodec.SMPLGender.FEMALE
    np.testing.assert_array_equal(avatar.shape_parameters, motion.betas[0])
    pose = np.asarray(avatar.full_pose).reshape(NUM_FRAMES, 72)
    betas = np.tile(avatar.shape_parameters, (NUM_FRAMES, 1))
    joints = load_body().joints(
        betas=betas, global_orient=pose[:, :3], body_pose=pose[:, 3:], transl=avatar.body_translation
    )
    np.testing.assert_allclose(joints, np.asarray(motion.joints) * UPRIGHT, atol=2e-5)


@pytest.mark.parametrize(("num_joints", "version"), [(52, "SMPLH"), (55, "SMPLX")])
def test_smplcodec_reads_the_avatar_of_a_body_with_fingers(num_joints, version):
    smplcodec = pytest.importorskip("smplcodec", reason="needs the extra test")
    pose = np.random.default_rng(0).normal(size=(NUM_FRAMES, 66))
    where = {"frame_rate": 25.0, "gender": "neutral", "num_joints": num_joints}
    arrays = avatar_arrays(pose, np.ones(10), np.zeros((NUM_FRAMES, 3)), **where)
    file = io.BytesIO()
    np.savez(file, **arrays)  # pyright: ignore[reportArgumentType]
    file.seek(0)
    avatar = smplcodec.SMPLCodec.from_file(file)
    assert avatar.smpl_version == smplcodec.SMPLVersion[version]
    full_pose = np.asarray(avatar.full_pose)
    assert full_pose.shape == (NUM_FRAMES, num_joints, 3)
    np.testing.assert_allclose(full_pose[:, :22].reshape(NUM_FRAMES, -1), pose, rtol=1e-6)  # written as float32


def test_an_avatar_does_not_pass_the_open_bodys_betas_for_smpls(motion, tmp_path):
    motion.export(tmp_path / "walk.smpl", fps=25)
    with np.load(tmp_path / "walk.smpl") as avatar:
        assert not avatar["shapeParameters"].any()


def test_bodies_in_a_world_with_z_up_have_y_up_in_files(motion, tmp_path):
    in_world = replace(motion, extrinsics=_nowhere())
    in_world.export(tmp_path / "walk.bvh", fps=25)
    joints = np.stack([Bvh(tmp_path / "walk.bvh").joints(2)[name] for name in SMPL_JOINT_NAMES])
    np.testing.assert_allclose(joints, np.asarray(motion.joints)[2][:, [0, 2, 1]] * (1, 1, -1), atol=2e-5)


def _nowhere():
    from smplify_jax.camera.extrinsics import Extrinsics

    return Extrinsics(np.zeros((NUM_FRAMES, 0, 3, 3), np.float32), np.zeros((NUM_FRAMES, 0, 3), np.float32))


def test_a_fit_in_time_is_a_motion_and_people_fitted_apart_are_several(motion, tmp_path):
    with pytest.raises(InputError, match=r"\.bvh holds one person, and this result has 5"):
        motion.export(tmp_path / "walk.bvh")
    in_time = replace(motion, velocities=np.zeros((NUM_FRAMES, 24, 3), np.float32))
    in_time.export(tmp_path / "walk.bvh")
    assert Bvh(tmp_path / "walk.bvh").frame_time == pytest.approx(1 / 30)


def test_what_a_format_cannot_hold_is_one_sentence(motion, tmp_path):
    with pytest.raises(InputError, match=r"ends in \.obj, \.ply, \.glb, \.bvh, \.npz or \.smpl"):
        motion.export(tmp_path / "walk.fbx")
    with pytest.raises(InputError, match="holds one moment, and the result is a motion of 5 frames"):
        motion.export(tmp_path / "walk.obj", fps=25)
    with pytest.raises(InputError, match=r"the frame is chosen for \.obj and \.ply"):
        motion.export(tmp_path / "walk.glb", fps=25, frame="camera")
    two = jax.tree.map(lambda leaf: np.asarray(leaf)[None].repeat(2, 0), motion)
    with pytest.raises(InputError, match="holds one person"):
        two.export(tmp_path / "two.smpl")
    with pytest.raises(InputError, match=r"export one frame, as in result\[0\]\[0\]"):
        two.export(tmp_path / "two.ply")
    for people in (motion, motion[0]):
        with pytest.raises(InputError, match="fps is -1"):
            people.export(tmp_path / "walk.bvh", fps=-1)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("ending", [".glb", ".bvh", ".npz"])
def test_a_time_that_is_not_finite_is_refused(motion, tmp_path, ending):
    with pytest.raises(InputError, match="5 times for 5 frames"):
        motion.export(tmp_path / f"walk{ending}", times=[0, 1, 2, 3, np.inf])


@pytest.mark.parametrize("ending", SUFFIXES)
@pytest.mark.parametrize("fps", [None, 30])
def test_a_result_without_people_is_told_and_leaves_no_file(motion, tmp_path, ending, fps):
    with pytest.raises(InputError, match="Nobody in this result has a body"):
        motion[:0].export(tmp_path / f"walk{ending}", fps=fps)
    assert not list(tmp_path.iterdir())


def test_fingers_of_a_body_that_has_some_stay_at_rest(motion, tmp_path):
    body = random_body(52, num_vertices=60)
    fingers = replace(motion, body=body, body_pose=motion.body_pose[:, :63], betas=motion.betas[:, : body.num_betas])
    fingers.export(tmp_path / "walk.bvh", fps=25)
    parameters = fingers.parameters.blocks()
    expected = np.asarray(body.joints(**parameters))[2] * UPRIGHT
    joints = Bvh(tmp_path / "walk.bvh").joints(2)
    np.testing.assert_allclose([joints[name] for name in body.joint_names], expected, atol=2e-5)
    fingers.export(tmp_path / "walk.smpl", fps=25)
    with np.load(tmp_path / "walk.smpl") as avatar:
        assert avatar["smplVersion"] == 1  # SMPL-H, whose betas are not SMPL's
        assert avatar["bodyPose"].shape == (NUM_FRAMES, 22, 3)
    fingers.export(tmp_path / "walk.glb", fps=25)
    scene = trimesh.load(tmp_path / "walk.glb")
    assert set(body.joint_names) <= set(scene.graph.nodes)  # pyright: ignore[reportAttributeAccessIssue]
