"""Keypoint layouts: each table is consistent in itself, and its order is the published one."""

from __future__ import annotations

import pytest

from smplify_jax.errors import InputError
from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES
from smplify_jax.keypoints.layouts import LAYOUTS, Layout, get_layout

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
]

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
    assert {point for points in layout.points for point in points} <= SURFACE_POINTS | set(SMPL_JOINT_NAMES)
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
    for name in ("h36m17", "smpl24"):
        layout = LAYOUTS[name]
        assert layout.points[layout.index("left_hip")] == ("left_hip",)


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
