"""Points in space to a body: exact and noisy ones, turned, far away, of unknown scale, and through time."""

from __future__ import annotations

import dataclasses
import warnings

import numpy as np
import pytest
from people import draw_people
from scipy.spatial.transform import Rotation

from smplify_jax.body.load import load_body
from smplify_jax.errors import InputError
from smplify_jax.fitting.points import fit_points
from smplify_jax.keypoints.layouts import get_layout
from smplify_jax.result import MIN_KEYPOINTS, FitStatus

NUM_PEOPLE = 6
NOISE = 0.01
"""[m] along each axis; the mean length of such an error is 1.6 times as much."""


def mpjpe_mm(result, joints, kept: slice | list[int] = slice(None)):
    """(B,) mean distance of joints from their truth in the frame of the points [mm]: not even moved."""
    return 1000 * np.linalg.norm((np.asarray(result.joints, np.float64) - joints)[:, kept], axis=-1).mean(axis=-1)


def drawn(layout, num_people=NUM_PEOPLE, seed=2):
    """Points (B, K, 4) of people turned every way, zero where the body has none, and their joints."""
    people = draw_people(num_people, layout, seed=seed, is_any_way_up=True)
    points = np.asarray(load_body().keypoints(**people.parameters, layout=layout), np.float64)
    is_known = np.isfinite(points).all(axis=-1, keepdims=True)
    return np.concatenate([np.where(is_known, points, 0), is_known], axis=-1), people.joints


def noisy(rows, seed=0):
    rows = rows.copy()
    rows[..., :3] += np.random.default_rng(seed).normal(0, NOISE, rows[..., :3].shape) * (rows[..., 3:] > 0)
    return rows


@pytest.fixture(scope="module")
def exact():
    return drawn("smpl24")


@pytest.fixture(scope="module")
def fitted(exact):
    return fit_points(exact[0], layout="smpl24")


def test_exact_joints_give_the_body(exact, fitted):
    assert fitted.statuses() == [FitStatus.CONVERGED] * NUM_PEOPLE
    errors = mpjpe_mm(fitted, exact[1])
    assert np.mean(errors) <= 1  # measured 0.2
    assert np.median(np.asarray(fitted.point_errors)) <= 0.001
    np.testing.assert_array_equal(fitted.point_scale, 1)


def test_a_result_of_points_has_no_views(fitted):
    assert fitted.extrinsics.num_views == 0
    assert fitted.keypoints_px.shape == (NUM_PEOPLE, 0, 24, 2)
    assert fitted.reprojection_error_px.shape == (NUM_PEOPLE, 0, 24)
    assert np.isnan(np.asarray(fitted.person_height_px)).all()
    with pytest.raises(InputError, match="no view 0: this result was fitted to 0 cameras"):
        fitted.in_view(0)


def test_point_errors_are_distances_of_the_fitted_keypoints(exact, fitted):
    distances = np.linalg.norm(np.asarray(fitted.joints) - exact[0][..., :3], axis=-1)
    np.testing.assert_allclose(fitted.point_errors, distances, atol=1e-5)


def test_the_joints_are_those_of_the_body(fitted):
    np.testing.assert_allclose(fitted.joints, fitted.body.joints(**fitted.parameters.blocks()), atol=1e-5)


@pytest.mark.parametrize("noise", [None, NOISE])
def test_noise_is_averaged_out(exact, noise):
    rows, joints = exact
    given = noisy(rows)
    result = fit_points(given, layout="smpl24", noise=noise)
    of_points = 1000 * np.linalg.norm(given[..., :3] - joints, axis=-1).mean()
    assert mpjpe_mm(result, joints).mean() < 0.85 * of_points


@pytest.mark.parametrize("noise", [None, NOISE])
def test_a_batch_is_its_loop(exact, fitted, noise):
    rows, _ = exact
    batch = fitted if noise is None else fit_points(rows, layout="smpl24", noise=noise)
    for row, person in zip(rows[:3], batch, strict=False):
        alone = fit_points(row, layout="smpl24", noise=noise)
        assert not alone.is_batched
        # Products of another shape round in another order; measured 0.003 mm. Estimated noise multiplies that.
        np.testing.assert_allclose(alone.joints, person.joints, atol=2e-5 if noise else 5e-4)


def test_company_changes_no_bit_of_a_body(exact):
    rows = np.concatenate([noisy(exact[0], seed) for seed in range(3)])  # 18: more than one chunk of the search
    scattered = rows.copy()
    scattered[1::2] = np.nan
    scattered[3] = 1e30
    whole, half = (fit_points(one, layout="smpl24") for one in (rows, scattered))
    assert half[::2] == whole[::2]
    assert not any(status.is_usable for status in half[1::2].statuses())


def test_the_body_turns_and_moves_with_the_points(exact):
    turn = Rotation.from_rotvec([1.0, -2.0, 0.5]).as_matrix()
    rows = exact[0].copy()
    rows[..., :3] = rows[..., :3] @ turn.T + [20.0, -7.0, 3.0]
    # With a given noise: an estimated one depends on the last digits of the first fit.
    here, there = (fit_points(one, layout="smpl24", noise=NOISE) for one in (exact[0], rows))
    # A search that ends at a relative gain of 1e-4 ends within a fraction of the error of the fit.
    np.testing.assert_allclose(there.joints, np.asarray(here.joints) @ turn.T + [20.0, -7.0, 3.0], atol=3e-3)


@pytest.mark.parametrize("distance", [1e4, 5e5])
def test_the_frame_may_begin_far_away(exact, fitted, distance):
    rows = exact[0].copy()
    rows[..., :3] += distance
    result = fit_points(rows, layout="smpl24")
    np.testing.assert_allclose(result.body_pose, fitted.body_pose, atol=1e-3)
    np.testing.assert_allclose(np.asarray(result.point_errors), fitted.point_errors, atol=1e-4)
    rounding = distance * 2.0**-24
    np.testing.assert_allclose(result.joints, np.asarray(fitted.joints) + distance, atol=rounding + 1e-3)


@pytest.mark.parametrize("unit", [1000.0, 0.01])
def test_the_scale_may_be_unknown(exact, unit):
    rows, joints = exact
    scaled = rows.copy()
    scaled[..., :3] *= unit
    result = fit_points(scaled, layout="smpl24", scale="free")
    size = np.asarray(result.point_scale, np.float64)[:, None, None]
    # How tall somebody is, only the shape prior knows: 5 % at one standard deviation, drawn up to two.
    np.testing.assert_allclose(size * unit, 1.0, atol=0.2)
    assert mpjpe_mm(dataclasses.replace(result, joints=np.asarray(result.joints) / size / unit), joints).mean() <= 6


def test_points_that_were_not_observed_count_for_nothing(exact):
    rows, joints = exact
    results = []
    for nothing in (
        (0, 0, 0, 0),
        (np.nan, np.nan, np.nan, 1),
        (5, 5, 5, 0),
        (np.inf, 0, 0, 1),
        (5, 5, 5, np.nan),
        (5, 5, 5, -1),
    ):
        given = rows[:2].copy()
        given[:, [7, 20]] = nothing
        results.append(fit_points(given, layout="smpl24"))
    for other in results[1:]:
        assert other == results[0]
    assert np.isnan(np.asarray(results[0].point_errors)[:, [7, 20]]).all()
    assert mpjpe_mm(results[0], joints[:2]).mean() < 20  # an ankle and a wrist follow from foot and hand


def test_a_body_without_points_is_a_status_and_touches_no_other(exact, fitted):
    rows = exact[0].copy()
    rows[1] = np.nan
    rows[3, MIN_KEYPOINTS - 1 :] = 0
    rows[4] = rows[4, :1]
    result = fit_points(rows, layout="smpl24")
    statuses = result.statuses()
    assert [statuses[k] for k in (1, 3, 4)] == [FitStatus.TOO_FEW_KEYPOINTS] * 3
    assert np.isnan(np.asarray(result.joints)[[1, 3, 4]]).all()
    assert np.isnan(np.asarray(result.point_scale)[[1, 3, 4]]).all()
    others = np.array([0, 2, 5])
    np.testing.assert_array_equal(result.joints[others], fitted.joints[others])


def test_nobody_at_all_is_a_status():
    result = fit_points(np.zeros((24, 4)), layout="smpl24")
    assert result.statuses() == [FitStatus.TOO_FEW_KEYPOINTS]


def test_in_time_bodies_share_a_shape_and_gaps_are_filled(exact):
    rows, joints = exact
    times = np.arange(8) / 25
    speed = np.array([0.5, 1.0, -0.2])
    moved = np.repeat(noisy(rows[:1]), 8, axis=0)
    moved[..., :3] += times[:, None, None] * speed
    moved[3] = np.nan
    result = fit_points(moved, layout="smpl24", fps=25)
    assert [status is FitStatus.FILLED for status in result.statuses()] == [k == 3 for k in range(8)]
    assert (np.asarray(result.betas) == np.asarray(result.betas)[0]).all()
    assert mpjpe_mm(result, joints[:1] + times[:, None, None] * speed).max() < 20
    np.testing.assert_allclose(np.asarray(result.velocities).mean(axis=(0, 1)), speed, atol=0.02)
    by_times = fit_points(moved, layout="smpl24", times=times + 100.0)
    np.testing.assert_allclose(by_times.joints, result.joints, atol=1e-3)


# Of exact points. Measured 2-9 mm: what no point of a layout shows (spine, collars, hands, feet) the priors add.
@pytest.mark.parametrize("layout", ["h36m17", "kinect32", "mhr70", "coco17", "panoptic19"])
def test_every_layout_of_points_gives_the_body(layout):
    rows, joints = drawn(layout, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the open body lacks some of the points
        result = fit_points(rows, layout=layout)
    assert all(status.is_usable for status in result.statuses())
    assert mpjpe_mm(result, joints).mean() < 15


def test_closed_fists_hardly_move_the_wrists():
    rows, joints = drawn("kinect32", 3)
    layout = get_layout("kinect32")
    stretched = fit_points(rows, layout="kinect32")
    for side in ("left", "right"):
        wrist, hand = (layout.index(f"{side}_{name}") for name in ("wrist", "hand"))
        for tip in ("hand_tip", "thumb"):
            # A fingertip that is bent back to the knuckles: 5 to 10 cm from where that of a stretched hand is.
            rows[:, layout.index(f"{side}_{tip}"), :3] = 0.3 * rows[:, wrist, :3] + 0.7 * rows[:, hand, :3]
    fists = fit_points(rows, layout="kinect32")
    names = list(load_body().joint_names)
    limbs = [names.index(f"{side}_{name}") for side in ("left", "right") for name in ("elbow", "wrist")]
    assert mpjpe_mm(fists, joints, limbs).mean() < mpjpe_mm(stretched, joints, limbs).mean() + 5


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"points": np.zeros((24, 3))}, r"shape \(24, 3\): with layout 'smpl24' a body is \(24, 4\)"),
        ({"points": np.zeros((0, 24, 4))}, r"shape \(0, 24, 4\)"),
        ({"points": "points"}, "points"),
        ({"layout": "nothing"}, "no keypoint layout 'nothing'"),
        ({"noise": -0.1}, "noise is -0.1: give a standard deviation in metres"),
        ({"noise": "much"}, "noise is 'much'"),
        ({"noise": np.nan}, "noise is nan"),
        ({"scale": "unknown"}, "scale is 'unknown'"),
        ({"fps": 0}, "fps is 0"),
        ({"times": [1.0, 2.0]}, "times must be 1 numbers"),
        ({"max_gap": np.nan}, "max_gap is nan"),
        ({"num_betas": 0}, "num_betas"),
    ],
)
def test_arguments_that_cannot_be_used_are_one_sentence(exact, changed, words):
    with pytest.raises(InputError, match=words):
        fit_points(**{"points": exact[0][0], "layout": "smpl24"} | changed)
