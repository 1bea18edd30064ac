"""The open bodies of women and of men keep what docs/open_body.md promises, and results made with them find them again."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
from dataset_fits import draw_fits, write_drawn

from smplify_jax import load_body, measure_body, save_body
from smplify_jax.body.load import shipped_body
from smplify_jax.body.open_body import CAPSULES_PATHS, OPEN_BODY_PATHS, read_open_body
from smplify_jax.cli.fitter import body_of
from smplify_jax.cli.options import BodyOptions
from smplify_jax.datasets.exports import export_fits
from smplify_jax.datasets.provenance import Provenance
from smplify_jax.fitting.profiles import DEFAULT
from smplify_jax.keypoints.layouts import get_layout
from smplify_jax.learn.open_body.measures import body_mass_index, extreme_betas, limb_angle, shaped
from smplify_jax.learn.open_body.t_pose import ARM_DIRECTION, SHANK_DIRECTION
from smplify_jax.prior.load import load_prior
from smplify_jax.proposal.load import load_proposal_network
from smplify_jax.proposal.propose import Proposer
from smplify_jax.result import FitResult

GENDERS = ("female", "male")
NAMES = {"female": "open body female", "male": "open body male"}


@pytest.fixture(scope="module")
def bodies():
    return {gender: read_open_body(path) for gender, path in OPEN_BODY_PATHS.items()}


@pytest.fixture(scope="module")
def fits():
    return draw_fits(2)[1]


# The bodies


@pytest.mark.parametrize("gender", OPEN_BODY_PATHS)
def test_a_body_and_its_capsules_are_small_files(gender):
    assert OPEN_BODY_PATHS[gender].stat().st_size + CAPSULES_PATHS[gender].stat().st_size < 1.2e6


def test_all_have_the_same_mesh_and_points(bodies):
    for gender in GENDERS:
        np.testing.assert_array_equal(bodies[gender]["faces"], bodies["neutral"]["faces"])
        assert bodies[gender]["point_names"] == bodies["neutral"]["point_names"]


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


@pytest.mark.parametrize("gender", GENDERS)
def test_the_t_pose_holds_for_every_shape(bodies, gender):
    body = bodies[gender]
    for beta in range(10):
        for size in (-2.0, 2.0):
            places = body["J_regressor"] @ shaped(body, size * np.eye(10)[beta])
            for start, end in (("shoulder", "elbow"), ("elbow", "wrist")):
                assert limb_angle(places, f"left_{start}", f"left_{end}", ARM_DIRECTION) < 1.0
            assert limb_angle(places, "left_knee", "left_ankle", SHANK_DIRECTION) < 1.0


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


# Getting them


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
    assert knows == {"open body": 1.0, NAMES["female"]: 0.0, NAMES["male"]: 0.0}


# Results


@pytest.mark.parametrize("gender", GENDERS)
def test_pickled_and_saved_results_find_their_body_by_its_name(gender, fits, tmp_path):
    fitted = replace(fits, body=shipped_body(10, gender))
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
