from typing import Any

import numpy as np
import pytest
from bodies import random_body

from smplify_jax.body.regressors import EXTRA_NAMES, H36M_NAMES, with_regressor
from smplify_jax.errors import InputError
from smplify_jax.keypoints.layouts import Layout


def regressor_by_joint(body, joint_names):
    """Rows that give the rest position of these joints."""
    return np.stack([np.asarray(body.J_regressor)[body.joint_names.index(name)] for name in joint_names])


def joints_of_h36m(names):
    """A SMPL joint near each point, so that sides are right."""
    trunk = {"spine": "spine1", "jaw": "head", "thorax": "spine3"}
    stems = [name.removesuffix("_h36m").removesuffix("_lsp").removesuffix("_mpii") for name in names]
    return [trunk.get(stem, stem.removesuffix("_keypoint").replace("head_top", "head")) for stem in stems]


@pytest.mark.parametrize("names", [EXTRA_NAMES, H36M_NAMES])
def test_a_regressor_file_adds_its_points(tmp_path, names):
    body = random_body()
    regressor = regressor_by_joint(body, joints_of_h36m(names))
    np.save(tmp_path / "regressor.npy", regressor)
    extended = with_regressor(body, tmp_path / "regressor.npy")
    assert extended.point_names == names
    template = np.asarray(body.v_template)
    weighted = np.asarray(extended.point_weights)[..., None] * template[np.asarray(extended.point_vertices)]
    np.testing.assert_allclose(weighted.sum(axis=1), regressor @ template, atol=1e-6)  # float32 rounding of metres


def test_points_of_a_regressor_are_keypoints_of_the_posed_body():
    body = random_body()
    names = ("left_knee_h36m", "right_knee_h36m")
    regressor = regressor_by_joint(body, ["left_knee", "right_knee"])
    layout = Layout("knees", names, tuple((name,) for name in names))
    rng = np.random.default_rng(0)
    pose: dict[str, Any] = {
        "global_orient": rng.normal(0, 1, 3),
        "body_pose": rng.normal(0, 0.3, 69),
        "transl": np.zeros(3),
    }
    pose = {name: value.astype(np.float32) for name, value in pose.items()} | {"betas": np.ones(10, np.float32)}
    keypoints = with_regressor(body, regressor, names).keypoints(**pose, layout=layout)
    expected = regressor @ np.asarray(body.vertices(**pose))
    np.testing.assert_allclose(keypoints, expected, atol=1e-6)  # float32 rounding of metres


def test_the_h36m_order_has_the_left_leg_first():
    assert H36M_NAMES.index("left_knee_h36m") < H36M_NAMES.index("right_knee_h36m")
    assert H36M_NAMES.index("left_elbow_h36m") < H36M_NAMES.index("right_elbow_h36m")
    assert EXTRA_NAMES.index("right_hip_keypoint") < EXTRA_NAMES.index("left_hip_keypoint")


def test_rows_in_another_order_than_the_names_are_noticed():
    body = random_body()
    swapped = [name.replace("left", "x").replace("right", "left").replace("x", "right") for name in H36M_NAMES]
    with pytest.raises(InputError, match=r"left_hip_h36m lies to the right of right_hip_h36m"):
        with_regressor(body, regressor_by_joint(body, joints_of_h36m(swapped)))


def test_a_point_of_the_same_name_is_replaced_and_others_stay():
    body = random_body(24, 6890)
    extended = with_regressor(body, regressor_by_joint(body, ["head"]), ["head_top"])
    assert extended.point_names == body.point_names
    row = extended.point_names.index("head_top")
    assert np.count_nonzero(np.asarray(extended.point_weights)[row]) > 1
    nose = extended.point_names.index("nose")
    used = np.asarray(extended.point_weights)[nose] != 0
    assert np.asarray(extended.point_vertices)[nose][used].tolist() == [332]


@pytest.mark.parametrize(
    ("regressor", "names", "message"),
    [
        (np.ones((2, 300)) / 300, None, "has 2 rows and 0 distinct names"),
        (np.ones((2, 300)) / 300, ["a", "a"], "has 2 rows and 1 distinct names"),
        (np.ones((2, 299)) / 299, ["a", "b"], "is for 299 vertices and the body has 300"),
        (np.full((2, 300), np.nan), ["a", "b"], "holds NaN"),
        (np.ones((2, 300)), ["a", "b"], "must sum to one"),
        (np.ones(300), ["a"], "a row per point"),
    ],
)
def test_a_regressor_that_does_not_fit_is_refused(regressor, names, message):
    with pytest.raises(InputError, match=message):
        with_regressor(random_body(), regressor, names)


def test_a_regressor_file_that_is_no_array_is_refused(tmp_path):
    path = tmp_path / "J_regressor_extra.npy"
    with pytest.raises(InputError, match="no such file"):
        with_regressor(random_body(), path)
    path.write_bytes(b"no array")
    with pytest.raises(InputError, match=r"not a readable \.npy array"):
        with_regressor(random_body(), path)


@pytest.mark.parametrize(("value", "dtype"), [(1e38, np.float32), (1e308, np.float64), (6e4, np.float16)])
def test_numbers_whose_sum_overflows_are_refused_without_a_warning(value, dtype):
    body = random_body()
    regressor = np.full((9, len(body.v_template)), value, dtype)
    with pytest.raises(InputError, match="must sum to one"):
        with_regressor(body, regressor)
