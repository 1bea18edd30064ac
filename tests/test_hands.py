"""Hands in files of whole bodies: their knuckles land on the body's, by name and side, and say how a wrist is bent."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from dataset_files import alphapose, read_all
from keypoint_files import coco_annotations, coco_results, figure, flat, write_json
from scipy.spatial.transform import Rotation

from smplify_jax import fit, get_layout, load_body, load_keypoints
from smplify_jax.datasets.exports.slots import NUM_SPIN, slots
from smplify_jax.datasets.job.tracks import TrackChoices, track_units
from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES, SMPL_PARENTS
from smplify_jax.keypoints.layouts import HAND_LAYOUTS
from smplify_jax.keypoints.point_names import place_by_name
from smplify_jax.keypoints.rows import DatasetRow

POINTS_OF_HAND = (
    "hand_root",
    *(
        f"{name}{k}"
        for name in ("thumb", "forefinger", "middle_finger", "ring_finger", "pinky_finger")
        for k in range(1, 5)
    ),
)
"""In the words of COCO-WholeBody, whose order is OpenPose's and HALPE's too."""

KNUCKLES = {"thumb": "thumb2", "index": "forefinger1", "middle": "middle_finger1", "pinky": "pinky_finger1"}

FACE = np.full((68, 3), (900.0, 900.0, 0.5), np.float32)

LEFT, RIGHT = (
    np.column_stack([x + 3 * np.arange(21), 245 + np.arange(21) ** 2 / 9, np.linspace(0.2, 0.8, 21)]).astype(np.float32)
    for x in (390.0, 190.0)
)
"""Points of hands, all of them different."""


def expected(layout: str, left: np.ndarray | None = LEFT, right: np.ndarray | None = RIGHT) -> np.ndarray:
    """The stick figure in a layout with hands, whose knuckles are found by their names; zeros for a hand that is None."""
    rows = np.zeros((get_layout(layout).num_keypoints, 3), np.float32)
    rows[:-8] = figure(layout.removesuffix("_hands"))
    for side, hand in (("left", left), ("right", right)):
        points = np.zeros((21, 3)) if hand is None else hand
        for finger, name in KNUCKLES.items():
            rows[get_layout(layout).index(f"{side}_{finger}_knuckle")] = points[POINTS_OF_HAND.index(name)]
    return rows


def whole(body: str, *behind: np.ndarray) -> np.ndarray:
    return np.concatenate([figure(body), *behind])


def openpose(rows: np.ndarray, left: Any = None, right: Any = None) -> dict[str, Any]:
    hands = {"hand_left_keypoints_2d": left, "hand_right_keypoints_2d": right}
    return {"pose_keypoints_2d": flat(rows)} | {
        key: flat(hand) if isinstance(hand, np.ndarray) else hand for key, hand in hands.items()
    }


def picture(*people: dict[str, Any]) -> dict[str, Any]:
    return {"people": list(people)}


def easymocap(rows: np.ndarray, **more: Any) -> dict[str, Any]:
    return {
        "filename": "a.jpg",
        "height": 480,
        "width": 640,
        "annots": [{"personID": 0, "keypoints": rows.tolist(), **more}],
    }


def mmpose(rows: np.ndarray, names: tuple[str, ...]) -> dict[str, Any]:
    meta = {"keypoint_id2name": {str(k): name for k, name in enumerate(names)}}
    person = {"keypoints": rows[:, :2].tolist(), "keypoint_scores": rows[:, 2].tolist()}
    return {"meta_info": meta, "instance_info": [person]}


WHOLEBODY = whole("coco23", FACE, LEFT, RIGHT)
HALPE = whole("halpe26", FACE, LEFT, RIGHT)
WHOLEBODY_NAMES = (
    *get_layout("coco23").keypoint_names,
    *(f"face-{k}" for k in range(68)),
    *(f"{side}_{name}" for side in ("left", "right") for name in POINTS_OF_HAND),
)
OPENPOSE18_ORDER = np.concatenate([figure("openpose18"), figure("coco23")[17:], FACE, LEFT, RIGHT])

FILES: dict[str, tuple[Any, str]] = {
    "results of 133": (coco_results(WHOLEBODY), "coco23_hands"),
    "results of 136": (coco_results(HALPE), "halpe26_hands"),
    "alphapose's 136": (alphapose(HALPE), "halpe26_hands"),
    "alphapose's 68": (alphapose(whole("halpe26", LEFT, RIGHT)), "halpe26_hands"),
    "mmpose's names": (mmpose(WHOLEBODY, WHOLEBODY_NAMES), "coco23_hands"),
    "openpose's lists": (picture(openpose(figure("openpose25"), LEFT, RIGHT)), "openpose25_hands"),
    "openpose's lists of halpe26": (picture(openpose(figure("halpe26"), LEFT, RIGHT)), "halpe26_hands"),
    "pose2sim's 133": (picture(openpose(WHOLEBODY, [], [])), "coco23_hands"),
    "pose2sim's 136": (picture(openpose(HALPE, [], [])), "halpe26_hands"),
    "easymocap's 67": (easymocap(whole("openpose25", LEFT, RIGHT)), "openpose25_hands"),
    "easymocap's 137": (easymocap(whole("openpose25", LEFT, RIGHT, FACE, FACE[:2])), "openpose25_hands"),
    "easymocap's lists": (
        easymocap(figure("openpose25"), handl2d=LEFT.tolist(), handr2d=RIGHT.tolist()),
        "openpose25_hands",
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_knuckles_land_on_their_own_finger_and_side(tmp_path, name):
    value, layout = FILES[name]
    people, rejected = read_all(write_json(tmp_path / "a.json", value))
    assert not rejected
    assert [person.layout for person in people] == [layout]
    np.testing.assert_array_equal(people[0].keypoints, expected(layout))


@pytest.mark.parametrize("name", [name for name in FILES if name != "mmpose's names"])
@pytest.mark.parametrize("is_without", [True, False])
def test_the_layout_that_a_caller_names_is_the_one_read(tmp_path, name, is_without):
    value, layout = FILES[name]
    wanted = layout.removesuffix("_hands") if is_without else layout
    people, rejected = read_all(write_json(tmp_path / "a.json", value), layout=wanted)
    assert not rejected
    assert people[0].layout == wanted
    np.testing.assert_array_equal(people[0].keypoints, figure(wanted) if is_without else expected(layout))


@pytest.mark.parametrize("layout", [None, "coco23", "coco23_hands"])
def test_a_line_of_yolo_has_hands_or_not_as_the_caller_says(tmp_path, layout):
    rows = WHOLEBODY / np.array([2000.0, 2000.0, 1.0], np.float32)
    (tmp_path / "a.txt").write_text(" ".join(map(repr, [0, 0.5, 0.5, 0.2, 0.2, *flat(rows)])))
    people, _ = read_all(tmp_path / "a.txt", image_size=(2000.0, 2000.0), layout=layout)
    wanted = layout or "coco23_hands"
    assert people[0].layout == wanted
    # Fractions of the picture pass through float32 and come back as pixels.
    true = figure("coco23") if layout == "coco23" else expected("coco23_hands")
    np.testing.assert_allclose(people[0].keypoints, true, rtol=1e-6)


def test_openposes_18_keypoints_with_hands_are_25_without_feet(tmp_path):
    for rows, missing in ((figure("openpose18"), ("mid_hip", "toe", "heel")), (OPENPOSE18_ORDER, ("mid_hip",))):
        hands = (LEFT, RIGHT) if len(rows) == 18 else (None, None)
        people, _ = read_all(write_json(tmp_path / "a.json", picture(openpose(rows, *hands))))
        true = expected("openpose25_hands")
        true[[name.endswith(missing) for name in get_layout("openpose25_hands").keypoint_names]] = 0
        assert people[0].layout == "openpose25_hands"
        np.testing.assert_array_equal(people[0].keypoints, true)


def test_whole_body_annotations_have_hands_with_half_of_their_flags(tmp_path):
    body, left = figure("coco23", confidence=2), LEFT.copy()
    left[:, 2] = 1
    lists = {"foot_kpts": flat(body[17:]), "lefthand_kpts": flat(left), "righthand_kpts": [0.0] * 63}
    people, _ = read_all(write_json(tmp_path / "a.json", coco_annotations(body[:17], **lists)))
    true = expected("coco23_hands", left, None)
    true[:23, 2], true[23:27, 2] = 1, 0.5
    assert people[0].layout == "coco23_hands"
    np.testing.assert_array_equal(people[0].keypoints, true)


ONE_PLACE = np.full((21, 3), (640.0, 480.0, 0.3), np.float32)
NOTHING = np.zeros((21, 3), np.float32)


@pytest.mark.parametrize("left", [None, [], NOTHING, ONE_PLACE], ids=["null", "empty", "zeros", "one place"])
def test_a_hand_that_was_not_found_is_not_observed_and_neither_hand_is_no_hands(tmp_path, left):
    one = write_json(tmp_path / "one.json", picture(openpose(figure("openpose25"), left, RIGHT)))
    neither = write_json(tmp_path / "neither.json", picture(openpose(figure("openpose25"), left, left)))
    (seen,), (unseen,) = read_all(one)[0], read_all(neither)[0]
    np.testing.assert_array_equal(seen.keypoints, expected("openpose25_hands", None, RIGHT))
    assert unseen.layout == "openpose25"
    np.testing.assert_array_equal(unseen.keypoints, figure("openpose25"))


def test_hands_of_layouts_without_knuckles_are_left_out(tmp_path):
    for layout in ("openpose25b", "mpii16"):
        rows = figure("openpose25b")[: get_layout(layout).num_keypoints]
        path = write_json(tmp_path / "a.json", picture(openpose(rows, LEFT, RIGHT)))
        people, _ = read_all(path, layout=layout)
        assert people[0].layout == layout
        np.testing.assert_array_equal(people[0].keypoints, rows)


@pytest.mark.parametrize(
    ("hand", "words"),
    [
        (LEFT[:20], "hand_left_keypoints_2d has 20 points; expected the 21"),
        ([1.0, 2.0], "three for each"),
        ("left", "expected a list"),
    ],
)
def test_a_malformed_hand_rejects_its_person_alone(tmp_path, hand, words):
    good = openpose(figure("openpose25"), LEFT, RIGHT)
    people, rejected = read_all(write_json(tmp_path / "a.json", picture(good, openpose(figure("openpose25"), hand))))
    assert (len(people), [row.position for row in rejected]) == (1, ["people[1]"])
    assert words in rejected[0].reason


def test_a_folder_in_which_some_have_hands_is_read_in_one_layout(tmp_path):
    write_json(tmp_path / "a.json", picture(openpose(figure("openpose18"))))
    write_json(
        tmp_path / "b.json", picture(openpose(figure("openpose25"), LEFT, RIGHT), openpose(figure("openpose25")))
    )
    people = load_keypoints(tmp_path)
    without = expected("openpose25_hands", None, None)
    of_18 = without.copy()
    of_18[[name.endswith(("mid_hip", "toe", "heel")) for name in get_layout("openpose25_hands").keypoint_names]] = 0
    assert people.layout == "openpose25_hands"
    np.testing.assert_array_equal(people.keypoints, [of_18, expected("openpose25_hands"), without])


def test_a_hand_that_is_lost_for_a_frame_does_not_end_a_track():
    layouts = ["coco23_hands", "coco23", "coco23_hands", "coco17"]
    rows = [
        DatasetRow(
            f"walk.npz#{k}", expected(name) if "hands" in name else figure(name), name, "walk.npz", f"[{k}]", frame=k
        )
        for k, name in enumerate(layouts)
    ]
    (track,) = track_units(rows, TrackChoices(), lambda what: None)
    assert [row.layout for row in track] == ["coco23_hands"] * 4
    assert [int((row.keypoints[:, 2] > 0).sum()) for row in track] == [31, 23, 31, 17]


@pytest.mark.parametrize(
    ("names", "layout"),
    [
        (WHOLEBODY_NAMES, "coco23_hands"),
        ((*get_layout("openpose25").keypoint_names, "LThumb2Knuckles", "RThumb2Knuckles"), "openpose25_hands"),
        ((*get_layout("coco17").keypoint_names, "left_index_mcp", "right_index_mcp"), "coco23_hands"),
        ((*get_layout("coco17").keypoint_names, "left_hand", "right_hand"), "coco17"),
        (
            (*get_layout("coco17").keypoint_names, "left_index", "right_index", "left_thumb", "right_thumb"),
            "mediapipe33",
        ),
    ],
)
def test_only_knuckles_that_are_named_choose_a_layout_with_hands(names, layout):
    assert place_by_name(names).layout == layout


@pytest.mark.parametrize("layout", HAND_LAYOUTS)
def test_trainers_get_the_same_keypoints_with_hands_and_without(layout):
    assert slots(layout, NUM_SPIN) == slots(layout.removesuffix("_hands"), NUM_SPIN)


# What knuckles are for

FOCAL_LENGTH, SIZE, BEND = 1000.0, (960, 1280), 40.0


def bent_person() -> dict[str, np.ndarray]:
    """Stands before the camera with the arms half lowered; the left hand is bent down by BEND degrees, the right one up."""
    pose = np.zeros((23, 3), np.float32)
    for side, sign in (("left", 1.0), ("right", -1.0)):
        pose[SMPL_JOINT_NAMES.index(f"{side}_shoulder") - 1, 2] = -sign * np.radians(40)
        pose[SMPL_JOINT_NAMES.index(f"{side}_wrist") - 1, 2] = -np.radians(BEND)
    return {
        "betas": np.zeros(10, np.float32),
        "global_orient": np.array([np.pi, 0, 0], np.float32),
        "body_pose": pose.ravel(),
        "transl": np.array([0, 0, 4], np.float32),
    }


def rotation_of(joint: int, orient: np.ndarray, pose: np.ndarray) -> Rotation:
    """A joint's rotation in the camera frame."""
    local = Rotation.from_rotvec(np.concatenate([orient[None], pose.reshape(-1, 3)]))
    turned = local[joint]
    while (joint := SMPL_PARENTS[joint]) >= 0:
        turned = local[joint] * turned
    return turned


@pytest.fixture(scope="module")
def wrist_errors(tmp_path_factory) -> dict[str, float]:
    """How far the wrists' rotations are from the truth [degrees], of the person in a file of 133 points, with and without the hands."""
    true = bent_person()
    points = np.asarray(load_body().keypoints(**true, layout="coco23_hands"))
    pixels = FOCAL_LENGTH * points[:, :2] / points[:, 2:] + np.array(SIZE) / 2
    rows = np.concatenate([pixels, np.full((31, 1), 0.8)], axis=1)
    # A point of another row would pull the hand far away.
    whole = np.random.default_rng(0).uniform(0, 900, (133, 3)) * [1, 1, 0.001]
    whole[:23] = rows[:23]
    for start, knuckles in ((91, rows[23:27]), (112, rows[27:])):
        for name, knuckle in zip(KNUCKLES.values(), knuckles, strict=True):
            whole[start + POINTS_OF_HAND.index(name)] = knuckle
    path = write_json(tmp_path_factory.mktemp("bent") / "a.json", coco_results(whole))
    people = load_keypoints(path, image_size=SIZE)
    without = people.keypoints.copy()
    without[:, -8:] = 0
    both = fit(np.concatenate([people.keypoints, without]), layout=people.layout, image_size=SIZE, camera=FOCAL_LENGTH)
    wrists = [SMPL_JOINT_NAMES.index(f"{side}_wrist") for side in ("left", "right")]
    truth = [rotation_of(joint, true["global_orient"], true["body_pose"]) for joint in wrists]
    errors = {}
    for name, orient, pose in zip(
        ("with", "without"), np.asarray(both.global_orient), np.asarray(both.body_pose), strict=True
    ):
        turns = [rotation_of(joint, orient, pose).inv() * other for joint, other in zip(wrists, truth, strict=True)]
        errors[name] = float(np.degrees(np.mean([turn.magnitude() for turn in turns])))
    return errors


def test_knuckles_tell_how_a_wrist_is_bent(wrist_errors):
    # A fit expects as much noise of knuckles as of other points, some centimetres, so that the prior keeps a part of the bend.
    assert wrist_errors["with"] < 0.6 * BEND


def test_without_knuckles_a_bent_wrist_is_not_seen(wrist_errors):
    assert wrist_errors["without"] > BEND
