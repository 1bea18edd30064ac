"""The open bodies of women, of men and of all ages keep what docs/open_body.md promises, and results made with them find them again."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
from dataset_fits import draw_fits, write_drawn

from smplify_jax import InputError, load_body, measure_body, save_body
from smplify_jax.body.ages import betas_at_age
from smplify_jax.body.load import shipped_body
from smplify_jax.body.open_body import CAPSULES_PATHS, OPEN_BODY_PATHS, read_open_body
from smplify_jax.cli.fitter import body_of
from smplify_jax.cli.options import BodyOptions
from smplify_jax.datasets.exports import export_fits
from smplify_jax.datasets.provenance import Provenance
from smplify_jax.fitting.profiles import DEFAULT
from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES
from smplify_jax.keypoints.layouts import get_layout
from smplify_jax.learn.open_body.measures import body_mass_index, extreme_betas, limb_angle, shaped
from smplify_jax.learn.open_body.t_pose import ARM_DIRECTION, SHANK_DIRECTION
from smplify_jax.prior.load import load_prior
from smplify_jax.proposal.load import load_proposal_network
from smplify_jax.proposal.propose import Proposer
from smplify_jax.result import FitResult

GENDERS = ("female", "male")
NAMES = {"female": "open body female", "male": "open body male", "all_ages": "open body all ages"}


@pytest.fixture(scope="module")
def bodies():
    return {version: read_open_body(path) for version, path in OPEN_BODY_PATHS.items()}


@pytest.fixture(scope="module")
def fits():
    return draw_fits(2)[1]


# The bodies


@pytest.mark.parametrize("version", OPEN_BODY_PATHS)
def test_a_body_and_its_capsules_are_small_files(version):
    assert OPEN_BODY_PATHS[version].stat().st_size + CAPSULES_PATHS[version].stat().st_size < 1.2e6


def test_all_have_the_same_mesh_and_points(bodies):
    for version in NAMES:
        np.testing.assert_array_equal(bodies[version]["faces"], bodies["neutral"]["faces"])
        assert bodies[version]["point_names"] == bodies["neutral"]["point_names"]


@pytest.mark.parametrize(("gender", "height"), [("female", 1.63), ("male", 1.76)])
def test_the_mean_shape_is_as_tall_as_the_mean_woman_or_man(bodies, gender, height):
    # The mean of shapes that bend a little is not quite the shape of mean height.
    assert np.ptp(bodies[gender]["v_template"][:, 1]) == pytest.approx(height, abs=0.01)


@pytest.mark.parametrize("gender", GENDERS)
def test_heavy_and_light_bodies_are_within_reach(bodies, gender):
    body = bodies[gender]
    heavy, light = (body_mass_index(shaped(body, extreme_betas(body, 2.5, sign)), body["faces"]) for sign in (1, -1))
    assert heavy > 38.0
    assert light < 18.0


@pytest.mark.parametrize("version", NAMES)
def test_the_t_pose_holds_for_every_shape(bodies, version):
    # Degrees. The first beta of all ages spans 0.9 to 2.1 m of height, over which limbs do not turn by equal steps.
    body, limit = bodies[version], 1.5 if version == "all_ages" else 1.0
    for beta in range(10):
        for size in (-2.0, 2.0):
            places = body["J_regressor"] @ shaped(body, size * np.eye(10)[beta])
            for start, end in (("shoulder", "elbow"), ("elbow", "wrist")):
                assert limb_angle(places, f"left_{start}", f"left_{end}", ARM_DIRECTION) < limit
            assert limb_angle(places, "left_knee", "left_ankle", SHANK_DIRECTION) < limit


def test_men_have_no_breasts_whatever_their_betas(bodies):
    """How far the chest stands out beside the breastbone [m]: at the mean, and at most within |betas| = 2.5."""
    rest = bodies["female"]["v_template"]
    is_chest = (rest[:, 0] > 0.04) & (rest[:, 0] < 0.18) & (rest[:, 1] > 0.15) & (rest[:, 1] < 0.42)
    apex = np.flatnonzero(is_chest)[np.argmax(rest[is_chest, 2])]
    front = np.flatnonzero((rest[:, 0] == 0) & (rest[:, 2] > 0))
    breastbone = front[np.argmin(np.abs(rest[front, 1] - rest[apex, 1]))]
    mean, most = {}, {}
    for gender, body in bodies.items():
        slope = (body["shapedirs"][apex, 2] - body["shapedirs"][breastbone, 2])[:10]
        mean[gender] = body["v_template"][apex, 2] - body["v_template"][breastbone, 2]
        most[gender] = mean[gender] + 2.5 * np.linalg.norm(slope)
    # 14 mm, the muscle; 34 mm for the neutral body, whose betas make women and men of one mean.
    assert most["male"] < 0.018 < mean["female"]
    assert most["neutral"] > 0.03


def test_men_and_women_measure_as_men_and_women_do():
    names = ("stature", "waist girth", "hip girth")
    found = {gender: measure_body(shipped_body(1, gender), names=names) for gender in GENDERS}
    ratio = {gender: float(one["waist girth"].value / one["hip girth"].value) for gender, one in found.items()}
    assert ratio["female"] < ratio["male"] - 0.05
    for gender, height in (("female", 1.63), ("male", 1.76)):
        assert found[gender]["stature"].value == pytest.approx(height, abs=0.01)


# Ages


@pytest.mark.parametrize(
    ("years", "height", "bmi"),
    [(2, 0.86, 16.4), (6, 1.15, 15.3), (10, 1.38, 16.7), (14, 1.62, 19.3), (18, 1.695, 21.7), (40, 1.695, 25.5)],
)
def test_people_of_an_age_are_as_tall_and_heavy_as_growth_charts_say(bodies, years, height, bmi):
    body = bodies["all_ages"]
    shape = shaped(body, betas_at_age(years, 16))
    # The table's medians lie on curves, and the betas on chords of a few years.
    assert np.ptp(shape[:, 1]) == pytest.approx(height, abs=0.03)
    assert body_mass_index(shape, body["faces"]) == pytest.approx(bmi, rel=0.06)


def test_children_have_large_heads_and_short_legs(bodies):
    body, shares = bodies["all_ages"], []
    for years in (3, 9, 30):
        shape = shaped(body, betas_at_age(years, 16))
        joints = dict(zip(SMPL_JOINT_NAMES, body["J_regressor"] @ shape, strict=True))
        top, floor = shape[:, 1].max(), shape[:, 1].min()
        shares.append([(top - joints["neck"][1]) / (top - floor), (joints["left_hip"][1] - floor) / (top - floor)])
    heads, legs = np.transpose(shares)
    assert heads[0] > heads[1] > heads[2]
    assert legs[0] < legs[1] < legs[2] + 0.01


def test_ages_are_betas_between_which_one_can_go(bodies):
    between = betas_at_age([5, 9, 70])
    assert between.shape == (3, 10)
    np.testing.assert_allclose(between[0], (betas_at_age(4) + betas_at_age(6)) / 2, atol=1e-6)
    for years in (1.9, 91, np.nan):
        with pytest.raises(InputError, match="give ages from 2 to 90"):
            betas_at_age(years)
    with pytest.raises(InputError, match="give 1 to 16"):
        betas_at_age(5, 17)


# Getting them


def test_the_body_of_all_ages_is_neutral_and_has_no_file_or_gender(tmp_path):
    body = load_body(all_ages=True)
    assert (body.name, body.gender) == (NAMES["all_ages"], "neutral")
    assert body.capsules is not None
    assert body_of(BodyOptions(all_ages=True)).name == NAMES["all_ages"]
    for path, gender in ((None, "male"), (tmp_path, None)):
        with pytest.raises(InputError, match="the body of all ages is a neutral open body"):
            load_body(path, gender, all_ages=True)


@pytest.mark.parametrize("gender", GENDERS)
def test_they_are_loaded_by_gender_from_python_and_from_the_command(gender, bodies):
    body = load_body(gender=gender.upper())
    assert (body.name, body.gender, body.num_betas) == (NAMES[gender], gender, 10)
    assert body.capsules is not None
    np.testing.assert_array_equal(body.v_template, bodies[gender]["v_template"])
    assert body_of(BodyOptions(gender=gender)).name == NAMES[gender]


def test_a_body_written_for_other_programs_keeps_name_gender_and_origin(tmp_path):
    save_body(tmp_path / "mine.npz", load_body(gender="male"))
    body = load_body(tmp_path / "mine.npz")
    assert (body.name, body.gender) == (NAMES["male"], "male")
    with np.load(tmp_path / "mine.npz") as archive:
        assert "CC0" in str(archive["origin"])


def test_the_network_proposes_their_poses_and_not_their_betas():
    network, layout = load_proposal_network(), get_layout("coco17")
    knows = {name: Proposer.of(network, layout, name, 24).knows_betas for name in ("open body", *NAMES.values())}
    assert knows == {"open body": 1.0, **dict.fromkeys(NAMES.values(), 0.0)}


# Results


@pytest.mark.parametrize("version", NAMES)
def test_pickled_and_saved_results_find_their_body_by_its_name(version, fits, tmp_path):
    fitted = replace(fits, body=shipped_body(10, version))
    assert pickle.loads(pickle.dumps(fitted)).body is fitted.body
    fitted.save(tmp_path / "fit.npz")
    loaded = FitResult.load(tmp_path / "fit.npz")
    assert loaded == fitted
    assert loaded.body is fitted.body


def test_exports_of_stored_fits_state_the_gender_and_that_betas_are_not_smpls(tmp_path):
    made_with = Provenance.of(DEFAULT, shipped_body(10, "female"), load_prior(), "coco17")
    about = {name: getattr(made_with, name) for name in ("body_name", "body_gender", "is_open_body")}
    assert about == {"body_name": NAMES["female"], "body_gender": "female", "is_open_body": True}
    write_drawn(tmp_path / "a.parquet", 2, gender="male", made_with=about)
    exported = export_fits(tmp_path, "spin", tmp_path / "out")
    with np.load(exported.files[0]) as data:
        assert data["gender"].tolist() == ["f", "f"]
        assert data["has_smpl"].tolist() == [0, 0]
        assert data["body_name"].tolist() == [NAMES["female"]] * 2
    assert any("2 rows say another gender than the fitted body open body female has" in note for note in exported.notes)
