"""Keypoint layouts: each table is consistent in itself, and its order is the published one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from smplify_jax import load_body
from smplify_jax.body.points import PointTable, undefined_keypoints
from smplify_jax.errors import InputError
from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES, SMPLH_JOINT_NAMES
from smplify_jax.keypoints.layouts import (
    HAND_LAYOUTS,
    LAYOUTS,
    POINT_LAYOUTS,
    POINTS_OF_NO_BODY,
    Layout,
    get_layout,
    pictured_layouts,
)

SURFACE_POINTS = {"nose", "head_top", "chin"} | {
    f"{side}_{point}"
    for side in ("left", "right")
    for point in (
        [
            "eye",
            "ear",
            "big_toe",
            "small_toe",
            "heel",
            "thumb_tip",
            "index_tip",
            "middle_tip",
            "ring_tip",
            "pinky_tip",
            "hip_keypoint",
        ]
    )
}

FINGER_JOINTS = {name for name in SMPLH_JOINT_NAMES if name not in SMPL_JOINT_NAMES}
KNUCKLES = {f"{side}_{finger}_knuckle" for side in ("left", "right") for finger in ("thumb", "index", "pinky")}

COUNTS = {
    "lsp14": 14,
    "coco17": 17,
    "coco23": 23,
    "openpose18": 18,
    "openpose25": 25,
    "openpose25b": 25,
    "halpe26": 26,
    "mpii16": 16,
    "h36m17": 17,
    "smpl24": 24,
    "spin49": 49,
    "kinect32": 32,
    "panoptic19": 19,
    "mhr70": 70,
    "mediapipe33": 33,
    "coco23_hands": 31,
    "openpose25_hands": 33,
    "halpe26_hands": 34,
}

# Positions that tell an order from its neighbours, from the documentation of each format.
KNOWN_POSITIONS = [
    ("lsp14", {0: "right_ankle", 3: "left_hip", 6: "right_wrist", 11: "left_wrist", 12: "neck", 13: "head_top"}),
    ("coco17", {0: "nose", 1: "left_eye", 5: "left_shoulder", 10: "right_wrist", 11: "left_hip", 16: "right_ankle"}),
    ("coco23", {16: "right_ankle", 17: "left_big_toe", 19: "left_heel", 22: "right_heel"}),
    ("openpose18", {1: "neck", 2: "right_shoulder", 8: "right_hip", 13: "left_ankle", 14: "right_eye", 17: "left_ear"}),
    ("openpose25", {1: "neck", 8: "mid_hip", 14: "left_ankle", 15: "right_eye", 19: "left_big_toe", 24: "right_heel"}),
    ("openpose25b", {16: "right_ankle", 17: "upper_neck", 18: "head_top", 19: "left_big_toe", 24: "right_heel"}),
    ("halpe26", {17: "head_top", 18: "neck", 19: "mid_hip", 21: "right_big_toe", 22: "left_small_toe"}),
    ("mpii16", {0: "right_ankle", 6: "pelvis", 7: "thorax", 8: "upper_neck", 9: "head_top", 15: "left_wrist"}),
    ("h36m17", {0: "pelvis", 1: "right_hip", 4: "left_hip", 8: "thorax", 11: "left_shoulder", 16: "right_wrist"}),
    ("smpl24", {0: "pelvis", 1: "left_hip", 15: "head", 20: "left_wrist"}),
    (
        "spin49",
        {8: "mid_hip", 25: "right_ankle_lsp", 37: "neck_lsp", 39: "pelvis_mpii", 42: "jaw_h36m", 44: "nose_coco"},
    ),
    (
        "mediapipe33",
        {
            0: "nose",
            2: "left_eye",
            6: "right_eye_outer",
            8: "right_ear",
            9: "left_mouth",
            11: "left_shoulder",
            16: "right_wrist",
        }
        | {17: "left_pinky", 20: "right_index", 21: "left_thumb", 23: "left_hip", 28: "right_ankle", 29: "left_heel"}
        | {31: "left_foot_index", 32: "right_foot_index"},
    ),
    (
        "kinect32",
        {0: "pelvis", 3: "neck", 4: "left_clavicle", 8: "left_hand", 10: "left_thumb", 12: "right_shoulder"}
        | {18: "left_hip", 21: "left_foot", 26: "head", 27: "nose", 29: "left_ear", 30: "right_eye"},
    ),
    ("panoptic19", {0: "neck", 1: "nose", 2: "mid_hip", 3: "left_shoulder", 6: "left_hip", 14: "right_ankle"}),
    (
        "mhr70",
        {4: "right_ear", 8: "right_elbow", 9: "left_hip", 14: "right_ankle", 15: "left_big_toe", 20: "right_heel"}
        | {21: "right_thumb_tip", 24: "right_thumb_third_joint", 41: "right_wrist", 42: "left_thumb_tip"}
        | {61: "left_pinky_third_joint", 62: "left_wrist", 63: "left_olecranon", 68: "right_acromion", 69: "neck"},
    ),
]

REST = {"betas": np.zeros(10), "global_orient": np.zeros(3), "body_pose": np.zeros(69), "transl": np.zeros(3)}

every_layout = pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)


def test_every_layout_is_known_by_its_own_name_and_has_its_count():
    assert {name: layout.num_keypoints for name, layout in LAYOUTS.items()} == COUNTS
    assert all(name == layout.name for name, layout in LAYOUTS.items())


@pytest.mark.parametrize(("name", "positions"), KNOWN_POSITIONS, ids=[name for name, _ in KNOWN_POSITIONS])
def test_order_is_the_published_one(name, positions):
    names = LAYOUTS[name].keypoint_names
    assert {position: names[position] for position in positions} == positions


@every_layout
def test_keypoints_are_unique_and_made_of_known_body_points(layout):
    assert len(set(layout.keypoint_names)) == layout.num_keypoints == len(layout.points)
    known = SURFACE_POINTS | set(SMPL_JOINT_NAMES)
    if layout.name == "mhr70":
        known |= FINGER_JOINTS | POINTS_OF_NO_BODY
    if layout.name == "mediapipe33":
        known |= KNUCKLES | POINTS_OF_NO_BODY
    if layout.name in HAND_LAYOUTS:
        known |= KNUCKLES
    assert {point for points in layout.points for point in points} <= known
    assert all(len(set(points)) == len(points) > 0 for points in layout.points)


@every_layout
def test_flip_is_its_own_inverse_and_swaps_every_side(layout):
    assert [layout.flip[k] for k in layout.flip] == list(range(layout.num_keypoints))
    for name, flipped in zip(layout.keypoint_names, layout.flip, strict=True):
        other = layout.keypoint_names[flipped]
        assert (other == name) == (not name.startswith(("left_", "right_")))


@every_layout
def test_sides_of_a_keypoint_and_of_its_body_points_agree(layout):
    def sides(name: str) -> str:
        return name.split("_")[0] if name.startswith(("left_", "right_")) else "middle"

    for name, points in zip(layout.keypoint_names, layout.points, strict=True):
        expected = {sides(name)}
        # A point on the midline is a midline point, or the mean of a left and a right one.
        assert {sides(point) for point in points} in (
            expected,
            {"left", "right"} if expected == {"middle"} else expected,
        )


@every_layout
def test_mirrored_keypoints_are_made_of_mirrored_body_points(layout):
    swap = {"left": "right", "right": "left"}
    for k, flipped in enumerate(layout.flip):
        mirrored = set()
        for point in layout.points[k]:
            side, _, rest = point.partition("_")
            mirrored.add(f"{swap[side]}_{rest}" if side in swap else point)
        assert set(layout.points[flipped]) == mirrored


def test_hips_of_annotators_are_not_the_joints_and_those_of_motion_capture_are():
    for name in ("lsp14", "coco17", "coco23", "openpose18", "openpose25", "openpose25b", "halpe26", "mpii16"):
        layout = LAYOUTS[name]
        assert layout.points[layout.index("left_hip")] == ("left_hip_keypoint",)
    for name in ("h36m17", "smpl24", "kinect32"):
        layout = LAYOUTS[name]
        assert layout.points[layout.index("left_hip")] == ("left_hip",)


def test_the_open_body_has_every_keypoint_but_those_of_fingers_and_of_no_body():
    body = load_body()
    for name in LAYOUTS:
        missing = undefined_keypoints(body, get_layout(name))
        layout = LAYOUTS[name]
        expected = [k for k, points in enumerate(layout.points) if set(points) & (FINGER_JOINTS | POINTS_OF_NO_BODY)]
        assert missing == [layout.keypoint_names[k] for k in expected]
        assert (name in ("mhr70", "mediapipe33")) == bool(missing)
    assert len(undefined_keypoints(body, LAYOUTS["mhr70"])) == 2 * 14 + 7


def test_a_body_with_fingers_has_those_of_mhr70_too():
    mhr70 = LAYOUTS["mhr70"]
    of_fingers = {point for points in mhr70.points for point in points} & FINGER_JOINTS
    # The middle finger's knuckle is the hand joint, which such bodies do not have under that name.
    assert of_fingers == FINGER_JOINTS - {"left_middle1", "right_middle1"}
    assert mhr70.points[mhr70.index("left_middle_third_joint")] == ("left_hand",)
    assert mhr70.points[mhr70.index("left_index_first_joint")] == ("left_index3",)


def test_knuckles_of_mediapipe33_lie_in_a_row_at_the_hand_joint_and_mirror():
    mediapipe33 = LAYOUTS["mediapipe33"]
    points = dict(
        zip(mediapipe33.keypoint_names, np.asarray(load_body().keypoints(**REST, layout=mediapipe33)), strict=True)
    )
    joints = dict(zip(SMPL_JOINT_NAMES, np.asarray(load_body().joints(**REST)), strict=False))
    hand = joints["left_hand"]
    for name, forward in (("left_index", 0.035), ("left_pinky", -0.031)):
        np.testing.assert_allclose(points[name][2] - hand[2], forward, atol=1e-6)
        assert np.linalg.norm(points[name] - hand) < 0.04
    # The thumb's knuckle is halfway between the wrist and the others, in front of them and below.
    assert joints["left_wrist"][0] < points["left_thumb"][0] < points["left_pinky"][0]
    for finger in ("index", "pinky", "thumb"):
        np.testing.assert_allclose(points[f"right_{finger}"], points[f"left_{finger}"] * [-1, 1, 1], atol=1e-6)


def test_knuckles_turn_with_the_wrist_and_not_with_the_fingers():
    def knuckles(joint: str) -> np.ndarray:
        pose = np.zeros((23, 3))
        pose[SMPL_JOINT_NAMES.index(joint) - 1] = (1.0, 0.0, 0.0)
        given = REST | {"body_pose": pose.ravel()}
        rows = [LAYOUTS["mediapipe33"].index(name) for name in ("left_index", "left_pinky", "left_thumb")]
        return np.asarray(load_body().keypoints(**given, layout="mediapipe33"))[rows]

    at_rest = knuckles("right_wrist")
    np.testing.assert_allclose(knuckles("left_hand"), at_rest, atol=1e-6)
    assert np.linalg.norm(knuckles("left_wrist") - at_rest, axis=1).min() > 0.02


def test_knuckles_are_further_apart_where_the_hand_is_longer():
    """Hands of one size would tell how far away a person is."""
    body = load_body()
    rows = [LAYOUTS["mediapipe33"].index(name) for name in ("left_index", "left_pinky")]
    hand = [SMPL_JOINT_NAMES.index(name) for name in ("left_hand", "left_wrist")]

    def widths(first_beta: float) -> np.ndarray:
        given = REST | {"betas": np.eye(10)[0] * first_beta}
        points, joints = (
            np.asarray(body.keypoints(**given, layout="mediapipe33"))[rows],
            np.asarray(body.joints(**given))[hand],
        )
        return np.array([np.linalg.norm(pair[0] - pair[1]) for pair in (points, joints)])

    width, length = widths(2.0) / widths(0.0)
    assert length > 1.05
    # The bone's direction in the rest pose varies by fractions of a degree, too.
    np.testing.assert_allclose(width, length, rtol=1e-3)


def test_a_body_with_fingers_has_its_own_knuckles():
    body = replace(load_body(), joint_names=("left_index1", "left_pinky1", "left_thumb2", *load_body().joint_names[3:]))
    table = PointTable.of_layout(body, LAYOUTS["mediapipe33"])
    for joint, name in enumerate(("left_index", "left_pinky", "left_thumb")):
        weights = table.weights_of_joints[LAYOUTS["mediapipe33"].index(name)]
        np.testing.assert_array_equal(np.flatnonzero(weights), [joint])


@pytest.mark.parametrize("name", HAND_LAYOUTS)
def test_layouts_with_hands_are_their_bodies_and_four_knuckles_of_each_hand(name):
    layout, bodies = LAYOUTS[name], [LAYOUTS[body] for body in HAND_LAYOUTS[name]]
    assert layout.keypoint_names[:-8] == bodies[0].keypoint_names
    assert layout.points[:-8] == bodies[0].points
    assert all(set(body.keypoint_names) <= set(bodies[0].keypoint_names) for body in bodies)
    knuckles = [
        f"{side}_{finger}_knuckle" for side in ("left", "right") for finger in ("thumb", "index", "middle", "pinky")
    ]
    assert list(layout.keypoint_names[-8:]) == knuckles
    # The middle finger's knuckle is SMPL's hand joint.
    assert layout.points[layout.index("right_middle_knuckle")] == ("right_hand",)
    assert layout.points[layout.index("right_thumb_knuckle")] == ("right_thumb_knuckle",)


def test_layouts_of_points_and_of_knuckles_are_no_guess_for_pictures():
    assert {layout.name for layout in pictured_layouts()} == set(LAYOUTS) - {*POINT_LAYOUTS, *HAND_LAYOUTS}
    assert {*POINT_LAYOUTS, *HAND_LAYOUTS} < set(LAYOUTS)


def test_points_on_the_trunk_of_kinect32_stand_in_a_row():
    points = np.asarray(load_body().keypoints(**REST, layout="kinect32"))
    height = points[:, 1] - points[0, 1]
    navel, chest, neck, head = (
        LAYOUTS["kinect32"].index(name) for name in ("spine_navel", "spine_chest", "neck", "head")
    )
    # A sensor's skeletons have about 19 and 34 cm; the bodies' spines differ by some centimetres.
    assert 0.14 < height[navel] < 0.22
    assert 0.27 < height[chest] < 0.37
    assert height[chest] < height[neck] < height[head]


def test_a_keypoint_is_found_by_name():
    assert LAYOUTS["coco17"].index("right_ankle") == 16
    with pytest.raises(InputError, match=r"'coco17' has no keypoint 'neck'; it has nose, left_eye"):
        LAYOUTS["coco17"].index("neck")


def test_an_unknown_layout_is_refused_with_the_known_names():
    with pytest.raises(InputError) as raised:
        get_layout("nonsense")
    assert "'nonsense'" in str(raised.value)
    assert all(name in str(raised.value) for name in LAYOUTS)


def test_a_layout_of_ones_own_is_taken_as_it_is():
    mine = Layout("mine", ("head_top", "left_heel", "right_heel"), (("head_top",), ("left_heel",), ("right_heel",)))
    assert get_layout(mine) is mine
    assert mine.flip == (0, 2, 1)
    assert hash(mine) == hash(get_layout(mine))


@pytest.mark.parametrize(
    ("names", "points", "message"),
    [
        (("nose", "nose"), (("nose",), ("nose",)), "twice"),
        (("nose",), (("nose",), ("head_top",)), "1 keypoint names but 2 lists"),
        (("nose",), ((),), "at least one body point"),
        (("nose", "left_eye"), (("nose",), ("left_eye",)), "lacks right_eye"),
    ],
)
def test_an_inconsistent_layout_is_refused(names, points, message):
    with pytest.raises(InputError, match=message):
        Layout("mine", names, points)
