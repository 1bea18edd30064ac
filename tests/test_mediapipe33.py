"""What a fit makes of MediaPipe's 33 points: hands that turn as the knuckles do, and no word about the points that no body has."""

from __future__ import annotations

import numpy as np
import pytest

from smplify_jax import fit, get_layout, load_body
from smplify_jax.fitting.arguments import check_body
from smplify_jax.fitting.profiles import get_profile
from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES

FOCAL_LENGTH, IMAGE_SIZE = 1000.0, (960, 1280)
WRIST_BEND = np.radians(50)


def person_with_bent_wrists() -> dict[str, np.ndarray]:
    """Stands before the camera with the arms half lowered, and both hands bent down at the wrist."""
    pose = np.zeros((23, 3))
    for side, sign in (("left", 1.0), ("right", -1.0)):
        pose[SMPL_JOINT_NAMES.index(f"{side}_shoulder") - 1, 2] = -sign * np.radians(40)
        pose[SMPL_JOINT_NAMES.index(f"{side}_wrist") - 1, 2] = -sign * WRIST_BEND
    return {
        "betas": np.zeros(10, np.float32),
        "global_orient": np.array([np.pi, 0, 0], np.float32),
        "body_pose": pose.ravel().astype(np.float32),
        "transl": np.array([0, 0, 4], np.float32),
    }


def seen(layout: str) -> np.ndarray:
    """(1, K, 3) the person's exact keypoints; those that the body lacks are anywhere, and as sure as the others."""
    points = np.asarray(load_body().keypoints(**person_with_bent_wrists(), layout=layout))
    pixels = FOCAL_LENGTH * points[:, :2] / points[:, 2:] + np.array(IMAGE_SIZE) / 2
    return np.concatenate([np.nan_to_num(pixels, nan=7.0), np.full((len(points), 1), 0.8)], axis=1)[None]


def hand_error_mm(layout: str) -> float:
    """Mean distance of the vertices of both hands from the truth, seen from their wrist."""
    body = load_body()
    result = fit(seen(layout), layout=layout, image_size=IMAGE_SIZE, camera=FOCAL_LENGTH)[0]
    joint = np.asarray(body.lbs_weights).argmax(axis=1)
    vertices, truth = np.asarray(result.vertices()), np.asarray(body.vertices(**person_with_bent_wrists()))
    joints, true_joints = np.asarray(result.joints), np.asarray(body.joints(**person_with_bent_wrists()))
    errors = []
    for side in ("left", "right"):
        hand, wrist = SMPL_JOINT_NAMES.index(f"{side}_hand"), SMPL_JOINT_NAMES.index(f"{side}_wrist")
        of_hand = joint == hand
        errors.append((vertices[of_hand] - joints[wrist]) - (truth[of_hand] - true_joints[wrist]))
    return 1e3 * float(np.linalg.norm(np.concatenate(errors), axis=1).mean())


def test_hands_follow_their_knuckles():
    with_knuckles, without = hand_error_mm("mediapipe33"), hand_error_mm("coco17")
    # Without knuckles nothing tells that the wrists are bent: 50 degrees are some 100 mm at the fingers.
    assert without > 60
    assert with_knuckles < 0.5 * without


def test_points_that_no_body_has_are_no_reason_to_warn_but_missing_fingers_are():
    body, profile = load_body(), get_profile("default")
    check_body(body, get_layout("mediapipe33"), profile, 10)  # warnings are errors here
    with pytest.warns(UserWarning, match="does not define right_thumb_first_joint") as warned:
        check_body(body, get_layout("mhr70"), profile, 10)
    assert "olecranon" not in str(warned[0].message)
