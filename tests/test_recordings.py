"""Recordings with a time base: their path, the times between their frames, and the pieces between their jumps."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from motion_folders import BONE_LENGTH, write_clip, write_skeleton
from scipy.spatial.transform import Rotation

from smplify_jax.errors import InputError
from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES
from smplify_jax.learn.mocap.bvh import read_bvh
from smplify_jax.learn.mocap.recordings import Recording, load_recordings, without_wraps

LEG = 2 * BONE_LENGTH


def _still(_: int) -> tuple[float, ...]:
    return (0.0,) * 6


def _straight(_: int, __: str) -> float:
    return 0.0


def _record(
    folder: Path,
    root: Callable[[int], tuple[float, ...]] = _still,
    bone: Callable[[int, str], float] = _straight,
    num_frames: int = 90,
    fps: str = "30",
) -> list[Recording]:
    write_skeleton(folder / "001.asf")
    write_clip(folder / "a.amc", num_frames, root, bone)
    (folder / "manifest.csv").write_text(
        f"file,subject,action,convention,split,fps\na.amc,1,walk,asf,train,{fps}\n", encoding="utf-8"
    )
    return list(load_recordings(folder, "train"))


def test_path_is_measured_in_lengths_of_the_leg(tmp_path: Path):
    (clip,) = _record(tmp_path, lambda frame: (0.0, 7.0, LEG * frame / 89, 0.0, 0.0, 0.0))
    np.testing.assert_allclose(clip.path[-1] - clip.path[0], [0, 0, 1], atol=1e-6)
    np.testing.assert_allclose(clip.path[:, 1], 7.0 / LEG, atol=1e-6)
    assert clip.duration == pytest.approx(89 / 30)
    assert clip.is_walking


def test_root_of_a_bvh_adds_to_its_offset(tmp_path: Path):
    text = "HIERARCHY\nROOT Hips\n{\n OFFSET 0 1 0\n CHANNELS 6 Xposition Yposition Zposition Zrotation Yrotation Xrotation\n}\n"
    path = tmp_path / "a.bvh"
    path.write_text(text + "MOTION\nFrames: 2\nFrame Time: 0.1\n0 0 0 0 0 0\n5 6 7 90 0 0\n")
    np.testing.assert_array_equal(read_bvh(path).root_positions, [[0, 1, 0], [5, 7, 7]])


def test_time_between_frames_turns_and_moves_in_between(tmp_path: Path):
    (clip,) = _record(tmp_path, lambda frame: (frame, 0, 0, 0, 0, 0), lambda frame, bone: frame * (bone == "lradius"))
    at_frames, path = clip.at(np.array([0.0, 2.0, 5.0]) / 30)
    np.testing.assert_allclose(at_frames, clip.poses[[0, 2, 5]], atol=1e-9)
    between, path = clip.at(np.array([2.25, 100.0]) / 30)
    elbow = SMPL_JOINT_NAMES.index("left_elbow")
    turned = Rotation.from_rotvec(clip.poses[0, 3 * elbow : 3 * elbow + 3]).inv() * Rotation.from_rotvec(
        between[:, 3 * elbow : 3 * elbow + 3]
    )
    np.testing.assert_allclose(np.degrees(turned.magnitude()), [2.25, 89.0], atol=1e-4)  # files hold 6 digits
    np.testing.assert_allclose(path[:, 0] - clip.path[0, 0], np.array([2.25, 89.0]) / LEG, atol=1e-6)


def test_clip_is_cut_where_it_jumps(tmp_path: Path):
    pieces = _record(tmp_path, lambda frame: (LEG * (frame >= 40), 0, 0, 0, 0, 0))
    assert [(piece.first_frame, len(piece.poses)) for piece in pieces] == [(0, 39), (41, 49)]
    assert pieces[0].seed != pieces[1].seed


@pytest.mark.parametrize(("bone", "num_pieces"), [("lfemur", 2), ("lhand", 1)])
def test_joint_that_leaps_cuts_a_clip_unless_it_is_a_wrist(tmp_path: Path, bone: str, num_pieces: int):
    pieces = _record(tmp_path, bone=lambda frame, name: 70.0 * (frame >= 45 and name == bone))
    assert len(pieces) == num_pieces


def test_first_frame_in_another_pose_is_left_out(tmp_path: Path):
    (clip,) = _record(tmp_path, bone=lambda frame, name: 45.0 * (frame == 0 and name == "lhumerus"))
    assert clip.first_frame == 1


def test_rotations_past_half_a_turn_go_on(tmp_path: Path):
    angles = np.linspace(2.0, 4.5, 40)
    short = Rotation.from_rotvec(angles[:, None] * np.array([0.0, 0.6, 0.8])).as_rotvec()
    assert np.abs(np.diff(short, axis=0)).max() > 4  # the other way round from π on
    poses = np.zeros((40, 72))
    poses[:, 60:63] = short
    whole = without_wraps(poses)
    np.testing.assert_allclose(whole[:, 60:63], angles[:, None] * np.array([0.0, 0.6, 0.8]), atol=1e-9)
    np.testing.assert_array_equal(np.delete(whole, [60, 61, 62], axis=1), 0)


def test_folder_without_a_frame_rate_is_told(tmp_path: Path):
    with pytest.raises(InputError, match="frame rate"):
        _record(tmp_path, fps="")


@pytest.mark.real_data
def test_people_of_the_video_clips_walk_on_their_feet(shared_data: Path):
    """The path and the poses of each convention belong together: of a walking person, the foot on the ground hardly moves."""
    clips = [clip for split in ("train", "val") for clip in load_recordings(shared_data / "mocap", split)]
    assert {clip.subject for clip in clips} == {f"cmu_{n}" for n in (1, 3, 5, 6, 7, 35, 60, 61, 94, 135)}
    for clip in clips:
        if clip.subject in ("cmu_6", "cmu_7", "cmu_35") and clip.action == "walk":
            assert 0.95 < np.median(clip.path[:, 1]) < 1.15, (
                clip.name
            )  # the hips are a leg and an ankle above the ground
            speed = clip.fps * np.linalg.norm(np.diff(clip.path[:, [0, 2]], axis=0), axis=1)
            assert 0.8 < np.median(speed) < 2.5, clip.name  # people walk one to two legs a second
