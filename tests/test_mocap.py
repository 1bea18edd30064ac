"""Reading motion capture and retargeting it to SMPL's joints."""

import gzip
import json
import struct
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from smplify_jax.errors import InputError
from smplify_jax.learn.mocap import conventions
from smplify_jax.learn.mocap.asf_amc import read_amc
from smplify_jax.learn.mocap.bvh import read_bvh
from smplify_jax.learn.mocap.clips import find_clips
from smplify_jax.learn.mocap.deepmimic import read_deepmimic
from smplify_jax.learn.mocap.glb import read_glb
from smplify_jax.learn.mocap.hinges import HINGES, with_hinges
from smplify_jax.learn.mocap.limits import MAX_WRIST_BEND, is_possible, with_calm_wrists
from smplify_jax.learn.mocap.mirror import mirrored_poses
from smplify_jax.learn.mocap.motion import Motion, compose
from smplify_jax.learn.mocap.poses import load_poses
from smplify_jax.learn.mocap.retarget import LIMBS, Rig, retarget, rotvecs, zero_pose
from smplify_jax.skeleton import SMPL_JOINT_NAMES, SMPL_PARENTS

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


def _skeleton(num_frames: int) -> tuple[Motion, Rig]:
    """A SMPL-like tree whose zero pose has its legs out and its arms hanging, in random poses."""
    generator = np.random.default_rng(0)
    offsets = generator.normal(size=(24, 3))
    for joint, name in enumerate(SMPL_JOINT_NAMES):
        side = 1.0 if name.startswith("left") else -1.0
        if name.endswith(("knee", "ankle")):
            offsets[joint] = [0.34 * side, -0.94, 0.0]
        elif name.endswith(("elbow", "wrist")):
            offsets[joint] = [0.1 * side, -0.99, 0.05]
    local = Rotation.from_rotvec(generator.normal(size=(num_frames * 24, 3))).as_matrix().reshape(num_frames, 24, 3, 3)
    motion = Motion(SMPL_JOINT_NAMES, SMPL_PARENTS, offsets, compose(SMPL_PARENTS, local))
    names = [name for name in SMPL_JOINT_NAMES if not name.endswith("hand")]
    return motion, Rig(joints={name: name for name in names}, feet_follow_legs=True)


def test_retargeted_limbs_point_where_the_recorded_ones_do():
    motion, rig = _skeleton(num_frames=5)
    world = compose(SMPL_PARENTS, retarget(motion, zero_pose(motion), rig))
    places = motion.positions()
    for joint, (end, direction) in LIMBS.items():
        at, to = SMPL_JOINT_NAMES.index(joint), SMPL_JOINT_NAMES.index(end)
        recorded = places[:, to] - places[:, at]
        recorded /= np.linalg.norm(recorded, axis=1, keepdims=True)
        np.testing.assert_allclose(world[:, at] @ np.array(direction), recorded, atol=1e-9)


def test_reference_pose_with_straight_limbs_is_the_t_pose():
    motion, rig = _skeleton(num_frames=1)
    tree = Motion(motion.joint_names, motion.parents, motion.offsets.copy(), motion.rotations)
    for joint, (end, direction) in LIMBS.items():
        tree.offsets[SMPL_JOINT_NAMES.index(end)] = direction
        assert joint in tree.joint_names
    poses = rotvecs(retarget(zero_pose(tree), zero_pose(tree), rig))
    np.testing.assert_allclose(poses, 0.0, atol=1e-12)


def test_spine_joint_between_two_driven_ones_takes_its_share():
    motion, rig = _skeleton(num_frames=1)
    joints = {name: source for name, source in rig.joints.items() if name != "spine2"}
    poses = rotvecs(retarget(motion, zero_pose(motion), Rig(joints=joints))).reshape(24, 3)
    np.testing.assert_allclose(
        poses[SMPL_JOINT_NAMES.index("spine2")], poses[SMPL_JOINT_NAMES.index("spine3")], atol=1e-9
    )


def test_missing_joint_is_told():
    motion, rig = _skeleton(num_frames=1)
    with pytest.raises(InputError, match="tail"):
        retarget(motion, zero_pose(motion), Rig(joints={**rig.joints, "spine1": "tail"}))


def test_hinges_keep_limb_directions_and_bend_about_their_axes():
    generator = np.random.default_rng(0)
    rotations = {}
    for upper, lower, limb, hinge in HINGES:
        turned = Rotation.from_rotvec(generator.normal(size=(50, 3)))
        twist = Rotation.from_rotvec(generator.uniform(-1, 1, size=(50, 1)) * np.array(limb))
        bend = Rotation.from_rotvec(generator.uniform(0.5, 2.5, size=(50, 1)) * np.array(hinge))
        rotations[upper] = turned.as_matrix()  # the upper limb lacks the twist, the lower one has it
        rotations[lower] = (turned * twist * bend).as_matrix()
    found = with_hinges(rotations)
    for upper, lower, limb, hinge in HINGES:
        for joint in (upper, lower):
            np.testing.assert_allclose(found[joint] @ np.array(limb), rotations[joint] @ np.array(limb), atol=1e-9)
        bend = Rotation.from_matrix(np.swapaxes(found[upper], 1, 2) @ found[lower]).as_rotvec()
        np.testing.assert_allclose(np.cross(bend, hinge), 0.0, atol=1e-9)
        assert (bend @ np.array(hinge) > 0).all()


def _joints(poses: np.ndarray) -> np.ndarray:
    """(N, 24, 3) joint positions on a mirror-symmetric skeleton."""
    offsets = np.random.default_rng(3).normal(size=(24, 3))
    for joint, name in enumerate(SMPL_JOINT_NAMES):
        if name.startswith("right"):
            offsets[joint] = offsets[SMPL_JOINT_NAMES.index(name.replace("right", "left"))] * [-1, 1, 1]
        elif not name.startswith("left"):
            offsets[joint, 0] = 0.0
    local = Rotation.from_rotvec(poses.reshape(-1, 3)).as_matrix().reshape(-1, 24, 3, 3)
    return Motion(SMPL_JOINT_NAMES, SMPL_PARENTS, offsets, compose(SMPL_PARENTS, local)).positions()


def test_mirrored_pose_puts_every_joint_at_its_mirror_place():
    poses = np.random.default_rng(0).normal(size=(4, 72))
    left_of = [SMPL_JOINT_NAMES.index(_other_side(name)) for name in SMPL_JOINT_NAMES]
    np.testing.assert_allclose(_joints(mirrored_poses(poses)), _joints(poses)[:, left_of] * [-1, 1, 1], atol=1e-9)


def _other_side(name: str) -> str:
    swaps = {"left": "right", "right": "left"}
    side, _, rest = name.partition("_")
    return f"{swaps[side]}_{rest}" if side in swaps else name


@pytest.mark.parametrize("size", [72, 69])
def test_mirroring_twice_changes_nothing(size: int):
    poses = np.random.default_rng(0).normal(size=(4, size))
    np.testing.assert_array_equal(mirrored_poses(mirrored_poses(poses)), poses)


def _pose(**joints: tuple[float, float, float]) -> np.ndarray:
    pose = np.zeros((1, 24, 3))
    for name, vector in joints.items():
        pose[0, SMPL_JOINT_NAMES.index(name)] = vector
    return pose.reshape(1, 72)


@pytest.mark.parametrize(
    ("joints", "possible"),
    [
        ({}, True),
        ({"left_knee": (2.0, 0, 0), "right_elbow": (0, 2.0, 0)}, True),
        ({"left_knee": (-0.5, 0, 0)}, False),
        ({"left_elbow": (0, 1.0, 0)}, False),
        ({"right_elbow": (0, -1.0, 0)}, False),
        ({"right_ankle": (0, 0, 3.1)}, False),
        ({"left_shoulder": (1.9, -1.9, 0)}, False),
        ({"right_wrist": (3.0, 0, 0)}, True),
    ],
)
def test_poses_beyond_anatomy_are_recognised_on_either_side(joints: dict, possible: bool):
    pose = _pose(**joints)
    assert is_possible(pose).item() is possible
    assert is_possible(mirrored_poses(pose)).item() is possible


def test_wrists_are_drawn_into_their_range_and_nothing_else_changes():
    pose = _pose(left_wrist=(0.0, 0.0, 3.0), right_wrist=(0.1, 0.2, 0.3), left_knee=(1.0, 0, 0))
    calm = with_calm_wrists(pose)
    np.testing.assert_allclose(
        calm, _pose(left_wrist=(0, 0, MAX_WRIST_BEND), right_wrist=(0.1, 0.2, 0.3), left_knee=(1.0, 0, 0))
    )
    assert np.array_equal(pose, _pose(left_wrist=(0.0, 0.0, 3.0), right_wrist=(0.1, 0.2, 0.3), left_knee=(1.0, 0, 0)))


def test_folder_without_manifest_is_told(tmp_path: Path):
    with pytest.raises(InputError, match=r"manifest\.csv"):
        find_clips(tmp_path)


def test_unknown_convention_is_told(tmp_path: Path):
    (tmp_path / "manifest.csv").write_text("file,subject,action,convention,split\na.bvh,1,walk,mystery,train\n")
    with pytest.raises(InputError, match="mystery"):
        find_clips(tmp_path)


CHAINS = """
root lowerback lfemur rfemur
lowerback upperback
upperback thorax
thorax lowerneck lclavicle rclavicle
lowerneck head
lclavicle lhumerus
lhumerus lradius
lradius lhand
rclavicle rhumerus
rhumerus rradius
rradius rhand
lfemur ltibia
ltibia lfoot
lfoot ltoes
rfemur rtibia
rtibia rfoot
rfoot rtoes
"""


def _write_asf_folder(folder: Path) -> None:
    """A manifest with a run and a sit of 20 frames, on a skeleton whose limbs all hang down, in small random poses."""
    bones = [name for name in conventions.ASF.joints.values() if name != "root"]
    block = "begin\nid 1\nname {}\ndirection 0 -1 0\nlength 1\naxis 0 0 0 XYZ\ndof rx\nend\n"
    skeleton = ":root\norder TX TY TZ RX RY RZ\n:bonedata\n" + "".join(block.format(bone) for bone in bones)
    skeleton += f":hierarchy\nbegin{CHAINS}end\n"
    (folder / "manifest.csv").write_text(
        "file,subject,action,convention,split\na.amc,1,run,asf,train\nb.amc,2,sit,asf,train\n"
    )
    generator = np.random.default_rng(0)
    for clip, actor in (("a", "001"), ("b", "002")):
        (folder / f"{actor}.asf").write_text(skeleton)
        lines = [":DEGREES"]
        for frame in range(20):
            lines += [str(frame + 1), "root 0 0 0 0 0 0"]
            lines += [f"{bone} {generator.uniform(0, 5):.3f}" for bone in bones]
        (folder / f"{clip}.amc").write_text("\n".join(lines) + "\n")


def test_draw_of_poses_is_repeatable_and_limited_per_clip(tmp_path: Path):
    _write_asf_folder(tmp_path)
    first, again = (load_poses(tmp_path, split="train", max_frames_per_clip=5, seed=3) for _ in range(2))
    np.testing.assert_array_equal(first.poses, again.poses)
    assert first.clips.tolist() == ["a.amc"] * 5 + ["b.amc"] * 5
    assert first.is_walking.tolist() == [True] * 5 + [False] * 5


def test_split_without_a_usable_clip_is_told(tmp_path: Path):
    _write_asf_folder(tmp_path)
    with pytest.raises(InputError, match="no usable clip"):
        load_poses(tmp_path, split="val", max_frames_per_clip=5, seed=3)


@pytest.mark.real_data
def test_no_actor_of_the_validation_split_is_learned_from(shared_data: Path):
    clips = find_clips(shared_data / "mocap")
    trained = {clip.subject for clip in clips if clip.split == "train"}
    assert trained.isdisjoint({clip.subject for clip in clips if clip.split == "val"})
    assert trained.isdisjoint({f"cmu_{number}" for number in (6, 12, 43, 131)})
    assert not any(clip.source == "hdm05" for clip in clips if clip.split != "hdm05")


def _convention_of(name: str) -> str:
    return (
        name.split(".")[-3] if name.endswith("bvh.gz") and "/" not in name.split("/", 1)[1] else name.rsplit("/", 1)[0]
    )


@pytest.mark.real_data
def test_every_convention_bends_knees_and_elbows_forward_and_stands_on_flat_feet(shared_data: Path):
    by_convention: dict[str, list[np.ndarray]] = {}
    for clip in find_clips(shared_data / "mocap")[::7]:
        by_convention.setdefault(_convention_of(clip.name), []).append(clip.read())
    assert len(by_convention) >= 9
    for convention, parts in by_convention.items():
        poses = np.concatenate(parts)
        vectors = poses.reshape(-1, 24, 3)
        at = {name: vectors[:, index] for index, name in enumerate(SMPL_JOINT_NAMES)}
        for side, sign in (("left", -1.0), ("right", 1.0)):
            # single frames and one whole clip are broken in some conventions
            assert np.mean(at[f"{side}_knee"][:, 0] > -0.2) > 0.98, convention
            assert np.mean(sign * at[f"{side}_elbow"][:, 1] > -0.3) > 0.9, convention
            bent = at[f"{side}_knee"][np.linalg.norm(at[f"{side}_knee"], axis=1) > 0.5]
            sideways = np.abs(bent[:, 1:]).max(axis=1) / np.linalg.norm(bent, axis=1)
            assert np.median(sideways) < 0.1, convention
        world = compose(SMPL_PARENTS, Rotation.from_rotvec(poses.reshape(-1, 3)).as_matrix().reshape(-1, 24, 3, 3))
        pitch = np.degrees(np.arcsin(np.clip(world[:, 7:9, 1, 2].ravel(), -1, 1)))
        counts, edges = np.histogram(pitch, bins=np.arange(-90, 91, 10))
        assert -20 <= edges[counts.argmax()] <= 10, convention  # feet are on the ground in the most frequent bin
