"""Errors of motions, on motions whose errors are known."""

import numpy as np
import pytest

from benchmarks.track_metrics import PLANTED, foot_sliding, path_shape_error, shape_error, track_errors
from smplify_jax import load_body
from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES

FPS = 30.0
TIMES = np.arange(40) / FPS
HEAD, HAND, TOE = (SMPL_JOINT_NAMES.index(name) for name in ("head", "left_hand", "left_foot"))


@pytest.fixture(scope="module")
def body():
    return load_body()


def _truth() -> np.ndarray:
    """(2, 40, 24, 3) two people whose joints swing, each at its own pace."""
    generator = np.random.default_rng(0)
    place, reach = generator.normal(0, 0.5, (2, 1, 24, 3)), generator.normal(0, 0.1, (2, 1, 24, 3))
    phase = TIMES[:, None, None] * generator.uniform(2, 5, (2, 1, 24, 1))
    return place + reach * np.sin(phase) + (0, 0, 4)


def _errors(body, joints: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    betas = np.zeros((2, 40, 10))
    return track_errors(joints, truth, betas, betas, body, FPS)


def test_truth_has_no_error_and_its_own_energy(body):
    errors = _errors(body, _truth(), _truth())
    assert errors.pop("energy_ratio") == 1.0
    assert errors.pop("sliding") < PLANTED
    for name, value in errors.items():
        assert value == pytest.approx(0.0, abs=1e-6), name


def test_body_that_falls_accelerates_in_the_camera_frame_only(body):
    fall = np.zeros((40, 1, 3))
    fall[:, 0, 1] = 0.5 * 9.81 * TIMES**2
    errors = _errors(body, _truth() + fall, _truth())
    assert errors["acceleration_camera"] == pytest.approx(9.81)
    assert errors["acceleration"] == pytest.approx(0.0, abs=1e-8)
    assert errors["pa_mpjpe_mm"] == pytest.approx(0.0, abs=1e-6)
    assert errors["path_mm"] == pytest.approx(1000 * fall[..., 1].mean())


def test_one_joint_of_22_accelerates_and_hands_do_not_count(body):
    joints = _truth()
    joints[:, :, HEAD, 0] += 0.5 * 3.0 * TIMES**2
    joints[:, :, HAND, 0] += 0.5 * 300.0 * TIMES**2
    errors = _errors(body, joints, _truth())
    assert errors["acceleration"] == pytest.approx(3.0 / 22)
    assert errors["mm_per_frame2"] == pytest.approx(3.0 / 22 * 1000 / 30**2)


def test_motion_of_half_the_size_has_a_quarter_of_the_energy(body):
    joints = _truth()
    middle = joints.mean(axis=1, keepdims=True)
    assert _errors(body, middle + 0.5 * (joints - middle), joints)["energy_ratio"] == pytest.approx(0.25)


def test_shape_of_a_path_does_not_depend_on_where_it_is():
    path = _truth()[:, :, 0]
    assert path_shape_error(path + np.array([0.3, 0, 1.0]), path) == pytest.approx(0.0, abs=1e-12)
    assert path_shape_error(path + np.where(np.arange(40) < 20, 0.1, -0.1)[:, None] * (0, 0, 1), path) == pytest.approx(
        0.1
    )


def test_feet_slide_only_while_the_true_ones_stand():
    truth = np.zeros((1, 40, 24, 3))
    truth[:, 20:, TOE, 0] = 0.5 * TIMES[:20]
    joints = truth + (0.2 * TIMES)[:, None, None] * (0, 0, 1)
    assert foot_sliding(truth, truth, FPS) == 0.0
    assert foot_sliding(joints, truth, FPS) == pytest.approx(0.2)
    joints[:, 21:, TOE] += np.random.default_rng(0).normal(size=(1, 19, 3))  # in the air
    assert foot_sliding(joints, truth, FPS) == pytest.approx(0.2)


def test_shape_error_is_that_of_every_frame(body):
    betas, truth = np.zeros((1, 4, 10)), np.zeros((1, 4, 10))
    betas[..., 0] = 1.0
    constant = shape_error(body, betas, truth)
    betas[:, 2:, 0] = 0.0
    assert shape_error(body, betas, truth) == pytest.approx(0.5 * constant, rel=1e-4)  # float32
    assert constant > 5
