"""Capsules of a body: placement, files, and what files may not be."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bodies import random_body, with_random_capsules

from smplify_jax import BodyModel, Capsules, InputError, load_body, with_capsules
from smplify_jax.body.capsule_files import load_capsules, save_capsules
from smplify_jax.body.capsule_placement import place_on_joints
from smplify_jax.body.capsules import PART_JOINTS, PARTS
from smplify_jax.body.spheres import body_spheres, sphere_places

ARRAYS = ("axes", "betas2centers", "betas2lens", "betas2rads")


def capsules_of(body: BodyModel) -> Capsules:
    assert body.capsules is not None
    return body.capsules


@pytest.fixture(scope="module")
def body():
    return load_body()


def write(path: Path, arrays: dict[str, Any]) -> None:
    np.savez(path, **arrays)


def published(**changes):
    """The arrays of a file as others publish it: ten betas and a trailing one."""
    rng = np.random.default_rng(0)
    lens, rads = rng.normal(0, 0.005, (11, 20)), rng.normal(0, 0.002, (11, 20))
    lens[-1], rads[-1] = 0.2, 0.07
    return {"betas2lens": lens, "betas2rads": rads} | changes


def test_the_open_body_comes_with_capsules_of_plausible_sizes(body):
    radii = dict(zip(PARTS, np.asarray(capsules_of(body).radii(np.zeros(10))), strict=True))
    lengths = dict(zip(PARTS, np.asarray(capsules_of(body).lengths(np.zeros(10))), strict=True))
    assert 0.03 < radii["left_forearm"] < 0.05 < radii["left_calf"] < radii["left_thigh"] < radii["spine1"] < 0.16
    assert 0.15 < lengths["left_forearm"] < lengths["left_thigh"] < 0.4


def test_capsules_are_left_and_right_alike(body):
    """The open body is symmetric; what differs comes from the points drawn on its skin."""
    for name in ("radii", "lengths"):
        values = dict(zip(PARTS, np.asarray(getattr(capsules_of(body), name)(np.zeros(10))), strict=True))
        for part in PARTS:
            if part.startswith("left_"):
                assert abs(values[part] - values[part.replace("left", "right")]) < 0.01


def test_fewer_betas_are_a_slice_and_more_change_nothing(body):
    assert capsules_of(load_body(num_betas=3)).num_betas == 3
    more = capsules_of(load_body(num_betas=16))
    betas = np.random.default_rng(0).normal(size=16).astype(np.float32)
    np.testing.assert_array_equal(more.radii(betas), more.radii(betas[:10]))
    np.testing.assert_allclose(more.ends(betas[:3]), capsules_of(load_body(num_betas=3)).ends(betas[:3]), atol=1e-6)


def test_a_file_gives_back_what_was_written(tmp_path):
    body = with_random_capsules(random_body())
    for name in ("one.npz", "two.npz"):
        save_capsules(tmp_path / name, capsules_of(body), len(body.v_template))
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    loaded = with_capsules(replace(body, capsules=None), tmp_path / "one.npz")
    for name in ARRAYS:
        np.testing.assert_allclose(getattr(capsules_of(loaded), name), getattr(capsules_of(body), name), atol=1e-6)
    with np.load(tmp_path / "one.npz") as file:
        assert file["betas2lens"].shape == file["betas2rads"].shape == (11, 20)


@pytest.mark.parametrize("num_joints", [24, 52, 55])
def test_a_file_of_published_keys_alone_is_placed_on_the_joints(tmp_path, num_joints):
    body = random_body(num_joints)
    write(tmp_path / "published.npz", published())
    loaded = with_capsules(body, tmp_path / "published.npz")
    betas = np.random.default_rng(1).normal(size=body.num_betas).astype(np.float32)
    padded = np.append(np.pad(betas, (0, 10 - len(betas))), 1.0)
    np.testing.assert_allclose(capsules_of(loaded).lengths(betas), padded @ published()["betas2lens"], atol=1e-6)
    np.testing.assert_allclose(capsules_of(loaded).radii(betas), padded @ published()["betas2rads"], atol=1e-6)
    shaped = body.with_shape(betas)
    joints = dict(zip(body.joint_names, np.asarray(shaped.rest_joints), strict=True))
    middles = np.asarray(capsules_of(loaded).ends(betas)).mean(axis=1)
    at = PARTS.index("left_forearm")
    np.testing.assert_allclose(
        joints["left_elbow"] + middles[at], (joints["left_elbow"] + joints["left_wrist"]) / 2, atol=1e-5
    )
    assert body_spheres(loaded).num_spheres > 0


def test_axes_of_the_placement_point_along_bones_and_across_the_trunk(body):
    axes = dict(zip(PARTS, place_on_joints(body, PART_JOINTS)[0], strict=True))
    assert axes["left_thigh"][1] < -0.9
    assert axes["left_forearm"][0] > 0.9
    assert axes["right_forearm"][0] < -0.9
    assert abs(axes["spine2"][0]) > 0.99
    assert axes["left_foot"][2] > 0.7


def test_spheres_are_at_most_a_diameter_apart_and_leave_out_hips_and_shoulders(body):
    for part, name in enumerate(PARTS):
        places = sphere_places(capsules_of(body), part)
        length, radius = capsules_of(body).betas2lens[-1, part], capsules_of(body).betas2rads[-1, part]
        assert np.all(np.diff(places) * length <= 2 * radius + 1e-6)
        assert (places[0] == -0.5) == ("thigh" not in name and "upper_arm" not in name)
        assert (places[-1] == 0.5) == ("upper_arm" not in name)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"betas2lens": published()["betas2lens"]}, "'betas2rads' is missing"),
        (published(betas2rads=np.zeros((11, 19))), r"'betas2rads' has shape \(11, 19\); expected numbers of shape"),
        (published(betas2rads=np.full((10, 20), 0.05)), r"expected the same, such as \(11, 20\)"),
        (published(betas2lens=np.full((11, 20), np.nan)), "NaN or infinity"),
        (published(betas2lens=np.full((11, 20), 1e300)), "NaN or infinity"),
        (published(betas2rads=np.full((11, 20), 70.0)), "in metres"),
        (published(axes=np.full((20, 3), 1e38), betas2centers=np.zeros((11, 20, 3))), "unit vectors"),
        (published(num_vertices=np.int32(6890)), "6890 vertices.*learn its own"),
        (published(axes=np.zeros((20, 3)), betas2centers=np.zeros((11, 20, 3))), "unit vectors"),
        (published(betas2lens=np.array("text")), "expected numbers"),
    ],
)
def test_a_bad_file_is_told_in_one_sentence(tmp_path, arrays, message):
    write(tmp_path / "bad.npz", arrays)
    with pytest.raises(InputError, match=message) as caught:
        load_capsules(tmp_path / "bad.npz", random_body())
    assert "bad.npz" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_says_so(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        with_capsules(random_body(), tmp_path / "none.npz")


def test_a_pair_of_unknown_parts_is_told(body):
    with pytest.raises(InputError, match="'tail'"):
        body_spheres(body, pairs=(("tail", "left_hand"),))
