"""Exports of one file a person are read back by those who use them."""

from dataclasses import replace

import numpy as np
import pytest
from dataset_fits import draw_fits, joints_of, load_body, provenance, write_drawn
from scipy.spatial.transform import Rotation
from smplcodec import SMPLCodec, SMPLGender, SMPLVersion

from smplify_jax.datasets.crops_of_fits import Bodies, turned
from smplify_jax.datasets.exports import ExportOptions, export_fits
from smplify_jax.datasets.parquet import read_fits, write_fits
from smplify_jax.datasets.schema import fits_table
from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES
from smplify_jax.result import FitResult

ROUNDING = 1e-4  # m: float32 rotations of bodies up to 6 m away


@pytest.fixture
def fits(tmp_path):
    """Six people, the last without a fit."""
    folder = tmp_path / "fits"
    write_drawn(folder / "part.parquet", 6, num_failed=1)
    return folder


def turned_joints(fits, rotation):
    (batch,) = read_fits(fits)
    return batch.array("joints").reshape(6, 24, 3)[:5] @ np.array(rotation, np.float64).T


def test_amass_reads_an_upright_person_in_a_z_up_world(fits, tmp_path):
    paths = export_fits(fits, "amass", tmp_path)
    expected = turned_joints(fits, [[1, 0, 0], [0, 0, 1], [0, -1, 0]])
    assert len(paths) == 5  # the sixth has no fit
    for path, joints in zip(paths, expected, strict=True):
        with np.load(path) as data:
            assert set(data.files) >= {"poses", "trans", "betas", "gender", "mocap_framerate"}
            assert data["poses"].shape == (1, 156)
            assert data["betas"].shape == (16,)
            assert str(data["gender"]) == "neutral"
            assert data["mocap_framerate"] == data["mocap_frame_rate"] == 30.0
            assert str(data["body_name"]) == "open body"
            pose = np.concatenate([data["poses"][:, :66], np.zeros((1, 6))], axis=1)
            read = joints_of(pose, data["betas"][None, :10], data["trans"])
        # SMPL's two hands are not among SMPL-H's joints; the first 22 joints are where they were.
        np.testing.assert_allclose(read[0, :22], joints[:22], atol=ROUNDING)
        assert joints[SMPL_JOINT_NAMES.index("head"), 2] > joints[0, 2]


def test_smplcodec_reads_amass_files_and_avatars(fits, tmp_path):
    for path in export_fits(fits, "amass", tmp_path / "amass"):
        assert SMPLCodec.from_amass_npz(path, "smplh").full_pose.shape == (1, 52, 3)
    paths = export_fits(fits, "smpl", tmp_path / "smpl", ExportOptions(open_body_as_smpl=True))
    expected = turned_joints(fits, np.diag([1, -1, -1]))
    assert len(paths) == 5
    for path, joints in zip(paths, expected, strict=True):
        avatar = SMPLCodec.from_file(path)
        assert avatar.smpl_version == SMPLVersion.SMPL
        assert avatar.gender == SMPLGender.NEUTRAL
        assert avatar.shape_parameters is not None
        read = joints_of(avatar.full_pose.reshape(1, 72), avatar.shape_parameters[None], avatar.body_translation)
        np.testing.assert_allclose(read[0], joints, atol=ROUNDING)


@pytest.mark.parametrize(
    ("num_joints", "version", "num_read"), [(52, SMPLVersion.SMPLH, 52), (55, SMPLVersion.SMPLX, 55)]
)
def test_avatars_of_bodies_with_fingers_are_of_their_kind(tmp_path, num_joints, version, num_read):
    rows, result = draw_fits(2)
    shorter = replace(result, body_pose=np.asarray(result.body_pose)[:, :63])
    made_with = replace(provenance(result), num_joints=num_joints, is_open_body=False, body_name="mine")
    write_fits(tmp_path / "fits.parquet", fits_table(rows, shorter), made_with)
    for path, pose in zip(export_fits(tmp_path / "fits.parquet", "smpl", tmp_path), shorter.body_pose, strict=True):
        avatar = SMPLCodec.from_file(path)
        assert avatar.smpl_version == version
        assert avatar.full_pose.shape == (1, num_read, 3)
        np.testing.assert_allclose(avatar.full_pose[0, 1:22].ravel(), pose, atol=1e-6)
        np.testing.assert_array_equal(avatar.full_pose[0, 22:], 0)


def test_a_persons_file_is_read_by_fit_result_and_has_smplifys_keys(fits, tmp_path):
    _, result = draw_fits(6, num_failed=1)
    paths = export_fits(fits, "people", tmp_path)
    assert [path.name for path in paths] == [f"people.json_{k}.npz" for k in range(5)]
    for index, path in enumerate(paths):
        loaded = FitResult.load(path, load_body()).arrays()
        for name, value in result[index].arrays().items():
            if name == "reprojection_error_px":  # reckoned again from float32 keypoints
                np.testing.assert_allclose(loaded[name], value, rtol=1e-4)
            else:
                np.testing.assert_array_equal(loaded[name], value, err_msg=name)
        with np.load(path) as data:
            for name, value in result[index].to_smplify().items():
                np.testing.assert_allclose(data[name], value, rtol=1e-6)
            assert data["keypoints"].shape == (17, 3)
            assert data["image_size"].tolist() == [640, 480]


def test_a_rotation_about_the_root_keeps_the_pelvis_on_its_way():
    pelvis, transl = np.array([[0.1, 0.2, 5.0]]), np.array([[0.1, 0.4, 4.9]])
    quarter = Rotation.from_rotvec([0, 0, np.pi / 2])
    bodies = turned(Bodies(np.zeros((1, 72)), np.zeros((1, 10)), transl, pelvis, np.array([True])), quarter)
    np.testing.assert_allclose(bodies.pelvis, [[-0.2, 0.1, 5.0]], atol=1e-12)
    np.testing.assert_allclose(bodies.pelvis - bodies.transl, pelvis - transl, atol=1e-12)
