"""Draw the pictures of docs/open_body.md from the shipped bodies: `python docs/make_open_body_pictures.py`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from smplify_jax.body.ages import betas_at_age
from smplify_jax.body.model import BodyModel
from smplify_jax.body.open_body import OPEN_BODY_PATHS, load_open_body
from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES, mirrored_name
from smplify_jax.learn.open_body.measures import body_mass_index, extreme_betas
from smplify_jax.pictures.views import contact_sheet, render_views

FOLDER = Path(__file__).parent / "pictures"
NUM_BETAS = 10
NUM_COLORS = 96
"""Shaded skin needs few; a picture is then a third as large."""

LOWERED_ARMS: dict[str, tuple[float, ...]] = {"left_shoulder": (0, 0, -70)}
POSES: dict[str, dict[str, tuple[float, ...]]] = {
    "standing": LOWERED_ARMS,
    "elbows 120": {"left_elbow": (0, -120, 0)},
    "squat": {
        "left_hip": (-100, 10, 15),
        "left_knee": (120, 0, 0),
        "left_ankle": (20, 0, 0),
        "left_shoulder": (0, -80, 0),
    },
    "sitting": {"left_hip": (-90, 5, 5), "left_knee": (90, 0, 0), **LOWERED_ARMS},
    "arms up": {"left_shoulder": (0, 0, 65), "left_collar": (0, 0, 20)},
    "forward bend": {
        "spine1": (30, 0, 0),
        "spine2": (20, 0, 0),
        "spine3": (10, 0, 0),
        "left_shoulder": (0, -60, -40),
    },
    "twist": {
        "spine1": (0, 20, 0),
        "spine2": (0, 20, 0),
        "spine3": (0, 10, 0),
        "neck": (0, 20, 0),
        "head": (0, 20, 0),
        **LOWERED_ARMS,
    },
    "lunge": {
        "left_hip": (-80, 0, 5),
        "left_knee": (80, 0, 0),
        "right_hip": (25, 0, 0),
        "right_knee": (40, 0, 0),
        **LOWERED_ARMS,
    },
    "kick": {
        "left_hip": (-100, 0, 10),
        "right_knee": (10, 0, 0),
        "left_shoulder": (0, 0, 20),
        "right_shoulder": (0, 0, 60),
    },
    "legs apart": {"left_hip": (0, 0, 45), "left_shoulder": (0, 0, 30)},
}
"""Axis-angle [degrees] of the named joints; a right joint that is not named mirrors the left one."""
ONE_SIDED = {"lunge", "kick"}


def main() -> None:
    """Draw and write every picture."""
    body = load_open_body(NUM_BETAS)
    _save("open_body_t_pose.png", _t_pose(body))
    _save("open_body_betas.png", _betas(body))
    _save("open_body_genders.png", _genders())
    _save("open_body_ages.png", _ages())
    _save("open_body_poses.png", _poses(body))
    _save("open_body_reach.png", _reach(body))
    _save("open_body_close.png", _close(body))


def _vertices(body: BodyModel, pose: np.ndarray | None = None, betas: np.ndarray | None = None) -> np.ndarray:
    body_pose = np.zeros(3 * (len(SMPL_JOINT_NAMES) - 1)) if pose is None else pose
    shape = np.zeros(NUM_BETAS) if betas is None else betas
    still = np.zeros(3)
    return np.asarray(body.vertices(betas=shape, global_orient=still, body_pose=body_pose, transl=still))


def _body_pose(name: str) -> np.ndarray:
    angles = dict(POSES[name])
    if name not in ONE_SIDED:
        angles = {mirrored_name(joint): (x, -y, -z) for joint, (x, y, z) in angles.items()} | angles
    pose = np.zeros((len(SMPL_JOINT_NAMES), 3))
    for joint, degrees in angles.items():
        pose[SMPL_JOINT_NAMES.index(joint)] = np.deg2rad(degrees)
    return pose[1:].ravel()


def _t_pose(body: BodyModel) -> np.ndarray:
    views = render_views(_vertices(body), np.asarray(body.faces), (0, 45, 90, 180), (360, 360), height=1.85)
    return contact_sheet(views, 4)


def _betas(body: BodyModel) -> np.ndarray:
    pictures, labels = [], []
    for beta in range(NUM_BETAS):
        for size in (-2.0, 2.0):
            vertices = _vertices(body, _body_pose("standing"), size * np.eye(NUM_BETAS)[beta])
            for yaw in (0, 70):
                pictures += render_views(
                    vertices, np.asarray(body.faces), (yaw,), (130, 250), height=2.3, center=np.array([0.0, -0.06, 0.0])
                )
                labels.append(f"beta {beta + 1} {'+' if size > 0 else '-'}2" if yaw == 0 else "")
    return contact_sheet(pictures, 8, labels=labels)


def _genders() -> np.ndarray:
    """A row for each gender: the mean shape, then each of the first four betas at -2 and +2."""
    shapes = {"mean": np.zeros(NUM_BETAS)}
    for beta, sign in ((beta, sign) for beta in range(4) for sign in (-1, 1)):
        shapes[f"beta {beta + 1} {sign * 2:+}"] = 2.0 * sign * np.eye(NUM_BETAS)[beta]
    pictures, labels = [], []
    for gender in ("female", "male"):
        body = load_open_body(NUM_BETAS, OPEN_BODY_PATHS[gender])
        for name, betas in shapes.items():
            vertices = _vertices(body, _body_pose("standing"), betas)
            pictures += render_views(
                vertices, np.asarray(body.faces), (25,), (130, 250), height=2.3, center=np.array([0.0, -0.06, 0.0])
            )
            labels.append(f"{gender}, {name}" if name == "mean" else name)
    return contact_sheet(pictures, len(shapes), labels=labels)


def _ages() -> np.ndarray:
    """The mean shape of several ages, all to the same scale."""
    body, ages = load_open_body(NUM_BETAS, OPEN_BODY_PATHS["all_ages"]), (2, 4, 6, 8, 10, 12, 14, 18, 40, 90)
    pictures = []
    for years in ages:
        vertices = _vertices(body, _body_pose("standing"), betas_at_age(years))
        middle = np.array([0.0, vertices[:, 1].min() + 0.92, 0.0])
        pictures += render_views(vertices, np.asarray(body.faces), (25,), (120, 230), height=1.9, center=middle)
    return contact_sheet(pictures, len(ages), labels=[f"{years} years" for years in ages])


def _poses(body: BodyModel) -> np.ndarray:
    pictures, labels = [], []
    for name in POSES:
        vertices = _vertices(body, _body_pose(name))
        pictures += render_views(vertices, np.asarray(body.faces), (25, -70), (200, 240), height=2.25)
        labels += [name, ""]
    return contact_sheet(pictures, 8, labels=labels)


def _reach(body: BodyModel) -> np.ndarray:
    arrays = {"v_template": np.asarray(body.v_template), "shapedirs": np.asarray(body.shapedirs)}
    arrays["faces"] = np.asarray(body.faces)
    pictures, labels = [], []
    for sign in (-1, 1):
        betas = extreme_betas(arrays, 2.5, sign)
        index = body_mass_index(_vertices(body, betas=betas), arrays["faces"])
        for name in ("standing", "sitting"):
            vertices = _vertices(body, _body_pose(name), betas)
            pictures += render_views(vertices, arrays["faces"], (20, -60), (220, 330), height=1.95)
            labels += [f"BMI {index:.0f}", ""]
    return contact_sheet(pictures, 8, labels=labels)


def _close(body: BodyModel) -> np.ndarray:
    rest, faces = _vertices(body), np.asarray(body.faces)
    joints = dict(zip(SMPL_JOINT_NAMES, np.asarray(body.J_regressor @ body.v_template), strict=True))
    from_above = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
    squat, elbows = _vertices(body, _body_pose("squat")), _vertices(body, _body_pose("elbows 120"))
    size = (300, 300)
    views = render_views(rest, faces, (0, 60), size, height=0.34, center=joints["head"] + [0, 0.06, 0])
    views += render_views(rest @ from_above.T, faces, (0,), size, height=0.26, center=from_above @ joints["left_hand"])
    views += render_views(rest, faces, (-60,), size, height=0.32, center=joints["left_foot"] + [0, 0.06, -0.04])
    views += render_views(
        elbows @ from_above.T, faces, (0,), size, height=0.4, center=from_above @ joints["left_elbow"]
    )
    views += render_views(
        squat, faces, (0, -80), size, height=0.75, center=joints["left_hip"] * [0.5, 1, 1] + [0, 0, 0.1]
    )
    views += render_views(rest, faces, (150,), size, height=0.6, center=joints["left_shoulder"])
    return contact_sheet(views, 4)


def _save(name: str, picture: np.ndarray) -> None:
    FOLDER.mkdir(exist_ok=True)
    Image.fromarray(picture).quantize(NUM_COLORS).save(FOLDER / name, optimize=True)


if __name__ == "__main__":
    main()
