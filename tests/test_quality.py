"""Confidence in a fit: posterior standard deviations of the joints, quality features and score."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest
from people import IMAGE_SIZE, draw_people
from scipy.spatial.transform import Rotation

from smplify_jax import fit, load_body
from smplify_jax.body.keypoint_body import keypoint_body
from smplify_jax.body.parameters import BodyParameters
from smplify_jax.errors import InputError
from smplify_jax.fitting import fit as fitting
from smplify_jax.geometry.metrics import pa_mpjpe
from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES
from smplify_jax.learn import known_people, known_tracks
from smplify_jax.learn.known_fits import SHARES, Fits
from smplify_jax.learn.known_people import GROUPS, fit_known_people
from smplify_jax.learn.quality import calibrate, judge, predict, reliability
from smplify_jax.quality.posterior import joints_and_jacobian, posterior
from smplify_jax.quality.score import GOOD_MM, QualityFeatures, QualityModel, load_quality_model
from smplify_jax.result import FitResult


@pytest.fixture(scope="module")
def people():
    return draw_people(8, "coco17", seed=3)


def fitted(keypoints, people):
    return fit(keypoints, layout="coco17", image_size=IMAGE_SIZE, camera=people.focal_length)


@pytest.fixture(scope="module")
def exact(people):
    return fitted(people.keypoints, people)


def test_standard_deviation_of_the_joints_is_that_of_samples_from_the_posterior():
    body = keypoint_body(load_body(num_betas=10), "smpl24", num_betas=10)
    rng = np.random.default_rng(0)
    factor = rng.normal(size=(85, 85))
    hessian = (factor @ factor.T + 85 * np.eye(85)).astype(np.float32)
    at = BodyParameters(*(jnp.asarray(0.2 * rng.normal(size=n), jnp.float32) for n in (3, 69, 10, 3)))
    weight = 0.05  # so small a spread that the joints are linear in it
    jacobian = joints_and_jacobian(body, at)[1]
    std, of_betas = posterior(jnp.asarray(hessian), jnp.asarray(weight), jacobian, at.columns(), jnp.asarray(True))
    covariance = 0.5 * weight**2 * np.linalg.inv(hessian)[72:82, 72:82]
    np.testing.assert_allclose(of_betas, covariance, atol=1e-3 * covariance.max())
    steps = rng.multivariate_normal(np.zeros(85), 0.5 * weight**2 * np.linalg.inv(hessian), size=4000)
    joints = np.stack([_joints(body, at.retract(jnp.asarray(step, jnp.float32))) for step in steps[:800]])
    # 800 samples tell a standard deviation to 2.5 %; the largest of 72 such errors is about 8 %.
    np.testing.assert_allclose(std, joints.std(axis=0), rtol=0.12)


def _joints(body, at):
    return body.keypoints(**at.blocks())


def test_depth_is_less_certain_than_the_picture(exact):
    x, y, z = np.moveaxis(np.asarray(exact.joints_std), -1, 0)
    assert (z.mean(axis=1) > 1.5 * np.maximum(x, y).mean(axis=1)).all()


def test_an_unseen_arm_is_less_certain(people, exact):
    hidden = people.keypoints.copy()
    hidden[:, [7, 9], 2] = 0.0  # left elbow and wrist of coco17
    without = fitted(hidden, people)
    left_wrist = 20
    ratio = (
        np.linalg.norm(without.joints_std, axis=-1)[:, left_wrist]
        / np.linalg.norm(exact.joints_std, axis=-1)[:, left_wrist]
    )
    # The anchor bounds what a hidden arm may do: it is the network's guess then.
    assert np.median(ratio) > 1.1


def test_quality_falls_with_noise(people, exact):
    noise = 0.06 * people.height_px[:, None, None] * np.random.default_rng(1).normal(size=(8, 17, 2))
    noisy = people.keypoints.copy()
    noisy[..., :2] += noise
    assert np.mean(fitted(noisy, people).quality) < np.mean(exact.quality)
    assert ((exact.quality >= 0) & (exact.quality <= 1)).all()


def test_a_person_who_could_not_be_fitted_has_no_quality(people):
    keypoints = people.keypoints.copy()
    keypoints[0, 3:] = 0.0
    result = fitted(keypoints, people)
    assert np.isnan(result.quality[0])
    assert np.isfinite(result.quality[1:]).all()


def test_without_the_anchor_that_it_was_calibrated_with_a_fit_claims_no_quality(people):
    result = fit(people.keypoints[:1], layout="coco17", image_size=IMAGE_SIZE, anchor=None)
    assert np.isnan(result.quality).all()
    assert np.isfinite(result.joints_std).all()


def test_features_tell_how_the_fitted_body_stands(exact):
    features = exact.quality_features
    up = -Rotation.from_rotvec(np.asarray(exact.global_orient)).as_matrix()[:, 1, 1]
    np.testing.assert_allclose(features.uprightness, up, atol=1e-5)  # float32
    assert (up > 0.7).all()  # they were drawn upright
    head, ankles = SMPL_JOINT_NAMES.index("head"), [SMPL_JOINT_NAMES.index(f"{s}_ankle") for s in ("left", "right")]
    y = np.asarray(exact.joints[..., 1])
    np.testing.assert_allclose(features.head_height, y[:, 0] - y[:, head], atol=1e-5)
    np.testing.assert_allclose(features.foot_height, y[:, 0] - y[:, ankles].mean(axis=1), atol=1e-5)
    wrists = [SMPL_JOINT_NAMES.index(f"{side}_wrist") for side in ("left", "right")]
    np.testing.assert_allclose(features.hand_height, y[:, 0] - y[:, wrists].mean(axis=1), atol=1e-5)
    assert (np.asarray(features.turn_from_proposal) < 0.7).all()


def test_the_score_sees_standard_deviations_as_it_learned_them(exact):
    spread = np.linalg.norm(exact.joints_std, axis=-1).mean(axis=1)
    scale = load_quality_model().std_scale
    np.testing.assert_allclose(scale * exact.quality_features.joint_std, spread, rtol=1e-4)


def test_people_who_are_any_way_up_are_not_overrated():
    people = draw_people(128, "coco17", seed=5, is_any_way_up=True)
    result = fitted(people.keypoints, people)
    errors = [1000 * pa_mpjpe(*pair) for pair in zip(np.asarray(result.joints), people.joints, strict=True)]
    share_good = np.mean(np.array(errors) < GOOD_MM)
    # 128 coins have a standard error of 0.04.
    assert np.mean(result.quality) < share_good + 0.08


class _BegunError(Exception):
    """Carries what a fit was about to run with: enough to tell whether it would claim a quality, without compiling it."""


def _begin(program, setup, people, devices):
    raise _BegunError(setup)


@pytest.mark.parametrize(
    ("choices", "is_calibrated"),
    [
        ({}, True),
        ({"init": "start"}, True),
        ({"init": "start", "anchor": None}, False),
        ({"profile": "plain"}, False),
        ({"profile": "spin"}, False),
        ({"num_starts": 2}, True),
        ({"num_starts": 2, "profile": "spin"}, False),
    ],
    ids=str,
)
def test_only_what_was_calibrated_has_a_quality_model(people, monkeypatch, choices, is_calibrated):
    monkeypatch.setattr(fitting, "run_in_batches", _begin)
    if "init" in choices:
        choices = choices | {"init": BodyParameters(**{name: value[:1] for name, value in people.parameters.items()})}
    with pytest.raises(_BegunError) as begun:
        fit(people.keypoints[:1], layout="coco17", image_size=IMAGE_SIZE, **choices)
    assert (begun.value.args[0].quality is not None) == is_calibrated


def test_starts_and_searches_have_scores_of_their_own(people, monkeypatch):
    monkeypatch.setattr(fitting, "run_in_batches", _begin)
    start = BodyParameters(**{name: value[:1] for name, value in people.parameters.items()})
    choices = {"pictures": {}, "starts": {"init": start}, "searches": {"num_starts": 4}}
    for kind, choice in choices.items():
        with pytest.raises(_BegunError) as begun:
            fit(people.keypoints[:1], layout="coco17", image_size=IMAGE_SIZE, **choice)
        for other in choices:
            is_same = np.array_equal(begun.value.args[0].quality.weights, load_quality_model(of=other).weights)
            assert is_same == (other == kind)


def test_calibration_finds_the_probabilities_that_made_the_data():
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(20_000, 3))
    probability = 1 / (1 + np.exp(-(numbers[:, 0] - 0.5 * numbers[:, 1] ** 2 + 0.3)))
    usual = np.full(len(numbers), "usual")
    fits = Fits(numbers, rng.uniform(size=len(numbers)) < probability, np.full(len(numbers), 2.0), usual)
    model = calibrate(fits)
    assert model.std_scale == pytest.approx(2.0)
    found = predict(model, numbers)
    assert np.abs(found - probability).mean() < 0.02  # 20,000 coins, ten weights, and the clip of the far tails
    rows, error = reliability(found, fits.is_good)
    assert error < 0.02
    assert len(rows) >= 8


def test_groups_count_by_their_shares_however_many_are_fitted():
    group = np.repeat(list(SHARES), 10 * np.arange(1, len(SHARES) + 1))
    fits = Fits(np.zeros((len(group), 1)), np.zeros(len(group), bool), np.ones(len(group)), group)
    counted = [fits.weight()[group == name].sum() for name in SHARES]
    np.testing.assert_allclose(counted, len(group) * np.array(list(SHARES.values())))
    assert sum(SHARES.values()) == pytest.approx(1)
    assert SHARES.keys() == GROUPS.keys()


def test_usual_people_alone_set_the_scale_of_the_standard_deviations():
    group = np.repeat(["usual", "rotated"], 50)
    ratio = np.where(group == "usual", 2.0, 10.0)
    fits = Fits(np.random.default_rng(0).normal(size=(100, 1)), np.arange(100) % 2 == 0, ratio, group)
    assert calibrate(fits).std_scale == pytest.approx(2.0)


def test_reliability_sees_an_overconfident_score():
    is_good = np.arange(1000) % 2 == 0
    rows, error = reliability(np.full(1000, 0.9), is_good)
    assert rows == [{"fits": 1000, "score": pytest.approx(0.9), "good": 0.5}]
    assert error == pytest.approx(0.4)


def test_a_quality_model_survives_its_file(tmp_path):
    model = QualityModel(
        np.zeros(15, np.float32),
        np.ones(15, np.float32),
        np.arange(135, dtype=np.float32),
        np.asarray(1, np.float32),
        np.asarray(2, np.float32),
    )
    model.save(tmp_path / "quality.npz")
    loaded = load_quality_model(tmp_path / "quality.npz")
    for name in ("center", "scale", "weights", "bias", "std_scale"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(model, name))


def test_another_file_is_refused_in_a_sentence(tmp_path):
    np.savez(tmp_path / "other.npz", a=np.zeros(1))
    with pytest.raises(InputError, match="lacks bias, center"):
        load_quality_model(tmp_path / "other.npz")


def test_the_shipped_model_takes_all_quality_features():
    quality_features = QualityFeatures(
        **{field.name: jnp.asarray(0.1) for field in dataclasses.fields(QualityFeatures)}
    )
    assert 0 <= float(load_quality_model()(quality_features)) <= 1


def test_a_fit_that_version_0_1_0_saved_is_loaded(exact, tmp_path):
    result = exact
    result.save(tmp_path / "new.npz")
    with np.load(tmp_path / "new.npz") as stored:
        np.savez(
            tmp_path / "old.npz", **{name.replace("quality_features_", "evidence_"): stored[name] for name in stored}
        )
    with np.load(tmp_path / "old.npz") as old:
        assert "evidence_noise" in old
    loaded = FitResult.load(tmp_path / "old.npz", result.body)
    np.testing.assert_array_equal(loaded.quality_features.noise, result.quality_features.noise)
    with pytest.warns(DeprecationWarning, match="quality_features"):
        np.testing.assert_array_equal(loaded.evidence.noise, result.quality_features.noise)


GROUP_LIMITS = {"two people": 0.22}
"""Of the expected calibration error and of what the mean score may be too high by; 0.1 for the other groups. Without a share in the
calibration it was at 0.25 (docs/quality.md says why it is not at 0.1)."""


@pytest.mark.real_data
def test_the_shipped_score_is_calibrated_for_every_group_of_held_out_people(shared_data):
    told = judge(load_quality_model(), fit_known_people(shared_data / "mocap", "val", 12))
    assert told["expected_calibration_error"] < 0.05
    for name, group in told["groups"].items():
        limit = GROUP_LIMITS.get(name, 0.1)
        assert group["expected_calibration_error"] < limit, name
        assert group["score"] < group["good"] + limit, name


@pytest.mark.real_data
@pytest.mark.parametrize(("of", "limit", "limit_of_groups"), [("starts", 0.05, 0.1), ("searches", 0.09, 0.13)])
def test_the_score_of_other_starts_is_calibrated_for_every_group_of_held_out_people(
    shared_data, monkeypatch, of, limit, limit_of_groups
):
    # One layout and one number of directions, because each is a program to compile: searches in coco17 alone are a little overrated.
    monkeypatch.setattr(known_people, "LAYOUTS", ("coco17",))
    monkeypatch.setattr(known_people, "NUM_STARTS", (4,))
    told = judge(load_quality_model(of=of), fit_known_people(shared_data / "mocap", "val", 12, of=of))
    assert told["expected_calibration_error"] < limit
    for name, group in told["groups"].items():
        assert group["expected_calibration_error"] < GROUP_LIMITS.get(name, limit_of_groups), name


@pytest.mark.real_data
def test_the_score_of_tracks_is_calibrated_on_held_out_people(shared_data, monkeypatch):
    monkeypatch.setattr(known_tracks, "LAYOUTS", ("coco17",))
    monkeypatch.setattr(known_tracks, "LENGTHS", (48,))  # as many as one program fits
    fits = known_tracks.fit_known_tracks(shared_data / "mocap", "val", 4)
    told = judge(load_quality_model(of="tracks"), fits)
    assert told["expected_calibration_error"] < 0.1  # frames of 48 tracks, which are alike within each
    assert 0.7 < told["usual_error_over_claimed_std"] < 1.4
