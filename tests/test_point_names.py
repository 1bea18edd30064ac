"""Keypoints placed by name: spellings, the choice of the layout, and what is refused."""

import numpy as np
import pytest

from smplify_jax.errors import InputError
from smplify_jax.keypoints.layouts import LAYOUTS, POINT_LAYOUTS, get_layout
from smplify_jax.keypoints.point_names import are_names, place_by_name, point_of

LIMBS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
SIDED = tuple(f"{side}_{limb}" for limb in LIMBS for side in ("left", "right"))
CROWDPOSE = (*SIDED, "head", "neck")
AIC = (
    "Right Shoulder",
    "Right Elbow",
    "Right Wrist",
    "Left Shoulder",
    "Left Elbow",
    "Left Wrist",
    "Right Hip",
    "Right Knee",
    "Right Ankle",
    "Left Hip",
    "Left Knee",
    "Left Ankle",
    "Head top",
    "Neck",
)
MHP = (
    *("Right-ankle", "Right-knee", "Right-hip", "Left-hip", "Left-knee", "Left-ankle", "Pelvis", "Thorax"),
    *("Upper-neck", "Head-top", "Right-wrist", "Right-elbow", "Right-shoulder"),
    *("Left-shoulder", "Left-elbow", "Left-wrist"),
)
JHMDB = (
    *("neck", "belly", "head"),
    *(
        f"{side}_{limb}"
        for limb in ("shoulder", "hip", "elbow", "knee", "wrist", "ankle")
        for side in ("right", "left")
    ),
)
POSETRACK = ("nose", "head_bottom", "head_top", "left_ear", "right_ear", *SIDED)
POSETRACK17 = (*SIDED, "head_bottom", "nose", "head_top")
MMPOSE_H36M = (
    *("root (pelvis)", "left_hip", "left_knee", "left_foot", "right_hip", "right_knee", "right_foot"),
    *("spine", "thorax", "neck_base", "head", "left_shoulder", "left_elbow", "left_wrist"),
    *("right_shoulder", "right_elbow", "right_wrist"),
)
MPI_INF_3DHP = ("head_top", "neck", *SIDED, "root", "spine", "head")
HALPE26 = (
    *("Nose", "LEye", "REye", "LEar", "REar", "LShoulder", "RShoulder", "LElbow", "RElbow", "LWrist", "RWrist"),
    *("LHip", "RHip", "LKnee", "Rknee", "LAnkle", "RAnkle", "Head", "Neck", "Hip"),
    *("LBigToe", "RBigToe", "LSmallToe", "RSmallToe", "LHeel", "RHeel"),
)
PANOPTIC = (
    *("neck", "nose", "bodyCenter", "lShoulder", "lElbow", "lWrist", "lHip", "lKnee", "lAnkle"),
    *("rShoulder", "rElbow", "rWrist", "rHip", "rKnee", "rAnkle", "lEye", "lEar", "rEye", "rEar"),
)
AP10K = ("left_eye", "right_eye", "nose", "neck", "root_of_tail", "left_shoulder", "left_elbow", "left_front_paw")


@pytest.mark.parametrize(
    "spelling",
    [
        "left_shoulder",
        "Left Shoulder",
        "Left-shoulder",
        "leftShoulder",
        "LShoulder",
        "L_Shoulder",
        "l_shoulder",
        "lShoulder",
        "shoulder_l",
        "shoulder_left",
        "Shoulder L",
        "LEFT_SHOULDER",
        "leftshoulder",
        "LSHOULDER",
        "lsho",
        "shoulderLeft",
    ],
)
def test_a_name_is_known_in_every_spelling(spelling):
    assert point_of(spelling) == "left_shoulder"


@pytest.mark.parametrize(
    ("spelling", "point"),
    [
        ("head top", "head_top"),
        ("Head-top", "head_top"),
        ("top_head", "head_top"),
        ("headtop", "head_top"),
        ("head_bottom", "upper_neck"),
        ("Upper-neck", "upper_neck"),
        ("hip center", "mid_hip"),
        ("Pelvis", "mid_hip"),
        ("MidHip", "mid_hip"),
        ("root (pelvis)", "mid_hip"),
        ("R_BigToe", "right_big_toe"),
        ("rear", "right_ear"),
        ("left_foot_index", "left_big_toe"),
        ("face-12", ""),
        ("left_thumb1", ""),
        ("", ""),
        ("17", ""),
        ("left", ""),
    ],
)
def test_points_of_the_middle_and_the_feet_have_many_names(spelling, point):
    assert point_of(spelling) == point


@pytest.mark.parametrize(
    ("names", "layout", "left_out"),
    [
        (CROWDPOSE, "lsp14", ()),
        (AIC, "lsp14", ()),
        (MHP, "mpii16", ()),
        (JHMDB, "lsp14", ("belly", "head")),
        (POSETRACK, "openpose25b", ()),
        (POSETRACK17, "openpose25b", ()),
        (MMPOSE_H36M, "h36m17", ()),
        (MPI_INF_3DHP, "h36m17", ()),
        (HALPE26, "halpe26", ()),
        (PANOPTIC, "openpose25", ()),
        (("Nose", "Neck", *SIDED), "openpose18", ()),
    ],
    ids=["crowdpose", "aic", "mhp", "jhmdb", "posetrack18", "posetrack17", "h36m", "3dhp", "halpe", "panoptic", "neck"],
)
def test_names_choose_the_layout_that_holds_the_most_of_them(names, layout, left_out):
    placement = place_by_name(names)
    assert (placement.layout, placement.left_out) == (layout, left_out)
    assert len(set(placement.positions) - {-1}) == len(names) - len(left_out)
    for name, position in zip(get_layout(layout).keypoint_names, placement.positions, strict=True):
        side = name.partition("_")[0]
        if position >= 0 and side in ("left", "right"):
            assert point_of(names[position]).startswith(f"{side}_")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_layouts_own_names_in_another_order_are_found_again(layout):
    names = get_layout(layout).keypoint_names
    assert place_by_name(names).positions == tuple(range(len(names)))
    if layout in ("spin49", *POINT_LAYOUTS):  # its names end in those of data sets; no file of pictures has the others
        return
    placement = place_by_name(tuple(reversed(names)))
    assert placement.layout == layout
    assert placement.positions == tuple(reversed(range(len(names))))


def test_neck_is_lsps_beside_the_head_top_and_the_midpoint_of_the_shoulders_beside_a_nose():
    def body_points(names):
        placement = place_by_name(names)
        layout = get_layout(placement.layout)
        return layout.points[placement.positions.index(names.index("neck"))]

    assert body_points(CROWDPOSE) == ("neck", "head")
    assert body_points(("nose", "neck", *SIDED)) == ("left_shoulder", "right_shoulder")
    assert body_points(("thorax", "neck", "pelvis", "head_top", *SIDED)) == ("neck", "head")


def test_rows_are_placed_by_name_and_zero_where_the_file_has_none():
    rows = np.arange(1.0, 1 + 3 * len(JHMDB)).reshape(-1, 3)
    placed = place_by_name(JHMDB).place(rows)
    layout = get_layout("lsp14")
    np.testing.assert_array_equal(placed[layout.index("neck")], rows[0])
    np.testing.assert_array_equal(placed[layout.index("right_ankle")], rows[JHMDB.index("right_ankle")])
    np.testing.assert_array_equal(placed[layout.index("head_top")], 0)
    np.testing.assert_array_equal(place_by_name(JHMDB).place(rows[None])[0], placed)


def test_names_are_placed_in_the_layout_that_the_caller_names():
    placement = place_by_name(CROWDPOSE, "coco17")
    assert placement.layout == "coco17"
    assert placement.left_out == ("head", "neck")


def test_animals_and_hands_are_refused_with_their_names():
    with pytest.raises(InputError, match=r"an animal's.*'root_of_tail'"):
        place_by_name(AP10K)
    with pytest.raises(InputError, match=r"knows 0 of the 3 names.*'thumb1'"):
        place_by_name(("wrist", "thumb1", "thumb2"))


def test_numbers_are_no_names():
    assert not are_names(())
    assert not are_names(("1", "2", "3"))
    assert not are_names(("point_1", "point_2"))
    assert are_names(("nose", "1"))
