"""The named points of the shipped open body are where people have them."""

from itertools import pairwise

import numpy as np
import pytest
import trimesh

from smplify_jax.body.open_body import read_open_body
from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES, mirrored_name

MIRROR = np.array([-1.0, 1.0, 1.0])
SIDED_POINTS = (
    "eye ear big_toe small_toe heel thumb_tip index_tip middle_tip ring_tip pinky_tip hip_keypoint".split()  # noqa: SIM905
)


@pytest.fixture(scope="module")
def body():
    return read_open_body()


@pytest.fixture(scope="module")
def mesh(body):
    return trimesh.Trimesh(body["v_template"], body["faces"], process=False)


@pytest.fixture(scope="module")
def joints(body):
    places = body["J_regressor"] @ body["v_template"]
    return dict(zip(SMPL_JOINT_NAMES, places, strict=True))


@pytest.fixture(scope="module")
def points(body):
    places = np.einsum("pn,pnc->pc", body["point_weights"], body["v_template"][body["point_vertices"]])
    return dict(zip(body["point_names"], places, strict=True))


def test_every_name_of_the_vocabulary_is_there(points):
    sided = {f"{side}_{name}" for side in ("left", "right") for name in SIDED_POINTS}
    assert set(points) == {"nose", "head_top", "chin"} | sided


def test_left_points_are_on_the_bodys_left(points):
    assert all(place[0] > 0.01 for name, place in points.items() if name.startswith("left_"))
    assert all(points[name][0] == 0.0 for name in ("nose", "head_top", "chin"))


def test_points_of_the_face_are_where_faces_have_them(body, points):
    head_top, chin, nose, eye, ear = (points[n] for n in ("head_top", "chin", "nose", "left_eye", "left_ear"))
    assert head_top[1] > body["v_template"][:, 1].max() - 2e-3
    assert chin[1] < nose[1] < eye[1] < head_top[1]
    assert nose[2] > eye[2] > ear[2]
    assert 0.056 < 2 * eye[0] < 0.070, "pupils are about 62 mm apart"
    assert 0.13 < 2 * ear[0] < 0.18, "ears are about 155 mm apart"
    assert 0.19 < head_top[1] - chin[1] < 0.25, "a head is about 225 mm high"


def test_toes_are_in_front_of_heels_and_near_the_floor(body, points):
    floor = body["v_template"][:, 1].min()
    big, small, heel = (points[f"left_{name}"] for name in ("big_toe", "small_toe", "heel"))
    assert 0.21 < big[2] - heel[2] < 0.28, "a foot is about 250 mm long"
    assert small[2] < big[2]
    assert big[0] < heel[0] < small[0], "the big toe is the inner one"
    assert max(big[1], small[1], heel[1]) - floor < 0.04


def test_finger_tips_are_beyond_the_hand_from_front_to_back(points, joints):
    tips = [points[f"left_{name}_tip"] for name in ("thumb", "index", "middle", "ring", "pinky")]
    assert all(a[2] > b[2] for a, b in pairwise(tips))
    assert all(tip[0] > joints["left_hand"][0] for tip in tips[1:])
    assert max(tip[0] for tip in tips) == tips[2][0], "the middle finger is the longest"


def test_the_hip_keypoint_is_inside_the_body_next_to_the_hip(mesh, points, joints):
    offset = points["left_hip_keypoint"] - joints["left_hip"]
    assert mesh.contains(points["left_hip_keypoint"][None]).all()
    assert 0.01 < np.linalg.norm(offset) < 0.04
    assert offset[1] < 0 < offset[2], "lower and farther to the front"


def test_point_weights_are_shares(body):
    assert body["point_weights"].min() >= 0
    assert np.abs(body["point_weights"].sum(axis=1) - 1.0).max() < 1e-6  # float32 rounding


def test_points_are_exact_mirror_images(points):
    for name, place in points.items():
        assert (points[mirrored_name(name)] == place * MIRROR).all(), name
