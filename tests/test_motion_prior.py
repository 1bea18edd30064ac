"""The motion prior: the accelerations of known motions, its file, and that the shipped one is of people."""

from pathlib import Path

import numpy as np
import pytest
from motion_folders import BONE_LENGTH, write_clip, write_skeleton
from scipy.spatial.transform import Rotation

from smplify_jax.errors import InputError
from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES
from smplify_jax.learn import motion_prior
from smplify_jax.prior.motion import SHIPPED, load_motion_prior

HIP = SMPL_JOINT_NAMES.index("left_hip")


def test_accelerations_of_a_fall_and_of_a_turn_that_quickens():
    times = 0.01 * np.arange(50)
    path = np.stack([2.0 * times, -0.5 * 9.81 * times**2, np.zeros(50)], axis=1)
    # about a fixed axis of the parent, after a rest rotation that the axis does not share
    rest = Rotation.from_rotvec([0.4, -0.2, 0.9])
    turns = Rotation.from_rotvec(np.outer(0.5 * 3.0 * times**2, [0.0, 0.6, 0.8])) * rest
    root, joints = motion_prior.accelerations(turns.as_rotvec()[:, None], path, 0.01)
    np.testing.assert_allclose(root, np.broadcast_to([0, -9.81, 0], (48, 3)), atol=1e-9)
    np.testing.assert_allclose(joints[:, 0], np.broadcast_to([0, 1.8, 2.4], (48, 3)), atol=1e-6)


def test_every_second_frame_is_taken_from_each_first_one(tmp_path: Path):
    (clip,) = _recorded(tmp_path, lambda n: 0.01 * n, 61)
    first, second = motion_prior.resampled(clip, motion_prior.STEPS[0])
    np.testing.assert_array_equal(first[1], clip.path[::2])
    np.testing.assert_array_equal(second[1], clip.path[1::2])
    ((rotations, path),) = motion_prior.resampled(clip, motion_prior.STEPS[2])
    np.testing.assert_allclose(path[::2], clip.path, atol=1e-9)
    np.testing.assert_allclose(rotations[::2], clip.poses.reshape(-1, 24, 3), atol=1e-9)


def test_robust_standard_deviation_ignores_a_few_large_values():
    values = np.random.default_rng(0).normal(0, 3.0, size=20000)
    robust = motion_prior.robust_standard_deviation
    assert robust(values) == pytest.approx(3.0, rel=0.03)
    values[::100] = 1000.0
    assert robust(values) == pytest.approx(3.0, rel=0.04)
    assert motion_prior.standard_deviation(values) > 50


def test_subjects_weigh_the_same_however_long_they_were_recorded():
    series = {"a": [np.full((1000, 1), 1.0)], "b": [np.full((10, 1), 7.0)]}
    np.testing.assert_allclose(motion_prior.pooled(series, motion_prior.standard_deviation), 5.0)  # √((1 + 49) / 2)


def _recorded(folder: Path, height, num_frames: int):
    write_skeleton(folder / "001.asf")
    write_clip(
        folder / "a.amc",
        num_frames,
        lambda n: (0.1 * height(n), BONE_LENGTH * height(n), 0, 4 * np.sin(n / 5), 0, 0),
        lambda n, bone: (3 if bone == "lfemur" else 6) * np.sin(n / 5),
    )
    (folder / "manifest.csv").write_text(
        "file,subject,action,convention,split,fps\na.amc,1,walk,asf,train,30\n", encoding="utf-8"
    )
    return motion_prior.load_recordings(folder, "train")


def test_command_learns_a_prior_that_loads(tmp_path: Path, capsys: pytest.CaptureFixture):
    _recorded(tmp_path, lambda n: 0.05 * np.cos(n / 4), 90)
    motion_prior.main(tmp_path, tmp_path / "motion.npz", tmp_path / "report.json")
    prior = load_motion_prior(tmp_path / "motion.npz")
    # a cosine of 0.05 half legs of 0.8 m with 30/4 rad/s
    assert prior.root_acceleration_std[1] == pytest.approx(0.05 * 0.4 * 7.5**2 / np.sqrt(2), rel=0.1)
    assert prior.root_acceleration_std[0] < 0.2 * prior.root_acceleration_std[1]
    assert prior.joint_acceleration_std[HIP] == prior.joint_acceleration_std[HIP + 1]
    assert prior.frame_time == pytest.approx(1 / 30)
    assert "0.0667 s" in capsys.readouterr().out
    assert (tmp_path / "report.json").is_file()


def test_frames_further_apart_have_smaller_accelerations():
    prior = load_motion_prior()
    assert prior.scale(4 / 30) == pytest.approx(0.5)


def test_shipped_prior_is_of_people():
    prior = load_motion_prior()
    assert ((prior.root_acceleration_std > 1) & (prior.root_acceleration_std < 9.81)).all()
    assert (prior.joint_acceleration_std > prior.joint_acceleration_robust_std).all()
    spine, shoulder = (SMPL_JOINT_NAMES.index(name) for name in ("spine2", "left_shoulder"))
    assert prior.joint_acceleration_std[shoulder] > 2 * prior.joint_acceleration_std[spine]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"frame_time": None}, "lacks frame_time"),
        ({"root_acceleration_std": np.ones(2)}, "shape"),
        ({"joint_acceleration_std": np.zeros(24)}, "above zero"),
        ({"joint_acceleration_robust_std": np.full(24, np.nan)}, "finite"),
        ({"frame_time": np.array(1)}, "type"),
        ({"frame_time": np.array(1e39)}, "finite"),  # in double precision it is
        ({"frame_time": np.array(1e-60)}, "above zero"),
    ],
)
def test_damaged_file_is_told(tmp_path: Path, change: dict, message: str):
    arrays = {name: np.asarray(value) for name, value in vars(load_motion_prior()).items()} | change
    path = tmp_path / "motion.npz"
    np.savez(path, allow_pickle=False, **{name: array for name, array in arrays.items() if array is not None})
    with pytest.raises(InputError, match=message):
        load_motion_prior(path)


@pytest.mark.real_data
def test_shipped_prior_comes_from_the_recordings(shared_data: Path):
    clips = motion_prior.load_recordings(shared_data / "mocap", "train")
    series = motion_prior.collect(clips, motion_prior.STEPS[1], motion_prior.metres_of_a_leg())
    ours, shipped = motion_prior.learn(series, 1 / 30), vars(load_motion_prior())
    for name, array in shipped.items():
        np.testing.assert_allclose(ours[name], array, rtol=1e-4, err_msg=f"learn {SHIPPED} again")
