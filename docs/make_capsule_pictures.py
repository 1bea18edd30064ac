"""Draw the pictures of docs/capsules.md from the shipped body: `python docs/make_capsule_pictures.py`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.spatial.transform import Rotation

from smplify_jax import PROFILES, BodyModel, BodyParameters, FitResult, fit, load_body, penetration_depth
from smplify_jax.body.capsules import PARTS
from smplify_jax.body.part_pairs import PAPER_PAIRS
from smplify_jax.body.posed_capsules import posed_capsules
from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES
from smplify_jax.learn.capsules.surfaces import part_of_vertices
from smplify_jax.pictures.canvas import Canvas
from smplify_jax.pictures.palette import BODY_COLOR
from smplify_jax.pictures.raycast import Shape, render_shapes
from smplify_jax.pictures.studio import Studio, clothes, render_in_studio
from smplify_jax.pictures.views import contact_sheet
from smplify_jax.result.overlay import draw_fit
from smplify_jax.viewer.capsule_mesh import capsule_mesh

FOLDER = Path(__file__).parent / "pictures"
NUM_COLORS = 240
"""Shaded skin needs few; a picture is then a third as large."""

_TRUNK, _LIMB, _NEXT_LIMB, _END = (206, 122, 92), (92, 140, 196), (120, 178, 126), (222, 178, 88)
_COLOR_OF_KIND = {
    **dict.fromkeys(("pelvis", "spine2", "neck"), _TRUNK),
    **dict.fromkeys(("spine1", "spine3", "shoulder"), (170, 92, 110)),
    **dict.fromkeys(("thigh", "upper_arm"), _LIMB),
    **dict.fromkeys(("calf", "forearm"), _NEXT_LIMB),
    **dict.fromkeys(("foot", "hand", "head"), _END),
}
SKIN_OPACITY = 0.42

STUDIO_SIZE, STUDIO_FOCAL = (420, 620), 900.0
DEPTH = 3.0  # [m] from the camera to the pelvis
LAST_WEIGHT = 3000.0
NOISE_SEED = 40
ABOVE_SIZE = (420, 420)


def main() -> None:
    """Draw and write every picture."""
    body = load_body()
    _save("capsules.png", _capsules(body))
    _save("interpenetration.png", _pulled_out(body))


def capsule_shapes(body: BodyModel, parameters: BodyParameters) -> list[Shape]:
    """The body's capsules as meshes, each on its joint."""
    ends, radii = (np.asarray(one) for one in posed_capsules(body, **vars(parameters)))
    return [
        Shape(*capsule_mesh(ends[part : part + 1], radii[part : part + 1]), _COLOR_OF_KIND[_kind(name)])
        for part, name in enumerate(PARTS)
    ]


def _kind(part: str) -> str:
    return part.removeprefix("left_").removeprefix("right_")


def _capsules(body: BodyModel) -> np.ndarray:
    """Slight, mean and heavy bodies with their capsules seen through the skin; from the front and from the side."""
    arms = np.zeros((23, 3), np.float32)
    arms[SMPL_JOINT_NAMES.index("left_shoulder") - 1, 2] = -0.9
    arms[SMPL_JOINT_NAMES.index("right_shoulder") - 1, 2] = 0.9
    cells = []
    for beta, yaw, size in ((-2.0, 0, 310), (0.0, 0, 310), (0.0, 90, 140), (2.0, 0, 320), (2.0, 90, 140)):
        betas = np.zeros(10, np.float32)
        betas[3] = beta
        turned = Rotation.from_euler("x", 180, degrees=True) * Rotation.from_euler("y", yaw, degrees=True)
        person = BodyParameters(
            turned.as_rotvec().astype(np.float32), arms.ravel(), betas, np.array([0, -0.13, 8.0], np.float32)
        )
        cells.append(_seen_through(body, person, (size, 500)))
    return np.concatenate(cells, axis=1)


def _seen_through(body: BodyModel, person: BodyParameters, size: tuple[int, int]) -> np.ndarray:
    focal, center = np.full(2, 2100.0), np.array(size) / 2
    skin = Shape(np.asarray(body.vertices(**vars(person))), np.asarray(body.faces), BODY_COLOR)
    canvas = Canvas(size, np.full((size[1], size[0], 3), 255, np.uint8))
    canvas.lay_over(render_shapes(capsule_shapes(body, person), focal, center, size, 3))
    canvas.lay_over(render_shapes([skin], focal, center, size, 3), SKIN_OPACITY)
    return canvas.to_image()


def _pulled_out(body: BodyModel) -> np.ndarray:
    """A person with an arm before the belly; the fit without the term and with it, over the picture and from above."""
    person = _person()
    vertices = np.asarray(body.vertices(**vars(person)))
    studio = Studio(STUDIO_SIZE, STUDIO_FOCAL, np.array([0.0, -1.0, 0.0]), -float(vertices[:, 1].max()))
    photo = render_in_studio(Shape(vertices, np.asarray(body.faces), clothes(body)), studio)
    keypoints = _detections(body, person, NOISE_SEED)
    cells, labels = [photo], ["the person"]
    for weight, label in ((0.0, "without the term"), (LAST_WEIGHT, "with it")):
        result = fit_with_last_round(keypoints, weight)
        depth = float(penetration_depth(body, betas=result.betas, body_pose=result.body_pose, pairs=PAPER_PAIRS))
        cells += [draw_fit(result, keypoints, photo), _from_above(body, result)]
        labels += [label, f"{label}, from above: {1000 * depth:.0f} mm deep"]
    return contact_sheet(cells, columns=len(cells), labels=labels, gap=4)


def _person() -> BodyParameters:
    """Half turned, one forearm held before the belly."""
    pose = np.zeros((23, 3), np.float32)
    left = Rotation.from_euler("ZX", (-70, 35), degrees=True).as_rotvec()
    right = Rotation.from_euler("Z", 70, degrees=True).as_rotvec()
    turns = {
        "left_shoulder": left,
        "left_elbow": (0, np.radians(-100), 0),
        "right_shoulder": right,
        "right_elbow": (0, np.radians(20), 0),
    }
    for joint, turn in turns.items():
        pose[SMPL_JOINT_NAMES.index(joint) - 1] = turn
    orient = Rotation.from_euler("x", 172, degrees=True) * Rotation.from_euler("y", 60, degrees=True)
    blocks = (orient.as_rotvec(), pose.ravel(), np.zeros(10), (0.0, -0.05, DEPTH))
    return BodyParameters(*(np.asarray(block, np.float32) for block in blocks))


def _detections(body: BodyModel, person: BodyParameters, seed: int) -> np.ndarray:
    """(17, 3) COCO keypoints with noise of two percent of the person's height."""
    points = np.asarray(body.keypoints(**vars(person), layout="coco17"), np.float64)
    pixels = STUDIO_FOCAL * points[:, :2] / points[:, 2:] + np.array(STUDIO_SIZE) / 2
    pixels += np.random.default_rng(seed).normal(0, 0.02 * 1.7 * STUDIO_FOCAL / DEPTH, pixels.shape)
    return np.column_stack([pixels, np.ones(len(pixels))]).astype(np.float32)


def fit_with_last_round(keypoints: np.ndarray, weight: float) -> FitResult:
    """The default profile with one more round, which has the term."""
    default = PROFILES["default"]
    last = replace(default.refine[-1], weights=replace(default.refine[-1].weights, interpenetration=weight))
    profile = replace(default, refine=(*default.refine, last))
    return fit(keypoints, layout="coco17", image_size=STUDIO_SIZE, camera=STUDIO_FOCAL, profile=profile)


def _from_above(body: BodyModel, result: FitResult) -> np.ndarray:
    """Trunk and arms seen from above the head, facing down the page; the arm in its own colour."""
    still = np.zeros(3, np.float32)
    vertices = np.asarray(
        body.vertices(betas=result.betas, global_orient=still, body_pose=result.body_pose, transl=still)
    )
    part = part_of_vertices(body)
    is_arm = np.isin(part, [PARTS.index("left_forearm"), PARTS.index("left_hand")])
    is_cut_off = np.isin(part, [PARTS.index(name) for name in ("head", "neck")])
    faces = np.asarray(body.faces)
    faces = faces[~is_cut_off[faces].any(axis=1)]
    # The body's x to the right, its front down the page, its top towards the camera.
    seen = vertices @ np.array([[1.0, 0, 0], [0, 0, 1.0], [0, -1.0, 0]]).T + (0.0, 0.0, 3.0)
    size, focal = ABOVE_SIZE, np.full(2, 1400.0)
    canvas = Canvas(size, np.full((size[1], size[0], 3), 255, np.uint8))
    shapes = {False: BODY_COLOR, True: (222, 140, 70)}
    for is_wanted, color in shapes.items():
        kept = faces[is_arm[faces].all(axis=1) == is_wanted]
        picture = render_shapes([Shape(seen, kept, color)], focal, np.array(size) / 2, size, 3)
        canvas.lay_over(picture, 0.75 if is_wanted else 1.0)
    return canvas.to_image()


def _save(name: str, picture: np.ndarray) -> None:
    image = Image.fromarray(picture[..., :3]).quantize(NUM_COLORS, dither=Image.Dither.NONE)
    image.save(FOLDER / name, optimize=True)


if __name__ == "__main__":
    main()
